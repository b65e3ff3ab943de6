# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Are folders told as Microsoft Graph tells them?"""

from __future__ import annotations

from tests.peer_graph.client import told
from tests.providers.letters import letter


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
