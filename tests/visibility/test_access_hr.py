"""The same rows where the second addon is installed: what it adds stands here.

Nothing of the first opens to more people there.
"""

import pytest

from .field_rows import FIELDS_WITH_EMPLOYEES
from .test_access_doors import _is_refused
from .test_access_fields import (
    GROUPS,
    INSIDE,
    READERS,
    as_one_of,
    of_the_addons,
    readable,
    rows,
)
from .test_access_matrix import (
    METHODS,
    MODELS,
    ROLES,
    of_the_addon,
    public_methods,
    rights,
    rows_of,
)

#: Public methods of the second addon: who may call them.
#: Odoo shows the directory of employees to everybody inside, and opens it as theirs.
METHODS_WITH_EMPLOYEES = {("res.users", "action_mirror_open_employee"): INSIDE}


@pytest.fixture
def root(with_employees):
    """Nothing stays of what is done with it."""
    point = with_employees.cr.savepoint()
    yield with_employees
    point.close(rollback=True)
    with_employees.invalidate_all()
    with_employees.registry.clear_all_caches()


def test_every_model_field_and_method_has_its_row(root):
    registry = root.registry

    assert of_the_addon(registry) == set(MODELS)
    assert public_methods(registry) == {*METHODS, *METHODS_WITH_EMPLOYEES}
    assert of_the_addons(registry) == {*rows(), *rows(FIELDS_WITH_EMPLOYEES)}


@pytest.mark.parametrize("who", GROUPS)
def test_each_role_may_do_what_the_rows_say(root, who):
    fields = rows() | rows(FIELDS_WITH_EMPLOYEES)
    env = as_one_of(root, who)

    right = {pair for pair, reader in fields.items() if who in READERS[reader]}
    assert readable(env, fields) == right
    role = "administrator" if who == "system" else who
    assert rights(env) == rows_of(role if role in ROLES else "internal")


@pytest.mark.parametrize(("model", "method"), METHODS_WITH_EMPLOYEES)
@pytest.mark.parametrize("who", GROUPS)
def test_each_role_calls_what_the_row_says(root, who, model, method):
    from odoo.exceptions import AccessError

    anna = root["res.users"].create({"name": "Anna", "login": "anna"})
    root["hr.employee"].create({"name": "Anna", "user_id": anna.id})
    env = as_one_of(root, who)
    root.invalidate_all()

    refused = _is_refused(anna.with_env(env), method, AccessError)

    assert refused == (who not in METHODS_WITH_EMPLOYEES[model, method])
