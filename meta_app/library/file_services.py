"""Writes of the files of reports. Bytes go to disk first, then the row that names them: no row is without its bytes."""

import errno
import hashlib
import mmap
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from meta_app.audit.services import record
from meta_app.common.exceptions import DISK_FULL, FREE_SPACE, NotSaved, UserError
from meta_app.library.models import Report, ReportFile
from meta_app.library.parsers import pdf_notices
from meta_app.library.selectors import stored_path
from meta_app.projects.permissions import Place

CHUNK = 1 << 20
LONGEST_NAME = 200
LONGEST_REASON = 500


class Stream(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def file_add(*, place: Place, report: Report, name: str, stream: Stream, announced: int) -> tuple[ReportFile, bool]:
    """Take a PDF from a stream onto the disk and give it to a report; answers whether the report has it only now.

    Parameters
    ----------
    announced : int
        Bytes that the sender promised.

    Raises
    ------
    UserError
        It is too large, arrived incompletely, or is no PDF that can be shown.
    NotSaved
        The disk is full.
    """
    _refuse_size(announced)
    with _incoming() as part:
        sha256, size = _received(stream, part)
        if size < announced:
            raise UserError("Only a part of the file arrived, so nothing was kept. Send it again.")
        notices = _inspected(part, size)
        if there := _there(report, sha256):
            return there, False
        target = stored_path(sha256)
        with _disk_full_told():
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    notices += _elsewhere(report, sha256)
    values = {"name": _plain_name(name), "sha256": sha256, "size": size, "notice": " ".join(notices)}
    try:
        return _file_create(place=place, report=report, **values), True
    except IntegrityError:  # the other reviewer sent the same file at the same moment
        there = _there(report, sha256)
        if there is None:
            raise
        return there, False


@transaction.atomic
def _file_create(*, place: Place, report: Report, **values: str | int) -> ReportFile:
    file = ReportFile.objects.create(report=report, uploaded_by=place.membership.user, **values)
    record(
        project_id=place.project.pk, actor=place.membership.user, action="file.uploaded", subject=_subject(file),
        after={"file": file.pk, "sha256": file.sha256, "bytes": file.size},
    )  # fmt: skip
    return file


@transaction.atomic
def file_withdraw(*, place: Place, file: ReportFile, reason: str) -> None:
    """Take a file out of the lists; its bytes and the quotes that point to it stay."""
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise UserError(f"Nothing was withdrawn: say why, in up to {LONGEST_REASON} characters.", {"reason": "missing"})
    now = timezone.now()
    taken = ReportFile.objects.filter(pk=file.pk, withdrawn_at=None).update(
        withdrawn_at=now, withdrawn_reason=reason, updated_at=now
    )
    if not taken:
        raise UserError("This file was withdrawn before. Reload the page.")
    record(
        project_id=place.project.pk, actor=place.membership.user, action="file.withdrawn", subject=_subject(file),
        before={"file": file.pk, "sha256": file.sha256}, reason=reason,
    )  # fmt: skip


def _subject(file: ReportFile) -> str:
    return f"{str(file.report)[:120]}: {file.name}"


def _refuse_size(size: int) -> None:
    limit = settings.FILE_LIMIT_MB
    if size > limit * 1_000_000:
        raise UserError(
            f"This file has {size / 1_000_000:.0f} MB; up to {limit} MB are taken. Save it smaller (for example print "
            "it to PDF at 150 dpi), or upload the supplement as a file of its own."
        )


@contextmanager
def _incoming() -> Iterator[Path]:
    """A place for bytes that nobody has looked at yet, on the same disk as the files; left empty in any case."""
    part = Path(settings.FILES_DIR) / "incoming" / f"{uuid.uuid4().hex}.part"
    with _disk_full_told():
        part.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _received(stream: Stream, part: Path) -> tuple[str, int]:
    """Copy the stream to disk; answers its SHA-256 and its bytes."""
    digest, size = hashlib.sha256(), 0
    with _disk_full_told(), part.open("xb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            _refuse_size(size)
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


@contextmanager
def _disk_full_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NotSaved("disk_full", DISK_FULL, FREE_SPACE) from error


def _inspected(part: Path, size: int) -> list[str]:
    try:
        if not size:
            return pdf_notices(b"")
        with part.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return pdf_notices(data)
    except ValueError as error:
        raise UserError(str(error)) from error


def _there(report: Report, sha256: str) -> ReportFile | None:
    return ReportFile.objects.filter(report=report, sha256=sha256, withdrawn_at=None).first()


def _elsewhere(report: Report, sha256: str) -> list[str]:
    others = ReportFile.objects.filter(report__project=report.project_id, sha256=sha256, withdrawn_at=None)
    other = others.exclude(report=report).select_related("report").first()
    return [f"The same file is also with “{str(other.report)[:120]}”: is it the right paper?"] if other else []


def _plain_name(name: str) -> str:
    """The last part of a path, without characters that no file name should hold."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(sign for sign in last if sign.isprintable()).strip()
    return kept[-LONGEST_NAME:] or "paper.pdf"
