"""The quick review: what one can say before an interview, line by line, each with its cards."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Item:
    """One line to tick, and the ids of its cards."""

    id: str
    says: str
    cards: tuple[str, ...]


@functools.cache
def review() -> tuple[Item, ...]:
    """The lines in order."""
    text = resources.files(__package__).joinpath("checklist.toml").read_text(encoding="utf-8")
    return tuple(Item(one["id"], one["says"], tuple(one["cards"])) for one in tomllib.loads(text)["item"])
