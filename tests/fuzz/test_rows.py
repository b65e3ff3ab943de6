# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""From bytes to rows: mail that is odd in each way is stored as it was read."""

import json
import secrets

import pytest

from setup import template
from tests.fuzz import api_says
from tests.fuzz.seeds import PARTS, PLAIN
from tests.fuzz.test_fuzz import _made_up, found
from tests.sync.mirror import Mirror


@pytest.fixture(scope="module")
def writer(postgres, _odoo_configured):
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    from tests.fuzz.rows import Writer

    source = template.ensure(postgres, (template.ADDON,))
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    yield Writer(Mirror(Registry(dbname), {}))
    Registry.delete(dbname)
    close_db(dbname)
    template.drop(postgres, dbname)


EMOJI = "\U0001f600"
ODD = {
    "nothing": b"",
    "NUL everywhere": b"From: a\0@b.example\nSubject: \0x\0\nMessage-ID: <\0@\0>\n\n\0",
    "half a character": "Subject: \ud800\n\n\udfff".encode("utf-8", "surrogatepass"),
    "encoded halves": b"Subject: =?utf-7?q?+2D0-?= =?utf-16?b?2AA=?=\n\n\xed\xa0\x80",
    "encoded NUL": b"From: =?utf-8?q?A=00nn?= <a@b.example>\nSubject: \0\n\nx",
    "encoded halves in a name": b"From: =?utf-7?q?+2D0-?= <a@b.example>\n\nx",
    "year 0": b"Date: 1 Jan 0000 00:00:00 +0000\n\nx",
    "year 9999": b"Date: 31 Dec 9999 23:59:59 -2359\n\nx",
    "year 1": b"Date: 1 Jan 0001 00:00:00 +2359\n\nx",
    "long id": f"Message-ID: <{EMOJI * 990}@x>\n\nx".encode(),
    "long subject": b"Subject: " + EMOJI.encode() * 40_000 + b"\n\nx",
    "long word": b"Subject: x\n\n" + EMOJI.encode() * 200_000,
    "long names": b"To: "
    + b", ".join(b'"%s" <n%d@x.example>' % (b"\xc3\xa9" * 600, n) for n in range(50))
    + b"\n\nx",
    "2,000 files": PARTS.replace(
        b"--b--", b'--b\nContent-Type: a/\0b; name="\0\xf0\x9f"\n\n' * 2_000 + b"--b--"
    ),
    "turned": "Subject: \u202egpj.exe\n\n\u2066x".encode(),
    "a line of the header in a value": b"Subject: =?utf-8?q?a=0D=0ABcc:_x?=\n\nx",
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_mail_is_stored_beside_what_is_well(writer, kind):
    writer(b"\x00" + ODD[kind])


@pytest.mark.parametrize(
    "told",
    [
        {**api_says.MESSAGE, "internalDate": "9" * 18, "sizeEstimate": 10**30},
        {**api_says.MESSAGE, "payload": {"mimeType": "a/\0b", "filename": "\ud800\0"}},
        {
            **api_says.MESSAGE,
            "payload": {"headers": [{"name": "Subject", "value": "\0\ud800"}]},
        },
    ],
)
def test_what_gmail_may_say(writer, told):
    writer(b"\x02" + json.dumps(told).encode())


@pytest.mark.parametrize(
    "told",
    [
        {"subject": "\0\ud800\r\nBcc: x", "internetMessageId": "<\0@x>"},
        {
            "receivedDateTime": "9998-12-31T23:59:59Z",
            "sentDateTime": "0001-01-01T00:00:00",
        },
        {
            "attachments": [
                {"name": "\0\ud800" * 300, "contentType": "\0/\0", "size": 1e300}
            ]
        },
        {"body": {"contentType": "html", "content": "&#0;&#xD800;\0\ud800"}},
        {"from": {"emailAddress": {"name": "\0", "address": "a\0@b.example"}}},
    ],
)
def test_what_graph_may_say(writer, told):
    writer(b"\x03" + json.dumps({**api_says.ITEM, **told}).encode())


@pytest.mark.parametrize(
    "name",
    [
        b"../../etc/passwd",
        b"crm_mail_mirror",
        b"'; DROP TABLE res_users; --",
        b"NIL",
        b"a&AAA-b",
        b"&2D0-",
        b"&IC4-gpj.exe",
        b"%s%%(x)s",
        b"\xf0\x9f\x98",
        b".",
        b"~",
        b"&" + b"AOk" * 2_000 + b"-",
        b"x" * 3_000,
    ],
)
def test_folders_of_any_name_are_folders(writer, name):
    writer(b'\x04() "/" INBOX\n() "/" "%s"\n() "/" "%s/Sent"' % (name, name))


def test_what_was_found_stays_mended(writer):
    for path in found("rows"):
        writer(path.read_bytes())
    writer(b"\x00" + PLAIN)


def test_nothing_made_up_breaks_anything(writer, monkeypatch):
    from tests.fuzz import rows

    monkeypatch.setattr(rows, "_writer", lambda: writer)
    _made_up("rows", rows.stored)
