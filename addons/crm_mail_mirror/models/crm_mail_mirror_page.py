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

import json
from collections import Counter
from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ..engine.reasons import Reason

# its parts come before it, whoever imports it first
from . import (  # noqa: F401
    crm_mail_mirror_page_copy,
    crm_mail_mirror_page_count,
    crm_mail_mirror_page_gone,
    crm_mail_mirror_page_leave,
    crm_mail_mirror_page_mail,
    crm_mail_mirror_page_shared,
)
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import TRACE_DAYS
from .crm_mail_mirror_listing import ends_listing
from .lease import LEASE_SECONDS, WRITERS_LOCK, Fenced, Lease, Orphan, Page

#: A server may say that it has more mail than a column can count.
MOST = 2**31 - 1


class CrmMailMirrorPage(models.AbstractModel):
    _name = "crm.mail.mirror.page"
    _inherit = [
        "crm.mail.mirror.page.mail",
        "crm.mail.mirror.page.count",
        "crm.mail.mirror.page.copy",
        "crm.mail.mirror.page.shared",
        "crm.mail.mirror.page.gone",
        "crm.mail.mirror.page.leave",
    ]
    _description = "Writer of Mirrored Mail"

    # ---- before the network: what is known already ----------------------------------

    @api.model
    def _known_keys(self, lease: Lease, keys, decided=True):
        """Which of these mail keys (in clear) have a row in this mailbox?

        :param decided: not those that wait to be read or to be tried again, whose time
            is over, or that are not mirrored while all is listed again: they are judged
            anew
        """
        undecided = ["queued", "failed"]
        if lease.listing == "again":
            undecided += ["unmatched", "excluded"]
        digests = _digests(keys)
        if not digests:
            return frozenset()
        self.env.cr.execute(
            SQL(
                """SELECT key FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND key = ANY(%s) %s""",
                lease.mailbox_id,
                list(digests),
                SQL(
                    """AND NOT state = ANY(%s) AND (
                       expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC')""",
                    undecided,
                )
                if decided
                else SQL(),
            )
        )
        return frozenset(digests[digest] for (digest,) in self.env.cr.fetchall())

    # ---- the page -------------------------------------------------------------------

    @api.model
    def _store(self, lease: Lease, page: Page) -> list[Orphan]:
        """Write a page and the cursor that passes it.

        :return: mirrored copies that lost their last location with this page
        :raises Fenced: the mailbox was taken over or its rules changed
        :raises Many: too much goes with it (see ``crm_mail_mirror_page_leave.py``)
        """
        self._fence(lease)
        batch, orphans = page.batch, []
        days, expired = Counter(), Counter()
        folders = self._folders(lease, batch)
        if page.part == "mail":
            batch = None
        elif batch:
            if not page.part:
                self._check_few(lease, folders, page)
            self._forget_folders(lease, batch)
            self._void_generations(lease, folders, batch.reset)
        self._write_mail(lease, page, folders, days, expired)
        if batch:
            if not page.part:
                orphans = self._drop_locations(lease, folders, batch.absent, days)
            if batch.pass_complete:
                self._end_listing(lease, batch)
                lease.pass_no += 1
                self._judge_orphans(lease, days)
            self._count_passed_by(batch, days, expired)
        elif not page.part:
            self._drop_places(lease, folders, page.lost)
            self._set_aside(folders, page.asked, days)
        self.env["crm.mail.mirror.suggestion"]._look_through(lease, page)
        if page.search:
            self.env["crm.mail.mirror.search"]._advance(page.search)
        self.env["crm.mail.mirror.day"]._add(lease, days, expired)
        self.env["crm.mail.mirror.pulse"]._add_mail(lease, page.seconds)
        self._move_cursor(lease, batch)
        return orphans

    def _fence(self, lease: Lease):
        cr = self.env.cr
        cr.execute("SELECT pg_advisory_xact_lock_shared(%s)", [WRITERS_LOCK])
        cr.execute(
            SQL(
                """SELECT lease_token, cursor_seq, state, listing, listing_mark
                     FROM crm_mail_mirror_mailbox WHERE id = %s FOR NO KEY UPDATE""",
                lease.mailbox_id,
            )
        )
        *held, lease.listing, lease.listing_mark = cr.fetchone() or (None,) * 5
        if held != [lease.token, lease.cursor_seq, "active"]:
            raise Fenced
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
        # in a statement of its own: it sees what was committed while we waited
        if mailbox._policy_stamp() != lease.policy_seq:
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
                # a part of the first page stands under no cursor yet
                json.dumps(batch.cursor) if batch.cursor else None,
                lease.cursor_seq,
                lease.pass_no,
                min(batch.done, MOST),
                min(batch.total, MOST),
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
                    """UPDATE crm_mail_mirror_folder SET remote_ref = %(new)s
                        WHERE mailbox_id = %(mailbox)s AND remote_ref = %(old)s
                          -- told a second time: that of a page that came in parts
                          AND NOT EXISTS (
                              SELECT 1 FROM crm_mail_mirror_folder f
                               WHERE f.mailbox_id = %(mailbox)s
                                 AND f.remote_ref = %(new)s)""",
                    new=new,
                    mailbox=lease.mailbox_id,
                    old=old,
                )
            )
        if batch and batch.folders is not None:
            off = lease.skip
            rows = sorted(
                (f.ref, f.name, f.role, f.parent, f.ref not in off)
                for f in batch.folders
            )
            cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_folder
                              (mailbox_id, remote_ref, name, role, parent_ref, selected,
                               create_date, write_date)
                       SELECT %s, f.*, now(), now()
                         FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[],
                                     %s::bool[]) AS f(ref, name, role, parent, selected)
                       ON CONFLICT (mailbox_id, remote_ref) DO UPDATE
                          SET name = EXCLUDED.name, role = EXCLUDED.role,
                              parent_ref = EXCLUDED.parent_ref
                        WHERE (crm_mail_mirror_folder.name, crm_mail_mirror_folder.role,
                               crm_mail_mirror_folder.parent_ref)
                              IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.role,
                                                EXCLUDED.parent_ref)""",
                    lease.mailbox_id,
                    *map(list, zip(*rows, strict=True) if rows else [[]] * 5),
                )
            )
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

    def _forget_folders(self, lease: Lease, batch):
        """Folders that are no more; their mail becomes orphans, not deleted."""
        vanished = self._vanished(lease, batch)
        if not vanished:
            return
        cr = self.env.cr
        cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location WHERE folder_id = ANY(%s)
                RETURNING copy_id""",
                list(vanished),
            )
        )
        self._mark_orphans(lease, {copy for (copy,) in cr.fetchall()})
        cr.execute(
            SQL("DELETE FROM crm_mail_mirror_folder WHERE id = ANY(%s)", list(vanished))
        )
        for ref in vanished.values():
            lease.roles.pop(ref, None)

    def _void_generations(self, lease: Lease, folders, reset):
        """UIDVALIDITY changed: the places are void; the mail waits to be found."""
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

    def _end_listing(self, lease: Lease, batch):
        """Everything was listed, maybe once more: what was not told is gone by now."""
        if ends_listing(lease, batch):
            self.env["crm.mail.mirror.listing"]._end(lease)
            self.env["crm.mail.mirror.search"]._listed(lease)
            self.env["crm.mail.mirror.audit"]._listed(lease)

    def _count_passed_by(self, batch, days, expired):
        """Mail that a first import did not list, as nobody's address is on it.

        It stands in the log like unmatched mail whose rows went in time, on the latest
        day it may be of. When all is listed again the log begins anew from the rows
        there are (``_recount``): then this line goes, and what that import passes by
        is told at its end.
        """
        if batch.passed_by:
            latest = self._now() - timedelta(days=TRACE_DAYS)
            reason = Reason.NOT_LISTED
            passed = latest.date(), str(reason.state), str(reason)
            days[passed] += batch.passed_by
            expired[passed] += batch.passed_by


def _digests(values, purpose="key"):
    """``{keyed hash: value}`` under every key of the server: rows outlive rotations."""
    ring = keyring()
    return {hashed: each for each in values for hashed in ring.digests(purpose, each)}
