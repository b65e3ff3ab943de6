# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a comparison find what is missing, bring it back, and say so?"""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.history import Crash, break_off

NOW = datetime.now(UTC).replace(microsecond=0)


def letters(lib, mirror, box, count, start=0, sender="client", days=1, **fields):
    """Mails of this many days ago."""
    return [
        lib.mail(
            number,
            mirror.at(sender),
            box.email,
            tag=f"{sender}.{mirror.domain}",
            received_at=NOW - timedelta(days=days, seconds=number),
            **fields,
        )
        for number in range(start, start + count)
    ]


def ask(mirror, box, kind="week", why="owner"):
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        return env["crm.mail.mirror.audit"]._ask(mailbox, kind, why).id


def job(mirror):
    """All steps of the job of comparisons."""
    with mirror.env() as env:
        sync = env["crm.mail.mirror.sync"]
        while sync._in_transaction(lambda env: env["crm.mail.mirror.audit"]._step()):
            pass


def row(mirror, audit):
    ((*found,),) = mirror.sql(
        """SELECT state, missing, gone, changed FROM crm_mail_mirror_audit
            WHERE id = %s""",
        audit,
    )
    return tuple(found)


def week(mirror, box):
    """Compare the last week. :return: (state, missing, gone, changed)"""
    audit = ask(mirror, box)
    mirror.sync(box)
    return row(mirror, audit)


def everything(mirror, box, runs=2):
    audit = ask(mirror, box, "all")
    job(mirror)
    for _ in range(runs):
        mirror.sync(box)
        mirror.check(box)
    job(mirror)
    return row(mirror, audit)


def take_away(mirror, box, count, state="mirrored"):
    """Delete rows behind the addon's back, with all that hangs on them."""
    messages = mirror.sql(
        """DELETE FROM crm_mail_mirror_copy WHERE id IN (
               SELECT id FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s AND state = %s
                  AND received_at > now() - interval '7 days' ORDER BY id LIMIT %s)
        RETURNING message_id""",
        box.id,
        state,
        count,
    )
    assert len(messages) == count
    ids = [message for (message,) in messages if message]
    mirror.sql("DELETE FROM crm_mail_mirror_body WHERE message_id = ANY(%s)", ids)
    mirror.sql("DELETE FROM crm_mail_mirror_message WHERE id = ANY(%s)", ids)


def take_places_away(mirror, box, count):
    gone = mirror.sql(
        """DELETE FROM crm_mail_mirror_location WHERE id IN (
               SELECT l.id FROM crm_mail_mirror_location l
                 JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                WHERE c.mailbox_id = %s AND c.state = 'mirrored'
                ORDER BY c.received_at DESC LIMIT %s) RETURNING id""",
        box.id,
        count,
    )
    assert len(gone) == count


@pytest.fixture
def box(mirror, server):
    mirror.contact("client")
    return mirror.link(server=server)


@pytest.fixture
def filled(mirror, lib, server, box):
    """Of a client: 60 mails of the week, 60 older ones; of nobody: 20 of the week."""
    server.put(*letters(lib, mirror, box, 60))
    server.put(*letters(lib, mirror, box, 60, 100, days=40))
    server.put(*letters(lib, mirror, box, 20, 200, sender="stranger"))
    mirror.sync(box)
    mirror.check(box)
    assert mirror.by_state(box) == {"mirrored": 120, "unmatched": 20}
    return {"seen": mirror.seen(box), "mirrored": mirror.mirrored(box)}


def as_before(mirror, box, filled):
    mirror.check(box)
    assert mirror.mirrored(box) == filled["mirrored"]
    assert mirror.seen(box) == filled["seen"]


# ---- the last week ---


def test_nothing_is_missing_and_nobody_is_asked_twice(mirror, server, box, filled):
    server.calls.clear()

    assert week(mirror, box) == ("done", 0, 0, 0)

    assert server.calls["audit"] == 1
    assert not server.calls["envelopes"] and not server.calls["fetch"]
    as_before(mirror, box, filled)


def test_fifty_rows_deleted_behind_the_addons_back_are_brought_back(
    mirror, server, box, filled
):
    take_away(mirror, box, 30)
    take_away(mirror, box, 10, "unmatched")
    take_places_away(mirror, box, 10)

    assert week(mirror, box) == ("done", 50, 0, 0)

    as_before(mirror, box, filled)
    assert len(mirror.places(box)) == 120
    assert week(mirror, box) == ("done", 0, 0, 0)


