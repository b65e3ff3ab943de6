# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What every provider has to do, whatever it talks to.

A test file says how to get a ``mailbox`` (see ``conftest``) in a subclass. Mail is put
there and moved by its owner (``tests.peers.mail_owner``), who is the witness as well.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from engine.providers.base import (
    COUNTED_ROLES,
    EPOCH,
    EXCLUDED,
    GONE,
    LIVE,
    Budget,
    CursorExpired,
    Lookup,
    MessageGone,
    Query,
    Unavailable,
)

from tests.providers.letters import START, letter
from tests.providers.store import Store


class ProviderTests:
    #: False: the server (mail-devel) breaks on RENAME
    can_rename = True
    #: True: folders are labels on mail that lies in one place (Gmail): a folder takes
    #: no mail along when it goes, a copy is the same mail, and none is deselected
    has_labels = False
    #: True: mail that was opened or starred is told once more (Graph has no way to ask
    #: for other changes only)
    tells_marks = False
    #: what two small texts may cost, with all that is around them
    bytes_of_two_texts = 10_000
    #: seconds that the provider lets pass between two looks, as names to be patched
    pauses: tuple[str, ...] = ()

    @pytest.fixture
    def store(self):
        return Store()

    @pytest.fixture
    def alert(self, monkeypatch):
        """The provider looks for news with each pull."""
        for name in self.pauses:
            monkeypatch.setattr(name, 0)

    @pytest.fixture
    def folders(self, mailbox):
        """Sent, Drafts, Trash, Junk and Archive exist."""
        there = mailbox.owner.folders()
        for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            if name not in there:
                mailbox.owner.create(name)

    def assert_equal(self, store, mailbox):
        ignored = [r for r, role in store.folders.items() if role not in COUNTED_ROLES]
        assert store.truth == mailbox.owner.truth(ignore=ignored)
        assert set(store.places.values()) <= store.copies

    def known(self, provider, batches) -> list:
        """What these batches told, as ``fetch`` takes it."""
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        return list(provider.facts(mails))

    # --- arrivals ---------------------------------------------------------------------

    def test_empty_mailbox_is_one_complete_pass(self, provider, store):
        batches = store.sync(provider)

        assert store.places == {}
        assert batches[-1].pass_complete or batches[0].pass_complete
        assert batches[-1].total == 0

    def test_all_mail_comes_with_both_grades(self, mailbox, provider, store, folders):
        raw = letter(1, html="<p>hello</p>", attachment=b"x" * 2000)
        ref = mailbox.owner.append("INBOX", raw, received=START)

        batches = store.sync(provider)

        (presence,) = batches[0].present
        assert presence.place.folder == mailbox.owner.folder_ref("INBOX")
        assert presence.place.ref == ref
        assert presence.received_at == START
        assert presence.outgoing is None
        assert presence.envelope.message_id == "<1@letters.example>"
        assert [a.email for a in presence.envelope.authors] == ["ann@customer.example"]
        ((place, envelope),) = self.known(provider, batches)
        assert place == presence.place
        assert envelope.subject == presence.envelope.subject == "letter 1"
        assert envelope.headers["content-type"][0].startswith("multipart/mixed")
        *texts, file = envelope.parts
        assert {part.content_type for part in texts} <= {"text/plain", "text/html"}
        assert texts
        assert (file.filename, file.content_type) == ("1.pdf", "application/pdf")

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

    def test_import_by_another_connection_each_time(
        self, mailbox, provider, store, folders
    ):
        for number in range(12):
            mailbox.owner.append(("INBOX", "Archive")[number % 2], letter(number))
        with mailbox.open() as first:
            batch = store.pull(first, Budget(mails=4))
            store.apply(batch)

        while batch.more:
            with mailbox.open() as another:
                batch = store.pull(another, Budget(mails=4))
                store.apply(batch)

        self.assert_equal(store, mailbox)

    def test_newest_mail_comes_first(self, mailbox, provider, store):
        for number in range(12):
            received = START + timedelta(minutes=number)
            mailbox.owner.append("INBOX", letter(number), received=received)

        batches = store.sync(provider, Budget(mails=5))

        newest_first = [f"<{number}@letters.example>" for number in reversed(range(12))]
        assert store.told(batches) == newest_first

    def test_new_mail_during_a_long_import_is_told_first(
        self, mailbox, provider, store, alert
    ):
        for number in range(20):
            received = START + timedelta(minutes=number)
            mailbox.owner.append("INBOX", letter(number), received=received)
        store.apply(store.pull(provider, Budget(mails=5)))
        mailbox.owner.append("INBOX", letter("new"))

        batch = store.pull(provider, Budget(mails=5))

        assert batch.present[0].envelope.message_id == "<new@letters.example>"
        assert batch.more

    def test_mail_that_goes_during_a_long_import_is_not_kept(
        self, mailbox, provider, store, alert, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(20)]
        store.apply(store.pull(provider, Budget(mails=5)))
        for ref in (refs[0], refs[9], refs[19]):
            mailbox.owner.expunge("INBOX", ref)
        for ref in (refs[1], refs[10], refs[18]):
            mailbox.owner.move("INBOX", ref, "Trash")

        store.sync(provider, Budget(mails=5), passes=3)

        self.assert_equal(store, mailbox)
        assert len(store.copies) == 14

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

        assert store.told(batches) == ["<2@letters.example>"]

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

    def test_old_mail_with_wanted_addresses_is_listed(self, mailbox, provider, store):
        for number in range(30):
            sender = {3: "Bob <bob@one.example>", 17: "eve@sub.two.example"}.get(
                number, "Zoe <zoe@two.example>" if number % 10 == 5 else "a@b.example"
            )
            mailbox.owner.append("INBOX", letter(number, sender=sender), received=START)

        batches = store.sync(
            provider,
            Budget(mails=4),
            addresses=("@two.example", "bob@one.example"),
        )

        told = store.told(batches)
        assert {f"<{n}@letters.example>" for n in (3, 5, 15, 25)} <= set(told)
        assert len(told) == len(set(told))
        assert len(told) + sum(batch.passed_by for batch in batches) == 30

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

        outgoing = {p.envelope.message_id: p.outgoing for p in batch.present}
        assert outgoing == {"<1@letters.example>": True, "<2@letters.example>": None}

    def test_cabinet_is_not_trash(self, mailbox, provider, store):
        mailbox.owner.create("Cabinet")
        mailbox.owner.append("Cabinet", letter(1))

        store.sync(provider)

        role = store.folders[mailbox.owner.folder_ref("Cabinet")]
        assert role == ("all" if self.has_labels else "other")
        self.assert_equal(store, mailbox)

    def test_folder_names_beyond_ascii(self, mailbox, provider, store):
        names = {"Caf\xe9 & Co", "\u65e5\u672c\u8a9e", 'quo"te'}
        for name in names:
            mailbox.owner.create(name)
            mailbox.owner.append(name, letter(name.encode().hex()))

        store.sync(provider)

        assert {mailbox.owner.folder_ref(name) for name in names} <= set(store.folders)
        if not self.has_labels:
            assert names <= {folder.name for folder in provider.folders()}
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

    def test_headers_by_which_mail_is_the_same_in_all_mailboxes(
        self, mailbox, provider, store
    ):
        header = (
            "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <Juergen@Customer.Example>",
            'To: "Lee, Ann" <ann@one.example>, bob@two.example',
            "Cc: Zoe <Zoe@three.example>",
            "Subject: =?utf-8?b?R3LDvMOfZQ==?= aus",
            " der Ferne",
            "Date: Mon, 05 Jan 2026 14:30:00 +0530",
            "Message-ID: <Mixed.Case@Host.Example>",
            "In-Reply-To: <second@host.example>",
            "References: <first@host.example>",
            "\t<second@host.example>",
            "Content-Type: text/plain; charset=iso-8859-1",
            "Content-Transfer-Encoding: quoted-printable",
        )
        raw = "\r\n".join([*header, "", "Viele Gr=FC=DFe", ""])
        mailbox.owner.append("INBOX", raw.encode())

        batches = store.sync(provider)
        ((place, envelope),) = self.known(provider, batches)
        ((_place, body),) = provider.fetch([(place, envelope)])

        for each in (batches[0].present[0].envelope, envelope):
            assert each.message_id == "<Mixed.Case@Host.Example>"
            assert each.subject == "Gr\xfc\xdfe aus der Ferne"
            assert each.date == datetime(2026, 1, 5, 9, tzinfo=UTC)
            assert [(a.name, a.email) for a in each.authors] == [
                ("J\xfcrgen M\xfcller", "juergen@customer.example")
            ]
            assert [a.email for a in each.to] == ["ann@one.example", "bob@two.example"]
            assert [a.email for a in each.cc] == ["zoe@three.example"]
        assert envelope.references == ("<first@host.example>", "<second@host.example>")
        assert envelope.in_reply_to == ("<second@host.example>",)
        assert body.text.strip() == "Viele Gr\xfc\xdfe"

    def test_pull_without_time_is_short(self, mailbox, provider, store):
        for number in range(40):
            mailbox.owner.append("INBOX", letter(number))
        begun = time.monotonic()

        batch = store.pull(provider, Budget(mails=1_000, seconds=0))

        assert time.monotonic() - begun < 5
        assert batch.more or len(batch.present) == 40
        store.apply(batch)
        store.sync(provider)
        self.assert_equal(store, mailbox)

    # --- departures -------------------------------------------------------------------

    def test_deleted_mail_is_absent(self, mailbox, provider, store):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(6)]
        store.sync(provider)
        mailbox.owner.expunge("INBOX", refs[0], refs[3], refs[5])

        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == len(store.copies) == 3

    def test_move_between_folders_is_no_delete(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        ref = mailbox.owner.append("INBOX", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        store.sync(provider)
        mailbox.owner.move("INBOX", ref, "Work")

        batches = store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert store.deleted == []
        assert len(store.copies) == 2
        arrived = [i for i, batch in enumerate(batches) if batch.present]
        departed = [i for i, batch in enumerate(batches) if batch.absent]
        assert self.has_labels or arrived[0] <= departed[0]

    def test_copy_is_no_other_mail(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        ref = mailbox.owner.append("INBOX", letter(1), received=START)
        store.sync(provider)
        mailbox.owner.copy("INBOX", ref, "Work")

        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert store.deleted == []

    def test_move_to_trash_is_a_delete(self, mailbox, provider, store, folders):
        ref = mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.move("INBOX", ref, "Trash")

        store.sync(provider, passes=2)

        assert store.copies == set()

    def test_mail_taken_out_of_the_trash_comes_back(
        self, mailbox, provider, store, folders
    ):
        kept = mailbox.owner.append("INBOX", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        store.sync(provider)
        mailbox.owner.move("INBOX", kept, "Trash")
        store.sync(provider, passes=2)
        (ref,) = mailbox.owner.listing("Trash")
        mailbox.owner.move("Trash", ref, "INBOX")

        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.copies) == 2

    def test_back_and_forth_is_no_delete(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        ref = mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.move("INBOX", ref, "Work")
        (ref,) = mailbox.owner.listing("Work")
        mailbox.owner.move("Work", ref, "INBOX")

        store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert store.deleted == []

    def test_into_the_trash_and_out_between_two_passes_is_no_delete(
        self, mailbox, provider, store, folders
    ):
        ref = mailbox.owner.append("INBOX", letter(1))
        store.sync(provider)
        mailbox.owner.move("INBOX", ref, "Trash")
        (ref,) = mailbox.owner.listing("Trash")
        mailbox.owner.move("Trash", ref, "INBOX")

        store.sync(provider, passes=3)

        self.assert_equal(store, mailbox)
        assert store.deleted == []

    def test_mailbox_emptied_then_new_mail_arrives(self, mailbox, provider, store):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(5)]
        store.sync(provider)
        mailbox.owner.expunge("INBOX", *refs)
        store.sync(provider)
        assert store.places == {}

        mailbox.owner.append("INBOX", letter("after"))
        store.sync(provider)

        self.assert_equal(store, mailbox)
        assert [store.message_ids[key] for key in store.places.values()] == [
            "<after@letters.example>"
        ]

    def test_reading_a_mail_changes_nothing(self, mailbox, provider, store):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(4)]
        store.sync(provider)
        before = dict(store.places)
        mailbox.owner.read("INBOX", *refs)

        batches = store.sync(provider, passes=2)

        assert not any(batch.absent for batch in batches)
        assert self.tells_marks or not any(batch.present for batch in batches)
        assert store.places == before

    def test_deleted_folder_is_absent_as_a_whole(self, mailbox, provider, store):
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        work = mailbox.owner.folder_ref("Work")
        store.sync(provider)
        mailbox.owner.remove("Work")

        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.copies) == (1 if self.has_labels else 0)
        assert self.has_labels or work not in store.folders

    def test_deselected_folder_is_absent_and_comes_back(self, mailbox, provider, store):
        if self.has_labels:
            pytest.skip("all mail is in one folder")
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        store.sync(provider)
        work = mailbox.owner.folder_ref("Work")

        store.sync(provider, skip=frozenset({work}))
        assert {place.folder for place in store.places} == {
            mailbox.owner.folder_ref("INBOX")
        }

        store.sync(provider)
        self.assert_equal(store, mailbox)

    def test_renamed_folder_keeps_its_mail(self, mailbox, provider, store):
        if not self.can_rename:
            pytest.skip("this server breaks on RENAME")
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        work = mailbox.owner.folder_ref("Work")
        store.sync(provider)
        mailbox.owner.rename("Work", "Jobs")
        jobs = mailbox.owner.folder_ref("Jobs")

        batches = store.sync(provider)

        assert batches[0].renamed == (((work, jobs),) if work != jobs else ())
        assert not any(batch.present or batch.absent for batch in batches)
        self.assert_equal(store, mailbox)
        if not self.has_labels:
            assert "Jobs" in {folder.name for folder in provider.folders()}

    def test_renamed_folder_stays_deselected(self, mailbox, provider, store):
        if not self.can_rename:
            pytest.skip("this server breaks on RENAME")
        if self.has_labels:
            pytest.skip("all mail is in one folder")
        mailbox.owner.create("Private")
        mailbox.owner.append("Private", letter(1))
        private = frozenset({mailbox.owner.folder_ref("Private")})
        store.sync(provider, skip=private)
        mailbox.owner.rename("Private", "Secret")

        store.sync(provider, skip=private)

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
        assert len(store.copies) == (4 if self.has_labels else 1)

    # --- mail told by its place alone -------------------------------------------------

    def test_place_alone_is_enough_to_ask_for_the_headers(
        self, mailbox, provider, store
    ):
        refs = [
            mailbox.owner.append("INBOX", letter(number, attachment=b"x" * 900))
            for number in range(3)
        ]
        (batch,) = store.sync(provider)
        told = {presence.place: presence for presence in batch.present}

        answers = dict(provider.envelopes(list(told)))

        assert answers.keys() == told.keys()
        assert {place.ref for place in answers} == set(refs)
        for place, presence in answers.items():
            assert presence.place == place and presence.key == told[place].key
            assert presence.received_at == told[place].received_at != EPOCH
            assert presence.size > 900
            assert presence.outgoing == told[place].outgoing
            assert presence.envelope.message_id == told[place].envelope.message_id
            assert presence.envelope.headers["content-type"]
            assert presence.envelope.parts[-1].content_type == "application/pdf"

    def test_mail_told_by_its_place_alone_has_a_key(self, mailbox, provider):
        mailbox.owner.append("INBOX", letter(1))

        batch = provider.pull(None, None, Budget())

        (presence,) = batch.present
        assert presence.key or presence.envelope

    def test_mail_gone_before_its_headers_were_asked_for(
        self, mailbox, provider, store
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
        batch = provider.pull(None, None, Budget())
        gone = next(p.place for p in batch.present if p.place.ref == refs[1])
        mailbox.owner.expunge("INBOX", refs[1])

        answers = dict(provider.envelopes([p.place for p in batch.present]))
        store.apply(store.complete(provider, batch))
        store.sync(provider, passes=2)

        assert len(answers) == 3
        assert isinstance(answers[gone], MessageGone)
        self.assert_equal(store, mailbox)

    def test_mail_in_the_trash_is_gone_from_its_place(
        self, mailbox, provider, store, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
        store.sync(provider)
        places = {place.ref: place for place in store.places}
        mailbox.owner.move("INBOX", refs[1], "Trash")

        with mailbox.open() as another:  # a server may still have it at hand here
            answers = dict(another.envelopes(list(places.values())))

        assert isinstance(answers.pop(places[refs[1]]), MessageGone)
        assert {presence.place.ref for presence in answers.values()} == {
            *(refs[0], refs[2])
        }

    # --- the cursor -------------------------------------------------------------------

    def change_something(self, mailbox, refs) -> None:
        """One goes, one moves, one goes into the trash, one comes."""
        mailbox.owner.expunge("INBOX", refs[0])
        mailbox.owner.move("INBOX", refs[1], "Archive")
        mailbox.owner.move("INBOX", refs[2], "Trash")
        mailbox.owner.append("INBOX", letter("new"))

    def test_replayed_facts_do_no_harm(self, mailbox, provider, store, folders):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(8)]
        first = store.pull(provider, Budget(mails=3))
        store.apply(first)
        store.apply(first)
        store.sync(provider, Budget(mails=3))
        self.change_something(mailbox, refs)

        twice = [store.pull(provider), store.pull(provider)]
        for batch in twice:
            store.apply(batch)
        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.copies) == 7
        assert len(store.deleted) == 2

    def test_first_bite_that_was_not_stored_is_asked_for_again(
        self, mailbox, provider, store, alert, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(8)]
        store.pull(provider, Budget(mails=3))  # and the worker died
        self.change_something(mailbox, refs)
        mailbox.owner.append("INBOX", letter("newer"))

        store.sync(provider, Budget(mails=3), passes=2)

        self.assert_equal(store, mailbox)

    def test_same_cursor_tells_the_same_to_another_connection(
        self, mailbox, provider, store, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(8)]
        store.sync(provider)
        self.change_something(mailbox, refs)
        lost = store.pull(provider)
        assert lost.present or lost.absent

        with mailbox.open() as another:
            again = store.pull(another)

        assert {p.place for p in again.present} == {p.place for p in lost.present}
        assert set(again.absent) == set(lost.absent)

    def test_unknown_cursor_version_means_start_again(self, provider):
        with pytest.raises(CursorExpired):
            provider.pull({"v": 99, "kind": provider.kind}, None, Budget())

    def test_refused_cursor_lists_all_again_and_doubles_nothing(
        self, mailbox, provider, store, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(12)]
        store.sync(provider)
        keys, asked = set(store.copies), len(store.asked)
        self.change_something(mailbox, refs)
        store.cursor = {"v": 99, "kind": provider.kind}

        store.sync(provider, Budget(mails=4), passes=3)

        self.assert_equal(store, mailbox)
        assert len(store.copies - keys) == 1
        assert len(keys - store.copies) == len(store.deleted) == 2
        assert len(store.asked) - asked <= 1  # what is known costs nothing

    def test_server_that_forgot_what_it_told_is_listed_again(
        self, mailbox, provider, store, folders
    ):
        if not mailbox.forget:
            pytest.skip("this server never forgets")
        for round_, forget in enumerate(mailbox.forget):
            refs = [
                mailbox.owner.append("INBOX", letter(f"{round_}-{number}"))
                for number in range(6)
            ]
            store.sync(provider)
            keys = set(store.copies)
            self.change_something(mailbox, refs)
            forget()

            with mailbox.open() as another:
                store.sync(another, Budget(mails=4), passes=3)

            self.assert_equal(store, mailbox)
            assert len(store.copies - keys) == 1
            assert len(keys - store.copies) == 2

    def test_cursor_does_not_grow_with_the_mailbox(self, mailbox, provider, store):
        sizes = []
        for _ in range(2):
            refs = [mailbox.owner.append("INBOX", letter(n)) for n in range(60)]
            mailbox.owner.expunge("INBOX", *refs[::7])
            store.sync(provider)
            sizes.append(len(str(store.cursor)))

        assert sizes[1] - sizes[0] < 100  # less than two bytes a mail

    def test_connection_cut_anywhere_leaves_the_cursor(
        self, mailbox, tap, store, folders
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(12)]

        for _import, cuts in enumerate(((300, 4_000, 9_000), (500, 2_000, 4_500))):
            for cut in cuts:
                tap.cut_after = cut
                try:
                    with mailbox.open(tap) as provider:
                        store.sync(provider, Budget(mails=3))
                except Unavailable:
                    pass
            tap.cut_after = None
            with mailbox.open(tap) as provider:
                store.sync(provider, Budget(mails=3), passes=2)

            self.assert_equal(store, mailbox)
            self.change_something(mailbox, refs)
            refs = refs[3:]

    # --- bodies -----------------------------------------------------------------------

    def test_only_the_text_is_fetched(self, mailbox, provider, store):
        raw = letter(1, "the text", html="<p>the html</p>", attachment=b"%PDF" * 30_000)
        mailbox.owner.append("INBOX", raw)
        mailbox.owner.append("INBOX", letter(2, "second"))
        mails = self.known(provider, store.sync(provider))
        assert provider.traffic.received < len(raw) / 2
        before = provider.traffic.received

        bodies = dict(provider.fetch(mails))

        texts = {place: body.text.strip() for place, body in bodies.items()}
        assert len(texts) == 2
        assert set(texts.values()) <= {"second", "the text", "the html"}
        (attachment,) = next(b for b in bodies.values() if b.attachments).attachments
        assert attachment.name == "1.pdf"
        assert provider.traffic.received - before < self.bytes_of_two_texts

    def test_mail_gone_before_its_text_was_fetched(self, mailbox, provider, store):
        for number in range(3):
            mailbox.owner.append("INBOX", letter(number))
        mails = self.known(provider, store.sync(provider))
        gone = mails[1][0]
        mailbox.owner.expunge("INBOX", gone.ref)

        bodies = dict(provider.fetch(mails))

        assert len(bodies) == 3
        answer = bodies.pop(gone)  # a server may still have it at hand
        assert isinstance(answer, MessageGone) or answer.text.strip() == "hello"
        assert all(body.text.strip() == "hello" for body in bodies.values())

    def test_attachment_is_streamed_byte_true(self, mailbox, provider, store):
        content = bytes(range(256)) * 5_000
        mailbox.owner.append("INBOX", letter(1, attachment=content))
        ((place, envelope),) = self.known(provider, store.sync(provider))
        part = next(p for p in envelope.parts if p.filename)

        chunks = list(provider.attachment(place, part.ref))

        assert b"".join(chunks) == content
        assert len(chunks) > 1

    def test_headers_of_known_places_again(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        ref = mailbox.owner.append("INBOX", letter(2))
        store.sync(provider)
        place = store.place_of("<1@letters.example>")
        other = store.place_of("<2@letters.example>")
        mailbox.owner.expunge("INBOX", ref)

        answers = dict(provider.envelopes([place, other]))

        assert answers[place].envelope.subject == "letter 1"
        assert isinstance(answers[other], MessageGone)

    def test_folder_that_vanished_before_texts_are_fetched(
        self, mailbox, provider, store
    ):
        mailbox.owner.create("Work")
        mailbox.owner.append("Work", letter(1))
        mailbox.owner.append("INBOX", letter(2))
        mails = self.known(provider, store.sync(provider))
        mailbox.owner.remove("Work")

        try:
            bodies = dict(provider.fetch(mails))
        except Unavailable:  # the page is void
            provider = mailbox.open()
        else:
            assert len(bodies) == 2
        with provider:
            store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)

    def test_facts_keep_what_is_known_already(self, mailbox, provider, store):
        mailbox.owner.append("INBOX", letter(1))
        mails = self.known(provider, store.sync(provider))

        assert list(provider.facts(mails)) == mails

    # --- questions --------------------------------------------------------------------

    def test_identity_is_the_login(self, mailbox, provider):
        assert provider.identify().email == mailbox.login

    def test_confirm_tells_live_excluded_and_gone(
        self, mailbox, provider, store, folders
    ):
        mailbox.owner.create("Work")
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(4)]
        (batch,) = store.sync(provider)
        mailbox.owner.move("INBOX", refs[1], "Work")
        mailbox.owner.move("INBOX", refs[2], "Trash")
        mailbox.owner.expunge("INBOX", refs[3])

        fates = provider.confirm(
            [Lookup(p.place, p.key, p.envelope.message_id) for p in batch.present]
        )

        assert {place.ref: fate.state for place, fate in fates.items()} == {
            refs[0]: LIVE,
            refs[1]: LIVE,
            refs[2]: EXCLUDED,
            refs[3]: GONE,
        }
        moved = next(fate for place, fate in fates.items() if place.ref == refs[1])
        (found,) = moved.places
        assert found.folder == mailbox.owner.folder_ref("Work")

    def test_audit_counts_ignored_folders_too(self, mailbox, provider, store, folders):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in (1, 2)]
        mailbox.owner.append("Trash", letter(3))

        counts = provider.audit(refs=True)

        inbox = mailbox.owner.folder_ref("INBOX")
        (count,) = (c for c in counts if c.folder.ref == inbox)
        assert count.messages == 2 and set(count.refs) == set(refs)
        (count,) = (c for c in counts if c.folder.role == "trash")
        assert count.messages == 1 and count.refs is None

    def test_search_by_address_domain_id_and_word(self, mailbox, provider, store):
        bob, zoe, figures, plain = (
            mailbox.owner.append("INBOX", raw)
            for raw in (
                letter(1, sender="Bob <bob@one.example>"),
                letter(2, to="Zoe <zoe@two.example>"),
                letter(3, subject="the quarterly figures"),
                letter(4),
            )
        )

        def found(**query):
            return [place.ref for place in provider.search(Query(**query))]

        assert found(addresses=("bob@one.example",)) == [bob]
        assert found(domains=("two.example",)) == [zoe]
        assert found(subject_words=("quarterly",)) == [figures]
        assert found(message_ids=("<4@letters.example>",)) == [plain]
        assert found() == []

    # --- the mailbox is not touched ---------------------------------------------------

    def test_mailbox_stays_as_it_was(self, mailbox, provider, store, folders):
        refs = [
            mailbox.owner.append("INBOX", letter(number, attachment=b"x" * 50))
            for number in range(5)
        ]
        mailbox.owner.read("INBOX", refs[0])
        before = mailbox.owner.state()

        mails = self.known(provider, store.sync(provider, passes=2))
        list(provider.fetch(mails))
        list(provider.envelopes([place for place, _envelope in mails]))
        list(provider.attachment(mails[1][0], mails[1][1].parts[-1].ref))
        provider.confirm([Lookup(mails[0][0], "", mails[0][1].message_id)])
        list(provider.search(Query(addresses=("ann@customer.example",))))
        provider.audit(refs=True)

        assert len(mails) == 5
        assert mailbox.owner.state() == before
