# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is asked by an administrator to link a mailbox, and how often at most?"""

from datetime import timedelta

from odoo import fields, models

from .jobs import trigger

#: Between two invitations of one user.
PAUSE_DAYS = 7
#: So many go out at once; further ones are the scheduled job's, who sends as many in
#: one transaction.
AT_ONCE = 20


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_invited_at = fields.Datetime(
        string="Invited to link a mailbox",
        readonly=True,
        copy=False,
        groups="crm_mail_mirror.crm_mail_mirror_group_manager",
    )

    # who asked for an invitation that has not gone out yet
    mirror_inviter_id = fields.Many2one(
        comodel_name="res.users",
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        groups=fields.NO_ACCESS,
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
        for user in rest[:AT_ONCE]:
            user._mirror_send_invitation(self.env.user)
        rest.write({"mirror_invited_at": fields.Datetime.now()})
        if rest[AT_ONCE:]:
            rest[AT_ONCE:].write({"mirror_inviter_id": self.env.uid})
            trigger(self.env, "invitations")
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

    def _cron_mirror_invitations(self):
        while self._mirror_send_waiting():
            left = self.sudo().search_count([("mirror_inviter_id", "!=", False)])
            if not self.env["ir.cron"]._commit_progress(AT_ONCE, remaining=left):
                break

    def _mirror_send_waiting(self):
        """Some of the invitations that were asked for. :return: how many"""
        users = self.sudo().search([("mirror_inviter_id", "!=", False)], limit=AT_ONCE)
        for user in users:
            inviter = user.mirror_inviter_id
            user.mirror_inviter_id = False
            # not to whom linked one, or said no, meanwhile
            if not (user.mirror_declined or user._mirror_mailboxes()):
                user._mirror_send_invitation(inviter)
        return len(users)

    def _mirror_send_invitation(self, inviter):
        """One notice, from who invites, to this user."""
        user = self.with_context(lang=self.lang, mail_notify_force_send=False)
        user.env["mail.thread"].sudo().message_notify(
            partner_ids=user.partner_id.ids,
            author_id=inviter.partner_id.id,
            subject=user.env._("Link your mailbox to Odoo"),
            body=user.env["ir.qweb"]._render(
                "crm_mail_mirror.mailbox_invitation",
                {
                    "user": user,
                    "link": f"{user.get_base_url()}/odoo/my-preferences/{user.id}",
                },
            ),
        )
