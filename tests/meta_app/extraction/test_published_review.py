"""A published review as a test: what a careful editor would have asked of its Table 1.

Source of the facts: Table 1 of Na et al., a coordinate-based meta-analysis (SDM-PSI) of postherpetic neuralgia,
PROSPERO CRD420251030103, typed into meta_app/datasets/demo/phn.csv (29 printed rows). They go into a project through
the import of a list and the services that a reviewer's pages use; then the guards speak. Each answer is a question to
the reviewers: the table does not say who is right.
"""

import csv
import io

from django.test import TestCase

from meta_app.accounts.models import User
from meta_app.datasets.demo_services import (
    _by,
    _dataset_values,
    _distinct_groups,
    _editing,
    _group_finder,
    _report_values,
    _rows,
)
from meta_app.extraction.list_parsers import FIELDS, read_entries, read_list
from meta_app.extraction.list_selectors import extraction_counts, list_lines
from meta_app.extraction.list_services import studies_import
from meta_app.extraction.models import Dataset, Extraction, Group, Study
from meta_app.extraction.overlap_checks import likenesses, sample_of
from meta_app.extraction.overlap_selectors import speaking_extractions
from meta_app.extraction.rule_checks import verdicts
from meta_app.extraction.selectors import whole_extractions
from meta_app.extraction.services import cohort_create, dataset_create, extraction_start
from meta_app.extraction.study_checks import extraction_problems
from meta_app.projects.domain import Rule
from meta_app.projects.models import Membership, Project, Role
from meta_app.projects.permissions import EXTRACT, enter_project

TABLE = _rows("phn.csv")
STATED_DATASETS = 31
"""What the abstract of the review says."""
UNMATCHED = {"Chun 2023", "Hui 2020", "Li 2022", "Yu 2021"}


def as_list():
    """The 29 rows as a reviewer would send them: the label that the table prints, and the reference."""
    file = io.StringIO()
    table = csv.DictWriter(file, FIELDS, extrasaction="ignore")
    table.writeheader()
    for row in TABLE:
        label = f"{row['author'].removesuffix(' et al')} {row['year']}"
        table.writerow({**_report_values(row), "label": label})
    return file.getvalue().encode()


def lines(project):
    return list_lines(project, read_entries(read_list(as_list(), "table1.csv").rows), {})


def entered_table():
    """The 29 rows, entered by one reviewer: one study to a report, one dataset to a row and metric."""
    project = Project.objects.create(name="Postherpetic neuralgia")
    reviewer = User.objects.create_user("rosa")
    Membership.objects.create(project=project, user=reviewer, role=Role.REVIEWER)
    place = enter_project(reviewer, project.pk, EXTRACT)
    studies_import(place=place, lines=[line for line in lines(project) if line.fresh])
    papers = _by(TABLE, "reference_number")
    for study in Study.objects.filter(project=project).prefetch_related("reports"):
        reference = study.reports.get().reference
        enter(place, study, next(rows for rows in papers.values() if rows[0]["reference"] == reference))
    return place


def enter(place, study, rows):
    extraction = extraction_start(place=place, study=study)
    groups = list(_distinct_groups(rows))
    cohort = cohort_create(**_editing(extraction), values={"label": "PHN and comparison groups"}, groups=groups)
    find = _group_finder(cohort, groups)
    for row in rows:
        for metric in row["metrics"].split("+"):
            dataset_create(**_editing(extraction), values=_dataset_values(row, metric, find))


def questions(word):
    """The labels of the studies, with the questions that hold a word."""
    found = {}
    for extraction in Extraction.objects.select_related("study"):
        told = [item.problem.message for item in extraction_problems(extraction) if word in item.problem.message]
        if told:
            found[extraction.study.label] = told
    return found


def pairs(place, strength):
    found = likenesses([sample_of(extraction) for extraction in speaking_extractions(place)])
    return {(item.first.label, item.second.label) for item in found if item.strength == strength}


