"""Mailboxes that are mirrored: one database a file, people of its own for each."""

import contextlib
import importlib
import os
import secrets
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setup import template
from tests.peers.dovecot import Dovecot
from tests.peers.entra import Entra
from tests.peers.google import Google
from tests.peers.graph import Graph
from tests.sync import oauth
from tests.sync.mirror import LONG, Mirror

pytest.register_assert_rewrite("tests.sync.oauth_tests")

#: One for each mailbox of a run.
LOGINS = [f"login{number}@dovecot.test" for number in range(500)]
_unused = iter(LOGINS)


@pytest.fixture(scope="module")
def sync_database(postgres):
    """Tests of a file share it: each has users, contacts and mailboxes of its own."""
    source = template.ensure(postgres, (template.ADDON,))
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    yield dbname
    template.drop(postgres, dbname)


@pytest.fixture(scope="module")
def sync_registry(sync_database, _odoo_configured):
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    yield Registry(sync_database)
    Registry.delete(sync_database)
    close_db(sync_database)


def _leave(mirror):
    """What a test left shall not be due, known or in force in the next one."""
    mirror.sql("UPDATE crm_mail_mirror_mailbox SET state = 'draft'")
    mirror.sql(
        """UPDATE res_partner SET email = NULL, email_normalized = NULL
            WHERE right(email_normalized, 5) = '.test'
              AND id NOT IN (SELECT partner_id FROM res_users)"""
    )
    mirror.sql("UPDATE crm_lead SET email_from = NULL, email_normalized = NULL")
    mirror.sql("DELETE FROM crm_mail_mirror_address_partner_rel")
    mirror.sql("DELETE FROM crm_mail_mirror_outbox")
    mirror.sql("DELETE FROM crm_mail_mirror_search")
    mirror.sql("DELETE FROM crm_mail_mirror_change")
    mirror.sql(
        """DELETE FROM crm_mail_mirror_exclusion WHERE id NOT IN (
               SELECT res_id FROM ir_model_data
                WHERE model = 'crm.mail.mirror.exclusion')
              AND value NOT IN ('perso', 'personnel', 'privé')"""
    )


@pytest.fixture
def mirror(sync_registry, monkeypatch):
    """The addon, and mailboxes in memory for those that are linked with one."""
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    servers, real = {}, mailbox_run.open_mailbox

    def open_mailbox(kind, settings, secret, keep=None):
        server = servers.get(settings["address"])
        if server:
            return server.open(secret, keep)
        return real(kind, settings, secret, keep)

    monkeypatch.setattr(mailbox_run, "open_mailbox", open_mailbox)
    mirror = Mirror(sync_registry, servers)
    yield mirror
    _leave(mirror)


@pytest.fixture
def lib(mirror):
    """``tests.sync.memory``, which needs Odoo around it."""
    from tests.sync import memory

    return memory


@pytest.fixture
def server(lib):
    """A mailbox in memory."""
    return lib.Server()


@pytest.fixture
def page(mirror):
    """The class that writes pages, to patch its steps."""
    return mirror.registry["crm.mail.mirror.page"]


@pytest.fixture
def together():
    """``together(f, g, ...)`` runs them at once and gives what they return."""

    def run(*calls):
        with ThreadPoolExecutor(len(calls)) as pool:
            return [f.result(LONG) for f in [pool.submit(call) for call in calls]]

    return run


@pytest.fixture
def rule(mirror):
    """Make a rule as its author does; :return: its id"""

    def make(kind, value, user_id=None, **values):
        with mirror.env() as env:
            values = {"kind": kind, "value": value, "user_id": user_id, **values}
            return env["crm.mail.mirror.exclusion"].create(values).id

    made = []
    yield lambda *args, **values: made.append(make(*args, **values)) or made[-1]
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(made).exists().unlink()


@pytest.fixture
def clients(mirror, lib, server):
    """A mailbox with mail of some clients."""
    box = mirror.link(server=server)
    for name in ("client", "friend", "other"):
        mirror.contact(name)
    server.put(
        lib.mail(1, mirror.at("client"), box.email, tag=mirror.domain),
        lib.mail(2, mirror.at("client"), box.email, tag="2" + mirror.domain),
        lib.mail(
            3,
            mirror.at("client"),
            box.email,
            tag="cc" + mirror.domain,
            cc=lib.people(mirror.at("friend"), mirror.at("stranger")),
        ),
        lib.mail(4, mirror.at("friend"), box.email, subject="Café ÉTÉ 4"),
        lib.mail(5, box.email, mirror.at("other"), subject="Summer 5"),
    )
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 5}
    return box


