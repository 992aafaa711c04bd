"""What a row of peaks says, and what may be wrong with it. Plain Python."""

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["error", "confirm", "warning"]

FIELDS: Final = (
    "label",
    "hemisphere",
    "brodmann",
    "x",
    "y",
    "z",
    "space",
    "statistic",
    "kind",
    "p_kind",
    "sign",
    "direction",
    "cluster_size",
    "cluster_unit",
    "sub_peak",
    "page",
    "note",
    "confirmed",
)
"""The cells of a row of the coordinate grid, in the order of its columns."""


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where, what and how.

    An error blocks completion, a "confirm" needs the reviewer's tick, a warning informs. `row` counts from 1, as the
    grid does; None speaks of the whole dataset.
    """

    level: Level
    place: str
    message: str
    mend: str
    row: int | None = None
    field: str | None = None


@dataclass(frozen=True)
class CellProblem:
    """A problem of one cell, before anyone knows which row it is in."""

    field: str
    level: Level
    message: str
    mend: str


@dataclass(frozen=True)
class PeakRow:
    """The numbers read out of a row's cells; None where a cell is empty or bad.

    Coordinates are in mm of `space` ("mni", "talairach" or "unknown"). `sign` is +1 where the first group of the
    comparison is higher: a row whose `direction` was turned has the other sign than its cells say. A p is one-tailed
    here, whatever was reported (`p_kind`); a corrected p is no p of a peak, so `statistic` is None then.
    """

    blank: bool
    label: str
    x: float | None
    y: float | None
    z: float | None
    space: str
    statistic: float | None
    kind: str
    sign: int | None
    cluster_size: float | None
    cluster_unit: str
    page: str
    note: str
    confirmed: bool
    hemisphere: str = ""
    brodmann: tuple[int, ...] = ()
    p_kind: str = ""
    turned: bool = False
    sub_peak: bool = False
    f_unknown_df: bool = False
    problems: tuple[CellProblem, ...] = ()

    @property
    def located(self) -> bool:
        return None not in (self.x, self.y, self.z)
