"""Pages, and the files of reports."""

from django.urls import path

from meta_app.library import file_views, views

app_name = "library"
urlpatterns = [
    path("records/", views.records, name="records"),
    path("reports/<int:report_id>/", file_views.report, name="report"),
    path("files/<int:file_id>/", file_views.report_file, name="file"),
]
