# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How fast is the Emails tab where there is much? Called by ``scale.py``.

Each list is asked for by users of each level, and each time at once again by the same
user without the rule: as if everybody might see everything. Who asks, for which
contact, company or words differs from one question to the next.
"""

import json
import os
import random
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

from emails_data import USERS, fill

FOLDER = Path(__file__).resolve().parents[1] / ".local" / "bench"
#: Questions of a kind; the levels take turns.
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 50)
LEVELS = "01234"
GOAL = "100 ms"


def emails(registry, share):
    count = int(1_000_000 * share)
    fill(registry, count)
    world = _World(registry)
    rows, raw, load = [], {}, [os.getloadavg()[0]]
    for kind in KINDS:
        told, raw[kind] = _asked(registry, world, kind)
        rows += told
        load.append(os.getloadavg()[0])
    rows.append(("load of the machine", f"{min(load):.0f} to {max(load):.0f}", ""))
    numbers = FOLDER / f"emails-{count}.json"
    numbers.write_text(json.dumps(raw), "utf-8")
    return rows, _plan(registry, world)


class _World:
    """Who may ask, and for what."""

    def __init__(self, registry):
        with registry.cursor() as cr:
            # else all of them lag behind
            cr.execute(
                "UPDATE crm_mail_mirror_mailbox"
                " SET last_sync_at = now() AT TIME ZONE 'UTC' + interval '1 day'"
            )

            def ids(query):
                cr.execute(query)
                return [ident for (ident,) in cr.fetchall()]

            cr.execute(
                """SELECT substr(login, 2, strpos(login, '@') - 2)::int, id
                     FROM res_users WHERE login LIKE '%@house.test'"""
            )
            self.users = dict(cr.fetchall())
            self.big = ids("SELECT id FROM res_partner WHERE name = 'Company 0'")
            self.companies = ids(
                "SELECT id FROM res_partner WHERE name LIKE 'Company %' ORDER BY id"
            )[1:]
            self.contacts = ids(
                "SELECT id FROM res_partner WHERE email LIKE '%@other%' ORDER BY id"
            )
            self.customers = ids(
                "SELECT id FROM res_partner WHERE email LIKE '%@big.test' ORDER BY id"
            )
            # from every text's to the rarest, as people look for
            self.words = ids(
                """SELECT translate(md5(r::text), '0123456789abcdef',
                                    'aeiourstnlmépdcö')
                     FROM (VALUES (1), (5), (20), (90), (300), (1000), (3000),
                                  (7000)) AS w(r)"""
            )

    def user(self, dice):
        """Half of them staff, half those above: ten directors, a hundred heads."""
        low, high = dice.choice(((112, USERS), (12, 111), (2, 111)))
        return self.users[dice.randint(low, high)]


def _contact(world, dice):
    return {"model": "res.partner", "id": dice.choice(world.contacts)}, None


def _customer(world, dice):
    return {"model": "res.partner", "id": dice.choice(world.customers)}, None


def _company(world, dice):
    return {"model": "res.partner", "id": dice.choice(world.companies)}, None


def _big(world, _dice):
    return {"model": "res.partner", "id": world.big[0]}, None


def _all(_world, _dice):
    return {"model": None}, None


def _words(world, dice):
    """Words of all frequencies, whole or begun, one mail's alone, two, and nobody's."""
    word = dice.choice(world.words)
    number = dice.randint(1, 49_999)
    return dice.choice(
        (
            word[:4],
            word[:5],
            word[:6],
            word[: dice.randint(2, 3)],
            f"{word[:4]} {dice.choice(world.words)[:4]}",
            f"matter{number}",
            f"matter{number // 100}",
            "matter",
            "reunion",
            f"zyzzy{number}",
        )
    )


def _search_all(world, dice):
    return {"model": None}, {"text": _words(world, dice)}


def _search_big(world, dice):
    return _big(world, dice)[0], {"text": _words(world, dice)}


def _person(world, dice):
    name = dice.choice(
        ("anna", "émile", "jurgen", f"contact{dice.randint(1, 20_000)}", "other77.test")
    )
    return {"model": None}, {"person": name}


def _sent(world, dice):
    scope = dice.choice((_big, _all))(world, dice)[0]
    return scope, dice.choice(({"direction": "out"}, {"attachments": True}))


def _groups(world, dice):
    big = dice.random() < 0.5
    scope = (_big if big else _company)(world, dice)[0]
    return {**scope, "by": "contact"}, None


#: What is asked for, and how a question of it is made.
KINDS = {
    "a contact": _contact,
    "a contact of the big company": _customer,
    "a company": _company,
    "the big company": _big,
    "all mail": _all,
    "words in all mail": _search_all,
    "words in the big company's mail": _search_big,
    "a person in all mail": _person,
    "sent, or with files": _sent,
    "a company's contacts": _groups,
}


def _asked(registry, world, kind):
    """A row: first page, further pages, the line over them; of all levels together."""
    dice, ruled, free = random.Random(kind), _Clocks(), _Clocks()
    by_level = {level: _Clocks() for level in LEVELS}
    for number in range(ROUNDS):
        level, uid = LEVELS[number % len(LEVELS)], world.user(dice)
        scope, filters = KINDS[kind](world, dice)
        for without_rule in dice.sample((False, True), 2):
            clocks = [free] if without_rule else [ruled, by_level[level]]
            with _as_user(registry, uid, level, without_rule) as env:
                _ask(env["crm.mail.mirror.message"], scope, filters, clocks)
    row = (kind, ruled.told(free), GOAL)
    print(row, flush=True)
    return [row], {
        "ruled": ruled.raw(),
        "free": free.raw(),
        "levels": {level: clock.raw() for level, clock in by_level.items()},
    }


def _ask(messages, scope, filters, clocks):
    """What the screen asks for: a page, the next one, and the line over them."""
    cr = messages.env.cr
    if scope.get("by") != "contact":
        page = _timed(cr, [c.first for c in clocks], messages.get_conversations, scope)(
            filters
        )
        for clock in clocks:
            clock.size = max(clock.size, len(json.dumps(page)))
        if page["next"]:
            ask = _timed(
                cr, [c.further for c in clocks], messages.get_conversations, scope
            )
            ask(filters, page["next"])
    if not filters:
        _timed(cr, [c.over for c in clocks], messages.get_overview, scope)()


def _timed(cr, clocks, method, scope):
    """A call of which all these clocks take the wall time, and the CPU time: ours and
    that of the backend."""
    backend = f"/proc/{cr._cnx.info.backend_pid}/schedstat"

    def call(*arguments):
        began, spent = time.perf_counter(), time.process_time() + _on_cpu(backend)
        answer = method(scope, *arguments)
        wall = time.perf_counter() - began
        cpu = time.process_time() + _on_cpu(backend) - spent
        for clock in clocks:
            clock.wall.append(wall)
            clock.cpu.append(cpu)
        return answer

    return call


class _Clocks:
    def __init__(self):
        self.first, self.further, self.over = _Clock(), _Clock(), _Clock()
        self.size = 0

    def told(self, free):
        parts = [
            f"{name}: {clock.told()}, {clock.ratio(other)} x"
            for name, clock, other in (
                ("first", self.first, free.first),
                ("further", self.further, free.further),
                ("line", self.over, free.over),
            )
            if clock.cpu
        ]
        return "; ".join(parts) + f"; {self.size / 1000:.0f} KB"

    def raw(self):
        return {
            name: {"wall": clock.wall, "cpu": clock.cpu}
            for name, clock in vars(self).items()
            if isinstance(clock, _Clock)
        }


@contextmanager
def _as_user(registry, uid, level, without_rule=False):
    from odoo.api import Environment

    with registry.cursor() as cr:
        cr.execute(
            "UPDATE res_users SET mirror_visibility = %s WHERE id = %s", [level, uid]
        )
        env = Environment(cr, uid, {"lang": "en_US"})
        # as in a worker that has seen this user before
        env["crm.mail.mirror.message"].get_conversations({"model": None}, limit=1)
        env.flush_all()
        model = type(env["crm.mail.mirror.message"])
        right = model._visible_copies, model._sight
        if without_rule:
            model._visible_copies, model._sight = _every_copy, _every_mailbox
        try:
            yield env
        finally:
            model._visible_copies, model._sight = right
            cr.rollback()


def _every_copy(self, where, columns, sight=None):
    from odoo.tools import SQL

    return SQL(
        """SELECT %s FROM (SELECT c.*, c.user_id AS owner_id, 'everything' AS shown
                             FROM crm_mail_mirror_copy c
                            WHERE c.state = 'mirrored' AND %s) AS v""",
        columns,
        where,
    )


def _every_mailbox(self, viewer=None):
    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_message import Sight

    self.env.cr.execute("SELECT id FROM crm_mail_mirror_mailbox")
    return Sight(self.env.uid, tuple(i for (i,) in self.env.cr.fetchall()))


class _Clock:
    def __init__(self):
        self.wall, self.cpu = [], []

    def told(self):
        """Median and 95th percentile of both."""
        return f"{_spread(self.wall)} ms (CPU {_spread(self.cpu)})"

    def ratio(self, other):
        """Of the CPU time at the 95th percentile."""
        return (
            f"{percentile(self.cpu) / percentile(other.cpu):.1f}" if other.cpu else ""
        )


def _on_cpu(backend):
    """Seconds; 0 where PostgreSQL is on another machine."""
    try:
        with open(backend, encoding="ascii") as numbers:
            return int(numbers.read().split()[0]) / 1e9
    except OSError:
        return 0.0


def percentile(seconds, share=0.95):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _spread(seconds):
    return f"{statistics.median(seconds) * 1000:.0f}, {percentile(seconds) * 1000:.0f}"


def _plan(registry, world):
    """Of the first window of the big company's mail."""
    with _as_user(registry, world.users[50], "2") as env:
        messages, cr = env["crm.mail.mirror.message"], env.cr
        asked, execute = [], type(cr).execute

        def heard(self, query, *arguments, **named):
            asked.append((query, arguments))
            return execute(self, query, *arguments, **named)

        look = messages._look({"model": "res.partner", "id": world.big[0]}, None, None)
        type(cr).execute = heard
        try:
            messages._window(look, None, 200, None)
        finally:
            type(cr).execute = execute
        from odoo.tools import SQL

        cr.execute(SQL("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) %s", asked[-1][0]))
        plan = "\n".join(line for (line,) in cr.fetchall())
    return f"```\n{plan}\n```"
