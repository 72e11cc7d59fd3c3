"""What is kept for backward, counted; the three nets of notebook 07 have one gradient."""

import pytest
import torch
from torch import nn

from helpers.experiments import kept_for_backward as lab


def test_counting():
    x = torch.randn(10, requires_grad=True)
    assert lab.kept(lambda x: x + 1, x) == 0
    assert lab.kept(lambda x: x * x, x) == 40  # one tensor, kept twice
    assert lab.kept(lambda x: x.exp().exp(), x) == 80
    weight = torch.randn(10, requires_grad=True)
    assert lab.kept(lambda x: x * weight, x, [weight]) == 40


def test_the_text_of_the_tables(capsys):
    usual, relu_in_place, recomputed, in_place = (lab.units(lab.blocks(kind)) for kind in lab.KINDS)
    assert 12 <= usual < 12.1 and 9 <= relu_in_place < 9.1 and recomputed == 4 and 5 <= in_place < 5.1
    lab.layers_table(), lab.blocks_table(), lab.momentum_table(), lab.inversion_table()
    shown = capsys.readouterr().out
    assert shown.count("yes") == 3 and " no" not in shown.partition("one step")[2].partition("nn.Batch")[0]
    assert "0.19" in shown and "cannot be computed" in shown


@pytest.mark.parametrize("kind", lab.KINDS[1:])
def test_one_gradient(kind):
    found = []
    for name in (lab.USUAL, kind):
        x = lab._input()
        (lab.blocks(name)(x) ** 3).sum().backward()
        found.append(x.grad)
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3 * found[0].abs().max().item())


def test_in_place_passes_gradcheck():
    x, gamma, beta = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((6, 3), (3,), (3,)))
    assert torch.autograd.gradcheck(lab.InPlaceActivated.apply, (x, gamma, beta))


def test_recomputation_moves_the_statistics_twice():
    layer = nn.BatchNorm1d(lab.WIDTH)
    (lab.Recomputed(layer)(lab._input()) ** 2).sum().backward()
    assert layer.num_batches_tracked == 2


@pytest.mark.parametrize("seed", (50, 51))
def test_small_gammas_lose_digits(seed):
    errors = [lab.inversion_errors(gamma, 1.0, seed=seed) for gamma in lab.GAMMAS[:-1]]
    assert errors == sorted(errors)
    assert 0.2 < lab.inversion_errors(0.01, 1.0, torch.bfloat16, seed) < 0.6
    assert max(lab.inversion_errors(gamma, 0.0, torch.bfloat16, seed) for gamma in lab.GAMMAS[:-1]) < 0.03
