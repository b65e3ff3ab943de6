# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mail that is made to break the page Emails: it stays text, and the page whole."""

import pytest
from playwright.sync_api import expect

from tests.browser.desk import CONVERSATION

MALLORY = "Mallory <mallory@hostile.example>"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
TURNED = "invoice\u202egpj.exe"
LONG_LINK = "https://long.example/" + "x" * 5000
FOREIGN = "https://\u0430pple.com/login"  # its first letter is Cyrillic
MASKED = "https://bank.example@evil.example/pay"
#: Stands where the text that is shown at once ends.
HALF = "https://half.example/" + "a" * 100
#: Longer than what the server sends at once.
ENDLESS = "https://endless.example/" + "y" * 120_000
#: What a reader of HTML sees of it is one word.
STYLED = (
    "<html><head><style>p {color: red}</style></head><body><p onclick='alert(1)'>Seen"
    "</p><script>document.title = 'owned'</script></body></html>"
)
#: Two million characters, of which as many lines are kept as half a million have.
LINE, KEPT = "line {:07d}\n", 500_000 // 13
#: Its letter o is Cyrillic.
LOOKALIKE = "mallory@" + "h\u043estile.example".encode("idna").decode()
CROWD = 5000
#: subject, text, attachment
MAILS = {
    "script": (SCRIPT, SCRIPT, ""),
    "long": ("W" * 10_000, f"Before {LONG_LINK} after", ""),
    "turned": (f"Read {TURNED} now", f"\u202eabc\u202c {TURNED}", f"{TURNED}"),
    "quoted": ("Levels", "\n".join(">" * n + " deep" for n in range(1, 1001)), ""),
    "emoji": ("\U0001f469\u200d\U0001f680" * 40, "\U0001f600" * 2000, "../../x"),
    "white": ("", " \n\t\n ", ""),
    "links": ("Links", f"{FOREIGN} {MASKED} javascript:alert(1)", ""),
    "half": ("Half a link", "words " * 997 + HALF, ""),
    "endless": ("Endless", ENDLESS, ""),
}
WIDTHS = {
    "desk": {"width": 1400, "height": 900},
    "phone": {"width": 400, "height": 800, "is_mobile": True, "has_touch": True},
}
#: Is anything of ours wider than its place?
TOO_WIDE = """() => [
    document.documentElement,
    ...document.querySelectorAll(
        ".o_crm_mail_mirror_emails, .o_crm_mail_mirror_list, .o_crm_mail_mirror_pane"
    ),
]
.filter((each) => each.scrollWidth > each.clientWidth + 1)
.map((each) => each.className)
"""


