"""A mailbox in memory: for races, where the test has to stand at an exact border.

It keeps a journal of what came and went; a cursor is a place in the journal. Nothing
here is clever: what it tells is true, and what the mirror makes of it is under test.
Imported only once Odoo is.
"""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from odoo.addons.crm_mail_mirror.engine.envelope import (
    Address,
    Attachment,
    Body,
    Envelope,
    Part,
)
from odoo.addons.crm_mail_mirror.engine.providers import base

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclasses.dataclass
class Mail:
    envelope: Envelope
    text: str
    received_at: datetime
    key: str = ""
    files: tuple[Attachment, ...] = ()
    #: method of the provider -> what it yields instead of the mail
    errors: dict = dataclasses.field(default_factory=dict)


def mail(number, sender, to, *, text="", received_at=None, tag="", **fields) -> Mail:
    """The mail of this number; equal arguments give the same mail in every mailbox."""
    values = {
        "message_id": f"<{number}.{tag}@mail.test>",
        "date": NOON + timedelta(seconds=number),
        "subject": f"Mail {number} {tag}".strip(),
        "authors": (Address("", sender),),
        "to": tuple(Address("", each) for each in to.split()),
        "headers": {},
        "parts": (Part("1", "text/plain", 100),),
        **fields,
    }
    values.setdefault("raw_subject", values["subject"])
    return Mail(
        Envelope(**values),
        text or f"Text of {values['subject']}",
        received_at or NOON + timedelta(seconds=number),
    )


def people(*emails) -> tuple[Address, ...]:
    return tuple(Address("", email) for email in emails)


class Server:
    """The mailbox itself; outlives connections.

    :ivar before: name of a method of the provider -> called in the network's thread
        each time that method begins; with the number of calls so far. ``renew`` and
        ``renewed`` stand around the moment in which a secret becomes another
    :ivar bare: presences tell the place and a key alone, as Gmail's do
    :ivar asked: how often the envelope of a mail was asked for, by its Message-ID
    :ivar secret: the only one that is let in; ``None``: any
    :ivar rotates: each pull begins with another secret, and the former one is void;
        ``renewals`` so far
    :ivar given: ``addresses`` of each pull
    :ivar searches: each ``Query`` that was searched for
    """

    def __init__(self):
        self.folders = {
            "INBOX": "inbox",
            "Sent": "sent",
            "Archive": "archive",
            "Trash": "trash",
        }
        self.generation = dict.fromkeys(self.folders, "1")
        self.mails: dict[tuple[str, str], Mail] = {}
        self.journal: list[tuple[str, str, str, str]] = []
        self.calls: Counter = Counter()
        self.fetched: Counter = Counter()
        self.before: dict[str, Callable[[int], None]] = {}
        self.fates: dict[str, base.Fate] = {}
        self.relisted = False
        self.expired = False
        self.bare = False
        self.asked: Counter = Counter()
        self.secret: str | None = None
        self.rotates = False
        self.renewals = 0
        self.given: list = []
        self.searches: list = []
        self.passed_by = 0
        self.cursor: dict = {}
        self._next = 0
        self._lock = threading.Lock()

    def put(self, *mails: Mail, folder="INBOX") -> list[str]:
        with self._lock:
            refs = []
            for each in mails:
                self._next += 1
                ref = f"{self._next:010d}"
                if self.bare and not each.key:
                    each.key = f"id{self._next}"
                self.mails[folder, ref] = each
                self._note("+", folder, ref)
                refs.append(ref)
            return refs

    def remove(self, *refs: str, folder="INBOX") -> None:
        with self._lock:
            for ref in refs:
                del self.mails[folder, ref]
                self._note("-", folder, ref)

    def void(self, folder="INBOX", generation="2") -> None:
        """Places of the folder are void: what is in it is listed again."""
        with self._lock:
            self.generation[folder] = generation
            for at, ref in sorted(self.mails):
                if at == folder:
                    self._note("+", folder, ref)

    def move(self, ref: str, target: str, folder="INBOX") -> str:
        moved = self.mails[folder, ref]
        (new,) = self.put(moved, folder=target)
        self.remove(ref, folder=folder)
        return new

    def _note(self, sign, folder, ref):
        if self.folders[folder] not in base.IGNORED_ROLES:
            self.journal.append((sign, folder, self.generation[folder], ref))

    def open(self, secret="", keep=None) -> "Connection":
        return Connection(self, secret, keep)


