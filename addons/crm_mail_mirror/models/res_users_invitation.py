# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is this user to be asked, when they come in, whether they link their mailbox?

Once an administrator switched a provider on, and until they have a mailbox or said no.
"""

from odoo import api, fields, models


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    # never asked again; a mailbox can be linked from Preferences all the same
    mirror_declined = fields.Boolean(copy=False, groups=fields.NO_ACCESS)

    def _mirror_invitation(self):
        """What may be linked (as ``mirror_offers``), or False: nothing is to be asked.

        One query, as it is asked with each session that begins.
        """
        self.env.cr.execute(
            """SELECT array_agg(c.provider || ' ' || c.audience)
                 FROM crm_mail_mirror_client c
                WHERE c.enabled AND c.client_id IS NOT NULL AND c.secret IS NOT NULL
                  AND EXISTS (SELECT 1 FROM res_users u WHERE u.id = %(user)s
                      AND u.active AND NOT u.share AND u.mirror_declined IS NOT TRUE)
                  AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_mailbox m
                                   WHERE m.user_id = %(user)s)""",
            {"user": self.id},
        )
        (usable,) = self.env.cr.fetchone()
        # env.user is a superuser's record
        mailboxes = self.with_user(self).env["crm.mail.mirror.mailbox"]
        if not usable or not mailboxes.has_access("create"):
            return False
        clients = self.env["crm.mail.mirror.client"]
        return ",".join(
            sorted(
                offer
                for row in usable
                for offer in clients._offers_of(*row.split(" ", 1))
            )
        )

    @api.model
    def action_mirror_decline(self):
        """Not now, and not asked again."""
        self.env["crm.mail.mirror.mailbox"].check_access("create")
        self.env.user.sudo().mirror_declined = True
        return True
