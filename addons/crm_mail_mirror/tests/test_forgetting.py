# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Settings and wizards of what is forgotten: who may, what is refused, what is told."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestForgetting(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manager = "crm_mail_mirror.crm_mail_mirror_group_manager"
        cls.admin = cls.user("admina")
        cls.admin.group_ids += cls.env.ref(manager)
        cls.boss = cls.user("bossa")
        cls.anna = cls.user("anna", manager=cls.boss)
        cls.box = cls.mailbox(cls.anna)
        cls.company = cls.env.company

    def settings(self, **values):
        self.env["res.config.settings"].create(values).execute()

    def test_months_are_from_one_on_and_empty_means_keep(self):
        for months in (0, -3, 601):
            with self.assertRaises(UserError):
                self.company.mirror_retention_months = months
            with self.assertRaises(UserError):
                self.env["res.company"].create(
                    {"name": "New", "mirror_lost_months": months}
                )
        self.company.write({"mirror_retention_months": 12, "mirror_lost_months": 6})
        told = self.company.mirror_retention_sentence
        self.assertIn("12 months after the last mail", told)
        self.assertIn("6 months", told)
        self.company.write(
            {"mirror_retention_months": False, "mirror_lost_months": False}
        )
        self.assertEqual(
            self.company.mirror_retention_sentence, "Mail is kept for ever."
        )

    def test_saving_other_settings_changes_no_months(self):
        self.company.mirror_retention_months = 12

        self.settings(mirror_leaver_action="purge", mirror_leaver_days=30)

        self.assertEqual(self.company.mirror_retention_months, 12)
        self.assertEqual(self.company.mirror_leaver_action, "purge")
        with self.assertRaises(UserError):
            self.settings(mirror_leaver_days=-1)

    def test_the_wizard_for_months_refuses_nonsense_and_says_what_it_does(self):
        self.company.mirror_retention_months = 12
        retain = self.env["crm.mail.mirror.retain"].with_user(self.admin)
        wizard = retain.create({})
        self.assertEqual(wizard.retention_months, "12")
        for typed in ("0", "-1", "1.5", "a year"):
            wizard.retention_months = typed
            with self.assertRaises(UserError):
                wizard.action_apply()
        wizard.retention_months = "24"
        self.assertIn("stays removed", wizard.consequences)
        wizard.retention_months = ""
        self.assertIn("comes back", wizard.consequences)

        wizard.action_apply()

        self.assertFalse(self.company.mirror_retention_months)
        with self.assertRaises(AccessError):
            retain.with_user(self.anna).create({})

    def test_erasing_begins_with_all_addresses_of_the_contact(self):
        jane = self.env["res.partner"].create({"name": "Jane", "email": "j@old.test"})
        jane.email = "j@new.test"
        erase = self.env["crm.mail.mirror.erase"].with_context(
            active_model="res.partner", active_ids=jane.ids
        )

        wizard = erase.with_user(self.admin).create({})

        self.assertEqual(wizard.addresses.split(), ["j@new.test", "j@old.test"])
        with self.assertRaises(AccessError):
            erase.with_user(self.anna).create({})

    def test_who_leaves_is_dealt_with_on_a_date_that_is_told(self):
        self.company.write(
            {"mirror_leaver_action": "successor", "mirror_leaver_days": 10}
        )
        self.anna.active = False

        box = self.box.with_user(self.admin)
        self.assertEqual(box.leaver_on, fields.Date.today() + timedelta(days=10))
        self.assertEqual(box.successor_id, self.boss)
        self.assertIn("Bossa", box.leaver_sentence)
        context = box.action_leaver()["context"]
        wizard = self.env["crm.mail.mirror.leaver"].with_context(**context)
        wizard = wizard.with_user(self.admin).create({})
        self.assertEqual((wizard.action, wizard.successor_id), ("successor", self.boss))
        wizard.write({"action": "keep", "on": False})
        wizard.action_decide()
        self.assertFalse(box.leaver_on)
        self.assertIn("is kept", box.leaver_sentence)

        self.anna.active = True

        self.assertFalse(box.left_at)
        self.assertFalse(box.leaver_sentence)
