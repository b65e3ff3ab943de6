# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How far back, in which folders: what comes and goes when its owner chooses anew?"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.letters import raw
from tests.sync.oauth_tests import passes

MAILBOX = "crm.mail.mirror.mailbox"


def chosen(mirror, box, **values):
    with mirror.env(box.user_id) as env:
        env[MAILBOX].browse(box.id).write(values)


def tree(mirror, box):
    """``{name: row}``, in the order of the tree."""
    with mirror.env(box.user_id) as env:
        told = env[MAILBOX].browse(box.id).get_folder_tree()
    return {row["name"]: row for row in told["folders"]}


def switch(mirror, box, off=(), on=(), job=True):
    """As the screen does. :return: what the preview said

    :param job: what there was no time for at once is done by the job
    """
    rows = tree(mirror, box)
    off, on = [rows[name]["id"] for name in off], [rows[name]["id"] for name in on]
    with mirror.env(box.user_id) as env:
        mailbox = env[MAILBOX].browse(box.id)
        told = mailbox.preview_folders(off, on)
        mailbox.choose_folders(off, on)
    if job:
        run_job(mirror)
    return told


def undo(mirror, box, title):
    """The owner's last change, which is called so."""
    with mirror.env(box.user_id) as env:
        change = env["crm.mail.mirror.change"].search([], limit=1)
        assert title in change.title
        change.action_undo()


# ---- how far back --------------------------------------------------------------------


@pytest.fixture
def aged(mirror, post):
    """A mailbox with mail of today and of 5, 20, 100 and 500 days ago."""
    box, program = post()
    mirror.contact("client")
    for number, days in enumerate((0, 5, 20, 100, 500)):
        program.append(
            "INBOX",
            raw(number, mirror.at("client"), box.email),
            received=datetime.now(UTC) - timedelta(days=days),
        )
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 5}
    return box, program


def test_look_back_acts_both_ways_in_time_and_imports_nothing_twice(
    mirror, aged, fetched
):
    box, _program = aged
    for choice, left in (("1w", 2), ("1m", 3), ("6m", 4), ("3m", 3), ("all", 5)):
        fetched.clear()
        before = set(mirror.mirrored(box))

        chosen(mirror, box, look_back=choice)
        run_job(mirror)
        at_once = set(mirror.mirrored(box))
        passes(mirror, box)

        assert len(mirror.mirrored(box)) == left, choice
        # what falls out goes at once, and what was there is not fetched again
        assert at_once <= before
        assert set(fetched) == set(mirror.mirrored(box)) - before
        mirror.check(box)
    assert mirror.mailbox(box, "sync_from") is False


def test_look_back_is_a_fixed_day_that_is_shown(mirror, lib, server):
    today = datetime.now(UTC).date()
    owner = mirror.user("anna")
    with mirror.env() as env:
        leads = env["crm.lead"].create(
            [
                {"name": name, "type": kind, "user_id": user}
                for name, kind, user in (
                    ("open", "opportunity", owner),
                    ("won", "opportunity", owner),
                    ("of another", "opportunity", 2),
                    ("lead", "lead", owner),
                )
            ]
        )
        leads[1].action_set_won()
        for lead, days in zip(leads, (50, 300, 400, 500), strict=True):
            env.cr.execute(
                "UPDATE crm_lead SET create_date = now() - %s * interval '1 day'"
                " WHERE id = %s",
                [days, lead.id],
            )
    box = mirror.link(server=server, user_id=owner, look_back="opportunity")
    assert mirror.mailbox(box, "sync_from") == today - timedelta(days=50)

    with mirror.env() as env:
        env["crm.lead"].search([("user_id", "=", owner)]).unlink()
    assert mirror.mailbox(box, "sync_from") == today - timedelta(days=50), "it moved"
    chosen(mirror, box, look_back="opportunity")
    assert mirror.mailbox(box, "sync_from") == today - timedelta(days=7)

    chosen(mirror, box, sync_from="2025-03-03")
    with mirror.env(box.user_id) as env:
        mailbox = env[MAILBOX].browse(box.id)
        assert mailbox.look_back == "day"
        assert mailbox.since_sentence == "since 3 March 2025"


