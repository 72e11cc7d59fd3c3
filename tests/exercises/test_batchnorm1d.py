"""The reference layer agrees with torch's; the judge accepts right layers and names wrong ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises import measuring
from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.bugs import LAYERS
from helpers.judge.compare import agree
from helpers.judge.observe import observe
from helpers.judge.record import Deviation, differing
from helpers.judge.rules import verdicts_of
from tests.exercises.right_layers import RIGHT, Base, refuse_one_row

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


@pytest.mark.parametrize("salt", [7, 101, 2024])
def test_no_quantity_hangs_on_how_the_numbers_fall(salt, monkeypatch):
    monkeypatch.setattr(measuring, "SALT", salt)
    right = observe(BatchNorm1d, batchnorm1d_exercise.probes)
    assert differing(right, batchnorm1d_exercise.record.right) != set()  # other numbers were fed
    exercise = batchnorm1d_exercise.whole
    verdicts = verdicts_of(exercise.checks, exercise.probes, right, right)
    assert [v.check.id for v in verdicts if not v.passed] == []
    for kind in RIGHT[::6]:
        assert differing(observe(kind, exercise.probes), right) == set()


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


class CopiedLine(Base):
    """The line of running_var is a copy of the line of running_mean."""

    def forward(self, x):
        if not self.training:
            return (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) * self.gamma + self.beta
        refuse_one_row(x)
        mu = x.mean(dim=0)
        xc = x - mu
        with torch.no_grad():
            self.running_mean *= 1 - self.momentum
            self.running_mean += self.momentum * mu
            self.running_var *= 1 - self.momentum
            self.running_var += self.momentum * mu
        return xc / torch.sqrt((xc * xc).mean(dim=0) + self.eps) * self.gamma + self.beta


class Normalises(Base):
    """A right layer out of two steps, which those below change."""

    def statistics(self, x):
        if not self.training:
            return self.running_mean, self.running_var
        refuse_one_row(x)
        mean, var = x.mean(0), x.var(0, correction=0)
        with torch.no_grad():
            self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
            self.running_var.mul_(1 - self.momentum).add_(self.momentum * x.var(0))
        return mean, var

    def forward(self, x):
        mean, var = self.statistics(x)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class MadeLater(Normalises):
    """Gamma and beta are made in the first forward."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gamma = self.beta = None

    def forward(self, x):
        if self.gamma is None:
            self.gamma = nn.Parameter(torch.ones(x.shape[1], dtype=x.dtype))
            self.beta = nn.Parameter(torch.zeros(x.shape[1], dtype=x.dtype))
        return super().forward(x)


class NanGuard(Normalises):
    """A batch with any NaN is returned as it is."""

    def forward(self, x):
        return x if torch.isnan(x).any() else super().forward(x)


class Rebound(nn.Module):
    """Running statistics as plain attributes, bound anew in forward."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.running_mean = torch.zeros(num_features)
        self.running_var = torch.ones(num_features)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * x.var(0)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class RootOfEps(Normalises):
    """The root reaches only eps."""

    def forward(self, x):
        mean, var = self.statistics(x)
        return self.gamma * (x - mean) / (var + self.eps**0.5) + self.beta


class DividesByFeatures(Base):
    """n is x.size(1)."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean = x.sum(0) / x.size(1)
            var = ((x - mean) ** 2).sum(0) / x.size(1)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var * len(x) / (len(x) - 1) - self.running_var)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class OneRowDividedByEps(Normalises):
    """The variance is divided by N − 1 + eps, so that one row passes."""

    def statistics(self, x):
        if not self.training:
            return self.running_mean, self.running_var
        mean, n = x.mean(0), len(x)
        squares = ((x - mean) ** 2).sum(0)
        with torch.no_grad():
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (squares / (n - 1 + 1e-12) - self.running_var)
        return mean, squares / n


