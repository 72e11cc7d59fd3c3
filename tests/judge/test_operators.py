"""The library's batch norm is seen however it is reached, and never where it only stands in a comment."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.judge.operators import batch_norms, library_norms, operators_called

ROWS = torch.arange(24.0).reshape(6, 4)
IMAGES = torch.arange(48.0).reshape(2, 3, 4, 2)
MEAN, VAR = torch.zeros(4), torch.ones(4)


class Subclass(nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = [nn.BatchNorm1d(4).eval()]

    def forward(self, x):
        return self.inner[0](x)


alias = F.batch_norm
DELEGATES = {
    "F.batch_norm": lambda: F.batch_norm(ROWS, None, None, training=True),
    "in eval mode": lambda: F.batch_norm(ROWS, MEAN, VAR),
    "alias": lambda: alias(ROWS, None, None, training=True),
    "getattr": lambda: getattr(torch, "native_" + "batch" + "_norm")(ROWS, None, None, None, None, True, 0.1, 1e-5),
    "torch.batch_norm": lambda: torch.batch_norm(ROWS, None, None, None, None, True, 0.1, 1e-5, False),
    "torch.ops": lambda: torch.ops.aten.batch_norm(ROWS, None, None, None, None, True, 0.1, 1e-5, False),
    "torch.ops, native": lambda: torch.ops.aten._native_batch_norm_legit(ROWS, None, None, MEAN, VAR, True, 0.1, 1e-5),
    "statistics only": lambda: torch.batch_norm_update_stats(ROWS, None, None, 0.1),
    "subclass": lambda: Subclass(4)(ROWS),
    "hidden in a list": lambda: Frozen()(ROWS),
    "TorchScript": lambda: torch.jit.script(nn.BatchNorm1d(4))(ROWS),
    "vmap": lambda: torch.func.vmap(lambda c: F.batch_norm(c[:, None], None, None, training=True), 1)(ROWS),
    "without gradient": lambda: torch.no_grad()(nn.BatchNorm1d(4))(ROWS),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3)(IMAGES),
    "instance_norm": lambda: F.instance_norm(IMAGES),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("how", DELEGATES)
def test_delegation_is_seen(how):
    with operators_called() as called:
        DELEGATES[how]()
    assert batch_norms(called)


def by_hand(x):
    # F.batch_norm(x) would do the same, and so would torch.native_batch_norm
    var, mean = torch.var_mean(x, 0, correction=0)
    return (x - mean) * torch.rsqrt(var + 1e-5)


@pytest.mark.parametrize("layer", [by_hand, BatchNorm1d(4), F.normalize, nn.Linear(4, 4), nn.LayerNorm(4)])
def test_other_code_is_not_taken_for_it(layer):
    with operators_called() as called:
        layer(ROWS.clone().requires_grad_()).sum().backward()
    assert called and not batch_norms(called)


def test_counting_ends_with_the_block():
    with operators_called() as called:
        ROWS.exp()
    ROWS.exp()
    assert called["aten::exp"] == 1


@pytest.mark.parametrize(
    "norm",
    [nn.BatchNorm2d(3), nn.InstanceNorm2d(3), nn.LayerNorm(2), nn.GroupNorm(1, 3), nn.RMSNorm(2), nn.RMSNorm((4, 2))],
)
def test_every_norm_of_the_library_is_seen(norm):
    with operators_called() as called:
        norm(IMAGES)
    assert library_norms(called)


def test_a_norm_by_hand_is_none_of_the_library():
    with operators_called() as called:
        (IMAGES - IMAGES.mean()) / torch.sqrt(IMAGES.var() + 1e-5) * torch.linalg.vector_norm(IMAGES)
    assert library_norms(called) == ()
