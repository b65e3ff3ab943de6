"""Which doors lead in: routes, rules of records, methods on what is somebody else's?

A new one fails its test until it has a row, or a rule.
"""

import pytest

from .test_access_matrix import (
    ADMINISTRATORS,
    METHODS,
    MODELS,
    OWNER,
    STOPPER,
    _needed,
)

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


@pytest.mark.parametrize("name", [n for n, may in MODELS.items() if "r" in (may or "")])
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


def _of_somebody_else(root, world, model, who):
    """A record of that model which is the peer's, or which an administrator made."""
    peer = world.users["peer"]
    mailbox = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    copy = root["crm.mail.mirror.copy"].search([("mailbox_id", "=", mailbox)], limit=1)
    there = {
        "crm.mail.mirror.copy": copy,
        "crm.mail.mirror.mailbox": copy.mailbox_id,
        "crm.mail.mirror.message": copy.message_id,
    }
    if model in there:
        return there[model]
    records = root(user=world.users[who], su=True)[model]
    if not records._auto:  # rows of a query
        return records.search([], limit=1)
    points_to = {
        "res.users": peer,
        "crm.mail.mirror.mailbox": mailbox,
        "crm.mail.mirror.message": copy.message_id.id,
        "res.company": world.companies["home"],
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
    if "asker_id" in values:
        values["asker_id"] = world.users["boss"]
    return records.create(values)


@pytest.mark.parametrize(
    ("model", "method"),
    [pair for pair, may in METHODS.items() if may in (OWNER, STOPPER, ADMINISTRATORS)],
)
def test_nobody_else_calls_what_is_the_owners_or_the_administrators(
    root, world, model, method
):
    from odoo.exceptions import AccessError, UserError

    outsider = root["res.users"].browse(world.users["outsider"])
    outsider.mirror_visibility = "4"  # who sees all mail does nothing with it
    who = "administrator" if METHODS[model, method] == ADMINISTRATORS else "peer"
    record = _of_somebody_else(root, world, model, who)
    root.flush_all()
    root.invalidate_all()  # over RPC nothing is read yet
    theirs = record.with_env(root(user=outsider.id, su=False))
    call = getattr(theirs, method)

    no = UserError if (model, method) in IN_WORDS else AccessError
    with pytest.raises(no), theirs.env.cr.savepoint():
        call(**dict.fromkeys(_needed(call), 0))
