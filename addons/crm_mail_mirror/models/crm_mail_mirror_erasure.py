# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is everything removed that is here of a person, and kept from coming back?

An administrator asks for it and sees numbers, never mail. A keyed hash of each address
stays, so that neither the next sync nor a contact made anew brings anything back, and
this row, which is the certificate: who asked, when, how much was removed. It knows the
addresses as keyed hashes and with all but their first letters blotted out. Few mails of
other people are not counted out in it (``few.py``).
"""

import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, email_normalize

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_credential import keyring
from .few import FEW, told_alone, told_number
from .jobs import trigger
from .sentences import sentence


class CrmMailMirrorErasure(models.Model):
    _name = "crm.mail.mirror.erasure"
    _description = "Erasure of a Person's Mail"
    _rec_name = "masked"
    _order = "id desc"

    masked = fields.Char(string="Person", required=True, readonly=True)
    state = fields.Selection(
        selection=[
            ("found", "Found, not erased"),
            ("running", "Being erased"),
            ("done", "Erased"),
            ("lifting", "Being lifted"),
            ("lifted", "Lifted: mail may come again"),
        ],
        required=True,
        readonly=True,
        default="running",
        index=True,
    )
    user_id = fields.Many2one(
        comodel_name="res.users",
        readonly=True,
        default=lambda self: self.env.user,
        ondelete="set null",
    )
    # by name: a certificate outlives the user who asked
    asked_by = fields.Char(string="Asked for by", readonly=True)
    asked_at = fields.Datetime(
        string="Asked for", required=True, readonly=True, default=fields.Datetime.now
    )
    ended_at = fields.Datetime(string="Erased", readonly=True)
    lifted_at = fields.Datetime(string="Lifted", readonly=True)
    lifted_by = fields.Char(readonly=True)
    mails = fields.Char(compute="_compute_mails")
    progress = fields.Float(compute="_compute_progress")
    # mails that were found, and that went: {owner id: how many} of each address
    found_of = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    removed_of = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    # of a lifting: the mailbox it came to
    at_mailbox = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    # the suppressions, as hex digests
    digests = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    # the addresses, encrypted; empty once all is removed
    sealed = fields.Text(readonly=True, groups=fields.NO_ACCESS, prefetch=False)
    # {table: rows}
    counts = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    summary = fields.Text(compute="_compute_summary", string="Removed")

    def init(self):
        # rows that were written before count all of their addresses together
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_erasure
                  SET found_of = CASE WHEN jsonb_array_length(digests) = 1
                                      THEN jsonb_build_array(found_of) END,
                      removed_of = CASE WHEN jsonb_array_length(digests) = 1
                                             AND removed_of IS NOT NULL
                                        THEN jsonb_build_array(removed_of) END
                WHERE jsonb_typeof(found_of) = 'object'"""
        )

    @api.depends("found_of")
    @api.depends_context("uid", "lang")
    def _compute_mails(self):
        for erasure in self:
            erasure.mails = erasure._told(erasure.sudo().found_of)

    def _told(self, counts):
        """:param counts: mails by owner, of each address"""
        told, is_all = told_alone(counts or (), self.env.uid)
        if told is None:
            return told_number(self.env, 0, 0)
        if is_all:
            return f"{told:,}"
        return self.env._(
            "%(count)s, and fewer than %(few)s with the other addresses, if any",
            count=f"{told:,}",
            few=FEW,
        )

    @api.depends("found_of", "removed_of", "state")
    @api.depends_context("uid")
    def _compute_progress(self):
        for erasure in self:
            found, removed = erasure.sudo().found_of, erasure.sudo().removed_of
            if erasure.state not in ("found", "running"):
                erasure.progress = 100
                continue
            done, _is_all = told_alone(removed or (), self.env.uid)
            total, _is_all = told_alone(found or (), self.env.uid)
            erasure.progress = 100 * min((done or 0) / total, 1) if total else 0

    @api.depends("counts", "removed_of")
    @api.depends_context("uid", "lang")
    def _compute_summary(self):
        for erasure in self:
            erasure.summary = "\n".join(
                f"{label}: {count}" for label, count in erasure._removed()
            )

    @api.depends("masked", "state", "mails")
    @api.depends_context("uid", "lang")
    def _compute_display_name(self):
        for erasure in self:
            erasure.display_name = (
                self.env._("Mirrored emails: %(count)s", count=erasure.mails)
                if erasure.state == "found"
                else erasure.masked
            )

    def _removed(self):
        """``[(what, how many)]`` for the certificate, in words.

        Of several addresses no more than their mails, each counted alone.
        """
        counts, owners = self.sudo().counts or {}, self.sudo().removed_of or []
        told, _is_all = told_alone(owners, self.env.uid)
        if told is None or len(owners) > 1:
            what = self.env._("Mails, with their subjects, texts, names and addresses")
            return [(what, self._told(owners))]
        labels = {
            "copies": self.env._("Mails in mailboxes"),
            "messages": self.env._("Mails with subject"),
            "bodies": self.env._("Texts"),
            "participants": self.env._("Names and addresses on mails"),
            "addresses": self.env._("Addresses"),
            "ties": self.env._("Addresses of contacts, former ones too"),
            "traces": self.env._("Keyed hashes of mail that was kept out"),
            "suggestions": self.env._("Suggested contacts"),
            "searches": self.env._("Searches of mailboxes"),
        }
        return [
            (label, told_number(self.env, counts.get(name, 0), counts.get(name, 0)))
            for name, label in labels.items()
        ]

    # ---- asked for ------------------------------------------------------------------

    @api.model
    def _check_administrator(self):
        if not self.env["crm.mail.mirror.mailbox"]._is_administrator():
            raise AccessError(self.env._("This is for administrators of the mirror."))

    @api.model
    def _addresses_of(self, text):
        """Addresses as people type them: one a line, or with commas between.

        :raises UserError: one of them is none, or belongs to us
        """
        typed = [part.strip() for part in text.replace(",", "\n").splitlines()]
        emails = []
        for part in filter(None, typed):
            email = email_normalize(part)
            if not email:
                raise UserError(
                    self.env._("%(value)s is not a mail address.", value=part)
                )
            emails.append(email)
        if not emails:
            raise UserError(self.env._("Whose mail? Please fill in an address."))
        own = self.env["crm.mail.mirror.directory"]._own_among(emails)
        own |= set(
            self.env["crm.mail.mirror.mailbox"]
            .sudo()
            .search([("email_normalized", "in", emails)])
            .mapped("email_normalized")
        )
        if own:
            raise UserError(
                self.env._(
                    "%(address)s belongs to a user or company of yours: it is on all"
                    " of their mail. Disconnect their mailbox, and remove its mail,"
                    " instead.",
                    address=", ".join(sorted(own)),
                )
            )
        return sorted(set(emails))

    @api.model
    def _count_mails(self, emails, copies=None):
        """On how many mirrored mails is each of these addresses?

        :param copies: ids: of these alone
        :return: ``[{owner id: mails}]``, as the addresses stand; nobody is to see more
            of it than ``few`` tells
        """
        self.env.cr.execute(
            SQL(
                """SELECT c.email, m.user_id, count(*) FROM (%s) AS c
                     JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                    WHERE %s GROUP BY 1, 2""",
                self._copies_query(emails, SQL("a.email_normalized AS email")),
                SQL("TRUE") if copies is None else SQL("c.id = ANY(%s)", copies),
            )
        )
        found = {email: {} for email in emails}
        for email, owner, mails in self.env.cr.fetchall():
            found[email][owner] = mails
        return list(found.values())

    @api.model
    def _make(self, emails, state="running"):
        """The row for these addresses.

        :raises UserError: no usable key on this server
        """
        try:
            suppressions = self.env["crm.mail.mirror.suppression"]
            values = {
                "masked": ", ".join(map(mask, emails)),
                "state": state,
                "user_id": self.env.uid,
                "asked_by": self.env.user.name,
                "digests": [suppressions._digest(email) for email in emails],
                "sealed": keyring().encrypt(json.dumps(list(emails))),
                "found_of": self._count_mails(emails),
                "counts": {},
            }
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        erasure = self.sudo().create(values).sudo(self.env.su)
        if state == "running":
            trigger(self.env, "erasures")
        return erasure

    def _begin(self):
        """What was found is to be erased."""
        self._check_administrator()
        self.sudo().filtered(lambda e: e.state == "found").write({"state": "running"})
        trigger(self.env, "erasures")

    def action_lift(self):
        """Mail with this person may come again: new mail, and what mailboxes hold."""
        self._check_administrator()
        for erasure in self:
            if erasure.state != "done":
                raise UserError(self.env._("This is not erased."))
        self.sudo().write(
            {
                "state": "lifting",
                "lifted_at": fields.Datetime.now(),
                "lifted_by": self.env.user.name,
            }
        )
        trigger(self.env, "erasures")

    def action_certificate(self):
        self.ensure_one()
        self._check_administrator()
        return {
            "type": "ir.actions.act_url",
            "url": f"/crm_mail_mirror/erasure/{self.id}",
            "target": "new",
        }

    def _is_of(self, emails):
        """Is it of these very addresses? For the certificate, which tells them."""
        suppressions = self.env["crm.mail.mirror.suppression"]
        found = suppressions._digests(emails)
        known = set(self.sudo().digests or ())
        return bool(emails) and {found[d] for d in known if d in found} == set(emails)

    # ---- each night -----------------------------------------------------------------

    @api.autovacuum
    def _gc_found(self):
        """What was found and not erased within a day is forgotten again."""
        yesterday = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        self.search([("state", "=", "found"), ("asked_at", "<", yesterday)]).unlink()


def mask(email):
    """An address with all but its first letters blotted out.

    >>> mask("jane.doe@mail.acme.example")
    'j***@m***.example'
    """
    name, _at, domain = email.rpartition("@")
    top = domain.rpartition(".")[2] if "." in domain else ""
    return f"{name[:1]}***@{domain[:1]}***{'.' if top else ''}{top}"
