"""The learner's own record of the drill: every answer and tick with its time, in one small JSON file.

The file is ``drill.json`` beside the course's progress: the environment variable ``BATCHNORM_PROGRESS`` decides the
folder, and set to the empty string it keeps everything in memory. Nothing is changed or deleted: each entry is added,
and of several entries on one thing the latest counts. Two notebooks on one file lose nothing, since each write adds
to what is there by then, one after the other; and a write that is cut off leaves the old file whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Entry = dict[str, Any]
"""``{key, at, kind, about, …}``: a name of its own, seconds since 1970, what it is, on which card, and the rest."""

_memory: dict[str, Entry] = {}


def add(kind: str, about: str, at: float | None = None, **rest: Any) -> Entry:
    """Add an entry, for example ``add("answer", "bn-03", known=True, text="…", ticks={"eval-buffers": True})``.

    ``at`` is now by default. ``rest`` has to be what JSON can hold (TypeError, ValueError).
    """
    fixed = {"key": uuid.uuid4().hex, "at": time.time() if at is None else at, "kind": kind, "about": about}
    entry: Entry = {**json.loads(json.dumps(rest, allow_nan=False)), **fixed}
    _memory[entry["key"]] = entry
    _save()
    return entry


def entries(kind: str = "", about: str = "") -> list[Entry]:
    """All entries, or those of one kind and on one thing, from the oldest on."""
    kept: dict[str, Entry] = {}
    with contextlib.suppress(OSError, ValueError):  # what cannot be read is told when it is written
        kept = _read()
    found = {**kept, **_memory}.values()
    wanted = [e for e in found if kind in ("", e["kind"]) and about in ("", e["about"])]
    return sorted(wanted, key=lambda e: (e["at"], e["key"]))


def latest(kind: str) -> dict[str, Entry]:
    """Of each thing the latest entry of a kind."""
    return {entry["about"]: entry for entry in entries(kind)}


def answers() -> dict[str, list[tuple[date, bool]]]:
    """What the schedule reads: of each card the days on which it was answered, and whether it was known."""
    made: dict[str, list[tuple[date, bool]]] = {}
    for entry in entries("answer"):
        day = datetime.fromtimestamp(entry["at"]).date()
        made.setdefault(entry["about"], []).append((day, bool(entry.get("known"))))
    return made


def exported() -> str:
    """Everything, as a text for another computer."""
    return _text({entry["key"]: entry for entry in entries()})


def imported(text: str) -> int:
    """Add what an exported text holds; how many entries were new. Raises ValueError where it is no such text."""
    new = {key: entry for key, entry in _parsed(text).items() if key not in {e["key"] for e in entries()}}
    _memory.update(new)
    if new:
        _save()
    return len(new)


def location() -> Path | None:
    """Where the record is kept, or None for memory only."""
    chosen = os.environ.get("BATCHNORM_PROGRESS")
    if chosen == "":
        return None
    try:
        beside = Path(chosen) if chosen else Path.home() / ".batchnorm_course" / "progress.json"
    except RuntimeError:  # no HOME, and no entry of this user in passwd
        return None
    return beside.with_name("drill.json" if beside.name != "drill.json" else "drill_answers.json")


def _save() -> None:
    path = location()
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            try:
                found = _read()
            except ValueError as error:
                _aside(path, error)
                found = {}
            if found.keys() >= _memory.keys():
                return
            fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
            try:
                with fresh.open("w", encoding="utf-8") as file:
                    file.write(_text({**found, **_memory}))
                    file.flush()
                    os.fsync(file.fileno())
                _replace(fresh, path)
            finally:
                fresh.unlink(missing_ok=True)
    except OSError as error:
        print(f"The drill's record is not saved to {path}: {error}. It is kept in memory, and tried again next time.")


def _read() -> dict[str, Entry]:
    path = location()
    if path is None or not path.exists():
        return {}
    return _parsed(path.read_text(encoding="utf-8"))


def _aside(path: Path, error: ValueError) -> None:
    number, aside = 0, path.with_suffix(".json.broken")
    while aside.exists():
        number += 1
        aside = path.with_suffix(f".json.broken{number}")
    os.replace(path, aside)
    print(f"{path} could not be read ({error}); it is now {aside.name}, and the drill's record starts anew.")


def _text(found: dict[str, Entry]) -> str:
    ordered = sorted(found.values(), key=lambda e: (e["at"], e["key"]))
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True, sort_keys=True) for entry in ordered)
    return f'{{"drill": 1, "entries": [\n{lines}\n]}}\n'


def _parsed(text: str) -> dict[str, Entry]:
    data = json.loads(text)
    kinds: dict[str, Any] = {"key": str, "at": (int, float), "kind": str, "about": str}
    if not isinstance(data, dict) or not isinstance(found := data.get("entries"), list):
        raise ValueError("not a record of the drill")
    for entry in found:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(k), kind) for k, kind in kinds.items()):
            raise ValueError("an entry that is none")
    return {entry["key"]: entry for entry in found}


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock file: one process writes at a time. Where files cannot be locked, go on without."""
    with path.with_name(f"{path.name}.lock").open("a+b") as file:
        _lock(file)
        yield  # closing the file lets go of the lock


def _lock(file: IO[bytes]) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        return
    import msvcrt  # pragma: no cover

    lock = msvcrt.locking
    for _ in range(6):  # each try waits up to ten seconds
        with contextlib.suppress(OSError):
            file.seek(0)
            lock(file.fileno(), msvcrt.LK_LOCK, 1)
            return


def _replace(fresh: Path, path: Path) -> None:
    for wait in (0.05, 0.2, 1.0):  # on Windows a reader may have the file open
        try:
            os.replace(fresh, path)
            return
        except PermissionError:
            time.sleep(wait)
    os.replace(fresh, path)
