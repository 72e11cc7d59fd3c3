"""What a notebook shows of many seeds, computed beforehand: the command that its ``*_seeds`` modules share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import stored
from .stored import Found

Experiments = Mapping[str, tuple[Callable[[Sequence[int]], Found], int]]
"""By name: from seeds to a result, and over how many seeds."""


def compute(module: str, experiments: Experiments, command: str, names: Sequence[str] = ()) -> None:
    """Compute the results of these names, or of all, and write each into the module's file, with the command."""
    for name in names or experiments:
        experiment, count = experiments[name]
        stored.write(module, name, range(count), experiment(range(count)), command)
        print(name, flush=True)
