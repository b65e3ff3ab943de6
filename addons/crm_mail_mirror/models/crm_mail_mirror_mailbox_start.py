# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What lies between connecting a mailbox and mirroring it? A look at what would be.

A mailbox that was never mirrored is ``ready`` once it is connected: nothing of it is
stored until its owner says so. One that was mirrored before goes on at once.
"""

from odoo import models
from odoo.exceptions import UserError


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def _state_once_connected(self):
        self.ensure_one()
        is_new = self.state in ("draft", "ready") and not self.last_sync_at
        return "ready" if is_new else "active"

    def _check_ready(self):
        self._check_owner()
        if self.state != "ready":
            raise UserError(
                self.env._("Connect this mailbox first.")
                if self.state in ("draft", "needs_login")
                else self.env._("This mailbox was started already.")
            )

    def action_dry_run(self):
        """Look at what would be mirrored, before anything is."""
        self._check_ready()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Before anything is mirrored"),
            "res_model": "crm.mail.mirror.dry.run",
            "res_id": self._begin_dry_run().id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "current",
        }

    def _begin_dry_run(self):
        runs = self.env["crm.mail.mirror.dry.run"]
        # of one that was left nobody comes back to the numbers
        runs.search([("mailbox_id", "=", self.id)]).unlink()
        return runs.create({"mailbox_id": self.id})

    def _path_after_consent(self):
        """Where the owner's browser goes when it comes back from the provider."""
        path = f"/odoo/mirrored-mailboxes/{self.id}"
        if self.state != "ready" or not self.is_just_linked:
            return path
        return f"{path}/crm.mail.mirror.dry.run/{self._begin_dry_run().id}"

    def action_start(self):
        """Mirror it from now on."""
        self._check_ready()
        self.sudo().write(
            {"state": "active", "next_sync_at": self.env.cr.now()},
        )
        self.env["crm.mail.mirror.sync"]._trigger()
        return self._notify(
            self.env._("Started"),
            self.env._("The newest mail comes first. You can go on working."),
        )

    def _after_dry_run(self):
        """To the mailbox, in the place of the page that was shown."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_mailbox_action"
        )
        return {
            **action,
            "res_id": self.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "main",
        }
