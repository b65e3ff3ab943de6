# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What stands on the page "Emails" of a record?"""

from odoo import api, fields, models
from odoo.tools import SQL

#: Mails on the page itself; the button opens all of them.
ON_PAGE = 40


class CrmMailMirrorTab(models.AbstractModel):
    _name = "crm.mail.mirror.tab"
    _description = "Page with Mirrored Mail"

    # no view reads it: the page asks for conversations. It is for reports, automated
    # actions and RPC: the newest mails of a record, as far as their reader sees them;
    # limited, where a One2many would bring every id
    mirror_message_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.message",
        compute="_compute_mirror_message_ids",
        string="Newest emails",
        groups="base.group_user",
    )

    def _mirror_addresses(self):
        """SQL subquery of the address ids whose mail belongs on this record."""
        raise NotImplementedError

    def _mirror_domain(self):
        """The same for a list, as a domain that the browser can hold."""
        raise NotImplementedError

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_mirror_message_ids(self):
        messages = self.env["crm.mail.mirror.message"]
        for record in self:
            addresses = record._mirror_addresses() if record.ids else None
            record.mirror_message_ids = (
                messages._of_addresses(addresses, limit=ON_PAGE)
                if addresses
                else messages
            )

    def action_open_mirror_messages(self):
        """All mail of the record, as the menu Emails shows it: to be searched."""
        self.ensure_one()
        self.check_access("read")
        self.env["crm.mail.mirror.message"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_message_action"
        )
        # its address stands for all mail
        action.pop("path", None)
        title = self.env._("Emails of %(name)s", name=self.display_name)
        return action | {
            "name": title,
            "display_name": title,
            "domain": self._mirror_domain(),
        }

    @staticmethod
    def _addresses_of_partners(partners):
        """Addresses tied to any of these partners (SQL: ``p`` is the partner)."""
        return SQL(
            """(SELECT r.address_id FROM crm_mail_mirror_address_partner_rel r
                  JOIN res_partner p ON p.id = r.partner_id WHERE %s)""",
            partners,
        )
