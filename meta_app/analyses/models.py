"""The frozen question, one execution of it, and the files it made.

A run is (agreed dataset hash, specification hash, core version, seed). Its states:
queued -> running (the pooled maps) -> done, or with permutations -> permuting -> running (concluding) -> done;
from each of these also failed or cancelled, and back by a retry. Every change is a conditional UPDATE whose row count
is looked at. A running row has an owner and a lease; one whose lease has run out may be claimed again.

While a run is permuting nobody owns it: its blocks of permutations are rows of their own, each waiting -> running ->
done or failed with an owner and a lease. Whoever stores the last block sends for the conclusion.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from meta_app.common.models import TimestampedModel
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Project


class AnalysisSpecification(TimestampedModel):
    """A frozen question: filters, model, imputations, thresholds. `content` is canonical JSON text."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="specifications")
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["project", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="equal_specifications_are_one")]

    def __str__(self) -> str:
        return f"{self.project}, specification {self.sha256[:8]}"


class Ledger(models.QuerySet["Run"]):
    """The conditional updates; each answers how many rows it changed, 0 meaning someone else was first."""

    def claimable(self, now: datetime) -> "Ledger":
        """Queued, left by a lost worker, or with every block done and ready to be concluded."""
        unfinished = RunBlock.objects.filter(run=OuterRef("pk")).exclude(status=RunBlock.Status.DONE)
        return self.filter(
            Q(status=Run.Status.QUEUED)
            | Q(status=Run.Status.RUNNING, lease_until__lt=now)
            | (Q(status=Run.Status.PERMUTING) & ~Exists(unfinished))
        )

    def cancellable_at_once(self, now: datetime) -> "Ledger":
        """No worker holds these, or only single blocks of them."""
        held = Q(status=Run.Status.RUNNING) & (Q(lease_until=None) | Q(lease_until__gte=now))
        return self.filter(status__in=Run.LIVE).exclude(held)

    def viewable(self) -> "Ledger":
        """Runs with maps to look at."""
        return self.filter(Q(status=Run.Status.DONE) | Q(preview_at__isnull=False))

    def owned(self, run_id: int, owner: str) -> "Ledger":
        return self.filter(pk=run_id, owner=owner, status=Run.Status.RUNNING)

    def claim(self, run_id: int, owner: str, now: datetime, lease: timedelta) -> int:
        return (
            self.claimable(now)
            .filter(pk=run_id, cancel_requested=False, attempts__lt=settings.RUN_MAXIMUM_ATTEMPTS)
            .update(
                status=Run.Status.RUNNING,
                owner=owner,
                lease_until=now + lease,
                attempts=F("attempts") + 1,
                stage="",
                fraction=Case(When(preview_at=None, then=Value(0.0)), default=F("fraction")),
                started_at=Case(When(preview_at=None, then=Value(now)), default=F("started_at")),
                message_sent_at=None,
                messages_sent=0,
                updated_at=now,
            )
        )

    def settle(self, status: str, now: datetime, **fields: Any) -> int:
        """End the chosen runs in `status`; which runs may be ended is the caller's filter."""
        return self.update(status=status, stage="", finished_at=now, lease_until=None, updated_at=now, **fields)


