"""JSON API."""

from django.urls import path

from meta_app.analyses import api

app_name = "api_analyses"
urlpatterns = [
    path("runs/", api.RunList.as_view(), name="runs"),
    path("runs/<int:run_id>/", api.RunDetail.as_view(), name="run"),
    path("runs/<int:run_id>/cancel/", api.RunCancel.as_view(), name="run_cancel"),
    path("runs/<int:run_id>/retry/", api.RunRetry.as_view(), name="run_retry"),
    path("runs/<int:run_id>/extend/", api.RunExtend.as_view(), name="run_extend"),
]
