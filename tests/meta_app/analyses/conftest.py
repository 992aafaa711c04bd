"""An agreed dataset of simulated studies, small enough that a run of the real core takes seconds."""

import json
from itertools import count

import pytest

from meta_app.analyses import services, tasks
from meta_app.analyses.domain import Filters, Model
from meta_app.common.domain import canonical_json, digest
from meta_app.datasets.domain import load_snapshot
from meta_app.datasets.models import AgreedDataset

PLACES = [(-38, 14, -6), (40, 18, 2), (-52, -28, 20), (2, 12, 36), (-14, -18, 8), (46, -40, 44)]


def simulated_peak(number, statistic=4.5, **changes):
    x, y, z = PLACES[number % len(PLACES)]
    sign = -1 if statistic is not None and statistic < 0 else 1
    kind = "none" if statistic is None else "t"
    peak = {"x": x, "y": y, "z": z, "x_reported": x, "y_reported": y, "z_reported": z, "sign": sign}
    peak |= {"statistic": statistic, "statistic_kind": kind, "cluster_size": None, "cluster_unit": ""}
    return peak | {"label": "", "page": ""} | changes


def group(key, kind="patients", n=20):
    empty = ("n_female", "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean", "duration_sd")
    return {"key": key, "kind": kind, "label": "", "n": n, "duration_unit": "", **dict.fromkeys(empty)}


def simulated_dataset(study, label="ALFF", peaks=2, **changes):
    dataset = {
        "key": f"{study} / {label}",
        "label": label,
        "comparison": "patients_controls",
        "modality": "resting_fmri",
        "metric": label,
        "design": "two_sample",
        "cohort": "cohort 1",
        "group_a": "patients",
        "group_b": "controls",
        "software": "spm",
        "software_reported": "SPM12",
        "fwhm_mm": 6.0,
        "space": "mni",
        "threshold_kind": "uncorrected",
        "threshold_reported": "p < 0.001",
        "t_threshold": 3.2,
        "peaks_state": "peaks" if peaks else "no_peaks",
        "peaks": [simulated_peak(number) for number in range(peaks)] if isinstance(peaks, int) else peaks,
    }
    return dataset | changes


def simulated_study(label, datasets=None, identity="", n=20):
    groups = [group("patients", n=n), group("controls", "controls", n=n)]
    return {
        "label": label,
        "year": 2020,
        "reports": [f"report of {label}"],
        "extracted_by": 1,
        "revision": 1,
        "cohorts": [{"key": "cohort 1", "label": "People", "identity": identity, "groups": groups}],
        "datasets": datasets if datasets is not None else [simulated_dataset(label)],
    }


def content_of(studies):
    return {
        "format": "concord-agreed-dataset/1",
        "project": {"name": "Simulated studies", "source_note": "simulated"},
        "reports": [],
        "studies": studies,
    }


THREE = [simulated_study(f"Study {number}") for number in range(3)]


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """The ids that were sent to the workers; none is started here."""
    ids = []
    monkeypatch.setattr(tasks.run_execute, "delay", ids.append)
    return ids


@pytest.fixture(autouse=True)
def sent_blocks(monkeypatch):
    """The ids of blocks that were sent to the workers; none is started here."""
    ids = []
    monkeypatch.setattr(tasks.block_execute, "delay", ids.append)
    return ids


@pytest.fixture
def snapshot_of():
    """snapshot_of(studies) as the pages and the engine read it."""
    return lambda studies: load_snapshot(content_of(studies))


@pytest.fixture
def freeze(project, owner):
    """freeze(studies) keeps a new version of an agreed dataset."""
    versions = count(1)

    def frozen(studies=None):
        content = content_of(THREE if studies is None else studies)
        text = canonical_json(content)
        version = next(versions)
        counts = {"reports": 3, "studies": 3, "cohorts": 3, "datasets": 3, "peaks": 6}
        return AgreedDataset.objects.create(
            project=project, version=version, content=text, sha256=digest(text), counts=counts, frozen_by=owner
        )

    return frozen


@pytest.fixture
def agreed_dataset(freeze):
    return freeze()


@pytest.fixture
def launch(agreed_dataset, owner):
    """launch(**changes) queues a small run."""

    def launched(user=owner, **changes):
        question = {"filters": Filters("patients_controls"), "model": Model(imputations=5), "seed": 1, "name": "Small"}
        return services.run_launch(user=user, **({"agreed_dataset": agreed_dataset} | question | changes))

    return launched


@pytest.fixture
def run(launch):
    return launch().run


@pytest.fixture
def specification_content():
    return lambda run: json.loads(run.specification.content)


@pytest.fixture
def three_studies():
    """The content of an agreed dataset of three simulated studies."""
    return content_of(THREE)
