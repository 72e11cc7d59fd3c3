"""The last cell of a notebook: a checked copy of it, to hand in."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from helpers.exercises.syllabus import notebooks
from helpers.judge.show import Card, show

FOLDER = "submission"
"""Beside the notebook; the copies lie in it."""
STUBS = "raise NotImplementedError", "YOUR ANSWER HERE"
"""What stands in an answer that is still to do."""
_TITLE = "Prepare my submission"
_BY_HAND = "Hand in the notebook itself: File → Download, or the file in its folder."
_asked: set[str] = set()


def prepare_submission(name: str) -> None:
    """Save a copy of this notebook that is ready to hand in, and tell what is in it; at first only how that is done.

    name: the notebook's file name without suffix.
    """
    if name not in _asked:
        _asked.add(name)
        then = "Save the notebook, then run this cell again: it checks a copy, saves it, and says its name."
        show(Card(_TITLE, (("→", then),), None))
        return
    try:
        notebook, told, folder = _this_notebook(name)
        show(_handed(notebook, name, told, folder))
    except Exception as problem:  # Colab's messages are its own; whatever they raise, there is another way
        show(
            Card(_TITLE, (("✗", f"This kernel cannot read or copy its notebook ({problem})."), ("→", _BY_HAND)), False)
        )


def _this_notebook(name: str) -> tuple[dict[str, Any], str, Path]:
    """The notebook, since when it is so, and the folder it lies in.  Raises whatever goes wrong."""
    if "google.colab" in sys.modules:
        from google.colab import _message  # type: ignore[import-not-found]

        reply = _message.blocking_request("get_ipynb", timeout_sec=60)
        if not reply:
            raise ValueError("Colab does not answer")
        return reply["ipynb"], "as it is now", Path()
    path = _file(name)
    saved = time.strftime("%H:%M:%S", time.localtime(path.stat().st_mtime))
    return json.loads(path.read_text(encoding="utf-8")), f"{path.name} as it was saved at {saved}", path.parent


def _file(name: str) -> Path:
    """The file of this kernel's notebook, as VS Code or Jupyter tells it, or else one of the name here."""
    shell = get_ipython()
    told = (shell and shell.user_ns.get("__vsc_ipynb_file__")) or os.environ.get("JPY_SESSION_NAME") or f"{name}.ipynb"
    path = Path(told)
    return path if path.exists() else Path(path.name)  # a server may tell it from its own folder on


def _handed(notebook: dict[str, Any], name: str, told: str, folder: Path) -> Card:
    """Check the notebook, write the copy, and say so.  Raises OSError, ValueError or KeyError."""
    wanted = next(n for n in notebooks() if n.name == name)
    cells = _by_name(notebook)
    lost = [id for id in wanted.answers if id not in cells]
    if len(lost) == len(wanted.answers):
        raise ValueError(f"no answer of {name} is in it")
    done = [id for id in wanted.answers if any(not _stub(text) for text in cells.get(id, ()))]
    graded = [f"{id}_{check}" for id, task in wanted.exercises.items() for check, worth in task.checks.items() if worth]
    there = sum(id in cells for id in graded)
    copy = folder / FOLDER / f"{name}.ipynb"
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(json.dumps(_without_outputs(notebook), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    every = len(done) == len(wanted.answers)
    rows = [("✓" if every else "○", f"{len(done)} of {len(wanted.answers)} answers are filled in")]
    rows += [("○", f"still to do: `{id}`") for id in wanted.answers if id in cells and id not in done]
    rows += [("✗", f"missing: `{id}`. Copy its cell from a fresh notebook.") for id in lost]
    rows.append(
        ("✓", f"{there} of {len(graded)} graded cells are there" + "; a grader adds the rest" * (there < len(graded)))
    )
    rows.append(("", f"{told}; {copy.stat().st_size / 1024:.0f} kB, without outputs"))
    rows.append(("→", f"Hand in this file: `{copy}`"))
    if "google.colab" in sys.modules:
        from google.colab import files

        with contextlib.suppress(Exception):  # the copy is there, and can be had from Colab's list of files
            files.download(str(copy))
    return Card(_TITLE, tuple(rows), False if lost else every or None)


def _by_name(notebook: dict[str, Any]) -> dict[str, list[str]]:
    """The texts of the cells by each name that they go by: nbgrader's, the cell's id, the id in its metadata."""
    found: dict[str, list[str]] = {}
    for cell in notebook["cells"]:
        about = cell.get("metadata", {})
        for name in {about.get("nbgrader", {}).get("grade_id"), cell.get("id"), about.get("id")}:
            found.setdefault(name, []).append("".join(cell["source"]))
    return found


def _stub(text: str) -> bool:
    return not text.strip() or any(stub in text for stub in STUBS)


def _without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """What is handed in: a grader runs it anew."""
    empty: dict[str, Any] = {"outputs": [], "execution_count": None}
    cells = [{**cell, **(empty if cell["cell_type"] == "code" else {})} for cell in notebook["cells"]]
    return {**notebook, "cells": cells}
