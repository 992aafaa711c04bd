"""Registers the app, what waits at its stage, and what becomes of the scores of who leaves."""

from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "meta_app.quality"

    def ready(self) -> None:
        from meta_app.projects.leaving import register_leaving
        from meta_app.projects.stages import register_waiting
        from meta_app.quality.selectors import excluded_in_flow, free_scores, waiting_scores
        from meta_app.quality.services import scores_hold, scores_return
        from meta_app.screening.selectors import register_exclusion

        register_leaving(scores_return, scores_hold)
        register_waiting("quality", waiting_scores, free_scores)
        register_exclusion(excluded_in_flow)
