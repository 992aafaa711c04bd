"""A result in plain Python: its maps, its clusters, and the words that must stand beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import floor
from statistics import NormalDist
from typing import Any, Literal

Scale = Literal["signed", "positive", "p"]

LOWEST_MM = (-90, -126, -72)
HIGHEST_MM = (90, 90, 108)
"""Centres of the outermost voxels of the grid."""


@dataclass(frozen=True)
class Correction:
    """What a table of clusters is corrected for.

    Attributes
    ----------
    key : str
        In addresses and, of a real correction, in the names of the core's files.
    title, words : str
        On the choice; in a sentence after "by".
    statistic : str
        Whose null maxima its p rest on, a column of null_maxima.csv; empty for no correction.
    """

    key: str
    title: str
    words: str = ""
    statistic: str = ""

    @property
    def is_corrected(self) -> bool:
        return bool(self.statistic)

    @property
    def p_key(self) -> str:
        """The map of its p values."""
        return f"p_{self.key}" if self.is_corrected else "p"

    @property
    def tables(self) -> tuple[str, str]:
        """The files of its clusters and of their peaks."""
        suffix = f"_fwe_{self.key}" if self.is_corrected else ""
        return f"tables/clusters{suffix}.csv", f"tables/peaks{suffix}.csv"


UNCORRECTED = Correction("uncorrected", "Uncorrected")
CORRECTIONS = (
    Correction("tfce", "TFCE", "threshold-free cluster enhancement", "tfce"),
    Correction("voxel", "Voxel-wise", "the largest SDM-Z", "z"),
    Correction("cluster", "Cluster extent", "the size of the largest cluster", "extent"),
    UNCORRECTED,
)
"""In the order of the choice; a run has those whose files it has."""
CORRECTIONS_BY_KEY = {correction.key: correction for correction in CORRECTIONS}


@dataclass(frozen=True)
class MapKind:
    """One entry of the map switcher.

    Attributes
    ----------
    key : str
    title, symbol, unit, about : str
        In words, in a reading, its unit, and what the number means.
    scale : {"signed", "positive", "p"}
    names : tuple of str
        The files behind it, below ``maps/``; for p those of the positive and of the negative direction.
    """

    key: str
    title: str
    symbol: str
    scale: Scale
    names: tuple[str, ...]
    about: str
    unit: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"maps/{name}.nii.gz" for name in self.names)

    @property
    def file_titles(self) -> dict[str, str]:
        if self.scale != "p":
            return {self.files[0]: self.title}
        what = self.title.removeprefix("p, ")
        return {self.files[0]: f"p of positive effects, {what}", self.files[1]: f"p of negative effects, {what}"}


def _p_map(key: str, name: str, what: str, about: str) -> MapKind:
    about = f"One-sided p of either direction, {about}; shown as -log10 p."
    return MapKind(key, f"p, {what}", "p", "p", (name, f"{name}_neg"), about)


def _corrected_p_map(correction: Correction) -> MapKind:
    what = f"corrected ({correction.title})"
    return _p_map(correction.p_key, f"p_fwe_{correction.key}", what, f"corrected for all voxels by {correction.words}")


MAPS = (
    MapKind("z", "SDM-Z (strength of evidence)", "SDM-Z", "signed", ("z",), "Pooled effect over its standard error."),
    MapKind("g", "Hedges' g (effect size)", "g", "signed", ("g",), "Pooled effect."),
    *map(_corrected_p_map, CORRECTIONS[:-1]),
    _p_map("p", "p_uncorrected", "uncorrected", "not corrected for multiple comparisons"),
    _p_map(
        "p_own",
        "p_permutation",
        "uncorrected, from permutations",
        "of each voxel alone under permutation, not corrected for multiple comparisons",
    ),
    MapKind("tau2", "τ² (between-study variance)", "τ²", "positive", ("tau2",), "Variance of the true effects."),
    MapKind("i2", "I² (heterogeneity)", "I²", "positive", ("i2",), "Between studies, as share of all variance.", "%"),
    MapKind("h2", "H² (heterogeneity)", "H²", "positive", ("h2",), "Total variance over within-study variance."),
    MapKind("q", "Cochran's Q", "Q", "positive", ("q",), "Weighted squared deviations from the pooled effect."),
    MapKind("var", "Variance of the pooled effect", "variance", "positive", ("var",), "Its squared standard error."),
)

MAPS_BY_KEY = {kind.key: kind for kind in MAPS}


def maps_of(files: Iterable[str], designs: Iterable[str]) -> tuple[MapKind, ...]:
    """The maps whose files are there; the effect is named by what the designs measure."""
    there, designs = set(files), set(designs)
    return tuple(_named(kind, designs) for kind in MAPS if there.issuperset(kind.files))


def _named(kind: MapKind, designs: set[str]) -> MapKind:
    if kind.key != "g" or "correlation" not in designs:
        return kind
    if designs == {"correlation"}:
        return replace(
            kind, title="Fisher's z (effect size)", symbol="Fisher's z", about="Pooled correlation, transformed."
        )
    return replace(
        kind, title="Effect size", symbol="effect", about="Hedges' g and, of correlations, Fisher's z, pooled."
    )


@dataclass(frozen=True)
class RegionShare:
    """Part of a cluster in one region: voxels and share of the cluster (0 to 1)."""

    region: str
    voxels: int
    share: float

    @property
    def percent(self) -> float:
        return 100 * self.share


@dataclass(frozen=True)
class PeakRow:
    """A local maximum: MNI mm, SDM-Z, one-sided p in its direction."""

    cluster: int
    x: int
    y: int
    z: int
    sdm_z: float
    p: float
    label: str

    @property
    def direction(self) -> str:
        return "positive" if self.sdm_z > 0 else "negative"


@dataclass(frozen=True)
class ClusterRow:
    """A reported cluster with its strongest peak; volume in mm3."""

    number: int
    direction: Literal["positive", "negative"]
    x: int
    y: int
    z: int
    label: str
    sdm_z: float
    p: float
    voxels: int
    volume_mm3: float
    peaks: tuple[PeakRow, ...]
    regions: tuple[RegionShare, ...]

    @property
    def sign(self) -> int:
        return 1 if self.direction == "positive" else -1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Thresholds:
    """What a voxel and a cluster had to pass.

    `null_z` is the |SDM-Z| that a voxel must exceed to pass the voxel-wise correction, where it is known.
    """

    voxel_p: float
    min_peak_z: float
    min_extent: int
    fwe_p: float = 0.05
    permutations: int = 0
    null_z: float | None = None

    def p_of(self, correction: Correction) -> float:
        return self.fwe_p if correction.is_corrected else self.voxel_p

    def sentence(self, correction: Correction) -> str:
        """What passes into the correction's table."""
        size = f"peak |SDM-Z| ≥ {self.min_peak_z:g}, at least {self.min_extent} voxel{'s' * (self.min_extent != 1)}"
        if not correction.is_corrected:
            return f"one-sided p ≤ {self.voxel_p:g}, {size}; not corrected for multiple comparisons"
        formed = f", clusters formed at p ≤ {self.voxel_p:g}" if correction.key == "cluster" else ""
        by = f"by {correction.words} in {self.permutations:,} permutations{formed}"
        return f"family-wise corrected one-sided p ≤ {self.fwe_p:g} {by}; {size}"

    def start_of(self, kind: MapKind, correction: Correction = UNCORRECTED) -> float:
        """Where the viewer begins to colour a map: at its threshold where it has one, else above 0."""
        if kind.key == "z":
            return self._start_of_z(correction)
        if kind.scale == "p":
            return self.voxel_p if kind.key in ("p", "p_own") else self.fwe_p
        return 0.0

    def _start_of_z(self, correction: Correction) -> float:
        """TFCE has no threshold of z: what passes is shown whole."""
        if correction.key == "voxel":
            return 0.0 if self.null_z is None else floor(1000 * self.null_z) / 1000
        return 0.0 if correction.key == "tfce" else round(NormalDist().inv_cdf(1 - self.voxel_p), 3)


