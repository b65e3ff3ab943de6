# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What stands over a list of mail? How things are, and why it may be empty.

Worked out under the reader's level at each asking, never stored. What is told of
mailboxes is told of the reader's own, and of those whose mail the reader sees anyway.
"""

import dataclasses
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date, format_time

from ..engine import legible
from . import conversation_question as question
from .crm_mail_mirror_conversation_told import direction_of
from .crm_mail_mirror_conversation_window import FEW_MAILBOXES
from .crm_mail_mirror_message import array, is_among

#: Mails are counted so far.
COUNTED = 1000
#: Among so many the last ones in and out are looked for first.
LATELY = 50
#: Contacts of a company that are listed.
MOST_GROUPS = 200
#: Mails of one of them are counted so far.
IN_GROUP = 100
#: A mailbox that was not looked at for so long may lack newer mail.
STALE = timedelta(hours=1)
#: Mailboxes that lag behind, each with a sentence.
MOST_STALE = 5


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    @api.model
    @api.readonly
    def get_overview(self, scope, viewer=None):
        """The line over the list of a scope.

        :param scope: as in ``get_conversations``
        :param viewer: as there
        :return: ``{"last_in": {"date", "name", "more": how many more it was sent to} |
            None, "last_out": the same, "turn": "us" | "them" | None, "total": mails, at
            most 1000, "total_is_limited": bool, "searching": str | None, "former":
            addresses a contact had before, whose mail is here too | None, "stale":
            [{"sentence", "mailbox_id": id of one's own | None, "can_check"}],
            "earlier_count": mails before the lead, at most 1000, "groups":
            [{"partner_id" (0: people at its domain who are no contacts), "name",
            "count": at most 100, "last": date}] by contact, at most 200, "empty": None
            | {"reason": "no_mailbox" | "importing" | "no_address" | "bad_address" |
            "own_address" | "nothing_shared" | "nothing", "sentence", "help", "action":
            None | "link" | "address" | "mailboxes", "importing": [{"mailbox_id",
            "done", "total" (0: not counted yet)}] of one's own, "who": [names of
            colleagues who could share]}}``
        :raises AccessError, UserError: as in ``get_conversations``
        """
        look = self._look(scope, None, viewer)
        is_record, by = bool(look.scope.model), look.scope
        rows = self._counted(look, COUNTED + 1)
        last = self._last(look, rows) if is_record else {"in": None, "out": None}
        newest = max(
            (way for way in last if last[way]),
            key=lambda way: last[way]["date"],
            default=None,
        )
        by_contact = by.by == "contact" and by.partner_id is None
        return {
            "last_in": last["in"],
            "last_out": last["out"],
            "turn": {"in": "us", "out": "them"}.get(newest),
            "total": min(len(rows), COUNTED),
            "total_is_limited": len(rows) > COUNTED,
            "searching": self._searching(look),
            "former": self._former(look),
            "stale": self._stale(look, [row.id for row in rows]),
            "earlier_count": self._count_earlier(look),
            "groups": self._groups(look) if by_contact else [],
            "empty": None if rows else self._empty(look),
        }

    def _counted(self, look, most):
        """The newest mails of the scope, each once."""
        lower, upper = self._bounds(look)
        start = (upper, 0) if upper else None
        rows = {}
        # some more, for rows that are the same mail
        size = most + most // 10
        for more, _asked in self._filtered_rows(look, start, None, lower, size):
            for row in more:
                rows.setdefault(row.same, row)
            if len(rows) >= most:
                break
        return list(rows.values())[:most]

    def _count_earlier(self, look):
        if not look.made or look.scope.earlier:
            return 0
        scope = dataclasses.replace(look.scope, earlier=True)
        return len(self._counted(look._replace(scope=scope), COUNTED))

    def _last(self, look, rows):
        """``{"in": {"date", "name"} | None, "out": ...}``"""
        last = {}
        # both are nearly always among the newest few
        for few in (rows[:LATELY], rows[LATELY:]):
            ids = [row.id for row in few] if len(last) < 2 else []
            if not ids:
                break
            copies, ours = self._copies_seen(look.sight, ids), self._sent_by_us(ids)
            for row in few:
                if copies[row.id]:
                    sent = row.id in ours or direction_of(copies[row.id]) == "out"
                    last.setdefault("out" if sent else "in", row)
        for way in ("in", "out"):
            if way not in last and len(rows) > COUNTED:
                filters = question.Filters(direction=way)
                found = self._counted(look._replace(filters=filters), 1)
                last[way] = found[0] if found else None
        ids = [last[way].id for way in ("in", "out") if last.get(way)]
        people = self._people_of(look, ids, 6) if ids else {}
        return {
            way: self._told_last(last[way], people, way) if last.get(way) else None
            for way in ("in", "out")
        }

    def _sent_by_us(self, ids):
        """Those whose sender is a user: an answer of a colleague is ours, though the
        reader sees but the copy that they received."""
        self.env.cr.execute(
            """SELECT p.message_id
                 FROM crm_mail_mirror_participant p
                 JOIN crm_mail_mirror_address a ON a.id = p.address_id
                WHERE p.message_id = ANY(%s) AND p.role = 'from' AND EXISTS (
                      SELECT 1 FROM res_partner r
                        JOIN res_users u ON u.partner_id = r.id AND NOT u.share
                       WHERE r.email_normalized = a.email_normalized)""",
            [ids],
        )
        return {message for (message,) in self.env.cr.fetchall()}

    def _told_last(self, row, people, way):
        participants = people[row.id]
        others = self._correspondents(participants)["people"]
        name = (others[0]["name"] or others[0]["email"]) if others else ""
        more = self._more_recipients(participants) if name and way == "out" else 0
        return {
            "date": fields.Datetime.to_string(row.date),
            "name": name,
            "more": more,
        }

    def _more_recipients(self, participants):
        """How many but the first was a mail sent to, colleagues aside?"""
        recipients = [p for p in participants if p.role != "from"]
        named = {p.email for p in recipients if not p.is_ours}
        # those that were not read, of a role with many
        roles = {p.role: p.count for p in recipients}
        unread = sum(roles.values()) - len(recipients)
        return max(len(named) + unread - 1, 0)

    def _searching(self, look):
        if not look.scope.model or look.sight.uid != self.env.uid:
            return None
        # mostly nothing is, and a company has a thousand addresses to be asked for
        self.env.cr.execute(
            """SELECT 1 FROM crm_mail_mirror_search
                WHERE reason = 'contact' AND done_at IS NULL LIMIT 1"""
        )
        if not self.env.cr.rowcount:
            return None
        record = self.env[look.scope.model].browse(look.scope.id)
        return record.mirror_search_progress or None

    def _former(self, look):
        if look.scope.model != "res.partner" or look.sight.uid != self.env.uid:
            return None
        contact = self.env["res.partner"].browse(look.scope.id)
        return contact.mirror_former_addresses or None

    # ---- by contact -----------------------------------------------------------------

    def _groups(self, look):
        """A company's contacts with mail, who wrote or was written to last first."""
        company = self.env["res.partner"].browse(look.scope.id)
        contacts = self.env["res.partner"].with_context(active_test=False)
        contacts = contacts.search([("commercial_partner_id", "=", company.id)])
        few = len(look.mailboxes) <= FEW_MAILBOXES
        query = self._groups_of_few if few else self._groups_of_many
        self.env.cr.execute(query(look, contacts.ids))
        rows = self.env.cr.fetchall()
        others = self.env._("Others at this company")
        people = contacts.browse([r[0] for r in rows])
        # without the company's name, which stands over them
        names = {c.id: c.name or c.display_name for c in people}
        return [
            {
                "partner_id": ident,
                "name": legible.line(names.get(ident) if ident else others, 100),
                "count": min(count, IN_GROUP),
                "last": fields.Datetime.to_string(date),
            }
            for ident, count, date in rows
        ]

    def _groups_of_few(self, look, contacts):
        """Query of (contact, mails, last date), by all mail in these mailboxes."""
        copies = self._visible_copies(
            SQL("c.mailbox_id = ANY(%s::int[])", array(look.mailboxes)),
            SQL("v.message_id"),
            look.sight,
        )
        return SQL(
            # by indexes alone, before it is looked at who is a Bcc
            """WITH mine AS MATERIALIZED (
                   SELECT p.message_id, p.address_id
                     FROM crm_mail_mirror_participant p
                    WHERE p.address_id = ANY(%s::int[]) AND p.message_id IN (%s)),
               g AS MATERIALIZED (
                   SELECT mine.*, coalesce(r.partner_id, 0) AS partner_id
                     FROM mine LEFT JOIN crm_mail_mirror_address_partner_rel r
                       ON r.address_id = mine.address_id
                      AND r.partner_id = ANY(%s::int[]))
               SELECT g.partner_id, count(DISTINCT g.message_id), max(p.date)
                 FROM g JOIN crm_mail_mirror_participant p
                   ON p.message_id = g.message_id AND p.address_id = g.address_id
                WHERE %s
                GROUP BY 1 ORDER BY 3 DESC LIMIT %s""",
            array(look.addresses),
            copies,
            array(contacts),
            self._participant_is_visible(look.sight),
            MOST_GROUPS,
        )

    def _groups_of_many(self, look, contacts):
        """The same for who reads many mailboxes: by the newest mail of each address,
        and then what there is of those contacts alone."""
        newest = SQL(
            """SELECT p.message_id, p.date FROM crm_mail_mirror_participant p
                WHERE p.address_id = a.id AND %s
                ORDER BY p.date DESC, p.message_id DESC""",
            self._is_participant_seen(look.sight),
        )
        return SQL(
            """WITH head AS MATERIALIZED (
                   SELECT a.id, n.date FROM unnest(%(addresses)s::int[]) AS a(id)
                    CROSS JOIN LATERAL (%(newest)s LIMIT 1) AS n),
               g AS MATERIALIZED (
                   SELECT coalesce(r.partner_id, 0) AS partner_id,
                          max(head.date) AS last, array_agg(head.id) AS addresses
                     FROM head
                     LEFT JOIN crm_mail_mirror_address_partner_rel r
                       ON r.address_id = head.id
                      AND r.partner_id = ANY(%(contacts)s::int[])
                    GROUP BY 1 ORDER BY 2 DESC LIMIT %(groups)s)
               SELECT g.partner_id, count(DISTINCT n.message_id), g.last
                 FROM g CROSS JOIN LATERAL unnest(g.addresses) AS a(id)
                CROSS JOIN LATERAL (%(newest)s LIMIT %(most)s) AS n
                GROUP BY 1, 3 ORDER BY 3 DESC""",
            addresses=array(look.addresses),
            contacts=array(contacts),
            newest=newest,
            most=IN_GROUP,
            groups=MOST_GROUPS,
        )

    def _is_participant_seen(self, sight):
        """Condition on ``p``: the reader sees the mail, and who is on it."""
        copies = self._visible_copies(
            SQL("c.message_id = p.message_id"), SQL("1"), sight
        )
        return SQL("%s AND EXISTS (%s)", self._participant_is_visible(sight), copies)

    # ---- mailboxes that lag behind --------------------------------------------------

    def _stale(self, look, ids):
        """Sentences about mailboxes of which newer mail may be missing.

        :param ids: the newest mails of the scope
        """
        self.env.cr.execute(
            SQL(
                """SELECT m.id FROM crm_mail_mirror_mailbox m
                    WHERE %(readable)s AND m.state != 'ready'
                      AND (m.state != 'draft' OR m.last_sync_at IS NOT NULL)
                      AND (m.state != 'active' OR m.last_sync_at < %(late)s)
                      -- of one that was disconnected, where its mail stands alone
                      AND (m.user_id = %(uid)s AND m.state != 'draft' OR EXISTS (
                          SELECT 1 FROM crm_mail_mirror_copy c
                           WHERE c.message_id = ANY(%(ids)s) AND c.mailbox_id = m.id
                             AND c.state = 'mirrored'))
                    ORDER BY m.state = 'draft', m.user_id != %(uid)s,
                             m.last_sync_at NULLS FIRST, m.id
                    LIMIT %(most)s""",
                readable=is_among(SQL("m.id"), look.sight.mailboxes),
                late=fields.Datetime.now() - STALE,
                uid=self.env.uid,
                ids=ids,
                most=MOST_STALE,
            )
        )
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        found = mailboxes.browse([ident for (ident,) in self.env.cr.fetchall()])
        return [
            {
                "sentence": self._stale_sentence(mailbox),
                "mailbox_id": mailbox.id if mailbox.is_mine else None,
                "can_check": mailbox.is_mine and mailbox.state == "active",
            }
            for mailbox in found
        ]

    def _stale_sentence(self, mailbox):
        at = mailbox.last_sync_at
        when = at and self._moment(at)
        names = {"name": mailbox.user_id.name, "address": mailbox.email, "when": when}
        since = mailbox.failing_since and self._since_day(mailbox.failing_since)
        if mailbox.is_mine:
            said = (
                self.env._(
                    "Your mailbox %(address)s was last checked %(when)s: newer mail may"
                    " be missing.",
                    **names,
                )
                if at
                else self.env._(
                    "Your mailbox %(address)s was not checked yet: newer mail may be"
                    " missing.",
                    **names,
                )
            )
            login = (
                self.env._("It has needed you to sign in since %(day)s.", day=since)
                if since
                else self.env._("Please sign in again.")
            )
        else:
            said = (
                self.env._(
                    "%(name)s's mailbox was last checked %(when)s: newer mail may be"
                    " missing.",
                    **names,
                )
                if at
                else self.env._(
                    "%(name)s's mailbox was not checked yet: newer mail may be"
                    " missing.",
                    **names,
                )
            )
            login = (
                self.env._(
                    "It has needed its owner's sign-in since %(day)s.", day=since
                )
                if since
                else self.env._("Its owner has to sign in again.")
            )
        why = {
            "needs_login": login,
            "paused": self.env._("It is paused."),
            "error": self.env._("It cannot be checked at the moment."),
            "draft": self.env._("It was disconnected; its mail was kept."),
        }.get(mailbox.state)
        return f"{said} {why}" if why else said

    def _since_day(self, at):
        """A time of today, else the day, in the reader's zone."""
        local = fields.Datetime.context_timestamp(self, at)
        now = fields.Datetime.context_timestamp(self, fields.Datetime.now())
        if local.date() == now.date():
            return format_time(self.env, local.time(), time_format="short")
        return format_date(self.env, local.date())

    def _moment(self, at):
        """A time of today, else the day and the time, in the reader's zone."""
        local = fields.Datetime.context_timestamp(self, at)
        now = fields.Datetime.context_timestamp(self, fields.Datetime.now())
        time = format_time(self.env, local.time(), time_format="short")
        if local.date() == now.date():
            return self.env._("at %(time)s", time=time)
        return self.env._(
            "on %(day)s at %(time)s",
            day=format_date(self.env, local.date()),
            time=time,
        )
