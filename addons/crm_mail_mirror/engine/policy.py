# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the rules know beside the mail? Settings, and whose the addresses are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .domains import fold_addresses, fold_domains, without_tag
from .words import DEFAULT_PRIVATE_WORDS, PrivateWords, ready


class Folded(frozenset):
    """Addresses or domains that are in the form of ``Address`` already.

    To bring 50,000 into it takes 0.15 s, for each mailbox at each look.
    """


@dataclass(frozen=True)
class Policy:
    """The settings of a mailbox and its company. Values may come as people type them.

    :param own_addresses: of this mailbox, aliases included
    :param sync_from: mail received before it leaves no row; ``None`` = no bound
    :param one_way: takes no incoming mail but what is pushed or allowed
    :param private_words: whole words, or several of them as a phrase
    :param excluded_domains, allowed_domains: with all their subdomains
    :param match_domains: a company's domain is as good as a contact's address
    :param dropbox: the user's own address for mail to be taken in; ``""`` = none
    """

    own_addresses: frozenset[str] = frozenset()
    sync_from: datetime | None = None
    one_way: bool = False
    private_words: tuple[str, ...] = DEFAULT_PRIVATE_WORDS
    excluded_addresses: frozenset[str] = frozenset()
    excluded_domains: frozenset[str] = frozenset()
    allowed_addresses: frozenset[str] = frozenset()
    allowed_domains: frozenset[str] = frozenset()
    match_domains: bool = False
    dropbox: str = ""
    words: PrivateWords = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "words", ready(tuple(self.private_words)))
        for name in ("own_addresses", "excluded_addresses", "allowed_addresses"):
            self._fold(name, fold_addresses)
        for name in ("excluded_domains", "allowed_domains"):
            self._fold(name, fold_domains)
        object.__setattr__(self, "dropbox", self.dropbox.strip().lower())

    def _fold(self, name: str, fold) -> None:
        values = getattr(self, name)
        if not isinstance(values, Folded):
            object.__setattr__(self, name, fold(values))

    def is_own(self, email: str) -> bool:
        """Is it an address of this mailbox, with or without a ``+tag``?"""
        own = self.own_addresses
        return email in own or without_tag(email) in own


@dataclass(frozen=True)
class Directory:
    """What the database knows of the addresses of a page of mail.

    Addresses in the form of ``Address.email``, domains in that of ``Address.domain``.

    :param own: those of users, employees and companies
    :param own_domains: of the companies, with all their subdomains; never a free-mail
        domain
    :param known: those with a contact or lead
    :param known_domains: of companies among the contacts; exact, without subdomains;
        never a free-mail domain
    :param erased: of persons whose data was erased: no mail with them comes back
    :param floors: mail received before its moment does not match that address: it was
        kept as long as it may be
    """

    own: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    known_domains: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    floors: Mapping[str, datetime] = field(default_factory=dict)
