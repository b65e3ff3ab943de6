# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where do the seconds of an import go? A clock around each stage, on each thread.

Own time: what a stage calls is counted there. CPU of the thread and wall time apart, as
wall time also holds waiting for the other thread, the server and the disk. The clocks
cost some percent: times of a profiled run are shares, not results.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict

_open = threading.local()
#: stage -> [calls, seconds, CPU seconds]
spent: dict[str, list] = defaultdict(lambda: [0, 0.0, 0.0])


def install() -> None:
    """Put the clocks into the addon's modules. Before anything runs."""
    from odoo.sql_db import Cursor

    from odoo.addons.crm_mail_mirror.engine import (
        headers,
        html,
        identity,
        quotes,
        reader,
        text,
    )
    from odoo.addons.crm_mail_mirror.engine.providers import (
        imap,
        imap_bodies,
        imap_mail,
        imap_parse,
        imap_wire,
    )
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_address as address
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_directory as books
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page as page
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_copy as copies
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_mail as mail
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_shared as rows
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync as sync
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync_claim as claim
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync_lease as lease
    from odoo.addons.crm_mail_mirror.models import mailbox_run, turns

    page, writer = page.CrmMailMirrorPage, mail.CrmMailMirrorPageMail
    shared, own = rows.CrmMailMirrorPageShared, copies.CrmMailMirrorPageCopy
    directory = books.CrmMailMirrorDirectory
    for where, name, stage in (
        (imap_wire.Wire, "command", "read: wait for the server, split its answer"),
        (imap_wire.Wire, "commands", "read: wait for the server, split its answer"),
        (imap_parse, "fetched", "read: tokens of a FETCH answer"),
        (imap_parse, "parts", "read: BODYSTRUCTURE"),
        (headers, "parse_envelope", "read: header fields"),
        (imap_mail, "read_presences", "read: the rest"),
        (imap_bodies, "read", "texts: the rest"),
        (text, "body_of_parts", "texts: decode, flow, join"),
        (html, "_rewritten", "texts: HTML, SAX pass"),
        (html._Layout, "handle", "texts: HTML, layout"),
        (html, "tidy", "texts: HTML, tidy"),
        (quotes, "quote_start", "texts: where the quote begins"),
        (sync.CrmMailMirrorSync, "_judge", "judge: the rest"),
        (reader, "judge", "judge: rules"),
        (identity, "mail_key", "judge: keys"),
        (directory, "_look_up", "judge: whose addresses"),
        (page, "_known_keys", "judge: known keys"),
        (page, "_store", "write: the rest"),
        (writer, "_copy_values", "write: values"),
        (writer, "_hidden_identities", "write: hidden"),
        (writer, "_newly_known", "write: newly known"),
        (shared, "_insert_messages", "write: messages"),
        (shared, "_insert_bodies", "write: bodies"),
        (own, "_insert_copies", "write: copies"),
        (shared, "_write_participants", "write: participants"),
        (address.CrmMailMirrorAddress, "_link", "write: link addresses to contacts"),
        (address.CrmMailMirrorAddress, "_ensure", "write: addresses"),
        (own, "_write_traces", "write: traces"),
        (own, "_write_locations", "write: locations"),
        (Cursor, "commit", "write: commit"),
        (claim.CrmMailMirrorSync, "_claim", "claim"),
        (claim.CrmMailMirrorSync, "_count_due", "count what is due"),
        (mailbox_run, "open_mailbox", "connect, log in"),
        (imap.ImapProvider, "close", "log out"),
        (lease.CrmMailMirrorSync, "_end", "release"),
        (turns.Ready, "get", "wait for the network's thread"),
    ):
        setattr(where, name, _clocked(getattr(where, name), stage))


def _clocked(function, stage):
    @functools.wraps(function)
    def clocked(*args, **kwargs):
        stack = _open.__dict__.setdefault("stack", [])
        stack.append([0.0, 0.0])
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            inside_wall, inside_cpu = stack.pop()
            if stack:
                stack[-1][0] += wall
                stack[-1][1] += cpu
            entry = spent[stage]
            entry[0] += 1
            entry[1] += wall - inside_wall
            entry[2] += cpu - inside_cpu

    return clocked


def table(title: str, share: float) -> str:
    """Markdown: milliseconds of each stage since the last table.

    :param share: such as 1 / 20 for the mean of twenty
    """
    lines = [f"| {title} | calls | ms wall | ms CPU |", "|---|---|---|---|"]
    for stage, (calls, *seconds) in sorted(spent.items()):
        wall, cpu = (second * 1000 * share for second in seconds)
        lines.append(f"| {stage} | {calls * share:,.0f} | {wall:,.1f} | {cpu:,.1f} |")
    spent.clear()
    return "\n".join(lines)
