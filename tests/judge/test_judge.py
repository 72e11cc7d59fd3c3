"""Observe, judge, explain and the verbs, on a small feature_statistics_exercise."""

import linecache
import warnings

import numpy as np
import pytest
import torch

from helpers.exercises.feature_statistics import feature_statistics_exercise
from helpers.judge import exercise, progress
from helpers.judge.observe import BadOutput, Printed, as_array, observe
from helpers.judge.variant import variant


def right(x):
    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)


def unbiased(x):
    return x.mean(0), x.var(0)


def stub(x):
    raise NotImplementedError()


def broken(x):
    return x.mean(0), x.vra(0)


def nothing(x):
    pass


@pytest.fixture(autouse=True)
def in_memory(monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", "")
    monkeypatch.setattr(progress, "_memory", {})


def outcomes(answer):
    return [v.passed for v in feature_statistics_exercise.assessed(answer).verdicts]


def test_three_outcomes():
    assert outcomes(right) == [True, True]
    assert outcomes(unbiased) == [True, False]
    assert outcomes(stub) == [None, None]
    assert outcomes(broken) == outcomes(nothing) == [False, False]


def test_card_shows_what_was_fed_expected_measured_and_the_cause(capsys):
    feature_statistics_exercise.check(unbiased)
    text = capsys.readouterr().out
    for part in ("fed: a 6×3 batch", "expected: variance[2] = 16.07", "measured: variance[2] = 19.28", "N − 1"):
        assert part in text


def test_card_of_an_exception_names_the_learners_line(capsys):
    feature_statistics_exercise.check(broken)
    text = capsys.readouterr().out
    assert "no attribute 'vra'" in text and "return x.mean(0), x.vra(0)" in text


def test_card_of_a_missing_return_says_so(capsys):
    feature_statistics_exercise.check(nothing)
    assert "the result is None; 2 tensors are needed: mean, variance." in capsys.readouterr().out


def test_grade_raises_a_plain_exception_with_a_short_traceback(capsys):
    feature_statistics_exercise.grade(right, "variance")
    with pytest.raises(AssertionError, match=r"expected variance\[2\] = 16.07; measured") as wrong:
        feature_statistics_exercise.grade(unbiased, "variance")
    assert len(wrong.value._render_traceback_()) == 1
    with pytest.raises(NotImplementedError) as untouched:
        feature_statistics_exercise.grade(stub, "mean")
    assert type(untouched.value) is NotImplementedError
    with pytest.raises(ValueError):
        feature_statistics_exercise.grade(right, "no such check")


class FrontEnd:
    """Stands for the shell of a kernel: which cells ran, and whether somebody could answer the last one."""

    def __init__(self, answers, *cells):
        self.parent = {"content": {"allow_stdin": answers}}
        self.user_ns = {"In": ["", *cells]}

    def get_parent(self):
        return self.parent


def at(monkeypatch, shell):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(exercise, "shell", lambda: shell)


def test_at_a_front_end_a_graded_cell_shows_its_card_and_goes_on(monkeypatch, capsys):
    at(monkeypatch, FrontEnd(True))
    feature_statistics_exercise.grade(stub, "mean")
    feature_statistics_exercise.grade(unbiased, "variance")
    text = capsys.readouterr().out
    assert "not attempted" in text and "not yet" in text


@pytest.mark.parametrize("who", ["nbclient", "nbgrader", "nobody"])
def test_a_grader_gets_the_exception(who, monkeypatch):
    at(monkeypatch, {"nbclient": FrontEnd(False), "nbgrader": FrontEnd(True), "nobody": None}[who])
    if who == "nbgrader":
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError):
        feature_statistics_exercise.grade(unbiased, "variance")


def test_what_the_code_prints_is_folded_in_the_card(capsys):
    def talks(x):
        for step in range(30):
            print("step", step, "of\n30")
        return right(x)

    feature_statistics_exercise.check(talks)
    text = capsys.readouterr().out
    assert "Your code printed (10 of 60 lines)" in text and "step 4 of" in text and "step 5" not in text
    with pytest.raises(AssertionError):
        feature_statistics_exercise.grade(unbiased, "variance")


