"""JSON API."""

from django.urls import path

from meta_app.results.api import ArtefactFile, ArtefactList, Clusters

app_name = "api_results"
urlpatterns = [
    path("results/<int:run_id>/artefacts/", ArtefactList.as_view(), name="artefacts"),
    path("results/<int:run_id>/artefacts/<path:name>", ArtefactFile.as_view(), name="artefact"),
    path("results/<int:run_id>/clusters/", Clusters.as_view(), name="clusters"),
]
