"""Which Debian packages are missing, and how do they get here?"""

import ctypes.util
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from . import browser, database
from .say import Stop, note, run, step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def _has(*programs: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name, path=_PATH) for name in programs)


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_FONTS = Path("/usr/share/fonts")

# package -> whether what we need of it is there already, by whatever way it came
PACKAGES: dict[str, Callable[[], bool]] = {
    "python3-venv": lambda: importlib.util.find_spec("ensurepip") is not None,
    "ca-certificates": Path("/etc/ssl/certs/ca-certificates.crt").exists,
    "debian-archive-keyring": KEYRING.exists,
    "openssl": _has("openssl"),
    "libmagic1": lambda: ctypes.util.find_library("magic") is not None,
    # Playwright's driver links to it
    "libatomic1": lambda: ctypes.util.find_library("atomic") is not None,
    "postgresql": lambda: database.given() is not None or database.binaries() != [],
    "postgresql-client": lambda: database.given() is None or bool(database.psql()),
    "dovecot-imapd": lambda: Path("/usr/lib/dovecot/imap").exists(),
    "isync": _has("mbsync"),
    "fonts-dejavu-core": lambda: any(_FONTS.glob("truetype/*/*.ttf")),
    "fonts-droid-fallback": lambda: any(
        place.match("*CJK*") or place.match("DroidSansFallback*")
        for place in _FONTS.glob("*/*/*")
    ),
    "offlineimap3": _has("offlineimap"),
}
SERVER = ["python3-venv", "ca-certificates", "debian-archive-keyring", "libmagic1"]
SERVER += ["postgresql", "postgresql-client", "dovecot-imapd", "openssl"]
NEEDS = {
    "lint": ["python3-venv", "ca-certificates", "debian-archive-keyring", "libmagic1"],
    "demo": SERVER,
    "chaos": SERVER,
    "test": [
        *SERVER,
        "isync",
        "libatomic1",
        "fonts-dejavu-core",
        "fonts-droid-fallback",
    ],
    "bench": [*SERVER, "isync", "offlineimap3"],
}


def ensure(target: str) -> None:
    """Install what ``make <target>`` needs and this machine lacks.

    :raises Stop: there is no right to install, or no network.
    """
    missing = [name for name in NEEDS[target] if not PACKAGES[name]()]
    missing = [_for_this_python(name) for name in missing]
    if target == "test":
        missing += browser.missing_packages()
    if missing:
        _install(missing)


def _for_this_python(package: str) -> str:
    """``python3-venv`` serves Debian's default Python; others have their own."""
    default = Path("/usr/bin/python3")
    if package != "python3-venv" or not default.exists():
        return package
    if Path(sys.executable).resolve() == default.resolve():
        return package
    return f"python3.{sys.version_info.minor}-venv"


def _install(missing: Iterable[str]) -> None:
    names = list(missing)
    if not shutil.which("apt-get"):
        raise Stop(
            "This is no Debian or Ubuntu: install what these packages hold, "
            f"then run make again: {' '.join(names)}"
        )
    apt = ["apt-get", "install", "-y", "--no-install-recommends", "--no-upgrade"]
    by_hand = f"apt-get update && {shlex.join([*apt, *names])}"
    root = _become_root()
    if root is None:
        raise Stop(
            "Debian packages are missing and this user may not install any: "
            f"as root run '{by_hand}', then run make again."
        )
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    with step("Installing Debian packages: " + " ".join(names)):
        run(
            [*root, "apt-get", "update", "--error-on=any"],
            "apt-update",
            "The lists of Debian packages could not be fetched: check the network "
            f"and /etc/apt, or run '{by_hand}' by hand.",
        )
        run(
            [*root, *quiet, *apt, *names],
            "apt-install",
            "Debian packages could not be installed: check the network, the space "
            f"on the disk, and 'dpkg --audit', or run '{by_hand}' by hand.",
        )
    if "postgresql" in names or "dovecot-imapd" in names:
        note(
            "Debian starts services of its own with these packages; "
            "make uses none of them, only private ones below .local/."
        )


def _become_root() -> list[str] | None:
    """What to put before a command so that root runs it; None if nothing does."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    allowed = subprocess.run(
        ["sudo", "-n", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return ["sudo", "-n"] if allowed.returncode == 0 else None
