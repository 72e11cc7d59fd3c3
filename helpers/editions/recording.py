"""Observe references and suspects, and keep what was seen in ``helpers/exercises/recorded/``.

A record is made again only when a module that it depends on changes, so that the last digits of another machine do
not count as a change.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import lzma
import re
from pathlib import Path
from types import ModuleType

from helpers import exercises
from helpers.judge import record
from helpers.judge.exercise import Exercise
from helpers.judge.model import Suspect
from helpers.judge.observe import observe
from helpers.judge.record import Record

from .bundle import RECORDED, modules_needed

_MARKER = re.compile(r"^\s*### (BEGIN|END) SOLUTION\n", re.MULTILINE)


def suspects(exercise: Exercise) -> tuple[Suspect, ...]:
    """The suspects of an exercise as code, each with its ``make``."""
    found: tuple[Suspect, ...] = answers_of(exercise).SUSPECTS[exercise.record_id]
    return found


def record_from_code(exercise: Exercise) -> Record:
    """Observe the reference ``REFERENCE[id]`` and every suspect of ``SUSPECTS[id]`` in the exercise's answers."""
    reference = answers_of(exercise).REFERENCE[exercise.record_id]
    lineup = {s.id: observe(s.make, exercise.probes) for s in suspects(exercise)}
    source = _MARKER.sub("", inspect.getsource(reference))
    return Record(observe(reference, exercise.probes), suspects(exercise), lineup, source, made_from(exercise))


def made_from(exercise: Exercise) -> str:
    """A digest of every module that the exercise's record depends on."""
    code = f"import {exercise.module}\nimport {_answers_module(exercise)}"
    digest = hashlib.sha256()
    for path in sorted(modules_needed(code)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _made_from(path: Path) -> str:
    """The digest in a record, "" where there is no readable one."""
    try:
        return record.from_bytes(path.read_bytes()).made_from
    except (OSError, EOFError, lzma.LZMAError, LookupError, ValueError):
        return ""


def refresh(check: bool) -> int:
    """Make stale records again and remove those without an exercise; returns how many files change."""
    changed = 0
    recorded = exercises.catalogue()
    for exercise in recorded.values():
        path = RECORDED / f"{exercise.id}.xz"
        if _made_from(path) == made_from(exercise):
            continue
        changed += 1
        print(f"recorded/{path.name}: {'would be made again' if check else 'observing the reference and its suspects'}")
        if not check:
            path.write_bytes(record.to_bytes(record_from_code(exercise)))
    for path in RECORDED.glob("*.xz"):
        if path.stem not in recorded:
            changed += 1
            print(f"recorded/{path.name}: {'would be removed' if check else 'removed'}, its exercise is gone")
            if not check:
                path.unlink()
    return changed


def answers_of(exercise: Exercise) -> ModuleType:
    """The module that holds the exercise's reference and suspects."""
    return importlib.import_module(_answers_module(exercise))


def _answers_module(exercise: Exercise) -> str:
    room, _, name = exercise.module.rpartition(".")
    return f"{room}.answers.{name}"
