"""PDFs of reports: taken to disk, served safely, withdrawn with a reason, refused with words."""

import errno
from io import BytesIO
from pathlib import Path

import pytest
from django.urls import reverse

from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import NotSaved, UserError
from meta_app.library import file_services
from meta_app.library.models import Report, ReportFile
from meta_app.library.selectors import file_path, report_files
from meta_app.projects.models import Project
from meta_app.projects.permissions import enter_project

from .papers import make_pdf, make_scan

PAPER = make_pdf(["Cao 2017", "The left insula (-38, 12, -4) was higher."])


@pytest.fixture(autouse=True)
def files_dir(settings, tmp_path):
    settings.FILES_DIR = tmp_path / "files"
    return settings.FILES_DIR


@pytest.fixture
def report(project):
    return Report.objects.create(project=project, authors="Cao S", year=2017, title="Resting state in PHN")


def upload(client, report, data=PAPER, name="cao2017.pdf"):
    address = reverse("api_library:files", args=[report.project_id, report.pk])
    return client.post(f"{address}?name={name}", data, content_type="application/octet-stream")


def add(report, person, stream, announced):
    place = enter_project(person, report.project_id)
    return file_services.file_add(place=place, report=report, name="x.pdf", stream=stream, announced=announced)


def address_of(file):
    return reverse("library:file", args=[file.report.project_id, file.pk])


@pytest.fixture
def file(reviewer, report, sign_in):
    return ReportFile.objects.get(pk=upload(sign_in(reviewer), report).json()["id"])


def test_an_uploaded_paper_lies_under_its_hash_and_nowhere_else(file, files_dir):
    assert file_path(file) == files_dir / file.sha256[:2] / file.sha256
    assert file_path(file).read_bytes() == PAPER
    assert (file.name, file.size, file.notice) == ("cao2017.pdf", len(PAPER), "")
    assert [path for path in files_dir.rglob("*") if path.is_file()] == [file_path(file)]


def test_the_upload_is_in_the_audit_trail(file, reviewer):
    entry = AuditEntry.objects.get(action="file.uploaded")
    assert (entry.actor, entry.project_id) == (reviewer, file.report.project_id)
    assert "Cao S 2017: cao2017.pdf" in entry.subject
    assert entry.after == {"file": file.pk, "sha256": file.sha256, "bytes": len(PAPER)}


def test_files_lie_outside_what_the_web_server_hands_out(settings):
    settings_dir = Path(settings.BASE_DIR)
    assert Path("/") in Path(settings.FILES_DIR).parents
    for public in (Path(settings.STATIC_ROOT), settings_dir / "static"):
        assert public not in Path(settings.FILES_DIR).parents


@pytest.mark.parametrize("person", ["owner", "reviewer", "second_reviewer", "adjudicator", "viewer"])
def test_every_member_reads_a_file(person, file, request, sign_in):
    answer = sign_in(request.getfixturevalue(person)).get(address_of(file))
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == PAPER


def test_nobody_else_reads_or_guesses_a_file(file, outsider, sign_in):
    assert sign_in(outsider).get(address_of(file)).status_code == 404
    assert sign_in(None).get(address_of(file)).status_code == 302
    other = Project.objects.create(name="Another review")
    other.memberships.create(user=outsider, role="owner")
    assert sign_in(outsider).get(reverse("library:file", args=[other.pk, file.pk])).status_code == 404


def test_a_file_is_served_so_that_the_browser_runs_nothing_of_it(file, viewer, sign_in):
    file.name = 'a"b\r\nSet-Cookie: x=1.pdf'
    file.save()
    headers = sign_in(viewer).get(address_of(file)).headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Disposition"].startswith("attachment;")
    assert "\r" not in headers["Content-Disposition"]
    assert headers["Content-Length"] == str(len(PAPER))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", PAPER[:100]),
        ("bytes=100-", PAPER[100:]),
        ("bytes=-50", PAPER[-50:]),
        ("bytes=0-999999999", PAPER),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(asked, part, file, viewer, sign_in):
    answer = sign_in(viewer).get(address_of(file), headers={"Range": asked})
    assert answer.status_code == 206
    assert b"".join(answer.streaming_content) == part
    assert answer["Content-Length"] == str(len(part))
    assert answer["Content-Range"].endswith(f"/{len(PAPER)}")


