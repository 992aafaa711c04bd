"""No address tells what a reviewer entered before both have locked: routes are read from the URL resolver itself.

Reviewer B's extraction and score of a study hold a word or a number of their own in every column of every table, read
from the models, so that a new column, page, export or search is covered without a line here. Everybody else asks every
address with B's ids, in every method, and must find none of them; and the answers may not even depend on them, so that
no count, state or order of B's rows is told either. Once both have locked the same questions must find them, or this
test would prove nothing.
"""

import re

import pytest
from django.core.management import call_command
from django.db import models, transaction
from django.urls import URLResolver, get_resolver

from meta_app.audit.models import AuditEntry
from meta_app.audit.services import record
from meta_app.extraction.models import (
    Cohort,
    Dataset,
    Extraction,
    ExtractionEvent,
    ExtractionForm,
    Group,
    Peak,
    Study,
)
from meta_app.library.models import Report
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import ItemScore, QualityScore
from meta_app.quality.services import consensus_refresh, score_start

from .quality.score_cast import place_of

WORD = "sentinel-b"
N_PEAKS = 7
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
WRITES = ("post", "put", "patch", "delete")
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
OUTSIDE = ("accounts/", "health/", "api/schema/", "api/docs/")
"""Addresses that read nothing of a project."""
CHANGES_EACH_TIME = re.compile(
    r'csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"|nonce="[^"]+"|\'Expires\': \'[^\']+\''
)


# The world: a study of two reviewers, A at work or done, B with a word in every column


def numbered():
    """73100001, 73100002, ..."""
    numbered.last = getattr(numbered, "last", 73_100_000) + 1
    return 73_100_000 + numbered.last % 1000


def filling(field, model):
    """A value of one's own for a column; None where it cannot hold one."""
    word = f"{WORD}-{model._meta.model_name}-{field.name}".replace("_", "-")
    if field.choices or isinstance(field, models.BooleanField | models.DateTimeField):
        return None
    if isinstance(field, models.CharField | models.TextField | models.SlugField):
        return word[: field.max_length] if (field.max_length or 99) >= len(WORD) else None
    if isinstance(field, models.DecimalField):
        return "7310.5"
    if isinstance(field, models.FloatField):
        return numbered() + 0.5
    if isinstance(field, models.IntegerField) and not isinstance(field, models.SmallIntegerField):
        return numbered()
    if isinstance(field, models.JSONField):
        return [word] if field.default is list else {"diagnostic_criteria": word}
    return None


def planted(model, **given):
    """A row with a value of B's own in every column that can hold one."""
    values = dict(given)
    for field in model._meta.concrete_fields:
        told = field.name in given or field.attname in given
        if not told and not field.primary_key and not field.is_relation and field.name not in KEPT:
            value = filling(field, model)
            if value is not None:
                values[field.name] = value
    return model(**values)


KEPT = {"version", "revision", "position"}
CHOICES = {
    "comparison": "patients_controls", "modality": "resting_fmri", "design": "two_sample", "peaks_state": "peaks",
    "space": "mni", "software": "spm",
}  # fmt: skip


def plant_extraction(extraction):
    """B's tree: values, sources with quotes, cohorts, groups, datasets, peaks and their cells, notes, history."""
    sources = {"n": {"quote": f"{WORD}-quote", "page": f"{WORD}-page", "reported": f"{WORD}-reported"}}
    full = planted(Extraction, study=extraction.study, position="B", author=extraction.author, form=extraction.form)
    for name in ("values", "note"):
        setattr(extraction, name, getattr(full, name))
    extraction.sources = sources
    extraction.save()
    cohort = planted(Cohort, extraction=extraction, sources=sources)
    cohort.save()
    groups = [planted(Group, cohort=cohort, kind=kind, sources=sources) for kind in ("patients", "controls")]
    for group in groups:
        group.save()
    dataset = planted(
        Dataset, extraction=extraction, cohort=cohort, group_a=groups[0], group_b=groups[1], sources=sources, **CHOICES
    )
    dataset.save()
    cells = {"label": f"{WORD}-cell", "x": "73100999", "y": "0", "z": "0", "note": f"{WORD}-cell-note"}
    peaks = [planted(Peak, dataset=dataset, position=k, cells=cells, sign=1) for k in range(1, N_PEAKS + 1)]
    Peak.objects.bulk_create(peaks)
    planted(ExtractionEvent, extraction=extraction, actor=extraction.author, kind="started", revision=1).save()


