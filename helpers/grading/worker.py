"""The process in which the learner's code runs: it sends what each probe saw, and is ended from outside.

It keeps honest mistakes and simple tricks from doing harm: limits on memory and processor time, no new processes, no
network, no writing outside a scratch folder, and reading only there, in Python's own folders and beside the file.  The
right answers are neither in this process nor in one that it was forked from.  It is no jail.  What it sends is only
values, whoever sends them.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import json
import linecache
import math
import os
import re
import select
import signal
import socket
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from helpers.judge.exercise import Exercise
from helpers.judge.model import Raised
from helpers.judge.observe import as_raised, observe

from . import landlock, namespaces, sockets, wire
from .submission import Submission, parsed, plain

_STARTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
_SIGNALS = {"os.kill", "os.killpg"}
_CHANGES = {"os.chmod", "os.link", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
_LISTS = {"os.listdir", "os.scandir"}
_NETWORK = {
    f"socket.{name}"
    for name in ("bind", "connect", "getaddrinfo", "gethostbyaddr", "gethostbyname", "getnameinfo", "sendmsg", "sendto")
}
_SCRATCH = 256 << 20
"""Bytes of files that a run may leave, where it has a file system of its own."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types"),
    *(f"/proc/{name}" for name in namespaces.MACHINE),
)


@dataclass(frozen=True)
class Job:
    """What the child is to do.

    ``module`` and ``exercise`` name the module and the id of the exercise, ``expects`` what the file should define.
    ``memory`` is in bytes beyond what is in use at the start, ``seconds`` of processor time.  ``readable``: files and
    folders, besides those of the system.  ``recorded``: under no salt.
    """

    submission: Submission
    module: str
    exercise: str
    expects: str
    scratch: str
    readable: tuple[str, ...]
    memory: int
    seconds: float
    recorded: bool


def main() -> None:
    """``python package.zip forks PATHS`` serves orders on standard input; ``once`` does one job."""
    kind, paths = sys.argv[1:]
    sys.path += [path for path in json.loads(paths) if path not in sys.path]
    torch.set_num_threads(1)
    if kind == "forks":
        _serve(socket.socket(fileno=os.dup(0)))
    run(os.dup(0), os.dup(1), os.dup(2))


def _serve(control: socket.socket) -> None:
    """Fork for each order that comes with the three pipes of a run; say how it ended; end with the parent."""
    own = namespaces.work()
    control.send(b"n" if own else b"r")
    while True:
        order, pipes, _, _ = socket.recv_fds(control, 1000, 3)
        if not order:
            os._exit(0)
        if len(pipes) < 3:  # "k" for a run that has ended by itself
            continue
        about = json.loads(order)
        _import_before(about["module"], about["optimizer"])
        child = namespaces.fork() if own else os.fork()
        if not child:
            job, answer, output = pipes
            run(job, answer, output, own)
        for pipe in pipes:
            os.close(pipe)
        _watch(child, control)


def _import_before(module: str, optimizer: bool) -> None:
    """What every run would import: the exercise's module and, at the first optimizer, torch's compiler."""
    if module.startswith("helpers.exercises."):
        importlib.import_module(module)
    if optimizer:
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def _watch(child: int, control: socket.socket) -> None:
    """Wait for the end of a child, or end it when told so, and send its exit code and seconds of processor time."""
    handle = os.pidfd_open(child)
    try:
        if control.fileno() in select.select([control.fileno(), handle], [], [])[0]:
            told = control.recv(1)
            for end in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError):
                    end(child, signal.SIGKILL)
            if not told:
                os._exit(0)
    finally:
        os.close(handle)
    _, status, usage = os.wait4(child, 0)
    control.send(
        f"{namespaces.ending(os.waitstatus_to_exitcode(status))} {usage.ru_utime + usage.ru_stime:.3f}".encode()
    )


