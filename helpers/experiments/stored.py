"""Results over many seeds, computed in advance by a command and kept small beside the module that has it as its name.

A result is a dict of arrays whose first axis is the seeds.  What was not finite is stored as null and read as NaN.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Found = dict[str, NDArray[np.float64]]
"""A result: arrays, (seeds, …) each, by name."""


@functools.cache
def load(module: str, name: str) -> Found:
    """One stored result.

    module: the stem of the file, as in "with_and_without".  Raises KeyError for a name that is not stored.
    """
    found = _read(module)["results"][name]
    return {key: np.array(values, dtype=np.float64) for key, values in found.items()}


def seeds_of(module: str, name: str) -> list[int]:
    """The seeds of one stored result."""
    seeds: list[int] = _read(module)["seeds"][name]
    return seeds


def write(module: str, name: str, seeds: Sequence[int], found: Found, command: str) -> None:
    """Put one result into the module's file, three significant digits each, with the command and the versions used."""
    path = Path(__file__).with_name(f"{module}.json")
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"results": {}, "seeds": {}}
    kept |= {"command": command, "torch": torch.__version__, "numpy": np.__version__, "null": "not finite"}
    kept["seeds"][name] = list(seeds)
    kept["results"][name] = {key: _short(values.tolist()) for key, values in found.items()}
    path.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


def _short(values: Any) -> Any:
    """Numbers with three significant digits; None for what is not finite."""
    if isinstance(values, list):
        return [_short(value) for value in values]
    return float(f"{values:.3g}") if np.isfinite(values) else None


@functools.cache
def _read(module: str) -> Any:
    return json.loads((importlib.resources.files(__package__) / f"{module}.json").read_text(encoding="utf-8"))


def two_digits(value: float) -> str:
    """A number of any size in two significant digits.

    >>> two_digits(1.04e-5), two_digits(2.04), two_digits(12345), two_digits(1.2e6)
    ('1e-05', '2', '12,000', '1.2e+06')
    """
    return f"{float(f'{value:.2g}'):,.0f}" if 10 <= value < 1e6 else f"{value:.2g}"


def brief(values: Iterable[float]) -> str:
    """Median and range over seeds, :func:`two_digits` each; diverged runs are counted in words.

    >>> brief([1e-5, 2.04e-5, 30000.0]), brief([0.5, float("nan")]), brief([float("inf")])
    ('2e-05 (1e-05–30,000)', '0.5, 1 of 2 diverged', 'diverged')
    """
    runs = [float(v) for v in values]
    kept = [v for v in runs if np.isfinite(v)]
    if not kept:
        return "diverged"
    low, median, high = map(two_digits, (min(kept), float(np.median(kept)), max(kept)))
    return (
        f"{median} ({low}–{high})"
        if len(kept) == len(runs)
        else f"{median}, {len(runs) - len(kept)} of {len(runs)} diverged"
    )
