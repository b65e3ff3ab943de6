# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Google's own client on the tests' own Google: a second opinion on both."""

from __future__ import annotations

import json

import google_auth_httplib2
import httplib2
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from .discovery import document, mistakes
from .google import Google


class Client:
    """Google's own client; each answer is held against Gmail's description."""

    def __init__(self, google: Google, secret: str):
        given = json.loads(secret)
        self.google = google
        self.credentials = Credentials(
            token=given["access_token"],
            refresh_token=given["refresh_token"],
            token_uri=google.settings()["token_uri"],
            client_id=google.client_id,
            client_secret=google.client_secret,
        )
        self.http = google_auth_httplib2.AuthorizedHttp(
            self.credentials, http=httplib2.Http(timeout=20)
        )
        self.users = build(
            "gmail",
            "v1",
            http=self.http,
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": google.url},
        ).users()
        self.messages = self.users.messages()

    def ask(self, request) -> dict:
        answer = request.execute()
        if "fields" not in request.uri:
            assert mistakes(resource_of(request.methodId), answer) == []
        return answer

    def found(self, **wanted):
        """Ids."""
        page = self.ask(self.messages.list(userId="me", **wanted))
        return [message["id"] for message in page.get("messages", ())]

    def get(self, ref: str, **wanted) -> dict:
        return self.ask(self.messages.get(userId="me", id=ref, **wanted))

    def history(self, start, **wanted) -> dict:
        history = self.users.history()
        return self.ask(history.list(userId="me", startHistoryId=start, **wanted))

    def history_id(self) -> str:
        return self.ask(self.users.getProfile(userId="me"))["historyId"]

    def batch(self, *calls) -> list[tuple[dict | None, HttpError | None]]:
        uri = f"{self.google.url}/batch/gmail/v1"
        answers = {}
        batch = BatchHttpRequest(batch_uri=uri)
        for number, call in enumerate(calls):
            batch.add(
                call,
                callback=lambda key, *got: answers.update({key: got}),
                request_id=str(number),
            )
        batch.execute(http=self.http)
        return [answers[str(number)] for number in range(len(calls))]


def resource_of(method_id: str) -> str:
    resource = {"resources": document()["resources"]}
    *path, method = method_id.removeprefix("gmail.").split(".")
    for name in path:
        resource = resource["resources"][name]
    return resource["methods"][method]["response"]["$ref"]
