# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Much goes, or is marked: in short steps, and nothing is lost between two."""

import importlib

import pytest

from odoo.exceptions import UserError

from tests.sync.history import Crash, break_off

HERE = ("mirrored", "contact")


@pytest.fixture
def steps(mirror, monkeypatch):
    """Two at a time. :return: what each step took away, ``[(method, how many)]``"""
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_leave as leave

    for name in ("PLACES", "COPIES"):
        monkeypatch.setattr(leave, name, leave.Slice(2, most=2))
    # however slow this machine is
    monkeypatch.setattr(leave.Slice, "took", lambda slice, count, seconds: None)
    page, taken = mirror.registry["crm.mail.mirror.page"], []

    def note(method, real):
        def step(self, lease, what, ids):
            taken.append((method, len(ids)))
            return real(self, lease, what, ids)

        monkeypatch.setattr(page, method, step)

    for method in ("_leave", "_let_go"):
        note(method, getattr(page, method))
    return taken


@pytest.fixture
def box(mirror, lib, server):
    """Seven mails in the inbox, five in the archive."""
    mirror.contact()
    box = mirror.link(server=server)
    server.put(*mails(lib, mirror, box, range(7)))
    server.put(*mails(lib, mirror, box, range(7, 12)), folder="Archive")
    mirror.sync(box)
    assert mirror.states(box) == {HERE: 12}
    return box


def mails(lib, mirror, box, numbers, sender="client"):
    tag = f"{sender}.{mirror.domain}"
    return [lib.mail(n, mirror.at(sender), box.email, tag=tag) for n in numbers]


def one_at_once(monkeypatch, name, **values):
    """The job of this module takes one mail at a time. :return: the module"""
    module = importlib.import_module(f"odoo.addons.crm_mail_mirror.models.{name}")
    if hasattr(module, "SLICE"):
        monkeypatch.setattr(module, "SLICE", module.Slice(1, most=1))
    for constant, value in values.items():
        monkeypatch.setattr(module, constant, value)
    return module


def broken_off(mirror, box, monkeypatch, edge, nth=2, act=None):
    with monkeypatch.context() as broken, pytest.raises(Crash):
        break_off(broken, mirror.registry, edge, nth)
        act() if act else mirror.sync(box)
    mirror.check(box)


def passes(mirror, box, count):
    for _ in range(count):
        mirror.sync(box)
        mirror.check(box)
        assert not mirror.mailbox(box, "last_error")


