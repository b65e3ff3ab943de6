# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who has linked a mailbox, and how do they fare? What administrators are shown."""

from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.crm_mail_mirror.models.res_users_invited import AT_ONCE

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestAdoption(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = cls.env.ref("base.group_user") + cls.env.ref(
            "crm_mail_mirror.crm_mail_mirror_group_manager"
        )
        groups += cls.env.ref("base.group_allow_export")
        cls.administrator = cls.user("keeper", group_ids=[Command.set(groups.ids)])
        cls.now = fields.Datetime.now()

    def rows(self, *users):
        """What the administrator finds of these users."""
        self.env.flush_all()
        self.env.invalidate_all()
        rows = self.env["crm.mail.mirror.adoption"].with_user(self.administrator)
        return rows.search([("user_id", "in", [user.id for user in users])])

    def box(self, login, **columns):
        """A mailbox as the sync may have left it; :return: what is shown of it."""
        user = self.user(login)
        mailbox = self.mailbox(user)
        columns = {
            "state": "active",
            "listing": None,
            "last_change_at": self.now,
            "next_sync_at": self.now + timedelta(minutes=1),
            **columns,
        }
        self.env.flush_all()
        names = ", ".join(f"{name} = %s" for name in columns)
        self.env.cr.execute(
            f"UPDATE crm_mail_mirror_mailbox SET {names} WHERE id = %s",  # noqa: S608
            [*columns.values(), mailbox.id],
        )
        return self.rows(user)

    def test_each_state_is_told(self):
        hours = timedelta(hours=1)
        error = {"last_error": "timeout", "failing_since": self.now - 5 * hours}
        for status, columns in (
            ("begun", {"state": "draft"}),
            ("disconnected", {"state": "draft", "last_sync_at": self.now}),
            ("linked", {"state": "ready"}),
            ("paused", {"state": "paused"}),
            ("needs_login", {"state": "needs_login", **error}),
            ("failing", {"state": "error", **error}),
            ("failing", {"failure_count": 1, **error}),
            ("failing", {"next_sync_at": self.now - 2 * hours}),
            ("failing", {"failure_count": 1, "listing": "first", **error}),
            ("importing", {"listing": "first"}),
            ("quiet", {"last_change_at": self.now - timedelta(days=8)}),
            ("healthy", {}),
            ("healthy", {"listing": "again"}),
            # to be asked to wait is no failure
            ("healthy", {"last_error": "throttled"}),
        ):
            with self.subTest(status=status, columns=columns):
                row = self.box(f"of{self.env['res.users'].search_count([])}", **columns)
                self.assertEqual(row.status, status)
                self.assertTrue(row.told)

    def test_who_has_no_mailbox_has_a_row(self):
        user = self.user("unasked")
        self.assertEqual(self.rows(user).status, "not_invited")
        user.mirror_invited_at = self.now
        self.assertEqual(self.rows(user).status, "invited")
        user.mirror_declined = True
        self.assertEqual(self.rows(user).status, "declined")
        self.mailbox(user)
        self.mailbox(user, email="second@us.test")
        self.assertEqual(self.rows(user).mapped("status"), ["begun", "begun"])
        user.active = False
        self.assertFalse(self.rows(user))

    def test_portal_users_have_no_row(self):
        self.assertFalse(self.rows(self.user("guest", groups="base.group_portal")))

    def test_failing_since_reason_and_next_try(self):
        since = self.now - timedelta(hours=5)
        row = self.box(
            "troubled", failure_count=3, last_error="timeout", failing_since=since
        )
        self.assertEqual(row.failing_since, since)
        self.assertEqual(row.kind, "timeout")
        self.assertIn("did not answer in time", row.told)
        self.assertIn("Next try", row.told)
        # an error of before, that is mended
        self.assertFalse(self.box("mended", failing_since=since).failing_since)
        unknown = self.box("odd", failure_count=1, last_error="new_error")
        self.assertEqual(unknown.kind, "bug")

    def test_grouped_searched_and_exported(self):
        row = self.box("shown")
        rows = row.browse()
        groups = dict(rows._read_group([], ["status"], ["__count"]))
        self.assertEqual(sum(groups.values()), rows.search_count([]))
        self.assertEqual(rows.search([("address", "=", "shown@us.test")]), row)
        exported = row.export_data(["name", "address", "status", "told"])["datas"]
        self.assertEqual(exported[0][:3], ["Shown", "shown@us.test", "Healthy"])

    def test_users_of_other_companies_are_not_shown(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        there = {"company_id": abroad.id, "company_ids": [Command.set(abroad.ids)]}
        stranger, linked = self.user("far", **there), self.user("farther", **there)
        self.mailbox(linked, company_id=abroad.id)
        self.assertFalse(self.rows(stranger, linked))
        own = self.administrator.company_id
        self.administrator.company_ids += abroad
        for companies, seen in (
            (own, linked.browse()),
            (own + abroad, stranger + linked),
        ):
            rows = self.rows().with_context(allowed_company_ids=companies.ids)
            found = rows.search([("user_id", "in", (stranger + linked).ids)])
            self.assertEqual(found.user_id, seen)

    def test_numbers_of_other_companies_are_not_shown(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        self.env.cr.execute(
            """INSERT INTO crm_mail_mirror_pulse
                      (day, company_id, provider, code, seconds, count)
               VALUES (now(), %(there)s, 'imap', '', 60, 5),
                      (now(), %(there)s, 'imap', 'timeout', -1, 5)""",
            {"there": abroad.id},
        )
        for name in ("mail", "failure"):
            report = self.env[f"crm.mail.mirror.report.{name}"]
            there = [("company_id", "=", abroad.id)]
            self.assertTrue(report.sudo().search(there))
            self.assertFalse(report.with_user(self.administrator).search(there))

    def test_only_administrators(self):
        user = self.user("curious", level="4")
        self.mailbox(user)
        for name in ("adoption", "report.mail", "report.failure"):
            with self.assertRaises(AccessError):
                self.env[f"crm.mail.mirror.{name}"].with_user(user).search([])
        rows = self.env["crm.mail.mirror.adoption"].with_user(user)
        for call in (
            rows.action_invite_rest,
            rows.action_invite,
            rows.browse(self.rows(user).id).action_open_mailbox,
            self.env["crm.mail.mirror.report.mail"].with_user(user).get_health,
        ):
            with self.assertRaises(AccessError):
                call()
        with self.assertRaises(AccessError):
            self.env["crm.mail.mirror.pulse"].with_user(self.administrator).search([])
        with self.assertRaises(AccessError):
            user.with_user(user).read(["mirror_invited_at"])

    def test_invitation_goes_out_once_a_week_in_the_users_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        claire = self.user("claire", lang="fr_FR", notification_type="inbox")
        linked, refuses = self.user("linked"), self.user("refuses")
        self.mailbox(linked)
        refuses.mirror_declined = True
        rows = self.rows(claire, linked, refuses)

        told = rows.action_invite()["params"]["message"]

        self.assertEqual(
            told,
            "1 user was invited. Have a mailbox already: 1. Said no: 1.",
        )
        notices = self.invitations(claire)
        self.assertEqual(len(notices), 1)
        self.assertIn(f"/odoo/my-preferences/{claire.id}", notices.body)
        self.assertEqual(notices.author_id, self.administrator.partner_id)
        self.assertFalse(self.invitations(linked) + self.invitations(refuses))
        self.assertEqual(self.rows(claire).status, "invited")

        again = self.rows(claire).action_invite()["params"]["message"]
        self.assertEqual(again, "Nobody was invited. Invited less than a week ago: 1.")
        claire.mirror_invited_at = self.now - timedelta(days=8)
        self.rows(claire).action_invite()
        self.assertEqual(len(self.invitations(claire)), 2)

    def test_invite_the_rest(self):
        first, second = self.user("first"), self.user("second")
        away = self.user("away", notification_type="email")
        away.email = away.partner_id.email = False
        second.mirror_invited_at = self.now - timedelta(days=1)
        self.env.flush_all()

        rows = self.env["crm.mail.mirror.adoption"].with_user(self.administrator)
        told = rows.action_invite_rest()["params"]["message"]

        self.assertTrue(self.invitations(first))
        self.assertFalse(self.invitations(second))
        self.assertRegex(told, r"Have no address: \d+\.")
        self.assertEqual(self.rows(away).status, "not_invited")

    def test_many_invitations_go_out_in_the_background(self):
        users = self.env["res.users"].create(
            [
                {"name": f"Late {n}", "login": f"late{n}", "email": f"late{n}@us.test"}
                for n in range(AT_ONCE + 3)
            ]
        )
        told = self.rows(*users).action_invite()["params"]["message"]
        self.assertIn(f"{AT_ONCE + 3} users were invited.", told)
        self.assertIn("in the background", told)
        waiting = users.filtered("mirror_inviter_id")
        self.assertEqual(len(waiting), 3)
        self.assertEqual(set(self.rows(*users).mapped("status")), {"invited"})
        waiting[0].mirror_declined = True
        self.env.flush_all()

        self.assertEqual(users._mirror_send_waiting(), 3)
        self.assertFalse(users._mirror_send_waiting())

        sent = users.filtered(lambda user: self.invitations(user))
        self.assertEqual(sent, users - waiting[0])
        for user in sent:
            self.assertEqual(len(self.invitations(user)), 1)
            author = self.invitations(user).author_id
            self.assertEqual(author, self.administrator.partner_id)

    def invitations(self, user):
        return self.env["mail.message"].search(
            [
                ("partner_ids", "in", user.partner_id.ids),
                ("message_type", "=", "user_notification"),
                ("body", "ilike", "my-preferences"),
            ]
        )
