"""One database with the world in it, for all tests of this folder."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from setup import template

from . import world as worlds


@pytest.fixture(scope="session")
def stage(postgres, _odoo_configured) -> Iterator:
    """Name of the database, its registry, and the world in it."""
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, template.ensure(postgres), dbname)
    registry = Registry(dbname)
    with registry.cursor() as cr:
        world = worlds.build(Environment(cr, SUPERUSER_ID, {}))
    yield dbname, registry, world
    Registry.delete(dbname)
    close_db(dbname)
    template.drop(postgres, dbname)


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
