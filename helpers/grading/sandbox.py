"""Run a learner's file in a process of its own, and read what the probes saw: nothing runs, or is unpickled, here."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import queue
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from helpers.judge.model import Observations, Raised

from . import wire
from .package import hidden_from, readable
from .process import FORKS, START_SECONDS, Ending, NotStarted, Run, Worker, python
from .submission import NotJudged, Submission

if TYPE_CHECKING:  # it imports torch, and a worker does that at the same time
    from helpers.judge.exercise import Exercise

_READY = wire.to_bytes({})
_LIMITS = {
    "File too large": "wrote a file that is too large",
    "No space left on device": "wrote more files than it may",
    "Too many open files": "opened more files at a time than it may",
    "can't start new thread": "started more threads than it may",
}
"""What the system says at a limit, and what that means."""


@dataclass(frozen=True)
class Limits:
    """``seconds`` of processor time for a file, and ``patience`` times as many of wall time.

    ``memory`` is in bytes beyond what torch itself takes, ``printed`` in bytes.
    """

    seconds: float = 20.0
    patience: float = 10.0
    memory: int = 2 << 30
    printed: int = 10_000_000

    @property
    def wall(self) -> float:
        """Seconds of wall time for a file."""
        return self.seconds * self.patience


@dataclass
class Outcome:
    """What every probe saw; in one sentence why the file could not be run, or ""; seconds of processor time or None."""

    seen: Observations = field(default_factory=dict)
    problem: str = ""
    seconds: float | None = None


class _Closed:
    """There will be no more messages."""


class Sandbox:
    """Starts a process for each learner's file; the first one at once, in the background.  Close it, or use ``with``.

    ``salt`` is added to the seeds of what is fed.  ``answers``: the processes hold the references, for the course's own
    code only.  ``jail``: they stand in bubblewrap, where it works (:func:`helpers.grading.isolation.missing`).  Of one
    sandbox run one file at a time; any number may stand side by side, also in threads.
    """

    def __init__(self, salt: int = 0, answers: bool = False, forks: bool = FORKS, jail: bool = False):
        self._worker = Worker(salt, answers, forks, jail)
        self._jail, self._runs = jail, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def observe(self, submission: Submission, exercise: Exercise, limits: Limits, recorded: bool = False) -> Outcome:
        """What the probes of ``exercise`` see of the object called ``exercise.builds`` in a learner's file.

        ``recorded``: it is fed what the records were made with, whatever the salt.

        Raises NotJudged where the file defines no such name, hits a limit, ends its process, or needs a package that is
        not there; also where no process can be started.
        """
        with self._scratch() as scratch:
            job = {
                "submission": dataclasses.asdict(submission),
                "module": exercise.module,
                "exercise": exercise.id,
                "expects": exercise.builds,
                "scratch": scratch,
                "readable": [self._worker.package, *_readable(submission.folder)],
                "memory": limits.memory,
                "seconds": limits.seconds,
                "recorded": recorded,
            }
            try:
                run = self._worker.run(job, any("optim" in cell for cell in submission.cells))
            except NotStarted as problem:
                raise NotJudged(str(problem)) from None
            try:
                outcome = _listen(run, [probe.id for probe in exercise.probes], limits)
            finally:
                ending = run.stop()
        outcome.seconds = ending.seconds
        _refuse(outcome.seen, submission.folder)
        for probe in exercise.probes:
            if wire.FILE in outcome.seen:
                outcome.seen[probe.id] = outcome.seen[wire.FILE]
        outcome.seen.pop(wire.FILE, None)
        return outcome

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[str]:
        """A folder for one run; inside bubblewrap the run makes it itself."""
        self._runs += 1
        if self._jail:
            yield f"/tmp/run{self._runs}"
            return
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            yield os.path.realpath(scratch)

    def isolation(self) -> str:
        """What stands between a run and this machine, in words.  Waits until the process is ready."""
        own = self._worker.wait()
        parts = ["bubblewrap: a read-only system without the course, no network, a user of its own"] * self._jail
        parts += ["processes, network and mounts of its own for each answer"] * own
        return "; ".join([*parts, "Landlock and limits of the system where it knows them"])


def observe_file(submission: Submission, exercise: Exercise, limits: Limits) -> Outcome:
    """As :meth:`Sandbox.observe`, in a sandbox of its own."""
    with Sandbox() as sandbox:
        return sandbox.observe(submission, exercise, limits)


def _readable(folder: str) -> list[str]:
    """What a file in ``folder`` may read besides the system's files: Python, its packages, and the folder."""
    home = os.path.expanduser("~")
    caches = [os.path.join(home, place, "matplotlib") for place in (".cache", ".config")]
    return readable([*python(), *caches, folder], hidden_from(folder))


