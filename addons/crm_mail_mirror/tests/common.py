# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Users, mailboxes and mail for tests of what is shown to whom."""

from odoo import Command
from odoo.tests import TransactionCase


class MirrorCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={"no_reset_password": True, "tracking_disable": True})
        cls.messages = cls.env["crm.mail.mirror.message"]

    @classmethod
    def user(cls, login, level="0", manager=None, groups="base.group_user", **values):
        return cls.env["res.users"].create(
            {
                "name": login.capitalize(),
                "login": login,
                "email": f"{login}@us.test",
                "group_ids": [Command.set([cls.env.ref(groups).id])],
                "mirror_visibility": level,
                "mirror_manager_id": manager and manager.id,
                **values,
            }
        )

    @classmethod
    def mailbox(cls, user, sharing="everything", **values):
        return cls.env["crm.mail.mirror.mailbox"].create(
            {
                "user_id": user.id,
                "email": user.email,
                "sharing_in": sharing,
                "sharing_out": sharing,
                **values,
            }
        )

    @classmethod
    def mail(cls, mailbox, *people, subject="Offer", direction="in"):
        """A mirrored mail with these addresses, the first one its sender."""
        date = "2026-03-01 12:00:00"
        message = cls.messages.create(
            {
                "identity": f"{subject} {people} {mailbox.id}",
                "subject_raw": subject,
                "date": date,
            }
        )
        addresses = cls.env["crm.mail.mirror.address"]
        ids = addresses._ensure(people)
        addresses._link(people)
        cls.env["crm.mail.mirror.participant"].create(
            [
                {
                    "message_id": message.id,
                    "address_id": ids[email],
                    "role": "to" if place else "from",
                    "date": date,
                }
                for place, email in enumerate(people)
            ]
        )
        body = cls.env["crm.mail.mirror.body"].create(
            {"message_id": message.id, "digest": subject, "text": f"Text of {subject}"}
        )
        cls.env["crm.mail.mirror.copy"].create(
            {
                "mailbox_id": mailbox.id,
                "key": message.identity,
                "received_at": date,
                "state": "mirrored",
                "reason": "contact",
                "message_id": message.id,
                "body_id": body.id,
                "direction": direction,
            }
        )
        cls.env.flush_all()
        return message

    def page(self, record, user):
        """Mail that stands on the record's page for this user, and in its list."""
        self.env.flush_all()
        self.env.invalidate_all()
        record = record.with_user(user)
        listed = record.action_open_mirror_messages()["domain"]
        newest = record.mirror_message_ids
        self.assertEqual(newest, newest.search(listed))
        return newest.sudo(False).with_user(self.env.user)

    def owners(self, user):
        """Whose mailboxes the user may read besides the own."""
        self.env.flush_all()
        mailboxes = self.env["crm.mail.mirror.mailbox"].with_user(user).sudo()
        return mailboxes.search([("is_readable", "=", True)]).user_id - user

    def told(self, owner, viewer):
        """How often the owner was told that the viewer sees the owner's mail."""
        return self.env["mail.message"].search_count(
            [
                ("partner_ids", "in", owner.partner_id.ids),
                ("message_type", "=", "user_notification"),
                ("body", "ilike", viewer.name),
            ]
        )
