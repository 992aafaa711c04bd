"""Reads: finished runs, their files, and what must be told beside them."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.db.models import F, QuerySet
from django.http import Http404

from meta_app.analyses.domain import filters_of, without_numbers
from meta_app.analyses.engine import core_names
from meta_app.analyses.models import Artefact, Run
from meta_app.analyses.selectors import artefact_path, project_runs, run_folder
from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import DatasetRow, count_units, select
from meta_app.projects.permissions import Place
from meta_app.results.domain import (
    CORRECTIONS,
    CORRECTIONS_BY_KEY,
    UNCORRECTED,
    ClusterRow,
    Correction,
    MapKind,
    NullRow,
    Thresholds,
    maps_of,
    null_rows,
    thresholds_of,
)
from meta_app.results.parsers import parse_clusters, parse_maxima

CORE_WARNING = re.compile(r"warning: study ([\w.\-]+), ([^:]+): (.+)", re.DOTALL)
FIELDS = {"t_thr": "t threshold", "n1": "n of the first group", "n2": "n of the second group"}

RUN_FILE, MAXIMA = "run.json", "null_maxima.csv"


class LostFileError(UserError):
    """A file of a finished run is missing or is not what was written."""

    status = 410
    code = "lost"


def viewable_runs(place: Place) -> QuerySet[Run]:
    """Runs with maps, previews before the newest, with their questions but not the contents of their datasets."""
    runs = project_runs(place.project).defer(None).defer("agreed_dataset__content")
    return runs.viewable().order_by(F("finished_at").desc(nulls_first=True), "-pk")


def find_run(place: Place, run_id: int) -> Run:
    """A run of this project that is finished or has a preview, or Http404."""
    runs = Run.objects.viewable().select_related("agreed_dataset", "specification", "launched_by")
    run = runs.filter(project=place.project, pk=run_id).first()
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
class ClusterTable:
    """The clusters that pass one correction."""

    correction: Correction
    clusters: tuple[ClusterRow, ...]
    thresholds: str


@dataclass(frozen=True)
class Result:
    """Everything the page of a result tells, but for the maps themselves."""

    run: Run
    artefacts: tuple[Artefact, ...]
    found: Mapping[str, tuple[ClusterRow, ...]]
    """The clusters of every correction, by its key, in the order of the choice."""
    specification: Mapping[str, Any]
    record: Mapping[str, Any]
    counts: Mapping[str, int]
    rows: tuple[DatasetRow, ...] = ()
    """The datasets it was computed from."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Datasets by the names that the core calls them."""
    designs: Mapping[str, int] = field(default_factory=dict)
    null: tuple[NullRow, ...] = ()

    @property
    def core(self) -> Mapping[str, Any]:
        return self.specification["core"]

    @property
    def test(self) -> Mapping[str, Any]:
        """What the record says of the permutation test; empty where there was none."""
        return self.record.get("permutation_test", {})

    @property
    def thresholds(self) -> Thresholds:
        asked = thresholds_of(self.core)
        both = [row.threshold for row in self.null if row.statistic == "z"]
        known = [value for value in (both[0] if both else ()) if value is not None]
        made = self.test.get("permutations", asked.permutations)
        return replace(asked, permutations=made, null_z=min(known, default=None))

    @property
    def is_preview(self) -> bool:
        """Whether a permutation test was asked for that is not concluded."""
        return self.run.status != Run.Status.DONE

    @property
    def smallest_p(self) -> str:
        return f"{1 / self.test['permutations']:.2g}"

    @property
    def null_share(self) -> str:
        return f"{100 * (1 - self.thresholds.fwe_p):g} %"

    @property
    def tables(self) -> list[ClusterTable]:
        sentence = self.thresholds.sentence
        return [
            ClusterTable(CORRECTIONS_BY_KEY[key], rows, sentence(CORRECTIONS_BY_KEY[key]))
            for key, rows in self.found.items()
        ]

    @property
    def opens_with(self) -> Correction:
        return reported_correction(self.specification, self.found)

    def table(self, key: str = "") -> ClusterTable:
        """The table of a correction; of the one that is reported if the run has no such."""
        wanted = key if key in self.found else self.opens_with.key
        return next(table for table in self.tables if table.correction.key == wanted)

    @property
    def maps(self) -> tuple[MapKind, ...]:
        return maps_of((artefact.name for artefact in self.artefacts), self.designs)

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
            kinds[without_numbers(warning["text"]) + warning["mend"]].append(warning)
        return list(kinds.values())


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


def reported_correction(specification: Mapping[str, Any], there: Collection[str]) -> Correction:
    """What the question asks to report, else the first that is there."""
    asked = specification.get("report", {}).get("correction")
    return CORRECTIONS_BY_KEY[asked if asked in there else next(iter(there), UNCORRECTED.key)]


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
    if missing := [name for name in (*UNCORRECTED.tables, RUN_FILE) if name not in by_name]:
        raise LostFileError(f"This run has no file {missing[0]}. Launch the analysis again with another seed.")

    def text(name: str) -> str:
        return checked_path(by_name[name]).read_text("utf-8")

    specification = read_specification(run)
    rows = _rows(run, specification)
    there = [correction for correction in CORRECTIONS if by_name.keys() >= set(correction.tables)]
    maxima = parse_maxima(text(MAXIMA)) if MAXIMA in by_name else {}
    return Result(
        run=run,
        artefacts=artefacts,
        found={each.key: tuple(parse_clusters(*map(text, each.tables))) for each in there},
        specification=specification,
        record=json.loads(text(RUN_FILE)),
        counts=count_units(rows),
        rows=rows,
        keys={name: key for key, name in core_names(row.key for row in rows).items()},
        designs=Counter(row.design for row in rows),
        null=null_rows(maxima, thresholds_of(specification["core"]).fwe_p),
    )


def _rows(run: Run, specification: Mapping[str, Any]) -> tuple[DatasetRow, ...]:
    """The datasets that the specification's filters let through."""
    return select(run.agreed_dataset.snapshot, filters_of(specification))


def cluster_count(run: Run) -> tuple[Correction, int] | None:
    """How many clusters a run reports, by which correction; None if no table is there to be counted."""
    folder = run_folder(run)
    there = [each.key for each in CORRECTIONS if (folder / each.tables[0]).is_file()]
    if not there:
        return None
    correction = reported_correction(read_specification(run), there)
    return correction, max(0, (folder / correction.tables[0]).read_bytes().count(b"\n") - 1)
