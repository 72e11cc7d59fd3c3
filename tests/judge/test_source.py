"""What the learner's text may withhold, and that no claim is about nothing."""

import re

import pytest

from helpers.editions.recording import suspects
from helpers.exercises import catalogue
from helpers.judge.model import Suspect
from helpers.judge.source import CLAIMS, Source

BODY = "class A:\n    def __init__(self, eps=1e-5, momentum=0.1):\n        self.running_mean = torch.zeros(3)\n"
FORWARD = BODY + "    def forward(self, x):\n        "


def refuted(title, code):
    return Source(code).refutes(Suspect("a", "b", title, None))


def test_every_claim_speaks_of_a_suspect():
    titles = [s.title for e in catalogue().values() if e.record_id == e.id for s in suspects(e)]
    assert [words for words, _, _ in CLAIMS if not any(re.search(words, t) for t in titles)] == []


@pytest.mark.parametrize(
    ("title", "code", "withheld"),
    [
        ("the default of your eps is above 1e-5; it should be 1e-5.", BODY, True),
        ("the default of your eps is above 1e-5; it should be 1e-5.", BODY.replace("1e-5", "1e-3"), False),
        ("the default of your eps is above 1e-5; it should be 1e-5.", BODY.replace("1e-5", "EPS"), False),
        ("the default of your momentum is 0.9; it should be 0.1.", BODY, True),
        ("the default of your momentum is 0.9; it should be 0.1.", BODY.replace("0.1", "0.9"), False),
        ("in eval mode you do not scale.", FORWARD + "return x", True),
        ("in eval mode you do not scale.", FORWARD + "return x if self.training else 2 * x", False),
        ("the running update corrects it a second time.", FORWARD + "return x * n / n", True),
        ("the running update corrects it a second time.", FORWARD + "return x * n / (n - 1)", False),
        ("your running statistics never move.", FORWARD + "self.running_mean = 0.9 * self.running_mean", True),
        ("your running statistics never move.", FORWARD + "self.running_mean.mul_(0.9)", True),
        ("your running statistics never move.", FORWARD + "return x", False),
        ("you refuse a batch of one row.", FORWARD + "return x", True),
        ("you refuse a batch of one row.", FORWARD + "raise ValueError", False),
        ("anything at all.", "not python (", False),
    ],
)
def test_a_claim_is_withheld_where_the_text_is_against_it(title, code, withheld):
    assert refuted(title, code) is withheld


def test_comments_and_docstrings_are_no_code():
    assert refuted("you refuse a batch of one row.", FORWARD + '"""raise"""\n        return x  # raise')
