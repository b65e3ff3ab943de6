# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is told of a mail to one reader: as much as the copies they see share."""

from collections import defaultdict
from typing import NamedTuple

from odoo import fields, models
from odoo.tools import SQL

from ..engine import legible
from .crm_mail_mirror_copy import SHARING
from .crm_mail_mirror_message import PREVIEW

#: Characters of a subject in a list, and of the text that is sent at once.
SUBJECT, TEXT = 300, 100_000
COUNTED = 1000
_RANK = {name: place for place, (name, _label) in enumerate(SHARING)}


class Copy(NamedTuple):
    message: int
    owner: int
    direction: str
    shown: str
    body: int | None
    sharing: str | None
    reason: str | None


def direction_of(copies):
    return "out" if any(c.direction == "out" for c in copies) else "in"


class Mail(NamedTuple):
    """A mail as its reader has it: rows that are the same to them are one."""

    row: object
    #: the row that tells most
    id: int
    copies: list[Copy]

    @property
    def shown(self):
        return max((c.shown for c in self.copies), key=_RANK.__getitem__)

    @property
    def direction(self):
        """Sent, if one of those whose copy is seen sent it, whoever else received it"""
        return direction_of(self.copies)

    @property
    def owners(self):
        return list(dict.fromkeys(c.owner for c in self.copies))


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # ---- what is seen of mails ------------------------------------------------------

    def _copies_seen(self, sight, ids):
        """``{message id: [Copy]}`` of what the reader sees, own copies first."""
        self.env.cr.execute(
            SQL(
                "%s ORDER BY v.owner_id != %s, v.id",
                self._visible_copies(
                    SQL("c.message_id = ANY(%s)", list(ids)),
                    SQL(
                        """v.message_id, v.owner_id, v.direction, v.shown, v.body_id,
                           v.sharing, v.reason"""
                    ),
                    sight,
                ),
                sight.uid,
            )
        )
        found = defaultdict(list)
        for row in self.env.cr.fetchall():
            found[row[0]].append(Copy(*row))
        return found

    def _seen(self, sight, rows, among):
        """These rows as mails.

        :param rows: those wanted; what is gone meanwhile is left out
        :param among: rows in which their twins are
        """
        twins = defaultdict(list)
        for row in among:
            twins[row.same].append(row.id)
        ids = {i for row in rows for i in (row.id, *twins[row.same])}
        copies = self._copies_seen(sight, ids)
        mails = []
        for row in rows:
            same = [i for i in dict.fromkeys((row.id, *twins[row.same])) if copies[i]]
            if not same:
                continue
            best = max(same, key=lambda i: self._worth(sight, copies[i]))
            merged = [c for i in (best, *same) for c in copies[i]]
            merged.sort(key=lambda c: c.owner != sight.uid)
            mails.append(Mail(row, best, list(dict.fromkeys(merged))))
        return mails

    @staticmethod
    def _worth(sight, copies):
        return (
            max(_RANK[c.shown] for c in copies),
            any(c.owner == sight.uid for c in copies),
        )

    # ---- the list -------------------------------------------------------------------

    def _told_conversations(self, look, heads):
        if not heads:
            return []
        threads = self._whole_threads(look, heads)
        rows = [row for many in threads.values() for row in many]
        mails = self._seen(look.sight, heads, rows)
        people = self._people_of(look, [mail.id for mail in mails], 6)
        previews, subjects = self._previews(mails), self._subjects(mails, SUBJECT)
        told = self._levels_and_files(look.sight, [row.id for row in rows])
        names = self._owner_names(mails)
        return [
            {
                **self._shared(look, mail, names, 1),
                **self._shared_in_part(mail, threads[mail.row.thread], told),
                "id": mail.id,
                "count": min(len({r.same for r in threads[mail.row.thread]}), COUNTED),
                **self._correspondents(people[mail.id]),
                "subject": subjects[mail.id],
                "preview": previews.get(mail.id) or None,
                "has_attachment": any(
                    told[row.id][1] for row in threads[mail.row.thread]
                ),
            }
            for mail in mails
        ]

    def _whole_threads(self, look, heads):
        threads = self._threads(look, [row.thread for row in heads])
        for row in heads:
            threads.setdefault(row.thread, [row])
        return threads

    def _shared(self, look, mail, names, most):
        """What a list and a reading pane both tell of a mail."""
        shown, first = mail.shown, mail.copies[0]
        owners = [{"id": o, "name": names.get(o, "")} for o in mail.owners]
        is_mine = first.owner == look.sight.uid
        return {
            "date": fields.Datetime.to_string(mail.row.date),
            "direction": mail.direction,
            "access": shown,
            "not_shared": self._reason_not_shared(shown),
            "owners": owners[:most],
            "more_owners": max(len(owners) - most, 0),
            "can_ask": self._can_ask(look, mail),
            "is_mine": is_mine,
            "by_domain": all(c.reason == "domain" for c in mail.copies),
        }

    def _shared_in_part(self, mail, rows, told):
        """What a conversation adds whose mails are not all shared alike.

        :param told: as ``_levels_and_files``
        """
        levels = defaultdict(int)
        for row in rows:
            levels[row.same] = max(levels[row.same], told[row.id][0])
        if len(set(levels.values())) < 2:
            return {"partly": False}
        newest = {
            "metadata": self.env._(
                "Subject and text of the newest mail are not shared with you."
            ),
            "subject": self.env._(
                "The text of the newest mail is not shared with you."
            ),
        }
        return {"partly": True, "not_shared": newest.get(mail.shown)}

    def _reason_not_shared(self, shown):
        return {
            "metadata": self.env._("Subject and text are not shared with you."),
            "subject": self.env._("The text is not shared with you."),
        }.get(shown)

    def _can_ask(self, look, mail):
        """May the reader ask an owner for more of this mail?"""
        return look.sight.uid == self.env.uid and mail.shown != "everything"

    def _asked(self, look, mails):
        """``{message id: "asked" | "refused"}`` of what the reader asked for."""
        if look.sight.uid != self.env.uid:
            return {}
        return self.browse([mail.id for mail in mails])._asked_of()

    def _subjects(self, mails, most):
        """``{message id: subject | None}`` as far as it is shared."""
        shown = [mail.id for mail in mails if mail.shown != "metadata"]
        self.env.cr.execute(
            "SELECT id, subject_raw FROM crm_mail_mirror_message WHERE id = ANY(%s)",
            [shown],
        )
        nothing = self.env._("(no subject)")
        told = {i: legible.line(s, most) or nothing for i, s in self.env.cr.fetchall()}
        return {mail.id: told.get(mail.id) for mail in mails}

    def _previews(self, mails):
        """``{message id: first new words}`` of texts that the reader may read."""
        chosen = {m.id: body for m in mails if (body := _readable(m.copies))}
        if not chosen:
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT id, left(text, least(coalesce(quote_at, 600), 600))
                     FROM crm_mail_mirror_body WHERE id = ANY(%s)""",
                list(chosen.values()),
            )
        )
        words = dict(self.env.cr.fetchall())
        return {
            message: legible.line(words.get(body), PREVIEW)
            for message, body in chosen.items()
        }

    def _levels_and_files(self, sight, ids):
        """``{message id: (how much is shown, are there attachments to know of)}``"""
        told = defaultdict(lambda: (0, False))
        self.env.cr.execute(
            SQL(
                """%s LEFT JOIN crm_mail_mirror_body b
                       ON b.id = v.body_id AND v.shown = 'everything'
                          AND b.attachment_count > 0
                    GROUP BY v.message_id""",
                self._visible_copies(
                    SQL("c.message_id = ANY(%s)", list(ids)),
                    SQL(
                        """v.message_id, max(array_position(%s::text[], v.shown::text)),
                           bool_or(b.id IS NOT NULL)""",
                        list(_RANK),
                    ),
                    sight,
                ),
            )
        )
        for message, level, files in self.env.cr.fetchall():
            told[message] = level, files
        return told

    def _owner_names(self, mails):
        owners = {owner for mail in mails for owner in mail.owners}
        users = self.env["res.users"].sudo().browse(owners)
        return {user.id: user.name for user in users}

    # ---- the reading pane -----------------------------------------------------------

    def _told_mails(self, look, rows, among):
        """:param rows: in the order in which they are told"""
        mails = self._seen(look.sight, rows, among)
        people = self._people_of(look, [mail.id for mail in mails], 50)
        copies = {mail.id: mail.copies for mail in mails}
        texts, files = self._texts_of(copies, TEXT), self._files_of(copies)
        names, asked = self._owner_names(mails), self._asked(look, mails)
        subjects = self._subjects(mails, 10_000)
        told = []
        for mail in mails:
            text, quote_at, cut = texts.get(mail.id, (None, None, False))
            told.append(
                {
                    **self._shared(look, mail, names, len(names)),
                    "id": mail.id,
                    **self._roles(people[mail.id]),
                    "subject": subjects[mail.id],
                    "text": text,
                    "cut": cut,
                    "quote_at": quote_at,
                    "attachments": files.get(mail.id, []),
                    "asked": asked.get(mail.id),
                    "sharing": self._own_sharing(look, mail),
                }
            )
        return told

    def _own_sharing(self, look, mail):
        if look.sight.uid != self.env.uid:
            return None
        own = [c.sharing for c in mail.copies if c.owner == self.env.uid]
        return own[0] or None if own else None

    def _texts_of(self, copies, most):
        """``{message id: (text, quote_at, is it cut)}`` of what the reader may read.

        :param copies: ``{message id: [Copy]}``
        :param most: characters; None: all of it
        """
        chosen = {m: body for m, many in copies.items() if (body := _readable(many))}
        found = {}
        if chosen:
            self.env.cr.execute(
                SQL(
                    """SELECT id, %s, quote_at, length(text)
                         FROM crm_mail_mirror_body WHERE id = ANY(%s)""",
                    SQL("left(text, %s)", most) if most else SQL("text"),
                    list(chosen.values()),
                )
            )
            for ident, text, quote_at, length in self.env.cr.fetchall():
                found[ident] = _legible_text(text or "", quote_at) + (
                    bool(most) and (length or 0) > most,
                )
        return {m: found[body] for m, body in chosen.items() if body in found}

    def _files_of(self, copies):
        """``{message id: [{"name", "type", "size"}]}``"""
        chosen = {m: body for m, many in copies.items() if (body := _readable(many))}
        self.env.cr.execute(
            """SELECT id, attachments FROM crm_mail_mirror_body
                WHERE id = ANY(%s) AND attachment_count > 0""",
            [list(chosen.values())],
        )
        files = dict(self.env.cr.fetchall())
        return {
            message: [
                {
                    "name": legible.file_name(part.get("name")) or "",
                    "type": legible.line(part.get("type"), 100),
                    "size": part.get("size") or 0,
                }
                for part in (files.get(body) or [])[:100]
            ]
            for message, body in chosen.items()
        }


def _readable(copies):
    """The text that is shown, of the reader's own copy first."""
    return next((c.body for c in copies if c.shown == "everything" and c.body), None)


def _legible_text(text, quote_at):
    if quote_at is None or quote_at >= len(text):
        return legible.lines(text), None
    new = legible.lines(text[:quote_at])
    return new + legible.lines(text[quote_at:]), legible.utf16_length(new)
