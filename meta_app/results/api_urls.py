"""JSON API."""

from django.urls import path

app_name = "api_results"
urlpatterns: list[path] = []