def run(job_pipe: int, answer_pipe: int, output_pipe: int, own: bool = False) -> None:
    """Run the file and then each probe; an empty message first says that all is ready.  Never returns.

    ``own``: the process has namespaces of its own.
    """
    job = _read_job(job_pipe)
    answer = _settle(job.scratch, answer_pipe, output_pipe)

    def send(message: bytes) -> None:
        answer.write(len(message).to_bytes(8, "big") + message)
        answer.flush()

    if job.recorded and os.environ.pop("BATCHNORM_SALT", ""):
        for name in [name for name in sys.modules if name.startswith("helpers.exercises")]:
            del sys.modules[name]  # they read the salt when they are imported
    exercise = _exercise(job.module, job.exercise)
    gc.freeze()
    gc.enable()
    send(wire.to_bytes({}))
    _limit(job.memory, job.seconds)
    if own:
        namespaces.settle(job.scratch, _SCRATCH)
        os.chdir(job.scratch)
    readable = (*job.readable, *_SYSTEM, *_DEVICES, f"/proc/{os.getpid()}")
    landlock.restrict(readable, (job.scratch, *_DEVICES))
    sockets.forbid()
    sys.addaudithook(_guard(job.scratch, readable))
    try:
        namespace, failed = execute(job.submission, job.expects)
        if job.expects in namespace:
            for probe in exercise.probes:
                data = wire.to_bytes(observe(namespace[job.expects], [probe]))
                if len(data) > wire.LIMIT // len(exercise.probes):
                    much = Raised("BadOutput", f"{len(data) // 8:,} numbers came back, far more than was asked for")
                    data = wire.to_bytes({probe.id: much})
                send(data)
        elif failed is None:
            send(wire.to_bytes({wire.NO_NAME: Raised("NameError", f"{job.expects} is not defined")}))
        else:
            send(wire.to_bytes({wire.FILE: as_raised(failed)}))
    except BaseException as error:
        send(wire.to_bytes({wire.FILE: as_raised(error)}))
    os._exit(0)  # threads and exit handlers of the learner's do not run on


def _read_job(pipe: int) -> Job:
    with open(pipe, "rb") as file:
        job = json.loads(file.read(int.from_bytes(file.read(8), "big")))
    about = job.pop("submission")
    cells = tuple(about.pop("cells"))
    return Job(submission=Submission(**about, cells=cells), **job | {"readable": tuple(job["readable"])})


def execute(submission: Submission, expects: str) -> tuple[dict[str, Any], BaseException | None]:
    """Run a file's code; its names, and the first exception of a cell.

    A Python file runs as if imported, so what it raises is raised.  Of a notebook the cells run one by one, as far as
    the last one that binds ``expects``; one that fails is skipped, as a kernel does.
    """
    vars(sys.modules["helpers"])["arrived"] = "to stay"  # a notebook's setup cell leaves it as it is
    name = "__main__" if submission.notebook else "submission"
    module = types.ModuleType(name)
    sys.modules[name] = module
    sys.path.insert(0, submission.folder)
    failed = None
    if not submission.notebook:
        _run_cell(submission.cells[0], submission.name, module.__dict__)
        return module.__dict__, None
    module.__dict__.update(display=lambda *objects, **options: None, get_ipython=lambda: _Shell(module.__dict__))
    binding = [i for i, cell in enumerate(submission.cells, 1) if _binds(cell, expects)]
    for i, cell in enumerate(submission.cells[: max(binding, default=None)], 1):
        try:
            _run_cell(plain(cell), f"{submission.name}, cell {i}", module.__dict__)
        except BaseException as error:
            failed = failed if failed or i not in binding else error
            if isinstance(error, ImportError):
                module.__dict__.update({n: _Missing(error) for n in _imported(cell) - vars(module).keys()})
    return module.__dict__, failed


class _Missing:
    """Stands for what a cell could not import, so that the code which needs it says so."""

    def __init__(self, error: ImportError):
        self.__dict__["_error"] = error

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        raise self.__dict__["_error"]

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]


