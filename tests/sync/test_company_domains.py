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
        return mirror.link(name, server, user_id=user, company_id=company, **values)

    return link


def company(mirror: Mirror, **values) -> int:
    return mirror.contact(
        **{"local": "Acme", "email": False, "is_company": True, **values}
    )


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
        family = record | record.child_ids
        assert all(message.partner_ids & family for message in page)
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


def test_nobody_owns_subdomains_free_mail_and_our_own_domain(
    mirror, server, lib, link, matching
):
    box = link()
    company(mirror, website=f"http://{mirror.domain}", email="acme@gmail.com")
    company(mirror, website="https://www.facebook.com/acme")
    company(mirror, email=f"partner@{mirror.house}")
    senders = [
        f"a@mail.{mirror.domain}",
        "b@gmail.com",
        "c@facebook.com",
        "d@mailinator.com",
    ]
    server.put(
        *(
            lib.mail(number, sender, box.email, tag=mirror.domain)
            for number, sender in enumerate(senders)
        )
    )

    mirror.sync(box)

    assert mirror.states(box) == {("unmatched", "no_contact"): 4}


def test_where_it_is_off_a_stranger_stays_out(mirror, server, lib, link):
    with mirror.env() as env:
        other = env["res.company"].create({"name": f"Other {mirror.house}"}).id
    box = link(company=other)
    company(mirror, website=f"http://{mirror.domain}")
    server.put(*letters(lib, mirror, box, "stranger"))

    mirror.sync(box)

    assert mirror.states(box) == {("unmatched", "no_contact"): 1}


def _website_later(mirror, partner):
    mirror.write("res.partner", partner, website=f"http://{mirror.domain}")
    return lambda: mirror.write("res.partner", partner, website=False)


def _email_later(mirror, partner):
    mirror.write("res.partner", partner, email=f"acme@{mirror.domain}")
    return lambda: mirror.write("res.partner", partner, email="acme@elsewhere.test")


def _contact_moved(mirror, partner):
    contact = mirror.contact("cy")
    mirror.write("res.partner", contact, parent_id=partner)
    return lambda: mirror.write("res.partner", contact, parent_id=False)


def _becomes_a_company(mirror, partner):
    mirror.write("res.partner", partner, is_company=False)
    mirror.write("res.partner", partner, website=f"http://{mirror.domain}")
    mirror.write("res.partner", partner, is_company=True)
    return lambda: mirror.write("res.partner", partner, is_company=False)


def _deleted_after(mirror, partner):
    contact = mirror.contact("cy")
    mirror.write("res.partner", contact, parent_id=partner)

    def delete():
        with mirror.env() as env:
            env["res.partner"].browse(partner).unlink()

    return delete


@pytest.mark.parametrize(
    "claim",
    [
        _website_later,
        _email_later,
        _contact_moved,
        _becomes_a_company,
        _deleted_after,
    ],
)
def test_mail_comes_and_goes_with_the_companys_claim(mirror, server, lib, link, claim):
    box = link()
    server.put(*letters(lib, mirror, box, "stranger"))
    mirror.sync(box)
    partner = company(mirror)

    take_back = claim(mirror, partner)
    mirror.look_again()
    mirror.sync(box)
    came = mirror.states(box)
    take_back()
    mirror.look_again()

    assert came == {("mirrored", "domain"): 1}
    assert mirror.states(box) == {("unmatched", "no_contact"): 1}
    mirror.check(box)
    # and once more: the traces of what went lead back to it
    if claim is _website_later:
        claim(mirror, partner)
        mirror.look_again()
        mirror.sync(box)
        assert mirror.states(box) == {("mirrored", "domain"): 1}


def test_the_reason_follows_the_contacts(mirror, server, lib, link):
    box = link()
    company(mirror, website=f"http://{mirror.domain}")
    server.put(*letters(lib, mirror, box, "stranger", "sales"))
    mirror.sync(box)

    contacts = [mirror.contact("stranger"), mirror.contact("sales")]
    mirror.look_again()
    mirror.sync(box)
    known = mirror.states(box)
    with mirror.env() as env:
        env["res.partner"].browse(contacts).unlink()
    mirror.look_again()

    assert known == {("mirrored", "contact"): 2}
    assert mirror.states(box) == {
        ("mirrored", "domain"): 1,
        ("excluded", "role_address"): 1,
    }
    mirror.check(box)


