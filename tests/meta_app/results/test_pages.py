"""The pages of results: who sees them, what they say, and what they cost."""

import copy
import html
import json
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meta_app.analyses.models import Artefact, Run
from meta_app.extraction.models import Dataset
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.results.conftest import NEGATIVE_MM, POSITIVE_MM, SNAPSHOT, SPECIFICATION, make_run

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
    assert text.count("none passes") == 5


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
    assert "2 reports, 2 studies, 2 cohorts, 2 contrasts, 2 datasets, 0 peaks" in text
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


@pytest.fixture
def tested_text(tested_run, page, sign_in, viewer):
    """tested_text(query) is the page of a run with a permutation test, its whitespace made one."""

    def text(query=""):
        content = sign_in(viewer).get(page(tested_run) + query).content.decode()
        return re.sub(r"\s+", " ", html.unescape(content))

    return text


def visible_parts(text):
    return re.findall(r'data-correction-part="(\w+)"(?! hidden)', text)


def test_a_tested_result_opens_with_the_correction_that_was_asked_to_be_reported(tested_text):
    text = tested_text()
    assert visible_parts(text) == ["tfce", "tfce"]
    assert re.findall(r'data-correction-choice="(\w+)" aria-current', text) == ["tfce"]
    assert (
        json.loads(re.search(r'<script id="viewer-config"[^>]*>(.*?)</script>', text)[1])["start"]["correction"]
        == "tfce"
    )


def test_every_correction_can_be_chosen_by_address_and_a_strange_one_is_the_reported(tested_text):
    for asked, shown in (("voxel", "voxel"), ("cluster", "cluster"), ("uncorrected", "uncorrected"), ("fdr", "tfce")):
        assert visible_parts(tested_text(f"?correction={asked}")) == [shown, shown]


def test_the_choice_counts_the_clusters_of_every_correction(tested_text):
    counts = re.findall(r'data-correction-choice="(\w+)"[^>]*>[^<]*<span class="correction-count">(\d+)', tested_text())
    assert counts == [("tfce", "0"), ("voxel", "1"), ("cluster", "0"), ("uncorrected", "2")]


def test_a_correction_that_nothing_survives_says_so_and_what_to_do(tested_text):
    text = tested_text()
    assert "No cluster survives" in text
    assert "Take more permutations: with 40 a p is known only in steps of 0.025." in text
    assert "Look at the uncorrected clusters" in text
    assert "strongest positive" in text


def test_the_null_distribution_says_what_had_to_be_exceeded(tested_text):
    text = tested_text()
    assert "what 95 % of 40 permutations stay below" in text
    z = re.findall(r"\|SDM-Z\| <span class=\"direction (\w+)\">[^<]*</span></th>(.*?)</tr>", text)
    cells = {direction: re.findall(r">([^<]+)</td>", row) for direction, row in z}
    assert cells == {"positive": ["5.010", "3"], "negative": ["3.990", "4.500"]}


