"""The command: what it prints, how it exits, and that it finds the exercise."""

import inspect
import json
import subprocess
import sys

import nbformat
import pytest

from helpers.exercises.answers.batchnorm1d import REFERENCE
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.grading.command import main

LAYER = "import torch\nfrom torch import nn\n\n" + inspect.getsource(REFERENCE["batchnorm1d"])
BIASED = LAYER.replace("unbiased = var * n / (n - 1)", "unbiased = var")
RIGHT = "def feature_statistics(x):\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"
WRONG = "def feature_statistics(x):\n    return x.mean(0), x.var(0)\n"
STUB = "def feature_statistics(x):\n    raise NotImplementedError()\n"


@pytest.fixture
def run(tmp_path, capsys):
    """Judge files of the given texts; returns exit code, standard output and standard error."""

    def judge(*texts, arguments=(), suffix=".py"):
        paths = [tmp_path / f"ps{i}{suffix}" for i, _ in enumerate(texts)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        code = main([*map(str, paths), *arguments])
        return code, *capsys.readouterr()

    return judge


def notebook(*cells):
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]))


def test_a_right_layer_exits_with_0_and_passes_all_checks_the_six_and_beyond(run):
    code, out, err = run(LAYER, arguments=["--json"])
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report.keys() == {"passed", "checks", "suspects", "error"}
    assert report["passed"] is True and report["error"] is None and report["suspects"] == []
    assert [c["id"] for c in report["checks"]] == [
        c.id for c in (*batchnorm1d_exercise.checks, *batchnorm1d_exercise.beyond.checks)
    ]
    assert all(c.keys() == {"id", "passed", "expected", "measured"} and c["passed"] is True for c in report["checks"])


def test_a_wrong_layer_exits_with_1_and_its_mistake_is_named(run):
    code, out, _ = run(BIASED, arguments=["--json", "--exercise", "batchnorm1d"])
    report = json.loads(out)
    first = report["suspects"][0]
    assert code == 1 and report["passed"] is False
    assert first.keys() == {"id", "category", "title", "exact"}
    assert first["id"] == "biased_running_var" and first["exact"] is True


def test_the_card_is_printed_and_several_files_are_told_apart(run):
    code, out, err = run(RIGHT, WRONG)
    assert (code, err) == (1, "")
    assert "ps0.py:\n✓ " in out and "ps1.py:\n✗ " in out and "N − 1" in out


def test_several_files_are_a_list_and_the_highest_exit_code_counts(run, tmp_path):
    code, out, err = run(RIGHT, WRONG, "x = 1", arguments=["--json", "--exercise", "feature_statistics"])
    reports = json.loads(out)
    assert code == 2
    assert [r["passed"] for r in reports] == [True, False, False]
    assert [r["error"] for r in reports] == [None, None, "NameError: feature_statistics is not defined."]
    assert err == "NameError: feature_statistics is not defined.\n"


def test_the_exercise_is_found_by_the_name_that_the_file_defines(run):
    code, out, _ = run(notebook("import torch", RIGHT), suffix=".ipynb")
    assert code == 0 and "feature" in out.lower()


def test_what_was_not_attempted_is_wrong(run):
    code, out, _ = run(STUB, arguments=["--json"])
    assert code == 1 and not any(c["passed"] for c in json.loads(out)["checks"])


def test_a_file_that_never_ends_is_wrong_with_the_reason(run):
    code, out, err = run(RIGHT + "while True: pass", arguments=["--timeout", "1"])
    assert (code, err) == (1, "") and "! Your code was still running after 1 s." in out
    assert "Start from the numbers above" not in out
    code, out, _ = run("import os\n" + RIGHT + "os._exit(0)", arguments=["--json"])
    assert code == 1 and "exit code 0" in json.loads(out)["error"]


@pytest.mark.parametrize(
    ("text", "suffix", "reason"),
    [
        (RIGHT, ".txt", "neither a .py nor an .ipynb"),
        ("no notebook", ".ipynb", "cannot be read"),
        ("[" * 100_000, ".ipynb", "cannot be read"),
        ('{"cells": 3}', ".ipynb", "no list of cells"),
        ("# coding: no-such-code\n", ".py", "cannot be read"),
        ("x = 1", ".py", "BatchNorm1d is not defined"),
        (notebook("x = 1"), ".ipynb", "BatchNorm1d is not defined"),
    ],
)
def test_what_cannot_be_judged_exits_with_2_and_one_sentence(run, text, suffix, reason):
    code, out, err = run(text, suffix=suffix)
    assert (code, out) == (2, "") and reason in err and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["no_such_file.py"], ["a.py", "--exercise", "no_such_exercise"]])
def test_what_does_not_exist_exits_with_2(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_list_names_checks_and_suspects(capsys):
    assert main(["--list"]) == 0
    text = capsys.readouterr().out
    assert "numbers" in text and "biased_running_var" in text
    assert main(["--list", "--json", "--exercise", "feature_statistics"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [c["id"] for c in listed["checks"]] == ["mean", "variance"] and listed["suspects"]


def test_a_learners_file_beside_it_cannot_take_the_place_of_a_library(tmp_path):
    """As a command, where Python puts the current folder on the path."""
    for name in ("torch", "numpy", "json", "argparse", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('learner code in the judge')")
    (tmp_path / "ps1.py").write_text(RIGHT)
    command = [sys.executable, "-m", "helpers.judge", "ps1.py", "--exercise", "feature_statistics"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 checks passed" in done.stdout


@pytest.mark.parametrize("arguments", [["--list"], ["--list", "--json"]], ids=["text", "json"])
def test_a_reader_that_stops_reading_gets_no_traceback(arguments):
    command = subprocess.Popen(
        [sys.executable, "-m", "helpers.judge", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait(timeout=120) == 2
