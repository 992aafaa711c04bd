"""Loads the two demo projects once, through the services a person uses. The data and its sources: demo/README.md."""

import csv
import json
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from meta_app.accounts.models import User
from meta_app.extraction.checks import dataset_problems
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.services import cohort_create, dataset_create, extraction_complete, study_create
from meta_app.extraction.study_checks import extraction_problems, warning_ticks
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Project, Role
from meta_app.projects.permissions import MANAGE, Place, enter_project
from meta_app.projects.services import protocol_save

DEMO = Path(__file__).parent / "demo"
LOCK_NUMBER = 21_041_923
PEOPLE = {
    "demo-owner": ("Demo owner", Role.OWNER),
    "demo-reviewer": ("Demo reviewer", Role.REVIEWER),
    "demo-adjudicator": ("Demo adjudicator", Role.ADJUDICATOR),
    "demo-viewer": ("Demo viewer", Role.VIEWER),
}
PAIN_SOURCE = (
    "Coordinates and sample sizes of 21 pain studies as packaged with NiMARE (nidm_pain_dset.json; MIT licence; "
    "RRID:SCR_017398), made from the statistic maps of Maumet et al. 2016, doi:10.1038/sdata.2016.102, NeuroVault "
    "collection 1425. The set holds no statistic, no sign and no threshold. All peaks are entered as activations: 223 "
    "of the 267 are positive in a signed peak table of the same maps, the sign of the other 44 is an assumption."
)
PAIN_PROTOCOL = {
    "population": (
        "The participants of 21 pain studies, 9 to 32 in each. The source set (NiMARE's nidm_pain_dset.json, made from "
        "NeuroVault collection 1425) does not describe them further."
    ),
    "comparisons": ["activation by pain, one sample"],
    "modalities": ["task fMRI"],
}
PAIN_REPORT = {
    "authors": "Maumet C, Auer T, Bowring A, et al.",
    "title": "Sharing brain mapping statistical results with the neuroimaging data model",
    "year": 2016,
    "source": "Scientific Data",
    "doi": "10.1038/sdata.2016.102",
    "language": "English",
}
PHN_SOURCE = (
    "Table 1 of Na et al., a coordinate-based meta-analysis (SDM-PSI) of postherpetic neuralgia, PROSPERO "
    "CRD420251030103: groups, demographics and methods as printed. The peak coordinates of that review are not public; "
    "none are made up here."
)
Row = Mapping[str, str]


def demo_load() -> list[str]:
    """Make the demo people and the demo projects that are not there yet; answers the names of those made.

    Two processes that start at once take turns: the second finds everything made.
    """
    with transaction.atomic():
        _take_turns()
        owner = _people()
        makers = {"pain21": _make_pain21, "phn": _make_phn}
        missing = [key for key in makers if not Project.objects.filter(demo_key=key).exists()]
        made = [makers[key](owner).name for key in missing]
        _state_pain_question(owner)
    _publish_accounts()
    return made


def _take_turns() -> None:
    """SQLite's transactions are exclusive from their start here; PostgreSQL needs a lock that both ask for."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])


# People


def accounts_file() -> Path:
    return Path(settings.DATA_DIR) / "demo_accounts.json"


def _unpublished() -> Path:
    return accounts_file().with_suffix(".new")


def _people() -> User:
    """The demo people with the passwords of the accounts file; they are on disk before an account has them."""
    passwords = _stored_passwords()
    new = [name for name in PEOPLE if not User.objects.filter(username=name).exists()]
    for name in new:
        passwords.setdefault(name, secrets.token_urlsafe(12))
    if new:
        _write_private(_unpublished(), json.dumps(passwords, indent=1))
    for name in new:
        User.objects.create_user(name, password=passwords[name], full_name=PEOPLE[name][0])
    return User.objects.get(username="demo-owner")


def _stored_passwords() -> dict[str, str]:
    """Those of a finished load, or of one that was interrupted."""
    for path in (accounts_file(), _unpublished()):
        if path.exists():
            return dict(json.loads(path.read_text("utf-8")))
    return {}


def _write_private(path: Path, text: str) -> None:
    """Readable by the owner only, from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _publish_accounts() -> None:
    """The accounts file is there only when the accounts are."""
    if _unpublished().exists():
        _unpublished().replace(accounts_file())


def _make_project(owner: User, **values: Any) -> Place:
    project = Project.objects.create(is_demo=True, **values)
    users = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    Membership.objects.bulk_create(
        Membership(project=project, user=users[name], role=role) for name, (_full_name, role) in PEOPLE.items()
    )
    return enter_project(owner, project.pk, MANAGE)


def _rows(name: str) -> list[Row]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _by(rows: list[Row], column: str) -> dict[str, list[Row]]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[column]].append(row)
    return dict(grouped)


def _editing(extraction: Extraction) -> dict[str, Any]:
    """The extraction and the version it has now, as every write names them."""
    extraction.refresh_from_db()
    return {"extraction": extraction, "version": extraction.version}


# Pain: 21 studies


