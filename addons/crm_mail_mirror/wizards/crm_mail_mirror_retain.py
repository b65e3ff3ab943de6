# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How long shall mail be kept? What that removes is told before it is saved."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.keyring import KeyUnusable
from ..models.crm_mail_mirror_retention import SETTINGS
from ..models.few import FEW, is_told
from ..models.sentences import sentence


class CrmMailMirrorRetain(models.TransientModel):
    _name = "crm.mail.mirror.retain"
    _description = "How Long Mail Is Kept"

    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        readonly=True,
        default=lambda self: self.env.company,
        ondelete="cascade",
    )
    # as typed: an empty number field cannot be told from a nought
    retention_months = fields.Char(
        string="Months after the last mail with a contact",
        default=lambda self: self._typed("mirror_retention_months"),
    )
    lost_months = fields.Char(
        string="Months after the last lead of a contact was lost",
        default=lambda self: self._typed("mirror_lost_months"),
    )
    preview = fields.Char(readonly=True)
    consequences = fields.Text(compute="_compute_consequences")
    # what the preview was of
    previewed = fields.Char(readonly=True)

    @api.model
    def _typed(self, name):
        return str(self.env.company[name] or "")

    @api.model_create_multi
    def create(self, vals_list):
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        wizards = super().create(vals_list)
        wizards._check_of_company()
        return wizards

    def _check_of_company(self):
        if self.company_id - self.env.companies:
            raise UserError(self.env._("Choose this company first."))

    @api.depends("retention_months", "lost_months", "company_id")
    @api.depends_context("lang")
    def _compute_consequences(self):
        for wizard in self:
            wizard.consequences = "\n".join(wizard._told())

    def _told(self):
        """What the change does besides what the preview counts."""
        before = self.env["crm.mail.mirror.retention"]._months(self.company_id.sudo())
        try:
            after = self._months()
        except UserError:
            return
        if any(before[origin] and not after[origin] for origin in before):
            yield self.env._(
                "What this setting removed is looked for in the mailboxes again, and"
                " comes back."
            )
        if any(0 < before[origin] < after[origin] for origin in before):
            yield self.env._(
                "What was removed already stays removed. To bring it back, save an"
                " empty field first."
            )
        if any(after.values()):
            yield self.env._(
                "Each night, mail that is older than that is removed. When the contact"
                " writes again, the new mail comes, and the old stays removed. Mail"
                " stays as long as it is to be kept for any contact on it."
            )

    def _months(self):
        """``{origin: months}`` as typed; 0: for ever."""
        typed = {"mail": self.retention_months, "lost": self.lost_months}
        return {origin: self._number(text) for origin, text in typed.items()}

    def _number(self, text):
        text = (text or "").strip()
        if not text:
            return 0
        if not text.isdecimal():
            raise UserError(self.env._("%(value)s is no number of months.", value=text))
        self.env["res.company"]._mirror_check_months({SETTINGS["mail"]: int(text)})
        return int(text)

    def action_preview(self):
        """How much would go: numbers alone."""
        self.ensure_one()
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        self._check_of_company()
        months = self._months()
        try:
            found = self.env["crm.mail.mirror.retention"]._preview(
                self.company_id, months
            )
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        self.write({"preview": self._told_of(*found), "previewed": str(months)})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("How Long Mail Is Kept"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _told_of(self, mails, others, contacts, is_all):
        """What would go, in words: the same of few mails of others and of none."""
        env = self.env
        if not is_told(others) and not is_all:
            return env._(
                "How much it would remove is not known: there is too much to look"
                " through now."
            )
        if not is_told(others):
            return env._(
                "Would remove fewer than %(few)s mails of other people, if any.",
                few=FEW,
            )
        numbers = {
            "mails": env._("%(count)s mails", count=f"{mails:,}"),
            "contacts": env._("one contact")
            if contacts == 1
            else env._("%(count)s contacts", count=f"{contacts:,}"),
        }
        if is_all:
            return env._("Would remove %(mails)s with %(contacts)s.", **numbers)
        return env._("Would remove more than %(mails)s with %(contacts)s.", **numbers)

    def action_apply(self):
        """Save; but nobody removes what they have not seen the number of."""
        self.ensure_one()
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        self._check_of_company()
        months = self._months()
        if any(months.values()) and self.previewed != str(months):
            return self.action_preview()
        self.company_id.sudo().write(
            {name: months[origin] or False for origin, name in SETTINGS.items()}
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
