"""Rules act both ways in time: what goes, what comes back, and what stays."""

import pytest


@pytest.fixture
def rule(mirror):
    """Make a rule as its author does; :return: its id"""

    def make(kind, value, user_id=None, **values):
        with mirror.env() as env:
            values = {"kind": kind, "value": value, "user_id": user_id, **values}
            return env["crm.mail.mirror.exclusion"].create(values).id

    return make


@pytest.fixture
def three(mirror, lib, server):
    """A mailbox with mail of three clients, one of them private."""
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


def run(mirror):
    """The job that applies changes, to the end."""
    with mirror.env() as env:
        assert not env["crm.mail.mirror.change"]._run()


def remove(mirror, rule):
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(rule).unlink()


def test_excluded_sender_is_taken_away_and_brought_back(mirror, three, rule):
    made = rule("address", mirror.at("friend"), three.user_id)
    run(mirror)

    assert mirror.states(three) == {
        ("mirrored", "contact"): 2,
        ("excluded", "excluded_address"): 1,
        ("excluded", "private_word"): 1,
    }
    mirror.check(three)

    remove(mirror, made)
    run(mirror)
    mirror.check(three)
    mirror.sync(three)

    assert mirror.by_state(three) == {"mirrored": 3, "excluded": 1}
    mirror.check(three)
