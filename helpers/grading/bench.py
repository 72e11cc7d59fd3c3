"""How long does a verdict take?

``python -m helpers.grading.bench`` prints the time of the command relative to ``import torch``, measured in turn, and
that of a verdict with explanation in a warm process on one core.
"""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from .command import DEFAULT, find_exercise

ROUNDS = 5
MISTAKE = ("return self.gamma * x_hat + self.beta", "return x_hat")


def main() -> None:
    """Print both measurements."""
    exercise = find_exercise(DEFAULT)
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder) / "wrong.py"
        code = "import torch\nfrom torch import nn\n\n" + exercise.record.source.replace(*MISTAKE)
        wrong.write_text(code, encoding="utf-8")
        imports, commands = [], []
        for _ in range(ROUNDS):
            imports.append(_seconds(lambda: _python("-c", "import torch")))
            commands.append(_seconds(lambda: _python("-m", "helpers.judge", str(wrong))))
    cold, base = statistics.median(commands), statistics.median(imports)
    print(f"command: {cold:.2f} s; import torch: {base:.2f} s; ratio {cold / base:.2f} (medians of {ROUNDS})")

    torch.set_num_threads(1)
    suspects = importlib.import_module("helpers.exercises.answers.batchnorm1d").SUSPECTS[DEFAULT]
    warm = [_seconds(lambda s=s: exercise.assessed(s.make)) for s in suspects]  # type: ignore[misc]
    median, slowest = statistics.median(warm), max(warm)
    print(f"verdict: median {median:.2f} s, slowest {slowest:.2f} s ({len(warm)} wrong layers, one core)")


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=False)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
