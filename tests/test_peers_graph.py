# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does the Graph server of the tests behave as Microsoft's?

What is compared comes from Microsoft's documentation and from reports of users; the
clients are ``requests`` and ``o365``, none of the code under test.
"""

from __future__ import annotations

import base64
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
from O365 import Account, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend

from tests.peers.graph import Graph
from tests.peers.graph_schema import SCHEMA
from tests.peers.mail_user import PeerError
from tests.providers.letters import START, letter

ALICE = "alice@example.com"
IMMUTABLE = 'IdType="ImmutableId"'
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


INBOX = "/me/mailFolders/inbox/messages/delta"
ORDER = "receivedDateTime desc"


@pytest.fixture
def graph():
    tokens = {"token": ALICE, "bob": "bob@example.com"}
    with Graph(whoami=tokens.get) as server:
        yield server


@pytest.fixture
def owner(graph):
    return graph.user(ALICE)


@pytest.fixture
def client(graph):
    return Client(graph)


def told(changes: list[dict]) -> dict[str, str]:
    """id -> ``here``, or the reason of its @removed"""
    return {one["id"]: one.get("@removed", {}).get("reason", "here") for one in changes}


# --- who asks -------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic token"])
def test_without_a_good_token_is_401(graph, header):
    headers = {"Authorization": header} if header else {}

    answer = requests.get(graph.url + "/v1.0/me/messages", headers=headers, timeout=9)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_batch_needs_a_token_too(graph):
    answer = Client(graph, token="wrong").batch("/me/messages")

    assert answer.status_code == 401


def test_me_tells_addresses_of_a_work_account(graph, client):
    graph.account(ALICE, aliases=("a@example.com",), other_mails=("x@y.example",))

    person = client.get(
        "/me", select="mail,userPrincipalName,proxyAddresses,otherMails"
    )

    assert person["mail"] == person["userPrincipalName"] == ALICE
    assert person["proxyAddresses"] == [f"SMTP:{ALICE}", "smtp:a@example.com"]
    assert person["otherMails"] == ["x@y.example"]
    assert "proxyAddresses" not in client.get("/me")


def test_personal_account_refuses_what_it_does_not_know(graph, client):
    graph.account(ALICE, personal=True)

    assert client.refusal("/me", select="proxyAddresses")[0] == 400
    assert client.get("/me", select="mail")["mail"] == ALICE


def test_user_of_a_tenant_without_mailbox(graph, client):
    graph.account(ALICE, has_mailbox=False)

    assert client.refusal("/me/messages") == (404, "MailboxNotEnabledForRESTAPI")
    assert client.get("/me")["mail"] is None


def test_without_consent_mail_is_denied(graph, client):
    graph.account(ALICE, scopes=("User.Read",))

    assert client.refusal("/me/messages") == (403, "ErrorAccessDenied")
    assert client.get("/me")["mail"] == ALICE


def test_other_peoples_mail_is_denied(graph, client):
    graph.user("bob@example.com").append("INBOX", letter(1))

    assert client.refusal("/users/bob@example.com/messages") == (
        *(403, "ErrorAccessDenied"),
    )
    assert client.get(f"/users/{ALICE}/messages")["value"] == []


def test_reading_is_all_one_may_do(graph, owner, client):
    ref = owner.append("INBOX", letter(1))
    before = owner.state()

    answers = [
        client.session.delete(f"{client.base}/me/messages/{ref}"),
        client.session.patch(f"{client.base}/me/messages/{ref}", json={"isRead": True}),
        client.session.post(f"{client.base}/me/messages/{ref}/move", json={}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert owner.state() == before


# --- folders --------------------------------------------------------------------------


def test_well_known_names_are_folders(client):
    names = ("inbox", "sentitems", "drafts", "deleteditems", "junkemail", "archive")
    names += ("outbox", "conversationhistory", "recoverableitemsdeletions")

    found = [client.get(f"/me/mailFolders/{name}")["id"] for name in names]
    quoted = client.get("/me/mailFolders('SentItems')")["id"]

    assert len(set(found)) == len(names)
    assert quoted == found[1]
    assert client.refusal("/me/mailFolders/syncissues") == (404, "ErrorItemNotFound")
    assert client.refusal("/me/mailFolders/nonsense")[0] == 400


def test_folders_are_listed_ten_at_a_time_without_hidden_ones(owner, client):
    for number in range(5):
        owner.create(f"Own{number}")

    first = client.get("/me/mailFolders")
    second = client.get(first["@odata.nextLink"])
    hidden = client.get("/me/mailFolders?includeHiddenFolders=true", top=100)["value"]

    names = [folder["displayName"] for folder in first["value"] + second["value"]]
    assert len(first["value"]) == 10 and len(names) == len(set(names)) == 13
    assert {f["displayName"] for f in hidden} - set(names) == {
        "Conversation Action Settings"
    }


def test_child_folders_and_counts(owner, client):
    owner.create("Customers/North")
    read = owner.append("Customers/North", letter(1))
    owner.append("Customers/North", letter(2))
    owner.read("Customers/North", read)
    parent = client.get("/me/mailFolders", filter="displayName eq 'Customers'")

    (parent,) = parent["value"]
    (child,) = client.get(f"/me/mailFolders/{parent['id']}/childFolders")["value"]

    assert parent["childFolderCount"] == 1
    assert child["displayName"] == "North" and child["parentFolderId"] == parent["id"]
    assert (child["totalItemCount"], child["unreadItemCount"]) == (2, 1)
    assert owner.folder_ref("Customers/North") == child["id"]


def test_tree_delta_tells_new_renamed_moved_and_removed_folders(owner, client):
    owner.create("Customers/North")
    owner.create("Old")
    everything, link = client.changes("/me/mailFolders/delta")
    north, old = owner.folder_ref("Customers/North"), owner.folder_ref("Old")

    owner.rename("Customers/North", "Trash/South")
    owner.remove("Old")
    owner.create("New")
    changes, _link = client.changes(link)

    assert {north, old} <= set(told(everything))
    assert told(changes) == {
        north: "here",
        old: "deleted",
        owner.folder_ref("New"): "here",
    }
    (moved,) = [folder for folder in changes if folder["id"] == north]
    assert moved["displayName"] == "South"
    assert moved["parentFolderId"] == owner.folder_ref("Trash")


def test_tree_delta_comes_in_pages_and_ends_with_nothing_new(owner, client):
    for number in range(30):
        owner.create(f"Own{number}")

    pages, link = client.round(
        "/me/mailFolders/delta", prefer="odata.maxpagesize=7", select="displayName"
    )

    assert max(map(len, pages)) == 7
    assert sorted(map(len, pages))[-1] * len(pages) >= 38
    assert set(pages[0][0] if pages[0] else pages[1][0]) == {"id", "displayName"}
    assert client.changes(link)[0] == []


# --- one mail -------------------------------------------------------------------------


def test_mail_has_the_properties_of_its_headers(owner, client):
    ref = owner.append(
        "Sent",
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@customer.example>\r\n"
        b"Sender: assistant@customer.example\r\n"
        b"To: Alice <alice@example.com>, undisclosed-recipients:;\r\n"
        b"Cc: c@example.com\r\nBcc: b@example.com\r\nReply-To: r@example.com\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Mon, 05 Jan 2026 10:00:00 +0100\r\n"
        b"Message-ID: <1@letters.example>\r\n\r\nhi",
        received=START,
    )

    mail = client.get(f"/me/messages/{ref}")

    def addresses(name):
        return [each["emailAddress"]["address"] for each in mail[name]]

    assert mail["from"]["emailAddress"] == {
        "name": "Jürgen",
        "address": "j@customer.example",
    }
    assert mail["sender"]["emailAddress"]["address"] == "assistant@customer.example"
    assert addresses("toRecipients") == [ALICE]
    assert addresses("ccRecipients") == ["c@example.com"]
    assert addresses("bccRecipients") == ["b@example.com"]
    assert addresses("replyTo") == ["r@example.com"]
    assert mail["subject"] == "Grüße"
    assert mail["internetMessageId"] == "<1@letters.example>"
    assert mail["sentDateTime"] == mail["receivedDateTime"] == "2026-01-05T09:00:00Z"
    assert mail["parentFolderId"] == owner.folder_ref("Sent")
    assert mail["body"]["contentType"] == "html" and "hi" in mail["body"]["content"]


def test_answers_share_the_conversation(owner, client):
    first = owner.append("INBOX", letter(1))
    answer = letter(2).replace(
        b"Subject:", b"In-Reply-To: <1@letters.example>\r\nSubject:"
    )
    second, other = owner.append("Sent", answer), owner.append("INBOX", letter(3))

    threads = [
        client.get(f"/me/messages/{ref}", select="conversationId")["conversationId"]
        for ref in (first, second, other)
    ]

    assert threads[0] == threads[1] != threads[2]


def test_dear_properties_come_only_when_selected(owner, client):
    ref = owner.append("INBOX", letter(1))

    default = client.get(f"/me/messages/{ref}")
    narrow = client.get(f"/me/messages/{ref}", select="subject")
    dear = client.get(f"/me/messages/{ref}", select="uniqueBody,internetMessageHeaders")

    assert not {"uniqueBody", "internetMessageHeaders"} & set(default)
    assert {name for name in narrow if name[0] != "@"} == {"id", "subject"}
    assert dear["internetMessageHeaders"][:2] == [
        {"name": "From", "value": "Ann Lee <ann@customer.example>"},
        {"name": "To", "value": ALICE},
    ]
    assert "hello" in dear["uniqueBody"]["content"]


@pytest.mark.parametrize("name", ["sensitivity", "toRecipient", "meetingMessageType"])
def test_unknown_property_is_refused(owner, client, name):
    ref = owner.append("INBOX", letter(1))

    assert client.refusal(f"/me/messages/{ref}", select=name)[0] == 400
    assert client.refusal(INBOX, select=name)[0] == 400


def test_html_comes_as_text_when_preferred(owner, client):
    html = "<p>One <b>two</b></p><div>three<br>four &amp; five</div><style>x</style>"
    ref = owner.append("INBOX", letter(1, "not this", html=html))

    plain = client.ask(
        f"/me/messages/{ref}", 'outlook.body-content-type="text"', select="body"
    )
    default = client.get(f"/me/messages/{ref}", select="body")["body"]

    body = plain.json()["body"]
    assert body["contentType"] == "text"
    assert body["content"].split() == ["One", "two", "three", "four", "&", "five"]
    assert 'outlook.body-content-type="text"' in plain.headers["Preference-Applied"]
    assert default["contentType"] == "html" and "<b>two</b>" in default["content"]


def test_unique_body_leaves_out_what_is_quoted(owner, client):
    text = (
        "Fine with me.\r\n\r\nOn Monday, Ann Lee <ann@customer.example> wrote:\r\n> x"
    )
    ref = owner.append("INBOX", letter(1, text))

    mail = client.get(
        f"/me/messages/{ref}",
        'outlook.body-content-type="text"',
        select="body,uniqueBody",
    )

    assert mail["uniqueBody"]["content"] == "Fine with me."
    assert "> x" in mail["body"]["content"]


def test_own_mail_may_have_no_transport_headers(graph, owner, client):
    received = owner.append("INBOX", letter(1))
    graph.headerless_sent = True
    sent, draft = owner.append("Sent", letter(2)), owner.append("Drafts", letter(3))

    headers = [
        client.get(f"/me/messages/{ref}", select="internetMessageHeaders")
        for ref in (received, sent, draft)
    ]

    assert headers[0]["internetMessageHeaders"]
    assert [mail["internetMessageHeaders"] for mail in headers[1:]] == [None, None]
    assert client.get(f"/me/messages/{draft}", select="isDraft")["isDraft"]


def test_sensitivity_and_size_are_extended_properties(owner, client):
    private = letter(1).replace(b"Subject:", b"Sensitivity: Private\r\nSubject:")
    refs = [owner.append("INBOX", raw) for raw in (private, letter(2))]
    expand = (
        "singleValueExtendedProperties($filter=id eq 'Integer 0x36' "
        "or id eq 'Integer 0x0E08')"
    )

    mails = [
        client.get(f"/me/messages/{ref}", select="id", expand=expand) for ref in refs
    ]
    listed, _link = client.changes(INBOX, select="id", expand=expand)

    values = [
        {one["id"]: one["value"] for one in mail["singleValueExtendedProperties"]}
        for mail in mails
    ]
    assert values[0] == {"Integer 0x36": "2", "Integer 0xe08": str(len(private))}
    assert values[1]["Integer 0x36"] == "0"
    assert all(len(mail["singleValueExtendedProperties"]) == 2 for mail in listed)


def test_people_without_usable_address(owner, client):
    ref = owner.append("INBOX", letter(1))
    exchange = {"name": "Bob", "address": "/O=EXCHANGELABS/OU=X/CN=RECIPIENTS/CN=1"}
    owner.override(
        "INBOX", ref, from_={"emailAddress": exchange}, sender={"emailAddress": {}}
    )

    mail = client.get(f"/me/messages/{ref}", select="from,sender")

    assert mail["from"]["emailAddress"] == exchange
    assert mail["sender"] == {"emailAddress": {}}


@pytest.mark.parametrize(
    ("method", "kind", "meaning"),
    [
        (b"REQUEST", "eventMessageRequest", "meetingRequest"),
        (b"CANCEL", "eventMessage", "meetingCancelled"),
        (b"REPLY", "eventMessageResponse", "meetingDeclined"),
    ],
)
def test_calendar_mail_is_an_event_message(owner, client, method, kind, meaning):
    ref = owner.append("INBOX", INVITATION % (method, method))

    mail = client.get(f"/me/messages/{ref}")
    (listed,), _link = client.changes(INBOX, select="subject")
    cast = client.get(
        f"/me/messages/{ref}",
        select="id,microsoft.graph.eventMessage/meetingMessageType",
    )

    assert mail["@odata.type"] == listed["@odata.type"] == f"#microsoft.graph.{kind}"
    assert mail["meetingMessageType"] == cast["meetingMessageType"] == meaning
    assert "Please come" in mail["body"]["content"]
    assert mail["hasAttachments"] is False


def test_published_calendar_is_an_attachment(owner, client):
    ref = owner.append("INBOX", INVITATION % (b"PUBLISH", b"PUBLISH"))

    mail = client.get(f"/me/messages/{ref}")
    (file,) = client.get(f"/me/messages/{ref}/attachments")["value"]

    assert mail["@odata.type"] == "#microsoft.graph.message"
    assert file["contentType"] == "text/calendar"


# --- attachments ----------------------------------------------------------------------


def test_attachments_are_listed_and_had(owner, client):
    ref = owner.append("INBOX", letter(1, attachment=b"%PDF" * 500))
    path = f"/me/messages/{ref}/attachments"

    (file,) = client.get(path, select="id,name,contentType,size,isInline")["value"]
    whole = client.get(f"{path}/{file['id']}")
    octets = client.ask(f"{path}/{file['id']}/$value")

    assert (file["name"], file["contentType"]) == ("1.pdf", "application/pdf")
    assert (file["size"], file["isInline"]) == (2000, False)
    assert "contentBytes" not in file
    assert base64.b64decode(whole["contentBytes"]) == octets.content == b"%PDF" * 500
    assert client.refusal(f"{path}/nonsense") == (404, "ErrorItemNotFound")
    assert client.refusal(path, select="contentBytes")[0] == 400


def test_attachments_are_expanded_with_a_select_of_their_own(owner, client):
    ref = owner.append("INBOX", letter(1, attachment=b"x"))

    narrow = client.get(
        f"/me/messages/{ref}", select="id", expand="attachments($select=name,size)"
    )
    wide = client.get(f"/me/messages/{ref}", select="id", expand="attachments")

    (file,) = narrow["attachments"]
    assert {name for name in file if name[0] != "@"} == {"id", "name", "size"}
    assert wide["attachments"][0]["contentBytes"] == base64.b64encode(b"x").decode()


def test_attached_mail_and_inline_picture(owner, client):
    raw = (
        b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<img src='cid:logo'>\r\n"
        b"--b\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\n"
        b"Content-Disposition: inline\r\n\r\npng\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhi\r\n--b--"
    )
    ref = owner.append("INBOX", raw)

    picture, mail = client.get(f"/me/messages/{ref}/attachments")["value"]
    value = client.ask(f"/me/messages/{ref}/attachments/{mail['id']}/$value")

    assert picture["isInline"] and picture["contentId"] == "logo"
    assert mail["@odata.type"] == "#microsoft.graph.itemAttachment"
    assert (mail["name"], mail["contentType"]) == ("inner", None)
    assert value.content.startswith(b"Subject: inner")


def test_mail_as_mime(owner, client):
    ref = owner.append("INBOX", letter(1))

    assert client.ask(f"/me/messages/{ref}/$value").content == letter(1)


# --- ids ------------------------------------------------------------------------------


def test_immutable_id_stays_the_other_changes_with_each_move(owner, client):
    ref = owner.append("INBOX", letter(1))

    ids, others = set(), []
    for folder, target in (("INBOX", "Archive"), ("Archive", "INBOX"), ("INBOX", None)):
        ids.add(client.get(f"/me/messages/{ref}", select="id")["id"])
        others.append(client.get(f"/me/messages/{ref}", "", select="id")["id"])
        if target:
            owner.move(folder, ref, target)

    assert ids == {ref}
    assert len(set(others)) == 3
    assert client.get(f"/me/messages/{others[2]}")["id"] == ref
    assert client.refusal(f"/me/messages/{others[0]}") == (404, "ErrorItemNotFound")


def test_id_type_is_of_the_request_not_of_the_token(owner, client):
    ref = owner.append("INBOX", letter(1))
    (_mail,), link = client.changes(INBOX)
    owner.read("INBOX", ref)

    ((mail,), _link), ((other,), _link) = client.changes(link), client.changes(link, "")

    assert mail["id"] == ref
    assert other["id"] == owner.mutable_id(ref) != ref


def test_some_ids_differ_in_case_alone(owner, client):
    refs = [owner.append("INBOX", letter(n)) for n in range(300)]

    assert len(set(refs)) == 300 > len({ref.lower() for ref in refs})


def test_unknown_and_malformed_ids(owner, client):
    ref = owner.append("INBOX", letter(1))
    owner.expunge("INBOX", ref)

    assert client.refusal(f"/me/messages/{ref}") == (404, "ErrorItemNotFound")
    assert client.refusal("/me/messages/nonsense") == (400, "ErrorInvalidIdMalformed")


def test_recoverable_mail_is_in_no_listing_but_its_id_answers(owner, client):
    ref = owner.append("INBOX", letter(1))
    owner.recoverable = True
    owner.expunge("INBOX", ref)

    mail = client.get(f"/me/messages/{ref}", select="parentFolderId")

    bin_id = client.get("/me/mailFolders/recoverableitemsdeletions")["id"]
    tree, _link = client.changes("/me/mailFolders/delta")
    assert mail["parentFolderId"] == bin_id not in told(tree)
    assert client.get("/me/messages")["value"] == []
    assert owner.truth() == set()


# --- delta ----------------------------------------------------------------------------


def test_delta_tells_new_changed_moved_and_deleted_mail(owner, client):
    kept, marked, moved, gone = [owner.append("INBOX", letter(n)) for n in range(4)]
    first, link = client.changes(INBOX, select="subject")
    _archive, archive_link = client.changes(
        "/me/mailFolders/archive/messages/delta", select="subject"
    )

    owner.read("INBOX", marked)
    owner.move("INBOX", moved, "Archive")
    owner.expunge("INBOX", gone)
    new = owner.append("INBOX", letter(5))
    changes, next_link = client.changes(link)
    archive, _link = client.changes(archive_link)

    assert set(told(first)) == {kept, marked, moved, gone}
    reasons = told(changes)
    assert reasons.pop(moved) in ("changed", "deleted")
    assert reasons == {marked: "here", gone: "deleted", new: "here"}
    assert told(archive) == {moved: "here"}
    assert {name for name in archive[0] if name[0] != "@"} == {"id", "subject"}
    assert client.changes(next_link)[0] == []


def test_moves_are_removed_for_either_reason(owner, client):
    refs = [owner.append("INBOX", letter(n)) for n in range(4)]
    _all, link = client.changes(INBOX)
    for ref in refs:
        owner.move("INBOX", ref, "Archive")

    changes, _link = client.changes(link)

    assert set(told(changes)) == set(refs)
    assert set(told(changes).values()) == {"changed", "deleted"}


def test_away_and_back_is_told_as_removed_only_with_immutable_ids(owner, client):
    ref = owner.append("INBOX", letter(1))
    old = owner.mutable_id(ref)
    _first, link = client.changes(INBOX)

    owner.move("INBOX", ref, "Archive")
    owner.move("Archive", ref, "INBOX")
    lost, next_link = client.changes(link)
    mutable, _link = client.changes(link, "")

    assert list(told(lost)) == [ref] and told(lost)[ref] != "here"
    assert client.changes(next_link)[0] == []
    assert set(owner.listing("INBOX")) == {ref}
    new = owner.mutable_id(ref)
    assert told(mutable)[new] == "here" and told(mutable)[old] != "here"


def test_away_and_back_in_two_rounds_is_told(owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX)
    owner.move("INBOX", ref, "Archive")
    _left, link = client.changes(link)
    owner.move("Archive", ref, "INBOX")

    changes, _link = client.changes(link)

    assert told(changes) == {ref: "here"}


def test_what_came_back_after_its_leaving_was_told_may_go_again_untold(owner, client):
    """Who asked meanwhile saw it there, and has to ask once more in the next round."""
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX)
    owner.move("INBOX", ref, "Archive")
    left, link = client.changes(link)
    owner.move("Archive", ref, "INBOX")
    seen = client.get(f"/me/messages/{ref}", select="parentFolderId")
    owner.move("INBOX", ref, "Archive")

    changes, _link = client.changes(link)

    assert list(told(left)) == [ref]
    assert seen["parentFolderId"] == owner.folder_ref("INBOX")
    assert changes == []


def test_replays_tell_unchanged_mail_again(owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX, select="subject")
    owner.replay("INBOX", ref)

    ((again,), _link) = client.changes(link)

    assert again["id"] == ref and again["subject"] == "letter 1"


def test_some_things_are_told_twice_when_wanted(graph, owner, client):
    refs = {owner.append("INBOX", letter(n)) for n in range(30)}
    once, _link = client.changes(INBOX)
    graph.rounds.doubled = True

    twice, _link = client.changes(INBOX)
    ordered, _link = client.changes(INBOX, orderby="receivedDateTime desc")

    assert len(once) == 30
    assert len(twice) > 30 and len(ordered) > 30
    assert set(told(twice)) == set(told(ordered)) == refs


def test_pages_may_be_empty_in_the_middle_of_a_round(graph, owner, client):
    refs = {owner.append("INBOX", letter(n)) for n in range(60)}

    pages, _link = client.round(INBOX, f"{IMMUTABLE}, odata.maxpagesize=3")
    graph.rounds.empty_pages = False
    full, _link = client.round(INBOX, f"{IMMUTABLE}, odata.maxpagesize=3")

    assert [] in pages and max(map(len, pages)) == 3
    assert {one["id"] for page in pages for one in page} == refs
    assert len(full) == 20


def test_order_is_any_unless_asked_for(owner, client):
    for number in range(12):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))

    anyhow, _link = client.changes(INBOX, select="receivedDateTime")
    newest, _link = client.changes(
        INBOX, select="receivedDateTime", orderby="receivedDateTime desc"
    )

    moments = [mail["receivedDateTime"] for mail in anyhow]
    assert moments not in (sorted(moments), sorted(moments, reverse=True))
    assert [mail["receivedDateTime"] for mail in newest] == sorted(
        moments, reverse=True
    )


def test_page_size_is_of_each_request(graph, owner, client):
    for number in range(30):
        owner.append("INBOX", letter(number))
    graph.rounds.empty_pages = False
    first = client.get(INBOX, f"{IMMUTABLE},odata.maxpagesize=20", orderby=ORDER)

    second = client.get(first["@odata.nextLink"])

    assert (len(first["value"]), len(second["value"])) == (20, 10)


def test_filter_ends_silently_after_so_many(graph, owner, client):
    graph.rounds.filter_cap = 25
    for number in range(40):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))

    filtered, link = client.changes(
        INBOX, filter="receivedDateTime ge 2020-01-01T00:00:00Z"
    )
    since, _link = client.changes(
        INBOX, filter=f"receivedDateTime gt {START + timedelta(hours=29):%FT%TZ}"
    )
    everything, _link = client.changes(INBOX)

    assert (len(filtered), len(since), len(everything)) == (25, 10, 40)
    assert client.changes(link)[0] == []


def test_filter_ends_at_five_thousand(graph, owner, client):
    raw = letter(1)
    for _number in range(5_100):
        owner.append("INBOX", raw)
    graph.schema = None  # it would look at each of them

    changes, _link = client.changes(
        INBOX,
        f"{IMMUTABLE}, odata.maxpagesize=1000",
        filter="receivedDateTime ge 2020-01-01T00:00:00Z",
        select="id",
    )

    assert len(changes) == 5_000


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "isRead eq true"},
        {"filter": "receivedDateTime le 2020-01-01T00:00:00Z"},
        {"orderby": "subject"},
        {"search": '"x"'},
        {"skip": "3"},
        {"nonsense": "1"},
    ],
)
def test_delta_refuses_what_it_cannot_do(client, options):
    assert client.refusal(INBOX, **options)[0] == 400


def test_delta_of_the_whole_mailbox_is_refused(client):
    assert client.refusal("/me/messages/delta") == (400, "ErrorInvalidUrlQuery")


def test_links_take_no_further_parameters(owner, client):
    for number in range(30):
        owner.append("INBOX", letter(number))
    next_link = client.get(INBOX)["@odata.nextLink"]
    _changes, delta_link = client.changes(INBOX)

    for link in (next_link, delta_link):
        assert client.refusal(link + "&$select=id") == (400, "ErrorInvalidUrlQuery")
        assert client.refusal(link + "&$top=5") == (400, "ErrorInvalidUrlQuery")


def test_tokens_are_of_one_folder_and_one_mailbox(graph, client):
    _changes, link = client.changes(INBOX)
    token = link.partition("$deltatoken=")[2]
    other = f"/me/mailFolders/archive/messages/delta?$deltatoken={token}"
    broken = f"{INBOX}?$deltatoken={token[:-3]}"

    assert client.refusal(other) == (400, "SyncStateInvalid")
    assert client.refusal(broken) == (400, "SyncStateInvalid")
    assert Client(graph, token="bob").ask(link).status_code >= 400


def test_tokens_expire_with_the_way_to_begin_again(graph, owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX, select="subject")
    _tree, tree_link = client.changes("/me/mailFolders/delta")
    graph.expire_tokens()

    answer = client.ask(link)

    assert answer.status_code == 410
    assert client.ask(tree_link).status_code == 410
    again, link = client.changes(answer.headers["Location"])
    assert [(mail["id"], mail["subject"]) for mail in again] == [(ref, "letter 1")]
    assert client.changes(link)[0] == []


def test_sync_state_of_one_folder_is_lost(graph, owner, client):
    _inbox, link = client.changes(INBOX)
    _archive, other = client.changes("/me/mailFolders/archive/messages/delta")
    graph.lose_sync_state(ALICE, owner.folder_ref("INBOX"))

    assert client.refusal(link) == (400, "SyncStateNotFound")
    assert client.changes(other)[0] == []


def test_delta_of_a_removed_folder_is_404(owner, client):
    owner.create("Own")
    own = f"/me/mailFolders/{owner.folder_ref('Own')}/messages/delta"
    ref = owner.append("Own", letter(1))
    _first, link = client.changes(own)
    owner.remove("Own")

    assert client.refusal(link) == (404, "ErrorItemNotFound")
    assert client.refusal(f"/me/messages/{ref}") == (404, "ErrorItemNotFound")


def test_mail_that_slips_away_from_a_round_is_not_taken_back(owner, client):
    """It went and came while the round was under way, before that came to it."""
    refs = [
        owner.append("INBOX", letter(n), received=START + timedelta(hours=n))
        for n in range(20)
    ]
    page = client.get(INBOX, orderby=ORDER)
    owner.move("INBOX", refs[0], "Archive")
    owner.move("Archive", refs[0], "INBOX")
    owner.move("INBOX", refs[1], "Archive")
    rest, link = client.changes(page["@odata.nextLink"])

    changes, _link = client.changes(link)

    assert not {refs[0], refs[1]} & {*told(page["value"]), *told(rest)}
    assert told(changes) == {refs[0]: "here"}


def test_old_links_may_be_asked_again(owner, client):
    refs = [owner.append("INBOX", letter(n)) for n in range(25)]
    first = client.get(INBOX)
    rest, link = client.changes(first["@odata.nextLink"])
    owner.append("INBOX", letter("new"))

    again, _link = client.changes(first["@odata.nextLink"])

    assert again == rest
    assert {*told(first["value"]), *told(rest)} == set(refs)
    assert len(client.changes(link)[0]) == 1


def test_change_type_limits_what_is_told(owner, client):
    marked, gone = owner.append("INBOX", letter(1)), owner.append("INBOX", letter(2))
    links = {
        change: client.changes(f"{INBOX}?changeType={change}")[1]
        for change in ("created", "updated", "deleted")
    }
    owner.read("INBOX", marked)
    owner.expunge("INBOX", gone)
    new = owner.append("INBOX", letter(3))

    found = {
        change: set(told(client.changes(link)[0])) for change, link in links.items()
    }

    assert found == {"created": {new}, "updated": {marked}, "deleted": {gone}}


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


@pytest.mark.parametrize("ordered", [False, True], ids=["any order", "newest first"])
@pytest.mark.parametrize("kind", ["mutable", "immutable"])
@pytest.mark.parametrize("seed", range(3))
def test_who_follows_the_deltas_of_a_random_history_ends_equal(
    graph, owner, client, seed, kind, ordered
):
    rng = random.Random(seed)
    graph.rounds.doubled = seed == 1
    prefer = IMMUTABLE if kind == "immutable" else ""
    options = "&$orderby=receivedDateTime desc" if ordered else ""
    mirror = Mirror(
        client, f"{prefer},odata.maxpagesize=2", kind == "immutable", options
    )

    for step in range(60):
        live(owner, rng, step)
        if rng.random() < 0.7:
            mirror.look(rng)

    shown = {
        (
            owner.folder_ref(folder),
            ref if kind == "immutable" else owner.mutable_id(ref),
        )
        for folder in owner.folders()
        for ref in owner.listing(folder)
    }
    assert mirror.rest() == shown


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


def test_who_believes_removed_loses_mail(owner, client):
    """The mutant of the test above: without asking where it is."""
    ref = owner.append("INBOX", letter(1))
    mirror = Mirror(client, IMMUTABLE, confirms=False)
    mirror.rest()
    owner.move("INBOX", ref, "Archive")
    owner.move("Archive", ref, "INBOX")

    assert mirror.rest() == set()
    assert len(owner.truth()) == 1


# --- finding mail ---------------------------------------------------------------------


@pytest.fixture
def some_mail(owner):
    owner.append("INBOX", letter(1, subject="Offer for windows"))
    owner.append(
        "Sent",
        letter(
            2,
            "the price is right",
            sender="Alice <alice@example.com>",
            to="Bob Stone <bob@customer.example>",
            subject="Re: offer",
        ),
    )
    owner.append("Trash", letter(3, sender="carol@other.example", subject="Invoice 7"))


def numbers(client, **options) -> list[str]:
    """The numbers of the letters found, sorted."""
    found = client.get("/me/messages", select="internetMessageId", **options)["value"]
    return sorted(mail["internetMessageId"][1] for mail in found)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("from:ann@customer.example", "1"),
        ("from:carol", "3"),
        ('from:"Ann Lee"', "1"),
        ("to:bob@customer.example", "2"),
        ("participants:customer.example", "12"),
        ("participants:alice@example.com", "123"),
        ("cc:ann", ""),
        ("subject:offer", "12"),
        ('subject:"offer for"', "1"),
        ("subject:off", ""),
        ("subject:off*", "12"),
        ("from:ann@customer.example OR from:carol@other.example", "13"),
        ("subject:offer from:alice", "2"),
        ("subject:offer AND NOT from:alice", "1"),
        ("(from:ann OR from:carol) AND subject:invoice", "3"),
        ("price", "2"),
        ("received>=2026-01-01", "123"),
        ("sent:2026-01-05", "123"),
        ("hasAttachments:true", ""),
    ],
)
def test_search(client, some_mail, search, expected):
    quoted = search.replace('"', '\\"')

    assert numbers(client, search=f'"{quoted}"') == list(expected)


def test_search_without_quotes_is_refused(client, some_mail):
    assert client.refusal("/me/messages", search="from:ann")[0] == 400
    assert client.refusal("/me/messages", search='"nonsense:ann"')[0] == 400


def test_search_goes_with_neither_filter_nor_order(client):
    for options in ({"filter": "isRead eq true"}, {"orderby": ORDER}):
        assert client.refusal("/me/messages", search='"x"', **options)[0] == 400


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [
        ("internetMessageId eq '<2@letters.example>'", "2"),
        ("from/emailAddress/address eq 'ANN@customer.example'", "1"),
        ("receivedDateTime ge 2026-01-01T00:00:00Z and isRead eq false", "123"),
        ("startswith(subject,'Offer')", "1"),
        ("contains(subject,'offer') and not (isDraft eq true)", "12"),
        ("subject eq 'Invoice 7' or hasAttachments eq true", "3"),
    ],
)
def test_filter(client, some_mail, filtered, expected):
    assert numbers(client, filter=filtered) == list(expected)


@pytest.mark.parametrize(
    "filtered",
    [
        "toRecipients/any(r:r/emailAddress/address eq 'x')",
        "body eq 'x'",
        "isRead eq",
        "isRead and",
        "isRead eq true)",
    ],
)
def test_filter_that_exchange_cannot_do(client, filtered):
    assert client.refusal("/me/messages", filter=filtered) == (
        *(400, "ErrorInvalidUrlQueryFilter"),
    )


def test_order_must_be_filtered_by_first(client, some_mail):
    filtered = "isRead eq false and receivedDateTime ge 2020-01-01T00:00:00Z"
    better = "receivedDateTime ge 2020-01-01T00:00:00Z and isRead eq false"

    assert client.refusal("/me/messages", filter=filtered, orderby=ORDER) == (
        *(400, "InefficientFilter"),
    )
    assert len(numbers(client, filter=better, orderby=ORDER)) == 3


def test_lists_come_in_pages(owner, client):
    for number in range(25):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))

    first = client.get("/me/messages", top=20, select="subject", count="true")
    second = client.get(first["@odata.nextLink"])
    skipped = client.get("/me/mailFolders/inbox/messages", skip=24, orderby=ORDER)

    assert first["@odata.count"] == 25
    subjects = [mail["subject"] for mail in first["value"] + second["value"]]
    assert subjects == [f"letter {number}" for number in reversed(range(25))]
    assert [mail["subject"] for mail in skipped["value"]] == ["letter 0"]
    assert client.refusal("/me/messages", top=1001)[0] == 400


def test_unknown_paths_and_parameters_are_refused(owner, client):
    ref = owner.append("INBOX", letter(1))
    paths = ["/me/nonsense", "/nonsense", f"/me/messages/{ref}/nonsense"]
    paths += ["/me/mailFolders/inbox/nonsense", "/me/messages?nonsense=1"]
    paths += [f"/me/messages/{ref}?$expand=nonsense", "/me/mailFolders/delta?$skip=1"]

    assert [client.refusal(path)[0] for path in paths] == [400] * len(paths)


# --- batches --------------------------------------------------------------------------


def statuses(answer) -> dict[str, int]:
    return {one["id"]: one["status"] for one in answer.json()["responses"]}


def test_batch_answers_each_member_in_any_order(owner, client):
    refs = [owner.append("INBOX", letter(number)) for number in range(19)]
    paths = [f"/me/messages/{ref}?$select=subject" for ref in refs]

    answer = client.batch(*paths, "me/messages/AAkA-nobody")

    responses = answer.json()["responses"]
    ids = [int(one["id"]) for one in responses]
    assert ids != sorted(ids) and sorted(ids) == list(range(20))
    bodies = {int(one["id"]): one["body"] for one in responses}
    assert [bodies[number]["subject"] for number in range(19)] == [
        f"letter {number}" for number in range(19)
    ]
    assert [bodies[number]["id"] for number in range(19)] == refs
    assert bodies[19]["error"]["code"] == "ErrorItemNotFound"


def test_headers_are_of_each_member(owner, client):
    ref = owner.append("INBOX", letter(1, html="<b>hi</b>"))
    path = f"/me/messages/{ref}?$select=body"
    text = {"Prefer": f'{IMMUTABLE}, outlook.body-content-type="text"'}

    answer = client.batch(
        path, {"url": path, "headers": text}, {"url": path, "headers": {}}
    )

    bodies = {one["id"]: one["body"] for one in answer.json()["responses"]}
    assert [bodies[n]["body"]["contentType"] for n in "012"] == ["html", "text", "html"]
    assert bodies["2"]["id"] == owner.mutable_id(ref)


def test_batch_of_more_than_twenty_is_refused(client):
    assert client.batch(*["/me/messages"] * 20).status_code == 200
    assert client.batch(*["/me/messages"] * 21).status_code == 400


def test_malformed_batches_are_refused(client):
    post = client.session.post
    for told in ({}, {"requests": [{}]}, {"requests": []}):
        assert post(client.base + "/$batch", json=told).status_code == 400
    double = {"id": "a", "method": "GET", "url": "/me"}
    twice = {"requests": [double, {**double, "id": "A"}]}
    assert post(client.base + "/$batch", json=twice).status_code == 400
    absolute = client.batch(client.base + "/me")
    assert statuses(absolute) == {"0": 400}


def test_parallel_batch_runs_four_at_a_time_unless_it_is_alone(graph, owner, client):
    """By itself it fits; beside another request some of it is throttled."""
    ref = owner.append("INBOX", letter(1))
    paths = [f"/me/messages/{ref}"] * 20
    alone = statuses(client.batch(*paths))
    with held(graph, client, "/me/mailFolders/inbox"):
        beside = client.batch(*paths)

    assert set(alone.values()) == {200}
    assert sorted(statuses(beside).values()) == [200] * 15 + [429] * 5
    throttled = [one for one in beside.json()["responses"] if one["status"] == 429]
    assert {one["headers"]["Retry-After"] for one in throttled} == {"1"}
    assert throttled[0]["body"]["error"]["code"] == "ApplicationThrottled"


def test_batch_that_runs_all_at_once_is_throttled_beyond_four(graph, client):
    graph.batch_width = 20

    answer = client.batch(*["/me/messages"] * 20)

    assert sorted(statuses(answer).values()) == [200] * 4 + [429] * 16


def test_sequential_batch_needs_one_place(graph, client):
    chain = [{"url": "/me/messages"}]
    chain += [{"url": "/me/messages", "dependsOn": [str(n)]} for n in range(19)]
    with held(graph, client, "/me/mailFolders/inbox", times=3):
        answer = client.batch(*chain)

    assert set(statuses(answer).values()) == {200}


def test_what_depends_on_a_failure_fails(client):
    answer = client.batch(
        "/me/messages/AAkA-nobody",
        {"url": "/me/messages", "dependsOn": ["0"]},
        {"url": "/me/messages", "dependsOn": ["1"]},
    )

    assert statuses(answer) == {"0": 404, "1": 424, "2": 424}


def test_batch_is_sequential_or_parallel(client):
    lanes = ["/me/messages", "/me/messages"]
    lanes += [{"url": "/me/messages", "dependsOn": [n]} for n in "01"]
    backwards = [{"url": "/me/messages", "dependsOn": ["1"]}, "/me/messages"]

    assert client.batch(*lanes).status_code == 400
    assert client.batch(*backwards).status_code == 400


# --- throttling and faults ------------------------------------------------------------


class held:
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


def test_fifth_request_at_a_time_is_throttled(graph, client):
    with held(graph, client, "/me/mailFolders/inbox", times=4) as others:
        answer = client.ask("/me/messages")
        person = client.ask("/me")
        bob = Client(graph, token="bob").ask("/me/messages")

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "ApplicationThrottled"
    assert answer.headers["Retry-After"] == "1"
    assert person.status_code == bob.status_code == 200
    assert others.answers == [200] * 4
    assert client.ask("/me/messages").status_code == 200


def test_too_many_requests_in_ten_minutes(graph, client):
    graph.throttle.in_window = 7
    graph.throttle.retry_after = 300

    alone = [client.ask("/me/messages").status_code for _number in range(3)]
    batch = client.batch(*["/me/messages"] * 6)

    assert alone == [200] * 3
    assert sorted(statuses(batch).values()) == [200] * 4 + [429] * 2
    assert client.ask("/me/messages").headers["Retry-After"] == "300"


def test_faults_hit_what_they_match_so_often(graph, owner, client):
    owner.append("INBOX", letter(1))
    graph.fault("messages/delta", 503, "ErrorServerBusy", times=2, retry_after=7)

    answers = [client.ask(INBOX) for _number in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["code"] == "ErrorServerBusy"


def test_faults_hit_members_of_batches(graph, owner, client):
    refs = [owner.append("INBOX", letter(number)) for number in range(3)]
    graph.fault(refs[1], 429, "ApplicationThrottled", retry_after=30)
    paths = [f"/me/messages/{ref}" for ref in refs]

    first, second = client.batch(*paths), client.batch(*paths)

    assert statuses(first) == {"0": 200, "1": 429, "2": 200}
    (throttled,) = [one for one in first.json()["responses"] if one["id"] == "1"]
    assert throttled["headers"]["Retry-After"] == "30"
    assert statuses(second) == {"0": 200, "1": 200, "2": 200}


def test_connections_break(graph, client):
    graph.fault("messages", close=True)
    graph.fault("messages", truncate=True)
    graph.fault("messages", 200, body='{"value": [')

    for _number in range(2):
        with pytest.raises(requests.RequestException):
            client.ask("/me/messages").json()
    with pytest.raises(ValueError):
        client.ask("/me/messages").json()
    assert client.get("/me/messages")["value"] == []


def test_requests_are_logged_with_members_of_batches(graph, client):
    client.get("/me/messages?$top=5")
    client.batch("/me/mailFolders")

    lines = ["GET /v1.0/me/messages?$top=5", "POST /v1.0/$batch"]
    assert graph.requests() == [*lines, "GET /v1.0/me/mailFolders"]
    assert graph.requests(inner=False) == lines
    assert graph.log[0].headers["prefer"] == IMMUTABLE
    assert graph.log[2].email == ALICE and graph.log[2].status == 200
    graph.clear_requests()
    assert graph.requests() == []


# --- another client -------------------------------------------------------------------


@pytest.fixture
def o365(graph):
    """The mailbox as PyPI's ``o365`` sees it, which knows nothing of this project."""

    class Here(MSGraphProtocol):
        _protocol_url = graph.url + "/"

    account = Account(
        ("client", "secret"),
        protocol=Here(timezone="UTC"),
        token_backend=MemoryTokenBackend(),
        requests_delay=0,
        default_headers={"Prefer": IMMUTABLE},
    )
    account.con.session = account.con.get_session()
    account.con.update_session_auth_header("token")
    return account.mailbox()