def _listen(run: Run, probes: Sequence[str], limits: Limits) -> Outcome:
    """Collect messages until the last probe.  Raises NotJudged at the end of the process or of the time."""
    outcome = Outcome()
    events = _events(run, limits.printed)
    try:
        started = events.get(timeout=START_SECONDS) == _READY
    except queue.Empty:
        started = False
    if not started:
        raise NotJudged("The process in which your code would run did not start.")
    deadline = time.monotonic() + limits.wall
    for probe in probes:
        try:
            event = events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise NotJudged(f"Your code was still running after {limits.wall:g} s.") from None
        if isinstance(event, str):
            raise NotJudged(event)
        if isinstance(event, _Closed):
            raise NotJudged(_why(run.ended(1.0), limits))
        try:
            seen = wire.from_bytes(event)
        except ValueError as error:
            raise NotJudged(f"What your code's process sent cannot be read: {error}.") from None
        if wire.NO_NAME in seen:
            raise NotJudged(f"{seen[wire.NO_NAME]}.")
        outcome.seen.update(seen)
        if wire.FILE in seen:
            outcome.problem = f"Your file cannot be run: {seen[wire.FILE]}"
            return outcome
        if any(key.partition("/")[0] != probe for key in seen):
            raise NotJudged("What your code's process sent is not what was asked for.")
    return outcome


def _events(run: Run, printed: int) -> queue.Queue[bytes | str | _Closed]:
    """A queue that two threads fill: the child's messages, and what says that there will be no more."""
    events: queue.Queue[bytes | str | _Closed] = queue.Queue()

    def read_answer() -> None:
        left = wire.LIMIT
        with run.answer as pipe, contextlib.suppress(OSError):
            while (head := _exactly(pipe, 8)) is not None:
                size = int.from_bytes(head, "big")
                left -= size
                if left < 0 or (message := _exactly(pipe, size)) is None:
                    break
                events.put(message)
        events.put(_Closed())

    def drain_output() -> None:
        left = printed
        with run.output as pipe:
            while left > 0:
                chunk = os.read(pipe.fileno(), 1 << 16)
                if not chunk:
                    return
                left -= len(chunk)
            events.put(f"Your code printed more than {printed / 1e6:g} MB.")  # said before the broken pipe is

    for reader in (read_answer, drain_output):
        threading.Thread(target=reader, daemon=True).start()
    return events


def _exactly(pipe: IO[bytes], size: int) -> bytes | None:
    """So many bytes, or None where the pipe ends before."""
    data = bytearray()
    while len(data) < size:
        chunk = pipe.read(min(size - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _why(ending: Ending | None, limits: Limits) -> str:
    """Why a process sends no more, from the way in which it ended."""
    if ending is None:
        return "The connection to your code's process broke off."
    if ending.code >= 0:
        return f"Your code ended its process (exit code {ending.code})."
    name = signal.Signals(-ending.code).name
    if name == "SIGXCPU" or (name == "SIGKILL" and (ending.seconds or 0.0) >= limits.seconds):
        return f"Your code needed more than {limits.seconds:g} s of processor time."
    known = {"SIGSEGV": " (a recursion without end?)", "SIGKILL": " (too much memory?)"}
    return f"Your code's process was ended by {name}{known.get(name, '')}."


def _refuse(seen: Observations, folder: str) -> None:
    """Raises NotJudged for what is no wrong answer: a limit, an exit, a package that is missing."""
    for raised in (value for value in seen.values() if isinstance(value, Raised)):
        if raised.kind == "SystemExit":
            raise NotJudged(f"Your code ended the program: {raised}.")
        if raised.kind == "MemoryError" or "can't allocate memory" in raised.message:
            raise NotJudged(f"Your code needed more memory than it may use: {raised}.")
        for sign, what in _LIMITS.items():
            if sign in raised.message and raised.kind in ("OSError", "RuntimeError"):
                raise NotJudged(f"Your code {what}: {raised}.")
        if missing := _missing_package(raised, folder):
            raise NotJudged(f"The package {missing} is not installed here ({raised.where or raised.message}).")
        if raised.kind == "ImportError" and "cannot import name" not in raised.message:
            raise NotJudged(f"A package cannot be imported here: {raised}.")


def _missing_package(raised: Raised, folder: str) -> str:
    """The package without which the code cannot run, or "": a module that is there lacks what was asked of it."""
    found = re.match(r"No module named '(\w+)", raised.message) if raised.kind == "ModuleNotFoundError" else None
    if not found:
        return ""
    name, beside = found[1], Path(folder) / found[1]
    if name == "helpers" or beside.is_dir() or beside.with_suffix(".py").is_file():
        return ""
    try:
        return "" if importlib.util.find_spec(name) else name
    except (ImportError, ValueError):
        return name
