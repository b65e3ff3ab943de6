# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the screens ask of mail, and in which shape is it told?

Everything here answers what ``env.uid`` may see and nothing else, at the moment of
asking. A conversation is the mail of one thread that the reader may see in this scope;
its handle is the id of a mail, since what threads are made of stays on the server.
"""

from odoo import api, models
from odoo.exceptions import UserError

from . import conversation_question as question

#: Most conversations, and most mails of one, in an answer.
MOST_CONVERSATIONS, MOST_MAILS = 100, 50
#: Mails of a conversation are counted so far.
MOST_COUNTED = 1000


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    @api.model
    @api.readonly
    def get_conversations(
        self, scope, filters=None, before=None, limit=30, viewer=None, domain=None
    ):
        """A page of the list of conversations, newest first.

        :param scope: ``{"model": "res.partner" | "crm.lead" | None (all mail), "id",
            "by": "time" | "contact", "partner_id", "earlier"}``; by contact
            ``partner_id`` is a contact of the company, or 0 for people at its domain
            who are no contacts; ``earlier``: mail from before the lead
        :param filters: ``{"text", "direction": "in" | "out", "person", "owner": user
            id, "attachments": bool, "since", "until": "YYYY-MM-DD"}``, each may be
            missing; days are those of the reader's time zone, both included
        :param before: ``next`` of the page before
        :param limit: conversations, at most 100
        :param viewer: user id: as that colleague would see the caller's own mailboxes
        :param domain: of a search bar, for all mail
        :return: ``{"conversations": [Conversation], "next": str | None}``. A page may
            hold fewer than ``limit``, even none, while ``next`` is not None: the
            search has not come to the end yet; ask on

        Conversation: ``{"id", "date": "YYYY-MM-DD HH:MM:SS" (UTC), "direction": "in" |
        "out", "count" (at most 1000), "people": [{"name", "email", "partner_id",
        "avatar": bool, "suspicious": bool}] (at most 3), "more_people", "subject":
        str | None, "preview": str | None, "not_shared": str | None, "has_attachment",
        "owners": [{"id", "name"}] (at most 1), "more_owners", "access": "metadata" |
        "subject" | "everything", "partly": bool (of some of its mails the caller sees
        more than of others), "can_ask", "is_mine", "by_domain"}``. Direction, people,
        subject, owners and access are of its newest mail.

        :raises AccessError: the record is not there, or not the caller's to read
        :raises UserError: asked otherwise than this
        """
        look = self._look(scope, filters, viewer, domain)
        with self._asked_well():
            below = question.position(before)
            limit = question.limit(limit, MOST_CONVERSATIONS)
        heads, next_position = self._heads(look, below, limit)
        return {
            "conversations": self._told_conversations(look, heads),
            "next": str(next_position) if next_position else None,
        }

    @api.model
    @api.readonly
    def get_conversation(self, message_id, scope, before=None, limit=20, viewer=None):
        """A page of the mails of a conversation, the newest page first.

        :param message_id: ``id`` of a conversation or of any mail of it
        :param scope: as in ``get_conversations``
        :return: ``{"mails": [Mail], oldest first of this page, "count": at most 1000,
            "next": str | None}``, or ``{"gone": True}`` when the caller may see
            nothing of it (any more)

        Mail: ``{"id", "date", "direction", "access", "sender": Person | None, "to":
        [Person], "cc", "bcc" (each at most 50), "more": {"to": n, "cc": n, "bcc": n},
        "subject": str | None, "text": str | None, "cut": bool (``get_text`` has the
        whole), "quote_at": int | None (where quoted text begins, as JavaScript counts
        characters), "attachments": [{"name", "type", "size"}], "not_shared": str |
        None, "can_ask", "asked": None | "asked" | "refused", "owners": [{"id",
        "name"}], "is_mine", "by_domain", "sharing": None | "metadata" | "subject" |
        "everything" | "private" (of one's own copy alone)}``

        Person: ``{"name", "email", "partner_id": int | None, "partner_name": str |
        None, "avatar": bool, "suspicious": bool}``

        :raises AccessError, UserError: as in ``get_conversations``
        """
        look = self._look(scope, None, viewer)
        with self._asked_well():
            message_id = question.number(message_id)
            below = question.position(before)
            limit = question.limit(limit, MOST_MAILS)
        thread = self._thread_of(look, message_id)
        rows = self._threads(look, [thread]).get(thread) if thread else None
        if not rows:
            return {"gone": True}
        count = len({row.same for row in rows})
        if below:
            place = (below.date, below.id)
            rows = self._threads(look, [thread], place).get(thread, [])
        mails = list({row.same: row for row in reversed(rows)}.values())[::-1]
        mails.sort(key=lambda row: row.place, reverse=True)
        page = mails[:limit]
        more = len(mails) > limit
        return {
            "mails": self._told_mails(look, page[::-1], rows),
            "count": min(count, MOST_COUNTED),
            "next": str(question.Position(*page[-1].place, 1)) if more else None,
        }

    @api.model
    @api.readonly
    def get_text(self, message_id, viewer=None):
        """The whole text of a mail whose ``text`` was cut.

        :return: ``{"text": str, "quote_at": int | None}`` as in a Mail, or ``{"gone":
            True}`` when the caller may not read it (any more)
        """
        self.check_access("read")
        with self._asked_well():
            message_id = question.number(message_id)
            viewer = viewer and question.number(viewer)
        copies = self._copies_seen(self._sight(viewer or None), [message_id])
        texts = self._texts_of(copies, None)
        if message_id not in texts:
            return {"gone": True}
        text, quote_at, _cut = texts[message_id]
        return {"text": text, "quote_at": quote_at}

    def _asked_well(self):
        return _AskedWell(self.env)


class _AskedWell:
    """What is asked otherwise than described is told so, in words."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        if kind and issubclass(kind, question.BadQuestion):
            raise UserError(
                self.env._("This cannot be shown. Please open the page once more.")
            ) from None
