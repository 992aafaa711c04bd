"""No address tells what a reviewer entered before both have locked: routes are read from the URL resolver itself.

Reviewer B's extraction and score of a study hold a word or a number of their own in every column of every table
(`planting.py`), so that a new column, page, export or search is covered without a line here. Everybody else asks every
address with B's ids, in every method, and must find none of them. Then B types something else, in another number of
rows, and each answer must be the same to the byte, headers and refusals too: no count, state, length or order of B's
rows is told either. Once both have locked the same questions must find it all, or this test would prove nothing.
"""

import re
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.db import transaction

import meta_app.projects.context
from meta_app.audit.models import AuditEntry
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group, Peak, Study
from meta_app.library.models import Report
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import ItemScore, QualityScore
from meta_app.quality.services import consensus_refresh, score_start

from .planting import FIRST, KEPT, OTHER, plant, rows_of_b, tell_everybody
from .quality.score_cast import place_of
from .routes import ROUTES

WORD = FIRST.word
LEAK = re.compile(rf"{WORD}[\w-]*|(?<!\d)73,?100,?\d\d\d(?:\.5)?|(?<!\d)7310\.\d")
ASKED = {
    "q": WORD[1:], "search": WORD[1:], "words": WORD[1:], "show": "all", "position": "B", "format": "json",
    "whole": "1", "comparison": "patients_controls", "limit": "1000",
}  # fmt: skip
"""Sent with every question: searches by a part of the word (a page may repeat what was asked), and filters."""
SENT = {
    "version": 1, "label": "x", "reason": "x", "points": 1, "quote": "", "page": "", "note": "", "choice": "B",
    "peaks_state": "peaks", "rows": [], "values": {}, "value": None, "key": "design", "level": "study", "field": "n",
    "cells": {}, "text": "x", "position": "B", "reviewer": 1, "accepted": "", "confirm": "on",
}  # fmt: skip
"""Sent with every write: enough for many of them to be understood, with a version that is stale for whoever saved."""
TEXTS = {
    "kind": ["svg", "csv", "xlsx", "json"],
    "name": ["agreed-dataset.json", "peaks.csv"],
    "item": ["pain"],
    "level": ["study", "group"],
    "field": ["n"],
}
READS = ("get", "plain")
"""With everything in `ASKED`, and without."""
WRITES = ("post", "put", "patch", "delete", "form")
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
OUTSIDE = ("accounts/", "health/", "api/schema/", "api/docs/")
"""Addresses that read nothing of a project."""
ASKED_ROUTES = [route for route in ROUTES if not route.startswith(OUTSIDE)]
WITHOUT_ROWS_OF_B = [
    route for route in ASKED_ROUTES if set(PARAMETER.findall(route)) <= {("int", "project_id"), ("int", "study_id")}
]
CHANGES_EACH_TIME = re.compile(
    r'csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"|nonce="[^"]+"|\'Expires\': \'[^\']+\''
    r'|<dcterms:\w+[^>]*>[^<]*|"saved_at":"[^"]+"'
)


# The world: a study of two reviewers, A at work or done, B with a word in every column


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """The flow diagram as its words: drawing it takes longer than all the rest."""
    words = lambda layout, kind: "\n".join(line for box in layout.boxes for line in box.lines).encode()  # noqa: E731
    monkeypatch.setattr("meta_app.screening.diagram.render", words)


@pytest.fixture(autouse=True)
def no_log(caplog):
    """Thousands of refusals are asked for; each would be kept with its traceback."""
    with caplog.at_level("CRITICAL", logger="django.request"):
        yield


@pytest.fixture
def study(project, reviewer, second_reviewer):
    """Both have begun; B has nothing yet."""
    project.extractors_needed = 2
    project.save()
    study = Study.objects.create(project=project, label="Cao 2017", extractors_needed=2)
    study.reports.add(Report.objects.create(project=project, title="A report", authors="Cao S"))
    form, _new = ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)
    for position, author in (("A", reviewer), ("B", second_reviewer)):
        Extraction.objects.create(study=study, position=position, author=author, form=form)
        score_start(place=place_of(author), study=study)
    own = study.extractions.get(position="A")
    cohort = Cohort.objects.create(extraction=own, label="PHN and HC")
    group = Group.objects.create(cohort=cohort, kind="patients", n=15)
    controls = Group.objects.create(cohort=cohort, kind="controls", n=15)
    Dataset.objects.create(
        extraction=own, cohort=cohort, group_a=group, group_b=controls, label="ReHo", metric="ReHo", **FIRST.choices
    )
    return study


