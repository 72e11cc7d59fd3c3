"""What the judge knows of right and wrong, made ahead: where it judges, no reference and no suspect runs.

A record is one LZMA stream: a line of JSON with the texts, and which array belongs where; then the arrays end to end
as little-endian float32, first all lowest bytes, then all second ones and so on, which compresses better.  Of a suspect
only what differs from the reference is kept, rounded to what :func:`helpers.judge.rules.agree` can tell apart.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .explain import differing
from .model import Array, Observations, Raised, Suspect

_BITS = 23  # of a float32's mantissa
_KEPT = 14  # for suspects: a relative error of at most 2⁻¹⁵


@dataclass(frozen=True)
class Answers:
    """Observations of a reference and of its suspects, ``lineup[suspect.id]``.

    ``source``: the reference's code, "" in a class edition.  ``made_from``: digest of the modules it was made from.
    """

    right: Observations
    suspects: tuple[Suspect, ...]
    lineup: Mapping[str, Observations]
    source: str = ""
    made_from: str = ""


def to_bytes(answers: Answers) -> bytes:
    """The record as bytes, the same for the same observations."""
    arrays: dict[bytes, int] = {}
    keys = list(answers.right)
    seen_by: dict[str, list[list[object]]] = {}
    for owner, seen in [("", answers.right), *((s.id, answers.lineup[s.id]) for s in answers.suspects)]:
        entries = seen_by.setdefault(owner, [])
        for key in keys if not owner else sorted(differing(seen, answers.right)):
            if key not in keys:
                keys.append(key)
            value, place = seen.get(key), keys.index(key)
            if isinstance(value, np.ndarray):
                data = _rounded(value, _KEPT if owner else _BITS).tobytes()
                entries.append([place, arrays.setdefault(data, len(arrays)), *value.shape])
            else:
                entries.append([place, [value.kind, value.message] if value else None])
    index = {
        "suspects": [[s.id, s.category, s.title, s.shows] for s in answers.suspects],
        "keys": keys,
        "observations": seen_by,
        "sizes": [len(data) // 4 for data in arrays],
        "source": answers.source,
        "made_from": answers.made_from,
    }
    planes = np.frombuffer(b"".join(arrays), dtype=np.uint8).reshape(-1, 4).T.tobytes()
    line = json.dumps(index, separators=(",", ":")).encode()
    return lzma.compress(line + b"\n" + planes, preset=9 | lzma.PRESET_EXTREME)


def from_bytes(data: bytes) -> Answers:
    """The answers in a record; its suspects have no ``make``."""
    line, _, rest = lzma.decompress(data).partition(b"\n")
    index = json.loads(line)
    planes = np.frombuffer(rest, dtype=np.uint8).reshape(4, -1)
    numbers = np.ascontiguousarray(planes.T).view("<f4").ravel().astype(np.float64)
    arrays = np.split(numbers, np.cumsum(index["sizes"])[:-1])
    observed: dict[str, Observations] = {}
    for owner, entries in index["observations"].items():
        seen = observed[owner] = dict(observed.get("", {}))
        for place, what, *shape in entries:
            key = index["keys"][place]
            if what is None:
                seen.pop(key, None)
            elif isinstance(what, list):
                seen[key] = Raised(*what)
            else:
                seen[key] = arrays[what].reshape(shape)
    right = observed.pop("")
    suspects = tuple(Suspect(id, category, title, None, shows) for id, category, title, shows in index["suspects"])
    return Answers(right, suspects, observed, index["source"], index["made_from"])


def _rounded(value: Array, bits: int) -> NDArray[np.float32]:
    """Little-endian float32, to nearest with ``bits`` of its mantissa; what is not finite stays as it is."""
    numbers = np.ascontiguousarray(value, dtype="<f4")
    drop = np.uint32(_BITS - bits)
    raw = numbers.view("<u4")
    half = np.uint32(1 << (int(drop) - 1)) if drop else np.uint32(0)
    rounded = (((raw + half) >> drop) << drop).view("<f4")
    return np.where(np.isfinite(rounded) & np.isfinite(numbers), rounded, numbers).astype("<f4")
