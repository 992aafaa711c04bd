"""The real core behind the real services, on three simulated studies."""

import csv
import hashlib
import json

import nibabel
import pytest

from meta_app.analyses import block_execution, computing, execution, services
from meta_app.analyses.domain import Model
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import artefact_path, run_folder
from sdm_core.__main__ import main as core_command

pytestmark = pytest.mark.django_db(transaction=True)

MAPS = {"g", "var", "z", "tau2", "i2", "h2", "q", "p_uncorrected", "p_uncorrected_neg"}


def computed(run):
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.error == ""
    assert run.status == Run.Status.DONE
    return {file.name: file for file in run.artefacts.select_related("run")}


def test_a_run_leaves_maps_tables_and_a_provenance_that_names_its_question(launch):
    run = launch(seed=7).run
    files = computed(run)
    assert {name for name in files if name.startswith("maps/")} == {f"maps/{name}.nii.gz" for name in MAPS}
    for file in files.values():
        assert hashlib.sha256(artefact_path(file).read_bytes()).hexdigest() == file.sha256
    z = nibabel.load(artefact_path(files["maps/z.nii.gz"])).get_fdata()
    assert z.shape == (91, 109, 91)
    with artefact_path(files["tables/clusters.csv"]).open() as table:
        assert len(list(csv.reader(table))) > 1
    provenance = json.loads(artefact_path(files["run.json"]).read_text())
    concord = provenance["concord"]
    assert concord["agreed_dataset"]["sha256"] == run.agreed_dataset.sha256
    assert concord["analysis_specification"]["sha256"] == run.specification.sha256
    assert (concord["seed"], concord["core_version"]) == (run.seed, run.core_version)
    assert provenance["specification"]["seed"] == 7, "the core itself was given the seed of the run"
    assert any(doubt["text"].startswith("Only 3 datasets") for doubt in concord["preflight"])


def test_the_command_line_makes_the_same_maps_from_the_inputs_a_run_leaves(launch, tmp_path):
    run = launch(seed=7).run
    files = computed(run)
    asked = json.loads(artefact_path(files["run.json"]).read_text())["specification"]
    names = ("imputations", "seed", "estimator", "sign_peaks", "voxel_p", "min_peak_z", "min_extent")
    settings = [f"--{name.replace('_', '-')}={asked[name]}" for name in names]
    assert core_command(["run", str(run_folder(run) / "inputs"), "--out", str(tmp_path / "again"), *settings]) == 0
    for name, file in files.items():
        if name.startswith(("maps/", "tables/")):
            assert hashlib.sha256((tmp_path / "again" / name).read_bytes()).hexdigest() == file.sha256, name


def test_the_same_question_gives_the_same_maps_whatever_was_edited_meanwhile(launch, freeze, owner):
    from .conftest import simulated_study

    run = launch().run
    first = {name: file.sha256 for name, file in computed(run).items()}
    freeze([simulated_study("Edited since")])
    Run.objects.filter(pk=run.pk).update(status=Run.Status.FAILED)
    run.artefacts.all().delete()
    services.run_retry(run=run, user=owner)
    again = {name: file.sha256 for name, file in computed(run).items()}
    assert {name: digest for name, digest in again.items() if name != "run.json"} == {
        name: digest for name, digest in first.items() if name != "run.json"
    }
    assert run_folder(run).exists()


def test_blocks_computed_here_and_on_a_machine_without_this_ones_cache_make_the_files_of_the_command_line(
    launch, tmp_path, settings
):
    run = launch(seed=7, model=Model(imputations=3, permutations=40)).run
    first, second = execution.run_execute(run.pk)
    assert block_execution.block_execute(second) is None
    computing._close()
    settings.PREPARED_DIR = tmp_path / "another machine"
    execution.run_execute(block_execution.block_execute(first))
    run.refresh_from_db()
    assert (run.error, run.status) == ("", Run.Status.DONE)
    files = {file.name: file for file in run.artefacts.select_related("run")}
    asked = ["--imputations=3", "--seed=7", "--permutations=40"]
    assert core_command(["run", str(run_folder(run) / "inputs"), "--out", str(tmp_path / "again"), *asked]) == 0
    compared = [name for name in files if name.startswith(("maps/", "tables/", "null_maxima"))]
    assert {"maps/p_fwe_tfce.nii.gz", "tables/clusters_fwe_voxel.csv", "null_maxima.csv"} <= set(compared)
    for name in compared:
        assert hashlib.sha256((tmp_path / "again" / name).read_bytes()).hexdigest() == files[name].sha256, name
