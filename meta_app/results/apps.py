"""Registers the app and what the sidebar shows of it."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "meta_app.results"

    def ready(self) -> None:
        from meta_app.projects.stages import register_waiting
        from meta_app.results.selectors import results_waiting

        register_waiting("results", results_waiting)
