# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Servers for tests of providers, one of each kind for the whole run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from engine.providers import imap

from tests.peers.dovecot import CONDSTORE, PLAIN, Dovecot
from tests.peers.mail_devel import MailDevel
from tests.peers.mail_user import MailUser
from tests.peers.tap import Tap

LOOPBACK = ("127.0.0.0/8", "::1")
_number = itertools.count(1)
LOGINS = {f"user{number}@example.com": "secret" for number in range(1, 600)}


@dataclass
class Mailbox:
    """A fresh mailbox on a server."""

    server: object
    login: str
    owner: MailUser

    def open(self, port: int = 0, **settings) -> imap.ImapProvider:
        settings = {
            "host": "localhost",
            "port": port or self.server.port,
            "security": "none",
            "login": self.login,
            "allowed_hosts": LOOPBACK,
            "ca_file": self.server.ca_file,
            **settings,
        }
        return imap.connect(settings.pop("secret", "secret"), **settings)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, tokens={"token-1": "user1@example.com"}) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_condstore() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, capabilities=CONDSTORE) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_plain() -> Iterator[Dovecot]:
    with Dovecot(LOGINS, capabilities=PLAIN) as server:
        yield server


@pytest.fixture(scope="session")
def mail_devel() -> Iterator[MailDevel]:
    with MailDevel() as server:
        yield server


@pytest.fixture
def mailbox(server) -> Iterator[Mailbox]:
    """A mailbox that nobody has used yet; ``server`` is a fixture of the test class."""
    login = f"user{next(_number)}@example.com"
    with server.user(login) as owner:
        yield Mailbox(server, login, owner)


@pytest.fixture
def mailbox_on_dovecot(dovecot) -> Iterator[Mailbox]:
    login = f"user{next(_number)}@example.com"
    with dovecot.user(login) as owner:
        yield Mailbox(dovecot, login, owner)


@pytest.fixture
def provider(mailbox) -> Iterator[imap.ImapProvider]:
    with mailbox.open() as opened:
        yield opened


@pytest.fixture
def tap(mailbox) -> Iterator[Tap]:
    with Tap(mailbox.server.port) as tapped:
        yield tapped
