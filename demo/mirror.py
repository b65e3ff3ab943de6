# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do the mailboxes come into Odoo? Linked and mirrored, in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.say import Stop

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
        with Registry(dbname).cursor() as cr:
            yield Environment(cr, SUPERUSER_ID, {})
    finally:
        Registry.delete(dbname)
        close_db(dbname)


def link(env, port: int) -> dict:
    """People, leads, rules and five connected mailboxes; what is there stays.

    :param port: of IMAP with TLS on this machine; a new one at each start
    :return: ``{key of a salesperson: mailbox}``
    :raises Stop: a mailbox refuses the connection
    """
    env["ir.config_parameter"].set_param(
        "crm_mail_mirror.allowed_hosts", "127.0.0.1,localhost"
    )
    users = load(env)
    _load_exclusions(env, users)
    env.cr.commit()
    return {person.key: _link(env, person, users, port) for person in SALESPEOPLE}


def sync(env, mailboxes: dict, told) -> None:
    """Mirror all mailboxes to the end.

    :param told: called after each round with the number of mails seen by then
    """
    ids = [mailbox.id for mailbox in mailboxes.values()]
    seen, idle = -1, 0
    while env["crm.mail.mirror.sync"]._sync_due(budget=25.0, mailbox_ids=ids):
        env.invalidate_all()
        before, seen = seen, _seen(env, mailboxes)
        told(seen)
        idle = idle + 1 if seen == before else 0
        if idle == 10:
            raise Stop("The mailboxes do not come to an end: see .local/log.")
    env.invalidate_all()
    for mailbox in mailboxes.values():
        if mailbox.state == "paused":
            continue
        if mailbox.last_error or mailbox.state != "active" or not mailbox.last_sync_at:
            why = mailbox.last_error_sentence or mailbox.state
            raise Stop(f"{mailbox.email} could not be mirrored: {why}")


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


def _link(env, person, users, port):
    model = env["crm.mail.mirror.mailbox"]
    mailbox = model.search([("email_normalized", "=", person.email)])
    if not mailbox:
        mailbox = model.create(
            {
                "user_id": users[person.key].id,
                "email": person.email,
                "provider": "imap",
                "imap_host": "localhost",
                "imap_port": port,
                "imap_security": "tls",
                "imap_login": person.email,
                "password": person.password,
                "sync_from": False,
                "sharing_in": person.sharing_in,
                "sharing_out": person.sharing_out,
            }
        )
    # an interrupted demo left its lease; nobody else mirrors here now (post.office)
    mailbox.write({"imap_port": port, "lease_until": False, "lease_token": False})
    if mailbox.state == "paused":
        return mailbox
    from odoo.exceptions import UserError

    try:
        mailbox.action_connect()
    except UserError as error:
        raise Stop(f"{person.email} could not be linked: {error}") from None
    env.cr.commit()
    return mailbox


def _load_exclusions(env, users):
    for kind, value, key in EXCLUSIONS:
        user_id = users[key].id if key else False
        known = [("kind", "=", kind), ("value", "=", value), ("user_id", "=", user_id)]
        if not env["crm.mail.mirror.exclusion"].search_count(known):
            env["crm.mail.mirror.exclusion"].create(
                {"kind": kind, "value": value, "user_id": user_id}
            )
