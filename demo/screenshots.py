# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make screenshots``: what do the screens look like, in the states that matter?

Each is opened in the running demo as a person would, wide and narrow, light and dark,
in English and French. The pictures lie in ``.local/screenshots``; those of ``CHOSEN``
go to README and Apps page as well, with a fingerprint of the files they were made
from, which ``tests/demo/test_screenshots.py`` compares.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from setup.done import fingerprint
from setup.say import LOCAL, note, step

from .people import PEOPLE

CHECKOUT = LOCAL.parent
FOLDER = LOCAL / "screenshots"
ADDON = CHECKOUT / "addons/crm_mail_mirror"
DOCS = CHECKOUT / "docs/screens"
APPS = ADDON / "static/description"
MADE_FROM = DOCS / "made-from"
PATIENCE = 180_000  # milliseconds; the first page waits for scripts to be compiled


@dataclass(frozen=True)
class Look:
    """How somebody sees it."""

    name: str
    width: int = 1400
    height: int = 900
    dark: bool = False
    lang: str = "en_US"


LOOKS = (
    Look("wide"),
    Look("phone", width=400, height=850),
    Look("dark", dark=True),
    Look("french", lang="fr_FR"),
)


class Screen:
    """One user's browser in one look."""

    def __init__(self, page, url: str, look: Look) -> None:
        self.page = page
        self.url = url
        self.look = look
        page.set_default_timeout(PATIENCE)
        if look.dark:
            # Odoo Community has the dark styles and no switch: ask for them
            page.route(re.compile(r"/web\.assets_web(\.min)?\.css"), self._dark)

    @staticmethod
    def _dark(route) -> None:
        url = route.request.url.replace("web.assets_web.", "web.assets_web_dark.")
        route.fulfill(response=route.fetch(url=url))

    def log_in(self, login: str, password: str) -> None:
        self.page.goto(f"{self.url}/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")

    def go(self, path: str, ready: str = ".o_action_manager > *") -> None:
        """Open an address, and wait until ``ready`` is there."""
        self.page.goto(f"{self.url}{path}")
        self.wait(ready)

    def record(self, model: str, name: str) -> None:
        """Open the form of a record by its name."""
        self.go(f"/odoo/{model}/{self.find(model, name)}", ".o_form_view")

    def find(self, model: str, name: str) -> int:
        """The id of the record of that name."""
        found = self.call(model, "name_search", [name])
        if not found:
            raise LookupError(f"{model} has no {name}")
        return found[0][0]

    def call(self, model: str, method: str, args: list, **kwargs):
        """A method of a model, called by the page, with the rights of its user."""
        return self.page.evaluate(
            """async ([model, method, args, kwargs]) => {
                const answer = await fetch("/web/dataset/call_kw", {
                    method: "POST",
                    headers: {"Content-Type": "application/json"},
                    body: JSON.stringify(
                        {jsonrpc: "2.0", params: {model, method, args, kwargs}}),
                });
                return (await answer.json()).result;
            }""",
            [model, method, args, kwargs],
        )

    def action(self, xmlid: str, ready: str = ".o_action_manager > *") -> None:
        """Open an action of the addon by its name in its XML."""
        self.go(f"/odoo/action-crm_mail_mirror.{xmlid}", ready)

    def wait(self, selector: str) -> None:
        self.page.locator(selector).first.wait_for(state="visible")

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def tab(self, name: str = "mirror_emails") -> None:
        self.click(f"a[name={name}]")
        self.wait(f"a.active[name={name}]")


def emails_of(model: str, name: str, *then: Callable[[Screen], None]):
    def show(screen: Screen) -> None:
        screen.record(model, name)
        screen.tab()
        screen.wait(".o_crm_mail_mirror_row, .o_crm_mail_mirror_empty")
        for one in then:
            one(screen)

    return show


def first_conversation(screen: Screen) -> None:
    screen.click(".o_crm_mail_mirror_row")
    screen.wait("article.o_crm_mail_mirror_mail")


def by_contact(screen: Screen) -> None:
    screen.click("button[name=by_contact]")
    screen.wait(".o_crm_mail_mirror_group")


def mailbox(email: str, page: str = ""):
    """One's own mailbox, and a page of it."""

    def show(screen: Screen) -> None:
        screen.record("crm.mail.mirror.mailbox", email)
        if page:
            screen.tab(page)

    return show


