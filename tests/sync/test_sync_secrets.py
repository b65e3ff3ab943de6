# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Secrets that change while they are used: saved before, lost by nobody, never back.

The mailbox in memory lets in the newest secret alone, as where refresh tokens rotate.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sync.history import Crash
from tests.sync.mirror import LONG


@pytest.fixture
def rotating(mirror, lib, server):
    """A mailbox with one mail that gives another secret with each pull."""
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    server.secret, server.rotates = "secret", True
    return box


def stored(mirror, box):
    """(the secret in use in clear, its number)"""
    with mirror.env() as env:
        return env["crm.mail.mirror.credential"]._read_in_use(box.id)


def credential(mirror, method, *args):
    with mirror.env() as env:
        return getattr(env["crm.mail.mirror.credential"], method)(*args)


def consent(mirror, box, secret):
    """The owner consents anew, and it is tested."""
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        env["crm.mail.mirror.credential"]._store(mailbox, secret)
        env["crm.mail.mirror.credential"]._use_new(mailbox)


def wait(mirror, box):
    ((seconds,),) = mirror.sql(
        """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')::float
             FROM crm_mail_mirror_mailbox WHERE id = %s""",
        box.id,
    )
    return seconds


# ---- saved before it is used ---


def test_new_secret_is_saved_before_it_is_used_and_opens_the_next_run(
    mirror, server, rotating
):
    saved = []
    server.before["facts"] = server.before["fetch"] = lambda _calls: saved.append(
        stored(mirror, rotating)[0] == server.secret
    )

    for _ in range(3):
        mirror.sync(rotating)

    assert saved and all(saved), "used before it was saved"
    assert server.calls["renew"] == 3
    assert stored(mirror, rotating)[0] == server.secret == "secret 3"
    assert mirror.mailbox(rotating, "state") == "active"
    assert mirror.by_state(rotating) == {"mirrored": 1}


def test_page_that_fails_takes_no_secret_along(mirror, server, rotating, monkeypatch):
    page = mirror.registry["crm.mail.mirror.page"]

    def broken(self, *_args):
        raise Crash

    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(page, "_move_cursor", broken)
        mirror.sync(rotating)
    assert stored(mirror, rotating)[0] == server.secret == "secret 1"

    mirror.sync(rotating)
    assert mirror.by_state(rotating) == {"mirrored": 1}
    mirror.check(rotating)


@pytest.mark.parametrize("when", ["before", "after"])
def test_worker_killed_around_the_saving(mirror, lib, server, rotating, when):
    """Before: what was never saved is lost, and its owner is asked. After: nothing."""
    credentials = mirror.registry["crm.mail.mirror.credential"]
    real = credentials._keep

    def killed(self, *args):
        if when == "after":
            real(self, *args)
            self.env.cr.commit()
        # the process ends here: the thread tells nobody anything
        raise lib.base.Unavailable("connection_lost")

    credentials._keep = killed
    try:
        mirror.sync(rotating)
    finally:
        credentials._keep = real
    assert not mirror.by_state(rotating)

    mirror.sync(rotating)
    if when == "after":
        assert mirror.by_state(rotating) == {"mirrored": 1}
    else:
        assert mirror.mailbox(rotating, "state") == "needs_login"
        assert mirror.activities(rotating) == 1
        server.secret = "anew"
        consent(mirror, rotating, "anew")
        mirror.write("crm.mail.mirror.mailbox", rotating.id, state="active")
        mirror.sync(rotating)
        assert mirror.by_state(rotating) == {"mirrored": 1}
    mirror.check(rotating)


@pytest.mark.parametrize("committed", [False, True])
def test_database_that_hangs_up_while_a_secret_is_saved(
    mirror, server, rotating, committed
):
    """Tried again; and what was committed all the same is recognised as one's own."""
    from psycopg2 import OperationalError

    credentials = mirror.registry["crm.mail.mirror.credential"]
    real, calls = credentials._keep, []

    def hung_up(self, *args):
        calls.append(1)
        result = real(self, *args)
        if len(calls) == 1:
            if committed:
                self.env.cr.commit()
            raise OperationalError
        return result

    credentials._keep = hung_up
    try:
        mirror.sync(rotating)
    finally:
        credentials._keep = real

    assert len(calls) == 2
    assert stored(mirror, rotating)[0] == server.secret
    assert mirror.by_state(rotating) == {"mirrored": 1}
    assert not mirror.mailbox(rotating, "last_error")
    mirror.sync(rotating)
    assert mirror.mailbox(rotating, "state") == "active"


# ---- two workers ---


