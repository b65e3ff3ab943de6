# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Disconnect a mailbox for good: keep what was mirrored, or remove it?"""

from odoo import api, fields, models

from ..models.crm_mail_mirror_mailbox_consent import give_back


class CrmMailMirrorDisconnect(models.TransientModel):
    _name = "crm.mail.mirror.disconnect"
    _description = "Disconnect a Mailbox"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    # by who may read it there: a form that is not saved yet names any mailbox
    provider = fields.Selection(related="mailbox_id.provider", related_sudo=False)
    mirror = fields.Selection(
        selection=[
            ("keep", "Keep the mail that is on contacts"),
            ("purge", "Remove all mail of this mailbox from Odoo"),
        ],
        required=True,
        default="keep",
    )

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard.mailbox_id._check_may_stop()
        return wizards

    def action_disconnect(self):
        self.ensure_one()
        mailbox = self.mailbox_id
        mailbox._check_may_stop()
        grants = mailbox._grants()
        self.env["crm.mail.mirror.credential"]._forget(mailbox)
        if self.mirror == "purge":
            mailbox.sudo().unlink()
            # the form that asked shows a mailbox that is no more
            mailboxes = self.env["ir.actions.act_window"]._for_xml_id(
                "crm_mail_mirror.crm_mail_mirror_mailbox_action"
            )
            after = {**mailboxes, "target": "main"}
        else:
            mailbox.sudo().write(
                {
                    "state": "draft",
                    "next_sync_at": False,
                    "last_error": False,
                    "link_outcome": False,
                }
            )
            mailbox.sudo().activity_unlink(["mail.mail_activity_data_todo"])
            mailbox._release()
            after = {"type": "ir.actions.client", "tag": "soft_reload"}
        return self._given_back(grants, after)

    def _given_back(self, grants, after):
        """Give the consent back, now that nothing here depends on it any more.

        :param after: the action that follows
        """
        if not grants:
            return after
        kind, settings, secret = grants[0]
        # no transaction stays open while the network is waited for
        self.env.cr.commit()  # pylint: disable=invalid-commit
        done = give_back(kind, settings, secret)
        if done:
            message = self.env._("The consent was given back at the provider, too.")
        elif kind == "gmail":
            message = self.env._(
                "Google could not be asked to forget the consent. Its owner can remove"
                " it at myaccount.google.com/connections."
            )
        else:
            message = self.env._(
                "Microsoft keeps the consent until its owner removes it: for a"
                " company's account at myapps.microsoft.com, for a personal one at"
                " account.live.com/consent/Manage."
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if done else "info",
                "sticky": not done,
                "title": self.env._("Disconnected"),
                "message": message,
                "next": after,
            },
        }