def at(path: str, ready: str = ".o_action_manager > *"):
    return lambda screen: screen.go(f"/odoo/{path}", ready)


def read_all(screen: Screen) -> None:
    screen.go("/odoo/mirrored-emails", ".o_crm_mail_mirror_row")
    first_conversation(screen)


LIST = ".o_data_row, .o_kanban_record:not(.o_kanban_ghost), .o_view_nocontent"

#: name -> (login, what to do until it is to be seen)
SCREENS: dict[str, tuple[str, Callable[[Screen], None]]] = {
    "contact": (
        "marc",
        emails_of("res.partner", "Begoña Núñez", first_conversation),
    ),
    "company": ("anna", emails_of("res.partner", "Calder Valley Foods", by_contact)),
    "lead": ("lena", emails_of("crm.lead", "Hirschtal", first_conversation)),
    "emails": ("marc", read_all),
    "numbers": ("marc", at("mirrored-emails-in-numbers", "canvas, table, .o_data_row")),
    "nothing-shared": ("tomas", emails_of("res.partner", "Graham O'Neill")),
    "no-mailbox": ("admin", emails_of("res.partner", "Graham O'Neill")),
    "mailboxes": ("lena", at("my-mailboxes", ".o_kanban_record")),
    "mailbox": ("lena", mailbox("lena@vallon.example")),
    "kept-out": ("marc", mailbox("marc@vallon.example", "rules")),
    "all-there": ("lena", mailbox("lena@vallon.example", "proof")),
    "suggested": ("lena", at("suggested-contacts", LIST)),
    "asked-of-me": ("lena", at("asked-of-me", LIST)),
    "users": ("admin", at("mirror-users", LIST)),
    "health": ("admin", at("mirror-health", "canvas")),
    "organisation": ("admin", at("mirror-organisation", ".o_hierarchy_node")),
}

#: Those of README and Apps page, at most six.
CHOSEN = ("contact", "emails", "lead", "mailbox", "numbers", "users")


def sources() -> str:
    """A fingerprint of what the pictures show: scripts, styles, views, mail."""
    files = [
        path
        for folder in (ADDON / "static/src", ADDON / "views", CHECKOUT / "demo")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".js", ".xml", ".scss", ".svg", ".txt"}
    ]
    return fingerprint(*files)


def take(url: str, in_language) -> None:
    """Take the pictures; the variable ``SCREENS`` has part of the names wanted.

    :param in_language: ``in_language(code)``: all users read that one
    """
    only = os.environ["SCREENS"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME"), args=["--no-sandbox"]
        )
        for look in LOOKS:
            with step(f"Pictures: {look.name}"), in_language(look.lang):
                _take(browser, url, look, only)
        browser.close()
    if not only:
        _keep()
    note(f"The pictures lie in {FOLDER}.")


def _take(browser, url: str, look: Look, only: str) -> None:
    wanted = [(n, *how) for n, how in SCREENS.items() if only in n]
    for login in dict.fromkeys(login for _name, login, _show in wanted):
        with _browsing(browser, look) as page:
            screen = Screen(page, url, look)
            password = PEOPLE[login].password if login in PEOPLE else login
            screen.log_in(login, password)
            for name, whose, show in wanted:
                if whose == login:
                    try:
                        show(screen)
                    except Exception:
                        page.screenshot(path=FOLDER / f"{name}-{look.name}-failed.png")
                        raise
                    page.wait_for_timeout(800)  # pictures of people, moving parts
                    page.screenshot(path=FOLDER / f"{name}-{look.name}.png")


@contextmanager
def _browsing(browser, look: Look) -> Iterator:
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.dark else "light",
        locale=look.lang.replace("_", "-"),
        timezone_id="Europe/Berlin",
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def _keep() -> None:
    """Those of README and Apps page, and what they were made from."""
    for folder in (DOCS, APPS):
        folder.mkdir(parents=True, exist_ok=True)
        for name in CHOSEN:
            target: Path = folder / f"{name}.png"
            shutil.copyfile(FOLDER / f"{name}-wide.png", target)
    MADE_FROM.write_text(sources() + "\n", encoding="ascii")
