"""Registers the app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "meta_app.audit"
