# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Would a test notice that a control is gone? One phrase of the code is another then.

``docs/security.md`` names a test for each control. Here the control is taken away while
the code runs, and that very test is called again: it has to fail::

    Change("engine.providers.web:Web.open", "redirects=False", "redirects=True")

Nothing but the standard library is asked for: a server under test imports this as well.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType


@dataclass(frozen=True)
class Change:
    """:param where: ``module:function`` or ``module:Class.method``, whatever it is
    decorated with :param before: what stands there, once
    """

    where: str
    before: str
    after: str

    def function(self) -> FunctionType:
        module, _colon, path = self.where.partition(":")
        found: object = importlib.import_module(module)
        for name in path.split("."):
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{found.__name__}{name}"
            found = inspect.getattr_static(found, name)
        return found.fget if isinstance(found, property) else inspect.unwrap(found)

    def code(self) -> CodeType:
        """The function as it would be compiled with the other phrase in it."""
        function = self.function()
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.before) == 1, f"{self.where} has no {self.before!r}"
        source = source.replace(self.before, self.after)
        *outer, name = function.__qualname__.split(".")
        for around in reversed(outer):  # for super() and private names
            source = f"class {around}:\n{textwrap.indent(source, '    ')}"
        found = next(_codes(compile(source, f"<{self.where}, broken>", "exec"), name))
        assert found.co_freevars == function.__code__.co_freevars, self.where
        return found

    @contextmanager
    def made(self) -> Iterator[None]:
        """The function stays the same object: who imported it has the broken one too"""
        function, broken = self.function(), self.code()
        right, function.__code__ = function.__code__, broken
        try:
            yield
        finally:
            function.__code__ = right


def _codes(within: CodeType, name: str) -> Iterator[CodeType]:
    for each in within.co_consts:
        if isinstance(each, CodeType):
            if each.co_name == name:
                yield each
            yield from _codes(each, name)


@dataclass(frozen=True)
class Mutant:
    """One row of a table: what is taken away, and the test that has to fail for it.

    :param control: in words, of ``docs/security.md``
    :param changes: changes of code, or functions that break what is no code; those get
        pytest's ``MonkeyPatch`` and ``request``
    :param values: of the test's parameters; the others are fixtures
    :param fails: what else than an assertion may end it
    """

    control: str
    changes: tuple[Change | Callable, ...]
    test: Callable
    values: dict
    fails: tuple[type[BaseException], ...] = ()


def mutant(control, *changes, test, fails=(), **values) -> Mutant:
    return Mutant(control, changes, test, values, fails)


def must_notice(row: Mutant, request, *fails: type[BaseException]) -> None:
    """Call the test with the control taken away.

    :param fails: what else than an assertion may end any of the table's tests
    """
    import pytest

    wanted = inspect.signature(row.test).parameters
    given = {n: request.getfixturevalue(n) for n in wanted if n not in row.values}
    failed = (AssertionError, pytest.fail.Exception, *row.fails, *fails)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as broken:
        for change in row.changes:
            if isinstance(change, Change):
                broken.enter_context(change.made())
            else:
                change(patch, request)
        with pytest.raises(failed):
            row.test(**row.values, **given)
