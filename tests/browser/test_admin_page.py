# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Administrators: who has linked a mailbox, and how do all of them fare?"""

from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.browser.office import wait

#: Of a mailbox that nobody looks at for an hour: what is due later than any job puts it
#: is taken for the work of a wrong clock, and mended.
AT_REST = {
    "state": "'active'",
    "listing": "NULL",
    "last_sync_at": "now()",
    "last_change_at": "now()",
    "next_sync_at": "now() AT TIME ZONE 'UTC' + interval '1 hour'",
}
#: Further states: the words beside each, and what makes it so.
STATES = {
    "Linked, not started": ("has not started the mirror yet", {"state": "'ready'"}),
    "Importing": (
        "First import: 40 % of it is here.",
        {"listing": "'first'", "progress_done": "40", "progress_total": "100"},
    ),
    "Quiet": (
        "nothing came since",
        {"last_change_at": "now() - interval '9 days'"},
    ),
    "Failing": (
        "Next try",
        {
            "failure_count": "3",
            "last_error": "'port_closed'",
            "failing_since": "now() - interval '2 days'",
        },
    ),
}


@pytest.fixture(scope="module")
def people(office) -> dict[str, str]:
    """Logins: without a mailbox, with one that fares well, with one shut out."""
    logins = {
        "without": office.user("Balduin Adoption"),
        "well": office.user("Ludmilla Adoption"),
        "out": office.user("Quirina Adoption"),
    }
    office.contact("Adele", "adele@adoption.example")
    # mails of a first import are told in tens
    for number in range(10):
        office.letter(
            logins["well"],
            sender="adele@adoption.example",
            subject=f"Plan Omega {number}",
        )
    office.link(logins["well"], 10, sharing_in="everything")
    mailbox = office.link(logins["out"], 0)
    office.change_mail_password(logins["out"], "changed")
    office.session(logins["out"])(
        "crm.mail.mirror.mailbox", "action_sync_now", [mailbox]
    )
    wait(lambda: office.mailboxes(logins["out"], "state")[0]["state"] == "needs_login")
    return logins


@pytest.fixture(scope="module")
def many(office, postgres) -> None:
    """A user with a mailbox in each of the further states."""
    session = office.session(office.user("Stefanie Many"))
    for number, (_told, change) in enumerate(STATES.values()):
        mailbox = session.create(
            "crm.mail.mirror.mailbox", email=f"box{number}@many.example"
        )
        columns = ", ".join(f"{c} = {v}" for c, v in (AT_REST | change).items())
        postgres.sql(
            f"UPDATE crm_mail_mirror_mailbox SET {columns} WHERE id = {mailbox}",
            office.server.dbname,
        )


def menu(desk, name):
    """One of the administrators' entries, found as somebody new would."""
    desk.go("/odoo/action-crm_mail_mirror.crm_mail_mirror_exclusion_action")
    desk.page.locator(".o_menu_sections button", has_text="Administration").click()
    desk.page.get_by_role("menuitem", name=name, exact=True).click()
    expect(desk.page.locator(".o_breadcrumb")).to_contain_text(name)


def test_all_users_are_listed_with_their_state_and_can_be_invited(office, people, desk):
    admin = desk("admin", width=1600)

    menu(admin, "Users & Mailboxes")
    admin.search("User or mailbox", "Adoption")

    rows = admin.page.locator("tr.o_data_row")
    expect(rows).to_have_count(3)
    without, well = rows.filter(has_text="Balduin"), rows.filter(has_text="Ludmilla")
    out = rows.filter(has_text="Quirina")
    expect(without.locator("td[name=status]")).to_have_text("Not invited")
    expect(well.locator("td[name=status]")).to_have_text("Healthy")
    expect(well.locator("td[name=address]")).to_have_text("ludmilla@ours.example")
    expect(well.locator("td[name=next_sync_at]")).not_to_be_empty()
    expect(out.locator("td[name=status]")).to_have_text("Needs login")
    expect(out.locator("td[name=told]")).to_contain_text("does not accept this login")
    expect(out.locator("td[name=failing_since]")).not_to_be_empty()
    expect(admin.page.locator(".o_action_manager")).not_to_contain_text("Plan Omega")

    # the rest: asked before
    admin.page.locator("button[name=action_invite_rest]:visible").click()
    dialog = admin.page.locator(".modal")
    expect(dialog).to_contain_text("gets an invitation, in their language")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)

    without.locator("button[name=action_invite]").click()
    expect(admin.page.locator(".o_notification")).to_contain_text("1 user was invited.")
    expect(without.locator("td[name=status]")).to_have_text("Invited")
    uid = office.uid(people["without"])
    notices = office.admin(
        "mail.message",
        "search_count",
        [
            ("body", "ilike", f"/odoo/my-preferences/{uid}"),
            ("message_type", "=", "user_notification"),
        ],
    )
    assert notices == 1

    # those alone that need somebody
    admin.filter("Needs login")
    expect(rows).to_have_count(1)
    expect(out).to_have_count(1)

    # all others are invited at once; Balduin was a moment ago
    rita = office.uid(office.user("Rita Rest"))
    admin.page.locator("button[name=action_invite_rest]:visible").click()
    dialog.get_by_role("button", name="Invite them").click()
    expect(admin.page.locator(".o_notification").last).to_contain_text(
        "1 user was invited. Invited less than a week ago: 1."
    )
    (invited,) = office.admin(
        *("crm.mail.mirror.adoption", "search_read"), [("user_id", "=", rita)]
    )
    assert invited["status"] == "invited"


