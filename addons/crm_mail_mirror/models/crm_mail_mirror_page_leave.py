# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What if much goes with one page: a folder that vanished, places that became void, all
that was not told when everything was listed again, a pass after which much is gone?

Then the page comes in parts: its mail, under the cursor that stands already; what goes,
in short steps; the rest, and with it the cursor. Broken off anywhere, the same page is
pulled again, and tells again what is left of that.
"""

from collections import Counter

from odoo import api, models
from odoo.tools import SQL

from ..engine.providers.base import Place
from .crm_mail_mirror_listing import ends_listing
from .lease import Lease, Many, Page
from .slice import Slice

#: Places that one transaction gives up, and mails that it removes.
PLACES, COPIES = Slice(200, most=2000), Slice(100)


class CrmMailMirrorPageLeave(models.AbstractModel):
    _name = "crm.mail.mirror.page.leave"
    _description = "Writer of Much Mail That Goes"

    # ---- is it much? ----------------------------------------------------------------

    def _check_few(self, lease: Lease, folders, page: Page):
        """:raises Many: more goes with this page than one transaction gives up"""
        batch = page.batch
        if ends_listing(lease, batch):
            if lease.listing == "again" or lease.listing_mark:
                raise Many
        if batch.pass_complete:
            due = self._due_orphans(lease, lease.pass_no + 1, limit=COPIES.size + 1)
            if len(due) > COPIES.size:
                raise Many
        queries = [places for _kind, places in self._leaving(lease, folders, batch)]
        if not queries:
            return
        self.env.cr.execute(
            SQL(
                "SELECT count(*) FROM (SELECT 1 FROM (%s) AS g LIMIT %s) AS few",
                SQL(" UNION ALL ").join(queries),
                PLACES.size + 1,
            )
        )
        if self.env.cr.fetchone()[0] > PLACES.size:
            raise Many

    def _vanished(self, lease: Lease, batch):
        """``{id: ref}`` of folders that are not told any more."""
        if batch.folders is None:
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT id, remote_ref FROM crm_mail_mirror_folder
                    WHERE mailbox_id = %s AND NOT remote_ref = ANY(%s)""",
                lease.mailbox_id,
                [folder.ref for folder in batch.folders],
            )
        )
        return dict(self.env.cr.fetchall())

    def _leaving(self, lease: Lease, folders, batch):
        """Which places go with this batch?

        :return: ``[(kind, query of their ids)]``: ``void`` places wait to be found
            anew, of mail that is ``gone`` from one the provider is asked, and what is
            ``unwanted`` goes at once
        """
        queries, vanished = [], self._vanished(lease, batch)
        if vanished:
            queries.append(
                (
                    "void",
                    SQL(
                        """SELECT id FROM crm_mail_mirror_location
                            WHERE folder_id = ANY(%s)""",
                        list(vanished),
                    ),
                )
            )
        for ref, generation in batch.reset:
            queries.append(
                (
                    "void",
                    SQL(
                        """SELECT id FROM crm_mail_mirror_location
                            WHERE folder_id = %s AND generation != %s""",
                        folders.get(ref, 0),
                        generation,
                    ),
                )
            )
        for absence in batch.absent:
            if folders.get(absence.folder) and absence.ranges:
                query = self._absent(folders[absence.folder], absence)
                queries.append(("unwanted" if absence.unwanted else "gone", query))
        return queries

    @staticmethod
    def _absent(folder, absence):
        return SQL(
            """SELECT l.id FROM unnest(%s::text[], %s::text[]) AS r(low, high)
                 JOIN crm_mail_mirror_location l ON l.folder_id = %s
                      AND l.generation = %s AND l.ref BETWEEN r.low AND r.high""",
            [low for low, _high in absence.ranges],
            [high for _low, high in absence.ranges],
            folder,
            absence.generation,
        )

    # ---- what the steps do ----------------------------------------------------------

    @api.model
    def _all_leaving(self, lease: Lease, batch):
        """All that goes with this batch, read without any lock.

        Whoever holds the lease writes these places alone; each step is fenced.

        :return: ``[(kind, ids of places)]``; ``untold``: by a listing that is over
        """
        folders, found = self._folders(lease, None), []
        for kind, places in self._leaving(lease, folders, batch):
            self.env.cr.execute(places)
            found.append((kind, [place for (place,) in self.env.cr.fetchall()]))
        if ends_listing(lease, batch):
            untold = self.env["crm.mail.mirror.listing"]._untold(lease)
            found.append(("untold", untold))
        return found

    @api.model
    def _leave(self, lease: Lease, kind, places):
        """One step: these places are given up.

        :param kind: see ``_all_leaving``
        :return: mirrored copies without a place that are to be asked about; those that
            were untold are to be had from ``_doubtful``, however this run ends
        """
        self._fence(lease)
        names = {folder: ref for ref, folder in self._folders(lease, None).items()}
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_location WHERE id = ANY(%s)
                RETURNING copy_id, folder_id, generation, ref""",
                places,
            )
        )
        gone = {
            copy: Place(names[folder], generation, ref)
            for copy, folder, generation, ref in self.env.cr.fetchall()
        }
        orphans, days = [], Counter()
        if kind == "unwanted":
            self._delete_placeless(set(gone), days)
        elif kind == "void":
            self._mark_orphans(lease, set(gone))
        elif kind == "untold":
            lost = self._mark_orphans(lease, gone, doubted=("mirrored",))
            self.env["crm.mail.mirror.audit"]._untold(lease, lost)
        else:
            orphans = self._mark_orphans(lease, gone)
        self.env["crm.mail.mirror.day"]._add(lease, days)
        return orphans

    @api.model
    def _all_due(self, lease: Lease):
        """What stays an orphan after the pass that is about to be over.

        :return: (whether it is too much, ids of copies)
        """
        rows = self._due_orphans(lease, lease.pass_no + 1)
        return (
            self._is_too_much(lease, lease.pass_no + 1, rows),
            [copy for copy, _state in rows],
        )

    @api.model
    def _let_go(self, lease: Lease, is_too_much, copies):
        """One step: these of them are gone, or hidden if it is too much at once."""
        self._fence(lease)
        days, pass_no = Counter(), lease.pass_no + 1
        rows = self._due_orphans(lease, pass_no, SQL("id = ANY(%s)", copies))
        self._remove_orphans(lease, pass_no, rows, is_too_much, days)
        self.env["crm.mail.mirror.day"]._add(lease, days)
