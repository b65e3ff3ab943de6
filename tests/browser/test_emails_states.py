# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The page Emails when there is nothing, or when something went wrong: it says so."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.desk import CONVERSATION, MAIL

VERA = "Vera Vogel <vera@vogel.example>"
EMPTY = ".o_crm_mail_mirror_empty"
FAILURE = ".o_crm_mail_mirror_failure"
#: The page Emails in a form of Odoo.
PAGE = ".o_notebook .tab-pane.active"
#: Stella's mail is here from that day on.
SINCE = date.today() - timedelta(days=30)


@pytest.fixture(scope="module")
def vera(office) -> int:
    """A contact who wrote to Stella."""
    stella = office.user("Stella States")
    contact = office.contact("Vera Vogel", "vera@vogel.example")
    for subject in ("First", "Second", "Third"):
        office.letter(stella, sender=VERA, subject=subject, text=f"Text of {subject}")
    office.link(stella, 3, sharing_in="everything", sync_from=f"{SINCE}")
    return contact


@pytest.fixture
def stella(vera, desk):
    return desk("stella")


def test_without_a_mailbox_a_button_leads_to_linking_one(vera, office, desk):
    nobody = desk(office.user("Norbert Notlinked"))
    shown = nobody.emails("res.partner", vera)
    empty = shown.locator(f"{EMPTY}[data-reason=no_mailbox]")
    expect(empty).to_contain_text("No mailbox of yours is linked.")
    # no chips, no search over nothing
    expect(shown.locator(".o_crm_mail_mirror_filters")).to_have_count(0)
    empty.get_by_role("button", name="Link a mailbox").click()
    expect(nobody.cards().first).to_be_visible()


def test_without_an_address_it_can_be_filled_in_there(stella, office):
    contact = office.contact("Addie Addressless", False)
    shown = stella.emails("res.partner", contact)
    empty = shown.locator(f"{EMPTY}[data-reason=no_address]")
    expect(empty).to_contain_text("Addie Addressless has no mail address.")
    empty.get_by_label("Email address").fill("addie@vogel.example")
    empty.get_by_role("button", name="Save the address").click()
    nothing = shown.locator(f"{EMPTY}[data-reason=nothing]")
    expect(nothing).to_contain_text("There is no mail with Addie Addressless")
    (row,) = office.admin("res.partner", "read", [contact], ["email"])
    assert row["email"] == "addie@vogel.example"

    # there may be some from before the day that was chosen
    expect(nothing).to_contain_text(
        f"Your mail is mirrored since {SINCE:%m/%d/%Y}: you can choose an earlier day."
    )
    nothing.get_by_role("button", name="My mailboxes").click()
    expect(stella.page.locator(".o_crm_mail_mirror_cards")).to_be_visible()

    # that of a colleague is no correspondent's
    contact = office.contact("Olga Ours", office.address("stella"))
    shown = stella.emails("res.partner", contact)
    own = shown.locator(f"{EMPTY}[data-reason=own_address]")
    expect(own).to_contain_text("stella@ours.example belongs to a colleague.")
    expect(own).to_contain_text("Internal mail is not mirrored.")


def test_nothing_shared_names_who_could(vera, office, desk):
    sigrid = office.user("Sigrid Salesless")
    office.link(sigrid, 0)
    contact = office.contact(
        "Owned Otter", "otter@vogel.example", user_id=office.uid("stella")
    )
    shown = desk(sigrid).emails("res.partner", contact)
    empty = shown.locator(f"{EMPTY}[data-reason=nothing_shared]")
    expect(empty.locator(".o_crm_mail_mirror_who")).to_contain_text("Stella States")


def test_a_mail_that_goes_while_it_is_read_is_told_to_be_gone(
    stella, vera, office, eye
):
    looks = eye(stella)
    shown = stella.emails("res.partner", vera)
    mails = stella.read(shown, "Third")
    expect(mails.first).to_contain_text("Text of Third")
    message = int(mails.first.get_attribute("data-message"))
    session = office.session("stella")
    session("crm.mail.mirror.message", "action_remove", [message])

    # read again
    shown.locator(CONVERSATION, has_text="Third").click()

    gone = shown.locator(".o_crm_mail_mirror_gone")
    expect(gone).to_contain_text("This mail is no longer here")
    expect(shown).not_to_contain_text("Text of Third")
    looks.look("mail that is gone", PAGE)
    gone.get_by_role("button", name="Close").click()
    expect(shown.locator(".o_crm_mail_mirror_subject")).to_have_text(
        ["First", "Second"]
    )


def test_a_lost_connection_leaves_what_was_read_and_is_tried_again(stella, vera, eye):
    looks = eye(stella)
    shown = stella.emails("res.partner", vera)
    stella.read(shown, "First")
    stella.page.context.set_offline(True)
    shown.locator(CONVERSATION, has_text="First").click()
    failure = shown.locator(FAILURE)
    expect(failure).to_contain_text("There is no connection to the server.")
    expect(shown.locator(MAIL)).to_contain_text("Text of First")
    expect(shown.locator(CONVERSATION)).not_to_have_count(0)
    looks.look("connection lost", PAGE, phone=False)

    stella.page.context.set_offline(False)
    failure.get_by_role("button", name="Try again").click()
    expect(failure).to_have_count(0)
    expect(shown.locator(MAIL)).to_contain_text("Text of First")
    # the browser's own words about the network are no error of ours
    stella.errors[:] = [e for e in stella.errors if "ERR_INTERNET" not in e]


