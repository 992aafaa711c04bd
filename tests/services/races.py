"""People who do the same thing at the same moment, each in a process of their own.

`python -m tests.services.races` plays every scene on the database of the environment and prints what came of each, as
JSON. On PostgreSQL the end of the project's audit chain is held until each of them waits, for it or for one another;
so they meet in the same order and at the same place every time. SQLite lets one write after the other.
"""

import json
import multiprocessing
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

import django

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from meta_app.accounts.models import User  # noqa: E402
from meta_app.agreement import services as agreement  # noqa: E402
from meta_app.agreement.models import Comparison, Difference  # noqa: E402
from meta_app.audit.models import AuditChain, AuditEntry  # noqa: E402
from meta_app.audit.services import record  # noqa: E402
from meta_app.common.exceptions import UserError  # noqa: E402
from meta_app.datasets.models import AgreedDataset  # noqa: E402
from meta_app.datasets.services import agreed_dataset_freeze  # noqa: E402
from meta_app.extraction.editor_services import answers_save  # noqa: E402
from meta_app.extraction.exchange.records import shaped  # noqa: E402
from meta_app.extraction.import_services import studies_import  # noqa: E402
from meta_app.extraction.models import Extraction, SampleOverlap  # noqa: E402
from meta_app.extraction.overlap_services import overlap_decide  # noqa: E402
from meta_app.extraction.services import extraction_reopen, report_save, study_create, study_update  # noqa: E402
from meta_app.projects.models import Membership, Project  # noqa: E402
from meta_app.projects.permissions import enter_project  # noqa: E402
from meta_app.projects.services import member_remove  # noqa: E402
from meta_app.quality.models import QualityScore  # noqa: E402
from tests.meta_app.agreement.readers import both_locked, enter, lock, new_study, tree  # noqa: E402
from tests.meta_app.extraction.test_import_studies import study as imported_study  # noqa: E402
from tests.meta_app.quality import score_cast  # noqa: E402

PATIENCE_SECONDS = 60
WRITERS, WRITES = 8, 25
ROLES = {
    "rosa": "reviewer", "ren": "reviewer", "ada": "adjudicator", "ari": "adjudicator", "olga": "owner",
}  # fmt: skip


class UndoneError(Exception):
    """Raised by a writer that changes its mind."""


# People at once


def at_once(project, *actions):
    """What each action answered, or the name of the error that ended it, in the order in which they began."""
    context = multiprocessing.get_context("fork")
    get_resolver().url_patterns  # noqa: B018 -- or each person's process would import every page
    connections.close_all()
    begun = [context.Event() for _ in actions]
    pipes = [context.Pipe(duplex=False) for _ in actions]
    people = [
        context.Process(target=act, args=(action, event, pipe[1]))
        for action, event, pipe in zip(actions, begun, pipes, strict=True)
    ]
    for person in people:
        person.start()
    answers = [pipe[0] for pipe in pipes]
    with held_chain(project):
        for number, event in enumerate(begun, start=1):
            event.set()
            wait_until_held(answers, number)
    told = [answer.recv() if answer.poll(PATIENCE_SECONDS) else "never came back" for answer in answers]
    for person in people:
        person.join(PATIENCE_SECONDS)
    return told


def act(action, begin, answer):
    connection.ensure_connection()
    begin.wait(PATIENCE_SECONDS)
    try:
        told = action()
    except UserError as error:
        told = type(error).__name__
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    answer.send(told)
    connections.close_all()


@contextmanager
def held_chain(project):
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        AuditChain.objects.select_for_update().filter(pk=project.pk).first()
        yield


def wait_until_held(answers, number):
    """Until each of the first `number` people waits for a lock, or is done."""
    if connection.vendor != "postgresql":
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(answer.poll() for answer in answers[:number]) + waiting() < number:
        if time.monotonic() > deadline:
            raise TimeoutError("Somebody neither waits nor ends.")
        time.sleep(0.005)


def waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


# A project and its people


@dataclass
class Team:
    project: Project
    people: dict[str, User]

    def place(self, name):
        return enter_project(self.people[name], self.project.pk)

    @property
    def readers(self):
        return self.people["rosa"], self.people["ren"]

    def study(self, label, a=None, b=None):
        return both_locked(self.project, *self.readers, a, b, label)

    def drafts(self, label, said=None):
        study = new_study(self.project, label)
        return [enter(study, author, position, said) for author, position in zip(self.readers, "AB", strict=True)]


def team(name):
    project = Project.objects.create(name=name)
    people = {who: User.objects.create(username=f"{who}.{project.pk}") for who in ROLES}
    for who, user in people.items():
        Membership.objects.create(project=project, user=user, role=ROLES[who])
    record(project_id=project.pk, actor=people["olga"], action="project.created", subject=name)
    return Team(project, people)


