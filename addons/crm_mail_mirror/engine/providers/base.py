# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is a provider? An open connection to one mailbox, and nothing else.

It knows no rule, no contact and no database. Three facts come out of each provider:
*present at*, *absent from*, *pass complete*; what follows from them is decided above.

A **place** is a folder, a generation of it (IMAP: UIDVALIDITY; else ``""``) and a ref
in it. Refs of one folder compare as strings: IMAP writes UIDs with ten digits, so that
ranges of them can be compared in SQL too.

Example, the whole life of a connection::

    with open_mailbox(kind, settings, secret, keep) as provider:
        cursor, more = saved_cursor, True
        while more:
            batch = provider.pull(cursor, since, budget)
            ...      # provider.envelopes of what came without and is not known; judge,
            ...      # then for those that matched:
            for place, body in provider.fetch(wanted): ...
            cursor, more = batch.cursor, batch.more
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..envelope import Body, Envelope

#: When a mail was received of which only the place is known so far.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Roles of folders. Mail in a folder of the second line is never mirrored.
COUNTED_ROLES = ("inbox", "sent", "archive", "all", "other")
IGNORED_ROLES = ("drafts", "trash", "junk")


# --- errors: nothing else crosses the border of a provider ---------------------------


class ProviderError(Exception):
    """Something went wrong at the mailbox.

    :param code: short, stable, one of the class's ``codes``; the layer above has the
        sentence for it in the user's language
    :param detail: a few words for the log: never a secret, never content of a mail

    ``str(error)`` is ``"code: detail"``.
    """

    codes: tuple[str, ...] = ()

    def __init__(self, code: str, detail: str = ""):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class LoginRequired(ProviderError):
    """The owner has to sign in again; trying on would only lock the account."""

    codes = (
        "wrong_password",
        "app_password_needed",
        "access_revoked",  # token refused: revoked, expired, password changed
        "sign_in_again",  # the company's rules ask for a fresh sign-in (MFA, device)
        "consent_missing",  # signed in, but reading mail was not consented to
    )


class CursorExpired(ProviderError):
    """The provider no longer accepts the cursor as a whole: list again."""

    codes = ("cursor_expired",)


class Throttled(ProviderError):
    """Too much, too fast. :param retry_after: seconds to wait before the next call"""

    codes = ("throttled",)

    def __init__(
        self, code: str = "throttled", detail: str = "", retry_after: float = 60
    ):
        super().__init__(code, detail)
        self.retry_after = retry_after


class Unavailable(ProviderError):
    """The server cannot be reached or does not speak as it should; try later."""

    codes = (
        "host_unknown",
        "port_closed",
        "timeout",
        "connection_lost",
        "certificate_untrusted",
        "certificate_other_host",
        "tls_failed",
        "starttls_refused",
        "not_imap",
        "garbage",
        "server_error",
    )


class MessageGone(ProviderError):
    """This one mail is no longer where it was."""

    codes = ("message_gone",)


class MessageBroken(ProviderError):
    """This one mail cannot be had or read; the others can."""

    codes = ("message_broken", "message_refused", "message_too_big")


class NotAllowed(ProviderError):
    """The settings ask for something that is forbidden here."""

    codes = (
        "host_forbidden",
        "login_over_plaintext",
        "read_only_refused",
        "client_missing",  # OAuth: not set up, or switched off (said above the engine)
        "client_refused",  # OAuth: wrong client id or secret
        "redirect_refused",  # OAuth: redirect URI not registered
        "endpoint_refused",  # OAuth: the server's configuration names no https
        "permissions_missing",  # OAuth: the client was not given leave to ask for mail
        "api_disabled",  # the API is not switched on for this client
        "blocked_by_company",  # the mailbox's administrator does not allow this app
        "no_mailbox",  # the account has no mailbox
    )


# --- facts ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this login really is.

    :param email: the address the provider gives, else the login if it is one
    :param aliases: other addresses of the same mailbox
    :param account_id: stable for the life of the account (survives an address change
        where the provider has such an id)
    """

    email: str
    aliases: tuple[str, ...] = ()
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the mailbox as it is now.

    :param ref: what the provider calls it (IMAP: full decoded path); changes by rename
    :param name: for people
    :param role: one of ``COUNTED_ROLES + IGNORED_ROLES``
    :param parent: ref of the folder it lies in; ``""`` at the top, or not known
    """

    ref: str
    name: str
    role: str = "other"
    parent: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    folder: str
    generation: str
    ref: str


