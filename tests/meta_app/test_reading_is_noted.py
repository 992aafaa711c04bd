"""Whoever is neither reviewer of a study and reads what the two entered is noted, by whatever page they read it.

A note is what keeps them from becoming one of the two afterwards. Routes are read from the URL resolver: a new page,
export or search that tells a value is covered without a line here.
"""

import re

import pytest
from django.urls import reverse

from meta_app.agreement.services import comparison_agree, difference_decide
from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import readers
from meta_app.extraction.models import Cohort, Group, Peak
from meta_app.projects.domain import Rule
from meta_app.projects.services import protocol_save

from .agreement.readers import PEAKS, both_locked, enter, lock, new_study, tree
from .quality.score_cast import place_of
from .test_blinding_everywhere import ASKED_ROUTES, addresses, no_log, quick_pictures, text_of, undone

__all__ = ["no_log", "quick_pictures"]
WORD = "sentinel"
ASKED = {"level": "study", "key": "site", "show": "all", "q": WORD[1:], "position": "B", "whole": "1", "limit": "1000"}
TOLD = re.compile(rf"{WORD}-[ab]|71\.71")


def said(letter):
    peak = {"label": f"{WORD}-{letter} peak", "x": "-40", "y": "14", "z": "2", "statistic": "4.7", "kind": "t"}
    return tree(
        study={"site": f"{WORD}-{letter} ward", "diagnostic_criteria": "IASP"},
        patients={"age_mean": 71.71, "age_sd": 9.37, "n": 17, "label": f"{WORD}-{letter} group"},
        dataset={"threshold_reported": f"{WORD}-{letter} threshold"},
        peaks=[*PEAKS, peak],
    )


@pytest.fixture
def studies(project, reviewer, second_reviewer):
    """Two studies of perhaps the same people, which both reviewers have locked and nobody has settled."""
    project.extractors_needed = 2
    project.save()
    made = [
        both_locked(project, reviewer, second_reviewer, said("a"), said("b"), label=label).study
        for label in ("Cao 2017", "Hong 2019")
    ]
    assert {study.comparisons.get().state for study in made} == {"open"}
    return made


def numbers_of(study, position):
    extraction = study.extractions.get(position=position)
    dataset = extraction.datasets.get()
    return {
        "project_id": study.project_id,
        "study_id": study.pk,
        "first_id": study.pk,
        "second_id": study.pk + 1,
        "extraction_id": extraction.pk,
        "dataset_id": dataset.pk,
        "cohort_id": Cohort.objects.get(extraction=extraction).pk,
        "group_id": Group.objects.filter(cohort__extraction=extraction).first().pk,
        "peak_id": Peak.objects.filter(dataset=dataset).first().pk,
        "difference_id": study.comparisons.get().differences.first().pk,
    }


def told_by(client, person, study):
    """Each address that tells a value of the two, with whether the reading of `study` is noted afterwards."""
    client.raise_request_exception = False
    asked = {
        address
        for route in ASKED_ROUTES
        for position in "AB"
        for address in addresses(numbers_of(study, position), route)
    }
    found = {}
    for address in sorted(asked):
        with undone():
            text = text_of(client.get(address, ASKED))
            noted = (study.pk, person.pk) in readers("extraction", [study.pk])
        client.cookies.pop("messages", None)
        if TOLD.search(text):
            found[address] = noted
    return found


def test_every_page_that_tells_what_the_two_entered_notes_its_reader(studies, owner, sign_in):
    found = told_by(sign_in(owner), owner, studies[0])
    assert [address for address, noted in found.items() if not noted] == []
    pages = {re.sub(r"\d+", "1", address) for address in found}
    assert pages >= {
        f"/projects/1/{page}"
        for page in ("extraction/1/", "extraction/datasets/1/", "extraction/overlaps/", "agreement/1/", "datasets/")
    }


def test_one_s_own_peaks_and_those_of_a_single_reader_are_no_reading_of_others(
    project, reviewer, second_reviewer, owner, sign_in
):
    draft = enter(new_study(project, "Draft 2020"), reviewer, "A")
    single = lock(enter(new_study(project, "Single 2021", needed=1), second_reviewer, "A"))
    for person, extraction in ((reviewer, draft), (owner, single)):
        page = reverse("extraction:dataset", args=[project.pk, extraction.datasets.get().pk])
        assert sign_in(person).get(page).status_code == 200
    assert not AuditEntry.objects.filter(action="extraction.read").exists()


def listed(client, project, label):
    """What the list of studies tells of one: criteria, datasets and peaks, in words."""
    text = client.get(reverse("extraction:studies", args=[project.pk])).text
    line = next(line for line in re.split(r"<tr>", text) if f">{label}</a>" in line)
    cells = re.findall(r'<td class="(?:criteria-cell|number)">(.*?)</td>', line, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


def test_the_list_counts_what_the_two_entered_once_it_is_read_or_agreed(
    studies, project, owner, reviewer, adjudicator, sign_in
):
    ten = Rule("n", ">=", "10", "people").as_row()
    protocol_save(project=project, author=owner, version=0, values={"eligibility": [ten]})
    client = sign_in(owner)
    assert listed(client, project, "Cao 2017") == ["–", "–", "–"]
    assert listed(sign_in(reviewer), project, "Cao 2017") == ["1 met", "1", "5"]
    client.get(reverse("extraction:study", args=[project.pk, studies[0].pk]))
    assert listed(client, project, "Cao 2017") == ["1 met", "1", "5"]
    assert listed(client, project, "Hong 2019") == ["–", "–", "–"]
    place = place_of(adjudicator)
    for difference in studies[1].comparisons.get().differences.all():
        difference_decide(place=place, difference=difference, version=1, choice="A")
    comparison = studies[1].comparisons.get()
    comparison_agree(place=place, comparison=comparison, version=comparison.version)
    assert listed(client, project, "Hong 2019") == ["1 met", "1", "5"]
    assert readers("extraction", [studies[1].pk]) & {(studies[1].pk, owner.pk)} == set()
