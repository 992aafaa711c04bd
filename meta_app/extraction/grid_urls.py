"""The page of a dataset's peaks; included by `extraction.urls`."""

from django.urls import path

from meta_app.extraction import grid_views

grid_urlpatterns = [path("extraction/datasets/<int:dataset_id>/", grid_views.dataset, name="dataset")]
