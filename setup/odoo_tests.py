"""Do the addons' own tests pass, run by Odoo on a fresh database?"""

import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from . import odoo, template, venv
from .database import Server
from .done import fingerprint
from .ports import free_port
from .say import LOCAL, note, step

ADDONS = ("crm_mail_mirror", "crm_mail_mirror_hr")
#: Odoo's own checks of style that need all models at hand; see also ``odoo_lint``.
LINT = ("TestNaming", "TestLintOverrideSignatures", "TestIndex", "RoutesLinter")
LINT += ("TestDocstring",)
SUMMARY = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests")
TROUBLE = re.compile(r"^[-\d]+ [\d:,]+ \d+ (ERROR|CRITICAL) ", re.MULTILINE)


@contextmanager
def begun(
    server: Server, env: Mapping[str, str], tags: str = ""
) -> Iterator[Callable[[], bool]]:
    """Install the addons into a copy of Odoo's own modules and run their tests.

    They run while the block does, and are ended with it. The block is given a function
    that waits for them and says whether they passed; the reasons stand on the terminal
    when not.

    :param tags: Odoo's ``--test-tags``; by default all tests of the addons.
    """
    core = template.ensure(server, modules=())
    dbname = f"mirror_tests_{secrets.token_hex(4)}"
    log = LOCAL / "log/odoo-tests.log"
    conf = template.configuration(
        server, LOCAL / "odoo-tests.conf", http_port=free_port()
    )
    template.clone(server, core, dbname)
    modules, chosen = list(ADDONS), [f"/{name}" for name in ADDONS]
    if (odoo.root() / "odoo/addons/test_lint").is_dir():
        modules.append("test_lint")
        chosen += [f"/test_lint:{name}" for name in LINT]
    command = [venv.PYTHON, "-m", "odoo", "-c", conf, "-d", dbname]
    command += ["-i", ",".join(modules), "--stop-after-init"]
    command += ["--test-tags", tags or ",".join(chosen)]
    try:
        with log.open("wb") as output:
            odoos = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, "PATH": _with_browser(env)},
            )

        def passed() -> bool:
            with step(f"Running Odoo's tests of {', '.join(ADDONS)}"):
                code = odoos.wait()
            return _judge(log.read_text(encoding="utf-8", errors="replace"), code)

        try:
            yield passed
        finally:
            _end(odoos)
    finally:
        template.drop(server, dbname)


def _end(program: subprocess.Popen) -> None:
    """Odoo ends its browser when it is asked to end; it is given a moment for it."""
    program.terminate()
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _judge(said: str, code: int) -> bool:
    """Passed means: Odoo says so, ran something, and logged no error on the way."""
    trouble = list(TROUBLE.finditer(said))
    summary = SUMMARY.search(said)
    if summary:
        note("Odoo's tests: " + summary.group())
    if code == 0 and summary and int(summary[3]) and not trouble:
        return True
    if trouble:
        note(said[trouble[0].start() :][:6000])
    elif not summary:
        note(said[-6000:])
    note(f"The whole log: {LOCAL / 'log/odoo-tests.log'}")
    return False


def _with_browser(env: Mapping[str, str]) -> str:
    """Odoo looks on the PATH for ``chromium``: put the browser found there first."""
    chrome = env.get("CHROME")
    if not chrome:
        return env["PATH"]
    folder = LOCAL / "browser" / fingerprint(chrome)
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "google-chrome"  # the first name Odoo tries
    if not link.is_symlink():
        link.symlink_to(chrome)
    return f"{folder}{os.pathsep}{env['PATH']}"
