"""Reads: finished runs, their files, and what must be told beside them."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from meta_app.analyses.engine import core_names
from meta_app.analyses.models import Artefact, Run
from meta_app.analyses.selectors import artefact_path, project_runs, run_folder
from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import DatasetRow, count_units, load_snapshot, select
from meta_app.projects.permissions import Place
from meta_app.results.domain import MAPS, ClusterRow, MapKind, Thresholds, thresholds_of
from meta_app.results.parsers import parse_clusters

CORE_WARNING = re.compile(r"warning: study ([\w.\-]+), ([^:]+): (.+)", re.DOTALL)
FIELDS = {"t_thr": "t threshold", "n1": "n of the first group", "n2": "n of the second group"}

CLUSTERS, PEAKS, RUN_FILE = "tables/clusters.csv", "tables/peaks.csv", "run.json"


class LostFileError(UserError):
    """A file of a finished run is missing or is not what was written."""

    status = 410
    code = "lost"


def done_runs(place: Place) -> QuerySet[Run]:
    """Finished runs, the newest first, without the contents of their datasets."""
    return project_runs(place.project).filter(status=Run.Status.DONE).order_by("-finished_at", "-pk")


def find_run(place: Place, run_id: int) -> Run:
    """A finished run of this project, or Http404."""
    runs = Run.objects.select_related("agreed_dataset", "specification", "launched_by")
    run = runs.filter(project=place.project, pk=run_id, status=Run.Status.DONE).first()
    if run is None:
        raise Http404
    return run


def find_artefact(run: Run, name: str) -> Artefact:
    """A file of a run by its exact name; a name that no row holds leads nowhere."""
    artefact = Artefact.objects.filter(run=run, name=name).first()
    if artefact is None:
        raise Http404
    artefact.run = run
    return artefact


def checked_path(artefact: Artefact) -> Path:
    """Where a file lies, once it is there and has its size.

    Raises
    ------
    LostFileError
    """
    path = artefact_path(artefact)
    if not path.is_file() or path.stat().st_size != artefact.size_bytes:
        raise LostFileError(
            f"The file {artefact.name} of this run is missing or damaged on the server. Everything else is kept; "
            "ask who runs the server to restore the folder of runs, or launch the analysis again with another seed."
        )
    return path


def read_text(run: Run, name: str) -> str:
    artefact = Artefact.objects.filter(run=run, name=name).first()
    if artefact is None:
        raise LostFileError(f"This run has no file {name}. Launch the analysis again with another seed.")
    artefact.run = run
    return checked_path(artefact).read_text("utf-8")


def provenance_keys(run: Run) -> dict[str, Any]:
    """The four things without which no map leaves the server.

    Raises
    ------
    UserError
        If one is not known.
    """
    keys = {
        "agreed_dataset_version": run.agreed_dataset.version,
        "agreed_dataset_sha256": run.agreed_dataset.sha256,
        "analysis_specification_sha256": run.specification.sha256,
        "core_version": run.core_version,
        "seed": run.seed,
    }
    missing = [name.replace("_", " ") for name, value in keys.items() if value in ("", None)]
    if missing:
        raise UserError(f"This run does not say its {' or '.join(missing)}: its maps cannot be downloaded.")
    return keys


@dataclass(frozen=True)
class Result:
    """Everything the page of a result tells, but for the maps themselves."""

    run: Run
    artefacts: tuple[Artefact, ...]
    clusters: tuple[ClusterRow, ...]
    specification: Mapping[str, Any]
    record: Mapping[str, Any]
    counts: Mapping[str, int]
    keys: Mapping[str, str] = field(default_factory=dict)
    """Datasets by the names that the core calls them."""

    @property
    def core(self) -> Mapping[str, Any]:
        return self.specification["core"]

    @property
    def thresholds(self) -> Thresholds:
        return thresholds_of(self.core)

    @property
    def maps(self) -> tuple[MapKind, ...]:
        names = {artefact.name for artefact in self.artefacts}
        return tuple(kind for kind in MAPS if names.issuperset(kind.files))

    @property
    def warnings(self) -> list[dict[str, str]]:
        """Doubts of the pre-flight and of the core, once each: {"place", "text", "mend"}."""
        core = [_notice(item, self.keys) for item in self.record.get("warnings", ())]
        before = [_notice(item) for item in self.record.get("concord", {}).get("preflight", ())]
        if any(notice["place"].endswith(FIELDS["t_thr"]) for notice in core):
            # The core names each dataset without a threshold, with the t it took.
            before = [notice for notice in before if notice["place"] != "Threshold"]
        unique = {json.dumps(notice, sort_keys=True): notice for notice in [*before, *core]}
        return list(unique.values())

    @property
    def warning_kinds(self) -> list[list[dict[str, str]]]:
        """The warnings that differ only in their place and numbers together, each kind led by its first."""
        kinds: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        for warning in self.warnings:
            kinds[_without_numbers(warning["text"]) + warning["mend"]].append(warning)
        return list(kinds.values())


def _without_numbers(text: str) -> str:
    """Also with one word for one peak and for several."""
    return re.sub(r"-?\d[\d.]*(?:, -?\d[\d.]*)*", "#", text).replace("Peaks #", "Peak #").replace("peaks #", "peak #")


def _notice(item: Mapping[str, Any] | str, keys: Mapping[str, str] | None = None) -> dict[str, str]:
    if isinstance(item, str):
        return _core_notice(item, keys or {})
    return {
        "place": _place_in_words(item.get("place", "")),
        "text": item.get("text") or item.get("message", ""),
        "mend": item.get("mend", ""),
    }


def _core_notice(line: str, keys: Mapping[str, str]) -> dict[str, str]:
    """A line of the core in the words of the agreed dataset."""
    found = CORE_WARNING.match(line)
    if not found:
        return {"place": "", "text": line.removeprefix("warning: "), "mend": ""}
    name, place, text = found.groups()
    told = _place_in_words(f"{keys.get(name, name)}, {place}")
    return {"place": told, "text": text[:1].upper() + text[1:], "mend": ""}


def _place_in_words(place: str) -> str:
    """A place that ends with a field of the core's tables, with the name the pages give it."""
    before, comma, field_name = place.rpartition(", ")
    return before + comma + FIELDS.get(field_name, field_name)


