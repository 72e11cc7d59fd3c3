"""The dims of the reference are those of torch's layers; wrong dims are named, malformed ones explained."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises.answers.dims import REFERENCE, statistics_dims
from helpers.exercises.dims import GROUPED, NORMS, SHAPE, statistics_dims_exercise

OVER_C = {"layer, tokens": nn.LayerNorm, "rms, tokens": nn.RMSNorm}


def torchs(norm, channels, height, width, groups):
    """torch's layer for an N×C×H×W block."""
    if norm in OVER_C:
        return lambda x: OVER_C[norm](channels, eps=1e-30).double()(x.movedim(1, -1)).movedim(-1, 1)
    return {
        "batch": nn.BatchNorm2d(channels, eps=1e-30),
        "instance": nn.InstanceNorm2d(channels, eps=1e-30),
        "group": nn.GroupNorm(groups, channels, eps=1e-30),
        "layer, images": nn.LayerNorm((channels, height, width), eps=1e-30),
    }[norm].double()


@settings(max_examples=60, deadline=None)
@given(
    norm=st.sampled_from(NORMS),
    sizes=st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(2, 4)),
    groups=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_the_reference_is_torchs(norm, sizes, groups, seed):
    rows, height, width = sizes
    channels = 2 * groups
    x = torch.randn(rows, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    block = x.reshape(rows, groups, 2, height, width) if norm == "group" else x
    dims = statistics_dims()[norm]
    centred = block if norm == "rms, tokens" else block - block.mean(dim=dims, keepdim=True)
    y = centred / (centred**2).mean(dim=dims, keepdim=True).sqrt()
    layer = torchs(norm, channels, height, width, groups)
    torch.testing.assert_close(y.reshape(x.shape), layer(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [SHAPE, GROUPED])
def test_the_count_tells_the_dims(shape):
    choices = [c for n in range(1, len(shape) + 1) for c in itertools.combinations(shape, n)]
    assert len({math.prod(c) for c in choices}) == len(choices)


def test_the_reference_passes_and_a_stub_is_not_attempted():
    def stub():
        raise NotImplementedError

    assert all(v.passed for v in statistics_dims_exercise.assessed(REFERENCE["statistics_dims"]).verdicts)
    assert all(v.passed is None for v in statistics_dims_exercise.assessed(stub).verdicts)


def test_other_forms_of_the_right_dims_pass():
    other = statistics_dims() | {"batch": [3, 0, -2], "layer, tokens": 1, "rms, tokens": (-3,), "group": (-1, -2, -3)}
    assert all(v.passed for v in statistics_dims_exercise.assessed(lambda: other).verdicts)


def test_rms_may_be_called_by_its_short_name():
    other = statistics_dims()
    other["rms"] = other.pop("rms, tokens")
    assert all(v.passed for v in statistics_dims_exercise.assessed(lambda: other).verdicts)


def test_a_card_does_not_print_the_right_dims(capsys):
    statistics_dims_exercise.check(lambda: statistics_dims() | {"batch": (0,), "layer, images": (0, 1)})
    card = capsys.readouterr().out
    assert "batch" in card and "(0, 2, 3)" not in card and "(1, 2, 3)" not in card


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (None, "keys 'batch'"),
        ({}, "keys 'batch'"),
        (statistics_dims() | {"batch": "NHW"}, "tuple of whole numbers"),
        (statistics_dims() | {"batch": ()}, "no dims"),
        (statistics_dims() | {"batch": (0, 4)}, "has dim 4"),
        (statistics_dims() | {"batch": (0, 2, -2)}, "names dim 2 twice"),
    ],
)
def test_a_malformed_answer_is_told_in_words(answers, message):
    verdicts = statistics_dims_exercise.assessed(lambda: answers).verdicts
    assert all(v.passed is False and message in v.finding.measured for v in verdicts)


def test_the_dims_can_be_clicked():
    quiz = statistics_dims_exercise
    assert [q.key for q in quiz.questions] == list(NORMS)
    assert quiz.assessed(quiz.answered(list(statistics_dims().values()))).passed
    for question in quiz.questions:
        assert statistics_dims()[question.key] in dict(question.fields[0])


def test_each_wrong_row_is_told_with_its_reason():
    answers = statistics_dims() | {"batch": (2, 3), "layer, tokens": (0,)}
    rows = [e.title for e in statistics_dims_exercise.assessed(lambda: answers).causes]
    assert rows == [
        "batch: over H and W alone each image is on its own; that is instance norm.",
        "layer, tokens: not this one.",
    ]
