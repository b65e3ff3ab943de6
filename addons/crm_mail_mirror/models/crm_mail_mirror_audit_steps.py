# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is a comparison written down, step by step? Each a short transaction.

Those of the last week are fenced like pages: whoever takes the mailbox over begins the
comparison anew, and what was brought back till then is found by its key and counted.
"""

import time
from datetime import UTC, datetime, timedelta

from odoo import api, models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES, Place
from .crm_mail_mirror_audit import MARGIN
from .jobs import trigger
from .lease import Lease, naive
from .slice import Slice

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Copies that are asked about when a list of the last week does not name them.
_DOUBTED = ("mirrored", "queued", "failed", "unmatched", "excluded")
#: Mirrored mails that are judged anew in one transaction.
SLICE = Slice(100, most=1000)


class CrmMailMirrorAudit(models.Model):
    _inherit = "crm.mail.mirror.audit"

    # ---- the last week --------------------------------------------------------------

    @api.model
    def _begin_week(self, lease: Lease, audit):
        """:return: the number of the last place there is"""
        self._page()._fence(lease)
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_audit
                  SET state = 'running', unread = 0,
                      begun_at = coalesce(begun_at, now() AT TIME ZONE 'UTC')
                WHERE id = %s""",
            [audit],
        )
        self.env.cr.execute("SELECT coalesce(max(id), 0) FROM crm_mail_mirror_location")
        return self.env.cr.fetchone()[0]

    @api.model
    def _compare(self, lease: Lease, audit):
        """Everything that was listed ought to be known by now.

        :return: places that nobody knows, newest first
        """
        self._page()._fence(lease)
        self.env["crm.mail.mirror.day"]._mend(
            lease.mailbox_id, naive(audit.since).date() - timedelta(days=1)
        )
        folders = self._listed_folders(lease, audit)
        names = {folder: ref for ref, folder in folders.items()}
        self.env.cr.execute(
            SQL(
                """SELECT t.folder, t.generation, t.ref FROM %s
                    WHERE NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_location l
                           WHERE l.folder_id = t.folder AND l.ref = t.ref
                             AND l.generation = t.generation)
                    ORDER BY t.ref DESC""",
                self._told(folders, audit),
            )
        )
        missing = [
            Place(names[folder], generation, ref)
            for folder, generation, ref in self.env.cr.fetchall()
        ]
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_audit SET seen = %s WHERE id = %s",
            [
                sum(len(c.refs) for c in audit.listing if c.folder.ref in folders),
                audit.id,
            ],
        )
        return missing

    @api.model
    def _settle(self, lease: Lease, audit):
        """Places of the last week that were known and were not named: what has no
        other is asked about (``page._doubtful``)."""
        page = self._page()
        page._fence(lease)
        folders = self._listed_folders(lease, audit)
        names = {folder: ref for ref, folder in folders.items()}
        since = naive(audit.since + MARGIN)
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location l
                    USING crm_mail_mirror_copy c
                    WHERE c.mailbox_id = %s AND c.received_at >= %s
                      AND l.copy_id = c.id AND l.folder_id = ANY(%s) AND l.id <= %s
                      AND NOT EXISTS (
                          SELECT 1 FROM %s
                           WHERE l.folder_id = t.folder AND l.ref = t.ref
                             AND l.generation = t.generation)
                RETURNING l.copy_id, l.folder_id, l.generation, l.ref""",
                lease.mailbox_id,
                since,
                list(names),
                audit.mark,
                self._told(folders, audit),
            )
        )
        lost = page._mark_orphans(
            lease,
            {
                copy: Place(names[folder], generation, ref)
                for copy, folder, generation, ref in self.env.cr.fetchall()
            },
            # mail comes and goes while a long list is read: it may have passed by one
            doubted=_DOUBTED,
        )
        placeless = self._mark_placeless(lease, since)
        self._note_dropped(audit.id, [*(each.copy_id for each in lost), *placeless])

    def _mark_placeless(self, lease: Lease, since, ids=None):
        """Rows that lie nowhere and that nobody waits for.

        :param ids: only of these copies
        :return: the mirrored ones
        """
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET orphan_pass = %s
                    WHERE %s %s RETURNING c.id, c.state""",
                lease.pass_no,
                self._is_placeless(lease, since),
                SQL() if ids is None else SQL("AND c.id = ANY(%s)", ids),
            )
        )
        return [copy for copy, state in self.env.cr.fetchall() if state == "mirrored"]

    @staticmethod
    def _is_placeless(lease: Lease, since):
        return SQL(
            """c.mailbox_id = %s AND c.received_at >= %s AND c.orphan_pass IS NULL
               AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_location l
                                WHERE l.copy_id = c.id)""",
            lease.mailbox_id,
            since,
        )

    @api.model
    def _finish(self, lease: Lease, audit):
        self._page()._fence(lease)
        self._end(audit)

    def _listed_folders(self, lease: Lease, audit):
        """Folders that were listed and count: ``{remote ref: id}``"""
        listed = {c.folder.ref for c in audit.listing if c.refs is not None}
        return {
            ref: folder
            for ref, folder in self._page()._folders(lease, None).items()
            if ref in listed and lease.roles.get(ref) in COUNTED_ROLES
        }

    @staticmethod
    def _told(folders, audit):
        """What was listed, as a table ``t``."""
        rows = [
            (folders[count.folder.ref], count.generation, ref)
            for count in audit.listing
            if count.folder.ref in folders
            for ref in count.refs
        ]
        return SQL(
            "unnest(%s::int[], %s::text[], %s::text[]) AS t(folder, generation, ref)",
            *(map(list, zip(*rows, strict=True)) if rows else ([], [], [])),
        )

    # ---- everything -----------------------------------------------------------------

    @api.model
    def _step(self):
        """One step of one comparison of everything: begin it, or judge some more.

        :return: whether there was one
        """
        self.env.cr.execute(
            """SELECT a.id, a.state FROM crm_mail_mirror_audit a
                 JOIN crm_mail_mirror_mailbox m ON m.id = a.mailbox_id
                WHERE a.kind = 'all' AND (a.state = 'judging'
                      OR a.state = 'waiting' AND m.state = 'active'
                         AND m.listing IS DISTINCT FROM 'first')
                ORDER BY a.id LIMIT 1 FOR NO KEY UPDATE OF a SKIP LOCKED"""
        )
        for audit, state in self.env.cr.fetchall():
            found = self.browse(audit)
            if state == "waiting":
                found._begin_all()
            else:
                found._judge_some()
            return True
        return False

    def _begin_all(self):
        """List all of it again, unless that is under way already."""
        mailbox = self.mailbox_id.sudo()
        self.env.cr.execute(
            """SELECT listing FROM crm_mail_mirror_mailbox WHERE id = %s
                  FOR NO KEY UPDATE""",
            [mailbox.id],
        )
        mailbox.invalidate_recordset()
        if mailbox.listing == "first":
            return  # all of it is listed anyway, and compared after that
        if not mailbox.listing:
            mailbox._list_again(recounts=True)
            self.env["crm.mail.mirror.sync"]._trigger()
        self._run_all()

    def _run_all(self):
        """All is being listed: what comes now and was received before was missing."""
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_audit a
                  SET state = 'running', begun_at = now() AT TIME ZONE 'UTC',
                      compared_until = coalesce(
                          m.last_sync_at - interval '5 minutes',
                          now() AT TIME ZONE 'UTC')
                 FROM crm_mail_mirror_mailbox m
                WHERE m.id = a.mailbox_id AND a.id = ANY(%s) AND a.state = 'waiting'""",
            [self.ids],
        )
        self.invalidate_recordset()

    def _of_all(self, lease: Lease):
        """The comparison of everything for which a mailbox is listed again."""
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_audit
                WHERE mailbox_id = %s AND kind = 'all' AND state = 'running'""",
            [lease.mailbox_id],
        )
        return [audit for (audit,) in self.env.cr.fetchall()]

    @api.model
    def _untold(self, lease: Lease, orphans):
        """These were told by no page."""
        for audit in self._of_all(lease):
            self._note_dropped(audit, [each.copy_id for each in orphans])

    @api.model
    def _lost(self, lease: Lease):
        """While all is compared: copies that lie nowhere, ids."""
        if not self._of_all(lease):
            return []
        self.env.cr.execute(
            SQL(
                "SELECT c.id FROM crm_mail_mirror_copy c WHERE %s",
                self._is_placeless(lease, naive(_BEGINNING)),
            )
        )
        return [copy for (copy,) in self.env.cr.fetchall()]

    @api.model
    def _note_lost(self, lease: Lease, copies):
        """One step of what is done about them."""
        self._page()._fence(lease)
        lost = self._mark_placeless(lease, naive(_BEGINNING), copies)
        for audit in self._of_all(lease):
            self._note_dropped(audit, lost)

    @api.model
    def _listed(self, lease: Lease):
        """All was listed, what no page told is gone; now it is judged anew."""
        audits = self._of_all(lease)
        if audits:
            self.env.cr.execute(
                """UPDATE crm_mail_mirror_audit SET state = 'judging', judged = 0
                    WHERE id = ANY(%s)""",
                [audits],
            )
            trigger(self.env, "audit")

    def _judge_some(self):
        """Some more of what is mirrored, judged by today's rules."""
        review, mailbox = self.env["crm.mail.mirror.review"], self.mailbox_id.sudo()
        self.env.cr.execute(
            "SELECT judged FROM crm_mail_mirror_audit WHERE id = %s", [self.id]
        )
        (after,) = self.env.cr.fetchone()
        # from here on no rule or contact comes between verdict and deed
        review._hold(mailbox)
        began, limit = time.monotonic(), SLICE.size
        decisions = review._judge(mailbox, after=after, limit=limit)
        changed = review._apply(mailbox, decisions) if decisions else 0
        SLICE.took(len(decisions), time.monotonic() - began)
        if decisions:
            self.env.cr.execute(
                """UPDATE crm_mail_mirror_audit
                      SET judged = %s, changed = changed + %s WHERE id = %s""",
                [decisions[-1][0], changed, self.id],
            )
        if len(decisions) < limit:
            self.env.cr.execute(
                """UPDATE crm_mail_mirror_audit SET seen = (
                          SELECT coalesce(sum(count), 0) FROM crm_mail_mirror_day d
                           WHERE d.mailbox_id = crm_mail_mirror_audit.mailbox_id)
                    WHERE id = %s""",
                [self.id],
            )
            self._end(self.id)
        self.invalidate_recordset()

    # ---- both -----------------------------------------------------------------------

    @api.model
    def _count_back(self, lease: Lease, page, received):
        """Mail that was missing is brought back by this page.

        :param received: when each was received
        """
        if page.audit and page.unread:
            self.env.cr.execute(
                """UPDATE crm_mail_mirror_audit
                      SET unread = coalesce(unread, 0) + %s WHERE id = %s""",
                [page.unread, page.audit],
            )
        if not received or not (page.audit or lease.listing == "again"):
            return
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_audit a SET missing = missing + (
                          SELECT count(*) FROM unnest(%s::timestamp[]) AS r(at)
                           WHERE a.kind = 'week' OR r.at < a.compared_until)
                    WHERE a.mailbox_id = %s AND a.state = 'running' AND %s""",
                received,
                lease.mailbox_id,
                SQL("a.id = %s", page.audit) if page.audit else SQL("a.kind = 'all'"),
            )
        )

    @api.model
    def _note_dropped(self, audit, copies):
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_audit
                  SET dropped = coalesce(dropped, '[]') || to_jsonb(%s::int[])
                WHERE id = %s""",
            [copies, audit],
        )

    @api.model
    def _end(self, audit):
        """It is over: those that lost their place and have none yet were gone."""
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_audit a
                  SET state = 'done', ended_at = now() AT TIME ZONE 'UTC',
                      dropped = NULL, gone = (
                      SELECT count(DISTINCT d.id)
                        FROM jsonb_array_elements_text(coalesce(a.dropped, '[]'))
                             AS e(text)
                       CROSS JOIN LATERAL (SELECT e.text::int AS id) AS d
                       WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_location l
                                          WHERE l.copy_id = d.id))
                WHERE a.id = %s AND a.state != 'done'""",
            [audit],
        )

    def _page(self):
        return self.env["crm.mail.mirror.page"]
