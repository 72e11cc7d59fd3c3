"""What a verdict costs.

``python -m helpers.grading.bench`` prints seconds of processor time, and each as a ratio to ``import torch``, all
measured side by side: the command on one file (and its wall time), the process of a file, a warm verdict, and the kill
matrix.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from helpers.judge.exercise import Exercise

from .package import ANSWERS
from .report import DEFAULT, find_exercise
from .sandbox import Limits, Sandbox
from .submission import read

ROUNDS = 3
MISTAKE = ("return self.gamma * x_hat + self.beta", "return x_hat")
FILES = (DEFAULT, "fine_tune")
_IMPORTS = "import torch\nfrom torch import nn\nfrom torch.nn.functional import cross_entropy\n\n"


def main() -> None:
    """Print all measurements."""
    exercises = [find_exercise(id) for id in FILES]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{exercise.id}.py" for exercise in exercises]
        for path, exercise in zip(paths, exercises, strict=True):
            path.write_text(_IMPORTS + exercise.record.source, encoding="utf-8")
        (wrong := Path(folder) / "wrong.py").write_text(
            _IMPORTS + exercises[0].record.source.replace(*MISTAKE), encoding="utf-8"
        )
        commands: dict[str, tuple[str, ...]] = {"import torch": ("-c", "import torch")}
        for path in (*paths, wrong):
            commands[f"command, {path.name}"] = ("-m", "helpers.judge", str(path))
        rounds = [{name: _python(*arguments) for name, arguments in commands.items()} for _ in range(ROUNDS)]
        base, base_wall = (statistics.median(times) for times in zip(*(r["import torch"] for r in rounds), strict=True))
        print(f"medians of {ROUNDS}; in brackets the ratio to import torch")
        for name in commands:
            cpu, wall = (statistics.median(times) for times in zip(*(r[name] for r in rounds), strict=True))
            print(f"{name}: {cpu:.2f} CPU s ({cpu / base:.2f}), {wall:.2f} s on the clock ({wall / base_wall:.2f})")
        with Sandbox() as sandbox:
            for path, exercise in zip(paths, exercises, strict=True):
                seconds = [sandbox.observe(read(path), exercise, Limits()).seconds or 0.0 for _ in range(2)]
                _say(f"process of a file, {path.name}", statistics.median(seconds), base)
    torch.set_num_threads(1)
    _warm(exercises[0], base)
    command = [sys.executable, "-m", "helpers.editions.kill_matrix"]
    loading = _cpu(lambda: _python("-c", "import helpers.editions.kill_matrix"))
    _say("kill matrix, without imports", _cpu(lambda: _python(*command[1:])) - loading, base)


def _warm(exercise: Exercise, base: float) -> None:
    """Verdicts with explanation in this process, after a first one."""
    room, _, name = exercise.module.rpartition(".")
    answers = importlib.import_module(f"{room}.{ANSWERS}.{name}")
    reference, suspects = answers.REFERENCE[exercise.id], answers.SUSPECTS[exercise.id]
    exercise.assessed(suspects[0].make)
    right = [_cpu(lambda: exercise.assessed(reference)) for _ in range(5)]
    wrong = [_cpu(lambda s=s: exercise.assessed(s.make)) for s in suspects[:40]]  # type: ignore[misc]
    _say("warm verdict, right", statistics.median(right), base)
    _say(f"warm verdict, wrong (median of {len(wrong)})", statistics.median(wrong), base)
    _say("warm verdict, wrong (slowest)", max(wrong), base)


def _say(what: str, seconds: float, base: float) -> None:
    print(f"{what}: {seconds:.2f} CPU s ({seconds / base:.2f})")


def _python(*arguments: str) -> tuple[float, float]:
    """Seconds of processor time, with those of its children, and of wall time."""
    start = time.perf_counter()
    cpu = _cpu(lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=False))
    return cpu, time.perf_counter() - start


def _cpu(run: Callable[[], object]) -> float:
    """Seconds of processor time, of this process and of those that it waits for."""
    start = os.times()
    run()
    end = os.times()
    return sum(end[:4]) - sum(start[:4])


if __name__ == "__main__":
    main()