@pytest.mark.parametrize(
    "values, said",
    [
        ({"sync_from": "2999-01-01"}, "in the future"),
        ({"look_back": "day", "sync_from": "2999-01-01"}, "in the future"),
        ({"look_back": "day", "sync_from": False}, "which day"),
        ({"sync_from": "yesterday"}, "is no date"),
        ({"sync_from": "2026-02-31"}, "is no date"),
        ({"sync_from": 7}, "is no date"),
        ({"sync_from": "0001-01-01"}, "no mail yet"),
    ],
)
def test_no_day_to_begin_with_is_refused_in_a_sentence(
    mirror, lib, server, values, said
):
    from odoo.exceptions import UserError

    box = mirror.link(server=server)
    with pytest.raises(UserError, match=said):
        chosen(mirror, box, **values)
    assert mirror.mailbox(box, "look_back") == "all"


def test_narrowing_is_shown_before_it_is_done(mirror, aged):
    box, _program = aged
    with mirror.env(box.user_id) as env:
        wizard = env["crm.mail.mirror.look.back"].create(
            {"mailbox_id": box.id, "look_back": "1m"}
        )
        wizard._onchange_look_back()
        assert wizard.removes == 2
        assert "removes 2 mails" in wizard.preview
        assert "2 with client" in wizard.preview
        assert "nothing is removed" in wizard.preview
        assert len(mirror.mirrored(box)) == 5
        wizard.action_apply()
    passes(mirror, box)

    assert len(mirror.mirrored(box)) == 3
    undo(mirror, box, "since ")
    passes(mirror, box)
    assert len(mirror.mirrored(box)) == 5
    assert mirror.mailbox(box, "look_back") == "all"
    chosen(mirror, box, look_back="1m")
    with mirror.env(box.user_id) as env:
        wizard = env["crm.mail.mirror.look.back"].create(
            {"mailbox_id": box.id, "look_back": "all", "sync_from": False}
        )
        assert "comes no second time" in wizard.preview


# ---- folders -------------------------------------------------------------------------


@pytest.fixture(params=["dovecot", "microsoft"])
def shelf(mirror, request):
    """A mailbox with mail in INBOX, Work, Work/Deep and, one mail, in both of them."""
    if request.param == "dovecot":
        box, owner = request.getfixturevalue("post")()
    else:
        box, owner = request.getfixturevalue("at_microsoft").link()
    mirror.contact("client")
    client, letters = mirror.at("client"), {}
    for folder in ("Work", "Work/Deep"):
        owner.create(folder)
    for number, folder in enumerate(["INBOX"] * 2 + ["Work"] * 3 + ["Work/Deep"] * 2):
        letters[number] = raw(number, client, box.email)
        owner.append(folder, letters[number])
    owner.append("Work", letters[0])  # as well as in the inbox
    owner.append("Work", raw(8, mirror.at("stranger"), box.email))
    passes(mirror, box)
    assert len(set(mirror.mirrored(box))) == 7
    return box, owner


def ids(mirror, box):
    return {int(each[1:].partition("@")[0]) for each in mirror.mirrored(box)}


def test_folders_are_a_tree_with_what_is_mirrored_in_each(mirror, shelf):
    box, _owner = shelf
    rows = tree(mirror, box)

    names = list(rows)
    assert names[0] in ("INBOX", "Inbox") and rows[names[0]]["role"] == "inbox"
    assert rows[names[0]]["depth"] == 0
    assert rows["Deep"]["depth"] == rows["Work"]["depth"] + 1
    assert names.index("Deep") == names.index("Work") + 1
    assert (rows["Work"]["mirrored"], rows["Deep"]["mirrored"]) == (4, 2)
    fixed = {row["role"] for row in rows.values() if row["fixed"]}
    assert {"trash", "drafts", "junk"} >= fixed >= {"trash"}
    assert not any(row["selected"] for row in rows.values() if row["fixed"])


