# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do Gmail's and Graph's APIs answer when all is well? Whatever they are asked."""

from __future__ import annotations

PAYLOAD = {
    "mimeType": "multipart/mixed",
    "filename": "",
    "headers": [
        {"name": "From", "value": "Ann <a@b.example>"},
        {"name": "Message-ID", "value": "<1@x>"},
        {"name": "Date", "value": "Thu, 01 Jan 2026 10:00:00 +0000"},
        {"name": "Subject", "value": "=?utf-8?q?caf=C3=A9?="},
    ],
    "body": {"size": 0},
    "parts": [
        {
            "mimeType": "text/plain",
            "headers": [{"name": "Content-Type", "value": "text/plain; charset=utf-8"}],
            "body": {"size": 5, "data": "aGVsbG8="},
        },
        {
            "mimeType": "application/pdf",
            "filename": "a.pdf",
            "headers": [],
            "body": {"size": 5, "attachmentId": "A1"},
        },
    ],
}
MESSAGE = {
    "id": "m1",
    "labelIds": ["INBOX"],
    "internalDate": "1767261600000",
    "sizeEstimate": 700,
    "payload": PAYLOAD,
}


def google(asked: str) -> tuple[int, object]:
    if "/profile" in asked:
        return 200, {
            "emailAddress": "a@b.example",
            "historyId": "9",
            "messagesTotal": 1,
        }
    if "/history" in asked:
        return 200, {"historyId": "9"}
    if "/attachments/" in asked:
        return 200, {"data": "aGVsbG8="}
    if "/messages/" in asked:
        return 200, MESSAGE
    if "/messages" in asked:
        return 200, {"messages": [{"id": "m1"}]}
    if "/labels?" in asked:
        own = {"id": "Label_1", "name": "Work/Old", "type": "user"}
        return 200, {"labels": [{"id": "INBOX", "type": "system"}, own]}
    if "/labels/" in asked:
        return 200, {"messagesTotal": 1}
    if "/token" in asked:
        return 200, {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
    return 404, {"error": {"code": 404, "errors": [{"reason": "notFound"}]}}


ROOT = "https://graph.test/v1.0"
ITEM = {
    "@odata.type": "#microsoft.graph.message",
    "id": "AA1=",
    "parentFolderId": "in",
    "receivedDateTime": "2026-01-05T09:00:00Z",
    "sentDateTime": "2026-01-05T08:59:00Z",
    "isDraft": False,
    "subject": "café",
    "internetMessageId": "<1@x>",
    "from": {"emailAddress": {"name": "Ann", "address": "a@b.example"}},
    "toRecipients": [{"emailAddress": {"name": "", "address": "c@d.example"}}],
    "ccRecipients": [],
    "bccRecipients": [],
    "replyTo": [],
    "internetMessageHeaders": [{"name": "List-Id", "value": "<l.example>"}],
    "singleValueExtendedProperties": [{"id": "Integer 0xe08", "value": "700"}],
    "attachments": [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "id": "F1",
            "name": "a.pdf",
            "contentType": "application/pdf",
            "size": 99,
            "isInline": False,
        }
    ],
    "body": {"contentType": "text", "content": "hello\r\n"},
}
FOLDERS = {
    "value": [
        {"id": "in", "displayName": "Inbox", "parentFolderId": "top"},
        {"id": "se", "displayName": "Sent", "parentFolderId": "top"},
    ],
    "@odata.deltaLink": f"{ROOT}/me/mailFolders/delta?$deltatoken=d",
}
CHANGES = {
    "value": [ITEM],
    "@odata.deltaLink": f"{ROOT}/me/mailFolders/in/messages/delta?$deltatoken=d",
}


def microsoft(asked: str) -> tuple[int, object]:
    path = asked.partition("?")[0]
    if path.endswith("/mailFolders/delta"):
        return 200, FOLDERS
    if path.endswith("/messages/delta"):
        return 200, CHANGES
    if "/attachments/" in path:
        return 200, {}
    if path.endswith(("/inbox", "/sentitems")):
        return 200, {"id": path.rpartition("/")[2][:2]}
    if "/messages/" in path:
        return 200, ITEM
    if path.endswith("/messages"):
        return 200, {"value": [ITEM]}
    if path.endswith("/me"):
        return 200, {"id": "u", "mail": "a@b.example", "proxyAddresses": ["smtp:b@b.x"]}
    if "openid-configuration" in path:
        issued = ("issuer", "authorization_endpoint", "token_endpoint")
        return 200, {name: "https://login.test/common/x" for name in issued}
    return 404, {"error": {"code": "ErrorItemNotFound"}}
