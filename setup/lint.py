"""Is the code in good style, by the settings of OCA and Odoo, and is it safe?"""

import json
import os
import subprocess
import xml.dom.expatbuilder  # nosec B407: our own files
from collections.abc import Mapping
from pathlib import Path
from xml.parsers.expat import ExpatError

from . import odoo, template, venv
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
    passed &= _odoo([Path(addon).name for addon in addons])
    bandit = [str(venv.FOLDER / "bin/bandit"), "--quiet", "--recursive"]
    bandit += ["--configfile=setup/bandit.yaml"]
    passed &= _check("bandit", [*bandit, "addons", "setup"])
    # who measures or demonstrates may do more: bandit.yaml says what, and why
    more = ["--skip=B101,B310,B311", "demo", "benchmarks"]
    passed &= _check("bandit, demo and benchmarks", [*bandit, *more])
    passed &= secrets()
    passed &= _audit()
    note("All checks passed." if passed else "Some checks failed.")
    return 0 if passed else 1


def _check(name: str, argv: list[str], env: Mapping[str, str] | None = None) -> bool:
    with step(name):
        done = subprocess.run(
            argv,
            cwd=CHECKOUT,
            env={**(env or os.environ), "PYLINTHOME": str(LOCAL / "cache/pylint")},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        note(done.stdout + done.stderr)
    return done.returncode == 0


def _odoo(names: list[str]) -> bool:
    """Odoo's own checks, which come with it; left out they are not passed."""
    checks = odoo.root() / "odoo/addons/test_lint"
    if not checks.is_dir():
        note(f"Odoo's own checks could not be run: there is no {checks}.")
        return False
    path = ",".join(map(str, odoo.addons_path()))
    argv = [str(venv.PYTHON), "-m", "setup.odoo_lint", path, *names]
    return _check("Odoo's test_lint", argv, template.environment())


def secrets() -> bool:
    """Does a secret lie among the files of the checkout?"""
    program = Path(__file__).with_name("lint_secrets.py")
    return _check("detect-secrets", [str(venv.PYTHON), str(program)])


def _audit() -> bool:
    """Is a weakness known of a package that is installed?

    Which ones were weighed and stay stands in ``known-weaknesses.txt``, with a reason.
    """
    known = (CHECKOUT / "setup/known-weaknesses.txt").read_text(encoding="utf-8")
    argv = [str(venv.FOLDER / "bin/pip-audit"), "--local", "--format=json"]
    argv += ["--progress-spinner=off", "--timeout=10"]
    for line in known.splitlines():
        if line and not line.startswith("#"):
            argv += ["--ignore-vuln", line.split()[0]]
    with step("pip-audit"):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return judge(done.stdout)


def judge(told: str) -> bool:
    """What pip-audit found out.

    :param told: its answer as JSON; nothing where it could not ask at all
    """
    try:
        packages = json.loads(told)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    asked = [one for one in packages if "skip_reason" not in one]
    if not asked:
        note("Known weaknesses were not looked up: the service cannot be reached.")
    for one in asked:
        for weakness in one["vulns"]:
            mended = ", ".join(weakness["fix_versions"]) or "no release yet"
            note(
                f"{one['name']} {one['version']}: {weakness['id']}, mended in: {mended}"
            )
    return not any(one["vulns"] for one in asked)


def _well_formed() -> bool:
    good = True
    for path in _files("*.xml"):
        try:
            xml.dom.expatbuilder.parse(str(CHECKOUT / path))  # nosec B316
        except ExpatError as error:
            note(f"{path}: {error}")
            good = False
    return good


def _files(pattern: str) -> list[Path]:
    """Files of that name below addons/, relative to the checkout."""
    found = (CHECKOUT / "addons").rglob(pattern)
    return sorted(path.relative_to(CHECKOUT) for path in found)
