"""Patches, subclasses and overridden operators in the learner's session do not change a verdict, and stay in place."""

import builtins

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.feature_statistics import feature_statistics_exercise
from helpers.judge.observe import as_array, observe, tensor
from helpers.judge.unpatched import put_back, unpatched


def right(x):
    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)


def nothing(x):
    return x[0] * 0, x[0] * 0


class Agreeable(torch.Tensor):
    """Equal to everything, and of a mean of 0 and a variance of 1 whatever is in it."""

    def __eq__(self, other):
        return True

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        result = super().__torch_function__(func, types, args, kwargs or {})
        name = getattr(func, "__name__", "")
        return torch.full_like(result, {"mean": 0.0, "var": 1.0}[name]) if name in ("mean", "var") else result


class Dispatching(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.ones(3)


def always(*args, **kwargs):
    return True


class Doubled(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        return (2 * x).as_subclass(Agreeable)


class PatchesInForward(Doubled):
    def forward(self, x):
        torch.Tensor.mean = lambda self, *args, **kwargs: torch.zeros(8)
        torch.Tensor.var = lambda self, *args, **kwargs: torch.ones(8)
        return 2 * x


def passed(answer):
    return [v.passed for v in feature_statistics_exercise.assessed(answer).verdicts]


@pytest.mark.parametrize(
    ("owner", "name"),
    [(torch, "allclose"), (torch, "equal"), (torch.Tensor, "__eq__"), (torch.Tensor, "allclose"), (np, "allclose"),
     (torch.Tensor, "detach"), (np, "array"), (builtins, "all"), (builtins, "isinstance")],
)  # fmt: skip
def test_a_patch_changes_no_verdict_and_stays(owner, name, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, always)
        outcomes = passed(nothing), passed(right)
        stays = getattr(owner, name) is always
    assert outcomes == ([False, False], [True, True]) and stays


def test_a_method_that_hides_an_inherited_one_is_set_aside(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "mean", lambda self, *args: torch.zeros(3), raising=False)
    with unpatched():
        assert torch.ones(2).mean() == 1
    assert torch.ones(2).mean().shape == (3,)


def test_a_new_helper_method_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "rows_mean", lambda self: self.mean(0), raising=False)
    assert passed(lambda x: (x.rows_mean(), ((x - x.rows_mean()) ** 2).rows_mean())) == [True, True]


@pytest.mark.parametrize("layer", [Doubled, PatchesInForward])
def test_a_layer_cannot_answer_for_itself(layer):
    try:
        seen = observe(layer, batchnorm1d_exercise.probes)
    finally:
        put_back()
    assert not batchnorm1d_exercise.assess(seen).verdicts[0].passed


def test_tensor_is_exactly_a_tensor_and_keeps_the_graph():
    x = torch.ones(3, requires_grad=True)
    y = tensor((2 * x).as_subclass(Agreeable), "y")
    assert type(y) is torch.Tensor and y.mean() == 2
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [2, 2, 2]
    assert type(tensor(nn.Parameter(x), "p")) is torch.Tensor
    assert type(tensor(torch.zeros(3).as_subclass(Dispatching), "d")) is torch.Tensor


def test_as_array_of_a_subclass():
    assert as_array(torch.full((2,), 3.0).as_subclass(Agreeable)).tolist() == [3, 3]


def test_an_exception_that_cannot_be_printed_is_still_named():
    class Rude(Exception):
        def __str__(self):
            raise RuntimeError("no")

    def answer(x):
        raise Rude

    assert str(observe(answer, feature_statistics_exercise.probes)["batch"]).startswith("Rude (line")