def test_every_state_is_told_grouped_and_exported(office, many, desk):
    admin = desk("admin", width=1600)
    admin.go("/odoo/mirror-users")
    admin.search("User or mailbox", "Stefanie Many")
    rows = admin.page.locator("tr.o_data_row")
    expect(rows).to_have_count(len(STATES))
    for number, (status, (told, _change)) in enumerate(STATES.items()):
        row = rows.filter(has_text=f"box{number}@many.example")
        expect(row.locator("td[name=status]")).to_have_text(status)
        expect(row.locator("td[name=told]")).to_contain_text(told)
    since = rows.filter(has_text="Failing").locator("td[name=failing_since]")
    expect(since).not_to_be_empty()

    admin.page.locator(".o_cp_action_menus .dropdown-toggle").click()
    with admin.page.expect_download() as begun:
        admin.page.locator(".o_export_all_menu").click()
    with ZipFile(begun.value.path()) as book:
        written = book.read("xl/sharedStrings.xml").decode()
    assert "box0@many.example" in written
    assert [status for status in STATES if status not in written] == []

    admin.filter("Status")
    groups = admin.page.locator(".o_group_header", has_text="(1)")
    expect(groups).to_contain_text(list(STATES))


def test_cards_stand_under_their_state(office, people, desk):
    admin = desk("admin")
    admin.go("/odoo/mirror-users?view_type=kanban")
    admin.search("User or mailbox", "Adoption")

    column = admin.page.locator(".o_kanban_group", has_text="Needs login")
    card = column.locator(".o_kanban_record")

    expect(card).to_have_count(1)
    expect(card).to_contain_text("Quirina Adoption")
    expect(card).to_contain_text("does not accept this login")
    card.click()
    expect(admin.page.locator(".o_form_view")).to_contain_text("quirina@ours.example")


def test_health_in_pictures_and_in_numbers(office, people, desk):
    admin = desk("admin", width=1600)

    menu(admin, "Health")

    page = admin.page
    for name, line in (
        ("mails", "Mails mirrored"),
        ("delay", "95 % is here within"),
        ("failures", "Password refused"),
        ("states", "Users and mailboxes"),
    ):
        chart = page.locator(f"[data-chart={name}]")
        expect(chart.locator("canvas")).to_be_visible()
        expect(chart.locator("table")).to_contain_text(line)
    mailed = page.locator("[data-chart=mails] tbody tr")
    expect(mailed).to_have_count(30)
    expect(mailed.last.locator("td")).not_to_have_text("0")
    page.get_by_role("button", name="7 days").click()
    expect(mailed).to_have_count(7)

    page.locator("[data-status=needs_login]").click()
    rows = page.locator("tr.o_data_row")
    expect(rows.filter(has_text="Quirina")).to_have_count(1)
    expect(rows.filter(has_text="Ludmilla")).to_have_count(0)

    for chart, title in (
        ("mails", "Mails a Day"),
        ("delay", "From Arrival to Mirror"),
        ("failures", "Errors by Kind"),
    ):
        admin.go("/odoo/mirror-health")
        page.locator(f"[data-chart={chart}]").get_by_role("button").click()
        expect(page.locator(".o_breadcrumb")).to_contain_text(title)
        expect(page.locator(".o_graph_view")).to_be_visible()
        page.locator(".o_switch_view.o_pivot").click()
        expect(page.locator(".o_pivot_view table, .o_view_nocontent")).to_be_visible()


def test_administrators_pages_fit_a_phone(office, people, desk):
    admin = desk("admin", width=400, height=800)
    for path, shown in (
        ("mirror-health", "[data-chart=states] canvas"),
        ("mirror-users", ".o_kanban_view, .o_list_view"),
    ):
        admin.go(f"/odoo/{path}")
        expect(admin.page.locator(shown).first).to_be_visible()
        admin.expect_no_sideways_scrolling()


def test_nobody_else_finds_them(office, people, desk):
    user = desk(people["well"])
    user.go("/odoo/mirrored-emails")
    expect(user.page.locator(".o_menu_sections")).to_contain_text("Emails")
    expect(user.page.locator(".o_menu_sections")).not_to_contain_text("Administration")
