"""Registers the app and what waits at its stage."""

from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "meta_app.extraction"

    def ready(self) -> None:
        from meta_app.extraction.list_services import places_hold, places_return
        from meta_app.extraction.selectors import free_drafts, waiting_drafts
        from meta_app.projects.leaving import register_leaving
        from meta_app.projects.stages import register_waiting

        register_leaving(places_return, places_hold)
        register_waiting("extraction", waiting_drafts, free_drafts)
