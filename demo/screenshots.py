# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make screenshots``: what do the screens look like, in the states that matter?

Each is opened in the running demo as a person would, wide and narrow, light and dark,
in English and French. The pictures lie in ``.local/screenshots``; those of ``CHOSEN``
go to README and Apps page as well, with a fingerprint of the files they were made
from and of each picture, which ``tests/demo/test_screenshots.py`` compares.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from setup.done import fingerprint
from setup.say import LOCAL, note, step

from .people import PEOPLE
from .screens import SCREENS, Look, Screen, Shot, Sql

CHECKOUT = LOCAL.parent
FOLDER = LOCAL / "screenshots"
ADDON = CHECKOUT / "addons/crm_mail_mirror"
DOCS = CHECKOUT / "docs/screens"
APPS = ADDON / "static/description"
MADE_FROM = DOCS / "made-from"

LOOKS = (
    Look("wide"),
    Look("phone", width=400, height=850),
    Look("dark", dark=True),
    Look("french", lang="fr_FR"),
)


#: Those of README and Apps page, at most six.
CHOSEN = ("contact", "emails", "lead", "mailbox", "numbers", "users")


def sources() -> str:
    """A fingerprint of what the pictures show: scripts, styles, views, sentences, mail.

    Of models only those whose words stand on many screens: most changes of others
    change no picture.
    """
    files = [
        path
        for folder in (ADDON / "static/src", ADDON / "views", CHECKOUT / "demo")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".js", ".xml", ".scss", ".svg", ".txt"}
    ]
    return fingerprint(
        *files,
        *sorted((ADDON / "models").glob("*sentences*.py")),
        *sorted((CHECKOUT / "demo").glob("*.py")),
    )


def pictures(folder: Path) -> list[str]:
    """A line for each of ``CHOSEN``: its name and a hash of the picture."""
    return [f"{name} {fingerprint(folder / f'{name}.png')}" for name in CHOSEN]


def take(url: str, in_language, sql: Sql) -> None:
    """Take the pictures; the variable ``SCREENS`` has part of the names wanted.

    :param in_language: ``in_language(code)``: all users read that one
    """
    only, made_from = os.environ["SCREENS"], sources()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME"), args=["--no-sandbox"]
        )
        for look in LOOKS:
            with step(f"Pictures: {look.name}"), in_language(look.lang):
                _take(browser, url, look, sql, only)
        browser.close()
    if not only:
        _keep(made_from)
    note(f"The pictures lie in {FOLDER}.")


def _take(browser, url: str, look: Look, sql: Sql, only: str) -> None:
    wanted = {name: shot for name, shot in SCREENS.items() if only in name}
    for login in dict.fromkeys(shot.login for shot in wanted.values()):
        with _browsing(browser, look) as page:
            screen = Screen(page, url, look, sql)
            password = PEOPLE[login].password if login in PEOPLE else login
            screen.log_in(login, password)
            for name, shot in wanted.items():
                if shot.login == login:
                    with shot.state(sql):
                        _shoot(screen, name, shot)


def _shoot(screen: Screen, name: str, shot: Shot) -> None:
    page, file = screen.page, f"{name}-{screen.look.name}"
    try:
        shot.show(screen)
    except Exception:
        page.screenshot(path=FOLDER / f"{file}-failed.png")
        raise
    page.wait_for_timeout(800)  # pictures of people, moving parts
    page.screenshot(path=FOLDER / f"{file}.png")


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


def _keep(made_from: str) -> None:
    """Those of README and Apps page, and what they were made from."""
    for folder in (DOCS, APPS):
        folder.mkdir(parents=True, exist_ok=True)
        for name in CHOSEN:
            target: Path = folder / f"{name}.png"
            shutil.copyfile(FOLDER / f"{name}-wide.png", target)
    told = [made_from, *pictures(DOCS)]
    MADE_FROM.write_text("\n".join(told) + "\n", encoding="ascii")