def claim(mirror, box):
    """A run as another worker would begin it: the former one's lease ran out."""
    mirror.make_due(box)
    with mirror.env() as env:
        (run,) = env["crm.mail.mirror.sync"]._claim(1, [box.id])
    return run


def end(mirror, run, found):
    with mirror.env() as env, ThreadPoolExecutor(1) as pool:
        env["crm.mail.mirror.sync"]._end(
            run, pool, {}, error=getattr(found, "error", None)
        )


@pytest.mark.parametrize("first", ["late", "holder"])
def test_two_workers_renew_at_once_and_the_refused_one_is_no_reason_to_ask(
    mirror, server, rotating, together, first
):
    """Both began with the same secret; only one of them still has the lease.

    The late one writes no page, but if it alone has the valid secret, it saves it.
    """
    late, holder = claim(mirror, rotating), claim(mirror, rotating)
    runs = [late, holder] if first == "late" else [holder, late]
    renewed, refused = threading.Barrier(2), threading.Barrier(2)

    def border(_calls):
        # the provider has accepted the one, nothing is saved yet: now the other
        renewed.wait(LONG)
        refused.wait(LONG)

    def win():
        return list(runs[0].steps(runs[0].pull, None))

    def lose():
        renewed.wait(LONG)
        found = list(runs[1].steps(runs[1].pull, None))
        refused.wait(LONG)
        return found

    server.before["renewed"] = border
    (won,), (lost,) = together(win, lose)

    assert lost.error.code == "access_revoked"
    assert stored(mirror, rotating)[0] == server.secret == "secret 1"
    for run, found in ((runs[1], lost), (runs[0], won)):
        end(mirror, run, found)
    assert mirror.mailbox(rotating, "state") == "active"
    assert mirror.activities(rotating) == 0
    server.before.clear()
    mirror.sync(rotating)
    assert mirror.by_state(rotating) == {"mirrored": 1}


@pytest.mark.parametrize(
    ("meanwhile", "state"),
    [("nothing", "active"), ("client", "needs_login"), ("consent", "needs_login")],
)
def test_verdict_before_a_renewed_secret_was_saved_is_taken_back_once_it_is(
    mirror, server, rotating, meanwhile, state
):
    """The thread of a run that crashed has the only valid secret, and saves it late.

    A verdict for other reasons stands, and so does the next one.
    """
    late = claim(mirror, rotating)

    def other_run(calls):
        if calls > 1:
            return
        mirror.sync(rotating)
        assert mirror.mailbox(rotating, "state") == "needs_login"
        assert mirror.activities(rotating) == 1
        if meanwhile == "client":
            with mirror.env() as env:
                mailbox = env["crm.mail.mirror.mailbox"].browse(rotating.id)
                mailbox._fail("client_changed", state="needs_login")
        elif meanwhile == "consent":
            consent(mirror, rotating, "anew")

    server.before["renewed"] = other_run
    list(late.steps(late.pull, None))

    assert mirror.mailbox(rotating, "state") == state
    if state == "active":
        assert mirror.activities(rotating) == 0
        assert wait(mirror, rotating) < 5
        mirror.sync(rotating)
        assert mirror.by_state(rotating) == {"mirrored": 1}
        server.secret = "of somebody else"
        mirror.sync(rotating)
        assert mirror.mailbox(rotating, "state") == "needs_login"
        assert mirror.activities(rotating) == 1


@pytest.mark.parametrize(
    "kind, code",
    [("LoginRequired", "access_revoked"), ("NotAllowed", "client_refused")],
)
def test_refusal_of_a_secret_that_was_replaced_meanwhile_is_no_verdict(
    mirror, lib, server, rotating, kind, code
):
    server.rotates = False

    def refuse(calls):
        if calls == 1:
            server.secret = "anew"
            consent(mirror, rotating, "anew")
            raise getattr(lib.base, kind)(code)

    server.before["pull"] = refuse
    mirror.sync(rotating)

    assert mirror.mailbox(rotating, "state") == "active"
    assert not mirror.mailbox(rotating, "last_error")
    assert mirror.activities(rotating) == 0
    assert wait(mirror, rotating) < 5
    mirror.sync(rotating)
    assert mirror.by_state(rotating) == {"mirrored": 1}


def test_refusal_of_the_secret_in_use_asks_the_owner_once(mirror, server, rotating):
    server.secret = "of somebody else"

    mirror.sync(rotating)
    mirror.sync(rotating)

    assert mirror.mailbox(rotating, "state") == "needs_login"
    assert mirror.mailbox(rotating, "last_error") == "access_revoked"
    assert mirror.activities(rotating) == 1


