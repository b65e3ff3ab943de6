# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What if an owner has all listed again while a page of the mailbox is under way?"""

import importlib

import pytest

from tests.sync.letters import raw
from tests.sync.oauth_tests import true_ids

ENGINE = "odoo.addons.crm_mail_mirror.engine.providers"


@pytest.mark.parametrize(
    ("kind", "module", "name"),
    [
        ("google", "gmail", "GmailProvider"),
        ("microsoft", "microsoft", "MicrosoftProvider"),
    ],
)
def test_listed_again_while_a_page_is_read(
    mirror, request, monkeypatch, kind, module, name
):
    at = request.getfixturevalue(f"at_{kind}")
    box, owner = at.link()
    mirror.contact("client")
    for number in range(12):
        owner.append("INBOX", raw(number, mirror.at("client"), box.email))
    for _ in range(3):
        mirror.sync(box)
    owner.append("INBOX", raw(999, mirror.at("client"), box.email))
    asked, begun = [], []
    provider = getattr(importlib.import_module(f"{ENGINE}.{module}"), name)

    def pull_while_asked(self, *args, original=provider.pull, **kwargs):
        batch = original(self, *args, **kwargs)
        begun.append(args[0] is None)
        if not asked:
            asked.append(1)
            with mirror.env(box.user_id) as env:
                env["crm.mail.mirror.mailbox"].browse(box.id).action_list_again()
        return batch

    monkeypatch.setattr(provider, "pull", pull_while_asked)
    states = []
    for _ in range(4):
        mirror.sync(box)
        states.append(mirror.by_state(box))

    assert any(begun[1:]), "the page that was under way undid it"
    assert all(set(state) <= {"mirrored", "queued"} for state in states), states
    assert mirror.mirrored(box) == true_ids(owner)
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_listing WHERE mailbox_id = %s", box.id
    ), "it was not listed to its end"


def test_mail_that_goes_before_it_is_listed_again_is_gone(
    mirror, lib, server, small_pages
):
    """It was read for a new contact while all is listed: that lists nothing."""
    box = mirror.link(server=server)
    mails = [lib.mail(n, mirror.at("client"), box.email) for n in range(50)]
    refs = server.put(*mails)
    mirror.sync(box)
    with mirror.env() as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_list_again()
    mirror.contact("client")
    mirror.look_again()
    gone = []

    def goes(_calls):
        if not gone and mirror.by_state(box)["mirrored"]:
            gone.extend(refs[24:26])
            server.remove(*gone)
            # who lists all again is told what is there, not what went before
            server.journal[:] = [note for note in server.journal if note[3] not in gone]

    server.before["pull"] = goes
    for _ in range(3):
        mirror.sync(box)

    assert gone
    assert mirror.states(box) == {("mirrored", "contact"): 48}
    mirror.check(box)


# ---- what no listing names ----------------------------------------------------------


@pytest.fixture
def unnamed(mirror, lib, server, monkeypatch):
    """Five mirrored mails, and a provider that lists none of them any more, though all
    are there but for the last.

    :return: the mailbox, and the Message-IDs of what is there
    """
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "ORPHANS", 1)
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(
        *(
            lib.mail(n, mirror.at("client"), box.email, tag=mirror.domain)
            for n in range(5)
        )
    )
    mirror.sync(box)
    there = mirror.mirrored(box)[:4]
    for (folder, ref), found in server.mails.items():
        message_id = found.envelope.message_id
        place = lib.base.Place(folder, "1", ref)
        is_there = message_id in there
        server.fates[message_id] = lib.base.Fate(
            lib.base.LIVE if is_there else lib.base.GONE, (place,) * is_there
        )
    assert len(refs) == len(server.fates) == 5
    server.journal.clear()
    return box, there


def listed_again(mirror, box):
    with mirror.env() as env:
        env["crm.mail.mirror.mailbox"].browse(box.id)._list_again()


def test_all_that_no_listing_named_is_asked_about_a_bit_at_a_time(
    mirror, server, unnamed, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    box, there = unnamed
    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=50, seconds=-1))
    listed_again(mirror, box)

    for _ in range(4):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.mirrored(box) == there
    assert server.calls["confirm"] == 5
    mirror.check(box)


@pytest.mark.parametrize("failures", [1, 2])
def test_what_could_not_be_asked_about_is_asked_about_by_the_next_run(
    mirror, lib, server, unnamed, failures
):
    box, there = unnamed

    def fail(calls):
        if calls <= failures:
            raise lib.base.Unavailable("server_error")

    server.before["confirm"] = fail
    listed_again(mirror, box)

    for _ in range(failures + 5):
        mirror.sync(box)
        mirror.check(box)
        assert set(there) <= set(mirror.mirrored(box))

    assert mirror.mirrored(box) == there
    assert not mirror.mailbox(box, "last_error")


def test_worker_that_dies_before_it_asked_leaves_the_question(
    mirror, server, unnamed, monkeypatch
):
    box, there = unnamed
    model = mirror.registry["crm.mail.mirror.page"]
    real = model._settle_orphans

    def die(self, *args):
        monkeypatch.setattr(model, "_settle_orphans", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "_settle_orphans", die)
    listed_again(mirror, box)
    with pytest.raises(KeyboardInterrupt):
        mirror.sync(box)

    for _ in range(5):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.mirrored(box) == there


def test_mail_that_the_provider_never_answers_about_stays_and_holds_up_nothing(
    mirror, lib, server, unnamed
):
    box, there = unnamed

    def fail(_calls):
        raise lib.base.Unavailable("server_error")

    server.before["confirm"] = fail
    everything = mirror.mirrored(box)
    listed_again(mirror, box)
    for _ in range(20):
        mirror.sync(box)
        mirror.check(box)
    assert mirror.mirrored(box) == everything
    assert not mirror.mailbox(box, "last_error")

    del server.before["confirm"]
    listed_again(mirror, box)
    for _ in range(4):
        mirror.sync(box)
    assert mirror.mirrored(box) == there
    mirror.check(box)