@dataclass(frozen=True, slots=True)
class Presence:
    """A mail is present at a place.

    :param key: the provider's own id of the mail, the same wherever it lies; ``""``
        where the provider has none (``identity.mail_key`` then makes one)
    :param envelope: ``None`` only when ``key`` is given: the place alone is told. Who
        does not know the mail by its key asks ``envelopes`` for it, before the batch
        is stored; ``received_at`` and ``size`` may be unknown (``EPOCH``, 0) until then
    :param received_at: when the mailbox got it (INTERNALDATE, ...), UTC
    :param size: of the whole mail in bytes
    :param outgoing: the mailbox says that its owner sent it (Sent folder or label);
        ``None`` when it does not say
    :param labels: refs of all labels it bears, where a mailbox has such (Gmail), and
        where its headers were asked for
    """

    place: Place
    received_at: datetime
    size: int = 0
    key: str = ""
    envelope: Envelope | None = None
    outgoing: bool | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Absence:
    """Nothing is (any more) at these places of a folder.

    :param ranges: inclusive pairs ``(low, high)`` of refs; they may hold refs that
        never were, and may be huge: compare, never expand
    :param unwanted: it is there, but its owner does not want it: nobody need look for
        where it went, nor wonder that it is much
    """

    folder: str
    generation: str
    ranges: tuple[tuple[str, str], ...]
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """What one ``pull`` found. Facts of a batch are applied in the order of the fields.

    :param folders: every folder of the mailbox as it is now, labels among them
        (Gmail); ``None`` when this batch did not look
    :param renamed: ``(old ref, new ref)`` pairs: same folder, same mail
    :param reset: ``(folder, new generation)``: places of other generations are void;
        the mail in it is listed again and found by its key
    :param present: newest first while the first import runs
    :param relisted: ``present`` is a listing again of what was decided before (after a
        reset): what was forgotten in time stays forgotten
    :param pass_complete: arrivals and departures of all folders have been told since
        the last batch that said so; only now may a mail without place be judged
    :param cursor: JSON-able, versioned (``{"v": 1, "kind": "imap", ...}``); goes into
        the database together with what the batch caused
    :param more: call again at once with ``cursor``
    :param passed_by: old mails that were not even listed, because none of the caller's
        ``addresses`` is on them (see ``pull``)
    :param done, total: progress of the first import in mails; total 0 = no import runs
    :param cost: bytes received, or quota units
    """

    cursor: dict[str, Any]
    folders: tuple[Folder, ...] | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    reset: tuple[tuple[str, str], ...] = ()
    present: tuple[Presence, ...] = ()
    absent: tuple[Absence, ...] = ()
    relisted: bool = False
    pass_complete: bool = False
    more: bool = False
    passed_by: int = 0
    done: int = 0
    total: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds of one ``pull``.

    :param mails: at most so many presences
    :param seconds: no new command after so much time
    """

    mails: int = 250
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What ``confirm`` knows of a mail.

    :param state: LIVE (in a folder that counts), EXCLUDED (only in folders that do
        not), GONE, or UNKNOWN (the provider cannot tell cheaply)
    """

    state: str
    places: tuple[Place, ...] = ()


LIVE, EXCLUDED, GONE, UNKNOWN = "live", "excluded", "gone", "unknown"


