"""Writes of the list of studies: importing it, and who shall extract what."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from meta_app.audit.services import record
from meta_app.common.exceptions import UserError
from meta_app.extraction.list_selectors import ListLine
from meta_app.extraction.models import Study
from meta_app.library.models import Report
from meta_app.projects.permissions import Place


@transaction.atomic
def studies_import(*, place: Place, lines: Sequence[ListLine]) -> list[Study]:
    """Add a study with its report for each line, all or none; nobody's extraction is begun.

    Raises
    ------
    UserError
        A label was taken by somebody else since the list was looked at.
    """
    reports = Report.objects.bulk_create(
        [Report(project=place.project, **line.entry.report) for line in lines if _tells_of_report(line)]
    )
    try:
        with transaction.atomic():
            studies = Study.objects.bulk_create(
                [
                    Study(
                        project=place.project,
                        label=line.label,
                        year=line.entry.report["year"],
                        extractors_needed=place.project.extractors_needed,
                    )
                    for line in lines
                ]
            )
    except IntegrityError as error:
        raise UserError(
            "Nothing was imported: somebody added a study of the same label meanwhile. Look at the list again."
        ) from error
    told = [study for study, line in zip(studies, lines, strict=True) if _tells_of_report(line)]
    links = Study.reports.through
    links.objects.bulk_create(
        [links(study_id=study.pk, report_id=report.pk) for study, report in zip(told, reports, strict=True)]
    )
    record(
        project_id=place.project.pk,
        actor=place.membership.user,
        action="studies.imported",
        subject=f"{len(studies)} studies from a list",
        after={"labels": [study.label for study in studies]},
    )
    return studies


def _tells_of_report(line: ListLine) -> bool:
    report = line.entry.report
    return any(report[name] for name in ("authors", "title", "source", "doi", "reference"))
