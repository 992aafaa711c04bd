"""Computes the chain of audit entries again and names the first entry that does not fit."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from meta_app.audit.selectors import chain_fault, locked_chain_end, project_ids


class Command(BaseCommand):
    help = "Checks that no audit entry was changed, removed or added outside Concord; fails if one was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", type=int, metavar="NUMBER", help="only this project; all by default")

    def handle(self, *_: Any, project: int | None = None, **__: Any) -> None:
        numbers = project_ids() if project is None else [project]
        broken = [str(number) for number in numbers if not self._holds(number)]
        if broken:
            raise CommandError(f"The audit trail is broken in project {', '.join(broken)}.")

    @transaction.atomic
    def _holds(self, project_id: int) -> bool:
        end = locked_chain_end(project_id)
        fault = chain_fault(end)
        entries = f"{end.length} {'entry' if end.length == 1 else 'entries'}"
        self.stdout.write(f"Project {project_id}: {fault or f'{entries}, all fit. Head {end.head}'}")
        return not fault
