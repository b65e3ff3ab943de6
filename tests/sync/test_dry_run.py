# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Before anything is stored: what does the look at a new mailbox tell, and leave?"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.letters import raw

RUN = "crm.mail.mirror.dry.run"
#: Theirs to change while a mailbox is looked at: the run's own rows, and logs of Odoo.
OWN = {
    "crm_mail_mirror_dry_run",
    "crm_mail_mirror_dry_run_contact",
    "crm_mail_mirror_credential",
}


def new_box(mirror, name="anna", server=None, **values):
    """A mailbox that was connected and never started."""
    box = mirror.link(name, server, **values)
    make_ready(mirror, box)
    return box


def make_ready(mirror, box):
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET state = 'ready' WHERE id = %s", box.id
    )


def look(mirror, box, steps=30):
    """The whole look, step by step as the screen does. :return: id of the run"""
    with mirror.env(box.user_id) as env:
        run = env["crm.mail.mirror.mailbox"].browse(box.id).action_dry_run()["res_id"]
    for _step in range(steps):
        with mirror.env(box.user_id) as env:
            if env[RUN].browse(run).step()["state"] != "looking":
                return run
    raise AssertionError("it does not come to an end")


def told(mirror, box, run):
    names = ["state", "sentence", "kept_out", "mirrored_count", "seen_count", "error"]
    with mirror.env(box.user_id) as env:
        (row,) = env[RUN].browse(run).read(names)
        contacts = env[RUN].browse(run).contact_ids
        return row, {line.email: line.mails for line in contacts}


def runs(mirror, box):
    return mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_dry_run WHERE mailbox_id = %s", box.id
    )


