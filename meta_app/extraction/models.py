"""What two reviewers read out of a study, each in a tree of their own.

Study > Extraction (reviewer A, reviewer B or the consensus) > Cohort > Group
                                                             > Dataset (a contrast in one metric) > Peak

One schema serves A, B and the consensus. Nothing of an extraction leaves the server for anyone but its author until
every extraction of the study is locked (`selectors.visible_extractions`).
"""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel, VersionedModel
from meta_app.library.models import Report
from meta_app.projects.models import Project


class Extracted(models.Model):
    """What each row of an extraction holds beside its columns.

    `values` are the answers to the fields of the form that have no column of their own, by key. `sources` says where a
    value (of a column or of the form) stands in the paper: by key, quote, page, file, and, when it was converted, what
    was reported and by which formula. `origins` says in a consensus where each value came from: by key, "A", "B",
    "equal" or "other" with the reason.
    """

    values = models.JSONField(default=dict, blank=True)
    sources = models.JSONField(default=dict, blank=True)
    origins = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True


class ExtractionForm(TimestampedModel):
    """A versioned form; built-in ones belong to no project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="forms")
    name = models.SlugField()
    version = models.PositiveIntegerField()
    fields = models.JSONField(default=list, help_text="Shape of `extraction.form_domain.FormField`.")
    change_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name", "version"], name="form_versions_are_unique"),
            models.UniqueConstraint(
                fields=["name", "version"], condition=models.Q(project=None), name="built_in_forms_are_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Study(TimestampedModel):
    """One piece of research, told in one or more reports."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="studies")
    label = models.CharField(max_length=120, help_text="First author and year, for example Cao 2017a.")
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    reports = models.ManyToManyField(Report, related_name="studies", blank=True)
    extractors_needed = models.PositiveSmallIntegerField(
        default=1, help_text="How many locked extractions make the study visible to others and ready to agree."
    )
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["label", "pk"]
        verbose_name_plural = "studies"
        constraints = [models.UniqueConstraint(fields=["project", "label"], name="study_labels_are_unique")]

    def __str__(self) -> str:
        return self.label


class Assignment(TimestampedModel):
    """Who shall extract and score a study, as A or as B."""

    class Position(models.TextChoices):
        A = "A", "Reviewer A"
        B = "B", "Reviewer B"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="assignments")
    position = models.CharField(max_length=10, choices=Position)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="one_assignment_per_position"),
            models.UniqueConstraint(fields=["study", "reviewer"], name="one_assignment_per_reviewer"),
        ]

    def __str__(self) -> str:
        return f"{self.study}, {self.get_position_display()}: {self.reviewer}"


