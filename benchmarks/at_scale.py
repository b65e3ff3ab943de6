# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How long does choosing take where there is much of everything? See ``scale.py``."""

from __future__ import annotations

import in_odoo

from setup import database
from setup.say import step

#: What is measured: (name, what it is, what it shall be).
ASKED = {
    "deciding": "10,000 envelopes beside 200,000 contacts",
    "contact": "a new contact beside 1,000,000 unmatched mails",
    "exclusion": "a new exclusion applied to 100,000 mirrored mails",
}


class Bench:
    """:param options: of the command line"""

    def __init__(self, options, server: database.Server):
        self.options, self.server = options, server
        self.told: list[dict] = []

    def run(self) -> None:
        for name, what in ASKED.items():
            if self.options.only and name not in self.options.only:
                continue
            with step(f"{name}: {what}"):
                task = {"measure": name, "share": self.options.share}
                self.told += in_odoo.run(self.server, task, {}, program="scale.py")

    def results(self) -> dict:
        return {"told": self.told}

    def table(self) -> str:
        lines = ["| measured | it took | shall be |", "|---|---|---|"]
        for told in self.told:
            lines += [
                f"| {what} | {took} | {bound} |" for what, took, bound in told["rows"]
            ]
        plans = [told["plan"] for told in self.told if told.get("plan")]
        return "\n".join([*lines, *("\n" + plan for plan in plans)])
