"""Build editions: read sources, execute what changed, release."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.exercises.syllabus import Notebook

from .bundle import archive
from .execute import execute
from .places import ROOT, find_sources
from .release import release
from .source import read_source
from .syllabus import as_json, describe, fill, in_readme

UNMEASURED = 10.0
"""Seconds that a notebook counts which has not been executed yet."""


def build(
    names: Sequence[str],
    edition: str = "open",
    anew: bool = False,
    check: bool = False,
    root: Path = ROOT,
    finish: Callable[[NotebookNode], None] = lambda executed: None,
) -> int:
    """Build the named notebooks (all, where none is named) and return how many files changed.

    ``edition``: "open" writes ``notebooks/``, "class" writes ``class/``.  ``anew`` executes unchanged notebooks too.
    ``check`` writes and executes nothing, and counts what would change.  ``finish`` may add to the outputs of an
    executed notebook; it meets those that it has added to before.  Raises SourceError for a mistake in a source.
    """
    folder = root / ("notebooks" if edition == "open" else "class")
    every, wanted = find_sources([], root), find_sources(names, root)
    read = {path: read_source(path) for path in every}
    course = [describe(read[path], path, _seconds(path)) for path in every]
    changed = _write_syllabus(course, root, check)
    for path in wanted:
        where, number = path.with_suffix(".ipynb"), every.index(path)
        source = copy.deepcopy(read[path])
        fill(source, number, course)
        notebook, lines, _ = source
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        notebook.metadata.helpers = hashlib.sha256(archive("open", code)).hexdigest()
        if anew or not _take_outputs(notebook, where):
            if check:
                print(f"{path.name}: differs from {where.name}; run `make notebooks`.")
                changed += 1
                continue
            print(f"{path.name}: executing {len(notebook.cells)} cells", flush=True)
            execute(notebook, str(path.relative_to(root)), lines, ROOT)
        finish(notebook)
        changed += _write(notebook, where, check)
        changed += _write(release(notebook, edition), folder / where.name, check)
        changed += _export_figure(notebook, root / "docs" / f"{path.stem}.png", check)
    if not names:
        changed += _prune(folder, {path.stem for path in every}, check)
    if course != [describe(read[path], path, _seconds(path)) for path in every]:
        changed += build(names, edition, False, check, root, finish)  # what was just measured changes the minutes
    return changed


def _seconds(source: Path) -> float:
    """How long the notebook took when it was executed last; where it never was, a guess."""
    where = source.with_suffix(".ipynb")
    known = nbformat.read(where, as_version=4).metadata if where.exists() else {}
    return float(known.get("seconds", UNMEASURED))


def _write_syllabus(course: Sequence[Notebook], root: Path, check: bool) -> int:
    """Write what the course is told of its notebooks: the file that code reads, and the table of the README."""
    texts = {root / "helpers" / "exercises" / "syllabus.json": as_json(course)}
    readme = root / "README.md"
    if readme.exists():
        texts[readme] = in_readme(readme.read_text(encoding="utf-8"), course)
    return sum(_write_text(text, path, check) for path, text in texts.items() if path.parent.exists())


def _take_outputs(notebook: NotebookNode, where: Path) -> bool:
    """Copy the outputs of the notebook at ``where`` if its cells and its helpers are the same; else False."""
    if not where.exists():
        return False
    old = nbformat.read(where, as_version=4)
    if old.metadata.get("helpers") != notebook.metadata.helpers:
        return False
    cells, before = ([c for c in n.cells if c.cell_type == "code"] for n in (notebook, old))
    if [c.source for c in cells] != [c.source for c in before]:
        return False
    for cell, known in zip(cells, before, strict=True):
        cell.outputs, cell.execution_count = known.outputs, known.execution_count
    notebook.metadata.seconds = old.metadata.get("seconds", UNMEASURED)
    return True


def _write(notebook: NotebookNode, where: Path, check: bool) -> int:
    return _write_text(nbformat.writes(notebook) + "\n", where, check)


def _write_text(text: str, where: Path, check: bool) -> int:
    if where.exists() and where.read_text(encoding="utf-8") == text:
        return 0
    if not check:
        where.parent.mkdir(exist_ok=True)
        where.write_text(text, encoding="utf-8")
    print(f"{where.parent.name}/{where.name}: {'would change' if check else 'written'}")
    return 1


def _export_figure(notebook: NotebookNode, where: Path, check: bool) -> int:
    """Keep the figure of the cell tagged ``readme``, if there is one, as a file that README.md can show."""
    tagged = [c for c in notebook.cells if "readme" in c.metadata.get("tags", [])]
    images = [o.data["image/png"] for c in tagged for o in c.outputs if "image/png" in o.get("data", {})]
    if not images:
        return 0
    image = base64.b64decode(images[0])
    if where.exists() and where.read_bytes() == image:
        return 0
    if not check:
        where.parent.mkdir(exist_ok=True)
        where.write_bytes(image)
    print(f"docs/{where.name}: {'would change' if check else 'written'}")
    return 1


def _prune(folder: Path, keep: set[str], check: bool) -> int:
    """Remove generated notebooks whose source is gone."""
    folders = (folder, folder.parent / "solutions")
    stale = [p for f in folders for p in f.glob("[0-9][0-9]_*.ipynb") if p.stem not in keep]
    for path in stale:
        print(f"{path.parent.name}/{path.name}: {'would be removed' if check else 'removed'}, its source is gone")
        if not check:
            path.unlink()
    return len(stale)
