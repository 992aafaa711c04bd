"""Imports as pages, API and services: previewed first, one's own drafts only, nothing overwritten unasked."""

import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from meta_app.audit.models import AuditEntry
from meta_app.extraction.exchange.opening import packed
from meta_app.extraction.exchange.records import shaped
from meta_app.extraction.import_services import studies_import
from meta_app.extraction.models import Cohort, Dataset, Extraction, Peak, Study
from meta_app.projects.permissions import EXTRACT, enter_project

from .peak_cast import page

TABLE = b"study\tn1\tn2\tt_thr\nCao2017\t18\t20\t3.1\nZhang2016\t12\t13\tNA\n"
FOLDER = packed(
    {
        "sdm_table.txt": TABLE,
        "Cao2017.spm_mni.txt": b"-38,12,-4,4.5\n44,8,2,n\n",
        "Zhang2016.no_peaks.txt": b"",
    }
)
PEAKS = b"x,y,z,t,label\n-38,12,-4,4.5,L insula\n44,8,2,3.9,R insula\n"


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def place(reviewer, project):
    return enter_project(reviewer, project.pk, EXTRACT)


def upload(name, content):
    return SimpleUploadedFile(name, content)


def hidden(text, name):
    return text.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def preview(client, project, content=FOLDER, name="folder.zip", **more):
    return client.post(page("studies_import", project), {"files": upload(name, content), **more})


def confirm(client, project, text, **more):
    data = {"token": hidden(text, "token"), "source": "folder.zip", "mode": "skip", **more}
    return client.post(page("studies_confirm", project), data, follow=True)


def study(label="Cao 2017", peaks=((-38.0, 12.0, -4.0),), dataset="ALFF", n=18):
    rows = [{"x_reported": x, "y_reported": y, "z_reported": z, "statistic_kind": "t", "statistic": 4.5, "sign": 1}
            for x, y, z in peaks]  # fmt: skip
    return {
        "label": label, "year": 2017,
        "cohorts": [{"label": "Ward", "groups": [{"key": "a", "kind": "patients", "n": n},
                                                 {"key": "b", "kind": "controls", "n": 20}]}],
        "datasets": [{"label": dataset, "comparison": "patients_controls", "modality": "vbm", "metric": "VBM",
                      "design": "two_sample", "space": "mni", "group_a": "a", "group_b": "b", "peaks_state": "peaks",
                      "peaks": rows}],
    }  # fmt: skip


def take(place, *studies, **more):
    return studies_import(place=place, reading=shaped("typed", "json", [], studies), **more)


def test_a_preview_stores_nothing_and_says_what_will_happen(sign_in, reviewer, project):
    answer = preview(sign_in(reviewer), project)
    assert "2 studies read" in answer.text
    assert "This is a folder of SDM-PSI. Nothing is stored yet." in answer.text
    assert "becomes a new study, with your draft" in answer.text
    assert "2 of 2 datasets without comparison" in answer.text
    assert not Study.objects.exists()
    assert not AuditEntry.objects.exists()


def test_what_was_previewed_becomes_own_drafts(sign_in, reviewer, project):
    client = sign_in(reviewer)
    chosen = {"comparison": "patients_other_patients", "modality": "vbm", "metric": "VBM"}
    answer = confirm(client, project, preview(client, project, **chosen).text, **chosen)
    assert "Imported as your drafts: 2 studies, 2 datasets, 2 peaks." in answer.text
    drafts = Extraction.objects.filter(author=reviewer, state="draft")
    assert [str(draft.study) for draft in drafts.order_by("study__label")] == ["Cao2017", "Zhang2016"]
    assert set(Dataset.objects.values_list("metric", "comparison")) == {("VBM", "patients_other_patients")}
    assert list(Peak.objects.values_list("x", "statistic", "sign")) == [(-38.0, 4.5, 1), (44.0, None, -1)]


def test_every_imported_study_is_in_the_audit_trail_blind_with_its_file(place, reviewer):
    take(place, study(), source="folder.zip")
    entry = AuditEntry.objects.get(action="extraction.imported")
    assert (entry.actor, entry.after["file"], entry.blind_stage) == (reviewer, "folder.zip", "extraction")
    assert entry.blind_study_id == Study.objects.get().pk


def test_own_drafts_are_left_replaced_or_added_to_as_chosen(place):
    take(place, study())
    assert [item.state for item in take(place, study(n=17))] == ["skipped"]
    assert Cohort.objects.get().groups.get(kind="patients").n == 18
    assert [item.state for item in take(place, study(n=17), mode="replace")] == ["replaced"]
    assert Cohort.objects.get().groups.get(kind="patients").n == 17
    assert [item.state for item in take(place, study(dataset="ReHo"), mode="append")] == ["added"]
    assert list(Dataset.objects.values_list("label", flat=True)) == ["ALFF", "ReHo"]


def test_adding_a_dataset_that_is_there_is_refused_and_changes_nothing(place):
    take(place, study())
    (outcome,) = take(place, study(n=17), mode="append")
    assert outcome.state == "refused"
    assert "There is a dataset called ALFF already" in outcome.reason
    assert Cohort.objects.count() == 1


