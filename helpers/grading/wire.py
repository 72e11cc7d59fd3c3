"""Observations as bytes and back, without pickle: all that crosses from the learner's process to the judge's.

A line of JSON, ``{key: shape, or the texts of an exception}``, then the arrays end to end as little-endian float64.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np

from helpers.judge.model import Observations, Raised

LIMIT = 16 << 20
"""Bytes that one answer may have in all."""
FILE = "the file"
"""Key under which an exception is sent that ended the file itself."""
NO_NAME = "no such name"
"""Key that says: the file runs and defines nothing of the name asked for."""


def to_bytes(seen: Observations) -> bytes:
    """The observations as bytes."""
    index = {
        key: dataclasses.asdict(value) if isinstance(value, Raised) else value.shape for key, value in seen.items()
    }
    arrays = [value.astype("<f8").tobytes() for value in seen.values() if not isinstance(value, Raised)]
    return b"\n".join([json.dumps(index).encode(), b"".join(arrays)])


def from_bytes(data: bytes) -> Observations:
    """The observations that :func:`to_bytes` wrote; ValueError for anything else, also where it was made to harm.

    >>> from_bytes(to_bytes({"probe/mean": np.array([1.0, 2.0])}))
    {'probe/mean': array([1., 2.])}
    """
    head, _, body = data.partition(b"\n")
    try:
        index = json.loads(head)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(index, dict):
        raise ValueError("not an index of observations")
    seen: Observations = {}
    start = 0
    for key, entry in index.items():
        if isinstance(entry, dict):
            seen[_text(key)] = _raised(entry)
            continue
        shape = _shape(entry)
        end = start + 8 * math.prod(shape)
        if end > len(body):
            raise ValueError("fewer numbers than the shapes need")
        seen[_text(key)] = np.frombuffer(body[start:end], dtype="<f8").reshape(shape).astype(np.float64)
        start = end
    if start != len(body) or len(seen) != len(index):
        raise ValueError("numbers or keys that belong to nothing")
    return seen


def _shape(entry: Any) -> tuple[int, ...]:
    if not isinstance(entry, list) or len(entry) > 8 or any(type(n) is not int or not 0 <= n <= LIMIT for n in entry):
        raise ValueError("not a shape")
    return tuple(entry)


def _raised(entry: dict[str, Any]) -> Raised:
    if entry.keys() != {"kind", "message", "where"} or not all(isinstance(text, str) for text in entry.values()):
        raise ValueError("not an exception")
    return Raised(**{name: _text(text) for name, text in entry.items()})


def _text(text: str) -> str:
    """At most 300 characters, and none that would move a terminal's cursor or cannot be encoded."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:300])
