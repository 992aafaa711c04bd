"""The drawing of the flow: every count is in it, nothing overlaps, and the same counts give the same bytes."""

import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import pytest
from django.conf import settings

from meta_app.screening.diagram import COLUMN_WIDTH, PADDING, flow_diagram, render, text_width, wrapped
from meta_app.screening.domain import FlowCounts, Line, parse_flow

MAIN = FlowCounts(
    databases=(Line("PubMed", 373), Line("Scopus", 722), Line("中国知网", 326)),
    duplicates=526, screened=895, excluded=800, sought=95, not_retrieved=3, assessed=92,
    reasons=(Line("年龄不符合纳入标准的研究报告因此被排除在外", 54), Line("No coordinates", 4)),
    new_studies=30, new_reports=34,
)  # fmt: skip
UPDATE = parse_flow(
    MAIN.to_json()
    | {"other_sources": [{"name": "Citation searching", "n": 23}], "other_sought": 23, "other_not_retrieved": 6,
       "other_assessed": 17, "other_reasons": [{"name": "Age", "n": 7}], "registers": [{"name": "ChiCTR", "n": 2}],
       "previous_studies": 10, "previous_reports": 12, "total_studies": 41, "total_reports": 47}
)  # fmt: skip


def words(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_first_template_has_one_lane_and_the_second_two():
    headers = [box.lines[0] for box in flow_diagram(MAIN).boxes if box.kind == "header"]
    assert headers == ["Identification of studies via databases and registers"]
    headers = [box.lines[0] for box in flow_diagram(UPDATE).boxes if box.kind == "header"]
    assert set(headers) == {
        "Identification of studies via databases and registers",
        "Identification of studies via other methods",
        "Previous studies",
    }


def test_the_side_bars_are_the_three_phases_from_top_to_bottom():
    bars = sorted((box.y, box.lines[0]) for box in flow_diagram(MAIN).boxes if box.kind == "bar")
    assert [word for _, word in bars] == ["Identification", "Screening", "Included"]


@pytest.mark.parametrize("counts", [FlowCounts(), MAIN, UPDATE])
def test_no_two_boxes_overlap_and_all_stand_on_the_sheet(counts):
    layout = flow_diagram(counts)
    for a, b in combinations(layout.boxes, 2):
        apart = a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y
        assert apart, (a.key, b.key)
    assert all(box.x >= 0 and box.right <= layout.width and box.bottom <= layout.height for box in layout.boxes)


@pytest.mark.parametrize("counts", [MAIN, UPDATE])
def test_arrows_join_the_edges_of_boxes(counts):
    layout = flow_diagram(counts)
    edges = {(box.x, box.middle_y) for box in layout.boxes} | {(box.middle_x, box.y) for box in layout.boxes}
    edges |= {(box.right, box.middle_y) for box in layout.boxes}
    assert len(layout.arrows) == (8 if counts is MAIN else 15)
    assert all(arrow[-1] in edges for arrow in layout.arrows)


def test_every_count_stands_in_the_drawing_as_text():
    text = " ".join(words(render(flow_diagram(UPDATE), "svg")))
    for piece in ("Databases (n = 1421)", "PubMed (n = 373)", "ChiCTR (n = 2)", "Duplicate records removed (n = 526)",
                  "Records screened (n = 895)", "Citation searching (n = 23)", "中国知网 (n = 326)"):  # fmt: skip
        assert piece in text


def test_a_count_nobody_entered_stays_open_instead_of_becoming_zero():
    text = " ".join(words(render(flow_diagram(FlowCounts()), "svg")))
    assert "Records screened (n = )" in text
    assert "n = 0" not in text


@pytest.mark.parametrize(("typed", "told"), [(None, False), (0, True), (7, True)])
def test_what_was_left_blank_because_there_was_none_has_no_line(typed, told):
    counts = FlowCounts(duplicates=526, automation=typed, removed_other=typed)
    text = " ".join(" ".join(flow_diagram(counts).box("removed").lines).split())
    assert "Duplicate records removed (n = 526)" in text
    assert "(n = )" not in text
    for label in ("Records marked as ineligible by automation tools", "Records removed for other reasons"):
        assert (label in text) is told
        assert (f"{label} (n = {typed})" in text) is told


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_counts_give_the_same_bytes(kind):
    assert render(flow_diagram(MAIN), kind) == render(flow_diagram(MAIN), kind)


def test_dollar_signs_and_markup_in_names_stay_text():
    counts = FlowCounts(databases=(Line("A$x^2$ <b>&", 1),))
    assert "A$x^2$ <b>& (n = 1)" in words(render(flow_diagram(counts), "svg"))


@pytest.mark.parametrize(
    "text", ["Reports excluded because of " + "x" * 90, "排除" * 40, "  indented " + "words " * 20]
)
def test_long_names_wrap_inside_their_box_and_lose_no_letter(text):
    width = COLUMN_WIDTH - 2 * PADDING
    lines = wrapped(text, width)
    assert len(lines) > 1
    assert all(text_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_drawing_libraries_are_loaded_only_when_something_is_drawn():
    code = "import sys, meta_app.screening.diagram; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, check=False).returncode == 0
