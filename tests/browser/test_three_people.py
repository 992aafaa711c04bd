"""Two reviewers and an adjudicator, each in a browser of their own, take papers from PDF to a launched analysis.

`python benchmarks/ten_papers.py` does the same with ten papers, three processes of Chromium and a server of its own.
"""

import pytest
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.analyses import execution
from meta_app.analyses.models import Run
from meta_app.datasets.models import AgreedDataset
from sdm_core.pipeline import stages
from tests.browser import three_people as way
from tests.browser.simulated_papers import PEAKS, Paper
from tests.browser.three_people import PASSWORD, Person
from tests.meta_app.analyses.companion import box

WAIT_MS = 30_000
"""For a page, however busy the machine is: nothing here is about speed."""
FLIPPED = (("Insula", 38, 12, -4, 4.52, 120), *PEAKS[1:4])
"""The sign of x slipped, and the last row was overlooked."""
PAPERS = [
    Paper("Aldworth", 2015, 1, slips={"patients n": "19", "dataset scanner": "Siemens Trio"}, slipped_peaks=FLIPPED),
    Paper("Bergman", 2016, 2, n=24, slips={"patients age_mean": "63.4"}),
]


@pytest.fixture
def three(transactional_db, settings, tmp_path, open_window):
    settings.FILES_DIR = tmp_path / "files"
    people = []
    for name, full_name in (("nora", "Nora Brandt"), ("rosa", "Rosa Lind"), ("ada", "Ada Okafor")):
        User.objects.create_user(name, password=PASSWORD, full_name=full_name)
        people.append(Person(open_window(), name, full_name, slips=name == "rosa"))
    expect.set_options(timeout=WAIT_MS)
    yield people
    expect.set_options(timeout=None)


def test_two_papers_go_from_pdf_to_a_frozen_dataset_and_a_finished_analysis(three, monkeypatch):
    owner, reviewer, adjudicator = three
    for person in three:
        way.sign_in(person)
    project = way.make_project(owner, "Simulated review")
    way.add_people(owner, (reviewer, "reviewer"), (adjudicator, "adjudicator"))
    way.write_protocol(owner)
    way.import_list(owner, PAPERS)
    way.deal_out(owner, adjudicator)
    for paper in PAPERS:
        for person in (owner, reviewer):
            way.extract(person, paper, project)
            way.score(person, paper, project)
        way.settle_score(adjudicator, paper, project, owner.letters[paper.label])
    first, second = PAPERS
    way.open_comparison(adjudicator, first, project)
    way.take_other(adjudicator, "n analysed", "18", "The abstract and the table say 18.")
    way.write_letter(adjudicator, "Scanner", "Which scanner was it?", "It was a GE Signa.")
    way.settle_in_bulk(adjudicator, owner.letters[first.label])
    way.settle_as(adjudicator, owner.letters[first.label])
    way.agree(adjudicator)
    way.open_comparison(adjudicator, second, project)
    way.take(adjudicator, "Age, mean", "1")
    way.agree(adjudicator)
    way.freeze(adjudicator, project)
    assert AgreedDataset.objects.get().counts["studies"] == len(PAPERS)
    assert way.export(adjudicator, "SDM-PSI folder").startswith(b"PK")
    way.launch(owner, project)
    monkeypatch.setattr(stages, "load_mask", box)
    execution.run_execute(Run.objects.get().pk)
    way.see_result(owner, 30_000)
