"""What is asked of a row of peaks that both overlooked, before and after the two are compared anew."""

from collections.abc import Mapping, Sequence

from meta_app.agreement.domain import is_reported, same_place
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.trees import Compared, Found, key_path, points_of, section_of
from meta_app.common.exceptions import UserError
from meta_app.extraction.checks import check_rows
from meta_app.extraction.domain import Problem
from meta_app.extraction.models import Dataset
from meta_app.extraction.parsers import read_row

Keys = Sequence[int | None]
Cells = Mapping[str, str]
Choice = Difference.Choice


def missed_found(keys: Keys, cells: Cells, number: int) -> Found:
    """The row as a difference: neither has it."""
    dataset = next(iter(_datasets(keys).values()))
    label = f"{cells.get('label', '').strip() or 'Peak'} (missed by both, {number})"
    return Found(
        path=f"{key_path('dataset', keys)}/peak:new:{number}",
        section=f"{section_of('dataset', dataset)}, peaks"[:200],
        label=label if len(label) <= 200 else f"Peak (missed by both, {number})",
        kind=Difference.Kind.PEAK,
        a=None,
        b=None,
    )


def pair_keys(comparison: Comparison, path: str) -> Keys:
    """The keys of the dataset of A and of B that a path begins with."""
    for keys in comparison.pairs["dataset"]:
        if key_path("dataset", keys) == path.split("/")[0]:
            return keys
    raise UserError("Nothing was added: choose the dataset in whose table the peak stands.")


def row_warnings(comparison: Comparison, keys: Keys, cells: Cells, nothing: str = "Nothing was added") -> list[str]:
    """What the coordinate guard warns of when the row stands below the table of A, and of B.

    Raises
    ------
    UserError
        It refuses the row, or asks for a tick that is not there; or the dataset has no peaks.
    """
    if not any(is_reported(text) for name, text in cells.items() if name not in ("note", "page", "confirmed")):
        raise UserError(f"{nothing}: type at least x, y and z of the peak.", {"x": "Type a number of mm."})
    found: dict[tuple[str, str | None, str, str], list[str]] = {}
    tables = _datasets(keys)
    for letter, dataset in tables.items():
        for problem in _problems_below(dataset, _state(comparison, keys, dataset), cells):
            key = (problem.level, problem.field, problem.message, problem.mend)
            found.setdefault(key, []).append(letter)
    told = [
        (level, field, f"{_beside(letters, tables)}{field or 'row'}: {message}", mend)
        for (level, field, message, mend), letters in found.items()
    ]
    blocking = [item for item in told if item[0] in ("error", "confirm")]
    if blocking:
        raise UserError(
            f"{nothing}: mend the row, or tick “confirmed” where it only asks.",
            {
                "problems": [f"{message} {mend}" for _level, _field, message, mend in blocking],
                **{field: message for _level, field, message, _mend in blocking if field},
            },
        )
    return [message for _level, _field, message, _mend in told]


def _beside(letters: Sequence[str], tables: Mapping[str, Dataset]) -> str:
    return "" if len(letters) == len(tables) else f"Beside the table of {letters[0]}, "


def _datasets(keys: Keys) -> dict[str, Dataset]:
    """Those of A and of B, by their letter; of a dataset that only one has, that one."""
    found = Dataset.objects.select_related("extraction__study", "group_a", "group_b").in_bulk(
        [key for key in keys if key is not None]
    )
    return {letter: found[key] for letter, key in zip("AB", keys, strict=True) if key is not None}


def _problems_below(dataset: Dataset, state: str, cells: Cells) -> list[Problem]:
    rows = [peak.cells for peak in dataset.peaks.all()]
    return [
        problem for problem in check_rows(dataset, state, [*rows, dict(cells)]).problems if problem.row == len(rows) + 1
    ]


def _state(comparison: Comparison, keys: Keys, dataset: Dataset) -> str:
    """Which kind of table was agreed; while that is open, the one that has rows.

    Raises
    ------
    UserError
        It has no peaks.
    """
    decision = comparison.differences.filter(path=f"{key_path('dataset', keys)}/peaks_state").first()
    state = dataset.peaks_state
    if decision is not None:
        taken = {Choice.A: decision.a, Choice.B: decision.b, Choice.EQUAL: decision.a}.get(decision.choice)
        state = taken["value"] if taken else decision.value or Dataset.PeaksState.PEAKS
    if state == Dataset.PeaksState.NO_PEAKS:
        raise UserError(
            f"Nothing was added: it is agreed that {dataset} has no peaks. First doubt “Peaks” under Equal, or undo "
            "what was decided about it, and take “Peaks”."
        )
    return state


def still_missed(added: Sequence[Difference], compared: Compared) -> list[tuple[Found, Difference]]:
    """Of the rows that were added before, those of a dataset that is still there and that neither has entered since.

    Of a row that was left out nothing is kept. One that was ticked may stand beside a row at the same place on purpose:
    it is to be decided again.
    """
    found = []
    for item in added:
        keys = _keys_now(item, compared.pairs["dataset"])
        if not item.value or keys is None:
            continue
        kept = item
        if _entered(item.value, keys):
            if "confirmed" not in item.value:
                continue
            kept = Difference(pk=item.pk, value=item.value)
        found.append((missed_found(keys, item.value, len(found) + 1), kept))
    return found


def _keys_now(item: Difference, pairs: Sequence[Keys]) -> Keys | None:
    before = item.path.split("/")[0].split(":")[1:]
    return next((keys for keys in pairs if any(str(key) == was for key, was in zip(keys, before, strict=True))), None)


def _entered(cells: Cells, keys: Keys) -> bool:
    datasets = _datasets(keys).values()
    rows = [(read_row(cells, dataset.space), dataset) for dataset in datasets]
    return any(
        point.reported is not None and row.located and same_place(point.reported, (row.x, row.y, row.z))
        for row, dataset in rows
        for point in points_of(dataset)
    )
