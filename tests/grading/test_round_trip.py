"""Stock nbgrader: release, three submissions, autograde, feedback, export; every score is what it should be."""

import csv
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.notebook import LEARNER, ROOT, SOLUTIONS, fill, graded, points, read, solved

TOO = ("00_start_here", "02_build_batchnorm1d")
"""The notebooks that are handed in; that the solutions of all run is seen elsewhere."""

HALF = {"batchnorm1d_numbers": 2, "batchnorm1d_beyond_settings": 1}
"""What a layer with a biased running variance fails, with its points; the bug hunt is untouched as well."""


def nbgrader(course, *arguments):
    """Run nbgrader from the course's root; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(course), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=course, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def hand_in(course, learner, notebooks):
    folder = course / "grading" / "submitted" / learner / "batchnorm"
    folder.mkdir(parents=True)
    for name, notebook in notebooks.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")


def half_right():
    notebooks = {name: solved(name) for name in TOO}
    layer = next(c for c in notebooks["02_build_batchnorm1d"].cells if c.id == "batchnorm1d")
    right = "unbiased = var * n / (n - 1)"
    assert layer.source.count(right) == 1
    layer.source = layer.source.replace(right, "unbiased = var")
    untouched = {c.id: c.source for c in read(ROOT / "notebooks" / "02_build_batchnorm1d.ipynb").cells}
    fill(notebooks["02_build_batchnorm1d"], {"spot_the_bug": untouched["spot_the_bug"]})
    return notebooks


def only_pass():
    """A learner who writes ``pass`` wherever something is asked for in 02."""
    layer = """class BatchNorm1d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        pass

    def forward(self, x):
        pass
"""
    notebook = read(ROOT / "notebooks" / "02_build_batchnorm1d.ipynb")
    hunt = "def spot_the_bug():\n    pass"
    return {"02_build_batchnorm1d": fill(notebook, {"batchnorm1d": layer, "spot_the_bug": hunt})}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course in which the whole round trip has been run."""
    course = tmp_path_factory.mktemp("course")
    for name in ("helpers", "solutions"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", course)
    nbgrader(course, "generate_assignment", "batchnorm")
    hand_in(course, "perfect", {name: solved(name) for name in TOO})
    hand_in(course, "half", half_right())
    hand_in(course, "untouched", {name: read(ROOT / "notebooks" / f"{name}.ipynb") for name in TOO})
    hand_in(course, "pass", only_pass())
    nbgrader(course, "autograde", "batchnorm")
    nbgrader(course, "generate_feedback", "batchnorm")
    nbgrader(course, "export", "--to", str(course / "grades.csv"))
    return course


def scores(course, learner):
    """``{grade_id: score}`` of the autograded cells, from the gradebook."""
    script = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook(sys.argv[1]) as book:
    submission = book.find_submission("batchnorm", sys.argv[2])
    print(json.dumps({g.name: g.auto_score for n in submission.notebooks for g in n.grades}))
"""
    database = f"sqlite:///{course / 'grading' / 'gradebook.db'}"
    done = subprocess.run([sys.executable, "-c", script, database, learner], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def autograded(names):
    found = {}
    for name in names:
        notebook = read(ROOT / "solutions" / f"{name}.ipynb")
        found |= {id: points(notebook)[id] for id in graded(notebook)}
    return found


def test_stock_release_equals_the_learner_edition(course):
    for path in LEARNER:
        assert (course / "notebooks" / path.name).read_bytes() == path.read_bytes()


def test_perfect_submission_gets_every_point_of_every_cell(course):
    expected = autograded(TOO)
    got = scores(course, "perfect")
    assert {id: got[id] for id in expected} == expected


def test_half_right_submission_loses_exactly_the_cells_that_see_the_mistake(course):
    lost = {*HALF, *(id for id in autograded(TOO) if id.startswith("spot_the_bug_"))}
    expected = {id: 0 if id in lost else worth for id, worth in autograded(TOO).items()}
    got = scores(course, "half")
    assert {id: got[id] for id in expected} == expected


def test_untouched_submission_gets_nothing(course):
    got = scores(course, "untouched")
    assert {got[id] for id in autograded(TOO)} == {0}


def test_pass_gets_nothing_and_breaks_nothing_else(course):
    cells = autograded(["02_build_batchnorm1d"])
    got = scores(course, "pass")
    assert {got[id] for id in cells} == {0}
    done = read(course / "grading" / "autograded" / "pass" / "batchnorm" / "02_build_batchnorm1d.ipynb")
    wrong = {id(c) for c in graded(done).values()}
    for cell in done.cells:
        errors = [o.ename for o in cell.get("outputs", []) if o.output_type == "error"]
        assert errors == (["AssertionError"] if id(cell) in wrong else []), cell.source


def test_export_adds_up(course):
    with open(course / "grades.csv", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    total = sum(sum(points(read(p)).values()) for p in SOLUTIONS)
    assert float(rows["perfect"]["max_score"]) == total
    assert float(rows["perfect"]["score"]) == sum(autograded(TOO).values())
    bugs = sum(worth for id, worth in autograded(TOO).items() if id.startswith("spot_the_bug_"))
    assert float(rows["half"]["score"]) == sum(autograded(TOO).values()) - sum(HALF.values()) - bugs
    assert float(rows["untouched"]["score"]) == 0


def test_feedback_tells_the_mistake(course):
    page = (course / "grading" / "feedback" / "half" / "batchnorm" / "02_build_batchnorm1d.html").read_text()
    assert "your running_var moves by the biased variance" in page


def test_validate_tells_what_is_missing(course, tmp_path):
    text = nbgrader(course, "validate", str(course / "notebooks" / "00_start_here.ipynb"))
    assert "FAILED ON 2 CELL(S)" in text and "NotImplementedError" in text
