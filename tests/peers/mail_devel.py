# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A plain IMAP server of another family: mail-devel (PyPI), pymap in memory.

No CONDSTORE, no ESEARCH, no LIST-STATUS, no SPECIAL-USE, no UNSELECT; RENAME and the
deletion of an open folder kill connections. Any login gets a mailbox of its own.
"""

from __future__ import annotations

import imaplib
import importlib.util
import socket
import subprocess
import sys
import time

from .mail_user import MailUser


class MailDevel:
    """:param password: of every mailbox"""

    host = "localhost"
    ca_file = ""

    def __init__(self, password: str = "secret"):
        self.password = password
        self.port = 0
        self._process: subprocess.Popen | None = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self) -> MailDevel:
        if importlib.util.find_spec("mail_devel") is None:
            raise RuntimeError("mail-devel is missing: pip install mail-devel==0.18.1")
        self.port, smtp = _free_ports(2)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mail_devel", "--host", "127.0.0.1"),
                *("--imap-port", str(self.port), "--smtp-port", str(smtp)),
                *("--no-http", "--multi-user", "--user", "nobody@example.com"),
                *("--password", self.password),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return self
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError("mail-devel does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def user(self, login: str) -> MailUser:
        def connect():
            imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
            imap.login(login, self.password)
            return imap

        return MailUser(connect)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
