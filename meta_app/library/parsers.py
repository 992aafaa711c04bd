"""Whether bytes are a PDF that can be shown, told from the bytes and never from the name."""

import mmap
import re
import zlib
from collections.abc import Iterator
from typing import Final

Bytes = bytes | mmap.mmap

HEAD_BYTES: Final = 1024
"""Readers accept a PDF whose first line comes after some other bytes."""
TAIL_BYTES: Final = 65_536
MOST_OBJECT_STREAMS: Final = 2_000
LARGEST_OBJECT_STREAM: Final = 1_000_000
LARGEST_OBJECT_STREAMS: Final = 100_000_000
"""Bytes unpacked of all of them: a hostile file is not searched to its end."""
LONGEST_DICTIONARY: Final = 600

_NOT_A_PDF: Final = "This is not a PDF, whatever its name says: it does not begin as one. Choose the PDF of the paper."
_OTHERS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (
        re.compile(rb"CAJ|HN|KDH |TEB|\xc8"),
        "This is a CAJ file of CNKI, which no browser shows. Take the PDF on CNKI's page, or open it in CAJViewer and "
        "print it to PDF.",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|\?xml|script)", re.IGNORECASE),
        "This is a web page under the name of a PDF: the site probably asked you to sign in. Open the paper in your "
        "browser and download its PDF again.",
    ),
    (re.compile(rb"PK\x03\x04"), "This is a Word file or a zip archive. Save or print it as PDF first."),
    (re.compile(rb"\xd0\xcf\x11\xe0|\{\\rtf"), "This is an Office document. Save or print it as PDF first."),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|II\*\x00|MM\x00\*"), "This is a picture. Print it to PDF first."),
    (re.compile(rb"%!PS"), "This is PostScript. Convert it to PDF first."),
)
_ENCRYPTED: Final = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R|<<)")
_STREAM: Final = re.compile(rb"\bstream\r?\n")
PROTECTED: Final = "It is protected: if it asks for a password, upload a copy without one."
SCANNED: Final = "It seems to be a scan without text: nothing can be selected in it, so type quotes by hand."


def pdf_notices(data: Bytes) -> list[str]:
    """What a person should know about a PDF before reading it; empty for an ordinary one.

    Raises
    ------
    ValueError
        With the sentence why these bytes cannot be taken, and what to do.
    """
    if not len(data):
        raise ValueError("The file is empty: its download may have failed. Get it again.")
    head = data[:HEAD_BYTES]
    if b"%PDF-" not in head:
        raise ValueError(next((sentence for kind, sentence in _OTHERS if kind.match(head)), _NOT_A_PDF))
    if b"%%EOF" not in data[-TAIL_BYTES:]:
        raise ValueError("The file ends in the middle: its last part is missing. Download it again.")
    if _ENCRYPTED.search(data):
        return [PROTECTED]
    return [] if _has_fonts(data) else [SCANNED]


def _has_fonts(data: Bytes) -> bool:
    return data.find(b"/Font") >= 0 or any(b"/Font" in objects for objects in _object_streams(data))


def _object_streams(data: Bytes) -> Iterator[bytes]:
    """The packed objects of newer PDFs, which name the fonts."""
    at, left = 0, LARGEST_OBJECT_STREAMS
    for _number in range(MOST_OBJECT_STREAMS):
        at = data.find(b"/ObjStm", at) + 1
        if not at or left <= 0:
            return
        begins = _STREAM.search(data, at, at + LONGEST_DICTIONARY)
        if begins is None:
            continue
        packed = data[begins.end() : begins.end() + LARGEST_OBJECT_STREAM]
        try:
            objects = zlib.decompressobj().decompress(packed, LARGEST_OBJECT_STREAM)
        except zlib.error:
            continue
        left -= len(objects)
        yield objects
