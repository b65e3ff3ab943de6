# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make demo``: five mailboxes, an Odoo that mirrors them, a table, and what to try.

Called by ``setup.targets``, which has PostgreSQL running and the key set.

========== =========================================================================
DEMO_EXIT  1: stop after the table
DEMO_FRESH 1: forget mail and database of an earlier demo first
DEMO_PORT  the port of the web server; without it 8069 or the next free one
SCREENS    take pictures of the screens whose names have this in them, then stop
========== =========================================================================
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo import consent, mirror, post, table  # noqa: E402
from demo.people import SALESPEOPLE  # noqa: E402
from setup import database, template, venv  # noqa: E402
from setup.done import Stamp  # noqa: E402
from setup.ports import free_port  # noqa: E402
from setup.say import LOCAL, Stop, fail, note, run, step  # noqa: E402

DATABASE = f"mail_mirror_{post.NAME}"
LOG = LOCAL / "log" / f"{post.NAME}-odoo.log"


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _demo()
    except Stop as reason:
        fail(str(reason))
        return 1
    except KeyboardInterrupt:
        note("\nThe demo has stopped; make demo goes on where it was.")
    return 0


def _demo() -> None:
    server = database.given()
    if server is None or not os.environ.get("CRM_MAIL_MIRROR_KEY"):
        raise Stop("Start the demo with: make demo")
    if os.environ.get("DEMO_FRESH"):
        _forget(server)
    port = _web_port()
    url = f"http://127.0.0.1:{port}"
    with post.office(consent.redirect_uris(url)) as mail:
        os.environ |= mail.settings
        _prepare_database(server)
        LOG.parent.mkdir(parents=True, exist_ok=True)
        conf = template.configuration(
            server,
            LOCAL / f"{post.NAME}-odoo.conf",
            db_name=DATABASE,
            dbfilter=f"^{DATABASE}$",
            http_port=port,
            gevent_port=free_port(),
            logfile=LOG,
            max_cron_threads=2,
        )
        with _linked(server, conf, mail, url) as (odoo, counted):
            print("\n" + counted + "\n", flush=True)
            if os.environ.get("DEMO_EXIT"):
                return
            if "SCREENS" in os.environ:
                # their driver is there for tests alone
                from demo import screens, screenshots

                with mirror.odoo(conf, DATABASE) as env:
                    screens.load(env)
                sql = partial(server.sql, dbname=DATABASE)
                screenshots.take(url, partial(_in_language, conf), sql)
                return
            print(table.logins(url))
            print(
                f"\nIMAP: 127.0.0.1 port {mail.imap.port}, login such as"
                " lena@vallon.example"
            )
            note("Syncing goes on every minute. Ctrl-C stops everything.")
            odoo.wait()
            raise Stop(f"Odoo ended by itself; why stands in {LOG}.")


def _forget(server: database.Server) -> None:
    if post.running():
        raise Stop("The demo runs in this checkout: stop it with Ctrl-C first.")
    with step("Forgetting the demo before"):
        post.forget()
        template.drop(server, DATABASE)
        Stamp(post.NAME).remove()


def _prepare_database(server: database.Server) -> None:
    """The database with the addon as it stands here: made, kept, or updated."""
    if not template.installable(template.ADDON):
        raise Stop("The addon crm_mail_mirror is not complete in this checkout.")
    source = template.ensure(server)
    stamp = Stamp(post.NAME)
    made_from = stamp.read()
    if made_from is None or not server.exists(DATABASE):
        with step("Making the demo's database"):
            stamp.remove()
            template.drop(server, DATABASE)
            template.clone(server, source, DATABASE)
    elif made_from != source:
        conf = template.configuration(server, LOCAL / "template.conf")
        with step("Updating the addon in the demo's database"):
            run(
                [venv.PYTHON, "-m", "odoo", "-c", conf, "-d", DATABASE]
                + ["-u", template.ADDON, "--stop-after-init", "--no-http"],
                "demo-update",
                "The addon could not be updated: try make demo DEMO_FRESH=1",
                env=template.environment(server),
            )
    stamp.write(source)


@contextmanager
def _linked(server: database.Server, conf: Path, mail: post.Office, url: str):
    """Odoo with all mailboxes linked and mirrored, and the table of what came of it."""
    with (
        mirror.odoo(conf, DATABASE) as env,
        step("Linking three mailboxes by password"),
    ):
        mailboxes = mirror.link(env, mail, url)
        consents = {
            person: mailboxes[person.key].id
            for person in SALESPEOPLE
            if person.provider != "imap" and mailboxes[person.key].state != "paused"
        }
    with _web_server(server, conf, int(url.rpartition(":")[2])) as odoo:
        with step("Linking one at Google and one at Microsoft by consent"):
            for person, mailbox_id in consents.items():
                consent.give(url, mail, person, mailbox_id)
        with mirror.odoo(conf, DATABASE) as env:
            for mailbox_id in consents.values():
                mirror.start(env["crm.mail.mirror.mailbox"].browse(mailbox_id))
            env.cr.commit()
            with step("Mirroring them"):
                found = mirror.sync(env, lambda seen: print(seen, end=" ", flush=True))
        on_server = {person.key: mail.count(person) for person in SALESPEOPLE}
        yield odoo, table.counts(on_server, found)


@contextmanager
def _in_language(conf: Path, code: str):
    """All users read this language while the block runs."""

    def read(code):
        with mirror.odoo(conf, DATABASE) as env:
            if not env["res.lang"]._get_data(code=code):
                env["base.language.install"].create(
                    {"lang_ids": [(6, 0, _language(env, code).ids)]}
                ).lang_install()
            env["res.users"].search([("share", "=", False)]).lang = code

    read(code)
    try:
        yield
    finally:
        read("en_US")


def _language(env, code):
    return env["res.lang"].with_context(active_test=False).search([("code", "=", code)])


@contextmanager
def _web_server(server: database.Server, conf: Path, port: int):
    """Odoo with its scheduled jobs, in a process of its own, while the block runs."""
    with step("Starting Odoo"):
        process = subprocess.Popen(
            [*_dies_with_us(), str(venv.PYTHON), "-m", "odoo", "-c", str(conf)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=template.environment(server),
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(process, port)
        except BaseException:
            _end(process)
            raise
    try:
        yield process
    finally:
        _end(process)


def _wait_until_it_answers(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/web/login", timeout=60
            ):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise Stop(f"Odoo does not answer; why stands in {LOG}.")


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _dies_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig=KILL"] if setpriv else []


def _interrupt(_number, _frame):
    """End once: a second Ctrl-C, or make's own, would leave the end half done."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # not SIG_IGN: one that is pending already would print a warning
        signal.signal(number, lambda *_: None)
    raise KeyboardInterrupt


def _web_port() -> int:
    asked = os.environ.get("DEMO_PORT", "")
    if asked and not asked.isdecimal():
        raise Stop(f"DEMO_PORT={asked} is no port: say a number such as 8070.")
    try:
        return free_port([int(asked)] if asked else range(8069, 8169))
    except OSError:
        raise Stop(
            f"Port {asked or '8069 and the hundred after it'} is taken: set DEMO_PORT."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
