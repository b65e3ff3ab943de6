"""A mail that its owner removes stays out, whatever happens, and can be taken back."""

import contextlib
import importlib
import itertools
from datetime import timedelta

import pytest

from odoo import fields
from odoo.exceptions import UserError

HIDDEN = ("hidden", "owner")


@pytest.fixture
def remove(mirror):
    """``remove(box, "Mail 1")``: its owner removes the mails with these subjects."""

    def press(box, *subjects):
        with mirror.env(box.user_id) as env:
            mails = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
            mails = mails.filtered(lambda mail: mail.subject in subjects)
            return mails.action_remove()["params"]["removals"]

    return press


@pytest.fixture
def take_back(mirror):
    """``take_back(box, removals)``; :return: what its owner reads about it."""

    def press(box, removals):
        with mirror.env(box.user_id) as env:
            removal = env["crm.mail.mirror.removal"].browse(removals)
            return removal.action_undo()["params"]["message"]

    return press


def outcome(mirror, box, removals):
    with mirror.env(box.user_id) as env:
        return env["crm.mail.mirror.removal"].browse(removals).outcome


@pytest.fixture
def three(mirror, lib, server):
    """Three mails with a contact: ``(box, refs)``."""
    mirror.contact()
    box = mirror.link("anna", server)
    mails = [lib.mail(n, mirror.at("client"), box.email) for n in (1, 2, 3)]
    refs = server.put(*mails)
    mirror.sync(box)
    return box, refs


def found_in_the_database(mirror, words):
    """Tables in which these words stand."""
    tables = mirror.sql(
        """SELECT relname FROM pg_class
            WHERE relkind = 'r' AND starts_with(relname, 'crm_mail_mirror')"""
    )
    return [
        table
        for (table,) in tables
        if mirror.sql(
            f"SELECT 1 FROM {table} t WHERE t::text LIKE %s LIMIT 1", f"%{words}%"
        )
    ]


def test_removed_mail_is_gone_at_once_text_and_subject(mirror, lib, server, remove):
    mirror.contact()
    box, word = mirror.link("anna", server), f"of {mirror.house}"
    for number in (1, 2, 3):
        mail = lib.mail(number, mirror.at("client"), box.email, tag=word)
        server.put(mail)
    mirror.sync(box)
    assert found_in_the_database(mirror, word)

    remove(box, *(f"Mail {n} of {mirror.house}" for n in (1, 2, 3)))

    assert mirror.states(box) == {HIDDEN: 3}
    assert not found_in_the_database(mirror, word)
    mirror.check(box)


def test_removed_mail_stays_out_after_move_relisting_and_reset(
    mirror, server, three, remove
):
    box, refs = three
    remove(box, "Mail 1", "Mail 2")
    asked = server.fetched.copy()

    server.move(refs[0], "Archive")
    mirror.sync(box)
    server.void()
    mirror.sync(box)
    server.expired = True
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 1, HIDDEN: 2}
    assert server.fetched == asked, "the text of a removed mail was asked for"
    mirror.check(box)


def test_removed_mail_that_is_deleted_and_restored_stays_out(
    mirror, server, three, remove
):
    box, refs = three
    remove(box, "Mail 1")

    restored = server.mails["INBOX", refs[0]]
    server.remove(refs[0])
    for _pass in range(4):
        mirror.sync(box)
    assert mirror.states(box) == {("mirrored", "contact"): 2}
    server.put(restored)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 2, HIDDEN: 1}
    mirror.check(box)


def test_removed_mail_stays_out_after_purge_and_a_new_link(
    mirror, server, three, remove, take_back
):
    box, _refs = three
    removals = remove(box, "Mail 1")
    with mirror.env(box.user_id) as env:
        wizard = env["crm.mail.mirror.disconnect"].create(
            {"mailbox_id": box.id, "mirror": "purge"}
        )
        wizard.action_disconnect()
    server.fetched.clear()

    again = mirror.link("anna", server, user_id=box.user_id)
    mirror.sync(again)

    assert mirror.states(again) == {("mirrored", "contact"): 2, HIDDEN: 1}
    assert not server.fetched["<1.@mail.test>"], "its text was asked for"
    take_back(again, removals)
    mirror.sync(again)
    assert mirror.states(again) == {("mirrored", "contact"): 3}
    mirror.check(again)


def test_taken_back_it_is_fetched_again(mirror, server, three, remove, take_back):
    box, _refs = three
    removals = remove(box, "Mail 1")

    assert "fetched" in take_back(box, removals)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 3}
    assert server.fetched["<1.@mail.test>"] == 2
    assert outcome(mirror, box, removals) == "Back in Odoo"
    mirror.check(box)


