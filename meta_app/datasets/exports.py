"""A frozen version as files for people and other programs, all made of its content alone.

Text that a spreadsheet would run as a formula is stored as text: in XLSX by its cell type, in CSV by a leading
apostrophe. A leading minus is data in numbers and stays. What a format has no place for travels in a companion, so that
an import of each file gives the same content and hash.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meta_app.common.domain import canonical_json
from meta_app.common.spreadsheets import formula_safe
from meta_app.datasets.characteristics import COLUMNS, characteristics
from meta_app.datasets.documents import table_document
from meta_app.datasets.domain import FORMAT, DatasetRow, Snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.extraction.checks import t_of_statistic
from meta_app.extraction.exchange import nimads, sdm, sleuth, tables
from meta_app.extraction.exchange.opening import packed
from meta_app.extraction.exchange.plain import COMPANION
from meta_app.extraction.exchange.records import Item, shaped
from meta_app.extraction.exchange.tables import Cell, Table
from meta_app.extraction.models import Dataset, Group

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ZIP, JSON, CSV = "application/zip", "application/json", "text/csv; charset=utf-8"
LOST_DF = {"one_sample": 1, "two_sample": 2, "correlation": 2}
WORDS = {
    key: str(label)
    for choices in (Dataset.Comparison, Dataset.Modality, Dataset.Software, Group.Kind)
    for key, label in choices.choices
}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
GROUP_COLUMNS = ("kind", "n", "n_female", "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean",
                 "duration_sd", "duration_unit")  # fmt: skip
PEAK_COLUMNS = ("x", "y", "z", "statistic_kind", "statistic", "sign", "x_reported", "y_reported", "z_reported",
                "cluster_size", "cluster_unit", "label", "hemisphere", "brodmann", "sub_peak", "p_kind", "page",
                "note")  # fmt: skip
METHOD_COLUMNS = ("comparison", "modality", "metric", "design", "software", "software_reported", "fwhm_mm", "space",
                  "threshold_kind", "threshold_reported", "t_threshold", "peaks_state")  # fmt: skip


@dataclass(frozen=True)
class Download:
    """A file that a version is offered as."""

    name: str
    title: str
    about: str
    media_type: str
    made: Callable[[AgreedDataset], bytes]


def dataset_table(snapshot: Snapshot) -> Table:
    """One row for each dataset: study, methods, groups."""
    columns = (
        "dataset", "study", "year", "cohort", *METHOD_COLUMNS, "peaks",
        *(f"a_{name}" for name in GROUP_COLUMNS), *(f"b_{name}" for name in GROUP_COLUMNS),
    )  # fmt: skip
    return Table("studies", columns, tuple(map(_dataset_cells, snapshot.datasets)))


def _dataset_cells(row: DatasetRow) -> tuple[Cell, ...]:
    methods = [getattr(row, name) for name in METHOD_COLUMNS]
    groups = [getattr(group, name, None) for group in (row.group_a, row.group_b) for name in GROUP_COLUMNS]
    return (row.key, row.study, row.year, row.cohort, *methods, len(row.peaks), *groups)


def peak_table(snapshot: Snapshot) -> Table:
    """One row for each peak; x, y, z in MNI mm."""
    rows = tuple(
        (row.key, row.study, *(getattr(peak, name) for name in PEAK_COLUMNS))
        for row in snapshot.datasets
        for peak in row.peaks
    )
    return Table("peaks", ("dataset", "study", *PEAK_COLUMNS), rows)


def as_csv(table: Table) -> str:
    """With a byte-order mark, so that spreadsheets read Chinese text."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([formula_safe(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def without_control(text: str) -> str:
    """Control characters, as a paste from a PDF may hold, cannot stand in a workbook; a blank takes their place."""
    return CONTROL.sub(" ", text)


def as_xlsx(tables: Sequence[Table]) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table.name)
        sheet.freeze_panes = "B2"
        for row in (table.columns, *table.rows):
            sheet.append(list(_typed(sheet, row)))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _typed(sheet: object, row: Iterable[Cell]) -> Iterable[Any]:
    from openpyxl.cell import WriteOnlyCell

    for value in row:
        if isinstance(value, str):
            cell = WriteOnlyCell(sheet, value=without_control(value))
            cell.data_type = "s"
            yield cell
        else:
            yield value


def content_of(agreed: AgreedDataset) -> Item:
    """The content in today's shape, whichever format it was frozen in."""
    parsed = json.loads(agreed.content)
    if parsed["format"] == FORMAT:
        return dict(parsed)
    reading = shaped("", "json", parsed["reports"], parsed["studies"])
    return {"format": FORMAT, "reports": list(reading.reports.values()), "studies": list(reading.studies)}


def t_of_peak(peak: Item, design: str, n1: int | None, n2: int | None) -> float | None:
    """The t of a frozen peak in its design."""
    two = design == Dataset.Design.TWO_SAMPLE
    known = n1 is not None and (n2 is not None or not two)
    df = (n1 or 0) + (n2 or 0 if two else 0) - LOST_DF[design] if known else None
    return t_of_statistic(peak["statistic_kind"], peak["statistic"], peak["sign"], df)


def _companion(agreed: AgreedDataset) -> dict[str, bytes]:
    return {COMPANION: canonical_json(content_of(agreed)).encode()}


