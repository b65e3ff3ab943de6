"""What administrators see of how mail fares: numbers, and the right ones."""

import random
from datetime import UTC, datetime, timedelta

import pytest

MAIL, FAILURE = "crm.mail.mirror.report.mail", "crm.mail.mirror.report.failure"


def ago(**span):
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def counted(mirror, box):
    """``{(code, seconds): count}`` of a mailbox, -1 for mail that tells no delay."""
    rows = mirror.sql(
        """SELECT code, seconds, count FROM crm_mail_mirror_pulse
            WHERE mailbox_id = %s AND day = (now() AT TIME ZONE 'UTC')::date""",
        box.id,
    )
    return {(code, seconds): count for code, seconds, count in rows}


@pytest.fixture
def imported(mirror, lib, server):
    """A mailbox whose first import was over two days ago; it brought one mail."""
    box = mirror.link(server=server)
    mirror.contact()
    server.put(lib.mail(1, mirror.at("client"), box.email, tag=mirror.domain))
    mirror.sync(box)
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox
              SET imported_at = now() AT TIME ZONE 'UTC' - interval '2 days'
            WHERE id = %s AND imported_at IS NOT NULL""",
        box.id,
    )
    return box


@pytest.fixture
def numbers(mirror):
    """No numbers but those of the test; ``numbers(rows)`` puts them in."""
    mirror.sql("DELETE FROM crm_mail_mirror_pulse")

    def put(rows):
        with mirror.env() as env:
            company = env.company.id
            for days_ago, provider, code, seconds, count in rows:
                env.cr.execute(
                    """INSERT INTO crm_mail_mirror_pulse
                              (day, company_id, provider, code, seconds, count)
                       VALUES ((now() AT TIME ZONE 'UTC')::date - %s, %s, %s, %s, %s,
                               %s)
                       ON CONFLICT (day, company_id, provider, code, seconds)
                                   WHERE mailbox_id IS NULL
                       DO UPDATE
                          SET count = crm_mail_mirror_pulse.count + EXCLUDED.count""",
                    [days_ago, company, provider, code, seconds, count],
                )

    return put


def test_first_import_tells_no_delay(mirror, imported):
    assert counted(mirror, imported) == {("", -1): 1}


def test_delay_of_known_arrivals_is_counted(mirror, lib, server, imported):
    for number, span in enumerate(
        (
            {"seconds": 500},
            {"seconds": 470},
            {"seconds": 1000},
            {"hours": 15},
            {"days": 3},  # before the import was over
        ),
        start=10,
    ):
        arrival = {"received_at": ago(**span), "tag": mirror.domain}
        server.put(lib.mail(number, mirror.at("client"), imported.email, **arrival))
    server.put(
        lib.mail(20, "stranger@nowhere.test", imported.email, received_at=ago(hours=1))
    )

    mirror.sync(imported)

    assert counted(mirror, imported) == {
        ("", -1): 1 + 1,
        ("", 600): 2,
        ("", 1800): 1,
        ("", 86400): 1,
    }


def test_mail_that_waited_for_its_contact_tells_no_delay(mirror, lib, server, imported):
    arrival = {"received_at": ago(hours=1), "tag": mirror.domain}
    server.put(lib.mail(30, mirror.at("late"), imported.email, **arrival))
    mirror.sync(imported)
    mirror.contact("late")
    mirror.look_again()

    mirror.sync(imported)

    assert mirror.by_state(imported) == {"mirrored": 2}
    assert counted(mirror, imported) == {("", -1): 2}


def test_mail_that_failed_at_first_was_late(mirror, lib, server, imported):
    broken = lib.mail(
        40,
        mirror.at("client"),
        imported.email,
        received_at=ago(seconds=500),
        tag=mirror.domain,
    )
    broken.errors["fetch"] = lib.base.MessageBroken("message_broken")
    server.put(broken)
    mirror.sync(imported)
    assert counted(mirror, imported) == {("", -1): 1}
    broken.errors.clear()
    mirror.sql(
        "UPDATE crm_mail_mirror_copy SET next_try_at = '2020-01-01'"
        " WHERE mailbox_id = %s AND state = 'failed'",
        imported.id,
    )

    mirror.sync(imported)

    assert counted(mirror, imported) == {("", -1): 1, ("", 600): 1}


def test_failed_checks_are_counted_by_kind_and_since_when(mirror, lib, server):
    box = mirror.link(server=server)

    def border(_calls):
        raise lib.base.Unavailable("timeout")

    server.before["pull"] = border
    mirror.sync(box)
    since = mirror.mailbox(box, "failing_since")
    mirror.sync(box)

    assert counted(mirror, box) == {("timeout", -1): 2}
    assert since
    assert mirror.mailbox(box, "failing_since") == since
    del server.before["pull"]
    mirror.sync(box)
    assert not mirror.mailbox(box, "failing_since")


def test_median_and_95th_percentile_are_those_of_the_mails(mirror, numbers):
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_pulse import STEPS

    chance = random.Random(7)
    mails = [
        (chance.randrange(5), chance.choice(("imap", "gmail")), chance.choice(STEPS))
        for _ in range(400)
    ]
    numbers((day, provider, "", seconds, 1) for day, provider, seconds in mails)
    numbers([(1, "imap", "", -1, 5000), (2, "imap", "timeout", -1, 7)])

    def within(share, found):
        found = sorted(found)
        return found[-(-share * len(found) // 100) - 1]

    measures = ["count:sum", "median:max", "slowest:max"]
    with mirror.env() as env:
        today = env["crm.mail.mirror.report.mail"]._fields["day"].today()
        ((total, median, slowest),) = env[MAIL]._read_group([], [], measures)
        by_day = env[MAIL]._read_group([], ["day:day", "provider"], measures)

    everything = [seconds for _day, _provider, seconds in mails]
    assert total == 400 + 5000
    assert (median, slowest) == (within(50, everything), within(95, everything))
    assert len(by_day) == 10
    for day, provider, _count, median, slowest in by_day:
        found = [s for d, p, s in mails if d == (today - day).days and p == provider]
        assert (median, slowest) == (within(50, found), within(95, found))


def test_after_a_day_nobodys_numbers_are_told_apart(mirror, lib, numbers):
    boxes = [mirror.link(name) for name in ("anna", "bert")]
    for box in boxes:
        for days in (0, 1, 2, 400):
            mirror.sql(
                """INSERT INTO crm_mail_mirror_pulse
                          (day, company_id, provider, mailbox_id, code, seconds, count)
                   SELECT (now() AT TIME ZONE 'UTC')::date - %s, company_id, provider,
                          id, '', 60, 3 FROM crm_mail_mirror_mailbox WHERE id = %s""",
                days,
                box.id,
            )
    numbers([(2, "imap", "", 60, 10)])

    for _ in range(2):
        with mirror.env() as env:
            env["crm.mail.mirror.pulse"]._gc_pulse()

    rows = mirror.sql(
        """SELECT (now() AT TIME ZONE 'UTC')::date - day, mailbox_id, count
             FROM crm_mail_mirror_pulse ORDER BY 1, 2"""
    )
    fresh = [(days, box.id, 3) for days in (0, 1) for box in boxes]
    assert rows == [*fresh, (2, None, 16)]


def test_page_health_adds_up(mirror, numbers):
    numbers(
        [
            (0, "imap", "", 60, 9),
            (0, "imap", "", 900, 1),
            (3, "gmail", "", -1, 50),
            (3, "imap", "timeout", -1, 4),
            (3, "gmail", "timeout", -1, 1),
            (0, "imap", "not known to anybody", -1, 2),
            (40, "imap", "", 60, 1000),
        ]
    )
    with mirror.env() as env:
        told = env[MAIL].get_health(span=7)

    assert len(told["days"]) == 7
    assert told["mails"] == [0, 0, 0, 50, 0, 0, 10]
    assert told["median"] == [None] * 6 + [60]
    assert told["slowest"] == [None] * 6 + [900]
    failures = {each["kind"]: each["counts"] for each in told["failures"]}
    assert failures == {"timeout": [0, 0, 0, 5, 0, 0, 0], "bug": [0] * 6 + [2]}
    assert told["lately"] == {
        "mails": 60,
        "median": 60,
        "slowest": 900,
        "failures": 7,
    }
    with mirror.env() as env:
        users = env["crm.mail.mirror.adoption"].search_count([])
    assert sum(state["count"] for state in told["states"]) == users


def test_what_comes_back_when_a_rule_goes_is_told_in_tens(mirror, numbers):
    """Who makes a rule on a word, and takes it back, would count the mails with it."""

    def told():
        with mirror.env() as env:
            rows = env[MAIL].search_read([], ["count", "seconds"])
            return env[MAIL].get_health(7)["mails"][-1], [
                (row["seconds"], row["count"]) for row in rows
            ]

    numbers([(0, "imap", "", 60, 7), (0, "imap", "", -1, 9), (0, "gmail", "", -1, 41)])
    before = told()
    numbers([(0, "gmail", "", -1, 8)])

    assert told() == before
    assert before[0] == 7 + 40
    assert sorted(before[1]) == [(0, 40), (60, 7)]


def test_one_statement_a_page_and_none_without_mail(mirror, lib, server, imported):
    said = []
    pulse = mirror.registry["crm.mail.mirror.pulse"]
    real = pulse._add

    def add(self, mailbox_id, rows):
        said.append(rows)
        real(self, mailbox_id, rows)

    pulse._add = add
    try:
        mirror.sync(imported)
        for number in range(50, 60):
            arrival = {"received_at": ago(seconds=500), "tag": mirror.domain}
            server.put(lib.mail(number, mirror.at("client"), imported.email, **arrival))
        mirror.sync(imported)
    finally:
        pulse._add = real

    assert [rows for rows in said if rows] == [[("", 600, 10)]]