def test_a_draft_that_changed_since_the_preview_is_not_replaced(place):
    take(place, study())
    version = Extraction.objects.get().version
    Extraction.objects.update(version=version + 1)
    (outcome,) = take(place, study(n=17), mode="replace", versions={"Cao 2017": version})
    assert (outcome.state, "changed since the preview" in outcome.reason) == ("refused", True)


def test_a_locked_extraction_is_never_touched(place):
    take(place, study())
    Extraction.objects.update(state="complete")
    (outcome,) = take(place, study(n=17), mode="replace")
    assert (outcome.state, "reopen it first" in outcome.reason) == ("refused", True)


def test_one_bad_study_leaves_the_others_in(place):
    bad = study("Bad 2001")
    bad["datasets"][0]["comparison"] = "sideways"
    assert [item.state for item in take(place, bad, study())] == ["refused", "new"]
    assert list(Study.objects.values_list("label", flat=True)) == ["Cao 2017"]


def test_a_peak_that_cannot_be_is_kept_as_text_and_told_before_and_after_the_import(place, project, sign_in, reviewer):
    impossible = study()
    impossible["datasets"][0]["peaks"][0] |= {"statistic_kind": "r", "statistic": 1.0}
    content = {"format": "concord-agreed-dataset/2", "reports": [], "studies": [impossible]}
    answer = preview(sign_in(reviewer), project, json.dumps(content).encode(), "a.json")
    assert "ALFF, row 1: r is not between -1 and 1, or is 0." in answer.text
    (outcome,) = take(place, impossible)
    assert outcome.problems[0].endswith("A correlation is above -1 and below 1: check the value and its kind.")
    peak = Peak.objects.get()
    assert (peak.cells["statistic"], peak.statistic) == ("1", None)


def test_another_reviewers_study_becomes_ones_own_draft_and_nothing_of_theirs_shows(
    place, second_reviewer, project, sign_in
):
    project.extractors_needed = 2
    project.save()
    other = enter_project(second_reviewer, project.pk, EXTRACT)
    theirs = study(peaks=((-11.0, 22.0, 33.0),), n=77, dataset="SENTINEL")
    take(other, theirs)
    take(place, study())
    assert [item.position for item in Extraction.objects.order_by("position")] == ["A", "B"]
    content = {"format": "concord-agreed-dataset/2", "reports": [], "studies": [study()]}
    text = preview(sign_in(place.membership.user), project, json.dumps(content).encode(), "a.json").text
    text = re.sub(r'(?<=")\w{64}(?=")', "", text)  # tokens, in which any two digits may stand
    assert "SENTINEL" not in text
    assert "77" not in text


def test_a_third_person_cannot_begin_a_study_that_is_full(place, second_reviewer, project):
    take(place, study())
    other = enter_project(second_reviewer, project.pk, EXTRACT)
    (outcome,) = take(other, study())
    assert outcome.state == "refused"
    assert Extraction.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.zip", b"", "is empty"),
        ("page.json", b"<html>sign in</html>", "page.json is a web page, not a table."),
        ("cut.zip", FOLDER[:100], "cut.zip is a damaged ZIP or XLSX file."),
    ],
)
def test_a_bad_file_is_refused_on_the_page(sign_in, reviewer, project, name, content, words):
    answer = preview(sign_in(reviewer), project, content, name)
    assert answer.status_code == 400
    assert words in answer.text


def two_of_one_name(first=b"-38,12,-4,4.5\n", second=b"40,10,2,3.9\n"):
    """A folder in whose subfolders two files are called alike."""
    files = {"sdm_table.txt": TABLE, "Zhang2016.no_peaks.txt": b""}
    return packed(files | {"a/Cao2017.spm_mni.txt": first, "b/Cao2017.spm_mni.txt": second})


@pytest.mark.parametrize("as_zip", [True, False])
def test_of_two_files_of_one_name_none_is_read_and_the_rest_is(sign_in, reviewer, project, as_zip):
    client = sign_in(reviewer)
    chosen = [
        upload("sdm_table.txt", TABLE), upload("Zhang2016.no_peaks.txt", b"\n"),
        upload("Cao2017.spm_mni.txt", b"-38,12,-4,4.5\n"), upload("Cao2017.spm_mni.txt", b"40,10,2,3.9\n"),
    ]  # fmt: skip
    files = upload("folder.zip", two_of_one_name()) if as_zip else chosen
    shown = client.post(page("studies_import", project), {"files": files})
    assert shown.status_code == 200
    for text in (shown.text, confirm(client, project, shown.text, look="1").text):
        assert "Cao2017.spm_mni.txt" in text
        assert "is the name of 2 files that differ: none of them was read." in text
        assert "Give each a name of its own" in text
    confirm(client, project, shown.text)
    assert Study.objects.filter(label__contains="Zhang").count() == 1
    assert Peak.objects.count() == 0


def test_the_same_file_twice_is_one_file(sign_in, reviewer, project):
    shown = preview(sign_in(reviewer), project, two_of_one_name(second=b"-38,12,-4,4.5\n"))
    assert "files that differ" not in shown.text
    confirm(sign_in(reviewer), project, shown.text)
    assert Peak.objects.count() == 1