def _source(agreed: AgreedDataset) -> Table:
    snapshot = agreed.snapshot
    rows = (
        ("project", snapshot.project),
        ("version", agreed.version),
        ("sha256", agreed.sha256),
        ("source", snapshot.source_note),
        *((f"number of {unit}", number) for unit, number in agreed.counts.items()),
    )
    return Table("source", ("what", "value"), rows)


def _readme(agreed: AgreedDataset, *more: str) -> dict[str, bytes]:
    snapshot = agreed.snapshot
    lines = [
        f"{snapshot.project}: agreed dataset, version {agreed.version}",
        f"SHA-256 of its content: {agreed.sha256}",
        snapshot.source_note,
        *more,
    ]
    return {"README.txt": ("\r\n".join(line for line in lines if line) + "\r\n").encode("utf-8-sig")}


SDM_NOTE = (
    "sdm_table.txt has a row for each dataset: t_thr is its t threshold, age and education those of the first group in "
    "years. Coordinates are MNI mm; z, p, r and F are given as t; p or n stands for a sign alone. names.csv says which "
    f"study a name is. {COMPANION} holds what the format has no place for; SDM-PSI does not read it."
)
SLEUTH_NOTE = (
    "sleuth.txt holds every experiment, higher.txt and lower.txt the coordinates where the first group is higher or "
    "lower. MNI mm. Subjects is the number of the smaller group. Datasets without peaks have no experiment. "
    f"{COMPANION} holds what the format has no place for; GingerALE does not read it."
)


def as_sdm(agreed: AgreedDataset) -> bytes:
    files = sdm.write(content_of(agreed)["studies"], t_of_peak)
    return packed({**files, **_companion(agreed), **_readme(agreed, SDM_NOTE)})


def as_sleuth(agreed: AgreedDataset) -> bytes:
    files = sleuth.write(content_of(agreed)["studies"])
    return packed({**files, **_companion(agreed), **_readme(agreed, SLEUTH_NOTE)})


def as_nimads(agreed: AgreedDataset) -> bytes:
    studyset, annotation = nimads.write(agreed.snapshot.project, agreed.sha256, content_of(agreed))
    texts = {nimads.STUDYSET: studyset, nimads.ANNOTATION: annotation}
    return packed({name: json.dumps(item, ensure_ascii=False, indent=1).encode() for name, item in texts.items()})


def as_csv_tables(agreed: AgreedDataset) -> bytes:
    made = tables.write(content_of(agreed))
    return packed({**{f"{table.name}.csv": tables.as_csv(table) for table in made}, **_readme(agreed)})


def as_workbook(agreed: AgreedDataset) -> bytes:
    return as_xlsx([*tables.write(content_of(agreed)), _source(agreed)])


def characteristics_docx(agreed: AgreedDataset) -> bytes:
    table = characteristics(agreed.snapshot, WORDS)
    title = (
        f"Characteristics of the included studies. {agreed.snapshot.project}, agreed dataset version {agreed.version}"
    )
    blocks = [(block.title, block.rows) for block in table.blocks]
    return table_document(title, COLUMNS, blocks, [*table.notes, "", "References", *table.references])


def characteristics_xlsx(agreed: AgreedDataset) -> bytes:
    table = characteristics(agreed.snapshot, WORDS)
    rows: list[tuple[Cell, ...]] = []
    for block in table.blocks:
        rows += [(block.title,), *block.rows]
    rows += [(), *((note,) for note in table.notes), (), ("References",), *((line,) for line in table.references)]
    return as_xlsx([Table("characteristics", COLUMNS, tuple(rows))])


DOWNLOADS = {
    download.name: download
    for download in (
        Download(
            "agreed-dataset.json", "Frozen JSON", "The frozen text; its SHA-256 is the version's", JSON,
            lambda agreed: agreed.content.encode(),
        ),
        Download(
            "agreement.json", "Agreement JSON", "Revisions, and where each value of a consensus came from", JSON,
            lambda agreed: (agreed.agreement or "{}").encode(),
        ),
        Download("agreed-dataset.xlsx", "XLSX", "Reports, studies, groups, datasets, peaks", XLSX, as_workbook),
        Download("tables.zip", "CSV tables", "The same tables as CSV files in a ZIP", ZIP, as_csv_tables),
        Download("sdm.zip", "SDM-PSI folder", "sdm_table.txt and a file of peaks for each dataset", ZIP, as_sdm),
        Download("sleuth.zip", "Sleuth text", "For GingerALE: all, higher, lower", ZIP, as_sleuth),
        Download("nimads.zip", "NiMADS JSON", "Studyset and annotation, for NiMARE and NeuroStore", ZIP, as_nimads),
        Download(
            "characteristics.docx", "Characteristics, Word", "Table of the included studies with references", DOCX,
            characteristics_docx,
        ),
        Download(
            "characteristics.xlsx", "Characteristics, XLSX", "The same table as a workbook", XLSX, characteristics_xlsx
        ),
        Download(
            "studies.csv", "Studies as one CSV", "One row for each dataset", CSV,
            lambda agreed: as_csv(dataset_table(agreed.snapshot)).encode(),
        ),
        Download(
            "peaks.csv", "Peaks as one CSV", "One row for each peak", CSV,
            lambda agreed: as_csv(peak_table(agreed.snapshot)).encode(),
        ),
    )
}  # fmt: skip
