# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Clocks that are wrong, for a while or for ever: mailboxes are looked at in time."""

import pytest
from freezegun import freeze_time

#: Far enough for a certificate to have run out, or not to have begun.
WRONG = ["2025-01-01", "2029-01-01"]


@pytest.fixture
def box(mirror, lib, server):
    mirror.contact()
    box = mirror.link("anna", server)
    server.put(lib.mail(1, mirror.at("client"), box.email))
    return box


def due_in(mirror, box):
    """Seconds until its next look, by the database's clock."""
    ((seconds,),) = mirror.sql(
        """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')
             FROM crm_mail_mirror_mailbox WHERE id = %s""",
        box.id,
    )
    return float(seconds)


@pytest.mark.parametrize("today", WRONG)
def test_host_with_a_wrong_clock_neither_hurries_nor_forgets_a_mailbox(
    mirror, box, today
):
    with freeze_time(today, tick=True):
        mirror.sync(box)

    assert len(mirror.mirrored(box)) == 1
    assert 30 < due_in(mirror, box) < 120


@pytest.mark.parametrize("today", WRONG)
def test_host_with_a_wrong_clock_keeps_traces_for_seven_days_and_tries_again_soon(
    mirror, box, server, lib, today
):
    stranger = lib.mail(2, mirror.at("stranger"), box.email)
    unreadable = lib.mail(3, mirror.at("client"), box.email)
    unreadable.errors["fetch"] = lib.base.MessageBroken("message_broken")
    server.put(stranger, unreadable)
    with freeze_time(today, tick=True):
        mirror.sync(box)

    rows = mirror.sql(
        """SELECT state, extract(epoch FROM coalesce(expires_at, next_try_at)
                                            - now() AT TIME ZONE 'UTC')::int
             FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND state <> 'mirrored' ORDER BY state""",
        box.id,
    )
    assert rows == [
        ("failed", pytest.approx(60, abs=20)),
        ("unmatched", pytest.approx(7 * 86_400, abs=20)),
    ]


@pytest.mark.parametrize("today", WRONG)
def test_host_with_a_wrong_clock_waits_no_longer_after_a_failure(
    mirror, box, server, today
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Unavailable

    def hang_up(_calls):
        raise Unavailable("connection_lost", "")

    server.before["pull"] = hang_up
    with freeze_time(today, tick=True):
        mirror.sync(box)

    assert mirror.mailbox(box, "last_error") == "connection_lost"
    assert 0 < due_in(mirror, box) < 120


def test_database_whose_clock_was_ahead_goes_on_with_its_mailboxes(
    mirror, box, server, lib
):
    mirror.sync(box)
    server.put(lib.mail(2, mirror.at("client"), box.email))
    # what a job wrote that died while it was next year
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox
              SET next_sync_at = now() AT TIME ZONE 'UTC' + interval '1 year',
                  lease_token = 'of another',
                  lease_until = now() AT TIME ZONE 'UTC' + interval '1 year'
            WHERE id = %s""",
        box.id,
    )

    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_audits()
    mirror.sync(box, due=False)

    assert len(mirror.mirrored(box)) == 2
    assert due_in(mirror, box) < 120
