# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a page of mail get into the database? All at once, or not at all.

Everything here runs inside one short transaction at READ COMMITTED that begins with the
mailbox's row (the fence). Rows that mailboxes share (addresses, messages, texts) are
written in the order of their keys, so that workers which import the same mail at once
wait for each other and never deadlock.

SQL throughout: the ORM needs four queries a mail where a page needs about twenty
(390 against some thousand mails a second).
"""

import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine import identity
from ..engine.providers.base import EXCLUDED, GONE, Lookup, MessageGone, Place
from ..engine.rules import Decision, State
from .crm_mail_mirror_credential import keyring
from .lease import VOID, Fenced, Lease, Orphan, Page

#: Shared by pages, exclusive for the job that looks traces up (DESIGN 4).
WRITERS_LOCK = 0x6D6D_6972
#: Traces of mail that is not mirrored are kept so long.
TRACE_DAYS = 7
#: Pauses after failed attempts to read one mail; the last one repeats.
RETRY_MINUTES = (1, 5, 30, 120, 720, 1440)
LEASE_SECONDS = 120
#: Departures in one pass beyond this share need a second look (DESIGN 4).
BRAKE_SHARE = 0.1
BRAKE_COUNT = 50


def naive(moment: datetime) -> datetime:
    """In UTC without zone, as PostgreSQL's ``timestamp`` holds it."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


