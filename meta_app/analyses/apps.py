"""Registers the app."""

from django.apps import AppConfig


class AnalysesConfig(AppConfig):
    name = "meta_app.analyses"

    def ready(self) -> None:
        from meta_app.analyses.selectors import runs_waiting
        from meta_app.projects.stages import register_waiting

        register_waiting("analyses", runs_waiting)