def test_taken_back_too_late_for_the_mailbox_is_said(
    mirror, server, three, remove, take_back
):
    box, refs = three
    removals = remove(box, "Mail 1")
    server.remove(refs[0])

    take_back(box, removals)
    mirror.sync(box)

    assert "no longer has" in outcome(mirror, box, removals)
    for _pass in range(4):
        mirror.sync(box)
    assert "no longer has" in outcome(mirror, box, removals)
    mirror.check(box)


@pytest.mark.parametrize("narrowed", ["look-back", "folder"])
def test_taken_back_from_outside_of_what_is_mirrored_is_said(
    mirror, lib, server, three, remove, take_back, narrowed
):
    box, refs = three
    server.move(refs[0], "Archive")
    mirror.sync(box)
    removals = remove(box, "Mail 1")
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        if narrowed == "look-back":
            mailbox.sync_from = lib.NOON.date() + lib.timedelta(days=1)
        else:
            archive = env["crm.mail.mirror.folder"].search(
                [("mailbox_id", "=", box.id), ("name", "=", "Archive")]
            )
            mailbox.choose_folders(off=archive.ids)
    with mirror.env() as env:
        assert not env["crm.mail.mirror.folder"]._run()

    take_back(box, removals)
    for _pass in range(3):
        mirror.sync(box)

    told = outcome(mirror, box, removals)
    assert told.startswith("It lies outside of what is mirrored now")
    assert ("folder" in told) == (narrowed == "folder")
    mirror.check(box)


def test_a_rule_that_keeps_it_out_is_named(mirror, three, remove, take_back, rule):
    box, _refs = three
    removals = remove(box, "Mail 1")
    rule("address", mirror.at("client"), box.user_id)
    mirror.apply_changes()

    take_back(box, removals)
    mirror.sync(box)

    told = outcome(mirror, box, removals)
    assert told.startswith("In the mailbox, and stays out: A rule keeps out")
    assert told.endswith(f"({mirror.at('client')})")
    mirror.check(box)


def test_after_seven_days_it_stays_out(mirror, three, remove, take_back):
    box, _refs = three
    removals = remove(box, "Mail 1")
    mirror.sql(
        """UPDATE crm_mail_mirror_removal SET removed_at = now() - interval '8 days'
            WHERE id = ANY(%s)""",
        removals,
    )

    with pytest.raises(UserError, match="more than 7 days"):
        take_back(box, removals)
    with mirror.env() as env:
        env["crm.mail.mirror.removal"]._gc_removals()

    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_removal WHERE id = ANY(%s)", removals
    )
    mirror.sync(box)
    assert mirror.states(box)[HIDDEN] == 1


def test_mails_removed_together_stand_as_they_stood_in_the_list(
    mirror, lib, server, monkeypatch
):
    mirror.contact()
    box = mirror.link("anna", server)
    first, second, third = (
        lib.mail(n, mirror.at("client"), box.email) for n in (1, 2, 3)
    )
    server.put(third, first, second)
    mirror.sync(box)
    removals = importlib.import_module(
        "odoo.addons.crm_mail_mirror.models.crm_mail_mirror_removal"
    )
    monkeypatch.setattr(removals, "SLICE", removals.Slice(1, most=1))
    begin, seconds = fields.Datetime.now(), itertools.count()

    with mirror.env(box.user_id) as env, monkeypatch.context() as slow:
        listed = env["crm.mail.mirror.message"].search([])
        subjects = listed.mapped("subject")
        slow.setattr(
            fields.Datetime,
            "now",
            lambda *args: begin + timedelta(seconds=next(seconds)),
        )
        listed.action_remove()
    with mirror.env(box.user_id) as env:
        removed = env["crm.mail.mirror.removal"].search([])
        assert next(seconds) > 0
        assert removed.mapped("subject") == subjects


def test_only_the_owners_copies_go_in_all_their_mailboxes(mirror, lib, remove):
    """Three copies; Anna's second one looks different, and is shown as the same."""
    partner = mirror.contact()
    servers = [lib.Server() for _box in range(3)]
    anna, bert = mirror.user("anna"), mirror.user("bert")
    boxes = [
        mirror.link("anna", servers[0], user_id=anna),
        mirror.link("anna2", servers[1], user_id=anna),
        mirror.link("bert", servers[2], user_id=bert, sharing_in="everything"),
    ]
    mirror.write("res.users", anna, mirror_visibility="4")
    for number, server in enumerate(servers):
        subject = "[list] Plan" if number == 1 else "Plan"
        everybody = "anna@house.test bert@house.test"
        server.put(lib.mail(1, mirror.at("client"), everybody, subject=subject))
    mirror.sync(*boxes)
    assert mirror.shown_on(partner, anna) == ["Plan", "[list] Plan"]

    remove(boxes[0], "Plan")

    assert [mirror.states(box)[HIDDEN] for box in boxes] == [1, 1, 0]
    assert mirror.shown_on(partner, bert) == ["Plan"]
    assert mirror.shown_on(partner, anna) == ["Plan"], "the colleague's, as before"
    mirror.check(*boxes)