class Extraction(Extracted, VersionedModel):
    class Position(models.TextChoices):
        A = "A", "Reviewer A"
        B = "B", "Reviewer B"
        CONSENSUS = "consensus", "Consensus"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        COMPLETE = "complete", "Complete"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="extractions")
    position = models.CharField(max_length=10, choices=Position)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="extractions")
    form = models.ForeignKey(ExtractionForm, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    revision = models.PositiveIntegerField(default=1, help_text="Grows each time a locked extraction is reopened.")
    completed_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="one_extraction_per_position"),
            models.UniqueConstraint(
                fields=["study", "author"],
                condition=~models.Q(position="consensus"),
                name="one_extraction_per_reviewer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, {self.get_position_display()}"


class ExtractionEvent(models.Model):
    """What happened to an extraction, append-only: who, when, what, why."""

    class Kind(models.TextChoices):
        STARTED = "started", "started"
        COMPLETED = "completed", "completed"
        REOPENED = "reopened", "reopened"
        FORM = "form", "moved to another form version"

    extraction = models.ForeignKey(Extraction, on_delete=models.CASCADE, related_name="events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    revision = models.PositiveIntegerField()
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["extraction", "pk"]

    def __str__(self) -> str:
        return f"{self.extraction}: {self.get_kind_display()} by {self.actor}"


class Cohort(Extracted, TimestampedModel):
    """Who was scanned. The same `identity` in two studies says: these are the same people."""

    extraction = models.ForeignKey(Extraction, on_delete=models.CASCADE, related_name="cohorts")
    label = models.CharField(max_length=120)
    identity = models.SlugField(max_length=120, blank=True, allow_unicode=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["extraction", "pk"]

    def __str__(self) -> str:
        return self.label


class Group(Extracted, TimestampedModel):
    """Part of a cohort at one time. n is the number analysed, after exclusions."""

    class Kind(models.TextChoices):
        PATIENTS = "patients", "Patients"
        CONTROLS = "controls", "Controls"
        OTHER_PATIENTS = "other_patients", "Other patients"
        AFTER = "after", "Same people after treatment"
        SAMPLE = "sample", "Single sample"

    class DurationUnit(models.TextChoices):
        DAYS = "days", "days"
        WEEKS = "weeks", "weeks"
        MONTHS = "months", "months"
        YEARS = "years", "years"
        UNSTATED = "unstated", "unit not stated"

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="groups")
    kind = models.CharField(max_length=20, choices=Kind)
    label = models.CharField(max_length=120, blank=True)
    n = models.PositiveIntegerField(null=True, blank=True)
    n_female = models.PositiveIntegerField(null=True, blank=True)
    age_mean = models.FloatField(null=True, blank=True)
    age_sd = models.FloatField(null=True, blank=True)
    education_mean = models.FloatField(null=True, blank=True)
    education_sd = models.FloatField(null=True, blank=True)
    duration_mean = models.FloatField(null=True, blank=True)
    duration_sd = models.FloatField(null=True, blank=True)
    duration_unit = models.CharField(max_length=10, choices=DurationUnit, blank=True)

    class Meta:
        ordering = ["cohort", "pk"]

    def __str__(self) -> str:
        return self.label or self.get_kind_display()


class Dataset(Extracted, VersionedModel):
    """A contrast in one metric. Positive means: group A above group B (after above before)."""

    class Comparison(models.TextChoices):
        PATIENTS_CONTROLS = "patients_controls", "Patients > controls"
        PATIENTS_OTHER_PATIENTS = "patients_other_patients", "Patients > other patients"
        AFTER_BEFORE = "after_before", "After > before treatment"
        TASK = "task", "Task activation in one group"
        CORRELATION = "correlation", "Correlation with a measure"

    class Modality(models.TextChoices):
        VBM = "vbm", "VBM"
        RESTING = "resting_fmri", "Resting-state fMRI"
        TASK = "task_fmri", "Task fMRI"
        OTHER = "other", "Other"

    class Design(models.TextChoices):
        ONE_SAMPLE = "one_sample", "One sample or paired"
        TWO_SAMPLE = "two_sample", "Two samples"
        CORRELATION = "correlation", "Correlation"

    class Software(models.TextChoices):
        SPM = "spm", "SPM or built on it (DPARSF, DPABI, REST, CAT)"
        FSL = "fsl", "FSL"
        OTHER = "other", "Other or unknown"

    class Space(models.TextChoices):
        MNI = "mni", "MNI"
        TALAIRACH = "talairach", "Talairach"
        UNKNOWN = "unknown", "Not stated"

    class Transform(models.TextChoices):
        BY_SOFTWARE = "", "By software (Lancaster 2007)"
        SPM = "spm", "Lancaster 2007, SPM"
        FSL = "fsl", "Lancaster 2007, FSL"
        OTHER = "other", "Lancaster 2007, pooled"
        BRETT = "brett", "Brett 1999"

    class ThresholdKind(models.TextChoices):
        UNCORRECTED = "uncorrected", "Uncorrected"
        CORRECTED = "corrected", "Corrected for multiple comparisons"
        UNKNOWN = "unknown", "Not stated"

    class PeaksState(models.TextChoices):
        NOT_EXTRACTED = "not_extracted", "Peaks not extracted yet"
        PEAKS = "peaks", "Peaks"
        SIGN_ONLY = "sign_only", "Peaks with a sign, without a statistic"
        THRESHOLD_ONLY = "threshold_only", "Peaks of which only the threshold is known"
        NO_PEAKS = "no_peaks", "No peaks: nothing survived the threshold"

    extraction = models.ForeignKey(Extraction, on_delete=models.CASCADE, related_name="datasets")
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="datasets")
    group_a = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    group_b = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    label = models.CharField(max_length=120, help_text="Names the dataset within the study.")
    comparison = models.CharField(max_length=30, choices=Comparison)
    modality = models.CharField(max_length=20, choices=Modality)
    metric = models.CharField(max_length=40, help_text="For example VBM, ALFF, fALFF, ReHo or BOLD.")
    design = models.CharField(max_length=20, choices=Design)
    software = models.CharField(max_length=10, choices=Software, default=Software.OTHER)
    software_reported = models.CharField(max_length=120, blank=True)
    fwhm_mm = models.FloatField(null=True, blank=True)
    space = models.CharField(max_length=10, choices=Space, default=Space.UNKNOWN)
    transform = models.CharField(
        max_length=10, choices=Transform, default=Transform.BY_SOFTWARE, blank=True,
        help_text="How Talairach coordinates become MNI.",
    )  # fmt: skip
    threshold_kind = models.CharField(max_length=20, choices=ThresholdKind, default=ThresholdKind.UNKNOWN)
    threshold_reported = models.CharField(max_length=200, blank=True)
    t_threshold = models.FloatField(null=True, blank=True)
    peaks_state = models.CharField(max_length=20, choices=PeaksState, default=PeaksState.NOT_EXTRACTED)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["extraction", "pk"]
        constraints = [models.UniqueConstraint(fields=["extraction", "label"], name="dataset_labels_are_unique")]

    def __str__(self) -> str:
        return self.label


class Peak(TimestampedModel):
    """One row of the grid: `cells` is what was typed or pasted; the numbers beside it are computed from it.

    A row with a bad cell is kept with its text (nothing is lost) and with empty numbers; it blocks completion.
    """

    class Statistic(models.TextChoices):
        T = "t", "t"
        Z = "z", "z"
        P = "p", "p"
        R = "r", "r"
        F = "F", "F"
        NONE = "none", "none (sign only)"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="peaks")
    position = models.PositiveIntegerField()
    cells = models.JSONField(default=dict)
    x_reported = models.FloatField(null=True)
    y_reported = models.FloatField(null=True)
    z_reported = models.FloatField(null=True)
    x = models.FloatField(null=True, help_text="MNI, mm")
    y = models.FloatField(null=True, help_text="MNI, mm")
    z = models.FloatField(null=True, help_text="MNI, mm")
    statistic_kind = models.CharField(max_length=5, choices=Statistic, default=Statistic.T)
    statistic = models.FloatField(null=True)
    sign = models.SmallIntegerField(null=True, help_text="+1 or -1")
    cluster_size = models.FloatField(null=True)
    cluster_unit = models.CharField(max_length=10, blank=True, help_text="voxels or mm3")
    label = models.CharField(max_length=200, blank=True)
    hemisphere = models.CharField(max_length=10, blank=True, help_text="left, right or both, as reported.")
    brodmann = models.CharField(max_length=20, blank=True, help_text="Brodmann area as reported.")
    sub_peak = models.BooleanField(default=False, help_text="A further maximum of the cluster above it.")
    p_kind = models.CharField(max_length=20, blank=True, help_text="Which p: one- or two-tailed, corrected or not.")
    page = models.CharField(max_length=20, blank=True)
    note = models.CharField(max_length=300, blank=True)
    confirmed = models.BooleanField(default=False, help_text="The reviewer looked again: 4 to 10 mm from the mask.")
    origin = models.JSONField(default=dict, blank=True, help_text="In a consensus: from whom, by whom, why.")

    class Meta:
        ordering = ["dataset", "position"]
        constraints = [models.UniqueConstraint(fields=["dataset", "position"], name="one_peak_per_row")]

    def __str__(self) -> str:
        return f"{self.dataset}, row {self.position}"


class SampleOverlap(VersionedModel):
    """Two cohorts of a project that may be the same people, and what the team decided about it."""

    class Decision(models.TextChoices):
        OPEN = "open", "To be decided"
        SAME = "same", "The same people"
        PARTLY = "partly", "Partly the same people"
        DIFFERENT = "different", "Different people"

    class Handling(models.TextChoices):
        KEEP_ALL = "keep_all", "Keep both, as datasets of one cohort"
        KEEP_FIRST = "keep_first", "Keep the first only"
        KEEP_SECOND = "keep_second", "Keep the second only"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sample_overlaps")
    first = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="+")
    evidence = models.JSONField(default=list, help_text="What is equal, in words, with the values of both.")
    decision = models.CharField(max_length=10, choices=Decision, default=Decision.OPEN)
    handling = models.CharField(max_length=12, choices=Handling, blank=True)
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["project", "first", "second"]
        constraints = [models.UniqueConstraint(fields=["first", "second"], name="a_pair_of_studies_is_asked_once")]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}: {self.get_decision_display()}"
