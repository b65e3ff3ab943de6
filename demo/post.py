# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where do the demo's mailboxes lie? On servers of its own, below ``.local/demo-mail``:
Dovecot, and stand-ins for Google and Microsoft with their sign-in pages.

While they run, ``.local/demo-mail/running.json`` says where ``demo.send`` may deliver.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from setup.ports import free_port
from setup.say import LOCAL, Stop, step

from .mail import mailboxes
from .people import PEOPLE, SALESPEOPLE, SPARE, Salesperson

if TYPE_CHECKING:  # needs the virtual environment; demo.send does without
    from tests.peers.dovecot import Dovecot
    from tests.peers.entra import Entra
    from tests.peers.google import Google
    from tests.peers.graph import Graph
    from tests.peers.mail_owner import MailOwner

#: Another name is another demo beside this one: its tests have one.
NAME = os.environ.get("DEMO_NAME", "demo")
FOLDER = LOCAL / f"{NAME}-mail"
RUNNING = FOLDER / "running.json"
COMPLETE = FOLDER / "complete"  # holds the moment the mail was made for
PORTS = FOLDER / "ports.json"  # the same at each start: sign-ins remember the address

#: Folders whose mail is never mirrored: drafts, trash, junk (RFC 6154).
IGNORED = ("Drafts", "Trash", "Junk")