@pytest.fixture
def small_bites(mirror, monkeypatch):
    """Few mails a page, so that a short history has many edges."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=7, seconds=20))
    monkeypatch.setattr(mailbox_run, "AGAIN", 1)


@pytest.fixture
def small_parts(mirror, monkeypatch):
    """A page of seven mails comes in parts of three."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=7, seconds=20))
    monkeypatch.setattr(mailbox_run, "AGAIN", 1)
    monkeypatch.setattr(mailbox_run, "ENVELOPES", 3)


@pytest.fixture
def during(mirror, patched_provider):
    """``during(call)``: called whenever the mirror has asked the server something."""
    calls = []

    def and_life_goes_on(real):
        def method(self, *args, **kwargs):
            for call in calls:
                call()
            return real(self, *args, **kwargs)

        return method

    for method in ("pull", "facts", "fetch", "confirm", "envelopes"):
        patched_provider(method, and_life_goes_on)
    return calls


@pytest.fixture
def provider_name():
    """Of the class whose steps are watched; test classes have another one."""
    return "imap.ImapProvider"


@pytest.fixture
def patched_provider(mirror, provider_name, monkeypatch):
    """``patched_provider("fetch", wrap)`` puts ``wrap(real)`` in its place."""
    module, _dot, name = provider_name.partition(".")
    found = importlib.import_module(
        f"odoo.addons.crm_mail_mirror.engine.providers.{module}"
    )
    provider = getattr(found, name)

    def patch(method, wrap):
        monkeypatch.setattr(provider, method, wrap(getattr(provider, method)))

    return patch


@pytest.fixture
def small_pages(monkeypatch):
    """Twenty mails a page, so that a hundred make several."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    monkeypatch.setattr(mailbox_run, "PAGE", Budget(mails=20, seconds=20))
    monkeypatch.setattr(mailbox_run, "AGAIN", 1)


@pytest.fixture(scope="session")
def dovecot():
    with Dovecot(dict.fromkeys(LOGINS, "secret")) as server:
        yield server


@pytest.fixture
def post(mirror, dovecot, monkeypatch):
    """``post("anna")`` gives a linked mailbox at Dovecot and its owner's mail program.

    All further arguments are values of the mailbox.
    """
    monkeypatch.setenv("CRM_MAIL_MIRROR_CA_FILE", dovecot.ca_file)
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "localhost 127.0.0.1"
        )
    opened = []

    def link(name="anna", **values):
        login = next(_unused)
        program = dovecot.user(login)
        opened.append(program)
        settings = {"imap_port": dovecot.tls_port, "imap_login": login}
        return mirror.link(name, **{**settings, **values}), program

    yield link
    for program in opened:
        program.close()


@pytest.fixture
def fetched(mirror, patched_provider):
    """Message-IDs of the mails whose text left the mailbox."""
    seen = []

    def noted(real):
        def fetch(self, mails):
            seen.extend(envelope.message_id for _place, envelope in mails)
            return real(self, mails)

        return fetch

    patched_provider("fetch", noted)
    return seen


@pytest.fixture
def worker(sync_database, postgres, tmp_path):
    """A worker in a process of its own, to be killed.

    ``worker(box)`` loads Odoo; each ``start()`` of what it gives forks a worker."""
    programs = []

    class Worker:
        def __init__(self, box):
            conf = template.configuration(postgres, tmp_path / "worker.conf")
            script = Path(__file__).with_name("worker.py")
            self.program = subprocess.Popen(
                [sys.executable, script, conf, sync_database, str(box.id)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=template.environment(postgres),
            )
            programs.append(self.program)
            assert self._said() == "ready"

        def _said(self):
            return self.program.stdout.readline().strip()

        def start(self):
            self.program.stdin.write("\n")
            self.program.stdin.flush()
            self.pid = int(self._said())

        def kill(self):
            with contextlib.suppress(ProcessLookupError):  # it is done already
                os.kill(self.pid, signal.SIGKILL)
            return self.end()

        def end(self):
            """:return: 0, or the signal that ended it"""
            return os.waitstatus_to_exitcode(int(self._said()))

    yield Worker
    for program in programs:
        program.stdin.close()
        program.wait(60)


# ---- Google and Microsoft ---


@pytest.fixture(scope="session")
def google():
    with Google([]) as server:
        yield server
        assert not server.complaints()


@pytest.fixture(scope="session")
def entra():
    with Entra([]) as server:
        yield server
        assert not server.complaints()


@pytest.fixture(scope="session")
def graph(entra):
    with Graph(entra.whoami) as server:
        yield server


@pytest.fixture
def at_google(mirror, google, monkeypatch, tmp_path):
    with oauth.at_google(mirror, google, monkeypatch, tmp_path) as linked:
        yield linked


@pytest.fixture
def at_microsoft(mirror, entra, graph, monkeypatch, tmp_path):
    with oauth.at_microsoft(mirror, entra, graph, monkeypatch, tmp_path) as linked:
        yield linked
