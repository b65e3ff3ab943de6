# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When was the mirror compared with the mailbox, and what came of it?

Missing is mail that lay in the mailbox before the last complete look at it began, that
belongs into the mirror or its log, and had no row there. It is brought back; what is
here and no longer there goes; what today's rules keep out goes.
"""

from datetime import UTC, datetime, timedelta

import pytz

from odoo import api, fields, models
from odoo.tools import SQL

from .audit_run import Comparison
from .jobs import trigger

#: Mail of so many days is compared each night; its rows are kept for as long.
WEEK = timedelta(days=7)
#: What the mailbox's clock and ours may differ by.
MARGIN = timedelta(hours=1)
#: At night: minutes after midnight, in the owner's time.
NIGHT = (60, 300)
#: Days between two comparisons of everything, and of its spread.
MONTH, SPREAD = 28, 5
#: Comparisons that are kept, in days.
KEPT = 180


class CrmMailMirrorAudit(models.Model):
    _name = "crm.mail.mirror.audit"
    _description = "Comparison of a Mailbox With Its Mirror"
    _log_access = False
    _order = "id desc"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox",
        required=True,
        ondelete="cascade",
        index=True,
    )
    kind = fields.Selection(
        selection=[("week", "The last seven days"), ("all", "Everything")],
        string="What",
        required=True,
    )
    why = fields.Selection(
        selection=[
            ("night", "Each night"),
            ("month", "Each month"),
            ("owner", "You asked"),
            ("brake", "Much mail had disappeared"),
            ("trouble", "It could not be read for a day"),
            ("cursor", "The provider had lost the thread"),
        ],
        required=True,
    )
    state = fields.Selection(
        selection=[
            ("waiting", "Waiting"),
            ("running", "Listing"),
            ("judging", "Judging"),
            ("done", "Done"),
        ],
        required=True,
        default="waiting",
    )
    asked_at = fields.Datetime(string="Asked", required=True)
    begun_at = fields.Datetime(string="Begun")
    ended_at = fields.Datetime(string="Compared")
    # of everything: mail received later is not missing, it is new
    compared_until = fields.Datetime(groups=fields.NO_ACCESS)
    seen = fields.Integer(string="Mails compared")
    missing = fields.Integer(string="Were missing")
    # headers that could not be had: nobody knows whether they are missing
    unread = fields.Integer(string="Could not be read")
    gone = fields.Integer(string="Were gone")
    changed = fields.Integer(string="Kept out today")
    # copies that lost their last place by it
    dropped = fields.Json(groups=fields.NO_ACCESS)
    # copies up to this one are judged anew
    judged = fields.Integer(groups=fields.NO_ACCESS)
    result = fields.Char(compute="_compute_result")

    _open_uniq = models.UniqueIndex("(mailbox_id, kind) WHERE state != 'done'")
    _last_idx = models.Index("(mailbox_id, kind, asked_at)")

    # ---- in words -------------------------------------------------------------------

    @api.depends("state", "seen", "missing", "unread", "gone", "changed")
    @api.depends_context("lang")
    def _compute_result(self):
        number = self._number
        for audit in self:
            if audit.state == "done":
                audit.result = audit._found_in_words()
            elif audit.state == "waiting":
                audit.result = self.env._("Waits for its turn.")
            elif audit.state == "judging":
                audit.result = self.env._("Under way: what is mirrored is judged anew.")
            elif audit.kind == "week":
                audit.result = self.env._("Under way.")
            else:
                mailbox = audit.mailbox_id
                audit.result = self.env._(
                    "Under way: %(done)s of %(total)s mails listed.",
                    done=number(mailbox.progress_done),
                    total=number(mailbox.progress_total),
                )

    def _found_in_words(self):
        number = self._number
        parts = []
        if self.missing:
            parts.append(
                self.env._("one was missing and is back")
                if self.missing == 1
                else self.env._(
                    "%(count)s were missing and are back", count=number(self.missing)
                )
            )
        if self.gone:
            parts.append(
                self.env._("one was gone and is removed")
                if self.gone == 1
                else self.env._(
                    "%(count)s were gone and are removed", count=number(self.gone)
                )
            )
        if self.changed:
            parts.append(
                self.env._("one is kept out by today's rules")
                if self.changed == 1
                else self.env._(
                    "%(count)s are kept out by today's rules",
                    count=number(self.changed),
                )
            )
        if self.unread:
            parts.append(
                self.env._("one could not be read and is tried again the next night")
                if self.unread == 1
                else self.env._(
                    "%(count)s could not be read and are tried again the next night",
                    count=number(self.unread),
                )
            )
        found = ", ".join(parts) or self.env._(
            "nothing is missing, and nothing is here that should not be"
        )
        if self.seen == 1:
            return self.env._("One mail compared: %(found)s.", found=found)
        return self.env._(
            "%(seen)s mails compared: %(found)s.", seen=number(self.seen), found=found
        )

    def _number(self, value):
        return in_words(self.env, value)

    # ---- asking ---------------------------------------------------------------------

    @api.model
    def _ask(self, mailboxes, kind="week", why="night"):
        """Compare these mailboxes with their mirror, soon and in the background.

        :param kind: ``week`` or ``all``
        :return: the comparisons; one that waits or is under way already is the answer
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_audit
                          (mailbox_id, kind, why, state, asked_at, seen, missing, gone,
                           changed, judged)
                   SELECT m, %s, %s, 'waiting', now() AT TIME ZONE 'UTC', 0, 0, 0, 0, 0
                     FROM unnest(%s::int[]) AS m
                   ON CONFLICT (mailbox_id, kind) WHERE state != 'done' DO NOTHING""",
                kind,
                why,
                sorted(mailboxes.ids),
            )
        )
        # for nobody it would wake itself up without end
        if kind == "all" and mailboxes:
            trigger(self.env, "audit")
        return self.sudo().search(
            [
                ("mailbox_id", "in", mailboxes.ids),
                ("kind", "=", kind),
                ("state", "!=", "done"),
            ]
        )

    @api.model
    def _ask_due(self):
        """What the schedule asks for: each night the week, each month everything."""
        cr = self.env.cr
        cr.execute(
            """SELECT m.id, p.tz, coalesce(w.at, m.create_date),
                      coalesce(a.at, m.create_date), now() AT TIME ZONE 'UTC'
                 FROM crm_mail_mirror_mailbox m
                 JOIN res_users u ON u.id = m.user_id
                 JOIN res_partner p ON p.id = u.partner_id
                CROSS JOIN LATERAL (SELECT max(asked_at) AS at
                       FROM crm_mail_mirror_audit
                      WHERE mailbox_id = m.id AND kind = 'week') w
                CROSS JOIN LATERAL (SELECT max(asked_at) AS at
                       FROM crm_mail_mirror_audit
                      WHERE mailbox_id = m.id AND kind = 'all') a
                WHERE m.state = 'active' AND m.listing IS NULL"""
        )
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        week, month = [], []
        for mailbox, zone, last_week, last_all, now in cr.fetchall():
            slot = is_slot(mailbox, zone, now)
            if slot and now - last_week > timedelta(hours=12):
                week.append(mailbox)
            elif now - last_week > timedelta(hours=36):
                week.append(mailbox)  # the server slept that night
            if slot and now - last_all > timedelta(days=MONTH + mailbox % SPREAD):
                month.append(mailbox)
        self._ask(mailboxes.browse(week), "week", "night")
        self._ask(mailboxes.browse(month), "all", "month")

    @api.model
    def _doubt(self, mailbox, why):
        """Something happened that leaves a doubt: compare everything, once in a day."""
        self.env.cr.execute(
            """SELECT 1 FROM crm_mail_mirror_audit
                WHERE mailbox_id = %s AND kind = 'all'
                  AND asked_at > now() AT TIME ZONE 'UTC' - interval '1 day'""",
            [mailbox.id],
        )
        if not self.env.cr.fetchone():
            return self._ask(mailbox, "all", why)
        return self.browse()

    @api.model
    def _due_week(self, lease):
        """The comparison of the last week that waits for a mailbox, or ``None``."""
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_audit
                WHERE mailbox_id = %s AND kind = 'week' AND state != 'done'""",
            [lease.mailbox_id],
        )
        row = self.env.cr.fetchone()
        if row is None:
            return None
        since = datetime.now(UTC).replace(microsecond=0) - WEEK + MARGIN
        return Comparison(row[0], max(since, lease.since or since))

    @api.autovacuum
    def _gc_audits(self):
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_audit
                WHERE state = 'done' AND ended_at < now() AT TIME ZONE 'UTC'
                                                   - %s * interval '1 day'""",
            [KEPT],
        )


def is_slot(mailbox_id, zone, now):
    """Is it this mailbox's time of the night? They do not all come at once."""
    begin, end = NIGHT
    slot = begin + mailbox_id * 37 % (end - begin)
    zone = zone if zone in pytz.all_timezones_set else "UTC"
    local = pytz.utc.localize(now).astimezone(pytz.timezone(zone))
    minutes = local.hour * 60 + local.minute
    return slot <= minutes < end + 60


def in_words(env, number):
    """With the thousands separators of the reader's language."""
    lang = env["res.lang"]._lang_get(env.context.get("lang") or env.user.lang)
    lang = lang or env["res.lang"]._lang_get("en_US")
    return lang.format("%d", number or 0, grouping=True) if lang else str(number)
