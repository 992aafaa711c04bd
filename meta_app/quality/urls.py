"""Pages."""

from django.urls import path

from meta_app.quality import activity_views, views

app_name = "quality"
urlpatterns = [
    path("quality/", views.scores, name="scores"),
    path("quality/summary/", views.summary, name="summary"),
    path("quality/scores.<slug:kind>", views.download, name="download"),
    path("quality/checklist/", views.instrument, name="instrument"),
    path("quality/checklist/edit/", views.instrument_edit, name="instrument_edit"),
    path("quality/studies/<int:study_id>/", views.study, name="study"),
    path("quality/studies/<int:study_id>/start/", views.start, name="start"),
    path("quality/studies/<int:study_id>/complete/", views.complete, name="complete"),
    path("quality/studies/<int:study_id>/reopen/", views.reopen, name="reopen"),
    path("quality/studies/<int:study_id>/items/<slug:item>/", views.settle, name="settle"),
    path("activity/", activity_views.activity, name="activity"),
    path("activity/export.<slug:kind>", activity_views.activity_export, name="activity_export"),
]