def test_headers_that_cannot_be_read_are_counted_and_said(
    mirror, lib, server, box, filled
):
    """Nobody knows whether they are missing: the next night asks for them again."""
    take_away(mirror, box, 5)
    missing = set(filled["mirrored"]) - set(mirror.mirrored(box))
    unreadable = sorted(missing)[:2]
    for mail in server.mails.values():
        if mail.envelope.message_id in unreadable:
            mail.errors["envelopes"] = lib.base.MessageBroken("message_broken")

    assert week(mirror, box) == ("done", 3, 0, 0)
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        (audit,) = mailbox.audit_ids
        assert audit.unread == 2
        assert "3 were missing and are back, 2 could not be read" in audit.result
        assert "2 could not be read yet" in mailbox.proof

    for mail in server.mails.values():
        mail.errors.pop("envelopes", None)
    assert week(mirror, box) == ("done", 2, 0, 0)
    as_before(mirror, box, filled)
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert "could not be read" not in mailbox.proof


def test_rows_that_should_not_be_there_go(mirror, lib, server, box, filled):
    """The mailbox forgot them, and never told."""
    refs = sorted(ref for _folder, ref in server.mails)[:3]
    for ref in refs:
        del server.mails["INBOX", ref]
    # and one that lies nowhere, put into the database by hand
    mirror.sql(
        """DELETE FROM crm_mail_mirror_location l USING crm_mail_mirror_copy c
            WHERE c.id = l.copy_id AND c.mailbox_id = %s AND l.ref = %s""",
        box.id,
        refs[0],
    )

    assert week(mirror, box) == ("done", 0, 3, 0)
    for _ in range(2):
        mirror.sync(box)
    mirror.check(box)

    assert mirror.by_state(box) == {"mirrored": 117, "unmatched": 20}


def test_mail_that_the_provider_still_has_is_not_gone(mirror, lib, server, box, filled):
    """A list can be stale; who is asked knows."""
    (mail, ref) = next(
        (mail, ref) for (_f, ref), mail in server.mails.items() if ref == "0000000005"
    )
    server.fates[mail.envelope.message_id] = lib.base.Fate(
        lib.base.LIVE, (lib.base.Place("INBOX", "1", ref),)
    )
    hidden = server.mails.pop(("INBOX", ref))

    def back(_calls):
        server.mails["INBOX", ref] = hidden

    server.before["confirm"] = back

    assert week(mirror, box) == ("done", 0, 0, 0)
    as_before(mirror, box, filled)


def test_mail_that_arrives_leaves_and_moves_meanwhile_is_not_missing(
    mirror, lib, server, box, filled
):
    fresh = letters(lib, mirror, box, 9, 300, days=0)
    refs = sorted(ref for _folder, ref in server.mails)

    def life(_calls):
        server.put(*fresh[:3])
        server.remove(refs[0])
        server.move(refs[1], "Archive")

    def more_life(calls):
        if server.calls["audit"]:
            server.put(fresh[2 + calls - pulls["at"]])
            server.before.pop("pull")

    pulls = {"at": server.calls["pull"]}
    server.before["audit"] = life
    server.before["pull"] = more_life

    assert week(mirror, box) == ("done", 0, 0, 0)
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
    truth = {m.envelope.message_id for m in server.mails.values()}
    assert set(mirror.mirrored(box)) == {m for m in truth if "stranger" not in m}


def test_folders_that_do_not_count_are_not_compared(mirror, lib, server, box, filled):
    server.put(*letters(lib, mirror, box, 3, 400), folder="Trash")
    folder = mirror.sql(
        """UPDATE crm_mail_mirror_folder SET selected = FALSE
            WHERE mailbox_id = %s AND remote_ref = 'Archive' RETURNING id""",
        box.id,
    )
    assert folder
    server.mails.update(
        {
            ("Archive", f"x{n}"): m
            for n, m in enumerate(letters(lib, mirror, box, 3, 500))
        }
    )

    assert week(mirror, box) == ("done", 0, 0, 0)
    as_before(mirror, box, filled)


def test_comparison_waits_while_old_mail_is_listed(
    mirror, lib, server, box, small_pages
):
    server.put(*letters(lib, mirror, box, 50))
    audit = ask(mirror, box)

    mirror.sync(box)
    assert row(mirror, audit)[0] == "waiting"
    assert not server.calls["audit"]
    mirror.sync(box)
    assert row(mirror, audit)[0] == "done"


