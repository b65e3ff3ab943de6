# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Runs of chaos, one after the other: ``python -m tests.chaos --runs 200 --seed 7``.

Run ``n`` has the seed ``SEED + n``; ``--runs 1 --seed`` with a run's own seed repeats
it, as far as processes on a busy machine do the same twice. What happened is kept in
``.local/chaos/runs.log``, a line for each run.
"""

import argparse
import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from setup import database, template
from setup.say import LOCAL
from tests.chaos import broken, faults
from tests.chaos.database import FRESH, NAME, Fragile, children, dump
from tests.chaos.run import Run
from tests.chaos.workers import end_with_parent

#: Seconds after which a run that hangs is ended, as a failure.
LONGEST = 600


def main() -> int:
    options = _options()
    if "CHAOS_BACKUP" not in os.environ:
        _prepare()
    # Odoo would prefer the server of the tests to the one of its configuration
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    if not {"CHAOS_INSIDE", "CHAOS_OUTSIDE"} & os.environ.keys():
        _go_inside()
    # a shell that starts it in the background has it ignore Ctrl-C
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    backup = Path(os.environ["CHAOS_BACKUP"])
    folder = backup.parent
    os.environ["CRM_MAIL_MIRROR_KEY"] = secrets.token_urlsafe(32)
    cluster = Fragile(folder / "pg")
    try:
        cluster.make(alone="CHAOS_INSIDE" in os.environ)
        cluster.copy_in(backup, FRESH)
        return _all_runs(options, cluster, folder)
    except KeyboardInterrupt:
        return 130
    finally:
        cluster.stop()
        subprocess.run(["umount", folder / "pg"], stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def _options():
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--faults", default="", help="these, in this order: a,b,c")
    parser.add_argument("--pace", type=float, default=1, help="how long faults last")
    parser.add_argument(
        "--broken", action="store_true", help="is each mistake of broken.py noticed?"
    )
    parser.add_argument("--minutes", type=float, default=0, help="begin none after")
    return parser.parse_args()


def _prepare():
    """A database with the addon installed, out of the server where tests have theirs.

    From inside that server is not to be touched: what it notes of its processes would
    be of others there.
    """
    folder = LOCAL / "chaos" / secrets.token_hex(3)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    backup = folder / "fresh.dump"
    with database.server() as server:
        prepared, passing = template.ensure(server), f"mirror_test_{folder.name}"
        template.clone(server, prepared, passing)
        try:
            dump(server, passing, backup)
        finally:
            template.drop(server, passing)
    os.environ["CHAOS_BACKUP"] = str(backup)


def _go_inside():
    """As root: into namespaces of our own, so that nothing mounted or started stays."""
    clock, source = LOCAL / "chaos" / "clock.so", Path(__file__).with_name("clock.c")
    if shutil.which("cc"):
        compiler = ["cc", "-shared", "-fPIC", "-O1", "-o", clock, source, "-ldl"]
        subprocess.run(compiler, check=True)
        os.environ["LD_PRELOAD"] = str(clock)
    # the shell looks after processes that lost their parent: it is init in there
    inside = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    inside += ["sh", "-c", '"$@" & wait $!', "sh"]
    able = (
        not os.geteuid()
        and not subprocess.run(
            [*inside, "mount", "-t", "tmpfs", "try", "/mnt"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
    )
    os.environ["CHAOS_INSIDE" if able else "CHAOS_OUTSIDE"] = "1"
    again = [sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
    if not able:
        os.execv(again[0], again)
    with subprocess.Popen([*inside, *again], preexec_fn=end_with_parent) as program:
        # of Ctrl-C it hears with us; unshare and the shell hear of nothing
        signal.signal(signal.SIGTERM, lambda *_: _end_inside(program.pid))
        signal.signal(signal.SIGINT, _stop)
        try:
            sys.exit(program.wait())
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(10)
            program.kill()
            shutil.rmtree(Path(os.environ["CHAOS_BACKUP"]).parent, ignore_errors=True)
            sys.exit(130)


def _end_inside(unshare: int):
    for shell in children(unshare):
        for pid in children(shell):
            if b"tests.chaos" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
    _stop()


def _stop(*_):
    """Once: after Ctrl-C ``make`` says so again, and it shall end what it began."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _all_runs(options, cluster, folder) -> int:
    registry = _odoo(cluster, folder)
    for kind in faults.KINDS:
        if why := faults.why_not(kind, cluster):
            print(f"left out: {kind}: {why}", flush=True)
    print(f"CHAOS_SEED={options.seed} CHAOS_RUNS={options.runs}", flush=True)
    if options.broken:
        return _all_broken(options, cluster, registry, folder)
    kinds = [each for each in options.faults.split(",") if each]
    end = time.monotonic() + options.minutes * 60 if options.minutes else None
    failed, went_well = [], Counter()
    try:
        for seed in range(options.seed, options.seed + options.runs):
            if end and time.monotonic() > end:
                break
            run = Run(seed, cluster, registry, folder, kinds, options.pace)
            if _one(run, folder):
                went_well.update(["runs", *run.kinds])
            else:
                failed.append(seed)
    finally:
        _sum_up(failed, went_well, options.faults)
    return bool(failed)