def chain(project):
    """The answer of the command, without the head."""
    lines = []
    out = type("Out", (), {"write": lambda _self, text: lines.append(text)})()
    try:
        call_command("check_audit", project=project.pk, stdout=out)
    except CommandError as error:
        lines.append(str(error))
    return " ".join(lines).split(". Head")[0].partition(": ")[2]


def actions(project, *names):
    counted = Counter(AuditEntry.objects.filter(project_id=project.pk).values_list("action", flat=True))
    return {name: counted[name] for name in names}


def doubled(study):
    """States of the comparison and of the consensus of a study; one of each."""
    comparison, consensus = study.comparisons.get(), study.extractions.filter(position="consensus").first()
    return [comparison.state, comparison.differences.count(), consensus and consensus.state]


# Scenes


def both_reviewers_lock():
    """Two studies at once, one of them equal in both extractions; the same people in both."""
    here = team("Locking")
    equal, other = here.drafts("Cao 2017"), here.drafts("Hong 2020")
    other[1].values = {**other[1].values, "site": "Ward 4, Town"}
    other[1].save()
    told = at_once(here.project, *(lambda item=item: lock(item).state for item in (*equal, *other)))
    studies = [doubled(pair[0].study) for pair in (equal, other)]
    completed = actions(here.project, "extraction.completed", "agreement.made")
    return {"told": told, "studies": studies, **completed, "chain": chain(here.project)}


def one_reviewer_locks_twice():
    here = team("Locking twice")
    draft, _other = here.drafts("Cao 2017")
    told = at_once(here.project, *[lambda: lock(Extraction.objects.get(pk=draft.pk)).state] * 2)
    return {"told": told, **actions(here.project, "extraction.completed")}


def two_freeze():
    here = team("Freezing")
    here.study("Cao 2017")

    def freeze(who):
        dataset, new = agreed_dataset_freeze(place=here.place(who))
        return [dataset.version, new]

    told = at_once(here.project, lambda: freeze("olga"), lambda: freeze("ada"))
    versions = list(AgreedDataset.objects.filter(project=here.project).values_list("version", flat=True))
    return {"told": told, "versions": versions, **actions(here.project, "dataset.frozen"), "chain": chain(here.project)}


def a_freeze_meets_a_lock_and_a_decision(order):
    """A freeze, the last lock of a study, and a decision about two studies of the same people."""
    here = team("Freezing while others work")
    here.study("Cao 2017")
    here.study("Cao 2018")
    overlap = SampleOverlap.objects.get(project=here.project)
    first, last = here.drafts("Hong 2020", tree(patients={"age_mean": 41.5}, controls={"age_mean": 43.5}))
    lock(first)
    decision = {"decision": "same", "handling": "keep_all", "reason": "One hospital."}
    does = {
        "freeze": lambda: agreed_dataset_freeze(place=here.place("olga"))[1],
        "lock": lambda: lock(last).state,
        "decide": lambda: (
            overlap_decide(place=here.place("ada"), overlap=overlap, version=overlap.version, **decision).decision
        ),
    }
    told = at_once(here.project, *(does[name] for name in order))
    return {**dict(zip(order, told, strict=True)), "chain": chain(here.project)}


def settled_comparison(here):
    """A comparison of one difference, which is settled."""
    comparison = here.study("Cao 2017", b=tree(patients={"n": 19}))
    difference = comparison.differences.get()
    agreement.difference_decide(place=here.place("ada"), difference=difference, version=1, choice="A")
    return Comparison.objects.get(pk=comparison.pk), Difference.objects.get(pk=difference.pk)


def two_settle_the_same_difference():
    here = team("Settling")
    comparison = here.study("Cao 2017", b=tree(patients={"n": 19}))
    difference = comparison.differences.get()

    def settle(who, choice):
        item = Difference.objects.get(pk=difference.pk)
        return agreement.difference_decide(place=here.place(who), difference=item, version=1, choice=choice).choice

    told = at_once(here.project, lambda: settle("ada", "A"), lambda: settle("ari", "B"))
    difference.refresh_from_db()
    by = difference.decided_by.username.partition(".")[0]
    return {"told": told, "stored": [difference.choice, by], **actions(here.project, "agreement.decided")}


def one_settles_while_another_takes_the_section():
    here = team("Settling at once")
    comparison = here.study("Cao 2017", b=tree(patients={"n": 19}))
    difference = comparison.differences.get()
    bulk = {"choice": "B", "section": difference.section, "group": "", "expected": 1}
    told = at_once(
        here.project,
        lambda: (
            agreement.difference_decide(place=here.place("ada"), difference=difference, version=1, choice="A").choice
        ),
        lambda: agreement.differences_decide(place=here.place("ari"), comparison=comparison, **bulk),
    )
    difference.refresh_from_db()
    return {"told": told, "stored": difference.choice, **actions(here.project, "agreement.decided")}


