"""The same table, asked of a running server; changes made by another process."""

import secrets
from contextlib import contextmanager

import pytest

from setup import template
from tests.odoo_server import OdooServer

from . import world as worlds
from .rpc import Caller, Refused
from .table import MESSAGE, SHOWN, questions, rows
from .world import LEVELS

ASKED = [*SHOWN, "date"]


@pytest.fixture(scope="module")
def server(postgres, stage, committed_keys, tmp_path_factory):
    """A server process on a copy of the world, and who may call it."""
    dbname, keys = committed_keys
    started = OdooServer(postgres, dbname, tmp_path_factory.mktemp("server")).start()
    yield started, keys
    started.stop()


@pytest.fixture(scope="module")
def committed_keys(stage, postgres):
    """A copy of the database of its own, with API keys in it."""
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    source, _registry, world = stage
    close_db(source)
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    names = ("viewer", "administrator", "outsider", "portal", "boss", "peer")
    with Registry(dbname).cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        keys = {name: worlds.api_key(env, world.users[name]) for name in names}
    yield dbname, keys
    Registry.delete(dbname)
    close_db(dbname)
    template.drop(postgres, dbname)


@pytest.fixture
def call(server, world):
    """``call("viewer")``: that user at the server."""
    started, keys = server

    def caller(name):
        return Caller(started.url, started.dbname, world.users[name], keys[name])

    return caller


@pytest.fixture
def change(server):
    """``with change() as env``: another process writes, and commits."""
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.registry import Registry

    @contextmanager
    def write():
        with Registry(server[0].dbname).check_signaling().cursor() as cr:
            yield Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    return write


@pytest.fixture
def level(change, world):
    """``level("viewer", "2")``: from now on, for everybody."""

    def at(name, value):
        with change() as env:
            env["res.users"].browse(world.users[name]).mirror_visibility = value

    return at


def by_id(records):
    kept = ({k: v for k, v in record.items() if k != "date"} for record in records)
    return {record["id"]: record for record in kept}


@pytest.mark.parametrize("number", LEVELS)
def test_table_holds_over_xmlrpc_and_json2_at_the_next_click(
    call, level, world, number
):
    level("viewer", number)
    viewer, right = call("viewer"), rows(world, number)

    read = viewer.xmlrpc(MESSAGE, "search_read", [], list(SHOWN))
    assert by_id(read) == right
    read = viewer.json2(MESSAGE, "search_read", domain=[], fields=ASKED)
    assert by_id(read) == right
    names = {name: {} for name in SHOWN}
    web = viewer.json2(MESSAGE, "web_search_read", domain=[], specification=names)
    assert (by_id(web["records"]), web["length"]) == (right, len(right))
    ids = viewer.json2(MESSAGE, "search", domain=[])
    assert by_id(viewer.xmlrpc(MESSAGE, "read", ids, list(SHOWN))) == right
    assert viewer.xmlrpc(MESSAGE, "search_count", []) == len(right)
    groups = viewer.json2(
        MESSAGE, "formatted_read_group",
        domain=[], groupby=["date:month"], aggregates=["__count"],
    )  # fmt: skip
    assert sum(group["__count"] for group in groups) == len(right)
    found = viewer.json2(MESSAGE, "name_search", name="subjectword", limit=1000)
    subject = world.visible(number, "subject", "everything")
    assert {ident for ident, _name in found} == subject


def test_questions_are_answered_over_json2_as_the_table_says(call, level, world):
    level("viewer", "3")
    viewer = call("viewer")

    # the first ones are one of each kind; all are asked in test_truth_table.py
    for domain, right in questions(world, "3")[:40]:
        assert set(viewer.json2(MESSAGE, "search", domain=domain)) == right, domain


def test_hidden_mail_is_refused_by_its_id(call, level, world):
    level("viewer", "2")
    viewer = call("viewer")

    for ident in world.hidden("2")[::45]:
        for name in SHOWN:
            with pytest.raises(Refused):
                viewer.json2(MESSAGE, "read", ids=[ident], fields=[name])
        with pytest.raises(Refused):
            viewer.xmlrpc(MESSAGE, "web_read", [ident], {name: {} for name in SHOWN})
        with pytest.raises(Refused):
            viewer.xmlrpc(MESSAGE, "export_data", [ident], list(SHOWN))
        with pytest.raises(Refused):
            viewer.xmlrpc(MESSAGE, "action_open", [ident])


