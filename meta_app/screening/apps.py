"""Registers the app."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "meta_app.screening"

    def ready(self) -> None:
        from meta_app.projects.stages import register_waiting
        from meta_app.screening.selectors import flow_waiting

        register_waiting("prisma", flow_waiting)
