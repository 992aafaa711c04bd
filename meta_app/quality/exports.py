"""Item scores as a table for other programs: who scored what, with quote and page, and what was agreed."""

import csv
import io
import re
from collections.abc import Iterable

from meta_app.common.spreadsheets import formula_safe
from meta_app.quality.models import QualityScore
from meta_app.quality.selectors import items_of

Cell = str | float | None
COLUMNS = (
    "study", "score_of", "checklist", "item", "question", "points", "most_points", "quote", "page", "note",
    "agreed_from", "agreed_by", "agreed_as", "reason",
)  # fmt: skip
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def item_rows(scores: Iterable[QualityScore]) -> list[tuple[Cell, ...]]:
    """One row for each item of each score, in the order of the checklist; consensus rows say where they come from."""
    return [row for score in scores for row in _rows_of(score)]


def _rows_of(score: QualityScore) -> list[tuple[Cell, ...]]:
    given = {row.item: row for row in score.item_scores.all()}
    rows: list[tuple[Cell, ...]] = []
    for item in items_of(score.instrument):
        row = given.get(item.key)
        if row is None:
            continue
        origin = row.origin
        rows.append(
            (
                score.study.label, score.get_position_display(), str(score.instrument), item.key, item.wording.title,
                None if row.points is None else float(row.points), item.points, row.quote, row.page, row.note,
                origin.get("from", ""), origin.get("by", ""), origin.get("as", ""), origin.get("reason", ""),
            )
        )  # fmt: skip
    return rows


def as_csv(rows: Iterable[tuple[Cell, ...]]) -> bytes:
    """With a byte order mark, so that spreadsheets read Chinese text."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([formula_safe("" if cell is None else cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def as_xlsx(rows: Iterable[tuple[Cell, ...]]) -> bytes:
    """Numbers as numbers, text as text, whatever it begins with."""
    from openpyxl import Workbook  # large, and only this needs it
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("quality scores")
    sheet.freeze_panes = "B2"
    for row in (COLUMNS, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, CONTROL.sub(" ", value) if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
