# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which screens are there to be seen, whose are they, and how does one get there?

States that do not come about in a demo by themselves, such as a first import that is
under way, are set in its database while a picture is taken.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from .people import PEOPLE

PATIENCE = 180_000  # milliseconds; the first page waits for scripts to be compiled

#: With them no mail was exchanged: name, address.
SILENT = (("Ximena Soler", False), ("Paulo Antunes", "paulo@antunes.example"))

#: ``sql("UPDATE ...")`` in the demo's database: the rows, as psql prints them.
Sql = Callable[[str], list[str]]


def load(env) -> None:
    """What only pictures need: contacts of Tomás with whom there is no mail."""
    env.ref("base.user_admin").odoobot_state = "disabled"  # its chat covers a phone
    marc = env["res.users"].search([("login", "=", "marc")])
    marc.mirror_visibility = PEOPLE["marc"].level
    tomas = env["res.users"].search([("login", "=", "tomas")])
    for name, email in SILENT:
        if not env["res.partner"].search_count([("name", "=", name)]):
            env["res.partner"].create(
                {"name": name, "email": email, "user_id": tomas.id}
            )


@dataclass(frozen=True)
class Look:
    """How somebody sees it."""

    name: str
    width: int = 1400
    height: int = 900
    dark: bool = False
    lang: str = "en_US"


class Screen:
    """One user's browser in one look.

    :param sql: what is done in the database, which no user may
    """

    def __init__(self, page, url: str, look: Look, sql: Sql) -> None:
        self.page = page
        self.url = url
        self.look = look
        self.sql = sql
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


# --- ways -----------------------------------------------------------------------------


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


def view_as(screen: Screen) -> None:
    screen.go("/odoo/mirror-view-as", ".o_crm_mail_mirror_view_as ul button")
    screen.click(".o_crm_mail_mirror_view_as ul button")
    screen.wait(".o_crm_mail_mirror_row")


def ask(screen: Screen) -> None:
    screen.go("/odoo/mirrored-emails", ".o_crm_mail_mirror_row")
    screen.click(".o_crm_mail_mirror_ask")
    screen.wait(".o_crm_mail_mirror_ask_dialog textarea")


def link(screen: Screen) -> None:
    screen.click(".o_crm_mail_mirror_link")
    screen.wait(".o_crm_mail_mirror_link_dialog")


def level(screen: Screen) -> None:
    """What would Marc see, were his level higher?"""
    marc = screen.find("res.users", "Marc Lefort")
    screen.go(f"/odoo/mirror-organisation/{marc}", "[name=mirror_sight]")
    screen.click(".o_field_widget[name=mirror_visibility] input[data-value='4']")
    screen.page.locator("[name=mirror_sight_change]").scroll_into_view_if_needed()


# --- states ---------------------------------------------------------------------------


@contextmanager
def while_marc_has_level_three(sql: Sql) -> Iterator[None]:
    """Who leaves a form saves it: the next picture begins where this one did."""
    sql("UPDATE res_users SET mirror_visibility = '3' WHERE login = 'marc'")
    yield


def while_mailbox(email: str, **columns: str):
    """A mailbox is like that, and nobody looks at it.

    :param columns: each with what SQL has for its value
    """
    columns = {"next_sync_at": "now() + interval '1 day'", **columns}
    table = "crm_mail_mirror_mailbox"
    whose = f"email_normalized = '{email}'"

    @contextmanager
    def state(sql: Sql) -> Iterator[None]:
        kept = " || ', ' || ".join(f"'{c} = ' || quote_nullable({c})" for c in columns)
        (before,) = sql(f"SELECT {kept} FROM {table} WHERE {whose}")
        wanted = ", ".join(f"{c} = {v}" for c, v in columns.items())
        # a job that looks at it just now would write over it
        idle = "(lease_until IS NULL OR lease_until < now() AT TIME ZONE 'UTC')"
        change = f"UPDATE {table} SET {wanted} WHERE {whose} AND {idle} RETURNING 1"
        while not sql(change):
            time.sleep(0.5)
        try:
            yield
        finally:
            sql(f"UPDATE {table} SET {before} WHERE {whose}")

    return state


NEEDS_LOGIN = while_mailbox(
    "lena@vallon.example",
    state="'needs_login'",
    last_error="'wrong_password'",
    failing_since="now() - interval '20 hours'",
    last_sync_at="now() - interval '20 hours'",
)


