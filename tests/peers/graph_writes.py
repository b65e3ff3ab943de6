# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What may a mail program change, once ``Mail.ReadWrite`` was consented to?

Mark, move, copy, delete; make and rename folders. The mirror never asks for it: this is
for another program that works in the same mailbox.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from . import graph_answers as answers
from .graph_answers import Problem, View
from .graph_http import Answer, Request
from .graph_store import Folder, Item, Mailbox, Refused


def message(mailbox: Mailbox, request: Request, item: Item, rest: list[str]) -> Answer:
    """:param rest: what stands behind the message's id"""
    action = (request.method, rest[0].lower() if rest else "")
    if action == ("DELETE", ""):
        return _deleted(mailbox, item)
    asked = _body(request)
    now = datetime.now(UTC)
    if action == ("PATCH", ""):
        if set(asked) - {"isRead", "flag"}:
            raise Problem(400, "ErrorInvalidPropertySet", "Only isRead and flag.")
        if "isRead" in asked:
            mailbox.do("mark", item.id, "is_read", bool(asked["isRead"]), now)
        if "flag" in asked:
            flagged = asked["flag"].get("flagStatus") == "flagged"
            mailbox.do("mark", item.id, "flagged", flagged, now)
        return _shown(mailbox, request, item.id, 200)
    if action == ("POST", "move"):
        mailbox.do("move", item.id, _target(mailbox, asked).id, now)
        return _shown(mailbox, request, item.id, 201)
    if action == ("POST", "copy"):
        made = mailbox.do("copy", item.id, _target(mailbox, asked).id)
        return _shown(mailbox, request, made, 201)
    raise Problem(405, "ErrorInvalidRequest", "The method is not supported here.")


def folder(mailbox: Mailbox, request: Request, row: Folder, rest: list[str]) -> Answer:
    """Make one in ``row``, or rename ``row``."""
    asked = _body(request)
    action = (request.method, rest[0].lower() if rest else "")
    name = asked.get("displayName")
    if not isinstance(name, str) or not name:
        raise Problem(400, "ErrorInvalidRequest", "A folder needs a displayName.")
    try:
        if action in (("POST", "childfolders"), ("POST", "")):
            made, status = mailbox.do("create", name, row.id), 201
        elif action == ("PATCH", "") and not row.well_known:
            mailbox.do("rename", row.id, name, row.parent)
            made, status = row.id, 200
        else:
            raise Problem(405, "ErrorInvalidRequest", "Not supported here.")
    except Refused as refused:
        raise Problem(409, "ErrorFolderExists", str(refused)) from refused
    context = f"{request.base}/v1.0/$metadata#users('me')/mailFolders/$entity"
    shown = answers.folder(mailbox, mailbox.folders[made], None)
    return Answer(status, {"@odata.context": context, **shown})


def _deleted(mailbox: Mailbox, item: Item) -> Answer:
    """To Deleted Items; from there to where only an administrator finds it."""
    names = ("deleteditems", "recoverableitemsdeletions")
    trash, beyond = (mailbox.well_known(name).id for name in names)
    target = beyond if item.folder == trash else trash
    mailbox.do("move", item.id, target, datetime.now(UTC))
    return Answer(204)


def _target(mailbox: Mailbox, asked: dict) -> Folder:
    wanted = str(asked.get("destinationId", ""))
    row = mailbox.well_known(wanted.lower()) or mailbox.folders.get(wanted)
    if row is None:
        raise answers.not_found()
    return row


def _shown(mailbox: Mailbox, request: Request, item_id: str, status: int) -> Answer:
    immutable = request.preferences.get("idtype", "").lower() == "immutableid"
    shown = answers.message(mailbox, mailbox.items[item_id], View(immutable=immutable))
    context = f"{request.base}/v1.0/$metadata#users('me')/messages/$entity"
    return Answer(status, {"@odata.context": context, **shown})


def _body(request: Request) -> dict:
    try:
        asked = json.loads(request.body or b"{}")
    except ValueError as wrong:
        raise Problem(400, "BadRequest", "Unable to read JSON request.") from wrong
    if not isinstance(asked, dict):
        raise Problem(400, "BadRequest", "Unable to read JSON request.")
    return asked
