"""Do history and labels tell what the owner did?

https://developers.google.com/workspace/gmail/api/guides/sync
"""

from datetime import UTC, datetime

import pytest

from tests.peers.discovery import mistakes
from tests.peers.mail_user import PeerError

from .letters import kinds, letter, refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_history_tells_each_change_once_and_in_order(gmail, owner):
    start = gmail.history_id()
    ref = owner.append("INBOX", letter())
    owner.read("INBOX", ref)
    owner.move("INBOX", ref, "Trash")
    owner.untrash(ref)
    owner.expunge("INBOX", ref)

    told = gmail.history(start)

    assert kinds(told) == [
        ({"messagesAdded"}, ref),
        ({"labelsAdded", "labelsRemoved"}, ref),
        ({"labelsAdded", "labelsRemoved"}, ref),
        ({"labelsAdded", "labelsRemoved"}, ref),
        ({"messagesDeleted"}, ref),
    ]
    numbers = [int(record["id"]) for record in told["history"]]
    assert numbers == sorted(set(numbers)) and numbers[0] > int(start)
    assert told["historyId"] == gmail.history_id()
    assert gmail.history(told["historyId"]) == {"historyId": told["historyId"]}


def test_a_draft_that_is_sent_is_another_mail(gmail, owner):
    draft = owner.append("Drafts", letter(Message_ID="<draft@x.org>"))
    start = gmail.history_id()

    sent = owner.send(draft)

    changes = kinds(gmail.history(start))
    assert changes == [({"messagesDeleted"}, draft), ({"messagesAdded"}, sent)]
    assert owner.listing("Sent") == {sent: "<draft@x.org>"}
    assert owner.listing("Drafts") == {}


def test_history_comes_in_pages_and_kinds(gmail, owner):
    start = gmail.history_id()
    refs = [owner.append("INBOX", letter()) for _ in range(3)]
    owner.read("INBOX", *refs)

    first = gmail.history(start, maxResults=2)
    rest = gmail.history(start, pageToken=first["nextPageToken"])
    added = gmail.history(start, historyTypes=["messageAdded"])

    assert [ref for _, ref in kinds(first) + kinds(rest)] == refs + refs
    assert [ref for _, ref in kinds(added)] == refs


@pytest.mark.parametrize(
    ("habit", "labels"),
    [("then", {"INBOX", "UNREAD"}), ("now", {"TRASH", "UNREAD"}), ("none", set())],
)
def test_labels_in_history_are_as_the_test_wants(google, gmail, owner, habit, labels):
    start = gmail.history_id()
    ref = owner.append("INBOX", letter())
    owner.move("INBOX", ref, "Trash")

    google.habit(history_labels=habit)
    told = gmail.history(start)
    google.habit(history_labels="then")

    message = told["history"][0]["messagesAdded"][0]["message"]
    assert set(message.get("labelIds", ())) == labels


def test_history_expires(google, gmail, owner):
    owner.append("INBOX", letter())
    start = gmail.history_id()
    assert gmail.history(start)

    google.expire_history()

    assert refused(lambda: gmail.history(start)) == (404, "notFound")
    assert int(gmail.history_id()) > int(start)
    assert gmail.history(gmail.history_id())
    assert refused(lambda: gmail.history("not a number")) == (400, "invalidArgument")


def test_labels_count_their_mail(gmail, owner):
    owner.create("Work")
    refs = [owner.append("INBOX", letter()) for _ in range(3)]
    owner.read("INBOX", refs[0])
    owner.copy("INBOX", refs[1], "Work")
    owner.move("INBOX", refs[2], "Trash")
    labels = gmail.users.labels()

    every = gmail.ask(labels.list(userId="me"))["labels"]
    ids = {label["name"]: label["id"] for label in every}
    counts = {
        name: gmail.ask(labels.get(userId="me", id=ids[name]))["messagesTotal"]
        for name in ("INBOX", "Work", "TRASH", "UNREAD")
    }

    assert counts == {"INBOX": 2, "Work": 1, "TRASH": 1, "UNREAD": 2}
    assert {"CHAT", "SENT", "DRAFT", "SPAM"} <= set(ids)
    assert "messagesTotal" not in every[0]
    assert refused(lambda: labels.get(userId="me", id="none").execute())[0] == 404


def test_aliases_are_listed_behind_the_own_address(google, gmail, address):
    google.aliases(address, "sales@example.com", pending=["new@example.com"])

    told = gmail.ask(gmail.users.settings().sendAs().list(userId="me"))["sendAs"]

    assert [(each["sendAsEmail"], each.get("isPrimary", False)) for each in told] == [
        *((address, True), ("sales@example.com", False), ("new@example.com", False)),
    ]
    assert [each.get("verificationStatus") for each in told] == [
        *(None, "accepted", "pending"),
    ]


def test_the_owner_does_what_a_person_does(gmail, owner):
    owner.create("Work")
    owner.rename("Work", "Jobs")
    ref = owner.append("INBOX", letter(Message_ID="<1@x.org>"), flags=["\\Seen"])
    before = owner.state()

    owner.move("INBOX", ref, "Jobs")
    owner.copy("Jobs", ref, "INBOX")
    owner.move("INBOX", ref, "Archive")
    assert owner.listing("Jobs") == {ref: "<1@x.org>"}
    assert owner.listing("INBOX") == {}
    owner.remove("Jobs")
    assert owner.listing("Archive") == {ref: "<1@x.org>"}
    assert owner.truth() == {("all", ref, "<1@x.org>")}
    owner.move("Archive", ref, "Junk")
    assert owner.truth() == set()
    owner.move("Junk", ref, "Archive")
    owner.move("Archive", ref, "Trash")
    owner.move("Trash", ref, "Archive")

    assert "labelIds" not in gmail.get(ref)
    assert owner.state() != before
    assert owner.state() == owner.state()
    with pytest.raises(PeerError):
        owner.append("No such folder", letter())


def test_what_the_owner_does_is_no_traffic_of_the_client(google, owner):
    google.clear_requests()

    owner.append("INBOX", letter())

    assert google.requests() == []


@pytest.mark.parametrize(
    "wrong",
    [{"historyId": "9" * 21}, {"historyId": 7}, {"messagesTotal": "7"}, {"more": ""}],
)
def test_the_description_refuses_what_gmail_cannot_say(gmail, wrong):
    profile = gmail.ask(gmail.users.getProfile(userId="me"))

    assert mistakes("Profile", profile) == []
    assert mistakes("Profile", {**profile, **wrong})
