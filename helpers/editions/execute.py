"""Run a solution notebook and keep outputs that are the same on every run."""

from __future__ import annotations

import copy
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from .places import SourceError
from .source import LANGUAGE

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 120
"""Seconds that one cell may take."""


def execute(notebook: NotebookNode, name: str, lines: list[int], root: Path) -> None:
    """Run every cell in place, in an empty folder, with ``root`` on the path; ``lines`` are the cells' source lines.

    ``metadata.seconds`` says what processor time it took, which does not hang on what else runs, rounded up to ten.

    Raises SourceError, with the cell's line, for a cell that raises or writes to stderr.
    """
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", store_widget_state=False)
    client.record_timing = False
    client.extra_arguments = ["--log-level=ERROR"]
    client.on_cell_start = lambda cell, cell_index: _progress(name, cell_index, len(notebook.cells))
    before = _seconds()
    with tempfile.TemporaryDirectory() as folder:
        try:
            client.execute(cwd=folder, env=kernel_environment(root))
        except CellExecutionError as error:
            failed = next(i for i, cell in enumerate(notebook.cells) if _error(cell))
            raise SourceError(f"{name}:{lines[failed]}: the cell raised {error.ename}: {error.evalue}") from None
    notebook.metadata.seconds = math.ceil((_seconds() - before) / 10) * 10
    for line, cell in zip(lines, notebook.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _clean(output, f"{name}:{line}"))]
    notebook.metadata.language_info = NotebookNode(copy.deepcopy(LANGUAGE))


def _seconds() -> float:
    """Processor time of the kernels that have ended; on Windows, which does not tell it, the time on the clock."""
    if os.name == "nt":
        return time.perf_counter()
    used = os.times()
    return used.children_user + used.children_system


def kernel_environment(root: Path) -> dict[str, str]:
    """The environment of a kernel that finds ``root`` and leaves the author's own progress alone."""
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "BATCHNORM_PROGRESS": ""}


def _clean(output: NotebookNode, where: str) -> NotebookNode | None:
    """The output without widget views, which only mean something to the kernel that made them."""
    if output.get("name") == "stderr":
        raise SourceError(f"{where}: the cell wrote to stderr: {output.text.strip().splitlines()[-1]}")
    if WIDGET_VIEW in output.get("data", {}):
        del output.data[WIDGET_VIEW]
        if not output.data:
            return None
    return output


def _error(cell: NotebookNode) -> bool:
    expected = "raises-exception" in cell.metadata.get("tags", [])
    return not expected and any(o.output_type == "error" for o in cell.get("outputs", []))


def _progress(name: str, index: int, total: int) -> Any:
    if sys.stdout.isatty():
        print(f"\r{name}: running cell {index + 1} of {total} ", end="", flush=True)
