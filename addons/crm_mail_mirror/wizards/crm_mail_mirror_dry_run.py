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
from collections import Counter
from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine import dry_run
from ..engine.keyring import KeyUnusable
from ..engine.providers.base import ProviderError, Throttled
from ..engine.reasons import Reason
from ..models import mailbox_run

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
    email = fields.Char(related="mailbox_id.display_name", string="Mailbox")
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
    error = fields.Char(readonly=True)
    contact_ids = fields.One2many(
        comodel_name="crm.mail.mirror.dry.run.contact", inverse_name="run_id"
    )

    # how far it is: numbers, and the provider's place
    cursor = fields.Json(groups=fields.NO_ACCESS)
    reasons = fields.Json(groups=fields.NO_ACCESS)
    found = fields.Json(groups=fields.NO_ACCESS)
    seq = fields.Integer(default=0, required=True, groups=fields.NO_ACCESS)
    begun_at = fields.Datetime(groups=fields.NO_ACCESS)

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
            ``wait`` seconds as long as the state is ``looking``; it is ``gone`` when
            the mailbox was started meanwhile
        """
        self.mailbox_id._check_owner()
        if self.mailbox_id.state != "ready":
            return {"state": "gone"}
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
        if not self.exists():
            # the mailbox was started in another window
            return {"state": "gone"}
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
            return sync._in_transaction(
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
        for model, name in (
            ("crm.lead", "contact_name"),
            ("res.partner", "display_name"),
        ):
            found = self.env[model].with_user(me)
            found = found.search([("email_normalized", "in", emails)])
            names |= {each.email_normalized: each[name] for each in found if each[name]}
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
