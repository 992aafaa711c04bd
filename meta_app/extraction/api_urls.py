"""JSON API."""

from django.urls import path

app_name = "api_extraction"
urlpatterns: list[path] = []
