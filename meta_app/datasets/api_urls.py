"""JSON API."""

from django.urls import path

app_name = "api_datasets"
urlpatterns: list[path] = []
