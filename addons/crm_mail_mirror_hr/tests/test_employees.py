# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The employees' managers say who sees whose mail; employees never match."""

from odoo.tests import Form, tagged

from odoo.addons.crm_mail_mirror.tests.common import MirrorCase

LOG = "odoo.addons.crm_mail_mirror.models.res_users"


class EmployeeCase(MirrorCase):
    @classmethod
    def employee(cls, user=None, manager=None, **values):
        return cls.env["hr.employee"].create(
            {
                "name": user.name if user else "Without login",
                "user_id": user and user.id,
                "parent_id": manager and manager.id,
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestChartOfEmployees(EmployeeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # boss > middle > low, and boss > (no login) > deep
        cls.boss, cls.middle, cls.low = map(cls.user, ("boss", "middle", "low"))
        cls.deep, cls.other = map(cls.user, ("deep", "other"))
        cls.users = cls.boss + cls.middle + cls.low + cls.deep + cls.other
        for user in cls.users:
            cls.mailbox(user)
        cls.top = cls.employee(cls.boss)
        cls.second = cls.employee(cls.middle, cls.top)
        cls.third = cls.employee(cls.low, cls.second)
        cls.silent = cls.employee(None, cls.top)
        cls.below_silent = cls.employee(cls.deep, cls.silent)

    def seen(self, user, level):
        user.mirror_visibility = level
        return self.owners(user) & self.users

    def test_all_below_are_seen_through_managers_without_login(self):
        self.assertEqual(self.seen(self.boss, "1"), self.middle + self.low + self.deep)
        self.assertEqual(self.seen(self.middle, "1"), self.low)

    def test_peers_have_the_same_nearest_manager_with_a_login(self):
        self.assertEqual(self.seen(self.deep, "2"), self.middle)
        self.assertEqual(self.seen(self.deep, "3"), self.middle + self.low)
        self.assertEqual(self.seen(self.middle, "2"), self.low + self.deep)

    def test_change_of_manager_counts_at_once(self):
        self.boss.mirror_visibility = "1"
        self.third.parent_id = False
        self.assertEqual(self.seen(self.boss, "1"), self.middle + self.deep)
        self.silent.parent_id = False
        self.assertEqual(self.seen(self.boss, "1"), self.middle)

    def test_archived_employees_lead_nowhere(self):
        self.second.active = False
        self.assertEqual(self.seen(self.boss, "1"), self.deep)
        self.silent.active = False
        self.assertFalse(self.seen(self.boss, "1"))
        self.assertFalse(self.seen(self.low, "3"))

    def test_loops_are_survived(self):
        self.top.parent_id = self.third
        everyone = self.boss + self.middle + self.low + self.deep
        self.assertEqual(self.seen(self.low, "1"), everyone - self.low)
        self.silent.parent_id = self.below_silent
        self.assertFalse(self.seen(self.deep, "3"))

    def test_managers_without_login_in_a_loop_are_survived(self):
        another = self.employee(None, self.silent)
        self.silent.parent_id = another
        self.assertFalse(self.seen(self.deep, "3"))
        self.assertEqual(self.seen(self.boss, "1"), self.middle + self.low)

    def test_employees_chart_takes_the_place_of_the_users_manager(self):
        self.low.mirror_manager_id = self.other
        self.assertFalse(self.seen(self.other, "1"))

    def test_organisation_draws_and_tells_the_employees_managers(self):
        self.assertEqual(self.low.mirror_above_id, self.middle)
        self.assertIn(self.low, self.middle.mirror_below_ids)
        # the manager on the user counts for who is no employee
        refused = self.low.get_mirror_move(self.other.id)["refused"]
        self.assertIn("is an employee", refused)
        self.assertFalse(self.other.get_mirror_move(self.low.id)["refused"])
        self.boss.mirror_visibility = "1"
        view = "crm_mail_mirror.res_users_view_form_mirror"
        form = Form(self.low, view)
        self.assertTrue(form.mirror_is_employee)
        self.assertEqual(form.mirror_manager_names, self.middle.name)
        form = Form(self.boss, view)
        self.assertIn(self.low.name, form.mirror_sight)
        action = self.low.action_mirror_open_employee()
        self.assertEqual(action["res_id"], self.low.employee_ids.id)

    def test_users_who_are_no_employee_keep_their_manager(self):
        self.other.mirror_manager_id = self.low
        self.assertEqual(self.seen(self.low, "1"), self.other)
        self.assertIn(self.other, self.seen(self.boss, "1"))

    def test_only_employees_of_the_active_companies_count(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        self.employee(self.other, company_id=abroad.id, manager=self.top)
        self.assertNotIn(self.other, self.seen(self.boss, "1"))

        self.boss.company_ids += abroad
        self.env.flush_all()
        mailboxes = self.env["crm.mail.mirror.mailbox"].with_user(self.boss).sudo()
        both = mailboxes.with_context(allowed_company_ids=self.boss.company_ids.ids)
        readable = both.search([("is_readable", "=", True)])
        self.assertIn(self.other, readable.user_id)

    def test_login_given_to_a_manager_counts_at_once(self):
        self.silent.user_id = self.other
        self.assertEqual(self.seen(self.other, "1"), self.deep)
        self.assertFalse(self.seen(self.deep, "2"))

    def test_list_of_levels_names_the_employees_manager(self):
        self.assertTrue(self.deep.mirror_is_employee)
        self.assertEqual(self.deep.mirror_manager_names, "Boss")
        self.assertFalse(self.other.mirror_is_employee)
        self.assertFalse(self.other.mirror_manager_names)

    # ---- who sees more is told ------------------------------------------------------

    def assertTold(self, owner, viewer, change):
        with self.assertLogs(LOG):
            change()
        self.assertEqual(self.told(owner, viewer), 1)

    def test_new_manager_of_an_employee_is_told(self):
        top, employee = self.user("topper", level="1"), self.employee(self.other)
        above = self.employee(top)
        self.assertTold(
            self.other, top, lambda: employee.write({"parent_id": above.id})
        )

    def test_managers_above_are_told_through_those_without_login(self):
        self.boss.mirror_visibility = "1"
        self.assertTold(
            self.other, self.boss, lambda: self.employee(self.other, self.silent)
        )

    def test_new_peers_of_whoever_had_no_login_between_are_told(self):
        self.middle.mirror_visibility = "2"
        self.silent.parent_id = False
        before = self.told(self.deep, self.middle)
        with self.assertLogs(LOG):
            self.silent.parent_id = self.top
        self.assertEqual(self.told(self.deep, self.middle), before + 1)

    def test_employee_who_becomes_a_user_is_told_of(self):
        viewer = self.user("later", level="1")
        self.assertTold(
            self.deep, viewer, lambda: self.silent.write({"user_id": viewer.id})
        )

    def test_fewer_eyes_tell_nobody(self):
        self.boss.mirror_visibility = "1"
        with self.assertNoLogs(LOG):
            self.second.parent_id = False


@tagged("post_install", "-at_install")
class TestEmployeesNeverMatch(EmployeeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.user("anna")
        cls.box = cls.mailbox(cls.anna)
        cls.worker = cls.employee(
            work_email="Worker@us.test", private_email="worker@home.test"
        )

    def test_addresses_at_work_and_at_home_are_ours(self):
        directory = self.env["crm.mail.mirror.directory"]
        emails = {"worker@us.test", "worker@home.test", "customer@acme.test"}
        self.env["res.partner"].create({"name": "C", "email": "customer@acme.test"})

        found = directory._look_up(emails)

        self.assertEqual(found.own, {"worker@us.test", "worker@home.test"})
        self.assertEqual(found.known, {"customer@acme.test"})

    def test_work_contact_shows_no_mail(self):
        contact = self.worker.work_contact_id
        self.assertEqual(contact.email_normalized, "worker@us.test")
        self.mail(self.box, "worker@us.test", "customer@acme.test")
        self.assertFalse(self.page(contact, self.anna))

    def test_contact_with_the_private_address_shows_no_mail(self):
        contact = self.env["res.partner"].create(
            {"name": "At home", "email": "worker@home.test"}
        )
        self.mail(self.box, "worker@home.test", "customer@acme.test")
        self.assertFalse(self.page(contact, self.anna))

    def test_contact_that_becomes_an_employee_is_looked_at_again(self):
        contact = self.env["res.partner"].create(
            {"name": "Carl", "email": "carl@acme.test"}
        )
        letter = self.mail(self.box, "carl@acme.test")
        self.assertEqual(self.page(contact, self.anna), letter)
        self.env["crm.mail.mirror.outbox"].search([]).unlink()

        self.employee(work_contact_id=contact.id)

        self.assertFalse(self.page(contact, self.anna))
        put = self.env["crm.mail.mirror.outbox"].search([]).mapped("email_normalized")
        self.assertIn("carl@acme.test", put)

    def test_former_employee_is_a_contact_again(self):
        self.worker.active = False
        directory = self.env["crm.mail.mirror.directory"]
        self.assertFalse(directory._own_among({"worker@home.test"}))
