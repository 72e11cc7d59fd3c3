"""Which statements of a notebook an answer needs: definitions, imports and assignments that it uses, and no more.

Nothing here decides about right or wrong.  It leaves out what only shows or trains, so that it need not run again.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from helpers.grading.submission import parsed, plain

_KNOWN = frozenset(dir(builtins))


@dataclass(frozen=True)
class _Statement:
    cell: int
    first: int
    last: int
    binds: frozenset[str]
    uses: frozenset[str]
    calls: bool


def needed(cells: Sequence[str], wanted: str, calls: Sequence[bool]) -> tuple[str, ...]:
    """The cells, with every line left empty that ``wanted`` does not need; line numbers stay.

    A cell that binds ``wanted`` itself stays whole, and so does one that is no Python.  ``calls[i]`` says whether
    assignments of cell i count where they call something.

    >>> needed(["import math, sys\\nprint(1)", "def f(x):\\n    return math.pi * x"], "f", [True, True])
    ('import math, sys\\n', 'def f(x):\\n    return math.pi * x')
    """
    parsed = [_statements(i, cell) for i, cell in enumerate(cells)]
    whole = {
        i
        for i, statements in enumerate(parsed)
        if statements is None or any(wanted in statement.binds for statement in statements)
    }
    left = [s for statements in parsed for s in statements or () if s.binds and (calls[s.cell] or not s.calls)]
    names: set[str] = {wanted}
    kept: list[_Statement] = []
    while found := [s for s in left if s.cell in whole or s.binds & names or "*" in s.binds]:
        kept += found
        left = [s for s in left if s not in found]
        names |= {name for statement in found for name in statement.uses}
        names |= {name for i in whole for statement in parsed[i] or () for name in statement.uses}
    return tuple(cell if i in whole else _lines(cell, [s for s in kept if s.cell == i]) for i, cell in enumerate(cells))


def _lines(cell: str, kept: Sequence[_Statement]) -> str:
    wanted = {line for s in kept for line in range(s.first, s.last + 1)}
    lines = [line if number in wanted else "" for number, line in enumerate(plain(cell).splitlines(), 1)]
    return "\n".join(lines) if wanted else ""


@functools.lru_cache(1024)  # the same for each answer of a notebook, and the teacher's for every learner
def _statements(number: int, cell: str) -> tuple[_Statement, ...] | None:
    """The statements of a cell; None for one that is no Python."""
    tree = parsed(plain(cell))
    if tree is None:
        return None
    made = []
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        binds = frozenset(_bound(node))
        uses = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name)) - _KNOWN
        defines = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        calls = not isinstance(node, defines) and any(isinstance(n, ast.Call) for n in ast.walk(node))
        made.append(_Statement(number, first, node.end_lineno or first, binds, uses, calls))
    return tuple(made)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds at the top of a module, or sets an attribute or an item of."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    for part in ast.walk(node):
        match part:
            case ast.Import(names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.Name(name, ast.Store()):
                yield name
            case ast.Attribute(ast.Name(name), ctx=ast.Store()) | ast.Subscript(ast.Name(name), ctx=ast.Store()):
                yield name
