"""The fields of an extraction form in plain Python, and the built-in form.

A field with `column=True` is a column of its model under the same name; the others live in the row's `values` by key.
Pages, comparison, exports and checks all go through these fields, so that a field added to a form shows everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Level = Literal["study", "cohort", "group", "dataset"]
Kind = Literal["text", "long_text", "integer", "number", "choice", "yes_no", "quantity", "scales", "group"]


@dataclass(frozen=True)
class FormField:
    """One thing that is asked for.

    What is stored: text -> str, integer -> int, number -> float (in `units[0]` where there is one), choice -> the key
    of a choice, yes_no -> bool, quantity -> {"value": float, "unit": one of `units`}, scales -> a list of
    {"name", "when", "mean", "sd", "lowest", "highest"}, group -> the key of a group of the extraction. Not reported is
    None or no key at all. No number is below `lowest`.
    """

    key: str
    label: str
    level: Level
    section: str
    kind: Kind = "text"
    units: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    column: bool = False
    help: str = ""
    lowest: float | None = None


def _column(key: str, label: str, level: Level, section: str, **more: Any) -> FormField:
    return FormField(key, label, level, section, column=True, **more)


_STUDY: Final = (
    FormField(
        "design", "Design", "study", "Study", "choice",
        choices=(
            ("case_control", "Case-control"), ("pre_post", "Before and after treatment"),
            ("randomised", "Randomised trial"), ("longitudinal", "Longitudinal"), ("one_group", "One group"),
            ("other", "Other"),
        ),
    ),
    FormField("diagnostic_criteria", "Diagnostic criteria", "study", "Study", help="The named criteria, as printed."),
    FormField("site", "Site of recruitment", "study", "Study", help="Hospital and town."),
    FormField("recruited", "Recruited from – to", "study", "Study", help="For example 2014-03 to 2015-06."),
    FormField("ethics", "Ethics approval or registration", "study", "Study"),
)  # fmt: skip
_COHORT: Final = (
    _column("label", "Cohort", "cohort", "Cohort", required=True),
    _column("identity", "Same people as", "cohort", "Cohort"),
    FormField("treatment", "Treatment", "cohort", "Treatment", help="Empty where nobody was treated."),
    FormField(
        "treatment_duration", "Time between before and after", "cohort", "Treatment", "quantity",
        units=("days", "weeks", "months", "years", "unstated"),
    ),
)  # fmt: skip
_GROUP: Final = (
    _column("kind", "Kind", "group", "Group", kind="choice", required=True),
    _column("label", "Label", "group", "Group", help="As the paper calls it."),
    _column(
        "n", "n analysed", "group", "People", kind="integer", units=("people",), lowest=0, help="After all exclusions."
    ),
    FormField(
        "n_enrolled", "n enrolled", "group", "People", "integer", ("people",), help="Before exclusions.", lowest=0
    ),
    _column("n_female", "Women", "group", "People", kind="integer", units=("people",), lowest=0),
    _column("age_mean", "Age, mean", "group", "People", kind="number", units=("years",), lowest=0),
    _column("age_sd", "Age, SD", "group", "People", kind="number", units=("years",), lowest=0),
    _column("education_mean", "Education, mean", "group", "People", kind="number", units=("years",), lowest=0),
    _column("education_sd", "Education, SD", "group", "People", kind="number", units=("years",), lowest=0),
    _column("duration_mean", "Illness duration, mean", "group", "Illness", kind="number", lowest=0),
    _column("duration_sd", "Illness duration, SD", "group", "Illness", kind="number", lowest=0),
    _column("duration_unit", "Illness duration, unit", "group", "Illness", kind="choice"),
    FormField("medication", "Medication", "group", "Illness"),
    FormField("scales", "Scales", "group", "Illness", "scales", help="For example VAS, 0 to 10, before treatment."),
)
_DATASET: Final = (
    _column("label", "Name within the study", "dataset", "Contrast", required=True),
    _column("comparison", "Comparison", "dataset", "Contrast", kind="choice", required=True),
    _column("modality", "Modality", "dataset", "Contrast", kind="choice", required=True),
    _column("metric", "Metric", "dataset", "Contrast", required=True),
    _column("design", "Design", "dataset", "Contrast", kind="choice", required=True),
    FormField("scanner", "Scanner", "dataset", "MRI", help="Maker and model."),
    FormField("field_strength", "Field strength", "dataset", "MRI", "number", ("T",), lowest=0),
    FormField(
        "scan_time", "Scan time", "dataset", "MRI", "number", ("s",), help="Of the sequence analysed here.", lowest=0
    ),
    FormField("slice_thickness", "Slice thickness", "dataset", "MRI", "number", ("mm",), lowest=0),
    _column("software", "Software", "dataset", "Processing", kind="choice"),
    _column("software_reported", "Software as reported", "dataset", "Processing"),
    _column("fwhm_mm", "Smoothing FWHM", "dataset", "Processing", kind="number", units=("mm",), lowest=0),
    FormField("band_low", "Frequency band, from", "dataset", "Processing", "number", ("Hz",), lowest=0),
    FormField("band_high", "Frequency band, to", "dataset", "Processing", "number", ("Hz",), lowest=0),
    FormField("covariates", "Covariates used", "dataset", "Processing", help="For example age, sex, TIV."),
    _column("space", "Space of the coordinates", "dataset", "Results", kind="choice"),
    _column("transform", "Talairach to MNI", "dataset", "Results", kind="choice"),
    FormField("whole_brain", "Whole brain searched", "dataset", "Results", "yes_no"),
    _column("threshold_kind", "Threshold", "dataset", "Results", kind="choice"),
    _column("threshold_reported", "Threshold as reported", "dataset", "Results"),
    FormField("correction", "Correction", "dataset", "Results", help="For example AlphaSim, GRF, FDR, FWE, none."),
    _column("t_threshold", "t threshold", "dataset", "Results", kind="number", lowest=0),
    _column("peaks_state", "Peaks", "dataset", "Results", kind="choice"),
)
BUILT_IN_NAME: Final = "neuroimaging"
BUILT_IN_VERSION: Final = 1
BUILT_IN_FIELDS: Final = (*_STUDY, *_COHORT, *_GROUP, *_DATASET)
"""Case-control and before-after neuroimaging studies."""

EVERY_FORM: Final = (
    _column("note", "Note", "study", "Note", kind="long_text"),
    _column("note", "Note", "cohort", "Note", kind="long_text"),
    _column("group_a", "Group A", "dataset", "Contrast", kind="group", required=True, help="Positive: higher here."),
    _column("group_b", "Group B", "dataset", "Contrast", kind="group", help="Empty for one sample or a correlation."),
    _column("note", "Note", "dataset", "Note", kind="long_text"),
)
"""What every extraction has beside the fields of its form: which groups a contrast compares, and notes."""


def fields_as_json(fields: Iterable[FormField]) -> list[dict[str, Any]]:
    return [asdict(field) for field in fields]


def fields_from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[FormField, ...]:
    """The fields of a stored form; a form without any is the built-in one.

    Raises
    ------
    TypeError
        If a row has a name that `FormField` does not know, or lacks one.
    """
    fields = tuple(
        FormField(**{**row, "units": tuple(row.get("units", ())), "choices": tuple(map(tuple, row.get("choices", ())))})
        for row in rows
    )
    return fields or BUILT_IN_FIELDS


def at_level(fields: Iterable[FormField], level: Level) -> tuple[FormField, ...]:
    return tuple(field for field in fields if field.level == level)


def stored_value(row: Any, field: FormField) -> Any:
    """What a row (cohort, group, dataset, or the extraction for the level "study") holds for a field."""
    if field.kind == "group":
        return getattr(row, f"{field.key}_id")
    return getattr(row, field.key) if field.column else row.values.get(field.key)