def one_agrees_while_another_does(what, first):
    """Agreeing, while a decision is undone or a reviewer reopens."""
    here = team(f"Agreeing while somebody wants to {what}")
    comparison, difference = settled_comparison(here)
    own = comparison.study.extractions.get(position="A")
    does = {
        "agree": lambda: (
            agreement.comparison_agree(place=here.place("ada"), comparison=comparison, version=comparison.version).state
        ),
        "undo": lambda: (
            agreement.difference_undo(place=here.place("ari"), difference=difference, version=difference.version).state
        ),
        "reopen": lambda: extraction_reopen(extraction=own, version=own.version, reason="A row is missing.").state,
    }
    order = ["agree", what] if first == "agree" else [what, "agree"]
    told = dict(zip(order, at_once(here.project, *(does[name] for name in order)), strict=True))
    comparison.refresh_from_db()
    left = comparison.differences.exclude(state="settled").count()
    return {**told, "now": [comparison.state, left], "chain": chain(here.project)}


def all_save_while_the_adjudicator_opens(what):
    """A changes what both share while both type and the adjudicator opens every page of the study."""
    here = team("Saving")
    a, b = here.drafts("Cao 2017")
    report = report_save(extraction=a, version=a.version, report=None, values={"title": "Resting state in PHN"})
    window = Client(raise_request_exception=False)
    window.force_login(here.people["ada"])
    pages = [f"/projects/{here.project.pk}/{page}" for page in ("agreement/", f"agreement/{a.study_id}/", "extraction/",
             f"extraction/{a.study_id}/", "activity/", "quality/", "datasets/")]  # fmt: skip

    def typed(extraction, before, word):
        change = {"row": "study", "key": "site", "before": before, "value": word}
        return answers_save(extraction=extraction, changes=[change]).status

    def share():
        now = Extraction.objects.get(pk=a.pk)
        if what == "label":
            study_update(extraction=now, version=now.version, label="Cao 2017a", year=2017)
        else:
            report_save(extraction=now, version=now.version, report=report, values={"title": "PHN"})
        return "shared"

    def read():
        told = [window.get(page) for page in pages]
        leaks = [page for page, answer in zip(pages, told, strict=True) if "sentinel" in answer.text]
        return [sorted({answer.status_code for answer in told}), leaks]

    told = [
        at_once(here.project, share, lambda: typed(b, "Ward 3, Town", "sentinel-b"), read),
        at_once(here.project, lambda: typed(b, "sentinel-b", "sentinel-b2"), share, read),
        at_once(here.project, lambda: typed(a, "Ward 3, Town", "sentinel-a"), lambda: typed(b, "sentinel-b2", "b3")),
    ]
    stored = [Extraction.objects.get(pk=item.pk).values["site"] for item in (a, b)]
    return {"told": told, "stored": stored, "chain": chain(here.project)}


def one_saves_and_is_taken_out_of_the_project(first):
    """The owner takes a reviewer out at the moment in which the reviewer's browser saves."""
    here = team(f"Leaving, {first} first")
    a, b = here.drafts("Cao 2017")
    change = {"row": "study", "key": "site", "before": "Ward 3, Town", "value": "Ward 4, Town"}
    membership = Membership.objects.get(project=here.project, user=here.people["ren"])

    def leave():
        member_remove(project=here.project, editor=here.people["olga"], membership_id=membership.pk)
        return "gone"

    does = {"save": lambda: answers_save(extraction=b, changes=[change]).status, "leave": leave}
    order = ["save", "leave"] if first == "save" else ["leave", "save"]
    told = dict(zip(order, at_once(here.project, *(does[name] for name in order)), strict=True))
    copy = AuditEntry.objects.get(project_id=here.project.pk, action="extraction.returned").before[0]["fields"]
    left = list(a.study.extractions.values_list("position", flat=True))
    return {**told, "kept": copy["values"]["site"], "left": left, "chain": chain(here.project)}


def one_imports_while_a_window_saves(what):
    """A file of a new study and of one in work, while another window saves that one, or somebody adds that label."""
    here = team(f"Importing while somebody wants to {what}")
    _a, b = here.drafts("Hong 2020")
    change = {"row": "study", "key": "site", "before": "Ward 3, Town", "value": "Ward 4, Town"}
    names = {"save": ["Cao 2017", "Hong 2020"], "add": ["Cao 2017", "Zhang 2021"]}[what]
    reading = shaped("typed", "json", [], [imported_study(name, dataset="ALFF") for name in names])
    does = {
        "save": lambda: answers_save(extraction=b, changes=[change]).status,
        "add": lambda: study_create(place=here.place("rosa"), label="Zhang 2021", year=2021, report={}).position,
    }
    imported, other = at_once(
        here.project,
        lambda: [item.state for item in studies_import(place=here.place("ren"), reading=reading, mode="append")],
        does[what],
    )
    return {"import": imported, what: other, "chain": chain(here.project)}


