# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of mail that left its place: moved, gone, or too much at once?"""

import json
from collections import Counter

from odoo import api, models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES, EXCLUDED, GONE, LIVE, Lookup, Place
from .crm_mail_mirror_day import line
from .lease import Lease, Orphan

#: Departures in one pass beyond this share need a second look (DESIGN 4).
BRAKE_SHARE = 0.1
BRAKE_COUNT = 50


class CrmMailMirrorPageGone(models.AbstractModel):
    _name = "crm.mail.mirror.page.gone"
    _description = "Writer of Mail That Went"

    def _drop_locations(self, lease: Lease, folders, absences, days):
        """Departures, told as ranges. :return: mirrored copies without a place"""
        cr, gone, unwanted = self.env.cr, {}, set()
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
                if absence.unwanted:
                    unwanted.add(copy)
                else:
                    gone[copy] = Place(absence.folder, generation, ref)
        self._delete_placeless(unwanted, days)
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

    def _mark_orphans(self, lease: Lease, copies, doubted=()):
        """Of these copies, those without any place wait for two complete passes.

        :param copies: ids, or ``{id: the place that went}``
        :param doubted: nobody told that they went: a listing did not name them. Of
            copies in these states none goes before the provider was asked
        :return: the mirrored ones among them whose place is known
        """
        if not copies:
            return []
        places = copies.values() if doubted else [None] * len(copies)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET orphan_pass = %s, orphan_place = CASE
                          WHEN c.state = ANY(%s::text[]) THEN p.place END
                     FROM unnest(%s::int[], %s::jsonb[]) AS p(copy, place)
                    WHERE c.id = p.copy AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_location l
                           WHERE l.copy_id = c.id)
                RETURNING c.id, c.state, (SELECT m.internet_message_id
                          FROM crm_mail_mirror_message m WHERE m.id = c.message_id)""",
                lease.pass_no,
                list(doubted),
                list(copies),
                [p and json.dumps([p.folder, p.generation, p.ref]) for p in places],
            )
        )
        return [
            Orphan(copy, Lookup(copies[copy], message_id=message_id or ""))
            for copy, state, message_id in self.env.cr.fetchall()
            if state == "mirrored" and isinstance(copies, dict)
        ]

    @api.model
    def _doubtful(self, lease: Lease, limit=1000):
        """Mail without place that no listing named: what the provider is asked next."""
        self.env.cr.execute(
            """SELECT c.id, c.orphan_place, m.internet_message_id
                 FROM crm_mail_mirror_copy c
                 LEFT JOIN crm_mail_mirror_message m ON m.id = c.message_id
                WHERE c.mailbox_id = %s AND c.orphan_pass IS NOT NULL
                  AND c.orphan_place IS NOT NULL ORDER BY c.id LIMIT %s""",
            [lease.mailbox_id, limit],
        )
        return [
            Orphan(copy, Lookup(Place(*place), message_id=message_id or ""))
            for copy, place, message_id in self.env.cr.fetchall()
        ]

    def _judge_orphans(self, lease: Lease, days):
        """After a complete pass: what stayed an orphan for one more pass is gone.

        The brake: much mirrored mail at once is hidden instead, until a second complete
        pass and then the owner have said so.
        """
        rows = self._due_orphans(lease, lease.pass_no)
        is_too_much = self._is_too_much(lease, lease.pass_no, rows)
        self._remove_orphans(lease, lease.pass_no, rows, is_too_much, days)
        if not is_too_much and self._is_hidden_yet(lease):
            if not self._is_confirmed(lease):
                self._set_brake(lease, "asked")

    def _due_orphans(self, lease: Lease, pass_no, where=None, limit=None):
        """Copies without place since before the pass that ended before this one.

        :param pass_no: how many passes there were
        :return: ``[(copy id, state)]``; not what the brake hid already, nor what the
            provider is still to be asked about
        """
        self.env.cr.execute(
            SQL(
                """SELECT id, state FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND orphan_pass <= %s AND %s
                      AND orphan_place IS NULL
                      AND (state, reason) IS DISTINCT FROM ('hidden', 'brake')
                    LIMIT %s""",
                lease.mailbox_id,
                pass_no - 2,
                where or SQL("TRUE"),
                limit,
            )
        )
        return self.env.cr.fetchall()

    def _remove_orphans(self, lease: Lease, pass_no, rows, is_too_much, days):
        mirrored = [copy for copy, state in rows if state == "mirrored"]
        gone = [copy for copy, state in rows if state != "mirrored"]
        if is_too_much:
            self._hide(mirrored, pass_no, days)
            self._set_brake(lease, "waiting")
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
            self.env["crm.mail.mirror.audit"]._doubt(mailbox, "brake")
        else:
            gone += mirrored
        self._delete_copies(gone, days)

    def _is_too_much(self, lease: Lease, pass_no, rows):
        """Of these, and what was hidden of them already after this pass, in steps."""
        self.env.cr.execute(
            """SELECT count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s AND orphan_pass = %s
                  AND state = 'hidden' AND reason = 'brake'""",
            [lease.mailbox_id, pass_no - 1],
        )
        (hidden,) = self.env.cr.fetchone()
        count = hidden + sum(state == "mirrored" for _copy, state in rows)
        if count <= BRAKE_COUNT:
            return False
        self.env.cr.execute(
            """SELECT count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s AND state = 'mirrored'""",
            [lease.mailbox_id],
        )
        return count > BRAKE_SHARE * (hidden + self.env.cr.fetchone()[0])

    def _is_hidden_yet(self, lease: Lease):
        """Did a second complete pass not find what the brake hid?"""
        self.env.cr.execute(
            """SELECT EXISTS (SELECT 1 FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s AND orphan_pass <= %s
                  AND state = 'hidden' AND reason = 'brake')""",
            [lease.mailbox_id, lease.pass_no - 2],
        )
        return self.env.cr.fetchone()[0]

    def _hide(self, copies, pass_no, days):
        """Until the next complete pass at least, and so it counts from here on."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET state = 'hidden', reason = 'brake',
                          orphan_pass = %s
                     FROM crm_mail_mirror_copy o
                    WHERE o.id = c.id AND c.id = ANY(%s)
                RETURNING o.received_at, o.state, o.reason""",
                pass_no - 1,
                copies,
            )
        )
        for row in self.env.cr.dictfetchall():
            days[line(row)] -= 1
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

    def _is_confirmed(self, lease: Lease):
        """The owner was asked before, and what the brake hid is on its way out."""
        self.env.cr.execute(
            "SELECT brake = 'confirmed' FROM crm_mail_mirror_mailbox WHERE id = %s",
            [lease.mailbox_id],
        )
        return self.env.cr.fetchone()[0]

    def _set_brake(self, lease: Lease, brake):
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_mailbox SET brake = %s WHERE id = %s",
            [brake, lease.mailbox_id],
        )

    @api.model
    def _settle_orphans(self, lease: Lease, fates):
        """Orphans whose fate the provider knows go at once, or get their place back.

        :param fates: ``{copy id: Fate}``
        """
        self._fence(lease)
        self.env.cr.execute(
            SQL(
                """SELECT id FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s AND id = ANY(%s) AND orphan_pass IS NOT NULL
                """,
                lease.mailbox_id,
                list(fates),
            )
        )
        orphans = {copy: fates[copy] for (copy,) in self.env.cr.fetchall()}
        days = Counter()
        self._delete_copies(
            [c for c, fate in orphans.items() if fate.state in (GONE, EXCLUDED)], days
        )
        self._put_back(
            lease,
            [
                (copy, place)
                for copy, fate in orphans.items()
                if fate.state == LIVE
                for place in fate.places
            ],
        )
        # of the others the provider can not tell: time does
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy SET orphan_place = NULL,
                          orphan_pass = greatest(orphan_pass, %s)
                    WHERE id = ANY(%s) AND orphan_place IS NOT NULL
                      AND orphan_pass IS NOT NULL""",
                lease.pass_no - 1,
                list(orphans),
            )
        )
        self.env["crm.mail.mirror.day"]._add(lease, days)

    def _put_back(self, lease: Lease, places):
        """What was told as gone and is there yet: it may never be told again.

        :param places: ``[(copy id, place)]``
        """
        folders = self._folders(lease, None)
        rows = [
            (copy, folders[place.folder], place.generation, place.ref)
            for copy, place in places
            if lease.roles.get(place.folder) in COUNTED_ROLES
        ]
        if not rows:
            return
        self.env.cr.execute(
            SQL(
                """WITH back AS (
                       INSERT INTO crm_mail_mirror_location
                                   (copy_id, folder_id, generation, ref)
                       SELECT * FROM unnest(%s::int[], %s::int[], %s::text[],
                                            %s::text[])
                       ON CONFLICT (folder_id, generation, ref) DO NOTHING
                       RETURNING copy_id)
                   UPDATE crm_mail_mirror_copy
                      SET orphan_pass = NULL, orphan_place = NULL
                    WHERE id IN (SELECT copy_id FROM back)""",
                *map(list, zip(*rows, strict=True)),
            )
        )

    def _delete_placeless(self, copies, days):
        """Of these, those without any place: their owner does not want them."""
        if not copies:
            return
        self.env.cr.execute(
            """SELECT c.id FROM crm_mail_mirror_copy c WHERE c.id = ANY(%s)
                  AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_location l
                                   WHERE l.copy_id = c.id)""",
            [list(copies)],
        )
        self._delete_copies([copy for (copy,) in self.env.cr.fetchall()], days)

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
                line({"received_at": received_at, "state": state, "reason": reason})
            ] -= 1
            messages.add(message)
        self._forget_unseen(messages - {None})

    # ---- messages nobody has any more -----------------------------------------------

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
