# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Nothing that opens a mailbox stands in a log, a dump of the database or an answer."""

import json
import os
import subprocess

import pytest
from engine.keyring import Keyring

from setup import database
from tests.linking.visitor import Refused, Visitor
from tests.odoo_server import OdooServer

PASSWORD = "typed-as-password-of-a-mailbox"
CLIENT_SECRET = "typed-as-client-secret"


@pytest.fixture
def talkative(postgres, tmp_path, desk):
    """A second server on the same database that logs all it can."""
    server = OdooServer(
        postgres,
        desk.server.dbname,
        tmp_path,
        desk.clouds.environment(),
        log_handler=":DEBUG",
    )
    base = desk.admin("ir.config_parameter", "get_param", "web.base.url")
    try:
        yield server.start()
    finally:
        server.stop()
        desk.admin("ir.config_parameter", "set_param", "web.base.url", base)


def test_nothing_secret_in_the_log_at_debug_level(desk, person, talkative, postgres):
    clouds = desk.clouds
    clouds.register(talkative.url)
    (_visitor, email), secrets = person(), {}
    admin = Visitor(talkative, "admin")  # web.base.url follows the administrator
    admin("res.config.settings", "create", {"mirror_google_secret": CLIENT_SECRET})
    visitor = Visitor(talkative, email.partition("@")[0])
    for provider, peer in (("gmail", clouds.google), ("microsoft", clouds.entra)):
        address = email if provider == "gmail" else f"other-{email}"
        clouds.add_user(address)
        mailbox = visitor.draft(provider, address)
        url = visitor.begin(mailbox)
        brought = peer.answer(url, address)
        visitor.come_back(provider, brought)
        visitor.come_back(provider, brought)
        Visitor(talkative).come_back(provider, brought)
        state = visitor.mailbox(mailbox, "state")["state"]
        assert state == "ready", visitor.told(mailbox)
        secrets |= {f"{provider} {name}": value for name, value in brought.items()}
        token = postgres.sql(
            "SELECT secret FROM crm_mail_mirror_credential"
            f" WHERE mailbox_id = {mailbox}",
            talkative.dbname,
        )[0]
        held = Keyring.parse(desk.key).decrypt(token)
        secrets |= {f"{provider} {path}": s for path, s in _strings(json.loads(held))}
    imap = {"imap_host": "127.0.0.1", "password": PASSWORD}
    mailbox = visitor.draft("imap", f"imap-{email}", **imap)
    with pytest.raises(Refused):
        visitor("crm.mail.mirror.mailbox", "action_connect", [mailbox])

    log = talkative.said()

    assert "/crm_mail_mirror/google/callback" in log
    assert "DEBUG" in log and "call crm.mail.mirror.mailbox" in log
    secrets |= {
        "password": PASSWORD,
        "typed client secret": CLIENT_SECRET,
        "client secret of Google": clouds.google.client_secret,
        "client secret of Microsoft": clouds.entra.client_secret,
        "key": desk.key,
    }
    assert len(secrets) > 12
    assert [name for name, value in secrets.items() if value in log] == []


def _strings(value, path=""):
    """Long enough texts of a secret that is JSON, but for addresses of servers."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _strings(each, f"{path}/{name}")
    elif isinstance(value, str) and path.rpartition("/")[2] in (
        *("refresh_token", "access_token", "secret"),
    ):
        yield path, value


def test_nothing_secret_in_a_dump_of_the_database(desk, person, postgres):
    clouds = desk.clouds
    visitor, email = person()
    mailbox = visitor.draft("gmail", email)
    brought = clouds.google.answer(visitor.begin(mailbox), email)
    visitor.come_back("gmail", brought)
    visitor.draft("imap", f"imap-{email}", imap_host="127.0.0.1", password=PASSWORD)
    token = postgres.sql(
        f"SELECT secret FROM crm_mail_mirror_credential WHERE mailbox_id = {mailbox}",
        desk.server.dbname,
    )[0]
    held = json.loads(Keyring.parse(desk.key).decrypt(token))

    program = next(folder / "pg_dump" for folder in database.binaries())
    dump = subprocess.run(
        [program, "--data-only", desk.server.dbname],
        env={**os.environ, **postgres.env()},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert email in dump and clouds.google.client_id in dump
    for secret in (
        *(held["refresh_token"], held["access_token"]),
        *(brought["code"], brought["state"], PASSWORD, desk.key),
        *(clouds.google.client_secret, clouds.entra.client_secret),
    ):
        assert secret not in dump


def test_a_copy_of_the_database_signs_in_nowhere(desk, person, postgres):
    neutralize = "addons/crm_mail_mirror/data/neutralize.sql"
    with open(neutralize, encoding="utf-8") as script:
        statements = script.read()

    left = postgres.sql(
        "BEGIN;"
        + statements
        + "SELECT count(*) FROM crm_mail_mirror_client WHERE enabled OR secret IS NOT"
        " NULL; ROLLBACK;",
        desk.server.dbname,
    )

    assert [line for line in left if line.strip().isdigit()] == ["0"]
