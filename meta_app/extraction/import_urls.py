"""Imports of studies and of peaks; included by `extraction.urls`."""

from django.urls import path

from meta_app.extraction import import_views as views

import_urlpatterns = [
    path("extraction/import/", views.studies_import, name="studies_import"),
    path("extraction/import/confirm/", views.studies_confirm, name="studies_confirm"),
    path("extraction/datasets/<int:dataset_id>/import/", views.peaks_import, name="peaks_import"),
    path("extraction/datasets/<int:dataset_id>/import/confirm/", views.peaks_confirm, name="peaks_confirm"),
]
