# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What hangs on the demo's mails? Small, valid files made on the spot."""

import struct
import zlib
from datetime import timedelta

TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "png": "image/png",
    "ics": "text/calendar",
}


def attachment(name):
    """:return: ``(content type, bytes)`` of a file with that name"""
    kind = name.rpartition(".")[2]
    made = {"pdf": pdf, "csv": csv, "png": png}[kind](name)
    return TYPES[kind], made


def pdf(name):
    """One page with the file's name on it (ISO 32000-1, section 7.5)."""
    shown = name.encode("latin-1", "replace").replace(b"(", b"").replace(b")", b"")
    page = b"BT /F1 18 Tf 72 760 Td (" + shown + b") Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def csv(name):
    seed = zlib.crc32(name.encode())
    rows = [
        f"{hour:02d}:00;{118 + seed % 9 + hour % 5};{1.2 + (seed + hour) % 7 / 10:.1f}"
        for hour in range(24)
    ]
    return "\r\n".join(["time;litres_per_hour;bar", *rows, ""]).encode()


def png(name, width=48, height=24):
    """A plain rectangle in a colour that depends on the name (RFC 2083)."""
    colour = zlib.crc32(name.encode()).to_bytes(4, "big")[:3]

    def chunk(kind, content):
        size, check = len(content), zlib.crc32(kind + content)
        return struct.pack(">I", size) + kind + content + struct.pack(">I", check)

    rows = (b"\0" + colour * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def invitation(organiser, guests, title, start, uid):
    """A calendar invitation of an hour (RFC 5546, METHOD:REQUEST)."""
    people = [
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest.email}"
        for guest in guests
    ]
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//Vallon Filtration//Demo//EN",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        f"ORGANIZER:mailto:{organiser.email}",
        *people,
        f"SUMMARY:{title}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)
