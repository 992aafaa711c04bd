"""The page of activity and its export: everything one may read, nothing that is still blind."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meta_app.analyses import tasks
from meta_app.analyses.models import Run
from meta_app.audit.models import AuditEntry
from meta_app.audit.services import record
from meta_app.datasets.models import AgreedDataset
from meta_app.extraction.models import Extraction, ExtractionForm, Study
from tests.meta_app.agreement.readers import enter, new_study, tree
from tests.meta_app.agreement.readers import lock as lock_extraction

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit-trail.md"


def page(project, tail=""):
    return f"/projects/{project.pk}/activity/{tail}"


@pytest.fixture
def study(project, reviewer, second_reviewer):
    """Two reviewers at work on a study; each has left an entry, and so has the owner's program."""
    form, _new = ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)
    study = Study.objects.create(project=project, label="Cao 2017", extractors_needed=2)
    for position, author in (("A", reviewer), ("B", second_reviewer)):
        Extraction.objects.create(study=study, position=position, author=author, form=form)
    record(project_id=project.pk, actor=None, action="project.created", subject="Pain in the brain")
    for author, n in ((reviewer, "n is 771"), (second_reviewer, "n is 882")):
        record(
            project_id=project.pk, actor=author, action="extraction.saved", subject=f"Cao 2017, {author}",
            before={"n": None}, after={"n": n}, blind_study=study.pk, blind_stage="extraction",
        )  # fmt: skip
    record(project_id=project.pk, actor=reviewer, action="report.added", subject="Cao 2017, report", after={"page": 3})
    return study


def open_study(study):
    study.extractions.update(state="complete")


def read(client, project, tail=""):
    return client.get(page(project, tail)).content.decode()


def test_a_reviewer_reads_her_own_entries_and_not_the_blind_ones_of_the_other(project, study, reviewer, sign_in):
    text = read(sign_in(reviewer), project)
    assert "n is 771" in text
    assert "n is 882" not in text
    assert "Report: added" in text


@pytest.mark.parametrize("who", ["owner", "adjudicator", "viewer"])
def test_nobody_else_reads_blind_entries_before_the_study_is_opened(project, study, who, sign_in, request):
    client = sign_in(request.getfixturevalue(who))
    before = read(client, project) + read(client, project, "export.json") + read(client, project, "export.csv")
    assert "n is 771" not in before
    assert "n is 882" not in before
    open_study(study)
    after = read(client, project)
    assert "n is 771" in after
    assert "n is 882" in after


def test_scores_stay_blind_while_only_the_extractions_are_opened(project, study, reviewer, second_reviewer, sign_in):
    open_study(study)
    record(
        project_id=project.pk, actor=second_reviewer, action="quality.scored", subject="Cao 2017",
        after={"p": "p is 993"}, blind_study=study.pk, blind_stage="quality",
    )  # fmt: skip
    assert "p is 993" not in read(sign_in(reviewer), project)
    assert "p is 993" in read(sign_in(second_reviewer), project)


def test_a_viewer_does_not_read_how_the_work_went(project, study, viewer, sign_in):
    text = read(sign_in(viewer), project)
    assert "Project: created" in text
    assert "Report: added" not in text
    assert "Cao 2017" not in text


def test_entries_are_filtered_by_person_study_and_action(project, study, reviewer, owner, sign_in):
    record(project_id=project.pk, actor=owner, action="member.added", subject="Zoe", after={"role": "viewer"})
    open_study(study)
    client = sign_in(owner)
    assert "n is 882" not in read(client, project, f"?person={reviewer.pk}")
    assert "n is 771" in read(client, project, f"?person={reviewer.pk}")
    for words in ("Cao 2017", "cao", " cao  2017 "):
        assert "Zoe" not in read(client, project, f"?study={words}")
        assert "n is 771" in read(client, project, f"?study={words}")
    only = read(client, project, "?action=member.added")
    assert "Zoe" in only
    assert "n is 771" not in only
    assert "Nothing fits this filter" in read(client, project, "?study=987654&person=x")


def test_a_whole_label_is_that_study_alone_and_a_part_all_that_hold_it(project, owner, sign_in):
    for label in ("Cao 2017", "Cao 2017b"):
        Study.objects.create(project=project, label=label)
        record(project_id=project.pk, actor=owner, action="study.created", subject=f"{label}, made")
    client = sign_in(owner)
    assert "Cao 2017b, made" not in read(client, project, "?study=Cao 2017")
    both = read(client, project, "?study=Cao 20")
    assert "Cao 2017, made" in both
    assert "Cao 2017b, made" in both


def test_the_page_stays_short_with_five_thousand_studies(project, owner, sign_in, django_assert_max_num_queries):
    Study.objects.bulk_create(Study(project=project, label=f"Simulated {number}") for number in range(5000))
    client = sign_in(owner)
    with django_assert_max_num_queries(20):
        text = read(client, project, "?study=Simulated")
    assert len(text) < 50_000


def test_pages_are_of_fifty_and_keep_the_filter(project, owner, sign_in, django_assert_max_num_queries):
    for number in range(120):
        record(project_id=project.pk, actor=owner, action="study.renamed", subject=f"Study {number}.")
    client = sign_in(owner)
    with django_assert_max_num_queries(20):
        text = read(client, project, "?action=study.renamed&page=2")
    assert "Page 2 of 3" in text
    assert "Study 69." in text
    assert "Study 70." not in text
    assert "?action=study.renamed&amp;page=3" in text


