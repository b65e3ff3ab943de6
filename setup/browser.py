"""Where is the Chromium that the browser tests drive?"""

import os
import shutil
from pathlib import Path

from .say import LOCAL, Stop, note, run, step

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
DOWNLOADED = LOCAL / "chromium"
# What Playwright's build of Chromium links to, on Ubuntu 24.04
LIBRARIES = """
    libasound2t64 libatk-bridge2.0-0t64 libatk1.0-0t64 libatspi2.0-0t64 libcairo2
    libcups2t64 libdbus-1-3 libdrm2 libgbm1 libglib2.0-0t64 libnspr4 libnss3
    libpango-1.0-0 libx11-6 libxcb1 libxcomposite1 libxdamage1 libxext6 libxfixes3
    libxkbcommon0 libxrandr2
""".split()


def find() -> Path | None:
    """The browser: ``CHROME``, one on the PATH, or the one downloaded for Ubuntu.

    :raises Stop: ``CHROME`` names no program.
    """
    named = os.environ.get("CHROME")
    if named:
        if not os.access(named, os.X_OK):
            raise Stop(f"CHROME={named} is no program: name Chromium's, or unset it.")
        return Path(named)
    for name in NAMES:
        place = shutil.which(name)
        if place and not _is_snap_stub(Path(place)):
            return Path(place)
    return next(iter(sorted(DOWNLOADED.glob("*/*/chrome*headless*shell"))), None)


def missing_packages() -> list[str]:
    if find():
        return []
    return LIBRARIES if _is_ubuntu() else ["chromium"]


def ensure(python: Path) -> None:
    """On Ubuntu, where ``chromium`` is a stub for snap, fetch Playwright's build.

    Without a browser its tests are left out, and the last line says so.
    """
    if find() is None and _is_ubuntu():
        try:
            with step("Downloading Chromium (on Ubuntu its package is only a stub)"):
                run(
                    [python, "-m", "playwright", "install", "--only-shell", "chromium"],
                    "chromium",
                    "Chromium could not be downloaded",
                    env={**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADED)},
                )
        except Stop as reason:
            note(str(reason))
    if find() is None:
        note("No Chromium: tests in a browser are skipped; CHROME=/path names one.")


def _is_ubuntu() -> bool:
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return "ID=ubuntu" in release.splitlines()


def _is_snap_stub(program: Path) -> bool:
    """Ubuntu's package holds a script that asks for snapd, not a browser."""
    with program.open("rb") as script:
        return b"snap" in script.read(4096) and not Path("/snap/bin/chromium").exists()
