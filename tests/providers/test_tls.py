# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Somebody on the line: old TLS, and words that were there before it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest
from engine.providers import imap, trust
from engine.providers.base import Unavailable
from engine.providers.web import Web

from tests.peers.certificates import issue
from tests.peers.hostile import Hostile
from tests.providers.conftest import LOOPBACK
from tests.providers.test_imap_bad_input import QUICK, open_

#: OpenSSL speaks TLS 1.1 only when it is asked to forget what it knows of SHA-1.
OLD = "ALL:@SECLEVEL=0"


@pytest.fixture
def mine(tmp_path):
    return issue(tmp_path)


def of_server(mine) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(mine.certificate, mine.key)
    return context


@pytest.fixture
def old_server(mine):
    """Port of a server that greets in IMAP, over TLS 1.1 and nothing newer."""
    context = of_server(mine)
    context.set_ciphers(OLD)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):  # the listener is closed in the end
                while True:
                    sock, _address = listener.accept()
                    with contextlib.suppress(OSError):
                        with context.wrap_socket(sock, server_side=True) as secured:
                            secured.sendall(b"* OK ready\r\n")
                            secured.recv(1000)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        # close() alone leaves accept() waiting
        listener.shutdown(socket.SHUT_RDWR)


def test_tls_older_than_1_2_is_refused(old_server, mine):
    careless = ssl.create_default_context(cafile=str(mine.ca))
    careless.set_ciphers(OLD)
    careless.minimum_version = ssl.TLSVersion.TLSv1
    with socket.create_connection(("localhost", old_server)) as sock:
        with careless.wrap_socket(sock, server_hostname="localhost") as secured:
            assert secured.version() == "TLSv1.1", "the server is not what it should be"
            assert secured.recv(10) == b"* OK ready"

    with pytest.raises(Unavailable) as over_imap:
        imap.connect(
            "hush-hush",
            host="localhost",
            port=old_server,
            login="a",
            allowed_hosts=LOOPBACK,
            ca_file=str(mine.ca),
            timeouts=QUICK,
        )
    with pytest.raises(Unavailable) as over_http:
        Web(str(mine.ca)).send("GET", f"https://localhost:{old_server}/")

    assert over_imap.value.code == over_http.value.code == "tls_failed"


def test_no_older_tls_is_offered(mine):
    for ca_file in ("", str(mine.ca)):
        context = trust.context(ca_file)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


def test_words_slipped_in_before_tls_end_it_though_tls_would_go_on(mine):
    """Whoever sits on the line lets the handshake pass, and has put words before it."""
    context = of_server(mine)

    def and_tls(client, tag, line):
        client.send(f"{tag} OK go\r\n* CAPABILITY IMAP4rev1 EVIL\r\n")
        client.sock = context.wrap_socket(client.sock, server_side=True)

    scripts = {"STARTTLS": and_tls}
    with Hostile(scripts, capabilities="IMAP4rev1 STARTTLS") as server:
        with pytest.raises(Unavailable) as caught:
            open_(server, security="starttls", ca_file=str(mine.ca))

    assert caught.value.code == "tls_failed"
    assert not any("hush" in line for line in server.lines)
