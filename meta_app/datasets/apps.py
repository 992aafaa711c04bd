"""Registers the app."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "meta_app.datasets"
