# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What may an owner answer to a question for access, and who is told?"""

import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

_logger = logging.getLogger(__name__)


class CrmMailMirrorGrant(models.Model):
    _name = "crm.mail.mirror.grant"
    _inherit = ["crm.mail.mirror.grant"]

    def _of_mine(self, role, state):
        """These rows under sudo, if ``env.uid`` may decide about them.

        :param role: asker_id or owner_id
        :raises AccessError: one of them is somebody else's, or none at all
        :raises UserError: it is decided already
        """
        mine = self.search([("id", "in", self.ids), (role, "=", self.env.uid)])
        if not self or mine != self.browse(set(self.ids)):
            raise AccessError(self.env._("This is not yours to decide."))
        if any(grant.state != state or grant._is_over() for grant in mine.sudo()):
            raise UserError(self.env._("This was decided already."))
        return mine.sudo()

    def _give(self, days=None):
        """Yes. :param days: fewer than were asked for"""
        grants = self._of_mine("owner_id", "asked")
        grants._check_not_private()
        now = fields.Datetime.now()
        for grant in grants:
            span = grant.days if days is None else days
            if grant.days and (not span or span > grant.days):
                raise UserError(self.env._("That is longer than was asked for."))
            grant.write(
                {
                    "state": "granted",
                    "until": now + timedelta(days=span) if span else False,
                    "changed_at": now,
                }
            )
            _logger.info(
                "mail access %s: user %s lets user %s read (%s) until %s",
                grant.id,
                grant.owner_id.id,
                grant.asker_id.id,
                grant.what,
                grant.until or "taken back",
            )
        grants._tell_askers()
        return self._said(self.env._("Given. You can withdraw it at any time."))

    def _check_not_private(self):
        """A yes to what is private would open nothing, and so tell that it is."""
        kept = self._own_counts()
        for grant in self.filtered(lambda g: g.what != "contact"):
            if not kept.get(grant.id):
                raise UserError(
                    self.env._(
                        "You keep this private, or it is not in Odoo any more: a yes"
                        " would open nothing. Change what you share of it first, or"
                        " say no."
                    )
                )

    def action_yes(self):
        return self._give()

    def action_yes_day(self):
        return self._give(1)

    def action_yes_week(self):
        return self._give(7)

    def action_yes_month(self):
        return self._give(30)

    def action_no(self):
        grants = self._of_mine("owner_id", "asked")
        grants.write({"state": "refused", "changed_at": fields.Datetime.now()})
        grants._tell_askers()
        return self._said(self.env._("Refused. They may ask again in a week."))

    def action_take_back(self):
        """From the next click on the asker sees what they saw before."""
        grants = self._of_mine("owner_id", "granted")
        grants._end()
        return self._said(self.env._("Access withdrawn"))

    def action_give_up(self):
        """The asker does not want to know any more."""
        grants = self._of_mine("asker_id", "asked")
        grants._end()
        grants.is_given_up = True
        return self._said(self.env._("Your question was withdrawn."))

    def _said(self, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # ---- telling --------------------------------------------------------------------

    def _tell_owners(self):
        """Each owner that somebody asks; what about stands in their list alone."""
        for grant in self:
            grant._notify(
                grant.owner_id,
                lambda env, asker=grant.asker_id.name: (
                    env._("%(name)s asks to read mail of yours", name=asker),
                    env._("See what it is about, and answer"),
                    "/odoo/asked-of-me",
                ),
            )

    def _tell_askers(self):
        for grant in self:
            said = grant.state
            grant._notify(
                grant.asker_id,
                lambda env, owner=grant.owner_id.name, said=said: (
                    env._("%(name)s lets you read mail you asked for", name=owner)
                    if said == "granted"
                    else env._("%(name)s said no to your question", name=owner),
                    env._("My Questions"),
                    "/odoo/my-questions",
                ),
            )

    def _notify(self, user, words):
        """By Odoo's notifications, in the language of who gets it."""
        env = self.with_context(lang=user.lang).env
        subject, link, href = words(env)
        body = Markup('<p>%s.</p><p><a href="%s">%s</a></p>') % (subject, href, link)
        env["mail.thread"].sudo().message_notify(
            partner_ids=user.partner_id.ids, subject=subject, body=body
        )