def test_contact_of_a_function_that_comes_while_its_page_is_read(
    mirror, server, lib, link
):
    box = link()
    company(mirror, website=f"http://{mirror.domain}")
    server.put(*letters(lib, mirror, box, "stranger", "sales"))
    made = []

    def and_then(_calls):
        if not made:
            made.append(mirror.contact("sales"))
            mirror.look_again()

    server.before["fetch"] = and_then
    mirror.sync(box)
    mirror.sync(box)

    assert made
    assert mirror.states(box) == {("mirrored", "domain"): 1, ("mirrored", "contact"): 1}
    mirror.check(box)


def test_contact_of_a_function_that_goes_while_its_page_is_read(
    mirror, server, lib, link
):
    box = link()
    company(mirror, website=f"http://{mirror.domain}")
    gone = [mirror.contact("sales")]
    server.put(*letters(lib, mirror, box, "stranger", "sales"))

    def and_then(_calls):
        with mirror.env() as env:
            env["res.partner"].browse(gone).unlink()
        mirror.look_again()
        gone.clear()

    server.before["fetch"] = and_then
    mirror.sync(box)
    mirror.sync(box)

    assert not gone
    assert mirror.states(box) == {
        ("mirrored", "domain"): 1,
        ("excluded", "role_address"): 1,
    }
    mirror.check(box)


def test_switched_on_and_off_it_acts_on_the_past(mirror, server, lib, link, matching):
    mirror.write("res.company", matching, mirror_match_domains=False)
    box = link()
    partner = company(mirror, website=f"http://{mirror.domain}")
    mirror.contact("known")
    server.put(*letters(lib, mirror, box, "stranger", "known"))
    mirror.sync(box)
    off = {("unmatched", "no_contact"): 1, ("mirrored", "contact"): 1}
    assert mirror.states(box) == off

    mirror.write("res.company", matching, mirror_match_domains=True)
    apply_changes(mirror)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "domain"): 1, ("mirrored", "contact"): 1}
    with mirror.env(box.user_id) as env:
        assert len(env["res.partner"].browse(partner).mirror_message_ids) == 2
    # what goes is told before: of few in the words for none
    with mirror.env() as env:
        pages = env["res.config.settings"]
        values = {"company_id": matching, "mirror_match_domains": False}
        told = pages.new(values).mirror_domains_preview
        assert "fewer than 10 mails of other people" in told
        unchanged = {**values, "mirror_match_domains": True}
        assert not pages.new(unchanged).mirror_domains_preview
    mirror.write("res.company", matching, mirror_match_domains=False)
    apply_changes(mirror)
    assert mirror.states(box) == off
    assert shown(mirror, box, partner) == []
    mirror.check(box)

    with mirror.env() as env:
        change = env["crm.mail.mirror.change"].search([], limit=1)
        change.action_undo()
        assert env["res.company"].browse(matching).mirror_match_domains
    apply_changes(mirror)
    mirror.sync(box)
    assert mirror.states(box)["mirrored", "domain"] == 1


def apply_changes(mirror):
    with mirror.env() as env:
        while env["crm.mail.mirror.change"]._run():
            pass


def test_a_bcc_is_shown_on_the_company_to_its_owner_alone(
    mirror, server, lib, link, matching
):
    anna = link("anna", sharing_out="everything")
    boss = mirror.user(
        "boss",
        company_id=matching,
        company_ids=[(6, 0, [matching])],
        mirror_visibility="4",
    )
    other = lib.Server()
    jon = mirror.link(
        "jon",
        other,
        user_id=mirror.user(
            "jon", company_id=matching, company_ids=[(6, 0, [matching])]
        ),
        company_id=matching,
        sharing_in="everything",
    )
    partner = company(mirror, website=f"http://{mirror.domain}")
    mirror.contact("known", email=f"known@y{mirror.domain}")
    blind = (lib.Address("", mirror.at("secret")),)
    values = {"tag": mirror.domain}
    server.put(
        lib.mail(1, anna.email, f"known@y{mirror.domain}", bcc=blind, **values),
        folder="Sent",
    )
    other.put(lib.mail(1, anna.email, f"known@y{mirror.domain}", **values))
    mirror.sync(anna, jon)

    assert len(shown(mirror, anna, partner)) == 1
    assert shown(mirror, jon, partner) == []
    with mirror.env(boss) as env:  # may read Anna's copy, with its Bcc
        assert len(env["res.partner"].browse(partner).mirror_message_ids) == 1