def rows(mirror):
    """How many rows each table has."""
    tables = mirror.sql(
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind = 'r' AND nspname = 'public'"""
    )
    return {
        table: mirror.sql(f'SELECT count(*) FROM "{table}"')[0][0]
        for (table,) in tables
        if table not in OWN
    }


def everything(mirror, *words):
    """Tables in which one of these words stands."""
    found = set()
    tables = mirror.sql(
        """SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind = 'r' AND nspname = 'public'
              AND relname LIKE 'crm_mail_mirror%%'"""
    )
    for (table,) in tables:
        for word in words:
            if mirror.sql(
                f'SELECT 1 FROM "{table}" t WHERE t::text LIKE %s LIMIT 1', f"%{word}%"
            ):
                found.add((table, word))
    return found


# ---- what is told, and what is left --------------------------------------------------


@pytest.fixture
def recent(lib, mirror):
    """``recent(days_ago, sender, **fields)``: a mail of the last days."""
    numbers = iter(range(1, 1000))

    def make(days_ago, sender, to="", **fields):
        number = next(numbers)
        moment = datetime.now(UTC) - timedelta(days=days_ago, minutes=number)
        return lib.mail(
            number, sender, to or f"anna@{mirror.house}", received_at=moment, **fields
        )

    return make


def test_the_look_tells_numbers_and_stores_no_mail(mirror, lib, server, recent):
    mirror.contact("client")
    mirror.contact("buyer")
    box = new_box(mirror, server=server)
    client, secret = mirror.at("client"), "hush-hush-subject"
    news = {"headers": {"list-id": ("<news>",)}}
    server.put(
        recent(1, client),
        recent(2, client),
        recent(3, mirror.at("buyer")),
        recent(4, client, subject=f"perso {secret}"),
        recent(5, client, **news),
        recent(6, "unknown-person@unlooked-for.test", subject=secret),
        recent(40, client),
    )
    before = rows(mirror)

    run = look(mirror, box)
    row, contacts = told(mirror, box, run)

    assert rows(mirror) == before
    assert not server.fetched, "a text was asked for"
    assert not everything(mirror, secret, "unknown-person", "unlooked-for.test")
    assert row["state"] == "done"
    assert contacts == {client: 2, mirror.at("buyer"): 1}
    assert row["mirrored_count"] == 3
    assert "3 mails with 2 contacts" in row["sentence"]
    assert "1 kept out by private words" in row["kept_out"]
    assert "1 newsletters and automatic mail" in row["kept_out"]
    assert "1 with nobody who is a contact" in row["kept_out"]
    assert mirror.mailbox(box, "state") == "ready"
    assert mirror.sync(box) == 0 and not mirror.states(box), "it was started"


def test_who_is_unticked_is_excluded_before_anything_is_stored(
    mirror, lib, server, recent
):
    mirror.contact("client")
    mirror.contact("friend")
    box = new_box(mirror, server=server)
    server.put(recent(1, mirror.at("client")), recent(2, mirror.at("friend")))
    run = look(mirror, box)

    with mirror.env(box.user_id) as env:
        line = (
            env[RUN]
            .browse(run)
            .contact_ids.filtered(lambda each: each.email == mirror.at("friend"))
        )
        line.keep = False
        assert "now and later: friend." in env[RUN].browse(run).unticked
        env[RUN].browse(run).action_start()
    mirror.sync(box)

    assert mirror.mailbox(box, "state") == "active"
    assert mirror.states(box) == {
        ("mirrored", "contact"): 1,
        ("excluded", "excluded_address"): 1,
    }
    assert sum(server.fetched.values()) == 1
    with mirror.env() as env:
        rule = env["crm.mail.mirror.exclusion"].search(
            [("value", "=", mirror.at("friend"))]
        )
        assert rule.user_id.id == box.user_id
    assert not runs(mirror, box)


def test_not_now_leaves_it_ready(mirror, lib, server, recent):
    box = new_box(mirror, server=server)
    server.put(recent(1, mirror.at("client")))
    run = look(mirror, box)

    # who is not listed is not passed over in silence
    with mirror.env(box.user_id) as env:
        told = env[RUN].browse(run)
        assert not told.unlisted
        told.sudo().found = {f"known{n}@many.test": 1 for n in range(501)}
        assert told.unlisted.startswith("The 500 of 501 with most mails are listed.")
    with mirror.env(box.user_id) as env:
        env[RUN].browse(run).action_later()

    assert mirror.mailbox(box, "state") == "ready"
    assert not runs(mirror, box)
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_start()
    mirror.sync(box)
    assert mirror.by_state(box) == {"unmatched": 1}


def test_cancel_tells_what_was_found_so_far(mirror, lib, server, recent, monkeypatch):
    from odoo.addons.crm_mail_mirror.engine import dry_run

    monkeypatch.setattr(dry_run, "BITE", lib.base.Budget(mails=3))
    mirror.contact("client")
    box = new_box(mirror, server=server)
    server.put(*(recent(1, mirror.at("client")) for _ in range(9)))
    with mirror.env(box.user_id) as env:
        run = env["crm.mail.mirror.mailbox"].browse(box.id).action_dry_run()["res_id"]
    with mirror.env(box.user_id) as env:
        assert env[RUN].browse(run).step()["seen"] == 3

    with mirror.env(box.user_id) as env:
        env[RUN].browse(run).action_stop()
        bound = env[RUN].browse(run).bound_sentence
    row, contacts = told(mirror, box, run)

    assert row["state"] == "stopped"
    assert contacts == {mirror.at("client"): 3}
    assert "newest 3 mails" in bound


def test_two_windows_count_each_mail_once(mirror, lib, server, recent):
    mirror.contact("client")
    box = new_box(mirror, server=server)
    server.put(*(recent(1, mirror.at("client")) for _ in range(5)))
    with mirror.env(box.user_id) as env:
        run = env["crm.mail.mirror.mailbox"].browse(box.id).action_dry_run()["res_id"]

    def other_window(calls):
        if calls == 1:
            with mirror.env(box.user_id) as env:
                env[RUN].browse(run).step()

    server.before["pull"] = other_window
    with mirror.env(box.user_id) as env:
        env[RUN].browse(run).step()
    row, contacts = told(mirror, box, run)

    assert contacts == {mirror.at("client"): 5}
    assert row["mirrored_count"] == 5


@pytest.mark.parametrize("way", ["form", "look"])
def test_started_in_another_window(mirror, lib, server, recent, way):
    box = new_box(mirror, server=server)
    server.put(recent(1, mirror.at("client")))
    with mirror.env(box.user_id) as env:
        run = env["crm.mail.mirror.mailbox"].browse(box.id).action_dry_run()["res_id"]

    def other_window(_calls):
        with mirror.env(box.user_id) as env:
            if way == "form":
                env["crm.mail.mirror.mailbox"].browse(box.id).action_start()
            else:
                env[RUN].browse(run).action_start()

    server.before["pull"] = other_window
    with mirror.env(box.user_id) as env:
        env[RUN].browse(run).step()
    with mirror.env(box.user_id) as env:
        gone = not env[RUN].browse(run).exists()
        assert gone or env[RUN].browse(run).step() == {"state": "gone"}
    server.before.clear()
    mirror.sync(box)

    assert gone == (way == "look")
    assert mirror.by_state(box) == {"unmatched": 1}


@pytest.mark.parametrize("error", ["wrong_password", "bug", "throttled"])
def test_trouble_is_told_in_a_sentence(
    mirror, lib, server, recent, error, caplog, monkeypatch
):
    secret = "hush-hush-subject"

    def trouble(_calls):
        if error == "bug":
            raise ValueError(secret)
        if error == "throttled":
            raise lib.base.Throttled(retry_after=1000)
        raise lib.base.LoginRequired(error)

    server.before["pull"] = trouble
    box = new_box(mirror, server=server)
    run = look(mirror, box)
    row, _contacts = told(mirror, box, run)

    if error == "throttled":
        assert (row["state"], row["error"]) == ("stopped", False)
    else:
        assert (row["state"], row["error"]) == ("failed", error)
    assert secret not in caplog.text
    assert mirror.mailbox(box, "state") == "ready"


# ---- whose it is ---------------------------------------------------------------------


def test_nobody_else_looks_or_starts(mirror, lib, server, recent):
    from odoo.exceptions import AccessError, UserError

    box = new_box(mirror, server=server)
    other = mirror.user("otto")
    with mirror.env() as env:
        manager = env.ref("crm_mail_mirror.crm_mail_mirror_group_manager")
        env["res.users"].browse(other).group_ids += manager
    run = look(mirror, box)

    for call in (
        lambda env: env["crm.mail.mirror.mailbox"].browse(box.id).action_start(),
        lambda env: env["crm.mail.mirror.mailbox"].browse(box.id).action_dry_run(),
        lambda env: env[RUN].create({"mailbox_id": box.id}),
        lambda env: env[RUN].browse(run).step(),
        lambda env: env[RUN].browse(run).action_start(),
        lambda env: env[RUN].browse(run).read(["sentence"]),
    ):
        with pytest.raises((AccessError, UserError)), mirror.env(other) as env:
            call(env)
    assert mirror.mailbox(box, "state") == "ready"
    with pytest.raises(AccessError), mirror.env(box.user_id) as env:
        env[RUN].browse(run).write({"mailbox_id": box.id})


def test_a_mailbox_that_was_mirrored_before_goes_on_without_a_look(mirror, post):
    box, program = post()
    mirror.contact("client")
    mirror.sync(box)
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET state = 'draft' WHERE id = %s", box.id
    )
    program.append("INBOX", raw(1, mirror.at("client"), box.email))

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_connect()
    mirror.sync(box, due=False)

    assert mirror.mailbox(box, "state") == "active"
    assert mirror.by_state(box) == {"mirrored": 1}


def test_colleagues_who_would_see_it_are_those_who_may(mirror, lib, server):
    boss, peer = mirror.user("boss"), mirror.user("peer")
    far, seer = mirror.user("far"), mirror.user("seer")
    owner = mirror.user("anna")
    levels = {boss: "1", peer: "2", far: "1", seer: "4", owner: "4"}
    with mirror.env() as env:
        users = env["res.users"]
        for user, level in levels.items():
            users.browse(user).mirror_visibility = level
        (users.browse(owner) | users.browse(peer)).mirror_manager_id = boss
    box = new_box(mirror, server=server, user_id=owner)
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        viewers = set(mailbox.user_id._mirror_viewers(mailbox.company_id).ids)
        # asked one by one, the way each of them would
        truth = {
            user
            for user in levels
            if user != owner
            and env["crm.mail.mirror.mailbox"]
            .with_user(user)
            .sudo()
            .search([("id", "=", box.id), ("is_readable", "=", True)])
        }
        env["res.users"].browse(seer).mirror_visibility = "0"

    assert viewers & set(levels) == truth == {boss, peer, seer}


# ---- real servers --------------------------------------------------------------------


def fill(owner, mirror, email):
    """Mails with the client, one private and one a newsletter; one with a stranger."""
    client, now = mirror.at("client"), datetime.now(UTC)
    for number, (sender, values) in enumerate(
        [
            (client, {}),
            (client, {}),
            (client, {"subject": "perso hush-hush"}),
            (client, {"list_id": "<news.test>"}),
            ("passer-by@unlooked-for.test", {}),
        ]
    ):
        owner.append("INBOX", raw(number, sender, email, **values), received=now)
    owner.append("Sent", raw(20, email, client), received=now)
    owner.append("Trash", raw(21, client, email), received=now)


def check_look(mirror, box, before, seen):
    run = look(mirror, box)
    row, contacts = told(mirror, box, run)
    assert row["state"] == "done", row
    assert contacts == {mirror.at("client"): 3}
    assert "1 kept out by private words" in row["kept_out"]
    assert "1 newsletters and automatic mail" in row["kept_out"]
    assert row["seen_count"] == seen
    assert rows(mirror) == before
    assert not everything(mirror, "hush-hush", "passer-by@", "unlooked-for.test")


@pytest.fixture
def no_text(monkeypatch):
    """Whoever asks a provider for a text is caught."""
    import importlib

    engine = "odoo.addons.crm_mail_mirror.engine.providers"
    for module, name in (
        ("imap", "ImapProvider"),
        ("gmail", "GmailProvider"),
        ("microsoft", "MicrosoftProvider"),
    ):
        provider = getattr(importlib.import_module(f"{engine}.{module}"), name)

        def fetch(self, mails):
            raise AssertionError("a text was asked for")

        monkeypatch.setattr(provider, "fetch", fetch)


def test_at_dovecot(mirror, post, no_text):
    box, program = post()
    make_ready(mirror, box)
    mirror.contact("client")
    fill(program, mirror, box.email)
    before = rows(mirror)

    check_look(mirror, box, before, seen=6)


@pytest.mark.parametrize("at", ["at_google", "at_microsoft"])
def test_at_the_apis(mirror, request, at, no_text):
    linked = request.getfixturevalue(at)
    box, owner = linked.link(start=False)
    mirror.contact("client")
    fill(owner, mirror, box.email)
    before = rows(mirror)
    linked.clear()

    check_look(mirror, box, before, seen=6)

    asked = " ".join(linked.requests())
    assert "format=raw" not in asked and "/$value" not in asked
    assert "uniqueBody" not in asked and "body," not in asked