def test_a_session_that_ended_is_told_with_a_way_to_sign_in(stella, vera, eye):
    looks = eye(stella)
    shown = stella.emails("res.partner", vera)
    stella.read(shown, "First")
    stella.page.context.clear_cookies()
    shown.locator(CONVERSATION, has_text="Second").click()
    failure = shown.locator(FAILURE)
    expect(failure).to_contain_text("Your session has ended.")
    expect(failure.get_by_role("button", name="Sign in")).to_be_visible()
    looks.look("session ended", PAGE, phone=False)


#: Keeps how far the bar was, as often as it changes.
WATCH = """() => {
    window.seen = [];
    const look = () => {
        const bar = document.querySelector("[data-reason=importing] .progress");
        const now = bar?.getAttribute("aria-valuenow");
        if (now && window.seen.at(-1) !== now) {
            window.seen.push(now);
        }
    };
    new MutationObserver(look).observe(document.body, {
        subtree: true, childList: true, attributes: true,
    });
    look();
}"""


def test_while_the_first_mails_come_a_bar_moves_by_itself(office, desk, eye, postgres):
    login = office.user("Filip First")
    contact = office.contact("Ferry Fern", "ferry@fern.example")
    for number in range(300):
        office.letter(login, sender="ferry@fern.example", subject=f"Order {number}")
    mailbox = office.connect(login)
    values = {"email": "filips.second@ours.example", "imap_host": "localhost"}
    second = office.session(login).create("crm.mail.mirror.mailbox", **values)
    # as if it had come so far, and went on tomorrow; and the second had just begun
    for each, done, total in ((mailbox, 160, 300), (second, 0, 100)):
        postgres.sql(
            f"UPDATE crm_mail_mirror_mailbox SET state = 'active',"
            f" progress_done = {done}, progress_total = {total}, listing = 'first',"
            f" next_sync_at = now() AT TIME ZONE 'UTC' + interval '1 hour'"
            f" WHERE id = {each}",
            office.server.dbname,
        )
    filip = desk(login)
    looks = eye(filip)
    shown = filip.emails("res.partner", contact)
    empty = shown.locator(f"{EMPTY}[data-reason=importing]")
    bar = empty.get_by_role("progressbar", name="First import")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    expect(empty).to_contain_text("160 of 400 mails looked at")
    looks.look("first import", PAGE)
    office.wait_until_there(login)
    filip.page.evaluate(WATCH)

    office.session(login)("crm.mail.mirror.mailbox", "action_sync_now", [mailbox])

    # nobody loads the page again
    expect(shown.locator(CONVERSATION).first).to_contain_text("Ferry Fern")
    expect(empty).to_have_count(0)
    seen = filip.page.evaluate("window.seen")
    assert seen[0] == "40" and len(seen) > 1, seen
    # both together: a quarter has not come yet
    assert max(map(int, seen)) <= 75, seen


def test_of_a_mailbox_that_is_paused_newer_mail_may_be_missing(
    vera, office, desk, eye, postgres
):
    late = office.user("Lasse Late")
    office.letter(late, sender=VERA, subject="Before the pause")
    mailbox = office.link(late, 1)
    office.session(late)("crm.mail.mirror.mailbox", "action_pause", [mailbox])
    lasse = desk(late)
    looks = eye(lasse)
    shown = lasse.emails("res.partner", vera)
    line = shown.locator(".o_crm_mail_mirror_stale")
    expect(line).to_contain_text("newer mail may be missing")
    expect(line).to_contain_text("is paused")
    expect(line.get_by_role("button", name="Check now")).to_have_count(0)
    looks.look("a mailbox lags behind", PAGE)

    # colleagues read since when it waits for its owner
    postgres.sql(
        "UPDATE crm_mail_mirror_mailbox SET state = 'needs_login', failing_since ="
        f" now() - interval '2 days' WHERE id = {mailbox}",
        office.server.dbname,
    )
    reader = office.user("Nora Needs", mirror_visibility="4")
    line = desk(reader).emails("res.partner", vera).locator(".o_crm_mail_mirror_stale")
    expect(line).to_contain_text("Lasse Late's mailbox was last checked")
    expect(line).to_contain_text("It has needed its owner's sign-in since")


def test_ones_own_mailbox_that_is_late_is_checked_from_there(
    vera, office, desk, postgres
):
    slow = office.user("Silas Slow")
    office.letter(slow, sender=VERA, subject="In time")
    mailbox = office.link(slow, 1)
    postgres.sql(
        "UPDATE crm_mail_mirror_mailbox SET last_sync_at = now() - interval '3 hours',"
        f" next_sync_at = now() AT TIME ZONE 'UTC' + interval '1 hour'"
        f" WHERE id = {mailbox}",
        office.server.dbname,
    )
    office.letter(slow, sender=VERA, subject="Came meanwhile")
    silas = desk(slow)
    shown = silas.emails("res.partner", vera)
    line = shown.locator(".o_crm_mail_mirror_stale")
    expect(line).to_contain_text(office.address(slow))

    first, rows = [], []

    def found_further_on(route):
        """A first page is empty, as while a search goes on: when it is refreshed."""
        told = route.request.post_data_json
        if told["params"]["kwargs"].pop("before", None):
            rows.append(shown.locator(CONVERSATION).count())
        elif first:
            empty = {"conversations": [], "next": "further on"}
            return route.fulfill(json={"result": empty})
        first.append(told)
        return route.continue_(post_data=told)

    silas.page.route("**/get_conversations", found_further_on)
    line.get_by_role("button", name="Check now").click()
    # the list follows by itself when the mailbox was looked at
    expect(line).to_have_count(0)
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    expect(subjects).to_have_text(["In time", "Came meanwhile"])
    assert all(rows), "the list was empty in between"
