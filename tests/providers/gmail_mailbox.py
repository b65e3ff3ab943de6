# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a test get a mailbox at Gmail?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.google import Google
from tests.providers.conftest import Mailbox

#: So much that nobody waits, but where a test is about waiting.
PLENTY = 10_000_000


@contextmanager
def gmail_mailbox(google: Google, login: str) -> Iterator[Mailbox]:
    """A mailbox that nobody has used yet."""
    google.add_user(login)
    google.clear_faults()

    def settings(url: str) -> dict:
        return {
            **{
                name: value.replace(google.url, url)
                if isinstance(value, str)
                else value
                for name, value in google.settings(login).items()
            },
            "units_per_minute": PLENTY,
        }

    with google.user(login) as owner:
        yield Mailbox(
            *(google, login, owner, "gmail", settings(google.url)),
            *(google.secret(login), google.port),
            route=lambda port: settings(f"http://localhost:{port}"),
            forget=(
                google.expire_history,
                google.expire_pages,
                lambda: google.expire_tokens(login),
            ),
        )
