# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whom does an owner write with who is no contact yet? A tray of suggestions.

The only place where a stranger's address and name stand in clear: because the owner of
the mailbox asked for it, for the owner alone, and for a month at most. One that was
dismissed leaves a keyed hash, so that it does not come back.
"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..engine.domains import domain_of, lies_within
from ..engine.names import suggested_name
from .crm_mail_mirror_credential import keyring
from .jobs import trigger

#: A suggestion that nobody took up and no new mail confirmed goes after so many days.
DAYS = 30
WHY = [
    ("answered", "You answered them"),
    ("answered_me", "They answered you"),
    ("written", "You wrote to them"),
    ("received", "They wrote to you"),
]
#: What the owner may change before a contact is made of it.
EDITABLE = {"name", "company_name", "parent_id"}


class CrmMailMirrorSuggestion(models.Model):
    _name = "crm.mail.mirror.suggestion"
    _description = "Suggested Contact"
    _log_access = False
    _order = "newest_at desc, id desc"

    user_id = fields.Many2one(
        comodel_name="res.users", required=True, readonly=True, ondelete="cascade"
    )
    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    state = fields.Selection(
        selection=[
            ("open", "Suggested"),
            ("waiting", "Being created"),
            ("dismissed", "Dismissed"),
        ],
        required=True,
        readonly=True,
        default="open",
    )
    name = fields.Char()
    email_normalized = fields.Char(string="Email", readonly=True)
    company_name = fields.Char(string="Company, as the mail says")
    parent_id = fields.Many2one(
        comodel_name="res.partner",
        string="Company",
        domain="[('is_company', '=', True)]",
        ondelete="set null",
        index="btree_not_null",
    )
    why = fields.Selection(selection=WHY, readonly=True)
    mail_count = fields.Integer(string="Mails", readonly=True)
    newest_at = fields.Datetime(string="Last mail", readonly=True)
    # when a mail suggested it last
    seen_at = fields.Datetime(readonly=True)
    # of a dismissed one: keyed hash of the address
    digest = fields.Char(readonly=True, groups=fields.NO_ACCESS)

    _email_uniq = models.UniqueIndex("(user_id, email_normalized)")
    _digest_idx = models.Index("(user_id, digest) WHERE digest IS NOT NULL")
    _email_idx = models.Index("(email_normalized) WHERE email_normalized IS NOT NULL")

    @api.depends("name", "email_normalized")
    def _compute_display_name(self):
        for suggestion in self:
            suggestion.display_name = suggestion.name or suggestion.email_normalized

    def write(self, vals):
        if not self.env.su and set(vals) - EDITABLE:
            raise AccessError(
                self.env._("Of a suggestion, name and company can be changed.")
            )
        if vals.get("parent_id"):
            self.env["res.partner"].browse(vals["parent_id"]).check_access("read")
        return super().write(vals)

    # ---- written by the sync --------------------------------------------------------

    @api.model
    def _note(self, mailbox, people):
        """Suggest these people to the owner of a mailbox, in the page's transaction.

        :param people: ``[(address, why, moment)]``, one for each mail
        """
        people = self._without_unwanted(mailbox.user_id.id, people)
        rows = {}
        for address, reason, moment in people:
            row = rows.setdefault(
                address.email,
                {"name": "", "company": "", "why": reason, "count": 0, "at": moment},
            )
            told = suggested_name(address.name, address.email)
            row["name"] = row["name"] or _without_markup(told.name)
            row["company"] = row["company"] or _without_markup(told.company)
            row["why"] = min(row["why"], reason, key=_RANK.get)
            row["at"] = max(row["at"], moment)
            row["count"] += 1
        if not rows:
            return
        emails = sorted(rows)  # in their order: an owner's mailboxes do not deadlock
        companies = self._companies(mailbox, rows)
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_suggestion AS s
                          (user_id, mailbox_id, state, email_normalized, name,
                           company_name, parent_id, why, mail_count, newest_at, seen_at)
                   SELECT %s, %s, %s, r.*, now() AT TIME ZONE 'UTC'
                     FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[],
                                 %s::text[], %s::int[], %s::timestamp[]) AS r
                   ON CONFLICT (user_id, email_normalized) DO UPDATE
                      SET mail_count = s.mail_count + EXCLUDED.mail_count,
                          newest_at = GREATEST(s.newest_at, EXCLUDED.newest_at),
                          seen_at = EXCLUDED.seen_at,
                          name = CASE WHEN s.name = s.email_normalized
                                      THEN EXCLUDED.name ELSE s.name END,
                          why = CASE WHEN 'received' = s.why
                                       OR 'answered' = EXCLUDED.why
                                     THEN EXCLUDED.why ELSE s.why END""",
                mailbox.user_id.id,
                mailbox.id,
                "open" if mailbox.contact_confirm else "waiting",
                emails,
                [rows[email]["name"] or email for email in emails],
                [rows[email]["company"] or None for email in emails],
                [companies.get(email) for email in emails],
                [rows[email]["why"] for email in emails],
                [rows[email]["count"] for email in emails],
                [rows[email]["at"] for email in emails],
            )
        )
        self.invalidate_model()
        if not mailbox.contact_confirm:
            trigger(self.env, "outbox")

    def _without_unwanted(self, user_id, people):
        """Without whom the owner dismissed, and contacts that somebody deleted."""
        emails = {address.email for address, _why, _moment in people}
        if not emails:
            return []
        unwanted = self.env["crm.mail.mirror.suppression"]._deleted_contacts(emails)
        digests = {
            digest: email
            for email in emails
            for digest in keyring().digests("suggestion", email)
        }
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_suggestion
                    WHERE user_id = %s AND digest = ANY(%s)""",
                user_id,
                list(digests),
            )
        )
        unwanted |= {digests[digest] for (digest,) in self.env.cr.fetchall()}
        return [each for each in people if each[0].email not in unwanted]

    @api.model
    def _companies(self, mailbox, rows):
        """Companies that their owner may see: by domain, else by name if just one.

        :param rows: ``{address: {"company": as the mail says}}``
        :return: ``{address: id}``
        """
        owners = self.env["crm.mail.mirror.directory"]._owners_of(
            {domain_of(email) for email in rows}
        )
        partners = self.env["res.partner"].with_user(mailbox.user_id)
        partners = partners.with_context(
            allowed_company_ids=mailbox.user_id.company_ids.ids
        )
        found = {}
        for email, row in rows.items():
            by_domain = partners.browse(owners.get(domain_of(email), ()))
            companies = by_domain._filtered_access("read")
            if not companies and row["company"]:
                name = one_line(row["company"])
                named = [("is_company", "=", True), ("name", "=", name)]
                companies = partners.search(named, limit=2)
            if len(companies) == 1:
                found[email] = companies.id
        return found

    @api.model
    def _forget(self, emails):
        """These are contacts now, or must not stand anywhere."""
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_suggestion
                    WHERE email_normalized = ANY(%s)""",
                list(emails),
            )
        )
        self.invalidate_model()

    @api.model
    def _prune(self, mailbox):
        """Rules changed: whom they keep out is suggested no more."""
        suggestions = self.sudo().search(
            [("mailbox_id", "=", mailbox.id), ("state", "!=", "dismissed")]
        )
        emails = set(suggestions.mapped("email_normalized"))
        if not emails:
            return
        policy = mailbox._policy()
        directory = self.env["crm.mail.mirror.directory"]._look_up(emails, mailbox.id)
        # this owner's: colleagues have rules of their own
        suggestions.filtered(
            lambda s: _is_kept_out(s.email_normalized, policy, directory)
        ).unlink()

    @api.autovacuum
    def _gc_suggestions(self):
        """What stands in clear goes after a month, and with what allowed it."""
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_suggestion WHERE id IN (
                       SELECT s.id FROM crm_mail_mirror_suggestion s
                         JOIN crm_mail_mirror_mailbox m ON m.id = s.mailbox_id
                         JOIN res_users u ON u.id = s.user_id
                        WHERE s.state != 'dismissed'
                          AND (s.seen_at < %s OR NOT u.active OR m.state = 'draft'
                               OR m.user_id != s.user_id OR m.contact_mode = 'never')
                        LIMIT 5000)""",
                fields.Datetime.now() - timedelta(days=DAYS),
            )
        )
        done = self.env.cr.rowcount
        return done, done == 5000


#: The better the reason, the sooner it comes.
_RANK = {why: place for place, (why, _label) in enumerate(WHY)}


def one_line(name):
    """A name as it may stand on a contact: one line, bounded, without controls."""
    text = "".join(char if char.isprintable() else " " for char in name or "")
    return " ".join(text.split())[:200]


def _without_markup(name):
    # shown as text wherever it stands; but nobody is called so
    return "" if {"<", ">"} & set(name) else name


def _is_kept_out(email, policy, directory):
    return (
        email in directory.known | directory.own | directory.erased
        or email in policy.excluded_addresses
        or lies_within(domain_of(email), policy.excluded_domains)
        or lies_within(domain_of(email), directory.own_domains)
        or policy.is_own(email)
    )