def test_o365_finds_folders_and_mail(owner, o365):
    owner.create("Customers/North")
    for number in range(30):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))
    owner.append("Customers/North", letter("north", attachment=b"%PDF"))

    names = {folder.name for folder in o365.get_folders(limit=None)}
    inbox = list(o365.inbox_folder().get_messages(limit=None, batch=7))
    north = o365.get_folder(folder_name="Customers").get_folder(folder_name="North")
    (mail,) = north.get_messages(download_attachments=True)

    assert {"Inbox", "Sent Items", "Customers"} <= names
    assert [mail.subject for mail in inbox] == [f"letter {n}" for n in range(30)][::-1]
    assert inbox[0].received == START + timedelta(hours=29)
    assert {mail.object_id for mail in inbox} == set(owner.listing("INBOX"))
    assert (
        mail.sender.address == "ann@customer.example" and mail.sender.name == "Ann Lee"
    )
    assert mail.internet_message_id == "<north@letters.example>"
    assert [recipient.address for recipient in mail.to] == [ALICE]
    (file,) = mail.attachments
    assert (file.name, base64.b64decode(file.content)) == ("north.pdf", b"%PDF")


def test_o365_asks_with_filter_search_select_and_expand(owner, o365, some_mail):
    query = o365.new_query()
    filtered = query.equals("subject", "Invoice 7")
    searched = query.search("windows", "subject")
    headers = query.select("subject", "internetMessageHeaders", "body")

    (invoice,) = o365.get_messages(query=filtered)
    (offer,) = o365.get_messages(query=searched)
    mail = o365.get_message(offer.object_id, query=headers)

    assert invoice.folder_id == owner.folder_ref("Trash")
    assert offer.subject == "Offer for windows"
    told = {one["name"]: one["value"] for one in mail.message_headers}
    assert told["Message-ID"] == "<1@letters.example>"
    assert mail.get_body_text().strip() == "hello"


