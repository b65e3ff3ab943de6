# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whom does an owner write with who is no contact yet? A tray of suggestions.

The only place where a stranger's address and name stand in clear: because the owner of
the mailbox asked for it, for the owner alone, and for a month at most. One that was
dismissed leaves a keyed hash, so that it does not come back.
"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine.company_domains import may_be_a_companys
from ..engine.domains import domain_of, lies_within, organisation
from ..engine.names import suggested_name
from .crm_mail_mirror_credential import keyring

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
    _email_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

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
                          why = CASE WHEN s.why = 'received' OR EXCLUDED.why = 'answered'
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
            self.env["crm.mail.mirror.sync"]._trigger_outbox()

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
                named = [("is_company", "=", True), ("name", "=", _bare(row["company"]))]
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
        self._forget(
            {email for email in emails if _is_kept_out(email, policy, directory)}
        )

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

    # ---- the owner's answer ---------------------------------------------------------

    def action_dismiss(self):
        """Not these: they are not suggested again."""
        self.check_access("write")
        for suggestion in self.sudo():
            suggestion.write(
                {
                    "state": "dismissed",
                    "digest": keyring().digest(
                        "suggestion", suggestion.email_normalized
                    ),
                    "email_normalized": False,
                    "name": False,
                    "company_name": False,
                    "parent_id": False,
                    "why": False,
                    "mail_count": 0,
                    "newest_at": False,
                }
            )
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_create(self):
        """Make contacts of them; their mail follows within a minute."""
        self.check_access("write")
        if not self.env["res.partner"].has_access("create"):
            raise UserError(
                self.env._(
                    "You may not create contacts. An administrator can give you this"
                    ' right: "Contact Creation", in the settings of your user.'
                )
            )
        contacts = self._create_contacts()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("%(count)s contacts created", count=len(contacts))
                if len(contacts) != 1
                else self.env._("Contact created"),
                "message": self.env._("Their mail appears within a minute."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _create_contacts(self):
        """A contact for each, with the rights of whoever asks for it.

        :return: the contacts, whether made now or found
        """
        contacts = self.env["res.partner"]
        for suggestion in self.sorted("email_normalized"):
            contacts |= suggestion._create_contact()
        self.sudo().unlink()
        return contacts

    def _create_contact(self):
        email, owner = self.email_normalized, self.sudo().user_id
        directory = self.env["crm.mail.mirror.directory"]
        if directory._own_among([email]):
            return self.env["res.partner"]
        found = self._known_contact(email)
        if found:
            self.env["crm.mail.mirror.address"]._link([email])
            self.env["crm.mail.mirror.outbox"]._put([email])
            return found
        company = self.parent_id or self._company()
        return self.env["res.partner"].create(
            {
                "name": _bare(self.name) or email,
                "email": email,
                "parent_id": company.id,
                "company_id": company.company_id.id,
                "user_id": owner.id,
                "lang": owner.lang,
            }
        )

    def _known_contact(self, email):
        """The contact that has this address already; who asks next waits for us.

        The row of the address is written: a transaction that began before ours ended
        fails and is repeated, and finds the contact that we made.
        """
        self._take(email)
        partners = self.env["res.partner"].sudo().with_context(active_test=False)
        return partners.search([("email_normalized", "=", email)], limit=1).sudo(False)

    def _take(self, name):
        self.env["crm.mail.mirror.address"]._ensure([name])
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_address SET domain = domain"
            " WHERE email_normalized = %s",
            [name],
        )

    def _company(self):
        """The company of a new contact: found, or made if the owner wants that."""
        domain = domain_of(self.email_normalized)
        mailbox = self.sudo().mailbox_id
        row = {self.email_normalized: {"company": self.company_name}}
        if mailbox.contact_companies and may_be_a_companys(domain):
            self._take(f"@{domain}")
        partners = self.env["res.partner"]
        found = self._companies(mailbox, row)
        if found:
            return partners.browse(found.values())
        if not mailbox.contact_companies or not may_be_a_companys(domain):
            return partners
        label = organisation(domain).partition(".")[0]
        return partners.create(
            {
                "name": _bare(self.company_name) or label.replace("-", " ").title(),
                "is_company": True,
                "website": domain,
                "user_id": self.sudo().user_id.id,
            }
        )

    @api.model
    def _create_waiting(self):
        """Contacts of owners who do not wish to confirm each; by the outbox's job.

        With the owner's own rights: who may not create contacts finds suggestions.
        """
        sync = self.env["crm.mail.mirror.sync"]
        waiting = self.sudo().search([("state", "=", "waiting")])
        for suggestion, owner in [(each.id, each.user_id.id) for each in waiting]:
            try:
                sync._write(
                    lambda env, suggestion=suggestion, owner=owner: (
                        env[self._name].with_user(owner).browse(suggestion)._create_now()
                    )
                )
            except (AccessError, UserError):
                sync._write(
                    lambda env, suggestion=suggestion: (
                        env[self._name].browse(suggestion).write({"state": "open"})
                    )
                )

    def _create_now(self):
        if self.exists() and self.state == "waiting":
            companies = self.env.user.company_ids.ids
            self.with_context(allowed_company_ids=companies)._create_contacts()


#: The better the reason, the sooner it comes.
_RANK = {why: place for place, (why, _label) in enumerate(WHY)}


def _bare(name):
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
