"""What was handed out: the released notebooks, and what each graded cell of theirs asks."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.exercises import catalogue
from helpers.grading.submission import NotJudged
from helpers.judge.exercise import Exercise

NAME = "batchnorm"
"""The assignment as nbgrader calls it."""
_GRADE = "_exercise"


@dataclass(frozen=True)
class Item:
    """One graded cell: ``check`` of ``exercise``, or a written answer where ``exercise`` is ""."""

    id: str
    points: float
    exercise: str = ""
    beyond: bool = False
    check: str = ""

    @property
    def written(self) -> bool:
        """True for an answer that a human marks."""
        return not self.exercise


@dataclass(frozen=True)
class Released:
    """A released notebook; ``answers`` are the ids of the cells that a learner fills in."""

    name: str
    notebook: NotebookNode = field(repr=False)
    items: tuple[Item, ...]
    answers: tuple[str, ...]
    digest: str

    @property
    def points(self) -> float:
        """The points of all its graded cells."""
        return sum(item.points for item in self.items)

    @functools.cached_property
    def cells(self) -> dict[str, NotebookNode]:
        """Its cells by grade_id, for those that nbgrader knows."""
        return {grade_id(cell): cell for cell in self.notebook.cells if grade_id(cell)}

    @functools.cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises that its graded cells call, in their order."""
        known = catalogue()
        return tuple(known[id] for id in dict.fromkeys(item.exercise for item in self.items if not item.written))


def grade_id(cell: NotebookNode) -> str:
    """The name by which nbgrader knows a cell, "" where it does not."""
    about = cell.get("metadata", {}).get("nbgrader")
    return str(about.get("grade_id", "")) if isinstance(about, dict) else ""


def load(folder: Path) -> dict[str, Released]:
    """The released notebooks of a folder by name.  Raises NotJudged where there are none, or one asks the unknown."""
    found = {path.stem: _released(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not found:
        raise NotJudged(f"{folder} holds no released notebook; make notebooks writes them.")
    return found


def _released(path: Path) -> Released:
    data = path.read_bytes()
    notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
    items, answers = [], []
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader") or {}
        if about.get("solution"):
            answers.append(about["grade_id"])
        if about.get("grade"):
            items.append(_item(path, cell))
    return Released(path.stem, notebook, tuple(items), tuple(answers), hashlib.sha256(data).hexdigest())


def _item(path: Path, cell: NotebookNode) -> Item:
    about = cell.metadata.nbgrader
    id, points = str(about.grade_id), float(about.points)
    if cell.cell_type != "code":
        return Item(id, points)
    known = catalogue()
    for exercise, beyond, check in _asked(cell.source):
        if exercise in known:
            return Item(id, points, exercise, beyond, check)
    raise NotJudged(f"{path}: the graded cell {id} asks for no check of an exercise that is known here.")


def _asked(code: str) -> Iterator[tuple[str, bool, str]]:
    """Of each ``NAME_exercise[.beyond].grade(answer, check)``: the name, whether beyond, and the check."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(ast.Attribute(asked, "grade"), [_, ast.Constant(str() as check)]):
                match asked:
                    case ast.Name(name):
                        yield name.removesuffix(_GRADE), False, check
                    case ast.Attribute(ast.Name(name), "beyond"):
                        yield name.removesuffix(_GRADE), True, check
