# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changes for mail when employees change?"""

from odoo import api, models
from odoo.tools import SQL, email_normalize

#: Fields that say who stands above whom.
CHART = {"active", "company_id", "parent_id", "user_id"}
#: Fields that say which addresses are ours.
ADDRESSES = {"active", "private_email", "work_contact_id", "work_email"}


class HrEmployee(models.Model):
    _inherit = "hr.employee"

    # whose is an address? Asked for each page of mail
    _mirror_work_email_idx = models.Index("(lower(work_email)) WHERE active")
    _mirror_private_email_idx = models.Index("(lower(private_email)) WHERE active")

    @api.model_create_multi
    def create(self, vals_list):
        managers = self.browse(v["parent_id"] for v in vals_list if v.get("parent_id"))
        users = self.env["res.users"].browse(
            v["user_id"] for v in vals_list if v.get("user_id")
        )
        viewers = users | managers._mirror_viewers()
        before = viewers._mirror_sight()
        employees = super().create(vals_list)
        viewers._mirror_tell_owners(before)
        employees._mirror_look_again()
        return employees

    def write(self, vals):
        viewers = self.env["res.users"]
        if CHART & set(vals):
            manager = self.browse(vals.get("parent_id") or [])
            viewers |= (self | manager)._mirror_viewers()
            viewers |= viewers.browse(vals.get("user_id") or [])
        ours = bool(ADDRESSES & set(vals))
        before, emails = viewers._mirror_sight(), self._mirror_emails() if ours else []
        result = super().write(vals)
        viewers._mirror_tell_owners(before)
        if ours:
            self.env["crm.mail.mirror.outbox"]._put(emails)
            self._mirror_look_again()
        return result

    def unlink(self):
        emails = self._mirror_emails()
        result = super().unlink()
        self.env["crm.mail.mirror.outbox"]._put(emails)
        return result

    def _mirror_emails(self):
        employees = self.sudo()
        emails = employees.mapped("work_email") + employees.mapped("private_email")
        return [
            *filter(None, (email_normalize(email or "") for email in emails)),
            *employees.work_contact_id._mirror_emails(),
        ]

    def _mirror_look_again(self):
        """An employee's contact is no correspondent any more."""
        self.env["crm.mail.mirror.outbox"]._put(self._mirror_emails())

    def _mirror_viewers(self):
        """Users who may see more when these employees get another manager or login.

        All above them, and the peers of each of those; whoever has no login is passed
        through.
        """
        self.flush_model(list(CHART))
        self.env.cr.execute(
            SQL(
                """WITH RECURSIVE up(id) AS (
                       SELECT unnest(%(start)s::int[])
                       UNION
                       SELECT e.parent_id FROM hr_employee e JOIN up ON up.id = e.id
                        WHERE e.parent_id IS NOT NULL
                   ), near(id) AS (
                       SELECT id FROM up
                       UNION
                       SELECT e.id FROM near
                         JOIN hr_employee m ON m.id = near.id
                         JOIN hr_employee e ON e.parent_id = m.id
                        WHERE m.user_id IS NULL OR m.id IN (SELECT id FROM up)
                   )
                   SELECT DISTINCT e.user_id FROM near JOIN hr_employee e USING (id)
                    WHERE e.user_id IS NOT NULL""",
                start=list(self.ids),
            )
        )
        return self.env["res.users"].browse(user for (user,) in self.env.cr.fetchall())
