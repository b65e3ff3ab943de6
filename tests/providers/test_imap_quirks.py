# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What the large providers do differently, played back."""

from __future__ import annotations

from engine.providers import imap_departures
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


def test_folder_that_refuses_to_open_holds_up_no_other():
    folders = '* LIST () "/" INBOX\r\n* LIST () "/" Locked\r\n{tag} OK done\r\n'

    def examine(client, tag, line):
        if "Locked" in line:
            client.send(f"{tag} NO [NOPERM] not yours\r\n")
        else:
            client.server._examine(client, tag, line)

    with Hostile({"LIST": answer(folders), "EXAMINE": examine}) as server:
        with open_(server) as provider:
            batch = provider.pull(None, None, Budget())
            after = provider.pull(batch.cursor, None, Budget())

    assert [p.place.folder for p in batch.present] == ["INBOX"]
    assert not after.more and not after.pass_complete


def test_status_that_promises_more_than_examine_shows():
    status = "* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n{tag} OK done\r\n"
    with Hostile(mails=mails(3)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            server.scripts["STATUS"] = answer(status)
            (batch,) = store.sync(provider)

    assert not batch.more and len(store.places) == 3
