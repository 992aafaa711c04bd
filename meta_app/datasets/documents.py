"""A table as a Word document (Office Open XML), written with the standard library."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from meta_app.extraction.exchange.opening import packed

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = (
    f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/>'
    '<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.styles+xml"/></Types>'
)
_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_OWN_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
    "</Relationships>"
)
_STYLES = (
    f'{_HEAD}<w:styles {_W}><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" '
    'w:eastAsia="SimSun" w:cs="Arial"/><w:sz w:val="14"/></w:rPr></w:rPrDefault></w:docDefaults>'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:rPr><w:b/><w:sz w:val="20"/></w:rPr>'
    "</w:style></w:styles>"
)
_PAGE = (
    '<w:sectPr><w:pgSz w:w="23811" w:h="16838" w:orient="landscape"/>'
    '<w:pgMar w:top="720" w:right="720" w:bottom="720" w:left="720" w:header="360" w:footer="360" w:gutter="0"/>'
    "</w:sectPr>"
)
_BORDERS = "".join(
    f'<w:{side} w:val="single" w:sz="6" w:space="0" w:color="000000"/>' for side in ("top", "bottom")
)  # fmt: skip
_WIDTH = 22_300
"""Of the table, in twentieths of a point."""


def table_document(
    title: str,
    columns: Sequence[str],
    blocks: Iterable[tuple[str, Sequence[Sequence[str]]]],
    notes: Iterable[str],
) -> bytes:
    """A landscape A3 page: title, one table whose header repeats on every page, and paragraphs of notes below it."""
    rows = [_row(columns, header=True)]
    for name, lines in blocks:
        rows.append(_spanning(name, len(columns)))
        rows += [_row(line) for line in lines]
    grid = "".join(f'<w:gridCol w:w="{_WIDTH // len(columns)}"/>' for _column in columns)
    table = (
        f'<w:tbl><w:tblPr><w:tblW w:w="{_WIDTH}" w:type="dxa"/><w:tblBorders>{_BORDERS}</w:tblBorders></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )
    below = "".join(map(_paragraph, notes))
    body = f"{_paragraph(title, 'Title')}{table}{_paragraph('')}{below}{_PAGE}"
    files = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": f"{_HEAD}<w:document {_W}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": _STYLES,
        "word/_rels/document.xml.rels": _OWN_RELATIONS,
    }
    return packed({name: text.encode() for name, text in files.items()})


def _paragraph(text: str, style: str = "", bold: bool = False) -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:p>{look}<w:r>{weight}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _row(cells: Sequence[str], header: bool = False) -> str:
    """The header has a line below it and is repeated."""
    mark = "<w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" if header else "<w:trPr><w:cantSplit/></w:trPr>"
    line = '<w:tcBorders><w:bottom w:val="single" w:sz="6" w:space="0" w:color="000000"/></w:tcBorders>'
    look = f"<w:tcPr>{line}</w:tcPr>" if header else ""
    return f"<w:tr>{mark}{''.join(f'<w:tc>{look}{_paragraph(cell, bold=header)}</w:tc>' for cell in cells)}</w:tr>"


def _spanning(text: str, columns: int) -> str:
    return f'<w:tr><w:tc><w:tcPr><w:gridSpan w:val="{columns}"/></w:tcPr>{_paragraph(text, bold=True)}</w:tc></w:tr>'
