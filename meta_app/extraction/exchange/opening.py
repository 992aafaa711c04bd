"""Opens what people upload: what it is by its content, its text, the files of a ZIP; nothing is unpacked to disk."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from meta_app.extraction.exchange.records import FileProblem, UnreadableError

LARGEST_FILE: Final = 20_000_000
LARGEST_UNPACKED: Final = 60_000_000
MOST_FILES: Final = 3000
MOST_LINES: Final = 500_000
LARGEST_RATIO: Final = 200
"""Times; texts of numbers pack to a tenth or so, and a bomb to a thousandth."""
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SPREADSHEET: Final = "xl/workbook.xml"


class Files(dict[str, bytes]):
    """Files by their name without folders. Of two that are equal one is here; of two that differ neither is."""

    def __init__(self, named: Iterable[tuple[str, bytes]]) -> None:
        found: dict[str, list[bytes]] = {}
        for name, content in named:
            if content not in found.setdefault(name, []):
                found[name].append(content)
        super().__init__({name: contents[0] for name, contents in found.items() if len(contents) == 1})
        self.twice = {name: contents for name, contents in found.items() if len(contents) > 1}


def problems_of(files: Mapping[str, bytes]) -> tuple[FileProblem, ...]:
    """One for each name that stood for several files, none of which was read."""
    return tuple(
        FileProblem(
            "error",
            name,
            f"is the name of {len(contents)} files that differ: none of them was read.",
            "Give each a name of its own, or leave out those that are not meant, and choose the files again.",
        )
        for name, contents in (files.twice.items() if isinstance(files, Files) else ())
    )


def kind_of_file(name: str, content: bytes) -> str:
    """ "zip", "xlsx", "json" or "text", by content; what is nothing of these is refused."""
    if not content.strip(b"\x00 \t\r\n"):
        raise UnreadableError(name, "is empty.", "Save it again from the program that made it.")
    if len(content) > LARGEST_FILE:
        raise UnreadableError(name, f"is larger than {LARGEST_FILE // 1_000_000} MB.", "Import it in parts.")
    if content[:4] == b"PK\x03\x04":
        return "xlsx" if _SPREADSHEET in _open(name, content).namelist() else "zip"
    if content[:4] in (b"\xd0\xcf\x11\xe0", b"%PDF") or content[:2] == b"\x1f\x8b":
        mend = "Save it as XLSX or CSV, or upload the SDM folder, Sleuth text or JSON."
        raise UnreadableError(name, "is an old Excel, a PDF or a packed file.", mend)
    text = text_of(name, content).lstrip()
    if text[:15].lower().startswith(("<!doctype html", "<html", "<?xml")):
        mend = "It may be a sign-in page that was saved in place of the file: download it again."
        raise UnreadableError(name, "is a web page, not a table.", mend)
    return "json" if text[:1] in ("{", "[") else "text"


def text_of(name: str, content: bytes) -> str:
    """By byte-order mark, else UTF-8, else GB18030 (Chinese), else Windows-1252."""
    encodings = [code for mark, code in _MARKS if content.startswith(mark)] or ["utf-8", "gb18030", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return _bounded(name, text)
    raise UnreadableError(name, "is no text that can be read.", "Save it as text in UTF-8, or as XLSX.")


def _bounded(name: str, text: str) -> str:
    lines = text.count("\n") + text.count("\r")
    if lines > MOST_LINES:
        raise UnreadableError(name, f"has {lines:,} lines; {MOST_LINES:,} are read.", "Import it in parts.")
    return text


def unpacked(name: str, content: bytes) -> Files:
    """The files of a ZIP by their name without folders; those that the system of a Mac adds are left out."""
    archive = _open(name, content)
    entries = [
        entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX")
    ]
    _refuse_bomb(name, entries)
    files = Files(_contents(name, archive, entries))
    if not files:
        raise UnreadableError(name, *_nothing_in(files))
    return files


def _nothing_in(files: Files) -> tuple[str, str]:
    if problem := next(iter(problems_of(files)), None):
        return f"holds nothing to read: {problem.file} {problem.message}", problem.mend
    return "holds no file.", "Put the files of the folder into the ZIP."


def _contents(name: str, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        short = entry.filename.replace("\\", "/").rpartition("/")[2]
        if short.startswith("."):
            continue
        try:
            yield short, archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
            mend = "Make the ZIP again, without a password, and upload it again."
            raise UnreadableError(name, f"is damaged at {short} ({error}).", mend) from error


def _open(name: str, content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        mend = "The upload or download may have been cut off: make the file again and upload it again."
        raise UnreadableError(name, "is a damaged ZIP or XLSX file.", mend) from error


def _refuse_bomb(name: str, entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > MOST_FILES or size > LARGEST_UNPACKED or size > LARGEST_RATIO * max(packed, 1000):
        message = f"would unpack to {size / 1e6:,.0f} MB in {len(entries):,} files."
        raise UnreadableError(name, message, f"Import at most {LARGEST_UNPACKED // 1_000_000} MB at a time.")


def packed(files: Mapping[str, bytes]) -> bytes:
    """A ZIP whose bytes depend on the files only."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files.items():
            entry = zipfile.ZipInfo(file, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return content.getvalue()
