"""Only what changed is generated, and a mistake in a source is one sentence with file and line."""

import io
import re
import sys
import zipfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.editions.__main__ import main
from helpers.editions.build import build
from helpers.editions.bundle import archive, setup_cell
from helpers.editions.places import SourceError
from helpers.editions.release import TeachersHelpers
from helpers.editions.source import read_source
from helpers.exercises import catalogue
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.record import from_bytes
from tests.notebook import LEARNER, read, setup_limit

TITLE = "# %% [markdown]\n# # 00 · Small\n\n"
SETUP = TITLE + '# %% setup="setup"\nimport helpers\n\n'


@pytest.fixture
def course(tmp_path):
    """A small course of one notebook."""
    (tmp_path / "solutions").mkdir()
    source = tmp_path / "solutions" / "00_small.py"
    source.write_text(SETUP + "# %%\nprint(1 + 1)\n")
    return source


def test_only_changed_notebooks_are_executed(course, capsys):
    root = course.parents[1]

    def sign(executed):
        """Add to an output, once."""
        (output,) = executed.cells[-1].outputs
        output.text = output.text.removesuffix("signed\n") + "signed\n"

    assert build([], root=root, finish=sign) == 2
    assert "executing" in capsys.readouterr().out
    made = {p: p.read_bytes() for p in root.rglob("*.ipynb")}
    assert len(made) == 2 and sum(content.count(b"signed") for content in made.values()) == 1
    assert build([], root=root, finish=sign) == 0
    assert "executing" not in capsys.readouterr().out
    assert {p: p.read_bytes() for p in root.rglob("*.ipynb")} == made
    course.write_text(course.read_text().replace("1 + 1", "2 + 2"))
    assert build([], check=True, root=root) == 1
    assert build([], root=root, finish=sign) == 2


def test_a_notebook_without_source_is_removed(course):
    root = course.parents[1]
    build([], root=root)
    course.rename(course.with_name("01_small.py"))
    build([], root=root)
    assert sorted(p.name for p in root.rglob("*.ipynb")) == ["01_small.ipynb", "01_small.ipynb"]


