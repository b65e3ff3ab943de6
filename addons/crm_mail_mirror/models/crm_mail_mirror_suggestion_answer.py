# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of a suggested contact: created, or dismissed?"""

import logging
import time

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..engine.company_domains import may_be_a_companys
from ..engine.domains import domain_of, organisation
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_suggestion import one_line
from .crm_mail_mirror_sync import CONFLICTS

_logger = logging.getLogger(__name__)

#: Of so many new contacts the message that tells of them holds links.
LINKS = 5


class CrmMailMirrorSuggestion(models.Model):
    _name = "crm.mail.mirror.suggestion"
    _inherit = ["crm.mail.mirror.suggestion"]

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
        links = [
            {"label": contact.name, "url": f"/odoo/res.partner/{contact.id}"}
            for contact in contacts[:LINKS]
        ]
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": self.env._("%(count)s contacts created", count=len(contacts))
                if len(contacts) != 1
                else self.env._("Contact created"),
                # the links take the places
                "message": "\n".join(
                    [
                        *["%s"] * len(links),
                        self.env._("Their mail appears within a minute."),
                    ]
                ),
                "links": links,
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
                "name": one_line(self.name) or email,
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
                "name": one_line(self.company_name) or label.replace("-", " ").title(),
                "is_company": True,
                "website": domain,
                "user_id": self.sudo().user_id.id,
            }
        )

    @api.model
    def _create_waiting(self, end=None):
        """Contacts of owners who do not wish to confirm each; by the outbox's job.

        With the owner's own rights: who may not create contacts finds suggestions.

        :param end: of the job's time
        :return: whether any is left
        """
        sync = self.env["crm.mail.mirror.sync"]
        waiting = self.sudo().search([("state", "=", "waiting")])
        for suggestion, owner in [(each.id, each.user_id.id) for each in waiting]:
            if end and time.monotonic() > end:
                return True
            try:
                sync._in_transaction(
                    lambda env, suggestion=suggestion, owner=owner: (
                        env[self._name]
                        .with_user(owner)
                        .browse(suggestion)
                        ._create_now()
                    )
                )
            except CONFLICTS:
                continue  # the next run tries again
            except Exception as error:
                if not isinstance(error, AccessError | UserError):
                    # another addon's: no name of a person, nor a value, is told
                    _logger.warning(
                        "suggestion %s: no contact could be made of it: %s",
                        suggestion,
                        type(error).__name__,
                    )
                sync._in_transaction(
                    lambda env, suggestion=suggestion: (
                        env[self._name].browse(suggestion).write({"state": "open"})
                    )
                )
        return False

    def _create_now(self):
        if self.exists() and self.state == "waiting":
            companies = self.env.user.company_ids.ids
            self.with_context(allowed_company_ids=companies)._create_contacts()
