"""JSON API."""

from django.urls import path

from meta_app.projects import api

app_name = "api_projects"
urlpatterns = [path("", api.ProjectDetailView.as_view(), name="project")]
