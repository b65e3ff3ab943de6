# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The button "Remove from Odoo" on a mail, for who has it in a mailbox of their own."""

from odoo import models
from odoo.exceptions import UserError

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_removal import UNDO_DAYS
from .sentences import sentence


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    def action_remove(self):
        """Take these mails out of Odoo for good; the mailbox is not touched.

        Of colleagues' mail among them nothing changes: each owner decides alone.
        """
        self.check_access("read")
        mine = self.filtered("is_mine")
        if not mine:
            raise UserError(
                self.env._("You can remove mail of your own mailboxes only.")
            )
        try:
            removals, rest = self.env["crm.mail.mirror.removal"]._remove(
                self.env.uid, mine.ids
            )
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        self.env.invalidate_all()
        said = []
        if len(mine) > 1:
            count = len(mine) - len(rest)
            said.append(self.env._("%(count)s mails.", count=count))
        if rest:
            said.append(
                self.env._(
                    "There was no time for %(count)s more: remove them once more.",
                    count=len(rest),
                )
            )
        others = len(self - mine)
        if others == 1:
            said.append(self.env._("One mail of a colleague stays."))
        elif others:
            said.append(self.env._("%(count)s mails of colleagues stay.", count=others))
        said.append(
            self.env._(
                "Your mailbox keeps it. For %(days)s days you can take it back.",
                days=UNDO_DAYS,
            )
            if len(mine) == 1
            else self.env._(
                "Your mailbox keeps them. For %(days)s days you can take them back.",
                days=UNDO_DAYS,
            )
        )
        return {
            "type": "ir.actions.client",
            "tag": "crm_mail_mirror_removed",
            "params": {
                "title": self.env._("Removed from Odoo"),
                "message": " ".join(said),
                "removals": removals,
            },
        }
