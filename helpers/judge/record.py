"""Observations of a reference and its suspects as one small file, for a class edition without reference code.

A zip of two entries: ``numbers.bin``, every array end to end as little-endian float32, and ``index.json``, the texts
and where each array lies.  Of a suspect only what differs from the reference is kept.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np

from .explain import differing
from .model import Observations, Raised, Suspect


@dataclass(frozen=True)
class Record:
    """What :func:`read_record` gives back; its suspects have no ``make``."""

    right: Observations
    suspects: tuple[Suspect, ...]
    lineup: Mapping[str, Observations]


def record_bytes(right: Observations, suspects: tuple[Suspect, ...], lineup: Mapping[str, Observations]) -> bytes:
    """The record as bytes, the same for the same observations."""
    numbers: list[bytes] = []
    seen_by: dict[str, dict[str, object]] = {}
    for owner, seen in [("", right), *((s.id, lineup[s.id]) for s in suspects)]:
        entries = seen_by.setdefault(owner, {})
        for key in seen if not owner else sorted(differing(seen, right)):
            value = seen.get(key)
            if isinstance(value, np.ndarray):
                entries[key] = list(value.shape)
                numbers.append(value.astype("<f4").tobytes())
            else:
                entries[key] = value and {"kind": value.kind, "message": value.message}
    about = [[s.id, s.category, s.title, s.shows] for s in suspects]
    index = json.dumps({"suspects": about, "observations": seen_by})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("index.json", index.encode()), ("numbers.bin", b"".join(numbers))):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def read_record(package: str, exercise: str) -> Record:
    """The record of one exercise, from the package's resource ``<exercise>.zip``."""
    data = (resources.files(package) / f"{exercise}.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        index = json.loads(archive.read("index.json"))
        numbers = np.frombuffer(archive.read("numbers.bin"), dtype="<f4").astype(np.float64)
    observed: dict[str, Observations] = {}
    start = 0
    for owner, entries in index["observations"].items():
        seen = observed[owner] = dict(observed.get("", {}))
        for key, entry in entries.items():
            if entry is None:
                seen.pop(key, None)
            elif isinstance(entry, dict):
                seen[key] = Raised(**entry)
            else:
                size = int(np.prod(entry))
                seen[key] = numbers[start : start + size].reshape(entry)
                start += size
    right = observed.pop("")
    suspects = tuple(Suspect(id, category, title, None, shows) for id, category, title, shows in index["suspects"])
    return Record(right, suspects, observed)
