"""Observations of a reference and its suspects as one small file, for a class edition without reference code.

A zip of two entries.  ``numbers.bin``: the arrays end to end as little-endian float32, first all lowest bytes, then
all second ones and so on, which compresses better.  ``index.json``: the texts, and which array belongs where.  Of a
suspect only what differs from the reference is kept, rounded to what :func:`helpers.judge.rules.agree` can tell apart.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from .explain import differing
from .model import Array, Observations, Raised, Suspect


@dataclass(frozen=True)
class Record:
    """What :func:`read_record` gives back; its suspects have no ``make``."""

    right: Observations
    suspects: tuple[Suspect, ...]
    lineup: Mapping[str, Observations]


def record_bytes(right: Observations, suspects: tuple[Suspect, ...], lineup: Mapping[str, Observations]) -> bytes:
    """The record as bytes, the same for the same observations."""
    arrays: dict[bytes, int] = {}
    seen_by: dict[str, dict[str, object]] = {}
    for owner, seen in [("", right), *((s.id, lineup[s.id]) for s in suspects)]:
        entries = seen_by.setdefault(owner, {})
        for key in seen if not owner else sorted(differing(seen, right)):
            value = seen.get(key)
            if isinstance(value, np.ndarray):
                data = _rounded(value, bits=23 if not owner else 15).tobytes()
                entries[key] = [arrays.setdefault(data, len(arrays)), *value.shape]
            else:
                entries[key] = value and {"kind": value.kind, "message": value.message}
    about = [[s.id, s.category, s.title, s.shows] for s in suspects]
    sizes = [len(data) // 4 for data in arrays]
    index = json.dumps({"suspects": about, "observations": seen_by, "sizes": sizes}, separators=(",", ":"))
    planes = np.frombuffer(b"".join(arrays), dtype=np.uint8).reshape(-1, 4).T.tobytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (("index.json", index.encode()), ("numbers.bin", planes)):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def _rounded(value: Array, bits: int) -> NDArray[np.float32]:
    """Little-endian float32 with ``bits`` of its 23 mantissa bits; 15 keep four decimal digits."""
    raw = np.ascontiguousarray(value, dtype="<f4").view("<u4")
    drop = np.uint32(23 - bits)
    return ((raw >> drop) << drop).view("<f4")


def read_record(package: str, exercise: str) -> Record:
    """The record of one exercise, from the package's resource ``<exercise>.zip``."""
    data = (resources.files(package) / f"{exercise}.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        index = json.loads(archive.read("index.json"))
        planes = np.frombuffer(archive.read("numbers.bin"), dtype=np.uint8).reshape(4, -1)
    numbers = np.ascontiguousarray(planes.T).view("<f4").ravel().astype(np.float64)
    arrays = np.split(numbers, np.cumsum(index["sizes"])[:-1])
    observed: dict[str, Observations] = {}
    for owner, entries in index["observations"].items():
        seen = observed[owner] = dict(observed.get("", {}))
        for key, entry in entries.items():
            if entry is None:
                seen.pop(key, None)
            elif isinstance(entry, dict):
                seen[key] = Raised(**entry)
            else:
                seen[key] = arrays[entry[0]].reshape(entry[1:])
    right = observed.pop("")
    suspects = tuple(Suspect(id, category, title, None, shows) for id, category, title, shows in index["suspects"])
    return Record(right, suspects, observed)
