"""The demo analysis from the agreed dataset to maps, through the services a person uses: `manage.py run_demo`.

It asks; a worker process must be running to answer. Each call asks with a seed that has not been answered yet.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meta_app.accounts.models import User
from meta_app.analyses.domain import STANDARD_PERMUTATIONS, Filters, Model
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import run_folder, time_taken
from meta_app.analyses.services import run_cancel, run_launch
from meta_app.common.exceptions import UserError
from meta_app.common.words import counted
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.projects.models import Project
from meta_app.projects.permissions import FREEZE, Place, enter_project
from meta_app.results.domain import ClusterRow, units_text
from meta_app.results.selectors import read_result

DEMO_KEY = "pain21"
DEMO_OWNER = "demo-owner"
DEMO_PERMUTATIONS = 64
"""Two blocks: enough to show every page of a permutation test, too few for a paper."""
LOOK_EVERY_SECONDS = 0.25


class Command(BaseCommand):
    help = "Freeze the demo project's agreed dataset, have a worker analyse it, and print what came out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--imputations", type=int, default=Model().imputations)
        parser.add_argument("--permutations", type=int, default=DEMO_PERMUTATIONS, help="0 for none")
        parser.add_argument("--wait", type=float, default=1800, metavar="SECONDS", help="give up after so long")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            model = Model(imputations=options["imputations"], permutations=options["permutations"])
            run = self._ask(demo_place(), model)
            for line in progress_lines(run, options["wait"]):
                self.stdout.write(line)
        except UserError as error:
            raise CommandError("\n".join([error.message, *map(str, error.details.get("problems", []))])) from error
        if run.status != Run.Status.DONE:
            raise CommandError(f"The analysis ended as {run.get_status_display().lower()}. {run.error}".strip())
        self._report(run)

    def _ask(self, place: Place, model: Model) -> Run:
        agreed, is_new = agreed_dataset_freeze(place=place)
        state = "frozen now" if is_new else "unchanged since it was frozen"
        self.stdout.write(f"{place.project.name}: agreed dataset version {agreed.version}, {state}")
        self.stdout.write(f"  {units_text(agreed.counts)}; sha256 {agreed.sha256}")
        run = run_launch(
            user=place.membership.user,
            agreed_dataset=agreed,
            filters=Filters(the_comparison(agreed)),
            model=model,
            seed=free_seed(agreed),
            name="Demo analysis",
        ).run
        few = " (a demonstration: a paper takes 1,000 or more)" if model.permutations < STANDARD_PERMUTATIONS else ""
        self.stdout.write(f"Run {run.pk}: {model.imputations} imputations, seed {run.seed}")
        self.stdout.write(f"  permutations: {model.test_in_words}{few}")
        return run

    def _report(self, run: Run) -> None:
        self.stdout.write(f"Done in {time_taken(run)}. Files:")
        for artefact in run.artefacts.all():
            self.stdout.write(f"  {run_folder(run) / artefact.name}  ({artefact.size_bytes:,} bytes)")
        for table in read_result(run).tables:
            self.stdout.write(f"{table.correction.title}: {counted(len(table.clusters), 'cluster')}")
            self.stdout.write(f"  at {table.thresholds}")
            for line in cluster_lines(table.clusters) if table.clusters else ():
                self.stdout.write(line)


def demo_place() -> Place:
    """The demo project, entered by its owner with the right to freeze."""
    project = Project.objects.filter(demo_key=DEMO_KEY).first()
    owner = User.objects.filter(username=DEMO_OWNER).first()
    if project is None or owner is None:
        raise UserError("The demo project is not here: load it with manage.py load_demo.")
    return enter_project(owner, project.pk, FREEZE)


def the_comparison(agreed: AgreedDataset) -> str:
    """The comparison of most datasets; the demo has one alone."""
    comparisons = [row.comparison for row in agreed.snapshot.datasets]
    return max(sorted(set(comparisons)), key=comparisons.count)


def free_seed(agreed: AgreedDataset) -> int:
    """The first seed whose run is not over: a run that a stopped start left behind is joined, not doubled."""
    over = [Run.Status.DONE, Run.Status.FAILED, Run.Status.CANCELLED]
    used = set(Run.objects.filter(agreed_dataset=agreed, status__in=over).values_list("seed", flat=True))
    return next(seed for seed in count(1) if seed not in used)


def progress_lines(run: Run, wait_seconds: float) -> Iterator[str]:
    """A line for each stage and each tenth of the work, until the run is over.

    Raises
    ------
    UserError
        If it is not over in time; the run is cancelled then.
    """
    deadline = time.monotonic() + wait_seconds
    told: tuple[str, int] | None = None
    while run.is_live:
        if time.monotonic() > deadline:
            run_cancel(run=run, user=run.launched_by)
            raise UserError(f"The analysis was not over after {wait_seconds:g} s and was cancelled. Is a worker there?")
        seen = (run.stage or run.get_status_display(), run.percent // 10)
        if seen != told:
            told = seen
            yield f"  {run.percent:3d} %  {seen[0]}"
        time.sleep(LOOK_EVERY_SECONDS)
        run.refresh_from_db()


def cluster_lines(clusters: Sequence[ClusterRow]) -> Iterator[str]:
    """The cluster table as text: direction, extent, peak in MNI mm, SDM-Z, p and label."""
    yield f"{'no':>4}  {'direction':<9}  {'voxels':>7}  {'peak MNI mm':>15}  {'SDM-Z':>7}  {'p':>9}  label"
    for row in clusters:
        peak = f"{row.x}, {row.y}, {row.z}"
        yield (
            f"{row.number:>4}  {row.direction:<9}  {row.voxels:>7,}  {peak:>15}  {row.sdm_z:>7.3f}  {row.p:>9.2g}  "
            f"{row.label}"
        )
