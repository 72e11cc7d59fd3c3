"""Processes for learners' code: started afresh, with an environment of their own, and never from this one's memory.

On Linux one process imports torch, runs no learner's code, and forks itself for each file while it has a single
thread.  Elsewhere each file has a process of its own from the start.  Nothing here needs torch, so that the process
can be started before this one imports it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from . import isolation
from .package import package

FORKS = sys.platform == "linux"
"""Elsewhere a process with torch in it cannot safely fork."""
START_SECONDS = 180.0
OWN = b"n"
"""What the worker says when it is ready, and its runs have namespaces of their own."""

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")


def python() -> list[str]:
    """The folders of this Python and its packages."""
    return [sys.prefix, sys.base_prefix, *(path for path in sys.path if os.path.basename(path).endswith("-packages"))]


class NotStarted(Exception):
    """Why no process could be started, in one sentence."""


@dataclass(frozen=True)
class Ending:
    """``code``: exit code, or minus the number of a signal; ``seconds`` of processor time, or None."""

    code: int
    seconds: float | None = None


class Run(Protocol):
    """One file's process: what it answers, what it prints, and its end."""

    @property
    def answer(self) -> IO[bytes]:
        """The messages of :mod:`helpers.grading.wire`, each after its length in 8 bytes."""

    @property
    def output(self) -> IO[bytes]:
        """What the code prints."""

    def ended(self, timeout: float) -> Ending | None:
        """How it ended, or None where it still runs after so many seconds."""

    def stop(self) -> Ending:
        """End it, with all that it has started."""


class Worker:
    """A process that waits for files; the arguments are those of :class:`helpers.grading.sandbox.Sandbox`."""

    _control: socket.socket
    _process: subprocess.Popen[bytes]
    _ready = b""

    def __init__(self, salt: int = 0, answers: bool = False, forks: bool = FORKS, jail: bool = False):
        self._scratch = tempfile.TemporaryDirectory(prefix="worker", ignore_cleanup_errors=True)
        self._zip = str(Path(self._scratch.name).resolve() / "package.zip")
        Path(self._zip).write_bytes(package(answers))
        self.package = isolation.PACKAGE if jail else self._zip
        self._forks, self._salt, self._jail = forks, salt, jail
        self._ready = b""
        self._control: socket.socket
        self._process: subprocess.Popen[bytes]
        self._spare = None if forks else self._start(subprocess.PIPE)
        if forks:
            self._serve()

    def run(self, job: Mapping[str, Any], optimizer: bool) -> Run:
        """A process that does the job; ``optimizer`` says that torch's optimizers are best imported before.

        Raises NotStarted.
        """
        if not self._forks:
            process, self._spare = self._spare or self._start(subprocess.PIPE), None
            return _Single(process, _frame(job))
        try:
            return self._forked(job, optimizer)
        except NotStarted:  # whatever has ended it, this file is not to blame
            self._control.close()
            _end(self._process)
            self._serve()
            return self._forked(job, optimizer)

    def _forked(self, job: Mapping[str, Any], optimizer: bool) -> Run:
        self.wait()
        return _Forked(self._control, job, optimizer)

    def close(self) -> None:
        """End the process."""
        if self._forks:
            self._control.close()
            _end(self._process)
        elif self._spare:
            _end(self._spare)
        self._scratch.cleanup()

    def wait(self) -> bool:
        """Until the process has imported torch; whether each run has namespaces of its own.  Raises NotStarted."""
        if self._forks and not self._ready:
            self._control.settimeout(START_SECONDS)
            with contextlib.suppress(OSError):
                self._ready = self._control.recv(1)
            if not self._ready:
                raise NotStarted("The process in which your code would run did not start.")
        return self._ready == OWN

    def _serve(self) -> None:
        """Start the process that forks."""
        self._ready = b""
        # packets: two messages that wait are not read as one
        self._control, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            self._process = self._start(theirs)

    def _start(self, stdin: Any) -> subprocess.Popen[bytes]:
        paths = [path for path in sys.path if path and not os.path.exists(os.path.join(path, "helpers"))]
        kind = "forks" if self._forks else "once"
        # -I: neither the environment nor the current folder has a say in what is imported
        # normpath: Python called as ../.venv/bin/python names a folder that is in no jail
        command = [os.path.normpath(sys.executable), "-I", "-B", self.package, kind, json.dumps(paths)]
        if self._jail:
            command = isolation.command(command, self._zip, python())
        pipe = subprocess.DEVNULL if self._forks else subprocess.PIPE
        return subprocess.Popen(
            command, stdin=stdin, stdout=pipe, stderr=pipe, env=self._environment(), cwd=self._scratch.name,
            start_new_session=True,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        """Nothing of this process's environment but what a library needs."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        own = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "BATCHNORM_PROGRESS": ""}
        return kept | own | ({"BATCHNORM_SALT": str(self._salt)} if self._salt else {})


class _Forked:
    """A fork of the worker; the worker is told over ``control`` to make it and to end it."""

    def __init__(self, control: socket.socket, job: Mapping[str, Any], optimizer: bool):
        self._control = control
        self._ending: Ending | None = None
        ends = [os.pipe() for _ in range(3)]
        (their_job, mine), *ours = ends
        self.answer, self.output = (os.fdopen(read, "rb") for read, _ in ours)
        theirs = [their_job, *(write for _, write in ours)]
        order = json.dumps({"module": job["module"], "optimizer": optimizer}).encode()
        try:
            socket.send_fds(control, [order], theirs)
        except OSError:
            raise NotStarted("The process in which your code would run has ended.") from None
        finally:
            for end in theirs:
                os.close(end)
        with contextlib.suppress(BrokenPipeError), os.fdopen(mine, "wb") as pipe:
            pipe.write(_frame(job))

    def ended(self, timeout: float) -> Ending | None:
        if self._ending is None and select.select([self._control], [], [], timeout)[0]:
            code, _, seconds = self._control.recv(100).decode().partition(" ")
            self._ending = Ending(int(code), float(seconds)) if code else Ending(-signal.SIGKILL)
        return self._ending

    def stop(self) -> Ending:
        with contextlib.suppress(OSError):
            if self._ending is None:
                self._control.send(b"k")
        return self.ended(START_SECONDS) or Ending(-signal.SIGKILL)


class _Single:
    """A process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], job: bytes):
        assert process.stdin and process.stdout and process.stderr
        self._process, self.answer, self.output = process, process.stdout, process.stderr
        with contextlib.suppress(OSError), process.stdin:
            process.stdin.write(job)

    def ended(self, timeout: float) -> Ending | None:
        deadline = time.monotonic() + timeout
        while (code := self._process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return None if code is None else Ending(code)

    def stop(self) -> Ending:
        _end(self._process)
        return Ending(self._process.returncode)


def _frame(job: Mapping[str, Any]) -> bytes:
    data = json.dumps(job).encode()
    return len(data).to_bytes(8, "big") + data


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
