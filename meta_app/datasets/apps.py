"""Registers the app and what waits at its stage."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "meta_app.datasets"

    def ready(self) -> None:
        from meta_app.datasets.selectors import waiting_to_freeze
        from meta_app.projects.stages import register_waiting

        register_waiting("dataset", waiting_to_freeze)
