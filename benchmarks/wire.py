# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How much does a Python program ask and hear over HTTP?

Counted below ``requests``, ``httplib2`` and all that stand on them, so that each client
is counted alike: heads and bodies, as they come over the wire. What goes over TLS is
counted without it; nothing here does but signing in at Microsoft.
"""

import functools
import http.client
import socket
from dataclasses import dataclass


@dataclass
class Wire:
    """:param requests: since it was watched :param sent, received: bytes since then"""

    requests: int = 0
    sent: int = 0
    received: int = 0


def watched() -> Wire:
    """What this process asks and hears from now on."""
    wire = Wire()
    ask = http.client.HTTPConnection.putrequest
    say, hear = http.client.HTTPConnection.send, socket.SocketIO.readinto

    @functools.wraps(ask)
    def asked(connection, *args, **kwargs):
        wire.requests += 1
        return ask(connection, *args, **kwargs)

    @functools.wraps(say)
    def said(connection, content):
        wire.sent += len(content) if isinstance(content, bytes) else 0
        return say(connection, content)

    @functools.wraps(hear)
    def heard(stream, buffer):
        count = hear(stream, buffer)
        wire.received += count or 0
        return count

    http.client.HTTPConnection.putrequest = asked
    http.client.HTTPConnection.send = said
    socket.SocketIO.readinto = heard
    return wire
