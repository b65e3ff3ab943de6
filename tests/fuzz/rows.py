# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Target: from the bytes of a mail to its rows in PostgreSQL.

Whatever was read is written, by the code that writes pages, beside a mail that is well;
both have to be there, the text as it was read; then all is undone. Imported only where
Odoo can be.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.fuzz import api_says, apis, imap, judge
from tests.fuzz import seeds as mails

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLIENT = "client@fuzz.test"
#: Mails of the corpora to begin with: each takes as long as a hundred that are parsed.
SEEDS = 120


class _Undo(Exception):
    """Ends a transaction of which nothing is to stay."""


class Writer:
    """:param mirror: ``tests.sync.mirror.Mirror`` on a database of its own"""

    def __init__(self, mirror):
        from odoo.addons.crm_mail_mirror.engine import (
            envelope,
            headers,
            identity,
            mime,
            reader,
            reasons,
            rules,
            text,
        )
        from odoo.addons.crm_mail_mirror.engine.providers import (
            base,
            gmail_bodies,
            gmail_mail,
            imap_folders,
            imap_mail,
            imap_parse,
            microsoft_mail,
        )
        from odoo.addons.crm_mail_mirror.models.lease import Page

        # the engine as Odoo imports it: its classes are not those of ``engine``
        self.envelope, self.headers, self.identity = envelope, headers, identity
        self.mime, self.reader, self.reasons = mime, reader, reasons
        self.rules, self.text, self.base = rules, text, base
        self.gmail_bodies, self.gmail_mail = gmail_bodies, gmail_mail
        self.imap_folders, self.imap_mail = imap_folders, imap_mail
        self.imap_parse, self.microsoft_mail = imap_parse, microsoft_mail
        self.Page = Page
        self.mirror = mirror
        self.sources = (self._of_mail, self._of_imap, self._of_gmail, self._of_graph)
        mirror.contact(email=CLIENT)
        self.box = mirror.link()
        mirror.sql(
            "UPDATE crm_mail_mirror_mailbox SET next_sync_at = '2020-01-01' "
            "WHERE id = %s",
            self.box.id,
        )
        with mirror.env() as env:
            (run,) = env["crm.mail.mirror.sync"]._claim(1, [self.box.id])
        mirror.sql(
            "UPDATE crm_mail_mirror_mailbox SET lease_until = '2100-01-01' "
            "WHERE id = %s",
            self.box.id,
        )
        self.lease = run.lease
        self.good = self._judged(*self._of_mail(b"", mails.PLAIN), ref="1")

    # --- what was read ----------------------------------------------------------------

    def _place(self, ref="2"):
        return self.base.Place("INBOX", "1", ref)

    def _of_mail(self, chosen: bytes, raw: bytes):
        parts = tuple(leaf.part for leaf in self.mime.leaves(raw))
        envelope = self.headers.parse_envelope(raw)
        envelope = dataclasses.replace(envelope, parts=parts)
        presence = self.base.Presence(
            self._place(), envelope.date or NOON, len(raw), "", envelope
        )
        return presence, self.text.parse_body(raw)

    def _of_imap(self, chosen: bytes, data: bytes):
        """A line of FETCH, then the header and the text."""
        line, _mark, rest = data.partition(b"\n\x00")
        header, _mark, content = rest.partition(b"\n\x00")
        try:
            row = self.imap_parse.fetched([line])
        except (ValueError, TypeError, RecursionError):
            row = {}
        row[b"HEADER"] = header
        envelope = self.imap_mail.envelope_of(row)
        presence = self.base.Presence(
            self._place(),
            self.imap_mail._received(row, envelope),
            self.imap_parse.integer(row.get(b"RFC822.SIZE")),
            self.imap_mail._gmail_id(row.get(b"X-GM-MSGID")),
            envelope,
        )
        wanted = self.text.wanted_parts(envelope.parts)
        contents = {part.ref: content for part in wanted}
        return presence, self.text.body_of_parts(envelope.parts, contents)

    def _of_gmail(self, chosen: bytes, data: bytes):
        told = _json(data)
        place = self._place(str(told.get("id")))
        found = self.gmail_mail.read_presence(place, told)
        if not isinstance(found, self.base.Presence):
            return None
        return found, self.gmail_bodies._body(None, told, found.envelope)

    def _of_graph(self, chosen: bytes, data: bytes):
        told = _json(data)
        if not self.microsoft_mail.is_message(told):
            return None
        found = self.microsoft_mail.presence(told, self._place(), None, True)
        return found, self.microsoft_mail.body(told, found.envelope.parts)

    def _judged(self, presence, body, ref="2"):
        """Mirrored, whoever wrote it: the client is on it."""
        judge.presence(presence)
        judge.body(body)
        known = self.envelope.Address("Client", CLIENT)
        envelope = presence.envelope
        envelope = dataclasses.replace(envelope, authors=(known, *envelope.authors))
        presence = dataclasses.replace(
            presence, place=self._place(ref), envelope=envelope
        )
        item = self.reader.Judged(
            presence, self.identity.mail_key(presence), "inbox", body=body
        )
        item.external = frozenset({CLIENT})
        mirrored = self.reasons.Reason.CONTACT
        item.decision = self.rules.Decision(mirrored.state, mirrored, item.external)
        return item

    # --- what is written --------------------------------------------------------------

    def __call__(self, data: bytes) -> None:
        kind, rest = data[:1], data[1:]
        number = kind[0] % 5 if kind else 0
        if number == 4:
            self._folders(rest)
            return
        try:
            read = self.sources[number](kind, rest)
        except self.base.ProviderError:
            return
        if read is not None:
            self._written(self._judged(*read))

    def _written(self, bad) -> None:
        known_to = [copy.copy(self.good), bad]
        if bad.key == self.good.key:
            return

        def check(env):
            env.cr.execute(
                """SELECT l.ref, b.text, m.subject_raw, c.state
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_location l ON l.copy_id = c.id
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                     JOIN crm_mail_mirror_body b ON b.id = c.body_id
                    WHERE c.mailbox_id = %s ORDER BY l.ref""",
                [self.box.id],
            )
            rows = env.cr.fetchall()
            assert [row[0] for row in rows] == ["1", "2"], rows
            assert rows[1][1] == bad.body.text, "another text than was read"
            assert (rows[1][2] or "") == bad.envelope.subject
            if len(bad.body.text) % 4:
                return
            # and what its owner is shown of it, which takes longer
            owner = env(user=self.box.user_id)
            found = owner["crm.mail.mirror.message"].search([])
            for shown in found.read(["subject", "preview"]):
                for value in (shown["subject"], shown["preview"]):
                    judge.text(value or "", 10_000, lines=True)

        folders = (self.base.Folder("INBOX", "INBOX", "inbox"),)
        self._store(self.Page(known_to, self._batch(folders, {})), check)

    def _folders(self, data: bytes) -> None:
        """Names of folders, and a cursor, as a server chooses them."""
        records = data.split(b"\n")
        try:
            listed = self.imap_folders._listed(records, ())
        except (ValueError, TypeError, AttributeError):
            return
        folders = tuple(entry.folder for entry in listed)
        for folder in folders:
            judge.folder(folder)
        known = {folder.ref: {"uv": 1} for folder in folders}
        self._store(self.Page([], self._batch(folders, known)), lambda env: None)

    def _batch(self, folders, cursor):
        return self.base.ChangeBatch(
            {"v": 1, "kind": "imap", "folders": cursor},
            folders=folders,
            pass_complete=True,
        )

    def _store(self, page, check: Callable) -> None:
        lease = copy.copy(self.lease)
        lease.counted = set()
        with contextlib.suppress(_Undo), self.mirror.env() as env:
            env.cr.execute = functools.partial(env.cr.execute, log_exceptions=False)
            env["crm.mail.mirror.page"]._store(lease, page)
            check(env)
            raise _Undo


