# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mailboxes are linked, by whom, how do they fare, and who may read them?"""

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import email_normalize

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_copy import SHARING
from .crm_mail_mirror_server import SERVER, WATCHED
from .owners_fields import (
    OwnersChar,
    OwnersDate,
    OwnersField,
    OwnersInteger,
    OwnersSelection,
)
from .sentences import sentence

#: Written by the sync and by actions only.
_SYNC_FIELDS = {
    "state",
    "next_sync_at",
    "failure_count",
    "failing_since",
    "last_sync_at",
    "last_change_at",
    "last_error",
    "progress_done",
    "progress_total",
    "brake",
}
#: What pages are decided by: one that was pulled before it changed is decided again.
_DECIDING = {"sync_from", "mode", "aliases", "email", "company_id", "contact_mode"}


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _description = "Linked Mailbox"
    _inherit = ["mail.activity.mixin"]
    _rec_name = "email"
    _order = "email, id"

    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Owner",
        required=True,
        index=True,
        default=lambda self: self.env.user,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    email = fields.Char(string="Address", required=True)
    email_normalized = fields.Char(compute="_compute_email_normalized", store=True)
    aliases = OwnersChar(
        help="Other addresses of the same mailbox, separated by commas"
    )
    provider = fields.Selection(
        selection=[("imap", "IMAP"), ("gmail", "Gmail"), ("microsoft", "Microsoft")],
        required=True,
        default="imap",
    )
    state = fields.Selection(
        selection=[
            ("draft", "Not connected"),
            ("ready", "Connected, not started"),
            ("active", "Mirrored"),
            ("paused", "Paused"),
            ("needs_login", "Needs its owner to sign in"),
            ("error", "Needs the administrator"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    sharing_in = OwnersSelection(
        selection=SHARING,
        string="Of mail I received, share",
        required=True,
        default=lambda self: self.env.company.mirror_sharing_in or "metadata",
    )
    sharing_out = OwnersSelection(
        selection=SHARING,
        string="Of mail I sent, share",
        required=True,
        default=lambda self: self.env.company.mirror_sharing_out or "metadata",
    )
    mode = OwnersSelection(
        selection=[("two_way", "Sent and received"), ("one_way", "Sent only")],
        required=True,
        default="two_way",
    )
    sync_from = OwnersDate(
        string="Mail since",
        default=lambda self: self._start_of("opportunity", self.env.user),
        help="Mail received before that day stays out; empty: all mail",
    )

    imap_host = fields.Char(string="Server")
    imap_port = fields.Integer(string="Port", default=993)
    imap_security = fields.Selection(
        selection=[("tls", "TLS"), ("starttls", "STARTTLS"), ("none", "None")],
        string="Encryption",
        default="tls",
    )
    imap_login = OwnersChar(string="Login")
    password = fields.Char(
        compute="_compute_password", inverse="_inverse_password", store=False
    )

    # where the mirror stands; written by the sync alone, in SQL
    cursor = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)
    cursor_seq = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    policy_seq = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    pass_no = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    next_sync_at = fields.Datetime(string="Next check", readonly=True, copy=False)
    lease_until = fields.Datetime(readonly=True, copy=False, groups=fields.NO_ACCESS)
    lease_token = fields.Char(readonly=True, copy=False, groups=fields.NO_ACCESS)
    failure_count = fields.Integer(readonly=True, copy=False)
    last_sync_at = fields.Datetime(string="Last check", readonly=True, copy=False)
    last_change_at = fields.Datetime(readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)
    last_error_sentence = fields.Char(
        compute="_compute_last_error_sentence", string="What is wrong"
    )
    progress_done = OwnersInteger(readonly=True, copy=False)
    progress_total = OwnersInteger(readonly=True, copy=False)
    brake = fields.Selection(
        selection=[
            ("waiting", "Second look"),
            ("asked", "Owner asked"),
            ("confirmed", "Owner agreed, being removed"),
        ],
        readonly=True,
        copy=False,
        help="Much mail went at once: it is hidden until that is sure",
    )

    is_readable = fields.Boolean(
        compute="_compute_is_readable", search="_search_is_readable"
    )
    is_mine = fields.Boolean(compute="_compute_is_mine")
    may_stop = fields.Boolean(compute="_compute_is_mine")

    _email_uniq = models.UniqueIndex(
        "(email_normalized)", "This mailbox is linked already."
    )
    # a server's mailboxes that are due, apart from those whose mail is all listed
    _due_idx = models.Index(
        f"(({SERVER.code}), (listing IS NOT NULL), next_sync_at) WHERE {WATCHED.code}"
    )
    _lease_idx = models.Index("(lease_until) WHERE lease_until IS NOT NULL")

    # ---- computes -------------------------------------------------------------------

    @api.depends("email")
    def _compute_email_normalized(self):
        for mailbox in self:
            mailbox.email_normalized = email_normalize(mailbox.email or "")

    def _compute_password(self):
        # write-only: nobody reads a password back
        self.password = False

    def _inverse_password(self):
        for mailbox in self.filtered("password"):
            mailbox._check_owner()
            if mailbox.provider != "imap":
                raise UserError(self.env._("This mailbox is linked without password."))
            try:
                self.env["crm.mail.mirror.credential"]._store(mailbox, mailbox.password)
            except KeyUnusable as error:
                raise UserError(sentence(self.env, error.code)) from None

    @api.depends("last_error")
    @api.depends_context("lang")
    def _compute_last_error_sentence(self):
        for mailbox in self:
            mailbox.last_error_sentence = (
                sentence(self.env, mailbox.last_error) if mailbox.last_error else False
            )

    @api.depends("email", "user_id")
    @api.depends_context("uid")
    def _compute_display_name(self):
        """Odoo reads the name of whatever a number points to, without asking whether
        the reader may read it: so the address is told to who may."""
        for mailbox in self:
            is_told = self.env.uid == SUPERUSER_ID or mailbox.sudo().may_stop
            mailbox.display_name = (
                mailbox.sudo().email if is_told else self.env._("Mailbox")
            )

    @api.depends_context("uid")
    def _compute_is_mine(self):
        for mailbox in self:
            mailbox.is_mine = mailbox.user_id.id == self.env.uid
            mailbox.may_stop = mailbox.is_mine or self._is_administrator()

    # ---- who may read ---------------------------------------------------------------

    @api.model
    def _readable_domain(self):
        """Mailboxes that ``env.uid`` may read by level, worked out afresh each time.

        Decided by ``env.uid`` even under sudo: record rules ask under sudo for
        the user. Companies named in the context count only if they are the user's.
        """
        user = self.env["res.users"].browse(self.env.uid).sudo()
        allowed = user._get_company_ids()
        asked = self.env.context.get("allowed_company_ids") or [user.company_id.id]
        companies = [company for company in asked if company in allowed]
        owners = user._mirror_visible_owners(companies)
        by_level = Domain("company_id", "in", companies)
        if owners is not None:
            by_level &= Domain("user_id", "in", owners)
        return Domain("user_id", "=", self.env.uid) | by_level

    def _search_is_readable(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._readable_domain()

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_is_readable(self):
        found = self.sudo().with_context(active_test=False)
        readable = found.search(Domain("id", "in", self.ids) & self._readable_domain())
        for mailbox in self:
            mailbox.is_readable = mailbox in readable

    def _check_field_access(self, field, operation):
        """What administrators read of nobody else they do not find out by searching,
        sorting or grouping either: those ask the model, reading asks records."""
        if (
            isinstance(field, OwnersField)
            and operation == "read"
            and not (self.env.su or self)
            and self._is_administrator()
        ):
            raise AccessError(
                self.env._("%(field)s is the owner's alone.", field=field.name)
            )
        return super()._check_field_access(field, operation)

    def _determine_fields_to_fetch(self, field_names=None, ignore_when_in_cache=False):
        if self or self.env.su or not field_names or not self._is_administrator():
            return super()._determine_fields_to_fetch(field_names, ignore_when_in_cache)
        # a search brings the rest; these are read from the records that it found
        names = [
            name
            for name in field_names
            if not isinstance(self._fields.get(name), OwnersField)
        ]
        return [
            field
            for field in super()._determine_fields_to_fetch(names, ignore_when_in_cache)
            if not isinstance(field, OwnersField)
        ]

    # ---- CRUD -----------------------------------------------------------------------

    @api.constrains("email")
    def _check_email(self):
        for mailbox in self:
            if not mailbox.email_normalized:
                raise ValidationError(
                    self.env._("%(value)s is not a mail address.", value=mailbox.email)
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._refuse_sync_fields(vals)
        mailboxes = super().create(vals_list)
        for mailbox in mailboxes:
            if not self.env.su and mailbox.user_id != self.env.user:
                raise AccessError(self.env._("Only its owner can link a mailbox."))
        return mailboxes

    def write(self, vals):
        if "user_id" in vals and not self.env.su:
            raise UserError(self.env._("The owner of a mailbox stays the same."))
        self._refuse_sync_fields(vals)
        self._check_same_account(vals)
        before = {mailbox: mailbox._listed() for mailbox in self}
        addresses = {mailbox: mailbox.email_normalized for mailbox in self}
        suppressions = self.env["crm.mail.mirror.suppression"]
        result = super().write(vals)
        if "email" in vals:
            for mailbox, address in addresses.items():
                suppressions._follow(address, mailbox.email_normalized)
        if _DECIDING & set(vals):
            self._bump_policy(self.user_id.ids)
        for mailbox, listed in before.items():
            if mailbox._listed() != listed:
                mailbox._list_again()
        return result

    def copy_data(self, default=None):
        for mailbox in self:
            mailbox._check_owner()
        return super().copy_data(default)

    def _refuse_sync_fields(self, vals):
        """``readonly`` binds screens only; these are the sync's, whoever asks."""
        if not self.env.su and _SYNC_FIELDS & set(vals):
            raise AccessError(self.env._("The state of a mailbox is not yours to set."))

    @api.ondelete(at_uninstall=False)
    def _unlink_only_own(self):
        for mailbox in self:
            mailbox._check_owner()

    # ---- actions of the owner -------------------------------------------------------

    def _check_owner(self):
        self.ensure_one()
        if not self.env.su and self.user_id.id != self.env.uid:
            raise AccessError(self.env._("This mailbox belongs to somebody else."))

    def _is_administrator(self):
        return self.env.user.has_group("crm_mail_mirror.crm_mail_mirror_group_manager")

    def _check_may_stop(self):
        """Owners and administrators may stop a mailbox: it gives nobody content."""
        self.ensure_one()
        if not self._is_administrator():
            self._check_owner()

    def action_pause(self):
        for mailbox in self:
            mailbox._check_may_stop()
            if mailbox.state not in ("active", "error"):
                raise UserError(self.env._("Connect this mailbox first."))
        self.sudo().write({"state": "paused"})

    def action_resume(self):
        for mailbox in self:
            mailbox._check_owner()
            if mailbox.state != "paused":
                raise UserError(self.env._("This mailbox is not paused."))
            if not self.env["crm.mail.mirror.credential"]._of(mailbox.id):
                raise UserError(self.env._("Connect this mailbox first."))
        self.sudo().write({"state": "active", "next_sync_at": self.env.cr.now()})
        self.env["crm.mail.mirror.sync"]._trigger()

    def action_sync_now(self):
        for mailbox in self:
            mailbox._check_owner()
        active = self.filtered(lambda mailbox: mailbox.state == "active")
        if not active:
            raise UserError(self.env._("Connect this mailbox first."))
        active.sudo().write({"next_sync_at": self.env.cr.now()})
        self.env["crm.mail.mirror.sync"]._trigger()
        return self._notify(
            self.env._("On its way"), self.env._("The mailbox is looked at now.")
        )

    def action_disconnect(self):
        self._check_may_stop()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Disconnect %(address)s", address=self.email),
            "res_model": "crm.mail.mirror.disconnect",
            "view_mode": "form",
            "target": "new",
            "context": {"default_mailbox_id": self.id},
        }

    def action_confirm_removal(self):
        """Answer of the owner to the brake: that mail is really gone."""
        self._check_owner()
        self.sudo().write({"brake": "confirmed"})
        self._forget_old_at_once()
        self.activity_unlink(["mail.mail_activity_data_todo"])

    def action_open_form(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.email,
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "current",
        }

    def _notify(self, title, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": title,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # what activities call on their record: without a thread there is nobody to tell, to
    # subscribe, and nowhere to post

    def message_notify(self, **_values):
        return self.env["mail.message"]

    def message_subscribe(self, partner_ids=None, subtype_ids=None):
        return True

    def message_post_with_source(self, _source, **_values):
        return self.env["mail.message"]
