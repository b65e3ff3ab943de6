"""As whom do servers that refuse to run as root run?

PostgreSQL and Dovecot want an ordinary user. When ``make`` runs as root they get the
owner of the checkout, or ``nobody`` when that is root too. No user is ever created:
nothing is left on the machine but Debian packages.
"""

import os
import pwd
import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def user() -> pwd.struct_passwd:
    """The user such servers run as: ourselves, unless we are root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    owner = CHECKOUT.stat().st_uid
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            pass  # a checkout mounted from elsewhere; initdb needs a user with a name
    return pwd.getpwnam("nobody")


def command(argv: list[str]) -> list[str]:
    """``argv``, so wrapped that it runs as ``user()``.

    Example: ``subprocess.Popen(command(["/usr/sbin/dovecot", "-F", "-c", conf]))``.
    What the server writes to must belong to that user: see ``give``.

    A checkout below a folder like ``/root`` (mode 700) is out of that user's reach.
    Then, and only then, the server keeps one capability (capabilities(7)): to read and
    traverse any folder, or where a container withholds that, to write there as well.
    """
    if os.geteuid():
        return list(argv)
    account = user()
    if _reachable(CHECKOUT, account):
        kept, bits = "-all", []
    else:
        kept = f"-all,+{_traversal()}"
        # Without this bit access(2) ignores capabilities, and Dovecot, which asks
        # access(2), takes its own mailboxes for read-only.
        bits = ["--securebits=+no_setuid_fixup"]
    return [
        shutil.which("setpriv") or "/usr/bin/setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        f"--inh-caps={kept}",
        f"--ambient-caps={kept}",
        *bits,
        *argv,
    ]


def give(path: Path | str) -> None:
    """Make ``user()`` the owner of a file or of a folder with all it holds."""
    if os.geteuid():
        return
    account = user()
    os.chown(path, account.pw_uid, account.pw_gid)
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(
                os.path.join(folder, name),
                account.pw_uid,
                account.pw_gid,
                follow_symlinks=False,
            )


def _reachable(folder: Path, account: pwd.struct_passwd) -> bool:
    """Whether ``account`` may step into ``folder`` and each folder above it."""
    for step in (folder, *folder.parents):
        status = step.stat()
        bit = 0o100 if status.st_uid == account.pw_uid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _traversal() -> str:
    """The smaller capability that traverses folders, of those we have to give.

    Docker's default set has CAP_DAC_OVERRIDE but not CAP_DAC_READ_SEARCH.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    ours = int(status.partition("CapPrm:")[2].split()[0], 16)
    return "dac_read_search" if ours & 1 << 2 else "dac_override"
