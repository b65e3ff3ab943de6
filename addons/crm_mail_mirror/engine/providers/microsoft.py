# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A mailbox at Microsoft 365 or Outlook.com, over Graph: read, never touched.

Every request is a GET, alone or in a ``$batch``; the consent is for reading only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from .. import addresses as mail_addresses
from ..envelope import Body, Envelope
from . import microsoft_mail, microsoft_questions
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
    Traffic,
    Unavailable,
)
from .microsoft_bite import Memory
from .microsoft_errors import graph_problem
from .microsoft_folders import Tree, listed_anew
from .microsoft_graph import BATCH, Ask, Graph, Reply, path
from .microsoft_sync import Pull
from .microsoft_token import Client, Tokens
from .web import ATTACHMENT, Web


def connect(
    secret: str,
    *,
    client_id: str,
    client_secret: str,
    address: str = "",
    authority: str = "https://login.microsoftonline.com/common",
    endpoint: str = "https://graph.microsoft.com",
    ca_file: str = "",
    keep: Callable[[str], None] | None = None,
) -> MicrosoftProvider:
    """Nothing is asked yet: the first question tells whether the token is good.

    :param secret: what ``consent.finish`` gave, or ``keep`` was called with last
    :param address: the mailbox's address, should the account itself tell none
    :param authority: who signs people in; ``common``, ``organizations``, ``consumers``
        or a tenant at its end
    :param endpoint: Graph; national clouds have their own
    :param ca_file: further certificate authorities, PEM
    :raises LoginRequired: there is no token in the secret
    """
    client = Client(client_id, client_secret, authority, endpoint, ca_file or "")
    web = Web(client.ca_file)
    tokens = Tokens(client, web, secret, keep)
    return MicrosoftProvider(Graph(client, tokens, web), tokens, web, address)


