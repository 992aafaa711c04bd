"""Rules of a protocol as rows that can be checked."""

import pytest

from meta_app.projects.domain import rule_problem, rules_of, sentences_of
from meta_app.projects.models import Protocol
from meta_app.projects.services import protocol_save

N = {"field": "n", "operator": ">=", "value": "10", "unit": "people", "words": ""}


def edit(project):
    return f"/projects/{project.pk}/protocol/edit/"


def sent(*rows, version=0, **values):
    data = {"version": version, "rules-TOTAL_FORMS": len(rows), "rules-INITIAL_FORMS": 0, **values}
    for number, row in enumerate(rows):
        data |= {f"rules-{number}-{name}": value for name, value in row.items()}
    return data


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ({}, "field"),
        (N | {"field": "mood"}, "field"),
        (N | {"operator": "is"}, "operator"),
        (N | {"unit": ""}, "unit"),
        (N | {"value": "ten"}, "value"),
        ({"field": "band", "operator": "is", "value": "0.08-0.01", "unit": "Hz"}, "value"),
        ({"field": "whole_brain", "operator": "is", "value": "maybe"}, "value"),
        ({"field": "language", "operator": "one_of", "value": ""}, "value"),
    ],
)
def test_a_row_that_cannot_be_checked_is_refused_at_its_cell(row, cell):
    assert rule_problem(row)[0] == cell


def test_rows_and_sentences_stand_side_by_side():
    eligibility = ["published or a thesis", N, N | {"words": "ten in each group"}]
    assert len(rules_of(eligibility)) == 2
    assert sentences_of(eligibility) == [
        "published or a thesis", "People in each group at least 10 people", "ten in each group",
    ]  # fmt: skip


def test_a_rule_is_named_by_what_it_checks_and_not_by_its_words():
    first, second = rules_of([N, N | {"words": "ten in each group"}])
    assert first.key == second.key


def test_rules_are_edited_as_rows_beside_the_criteria_for_people(project, owner, sign_in):
    client = sign_in(owner)
    answer = client.post(edit(project), sent(N, {"field": ""}, eligibility="a thesis counts"))
    assert answer.status_code == 302
    assert Protocol.objects.get().eligibility == ["a thesis counts", N]
    page = client.get(edit(project)).text
    assert 'name="rules-0-value" value="10"' in page
    assert "a thesis counts</textarea>" in page
    assert "checked in each study" in client.get(f"/projects/{project.pk}/protocol/").text


def test_a_bad_row_is_told_at_its_cell_and_nothing_typed_is_lost(project, owner, sign_in):
    answer = sign_in(owner).post(edit(project), sent(N | {"value": "ten"}, question="Where?"))
    assert answer.status_code == 400
    assert "Type one number" in answer.text
    assert 'value="ten"' in answer.text
    assert "Where?</textarea>" in answer.text
    assert not Protocol.objects.exists()


def test_a_stale_save_shows_the_rules_of_both(project, owner, sign_in):
    protocol_save(project=project, author=owner, version=0, values={"eligibility": [N | {"value": "20"}]})
    answer = sign_in(owner).post(edit(project), sent(N, change_reason="x"))
    assert answer.status_code == 409
    assert "at least 20 people" in answer.text
    assert "at least 10 people" in answer.text
