"""Write a wrong implementation as the lines in which it differs from the right one."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import textwrap
from typing import Any


def variant(original: Any, *edits: tuple[str, str]) -> Any:
    """A copy of a class or function without comment lines and with some of its text replaced: ``(right, wrong)`` pairs.

    Raises ValueError where a right text is not found exactly once, so that a changed reference cannot silently turn
    a suspect into a right answer.
    """
    source = _without_comments(original)
    for right, wrong in edits:
        if source.count(right) != 1:
            raise ValueError(f"{original.__name__}: {right!r} occurs {source.count(right)} times, not once")
        source = source.replace(right, wrong)
    namespace = dict(vars(sys.modules[original.__module__]))
    exec(compile(source, f"<suspect of {original.__name__}>", "exec"), namespace)
    return namespace[original.__name__]


@functools.cache
def _without_comments(original: Any) -> str:
    return re.sub(r"^ *#.*\n", "", textwrap.dedent(inspect.getsource(original)), flags=re.MULTILINE)
