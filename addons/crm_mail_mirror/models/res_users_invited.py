# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is asked by an administrator to link a mailbox, and how often at most?"""

from datetime import timedelta

from odoo import fields, models

#: Between two invitations of one user.
PAUSE_DAYS = 7


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_invited_at = fields.Datetime(
        string="Invited to link a mailbox",
        readonly=True,
        copy=False,
        groups="crm_mail_mirror.crm_mail_mirror_group_manager",
    )

    def _mirror_invite(self):
        """Send those an invitation who have none, or an old one, and did not say no.

        What is sent goes where each of them reads Odoo's notices, in their language.

        :return: ``{"invited", "linked", "declined", "recent", "unreachable": users}``
        """
        users = self.sudo().filtered(lambda user: user.active and not user.share)
        self.env["crm.mail.mirror.mailbox"].flush_model(["user_id"])
        self.env.cr.execute(
            "SELECT DISTINCT user_id FROM crm_mail_mirror_mailbox"
            " WHERE user_id = ANY(%s)",
            [users.ids],
        )
        linked = self.sudo().browse(user for (user,) in self.env.cr.fetchall())
        rest = users - linked
        declined = rest.filtered("mirror_declined")
        rest -= declined
        week_ago = fields.Datetime.now() - timedelta(days=PAUSE_DAYS)
        recent = rest.filtered(
            lambda user: user.mirror_invited_at and user.mirror_invited_at > week_ago
        )
        rest -= recent
        unreachable = rest.filtered(
            lambda user: user.notification_type == "email" and not user.email
        )
        rest -= unreachable
        for user in rest:
            user._mirror_send_invitation()
        rest.write({"mirror_invited_at": fields.Datetime.now()})
        if rest:
            # hundreds of mails are no business of the administrator's click
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return {
            "invited": rest,
            "linked": linked,
            "declined": declined,
            "recent": recent,
            "unreachable": unreachable,
        }

    def _mirror_send_invitation(self):
        """One notice, from who invites, to this user."""
        user = self.with_context(lang=self.lang, mail_notify_force_send=False)
        user.env["mail.thread"].sudo().message_notify(
            partner_ids=user.partner_id.ids,
            author_id=self.env.user.partner_id.id,
            subject=user.env._("Link your mailbox to Odoo"),
            body=user.env["ir.qweb"]._render(
                "crm_mail_mirror.mailbox_invitation",
                {
                    "user": user,
                    "company": user.company_id,
                    "link": f"{user.get_base_url()}/odoo/my-preferences/{user.id}",
                },
            ),
        )
