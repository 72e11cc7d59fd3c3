"""Run probes on an object and keep plain arrays: the only step in which the learner's code runs."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .model import Array, Observations, Probe, Raised
from .unpatched import unpatched

_NOT_THEIRS = (
    str(Path(__file__).resolve().parents[1]),
    str(Path(torch.__file__).resolve().parents[1]),
    str(Path(linecache.__file__).resolve().parent),
    "<frozen ",
)
_BASE = torch._C.TensorBase  # its methods cannot be patched
PRINTED_LINES, PRINTED_WIDTH = 10, 200
"""So much is kept of what a learner's code prints."""


class BadOutput(Exception):
    """The learner's code returned something that is no tensor or number of the kind asked for."""


def observe(obj: Any, probes: Iterable[Probe]) -> Observations:
    """Run every probe on ``obj``.

    A probe that raises leaves one :class:`Raised` under its own id; the others still run.  The global random state,
    the default dtype and device (float32 and the CPU for the probes), the number of threads, the gradient mode and
    the warning filters are afterwards as they were before, and while a probe runs nothing of torch or NumPy is patched.
    """
    seen: Observations = {}
    for probe in probes:
        with _undisturbed():
            try:
                for quantity, value in probe.run(obj).items():
                    seen[f"{probe.id}/{quantity}"] = as_array(value, quantity)
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:
                seen = {k: v for k, v in seen.items() if not k.startswith(probe.id + "/")}
                seen[probe.id] = as_raised(error)
    return seen


def as_array(value: Any, quantity: str = "the result") -> Array:
    """A float64 copy of a tensor, array, number or sequence of numbers.

    Raises BadOutput for None and for anything without numbers.

    >>> as_array(torch.tensor([1, 2], dtype=torch.bfloat16))
    array([1., 2.])
    """
    if value is None:
        raise BadOutput(f"{quantity} is None. Does every path of your code end with a return?")
    if isinstance(value, torch.Tensor):
        value = _BASE.numpy(_BASE.double(_BASE.cpu(_BASE.detach(_plain(value)))))
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadOutput(f"{quantity} is a {type(value).__name__}, not numbers.") from None


def tensor(value: Any, name: str) -> torch.Tensor:
    """``value`` if it is a tensor; else BadOutput with a sentence.  Probes call it on what learners return.

    What comes back is exactly a ``torch.Tensor``, in the same graph: a subclass could answer for itself.
    """
    if value is None:
        question = " Does every path of your code end with a return?" if name.startswith("the ") else ""
        raise BadOutput(f"{name} is None.{question}")
    if not isinstance(value, torch.Tensor):
        raise BadOutput(f"{name} is a {type(value).__name__}; a torch.Tensor is needed.")
    return _plain(value)


def tensors(value: Any, *names: str) -> tuple[torch.Tensor, ...]:
    """``value`` if it is a tuple or list of ``len(names)`` tensors; else BadOutput with a sentence."""
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        got = "None" if value is None else f"a {type(value).__name__}"
        raise BadOutput(f"the result is {got}; {len(names)} tensors are needed: {', '.join(names)}.")
    return tuple(tensor(v, name) for v, name in zip(value, names, strict=True))


def _plain(value: torch.Tensor) -> torch.Tensor:
    if type(value) is torch.Tensor:
        return value
    with torch._C.DisableTorchFunctionSubclass():
        plain: torch.Tensor = _BASE.as_subclass(value, torch.Tensor)
        return plain


def as_raised(error: BaseException) -> Raised:
    """The exception as text, with the last line of the learner's own code that it passed through.

    An attribute that only the judge looked for becomes a sentence about the learner's layer.
    """
    where = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename
        if not path.startswith(_NOT_THEIRS):
            where = f"line {line}: `{linecache.getline(path, line).strip()}`"
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception:
        message = ""
    missing = re.search(r"has no attribute '(\w+)'$", message) if not where else None
    if missing and isinstance(error, AttributeError):
        return Raised("BadOutput", f"there is no `{missing[1]}`; the judge looks for it.")
    return Raised(type(error).__name__[:80], message[:300], where[:300])


class Printed(io.TextIOBase):
    """Takes the place of standard output and error: keeps the first lines, and counts them all.

    >>> printed = Printed()
    >>> for step in range(1156):
    ...     print("step", step, file=printed)
    >>> printed.count, printed.lines[:2]
    (1156, ('step 0', 'step 1'))
    """

    def __init__(self) -> None:
        self._kept, self._ended, self._open = [""], 0, False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        ends = text.count("\n")
        for i, part in enumerate(text.split("\n", PRINTED_LINES) if len(self._kept) <= PRINTED_LINES else ()):
            if i and len(self._kept) <= PRINTED_LINES:
                self._kept.append("")
            self._kept[-1] = (self._kept[-1] + part)[:PRINTED_WIDTH]
        self._ended, self._open = self._ended + ends, not text.endswith("\n") if text else self._open
        return len(text)

    @property
    def count(self) -> int:
        """How many lines were written."""
        return self._ended + self._open

    @property
    def lines(self) -> tuple[str, ...]:
        """The first of them, and of each its first characters."""
        return tuple(self._kept[: min(self.count, PRINTED_LINES)])


@contextlib.contextmanager
def caught() -> Iterator[Printed]:
    """What Python prints inside the ``with`` block comes here, and nowhere else."""
    printed = Printed()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield printed


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    dtype, device, threads = torch.get_default_dtype(), torch.empty(0).device, torch.get_num_threads()
    torch.set_num_threads(1)  # so small a batch is no faster on more, and on a busy machine much slower
    with unpatched(), _numbers_as_ever(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        if device.type != "cpu":
            torch.set_default_device("cpu")
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            if torch.empty(0).device != device:
                torch.set_default_device(None if device.type == "cpu" else device)
            torch.set_num_threads(threads)


@contextlib.contextmanager
def _numbers_as_ever() -> Iterator[None]:
    """Torch's random numbers start at seed 0, and afterwards go on from where they were.

    Not by ``torch.manual_seed`` and ``fork_rng``: the former imports torch._dynamo, some 800 modules.
    """
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(0)
    try:
        yield
    finally:
        generator.set_state(state)
