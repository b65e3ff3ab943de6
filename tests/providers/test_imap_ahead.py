# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP far away: many commands in one round trip, headers before they are needed."""

from __future__ import annotations

import pytest
from engine.providers import imap_fill, imap_mail, imap_sync, imap_uids
from engine.providers.base import Budget
from engine.providers.imap_bite import Memory

from tests.providers.letters import letter, realistic
from tests.providers.store import Store

PAGE = Budget(mails=10)


@pytest.fixture
def mailbox(mailbox_on_dovecot, monkeypatch):
    """Forty mails, in pages of ten, with commands for ten."""
    commands = imap_uids.commands
    monkeypatch.setattr(imap_uids, "commands", lambda uids: commands(uids, most=10))
    monkeypatch.setattr(imap_fill, "AHEAD_FROM", 10)
    for raw, received in realistic(40):
        mailbox_on_dovecot.owner.append("INBOX", raw, received=received)
    return mailbox_on_dovecot


def _header_commands(tap) -> list[str]:
    return [line for line in tap.commands if "HEADER.FIELDS" in line]


def test_headers_of_the_next_pages_come_with_those_of_the_second(mailbox, tap):
    store, asked = Store(), []
    with mailbox.open(port=tap.port) as provider:
        for _page in range(4):
            tap.forget()
            store.apply(store.pull(provider, PAGE))
            asked.append(len(_header_commands(tap)))

    assert len(store.places) == 40
    # the first page is soon there; nothing is asked for twice
    assert asked == [1, 3, 0, 0]


def test_texts_of_a_page_are_one_round_trip(mailbox, tap):
    store = Store()
    with mailbox.open(port=tap.port) as provider:
        batch = store.pull(provider, Budget(mails=40))
        tap.forget()
        trips = []
        tap.before_each = lambda: trips.append(tap.commands)
        mails = [(p.place, p.envelope) for p in batch.present]
        answers = dict(provider.fetch(mails))
        asked = len(trips)  # before LOGOUT, which the tap may hear of late

    assert all(body.text for body in answers.values())
    assert len(answers) == 40
    fetches = [line for line in tap.commands if line.startswith("UID FETCH")]
    assert len(fetches) >= 4
    assert asked == 1


def test_look_at_nothing_new_waits_for_two_answers(mailbox, tap):
    """For the login's, and for that of folders, their numbers and whose they are."""
    store, trips = Store(), []
    with mailbox.open() as provider:
        store.sync(provider)
    tap.before_each = lambda: trips.append(tap.commands)
    with mailbox.open(port=tap.port) as provider:
        batch = store.pull(provider)
        asked = len(trips)  # before LOGOUT, which the tap may hear of late

    assert not batch.present and batch.pass_complete
    assert [line.split()[0] for line in tap.commands[:3]] == [
        "AUTHENTICATE",
        "LIST",
        "NAMESPACE",
    ]
    assert asked == 2


def _left_meanwhile(mailbox) -> bool:
    """A mail goes whose headers are here already, and departures are told before it is:
    does nothing stay of it?
    """
    store = Store()
    with mailbox.open() as provider:
        for _page in range(2):
            store.apply(store.pull(provider, PAGE))
        mailbox.owner.expunge("INBOX", 5)
        mailbox.owner.append("INBOX", letter("new"))
        more = True
        while more:
            batch = store.pull(provider, PAGE)
            store.apply(batch)
            more = batch.more
    return store.truth == mailbox.owner.truth(ignore=("Drafts", "Trash", "Junk"))


def test_mail_that_left_meanwhile_is_not_told(mailbox, monkeypatch):
    monkeypatch.setattr(imap_sync, "LOOK_EVERY", 0)
    assert _left_meanwhile(mailbox)


def test_mutant_that_keeps_headers_over_a_watermark_is_caught(mailbox, monkeypatch):
    monkeypatch.setattr(imap_sync, "LOOK_EVERY", 0)
    monkeypatch.setattr(Memory, "forget_ahead", lambda memory: None)
    assert not _left_meanwhile(mailbox)


def test_connection_cut_while_many_commands_are_under_way(mailbox, tap, monkeypatch):
    """What was answered before counts; the rest is asked for one by one."""
    real, cut = imap_mail.read_ahead, []

    def once(session, folder, questions):
        if not cut:
            cut.append(len(tap.heard))
            tap.cut_after = len(tap.heard) + 5_000
            # each connection is cut then: only the one that is open now shall be
            session.reopen(folder)
            tap.cut_after = None
        return real(session, folder, questions)

    store = Store()
    with mailbox.open(port=tap.port) as provider:
        batch = store.pull(provider, Budget(mails=40))
        monkeypatch.setattr("engine.providers.imap_bodies.read_ahead", once)
        mails = [(p.place, p.envelope) for p in batch.present]
        answers = dict(provider.fetch(mails))

    assert len(answers) == 40
    assert all(body.text for body in answers.values())
    assert tap.connections >= 3


def test_command_refused_among_many(mailbox, monkeypatch):
    """The others count; it is asked for again, by itself."""
    store, refused = Store(), []
    with mailbox.open() as provider:
        wire = provider._session.wire
        batch = store.pull(provider, Budget(mails=40))
        real = wire._answered

        def answered(name, tag, answer, *args):
            told = real(name, tag, answer, *args)
            if not refused and "BODY.PEEK" in str(args):
                refused.append(args)
                raise imap_mail.Refused("UID FETCH", "NO", "", "not now")
            return told

        monkeypatch.setattr(wire, "_answered", answered)
        mails = [(p.place, p.envelope) for p in batch.present]
        answers = dict(provider.fetch(mails))

    assert refused
    assert all(body.text for body in answers.values())
