"""Writes of the coordinate grid: the whole table of a dataset at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from meta_app.audit.services import record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.words import counted
from meta_app.extraction.checks import to_mni, transform_of
from meta_app.extraction.domain import FIELDS, PeakRow
from meta_app.extraction.models import Dataset, Extraction, Peak
from meta_app.extraction.parsers import read_row
from meta_app.extraction.peak_selectors import LOCKED, peak_cells

Cells = Mapping[str, str]
WITH_ROWS = (Dataset.PeaksState.PEAKS, Dataset.PeaksState.SIGN_ONLY, Dataset.PeaksState.THRESHOLD_ONLY)

COMPUTED = (
    "x_reported", "y_reported", "z_reported", "x", "y", "z", "statistic_kind", "statistic", "sign", "cluster_size",
    "cluster_unit", "label", "hemisphere", "brodmann", "sub_peak", "p_kind", "page", "note", "confirmed",
)  # fmt: skip


@transaction.atomic
def peaks_save(*, dataset: Dataset, version: int, peaks_state: str, rows: Sequence[Cells]) -> Dataset:
    """Store the table that the reviewer sees; rows that are empty at its end are dropped.

    Raises
    ------
    StaleEdit
        The stored table is newer than `version`; `details` holds both tables.
    UserError
        The state contradicts the rows.
    PermissionDenied
        The extraction has been locked meanwhile.
    """
    rows = _without_empty_end([_kept_cells(row) for row in rows])
    _refuse_contradiction(peaks_state, len(rows))
    extraction = (
        Extraction.objects.select_for_update(of=("self",))
        .select_related("study", "author")
        .get(pk=dataset.extraction_id)
    )
    if extraction.state == Extraction.State.COMPLETE:
        raise PermissionDenied(f"{LOCKED} Nothing was saved.")
    changed = Dataset.objects.filter(pk=dataset.pk, version=version).update(
        version=F("version") + 1, peaks_state=peaks_state, updated_at=timezone.now()
    )
    fresh = Dataset.objects.get(pk=dataset.pk)
    if not changed:
        raise _stale(fresh, peaks_state, rows)
    before, after = _store(fresh, rows)
    record(
        project_id=extraction.study.project_id, actor=extraction.author, action="peaks.saved",
        subject=f"{extraction}: {fresh.label}", before={"state": dataset.peaks_state, "rows": before},
        after={"state": peaks_state, "rows": after}, blind_study=extraction.study_id, blind_stage="extraction",
    )  # fmt: skip
    return fresh


@transaction.atomic
def peaks_recompute(*, dataset: Dataset) -> None:
    """Compute the numbers of all rows again, after the space or the software of the dataset has changed."""
    cells = peak_cells(dataset)
    _upsert(dataset, list(range(len(cells))), cells)


def _store(dataset: Dataset, rows: Sequence[Cells]) -> tuple[dict[int, Cells], dict[int, Cells]]:
    """Write the rows that differ, so that a small edit of a large table stays small; answers them before and after."""
    stored = peak_cells(dataset)
    changed = [place for place, cells in enumerate(rows) if place >= len(stored) or stored[place] != cells]
    _upsert(dataset, changed, [rows[place] for place in changed])
    gone = range(len(rows), len(stored))
    if gone:
        dataset.peaks.filter(position__gt=len(rows)).delete()
    before = {place + 1: stored[place] for place in (*changed, *gone) if place < len(stored)}
    return before, {place + 1: rows[place] for place in changed}


def _upsert(dataset: Dataset, places: Sequence[int], cells: Sequence[Cells]) -> None:
    read = [read_row(row, dataset.space) for row in cells]
    mni = [
        [None if number != number else number for number in row] for row in to_mni(read, transform_of(dataset)).tolist()
    ]
    peaks = [
        Peak(dataset=dataset, position=place + 1, cells=dict(raw), **_computed(row, mm))
        for place, raw, row, mm in zip(places, cells, read, mni, strict=True)
    ]
    Peak.objects.bulk_create(
        peaks,
        update_conflicts=True,
        unique_fields=["dataset", "position"],
        update_fields=["cells", *COMPUTED, "updated_at"],
    )


def _computed(row: PeakRow, mni: Sequence[float | None]) -> dict[str, Any]:
    bad = {problem.field for problem in row.problems if problem.level == "error"}
    return {
        "x_reported": row.x,
        "y_reported": row.y,
        "z_reported": row.z,
        "x": mni[0],
        "y": mni[1],
        "z": mni[2],
        "statistic_kind": row.kind,
        "statistic": None if "statistic" in bad else row.statistic,
        "sign": None if "sign" in bad else row.sign,
        "cluster_size": row.cluster_size,
        "cluster_unit": row.cluster_unit,
        "label": row.label[:200],
        "hemisphere": row.hemisphere,
        "brodmann": "/".join(map(str, row.brodmann))[:20],
        "sub_peak": row.sub_peak,
        "p_kind": row.p_kind,
        "page": row.page[:20],
        "note": row.note[:300],
        "confirmed": row.confirmed,
    }


def _kept_cells(row: Cells) -> dict[str, str]:
    return {field: row[field] for field in FIELDS if row.get(field)}


def _without_empty_end(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    while rows and not any(text.strip() for field, text in rows[-1].items() if field != "confirmed"):
        rows = rows[:-1]
    return rows


def _refuse_contradiction(peaks_state: str, n_rows: int) -> None:
    if n_rows and peaks_state not in WITH_ROWS:
        stated = Dataset.PeaksState(peaks_state).label
        raise UserError(
            f"Nothing was saved: the dataset says “{stated}” but has {counted(n_rows, 'row')}. Delete what is there, "
            "or choose “Peaks”."
        )


def _stale(fresh: Dataset, peaks_state: str, rows: Sequence[Cells]) -> StaleEdit:
    return StaleEdit(
        "Another tab or window saved this table first. Both versions are kept; choose which one goes on.",
        {
            "yours": {"peaks_state": peaks_state, "rows": rows},
            "theirs": {"peaks_state": fresh.peaks_state, "rows": peak_cells(fresh)},
            "version": fresh.version,
        },
    )