class CrmMailMirrorPage(models.AbstractModel):
    _name = "crm.mail.mirror.page"
    _description = "Writer of Mirrored Mail"

    # ---- before the network: what is known already ----------------------------------

    @api.model
    def _known_keys(self, lease: Lease, keys):
        """Which of these mail keys (in clear) were decided before in this mailbox?"""
        digests = _digests(keys)
        if not digests:
            return frozenset()
        self.env.cr.execute(
            SQL(
                """SELECT key FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND key = ANY(%s)
                      AND state NOT IN ('queued', 'failed')""",
                lease.mailbox_id,
                list(digests),
            )
        )
        return frozenset(digests[digest] for (digest,) in self.env.cr.fetchall())

    # ---- the page -------------------------------------------------------------------

    @api.model
    def _store(self, lease: Lease, page: Page) -> list[Orphan]:
        """Write a page and the cursor that passes it.

        :return: mirrored copies that lost their last location with this page
        :raises Fenced: the mailbox was taken over or its rules changed
        """
        self._fence(lease)
        batch, days, orphans = page.batch, Counter(), []
        folders = self._folders(lease, batch)
        if batch:
            self._void_generations(lease, folders, batch.reset)
        self._write_mail(lease, page, folders, days)
        if batch:
            orphans = self._drop_locations(lease, folders, batch.absent)
            if batch.pass_complete:
                self._drop_void(lease, folders, batch)
                lease.pass_no += 1
                self._judge_orphans(lease, days)
        else:
            self._drop_places(lease, folders, page.lost)
            self._set_aside(folders, page.asked, days)
        self._count(lease, days)
        self._move_cursor(lease, batch)
        return orphans

    def _fence(self, lease: Lease):
        cr = self.env.cr
        cr.execute("SELECT pg_advisory_xact_lock_shared(%s)", [WRITERS_LOCK])
        cr.execute(
            SQL(
                """SELECT lease_token, cursor_seq, policy_seq, state
                     FROM crm_mail_mirror_mailbox WHERE id = %s FOR NO KEY UPDATE""",
                lease.mailbox_id,
            )
        )
        row = cr.fetchone()
        if row != (lease.token, lease.cursor_seq, lease.policy_seq, "active"):
            raise Fenced

    def _move_cursor(self, lease: Lease, batch):
        moved = SQL()
        if batch:
            lease.cursor = batch.cursor
            lease.cursor_seq += 1
            changed = bool(batch.present or batch.absent)
            moved = SQL(
                """, cursor = %s, cursor_seq = %s, pass_no = %s, progress_done = %s,
                   progress_total = %s, last_change_at = CASE WHEN %s
                   THEN now() AT TIME ZONE 'UTC' ELSE last_change_at END""",
                json.dumps(batch.cursor),
                lease.cursor_seq,
                lease.pass_no,
                batch.done,
                batch.total,
                changed,
            )
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox
                      SET lease_until = now() AT TIME ZONE 'UTC'
                                        + %s * interval '1 second' %s
                    WHERE id = %s""",
                LEASE_SECONDS,
                moved,
                lease.mailbox_id,
            )
        )

    # ---- folders --------------------------------------------------------------------

    def _folders(self, lease: Lease, batch):
        """Bring the folders up to date. :return: ``{remote ref: folder id}``"""
        cr = self.env.cr
        for old, new in batch.renamed if batch else ():
            cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_folder SET remote_ref = %s
                        WHERE mailbox_id = %s AND remote_ref = %s""",
                    new,
                    lease.mailbox_id,
                    old,
                )
            )
        if batch and batch.folders is not None:
            rows = sorted((f.ref, f.name, f.role) for f in batch.folders)
            cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_folder
                              (mailbox_id, remote_ref, name, role, selected,
                               create_date, write_date)
                       SELECT %s, ref, name, role, TRUE, now(), now()
                         FROM unnest(%s::text[], %s::text[], %s::text[])
                              AS f(ref, name, role)
                       ON CONFLICT (mailbox_id, remote_ref) DO UPDATE
                          SET name = EXCLUDED.name, role = EXCLUDED.role
                        WHERE (crm_mail_mirror_folder.name, crm_mail_mirror_folder.role)
                              IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.role)""",
                    lease.mailbox_id,
                    *map(list, zip(*rows, strict=True) if rows else ([], [], [])),
                )
            )
            self._forget_folders(lease, [f.ref for f in batch.folders])
        cr.execute(
            SQL(
                """SELECT remote_ref, id, CASE WHEN selected THEN role
                                               ELSE 'unselected' END
                     FROM crm_mail_mirror_folder WHERE mailbox_id = %s""",
                lease.mailbox_id,
            )
        )
        rows = cr.fetchall()
        lease.roles = {ref: role for ref, _id, role in rows}
        return {ref: folder for ref, folder, _role in rows}

    def _forget_folders(self, lease: Lease, refs):
        """Folders that are no more; their mail becomes orphans, not deleted."""
        cr = self.env.cr
        cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location l
                    USING crm_mail_mirror_folder f
                    WHERE l.folder_id = f.id AND f.mailbox_id = %s
                      AND NOT f.remote_ref = ANY(%s)
                RETURNING l.copy_id""",
                lease.mailbox_id,
                refs,
            )
        )
        self._mark_orphans(lease, {copy for (copy,) in cr.fetchall()})
        cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_folder
                    WHERE mailbox_id = %s AND NOT remote_ref = ANY(%s)""",
                lease.mailbox_id,
                refs,
            )
        )

    def _void_generations(self, lease: Lease, folders, reset):
        """UIDVALIDITY changed: the places are void, the mail waits to be found again."""
        for ref, generation in reset:
            self.env.cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_location
                        WHERE folder_id = %s AND generation != %s RETURNING copy_id""",
                    folders.get(ref, 0),
                    generation,
                )
            )
            self._mark_orphans(lease, {copy for (copy,) in self.env.cr.fetchall()})

    @api.model
    def _void_places(self, mailbox):
        """The cursor is lost: all will be listed again, and what is not is gone.

        Until then the mail keeps its places, under a generation that no provider has:
        while old mail is filled in, passes complete that have not seen it yet.
        """
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_location l
                      SET generation = %s || l.generation
                     FROM crm_mail_mirror_folder f
                    WHERE f.id = l.folder_id AND f.mailbox_id = %s
                      AND NOT starts_with(l.generation, %s)""",
                VOID,
                mailbox.id,
                VOID,
            )
        )

    def _drop_void(self, lease: Lease, folders, batch):
        """Everything was listed again: void places that are left are gone."""
        if batch.more or batch.done < batch.total:
            return
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location
                    WHERE folder_id = ANY(%s) AND generation >= %s AND generation < %s
                RETURNING copy_id""",
                list(folders.values()),
                VOID,
                VOID + "~",
            )
        )
        self._mark_orphans(lease, {copy for (copy,) in self.env.cr.fetchall()})

    # ---- mail that is there ---------------------------------------------------------

    def _write_mail(self, lease: Lease, page: Page, folders, days):
        """Rows for the mail of the page, decided, found again, or failed."""
        relisted = bool(page.batch and page.batch.relisted)
        mails = self._by_key(lease, page.judged, folders)
        rows = self._existing(lease, mails)
        queued = self._newly_known(lease, mails)
        idents = self._identities(mails)
        hidden = self._hidden_identities(lease, idents)
        for key, (first, *_rest) in mails.items():
            if key not in rows and first.decision is None and not first.error:
                # known when it was judged, its row was removed since
                raise Fenced
        new, again = [], []
        for key, judged in mails.items():
            first = judged[0]
            values = self._copy_values(first, idents[key], queued, hidden)
            if key in rows:
                again.append((rows[key], first, values))
            elif values and not (relisted and self._is_forgotten(first, values)):
                new.append((key, first, values))
        self._keep_texts(lease, [(j, v) for _row, j, v in new + again if v])
        ids = self._insert_copies(lease, new, days)
        self._change_copies(lease, again, days)
        copies = {key: row["id"] for key, row in rows.items()} | ids
        decided = [(copies[k], j, v) for k, j, v in new] + [
            (row["id"], j, v) for row, j, v in again if self._is_open(row) and v
        ]
        self._write_participants(lease, decided)
        self._write_traces(lease, decided)
        self._write_locations(
            lease,
            [
                (copies[key], folders[item.presence.place.folder], item)
                for key, judged in mails.items()
                if key in copies
                for item in judged
                if item.presence.place.folder in folders
            ],
        )

    def _by_key(self, lease: Lease, judged, folders):
        """The page by key; what lies in several places comes once.

        Mails without Message-ID that look the same and lie in one folder are several
        mails: each further one gets an ordinal (DESIGN 3, `key`).
        """
        mails, places = {}, {}
        twins = [item for item in judged if not item.envelope.message_id]
        taken = self._places_of(lease, twins, folders)
        for item in judged:
            place, key = item.presence.place, item.key
            if not item.envelope.message_id and not item.presence.key:
                ordinal = 1
                while (
                    places.get((key, place.folder), place.ref) != place.ref
                    or taken.get((key, place.folder), place.ref) != place.ref
                ):
                    ordinal += 1
                    key = _with_ordinal(item.key, ordinal)
                places[key, place.folder] = place.ref
            mails.setdefault(key, []).append(item)
        return mails

    def _places_of(self, lease: Lease, judged, folders):
        """``{(key, folder ref): ref}`` of places these mails hold already."""
        generations = {
            item.presence.place.folder: item.presence.place.generation
            for item in judged
        }
        names = {folder: ref for ref, folder in folders.items()}
        keys, taken, found = {item.key for item in judged}, {}, bool(judged)
        for low in itertools.count(1, 10):
            if not found:
                return taken
            digests = _digests(
                _with_ordinal(key, number)
                for key in keys
                for number in range(low, low + 10)
            )
            self.env.cr.execute(
                SQL(
                    """SELECT c.key, l.folder_id, l.generation, l.ref
                         FROM crm_mail_mirror_copy c
                         JOIN crm_mail_mirror_location l ON l.copy_id = c.id
                        WHERE c.mailbox_id = %s AND c.key = ANY(%s)""",
                    lease.mailbox_id,
                    list(digests),
                )
            )
            found = self.env.cr.fetchall()
            taken |= {
                (digests[key], names[folder]): ref
                for key, folder, generation, ref in found
                if folder in names and generations.get(names[folder]) == generation
            }

    def _existing(self, lease: Lease, mails):
        digests = _digests(mails)
        self.env.cr.execute(
            SQL(
                """SELECT key, id, state, reason, received_at, attempts, message_id
                     FROM crm_mail_mirror_copy WHERE mailbox_id = %s AND key = ANY(%s)
                """,
                lease.mailbox_id,
                list(digests),
            )
        )
        return {digests[row["key"]]: row for row in self.env.cr.dictfetchall()}

    def _newly_known(self, lease: Lease, mails):
        """Unmatched addresses that became a contact's while the page was read."""
        emails = set()
        for first, *_rest in mails.values():
            if (
                isinstance(first.decision, Decision)
                and first.decision.state is State.UNMATCHED
            ):
                emails |= first.external
        return self.env["crm.mail.mirror.directory"]._known(emails)

    def _identities(self, mails):
        """``{key: (identity, keyed hash of it)}``"""
        ring, idents = keyring(), {}
        for key, (first, *_rest) in mails.items():
            ident = identity.identity(first.envelope, first.key)
            idents[key] = ident, ring.digest("identity", ident)
        return idents

    def _hidden_identities(self, lease: Lease, idents):
        """Mail its owner hid here stays hidden, however it came back."""
        digests = _digests((ident for ident, _digest in idents.values()), "identity")
        self.env.cr.execute(
            SQL(
                """SELECT identity_hash FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND state = 'hidden'
                      AND identity_hash = ANY(%s)""",
                lease.mailbox_id,
                list(digests),
            )
        )
        return {digests[digest] for (digest,) in self.env.cr.fetchall()}

    def _copy_values(self, item, ident, queued, hidden):
        """The row a decision makes; None for mail that leaves no row."""
        decision = item.decision
        if not isinstance(decision, Decision) and not item.error:
            return None
        if isinstance(item.error, MessageGone):
            return None
        if isinstance(decision, Decision) and not decision.reason.leaves_row:
            return None
        values = {
            "received_at": naive(item.presence.received_at),
            "direction": "out" if item.outgoing else "in",
            "identity": ident[0],
            "identity_hash": ident[1],
            "expires_at": None,
            "next_try_at": None,
            "attempts": 0,
            "message_id": None,
            "body_id": None,
        }
        now = fields.Datetime.now()
        if item.error:
            values |= {
                "state": "failed",
                "reason": item.error.code,
                "attempts": 1,
                "next_try_at": now + timedelta(minutes=RETRY_MINUTES[0]),
            }
        elif values["identity"] in hidden:
            values |= {"state": "hidden", "reason": "owner"}
        elif decision.state is State.UNMATCHED and queued & item.external:
            values |= {"state": "queued", "reason": "contact", "next_try_at": now}
        else:
            values |= {"state": str(decision.state), "reason": str(decision.reason)}
            if decision.state is not State.MIRRORED:
                values["expires_at"] = now + timedelta(days=TRACE_DAYS)
        return values

    def _is_forgotten(self, item, values):
        """Listed again, but so old that its row went long ago: it is counted."""
        age = fields.Datetime.now() - values["received_at"]
        return values["state"] != "mirrored" and age > timedelta(days=TRACE_DAYS)

    @staticmethod
    def _is_open(row):
        return row["state"] in ("queued", "failed")

    @staticmethod
    def _next_try(attempts):
        pause = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
        return fields.Datetime.now() + timedelta(minutes=pause)

    def _set_aside(self, folders, asked, days):
        """Mail of the queue of which nothing came of: it waits, longer each time.

        :param asked: ``{place: why nothing came of it}``
        """
        cr, places = self.env.cr, [place for place in asked if place.folder in folders]
        if not places:
            return
        cr.execute(
            SQL(
                """SELECT DISTINCT ON (c.id) c.id, c.state, c.reason, c.received_at,
                          coalesce(c.attempts, 0) + 1 AS attempts, a.why
                     FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[])
                          AS a(folder, generation, ref, why)
                     JOIN crm_mail_mirror_location l ON l.folder_id = a.folder
                          AND l.generation = a.generation AND l.ref = a.ref
                     JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                    WHERE c.state IN ('queued', 'failed')
                      AND c.next_try_at <= now() AT TIME ZONE 'UTC'""",
                [folders[place.folder] for place in places],
                [place.generation for place in places],
                [place.ref for place in places],
                [asked[place] for place in places],
            )
        )
        for row in cr.dictfetchall():
            days[_line(row)] -= 1
            days[_line({**row, "state": "failed", "reason": row["why"]})] += 1
            cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_copy SET state = 'failed', reason = %s,
                              attempts = %s, next_try_at = %s WHERE id = %s""",
                    row["why"],
                    row["attempts"],
                    self._next_try(row["attempts"]),
                    row["id"],
                )
            )

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
            message, is_new = ids[values["identity"]]
            values |= {"message_id": message, "is_new": is_new}
            text = item.body.text
            digest = values["body_digest"] = identity.body_digest(text)
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
        """:return: ``{identity: (id, whether this page made it)}``"""
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
                       ON CONFLICT (identity) DO NOTHING RETURNING identity, id""",
                    *map(list, zip(*(messages[i] for i in missing), strict=True)),
                )
            )
            ids |= {ident: (message, True) for ident, message in cr.fetchall()}
            # held, so that nobody forgets a message while a copy of it is written
            cr.execute(
                SQL(
                    """SELECT identity, id FROM crm_mail_mirror_message
                        WHERE identity = ANY(%s) ORDER BY identity FOR KEY SHARE""",
                    [ident for ident in missing if ident not in ids],
                )
            )
            ids |= {ident: (message, False) for ident, message in cr.fetchall()}
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
                json.dumps(
                    [
                        {"name": a.name, "type": a.content_type, "size": a.size}
                        for a in body.attachments
                    ]
                )
                if body.attachments
                else None,
            )
            for (message, digest), body in sorted(
                bodies.items(), key=lambda pair: pair[0]
            )
        ]
        columns = list(map(list, zip(*rows, strict=True)))
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_body (message_id, digest, text, quote_at,
                          attachment_count, attachments)
                   SELECT m, d, t, q, n, a::jsonb
                     FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[],
                                 %s::int[], %s::text[]) AS b(m, d, t, q, n, a)
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

    _COPY_COLUMNS = (
        "state",
        "reason",
        "received_at",
        "direction",
        "identity_hash",
        "expires_at",
        "next_try_at",
        "attempts",
        "message_id",
        "body_id",
    )

    def _insert_copies(self, lease: Lease, new, days):
        if not new:
            return {}
        digests = {key: keyring().digest("key", key) for key, _j, _v in new}
        columns = [
            [values[column] for _k, _j, values in new] for column in self._COPY_COLUMNS
        ]
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, state,
                          reason, received_at, direction, identity_hash, expires_at,
                          next_try_at, attempts, message_id, body_id)
                   SELECT m.id, m.user_id, c.*
                     FROM crm_mail_mirror_mailbox m,
                          unnest(%s::text[], %s::text[], %s::text[], %s::timestamp[],
                                 %s::text[], %s::text[], %s::timestamp[],
                                 %s::timestamp[], %s::int[], %s::int[], %s::int[]) AS c
                    WHERE m.id = %s RETURNING key, id""",
                list(digests.values()),
                *columns,
                lease.mailbox_id,
            )
        )
        ids = dict(self.env.cr.fetchall())
        for _key, _item, values in new:
            days[_line(values)] += 1
        return {key: ids[digest] for key, digest in digests.items()}

    def _change_copies(self, lease: Lease, again, days):
        """Rows that stood already: decided now, or only found in another place."""
        for row, _item, values in again:
            if self._is_open(row) and values:
                if values["state"] == "failed":
                    values["attempts"] = (row["attempts"] or 0) + 1
                    values["next_try_at"] = self._next_try(values["attempts"])
                days[_line(row)] -= 1
                days[_line({**values, "received_at": row["received_at"]})] += 1
                self.env.cr.execute(
                    SQL(
                        "UPDATE crm_mail_mirror_copy SET %s WHERE id = %s",
                        SQL(", ").join(
                            SQL("%s = %s", SQL.identifier(column), values[column])
                            for column in self._COPY_COLUMNS
                            if column != "received_at"
                        ),
                        row["id"],
                    )
                )
                self.env.cr.execute(
                    "DELETE FROM crm_mail_mirror_trace WHERE copy_id = %s", [row["id"]]
                )
        found = [row["id"] for row, _j, _v in again]
        back = [
            row
            for row, _j, _v in again
            if row["state"] == "hidden" and row["reason"] == "brake"
        ]
        for row in back:
            days[_line(row)] -= 1
            days[_line({**row, "state": "mirrored", "reason": "contact"})] += 1
        if not found:
            return
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET orphan_pass = NULL,
                          state = CASE WHEN id = ANY(%(back)s) THEN 'mirrored'
                                       ELSE state END,
                          reason = CASE WHEN id = ANY(%(back)s) THEN 'contact'
                                        ELSE reason END
                    WHERE id = ANY(%(found)s)
                      AND (orphan_pass IS NOT NULL OR id = ANY(%(back)s))""",
                back=[row["id"] for row in back],
                found=found,
            )
        )
        if back:
            self._release_brake(lease)

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

    def _write_traces(self, lease: Lease, decided):
        """Keyed hashes by which a contact that comes later finds the mail."""
        ring, rows = keyring(), set()
        for copy, item, values in decided:
            if values["state"] not in ("unmatched", "excluded"):
                continue
            emails = item.external
            rows |= {(copy, "address", ring.digest("trace", e)) for e in emails}
            rows |= {
                (copy, "domain", ring.digest("trace", "@" + e.rpartition("@")[2]))
                for e in emails
            }
            if item.envelope.message_id:
                name = identity.normalise_message_id(item.envelope.message_id)
                rows.add((copy, "message_id", ring.digest("trace", f"<{name}>")))
        if rows:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_trace (copy_id, kind, digest)
                       SELECT * FROM unnest(%s::int[], %s::text[], %s::text[])""",
                    *map(list, zip(*rows, strict=True)),
                )
            )

    def _write_locations(self, lease: Lease, rows):
        if not rows:
            return
        places = SQL(
            "unnest(%s::int[], %s::int[], %s::text[], %s::text[])",
            [copy for copy, _f, _j in rows],
            [folder for _c, folder, _j in rows],
            [item.presence.place.generation for _c, _f, item in rows],
            [item.presence.place.ref for _c, _f, item in rows],
        )
        # servers that tell another size each time make one mail look like another: the
        # place is the later one's, so that the former goes instead of staying twice
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location l
                    USING %s AS r(copy, folder, generation, ref)
                    WHERE l.folder_id = r.folder AND l.generation = r.generation
                      AND l.ref = r.ref AND l.copy_id != r.copy RETURNING l.copy_id""",
                places,
            )
        )
        self._mark_orphans(lease, {copy for (copy,) in self.env.cr.fetchall()})
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_location
                          (copy_id, folder_id, generation, ref)
                   SELECT * FROM %s
                   ON CONFLICT (folder_id, generation, ref) DO NOTHING""",
                places,
            )
        )

    # ---- mail that went -------------------------------------------------------------

    def _drop_locations(self, lease: Lease, folders, absences):
        """Departures, told as ranges. :return: mirrored copies without a place"""
        cr, gone = self.env.cr, {}
        for absence in absences:
            folder = folders.get(absence.folder)
            if not folder or not absence.ranges:
                continue
            cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_location l
                        USING unnest(%s::text[], %s::text[]) AS r(low, high)
                        WHERE l.folder_id = %s AND l.generation = %s
                          AND l.ref BETWEEN r.low AND r.high
                    RETURNING l.copy_id, l.generation, l.ref""",
                    [low for low, _high in absence.ranges],
                    [high for _low, high in absence.ranges],
                    folder,
                    absence.generation,
                )
            )
            for copy, generation, ref in cr.fetchall():
                gone[copy] = Place(absence.folder, generation, ref)
        return self._mark_orphans(lease, gone)

    def _drop_places(self, lease: Lease, folders, places):
        """Mail of the queue that is no longer where it lay."""
        for place in places:
            self.env.cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_location
                        WHERE folder_id = %s AND generation = %s AND ref = %s
                    RETURNING copy_id""",
                    folders.get(place.folder, 0),
                    place.generation,
                    place.ref,
                )
            )
            self._mark_orphans(lease, {copy for (copy,) in self.env.cr.fetchall()})

    def _mark_orphans(self, lease: Lease, copies):
        """Of these copies, those without any place wait for two complete passes.

        :param copies: ids, or ``{id: the place that went}``
        :return: the mirrored ones among them whose place is known
        """
        if not copies:
            return []
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET orphan_pass = %s
                    WHERE c.id = ANY(%s) AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_location l
                           WHERE l.copy_id = c.id)
                RETURNING c.id, c.state, (SELECT m.internet_message_id
                          FROM crm_mail_mirror_message m WHERE m.id = c.message_id)""",
                lease.pass_no,
                list(copies),
            )
        )
        return [
            Orphan(copy, Lookup(copies[copy], message_id=message_id or ""))
            for copy, state, message_id in self.env.cr.fetchall()
            if state == "mirrored" and isinstance(copies, dict)
        ]

    def _judge_orphans(self, lease: Lease, days):
        """After a complete pass: what stayed an orphan for one more pass is gone.

        The brake: much mirrored mail at once is hidden instead, until a second complete
        pass and then the owner have said so.
        """
        cr = self.env.cr
        cr.execute(
            SQL(
                """SELECT id, state, reason, orphan_pass FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND orphan_pass <= %s""",
                lease.mailbox_id,
                lease.pass_no - 2,
            )
        )
        rows = cr.fetchall()
        mirrored = [row[0] for row in rows if row[1] == "mirrored"]
        waiting = [row[0] for row in rows if row[1:3] == ("hidden", "brake")]
        gone = [row[0] for row in rows if row[0] not in {*mirrored, *waiting}]
        if self._is_too_much(lease, len(mirrored)):
            self._hide(mirrored, days)
            self._set_brake(lease, "waiting")
        else:
            gone += mirrored
            if waiting:
                self._set_brake(lease, "asked")
        self._delete_copies(gone, days)

    def _is_too_much(self, lease: Lease, count):
        if count <= BRAKE_COUNT:
            return False
        self.env.cr.execute(
            """SELECT count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s AND state = 'mirrored'""",
            [lease.mailbox_id],
        )
        return count > BRAKE_SHARE * self.env.cr.fetchone()[0]

    def _hide(self, copies, days):
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET state = 'hidden', reason = 'brake'
                     FROM crm_mail_mirror_copy o
                    WHERE o.id = c.id AND c.id = ANY(%s)
                RETURNING o.received_at, o.state, o.reason""",
                copies,
            )
        )
        for row in self.env.cr.dictfetchall():
            days[_line(row)] -= 1
            days[row["received_at"].date(), "hidden", "brake"] += 1

    def _release_brake(self, lease: Lease):
        """When all that was hidden is back, there is nothing to ask its owner."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox m SET brake = NULL
                    WHERE m.id = %s AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_copy c
                           WHERE c.mailbox_id = m.id AND c.state = 'hidden'
                             AND c.reason = 'brake')
                RETURNING m.id""",
                lease.mailbox_id,
            )
        )
        if self.env.cr.fetchone():
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
            mailbox.invalidate_recordset()
            mailbox.activity_unlink(["mail.mail_activity_data_todo"])

    def _set_brake(self, lease: Lease, brake):
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_mailbox SET brake = %s WHERE id = %s",
            [brake, lease.mailbox_id],
        )

    @api.model
    def _remove_confirmed(self, lease: Lease, fates):
        """Orphans whose fate the provider knows go at once.

        :param fates: ``{copy id: Fate}``
        """
        self._fence(lease)
        gone = [copy for copy, fate in fates.items() if fate.state in (GONE, EXCLUDED)]
        self.env.cr.execute(
            SQL(
                """SELECT id FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND id = ANY(%s) AND orphan_pass IS NOT NULL
                """,
                lease.mailbox_id,
                gone,
            )
        )
        days = Counter()
        self._delete_copies([copy for (copy,) in self.env.cr.fetchall()], days)
        self._count(lease, days)

    @api.model
    def _remove_braked(self, mailboxes):
        """The owner said that what the brake hid is really gone."""
        for mailbox in mailboxes:
            self.env.cr.execute(
                """SELECT id FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                      AND state = 'hidden' AND reason = 'brake'""",
                [mailbox.id],
            )
            days = Counter()
            self._delete_copies([copy for (copy,) in self.env.cr.fetchall()], days)
            self._count(mailbox, days)

    @api.model
    def _forget_before(self, mailbox, since):
        """The first day moved on: what was received before it goes, log and all."""
        if since:
            self.env.cr.execute(
                """SELECT id FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND received_at < %s""",
                [mailbox.id, naive(since)],
            )
            copies = [copy for (copy,) in self.env.cr.fetchall()]
            self._delete_copies(copies, Counter())

    def _delete_copies(self, copies, days):
        if not copies:
            return
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_copy WHERE id = ANY(%s)
                RETURNING received_at, state, reason, message_id""",
                copies,
            )
        )
        messages = set()
        for received_at, state, reason, message in self.env.cr.fetchall():
            days[
                _line({"received_at": received_at, "state": state, "reason": reason})
            ] -= 1
            messages.add(message)
        self._forget_unseen(messages - {None})

    # ---- messages nobody has any more -----------------------------------------------

    @api.model
    def _messages_of(self, mailboxes):
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT message_id FROM crm_mail_mirror_copy
                    WHERE mailbox_id = ANY(%s) AND message_id IS NOT NULL""",
                list(mailboxes.ids),
            )
        )
        return {message for (message,) in self.env.cr.fetchall()}

    @api.model
    def _forget_unseen(self, messages):
        """Delete messages and texts that no copy holds any more."""
        if not messages:
            return
        cr = self.env.cr
        # locked first, looked at after: a copy that is being written is waited for
        cr.execute(
            SQL(
                """SELECT id FROM crm_mail_mirror_message WHERE id = ANY(%s)
                    ORDER BY identity FOR UPDATE""",
                list(messages),
            )
        )
        cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_body b WHERE b.message_id = ANY(%s)
                      AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                       WHERE c.body_id = b.id)""",
                list(messages),
            )
        )
        cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_message m WHERE m.id = ANY(%s)
                      AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                       WHERE c.message_id = m.id)""",
                list(messages),
            )
        )
        self.env["crm.mail.mirror.message"].invalidate_model()

    # ---- the log in numbers ---------------------------------------------------------

    @api.model
    def _recount(self, mailbox):
        """Begin the log anew from the rows there are: all mail will be listed again."""
        self.env["crm.mail.mirror.copy"].flush_model()
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_day WHERE mailbox_id = %s", [mailbox.id]
        )
        self.env.cr.execute(
            """INSERT INTO crm_mail_mirror_day (mailbox_id, day, state, reason, count)
               SELECT mailbox_id, received_at::date, state, coalesce(reason, ''), count(*)
                 FROM crm_mail_mirror_copy WHERE mailbox_id = %s GROUP BY 1, 2, 3, 4""",
            [mailbox.id],
        )

    def _count(self, mailbox, days):
        """Add to the day's lines. :param mailbox: Lease or record"""
        rows = sorted((*line, count) for line, count in days.items() if count)
        if rows:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_day
                              (mailbox_id, day, state, reason, count)
                       SELECT %s, d, s, r, n
                         FROM unnest(%s::date[], %s::text[], %s::text[], %s::int[])
                              AS t(d, s, r, n)
                       ON CONFLICT (mailbox_id, day, state, reason) DO UPDATE
                          SET count = crm_mail_mirror_day.count + EXCLUDED.count""",
                    getattr(mailbox, "mailbox_id", None) or mailbox.id,
                    *map(list, zip(*rows, strict=True)),
                )
            )


def _digests(values, purpose="key"):
    """``{keyed hash: value}`` under every key of the server: rows outlive rotations."""
    ring = keyring()
    return {hashed: each for each in values for hashed in ring.digests(purpose, each)}


def _with_ordinal(key, number):
    return key if number == 1 else f"{key}#{number}"


def _line(row):
    """A copy's line in the log: (day, state, reason)"""
    return row["received_at"].date(), row["state"], row["reason"] or ""
