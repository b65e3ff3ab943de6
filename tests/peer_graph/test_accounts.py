# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who may ask the Graph server of the tests what?"""

from __future__ import annotations

import pytest
import requests

from tests.peer_graph.client import ALICE, Client
from tests.providers.letters import letter


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
