"""The quiz of the clinic: five right answers by hand, and the words of wrong ones."""

from helpers.exercises.answers.clinic import SUSPECTS, diagnoses
from helpers.exercises.clinic import CAUSES, CURES, INCIDENTS, diagnoses_exercise


def test_the_reference_is_right_and_lists_count_like_tuples():
    assert diagnoses_exercise.assessed(diagnoses).passed
    assert diagnoses_exercise.assessed(lambda: {k: list(v) for k, v in diagnoses().items()}).passed


def test_every_incident_has_at_least_four_wrong_choices_with_a_reason():
    begun = [s.title[0] for s in SUSPECTS["diagnoses"]]
    assert min(map(begun.count, INCIDENTS)) >= 3
    assert {s.category for s in SUSPECTS["diagnoses"]} == {"cause", "cure"}


def test_a_letter_that_is_none_and_a_missing_incident_are_said():
    for wrong in ({**diagnoses(), "a": ("Q", "p")}, {"a": ("D", "s")}, None):
        found = diagnoses_exercise.assessed(lambda wrong=wrong: wrong)
        assert not found.passed and found.causes


def test_each_cause_and_cure_is_a_line():
    assert all("\n" not in text and len(text) < 100 for text in (*CAUSES.values(), *CURES.values()))
