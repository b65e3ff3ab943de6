"""Is the code in good style, by the settings of OCA?"""

import os
import subprocess
import xml.dom.expatbuilder
from pathlib import Path
from xml.parsers.expat import ExpatError

from . import venv
from .say import LOCAL, note, step

CHECKOUT = LOCAL.parent


def run_all() -> int:
    """Run each check, also after one has failed; 0 when all passed."""
    ruff = [str(venv.FOLDER / "bin/ruff")]
    addons = sorted(str(place.parent) for place in _files("__manifest__.py"))
    passed = _check("ruff check", [*ruff, "check", "--output-format=concise", "."])
    passed &= _check(
        "ruff format", [*ruff, "format", "--check", "--output-format=concise", "."]
    )
    if addons:
        pylint = [str(venv.PYTHON), "-m", "pylint", "--rcfile=.pylintrc", *addons]
        passed &= _check("pylint-odoo", pylint)
    passed &= _well_formed()
    note("All checks passed." if passed else "Some checks failed.")
    return 0 if passed else 1


def _check(name: str, argv: list[str]) -> bool:
    with step(name):
        done = subprocess.run(
            argv,
            cwd=CHECKOUT,
            env={**os.environ, "PYLINTHOME": str(LOCAL / "cache/pylint")},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        note(done.stdout + done.stderr)
    return done.returncode == 0


def _well_formed() -> bool:
    good = True
    for path in _files("*.xml"):
        try:
            xml.dom.expatbuilder.parse(str(CHECKOUT / path))
        except ExpatError as error:
            note(f"{path}: {error}")
            good = False
    return good


def _files(pattern: str) -> list[Path]:
    """Files of that name below addons/, relative to the checkout."""
    found = (CHECKOUT / "addons").rglob(pattern)
    return sorted(path.relative_to(CHECKOUT) for path in found)