class Connection(base.Provider):
    kind = "imap"

    def __init__(self, server: Server, secret="", keep=None):
        self.server, self._secret, self._keep = server, secret, keep
        self._told = None
        self.traffic = base.Traffic()
        self._border("connect")
        self._sign_in()

    def _border(self, name):
        self.server.calls[name] += 1
        call = self.server.before.get(name)
        if call:
            call(self.server.calls[name])

    def _sign_in(self):
        if self.server.secret not in (None, self._secret):
            raise base.LoginRequired("access_revoked")

    def _renew(self):
        self._border("renew")
        with self.server._lock:
            # of two that come with the same secret one is refused
            self._sign_in()
            self.server.renewals += 1
            self.server.secret = new = f"secret {self.server.renewals}"
        self._border("renewed")
        self._keep(new)
        self._secret = new

    def identify(self):
        return base.Identity("")

    def folders(self):
        return tuple(
            base.Folder(name, name, role, name.rpartition("/")[0])
            for name, role in self.server.folders.items()
        )

    def _changed_folders(self):
        """As a connection tells them: at first, and when they are others."""
        folders = self.folders()
        told, self._told = self._told, folders
        return None if folders == told else folders

    def pull(self, cursor, since, budget, skip=frozenset(), addresses=None):
        self._border("pull")
        self.server.given.append(addresses)
        if self.server.rotates:
            self._renew()
        if cursor and self.server.expired:
            self.server.expired = False
            raise base.CursorExpired("cursor_expired")
        at = (cursor or {}).get("at", 0)
        steps = self.server.journal[at : at + budget.mails]
        end = at + len(steps)
        more = end < len(self.server.journal)
        gone = {}
        for sign, folder, generation, ref in steps:
            if sign == "-":
                gone.setdefault((folder, generation), []).append((ref, ref))
        return base.ChangeBatch(
            {"v": 1, "kind": "memory", "at": end, **self.server.cursor},
            folders=self._changed_folders(),
            present=tuple(
                self._listed(base.Place(folder, generation, ref))
                for sign, folder, generation, ref in steps
                if sign == "+" and (folder, ref) in self.server.mails
            ),
            absent=tuple(
                base.Absence(*place, tuple(ranges)) for place, ranges in gone.items()
            ),
            relisted=self.server.relisted,
            pass_complete=not more,
            more=more,
            passed_by=0 if more else self.server.passed_by,
            done=end,
            total=len(self.server.journal),
        )

    def _mail(self, place):
        return self.server.mails.get((place.folder, place.ref))

    def _presence(self, place):
        found = self._mail(place)
        return base.Presence(
            place,
            found.received_at,
            size=1000,
            key=found.key,
            envelope=found.envelope,
            outgoing=True if place.folder == "Sent" else None,
        )

    def _listed(self, place):
        presence = self._presence(place)
        if not self.server.bare:
            return presence
        return dataclasses.replace(
            presence, received_at=base.EPOCH, size=0, envelope=None
        )

    def _each(self, method, places, answer):
        self._border(method)
        for place in places:
            found = self._mail(place)
            if found is None:
                yield place, base.MessageGone("message_gone")
            elif method in found.errors:
                yield place, found.errors[method]
            else:
                yield place, answer(place, found)

    def envelopes(self, places):
        def told(place, found):
            self.server.asked[found.envelope.message_id] += 1
            return self._presence(place)

        yield from self._each("envelopes", places, told)

    def facts(self, mails):
        places = [place for place, _envelope in mails]
        yield from self._each("facts", places, lambda _p, m: m.envelope)

    def fetch(self, mails):
        for _place, envelope in mails:
            assert envelope.parts is not None
            self.server.fetched[envelope.message_id] += 1
        places = [place for place, _envelope in mails]
        yield from self._each(
            "fetch", places, lambda _p, m: Body(m.text, None, m.files)
        )

    def confirm(self, lookups):
        self._border("confirm")
        return {
            each.place: self.server.fates.get(each.message_id, base.Fate(base.UNKNOWN))
            for each in lookups
        }

    def audit(self, since=None, refs=False, skip=frozenset()):
        self._border("audit")
        return tuple(
            base.FolderCount(
                folder,
                sum(at == folder.ref for at, _ref in self.server.mails),
                tuple(
                    ref
                    for (at, ref), mail in self.server.mails.items()
                    if at == folder.ref and (not since or mail.received_at >= since)
                )
                if refs and folder.role in base.COUNTED_ROLES and folder.ref not in skip
                else None,
                self.server.generation[folder.ref],
            )
            for folder in self.folders()
        )

    def search(self, query, since=None):
        """Parts of words, any case: like IMAP, and as far as it goes."""
        self._border("search")
        self.server.searches.append(query)
        terms = [
            *(("person", term) for term in query.addresses + query.domains),
            *(("id", term) for term in query.message_ids),
            *(("word", term) for term in query.subject_words),
        ]
        return [
            base.Place(folder, self.server.generation[folder], ref)
            for (folder, ref), found in sorted(self.server.mails.items(), reverse=True)
            if self.server.folders[folder] not in base.IGNORED_ROLES
            and not (since and found.received_at < since)
            and any(self._has(found.envelope, *term) for term in terms)
        ]

    @staticmethod
    def _has(envelope, kind, term):
        texts = {
            "person": envelope.emails,
            "id": (envelope.message_id,),
            "word": (envelope.subject,),
        }[kind]
        return any(term.casefold() in text.casefold() for text in texts)

    def attachment(self, place, part):
        return iter(())

    def close(self):
        self.server.calls["close"] += 1
