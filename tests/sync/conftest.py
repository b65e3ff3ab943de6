"""Mailboxes that are mirrored: one database for all, people of its own for each test."""

import secrets

import pytest

from setup import template
from tests.peers.dovecot import Dovecot
from tests.sync.mirror import Mirror


@pytest.fixture(scope="session")
def sync_database(postgres):
    """One for all tests here: each has users, contacts and mailboxes of its own."""
    source = template.ensure(postgres, (template.ADDON,))
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    yield dbname
    template.drop(postgres, dbname)


@pytest.fixture(scope="session")
def sync_registry(sync_database, _odoo_configured):
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    yield Registry(sync_database)
    Registry.delete(sync_database)
    close_db(sync_database)


@pytest.fixture
def mirror(sync_registry, monkeypatch):
    """The addon, and mailboxes in memory for those that are linked with one."""
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    servers, real = {}, mailbox_run.open_mailbox

    def open_mailbox(kind, settings, secret):
        server = servers.get(settings["address"])
        return server.open() if server else real(kind, settings, secret)

    monkeypatch.setattr(mailbox_run, "open_mailbox", open_mailbox)
    mirror = Mirror(sync_registry, servers)
    yield mirror
    # what others left shall not be due in the next test
    mirror.sql("UPDATE crm_mail_mirror_mailbox SET state = 'paused'")


@pytest.fixture
def small_pages(monkeypatch):
    """Twenty mails a page, so that a hundred make several."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=20, seconds=20))


@pytest.fixture(scope="session")
def dovecot():
    with Dovecot({}) as server:
        yield server
