"""A clicked quiz: what is chosen is the answer, and each wrong row is told with its reason."""

import dataclasses
import importlib

import ipywidgets as widgets
import pytest

from helpers.exercises import catalogue
from helpers.judge.quiz import NOTED, Quiz
from helpers.judge.record import Record
from helpers.widgets import quiz as module
from helpers.widgets.quiz import QuizWidget

QUIZZES = {id: exercise for id, exercise in catalogue().items() if isinstance(exercise, Quiz)}


class Shell:
    """Stands for IPython's shell."""

    def __init__(self):
        self.user_ns = {}


@pytest.fixture
def shell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(module, "get_ipython", lambda: shell)
    return shell


def right_choices(exercise):
    """What the reference answers, row by row."""
    answers = importlib.import_module(exercise.module.replace(".exercises.", ".exercises.answers."))
    answer = answers.REFERENCE[exercise.id]()
    return [answer[q.key] if q.key else answer for q in exercise.questions]


def choose(widget, choices):
    for row, choice in zip(widget.rows, choices, strict=True):
        for field, value in zip(row, choice if len(row) > 1 else [choice], strict=True):
            field.value = value


@pytest.mark.parametrize("id", QUIZZES)
def test_right_choices_pass_and_stand_where_the_answer_would(id, shell):
    exercise = QUIZZES[id]
    widget = QuizWidget(exercise)
    choose(widget, right_choices(exercise))
    answer = shell.user_ns[exercise.builds]
    assert exercise.assessed(answer).passed
    widget.check()
    assert all("✓" in said.value for said in widget.said) and "return " in widget.status.value


@pytest.mark.parametrize("id", QUIZZES)
def test_every_row_may_be_wrong_alone(id, shell):
    exercise = QUIZZES[id]
    right = right_choices(exercise)
    for i in range(len(right)):
        widget = QuizWidget(exercise)
        choose(widget, right)
        options = [value for value, _ in exercise.questions[i].fields[0]]
        widget.rows[i][0].value = next(v for v in options if v != widget.rows[i][0].value)
        widget.check()
        wrong = ["✗" in said.value for said in widget.said]
        assert wrong == [n == i for n in range(len(wrong))], exercise.questions[i].key
        found = exercise.assessed(shell.user_ns[exercise.builds])
        assert not found.passed and [e.kind for e in found.causes] == ["row"]


@pytest.mark.parametrize("id", QUIZZES)
def test_every_list_has_a_name_of_its_own(id):
    fields = [field for row in QuizWidget(QUIZZES[id]).rows for field in row]
    names = [field.description for field in fields if isinstance(field, widgets.Dropdown)]
    assert all(names) and len(set(names)) == len(names)


def test_open_rows_are_named_and_nothing_is_judged(shell):
    widget = QuizWidget(QUIZZES["which_norm"])
    widget.check()
    assert "Still open: a, b, c" in widget.status.value and not shell.user_ns
    assert not any(said.value for said in widget.said)


@pytest.fixture
def class_edition(monkeypatch):
    """A quiz whose answers did not travel."""
    monkeypatch.setattr("helpers.judge.exercise.from_bytes", lambda data: Record({}, (), {}))
    return dataclasses.replace(QUIZZES["which_norm"])


def test_in_a_class_edition_an_answer_is_noted(class_edition, shell):
    widget = QuizWidget(class_edition)
    choose(widget, right_choices(class_edition))
    widget.check()
    assert NOTED in widget.status.value and "return " in widget.status.value
    assert not any(said.value for said in widget.said)
    with pytest.raises(NotImplementedError, match="judged after you hand in"):
        class_edition.grade(shell.user_ns["which_norm"], "images")


def test_in_a_class_edition_what_is_no_answer_is_told(class_edition):
    assert "keys a, b, c" in class_edition.assessed(lambda: 3).not_judged

    def which_norm():
        raise NotImplementedError()

    assert class_edition.assessed(which_norm).not_judged == ""
