# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A name that means another address a moment later: what was checked is connected to.

Whoever has a domain can let its name server answer with a public address first and with
one behind the firewall after (DNS rebinding).
"""

from __future__ import annotations

import contextlib
import socket

import pytest
from engine.providers import imap
from engine.providers.base import ProviderError
from engine.providers.imap_wire import Timeouts

CHECKED, INSIDE = "127.0.0.2", "127.0.0.3"
QUICK = Timeouts(connect=2.0, read=0.5, command=1.0)


@pytest.fixture
def listening():
    """``(port, reached)``: two addresses of this machine; which was connected to?"""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(socket.create_server((CHECKED, 0)))
        port = first.getsockname()[1]
        second = stack.enter_context(socket.create_server((INSIDE, port)))
        for server in (first, second):
            server.setblocking(False)

        def reached():
            found = set()
            for server in (first, second):
                with contextlib.suppress(BlockingIOError):
                    server.accept()[0].close()
                    found.add(server.getsockname()[0])
            return found

        yield port, reached


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_connection_goes_to_the_address_that_was_checked(
    listening, monkeypatch, security
):
    port, reached = listening
    real, asked = socket.getaddrinfo, []

    def rebinding(host, *args, **kwargs):
        if host != "imap.rebind.example":
            return real(host, *args, **kwargs)
        asked.append(host)
        return real(CHECKED if len(asked) == 1 else INSIDE, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    with pytest.raises(ProviderError):  # nobody speaks IMAP there
        imap.connect(
            "s",
            host="imap.rebind.example",
            port=port,
            login="a",
            security=security,
            allowed_hosts=(CHECKED,),
            timeouts=QUICK,
        )

    assert reached() == {CHECKED}
    assert len(asked) == 1, "the name was looked up again after it was checked"