def plant_score(score):
    score.note = f"{WORD}-score-note"
    score.save()
    for row in score.item_scores.all():
        full = planted(ItemScore, score=score, item=row.item)
        ItemScore.objects.filter(pk=row.pk).update(
            **{name: getattr(full, name) for name in ("points", "quote", "page", "note")}
        )


def plant_audit(study, actor):
    for stage in ("extraction", "quality"):
        record(
            project_id=study.project_id, actor=actor, action=f"{stage}.saved", subject=f"{study.label}, {WORD}-subject",
            before={"n": f"{WORD}-before"}, after={"n": f"{WORD}-after"}, reason=f"{WORD}-reason",
            blind_study=study.pk, blind_stage=stage,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """The flow diagram as its words: drawing it takes longer than all the rest."""
    words = lambda layout, kind: "\n".join(line for box in layout.boxes for line in box.lines).encode()  # noqa: E731
    monkeypatch.setattr("meta_app.screening.diagram.render", words)


@pytest.fixture
def study(project, reviewer, second_reviewer):
    """Both have begun; B has nothing yet."""
    project.extractors_needed = 2
    project.save()
    study = Study.objects.create(project=project, label="Cao 2017", extractors_needed=2)
    study.reports.add(Report.objects.create(project=project, title="A report", authors="Cao S"))
    form = ExtractionForm.objects.create(name="coordinates", version=1)
    for position, author in (("A", reviewer), ("B", second_reviewer)):
        Extraction.objects.create(study=study, position=position, author=author, form=form)
        score_start(place=place_of(author), study=study)
    own = study.extractions.get(position="A")
    cohort = Cohort.objects.create(extraction=own, label="PHN and HC")
    group = Group.objects.create(cohort=cohort, kind="patients", n=15)
    controls = Group.objects.create(cohort=cohort, kind="controls", n=15)
    Dataset.objects.create(
        extraction=own, cohort=cohort, group_a=group, group_b=controls, label="ReHo", metric="ReHo", **CHOICES
    )
    return study


def plant(study):
    extraction = study.extractions.get(position="B")
    plant_extraction(extraction)
    plant_score(study.quality_scores.get(position="B"))
    plant_audit(study, extraction.author)


def lock(study, *positions):
    study.extractions.filter(position__in=positions).update(state="complete")
    study.quality_scores.filter(position__in=positions).update(state="complete")


# The questions: every route, with B's ids


def routes_of(patterns, before=""):
    for entry in patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes_of(entry.url_patterns, route)
        else:
            yield route


ROUTES = sorted({route for route in routes_of(get_resolver().url_patterns) if not route.startswith(OUTSIDE)})


def row_of_b(name, study):
    """The id that a parameter such as `dataset_id` has for B's row; for what is shared, that of any row."""
    b = study.extractions.get(position="B")
    datasets = Dataset.objects.filter(extraction=b)
    own = {
        "project_id": study.project_id,
        "study_id": study.pk,
        "report_id": study.reports.get().pk,
        "extraction_id": b.pk,
        "score_id": study.quality_scores.get(position="B").pk,
        "cohort_id": b.cohorts.values_list("pk", flat=True).first(),
        "group_id": Group.objects.filter(cohort__extraction=b).values_list("pk", flat=True).first(),
        "dataset_id": datasets.values_list("pk", flat=True).first(),
        "peak_id": Peak.objects.filter(dataset__in=datasets).values_list("pk", flat=True).first(),
    }
    return own.get(name) or 1


def addresses(study, route):
    """The route with B's ids, once for each text that may stand in it."""
    filled = [route]
    for kind, name in PARAMETER.findall(route):
        part = f"<{kind}:{name}>" if kind else f"<{name}>"
        values = [row_of_b(name, study)] if kind == "int" else TEXTS.get(name, ["1"])
        filled = [address.replace(part, str(value)) for address in filled for value in values]
    return [f"/{address}" for address in filled]


def texts_of(response):
    """What a person gets: the body, headers, where it leads, and workbooks unpacked."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    parts = [body.decode("utf-8", "replace"), str(dict(response.headers))]
    if body[:2] == b"PK":
        from io import BytesIO
        from zipfile import ZipFile

        with ZipFile(BytesIO(body)) as archive:
            parts += [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
    return "\n".join(parts)


def ask(client, method, address, people):
    """One question whose effects are undone."""
    client.raise_request_exception = False
    with transaction.atomic():
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
        text = texts_of(response)
        transaction.set_rollback(True)
    return text


def answers(client, study, methods):
    people = {"b": study.extractions.get(position="B").author_id, "study": study.pk}
    return {
        (method, address): ask(client, method, address, people)
        for route in ROUTES
        for address in addresses(study, route)
        for method in methods
    }


def leaks(found):
    return {(*question, match) for question, text in found.items() for match in LEAK.findall(text)}


@pytest.mark.parametrize(
    ("who", "locked"),
    [("reviewer", "A"), ("reviewer", "B"), ("owner", "A"), ("adjudicator", "B"), ("viewer", "B"), ("outsider", "B")],
)
def test_no_page_export_or_search_tells_what_b_entered(study, who, locked, sign_in, request):
    plant(study)
    lock(study, locked)
    assert leaks(answers(sign_in(request.getfixturevalue(who)), study, ["get", "plain"])) == set()


@pytest.mark.parametrize(("who", "locked"), [("reviewer", "A"), ("reviewer", "B"), ("owner", "A")])
def test_no_refusal_of_a_write_tells_what_b_entered(study, who, locked, sign_in, request):
    plant(study)
    lock(study, locked)
    assert leaks(answers(sign_in(request.getfixturevalue(who)), study, [*WRITES, "form"])) == set()


@pytest.mark.parametrize("who", ["reviewer", "owner", "viewer"])
def test_answers_do_not_depend_on_what_b_has(study, who, sign_in, request):
    """Not even by a count, a state of rows, or an order."""
    lock(study, "A")
    client = sign_in(request.getfixturevalue(who))
    without_ids = [route for route in ROUTES if not set(PARAMETER.findall(route)) - {("int", "project_id")}]
    of_study = [
        route for route in ROUTES if set(PARAMETER.findall(route)) == {("int", "project_id"), ("int", "study_id")}
    ]

    def ask_all():
        people = {"b": 0, "study": study.pk}
        asked = [address for route in without_ids + of_study for address in addresses(study, route)]
        return {
            address: CHANGES_EACH_TIME.sub("", ask(client, method, address, people))
            for address in asked
            for method in ("plain", "get")
        }

    before = ask_all()
    plant(study)
    after = ask_all()
    assert [address for address in before if before[address] != after[address]] == []
    lock(study, "B")
    opened = ask_all()
    assert [address for address in before if before[address] != opened[address]]


def test_once_both_have_locked_the_same_questions_find_it_all(study, reviewer, owner, viewer, outsider, sign_in):
    plant(study)
    lock(study, "A", "B")
    consensus_refresh(study=study)
    found = {match for *_, match in leaks(answers(sign_in(reviewer), study, ["get", "plain"]))}
    tables = {"cohort", "group", "dataset", "itemscore"}
    assert {word.split("-")[2] for word in found if word.startswith(WORD)} >= tables | {"after", "reason", "cell"}
    assert {"73100999", "7310.5"} <= found
    told_viewer = {match for *_, match in leaks(answers(sign_in(viewer), study, ["get"]))}
    assert f"{WORD}-cohort-label" in told_viewer
    assert not {word for word in told_viewer if "itemscore" in word}
    assert leaks(answers(sign_in(outsider), study, ["plain"])) == set()


def test_b_reads_all_of_it_from_the_start(study, second_reviewer, sign_in):
    plant(study)
    found = {match for *_, match in leaks(answers(sign_in(second_reviewer), study, ["plain"]))}
    assert {word.split("-")[2] for word in found if word.startswith(WORD)} >= {
        "cohort",
        "dataset",
        "itemscore",
        "after",
    }


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
    b = study.extractions.get(position="B")
    of_b = {
        Extraction: Extraction.objects.filter(pk=b.pk),
        ExtractionEvent: b.events.all(),
        Cohort: b.cohorts.all(),
        Group: Group.objects.filter(cohort__extraction=b),
        Dataset: b.datasets.all(),
        Peak: Peak.objects.filter(dataset__extraction=b),
        QualityScore: study.quality_scores.filter(position="B"),
        ItemScore: ItemScore.objects.filter(score__study=study, score__position="B"),
    }
    assert below == set(of_b)
    bare = {model._meta.label for model, rows in of_b.items() if not LEAK.search(str(list(rows.values())))}
    assert bare == set()
    assert len(ITEMS) == of_b[ItemScore].count()
    assert AuditEntry.objects.filter(reason__contains=WORD).count() == 2
