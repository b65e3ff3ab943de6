# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mail that is told by its place alone: asked for once, and passed by no cursor before.

A mailbox in memory that lists as Gmail does.
"""

import itertools
import os
import random
import threading
from collections import Counter
from datetime import timedelta

import pytest

from tests.sync.history import EDGES, Crash, break_off
from tests.sync.mirror import LONG
from tests.sync.test_sync_crash import SELDOM
from tests.sync.test_sync_pages import failures, letters, retry


@pytest.fixture
def bare(server):
    server.bare = True
    return server


@pytest.fixture
def time_is_up(mirror, monkeypatch):
    """``time_is_up()``: from now on the run begins nothing new."""
    import time
    from types import SimpleNamespace

    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync as sync

    ahead = [0]
    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + ahead[0], sleep=time.sleep
    )
    monkeypatch.setattr(sync, "time", clock)
    monkeypatch.setattr(sync, "SILENCE", 10_000)

    def jump(seconds=1_000):
        ahead[0] += seconds

    return jump


def ids(mails):
    return {each.envelope.message_id for each in mails}


def test_each_mail_is_asked_for_once_and_lands_as_if_it_had_been_listed(
    mirror, lib, bare, small_parts
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    wanted = letters(lib, mirror, box, 10)
    others = letters(lib, mirror, box, 9, "stranger", 50)
    bare.put(*wanted, *others)

    mirror.sync(box)

    assert mirror.mirrored(box) == sorted(ids(wanted))
    assert mirror.by_state(box) == {"mirrored": 10, "unmatched": 9}
    assert bare.asked == dict.fromkeys(ids(wanted + others), 1)
    days = {day for (day,) in mirror.sql(
        "SELECT received_at::date FROM crm_mail_mirror_copy WHERE mailbox_id = %s",
        box.id,
    )}  # fmt: skip
    assert days == {lib.NOON.date()}
    mirror.check(box)


def test_known_mail_that_is_listed_again_costs_nothing(mirror, lib, bare, small_parts):
    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 12)
    refs = bare.put(*mails)
    mirror.sync(box)

    # what went meanwhile is told by nobody: the journal is cut
    bare.remove(refs[4])
    bare.journal = [step for step in bare.journal if step[0] == "+"]
    bare.expired = True
    bare.put(*letters(lib, mirror, box, 1, start=80))
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.by_state(box) == {"mirrored": 12}
    assert set(bare.asked.values()) == {1} and len(bare.asked) == 13


def test_moved_mail_is_not_asked_for_again(mirror, lib, bare):
    box = mirror.link(server=bare)
    mirror.contact("client")
    (ref,) = bare.put(*letters(lib, mirror, box, 1))
    mirror.sync(box)

    bare.move(ref, "Archive")
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)

    assert {folder for folder, _uid, _id in mirror.places(box)} == {"Archive"}
    assert set(bare.asked.values()) == {1}


def test_run_that_ends_inside_a_page_goes_on_there_and_asks_nothing_twice(
    mirror, lib, bare, small_parts, time_is_up
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 7)
    bare.put(*mails)
    bare.before["envelopes"] = lambda _calls: time_is_up()

    seen = []
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
        seen.append(mirror.by_state(box)["mirrored"])
        assert (mirror.mailbox(box, "cursor") or {}).get("at") == (
            7 if seen[-1] == 7 else None
        ), "the cursor passed mail that was not decided"

    assert seen == [3, 6, 7]
    assert bare.asked == dict.fromkeys(ids(mails), 1)


def test_page_of_which_a_part_is_stored_is_due_at_once(
    mirror, lib, bare, small_parts, time_is_up
):
    box = mirror.link(server=bare)
    bare.put(*letters(lib, mirror, box, 7))
    bare.before["envelopes"] = lambda calls: calls == 1 and time_is_up()

    assert mirror.sync(box) == 1
    assert mirror.mailbox(box, "progress_total") == 7
    assert mirror.mailbox(box, "progress_done") == 3


def test_mail_deleted_between_listing_and_asking_leaves_nothing(
    mirror, lib, bare, small_parts
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    refs = bare.put(*letters(lib, mirror, box, 7))
    bare.before["envelopes"] = lambda calls: calls == 1 and bare.remove(refs[1])

    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.by_state(box) == {"mirrored": 6}


def test_mail_whose_envelope_fails_is_set_aside_alone_and_tried_again(
    mirror, lib, bare, small_parts
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 7)
    mails[1].errors["envelopes"] = lib.base.MessageBroken("message_refused")
    bare.put(*mails)

    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 6, "failed": 1}
    assert failures(mirror, box) == [("failed", "message_refused", 1, 1)]
    ((today,),) = mirror.sql(
        """SELECT received_at::date = (now() AT TIME ZONE 'UTC')::date
             FROM crm_mail_mirror_copy WHERE mailbox_id = %s AND state = 'failed'""",
        box.id,
    )
    assert today, "nobody knows of which day it is"
    mirror.check(box)
    retry(mirror, box)
    assert failures(mirror, box) == [("failed", "message_refused", 2, 5)]
    mirror.check(box)

    mails[1].errors.clear()
    retry(mirror, box)
    assert mirror.mirrored(box) == sorted(ids(mails))
    assert mirror.sql(
        """SELECT DISTINCT day FROM crm_mail_mirror_day
            WHERE mailbox_id = %s AND count != 0""",
        box.id,
    ) == [(lib.NOON.date(),)]
    mirror.check(box)


def test_provider_that_says_nothing_of_a_mail_does_not_lose_it(
    mirror, lib, bare, monkeypatch
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 3)
    bare.put(*mails)
    real = lib.Connection.envelopes

    with monkeypatch.context() as broken:
        broken.setattr(
            lib.Connection,
            "envelopes",
            lambda self, places: itertools.islice(real(self, places), 2),
        )
        mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 2, "failed": 1}

    retry(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 3}
    mirror.check(box)


def test_mail_that_turns_out_to_be_too_old_leaves_no_row(mirror, lib, bare):
    box = mirror.link(server=bare, sync_from=lib.NOON.date())
    mirror.contact("client")
    old, broken, new = letters(lib, mirror, box, 3)
    old.received_at -= timedelta(days=1)
    broken.received_at -= timedelta(days=1)
    broken.errors["envelopes"] = lib.base.MessageBroken("message_refused")
    (ref, *_others) = bare.put(old, broken, new)
    # one that is told twice in a page must not be waited for
    bare.journal.append(bare.journal[0])

    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 1, "failed": 1}
    assert bare.calls["pull"] == 1

    broken.errors.clear()
    retry(mirror, box)
    assert mirror.states(box) == {("mirrored", "contact"): 1}
    mirror.check(box)


def test_mail_that_waits_to_be_read_is_not_asked_for_where_it_is_found_again(
    mirror, lib, bare
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    (letter,) = letters(lib, mirror, box, 1)
    letter.errors["fetch"] = lib.base.MessageBroken("message_broken")
    (ref,) = bare.put(letter)
    mirror.sync(box)

    bare.move(ref, "Archive")
    mirror.sync(box)
    assert bare.asked.total() == 1
    mirror.check(box)

    letter.errors.clear()
    retry(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 1}
    assert {folder for folder, _uid, _id in mirror.places(box)} == {"Archive"}
    mirror.check(box)


def test_long_queue_is_asked_for_in_bites_until_time_is_up(
    mirror, lib, bare, small_parts, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    box = mirror.link(server=bare)
    bare.put(*letters(lib, mirror, box, 8, "late"))
    mirror.sync(box)
    mirror.contact("late")
    mirror.look_again()
    bare.calls.clear()
    bare.asked.clear()
    left = []
    bare.before["connect"] = lambda _calls: left.append(mirror.by_state(box)["queued"])

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=7, seconds=-1))
    mirror.sync(box)

    assert left == [8, 5, 2], "a run took more than a bite"
    assert bare.calls["envelopes"] == 3 and set(bare.asked.values()) == {1}
    assert mirror.by_state(box) == {"mirrored": 8}
    mirror.check(box)


def test_quota_that_is_used_up_inside_a_page_keeps_what_was_read(
    mirror, lib, bare, small_parts
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 7)
    bare.put(*mails)

    def throttle(calls):
        if calls == 2:
            raise lib.base.Throttled(retry_after=300)

    bare.before["envelopes"] = throttle
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 3}
    assert mirror.mailbox(box, "last_error") == "throttled"
    assert mirror.mailbox(box, "failure_count") == 0, "to be told to wait is no failure"
    mirror.check(box)

    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 7}
    assert bare.asked == dict.fromkeys(ids(mails), 1)


def test_envelope_that_always_hangs_is_asked_for_in_smaller_bites(mirror, lib, bare):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Unavailable

    box = mirror.link(server=bare)
    mirror.contact("client")
    bare.put(*letters(lib, mirror, box, 9))
    real, asked = lib.Connection.envelopes, []

    def hangs_when_asked_for_much(self, places):
        asked.append(len(places))
        if len(places) > 3:
            raise Unavailable("timeout")
        return real(self, places)

    lib.Connection.envelopes = hangs_when_asked_for_much
    try:
        for _run in range(3):
            mirror.sync(box)
    finally:
        lib.Connection.envelopes = real

    assert asked == [9, 9, 3, 3, 3]
    assert mirror.by_state(box) == {"mirrored": 9}


def test_page_of_known_places_is_a_handful_of_queries(mirror, lib, bare, page):
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_sync import (
        CrmMailMirrorSync,
    )

    box = mirror.link(server=bare)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 250)
    bare.put(*mails)
    mirror.sync(box)
    before = Counter(bare.calls)

    # all of them move: one page that tells 250 places without envelope
    queries, real = [], CrmMailMirrorSync._in_transaction

    def counted(self, work, *attempts):
        def count(env):
            asked = env.cr.sql_log_count
            result = work(env)
            queries.append(env.cr.sql_log_count - asked)
            return result

        return real(self, count, *attempts)

    for folder, ref in list(bare.mails):
        bare.mails["Archive", ref] = bare.mails.pop((folder, ref))
        bare.journal.append(("+", "Archive", "1", ref))
    CrmMailMirrorSync._in_transaction = counted
    try:
        mirror.sync(box)
    finally:
        CrmMailMirrorSync._in_transaction = real

    assert bare.calls["pull"] == before["pull"] + 1
    assert bare.asked.total() == 250
    # a dozen of them read the rules, once there is something to decide
    assert sum(queries) < 45, queries
    assert {folder for folder, _uid, _id in mirror.places(box)} == {"INBOX", "Archive"}


# ---- broken off ---


class Life:
    """What happens in the mailbox; the same for the same seed."""

    def __init__(self, lib, server, mirror, box, seed):
        self.random = random.Random(seed)
        self.lib, self.server, self.mirror, self.box = lib, server, mirror, box
        self.number = 0

    def go_on(self, steps=1):
        for _ in range(steps):
            getattr(self, self.random.choice(self._WAYS))()

    _WAYS = ["arrive"] * 5 + ["move"] * 3 + ["remove"] * 2

    def arrive(self):
        local = "stranger" if self.number % 2 else "client"
        self.server.put(
            self.lib.mail(
                self.number, self.mirror.at(local), self.box.email,
                tag=self.mirror.domain,
            ),
            folder=self.random.choice(["INBOX", "INBOX", "Archive"]),
        )  # fmt: skip
        self.number += 1

    def _any(self):
        return self.random.choice(sorted(self.server.mails) or [(None, None)])

    def move(self):
        folder, ref = self._any()
        if ref:
            targets = [each for each in self.server.folders if each != folder]
            self.server.move(ref, self.random.choice(targets), folder)

    def remove(self):
        folder, ref = self._any()
        if ref:
            self.server.remove(ref, folder=folder)

    def wanted(self):
        return {
            (folder, ref, mail.envelope.message_id)
            for (folder, ref), mail in self.server.mails.items()
            if folder != "Trash"
            and mail.envelope.authors[0].email == self.mirror.at("client")
        }


def settle(mirror, box, life):
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
    assert mirror.places(box) == life.wanted()
    assert not mirror.mailbox(box, "last_error")


#: And between the parts of a page.
ALL_EDGES = [*EDGES, ("sync", "_unknown", "before"), ("sync", "_unknown", "after")]


@pytest.mark.parametrize("part", range(3))
def test_crash_at_every_edge_of_a_part_loses_and_doubles_nothing(
    mirror, lib, bare, small_parts, part, monkeypatch
):
    box = mirror.link(server=bare)
    mirror.contact("client")
    life = Life(lib, bare, mirror, box, seed=part)
    life.go_on(25)
    mirror.sync(box)

    for edge in ALL_EDGES[part::3]:
        for nth in (1, 2):
            life.go_on(4)
            for _ in range(5):
                life.arrive()
            crashed = False
            with monkeypatch.context() as broken:
                break_off(broken, mirror.registry, edge, nth)
                for _ in range(3):
                    try:
                        mirror.sync(box)
                    except Crash:
                        crashed = True
                    mirror.check(box)
            assert crashed or edge[1] in SELDOM, f"{edge} was never passed"

    settle(mirror, box, life)


@pytest.mark.parametrize("seed", range(int(os.environ.get("HISTORIES", "6"))))
def test_random_history_of_bare_places_with_crashes_ends_where_the_server_is(
    mirror, lib, bare, small_parts, seed, monkeypatch
):
    """Also while the mirror reads; cursors are refused and secrets rotate as well."""
    box = mirror.link(server=bare)
    mirror.contact("client")
    life, chance = Life(lib, bare, mirror, box, seed), random.Random(seed)
    with mirror.env() as env:
        bare.secret = env["crm.mail.mirror.credential"]._read_secret(box.id)
    bare.rotates = True
    for method in ("pull", "envelopes", "fetch", "confirm"):
        bare.before[method] = lambda _calls: chance.random() < 0.3 and life.go_on()
    life.go_on(30)

    for _ in range(12):
        life.go_on(chance.randrange(6))
        bare.expired = chance.random() < 0.2
        with monkeypatch.context() as broken:
            if chance.random() < 0.7:
                edge = chance.choice(ALL_EDGES)
                break_off(broken, mirror.registry, edge, chance.randrange(1, 4))
            try:
                mirror.sync(box)
            except Crash:
                pass
        mirror.check(box)

    bare.before.clear()
    for thread in threading.enumerate():
        if thread.name.startswith("mail-mirror"):
            # of a run that crashed: it may have the only valid secret
            thread.join(LONG)
    settle(mirror, box, life)