def lock(study, *positions):
    study.extractions.filter(position__in=positions).update(state="complete")
    study.quality_scores.filter(position__in=positions).update(state="complete")


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# The questions: every route, with B's ids


def numbers_of_b(study):
    """The id that a parameter such as `dataset_id` has for B's row; for what is shared, that of any row."""
    b = study.extractions.get(position="B")
    datasets = Dataset.objects.filter(extraction=b)
    numbers = {
        "project_id": study.project_id,
        "study_id": study.pk,
        "report_id": study.reports.get().pk,
        "membership_id": b.author.memberships.get().pk,
        "extraction_id": b.pk,
        "score_id": study.quality_scores.get(position="B").pk,
        "cohort_id": b.cohorts.values_list("pk", flat=True).first(),
        "group_id": Group.objects.filter(cohort__extraction=b).values_list("pk", flat=True).first(),
        "dataset_id": datasets.values_list("pk", flat=True).first(),
        "peak_id": Peak.objects.filter(dataset__in=datasets).values_list("pk", flat=True).first(),
    }
    return {name: number for name, number in numbers.items() if number}


def addresses(numbers, route):
    """The route with B's ids, once for each text that may stand in it; 1 where B has no row of that kind."""
    filled = [route]
    for kind, name in PARAMETER.findall(route):
        part = f"<{kind}:{name}>" if kind else f"<{name}>"
        values = [numbers.get(name, 1)] if kind == "int" else TEXTS.get(name, ["1"])
        filled = [address.replace(part, str(value)) for address in filled for value in values]
    return [f"/{address}" for address in filled]


def text_of(response):
    """What a person gets: the status, the headers, where it leads, messages, the body, and workbooks unpacked."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = dict(response.headers)
    parts = [body]
    if body[:2] == b"PK":
        del headers["Content-Length"]  # packing takes in the time
        with ZipFile(BytesIO(body)) as archive:
            parts = [part for name in archive.namelist() for part in (name.encode(), archive.read(name))]
    messages = [str(message) for message in get_messages(response.wsgi_request)]
    words = [
        str(response.status_code),
        str(headers),
        str(messages),
        *(part.decode("utf-8", "replace") for part in parts),
    ]
    return CHANGES_EACH_TIME.sub("", "\n".join(words))


def ask(client, method, address, people):
    """One question whose effects are undone."""
    client.raise_request_exception = False
    with undone():
        if method == "get":
            response = client.get(address, ASKED | {"person": people["b"], "study": people["study"]})
        elif method == "plain":
            response = client.get(address)
        elif method == "form":
            response = client.post(
                address, {name: value for name, value in SENT.items() if isinstance(value, str | int)}
            )
        else:
            response = getattr(client, method)(address, SENT, content_type="application/json")
        text = text_of(response)
    client.cookies.pop("messages", None)  # or the next page that is drawn would repeat them
    return text


def answers(client, study, methods, routes=ASKED_ROUTES):
    people = {"b": study.extractions.get(position="B").author_id, "study": study.pk}
    numbers = numbers_of_b(study)
    with pytest.MonkeyPatch.context() as patch:
        if set(methods) <= set(READS):
            count_once(patch)
        return {
            (method, address): ask(client, method, address, people)
            for route in routes
            for address in addresses(numbers, route)
            for method in methods
        }


def count_once(patch):
    """The sidebar depends on the person and what is stored, and what a question changes is undone.

    Its counts take as long as all the rest of the pages.
    """
    patch.setattr(meta_app.projects.context, "review_stages", lru_cache(meta_app.projects.context.review_stages))


def leaks(found):
    return {(*question, match) for question, text in found.items() for match in LEAK.findall(text)}


def tables_in(found):
    """The third part of each word of B's: the table or the use it was planted in."""
    return {match.split("-")[2] for *_, match in leaks(found) if match.startswith(WORD)}


def refuse_any_trace(client, study, locked, methods):
    """Neither a word of what B typed, nor any difference that it makes."""
    told = []
    for hand in (FIRST, OTHER):
        with undone():
            plant(study, hand)
            lock(study, locked)
            told.append(answers(client, study, methods))
    first, other = told
    assert leaks(first) == set()
    assert [question for question in first if first[question] != other[question]] == []
    return first