class Run(TimestampedModel):
    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        PERMUTING = "permuting", "Permuting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    LIVE = (Status.QUEUED, Status.RUNNING, Status.PERMUTING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    agreed_dataset = models.ForeignKey(AgreedDataset, on_delete=models.PROTECT, related_name="runs")
    specification = models.ForeignKey(AnalysisSpecification, on_delete=models.PROTECT, related_name="runs")
    core_version = models.CharField(max_length=40)
    seed = models.PositiveBigIntegerField()
    permutations = models.PositiveIntegerField(default=0, help_text="Asked for, as the specification has it.")
    extends = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="extensions",
        help_text="The run whose blocks of permutations this one takes over.",
    )  # fmt: skip
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField(max_length=120, blank=True)
    fraction = models.FloatField(default=0.0)
    cancel_requested = models.BooleanField(default=False)
    owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    message_sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When workers were last told of it; the sweeper tells them again."
    )
    messages_sent = models.PositiveIntegerField(default=0)
    preview_at = models.DateTimeField(null=True, blank=True, help_text="When the pooled maps were stored.")
    permuting_since = models.DateTimeField(null=True, blank=True, help_text="When its blocks were last set free.")
    blocks_total = models.PositiveIntegerField(default=0)
    blocks_key = models.CharField(
        max_length=64, blank=True, help_text="Of the inputs, choices and versions that decide a block's maxima."
    )
    prepared_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the arrays that blocks are computed from, wherever they were made."
    )
    error = models.TextField(blank=True)
    error_details = models.JSONField(default=list)
    launched_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="launched_runs")
    followers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="followed_runs", blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = Ledger.as_manager()

    class Meta:
        ordering = ["project", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreed_dataset", "specification", "core_version", "seed"],
                condition=models.Q(status__in=["queued", "running", "permuting", "done"]),
                name="the_same_question_runs_once",
            )
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="run_sweep")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE

    @property
    def has_preview(self) -> bool:
        return self.preview_at is not None

    @property
    def percent(self) -> int:
        return int(100 * self.fraction)


class BlockLedger(models.QuerySet["RunBlock"]):
    """As `Ledger`, for blocks.

    The run's conditions are a sub-query on its own table: those of the block stay in the UPDATE itself, where
    PostgreSQL looks at them again once it holds the row.
    """

    def claimable(self, now: datetime) -> "BlockLedger":
        permuting = Run.objects.filter(status=Run.Status.PERMUTING, cancel_requested=False)
        free = Q(status=RunBlock.Status.WAITING) | Q(status=RunBlock.Status.RUNNING, lease_until__lt=now)
        return self.filter(free, run_id__in=permuting.values("pk"))

    def owned(self, block_id: int, owner: str) -> "BlockLedger":
        return self.filter(pk=block_id, owner=owner, status=RunBlock.Status.RUNNING)

    def claim(self, block_id: int, owner: str, now: datetime, lease: timedelta) -> int:
        return (
            self.claimable(now)
            .filter(pk=block_id, attempts__lt=settings.RUN_MAXIMUM_ATTEMPTS)
            .update(
                status=RunBlock.Status.RUNNING,
                owner=owner,
                lease_until=now + lease,
                attempts=F("attempts") + 1,
                message_sent_at=None,
                messages_sent=0,
                updated_at=now,
            )
        )

    def unfinished(self, run_id: int) -> "BlockLedger":
        return self.filter(run_id=run_id).exclude(status=RunBlock.Status.DONE)


class RunBlock(TimestampedModel):
    """32 permutations of a run; `maxima` is what they leave, written once."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="blocks")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    message_sent_at = models.DateTimeField(null=True, blank=True)
    messages_sent = models.PositiveIntegerField(default=0)
    maxima = models.BinaryField(null=True, blank=True)
    error = models.TextField(blank=True)

    objects = BlockLedger.as_manager()

    class Meta:
        ordering = ["run", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="a_block_is_one_row")]
        indexes = [models.Index(fields=["status", "lease_until"], name="block_sweep")]

    def __str__(self) -> str:
        return f"{self.run}, block {self.number}"


class RunEvent(models.Model):
    """One line of a run's log, in plain words."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    text = models.CharField(max_length=300)

    class Meta:
        ordering = ["run", "pk"]

    def __str__(self) -> str:
        return self.text


class Artefact(TimestampedModel):
    class Kind(models.TextChoices):
        MAP = "map", "Map"
        TABLE = "table", "Table"
        PROVENANCE = "provenance", "Provenance"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artefacts")
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=80, help_text="Path below the run's folder, for example maps/z.nii.gz.")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=80)

    class Meta:
        ordering = ["run", "name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="artefact_names_are_unique")]

    def __str__(self) -> str:
        return f"{self.run}: {self.name}"
