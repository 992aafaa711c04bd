"""The JSON API of runs."""

import json

import pytest
from django.urls import reverse
from rest_framework.authtoken.models import Token

from meta_app.analyses.models import Artefact, Run

pytestmark = pytest.mark.django_db

READ = [("get", "runs"), ("get", "run")]
LAUNCH = [("post", "runs"), ("post", "run_cancel"), ("post", "run_retry"), ("post", "run_extend")]
QUESTION = {"dataset": 1, "comparison": "patients_controls", "imputations": 5}


@pytest.fixture
def call(sign_in, run):
    """call(method, name, user, data) -> the answer of a route of `run`."""

    def called(method, name, user, data=None):
        where = reverse(f"api_analyses:{name}", args=[run.project_id, *([] if name == "runs" else [run.pk])])
        return getattr(sign_in(user), method)(where, data, content_type="application/json")

    return called


@pytest.mark.parametrize(("method", "name"), READ + LAUNCH)
def test_nobody_is_refused(call, method, name):
    assert call(method, name, None).status_code in (401, 403)


@pytest.mark.parametrize(("method", "name"), READ + LAUNCH)
def test_an_outsider_is_not_told_that_the_project_exists(call, outsider, method, name):
    assert call(method, name, outsider, QUESTION if method == "post" else None).status_code == 404


@pytest.mark.parametrize(("method", "name"), LAUNCH)
def test_a_viewer_may_not_change_anything(call, viewer, method, name):
    assert call(method, name, viewer, QUESTION).status_code == 403
    assert Run.objects.get().status == "queued"


def test_a_token_opens_the_api_for_scripts(client, run, viewer):
    token = Token.objects.create(user=viewer)
    where = reverse("api_analyses:runs", args=[run.project_id])
    answer = client.get(where, headers={"authorization": f"Token {token.key}"})
    assert [found["id"] for found in answer.json()["results"]] == [run.pk]


def test_the_list_names_the_four_things_that_make_an_answer(call, run, viewer):
    (found,) = call("get", "runs", viewer).json()["results"]
    assert found["agreed_dataset"] == {"version": 1, "sha256": run.agreed_dataset.sha256}
    assert found["specification_sha256"] == run.specification.sha256
    assert (found["core_version"], found["seed"]) == (run.core_version, 1)


def test_the_detail_holds_question_files_and_log(call, run, viewer):
    Artefact.objects.create(run=run, kind="map", name="maps/z.nii.gz", size_bytes=9, sha256="f" * 64, media_type="x")
    found = call("get", "run", viewer).json()
    assert found["specification"]["core"]["imputations"] == 5
    assert found["artefacts"][0]["name"] == "maps/z.nii.gz"
    assert found["log"] == ["Launched by olga."]


def test_a_launch_answers_201_and_the_same_question_200_with_the_same_run(call, owner, reviewer):
    new = call("post", "runs", owner, QUESTION | {"seed": 9, "permutations": 0})
    assert (new.status_code, new.json()["is_new"]) == (201, True)
    same = call("post", "runs", reviewer, QUESTION | {"seed": 9, "permutations": 0, "metrics": ["ALFF"]})
    assert (same.status_code, same.json()["is_new"]) == (200, False)
    assert same.json()["run"]["id"] == new.json()["run"]["id"]


def test_a_launch_makes_the_permutation_test_unless_it_is_told_not_to(call, owner):
    new = call("post", "runs", owner, QUESTION).json()["run"]["id"]
    asked = {run.pk: json.loads(run.specification.content) for run in Run.objects.all()}
    assert (asked[new]["core"]["permutations"], asked[new]["report"]) == (1000, {"correction": "tfce"})
    none = call("post", "runs", owner, QUESTION | {"permutations": 0})
    assert (none.status_code, none.json()["is_new"]) == (200, False), "the run of the fixture asks for none"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"permutations": -1}, "permutations"),
        ({"correction": "fdr"}, "correction"),
        ({"fwe_p": 0.6}, "fwe_p"),
        ({"tfce_neighbours": 8}, "tfce_neighbours"),
        ({"imputations": 4}, "imputations"),
        ({"comparison": "guess"}, "comparison"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_field_is_named(call, owner, change, field):
    answer = call("post", "runs", owner, QUESTION | change)
    assert answer.status_code == 400
    assert field in answer.json()["details"]


def test_nothing_to_analyse_is_refused_with_its_place_and_mend(call, owner):
    answer = call("post", "runs", owner, QUESTION | {"comparison": "correlation"})
    assert answer.status_code == 400
    assert answer.json()["details"]["problems"][0]["place"] == "Selection"


def test_a_version_that_does_not_exist_is_not_found(call, owner):
    assert call("post", "runs", owner, QUESTION | {"dataset": 99}).status_code == 404


def test_cancel_retry_and_a_cancel_too_late(call, run, owner):
    assert call("post", "run_cancel", owner).json()["status"] == "cancelled"
    assert call("post", "run_cancel", owner).status_code == 400
    assert call("post", "run_retry", owner).json()["status"] == "queued"


def test_the_schema_describes_the_routes(client, owner):
    client.force_login(owner)
    text = client.get(reverse("api_schema"), headers={"accept": "application/json"}).content.decode()
    for name in ("runs_launch", "runs_cancel", "runs_retry", "runs_retrieve"):
        assert name in text
