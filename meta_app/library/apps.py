"""Registers the app."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "meta_app.library"
