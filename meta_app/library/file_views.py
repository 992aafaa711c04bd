"""The page of a report, and its files, served to the members of the project."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from meta_app.library.selectors import file_path, get_file, get_report, report_files
from meta_app.projects.permissions import enter_project

CHUNK = 1 << 16
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
SAFE = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Content-Type": "application/pdf",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Whatever the bytes hold, the browser runs nothing of it: it is downloaded, or read by the pane."""


@require_safe
def report(request: HttpRequest, project_id: int, report_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    shown = get_report(place, report_id)
    context = {
        "report": shown,
        "report_files": report_files(place, [shown]),
        "withdrawn": shown.files.exclude(withdrawn_at=None),
    }
    return render(request, "library/report.html", context)


@require_safe
def report_file(request: HttpRequest, project_id: int, file_id: int) -> HttpResponseBase:
    file = get_file(enter_project(request.user, project_id), file_id)
    try:
        stored = file_path(file).open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    span = _span(request.headers.get("Range", ""), file.size)
    if span is None:
        answer: HttpResponseBase = FileResponse(stored, as_attachment=True, filename=file.name)
    elif span[0] > span[1]:
        stored.close()
        answer = HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    else:
        answer = _part(stored, *span, file.size)
    for name, value in SAFE.items():
        answer[name] = value
    return answer


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of the one range that is asked for; None for the whole, first > last where there is none."""
    asked = RANGE.fullmatch(header.strip())
    if asked is None or asked[1] == asked[2] == "":
        return None
    if not asked[1]:
        return max(size - int(asked[2]), 0), size - 1 if int(asked[2]) else -1
    first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
    return first, last


def _part(stored: BinaryIO, first: int, last: int, size: int) -> StreamingHttpResponse:
    headers = {"Content-Range": f"bytes {first}-{last}/{size}", "Content-Length": str(last - first + 1)}
    return StreamingHttpResponse(_read(stored, first, last), status=206, headers=headers)


def _read(stored: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    with stored:
        stored.seek(first)
        left = last - first + 1
        while left and (chunk := stored.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
