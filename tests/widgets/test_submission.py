"""The copy that a learner hands in: found, checked, named, and read by the grader whatever Colab made of it."""

import json
import re
import sys
from types import SimpleNamespace

import nbformat
import pytest

from helpers.classroom import assignment, repair
from helpers.exercises.syllabus import notebooks
from helpers.widgets import submission
from tests.notebook import LEARNER, ROOT, points, read, solved

NAME = "02_build_batchnorm1d"
ANSWERS = ["batchnorm1d", "spot_the_bug"]


def as_json(notebook):
    return json.loads(nbformat.writes(notebook))


def colabs(notebook, strip=False):
    """The notebook as Colab saves one: format 4.0, no ids of cells, its own metadata; ``strip``: no others."""
    made = as_json(notebook) | {"nbformat_minor": 0}
    made["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}
    for cell in made["cells"]:
        del cell["id"]
        cell["metadata"] |= {
            "id": cell["metadata"]["id"],
            "outputId": "1d2a",
            "colab": {"base_uri": "https://localhost"},
        }
        if strip:
            cell["metadata"] = {"id": cell["metadata"]["id"]}
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, in a kernel in which nothing has been asked for yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(submission, "_asked", set())
    return tmp_path


@pytest.fixture
def say(capsys):
    """What the cell says when it is run the second time."""

    def run():
        submission.prepare_submission(NAME)
        capsys.readouterr()
        submission.prepare_submission(NAME)
        return capsys.readouterr().out

    return run


def copied(folder):
    return json.loads((folder / "submission" / f"{NAME}.ipynb").read_text(encoding="utf-8"))


def graded(notebook):
    """The texts of the answers that the grader finds, and what it had to repair."""
    cells, told = repair.read(json.dumps(notebook).encode())
    made = repair.repair(cells, assignment.load(ROOT / "notebooks")[NAME])
    return made.answers, told + made.repairs


def test_the_first_run_changes_nothing_and_says_how(folder, capsys):
    nbformat.write(solved(NAME), folder / f"{NAME}.ipynb")
    submission.prepare_submission(NAME)
    assert "Save the notebook, then run this cell again" in capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.ipynb"]


def test_the_copy_is_checked_and_named(folder, say):
    nbformat.write(solved(NAME), folder / f"{NAME}.ipynb")
    said = say()
    assert "2 of 2 answers are filled in" in said and "19 of 19 graded cells are there" in said
    assert re.search(rf"{NAME}\.ipynb as it was saved at [\d:]+; \d+ kB", said)
    assert f"submission/{NAME}.ipynb" in said.replace("\\", "/")
    assert graded(copied(folder)) == (graded(as_json(solved(NAME)))[0], [])


def test_what_is_missing_is_told(folder, say):
    notebook = read(ROOT / "notebooks" / f"{NAME}.ipynb")
    notebook.cells = [cell for cell in notebook.cells if cell.id not in ("spot_the_bug", "batchnorm1d_train_output")]
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    said = say()
    assert "0 of 2 answers" in said and "still to do: `batchnorm1d`" in said and "missing: `spot_the_bug`" in said


def test_the_copy_holds_no_outputs(folder, say):
    notebook = solved(NAME)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="secret" * 1000)]
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    say()
    assert "secret" not in json.dumps(copied(folder))


@pytest.mark.parametrize("told", ["mine.ipynb", "lessons/mine.ipynb"])
def test_the_kernel_is_told_its_file(folder, say, monkeypatch, told):
    """By Jupyter Server as a whole path, by Notebook 6 from the server's folder on."""
    nbformat.write(read(ROOT / "notebooks" / f"{NAME}.ipynb"), folder / f"{NAME}.ipynb")
    nbformat.write(solved(NAME), folder / "mine.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / told) if told == "mine.ipynb" else told)
    assert "2 of 2 answers" in say()


def test_a_file_that_is_not_there_or_another_one_gets_a_sentence(folder, say, monkeypatch):
    assert "cannot read or copy its notebook" in say() and "File → Download" in say()
    nbformat.write(read(LEARNER[0]), folder / f"{NAME}.ipynb")
    assert f"no answer of {NAME} is in it" in say()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "renamed.ipynb"))
    assert "cannot read" in say()


@pytest.fixture
def colab(monkeypatch):
    """A stub of ``google.colab``: what it was asked for, and the notebook that it gives."""
    asked, given = [], {}

    def blocking_request(kind, timeout_sec):
        asked.append(kind)
        return {"ipynb": given["notebook"]}

    message, files = SimpleNamespace(blocking_request=blocking_request), SimpleNamespace(download=asked.append)
    package = SimpleNamespace(_message=message, files=files)
    monkeypatch.setitem(sys.modules, "google", SimpleNamespace(colab=package))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    return asked, given


@pytest.mark.parametrize("strip", [False, True])
def test_on_colab_it_asks_colab_and_the_grader_reads_what_it_gives(folder, say, colab, strip):
    asked, given = colab
    given["notebook"] = colabs(solved(NAME), strip)
    said = say()
    assert "2 of 2 answers are filled in" in said and "19 of 19 graded cells" in said
    assert asked[0] == "get_ipynb" and asked[1].endswith(f"{NAME}.ipynb")
    answers, repairs = graded(copied(folder))
    assert answers == graded(as_json(solved(NAME)))[0]
    assert bool(repairs) == strip


def test_where_colab_gives_nothing_there_is_another_way(say, colab):
    assert "cannot read or copy its notebook" in say() and "File → Download" in say()


def test_the_syllabus_names_every_answer_and_every_cell_that_a_machine_grades():
    for row, path in zip(notebooks(), LEARNER, strict=True):
        about = [cell.metadata.get("nbgrader", {}) for cell in read(path).cells]
        assert row.answers == [one["grade_id"] for one in about if one.get("solution")]
        known = {f"{id}_{check}" for id, task in row.exercises.items() for check, worth in task.checks.items() if worth}
        assert known | set(row.answers) >= points(read(path)).keys() >= known
