"""What the templates write passes lint and tests as it stands, in a copy of the repository; so do all types."""

import os
import subprocess
import sys

import pytest

from helpers.editions.new import exercise, notebook
from helpers.editions.places import SourceError
from tests.notebook import ROOT, copy_of_the_course


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy with a new notebook and an exercise in it."""
    root = copy_of_the_course(tmp_path_factory.mktemp("clone") / "course")
    made = [*notebook("77_new_things", root), *exercise("new_thing", "77", root)]
    assert len({path for path in made}) == 4
    return root


def run(root, *command):
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_stubs_pass_lint_build_and_tests(course):
    run(course, "-m", "ruff", "check", "helpers", "tests", "solutions")
    run(
        course, "-m", "ruff", "format", "--check", "helpers/exercises/new_thing.py", "tests/exercises/test_new_thing.py"
    )
    run(course, "-m", "mypy", f"--cache-dir={ROOT / '.mypy_cache'}")  # of all there is
    printed = run(course, "-m", "helpers.editions", "77_new_things")
    assert "recorded/new_thing.xz" in printed and "notebooks/77_new_things.ipynb: written" in printed
    assert "Everything is up to date." in run(course, "-m", "helpers.editions", "77_new_things", "--check")
    tests = "tests/exercises/test_new_thing.py", "tests/exercises/test_suspects.py", "-k", "new_thing"
    printed = run(course, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *tests)
    assert "3 passed" in printed


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: exercise("New-Thing", "77", root), "small letters"),
        (lambda root: exercise("class", "77", root), "small letters"),
        (lambda root: exercise("other_thing", "78", root), "there is no such notebook"),
        (lambda root: exercise("new_thing", "77", root), "is there already"),
        (lambda root: notebook("6_why", root), "two digits"),
        (lambda root: notebook("77_other", root), "has that number already"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_sentence(make, says, course):
    before = {path: path.read_bytes() for path in course.rglob("*.py")}
    with pytest.raises(SourceError, match=says):
        make(course)
    assert {path: path.read_bytes() for path in course.rglob("*.py")} == before


def test_command_says_what_it_wrote_or_cannot_write():
    done = subprocess.run(
        [sys.executable, "-m", "helpers.editions.new", "notebook", "00_again"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1 and "choose another" in done.stderr