@pytest.mark.parametrize(("asked_for", "offered"), [(1000, "5000"), (4000, "8000"), (60_000, "100000")])
def test_who_may_launch_is_offered_more_permutations(tested_run, page, sign_in, owner, viewer, asked_for, offered):
    Run.objects.update(permutations=asked_for, blocks_total=-(-asked_for // 32))
    form = f"/projects/{tested_run.project_id}/analyses/{tested_run.pk}/extend/"
    text = sign_in(owner).get(page(tested_run)).content.decode()
    assert form in text
    assert f'value="{offered}"' in text
    assert form not in sign_in(viewer).get(page(tested_run)).content.decode()


@pytest.mark.parametrize(("asked_for", "blocks"), [(1000, 2), (100_000, 3125)])
def test_a_test_of_all_possible_permutations_or_of_the_longest_cannot_be_extended(
    tested_run, page, sign_in, owner, asked_for, blocks
):
    Run.objects.update(permutations=asked_for, blocks_total=blocks)
    assert "/extend/" not in sign_in(owner).get(page(tested_run)).content.decode()


def test_the_methods_text_is_written_from_the_record(tested_text):
    text = tested_text()
    for words in (
        "40 permutations of subject images (the data as they are among them; drawn with seed 3)",
        "about the most likely effect without the 1 most favourable dataset at each voxel",
        "p values were corrected for family-wise error over all voxels",
        "the signs of subject images were flipped",
        "Corrected p = (b + 1) / (B + 1), where b of the B = 39 other permutations",
        "cannot be below 0.025",
        "threshold-free cluster enhancement (E = 0.5, H = 2, 26 neighbours, heights: all)",
        "cluster extent formed at uncorrected p ≤ 0.005",
        "Computation: simulated.",
        "None survived.",
    ):
        assert words in text


def test_heights_thresholds_and_transforms_stand_in_the_facts_and_in_the_methods(
    project, owner, blobs, runs_dir, page, sign_in, viewer, monkeypatch
):
    snapshot = copy.deepcopy(SNAPSHOT)
    snapshot["studies"][0]["datasets"][0] |= {
        "space": "talairach", "software": "spm", "t_threshold": 3.2,
        "peaks": [{"x": -36, "y": 14, "z": 2, "sign": 1, "statistic_kind": "t", "statistic": 4.1}],
    }  # fmt: skip
    monkeypatch.setattr("tests.meta_app.results.conftest.SNAPSHOT", snapshot)
    run = make_run(project, owner, blobs)
    text = re.sub(r"\s+", " ", html.unescape(sign_in(viewer).get(page(run)).content.decode()))
    thresholds = "known for 1 of 2 datasets (|t| > 3.2); 1 dataset without one: the t of a two-tailed p of 0.05 is used"
    heights = "7 take a default effect of g = 1.2566, as there is no statistic to pool"
    transform = "1 peak of 1 dataset by Lancaster 2007, SPM"
    assert f"<dt>t thresholds</dt><dd>{thresholds}</dd>" in text
    assert f"<dt>Talairach to MNI</dt><dd>{transform}</dd>" in text
    assert f"t thresholds: {thresholds}. Peaks known by their sign only: {heights}" in text
    assert f"Coordinates reported in Talairach space became MNI: {transform}." in text


def test_a_corrected_result_says_that_p_from_peaks_can_be_too_small(tested_text):
    assert "From peaks a corrected p can be too small: of 60 simulated analyses without any effect" in tested_text()


def test_a_result_of_chosen_studies_says_so_on_its_page_and_in_its_methods(run, page, sign_in, viewer):
    chosen = SPECIFICATION | {"filters": SPECIFICATION["filters"] | {"studies": ["Aster 2001"], "quality_min": 12}}
    run.specification.content = json.dumps(chosen)
    run.specification.save()
    text = re.sub(r"\s+", " ", sign_in(viewer).get(page(run)).content.decode())
    assert "<dt>Quality at or above</dt><dd>12 points</dd><dt>Studies</dt><dd>Aster 2001</dd>" in text
    assert "Datasets were selected by: Quality at or above: 12 points; Studies: Aster 2001." in text


def test_a_result_without_a_test_offers_no_correction_and_its_methods_name_none(run, page, sign_in, viewer):
    text = sign_in(viewer).get(page(run)).content.decode()
    assert "data-correction-choice" not in text
    assert "Permutations</dt><dd>none: p values are not corrected" in text
    assert "family-wise error" not in text
    assert "not corrected for multiple comparisons" in text


def test_the_list_says_by_which_correction_clusters_are_counted(tested_run, run, project, sign_in, viewer):
    text = sign_in(viewer).get(f"/projects/{project.pk}/results/").content.decode()
    assert re.findall(r"<td>(TFCE|Uncorrected)</td>", text) == ["Uncorrected", "TFCE"]
    assert "none survives" in text


LIST_QUERIES = 20
PAGE_QUERIES = 22
