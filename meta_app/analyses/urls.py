"""Pages."""

from django.urls import path

app_name = "analyses"
urlpatterns: list[path] = []
