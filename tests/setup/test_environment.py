"""environment.yml agrees with pyproject.toml, as far as that can be tested without conda."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from rattler import MatchSpec

import course
from helpers.widgets.first_steps import NEEDED

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def dependencies():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]


def test_conda_lines(dependencies):
    lines = [line for line in dependencies if isinstance(line, str)]
    assert [MatchSpec(line).name.normalized for line in lines] == ["python", "pip"]
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"python={oldest}" in lines
    assert ".".join(map(str, course.OLDEST_PYTHON)) == oldest


SEVEN = {"torch", "numpy", "matplotlib", "ipywidgets", "jupyterlab", "nbgrader", "nbval"}
"""What the course is made with."""


def test_all_packages_of_the_course_are_installed(dependencies):
    lines = [line.removeprefix("-e .") for line in dependencies[-1]["pip"][1:]]
    waiting = [Requirement(f"{PROJECT['name']}{line}" if line.startswith("[") else line) for line in lines]
    names = set()
    while waiting:
        line = waiting.pop()
        names.add(line.name)
        if line.name == PROJECT["name"]:
            extras = [part for extra in line.extras for part in PROJECT["optional-dependencies"][extra]]
            waiting += map(Requirement, [*PROJECT["dependencies"], *extras])
    assert names >= SEVEN


def test_pip_lines_only_point_at_pyproject(dependencies):
    index, editable, tests = dependencies[-1]["pip"]
    assert index.split() == ["--extra-index-url", course.CPU_INDEX]
    flag, here = editable.split()
    assert flag == "-e"
    extras = Requirement(here.replace(".", PROJECT["name"], 1)).extras
    assert extras == {"lab", "nbgrader"} and extras <= PROJECT["optional-dependencies"].keys()
    assert tests in PROJECT["optional-dependencies"]["dev"] and tests.startswith("nbval")


def test_the_installation_card_asks_for_what_pyproject_lists():
    for line in map(Requirement, PROJECT["dependencies"]):
        (version,) = line.specifier
        oldest = Version(NEEDED[line.name])
        assert oldest == Version(version.version) if version.operator == ">=" else oldest <= Version(version.version)
    assert NEEDED.keys() == {Requirement(line).name for line in PROJECT["dependencies"]}


def test_every_requirement_can_be_read():
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        assert all(Requirement(line).name for line in lines)


def test_repo2docker_takes_it_and_its_python():
    options = ["--user-id=1000", "--user-name=learner", "--debug", "--no-build"]
    command = [sys.executable, "-m", "repo2docker", *options, "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Building conda environment for python={oldest}" in printed
    assert '--file "environment.yml"' in printed
