"""All studies together: distribution, other cut-offs, agreement, the figure, tables, and the flow diagram."""

import io
import re
import xml.etree.ElementTree as ElementTree
from csv import DictReader

import openpyxl
import pytest

from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import readers
from meta_app.extraction.models import Study
from meta_app.library.models import Report
from meta_app.quality.domain import Item, Wording, sensitivity
from meta_app.quality.engine import item_agreement, total_agreement
from meta_app.quality.figures import StudyRow, distribution, traffic_light
from meta_app.quality.instruments import ITEMS
from meta_app.screening.domain import FlowCounts, LaterExclusion, Line, sums, with_later_exclusions

from .score_cast import FULL, lock, make_study

LOW = {"pain": 0.0, "diagnosis": 0.0}


@pytest.fixture
def studies(project, reviewer, second_reviewer):
    """Agreed totals of 15, 17.5 and 20 points; one more waits for its second score."""
    for label, points in (("Cao 2017", LOW), ("Liu 2020", {"pain": 0.5}), ("Zhang 2016", {})):
        study = make_study(project, label)
        study.reports.add(Report.objects.create(project=project, title=f"Paper of {label}"))
        lock(reviewer, study, points, quote="Words of the paper", page="4")
        lock(second_reviewer, study, points)
    lock(reviewer, make_study(project, "Waiting 2021"), LOW)
    return Study.objects.filter(project=project)


def page(project, tail="summary/"):
    return f"/projects/{project.pk}/quality/{tail}"


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def rows(**totals):
    return [StudyRow(label, {}, total, "", key) for key, (label, total) in enumerate(totals.items(), start=1)]


def test_other_cut_offs_say_which_studies_come_and_go():
    tried = {one.cutoff: one for one in sensitivity({"Cao": 15, "Liu": 16.5, "Zhang": 20}, 16)}
    assert list(tried) == [14, 15, 16, 17, 18]
    assert (tried[16].included, tried[16].excluded, tried[16].change) == (2, ("Cao",), "in use")
    assert tried[15].change == "brings back Cao"
    assert tried[17].change == "also excludes Liu"
    assert tried[14].included == 3
    assert [one.cutoff for one in sensitivity({}, 12.5)] == [12.5, 14, 15, 16, 17, 18]


def test_the_distribution_has_a_bar_for_each_half_point():
    bars = distribution(rows(Cao=15.0, Liu=15.0, Zhang=20.0), 20, 16)
    assert [bar.total for bar in bars] == [14 + k / 2 for k in range(13)]
    assert [(bar.total, bar.studies, bar.below) for bar in bars if bar.studies] == [(15, 2, True), (20, 1, False)]
    assert distribution([], 20, 16) == []


def test_agreement_of_an_item_leaves_out_studies_scored_by_another_version():
    item = Item("a", "sample", 2, Wording("A", "", "", ""))
    pairs = [({"a": 2.0}, {"a": 2.0}), ({"a": 1.0}, {"a": 0.5}), ({"b": 1.0}, {"b": 1.0}), ({"a": 3.0}, {"a": 3.0})]
    found = item_agreement(item, pairs)
    assert (found.studies, found.percent) == (2, 50)
    assert item_agreement(item, []) is None
    assert total_agreement([item], [(1.5, 1.5), (2.0, 2.0), (0.0, 0.5)]).linear.value == pytest.approx(0.8)


def test_the_page_counts_only_agreed_scores(studies, project, owner, sign_in):
    shown = text(sign_in(owner).get(page(project)))
    assert "3 studies with an agreed score" in shown
    assert "Waiting 2021" not in shown
    assert "3 studies whose two scores are locked" in shown
    assert "not defined" in shown  # items on which everybody gave the same points
    assert re.search(r"ICC\(2,1\) of the totals</dt><dd> ?1.00", shown)


def test_a_viewer_sees_what_is_agreed_but_not_the_two_scores(studies, project, viewer, sign_in):
    client = sign_in(viewer)
    shown = text(client.get(page(project)))
    assert "Cao 2017" in shown
    assert "whose two scores are locked" not in shown
    scores = {row["score_of"] for row in read_csv(client, project)}
    assert scores == {"Consensus"}


def test_without_scores_the_page_says_what_will_stand_there(project, owner, sign_in):
    assert "No agreed score yet" in text(sign_in(owner).get(page(project)))


def read_csv(client, project):
    return list(DictReader(io.StringIO(client.get(page(project, "scores.csv")).content.decode("utf-8-sig"))))


