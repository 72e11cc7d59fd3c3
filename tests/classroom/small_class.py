"""A class of twelve, who hand in notebook 00 alone, and what the tests ask of a course in which it was graded."""

import shutil
import sys

import nbformat
from nbgrader.api import Gradebook

from helpers.classroom import cli
from helpers.classroom.course import Course
from helpers.grading import isolation
from tests.notebook import ROOT, fill, read, solved

NOTEBOOK = "00_start_here"
JAIL = "none" if isolation.missing() else "bubblewrap"
RIGHT = ("ada", "ben", "cy", "dot", "eli", "fay")
HALF = ("gus", "hal")
UNTOUCHED, EMPTY, PAPER, ABSENT = "ida", "jan", "kim", "lou"
CLASS = (*RIGHT, *HALF, UNTOUCHED, EMPTY, PAPER, ABSENT)
MARKED = len(CLASS) - 2
BIASED = "def feature_statistics(x):\n    return x.mean(0), x.var(0)\n"


def hand_in(submitted, learner, notebook=None, data=None):
    """Put a notebook, or bytes in its place, where nbgrader wants it."""
    folder = submitted / learner / "batchnorm"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NOTEBOOK}.ipynb").write_bytes(data if notebook is None else nbformat.writes(notebook).encode())


def hand_ins(submitted):
    """What the class hands in: right, half right, untouched, an empty file, only another paper, and nothing."""
    for learner in RIGHT:
        hand_in(submitted, learner, solved(NOTEBOOK))
    for learner in HALF:
        hand_in(submitted, learner, fill(solved(NOTEBOOK), {"feature_statistics": BIASED}))
    hand_in(submitted, UNTOUCHED, read(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb"))
    hand_in(submitted, EMPTY, data=b"")
    (submitted / PAPER).mkdir()
    (submitted / PAPER / "essay.pdf").write_bytes(b"%PDF")
    (submitted / ABSENT).mkdir()
    return submitted


def new_course(folder, release):
    """A course whose release is one notebook; all of them have one salt, so that a worker need not start afresh."""
    release.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb", release / f"{NOTEBOOK}.ipynb")
    (folder / "grading").mkdir(parents=True)
    (folder / "grading" / "salt").write_text("42")
    (folder / "notebooks").symlink_to(release)
    return Course(folder)


def copy_of(course, folder):
    """The course as it stands, elsewhere."""
    shutil.copytree(course.root, folder, symlinks=True)
    return Course(folder)


def arguments(name, *rest, course):
    """The arguments of a command of ``python -m helpers.grading``."""
    jail = ["--sandbox", JAIL] if name in ("grade", "late") else []
    where = [] if "--course" in rest else ["--course", str(course.root)]
    return [name, *map(str, rest), *where, *jail]


def command(monkeypatch, capsys, name, *rest, course):
    """Run a command in this process; its exit status and what it printed, on one line."""
    monkeypatch.setattr(sys, "argv", ["grading", *arguments(name, *rest, course=course)])
    capsys.readouterr()
    try:
        cli.main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return status, " ".join(f"{printed.out} {printed.err}".split())


def records(course):
    """Every record without what differs from run to run."""
    with course.store() as store:
        return [{**vars(record), "seconds": None} for record in store.records()]


def grades(url):
    """``{learner: {cell: (score, human's, waits)}}`` and the comments of a gradebook."""
    with Gradebook(url) as book:
        return {
            submission.student.id: {
                **{g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for n in submission.notebooks
                   for g in n.grades},
                **{f"{c.name} (comment)": c.comment for n in submission.notebooks for c in n.comments},
            }
            for submission in book.assignment_submissions("batchnorm")
        }  # fmt: skip
