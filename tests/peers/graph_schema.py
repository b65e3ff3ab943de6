# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is an answer what Microsoft's metadata says it may be?

The schema is made from Graph's CSDL and lies beside the checkout, where it does. It
knows no navigation properties and no derived types: those are looked at here.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

from .graph_http import Answer

SCHEMA = Path(__file__).resolve().parents[3] / "shared/graph/mail.schema.json"
_TEXT = {"type": "string"}
_EXTENDED = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"id": _TEXT, "value": _TEXT},
        "required": ["id", "value"],
        "additionalProperties": False,
    },
}
_ATTACHMENT = {
    "type": "object",
    "properties": {
        "@odata.context": _TEXT,
        "@odata.type": {
            "enum": [
                "#microsoft.graph.fileAttachment",
                "#microsoft.graph.itemAttachment",
            ]
        },
        "@odata.mediaContentType": _TEXT,
        "id": _TEXT,
        "name": _TEXT,
        "contentType": {"type": ["string", "null"]},
        "size": {"type": "integer"},
        "isInline": {"type": "boolean"},
        "lastModifiedDateTime": _TEXT,
        "contentId": {"type": ["string", "null"]},
        "contentLocation": {"type": ["string", "null"]},
        "contentBytes": _TEXT,
    },
    "required": ["@odata.type", "id"],
    "additionalProperties": False,
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": _TEXT, "message": _TEXT},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
_EVENT = {
    "meetingMessageType": {
        "enum": [
            "none",
            "meetingRequest",
            "meetingCancelled",
            "meetingAccepted",
            "meetingTenativelyAccepted",
            "meetingDeclined",
        ]
    },
    "isOutOfDate": {"type": "boolean"},
    "isAllDay": {"type": "boolean"},
    "isDelegated": {"type": "boolean"},
    "type": {"enum": ["singleInstance", "occurrence", "exception", "seriesMaster"]},
}


class Schema:
    """Collects what is wrong. :param path: the JSON Schema"""

    def __init__(self, path: Path = SCHEMA):
        from jsonschema import Draft202012Validator, FormatChecker

        types = json.loads(path.read_text(encoding="utf-8"))["$defs"]
        types["attachment"], types["error"] = _ATTACHMENT, _ERROR
        message = types["message"]["properties"]
        message["singleValueExtendedProperties"] = _EXTENDED
        message["attachments"] = {"type": "array", "items": _ATTACHMENT}
        types["eventMessage"] = copy.deepcopy(types["message"])
        types["eventMessage"]["properties"].update(_EVENT)
        self.wrong: list[str] = []
        self.checked = 0
        self._types = {
            name: Draft202012Validator(
                {"$ref": f"#/$defs/{name}", "$defs": types},
                format_checker=FormatChecker(),
            )
            for name in ("message", "eventMessage", "mailFolder", "attachment", "error")
        }

    def check(self, line: str, answer: Answer) -> None:
        """:param line: the request, to name it"""
        body = answer.body
        if not isinstance(body, dict):
            return
        if "responses" in body:
            for member in body["responses"]:
                self.check(line, Answer(member["status"], member["body"]))
            return
        if answer.status >= 400:
            self._look("error", body, line)
            return
        for thing in body.get("value", [body]):
            if (kind := _kind(thing, body.get("@odata.context", ""))) is not None:
                self._look(kind, thing, line)

    def _look(self, kind: str, thing: dict, line: str) -> None:
        self.checked += 1
        for found in self._types[kind].iter_errors(thing):
            path = "/".join(map(str, found.absolute_path))
            self.wrong.append(f"{line}: {kind} {path}: {found.message[:200]}")

    def assert_clean(self) -> None:
        if self.wrong:
            raise AssertionError("not as Graph answers:\n" + "\n".join(self.wrong[:20]))


def _kind(thing: dict, context: str) -> str | None:
    """The type of what is answered; ``None``: it is of no type in the schema."""
    told = thing.get("@odata.type", "").removeprefix("#microsoft.graph.")
    if told.startswith("eventMessage"):
        return "eventMessage"
    if told.endswith("Attachment"):
        return "attachment"
    if told:
        return told
    if "mailFolders" in context:
        return "mailFolder"
    return None
