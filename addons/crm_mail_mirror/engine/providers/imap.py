# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A mailbox over IMAP: read, never touched.

Folders are opened with EXAMINE, mail is fetched with BODY.PEEK. What the server offers
is used: LIST-STATUS, ESEARCH, CONDSTORE, QRESYNC; what RFC 3501 demands is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from ..envelope import Body, Envelope
from . import imap_bodies, imap_questions
from .base import (
    Budget,
    ChangeBatch,
    Fate,
    Folder,
    FolderCount,
    Identity,
    Lookup,
    MessageBroken,
    MessageGone,
    Place,
    Presence,
    Provider,
    ProviderError,
    Query,
    Throttled,
    Traffic,
    Unavailable,
)
from .imap_bite import Memory
from .imap_connect import Account
from .imap_folders import read_folders
from .imap_mail import read_presences
from .imap_session import Session
from .imap_sync import Pull
from .imap_wire import Refused, Timeouts, in_our_words, is_busy


def connect(
    secret: str,
    *,
    host: str,
    login: str,
    port: int = 993,
    security: str = "tls",
    auth: str = "password",
    address: str = "",
    allowed_hosts: Iterable[str] = (),
    ca_file: str = "",
    timeouts: Timeouts | None = None,
) -> ImapProvider:
    """Connect and log in.

    :param secret: password, or access token with ``auth="xoauth2"``
    :param security: ``tls``, ``starttls``, or ``none``: allowed hosts only
    :param address: the mailbox's mail address where the login is none
    :param allowed_hosts: names, addresses and networks (CIDR) that may be connected to
        although they are private or local
    :param ca_file: further certificate authorities, PEM
    :raises LoginRequired, Throttled, Unavailable, NotAllowed: see ``imap_connect``
    """
    account = Account(
        host=host,
        port=port,
        security=security,
        login=login,
        auth=auth,
        secret=secret,
        allowed_hosts=tuple(allowed_hosts),
        ca_file=ca_file or "",
        timeouts=timeouts or Timeouts(),
    )
    return ImapProvider(Session(account), address)


