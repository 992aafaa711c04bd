"""JSON API."""

from django.urls import path

app_name = "api_analyses"
urlpatterns: list[path] = []
