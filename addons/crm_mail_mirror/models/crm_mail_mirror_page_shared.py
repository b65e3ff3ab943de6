# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the rows written that mailboxes share: a mail, its texts, who is on it?

In the order of their keys, so that workers which import the same mail at once wait for
each other and never deadlock.
"""

import json
from datetime import datetime, timedelta

from odoo import models
from odoo.tools import SQL

from ..engine import identity
from .found_words import distinct
from .lease import Lease, naive


class CrmMailMirrorPageShared(models.AbstractModel):
    _name = "crm.mail.mirror.page.shared"
    _description = "Writer of What Mailboxes Share"

    def _keep_texts(self, lease: Lease, mails):
        """Messages and texts of mail that is mirrored; fills in their ids."""
        mirrored = [(item, v) for item, v in mails if v["state"] == "mirrored"]
        if not mirrored:
            return
        messages = {}
        for item, values in mirrored:
            values["date"] = self._date(item, values)
            messages.setdefault(values["identity"], self._message_row(item, values))
        ids = self._insert_messages(messages)
        bodies = {}
        for item, values in mirrored:
            message, date, is_new = ids[values["identity"]]
            # the mail's own, where the first mailbox that had it took another for it
            values |= {"message_id": message, "date": date, "is_new": is_new}
            # the names of the files are content: equal texts alone share nothing
            digest = values["body_digest"] = identity.body_digest(
                "\0".join((item.body.text, _files(item.body) or ""))
            )
            bodies.setdefault((message, digest), item.body)
        body_ids = self._insert_bodies(bodies)
        for _item, values in mirrored:
            values["body_id"] = body_ids[values["message_id"], values["body_digest"]]

    def _date(self, item, values):
        """When it was written; when it came, if the mail tells no possible time."""
        date, received = item.envelope.date, values["received_at"]
        date = naive(date) if date else received
        if not datetime(1980, 1, 1) <= date <= received + timedelta(days=1):
            return received
        return date

    def _message_row(self, item, values):
        envelope = item.envelope
        return (
            values["identity"],
            identity.same_key(envelope) or None,
            identity.thread_key(envelope) or None,
            envelope.message_id or None,
            envelope.subject[:2000],
            values["date"],
        )

    def _insert_messages(self, messages):
        """:return: ``{identity: (id, date, whether this page made it)}``"""
        cr, ids = self.env.cr, {}
        missing = sorted(messages)
        while missing:
            cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_message
                              (identity, same_key, thread_key, internet_message_id,
                               subject_raw, date)
                       SELECT * FROM unnest(%s::text[], %s::text[], %s::text[],
                              %s::text[], %s::text[], %s::timestamp[])
                       ON CONFLICT (identity) DO NOTHING
                       RETURNING identity, id, date""",
                    *map(list, zip(*(messages[i] for i in missing), strict=True)),
                )
            )
            ids |= {
                ident: (message, date, True) for ident, message, date in cr.fetchall()
            }
            # held, so that nobody forgets a message while a copy of it is written
            cr.execute(
                SQL(
                    """SELECT identity, id, date FROM crm_mail_mirror_message
                        WHERE identity = ANY(%s) ORDER BY identity FOR KEY SHARE""",
                    [ident for ident in missing if ident not in ids],
                )
            )
            ids |= {
                ident: (message, date, False) for ident, message, date in cr.fetchall()
            }
            missing = [ident for ident in missing if ident not in ids]
        return ids

    def _insert_bodies(self, bodies):
        rows = [
            (
                message,
                digest,
                body.text,
                body.quote_at,
                len(body.attachments),
                _files(body),
                distinct(body.text),
            )
            for (message, digest), body in sorted(
                bodies.items(), key=lambda pair: pair[0]
            )
        ]
        columns = list(map(list, zip(*rows, strict=True)))
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_body (message_id, digest, text, quote_at,
                          attachment_count, attachments, text_words)
                   SELECT m, d, t, q, n, a::jsonb,
                          strip(to_tsvector('simple'::regconfig, w))
                     FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[],
                                 %s::int[], %s::text[], %s::text[])
                          AS b(m, d, t, q, n, a, w)
                   ON CONFLICT (message_id, digest) DO NOTHING""",
                *columns,
            )
        )
        self.env.cr.execute(
            SQL(
                """SELECT b.message_id, b.digest, b.id FROM crm_mail_mirror_body b
                     JOIN unnest(%s::int[], %s::text[]) AS w(m, d)
                       ON b.message_id = w.m AND b.digest = w.d
                      FOR KEY SHARE OF b""",
                columns[0],
                columns[1],
            )
        )
        return {(m, d): body for m, d, body in self.env.cr.fetchall()}

    def _write_participants(self, lease: Lease, decided):
        """Addresses and who takes part; a Bcc hangs on the copy that shows it."""
        rows = []
        for copy, item, values in decided:
            if values["state"] != "mirrored":
                continue
            for role, many in item.envelope.by_role.items():
                if role != "bcc" and not values["is_new"]:
                    continue
                rows += [
                    (
                        values["message_id"],
                        address.email,
                        role,
                        address.name[:500] or None,
                        values["date"],
                        copy if role == "bcc" else None,
                    )
                    for address in many
                ]
        if not rows:
            return
        addresses = self.env["crm.mail.mirror.address"]
        emails = {email for _m, email, *_rest in rows}
        ids = addresses._ensure(emails)
        addresses._link(emails)
        columns = list(map(list, zip(*rows, strict=True)))
        columns[1] = [ids[email] for email in columns[1]]
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_participant
                          (message_id, address_id, role, name, date, copy_id)
                   SELECT * FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[],
                                        %s::timestamp[], %s::int[])
                   ON CONFLICT DO NOTHING""",
                *columns,
            )
        )


def _files(body):
    """The attachments of a text as JSON, None without any."""
    if not body.attachments:
        return None
    return json.dumps(
        [
            {"name": a.name, "type": a.content_type, "size": a.size}
            for a in body.attachments
        ]
    )
