# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the owner of a Gmail mailbox do in it, and what really lies there?

Gmail has no folders: what a person calls so are labels, and a mail in no folder at all
lies in the archive. Changes go through Gmail's API as another program would make them,
with a token of the owner's own; what is there is told by the store behind it.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import requests

from .mail_user import PeerError

SYSTEM = {
    "INBOX": "INBOX",
    "Sent": "SENT",
    "Drafts": "DRAFT",
    "Trash": "TRASH",
    "Junk": "SPAM",
}
ARCHIVE = "Archive"
NOT_COUNTED = {"TRASH", "SPAM", "DRAFT", "CHAT"}


class GoogleUser:
    """:param token: an access token that may do everything
    :param tell: commands to the peer: ``tell("mails", email=...)``
    """

    def __init__(self, url: str, address: str, token: str, tell: Callable[..., object]):
        self.address = address
        self._tell = tell
        self._base = f"{url}/gmail/v1/users/me"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._labels = dict(SYSTEM)
        self._message_ids: dict[str, str] = {}
        for label in self._call("GET", "/labels")["labels"]:
            if label["type"] == "user":
                self._labels[label["name"]] = label["id"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- what a user does -------------------------------------------------------------

    def append(
        self,
        folder: str,
        raw: bytes,
        flags: Iterable[str] = (),
        received: datetime | None = None,
    ) -> str:
        labels = self._of(folder)
        flags = set(flags)
        if "\\Seen" not in flags:
            labels.append("UNREAD")
        if "\\Flagged" in flags:
            labels.append("STARRED")
        return self.insert(raw, labels, received)

    def insert(
        self, raw: bytes, labels: Iterable[str], received: datetime | None = None
    ) -> str:
        """Put a mail in with these label ids, such as ``CHAT``. :return: its id"""
        when = received or datetime.now(UTC)
        mail = {
            "raw": base64.urlsafe_b64encode(raw).decode("ascii"),
            "labelIds": list(labels),
            "internalDate": str(round(when.timestamp() * 1000)),
        }
        return self._call("POST", "/messages", mail)["id"]

    def move(self, folder: str, ref: str, target: str) -> None:
        if target == "Trash":
            self._call("POST", f"/messages/{ref}/trash")
            self.label(ref, remove=self._of(folder))
        elif folder == "Trash":
            self.untrash(ref)
            self.label(ref, add=self._of(target), remove=self._of("INBOX"))
        else:
            self.label(ref, add=self._of(target), remove=self._of(folder))

    def untrash(self, ref: str) -> None:
        self._call("POST", f"/messages/{ref}/untrash")

    def send(self, ref: str) -> str:
        """Send a draft. :return: the id of what was sent"""
        drafts = self._call("GET", "/drafts")["drafts"]
        (draft,) = (each["id"] for each in drafts if each["message"]["id"] == ref)
        return self._call("POST", "/drafts/send", {"id": draft})["id"]

    def copy(self, folder: str, ref: str, target: str) -> None:
        self.label(ref, add=self._of(target))

    def read(self, folder: str, *refs: str) -> None:
        for ref in refs:
            self.label(ref, add=["STARRED"], remove=["UNREAD"])

    def expunge(self, folder: str, *refs: str) -> None:
        for ref in refs:
            self._call("DELETE", f"/messages/{ref}")

    def label(self, ref: str, add: Iterable[str] = (), remove: Iterable[str] = ()):
        """Change labels, by their ids."""
        change = {
            "addLabelIds": list(add),
            "removeLabelIds": [each for each in remove if each not in set(add)],
        }
        if change["addLabelIds"] or change["removeLabelIds"]:
            self._call("POST", f"/messages/{ref}/modify", change)

    def create(self, folder: str) -> None:
        self._labels[folder] = self._call("POST", "/labels", {"name": folder})["id"]

    def rename(self, folder: str, new: str) -> None:
        label = self._labels.pop(folder)
        self._call("PATCH", f"/labels/{label}", {"name": new})
        self._labels[new] = label

    def remove(self, folder: str) -> None:
        """The label goes; its mail stays, in the archive if it has no other."""
        self._call("DELETE", f"/labels/{self._labels.pop(folder)}")

    # --- what is true -----------------------------------------------------------------

    def label_ref(self, name: str) -> str:
        """The id of a label of one's own."""
        return self._labels[name]

    def folder_ref(self, name: str) -> str:
        """All that counts lies in one place."""
        return "all"

    def folders(self) -> list[str]:
        return [*self._labels, ARCHIVE]

    def listing(self, folder: str) -> dict[str, str]:
        mails = self._mails()
        if folder == ARCHIVE:
            elsewhere = {*self._labels.values(), "CHAT"}
            mails = [mail for mail in mails if not elsewhere & set(mail["labels"])]
        else:
            (label,) = self._of(folder)
            mails = [mail for mail in mails if label in mail["labels"]]
        return self._with_message_ids(mails)

    def truth(self, ignore: Iterable[str] = ()) -> set[tuple[str, str, str]]:
        """("all", id, Message-ID) of all mail but trash, spam, drafts and chats.

        :param ignore: label ids: mail that bears one of them does not count either
        """
        hidden = NOT_COUNTED | set(ignore)
        mails = [mail for mail in self._mails() if not hidden & set(mail["labels"])]
        found = self._with_message_ids(mails)
        return {("all", ref, message_id) for ref, message_id in found.items()}

    def state(self) -> object:
        labels = self._call("GET", "/labels")["labels"]
        return [sorted(each.items()) for each in labels], self._mails()

    def _mails(self) -> list[dict]:
        return self._tell("mails", email=self.address)

    def _with_message_ids(self, mails: list[dict]) -> dict[str, str]:
        refs = [mail["id"] for mail in mails]
        unknown = [ref for ref in refs if ref not in self._message_ids]
        if unknown:
            blocks = self._tell("header_blocks", email=self.address, ids=unknown)
            for ref, block in blocks.items():
                self._message_ids[ref] = _message_id(base64.b64decode(block))
        return {ref: self._message_ids[ref] for ref in refs}

    # --- Gmail's API ------------------------------------------------------------------

    def _of(self, folder: str) -> list[str]:
        if folder == ARCHIVE:
            return []
        if folder not in self._labels:
            raise PeerError(f"no folder {folder}")
        return [self._labels[folder]]

    def _call(self, method: str, path: str, body: dict | None = None) -> dict:
        answer = self._http.request(method, self._base + path, json=body, timeout=60)
        if answer.status_code >= 300:
            told = f"{answer.status_code} {answer.text[:300]}"
            raise PeerError(f"{method} {path}: {told}")
        return answer.json() if answer.content else {}


def _message_id(block: bytes) -> str:
    parser = email.parser.BytesHeaderParser(policy=email.policy.compat32)
    return " ".join(str(parser.parsebytes(block).get("Message-ID", "")).split())
