# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Settings of the mirror for the whole company, and as whom it signs in where."""

from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine.keyring import KeyUnusable
from ..engine.providers import consent
from ..engine.providers.base import ProviderError
from .crm_mail_mirror_client import EVERYBODY, KIND_OF, PERSONAL, WORK, is_loopback
from .sentences import sentence

_ONE = "tenant"


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    mirror_sharing_in = fields.Selection(
        related="company_id.mirror_sharing_in", readonly=False, required=True
    )
    mirror_sharing_out = fields.Selection(
        related="company_id.mirror_sharing_out", readonly=False, required=True
    )
    mirror_match_domains = fields.Boolean(
        related="company_id.mirror_match_domains", readonly=False
    )
    mirror_domains_preview = fields.Text(compute="_compute_mirror_domains_preview")
    mirror_retention_sentence = fields.Char(
        related="company_id.mirror_retention_sentence"
    )
    mirror_leaver_action = fields.Selection(
        related="company_id.mirror_leaver_action", readonly=False, required=True
    )
    mirror_leaver_days = fields.Integer(
        related="company_id.mirror_leaver_days", readonly=False
    )
    mirror_allowed_hosts = fields.Char(
        config_parameter="crm_mail_mirror.allowed_hosts",
        help="Mail servers in private networks that may be linked: names, addresses or"
        " networks such as 10.1.0.0/16, separated by commas",
    )

    mirror_google_enabled = fields.Boolean(string="Gmail and Google Workspace")
    mirror_google_client_id = fields.Char(string="Google's client ID")
    mirror_google_secret = fields.Char(
        string="Google's client secret",
        compute="_compute_mirror_secrets",
        inverse="_inverse_mirror_google_secret",
    )
    mirror_google_secret_kept = fields.Boolean(compute="_compute_mirror_registered")
    mirror_google_redirect_uri = fields.Char(compute="_compute_mirror_registered")
    mirror_google_token = fields.Text(groups=fields.NO_ACCESS)

    mirror_microsoft_enabled = fields.Boolean(string="Microsoft 365 and Outlook.com")
    mirror_microsoft_client_id = fields.Char(string="Microsoft's client ID")
    mirror_microsoft_secret = fields.Char(
        string="Microsoft's client secret",
        compute="_compute_mirror_secrets",
        inverse="_inverse_mirror_microsoft_secret",
    )
    mirror_microsoft_secret_kept = fields.Boolean(compute="_compute_mirror_registered")
    mirror_microsoft_redirect_uri = fields.Char(compute="_compute_mirror_registered")
    mirror_microsoft_token = fields.Text(groups=fields.NO_ACCESS)
    mirror_microsoft_audience = fields.Selection(
        selection=[
            (_ONE, "Accounts of one organisation"),
            (WORK, "Accounts of any organisation"),
            (PERSONAL, "Personal accounts (Outlook.com)"),
            (EVERYBODY, "All of them"),
        ],
        string="Who may sign in",
        default=EVERYBODY,
    )
    mirror_microsoft_tenant = fields.Char(string="Organisation")
    mirror_address_warning = fields.Boolean(compute="_compute_mirror_registered")

    # ---- computes -------------------------------------------------------------------

    def _compute_mirror_secrets(self):
        # write-only: nobody reads a secret back
        self.mirror_google_secret = self.mirror_microsoft_secret = False

    def _inverse_mirror_google_secret(self):
        self._keep_mirror_secret("google")

    def _inverse_mirror_microsoft_secret(self):
        self._keep_mirror_secret("microsoft")

    def _keep_mirror_secret(self, route):
        """Encrypted at once: until the page is saved it is a row of a table."""
        for page in self:
            secret = (page[f"mirror_{route}_secret"] or "").strip()
            if not secret:
                continue
            try:
                token = self.env["crm.mail.mirror.client"]._encrypt(secret)
            except KeyUnusable as error:
                raise UserError(sentence(self.env, error.code)) from None
            page.sudo()[f"mirror_{route}_token"] = token
        # nor from what this transaction remembers of it
        self.invalidate_recordset([f"mirror_{route}_secret"])

    @api.depends("mirror_match_domains", "company_id")
    @api.depends_context("lang")
    def _compute_mirror_domains_preview(self):
        for page in self:
            company = page.company_id._origin
            goes = company.mirror_match_domains and not page.mirror_match_domains
            told = (
                company._mirror_domains_told()
                if goes and page._may_set_mirror()
                else []
            )
            page.mirror_domains_preview = "\n".join(told) or False

    def _compute_mirror_registered(self):
        clients = self.env["crm.mail.mirror.client"]
        for route, kind in KIND_OF.items():
            self[f"mirror_{route}_redirect_uri"] = clients._redirect_uri(kind)
            self[f"mirror_{route}_secret_kept"] = bool(clients._of(kind).secret)
        address = urlsplit(clients._redirect_uri("gmail"))
        self.mirror_address_warning = address.scheme != "https" and not is_loopback(
            address.hostname
        )

    # ---- read and saved -------------------------------------------------------------

    @api.model
    def get_values(self):
        values = super().get_values()
        if not self._may_set_mirror():
            return values
        for route, kind in KIND_OF.items():
            client = self.env["crm.mail.mirror.client"]._of(kind)
            values[f"mirror_{route}_enabled"] = client.enabled
            values[f"mirror_{route}_client_id"] = client.client_id
            if kind == "microsoft" and client:
                known = client.audience in (WORK, PERSONAL, EVERYBODY)
                values["mirror_microsoft_audience"] = client.audience if known else _ONE
                values["mirror_microsoft_tenant"] = not known and client.audience
        return values

    def set_values(self):
        result = super().set_values()
        if not self or not self._may_set_mirror():
            return result
        for route, kind in KIND_OF.items():
            self._save_mirror_client(route, kind)
        return result

    def _may_set_mirror(self):
        """Reading and saving values are public methods, of which Odoo checks neither"""
        return self.env.su or self.env["crm.mail.mirror.mailbox"]._is_administrator()

    def _save_mirror_client(self, route, kind):
        """A provider's part of the page into its row; what changed acts at once."""
        settings = self.sudo()
        client = self.env["crm.mail.mirror.client"]._of(kind)
        values = {
            "enabled": settings[f"mirror_{route}_enabled"],
            "client_id": (settings[f"mirror_{route}_client_id"] or "").strip(),
        }
        if kind == "microsoft":
            values["audience"] = self._mirror_audience()
        token = settings[f"mirror_{route}_token"]
        if values["enabled"] and not (values["client_id"] and (token or client.secret)):
            raise UserError(
                self.env._(
                    "%(provider)s: fill in client ID and client secret, or switch it"
                    " off.",
                    provider=route.capitalize(),
                )
            )
        if client:
            client.write(values)
        elif any((values["client_id"], token)):
            client = client.create({"provider": kind, **values})
        if token:
            client._set_secret(token)
            settings[f"mirror_{route}_token"] = False
        if client._is_usable():
            self.env["crm.mail.mirror.mailbox"].sudo()._resume_client(kind)

    def _mirror_audience(self):
        if self.mirror_microsoft_audience != _ONE:
            return self.mirror_microsoft_audience or EVERYBODY
        tenant = (self.mirror_microsoft_tenant or "").strip().lower()
        if not tenant:
            raise UserError(
                self.env._("Which organisation? Fill in its id or one of its domains.")
            )
        return tenant

    # ---- tested ---------------------------------------------------------------------

    def action_mirror_test_google(self):
        return self._test_mirror_client("gmail")

    def action_mirror_test_microsoft(self):
        return self._test_mirror_client("microsoft")

    def _test_mirror_client(self, kind):
        """Does the provider know us? Nobody has to sign in for that."""
        if not self._may_set_mirror():
            raise AccessError(self.env._("Only administrators can test this."))
        clients = self.env["crm.mail.mirror.client"]
        try:
            settings = clients._settings(kind, disabled=True)
            redirect_uri = clients._redirect_uri(kind)
            # no transaction stays open while the network is waited for
            self.env.cr.commit()  # pylint: disable=invalid-commit
            consent.test(kind, settings, redirect_uri)
        except ProviderError as error:
            raise UserError(sentence(self.env, error.code)) from None
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("Nothing wrong found"),
                "message": self.env._(
                    "Google accepts client ID and client secret. That the Gmail API is"
                    " enabled and the redirect URI registered shows when the first"
                    " mailbox is linked."
                )
                if kind == "gmail"
                else self.env._(
                    "Microsoft knows the client ID. That client secret, permissions and"
                    " redirect URI are right shows when the first mailbox is linked."
                ),
            },
        }
