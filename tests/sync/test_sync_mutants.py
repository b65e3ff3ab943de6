"""Do the tests notice? The code is broken in a known way, and a test has to fail."""

import dataclasses
import inspect

import pytest

from tests.sync import test_sync_bare as bare_places
from tests.sync import test_sync_crash as crash
from tests.sync import test_sync_pages as pages
from tests.sync import test_sync_places as places
from tests.sync import test_sync_races as races
from tests.sync import test_sync_secrets as secrets
from tests.sync.mirror import Mirror
from tests.sync.test_sync_bare import bare, time_is_up  # noqa: F401
from tests.sync.test_sync_places import placed, vanished  # noqa: F401
from tests.sync.test_sync_secrets import rotating  # noqa: F401


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
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync_outbox

    patch.setattr(crm_mail_mirror_sync_outbox, "WRITERS_LOCK", 1)

    def wait_for_its_end(mirror, _kind):
        while mirror.sql("SELECT 1 FROM crm_mail_mirror_outbox"):
            pass

    patch.setattr(races, "waits_for_lock", wait_for_its_end)


def lease_is_ignored(patch, registry):
    from odoo.tools import SQL

    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync

    patch.setitem(Mirror.sync.__kwdefaults__, "budget", 3.0)
    patch.setattr(crm_mail_mirror_sync, "CLAIM_EVERY", 0)
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


def part_of_a_page_moves_the_cursor(patch, registry):
    from odoo.addons.crm_mail_mirror.models.mailbox_run import MailboxRun

    real = MailboxRun._part

    def part(pulled, some, rest, errors, unknown):
        found = real(pulled, some, rest, errors, unknown)
        found.batch = dataclasses.replace(found.batch, cursor=pulled.batch.cursor)
        return found

    patch.setattr(MailboxRun, "_part", staticmethod(part))


def known_places_are_asked_for(patch, registry):
    page = registry["crm.mail.mirror.page"]
    real = page._known_keys

    def known(self, lease, keys, decided=True):
        return real(self, lease, keys) if decided else frozenset()

    patch.setattr(page, "_known_keys", known)


def secret_is_saved_whatever_stands_there(patch, registry):
    credentials = registry["crm.mail.mirror.credential"]
    real = credentials._keep

    def keep(self, mailbox_id, secret, _seq):
        return real(self, mailbox_id, secret, self._seq(mailbox_id))

    patch.setattr(credentials, "_keep", keep)


def secret_is_saved_by_who_holds_the_lease(patch, registry):
    sync = registry["crm.mail.mirror.sync"]
    real = sync._keep

    def keep(self, lease, secret):
        with self._transaction() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
            if mailbox._is_held(lease.token):
                env.cr.commit()
                real(self, lease, secret)

    patch.setattr(sync, "_keep", keep)


def refusal_is_a_verdict_always(patch, registry):
    class Same:
        def __ne__(self, _other):
            return False

    patch.setattr(
        registry["crm.mail.mirror.credential"], "_seq", lambda self, _id: Same()
    )


def places_are_in_the_order_of_a_language(patch, registry):
    patch.setattr(registry["crm.mail.mirror.location"], "init", lambda self: None)
    with registry.cursor() as cr:
        for column in ("generation", "ref"):
            cr.execute(
                f"""ALTER TABLE crm_mail_mirror_location
                    ALTER COLUMN {column} TYPE varchar COLLATE "en-x-icu\""""
            )


def what_is_found_alive_is_left_to_go(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.page"], "_put_back", lambda self, *_args: None
    )


CASES = [
    (
        part_of_a_page_moves_the_cursor,
        bare_places.test_run_that_ends_inside_a_page_goes_on_there_and_asks_nothing_twice,
        {},
    ),
    (
        known_places_are_asked_for,
        bare_places.test_known_mail_that_is_listed_again_costs_nothing,
        {},
    ),
    (
        secret_is_saved_whatever_stands_there,
        secrets.test_owner_who_consented_anew_is_not_overruled_by_a_renewal,
        {},
    ),
    (
        secret_is_saved_by_who_holds_the_lease,
        secrets.test_two_workers_renew_at_once_and_the_refused_one_is_no_reason_to_ask,
        {"first": "late"},
    ),
    (
        refusal_is_a_verdict_always,
        secrets.test_refusal_of_a_secret_that_was_replaced_meanwhile_is_no_verdict,
        {"kind": "LoginRequired", "code": "access_revoked"},
    ),
    (
        places_are_in_the_order_of_a_language,
        places.test_range_holds_what_lies_between_its_bytes_and_nothing_else,
        {"order": None},
    ),
    (
        what_is_found_alive_is_left_to_go,
        places.test_mail_that_the_provider_finds_where_it_was_gets_its_place_back,
        {},
    ),
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
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_location import (
        CrmMailMirrorLocation,
    )

    yield
    for table in ("copy", "message", "day"):
        mirror.sql(f"DELETE FROM crm_mail_mirror_{table}")
    with mirror.env() as env:
        CrmMailMirrorLocation.init(env["crm.mail.mirror.location"])


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
