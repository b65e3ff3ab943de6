# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does an owner let us into a mailbox, and take that back?

By password (IMAP), or by a consent at Google or Microsoft::

    action_connect ─► browser: /start ─► _begin_consent ─► the provider's own page
                      browser: /callback ─► _finish_consent ─► connected, or why not

The two in the middle are in ``crm_mail_mirror_mailbox_consent.py``.
"""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize

from ..engine.keyring import KeyUnusable
from ..engine.providers import open_mailbox
from ..engine.providers.base import ProviderError
from .crm_mail_mirror_client import KINDS, ROUTE_OF
from .crm_mail_mirror_credential import setting
from .imap_presets import PRESETS, password_help, preset_of_domain, preset_of_host
from .sentences import outcome, sentence

#: Seconds for which the owner is told how a sign-in ended.
_TOLD, _TOLD_CONNECTED = 600, 120


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    # in a list: pylint-odoo would have this merged with what the sync asks
    _inherit = ["crm.mail.mirror.mailbox"]

    account_id = fields.Char(readonly=True, copy=False, groups=fields.NO_ACCESS)
    # how the last sign-in ended: code, addresses, when
    link_outcome = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)
    link_sentence = fields.Char(compute="_compute_link_sentence")
    is_just_linked = fields.Boolean(compute="_compute_link_sentence")

    imap_preset = fields.Selection(
        selection=[(preset.code, preset.name) for preset in PRESETS.values()],
        string="Provider",
        compute="_compute_imap_preset",
        readonly=False,
    )
    password_help = fields.Char(compute="_compute_password_help")
    password_page = fields.Char(compute="_compute_password_help")

    _account_uniq = models.UniqueIndex(
        "(provider, account_id) WHERE account_id IS NOT NULL",
        "This account is linked already.",
    )

    # ---- computes -------------------------------------------------------------------

    @api.depends("link_outcome", "state", "user_id")
    @api.depends_context("uid", "lang")
    def _compute_link_sentence(self):
        now = fields.Datetime.now().timestamp()
        for mailbox in self:
            told = dict(mailbox.sudo().link_outcome or {})
            code, age = told.pop("code", ""), now - told.pop("at", 0)
            connected = code == "connected"
            fresh = age < (_TOLD_CONNECTED if connected else _TOLD)
            if connected and mailbox.state == "ready":
                code = "connected_ready"
            elif connected and mailbox.state != "active":
                fresh = False  # it was, and something else happened since
            shown = fresh and mailbox.user_id.id == self.env.uid
            mailbox.is_just_linked = shown and connected
            mailbox.link_sentence = shown and outcome(self.env, code, **told)

    @api.depends("imap_host")
    def _compute_imap_preset(self):
        for mailbox in self:
            preset = preset_of_host(mailbox.imap_host or "")
            mailbox.imap_preset = preset.code if preset else False

    @api.depends("imap_preset")
    @api.depends_context("lang")
    def _compute_password_help(self):
        for mailbox in self:
            code = mailbox.imap_preset
            mailbox.password_help = code and password_help(self.env, code)
            mailbox.password_page = code and PRESETS[code].page

    @api.onchange("email")
    def _onchange_email(self):
        """Whose mailboxes are at a well-known provider need not look for its server."""
        if self.provider == "imap" and not self.imap_host:
            domain = (email_normalize(self.email or "") or "").rpartition("@")[2]
            preset = preset_of_domain(domain)
            if preset:
                self.imap_preset = preset.code
                self._onchange_imap_preset()

    @api.onchange("imap_preset")
    def _onchange_imap_preset(self):
        preset = PRESETS.get(self.imap_preset)
        if preset:
            self.imap_host = preset.host
            self.imap_port = preset.port
            self.imap_security = preset.security
            self.imap_login = (
                (self.email or "").partition("@")[0] if preset.local_login else False
            )

    # ---- one secret, one account ----------------------------------------------------

    def _listed(self):
        """What is listed: another account or first day makes another list."""
        account = self.email_normalized
        if self.provider == "imap":
            account = self.imap_login or account
        return self.sync_from, self.provider, self.imap_host, account

    def _check_same_account(self, vals):
        """A secret is for one account at one provider, and is shown to no other."""
        if "provider" in vals:
            others = self.filtered(lambda m: m.provider != vals["provider"])
            if others.filtered(lambda m: m.state != "draft"):
                raise UserError(self.env._("Disconnect this mailbox first."))
            self.env["crm.mail.mirror.credential"]._forget(others)
        if "email" in vals:
            email = email_normalize(vals["email"] or "")
            consented = self.filtered(
                lambda m: (
                    m.provider in KINDS and m.state not in ("draft", "needs_login")
                )
            )
            if set(consented.mapped("email_normalized")) - {email}:
                raise UserError(
                    self.env._("This is the mailbox of its account: disconnect first.")
                )

    def _connection(self):
        """What ``open_mailbox`` needs, but for the secret.

        :raises NotAllowed: ``client_missing``, ``endpoint_refused``
        """
        self.ensure_one()
        if self.provider in KINDS:
            clients = self.env["crm.mail.mirror.client"]
            return clients._settings(self.provider, self.email_normalized)
        return {
            "host": (self.imap_host or "").strip(),
            "port": self.imap_port or 993,
            "security": self.imap_security or "tls",
            "login": (self.imap_login or self.email or "").strip(),
            "address": self.email_normalized or "",
            "allowed_hosts": self._allowed_hosts(),
            "ca_file": setting("ca_file"),
        }

    @api.model
    def _allowed_hosts(self):
        hosts = self.env["ir.config_parameter"].sudo()
        hosts = hosts.get_param("crm_mail_mirror.allowed_hosts") or ""
        return tuple(hosts.replace(",", " ").split())

    # ---- begun and left -------------------------------------------------------------

    def _is_untried(self):
        """Nothing was ever mirrored through it: a form that somebody left."""
        self.ensure_one()
        return self.state == "draft" and not self.last_sync_at and not self._has_mail()

    @api.autovacuum
    def _gc_untried(self):
        """What was begun and left keeps nobody from linking that address later."""
        self.env.cr.execute(
            """SELECT m.id FROM crm_mail_mirror_mailbox m
                WHERE m.state = 'draft' AND m.last_sync_at IS NULL
                  AND m.write_date < now() AT TIME ZONE 'UTC' - interval '7 days'
                  -- a first import that never came to its end, and was kept
                  AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                   WHERE c.mailbox_id = m.id)
                LIMIT 1000"""
        )
        left = self.browse(mailbox for (mailbox,) in self.env.cr.fetchall())
        left.unlink()
        return len(left), len(left) == 1000

    # ---- actions --------------------------------------------------------------------

    def action_connect(self):
        """Let us in: by password at once, by consent on the provider's own page."""
        self._check_owner()
        if self.provider not in KINDS:
            return self._connect_by_password()
        try:
            self._connection()
        except ProviderError as error:
            raise UserError(sentence(self.env, error.code)) from None
        route = ROUTE_OF[self.provider]
        return {
            "type": "ir.actions.act_url",
            "url": f"/crm_mail_mirror/{route}/start?mailbox={self.id}",
            "target": "self",
        }

    def action_sign_in(self):
        """One button for whom a mailbox waits for, wherever they meet it."""
        self._check_owner()
        return (
            self.action_connect() if self.provider in KINDS else self.action_open_form()
        )

    def _connect_by_password(self):
        """Test the connection; when it works, start to mirror."""
        if not self.imap_host:
            raise UserError(self.env._("Which server? Please fill in its name."))
        try:
            credentials = self.env["crm.mail.mirror.credential"]
            secret = credentials._read_secret(self.id, newest=True)
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        if not secret:
            raise UserError(self.env._("Please fill in the password."))
        settings = self._connection()
        # no transaction stays open while the network is waited for; what the owner
        # typed is saved before, so that nothing has to be typed again
        self.env.cr.commit()  # pylint: disable=invalid-commit
        try:
            with open_mailbox("imap", settings, secret) as provider:
                identity = provider.identify()
        except ProviderError as error:
            # a mailbox that worked goes on with the password it had
            credentials._drop_new(self)
            self.env.cr.commit()  # pylint: disable=invalid-commit
            raise UserError(sentence(self.env, error.code)) from None
        credentials._use_new(self)
        self._start_mirroring(identity)
        if self.state == "ready":
            return self.action_dry_run()
        return self._notify(
            self.env._("Connected"),
            self.env._("What came meanwhile is caught up."),
        )

    def _start_mirroring(self, identity, **values):
        """It works: mirror it from now on, and what came meanwhile.

        For the first time not before its owner saw what that would be.
        """
        known = {self.email_normalized, *(self.aliases or "").split(",")}
        aliases = {alias.lower() for alias in identity.aliases} | known
        self.sudo().write(
            {
                "state": self._state_once_connected(),
                "failure_count": 0,
                "last_error": False,
                "next_sync_at": self.env.cr.now(),
                "aliases": ",".join(
                    sorted(a for a in aliases if a and a != self.email_normalized)
                ),
                **values,
            }
        )
        self.activity_unlink(["mail.mail_activity_data_todo"])
        self.env["crm.mail.mirror.sync"]._trigger()
