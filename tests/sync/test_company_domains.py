"""Mail of a company's domain belongs to it, where that is switched on."""

import time

import pytest

from tests.sync.mirror import Mirror


@pytest.fixture
def matching(mirror):
    """Mail is matched by domain in this company."""
    with mirror.env() as env:
        company = env["res.company"].create(
            {"name": f"House {mirror.house}", "mirror_match_domains": True}
        )
        return company.id


@pytest.fixture
def link(mirror, server, matching):
    def link(name="anna", company=matching, **values):
        user = mirror.user(name, company_id=company, company_ids=[(6, 0, [company])])
        return mirror.link(
            name, server, user_id=user, company_id=company, **values
        )

    return link


def company(mirror: Mirror, **values) -> int:
    return mirror.contact(**{"local": "Acme", "email": False, "is_company": True, **values})


def letters(lib, mirror, box, *locals):
    return [
        lib.mail(number, mirror.at(local), box.email, tag=mirror.domain)
        for number, local in enumerate(locals)
    ]


def shown(mirror, box, partner) -> list[str]:
    """What the owner finds on a contact: on its page, and in the list."""
    with mirror.env(box.user_id) as env:
        record = env["res.partner"].browse(partner)
        page = record.mirror_message_ids
        listed = env["crm.mail.mirror.message"].search(record._mirror_domain())
        assert sorted(page.ids) == sorted(listed.ids)
        assert all(record in message.partner_ids for message in page)
        return sorted(page.mapped("subject"))


@pytest.mark.parametrize(
    "claim",
    [
        lambda m: {"website": f"https://www.{m.domain}/en?x#y"},
        lambda m: {"email": f"info@{m.domain}"},
        lambda m: {"child_ids": [(0, 0, {"name": "Cy", "email": m.at("cy")})]},
    ],
    ids=["website", "email", "contact"],
)
def test_a_stranger_at_a_companys_domain_is_mirrored_and_shown_on_it(
    mirror, server, lib, link, claim
):
    box = link()
    partner = company(mirror, **claim(mirror))
    unrelated = mirror.contact("unrelated", email=f"else@x{mirror.domain}")
    server.put(*letters(lib, mirror, box, "stranger", "sales"))

    mirror.sync(box)

    assert mirror.states(box) == {
        ("mirrored", "domain"): 1,
        ("excluded", "role_address"): 1,
    }
    assert len(shown(mirror, box, partner)) == 1
    assert shown(mirror, box, unrelated) == []
    with mirror.env(box.user_id) as env:
        message = env["res.partner"].browse(partner).mirror_message_ids
        assert message.matched_by_domain
    mirror.check(box)
