# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What a colleague of each level finds on a contact, and what stays masked there.

The chart::

    head ── peer ── peer's report
        └── viewer ── report ── intern
    stranger (nowhere in it)
"""

import pytest
from playwright.sync_api import expect

#: login -> what its mailbox shares of received mail
SHARED = {
    "head": "everything",
    "petra": "subject",
    "paolo": "metadata",
    "rita": "everything",
    "ivan": "metadata",
    "viewer": "metadata",
    "stranger": "everything",
}
#: Whose mail each level shows.
SEEN = {
    "0": {"viewer"},
    "1": {"viewer", "rita", "ivan"},
    "2": {"viewer", "rita", "ivan", "petra"},
    "3": {"viewer", "rita", "ivan", "petra", "paolo"},
    "4": set(SHARED),
}
LABELS = {
    "0": "0: own mail",
    "1": "1: and of everyone below",
    "2": "2: and of peers (same manager)",
    "3": "3: and of everyone below peers",
    "4": "4: of everyone",
}


@pytest.fixture(scope="module")
def contact(office) -> int:
    """A contact who wrote one mail to each of us."""
    for login in SHARED:
        office.user(f"{login.title()} Levels")
    for report, manager in (
        ("viewer", "head"),
        ("petra", "head"),
        ("paolo", "petra"),
        ("rita", "viewer"),
        ("ivan", "rita"),
    ):
        office.admin(
            "res.users",
            "write",
            [office.uid(report)],
            {"mirror_manager_id": office.uid(manager)},
        )
    contact = office.contact("Zoe Zimmer", "zoe@levels.example")
    for login, sharing in SHARED.items():
        office.letter(
            login,
            sender="Zoe Zimmer <zoe@levels.example>",
            subject=f"Subject for {login}",
            text=f"Text for {login}",
        )
        office.link(login, 1, sharing_in=sharing)
    return contact


def test_each_level_shows_its_mail_at_the_next_click(office, contact, desk):
    admin, viewer = desk("admin"), desk("viewer")
    for level, seen in SEEN.items():
        # the administrator chooses the level in the one list for it
        admin.go("/odoo/action-crm_mail_mirror.res_users_action_mirror")
        row = admin.page.locator("tr.o_data_row:has(td[name=login]:text-is('viewer'))")
        row.locator("td[name=login]").click()
        form = admin.page.locator(".o_form_view")
        admin.tick(form.get_by_label(LABELS[level]))
        if level != "0":  # as it was
            # nothing is saved before it was told
            change = form.locator("[name=mirror_sight_change]")
            expect(change).to_contain_text("New: ")
            admin.page.locator(".o_form_button_save").click()
            expect(change).to_have_count(0)

        rows = viewer.conversations(viewer.emails("res.partner", contact))

        assert {login for login in SHARED if _row(rows, login)} == seen
        assert len(rows) == len(seen)
        for login in seen:
            _assert_masked(_row(rows, login), login)


def test_an_opened_mail_says_what_is_not_shared(office, contact, desk):
    office.admin(
        "res.users", "write", [office.uid("viewer")], {"mirror_visibility": "4"}
    )
    viewer = desk("viewer")
    for login, subject, notice in (
        ("stranger", "Subject for stranger", None),
        ("petra", "Subject for petra", "The text is not shared with you."),
        (
            "paolo",
            "Subject not shared with you",
            "Subject and text are not shared with you.",
        ),
    ):
        shown = viewer.emails("res.partner", contact)
        mail = viewer.read(shown, f"in {login.title()} Levels’s mailbox").first
        heading = shown.locator(".o_crm_mail_mirror_heading")
        expect(heading).to_have_text(subject)
        expect(mail).to_contain_text("Zoe Zimmer")
        mail.locator(".o_crm_mail_mirror_to").click()
        expect(mail).to_contain_text("zoe@levels.example")
        expect(mail).to_contain_text(f"{login}@ours.example")
        if notice:
            expect(mail.locator(".alert")).to_contain_text(notice)
            expect(mail).not_to_contain_text(f"Text for {login}")
        else:
            text = mail.locator(".o_crm_mail_mirror_text")
            expect(text).to_have_text(f"Text for {login}")


def _row(rows: list[str], login: str) -> str:
    name = f"{login.title()} Levels’s"
    whose = "in your mailbox" if login == "viewer" else f"in {name} mailbox"
    return next((row for row in rows if whose in row), "")


def _assert_masked(row: str, login: str) -> None:
    """The row shows exactly what the owner shares."""
    shared = "everything" if login == "viewer" else SHARED[login]
    assert ("Subject for" in row) == (shared != "metadata")
    assert ("Text for" in row) == (shared == "everything")
    assert ("not shared with you" in row) == (shared != "everything")
