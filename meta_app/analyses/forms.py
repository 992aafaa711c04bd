"""The launch form: which datasets, which model, which thresholds."""

from collections import Counter
from collections.abc import Iterable

from django import forms

from meta_app.analyses.domain import (
    CORRECTIONS,
    LONGEST_TEST,
    OTHER_GROUPS,
    PUBLICATION_PERMUTATIONS,
    STANDARD_PERMUTATIONS,
    Filters,
    Model,
)
from meta_app.datasets.domain import DatasetRow, Snapshot
from meta_app.extraction.models import Dataset

LARGEST_SEED = 2**32 - 1
SIGN_RULES = [
    ("pool", "Pooled height of the peaks with a statistic (default)"),
    ("threshold", "Threshold of their own study (conservative)"),
]
OWN_NUMBER = "own"
MORE_FILTERS = ("other_groups", "languages", "quality_min", "studies")
TESTS = [
    (STANDARD_PERMUTATIONS, f"Standard: {STANDARD_PERMUTATIONS:,} permutations"),
    (PUBLICATION_PERMUTATIONS, f"Publication: {PUBLICATION_PERMUTATIONS:,} permutations"),
    (0, "Quick look: no permutations, uncorrected p only"),
    (OWN_NUMBER, "Another number"),
]
NEIGHBOURS = [
    (26, "26 (default)"),
    (18, "18"),
    (6, "6, as SDM-PSI"),
]
ESTIMATORS = [("DL", "DerSimonian-Laird (default)"), ("REML", "Restricted maximum likelihood")]


def choices_with_counts(values: Iterable[str], labels: dict[str, str]) -> list[tuple[str, str]]:
    """Each value with how many datasets have it, the most frequent first."""
    return [
        (value, f"{labels.get(value, value)} ({number} dataset{'' if number == 1 else 's'})")
        for value, number in Counter(values).most_common()
    ]


