# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail written that is there: decided now, found again, or failed?"""

import itertools
from datetime import timedelta

from odoo import models
from odoo.tools import SQL

from ..engine import identity, reader
from ..engine.company_domains import known_among
from ..engine.providers.base import EPOCH, MessageGone
from ..engine.rules import Decision, Reason, State
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import TRACE_DAYS
from .crm_mail_mirror_listing import is_counted
from .crm_mail_mirror_page_copy import RETRY_MINUTES
from .lease import Fenced, Lease, Page, naive


class CrmMailMirrorPageMail(models.AbstractModel):
    _name = "crm.mail.mirror.page.mail"
    _description = "Writer of Mail That Is There"

    def _write_mail(self, lease: Lease, page: Page, folders, days, expired):
        """Rows for the mail of the page, decided, found again, or failed."""
        mails = self._by_key(lease, page.judged, folders)
        rows = self._existing(lease, mails)
        self._learn_expired(lease, mails.keys() - rows.keys())
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
        page.seconds = self.env["crm.mail.mirror.pulse"]._delays(
            lease, page, new, again
        )
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
            # a search's places say nothing of what the listing came by
            told = places if page.batch else ()
            self.env["crm.mail.mirror.listing"]._note(lease, told, page.counted)
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
        # moved while the page was read: what is there no more says nothing of the mail
        return {key: sorted(items, key=_is_gone) for key, items in mails.items()}

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
            somebody's data was erased, or lapsed; or neither is so any more; or a
            function that was the only one on a mail is a contact by now
        """
        unmatched, judged, everybody = set(), [], set()
        for first, *_rest in mails.values():
            if isinstance(first.decision, Decision):
                if first.decision.state is State.UNMATCHED:
                    unmatched |= first.external
                elif first.decision.state is State.MIRRORED or _depends(first):
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
        if _is_gone(item):
            return None
        if isinstance(decision, Decision) and not decision.reason.leaves_row:
            return None
        now, received_at = self._now(), naive(item.presence.received_at)
        if item.presence.received_at == EPOCH:
            # nobody knows before it could be read: until then it counts for today
            received_at = now
        values = {
            "received_at": received_at,
            "direction": "out" if item.outgoing else "in",
            "identity": ident[0],
            "identity_hash": ident[1],
            "expires_at": None,
            "next_try_at": None,
            "attempts": 0,
            "message_id": None,
            "body_id": None,
            "date": None,
        }
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

    def _is_decided_anew(self, row, values):
        """What waited is decided now; what was kept out may come in by now."""
        if not values or self._is_open(row):
            return bool(values)
        comes_in = values["state"] in ("mirrored", "queued", "failed")
        return comes_in and row["state"] in ("unmatched", "excluded")

    @staticmethod
    def _is_open(row):
        return row["state"] in ("queued", "failed")


def _digests(values, purpose="key"):
    """``{keyed hash: value}`` under every key of the server: rows outlive rotations."""
    ring = keyring()
    return {hashed: each for each in values for hashed in ring.digests(purpose, each)}


def _is_gone(item):
    return isinstance(item.error, MessageGone)


def _depends(item):
    """Is it kept out by what the directory says, and may come in by it?"""
    kept_out_by = (Reason.ERASED, Reason.RETENTION, Reason.ROLE_ADDRESS)
    return item.decision.reason in kept_out_by


def _is_stale(item, known, directory):
    """Would what the directory decided about a mail be decided otherwise now?"""
    if item.decision.reason is Reason.ROLE_ADDRESS:
        return not directory.known.isdisjoint(item.external)
    if item.decision.reason is Reason.CONTACT:
        # that its domain is known would make something else of it
        known &= directory.known
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
