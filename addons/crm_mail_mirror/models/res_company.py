# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What holds for all mailboxes of a company unless an owner says otherwise?"""

from odoo import fields, models

from ..engine.reasons import Reason
from .crm_mail_mirror_copy import SHARING
from .crm_mail_mirror_preview import Effect


class ResCompany(models.Model):
    _inherit = "res.company"

    mirror_sharing_in = fields.Selection(
        selection=SHARING, required=True, default="metadata", groups="base.group_user"
    )
    mirror_sharing_out = fields.Selection(
        selection=SHARING, required=True, default="metadata", groups="base.group_user"
    )
    mirror_match_domains = fields.Boolean(
        string="Mail of a company's domain belongs to it",
        groups="base.group_user",
        help="Mail with anybody at the domain of a company among the contacts is"
        " mirrored and shown on that company. Never for free-mail domains.",
    )

    def write(self, vals):
        if "mirror_match_domains" not in vals:
            return super().write(vals)
        before = {company: company.mirror_match_domains for company in self}
        result = super().write(vals)
        for company, was_on in before.items():
            if company.mirror_match_domains != was_on:
                company._mirror_announce_domains()
        return result

    def _mirror_domains_told(self):
        """What goes when matching by domain is switched off: numbers alone."""
        self.env.cr.execute(
            """SELECT count(*), count(*) FILTER (WHERE c.user_id IS DISTINCT FROM %s)
                 FROM crm_mail_mirror_copy c
                 JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                WHERE m.company_id = %s AND c.state = 'mirrored'
                  AND c.reason = 'domain'""",
            [self.env.uid, self.id],
        )
        mails, others = self.env.cr.fetchone()
        effect = Effect(gone=mails, gone_of_others=others, narrows=True)
        return self.env["crm.mail.mirror.preview"]._sentences(effect, mine=False)

    def _mirror_announce_domains(self):
        """Matching by domain was switched on or off: it acts on the past as well."""
        self.flush_recordset(["mirror_match_domains"])
        is_on = self.mirror_match_domains
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        mailboxes = mailboxes.search([("company_id", "=", self.id)])
        self.env["crm.mail.mirror.change"]._announce(
            self.env._("Mail of a company's domain belongs to it: switched on")
            if is_on
            else self.env._("Mail of a company's domain belongs to it: switched off"),
            # what was disconnected lists nothing more
            mailboxes.filtered(lambda m: m.state != "draft") if is_on else mailboxes,
            narrows=not is_on,
            undo={"write": [self._name, self.id, {"mirror_match_domains": not is_on}]},
            relist=is_on,
            requeue=(Reason.NO_CONTACT,) if is_on else (),
            user=self.env["res.users"],
        )
