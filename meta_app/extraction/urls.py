"""Pages."""

from django.urls import path

from meta_app.extraction import edit_views, views
from meta_app.extraction.editor_urls import editor_urlpatterns
from meta_app.extraction.grid_urls import grid_urlpatterns
from meta_app.extraction.import_urls import import_urlpatterns
from meta_app.extraction.list_urls import list_urlpatterns
from meta_app.extraction.overlap_urls import overlap_urlpatterns

app_name = "extraction"
urlpatterns = [
    path("extraction/new/", edit_views.study_new, name="study_new"),
    path("extraction/<int:study_id>/", views.study, name="study"),
    path("extraction/<int:study_id>/start/", views.start, name="start"),
    path("extraction/<int:study_id>/complete/", views.complete, name="complete"),
    path("extraction/<int:study_id>/reopen/", views.reopen, name="reopen"),
    path("extraction/<int:study_id>/edit/", edit_views.study_edit, name="study_edit"),
    path("extraction/<int:study_id>/delete/", edit_views.study_delete, name="study_delete"),
    path("extraction/<int:study_id>/reports/new/", edit_views.report, name="report_new"),
    path("extraction/<int:study_id>/reports/<int:report_id>/", edit_views.report, name="report"),
    *editor_urlpatterns,
    *grid_urlpatterns,
    *import_urlpatterns,
    *list_urlpatterns,
    *overlap_urlpatterns,
]
