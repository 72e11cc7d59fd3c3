"""The command: what it prints, how it exits, and that it finds the exercise."""

import contextlib
import inspect
import json
import os
import subprocess
import sys

import nbformat
import pytest

from helpers.exercises.answers.batchnorm1d import REFERENCE
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.grading import command
from helpers.grading.command import main
from helpers.grading.sandbox import Sandbox
from tests.notebook import ROOT

LAYER = "import torch\nfrom torch import nn\n\n" + inspect.getsource(REFERENCE["batchnorm1d"])
BIASED = LAYER.replace("unbiased = var * n / (n - 1)", "unbiased = var")
RIGHT = "def feature_statistics(x):\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"
WRONG = "def feature_statistics(x):\n    return x.mean(0), x.var(0)\n"
STUB = "def feature_statistics(x):\n    raise NotImplementedError()\n"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def shared(sandbox, monkeypatch):
    """The command runs in this process and uses a worker that has imported torch."""
    monkeypatch.setattr(command, "Sandbox", lambda salt: contextlib.nullcontext(sandbox))


@pytest.fixture
def run(tmp_path, capsys, shared):
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
    assert err == "could not be judged: NameError: feature_statistics is not defined.\n"


def test_the_exercise_is_found_by_the_name_that_the_file_defines(run):
    code, out, _ = run(notebook("import torch", RIGHT), suffix=".ipynb")
    assert code == 0 and "feature" in out.lower()


def test_what_was_not_attempted_is_wrong(run):
    code, out, _ = run(STUB, arguments=["--json"])
    assert code == 1 and not any(c["passed"] for c in json.loads(out)["checks"])


def test_what_hits_a_limit_or_ends_its_process_is_not_judged_and_nothing_is_red(run):
    code, out, err = run(RIGHT + "while True: pass", arguments=["--timeout", "1"])
    assert (code, out) == (2, "") and "more than 1 s of processor time" in err
    code, out, _ = run("import os\n" + RIGHT + "os._exit(0)", arguments=["--json"])
    report = json.loads(out)
    assert code == 2 and report["checks"] == [] and "exit code 0" in report["error"]
    late = LAYER.replace("x_hat = (", "if not self.training: raise SystemExit\n        x_hat = (")
    code, out, err = run(late, arguments=["--json"])
    assert code == 2 and json.loads(out)["checks"] == [] and "ended the program: SystemExit" in err


def test_a_file_that_crashes_is_wrong_with_the_line(run):
    code, out, err = run("1 / 0\n" + RIGHT)
    assert (code, err) == (1, "") and "ZeroDivisionError" in out and "line 1: `1 / 0`" in out


def test_a_package_that_is_missing_is_not_judged(run):
    code, out, err = run(RIGHT.replace("return", "import no_such_package; return"))
    assert (code, out) == (2, "") and "The package no_such_package is not installed here" in err


EXPORTED = {
    "nbconvert": "#!/usr/bin/env python\n# coding: utf-8\n\n# # Title\n\n# In[1]:\n\n"
    "get_ipython().run_line_magic('matplotlib', 'inline')\nimport torch\n\n# In[ ]:\n\n{}\n\n# In[3]:\n\n{}\n",
    "jupytext": "# ---\n# jupyter: ...\n# ---\n\n# %% [markdown]\n# # Title\n\n# %%\n"
    "import torch\n\n# %%\n{}\n\n# %%\n{}\n",
}


@pytest.mark.parametrize("how", EXPORTED)
def test_a_notebook_exported_as_python_gets_the_same_verdict(run, how):
    """The cells after the answer are unfinished, and one before fails."""
    assert run(EXPORTED[how].format(RIGHT, STUB.replace("feature_statistics", "later") + "later(1)"))[0] == 0
    assert run(EXPORTED[how].format(f"undefined\n\n# %%\n{RIGHT}", "raise NotImplementedError()"))[0] == 0
    code, out, _ = run(EXPORTED[how].format(RIGHT.replace("x.mean(0),", "x.maen(0),"), "1 / 0"))
    line = 1 + EXPORTED[how].partition("{}")[0].count("\n") + 1
    assert code == 1 and f"line {line}: `return x.maen" in out


def test_a_quiz_keeps_its_answers_to_itself(run):
    answers = "def which_norm():\n    return {k: ('batch', 'P') for k in 'abcdefghi'}\n"
    code, out, _ = run(answers)
    assert code == 1 and "would be right" not in out and "norm of a =" not in out
    for name in ("why_plain_stalls", "why_batch_norm_diverges"):
        code, out, _ = run(f"def {name}():\n    return 0\n", arguments=["--exercise", name])
        assert code == 1 and "would be right" not in out


@pytest.mark.parametrize(
    ("text", "suffix", "reason"),
    [
        (RIGHT, ".txt", "neither a .py nor an .ipynb"),
        ("no notebook", ".ipynb", "cannot be read"),
        ("[" * 100_000, ".ipynb", "cannot be read"),
        ('{"cells": 3}', ".ipynb", "no list of cells"),
        ("# coding: no-such-code\n", ".py", "cannot be read"),
        ("x = 1", ".py", "BatchNorm1d is not defined"),
        pytest.param(notebook("x = 1"), ".ipynb", "BatchNorm1d is not defined", id="notebook"),
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


@pytest.mark.parametrize(("encoding", "text", "code"), [("ascii", WRONG, 1), ("cp1252", RIGHT, 0)])
def test_an_output_that_is_not_utf_8_and_a_machine_without_a_home_change_no_verdict(tmp_path, encoding, text, code):
    (tmp_path / "größe.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "helpers.judge", str(tmp_path / "größe.py")],
        cwd=ROOT,
        env={"PYTHONIOENCODING": encoding, "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=240,
    )
    assert done.returncode == code and done.stderr == b"" and b"checks passed" in done.stdout


@pytest.mark.parametrize("arguments", [["--list"], ["--list", "--json"]], ids=["text", "json"])
def test_a_reader_that_stops_reading_gets_no_traceback(arguments):
    command = subprocess.Popen(
        [sys.executable, "-m", "helpers.judge", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait(timeout=120) == 2


def test_ipython_is_imported_neither_by_the_command_nor_in_the_process_of_a_file(run):
    assert run("import sys\nassert 'IPython' not in sys.modules\n" + RIGHT)[0] == 0
    judging = "import sys, helpers.grading.report as report; report.find_exercise('fine_tune').whole.record"
    subprocess.run([sys.executable, "-c", f"{judging}; sys.exit('IPython' in sys.modules)"], cwd=ROOT, check=True)
