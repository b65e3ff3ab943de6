# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Borders that were crossed once: each was shown to fail before it was mended."""

import logging
import threading

import pytest

SECRET = "Geheimnis-4711"


def test_contact_gone_and_looked_at_before_the_page_is_written(mirror, lib, server):
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))

    def delete(calls):
        if calls == 1:
            with mirror.env() as env:
                env["res.partner"].browse(partner).unlink()
            mirror.look_again()

    server.before["fetch"] = delete
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"unmatched": 1}
    assert not mirror.mirrored(box)
    mirror.check(box)


@pytest.mark.parametrize("step", ["_insert_bodies", "_write_locations"])
def test_statement_that_fails_tells_the_log_nothing_of_the_mail(
    mirror, lib, server, step, monkeypatch, caplog
):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email, text=SECRET, subject=SECRET))
    page = mirror.registry["crm.mail.mirror.page"]
    real = getattr(page, step)

    def broken(self, *args):
        real(self, *args)
        self.env.cr.execute(f"SELECT '{SECRET}'::int")

    with (
        monkeypatch.context() as patched,
        caplog.at_level(logging.DEBUG, "odoo.addons"),
    ):
        patched.setattr(page, step, broken)
        mirror.sync(box)

    assert not mirror.by_state(box).get("mirrored")
    assert SECRET not in caplog.text
    mirror.sync(box)


def test_page_whose_texts_take_too_long_goes_on_in_the_next_run(
    mirror, lib, server, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine import reader
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*(lib.mail(n, mirror.at("client"), box.email) for n in range(1, 8)))

    with monkeypatch.context() as patched:
        patched.setattr(reader, "BITE", 3)
        patched.setattr(mailbox_run, "PAGE", Budget(mails=250, seconds=-1))
        mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 3, "queued": 4}
    mirror.check(box)
    mirror.sql(
        "UPDATE crm_mail_mirror_copy SET next_try_at = now() - interval '1 day'"
        " WHERE next_try_at IS NOT NULL RETURNING id"
    )
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 7}
    mirror.check(box)


def test_mailbox_of_which_nothing_is_heard_is_given_up_with_a_reason(
    mirror, lib, server, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync

    box = mirror.link(server=server)
    silent = threading.Event()
    server.before["pull"] = lambda _calls: silent.wait(60)

    monkeypatch.setattr(crm_mail_mirror_sync, "SILENCE", 0.5)
    mirror.sync(box)
    silent.set()

    assert mirror.mailbox(box, "last_error") == "timeout"
    assert mirror.mailbox(box, "failure_count") == 1


def test_forged_copy_shows_no_names_of_a_colleagues_files(mirror, lib, server):
    from odoo.addons.crm_mail_mirror.engine.envelope import Attachment, Body
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_page_shared import _files

    plain, with_file = Body("ok"), Body("ok", None, (Attachment("merger.pdf", "a/b"),))

    assert (plain.text, _files(plain)) != (with_file.text, _files(with_file))


def test_leads_are_found_by_an_index_on_their_whole_address(mirror):
    with mirror.env() as env:
        env.cr.execute("SET LOCAL enable_seqscan = off")
        env.cr.execute(
            """EXPLAIN SELECT 1 FROM crm_lead
                WHERE email_normalized = ANY(ARRAY['a@b.test', 'c@d.test'])"""
        )
        plan = "\n".join(line for (line,) in env.cr.fetchall())

    assert "mirror_email_idx" in plan


def test_page_of_a_contact_is_worked_out_for_each_reader(mirror, lib, server):
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    mirror.sync(box)
    stranger = mirror.user("bert")

    with mirror.env(box.user_id) as env:
        record = env["res.partner"].browse(partner)
        assert len(record.mirror_message_ids) == 1
        assert not record.with_user(stranger).mirror_message_ids


def test_one_owner_cannot_make_a_customer_one_of_us(mirror, lib, server):
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    mirror.sync(box)
    rogue = mirror.user("rogue", email=f"rogue@{mirror.domain}")
    with mirror.env(rogue) as env:
        env["crm.mail.mirror.mailbox"].create(
            {"email": mirror.at("client"), "aliases": mirror.at("other")}
        )

    server.put(lib.mail(2, mirror.at("client"), box.email))
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    assert len(mirror.shown_on(partner, box.user_id)) == 2


def test_wrong_new_password_leaves_the_one_that_works(mirror):
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_credential import keyring

    with mirror.env() as env:
        user = env["res.users"].browse(mirror.user("carla"))
        mailbox = (
            env["crm.mail.mirror.mailbox"]
            .with_user(user)
            .create({"email": "carla.p@carla.test", "password": "old"})
        )
        credentials = env["crm.mail.mirror.credential"]
        mailbox.password = "new"

        assert credentials._read_secret(mailbox.id) == "old"
        assert credentials._read_secret(mailbox.id, newest=True) == "new"
        credentials._drop_new(mailbox)
        assert credentials._read_secret(mailbox.id, newest=True) == "old"
        mailbox.password = "newer"
        credentials._use_new(mailbox)
        assert credentials._read_secret(mailbox.id) == "newer"
        stored = credentials.search([("mailbox_id", "=", mailbox.id)])
        assert keyring().decrypt(stored.secret) == "newer" and not stored.new_secret


def test_other_account_under_the_same_card_is_listed_from_the_start(
    mirror, lib, server
):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    mirror.sync(box)
    assert mirror.mailbox(box, "cursor")

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).imap_login = "other"

    assert not mirror.mailbox(box, "cursor")


@pytest.mark.parametrize("values", [{"state": "active"}, {"brake": False}])
def test_owner_cannot_write_what_is_the_syncs(mirror, server, values):
    from odoo.exceptions import AccessError

    box = mirror.link(server=server)

    with mirror.env(box.user_id) as env, pytest.raises(AccessError):
        env["crm.mail.mirror.mailbox"].browse(box.id).write(values)


def test_page_that_always_fails_is_asked_for_in_smaller_bites(
    mirror, lib, server, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Unavailable

    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*(lib.mail(n, mirror.at("client"), box.email) for n in range(1, 10)))
    connection = type(server.open())
    real, asked = connection.pull, []

    def hangs_when_asked_for_much(self, cursor, since, budget, *args, **kwargs):
        asked.append(budget.mails)
        if budget.mails > 5:
            raise Unavailable("timeout")
        return real(self, cursor, since, budget, *args, **kwargs)

    monkeypatch.setattr(connection, "pull", hangs_when_asked_for_much)
    for _run in range(4):
        mirror.sync(box)

    assert asked[:4] == [250, 62, 15, 3]
    assert mirror.by_state(box) == {"mirrored": 9}
    assert mirror.mailbox(box, "failure_count") == 0