@pytest.fixture(scope="module")
def mallory(office) -> int:
    hugo = office.user("Hugo Hostile")
    contact = office.contact("Mallory", "mallory@hostile.example")
    for subject, text, attachment in MAILS.values():
        office.letter(
            hugo, sender=MALLORY, subject=subject, text=text, attachment=attachment
        )
    office.letter(
        hugo,
        sender=MALLORY,
        to=", ".join(f"reader{n}@crowd.example" for n in range(CROWD)),
        cc=office.address(hugo),
        subject="Crowd",
    )
    huge = "".join(LINE.format(n) for n in range(2_000_000 // 13))
    office.letter(hugo, sender=MALLORY, subject="Two megabytes", text=huge)
    office.letter(hugo, sender=MALLORY, subject="Styled", text=STYLED, html=True)
    copied = {"to": office.address(hugo), "cc": MALLORY}
    office.letter(hugo, sender=None, subject="From nobody", **copied)
    office.letter(hugo, sender=LOOKALIKE, subject="Looks alike", **copied)
    office.link(hugo, len(MAILS) + 5)
    return contact


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_mail_stays_text_and_breaks_no_layout(mallory, desk, width):
    hugo = desk("hugo", **WIDTHS[width])
    dialogs = []
    hugo.page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
    shown = hugo.emails("res.partner", mallory)
    rows = shown.locator(CONVERSATION)
    count = rows.count()
    assert count >= len(MAILS)
    for place in range(count):
        rows.nth(place).click()
        expect(shown.locator(".o_crm_mail_mirror_mail").first).to_be_visible()
        for button in ("Show quoted text", "Show the whole text"):
            if shown.get_by_role("button", name=button).count():
                shown.get_by_role("button", name=button).click()
        for people in shown.locator(".o_crm_mail_mirror_to").all():
            people.click()
        assert hugo.page.evaluate(TOO_WIDE) == []
        if width == "phone":
            shown.get_by_role("button", name="Back").click()
            expect(rows).to_have_count(count)
    assert dialogs == []
    assert "owned" not in hugo.page.title()
    assert shown.locator("script, img[src='x']").count() == 0


def test_script_is_shown_as_it_was_written(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    mail = hugo.read(shown, "<script>").first
    expect(mail.locator(".o_crm_mail_mirror_text")).to_have_text(SCRIPT)


def test_style_script_and_paths_are_no_words(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    text = hugo.read(shown, "Styled").first.locator(".o_crm_mail_mirror_text")
    expect(text).to_have_text("Seen")
    mail = hugo.read(shown, "\U0001f469").first
    name = mail.locator(".o_crm_mail_mirror_attachment bdi")
    expect(name).to_have_text("x")  # of ../../x


def test_two_megabytes_and_a_crowd_are_shown_on_demand(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    mail = hugo.read(shown, "Two megabytes").first
    expect(mail).to_contain_text(LINE.format(0).strip())
    last = LINE.format(KEPT - 1).strip()
    expect(mail).not_to_contain_text(last)
    mail.get_by_role("button", name="Show the whole text").click()
    expect(mail).to_contain_text(last)

    mail = hugo.read(shown, "Crowd").first
    mail.locator(".o_crm_mail_mirror_to").click()
    to = mail.locator("[data-role=to]")
    expect(to.locator(".o_crm_mail_mirror_person")).to_have_count(50)
    expect(to).to_contain_text(f"and {CROWD - 50} more")


def test_letters_stand_in_their_true_order(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    mail = hugo.read(shown, "invoice").first
    assert "\u202e" not in shown.inner_text()
    expect(mail.locator(".o_crm_mail_mirror_attachment")).to_contain_text(
        "invoicegpj.exe"
    )


def test_a_link_says_where_it_really_leads(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    links = hugo.read(shown, "Links").first.locator(".o_crm_mail_mirror_link")
    # no protocol but http, https and mailto
    expect(links).to_have_count(2)
    dialog = hugo.page.locator(".o_crm_mail_mirror_link_dialog")
    for place, host, warning in (
        (0, "xn--pple-43d.com", ".o_crm_mail_mirror_foreign"),
        (1, "evil.example", ".o_crm_mail_mirror_user"),
    ):
        links.nth(place).click()
        expect(dialog.locator("strong").first).to_have_text(host)
        expect(dialog.locator(warning)).to_be_visible()
        dialog.get_by_role("button", name="Stay here").click()
        expect(dialog).to_have_count(0)


def test_half_of_a_link_is_no_link(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    link = hugo.read(shown, "Half a link").first.locator(".o_crm_mail_mirror_link")
    link.click()
    dialog = hugo.page.locator(".o_crm_mail_mirror_link_dialog")
    expect(dialog.locator(".o_crm_mail_mirror_address")).to_have_text(HALF)
    dialog.get_by_role("button", name="Stay here").click()

    # of this one the server sends the beginning
    endless = hugo.read(shown, "Endless").first
    expect(endless).to_contain_text("https://endless.example/y")
    links = endless.locator(".o_crm_mail_mirror_link")
    expect(links).to_have_count(0)
    endless.get_by_role("button", name="Show the whole text").click()
    expect(links).to_have_count(1)


def test_a_mail_that_names_no_sender_is_read_all_the_same(mallory, desk):
    hugo = desk("hugo")
    mail = hugo.read(hugo.emails("res.partner", mallory), "From nobody").first
    expect(mail.locator(".o_crm_mail_mirror_sender")).to_have_text("No sender")
    mail.locator(".o_crm_mail_mirror_to").click()
    people = mail.locator(".o_crm_mail_mirror_people")
    expect(people.locator("[data-role=from]")).to_have_text("FromNo sender")


def test_an_address_that_imitates_another_is_marked_where_it_is_read(mallory, desk):
    hugo = desk("hugo")
    shown = hugo.emails("res.partner", mallory)
    marked = shown.locator(CONVERSATION).filter(
        has=hugo.page.get_by_label("An address has unusual letters")
    )
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("Looks alike")
    head = hugo.read(shown, "Looks alike").first.locator("header")
    expect(head).to_contain_text("unusual letters")
