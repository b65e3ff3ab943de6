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


def pass_time(mirror, box):
    """Seven days go by, and the job that removes what is over has not run yet."""
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = '2020-01-01'
            WHERE mailbox_id = %s AND expires_at IS NOT NULL""",
        box.id,
    )


def age(mirror, box):
    """Seven days go by."""
    pass_time(mirror, box)
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()


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


@pytest.mark.parametrize("why", ["contact", "rule"])
def test_mail_whose_time_is_over_is_as_if_its_row_was_gone(mirror, lib, server, why):
    """Its traces lead nowhere, and its row keeps no search from bringing it in."""
    box, client = mirror.link("anna", server), mirror.at("client")
    server.put(
        lib.mail(1, client, box.email, tag=mirror.domain),
        lib.mail(2, mirror.at("stranger"), box.email, tag=mirror.domain),
    )
    with mirror.env() as env:
        rule = env["crm.mail.mirror.exclusion"].create(
            {"kind": "address", "value": client, "user_id": box.user_id}
            if why == "rule"
            else {"kind": "word", "value": "nothing", "user_id": box.user_id}
        )
    mirror.sync(box)
    pass_time(mirror, box)

    mirror.contact("client")
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(rule.id).unlink()
    mirror.apply_changes()
    mirror.look_again()
    assert "queued" not in mirror.by_state(box)
    settle(mirror, box)

    assert mirror.mirrored(box) == ids(mirror, [1])
    with mirror.env() as env:
        assert not env["crm.mail.mirror.sync"]._run_expiry()
    assert mirror.by_state(box) == {"mirrored": 1}
    assert mirror.seen(box) == 2
    mirror.check(box)


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
    assert mirror.by_state(old) == {"mirrored": len(found)}, "it left a row"


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
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_search_steps

    monkeypatch.setattr(crm_mail_mirror_search_steps, "LOOKS", 2)
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


def connect(mirror, box, state):
    """As disconnecting and connecting do."""
    with mirror.env() as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).write({"state": state})


def test_paused_mailbox_keeps_its_searches_for_later_and_nobody_waits_for_it(
    mirror, server, old
):
    connect(mirror, old, "paused")
    partner = mirror.contact("client")
    mirror.look_again()
    mirror.sync(old)
    assert waiting(mirror, old) and not server.searches
    assert progress(mirror, partner) == (0, 0)

    connect(mirror, old, "active")
    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)


def test_disconnected_mailbox_is_not_searched_and_listed_when_it_is_back(
    mirror, server, old
):
    mirror.contact("client")
    mirror.look_again()
    connect(mirror, old, "draft")
    assert not waiting(mirror, old)
    mirror.contact("stranger1")
    mirror.look_again()
    assert not waiting(mirror, old), "nobody is asked for it"

    connect(mirror, old, "active")
    settle(mirror, old)

    strangers = {n for n in range(MANY) if n % 10 and n % 16 == 1}
    assert mirror.mirrored(old) == ids(mirror, {*CLIENTS, *strangers})
    assert not server.searches


def test_many_contacts_at_once_list_the_mailbox_once(mirror, server, old, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_search as search

    monkeypatch.setattr(search, "MOST_TERMS", 5)
    with mirror.env() as env:
        env["res.partner"].create(
            [
                {"name": "x", "email": mirror.at(f"{kind}{number}")}
                for kind in ("stranger", "nobody")
                for number in range(40)
            ]
        )
        sync = env["crm.mail.mirror.sync"]
        env.cr.commit()
        ((before,),) = mirror.sql(
            "SELECT cursor_seq FROM crm_mail_mirror_mailbox WHERE id = %s", old.id
        )
        for _ in range(10):  # in bites
            sync._look_again(limit=8)
            assert len(waiting(mirror, old)) <= 6
    ((after,),) = mirror.sql(
        "SELECT cursor_seq FROM crm_mail_mirror_mailbox WHERE id = %s", old.id
    )
    assert after == before, "it waits until all are known"
    mirror.look_again()
    ((after,),) = mirror.sql(
        "SELECT cursor_seq FROM crm_mail_mirror_mailbox WHERE id = %s", old.id
    )
    assert after == before + 1

    settle(mirror, old)

    strangers = {number for number in range(MANY) if number % 10}
    assert mirror.mirrored(old) == ids(mirror, strangers)
    assert not server.searches


@pytest.mark.parametrize("how", ["many", "cut", "for good"])
def test_search_that_finds_too_much_to_be_sure_is_divided_then_listed(
    mirror, lib, server, old, monkeypatch, how
):
    if how == "many":
        monkeypatch.setattr(lib.Connection, "most_found", 6)
    else:  # the provider says so, however few they are
        search, for_good = lib.Connection.search, how == "for good"
        monkeypatch.setattr(
            lib.Connection,
            "search",
            lambda *args: lib.base.Cut(search(*args)[:1], for_good),
        )
    mirror.contact("client")
    mirror.contact("stranger1")
    settle(mirror, old)

    asked = [2] if how == "for good" else [2, 1]
    assert [len(query.addresses) for query in server.searches] == asked
    strangers = {n for n in range(MANY) if n % 10 and n % 16 == 1}
    assert mirror.mirrored(old) == ids(mirror, {*CLIENTS, *strangers})


def test_search_that_fails_ever_again_gives_way_to_a_listing(mirror, server, old):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Unavailable

    def fail(_calls):
        raise Unavailable("timeout")

    server.before["search"] = fail
    mirror.contact("client")
    mirror.look_again()
    for _ in range(3):
        mirror.sync(old)
        assert mirror.mailbox(old, "last_error") == "timeout"
    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)
    assert not mirror.mailbox(old, "last_error")


def test_throttled_search_waits_and_goes_on(mirror, server, old):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Throttled

    def wait(calls):
        if calls == 1:
            raise Throttled(retry_after=600)

    server.calls.clear()
    server.before["envelopes"] = wait
    mirror.contact("client")
    mirror.look_again()
    mirror.sync(old)
    assert mirror.mailbox(old, "last_error") == "throttled"
    assert [total for *_rest, total in waiting(mirror, old)] == [6]

    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)
    assert len(server.searches) == 1


def test_new_mail_comes_first_and_a_long_import_does_not_hold_up_a_search(
    mirror, lib, server, old, small_bites, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync

    monkeypatch.setattr(crm_mail_mirror_sync, "PULL_SHARE", 0)
    mirror.contact("client")
    mirror.look_again()
    for number in range(100, 120):
        server.put(lib.mail(number, mirror.at("client"), old.email, tag=mirror.domain))
    journal = []
    for step in ("pull", "search"):
        server.before[step] = lambda _calls, step=step: journal.append(step)

    mirror.sync(old)

    assert journal[:3] == ["pull", "search", "pull"], "a page, the search, more"
    assert set(ids(mirror, CLIENTS)) < set(mirror.mirrored(old))
    settle(mirror, old)
    assert mirror.mirrored(old) == ids(mirror, [*CLIENTS, *range(100, 120)])


def test_mail_found_whose_headers_cannot_be_had_is_set_aside_alone(mirror, server, old):
    from odoo.addons.crm_mail_mirror.engine.providers.base import MessageBroken

    ((_place, bad),) = [
        (place, mail)
        for place, mail in server.mails.items()
        if mail.envelope.subject.startswith("Mail 20 ")
    ]
    bad.errors["envelopes"] = MessageBroken("message_broken")
    mirror.contact("client")
    settle(mirror, old)
    assert mirror.by_state(old) == {"mirrored": 5, "failed": 1}

    bad.errors.clear()
    with mirror.env(old.user_id) as env:
        env["crm.mail.mirror.copy"].search([("state", "=", "failed")]).action_try_now()
    for _ in range(4):
        mirror.sync(old)
        mirror.check(old)

    assert mirror.states(old) == {("mirrored", "contact"): 6}
    assert mirror.mirrored(old) == ids(mirror, CLIENTS)


def test_two_workers_find_each_mail_once(mirror, server, old, together):
    mirror.contact("client")
    mirror.look_again()
    mirror.make_due(old)

    together(*[lambda: mirror.sync(old, due=False)] * 2)
    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)
    assert set(server.fetched.values()) == {1}


def test_contact_that_goes_and_comes_while_it_is_looked_for_is_looked_for_anew(
    mirror, server, old, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_search_steps

    monkeypatch.setattr(crm_mail_mirror_search_steps, "LOOKS", 2)
    partner = mirror.contact("client")
    mirror.look_again()
    steps = []

    def go_and_come(calls):
        steps.append(calls)
        if len(steps) == 1:
            with mirror.env() as env:
                env["res.partner"].browse(partner).unlink()
            mirror.look_again()
        if len(steps) == 2:
            mirror.contact("client")
            mirror.look_again()

    server.before["envelopes"] = go_and_come
    settle(mirror, old)

    assert mirror.mirrored(old) == ids(mirror, CLIENTS)


# ---- which contacts ---


def sought(mirror, box):
    """Addresses that the mailbox is searched for; forgotten at once."""
    mirror.look_again()
    found = [term for kind, term, *_rest in waiting(mirror, box) if kind == "address"]
    mirror.sql("DELETE FROM crm_mail_mirror_search")
    return sorted(found)


def test_colleagues_roles_and_malformed_addresses_break_nothing(mirror, server, old):
    mirror.user("olga")
    for email in (
        f"olga@{mirror.house}",
        old.email,
        "not an address",
        "@",
        "",
        f"Info <INFO@{mirror.domain.upper()}>",
        "a@b@c",
        "x" * 300 + "@y.test",
    ):
        mirror.contact("odd", email=email)

    found = sought(mirror, old)

    assert f"info@{mirror.domain}" in found, "a role's address may be a contact's"
    assert not {f"olga@{mirror.house}", old.email}.intersection(found)
    settle(mirror, old)


def test_mailbox_is_searched_once_for_what_comes_to_be_known(mirror, old):
    """Ten contacts with one address, their leads, and names that change."""
    partners = [mirror.contact("client") for _ in range(10)]
    assert sought(mirror, old) == [mirror.at("client")]

    mirror.contact("client")
    mirror.write("res.partner", partners[:1], name="Another Name")
    mirror.write("res.partner", partners[:1], email=mirror.at("client").upper())
    with mirror.env() as env:
        lead = env["crm.lead"].create({"name": "Lead", "partner_id": partners[0]}).id
        env["crm.lead"].create({"name": "x", "email_from": mirror.at("client")})
    mirror.write("crm.lead", [lead], partner_id=partners[1])
    with mirror.env() as env:
        env["res.partner"].browse(partners[5:]).unlink()
    assert sought(mirror, old) == []

    with mirror.env() as env:
        env["crm.lead"].create({"name": "x", "email_from": mirror.at("lead")})
    mirror.write("res.partner", partners[:1], email=mirror.at("moved"))
    assert sought(mirror, old) == [mirror.at("lead"), mirror.at("moved")]


def test_mailbox_that_looks_back_a_week_is_not_searched(mirror, server, lib):
    from odoo import fields

    box = mirror.link("anna", server, sync_from=fields.Date.today() - timedelta(5))
    mirror.sync(box)
    mirror.contact("client")

    assert sought(mirror, box) == []


def test_progress_is_told_to_who_reads_the_contact_and_says_nothing_more(
    mirror, server, lib, old
):
    other = mirror.link("bert", lib.Server())
    reader = mirror.user("rita")
    company = mirror.contact("company", is_company=True)
    partner = mirror.contact("client", parent_id=company)
    mirror.look_again()
    with mirror.env(reader) as env:
        lead = env["crm.lead"].create({"name": "Lead", "partner_id": partner}).id

    def told(model, record):
        with mirror.env(reader) as env:
            return env[model].browse(record).mirror_search_progress

    assert "0 of 2 mailboxes" in told("res.partner", partner)
    mirror.sync(other)
    for model, record in (
        ("res.partner", partner),
        ("res.partner", company),
        ("crm.lead", lead),
    ):
        assert "1 of 2 mailboxes" in told(model, record)
    mirror.sync(old)
    assert not told("res.partner", partner)

    ask(mirror, old, addresses=[mirror.at("client")], reason="rule")
    assert not told("res.partner", partner), "a rule is its owner's alone"
