"""What a file is, is told from its bytes: the cases of PDFs that people really upload."""

import zlib

import pytest

from meta_app.library.parsers import PROTECTED, SCANNED, pdf_notices

from .papers import make_pdf, make_scan

PAPER = make_pdf(["Cao 2017", "The left insula (-38, 12, -4) was higher."])


def test_an_ordinary_paper_is_taken_without_a_word():
    assert pdf_notices(PAPER) == []


def test_some_bytes_before_the_first_line_are_forgiven():
    assert pdf_notices(b"\r\n" * 20 + PAPER) == []


def test_fonts_inside_an_object_stream_are_found():
    packed = make_pdf(["Cao 2017"], packed=True)
    assert b"/Helvetica" not in packed
    assert pdf_notices(packed) == []


def test_a_scan_without_text_is_taken_with_a_notice():
    assert pdf_notices(make_scan()) == [SCANNED]


def test_a_protected_paper_is_taken_with_a_notice():
    assert pdf_notices(PAPER.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 9 0 R")) == [PROTECTED]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (PAPER[:400], "ends in the middle"),
        (b"<!DOCTYPE html><html>Sign in to read %PDF</html>", "web page"),
        (b"\xef\xbb\xbf\n<html lang='zh'>", "web page"),
        (b"CAJ\x00\x01\x00\x00", "CAJ file of CNKI"),
        (b"HN\x00\x00\xc8\x00", "CAJ file of CNKI"),
        (b"KDH 2.00", "CAJ file of CNKI"),
        (b"PK\x03\x04\x14\x00word/document.xml", "Word file or a zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office document"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"MZ\x90\x00\x03 This program cannot be run in DOS mode", "not a PDF"),
        (b"\x1f\x8b\x08\x00 a map of the authors, t.nii.gz", "not a PDF"),
        (b"#!/bin/sh\nrm -rf /", "not a PDF"),
    ],
)
def test_what_is_no_whole_pdf_is_refused_with_what_to_do(data, told):
    with pytest.raises(ValueError, match=told) as refused:
        pdf_notices(data)
    assert str(refused.value).count(".") >= 1


def test_a_thesis_of_three_hundred_pages_is_taken_whether_its_fonts_are_packed_or_not():
    pages = [["Cao 2017", f"Page {number}"] for number in range(300)]
    assert [pdf_notices(make_pdf(*pages, packed=packed)) for packed in (False, True)] == [[], []]


def test_a_file_of_nothing_but_beginnings_of_object_streams_is_looked_through_once():
    assert pdf_notices(b"%PDF-1.5\n" + b"/ObjStm " * 3_000_000 + b"%%EOF") == [SCANNED]


def test_object_streams_are_unpacked_up_to_a_bound(monkeypatch):
    monkeypatch.setattr("meta_app.library.parsers.LARGEST_OBJECT_STREAMS", 3_000_000)
    empty, fonts = zlib.compress(b" " * 5_000_000), zlib.compress(b"<< /Type /Font >>")
    streams = [b"<< /Type /ObjStm >>\nstream\n" + packed + b"\nendstream\n" for packed in (*[empty] * 5, fonts)]
    assert pdf_notices(b"%PDF-1.5\n" + b"".join(streams[3:]) + b"%%EOF") == []
    assert pdf_notices(b"%PDF-1.5\n" + b"".join(streams) + b"%%EOF") == [SCANNED]