def lost_connection(screen: Screen) -> None:
    """The first question for a conversation gets no answer."""
    emails_of("res.partner", "Begoña Núñez")(screen)
    screen.page.route("**/get_conversation", lambda route: route.abort(), times=1)
    screen.click(".o_crm_mail_mirror_row")
    screen.wait(".o_crm_mail_mirror_failure")


def gone(screen: Screen) -> None:
    """Anna may no longer see Tomás's mail when she opens it."""
    emails_of("res.partner", "Lucía Gámez")(screen)
    level = "UPDATE res_users SET mirror_visibility = '{}' WHERE login = 'anna'"
    screen.sql(level.format(0))
    try:
        screen.click(".o_crm_mail_mirror_row")
        screen.wait(".o_crm_mail_mirror_gone")
    finally:
        screen.sql(level.format(1))


def by_state(screen: Screen) -> None:
    """The columns of those who are well, and of those who are not."""
    screen.go("/odoo/mirror-users?view_type=kanban", ".o_kanban_record")
    screen.page.locator(".o_kanban_record").last.scroll_into_view_if_needed()


class Shot(NamedTuple):
    """
    :param login: whose screen it is
    :param show: what to do until it is to be seen
    :param state: ``state(sql)``: how things are meanwhile
    """

    login: str
    show: Callable[[Screen], None]
    state: Callable[[Sql], AbstractContextManager] = lambda _sql: nullcontext()


LIST = ".o_data_row, .o_kanban_record:not(.o_kanban_ghost), .o_view_nocontent"

SCREENS: dict[str, Shot] = {
    "contact": Shot(
        "marc", emails_of("res.partner", "Begoña Núñez", first_conversation)
    ),
    "company": Shot(
        "anna", emails_of("res.partner", "Calder Valley Foods", by_contact)
    ),
    "lead": Shot("lena", emails_of("crm.lead", "Hirschtal", first_conversation)),
    "emails": Shot("marc", read_all),
    "numbers": Shot(
        "marc", at("mirrored-emails-in-numbers", "canvas, table, .o_data_row")
    ),
    "link": Shot(
        "anna", emails_of("res.partner", "Graham O'Neill", first_conversation, link)
    ),
    "ask": Shot("marc", ask),
    "nothing-shared": Shot("tomas", emails_of("res.partner", "Graham O'Neill")),
    "no-mailbox": Shot("admin", emails_of("res.partner", "Graham O'Neill")),
    "no-address": Shot("tomas", emails_of("res.partner", "Ximena Soler")),
    "nothing-since": Shot(
        "tomas",
        emails_of("res.partner", "Paulo Antunes"),
        while_mailbox("tomas@vallon.example", sync_from="now() - interval '90 days'"),
    ),
    "first-import": Shot(
        "tomas",
        emails_of("res.partner", "Paulo Antunes"),
        while_mailbox(
            "tomas@vallon.example",
            listing="'first'",
            progress_done="312",
            progress_total="780",
        ),
    ),
    "stale": Shot(
        "lena",
        emails_of("res.partner", "Jürgen Müßig", first_conversation),
        NEEDS_LOGIN,
    ),
    "connection-lost": Shot("marc", lost_connection),
    "gone": Shot("anna", gone),
    "invitation": Shot("admin", at("contacts", ".o_crm_mail_mirror_invitation")),
    "mailboxes": Shot("lena", at("my-mailboxes", ".o_kanban_record")),
    "needs-login": Shot("lena", at("my-mailboxes", ".o_kanban_record"), NEEDS_LOGIN),
    "mailbox": Shot("lena", mailbox("lena@vallon.example")),
    "kept-out": Shot("marc", mailbox("marc@vallon.example", "rules")),
    "all-there": Shot("lena", mailbox("lena@vallon.example", "proof")),
    "view-as": Shot("lena", view_as),
    "suggested": Shot("lena", at("suggested-contacts", LIST)),
    "asked-of-me": Shot("lena", at("asked-of-me", LIST)),
    "users": Shot("admin", at("mirror-users", LIST), NEEDS_LOGIN),
    "users-by-state": Shot("admin", by_state, NEEDS_LOGIN),
    "health": Shot("admin", at("mirror-health", "canvas")),
    "organisation": Shot("admin", at("mirror-organisation", ".o_hierarchy_node")),
    "level": Shot("admin", level, while_marc_has_level_three),
}
