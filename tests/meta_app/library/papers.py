"""Small PDFs written by hand: pages with lines of text, in Latin letters or in Chinese."""

import zlib


def make_pdf(*pages, chinese=False, packed=False):
    """A PDF with one list of lines for each page. `packed` puts the fonts into an object stream, as newer files do."""
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts ["
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo"
        b" << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 /FontDescriptor"
        b" << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
        b" /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>] >>"
        if chinese
        else b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    )
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Font << /F1 %s >> >>" % font,
    ]
    for number, lines in enumerate(pages):
        content = b"BT /F1 14 Tf 60 760 Td 22 TL " + b" ".join(map(_shown, lines)) + b" ET"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources 3 0 R /Contents %d 0 R >>"
            % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _packed_file(objects) if packed else _file(objects)


def make_scan():
    """A page that is nothing but a picture."""
    picture = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    content = b"q 400 0 0 500 60 200 cm /I Do Q"
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            picture + b" /Length 1 >>\nstream\n\x80\nendstream",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
            b" /Resources << /XObject << /I 3 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    )


def _shown(line):
    return b"<" + (line.encode("utf-16-be") if not line.isascii() else line.encode()).hex().encode() + b"> Tj T*"


def _file(objects, head=b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"):
    body, places = head, []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            size,
            table,
            size,
            len(body),
        )
    )


def _packed_file(objects):
    """The same with the font dictionary out of plain sight; only its inspection is tested, no reader opens it."""
    stream = zlib.compress(b"3 0 " + objects[2])
    packed = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (
        len(stream),
        stream,
    )
    return _file([packed if number == 2 else content for number, content in enumerate(objects)])