def thresholds_of(core: Mapping[str, Any]) -> Thresholds:
    """The thresholds of a frozen specification's core settings; an older one has no corrected p."""
    return Thresholds(
        float(core["voxel_p"]),
        float(core["min_peak_z"]),
        int(core["min_extent"]),
        float(core.get("fwe_p", Thresholds.fwe_p)),
        int(core.get("permutations", 0)),
    )


@dataclass(frozen=True)
class NullRow:
    """A statistic's largest values in the data and what must be exceeded; of the positive and negative direction.

    `threshold` is None where so few permutations let nothing pass.
    """

    statistic: str
    observed: tuple[float, float]
    threshold: tuple[float | None, float | None]

    @property
    def title(self) -> str:
        return NULL_STATISTICS[self.statistic]

    @property
    def sides(self) -> tuple[tuple[float, float | None], ...]:
        return tuple(zip(self.observed, self.threshold, strict=True))


NULL_STATISTICS = {"tfce": "TFCE score", "z": "|SDM-Z|", "extent": "cluster, in voxels"}


def null_threshold(maxima: Sequence[float], p: float) -> float | None:
    """What a statistic must exceed so that (b + 1) / (B + 1) <= p; the first of the B + 1 maxima is the data's own."""
    allowed = floor(p * len(maxima) * (1 + 1e-9))
    others = sorted(maxima[1:], reverse=True)
    if allowed < 1:
        return None
    return others[allowed - 1] if allowed <= len(others) else 0.0


def null_rows(maxima: Mapping[str, Sequence[float]], p: float) -> tuple[NullRow, ...]:
    """The statistics that a run kept the maxima of, from the columns of null_maxima.csv."""
    rows = []
    for name in NULL_STATISTICS:
        if name in maxima:
            both = maxima[name], maxima[f"{name}_neg"]
            rows.append(
                NullRow(name, (both[0][0], both[1][0]), (null_threshold(both[0], p), null_threshold(both[1], p)))
            )
    return tuple(rows)


def start_state(clusters: Sequence[ClusterRow], correction: Correction = UNCORRECTED) -> dict[str, Any]:
    """What the viewer shows first: SDM-Z of the reported clusters, at the first one's peak where there is one."""
    mm = (clusters[0].x, clusters[0].y, clusters[0].z) if clusters else (0, 0, 0)
    return {
        "map": "z",
        "correction": correction.key,
        "mm": list(mm),
        "clustersOnly": True,
        "opacity": 0.9,
        "colours": "warm-cool",
        "view": "all",
    }


def units_text(counts: Mapping[str, int]) -> str:
    """``"20 reports, 21 studies, ..."``; whole maps only where there are some."""
    told = {unit: number for unit, number in counts.items() if number or unit != "maps"}
    return ", ".join(f"{number} {unit if number != 1 else _single(unit)}" for unit, number in told.items())


def _single(unit: str) -> str:
    return "study" if unit == "studies" else unit.removesuffix("s")
