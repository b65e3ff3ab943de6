# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""From a mailbox at Google or Microsoft to the contact: the same tests for both."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import time
from datetime import UTC, datetime

import pytest

from setup import database
from tests.sync.history import EDGES, IGNORED, Crash, PlainLife, break_off
from tests.sync.letters import raw
from tests.sync.test_sync_crash import SELDOM

#: And between the parts of a page.
ALL_EDGES = [*EDGES, ("sync", "_unknown", "before"), ("sync", "_unknown", "after")]


def true_ids(owner):
    """Message-IDs of all mail in folders that count, by the server's own word."""
    return sorted({message_id for _f, _r, message_id in owner.truth(IGNORED)})


def passes(mirror, box, count=2):
    for _ in range(count):
        mirror.sync(box)
        mirror.check(box)
        assert not mirror.mailbox(box, "last_error")


class SyncTests:
    """Each class has a fixture ``at``: ``tests.sync.oauth``'s for its provider."""

    @pytest.fixture
    def box_owner(self, mirror, at):
        return at.link()

    @pytest.fixture
    def filled(self, mirror, box_owner):
        """Ten mails of a client in the inbox, mirrored."""
        box, owner = box_owner
        mirror.contact("client")
        refs = [
            owner.append("INBOX", raw(number, mirror.at("client"), box.email))
            for number in range(10)
        ]
        mirror.sync(box)
        assert mirror.by_state(box) == {"mirrored": 10}, mirror.mailbox(
            box, "last_error"
        )
        return box, owner, refs

    # ---- linking and the first mail ---

    def test_owner_links_a_mailbox_and_its_mail_is_on_the_contact(
        self, mirror, box_owner
    ):
        box, owner = box_owner
        partner = mirror.contact("client")
        owner.append("INBOX", raw(1, mirror.at("client"), box.email, subject="Offer"))

        mirror.sync(box, due=False)

        assert mirror.shown_on(partner, box.user_id) == ["Offer"]
        with mirror.env(box.user_id) as env:
            (message,) = env["res.partner"].browse(partner).mirror_message_ids
            assert message.body.strip() == "Text of mail 1."
            assert message.direction == "in"
        mirror.check(box)

    def test_sent_and_archived_and_read_mail_is_mirrored_as_well(
        self, mirror, box_owner
    ):
        box, owner = box_owner
        mirror.contact("client")
        client = mirror.at("client")
        owner.create("Kunden/Müller & Söhne")
        owner.append("Sent", raw(1, box.email, client))
        owner.append("Archive", raw(2, client, box.email), ["\\Seen"])
        owner.append("INBOX", raw(3, client, box.email), ["\\Seen"])
        owner.append("Kunden/Müller & Söhne", raw(5, client, box.email))

        passes(mirror, box)

        assert mirror.mirrored(box) == true_ids(owner)
        assert len(true_ids(owner)) == 4
        assert mirror.sql(
            """SELECT direction, count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s GROUP BY 1 ORDER BY 1""",
            box.id,
        ) == [("in", 3), ("out", 1)]

    def test_drafts_junk_and_trash_are_never_mirrored(self, mirror, box_owner):
        box, owner = box_owner
        mirror.contact("client")
        for number, folder in enumerate(IGNORED):
            owner.append(folder, raw(number, mirror.at("client"), box.email))

        passes(mirror, box)

        assert mirror.states(box) == {}

    def test_text_of_mail_that_is_not_mirrored_never_leaves_the_mailbox(
        self, mirror, box_owner, fetched
    ):
        box, owner = box_owner
        mirror.contact("client")
        for number in range(12):
            local = "client" if number % 4 == 0 else "stranger"
            owner.append("INBOX", raw(number, mirror.at(local), box.email))
        owner.append(
            "INBOX",
            raw(50, mirror.at("client"), box.email, sensitivity="Private"),
        )
        owner.append("Sent", raw(51, box.email, mirror.at("client"), subject="perso x"))

        passes(mirror, box)

        assert mirror.states(box) == {
            ("mirrored", "contact"): 3,
            ("unmatched", "no_contact"): 9,
            ("excluded", "sensitivity"): 1,
            ("excluded", "private_word"): 1,
        }
        assert sorted(fetched) == mirror.mirrored(box)

    def test_nothing_in_the_mailbox_is_touched(self, mirror, box_owner, at):
        box, owner = box_owner
        mirror.contact("client")
        for number in range(6):
            flags = ["\\Flagged"] if number % 2 else []
            owner.append("INBOX", raw(number, mirror.at("client"), box.email), flags)
        before = owner.state()
        at.clear()

        passes(mirror, box)

        assert mirror.by_state(box) == {"mirrored": 6}
        assert owner.state() == before
        assert {line.split()[0] for line in at.requests()} <= {"GET", "POST"}
        assert all("atch" in line for line in at.requests() if "POST" in line)

    def test_first_day_is_respected(self, mirror, at):
        box, owner = at.link(sync_from=datetime(2026, 11, 10).date())
        mirror.contact("client")
        for day in range(1, 21):
            owner.append(
                "INBOX",
                raw(day, mirror.at("client"), box.email),
                received=datetime(2026, 11, day, 12, tzinfo=UTC),
            )

        passes(mirror, box)
        assert mirror.by_state(box) == {"mirrored": 11}

        mirror.write("crm.mail.mirror.mailbox", box.id, sync_from="2026-11-05")
        passes(mirror, box, 3)
        assert mirror.by_state(box) == {"mirrored": 16}

    def test_contact_added_later_brings_its_mail_in(self, mirror, box_owner, fetched):
        box, owner = box_owner
        for number in range(5):
            owner.append("INBOX", raw(number, mirror.at("late"), box.email))
        passes(mirror, box)
        assert mirror.by_state(box) == {"unmatched": 5} and fetched == []

        partner = mirror.contact("late")
        mirror.look_again()
        passes(mirror, box)

        assert len(mirror.shown_on(partner, box.user_id)) == 5
        assert len(fetched) == 5

    # ---- what happens in the mailbox afterwards ---

    def test_new_mail_appears_and_old_texts_are_not_fetched_again(
        self, mirror, filled, fetched
    ):
        box, owner, _refs = filled
        owner.append("INBOX", raw(50, mirror.at("client"), box.email))

        passes(mirror, box)

        assert mirror.mirrored(box) == true_ids(owner)
        assert len(fetched) == 1

    @pytest.mark.parametrize("way", ["expunged", "trashed", "junked"])
    def test_mail_that_left_the_mailbox_is_gone_within_two_passes(
        self, mirror, filled, way
    ):
        box, owner, refs = filled
        if way == "expunged":
            owner.expunge("INBOX", refs[3])
        else:
            owner.move("INBOX", refs[3], "Trash" if way == "trashed" else "Junk")

        passes(mirror, box)

        assert mirror.mirrored(box) == true_ids(owner)
        assert mirror.by_state(box) == {"mirrored": 9}

    def test_mail_taken_out_of_the_trash_comes_back(self, mirror, filled):
        box, owner, refs = filled
        owner.move("INBOX", refs[3], "Trash")
        passes(mirror, box)
        assert mirror.by_state(box) == {"mirrored": 9}

        (ref,) = owner.listing("Trash")
        owner.move("Trash", ref, "INBOX")
        passes(mirror, box)

        assert mirror.by_state(box) == {"mirrored": 10}
        assert mirror.places(box) == owner.truth(IGNORED)

    def test_moved_mail_stays_and_its_text_is_not_fetched_again(
        self, mirror, filled, fetched
    ):
        box, owner, refs = filled
        owner.create("Projects")
        for number, ref in enumerate(refs[:6]):
            owner.move("INBOX", ref, "Projects" if number % 2 else "Archive")
        owner.move("INBOX", refs[7], "Archive")
        owner.move("Archive", refs[7], "INBOX")  # and back, between two looks

        passes(mirror, box, 4)

        assert mirror.places(box) == owner.truth(IGNORED)
        assert mirror.by_state(box) == {"mirrored": 10}
        assert fetched == []

    def test_renamed_folder_keeps_its_mail(self, mirror, filled, fetched):
        box, owner, refs = filled
        owner.create("Projects")
        for ref in refs[:3]:
            owner.move("INBOX", ref, "Projects")
        passes(mirror, box)

        owner.rename("Projects", "Projekte")
        owner.append("Projekte", raw(60, mirror.at("client"), box.email))
        passes(mirror, box, 3)

        assert mirror.places(box) == owner.truth(IGNORED)
        assert mirror.by_state(box) == {"mirrored": 11}
        assert len(fetched) == 1

    def test_mailbox_emptied_and_used_again_goes_on(self, mirror, filled):
        """EspoCRM #3654."""
        box, owner, refs = filled
        owner.expunge("INBOX", *refs)
        passes(mirror, box)
        assert mirror.states(box) == {}

        owner.append("INBOX", raw(60, mirror.at("client"), box.email))
        passes(mirror, box)
        assert mirror.mirrored(box) == true_ids(owner)

    def test_cursor_that_is_forgotten_loses_nothing_and_doubles_nothing(
        self, mirror, filled, at, fetched
    ):
        """And what was deleted meanwhile is gone, which nobody tells any more."""
        box, owner, refs = filled
        owner.append("INBOX", raw(70, mirror.at("stranger"), box.email))
        passes(mirror, box, 1)
        owner.expunge("INBOX", refs[2])
        owner.move("INBOX", refs[3], "Trash")
        owner.move("INBOX", refs[4], "Archive")
        owner.append("INBOX", raw(71, mirror.at("client"), box.email))

        at.forget(box)
        for _ in range(4):
            mirror.sync(box)
            mirror.check(box)

        wanted = set(true_ids(owner)) - {f"<70@{mirror.domain}>"}
        assert mirror.mirrored(box) == sorted(wanted)
        assert mirror.by_state(box) == {"mirrored": 9, "unmatched": 1}
        assert len(fetched) == 1
        assert not mirror.mailbox(box, "last_error")

    # ---- access that ends ---

    def test_revoked_access_asks_the_owner_once_and_then_catches_up_in_full(
        self, mirror, filled, at, fetched
    ):
        """ClientSuccess catches up 24 hours only."""
        box, owner, refs = filled
        at.revoke(box)

        mirror.sync(box)
        assert mirror.mailbox(box, "state") == "needs_login"
        assert mirror.mailbox(box, "last_error") in ("access_revoked", "sign_in_again")
        assert mirror.activities(box) == 1
        at.clear()
        mirror.sync(box)
        assert not at.requests(), "it is tried on"
        assert mirror.by_state(box) == {"mirrored": 10}, "nothing is known to be gone"

        owner.expunge("INBOX", refs[0], refs[1])
        owner.move("INBOX", refs[2], "Trash")
        owner.move("INBOX", refs[3], "Archive")
        for number in range(30, 40):
            owner.append("INBOX", raw(number, mirror.at("client"), box.email))
        at.consent(box)
        assert mirror.mailbox(box, "state") == "active"
        assert mirror.activities(box) == 0
        passes(mirror, box)

        assert mirror.mirrored(box) == true_ids(owner)
        assert mirror.places(box) == owner.truth(IGNORED)
        assert len(fetched) == 10

    def test_access_that_is_renewed_is_saved_for_the_next_run(self, mirror, filled, at):
        box, owner, _refs = filled
        secrets = set()
        for number in range(60, 63):
            owner.append("INBOX", raw(number, mirror.at("client"), box.email))
            at.expire_access(box)
            passes(mirror, box, 1)
            with mirror.env() as env:
                credentials = env["crm.mail.mirror.credential"]
                secrets.add(credentials._read_secret(box.id))

        assert len(secrets) == 3, "the renewed secret was not saved"
        assert mirror.mirrored(box) == true_ids(owner)

    def test_no_run_asks_for_a_token_while_there_is_one(self, mirror, filled, at):
        box, _owner, _refs = filled
        at.clear()

        passes(mirror, box, 3)

        assert not [line for line in at.authority.requests() if "/token" in line]

    def test_client_that_is_refused_waits_for_the_administrator(
        self, mirror, filled, at
    ):
        box, owner, _refs = filled
        at.register(secret="wrong")
        at.expire_access(box)

        mirror.sync(box)
        assert mirror.mailbox(box, "state") == "error"
        assert mirror.mailbox(box, "last_error") == "client_refused"

        at.register()
        with mirror.env() as env:
            env["crm.mail.mirror.mailbox"]._resume_client(at.kind)
        owner.append("INBOX", raw(60, mirror.at("client"), box.email))
        mirror.sync(box, due=False)
        assert mirror.mirrored(box) == true_ids(owner)

    def test_another_client_starts_no_mailbox_that_nobody_started(self, mirror, at):
        """Each is connected anew; what was paused stays so until its owner goes on."""
        (new, _), (paused, _) = at.link("nora", start=False), at.link("pia")
        going, _owner = at.link("gus")
        with mirror.env(paused.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(paused.id).action_pause()

        with mirror.env() as env:
            env["crm.mail.mirror.client"]._of(at.kind).client_id = "another"
        states = [mirror.mailbox(box, "state") for box in (new, paused, going)]
        told = [mirror.activities(box) for box in (new, paused, going)]
        at.register()
        at.consent(new, start=False)
        at.consent(going)

        assert states == ["draft", "paused", "needs_login"]
        assert told == [1, 0, 1]
        assert mirror.mailbox(new, "state") == "ready"
        assert mirror.mailbox(going, "state") == "active"

    def test_provider_that_is_switched_off_reads_nothing(self, mirror, filled, at):
        box, _owner, _refs = filled
        with mirror.env() as env:
            env["crm.mail.mirror.client"]._of(at.kind).enabled = False
        at.clear()

        mirror.sync(box)

        assert not at.requests()
        assert mirror.mailbox(box, "last_error") == "client_missing"
        assert mirror.by_state(box) == {"mirrored": 10}
        at.register()

    # ---- bad days ---

    def test_provider_that_asks_to_wait_is_obeyed(self, mirror, filled, at):
        box, owner, _refs = filled
        owner.append("INBOX", raw(60, mirror.at("client"), box.email))
        at.fail(429, times=1000, retry_after=900)

        mirror.sync(box)

        assert mirror.mailbox(box, "last_error") == "throttled"
        assert mirror.mailbox(box, "state") == "active"
        ((wait,),) = mirror.sql(
            """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')::float
                 FROM crm_mail_mirror_mailbox WHERE id = %s""",
            box.id,
        )
        assert 800 < wait < 1300
        at.clear()
        at.time_passes()
        passes(mirror, box)
        assert mirror.mirrored(box) == true_ids(owner)

    @pytest.mark.parametrize("status", [500, 503])
    def test_server_errors_lose_nothing(self, mirror, filled, at, status):
        box, owner, _refs = filled
        for number in range(60, 66):
            owner.append("INBOX", raw(number, mirror.at("client"), box.email))

        for times in (1, 3, 50):
            at.fail(status, times=times)
            mirror.sync(box)
            mirror.check(box)
            at.clear()
            assert mirror.mailbox(box, "state") == "active"
        passes(mirror, box)

        assert mirror.mirrored(box) == true_ids(owner)
        assert mirror.by_state(box) == {"mirrored": 16}

    def test_nothing_secret_or_of_a_mail_is_in_the_log(self, mirror, at, caplog):
        caplog.set_level(logging.DEBUG)
        box, owner = at.link()
        mirror.contact("client")
        owner.append(
            "INBOX",
            raw(1, mirror.at("client"), box.email, subject="hush-1", text="hush-2"),
        )
        owner.append("INBOX", raw(2, mirror.at("hush-3"), box.email, subject="hush-4"))
        at.expire_access(box)
        passes(mirror, box)
        at.revoke(box)
        mirror.sync(box)
        with mirror.env() as env:
            secret = env["crm.mail.mirror.credential"]._read_secret(box.id)

        # Odoo's log of SQL is all that goes into the database, mirrored mail too
        said = [r.getMessage() for r in caplog.records if r.name != "odoo.sql_db"]
        assert "hush-" not in "\n".join(said)
        assert at.authority.client_secret not in caplog.text
        for token in at.tokens(secret):
            assert token not in caplog.text

    def test_no_token_and_nothing_of_mail_that_is_not_mirrored_is_in_the_database(
        self, mirror, at, sync_database, postgres
    ):
        """In clear, that is: the whole dump is searched."""
        box, owner = at.link()
        mirror.contact("client")
        client, stranger = mirror.at("client"), mirror.at("stranger-hush-hush-1")
        planted = [
            (f"Xavier-hush-hush-2 <{stranger}>", "Subject-hush-hush-3", {}),
            (client, "perso Subject-hush-hush-4", {}),
            (client, "Subject-hush-hush-5", {"sensitivity": "Private"}),
            (client, "Subject-hush-hush-6", {"list_unsubscribe": "<https://l.test>"}),
        ]
        for number, (sender, subject, headers) in enumerate(planted):
            letter = raw(
                *(number, sender, box.email),
                subject=subject,
                text=f"secret-hush-hush-{number}0",
                message_id=f"<id-hush-hush-{number}1@planted.test>",
                **headers,
            )
            owner.append("INBOX", letter)
        owner.append("INBOX", raw(8, client, box.email, subject="Open-to-see"))
        at.expire_access(box)
        passes(mirror, box)
        assert mirror.by_state(box) == {"mirrored": 1, "excluded": 3, "unmatched": 1}
        with mirror.env() as env:
            secret = env["crm.mail.mirror.credential"]._read_secret(box.id)

        dump = subprocess.run(
            [database.binaries()[0] / "pg_dump", "--inserts", sync_database],
            env={**os.environ, **postgres.env()},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

        assert "Open-to-see" in dump
        assert [line[:300] for line in dump.splitlines() if "hush-hush-" in line] == []
        for token in (*at.tokens(secret), at.authority.client_secret):
            assert token not in dump

    # ---- broken off ---

    @pytest.fixture
    def live(self, mirror, at, small_parts):
        def begin(seed):
            box, owner = at.link()
            mirror.contact("client")
            life = PlainLife(
                owner, seed, box.email, mirror.at("client"), mirror.at("stranger")
            )
            return box, life

        return begin

    def settle(self, mirror, box, life):
        for _ in range(4):
            mirror.sync(box)
            mirror.check(box)
        wanted = life.wanted()
        assert mirror.places(box) == wanted
        # a copy of a mail is a mail of its own at Microsoft, a label at Google
        assert mirror.mirrored(box) == sorted(each[2] for each in wanted)
        assert not mirror.mailbox(box, "last_error")

    def test_kill_9_during_an_import_loses_and_doubles_nothing(
        self, mirror, at, box_owner, worker
    ):
        box, owner = box_owner
        mirror.contact("client")
        for number in range(240):
            local = "client" if number % 3 else "stranger"
            owner.append("INBOX", raw(number, mirror.at(local), box.email))
        at.expire_access(box)
        work, moment, seen = worker(box), random.Random(), []

        for kill in range(1, 4):
            mirror.make_due(box)
            work.start()
            deadline = time.monotonic() + 30
            while sum(mirror.by_state(box).values()) < 60 * (kill - 1):
                assert time.monotonic() < deadline, "the worker does not go on"
            time.sleep(moment.uniform(0, 0.3))
            if work.kill() != -signal.SIGKILL:
                break  # it was done before
            mirror.check(box)
            seen.append(sum(mirror.by_state(box).values()))
            assert mirror.mailbox(box, "state") == "active"
        assert seen, "it was done before it was killed once"
        assert seen == sorted(seen), "what was committed went again"
        mirror.make_due(box)
        work.start()
        assert work.end() == 0

        wanted = {f"<{n}@{mirror.domain}>" for n in range(240) if n % 3}
        assert mirror.mirrored(box) == sorted(wanted), seen
        assert mirror.by_state(box) == {"mirrored": 160, "unmatched": 80}
        mirror.check(box)

    @pytest.mark.parametrize("part", range(3))
    def test_crash_at_every_edge_of_a_page_loses_and_doubles_nothing(
        self, mirror, live, part, monkeypatch
    ):
        box, life = live(seed=part)
        life.go_on(15)
        mirror.sync(box)

        for edge in ALL_EDGES[part::3]:
            if edge[1] == "_unknown" and not self.is_bare:
                continue
            life.go_on(3)
            for _ in range(3):
                life.arrive("INBOX")
            crashed = False
            with monkeypatch.context() as broken:
                break_off(broken, mirror.registry, edge)
                for _ in range(2):
                    try:
                        mirror.sync(box)
                    except Crash:
                        crashed = True
                    mirror.check(box)
            seldom = edge[1] in (*SELDOM, "_void_generations")
            assert crashed or seldom, f"{edge} was never passed"

        self.settle(mirror, box, life)

    @pytest.mark.parametrize("seed", range(int(os.environ.get("HISTORIES", "4"))))
    def test_random_history_with_crashes_ends_where_the_server_is(
        self, mirror, at, live, during, seed, monkeypatch
    ):
        """Also while it is read; cursors are forgotten, tokens expire."""
        box, life = live(seed)
        chance = random.Random(seed)
        during.append(lambda: chance.random() < 0.2 and life.go_on())
        life.go_on(20)

        for _ in range(10):
            life.go_on(chance.randrange(6))
            if chance.random() < 0.15:
                at.forget(box)
            if chance.random() < 0.15:
                at.expire_access(box)
            if chance.random() < 0.15:
                at.fail(chance.choice([429, 500, 503]), retry_after=1)
            with monkeypatch.context() as broken:
                if chance.random() < 0.6:
                    edge = chance.choice(ALL_EDGES)
                    break_off(broken, mirror.registry, edge, chance.randrange(1, 4))
                try:
                    mirror.sync(box)
                except Crash:
                    pass
            mirror.check(box)

        during.clear()
        at.clear()
        self.settle(mirror, box, life)
