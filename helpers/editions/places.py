"""Where the sources of notebooks are, and what is said of one that has a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class SourceError(Exception):
    """A mistake in a source file: the message names file and line, and what to do."""


def find_sources(names: Sequence[str], root: Path = ROOT) -> list[Path]:
    """The sources of the named notebooks (``02_build_batchnorm1d`` or a path that ends so), or all of them."""
    every = {p.stem: p for p in sorted((root / "solutions").glob("[0-9][0-9]_*.py"))}
    wanted = [Path(n).stem for n in names] or list(every)
    for name in wanted:
        if name not in every:
            raise SourceError(f"solutions/{name}.py: there is no such source; there are {', '.join(every)}.")
    return [every[name] for name in wanted]
