"""Every command in README.md and CONTRIBUTING.md runs, in a copy of the repository."""

import csv
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

import course
from helpers.grading import isolation
from tests.classroom import test_exchange as exchange
from tests.classroom.sample import files
from tests.grading import test_round_trip as round_trip
from tests.notebook import copy_of_the_course
from tests.shell import environment, run
from tests.website import conftest as website

ROOT = Path(__file__).parents[2]
README, CONTRIBUTING = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
QUICK = "tests/setup/test_environment.py -n 0"
SUBMISSION = "00_start_here.ipynb"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="not run: README.md shows the commands of a POSIX shell")


def commands(text):
    """The lines of the shell blocks of a Markdown text."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Where the commands run."""
    return copy_of_the_course(tmp_path_factory.mktemp("clone") / "course")


def serve(command, folder, shows):
    """Start a JupyterLab in a terminal, see that it answers and ``shows`` a file, and stop it by Ctrl-C."""
    keyboard, terminal = pty.openpty()
    printed = folder.parent / "printed.txt"
    with open(printed, "w") as output:
        streams = {"stdin": terminal, "stdout": output, "stderr": output, "start_new_session": True}
        process = subprocess.Popen(command, shell=True, cwd=folder, env=environment(), **streams)
    try:
        address = re.compile(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)")
        base, token = soon(lambda: address.search(printed.read_text())).groups()
        assert soon(lambda: "started" in get(f"{base}/api/status?token={token}"))
        assert shows in [entry["name"] for entry in get(f"{base}/api/contents?token={token}")["content"]]
        os.killpg(process.pid, signal.SIGINT)
        os.write(keyboard, b"y\n")  # where JupyterLab asks whether to stop
        process.wait(timeout=60)
        assert soon(lambda: not course.is_taken(int(base.rpartition(":")[2])))
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        os.close(keyboard), os.close(terminal)
    return printed.read_text()


def soon(ask):
    """What ``ask`` returns, as soon as that is true, which has to be within two minutes."""
    until = time.monotonic() + 120
    while not (answer := ask()):
        assert time.monotonic() < until, "two minutes have passed"
        time.sleep(0.2)
    return answer


