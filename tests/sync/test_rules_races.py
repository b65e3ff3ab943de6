"""A rule that comes while mail is written, read or judged."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sync.mirror import LONG
from tests.sync.test_sync_races import pause_at


def test_rule_made_while_a_page_is_read_keeps_its_mail_out(
    mirror,
    lib,
    server,
    rule,
):
    """The page was judged under the rules before: it is decided again."""
    mailbox = mirror.link(server=server)
    mirror.contact("friend")
    server.put(lib.mail(1, mirror.at("friend"), mailbox.email, tag=mirror.domain))
    made = []

    def and_then(_count):
        if not made:
            made.append(rule("address", mirror.at("friend"), mailbox.user_id))

    server.before["fetch"] = and_then
    mirror.sync(mailbox)
    mirror.sync(mailbox)
    mirror.apply_changes()

    assert mirror.states(mailbox) == {("excluded", "excluded_address"): 1}
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_message WHERE internet_message_id = %s",
        f"<1.{mirror.domain}@mail.test>",
    )
    mirror.check(mailbox)


@pytest.mark.parametrize(
    "values", [{"mode": "one_way"}, {"aliases": "friend"}], ids=["mode", "aliases"]
)
def test_setting_saved_just_when_a_look_begins_holds_for_its_first_page(
    mirror, lib, server, monkeypatch, values
):
    """The stamp is of before the rules it stands for, so that they are read again."""
    box = mirror.link(server=server)
    mirror.contact("friend")
    server.put(lib.mail(1, mirror.at("friend"), box.email, tag=mirror.domain))
    if "aliases" in values:
        values = {"aliases": mirror.at("friend")}
    model = mirror.registry["crm.mail.mirror.mailbox"]
    real = model._connection

    def connection(self):
        monkeypatch.setattr(model, "_connection", real)
        mirror.write("crm.mail.mirror.mailbox", box.id, **values)
        return real(self)

    monkeypatch.setattr(model, "_connection", connection)
    mirror.sync(box)
    mirror.sync(box)

    assert not mirror.by_state(box)["mirrored"]
    assert mirror.seen(box) == 1
    mirror.check(box)


def test_rule_for_everybody_fences_a_page_and_locks_no_mailbox(
    mirror,
    lib,
    server,
    page,
    monkeypatch,
    together,
):
    """It is saved while a page holds the mailbox's row; that page is judged again."""
    mailbox = mirror.link(server=server)
    mirror.contact("friend")
    server.put(lib.mail(1, mirror.at("friend"), mailbox.email, tag=mirror.domain))
    held, saved = threading.Event(), threading.Event()
    made, real = [], page._write_mail

    def write_mail(self, *args):
        if not held.is_set():
            held.set()
            assert saved.wait(LONG), "the rule waited for the page"
        return real(self, *args)

    monkeypatch.setattr(page, "_write_mail", write_mail)

    def save():
        assert held.wait(LONG)
        with mirror.env() as env:
            values = {"kind": "address", "value": mirror.at("friend")}
            made.append(env["crm.mail.mirror.exclusion"].create(values).id)
        saved.set()

    together(lambda: mirror.sync(mailbox), save)
    # the page came first; the job takes away what it brought
    mirror.apply_changes()
    assert mirror.states(mailbox) == {("excluded", "excluded_address"): 1}
    mirror.check(mailbox)
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(made).unlink()
    mirror.apply_changes()


def test_contact_that_comes_while_mail_is_taken_away_is_not_missed(
    mirror,
    lib,
    clients,
    rule,
    monkeypatch,
):
    """Two that change at once: what is left is what both of them say."""
    review = mirror.registry["crm.mail.mirror.review"]
    real, met = review._apply, []

    def apply(self, *args, **kwargs):
        if not met:
            met.append(True)
            mirror.contact("stranger")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(review, "_apply", apply)
    made = rule("word", "café", clients.user_id)
    mirror.apply_changes()
    mirror.look_again()
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(made).unlink()
    mirror.apply_changes()
    mirror.sync(clients)
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 5}
    mirror.check(clients)


