# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is asked, when a session begins, whether they link a mailbox?"""

import pytest


@pytest.fixture
def google(root):
    """The administrator has switched Google on."""
    client = root["crm.mail.mirror.client"].create(
        {"provider": "gmail", "client_id": "us", "secret": "s", "enabled": True}
    )
    root.flush_all()
    return client


@pytest.fixture
def newcomer(root):
    user = (
        root["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": "Newcomer",
                "login": "newcomer@ours.test",
                "group_ids": [(6, 0, [root.ref("base.group_user").id])],
            }
        )
    )
    root.flush_all()
    return user


def invitation(root, user):
    root.flush_all()
    return root(user=user.id, su=False).user._mirror_invitation()


def test_who_has_no_mailbox_is_asked_once_a_provider_is_on(root, newcomer, google):
    assert invitation(root, newcomer) == "gmail"

    google.enabled = False
    assert not invitation(root, newcomer)
    google.write({"enabled": True, "secret": False})
    assert not invitation(root, newcomer)
    root["crm.mail.mirror.client"].create(
        {
            "provider": "microsoft",
            "client_id": "us",
            "secret": "s",
            "enabled": True,
            "audience": "organizations",
        }
    )
    assert invitation(root, newcomer) == "work"
    google.secret = "s"
    assert invitation(root, newcomer) == "gmail,work"


def test_who_has_a_mailbox_is_not_asked(root, world, google):
    viewer = root["res.users"].browse(world.users["viewer"])
    assert viewer.mirror_mailbox_ids

    assert not invitation(root, viewer)


def test_a_no_is_for_good_and_the_mailbox_can_be_linked_all_the_same(
    root, newcomer, google
):
    env = root(user=newcomer.id, su=False)
    env["res.users"].action_mirror_decline()
    root.flush_all()

    assert not invitation(root, newcomer)
    google.enabled = False
    google.enabled = True
    assert not invitation(root, newcomer)
    action = env["res.users"].action_mirror_link()
    assert action["res_model"] == "crm.mail.mirror.mailbox"


def test_nobody_answers_for_somebody_else(root, world, newcomer, google):
    other = root(user=world.users["viewer"], su=False)
    other["res.users"].browse(newcomer.id).action_mirror_decline()

    assert invitation(root, newcomer) == "gmail"


@pytest.mark.parametrize("group", ["base.group_portal", "base.group_public"])
def test_portal_and_public_users_are_not_asked(root, newcomer, google, group):
    newcomer.group_ids = [(6, 0, [root.ref(group).id])]

    assert not invitation(root, newcomer)


def test_who_may_not_link_one_is_not_asked(root, newcomer, google):
    access = root.ref("crm_mail_mirror.access_mailbox_user")
    access.perm_create = False

    assert not invitation(root, newcomer)


def test_a_session_that_begins_costs_one_query(root, newcomer, world, google):
    for user in (newcomer, root["res.users"].browse(world.users["viewer"])):
        invitation(root, user)  # rights and groups are known from now on
        user = root(user=user.id, su=False).user
        before = root.cr.sql_log_count
        user._mirror_invitation()
        assert root.cr.sql_log_count - before == 1
