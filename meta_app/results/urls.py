"""Pages and files."""

from django.urls import path

from meta_app.results import views

app_name = "results"
urlpatterns = [
    path("results/", views.results, name="results"),
    path("results/<int:run_id>/", views.result, name="result"),
    path("results/<int:run_id>/preview/", views.preview, name="preview"),
    path("results/<int:run_id>/slices.png", views.slices, name="slices"),
    path("results/<int:run_id>/tables.xlsx", views.workbook, name="workbook"),
    path("results/<int:run_id>/everything.zip", views.bundle, name="bundle"),
    path("results/<int:run_id>/files/<path:name>", views.artefact, name="artefact"),
]