def test_another_manager_counts_at_the_next_click(call, level, world, change):
    level("viewer", "1")
    viewer = call("viewer")
    users, seen = world.users, lambda: set(viewer.json2(MESSAGE, "search", domain=[]))
    before = seen()

    with change() as env:
        env["res.users"].browse(users["below_peer"]).mirror_manager_id = users["viewer"]
        env["res.users"].browse(users["below"]).mirror_manager_id = users["peer"]
    after = seen()
    with change() as env:
        env["res.users"].browse(users["below_peer"]).mirror_manager_id = users["peer"]
        env["res.users"].browse(users["below"]).mirror_manager_id = users["viewer"]
    again = seen()

    def of(*owners):
        return {m.id for m in world.mails if m.owner in owners}

    assert before == again == of("viewer", "below", "two_below")
    assert after == of("viewer", "below_peer")


def test_another_sharing_counts_at_the_next_click(call, level, world, change):
    level("viewer", "2")
    viewer = call("viewer")
    mail = next(
        m for m in world.mails
        if m.owner == "peer" and m.override is None and m.mailbox == "everything"
    )  # fmt: skip

    def body():
        return viewer.json2(MESSAGE, "read", ids=[mail.id], fields=["body"])[0]["body"]

    before = body()
    with change() as env:
        copy = env["crm.mail.mirror.copy"].search([("message_id", "=", mail.id)])
        copy.sharing = "private"
    after = body()
    with change() as env:
        copy.with_env(env).sharing = False

    assert (before, after) == (mail.text, False)


def test_companies_forged_in_the_context_give_nothing(call, level, world):
    level("viewer", "4")
    viewer, home, abroad = call("viewer"), *world.companies.values()
    allowed = world.visible("4")

    for forged in (
        [abroad],
        [home, abroad],
        [abroad, home],
        [99999],
        ["x"],
        [[abroad]],
    ):
        context = {"allowed_company_ids": forged, "uid": world.users["abroad"]}
        for ask in (
            lambda c: viewer.json2(MESSAGE, "search", domain=[], context=c),
            lambda c: viewer.xmlrpc(MESSAGE, "search", [], context=c),
        ):
            try:
                found = set(ask(context))
            except Refused:
                continue
            assert found <= allowed, forged


def test_context_cannot_make_a_superuser(call, level, world):
    level("viewer", "0")
    viewer = call("viewer")
    mine = {m.id for m in world.mails if m.owner == "viewer"}

    for context in (
        {"su": True}, {"uid": 1}, {"user_id": 1}, {"active_test": False},
        {"bin_size": True}, {"prefetch_fields": False}, {"default_user_id": 1},
    ):  # fmt: skip
        assert set(viewer.json2(MESSAGE, "search", domain=[], context=context)) == mine


def test_nobody_raises_the_own_level_or_takes_a_mailbox(call, level, world):
    level("outsider", "0")
    outsider, me = call("outsider"), world.users["outsider"]
    theirs = next(iter(world.mailboxes))

    for values in (
        {"mirror_visibility": "4"},
        {"mirror_manager_id": world.users["boss"]},
        {"mirror_mailbox_ids": [(4, theirs)]},
        {"mirror_mailbox_ids": [(6, 0, [theirs])]},
        {"mirror_mailbox_ids": [(1, theirs, {"sharing_in": "everything"})]},
    ):
        with pytest.raises(Refused):
            outsider.xmlrpc("res.users", "write", [me], values)
    box = {"email": "new@us.test", "user_id": world.users["boss"]}
    with pytest.raises(Refused):
        outsider.xmlrpc("crm.mail.mirror.mailbox", "create", box)
    with pytest.raises(Refused):
        outsider.xmlrpc(
            "crm.mail.mirror.mailbox", "write", [theirs], {"sharing_in": "everything"}
        )
    assert outsider.xmlrpc("crm.mail.mirror.mailbox", "search", []) == []
    assert outsider.xmlrpc(MESSAGE, "search", []) == []


def test_portal_user_gets_nothing_over_rpc(call, level, world):
    level("portal", "4")
    portal, partner = call("portal"), world.partners["peer"]

    for method in ("search", "search_count", "search_read", "name_search"):
        with pytest.raises(Refused):
            portal.xmlrpc(MESSAGE, method)
    with pytest.raises(Refused):
        portal.json2(
            "res.partner", "read", ids=[partner], fields=["mirror_message_ids"]
        )
    with pytest.raises(Refused):
        portal.json2("res.partner", "action_open_mirror_messages", ids=[partner])


