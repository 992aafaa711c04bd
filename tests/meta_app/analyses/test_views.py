"""Pages of runs: who may see and do what, what they say, and how many queries they take."""

import json
import re

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from meta_app.analyses import services
from meta_app.analyses.domain import Model
from meta_app.analyses.models import Artefact, Run, RunBlock, RunEvent
from meta_app.analyses.selectors import runs_waiting
from meta_app.projects.models import Membership, Project, Role

pytestmark = pytest.mark.django_db

FORM = {
    "dataset": 1,
    "name": "Patients against controls",
    "comparison": "patients_controls",
    "modalities": ["resting_fmri"],
    "metrics": ["ALFF"],
    "imputations": 5,
    "seed": 1,
    "estimator": "DL",
    "sign_peaks": "pool",
    "test": 0,
    "correction": "tfce",
    "fwe_p": 0.05,
    "tfce_neighbours": 26,
    "voxel_p": 0.005,
    "min_peak_z": 1,
    "min_extent": 10,
}
READ = [("get", "runs"), ("get", "run"), ("get", "run_progress")]
LAUNCH = [
    ("get", "run_new"),
    ("post", "run_new"),
    ("get", "run_preflight"),
    ("post", "run_cancel"),
    ("post", "run_retry"),
]


def address(name, run):
    return reverse(
        f"analyses:{name}", args=[run.project_id, *([run.pk] if "new" not in name and has_run(name) else [])]
    )


def has_run(name):
    return name not in ("runs", "run_preflight")


@pytest.fixture
def page(sign_in, run):
    """page(name, user) -> the answer of a page of `run`."""

    def opened(name, user, method="get", data=None, **headers):
        return getattr(sign_in(user), method)(address(name, run), data, headers=headers)

    return opened


@pytest.mark.parametrize(("method", "name"), READ + LAUNCH)
def test_nobody_is_sent_to_sign_in(page, method, name):
    answer = page(name, None, method)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("accounts:sign_in"))


@pytest.mark.parametrize(("method", "name"), READ + LAUNCH)
def test_an_outsider_is_not_told_that_the_project_exists(page, outsider, method, name):
    assert page(name, outsider, method).status_code == 404


@pytest.mark.parametrize(("method", "name"), LAUNCH)
def test_a_viewer_may_not_launch_cancel_or_retry(page, viewer, method, name):
    assert page(name, viewer, method).status_code == 403
    assert Run.objects.get().status == "queued"


@pytest.mark.parametrize(("method", "name"), READ)
def test_a_viewer_may_read(page, viewer, method, name):
    assert page(name, viewer, method).status_code == 200


@pytest.mark.parametrize("name", ["run_cancel", "run_retry"])
def test_what_changes_a_run_is_posted(page, owner, name):
    assert page(name, owner).status_code == 405


@pytest.mark.parametrize("name", ["run", "run_progress", "run_cancel", "run_retry"])
def test_a_run_of_another_project_is_not_found(sign_in, outsider, run, name):
    other = Project.objects.create(name="Other")
    Membership.objects.create(project=other, user=outsider, role=Role.OWNER)
    method = "post" if name in ("run_cancel", "run_retry") else "get"
    answer = getattr(sign_in(outsider), method)(reverse(f"analyses:{name}", args=[other.pk, run.pk]))
    assert answer.status_code == 404


def test_without_an_agreed_dataset_the_pages_say_what_comes_first(sign_in, project, owner):
    for name in ("runs", "run_new"):
        text = sign_in(owner).get(reverse(f"analyses:{name}", args=[project.pk])).content.decode()
        assert "Nothing can be analysed yet" in text
        assert reverse("datasets:versions", args=[project.pk]) in text


def test_without_a_run_the_list_offers_the_first(sign_in, agreed_dataset, owner, viewer):
    address = reverse("analyses:runs", args=[agreed_dataset.project_id])
    assert "New analysis" in sign_in(owner).get(address).content.decode()
    assert "New analysis" not in sign_in(viewer).get(address).content.decode()


def test_the_launch_page_shows_what_will_be_analysed_before_anything_is_typed(page, owner):
    text = page("run_new", owner).content.decode()
    assert "<b>3</b> datasets" in text
    assert "Only 3 datasets, fewer than 10." in text
    assert "Study 0 / ALFF" in text


def test_a_launch_leads_to_the_page_of_its_run(sign_in, agreed_dataset, owner):
    answer = sign_in(owner).post(reverse("analyses:run_new", args=[agreed_dataset.project_id]), FORM)
    run = Run.objects.get()
    assert answer["Location"] == reverse("analyses:run", args=[run.project_id, run.pk])
    assert (run.name, run.launched_by) == ("Patients against controls", owner)


