"""``python -m helpers.editions.benchmark``: seconds and memory of every solution notebook, as a table.

Each notebook runs in a kernel of its own, one after another.  Memory is the largest resident size of that kernel.
"""

from __future__ import annotations

import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient

from .execute import kernel_environment
from .places import ROOT

LIMITS = {"seconds": 60.0, "megabytes": 1000.0}
TOGETHER = 360.0
"""Seconds that all notebooks together may take."""

_PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"


def measure(name: str) -> tuple[float, float]:
    """(wall seconds from kernel start to the last cell, peak resident megabytes) of one solution notebook."""
    notebook = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(_PEAK))
    client = NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.extra_arguments = ["--log-level=ERROR"]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        client.execute(cwd=folder, env=kernel_environment(ROOT))
        seconds = time.perf_counter() - start
    return seconds, float(notebook.cells[-1].outputs[0].text)


def main() -> int:
    """Print the table; exit 1 where a limit is broken."""
    names = [path.stem for path in sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))]
    print(f"{'notebook':32} {'seconds':>8} {'MB':>6}")
    total, kept = 0.0, True
    for name in names:
        seconds, megabytes = measure(name)
        total += seconds
        fits = seconds < LIMITS["seconds"] and megabytes < LIMITS["megabytes"]
        kept = kept and fits
        print(f"{name:32} {seconds:8.1f} {megabytes:6.0f}{'' if fits else '  over the limit'}", flush=True)
    print(f"{'together':32} {total:8.1f}{'' if total < TOGETHER else '         over the limit'}")
    print(f"limits: {LIMITS['seconds']:.0f} s and {LIMITS['megabytes']:.0f} MB each, {TOGETHER:.0f} s together")
    return 0 if kept and total < TOGETHER else 1


if __name__ == "__main__":
    sys.exit(main())
