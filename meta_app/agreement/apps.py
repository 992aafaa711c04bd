"""Registers the app."""

from django.apps import AppConfig


class AgreementConfig(AppConfig):
    name = "meta_app.agreement"
