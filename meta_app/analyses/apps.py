"""Registers the app."""

from django.apps import AppConfig


class AnalysesConfig(AppConfig):
    name = "meta_app.analyses"
