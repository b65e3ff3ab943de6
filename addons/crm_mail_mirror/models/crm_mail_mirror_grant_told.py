# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do lists say of a question: what it is about, how it stands, for how long?"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_datetime

from .crm_mail_mirror_grant import PAUSE_DAYS


class CrmMailMirrorGrant(models.Model):
    _name = "crm.mail.mirror.grant"
    _inherit = ["crm.mail.mirror.grant"]

    period = fields.Char(compute="_compute_period", string="How long")
    about = fields.Text(compute="_compute_about")
    standing = fields.Char(compute="_compute_standing", string="State now")
    can_answer = fields.Boolean(compute="_compute_standing")
    can_take_back = fields.Boolean(compute="_compute_standing")
    can_give_up = fields.Boolean(compute="_compute_standing")

    @api.depends("days")
    @api.depends_context("lang")
    def _compute_period(self):
        names = self._period_names()
        for grant in self:
            grant.period = names.get(grant.days, False)

    @api.model
    def _period_names(self):
        return {
            1: self.env._("1 day"),
            7: self.env._("1 week"),
            30: self.env._("1 month"),
            0: self.env._("Until withdrawn"),
        }

    def _is_over(self):
        return self.state == "expired" or (
            self.state == "granted"
            and self.until
            and self.until <= fields.Datetime.now()
        )

    @api.depends("state", "until", "changed_at", "asker_id", "owner_id")
    @api.depends_context("uid", "lang", "tz")
    def _compute_standing(self):
        for grant in self:
            is_owner = grant.owner_id.id == self.env.uid
            is_open, is_over = grant.state == "asked", grant._is_over()
            grant.standing = grant._told(is_over)
            grant.can_answer = is_owner and is_open
            grant.can_take_back = is_owner and grant.state == "granted" and not is_over
            grant.can_give_up = grant.asker_id.id == self.env.uid and is_open

    def _told(self, is_over):
        if is_over:
            return self.env._("Expired")
        if self.state == "asked":
            return self.env._("Asked, no answer yet")
        if self.state == "granted" and self.until:
            return self.env._("Given until %(time)s", time=_short(self.env, self.until))
        if self.state == "granted":
            return self.env._("Given until withdrawn")
        if self.state == "refused":
            again = self.changed_at + timedelta(days=PAUSE_DAYS)
            if again > fields.Datetime.now() and self.asker_id.id == self.env.uid:
                return self.env._(
                    "Refused. You may ask again on %(time)s.",
                    time=_short(self.env, again),
                )
            return self.env._("Refused")
        return self.env._("Withdrawn")

    @api.depends("asker_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for grant in self:
            grant.display_name = self.env._(
                "Question of %(name)s", name=grant.asker_id.name
            )

    @api.depends_context("uid", "allowed_company_ids", "lang", "tz")
    def _compute_about(self):
        """What it is about, as far as ``env.uid`` sees that mail."""
        rows, messages = self.sudo(), self.env["crm.mail.mirror.message"]
        threads = rows._newest_of_threads()
        shown = messages.browse(
            set(rows.message_id.ids) | {newest for newest, _n in threads.values()}
        )
        shown = shown._filtered_access("read")
        counts = rows._own_counts()
        names = self.env["res.partner"].browse(rows.partner_id.ids)
        names = names._filtered_access("read")
        for row in rows:
            if row.what == "contact":
                about = row._about_contact(row.partner_id in names.sudo())
            elif row.what == "conversation":
                newest, _count = threads.get(row.thread_key, (None, 0))
                about = shown.browse(newest)._told_briefly() if newest else ""
            else:
                about = (row.message_id.with_env(self.env) & shown)._told_briefly()
            if row.id in counts and row.what != "mail":
                mails = self.env._("Mails: %(count)s", count=counts[row.id])
                about = f"{about} ({mails})" if about else mails
            elif row.what == "conversation" and about:
                mails = self.env._("Mails: %(count)s", count=threads[row.thread_key][1])
                about = f"{about} ({mails})"
            self.browse(row.id).about = about or self.env._("Mail you do not see now")

    def _about_contact(self, is_readable):
        emails = ", ".join(sorted(self.address_ids.mapped("email_normalized")))
        if not is_readable:
            return emails
        return f"{self.partner_id.display_name} ({emails})"

    def _newest_of_threads(self):
        """``{thread key: (id of the newest mail, number of mails)}`` that one sees."""
        keys = {g.thread_key for g in self if g.what == "conversation"}
        if not keys:
            return {}
        messages = self.env["crm.mail.mirror.message"]
        messages._flush_for_reading()
        self.env.cr.execute(
            SQL(
                """SELECT t.thread_key, (array_agg(t.id ORDER BY t.date DESC))[1],
                          count(*)
                     FROM crm_mail_mirror_message t
                    WHERE t.thread_key = ANY(%s) AND EXISTS (%s) GROUP BY 1""",
                sorted(keys),
                messages._visible_copies(SQL("c.message_id = t.id"), SQL("1")),
            )
        )
        return {key: tuple(rest) for key, *rest in self.env.cr.fetchall()}

    def _own_counts(self):
        """``{id: number}`` of mails that a yes of ``env.uid`` opens, at most 1000."""
        mine = [g.id for g in self if g.owner_id.id == self.env.uid]
        if not mine:
            return {}
        self.flush_model()
        self.env["crm.mail.mirror.message"]._flush_for_reading()
        self.env.cr.execute(
            SQL(
                """SELECT g.id, (
                       SELECT count(DISTINCT n.message_id) FROM (
                          SELECT c.message_id FROM crm_mail_mirror_copy c
                           WHERE c.user_id = g.owner_id AND c.state = 'mirrored'
                             AND c.sharing IS DISTINCT FROM 'private'
                             AND c.message_id IN (%s) AND %s LIMIT 1000) AS n)
                     FROM crm_mail_mirror_grant g WHERE g.id = ANY(%s)""",
                self._candidates(),
                self._covers(),
                mine,
            )
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _candidates(self):
        """Ids of messages that ``g`` may be about, each kind by its own index."""
        return SQL(
            """SELECT g.message_id WHERE g.what = 'mail'
               UNION ALL
               SELECT kt.id FROM crm_mail_mirror_message kt
                WHERE g.what = 'conversation' AND kt.thread_key = g.thread_key
               UNION ALL
               SELECT kp.message_id FROM crm_mail_mirror_participant kp
                 JOIN crm_mail_mirror_grant_address_rel ka
                   ON ka.address_id = kp.address_id
                WHERE g.what = 'contact' AND ka.grant_id = g.id"""
        )

    # ---- looking at it --------------------------------------------------------------

    def action_look(self):
        """The mail it is about, as ``env.uid`` sees it."""
        self.ensure_one()
        self.check_access("read")
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Emails"),
            "res_model": "crm.mail.mirror.message",
        }
        found = self._seen_messages()
        if not found:
            raise UserError(self.env._("You do not see this mail, or it is gone."))
        if len(found) == 1:
            return {**action, "res_id": found.id, "view_mode": "form", "target": "new"}
        return {**action, "view_mode": "list,form", "domain": [("id", "in", found.ids)]}

    def _seen_messages(self):
        """At most 1000 of the mails it is about, those of its owner."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.message_id
                     FROM crm_mail_mirror_grant g
                     JOIN crm_mail_mirror_copy c ON c.user_id = g.owner_id
                    WHERE g.id = %s AND c.message_id IN (%s) AND %s LIMIT 1000""",
                self.id,
                self._candidates(),
                self._covers(),
            )
        )
        ids = [message for (message,) in self.env.cr.fetchall()]
        return self.env["crm.mail.mirror.message"].search([("id", "in", ids)])


def _short(env, moment):
    return format_datetime(env, moment, dt_format="short")
