"""Who may read which field? Each of the addon's stands in a table, here and over RPC.

A new one fails the test until somebody has thought about who may read it, and has
written it down in ``field_rows.py``.
"""

import pytest

from .field_rows import (
    ACCESS_RIGHTS,
    ADMINISTRATORS,
    ANYBODY,
    FIELDS,
    INTERNAL,
    NOBODY,
    SALES,
    SYSTEM,
)

#: Odoo gives them to each model that has rows.
AUTOMATIC = {"id", "display_name", "create_uid", "create_date", "write_uid"} | {
    "write_date"
}
#: Who has which group; a row names the one that is needed.
GROUPS = {
    "internal": ["base.group_user"],
    "manager": ["base.group_user", "crm_mail_mirror.crm_mail_mirror_group_manager"],
    "rights": ["base.group_user", "base.group_erp_manager"],
    "system": ["base.group_system"],
    "sales": ["sales_team.group_sale_salesman"],
    "portal": ["base.group_portal"],
    "public": ["base.group_public"],
}
INSIDE = ("internal", "manager", "rights", "system", "sales")
READERS = {
    ANYBODY: tuple(GROUPS),
    INTERNAL: INSIDE,
    ADMINISTRATORS: ("manager", "system"),
    ACCESS_RIGHTS: ("rights", "system"),
    SYSTEM: ("system",),
    SALES: ("sales",),
    NOBODY: (),
}


def rows(fields=FIELDS):
    """``{(model, field): who reads it}``"""
    return {
        (model, name): who
        for model, by_reader in fields.items()
        for who, names in by_reader.items()
        for name in names.split()
    }


def of_the_addons(registry):
    """(model, field) of each that our addons define, on their models and on others'."""
    return {
        (name, field.name)
        for name, model in registry.items()
        for field in model._fields.values()
        if field.name not in AUTOMATIC
        and all(module.startswith("crm_mail_mirror") for module in field._modules)
    }


def readable(env, wanted):
    """Those among (model, field) that the user of ``env`` may read of some record."""
    return {
        (model, name)
        for model, name in wanted
        if env[model].has_access("read")
        and env[model]._has_field_access(env[model]._fields[name], "read")
    }


def test_every_field_has_its_row(stage):
    found, known = of_the_addons(stage[1]), set(rows())

    lost = "\n".join(sorted(f"{model}: {name}" for model, name in found - known))
    assert not lost, f"who may read these? A row in field_rows.py is missing:\n{lost}"
    assert known - found == set(), "rows of fields that are no more"


def as_one_of(root, who):
    """The environment of a new user who has these groups, and no other."""
    user = root["res.users"].create(
        {
            "name": who,
            "login": f"fields.{who}",
            "group_ids": [(6, 0, [root.ref(name).id for name in GROUPS[who]])],
        }
    )
    if who == "internal":
        user.mirror_visibility = "4"  # a level opens records, and no field
    root.flush_all()
    return root(user=user.id, su=False)


@pytest.mark.parametrize("who", GROUPS)
def test_each_reads_what_the_row_says(root, who):
    env = as_one_of(root, who)

    right = {pair for pair, reader in rows().items() if who in READERS[reader]}
    assert readable(env, rows()) == right


def test_what_anybody_reads_of_oneself_is_empty_to_portal_users(root, world):
    user = root["res.users"].browse(world.users["portal"])
    names = [name for (_m, name), who in rows().items() if who == ANYBODY]

    (row,) = user.with_user(user).read(names)

    assert len(names) > 2
    assert not any(row[name] for name in names)