class OneRowTooLate(Normalises):
    """running_mean has moved when n / (n − 1) fails."""

    def statistics(self, x):
        if not self.training:
            return self.running_mean, self.running_var
        mean, var, n = x.mean(0), x.var(0, correction=0), len(x)
        with torch.no_grad():
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * (n / (n - 1)) - self.running_var)
        return mean, var


FIELD = {
    CopiedLine: "running_var_by_the_mean",
    NanGuard: "nan_switches_off",
    Rebound: "not_buffers_rebound",
    RootOfEps: "eps_rooted_alone",
    DividesByFeatures: "divided_by_features",
    OneRowDividedByEps: "one_row_shrinks",
    OneRowTooLate: "one_row_refused_too_late",
    LAYERS["B"]: "unbiased_normalisation",
}


@pytest.mark.parametrize("layer", FIELD, ids=lambda kind: kind.__name__)
def test_a_layer_from_the_field_behaves_as_its_suspect_and_is_red(layer):
    record, seen = batchnorm1d_exercise.record, observe(layer, batchnorm1d_exercise.probes)
    mine = Deviation.of(seen, record.right)
    assert [id for id, deviation in record.deviations.items() if deviation == mine] == [FIELD[layer]]
    assert batchnorm1d_exercise.whole.assess(seen).red


def test_parameters_made_in_the_first_forward_should_be_made_in_init():
    found = batchnorm1d_exercise.assessed(MadeLater)
    assert found.red and found.causes[0].kind == "names" and "after `__init__`" in found.causes[0].title


def test_each_of_three_mistakes_in_one_layer_shows_in_a_quantity_of_its_own():
    class Three(Normalises):
        def statistics(self, x):
            if not self.training:
                return self.running_mean, self.running_var
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.mul_(self.momentum).add_((1 - self.momentum) * mean)
                self.running_var.mul_(self.momentum).add_((1 - self.momentum) * var)
            return mean, var

        def forward(self, x):
            mean, var = self.statistics(x)
            return self.gamma * (x - mean) / torch.sqrt(var + 1e-5) + self.beta

    record, seen = batchnorm1d_exercise.record, observe(Three, batchnorm1d_exercise.probes)
    for key, suspect in {
        "update_parts/share of the old running_mean that is kept": "momentum_swapped",
        "update_parts/share of the old running_var that is kept": "momentum_swapped",
        "update_parts/variance that is remembered ÷ biased variance of the batch": "biased_running_var",
        "train_parts/eps under the root": "eps_fixed",
    }.items():
        assert agree(seen[key], record.lineup[suspect][key])
        assert not agree(seen[key], record.right[key])


@pytest.mark.parametrize(
    ("suspect", "red"),
    {
        "biased_running_var": {"numbers"},
        "unbiased_normalisation": {"numbers"},
        "momentum_swapped": {"numbers"},
        "never_updates": {"running_statistics", "numbers"},
        "no_root": {"train_mode", "eval_mode", "numbers"},
        "running_in_train": {"train_mode", "numbers"},
        "always_batch": {"eval_mode", "numbers"},
        "updates_in_eval": {"running_statistics"},
        "gamma_starts_random": {"numbers"},
        "affine_without_graph": {"gradients"},
        "beta_inside": {"affine"},
    }.items(),
    ids=lambda x: x if isinstance(x, str) else "+".join(sorted(x)),
)
def test_one_mistake_is_red_where_it_is_asked_for_and_in_torchs_numbers(suspect, red):
    seen = batchnorm1d_exercise.record.lineup[suspect]
    assert batchnorm1d_exercise.assess(seen).red == red


def test_check_2_is_the_formula_of_the_text_with_the_buffers_of_the_layer():
    class Shifted(BatchNorm1d):
        def forward(self, x):
            return super().forward(x) + (0.0 if self.training else shift)

    found = {}
    for shift in (5e-6, 2e-5):
        found[shift] = "eval_mode" in batchnorm1d_exercise.assessed(Shifted).red
    assert found == {5e-6: False, 2e-5: True}
