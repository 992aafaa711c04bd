"""Where two extractions of a study differ, and what was decided about each difference.

Study > Comparison > Difference > Letter (the correspondence with the authors)

A and B are never touched. When no difference is open the consensus, an extraction like the others, is made from A, B
and the decisions.
"""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel, VersionedModel
from meta_app.extraction.models import Study


class Comparison(VersionedModel):
    """The comparison of one revision of A with one of B; reopening either makes it give way to the next."""

    class State(models.TextChoices):
        OPEN = "open", "Differences to settle"
        AGREED = "agreed", "Agreed"
        SUPERSEDED = "superseded", "One of the two was reopened"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="comparisons")
    number = models.PositiveIntegerField(help_text="1, 2, ... for the study.")
    revision_a = models.PositiveIntegerField()
    revision_b = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    b_is_left = models.BooleanField(help_text="Drawn at random, so that the place on the page tells nothing.")
    equal_values = models.PositiveIntegerField(default=0, help_text="Values, rows and peaks that agreed by themselves.")
    value_agreement = models.JSONField(default=dict, help_text="By section of the form: how many equal, of how many.")
    peak_agreement = models.JSONField(
        default=dict, help_text="By path of the dataset: `agreement.domain.PeakAgreement`, and the slip of the table."
    )
    pairs = models.JSONField(default=dict, help_text="Which rows of A and B are the same: shape of `trees.Compared`.")
    agreed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["study", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="comparisons_are_numbered"),
            models.UniqueConstraint(
                fields=["study"], condition=~models.Q(state="superseded"), name="one_current_comparison_per_study"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, comparison {self.number}"


class Difference(VersionedModel):
    """One thing that A and B say differently: a value, a row that only one has, or a peak.

    Or one that they have equal and that who settles doubts: both may have copied the same misprint, or overlooked the
    same row.
    """

    class Kind(models.TextChoices):
        VALUE = "value", "A value"
        ROW = "row", "A row that only one has"
        PEAK = "peak", "A peak"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ASKED = "asked", "The authors are asked"
        SETTLED = "settled", "Settled"

    class Choice(models.TextChoices):
        A = "A", "As reviewer A"
        B = "B", "As reviewer B"
        EQUAL = "equal", "As both have it"
        BOTH = "both", "Both rows"
        NEITHER = "neither", "Neither row"
        OTHER = "other", "Another value"

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="differences")
    path = models.CharField(max_length=400, help_text="Names the place in both trees, for example dataset:1/fwhm_mm.")
    section = models.CharField(max_length=200, help_text="In words, for example: Dataset PHN > controls, ALFF.")
    label = models.CharField(max_length=200, help_text="In words, for example: Smoothing FWHM (mm).")
    kind = models.CharField(max_length=10, choices=Kind)
    a = models.JSONField(null=True, help_text="What A has: value, source (quote, page).")
    b = models.JSONField(null=True, help_text="What B has.")
    of_equal = models.BooleanField(default=False, help_text="A and B say the same, and who settles doubts it.")
    slip = models.CharField(max_length=300, blank=True, help_text="The probable slip, in words.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    choice = models.CharField(max_length=10, choices=Choice, blank=True)
    value = models.JSONField(null=True, help_text="The value, when it is another one.")
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    position = models.PositiveIntegerField(help_text="Its place in the queue.")

    class Meta:
        ordering = ["comparison", "position"]
        constraints = [models.UniqueConstraint(fields=["comparison", "path"], name="a_place_differs_once")]

    def __str__(self) -> str:
        return f"{self.section}, {self.label}"

    @property
    def missed(self) -> bool:
        """Whether it is a peak that both overlooked: that both have nothing is doubted by who settles and added it."""
        return self.kind == self.Kind.PEAK and self.a is None and self.b is None


class Letter(TimestampedModel):
    """A question to the authors of a paper, or their answer."""

    class Direction(models.TextChoices):
        ASKED = "asked", "We asked"
        ANSWERED = "answered", "They answered"
        NO_ANSWER = "no_answer", "No answer came"

    difference = models.ForeignKey(Difference, on_delete=models.CASCADE, related_name="letters")
    direction = models.CharField(max_length=10, choices=Direction)
    on = models.DateField(help_text="When it was sent or came.")
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["difference", "on", "pk"]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} on {self.on}"
