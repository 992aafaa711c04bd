"""Registers the app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "meta_app.projects"

    def ready(self) -> None:
        from meta_app.projects.selectors import protocol_waiting
        from meta_app.projects.stages import register_waiting

        register_waiting("protocol", protocol_waiting)
