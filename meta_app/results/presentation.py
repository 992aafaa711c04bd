"""The words beside a result: what was asked, where it comes from, what can be fetched."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import TextChoices

from meta_app.analyses.domain import filters_of
from meta_app.analyses.models import Artefact, Run
from meta_app.extraction.models import Dataset
from meta_app.results.domain import CORRECTIONS, units_text
from meta_app.results.methods import ESTIMATORS, sign_only_text, thresholds_text, transforms_text
from meta_app.results.selectors import Result, provenance_keys

Fact = tuple[str, str]

TABLE_TITLES = {
    name: f"{what} ({correction.title})"
    for correction in CORRECTIONS
    for what, name in zip(("Clusters", "Local peaks"), correction.tables, strict=True)
} | {"null_maxima.csv": "Maxima of every permutation", "run.json": "Record of the run"}


@dataclass(frozen=True)
class Download:
    """A file to fetch: its title, its name on the server, its size."""

    title: str
    name: str
    size_bytes: int
    sha256: str


def question_facts(result: Result) -> list[Fact]:
    """What was asked, in words."""
    filters, core = result.specification["filters"], result.core
    return [
        ("Comparison", _labels(Dataset.Comparison, [filters["comparison"]])),
        ("Modalities", _labels(Dataset.Modality, filters["modalities"])),
        ("Metrics", ", ".join(filters["metrics"]) or "all"),
        *filters_of(result.specification).words,
        ("Analysed", units_text(result.counts)),
        ("Model", f"random effects, {ESTIMATORS.get(core['estimator'], core['estimator'])}"),
        ("Imputations", f"{core['imputations']} per study"),
        ("t thresholds", thresholds_text(result.rows)),
        ("Sign-only peaks", sign_only_text(result) or "none"),
        ("Talairach to MNI", transforms_text(result.rows) or "none: no coordinate was reported in Talairach space"),
        ("Permutations", _test_text(result)),
        ("Reported", result.table().thresholds),
    ]


def _test_text(result: Result) -> str:
    made = result.test.get("permutations")
    if result.is_preview:
        return f"{result.run.permutations:,} of subject images asked for, not concluded"
    if not made:
        return "none: p values are not corrected for multiple comparisons"
    return f"{made:,} of subject images" + (", all there are" if result.test.get("exact") else "")


def _labels(choices: type[TextChoices], values: Iterable[str]) -> str:
    """Stored codes in words; "all" where nothing was chosen."""
    return ", ".join(str(dict(choices.choices).get(value, value)) for value in values if value) or "all"


def provenance_facts(result: Result) -> list[Fact]:
    """Where the numbers come from; the first four make the run repeatable."""
    keys, core, run = provenance_keys(result.run), result.core, result.run
    return [
        ("Agreed dataset", f"version {keys['agreed_dataset_version']}, sha256 {keys['agreed_dataset_sha256']}"),
        ("Specification", f"sha256 {keys['analysis_specification_sha256']}"),
        ("Numeric core", f"sdm_core {keys['core_version']}"),
        ("Seed", str(keys["seed"])),
        ("Template", f"{_plain(core['template'])} correlations, Concord's own model (SDM-PSI's is not public)"),
        ("Mask", _mask_text(result)),
        ("Left out of the mean that guides imputation", _discards_text(result)),
        ("Kernel", f"{core['fwhm_mm']:g} mm FWHM, anisotropy {core['anisotropy']:g}"),
        ("Compatibility", core["compatibility"] or "none: our own rules"),
        ("Launched by", str(run.launched_by)),
        ("Finished", _finished_text(result)),
    ]


def _finished_text(result: Result) -> str:
    if result.is_preview:
        return f"preview of {result.run.preview_at:%Y-%m-%d %H:%M} UTC"
    return f"{result.run.finished_at:%Y-%m-%d %H:%M} UTC" if result.run.finished_at else "not recorded"


def _mask_text(result: Result) -> str:
    voxels = result.record.get("mask", {}).get("voxels")
    return _plain(result.core["mask"]) + (f", {voxels:,} voxels of 2 mm" if voxels else "")


def _discards_text(result: Result) -> str:
    used = result.record.get("mle_discards_used")
    return "not recorded" if used is None else f"the {used} most favourable of the datasets at each voxel"


def _plain(name: str) -> str:
    return str(name).replace("_", " ")


def map_downloads(result: Result) -> list[Download]:
    """The maps, in the order of the switcher; others after them."""
    titles = {file: title for kind in result.maps for file, title in kind.file_titles.items()}
    order = list(titles)
    maps = [artefact for artefact in result.artefacts if artefact.kind == Artefact.Kind.MAP]
    maps.sort(key=lambda item: (order.index(item.name) if item.name in order else len(order), item.name))
    return [_download(artefact, titles.get(artefact.name, artefact.name)) for artefact in maps]


def table_downloads(result: Result) -> list[Download]:
    """Tables and the record of the run; the inputs of each study come with everything else as one file."""
    by_name = {artefact.name: artefact for artefact in result.artefacts}
    return [_download(by_name[name], title) for name, title in TABLE_TITLES.items() if name in by_name]


def _download(artefact: Artefact, title: str) -> Download:
    return Download(title, artefact.name, artefact.size_bytes, artefact.sha256)


def file_stem(result_or_run: object) -> str:
    """Start of every file name a person downloads: run, dataset and specification hash, seed."""
    run = getattr(result_or_run, "run", result_or_run)
    dataset, specification = run.agreed_dataset.sha256[:8], run.specification.sha256[:8]
    preview = "" if run.status == Run.Status.DONE else "-preview"
    return f"concord-run{run.pk}-d{dataset}-s{specification}-seed{run.seed}{preview}"
