"""Loads the demo projects once: `manage.py load_demo`."""

from typing import Any

from django.core.management.base import BaseCommand

from meta_app.datasets.demo_services import accounts_file, demo_load


class Command(BaseCommand):
    help = "Make the demo accounts and projects that are not there yet. A second run changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for name in demo_load():
            self.stdout.write(f"Loaded the demo project “{name}”.")
        if accounts_file().exists():
            self.stdout.write(f"The demo accounts are in {accounts_file()}, readable by you only.")
