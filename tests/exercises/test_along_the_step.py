"""Malformed answers to notebook 06's measurements are told in words; the record's cases are what the texts say."""

import pytest
import torch

from helpers.exercises.along_the_step import along_the_step_exercise, effective_step_exercise
from helpers.exercises.answers.evidence import evidence
from helpers.exercises.evidence import evidence_exercise

MALFORMED = [
    (None, "the result is None; three numbers are needed"),
    (torch.zeros(2), "three numbers are needed"),
    ((1.0, [1.0, 2.0], 3.0), "has 2 numbers; one is needed"),
    ({"loss range": 1.0}, "the result is a dict"),
]


@pytest.mark.parametrize("exercise", [along_the_step_exercise, effective_step_exercise], ids=lambda e: e.id)
@pytest.mark.parametrize(("answer", "message"), MALFORMED)
def test_a_malformed_answer_is_told_in_words(exercise, answer, message):
    verdicts = exercise.assessed(lambda *_: answer).verdicts
    assert all(v.passed is False and message in v.finding.measured for v in verdicts)


@pytest.mark.parametrize("exercise", [along_the_step_exercise, effective_step_exercise], ids=lambda e: e.id)
def test_a_stub_is_not_attempted(exercise):
    def stub(*_):
        raise NotImplementedError

    assert all(v.passed is None for v in exercise.assessed(stub).verdicts)


def test_effective_beta_of_a_bowl_lies_between_its_curvatures():
    beta = float(along_the_step_exercise.record.right["bowl/effective β"])
    assert 0.5 < beta < 8


def test_the_gradient_is_at_right_angles_so_squares_add_up():
    right = effective_step_exercise.record.right
    for place in ("short", "long", "large"):
        length, angle = (float(right[f"{place}/{what}"]) for what in ("length after the step", "angle"))
        rate = {"short": 0.1, "long": 3.0, "large": 50.0}[place] / float(right[f"{place}/rate for W/‖W‖"])
        assert length * torch.cos(torch.tensor(angle)) == pytest.approx(rate**0.5, rel=1e-5)


def test_capitals_do_not_count_in_the_quiz():
    small = {key.upper(): tuple(letter.lower() for letter in pair) for key, pair in evidence().items()}
    assert all(v.passed for v in evidence_exercise.assessed(lambda: small).verdicts)


def test_a_claim_without_an_answer_costs_its_own_check_only():
    answers = {key: pair for key, pair in evidence().items() if key != "e"}
    verdicts = evidence_exercise.assessed(lambda: answers).verdicts
    assert [v.passed for v in verdicts] == [True, True, False]