def _make_pain21(owner: User) -> Project:
    place = _make_project(
        owner,
        name="Pain: 21 studies",
        demo_key="pain21",
        question="Which regions does pain activate, over 21 studies?",
        source_note=PAIN_SOURCE,
    )
    report = Report.objects.create(project=place.project, **PAIN_REPORT)
    for label, rows in _by(_rows("pain21.csv"), "study").items():
        _enter_pain_study(place, report, label, rows)
    return place.project


def _state_pain_question(owner: User) -> None:
    """What the source set says as a protocol, also for a project that was loaded without one."""
    project = Project.objects.filter(demo_key="pain21", protocols=None).first()
    if project:
        protocol_save(project=project, author=owner, version=0, values={"question": project.question, **PAIN_PROTOCOL})


def _enter_pain_study(place: Place, report: Report, label: str, rows: list[Row]) -> None:
    extraction = study_create(place=place, label=label, year=None, report={})
    extraction.study.reports.add(report)
    people = {"kind": Group.Kind.SAMPLE, "label": "Participants", "n": int(rows[0]["n"])}
    cohort = cohort_create(**_editing(extraction), values={"label": "Participants"}, groups=[people])
    dataset = dataset_create(**_editing(extraction), values=_pain_dataset(cohort.groups.get()))
    _enter_peaks(dataset, rows)
    accepted = warning_ticks(extraction_problems(extraction))
    extraction_complete(**_editing(extraction), accepted=accepted, reason="As published in the source set.")


def _pain_dataset(group: Group) -> dict[str, Any]:
    return {
        "label": "Pain",
        "comparison": Dataset.Comparison.TASK,
        "modality": Dataset.Modality.TASK,
        "metric": "BOLD",
        "design": Dataset.Design.ONE_SAMPLE,
        "group_a": group,
        "space": Dataset.Space.MNI,
        "note": "The source set holds no statistic, sign or threshold; all peaks are entered as activations.",
    }


def _enter_peaks(dataset: Dataset, rows: list[Row]) -> None:
    """As published; rows that the checks ask about are confirmed with a note that says so."""
    cells = [{"x": row["x"], "y": row["y"], "z": row["z"], "kind": "none", "sign": "+"} for row in rows]
    state = Dataset.PeaksState.PEAKS
    dataset = peaks_save(dataset=dataset, version=dataset.version, peaks_state=state, rows=cells)
    asked = {problem.row for problem in dataset_problems(dataset) if problem.level == "confirm"}
    if asked:
        for number in asked:
            cells[number - 1] |= {"confirmed": "yes", "note": "As published in the source set"}
        peaks_save(dataset=dataset, version=dataset.version, peaks_state=state, rows=cells)


# Postherpetic neuralgia: the study rows of a published Table 1

SECOND_GROUPS = {
    "HC": (Group.Kind.CONTROLS, "Healthy controls", Dataset.Comparison.PATIENTS_CONTROLS),
    "HZ": (Group.Kind.OTHER_PATIENTS, "Herpes zoster", Dataset.Comparison.PATIENTS_OTHER_PATIENTS),
    "PHN_post": (Group.Kind.AFTER, "PHN after treatment", Dataset.Comparison.AFTER_BEFORE),
}


def _make_phn(owner: User) -> Project:
    place = _make_project(
        owner,
        name="Postherpetic neuralgia",
        demo_key="phn",
        question="Which functional and structural brain changes go with postherpetic neuralgia?",
        source_note=PHN_SOURCE,
        extractors_needed=2,
    )
    protocol = {"question": place.project.question, "registration": "PROSPERO CRD420251030103"}
    protocol_save(project=place.project, author=owner, version=0, values=protocol)
    papers = _by(_rows("phn.csv"), "reference_number")
    labels = _study_labels(papers)
    for number, rows in papers.items():
        alike = [labels[other] for other in papers if other != number and _same_patients(rows[0], papers[other][0])]
        _enter_paper(place, labels[number], rows, alike)
    return place.project


def _study_labels(papers: Mapping[str, list[Row]]) -> dict[str, str]:
    """First author and year, with a letter where a year has several."""
    plain = {number: f"{rows[0]['author'].removesuffix(' et al')} {rows[0]['year']}" for number, rows in papers.items()}
    several = {label for label, times in Counter(plain.values()).items() if times > 1}
    letters = {label: iter(ascii_lowercase) for label in several}
    return {number: label + next(letters[label]) if label in several else label for number, label in plain.items()}


def _same_patients(row: Row, other: Row) -> bool:
    return _group_values(row, "phn") == _group_values(other, "phn")


def _enter_paper(place: Place, label: str, rows: list[Row], alike: list[str]) -> None:
    extraction = study_create(place=place, label=label, year=int(rows[0]["year"]), report=_report_values(rows[0]))
    note = f"Table 1 prints the same numbers for the patients of {', '.join(alike)}." if alike else ""
    groups, scales = list(_distinct_groups(rows)), _scales(rows)
    cohort = cohort_create(
        **_editing(extraction),
        values={"label": "PHN and comparison groups", "note": note, "values": _treatment(rows)},
        groups=[values | _scales_of(values, scales) for values in groups],
    )
    find = _group_finder(cohort, groups)
    for row in rows:
        for metric in row["metrics"].split("+"):
            dataset_create(**_editing(extraction), values=_dataset_values(row, metric, find))