def _json(data: bytes) -> dict:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


@functools.lru_cache(maxsize=1)
def _writer() -> Writer:
    """On the database that ``run`` made, or whoever calls this."""
    from setup import odoo

    sys.path.insert(0, str(odoo.root()))
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(["-c", os.environ["FUZZ_ODOO"]], setup_logging=False)
    initialize_sys_path()
    from tests.sync.mirror import Mirror

    return Writer(Mirror(Registry(os.environ["FUZZ_DATABASE"]), {}))


def stored(data: bytes) -> None:
    _writer()(data)


def seeds() -> Iterator[bytes]:
    _writer()  # now, while what is imported is watched
    small = (seed for seed in mails.mails() if len(seed) < 4_000)
    for seed in itertools.islice(small, SEEDS):
        yield b"\x00" + seed
    for seed in imap.answers():
        line = seed.partition(b" BODY[")[0].rstrip(b")") + b")"
        yield b"\x01" + line + b"\n\x00" + mails.SIMPLE + b"\n\x00hello"
    payload = api_says.PAYLOAD
    for told in (
        api_says.MESSAGE,
        {**api_says.MESSAGE, "payload": {**payload, "parts": []}},
    ):
        yield b"\x02" + json.dumps(told).encode()
    yield b"\x03" + json.dumps(api_says.ITEM).encode()
    yield b'\x04(\\Sent) "/" "Sent &AOk-"\n(\\HasNoChildren) "/" INBOX\n() "/" a/b'


WORDS = mails.WORDS + imap.WORDS + apis.WORDS
