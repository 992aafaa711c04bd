"""What becomes of two people who do the same thing at the same moment, on a real PostgreSQL and on SQLite in WAL mode.

`races.py` has the scenes; on PostgreSQL people begin in the order in which a scene names them, on SQLite in any.
"""

import json
import os

import pytest


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def server(request, tmp_path_factory):
    """(which database, environment of a process on it); the scenes leave their people and projects behind."""
    root = tmp_path_factory.mktemp("races")
    own = ("CONCORD_DATABASE_URL", "PYTEST_XDIST_WORKER")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= {"DJANGO_SETTINGS_MODULE": "meta_app.settings.test", "CONCORD_TEST_ROOT": str(root)}
    if request.param == "postgresql":
        environment["CONCORD_DATABASE_URL"] = request.getfixturevalue("untouched_url")
    else:
        request.getfixturevalue("new_sqlite")(root / "main")
    return request.param, environment


@pytest.fixture(scope="module")
def came(server, run_python):
    """What came of each scene."""
    return json.loads(run_python(server[1], "-m", "tests.services.races"))


@pytest.fixture(scope="module")
def in_order(server):
    """in_order(told, first, second): one of two outcomes; of PostgreSQL, where the order is set, the first."""

    def check(told, first, second):
        assert told == first or (server[0] == "sqlite" and told == second)

    return check


def test_reviewers_who_lock_at_once_make_one_comparison_of_each_study(came):
    told = came["both_reviewers_lock"]
    assert told["told"] == ["complete"] * 4
    assert told["studies"] == [["agreed", 0, "complete"], ["open", 1, None]]
    assert (told["extraction.completed"], told["agreement.made"]) == (4, 2)
    assert told["chain"].endswith("entries, all fit")


def test_of_two_tabs_that_lock_one_wins(came):
    told = came["one_reviewer_locks_twice"]
    assert sorted(told["told"]) == ["UserError", "complete"]
    assert told["extraction.completed"] == 1


def test_two_who_freeze_at_once_have_one_version(came):
    told = came["two_freeze"]
    assert sorted(told["told"]) == [[1, False], [1, True]]
    assert (told["versions"], told["dataset.frozen"]) == ([1], 1)


@pytest.mark.parametrize(
    ("first", "one", "other"),
    [("freeze", "UserError", True), ("lock", "UserError", True), ("decide", True, "UserError")],
)
def test_a_freeze_a_lock_and_a_decision_about_samples_wait_for_one_another(came, in_order, first, one, other):
    """Freezing is refused before the decision, and done after it."""
    told = came[f"freeze:{first}"]
    in_order(told["freeze"], one, other)
    assert (told["lock"], told["decide"]) == ("complete", "same")
    assert told["chain"].endswith("entries, all fit")


def test_of_two_who_settle_the_same_difference_one_is_told_of_the_other(came, in_order):
    in_order(
        came["two_settle_the_same_difference"],
        {"told": ["A", "StaleEdit"], "stored": ["A", "ada"], "agreement.decided": 1},
        {"told": ["StaleEdit", "B"], "stored": ["B", "ari"], "agreement.decided": 1},
    )


def test_a_difference_that_was_settled_is_not_taken_with_its_section(came, in_order):
    in_order(
        came["one_settles_while_another_takes_the_section"],
        {"told": ["A", "StaleEdit"], "stored": "A", "agreement.decided": 1},
        {"told": ["StaleEdit", 1], "stored": "B", "agreement.decided": 1},
    )


AGREED = {"agree": "agreed", "undo": "UserError", "now": ["agreed", 0]}
UNDONE = {"undo": "open", "agree": "UserError", "now": ["open", 1]}


@pytest.mark.parametrize(("first", "one", "other"), [("agree", AGREED, UNDONE), ("undo", UNDONE, AGREED)])
def test_nothing_is_undone_while_it_is_agreed(came, in_order, first, one, other):
    told = came[f"undo:{first}"]
    assert told.pop("chain").endswith("entries, all fit")
    in_order(told, one, other)


AGREED_THEN = {"agree": "agreed", "reopen": "draft", "now": ["superseded", 0]}
REOPENED_THEN = {"reopen": "draft", "agree": "StaleEdit", "now": ["superseded", 0]}


@pytest.mark.parametrize(
    ("first", "one", "other"), [("agree", AGREED_THEN, REOPENED_THEN), ("reopen", REOPENED_THEN, AGREED_THEN)]
)
def test_a_study_that_is_reopened_while_it_is_agreed_ends_reopened(came, in_order, first, one, other):
    told = came[f"reopen:{first}"]
    assert told.pop("chain").endswith("entries, all fit")
    in_order(told, one, other)


@pytest.mark.parametrize("what", ["label", "report"])
def test_both_type_one_changes_what_is_shared_and_the_adjudicator_opens_and_nothing_is_lost(came, what):
    told = came[f"save:{what}"]
    seen = [[200, 404], []]
    assert told["told"] == [["shared", 200, seen], [200, "shared", seen], [200, 200]]
    assert told["stored"] == ["sentinel-a", "b3"]
    assert told["chain"].endswith("entries, all fit")


SAVED_FIRST = {"save": 200, "leave": "gone", "kept": "Ward 4, Town", "left": ["A"]}
LEFT_FIRST = {"leave": "gone", "save": "LockedError", "kept": "Ward 3, Town", "left": ["A"]}


@pytest.mark.parametrize(
    ("first", "one", "other"), [("save", SAVED_FIRST, LEFT_FIRST), ("leave", LEFT_FIRST, SAVED_FIRST)]
)
def test_who_is_taken_out_while_saving_loses_nothing_that_was_saved(came, in_order, first, one, other):
    told = came[f"leaving:{first}"]
    assert told.pop("chain").endswith("entries, all fit")
    in_order(told, one, other)


def test_a_draft_that_is_saved_while_it_is_imported_into_keeps_both(came):
    told = came["importing:save"]
    assert told.pop("chain").endswith("entries, all fit")
    assert told == {"import": ["new", "added"], "save": 200}


def test_of_two_who_add_a_study_of_one_label_the_second_is_told(came, server):
    told = came["importing:add"]
    assert told["chain"].endswith("entries, all fit")
    first = (told["import"], told["add"]) == (["new", "new"], "UserError")
    assert first or (server[0] == "sqlite" and (told["import"][0], told["add"]) == ("new", "A"))


@pytest.mark.parametrize("first", ["score", "begin"])
def test_one_scores_while_the_other_begins(came, first):
    assert came[f"scores:{first}"] == {"score": 0.0, "begin": "B"}


def test_both_lock_their_scores_at_once_and_two_settle_the_same_item(came, in_order):
    told = came["both_lock_their_scores_and_settle"]
    assert told.pop("chain").endswith("entries, all fit")
    settled = told.pop("settled")
    in_order(settled, ["A", "UserError"], ["UserError", "B"])
    states = [["A", "complete"], ["B", "complete"], ["consensus", "complete"]]
    assert told == {"told": ["complete", "complete"], "states": states, "quality.settled": 1}


def test_eight_writers_at_once_make_one_unbroken_chain(came):
    """160 of 200: every fifth write is taken back, and leaves no gap."""
    told = came["many_write_the_audit_trail"]
    assert told == {"told": [20] * 8, "missing": [], "too many": [], "chain": "160 entries, all fit"}


def test_afterwards_every_chain_of_the_database_holds(came, server, run_python):
    lines = run_python(server[1], "manage.py", "check_audit").splitlines()
    assert len(lines) > 10
    assert [line for line in lines if "all fit" not in line] == []
