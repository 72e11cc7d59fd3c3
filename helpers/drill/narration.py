"""What is said beside each of the six checks in the last block of the drill."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Narrated:
    """A check by its id, the question about it, and what a good narration says."""

    id: str
    asks: str
    points: tuple[str, ...]


@functools.cache
def narration() -> tuple[Narrated, ...]:
    """The six in the order of the checks."""
    text = resources.files(__package__).joinpath("narration.toml").read_text(encoding="utf-8")
    return tuple(Narrated(one["id"], one["asks"], tuple(one["points"])) for one in tomllib.loads(text)["check"])