@dataclass
class Office:
    """The servers while they run."""

    imap: Dovecot
    google: Google
    entra: Entra
    graph: Graph

    @property
    def settings(self) -> dict[str, str]:
        """What the server of Odoo has to be told of them: environment variables."""
        google = self.google.settings()
        authority, _slash, _tenant = self.entra.authority.rpartition("/")
        return {
            "CRM_MAIL_MIRROR_CA_FILE": str(FOLDER / "ca.pem"),
            "CRM_MAIL_MIRROR_GOOGLE_AUTH_URI": google["auth_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_TOKEN_URI": google["token_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_REVOKE_URI": google["revoke_uri"],
            "CRM_MAIL_MIRROR_GMAIL_ENDPOINT": google["endpoint"],
            "CRM_MAIL_MIRROR_GMAIL_UNITS_PER_MINUTE": "600000",  # nobody is billed here
            "CRM_MAIL_MIRROR_MICROSOFT_AUTHORITY_HOST": authority,
            "CRM_MAIL_MIRROR_GRAPH_ENDPOINT": self.graph.url,
        }

    @property
    def clients(self) -> dict[str, tuple[str, str]]:
        """Provider -> client id and secret."""
        return {
            "gmail": (self.google.client_id, self.google.client_secret),
            "microsoft": (self.entra.client_id, self.entra.client_secret),
        }

    def owner(self, email: str, provider: str) -> MailOwner:
        """The owner of a mailbox, at work in it."""
        server = {"imap": self.imap, "gmail": self.google, "microsoft": self.graph}
        return server[provider].user(email)

    def deliver(self, person: Salesperson, raw: bytes) -> None:
        with self.owner(person.email, person.provider) as owner:
            owner.append("INBOX", raw, received=datetime.now(UTC))

    def count(self, person: Salesperson) -> dict[str, int]:
        """Folder -> messages, as the server counts; ``""``: all the others."""
        if person.provider != "imap":
            with self.owner(person.email, person.provider) as owner:
                ignored = {name: len(owner.listing(name)) for name in IGNORED}
                # not folder by folder: a mail at Google may have several labels
                return {"": len(owner.truth(ignore=IGNORED)), **ignored}
        said = self.imap.doveadm(
            "-f", "tab", "mailbox", "status", "-u", person.email, "messages", "*"
        )
        rows = (line.rsplit("\t", 1) for line in said.splitlines()[1:])
        return {folder: int(messages) for folder, messages in rows}


@contextmanager
def office(redirect_uris: dict[str, tuple[str, ...]]) -> Iterator[Office]:
    """The servers with the five mailboxes, filled if they are new.

    :param redirect_uris: provider -> where its sign-in page may send browsers back to
    :raises Stop: one does not start, or they run already
    """
    if running():
        raise Stop("The demo runs already in this checkout: stop it with Ctrl-C first.")
    if not COMPLETE.exists():
        forget()
    try:
        with _servers(redirect_uris) as servers, _postman(servers) as where:
            if not COMPLETE.exists():
                now = datetime.now(UTC)
                _fill(servers, now)
                COMPLETE.write_text(now.isoformat(), "ascii")
            RUNNING.touch(mode=0o600)
            RUNNING.write_text(json.dumps({"pid": os.getpid(), **where}), "ascii")
            yield servers
    except (RuntimeError, OSError) as error:
        raise Stop(str(error)) from None
    finally:
        RUNNING.unlink(missing_ok=True)


@contextmanager
def _servers(redirect_uris) -> Iterator[Office]:
    from tests.peers.dovecot import Dovecot
    from tests.peers.entra import Entra
    from tests.peers.google import Google
    from tests.peers.graph import Graph

    def people(provider):
        return [p.email for p in SALESPEOPLE if p.provider == provider]

    passwords = {person.email: person.password for person in SALESPEOPLE}
    with contextlib.ExitStack() as stack:
        imap = stack.enter_context(
            Dovecot(
                {e: passwords[e] for e in people("imap")},
                directory=FOLDER,
                compress=True,
            )
        )
        ports = _ports()
        google = stack.enter_context(
            Google(
                [*people("gmail"), SPARE],
                redirect_uris["gmail"],
                directory=FOLDER,
                port=ports["google"],
            )
        )
        entra = stack.enter_context(
            Entra(
                [*people("microsoft"), SPARE],
                redirect_uris["microsoft"],
                directory=FOLDER,
                port=ports["entra"],
                page_port=ports["entra_page"],
            )
        )
        graph = stack.enter_context(
            Graph(entra.whoami, directory=FOLDER / "graph", port=ports["graph"])
        )
        yield Office(imap, google, entra, graph)


def _ports() -> dict[str, int]:
    if not PORTS.exists():
        ports = {
            name: free_port() for name in ("google", "entra", "entra_page", "graph")
        }
        PORTS.write_text(json.dumps(ports), "ascii")
    return json.loads(PORTS.read_text("ascii"))


def forget() -> None:
    """Remove all mail, so that the next start fills the mailboxes anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def running() -> dict | None:
    """Where the demo takes new mail: ``{"pid", "port", "word"}``, if it runs."""
    try:
        where = json.loads(RUNNING.read_text("ascii"))
        os.kill(where["pid"], 0)
    except (OSError, ValueError):
        return None
    return where


@contextmanager
def _postman(servers: Office) -> Iterator[dict]:
    """Takes mail for any of the mailboxes: ``POST /<word>/<key of a person>``."""
    word = secrets.token_urlsafe(16)

    class Postman(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            person = PEOPLE.get(self.path.removeprefix(f"/{word}/"))
            if isinstance(person, Salesperson):
                servers.deliver(person, raw)
            self.send_response(204 if isinstance(person, Salesperson) else 404)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Postman) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield {"port": http.server_port, "word": word}
        finally:
            http.shutdown()


def _fill(servers: Office, now: datetime) -> None:
    with step("Writing five mailboxes of business mail"):
        boxes = mailboxes(now)
        for person in SALESPEOPLE:
            _fill_one(servers.owner(person.email, person.provider), boxes[person.key])
        spare = [mail for mail in boxes["lena"] if mail.folder not in IGNORED][-12:]
        for provider in ("gmail", "microsoft"):
            _fill_one(servers.owner(SPARE, provider), spare)


def _fill_one(mailbox: MailOwner, mails) -> None:
    with mailbox as owner:
        folders = {stored.folder for stored in mails} - set(owner.folders())
        for folder in sorted(folders):
            owner.create(folder)
        for stored in mails:
            owner.append(stored.folder, stored.raw, stored.flags, stored.received_at)
