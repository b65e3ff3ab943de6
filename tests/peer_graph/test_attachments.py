# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Are attachments had as from Microsoft Graph?"""

from __future__ import annotations

import base64

from tests.providers.letters import letter


def test_attachments_are_listed_and_had(owner, client):
    ref = owner.append("INBOX", letter(1, attachment=b"%PDF" * 500))
    path = f"/me/messages/{ref}/attachments"

    (file,) = client.get(path, select="id,name,contentType,size,isInline")["value"]
    whole = client.get(f"{path}/{file['id']}")
    octets = client.ask(f"{path}/{file['id']}/$value")

    assert (file["name"], file["contentType"]) == ("1.pdf", "application/pdf")
    assert (file["size"], file["isInline"]) == (2000, False)
    assert "contentBytes" not in file
    assert base64.b64decode(whole["contentBytes"]) == octets.content == b"%PDF" * 500
    assert client.refusal(f"{path}/nonsense") == (404, "ErrorItemNotFound")
    assert client.refusal(path, select="contentBytes")[0] == 400


def test_attachments_are_expanded_with_a_select_of_their_own(owner, client):
    ref = owner.append("INBOX", letter(1, attachment=b"x"))

    narrow = client.get(
        f"/me/messages/{ref}", select="id", expand="attachments($select=name,size)"
    )
    wide = client.get(f"/me/messages/{ref}", select="id", expand="attachments")

    (file,) = narrow["attachments"]
    assert {name for name in file if name[0] != "@"} == {"id", "name", "size"}
    assert wide["attachments"][0]["contentBytes"] == base64.b64encode(b"x").decode()


def test_attached_mail_and_inline_picture(owner, client):
    raw = (
        b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<img src='cid:logo'>\r\n"
        b"--b\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\n"
        b"Content-Disposition: inline\r\n\r\npng\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhi\r\n--b--"
    )
    ref = owner.append("INBOX", raw)

    picture, mail = client.get(f"/me/messages/{ref}/attachments")["value"]
    value = client.ask(f"/me/messages/{ref}/attachments/{mail['id']}/$value")

    assert picture["isInline"] and picture["contentId"] == "logo"
    assert mail["@odata.type"] == "#microsoft.graph.itemAttachment"
    assert (mail["name"], mail["contentType"]) == ("inner", None)
    assert value.content.startswith(b"Subject: inner")


def test_mail_as_mime(owner, client):
    ref = owner.append("INBOX", letter(1))

    assert client.ask(f"/me/messages/{ref}/$value").content == letter(1)
