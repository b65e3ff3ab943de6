# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A private Dovecot 2.3 on free loopback ports, with or without root.

Example::

    with Dovecot({"alice@example.com": "secret"}) as server:
        with server.user("alice@example.com") as alice:
            alice.append("INBOX", b"Subject: hello\\r\\n\\r\\nhello")
        imap.connect("secret", host="localhost", port=server.tls_port, ...)

Needs Debian's ``dovecot-imapd``.
"""

from __future__ import annotations

import imaplib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from setup import unprivileged  # noqa: E402

from .certificates import issue  # noqa: E402
from .introspection import Introspection  # noqa: E402
from .mail_user import MailUser  # noqa: E402

#: What Dovecot advertises when it plays an old server (RFC 3501 and little else).
PLAIN = "IMAP4rev1 SASL-IR LITERAL+ ID UIDPLUS IDLE UNSELECT"
#: ... and a server with CONDSTORE (RFC 7162) but without QRESYNC.
CONDSTORE = (
    PLAIN + " ENABLE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE MOVE"
)

USERS = {
    "alice@example.com": "secret",
    "bob@example.com": "secret",
    "carol@example.com": "secret",
}


class Dovecot:
    """:param users: login -> password
    :param tokens: access token -> login, for XOAUTH2 and OAUTHBEARER
    :param capabilities: what to advertise instead of everything
    :param directory: where mail, certificates and the log stay after ``stop``;
        without one they go with it
    :param folders: folders that each user has from the start: name -> special use
        (RFC 6154) or ""
    :param storage: mail_location up to the path, such as ``maildir`` or ``sdbox``
    :param names: what the certificate is good for
    :param plaintext_login: whether a login without TLS is accepted
    :param compress: whether COMPRESS (RFC 4978) is offered; ``Tap`` and ``out=`` in the
        log tell nothing of use about who takes it
    """

    host = "localhost"

    def __init__(
        self,
        users: Mapping[str, str] = USERS,
        *,
        tokens: Mapping[str, str] | None = None,
        capabilities: str = "",
        directory: Path | str | None = None,
        folders: Mapping[str, str] | None = None,
        storage: str = "sdbox",
        plaintext_login: bool = True,
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        compress: bool = False,
        settings: str = "",
    ):
        self.users = dict(users)
        self.capabilities = capabilities
        self.folders = dict(SPECIAL_FOLDERS if folders is None else folders)
        self.storage = storage
        self.plaintext_login = plaintext_login
        self.names = names
        self.settings = COMPRESS + settings if compress else settings
        self._directory = Path(directory).resolve() if directory else None
        self._introspection = Introspection(tokens) if tokens else None
        self._process: subprocess.Popen | None = None
        self.port = self.tls_port = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self) -> Dovecot:
        """Start and wait until it answers."""
        program = shutil.which("dovecot") or "/usr/sbin/dovecot"
        if not Path(program).exists():
            raise RuntimeError("Dovecot is missing: apt-get install dovecot-imapd")
        # Unix sockets have short paths: 108 bytes, unix(7).
        self._run = Path(tempfile.mkdtemp(prefix="dc-"))
        self.directory = self._directory or self._run / "home"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificates = issue(self.directory, self.names)
        (self.directory / "mail").mkdir(exist_ok=True)
        if self._introspection:
            self._introspection.start()
        for attempt in range(3):
            self.port, self.tls_port = _free_ports(2)
            self._write_configuration()
            unprivileged.give(self._run)
            unprivileged.give(self.directory)
            self._process = subprocess.Popen(
                unprivileged.command([program, "-F", "-c", str(self._configuration)]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            if self._answers():
                return self
            complaint = self._end() + self.log()[-2000:]
            if "in use" not in complaint or attempt == 2:
                break
        self.stop()
        raise RuntimeError(f"Dovecot does not start: {complaint}")

    def stop(self) -> None:
        self._end()
        if self._introspection:
            self._introspection.stop()
        shutil.rmtree(self._run, ignore_errors=True)

    @property
    def ca_file(self) -> str:
        return str(self.certificates.ca)

    def log(self) -> str:
        path = self.directory / "dovecot.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def user(self, login: str = "") -> MailUser:
        """A mail program logged in as this user (the first one unless named)."""
        login = login or next(iter(self.users))

        def connect():
            imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
            imap.login(login, self.users[login])
            imap._get_capabilities()  # the full set is told only after login
            return imap

        return MailUser(connect)

    def doveadm(self, *args: str) -> str:
        """Run an administrator's command, such as ``mailbox update``."""
        done = subprocess.run(
            unprivileged.command(
                ["/usr/bin/doveadm", "-c", str(self._configuration), *args]
            ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"doveadm {args}: {done.stderr}")
        return done.stdout

    def set_uidvalidity(self, login: str, folder: str, value: int) -> None:
        """As after a restore from backup: same mail, other UIDVALIDITY."""
        self.doveadm(
            "mailbox", "update", "-u", login, "--uid-validity", str(value), folder
        )

    def change_password(self, login: str, password: str) -> None:
        self.users[login] = password
        self._write_users()

    # --- inside -----------------------------------------------------------------------

    @property
    def _configuration(self) -> Path:
        # Not dovecot.conf: Dovecot makes a link of that name in its base_dir.
        return self._run / "peer.conf"

    def _answers(self, seconds: float = 20) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as probe:
                    probe.settimeout(10)
                    if probe.recv(4) == b"* OK":
                        return True
            except OSError:
                time.sleep(0.05)
        return False

    def _end(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return ""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            said = process.communicate(timeout=15)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
        return said.decode("utf-8", "replace")

    def _write_users(self) -> None:
        path = self.directory / "users"
        lines = (
            f"{login}:{{PLAIN}}{word}::::::\n" for login, word in self.users.items()
        )
        path.write_text("".join(lines), "utf-8")
        unprivileged.give(path)

    def _write_configuration(self) -> None:
        self._write_users()
        oauth = ""
        if self._introspection:
            ext = self._run / "oauth2.conf.ext"
            ext.write_text(OAUTH_EXT.format(url=self._introspection.url), "utf-8")
            oauth = OAUTH.format(ext=ext)
        mailboxes = "".join(
            f'  mailbox "{name}" {{\n    auto = subscribe\n'
            + (f"    special_use = {use}\n" if use else "")
            + "  }\n"
            for name, use in self.folders.items()
        )
        account = unprivileged.user()
        group = _group_name(account.pw_gid)
        self._configuration.write_text(
            CONFIGURATION.format(
                run=self._run,
                home=self.directory,
                user=account.pw_name,
                group=group,
                port=self.port,
                tls_port=self.tls_port,
                storage=self.storage,
                mailboxes=mailboxes,
                oauth=oauth,
                mechanisms="plain login xoauth2 oauthbearer"
                if oauth
                else "plain login",
                plaintext="no" if self.plaintext_login else "yes",
                capability=f"imap_capability = {self.capabilities}"
                if self.capabilities
                else "",
                settings=self.settings,
            ),
            "utf-8",
        )


SPECIAL_FOLDERS = {
    "Drafts": "\\Drafts",
    "Sent": "\\Sent",
    "Trash": "\\Trash",
    "Junk": "\\Junk",
    "Archive": "\\Archive",
}

# default_*_user and empty chroots: what a Dovecot without root needs.
# auth_failure_delay and anvil-auth-penalty: wrong passwords are answered at once.
CONFIGURATION = """\
base_dir = {run}
state_dir = {run}
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
instance_name = {run}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_client_limit = 4000
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = {plaintext}
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = {storage}:{home}/mail/%u/mail
mail_fsync = never
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {home}/users
}}
{oauth}
userdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
  default_fields = home={home}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}}}
{capability}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service auth {{
  client_limit = 4000
}}
service imap {{
  service_count = 100
  vsz_limit = 1G
}}
service stats {{
  chroot =
}}
{settings}
"""

COMPRESS = """\
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
"""

OAUTH = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {ext}
}}
"""

OAUTH_EXT = """\
introspection_mode = post
introspection_url = {url}
username_attribute = email
active_attribute = active
active_value = true
force_introspection = yes
"""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