def test_of_colleagues_mail_nothing_can_be_removed(mirror, lib, server):
    partner = mirror.contact()
    box = mirror.link("anna", server, sharing_in="everything")
    boss = mirror.user("boss", mirror_visibility="4")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    mirror.sync(box)

    with mirror.env(boss) as env:
        (mail,) = env["crm.mail.mirror.message"].search(
            [("partner_ids", "in", [partner])]
        )
        with pytest.raises(UserError, match="own mailboxes"):
            mail.action_remove()

    assert mirror.states(box) == {("mirrored", "contact"): 1}


@pytest.mark.parametrize("border", ["pull", "fetch"])
def test_removed_while_a_page_is_under_way(mirror, lib, remove, border):
    """Anna's other mailbox reads the same mail at that moment."""
    mirror.contact()
    servers = lib.Server(), lib.Server()
    anna = mirror.user("anna")
    boxes = [
        mirror.link(name, server, user_id=anna)
        for name, server in zip(("anna", "anna2"), servers, strict=True)
    ]
    for server in servers:
        server.put(
            lib.mail(1, mirror.at("client"), "anna@house.test", tag=mirror.house)
        )
    mirror.sync(boxes[0])
    done = []

    def meanwhile(_calls):
        if not done:
            done.append(remove(boxes[0], f"Mail 1 {mirror.house}"))

    servers[1].before[border] = meanwhile
    mirror.sync(boxes[1])

    assert done
    assert mirror.states(boxes[0]) == {HIDDEN: 1}
    assert mirror.states(boxes[1]) == {HIDDEN: 1}
    assert not found_in_the_database(mirror, f"Mail 1 {mirror.house}")
    mirror.check(*boxes)


def test_taken_back_while_a_page_is_under_way(
    mirror, lib, server, three, remove, take_back
):
    """The page left the text alone because the mail was removed: it is read next."""
    box, refs = three
    removals = remove(box, "Mail 1")
    mail = server.mails["INBOX", refs[0]]
    server.remove(refs[0])
    for _pass in range(4):
        mirror.sync(box)
    server.put(mail, lib.mail(9, mirror.at("client"), box.email))
    done = []

    def meanwhile(_calls):
        if not done:
            done.append(take_back(box, removals))

    server.before["fetch"] = meanwhile
    mirror.sync(box)
    mirror.sync(box)

    assert done
    assert mirror.states(box) == {("mirrored", "contact"): 4}
    mirror.check(box)


def test_mail_kept_out_elsewhere_is_hidden_there_too(mirror, lib, remove):
    """One of Anna's mailboxes is one-way: there the mail was excluded before."""
    mirror.contact()
    servers = lib.Server(), lib.Server()
    anna = mirror.user("anna")
    boxes = [
        mirror.link("anna", servers[0], user_id=anna),
        mirror.link("anna2", servers[1], user_id=anna, mode="one_way"),
    ]
    for server in servers:
        server.put(lib.mail(1, mirror.at("client"), "anna@house.test"))
    mirror.sync(*boxes)
    assert mirror.states(boxes[1]) == {("excluded", "one_way"): 1}

    remove(boxes[0], "Mail 1")

    assert mirror.states(boxes[1]) == {HIDDEN: 1}
    mirror.write("crm.mail.mirror.mailbox", boxes[1].id, mode="two_way")
    with contextlib.suppress(KeyError):
        mirror.look_again()
    mirror.sync(*boxes)
    assert mirror.states(boxes[1]) == {HIDDEN: 1}
    mirror.check(*boxes)


def test_a_mailbox_with_another_address_keeps_what_was_removed_out(
    mirror, server, three, remove
):
    box, refs = three
    remove(box, "Mail 1")
    mail = server.mails["INBOX", refs[0]]
    server.remove(refs[0])
    for _pass in range(4):
        mirror.sync(box)

    mirror._servers[f"ann@{mirror.house}"] = server
    mirror.write("crm.mail.mirror.mailbox", box.id, email=f"ann@{mirror.house}")
    server.put(mail)
    mirror.sync(box)

    assert mirror.states(box)[HIDDEN] == 1