def test_tables_hold_each_item_with_its_origin_and_numbers_as_numbers(studies, project, owner, reviewer, sign_in):
    found = read_csv(sign_in(owner), project)
    assert len(found) == 3 * 3 * 13
    agreed = next(row for row in found if row["score_of"] == "Consensus" and row["item"] == "pain")
    assert (agreed["study"], agreed["points"], agreed["agreed_from"]) == ("Cao 2017", "0.0", "equal")
    assert "Waiting 2021" in {row["study"] for row in read_csv(sign_in(reviewer), project)}
    book = openpyxl.load_workbook(io.BytesIO(sign_in(owner).get(page(project, "scores.xlsx")).content))
    sheet = book.active
    assert sheet.max_row == 1 + 3 * 3 * 13
    assert sheet["F2"].data_type == "n"
    assert sign_in(owner).get(page(project, "scores.exe")).status_code == 404


@pytest.mark.parametrize("tail", ["summary/", "scores.csv", "scores.xlsx", "scores.svg"])
def test_who_reads_all_points_together_has_read_the_scores_of_these_studies(studies, project, owner, sign_in, tail):
    assert sign_in(owner).get(page(project, tail)).status_code == 200
    labels = [study.label for study in studies if (study.pk, owner.pk) in readers("quality", [study.pk])]
    assert labels == ["Cao 2017", "Liu 2020", "Zhang 2016"]


def test_one_s_own_points_in_a_table_are_no_reading_of_others(project, reviewer, sign_in):
    lock(reviewer, make_study(project, "Waiting 2021"), LOW)
    assert "Waiting 2021" in {row["study"] for row in read_csv(sign_in(reviewer), project)}
    assert not AuditEntry.objects.filter(action="quality.read").exists()


def test_a_quote_that_looks_like_a_formula_stays_text(project, reviewer, sign_in):
    lock(reviewer, make_study(project), quote="=1+1", page="-3")
    client = sign_in(reviewer)
    assert read_csv(client, project)[0]["quote"] == "'=1+1"
    book = openpyxl.load_workbook(io.BytesIO(client.get(page(project, "scores.xlsx")).content))
    assert (book.active["H2"].value, book.active["H2"].data_type) == ("=1+1", "s")


def test_the_figure_tells_points_by_shape_and_number_and_never_red_or_green(studies, project, owner, sign_in):
    answer = sign_in(owner).get(page(project, "scores.svg"))
    assert answer["Content-Type"] == "image/svg+xml"
    words = [node.text for node in ElementTree.fromstring(answer.content).iter() if node.text and node.text.strip()]
    assert {"Cao 2017", "Liu 2020", "Zhang 2016", "✕ excluded", "15", "17.5", "all points", "a part", "none"} <= set(
        words
    )
    colours = set(re.findall(r"#[0-9a-f]{6}", answer.content.decode()))
    assert colours == {"#2860a8", "#1c2426", "#566366", "#dde2e3", "#ffffff"}


def test_the_figure_shows_a_label_with_signs_of_markup_as_it_is():
    figure = traffic_light([StudyRow("<b>&Co", FULL, 20, "", 1)], ITEMS, "A & B")
    assert "<b>&Co" in [node.text for node in ElementTree.fromstring(figure).iter()]


# The flow diagram


FLOW = FlowCounts(
    databases=(Line("PubMed", 50),), duplicates=10, screened=40, excluded=30, sought=10, not_retrieved=0, assessed=10,
    reasons=(Line("No coordinates reported", 6),), new_studies=3, new_reports=4,
)  # fmt: skip
BY_QUALITY = LaterExclusion("Quality score below 16 points", studies=1, reports=2)


def test_studies_below_the_cut_off_move_to_the_excluded_and_every_sum_still_holds():
    counts = with_later_exclusions(FLOW, [BY_QUALITY])
    assert counts.reasons[-1] == Line("Quality score below 16 points", 2)
    assert (counts.new_studies, counts.new_reports) == (2, 2)
    assert [one.holds for one in sums(counts)] == [True] * 4


def test_a_reason_that_the_team_has_typed_is_not_counted_twice():
    typed = with_later_exclusions(FLOW, [BY_QUALITY])
    assert with_later_exclusions(typed, [BY_QUALITY]) == typed


def test_counts_that_nobody_typed_stay_unknown():
    counts = with_later_exclusions(FlowCounts(), [BY_QUALITY])
    assert counts.new_studies is None
    assert with_later_exclusions(FLOW, [LaterExclusion("x", 0, 0)]) == FLOW


def test_the_flow_page_and_its_table_name_the_quality_exclusion(studies, project, owner, sign_in):
    client = sign_in(owner)
    shown = text(client.get(f"/projects/{project.pk}/prisma/"))
    assert "1 study (1 report) of those included at full text: quality score below 16 points" in shown
    table = client.get(f"/projects/{project.pk}/prisma/diagram.csv").content.decode()
    assert "reasons,Quality score below 16 points,1,reports" in table
