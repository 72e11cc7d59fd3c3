"""What the judge knows of right and wrong, made ahead: where it judges, no reference and no suspect runs.

A record is one LZMA stream: a line of JSON with the texts, and which array belongs where; then the arrays end to end
as little-endian float32, first all lowest bytes, then all second ones and so on, which compresses better.  Of a suspect
only what differs from the reference is kept, rounded to what :func:`helpers.judge.compare.agree` can tell apart, and of
a larger array some numbers: enough to tell it from another's.
"""

from __future__ import annotations

import functools
import itertools
import json
import lzma
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compare import UNKNOWN, agree, close_each
from .model import Array, Observations, Raised, Suspect

_NEW = -1  # in place of an array's number: the next that has none yet
_PACKED = b"\xfd7zXZ"
_BITS = 23  # of a float32's mantissa
_RIGHT = 18  # for the reference: a relative error of at most 2⁻¹⁹
_KEPT = 14  # for suspects: 2⁻¹⁵
_SAMPLE = 1  # numbers of a suspect's larger arrays, besides the one that is farthest off


def differing(seen: Observations, right: Observations) -> frozenset[str]:
    """Keys on which ``seen`` and ``right`` disagree, in either direction."""
    return frozenset(k for k in seen.keys() | right.keys() if not agree(seen.get(k), right.get(k)))


@dataclass(frozen=True, eq=False)
class Deviation:
    """What of some observations differs from the right ones; a probe that raised is one key, the probe's id."""

    seen: Observations
    keys: frozenset[str]

    @classmethod
    def of(cls, seen: Observations, right: Observations) -> Deviation:
        return cls(seen, frozenset(k for k in differing(seen, right) if k in seen))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deviation) and all(
            agree(self.seen.get(k), other.seen.get(k)) for k in self.keys | other.keys
        )

    def alike(self, other: Deviation) -> bool:
        """True where both are equal; most pairs are told apart by their keys alone."""
        return len(self.keys ^ other.keys) <= 2 and self == other


@dataclass(frozen=True)
class Record:
    """Observations of a reference and of its suspects, ``lineup[suspect.id]``.

    ``source``: the reference's code, "" in a class edition.
    """

    right: Observations
    suspects: tuple[Suspect, ...]
    lineup: Mapping[str, Observations]
    source: str = ""

    @functools.cached_property
    def deviations(self) -> dict[str, Deviation]:
        """What each suspect does differently, by its id."""
        return {s.id: Deviation.of(self.lineup[s.id], self.right) for s in self.suspects}

    @functools.cached_property
    def by_key(self) -> dict[str, list[tuple[list[str], Array]]]:
        """For each key the suspects that deviate there, with their values on top of one another, one stack a shape."""
        groups: dict[str, dict[tuple[int, ...], list[str]]] = {}
        for id, deviation in self.deviations.items():
            for key in deviation.keys:
                value = deviation.seen[key]
                if isinstance(value, np.ndarray):
                    groups.setdefault(key, {}).setdefault(value.shape, []).append(id)
        return {
            key: [(ids, np.stack([np.asarray(self.lineup[id][key]) for id in ids])) for ids in shapes.values()]
            for key, shapes in groups.items()
        }

    def agreeing(self, key: str, value: Array) -> set[str]:
        """The suspects that deviate in ``key`` just as ``value`` does."""
        found: set[str] = set()
        for ids, stack in self.by_key.get(key, ()):
            if stack.shape[1:] == value.shape:
                same = close_each(value, stack)
                found.update(id for id, yes in zip(ids, same, strict=True) if yes)
        return found


