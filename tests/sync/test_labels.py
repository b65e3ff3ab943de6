# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Labels of Gmail, switched off and on: on the past as well, and undone."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.asking import ask
from tests.sync.letters import raw
from tests.sync.oauth_tests import passes
from tests.sync.test_audit import week
from tests.sync.test_scope import MAILBOX, switch, tree, undo

NOW = datetime.now(UTC)


@pytest.fixture
def at(at_google, monkeypatch):
    from odoo.addons.crm_mail_mirror.engine.providers import gmail_sync

    monkeypatch.setattr(gmail_sync, "LOOK_EVERY", 0)
    return at_google


@pytest.fixture
def eager(monkeypatch, at):
    """Which labels there are is asked with each look."""
    from odoo.addons.crm_mail_mirror.engine.providers import gmail_turn

    monkeypatch.setattr(gmail_turn, "LABELS_EVERY", 0)


@pytest.fixture
def shelf(mirror, at):
    """Mail of a client: 12, four of them Private, two of these Work too; a stranger's
    that is Private as well."""
    box, owner = at.link()
    mirror.contact("client", name="Clara Client")
    for name in ("Work", "Private", "Private/Family"):
        owner.create(name)
    refs = {}
    for number in range(12):
        letter = raw(number, mirror.at("client"), box.email, subject=f"No. {number}")
        received = NOW - timedelta(hours=number + 1)
        refs[number] = owner.append("INBOX", letter, received=received)
        which = ["Private"] * (number % 3 == 0) + ["Work"] * (number % 2 == 0)
        owner.label(refs[number], add=[owner.label_ref(name) for name in which])
    letter = raw(50, mirror.at("stranger"), box.email)
    refs[50] = owner.append("INBOX", letter, received=NOW - timedelta(hours=20))
    owner.label(refs[50], add=[owner.label_ref("Private")])
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 12, "unmatched": 1}, mirror.states(box)
    at.clear()
    return box, owner, refs


def numbers(mirror, box):
    return {int(each.strip("<").split("@")[0]) for each in mirror.mirrored(box)}


def headers_asked(at):
    return [line for line in at.requests() if "/messages/" in line]


VISIBLE = {number for number in range(12) if number % 3}


def test_labels_stand_below_all_mail_and_count_nothing(mirror, shelf):
    box, _owner, _refs = shelf
    rows = tree(mirror, box)

    assert {
        name: (row["depth"], row["selected"], row["fixed"], row["mirrored"])
        for name, row in rows.items()
    } == {
        "All mail": (0, True, True, 12),
        "Private": (1, True, False, None),
        "Family": (2, True, False, None),
        "Work": (1, True, False, None),
        "Drafts": (0, False, True, 0),
        "Trash": (0, False, True, 0),
        "Spam": (0, False, True, 0),
    }
    with mirror.env(box.user_id) as env:
        mailbox = env[MAILBOX].browse(box.id)
        told = mailbox.get_folder_tree()
        assert not told["sentence"] and "whatever other labels" in told["note"]
        assert mailbox.folders_sentence == "all mail, whatever its label"


def test_off_removes_what_was_told_before_and_undo_brings_it_back(
    mirror, shelf, at, fetched_at_google
):
    box, owner, _refs = shelf
    told = switch(mirror, box, off=["Private"])

    assert told["removes"] == 4
    assert (
        "removes 4 mails from Odoo, among them 4 with Clara Client"
        in (told["sentence"])
    )
    at.clear()
    passes(mirror, box)
    assert numbers(mirror, box) == VISIBLE
    assert mirror.by_state(box) == {"mirrored": 8}
    assert mirror.seen(box) == 8, "the log counts what the mailbox does not have"
    assert not mirror.mailbox(box, "brake")
    assert not headers_asked(at), "nobody need ask where it went"
    assert week(mirror, box) == ("done", 0, 0, 0)

    at.clear()
    fetched_at_google.clear()
    undo(mirror, box, "labels switched off: Private")
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 12, "unmatched": 1}
    assert mirror.seen(box) == 13
    assert len(fetched_at_google) == 4, "nothing is fetched twice"
    assert week(mirror, box) == ("done", 0, 0, 0)


