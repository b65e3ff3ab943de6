# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is fuzzing begun with? The corpora beside the project, if there, and own mail.

Own mail is small and made up: each shape that a parser has a branch for, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "mail"

SIMPLE = (
    b"From: =?utf-8?q?Ann_D=C3=B6?= <ann@b.example>\r\nTo: Team: x@y.example, "
    b'"Doe, J." <j@y.example>;\r\nSubject: =?iso-8859-1?b?Y2Fm6Q==?=\r\n'
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600 (CST)\r\nMessage-ID: <1@b.example>\r\n"
    b"References: <0@b.example> <00@b.example>\r\nIn-Reply-To: <0@b.example>\r\n"
    b"List-Id: News <n.b.example>\r\nList-Unsubscribe: <mailto:u@b.example?subject=x>\r"
    b"\nAuto-Submitted: auto-replied (vacation)\r\nSensitivity: Private\r\n"
)
PLAIN = (
    SIMPLE + b"\r\nGladly.\r\n\r\nOn 3 May 2024, Ann <a@x.example> wrote:\r\n> Yes?\r\n"
)
PARTS = (
    SIMPLE + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    b"--c\r\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 =\r\nau lait \r\nx\r\n"
    b"--c\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
    b"PGI+aGk8L2I+\r\n--c--\r\n"
    b"--b\r\nContent-Type: application/pdf; name*0*=utf-8''a%20b; name*1=.pdf\r\n"
    b'Content-Disposition: attachment; filename="=?utf-8?q?=C3=A9.pdf?="\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nin\r\n--b--\r\n"
)
MARKUP = (
    b"<html><head><meta charset=utf-8><style>p{}</style><title>t</title></head><body>"
    b"<!-- c --><p>Dear <b>Ann</b>,<br>see <a href='https://x.example'>offer</a></p>"
    b"<table><tr><td>1</td><td>2</td></tr></table><ul><li>a<li>b</ul><pre>x  y</pre>"
    b"<div style='display:none'>no</div><blockquote><p>old&nbsp;&amp;&#128512;"
    b"</blockquote></body></html>"
)
FIELDS = (
    *(b"Ann <ann@b.example>, (c) b@c.example", b"=?utf-8?b?w6k=?= =?utf-8?q?=41?="),
    *(b"<1@x> <2@y>", b"Fri, 21 Nov 97 09:55:06 GMT", b"2026-11-01T10:00:00+01:00"),
    *(b'text/plain; charset="utf-8"; name*0*=a\'\'%41; name*1="\\"b"',),
    *(
        b"0000-00-00T00:00:00Z",
        b"31 Dec 9999 23:59:59 -2359",
        b"1 Jan 0001 00:00 +1400",
    ),
)
TEXTS = (
    b"Dr. Ann M\xc3\xbcller-L\xc3\xbc (Acme) via News\nann@xn--mller-kva.example",
    b"'DOE, John'\nj\xd0\xbeohn@acme.example",
    b"\xe2\x80\xaegpj.exe\nperso: r\xc3\xa9union",
)


def own() -> Iterator[bytes]:
    yield from (b"", PLAIN, PLAIN.replace(b"\r\n", b"\n"), PARTS)
    yield SIMPLE + b"Content-Type: text/html\r\n\r\n" + MARKUP
    for size in (3, 9, 23):
        yield b"\xff" + bytes([size]) + PARTS[-400:]


def mails() -> Iterator[bytes]:
    yield from own()
    for path in _files("mail", 20_000):
        yield path.read_bytes()


def fields() -> Iterator[bytes]:
    for number in range(5):
        for value in FIELDS:
            yield bytes([number]) + value
            yield bytes([number, 0xFF, 5]) + value
    for path in _files("addresses", 10**7):
        for line in path.read_bytes().splitlines()[:300]:
            yield b"\x00" + line[:500]


def markup() -> Iterator[bytes]:
    for number in range(3):
        yield bytes([number]) + MARKUP
        yield bytes([number, 0xFF, 9]) + MARKUP[40:900]
    for path in _files("html", 20_000):
        if path.suffix == ".html":
            yield b"\x01" + path.read_bytes()


def plain() -> Iterator[bytes]:
    for number in range(15):
        for encoding in range(4):
            yield bytes([number, encoding]) + PLAIN
            yield bytes([number, encoding, 0xFF, 7]) + PLAIN[-90:]
    for path in _files("replies", 10_000):
        yield b"\x01\x00" + path.read_bytes()


def people() -> Iterator[bytes]:
    yield from TEXTS
    for text in TEXTS:
        yield b"\xff\x06" + text


def _files(folder: str, most: int) -> list[Path]:
    """Small ones first, so that the slow ones do not take all of the time."""
    found = [p for p in (SHARED / folder).rglob("*") if p.is_file()]
    sized = sorted((p.stat().st_size, p) for p in found)
    return [path for size, path in sized if 0 < size <= most]


WORDS = (
    *(b"\r\n", b"\n\n", b"\r", b"\x00", b"\xff\x03", b"\xff\x00", b": ", b";", b'"'),
    *(b"From: ", b"To: ", b"Cc: ", b"Subject: ", b"Date: ", b"Message-ID: <", b">"),
    *(b"References: ", b"Content-Type: ", b"multipart/mixed; boundary=b", b"--b\r\n"),
    *(b"--b--", b"message/rfc822", b"multipart/digest; boundary=b", b"text/html"),
    *(b"Content-Transfer-Encoding: base64", b"quoted-printable", b"x-uuencode"),
    *(b"Content-Disposition: attachment; filename*0*=utf-8''%00", b"charset=utf-7"),
    *(b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=?=", b"=00", b"=ED=A0=80", b"+2D0-"),
    *(b"charset=iso-2022-jp", b"\x1b$B", b"\x1b(B", b"format=flowed; delsp=yes"),
    *(b"<!--", b"-->", b"<title>", b"<blockquote>", b"<table>", b"<td>", b"</p>"),
    *(b"&#0;", b"&#xD800;", b"&#x110000;", b"&nbsp;", b"<pre>", b"<li>", b"<a href="),
    *(b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
    *(b"\xef\xbf\xbf", b"\xc2\x85", b"> ", b"wrote:\n", b"-----Original Message-----"),
    *(b"On 3 May 2024, Ann <a@x.example> wrote:", b"From: a\nSent: b\nSubject: c\n"),
    *(b"-- \n", b"@", b"<>", b"(", b")", b"\\", b"9999", b"0000", b"-2359", b"(((("),
    *(b"xn--", b"mailto:", b"?subject=", b"@@", b"''", b"%00", b"*0*=", b"*999="),
)
