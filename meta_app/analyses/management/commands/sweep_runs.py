"""Watches over the ledger: what a killed worker or a lost message left behind is sent again. Removes nothing."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from meta_app.analyses.services import runs_resend

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Resends runs whose message may be lost and running runs whose worker went silent, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS")
        parser.add_argument("--once", action="store_true", help="sweep once and exit")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            while True:
                self._sweep()
                if options["once"]:
                    return
                time.sleep(options["every"])
        except KeyboardInterrupt:
            return

    def _sweep(self) -> None:
        try:
            sent = runs_resend()
        except OperationalError:
            logger.warning("The database is busy; sweeping again soon", exc_info=True)
            connection.close()
            return
        if sent:
            self.stdout.write(f"Sent {sent} {'run' if sent == 1 else 'runs'} again.")
