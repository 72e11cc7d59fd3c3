"""Answers that are nearly the same code: compared by their symbols, with names and comments left out."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from helpers.grading.submission import parsed, plain

SHORTEST = 60
"""Answers with fewer symbols have few forms, so that they are alike without being copied."""
SHARE = 0.95
"""From this share of equal symbols on two answers are shown."""
MANY = 0.2
"""A form that more than this part of the class shares is the ordinary one."""


@dataclass(frozen=True)
class Group:
    """Learners whose answers to one question are alike; ``share`` is the smallest share of equal symbols."""

    answer: str
    learners: tuple[str, ...]
    share: float


def groups(answer: str, texts: Iterable[tuple[str, str]], stub: str) -> list[Group]:
    """The groups among (learner, code) of one answer; the stub, and whatever many share, is none."""
    forms: dict[tuple[str, ...], list[str]] = {}
    everybody = 0
    for learner, text in texts:
        everybody += 1
        form = symbols(text)
        if len(form) >= SHORTEST and form != symbols(stub):
            forms.setdefault(form, []).append(learner)
    rare = {form: who for form, who in forms.items() if len(who) <= max(3, MANY * everybody)}
    made: list[Group] = []
    left = sorted(rare, key=len)
    while left:
        form = left.pop(0)
        near = [(other, share) for other in left if (share := _share(form, other)) >= SHARE]
        who = [*rare[form], *(learner for other, _ in near for learner in rare[other])]
        left = [other for other in left if other not in {other for other, _ in near}]
        if len(who) > 1:
            made.append(Group(answer, tuple(sorted(who)), min([1.0, *(share for _, share in near)])))
    return made


def symbols(code: str) -> tuple[str, ...]:
    """The kinds of the nodes of the syntax tree, with attributes and numbers; names of variables do not count.

    >>> symbols("y = x + 1  # sum") == symbols("total = value + 1")
    True
    """
    tree = parsed(plain(code))
    if tree is None:
        return tuple(code.split())
    kinds = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        match node:
            case ast.Attribute(attr=name):
                kinds.append(f".{name}")
            case ast.Constant(value=value) if not isinstance(value, str):
                kinds.append(repr(value))
            case _:
                kinds.append(type(node).__name__)
    return tuple(kinds)


def _share(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Twice the symbols in common, as a part of all."""
    if abs(len(a) - len(b)) > (1 - SHARE) * (len(a) + len(b)):
        return 0.0
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= SHARE else 0.0