class ImapProvider(Provider):
    """See ``connect``."""

    kind = "imap"

    def __init__(self, session: Session, address: str = ""):
        self._session = session
        self._address = address
        self._memory = Memory()

    @property
    def traffic(self) -> Traffic:
        return self._session.traffic

    def identify(self) -> Identity:
        login = self._session.login
        email = self._address or (login if "@" in login else "")
        return Identity(
            email=email.lower(), account_id=f"{login.lower()}@{self._session.host}"
        )

    def folders(self) -> tuple[Folder, ...]:
        return self._patiently(self._list)

    def _list(self) -> tuple[Folder, ...]:
        with in_our_words(self._session.wire, "LIST"):
            listed = read_folders(self._session.wire, numbers=False)
        self._session.learn(listed)
        return tuple(entry.folder for entry in listed)

    def pull(
        self,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: frozenset[str] = frozenset(),
        addresses: Sequence[str] | None = None,  # headers are cheap here
    ) -> ChangeBatch:
        def once() -> ChangeBatch:
            pull = Pull(self._session, self._memory, cursor, since, budget, skip)
            return pull.run()

        return self._patiently(once)

    def envelopes(
        self, places: Sequence[Place]
    ) -> Iterator[tuple[Place, Presence | ProviderError]]:
        """See ``base``. A folder that does not open fails its own mail, not the call:

        queued mail is read before each pull, which alone can say that the folder was
        renamed or is gone.
        """
        return self._headers(places, self._open_anew)

    def _headers(self, places, opened) -> Iterator:
        for folder, generation, some in self._by_folder(places, lambda place: place):
            missing: ProviderError = MessageGone("message_gone")
            try:
                found = self._patiently(
                    self._presences, folder, generation, some, opened
                )
            except (MessageGone, MessageBroken) as problem:
                found, missing = {}, problem
            for place in some:
                presence = found.get(place)
                if presence is None:
                    yield place, missing
                elif presence.envelope is None or presence.envelope.headers is None:
                    yield place, MessageBroken("message_broken", "unreadable headers")
                else:
                    yield place, presence

    def _presences(
        self, folder, generation, places, opened: Callable
    ) -> dict[Place, Presence]:
        """Marked \\Deleted or not: that mail went, or came back, ``pull`` alone tells.

        It remembers the marks it told. Of one that was set and taken away between two
        pulls it knows nothing, and a mail that was given up meanwhile would be missing.
        """
        opened(folder, generation)
        outgoing = True if self._role(folder) == "sent" else None
        with in_our_words(self._session.wire, "FETCH"):
            present, _deleted = read_presences(
                self._session,
                folder,
                generation,
                outgoing,
                [int(place.ref) for place in places],
                alone=True,
                marked_too=True,
            )
        return {presence.place: presence for presence in present}

    def facts(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Envelope | ProviderError]]:
        unknown = []
        for place, envelope in mails:
            if envelope.headers is None or envelope.parts is None:
                unknown.append(place)
            else:
                yield place, envelope
        for place, presence in self._headers(unknown, self._still_open):
            if isinstance(presence, ProviderError):
                yield place, presence
            else:
                yield place, presence.envelope

    def fetch(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Body | ProviderError]]:
        for folder, generation, some in self._by_folder(mails, lambda mail: mail[0]):
            envelopes = {int(place.ref): envelope for place, envelope in some}
            for page in imap_bodies.pages(envelopes):
                bodies = self._patiently(self._bodies, folder, generation, page)
                for place, _envelope in some:
                    if int(place.ref) in page:
                        body = bodies.get(int(place.ref))
                        yield place, body or MessageGone("message_gone")

    def _bodies(self, folder, generation, page) -> dict[int, Body | ProviderError]:
        self._still_open(folder, generation)
        with in_our_words(self._session.wire, "FETCH"):
            return imap_bodies.read(self._session, folder, page)

    def confirm(self, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
        return self._patiently(imap_questions.confirm, self._session, lookups)

    def audit(
        self,
        since: datetime | None = None,
        refs: bool = False,
        skip: frozenset[str] = frozenset(),
    ) -> tuple[FolderCount, ...]:
        return self._patiently(imap_questions.audit, self._session, since, refs, skip)

    def search(self, query: Query, since: datetime | None = None) -> Iterable[Place]:
        return self._patiently(imap_questions.search, self._session, query, since)

    def attachment(self, place: Place, part: str) -> Iterator[bytes]:
        def opened():
            self._open(place.folder, place.generation)
            with in_our_words(self._session.wire, "FETCH"):
                return imap_bodies.Attached(self._session, place, part)

        attached = self._patiently(opened)
        with in_our_words(self._session.wire, "FETCH"):
            yield from attached

    def close(self) -> None:
        self._session.wire.leave()

    # --- inside -----------------------------------------------------------------------

    def _patiently(self, ask: Callable, *args):
        """Once more over a new connection when the server hung up.

        Dovecot says BYE when an open folder is deleted; others do when they restart.
        """
        session = self._session
        session.reopened = session.hung = 0
        try:
            try:
                return ask(*args)
            except Unavailable as problem:
                if problem.code != "connection_lost":
                    raise
            session.reopen()
            self._memory = Memory(searched=self._memory.searched)
            return ask(*args)
        except (Unavailable, Throttled):
            session.close()
            raise

    def _open(self, folder: str, generation: str) -> None:
        """Have this generation of the folder open.

        :raises MessageGone: the folder has another UIDVALIDITY: all its places are void
        :raises MessageBroken: it does not open: gone, renamed, locked; not for ever
        """
        session = self._session
        with in_our_words(session.wire, "EXAMINE"):
            if not session.raw_names:
                self._list()
            if not session.is_open(folder):
                try:
                    session.examine(folder)
                except Refused as refusal:
                    if refusal.answer == "BAD" or is_busy(refusal.text, refusal.code):
                        raise
                    raise MessageBroken("message_refused", str(refusal)) from None
        if str(session.uidvalidity) != generation:
            raise MessageGone("message_gone", "another UIDVALIDITY")

    def _open_anew(self, folder: str, generation: str) -> None:
        """As the folder is now: a server may serve mail that is gone from one that has
        been open since before, until it was asked for news (RFC 3501 section 7.4.1).
        """
        wire, was_open = self._session.wire, self._session.is_open(folder)
        self._open(folder, generation)
        if was_open:
            with in_our_words(wire, "NOOP"):
                wire.command("NOOP")

    def _still_open(self, folder: str, generation: str) -> None:
        """A folder that was open just now. What happened to it is for ``pull`` to tell:

        mail said to be gone would leave no row, and the cursor would pass it.

        :raises Unavailable: it is no longer the same; the page is void
        """
        try:
            self._open(folder, generation)
        except (MessageGone, MessageBroken) as problem:
            raise Unavailable("server_error", problem.detail) from None

    def _role(self, folder: str) -> str:
        return self._session.roles.get(folder, "other")

    def _by_folder(self, items: Iterable, place_of: Callable):
        def key(item):
            return place_of(item).folder, place_of(item).generation

        for (folder, generation), some in groupby(sorted(items, key=key), key):
            yield folder, generation, list(some)
