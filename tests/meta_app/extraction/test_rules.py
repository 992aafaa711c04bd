"""The criteria of a protocol, checked against what was extracted; each test states its own made-up study."""

import pytest
from django.urls import reverse

from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit
from meta_app.extraction.list_services import criterion_override
from meta_app.extraction.models import Extraction, Group, Study
from meta_app.extraction.rule_checks import verdicts
from meta_app.extraction.selectors import whole_extractions
from meta_app.extraction.study_checks import extraction_problems
from meta_app.library.models import Report
from meta_app.projects.domain import Rule
from meta_app.projects.services import protocol_save

from .peak_cast import make_dataset

TEN = Rule("n", ">=", "10", "people")


@pytest.fixture
def dataset(project, reviewer):
    return make_dataset(project, reviewer, peaks_state="no_peaks")


@pytest.fixture
def protocol(project, owner):
    protocol_save(project=project, author=owner, version=0, values={"eligibility": [TEN.as_row(), "a thesis counts"]})


def checked(dataset, rule):
    whole = whole_extractions(Extraction.objects.filter(pk=dataset.extraction_id)).get()
    (verdict,) = verdicts(whole, [rule])
    return verdict.state, "; ".join(verdict.told)


def people(dataset, **values):
    Group.objects.filter(pk=dataset.group_a_id).update(**values)


@pytest.mark.parametrize(("n", "state"), [(8, "not met"), (10, "met"), (None, "cannot be told")])
def test_the_size_of_every_group_is_checked(dataset, n, state):
    people(dataset, n=n)
    found, told = checked(dataset, TEN)
    assert found == state
    assert n != 8 or told == "Patients: 8 people"


@pytest.mark.parametrize(
    ("operator", "value", "state"),
    [(">=", "18", "met"), (">", "60", "not met"), ("<=", "60", "met"), ("<", "60", "not met")],
)
def test_ages_are_compared_with_every_sign(dataset, operator, value, state):
    Group.objects.update(age_mean=60.0)
    assert checked(dataset, Rule("age_mean", operator, value, "years"))[0] == state


@pytest.mark.parametrize(
    ("mean", "unit", "state"),
    [(3, "weeks", "not met"), (5, "weeks", "met"), (0.2, "years", "met"), (2, "unstated", "cannot be told"),
     (None, "", "cannot be told")],
)  # fmt: skip
def test_a_duration_is_compared_across_units_and_only_for_the_ill(dataset, mean, unit, state):
    people(dataset, duration_mean=mean, duration_unit=unit)
    found, told = checked(dataset, Rule("duration", ">", "1", "months"))
    assert found == state
    assert "Controls" not in told
    assert unit != "unstated" or told == "Patients: 2, unit not stated"


@pytest.mark.parametrize(
    ("low", "high", "operator", "state"),
    [(0.01, 0.08, "is", "met"), (0.01, 0.027, "is", "not met"), (0.01, 0.027, "within", "met"),
     (0.027, 0.1, "within", "not met"), (None, None, "is", "cannot be told")],
)  # fmt: skip
def test_a_narrower_band_lies_within_but_is_not_the_band(dataset, low, high, operator, state):
    dataset.values = {"band_low": low, "band_high": high}
    dataset.save()
    assert checked(dataset, Rule("band", operator, "0.01-0.08", "Hz"))[0] == state


def test_a_band_is_asked_of_resting_state_only(dataset):
    dataset.modality = "vbm"
    dataset.save()
    assert checked(dataset, Rule("band", "is", "0.01-0.08", "Hz"))[0] == "cannot be told"


@pytest.mark.parametrize(("searched", "state"), [(True, "met"), (False, "not met"), (None, "cannot be told")])
def test_the_whole_brain_is_checked(dataset, searched, state):
    dataset.values = {"whole_brain": searched}
    dataset.save()
    assert checked(dataset, Rule("whole_brain", "is", "yes"))[0] == state


