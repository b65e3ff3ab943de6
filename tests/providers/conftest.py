# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Servers for tests of providers, one of each kind for the whole run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from engine.providers import open_mailbox
from engine.providers.base import Provider

from tests.peers.dovecot import CONDSTORE, PLAIN, Dovecot
from tests.peers.google import Google
from tests.peers.mail_devel import MailDevel
from tests.peers.mail_owner import MailOwner
from tests.peers.tap import Tap

pytest.register_assert_rewrite(
    *(f"tests.providers.{name}" for name in ("history", "provider_tests", "store"))
)

LOOPBACK = ("127.0.0.0/8", "::1")
_number = itertools.count(1)
_generation = itertools.count(77)
LOGINS = {f"user{number}@example.com": "secret" for number in range(1, 10_000)}


@dataclass
class Mailbox:
    """A fresh mailbox on a server.

    :param kind, settings, secret: for ``open_mailbox``; the secret is replaced when the
        provider renews it
    :param port: where its mail comes from
    :param route: the settings that have it come through another port (of a ``Tap``)
    :param forget: what makes the server forget what it told: the cursor, or a part of
        it, is worth nothing then
    """

    server: object
    login: str
    owner: MailOwner
    kind: str
    settings: dict
    secret: str
    port: int
    route: Callable[[int], dict]
    forget: Sequence[Callable[[], None]] = field(default=())

    def open(
        self,
        tap: Tap | None = None,
        keep: Callable[[str], None] | None = None,
        **changed,
    ) -> Provider:
        secret = changed.pop("secret", self.secret)
        settings = {**self.settings, **(self.route(tap.port) if tap else {}), **changed}
        return open_mailbox(self.kind, settings, secret, keep or self._keep)

    def _keep(self, secret: str) -> None:
        self.secret = secret


def imap_mailbox(server, login: str, owner: MailOwner) -> Mailbox:
    settings = {
        "host": "localhost",
        "port": server.port,
        "security": "none",
        "login": login,
        "allowed_hosts": LOOPBACK,
        "ca_file": server.ca_file,
    }
    forget = ()
    if isinstance(server, Dovecot):
        forget = (lambda: server.set_uidvalidity(login, "INBOX", next(_generation)),)
    return Mailbox(
        *(server, login, owner, "imap", settings, "secret", server.port),
        route=lambda port: {"port": port},
        forget=forget,
    )


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, tokens={"token-1": "user1@example.com"}) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_condstore() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, capabilities=CONDSTORE, compress=True) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_compressing() -> Iterator[Dovecot]:
    """As ``dovecot``, with COMPRESS (RFC 4978)."""
    with Dovecot(LOGINS, compress=True) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_plain() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, capabilities=PLAIN) as server:
        yield server


@pytest.fixture(scope="session")
def mail_devel() -> Iterator[MailDevel]:
    with MailDevel() as server:
        yield server


@pytest.fixture(scope="session")
def google() -> Iterator[Google]:
    with Google([]) as server:
        yield server
        assert not server.complaints()


@pytest.fixture
def new_login() -> str:
    """Of a mailbox that nobody has used yet."""
    return f"user{next(_number)}@example.com"


@pytest.fixture
def mailbox_on_dovecot(dovecot, new_login) -> Iterator[Mailbox]:
    with dovecot.user(new_login) as owner:
        yield imap_mailbox(dovecot, new_login, owner)


@pytest.fixture
def provider(mailbox) -> Iterator[Provider]:
    """``mailbox`` is a fixture of the test class or module."""
    with mailbox.open() as opened:
        yield opened


@pytest.fixture
def tap(mailbox) -> Iterator[Tap]:
    with Tap(mailbox.port) as tapped:
        yield tapped
