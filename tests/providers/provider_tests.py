# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What every provider has to do, whatever the server.

A test file says how to get a server: a fixture ``server`` in a subclass.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from engine.envelope import Envelope
from engine.providers.base import (
    COUNTED_ROLES,
    EXCLUDED,
    GONE,
    LIVE,
    Budget,
    CursorExpired,
    Lookup,
    MessageBroken,
    MessageGone,
    Place,
    Query,
    Unavailable,
)

from tests.providers.letters import START, letter
from tests.providers.store import Store


class ProviderTests:
    #: what the server has no way to do
    can_rename = True
    #: the roles of folders that exist from the start
    has_folders = True

    @pytest.fixture
    def store(self):
        return Store()

    @pytest.fixture
    def folders(self, mailbox):
        """Sent, Drafts, Trash, Junk and Archive exist."""
        there = mailbox.owner.folders()
        for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            if name not in there:
                mailbox.owner.create(name)

    def ignored(self, store):
        return [ref for ref, role in store.folders.items() if role not in COUNTED_ROLES]

    def assert_equal(self, store, mailbox):
        assert store.truth == mailbox.owner.truth(ignore=self.ignored(store))

    # --- arrivals ---------------------------------------------------------------------

    def test_empty_mailbox_is_one_complete_pass(self, provider, store):
        batches = store.sync(provider)

        assert store.places == {}
        assert batches[-1].pass_complete or batches[0].pass_complete
        assert batches[-1].total == 0

    def test_all_mail_comes_with_both_grades(self, mailbox, provider, store, folders):
        raw = letter(1, html="<p>hello</p>", attachment=b"x" * 2000)
        mailbox.owner.append("INBOX", raw, received=START)

        (presence,) = store.sync(provider)[0].present

        envelope = presence.envelope
        assert envelope.message_id == "<1@letters.example>"
        assert [a.email for a in envelope.authors] == ["ann@customer.example"]
        assert envelope.headers["content-type"][0].startswith("multipart/mixed")
        assert [part.content_type for part in envelope.parts] == [
            "text/plain",
            "text/html",
            "application/pdf",
        ]
        assert envelope.parts[2].filename == "1.pdf"
        assert presence.received_at == START
        assert presence.size == len(raw)
        assert presence.outgoing is None

    def test_import_in_small_bites_loses_and_doubles_nothing(
        self, mailbox, provider, store, folders
    ):
        for number in range(23):
            mailbox.owner.append(
                ("INBOX", "Sent", "Archive")[number % 3], letter(number)
            )

        batches = store.sync(provider, Budget(mails=4))

        self.assert_equal(store, mailbox)
        told = [presence.place for batch in batches for presence in batch.present]
        assert len(told) == len(set(told)) == 23
        assert all(len(batch.present) <= 4 for batch in batches)
        assert [(b.done, b.total) for b in batches if b.total][-1] == (23, 23)

    def test_newest_mail_comes_first(self, mailbox, provider, store):
        for number in range(12):
            mailbox.owner.append("INBOX", letter(number))

        batches = store.sync(provider, Budget(mails=5))

        told = [p.envelope.message_id for b in batches for p in b.present]
        assert told == [f"<{number}@letters.example>" for number in reversed(range(12))]

    def test_new_mail_during_a_long_import_is_told_first(
        self, mailbox, provider, store, monkeypatch
    ):
        monkeypatch.setattr("engine.providers.imap_sync.LOOK_EVERY", 0)
        for number in range(20):
            mailbox.owner.append("INBOX", letter(number))
        store.apply(provider.pull(None, None, Budget(mails=5)))
        mailbox.owner.append("INBOX", letter("new"))

        batch = provider.pull(store.cursor, None, Budget(mails=5))

        assert batch.present[0].envelope.message_id == "<new@letters.example>"
        assert batch.more

    def test_second_pass_tells_nothing(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)

        (batch,) = store.sync(provider)

        assert not batch.present and not batch.absent and batch.pass_complete

    def test_new_mail_is_told_once(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.append("INBOX", letter(2))

        batches = store.sync(provider)

        told = [p.envelope.message_id for b in batches for p in b.present]
        assert told == ["<2@letters.example>"]

    def test_mail_before_the_start_is_not_listed(self, mailbox, provider, store):
        for number, days in enumerate((400, 300, 10, 200, 5)):
            mailbox.owner.append(
                "INBOX", letter(number), received=START - timedelta(days=days)
            )

        store.sync(provider, since=START - timedelta(days=30))

        assert set(store.message_ids.values()) == {
            "<2@letters.example>",
            "<4@letters.example>",
        }

    def test_an_earlier_start_brings_the_older_mail(self, mailbox, provider, store):
        for number, days in enumerate((400, 10, 200, 5)):
            mailbox.owner.append(
                "INBOX", letter(number), received=START - timedelta(days=days)
            )
        store.sync(provider, since=START - timedelta(days=30))

        store.sync(provider, since=START - timedelta(days=300))
        assert len(store.places) == 3

        store.sync(provider, since=None)
        self.assert_equal(store, mailbox)

    def test_mail_in_drafts_trash_and_junk_is_never_listed(
        self, mailbox, provider, store, folders
    ):
        for folder in ("Drafts", "Trash", "Junk"):
            mailbox.owner.append(folder, letter(folder))

        store.sync(provider)

        assert store.places == {}

    def test_sent_folder_by_special_use_or_exact_name(
        self, mailbox, provider, store, folders
    ):
        mailbox.owner.append("Sent", letter(1))
        mailbox.owner.create("Presentations")
        mailbox.owner.append("Presentations", letter(2))

        (batch,) = store.sync(provider)

        outgoing = {p.place.folder: p.outgoing for p in batch.present}
        assert outgoing == {"Sent": True, "Presentations": None}

    def test_cabinet_is_not_trash(self, mailbox, provider, store):
        mailbox.owner.create("Cabinet")
        mailbox.owner.append("Cabinet", letter(1))

        store.sync(provider)

        assert store.folders["Cabinet"] == "other"
        self.assert_equal(store, mailbox)

    def test_folder_names_beyond_ascii(self, mailbox, provider, store):
        for name in ("Caf\xe9 & Co", "\u65e5\u672c\u8a9e", 'quo"te'):
            mailbox.owner.create(name)
            mailbox.owner.append(name, letter(name.encode().hex()))

        store.sync(provider)

        assert {"Caf\xe9 & Co", "\u65e5\u672c\u8a9e", 'quo"te'} <= store.folders.keys()
        self.assert_equal(store, mailbox)

    def test_mail_without_message_id_from_date_or_subject(
        self, mailbox, provider, store
    ):
        mailbox.owner.append("INBOX", b"X-Nothing: here\r\n\r\nbody\r\n")
        mailbox.owner.append("INBOX", b"\r\nno header at all\r\n")
        mailbox.owner.append("INBOX", letter(1, message_id=""))

        store.sync(provider)

        assert len(store.places) == len(set(store.places.values())) == 3

    def test_five_hundred_recipients_are_kept(self, mailbox, provider, store):
        to = ", ".join(f"Person {n} <p{n}@many.example>" for n in range(500))
        raw = b"From: a@b.example\r\nTo: " + to.encode().replace(b", ", b",\r\n ")
        mailbox.owner.append("INBOX", raw + b"\r\nSubject: all\r\n\r\nhi\r\n")

        (batch,) = store.sync(provider)

        assert len(batch.present[0].envelope.to) == 500

    # --- departures -------------------------------------------------------------------

    def test_deleted_mail_is_absent(self, mailbox, provider, store):
        for number in range(6):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        uids = sorted(mailbox.owner.listing("INBOX"))
        mailbox.owner.expunge("INBOX", uids[0], uids[3], uids[5])

        store.sync(provider)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 3

    def test_move_between_folders_is_no_delete(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        mailbox.owner.append("INBOX", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        store.sync(provider)
        uid = min(mailbox.owner.listing("INBOX"))
        mailbox.owner.move("INBOX", uid, "Work")

        batches = store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert store.deleted == []
        assert len(store.copies) == 2
        arrived = next(i for i, batch in enumerate(batches) if batch.present)
        departed = next(i for i, batch in enumerate(batches) if batch.absent)
        assert arrived <= departed

    def test_move_to_trash_is_a_delete(self, mailbox, provider, store, folders):
        mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.move("INBOX", min(mailbox.owner.listing("INBOX")), "Trash")

        store.sync(provider, passes=2)

        assert store.copies == set()

    def test_back_and_forth_is_no_delete(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.move("INBOX", min(mailbox.owner.listing("INBOX")), "Work")
        mailbox.owner.move("Work", min(mailbox.owner.listing("Work")), "INBOX")

        store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert store.deleted == []

    def test_flagged_deleted_is_gone_and_comes_back(self, mailbox, provider, store):
        for number in range(4):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        uid = sorted(mailbox.owner.listing("INBOX"))[1]
        mailbox.owner.flag("INBOX", uid, "\\Deleted")
        store.sync(provider, passes=2)
        assert len(store.places) == 3

        mailbox.owner.flag("INBOX", uid, "\\Deleted", on=False)
        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 4

    def test_mail_back_from_deleted_survives_a_failure(
        self, mailbox, provider, store, monkeypatch
    ):
        for number in range(4):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        uids = sorted(mailbox.owner.listing("INBOX"))
        mailbox.owner.flag("INBOX", uids[1], "\\Deleted")
        store.sync(provider, passes=2)
        mailbox.owner.flag("INBOX", uids[1], "\\Deleted", on=False)
        mailbox.owner.expunge("INBOX", uids[3])

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

    def test_mailbox_emptied_then_new_mail_arrives(self, mailbox, provider, store):
        for number in range(5):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        mailbox.owner.expunge("INBOX", *mailbox.owner.listing("INBOX"))
        store.sync(provider)
        assert store.places == {}

        mailbox.owner.append("INBOX", letter("after"))
        store.sync(provider)

        self.assert_equal(store, mailbox)
        assert set(store.message_ids[k] for k in store.places.values()) == {
            "<after@letters.example>"
        }

    def test_reading_a_mail_tells_nothing(self, mailbox, provider, store):
        for number in range(4):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        mailbox.owner.flag("INBOX", "1:*", "\\Seen", "\\Flagged")

        batches = store.sync(provider, passes=2)

        assert not any(batch.present or batch.absent for batch in batches)

    def test_deleted_folder_is_absent_as_a_whole(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        store.sync(provider)
        mailbox.owner.remove("Work")

        store.sync(provider, passes=2)

        assert store.places == {} and "Work" not in store.folders

    def test_deselected_folder_is_absent_and_comes_back(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        store.sync(provider)

        store.sync(provider, skip=frozenset({"Work"}))
        assert store.places == {}

        store.sync(provider)
        self.assert_equal(store, mailbox)

    def test_renamed_folder_keeps_its_mail(self, mailbox, provider, store):
        if not self.can_rename:
            pytest.skip("this server breaks on RENAME")
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        store.sync(provider)
        mailbox.owner.rename("Work", "Jobs")

        batches = store.sync(provider)

        assert batches[0].renamed == (("Work", "Jobs"),)
        assert not any(batch.present or batch.absent for batch in batches)
        self.assert_equal(store, mailbox)

    def test_renamed_folder_stays_deselected(self, mailbox, provider, store):
        if not self.can_rename:
            pytest.skip("this server breaks on RENAME")
        mailbox.owner.create("Private")
        mailbox.owner.append("Private", letter(1))
        store.sync(provider, skip=frozenset({"Private"}))
        mailbox.owner.rename("Private", "Secret")

        store.sync(provider, skip=frozenset({"Private"}))

        assert store.places == {}

    def test_folder_deleted_and_created_again_is_listed_anew(
        self, mailbox, provider, store
    ):
        mailbox.owner.create("Work")
        for number in range(3):
            mailbox.owner.append("Work", letter(number))
        store.sync(provider)
        mailbox.owner.remove("Work")
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter("again"))

        store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 1

    # --- bodies -----------------------------------------------------------------------

    def test_only_the_text_is_fetched(self, mailbox, provider, store):
        raw = letter(1, "the text", html="<p>the html</p>", attachment=b"%PDF" * 30_000)
        mailbox.owner.append("INBOX", raw)
        mailbox.owner.append("INBOX", letter(2, "second"))
        (batch,) = store.sync(provider)
        before = provider.traffic.received

        bodies = dict(provider.fetch([(p.place, p.envelope) for p in batch.present]))

        texts = {place.ref[-1]: body.text.strip() for place, body in bodies.items()}
        assert sorted(texts.values()) == ["second", "the text"]
        (attachment,) = next(b for b in bodies.values() if b.attachments).attachments
        assert attachment.name == "1.pdf"
        assert provider.traffic.received - before < 3_000

    def test_mail_gone_before_its_text_was_fetched(self, mailbox, provider, store):
        for number in range(3):
            mailbox.owner.append("INBOX", letter(number))
        (batch,) = store.sync(provider)
        gone = batch.present[1].place
        mailbox.owner.expunge("INBOX", int(gone.ref))

        bodies = dict(provider.fetch([(p.place, p.envelope) for p in batch.present]))

        assert len(bodies) == 3
        answer = bodies.pop(gone)  # a server may still have it at hand
        assert isinstance(answer, MessageGone) or answer.text == "hello"
        assert all(body.text == "hello" for body in bodies.values())

    def test_attachment_is_streamed_byte_true(self, mailbox, provider, store):
        content = bytes(range(256)) * 5_000
        mailbox.owner.append("INBOX", letter(1, attachment=content))
        (batch,) = store.sync(provider)
        presence = batch.present[0]
        part = next(p for p in presence.envelope.parts if p.filename)

        chunks = list(provider.attachment(presence.place, part.ref))

        assert b"".join(chunks) == content
        assert len(chunks) > 1

    def test_headers_of_known_places_again(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        (batch,) = store.sync(provider)
        place = batch.present[0].place
        other = Place(place.folder, place.generation, "0000009999")

        answers = dict(provider.envelopes([place, other]))

        assert answers[place] == batch.present[0]
        assert isinstance(answers[other], MessageGone)

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

    def test_facts_are_known_already(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        (batch,) = store.sync(provider)
        presence = batch.present[0]

        assert list(provider.facts([(presence.place, presence.envelope)])) == [
            (presence.place, presence.envelope)
        ]

    # --- questions --------------------------------------------------------------------

    def test_confirm_tells_live_excluded_and_gone(
        self, mailbox, provider, store, folders
    ):
        mailbox.owner.create("Work")
        for number in range(4):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        place_of = {
            store.message_ids[key]: place for place, key in store.places.items()
        }
        uid = {m: int(place.ref) for m, place in place_of.items()}
        mailbox.owner.move("INBOX", uid["<1@letters.example>"], "Work")
        mailbox.owner.move("INBOX", uid["<2@letters.example>"], "Trash")
        mailbox.owner.expunge("INBOX", uid["<3@letters.example>"])

        fates = provider.confirm(
            [Lookup(place, "", message_id) for message_id, place in place_of.items()]
        )

        states = {m: fates[place].state for m, place in place_of.items()}
        assert states == {
            "<0@letters.example>": LIVE,
            "<1@letters.example>": LIVE,
            "<2@letters.example>": EXCLUDED,
            "<3@letters.example>": GONE,
        }
        (found,) = fates[place_of["<1@letters.example>"]].places
        assert found.folder == "Work"

    def test_audit_counts_ignored_folders_too(self, mailbox, provider, store, folders):
        mailbox.owner.append("INBOX", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        mailbox.owner.append("Trash", letter(3))

        counts = {c.folder.ref: c for c in provider.audit(refs=True)}

        assert counts["INBOX"].messages == 2 and len(counts["INBOX"].refs) == 2
        assert counts["Trash"].messages == 1 and counts["Trash"].refs is None

    def test_search_by_address_domain_id_and_word(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1, sender="Bob <bob@one.example>"))
        mailbox.owner.append("INBOX", letter(2, to="Zoe <zoe@two.example>"))
        mailbox.owner.append("INBOX", letter(3, subject="the quarterly figures"))
        mailbox.owner.append("INBOX", letter(4))

        def found(**query):
            return sorted(int(p.ref) for p in provider.search(Query(**query)))

        uids = sorted(mailbox.owner.listing("INBOX"))
        assert found(addresses=("bob@one.example",)) == uids[:1]
        assert found(domains=("two.example",)) == uids[1:2]
        assert found(subject_words=("quarterly",)) == uids[2:3]
        assert found(message_ids=("<4@letters.example>",)) == uids[3:]
        assert found() == []

    def test_unknown_cursor_version_means_start_again(self, provider):
        with pytest.raises(CursorExpired):
            provider.pull({"v": 99, "kind": "imap"}, None, Budget())

    # --- the mailbox is not touched ---------------------------------------------------

    def test_mailbox_stays_as_it_was(self, mailbox, provider, store, folders):
        for number in range(5):
            mailbox.owner.append("INBOX", letter(number))
        mailbox.owner.flag("INBOX", min(mailbox.owner.listing("INBOX")), "\\Answered")
        before = mailbox.owner.flags("INBOX"), mailbox.owner.truth()

        batches = store.sync(provider, passes=2)
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        list(provider.fetch(mails))
        provider.confirm([Lookup(mails[0][0], "", mails[0][1].message_id)])
        provider.search(Query(addresses=("ann@customer.example",)))
        provider.audit(refs=True)

        assert (mailbox.owner.flags("INBOX"), mailbox.owner.truth()) == before
        assert not any("\\Seen" in flags for flags in before[0].values())

    def test_nothing_is_said_but_what_reads(self, mailbox, tap, store, folders):
        for number in range(6):
            raw = letter(number, f"marker-{number}-body", attachment=b"attached" * 50)
            mailbox.owner.append("INBOX", raw)

        with mailbox.open(port=tap.port) as provider:
            batches = store.sync(provider, passes=2)
            mails = [(p.place, p.envelope) for b in batches for p in b.present]
            wanted = [m for m in mails if m[1].message_id == "<3@letters.example>"]
            list(provider.fetch(wanted))
            provider.confirm([Lookup(mails[0][0], "", mails[0][1].message_id)])

        allowed = re.compile(
            r"(CAPABILITY|AUTHENTICATE|LOGIN|LIST|STATUS|EXAMINE|UNSELECT|UID FETCH"
            r"|UID SEARCH|ENABLE|NAMESPACE|LOGOUT)\b"
        )
        for line in tap.commands:
            assert allowed.match(line), line
            assert "BODY[" not in line and "RFC822 " not in line
            assert len(line) < 1_000
        heard = set(re.findall(rb"marker-\d-body", bytes(tap.heard)))
        assert heard == {b"marker-3-body"}
        assert b"attached" not in tap.heard

    def test_connection_cut_anywhere_leaves_the_cursor(self, mailbox, tap, store):
        for number in range(12):
            mailbox.owner.append("INBOX", letter(number))

        tap.cut_after = 4_000
        for _ in range(3):
            try:
                with mailbox.open(port=tap.port) as provider:
                    store.sync(provider, Budget(mails=3))
            except Exception as problem:  # noqa: BLE001
                assert type(problem).__name__ == "Unavailable", problem
        tap.cut_after = None
        with mailbox.open(port=tap.port) as provider:
            store.sync(provider, Budget(mails=3))

        self.assert_equal(store, mailbox)