def unplaced(mirror, box):
    ((count,),) = mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND orphan_pass IS NOT NULL""",
        box.id,
    )
    return count


def test_folder_that_vanishes_goes_in_steps(mirror, server, box, steps, monkeypatch):
    server.remove(
        *(r for f, r in sorted(server.mails) if f == "Archive"), folder="Archive"
    )
    server.journal = server.journal[:12]
    del server.folders["Archive"]
    broken_off(mirror, box, monkeypatch, ("page", "_leave", "after"))
    assert unplaced(mirror, box) == 2, "one step was committed, the second was not"
    assert mirror.states(box) == {HERE: 12}, "shown until it is certain"
    del steps[:]

    passes(mirror, box, 1)
    assert steps == [("_leave", 2), ("_leave", 1)], "the rest of it"
    assert not mirror.sql(
        """SELECT 1 FROM crm_mail_mirror_folder
            WHERE mailbox_id = %s AND remote_ref = 'Archive'""",
        box.id,
    )
    del steps[:]
    passes(mirror, box, 2)
    assert mirror.states(box) == {HERE: 7}
    assert [step for step in steps if step[0] == "_let_go"] == [
        ("_let_go", 2),
        ("_let_go", 2),
        ("_let_go", 1),
    ]


def test_departures_in_masses_go_in_steps_and_what_moved_stays(
    mirror, server, box, steps, monkeypatch
):
    """The mail that moved has its new place before it loses the old one."""
    refs = [ref for folder, ref in sorted(server.mails) if folder == "INBOX"]
    for ref in refs[:3]:
        server.move(ref, "Archive")
    server.remove(*refs[3:6])
    broken_off(mirror, box, monkeypatch, ("page", "_leave", "after"))
    archived = [ref for folder, ref, _id in mirror.places(box) if folder == "Archive"]
    assert len(archived) == 8, "what moved lost its place before it had a new one"

    passes(mirror, box, 3)

    assert mirror.states(box) == {HERE: 9}
    assert max(count for _method, count in steps) == 2
    assert set(server.fetched.values()) == {1}


def test_void_places_are_given_up_in_steps_and_nothing_is_fetched_again(
    mirror, lib, server, box, steps, monkeypatch
):
    real = lib.Connection.pull

    def pull(self, *args, **kwargs):
        batch = real(self, *args, **kwargs)
        return lib.dataclasses.replace(batch, reset=(("INBOX", "2"),))

    server.void("INBOX", "2")
    monkeypatch.setattr(lib.Connection, "pull", pull)
    broken_off(mirror, box, monkeypatch, ("page", "_leave", "after"))
    passes(mirror, box, 2)

    assert mirror.states(box) == {HERE: 12}
    assert unplaced(mirror, box) == 0
    assert len(mirror.places(box)) == 12
    assert set(server.fetched.values()) == {1}
    assert steps and max(count for _method, count in steps) <= 2


def test_what_a_new_listing_does_not_tell_goes_in_steps(
    mirror, lib, server, box, steps, monkeypatch
):
    """And the comparison that asked for the listing counts all of it."""
    refs = [ref for folder, ref in sorted(server.mails) if folder == "INBOX"]
    server.remove(*refs[:5])
    server.put(*mails(lib, mirror, box, [20]))
    server.journal = [step for step in server.journal if step[0] == "+"]
    with mirror.env() as env:
        audits = env["crm.mail.mirror.audit"]
        audits._ask(env["crm.mail.mirror.mailbox"].browse(box.id), "all", "asked")
        while audits._step():
            pass
    broken_off(mirror, box, monkeypatch, ("page", "_leave", "after"))
    assert unplaced(mirror, box) == 2, "one step was committed, the second was not"
    broken_off(mirror, box, monkeypatch, ("listing", "_end", "after"), nth=1)
    assert unplaced(mirror, box) == 5
    passes(mirror, box, 3)

    assert mirror.states(box) == {HERE: 8}
    assert max(count for _method, count in steps) == 2
    with mirror.env() as env:
        while env["crm.mail.mirror.audit"]._step():
            pass
    ((gone, state),) = mirror.sql(
        """SELECT gone, state FROM crm_mail_mirror_audit
            WHERE mailbox_id = %s AND kind = 'all'""",
        box.id,
    )
    assert (gone, state) == (5, "done")


def test_too_much_is_hidden_in_steps_all_of_it(mirror, server, box, steps, monkeypatch):
    """What is left looks less and less as if it were much."""
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_gone

    monkeypatch.setattr(crm_mail_mirror_page_gone, "BRAKE_COUNT", 3)
    server.remove(*(ref for folder, ref in sorted(server.mails) if folder == "INBOX"))
    passes(mirror, box, 1)
    broken_off(mirror, box, monkeypatch, ("page", "_let_go", "after"), nth=3)
    assert mirror.states(box) == {HERE: 8, ("hidden", "brake"): 4}
    del steps[:]

    passes(mirror, box, 1)
    assert mirror.states(box) == {HERE: 5, ("hidden", "brake"): 7}
    assert [count for _method, count in steps] == [2, 1]
    assert mirror.mailbox(box, "brake") == "waiting", "asked without a second look"

    passes(mirror, box, 1)
    assert mirror.mailbox(box, "brake") == "asked"
    assert mirror.states(box)["hidden", "brake"] == 7


def test_who_has_much_to_give_up_lets_others_have_their_turn(
    mirror, server, box, steps, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync_store as store

    monkeypatch.setattr(store, "PATIENCE", 0)
    server.remove(*(ref for folder, ref in sorted(server.mails) if folder == "INBOX"))
    for left in (2, 4, 6):
        mirror.sync(box, budget=0.001)
        assert unplaced(mirror, box) == left, "one step in each turn"


# ---- a mailbox that is removed -------------------------------------------------------


def seen_by(mirror, user):
    ((contact,),) = mirror.sql(
        "SELECT id FROM res_partner WHERE email = %s", mirror.at("client")
    )
    return len(mirror.shown_on(contact, user))


def run_leavers(mirror):
    with mirror.env() as env:
        assert not env["crm.mail.mirror.mailbox"]._run_leavers()


@pytest.fixture
def no_time(monkeypatch):
    """A moment suffices for one mail."""
    one_at_once(monkeypatch, "crm_mail_mirror_mailbox_leaver")
    one_at_once(monkeypatch, "crm_mail_mirror_mailbox_going", AIM=0)


@pytest.mark.parametrize("way", ["disconnected", "deleted"])
def test_mailbox_that_is_removed_is_hidden_at_once_and_goes_in_steps(
    mirror, lib, server, box, no_time, monkeypatch, way
):
    admin = mirror.user("boss", mirror_visibility="4")
    assert (seen_by(mirror, box.user_id), seen_by(mirror, admin)) == (12, 12)

    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        if way == "deleted":
            mailbox.unlink()
        else:
            wizard = {"mailbox_id": box.id, "mirror": "purge"}
            env["crm.mail.mirror.disconnect"].create(wizard).action_disconnect()

    assert mirror.states(box) == {HERE: 11}, "more than a moment's work in one go"
    assert (seen_by(mirror, box.user_id), seen_by(mirror, admin)) == (0, 0)
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_credential WHERE mailbox_id = %s", box.id
    )
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.state_sentence == "Being removed: 11 mails left."
        assert mailbox.last_error_sentence == "Being removed: 11 mails left."
        with pytest.raises(UserError, match="being removed"):
            mailbox.action_connect()
        with pytest.raises(UserError, match="being removed"):
            mailbox.write({"password": "again"})
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.last_error_sentence == "Being removed."
    # the same account meanwhile: a mailbox of its own
    again = mirror.link("anna", server, user_id=box.user_id)
    mirror.sync(again)
    assert mirror.states(again) == {HERE: 12}
    edge = ("mailbox", "_leaver_step", "after")
    broken_off(mirror, again, monkeypatch, edge, act=lambda: run_leavers(mirror))
    assert mirror.states(box) == {HERE: 10}, "one step was committed, one was not"
    run_leavers(mirror)

    assert not mirror.sql("SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = %s", box.id)
    assert mirror.states(again) == {HERE: 12}
    assert seen_by(mirror, box.user_id) == 12
    mirror.check(again)


def test_mailbox_of_which_nothing_is_left_goes_however_slow_the_disk_is(
    mirror, box, monkeypatch
):
    one_at_once(monkeypatch, "crm_mail_mirror_mailbox_going", AIM=-1)
    leaver = one_at_once(monkeypatch, "crm_mail_mirror_mailbox_leaver")
    monkeypatch.setattr(leaver, "SLICE", leaver.Slice(20))
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).unlink()
    assert not mirror.sql("SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = %s", box.id)


def test_user_with_much_mail_is_archived_first(mirror, box, monkeypatch):
    one_at_once(monkeypatch, "crm_mail_mirror_mailbox_going", AT_ONCE=11)

    def delete():
        with mirror.env() as env:
            env["res.users"].browse(box.user_id).unlink()

    with pytest.raises(UserError, match="Archive Anna"):
        delete()
    assert mirror.states(box) == {HERE: 12}

    mirror.write("res.users", box.user_id, active=False)
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox SET leaver_action = 'purge',
                  leaver_on = current_date WHERE id = %s""",
        box.id,
    )
    run_leavers(mirror)
    delete()
    mirror.check(box)


