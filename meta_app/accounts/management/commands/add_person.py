"""Adds an account: `manage.py add_person USERNAME [--full-name NAME]` prints a first password, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meta_app.accounts.services import person_add
from meta_app.common.exceptions import UserError


class Command(BaseCommand):
    help = "Add a person who can sign in, and print a first password. Owners then add the person to their projects."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--full-name", default="", help="How others in a project see the person.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            user, password = person_add(username=options["username"], full_name=options["full_name"])
        except UserError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"user name: {user.username}\nfirst password: {password}")
        self.stdout.write("It is shown only here. The person changes it under “Change password” after signing in.")
