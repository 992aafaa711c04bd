"""Registers the app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "meta_app.projects"
