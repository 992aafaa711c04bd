"""JSON API."""

from django.urls import path

from meta_app.datasets.api import AgreedDatasetsView, AgreedDatasetView

app_name = "api_datasets"
urlpatterns = [
    path("datasets/", AgreedDatasetsView.as_view(), name="datasets"),
    path("datasets/<int:version>/", AgreedDatasetView.as_view(), name="dataset"),
]
