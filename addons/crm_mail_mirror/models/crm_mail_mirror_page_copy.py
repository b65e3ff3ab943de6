# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the rows of a mailbox's own mail written: copies, traces, places?"""

from datetime import timedelta

from odoo import models
from odoo.tools import SQL

from ..engine import identity
from ..engine.providers.base import EPOCH
from ..engine.rules import parent_domains
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import line
from .lease import Lease

#: Pauses after failed attempts to read one mail; the last one repeats.
RETRY_MINUTES = (1, 5, 30, 120, 720, 1440)


class CrmMailMirrorPageCopy(models.AbstractModel):
    _name = "crm.mail.mirror.page.copy"
    _description = "Writer of Copies"

    def _now(self):
        """By the database's clock, which tells what is due and what is over."""
        return self.env.cr.now().replace(microsecond=0)

    def _next_try(self, attempts):
        pause = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
        return self._now() + timedelta(minutes=pause)

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
        rows = cr.dictfetchall()
        if not rows:
            return
        for row in rows:
            days[line(row)] -= 1
            days[line({**row, "state": "failed", "reason": row["why"]})] += 1
        cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET state = 'failed',
                          reason = f.reason, attempts = f.attempts,
                          next_try_at = f.next_try_at
                     FROM unnest(%s::int[], %s::text[], %s::int[], %s::timestamp[])
                          AS f(id, reason, attempts, next_try_at) WHERE c.id = f.id""",
                [row["id"] for row in rows],
                [row["why"] for row in rows],
                [row["attempts"] for row in rows],
                [self._next_try(row["attempts"]) for row in rows],
            )
        )

    _COPY_COLUMNS = {
        "state": SQL("text"),
        "reason": SQL("text"),
        "received_at": SQL("timestamp"),
        "direction": SQL("text"),
        "identity_hash": SQL("text"),
        "expires_at": SQL("timestamp"),
        "next_try_at": SQL("timestamp"),
        "attempts": SQL("int"),
        "message_id": SQL("int"),
        "body_id": SQL("int"),
        "date": SQL("timestamp"),
    }

    def _insert_copies(self, lease: Lease, new, days):
        if not new:
            return {}
        digests = {key: keyring().digest("key", key) for key, _j, _v in new}
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, %s)
                   SELECT m.id, m.user_id, c.*
                     FROM crm_mail_mirror_mailbox m, unnest(%s::text[], %s) AS c
                    WHERE m.id = %s RETURNING key, id""",
                SQL(", ").join(map(SQL.identifier, self._COPY_COLUMNS)),
                list(digests.values()),
                self._copy_columns([values for _k, _j, values in new]),
                lease.mailbox_id,
            )
        )
        ids = dict(self.env.cr.fetchall())
        for _key, _item, values in new:
            days[line(values)] += 1
        return {key: ids[digest] for key, digest in digests.items()}

    def _change_copies(self, lease: Lease, again, days):
        """Rows that stood already: decided now, or only found in another place."""
        decided = []
        for row, item, values in again:
            if values:
                if values["state"] == "failed":
                    values["attempts"] = (row["attempts"] or 0) + 1
                    values["next_try_at"] = self._next_try(values["attempts"])
                if item.presence.received_at == EPOCH:
                    values["received_at"] = row["received_at"]
                days[line(row)] -= 1
                days[line(values)] += 1
                decided.append((row["id"], values))
        self._decide_copies(decided)
        found = [row["id"] for row, _j, _v in again]
        back = [
            row
            for row, _j, _v in again
            if row["state"] == "hidden" and row["reason"] == "brake"
        ]
        for row in back:
            days[line(row)] -= 1
            days[line({**row, "state": "mirrored", "reason": "contact"})] += 1
        if not found:
            return
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET orphan_pass = NULL, orphan_place = NULL,
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

    def _decide_copies(self, decided):
        if not decided:
            return
        ids = [copy for copy, _values in decided]
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET %s
                     FROM unnest(%s::int[], %s) AS d(id, %s) WHERE c.id = d.id""",
                SQL(", ").join(
                    SQL("%s = %s", SQL.identifier(column), SQL.identifier("d", column))
                    for column in self._COPY_COLUMNS
                ),
                ids,
                self._copy_columns([values for _copy, values in decided]),
                SQL(", ").join(map(SQL.identifier, self._COPY_COLUMNS)),
            )
        )
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_trace WHERE copy_id = ANY(%s)", [ids]
        )

    def _copy_columns(self, rows):
        """Arguments of ``unnest`` for these values of copies."""
        return SQL(", ").join(
            SQL("%s::%s[]", [values[name] for values in rows], kind)
            for name, kind in self._COPY_COLUMNS.items()
        )

    def _write_traces(self, lease: Lease, decided):
        """Keyed hashes by which a contact that comes later finds the mail."""
        ring, rows = keyring(), set()
        decided = [
            (copy, item)
            for copy, item, values in decided
            if values["state"] in ("unmatched", "excluded")
        ]
        everybody = {email for _copy, item in decided for email in item.external}
        erased, _floors = self.env["crm.mail.mirror.suppression"]._of_page(everybody)
        for copy, item in decided:
            if item.external & erased:
                continue  # nothing is left of them, not even this
            emails = item.external
            rows |= {(copy, "address", ring.digest("trace", e)) for e in emails}
            rows |= {
                # a rule may have named any domain that it lies in
                (copy, "domain", ring.digest("trace", f"@{domain}"))
                for email in emails
                for domain in parent_domains(email.rpartition("@")[2])
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
        """:return: while all is listed, the ids of places that were there before"""
        if not rows:
            return []
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
        if not lease.listing_mark:
            return []
        self.env.cr.execute(
            SQL(
                """SELECT l.id FROM crm_mail_mirror_location l
                     JOIN %s AS r(copy, folder, generation, ref)
                       ON l.folder_id = r.folder AND l.generation = r.generation
                      AND l.ref = r.ref
                    WHERE l.id <= %s""",
                places,
                lease.listing_mark,
            )
        )
        return [place for (place,) in self.env.cr.fetchall()]
