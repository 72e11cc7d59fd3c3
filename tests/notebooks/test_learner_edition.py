"""The learner edition holds no solution, works as a single file, and fails only where work is to be done."""

import subprocess
import sys
import sysconfig

import nbformat
import pytest

from helpers.editions.release import release
from helpers.editions.source import read_source
from helpers.exercises import catalogue
from helpers.exercises.syllabus import notebooks
from tests.notebook import LEARNER, SOLUTIONS, graded, points, read, run_alone, setup_limit, without_shows

SCATTERED = True


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """A Python that has every dependency but not the project: a second venv that borrows the packages."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    with open(f"{site}/borrowed.pth", "w") as borrowed:
        borrowed.write(sysconfig.get_path("purelib"))
    found = subprocess.run([python, "-I", "-c", "import torch, helpers"], capture_output=True, text=True)
    assert "No module named 'helpers'" in found.stderr, "the bare Python must have torch and not the project"
    return python


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_runs_alone_and_fails_only_where_work_is_to_be_done(path, bare_python, tmp_path):
    notebook = run_alone(path, tmp_path, bare_python)
    to_do = {id(c) for c in graded(notebook).values()}
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        errors = [(o.ename, o.evalue) for o in outputs if o.output_type == "error"]
        if id(cell) in to_do:
            assert [name for name, _ in errors] == ["NotImplementedError"], cell.source
        else:
            assert not errors, (cell.source, errors)
        assert not [o.text for o in outputs if o.get("name") == "stderr"], cell.source
    assert all(c.execution_count for c in notebook.cells if c.cell_type == "code"), "Run all reaches the last cell"


def test_run_all_reaches_the_last_cell_of_a_front_end_that_knows_no_tags(bare_python, tmp_path):
    untagged = without_shows(release(read_source(SOLUTIONS[0].with_suffix(".py")).notebook))
    for cell in untagged.cells:
        cell.metadata.pop("tags", None)
    nbformat.write(untagged, tmp_path / "00.ipynb")
    notebook = run_alone(tmp_path / "00.ipynb", tmp_path, bare_python, "front end")
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in cells if c.source)
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]
    for cell in graded(notebook).values():
        assert "not attempted" in "".join(o["data"]["text/plain"] for o in cell.outputs)


def test_graded_cells_carry_the_tag_that_lets_run_all_go_on():
    solution = read_source(SOLUTIONS[0].with_suffix(".py")).notebook
    to_do = graded(release(solution))
    assert to_do and all(c.metadata.tags == ["raises-exception"] for c in to_do.values())
    assert not any("tags" in c.metadata for c in graded(solution).values())


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_holds_no_solution_and_no_output(path):
    learner = read(path)
    nbformat.validate(learner)
    solution = read(path.parents[1] / "solutions" / path.name)
    text = "\n".join(c.source for c in learner.cells)
    for marker in ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME"):
        assert marker not in text
    for cell, solved in zip(learner.cells, solution.cells, strict=True):
        assert cell.id == solved.id == cell.metadata.id
        assert not cell.get("outputs")
        if solved.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source != solved.source, "a solution cell must differ from its stub"


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_setup_cell_is_small(path):
    (setup,) = [c for c in read(path).cells if c.id == "setup"]
    assert len(setup.source) < setup_limit(path)


def test_title_and_map_say_what_the_graded_cells_are_worth():
    map_of_00 = "\n".join(c.source for c in read(LEARNER[0]).cells)
    assert [n.name for n in notebooks()] == [p.stem for p in SOLUTIONS] == [p.stem for p in LEARNER]
    for row, path in zip(notebooks(), LEARNER, strict=True):
        notebook = read(path)
        worth = sum(points(notebook).values())
        assert f"**{row.minutes} minutes · {worth:g} points**" in notebook.cells[0].source
        assert f"]({path.name}) | {row.minutes} | {worth:g} |" in map_of_00


def test_ids_of_graded_cells_are_unique_in_the_course():
    ids = [name for path in SOLUTIONS for name in points(read(path))]
    assert len(ids) == len(set(ids))


def test_every_exercise_stands_in_a_notebook():
    listed = {id: len(task.checks) for n in notebooks() for id, task in n.exercises.items()}
    every = [*catalogue().values(), *(e.beyond for e in catalogue().values() if e.further)]
    assert {e.id: len(e.checks) for e in every}.items() >= listed.items() and listed.keys() >= catalogue().keys()
