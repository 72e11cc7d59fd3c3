"""The references agree with the lab's net; the judge accepts right answers, names wrong ones and gives none away."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises import make_mlp as module
from helpers.exercises.answers.make_mlp import REFERENCE
from helpers.lab.nets import MLP

QUESTIONS = [
    module.why_plain_stalls_exercise,
    module.why_batch_norm_diverges_exercise,
    module.where_plain_wins_exercise,
]
EXERCISES = [module.make_mlp_exercise, module.count_parameters_exercise, *QUESTIONS]
WIDTHS = st.lists(st.integers(1, 9), min_size=2, max_size=6)
NORMS = st.sampled_from([None, nn.BatchNorm1d, nn.LayerNorm])


@settings(max_examples=50, deadline=None)
@given(widths=WIDTHS, norm=NORMS, seed=st.integers(0, 1000))
def test_the_reference_is_the_net_of_the_lab(widths, norm, seed):
    mine, theirs = REFERENCE["make_mlp"](widths, norm), MLP(widths, norm)
    with torch.no_grad():
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            a.copy_(b)
    x = torch.randn(5, widths[0], generator=torch.Generator().manual_seed(seed))
    assert torch.equal(mine(x), theirs(x))


@settings(max_examples=50, deadline=None)
@given(widths=WIDTHS, norm=st.booleans())
def test_the_count_is_what_the_net_has(widths, norm):
    net = REFERENCE["make_mlp"](widths, nn.BatchNorm1d if norm else None)
    assert REFERENCE["count_parameters"](widths, norm) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_the_reference_passes_and_a_stub_is_not_attempted(exercise):
    def stub(*_):
        raise NotImplementedError

    assert all(v.passed for v in exercise.assessed(REFERENCE[exercise.id]).verdicts)
    assert all(v.passed is None for v in exercise.assessed(stub).verdicts)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.id)
@pytest.mark.parametrize("letter", ["a", "b", "c", "d", "e", " B ", "f", "", None, 3])
def test_a_wrong_letter_gives_nothing_away(question, letter, capsys):
    right = REFERENCE[question.id]()
    verdicts = question.assessed(lambda: letter).verdicts
    assert verdicts[0].passed is (str(letter).strip().lower() == right)
    if not verdicts[0].passed:
        question.check(lambda: letter)
        question.hint(lambda: letter)
        assert f"answer {right}" not in capsys.readouterr().out
