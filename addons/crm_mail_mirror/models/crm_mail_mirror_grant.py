# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who asked to read mail of a colleague's, and what did its owner say?

A colleague who sees of a mail that it is there may ask its owner for the rest: of this
mail, of its conversation, or of all mail with a contact; for a time. One row is one
question to one owner. A yes raises what the owner shares to everything, for that asker
alone, as long as it lasts and their level reaches that mailbox; mail that its owner
keeps private stays so. It is looked up in each query (``_granted_case``): a time that
is over, or a yes that was taken back, counts at the next click.

For a contact the addresses count that it had when the question was put, which are those
the owner reads before saying yes: who edits the contact afterwards opens nothing.
"""

import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

WHAT = [
    ("mail", "This mail"),
    ("conversation", "This conversation"),
    ("contact", "All mail with a contact"),
]
#: Days for which one may ask; 0 is until it is taken back.
PERIODS = (1, 7, 30, 0)
#: Open questions of one asker.
MOST_OPEN = 20
#: Days until a question without answer is over; until what is over leaves the lists.
PATIENCE_DAYS, MEMORY_DAYS = 30, 90
#: Days after a refusal until one may ask again.
PAUSE_DAYS = 7

_LIVE = "(g.until IS NULL OR g.until > now() AT TIME ZONE 'UTC')"
_PEOPLE = SQL(
    """JOIN crm_mail_mirror_grant_address_rel ga ON ga.grant_id = g.id
       JOIN crm_mail_mirror_participant gp ON gp.address_id = ga.address_id"""
)
#: (what was given, tables beside ``g``, when it is about the copy ``c``).
_MATCHES = (
    ("mail", SQL(), SQL("g.message_id = c.message_id")),
    (
        "conversation",
        SQL("JOIN crm_mail_mirror_message gt ON gt.thread_key = g.thread_key"),
        SQL("gt.id = c.message_id"),
    ),
    ("contact", _PEOPLE, SQL("gp.copy_id IS NULL AND gp.message_id = c.message_id")),
    # a Bcc is on the copy that shows it, and on no other
    ("contact", _PEOPLE, SQL("gp.copy_id = c.id")),
)


class CrmMailMirrorGrant(models.Model):
    _name = "crm.mail.mirror.grant"
    _description = "Question for Access to Mail"
    _log_access = False
    _order = "changed_at desc, id desc"

    asker_id = fields.Many2one(
        comodel_name="res.users", string="Who asks", required=True, ondelete="cascade"
    )
    owner_id = fields.Many2one(
        comodel_name="res.users",
        string="Whose mail",
        required=True,
        index=True,
        ondelete="cascade",
    )
    what = fields.Selection(selection=WHAT, string="Asked for", required=True)
    message_id = fields.Many2one(
        comodel_name="crm.mail.mirror.message",
        ondelete="cascade",
        index="btree_not_null",
        groups=fields.NO_ACCESS,
    )
    # of a conversation; else that of the mail the question was put at
    thread_key = fields.Char(groups=fields.NO_ACCESS)
    partner_id = fields.Many2one(
        comodel_name="res.partner",
        ondelete="cascade",
        index="btree_not_null",
        groups=fields.NO_ACCESS,
    )
    address_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.address",
        relation="crm_mail_mirror_grant_address_rel",
        column1="grant_id",
        column2="address_id",
        groups=fields.NO_ACCESS,
    )
    note = fields.Text(string="Why")
    days = fields.Integer(required=True)
    state = fields.Selection(
        selection=[
            ("asked", "Asked"),
            ("granted", "Given"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
            ("expired", "Expired"),
        ],
        required=True,
        default="asked",
    )
    until = fields.Datetime()
    # by who asked, before there was an answer
    is_given_up = fields.Boolean(groups=fields.NO_ACCESS)
    asked_at = fields.Datetime(
        string="Asked on", required=True, default=fields.Datetime.now
    )
    changed_at = fields.Datetime(
        string="Since", required=True, default=fields.Datetime.now
    )
    # one of the questions that an asker may have open at once
    slot = fields.Integer(required=True, default=1, groups=fields.NO_ACCESS)

    _live_idx = models.Index("(asker_id, owner_id) WHERE state = 'granted'")
    _asker_idx = models.Index("(asker_id, changed_at)")
    _once_uniq = models.UniqueIndex(
        "(asker_id, owner_id, what, COALESCE(message_id, 0),"
        " COALESCE(CASE WHEN what = 'conversation' THEN thread_key END, ''),"
        " COALESCE(partner_id, 0)) WHERE state = 'asked'",
        "You have asked for that already.",
    )
    # however many ask at the same moment
    _slot_uniq = models.UniqueIndex(
        "(asker_id, owner_id, slot) WHERE state = 'asked'",
        "Please ask once more.",
    )
    _slot_check = models.Constraint(f"CHECK (slot BETWEEN 1 AND {MOST_OPEN})")

    # ---- what queries of mail ask ---------------------------------------------------

    @api.model
    def _givers(self, uid):
        """Who opened mail to this user, and which kinds; maybe more than still hold.

        Read once in a transaction, and again after this model wrote: nearly always
        there is nobody, and then queries of mail need not ask.

        :return: (ids of users, set of ``what``)
        """
        # forgotten at commit and rollback, unlike the cursor's own cache
        cache, key = self.env.cr.precommit.data, (self._name, uid)
        if key not in cache:
            self.flush_model()
            self.env.cr.execute(
                SQL(
                    """SELECT DISTINCT g.owner_id, g.what FROM crm_mail_mirror_grant g
                        WHERE g.asker_id = %s AND g.state = 'granted' AND %s""",
                    uid,
                    SQL(_LIVE),
                )
            )
            rows = self.env.cr.fetchall()
            cache[key] = sorted({o for o, _w in rows}), {w for _o, w in rows}
        return cache[key]

    @api.model
    def _granted_case(self, uid):
        """A WHEN of the CASE that tells what a copy ``c`` in mailbox ``m`` shares.

        Stands after the one of private mail, in queries of readable mailboxes alone:
        what the level takes away no yes gives back. Each kind is an EXISTS that only
        compares with columns of the copy, so that PostgreSQL may work it out once for
        a search through everything: as one condition it took a second for 60,000.

        :param uid: id of the user who looks
        :return: empty for who was given nothing
        """
        givers, kinds = self._givers(uid)
        if not givers:
            return SQL()
        asked = [
            SQL(
                """EXISTS (
                   SELECT 1 FROM crm_mail_mirror_grant g %s
                    WHERE g.asker_id = %s AND g.owner_id = m.user_id
                      AND g.state = 'granted' AND %s AND g.what = %s AND %s)""",
                tables,
                uid,
                SQL(_LIVE),
                what,
                match,
            )
            for what, tables, match in _MATCHES
            if what in kinds
        ]
        return SQL(
            " WHEN m.user_id = ANY(%s) AND (%s) THEN 'everything'",
            givers,
            SQL(" OR ").join(asked),
        )

    @api.model
    def _covers(self):
        """Condition: is what ``g`` is about this copy ``c``?

        A Bcc is on the copy that shows it, and on no other.
        """
        return SQL(
            """CASE g.what
               WHEN 'mail' THEN g.message_id = c.message_id
               WHEN 'conversation' THEN EXISTS (
                    SELECT 1 FROM crm_mail_mirror_message gt
                     WHERE gt.id = c.message_id AND gt.thread_key = g.thread_key)
               ELSE EXISTS (
                    SELECT 1 FROM crm_mail_mirror_participant gp
                      JOIN crm_mail_mirror_grant_address_rel ga
                        ON ga.address_id = gp.address_id AND ga.grant_id = g.id
                     WHERE gp.message_id = c.message_id
                       AND (gp.copy_id IS NULL OR gp.copy_id = c.id)) END"""
        )

    def _forget_givers(self):
        cache = self.env.cr.precommit.data
        for key in [key for key in cache if key[0] == self._name]:
            del cache[key]

    # ---- CRUD -----------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._forget_givers()
        return super().create(vals_list)

    def write(self, vals):
        self._forget_givers()
        return super().write(vals)

    def unlink(self):
        self._forget_givers()
        return super().unlink()

    # ---- ends -----------------------------------------------------------------------

    def _end(self):
        for grant in self.filtered(lambda g: g.state == "granted"):
            _logger.info(
                "mail access %s of user %s for user %s taken back (by user %s)",
                grant.id,
                grant.owner_id.id,
                grant.asker_id.id,
                self.env.uid,
            )
        self.write({"state": "withdrawn", "changed_at": fields.Datetime.now()})

    @api.model
    def _end_of_users(self, users):
        """Who is archived neither asks nor gives; coming back they begin anew."""
        self.sudo().search(
            [
                ("state", "in", ("asked", "granted")),
                "|",
                ("asker_id", "in", users.ids),
                ("owner_id", "in", users.ids),
            ]
        )._end()

    @api.model
    def _forget_addresses(self, emails):
        """These are ours by now: mail with a colleague is not mail with a contact."""
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_grant_address_rel r
                    USING crm_mail_mirror_address a
                    WHERE a.id = r.address_id AND a.email_normalized = ANY(%s)""",
                sorted(filter(None, emails)),
            )
        )

    @api.autovacuum
    def _gc_grants(self):
        """What is over says so anyway; here it is written down, and later forgotten."""
        now = fields.Datetime.now()
        self.search(
            [
                "|",
                *("&", ("state", "=", "granted"), ("until", "<=", now)),
                *("&", ("state", "=", "asked")),
                ("asked_at", "<", now - timedelta(days=PATIENCE_DAYS)),
            ],
            limit=1000,
        ).write({"state": "expired", "changed_at": now})
        past = self.search(
            [
                ("state", "in", ("refused", "withdrawn", "expired")),
                ("changed_at", "<", now - timedelta(days=MEMORY_DAYS)),
            ],
            limit=1000,
        )
        past.unlink()
        return len(past), len(past) == 1000
