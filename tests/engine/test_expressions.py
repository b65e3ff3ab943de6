# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Can a mail keep a regular expression of ours busy? Each is attacked where it repeats.

Found by reading the sources: one that comes new is attacked too, over as many
characters as mail may have, unless it is written down here that it gets fewer.
"""

import ast
import re
import time
from importlib import import_module
from pathlib import Path
from re import _constants as op
from re import _parser as parser

import pytest

ADDON = Path(__file__).parents[2] / "addons" / "crm_mail_mirror"
#: Characters over which an expression is tried, unless it gets fewer: a mail has more,
#: but what grows with the square of them shows here.
LONG = 20_000
#: CPU seconds that one call may take at that length. Those that grow with the length
#: take a millisecond.
SECONDS = 0.2
#: Module -> characters at most that it gives to any of its expressions, and why.
SHORT = {
    "engine.addresses": 4_000,  # MAX_PHRASE, MAX_EMAIL; the tokens are told below
    "engine.company_domains": 2_000,  # a field of a contact, typed by colleagues
    "engine.dates": 200,  # parse_date
    "engine.domains": 1_000,  # a setting, typed by its author
    "engine.identity": 2_000,  # MAX_ID
    "engine.mime": 20_000,  # MAX_FIELD
    "engine.name_words": 500,  # MAX_DISPLAY
    "engine.names": 500,
    "engine.question": 2_000,  # typed by its author
    "engine.quotes": 2_000,  # MAX_LINE, and four lines of an attribution
    "engine.roles": 320,  # MAX_EMAIL
    "engine.words": 2_000,  # MAX_SUBJECT, MAX_WORD
    "engine.bulk": 2_000,  # MAX_VALUE
    "engine.rulebook": 2_000,
    "models.crm_mail_mirror_client": 253,
    "models.crm_mail_mirror_change": 5_000,  # our own sentence
    "discretion": 20_000,  # a line of the log
}
LENGTHS = {
    ("engine.addresses", "_TOKEN"): LONG,
    ("engine.addresses", "_TOKEN_UNQUOTED"): LONG,
    ("engine.addresses", "_COMMENT_EDGE"): LONG,
    ("engine.html", "_HIDDEN"): 4_000,
    ("engine.html", "_META_CHARSET"): 4_000,
}
_CALLS = {"match", "search", "fullmatch", "sub", "findall", "finditer", "split"}


class Expression:
    def __init__(self, module: str, name: str, pattern, calls):
        self.module, self.name, self.pattern = module, name, pattern
        self.calls = sorted(calls & _CALLS) or ["search"]
        self.length = LENGTHS.get((module, name), SHORT.get(module, LONG))

    def __str__(self):
        return f"{self.module.rpartition('.')[2]}.{self.name}"


def expressions() -> list[Expression]:
    """All that are compiled when a module is loaded, and all that stand in a call."""
    found = []
    for path in sorted(ADDON.rglob("*.py")):
        if path.relative_to(ADDON).parts[0] in ("tests", "migrations"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(ADDON).with_suffix("").parts)
        found += _in_module(module, tree)
    return found


def _in_module(module: str, tree: ast.Module):
    calls: dict[str, set] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            calls.setdefault(node.value.id, set()).add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call, told = node.func.attr, node.args[:1]
            is_one = ast.unparse(node.func.value) == "re" and call in _CALLS
            if is_one and isinstance(told[0], ast.Constant):
                pattern = re.compile(told[0].value, _flags(node))
                yield Expression(module, repr(told[0].value), pattern, {call})
    for node in tree.body:
        if isinstance(node, ast.Assign) and "re.compile" in ast.unparse(node.value):
            name = node.targets[0].id
            pattern = _value(module, tree, name)
            yield Expression(module, name, pattern, calls.get(name, set()))


def _flags(call: ast.Call) -> int:
    told = " ".join(ast.unparse(each) for each in [*call.args[2:], *call.keywords])
    return re.IGNORECASE if "IGNORECASE" in told else 0


def _value(module: str, tree: ast.Module, name: str):
    """As it stands; of a module that needs Odoo, out of its source."""
    if module.startswith("engine"):
        return getattr(import_module(module), name)
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return eval(ast.unparse(node.value), {"re": re})  # noqa: S307
    raise AssertionError(name)


# --- attacks --------------------------------------------------------------------------


def sample(nodes) -> str:
    """A short text that these match, as far as that can be told simply."""
    return "".join(map(_one, nodes))


def _one(node) -> str:
    kind, value = node
    if kind is op.LITERAL:
        return chr(value)
    if kind in (op.NOT_LITERAL, op.ANY, op.CATEGORY, op.IN):
        return _char(kind, value)
    if kind is op.BRANCH:
        return sample(value[1][0])
    if kind is op.SUBPATTERN:
        return sample(value[3])
    if kind is op.ATOMIC_GROUP:
        return sample(value)
    if kind in _REPEATS:
        least, _most, body = value
        return sample(body) * least
    return ""


_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def _char(kind, value) -> str:
    """A character of this class; simple ones first."""
    wanted = parser.SubPattern(parser.State(), [(kind, value)])
    for char in "a 1A<>()\"'=,.:;-_@?*#/&\\[]{}|\t\r\n\x00é":
        if _takes(wanted, char):
            return char
    return next((chr(n) for n in range(0x10000) if _takes(wanted, chr(n))), "")


def _takes(wanted, char: str) -> bool:
    from re import _compiler

    return bool(_compiler.compile(wanted, re.DOTALL).fullmatch(char))


def attacks(nodes, before: str = ""):
    """``(what stands before, what is repeated)`` for each place that repeats."""
    for node in nodes:
        kind, value = node
        if kind in _REPEATS:
            body = value[2]
            yield before, sample(body) or "a"
            yield from attacks(body, before)
            for branch in _branches(body):
                yield before, sample(branch) or "a"
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield "", sample(branch) or "a"
                yield "", sample(branch)[:-1] or "a"
                yield from attacks(branch, before)
        elif kind is op.SUBPATTERN:
            yield from attacks(value[3], before)
        before += _one(node)
    if before:
        yield "", before  # the whole of it, again and again
        yield "", before[:-1] or before


def _branches(nodes):
    for kind, value in nodes:
        if kind is op.BRANCH:
            yield from value[1]
        elif kind is op.SUBPATTERN:
            yield from _branches(value[3])


def inputs(expression):
    """Hostile texts of a length."""
    flags = expression.pattern.flags
    tree = parser.parse(expression.pattern.pattern, flags & ~re.DEBUG)
    pumps = dict.fromkeys([*attacks(tree), ("", " "), ("", "a"), ("", "\t\n")])
    ends = ("", "\x00", "!\n")
    return [(before, pump, end) for before, pump in pumps for end in ends]


def seconds_of(expression, text) -> float:
    """Of the slowest of its calls."""
    if isinstance(expression.pattern.pattern, bytes):
        text = text.encode("latin-1", "replace")
    slowest = 0.0
    for call in expression.calls:
        began = time.thread_time()
        if call == "sub":
            empty = b"" if isinstance(text, bytes) else ""
            expression.pattern.sub(lambda found, empty=empty: empty, text)
        elif call == "finditer":
            for _found in expression.pattern.finditer(text):
                pass
        else:
            getattr(expression.pattern, call)(text)
        slowest = max(slowest, time.thread_time() - began)
    return slowest


def attacked(expression) -> tuple[float, tuple]:
    """The longest time of any attack at its full length, and which one that was."""
    worst = 0.0, ()
    for before, pump, end in inputs(expression):
        length = 100
        while True:
            length = min(4 * length, expression.length)
            text = before + pump * (length // len(pump)) + end
            took = seconds_of(expression, text)
            worst = max(worst, (took, (before, pump, end, length)))
            if took > SECONDS or length == expression.length:
                break
        if worst[0] > SECONDS:
            break
    return worst


@pytest.mark.parametrize("expression", expressions(), ids=str)
def test_no_text_keeps_an_expression_busy(expression):
    took, attack = attacked(expression)

    assert took < SECONDS, f"{took:.1f} s: {attack}"


@pytest.mark.parametrize(
    ("slow", "length"), [(r"(a+)+$", 22), (r"(\w+\s?)*:", 22), (r"\s+$", 8_000)]
)
def test_attacks_find_what_is_slow(slow, length):
    """The square of the length, and far worse."""
    bad = Expression("none", slow, re.compile(slow), {"search"})
    bad.length = length

    took, _attack = attacked(bad)

    assert took > SECONDS / 4