@pytest.mark.parametrize(
    ("who", "locked"),
    [("reviewer", "A"), ("reviewer", "B"), ("owner", "A"), ("adjudicator", "B"), ("viewer", "A"), ("viewer", "B"),
     ("outsider", "B")],
)  # fmt: skip
def test_no_page_export_or_search_tells_or_depends_on_what_b_entered(study, who, locked, sign_in, request):
    client = sign_in(request.getfixturevalue(who))
    planted = refuse_any_trace(client, study, locked, READS)
    if locked == "A":
        lock(study, locked)
        nothing = answers(client, study, READS, WITHOUT_ROWS_OF_B)
        assert [question for question in nothing if nothing[question] != planted[question]] == []


@pytest.mark.parametrize(("who", "locked"), [("reviewer", "A"), ("reviewer", "B"), ("owner", "A")])
def test_no_refusal_of_a_write_tells_or_depends_on_what_b_entered(study, who, locked, sign_in, request):
    refuse_any_trace(sign_in(request.getfixturevalue(who)), study, locked, WRITES)


@pytest.mark.parametrize("who", ["reviewer", "owner", "adjudicator"])
def test_an_entry_after_those_of_b_does_not_count_them(study, who, sign_in, request):
    client, routes = sign_in(request.getfixturevalue(who)), [route for route in ASKED_ROUTES if "activity" in route]
    told = []
    for hand in (FIRST, OTHER):
        with undone():
            plant(study, hand)
            tell_everybody(study)
            told.append(answers(client, study, READS, routes))
    assert len(told[0]) > 4
    assert any("2030-01-01" in text for text in told[0].values())
    assert told[0] == told[1]


def test_once_both_have_locked_the_same_questions_find_it_all(study, reviewer, owner, viewer, outsider, sign_in):
    plant(study)
    lock(study, "A", "B")
    consensus_refresh(study=study)
    told = answers(sign_in(reviewer), study, READS)
    found = {match for *_, match in leaks(told)}
    tables = {"cohort", "group", "dataset", "itemscore"}
    assert tables_in(told) >= tables | {"after", "reason", "cell"}
    assert {"73100999", "7310.5"} <= found
    assert tables_in(answers(sign_in(owner), study, ["plain"])) >= tables - {"cohort"} | {"after", "reason"}
    told_viewer = {match for *_, match in leaks(answers(sign_in(viewer), study, ["get"]))}
    assert f"{WORD}-cohort-label" in told_viewer
    assert not {word for word in told_viewer if "itemscore" in word}
    assert leaks(answers(sign_in(outsider), study, ["plain"])) == set()


def test_b_reads_all_of_it_from_the_start(study, second_reviewer, sign_in):
    plant(study)
    told = answers(sign_in(second_reviewer), study, ["plain"])
    assert tables_in(told) >= {"cohort", "dataset", "itemscore", "after"}


def test_commands_print_nothing_of_it(study, capsys):
    plant(study)
    call_command("check_audit")
    assert LEAK.findall(capsys.readouterr().out) == []


def test_every_table_and_column_of_an_extraction_is_planted(study):
    """A new table below an extraction or a score must be planted too."""
    plant(study)
    below = {Extraction, QualityScore}
    for _ in range(4):
        below |= {
            model
            for model in (relation.related_model for parent in below for relation in parent._meta.related_objects)
            if model._meta.app_label in {"extraction", "quality"}
        }
    of_b = {rows.model: rows for rows in rows_of_b(study)}
    assert below == set(of_b)
    bare = {model._meta.label for model, rows in of_b.items() if not LEAK.search(str(list(rows.values())))}
    assert bare == set()
    assert len(ITEMS) == of_b[ItemScore].count()
    assert AuditEntry.objects.filter(reason__contains=WORD).count() == 2


def test_two_hands_leave_the_same_rows_and_no_value_alike(study):
    """Otherwise answers that are equal would prove nothing."""
    left = []
    for hand in (FIRST, OTHER):
        with undone():
            plant(study, hand)
            left.append({rows.model: {row["id"]: row for row in rows.values()} for rows in rows_of_b(study)})
    first, other = left
    shared = {(model, key) for model in first for key in first[model].keys() & other[model].keys()}
    assert {model for model, _key in shared} == set(first)
    alike = {
        f"{model._meta.label}.{field.name}"
        for model, key in shared
        for field in model._meta.concrete_fields
        if not field.primary_key and not field.is_relation and field.name not in KEPT | {"kind", "item", "created_at"}
        if first[model][key][field.name] == other[model][key][field.name] not in (None, "", [], {})
    }
    assert alike == set()
    assert len(first[Peak]) != len(other[Peak])
