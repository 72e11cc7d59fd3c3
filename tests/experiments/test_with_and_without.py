"""What the text of notebook 03 says is what its experiments measure."""

import pytest
import torch
from torch import nn

from helpers.experiments import fair, rate_batch_plane, with_and_without


def median(values):
    return values.median(dim=-1).values


def test_the_demo_memorises():
    split = with_and_without.demo_data()
    make = fair.makers(nn.BatchNorm1d, fair.widths(20))["batch"]
    found = with_and_without.sweep(make, split, (0.05,), (0, 1), batch_size=512, steps=100)
    assert (found.train_loss < 0.01).all()
    assert (found.test_loss > split.y_test.var(correction=0)).all()


def test_the_default_initialisation_loses_the_signal():
    split = with_and_without.demo_data()
    default, he = with_and_without.signal(split), with_and_without.signal(split, init="he")
    normed = with_and_without.signal(split, nn.BatchNorm1d)
    assert default[-1] < 0.005 and he[-1] > 0.2
    assert max(normed) < 1.1 * min(normed)


def test_the_head_sets_the_limit():
    limits = [with_and_without.head_limit(nn.BatchNorm1d, width) for width in (64, 128, 256)]
    assert limits[0] > 1.5 * limits[1] > 1.5**2 * limits[2]
    assert limits[1] < 0.05
    scaled = with_and_without.head_limit(nn.BatchNorm1d, 64, 1 / 8)
    assert scaled == pytest.approx(64 * limits[0])


def test_batch_norm_breaks_first_unless_the_head_is_scaled():
    plain, batch, scaled = with_and_without.faster(nn.BatchNorm1d, (0.5,), steps=30).values()
    finite = [torch.isfinite(found.losses).all() for found in (plain, batch, scaled)]
    assert finite == [True, False, True]


def test_the_control_wins_at_tiny_batches_and_batch_norm_at_32():
    for size, sign in ((2, -1), (32, 1)):
        found = fair.over_learning_rates(nn.BatchNorm1d, (0.1,), size)
        assert (sign * (found["none, He"].test_loss - found["batch"].test_loss) > 0).all()


def test_plain_nets_are_better_at_large_weights_and_a_small_learning_rate():
    plain, normed = with_and_without.heat_map(nn.BatchNorm1d, (0.003,), (2.0,))
    assert (plain > normed + 0.3).all()


def test_large_weights_act_as_a_small_learning_rate():
    (_, one, share), (change, gradient, turned) = with_and_without.turns(nn.BatchNorm1d, (1, 10))
    assert (one, share) == (1, 1) and change < 1e-3
    assert gradient == pytest.approx(0.1, rel=1e-3) and turned == pytest.approx(0.01, rel=1e-3)


def test_the_control_has_the_lowest_training_loss_at_four_layers():
    found = with_and_without.by_depth(nn.BatchNorm1d, (4,))
    control = median(found["none", "he"][0])
    assert all(control < median(found["batch", init][0]) for init in ("default", "he"))


@pytest.mark.parametrize("after", [False, True])
def test_a_bias_is_dropped_only_right_before_a_norm(after):
    parts = list(with_and_without.placed(nn.BatchNorm1d, [4, 3, 2], after))
    assert [type(p) for p in parts[1:3]] == ([nn.ReLU, nn.BatchNorm1d] if after else [nn.BatchNorm1d, nn.ReLU])
    assert (parts[0].bias is not None) is after and parts[-1].bias is not None


def test_figures_are_drawn_even_where_every_seed_diverged(recwarn):
    lrs = (0.1, 1e5)
    with_and_without.rates_figure(lrs, fair.over_learning_rates(nn.BatchNorm1d, lrs, 8)).canvas.draw()
    rate_batch_plane.figure(rate_batch_plane.load("digits")).canvas.draw()
    assert not recwarn.list
