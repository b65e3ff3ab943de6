# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail servers fail lately, and how many connections do they get meanwhile?

One row is a server in trouble, for all workers of all hosts; ``politeness`` decides.
"""

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.providers.base import Throttled, Unavailable
from .politeness import Trouble, failed, limit_of, limits, worked

#: The server of a mailbox, and which of them can be due: as their index has it.
SERVER = SQL(
    """CASE provider WHEN 'imap' THEN lower(btrim(coalesce(imap_host, '')))
                     ELSE provider END"""
)
WATCHED = SQL("state IN ('active', 'error')")


class CrmMailMirrorServer(models.Model):
    _name = "crm.mail.mirror.server"
    _description = "Mail Server in Trouble"
    _log_access = False

    name = fields.Char(required=True)
    room = fields.Integer(required=True)
    # seconds
    pause = fields.Integer(required=True, default=0)
    quiet_until = fields.Datetime()
    # of the mailbox that failed last; it may be gone
    mailbox = fields.Integer()

    _name_uniq = models.UniqueIndex("(name)")

    @api.model
    def _limits(self):
        given = self.env["ir.config_parameter"].sudo()
        return limits(given.get_param("crm_mail_mirror.connections"))

    @api.model
    def _troubles(self):
        """``{server: Trouble}``"""
        self.env.cr.execute(
            """SELECT name, room, pause, mailbox,
                      coalesce(quiet_until > now() AT TIME ZONE 'UTC', FALSE)
                 FROM crm_mail_mirror_server"""
        )
        return {name: Trouble(*rest) for name, *rest in self.env.cr.fetchall()}

    @api.model
    def _kinds(self):
        """``{server: its provider}`` of all mailboxes that are looked at.

        The index is asked for the first server, then for the one after it: a step for
        each server, not for each mailbox.
        """
        self.env.cr.execute(
            SQL(
                """WITH RECURSIVE known(server, kind) AS (
                   (SELECT %(server)s, provider FROM crm_mail_mirror_mailbox
                     WHERE %(watched)s ORDER BY 1 LIMIT 1)
                   UNION ALL
                   SELECT after.* FROM known CROSS JOIN LATERAL (
                          SELECT %(server)s, provider FROM crm_mail_mirror_mailbox
                           WHERE %(watched)s AND %(server)s > known.server
                           ORDER BY 1 LIMIT 1) AS after)
                   SELECT server, kind FROM known""",
                server=SERVER,
                watched=WATCHED,
            )
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _held(self):
        """``{server: mailboxes of it that somebody has open}``"""
        self.env.cr.execute(
            SQL(
                """SELECT %s, count(*) FROM crm_mail_mirror_mailbox
                    WHERE lease_until > now() AT TIME ZONE 'UTC' GROUP BY 1""",
                SERVER,
            )
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _note(self, lease, error=None):
        """A mailbox of this server worked, or did not.

        Google and Microsoft throttle single users: that says nothing of the others.
        """
        if error is None:
            self._change(lease, lambda old, most: old and worked(old, most))
        elif isinstance(error, Unavailable) or (
            isinstance(error, Throttled) and lease.kind == "imap"
        ):
            self._change(
                lease, lambda old, most: failed(old, most, lease.mailbox_id), True
            )

    def _change(self, lease, decide, is_new=False):
        cr = self.env.cr
        limit = limit_of(lease.server, lease.kind, self._limits())
        if is_new:
            cr.execute(
                """INSERT INTO crm_mail_mirror_server (name, room, pause)
                   VALUES (%s, 0, 0) ON CONFLICT (name) DO NOTHING""",
                [lease.server],
            )
        cr.execute(
            """SELECT room, pause, mailbox,
                      coalesce(quiet_until > now() AT TIME ZONE 'UTC', FALSE)
                 FROM crm_mail_mirror_server WHERE name = %s FOR UPDATE""",
            [lease.server],
        )
        row = cr.fetchone()
        # 0: just made
        old = Trouble(*row) if row and row[0] else None
        new = decide(old, limit)
        if new is None:
            cr.execute(
                "DELETE FROM crm_mail_mirror_server WHERE name = %s", [lease.server]
            )
        elif new != old:
            cr.execute(
                """UPDATE crm_mail_mirror_server
                      SET room = %s, pause = %s, mailbox = %s, quiet_until =
                          now() AT TIME ZONE 'UTC' + %s * interval '1 second'
                    WHERE name = %s""",
                [new.room, new.pause, new.mailbox_id, new.pause, lease.server],
            )
