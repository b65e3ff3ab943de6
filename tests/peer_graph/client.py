# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A client of the Graph server for its tests: HTTP, rounds of deltas, a tiny mirror."""

from __future__ import annotations

import random
import threading

import requests

from tests.peers.graph import Graph
from tests.peers.mail_user import PeerError
from tests.providers.letters import letter

ALICE = "alice@example.com"
IMMUTABLE = 'IdType="ImmutableId"'
INBOX = "/me/mailFolders/inbox/messages/delta"
ORDER = "receivedDateTime desc"
INVITATION = b"""\
From: Ann Lee <ann@customer.example>\r
To: alice@example.com\r
Subject: Invitation\r
Message-ID: <meeting@letters.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Please come\r
--b\r
Content-Type: text/calendar; method=%b\r
\r
BEGIN:VCALENDAR\r
METHOD:%b\r
BEGIN:VEVENT\r
ATTENDEE;PARTSTAT=DECLINED:mailto:alice@example.com\r
END:VEVENT\r
END:VCALENDAR\r
--b--\r
"""


class Client:
    """Speaks HTTP. :param prefer: what every request says in ``Prefer``"""

    def __init__(self, graph: Graph, prefer: str = IMMUTABLE, token: str = "token"):
        self.base = graph.url + "/v1.0"
        self.session = requests.Session()
        self.session.trust_env = False  # a CA bundle named there would win over ours
        self.session.verify = graph.ca_file or True
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.prefer = prefer

    def ask(self, path: str, prefer: str | None = None, **parameters):
        """:param parameters: query options without their dollar"""
        options = {f"${name}": value for name, value in parameters.items()}
        return self.session.get(
            path if path.startswith("http") else self.base + path,
            params=options or None,
            headers={"Prefer": self.prefer if prefer is None else prefer},
            timeout=30,
        )

    def get(self, path: str, prefer: str | None = None, **parameters) -> dict:
        answer = self.ask(path, prefer, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, path: str, **parameters) -> tuple[int, str]:
        answer = self.ask(path, **parameters)
        return answer.status_code, answer.json()["error"]["code"]

    def round(self, link: str, prefer: str | None = None, **parameters):
        """A whole round of a delta. :return: its pages, and the next delta link"""
        pages = []
        while True:
            page = self.get(link, prefer, **parameters)
            pages.append(page["value"])
            if "@odata.deltaLink" in page:
                return pages, page["@odata.deltaLink"]
            link, parameters = page["@odata.nextLink"], {}

    def changes(self, link: str, prefer: str | None = None, **parameters):
        """The same with the pages joined."""
        pages, link = self.round(link, prefer, **parameters)
        return [thing for page in pages for thing in page], link

    def batch(self, *members: dict | str):
        """:param members: paths, or whole members without their id"""
        told = [
            {"id": str(number), **_member(member)}
            for number, member in enumerate(members)
        ]
        return self.session.post(
            self.base + "/$batch", json={"requests": told}, timeout=30
        )


def _member(member: dict | str) -> dict:
    whole = {"url": member} if isinstance(member, str) else member
    return {"method": "GET", "headers": {"Prefer": IMMUTABLE}, **whole}


def told(changes: list[dict]) -> dict[str, str]:
    """id -> ``here``, or the reason of its @removed"""
    return {one["id"]: one.get("@removed", {}).get("reason", "here") for one in changes}


def statuses(answer) -> dict[str, int]:
    return {one["id"]: one["status"] for one in answer.json()["responses"]}


class Held:
    """Requests that are under way, for the length of a ``with``."""

    def __init__(self, graph: Graph, client: Client, path: str, times: int = 1):
        self.graph, self.path, self.event = graph, path, threading.Event()
        graph.fault(path, hold=self.event, times=times)
        self.clients = [Client(graph) for _number in range(times)]
        self.answers: list[int] = []
        self.threads = [
            threading.Thread(target=self.ask, args=(one,)) for one in self.clients
        ]

    def ask(self, client: Client) -> None:
        self.answers.append(client.ask(self.path).status_code)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        busy = self.graph.throttle
        assert busy.wait_until(ALICE, len(self.threads), 10)
        return self

    def __exit__(self, *exc):
        self.event.set()
        for thread in self.threads:
            thread.join()


