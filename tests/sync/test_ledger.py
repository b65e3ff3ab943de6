# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does the log count each mail once, when rows go in time and mail is seen again?"""

import pytest

from tests.sync.history import Crash, break_off


@pytest.fixture
def box(mirror, server):
    mirror.contact("client")
    return mirror.link(server=server)


def letters(lib, mirror, box, count, start=0, sender="stranger", **fields):
    return [
        lib.mail(
            number,
            mirror.at(sender),
            box.email,
            tag=f"{sender}.{mirror.domain}",
            **fields,
        )
        for number in range(start, start + count)
    ]


def expire(mirror, box):
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = now() - interval '1 day'
            WHERE mailbox_id = %s AND expires_at IS NOT NULL""",
        box.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()
    mirror.check(box)


def lines(mirror, box):
    """``{(state, reason): (seen, of these without row)}``"""
    rows = mirror.sql(
        """SELECT state, reason, sum(count)::int, sum(expired)::int
             FROM crm_mail_mirror_day WHERE mailbox_id = %s
            GROUP BY 1, 2 HAVING sum(count) != 0""",
        box.id,
    )
    return {(state, reason): (count, expired) for state, reason, count, expired in rows}


def list_again(mirror, box):
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id)._list_again()


def passes(mirror, box, count=3):
    for _ in range(count):
        mirror.sync(box)
        mirror.check(box)
        assert not mirror.mailbox(box, "last_error")


NOBODY = ("unmatched", "no_contact")


def test_rows_that_go_in_time_leave_their_number(mirror, lib, server, box):
    server.put(*letters(lib, mirror, box, 4))
    server.put(*letters(lib, mirror, box, 2, 10, sender="client"))
    passes(mirror, box, 1)

    expire(mirror, box)

    assert lines(mirror, box) == {NOBODY: (4, 4), ("mirrored", "contact"): (2, 0)}


def test_mail_that_is_moved_after_its_row_went_counts_once(mirror, lib, server, box):
    refs = server.put(*letters(lib, mirror, box, 4))
    passes(mirror, box, 1)
    expire(mirror, box)

    server.move(refs[0], "Archive")
    passes(mirror, box)
    assert lines(mirror, box) == {NOBODY: (4, 3)}

    expire(mirror, box)
    assert lines(mirror, box) == {NOBODY: (4, 4)}


def test_mail_that_comes_to_another_end_when_it_is_seen_again(mirror, lib, server, box):
    refs = server.put(*letters(lib, mirror, box, 3))
    passes(mirror, box, 1)
    expire(mirror, box)
    mirror.contact("stranger")
    # nobody searches for older mail
    mirror.sql("DELETE FROM crm_mail_mirror_outbox")

    server.move(refs[1], "Archive")
    passes(mirror, box)

    assert lines(mirror, box) == {NOBODY: (2, 2), ("mirrored", "contact"): (1, 0)}


def test_older_mail_that_a_search_brings_in_is_counted_once(mirror, lib, server, box):
    server.put(*letters(lib, mirror, box, 3))
    passes(mirror, box, 1)
    expire(mirror, box)
    mirror.contact("stranger")
    mirror.look_again()
    passes(mirror, box)

    assert lines(mirror, box) == {("mirrored", "contact"): (3, 0)}


def test_new_mail_of_a_day_of_which_nothing_expired_is_counted(
    mirror, lib, server, box
):
    server.put(*letters(lib, mirror, box, 2))
    passes(mirror, box, 1)
    expire(mirror, box)

    fresh = letters(lib, mirror, box, 3, 10)
    for letter in fresh:
        letter.received_at = lib.datetime.now(lib.UTC)
    other_day = letters(lib, mirror, box, 1, 20)
    other_day[0].received_at -= lib.timedelta(days=9)
    server.put(*fresh, *other_day)
    passes(mirror, box)

    assert lines(mirror, box) == {NOBODY: (6, 2)}


def test_what_a_first_import_passed_by_is_no_new_mail_when_it_is_seen(
    mirror, lib, server, box
):
    server.passed_by = 10
    server.put(*letters(lib, mirror, box, 1))
    passes(mirror, box, 1)
    server.passed_by = 0
    assert mirror.seen(box) == 11

    old = letters(lib, mirror, box, 1, 5, sender="client")
    old[0].received_at -= lib.timedelta(days=30)
    server.put(*old)
    passes(mirror, box)

    assert mirror.seen(box) == 11
    assert lines(mirror, box)["unmatched", "not_listed"] == (9, 9)


# ---- all of it is listed again ---


@pytest.fixture
def forgotten(mirror, lib, server, box, small_pages):
    """Fifty mails of nobody without row, some in two folders; ten of a client."""
    mails = letters(lib, mirror, box, 50)
    server.put(*mails)
    server.put(*mails[:7], folder="Archive")
    server.put(*letters(lib, mirror, box, 10, 100, sender="client"), folder="Sent")
    passes(mirror, box, 1)
    expire(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 10}
    return lines(mirror, box)


def test_listing_again_counts_what_has_no_row_and_writes_none(
    mirror, box, server, forgotten
):
    list_again(mirror, box)
    assert mirror.seen(box) == 10, "the log does not begin anew"
    passes(mirror, box, 2)

    assert (
        lines(mirror, box)
        == forgotten
        == {
            NOBODY: (50, 50),
            ("mirrored", "contact"): (10, 0),
        }
    )
    assert mirror.by_state(box) == {"mirrored": 10}
    assert set(server.fetched.values()) == {1}
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_listing WHERE mailbox_id = %s", box.id
    )


def test_listing_again_that_is_broken_off_counts_nothing_twice(
    mirror, lib, server, box, forgotten, monkeypatch
):
    list_again(mirror, box)
    for edge in (
        ("page", "_write_mail", "after"),
        ("day", "_add", "before"),
        ("listing", "_note", "after"),
        ("sync", "_store", "after"),
        ("listing", "_untold", "after"),
        ("listing", "_end", "after"),
    ):
        with monkeypatch.context() as broken:
            break_off(broken, mirror.registry, edge, nth=1)
            with pytest.raises(Crash):
                mirror.sync(box)
        mirror.check(box)
    passes(mirror, box, 2)

    assert lines(mirror, box) == forgotten


def test_listing_again_that_begins_anew_in_the_middle(
    mirror, lib, server, box, forgotten
):
    def refuse(calls):
        if calls == at + 2:
            raise lib.base.CursorExpired("cursor_expired")

    list_again(mirror, box)
    at = server.calls["pull"]
    server.before["pull"] = refuse
    for _ in range(2):
        mirror.sync(box)
        mirror.check(box)
    server.before.clear()
    passes(mirror, box, 2)

    assert server.calls["pull"] > at + 4
    assert lines(mirror, box) == forgotten


def test_mail_that_moves_while_all_is_listed_again_counts_once(
    mirror, lib, server, box, forgotten
):
    refs = sorted(ref for folder, ref in server.mails if folder == "INBOX")

    def live(calls):
        # once told, and before it is told
        if calls == at + 2:
            server.move(refs[0], "Archive")
            server.move(refs[49], "Archive")

    list_again(mirror, box)
    at = server.calls["pull"]
    server.before["pull"] = live
    passes(mirror, box, 3)

    assert server.calls["pull"] > at + 2
    assert lines(mirror, box) == forgotten


@pytest.mark.parametrize("listing", ["again", "first"])
def test_rows_that_go_in_time_while_all_is_listed_count_once(
    mirror, lib, server, box, small_pages, listing
):
    """Those told before and those not yet; and told once more in another folder."""
    mails = letters(lib, mirror, box, 50)
    server.put(*mails)
    passes(mirror, box, 1)
    refs = sorted(ref for folder, ref in server.mails if folder == "INBOX")

    def live(calls):
        if calls == at + 2:
            expire(mirror, box)
            server.move(refs[0], "Archive")
            server.move(refs[49], "Archive")

    if listing == "first":
        mirror.sql(
            "UPDATE crm_mail_mirror_mailbox SET listing = 'first' WHERE id = %s", box.id
        )
    list_again(mirror, box)
    at = server.calls["pull"]
    server.before["pull"] = live
    passes(mirror, box, 3)

    assert server.calls["pull"] > at + 2
    assert mirror.mailbox(box, "listing") is False
    seen, _expired = lines(mirror, box)[NOBODY]
    assert seen == 50


def test_mail_counted_without_row_that_a_contact_brings_in_meanwhile(
    mirror, lib, server, box, forgotten
):
    """It was counted as nobody's; told again in another folder it is a contact's."""
    refs = sorted(ref for folder, ref in server.mails if folder == "INBOX")

    def live(calls):
        if calls == at + 2:
            mirror.contact("stranger")
            mirror.look_again()
            server.move(refs[0], "Archive")

    list_again(mirror, box)
    at = server.calls["pull"]
    server.before["pull"] = live
    passes(mirror, box, 3)

    assert mirror.seen(box) == 60
    assert lines(mirror, box)["mirrored", "contact"][0] > 10


def test_first_import_that_is_begun_anew_leaves_rows_of_old_mail(
    mirror, lib, server, box, small_pages
):
    """Who adds a contact in its first week finds the old mail as well."""
    server.put(*letters(lib, mirror, box, 50))
    mirror.sync(box, budget=0)
    list_again(mirror, box)
    passes(mirror, box, 2)

    assert mirror.states(box) == {NOBODY: 50}
    assert lines(mirror, box) == {NOBODY: (50, 0)}
