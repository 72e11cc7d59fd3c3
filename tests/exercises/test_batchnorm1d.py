"""The reference layer agrees with torch's; the judge accepts right layers and names wrong ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.observe import observe
from helpers.judge.record import differing
from tests.exercises.right_layers import RIGHT

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def library_arguments(layer):
    return layer.running_mean, layer.running_var, layer.training, layer.momentum, layer.eps


def functional(layer, x):
    mean, var, *rest = library_arguments(layer)
    return torch.nn.functional.batch_norm(x, mean, var, layer.gamma, layer.beta, *rest)


def native(layer, x):
    return torch.native_batch_norm(x, layer.gamma, layer.beta, *library_arguments(layer))[0]


def by_name(layer, x):
    return getattr(torch, "batch" + "_norm")(x, layer.gamma, layer.beta, *library_arguments(layer), False)


def by_operator(layer, x):
    return torch.ops.aten.native_batch_norm(x, layer.gamma, layer.beta, *library_arguments(layer))[0]


DELEGATIONS = {
    "F.batch_norm": functional,
    "torch.native_batch_norm": native,
    "getattr": by_name,
    "torch.ops": by_operator,
}


def error(mine, theirs, terms=None):
    """Largest difference, relative to the largest value, or term of its sum, where that is above 1."""
    size = theirs if terms is None else terms
    return ((mine - theirs).abs().max() / size.abs().max().clamp(min=1)).item()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rows=st.integers(2, 40),
    features=st.integers(1, 12),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    eps=st.floats(1e-5, 1e-1),
    momentum=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**31 - 1),
)
def test_agrees_with_torch_over_five_steps_then_eval(rows, features, dtype, eps, momentum, seed):
    random = np.random.RandomState(seed)
    mine, theirs = (c(features, eps=eps, momentum=momentum).to(dtype) for c in (BatchNorm1d, nn.BatchNorm1d))
    gamma, beta = (torch.tensor(random.normal(size=features), dtype=dtype) for _ in range(2))
    with torch.no_grad():
        mine.gamma.copy_(gamma), mine.beta.copy_(beta)
        theirs.weight.copy_(gamma), theirs.bias.copy_(beta)
    for step in range(6):
        if step == 5:
            mine.eval(), theirs.eval()
        x = torch.tensor(random.normal(random.normal(), 1.0, (rows, features)), dtype=dtype)
        upstream = torch.tensor(random.normal(size=(rows, features)), dtype=dtype)
        x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
        y1, y2 = mine(x1), theirs(x2)
        mine.zero_grad(), theirs.zero_grad()
        (y1 * upstream).sum().backward(), (y2 * upstream).sum().backward()
        # terms can cancel, x − mean too where rows are nearly equal; rounding is relative to the size of the terms
        with torch.no_grad():
            used = x.var(0, correction=0) if theirs.training else theirs.running_var
            std = (used + eps).sqrt()
            hat_terms = (x.abs() + theirs.running_mean.abs()) / std
            y_terms = gamma.abs() * hat_terms + beta.abs()
            dx_terms = gamma.abs() / std * upstream.abs().max() * hat_terms.clamp(min=1)
        gaps = {
            "output": error(y1, y2, y_terms),
            "running_mean": error(mine.running_mean, theirs.running_mean),
            "running_var": error(mine.running_var, theirs.running_var),
            "dgamma": error(mine.gamma.grad, theirs.weight.grad, (hat_terms * upstream.abs()).sum(0)),
            "dbeta": error(mine.beta.grad, theirs.bias.grad, upstream.abs().sum(0)),
            "dx": error(x1.grad, x2.grad, dx_terms),
        }
        assert max(gaps.values()) < TOLERANCE[dtype], gaps


def test_gradcheck_in_float64():
    layer = BatchNorm1d(3).double()
    assert torch.autograd.gradcheck(layer, (torch.randn(6, 3, dtype=torch.float64, requires_grad=True),))


def test_reference_passes_every_check():
    assert batchnorm1d_exercise.whole.assessed(BatchNorm1d).red == set()


@pytest.mark.parametrize("right", RIGHT, ids=lambda kind: kind.__name__)
def test_right_but_unusual_layers_are_right_on_every_quantity(right):
    seen = observe(right, batchnorm1d_exercise.probes)
    assert batchnorm1d_exercise.whole.assess(seen).red == set()
    assert differing(seen, batchnorm1d_exercise.record.right) == set()


def test_there_are_at_least_thirty_right_layers():
    assert len(RIGHT) >= 30


@pytest.mark.parametrize("call", DELEGATIONS, ids=str)
def test_library_calls_are_seen_however_they_are_reached(call):
    class Delegates(BatchNorm1d):
        def forward(self, x):
            if self.training and len(x) < 2:
                raise ValueError("one row")
            return DELEGATIONS[call](self, x)

    found = batchnorm1d_exercise.beyond.assessed(Delegates)
    assert found.red == {"own_work"}
    assert [e.category for e in found.causes] == ["delegation"]


def test_check_5_rejects_a_wrong_gamma_gradient():
    class WrongGammaGradient(BatchNorm1d):
        def forward(self, x):
            y = super().forward(x)
            return y + (self.gamma - self.gamma.detach()) * 0.1

    verdicts = batchnorm1d_exercise.assessed(WrongGammaGradient).verdicts
    assert [v.check.id for v in verdicts if not v.passed] == ["gradients"]


def test_stub_is_not_attempted_and_pass_is_wrong():
    class Stub(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            raise NotImplementedError()

    class Empty(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()

        def forward(self, x):
            pass

    for exercise in (batchnorm1d_exercise, batchnorm1d_exercise.beyond):
        assert {v.passed for v in exercise.assessed(Stub).verdicts} == {None}
        assert {v.passed for v in exercise.assessed(Empty).verdicts} == {False}