# ---- what people press ---------------------------------------------------------------


def test_many_mails_are_removed_and_taken_back_in_steps(mirror, box, monkeypatch):
    removal = one_at_once(monkeypatch, "crm_mail_mirror_removal")

    def press(model, action, **kwargs):
        with mirror.env(box.user_id) as env:
            found = env[model].search([])
            return getattr(found, action)()["params"]

    def remove():
        return press("crm.mail.mirror.message", "action_remove")

    broken_off(mirror, box, monkeypatch, ("removal", "_take_out", "after"), 3, remove)
    assert mirror.states(box) == {HERE: 10, ("hidden", "owner"): 2}
    monkeypatch.setattr(removal, "BUDGET", -1)
    assert "no time for 10 more" in remove()["message"]
    monkeypatch.setattr(removal, "BUDGET", 20)
    assert len(remove()["removals"]) == 10
    assert mirror.states(box) == {("hidden", "owner"): 12}
    mirror.check(box)

    def back():
        return press("crm.mail.mirror.removal", "action_undo")

    broken_off(mirror, box, monkeypatch, ("removal", "_take_back", "after"), 3, back)
    assert mirror.by_state(box) == {"hidden": 10, "queued": 2}
    back()
    mirror.sync(box)
    assert mirror.states(box) == {HERE: 12}
    mirror.check(box)