def test_older_mail_on_the_margin_that_was_forgotten_is_not_missing(
    mirror, lib, server, box, monkeypatch
):
    """SEARCH SINCE knows days only: it lists a day more than was asked for."""
    server.put(*letters(lib, mirror, box, 5, sender="stranger", days=7.5))
    mirror.sync(box)
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = now() - interval '1 hour'
            WHERE mailbox_id = %s""",
        box.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()
    real = lib.Connection.audit
    monkeypatch.setattr(
        lib.Connection,
        "audit",
        lambda self, since, *args: real(self, since - timedelta(days=2), *args),
    )

    assert week(mirror, box) == ("done", 0, 0, 0)
    assert mirror.by_state(box) == {} and mirror.seen(box) == 5
    mirror.check(box)


STEPS = (
    "_begin_week",
    "_compare",
    "_settle",
    "_finish",
    "_count_back",
    "_note_dropped",
)
EDGES = [
    *itertools.product(["audit"], STEPS, ("before", "after")),
    ("page", "_settle_orphans", "after"),
    ("page", "_insert_copies", "after"),
    ("page", "_write_locations", "after"),
    ("sync", "_store", "after"),
    ("sync", "_end", "before"),
]


def test_comparison_broken_off_anywhere_counts_each_mail_once(
    mirror, lib, server, box, filled, monkeypatch
):
    """Each time some rows are missing, and one mail is gone."""
    from odoo.addons.crm_mail_mirror.models import audit_run

    monkeypatch.setattr(audit_run, "LOOKS", 3)
    refs = sorted(ref for _folder, ref in server.mails)
    for number, edge in enumerate(EDGES):
        take_away(mirror, box, 5)
        (gone,) = mirror.sql(
            """SELECT l.ref FROM crm_mail_mirror_location l
                 JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                WHERE c.mailbox_id = %s AND c.state = 'mirrored'
                  AND l.ref = ANY(%s) ORDER BY l.ref DESC LIMIT 1""",
            box.id,
            [ref for ref in refs[:60] if ("INBOX", ref) in server.mails],
        )
        mail = server.mails.pop(("INBOX", gone[0]))
        server.fates[mail.envelope.message_id] = lib.base.Fate(lib.base.GONE)
        audit = ask(mirror, box)
        with monkeypatch.context() as broken:
            break_off(broken, mirror.registry, edge)
            with pytest.raises(Crash):
                mirror.sync(box)
        mirror.sync(box)

        found = row(mirror, audit)
        assert found == ("done", 5, 1, 0), edge
        mirror.check(box)
        assert len(mirror.mirrored(box)) == 119 - number


# ---- everything ---


def test_deep_comparison_brings_back_what_the_week_does_not_know(
    mirror, server, box, filled, small_pages
):
    mirror.sql(
        """DELETE FROM crm_mail_mirror_copy WHERE mailbox_id = %s AND id IN (
               SELECT id FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                  AND received_at < now() - interval '30 days' LIMIT 30)""",
        box.id,
        box.id,
    )
    take_away(mirror, box, 10)
    take_places_away(mirror, box, 10)
    assert week(mirror, box) == ("done", 20, 0, 0)

    assert everything(mirror, box) == ("done", 30, 0, 0)

    as_before(mirror, box, filled)
    assert len(mirror.places(box)) == 120
    assert everything(mirror, box) == ("done", 0, 0, 0)
    as_before(mirror, box, filled)


def test_deep_comparison_removes_what_is_gone_or_judged_otherwise(
    mirror, lib, server, box, filled
):
    for ref in sorted(ref for _folder, ref in server.mails)[58:63]:
        del server.mails["INBOX", ref]
    server.journal = [s for s in server.journal if ("INBOX", s[3]) in server.mails]
    # a rule that acted on nothing, as if it had been put into the database by hand
    mirror.sql(
        """UPDATE crm_mail_mirror_message SET subject_raw = 'perso: lunch'
            WHERE id IN (SELECT message_id FROM crm_mail_mirror_copy
                          WHERE mailbox_id = %s AND state = 'mirrored'
                          ORDER BY id DESC LIMIT 4)""",
        box.id,
    )

    assert everything(mirror, box, 4) == ("done", 0, 5, 4)
    mirror.check(box)
    assert mirror.by_state(box) == {"mirrored": 111, "unmatched": 20, "excluded": 4}


def test_mail_that_was_kept_out_wrongly_comes_in(mirror, lib, server, box, filled):
    """The contact is there; the change that should have told it is not."""
    mirror.contact("stranger")
    mirror.sql("DELETE FROM crm_mail_mirror_outbox")

    assert everything(mirror, box) == ("done", 20, 0, 0)
    assert mirror.by_state(box) == {"mirrored": 140}
    assert mirror.seen(box) == filled["seen"]


def test_mail_that_arrives_while_all_is_listed_is_not_missing(
    mirror, lib, server, box, filled, small_pages
):
    fresh = iter(letters(lib, mirror, box, 50, 600, days=0))
    audit = ask(mirror, box, "all")
    job(mirror)
    server.before["pull"] = lambda calls: server.put(next(fresh))
    mirror.sync(box, budget=0)
    server.before.clear()
    mirror.sync(box)
    job(mirror)

    assert row(mirror, audit) == ("done", 0, 0, 0)
    mirror.check(box)


@pytest.mark.parametrize("edge", [("audit", "_listed"), ("audit", "_judge_some")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_deep_comparison_broken_off_reports_the_same(
    mirror, server, box, filled, small_pages, edge, when, monkeypatch
):
    take_away(mirror, box, 15)
    audit = ask(mirror, box, "all")
    job(mirror)
    with monkeypatch.context() as broken:
        break_off(broken, mirror.registry, (*edge, when))
        with pytest.raises(Crash):
            mirror.sync(box)
            job(mirror)
        mirror.check(box)
    mirror.sync(box)
    job(mirror)

    assert row(mirror, audit) == ("done", 15, 0, 0)
    as_before(mirror, box, filled)


# ---- when ---


def test_cursor_that_expired_is_a_comparison_of_everything(mirror, server, box, filled):
    take_away(mirror, box, 5)
    server.expired = True
    for _ in range(3):
        mirror.sync(box)
    job(mirror)

    assert mirror.sql(
        """SELECT kind, why, state, missing FROM crm_mail_mirror_audit
            WHERE mailbox_id = %s""",
        box.id,
    ) == [("all", "cursor", "done", 5)]
    as_before(mirror, box, filled)


def test_day_without_a_look_leaves_a_doubt(mirror, box, filled):
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox SET last_sync_at = now() - interval '2 days'
            WHERE id = %s""",
        box.id,
    )
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.sql(
        "SELECT kind, why FROM crm_mail_mirror_audit WHERE mailbox_id = %s", box.id
    ) == [("all", "trouble")]


