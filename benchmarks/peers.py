# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do others copy the same mailbox? mbsync, offlineimap, getmail, to a Maildir.

Without COMPRESS. mbsync takes it where it is offered; most of what it copies hardly
shrinks, and near the server it would have to wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from account import OWNER, PASSWORD

from setup import unprivileged, venv

_MBSYNC = """\
FSync {fsync}
IMAPStore remote
Host localhost
Port {port}
User {user}
Pass {password}
SSLType {tls}
CertificateFile {ca_file}
AuthMechs PLAIN
DisableExtension COMPRESS=DEFLATE

MaildirStore local
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Sync Pull
Create Near
SyncState *
"""

_OFFLINEIMAP = """\
[general]
accounts = all
metadata = {folder}/metadata
ui = quiet
fsync = {fsync}
[Account all]
localrepository = local
remoterepository = remote
[Repository local]
type = Maildir
localfolders = {folder}/mail
[Repository remote]
type = IMAP
readonly = True
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {tls}
starttls = no
sslcacertfile = {ca_file}
auth_mechanisms = PLAIN
"""

_GETMAIL = """\
[retriever]
type = SimpleIMAPRetriever
server = localhost
port = {port}
username = {user}
password = {password}
mailboxes = ALL
[destination]
type = Maildir
path = {folder}/mail/
[options]
delete = false
read_all = false
delivered_to = false
received = false
verbose = 0
"""


@dataclass(frozen=True)
class Peer:
    """:param name: as the table shows it
    :param kind: ``mbsync``, ``offlineimap``, ``getmail``
    """

    name: str
    kind: str
    fsync: bool

    def prepare(self, server, port: int, folder: Path, tls: bool) -> list[str]:
        """Write its configuration. :return: the command that imports, or looks again

        :param server: Dovecot :param port: where it is reached
        """
        folder.mkdir(parents=True)
        values = {
            "folder": folder,
            "user": OWNER,
            "password": PASSWORD,
            "port": port,
            "ca_file": server.ca_file,
        }
        conf = folder / "configuration"
        if self.kind == "mbsync":
            values |= {
                "tls": "IMAPS" if tls else "None",
                "fsync": "yes" if self.fsync else "no",
            }
            conf.write_text(_MBSYNC.format(**values), "utf-8")
            return ["mbsync", "-q", "-c", str(conf), "all"]
        if self.kind == "getmail":
            for part in ("cur", "new", "tmp"):
                (folder / "mail" / part).mkdir(parents=True)
            conf.write_text(_GETMAIL.format(**values), "utf-8")
            unprivileged.give(folder)  # it does not deliver as root
            argv = [str(venv.FOLDER / "bin/getmail"), f"--getmaildir={folder}"]
            return unprivileged.command([*argv, f"--rcfile={conf}", "--quiet"])
        values |= {"tls": "yes" if tls else "no", "fsync": self.fsync}
        conf.write_text(_OFFLINEIMAP.format(**values), "utf-8")
        return ["offlineimap", "-o", "-c", str(conf)]


PEERS = (
    Peer("mbsync, fsync", "mbsync", True),
    Peer("mbsync, no fsync", "mbsync", False),
    Peer("offlineimap3, fsync", "offlineimap", True),
    Peer("getmail6, fsync", "getmail", True),
)


def copied(folder: Path) -> int:
    """Mails of all Maildirs below a folder."""
    return sum(
        1
        for part in ("cur", "new")
        for path in folder.rglob(f"{part}/*")
        if path.is_file()
    )