def test_a_part_beyond_the_end_does_not_exist(file, viewer, sign_in):
    answer = sign_in(viewer).get(address_of(file), headers={"Range": "bytes=99999999-"})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(PAPER)}")


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-9", "lines=1-2", "bytes=-", f"bytes={'9' * 5000}-"],
    ids=["two ranges", "lines", "no range", "a number without end"],
)
def test_other_ranges_get_the_whole_file(asked, file, viewer, sign_in):
    assert sign_in(viewer).get(address_of(file), headers={"Range": asked}).status_code == 200


def test_a_file_that_is_gone_from_the_disk_is_not_found(file, viewer, sign_in):
    file_path(file).unlink()
    assert sign_in(viewer).get(address_of(file)).status_code == 404


@pytest.mark.parametrize("person", ["owner", "reviewer", "adjudicator"])
def test_those_who_work_on_reports_upload(person, report, request, sign_in):
    assert upload(sign_in(request.getfixturevalue(person)), report).status_code == 201


def test_viewers_and_outsiders_do_not_upload(report, viewer, outsider, sign_in, files_dir):
    assert upload(sign_in(viewer), report).status_code == 403
    assert upload(sign_in(outsider), report).status_code == 404
    assert upload(sign_in(None), report).status_code == 401
    assert not ReportFile.objects.exists()
    assert not files_dir.exists()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (PAPER[:300], "ends in the middle"),
        (b"<html>Please sign in</html>", "web page"),
        (b"CAJ\x00", "CAJ"),
        (b"MZ\x90", "not a PDF"),
    ],
)
def test_a_refused_upload_says_why_and_leaves_nothing_behind(data, told, report, reviewer, sign_in, files_dir):
    answer = upload(sign_in(reviewer), report, data)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert not ReportFile.objects.exists()
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
    assert not AuditEntry.objects.exists()


def test_a_scan_is_taken_and_said_to_be_one(report, reviewer, sign_in):
    answer = upload(sign_in(reviewer), report, make_scan())
    assert answer.status_code == 201
    assert "scan without text" in answer.json()["notice"]


def test_a_file_above_the_limit_is_refused_before_it_is_read(report, reviewer, settings, files_dir):
    settings.FILE_LIMIT_MB = 1

    class Unread:
        def read(self, size=-1):
            raise AssertionError("read")

    with pytest.raises(UserError, match="300 MB; up to 1 MB"):
        add(report, reviewer, Unread(), announced=300_000_000)


class Bytes:
    def __init__(self, data):
        self.data = data

    def read(self, size=-1):
        part, self.data = self.data[:size], self.data[size:]
        return part


def test_a_file_that_announced_less_than_it_is_stops_at_the_limit(report, reviewer, settings, files_dir):
    settings.FILE_LIMIT_MB = 1
    endless = Bytes(PAPER + b"\n" * 3_000_000)
    with pytest.raises(UserError, match="up to 1 MB"):
        add(report, reviewer, endless, announced=10)
    assert endless.data
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


def test_a_connection_that_broke_off_keeps_nothing(report, reviewer, files_dir):
    with pytest.raises(UserError, match="Only a part of the file arrived"):
        add(report, reviewer, Bytes(PAPER), announced=len(PAPER) + 1)
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


def test_a_full_disk_is_told_in_words(report, reviewer, monkeypatch, files_dir):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file_services.os, "fsync", full)
    with pytest.raises(NotSaved, match="disk of the server is full"):
        add(report, reviewer, Bytes(PAPER), announced=len(PAPER))
    assert not ReportFile.objects.exists()
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