class Mirror:
    """Follows the deltas of all folders, a page now and then.

    :param confirms: asks where a mail is before it lets go of it. With immutable ids
        that is needed, and again in the next round: what had come back by then may be
        gone once more, and nobody tells
    """

    def __init__(self, client: Client, prefer: str, confirms: bool, options: str = ""):
        self.client, self.prefer, self.confirms = client, prefer, confirms
        self.first = f"messages/delta?$select=id{options}"
        self.links: dict[str, str] = {}
        self.places: dict[str, set[str]] = {}
        self.doubtful: dict[str, set[str]] = {}
        self.tree = "/me/mailFolders/delta"

    def look(self, rng: random.Random | None = None) -> None:
        """One page of each folder, or of some, at random."""
        changes, self.tree = self.client.changes(self.tree)
        for folder in changes:
            if "@removed" in folder:
                self.links.pop(folder["id"], None)
                self.places.pop(folder["id"], None)
            elif folder["id"] not in self.links:
                self.links[folder["id"]] = (
                    f"/me/mailFolders/{folder['id']}/{self.first}"
                )
                self.places[folder["id"]] = set()
        for folder in list(self.links):
            if rng is None or rng.random() < 0.5:
                self.page(folder)

    def page(self, folder: str) -> bool:
        """:return: whether the round goes on"""
        link = self.links[folder]
        answer = self.client.ask(link, self.prefer)
        if answer.status_code == 404:
            return False
        page = answer.json()
        removed = {mail["id"] for mail in page["value"] if "@removed" in mail}
        self.places[folder] |= {mail["id"] for mail in page["value"]} - removed
        if self.confirms:
            doubtful = (
                set() if "skiptoken" in link else self.doubtful.pop(folder, set())
            )
            back = {m for m in removed | doubtful if self.folder_of(m) == folder}
            self.places[folder] -= (removed | doubtful) - back
            self.doubtful.setdefault(folder, set()).update(back & removed)
        else:
            self.places[folder] -= removed
        more = "@odata.nextLink" in page
        self.links[folder] = page["@odata.nextLink" if more else "@odata.deltaLink"]
        return more

    def folder_of(self, mail: str) -> str | None:
        answer = self.client.ask(f"/me/messages/{mail}?$select=parentFolderId")
        return answer.json().get("parentFolderId")

    def rest(self) -> set[tuple[str, str]]:
        """Until nothing is left to be told."""
        for _round in range(3):
            self.look()
            for folder in list(self.links):
                while self.page(folder):
                    pass
        return {(folder, mail) for folder, ids in self.places.items() for mail in ids}


def live(owner, rng: random.Random, step: int) -> None:
    folders = sorted(owner.folders())
    mails = [(f, ref) for f in folders for ref in sorted(owner.listing(f))]
    try:
        if not mails or rng.random() < 0.4:
            owner.append(rng.choice(folders), letter(step))
        elif rng.random() < 0.15:
            owner.create(f"Own{rng.randint(1, 4)}/{step}")
        elif rng.random() < 0.1:
            owner.remove(
                rng.choice([f for f in folders if f.startswith("Own")] or [""])
            )
        elif rng.random() < 0.3:
            owner.read(*rng.choice(mails))
        elif rng.random() < 0.2:
            owner.expunge(*rng.choice(mails))
        else:
            folder, ref = rng.choice(mails)
            target = rng.choice(folders)
            owner.move(folder, ref, target)
            if rng.random() < 0.4:
                owner.move(target, ref, folder)
    except PeerError:
        pass  # such as a folder that is not there