def get(url):
    """The JSON at a URL, {} where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except OSError:
        return {}


def lab(command, folder):
    assert "Ctrl-C" in serve(command, folder, SUBMISSION)


def lab_at_the_root(command, folder):
    more = " --no-browser" + " --allow-root" * (os.geteuid() == 0)
    serve(command + more, folder, "README.md")


def some_tests(command, folder):
    """The whole suite is what is running now: here, a part of it."""
    more = f' ARGS="{QUICK}"' if command.startswith("make") else f" {QUICK}"
    assert run(command + more, folder).splitlines()[-1] == "Every test that was asked for has run."


def named_tests(command, folder):
    """They run in this suite as well: here, see that there are as many as README.md says above the command."""
    printed = run(command.replace('ARGS="', 'ARGS="--collect-only -q '), folder)
    collected = int(re.search(r"^(\d+)(/\d+)? tests? collected", printed, re.MULTILINE).group(1))
    text = README.partition(command)[0].rpartition("- **")[2]
    stated = re.findall(r"(\d+) (?:wrong implementations|layers)", text) or [1]
    assert collected >= int(stated[-1])


def setup(command, folder):
    run(command, folder)


def notebooks(command, folder):
    """Generating again changes nothing."""
    assert "Everything is up to date." in run(command, folder)


def new(command, folder):
    assert "Next: `make notebooks`" in run(command, folder)


def class_edition(command, folder):
    run(command, folder)
    assert names(folder / "class") == names(folder / "solutions")


def judge(command, folder):
    assert "28 of 28 checks passed" in run(command, folder)


def grade(command, folder):
    """The class that README.md names, or one hand-in where nbgrader keeps them."""
    if "sample" not in command:
        shutil.rmtree(folder / "grading")  # of the sample's
        place = folder / "grading" / "submitted" / "mia" / "batchnorm"
        place.mkdir(parents=True)
        (place / SUBMISSION).write_text(files()[f"ada/batchnorm/{SUBMISSION}"], encoding="utf-8")
        command += ' ARGS="--sandbox=none"' if isolation.missing() else ""
    run(command, folder)
    with open(folder / "grading" / "results.csv", encoding="utf-8", newline="") as file:
        points = {row["learner"]: row["points"] for row in csv.DictReader(file)}
    expected = {"ada": "27", "ben": "24", "jun": "22", "kofi": "0"} if "sample" in command else {"mia": "2"}
    assert expected.items() <= points.items() and (folder / "grading" / "class.html").exists()


def grading(command, folder):
    """``explain`` speaks of what ``make grade`` did."""
    expected = {"doctor": "bubblewrap: ", "explain ada": "2 of 2", "--help": "late"}
    (words,) = [words for part, words in expected.items() if command.endswith(part)]
    assert words in run(command, folder)


def pull_link(command, folder):
    """The link names the repository, once its address is known."""
    project = folder / "pyproject.toml"
    before = project.read_text(encoding="utf-8")
    address = "https://example.org/us/course"
    project.write_text(re.sub(r'(?m)^repository = ".*"', f'repository = "{address}"', before), encoding="utf-8")
    assert f"{command.split()[-1]}/hub/user-redirect/git-pull?repo={quote(address, safe='')}&" in run(command, folder)
    project.write_text(before, encoding="utf-8")


def kill_matrix(command, folder):
    page = folder / "docs" / "kill_matrix.md"
    before = page.read_bytes()
    page.unlink()
    assert run(command, folder) == ""
    assert page.read_bytes() == before


def names(folder):
    return {path.name for path in folder.glob("*.ipynb")}


TESTED_BY = {
    "make lab": lab,
    "python course.py lab": lab,
    "make test": some_tests,
    "python course.py test": some_tests,
    "make setup": setup,
    ".venv/bin/jupyter lab": lab_at_the_root,
    "make notebooks": notebooks,
    "make notebooks EDITION=class": class_edition,
    'make test ARGS="tests/exercises/test_batchnorm1d.py -k agrees"': named_tests,
    'make test ARGS="tests/exercises -k explained_as_itself"': named_tests,
    'make test ARGS="tests/exercises/test_batchnorm1d.py -k right_but_unusual"': named_tests,
    'make grade ARGS="tests/classroom/sample.zip --sandbox=none"': grade,
    "python course.py grade tests/classroom/sample.zip --sandbox=none": grade,
    ".venv/bin/python -m helpers.grading doctor": grading,
    ".venv/bin/python -m helpers.grading explain ada": grading,
    ".venv/bin/python -m helpers.grading --help": grading,
    "make grade": grade,
    ".venv/bin/python -m helpers.project https://hub.example.org": pull_link,
    ".venv/bin/python -m helpers.judge solutions/02_build_batchnorm1d.ipynb": judge,
    ".venv/bin/python -m helpers.editions.kill_matrix --write docs/kill_matrix.md": kill_matrix,
    'make new ARGS="notebook 12_new_topic"': new,
    'make new ARGS="exercise new_thing --notebook 12"': new,
    'make new ARGS="card bn-16"': new,
}


@pytest.mark.parametrize("command", TESTED_BY)
def test_command(command, copy):
    TESTED_BY[command](command, copy)


def test_no_other_command_is_shown():
    elsewhere = {*round_trip.COMMANDS, *exchange.COMMANDS, website.COMMAND}
    assert {*commands(README), *commands(CONTRIBUTING)} == TESTED_BY.keys() | elsewhere


def test_the_card_is_what_the_judge_says():
    from tests.browser.card import LINE, card

    shown, (alt,) = card(), re.findall(r'docs/card.png" width="\d+" alt="([^"]+)"', README)
    assert f"`{LINE}`" in README and shown.counted in alt and shown.first()[1] in alt


def test_the_simulated_class_has_the_points_of_this_course():
    points = re.search(r"([0-9]+) points[.]<!-- sum:end", README)[1]
    assert f" of {points} points;" in (ROOT / "docs" / "class.html").read_text(encoding="utf-8")