@pytest.mark.parametrize("person", ["reviewer", "second_reviewer"])
def test_a_report_takes_a_second_file_and_answers_with_the_one_it_has_for_the_same(
    file, files_dir, report, sign_in, person, request
):
    client = sign_in(request.getfixturevalue(person))
    assert upload(client, report, make_pdf(["Supplement"]), "supplement.pdf").status_code == 201
    again = upload(client, report, name="copy.pdf")
    assert (again.status_code, again.json()["id"], again.json()["name"]) == (200, file.pk, "cao2017.pdf")
    assert report.files.count() == 2
    assert AuditEntry.objects.filter(action="file.uploaded").count() == 2
    assert len([path for path in files_dir.rglob("*") if path.is_file()]) == 2


def test_the_same_file_sent_at_the_same_moment_is_taken_once(file, report, reviewer, project, monkeypatch):
    place, seen = enter_project(reviewer, project.pk), []
    there = file_services._there
    monkeypatch.setattr(file_services, "_there", lambda *asked: there(*asked) if seen else seen.append(asked))
    found, new = file_services.file_add(place=place, report=report, name="b.pdf", stream=BytesIO(PAPER), announced=0)
    assert (found.pk, new, report.files.count()) == (file.pk, False, 1)


def test_the_same_file_with_another_report_raises_a_question(file, project, reviewer, sign_in):
    other = Report.objects.create(project=project, authors="Hui D", year=2020)
    answer = upload(sign_in(reviewer), other)
    assert "Cao S 2017”: is it the right paper?" in answer.json()["notice"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("../../etc/passwd.pdf", "passwd.pdf"), ("C:\\papers\\曹 2017.pdf", "曹 2017.pdf"), ("", "paper.pdf")],
)
def test_only_the_last_part_of_a_name_is_kept(sent, kept, report, reviewer, sign_in):
    assert upload(sign_in(reviewer), report, name=sent).json()["name"] == kept


def withdraw(client, file, reason="wrong paper"):
    address = reverse("api_library:file_withdraw", args=[file.report.project_id, file.pk])
    return client.post(address, {"reason": reason}, content_type="application/json")


def test_a_withdrawn_file_leaves_the_lists_and_stays_readable(file, report, reviewer, sign_in):
    client = sign_in(reviewer)
    answer = withdraw(client, file)
    assert answer.status_code == 200
    assert answer.json()["withdrawn_reason"] == "wrong paper"
    assert report_files(enter_project(reviewer, report.project_id), [report]).files == []
    assert client.get(address_of(file)).status_code == 200
    assert AuditEntry.objects.get(action="file.withdrawn").reason == "wrong paper"
    assert upload(client, report).status_code == 201


def test_a_withdrawal_needs_a_reason_and_happens_once(file, reviewer, sign_in):
    client = sign_in(reviewer)
    assert withdraw(client, file, " ").status_code == 400
    assert withdraw(client, file).status_code == 200
    again = withdraw(client, file, "once more")
    assert (again.status_code, "withdrawn before" in again.json()["error"]) == (400, True)


def test_viewers_and_outsiders_do_not_withdraw(file, viewer, outsider, sign_in):
    assert withdraw(sign_in(viewer), file).status_code == 403
    assert withdraw(sign_in(outsider), file).status_code == 404
    file.refresh_from_db()
    assert file.withdrawn_at is None


def test_the_pane_s_files_are_read_in_one_query(file, reviewer, django_assert_num_queries):
    place = enter_project(reviewer, file.report.project_id)
    with django_assert_num_queries(1):
        shown = report_files(place, [file.report])
        assert [str(item.report) for item in shown.files] == ["Cao S 2017"]


def test_a_viewer_gets_no_way_to_upload(file, viewer):
    assert not report_files(enter_project(viewer, file.report.project_id), [file.report]).may_upload
