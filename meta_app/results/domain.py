"""A result in plain Python: its maps, its clusters, and the words that must stand beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

Scale = Literal["signed", "positive", "p"]

LOWEST_MM = (-90, -126, -72)
HIGHEST_MM = (90, 90, 108)
"""Centres of the outermost voxels of the grid."""


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


MAPS = (
    MapKind("z", "SDM-Z (strength of evidence)", "SDM-Z", "signed", ("z",), "Pooled effect over its standard error."),
    MapKind("g", "Hedges' g (effect size)", "g", "signed", ("g",), "Pooled effect; of correlations, Fisher's z."),
    MapKind(
        "p",
        "p, uncorrected",
        "p",
        "p",
        ("p_uncorrected", "p_uncorrected_neg"),
        "One-sided p of either direction, not corrected for multiple comparisons; shown as -log10 p.",
    ),
    MapKind("tau2", "τ² (between-study variance)", "τ²", "positive", ("tau2",), "Variance of the true effects."),
    MapKind("i2", "I² (heterogeneity)", "I²", "positive", ("i2",), "Between studies, as share of all variance.", "%"),
    MapKind("h2", "H² (heterogeneity)", "H²", "positive", ("h2",), "Total variance over within-study variance."),
    MapKind("q", "Cochran's Q", "Q", "positive", ("q",), "Weighted squared deviations from the pooled effect."),
    MapKind("var", "Variance of g", "var(g)", "positive", ("var",), "Squared standard error of the pooled effect."),
)

MAPS_BY_KEY = {kind.key: kind for kind in MAPS}
MAP_TITLES = {file: kind.title for kind in MAPS for file in kind.files} | {
    "maps/p_uncorrected.nii.gz": "p of positive effects, uncorrected",
    "maps/p_uncorrected_neg.nii.gz": "p of negative effects, uncorrected",
}


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
    """What a voxel and a cluster had to pass."""

    voxel_p: float
    min_peak_z: float
    min_extent: int

    @property
    def sentence(self) -> str:
        return (
            f"one-sided p ≤ {self.voxel_p:g}, peak |SDM-Z| ≥ {self.min_peak_z:g}, at least {self.min_extent} "
            f"{'voxel' if self.min_extent == 1 else 'voxels'}; not corrected for multiple comparisons"
        )

    def start_of(self, kind: MapKind) -> float:
        """Where the viewer begins to colour a map: at the voxel threshold where the map has one, else above 0."""
        if kind.key == "z":
            return round(NormalDist().inv_cdf(1 - self.voxel_p), 3)
        return self.voxel_p if kind.scale == "p" else 0.0


def thresholds_of(core: Mapping[str, Any]) -> Thresholds:
    """The thresholds of a frozen specification's core settings."""
    return Thresholds(float(core["voxel_p"]), float(core["min_peak_z"]), int(core["min_extent"]))


def start_state(clusters: Sequence[ClusterRow]) -> dict[str, Any]:
    """What the viewer shows first: SDM-Z at the first cluster's peak, reported clusters only where there are any."""
    mm = (clusters[0].x, clusters[0].y, clusters[0].z) if clusters else (0, 0, 0)
    return {
        "map": "z",
        "mm": list(mm),
        "clustersOnly": bool(clusters),
        "opacity": 0.9,
        "colours": "warm-cool",
        "view": "all",
    }
