# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A contact with much mail goes: for how long does everybody else wait?"""

import pytest


def remove_contacts(mirror):
    with mirror.env() as env:
        partners = env["res.partner"].search([("email", "like", f"@{mirror.domain}")])
        partners.filtered(lambda partner: not partner.user_ids).unlink()


def step(mirror):
    with mirror.env() as env:
        return env["crm.mail.mirror.sync"]._look_again()


@pytest.fixture
def two_at_once(monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_outbox

    two = crm_mail_mirror_outbox.Slice(2)
    # however slow this machine is
    monkeypatch.setattr(two, "took", lambda *_step: None)
    monkeypatch.setattr(crm_mail_mirror_outbox, "SLICE", two)
    monkeypatch.setattr(crm_mail_mirror_outbox, "NOTED", 3)


@pytest.fixture
def noted(mirror, clients, two_at_once):
    """All contacts went; that is noted, under a lock that all pages wait for."""
    remove_contacts(mirror)
    assert step(mirror)
    assert mirror.by_state(clients) == {"mirrored": 5}
    return clients


def test_mail_of_a_contact_that_goes_is_judged_in_short_steps(mirror, noted):
    left = []
    while step(mirror):
        left.append(mirror.by_state(noted)["mirrored"])
        mirror.check(noted)

    assert left[:3] == [3, 2, 0]


def test_job_that_dies_between_two_steps_goes_on_where_it_was(
    mirror, noted, monkeypatch
):
    assert step(mirror)

    def die(*args, **named):
        raise RuntimeError("killed")

    review = mirror.registry["crm.mail.mirror.review"]
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(review, "_apply", die)
        step(mirror)
    assert mirror.by_state(noted)["mirrored"] == 3

    mirror.look_again()
    assert mirror.by_state(noted)["mirrored"] == 0
    mirror.check(noted)


def test_contact_that_comes_back_meanwhile_keeps_its_mail(mirror, noted):
    assert step(mirror)
    mirror.contact("client")

    mirror.look_again()
    mirror.sync(noted)

    assert mirror.by_state(noted) == {"mirrored": 3, "unmatched": 2}
    mirror.check(noted)
