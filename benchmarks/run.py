# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make bench``: one mailbox, imported by us and by others, in turn.

``BENCH_ARGS="--full"`` for 20,000 messages; ``--help`` says what else.
"""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The engine is plain Python: without the package around it, which needs Odoo. Last, as
# the addon has a folder `tests` too.
sys.path[:0] = [str(ROOT)]
sys.path.append(str(ROOT / "addons" / "crm_mail_mirror"))

import at_apis  # noqa: E402
import at_many  # noqa: E402
import at_scale  # noqa: E402
import at_table  # noqa: E402
import over_imap  # noqa: E402
from in_odoo import FOLDER  # noqa: E402

from setup import database  # noqa: E402
from setup.say import Stop, fail, note  # noqa: E402

#: Most messages in a mailbox at the stand-ins of Google and Microsoft, in memory.
MOST_AT_APIS = 10_000


def main() -> int:
    options = _options()
    try:
        server = database.given()
        if server is None or not os.environ.get("CRM_MAIL_MIRROR_KEY"):
            raise Stop("Start the benchmarks with: make bench")
        if server.sql("SHOW fsync") != ["on"]:
            raise Stop("This PostgreSQL runs without fsync: no number would be true.")
        FOLDER.mkdir(parents=True, exist_ok=True)
        for place, bench in _benches(options, server).items():
            bench.run()
            print(f"\n{bench.table()}\n", flush=True)
            results = FOLDER / f"results-{place}.json"
            told = {"options": vars(options), **bench.results()}
            results.write_text(json.dumps(told, indent=1), "utf-8")
            note(f"All numbers: {results}")
    except (Stop, RuntimeError) as reason:
        fail(str(reason))
        return 1
    return 0


def _benches(options, server: database.Server) -> dict:
    makers = {
        "imap": over_imap.Bench,
        "gmail": at_apis.GmailBench,
        "microsoft": at_apis.MicrosoftBench,
        "scale": at_scale.Bench,
        "table": at_table.Bench,
        "many": at_many.Bench,
    }
    return {place: makers[place](options, server) for place in options.at}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py")
    add = parser.add_argument
    add(
        "--at",
        default="imap,gmail,microsoft",
        help="imap,gmail,microsoft,scale,many,table",
    )
    add("--messages", type=int, default=2_000, help="in the mailbox (2000)")
    add("--full", action="store_true", help="20,000 messages; 10,000 over APIs")
    add("--runs", type=int, default=1, help="of each; the medians are shown (1)")
    add("--idle", type=int, default=3, help="looks at the unchanged mailbox (3)")
    add("--only", default="", help="such as: ours,mbsync")
    add("--tls", action="store_true", help="IMAP: over TLS, everybody")
    add("--cold", action="store_true", help="IMAP: Dovecot forgets its caches before")
    add("--profile", action="store_true", help="where our seconds went; ours alone")
    add("--quota", type=int, default=60, help="Gmail: seconds with Google's quota (60)")
    add("--share", type=float, default=1.0, help="scale: 0.01 to try it out (1)")
    add("--mailboxes", type=int, default=1_000, help="many: how many (1000)")
    options = parser.parse_args()
    if options.full:
        options.messages = 20_000
    options.at = [name for name in options.at.split(",") if name]
    options.api_messages = min(options.messages, MOST_AT_APIS)
    options.only = [name for name in options.only.split(",") if name]
    if options.profile:
        options.only = ["ours"]
    return options


if __name__ == "__main__":
    sys.exit(main())
