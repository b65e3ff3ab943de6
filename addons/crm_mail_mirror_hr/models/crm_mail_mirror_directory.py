# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Employees are ours too, with or without a login, at work and at home."""

from odoo import api, models
from odoo.tools import SQL


class CrmMailMirrorDirectory(models.AbstractModel):
    _inherit = "crm.mail.mirror.directory"

    @api.model
    def _own_addresses(self, emails):
        self.env["hr.employee"].flush_model(
            ["active", "private_email", "work_contact_id", "work_email"]
        )
        return [
            *super()._own_addresses(emails),
            *(
                SQL(
                    """SELECT lower(e.%(field)s) FROM hr_employee e
                        WHERE e.active AND lower(e.%(field)s) = ANY(%(emails)s)""",
                    field=SQL.identifier(field),
                    emails=emails,
                )
                for field in ("work_email", "private_email")
            ),
        ]

    @api.model
    def _is_own_partner(self, alias):
        self.env["hr.employee"].flush_model(["active", "work_contact_id"])
        return SQL(
            """(%s OR EXISTS (SELECT 1 FROM hr_employee oe
                               WHERE oe.work_contact_id = %s AND oe.active))""",
            super()._is_own_partner(alias),
            SQL.identifier(alias, "id"),
        )
