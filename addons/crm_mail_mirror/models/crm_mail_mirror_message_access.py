# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Asking for access: what may be asked at a mail, and whom?

Whoever sees a mail and not its text may ask the owners of the copies they see, and
those alone. Mail that its owner keeps private is asked for like any other.
"""

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_datetime

from .crm_mail_mirror_grant import MOST_OPEN, PAUSE_DAYS, PERIODS, WHAT

#: Copies that are looked at for the owners of a conversation.
MANY = 2000
#: Contacts of one mail whose mail may be asked for there.
MOST_CONTACTS = 20


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # ---- what the browser calls -----------------------------------------------------

    @api.model
    @api.readonly
    def get_ask_options(self, message_id):
        """What may be asked at this mail, and who would be asked.

        :return: ``{"mail": [owner names], "conversation": [owner names],
            "contacts": [{"id", "name", "owners": [names]}],
            "periods": [{"days", "name"}]}``; an empty list: nobody is to be asked
        :raises AccessError: there is no such mail that ``env.uid`` sees
        """
        message = self._asked_at(message_id)
        names = self._names_of
        everybody = names(message._conversation_owners(all_of_it=True))
        periods = self.env["crm.mail.mirror.grant"]._period_names()
        return {
            "mail": names(message._mail_owners()),
            "conversation": names(message._conversation_owners()),
            "contacts": [
                {"id": partner.id, "name": partner.display_name, "owners": everybody}
                for partner in message._contacts_to_ask_for()
            ]
            if everybody
            else [],
            "periods": [{"days": days, "name": periods[days]} for days in PERIODS],
        }

    @api.model
    def ask_access(self, message_id, what, days, note="", partner_id=None):
        """Ask the owners of this mail for what they do not share.

        :param what: ``mail``, ``conversation`` or ``contact`` (``partner_id``, one of
            ``get_ask_options``; else the only one there is)
        :param days: 1, 7, 30, or 0: until it is taken back
        :param note: why; the owners read it
        :return: ``{"asked": [owner names], "sentence": str}``
        :raises AccessError: there is no such mail that ``env.uid`` sees
        :raises UserError: nobody is to be asked, or not now
        """
        if what not in [name for name, _label in WHAT] or days not in PERIODS:
            raise UserError(self.env._("Choose what you ask for, and for how long."))
        message = self._asked_at(message_id)
        values = {
            "asker_id": self.env.uid,
            "what": what,
            "days": days,
            "note": " ".join(str(note or "").split())[:200],
            "thread_key": message.sudo().thread_key,
        }
        if what == "mail":
            owners = message._mail_owners()
        elif what == "conversation":
            owners = dict.fromkeys(message._conversation_owners())
        else:
            partner, addresses = message._contact_asked_for(partner_id)
            values |= {
                "partner_id": partner.id,
                "address_ids": [fields.Command.set(addresses)],
            }
            owners = dict.fromkeys(message._conversation_owners(all_of_it=True))
        if not owners:
            raise UserError(self.env._("All of it is shared with you already."))
        return self._ask(values, owners)

    # ---- whom to ask ----------------------------------------------------------------

    @api.model
    def _asked_at(self, message_id):
        """The mail, if ``env.uid`` sees it; else the same answer whatever the id is."""
        wanted = message_id if isinstance(message_id, int) else 0
        message = self.search([("id", "=", wanted)])
        if not message:
            raise AccessError(self.env._("You do not see this mail, or it is gone."))
        return message

    @api.model
    def _names_of(self, owners):
        return self.env["res.users"].sudo().browse(owners).mapped("name")

    def _owners_of(self, where):
        """``[(message id, owner id, shown)]`` of colleagues' copies that one sees.

        :param where: SQL condition on ``c``, the copy
        """
        self._flush_for_reading()
        query = self._visible_copies(
            where, SQL("v.message_id, v.owner_id, v.shown, v.id")
        )
        self.env.cr.execute(
            SQL(
                "SELECT s.message_id, s.owner_id, s.shown FROM (%s) AS s"
                " WHERE s.owner_id != %s ORDER BY s.id LIMIT %s",
                query,
                self.env.uid,
                MANY,
            )
        )
        return self.env.cr.fetchall()

    def _mail_owners(self):
        """``{owner id: message id}`` for this mail; rows shown as one are one."""
        if self.access == "everything":
            return {}
        key = self.sudo().same_key
        rows = self._owners_of(
            SQL(
                """(c.message_id = %s OR c.message_id IN (
                    SELECT id FROM crm_mail_mirror_message WHERE same_key = %s))""",
                self.id,
                key or None,
            )
        )
        owners = {}
        for message, owner, shown in rows:
            if shown != "everything" and (owner not in owners or message == self.id):
                owners[owner] = message
        return owners

    def _conversation_owners(self, all_of_it=False):
        """Ids of owners in whose copies of this conversation something is not shared.

        :param all_of_it: those as well whose copies are shared with ``env.uid``
        """
        key = self.sudo().thread_key
        if not key and not all_of_it:
            return []
        rows = self._owners_of(
            SQL(
                """(c.message_id = %s OR c.message_id IN (
                    SELECT id FROM crm_mail_mirror_message WHERE thread_key = %s))""",
                self.id,
                key or None,
            )
        )
        return list(
            dict.fromkeys(
                owner for _m, owner, shown in rows if all_of_it or shown != "everything"
            )
        )

    def _contacts_to_ask_for(self):
        """Contacts on this mail by an address of theirs, who wrote it first.

        At most ``MOST_CONTACTS``; no companies that merely have somebody's domain.
        """
        self.env.cr.execute(
            SQL(
                """SELECT r.partner_id FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_address_partner_rel r
                       ON r.address_id = p.address_id
                    WHERE p.message_id = %s AND %s GROUP BY 1 ORDER BY min(p.id)""",
                self.id,
                self._participant_is_visible(),
            )
        )
        ids = [ident for (ident,) in self.env.cr.fetchall()]
        readable = set(self.partner_ids.ids)
        ids = [ident for ident in ids if ident in readable]
        tied = self._addresses_of_contacts(ids)
        return self.env["res.partner"].browse(
            [ident for ident in ids if ident in tied][:MOST_CONTACTS]
        )

    @api.model
    def _addresses_of_contacts(self, partners):
        """``{partner id: ids of addresses}``, former ones as well, but for ours."""
        self.env["crm.mail.mirror.address"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT r.partner_id, a.id, a.email_normalized
                     FROM crm_mail_mirror_address_partner_rel r
                     JOIN crm_mail_mirror_address a ON a.id = r.address_id
                    WHERE r.partner_id = ANY(%s)""",
                list(partners),
            )
        )
        rows, tied = self.env.cr.fetchall(), defaultdict(list)
        directory = self.env["crm.mail.mirror.directory"]
        own = directory._own_among({email for _p, _a, email in rows})
        for partner, address, email in rows:
            if email not in own:
                tied[partner].append(address)
        return tied

    def _contact_asked_for(self, partner_id):
        """:return: the contact, ids of its addresses"""
        contacts = self._contacts_to_ask_for()
        if partner_id:
            contacts = contacts.filtered(lambda partner: partner.id == partner_id)
        if len(contacts) != 1:
            raise UserError(self.env._("Choose the contact whose mail you ask for."))
        return contacts, self._addresses_of_contacts(contacts.ids)[contacts.id]

    # ---- the question ---------------------------------------------------------------

    @api.model
    def _ask(self, values, owners):
        """One row for each owner who may be asked now.

        :param owners: ``{id: message id}``, the latter for a mail alone
        """
        grants = self.env["crm.mail.mirror.grant"].sudo()
        before = grants.search(
            [("asker_id", "=", self.env.uid), ("owner_id", "in", list(owners))]
        )
        standing = {
            owner: self._stands(
                values | {"message_id": owners[owner]},
                before.filtered(lambda grant, owner=owner: grant.owner_id.id == owner),
            )
            for owner in owners
        }
        askable = [owner for owner in owners if not standing[owner]]
        if not askable:
            raise UserError(next(iter(standing.values())))
        values["slot"] = self._free_slot()
        users = self.env["res.users"].sudo().browse(askable).filtered("active")
        asked = grants.create(
            [
                {**values, "owner_id": owner.id, "message_id": owners[owner.id]}
                for owner in users
            ]
        )
        asked._tell_owners()
        names = users.mapped("name")
        return {
            "asked": names,
            "sentence": self.env._(
                "Asked: %(names)s. You are told as soon as there is an answer.",
                names=", ".join(names),
            ),
        }

    def _stands(self, values, before):
        """Why an owner is not asked (again) now; empty: nothing stands against it.

        :param before: one's questions to this owner
        """
        now = fields.Datetime.now()
        for grant in before:
            same_mail = bool(grant.message_id) and (
                grant.message_id.id == values["message_id"]
            )
            same_thread = bool(grant.thread_key) and (
                grant.thread_key == values["thread_key"]
            )
            same_contact = bool(grant.partner_id) and (
                grant.partner_id.id == values.get("partner_id")
            )
            is_same = grant.what == values["what"] and (
                {"mail": same_mail, "conversation": same_thread}.get(
                    grant.what, same_contact
                )
            )
            if grant.state == "asked" and is_same:
                return self.env._("You have asked for that already.")
            # one no is not asked away by asking for more at the same place
            until = grant.changed_at + timedelta(days=PAUSE_DAYS)
            is_near = same_mail or same_thread or same_contact
            if grant.state == "refused" and until > now and is_near:
                return self.env._(
                    "This was refused. You may ask again on %(time)s.",
                    time=format_datetime(self.env, until),
                )
        return ""

    def _free_slot(self):
        """One of the questions that one may have open at once.

        Those given up count for a day: asking and giving up is no way around it.
        """
        yesterday = fields.Datetime.now() - timedelta(days=1)
        taken = (
            self.env["crm.mail.mirror.grant"]
            .sudo()
            .search(
                [
                    ("asker_id", "=", self.env.uid),
                    "|",
                    ("state", "=", "asked"),
                    *("&", ("is_given_up", "=", True), ("asked_at", ">", yesterday)),
                ]
            )
            .mapped("slot")
        )
        free = set(range(1, MOST_OPEN + 1)) - set(taken)
        if not free:
            raise UserError(
                self.env._(
                    "You have %(count)s questions open. Wait for an answer, or take one"
                    " back.",
                    count=MOST_OPEN,
                )
            )
        return min(free)

    # ---- what screens show of it ----------------------------------------------------

    def _asked_of(self):
        """How one's questions about these mails stand.

        :return: ``{message id: "asked" or "refused"}``, those without question left out
        """
        if not self.ids:
            return {}
        self.env["crm.mail.mirror.grant"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT t.id, bool_or(g.state = 'asked')
                     FROM crm_mail_mirror_message t
                     JOIN crm_mail_mirror_grant g ON g.asker_id = %s
                      AND (g.state = 'asked' OR g.state = 'refused' AND g.changed_at >
                           now() AT TIME ZONE 'UTC' - %s * interval '1 day')
                    WHERE t.id = ANY(%s)
                      AND CASE g.what
                          WHEN 'mail' THEN g.message_id = t.id
                          WHEN 'conversation' THEN g.thread_key = t.thread_key
                          ELSE EXISTS (
                               SELECT 1 FROM crm_mail_mirror_participant p
                                 JOIN crm_mail_mirror_grant_address_rel r
                                   ON r.address_id = p.address_id AND r.grant_id = g.id
                                WHERE p.message_id = t.id AND %s) END
                    GROUP BY t.id""",
                self.env.uid,
                PAUSE_DAYS,
                list(self.ids),
                self._participant_is_visible(),
            )
        )
        return {
            message: "asked" if is_open else "refused"
            for message, is_open in self.env.cr.fetchall()
        }

    def _told_briefly(self):
        """One line that names a mail, as far as one sees it; empty without a mail."""
        if not self:
            return ""
        people = " → ".join(filter(None, (self.sender_name, self.recipient_names)))
        date = format_datetime(self.env, self.date, dt_format="short")
        told = [self.subject, people, date]
        return " · ".join(filter(None, told))