def read_clusters(run: Run) -> list[ClusterRow]:
    return parse_clusters(read_text(run, CLUSTERS), read_text(run, PEAKS))


def read_specification(run: Run) -> dict[str, Any]:
    return json.loads(run.specification.content)


def read_result(run: Run) -> Result:
    """The run, its tables and its summary; one query for its files, the rest from disk.

    Raises
    ------
    LostFileError
    """
    artefacts = tuple(Artefact.objects.filter(run=run))
    for artefact in artefacts:
        artefact.run = run
    by_name = {artefact.name: artefact for artefact in artefacts}
    if missing := [name for name in (CLUSTERS, PEAKS, RUN_FILE) if name not in by_name]:
        raise LostFileError(f"This run has no file {missing[0]}. Launch the analysis again with another seed.")
    clusters, peaks, record = (checked_path(by_name[name]).read_text("utf-8") for name in (CLUSTERS, PEAKS, RUN_FILE))
    specification = read_specification(run)
    rows = _rows(run, specification)
    return Result(
        run,
        artefacts,
        tuple(parse_clusters(clusters, peaks)),
        specification,
        json.loads(record),
        count_units(rows),
        {name: key for key, name in core_names(row.key for row in rows).items()},
    )


def _rows(run: Run, specification: Mapping[str, Any]) -> tuple[DatasetRow, ...]:
    """The datasets that the specification's filters let through."""
    filters = specification["filters"]
    snapshot = load_snapshot(run.agreed_dataset.content)
    return select(snapshot, filters["comparison"], filters["modalities"], filters["metrics"])


def cluster_count(run: Run) -> int | None:
    """How many clusters a run reports; None if its table is not there to be counted."""
    path = run_folder(run) / CLUSTERS
    return max(0, path.read_bytes().count(b"\n") - 1) if path.is_file() else None
