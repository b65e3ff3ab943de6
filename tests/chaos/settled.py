# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Nobody does anything any more: do the jobs end where the server is?"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg2

from tests.sync.machine import fresh

#: Seconds of this machine, and of the mirror's time, in which all is to be well.
PATIENCE, HOURS = 240, 6
#: What a mailbox has that is linked again.
KEPT = ("imap_host", "imap_port", "imap_security", "imap_login")


def settle(run) -> None:
    """Wait until the jobs have nothing left to do and the mirror is the mailbox.

    :raises AssertionError: it is not, whatever time passes; with what is wrong
    """
    passes = _asked_again(run, _passes, run)
    end, hours = time.monotonic() + PATIENCE, run.clock.passed + HOURS * 3600
    wrong = "nothing was looked at"
    while time.monotonic() < end and run.clock.passed < hours:
        time.sleep(0.1)
        try:
            wrong = _unrest(run, passes) or _at_rest(run, passes)
        except psycopg2.OperationalError as error:
            wrong = str(error)
        finally:
            run.clock.stands = False
        if not wrong:
            break
    assert not wrong, (
        f"after {(run.clock.passed - hours) / 3600 + HOURS:.1f} h of the mirror's"
        f" time: {wrong}"
    )
    run.mirror.check(*run.boxes)
    for box in run.boxes:
        assert not run.mirror.activities(box), f"{box.email}: somebody is asked to act"


def wait_for_passes(run, seconds=60) -> None:
    """Until all mailboxes were looked through once."""
    end = time.monotonic() + seconds
    while min(_passes(run).values()) < 1 and time.monotonic() < end:
        time.sleep(0.1)


def wait_for_rest(run, seconds=5) -> None:
    """Until none is being looked at, or for a moment."""
    end = time.monotonic() + seconds
    while _held(run) and time.monotonic() < end:
        time.sleep(0.02)


def _at_rest(run, passes) -> str:
    """No time passes, and what is under way comes to its end: what is wrong then?"""
    run.clock.stands = True
    end = time.monotonic() + 5
    while time.monotonic() < end and _held(run):
        time.sleep(0.05)
    return _held(run) or _unrest(run, passes) or differences(run)


def _held(run) -> str:
    held = run.mirror.sql(
        "SELECT email FROM crm_mail_mirror_mailbox WHERE lease_token IS NOT NULL"
    )
    return f"held: {held}" if held else ""


def compare_with_a_fresh_one(run) -> None:
    """All mailboxes are linked anew: is what they show the same, mail by mail?"""
    shown = [fresh.shown(run.mirror, box) for box in run.boxes]
    rows = [_rows(run, box) for box in run.boxes]
    again, week = _listed_again(run), _week_ago()
    run.boxes = [_asked_again(run, _link_again, run, box) for box in run.boxes]
    for owner, box in zip(run.traffic.owners, run.boxes, strict=True):
        owner.box = box
    settle(run)
    for box, old in zip(run.boxes, shown, strict=True):
        new = fresh.shown(run.mirror, box)
        assert old == new, fresh.difference(box, old, new)
    for box, old in zip(run.boxes, rows, strict=True):
        new = _rows(run, box)
        lacking, extra = new - old, old - new
        if box.email in again:
            # when all is listed again, what is not mirrored and so old has no row
            lacking = [row for row in lacking if row[0] != "unmatched" or row[2] > week]
        assert not lacking and not extra, f"{box.email}: {extra} instead of {lacking}"


def _week_ago():
    return datetime.now(UTC).replace(tzinfo=None) - timedelta(days=7)


def _listed_again(run) -> set:
    rows = run.mirror.sql(
        """SELECT m.email FROM crm_mail_mirror_audit a
             JOIN crm_mail_mirror_mailbox m ON m.id = a.mailbox_id
            WHERE a.kind = 'all'"""
    )
    return {email for (email,) in rows}


def _rows(run, box) -> Counter:
    """Each mail's state and reason, when it was received, and where it lies."""
    return Counter(
        (*row, tuple(places))
        for *row, places in run.mirror.sql(
            """SELECT c.state, c.reason, c.received_at,
                      array_agg(concat(f.remote_ref, ' ', l.ref)
                                ORDER BY f.remote_ref, l.ref)
                 FROM crm_mail_mirror_copy c
                 LEFT JOIN crm_mail_mirror_location l ON l.copy_id = c.id
                 LEFT JOIN crm_mail_mirror_folder f ON f.id = l.folder_id
                WHERE c.mailbox_id = %s GROUP BY c.id""",
            box.id,
        )
    )


def differences(run) -> str:
    """What the mirror has and the mailboxes have not, and the other way round."""
    known = run.traffic.known()
    for owner in run.traffic.owners:
        box, wanted = owner.box, owner.wanted(known)
        places = run.mirror.places(box)
        if places != wanted:
            return (
                f"{box.email}: too much {sorted(places - wanted)[:5]}"
                f" ({len(places - wanted)}), missing {sorted(wanted - places)[:5]}"
                f" ({len(wanted - places)} of {len(wanted)})"
            )
        mirrored = run.mirror.mirrored(box)
        if len(mirrored) != len(set(mirrored)):
            return f"{box.email}: a mail has two rows"
    return ""


def _unrest(run, passes) -> str:
    """What is still to be done, or keeps a mailbox from it."""
    for box, email, state, error, failures, number in _passes(run, full=True):
        if state != "active" or error or failures:
            return f"{email}: {state}, {error}, {failures} failures"
        if number < passes.get(box, 0) + 2:
            return f"{email}: {number - passes.get(box, 0)} passes since"
    for what, query in _OPEN.items():
        ((count,),) = run.mirror.sql(query)
        if count:
            return f"{count} {what}"
    return ""


def _passes(run, full=False):
    rows = run.mirror.sql(
        """SELECT id, email, state, last_error, failure_count,
                  pass_no
             FROM crm_mail_mirror_mailbox WHERE id = ANY(%s)""",
        [box.id for box in run.boxes],
    )
    assert len(rows) == len(run.boxes), "a mailbox is gone"
    return rows if full else {row[0]: row[-1] for row in rows}


_OPEN = {
    "mailboxes are listed": """SELECT count(*) FROM crm_mail_mirror_mailbox
                                WHERE listing IS NOT NULL""",
    "addresses of contacts wait": "SELECT count(*) FROM crm_mail_mirror_outbox",
    "terms are searched for": """SELECT count(*) FROM crm_mail_mirror_search
                                  WHERE done_at IS NULL""",
    "mails wait": """SELECT count(*) FROM crm_mail_mirror_copy
                      WHERE state IN ('queued', 'failed')""",
    "mails without place": """SELECT count(*) FROM crm_mail_mirror_copy
                               WHERE orphan_pass IS NOT NULL""",
}


def _link_again(run, box):
    with run.mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        values = {name: mailbox[name] for name in KEPT}
        mailbox.unlink()
        again = env["crm.mail.mirror.mailbox"].create(
            {
                "user_id": box.user_id,
                "email": box.email,
                "password": "secret",
                "sync_from": False,
                **values,
            }
        )
        again.write({"state": "active", "next_sync_at": "2020-01-01"})
        return run.mirror.box(again)


def _asked_again(run, call, *args):
    """What the web client does when writers meet, or the database was away."""
    for attempt in range(10):
        try:
            return call(*args)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if attempt == 9:
                raise
            time.sleep(0.2)
    return None
