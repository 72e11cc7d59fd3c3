"""Notebook 01's references agree with torch; right answers of other forms pass; wrong ones are named."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.exercises import paper
from helpers.exercises.answers.paper import (
    REFERENCE,
    SUSPECTS,
    batch_norm,
    identity_parameters,
    inference_form,
    output_variance,
    read_figure_3,
    rescaling,
)

EXERCISES = (
    paper.algorithm_1_exercise,
    paper.algorithm_2_exercise,
    paper.identity_exercise,
    paper.variance_after_exercise,
    paper.weight_scale_exercise,
    paper.figure_3_exercise,
)


@st.composite
def batches(draw, dtypes=(torch.float32, torch.float64)):
    """(x, gamma, beta, eps) of random shape, scale and dtype."""
    random = np.random.RandomState(draw(st.integers(0, 2**31 - 1)))
    rows, features = draw(st.integers(2, 30)), draw(st.integers(1, 8))
    dtype = draw(st.sampled_from(dtypes))
    shift, scale = draw(st.floats(-3, 3)), draw(st.floats(0.1, 5))
    x = torch.tensor(random.normal(shift, scale, (rows, features)), dtype=dtype)
    gamma, beta = (torch.tensor(random.normal(size=features), dtype=dtype) for _ in range(2))
    return x, gamma, beta, draw(st.floats(1e-5, 1.0))


@settings(max_examples=100, deadline=None)
@given(batches())
def test_algorithm_1_agrees_with_torch(batch):
    x, gamma, beta, eps = batch
    theirs = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    assert torch.allclose(batch_norm(x, gamma, beta, eps), theirs, atol=1e-4 if x.dtype == torch.float32 else 1e-11)


@settings(max_examples=30, deadline=None)
@given(batches((torch.float64,)))
def test_gradients_of_algorithm_1_agree_with_torch(batch):
    *tensors, eps = batch
    upstream = torch.randn(tensors[0].shape, dtype=torch.float64)
    found = []
    for layer in (batch_norm, lambda x, g, b, eps: F.batch_norm(x, None, None, g, b, training=True, eps=eps)):
        leaves = [t.clone().requires_grad_() for t in tensors]
        found.append(torch.autograd.grad((layer(*leaves, eps) * upstream).sum(), leaves))
    for mine, theirs in zip(*found, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(batches((torch.float64,)))
def test_identity_and_output_variance_hold_for_torchs_layer(batch):
    x, _, _, eps = batch
    gamma, beta = identity_parameters(x, eps)
    assert torch.allclose(F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps), x)
    normalised = F.batch_norm(x, None, None, training=True, eps=eps)
    assert torch.allclose(normalised.var(0, correction=0), output_variance(x.var(0, correction=0), eps))


@settings(max_examples=50, deadline=None)
@given(batches((torch.float64,)), st.integers(2, 6))
def test_algorithm_2_is_torchs_layer_in_eval_mode(batch, count):
    x, gamma, beta, eps = batch
    parts = [x + torch.randn_like(x) for _ in range(count)]
    means, variances = torch.stack([p.mean(0) for p in parts]), torch.stack([p.var(0, correction=0) for p in parts])
    layer = torch.nn.BatchNorm1d(x.shape[1], eps=eps, momentum=None).double()
    for part in parts:
        layer(part)
    layer.weight.data, layer.bias.data = gamma, beta
    scale, shift = inference_form(means, variances, len(x), gamma, beta, eps)
    assert torch.allclose(scale * x + shift, layer.eval()(x), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.floats(0.01, 100.0))
def test_without_eps_the_weight_scale_cancels_and_the_gradient_shrinks(seed, a):
    random = np.random.RandomState(seed)
    u, W, upstream = (torch.tensor(random.normal(size=shape)) for shape in ((20, 4), (3, 4), (20, 3)))

    def run(weights):
        weights = weights.detach().requires_grad_()
        y = batch_norm(u @ weights.T, torch.ones(3), torch.zeros(3), eps=0.0)
        return y.detach(), torch.autograd.grad((y * upstream).sum(), weights)[0]

    change, ratio = rescaling(run, W, a)
    assert change < 1e-9
    assert ratio.item() == pytest.approx(1 / a, rel=1e-6)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_reference_passes_every_check(exercise):
    assert all(v.passed for v in exercise.assessed(REFERENCE[exercise.id]).verdicts)


def passed(exercise, attempt):
    return [v.passed for v in exercise.assessed(attempt).verdicts]


def test_detached_statistics_cost_one_check_only():
    (detached,) = [s for s in SUSPECTS["algorithm_1"] if s.id == "detached"]
    assert passed(paper.algorithm_1_exercise, detached.make) == [True, True, False]


def by_module(x, gamma, beta, eps):
    layer = torch.nn.BatchNorm1d(3, eps=eps).double()
    layer.weight, layer.bias = torch.nn.Parameter(gamma), torch.nn.Parameter(beta)
    return layer(x)


LIBRARY = {
    "functional": lambda x, g, b, eps: F.batch_norm(x, None, None, g, b, training=True, eps=eps),
    "torch": lambda x, g, b, eps: torch.batch_norm(x, g, b, None, None, True, 0.0, eps, False),
    "native": lambda x, g, b, eps: torch.native_batch_norm(x, g, b, None, None, True, 0.0, eps)[0],
    "module": by_module,
    "instance": lambda x, g, b, eps: F.instance_norm(x.T[None], weight=g, bias=b, eps=eps)[0].T,
}


@pytest.mark.parametrize("answer", LIBRARY.values(), ids=LIBRARY)
def test_pytorchs_batch_norm_earns_no_point_of_algorithm_1(answer):
    assert passed(paper.algorithm_1_exercise, answer) == [False, False, False]


def test_a_wrong_variance_costs_one_check_of_algorithm_2():
    (biased,) = [s for s in SUSPECTS["algorithm_2"] if s.id == "biased"]
    (no_beta,) = [s for s in SUSPECTS["algorithm_2"] if s.id == "no_beta"]
    assert passed(paper.algorithm_2_exercise, biased.make) == [False, True]
    assert passed(paper.algorithm_2_exercise, no_beta.make) == [True, False]


def test_a_pair_may_come_as_one_tensor():
    """Whoever calls the function can unpack it."""
    assert passed(paper.algorithm_2_exercise, lambda *given: torch.stack(inference_form(*given))) == [True, True]
    assert passed(paper.identity_exercise, lambda *given: torch.stack(identity_parameters(*given))) == [True]
    assert passed(paper.weight_scale_exercise, lambda *given: torch.stack(rescaling(*given))) == [True]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (None, "a dict is needed"),
        ({}, "no 'bn_alone'"),
        (read_figure_3(paper.FIGURE_3) | {"fastest": "BN x5"}, "must be one of Inception"),
    ],
    ids=["none", "missing", "unknown_row"],
)
def test_a_malformed_reading_is_told_in_words(answers, says):
    verdicts = paper.figure_3_exercise.assessed(lambda table: answers).verdicts
    assert all(v.passed is False and says in v.finding.measured for v in verdicts)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_an_untouched_stub_is_not_attempted(exercise):
    def stub(*arguments):
        raise NotImplementedError()

    assert {v.passed for v in exercise.assessed(stub).verdicts} == {None}


def test_the_table_has_six_other_changes_beside_bn_and_the_learning_rate():
    changes = paper.FIGURE_3["BN-x5"]["changes"]
    assert len([c for c in changes if c != "batch normalization" and "learning rate ×" not in c]) == 6


NORMS_OF_TORCH = {
    "torch.ops": lambda x, gamma, beta, eps: torch.ops.aten.native_batch_norm.default(
        x, gamma, beta, None, None, True, 0.1, eps
    )[0],
    "an inner function": lambda x, gamma, beta, eps: torch.ops.aten._batch_norm_impl_index(
        x, gamma, beta, None, None, True, 0.1, eps, False
    )[0],
    "layer norm, turned": lambda x, gamma, beta, eps: F.layer_norm(x.T, (len(x),), eps=eps).T * gamma + beta,
    "group norm, turned": lambda x, gamma, beta, eps: F.group_norm(x.T, 1, eps=eps).T * gamma + beta,
    "RMS norm of what is centred": lambda x, gamma, beta, eps: (
        F.rms_norm((x - x.mean(0)).T, (len(x),), eps=eps).T * gamma + beta
    ),
}


@pytest.mark.parametrize("answer", NORMS_OF_TORCH.values(), ids=NORMS_OF_TORCH)
def test_a_norm_of_torch_is_found_by_whatever_name_it_is_called(answer):
    found = paper.algorithm_1_exercise.assessed(answer)
    assert not found.passed and [e.id for e in found.causes] == ["calls_torch"]


def over_each_column(x, gamma, beta, eps):
    """A function that torch maps over the features."""

    def normalised(feature):
        return (feature - feature.mean()) / torch.sqrt(feature.var(correction=0) + eps)

    return torch.vmap(normalised, in_dims=1, out_dims=1)(x) * gamma + beta


def test_a_function_that_is_mapped_over_the_features_is_ones_own_work():
    assert paper.algorithm_1_exercise.assessed(over_each_column).passed
