# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The short form of ``make chaos``: one run with each fault that takes a moment."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading

from setup.template import environment
from tests.chaos.proxy import Proxy

#: In an order in which each finds work under way; the long form draws its own.
QUICK = (
    *("kill_worker", "cut", "stall", "kill_postgres", "corrupt_tls", "deadlock"),
    *("kill_dovecot", "hang_up", "clock", "disk_full", "many_claims"),
    *("serialization", "no_connections", "kill_session", "database_clock"),
)


def test_each_quick_fault_in_one_run_and_nothing_is_lost():
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--runs", "1", "--seed", "6"]
        + ["--faults", ",".join(QUICK), "--pace", "0.3"],
        env={**environment(), **os.environ},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " ok " in done.stdout


# ---- the line between ---


def test_line_passes_on_cuts_and_disturbs():
    with _Echo() as echo, Proxy(lambda: echo.port, random.Random(1)) as line:
        with socket.create_connection(("127.0.0.1", line.port), 5) as client:
            client.sendall(b"hello")
            assert client.recv(10) == b"hello"

            line.become("corrupt")
            heard = b""
            for _ in range(20):
                client.sendall(b"a")
                heard += client.recv(1)
            assert set(heard) != {ord("a")}

            line.become("stall")
            client.sendall(b"late")
            client.settimeout(0.2)
            try:
                assert not client.recv(10), "a line that is held up says something"
            except TimeoutError:
                pass

            line.become("through")
            client.settimeout(5)
            assert client.recv(10) == b"late"

            line.cut()
            try:
                assert client.recv(10) == b"", "a line that was cut goes on"
            except ConnectionResetError:
                pass


class _Echo:
    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()

    def _run(self):
        heard, _address = self.listener.accept()
        with heard, contextlib.suppress(ConnectionResetError):
            while some := heard.recv(100):
                heard.sendall(some)
