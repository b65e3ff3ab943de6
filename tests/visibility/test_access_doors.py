"""Which doors lead in: routes, rules of records, methods on what is somebody else's?

A new one fails its test until it has a row, or a rule.
"""

import contextlib

import pytest

from .test_access_matrix import MAY, METHODS, PREFIX, ROLES, STOPPER, needed, rows_of

#: Address -> (who may ask, how). There are no webhooks: nothing that a provider or
#: anybody else sends us is believed without a session, and nothing is waited for.
ROUTES = {
    "/crm_mail_mirror/<any(google, microsoft):provider>/start": ("user", ["GET"]),
    # public: it sends whom the session ran out on, without the code
    "/crm_mail_mirror/<any(google, microsoft):provider>/callback": ("public", ["GET"]),
    "/crm_mail_mirror/not_linked/<string:why>": ("user", ["GET"]),
    "/crm_mail_mirror/erasure/<int:number>": ("user", ["GET", "POST"]),
}
#: What a required column of a made-up record holds.
SOMETHING = {"char": "x@acme.test", "text": "x", "integer": 1, "json": {"x": 1}}
SOMETHING |= {"date": "2026-03-01", "datetime": "2026-03-01 12:00:00"}
#: Who calls it sees the mail, and is told in words that it is somebody else's.
IN_WORDS = {("crm.mail.mirror.message", "action_remove")}
#: (role, who that is in the world); the owner is the one whose record it is, the asker
#: asked that one for access.
CALLERS = [("owner", "peer"), ("asker", "viewer"), ("internal", "boss")]
CALLERS += ROLES.items()
#: With what a method is called, given the record; any others with zeros.
ARGUMENTS = {
    "ask_access": lambda mail: {"message_id": mail.id, "what": "mail", "days": 1},
    "get_ask_options": lambda mail: {"message_id": mail.id},
    "get_conversation": lambda mail: {"message_id": mail.id, "scope": {}},
    "get_conversations": lambda mail: {"scope": {}},
    "get_overview": lambda mail: {"scope": {}},
    "get_text": lambda mail: {"message_id": mail.id},
    "set_sharing": lambda mail: {"message_ids": mail.ids, "value": "everything"},
}


def test_every_route_has_its_row(stage):
    from odoo import http

    found = {}
    for url, endpoint in http._generate_routing_rules(
        ["crm_mail_mirror", "crm_mail_mirror_hr"], nodb_only=False
    ):
        routing = endpoint.routing
        found[url] = (routing["auth"], sorted(routing["methods"]))
        # a form on another site posts nothing in somebody's name
        assert routing["type"] == "http" and routing.get("csrf", True), url
        assert not routing.get("cors"), url

    assert found == ROUTES


@pytest.mark.parametrize(
    "name", [n for n, may in rows_of("internal").items() if "r" in may]
)
def test_what_internal_users_read_has_a_rule_for_its_rows(root, name):
    """Rights open a model; only a rule says which of its rows."""
    rules = root["ir.rule"].search(
        [("model_id.model", "=", name), ("perm_read", "=", True)]
    )
    closed = [
        rule for rule in rules if rule.domain_force not in (False, "[(1, '=', 1)]")
    ]

    assert closed, name


def test_former_addresses_are_listed_for_who_asked(root, world):
    """They may be of a contact that others may not read."""
    peer, outsider = (
        root(user=world.users[who], su=False)["crm.mail.mirror.former.address"]
        for who in ("peer", "outsider")
    )
    asked = peer.create(
        {"partner_id": world.partners["peer"], "email_normalized": "was@acme.test"}
    )
    root.flush_all()

    assert peer.search([]) == asked
    assert not outsider.search([])
    with pytest.raises(Exception, match="(?i)access|record"), root.cr.savepoint():
        outsider.browse(asked.id).read(["email_normalized"])


def _of_the_peer(root, world, model, who):
    """A record of that model about the peer and the peer's mailbox.

    :param who: who made it, where that says whose it is
    """
    peer = world.users["peer"]
    mailbox = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    copy = root["crm.mail.mirror.copy"].search([("mailbox_id", "=", mailbox)], limit=1)
    there = {
        "crm.mail.mirror.copy": copy,
        "crm.mail.mirror.mailbox": copy.mailbox_id,
        "crm.mail.mirror.message": copy.message_id,
        "res.partner": root["res.partner"].browse(world.partners["peer"]),
        "res.users": root["res.users"].browse(peer),
    }
    if model in there:
        return there[model]
    records = root(user=world.users[who], su=True)[model]
    if records._abstract:
        return records.browse(1)
    if not records._auto:  # rows of a query
        mine = [("user_id", "=", peer)] if "user_id" in records._fields else []
        return records.search(mine, limit=1)
    if model == "crm.mail.mirror.rule.removal":
        rule = _of_the_peer(root, world, "crm.mail.mirror.exclusion", who)
        return records.create({"rule_ids": rule.ids})
    if model == "crm.mail.mirror.why.line":
        why = _of_the_peer(root, world, "crm.mail.mirror.why", who)
        return records._seal(why, [{"kind": "mailbox", "mailbox": mailbox}])
    points_to = {
        "res.users": peer,
        "crm.mail.mirror.mailbox": mailbox,
        "crm.mail.mirror.message": copy.message_id.id,
        "res.company": world.companies["home"],
        "res.partner": world.partners["peer"],
    }
    # what a dry run is for, and the wizard for mailboxes of who left
    copy.mailbox_id.write({"state": "ready", "left_at": "2026-03-01 12:00:00"})
    values = {}
    for name, field in records._fields.items():
        if field.comodel_name in points_to and field.type == "many2one":
            values[name] = points_to[field.comodel_name]
        elif field.comodel_name == copy.mailbox_id._name and field.type == "many2many":
            values[name] = [(6, 0, [mailbox])]
        elif field.required and not field.default and field.store and name != "id":
            values[name] = SOMETHING.get(field.type) or field.get_values(root)[0]
    values |= {
        "crm.mail.mirror.exclusion": {"company_id": False},
        "crm.mail.mirror.grant": {"asker_id": world.users["viewer"]},
        "crm.mail.mirror.suggestion": {"name": "New", "email_normalized": "new@a.test"},
        "privacy.lookup.wizard.line": {
            "res_model_id": root["ir.model"]._get_id("crm.mail.mirror.erasure")
        },
    }.get(model, {})
    return records.create(values)


