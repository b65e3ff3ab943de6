"""Two things at once, met at the borders of a page: pull, decide, read, write, release.

What stands at a border is called there by the mailbox in memory (``server.before``) or
by a patched step of the writer; nothing here waits for time to pass.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sync.mirror import LONG


def waits_for_lock(mirror, kind):
    """Until some session of this database waits for a lock of this kind."""
    for _ in range(3000):
        if mirror.sql(
            """SELECT 1 FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                  AND wait_event = %s""",
            kind,
        ):
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"nobody waits for {kind}")


def pause_at(monkeypatch, owner, step, after=False):
    """The first call of a step stops: ``(it is there, it may go on)``."""
    there, go_on, real = threading.Event(), threading.Event(), getattr(owner, step)

    def paused(self, *args, **kwargs):
        result = real(self, *args, **kwargs) if after else None
        if not there.is_set():
            there.set()
            assert go_on.wait(LONG)
        return result if after else real(self, *args, **kwargs)

    monkeypatch.setattr(owner, step, paused)
    return there, go_on


# ---- what people save while a page is on its way ---


def test_contact_saved_between_decision_and_writing_gets_its_mail(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    server.put(lib.mail(2, mirror.at("late"), box.email))
    saved = []
    server.before["fetch"] = lambda n: n == 1 and saved.append(mirror.contact("late"))

    mirror.sync(box)

    assert len(mirror.shown_on(saved[0], box.user_id)) == 1
    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


def test_contact_deleted_between_decision_and_writing_keeps_no_mail(
    mirror, lib, server
):
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))

    def delete(_calls):
        with mirror.env() as env:
            env["res.partner"].browse(partner).exists().unlink()

    server.before["fetch"] = delete
    mirror.sync(box)
    assert not mirror.by_state(box)
    mirror.look_again()
    mirror.sync(box)

    assert mirror.by_state(box) == {"unmatched": 1}
    mirror.check(box)


@pytest.mark.parametrize("whose", ["owner", "company"])
@pytest.mark.parametrize("kind", ["address", "domain", "word"])
def test_exclusion_saved_between_decision_and_writing_counts(
    mirror, lib, server, kind, whose
):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email, subject="Zebra plan"))
    value = {"address": mirror.at("client"), "domain": mirror.domain, "word": "zebra"}
    user = box.user_id if whose == "owner" else False

    def exclude(calls):
        if calls == 1:
            rule = {"kind": kind, "value": value[kind], "user_id": user}
            with mirror.env() as env:
                env["crm.mail.mirror.exclusion"].create(rule)

    server.before["fetch"] = exclude
    try:
        mirror.sync(box)
        assert mirror.by_state(box)["mirrored"] == 0
        mirror.sync(box)
        assert mirror.by_state(box) == {"excluded": 1}
        mirror.check(box)
    finally:
        with mirror.env() as env:
            rules = env["crm.mail.mirror.exclusion"]
            rules.search([("value", "=", value[kind])]).unlink()


def test_rule_changed_under_a_page_means_a_look_within_seconds(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    server.before["fetch"] = lambda n: (
        n == 1 and mirror.write("crm.mail.mirror.mailbox", box.id, mode="one_way")
    )

    mirror.sync(box)

    ((wait,),) = mirror.sql(
        """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')
             FROM crm_mail_mirror_mailbox WHERE id = %s""",
        box.id,
    )
    assert wait < 5
    mirror.sync(box)
    assert mirror.states(box) == {("excluded", "one_way"): 1}


def test_sharing_and_level_changed_under_a_page_count_at_once(mirror, lib, server):
    box = mirror.link(server=server, sharing_in="everything")
    partner = mirror.contact("client")
    colleague = mirror.user("bert", mirror_visibility="4")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    server.before["fetch"] = lambda n: (
        n == 1
        and mirror.write("crm.mail.mirror.mailbox", box.id, sharing_in="metadata")
    )

    mirror.sync(box)

    assert mirror.shown_on(partner, box.user_id) == ["Mail 1"]
    assert mirror.shown_on(partner, colleague) == [""]
    mirror.write("res.users", colleague, mirror_visibility="0")
    assert mirror.shown_on(partner, colleague) == []


def test_mailbox_paused_under_a_page_writes_no_more(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))

    def pause(_calls):
        with mirror.env(box.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).action_pause()

    server.before["fetch"] = pause
    mirror.sync(box)

    assert mirror.states(box) == {}
    assert mirror.mailbox(box, "state") == "paused"


def test_mailbox_removed_under_a_page_leaves_nothing(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*[lib.mail(n, mirror.at("client"), box.email) for n in range(3)])

    def unlink(_calls):
        with mirror.env() as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).exists().unlink()

    server.before["fetch"] = unlink
    mirror.sync(box)

    assert mirror.states(box) == {}
    mirror.check(box)


def test_look_asked_for_during_a_run_is_not_forgotten(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))

    def ask(calls):
        if calls == 1:
            server.put(lib.mail(2, mirror.at("client"), box.email))
            with mirror.env(box.user_id) as env:
                env["crm.mail.mirror.mailbox"].browse(box.id).action_sync_now()

    server.before["fetch"] = ask
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}


def test_row_removed_while_its_mail_came_back_is_made_again(
    mirror, lib, server, monkeypatch
):
    """Known when it was judged; the owner had it removed before it was written."""
    box = mirror.link(server=server)
    mirror.contact("client")
    letter = lib.mail(1, mirror.at("client"), box.email)
    other = lib.mail(2, mirror.at("client"), box.email)
    (ref,) = server.put(letter)
    mirror.sync(box)
    server.put(other)
    server.move(ref, "Archive")

    def remove(calls):
        if calls == 2:
            # as when its owner confirms what the brake hid
            for table in ("day", "copy"):
                mirror.sql(
                    f"DELETE FROM crm_mail_mirror_{table} WHERE mailbox_id = %s", box.id
                )
            mirror.sql(
                """DELETE FROM crm_mail_mirror_message m WHERE NOT EXISTS (
                     SELECT 1 FROM crm_mail_mirror_copy c WHERE c.message_id = m.id)"""
            )

    server.before["fetch"] = remove
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


# ---- workers ---


def test_mailbox_held_by_a_worker_is_claimed_by_no_other(mirror, lib, server):
    box = mirror.link(server=server)
    server.put(lib.mail(1, mirror.at("client"), box.email))
    others = []
    server.before["pull"] = lambda _n: others.append(mirror.sync(box, due=False))

    mirror.make_due(box)
    mirror.sync(box, due=False)

    assert server.calls["connect"] == server.calls["pull"] == 1
    mirror.check(box)


def test_two_workers_share_the_mailboxes_and_none_is_mirrored_twice(
    mirror, lib, together
):
    servers = [lib.Server() for _ in range(6)]
    boxes = [mirror.link(f"user{n}", each) for n, each in enumerate(servers)]
    mirror.contact("client")
    for box, server in zip(boxes, servers, strict=True):
        server.put(*[lib.mail(n, mirror.at("client"), box.email) for n in range(5)])
    mirror.make_due(*boxes)
    start = threading.Barrier(3)

    def work():
        start.wait(LONG)
        return mirror.sync(*boxes, due=False)

    together(work, work, work)

    assert [server.calls["connect"] for server in servers] == [1] * 6
    assert all(mirror.by_state(box) == {"mirrored": 5} for box in boxes)
    mirror.check(*boxes)


def test_late_worker_whose_lease_ran_out_writes_nothing(
    mirror, lib, server, together, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync

    # else the late one itself may take the mailbox up again
    monkeypatch.setattr(crm_mail_mirror_sync, "POOL", 1)
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(*[lib.mail(n, mirror.at("client"), box.email) for n in range(5)])
    late, go_on = threading.Event(), threading.Event()

    def border(calls):
        if calls == 1:
            late.set()
            assert go_on.wait(LONG)

    server.before["fetch"] = border

    def another():
        assert late.wait(LONG)
        mirror.sync(box)  # makes it due: the lease ran out
        assert mirror.by_state(box) == {"mirrored": 5}
        server.remove(refs[0])
        mirror.sync(box)
        assert mirror.mailbox(box, "pass_no") == 2
        before = mirror.sql(
            """SELECT cursor::text, cursor_seq, pass_no, next_sync_at
                 FROM crm_mail_mirror_mailbox WHERE id = %s""",
            box.id,
        )
        go_on.set()
        return before

    _due, before = together(lambda: mirror.sync(box), another)

    after = mirror.sql(
        """SELECT cursor::text, cursor_seq, pass_no, next_sync_at
             FROM crm_mail_mirror_mailbox WHERE id = %s""",
        box.id,
    )
    assert before == after, "the late worker moved the cursor or gave the mailbox back"
    assert mirror.by_state(box) == {"mirrored": 5}, "one of them is an orphan"
    mirror.check(box)


@pytest.mark.parametrize("stale", ["token", "cursor_seq", "policy_seq"])
def test_page_under_a_stale_lease_is_fenced(mirror, lib, server, stale):
    from odoo.addons.crm_mail_mirror.models.lease import Fenced, Page

    box = mirror.link(server=server)
    mirror.sync(box)
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox SET lease_token = 'mine',
                  lease_until = now() + interval '1 hour' WHERE id = %s""",
        box.id,
    )
    with mirror.env() as env:
        lease = env["crm.mail.mirror.mailbox"].browse(box.id)._lease("mine", "")
        env["crm.mail.mirror.page"]._store(lease, Page([]))
        setattr(lease, stale, "another" if stale == "token" else 99)
        with pytest.raises(Fenced):
            env["crm.mail.mirror.page"]._store(lease, Page([]))