def test_two_tables_of_one_name_say_so_instead_of_an_unknown_format(sign_in, reviewer, project):
    folders = packed(
        {"a/sdm_table.txt": TABLE, "b/sdm_table.txt": TABLE + b"x\t9\t9\tNA\n", "Zhang2016.no_peaks.txt": b""}
    )
    refused = preview(sign_in(reviewer), project, folders)
    assert refused.status_code == 400
    assert "sdm_table.txt is the name of 2 files that differ" in refused.text


def test_an_upload_that_is_gone_or_anothers_is_refused(sign_in, reviewer, second_reviewer, project):
    text = preview(sign_in(reviewer), project).text
    for token in (hidden(text, "token"), "../../secret", "0" * 64):
        answer = sign_in(second_reviewer).post(page("studies_confirm", project), {"token": token, "mode": "skip"})
        assert answer.status_code == 400
        assert "choose the file again" in answer.text
    assert not Study.objects.exists()


# Peaks of one dataset


def preview_peaks(client, project, dataset, content=PEAKS, name="peaks.csv"):
    return client.post(page("peaks_import", project, dataset.pk), {"files": upload(name, content)})


def confirm_peaks(client, project, dataset, text, **more):
    data = {"token": hidden(text, "token"), "version": hidden(text, "version"), "part": 0, "mode": "append", **more}
    return client.post(page("peaks_confirm", project, dataset.pk), data, follow=True)


def test_peaks_of_a_table_are_shown_then_stored(sign_in, reviewer, project, dataset):
    client = sign_in(reviewer)
    text = preview_peaks(client, project, dataset).text
    assert "2 rows read" in text
    before = dataset.peaks.count()
    answer = confirm_peaks(client, project, dataset, text)
    assert "2 rows imported." in answer.text
    assert dataset.peaks.count() == before + 2
    confirm_peaks(client, project, dataset, preview_peaks(client, project, dataset).text, mode="replace")
    assert list(dataset.peaks.values_list("label", flat=True)) == ["L insula", "R insula"]


def test_peaks_saved_since_the_preview_are_not_overwritten(sign_in, reviewer, project, dataset):
    client = sign_in(reviewer)
    text = preview_peaks(client, project, dataset).text
    Dataset.objects.filter(pk=dataset.pk).update(version=9)
    answer = confirm_peaks(client, project, dataset, text, mode="replace")
    assert answer.status_code == 409
    assert "saved this table first" in answer.text


def test_a_file_of_several_datasets_asks_which(sign_in, reviewer, project, dataset):
    client = sign_in(reviewer)
    text = preview_peaks(client, project, dataset, FOLDER, "folder.zip").text
    assert "The file holds 2 sets of peaks" in text
    answer = confirm_peaks(client, project, dataset, text, part=1, look="1")
    assert "No peaks: nothing survived the threshold" in answer.text


def test_peaks_of_another_reviewers_dataset_cannot_be_imported(sign_in, second_reviewer, project, dataset):
    assert preview_peaks(sign_in(second_reviewer), project, dataset).status_code == 404


def test_a_locked_dataset_takes_no_peaks(sign_in, reviewer, project, dataset):
    Extraction.objects.update(state="complete")
    assert preview_peaks(sign_in(reviewer), project, dataset).status_code == 403


# Rights


@pytest.mark.parametrize("role", ["viewer", "adjudicator"])
def test_only_those_who_extract_import(sign_in, project, dataset, role, request):
    client = sign_in(request.getfixturevalue(role))
    assert preview(client, project).status_code == 403
    assert client.post(page("studies_confirm", project), {}).status_code == 403
    assert preview_peaks(client, project, dataset).status_code == 403
    assert client.post(reverse("api_extraction:studies_import", args=[project.pk])).status_code == 403


def test_outsiders_find_nothing(sign_in, outsider, project, dataset):
    client = sign_in(outsider)
    assert preview(client, project).status_code == 404
    assert preview_peaks(client, project, dataset).status_code == 404
    assert client.post(reverse("api_extraction:studies_import", args=[project.pk])).status_code == 404


# API


def send(client, project, content=FOLDER, **more):
    return client.post(
        reverse("api_extraction:studies_import", args=[project.pk]), {"file": io.BytesIO(content), **more}
    )


def test_the_api_rehearses_unless_it_is_told_to_store(sign_in, reviewer, project):
    client = sign_in(reviewer)
    answer = send(client, project).json()
    assert (answer["format"], answer["stored"]) == ("sdm", False)
    assert [item["state"] for item in answer["studies"]] == ["new", "new"]
    assert not Study.objects.exists()
    assert send(client, project, store="true").json()["stored"]
    assert Study.objects.count() == 2


def test_the_api_names_file_and_mend_of_what_it_refuses(sign_in, reviewer, project):
    answer = send(sign_in(reviewer), project, b"<html></html>")
    assert answer.status_code == 400
    assert "is a web page" in answer.json()["error"]
    assert answer.json()["details"]["problems"][0]["mend"]
