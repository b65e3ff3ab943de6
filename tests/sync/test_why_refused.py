# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Why is it (not) here? Mailboxes that cannot be asked, and people who may not ask."""

import pytest

from tests.sync.asking import ask


@pytest.fixture
def box(mirror, server):
    return mirror.link(server=server)


# ---- mailboxes that cannot be asked ---


def test_a_mailbox_that_rests_says_so(mirror, lib, server, box):
    words = {"paused": "paused", "needs_login": "sign in", "draft": "not connected"}
    for state, word in words.items():
        mirror.sql(
            "UPDATE crm_mail_mirror_mailbox SET state = %s WHERE id = %s", state, box.id
        )
        first, _nothing = ask(mirror, box, "hush-hush")
        assert word in first["verdict"]
        assert first["mend"] == "Open the mailbox"
    assert not server.calls["connect"]


def test_a_mailbox_that_does_not_answer_says_why(mirror, lib, server, box, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import why_run

    def fail(_calls):
        raise lib.base.Unavailable("connection_lost")

    server.before["search"] = fail
    first, _nothing = ask(mirror, box, "hush-hush")
    assert first["verdict"] == "The server closed the connection."

    import threading

    late = threading.Event()
    server.before["search"] = lambda _calls: late.wait(30)
    monkeypatch.setattr(why_run, "SECONDS", 0.2)
    first, _nothing = ask(mirror, box, "hush-hush")
    late.set()
    assert first["verdict"] == "The server did not answer in time."


def test_no_transaction_is_open_while_the_mailbox_is_asked(mirror, lib, server, box):
    open_ones = []

    def look(_calls):
        open_ones.extend(
            mirror.sql(
                """SELECT query FROM pg_stat_activity WHERE datname = current_database()
                      AND state LIKE 'idle in transaction%%'
                      AND pid != pg_backend_pid()"""
            )
        )

    server.before["search"] = look
    ask(mirror, box, "hush-hush")

    assert server.calls["search"] == 1
    assert not open_ones


# ---- whose question ---


def test_nobody_asks_of_other_peoples_mailboxes(mirror, lib, server, box):
    from odoo.exceptions import AccessError

    server.put(lib.mail(1, mirror.at("stranger"), box.email, subject="hush-hush"))
    mirror.sync(box)
    colleague = mirror.user("bert", mirror_visibility="4")
    with mirror.env() as env:
        admin = env.ref("base.user_admin").id
        owners = env["crm.mail.mirror.why"].with_user(box.user_id)
        mine = owners.create({"pasted": "hush-hush", "mailbox_id": box.id}).id

    for who in (colleague, admin):
        with mirror.env(who) as env:
            other = mirror.link(f"box{who}", lib.Server(), user_id=who)
            whys = env["crm.mail.mirror.why"]
            why = whys.create({"pasted": mirror.at("stranger"), "mailbox_id": box.id})
            for method in (why.action_ask, why.action_search):
                with pytest.raises(AccessError):
                    method()
            why.mailbox_id = False
            why.action_ask()
            (answer,) = why.line_ids
            assert answer.headline == "Nothing was found", other
            for method in (
                whys.browse(mine).action_ask,
                lambda w=whys: w.browse(mine).read(["pasted"]),
                lambda w=whys: w.browse(mine).write({"pasted": "x"}),
            ):
                with pytest.raises(AccessError):
                    method()
            with pytest.raises(AccessError):
                env["crm.mail.mirror.mailbox"].browse(box.id).action_why()
            with pytest.raises(AccessError):
                whys.search([("sealed", "!=", False)])
    assert not server.calls["search"]
