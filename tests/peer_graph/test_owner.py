# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can the owner of a mailbox on the Graph server do?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.peer_graph.client import INBOX
from tests.peers.mail_user import PeerError
from tests.providers.letters import letter


def test_the_owner_sees_folders_as_people_do(owner):
    owner.create("INBOX/Projects/North")
    owner.rename("INBOX/Projects", "Trash/Old")
    copied = owner.append("Trash/Old/North", letter(1))
    copy = owner.copy("Trash/Old/North", copied, "Archive")

    names = ("INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive")
    assert {*names, "Trash/Old", "Trash/Old/North"} <= set(owner.folders())
    assert copy != copied
    assert owner.listing("Archive") == {copy: "<1@letters.example>"}
    assert {ref for _f, ref, _m in owner.truth(ignore=["Trash/Old/North"])} == {copy}
    archive = owner.folder_ref("Archive")
    assert {ref for _f, ref, _m in owner.truth(ignore=[archive])} == {copied}


def test_what_the_owner_cannot_do(owner):
    ref = owner.append("INBOX", letter(1))
    owner.create("Own/Inner")

    for attempt in (
        lambda: owner.create("Own"),
        lambda: owner.remove("INBOX"),
        lambda: owner.rename("INBOX", "Other"),
        lambda: owner.rename("Own", "Own/Inner/Own"),
        lambda: owner.rename("Own", "INBOX"),
        lambda: owner.move("Archive", ref, "INBOX"),
        lambda: owner.listing("nowhere"),
        lambda: owner.expunge("INBOX", "nobody"),
    ):
        with pytest.raises(PeerError):
            attempt()


def test_reading_through_the_api_changes_nothing(owner, client):
    ref = owner.append("INBOX", letter(1, attachment=b"x"))
    before = owner.state()

    client.changes("/me/mailFolders/delta")
    client.changes(INBOX)
    client.batch(f"/me/messages/{ref}?$select=body", f"/me/messages/{ref}/attachments")

    assert owner.state() == before
    owner.read("INBOX", ref)
    assert owner.state() != before
    assert owner.flags("INBOX")[ref] == {"\\Seen", "\\Flagged"}


def test_dates_that_no_calendar_has(owner, client):
    raw = letter(1).replace(b"Date: Mon, 05 Jan 2026", b"Date: Mon, 30 Feb 2026")
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ref = owner.append("INBOX", raw, received=when)

    mail = client.get(f"/me/messages/{ref}", select="sentDateTime,receivedDateTime")

    assert mail["sentDateTime"] == mail["receivedDateTime"] == "2026-03-01T12:00:00Z"
