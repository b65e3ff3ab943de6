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
