"""A learner's progress: attempts, checks passed, hints used and minutes, in one small JSON file.

The file is ``~/.batchnorm_course/progress.json``.  The environment variable ``BATCHNORM_PROGRESS`` names another
file; set to the empty string it keeps progress in memory only, as graders and builders do.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LONGEST_GAP = 15 * 60
"""Seconds: a longer pause between two actions is not counted as work."""

_memory: dict[str, Any] = {}


def attempted(
    exercise: str, results: Mapping[str, bool | None], mistakes: Iterable[str] = (), counts: bool = True
) -> None:
    """Note one run of checks: ``{check: passed, or None where not attempted}``, and the mistakes that were named.

    It is one more attempt where it ``counts``.
    """
    state = load()
    entry = _entry(state, exercise)
    if counts and any(result is not None for result in results.values()):
        entry["attempts"] += 1
    met = entry.setdefault("mistakes", [])
    met += [m for m in mistakes if m not in met]
    entry["passed"] = sorted({*entry["passed"], *(c for c, ok in results.items() if ok)})
    save(state)


def next_hint(exercise: str, check: str, steps: int) -> int:
    """The step (from 0) of the hint to show now; the one after it is due next time, and the last one stays."""
    state = load()
    hints = _entry(state, exercise)["hints"]
    step = min(int(hints.get(check, 0)), steps - 1)
    hints[check] = step + 1
    save(state)
    return step


def solution_confirmed(exercise: str) -> bool:
    """False the first time it is asked for, True from then on."""
    state = load()
    entry = _entry(state, exercise)
    asked = bool(entry["solution"])
    entry["solution"] = True
    save(state)
    return asked


def load() -> dict[str, Any]:
    """The state: ``{exercise: {attempts, passed, hints, solution, seconds, last}}``, and ``mistakes`` once one is met.

    An unreadable file is moved aside to ``progress.json.broken`` with a printed note, so that nothing is lost.
    """
    path = location()
    if path is None or not path.exists():
        return _memory
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not is_state(state):
            raise ValueError("not a progress file")
        return state
    except (OSError, ValueError) as error:
        aside = path.with_suffix(".json.broken")
        try:
            os.replace(path, aside)
            print(f"{path} could not be read ({error}); it is now {aside.name}, and progress starts anew.")
        except OSError:
            print(f"{path} could not be read ({error}); progress of this session is kept in memory.")
        return _memory


def location() -> Path | None:
    """Where progress is kept, or None for memory only."""
    chosen = os.environ.get("BATCHNORM_PROGRESS")
    if chosen is None:
        return _at_home()
    return Path(chosen) if chosen else None


@functools.cache
def _at_home() -> Path | None:
    try:
        return Path.home() / ".batchnorm_course" / "progress.json"
    except RuntimeError:  # no HOME, and no entry of this user in passwd
        print("There is no home folder here: progress of this session is kept in memory.")
        return None


def is_state(state: Any) -> bool:
    """True for what :func:`load` returns."""
    if not isinstance(state, dict):
        return False
    kinds: dict[str, Any] = {"attempts": int, "passed": list, "hints": dict, "solution": bool}
    kinds |= {"seconds": (int, float), "last": (int, float)}
    return all(
        isinstance(entry, dict) and all(isinstance(entry.get(name), kind) for name, kind in kinds.items())
        for entry in state.values()
    )


def _entry(state: dict[str, Any], exercise: str) -> dict[str, Any]:
    now = time.time()
    new = {"attempts": 0, "passed": [], "hints": {}, "solution": False, "seconds": 0.0, "last": now}
    entry: dict[str, Any] = state.setdefault(exercise, new)
    gap = now - entry["last"]
    if 0 <= gap <= LONGEST_GAP:
        entry["seconds"] += gap
    entry["last"] = now
    return entry


def save(state: dict[str, Any]) -> None:
    """Write the state; where that cannot be, keep it in memory, and say so."""
    path = location()
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(state, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        _memory.update(state)
        print(f"Progress is not saved to {path}: {error}")
