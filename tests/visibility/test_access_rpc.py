"""The rows of models, fields and methods, asked of a running server from outside.

Whoever calls over RPC has nothing but a model's name, a method's, and numbers.
"""

import pytest

from .field_rows import FIELDS, NOBODY
from .rpc import Caller, Refused
from .test_access_fields import READERS, rows
from .test_access_matrix import METHODS, MODELS, NOTHING, SETTINGS, needed
from .test_over_rpc import call, committed_keys, server  # noqa: F401

#: What the server says to whom it refuses, and not to whom it misunderstood.
NO = ("AccessError", "AccessDenied", "Access Denied", "not allowed", "UserError")


#: What the users of the world are, in words of the rows.
ROLES = {
    "portal": {"portal"},
    "outsider": {"sales"},
    "administrator": {"system", "sales"},
}


def is_no(refused):
    """Refused, and neither for want of a record nor for want of an argument."""
    said = str(refused)
    return any(word in said for word in NO) and "MissingError" not in said


@pytest.mark.parametrize("who", ROLES)
def test_fields_are_read_over_rpc_by_whom_the_row_says(call, who):  # noqa: F811
    """All that one may read in one call, and each that one may not in its own."""
    caller, told, roles = call(who), [], ROLES[who]
    for model in FIELDS:
        mine = {
            name
            for (of, name), reader in rows().items()
            if of == model and roles & set(READERS[reader])
        }
        rest = {n for (m, n) in rows() if m == model} - mine
        if mine and model.startswith("crm.mail.mirror"):
            caller.json2(model, "fields_get", allfields=sorted(mine))
        told += [(model, name) for name in rest if answered(caller, model, name)]
    assert told == []


def answered(caller, model, name):
    """Whether the server read the field, or looked for it, instead of refusing."""
    try:
        caller.json2(model, "search_read", domain=[], fields=[name], limit=1)
    except Refused as refused:
        return not is_no(refused)
    return True


def test_public_users_call_nothing(call, server, world):  # noqa: F811
    """Without a key there is no RPC at all; with the public user's id neither."""
    started, _keys = server
    nobody = Caller(started.url, started.dbname, world.users["public"], "")
    for model, method in [(m, "search") for m in MODELS] + list(METHODS):
        with pytest.raises(Refused) as refused:
            nobody.json2(model, method, ids=[1])
        assert str(refused.value)[:3] in ("401", "403", "404"), (model, method)


def test_portal_users_call_nothing(call, stage):  # noqa: F811
    portal = call("portal")
    for (model, method), caller in METHODS.items():
        if caller in (NOTHING, SETTINGS):
            continue
        function = getattr(stage[1][model], method)
        given = dict.fromkeys(needed(function), 0)
        given.pop("self", None)
        if not getattr(function, "_api_model", False):
            given["ids"] = [1]
        with pytest.raises(Refused) as refused:
            portal.json2(model, method, **given)
        assert is_no(refused.value), (model, method, str(refused.value)[:200])


def test_what_nobody_reads_nobody_finds_by(call):  # noqa: F811
    """Searching asks as well: a prefix that is found tells the value."""
    administrator = call("administrator")
    for (model, name), who in rows().items():
        if who == NOBODY:
            with pytest.raises(Refused):
                administrator.json2(model, "search_count", domain=[(name, "!=", False)])
