# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do the mailboxes come into Odoo? Linked and mirrored, in this process."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.say import Stop

from .consent import ROUTE
from .load import load
from .people import SALESPEOPLE

#: A rule of the company and one of Marc's own, so that both kinds occur.
EXCLUSIONS = (
    ("domain", "growthrocket.example", ""),
    ("address", "nadia@talentbruecke.example", "marc"),
)


@contextmanager
def odoo(conf: Path, dbname: str) -> Iterator:
    """An environment of the superuser; what the block did is committed at its end."""
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", str(conf)], setup_logging=True)
    initialize_sys_path()
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    try:
        registry = Registry(dbname)
        with registry.cursor() as cr:
            yield Environment(cr, SUPERUSER_ID, {})
        # a server that runs meanwhile forgets what it remembers, such as languages
        registry.signal_changes()
    finally:
        Registry.delete(dbname)
        close_db(dbname)


def link(env, servers, url: str) -> dict:
    """People, leads, rules and five mailboxes; what is there stays.

    Those on IMAP are connected, the others wait for their owner's consent.

    :param servers: ``post.Office``
    :param url: of Odoo
    :return: ``{key of a salesperson: mailbox}``
    :raises Stop: a mailbox refuses the connection
    """
    parameters = env["ir.config_parameter"]
    parameters.set_param("crm_mail_mirror.allowed_hosts", "127.0.0.1,localhost")
    parameters.set_param("web.base.url", url)
    _register(env, servers)
    users = load(env)
    _load_exclusions(env, users)
    env.cr.commit()
    return {person.key: _link(env, person, users, servers) for person in SALESPEOPLE}


def _register(env, servers):
    """This Odoo at Google and Microsoft, as an administrator does in the settings."""
    values = {}
    for provider, route in ROUTE.items():
        client_id, secret = servers.clients[provider]
        values[f"mirror_{route}_enabled"] = True
        values[f"mirror_{route}_client_id"] = client_id
        values[f"mirror_{route}_secret"] = secret
    env["res.config.settings"].create(values).execute()


def sync(env, told) -> dict[str, Counter]:
    """Mirror all mailboxes to the end.

    :param told: called after each round with the number of mails seen by then
    :return: ``outcomes``
    :raises Stop: one of them could not be mirrored
    """
    model = env["crm.mail.mirror.mailbox"]
    mailboxes = {
        person.key: model.search([("email_normalized", "=", person.email)])
        for person in SALESPEOPLE
    }
    seen, idle = -1, 0
    while _waiting(env, mailboxes):
        # the web server's jobs work on them as well
        env["crm.mail.mirror.sync"]._sync_due(budget=5.0)
        env.cr.commit()
        env.invalidate_all()
        before, seen = seen, _seen(env, mailboxes)
        told(seen)
        idle = idle + 1 if seen == before else 0
        if idle == 200:
            raise Stop("The mailboxes do not come to an end: see .local/log.")
        time.sleep(0.3)
    for mailbox in mailboxes.values():
        if mailbox.state != "paused" and (
            mailbox.last_error or mailbox.state != "active"
        ):
            why = mailbox.last_error_sentence or mailbox.state
            raise Stop(f"{mailbox.email} could not be mirrored: {why}")
    return outcomes(env, mailboxes)


def _waiting(env, mailboxes):
    """Is one of them worked on, or due, or was never looked at?"""
    env.cr.commit()
    env.cr.execute(
        """SELECT 1 FROM crm_mail_mirror_mailbox
            WHERE id = ANY(%s) AND state = 'active'
              AND (last_sync_at IS NULL AND last_error IS NULL
                   OR next_sync_at <= now() AT TIME ZONE 'UTC'
                   OR lease_until > now() AT TIME ZONE 'UTC') LIMIT 1""",
        [[mailbox.id for mailbox in mailboxes.values()]],
    )
    return bool(env.cr.fetchone())


def _seen(env, mailboxes):
    return sum(counts.total() for counts in outcomes(env, mailboxes).values())


def outcomes(env, mailboxes: dict) -> dict[str, Counter]:
    """Key of a salesperson -> ``{(state, reason): mails}``, from the ledger."""
    env.cr.execute(
        """SELECT mailbox_id, state, reason, sum(count) FROM crm_mail_mirror_day
           GROUP BY mailbox_id, state, reason"""
    )
    rows = env.cr.fetchall()
    return {
        key: Counter(
            {
                (state, reason): count
                for mailbox_id, state, reason, count in rows
                if mailbox_id == mailbox.id and count
            }
        )
        for key, mailbox in mailboxes.items()
    }


def _link(env, person, users, servers):
    model = env["crm.mail.mirror.mailbox"]
    mailbox = model.search([("email_normalized", "=", person.email)])
    server = {}
    if person.provider == "imap":
        server = {
            "imap_host": "localhost",
            "imap_port": servers.imap.tls_port,  # a new one at each start
            "imap_security": "tls",
            "imap_login": person.email,
        }
    if not mailbox:
        if server:
            server["password"] = person.password
        mailbox = model.create(
            {
                "user_id": users[person.key].id,
                "email": person.email,
                "provider": person.provider,
                "look_back": "all",
                "sharing_in": person.sharing_in,
                "sharing_out": person.sharing_out,
                **server,
            }
        )
    # an interrupted demo left its lease; nobody else mirrors here now (post.office)
    mailbox.write({**server, "lease_until": False, "lease_token": False})
    if not server or mailbox.state == "paused":
        env.cr.commit()
        return mailbox
    from odoo.exceptions import UserError

    try:
        mailbox.action_connect()
        start(mailbox)
    except UserError as error:
        raise Stop(f"{person.email} could not be linked: {error}") from None
    env.cr.commit()
    return mailbox


def start(mailbox):
    """The demo's people need no look at what would be mirrored."""
    if mailbox.state == "ready":
        mailbox.action_start()


def _load_exclusions(env, users):
    for kind, value, key in EXCLUSIONS:
        user_id = users[key].id if key else False
        known = [("kind", "=", kind), ("value", "=", value), ("user_id", "=", user_id)]
        if not env["crm.mail.mirror.exclusion"].search_count(known):
            env["crm.mail.mirror.exclusion"].create(
                {"kind": kind, "value": value, "user_id": user_id}
            )