def test_the_second_person_with_one_question_is_told_and_led_to_the_first_run(sign_in, run, reviewer):
    answer = sign_in(reviewer).post(reverse("analyses:run_new", args=[run.project_id]), FORM)
    assert answer["Location"] == reverse("analyses:run", args=[run.project_id, run.pk])
    (message,) = get_messages(answer.wsgi_request)
    assert "launched by olga" in str(message)
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"imputations": 4}, "greater than or equal to 5"),
        ({"imputations": 501}, "less than or equal to 500"),
        ({"metrics": []}, "required"),
        ({"comparison": "task"}, "not one of the available choices"),
        ({"voxel_p": "x"}, "Enter a number"),
        ({"test": "own"}, "Enter how many"),
        ({"test": "own", "permutations": 0}, "greater than or equal to 1"),
        ({"test": "own", "permutations": 19}, "none can reach 0.05"),
        ({"test": "7"}, "not one of the available choices"),
        ({"correction": "fdr"}, "not one of the available choices"),
        ({"tfce_neighbours": 8}, "not one of the available choices"),
        ({"test": "1000", "estimator": "REML"}, "or no permutations"),
    ],
)
def test_a_wrong_setting_is_told_in_its_place_and_launches_nothing(sign_in, agreed_dataset, owner, change, words):
    answer = sign_in(owner).post(reverse("analyses:run_new", args=[agreed_dataset.project_id]), FORM | change)
    assert answer.status_code == 400
    assert words.lower() in answer.content.decode().lower()
    assert Run.objects.count() == 0


def asked(run):
    content = json.loads(run.specification.content)
    return content["core"]["permutations"], content.get("report")


@pytest.mark.parametrize(
    ("change", "permutations", "report"),
    [
        ({"test": "1000"}, 1000, {"correction": "tfce"}),
        ({"test": "5000", "correction": "voxel"}, 5000, {"correction": "voxel"}),
        ({"test": "own", "permutations": 128}, 128, {"correction": "tfce"}),
        ({"test": "0", "permutations": 128}, 0, None),
    ],
)
def test_the_question_holds_the_chosen_test_and_what_is_reported_of_it(
    sign_in, agreed_dataset, owner, change, permutations, report
):
    sign_in(owner).post(reverse("analyses:run_new", args=[agreed_dataset.project_id]), FORM | change)
    assert asked(Run.objects.get()) == (permutations, report)


def test_an_untouched_form_asks_for_a_thousand_permutations(page, owner):
    text = page("run_new", owner).content.decode()
    assert re.search(r'<input type="radio" name="test" value="1000"[^>]* checked', text)


def test_the_page_of_a_run_says_which_test_it_makes(page, launch, owner):
    assert "none: p values are not corrected" in page("run", owner).content.decode()
    tested = launch(model=Model(imputations=5, permutations=64, correction="voxel")).run
    answer = page("run", owner).client.get(reverse("analyses:run", args=[tested.project_id, tested.pk]))
    text = answer.content.decode()
    assert "64 of subject images, the data as they are included" in text
    assert "voxel-wise, corrected p &le; 0.05" in text


def test_a_version_that_does_not_exist_is_not_found(sign_in, agreed_dataset, owner):
    for version in ("9", "x"):
        address = reverse("analyses:run_new", args=[agreed_dataset.project_id]) + f"?dataset={version}"
        assert sign_in(owner).get(address).status_code == 404


def test_the_preflight_follows_the_form(page, owner):
    assert "fewer than 10" in page("run_preflight", owner, data=FORM).content.decode()
    assert "needs a correction" in page("run_preflight", owner, data=FORM | {"seed": -1}).content.decode()


def test_the_run_page_shows_the_question_and_its_provenance(page, run, owner):
    text = page("run", owner).content.decode()
    for said in (run.agreed_dataset.sha256, run.specification.sha256, run.core_version, "First in the queue"):
        assert said in text


def test_the_queue_position_counts_the_runs_ahead(page, launch, run, owner):
    Run.objects.update(status="running")
    later = launch(seed=2).run
    text = page("run", owner).client.get(reverse("analyses:run", args=[later.project_id, later.pk])).content.decode()
    assert "1 run ahead" in text


