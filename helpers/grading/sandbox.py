"""Run a learner's file in a child process and read what the probes saw; nothing of it runs, or is unpickled, here."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from helpers.judge.exercise import Exercise
from helpers.judge.model import Observations, Probe, Raised

from . import wire, worker
from .submission import NotJudged, Submission

START_METHOD = "fork" if sys.platform == "linux" else "spawn"
"""A fork shares what is imported here; elsewhere a process with torch in it cannot safely fork."""
START_SECONDS = 120.0

_READY = wire.to_bytes({})
_CLOSED = "closed"


@dataclass(frozen=True)
class Limits:
    """``seconds`` of wall time for a file, ``memory`` in bytes beyond what torch itself takes, bytes ``printed``."""

    seconds: float = 20.0
    memory: int = 2 << 30
    printed: int = 10_000_000


@dataclass
class Outcome:
    """What every probe saw, and in one sentence why some could not look, or ""."""

    seen: Observations = field(default_factory=dict)
    problem: str = ""


def observe_file(
    submission: Submission,
    exercise: Exercise,
    limits: Limits,
    start_method: str = START_METHOD,
) -> Outcome:
    """What the probes of ``exercise`` see of the object called ``exercise.builds`` in a learner's file.

    Raises NotJudged where the file defines no such name, or where no child process can be started.
    """
    context: Any = multiprocessing.get_context(start_method)
    answer, their_answer = context.Pipe(duplex=False)
    output, their_output = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        job = worker.Job(
            submission, exercise.module, exercise.id, exercise.builds, scratch, limits.memory, limits.seconds
        )
        process = context.Process(target=worker.run, args=(job, their_answer, their_output), daemon=True)
        process.start()
        try:
            their_answer.close()
            their_output.close()
            outcome = _listen(_events(answer, output, limits.printed), exercise.probes, limits.seconds)
            if outcome.problem == _CLOSED:
                outcome.problem = _ending(process)
        finally:
            _kill(process)
    for probe in exercise.probes:
        if not any(key.partition("/")[0] == probe.id for key in outcome.seen):
            outcome.seen[probe.id] = outcome.seen.get(worker.FILE, Raised("Stopped", outcome.problem))
    outcome.seen.pop(worker.FILE, None)
    return outcome


def _events(answer: Connection, output: Connection, printed: int) -> queue.Queue[bytes | str]:
    """A queue that two threads fill: the child's messages, and a sentence when there will be no more."""
    events: queue.Queue[bytes | str] = queue.Queue()

    def read_answer() -> None:
        left = wire.LIMIT
        with answer, contextlib.suppress(EOFError, OSError):
            while left > 0:
                message = answer.recv_bytes(left)
                left -= len(message)
                events.put(message)
        events.put(_CLOSED)

    def drain_output() -> None:
        left = printed
        with output:
            while left > 0:
                chunk = os.read(output.fileno(), 1 << 16)
                if not chunk:
                    return
                left -= len(chunk)
            events.put(f"Your code printed more than {printed / 1e6:g} MB.")  # said before the broken pipe is

    threading.Thread(target=read_answer, daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=drain_output, daemon=True).start()
    return events


def _listen(events: queue.Queue[bytes | str], probes: Sequence[Probe], seconds: float) -> Outcome:
    """Collect messages until the last probe, the end of the child or of the time."""
    outcome = Outcome()
    try:
        started = events.get(timeout=START_SECONDS) == _READY
    except queue.Empty:
        started = False
    if not started:
        raise NotJudged("The child process in which your code would run did not start.")
    deadline = time.monotonic() + seconds
    for probe in probes:
        try:
            event = events.get(timeout=max(0.0, deadline - time.monotonic()))
            seen = wire.from_bytes(event) if isinstance(event, bytes) else {}
        except queue.Empty:
            event = f"Your code was still running after {seconds:g} s."
        except ValueError as error:
            event = f"What your code's process sent cannot be read: {error}."
        if isinstance(event, str):
            outcome.problem = event
            return outcome
        if worker.NO_NAME in seen:
            raise NotJudged(f"{seen[worker.NO_NAME]}.")
        outcome.seen.update(seen)
        if worker.FILE in seen:
            outcome.problem = f"Your file cannot be run: {seen[worker.FILE]}"
            return outcome
        if any(key.partition("/")[0] != probe.id for key in seen):
            return Outcome({}, "What your code's process sent is not what was asked for.")
    return outcome


def _ending(process: BaseProcess) -> str:
    """Why a child sends no more, from the way in which it ended."""
    deadline = time.monotonic() + 1.0
    while (code := process.exitcode) is None and time.monotonic() < deadline:
        time.sleep(0.01)  # join would wait for ever: the child has closed the pipe that it watches
    if code is None:
        return "The connection to your code's process broke off."
    if code >= 0:
        return f"Your code ended its process (exit code {code})."
    name = signal.Signals(-code).name
    known = {"SIGSEGV": " (a recursion without end?)", "SIGKILL": " (too much memory or processor time?)"}
    return f"Your code's process was ended by {name}{known.get(name, '')}."


def _kill(process: BaseProcess) -> None:
    """End the child and what it has started."""
    if hasattr(os, "killpg") and process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
