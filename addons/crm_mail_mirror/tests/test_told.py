# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Owners learn when somebody sees more of their mail."""

from odoo.tests import tagged

from .common import MirrorCase

LOG = "odoo.addons.crm_mail_mirror.models.res_users"


@tagged("post_install", "-at_install")
class TestTold(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.boss = cls.user("boss", level="1")
        cls.one = cls.user("one", manager=cls.boss)
        cls.two = cls.user("two")
        for user in (cls.one, cls.two):
            cls.mailbox(user)

    def assertTold(self, owner, viewer, change):
        before = self.told(owner, viewer)
        with self.assertLogs(LOG) as log:
            change()
        self.assertEqual(self.told(owner, viewer), before + 1)
        self.assertIn(f"user {viewer.id} now sees the mail of users", str(log.output))
        self.assertIn(str(owner.id), str(log.output))

    def assertNobodyTold(self, change):
        before = self.env["mail.message"].search_count([])
        with self.assertNoLogs(LOG):
            change()
        self.assertEqual(self.env["mail.message"].search_count([]), before)

    def test_raised_level(self):
        self.assertTold(
            self.two, self.boss, lambda: self.boss.write({"mirror_visibility": "4"})
        )
        # who was seen before is not told again
        self.assertEqual(self.told(self.one, self.boss), 0)

    def test_lowered_level_tells_nobody(self):
        self.assertNobodyTold(lambda: self.boss.write({"mirror_visibility": "0"}))

    def test_same_level_tells_nobody(self):
        self.assertNobodyTold(lambda: self.boss.write({"mirror_visibility": "1"}))

    def test_new_manager(self):
        self.assertTold(
            self.two,
            self.boss,
            lambda: self.two.write({"mirror_manager_id": self.boss.id}),
        )

    def test_manager_above_the_new_manager(self):
        top = self.user("top", level="1")
        self.boss.mirror_manager_id = top
        self.assertTold(
            self.two, top, lambda: self.two.write({"mirror_manager_id": self.boss.id})
        )

    def test_new_peers_both_ways(self):
        for user in (self.one, self.two):
            user.mirror_visibility = "2"
        self.assertTold(
            self.two,
            self.one,
            lambda: self.two.write({"mirror_manager_id": self.boss.id}),
        )
        self.assertEqual(self.told(self.one, self.two), 1)

    def test_branch_that_moves_below_a_peer(self):
        cousin = self.user("cousin", level="3", manager=self.boss)
        self.assertTold(
            self.two, cousin, lambda: self.two.write({"mirror_manager_id": self.one.id})
        )

    def test_no_manager_any_more_tells_nobody(self):
        self.assertNobodyTold(lambda: self.one.write({"mirror_manager_id": False}))

    def test_new_user_with_a_level(self):
        with self.assertLogs(LOG):
            viewer = self.user("new", level="4")
        self.assertEqual(self.told(self.one, viewer), 1)
        self.assertEqual(self.told(self.two, viewer), 1)

    def test_user_who_comes_back_with_a_level(self):
        viewer = self.user("back", level="4", active=False)
        self.assertTold(self.one, viewer, lambda: viewer.write({"active": True}))

    def test_another_company_of_a_user(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        viewer = self.user("traveller", level="4")
        far = self.user("far", company_id=abroad.id, company_ids=[(6, 0, abroad.ids)])
        self.mailbox(far, company_id=abroad.id)
        self.assertTold(
            far, viewer, lambda: viewer.write({"company_ids": [(4, abroad.id)]})
        )

    def test_viewer_of_no_mailbox_tells_nobody(self):
        other = self.user("other")
        self.assertNobodyTold(lambda: other.write({"mirror_manager_id": self.boss.id}))