def to_bytes(record: Record, packed: bool = True) -> bytes:
    """The record as bytes, the same for the same observations; not ``packed`` where all is compressed together."""
    arrays: dict[bytes, int] = {}
    keys = list(record.right)
    seen_by: dict[str, list[list[object]]] = {}
    for owner, seen in [("", record.right), *((s.id, record.lineup[s.id]) for s in record.suspects)]:
        entries = seen_by.setdefault(owner, [])
        for key in keys if not owner else sorted(differing(seen, record.right)):
            if key not in keys:
                keys.append(key)
            value, place = seen.get(key), keys.index(key)
            if isinstance(value, np.ndarray):
                kept = _sampled(value, record.right.get(key)) if owner else value
                data = _rounded(kept, _KEPT if owner else _RIGHT).tobytes()
                usual = getattr(record.right.get(key), "shape", None) if owner else None
                shape = [] if value.shape == usual else [value.shape]
                number = arrays.get(data, _NEW)
                arrays.setdefault(data, len(arrays))
                entries.append([place, number, *shape])
            else:
                entries.append([place, [value.kind, value.message] if value else None])
    index = {
        "suspects": [_texts(s) for s in record.suspects],
        "keys": keys,
        "observations": seen_by,
        "sizes": [len(data) // 4 for data in arrays],
        "source": record.source,
    }
    planes = np.frombuffer(b"".join(arrays), dtype=np.uint8).reshape(-1, 4).T.tobytes()
    plain = json.dumps(index, separators=(",", ":")).encode() + b"\n" + planes
    return lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME) if packed else plain


def from_bytes(data: bytes) -> Record:
    """The record that :func:`to_bytes` wrote; its suspects have no ``make``."""
    plain = lzma.decompress(data) if data.startswith(_PACKED) else data
    line, _, rest = plain.partition(b"\n")
    index = json.loads(line)
    planes = np.frombuffer(rest, dtype=np.uint8).reshape(4, -1)
    numbers = np.ascontiguousarray(planes.T).view("<f4").ravel().astype(np.float64)
    arrays = np.split(numbers, np.cumsum(index["sizes"])[:-1])
    following = itertools.count()
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
                usual = np.shape(seen[key]) if not shape else tuple(shape[0])  # type: ignore[arg-type]
                seen[key] = _spread(arrays[next(following) if what == _NEW else what], usual)
    right = observed.pop("")
    suspects = tuple(_suspect(*texts) for texts in index["suspects"])
    return Record(right, suspects, observed, index["source"])


def _texts(suspect: Suspect) -> list[object]:
    texts: list[object] = [suspect.id, suspect.category, suspect.title, suspect.shows]
    more = [suspect.also, suspect.needs, suspect.refuted_by]
    return texts + more if any(more) else texts


def _suspect(
    id: str,
    category: str,
    title: str,
    shows: str,
    also: str = "",
    needs: Iterable[str] = (),
    refuted_by: Iterable[str] = (),
) -> Suspect:
    return Suspect(id, category, title, None, shows, also, tuple(needs), tuple(refuted_by))


def _sampled(value: Array, right: Array | Raised | None) -> Array:
    """A larger array as [place, number there, …]: the number that is farthest off, then those of :func:`_places`."""
    if value.size <= _SAMPLE + 2:
        return value
    flat = value.ravel()
    gap = np.zeros(flat.shape)
    if isinstance(right, np.ndarray) and right.shape == value.shape:
        allowed = 1e-5 + 1e-4 * np.abs(right.ravel())
        gap = np.where(flat == UNKNOWN, -1.0, np.nan_to_num(np.abs(flat - right.ravel()) / allowed, nan=np.inf))
    place = int(np.argmax(gap))
    return np.array([place, flat[place], *flat[_places(value.size)]])


def _spread(numbers: Array, shape: tuple[int, ...]) -> Array:
    """The array of which :func:`_sampled` kept some numbers, UNKNOWN at the other places."""
    size = math.prod(shape)
    if len(numbers) == size:
        return numbers.reshape(shape)
    flat = np.full(size, UNKNOWN)
    flat[_places(size)] = numbers[2:]
    flat[int(numbers[0])] = numbers[1]
    return flat.reshape(shape)


def _places(size: int) -> NDArray[np.intp]:
    """Places of a flat array, evenly spread."""
    return np.linspace(0, size - 1, _SAMPLE).round().astype(np.intp)


def _rounded(value: Array, bits: int) -> NDArray[np.float32]:
    """Little-endian float32, to nearest with ``bits`` of its mantissa; what is not finite stays as it is."""
    numbers = np.ascontiguousarray(value, dtype="<f4")
    drop = np.uint32(_BITS - bits)
    raw = numbers.view("<u4")
    half = np.uint32(1 << (int(drop) - 1)) if drop else np.uint32(0)
    rounded = (((raw + half) >> drop) << drop).view("<f4")
    return np.where(np.isfinite(rounded) & np.isfinite(numbers), rounded, numbers).astype("<f4")
