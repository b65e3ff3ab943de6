# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Levels and the walk over the chart."""

from odoo.tests import tagged

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestChart(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # head > (left > leaf, right > (twig > bud)); alone, apart: no manager
        cls.head = cls.user("head")
        cls.left = cls.user("left", manager=cls.head)
        cls.right = cls.user("right", manager=cls.head)
        cls.leaf = cls.user("leaf", manager=cls.left)
        cls.twig = cls.user("twig", manager=cls.right)
        cls.bud = cls.user("bud", manager=cls.twig)
        cls.alone, cls.apart = cls.user("alone"), cls.user("apart")
        cls.everyone = (
            cls.head + cls.left + cls.right + cls.leaf + cls.twig + cls.bud
            + cls.alone + cls.apart
        )  # fmt: skip
        for user in cls.everyone:
            cls.mailbox(user)

    def seen(self, user, level):
        user.mirror_visibility = level
        return self.owners(user) & self.everyone

    def put_below(self, user, manager):
        """As it may have been before loops were refused."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_users SET mirror_manager_id = %s WHERE id = %s",
            [manager.id, user.id],
        )
        self.env.invalidate_all()

    def test_level_0_sees_nobody_else(self):
        for user in self.everyone:
            self.assertFalse(self.seen(user, "0"))

    def test_level_1_sees_all_below(self):
        below = self.left + self.right + self.leaf + self.twig + self.bud
        self.assertEqual(self.seen(self.head, "1"), below)
        self.assertEqual(self.seen(self.left, "1"), self.leaf)
        self.assertEqual(self.seen(self.right, "1"), self.twig + self.bud)
        self.assertFalse(self.seen(self.leaf, "1"))

    def test_level_2_sees_peers_but_nobody_below_them(self):
        self.assertEqual(self.seen(self.left, "2"), self.leaf + self.right)
        self.assertFalse(self.seen(self.leaf, "2"))

    def test_level_3_sees_all_below_peers(self):
        self.assertEqual(
            self.seen(self.left, "3"), self.leaf + self.right + self.twig + self.bud
        )
        # an uncle is no peer
        self.assertFalse(self.seen(self.leaf, "3"))

    def test_level_4_sees_everyone(self):
        self.assertEqual(self.seen(self.leaf, "4"), self.everyone - self.leaf)

    def test_users_without_manager_have_no_peers(self):
        for level in "123":
            self.assertFalse(self.seen(self.alone, level))

    def test_loops_are_survived(self):
        self.put_below(self.head, self.bud)
        loop = self.head + self.right + self.twig + self.bud
        for user in loop:
            for level in "123":
                self.assertLessEqual(loop - user, self.seen(user, level) + user)
        self.put_below(self.alone, self.alone)
        self.assertFalse(self.seen(self.alone, "3"))

    def test_portal_users_see_nothing_at_any_level(self):
        portal = self.user("portal.user", groups="base.group_portal", manager=self.head)
        for level in "1234":
            self.assertFalse(self.seen(portal, level))

    def test_copied_user_starts_at_level_0_without_manager(self):
        self.left.mirror_visibility = "4"
        copied = self.left.copy({"login": "copied"})
        self.assertEqual(copied.mirror_visibility, "0")
        self.assertFalse(copied.mirror_manager_id)

    def test_companies_that_are_not_the_users_do_not_count(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        mailbox = self.env["crm.mail.mirror.mailbox"].search(
            [("user_id", "=", self.leaf.id)]
        )
        mailbox.company_id = abroad
        self.assertFalse(self.seen(self.left, "1"))
        self.assertNotIn(self.leaf, self.seen(self.left, "4"))
        # one's own always
        readable = mailbox.with_user(self.leaf).is_readable
        self.assertTrue(readable)
