"""The reference layer agrees with torch's; the judge accepts right layers and names wrong ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.exercises.batchnorm1d import batchnorm1d, batchnorm1d_beyond
from helpers.judge.explain import explain

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
SUSPECTS = batchnorm1d.answers.suspects


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
        # gradients are sums whose terms can cancel; rounding is relative to the size of the terms
        with torch.no_grad():
            x_hat = ((y2 - beta) / gamma).abs()
            dx_terms = gamma.abs() / (x.var(0, correction=0) + eps).sqrt() * upstream.abs().max()
        gaps = {
            "output": error(y1, y2),
            "running_mean": error(mine.running_mean, theirs.running_mean),
            "running_var": error(mine.running_var, theirs.running_var),
            "dgamma": error(mine.gamma.grad, theirs.weight.grad, (x_hat * upstream.abs()).sum(0)),
            "dbeta": error(mine.beta.grad, theirs.bias.grad, upstream.abs().sum(0)),
            "dx": error(x1.grad, x2.grad, dx_terms),
        }
        assert max(gaps.values()) < TOLERANCE[dtype], gaps


def test_gradcheck_in_float64():
    layer = BatchNorm1d(3).double()
    assert torch.autograd.gradcheck(layer, (torch.randn(6, 3, dtype=torch.float64, requires_grad=True),))


def test_reference_passes_every_check():
    for exercise in (batchnorm1d, batchnorm1d_beyond):
        assert all(v.passed for v in exercise.verdicts(BatchNorm1d)[0])


@pytest.mark.parametrize("suspect", SUSPECTS, ids=lambda s: s.id)
def test_suspect_fails_and_is_explained_as_itself(suspect):
    verdicts = [*batchnorm1d.verdicts(suspect.make)[0], *batchnorm1d_beyond.verdicts(suspect.make)[0]]
    assert any(v.passed is False for v in verdicts)
    a = batchnorm1d.answers
    named = explain(a.lineup[suspect.id], a.right, a.suspects, a.lineup)
    assert [(e.id, e.exact) for e in named] == [(suspect.id, True)]
    assert named[0].evidence


class ScaleShift(nn.Module):
    """The layer written as x · scale + shift."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            var, mean = torch.var_mean(x, 0, correction=0)
            if len(x) > 1:
                with torch.no_grad():
                    self.running_mean.lerp_(mean, self.momentum)
                    self.running_var.lerp_(x.var(0), self.momentum)
        scale = self.gamma * torch.rsqrt(var + self.eps)
        return x * scale + (self.beta - mean * scale)


class Einsum(ScaleShift):
    """Statistics by einsum, buffers assigned anew."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            n = len(x)
            if n == 1:
                raise ValueError("one row")
            mean = torch.einsum("nc->c", x) / n
            centred = x - mean
            var = torch.einsum("nc,nc->c", centred, centred) / n
            m = self.momentum
            self.running_mean = ((1 - m) * self.running_mean + m * mean).detach()
            self.running_var = ((1 - m) * self.running_var + m * var * n / (n - 1)).detach()
        return self.gamma * ((x - mean) / (var + self.eps).sqrt()) + self.beta


@pytest.mark.parametrize("right", [ScaleShift, Einsum])
def test_right_but_unusual_layers_pass_the_six(right):
    assert all(v.passed for v in batchnorm1d.verdicts(right)[0])


def test_einsum_passes_beyond_six():
    assert all(v.passed for v in batchnorm1d_beyond.verdicts(Einsum)[0])


def test_check_5_rejects_a_wrong_gamma_gradient():
    class WrongGammaGradient(BatchNorm1d):
        def forward(self, x):
            y = super().forward(x)
            return y + (self.gamma - self.gamma.detach()) * 0.1

    verdicts, _ = batchnorm1d.verdicts(WrongGammaGradient)
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

    for exercise in (batchnorm1d, batchnorm1d_beyond):
        assert {v.passed for v in exercise.verdicts(Stub)[0]} == {None}
        assert {v.passed for v in exercise.verdicts(Empty)[0]} == {False}