def test_folder_off_takes_its_mail_at_once_and_on_brings_all_of_it(mirror, shelf):
    """Twenty #17095: folder switched on later: its old mail never comes."""
    box, owner = shelf

    told = switch(mirror, box, off=["Work"])
    assert told["removes"] in (3, 4)
    assert f"{told['removes']} with client" in told["sentence"]
    assert "undo this for seven days" in told["sentence"]
    # what lies in the inbox as well stays, and the folder below is another one
    assert ids(mirror, box) == {0, 1, 5, 6}
    assert mirror.by_state(box) == {"mirrored": 4}
    mirror.check(box)
    passes(mirror, box, 3)
    assert ids(mirror, box) == {0, 1, 5, 6}
    owner.append("Work", raw(9, mirror.at("client"), box.email))
    passes(mirror, box)
    assert ids(mirror, box) == {0, 1, 5, 6}

    undo(mirror, box, "folders switched off: Work")
    passes(mirror, box, 3)
    assert ids(mirror, box) == {0, 1, 2, 3, 4, 5, 6, 9}
    assert mirror.by_state(box)["unmatched"] == 1
    mirror.check(box)


def test_folder_off_and_on_between_two_looks_is_read_in_full(mirror, shelf):
    box, _owner = shelf

    switch(mirror, box, off=["Work", "Deep"])
    assert ids(mirror, box) == {0, 1}
    switch(mirror, box, on=["Work", "Deep"])
    passes(mirror, box, 3)

    assert ids(mirror, box) == set(range(7))
    mirror.check(box)


def test_folder_made_inside_one_that_is_off_is_off(mirror, shelf):
    box, owner = shelf
    switch(mirror, box, off=["Work", "Deep"])
    passes(mirror, box)

    owner.create("Work/Health")
    owner.append("Work/Health", raw(10, mirror.at("client"), box.email))
    owner.create("Open")
    owner.append("Open", raw(11, mirror.at("client"), box.email))
    passes(mirror, box, 3)

    rows = tree(mirror, box)
    assert (rows["Health"]["selected"], rows["Open"]["selected"]) == (False, True)
    assert ids(mirror, box) == {0, 1, 11}
    assert mirror.by_state(box) == {"mirrored": len(mirror.mirrored(box))}

    switch(mirror, box, on=["Health"])
    passes(mirror, box, 3)
    assert ids(mirror, box) == {0, 1, 10, 11}