class LaunchForm(forms.Form):
    """The choices offered are those that the chosen version holds."""

    dataset = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(
        label="Name", max_length=120, required=False, help_text="How you will find it again; empty: a name is made."
    )
    comparison = forms.ChoiceField(label="Comparison", widget=forms.RadioSelect)
    modalities = forms.MultipleChoiceField(label="Modality", widget=forms.CheckboxSelectMultiple)
    metrics = forms.MultipleChoiceField(label="Metric", widget=forms.CheckboxSelectMultiple)
    other_groups = forms.MultipleChoiceField(
        label="Kind of the other group", widget=forms.CheckboxSelectMultiple, required=False
    )
    languages = forms.MultipleChoiceField(
        label="Language of the reports", widget=forms.CheckboxSelectMultiple, required=False
    )
    quality_min = forms.FloatField(
        label="Quality at or above",
        min_value=0,
        required=False,
        help_text="Points of the agreed total; empty: every study, scored or not.",
    )
    studies = forms.MultipleChoiceField(label="Studies", widget=forms.CheckboxSelectMultiple, required=False)
    imputations = forms.IntegerField(min_value=5, max_value=500, initial=50, help_text="5 to 500; published runs: 50.")
    seed = forms.IntegerField(
        label="Random seed", min_value=0, max_value=LARGEST_SEED, initial=1, help_text="The same seed, the same maps."
    )
    estimator = forms.ChoiceField(label="Between-study variance", choices=ESTIMATORS, initial="DL")
    sign_peaks = forms.ChoiceField(label="Height of peaks with a sign only", choices=SIGN_RULES, initial="pool")
    test = forms.ChoiceField(
        label="Permutations of subject images", choices=TESTS, initial=STANDARD_PERMUTATIONS, widget=forms.RadioSelect
    )
    permutations = forms.IntegerField(
        label="How many",
        min_value=1,
        max_value=LONGEST_TEST,
        required=False,
        help_text="The data as they are count as one.",
    )
    correction = forms.ChoiceField(
        label="Correction to report",
        choices=[(name, f"{words[:1].upper()}{words[1:]}") for name, words in CORRECTIONS.items()],
        initial=Model.correction,
        help_text="What the result opens with. All corrections are computed.",
    )
    fwe_p = forms.FloatField(
        label="Corrected p up to",
        min_value=1e-6,
        max_value=0.5,
        initial=Model.fwe_p,
        help_text="Family-wise, one-sided in each direction.",
    )
    tfce_neighbours = forms.TypedChoiceField(
        label="Neighbours in TFCE",
        choices=NEIGHBOURS,
        coerce=int,
        initial=Model.tfce_neighbours,
        help_text="What touches: 6 by a face, 18 also by an edge, 26 also by a corner.",
    )
    voxel_p = forms.FloatField(
        label="Voxel p below",
        min_value=1e-6,
        max_value=0.1,
        initial=0.005,
        help_text="Uncorrected, one-sided; also forms the clusters of the extent test.",
    )
    min_peak_z = forms.FloatField(
        label="Peak |Z| above", min_value=0, max_value=10, initial=1, help_text="SDM-Z of a cluster's peak."
    )
    min_extent = forms.IntegerField(
        label="Voxels at least", min_value=1, max_value=10000, initial=10, help_text="Of a cluster; 2 mm each."
    )

    def __init__(self, *args, snapshot: Snapshot, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        rows = snapshot.datasets
        self._offer("comparison", [row.comparison for row in rows], dict(Dataset.Comparison.choices))
        self._offer("modalities", [row.modality for row in rows], dict(Dataset.Modality.choices))
        self._offer("metrics", [row.metric for row in rows], {})
        self._offer("other_groups", [row.other_group for row in rows], OTHER_GROUPS)
        self._offer("languages", [language for row in rows for language in row.languages], {"": "Not stated"})
        self._offer("studies", sorted(row.study for row in rows), {})
        self._prefill(rows)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", _bootstrap_class(field.widget))

    def _offer(self, name: str, values: list[str], labels: dict[str, str]) -> None:
        self.fields[name].choices = choices_with_counts(values, labels)

    def _prefill(self, rows: tuple[DatasetRow, ...]) -> None:
        """The most frequent comparison, in everything that was measured."""
        self.fields["comparison"].initial = self.fields["comparison"].choices[0][0] if rows else None
        self.fields["modalities"].initial = sorted({row.modality for row in rows})
        self.fields["metrics"].initial = sorted({row.metric for row in rows})

    @property
    def filters(self) -> Filters:
        data = self.cleaned_data
        return Filters(
            data["comparison"],
            tuple(data["modalities"]),
            tuple(data["metrics"]),
            self._chosen("languages"),
            self._chosen("other_groups"),
            self._chosen("studies"),
            data["quality_min"],
        )

    @property
    def narrows(self) -> bool:
        """Whether one of the further filters is in use, so that the page shows them."""
        return self.is_bound and any(self.data.get(name) for name in MORE_FILTERS)

    def _chosen(self, name: str) -> tuple[str, ...]:
        """What was ticked; nothing where all or none are, as that does not narrow."""
        chosen = tuple(self.cleaned_data[name])
        return () if len(chosen) == len(self.fields[name].choices) else chosen

    def clean(self) -> dict[str, object]:
        """`permutations` becomes the number of the chosen test."""
        data = super().clean()
        if data.get("test") not in (None, OWN_NUMBER):
            data["permutations"] = int(data["test"])
        elif "permutations" in data and data["permutations"] is None:
            self.add_error("permutations", "Enter how many, or choose one of the numbers above.")
        return data

    @property
    def model(self) -> Model:
        return Model(**{name: self.cleaned_data[name] for name in Model.__dataclass_fields__})

    def first_values(self) -> dict[str, object]:
        """What an untouched form would send."""
        return {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}


def _bootstrap_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"