def _is_refused(record, method, no):
    """Whether that is said to who calls it; nothing of the call stays."""
    from odoo.exceptions import UserError

    call = getattr(record, method)
    given = ARGUMENTS.get(method, lambda _r: dict.fromkeys(needed(call), 0))(record)
    point = record.env.cr.savepoint()
    try:
        call(**given)
    except no:
        return True
    except UserError:
        return False  # something else is wrong: one was let in
    finally:
        point.close(rollback=True)
        record.env.invalidate_all()
    return False


@pytest.mark.parametrize(
    ("model", "method"), [pair for pair, may in METHODS.items() if may in MAY]
)
def test_each_role_calls_what_the_row_says(
    stage, root, world, monkeypatch, model, method
):
    from odoo.exceptions import AccessError, UserError

    # what would be done in transactions of its own is undone with this one
    sync = stage[1]["crm.mail.mirror.sync"]
    monkeypatch.setattr(
        sync, "_in_transaction", lambda self, work, attempts=1: work(self.env(user=1))
    )
    monkeypatch.setattr(root.cr, "commit", lambda: None)
    people = root["res.users"].browse(world.users[who] for _role, who in CALLERS)
    people.mirror_visibility = "4"  # who sees all mail does nothing with it
    may = MAY[METHODS[model, method]]
    no = UserError if (model, method) in IN_WORDS else AccessError

    called = set()
    for role, who in CALLERS:
        # a wizard is of who opened it: of the owner, or of an administrator who may
        maker = "peer" if "owner" in may else who if role in may else "administrator"
        if model == "crm.mail.mirror.disconnect" and role in may:
            maker = who
        point = root.cr.savepoint()
        record = _of_the_peer(root, world, model, maker)
        root.flush_all()
        root.invalidate_all()  # over RPC nothing is read yet
        theirs = record.with_env(root(user=world.users[who], su=False))
        if not _is_refused(theirs, method, no):
            called.add((role, who))
        point.close(rollback=True)
        root.invalidate_all()

    assert called == {(role, who) for role, who in CALLERS if role in may}


@pytest.mark.parametrize(
    ("model", "method", "values"),
    [
        ("crm.mail.mirror.exclusion", "action_remove", {"value": "all@acme.test"}),
        (
            "crm.mail.mirror.change",
            "action_undo",
            {"title": "x", "undo": {"create": []}},
        ),
    ],
)
def test_what_is_the_companys_its_administrators_do(root, world, model, method, values):
    from odoo.exceptions import AccessError

    record = root[model].create(values)
    root.flush_all()
    root.invalidate_all()

    called = {
        role
        for role, who in CALLERS
        if not _is_refused(
            record.with_env(root(user=world.users[who], su=False)), method, AccessError
        )
    }

    assert called == {"manager", "administrator"}


@pytest.mark.parametrize(
    ("model", "method"),
    [
        pair
        for pair in METHODS
        if pair[0].removeprefix(PREFIX) in ("disconnect", "dry.run", "look.back", "why")
    ],
)
def test_a_wizard_of_ones_own_opens_no_mailbox_of_others(root, world, model, method):
    """A rule says whose wizard it is; whose mailbox, the wizard has to ask."""
    from odoo.exceptions import AccessError

    for role, who in CALLERS:
        if role in ("internal", "manager", "administrator"):
            mine = _of_the_peer(root, world, model, who)
            root.flush_all()
            root.invalidate_all()
            mine = mine.with_env(root(user=world.users[who], su=False))
            may = METHODS[model, method] == STOPPER and role != "internal"
            assert _is_refused(mine, method, AccessError) is not may, who


def test_a_wizard_of_ones_own_removes_no_rule_of_others(root, world):
    """Who opened it may press its button, whatever rules it names."""
    from odoo.exceptions import AccessError

    for who in ("outsider", "boss", "manager", "administrator"):
        mine = _of_the_peer(root, world, "crm.mail.mirror.rule.removal", who)
        rule = mine.rule_ids
        root.flush_all()
        root.invalidate_all()
        with contextlib.suppress(AccessError), root.cr.savepoint():
            mine.with_env(root(user=world.users[who], su=False)).action_remove()
        assert rule.exists(), who
        rule.unlink()
