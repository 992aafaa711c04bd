"""A finished run whose maps are SIMULATED: two smooth blobs of known place and height, no study behind them."""

import atexit
import functools
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from scipy.stats import norm

from meta_app.analyses.models import AnalysisSpecification, Artefact, Run, RunBlock
from meta_app.datasets.models import AgreedDataset
from sdm_core.inference import NullMaxima, corrected_p, find_clusters
from sdm_core.io import write_result
from sdm_core.spaces import load_mask, voxel_to_mm

MEDIA_TYPES = {".gz": "application/gzip", ".csv": "text/csv", ".json": "application/json"}
POSITIVE_MM, NEGATIVE_MM = (-36, 14, 2), (40, -22, 54)
CORE = {
    "imputations": 5,
    "estimator": "DL",
    "mle_discards": None,
    "sign_peaks": "pool",
    "compatibility": None,
    "template": "gray_matter",
    "mask": "gray_matter",
    "anisotropy": 1.0,
    "fwhm_mm": 20.0,
    "voxel_p": 0.005,
    "min_peak_z": 1.0,
    "min_extent": 10,
}


def simulated_study(label, n):
    """A study as an agreed dataset holds it, without peaks."""
    group = {"key": "g1", "kind": "patients", "label": "", "n": n}
    dataset = {
        "key": f"{label} / ALFF",
        "label": "ALFF",
        "comparison": "patients > controls",
        "modality": "ALFF",
        "metric": "ALFF",
        "design": "one_sample",
        "cohort": "c1",
        "group_a": "g1",
        "group_b": None,
        "peaks": [],
    }
    cohort = {"key": "c1", "label": "", "identity": "", "groups": [group]}
    return {"label": label, "year": 2001, "reports": [label], "cohorts": [cohort], "datasets": [dataset]}


SNAPSHOT = {
    "format": "concord-agreed-dataset/1",
    "project": {"name": "Pain in the brain", "source_note": "simulated"},
    "reports": [],
    "studies": [simulated_study("Aster 2001", 14), simulated_study("Birch 2002", 20)],
}
SPECIFICATION = {
    "format": "concord-specification/1",
    "filters": {"comparison": "patients > controls", "modalities": ["ALFF"], "metrics": []},
    "core": CORE,
}


@dataclass(eq=False)
class SimulatedResult:
    """What the core's writer asks of a result."""

    maps: dict
    clusters: list
    provenance: dict
    bounds: None = field(default=None)
    null_maxima: NullMaxima | None = None
    corrected_clusters: dict = field(default_factory=dict)


def simulated_z(heights=(5.0, -4.0), sd_mm=6.0):
    """A z map of the gray-matter mask with a Gaussian of each height at POSITIVE_MM and NEGATIVE_MM."""
    mask = load_mask("gray_matter")
    mm = voxel_to_mm(mask.indices)
    values = np.full(mask.size, 0.01)
    for height, centre in zip(heights, (POSITIVE_MM, NEGATIVE_MM), strict=True):
        values += height * np.exp(-((mm - centre) ** 2).sum(axis=1) / (2 * sd_mm**2))
    return mask.to_volume(values)


def simulated_result(z):
    mask = load_mask("gray_matter")
    inside = mask.voxels
    maps = {
        "z": z,
        "g": z / 5,
        "p_uncorrected": np.where(inside, norm.sf(z), 0),
        "p_uncorrected_neg": np.where(inside, norm.cdf(z), 0),
        "tau2": np.where(inside, 0.02 + np.abs(z) / 100, 0),
        "i2": np.where(inside, np.abs(z) * 8, 0),
        "h2": np.where(inside, 1 + np.abs(z) / 10, 0),
        "q": np.where(inside, 20 + z, 0),
        "var": np.where(inside, 0.04, 0),
    }
    maps = {name: volume.astype(np.float32) for name, volume in maps.items()}
    thresholds = {name: CORE[name] for name in ("voxel_p", "min_peak_z", "min_extent")}
    clusters = find_clusters(maps["z"], mask, maps["p_uncorrected"], maps["p_uncorrected_neg"], **thresholds)
    notice = {"level": "warning", "place": "Selection", "text": "Simulated: only 2 blobs.", "mend": "Test with them."}
    record = {"sign_only_heights": {"default": 7}, "mle_discards_used": 1, "mask": {"voxels": mask.size}}
    concord = {"preflight": [notice]}
    return SimulatedResult(maps, clusters, record | {"concord": concord, "warnings": ["A core warning."]})


PERMUTATIONS = 40
NULL_OF_DATA = {"z": ([[5.01, 3.99]], 1), "tfce": ([[900.0, 30.0]], 1000), "extent": ([[120, 90]], 100)}
"""Largest values of the data, and the scale of those of the permutations."""


def simulated_null():
    """Maxima of 40 permutations: those of the data, and 39 of which the second largest z are 3.0 and 4.5."""
    steps = np.arange(1, PERMUTATIONS - 1)[:, None] / (PERMUTATIONS - 2)
    others = np.vstack([steps * (3.0, 4.5), [[4.9, 4.9]]])
    z, tfce, extent = (np.vstack([own, scale * others]) for own, scale in NULL_OF_DATA.values())
    return NullMaxima(z, tfce, np.round(extent), exact=False, counted=PERMUTATIONS - 1)


