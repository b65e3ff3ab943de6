# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A sales office to look at: users, contacts and mailboxes at a real mail server.

Whatever a test does not do with the mouse it does here, over Odoo's own RPC and logged
in as the user concerned, so that rights count here as well.
"""

from __future__ import annotations

import imaplib
import itertools
import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.cookiejar import CookieJar

from tests.linking.clouds import Clouds
from tests.odoo_server import OdooServer
from tests.peers.dovecot import Dovecot

#: Of everybody's mailbox; the password of the Odoo login is the login itself.
PASSWORD = "correct horse"
#: Most seconds until linked mail is there: the machine may be busy.
PATIENCE = 240


class Refused(Exception):
    """Odoo answered with an error; the text is what its user would read."""


class Session:
    """What one user may ask of Odoo.

    Example::

        admin = Session(server, "admin")
        ids = admin("res.users", "search", [("share", "=", False)])
    """

    def __init__(self, server: OdooServer, login: str):
        self.url = server.url
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies)
        )
        signed_in = self._post(
            "/web/session/authenticate",
            {"db": server.dbname, "login": login, "password": login},
        )
        self.uid = signed_in["uid"]

    @property
    def session_id(self) -> str:
        """The cookie with which a browser is this user."""
        return next(c.value for c in self._cookies if c.name == "session_id")

    def __call__(self, model: str, method: str, *args, **kwargs):
        """Call a public method.

        :raises Refused: Odoo answered with an error.
        """
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def create(self, model: str, **values) -> int:
        return self(model, "create", [values])[0]

    def _post(self, path: str, params: dict):
        request = urllib.request.Request(
            self.url + path,
            json.dumps({"jsonrpc": "2.0", "params": params}).encode(),
            {"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=120) as answer:
            told = json.load(answer)
        if "error" in told:
            raise Refused(told["error"]["data"]["message"])
        # None is left out
        return told.get("result")


class Office:
    """:param server: runs the scheduled jobs as well
    :param dovecot: has a mailbox for each address that ``user`` is given
    :param clouds: have accounts for those that ``account`` is given
    """

    def __init__(self, server: OdooServer, dovecot: Dovecot, clouds: Clouds):
        self.server = server
        self.dovecot = dovecot
        self.clouds = clouds
        clouds.register(server.url)
        self.admin = Session(server, "admin")
        self.admin(
            "ir.config_parameter",
            "set_param",
            "crm_mail_mirror.allowed_hosts",
            "127.0.0.1,localhost",
        )
        self._sessions = {"admin": self.admin}
        self._minutes = itertools.count(1)

    def session(self, login: str) -> Session:
        if login not in self._sessions:
            self._sessions[login] = Session(self.server, login)
        return self._sessions[login]

    # --- who is there ---------------------------------------------------------------

    def user(self, name: str, group="sales_team.group_sale_salesman", **values) -> str:
        """A user and an empty mailbox.

        :returns: the login; ``address`` gives the mailbox
        """
        login = name.split()[0].lower()
        self.change_mail_password(login, PASSWORD)
        self.admin.create(
            "res.users",
            name=name,
            login=login,
            password=login,
            email=self.address(login),
            tz="Europe/Paris",
            group_ids=[
                (4, self.ref("base.group_user")),
                (4, self.ref("base.group_partner_manager")),
                (4, self.ref(group)),
            ],
            **values,
        )
        return login

    def speak_french(self) -> None:
        """Install the language, as an administrator does."""
        lang = self.admin(
            "res.lang",
            "search",
            [("code", "=", "fr_FR")],
            context={"active_test": False},
        )
        wizard = self.admin.create("base.language.install", lang_ids=[(6, 0, lang)])
        self.admin("base.language.install", "lang_install", [wizard])

    def address(self, login: str) -> str:
        return f"{login}@ours.example"

    def uid(self, login: str) -> int:
        return self.admin("res.users", "search", [("login", "=", login)])[0]

    def ref(self, xmlid: str) -> int:
        module, _dot, name = xmlid.partition(".")
        row = self.admin(
            "ir.model.data",
            "search_read",
            [("module", "=", module), ("name", "=", name)],
            ["res_id"],
        )
        return row[0]["res_id"]

    def contact(self, name: str, email: str, **values) -> int:
        return self.admin.create("res.partner", name=name, email=email, **values)

    def set_up_clouds(self, **changes) -> None:
        """The registrations, as an administrator saves them in the settings."""
        values = {
            "mirror_google_enabled": True,
            "mirror_google_client_id": self.clouds.google.client_id,
            "mirror_google_secret": self.clouds.google.client_secret,
            "mirror_microsoft_enabled": True,
            "mirror_microsoft_client_id": self.clouds.entra.client_id,
            "mirror_microsoft_secret": self.clouds.entra.client_secret,
            "mirror_microsoft_audience": "common",
            **changes,
        }
        page = self.admin.create("res.config.settings", **values)
        self.admin("res.config.settings", "execute", [page])

    # --- mail -----------------------------------------------------------------------

    def letter(
        self,
        login: str,
        *,
        sender: str | None = "",
        to: str = "",
        subject: str,
        text: str = "Hello",
        days_ago: int = 0,
        attachment: str = "",
        folder: str = "",
        answers: str = "",
        cc: str = "",
        also: tuple[str, ...] = (),
        html: bool = False,
        at=None,
    ) -> str:
        """Put a mail into the mailbox of ``login``; each is a minute older.

        Without ``sender`` the owner wrote it, without ``to`` got it; where ``sender``
        is None the head names nobody, and it was received.

        :param answers: the Message-ID of the mail that this one answers
        :param also: further logins that have the same mail in their inbox
        :param html: ``text`` is HTML, and there is no other
        :param at: who has the mailbox: ``clouds.google``, ``clouds.graph`` or Dovecot
        :returns: its Message-ID
        """
        mail = EmailMessage()
        if sender is not None:
            mail["From"] = sender or self.address(login)
        mail["To"] = to or self.address(login)
        mail["Subject"] = subject
        age = timedelta(days=days_ago, minutes=next(self._minutes))
        when = datetime.now(UTC) - age
        mail["Date"] = format_datetime(when)
        mail["Message-ID"] = make_msgid(domain="letters.example")
        if cc:
            mail["Cc"] = cc
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        mail.set_content(text, subtype="html" if html else "plain")
        if attachment:
            mail.add_attachment(
                b"%PDF-1.4", maintype="application", subtype="pdf", filename=attachment
            )
        raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        folder = folder or ("Sent" if sender == "" else "INBOX")
        for whose, place in ((login, folder), *((other, "INBOX") for other in also)):
            with (at or self.dovecot).user(self.address(whose)) as mailbox:
                mailbox.append(place, raw, received=when)
        return mail["Message-ID"]

    def link(self, login: str, mirrored: int, **values) -> int:
        """Link the mailbox as its owner and wait until so many mails are there."""
        mailbox = self.connect(login, **values)
        self.session(login)("crm.mail.mirror.mailbox", "action_start", [mailbox])
        self.wait_mirrored(login, mirrored)
        return mailbox

    def connect(self, login: str, **values) -> int:
        """Connect the mailbox as its owner; it is not mirrored yet."""
        session = self.session(login)
        mailbox = session.create(
            "crm.mail.mirror.mailbox",
            email=self.address(login),
            imap_host="localhost",
            imap_port=self.dovecot.tls_port,
            imap_login=self.address(login),
            password=PASSWORD,
            **{"sync_from": False, **values},
        )
        session("crm.mail.mirror.mailbox", "action_connect", [mailbox])
        return mailbox

    def change_mail_password(self, login: str, password: str) -> None:
        """At the provider; Odoo is not told."""
        self.dovecot.change_password(self.address(login), password)

        def works():
            try:
                self.dovecot.user(self.address(login)).close()
            except imaplib.IMAP4.error:
                return False
            return True

        # Dovecot looks at its file of passwords once a second
        wait(works)

    def mailboxes(self, login: str, *fields: str) -> list[dict]:
        session = self.session(login)
        mine = [("user_id", "=", session.uid)]
        return session("crm.mail.mirror.mailbox", "search_read", mine, list(fields))

    def wait_until_there(self, login: str) -> None:
        """Until the server knows that a page of this user is open."""
        mine = [("user_id", "=", self.uid(login)), ("status", "=", "online")]
        wait(lambda: self.admin("mail.presence", "search_count", mine))

    def wait_mirrored(self, login: str, count: int) -> None:
        """Until the server's scheduled job has brought ``count`` mails."""

        def counts():
            fields = ("mirrored_count", "last_sync_at", "last_error")
            (row,) = self.mailboxes(login, *fields)
            return row

        def is_there(row):
            return row["last_sync_at"] and row["mirrored_count"] >= count

        wait(lambda: is_there(counts()), counts)


def wait(condition, witness=lambda: ""):
    """Until ``condition()`` holds.

    :raises AssertionError: it does not; with what ``witness()`` says.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {witness()}"
        time.sleep(0.3)