def test_what_was_given_counts_at_the_next_click_and_what_is_over_does_not(
    call, level, world, change
):
    """Asked and answered over RPC; by level, by sharing, by time."""
    level("viewer", "4")
    viewer, boss, grant = call("viewer"), call("boss"), "crm.mail.mirror.grant"
    mail = next(
        m for m in world.mails
        if m.owner == "boss" and m.shown("4") == "metadata" and m.override is None
    )  # fmt: skip

    def body():
        told = viewer.json2(MESSAGE, "read", ids=[mail.id], fields=["body"])
        found = viewer.xmlrpc(MESSAGE, "search", [("body", "ilike", mail.text[:20])])
        listed = viewer.json2(
            MESSAGE, "get_conversation", message_id=mail.id, scope={"model": None}
        )
        text = listed["mails"][0]["text"] or False
        assert bool(told[0]["body"]) == (mail.id in found) == bool(text)
        return told[0]["body"]

    assert body() is False
    told = viewer.xmlrpc(MESSAGE, "ask_access", mail.id, "mail", 7, "why")
    assert told["asked"] == ["Boss"]
    (row,) = boss.json2(grant, "search_read", domain=[], fields=["about", "state"])
    assert mail.subject in row["about"]
    for other in ("peer", "outsider", "administrator"):
        assert call(other).json2(grant, "search", domain=[]) == []
        with pytest.raises(Refused):
            call(other).json2(grant, "action_yes", ids=[row["id"]])
    with pytest.raises(Refused):
        viewer.xmlrpc(grant, "action_yes", [row["id"]])
    with pytest.raises(Refused):
        viewer.xmlrpc(grant, "write", [row["id"]], {"state": "granted"})
    boss.xmlrpc(grant, "action_yes_day", [row["id"]])
    assert body() == mail.text

    # the level, privacy, time, and the owner: each ends it at the next click
    level("viewer", "2")
    with pytest.raises(Refused):
        viewer.json2(MESSAGE, "read", ids=[mail.id], fields=["body"])
    level("viewer", "4")
    assert body() == mail.text
    boss.json2(MESSAGE, "set_sharing", message_ids=[mail.id], value="private")
    assert body() is False
    boss.json2(MESSAGE, "set_sharing", message_ids=[mail.id], value=False)
    assert body() == mail.text
    with change() as env:
        env[grant].browse(row["id"]).until = "2026-01-01"
    assert body() is False
    with change() as env:
        env[grant].browse(row["id"]).until = False
    assert body() == mail.text
    boss.json2(grant, "action_take_back", ids=[row["id"]])
    assert body() is False


def test_owner_shares_one_mail_and_nobody_elses(call, level, world):
    level("viewer", "2")
    viewer, peer = call("viewer"), call("peer")
    mail = next(
        m for m in world.mails
        if m.owner == "peer" and m.shown("2") == "metadata" and m.override is None
    )  # fmt: skip
    theirs = next(m.id for m in world.mails if m.owner == "boss")

    def seen():
        return viewer.json2(MESSAGE, "read", ids=[mail.id], fields=["access"])[0]

    for value in ("everything", "subject", "private"):
        told = peer.xmlrpc(MESSAGE, "set_sharing", [mail.id], value)
        shown = "metadata" if value == "private" else value
        assert (seen()["access"], told["count"]) == (shown, 1)
    for back in told["undo"]:
        peer.json2(
            MESSAGE, "set_sharing",
            message_ids=back[0], value=back[1], conversation=back[2],
        )  # fmt: skip
    assert seen()["access"] == "subject"
    # the same words for what is another's and for what is not there at all
    said = []
    for ids in ([theirs], [mail.id, theirs], [9**8], []):
        with pytest.raises(Refused) as refused:
            peer.xmlrpc(MESSAGE, "set_sharing", ids, "everything")
        said.append(str(refused.value))
    assert len(set(said)) == 1
    with pytest.raises(Refused):
        viewer.json2(MESSAGE, "set_sharing", message_ids=[mail.id], value="everything")
    peer.xmlrpc(MESSAGE, "set_sharing", [mail.id], False)
    assert seen()["access"] == "metadata"
