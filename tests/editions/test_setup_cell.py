"""The setup cell brings this notebook's own helpers, whatever else has that name, and says so in one sentence."""

import re
import shutil
import subprocess
import sys

import pytest

from helpers.arrival import digest
from helpers.editions.bundle import setup_cell
from tests.notebook import ROOT

LOOK, STYLE = "import helpers.look.parts\n", "import helpers.look.style\n"
NOBODY = f"""
import sys
sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in repr(f)]
first, second = (open(name).read() for name in ("first", "second"))
run = lambda cell: exec(cell, {{}})
where = lambda: sys.modules["helpers"].__file__
"""


@pytest.fixture(scope="session")
def cells():
    return setup_cell("open", LOOK), setup_cell("open", STYLE)


@pytest.fixture
def kernel(tmp_path, cells):
    """Run code in a Python that has no helpers; ``first`` and ``second`` are setup cells.  Returns what was printed."""
    for name, cell in zip(("first", "second"), cells, strict=True):
        (tmp_path / name).write_text(cell)

    def run(code, wrong=False):
        command = [sys.executable, "-c", NOBODY + code]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert bool(done.returncode) == wrong, done.stderr
        return done.stderr if wrong else done.stdout

    return run


def test_it_is_a_few_lines(cells):
    assert all(cell.count("\n") < 12 for cell in cells)


def test_it_says_nothing_where_all_is_well(kernel):
    assert kernel(f"run(first); run(first)\n{LOOK}") == ""


def test_reset_and_a_deleted_archive_do_no_harm(kernel):
    code = "run(first); import gc, os, shutil; gc.collect(); shutil.rmtree(os.path.dirname(sys.path[0])); run(first)\n"
    assert kernel(code + LOOK) == ""


def test_the_archive_goes_when_the_kernel_ends(kernel):
    folder = kernel("run(first); import os; print(os.path.dirname(sys.path[0]))").strip()
    assert "batchnorm-" in folder and kernel(f"import os; print(os.path.exists({folder!r}))").strip() == "False"


def test_two_notebooks_in_one_kernel(kernel):
    said = kernel("run(first); import helpers.look.parts; run(second); run(first); import helpers.look.parts")
    assert (
        said.splitlines()
        == ["This kernel held other code of the name helpers. From here on it has this notebook's own."] * 2
    )


OTHERS = {
    "another version": ("helpers/__init__.py", 'COURSE = "batchnorm"\n'),
    "a file of the learner's": ("helpers.py", "def mine(): pass\n"),
    "one that cannot be read": ("helpers.py", "def (\n"),
    "a folder without __init__": ("helpers/mine.py", "x = 1\n"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_helpers_nearby_is_named_and_left_aside(name, kernel, tmp_path):
    path, content = OTHERS[name]
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(content)
    said = kernel(f"sys.path.insert(0, {str(tmp_path)!r}); run(first); run(first)\n{LOOK}")
    assert len(said.splitlines()) == 1 and said.endswith("is another version: this notebook uses its own copy.\n")


def test_another_helpers_in_the_kernel_steps_aside(kernel, tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("")
    (tmp_path / "helpers" / "look.py").write_text("")
    said = kernel(f"sys.path.insert(0, {str(tmp_path)!r}); import helpers.look; run(first)\n{LOOK}print(where())")
    assert said.startswith("This kernel held other code") and ".zip" in said.splitlines()[1]


def test_a_graders_helpers_stay(kernel, tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("arrived = 'to stay'\n")
    path = f"sys.path.insert(0, {str(tmp_path)!r})"
    assert kernel(f"{path}; import helpers; run(first); print(where())").startswith(str(tmp_path))


def test_the_same_files_nearby_are_used(kernel, tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    assert str(tmp_path / "helpers") in kernel("run(first); print(where())")
    (tmp_path / "helpers" / "look" / "style.py").write_text("STYLE = 1\n")
    said = kernel("run(first); print(where())").splitlines()
    assert "is another version" in said[0] and ".zip" in said[1]


@pytest.mark.parametrize("change", ["one character", "a character of no alphabet", "half is gone"])
def test_a_changed_cell_says_so(change, kernel, tmp_path, cells):
    carried = re.search(r'carried = "(.+)"', cells[0])[1]
    wrong = {
        "one character": "~" + carried[1:],
        "a character of no alphabet": "é" + carried,
        "half is gone": carried[99:],
    }
    (tmp_path / "first").write_text(cells[0].replace(carried, wrong[change]), encoding="utf-8")
    assert kernel("run(first)", wrong=True).rstrip().endswith("was changed. Download the notebook again.")


def test_the_digest_sees_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("12")
    (tmp_path / "b").write_text("3")
    before = digest(tmp_path, ["a", "b"])
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("23")
    assert digest(tmp_path, ["b", "a"]) != before != digest(tmp_path, ["a"])
    with pytest.raises(OSError):
        digest(tmp_path, ["a", "c"])
