import pytest
from django.utils import timezone

from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group, Peak, Study
from meta_app.library.models import Report
from meta_app.projects.permissions import FREEZE, enter_project


@pytest.fixture
def make_study(project, reviewer):
    """make_study(label) answers a locked extraction of one dataset with two peaks."""

    def make(label="Cao 2017", author=None, state="complete", position="A", needed=1, identity="", peaks=2, **values):
        study, _new = Study.objects.get_or_create(
            project=project, label=label, defaults={"year": 2017, "extractors_needed": needed}
        )
        if not study.reports.exists():
            study.reports.add(Report.objects.create(project=project, authors=f"{label} et al", year=2017))
        extraction = Extraction.objects.create(
            study=study,
            position=position,
            author=author or reviewer,
            form=ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)[0],
            state=state,
            completed_at=timezone.now() if state == "complete" else None,
        )
        cohort = Cohort.objects.create(extraction=extraction, label="Ward", identity=identity)
        first = Group.objects.create(cohort=cohort, kind="patients", n=18)
        second = Group.objects.create(cohort=cohort, kind="controls", n=20)
        dataset = Dataset.objects.create(
            extraction=extraction, cohort=cohort, group_a=first, group_b=second,
            **{"label": "ReHo", "comparison": "patients_controls", "modality": "resting_fmri", "metric": "ReHo",
               "design": "two_sample", "space": "mni", "peaks_state": "peaks", **values},
        )  # fmt: skip
        Peak.objects.bulk_create(
            Peak(dataset=dataset, position=number, x=-38.0, y=12.0, z=float(number), sign=1, statistic=4.5,
                 statistic_kind="t", label="L insula")
            for number in range(1, peaks + 1)
        )  # fmt: skip
        return extraction

    return make


@pytest.fixture
def place(owner, project):
    return enter_project(owner, project.pk, FREEZE)