class MicrosoftProvider(Provider):
    """See ``connect``."""

    kind = "microsoft"
    most_found = microsoft_questions.INDEX_GIVES

    def __init__(self, graph: Graph, tokens: Tokens, web: Web, address: str = ""):
        self._graph, self._tokens, self._web = graph, tokens, web
        self._address = address
        self._memory = Memory()

    @property
    def traffic(self) -> Traffic:
        return self._web.traffic

    def identify(self) -> Identity:
        """Work accounts tell all their addresses, personal ones the main one alone."""
        with self._asking():
            reply = self._graph.reply(
                Ask(path("me", select="id,mail,userPrincipalName,proxyAddresses"))
            )
            if reply.status == 400:
                reply = self._graph.reply(
                    Ask(path("me", select="id,mail,userPrincipalName"))
                )
            if problem := reply.problem():
                raise problem
        return _identity(reply.body, self._address, self._tokens.account_id)

    def folders(self) -> tuple[Folder, ...]:
        return self._tree().listing()

    def _tree(self) -> Tree:
        with self._asking():
            tree = listed_anew(self._graph)
        self._memory.listed = {folder.ref: folder for folder in tree.listing()}
        return tree

    def pull(
        self,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: frozenset[str] = frozenset(),
        addresses: Sequence[str] | None = None,  # the listing gives all headers needed
    ) -> ChangeBatch:
        with self._asking():
            pull = Pull(self._graph, self._memory, cursor, since, budget, skip)
            batch = pull.run()
        self._memory.generations = {ref: s["g"] for ref, s in pull.known.items()}
        return batch

    def envelopes(
        self, places: Sequence[Place]
    ) -> Iterator[tuple[Place, Presence | ProviderError]]:
        """See ``base``. A mail that is in another folder by now is not at its place."""
        sent = self._sent() if places else ""
        for place, answer in self._read(places, microsoft_mail.ask_facts):
            if isinstance(answer, ProviderError):
                yield place, answer
            elif answer.get("parentFolderId") != place.folder or answer.get("isDraft"):
                yield place, MessageGone("message_gone", "moved")
            elif not microsoft_mail.is_message(answer):
                yield place, MessageBroken("message_broken", "unreadable answer")
            else:
                outgoing = True if place.folder == sent else None
                yield place, microsoft_mail.presence(answer, place, outgoing, True)

    def _sent(self) -> str:
        """Id of the folder that holds what the owner sent."""
        for folder in self._memory.listed.values():
            if folder.role == "sent":
                return folder.ref
        with self._asking():
            ask = Ask(path("me", "mailFolders", "sentitems", select="displayName"))
            return str(self._graph.get(ask).get("id") or "")

    def facts(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Envelope | ProviderError]]:
        unknown = []
        for place, envelope in mails:
            if envelope.headers is None or envelope.parts is None:
                unknown.append(place)
            else:
                yield place, envelope
        for place, answer in self._read(unknown, microsoft_mail.ask_facts):
            if isinstance(answer, ProviderError):
                yield place, answer
            else:
                yield place, microsoft_mail.envelope(answer, facts=True)

    def fetch(
        self, mails: Sequence[tuple[Place, Envelope]]
    ) -> Iterator[tuple[Place, Body | ProviderError]]:
        parts = {place: envelope.parts for place, envelope in mails}
        for place, answer in self._read(list(parts), microsoft_mail.ask_text):
            if isinstance(answer, ProviderError):
                yield place, answer
            else:
                yield place, microsoft_mail.body(answer, parts[place])

    def _read(
        self, places: Sequence[Place], question: Callable[[str], Ask]
    ) -> Iterator[tuple[Place, dict | ProviderError]]:
        """:raises ProviderError: what is no one mail's own trouble"""
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            with self._asking():
                replies = self._graph.batch({p: question(p.ref) for p in some})
                answers = [(place, _mail(reply)) for place, reply in replies.items()]
            yield from answers

    def confirm(self, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
        if not lookups:
            return {}
        return self._with_folders(microsoft_questions.confirm, lookups)

    def audit(
        self,
        since: datetime | None = None,
        refs: bool = False,
        skip: frozenset[str] = frozenset(),
    ) -> tuple[FolderCount, ...]:
        """See ``base``. Generations are those of the last ``pull``."""
        tree = self._tree()
        with self._asking():
            return microsoft_questions.audit(
                self._graph, tree, since, refs, skip, self._memory.generations
            )

    def search(self, query: Query, since: datetime | None = None) -> Iterable[Place]:
        return self._with_folders(microsoft_questions.search, query, since)

    def _with_folders(self, ask: Callable, *args):
        """Folders are listed anew: a mail may lie in one that was made just now."""
        self._tree()
        memory = self._memory
        with self._asking():
            return ask(self._graph, *args, memory.listed, memory.generations)

    def attachment(self, place: Place, part: str) -> Iterator[bytes]:
        steps = ("me", "messages", place.ref, "attachments", part, "$value")
        with self._asking(), self._graph.stream(path(*steps)) as incoming:
            if incoming.status >= 300:
                raise graph_problem(
                    incoming.status, incoming.headers, {}, one_mail=True
                )
            yield from incoming.pieces(*ATTACHMENT)

    def close(self) -> None:
        self._web.close()

    # --- inside -----------------------------------------------------------------------

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One call: its own patience, and an end to the connection where it failed."""
        self._graph.be_patient()
        try:
            yield
        except Unavailable:
            self.close()
            raise


def _mail(reply: Reply) -> dict | ProviderError:
    """:raises ProviderError: what is no trouble of this mail alone"""
    if reply.is_good:
        return reply.body
    if reply.status == 413:
        return MessageBroken("message_too_big")
    problem = reply.problem(one_mail=True)
    if isinstance(problem, MessageGone | MessageBroken):
        return problem
    raise problem


def _identity(person: Mapping, address: str, account_id: str) -> Identity:
    told = [person.get("mail"), person.get("userPrincipalName")]
    emails = [mail_addresses.normal_email(str(each or "")) for each in told]
    proxies = person.get("proxyAddresses")
    for each in proxies if isinstance(proxies, list) else ():
        kind, _colon, email = str(each).partition(":")
        if kind.lower() == "smtp":
            emails.append(mail_addresses.normal_email(email))
    # a guest's name in another tenant, ann_customer.example#EXT#@..., gets no mail
    found = [each for each in dict.fromkeys(emails) if each and "#ext#" not in each]
    return Identity(
        email=found[0] if found else mail_addresses.normal_email(address),
        aliases=tuple(found[1:]),
        account_id=account_id or str(person.get("id") or ""),
    )
