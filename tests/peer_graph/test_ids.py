# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which ids stay, which change? As in Microsoft Graph."""

from __future__ import annotations

from tests.peer_graph.client import INBOX, told
from tests.providers.letters import letter


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
