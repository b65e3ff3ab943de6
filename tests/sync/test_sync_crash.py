"""Broken off anywhere: a page happened whole or not at all, the next run goes on."""

import os
import random

import pytest

from tests.sync.history import EDGES, Crash, Life, break_off

#: Steps that a page takes only when something left the mailbox.
SELDOM = ("_settle_orphans", "_delete_copies")


def live(mirror, post, seed):
    box, program = post()
    mirror.contact("client")
    life = Life(program, seed, box.email, mirror.at("client"), mirror.at("stranger"))
    return box, life


def settle(mirror, box, life):
    """Nothing happens any more: two passes for orphans, one that finds nothing."""
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
    wanted = life.wanted()
    assert mirror.places(box) == wanted
    assert mirror.mirrored(box) == sorted({message_id for _f, _u, message_id in wanted})
    assert not mirror.mailbox(box, "last_error")


@pytest.mark.parametrize("part", range(4))
def test_crash_at_every_edge_of_a_page_loses_and_doubles_nothing(
    mirror, post, small_bites, part, monkeypatch
):
    box, life = live(mirror, post, seed=part)
    life.go_on(25)
    mirror.sync(box)

    for edge in EDGES[part::4]:
        life.go_on(4)
        life.arrive()  # at least one of each, so that pages are written
        life.arrive()
        with monkeypatch.context() as broken:
            break_off(broken, mirror.registry, edge)
            crashed = False
            for _ in range(3):
                try:
                    mirror.sync(box)
                except Crash:
                    crashed = True
                mirror.check(box)
        assert crashed or edge[1] in SELDOM, f"{edge} was never passed"

    settle(mirror, box, life)


@pytest.mark.parametrize("seed", range(int(os.environ.get("HISTORIES", "4"))))
def test_random_history_with_crashes_ends_where_the_server_is(
    mirror, post, small_bites, during, seed, monkeypatch
):
    """Arrivals, moves, deletes and restores between and during the runs."""
    box, life = live(mirror, post, seed)
    chance = random.Random(seed)
    during.append(lambda: chance.random() < 0.3 and life.go_on())
    life.go_on(30)

    for _ in range(12):
        life.go_on(chance.randrange(6))
        with monkeypatch.context() as broken:
            if chance.random() < 0.7:
                edge = chance.choice(EDGES)
                break_off(broken, mirror.registry, edge, chance.randrange(1, 4))
            try:
                mirror.sync(box)
            except Crash:
                pass
        mirror.check(box)

    during.clear()
    settle(mirror, box, life)


def test_error_inside_a_page_is_no_crash_and_is_tried_again(mirror, post, monkeypatch):
    box, life = live(mirror, post, seed=5)
    life.go_on(10)
    page = mirror.registry["crm.mail.mirror.page"]

    def broken(self, *_args):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(page, "_move_cursor", broken)
        mirror.sync(box)
    assert mirror.mailbox(box, "last_error") == "bug"
    assert mirror.mailbox(box, "failure_count") == 1
    assert mirror.states(box) == {}

    settle(mirror, box, life)
    assert mirror.mailbox(box, "failure_count") == 0


# ---- the database goes away ---


def hang_up(mirror, registry):
    """End all sessions of the database, as a restart does."""
    from odoo.sql_db import db_connect

    with db_connect("postgres").cursor() as cr:
        cr.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = %s""",
            [registry.db_name],
        )


@pytest.mark.parametrize("step", ["_fence", "_write_locations", "_move_cursor"])
def test_database_that_restarts_inside_a_page(mirror, post, step, monkeypatch):
    box, life = live(mirror, post, seed=6)
    life.go_on(20)
    page = mirror.registry["crm.mail.mirror.page"]
    real, hung_up = getattr(page, step), []

    def broken(self, *args):
        if not hung_up:
            hung_up.append(1)
            hang_up(mirror, mirror.registry)
        return real(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(page, step, broken)
        mirror.make_due(box)
        with mirror.env() as env:
            sync = env["crm.mail.mirror.sync"]
            try:
                sync._sync_due(mailbox_ids=[box.id])
            except Exception:
                pass
            env.cr.close()
    assert hung_up

    mirror.check(box)
    settle(mirror, box, life)


@pytest.mark.parametrize("step", ["pull", "fetch"])
def test_database_that_restarts_while_the_mailbox_is_read(
    mirror, post, step, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine.providers.imap import ImapProvider

    box, life = live(mirror, post, seed=7)
    life.go_on(20)
    real, hung_up = getattr(ImapProvider, step), []

    def broken(self, *args, **kwargs):
        if not hung_up:
            hung_up.append(1)
            hang_up(mirror, mirror.registry)
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(ImapProvider, step, broken)
        mirror.make_due(box)
        with mirror.env() as env:
            try:
                env["crm.mail.mirror.sync"]._sync_due(mailbox_ids=[box.id])
            except Exception:
                pass
            env.cr.close()
    assert hung_up

    mirror.check(box)
    settle(mirror, box, life)
