# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails stand in a scope, in which order, for one reader?"""

from datetime import datetime, time, timedelta
from typing import NamedTuple

import pytz

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from . import conversation_question as question
from .crm_mail_mirror_message import Sight


class Look(NamedTuple):
    """What is looked at, by whom."""

    sight: Sight
    scope: question.Scope
    filters: question.Filters
    #: ids of addresses; None: all mail
    addresses: list[int] | None
    #: of a lead: when it was made
    since: datetime | None
    #: SQL subquery of ids of messages, of a search bar; None: all
    found: SQL | None


class Row(NamedTuple):
    """A mail in a scope."""

    date: datetime
    id: int
    thread: str
    same: str

    @property
    def place(self):
        return (self.date, self.id)


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # ---- what is asked for ----------------------------------------------------------

    @api.model
    def _look(self, scope, filters, viewer, domain=None):
        """:rtype: Look
        :raises AccessError, UserError: as ``get_conversations``
        """
        self.check_access("read")
        with self._asked_well():
            scope = question.scope(scope)
            filters = question.filters(filters)
            viewer = question.number(viewer) if viewer else None
            if viewer and domain:
                raise question.BadQuestion
        self._flush_for_reading()
        self.env["crm.mail.mirror.participant"].flush_model()
        addresses, since = self._addresses_in(scope)
        return Look(
            self._sight(viewer),
            scope,
            filters,
            addresses,
            since,
            self._found_by(domain),
        )

    def _addresses_in(self, scope):
        """:return: ids of addresses (None: of all), and when a lead was made"""
        if scope.model is None:
            return None, None
        record = self.env[scope.model].browse(scope.id).exists()
        if not record._filtered_access("read"):
            raise AccessError(
                self.env._("This record is not there any more, or not yours to read.")
            )
        since = record.create_date if scope.model == "crm.lead" else None
        if scope.partner_id is None:
            addresses = record._mirror_addresses()
        elif scope.model == "res.partner":
            addresses = record._mirror_addresses_of_contact(scope.partner_id)
        else:
            addresses = None
        return (self._without_own(addresses) if addresses else []), since

    def _found_by(self, domain):
        if not domain:
            return None
        try:
            return self._search(domain).subselect()
        except (ValueError, TypeError, KeyError):
            raise UserError(
                self.env._("This cannot be searched for. Please check your filters.")
            ) from None

    # ---- what stands there ----------------------------------------------------------

    def _heads(self, look, below, limit):
        """The newest mail of each conversation, below a position.

        :return: rows, and where to go on (None: that was all)
        """
        top = below.top if below else self._newest_id()
        heads, seen = [], set()
        for row in self._rows(look, top):
            if {row.thread, row.same} & seen:
                seen |= {row.thread, row.same}
                continue
            seen |= {row.thread, row.same}
            if below and row.place >= (below.date, below.id):
                continue
            if look.scope.earlier and look.since and row.date >= look.since:
                continue
            heads.append(row)
        page = heads[:limit]
        if len(heads) <= limit:
            return page, None
        return page, question.Position(*page[-1].place, top)

    def _newest_id(self):
        self.env.cr.execute("SELECT max(id) FROM crm_mail_mirror_message")
        return self.env.cr.fetchone()[0] or 1

    def _rows(self, look, top=None, threads=None):
        """All mails of a scope, newest first."""
        conditions = [self._is_seen(look, SQL("t.id"))]
        if top:
            conditions.append(SQL("t.id <= %s", top))
        if threads is not None:
            alone = [t for t in threads if t.startswith("id ")]
            conditions.append(
                SQL(
                    "(t.thread_key = ANY(%s) OR t.id = ANY(%s))",
                    list(set(threads) - set(alone)),
                    [int(each[3:]) for each in alone],
                )
            )
        since, until = self._period(look)
        if since:
            conditions.append(SQL("t.date >= %s", since))
        if until:
            conditions.append(SQL("t.date < %s", until))
        if look.found is not None:
            conditions.append(SQL("t.id IN %s", look.found))
        if look.addresses is not None:
            conditions.append(
                SQL(
                    """t.id IN (SELECT p.message_id FROM crm_mail_mirror_participant p
                                 WHERE p.address_id = ANY(%s) AND %s)""",
                    look.addresses,
                    self._participant_is_visible(look.sight),
                )
            )
        self.env.cr.execute(
            SQL(
                """SELECT t.date, t.id, coalesce(t.thread_key, 'id ' || t.id),
                          coalesce(t.same_key, 'id ' || t.id)
                     FROM crm_mail_mirror_message t WHERE %s
                    ORDER BY t.date DESC, t.id DESC""",
                SQL(" AND ").join(conditions),
            )
        )
        return [Row(*row) for row in self.env.cr.fetchall()]

    def _period(self, look):
        """From when (included) to when (excluded), in UTC."""
        since, until = look.filters.since, look.filters.until
        since = since and self._midnight(since)
        until = until and self._midnight(until + timedelta(days=1))
        if look.since and not look.scope.earlier:
            since = max(since or look.since, look.since)
        return since, until

    def _midnight(self, day):
        zone = pytz.timezone(self.env.user.tz or "UTC")
        moment = zone.localize(datetime.combine(day, time.min))
        return fields.Datetime.to_datetime(
            moment.astimezone(pytz.utc).replace(tzinfo=None)
        )

    def _is_seen(self, look, message):
        """Condition: the reader may see the message, and it passes the filters."""
        filters, copies = look.filters, []
        if filters.direction:
            copies.append(SQL("v.direction = %s", filters.direction))
        if filters.owner:
            copies.append(SQL("v.owner_id = %s", filters.owner))
        if filters.attachments:
            copies.append(
                SQL(
                    """v.shown = 'everything' AND EXISTS (
                           SELECT 1 FROM crm_mail_mirror_body b
                            WHERE b.id = v.body_id AND b.attachment_count > 0)"""
                )
            )
        seen = [self._exists_copy(look, message, copies)]
        if filters.text:
            pattern = f"%{filters.text}%"
            seen.append(
                self._exists_copy(
                    look,
                    message,
                    [
                        SQL(
                            """((v.shown IN ('subject', 'everything') AND EXISTS (
                                    SELECT 1 FROM crm_mail_mirror_message s
                                     WHERE s.id = v.message_id
                                       AND s.subject_raw ILIKE %s))
                             OR (v.shown = 'everything' AND EXISTS (
                                    SELECT 1 FROM crm_mail_mirror_body b
                                     WHERE b.id = v.body_id AND b.text ILIKE %s)))""",
                            pattern,
                            pattern,
                        )
                    ],
                )
            )
        if filters.person:
            pattern = f"%{filters.person}%"
            seen.append(
                SQL(
                    """EXISTS (SELECT 1 FROM crm_mail_mirror_participant p
                                 JOIN crm_mail_mirror_address a ON a.id = p.address_id
                                WHERE p.message_id = %s AND %s
                                  AND (a.email_normalized ILIKE %s OR p.name ILIKE %s))
                    """,
                    message,
                    self._participant_is_visible(look.sight),
                    pattern,
                    pattern,
                )
            )
        return SQL(" AND ").join(seen)

    def _exists_copy(self, look, message, conditions):
        copies = self._visible_copies(
            SQL("c.message_id = %s", message), SQL("1"), look.sight
        )
        if not conditions:
            return SQL("EXISTS (%s)", copies)
        return SQL("EXISTS (%s WHERE %s)", copies, SQL(" AND ").join(conditions))

    def _mails_of(self, look, message_id):
        """The conversation of a mail in this scope, newest first; with twins.

        What is before or after the lead's making, or does not pass filters, belongs to
        it as well: a conversation is read as a whole.
        """
        whole = look._replace(since=None, filters=question.Filters(), found=None)
        self.env.cr.execute(
            SQL(
                """SELECT coalesce(t.thread_key, 'id ' || t.id)
                     FROM crm_mail_mirror_message t WHERE t.id = %s AND %s""",
                message_id,
                # a thread is told to nobody who sees nothing of this mail
                self._is_seen(whole, SQL("t.id")),
            )
        )
        threads = [thread for (thread,) in self.env.cr.fetchall()]
        return self._threads(whole, threads).get(threads[0], []) if threads else []

    def _threads(self, look, threads):
        """All of these conversations in this scope.

        :return: ``{thread: rows}``, newest first"""
        whole = look._replace(since=None, filters=question.Filters(), found=None)
        found = {}
        for row in self._rows(whole, threads=threads):
            found.setdefault(row.thread, []).append(row)
        return found
