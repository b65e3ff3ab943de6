# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A Gmail mailbox over Google's API: read, never touched.

All mail that counts lies in one folder, ``all``; labels only decide what counts: mail
that bears one which its owner switched off does not, whatever others it has. Lists
and history bring ids alone, so mail is told by its place, and its headers are read with
``envelopes`` by who does not know it: without one byte of a body. What Google charges
for each question stands in ``gmail_quota``.

This module is imported by ``open_mailbox`` only: Google's libraries take 0.2 s and
20 MB, once in a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from ..envelope import Body, Envelope
from . import (
    gmail_bodies,
    gmail_cursor,
    gmail_labels,
    gmail_mail,
    gmail_queries,
    gmail_questions,
    gmail_sync,
)
from .base import (
    Budget,
    ChangeBatch,
    Fate,
    Folder,
    FolderCount,
    Identity,
    Lookup,
    MessageBroken,
    Place,
    Presence,
    Provider,
    ProviderError,
    Query,
    Traffic,
    Unavailable,
)
from .gmail_api import Api
from .gmail_bite import Memory
from .gmail_quota import bucket_of
from .gmail_tokens import Tokens
from .web import Web


def connect(
    secret: str,
    *,
    client_id: str,
    client_secret: str,
    keep: Callable[[str], None] | None = None,
    address: str = "",
    endpoint: str = "https://gmail.googleapis.com",
    auth_uri: str = "",
    token_uri: str = "https://oauth2.googleapis.com/token",
    revoke_uri: str = "",
    units_per_minute: float = 6000,
    ca_file: str = "",
) -> GmailProvider:
    """Open a mailbox. Nothing is asked yet.

    :param secret: see ``gmail_tokens``
    :param keep: saves a renewed secret before it is used
    :param address: the account's address, where it is known
    :param auth_uri, revoke_uri: for ``gmail_consent``, which takes the same settings
    :param units_per_minute: of quota that the account has with this client; Google
        gives 6,000, and 15,000 to projects that used the API before May 2026
    :param ca_file: a further authority to trust, PEM
    :raises LoginRequired: there is nothing in the secret to sign in with
    :raises Unavailable: ``ca_file`` cannot be read
    """
    web = Web(ca_file or "")
    tokens = Tokens(web, secret, client_id, client_secret, token_uri, keep)
    bucket = bucket_of(address or tokens.grant.refresh_token, units_per_minute)
    return GmailProvider(Api(web, tokens, endpoint, bucket), tokens)


class GmailProvider(Provider):
    """See ``connect``."""

    kind = "gmail"

    def __init__(self, api: Api, tokens: Tokens):
        self._api, self._tokens = api, tokens
        self._memory = Memory()

    @property
    def traffic(self) -> Traffic:
        return self._api.traffic

    def identify(self) -> Identity:
        with self._closed_by_trouble():
            return gmail_questions.identify(self._api, self._tokens.grant.sub)

    def folders(self) -> tuple[Folder, ...]:
        """See ``base``. One unit."""
        with self._closed_by_trouble():
            return gmail_labels.folders_of(self._api.labels())

    def pull(
        self,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: frozenset[str] = frozenset(),
        addresses: Sequence[str] | None = None,
    ) -> ChangeBatch:
        """See ``base``. Presences come without envelopes.

        With ``addresses``, mail of the last seven days is listed in full; what is older
        by addresses, where that is cheaper: see
        ``gmail_queries.is_cheaper_by_address``.
        """
        self.skip = frozenset(skip)
        with self._closed_by_trouble():
            return gmail_sync.pull(
                self._api, self._memory, cursor, since, budget, skip, addresses
            )

    def envelopes(
        self, places: Sequence[Place]
    ) -> Iterator[tuple[Place, Presence | ProviderError]]:
        """See ``base``. 20 units a mail."""
        with self._closed_by_trouble():
            yield from gmail_mail.read(self._api, places, self._hidden)

    def facts(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Envelope | ProviderError]]:
        """Known already, since ``envelopes`` brings both grades."""
        unknown = []
        for place, envelope in mails:
            if envelope.headers is None or envelope.parts is None:
                unknown.append(place)
            else:
                yield place, envelope
        for place, answer in self.envelopes(unknown):
            if isinstance(answer, ProviderError):
                yield place, answer
            else:
                yield place, answer.envelope or MessageBroken("message_broken")

    def fetch(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Body | ProviderError]]:
        """See ``base``. 20 units a mail, and 20 for each text above some size."""
        with self._closed_by_trouble():
            yield from gmail_bodies.read(self._api, mails, self._hidden)

    def confirm(self, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
        with self._closed_by_trouble():
            return gmail_questions.confirm(self._api, lookups, self._hide)

    def audit(
        self,
        since: datetime | None = None,
        refs: bool = False,
        skip: frozenset[str] = frozenset(),
    ) -> tuple[FolderCount, ...]:
        with self._closed_by_trouble():
            return gmail_questions.audit(self._api, since, refs, skip)

    def search(self, query: Query, since: datetime | None = None) -> Iterable[Place]:
        with self._closed_by_trouble():
            return gmail_questions.search(self._api, query, since, self._hide)

    def bearing(
        self, labels: Sequence[str], since: datetime | None = None
    ) -> Iterator[Place]:
        """See ``base``. 5 units for 500 mails."""
        question = gmail_queries.between(gmail_cursor.seconds(since))
        with self._closed_by_trouble():
            for label in labels:
                for ref in gmail_labels.ids(self._api, question, labels=[label]):
                    yield gmail_mail.place_of(ref)

    def attachment(self, place: Place, part: str) -> Iterator[bytes]:
        """See ``base``. 40 units."""
        with self._closed_by_trouble():
            yield from gmail_bodies.attached(self._api, place, part)

    @property
    def _hide(self) -> frozenset[str]:
        return gmail_labels.hide_of(self.skip)

    @property
    def _hidden(self) -> frozenset[str]:
        return gmail_labels.hidden_by(self._hide)

    def close(self) -> None:
        try:
            self._api.web.close()
        except Exception:
            pass  # whatever it is, we are leaving

    @contextmanager
    def _closed_by_trouble(self) -> Iterator[None]:
        try:
            yield
        except Unavailable:
            self.close()
            raise
