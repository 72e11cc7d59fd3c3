"""Stock nbgrader: release, four submissions, autograde, feedback, export; every score is what it should be."""

import csv
import os
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from helpers.classroom.marking import HandIn, Marker, Setting
from helpers.grading.sandbox import Limits
from tests.notebook import (
    LEARNER,
    ROOT,
    SOLUTIONS,
    copy_of_the_course,
    fill,
    graded,
    points,
    read,
    solved,
    without_shows,
)
from tests.shell import run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="not run: README.md shows the commands of a POSIX shell")

RELEASE = ".venv/bin/nbgrader generate_assignment batchnorm --force"
AUTOGRADE = ".venv/bin/nbgrader autograde batchnorm --force"
FEEDBACK = ".venv/bin/nbgrader generate_feedback batchnorm --force"
EXPORT = ".venv/bin/nbgrader export --to grading/grades.csv"
VALIDATE = ".venv/bin/nbgrader validate notebooks/00_start_here.ipynb"
COMMANDS = {RELEASE, AUTOGRADE, FEEDBACK, EXPORT, VALIDATE}
"""As README.md shows them."""

FIRST, SECOND = "00_start_here", "02_build_batchnorm1d"
"""The notebooks that are handed in, without their demonstrations; that the solutions of all run is seen elsewhere."""

HALF = {"batchnorm1d_numbers": 2, "batchnorm1d_beyond_settings": 1}
"""What a layer with a biased running variance fails, with its points; the bug hunt is untouched as well."""


def hand_in(course, learner, notebooks):
    folder = course / "grading" / "submitted" / learner / "batchnorm"
    folder.mkdir(parents=True)
    for name, notebook in notebooks.items():
        nbformat.write(without_shows(notebook), folder / f"{name}.ipynb")


def half_right():
    notebook = solved(SECOND)
    layer = next(c for c in notebook.cells if c.id == "batchnorm1d")
    right = "unbiased = var * n / (n - 1)"
    assert layer.source.count(right) == 1
    layer.source = layer.source.replace(right, "unbiased = var")
    untouched = {c.id: c.source for c in read(ROOT / "notebooks" / f"{SECOND}.ipynb").cells}
    return fill(notebook, {"spot_the_bug": untouched["spot_the_bug"]})


def only_pass():
    """What a learner hands in who writes ``pass`` wherever something is asked for."""
    layer = """class BatchNorm1d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        pass

    def forward(self, x):
        pass
"""
    hunt = "def spot_the_bug():\n    pass"
    return fill(read(ROOT / "notebooks" / f"{SECOND}.ipynb"), {"batchnorm1d": layer, "spot_the_bug": hunt})


def without_graded_cells():
    """A right answer from which the learner has deleted what grades it."""
    notebook = solved(FIRST)
    deleted = [id(cell) for cell in graded(notebook).values()]
    notebook.cells = [cell for cell in notebook.cells if id(cell) not in deleted]
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course in which the whole round trip has been run."""
    course = copy_of_the_course(tmp_path_factory.mktemp("clone") / "course")
    shutil.rmtree(course / "notebooks")
    run(RELEASE, course)
    hand_in(course, "perfect", {name: solved(name) for name in (FIRST, SECOND)})
    hand_in(course, "half", {SECOND: half_right()})
    hand_in(course, "untouched", {FIRST: read(ROOT / "notebooks" / f"{FIRST}.ipynb")})
    hand_in(course, "pass", {SECOND: only_pass()})
    hand_in(course, "deleted", {FIRST: without_graded_cells()})
    for command in (AUTOGRADE, FEEDBACK, EXPORT):
        run(command, course)
    return course


def scores(course, learner):
    """``{grade_id: score}`` of the autograded cells, from the gradebook."""
    with Gradebook(f"sqlite:///{course / 'grading' / 'gradebook.db'}") as book:
        submission = book.find_submission("batchnorm", learner)
        return {g.name: g.auto_score for n in submission.notebooks for g in n.grades}


def autograded(*names):
    """``{grade_id: points}`` of the cells that nbgrader grades by running them."""
    found = {}
    for name in names:
        notebook = read(ROOT / "solutions" / f"{name}.ipynb")
        found |= {id: points(notebook)[id] for id in graded(notebook)}
    return found


def test_stock_release_equals_the_learner_edition(course):
    released = {path.name: path.read_bytes() for path in (course / "notebooks").glob("*.ipynb")}
    assert released == {path.name: path.read_bytes() for path in LEARNER}


def test_perfect_submission_gets_every_point_of_every_cell(course):
    expected = autograded(FIRST, SECOND)
    got = scores(course, "perfect")
    assert {id: got[id] for id in expected} == expected


def test_half_right_submission_loses_exactly_the_cells_that_see_the_mistake(course):
    lost = {*HALF, *(id for id in autograded(SECOND) if id.startswith("spot_the_bug_"))}
    expected = {id: 0 if id in lost else worth for id, worth in autograded(SECOND).items()}
    got = scores(course, "half")
    assert {id: got[id] for id in expected} == expected


def test_untouched_submission_gets_nothing(course):
    got = scores(course, "untouched")
    assert {got[id] for id in autograded(FIRST)} == {0}


def test_a_graded_cell_that_was_deleted_is_put_back_where_it_can_run(course):
    got, expected = scores(course, "deleted"), autograded(FIRST)
    assert {id: got[id] for id in expected} == expected


def test_pass_gets_nothing_and_breaks_nothing_else(course):
    got = scores(course, "pass")
    assert {got[id] for id in autograded(SECOND)} == {0}
    done = read(course / "grading" / "autograded" / "pass" / "batchnorm" / f"{SECOND}.ipynb")
    wrong = {id(c) for c in graded(done).values()}
    for cell in done.cells:
        errors = [o.ename for o in cell.get("outputs", []) if o.output_type == "error"]
        assert errors == (["AssertionError"] if id(cell) in wrong else []), cell.source


def test_the_grader_of_classes_gives_every_cell_the_same_score(course):
    setting = Setting(str(ROOT / "notebooks"), 42, Limits(), jail=False)
    with Marker(setting) as marker:
        for path in sorted((course / "grading" / "submitted").rglob("*.ipynb")):
            learner = path.relative_to(course / "grading" / "submitted").parts[0]
            record = marker.mark(HandIn(learner, path.stem, path.name, path.read_bytes()))
            stock, mine = scores(course, learner), {name: score.points for name, score in record.scores.items()}
            assert mine == {name: stock[name] for name in mine}, (learner, record.scores)


def test_export_adds_up(course):
    with open(course / "grading" / "grades.csv", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    total = sum(sum(points(read(p)).values()) for p in SOLUTIONS)
    assert float(rows["perfect"]["max_score"]) == total
    assert float(rows["perfect"]["score"]) == sum(autograded(FIRST, SECOND).values())
    bugs = sum(worth for id, worth in autograded(SECOND).items() if id.startswith("spot_the_bug_"))
    assert float(rows["half"]["score"]) == sum(autograded(SECOND).values()) - sum(HALF.values()) - bugs
    assert float(rows["untouched"]["score"]) == 0


def test_feedback_tells_the_mistake(course):
    page = (course / "grading" / "feedback" / "half" / "batchnorm" / f"{SECOND}.html").read_text()
    assert "your running_var moves by the biased variance" in page


def test_validate_tells_what_is_missing(course):
    learner = course / "notebooks" / f"{FIRST}.ipynb"
    nbformat.write(without_shows(read(learner)), learner)
    text = run(VALIDATE, course)
    assert "FAILED ON 2 CELL(S)" in text and "NotImplementedError" in text