def one_scores_while_the_other_begins(first):
    """Of one study, with one checklist."""
    here = team("Scoring")
    study = score_cast.make_study(here.project)
    score = score_cast.services.score_start(place=here.place("rosa"), study=study)
    item = next(iter(score_cast.FULL))
    values = {"points": 0, "quote": "", "page": "", "note": ""}
    does = {
        "score": lambda: float(
            score_cast.services.item_save(
                place=here.place("rosa"), score=score, item=item, version=1, values=values
            ).points
        ),
        "begin": lambda: score_cast.services.score_start(place=here.place("ren"), study=study).position,
    }
    order = ["score", "begin"] if first == "score" else ["begin", "score"]
    return dict(zip(order, at_once(here.project, *(does[name] for name in order)), strict=True))


def both_lock_their_scores_and_settle():
    here = team("Scores")
    study = score_cast.make_study(here.project)
    rosa, ren = here.readers
    scores = {
        "rosa": score_cast.fill(rosa, study),
        "ren": score_cast.fill(ren, study, {"pain": 0}),
    }
    complete = score_cast.services.score_complete
    told = at_once(
        here.project,
        *(
            lambda who=who: complete(place=here.place(who), score=scores[who], version=scores[who].version).state
            for who in scores
        ),
    )
    settled = at_once(
        here.project,
        lambda: score_cast.settle(here.people["ada"], study, "pain", "A").origin["from"],
        lambda: score_cast.settle(here.people["ari"], study, "pain", "B").origin["from"],
    )
    states = sorted(QualityScore.objects.filter(study=study).values_list("position", "state"))
    return {"told": told, "settled": settled, "states": states, **actions(here.project, "quality.settled"),
            "chain": chain(here.project)}  # fmt: skip


def many_write_the_audit_trail():
    """A project that has no entry yet; each writer takes back every fifth write, with what it told of."""
    project = Project.objects.create(name="Written by many")

    def write(writer):
        for number in range(WRITES):
            try:
                with transaction.atomic():
                    record(project_id=project.pk, actor=None, action="x.y", subject=f"{writer}:{number}")
                    if number % 5 == 0:
                        raise UndoneError
            except UndoneError:
                continue
        return WRITES - WRITES // 5

    told = at_once(project, *(lambda writer=writer: write(writer) for writer in range(WRITERS)))
    subjects = set(AuditEntry.objects.filter(project_id=project.pk).values_list("subject", flat=True))
    kept = {f"{writer}:{number}" for writer in range(WRITERS) for number in range(WRITES) if number % 5}
    return {"told": told, "missing": sorted(kept - subjects), "too many": sorted(subjects - kept),
            "chain": chain(project)}  # fmt: skip


def scenes():
    orders = (("freeze", "lock", "decide"), ("lock", "freeze", "decide"), ("decide", "freeze", "lock"))
    yield "both_reviewers_lock", both_reviewers_lock
    yield "one_reviewer_locks_twice", one_reviewer_locks_twice
    yield "two_freeze", two_freeze
    for order in orders:
        yield f"freeze:{order[0]}", lambda order=order: a_freeze_meets_a_lock_and_a_decision(order)
    yield "two_settle_the_same_difference", two_settle_the_same_difference
    yield "one_settles_while_another_takes_the_section", one_settles_while_another_takes_the_section
    for what in ("undo", "reopen"):
        for first in ("agree", what):
            yield f"{what}:{first}", lambda what=what, first=first: one_agrees_while_another_does(what, first)
    for what in ("label", "report"):
        yield f"save:{what}", lambda what=what: all_save_while_the_adjudicator_opens(what)
    for what in ("save", "add"):
        yield f"importing:{what}", lambda what=what: one_imports_while_a_window_saves(what)
    for first in ("save", "leave"):
        yield f"leaving:{first}", lambda first=first: one_saves_and_is_taken_out_of_the_project(first)
    for first in ("score", "begin"):
        yield f"scores:{first}", lambda first=first: one_scores_while_the_other_begins(first)
    yield "both_lock_their_scores_and_settle", both_lock_their_scores_and_settle
    yield "many_write_the_audit_trail", many_write_the_audit_trail


if __name__ == "__main__":
    wanted = sys.argv[1:]
    print(json.dumps({name: play() for name, play in scenes() if not wanted or name in wanted}))  # noqa: T201