def test_o365_works_in_the_mailbox_that_is_mirrored(graph, owner, client, o365):
    graph.account(ALICE, scopes=("Mail.ReadWrite",))
    ref, gone = owner.append("INBOX", letter(1)), owner.append("INBOX", letter(2))
    _first, link = client.changes(INBOX)
    project = o365.create_child_folder("Project")
    mails = {mail.object_id: mail for mail in o365.inbox_folder().get_messages()}

    assert mails[ref].mark_as_read() and mails[ref].move(project)
    copy = mails[ref].copy("archive")
    assert mails[gone].delete()
    changes, _link = client.changes(link)

    assert set(told(changes)) == {ref, gone} and "here" not in told(changes).values()
    assert owner.folder_ref("Project") == project.folder_id
    assert owner.listing("Project") == {ref: "<1@letters.example>"}
    assert owner.flags("Project")[ref] == {"\\Seen"}
    assert owner.listing("Archive") == {copy.object_id: "<1@letters.example>"}
    assert set(owner.listing("Trash")) == {gone}


def test_o365_knows_a_meeting_request(owner, o365):
    owner.append("INBOX", INVITATION % (b"REQUEST", b"REQUEST"))

    (mail,) = o365.inbox_folder().get_messages()

    assert mail.is_event_message
    assert mail.meeting_message_type.name == "MeetingRequest"


