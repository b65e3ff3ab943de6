# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A copy of the database that Odoo neutralises contacts nobody's mailbox."""

from pathlib import Path

import pytest

from odoo.exceptions import UserError

SCRIPT = Path("addons/crm_mail_mirror/data/neutralize.sql")


def test_neutralised_copy_asks_no_server(mirror, lib, server):
    mirror.contact()
    box = mirror.link("anna", server)
    mail = lib.mail(1, mirror.at("client"), box.email)
    server.put(mail)
    mirror.sync(box)
    assert len(mirror.mirrored(box)) == 1
    before = dict(server.calls)
    assert before["connect"] == 1

    mirror.sql(SCRIPT.read_text(encoding="utf-8"))
    server.put(lib.mail(2, mirror.at("client"), box.email))
    mirror.contact("another")  # and there is something to look for
    mirror.look_again()
    mirror.apply_changes()
    mirror.sync(box)

    assert dict(server.calls) == before
    assert mirror.mailbox(box, "state") == "paused"
    assert mirror.sql("SELECT count(*) FROM crm_mail_mirror_credential") == [(0,)]
    # nobody sets it going again by a button either: there is nothing to sign in with
    with mirror.env(box.user_id) as env, pytest.raises(UserError):
        env["crm.mail.mirror.mailbox"].browse(box.id).action_resume()
    assert len(mirror.mirrored(box)) == 1