def test_job_that_dies_goes_on_where_it_was(mirror, clients, rule, monkeypatch):
    import pytest

    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_change_job

    change = mirror.registry["crm.mail.mirror.change"]
    few = crm_mail_mirror_change_job.Slice(2, most=2)
    monkeypatch.setattr(crm_mail_mirror_change_job, "SLICE", few)
    monkeypatch.setattr(crm_mail_mirror_change_job, "STEP", 3)
    real, calls = change._narrow, []

    def narrow(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return real(self, *args)

    monkeypatch.setattr(change, "_narrow", narrow)
    rule("domain", mirror.domain, clients.user_id)
    with pytest.raises(RuntimeError):
        mirror.apply_changes()
    assert mirror.by_state(clients) == {"mirrored": 3, "excluded": 2}
    mirror.check(clients)

    mirror.apply_changes()
    assert mirror.by_state(clients) == {"excluded": 5}
    mirror.check(clients)
    with mirror.env(clients.user_id) as env:
        told = env["crm.mail.mirror.change"].search(
            [("user_id", "=", clients.user_id)], limit=1
        )
        assert (told.removed, told.progress) == ("5", 100)


def test_second_rule_while_the_first_is_applied(mirror, clients, rule, monkeypatch):
    """Judged by the rules that are, not by those that were when it began."""
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_change_job

    one = crm_mail_mirror_change_job.Slice(1, most=1)
    monkeypatch.setattr(crm_mail_mirror_change_job, "SLICE", one)
    change = mirror.registry["crm.mail.mirror.change"]
    real, calls = change._narrow, []
    made = rule("address", mirror.at("client"), clients.user_id)

    def narrow(self, *args):
        calls.append(args)
        if len(calls) == 2:
            with mirror.env() as env:
                env["crm.mail.mirror.exclusion"].browse(made).unlink()
        return real(self, *args)

    monkeypatch.setattr(change, "_narrow", narrow)
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 5}
    mirror.check(clients)


def test_change_whose_successor_is_undone_is_applied_all_the_same(
    mirror, clients, rule
):
    rule("address", mirror.at("client"), clients.user_id)
    mirror.write("crm.mail.mirror.mailbox", clients.id, mode="one_way")
    with mirror.env() as env:
        changes = env["crm.mail.mirror.change"].search([], order="id desc", limit=2)
        later, first = changes.ids
        assert later > first
        changes._step(first)
    with mirror.env(clients.user_id) as env:
        env["crm.mail.mirror.change"].browse(later).action_undo()

    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 2, "excluded": 3}
    mirror.check(clients)


def compared(mirror, box):
    """All of a mailbox is compared, up to where it is judged; :return: what judges"""

    def judge():
        with mirror.env() as env:
            while env["crm.mail.mirror.sync"]._in_transaction(_audit_step):
                pass

    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        env["crm.mail.mirror.audit"]._ask(mailbox, "all", "owner")
    judge()
    mirror.sync(box)
    return judge


def _audit_step(env):
    return env["crm.mail.mirror.audit"]._step()


def erased(mirror, _box):
    """A person is erased; :return: what does it"""
    with mirror.env(2) as env:
        env["crm.mail.mirror.erasure"]._make([mirror.at("friend")])

    def erase():
        with mirror.env() as env:
            assert not env["crm.mail.mirror.erasure"]._run()

    return erase


def waits_or_is_done(mirror, future):
    for _ in range(3000):
        if future.done() or mirror.sql(
            """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                  AND cardinality(pg_blocking_pids(pid)) > 0"""
        ):
            return
        threading.Event().wait(0.01)
    raise AssertionError("it neither waits nor ends")


@pytest.mark.parametrize(
    ("begin", "state"),
    [(compared, "mirrored"), (erased, "excluded")],
)
def test_no_rule_is_removed_between_verdict_and_deed(
    mirror, lib, server, rule, monkeypatch, begin, state
):
    """It was judged by a rule that is removed, with all that follows, before the mail
    goes: it would go, or be called excluded, for a rule that is no more."""
    box = mirror.link(server=server)
    mirror.contact("friend")
    server.put(lib.mail(1, mirror.at("friend"), box.email))
    mirror.sync(box)
    act = begin(mirror, box)
    made = rule("address", mirror.at("friend"), box.user_id)
    judged, go_on = pause_at(
        monkeypatch, mirror.registry["crm.mail.mirror.review"], "_judge", after=True
    )

    def remove():
        with mirror.env() as env:
            env["crm.mail.mirror.exclusion"].browse(made).unlink()
        mirror.apply_changes()

    with ThreadPoolExecutor(2) as pool:
        acting = pool.submit(act)
        assert judged.wait(LONG)
        removing = pool.submit(remove)
        waits_or_is_done(mirror, removing)
        came_between = removing.done()
        go_on.set()
        acting.result(LONG)
        removing.result(LONG)
    mirror.sync(box)

    assert not came_between
    assert mirror.by_state(box) == {state: 1}
    mirror.check(box)
