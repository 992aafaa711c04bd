"""Odd lists, one test for each oddity. The names and titles are made up, except where a source is named."""

import io

import openpyxl
import pytest

from meta_app.extraction.list_parsers import MOST_ROWS, UnreadableListError, decoded, read_entries, read_list, read_text

CSV = "题名,作者,年,来源,引用频次\n疱疹后神经痛的脑功能研究,曹松;宋根,2017,中国疼痛医学杂志,12\n"
RIS = """TY  - JOUR
AU  - Cao, S.
AU  - Song, G.
TI  - Local brain activity in pain
PY  - 2017/05//
JO  - Pain Physician
DO  - https://doi.org/10.1000/PAIN.17.
ER  -
"""


def entries(found):
    return read_entries(found.rows)


def only(found):
    (entry,) = entries(found)
    return entry


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_a_chinese_table_is_read_in_every_encoding_that_excel_and_cnki_write(encoding):
    entry = only(read_list(CSV.encode(encoding), "list.csv"))
    assert (entry.report["title"], entry.report["authors"]) == ("疱疹后神经痛的脑功能研究", "曹松;宋根")
    assert (entry.report["year"], entry.report["language"]) == (2017, "Chinese")


def test_lines_of_several_encodings_in_one_file_are_each_read_in_their_own():
    text, note = decoded("标题\n".encode() + "作者\n".encode("gb18030") + "Müller\n".encode("cp1252"))
    assert text == "标题\n作者\nMüller\n"
    assert note.startswith("Read as GB18030 and UTF-8 and Windows-1252")


def test_columns_that_nothing_here_uses_are_told():
    assert read_list(CSV.encode(), "list.csv").unknown == ["引用频次"]


def test_a_header_below_a_title_line_and_semicolons_between_cells_are_found():
    found = read_text("Exported studies;;\nStudy;Title;Journal\nCao 2017;Brain activity in pain;Pain\n")
    assert (only(found).label, only(found).report["source"], only(found).number) == ("Cao 2017", "Pain", 3)


def test_a_csv_without_a_header_is_refused_with_what_to_write():
    with pytest.raises(UnreadableListError, match="first row"):
        read_list(b"a,b\nc,d\n", "list.csv")


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_gives_whole_numbers_for_the_floats_of_excel():
    found = read_list(workbook(["Title", "Year", "DOI"], ["A study of pain", 2017.0, "10.1000/x"]))
    assert (only(found).report["year"], found.kind) == (2017, "workbook")


def test_a_doi_that_excel_made_a_date_is_asked_back_at_its_row():
    import datetime

    found = read_list(workbook(["Title", "DOI"], ["A study of pain", datetime.date(2026, 1, 5)]))
    (problem,) = only(found).problems
    assert (problem.row, problem.field) == (2, "doi")
    assert "date 2026-01-05" in problem.message


@pytest.mark.parametrize("data", [b"", b"  \n", b"%PDF-1.7 ...", b"\xd0\xcf\x11\xe0 xls", b"PK\x03\x04 broken"])
def test_what_holds_no_list_is_refused_in_words(data):
    with pytest.raises(UnreadableListError):
        read_list(data, "list")


def test_too_many_rows_are_refused_with_their_number():
    with pytest.raises(UnreadableListError, match=f"at most {MOST_ROWS}"):
        read_text("label,title\n" + "x,y\n" * (MOST_ROWS + 1))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_ris_is_read_with_every_line_end(ends):
    entry = only(read_text(RIS.replace("\n", ends)))
    assert entry.report["authors"] == "Cao, S.; Song, G."
    assert (entry.report["year"], entry.report["doi"], entry.report["kind"]) == (2017, "10.1000/PAIN.17", "article")


def test_a_missing_er_does_not_join_two_records():
    assert [entry.report["title"] for entry in entries(read_text(RIS.replace("ER  -\n", "") * 2))] == [
        "Local brain activity in pain"
    ] * 2


def test_ty_below_other_tags_belongs_to_the_same_record():
    swapped = RIS.replace("TY  - JOUR\n", "").replace("PY  -", "TY  - THES\nPY  -")
    assert [entry.report["kind"] for entry in entries(read_text(swapped * 2))] == ["thesis", "thesis"]


def test_er_at_the_start_of_a_line_of_an_abstract_ends_nothing():
    text = RIS.replace("PY  -", "AB  - Breast cancer,\nER  - positive, was left out.\nPY  -")
    assert only(read_text(text)).report["year"] == 2017


