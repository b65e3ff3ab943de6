# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What IMAP alone has: the flag for deleted mail, commands, generations of folders.

A test file says how to get a server: a fixture ``server`` in a subclass.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from engine.envelope import Envelope
from engine.providers import imap_sync
from engine.providers.base import (
    Budget,
    Cut,
    Lookup,
    MessageBroken,
    MessageGone,
    Place,
    Query,
    Unavailable,
)

from tests.providers.conftest import imap_mailbox
from tests.providers.history import HistoryTests, Owner
from tests.providers.letters import letter
from tests.providers.provider_tests import ProviderTests


class ImapOwner(Owner):
    """Also marks mail as deleted, changes its mind, and cleans up."""

    def actions(self) -> list:
        return [*super().actions(), self.mark, self.mark, self.clean]

    def refs(self, folder: str) -> list[str]:
        return sorted(self.user.listing(folder, deleted=True))

    def mark(self) -> None:
        flag = self.rng.choice(("\\Deleted", "\\Deleted", "\\Seen"))
        self.user.flag(*self.some_mail(), flag, on=self.rng.random() < 0.6)

    def clean(self) -> None:
        self.user.expunge(self.some_folder())


class ImapTests(ProviderTests, HistoryTests):
    pauses = ("engine.providers.imap_sync.LOOK_EVERY",)
    bytes_of_two_texts = 3_000
    owner_at_random = ImapOwner

    @pytest.fixture
    def mailbox(self, server, new_login):
        with server.user(new_login) as owner:
            yield imap_mailbox(server, new_login, owner)

    def test_search_beyond_ascii(self, mailbox, provider):
        """In the same case: not every server folds that of such letters."""
        ref = mailbox.owner.append(
            "INBOX", letter(1, subject="L'\u00e9t\u00e9 \u00e0 Paris")
        )
        mailbox.owner.append("INBOX", letter(2))

        found = provider.search(
            Query(subject_words=("\u00e9t\u00e9 \u00e0", "nothing"))
        )

        assert [place.ref for place in found] == [ref]
        assert not isinstance(found, Cut)

    def test_listing_tells_the_mime_tree_and_the_size(self, mailbox, provider, store):
        raw = letter(1, html="<p>hello</p>", attachment=b"x" * 2000)
        mailbox.owner.append("INBOX", raw)

        (presence,) = store.sync(provider)[0].present

        assert presence.size == len(raw)
        assert [part.content_type for part in presence.envelope.parts] == [
            "text/plain",
            "text/html",
            "application/pdf",
        ]

    # --- the flag for deleted mail ----------------------------------------------------

    def test_flagged_deleted_is_gone_and_comes_back(self, mailbox, provider, store):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(4)]
        store.sync(provider)
        mailbox.owner.flag("INBOX", refs[1], "\\Deleted")
        store.sync(provider, passes=2)
        assert len(store.places) == 3

        mailbox.owner.flag("INBOX", refs[1], "\\Deleted", on=False)
        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 4

    def test_mail_back_from_deleted_survives_a_failure(
        self, mailbox, provider, store, monkeypatch
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(4)]
        store.sync(provider)
        mailbox.owner.flag("INBOX", refs[1], "\\Deleted")
        store.sync(provider, passes=2)
        mailbox.owner.flag("INBOX", refs[1], "\\Deleted", on=False)
        mailbox.owner.expunge("INBOX", refs[3])

        def hang(*args):
            raise Unavailable("timeout")

        with monkeypatch.context() as patch, mailbox.open() as failing:
            patch.setattr("engine.providers.imap_mail.read_presences", hang)
            try:
                store.apply(failing.pull(store.cursor, None, Budget()))
            except Unavailable:
                pass
        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 3

    def test_mail_told_as_gone_and_then_filled_in_by_the_same_pull_is_present(
        self, mailbox, provider, store, monkeypatch
    ):
        """Its mark went after the departures were told, and before the fill came by."""
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(4)]
        store.apply(store.pull(provider, Budget(mails=2)))
        mailbox.owner.flag("INBOX", refs[0], "\\Deleted")
        real = imap_sync.Pull.fill

        def fill(pull):
            mailbox.owner.flag("INBOX", refs[0], "\\Deleted", on=False)
            return real(pull)

        with monkeypatch.context() as patch:
            patch.setattr(imap_sync, "LOOK_EVERY", 0)
            patch.setattr(imap_sync.Pull, "fill", fill)
            store.apply(store.pull(provider))
        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 4

    @pytest.mark.parametrize("before", [0, 2])
    @pytest.mark.parametrize("is_marked", [False, True])
    def test_mail_that_was_seen_by_a_search_and_went_before_the_pull_is_absent(
        self, mailbox, provider, store, before, is_marked
    ):
        mailbox.owner.create("Work")
        for number in range(before):
            mailbox.owner.append("Work", letter(number))
        store.sync(provider)
        ref = mailbox.owner.append("Work", letter(9, sender="nina@client.test"))
        (place,) = provider.search(Query(addresses=("nina@client.test",)))
        store.places[place] = "what the search found"  # the engine writes such places
        if is_marked:
            mailbox.owner.flag("Work", ref, "\\Deleted")
        else:
            mailbox.owner.expunge("Work", ref)

        store.sync(provider, passes=2)

        assert place not in store.places

    # --- folders and their generations ------------------------------------------------

    def test_folder_that_vanished_before_texts_are_fetched_voids_the_page(
        self, mailbox, provider, store
    ):
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        (batch,) = store.sync(provider)
        places = {presence.place.folder: presence.place for presence in batch.present}
        unknown = Envelope()
        list(provider.envelopes([places["INBOX"]]))  # Work is not open
        mailbox.owner.remove("Work")

        (answer,) = dict(provider.envelopes([places["Work"]])).values()
        assert isinstance(answer, MessageBroken)  # the next pull says what became of it
        for ask in (provider.facts, provider.fetch):
            with mailbox.open() as again, pytest.raises(Unavailable):
                list(getattr(again, ask.__name__)([(places["Work"], unknown)]))

    def test_places_of_another_generation_are_gone(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        (batch,) = store.sync(provider)
        place = replace(batch.present[0].place, generation="1")

        (answer,) = dict(provider.envelopes([place])).values()

        assert isinstance(answer, MessageGone)
        with pytest.raises(Unavailable):
            list(provider.fetch([(place, Envelope())]))

    def test_uid_that_never_was_is_gone(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        (batch,) = store.sync(provider)
        place = batch.present[0].place
        other = Place(place.folder, place.generation, "0000009999")

        answers = dict(provider.envelopes([place, other]))

        assert answers[place] == batch.present[0]
        assert isinstance(answers[other], MessageGone)

    # --- commands ---------------------------------------------------------------------

    def test_nothing_is_said_but_what_reads(self, mailbox, tap, store, folders):
        for number in range(6):
            raw = letter(number, f"marker-{number}-body", attachment=b"attached" * 50)
            mailbox.owner.append("INBOX", raw)

        with mailbox.open(tap) as provider:
            batches = store.sync(provider, passes=2)
            mails = [(p.place, p.envelope) for b in batches for p in b.present]
            wanted = [m for m in mails if m[1].message_id == "<3@letters.example>"]
            list(provider.fetch(wanted))
            provider.confirm([Lookup(mails[0][0], "", mails[0][1].message_id)])

        allowed = re.compile(
            r"(CAPABILITY|AUTHENTICATE|LOGIN|LIST|STATUS|EXAMINE|UNSELECT|UID FETCH"
            r"|UID SEARCH|ENABLE|COMPRESS|NAMESPACE|LOGOUT)\b"
        )
        for line in tap.commands:
            assert allowed.match(line), line
            assert "BODY[" not in line and "RFC822 " not in line
            assert len(line) < 1_000
        heard = set(re.findall(rb"marker-\d-body", bytes(tap.told)))
        assert heard == {b"marker-3-body"}
        assert b"attached" not in tap.told
