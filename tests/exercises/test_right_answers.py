"""Right answers pass every check, however they are written."""

import pytest

from helpers.exercises import catalogue
from tests.exercises.right_answers import RIGHT

CASES = [(id, answer) for id, answers in RIGHT.items() for answer in answers]


@pytest.mark.parametrize(("id", "answer"), CASES, ids=lambda x: getattr(x, "__name__", x))
def test_right_answer_passes(id, answer):
    found = catalogue()[id].assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


def test_each_exercise_has_at_least_four():
    assert min(map(len, RIGHT.values())) >= 4
