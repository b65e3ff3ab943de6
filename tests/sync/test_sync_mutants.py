"""Do the tests notice? The code is broken in a known way, and a test has to fail."""

import inspect

import pytest

from tests.sync import test_sync_crash as crash
from tests.sync import test_sync_pages as pages
from tests.sync import test_sync_races as races
from tests.sync.mirror import Mirror


def cursor_before_rows(patch, registry):
    """The cursor is committed in a transaction of its own, before what it passes."""
    page = registry["crm.mail.mirror.page"]
    real = page._store

    def store(self, lease, page):
        if page.batch:
            with registry.cursor() as cr:
                self.with_env(self.env(cr=cr))._move_cursor(lease, page.batch)
        return real(self, lease, page)

    patch.setattr(page, "_store", store)


def no_fence(patch, registry):
    patch.setattr(registry["crm.mail.mirror.page"], "_fence", lambda self, _lease: None)


def orphans_go_at_once(patch, registry):
    page = registry["crm.mail.mirror.page"]
    real = page._judge_orphans

    def judge(self, lease, days):
        lease.pass_no += 2
        real(self, lease, days)
        lease.pass_no -= 2

    patch.setattr(page, "_judge_orphans", judge)


def departures_before_arrivals(patch, registry):
    """And what has no place then is gone."""
    page = registry["crm.mail.mirror.page"]
    real = page._write_mail

    def write(self, lease, page, folders, days):
        self._drop_locations(lease, folders, page.batch.absent)
        lease.pass_no += 2
        self._judge_orphans(lease, days)
        lease.pass_no -= 2
        return real(self, lease, page, folders, days)

    patch.setattr(page, "_write_mail", write)


def outbox_does_not_wait(patch, registry):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync

    patch.setattr(crm_mail_mirror_sync, "WRITERS_LOCK", 1)

    def wait_for_its_end(mirror, _kind):
        while mirror.sql("SELECT 1 FROM crm_mail_mirror_outbox"):
            pass

    patch.setattr(races, "waits_for_lock", wait_for_its_end)


def lease_is_ignored(patch, registry):
    from odoo.tools import SQL

    patch.setitem(Mirror.sync.__kwdefaults__, "budget", 3.0)

    patch.setattr(
        registry["crm.mail.mirror.sync"],
        "_is_due",
        lambda self, ids=None: SQL(
            "next_sync_at <= now() AT TIME ZONE 'UTC' AND id = ANY(%s)", list(ids)
        ),
    )


def one_bad_mail_fails_its_page(patch, registry):
    patch.setattr(registry["crm.mail.mirror.sync"], "_refused", lambda self, *_args: [])


def texts_are_lent(patch, registry):
    """A copy of a known mail gets the first text there is."""
    page = registry["crm.mail.mirror.page"]
    real = page._insert_bodies

    def insert(self, bodies):
        ids = real(self, bodies)
        for message, digest in ids:
            self.env.cr.execute(
                "SELECT min(id) FROM crm_mail_mirror_body WHERE message_id = %s",
                [message],
            )
            ((ids[message, digest],),) = self.env.cr.fetchall()
        return ids

    patch.setattr(page, "_insert_bodies", insert)


def no_brake(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.page"], "_is_too_much", lambda self, *_args: False
    )


CASES = [
    (
        cursor_before_rows,
        crash.test_crash_at_every_edge_of_a_page_loses_and_doubles_nothing,
        {"part": 2},
    ),
    (
        no_fence,
        races.test_exclusion_saved_between_decision_and_writing_counts,
        {"kind": "address", "whose": "owner"},
    ),
    (no_fence, races.test_late_worker_whose_lease_ran_out_writes_nothing, {}),
    (
        orphans_go_at_once,
        pages.test_departure_told_a_pass_before_the_arrival_is_no_delete,
        {},
    ),
    (departures_before_arrivals, pages.test_move_between_folders_is_no_delete, {}),
    (
        outbox_does_not_wait,
        races.test_outbox_waits_for_the_page_that_decided_without_it,
        {},
    ),
    (
        lease_is_ignored,
        races.test_two_workers_share_the_mailboxes_and_none_is_mirrored_twice,
        {},
    ),
    (
        one_bad_mail_fails_its_page,
        pages.test_mail_that_the_database_refuses_is_set_aside_alone,
        {"hostile": {"subject": "nul \x00 byte"}},
    ),
    (texts_are_lent, pages.test_forged_message_id_gives_no_text_of_a_colleague, {}),
    (no_brake, pages.test_much_mail_gone_at_once_is_hidden_not_removed, {}),
]


@pytest.fixture(autouse=True)
def nothing_broken_stays(mirror):
    yield
    for table in ("copy", "message", "day"):
        mirror.sql(f"DELETE FROM crm_mail_mirror_{table}")


@pytest.fixture
def braked(mirror, lib, server):
    return pages.vanish(mirror, lib, server)


@pytest.mark.parametrize(
    ("break_it", "test", "values"),
    CASES,
    ids=[f"{break_it.__name__}-{test.__name__}" for break_it, test, _values in CASES],
)
def test_broken_code_is_noticed(break_it, test, values, request, mirror, monkeypatch):
    break_it(monkeypatch, mirror.registry)
    wanted = inspect.signature(test).parameters

    with pytest.raises(AssertionError):
        test(
            **values,
            **{n: request.getfixturevalue(n) for n in wanted if n not in values},
        )
