# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Marc see? What is told of it is what holds, before and after."""

import random

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged

from odoo.addons.crm_mail_mirror.models.res_users_organisation import without_loops

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestOrganisation(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # marc > (anna > (ben, cleo)); dan: nobody above
        cls.marc = cls.user("marc", level="1")
        cls.anna = cls.user("anna", manager=cls.marc)
        cls.ben = cls.user("ben", manager=cls.anna)
        cls.cleo = cls.user("cleo", manager=cls.anna)
        cls.dan = cls.user("dan")
        for user in (cls.anna, cls.ben, cls.cleo):
            cls.mailbox(user)

    def form(self, user):
        return Form(user, "crm_mail_mirror.res_users_view_form_mirror")

    def test_what_is_told_is_what_holds(self):
        chance = random.Random(11)
        abroad = self.env["res.company"].create({"name": "Abroad"})
        users = self.marc + self.anna + self.ben + self.cleo + self.dan
        users += self.user(
            "far", company_id=abroad.id, company_ids=[Command.set(abroad.ids)]
        )
        both = self.env.company + abroad
        users += self.user("both", company_ids=[Command.set(both.ids)])
        self.mailbox(users[-1])
        self.mailbox(users[-1], email="there@us.test", company_id=abroad.id)
        self.mailbox(users[-2], company_id=abroad.id)
        for _ in range(12):
            for user in users:
                manager = chance.choice([None, *users])
                # loops as well: charts of before may hold them
                self.env.cr.execute(
                    "UPDATE res_users SET mirror_manager_id = %s WHERE id = %s",
                    [manager and manager.id, user.id],
                )
            self.env.invalidate_all()
            sight = users._mirror_sights()
            for user in users:
                for level in "01234":
                    user.mirror_visibility = level
                    self.env.flush_all()
                    companies = user.company_ids.ids
                    boxes = self.env["crm.mail.mirror.mailbox"].with_user(user).sudo()
                    boxes = boxes.with_context(allowed_company_ids=companies)
                    seen = boxes.search([("is_readable", "=", True)])
                    told = sight.colleagues(user.id, int(level)) & set(sight.boxes)
                    self.assertEqual(told, set((seen.user_id - user).ids))
                    self.assertEqual(sight.mailboxes(user.id, int(level)), len(seen))

    def test_sight_is_told_before_it_is_saved(self):
        form = self.form(self.marc)
        self.assertEqual(
            form.mirror_sight,
            "Marc sees the mail of 3 colleagues, as far as they share it:"
            " Anna, Ben, Cleo.",
        )
        self.assertFalse(form.mirror_sight_change)
        form.mirror_visibility = "0"
        self.assertEqual(form.mirror_sight, "Marc sees only their own mail.")
        self.assertEqual(form.mirror_sight_change, "No longer: Anna, Ben, Cleo.")
        form.mirror_visibility = "4"
        self.assertIn("New: ", form.mirror_sight_change)
        self.assertEqual(self.marc.mirror_visibility, "1")

    def test_whoever_else_would_see_more_is_told(self):
        form = self.form(self.dan)
        form.mirror_manager_id = self.anna
        self.assertEqual(
            form.mirror_sight_change, "Marc would see the mail of Dan as well."
        )
        form.save()
        self.assertFalse(self.form(self.dan).mirror_sight_change)
        form = self.form(self.ben)
        form.mirror_manager_id = self.env["res.users"]
        self.assertEqual(
            form.mirror_sight_change, "Marc would no longer see the mail of Ben."
        )

    def test_loops_are_explained_and_refused(self):
        form = self.form(self.marc)
        form.mirror_manager_id = self.ben
        self.assertIn("Ben, who stands below Marc", form.mirror_loop)
        with self.assertRaisesRegex(ValidationError, "who stands below Marc"):
            form.save()
        with self.assertRaisesRegex(ValidationError, "their own manager"):
            self.dan.mirror_manager_id = self.dan

    def test_a_move_is_told_and_refused_if_it_makes_a_loop(self):
        self.assertEqual(
            self.dan.get_mirror_move(self.marc.id),
            {"refused": False, "changes": ["Marc would see the mail of Dan as well."]},
        )
        self.assertEqual(
            self.dan.get_mirror_move(False)["changes"],
            ["Nobody sees other mail than before."],
        )
        self.assertTrue(self.marc.get_mirror_move(self.cleo.id)["refused"])
        with self.assertRaises(AccessError):
            self.dan.with_user(self.dan).get_mirror_move(self.marc.id)

    def test_the_drawing_has_everybody_once(self):
        users = self.env["res.users"]
        domain = [("share", "=", False)]
        self.assertEqual(self.ben.mirror_above_id, self.anna)
        self.assertEqual(self.anna.mirror_below_ids, self.ben + self.cleo)
        self.assertEqual(
            users.search([("mirror_above_id", "in", self.anna.ids)]),
            self.ben + self.cleo,
        )
        roots = users.search([*domain, ("mirror_above_id", "=", False)])
        self.assertIn(self.marc, roots)
        self.assertNotIn(self.anna, roots)
        # of a manager who left, and in a loop of before, nobody gets lost
        self.marc.active = False
        self.assertFalse(self.anna.mirror_above_id)
        self.marc.active = True
        self.env.cr.execute(
            "UPDATE res_users SET mirror_manager_id = %s WHERE id = %s",
            [self.cleo.id, self.marc.id],
        )
        self.env.invalidate_all()
        above = users._mirror_tree()
        self.assertEqual(without_loops(above), above)
        self.assertFalse(self.marc.mirror_above_id)
        self.anna.mirror_above_id = self.dan
        self.assertEqual(self.anna.mirror_manager_id, self.dan)

    def test_a_thousand_users_cost_as_many_queries_as_ten(self):
        users = self.env["res.users"].create(
            [
                {
                    "name": f"Many {number}",
                    "login": f"many{number}",
                    "mirror_visibility": "3",
                }
                for number in range(100)
            ]
        )

        def queries(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.mapped("mirror_sees")
            some.mapped("mirror_below_ids")
            return self.env.cr.sql_log_count - before

        queries(users[:10])
        self.assertLessEqual(queries(users), queries(users[:10]))
