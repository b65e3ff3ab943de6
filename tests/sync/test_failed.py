"""Mail that could not be read: a list for its owner, tried again, or ignored."""

import pytest


@pytest.fixture
def broken(mirror, lib, server):
    """One mail of three cannot be had."""
    from odoo.addons.crm_mail_mirror.engine.providers.base import MessageBroken

    box = mirror.link("anna", server)
    mirror.contact("client")
    mails = [
        lib.mail(number, mirror.at("client"), box.email, tag=mirror.domain)
        for number in range(3)
    ]
    mails[1].errors["fetch"] = MessageBroken("message_too_big")
    server.put(*mails)
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 2, "failed": 1}
    return box, mails[1]


def act(mirror, box, method, user_id=None):
    with mirror.env(user_id or box.user_id) as env:
        copies = env["crm.mail.mirror.copy"].search(
            [("mailbox_id", "=", box.id), ("state", "in", ("failed", "hidden"))]
        )
        getattr(copies, method)()


def test_owner_sees_what_failed_and_why_without_a_subject(mirror, broken):
    box, _mail = broken
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.failed_count == 1
        action = mailbox.action_failed()
        (copy,) = env["crm.mail.mirror.copy"].search(action["domain"])
        (told,) = copy.read(
            ["received_at", "folder_names", "reason_sentence", "attempts"]
        )
        assert told["folder_names"] == "INBOX" and told["attempts"] == 1
        assert "too big" in told["reason_sentence"]


def test_mail_that_is_tried_now_comes_in(mirror, server, broken):
    box, mail = broken
    mail.errors.clear()
    mirror.sync(box)
    assert mirror.by_state(box)["failed"] == 1, "it waits for its time"

    act(mirror, box, "action_try_now")
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 3}
    mirror.check(box)


def test_ignored_mail_stays_hidden_through_moves_and_listing_until_it_is_taken_back(
    mirror, server, broken
):
    box, mail = broken
    act(mirror, box, "action_ignore")
    assert mirror.states(box)["hidden", "ignored"] == 1
    mirror.check(box)
    mail.errors.clear()
    asked = server.fetched[mail.envelope.message_id]

    ((ref,),) = mirror.sql(
        """SELECT l.ref FROM crm_mail_mirror_copy c
             JOIN crm_mail_mirror_location l ON l.copy_id = c.id
            WHERE c.mailbox_id = %s AND c.state = 'hidden'""",
        box.id,
    )
    server.move(ref, "Archive")
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_list_again()
    mirror.sync(box)
    # as on a server that tells another size of it: its key is another one
    server.put(mail.__class__(mail.envelope, mail.text, mail.received_at, key="other"))
    mirror.sync(box)
    mirror.check(box)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 2,
        ("hidden", "ignored"): 2,
    }
    assert server.fetched[mail.envelope.message_id] <= asked + 1

    act(mirror, box, "action_try_again")
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 4}
    mirror.check(box)


def test_nobody_but_the_owner_tries_or_ignores(mirror, broken):
    from odoo.exceptions import AccessError

    box, _mail = broken
    other = mirror.user("olga")
    for method in ("action_try_now", "action_ignore", "action_try_again"):
        with mirror.env(other) as env, pytest.raises(AccessError):
            copies = (
                env["crm.mail.mirror.copy"].sudo().search([("mailbox_id", "=", box.id)])
            )
            getattr(copies.with_user(other).sudo(False), method)()
    with mirror.env(other) as env, pytest.raises(AccessError):
        env["crm.mail.mirror.mailbox"].browse(box.id).action_failed()
    assert mirror.by_state(box)["failed"] == 1
