# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What the large providers do differently, played back."""

from __future__ import annotations

from engine.providers import imap_departures, imap_sync
from engine.providers.base import Budget

from tests.peers.hostile import Hostile, answer
from tests.providers.store import Store
from tests.providers.test_imap_bad_input import mails, open_


def test_gmail_tells_each_mail_once_and_no_drafts():
    folders = (
        '* LIST (\\HasNoChildren) "/" "INBOX"\r\n'
        '* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"\r\n'
        '* LIST (\\All \\HasNoChildren) "/" "[Gmail]/All Mail"\r\n'
        '* LIST (\\HasNoChildren \\Sent) "/" "[Gmail]/Sent Mail"\r\n'
        '* LIST (\\HasNoChildren \\Trash) "/" "[Gmail]/Trash"\r\n'
        '* LIST (\\HasNoChildren) "/" "Customers"\r\n'
        "{tag} OK done\r\n"
    )
    items = {
        1: 'X-GM-MSGID 1278455344230334865 X-GM-LABELS ("\\\\Inbox")',
        2: 'X-GM-MSGID 1278455344230334866 X-GM-LABELS ("\\\\Sent" "Customers")',
        3: 'X-GM-MSGID 1278455344230334867 X-GM-LABELS ("\\\\Draft")',
    }
    with Hostile(
        {"LIST": answer(folders)},
        mails=mails(3),
        items=items,
        capabilities="IMAP4rev1 X-GM-EXT-1 SPECIAL-USE",
    ) as server:
        with open_(server) as provider:
            (batch,) = Store().sync(provider)

    assert {(p.place.folder, p.key, p.outgoing) for p in batch.present} == {
        ("[Gmail]/All Mail", "11bdfc5cae0c8191", None),
        ("[Gmail]/All Mail", "11bdfc5cae0c8192", True),
    }
    assert {folder.role for folder in batch.folders} == {
        *("inbox", "all", "sent", "trash", "other")
    }


def test_icloud_advertises_qresync_and_never_enables_it():
    capabilities = "IMAP4rev1 ENABLE CONDSTORE QRESYNC"
    with Hostile(mails=mails(5), capabilities=capabilities) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            del server.mails[2]
            store.sync(provider)

        assert not any("VANISHED" in line for line in server.lines)
    assert {int(place.ref) for place in store.places} == {1, 3, 4, 5}


def test_what_leaves_the_window_of_yahoo_is_not_gone(monkeypatch):
    monkeypatch.setattr(imap_departures, "YAHOO_WINDOW", 10)
    with Hostile(mails=mails(10)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            server.mails.update({11: b"\r\n", 12: b"\r\n", 13: b"\r\n"})
            for uid in (1, 2, 6):  # two left the window, one was deleted
                del server.mails[uid]
            store.sync(provider)

    there = {int(place.ref) for place in store.places}
    assert there == {1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13}


def test_status_without_uidnext_and_examine_without_it():
    scripts = {
        "STATUS": answer("* STATUS INBOX (MESSAGES 3)\r\n{tag} OK done\r\n"),
        "EXAMINE": answer("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK done\r\n"),
    }
    with Hostile(scripts, mails=mails(3)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)

    assert len(store.places) == 3


def two_folders(server, locked):
    """INBOX, and a folder with the same mail, that opens unless ``locked()``."""
    folders = '* LIST () "/" INBOX\r\n* LIST () "/" Locked\r\n{tag} OK done\r\n'

    def unless_locked(otherwise):
        def script(client, tag, line):
            if "Locked" in line and locked():
                client.send(f"{tag} NO [NOPERM] not yours\r\n")
            else:
                otherwise(client, tag, line)

        return script

    server.scripts["LIST"] = answer(folders)
    server.scripts["EXAMINE"] = unless_locked(server._examine)
    server.scripts["STATUS"] = unless_locked(server._status)
    return server


def test_folder_that_refuses_to_open_holds_up_no_other():
    with two_folders(Hostile(), locked=lambda: True) as server:
        with open_(server) as provider:
            batch = provider.pull(None, None, Budget())
            after = provider.pull(batch.cursor, None, Budget())

    assert [p.place.folder for p in batch.present] == ["INBOX"]
    assert not after.more and not after.pass_complete


def pull_until_complete(provider, store):
    for number in range(1, imap_sync.REFUSED_PASSES + 3):
        batch = provider.pull(store.cursor, None, Budget())
        store.apply(batch)
        if batch.pass_complete:
            return number
    raise AssertionError("no pass is ever complete")


def test_folder_never_open_does_not_hold_up_deletions_for_ever():
    with two_folders(Hostile(mails=mails(3)), locked=lambda: True) as server:
        store = Store()
        with open_(server) as provider:
            assert pull_until_complete(provider, store) > imap_sync.REFUSED_PASSES
            del server.mails[2]
            store.sync(provider, passes=2)

    assert {int(place.ref) for place in store.places} == {1, 3}
    assert len(store.deleted) == 1


def test_folder_that_closes_for_ever_keeps_its_mail_and_holds_up_no_other():
    closed = []
    with two_folders(Hostile(mails=mails(3)), locked=lambda: closed) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            assert len(store.places) == 6
            closed.append(True)
            server.mails[9] = mails(9)[9]
            assert pull_until_complete(provider, store) > imap_sync.REFUSED_PASSES
            del server.mails[2], server.mails[9]
            store.sync(provider, passes=3)
            assert len(store.deleted) == 1  # 9; 2 still lies in the closed folder
            assert {int(p.ref) for p in store.places if p.folder == "Locked"} == {
                *(1, 2, 3)
            }

            closed.clear()
            store.sync(provider, passes=2)
            assert len(store.deleted) == 2
            closed.append(True)
            server.mails[10] = mails(10)[10]
            assert not provider.pull(store.cursor, None, Budget()).pass_complete


def test_folder_that_is_new_under_its_name_and_closed_keeps_its_mail():
    closed = []
    with two_folders(Hostile(mails=mails(3)), locked=lambda: closed) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            closed.append(True)
            server.scripts["STATUS"] = renumbered
            pull_until_complete(provider, store)
            store.sync(provider, passes=2)

    assert len([place for place in store.places if place.folder == "Locked"]) == 3


def renumbered(client, tag, line):
    if "Locked" in line:
        numbers = "(MESSAGES 3 UIDNEXT 4 UIDVALIDITY 8)"
        client.send(f"* STATUS Locked {numbers}\r\n{tag} OK done\r\n")
    else:
        client.server._status(client, tag, line)


def test_status_that_promises_more_than_examine_shows():
    status = "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n{tag} OK done\r\n"
    with Hostile(mails=mails(3)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            server.scripts["STATUS"] = answer(status)
            (batch,) = store.sync(provider)

    assert not batch.more and len(store.places) == 3
