# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Organisation: who stands above whom, and what somebody would see, before it is so."""

import pytest
from playwright.sync_api import expect

from tests.browser.office import wait

HIERARCHY = "/odoo/mirror-organisation"


@pytest.fixture(scope="module")
def tree(office) -> dict[str, int]:
    """Xaver, who sees the mail of all below him, above Yorick; Zacharias alone."""
    ids = {}
    for name in ("Xaver", "Yorick", "Zacharias"):
        ids[name] = office.uid(office.user(f"{name} Baum"))
    office.admin("res.users", "write", [ids["Xaver"]], {"mirror_visibility": "1"})
    office.admin(
        "res.users", "write", [ids["Yorick"]], {"mirror_manager_id": ids["Xaver"]}
    )
    return ids


def manager(office, user):
    (row,) = office.admin("res.users", "read", [user], ["mirror_manager_id"])
    return row["mirror_manager_id"] and row["mirror_manager_id"][0]


def card(desk, name):
    return desk.page.locator(".o_hierarchy_node", has_text=name)


def drag(desk, name, onto):
    """With the mouse; the cards close ranks once one of them is taken out."""
    mouse, page = desk.page.mouse, desk.page
    start = card(desk, name).bounding_box()
    x, y = start["x"] + 80, start["y"] + 25
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 15, y + 15, steps=5)
    expect(page.locator(".o_hierarchy_dragged")).to_have_count(1)
    end = card(desk, onto).bounding_box()
    mouse.move(end["x"] + 80, end["y"] + 30, steps=10)
    target = page.locator(".o_hierarchy_node_container.o_hierarchy_hover")
    expect(target).to_contain_text(onto)
    mouse.up()


def test_who_is_dragged_onto_a_manager_moves_once_it_was_said_what_comes_of_it(
    office, tree, desk, eye
):
    admin = desk("admin")
    looks = eye(admin)
    admin.go(HIERARCHY)
    admin.search("User", "Baum")
    expect(admin.page.locator(".o_hierarchy_node")).to_have_count(3)

    drag(admin, "Zacharias Baum", "Xaver Baum")

    dialog = admin.page.locator(".modal")
    expect(dialog).to_contain_text("Let Zacharias Baum report to Xaver Baum?")
    expect(dialog).to_contain_text(
        "Xaver Baum would see the mail of Zacharias Baum as well."
    )
    looks.look("move to another manager", ".modal", phone=False)
    dialog.get_by_role("button", name="Leave as it is").click()
    expect(dialog).to_have_count(0)
    assert not manager(office, tree["Zacharias"])

    drag(admin, "Zacharias Baum", "Xaver Baum")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog).to_have_count(0)
    wait(lambda: manager(office, tree["Zacharias"]) == tree["Xaver"])
    office.admin(
        "res.users", "write", [tree["Zacharias"]], {"mirror_manager_id": False}
    )


def test_what_somebody_sees_is_told_before_it_is_saved(office, tree, desk):
    admin = desk("admin")
    admin.go(f"{HIERARCHY}/{tree['Xaver']}")
    form = admin.page.locator(".o_form_view")
    sight = form.locator("[name=mirror_sight]")
    expect(sight).to_have_text(
        "Xaver Baum sees the mail of one colleague, as far as they share it:"
        " Yorick Baum. Without a mailbox here so far: 1."
    )

    form.get_by_label("0: own mail").check()
    expect(sight).to_have_text("Xaver Baum sees only their own mail.")
    change = form.locator("[name=mirror_sight_change]")
    expect(change).to_contain_text("No longer: Yorick Baum.")

    form.get_by_label("4: of everyone").check()
    expect(change).to_contain_text("New: ")
    admin.page.locator(".o_form_button_cancel").click()
    expect(sight).to_contain_text("one colleague")
    (row,) = office.admin("res.users", "read", [tree["Xaver"]], ["mirror_visibility"])
    assert row["mirror_visibility"] == "1"


def test_a_loop_is_explained(office, tree, desk):
    admin = desk("admin")
    admin.go(f"{HIERARCHY}/{tree['Xaver']}")

    field = admin.field("mirror_manager_id").locator("input")
    field.fill("Yorick Baum")
    admin.page.locator(".o-autocomplete--dropdown-item", has_text="Yorick Baum").click()

    expect(admin.page.locator("div[name=loop]")).to_contain_text(
        "Xaver Baum cannot report to Yorick Baum, who stands below Xaver Baum."
    )
    admin.page.locator(".o_form_button_cancel").click()


def test_managers_and_levels_are_also_a_list(office, tree, desk):
    admin = desk("admin")
    admin.go(f"{HIERARCHY}?view_type=list")
    admin.search("User", "Baum")

    row = admin.page.locator("tr.o_data_row", has_text="Yorick Baum")

    expect(row.locator("td[name=mirror_manager_id]")).to_contain_text("Xaver Baum")
    expect(row.locator("td[name=mirror_sees]")).to_have_text("Mailboxes: 0")


def test_organisation_on_a_phone(office, tree, desk):
    admin = desk("admin", width=400, height=800)
    admin.go(HIERARCHY)
    expect(card(admin, "Xaver Baum")).to_be_visible()
    admin.expect_no_sideways_scrolling()
    card(admin, "Xaver Baum").locator(".o_hierarchy_node_content").click()
    expect(admin.page.locator("[name=mirror_sight]")).to_be_visible()
    admin.expect_no_sideways_scrolling()
