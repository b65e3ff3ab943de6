# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is mail found as in Microsoft Graph? $search, $filter, $orderby, paging."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.peer_graph.client import ORDER
from tests.providers.letters import START, letter


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