def simulated_tested(z):
    """The same maps after a permutation test: voxel-wise only the positive blob passes, by TFCE nothing does."""
    result, mask = simulated_result(z), load_mask("gray_matter")
    null = simulated_null()
    sides = {"": (z, 0), "_neg": (-z, 1)}
    for suffix, (signed, side) in sides.items():
        p = corrected_p(mask.take(signed), null.z[:, side])
        result.maps[f"p_fwe_voxel{suffix}"] = np.where(mask.voxels, mask.to_volume(p), 1).astype(np.float32)
        result.maps[f"p_permutation{suffix}"] = result.maps[f"p_uncorrected{suffix}"]
        for name in ("tfce", "cluster"):
            result.maps[f"p_fwe_{name}{suffix}"] = np.full(z.shape, 0.2, dtype=np.float32)
    maps = result.maps
    result.null_maxima = null
    result.corrected_clusters = {
        name: find_clusters(
            maps["z"], mask, maps[f"p_fwe_{name}"], maps[f"p_fwe_{name}_neg"], voxel_p=0.05, min_peak_z=1, min_extent=10
        )
        for name in ("voxel", "tfce", "cluster")
    }
    result.provenance["permutation_test"] = {
        "permutations": PERMUTATIONS,
        "exact": False,
        "method": "simulated",
        "tfce": {"neighbours": 26, "heights": "all", "extent_power": 0.5, "height_power": 2},
        "cluster_forming_p": 0.005,
        "maxima_of_the_data": {"z": [5.01, 3.99], "tfce": [900.0, 30.0], "extent": [120, 90]},
    }
    return result


def artefacts_of(run, folder):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        kind = {"maps": Artefact.Kind.MAP, "tables": Artefact.Kind.TABLE}.get(name.split("/")[0], "provenance")
        yield Artefact(
            run=run,
            name=name,
            kind=kind,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type=MEDIA_TYPES[path.suffix],
        )


@functools.cache
def written(result):
    """A folder with the files of a result, written once by the core's own writer."""
    folder = Path(tempfile.mkdtemp(prefix="concord-simulated-")) / "run"
    write_result(result, folder)
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    return folder


def asked(correction="tfce", permutations=PERMUTATIONS):
    """The specification of a permutation test."""
    core = CORE | {"permutations": permutations, "fwe_p": 0.05, "tfce_neighbours": 26}
    return SPECIFICATION | {"core": core, "report": {"correction": correction}}


def make_run(
    project,
    person,
    result,
    *,
    name="Simulated pain",
    seed=1,
    status=Run.Status.DONE,
    folder=True,
    content=SPECIFICATION,
):
    dataset, _ = AgreedDataset.objects.get_or_create(
        project=project,
        version=1,
        defaults={"content": json.dumps(SNAPSHOT), "sha256": "d" * 64, "counts": {}, "frozen_by": person},
    )
    text = json.dumps(content)
    sha256 = "5" * 64 if content == SPECIFICATION else hashlib.sha256(text.encode()).hexdigest()
    specification, _ = AnalysisSpecification.objects.get_or_create(
        project=project, sha256=sha256, defaults={"content": text, "created_by": person}
    )
    run = Run.objects.create(
        project=project,
        agreed_dataset=dataset,
        specification=specification,
        core_version="0.1.0",
        seed=seed,
        name=name,
        status=status,
        launched_by=person,
        finished_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    if folder:
        target = settings.RUNS_DIR / str(run.pk)
        shutil.copytree(written(result), target)
        Artefact.objects.bulk_create(artefacts_of(run, target))
    return run


@pytest.fixture(scope="session")
def blobs():
    return simulated_result(simulated_z())


@pytest.fixture(scope="session")
def nothing():
    return simulated_result(simulated_z(heights=(1.2, -0.8)))


@pytest.fixture
def runs_dir(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    return settings.RUNS_DIR


@pytest.fixture
def run(project, owner, blobs, runs_dir):
    return make_run(project, owner, blobs)


@pytest.fixture
def empty_run(project, owner, nothing, runs_dir):
    return make_run(project, owner, nothing, name="Simulated, nothing there", seed=2)


@pytest.fixture(scope="session")
def tested():
    return simulated_tested(simulated_z())


@pytest.fixture
def tested_run(project, owner, tested, runs_dir):
    """A run with a permutation test whose question asks to report TFCE."""
    return make_run(project, owner, tested, name="Simulated, permuted", seed=3, content=asked())


@pytest.fixture
def preview_run(project, owner, blobs, runs_dir):
    """A run of 1000 permutations of which 320 are done."""
    run = make_run(project, owner, blobs, name="Simulated, not yet permuted", seed=4, content=asked(permutations=1000))
    return make_preview(run)


def make_preview(run, done=10, total=32):
    """The run as it is while its blocks of permutations are computed."""
    Run.objects.filter(pk=run.pk).update(
        status=Run.Status.PERMUTING,
        permutations=1000,
        preview_at=run.finished_at,
        finished_at=None,
        blocks_total=total,
        fraction=done / total,
    )
    run.refresh_from_db()
    states = [RunBlock.Status.DONE] * done + [RunBlock.Status.WAITING] * (total - done)
    RunBlock.objects.bulk_create(
        RunBlock(run=run, number=number, status=status) for number, status in enumerate(states)
    )
    return run


@pytest.fixture
def page(project):
    """page(run, "files/maps/z.nii.gz") answers the address below a result."""

    def address(run, rest=""):
        return f"/projects/{project.pk}/results/{run.pk}/{rest}"

    return address