def test_colleagues_import_the_same_mails_at_once(mirror, lib, together, monkeypatch):
    from random import Random

    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=50, seconds=20))
    servers = [lib.Server() for _ in range(4)]
    boxes = [mirror.link(f"user{n}", each) for n, each in enumerate(servers)]
    for number in range(25):
        mirror.contact(f"client{number}")
    everybody = " ".join(box.email for box in boxes)
    mails = [
        lib.mail(number, mirror.at(f"client{number % 25}"), everybody)
        for number in range(500)
    ]
    for number, server in enumerate(servers):
        Random(number).shuffle(mails)
        server.put(*mails)
    mirror.make_due(*boxes)
    before = deadlocks(mirror)
    start = threading.Barrier(4)

    def work(box):
        start.wait(LONG)
        mirror.sync(box, due=False)

    together(*[lambda box=box: work(box) for box in boxes])

    assert [mirror.by_state(box) for box in boxes] == [{"mirrored": 500}] * 4
    rows = mirror.sql(
        """SELECT count(*), count(DISTINCT message_id), count(DISTINCT body_id)
             FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s)""",
        [box.id for box in boxes],
    )
    assert rows == [(2000, 500, 500)]
    ((people,),) = mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_participant WHERE message_id IN (
             SELECT message_id FROM crm_mail_mirror_copy WHERE mailbox_id = %s)""",
        boxes[0].id,
    )
    assert people == 500 * 5, "participants are there once"
    assert not any(mirror.mailbox(box, "last_error") for box in boxes)
    assert deadlocks(mirror) == before
    mirror.check(*boxes)


def deadlocks(mirror):
    mirror.sql("SELECT pg_stat_clear_snapshot()")
    ((count,),) = mirror.sql(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return count


# ---- the last copy goes while another comes ---


@pytest.fixture
def shared(mirror, lib):
    """Anna's mailbox with a mail that is about to go; Bert's, where it just came."""
    one, two = lib.Server(), lib.Server()
    anna, bert = mirror.link("anna", one), mirror.link("bert", two)
    mirror.contact("client")
    letter = lib.mail(1, mirror.at("client"), f"{anna.email} {bert.email}")
    (ref,) = one.put(letter)
    mirror.sync(anna)
    one.remove(ref)
    mirror.sync(anna)
    two.put(letter)
    mirror.make_due(anna, bert)
    return anna, bert


@pytest.mark.parametrize("step", ["_forget_unseen", "_move_cursor"])
def test_forgetting_a_message_while_a_copy_of_it_is_written(
    mirror, page, shared, together, monkeypatch, step
):
    """Anna's page deleted the last copy, uncommitted, when Bert's page brings one."""
    anna, bert = shared
    there, go_on = pause_at(monkeypatch, page, step)

    def second():
        assert there.wait(LONG)
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(mirror.sync, bert, due=False)
            if step == "_forget_unseen":
                written.result(LONG)
            else:
                waits_for_lock(mirror, "transactionid")
            go_on.set()
            written.result(LONG)

    together(lambda: mirror.sync(anna, due=False), second)

    assert mirror.by_state(anna) == {}
    assert mirror.by_state(bert) == {"mirrored": 1}
    mirror.check(anna, bert)


@pytest.mark.parametrize("step", ["_keep_texts", "_insert_copies", "_move_cursor"])
def test_writing_a_copy_while_its_message_is_forgotten(
    mirror, page, shared, together, monkeypatch, step
):
    """Bert's page holds the message, uncommitted, when Anna's page deletes its last."""
    anna, bert = shared
    there, go_on = pause_at(monkeypatch, page, step, after=step == "_keep_texts")

    def second():
        assert there.wait(LONG)
        with ThreadPoolExecutor(1) as pool:
            forgotten = pool.submit(mirror.sync, anna, due=False)
            waits_for_lock(mirror, "transactionid")
            go_on.set()
            forgotten.result(LONG)

    together(lambda: mirror.sync(bert, due=False), second)

    assert mirror.by_state(anna) == {}
    assert mirror.by_state(bert) == {"mirrored": 1}
    mirror.check(anna, bert)


# ---- the outbox ---


def test_outbox_waits_for_the_page_that_decided_without_it(
    mirror, lib, server, page, together, monkeypatch
):
    """A contact is saved and looked for while the page, decided before, is open."""
    box = mirror.link(server=server)
    server.put(lib.mail(1, mirror.at("late"), box.email))
    there, go_on = pause_at(monkeypatch, page, "_move_cursor")

    def second():
        assert there.wait(LONG)
        mirror.contact("late")
        with ThreadPoolExecutor(1) as pool:
            looked = pool.submit(mirror.look_again)
            waits_for_lock(mirror, "advisory")
            go_on.set()
            looked.result(LONG)

    together(lambda: mirror.sync(box), second)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 1}
    mirror.check(box)


def test_contact_that_was_never_committed_brings_no_mail(mirror, lib, server):
    box = mirror.link(server=server)
    server.put(lib.mail(1, mirror.at("never"), box.email))
    mirror.sync(box)

    with pytest.raises(ZeroDivisionError), mirror.env() as env:
        env["res.partner"].create({"name": "Never", "email": mirror.at("never")})
        raise ZeroDivisionError
    mirror.look_again()

    assert mirror.by_state(box) == {"unmatched": 1}