MISTAKES = {
    "unknown header key": ('# %% solutoin="a"\npass\n', 7, "solutoin"),
    "second use of an id": (
        '# %% tests="a" points=1\npass\n\n# %% tests="a" points=1\npass\n',
        10,
        "already used in line 7",
    ),
    "solution block outside a solution cell": (
        "# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n",
        7,
        "outside a solution cell",
    ),
    "solution cell without a block": ('# %% solution="a"\nx = 1\n', 7, "needs `### BEGIN SOLUTION`"),
    "block that does not end": ('# %% solution="a"\n### BEGIN SOLUTION\nx = 1\n', 7, "each block needs both"),
    "test cell without points": ('# %% tests="a"\npass\n', 7, "needs points"),
    "points on an ordinary cell": ("# %% points=2\npass\n", 7, "points belong on"),
    "two kinds": ('# %% tests="a" solution="b" points=1\npass\n', 7, "not both"),
    "manual code cell": ('# %% manual="a" points=1\npass\n', 7, "is a markdown cell"),
    "bad id": ('# %% tests="a b" points=1\npass\n', 7, "may hold only"),
    "missing reference": ('# %% solution="a"\nfrom helpers.exercises.answers.nothing import f\n', 7, "No module named"),
    "graded exercise that is not there": ('# %% grade="nothing" points=1\n', 7, "there is no exercise `nothing`"),
    "graded check that is not there": ('# %% grade="feature_statistics.mode" points=1\n', 7, "has mean, variance"),
    "points that do not fit": ('# %% grade="feature_statistics" points=1,2,3\n', 7, "2 checks need 2 points"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_sentence_with_file_and_line(mistake, course):
    text, line, says = MISTAKES[mistake]
    course.write_text(SETUP + text)
    with pytest.raises(SourceError) as raised:
        read_source(course)
    message = str(raised.value)
    assert message.startswith(f"{course}:{line}: ") and says in message and "\n" not in message


def test_one_locked_cell_for_each_check(course):
    course.write_text(
        SETUP + '# %% grade="feature_statistics" points=1,2\n\n' + '# %% grade="batchnorm1d.beyond.one_row" points=3\n'
    )
    cells = read_source(course).notebook.cells[2:]
    assert [c.source for c in cells] == [
        'feature_statistics_exercise.grade(feature_statistics, "mean")',
        'feature_statistics_exercise.grade(feature_statistics, "variance")',
        'batchnorm1d_exercise.beyond.grade(BatchNorm1d, "one_row")',
    ]
    about = [c.metadata.nbgrader for c in cells]
    assert [a.points for a in about] == [1, 2, 3] and all(a.locked and a.grade for a in about)
    assert [c.id for c in cells] == [
        "feature_statistics_mean",
        "feature_statistics_variance",
        "batchnorm1d_beyond_one_row",
    ]


def test_a_source_without_a_title_is_told(course):
    course.write_text(SETUP.removeprefix(TITLE))
    with pytest.raises(SourceError, match="needs a title"):
        build([], root=course.parents[1])


def test_text_before_the_first_cell(course):
    course.write_text("import os\n\n" + SETUP)
    with pytest.raises(SourceError, match="before the first one"):
        read_source(course)


def test_a_cell_that_raises_or_warns_stops_the_build(course):
    root = course.parents[1]
    course.write_text(SETUP + "# %%\n1 / 0\n")
    with pytest.raises(SourceError, match=r"00_small.py:7: the cell raised ZeroDivisionError"):
        build([], root=root)
    course.write_text(SETUP + "# %%\nimport sys; print('careful', file=sys.stderr)\n")
    with pytest.raises(SourceError, match=r"00_small.py:7: the cell wrote to stderr: careful"):
        build([], root=root)
    assert not list(root.rglob("*.ipynb"))


def test_command_names_an_unknown_notebook(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["helpers.editions", "--check", "77_nothing"])
    monkeypatch.setattr("helpers.editions.__main__.refresh", lambda check: 0)
    assert main() == 1 and "there is no such source" in capsys.readouterr().err


def digest_of(text):
    return re.search(r'hexdigest\(\) != \\?"(\w{64})', text)[1]


def code_of(path):
    return "\n".join(c.source for c in read(path).cells if c.cell_type == "code")


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_archive_in_the_notebook_is_the_one_made_from_helpers(path):
    (carried,) = [c.source for c in read(path).cells if c.id == "setup"]
    assert digest_of(carried) == digest_of(setup_cell("open", code_of(path)))


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_class_edition_carries_no_reference_code(path):
    names = zipfile.ZipFile(io.BytesIO(archive("class", code_of(path)))).namelist()
    assert not [n for n in names if "answers" in n]
    assert [n for n in names if n.startswith("helpers/exercises/recorded/") and n.endswith(".xz")]
    assert len(setup_cell("class", code_of(path))) < setup_limit(path)


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_class_edition_carries_no_answer_to_a_question(path):
    inside = zipfile.ZipFile(io.BytesIO(archive("class", code_of(path))))
    secret = {e.record_id: e.secret for e in catalogue().values() if e.secret}
    for name in inside.namelist():
        if name.endswith(".xz") and (id := Path(name).stem) in secret:
            record = from_bytes(inside.read(name))
            keys = {key for seen in (record.right, *record.lineup.values()) for key in seen}
            assert not [key for key in keys if key.startswith(secret[id])] and not record.source


def test_where_nbgrader_grades_the_helpers_of_the_repository_are_used():
    notebook = new_notebook(cells=[new_code_cell(setup_cell("class", "import helpers")), new_code_cell("1 + 1")])
    TeachersHelpers().preprocess(notebook, {})
    assert "carried" not in notebook.cells[0].source and notebook.cells[0].source.endswith("import helpers")
    assert notebook.cells[1].source == "1 + 1"


def test_an_exercise_that_is_only_judged_by_travels_without_suspects():
    inside = zipfile.ZipFile(io.BytesIO(archive("open", "from helpers.experiments.learners import choose")))
    record = from_bytes(inside.read("helpers/exercises/recorded/batchnorm1d.xz"))
    assert record.right.keys() == batchnorm1d_exercise.record.right.keys() and record.suspects == ()


def test_of_a_widget_the_picture_is_kept(course):
    imports = "import ipywidgets\nfrom helpers.widgets.parts import show_widget\n"
    course.write_text(f"{SETUP}# %%\n{imports}show_widget(ipywidgets.IntSlider(), None, 'A.')\n")
    build([], root=course.parents[1])
    (output,) = read(course.with_suffix(".ipynb")).cells[-1].outputs
    assert "<p>A.</p>" in output.data["text/html"]