@dataclass(frozen=True, slots=True)
class Lookup:
    """What ``confirm`` is asked about.

    :param place: where the mail was last seen
    :param message_id: with brackets, ``""`` when the mail has none or it is not known
    """

    place: Place
    key: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What ``search`` looks for: any of these; empty fields do not count."""

    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    subject_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderCount:
    """One line of an audit.

    :param messages: ``None`` where only refs since a date were asked for
    :param refs: of all mail received since the date, when asked for; maybe also of mail
        of the day before. ``None``: of this folder nothing is known
    :param generation: of the places with these refs
    """

    folder: Folder
    messages: int | None
    refs: tuple[str, ...] | None = None
    generation: str = ""


@dataclass
class Traffic:
    """Bytes and commands of a connection so far, for budgets, tests and the ledger.

    :param units: of the provider's quota (Gmail)
    """

    received: int = 0
    sent: int = 0
    commands: int = 0
    units: int = 0
    log: list[str] = field(default_factory=list, repr=False)


class Cut(list):
    """Places that a search gave, and there may be more.

    :param for_good: fewer terms at once would not bring them either
    """

    def __init__(self, places=(), for_good: bool = False):
        super().__init__(places)
        self.for_good = for_good


class Provider(abc.ABC):
    """An open connection to one mailbox. Not thread-safe: one thread at a time.

    Where the secret can change while it is used (OAuth), the connection is opened with
    ``keep(secret)``: it is called with each new secret *before* that is used, and may
    raise ``Unavailable`` when somebody else has replaced the secret meanwhile.

    Every method may raise ``LoginRequired``, ``Throttled``, ``Unavailable`` or
    ``NotAllowed``; after ``Unavailable`` the connection is closed and the object of no
    further use. Any other exception is a bug of the provider.
    """

    kind: str
    traffic: Traffic
    #: a search that finds so many may have left some out
    most_found: int = 5_000
    #: What was switched off, at the last ``pull``, or as set by who pulls nothing. Mail
    #: with such a label (Gmail) is not there for whoever asks for headers or texts, for
    #: its fate, or searches. Folders need no more than ``pull`` does.
    skip: frozenset[str] = frozenset()

    @abc.abstractmethod
    def identify(self) -> Identity:
        """Who is this login?"""

    @abc.abstractmethod
    def folders(self) -> tuple[Folder, ...]:
        """All folders with their role (by flag, id or exact name only)."""

    @abc.abstractmethod
    def pull(
        self,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: frozenset[str] = frozenset(),
        addresses: Sequence[str] | None = None,
    ) -> ChangeBatch:
        """What changed after ``cursor``, a bounded bite of it.

        Only reads; the same cursor may be asked again at will.

        :param cursor: of the last batch that was stored; ``None`` = from the start
        :param since: mail received before it is not listed; ``None`` = everything
        :param skip: refs of folders that the owner deselected; never looked into, just
            as folders with one of ``IGNORED_ROLES``. Of labels (Gmail): mail that bears
            one of these stays out; it is told as absent, or as present, when that
            changes
        :param addresses: mail with none of these (sorted; ``"@domain"`` stands for all
            addresses of a domain) will not be mirrored. A provider to which headers are
            dear may list old mail by them instead of reading every header; ``None``:
            the caller does not know, list everything
        :raises CursorExpired: start again with ``None``
        """

    @abc.abstractmethod
    def envelopes(
        self, places: Sequence[Place]
    ) -> Iterator[tuple[Place, Presence | ProviderError]]:
        """The headers (both grades) of mail that was listed before, one by one.

        For mail that is looked at again: queued by a new contact or a changed rule.
        """

    @abc.abstractmethod
    def facts(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Envelope | ProviderError]]:
        """The same envelopes with the second grade filled in."""

    @abc.abstractmethod
    def fetch(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Body | ProviderError]]:
        """The texts, one by one, in any order; each place comes out exactly once.

        Only text parts are downloaded, attachments come by name, type and size.
        A single mail that fails yields ``MessageGone`` or ``MessageBroken``.

        :param mails: with envelopes of the second grade (``parts`` known)
        """

    @abc.abstractmethod
    def confirm(self, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
        """Where is this mail now? One answer for each ``lookup.place``."""

    @abc.abstractmethod
    def audit(
        self,
        since: datetime | None = None,
        refs: bool = False,
        skip: frozenset[str] = frozenset(),
    ) -> tuple[FolderCount, ...]:
        """How many messages does each folder hold, ignored ones included?

        With ``refs`` and ``since``: only which mail lies in each folder that counts, in
        one question a folder (Gmail: one for 500 mails).

        :param skip: refs of folders that are not looked into
        """

    @abc.abstractmethod
    def search(self, query: Query, since: datetime | None = None) -> Iterable[Place]:
        """Places of mail with any of the query's terms, in folders that count.

        ``Cut`` if the provider may have left some out, however few they are.
        """

    def bearing(
        self, labels: Sequence[str], since: datetime | None = None
    ) -> Iterator[Place]:
        """Places of mail in folders that count which bears any of these labels.

        One by one as they come; where folders are no labels, none.
        """
        return iter(())

    @abc.abstractmethod
    def attachment(self, place: Place, part: str) -> Iterator[bytes]:
        """The decoded bytes of one attachment, in chunks."""

    @abc.abstractmethod
    def close(self) -> None:
        """Say goodbye if the connection still listens; never raises."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
