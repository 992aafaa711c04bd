"""What is asked of a row of peaks that both overlooked, before and after the two are compared anew.

The row is checked beside what is agreed so far: once as if A were taken wherever it is still open, once as if B were.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from meta_app.agreement.domain import is_reported, same_place
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.trees import (
    GROUP_OF_DATASET,
    Compared,
    Found,
    agreed_rows,
    agreed_value,
    cells_of,
    fields_of,
    for_column,
    key_path,
    missed_below,
    places_in_table,
    points_of,
    section_of,
    seen,
    values_at,
)
from meta_app.common.exceptions import UserError
from meta_app.extraction.checks import check_rows
from meta_app.extraction.domain import Problem
from meta_app.extraction.form_domain import FormField, Level
from meta_app.extraction.models import Dataset, Group
from meta_app.extraction.parsers import read_row

Keys = Sequence[int | None]
Cells = Mapping[str, str]


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


def row_warnings(comparison: Comparison, path: str, cells: Cells, nothing: str = "Nothing was added") -> list[str]:
    """What the coordinate guard warns of when the row stands below the table that is agreed so far.

    Parameters
    ----------
    path : str
        Of the dataset, or of the row where it was added before: it does not stand beside itself.

    Raises
    ------
    UserError
        It refuses the row, or asks for a tick that is not there; or the dataset has no peaks.
    """
    if not any(is_reported(text) for name, text in cells.items() if name not in ("note", "page", "confirmed")):
        raise UserError(f"{nothing}: type at least x, y and z of the peak.", {"x": "Type a number of mm."})
    found: dict[tuple[str, str | None, str, str], list[str]] = {}
    tables = _AgreedSoFar.of(comparison, path).tables()
    for letter, (dataset, rows) in tables.items():
        for problem in _problems_below(dataset, rows, cells):
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


def _beside(letters: Sequence[str], tables: Mapping[str, Any]) -> str:
    return "" if len(letters) == len(tables) else f"Beside the table of {letters[0]}, "


def _problems_below(dataset: Dataset, rows: Sequence[dict[str, str]], cells: Cells) -> list[Problem]:
    checked = check_rows(dataset, dataset.peaks_state, [*rows, dict(cells)])
    return [problem for problem in checked.problems if problem.row == len(rows) + 1]


def _datasets(keys: Keys) -> dict[str, Dataset]:
    """Those of A and of B, by their letter; of a dataset that only one has, that one."""
    found = Dataset.objects.select_related("extraction__study", "extraction__form", "group_a", "group_b").in_bulk(
        [key for key in keys if key is not None]
    )
    return {letter: found[key] for letter, key in zip("AB", keys, strict=True) if key is not None}


@dataclass(frozen=True)
class _AgreedSoFar:
    """A dataset with its groups and rows as settled; what is open is read as A has it, or as B has it."""

    path: str
    """Of the dataset."""
    datasets: Mapping[str, Dataset]
    decisions: Mapping[str, Difference]
    pairs: Mapping[str, Any]
    missed: Sequence[Difference]
    groups: Mapping[int, Group]
    fields: Sequence[FormField]

    @classmethod
    def of(cls, comparison: Comparison, path: str) -> "_AgreedSoFar":
        keys = pair_keys(comparison, path)
        datasets, pairs = _datasets(keys), comparison.pairs
        decisions = {item.path: item for item in comparison.differences.all()}
        place = key_path("dataset", keys)
        return cls(
            path=place,
            datasets=datasets,
            decisions=decisions,
            pairs=pairs,
            missed=[item for item in missed_below(decisions, place) if item.path != path],
            groups=Group.objects.in_bulk([key for pair in pairs["group"] for key in pair if key is not None]),
            fields=fields_of(*(dataset.extraction for dataset in datasets.values())),
        )

    def tables(self) -> dict[str, tuple[Dataset, list[dict[str, str]]]]:
        return {letter: (self._dataset(letter), list(self._rows(letter))) for letter in self.datasets}

    def _settled(self, path: str) -> bool:
        """Whether A and B have it equal, or it was decided."""
        return path not in self.decisions or self.decisions[path].state == Difference.State.SETTLED

    def _filled(self, level: Level, path: str, rows: Mapping[str, Any], letter: str) -> Any:
        """A copy of the row of A or of B, with what is settled; nothing differs in a row that only one has."""
        row = copy(rows.get(letter) or next(iter(rows.values())))
        if len(rows) == 2:
            for asked in values_at(self.fields, level):
                place = f"{path}/{asked.key}"
                if asked.column and self._settled(place):
                    value = agreed_value(asked, self.decisions.get(place), rows["A"], rows["B"])
                    setattr(row, asked.key, for_column(row, asked.key, value))
        return row

    def _dataset(self, letter: str) -> Dataset:
        """
        Raises
        ------
        UserError
            It has no peaks.
        """
        made: Dataset = self._filled("dataset", self.path, self.datasets, letter)
        for key in GROUP_OF_DATASET:
            setattr(made, key, self._group(key, letter))
        if not self._settled(f"{self.path}/peaks_state"):
            made.peaks_state = Dataset.PeaksState.PEAKS
        if made.peaks_state == Dataset.PeaksState.NO_PEAKS:
            raise UserError(
                f"Nothing was added: it is agreed that {made} has no peaks. First doubt “Peaks” under Equal, or undo "
                "what was decided about it, and take “Peaks”."
            )
        return made

    def _group(self, key: str, letter: str) -> Group | None:
        decision = self.decisions.get(f"{self.path}/{key}")
        chosen = decision.choice if decision and decision.choice else letter
        group = getattr(self.datasets[chosen], key)
        if group is None:
            return None
        keys = next((pair for pair in self.pairs["group"] if group.pk in pair), (group.pk, None))
        rows = {name: self.groups.get(pk, group) for name, pk in zip("AB", keys, strict=True) if pk is not None}
        filled: Group = self._filled("group", key_path("group", keys), rows, letter)
        return filled

    def _rows(self, letter: str) -> Iterator[dict[str, str]]:
        peaks = {name: {peak.position: peak for peak in table.peaks.all()} for name, table in self.datasets.items()}
        if len(peaks) == 1:
            yield from map(cells_of, peaks[letter].values())
        else:
            for a, b in places_in_table(self.pairs["peak"][self.path]):
                place = f"{self.path}/peak:{a or '-'}:{b or '-'}"
                both = {"A": peaks["A"].get(a), "B": peaks["B"].get(b)}
                if self._settled(place):
                    yield from agreed_rows(self.decisions.get(place), both["A"], both["B"])
                elif both[letter]:
                    yield cells_of(both[letter])
        yield from (seen(item.value) for item in self.missed)


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
