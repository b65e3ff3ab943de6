# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Why is there no mail to show, and what can its reader do about it?"""

from odoo import models
from odoo.tools import format_date

from ..engine import legible


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    def _empty(self, look):
        """Why nothing stands here, and what can be done. It says nothing of mail that
        the reader may not see: it is the same whether there is some or not."""
        own = (
            self.env["crm.mail.mirror.mailbox"]
            .sudo()
            .search([("user_id", "=", self.env.uid)])
        )
        linked = own.filtered(lambda m: m.state not in ("draft", "ready"))
        name = self._scope_name(look)
        told = {"action": None, "importing": [], "who": [], "help": ""}
        if look.sight.uid != self.env.uid:
            colleague = self.env["res.users"].sudo().browse(look.sight.uid).name
            nothing = self.env._("%(name)s sees no mail of yours here.", name=colleague)
            return told | {"reason": "nothing", "sentence": nothing}
        if look.scope.model and not look.addresses:
            trouble = self._address_trouble(look, name)
            if trouble:
                return told | trouble
        importing = linked.filtered(
            lambda m: m.state == "active" and m.listing == "first"
        )
        if importing:
            return told | {
                "reason": "importing",
                "sentence": self.env._(
                    "Your mailbox is being read for the first time."
                ),
                "help": self.env._(
                    "The newest mail comes first. You can go on working."
                ),
                "action": "mailboxes",
                "importing": [
                    {
                        "mailbox_id": mailbox.id,
                        "done": min(mailbox.progress_done, mailbox.progress_total),
                        "total": mailbox.progress_total,
                    }
                    for mailbox in importing
                ],
            }
        if not linked and set(look.sight.mailboxes) <= set(own.ids):
            return told | {
                "reason": "no_mailbox",
                "sentence": self.env._("No mailbox of yours is linked."),
                "help": self.env._(
                    "Link it: your mail with contacts is shown here by itself."
                ),
                "action": "link",
            }
        who = self._who_could_share(look)
        nothing = (
            self.env._(
                "There is no mail with %(name)s in the mailboxes you may see.",
                name=name,
            )
            if name
            else self.env._("There is no mail in the mailboxes you may see.")
        )
        if who:
            return told | {
                "reason": "nothing_shared",
                "sentence": nothing,
                "help": self.env._(
                    "You do not see the mail of these colleagues. Ask them, or your"
                    " administrator, who sets whose mail you see."
                ),
                "who": who,
            }
        told |= {"reason": "nothing", "sentence": nothing}
        told |= self._since_when(look, linked)
        helps = filter(None, (self._shared_address(look), told["help"]))
        return told | {"help": " ".join(helps)}

    def _since_when(self, look, linked):
        """From when on there would be mail, if the reader's own is all that is seen."""
        days = linked.mapped("sync_from")
        if not all(days) or not days or set(look.sight.mailboxes) - set(linked.ids):
            return {}
        return {
            "help": self.env._(
                "Your mail is mirrored since %(day)s: you can choose an earlier day.",
                day=format_date(self.env, min(days)),
            ),
            "action": "mailboxes",
        }

    def _address_trouble(self, look, name):
        """No mail can belong to this record, as its address is; else None.

        An address that never had mail here is known to its contact alone.
        """
        record = self.env[look.scope.model].browse(look.scope.id)
        emails = {email for email in record._mirror_sought_emails() if email}
        if not emails:
            written = legible.line(record[self._email_field(record)], 100)
            return {
                "reason": "bad_address" if written else "no_address",
                "sentence": self.env._("“%s” is no mail address.", written)
                if written
                else self.env._("%(name)s has no mail address.", name=name),
                "help": self.env._("Fill one in: mail with it is shown here."),
                "action": "address",
            }
        own = self.env["crm.mail.mirror.directory"]._own_among(emails)
        if record.email_normalized in own and emails <= own:
            return {
                "reason": "own_address",
                "sentence": self.env._(
                    "%(address)s belongs to a colleague.",
                    address=legible.ascii_email(record.email_normalized),
                ),
                "help": self.env._("Internal mail is not mirrored."),
            }
        return None

    def _email_field(self, record):
        return "email_from" if record._name == "crm.lead" else "email"

    def _shared_address(self, look):
        """Of an address that several contacts have, how many of them; else None."""
        if not look.scope.model:
            return None
        email = self.env[look.scope.model].browse(look.scope.id).email_normalized
        partners = self.env["res.partner"]
        sharing = [("email_normalized", "=", email)]
        # counted among those the reader may read
        count = partners.search_count(sharing, limit=100) if email else 0
        if count < 2:
            return None
        return self.env._(
            "%(count)s contacts share the address %(address)s: each shows its mail.",
            count="99+" if count == 100 else count,
            address=legible.ascii_email(email),
        )

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
