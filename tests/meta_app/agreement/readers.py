"""Two readers of one study, who enter the same values but for what a test plants."""

import copy

from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group, Study
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.services import extraction_complete
from meta_app.extraction.study_checks import extraction_problems, warning_ticks

PEAKS = [
    {"label": "L insula", "x": "-38", "y": "12", "z": "-4", "statistic": "4.52", "kind": "t"},
    {"label": "R thalamus", "x": "12", "y": "-18", "z": "8", "statistic": "5.1", "kind": "t"},
    {"label": "R precentral gyrus", "x": "44", "y": "-8", "z": "48", "statistic": "-4.07", "kind": "t"},
    {"label": "L precuneus", "x": "-8", "y": "-58", "z": "44", "statistic": "-3.91", "kind": "t"},
]
TREE = {
    "study": {"design": "case_control", "diagnostic_criteria": "IASP criteria", "site": "Ward 3, Town"},
    "cohort": {"label": "PHN and HC"},
    "patients": {"kind": "patients", "n": 18, "n_female": 9, "age_mean": 60.92, "age_sd": 9.29},
    "controls": {"kind": "controls", "n": 20, "age_mean": 58.1, "age_sd": 8.8},
    "dataset": {
        "label": "ReHo", "comparison": "patients_controls", "modality": "resting_fmri", "metric": "ReHo",
        "design": "two_sample", "software": "spm", "space": "mni", "t_threshold": 3.4, "fwhm_mm": 6.0,
    },
    "peaks": PEAKS,
}  # fmt: skip


def tree(**planted):
    """The common tree, with the planted values in place of its own: tree(patients={"n": 19}, peaks=[...])."""
    made = copy.deepcopy(TREE)
    for part, values in planted.items():
        made[part] = values if isinstance(values, list) else made[part] | values
    return made


def new_study(project, label="Cao 2017", needed=2):
    return Study.objects.create(project=project, label=label, extractors_needed=needed)


def enter(study, author, position, said=None, sources=None):
    """A draft of `author` that holds the tree."""
    said = said or tree()
    form = ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)[0]
    extraction = Extraction.objects.create(
        study=study, position=position, author=author, form=form, values=said["study"], sources=sources or {}
    )
    cohort = Cohort.objects.create(extraction=extraction, **said["cohort"])
    first, second = (Group.objects.create(cohort=cohort, **said[part]) for part in ("patients", "controls"))
    dataset = Dataset.objects.create(
        extraction=extraction, cohort=cohort, group_a=first, group_b=second, **said["dataset"]
    )
    state = "peaks" if said["peaks"] else "no_peaks"
    peaks_save(dataset=dataset, version=1, peaks_state=state, rows=said["peaks"])
    return extraction


def lock(extraction):
    extraction.refresh_from_db()
    accepted = warning_ticks(extraction_problems(extraction))
    return extraction_complete(
        extraction=extraction, version=extraction.version, accepted=accepted, reason="as printed"
    )


def both_locked(project, reviewer, second_reviewer, a=None, b=None, label="Cao 2017"):
    """A study that both have locked, with the comparison that was made then."""
    study = new_study(project, label)
    one, other = enter(study, reviewer, "A", a), enter(study, second_reviewer, "B", b)
    lock(one)
    lock(other)
    return study.comparisons.get()