def test_refusal_after_the_run_kept_a_secret_itself_is_a_verdict(
    mirror, lib, server, rotating
):
    def revoke(_calls):
        raise lib.base.LoginRequired("access_revoked")

    server.before["fetch"] = revoke
    mirror.sync(rotating)

    assert server.calls["renew"] == 1
    assert mirror.mailbox(rotating, "state") == "needs_login"


# ---- what must not come back ---


def test_owner_who_consented_anew_is_not_overruled_by_a_renewal(
    mirror, server, rotating
):
    def anew(calls):
        if calls == 1:
            server.secret = "anew"
            consent(mirror, rotating, "anew")

    server.before["renewed"] = anew
    mirror.sync(rotating)

    assert stored(mirror, rotating)[0] == "anew"
    assert mirror.mailbox(rotating, "state") == "active"
    assert not mirror.mailbox(rotating, "last_error"), "it is nobody's trouble"
    assert wait(mirror, rotating) < 5
    mirror.sync(rotating)
    assert mirror.by_state(rotating) == {"mirrored": 1}
    assert stored(mirror, rotating)[0] == server.secret


def test_disconnected_mailbox_gets_no_secret_back(mirror, server, rotating):
    def disconnect(_calls):
        with mirror.env() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(rotating.id)
            env["crm.mail.mirror.credential"]._forget(mailbox)

    server.before["renewed"] = disconnect
    mirror.sync(rotating)

    assert stored(mirror, rotating) == (None, 0)
    assert not mirror.by_state(rotating)


def test_mailbox_disconnected_and_connected_again_keeps_the_new_secret(
    mirror, server, rotating
):
    def again(calls):
        if calls == 1:
            server.secret = "other account"
            with mirror.env() as env:
                mailbox = env["crm.mail.mirror.mailbox"].browse(rotating.id)
                env["crm.mail.mirror.credential"]._forget(mailbox)
                env["crm.mail.mirror.credential"]._store(mailbox, "other account")

    server.before["renewed"] = again
    mirror.sync(rotating)

    assert stored(mirror, rotating)[0] == "other account"


def test_secret_typed_but_not_tested_does_not_stop_the_one_in_use(
    mirror, server, rotating
):
    """Else a renewal would be lost, and the secret in use with it."""

    def typed(calls):
        if calls == 1:
            with mirror.env() as env:
                mailbox = env["crm.mail.mirror.mailbox"].browse(rotating.id)
                env["crm.mail.mirror.credential"]._store(mailbox, "mistyped")

    server.before["renewed"] = typed
    mirror.sync(rotating)
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(rotating.id)
        env["crm.mail.mirror.credential"]._drop_new(mailbox)

    mirror.sync(rotating)
    assert mirror.mailbox(rotating, "state") == "active"
    assert mirror.by_state(rotating) == {"mirrored": 1}


def test_numbers_of_secrets_never_come_twice(mirror, rotating):
    _secret, first = stored(mirror, rotating)

    seen = [first]
    for number in range(3):
        seen.append(credential(mirror, "_keep", rotating.id, f"s{number}", seen[-1]))
    consent(mirror, rotating, "anew")
    seen.append(stored(mirror, rotating)[1])

    assert len(set(seen)) == 5 and None not in seen
    assert credential(mirror, "_keep", rotating.id, "late", seen[2]) is None
    assert stored(mirror, rotating) == ("anew", seen[-1])


# ---- keys of the server that rotate ---


def test_another_key_of_the_server_keeps_the_number(mirror, rotating, monkeypatch):
    before = stored(mirror, rotating)
    both = f"{'newer-key-' * 4} {os.environ['CRM_MAIL_MIRROR_KEY']}"
    monkeypatch.setenv("CRM_MAIL_MIRROR_KEY", both)

    assert stored(mirror, rotating) == before
    monkeypatch.setenv("CRM_MAIL_MIRROR_KEY", both.split()[0])
    assert stored(mirror, rotating) == before, "it is still under the former key"
    assert credential(mirror, "_keep", rotating.id, "new", before[1])


def test_another_key_of_the_server_does_not_bring_a_former_secret_back(
    mirror, rotating, monkeypatch
):
    """Read, kept by another worker, then written under the new key."""
    from odoo.addons.crm_mail_mirror.engine.keyring import Keyring

    _secret, seq = stored(mirror, rotating)
    both = f"{'newer-key-' * 4} {os.environ['CRM_MAIL_MIRROR_KEY']}"
    monkeypatch.setenv("CRM_MAIL_MIRROR_KEY", both)
    real, kept = Keyring.rotate, []

    def rotate(self, token):
        if not kept:
            kept.append(credential(mirror, "_keep", rotating.id, "kept", seq))
        return real(self, token)

    monkeypatch.setattr(Keyring, "rotate", rotate)
    claim(mirror, rotating)

    assert kept == [stored(mirror, rotating)[1]]
    assert stored(mirror, rotating)[0] == "kept"


