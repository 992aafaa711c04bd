"""What formats of coordinates alone can say of a dataset, and how that meets the companion of our own export.

What such a format says is compared with what it would say if nothing had been edited since the export: an untouched
dataset is taken whole from the companion, of an edited one what the file says wins, and that is told.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from meta_app.extraction.exchange.records import Item, Reader, Reading

COMPANION: Final = "agreed-dataset.json"
Place = tuple[float, float, float]


@dataclass(frozen=True)
class Chosen:
    """What the person says of datasets whose file does not."""

    comparison: str = "patients_controls"
    modality: str = "other"
    metric: str = "not stated"


@dataclass(frozen=True)
class PlainPeak:
    """mm of the dataset's space; `statistic` is None where only the sign is known."""

    mm: Place
    statistic: float | None = None
    sign: int = 1
    kind: str = "t"


@dataclass(frozen=True)
class PlainDataset:
    """One entry of a file of coordinates; `name` is what the file calls it."""

    name: str
    n1: int | None = None
    n2: int | None = None
    t_threshold: float | None = None
    threshold_kind: str = "unknown"
    software: str = "other"
    space: str = "unknown"
    silent: bool = False
    peaks: tuple[PlainPeak, ...] = ()
    study: str = field(default="", compare=False)
    label: str = field(default="", compare=False)


def plain_studies(datasets: Iterable[PlainDataset], chosen: Chosen) -> list[Item]:
    """Each entry as a study with one dataset; entries of one study are together."""
    studies: dict[str, Item] = {}
    taken: set[tuple[str, str]] = set()
    for dataset in datasets:
        study = _study(dataset, chosen)
        kept = studies.setdefault(study["label"], study)
        if kept is not study:
            _join(kept, study, taken)
        taken.add((study["label"], kept["datasets"][-1]["label"]))
    return list(studies.values())


def _join(one: Item, other: Item, taken: Collection[tuple[str, str]]) -> None:
    """Give a study a further dataset, with a cohort and a label of its own."""
    number = len(one["datasets"]) + 1
    (cohort,), (dataset,) = other["cohorts"], other["datasets"]
    groups = [{**group, "key": f"{group['key']}{number}"} for group in cohort["groups"]]
    label = dataset["label"]
    label = label if (one["label"], label) not in taken else f"{label[:110]} ({number})"
    keys = {name: dataset[name] and f"{dataset[name]}{number}" for name in ("group_a", "group_b")}
    one["cohorts"].append({**cohort, "key": f"people {number}", "groups": groups})
    one["datasets"].append({**dataset, "label": label, **keys})


def _study(dataset: PlainDataset, chosen: Chosen) -> Item:
    two = bool(dataset.n2)
    groups = [{"key": "A", "kind": "patients" if two else "sample", "n": dataset.n1}]
    groups += [{"key": "B", "kind": "controls", "n": dataset.n2}] if two else []
    return {
        "label": (dataset.study or dataset.name)[:120],
        "year": None,
        "cohorts": [{"key": "people", "label": "Participants", "groups": groups}],
        "datasets": [
            {
                "label": (dataset.label or chosen.metric)[:120],
                "comparison": chosen.comparison,
                "modality": chosen.modality,
                "metric": chosen.metric,
                "design": "two_sample" if two else "one_sample",
                "software": dataset.software,
                "space": dataset.space,
                "threshold_kind": dataset.threshold_kind,
                "t_threshold": dataset.t_threshold,
                "group_a": "A",
                "group_b": "B" if two else None,
                **_result(dataset),
            }
        ],
    }


def _result(dataset: PlainDataset) -> Item:
    state = "no_peaks" if dataset.silent else "peaks" if dataset.peaks else "not_extracted"
    return {"peaks_state": state, "peaks": [_peak(peak) for peak in dataset.peaks]}


def _peak(peak: PlainPeak) -> Item:
    x, y, z = peak.mm
    return {
        "x_reported": x, "y_reported": y, "z_reported": z, "x": x, "y": y, "z": z,
        "statistic_kind": "none" if peak.statistic is None else peak.kind,
        "statistic": peak.statistic,
        "sign": peak.sign,
    }  # fmt: skip


def merged(
    companion: Reading,
    names: Mapping[str, str],
    untouched: Mapping[str, PlainDataset],
    found: Mapping[str, PlainDataset],
    reader: Reader,
) -> tuple[list[Item], list[PlainDataset]]:
    """The companion's studies as the file has them now, and the entries that the companion does not know.

    Parameters
    ----------
    names : mapping
        Key of the companion's dataset by the name that the file has for it; datasets that the format cannot hold have
        none and stay as they are.
    untouched, found : mapping
        By name: what the export wrote, and what the file says.
    """
    by_key = {key: name for name, key in names.items()}
    studies = []
    for study in companion.studies:
        datasets = [
            _as_found(dataset, by_key.get(dataset["key"]), untouched, found, reader) for dataset in study["datasets"]
        ]
        kept = [dataset for dataset in datasets if dataset is not None]
        if kept:
            studies.append({**study, "cohorts": _cohorts(study, kept, by_key, untouched, found), "datasets": kept})
    return studies, [dataset for name, dataset in found.items() if name not in names]


def _as_found(
    dataset: Item,
    name: str | None,
    untouched: Mapping[str, PlainDataset],
    found: Mapping[str, PlainDataset],
    reader: Reader,
) -> Item | None:
    if name is None or found.get(name) == untouched[name]:
        return dataset
    if name not in found:
        reader.warn(
            f"{dataset['key']} is no longer in the file and is left out.", "Import the companion alone to get it."
        )
        return None
    was, now = untouched[name], found[name]
    changed: dict[str, Any] = {}
    if (was.peaks, was.silent) != (now.peaks, now.silent):
        changed = {**_result(now), "space": now.space if now.space != "unknown" else "mni", "transform": ""}
    if was.t_threshold != now.t_threshold:
        changed["t_threshold"] = now.t_threshold
    if was.threshold_kind != now.threshold_kind:
        changed["threshold_kind"] = now.threshold_kind
    message = f"{dataset['key']} was edited after the export: what the file says is taken."
    reader.warn(message, "Look at it in the preview; labels and pages of edited peaks are lost.")
    return {**dataset, **changed}


def _cohorts(
    study: Item,
    datasets: Iterable[Item],
    by_key: Mapping[str, str],
    untouched: Mapping[str, PlainDataset],
    found: Mapping[str, PlainDataset],
) -> list[Item]:
    """With the numbers of people that the file has now."""
    sizes: dict[str, int | None] = {}
    for dataset in datasets:
        name = by_key.get(dataset["key"])
        if name is None or name not in found:
            continue
        was, now = untouched[name], found[name]
        sizes |= {dataset["group_a"]: now.n1} if was.n1 != now.n1 else {}
        sizes |= {dataset["group_b"]: now.n2} if was.n2 != now.n2 and dataset["group_b"] else {}
    used = {dataset["cohort"] for dataset in datasets}
    return [
        {**cohort, "groups": [{**group, "n": sizes.get(group["key"], group["n"])} for group in cohort["groups"]]}
        for cohort in study["cohorts"]
        if cohort["key"] in used
    ]
