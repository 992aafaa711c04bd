"""Registers the app."""

from django.apps import AppConfig


class ExtractionConfig(AppConfig):
    name = "meta_app.extraction"
