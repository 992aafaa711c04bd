"""Registers the app."""

from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "meta_app.quality"
