"""Registers the app, what waits at its stage, and what it does when reviewers lock and reopen."""

from django.apps import AppConfig


class AgreementConfig(AppConfig):
    name = "meta_app.agreement"

    def ready(self) -> None:
        from meta_app.agreement.selectors import waiting_to_settle
        from meta_app.agreement.services import comparison_give_way, comparison_make
        from meta_app.extraction.services import register_when_opened, register_when_reopened
        from meta_app.projects.stages import register_waiting

        register_waiting("agreement", waiting_to_settle)
        register_when_opened(lambda study, actor: comparison_make(study=study, actor=actor))
        register_when_reopened(lambda study, actor: comparison_give_way(study=study, actor=actor))
