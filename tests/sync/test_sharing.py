"""What an owner chose for one mail, or for a conversation, holds whatever happens."""

import pytest

from odoo.exceptions import AccessError

MESSAGE = "crm.mail.mirror.message"


@pytest.fixture
def talk(mirror, lib, server):
    """A conversation of two mails and a mail of its own: ``(box, refs)``."""
    mirror.contact()
    box = mirror.link("anna", server, sharing_in="everything")
    first = lib.mail(1, mirror.at("client"), box.email)
    refs = server.put(first, answer(mirror, lib, box, 2), lib.mail(
        3, mirror.at("client"), box.email
    ))  # fmt: skip
    mirror.sync(box)
    return box, refs


def answer(mirror, lib, box, number):
    return lib.mail(
        number, mirror.at("client"), box.email, references=("<1.@mail.test>",)
    )


@pytest.fixture
def share(mirror):
    """``share(box, "private", "Mail 1")``: as the browser does; ``whole=True``: all."""

    def press(box, value, *subjects, whole=False):
        with mirror.env(box.user_id) as env:
            mails = env[MESSAGE].search([("is_mine", "=", True)])
            mails = mails.filtered(lambda mail: mail.subject in subjects)
            return env[MESSAGE].set_sharing(mails.ids, value, whole)

    return press


def shared(mirror, box):
    """``{subject: what its owner chose for it}``"""
    return dict(
        mirror.sql(
            """SELECT m.subject_raw, c.sharing FROM crm_mail_mirror_copy c
                 JOIN crm_mail_mirror_message m ON m.id = c.message_id
                WHERE c.mailbox_id = %s""",
            box.id,
        )
    )


def test_private_mail_stays_private_wherever_it_goes(mirror, server, talk, share):
    box, refs = talk
    share(box, "private", "Mail 1")

    server.move(refs[0], "Archive")
    mirror.sync(box)
    server.void()
    mirror.sync(box)
    server.expired = True
    mirror.sync(box)
    mirror.sync(box)

    assert shared(mirror, box) == {"Mail 1": "private", "Mail 2": None, "Mail 3": None}


def test_private_mail_that_is_deleted_and_restored_is_private(
    mirror, server, talk, share
):
    box, refs = talk
    share(box, "private", "Mail 1")

    restored = server.mails["INBOX", refs[0]]
    server.remove(refs[0])
    for _pass in range(4):
        mirror.sync(box)
    assert "Mail 1" not in shared(mirror, box)
    server.put(restored)
    mirror.sync(box)

    assert shared(mirror, box) == {"Mail 1": "private", "Mail 2": None, "Mail 3": None}


def test_what_comes_later_to_a_conversation_is_shared_like_it(
    mirror, lib, server, talk, share
):
    box, _refs = talk
    told = share(box, "private", "Mail 2", whole=True)
    assert told["count"] == 2
    share(box, "subject", "Mail 2")

    server.put(answer(mirror, lib, box, 4))
    mirror.sync(box)

    assert shared(mirror, box) == {
        "Mail 1": "private", "Mail 2": "subject", "Mail 3": None, "Mail 4": "private"
    }  # fmt: skip


def test_taken_back_all_is_as_before(mirror, lib, server, talk, share):
    box, _refs = talk
    share(box, "subject", "Mail 1", "Mail 3")
    before = shared(mirror, box)
    told = share(box, "private", "Mail 1", whole=True)
    assert shared(mirror, box)["Mail 2"] == "private"

    with mirror.env(box.user_id) as env:
        for arguments in told["undo"]:
            env[MESSAGE].set_sharing(*arguments)
    server.put(answer(mirror, lib, box, 4))
    mirror.sync(box)

    assert shared(mirror, box) == {**before, "Mail 4": None}


def test_nobody_elses_mail_is_changed(mirror, lib, server, talk, share):
    box, _refs = talk
    other = lib.Server()
    ben = mirror.link("ben", other)
    other.put(lib.mail(1, mirror.at("client"), box.email))  # the same mail
    mirror.sync(ben)
    (copies,) = mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_copy c
             JOIN crm_mail_mirror_message m ON m.id = c.message_id
            WHERE m.subject_raw = 'Mail 1' AND c.mailbox_id IN (%s, %s)""",
        box.id,
        ben.id,
    )
    assert copies == (2,)

    share(box, "everything", "Mail 1")

    assert shared(mirror, ben) == {"Mail 1": None}
    theirs = mirror.sql(
        "SELECT message_id FROM crm_mail_mirror_copy WHERE mailbox_id = %s", box.id
    )
    with mirror.env(ben.user_id) as env, pytest.raises(AccessError):
        env[MESSAGE].set_sharing([ident for (ident,) in theirs], "private")
    assert shared(mirror, ben) == {"Mail 1": None}


def test_hash_is_all_that_is_remembered(mirror, talk, share):
    box, _refs = talk
    share(box, "private", "Mail 1", whole=True)
    share(box, False, "Mail 1", "Mail 2", whole=True)

    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_sharing WHERE user_id = %s", box.user_id
    )
