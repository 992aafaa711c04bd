"""Files that would fill the memory or the day: each is answered in words that state the limit, and read no further."""

import io
import json
import tracemalloc

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from meta_app.extraction.exchange.peak_files import read_peaks
from meta_app.extraction.exchange.reading import read_studies
from meta_app.extraction.exchange.records import MOST_PROBLEMS, UnreadableError
from meta_app.extraction.import_services import tools
from meta_app.extraction.list_parsers import UnreadableListError, read_list, read_text
from meta_app.extraction.models import Study
from meta_app.extraction.workbooks import WorkbookError, sheets_of
from meta_app.library.domain import LONGEST_LABEL, spread_labels

from .peak_cast import page
from .workbook_cast import MAIN, RELATIONS, ROWS, odd_workbook

MEMORY = 300_000_000
"""Bytes above which a small file took too much."""


def strings(inside, before=""):
    return f'{before}<sst xmlns="{MAIN}">{inside}</sst>'


def test_an_ordinary_workbook_is_read_without_its_blank_end():
    rows = f'{ROWS}<row r="4"><c r="C4"><v>2017</v></c></row><row r="5"><c r="A5" s="0"/></row>'
    grid = sheets_of(odd_workbook(rows))["List"]
    assert grid == [["label", "title"], ["Cao 2017", "Pain"], [], [None, None, 2017]]


