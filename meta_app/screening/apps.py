"""Registers the app."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "meta_app.screening"
