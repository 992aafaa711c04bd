"""A list of studies on its way into a project: looked at, imported, left out."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from meta_app.audit.models import AuditEntry
from meta_app.extraction.models import Study
from meta_app.library.models import Report

LIST = """authors,title,year,doi
"Cao S, Song G",Local brain activity in pain,2017,10.1000/a
"Cao S, Li Y",Brain activity in herpes zoster,2017,
"Gu L, Hong S",Slow bands of the brain in pain,19,
Haowen L,The cerebral function in pain,2013,
"""


def page(project, name="list_import"):
    return reverse(f"extraction:{name}", args=[project.pk])


def look(client, project, text=LIST):
    answer = client.post(page(project), {"text": text})
    assert answer.status_code == 200
    return answer, answer.context["rows"]


def test_a_list_is_looked_at_before_anything_is_stored(client, project):
    answer, _rows = look(client, project)
    assert answer.context["counts"] == {"rows": 4, "new": 3, "repeated": 0, "blocked": 1, "asked": 1}
    assert "Cao 2017a" in answer.text
    assert "“19” is not a year." in answer.text
    assert "What is the family name?" in answer.text
    assert not Study.objects.exists()


def test_the_good_rows_are_imported_and_the_others_can_be_downloaded(client, project):
    _answer, rows = look(client, project)
    left = client.post(page(project, "list_left_out"), {"rows": rows}).content.decode("utf-8-sig").splitlines()
    assert len(left) == 2
    assert left[1].startswith('4,"year: “19” is not a year. Type four digits')
    answer = client.post(page(project, "list_confirm"), {"rows": rows, "label-5": "Liang 2013"}, follow=True)
    assert "3 studies are added. 1 row of the list was left out." in answer.text
    assert list(Study.objects.values_list("label", "year")) == [
        ("Cao 2017a", 2017), ("Cao 2017b", 2017), ("Liang 2013", 2013),
    ]  # fmt: skip
    assert Study.objects.get(label="Cao 2017a").reports.get().doi == "10.1000/a"
    assert not Study.objects.filter(extractions__isnull=False).exists()


def test_an_import_is_told_in_the_audit_trail(client, project, reviewer):
    _answer, rows = look(client, project)
    client.post(page(project, "list_confirm"), {"rows": rows})
    entry = AuditEntry.objects.get(action="studies.imported")
    assert (entry.actor, len(entry.after["labels"])) == (reviewer, 3)


def test_a_report_that_is_known_by_doi_or_title_is_skipped_unless_it_is_ticked(client, project):
    _answer, rows = look(client, project)
    client.post(page(project, "list_confirm"), {"rows": rows})
    again, rows = look(
        client, project, LIST.replace("10.1000/a", "https://doi.org/10.1000/A").replace("in pain", "in Pain:")
    )
    assert again.context["counts"]["repeated"] == 3
    assert "Cao 2017a" in again.text
    refused = client.post(page(project, "list_confirm"), {"rows": rows})
    assert refused.status_code == 400
    assert "no row is ready" in refused.text
    client.post(page(project, "list_confirm"), {"rows": rows, "repeat-2": "on"})
    assert Study.objects.filter(label="Cao 2017c").count() == 1
    assert Study.objects.count() == 4


def test_a_row_repeated_within_the_list_is_known_too(client, project):
    answer, _rows = look(client, project, LIST + '"Cao S, Song G",Another title of the paper,2017,10.1000/A\n')
    assert answer.context["repeated"][0].repeats == "row 2"


RECORDS = """TY  - JOUR
AU  - Cao S
TI  - Local brain activity in pain
PY  - 2017
ER  -
TY  - JOUR
AU  - Cao S
TI  - Local brain activity in pain
PY  - 2017
ER  -
TY  - JOUR
AU  - Gu L
TI  - Slow bands of the brain in pain
PY  - 19
ER  -
"""


def test_the_numbers_of_records_and_typed_lines_are_told_as_lines_and_those_of_a_table_as_rows(client, project):
    answer, rows = look(client, project, RECORDS)
    assert answer.text.count('class="number">Line</th>') == 3
    assert 'class="number">Row</th>' not in answer.text
    assert answer.context["repeated"][0].repeats == "line 1"
    sent = {"rows": rows, "kind": answer.context["found"].kind}
    left = client.post(page(project, "list_left_out"), sent).content.decode("utf-8-sig").splitlines()
    assert (left[0].split(",")[0], left[1].split(",")[0]) == ("line", "6")
    assert "The same report as line 1." in left[1]
    assert 'class="number">Line</th>' in look(client, project, "Cao 2017\nGu 2019\n")[0].text
    assert 'class="number">Row</th>' in look(client, project)[0].text


def test_equal_titles_with_different_dois_are_two_reports(client, project):
    rows = "Cao S,Brain activity in pain,2017,10.1000/a\nCao S,Brain activity in pain,2018,10.1000/b\n"
    text = f"authors,title,year,doi\n{rows}"
    assert look(client, project, text)[0].context["counts"]["new"] == 2


def test_a_typed_label_that_matches_no_author_is_asked_about(client, project):
    answer, _rows = look(client, project, 'label,authors\nHui 2020,"Dai H, Jiang C"\nCao 2017,"Cao S, Song G"\n')
    (asked,) = answer.context["asked"]
    assert (asked.label, "family name is Dai" in asked.question) == ("Hui 2020", True)


def test_a_label_that_was_taken_meanwhile_changes_nothing(client, project, monkeypatch):
    _answer, rows = look(client, project, "Cao 2017\nGu 2019\n")
    monkeypatch.setattr("meta_app.extraction.list_selectors.spread_labels", lambda wanted, taken: wanted)
    monkeypatch.setattr("meta_app.extraction.list_selectors._repeats", lambda *more: {})
    Study.objects.create(project=project, label="Gu 2019")
    answer = client.post(page(project, "list_confirm"), {"rows": rows})
    assert answer.status_code == 400
    assert "same label meanwhile" in answer.text
    assert Study.objects.count() == 1
    assert not Report.objects.exists()


def test_a_file_is_read_whatever_its_ending(client, project):
    file = SimpleUploadedFile(
        "list.txt", "TY  - JOUR\nAU  - 曹松\nTI  - 疱疹后神经痛的研究\nPY  - 2017\nER  - ".encode("gb18030")
    )
    answer = client.post(page(project), {"file": file})
    assert "曹 2017" in answer.text
    assert "Read as GB18030" in answer.text


@pytest.mark.parametrize("rows", ["", "[", '[{"number": 1}]', '{"a": 1}', '[{"number": "x", "values": {}}]'])
def test_rows_that_were_tampered_with_are_refused(client, project, rows):
    for name in ("list_confirm", "list_left_out"):
        assert client.post(page(project, name), {"rows": rows}).status_code == 400
    assert not Study.objects.exists()


def test_a_tampered_row_is_checked_again(client, project):
    rows = json.dumps([{"number": 1, "values": {"title": "A study of pain", "year": "never", "doi": "10.1000/x"}}])
    assert client.post(page(project, "list_confirm"), {"rows": rows}).status_code == 400


@pytest.mark.parametrize("role", ["adjudicator", "viewer"])
@pytest.mark.parametrize("name", ["list_import", "list_confirm", "list_left_out"])
def test_only_those_who_extract_import_a_list(project, role, name, request, sign_in):
    assert sign_in(request.getfixturevalue(role)).post(page(project, name), {"text": LIST}).status_code == 403


def test_two_thousand_rows_take_as_many_queries_as_two(client, project, django_assert_max_num_queries):
    text = "authors,title,year\n" + "".join(f"Author{n} A,The brain of study number {n},2017\n" for n in range(2000))
    _answer, rows = look(client, project, text)
    with django_assert_max_num_queries(80):
        client.post(page(project, "list_confirm"), {"rows": rows})
    assert Study.objects.count() == 2000