class _Shell:
    """Stands for IPython where a notebook that was exported as Python calls its magic commands."""

    def __init__(self, namespace: dict[str, Any]):
        self._namespace = namespace

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run the cell alone, whatever the magic would do besides."""
        exec(compile(cell, f"<%%{name}>", "exec"), self._namespace)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


def _run_cell(code: str, filename: str, namespace: dict[str, Any]) -> None:
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    exec(compile(code, filename, "exec"), namespace)


def _imported(cell: str) -> set[str]:
    """The names that the imports of a cell bind."""
    tree = parsed(plain(cell)) or ast.Module([], [])
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}


def _binds(cell: str, name: str) -> bool:
    """True where a cell defines or imports ``name``, or sets an attribute of it."""
    tree = parsed(plain(cell))
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


def _settle(scratch: str, answer: int, output: int) -> IO[bytes]:
    """A session of its own, a scratch folder to work in, prints to ``output``, no way out but what is returned."""
    with contextlib.suppress(AttributeError, PermissionError):  # one that is the first of its session stays so
        os.setsid()
    sink = os.open(os.devnull, os.O_RDONLY)
    for theirs, stream in ((sink, 0), (output, 1), (output, 2)):  # what was 0 leads to the parent
        os.dup2(theirs, stream)
    os.close(output)
    if os.name == "posix":
        for inherited in {int(name) for name in os.listdir("/dev/fd")} - {0, 1, 2, answer}:
            with contextlib.suppress(OSError):
                os.close(inherited)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    os.makedirs(scratch, exist_ok=True)
    os.chdir(scratch)
    os.environ.update(TMPDIR=scratch)
    tempfile.tempdir = scratch
    sys.dont_write_bytecode = True
    return open(answer, "wb", closefd=False)


def _limit(memory: int, seconds: float) -> None:
    """Set the limits that the system knows.  Windows knows none, macOS none of memory; NPROC does not bind root."""
    with contextlib.suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = math.ceil(used.ru_utime + used.ru_stime + seconds)
        limits = {"CPU": cpu, "FSIZE": 64 << 20, "NOFILE": 256, "CORE": 0, "NPROC": 1024}
        with contextlib.suppress(OSError):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            limits["AS"] = pages * resource.getpagesize() + memory
        for name, value in limits.items():
            kind = getattr(resource, f"RLIMIT_{name}", None)
            spare = 2 if name == "CPU" else 0  # first a signal that tells the reason, then one that cannot be ignored
            if kind is not None:
                hard = resource.getrlimit(kind)[1]
                value, last = (n if hard == resource.RLIM_INFINITY else min(n, hard) for n in (value, value + spare))
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(kind, (value, last))


def _guard(scratch: str, readable: Sequence[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook: no new processes, no signals to others, no network.

    Files change only inside ``scratch``, and are read only there and inside ``readable``.
    """
    own = os.path.realpath(scratch)
    changed, read = (own, *_DEVICES), (own, *map(os.path.realpath, readable))
    real_path, text, join, sep, me = os.path.realpath, os.fsdecode, os.path.join, os.sep, os.getpid()

    def inside(path: object, roots: tuple[str, ...]) -> bool:
        if path is None:
            path = "."
        if not isinstance(path, (str, bytes, os.PathLike)):
            return True  # a number: what is open already
        place = join(real_path(text(path)), "")
        return any(place.startswith(root + sep) for root in roots)

    def guard(event: str, args: tuple[Any, ...]) -> None:
        if event in _STARTS or event.startswith("ctypes.dl"):
            raise PermissionError("new processes and libraries of C are not allowed here")
        if event in _SIGNALS and args[0] != me:
            raise PermissionError("signals to other processes are not allowed here")
        if event in _NETWORK:
            raise PermissionError("the network is out of reach here")
        writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        paths = args[:1] if writes else args[:2] if event in _CHANGES else ()
        if not all(inside(path, changed) for path in paths):
            raise PermissionError("files outside the current folder cannot be changed here")
        if (event == "open" or event in _LISTS) and not inside(args[0], read):
            raise PermissionError(f"{text(args[0])} cannot be read here")

    return guard
