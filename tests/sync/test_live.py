# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What an owner's screen learns while a mailbox is mirrored, and nobody else's."""

import json

import psycopg2
import pytest

TYPE = "crm_mail_mirror.mailbox"


@pytest.fixture
def told_at_once(mirror, monkeypatch):
    """After each page, not once a second: in memory a page takes no time."""
    from odoo.addons.crm_mail_mirror.models import pace

    monkeypatch.setattr(pace, "TELL_EVERY", 0.0)


def is_there(mirror, user_id, status="online"):
    """This user has a page of Odoo open."""
    mirror.sql(
        """INSERT INTO mail_presence (user_id, status, last_poll, last_presence)
           VALUES (%s, %s, now(), now())""",
        user_id,
        status,
    )


def on_the_bus(mirror, user_id=None):
    """What was told about mailboxes; only on this user's channel, if one is named."""
    rows = mirror.sql("SELECT channel, message FROM bus_bus ORDER BY id")
    with mirror.env() as env:
        partner = user_id and env["res.users"].browse(user_id).partner_id.id
        dbname = env.cr.dbname
    return [
        json.loads(message)["payload"]
        for channel, message in rows
        if json.loads(message)["type"] == TYPE
        and (user_id is None or json.loads(channel) == [dbname, "res.partner", partner])
    ]


@pytest.fixture
def hundred(mirror, lib, server):
    """A mailbox with five pages of mail; its owner looks on, and a manager does."""
    mirror.sql("DELETE FROM bus_bus")
    mirror.sql("DELETE FROM mail_presence")
    manager = mirror.user("boss", mirror_visibility="4")
    box = mirror.link(server=server)
    mirror.write("res.users", [box.user_id], mirror_manager_id=manager)
    mirror.sql("DELETE FROM bus_bus")
    is_there(mirror, box.user_id)
    is_there(mirror, manager)
    mirror.contact("client")
    server.put(
        *(
            lib.mail(number, mirror.at("client"), box.email, subject="Secret plan")
            for number in range(100)
        )
    )
    return box


def test_owner_is_told_after_each_page_and_nobody_else(
    mirror, hundred, small_pages, told_at_once
):
    mirror.sync(hundred)

    told = on_the_bus(mirror, hundred.user_id)
    assert told == on_the_bus(mirror), "somebody else was told"
    importing = [message for message in told if message["total"]]
    assert [message["done"] for message in importing] == [20, 40, 60, 80]
    assert {message["total"] for message in importing} == {100}
    assert importing[-1]["rate"] > 0
    assert importing[-1]["seconds_left"] >= 0
    assert told[-1]["color"] == "success"
    assert len(told) <= 5 + 1, "more than one a page, and one at the end"


def test_nothing_of_the_mail_is_told(mirror, hundred, small_pages, told_at_once):
    mirror.sync(hundred)

    names = {"id", "state", "color", "sentence", "done", "total", "rate"}
    for message in on_the_bus(mirror):
        assert set(message) == names | {"seconds_left"}
        assert message["id"] == hundred.id
    said = json.dumps(on_the_bus(mirror))
    assert "Secret plan" not in said and mirror.domain not in said


def test_who_is_not_there_costs_no_row(mirror, hundred, small_pages, told_at_once):
    mirror.sql("UPDATE mail_presence SET status = 'offline'")

    mirror.sync(hundred)

    assert on_the_bus(mirror) == []
    assert mirror.by_state(hundred) == {"mirrored": 100}


def test_it_is_told_after_the_page_is_committed_in_a_transaction_of_its_own(
    mirror, hundred, small_pages, told_at_once, page, monkeypatch
):
    """Writers of the same rows wait for pages, never for the bus."""
    wrote, real = set(), page._store

    def store(self, lease, stored):
        self.env.cr.execute("SELECT pg_current_xact_id()::text::bigint")
        wrote.update(self.env.cr.fetchone())
        return real(self, lease, stored)

    monkeypatch.setattr(page, "_store", store)

    mirror.sync(hundred)

    rows = mirror.sql(
        "SELECT xmin::text::bigint FROM bus_bus WHERE message LIKE %s", f"%{TYPE}%"
    )
    assert len(wrote) == 5 and len(rows) >= 5
    assert wrote.isdisjoint(row for (row,) in rows)


def test_fast_pages_are_told_once_a_second(mirror, hundred, small_pages):
    mirror.sync(hundred)

    importing = [message for message in on_the_bus(mirror) if message["total"]]
    assert len(importing) < 4


def test_a_bus_that_fails_keeps_no_mail_out(
    mirror, hundred, small_pages, told_at_once, monkeypatch
):
    mailboxes = mirror.registry["crm.mail.mirror.mailbox"]

    def fails(self, *rate):
        if rate:  # after a page
            raise psycopg2.OperationalError("the bus is full")

    monkeypatch.setattr(mailboxes, "_tell_live", fails)

    mirror.sync(hundred)

    assert mirror.by_state(hundred) == {"mirrored": 100}


def test_a_state_that_changes_is_told(mirror, hundred):
    mirror.sync(hundred)
    mirror.sql("DELETE FROM bus_bus")

    with mirror.env(hundred.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(hundred.id).action_pause()

    (message,) = on_the_bus(mirror, hundred.user_id)
    assert (message["state"], message["color"]) == ("paused", "muted")
    assert message["sentence"].startswith("Paused.")


def test_pace_is_of_the_last_pages_and_begins_anew_with_the_import():
    from odoo.addons.crm_mail_mirror.models.pace import Pace

    pace = Pace()
    assert pace.rate is None
    for second in range(20):
        pace.note(100 if second < 10 else 100 + 50 * (second - 10), now=second)
    assert pace.rate == 50
    pace.note(10, now=21)
    assert pace.rate is None
    pace.note(40, now=22)
    assert pace.rate == 30


@pytest.mark.parametrize("before, after", [("0", "4"), ("4", "0")], ids=str)
def test_who_sees_it_changes_on_the_owners_screen(mirror, hundred, before, after):
    viewer = mirror.user("viewer", mirror_visibility=before)
    mirror.sql("DELETE FROM bus_bus")

    mirror.write("res.users", [viewer], mirror_visibility=after)

    assert {message["id"] for message in on_the_bus(mirror, hundred.user_id)} == {
        hundred.id
    }
