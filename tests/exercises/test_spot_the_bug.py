"""The bug hunt: any line that leaves nothing red is a right repair, and the probes need no record."""

import pytest

from helpers.exercises.answers.spot_the_bug import REFERENCE
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.bugs import OwnSwitch, listing
from helpers.exercises.spot_the_bug import CHECKS, LAYERS, _red_before, spot_the_bug_exercise
from helpers.judge.exercise import Exercise
from helpers.judge.observe import observe

RIGHT = REFERENCE["spot_the_bug"]()
SIX = {check.id for check in batchnorm1d_exercise.checks}


def red(**changes):
    return spot_the_bug_exercise.assessed(lambda: RIGHT | changes).red


def test_what_is_red_before_the_repair_is_what_batchnorm1d_says():
    for name in "AF":
        assert _red_before(name) == batchnorm1d_exercise.whole.assessed(LAYERS[name]).red


def test_another_repair_and_another_red_check_are_right():
    other = RIGHT["A"][0], "settings", "self.running_var.lerp_(torch.var(x, 0), self.momentum)"
    assert other != RIGHT["A"] and not red(A=other)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"A": (11, "affine", RIGHT["A"][2])}, {"checks_ABCDE"}),
        ({"C": (11, "settings", "std = var.sqrt()")}, {"repairs_ABCDE"}),
        ({"G": (9, "precision", "var = (")}, {"repairs_FGHIJ"}),
        ({"H": (3, "eval_mode", "if undefined:")}, {"repairs_FGHIJ"}),
        ({"J": (7, *RIGHT["J"][1:])}, {"lines_FGHIJ", "repairs_FGHIJ"}),
        ({"J": (8, "one_row", "self.running_var.lerp_(x.var(0), self.momentum)")}, {"repairs_FGHIJ"}),
        ({"E": ("seven", *RIGHT["E"][1:])}, {"lines_ABCDE", "repairs_ABCDE"}),
        ({"E": ((7, 8), *RIGHT["E"][1:])}, {"lines_ABCDE", "repairs_ABCDE"}),
    ],
)
def test_what_is_wrong_is_red_alone(changes, expected):
    assert red(**changes) == expected


AS_OTHERS_WRITE_IT = [
    ("J", 3, "n = x.shape[0]\nif self.training and n == 1: raise ValueError('one row')"),
    ("J", 5, "if self.training and n > 1:"),
    ("J", 6, "if n == 1: raise ValueError('one row')\nmean, var = x.mean(0), x.var(0, correction=0)"),
    ("J", 7, "if n == 1: raise ValueError('one row')\nwith torch.no_grad():"),
    ("J", 8, "if n == 1:\n    raise ValueError('one row')\nself.running_var.lerp_(x.var(0), self.momentum)"),
    ("J", 8, "self.running_var.lerp_(x.var(0) if n > 1 else self.running_var, self.momentum)"),
    ("F", 9, "del self.running_var\nself.register_buffer('running_var', torch.ones(num_features))"),
    ("E", 7, "var, mean = torch.var_mean(x, dim=0, correction=0)"),
    ("E", 7, "mean = x.mean(0)\nvar = ((x - mean) ** 2).mean(0)"),
    ("E", 7, "mean, var = x.mean(0), x.var(0, unbiased=False)"),
    ("E", 7, "mean, var = x.mean(0), (x - x.mean(0)).square().mean(0)"),
]


@pytest.mark.parametrize(("name", "line", "text"), AS_OTHERS_WRITE_IT)
def test_a_repair_that_leaves_nothing_red_is_right_on_whatever_line_it_stands(name, line, text):
    assert red(**{name: (line, RIGHT[name][1], text)}) == set()


def test_a_wrong_line_is_not_answered_with_the_right_one():
    found = spot_the_bug_exercise.assessed(lambda: RIGHT | {"A": (4, *RIGHT["A"][1:])})
    said = next(v.finding for v in found.verdicts if v.check.id == "lines_ABCDE")
    assert "line 4" in said.measured and "11" not in said.expected + said.measured


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"A": RIGHT["A"]}, "There is no answer for layer B"),
        (RIGHT | {"C": "line 11"}, "The answer for layer C is (line, check, repaired line)"),
        (RIGHT | {"G": (9, "accuracy", RIGHT["G"][2])}, "Layer G: 'accuracy' is no check"),
        (RIGHT | {"H": (3, "eval_mode", "if undefined:")}, "Layer H with your line stops"),
        (RIGHT | {"D": (11, *RIGHT["D"][1:])}, "In layer D the line is not right yet."),
        (RIGHT | {"B": (7, "affine", RIGHT["B"][2])}, "In layer B the check is not right yet."),
    ],
)
def test_the_first_sentence_says_where_to_start_and_gives_no_answer(given, said):
    (cause,) = spot_the_bug_exercise.assessed(lambda: given).causes
    assert cause.title.startswith(said) and not cause.evidence


def test_six_of_the_ten_pass_the_classic_six():
    assert sum(not _red_before(name) & SIX for name in LAYERS) == 6


def test_the_layer_that_is_shown_passes_the_six_and_is_none_of_the_ten():
    assert batchnorm1d_exercise.whole.assessed(OwnSwitch).red == {"mode_switch"}
    assert "mode_switch" not in set().union(*(_red_before(name) for name in LAYERS if not _red_before(name) & SIX))


def test_look_asks_for_a_line_before_it_tells_what_is_red_and_never_the_cause(capsys):
    def looked(*arguments):
        spot_the_bug_exercise.look(*arguments)
        return capsys.readouterr().out

    ids = [f"`{check.id}`" for check in CHECKS]
    for first in (looked("A"), looked("A", 99), looked("A", "4"), looked("K", 4)):
        assert not any(id in first for id in ids)
    cause = batchnorm1d_exercise.assessed(LAYERS["A"]).causes[0].title
    for line in (4, RIGHT["A"][0]):
        said = looked("A", line)
        assert {id for id in ids if id in said} == {f"`{id}`" for id in _red_before("A")}
        assert listing("A").splitlines()[line - 1][4:].strip() in said and cause not in said


def test_the_check_has_a_row_for_each_layer(capsys):
    spot_the_bug_exercise.check(lambda: {"A": RIGHT["A"], "B": (1, "numbers", RIGHT["B"][2])})
    said = capsys.readouterr().out
    assert "1 of 10 bugs found" in said and "C: no answer yet" in said
    assert "A: line ✓ · check ✓ · repair ✓" in said and "B: line ✗ · check ✓ · repair ✗" in said


def test_the_probes_read_no_record(monkeypatch):
    def record(exercise):
        raise AssertionError("a probe reads the record")

    monkeypatch.setattr(Exercise, "record", property(record))
    assert len(observe(lambda: RIGHT, spot_the_bug_exercise.probes)) > len(spot_the_bug_exercise.probes)