# ---- nobody sees it ---


def test_lease_and_run_show_no_secret(mirror, server, rotating):
    run = claim(mirror, rotating)
    run.lease.settings["client_secret"] = "of the client"

    assert run.lease.secret == "secret" and run.lease.secret_seq
    for shown in (repr(run), repr(run.lease), str(run.keep)):
        assert "'secret'" not in shown and "of the client" not in shown


# ---- OAuth clients ---


@pytest.fixture
def without_client(mirror, monkeypatch):
    """``without_client(code, *boxes)``: these have no client that could open them."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import NotAllowed

    mailbox = mirror.registry["crm.mail.mirror.mailbox"]
    real, missing = mailbox._connection, {}

    def connection(self):
        if self.id in missing:
            raise NotAllowed(missing[self.id])
        return real(self)

    monkeypatch.setattr(mailbox, "_connection", connection)

    def without(code, *boxes):
        missing.clear()
        missing.update((box.id, code) for box in boxes)

    return without


def test_mailbox_without_client_waits_for_the_administrator_and_the_others_go_on(
    mirror, lib, without_client
):
    servers = [lib.Server() for _ in range(3)]
    boxes = [mirror.link(f"user{n}", each) for n, each in enumerate(servers)]
    without_client("client_missing", boxes[1])

    mirror.sync(*boxes)

    assert [mirror.mailbox(box, "state") for box in boxes] == [
        "active",
        "error",
        "active",
    ]
    assert [server.calls["pull"] for server in servers] == [1, 0, 1]
    assert mirror.mailbox(boxes[1], "last_error") == "client_missing"


def test_client_that_works_again_resumes_what_waited_for_it_and_nothing_else(
    mirror, lib, without_client
):
    codes = ["client_missing", "client_refused", "api_disabled", "blocked_by_company"]
    codes += ["host_forbidden", "login_over_plaintext"]
    servers = [lib.Server() for _ in codes]
    boxes = [mirror.link(f"user{n}", each) for n, each in enumerate(servers)]
    other = mirror.link("other", lib.Server())
    for server, code in zip(servers, codes, strict=True):
        server.before["pull"] = lambda calls, code=code: refuse(lib, calls, code)
    mirror.sync(*boxes)
    without_client("client_missing", other)
    mirror.sync(other)
    assert {mirror.mailbox(box, "state") for box in [*boxes, other]} == {"error"}
    assert [mirror.mailbox(box, "last_error") for box in boxes] == codes
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET provider = 'gmail' WHERE id = %s", other.id
    )

    with mirror.env() as env:
        env["crm.mail.mirror.mailbox"]._resume_client("imap")

    states = [mirror.mailbox(box, "state") for box in boxes]
    assert states == ["active"] * 4 + ["error"] * 2
    assert mirror.mailbox(other, "state") == "error", "it has another client"
    assert [mirror.activities(box) for box in boxes] == [0] * 4 + [1] * 2
    mirror.sync(*boxes, due=False)
    assert [server.calls["pull"] for server in servers] == [2] * 4 + [1] * 2


def refuse(lib, calls, code):
    if calls == 1:
        raise lib.base.NotAllowed(code)


@pytest.mark.parametrize(
    ("error", "code", "state"),
    [
        ("LoginRequired", "access_revoked", "needs_login"),
        ("LoginRequired", "sign_in_again", "needs_login"),
        ("LoginRequired", "consent_missing", "needs_login"),
        ("NotAllowed", "client_refused", "error"),
        ("NotAllowed", "api_disabled", "error"),
        ("NotAllowed", "blocked_by_company", "error"),
        ("NotAllowed", "no_mailbox", "error"),
    ],
)
def test_each_refusal_waits_for_who_can_mend_it(
    mirror, lib, server, error, code, state
):
    box = mirror.link(server=server)

    def border(_calls):
        raise getattr(lib.base, error)(code)

    server.before["pull"] = border
    mirror.sync(box)
    mirror.sync(box, due=False)

    assert mirror.mailbox(box, "state") == state
    assert mirror.mailbox(box, "last_error") == code
    assert server.calls["pull"] == 1, "tried on"
    assert mirror.activities(box) == 1
