"""Observe references and suspects, and keep what was seen in ``helpers/exercises/recorded/``.

A record is made again only when what it records can have changed, and written only when it has: the last digits of
another machine do not count.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import lzma
import re
from pathlib import Path
from types import ModuleType

from helpers import exercises
from helpers.judge import record
from helpers.judge.exercise import Exercise
from helpers.judge.model import Suspect
from helpers.judge.observe import observe
from helpers.judge.record import Record, differing

from .bundle import RECORDED, modules_needed

MADE_FROM = RECORDED / "made_from.json"
"""What each record was made from, by the exercise's id: :func:`made_from`."""

_OBSERVING = {"model", "observe", "operators", "reading", "unpatched", "variant"}
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
    return Record(observe(reference, exercise.probes), suspects(exercise), lineup, source)


def made_from(exercise: Exercise) -> str:
    """A digest of all that the exercise's record can depend on: comments and layout do not count.

    That is the exercise and its answers, what they import of ``exercises``, and of the judge what runs while a probe
    looks; how numbers are compared, explained and shown changes no observation.
    """
    code = f"import {exercise.module}\nimport {_answers_module(exercise)}"
    digest = hashlib.sha256()
    for path in sorted(modules_needed(code)):
        if path.parent.name != "judge" or path.stem in _OBSERVING:
            digest.update(_meaning(path.read_text(encoding="utf-8")))
    return digest.hexdigest()


@functools.cache
def _meaning(code: str) -> bytes:
    """What is left of code without its comments and layout."""
    return ast.dump(ast.parse(code)).encode()


def refresh(check: bool) -> int:
    """Make stale records again and remove those without an exercise; returns how many files change.

    A record that was made again and shows the same behaviour stays as it is, to the byte.
    """
    made = json.loads(MADE_FROM.read_text(encoding="utf-8")) if MADE_FROM.exists() else {}
    known, changed = exercises.catalogue(), 0
    for id, exercise in known.items():
        path, digest = RECORDED / f"{id}.xz", made_from(exercise)
        if path.exists() and made.get(id) == digest:
            continue
        print(
            f"recorded/{path.name}: {'may be stale' if check else 'observing the reference and its suspects'}",
            flush=True,
        )
        made[id] = digest
        changed += check
        if not check and not _holds(path, new := record_from_code(exercise)):
            path.write_bytes(record.to_bytes(new))
            changed += 1
    for path in RECORDED.glob("*.xz"):
        if path.stem not in known:
            changed += 1
            print(f"recorded/{path.name}: {'would be removed' if check else 'removed'}, its exercise is gone")
            if not check:
                path.unlink()
    if not check:
        now = {id: made[id] for id in sorted(known)}
        MADE_FROM.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    return changed


def _holds(path: Path, new: Record) -> bool:
    """True where the file is a record of the same texts and the same behaviour."""
    try:
        old = record.from_bytes(path.read_bytes())
    except (OSError, EOFError, lzma.LZMAError, LookupError, ValueError, TypeError):
        return False
    texts = [[dataclasses.replace(s, make=None) for s in r.suspects] + [r.source] for r in (old, new)]
    seen = [{"": r.right, **r.lineup} for r in (old, new)]
    return texts[0] == texts[1] and not any(differing(seen[0][who], seen[1][who]) for who in seen[1])


def answers_of(exercise: Exercise) -> ModuleType:
    """The module that holds the exercise's reference and suspects."""
    return importlib.import_module(_answers_module(exercise))


def _answers_module(exercise: Exercise) -> str:
    room, _, name = exercise.module.rpartition(".")
    return f"{room}.answers.{name}"
