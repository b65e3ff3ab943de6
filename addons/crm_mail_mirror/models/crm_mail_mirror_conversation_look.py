# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is looked at, by whom? Read from what a screen asks for, and checked."""

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
    #: the mailboxes in which it is looked, of those the reader may read
    mailboxes: list[int]
    #: ids of addresses; None: all mail
    addresses: list[int] | None
    #: of a lead: when it was made
    made: datetime | None
    #: SQL subquery of ids of messages, of a search bar; None: all
    found: SQL | None

    @property
    def whole(self):
        """The same scope, without filters: what a conversation is read in."""
        return self._replace(
            filters=question.Filters(), mailboxes=list(self.sight.mailboxes), found=None
        )


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
        # compiling such a query takes longer than any of them
        self.env.cr.execute(
            "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"
        )
        addresses, made = self._addresses_in(scope)
        sight = self._sight(viewer)
        return Look(
            sight,
            scope,
            filters,
            self._mailboxes_of(sight, filters.owner),
            addresses,
            made,
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
        made = record.create_date if scope.model == "crm.lead" else None
        if scope.partner_id is None:
            addresses = record._mirror_addresses()
        elif scope.model == "res.partner":
            addresses = record._mirror_addresses_of_contact(scope.partner_id)
        else:
            addresses = None
        return (self._without_own(addresses) if addresses else []), made

    def _mailboxes_of(self, sight, owner):
        """Ids of the readable mailboxes of one owner; ``None``: of all."""
        if not owner:
            return list(sight.mailboxes)
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo().browse(sight.mailboxes)
        return [mailbox.id for mailbox in mailboxes if mailbox.user_id.id == owner]

    def _found_by(self, domain):
        if not domain:
            return None
        try:
            return self._search(domain).subselect()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise UserError(
                self.env._("This cannot be searched for. Please check your filters.")
            ) from None

    def _period(self, filters):
        """From when (included) to when (excluded), in UTC; None: without end."""
        return (
            filters.since and self._midnight(filters.since),
            filters.until and self._midnight(filters.until + timedelta(days=1)),
        )

    def _midnight(self, day):
        zone = pytz.timezone(self.env.user.tz or "UTC")
        moment = zone.localize(datetime.combine(day, time.min))
        return fields.Datetime.to_datetime(
            moment.astimezone(pytz.utc).replace(tzinfo=None)
        )