def checked_by_the_document(tmp_path, exported):
    """Run the script that the document prints."""
    script = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "export.json").write_text(exported, encoding="utf-8")
    run = [sys.executable, "-c", script, str(tmp_path / "export.json")]
    done = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", check=False)
    return (done.stdout + done.stderr).strip()


def test_the_export_is_checked_outside_with_the_printed_script(project, study, owner, sign_in, tmp_path):
    record(
        project_id=project.pk, actor=owner, action="study.renamed", subject="曹 2017", after={"x": [1.5, 1e22, "−12"]}
    )
    open_study(study)
    exported = read(sign_in(owner), project, "export.json")
    last = AuditEntry.objects.get(subject="曹 2017").hash
    assert checked_by_the_document(tmp_path, exported) == f"All entries fit; {last} is the last hash."
    forged = exported.replace("n is 882", "n is 883")
    assert checked_by_the_document(tmp_path, forged) == "Entry 3 does not fit."


def test_the_export_does_not_count_what_is_withheld(project, study, reviewer, sign_in, tmp_path):
    exported = read(sign_in(reviewer), project, "export.json")
    entries = json.loads(exported)["entries"]
    assert [entry["number"] for entry in entries] == [1, 2, None]
    assert entries[2]["hash"] is None
    assert "From here on entries are withheld" in checked_by_the_document(tmp_path, exported)


def test_the_csv_file_runs_no_formula(project, owner, sign_in):
    record(project_id=project.pk, actor=owner, action="study.created", subject="=cmd()", after="-1")
    rows = list(csv.DictReader(io.StringIO(read(sign_in(owner), project, "export.csv").lstrip("\ufeff"))))
    assert rows[0]["subject"] == "'=cmd()"
    assert rows[0]["who"] == "olga"
    assert len(rows[0]["hash"]) == 64
    assert sign_in(owner).get(page(project, "export.exe")).status_code == 404


def test_an_entry_says_what_changed_and_why(project, owner, sign_in):
    record(
        project_id=project.pk, actor=owner, action="protocol.saved", subject="Protocol version 2",
        before={"quality_cutoff": "16.0", "same": 1}, after={"quality_cutoff": "15.0", "same": 1},
        reason="Asked by Ada",
    )  # fmt: skip
    text = read(sign_in(owner), project)
    assert "<del>16.0</del>" in text
    assert "<ins>15.0</ins>" in text
    assert "Asked by Ada" in text
    assert "same" not in re.search(r'activity-change">(.*?)</td>', text, re.DOTALL)[1]


LAUNCH = {
    "dataset": 1, "name": "Patients against controls", "comparison": "patients_controls",
    "modalities": ["resting_fmri"], "metrics": ["ReHo"], "imputations": 5, "seed": 1,
    "estimator": "DL", "sign_peaks": "pool", "test": 0, "correction": "tfce", "fwe_p": 0.05, "tfce_neighbours": 26,
    "voxel_p": 0.005, "min_peak_z": 1, "min_extent": 10,
}  # fmt: skip


def test_a_freeze_and_a_launch_leave_entries_that_viewers_read(project, owner, reviewer, viewer, sign_in, monkeypatch):
    monkeypatch.setattr(tasks.run_execute, "delay", lambda number: None)
    for number in range(3):
        people = {"n": 18 + number, "age_mean": 60.0 + number}
        said = tree(patients=people, controls=people)
        lock_extraction(enter(new_study(project, f"Study {number}", needed=1), reviewer, "A", said))
    client = sign_in(owner)
    for step, fields in (("datasets/freeze/", {}), ("analyses/new/", LAUNCH)):
        assert client.post(f"/projects/{project.pk}/{step}", fields).status_code == 302
    frozen, launched = (AuditEntry.objects.get(action=name) for name in ("dataset.frozen", "analysis.launched"))
    assert (frozen.actor, frozen.after["sha256"]) == (owner, AgreedDataset.objects.get().sha256)
    assert (launched.actor, Run.objects.get().name) == (owner, "Patients against controls")
    text = read(sign_in(viewer), project)
    assert "Dataset: frozen" in text
    assert "Analysis: launched" in text


def test_members_protocol_and_settings_leave_entries(project, owner, outsider, sign_in):
    client = sign_in(owner)
    client.post(f"/projects/{project.pk}/team/", {"username": "oto", "role": "viewer"})
    member = outsider.memberships.get()
    client.post(f"/projects/{project.pk}/team/{member.pk}/role/", {"role": "reviewer", "role_before": "viewer"})
    client.post(f"/projects/{project.pk}/team/{member.pk}/remove/")
    client.post(f"/projects/{project.pk}/settings/", {"name": "New name", "extractors_needed": 2, "version": 1})
    client.post(f"/projects/{project.pk}/protocol/edit/", {"version": 0, "question": "Where?", "change_reason": ""})
    client.post("/projects/new/", {"name": "Second", "extractors_needed": 1})
    entries = AuditEntry.objects.filter(project_id=project.pk)
    assert [entry.action for entry in entries] == [
        "member.added", "member.role_changed", "member.removed", "project.settings_changed", "protocol.saved",
    ]  # fmt: skip
    assert {entry.actor for entry in entries} == {owner}
    assert entries[1].before == {"role": "viewer"}
    assert entries[3].before["name"] == "Pain in the brain"
    assert AuditEntry.objects.get(action="project.created").subject == "Second"