def _report_values(row: Row) -> dict[str, Any]:
    """The printed reference, and its parts as far as its full stops part it."""
    authors, title, source = row["reference"].split(". ", 2)
    return {
        "authors": authors,
        "title": title,
        "source": source.split(".")[0].split(";")[0],
        "year": int(row["year"]),
        "doi": row["doi"],
        "language": "Chinese" if "(in Chinese)" in row["reference"] else "English",
        "kind": Report.Kind.THESIS if "thesis]" in row["reference"] else Report.Kind.ARTICLE,
        "reference": row["reference"],
    }


def _group_values(row: Row, prefix: str) -> dict[str, Any]:
    def number(name: str, read: Callable[[str], Any] = float) -> Any:
        text = row[f"{prefix}_{name}"]
        return read(text) if text else None

    values = {"n": number("n", int), "n_female": number("women", int)}
    for name in ("age", "education", "duration"):
        values |= {f"{name}_mean": number(f"{name}_mean"), f"{name}_sd": number(f"{name}_sd")}
    stated = values["duration_mean"] is not None or values["duration_sd"] is not None
    return values | {"duration_unit": Group.DurationUnit.UNSTATED if stated else ""}


def _patients(row: Row) -> dict[str, Any]:
    return {"kind": Group.Kind.PATIENTS, "label": "PHN", **_group_values(row, "phn")}


def _second_group(row: Row) -> dict[str, Any]:
    kind, label, _comparison = SECOND_GROUPS[row["second_group"]]
    return {"kind": kind, "label": label, **_group_values(row, "second")}


def _distinct_groups(rows: list[Row]) -> Iterator[dict[str, Any]]:
    """Each group of a paper once, although several rows of the table repeat it."""
    seen: list[dict[str, Any]] = []
    for row in rows:
        for values in (_patients(row), _second_group(row)):
            if values not in seen:
                seen.append(values)
                yield values


def _group_finder(cohort: Cohort, groups: list[dict[str, Any]]) -> Callable[[dict[str, Any]], Group]:
    stored = list(cohort.groups.order_by("pk"))
    return lambda values: stored[groups.index(values)]


def _dataset_values(row: Row, metric: str, find: Callable[[dict[str, Any]], Group]) -> dict[str, Any]:
    patients, second = find(_patients(row)), find(_second_group(row))
    comparison = SECOND_GROUPS[row["second_group"]][2]
    paired = comparison == Dataset.Comparison.AFTER_BEFORE
    name = "After > before" if paired else f"PHN > {row['second_group']}"
    corrected = "uncorrected" not in row["threshold_type"]
    kinds = Dataset.ThresholdKind
    return {
        "label": f"{name}, {metric}",
        "comparison": comparison,
        "modality": Dataset.Modality.VBM if row["modality"] == "VBM" else Dataset.Modality.RESTING,
        "metric": metric,
        "design": Dataset.Design.ONE_SAMPLE if paired else Dataset.Design.TWO_SAMPLE,
        "group_a": second if paired else patients,
        "group_b": patients if paired else second,
        "software": Dataset.Software.SPM,
        "software_reported": row["software"],
        "fwhm_mm": float(row["fwhm_mm"]) if row["fwhm_mm"] else None,
        "threshold_kind": kinds.CORRECTED if corrected else kinds.UNCORRECTED,
        "threshold_reported": f"{row['threshold_type']}, {row['p_value']}",
        "values": _method_values(row),
    }


def _method_values(row: Row) -> dict[str, Any]:
    """What the form asks of the methods beside the columns of a dataset."""
    numbers = {"scan_time": row["scan_seconds"], "slice_thickness": row["slice_mm"]}
    return {key: float(text) for key, text in numbers.items() if text} | {"correction": row["threshold_type"]}


def _treatment(rows: list[Row]) -> dict[str, Any]:
    """The treatment of a paper and its duration, of which the table gives no unit."""
    values: dict[str, Any] = {}
    for row in rows:
        if row["treatment"]:
            values["treatment"] = row["treatment"]
        if row["treatment_duration"]:
            values["treatment_duration"] = {"value": float(row["treatment_duration"]), "unit": "unstated"}
    return values


def _scales_of(group: dict[str, Any], scales: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"values": {"scales": scales[group["kind"]]}} if group["kind"] in scales else {}


def _scales(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """The scales that a paper names, for the patients before and after: "VAS Baseline, VAS After Treatment"."""
    named = next((row["clinical_scales"] for row in rows if row["clinical_scales"]), "")
    parts = [text.partition(" ") for text in named.split(", ") if text]
    kinds = (Group.Kind.PATIENTS, Group.Kind.AFTER)
    nothing = dict.fromkeys(("mean", "sd", "lowest", "highest"))
    return {
        kind: [{"name": name, "when": when, **nothing}]
        for kind, (name, _blank, when) in zip(kinds, parts, strict=False)
    }
