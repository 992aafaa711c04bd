"""Overlapping samples; included by `extraction.urls`."""

from django.urls import path

from meta_app.extraction import overlap_views

overlap_urlpatterns = [
    path("extraction/overlaps/", overlap_views.overlaps, name="overlaps"),
    path("extraction/overlaps/<int:first_id>/<int:second_id>/", overlap_views.overlap, name="overlap"),
]
