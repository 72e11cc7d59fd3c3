"""What learners build: one module an exercise, with its probes, checks and hints.

The reference and the suspects (known wrong implementations) of a module lie in ``answers/`` under the same name; the
judge reads only what they do, from ``recorded/``.
"""

from __future__ import annotations

import importlib
import pkgutil

from helpers.judge.exercise import Exercise


def catalogue() -> dict[str, Exercise]:
    """Every exercise of the course by its id, in the order of module names."""
    found: dict[str, Exercise] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.ispkg:
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Exercise):
                    found[value.id] = value
    return found