@pytest.fixture
def fetched_at_google(mirror, monkeypatch):
    from odoo.addons.crm_mail_mirror.engine.providers.gmail import GmailProvider

    seen, real = [], GmailProvider.fetch

    def fetch(self, mails):
        seen.extend(envelope.message_id for _place, envelope in mails)
        return real(self, mails)

    monkeypatch.setattr(GmailProvider, "fetch", fetch)
    return seen


def test_preview_counts_what_is_mirrored_and_says_what_it_does_not_know(
    mirror, shelf, at, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import label_run

    box, owner, _refs = shelf
    rows = tree(mirror, box)

    def preview(*names):
        with mirror.env(box.user_id) as env:
            mailbox = env[MAILBOX].browse(box.id)
            return mailbox.preview_folders([rows[name]["id"] for name in names])

    assert preview("Private", "Work")["removes"] == 8  # 2 bear both
    assert preview("Family") == {
        "removes": 0,
        "sentence": "No mirrored mail bears these labels.",
    }
    assert preview("All mail") == {"removes": 0, "sentence": ""}
    monkeypatch.setattr(label_run, "MOST", 2)
    assert "removes at least 2 mails" in preview("Work")["sentence"]
    monkeypatch.setattr(label_run, "SECONDS", 0)
    told = preview("Work")
    assert told["removes"] is None and "is not known" in told["sentence"]
    monkeypatch.undo()
    at.fail(500, times=9)
    told = preview("Work")
    assert told["removes"] is None and "is not known" in told["sentence"]
    at.clear()
    with mirror.env(box.user_id) as env:
        env[MAILBOX].browse(box.id).action_pause()
    assert "as soon as it is again" in preview("Work")["sentence"]


def test_preview_asks_while_no_transaction_is_open(mirror, shelf, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import label_run

    box, _owner, _refs = shelf
    rows, real, open_ones = tree(mirror, box), label_run.look, []
    with mirror.env(box.user_id) as env:
        pid = env.cr._cnx.get_backend_pid()

        def look(*args):
            open_ones.extend(
                mirror.sql(
                    """SELECT state FROM pg_stat_activity
                        WHERE pid = %s AND xact_start IS NOT NULL""",
                    pid,
                )
            )
            return real(*args)

        monkeypatch.setattr(label_run, "look", look)
        env[MAILBOX].browse(box.id).preview_folders([rows["Work"]["id"]])
    assert open_ones == []


def test_live_moves_in_and_out_of_a_label_that_is_off(mirror, shelf, at):
    box, owner, refs = shelf
    switch(mirror, box, off=["Private"])
    passes(mirror, box)
    private = owner.label_ref("Private")

    owner.label(refs[1], add=[private])
    owner.label(refs[3], remove=[private])
    for number in (70, 71):
        letter = raw(number, mirror.at("client"), box.email)
        ref = owner.insert(letter, ["INBOX", *([private] if number == 71 else [])])
        refs[number] = ref
    at.clear()
    passes(mirror, box)

    assert numbers(mirror, box) == VISIBLE - {1} | {3, 70}
    assert mirror.by_state(box) == {"mirrored": len(VISIBLE) + 1}
    asked = [line for line in headers_asked(at) if refs[71] in line]
    assert not asked, "nobody looks into it"
    assert week(mirror, box) == ("done", 0, 0, 0)


def test_a_new_label_inside_one_that_is_off_is_off(mirror, shelf, at):
    box, owner, refs = shelf
    switch(mirror, box, off=["Private"])
    passes(mirror, box)
    owner.create("Private/Diary")
    letter = raw(80, mirror.at("client"), box.email)
    ref = owner.insert(letter, ["INBOX", owner.label_ref("Private/Diary")])
    owner.label(refs[1], add=[owner.label_ref("Private/Diary")])
    at.clear()

    passes(mirror, box, 1)

    assert tree(mirror, box)["Diary"]["selected"] is False
    assert numbers(mirror, box) == VISIBLE - {1}
    assert not [line for line in headers_asked(at) if ref in line]
    switch(mirror, box, on=["Diary"])
    passes(mirror, box)
    assert numbers(mirror, box) == VISIBLE | {80}


def test_a_label_that_is_renamed_stays_off_and_a_deleted_one_keeps_nothing_out(
    mirror, shelf, eager
):
    box, owner, _refs = shelf
    switch(mirror, box, off=["Private"])
    passes(mirror, box)
    owner.rename("Private", "Hush")
    passes(mirror, box)
    assert tree(mirror, box)["Hush"]["selected"] is False
    assert numbers(mirror, box) == VISIBLE

    owner.remove("Hush")
    for _ in range(4):
        mirror.sync(box)
        mirror.check(box)
    assert "Hush" not in tree(mirror, box)
    assert numbers(mirror, box) == set(range(12))
    assert mirror.seen(box) == 13
    assert week(mirror, box) == ("done", 0, 0, 0)


def test_page_that_was_pulled_before_the_switch_comes_too_late(
    mirror, shelf, at, monkeypatch
):
    """The owner switches while a worker is about to write what bears the label."""
    from odoo.addons.crm_mail_mirror.engine.providers.gmail import GmailProvider

    box, owner, _refs = shelf
    private, real, done = owner.label_ref("Private"), GmailProvider.fetch, []
    owner.insert(raw(90, mirror.at("client"), box.email), ["INBOX", private])

    def fetch(self, mails):
        if not done:
            done.append(switch(mirror, box, off=["Private"]))
        return real(self, mails)

    monkeypatch.setattr(GmailProvider, "fetch", fetch)
    passes(mirror, box, 3)

    assert done and numbers(mirror, box) == VISIBLE


def test_many_pages_and_runs_that_break_off(mirror, shelf, at, small_pages, page):
    box, owner, _refs = shelf
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    assert mailbox_run.PAGE.mails == 20
    private = owner.label_ref("Private")
    for number in range(100, 170):
        letter = raw(number, mirror.at("client"), box.email)
        owner.insert(letter, ["INBOX", private])
    passes(mirror, box)
    assert len(numbers(mirror, box)) == 82
    for off, on, left in (
        (["Private"], [], len(VISIBLE)),
        ([], ["Private"], 82),
    ):
        switch(mirror, box, off=off, on=on)
        for _ in range(40):
            mirror.sync(box, budget=0.01)  # a page, and the next run another one
            mirror.check(box)
        mirror.sync(box)
        assert len(numbers(mirror, box)) == left
    assert not mirror.mailbox(box, "brake")
    assert week(mirror, box) == ("done", 0, 0, 0)


def test_why_names_the_label_to_its_owner_alone(mirror, shelf):
    from odoo.exceptions import AccessError, UserError

    box, _owner, _refs = shelf
    switch(mirror, box, off=["Private"])
    passes(mirror, box)

    (answer,) = ask(mirror, box, "No. 3")

    assert answer["outcome"] == "not_here"
    assert "a label that is switched off: “Private”" in answer["verdict"]
    assert "Switch the label on" in answer["remedy"]
    otto = mirror.user("otto", mirror_visibility="4")
    with pytest.raises((AccessError, UserError)), mirror.env(otto) as env:
        why = env["crm.mail.mirror.why"].create({"mailbox_id": box.id})
        why.pasted = "No. 3"
        why.action_ask()
    for method in ("get_folder_tree", "preview_folders", "choose_folders"):
        with pytest.raises((AccessError, UserError)), mirror.env(otto) as env:
            getattr(env[MAILBOX].browse(box.id), method)()


def test_search_for_a_new_contact_leaves_hidden_mail_out(mirror, at):
    """Older mail of a contact that comes later is searched for at the provider."""
    box, owner = at.link()
    owner.create("Private")
    private = owner.label_ref("Private")
    for number in range(6):
        letter = raw(number, mirror.at("later"), box.email)
        received = NOW - timedelta(days=60, hours=number)
        ref = owner.append("INBOX", letter, received=received)
        if number % 2:
            owner.label(ref, add=[private])
    passes(mirror, box)
    switch(mirror, box, off=["Private"])
    passes(mirror, box)
    mirror.contact("later")
    mirror.look_again()
    passes(mirror, box, 3)

    assert numbers(mirror, box) == {0, 2, 4}
