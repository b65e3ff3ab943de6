"""One database with the world in it, for all tests of this folder."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from setup import template

from . import world as worlds


@contextmanager
def _installed(postgres, *addons) -> Iterator:
    """Name of a fresh database with these of our addons, and its registry."""
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, template.ensure(postgres, addons), dbname)
    yield dbname, Registry(dbname)
    Registry.delete(dbname)
    close_db(dbname)
    template.drop(postgres, dbname)


@pytest.fixture(scope="session")
def stage(postgres, _odoo_configured) -> Iterator:
    """Name of the database, its registry, and the world in it."""
    from odoo.api import SUPERUSER_ID, Environment

    with _installed(postgres, template.ADDON) as (dbname, registry):
        with registry.cursor() as cr:
            env = Environment(cr, SUPERUSER_ID, {})
            world = worlds.build(env)
            world.users["manager"] = _manager(env, world).id
        yield dbname, registry, world


def _manager(env, world):
    """An administrator of the addon, and of nothing else; colleague of the others."""
    groups = ["base.group_user", "base.group_allow_export"]
    groups += ["sales_team.group_sale_salesman_all_leads"]
    groups += ["crm_mail_mirror.crm_mail_mirror_group_manager"]
    home = env["res.company"].browse(world.companies["home"])
    return worlds._user(
        env(context={"no_reset_password": True}), "manager", groups, home
    )


@pytest.fixture(scope="module")
def with_employees(postgres, _odoo_configured) -> Iterator:
    """An environment of the superuser where the second addon is installed, too."""
    from odoo.api import SUPERUSER_ID, Environment

    addons = (template.ADDON, "crm_mail_mirror_hr")
    with _installed(postgres, *addons) as (_dbname, registry):
        with registry.cursor() as cr:
            yield Environment(cr, SUPERUSER_ID, {})
            cr.rollback()


@pytest.fixture(scope="session")
def world(stage) -> worlds.World:
    return stage[2]


@pytest.fixture
def root(stage) -> Iterator:
    """The superuser's environment; nothing of it stays."""
    from odoo.api import SUPERUSER_ID, Environment

    with stage[1].cursor() as cr:
        yield Environment(cr, SUPERUSER_ID, {})
        cr.rollback()
    # nor what was remembered meanwhile, such as who may read what
    stage[1].clear_all_caches()


@pytest.fixture
def viewer(root, world) -> Callable:
    """``viewer(level)``: the viewer's environment at a level."""

    def at(level: str, **context):
        user = root["res.users"].browse(world.users["viewer"])
        user.with_context(tracking_disable=True).mirror_visibility = level
        root.flush_all()
        root.invalidate_all()
        return root(user=user.id, su=False, context=context)

    return at


@pytest.fixture
def committed(stage) -> Callable:
    """``with committed() as env``: superuser, what is done stays."""
    from odoo.api import SUPERUSER_ID, Environment

    @contextmanager
    def do():
        with stage[1].cursor() as cr:
            yield Environment(cr, SUPERUSER_ID, {})

    return do
