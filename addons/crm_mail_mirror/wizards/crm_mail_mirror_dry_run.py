# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What would be mirrored? Shown to a mailbox's owner before anything is stored.

::

    connected ─► ready ─► step ─► step ─► ... ─► "214 mails with 37 contacts" ─► active
                          │                       names to untick
                          └ look up, commit, network, judge in memory, add up

Of mail, nothing but numbers comes into the database: how many came to which end, and
how many are with which known contact.
"""

import functools
import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine import dry_run
from ..engine.keyring import KeyUnusable
from ..engine.providers.base import ProviderError, Throttled
from ..engine.reasons import Reason, State
from ..models import mailbox_run
from ..models.crm_mail_mirror_copy import SHARING
from ..models.sentences import sentence

_logger = logging.getLogger(__name__)

#: Days looked at, if the mailbox's own look-back is not shorter.
DAYS = 30
#: Seconds and mails after which it is told what the newest mails gave.
SECONDS, MAILS = 90, 5000
#: Contacts that are listed, those with most mails first.
CONTACTS = 500


class CrmMailMirrorDryRun(models.TransientModel):
    _name = "crm.mail.mirror.dry.run"
    _description = "What Would Be Mirrored"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    email = fields.Char(related="mailbox_id.email", string="Mailbox")
    state = fields.Selection(
        selection=[
            ("looking", "Looking"),
            ("done", "Looked through"),
            ("stopped", "Stopped"),
            ("failed", "Not possible"),
        ],
        default="looking",
        readonly=True,
    )
    since = fields.Date(readonly=True)
    seen_count = fields.Integer(readonly=True)
    total_count = fields.Integer(readonly=True)
    progress = fields.Integer(compute="_compute_progress")
    error = fields.Char(readonly=True)
    error_sentence = fields.Char(compute="_compute_sentences")
    sentence = fields.Char(compute="_compute_sentences")
    shared_sentence = fields.Char(compute="_compute_sentences")
    kept_out = fields.Text(compute="_compute_sentences")
    bound_sentence = fields.Char(compute="_compute_sentences")
    mirrored_count = fields.Integer(compute="_compute_sentences")
    viewer_ids = fields.Many2many(
        comodel_name="res.users", compute="_compute_viewers", compute_sudo=True
    )
    viewer_names = fields.Text(compute="_compute_viewers", compute_sudo=True)
    contact_ids = fields.One2many(
        comodel_name="crm.mail.mirror.dry.run.contact", inverse_name="run_id"
    )
    unticked = fields.Char(compute="_compute_unticked")

    # how far it is: numbers, and the provider's place
    cursor = fields.Json(groups=fields.NO_ACCESS)
    reasons = fields.Json(groups=fields.NO_ACCESS)
    found = fields.Json(groups=fields.NO_ACCESS)
    seq = fields.Integer(default=0, required=True, groups=fields.NO_ACCESS)
    begun_at = fields.Datetime(groups=fields.NO_ACCESS)

    # ---- computes -------------------------------------------------------------------

    @api.depends("state")
    def _compute_display_name(self):
        self.display_name = self.env._("Before anything is mirrored")

    @api.depends("seen_count", "total_count", "state")
    def _compute_progress(self):
        for run in self:
            share = 100 * run.seen_count // run.total_count if run.total_count else 0
            run.progress = min(99, share) if run.state == "looking" else 100

    @api.depends("mailbox_id")
    def _compute_viewers(self):
        for run in self:
            viewers = self.env["res.users"]
            if run.mailbox_id:
                mailbox = run.mailbox_id
                viewers = mailbox.user_id._mirror_viewers(mailbox.company_id)
            run.viewer_ids = viewers
            run.viewer_names = ", ".join(viewers.sorted("name").mapped("name"))

    @api.depends("state", "seen_count", "reasons", "found", "error", "viewer_ids")
    @api.depends_context("lang")
    def _compute_sentences(self):
        for run in self:
            reasons = run.sudo().reasons or {}
            mirrored = sum(
                count
                for reason, count in reasons.items()
                if Reason(reason).state is State.MIRRORED
            )
            run.mirrored_count = mirrored
            run.sentence = run._sentence(mirrored, len(run.sudo().found or {}))
            run.shared_sentence = run._shared_sentence() if mirrored else False
            run.kept_out = "\n".join(run._kept_out(reasons))
            run.bound_sentence = run._bound_sentence()
            run.error_sentence = run.error and sentence(self.env, run.error)

    def _sentence(self, mails, contacts):
        if not mails:
            return self.env._(
                "None of these mails is with a contact or lead of this Odoo, so none"
                " would be mirrored. Mail of contacts that you add later is found then."
            )
        env, viewers = self.env, len(self.viewer_ids)
        parts = {
            "mails": env._("1 mail") if mails == 1 else env._("%s mails", mails),
            "contacts": env._("1 contact")
            if contacts == 1
            else env._("%s contacts", contacts),
            "viewers": env._("1 colleague")
            if viewers == 1
            else env._("%s colleagues", viewers),
        }
        if not viewers:
            return env._(
                "%(mails)s with %(contacts)s would be in Odoo, visible to nobody but"
                " you.",
                **parts,
            )
        return env._(
            "%(mails)s with %(contacts)s would be visible to %(viewers)s.", **parts
        )

    def _shared_sentence(self):
        labels = dict(self.env["crm.mail.mirror.copy"]._fields["sharing"].selection)
        labels = {key: labels[key] for key, _label in SHARING}
        described = self.env["crm.mail.mirror.mailbox"]._fields["sharing_in"]
        labels |= dict(described._description_selection(self.env))
        return self.env._(
            "Of what you received they see: %(received)s. Of what you sent: %(sent)s.",
            received=labels.get(self.mailbox_id.sharing_in, "").lower(),
            sent=labels.get(self.mailbox_id.sharing_out, "").lower(),
        )

    def _kept_out(self, reasons):
        """Lines such as "3 kept out by private words", those with most mails first."""
        env, groups = self.env, Counter()
        for reason, count in reasons.items():
            if Reason(reason).state is not State.MIRRORED:
                groups["bulk" if reason.startswith("bulk_") else reason] += count
        words = {
            "no_contact": env._("with nobody who is a contact or lead"),
            "not_listed": env._("with nobody who is a contact or lead"),
            "private_word": env._("kept out by private words in the subject"),
            "sensitivity": env._("kept out because their senders marked them private"),
            "excluded_address": env._("kept out by excluded addresses"),
            "excluded_domain": env._("kept out by excluded domains"),
            "erased": env._("kept out: of persons whose data was erased"),
            "internal": env._("among colleagues"),
            "bulk": env._("newsletters and automatic mail"),
            "calendar": env._("nothing but invitations"),
            "no_content": env._("without content"),
            "one_way": env._("received, while only sent mail is mirrored"),
            "role_address": env._("with functions of a company, not persons"),
            "folder": env._("in folders that are not mirrored"),
        }
        lines = Counter()
        for group, count in groups.items():
            lines[words.get(group, env._("kept out by other rules"))] += count
        return [f"{count} {line}" for line, count in lines.most_common()]

    def _bound_sentence(self):
        day = self.mailbox_id._since_words(self.since)
        if self.state == "looking":
            return self.env._(
                "Only the headers of mail %(since)s are looked at. Nothing of it is"
                " stored.",
                since=day,
            )
        if self.state == "done":
            return self.env._(
                "That is what the %(count)s mails %(since)s gave. Nothing of them was"
                " stored.",
                count=self.seen_count,
                since=day,
            )
        return self.env._(
            "That is what the newest %(count)s mails gave: not all mails %(since)s were"
            " looked at. Nothing of them was stored.",
            count=self.seen_count,
            since=day,
        )

    @api.depends("contact_ids.keep", "contact_ids.mails")
    def _compute_unticked(self):
        for run in self:
            out = run.contact_ids.filtered(lambda line: not line.keep)
            run.unticked = bool(out) and self.env._(
                "Kept out, now and later: %(names)s. The addresses become exclusions of"
                " your own, which nobody else sees.",
                names=", ".join(out.mapped("name")),
            )

    # ---- whose it is ----------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        runs = super().create(vals_list)
        for run in runs:
            run._check_mine()
            day = fields.Date.today() - timedelta(days=DAYS)
            begins = run.mailbox_id.sudo().sync_from
            run.sudo().write(
                {"since": max(day, begins or day), "begun_at": fields.Datetime.now()}
            )
        return runs

    def write(self, vals):
        if not self.env.su and set(vals) - {"contact_ids"}:
            raise AccessError(self.env._("Nothing but names can be unticked here."))
        return super().write(vals)

    def _check_mine(self):
        self.ensure_one()
        self.mailbox_id._check_owner()
        if self.mailbox_id.sudo().state != "ready":
            raise UserError(self.env._("This mailbox waits for no start."))

    # ---- looking --------------------------------------------------------------------

    def step(self):
        """Look a few seconds further.

        :return: ``{"state", "progress", "seen", "mirrored", "wait"}``: call again after
            ``wait`` seconds as long as the state is ``looking``
        """
        self._check_mine()
        if self.state != "looking":
            return self._told()
        run, seq = self.sudo(), self.sudo().seq
        wait, error, glance = 0, False, None
        try:
            lease, call = run._prepare()
            # no transaction stays open while the network is waited for
            self.env.cr.commit()  # pylint: disable=invalid-commit
            glance = call(lease)
        except Throttled as late:
            wait = late.retry_after
        except (ProviderError, KeyUnusable) as trouble:
            error = trouble.code
        except Exception as bug:
            # its text may hold a mail: the log gets where it happened
            _logger.error(
                "dry run of mailbox %s: %s in %s",
                run.mailbox_id.id,
                type(bug).__name__,
                mailbox_run.where(bug),
            )
            error = "bug"
        run._take(seq, glance, error, wait)
        return {**self._told(), "wait": min(wait, 15)}

    def _prepare(self):
        """What the network needs, read in this transaction.

        :return: a lease, and what to call with it
        """
        mailbox, sync = self.mailbox_id, self.env["crm.mail.mirror.sync"]
        secret, seq = self.env["crm.mail.mirror.credential"]._read_in_use(mailbox.id)
        if secret is None:
            raise UserError(self.env._("Connect this mailbox first."))
        lease = mailbox._lease("", secret, seq)
        lease.cursor = self.cursor or None
        lease.since = datetime.combine(self.since, datetime.min.time(), tzinfo=UTC)
        if mailbox.provider == "gmail":
            lease.addresses = self.env["crm.mail.mirror.directory"]._all_known()
        keep = functools.partial(sync._keep, lease)

        def look_up(emails):
            return sync._write(
                lambda env: env["crm.mail.mirror.directory"]._look_up(
                    emails, lease.mailbox_id
                )
            )

        def call(lease):
            with mailbox_run.open_mailbox(
                lease.kind, lease.settings, lease.secret, keep
            ) as provider:
                return dry_run.look(
                    provider,
                    lease.cursor,
                    lease.since,
                    lease.policy,
                    look_up,
                    roles=lease.roles,
                    skip=lease.skip,
                    addresses=lease.addresses,
                )

        return lease, call

    def _take(self, seq, glance, error, wait):
        """Add up what a step brought, unless another window was faster."""
        self.env.cr.execute(
            SQL(
                """SELECT 1 FROM crm_mail_mirror_dry_run
                    WHERE id = %s AND seq = %s AND state = 'looking' FOR UPDATE""",
                self.id,
                seq,
            )
        )
        self.invalidate_recordset()
        if not self.env.cr.fetchone():
            return
        if error:
            self.write({"state": "failed", "error": error, "cursor": False})
            self._list_contacts()
            return
        values = {"seq": seq + 1}
        if glance:
            reasons = Counter(self.reasons or {}) + glance.counts.reasons
            if glance.passed_by:
                reasons[str(Reason.NOT_LISTED)] += glance.passed_by
            values |= {
                "reasons": dict(reasons),
                "found": dict(Counter(self.found or {}) + glance.counts.contacts),
                "seen_count": self.seen_count + glance.counts.seen + glance.passed_by,
                "total_count": glance.total,
                "cursor": glance.cursor,
            }
            if not glance.more:
                values |= {"state": "done", "cursor": False}
        self.write(values)
        late = fields.Datetime.now() - self.begun_at > timedelta(seconds=SECONDS - wait)
        if self.state == "looking" and (late or self.seen_count >= MAILS):
            self.write({"state": "stopped", "cursor": False})
        if self.state != "looking":
            self._list_contacts()

    def _told(self):
        return {
            "state": self.state,
            "progress": self.progress,
            "seen": self.seen_count,
            "mirrored": self.mirrored_count,
            "wait": 0,
        }

    def _list_contacts(self):
        """One line for each known address, for its mailbox's owner to untick."""
        found = Counter(self.found or {}).most_common(CONTACTS)
        names = self._names([email for email, _count in found])
        self.env["crm.mail.mirror.dry.run.contact"].create(
            [
                {
                    "run_id": self.id,
                    "email": email,
                    "name": names.get(email) or email,
                    "mails": count,
                }
                for email, count in found
            ]
        )

    def _names(self, emails):
        """What contacts and leads with these addresses are called, to who asks."""
        me, names = self.mailbox_id.user_id, {}
        leads = self.env["crm.lead"].with_user(me).search_fetch(
            [("email_normalized", "in", emails)], ["email_normalized", "contact_name"]
        )
        names |= {lead.email_normalized: lead.contact_name for lead in leads}
        partners = self.env["res.partner"].with_user(me).search_fetch(
            [("email_normalized", "in", emails)], ["email_normalized", "display_name"]
        )
        names |= {each.email_normalized: each.display_name for each in partners}
        return names

    # ---- buttons --------------------------------------------------------------------

    def action_stop(self):
        """Cancel: what was found so far stands."""
        self._check_mine()
        if self.state == "looking":
            self.sudo().write({"state": "stopped", "cursor": False})
            self.sudo()._list_contacts()
        return True

    def action_again(self):
        """Look anew: after trouble, or when rules were changed."""
        self._check_mine()
        mailbox = self.mailbox_id
        self.unlink()
        return mailbox.action_dry_run()

    def action_start(self):
        """Mirror the mailbox from now on, without those that were unticked."""
        self._check_mine()
        mailbox = self.mailbox_id
        self._exclude_unticked()
        self.unlink()
        mailbox.action_start()
        return mailbox._after_dry_run()

    def action_later(self):
        self._check_mine()
        mailbox = self.mailbox_id
        self.unlink()
        return mailbox._after_dry_run()

    def _exclude_unticked(self):
        """Before anything is stored: exclusions of the owner's own."""
        rules = self.env["crm.mail.mirror.exclusion"]
        out = self.contact_ids.filtered(lambda line: not line.keep)
        known = set(
            rules.search([("user_id", "=", self.env.uid)]).mapped(
                lambda rule: (rule.kind, rule.value)
            )
        )
        wanted = {
            ("domain", line.email[1:])
            if line.email.startswith("@")
            else ("address", line.email)
            for line in out
        }
        rules.create(
            [
                {"kind": kind, "value": value, "user_id": self.env.uid}
                for kind, value in sorted(wanted - known)
            ]
        )


class CrmMailMirrorDryRunContact(models.TransientModel):
    _name = "crm.mail.mirror.dry.run.contact"
    _description = "Contact Whose Mail Would Be Mirrored"
    _order = "mails desc, name, id"

    run_id = fields.Many2one(
        comodel_name="crm.mail.mirror.dry.run",
        required=True,
        index=True,
        ondelete="cascade",
    )
    # an address that is known, or "@domain" of a known company
    email = fields.Char(string="Address", required=True, readonly=True)
    name = fields.Char(readonly=True)
    mails = fields.Integer(readonly=True)
    keep = fields.Boolean(string="Mirror", default=True)

    def write(self, vals):
        if not self.env.su and set(vals) - {"keep"}:
            raise AccessError(self.env._("Nothing but names can be unticked here."))
        return super().write(vals)
