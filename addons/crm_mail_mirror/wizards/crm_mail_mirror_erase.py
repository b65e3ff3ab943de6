# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose mail shall be erased? Typed, or taken from a contact; told in numbers first."""

import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.keyring import KeyUnusable
from ..models.crm_mail_mirror_credential import keyring
from ..models.few import FEW, told_alone
from ..models.sentences import sentence


class CrmMailMirrorErase(models.TransientModel):
    _name = "crm.mail.mirror.erase"
    _description = "Erase a Person's Mail"

    # never stored in clear: whose data is erased shall not stand in a table for that
    addresses = fields.Text(
        compute="_compute_addresses",
        inverse="_inverse_addresses",
        store=False,
        default=lambda self: self._of_contacts(),
    )
    sealed = fields.Text(groups=fields.NO_ACCESS)
    # {owner id: mails} of each address
    found_of = fields.Json(groups=fields.NO_ACCESS)
    is_counted = fields.Boolean(readonly=True)
    told = fields.Char(compute="_compute_told")

    @api.model
    def _of_contacts(self):
        """Of the contacts it was called on: all addresses they have and had."""
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        if self.env.context.get("active_model") != "res.partner":
            return ""
        partners = self.env["res.partner"].browse(self.env.context.get("active_ids"))
        partners.check_access("read")
        return "\n".join(dict.fromkeys(partners._mirror_emails()))

    @api.model_create_multi
    def create(self, vals_list):
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        return super().create(vals_list)

    @api.depends("sealed")
    def _compute_addresses(self):
        for wizard in self:
            mine = wizard.create_uid.id == self.env.uid
            known = wizard.sudo()._unsealed() if mine else []
            wizard.addresses = "\n".join(known)

    @api.depends("found_of")
    @api.depends_context("uid", "lang")
    def _compute_told(self):
        for wizard in self:
            found, is_all = told_alone(wizard.sudo().found_of or (), self.env.uid)
            if found is None:
                wizard.told = self.env._(
                    "Fewer than %(few)s mails of other people are here with these"
                    " addresses, if any: of so few it is not told how many. Erased all"
                    " the same, they stay out in future.",
                    few=FEW,
                )
                continue
            wizard.told = self.env._(
                "%(count)s mails are here with these addresses. Their text, subject,"
                " names and addresses will be removed. Only mailboxes will have them.",
                count=f"{found:,}",
            )
            if not is_all:
                wizard.told += " " + self.env._(
                    "With the other addresses fewer than %(few)s of other people's"
                    " mails are here, if any.",
                    few=FEW,
                )

    def _inverse_addresses(self):
        for wizard in self:
            lines = [line.strip() for line in (wizard.addresses or "").splitlines()]
            try:
                sealed = keyring().encrypt(json.dumps(lines))
            except KeyUnusable as error:
                raise UserError(sentence(self.env, error.code)) from None
            wizard.sudo().write({"sealed": sealed, "is_counted": False})

    def _unsealed(self):
        return json.loads(keyring().decrypt(self.sealed)) if self.sealed else []

    def _emails(self):
        erasures = self.env["crm.mail.mirror.erasure"]
        erasures._check_administrator()
        return erasures._addresses_of("\n".join(self.sudo()._unsealed()))

    def action_count(self):
        """How much is there? A number, before anything is done."""
        self.ensure_one()
        erasures = self.env["crm.mail.mirror.erasure"]
        found = erasures._count_mails(self._emails())
        self.sudo().write({"found_of": found, "is_counted": True})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Erase a Person's Mail"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_erase(self):
        self.ensure_one()
        erasure = self.env["crm.mail.mirror.erasure"]._make(self._emails())
        self.sudo().unlink()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Erased Persons"),
            "res_model": erasure._name,
            "res_id": erasure.id,
            "view_mode": "form",
            "target": "current",
        }
