# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What comes next is pulled and judged before a page is written: what may go wrong?"""

import pytest

from tests.sync.test_scope import switch
from tests.sync.test_sync_pages import letters

pytestmark = pytest.mark.usefixtures("small_bites")


@pytest.fixture
def asked(server):
    """The names of what the network was asked for, in this order."""
    names = []
    for name in ("pull", "fetch"):
        server.before[name] = lambda _calls, name=name: names.append(name)
    return names


@pytest.fixture
def box(mirror, server):
    mirror.contact("client")
    return mirror.link(server=server)


def test_the_next_page_is_pulled_before_the_texts_of_one(
    mirror, lib, server, box, asked
):
    server.put(*letters(lib, mirror, box, 21))
    mirror.sync(box)

    assert asked == ["pull", "pull", "fetch", "pull", "fetch", "fetch"]
    assert mirror.by_state(box) == {"mirrored": 21}
    assert set(server.fetched.values()) == {1}
    mirror.check(box)


def test_in_a_mailbox_that_failed_one_page_is_over_before_the_next(
    mirror, lib, server, box, asked
):
    server.put(*letters(lib, mirror, box, 2))
    mirror.sql("UPDATE crm_mail_mirror_mailbox SET failure_count = 1")
    mirror.sync(box)

    # a quarter of a page is one mail
    assert asked == ["pull", "fetch", "pull", "fetch"]
    assert mirror.by_state(box) == {"mirrored": 2}


def test_a_page_is_stored_though_the_next_cannot_be_pulled(
    mirror, lib, server, box, asked
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Unavailable

    def fail(calls):
        if calls == 2:
            raise Unavailable("server_error")

    server.before["pull"] = fail
    server.put(*letters(lib, mirror, box, 21))
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 7}
    assert mirror.mailbox(box, "cursor")["at"] == 7
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 21}
    mirror.check(box)


def test_mail_that_is_on_both_pages_is_one(mirror, lib, server, box):
    mails = letters(lib, mirror, box, 7)
    server.put(*mails)
    server.put(*mails, folder="Archive")
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 7}
    assert {folder for folder, _uid, _id in mirror.places(box)} == {"INBOX", "Archive"}
    mirror.check(box)


def test_a_folder_made_inside_one_that_is_off_is_off_whenever_it_is_told(
    mirror, lib, server, box
):
    server.folders["Health"] = "other"
    mirror.sync(box)
    switch(mirror, box, off=["Health"])
    mirror.sync(box)
    private = letters(lib, mirror, box, 14, start=50)
    pulls = server.calls["pull"]

    def make_folder(calls):
        # while the texts of the page before are still to be read
        if calls == pulls + 2:
            server.folders["Health/Teeth"] = "other"
            server.generation["Health/Teeth"] = "1"
            server.put(*private, folder="Health/Teeth")

    server.before["pull"] = make_folder
    server.put(*letters(lib, mirror, box, 8))
    for _ in range(3):
        mirror.sync(box)

    assert mirror.by_state(box)["mirrored"] == 8
    assert not {mail.envelope.message_id for mail in private} & server.fetched.keys()
    mirror.check(box)
