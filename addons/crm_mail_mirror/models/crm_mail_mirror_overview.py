# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What stands over a list of mail? How things are, and why it may be empty.

Worked out under the reader's level at each asking, never stored. What is told of
mailboxes is told of the reader's own, and of those whose mail the reader sees anyway.
"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date, format_time

from ..engine import legible
from . import conversation_question as question

#: Mails are counted so far.
COUNTED = 1000
#: Contacts of a company that are listed.
MOST_GROUPS = 200
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
        :return: ``{"last_in": {"date", "name"} | None, "last_out": the same, "turn":
            "us" | "them" | None, "total": mails, at most 1000, "total_is_limited":
            bool, "searching": str | None, "former": addresses a contact had before,
            whose mail is here too | None, "stale": [{"sentence", "mailbox_id": id of
            one's own | None, "can_check"}], "earlier_count": mails before the lead, at
            most 1000, "groups": [{"partner_id" (0: people at its domain who are no
            contacts), "name", "count": at most 100, "last": date}] by contact, at most
            200, "empty": None | {"reason": "no_mailbox" | "importing" | "no_address" |
            "nothing_shared" | "nothing", "sentence", "help", "action": None | "link" |
            "address" | "mailboxes", "progress": {"done", "total"} | None, "who":
            [names of colleagues who could share]}}``
        :raises AccessError, UserError: as in ``get_conversations``
        """
        look = self._look(scope, None, viewer)
        rows = self._counted(look)
        last = self._last(look) if look.scope.model else {"in": None, "out": None}
        newest = max(
            (d for d in last if last[d]), key=lambda d: last[d]["date"], default=None
        )
        by_contact = look.scope.by == "contact" and look.scope.partner_id is None
        earlier = look._replace(scope=look.scope.__class__(earlier=True), since=None)
        return {
            "last_in": last["in"],
            "last_out": last["out"],
            "turn": {"in": "us", "out": "them"}.get(newest),
            "total": min(len(rows), COUNTED),
            "total_is_limited": len(rows) > COUNTED,
            "searching": self._searching(look),
            "former": self._former(look),
            "stale": self._stale(look, rows),
            "earlier_count": self._count_before(earlier, look.since),
            "groups": self._groups(look) if by_contact else [],
            "empty": None if rows else self._empty(look),
        }

    def _counted(self, look):
        """The newest mails of the scope: one more than is counted."""
        return [row.id for row in self._rows(look)][: COUNTED + 1]

    def _count_before(self, look, since):
        if not since:
            return 0
        return min(len([r for r in self._rows(look) if r.date < since]), COUNTED)

    def _last(self, look):
        """``{"in": {"date", "name"} | None, "out": ...}``"""
        last = {}
        for direction in ("in", "out"):
            filters = question.Filters(direction=direction)
            rows = self._rows(look._replace(filters=filters))[:1]
            people = self._people_of(look, [row.id for row in rows], 6)
            last[direction] = None
            for row in rows:
                others = self._correspondents(people[row.id])["people"]
                name = others[0]["name"] or others[0]["email"] if others else ""
                date = fields.Datetime.to_string(row.date)
                last[direction] = {"date": date, "name": name}
        return last

    def _searching(self, look):
        if not look.scope.model or look.sight.uid != self.env.uid:
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
        company = self.env["res.partner"].browse(look.scope.id)
        groups = []
        contacts = self.env["res.partner"].search(
            [("commercial_partner_id", "=", company.id)]
        )
        for contact in (*contacts.ids, 0):
            addresses = company._mirror_addresses_of_contact(contact)
            ids = self._without_own(addresses) if addresses else []
            rows = self._rows(look._replace(addresses=ids)) if ids else []
            if rows:
                groups.append(
                    {
                        "partner_id": contact,
                        "name": legible.line(
                            contacts.browse(contact).display_name
                            if contact
                            else self.env._("Others at this company"),
                            100,
                        ),
                        "count": min(len(rows), 100),
                        "last": fields.Datetime.to_string(rows[0].date),
                    }
                )
        groups.sort(key=lambda group: group["last"], reverse=True)
        return groups[:MOST_GROUPS]

    # ---- mailboxes that lag behind --------------------------------------------------

    def _stale(self, look, ids):
        """Sentences about mailboxes of which newer mail may be missing.

        :param ids: the newest mails of the scope
        """
        self.env.cr.execute(
            SQL(
                """SELECT m.id FROM crm_mail_mirror_mailbox m
                    WHERE m.id = ANY(%(readable)s) AND m.state NOT IN ('draft', 'ready')
                      AND (m.state != 'active' OR m.last_sync_at < %(late)s)
                      AND (m.user_id = %(uid)s OR EXISTS (
                          SELECT 1 FROM crm_mail_mirror_copy c
                           WHERE c.message_id = ANY(%(ids)s) AND c.mailbox_id = m.id
                             AND c.state = 'mirrored'))
                    ORDER BY m.user_id != %(uid)s, m.last_sync_at NULLS FIRST, m.id
                    LIMIT %(most)s""",
                readable=list(look.sight.mailboxes),
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
        _ = self.env._
        at = mailbox.last_sync_at
        when = at and self._moment(at)
        names = {"name": mailbox.user_id.name, "address": mailbox.email, "when": when}
        if mailbox.is_mine:
            said = (
                _("Your mailbox %(address)s was last checked %(when)s", **names)
                if at
                else _("Your mailbox %(address)s was not checked yet", **names)
            )
            why = {
                "needs_login": _(" and needs you to sign in again"),
                "paused": _(" and is paused"),
                "error": _(" and cannot be checked at the moment"),
            }.get(mailbox.state, "")
        else:
            said = (
                _("%(name)s's mailbox was last checked %(when)s", **names)
                if at
                else _("%(name)s's mailbox was not checked yet", **names)
            )
            why = {
                "needs_login": _(" and needs its owner to sign in again"),
                "paused": _(" and is paused"),
                "error": _(" and cannot be checked at the moment"),
            }.get(mailbox.state, "")
        return _("%(said)s%(why)s: newer mail may be missing.", said=said, why=why)

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

    # ---- nothing there --------------------------------------------------------------

    def _empty(self, look):
        """Why nothing stands here, and what can be done. It says nothing of mail that
        the reader may not see: it is the same whether there is some or not."""
        _ = self.env._
        own = (
            self.env["crm.mail.mirror.mailbox"]
            .sudo()
            .search([("user_id", "=", self.env.uid)])
        )
        linked = own.filtered(lambda m: m.state not in ("draft", "ready"))
        name = self._scope_name(look)
        told = {"action": None, "progress": None, "who": [], "help": ""}
        if look.scope.model and not look.addresses:
            return told | {
                "reason": "no_address",
                "sentence": _("%(name)s has no mail address.", name=name),
                "help": _("Fill one in: mail with it is shown here."),
                "action": "address",
            }
        importing = linked.filtered(
            lambda m: m.state == "active" and 0 <= m.progress_done < m.progress_total
        )
        if importing:
            return told | {
                "reason": "importing",
                "sentence": _("Your mailbox is being read for the first time."),
                "help": _("The newest mail comes first. You can go on working."),
                "action": "mailboxes",
                "progress": {
                    "done": sum(importing.mapped("progress_done")),
                    "total": sum(importing.mapped("progress_total")),
                },
            }
        if not linked and set(look.sight.mailboxes) <= set(own.ids):
            return told | {
                "reason": "no_mailbox",
                "sentence": _("No mailbox of yours is linked."),
                "help": _("Link it: your mail with contacts is shown here by itself."),
                "action": "link",
            }
        who = self._who_could_share(look)
        nothing = (
            _("There is no mail with %(name)s in the mailboxes you may see.", name=name)
            if name
            else _("There is no mail in the mailboxes you may see.")
        )
        if who:
            return told | {
                "reason": "nothing_shared",
                "sentence": nothing,
                "help": _(
                    "You do not see the mail of these colleagues. Ask them, or your"
                    " administrator, who sets whose mail you see."
                ),
                "who": who,
            }
        return told | {"reason": "nothing", "sentence": nothing, "help": ""}

    def _scope_name(self, look):
        if not look.scope.model:
            return ""
        record = self.env[look.scope.model].browse(look.scope.id)
        return legible.line(record.display_name, 100)

    def _who_could_share(self, look):
        """Who is responsible for the record, if the reader does not see their mail.

        Read from the record, never from mail or mailboxes: it tells nothing of either.
        """
        if not look.scope.model or look.sight.uid != self.env.uid:
            return []
        record = self.env[look.scope.model].browse(look.scope.id)
        partner = record if look.scope.model == "res.partner" else record.partner_id
        users = record.user_id | partner.user_id | partner.commercial_partner_id.user_id
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        seen = mailboxes.browse(look.sight.mailboxes).user_id
        return (users.sudo() - seen - self.env.user).mapped("name")
