"""Build editions: read sources, execute what changed, release."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .bundle import archive
from .execute import execute
from .release import release
from .source import SourceError, cell_lines, read_source

ROOT = Path(__file__).resolve().parents[2]


def build(
    names: Sequence[str], edition: str = "open", anew: bool = False, check: bool = False, root: Path = ROOT
) -> int:
    """Build the named notebooks (all, where none is named) and return how many files changed.

    ``edition``: "open" writes ``notebooks/``, "class" writes ``class/``.  ``anew`` executes unchanged notebooks too.
    ``check`` writes and executes nothing, and counts what would change.  Raises SourceError for a mistake in a source.
    """
    os.environ["BATCHNORM_EDITION"] = edition
    folder = root / ("notebooks" if edition == "open" else "class")
    sources = find_sources(names, root)
    changed = 0
    for source in sources:
        where = source.with_suffix(".ipynb")
        notebook = read_source(source)
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        notebook.metadata.helpers = hashlib.sha256(archive("open", code)).hexdigest()
        if anew or not _take_outputs(notebook, where):
            if check:
                print(f"{source.name}: differs from {where.name}; run `make notebooks`.")
                changed += 1
                continue
            print(f"{source.name}: executing {len(notebook.cells)} cells", flush=True)
            execute(notebook, str(source.relative_to(root)), cell_lines(source), ROOT)
        changed += _write(notebook, where, check)
        changed += _write(release(notebook), folder / where.name, check)
        changed += _export_figure(notebook, root / "docs" / f"{source.stem}.png", check)
    if not names:
        changed += _prune(folder, {s.stem for s in sources}, check)
    return changed


def find_sources(names: Sequence[str], root: Path = ROOT) -> list[Path]:
    """The sources of the named notebooks (``02_build_batchnorm1d`` or a path that ends so), or all of them."""
    every = {p.stem: p for p in sorted((root / "solutions").glob("[0-9][0-9]_*.py"))}
    wanted = [Path(n).stem for n in names] or list(every)
    for name in wanted:
        if name not in every:
            raise SourceError(f"solutions/{name}.py: there is no such source; there are {', '.join(every)}.")
    return [every[name] for name in wanted]


def _take_outputs(notebook: NotebookNode, where: Path) -> bool:
    """Copy the outputs of the notebook at ``where`` if its cells and its helpers are the same; else False."""
    if not where.exists():
        return False
    old = nbformat.read(where, as_version=4)
    if old.metadata.get("helpers") != notebook.metadata.helpers:
        return False
    if [(c.id, c.source) for c in old.cells] != [(c.id, c.source) for c in notebook.cells]:
        return False
    for cell, before in zip(notebook.cells, old.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return True


def _write(notebook: NotebookNode, where: Path, check: bool) -> int:
    text = nbformat.writes(notebook) + "\n"
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
