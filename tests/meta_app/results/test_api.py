"""The JSON of a result, for scripts with a token and for the viewer."""

import hashlib

import pytest
from rest_framework.authtoken.models import Token

from tests.meta_app.results.conftest import POSITIVE_MM

ROUTES = ["artefacts/", "clusters/", "artefacts/maps/z.nii.gz"]


@pytest.fixture
def route(project):
    def address(run, rest):
        return f"/api/projects/{project.pk}/results/{run.pk}/{rest}"

    return address


@pytest.mark.parametrize("rest", ROUTES)
def test_the_json_of_a_result_is_for_members_only(run, route, sign_in, viewer, outsider, rest):
    assert sign_in(None).get(route(run, rest)).status_code in {401, 403}
    assert sign_in(outsider).get(route(run, rest)).status_code == 404
    assert sign_in(viewer).get(route(run, rest)).status_code == 200


@pytest.mark.parametrize("rest", ROUTES)
def test_a_token_opens_what_its_owner_may_see(run, route, sign_in, viewer, outsider, rest):
    def status(person):
        token = Token.objects.create(user=person)
        return sign_in(None).get(route(run, rest), headers={"Authorization": f"Token {token.key}"}).status_code

    assert (status(viewer), status(outsider)) == (200, 404)


def test_the_list_of_files_leads_to_files_with_the_stated_hashes(run, route, sign_in, viewer):
    client = sign_in(viewer)
    files = client.get(route(run, "artefacts/")).json()
    assert {"maps/z.nii.gz", "tables/clusters.csv", "run.json"} <= {file["name"] for file in files}
    for file in files:
        content = b"".join(client.get(file["download"]).streaming_content)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])


def test_clusters_come_with_thresholds_provenance_peaks_and_regions(run, route, sign_in, viewer, blobs):
    answer = sign_in(viewer).get(route(run, "clusters/")).json()
    assert answer["thresholds"].endswith("not corrected for multiple comparisons")
    assert answer["provenance"]["seed"] == 1
    first = answer["clusters"][0]
    assert (first["x"], first["y"], first["z"]) == POSITIVE_MM
    assert first["voxels"] == blobs.clusters[0].size_voxels == sum(part["voxels"] for part in first["regions"])
    assert first["peaks"][0]["sdm_z"] == first["sdm_z"]


def test_a_result_without_clusters_answers_an_empty_list(empty_run, route, sign_in, viewer):
    assert sign_in(viewer).get(route(empty_run, "clusters/")).json()["clusters"] == []


def test_a_name_that_the_run_does_not_hold_is_not_found(run, route, sign_in, viewer):
    assert sign_in(viewer).get(route(run, "artefacts/../../secret_key")).status_code == 404


def test_clusters_are_those_of_the_reported_correction_or_of_the_one_asked_for(tested_run, route, sign_in, viewer):
    client = sign_in(viewer)
    reported = client.get(route(tested_run, "clusters/")).json()
    assert (reported["correction"], reported["clusters"]) == ("tfce", [])
    assert reported["corrections"] == ["tfce", "voxel", "cluster", "uncorrected"]
    asked = client.get(route(tested_run, "clusters/") + "?correction=voxel").json()
    assert [cluster["direction"] for cluster in asked["clusters"]] == ["positive"]
    assert asked["thresholds"].startswith("family-wise corrected one-sided p ≤ 0.05 by the largest SDM-Z")


def test_a_correction_that_the_run_has_not_is_refused_with_those_it_has(run, route, sign_in, viewer):
    answer = sign_in(viewer).get(route(run, "clusters/") + "?correction=tfce")
    assert answer.status_code == 400
    assert "it has uncorrected" in answer.content.decode()
