# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How long is mail kept, and what happens when that time is over?

A company says so in months: after the last mail with a contact, and after the last lead
of a contact was lost. An address whose time is over gets a floor, a moment before which
mail does not match it any more. Mail that nobody else is on goes then, and does not
come back; what the contact writes later is above the floor and comes as ever.

One row is the job's: how far it is, and what it did last.
"""

import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.company_domains import known_among
from ..engine.reasons import Reason
from .lease import FLOORS_LOCK

#: Addresses, and mails, looked at in one step.
STEP = 500
#: Seconds for counting what the job would do.
PREVIEW = 10.0
#: Which setting belongs to which floor.
SETTINGS = {"mail": "mirror_retention_months", "lost": "mirror_lost_months"}
#: Beyond this it is a slip of the hand.
MOST_MONTHS = 600


class CrmMailMirrorRetention(models.Model):
    _name = "crm.mail.mirror.retention"
    _description = "Purge of Mail That Was Kept Long Enough"
    _rec_name = "company_id"
    _order = "company_id"

    company_id = fields.Many2one(
        comodel_name="res.company", required=True, readonly=True, ondelete="cascade"
    )
    # the address the job came to; 0 when it has nothing to do
    at_address = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    is_running = fields.Boolean(readonly=True)
    begun_at = fields.Datetime(readonly=True)
    ended_at = fields.Datetime(readonly=True)

    _company_uniq = models.UniqueIndex("(company_id)")

    @api.model
    def _months(self, company):
        """``{origin: months}`` of a company's settings; 0: for ever"""
        return {origin: company[name] or 0 for origin, name in SETTINGS.items()}

    # ---- whose time is over ---------------------------------------------------------

    @api.model
    def _floors(self, company, months, after=0, limit=STEP):
        """Addresses whose mail was kept long enough, and is here yet.

        :param months: ``{"mail": months, "lost": months}``; without a value: for ever
        :param after: only addresses with a greater id
        :return: ``({origin: {address: floor}}, last id)``; the id is None at the end
        """
        # the database's clock: one of a host that is ahead would take mail too early
        now = self.env.cr.now().replace(microsecond=0)
        self.env.cr.execute(
            SQL(
                """SELECT id FROM crm_mail_mirror_address WHERE id > %s
                    ORDER BY id LIMIT %s""",
                after,
                limit,
            )
        )
        ids = [address for (address,) in self.env.cr.fetchall()]
        floors = {}
        if months.get("mail"):
            cutoff = now - relativedelta(months=months["mail"])
            silent = self._silent_since(company, ids, cutoff)
            floors["mail"] = dict.fromkeys(silent, cutoff)
        if months.get("lost"):
            floors["lost"] = {
                email: floor
                for email, lost_at in self._lost(company, ids)
                if (floor := lost_at + relativedelta(months=months["lost"])) <= now
            }
        everybody = {email for many in floors.values() for email in many}
        directory = self.env["crm.mail.mirror.directory"]._look_up(everybody)
        known = known_among(everybody, directory, company.mirror_match_domains)
        known -= directory.own
        return (
            {
                origin: {email: at for email, at in many.items() if email in known}
                for origin, many in floors.items()
            },
            ids[-1] if len(ids) == limit else None,
        )

    def _silent_since(self, company, ids, cutoff):
        """Of these addresses those whose contacts neither wrote nor got mail since.

        All addresses of a contact count: somebody who changed address is not silent.
        """
        self.env.cr.execute(
            SQL(
                """SELECT a.email_normalized FROM crm_mail_mirror_address a
                    WHERE a.id = ANY(%(ids)s) AND %(has_mail)s AND NOT EXISTS (
                          SELECT 1 FROM (
                              SELECT a.id
                               UNION
                              SELECT s.address_id
                                FROM crm_mail_mirror_address_partner_rel r
                                JOIN crm_mail_mirror_address_partner_rel s
                                  ON s.partner_id = r.partner_id
                               WHERE r.address_id = a.id) AS g
                           WHERE %(was_heard)s)""",
                ids=ids,
                has_mail=_mail_of(SQL("a.id"), company, SQL("TRUE")),
                was_heard=_mail_of(
                    SQL("g.id"), company, SQL("c.received_at >= %s", cutoff)
                ),
            )
        )
        return [email for (email,) in self.env.cr.fetchall()]

    def _lost(self, company, ids):
        """Of these addresses those that have leads, all of them lost.

        :return: ``[(address, when the last of them was lost)]``
        """
        self.env["crm.lead"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT email, max(lost_at) FROM (
                       SELECT a.email_normalized AS email, l.won_status, l.active,
                              coalesce(l.date_closed, l.date_last_stage_update,
                                       l.create_date) AS lost_at
                         FROM crm_mail_mirror_address a
                         JOIN crm_lead l ON l.email_normalized = a.email_normalized
                        WHERE a.id = ANY(%(ids)s) AND %(has_mail)s
                       UNION ALL
                       SELECT a.email_normalized, l.won_status, l.active,
                              coalesce(l.date_closed, l.date_last_stage_update,
                                       l.create_date)
                         FROM crm_mail_mirror_address a
                         JOIN crm_mail_mirror_address_partner_rel r
                           ON r.address_id = a.id
                         JOIN crm_lead l ON l.partner_id = r.partner_id
                        WHERE a.id = ANY(%(ids)s) AND %(has_mail)s) AS leads
                    GROUP BY email HAVING bool_and(won_status = 'lost')""",
                ids=ids,
                has_mail=_mail_of(SQL("a.id"), company, SQL("TRUE")),
            )
        )
        return self.env.cr.fetchall()

    def _add_floors(self, company, by_origin):
        """:return: ``{address: floor}``, of several the latest"""
        suppressions, latest = self.env["crm.mail.mirror.suppression"], {}
        for origin, floors in by_origin.items():
            suppressions._raise(floors, company, origin)
            for email, floor in floors.items():
                latest[email] = max(floor, latest.get(email, floor))
        return latest

    # ---- what goes ------------------------------------------------------------------

    def _copies_below(self, company, floors):
        """Mirrored copies with one of these addresses, older than its floor.

        :param floors: ``{address: floor}``
        :return: ``[(copy id, mailbox id)]`` by mailbox
        """
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.id, c.mailbox_id
                     FROM unnest(%s::text[], %s::timestamp[]) AS f(email, floor)
                     JOIN crm_mail_mirror_address a ON a.email_normalized = f.email
                     JOIN crm_mail_mirror_participant p ON p.address_id = a.id
                     JOIN crm_mail_mirror_copy c ON c.message_id = p.message_id
                          AND (p.copy_id IS NULL OR p.copy_id = c.id)
                     JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                    WHERE m.company_id = %s AND c.received_at < f.floor
                    ORDER BY c.mailbox_id, c.id""",
                list(floors),
                list(floors.values()),
                company.id,
            )
        )
        return self.env.cr.fetchall()

    def _judge_below(self, rows):
        """What becomes of these copies now that there are floors?

        :param rows: of ``_copies_below``
        :return: ``[(mailbox, [(copy id, decision)])]``
        """
        review, judged = self.env["crm.mail.mirror.review"], []
        for mailbox in sorted({mailbox for _copy, mailbox in rows}):
            among = [copy for copy, box in rows if box == mailbox]
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(mailbox)
            decisions = review._judge(
                mailbox, where=SQL("c.id = ANY(%s)", among), limit=None
            )
            judged.append((mailbox, decisions))
        return judged

    @api.model
    def _preview(self, company, months, seconds=PREVIEW):
        """How much would go now under these settings? Numbers alone.

        Tried out in a transaction that comes to nothing: by the very steps of the job.

        :return: ``(mails, how many of them are others' than the reader's, contacts,
            whether that is all)``
        """
        end, after = time.monotonic() + seconds, 0
        messages, others, contacts, is_all = set(), set(), set(), True
        with self.env["crm.mail.mirror.sync"]._transaction() as env:
            # the same floors are not written before this comes to nothing
            env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [FLOORS_LOCK])
            retention = env[self._name]
            company = env["res.company"].browse(company.id)
            while after is not None and is_all:
                by_origin, after = retention._floors(company, months, after)
                floors = retention._add_floors(company, by_origin)
                gone = [
                    copy
                    for rows in batched(retention._copies_below(company, floors), STEP)
                    if (is_all := time.monotonic() < end)
                    for _mailbox, decisions in retention._judge_below(rows)
                    for copy, decision in decisions
                    if lapses(decision)
                ]
                found, of_others, whose = retention._whose(gone, floors, self.env.uid)
                messages |= found
                others |= of_others
                contacts |= whose
                is_all = is_all and (after is None or time.monotonic() < end)
            env.cr.rollback()
        return len(messages), len(others), len(contacts), is_all

    def _whose(self, copies, floors, reader):
        """:return: messages of these copies, those of them that lie in mailboxes of
        others than the reader, and the contacts whose time is over"""
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.message_id, c.user_id, a.email_normalized,
                          r.partner_id
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_participant p ON p.message_id = c.message_id
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                     LEFT JOIN crm_mail_mirror_address_partner_rel r
                       ON r.address_id = a.id
                    WHERE c.id = ANY(%s)""",
                copies,
            )
        )
        rows = self.env.cr.fetchall()
        return (
            {message for message, *_rest in rows},
            {message for message, owner, *_rest in rows if owner != reader},
            {partner or email for *_rest, email, partner in rows if email in floors},
        )


def batched(rows, size):
    """Slices of a list; ``itertools`` has it from Python 3.12 on."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _mail_of(address, company, condition):
    """There is mirrored mail in the company's mailboxes with this address (SQL)."""
    return SQL(
        """EXISTS (SELECT 1 FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_copy c ON c.message_id = p.message_id
                          AND (p.copy_id IS NULL OR p.copy_id = c.id)
                     JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                    WHERE p.address_id = %s AND m.company_id = %s AND %s)""",
        address,
        company.id,
        condition,
    )


def lapses(decision):
    return getattr(decision, "reason", None) is Reason.RETENTION
