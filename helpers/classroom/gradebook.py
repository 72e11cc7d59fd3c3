"""nbgrader's own gradebook and ``autograded/`` folder, so that formgrader and ``nbgrader export`` go on from here."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_output
from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.preprocessors import SaveCells
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from helpers.grading.submission import NotJudged

from .assignment import NAME, Released, grade_id
from .record import MISSING, Record


def ready(url: str, released: Mapping[str, Released]) -> str:
    """Enter what was handed out, as ``nbgrader generate_assignment`` does; the URL as the other functions want it.

    Raises NotJudged where the gradebook cannot be written.
    """
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    with _written(), Gradebook(url) as book:
        book.update_or_create_assignment(NAME)
        known = {notebook.name: notebook for notebook in book.find_assignment(NAME).notebooks}
        cells = {
            name: ({cell.name: cell.max_score for cell in one.grade_cells}, {cell.name for cell in one.solution_cells})
            for name, one in known.items()
        }
    for name, one in released.items():
        if cells.get(name) != ({item.id: item.points for item in one.items}, set(one.answers)):
            about = {"nbgrader": {"notebook": name, "assignment": NAME, "db_url": url}}
            with _written():
                SaveCells().preprocess(copy.deepcopy(one.notebook), about)
    return url


def learners(url: str) -> set[str]:
    """Everybody of whom the gradebook has something."""
    with _written(), Gradebook(url) as book:
        found = book.db.query(SubmittedAssignment.student_id).join(Assignment).filter(Assignment.name == NAME)
        return {name for (name,) in found}


@contextlib.contextmanager
def writing(url: str) -> Iterator[Callable[[str, Sequence[Record]], None]]:
    """A function that writes the scores of one learner; marks that a human gave stay.

    Raises NotJudged where they cannot be written.
    """
    with _written():
        book = Gradebook(url)

    def write(learner: str, records: Sequence[Record]) -> None:
        with _written():
            book.update_or_create_student(learner)
            submission = book.update_or_create_submission(NAME, learner)
            _fill(submission, {record.notebook: record for record in records})
            book.db.commit()

    try:
        yield write
    finally:
        book.close()


def leave(url: str, learners: Sequence[str]) -> None:
    """Remove what some learners had handed in; the learners stay in the list of students."""
    with _written(), Gradebook(url) as book:
        for learner in learners:
            with contextlib.suppress(MissingEntry):
                book.remove_submission(NAME, learner)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Around everything that uses the gradebook."""
    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):  # nbgrader calls alembic by name
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own making
            yield
    except (SQLAlchemyError, ImportError, RuntimeError) as problem:
        reason = " ".join(str(getattr(problem, "orig", problem)).split())
        raise NotJudged(f"The gradebook cannot be written: {reason}. The records are kept; grade again.") from None


def _fill(submission: SubmittedAssignment, records: Mapping[str, Record]) -> None:
    for notebook in submission.notebooks:
        record = records.get(notebook.name)
        for grade in notebook.grades:
            score = record.scores.get(grade.name) if record else None
            missing = record is None or record.status == MISSING
            grade.auto_score = 0.0 if missing else score.points if score else None
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        for comment in notebook.comments:
            comment.auto_comment = _comment(record, comment.name)


def _comment(record: Record | None, name: str) -> str | None:
    if record is None or record.status == MISSING:
        return "Not handed in."
    score = record.scores.get(name)
    return "No response." if score is not None and score.why == "not attempted" else None


def autograded(folder: Path, record: Record, released: Released) -> None:
    """Write the notebook that formgrader shows: the released one, with the learner's answers and their outcome."""
    notebook = copy.deepcopy(released.notebook)
    by_exercise = {item.id: item.exercise for item in released.items}
    for cell in notebook.cells:
        name = grade_id(cell)
        if name in record.answers:
            cell.source = record.answers[name]
        if name in record.scores and cell.cell_type == "code":
            text = record.cards.get(by_exercise[name], ("", ""))[0]
            cell.outputs = [new_output("stream", name="stdout", text=_said(record, name, text))]
    place = folder / record.learner / NAME
    place.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, place / f"{record.notebook}.ipynb")


def _said(record: Record, name: str, card: str) -> str:
    score = record.scores[name]
    points = "a human decides" if score.points is None else f"{score.points:g} of {score.most:g} points"
    return "\n".join(filter(None, [f"{points}. {score.why}", card]))


def remove(folder: Path, gone: Iterable[tuple[str, str]]) -> None:
    """Remove the autograded notebooks of what is not handed in any more."""
    for learner, notebook in gone:
        (folder / learner / NAME / f"{notebook}.ipynb").unlink(missing_ok=True)