def test_field_strength_smoothing_metric_space_language_and_criteria_are_checked(dataset):
    dataset.values, dataset.fwhm_mm = {"field_strength": 1.5}, 8
    dataset.save()
    study = dataset.extraction.study
    study.reports.add(Report.objects.create(project=study.project, language="Chinese"))
    assert checked(dataset, Rule("field_strength", ">=", "3", "T")) == ("not met", "ReHo: 1.5 T")
    assert checked(dataset, Rule("fwhm_mm", "<=", "8", "mm"))[0] == "met"
    assert checked(dataset, Rule("metric", "one_of", "ALFF, ReHo"))[0] == "met"
    assert checked(dataset, Rule("space", "one_of", "Talairach"))[0] == "not met"
    assert checked(dataset, Rule("language", "one_of", "English, Chinese"))[0] == "met"
    assert checked(dataset, Rule("diagnostic_criteria", "stated")) == ("not met", "the study: not stated")


def test_a_rule_that_is_not_met_is_a_question_before_the_study_is_locked(dataset, protocol):
    people(dataset, n=8)
    assert any("at least 10 people. Found: Patients: 8 people." in message for message in warnings_of(dataset))


def warnings_of(dataset):
    found = extraction_problems(dataset.extraction)
    assert not any(item.blocks for item in found if "protocol asks" in item.problem.message)
    return [item.problem.message for item in found]


def test_a_reason_to_take_the_study_all_the_same_is_kept_audited_and_ends_the_question(dataset, protocol, reviewer):
    people(dataset, n=8)
    criterion_override(extraction=dataset.extraction, rule=TEN, before="", reason="A rare disease.")
    assert not any("protocol asks" in message for message in warnings_of(dataset))
    entry = AuditEntry.objects.get(action="criterion.overridden")
    assert (entry.actor, entry.reason, entry.blind_study_id) == (
        reviewer,
        "A rare disease.",
        dataset.extraction.study_id,
    )
    criterion_override(extraction=dataset.extraction, rule=TEN, before="A rare disease.", reason="")
    assert any("protocol asks" in message for message in warnings_of(dataset))


def test_a_reason_that_another_tab_changed_is_not_overwritten(dataset):
    criterion_override(extraction=dataset.extraction, rule=TEN, before="", reason="First.")
    with pytest.raises(StaleEdit) as caught:
        criterion_override(extraction=dataset.extraction, rule=TEN, before="", reason="Second.")
    assert (caught.value.details["yours"], caught.value.details["theirs"]) == ("Second.", "First.")


def address(project, name, *more):
    return reverse(f"extraction:{name}", args=[project.pk, *more])


def test_the_page_and_the_list_show_what_is_met(project, dataset, protocol, reviewer, sign_in):
    people(dataset, n=8)
    client = sign_in(reviewer)
    study_id = dataset.extraction.study_id
    assert "Patients: 8 people" in client.get(address(project, "study", study_id)).text
    assert "1 not met" in client.get(address(project, "studies")).text
    answer = client.post(address(project, "criterion", study_id), {"rule": TEN.key, "reason": "Rare."}, follow=True)
    assert "The reason is kept" in answer.text
    assert "1 with a reason" in client.get(address(project, "studies")).text
    assert client.post(address(project, "criterion", study_id), {"rule": "none"}).status_code == 404


def test_what_a_draft_does_not_meet_is_told_to_nobody_else(
    project, dataset, protocol, owner, second_reviewer, adjudicator, sign_in
):
    Study.objects.update(extractors_needed=2)
    people(dataset, n=8)
    for person in (owner, second_reviewer, adjudicator):
        client = sign_in(person)
        assert "not met" not in client.get(address(project, "studies")).text
        assert "not met" not in client.get(address(project, "study", dataset.extraction.study_id)).text
        sent = client.post(address(project, "criterion", dataset.extraction.study_id), {"rule": TEN.key, "reason": "x"})
        assert sent.status_code in (403, 404)