def test_the_best_claim_on_a_domain_counts(mirror, server, lib, link):
    box = link()
    owner = company(mirror, website=f"http://{mirror.domain}")
    hires = company(mirror, name="Beta")
    mirror.contact("consultant", parent_id=hires)
    server.put(*letters(lib, mirror, box, "stranger", "consultant"))

    mirror.sync(box)

    assert len(shown(mirror, box, owner)) == 2
    assert len(shown(mirror, box, hires)) == 1


def test_an_address_that_ten_contacts_share_matches_once(mirror, server, lib, link):
    box = link()
    partners = [
        mirror.contact("shared", parent_id=company(mirror, name=f"Acme {number}"))
        for number in range(10)
    ]
    mirror.contact("malformed", email=f"{mirror.domain}")
    server.put(*letters(lib, mirror, box, "shared"))

    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 1}
    assert all(len(shown(mirror, box, partner)) == 1 for partner in partners)


def test_gmail_is_asked_for_whole_domains(mirror, matching):
    company(mirror, website="http://bücher.example/shop", email="us@acme.test")
    mirror.contact("someone", email="else@private.test")

    with mirror.env() as env:
        directory = env["crm.mail.mirror.directory"]
        alone, listed = directory._all_known(), directory._all_known(domains=True)

    assert {"us@acme.test", "else@private.test"} <= set(alone)
    assert {"@xn--bcher-kva.example", "@acme.test", "else@private.test"} <= set(listed)
    assert "us@acme.test" not in listed
    assert listed == tuple(sorted(listed, key=str.encode))


def test_a_page_costs_one_query_that_finds_all_by_index(mirror, matching):
    """At 20,000 contacts; benchmarks measure ten times as many."""
    mirror.sql(
        """INSERT INTO res_partner (name, email, email_normalized, website, is_company,
                  active, type, commercial_partner_id)
           SELECT 'x', 'p' || n || '@d' || n || '.test',
                  'p' || n || '@d' || n || '.test',
                  'http://www.w' || n || '.test', TRUE, TRUE, 'contact', NULL
             FROM generate_series(1, 20000) AS n"""
    )
    mirror.sql("UPDATE res_partner SET commercial_partner_id = id WHERE name = 'x'")
    mirror.sql("ANALYZE res_partner")
    emails = {f"s{n}@w{n}.test" for n in range(100)}
    emails |= {f"p{n}@d{n}.test" for n in range(100, 200)}
    emails |= {f"q{n}@d{n}.test" for n in range(200, 300)}
    asked = []
    with mirror.env() as env:
        directory, real = env["crm.mail.mirror.directory"], env.cr.execute
        env.cr.execute = lambda query, *args: (asked.append(query), real(query, *args))
        start = time.monotonic()
        found = directory._look_up(emails)
        took = time.monotonic() - start
        del env.cr.execute
        env.cr.execute("EXPLAIN " + asked[0].code, list(asked[0].params))
        plan = "\n".join(line for (line,) in env.cr.fetchall())
    mirror.sql("DELETE FROM res_partner WHERE name = 'x'")

    assert len(asked) == 1
    assert found.known == {f"p{n}@d{n}.test" for n in range(100, 200)}
    assert len(found.known_domains) == 299, took
    assert "Seq Scan on res_partner p" not in plan, plan
    assert "_mirror_website_idx" in plan and "_mirror_email_domain_idx" in plan, plan


def test_postgresql_and_python_read_websites_alike(mirror, lib):
    from odoo.addons.crm_mail_mirror.engine.company_domains import website_domain
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_directory import (
        WEBSITE_HOST,
    )

    websites = {
        "https://www.Acme.test:8080/en?x=@y#z": "acme.test",
        "http://user:secret@acme.test.": "acme.test",
        "www.acme.test": "acme.test",
        "acme.test/about/http://other.test": "acme.test",
        "https://shop.acme.test": "shop.acme.test",
        "//": "",
        "": "",
        "nonsense with spaces": "",
        "<script>alert(1)</script>": "",
        "http://" + "a" * 10_000: "",
    }

    for website, expected in websites.items():
        assert website_domain(website) == expected, website
        ((host,),) = mirror.sql(
            f"SELECT {WEBSITE_HOST} FROM (SELECT %s AS website) AS p", website
        )
        if expected:
            assert host == expected
    # what no index takes whole is stored all the same
    company(mirror, website="http://" + "".join(map(str, range(3000))))