HOSTILE = {
    "unpacks to 80 MB": (lambda: odd_workbook(" " * 80_000_000), "would unpack to 80 MB; 60 MB are read"),
    "nine million rows": (lambda: odd_workbook(ROWS + "<row/>" * 9_000_000), "about 400,000 cells and rows are read"),
    "three million texts": (
        lambda: odd_workbook(strings=strings("<si><t>a</t></si>" * 3_000_000)), "about 400,000 cells and rows",
    ),
    "a row beyond the sheet": (
        lambda: odd_workbook(f'{ROWS}<row r="99999999999"><c r="A3"><v>1</v></c></row>'), "200,000 rows",
    ),
    "a column beyond the sheet": (
        lambda: odd_workbook(ROWS + '<row><c r="ZZZ3"><v>1</v></c></row>' * 1000), "500 columns",
    ),
    "far cells": (
        lambda: odd_workbook(ROWS + "".join(f'<row r="{n}"><c r="ABC{n}"/><c r="SF{n}"><v>1</v></c></row>'
                                            for n in range(3, 9000))),
        "1,000,000 cells with the empty ones between",
    ),
    "texts that expand": (
        lambda: odd_workbook(
            strings=strings("<si><t>&b;</t></si>", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>')
        ),
        "xl/sharedStrings.xml defines entities",
    ),
    "texts that expand, in UTF-16": (
        lambda: odd_workbook(strings=strings("", '<!DOCTYPE x [<!ENTITY a "aaaa">]>').encode("utf-16")),
        "defines entities",
    ),
    "formats without end": (
        lambda: odd_workbook(**{"xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{"<xf/>" * 300_000}</styleSheet>'}),
        "more formats or names than are read, 1 MB",
    ),
    "cut off": (lambda: odd_workbook()[:-40], "The workbook is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_workbook_that_would_fill_the_memory_is_refused_in_words(name):
    made, words = HOSTILE[name]
    content = made()
    assert len(content) < 1_000_000
    tracemalloc.start()
    with pytest.raises(WorkbookError) as refusal:
        sheets_of(content)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert words in str(refusal.value)
    assert most < MEMORY


def test_links_to_other_workbooks_are_neither_followed_nor_needed():
    target = 'Target="http://127.0.0.1:1/x.xml" TargetMode="External"'
    link = f'<Relationship Id="r9" Type="{RELATIONS}/externalLink" {target}/>'
    formula = '<row r="3"><c r="A3"><f>[1]Other!A1</f><v>7</v></c></row>'
    assert sheets_of(odd_workbook(ROWS + formula, relations=link))["List"][2] == [7]


def test_the_words_about_a_workbook_stand_on_both_pages_of_imports(client, project):
    content = odd_workbook(ROWS + '<row r="99999999999"><c r="A3"><v>1</v></c></row>')
    for name, field in (("list_import", "file"), ("studies_import", "files")):
        answer = client.post(page(name, project), {field: SimpleUploadedFile("list.xlsx", content)})
        assert (answer.status_code, "is larger than what is read: 200,000 rows" in answer.text) == (400, True)


def test_a_file_that_is_too_large_is_refused_before_it_is_read_into_memory(client, project, dataset, monkeypatch):
    def unread(*_size):
        raise AssertionError("the file was read into memory")

    monkeypatch.setattr("django.core.files.uploadedfile.InMemoryUploadedFile.read", unread, raising=False)
    monkeypatch.setattr("meta_app.extraction.list_views.MOST_BYTES", 1_000_000)
    monkeypatch.setattr("meta_app.extraction.import_services.LARGEST_FILE", 1_000_000)

    def sent(name, field, *more):
        file = io.BytesIO(b"a" * 1_500_000)
        file.name = "a.csv"
        return client.post(page(name, project, *more), {field: file})

    answer = sent("list_import", "file")
    assert (answer.status_code, "is larger than 20 MB" in answer.text) == (400, True)
    for answer in (sent("studies_import", "files"), sent("peaks_import", "files", dataset.pk)):
        assert (answer.status_code, "this is 2 MB; send at most 1 MB at a time" in answer.text) == (400, True)


# Texts


UNREADABLE = {
    "a million lines": ("a\n" * 1_100_000, "at most 500,000 lines"),
    "5,001 lines": ("Cao 2017\n" * 5001, "It holds 5001 rows; at most 5000 at a time"),
    "no partner": ('label,title\nCao 2017,"Pain\nGu 2019,Pain\nHui 2020,Pain\n', "begins at line 2 does not end"),
    "a long cell": ('label,title\nCao 2017,"' + "x" * 200_000, "begins at line 2 does not end"),
    "a cell of many lines": ('label,title\nCao 2017,"' + "x\n" * 300 + '"\n', "begins at line 2 does not end"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_list_that_cannot_be_read_whole_says_where(name):
    text, words = UNREADABLE[name]
    with pytest.raises(UnreadableListError) as refused:
        read_text(text)
    assert words in str(refused.value)


def test_a_cell_of_several_lines_is_one_cell():
    found = read_text('label,title\nCao 2017,"Pain\nin the brain"\nGu 2019,Fear\n')
    assert [row.values["label"] for row in found.rows] == ["Cao 2017", "Gu 2019"]


def test_a_row_of_millions_of_cells_is_no_table_and_ends():
    with pytest.raises(UnreadableListError):
        read_list(b"," * 3_000_000, "a.csv")
    with pytest.raises(UnreadableError) as refusal:
        read_peaks({"a.csv": b"," * 3_000_000}, tools())
    assert "more than 500 columns" in refusal.value.problem.message


def test_five_thousand_studies_of_one_name_get_five_thousand_labels():
    labels = spread_labels(["Cao 2017"] * 5000, ["Cao 2017"])
    assert (labels[0], labels[25], labels[-1]) == ("Cao 2017b", "Cao 2017ba", "Cao 2017-4325")
    assert len(set(labels)) == 5000
    assert {len(label) for label in spread_labels(["x" * LONGEST_LABEL] * 2, [])} == {LONGEST_LABEL}


def test_five_thousand_rows_are_looked_at_and_imported(client, project):
    rows = "".join(f'"Author{n} A, Writer B",The brain of study number {n},2017,10.1000/{n}\n' for n in range(5000))
    answer = client.post(page("list_import", project), {"text": f"authors,title,year,doi\n{rows}"})
    assert answer.context["counts"]["new"] == 5000
    client.post(page("list_confirm", project), {"rows": answer.context["rows"]})
    assert Study.objects.count() == 5000


def test_a_list_too_long_for_its_page_says_how_long_it_may_be(client, project):
    rows = "".join(f"{'Author A, ' * 40},The brain of study number {n}\n" for n in range(5000))
    text = f"authors;title\n{rows.replace(',The', ';The')}"
    answer = client.post(page("list_import", project), {"file": SimpleUploadedFile("a.csv", text.encode())})
    assert answer.status_code == 400
    assert "5000 rows of 2." in answer.text
    assert "and 2.2 MB fit" in answer.text


# Names


def test_marks_of_direction_are_dropped_and_emoji_stay(client, project):
    client.post(page("list_import", project), {"text": "Cao 2017"})
    for label in ("Cao\u200f 2017 \U0001f9e0", "\u202eCao 2017 \U0001f9e0"):
        client.post(page("study_new", project), {"label": label, "kind": "article"})
    assert list(Study.objects.values_list("label", flat=True)) == ["Cao 2017 \U0001f9e0"]
    answer = client.post(page("list_import", project), {"text": "label\n\u2067Cao 2017 \U0001f9e0\u2069\n"})
    assert answer.context["counts"] == {"rows": 1, "new": 0, "repeated": 1, "blocked": 0, "asked": 0}


# Other programs


def refusal(name, content):
    with pytest.raises(UnreadableError) as error:
        read_studies({name: content}, tools())
    return error.value.problem.message


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ('"values": {"x": NaN}', "holds NaN, which is no number"),
        ('"values": {"x": 1e999}', "holds 1e999, which is no number"),
        ('"note": "a\\u0000b"', "holds a character of code zero"),
        ('"note": "\\ud800"', "holds half of a character"),
        ('"note": ' + "9" * 5000, "holds a number of thousands of digits"),
        ('"note": ' + "[" * 100_000, "is nested too deeply"),
    ],
    ids=["NaN", "infinity", "NUL", "half", "digits", "depth"],
)
def test_json_that_a_database_cannot_hold_is_refused_in_words(inside, words):
    text = f'{{"format": "concord-agreed-dataset/2", "studies": [{{"label": "Cao 2017", {inside}}}]}}'
    assert words in refusal("a.json", text.encode())


def test_words_that_only_look_like_a_character_of_code_zero_are_read():
    text = json.dumps({"format": "concord-agreed-dataset/2", "studies": [{"label": "Cao 2017", "note": r"C:\u0000"}]})
    assert read_studies({"a.json": text.encode()}, tools()).studies[0]["note"] == r"C:\u0000"


def test_a_year_that_is_none_and_a_number_of_subjects_without_end_are_told():
    study = {"label": "Cao 2017", "year": 99999}
    text = json.dumps({"format": "concord-agreed-dataset/2", "studies": [study]})
    assert "“99999” is not a year" in read_studies({"a.json": text.encode()}, tools()).problems[0].message
    sleuth = f"// Reference=MNI\n// Cao\n// Subjects={'9' * 5000}\n1 2 3\n"
    assert "is no number of subjects" in read_studies({"a.txt": sleuth.encode()}, tools()).problems[0].message


def test_a_file_of_another_kind_tells_a_thousand_problems_and_stops():
    text = "// Reference=MNI\n" + "nothing here\n" * 5000
    reading = read_studies({"a.txt": text.encode()}, tools())
    assert len(reading.problems) == MOST_PROBLEMS + 1
    assert "no further one is listed" in reading.problems[-1].message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"// Reference=MNI\n" + b"// Cao\n1 2 3\n\n" * 1001, "1,001 studies, 1,001 datasets and 1,001 peaks"),
        (b"// Reference=MNI\n// Cao\n" + b"1 2 3\n" * 50_001, "50,001 peaks"),
        (b"1 2 3\n" * 500_001, "500,001 lines; 500,000 are read"),
    ],
    ids=["studies", "peaks", "lines"],
)
def test_more_than_is_imported_at_a_time_is_counted_and_refused(content, words):
    assert words in refusal("a.txt", content)


def test_many_analyses_of_one_study_are_put_together_at_once():
    point = {"coordinates": [1, 2, 3], "space": "MNI"}
    analyses = [{"id": str(n), "name": "ALFF", "points": [point]} for n in range(900)]
    text = json.dumps({"studies": [{"name": "Cao 2017", "analyses": analyses}]})
    (study,) = read_studies({"a.json": text.encode()}, tools()).studies
    assert [item["label"] for item in study["datasets"]][:3] == ["ALFF", "ALFF (2)", "ALFF (3)"]
    assert len({item["label"] for item in study["datasets"]}) == 900


def test_a_cell_of_a_megabyte_is_cut_and_told():
    reading = read_peaks({"a.csv": f"x,y,z,label\n1,2,3,{'a' * 100_000}\n".encode()}, tools())
    assert len(reading.sets[0].rows[0]["label"]) == 2000
    assert "longer than 2,000 characters" in reading.problems[0].message


def test_the_api_refuses_what_is_too_large_with_the_limit(client, project, monkeypatch):
    monkeypatch.setattr("meta_app.extraction.import_services.LARGEST_FILE", 10)
    address = reverse("api_extraction:studies_import", args=[project.pk])
    answer = client.post(address, {"file": SimpleUploadedFile("a.json", b"[" * 11)})
    assert (answer.status_code, "send at most" in answer.json()["error"]) == (400, True)