def test_the_29_rows_are_21_studies_and_8_rows_of_reports_that_are_known(project):
    found = lines(project)
    assert len(found) == 29
    assert sum(line.fresh for line in found) == 21
    assert sum(bool(line.repeats) for line in found) == 8
    assert not any(line.blocked for line in found)


def test_labels_that_match_no_author_are_asked_about(project):
    asked = {line.label: line.question for line in lines(project) if "No author is called" in line.question}
    assert set(asked) == UNMATCHED
    families = ("Bu", "Dai", "Niu", "Tang")
    assert all(
        f"family name is {family}?" in asked[label] for label, family in zip(sorted(asked), families, strict=True)
    )


class EnteredTable(TestCase):
    """Entered once for all of these."""

    @classmethod
    def setUpTestData(cls):
        cls.place = entered_table()

    def test_counts_stand_with_their_units_and_the_stated_31_is_none_of_them(self):
        counts = extraction_counts(self.place, speaking_extractions(self.place))
        assert counts == {"reports": 21, "studies": 21, "comparisons": 29, "datasets": 41}
        assert STATED_DATASETS not in counts.values()

    def test_the_same_labels_are_asked_about_in_the_entered_studies(self):
        assert set(questions("No author is called")) == UNMATCHED

    def test_groups_of_8_and_6_do_not_meet_the_criterion_of_10(self):
        ten = Rule("n", ">=", "10", "people")
        told = {}
        for extraction in whole_extractions(Extraction.objects.all()):
            (verdict,) = verdicts(extraction, [ten])
            if verdict.state == "not met":
                told[extraction.study.label] = verdict.told
        assert told == {
            "Liao 2015": ["PHN: 8 people", "Healthy controls: 8 people"],
            "Liang 2013": ["PHN: 6 people", "Herpes zoster: 6 people"],
            "Liang 2014": ["PHN: 6 people", "Herpes zoster: 6 people"],
        }

    def test_three_pairs_of_identical_samples_look_like_the_same_people(self):
        found = {frozenset(pair) for pair in pairs(self.place, "same")}
        assert found == {
            frozenset(("Jiang 2017", "Hui 2020")),
            frozenset(("Chun 2023", "Fan 2022")),
            frozenset(("Liang 2013", "Liang 2014")),
        }
        assert pairs(self.place, "perhaps") == set()

    def test_a_duration_that_two_papers_share_to_the_digit_is_asked_about_as_copied(self):
        assert {frozenset(pair) for pair in pairs(self.place, "copied")} == {frozenset(("Zhang 2016", "Li 2022"))}

    def test_ages_whose_sd_looks_like_a_standard_error_are_asked_about(self):
        """The second and the third report of Cao 2017, as the table lists them."""
        asked = questions("Is the SD of age")
        assert {label: len(told) for label, told in asked.items()} == {"Cao 2017b": 2, "Cao 2017c": 3}
        assert any("2.1 years, a standard error? Times √19 it is 9.2 years." in told for told in asked["Cao 2017b"])

    def test_the_duration_of_cao_2017_looks_like_a_standard_error_too(self):
        assert "Times √23 it is 17.7." in " ".join(questions("Is the SD of the duration")["Cao 2017c"])

    def test_every_duration_is_asked_for_its_unit(self):
        without = Group.objects.exclude(duration_mean=None).values_list("cohort__extraction__study__label", flat=True)
        assert set(questions("The unit of the duration is not stated")) == set(without)
        assert len(set(without)) == 18

    def test_an_sd_above_its_mean_is_asked_about_as_skewed(self):
        assert set(questions("Is it skewed?")) == {"Cao 2017a", "Cao 2019", "Li 2022", "Liu 2019", "Zhang 2016"}

    def test_nothing_that_the_table_prints_is_called_an_error_except_what_it_does_not_print(self):
        """What blocks is missing in the table: space, peaks. Everything else is a question."""
        blocking = {
            item.problem.message
            for extraction in Extraction.objects.all()
            for item in extraction_problems(extraction)
            if item.blocks
        }
        assert blocking == {"The peaks are not extracted yet.", "The space of the coordinates is not stated."}
        assert Dataset.objects.count() == 41
