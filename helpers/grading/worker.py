"""The process in which the learner's code runs: it sends what each probe saw, and is ended from outside.

It keeps honest mistakes and simple tricks from doing harm: limits on memory and processor time, no new processes, no
writing outside a scratch folder.  It is no jail.  What it sends is only values, whoever sends them.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import linecache
import os
import re
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from helpers.judge.exercise import Exercise
from helpers.judge.model import Raised
from helpers.judge.observe import as_raised, observe

from . import wire
from .submission import Submission

FILE = "the file"
"""Key under which an exception is sent that ended the file itself."""
NO_NAME = "no such name"
"""Key that says: the file runs and defines nothing of the name asked for."""

_STARTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
_SIGNALS = {"os.kill", "os.killpg"}
_CHANGES = {"os.chmod", "os.link", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}


@dataclass(frozen=True)
class Job:
    """What the child is to do; only text and numbers, so that any start method can hand it over.

    ``module`` and ``exercise`` name the module and the id of the exercise, ``expects`` what the file should define.
    ``memory`` is in bytes beyond what is in use at the start, ``seconds`` of processor time.
    """

    submission: Submission
    module: str
    exercise: str
    expects: str
    scratch: str
    memory: int
    seconds: float


def run(job: Job, answer: Connection, output: Connection) -> None:
    """Run the file and then each probe; an empty message first says that all is ready.  Never returns."""
    _settle(job.scratch, answer, output)
    exercise = _exercise(job.module, job.exercise)
    answer.send_bytes(wire.to_bytes({}))
    _limit(job.memory, job.seconds)
    sys.addaudithook(_guard(os.path.realpath(job.scratch)))
    try:
        namespace, failed = execute(job.submission, job.expects)
        if job.expects in namespace:
            for probe in exercise.probes:
                data = wire.to_bytes(observe(namespace[job.expects], [probe]))
                if len(data) > wire.LIMIT // len(exercise.probes):
                    much = Raised("BadOutput", f"{len(data) // 8:,} numbers came back, far more than was asked for")
                    data = wire.to_bytes({probe.id: much})
                answer.send_bytes(data)
        elif failed is None:
            answer.send_bytes(wire.to_bytes({NO_NAME: Raised("NameError", f"{job.expects} is not defined")}))
        else:
            answer.send_bytes(wire.to_bytes({FILE: as_raised(failed)}))
    except BaseException as error:
        answer.send_bytes(wire.to_bytes({FILE: as_raised(error)}))
    os._exit(0)  # threads and exit handlers of the learner's do not run on


def execute(submission: Submission, expects: str) -> tuple[dict[str, Any], BaseException | None]:
    """Run a file's code; its names, and the first exception of a cell.

    A Python file runs as if imported, so what it raises is raised.  Of a notebook the cells run one by one, as far as
    the last one that binds ``expects``; one that fails is skipped, as a kernel does.
    """
    name = "__main__" if submission.notebook else "submission"
    module = types.ModuleType(name)
    sys.modules[name] = module
    sys.path.insert(0, submission.folder)
    failed = None
    if not submission.notebook:
        _run_cell(submission.cells[0], submission.name, module.__dict__)
        return module.__dict__, None
    module.__dict__["display"] = lambda *objects, **options: None
    binding = [i for i, cell in enumerate(submission.cells, 1) if _binds(cell, expects)]
    for i, cell in enumerate(submission.cells[: max(binding, default=None)], 1):
        try:
            _run_cell(_plain(cell), f"{submission.name}, cell {i}", module.__dict__)
        except BaseException as error:
            failed = failed if failed or i not in binding else error
    return module.__dict__, failed


def _run_cell(code: str, filename: str, namespace: dict[str, Any]) -> None:
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    exec(compile(code, filename, "exec"), namespace)


def _plain(cell: str) -> str:
    """A cell without the lines that only IPython understands: ``%matplotlib inline``, ``!pip …``."""
    return cell if _parsed(cell) else re.sub(r"(?m)^(\s*)[%!?].*$", r"\1pass", cell)


def _parsed(cell: str) -> ast.Module | None:
    try:
        return ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _binds(cell: str, name: str) -> bool:
    """True where a cell defines or imports ``name``, or sets an attribute of it."""
    tree = _parsed(_plain(cell))
    if tree is None:
        return re.search(rf"\b(class|def)\s+{name}\b", cell) is not None
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=bound) | ast.FunctionDef(name=bound) if bound == name:
                return True
            case ast.alias(name=bound, asname=None) | ast.alias(asname=bound) if bound in (name, "*"):
                return True
            case ast.Name(id=bound, ctx=ast.Store()) if bound == name:
                return True
            case ast.Attribute(value=ast.Name(id=bound), ctx=ast.Store()) if bound == name:
                return True
    return False


def _exercise(module: str, exercise: str) -> Exercise:
    found = vars(importlib.import_module(module)).values()
    return next(e for e in found if isinstance(e, Exercise) and e.id == exercise)


def _settle(scratch: str, answer: Connection, output: Connection) -> None:
    """A session of its own, a scratch folder to work in, prints to ``output``, and no other way out than ``answer``."""
    if hasattr(os, "setsid"):
        os.setsid()
    sink = output.fileno() if os.name == "posix" else os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(sink, stream)
    output.close()
    if os.name == "posix":
        for inherited in {int(name) for name in os.listdir("/dev/fd")} - {0, 1, 2, answer.fileno()}:
            with contextlib.suppress(OSError):
                os.close(inherited)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    os.chdir(scratch)
    os.environ.update(BATCHNORM_PROGRESS="", MPLBACKEND="Agg", TMPDIR=scratch)
    tempfile.tempdir = scratch
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)


def _limit(memory: int, seconds: float) -> None:
    """Set the limits that the system knows.  Windows knows none, macOS none of memory; NPROC does not bind root."""
    with contextlib.suppress(ImportError):
        import resource

        limits = {"CPU": round(seconds) + 10, "FSIZE": 64 << 20, "NOFILE": 256, "CORE": 0, "NPROC": 1024}
        with contextlib.suppress(OSError):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            limits["AS"] = pages * resource.getpagesize() + memory
        for name, value in limits.items():
            kind = getattr(resource, f"RLIMIT_{name}", None)
            if kind is not None:
                hard = resource.getrlimit(kind)[1]
                value = value if hard == resource.RLIM_INFINITY else min(value, hard)
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(kind, (value, value))


def _guard(scratch: str) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook: no new processes, no signals to others, and files change only inside ``scratch``."""
    allowed = (scratch + os.sep, os.devnull)

    def inside(path: object) -> bool:
        return not isinstance(path, (str, bytes, os.PathLike)) or (
            os.path.realpath(os.fsdecode(path)).startswith(allowed)
        )

    def guard(event: str, args: tuple[Any, ...]) -> None:
        if event in _STARTS or event.startswith("ctypes.dl"):
            raise PermissionError("new processes and libraries of C are not allowed here")
        if event in _SIGNALS and args[0] != os.getpid():
            raise PermissionError("signals to other processes are not allowed here")
        writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        paths = args[:1] if writes else args[:2] if event in _CHANGES else ()
        if not all(map(inside, paths)):
            raise PermissionError("files outside the current folder cannot be changed here")

    return guard
