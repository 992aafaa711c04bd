"""Registers the app."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "meta_app.common"
