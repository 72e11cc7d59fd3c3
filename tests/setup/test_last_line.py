"""The last line of a run says what was not run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = ROOT / "conftest.py"
RUNS = "def test_runs(): pass\n"
SKIPS = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_skips(number):
    pytest.skip("not run: no moon")
"""
FAILS = "def test_fails(): assert False\ndef test_after(): pass\n"
BROKEN = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError

def test_needs_it(broken):
    pass
"""
BROWSER = "def test_browser(chromium): pass\n"


def run(folder, text, *arguments, **environment):
    shutil.copy(CONFTEST, folder)
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    env = {k: v for k, v in os.environ.items() if k != "CI" and not k.startswith("PYTEST_")}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_all_ran(tmp_path, workers):
    assert run(tmp_path, RUNS, "-n", workers) == (0, "Every test that was asked for has run.")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_skipped_tests_are_named(tmp_path, workers):
    assert run(tmp_path, RUNS + SKIPS, "-n", workers) == (0, "Not run: 2 × no moon")


def test_in_ci_a_skipped_test_is_a_failure(tmp_path):
    status, line = run(tmp_path, SKIPS, "-n", "1", CI="true")
    assert (status, line) == (1, "Not run: 2 × no moon (a failure, because CI is set)")
    assert run(tmp_path, RUNS, CI="true")[0] == 0


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_run_that_stopped_early_says_so(tmp_path, workers):
    status, line = run(tmp_path, FAILS, "-x", "-n", workers)
    assert status != 0 and line == "Not run: all that comes after the stop"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_test_stopped_by_an_error_has_not_run(tmp_path, workers):
    status, line = run(tmp_path, RUNS + BROKEN, "-n", workers)
    assert (status, line) == (1, "Not run: 1 × stopped by an error")


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_filter_that_matches_nothing(tmp_path, workers):
    status, line = run(tmp_path, RUNS, "-k", "walks", "-n", workers)
    assert (status, line) == (5, "Not run: nothing here has the name that was asked for")


def test_without_a_browser(tmp_path):
    fixture = ["-p", "tests.conftest"]
    where = {"PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    status, line = run(tmp_path, BROWSER, *fixture, **where)
    assert status == 0 and line.startswith("Not run: 1 × no Chromium here")