def test_o365_reads_what_an_error_says(o365):
    with pytest.raises(requests.HTTPError, match="Id is malformed"):
        o365.get_folder(folder_id="nonsense")


# --- the server itself ----------------------------------------------------------------


@pytest.mark.skipif(not SCHEMA.exists(), reason="shared/graph is not beside this")
def test_an_answer_unlike_graphs_does_not_go_unseen():
    with pytest.raises(AssertionError, match="importance"):
        with Graph(whoami={"token": ALICE}.get) as graph:
            ref = graph.user(ALICE).append("INBOX", letter(1))
            graph.user(ALICE).override("INBOX", ref, importance="urgent")
            Client(graph).get(f"/me/messages/{ref}")


def test_mailboxes_outlive_the_server(tmp_path):
    with Graph(whoami={"token": ALICE}.get, directory=tmp_path) as graph:
        owner = graph.user(ALICE)
        owner.create("Customers/North")
        refs = [owner.append("Customers/North", letter(n)) for n in range(3)]
        path = f"/me/mailFolders/{owner.folder_ref('Customers/North')}/messages/delta"
        _first, link = Client(graph).changes(path)
        owner.move("Customers/North", refs[0], "INBOX")
        owner.expunge("Customers/North", refs[1])
        state, port = owner.state(), graph.port

    with Graph(whoami={"token": ALICE}.get, directory=tmp_path, port=port) as graph:
        owner, client = graph.user(ALICE), Client(graph)
        changes, _link = client.changes(link)
        owner.append("INBOX", letter("later"))

        assert set(told(changes)) == {refs[0], refs[1]}
        assert owner.state() != state
        assert set(owner.listing("Customers/North")) == {refs[2]}
        assert client.get(f"/me/messages/{refs[2]}")["subject"] == "letter 2"


def test_half_a_record_at_the_end_of_the_journal_is_dropped(tmp_path):
    with Graph(whoami={}.get, directory=tmp_path) as graph:
        graph.user(ALICE).append("INBOX", letter(1))
        graph.user(ALICE).append("INBOX", letter(2))
    journal = tmp_path / "graph.journal"
    journal.write_bytes(journal.read_bytes()[:-20])

    with Graph(whoami={}.get, directory=tmp_path) as graph:
        graph.user(ALICE).append("INBOX", letter(3))
    with Graph(whoami={}.get, directory=tmp_path) as graph:
        ids = graph.user(ALICE).listing("INBOX").values()

        assert sorted(ids) == ["<1@letters.example>", "<3@letters.example>"]


def test_tls(tmp_path):
    with Graph(whoami={"token": ALICE}.get, certificate_directory=tmp_path) as graph:
        page = Client(graph).get(INBOX)

        assert graph.url.startswith("https://localhost:")
        assert page["@odata.deltaLink"].startswith(graph.url)
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(graph.url + "/v1.0/me", timeout=9)


# --- the owner ------------------------------------------------------------------------


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
