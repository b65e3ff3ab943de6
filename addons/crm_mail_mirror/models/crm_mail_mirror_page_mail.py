# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail written that is there: decided now, found again, or failed?"""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

from odoo import fields, models
from odoo.tools import SQL

from ..engine import identity, reader
from ..engine.company_domains import known_among
from ..engine.providers.base import EPOCH, MessageGone
from ..engine.rules import Decision, Reason, State, parent_domains
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import TRACE_DAYS, is_long_ago, line
from .crm_mail_mirror_listing import is_counted, short_digest
from .lease import Fenced, Lease, Page, naive

#: Pauses after failed attempts to read one mail; the last one repeats.
RETRY_MINUTES = (1, 5, 30, 120, 720, 1440)


class CrmMailMirrorPageMail(models.AbstractModel):
    _name = "crm.mail.mirror.page.mail"
    _description = "Writer of Mail That Is There"

    def _write_mail(self, lease: Lease, page: Page, folders, days, expired):
        """Rows for the mail of the page, decided, found again, or failed."""
        mails = self._by_key(lease, page.judged, folders)
        rows = self._existing(lease, mails)
        queued = self._newly_known(lease, mails)
        forgotten = {
            key: judged[0]
            for key, judged in mails.items()
            if key not in rows and self._is_forgotten(lease, page, judged[0], queued)
        }
        idents = self._identities(
            {key: judged for key, judged in mails.items() if key not in forgotten}
        )
        hidden = self._hidden_identities(lease, idents)
        ignored = self._ignored_identities(lease, idents)
        for key, (first, *_rest) in mails.items():
            if key not in rows and first.decision is None and not first.error:
                if not is_counted(lease, key):
                    # known when it was judged, its row was removed since
                    raise Fenced
        new, again, passed_over = [], [], []
        for key, judged in mails.items():
            if key in forgotten:
                continue
            first = judged[0]
            values = self._copy_values(first, idents.get(key), queued, hidden)
            if values and key not in rows and values["identity"] in ignored:
                values |= {"state": "hidden", "reason": "ignored", "expires_at": None}
            if key in rows and self._is_passed_over(rows[key], first):
                passed_over.append(rows.pop(key)["id"])
            elif key in rows:
                anew = values if self._is_decided_anew(rows[key], values) else None
                again.append((rows[key], first, anew))
            elif values:
                new.append((key, first, values))
        self._keep_texts(lease, [(j, v) for _row, j, v in new + again if v])
        self._delete_copies(passed_over, days)
        ids = self._insert_copies(lease, new, days)
        page.counted = self._count_forgotten(lease, forgotten, days, expired)
        self._count_once(lease, new, days, expired)
        self._change_copies(lease, again, days)
        copies = {key: row["id"] for key, row in rows.items()} | ids
        decided = [(copies[k], j, v) for k, j, v in new] + [
            (row["id"], j, v) for row, j, v in again if v
        ]
        self._write_participants(lease, decided)
        self._write_traces(lease, decided)
        places = self._write_locations(
            lease,
            [
                (copies[key], folders[item.presence.place.folder], item)
                for key, judged in mails.items()
                if key in copies
                for item in judged
                if item.presence.place.folder in folders
            ],
        )
        if lease.listing:
            self.env["crm.mail.mirror.listing"]._note(lease, places, page.counted)
        self.env["crm.mail.mirror.audit"]._count_back(
            lease,
            page,
            [values["received_at"] for _key, _item, values in new]
            + [
                row["received_at"]
                for row, _j, v in again
                if row["is_placeless"] or (v and not self._is_open(row))
            ],
        )

    def _by_key(self, lease: Lease, judged, folders):
        """The page by key; what lies in several places comes once.

        Mails without Message-ID that look the same and lie in one folder are several
        mails: each further one gets an ordinal (DESIGN 3, `key`).
        """
        mails, places = {}, {}
        twins = [item for item in judged if reader.may_be_a_twin(item)]
        taken = self._places_of(lease, twins, folders)
        for item in judged:
            place, key = item.presence.place, item.key
            if reader.may_be_a_twin(item):
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
                """SELECT key, id, state, reason, received_at, attempts, message_id,
                          orphan_pass IS NULL AND NOT EXISTS (
                              SELECT 1 FROM crm_mail_mirror_location l
                               WHERE l.copy_id = c.id) AS is_placeless
                     FROM crm_mail_mirror_copy c
                    WHERE mailbox_id = %s AND key = ANY(%s)""",
                lease.mailbox_id,
                list(digests),
            )
        )
        return {digests[row["key"]]: row for row in self.env.cr.dictfetchall()}

    def _newly_known(self, lease: Lease, mails):
        """Addresses of unmatched mail that became a contact's while the page was read.

        :raises Fenced: the last contact of a mail to be mirrored is gone meanwhile, or
            somebody's data was erased, or lapsed; or neither is so any more
        """
        unmatched, judged, everybody = set(), [], set()
        for first, *_rest in mails.values():
            if isinstance(first.decision, Decision):
                if first.decision.state is State.UNMATCHED:
                    unmatched |= first.external
                elif first.decision.state is State.MIRRORED or _forgets(first):
                    judged.append(first)
                    everybody.update(first.envelope.emails)
        emails = unmatched.union(*(item.decision.matched for item in judged))
        directory = self.env["crm.mail.mirror.directory"]._look_up(
            emails | everybody, lease.mailbox_id
        )
        known = known_among(emails, directory, lease.policy.match_domains)
        if any(_is_stale(item, known, directory) for item in judged):
            raise Fenced
        return known & unmatched

    def _identities(self, mails):
        """``{key: (identity, keyed hash of it)}`` of what is more than found again"""
        ring, idents = keyring(), {}
        for key, (first, *_rest) in mails.items():
            if first.decision is None and not first.error:
                continue
            ident = identity.identity(first.envelope, first.key)
            idents[key] = ident, ring.digest("identity", ident)
        return idents

    def _hidden_identities(self, lease: Lease, idents):
        """Mail its owner removed here stays hidden, however it came back.

        :return: ``{identity: keyed hash under which it is kept out}``
        """
        if not idents:
            return {}
        self.env.cr.execute(
            "SELECT email_normalized FROM crm_mail_mirror_mailbox WHERE id = %s",
            [lease.mailbox_id],
        )
        (account,) = self.env.cr.fetchone()
        suppressions = self.env["crm.mail.mirror.suppression"]
        return suppressions._hidden(account, {ident for ident, _d in idents.values()})

    def _ignored_identities(self, lease: Lease, idents):
        """Mail that could not be read, and that its owner wants no more tries of."""
        if not idents:
            return frozenset()
        digests = _digests((ident for ident, _digest in idents.values()), "identity")
        self.env.cr.execute(
            SQL(
                """SELECT identity_hash FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND state = 'hidden'
                      AND reason = 'ignored' AND identity_hash = ANY(%s)""",
                lease.mailbox_id,
                list(digests),
            )
        )
        return frozenset(digests[digest] for (digest,) in self.env.cr.fetchall())

    def _copy_values(self, item, ident, queued, hidden):
        """The row a decision makes; None for mail that leaves no row."""
        decision = item.decision
        if not (isinstance(decision, Decision) or item.error or item.is_removed):
            return None
        if isinstance(item.error, MessageGone):
            return None
        if isinstance(decision, Decision) and not decision.reason.leaves_row:
            return None
        received_at = item.presence.received_at
        if received_at == EPOCH:
            # nobody knows before it could be read: until then it counts for today
            received_at = datetime.now(UTC)
        values = {
            "received_at": naive(received_at),
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
        if item.is_removed and values["identity"] not in hidden:
            # taken back while the page was read: now it is asked for
            values |= {"state": "queued", "reason": "late", "next_try_at": now}
        elif item.is_late and values["identity"] not in hidden:
            # no time for its text in this run: the next one begins with it
            soon = now + timedelta(seconds=5)
            values |= {"state": "queued", "reason": "late", "next_try_at": soon}
        elif item.error:
            values |= {
                "state": "failed",
                "reason": item.error.code,
                "attempts": 1,
                "next_try_at": now + timedelta(minutes=RETRY_MINUTES[0]),
            }
        elif values["identity"] in hidden:
            digest = hidden[values["identity"]]
            values |= {"state": "hidden", "reason": "owner", "identity_hash": digest}
        elif decision.state is State.UNMATCHED and queued & item.external:
            values |= {"state": "queued", "reason": "contact", "next_try_at": now}
        else:
            values |= {"state": str(decision.state), "reason": str(decision.reason)}
            if decision.state is not State.MIRRORED:
                values["expires_at"] = now + timedelta(days=TRACE_DAYS)
        return values

    def _is_passed_over(self, row, item):
        """Once it could be read, a mail turned out to be one that leaves no row."""
        return (
            self._is_open(row)
            and isinstance(item.decision, Decision)
            and not item.error
            and not item.decision.reason.leaves_row
        )

    def _is_forgotten(self, lease: Lease, page: Page, item, queued):
        """Listed again, or looked for, but so old that its row went long ago."""
        told_before = lease.listing == "again" or (
            page.batch.relisted if page.batch else page.sought
        )
        decision = item.decision
        return (
            told_before
            and isinstance(decision, Decision)
            and not (item.error or item.is_removed)
            and decision.state is not State.MIRRORED
            and decision.reason.leaves_row
            and item.presence.received_at != EPOCH
            and is_long_ago(naive(item.presence.received_at))
            and not (decision.state is State.UNMATCHED and queued & item.external)
        )

    def _count_forgotten(self, lease: Lease, forgotten, days, expired):
        """While all is listed again the log begins anew, with mail that has no row.

        :return: short digests by which each is counted once, wherever it lies
        """
        if lease.listing != "again":
            return set()  # it is counted already
        fresh = set()
        for key, item in forgotten.items():
            digest = short_digest(key)
            if digest in fresh or is_counted(lease, key):
                continue
            day = naive(item.presence.received_at).date()
            forgot = day, str(item.decision.state), str(item.decision.reason)
            days[forgot] += 1
            expired[forgot] += 1
            if not reader.may_be_a_twin(item):
                fresh.add(digest)
        return fresh

    def _count_once(self, lease: Lease, new, days, expired):
        """What gets a row and is so old that it had one before is counted already."""
        if lease.listing == "first":
            return
        lines = Counter(
            line(values)
            for key, _item, values in new
            if is_long_ago(values["received_at"])
            and (lease.listing is None or is_counted(lease, key))
        )
        self.env["crm.mail.mirror.day"]._take_back(lease, lines, days, expired)

    def _is_decided_anew(self, row, values):
        """What waited is decided now; what was kept out may come in by now."""
        if not values or self._is_open(row):
            return bool(values)
        comes_in = values["state"] in ("mirrored", "queued", "failed")
        return comes_in and row["state"] in ("unmatched", "excluded")

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
        "state": "text",
        "reason": "text",
        "received_at": "timestamp",
        "direction": "text",
        "identity_hash": "text",
        "expires_at": "timestamp",
        "next_try_at": "timestamp",
        "attempts": "int",
        "message_id": "int",
        "body_id": "int",
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
            SQL(f"%s::{kind}[]", [values[name] for values in rows])
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


def _digests(values, purpose="key"):
    """``{keyed hash: value}`` under every key of the server: rows outlive rotations."""
    ring = keyring()
    return {hashed: each for each in values for hashed in ring.digests(purpose, each)}


def _forgets(item):
    return item.decision.reason in (Reason.ERASED, Reason.RETENTION)


def _is_stale(item, known, directory):
    """Would a mail that is to be mirrored, or that was forgotten, be so now?"""
    received_at, floors = naive(item.presence.received_at), directory.floors
    lapsed = {
        email
        for email in item.external
        if email in floors and received_at < naive(floors[email])
    }
    erased = not directory.erased.isdisjoint(item.envelope.emails)
    if item.decision.reason is Reason.ERASED:
        return not erased
    if item.decision.reason is Reason.RETENTION:
        return erased or not lapsed
    return erased or not known & (item.decision.matched - lapsed)


def _with_ordinal(key, number):
    return key if number == 1 else f"{key}#{number}"
