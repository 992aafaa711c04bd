"""A studyset of NiMADS (NeuroStore, NiMARE) with its annotation.

Each study carries the whole record of itself in its metadata, under "concord"; coordinates and values that were edited
since win over it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeGuard

from meta_app.extraction.exchange.plain import PlainDataset, PlainPeak
from meta_app.extraction.exchange.records import Item, Reader

STUDYSET, ANNOTATION = "studyset.json", "annotation.json"
_OWN: Final = "concord"
_KINDS: Final = {"t": "T", "z": "Z", "p": "P", "r": "R", "F": "F"}
_SPACES: Final = {"mni": "mni", "tal": "talairach", "talairach": "talairach"}
NOTED: Final = ("comparison", "modality", "metric", "design", "software", "space", "threshold_kind")


def write(name: str, sha256: str, content: Item) -> tuple[Item, Item]:
    """The studyset and its annotation."""
    reports = {report["key"]: report for report in content["reports"]}
    studies = [_study(study, [reports[key] for key in study["reports"]]) for study in content["studies"]]
    number = f"concord-{sha256[:12]}"
    studyset = {
        "id": number, "name": name, "description": f"Agreed dataset, SHA-256 {sha256}", "publication": None,
        "doi": None, "pmid": None, "studies": studies,
    }  # fmt: skip
    notes = [
        {"study": study["label"], "analysis": dataset["key"], "note": {"included": True, **_note(study, dataset)}}
        for study in content["studies"]
        for dataset in study["datasets"]
    ]
    keys = {"included": "boolean", **dict.fromkeys(NOTED, "string"), "year": "number", "t_threshold": "number"}
    annotation = {
        "id": f"{number}-annotation", "name": "Concord", "description": "What each dataset is", "metadata": {},
        "note_keys": keys, "studyset": number, "notes": notes,
    }  # fmt: skip
    return studyset, annotation


def _note(study: Item, dataset: Item) -> Item:
    return {**{name: dataset[name] for name in NOTED}, "year": study["year"], "t_threshold": dataset["t_threshold"]}


def _study(study: Item, reports: Sequence[Item]) -> Item:
    first = reports[0] if reports else {}
    return {
        "id": study["label"],
        "name": first.get("title") or study["label"],
        "authors": first.get("authors", ""),
        "publication": first.get("source", ""),
        "year": study["year"],
        "doi": first.get("doi") or None,
        "pmid": None,
        "description": "",
        "metadata": {"label": study["label"], _OWN: {"study": study, "reports": list(reports)}},
        "analyses": [_analysis(study, dataset) for dataset in study["datasets"]],
    }


def _analysis(study: Item, dataset: Item) -> Item:
    groups = {group["key"]: group for cohort in study["cohorts"] for group in cohort["groups"]}
    sides = [groups[key] for key in (dataset["group_a"], dataset["group_b"]) if key]
    return {
        "id": dataset["key"],
        "name": dataset["label"],
        "description": dataset["threshold_reported"],
        "conditions": [{"name": side["label"] or side["kind"], "description": ""} for side in sides],
        "weights": [1.0, -1.0][: len(sides)],
        "images": [],
        "points": [_point(dataset["key"], number, peak) for number, peak in enumerate(dataset["peaks"], start=1)],
        "metadata": {"sample_sizes": [side["n"] for side in sides if side["n"] is not None]},
    }


def _point(key: str, number: int, peak: Item) -> Item:
    kind, value = peak["statistic_kind"], peak["statistic"]
    values = [] if value is None else [{"kind": _KINDS[kind], "value": value}]
    return {
        "id": f"{key} / {number}", "coordinates": [peak["x"], peak["y"], peak["z"]], "space": "MNI",
        "kind": "positive" if peak["sign"] > 0 else "negative", "label_id": peak["label"] or None, "image": None,
        "values": values,
    }  # fmt: skip


# Reading


def is_studyset(parsed: Any) -> bool:
    studies = parsed.get("studies") if isinstance(parsed, Mapping) else None
    return isinstance(studies, list) and any(isinstance(study, Mapping) and "analyses" in study for study in studies)


def own_records(parsed: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The reports and studies that our own export carries."""
    own = [study.get("metadata", {}).get(_OWN) for study in _dicts(parsed.get("studies")) if _is_own(study)]
    return [report for item in own for report in _dicts(item.get("reports"))], [item.get("study") for item in own]


def _is_own(study: Mapping[str, Any]) -> bool:
    metadata = study.get("metadata")
    return isinstance(metadata, Mapping) and isinstance(metadata.get(_OWN), Mapping)


def read(parsed: Mapping[str, Any], reader: Reader) -> dict[str, PlainDataset]:
    """Each analysis by its id."""
    found: dict[str, PlainDataset] = {}
    for study in _dicts(parsed.get("studies")):
        label = _label(study)
        for number, analysis in enumerate(_dicts(study.get("analyses")), start=1):
            key = str(analysis.get("id") or f"{label} / {number}")
            if key in found:
                reader.error(f"The analysis {key} is there twice; the first one is read.", "Give it another id.")
                continue
            found[key] = _dataset(key, label, analysis, reader)
    return found


def _label(study: Mapping[str, Any]) -> str:
    metadata = study.get("metadata")
    own = metadata.get("label") if isinstance(metadata, Mapping) else ""
    return str(own or study.get("name") or study.get("id") or "Study")[:120]


def _dataset(key: str, study: str, analysis: Mapping[str, Any], reader: Reader) -> PlainDataset:
    metadata = analysis.get("metadata")
    sizes = metadata.get("sample_sizes") if isinstance(metadata, Mapping) else None
    people = [size for size in sizes if isinstance(size, int)] if isinstance(sizes, list) else []
    peaks, spaces = [], set()
    for number, point in enumerate(_dicts(analysis.get("points")), start=1):
        peak = _read_point(point)
        if peak is None:
            reader.error(f"{key}: point {number} has no three coordinates.", "Complete it in the file.", number)
        else:
            peaks.append(peak)
            spaces.add(_SPACES.get(str(point.get("space") or "").lower()[:9], "unknown"))
    space = spaces.pop() if len(spaces) == 1 else "unknown"
    return PlainDataset(
        key, n1=people[0] if people else None, n2=people[1] if len(people) > 1 else None, space=space,
        peaks=tuple(peaks), study=study, label=str(analysis.get("name") or "")[:120],
    )  # fmt: skip


def _read_point(point: Mapping[str, Any]) -> PlainPeak | None:
    place = point.get("coordinates")
    if not isinstance(place, list) or len(place) != 3 or not all(_is_number(value) for value in place):
        return None
    sign = -1 if str(point.get("kind")) == "negative" else 1
    for value in _dicts(point.get("values")):
        kind = {name.upper(): own for own, name in _KINDS.items()}.get(str(value.get("kind")).upper()[:1])
        number = value.get("value")
        if kind and _is_number(number):
            told = sign if kind in ("p", "F") or number == 0 else (1 if float(number) > 0 else -1)
            return PlainPeak((place[0], place[1], place[2]), float(number), told, kind)
    return PlainPeak((place[0], place[1], place[2]), None, sign)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _dicts(rows: Any) -> Iterable[Mapping[str, Any]]:
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