def test_progress_is_asked_for_while_the_run_lives_and_the_page_is_reloaded_when_it_is_over(page, run, owner):
    progress = address("run_progress", run)
    assert progress in page("run", owner).content.decode()
    Run.objects.update(status="running", stage="Imputing", fraction=0.42)
    answer = page("run_progress", owner, hx_request="true")
    assert "42 %" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    Run.objects.update(status="done")
    assert page("run_progress", owner, hx_request="true")["HX-Refresh"] == "true"
    assert progress not in page("run", owner).content.decode()


def test_a_permuting_run_counts_its_permutations_and_leads_to_its_preview(page, run, owner):
    Run.objects.update(
        status="permuting", permutations=1000, blocks_total=32, fraction=0.3125, preview_at=run.created_at
    )
    RunBlock.objects.bulk_create(RunBlock(run=run, number=number, status="done") for number in range(10))
    text = page("run", owner).content.decode()
    assert "320 of 1000</span> permutations" in text
    preview = reverse("results:result", args=[run.project_id, run.pk])
    assert preview in text
    assert preview in page("runs", owner).content.decode()
    assert "31 %" in page("run_progress", owner, hx_request="true").content.decode()
    Run.objects.update(status="cancelled")
    text = page("run", owner).content.decode()
    assert "The preview is kept, and so are the permutations that are done" in text
    assert preview in text


def test_without_a_preview_a_cancelled_run_has_written_nothing(page, run, owner):
    Run.objects.update(status="cancelled")
    assert "Nothing was written" in page("run", owner).content.decode()


def test_the_launch_page_says_what_time_memory_and_disk_are_needed(page, owner):
    words = re.sub(r"<[^>]+>", "", page("run_preflight", owner, data=FORM | {"test": 1000}).content.decode())
    assert re.search(
        r"Needs about \S+ \w+ \(first maps to look at after \S+ \w+\), \S+ GB of memory and \S+ GB of disk", words
    )
    words = re.sub(r"<[^>]+>", "", page("run_preflight", owner, data=FORM).content.decode())
    assert re.search(r"Needs about \S+ \w+, \S+ GB of memory on 2 cores", words)


def test_a_finished_run_leads_to_its_result(page, run, owner):
    Run.objects.update(status="done")
    assert reverse("results:result", args=[run.project_id, run.pk]) in page("run", owner).content.decode()


def test_a_failed_run_shows_every_place_and_offers_a_retry(page, run, owner, viewer):
    problem = {"level": "error", "place": "Study 1, peak 2", "text": "is outside.", "mend": "Check it."}
    Run.objects.update(status="failed", error="It cannot be analysed.", error_details=[problem])
    text = page("run", owner).content.decode()
    assert "It cannot be analysed." in text
    assert "Study 1, peak 2" in text
    assert address("run_retry", run) in text
    assert address("run_retry", run) not in page("run", viewer).content.decode()


def test_cancel_and_retry_lead_back_to_the_run(page, run, owner):
    for name, status in (("run_cancel", "cancelled"), ("run_retry", "queued")):
        assert page(name, owner, "post")["Location"] == address("run", run)
        run.refresh_from_db()
        assert run.status == status


def test_a_cancel_that_comes_too_late_says_so(page, run, owner):
    Run.objects.update(status="done")
    answer = page("run_cancel", owner, "post")
    assert "over already" in str(next(iter(get_messages(answer.wsgi_request))))


def test_the_list_takes_as_many_queries_for_many_runs_as_for_one(sign_in, launch, run, owner):
    client, address = sign_in(owner), reverse("analyses:runs", args=[run.project_id])

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    client.get(address)
    of_one = queries()
    for seed in range(2, 8):
        launch(seed=seed)
    assert queries() == of_one


def test_the_progress_takes_few_queries_however_long_the_log(sign_in, run, owner, django_assert_max_num_queries):
    RunEvent.objects.bulk_create(RunEvent(run=run, text=f"Step {number}.") for number in range(50))
    Artefact.objects.create(run=run, kind="map", name="maps/z.nii.gz", size_bytes=1, sha256="0", media_type="x")
    client = sign_in(owner)
    with django_assert_max_num_queries(7):
        client.get(address("run_progress", run), headers={"hx-request": "true"})


def test_runs_in_progress_wait_in_the_sidebar_with_their_unit(run, launch, owner):
    membership = Membership.objects.get(user=owner)
    assert (runs_waiting(membership).count, runs_waiting(membership).unit) == (1, "run")
    launch(seed=2)
    assert (runs_waiting(membership).count, runs_waiting(membership).unit) == (2, "runs")
    for queued in Run.objects.all():
        services.run_cancel(run=queued, user=owner)
    assert runs_waiting(membership) is None
