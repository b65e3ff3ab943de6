"""Rules act both ways in time: what goes, what comes back, and what stays."""

import pytest


@pytest.fixture
def rules(mirror):
    """Make a rule as its author does, and let it act on the past."""

    def make(kind, value, user_id=None, **values):
        with mirror.env(user_id or 1) as env:
            values = {"kind": kind, "value": value, "user_id": user_id, **values}
            return env["crm.mail.mirror.exclusion"].create(values).id

    return make


@pytest.fixture
def three(mirror, lib, server):
    """A mailbox with a mail of each of three clients."""
    box = mirror.link(server=server)
    for name in ("client", "friend", "other"):
        mirror.contact(name)
    server.put(
        lib.mail(1, mirror.at("client"), box.email, tag=mirror.domain),
        lib.mail(2, mirror.at("friend"), f"{box.email} {mirror.at('client')}"),
        lib.mail(3, box.email, mirror.at("other"), subject="Perso: vacances 2"),
        lib.mail(4, box.email, mirror.at("other"), subject="Holidays"),
    )
    mirror.sync(box)
    return box


def announce(mirror, box, **values):
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        return env["crm.mail.mirror.change"]._announce("A rule", mailbox, **values).id


def run(mirror):
    with mirror.env() as env:
        assert not env["crm.mail.mirror.change"]._run()


def test_excluded_sender_is_taken_away_and_brought_back(mirror, three, rules):
    rule = rules("address", mirror.at("friend"), three.user_id)
    announce(mirror, three, narrows=True)
    run(mirror)

    assert mirror.states(three) == {
        ("mirrored", "contact"): 2,
        ("excluded", "excluded_address"): 1,
        ("excluded", "private_word"): 1,
    }
    mirror.check(three)

    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(rule).unlink()
    announce(mirror, three, narrows=False, requeue=["excluded_address"])
    run(mirror)
    mirror.check(three)
    mirror.sync(three)

    assert mirror.by_state(three) == {"mirrored": 3, "excluded": 1}
    mirror.check(three)
