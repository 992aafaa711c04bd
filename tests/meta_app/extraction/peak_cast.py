"""A dataset of 15 patients and 15 controls, as the tests of the grid need it, and the addresses of pages."""

from django.urls import reverse

from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group, Study


def make_dataset(project, author, **values):
    form, _new = ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)
    study = Study.objects.create(project=project, label=values.pop("study", "Cao 2017"))
    extraction = Extraction.objects.create(study=study, position="A", author=author, form=form)
    cohort = Cohort.objects.create(extraction=extraction, label="PHN and HC")
    patients, controls = (
        Group.objects.create(cohort=cohort, kind=kind, n=values.pop(n, 15))
        for kind, n in (("patients", "n_patients"), ("controls", "n_controls"))
    )
    fields = {
        "label": "ReHo",
        "comparison": "patients_controls",
        "modality": "resting_fmri",
        "metric": "ReHo",
        "design": "two_sample",
        "software": "spm",
        "space": "mni",
        "t_threshold": 3.4,
        "peaks_state": "peaks",
    }
    return Dataset.objects.create(
        extraction=extraction, cohort=cohort, group_a=patients, group_b=controls, **(fields | values)
    )


def insula(**cells):
    return {"label": "L insula", "x": "-38", "y": "12", "z": "-4", "statistic": "4.52", "kind": "t"} | cells


def page(name, project, *more):
    return reverse(f"extraction:{name}", args=[project.pk, *more])
