"""What the form itself asks of an extraction: needed answers, units, and groups that belong together."""

from collections.abc import Iterator
from dataclasses import dataclass

from meta_app.extraction.domain import Level, Problem
from meta_app.extraction.form_domain import stored_value
from meta_app.extraction.form_selectors import level_fields
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group

Row = Extraction | Cohort | Group | Dataset
LEVELS = ("study", "cohort", "group", "dataset")


@dataclass(frozen=True)
class Asked:
    """A problem of one answer."""

    row: Row
    problem: Problem


def form_problems(whole: Extraction) -> Iterator[Asked]:
    """From an extraction with its rows at hand."""
    fields = {level: level_fields(whole.form, level) for level in LEVELS}
    for level, place, row in _rows(whole):
        for field in fields[level]:
            if field.required and stored_value(row, field) in (None, ""):
                yield _asked("error", row, place, f"{field.label} is missing.", "Enter it.", field.key)
        if isinstance(row, Group):
            yield from _group_problems(row, place)
        if isinstance(row, Dataset):
            yield from _dataset_problems(row, place)


def _rows(whole: Extraction) -> Iterator[tuple[str, str, Row]]:
    study = whole.study.label
    yield "study", study, whole
    for cohort in whole.cohorts.all():
        yield "cohort", cohort.label, cohort
        for group in cohort.groups.all():
            yield "group", f"{cohort.label}, {group}", group
    for dataset in whole.datasets.all():
        yield "dataset", f"{study}, {dataset.label}", dataset


def _group_problems(group: Group, place: str) -> Iterator[Asked]:
    stated = group.duration_mean is not None or group.duration_sd is not None
    if stated and not group.duration_unit:
        mend = "Choose it, or “unit not stated”."
        yield _asked("error", group, place, "The duration has no unit.", mend, "duration_unit")
    enrolled = group.values.get("n_enrolled")
    if enrolled is not None and group.n is not None and group.n > enrolled:
        message = f"{group.n} people analysed, but {enrolled} enrolled."
        yield _asked("error", group, place, message, "Correct one of the two numbers.", "n_enrolled")


def _dataset_problems(dataset: Dataset, place: str) -> Iterator[Asked]:
    first, second = dataset.group_a, dataset.group_b
    if second is None:
        return
    if first.pk == second.pk:
        yield _asked("error", dataset, place, "Group A and group B are the same.", "Choose another.", "group_b")
    elif first.cohort_id != second.cohort_id:
        mend = "Enter them as groups of one cohort."
        yield _asked("error", dataset, place, "The two groups belong to different cohorts.", mend, "group_b")


def _asked(level: Level, row: Row, place: str, message: str, mend: str, field: str) -> Asked:
    return Asked(row, Problem(level, place, message, mend, field=field))