def test_each_night_once_and_each_month_everything(mirror, box, filled, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_audit as model

    night = [False]
    monkeypatch.setattr(model, "is_slot", lambda *args: night[0])

    def asked():
        with mirror.env() as env:
            env["crm.mail.mirror.audit"]._ask_due()
        rows = mirror.sql(
            """SELECT kind FROM crm_mail_mirror_audit WHERE mailbox_id = %s
                ORDER BY id""",
            box.id,
        )
        return [kind for (kind,) in rows]

    def later(interval):
        for table, column in (("audit", "asked_at"), ("mailbox", "create_date")):
            which = "id" if table == "mailbox" else "mailbox_id"
            mirror.sql(
                f"""UPDATE crm_mail_mirror_{table}
                       SET {column} = {column} - %s::interval WHERE {which} = %s""",
                interval,
                box.id,
            )

    assert asked() == []
    night[0] = True
    assert asked() == [], "it was linked just now"
    later("1 day")
    assert asked() == ["week"]
    mirror.sync(box)
    assert asked() == ["week"]
    later("1 day")
    night[0] = False
    assert asked() == ["week"], "it is day"
    later("1 day")
    assert asked() == ["week", "week"], "a night was missed"
    later("40 days")
    night[0] = True
    assert asked() == ["week", "week", "all"]


def test_slots_are_spread_over_the_night_of_the_owner():
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_audit import is_slot

    midnight = datetime(2026, 11, 1)

    def begins(mailbox, zone):
        return next(
            minute
            for minute in range(1440)
            if is_slot(mailbox, zone, midnight + timedelta(minutes=minute))
        )

    utc = [begins(mailbox, "UTC") for mailbox in range(240)]
    assert sorted(utc) == list(range(60, 300))
    assert begins(7, "Asia/Tokyo") == (begins(7, "UTC") - 540) % 1440
    assert begins(7, "nowhere") == begins(7, "UTC")


def test_owner_asks_and_is_told_in_words(mirror, box, filled):
    take_away(mirror, box, 3)
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        mailbox.action_audit_week()
        mailbox.action_audit_all()
        mailbox.action_audit_all()
    for _ in range(2):
        mirror.sync(box)
    job(mirror)

    with mirror.env(box.user_id) as env:
        audits = env["crm.mail.mirror.mailbox"].browse(box.id).audit_ids
        assert [audit.kind for audit in audits] == ["all", "week"]
        deep, last = audits
        assert "nothing is missing" in last.result
        assert "3 were missing and are back" in deep.result
        proof = env["crm.mail.mirror.mailbox"].browse(box.id).proof
    assert proof.startswith("140 seen = 120 mirrored + 20 no contact; ")
    assert "last 7 days compared with the mailbox" in proof
