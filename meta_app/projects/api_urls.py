"""JSON API."""

from django.urls import path

app_name = "api_projects"
urlpatterns: list[path] = []