def test_printed_lines_are_counted_however_they_come():
    printed = Printed()
    for text in ("one", " line", "\n", "", "two\nthree", "\n\n"):
        printed.write(text)
    assert (printed.count, printed.lines) == (4, ("one line", "two", "three", ""))
    for number in range(1000):
        print("x" * 500, number, file=printed)
    assert printed.count == 1004 and len(printed.lines) == 10 and max(map(len, printed.lines)) == 200


def test_who_stops_a_check_is_told_where(capsys):
    def endless(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        feature_statistics_exercise.check(endless)
    text = capsys.readouterr().out
    assert "you stopped it" in text and "`raise KeyboardInterrupt`" in text
    assert stopped.value._render_traceback_() == ["KeyboardInterrupt: stopped"]


def test_the_card_says_which_cell_was_judged(monkeypatch, capsys):
    cell = "def statistics(x):\n    return x.mean(0), x.var(0, correction=0)"
    names = {}
    exec(compile(cell, "a cell", "exec"), names)
    linecache.cache["a cell"] = (len(cell), None, cell.splitlines(keepends=True), "a cell")
    at(monkeypatch, FrontEnd(True, "import torch", cell, "x = 1", f"{cell}\n", "def renamed(x): ..."))
    feature_statistics_exercise.check(names["statistics"])
    assert "Judged: function `statistics` as cell [4] defined it." in capsys.readouterr().out
    feature_statistics_exercise.check(right)
    assert "Judged" not in capsys.readouterr().out


def test_hints_come_in_three_steps_and_stay_at_the_last(capsys):
    for step in (1, 2, 3, 3):
        feature_statistics_exercise.hint(unbiased)
        assert f"hint {step} of 3" in capsys.readouterr().out
    feature_statistics_exercise.hint(right)
    assert "no hint needed" in capsys.readouterr().out


def test_solution_asks_once(capsys):
    feature_statistics_exercise.solution(unbiased)
    assert "Run this cell again" in capsys.readouterr().out
    feature_statistics_exercise.solution(unbiased)
    assert "variance = ((x - mean) ** 2).mean(dim=0)" in capsys.readouterr().out


def test_solution_is_shown_at_once_to_who_has_solved_it(capsys):
    feature_statistics_exercise.solution(right)
    text = capsys.readouterr().out
    assert "mean = x.mean(dim=0)" in text and "BEGIN SOLUTION" not in text


def test_every_check_of_the_course_has_three_hints():
    from helpers.exercises import catalogue

    for each in catalogue().values():
        for check in each.checks:
            assert len(set(check.hints)) == 3 and all(check.hints), (each.id, check.id)


def test_observing_leaves_the_session_as_it_was():
    def rude(x):
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        warnings.simplefilter("error")
        return right(x)

    before = torch.random.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled(), warnings.filters[:]
    assert outcomes(rude) == [True, True]
    after = torch.random.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled(), warnings.filters[:]
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]


def test_a_probe_that_raises_does_not_hide_the_others():
    class Exits:
        def __call__(self, x):
            raise SystemExit(3)

    seen = observe(Exits(), feature_statistics_exercise.probes)
    assert seen["batch"].kind == "SystemExit"


def test_as_array():
    assert as_array(torch.tensor([1.5], dtype=torch.bfloat16)).dtype == np.float64
    with pytest.raises(BadOutput, match="is None"):
        as_array(None)
    with pytest.raises(BadOutput, match="not numbers"):
        as_array("text")


def test_variant_refuses_text_that_is_not_there_once():
    with pytest.raises(ValueError, match="0 times"):
        variant(right, ("no such text", ""))
    with pytest.raises(ValueError, match="2 times"):
        variant(right, ("x.mean(0)", "x.mean()"))
