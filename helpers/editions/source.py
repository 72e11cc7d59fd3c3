"""Read a notebook's source: jupytext percent format with short headers for graded cells.

========================================  =============================================================
``# %% [markdown] builds="the layer"``    the first cell: title, and what the map says is built here
``# %% setup="setup"``                    the first code cell; its content is ``import helpers``
``# %% solution="id"``                    learners replace what lies between BEGIN and END SOLUTION
``# %% grade="exercise" points=1,2``      one locked, graded cell for each check; ``points=1``: for all alike
``# %% grade="exercise.check" points=2``  that check alone; ``exercise.beyond.check`` for one of the further checks
``# %% tests="id" points=2``              graded by running it; locked
``# %% [markdown] manual="id" points=2``  graded by hand
``# %% readonly="id"``                    locked, no points
``# %% tags=["…"]``                       ordinary tags
========================================  =============================================================

In a solution cell a line ``from helpers.exercises.answers.NAME import OBJECT`` stands for the source of that object.
A ``grade`` cell has no content: ``NAME_exercise`` has to be imported in a cell before it.  Its graded cells have the
ids ``<exercise>_<check>``.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
from nbformat import NotebookNode

from helpers.exercises import catalogue

from .places import SourceError

FLAGS = {  # grade, locked, solution
    "setup": (False, True, False),
    "solution": (False, False, True),
    "tests": (True, True, False),
    "manual": (True, False, True),
    "readonly": (False, True, False),
}
OTHER_KEYS = {"points", "tags", "builds"}
GRADE = "grade"
_JUPYTEXT_KEYS = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}  # its own notes on blank lines
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3.11.7",
}
"""What a front end writes into a notebook when its kernel has started; one that differs makes the notebook unsaved."""
SETUP_TITLE = '# @title Setup: run this cell first { display-mode: "form" }\n'

_INLINE = re.compile(r"^from (helpers\.exercises\.answers\.\w+) import (\w+)$", re.MULTILINE)
_HEADER = re.compile(r"^# %%(\s|$)")
_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


class Source(NamedTuple):
    """A notebook as its source describes it, the source line of each cell, and what the map says is built in it."""

    notebook: NotebookNode
    lines: list[int]
    builds: str


def read_source(path: Path) -> Source:
    """The notebook that ``path`` describes: nbgrader metadata filled in, cell ids stable, no outputs.

    Raises SourceError for an unknown header key, a second use of an id, a solution block outside a solution cell or
    a solution cell without one, a graded cell without points or points on any other cell.
    """
    lines = cell_lines(path)
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    if len(lines) != len(notebook.cells):
        raise SourceError(f"{path}:1: every cell starts with a `# %%` line; there is text before the first one.")
    used: dict[str, int] = {}
    notebook.cells, lines = _one_for_each_check(notebook.cells, lines, path)
    builds = notebook.cells[0].metadata.pop("builds", "") if notebook.cells else ""
    for line, cell in zip(lines, notebook.cells, strict=True):
        where = f"{path}:{line}"
        kind = _kind(cell, where)
        if kind == "solution":
            cell.source = _inlined(cell.source, where)
        _expand(cell, kind, where)
        _check_solution(cell, kind, where)
        _name(cell, kind, used, line, where)
    notebook.metadata = NotebookNode(kernelspec=dict(KERNEL), language_info=copy.deepcopy(LANGUAGE))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return Source(notebook, lines, builds)


def _one_for_each_check(
    cells: list[NotebookNode], lines: list[int], path: Path
) -> tuple[list[NotebookNode], list[int]]:
    """The cells with every ``grade`` cell replaced by its graded cells, and the source line of each."""
    made = [
        (new, line)
        for cell, line in zip(cells, lines, strict=True)
        for new in (_graded(cell, f"{path}:{line}") if GRADE in cell.metadata else [cell])
    ]
    return [cell for cell, _ in made], [line for _, line in made]


def _graded(cell: NotebookNode, where: str) -> list[NotebookNode]:
    """The graded cells of one ``grade`` header, in the order of the checks."""
    id, *rest = str(cell.metadata[GRADE]).split(".")
    known = catalogue()
    if id not in known:
        raise SourceError(f"{where}: there is no exercise `{id}`; there are {', '.join(known)}.")
    beyond = rest[:1] == ["beyond"]
    exercise, wanted = known[id].beyond if beyond else known[id], rest[beyond:]
    every = [check.id for check in exercise.checks]
    checks = [check for check in every if wanted in ([], [check])]
    if not checks:
        raise SourceError(f"{where}: `{id}` has no check `{rest[-1]}`; it has {', '.join(every)}.")
    points = cell.metadata.get("points")
    each = points if isinstance(points, list) else [points] * len(checks)
    if len(each) != len(checks):
        raise SourceError(f"{where}: {len(checks)} checks need {len(checks)} points, not {points}.")
    call = f"{id}_exercise{'.beyond' * beyond}.grade({exercise.builds}, "
    return [
        nbformat.v4.new_code_cell(f'{call}"{check}")', metadata={"tests": f"{exercise.id}_{check}", "points": worth})
        for check, worth in zip(checks, each, strict=True)
    ]


def cell_lines(path: Path) -> list[int]:
    """The line of each cell's header, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]


