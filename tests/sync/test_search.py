"""Older mail is searched for: a mailbox in memory, the mirror, PostgreSQL."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.history import Crash

YEAR_AGO = datetime.now(UTC) - timedelta(days=365)
#: Mail in the archive of ``old``, every tenth of it the client's.
MANY = 60


@pytest.fixture
def old(mirror, lib, server):
    """A mailbox with a year of mail that was passed long ago: no row is left of it."""
    box = mirror.link("anna", server)
    for number in range(MANY):
        local = "client" if number % 10 == 0 else f"stranger{number % 16}"
        server.put(
            lib.mail(
                number,
                mirror.at(local),
                box.email,
                received_at=YEAR_AGO + timedelta(days=number),
                tag=mirror.domain,
            )
        )
    settle(mirror, box)
    age(mirror, box)
    assert mirror.states(box) == {}
    server.searches.clear()
    server.fetched.clear()
    return box


def settle(mirror, *boxes):
    """Until nothing is left to do."""
    for _ in range(20):
        mirror.look_again()
        mirror.sync(*boxes)
        mirror.check(*boxes)
        if not waiting(mirror, *boxes):
            return
    raise AssertionError(waiting(mirror, *boxes))


def age(mirror, box):
    """Seven days go by."""
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = '2020-01-01'
            WHERE mailbox_id = %s AND expires_at IS NOT NULL""",
        box.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._gc_traces()


def waiting(mirror, *boxes):
    return mirror.sql(
        """SELECT kind, term, leader_id, jsonb_array_length(places), total
             FROM crm_mail_mirror_search
            WHERE mailbox_id = ANY(%s) AND done_at IS NULL ORDER BY id""",
        [box.id for box in boxes],
    )


def ask(mirror, *boxes, **terms):
    with mirror.env() as env:
        mailboxes = env["crm.mail.mirror.mailbox"].browse([box.id for box in boxes])
        env["crm.mail.mirror.search"]._ask(mailboxes, **terms)


def ids(mirror, numbers):
    return sorted(f"<{number}.{mirror.domain}@mail.test>" for number in numbers)


CLIENTS = range(0, MANY, 10)


def test_contact_added_behind_a_year_of_mail_brings_it_in(mirror, server, old):
    partner = mirror.contact("client")
    mirror.look_again()
    assert progress(mirror, partner) == (0, 1)

    mirror.sync(old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)
    assert sorted(server.fetched) == ids(mirror, CLIENTS), "and no other body"
    assert mirror.states(old) == {("mirrored", "contact"): 6}, "nothing else is kept"
    assert progress(mirror, partner) == (0, 0)
    assert not waiting(mirror, old)
    mirror.check(old)


def progress(mirror, partner):
    with mirror.env() as env:
        emails = env["res.partner"].browse(partner)._mirror_emails()
        return env["crm.mail.mirror.search"]._progress(emails)


@pytest.mark.parametrize(
    "terms, found",
    [
        ({"domains": ["%(domain)s"]}, CLIENTS),
        ({"words": ["mail 20"]}, [20]),
        ({"message_ids": ["<30.%(domain)s@mail.test>"]}, [30]),
        ({"addresses": ["client@%(domain)s"], "words": ["nothing"]}, CLIENTS),
    ],
)
def test_what_a_rule_kept_out_comes_back_by_domain_word_or_id(
    mirror, old, terms, found
):
    mirror.contact("client")
    mirror.look_again()
    mirror.sql("DELETE FROM crm_mail_mirror_search")

    named = {
        kind: [each % {"domain": mirror.domain} for each in some]
        for kind, some in terms.items()
    }
    ask(mirror, old, **named)
    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, found)


def test_mail_that_has_a_row_is_not_looked_at_again(mirror, server, old):
    mirror.contact("client")
    settle(mirror, old)
    server.calls.clear()

    ask(mirror, old, addresses=[mirror.at("client")])
    settle(mirror, old)

    assert server.calls["search"] == 1
    assert not server.calls["envelopes"] and not server.calls["fetch"]


EDGES = [
    ("crm.mail.mirror.search", "_next"),
    ("crm.mail.mirror.search", "_found"),
    ("crm.mail.mirror.search", "_finish"),
    ("crm.mail.mirror.page", "_write_mail"),
    ("crm.mail.mirror.search", "_advance"),
    ("crm.mail.mirror.search", "_is_waiting"),
    ("crm.mail.mirror.search", "_hold"),
    ("crm.mail.mirror.sync", "_end"),
]


def test_crash_at_each_step_goes_on_where_it_was(mirror, server, old, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_search

    monkeypatch.setattr(crm_mail_mirror_search, "LOOKS", 2)
    wanted = set()
    for person in range(16):
        model, method = EDGES[person % len(EDGES)]
        mirror.contact(f"stranger{person}")
        mirror.look_again()
        with monkeypatch.context() as broken:
            passed = break_off(mirror, broken, model, method, after=person >= 8)
            with contextlib.suppress(Crash):
                mirror.sync(old)
        assert passed, f"{method} was never passed"
        mirror.check(old)

        settle(mirror, old)

        wanted |= {n for n in range(MANY) if n % 10 and n % 16 == person}
        assert mirror.mirrored(old) == ids(mirror, wanted), method
    assert set(server.fetched.values()) <= {1, 2}


def break_off(mirror, patch, model, method, after):
    """The process ends before or after this step of the search.

    :return: a list that is filled when it has
    """
    broken, passed = mirror.registry[model], []
    real = getattr(broken, method)

    def step(self, *args, **kwargs):
        page = next((arg for arg in args if hasattr(arg, "judged")), None)
        if method == "_write_mail" and not page.search:
            return real(self, *args, **kwargs)
        if after:
            real(self, *args, **kwargs)
        passed.append(method)
        raise Crash

    patch.setattr(broken, method, step)
    return passed
