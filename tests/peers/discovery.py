# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is this an answer that Gmail could have given?

Google describes its APIs in discovery documents; Gmail's comes with the wheel of
google-api-python-client. Here it is read as JSON Schema.
"""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

DOCUMENT = (
    Path(importlib.util.find_spec("googleapiclient").origin).parent
    / "discovery_cache/documents/gmail.v1.json"
)


def mistakes(resource: str, answer: object) -> list[str]:
    """What is wrong with ``answer`` as a ``Message``, ``ListHistoryResponse``, ..."""
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in _validator(resource).iter_errors(answer)
    ]


@cache
def document() -> dict:
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


@cache
def _validator(resource: str):
    from jsonschema import Draft202012Validator

    schemas = document()["schemas"]
    definitions = {name: _converted(schema) for name, schema in schemas.items()}
    return Draft202012Validator(
        {"$ref": f"#/$defs/{resource}", "$defs": definitions},
    )


def _converted(schema: dict) -> dict:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type")
    if kind == "any":
        return {}
    made: dict = {"type": kind}
    if schema.get("format") == "uint64":
        made |= {"pattern": r"^\d{1,20}$"}
    elif schema.get("format") == "int64":
        made |= {"pattern": r"^-?\d{1,19}$"}
    elif schema.get("format") == "byte":
        made |= {"pattern": r"^[A-Za-z0-9_-]*={0,2}$"}
    elif schema.get("format") in ("int32", "uint32"):
        made |= {"minimum": 0 if schema["format"] == "uint32" else -(2**31)}
        made |= {"maximum": 2**32 - 1}
    if kind == "string" and "enum" in schema:
        made["enum"] = schema["enum"]
    if "items" in schema:
        made["items"] = _converted(schema["items"])
    if "properties" in schema:
        properties = schema["properties"].items()
        made["properties"] = {name: _converted(each) for name, each in properties}
        made["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _converted(schema["additionalProperties"])
    return made
