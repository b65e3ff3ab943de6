# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is the Graph server of the tests one? PyPI's ``o365`` works with it.

That knows nothing of this project. What it finds is compared with what the owner sees.
"""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
import requests
from O365 import Account, MSGraphProtocol
from O365.utils.token import MemoryTokenBackend

from tests.peer_graph.client import ALICE, IMMUTABLE, INBOX, INVITATION, told
from tests.providers.letters import START, letter


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
