# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How long does a company keep mail, and what becomes of the mail of who leaves?"""

from odoo import api, fields, models
from odoo.exceptions import UserError

from .crm_mail_mirror_retention import MOST_MONTHS, SETTINGS

#: What happens to a mailbox whose owner left.
LEAVER = [
    ("keep", "Keep the mail"),
    ("successor", "Hand it over to a successor"),
    ("purge", "Remove the mail"),
]
_MONTHS = tuple(SETTINGS.values())


class ResCompany(models.Model):
    _name = "res.company"
    _inherit = ["res.company"]

    mirror_retention_months = fields.Integer(
        string="Months after the last mail",
        groups="base.group_user",
        help="Mail with a contact is removed so long after the last mail with them."
        " Empty: it is kept.",
    )
    mirror_lost_months = fields.Integer(
        string="Months after the lead is lost",
        groups="base.group_user",
        help="Mail with a contact all of whose leads are lost is removed so long after"
        " the last of them was lost. Empty: it is kept.",
    )
    mirror_leaver_action = fields.Selection(
        selection=LEAVER,
        required=True,
        default="keep",
        string="Mail of who leaves",
        groups="base.group_user",
    )
    mirror_leaver_days = fields.Integer(
        string="Days after leaving",
        groups="base.group_user",
        help="When that happens. Mail that is kept is removed after so many days; none:"
        " it is kept for good.",
    )
    mirror_retention_sentence = fields.Char(
        compute="_compute_retention_sentence", groups="base.group_user"
    )

    @api.depends(*_MONTHS)
    @api.depends_context("lang")
    def _compute_retention_sentence(self):
        for company in self:
            company.mirror_retention_sentence = company._mirror_retention_told(
                company.mirror_retention_months, company.mirror_lost_months
            )

    def _mirror_retention_told(self, months, lost_months):
        told = []
        if months:
            told.append(
                self.env._(
                    "Mail is removed %(time)s after the last mail with a contact.",
                    time=self._mirror_months_told(months),
                )
            )
        if lost_months:
            told.append(
                self.env._(
                    "Mail with contacts all of whose leads are lost is removed"
                    " %(time)s after that.",
                    time=self._mirror_months_told(lost_months),
                )
            )
        return " ".join(told) or self.env._("Mail is kept for ever.")

    def _mirror_months_told(self, months):
        if months == 1:
            return self.env._("one month")
        return self.env._("%(count)s months", count=months)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._mirror_check_months(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._mirror_check_months(vals)
        if set(_MONTHS).isdisjoint(vals):
            return super().write(vals)
        retention = self.env["crm.mail.mirror.retention"]
        before = {company: retention._months(company) for company in self}
        result = super().write(vals)
        self.flush_recordset(_MONTHS)
        for company, months in before.items():
            if retention._months(company) != months:
                retention._setting_changed(company, months)
        return result

    @api.model
    def _mirror_check_months(self, vals):
        """Nothing at all is "for ever"; a nought would be "not at all"."""
        for name in _MONTHS:
            months = vals.get(name)
            if months is None or months is False:
                continue
            if months == 0:
                raise UserError(
                    self.env._("0 would remove everything; empty means keep.")
                )
            if not 0 < months <= MOST_MONTHS:
                raise UserError(
                    self.env._(
                        "%(value)s is no number of months: from 1 to %(most)s, or empty"
                        " to keep mail.",
                        value=months,
                        most=MOST_MONTHS,
                    )
                )
        days = vals.get("mirror_leaver_days") or 0
        if not 0 <= days <= 31 * MOST_MONTHS:
            raise UserError(
                self.env._("%(value)s is no number of days after leaving.", value=days)
            )
