"""The bug hunt: any line that leaves nothing red is a right repair, and the probes need no record."""

import pytest

from helpers.exercises.answers.spot_the_bug import REFERENCE
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.spot_the_bug import LAYERS, _red_before, spot_the_bug_exercise
from helpers.judge.exercise import Exercise
from helpers.judge.observe import observe

RIGHT = REFERENCE["spot_the_bug"]()


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
    ],
)
def test_what_is_wrong_is_red_alone(changes, expected):
    assert red(**changes) == expected


def test_the_probes_read_no_record(monkeypatch):
    def record(exercise):
        raise AssertionError("a probe reads the record")

    monkeypatch.setattr(Exercise, "record", property(record))
    assert len(observe(lambda: RIGHT, spot_the_bug_exercise.probes)) > len(spot_the_bug_exercise.probes)
