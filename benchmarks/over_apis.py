# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One mailbox at Gmail or at Microsoft 365, imported by us and by others, in turn.

We are there twice: the engine alone (``alone.py``), to be compared with the others, and
all of it in Odoo (``ours.py``). Requests and bytes are counted in each client's process
(``wire.py``), calls and quota units by the server.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import api_tables
import in_odoo
from account import Account
from clients import CLIENTS
from in_odoo import FOLDER, OURS
from measure import Cost, conversation
from stand_ins import AtGoogle, AtMicrosoft, account

from setup import database, venv
from setup.say import Stop, note, step

ALONE = "engine alone"
HEADERS, ADDRESSES = "every header", "by addresses"
_HERE = Path(__file__).parent
#: Environment variables by which ``requests`` reads other authorities at every
#: connection; what that costs is no matter of ours.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Bench:
    """:param options: of the command line"""

    stand_in: type[AtGoogle] | type[AtMicrosoft]
    title = ""
    #: ways to list old mail
    ways: tuple[str, ...] = (HEADERS,)

    def __init__(self, options, server: database.Server):
        self.options, self.server = options, server
        self.account: Account = account(options.api_messages)
        self.imports: dict[str, list[Cost]] = {}
        self.idle: dict[str, list[Cost]] = {}
        self.stages: dict[str, list[dict]] = {}
        self.asked: dict[str, Counter] = {}
        self.notes: list[str] = []

    def run(self) -> None:
        with self.stand_in() as self.at:
            with step(f"{self.title}: putting {self.account.size:,} messages there"):
                self.at.fill(self.account)
            for number in range(1, self.options.runs + 1):
                for way in self.ways if self._is_chosen("ours") else ():
                    with step(f"Run {number}: {ALONE}, {way}"):
                        self._alone(way)
                    with step(f"Run {number}: {OURS}, {way}"):
                        self._in_odoo(way)
                for client in self._clients():
                    with step(f"Run {number}: {client.name}"):
                        self._client(client.name)
            self.more()

    def _clients(self) -> list[type]:
        if not self._is_chosen("clients"):
            return []
        found = []
        for client in CLIENTS[self.at.kind]:
            if importlib.util.find_spec(client.needs):
                found.append(client)
            else:
                note(f"{client.needs} is not installed: no comparison with it.")
        return found

    def more(self) -> None:
        """What is measured once."""

    def _is_chosen(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    # --- the contestants --------------------------------------------------------------

    def _alone(self, way: str) -> None:
        by = self._contacts() if way == ADDRESSES else None
        steps = self.engine(idle=self.options.idle, addresses=by)
        name, first = f"{ALONE}, {way}", steps[0]
        counts = first["counts"]
        listed = counts["listed"] + counts["passed_by"]
        if listed != self.account.size or counts["mirrored"] != self.account.matching:
            raise Stop(f"That is not the whole mailbox: {counts}")
        self.stages.setdefault(name, []).append(first["spent"])
        self.asked[name] = Counter(first["asked"]["kinds"])
        self._note_cost(self.imports, name, _sum(first), first)
        for each in steps[1:]:
            self.note_look(name, each)
        if way == HEADERS:
            self.notes.append(
                f"{name}: {first['memory']:.0f} MB at its peak, {first['before']:.0f}"
                " before the first page, libraries read"
            )

    def note_look(self, name: str, told: dict) -> None:
        """:param told: by ``engine``, of a look at an unchanged mailbox"""
        if told["counts"]["changes"] or not told["counts"]["complete"]:
            raise Stop(f"There was something new: {told['counts']}")
        self._note_cost(self.idle, name, _sum(told), told)

    def _in_odoo(self, way: str) -> None:
        steps = self.odoo(way == ADDRESSES, idle=self.options.idle)
        told = steps[0]
        # by addresses, what is no contact's is not even listed
        rows = self.account.matching if way == ADDRESSES else self.account.size
        in_odoo.check(told["states"], self.account, rows)
        name = f"{OURS} in Odoo, {way}"
        for step_, costs in (("import", self.imports), ("idle", self.idle)):
            for each in steps:
                if each["step"] == step_:
                    self._note_cost(costs, name, Cost(**each["cost"]), each)
        self.notes.append(
            f"{name}: {told['rounds']} jobs; Odoo alone {told['odoo']:.0f} MB"
        )
        self.notes += [f"\n{each['profile']}" for each in steps if "profile" in each]

    def _client(self, name: str) -> None:
        file = FOLDER / "copy.jsonl"
        task = {
            **self._who(),
            "client": name,
            "file": str(file),
            "idle": self.options.idle,
        }
        try:
            steps = self._program("clients.py", task)
        finally:
            file.unlink(missing_ok=True)
        for each in steps:
            if each["count"] != self.account.size:
                raise Stop(f"{name} found {each['count']} messages.")
            costs = self.imports if each["step"] == "import" else self.idle
            self._note_cost(costs, name, Cost(**each["cost"]), each)

    def _note_cost(self, costs, name: str, cost: Cost, told: dict) -> None:
        asked = told["asked"]
        cost = replace(cost, calls=asked["calls"], units=asked.get("units", 0))
        costs.setdefault(name, []).append(cost)
        if asked["tokens"]:
            self.notes.append(f"{name}: asked for a token, which was still good")

    # --- programs ---------------------------------------------------------------------

    def engine(
        self,
        idle: int,
        addresses: Iterable[str] | None = None,
        user: str = "",
        **task,
    ) -> list[dict]:
        """:param user: whose mailbox :param task: as ``alone.py`` says"""
        given = {
            **self._who(*([user] if user else [])),
            "contacts": self._contacts(),
            "addresses": None if addresses is None else sorted(addresses),
            "by_address": False,
            "idle": idle,
            **task,
        }
        return self._program("alone.py", given, user)

    def odoo(self, by_address: bool, idle: int, seconds: int = 0) -> list[dict]:
        identifier, secret = self.at.client()
        task = {
            "mailbox": {"provider": self.at.kind},
            "client": {
                "values": {"provider": self.at.kind, "client_id": identifier},
                "secret": secret,
            },
            "secret": self.at.secret(),
            "by_address": by_address,
            "messages": self.account.size,
            "profile": self.options.profile,
            "idle": idle,
            "seconds": seconds,
            "servers": in_odoo.postmaster(self.server),
        }
        self.at.forget()
        env = {**self.at.environment(), **dict.fromkeys(_BUNDLES, "")}
        return in_odoo.run(self.server, task, env, self._between)

    def _program(self, name: str, task: dict, user: str = "") -> list[dict]:
        self.at.forget()
        argv = [str(venv.PYTHON), str(_HERE / name), json.dumps(task)]
        env = {**os.environ, **dict.fromkeys(_BUNDLES, "")}
        return conversation(argv, env, lambda: self._between(user))

    def _between(self, user: str = "") -> dict:
        asked = self.at.asked(*([user] if user else []))
        self.at.forget()
        return {"asked": asked}

    def _who(self, *user: str) -> dict:
        return {
            "kind": self.at.kind,
            "settings": self.at.settings(*user),
            "secret": self.at.secret(*user),
        }

    def _contacts(self) -> list[str]:
        return [email for _name, email in self.account.contacts()]

    # --- what came out ----------------------------------------------------------------

    def results(self) -> dict:
        def as_dicts(costs):
            return {name: [one.as_dict() for one in some] for name, some in costs}

        return {
            "imports": as_dicts(self.imports.items()),
            "idle": as_dicts(self.idle.items()),
            "stages": self.stages,
            "asked": self.asked,
            "notes": self.notes,
        }

    def table(self) -> str:
        clients = {client.name for client in CLIENTS[self.at.kind]}
        lines = [
            f"{self.title}, {self.account.size:,} messages, {self.account.matching:,}"
            f" of them with contacts; {self.options.runs} run(s)",
            "",
            *api_tables.imports(self.imports, f"{ALONE}, {HEADERS}", clients),
            "",
            *api_tables.looks(self.idle),
        ]
        for name, runs in self.stages.items():
            lines += ["", *api_tables.stages(name, runs, self.account.size)]
        for name, kinds in self.asked.items():
            told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
            lines += ["", f"{name}: {told}"]
        return "\n".join([*lines, "", *dict.fromkeys(self.notes)])


def _sum(told: dict) -> Cost:
    """Of all questions. Peak memory is that of the whole process."""
    fields = ("requests", "sent", "received", "seconds", "cpu")
    spent = told["spent"].values()
    return Cost(
        **{field: sum(one[field] for one in spent) for field in fields},
        memory=told.get("memory", 0.0),
    )
