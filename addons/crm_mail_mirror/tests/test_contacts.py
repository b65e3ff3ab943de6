# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mail stays with contacts that change, and never stands on one of us."""

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestContacts(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.user("anna", groups="sales_team.group_sale_manager")
        cls.anna.group_ids += cls.env.ref("base.group_partner_manager")
        cls.box = cls.mailbox(cls.anna)
        partners = cls.env["res.partner"]
        cls.acme = partners.create({"name": "Acme", "is_company": True})
        cls.globex = partners.create({"name": "Globex", "is_company": True})
        cls.carl = partners.create(
            {"name": "Carl", "email": "carl@acme.test", "parent_id": cls.acme.id}
        )
        cls.letter = cls.mail(cls.box, "carl@acme.test", "anna@us.test")

    def test_mail_stands_on_contact_and_company(self):
        self.assertEqual(self.page(self.carl, self.anna), self.letter)
        self.assertEqual(self.page(self.acme, self.anna), self.letter)
        self.assertFalse(self.page(self.globex, self.anna))

    def test_old_address_keeps_its_mail_and_goes_on_matching(self):
        self.carl.email = "carl@home.test"
        later = self.mail(self.box, "carl@acme.test", subject="Later")
        new = self.mail(self.box, "carl@home.test", subject="New")

        self.assertEqual(self.page(self.carl, self.anna), self.letter + later + new)
        self.assertEqual(self.page(self.acme, self.anna), self.letter + later + new)
        known = self.env["crm.mail.mirror.directory"]._known(["carl@acme.test"])
        self.assertEqual(known, {"carl@acme.test"})

    def test_address_that_was_cleared_keeps_its_mail(self):
        self.carl.email = False
        self.assertEqual(self.page(self.carl, self.anna), self.letter)

    def test_archived_contact_keeps_its_mail(self):
        self.carl.active = False
        self.assertEqual(self.page(self.carl, self.anna), self.letter)
        self.assertEqual(self.page(self.acme, self.anna), self.letter)

    def test_mail_follows_the_contact_to_another_company(self):
        self.carl.parent_id = self.globex
        self.assertFalse(self.page(self.acme, self.anna))
        self.assertEqual(self.page(self.globex, self.anna), self.letter)

    def test_mail_follows_merged_contacts(self):
        double = self.env["res.partner"].create(
            {"name": "Carl", "email": "carl@home.test", "parent_id": self.acme.id}
        )
        former = self.mail(self.box, "carl.old@home.test", subject="Former")
        self.env["crm.mail.mirror.address"]._remember(
            [("carl.old@home.test", double.id)]
        )
        private = self.mail(self.box, "carl@home.test", subject="Private")

        # the wizard refuses different addresses to all but administrators
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {
                "partner_ids": [Command.set((self.carl + double).ids)],
                "dst_partner_id": self.carl.id,
            }
        )
        wizard.action_merge()

        self.assertFalse(double.exists())
        everything = self.letter + former + private
        self.assertEqual(self.page(self.carl, self.anna), everything)
        self.assertEqual(self.page(self.acme, self.anna), everything)
        self.assertEqual(
            self.carl._mirror_formerly(), ["carl.old@home.test", "carl@home.test"]
        )

    def test_merged_contacts_with_one_address_show_its_mail_once(self):
        double = self.env["res.partner"].create(
            {"name": "C", "email": "carl@acme.test"}
        )
        self.assertEqual(self.page(double, self.anna), self.letter)

        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.carl + double).ids, self.carl
        )

        self.assertEqual(self.page(self.carl, self.anna), self.letter)
        self.assertFalse(self.carl._mirror_formerly())

    def test_empty_addresses_never_match(self):
        nobody = self.env["res.partner"].create({"name": "Nobody", "email": ""})
        lead = self.env["crm.lead"].create({"name": "Lead"})
        self.mail(self.box, "x@y.test")
        self.assertFalse(self.page(nobody, self.anna))
        self.assertFalse(self.page(lead, self.anna))

    # ---- one of us ------------------------------------------------------------------

    def test_colleagues_and_companies_show_no_mail(self):
        bert = self.user("bert")
        self.env.company.partner_id.email = "office@us.test"
        self.mail(self.box, "carl@acme.test", "bert@us.test", "office@us.test")

        self.assertFalse(self.page(bert.partner_id, self.anna))
        self.assertFalse(self.page(self.anna.partner_id, self.anna))
        self.assertFalse(self.page(self.env.company.partner_id, self.anna))

    def test_contact_that_becomes_a_user_shows_no_mail_any_more(self):
        self.carl.email = "carl@home.test"
        self.mail(self.box, "carl@home.test", subject="New")
        self.env["crm.mail.mirror.outbox"].search([]).unlink()

        self.user("carl", partner_id=self.carl.id, email="carl@home.test")

        self.assertFalse(self.page(self.carl, self.anna))
        self.assertFalse(self.page(self.acme, self.anna))
        self.assertFalse(self.letter.with_user(self.anna).partner_ids)
        # and its mail is looked at again
        put = self.env["crm.mail.mirror.outbox"].search([]).mapped("email_normalized")
        self.assertLessEqual({"carl@acme.test", "carl@home.test"}, set(put))

    def test_contact_beside_a_user_with_the_same_address_shows_no_mail(self):
        self.user("bert")
        double = self.env["res.partner"].create({"name": "B", "email": "bert@us.test"})
        self.mail(self.box, "carl@acme.test", "bert@us.test")
        self.assertFalse(self.page(double, self.anna))

    def test_lead_with_an_address_of_ours_shows_no_mail(self):
        self.user("bert")
        self.mail(self.box, "carl@acme.test", "bert@us.test")
        lead = self.env["crm.lead"].create({"name": "L", "email_from": "bert@us.test"})
        lead.partner_id = False
        self.assertFalse(self.page(lead, self.anna))

    def test_portal_users_are_correspondents(self):
        self.user(
            "carl.portal", groups="base.group_portal", partner_id=self.carl.id,
            email="carl@acme.test",
        )  # fmt: skip
        self.assertEqual(self.page(self.carl, self.anna), self.letter)

    # ---- leads ----------------------------------------------------------------------

    def test_lead_shows_mail_of_its_contact_and_of_its_address(self):
        other = self.mail(self.box, "new@lead.test", subject="Other")
        lead = self.env["crm.lead"].create(
            {"name": "Lead", "email_from": "new@lead.test", "partner_id": self.carl.id}
        )
        lead.email_from = "new@lead.test"
        self.carl.email = "carl@acme.test"
        self.assertLessEqual(self.letter, self.page(lead, self.anna))
        alone = self.env["crm.lead"].create(
            {"name": "A", "email_from": "new@lead.test"}
        )
        alone.partner_id = False
        self.assertEqual(self.page(alone, self.anna), other)

    # ---- former addresses -----------------------------------------------------------

    def test_former_address_can_be_removed(self):
        self.carl.email = "carl@home.test"
        self.carl.email = "carl@work.test"
        carl = self.carl.with_user(self.anna)
        self.assertEqual(carl.mirror_former_addresses, "carl@acme.test, carl@home.test")

        action = carl.action_mirror_former_addresses()
        lines = (
            self.env[action["res_model"]].with_user(self.anna).search(action["domain"])
        )
        self.env["crm.mail.mirror.outbox"].search([]).unlink()
        lines.filtered(
            lambda line: line.email_normalized == "carl@acme.test"
        ).action_remove()

        carl.invalidate_recordset()
        self.assertEqual(carl.mirror_former_addresses, "carl@home.test")
        self.assertFalse(self.page(self.carl, self.anna))
        put = self.env["crm.mail.mirror.outbox"].search([]).mapped("email_normalized")
        self.assertEqual(put, ["carl@acme.test"])
        # it does not come back with the next mail
        self.env["crm.mail.mirror.address"]._link(["carl@acme.test"])
        self.assertFalse(self.page(self.carl, self.anna))

    def test_present_address_is_not_removed(self):
        line = self.env["crm.mail.mirror.former.address"].create(
            {"partner_id": self.carl.id, "email_normalized": "carl@acme.test"}
        )
        line.with_user(self.anna).sudo().action_remove()
        self.assertEqual(self.page(self.carl, self.anna), self.letter)

    def test_reader_of_a_contact_does_not_remove_its_addresses(self):
        reader = self.user("reader")
        self.carl.email = "carl@home.test"
        with self.assertRaises(AccessError):
            self.carl.with_user(reader).action_mirror_former_addresses()
