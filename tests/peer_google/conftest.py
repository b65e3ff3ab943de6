"""One Google for all; a new mailbox for each test."""

import secrets
from collections.abc import Iterator

import pytest

from tests.peers.google import Google
from tests.peers.google_client import Client
from tests.peers.google_user import GoogleUser


@pytest.fixture(scope="package")
def google() -> Iterator[Google]:
    with Google([]) as peer:
        yield peer
        assert not peer.complaints()


@pytest.fixture
def address(google) -> str:
    made = f"user-{secrets.token_hex(4)}@example.com"
    google.add_user(made)
    google.clear_faults()
    google.clear_requests()
    return made


@pytest.fixture
def owner(google, address) -> Iterator[GoogleUser]:
    with google.user(address) as user:
        yield user


@pytest.fixture
def gmail(google, address):
    return Client(google, google.secret(address))
