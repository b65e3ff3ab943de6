"""What does each target of the Makefile do, in which order?"""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from . import browser, database, lint, node, odoo, odoo_tests, packages, postgres, venv
from .done import alone
from .say import LOCAL, Stop, fail, note
from .template import environment

CHECKOUT = LOCAL.parent


def ready(target: str) -> None:
    """Install what a target needs; what is there already costs nothing."""
    with alone("setup"):
        packages.ensure(target)
        odoo.ensure()  # its own checks are a part of lint
        venv.ensure()
        if target != "lint":
            node.ensure()
        if target == "test":
            browser.ensure(venv.PYTHON)


def test() -> int:
    """All tests: Odoo's runner on the addons' own, beside it pytest on the rest.

    ``PYTEST_ARGS`` selects among pytest's and leaves out Odoo's; ``ODOO_TAGS`` the
    other way round. What Odoo's said is told after pytest's.
    """
    ready("test")
    arguments = shlex.split(os.environ.get("PYTEST_ARGS", ""))
    tags = os.environ.get("ODOO_TAGS", "")
    passed = True
    with database.server() as server, contextlib.ExitStack() as beside:
        # tests find the server by themselves, and so as well without make
        env = {**environment(), **_surroundings()}
        odoos: Callable[[], bool] | None = None
        if tags or not arguments:
            odoos = beside.enter_context(odoo_tests.begun(server, env, tags))
        if arguments or not tags:
            chosen = arguments or _side_by_side()
            passed = _call([str(venv.PYTHON), "-m", "pytest", *chosen], env) == 0
        if odoos:
            passed &= odoos()
    return int(not passed)


def _side_by_side() -> list[str]:
    """More of pytest's workers than cores, as they often wait; each with whole files.

    Files share what their folder starts: a database, servers, an office of users. They
    are begun in the order of ``tests/conftest.py``, not by their numbers of tests.
    """
    workers = min((os.cpu_count() or 1) + 1, 4)
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]


def demo() -> int:
    """Set up, then leave the terminal to ``demo/run.py``."""
    ready("demo")
    with database.server(durable=True) as server:
        env = {**environment(server), **_surroundings()}
        env["CRM_MAIL_MIRROR_KEY"] = _demo_key()
        return _call([str(venv.PYTHON), "demo/run.py"], env, ends_by_itself=True)


def screenshots() -> int:
    """The demo's screens as pictures; ``SCREENS`` selects by part of their names."""
    ready("test")  # a browser as well
    os.environ.setdefault("SCREENS", "")
    os.environ.setdefault("DEMO_NAME", "screens")  # beside a demo that runs
    return demo()


def bench() -> int:
    """The measurements of ``benchmarks/``, on a database whose writes are durable."""
    ready("bench")
    arguments = shlex.split(os.environ.get("BENCH_ARGS", ""))
    with database.server(durable=True) as server:
        env = {**environment(server), **_surroundings()}
        return _call([str(venv.PYTHON), "benchmarks/run.py", *arguments], env)


def chaos() -> int:
    """Runs in which servers, network, disk and time break (``tests/chaos``)."""
    ready("chaos")
    arguments = ["--runs", os.environ.get("CHAOS_RUNS") or "200"]
    for name in ("seed", "faults", "minutes"):
        if given := os.environ.get(f"CHAOS_{name.upper()}"):
            arguments += [f"--{name}", given]
    with database.server() as server:
        env = {**environment(server), **_surroundings()}
        return _call([str(venv.PYTHON), "-m", "tests.chaos", *arguments], env)


def fuzz() -> int:
    """Inputs made up by chance against all that reads mail, for ``FUZZ_MINUTES``."""
    ready("test")
    with database.server():
        env = {**environment(), **_surroundings()}
        return _call([str(venv.PYTHON), "-m", "tests.fuzz.run"], env)


def scale() -> int:
    """The long form of ``tests/sync/test_hosts.py``."""
    os.environ.update(SCALE="1", PYTEST_ARGS="-q -s tests/sync/test_hosts.py")
    return test()


def clean() -> int:
    """Stop the private servers and remove all that was installed or made."""
    for name in ("test", "demo"):
        if (LOCAL / f"pg-{name}").exists() and database.binaries():
            postgres.Cluster(name, durable=False).stop()
    shutil.rmtree(LOCAL, ignore_errors=True)
    if LOCAL.exists():
        shutil.rmtree(LOCAL)  # again, to say what could not be removed
    note("Removed .local/ with all that make had installed; Debian packages stay.")
    return 0


def check() -> int:
    """Style and mistakes, by ruff and pylint-odoo."""
    ready("lint")
    return lint.run_all()


ALL: dict[str, Callable[[], int]] = {
    "test": test,
    "demo": demo,
    "screenshots": screenshots,
    "chaos": chaos,
    "scale": scale,
    "fuzz": fuzz,
    "bench": bench,
    "lint": check,
    "clean": clean,
}


def main(argv: list[str]) -> int:
    """Do one target; why it stopped is told in a sentence."""
    if len(argv) != 1 or argv[0] not in ALL:
        fail(f"Say one of: {', '.join(ALL)}.")
        return 2
    # `kill` ends a target as Ctrl-C does: what it started is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return ALL[argv[0]]()
    except Stop as reason:
        fail(str(reason))
        return 1
    except KeyboardInterrupt:
        fail(f"Interrupted: 'make {argv[0]}' goes on where it was.")
        return 130


def _surroundings() -> dict[str, str]:
    """Temporary files inside the checkout, and a key of this run."""
    scratch = LOCAL / "tmp"
    scratch.mkdir(exist_ok=True)
    scratch.chmod(0o1777)
    surroundings = {
        "PYTEST_DEBUG_TEMPROOT": str(scratch),
        "CRM_MAIL_MIRROR_KEY": secrets.token_urlsafe(32),
        "PYTHONUNBUFFERED": "1",
        # Chromium keeps crash reports there, whatever profile it is given
        "XDG_CONFIG_HOME": str(LOCAL / "cache/config"),
        "XDG_CACHE_HOME": str(LOCAL / "cache"),
    }
    # Chromium and Dovecot put sockets there, whose paths must stay under 108 bytes
    if len(str(scratch)) < 50:
        surroundings["TMPDIR"] = str(scratch)
    found = browser.find()
    if found:
        surroundings["CHROME"] = str(found)
    return surroundings


def _demo_key() -> str:
    """The key the demo's stored secrets are encrypted with, the same at each run."""
    path = LOCAL / "demo-key"
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(32), encoding="ascii")
        unfinished.rename(path)
    return path.read_text(encoding="ascii")


def _call(
    argv: Sequence[str], env: Mapping[str, str], ends_by_itself: bool = False
) -> int:
    """Run a program in this terminal; Ctrl-C is its own to answer, then ours.

    :param ends_by_itself: Ctrl-C is how it is meant to be ended, and no failure
    """
    sys.stdout.flush()
    with subprocess.Popen(argv, env=dict(env), cwd=CHECKOUT) as program:
        try:
            return program.wait()
        except KeyboardInterrupt:
            if ends_by_itself:
                return program.wait()
            program.terminate()
            program.wait()
            raise