def _kind(cell: NotebookNode, where: str) -> str:
    """The graded kind of a cell, "" for an ordinary one."""
    unknown = sorted(set(cell.metadata) - set(FLAGS) - OTHER_KEYS - _JUPYTEXT_KEYS)
    if unknown:
        known = ", ".join([*FLAGS, *sorted(OTHER_KEYS)])
        raise SourceError(f"{where}: unknown header key `{unknown[0]}`; known are {known}.")
    kinds = [k for k in FLAGS if k in cell.metadata]
    if len(kinds) > 1:
        raise SourceError(f"{where}: a cell is either `{kinds[0]}` or `{kinds[1]}`, not both.")
    kind = kinds[0] if kinds else ""
    needs = {"setup": "code", "solution": "code", "tests": "code", "manual": "markdown"}.get(kind, cell.cell_type)
    if cell.cell_type != needs:
        raise SourceError(f"{where}: a `{kind}` cell is a {needs} cell, not {cell.cell_type}.")
    return kind


def _expand(cell: NotebookNode, kind: str, where: str) -> None:
    """Replace the short header by nbgrader's metadata."""
    given = cell.metadata
    cell.metadata = NotebookNode()
    if "tags" in given:
        cell.metadata.tags = given["tags"]
    graded = bool(kind) and FLAGS[kind][0]
    points = given.get("points")
    if graded and not (isinstance(points, (int, float)) and points > 0):
        raise SourceError(f"{where}: a `{kind}` cell needs points, for example `points=2`.")
    if points is not None and not graded:
        raise SourceError(f"{where}: points belong on a `tests` or `manual` cell.")
    if not kind:
        return
    grade, locked, solution = FLAGS[kind]
    cell.metadata.nbgrader = NotebookNode(
        grade_id=str(given[kind]), grade=grade, locked=locked, solution=solution, task=False, schema_version=3
    )
    if graded:
        cell.metadata.nbgrader.points = points
    if kind == "setup":
        cell.source = SETUP_TITLE + cell.source
        cell.metadata.cellView = "form"
        cell.metadata.jupyter = NotebookNode(source_hidden=True)


def _check_solution(cell: NotebookNode, kind: str, where: str) -> None:
    begins, ends = cell.source.count("BEGIN SOLUTION"), cell.source.count("END SOLUTION")
    if begins != ends:
        raise SourceError(f"{where}: {begins} BEGIN SOLUTION but {ends} END SOLUTION; each block needs both.")
    if begins and kind not in {"solution", "manual"}:
        raise SourceError(f'{where}: a solution block outside a solution cell; write `# %% solution="…"`.')
    if kind == "solution" and not begins:
        raise SourceError(f"{where}: a solution cell needs `### BEGIN SOLUTION` … `### END SOLUTION`.")


def _name(cell: NotebookNode, kind: str, used: dict[str, int], line: int, where: str) -> None:
    """Give the cell a stable id: its grade_id, or a hash of its content; the same in ``metadata.id``."""
    if kind:
        name = cell.metadata.nbgrader.grade_id
        if not _ID.match(name):
            raise SourceError(f"{where}: id `{name}` may hold only letters, digits, - and _, at most 64.")
        if name in used:
            raise SourceError(f"{where}: id `{name}` is already used in line {used[name]}.")
    else:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        name = next(n for n in _candidates(digest) if n not in used)
    used[name] = line
    cell.id = cell.metadata.id = name


def _candidates(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _inlined(source: str, where: str) -> str:
    def code(match: re.Match[str]) -> str:
        try:
            target: Any = getattr(importlib.import_module(match[1]), match[2])
        except (ImportError, AttributeError) as error:
            raise SourceError(f"{where}: {error}.") from None
        return inspect.getsource(target).rstrip()

    return _INLINE.sub(code, source)
