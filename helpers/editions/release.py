"""From an executed solution notebook to the learner edition, with nbgrader's own preprocessors."""

from __future__ import annotations

import copy
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    DeduplicateIds,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveCells,
)
from traitlets import Enum
from traitlets.config import Config

from .bundle import EDITIONS, setup_cell
from .source import SETUP_TITLE


class EmbedHelpers(NbGraderPreprocessor):  # type: ignore[misc]
    """Put the learner part of ``helpers`` into the setup cell."""

    edition = Enum(EDITIONS, "open", help="class: no reference code travels").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
        for cell in nb.cells:
            if cell.metadata.get("id") == "setup":
                cell.source = setup_cell(self.edition, code)
        return nb, resources


class TeachersHelpers(NbGraderPreprocessor):  # type: ignore[misc]
    """Where nbgrader grades, take the repository's ``helpers``: a class edition carries no answers to questions."""

    source = """\
import sys
sys.path.sort(key=lambda folder: folder == "")  # a helpers.py that was handed in comes last
import helpers"""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        for cell in nb.cells:
            if cell.source.startswith(SETUP_TITLE):
                cell.source = SETUP_TITLE + self.source
        return nb, resources


class PutBackGraded(OverwriteCells):  # type: ignore[misc]
    """A graded cell that was deleted comes back before the next graded one.

    nbgrader's own puts it directly after the answer, where its exercise may not be imported yet.
    """

    def add_missing_grade_cells(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        there = {_about(cell).get("grade_id") for cell in nb.cells}
        nb, resources = super().add_missing_grade_cells(nb, resources)
        cells: list[NotebookNode] = []
        back: list[NotebookNode] = []
        for cell in nb.cells:
            about = _about(cell)
            if about.get("grade") and not about.get("solution") and about["grade_id"] not in there:
                back.append(cell)
                continue
            if about.get("grade"):
                cells, back = cells + back, []
            cells.append(cell)
        nb.cells = cells + back
        return nb, resources


def _about(cell: NotebookNode) -> dict[str, Any]:
    """What nbgrader knows of a cell."""
    return dict(cell.metadata.get("nbgrader", {}))


class RunToTheEnd(NbGraderPreprocessor):  # type: ignore[misc]
    """Tag the graded cells, so that *Run all* goes on after one that fails, also where its name is not defined."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        for cell in nb.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
                tags = cell.metadata.get("tags", [])
                cell.metadata.tags = [*tags, *{"raises-exception"}.difference(tags)]
        return nb, resources


CHAIN = (
    EmbedHelpers,
    RunToTheEnd,
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
)
"""What ``nbgrader generate_assignment`` runs for this course."""

SANITIZE = (ClearOutput, DeduplicateIds, OverwriteKernelspec, PutBackGraded, TeachersHelpers, CheckCellMetadata)
"""What ``nbgrader autograde`` runs before it executes a hand-in."""


def release(solution: NotebookNode, edition: str = "open") -> NotebookNode:
    """The learner edition of ``solution``, as ``nbgrader generate_assignment`` makes it, without a gradebook."""
    notebook = copy.deepcopy(solution)
    config = Config({"EmbedHelpers": {"edition": edition}})
    resources: dict[str, Any] = {}
    for preprocessor in CHAIN:
        if preprocessor is not SaveCells:
            notebook, resources = preprocessor(config=config).preprocess(notebook, resources)
    return notebook