def test_page_that_is_under_way_does_not_bring_back_what_was_switched_off(
    mirror, shelf, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    box, owner = shelf
    owner.append("Work", raw(9, mirror.at("client"), box.email))
    real, done = mailbox_run.MailboxRun.read_texts, []

    def read_texts(run, *args):
        if not done:
            done.append(switch(mirror, box, off=["Work"]))
        yield from real(run, *args)

    monkeypatch.setattr(mailbox_run.MailboxRun, "read_texts", read_texts)
    passes(mirror, box, 3)

    assert done
    assert ids(mirror, box) == {0, 1, 5, 6}
    mirror.check(box)


@pytest.mark.parametrize("when", ["before", "after"])
def test_switched_back_on_just_when_a_look_begins(mirror, shelf, monkeypatch, when):
    """What a look begins with is of one moment: nobody waits for the next one."""
    box, _owner = shelf
    there = mirror.mirrored(box)
    switch(mirror, box, off=["Work"])
    mirror.sync(box)
    assert mirror.mirrored(box) != there
    model = mirror.registry["crm.mail.mirror.sync"]
    real = model._folders_of_calm

    def read(self, env, ids):
        monkeypatch.setattr(model, "_folders_of_calm", real)
        if when == "before":
            switch(mirror, box, on=["Work"], job=False)
        found = real(self, env, ids)
        if when == "after":
            switch(mirror, box, on=["Work"], job=False)
        return found

    monkeypatch.setattr(model, "_folders_of_calm", read)
    mirror.sync(box)

    assert mirror.mirrored(box) == there
    mirror.check(box)


def test_one_folder_stays_on_and_nobody_else_chooses(mirror, shelf):
    from odoo.exceptions import AccessError, UserError

    box, _owner = shelf
    rows = tree(mirror, box)
    everything = [name for name, row in rows.items() if row["selected"]]
    with pytest.raises(UserError, match="leave one folder on"):
        switch(mirror, box, off=everything)
    other = mirror.user("otto")
    with mirror.env() as env:
        manager = env.ref("crm_mail_mirror.crm_mail_mirror_group_manager")
        env["res.users"].browse(other).group_ids += manager
    for method in ("get_folder_tree", "preview_folders", "choose_folders"):
        with pytest.raises((AccessError, UserError)), mirror.env(other) as env:
            getattr(env[MAILBOX].browse(box.id), method)()


def test_labels_over_imap_are_no_folders_either(mirror):
    from odoo.exceptions import UserError

    box = mirror.link(imap_host="imap.gmail.com")
    with pytest.raises(UserError, match="labels"), mirror.env(box.user_id) as env:
        env[MAILBOX].browse(box.id).choose_folders()


def test_many_mails_go_in_short_steps_in_the_background(mirror, shelf, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_folder

    box, _owner = shelf
    two = crm_mail_mirror_folder.Slice(2, most=2)
    monkeypatch.setattr(crm_mail_mirror_folder, "SLICE", two)
    monkeypatch.setattr(crm_mail_mirror_folder, "AIM", 0)
    switch(mirror, box, off=["Work", "Deep"], job=False)
    assert len(set(mirror.mirrored(box))) > 2

    run_job(mirror)

    assert ids(mirror, box) == {0, 1}
    mirror.check(box)


def run_job(mirror):
    with mirror.env() as env:
        cron = env.ref("crm_mail_mirror.ir_cron_folders")
        env["crm.mail.mirror.folder"].with_context(cron_id=cron.id)._cron_folders()


@pytest.fixture
def one_at_once(monkeypatch):
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_mailbox_leaver,
        crm_mail_mirror_mailbox_old,
    )

    one = crm_mail_mirror_mailbox_leaver.Slice(1, most=1)
    monkeypatch.setattr(crm_mail_mirror_mailbox_leaver, "SLICE", one)
    monkeypatch.setattr(crm_mail_mirror_mailbox_old, "AIM", 0)


def test_older_mail_goes_in_short_steps_and_is_never_taken_for_lost(
    mirror, aged, one_at_once, monkeypatch
):
    """The mailbox is listed from its new first day on before all of it went."""
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_gone

    box, _program = aged
    monkeypatch.setattr(crm_mail_mirror_page_gone, "BRAKE_COUNT", 1)
    chosen(mirror, box, look_back="1w")
    assert mirror.by_state(box) == {"mirrored": 4}, "one step at once"
    mirror.check(box)

    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 4}
    assert not mirror.mailbox(box, "brake")

    run_job(mirror)
    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)
    passes(mirror, box)
    assert not mirror.mailbox(box, "brake")


def test_first_day_moved_back_meanwhile_keeps_what_is_here_yet(
    mirror, aged, one_at_once
):
    box, _program = aged
    chosen(mirror, box, look_back="1w")
    chosen(mirror, box, look_back="all")
    run_job(mirror)
    assert mirror.by_state(box)["mirrored"] >= 4

    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 5}
    mirror.check(box)


def test_size_of_a_step_follows_how_long_the_last_one_took(mirror):
    from odoo.addons.crm_mail_mirror.models.slice import Slice

    step = Slice(20, most=100)
    sizes = []
    for seconds in (0.01, 0.01, 0.01, 0.4, 5.0, 0.001):
        step.took(step.size, seconds)
        sizes.append(step.size)
    assert sizes == [40, 80, 100, 15, 1, 2]
    step.took(0, 0.0)
    assert step.size == 2, "nothing was done, nothing learned"

    done = []
    for some in step.of(range(7)):
        done.append(list(some))
        step.took(len(some), 0.001)
    assert done == [[0, 1], [2, 3, 4, 5], [6]]
