"""Registers the app and what waits at its stage."""

from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "meta_app.quality"

    def ready(self) -> None:
        from meta_app.projects.stages import register_waiting
        from meta_app.quality.selectors import waiting_scores

        register_waiting("quality", waiting_scores)
