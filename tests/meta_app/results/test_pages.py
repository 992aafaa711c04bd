"""The pages of results: who sees them, what they say, and what they cost."""

import re

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meta_app.analyses.models import Artefact, Run
from meta_app.extraction.models import Dataset
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.results.conftest import NEGATIVE_MM, POSITIVE_MM, make_run

PATHS = ["", "slices.png", "tables.xlsx", "everything.zip", "files/maps/z.nii.gz"]


@pytest.mark.parametrize("path", PATHS)
def test_a_result_is_for_members_of_its_project_only(run, page, sign_in, viewer, outsider, path):
    assert sign_in(None).get(page(run, path)).status_code == 302
    assert sign_in(outsider).get(page(run, path)).status_code == 404
    assert sign_in(viewer).get(page(run, path)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_result_is_not_reached_through_another_project(run, sign_in, owner, path):
    other = Project.objects.create(name="Another")
    Membership.objects.create(project=other, user=owner, role=Role.OWNER)
    assert sign_in(owner).get(f"/projects/{other.pk}/results/{run.pk}/{path}").status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("status", [Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.FAILED, Run.Status.CANCELLED])
def test_only_finished_runs_have_a_result(project, owner, blobs, runs_dir, page, sign_in, path, status):
    unfinished = make_run(project, owner, blobs, status=status, folder=False)
    assert sign_in(owner).get(page(unfinished, path)).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_nothing_can_be_sent_to_a_result(run, page, sign_in, owner, path):
    assert sign_in(owner).post(page(run, path)).status_code == 405


def test_the_list_is_for_members_only(run, project, sign_in, viewer, outsider):
    address = f"/projects/{project.pk}/results/"
    assert sign_in(None).get(address).status_code == 302
    assert sign_in(outsider).get(address).status_code == 404
    assert b"Simulated pain" in sign_in(viewer).get(address).content


def test_the_list_without_results_says_what_to_do_next(project, sign_in, viewer):
    text = sign_in(viewer).get(f"/projects/{project.pk}/results/").content.decode()
    assert "No result yet" in text
    assert f"/projects/{project.pk}/analyses/" in text


def test_the_list_costs_the_same_number_of_queries_for_one_result_and_for_many(
    project, owner, nothing, runs_dir, sign_in
):
    client, address = sign_in(owner), f"/projects/{project.pk}/results/"
    make_run(project, owner, nothing, seed=1)
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for seed in range(2, 6):
        make_run(project, owner, nothing, seed=seed)
    with CaptureQueriesContext(connection) as many:
        text = client.get(address).content.decode()
    assert len(many) == len(one) <= LIST_QUERIES
    assert text.count("none significant") == 5


def test_the_page_costs_few_queries(run, page, sign_in, owner, django_assert_max_num_queries):
    client = sign_in(owner)
    client.get(page(run))
    with django_assert_max_num_queries(PAGE_QUERIES):
        client.get(page(run))


def test_thresholds_and_correction_stand_where_the_result_is(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run)).content.decode()
    sentence = "one-sided p ≤ 0.005, peak |SDM-Z| ≥ 1, at least 10 voxels; not corrected for multiple comparisons"
    assert text.count(sentence) >= 2


def test_the_table_has_region_direction_coordinates_z_p_and_voxels(run, page, sign_in, viewer, blobs):
    text = sign_in(viewer).get(page(run)).content.decode()
    positive, negative = blobs.clusters
    for cluster, mm, word in ((positive, POSITIVE_MM, "▲ positive"), (negative, NEGATIVE_MM, "▼ negative")):
        assert f'data-mm="{" ".join(map(str, mm))}"' in text
        assert cluster.peak.label.text in text
        assert f"{cluster.size_voxels}</td>" in text
        assert word in text
    assert f"{negative.peak.z:.3f}".replace("-", "−") in text
    assert all(region in text for region, _, _ in positive.breakdown)


def test_the_page_says_where_its_numbers_come_from(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run)).content.decode()
    for word in ("version 1", "d" * 16, "5" * 16, "sdm_core 0.1.0", "5 per study", "DerSimonian-Laird", "gray matter"):
        assert word in text
    assert "2 reports, 2 studies, 2 cohorts, 2 datasets, 0 peaks" in text
    assert "Simulated: only 2 blobs." in text
    assert "A core warning." in text


def test_the_page_says_what_was_assumed_and_what_is_our_own(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run)).content.decode()
    assert "7 take a default effect of g = 1.2566, as there is no statistic to pool" in text
    assert "pooled height" not in text
    assert "own model (SDM-PSI&#x27;s is not public)" in text
    assert "213,593 voxels of 2 mm" in text
    assert "the 1 most favourable of the datasets at each voxel" in text


def test_a_result_with_nothing_significant_is_a_page_not_an_error(empty_run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(empty_run)).content.decode()
    assert "No cluster passes these thresholds" in text
    assert "strongest positive" in text
    assert "SDM-Z 1.2" in text
    assert "brain-viewer" in text


def test_a_damaged_table_is_told_and_nothing_else_is_lost(run, page, sign_in, viewer):
    (settings.RUNS_DIR / str(run.pk) / "tables" / "clusters.csv").write_text("short")
    answer = sign_in(viewer).get(page(run))
    assert answer.status_code == 410
    assert "tables/clusters.csv of this run is missing or damaged" in answer.content.decode()


def test_a_run_without_its_record_is_told(run, page, sign_in, viewer):
    Artefact.objects.filter(run=run, name="run.json").delete()
    assert sign_in(viewer).get(page(run)).status_code == 410


def test_the_page_runs_no_script_and_no_style_of_its_own(run, page, sign_in, viewer):
    answer = sign_in(viewer).get(page(run))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert " style=" not in text
    assert "<style" not in text


def test_without_scripts_the_address_decides_which_slices_the_server_draws(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run), {"map": "g", "x": "-36", "y": "14", "z": "2"}).content.decode()
    assert f"{page(run, 'slices.png')}?map=g&amp;x=-36&amp;y=14&amp;z=2" in text


def test_a_finished_result_does_not_wait_for_anyone(run, project, sign_in, viewer):
    assert "stage-wait" not in sign_in(viewer).get(f"/projects/{project.pk}/results/").content.decode()


def test_what_was_asked_is_said_in_words(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run)).content.decode()
    codes = set(Dataset.Comparison.values) | set(Dataset.Modality.values)
    assert not codes & set(re.findall(r"<dd>(.*?)</dd>", text))


LIST_QUERIES = 20
PAGE_QUERIES = 22
