# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do others copy a mailbox over Google's and Microsoft's APIs?

No program that mirrors mailboxes over both is free and can be pointed at a server of
one's own, so these are the loops one finds in documentation and tutorials: list, then
read each mail; everything goes into a file of JSON lines. ::

    one by one   google-api-python-client: messages.list, then messages.get of each
    batches      the same, fifty messages.get in a batch request
    o365         PyPI's o365: all messages of all folders, in its pages of 999

That there is nothing new is found out by listing all ids again. Called by
``over_apis.py`` with a task as JSON: ``client``, ``settings``, ``secret``, ``file``,
``idle``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple

from measure import Cost, reset_peak, resident, tell
from wire import Wire, watched

#: Mails of one batch request: Google advises against more.
BATCH = 50


class OneByOne:
    """:param task: see above :ivar needs: this module"""

    needs = "googleapiclient"
    name = "google-api-python-client, one by one"

    def __init__(self, task: dict):
        import google_auth_httplib2
        import httplib2
        from google.oauth2.credentials import Credentials
        from googleapiclient.discovery import build

        given, settings = json.loads(task["secret"]), task["settings"]
        self._batch_uri = f"{settings['endpoint']}/batch/gmail/v1"
        credentials = Credentials(
            token=given["access_token"],
            refresh_token=given["refresh_token"],
            token_uri=settings["token_uri"],
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
        )
        self._http = google_auth_httplib2.AuthorizedHttp(
            credentials, http=httplib2.Http(timeout=60)
        )
        self._messages = (
            build(
                "gmail",
                "v1",
                http=self._http,
                static_discovery=True,
                cache_discovery=False,
                client_options={"api_endpoint": settings["endpoint"]},
            )
            .users()
            .messages()
        )

    def ids(self) -> list[str]:
        found = []
        request = self._messages.list(userId="me", maxResults=500)
        while request is not None:
            answer = request.execute()
            found += [message["id"] for message in answer.get("messages", ())]
            request = self._messages.list_next(request, answer)
        return found

    def mails(self) -> Iterator[dict]:
        for id_ in self.ids():
            yield self._messages.get(userId="me", id=id_, format="full").execute()


class Batches(OneByOne):
    name = "google-api-python-client, batches of 50"

    def mails(self) -> Iterator[dict]:
        from googleapiclient.http import BatchHttpRequest

        ids, found = self.ids(), []

        def keep(_id, message, error):
            if error is not None:
                raise error
            found.append(message)

        for start in range(0, len(ids), BATCH):
            batch = BatchHttpRequest(callback=keep, batch_uri=self._batch_uri)
            for id_ in ids[start : start + BATCH]:
                batch.add(self._messages.get(userId="me", id=id_, format="full"))
            batch.execute(http=self._http)
            yield from found
            found.clear()


class O365:
    """:param task: its ``secret`` is a cache of MSAL's, which is what o365 keeps too"""

    needs = name = "O365"

    def __init__(self, task: dict):
        from O365 import Account, MSGraphProtocol
        from O365.utils import EnvTokenBackend

        settings = task["settings"]

        class Protocol(MSGraphProtocol):
            _protocol_url = f"{settings['endpoint']}/"

        os.environ["BENCH_TOKEN"] = task["secret"]
        account = Account(
            (settings["client_id"], settings["client_secret"]),
            protocol=Protocol(timezone="UTC"),
            token_backend=EnvTokenBackend("BENCH_TOKEN"),
        )
        account.con.load_token_from_backend()
        self._mailbox = account.mailbox()

    def _folders(self, parent=None) -> Iterator:
        for folder in (parent or self._mailbox).get_folders(limit=None):
            yield folder
            if folder.child_folders_count:
                yield from self._folders(folder)

    def ids(self) -> list[str]:
        query = self._mailbox.new_query().select("id")
        return [
            message.object_id
            for folder in self._folders()
            for message in folder.get_messages(limit=None, query=query)
        ]

    def mails(self) -> Iterator[dict]:
        for folder in self._folders():
            for message in folder.get_messages(limit=None):
                people = [*message.to, *message.cc, *message.bcc]
                yield {
                    "id": message.object_id,
                    "message_id": message.internet_message_id,
                    "from": str(message.sender),
                    "to": [person.address for person in people],
                    "received": message.received.isoformat(),
                    "subject": message.subject,
                    "body": message.body,
                }


CLIENTS = {"gmail": (OneByOne, Batches), "microsoft": (O365,)}


def main() -> None:
    task = json.loads(sys.argv[1])
    wire = watched()
    (kind,) = (k for some in CLIENTS.values() for k in some if k.name == task["client"])
    client = kind(task)
    reset_peak()
    with _Clock(wire) as clock, open(task["file"], "w", encoding="utf-8") as file:
        count = 0
        for mail in client.mails():
            file.write(json.dumps(mail) + "\n")
            count += 1
    tell(step="import", cost=clock.cost.as_dict(), count=count)
    for _ in range(task["idle"]):
        with _Clock(wire) as clock:
            count = len(client.ids())
        tell(step="idle", cost=clock.cost.as_dict(), count=count)


class _Clock:
    def __init__(self, wire: Wire):
        self._wire = wire
        self.cost = Cost()

    def __enter__(self):
        self._before = self._now()
        return self

    def __exit__(self, *exc):
        seconds, cpu, *wire = (
            now - before for now, before in zip(self._now(), self._before, strict=True)
        )
        requests, sent, received = map(int, wire)
        self.cost = Cost(
            seconds=seconds,
            cpu=cpu,
            memory=resident("VmHWM"),
            requests=requests,
            sent=sent,
            received=received,
        )

    def _now(self) -> tuple[float, ...]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu = usage.ru_utime + usage.ru_stime
        return time.monotonic(), cpu, *astuple(self._wire)


if __name__ == "__main__":
    main()
