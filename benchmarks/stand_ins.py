# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does the mail lie that is read over Google's and Microsoft's APIs?

At the tests' own servers, in memory. What they charge is counted as Google and
Microsoft say they do; how fast they answer says nothing of Google's and Microsoft's.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from account import OWNER, Account
from engine.providers import consent
from engine.providers.gmail_quota import UNITS

from tests.peers.entra import OWN_REDIRECT, Entra
from tests.peers.google import Google
from tests.peers.graph import Graph

#: Bytes of attachments: nobody here fetches them, so they need not fill the memory.
FILES = (1_000, 4_000)
#: So much quota that nobody waits for it.
PLENTY = 10_000_000


def account(size: int) -> Account:
    return Account(size, files=FILES)


class AtGoogle:
    """Gmail. :param users: addresses of mailboxes"""

    kind = "gmail"
    folders = {"": ["INBOX"], ".Sent": ["SENT"], ".Archive": []}

    def __init__(self, users: Iterable[str] = (OWNER,)):
        self.google = Google(list(users))
        self.units_per_minute = PLENTY

    def __enter__(self):
        self.google.start()
        return self

    def __exit__(self, *exc):
        self.google.stop()

    def fill(self, mails: Account, user: str = OWNER) -> None:
        with self.google.user(user) as owner:
            for mail in mails.mails():
                raw = mail.raw.replace(b"\n", b"\r\n")
                owner.insert(raw, self.folders[mail.folder], mail.received_at)

    def limit(self, units_per_minute: int | None) -> None:
        """As Google does; ``None``: no limit."""
        self.google.limit(units_per_minute)
        self.units_per_minute = units_per_minute or PLENTY

    def settings(self, user: str = OWNER) -> dict:
        """For ``open_mailbox``."""
        return {
            **self.google.settings(user),
            "units_per_minute": self.units_per_minute,
        }

    def secret(self, user: str = OWNER) -> str:
        return self.google.secret(user)

    def environment(self) -> dict[str, str]:
        """Settings of an Odoo server."""
        google = self.google.settings()
        return {
            "CRM_MAIL_MIRROR_GMAIL_ENDPOINT": google["endpoint"],
            "CRM_MAIL_MIRROR_GOOGLE_AUTH_URI": google["auth_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_TOKEN_URI": google["token_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_REVOKE_URI": google["revoke_uri"],
            "CRM_MAIL_MIRROR_GMAIL_UNITS_PER_MINUTE": str(self.units_per_minute),
        }

    def client(self) -> tuple[str, str]:
        """Id and secret."""
        return self.google.client_id, self.google.client_secret

    def forget(self) -> None:
        self.google.clear_requests()

    def asked(self, user: str = OWNER) -> dict[str, int]:
        """Since ``forget``: ``calls``, of which ``kinds``, ``units``, those of calls
        that were ``refused``, ``tokens`` that were asked for."""
        paths = [urlsplit(line.split(" ")[1]).path for line in self.google.requests()]
        kinds = Counter(_method(path) for path in paths if "/gmail/v1/users" in path)
        units = self.google.units(user)
        return {
            "calls": kinds.total(),
            "kinds": kinds,
            "gets": kinds["messages.get"],
            "units": units,
            "refused": sum(UNITS[f"gmail.users.{m}"] * n for m, n in kinds.items())
            - units,
            "tokens": sum(path.endswith("/token") for path in paths),
        }


class AtMicrosoft:
    """Graph, and Entra for signing in."""

    kind = "microsoft"
    folders = {"": "INBOX", ".Sent": "Sent", ".Archive": "Archive"}

    def __init__(self, users: Iterable[str] = (OWNER,)):
        self.entra = Entra(list(users))

    def __enter__(self):
        self.entra.start()
        # asking who it is costs a request to another process: once a token
        whoami = functools.cache(self.entra.whoami)
        self.graph = Graph(whoami, validate=False)
        # ten minutes' worth of requests would end a second import in them
        self.graph.throttle.in_window = 10**9
        self.graph.start()
        return self

    def __exit__(self, *exc):
        self.graph.stop()
        self.entra.stop()

    def fill(self, mails: Account, user: str = OWNER) -> None:
        owner = self.graph.user(user)
        for mail in mails.mails():
            raw = mail.raw.replace(b"\n", b"\r\n")
            owner.append(self.folders[mail.folder], raw, received=mail.received_at)

    def fill_folders(self, user: str, folders: int) -> None:
        """So many that count, the three of ``folders`` among them; a mail in each."""
        owner = self.graph.user(user)
        names = [*self.folders.values(), *(f"Project {n}" for n in range(folders - 3))]
        known = set(owner.folders())
        for name, mail in zip(names, account(folders).mails(), strict=True):
            if name not in known:
                owner.create(name)
            owner.append(name, mail.raw, received=mail.received_at)

    def settings(self, user: str = OWNER) -> dict:
        return {**self.entra.settings(user), "endpoint": self.graph.url}

    def secret(self, user: str = OWNER) -> str:
        settings = self.settings(user)
        begun = consent.begin("microsoft", settings, OWN_REDIRECT, "state", user)
        answer = self.entra.answer(begun.url, user)
        return consent.finish("microsoft", settings, begun.flow, answer)

    def environment(self) -> dict[str, str]:
        return {
            "CRM_MAIL_MIRROR_MICROSOFT_AUTHORITY_HOST": self.entra.url,
            "CRM_MAIL_MIRROR_GRAPH_ENDPOINT": self.graph.url,
            "CRM_MAIL_MIRROR_CA_FILE": self.entra.ca_file,
        }

    def client(self) -> tuple[str, str]:
        return self.entra.client_id, self.entra.client_secret

    def forget(self) -> None:
        self.graph.clear_requests()
        self.entra.clear_requests()

    def asked(self, user: str = OWNER) -> dict[str, int]:
        """Since ``forget``: ``calls`` (those in a batch one by one), of which
        ``kinds``, ``tokens`` that were asked for."""
        lines = [line.split(" ")[1] for line in self.graph.requests()]
        kinds = Counter(_question(line) for line in lines if "/$batch" not in line)
        tokens = [line for line in self.entra.requests() if line.endswith("/token")]
        return {"calls": kinds.total(), "kinds": kinds, "tokens": len(tokens)}


def _method(path: str) -> str:
    """Of Gmail's API, as ``gmail_quota.UNITS`` calls it."""
    _root, *steps = path.partition("/users/")[2].split("/")
    if steps[:1] == ["messages"]:
        kinds = {1: "messages.list", 2: "messages.get", 4: "messages.attachments.get"}
        return kinds[len(steps)]
    names = {"history": "history.list", "labels": "labels.list"}
    return {**names, "profile": "getProfile"}[steps[0]]


def _question(target: str) -> str:
    path = urlsplit(target).path
    if path.endswith("/messages/delta"):
        return "deltas of a folder"
    if "/messages/" in path:
        return "headers and parts" if "expand=" in target else "texts"
    return "lists of messages" if path.endswith("/messages") else "folders"