def strangers(lib, mirror, server, box, count):
    now = lib.datetime.now(lib.UTC).replace(microsecond=0)
    for mail in mails(lib, mirror, box, range(50, 50 + count), "stranger"):
        mail.received_at = now
        server.put(mail)
    mirror.sync(box)
    assert mirror.states(box)["unmatched", "no_contact"] == count


def test_people_are_looked_for_in_steps_in_each_mail_once(
    mirror, lib, server, box, monkeypatch
):
    one_at_once(monkeypatch, "crm_mail_mirror_mailbox_contacts")
    strangers(lib, mirror, server, box, 4)
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).contact_mode = "all"
    assert mirror.states(box)["queued", "rule"] == 1, "one step, while somebody waits"
    mirror.sync(box)

    def run():
        with mirror.env() as env:
            assert not env["crm.mail.mirror.folder"]._run()

    edge = ("mailbox", "_look_for_some", "after")
    broken_off(mirror, box, monkeypatch, edge, act=run)
    run()
    assert mirror.states(box)["queued", "rule"] == 3, "one twice, or one never"
    mirror.sync(box)
    assert mirror.states(box)["unmatched", "no_contact"] == 4
    mirror.check(box)


def test_an_erasure_is_lifted_in_steps(mirror, lib, server, box, monkeypatch):
    one_at_once(monkeypatch, "crm_mail_mirror_erasure_job")
    strangers(lib, mirror, server, box, 4)

    def run():
        with mirror.env() as env:
            assert not env["crm.mail.mirror.erasure"]._run()

    with mirror.env(2) as env:
        wizard = env["crm.mail.mirror.erase"].create(
            {"addresses": mirror.at("stranger")}
        )
        erasure = wizard.action_erase()["res_id"]
    run()
    assert mirror.states(box)["excluded", "erased"] == 4
    with mirror.env(2) as env:
        env["crm.mail.mirror.erasure"].browse(erasure).action_lift()
    edge = ("review", "_requeue", "after")
    broken_off(mirror, box, monkeypatch, edge, 3, run)
    assert mirror.states(box)["queued", "rule"] == 2, "one step, one transaction"
    run()
    assert mirror.states(box)["queued", "rule"] == 4


def test_a_rule_gives_its_reason_in_steps(mirror, lib, server, box, rule, monkeypatch):
    job = one_at_once(monkeypatch, "crm_mail_mirror_change_job", STEP=1)
    assert job.STEP == 1
    strangers(lib, mirror, server, box, 4)
    rule("address", mirror.at("stranger"), box.user_id)
    edge = ("change", "_say_why", "after")
    broken_off(mirror, box, monkeypatch, edge, 3, mirror.apply_changes)
    assert mirror.states(box)["excluded", "excluded_address"] == 2
    mirror.apply_changes()

    assert mirror.states(box) == {HERE: 12, ("excluded", "excluded_address"): 4}
    mirror.check(box)