def _sum_up(failed, went_well, chosen):
    runs = went_well.pop("runs", 0)
    print(f"{runs} runs without a loss, {len(failed)} with one", flush=True)
    print(", ".join(f"{kind} {times}" for kind, times in sorted(went_well.items())))
    for seed in failed:
        faults_too = f" CHAOS_FAULTS={chosen}" if chosen else ""
        print(f"repeat it: make chaos CHAOS_RUNS=1 CHAOS_SEED={seed}{faults_too}")


def _all_broken(options, cluster, registry, folder) -> int:
    """Each mistake is made, and a few runs are enough to see it."""
    missed = []
    for breaks, kinds in broken.ALL:
        print(f"{breaks.__name__}: {breaks.__doc__}", flush=True)
        for seed in range(options.seed, options.seed + 4):
            run = Run(seed, cluster, registry, folder, kinds.split(","))
            run.breaks = breaks
            if not _one(run, folder):
                break
        else:
            missed.append(breaks.__name__)
    print(f"not noticed: {', '.join(missed) or 'none'}", flush=True)
    return bool(missed)


def _odoo(cluster, folder):
    """Odoo, and the addon's registry: runs are forked from here and have it already."""
    conf = template.configuration(cluster.odoo, folder / "odoo.conf")
    sys.path[:0] = template.environment()["PYTHONPATH"].split(os.pathsep)
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_all
    from odoo.tools import config

    config.parse_config(["-c", str(conf)], setup_logging=False)
    initialize_sys_path()
    # jobs of Odoo's own have nothing to do with it
    cluster.odoo.sql(
        """UPDATE ir_cron SET active = false WHERE ir_actions_server_id NOT IN (
               SELECT s.id FROM ir_act_server s JOIN ir_model m ON m.id = s.model_id
                WHERE starts_with(m.model, 'crm.mail.mirror'))""",
        FRESH,
    )
    cluster.renew()
    registry = Registry(NAME)
    from odoo.addons.crm_mail_mirror.engine.providers import imap_connect
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    # short pages have many edges, and a line that hangs does so for seconds only
    mailbox_run.PAGE = Budget(mails=15, seconds=20)
    mailbox_run.AGAIN = 1
    for name, seconds in (("connect", 2.0), ("read", 1.0), ("command", 5.0)):
        object.__setattr__(imap_connect.Account.timeouts, name, seconds)
    close_all()
    return registry


def _one(run, folder) -> bool:
    """One run, in a process of its own. :return: whether nothing was lost"""
    began, told = time.monotonic(), folder / "told"
    told.write_text(f"{'+'.join(run.kinds)} (hung)\n", encoding="utf-8")
    log = folder / "odoo.log"
    log.write_bytes(b"")
    pid = os.fork()
    if not pid:
        os._exit(_inside_one(run, told))
    while not (done := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > began + LONGEST:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    status = os.waitstatus_to_exitcode(done[1])
    words = told.read_text(encoding="utf-8")
    head, _, trouble = words.partition("\n")
    seconds = time.monotonic() - began
    line = f"{run.seed} {'LOST' if status else 'ok'} {seconds:.0f}s {head}"
    print(line, flush=True)
    with (LOCAL / "chaos" / "runs.log").open("a", encoding="utf-8") as runs:
        runs.write(f"{time.strftime('%F %T')} {line}\n")
    if status:
        print(trouble, flush=True)
        kept = LOCAL / "chaos" / f"{run.seed}.log"
        kept.write_text(words, encoding="utf-8")
        with kept.open("a", encoding="utf-8") as output:
            output.write(log.read_text(encoding="utf-8", errors="replace"))
    run.cluster.start_again()
    return not status


def _inside_one(run, told) -> int:
    end_with_parent()
    trouble = ""
    try:
        run.breaks(run.registry)
        run.go()
    except BaseException:
        trouble = traceback.format_exc() + run.evidence
    head = f"{'+'.join(run.kinds)} ({'; '.join(run.told)})"
    told.write_text(f"{head}\n{trouble}", encoding="utf-8")
    return bool(trouble)


if __name__ == "__main__":
    sys.exit(main())