def test_one_space_and_no_space_before_the_dash_are_tags_too():
    assert only(read_text(RIS.replace("  - ", " - "))).report["source"] == "Pain Physician"


def test_a_record_without_title_and_authors_is_told_and_the_others_are_read():
    found = entries(read_text("TY  - JOUR\nPY  - \nVL  - 12\nER  -\n" + RIS))
    assert [entry.blocked for entry in found] == [True, False]
    assert found[0].problems[0].row == 1


def test_two_titles_in_a_record_are_asked_about():
    found = entries(read_text(RIS.replace("PY  -", "TI  - Another title\nPY  -") + RIS))
    assert [entry.blocked for entry in found] == [True, False]
    assert "2 titles" in found[0].problems[0].message


def test_the_lines_of_a_search_between_records_are_no_records():
    assert len(read_text(f"1. pain.mp\n2. 1 and brain\n\n{RIS}\n3. limit\n\n{RIS}").rows) == 2


def test_pubmed_gives_full_names_and_a_language():
    text = (
        "PMID- 123\nOWN - NLM\nTI  - Local brain\n      activity in pain.\nFAU - Cao, Song\nAU  - Cao S\nLA  - eng\n"
        "PT  - Journal Article\nPT  - Research Support\nDP  - 2017 May\nLID - 10.1000/x [doi]\nJT  - Pain\n\n"
        "PMID- 124\nTI  - Another study of pain\nAU  - Song G\n"
    )
    first, second = entries(read_text(text))
    assert first.report["title"] == "Local brain activity in pain."
    assert (first.report["authors"], first.report["doi"]) == ("Cao, Song", "10.1000/x")
    assert (first.report["language"], second.report["authors"]) == ("English", "Song G")


def test_records_of_cnki_are_read():
    one = (
        "DataType: 1\nTitle-题名:疱疹后神经痛\nAuthor-作者: 曹松;宋根;\nSource-刊名: 中南药学\nYear-年: 2017\n"
        "SrcDatabase-来源库: 期刊\n\n"
    )
    found = entries(read_text(one * 2))
    assert [entry.report["authors"] for entry in found] == ["曹松;宋根"] * 2
    assert (found[0].report["title"], found[0].report["kind"]) == ("疱疹后神经痛", "article")


@pytest.mark.parametrize(
    "text",
    [
        "%0 Thesis\n%A 曹松\n%T 疱疹后神经痛\n%I 上海交通大学\n%D 2017\n%W CNKI\n",
        "RT Dissertation/Thesis\nA1 曹松\nT1 疱疹后神经痛\nPB 上海交通大学\nYR 2017\n",
        "{Reference Type}: Thesis\n{Title}: 疱疹后神经痛\n{Author}: 曹松\n{Publisher}: 上海交通大学\n{Year}: 2017\n",
    ],
)
def test_a_thesis_of_refer_refworks_and_noteexpress_names_its_school(text):
    report = only(read_text(text)).report
    assert (report["kind"], report["source"], report["year"]) == ("thesis", "上海交通大学", 2017)


def test_typed_lines_are_labels_dois_or_references():
    label, doi, reference = entries(
        read_text("Cao 2017a\n10.1000/x\nCao S, Song G. Brain activity in pain. Pain Physician. 2017;20:1-9.\n")
    )
    assert label.label == "Cao 2017a"
    assert doi.report["doi"] == "10.1000/x"
    assert reference.report["authors"] == "Cao S, Song G"
    assert (reference.report["title"], reference.report["year"]) == ("Brain activity in pain", 2017)
    assert reference.report["source"] == "Pain Physician"


@pytest.mark.parametrize(
    ("typed", "year"), [("2017年", 2017), ("二〇一七", 2017), ("２０１７", 2017), ("2017-05-03", 2017)]
)
def test_a_year_is_read_in_the_ways_it_is_written(typed, year):
    assert only(read_text(f"title,year\nA study of pain,{typed}\n")).report["year"] == year


def test_a_bad_year_and_a_bad_doi_name_row_field_and_mend_and_keep_the_other_rows():
    good, bad = entries(read_text("title,year,doi\nOne,2017,\nTwo,17,none given\n"))
    assert not good.blocked
    assert [(problem.row, problem.field) for problem in bad.problems] == [(3, "year"), (3, "doi")]
    assert all(problem.mend for problem in bad.problems)


@pytest.mark.parametrize("blank", ["-", "NA", "未报告", "/", "–"])
def test_what_is_not_reported_is_empty(blank):
    assert only(read_text(f"title,year,language\nA study of pain,{blank},{blank}\n")).report["year"] is None
