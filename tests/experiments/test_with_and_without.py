"""What the text of notebook 03 says is what its experiments measure, and what is stored is what they compute."""

import json
import math
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.experiments import fair, popular_demo, rate_batch_plane, stored, with_and_without
from helpers.experiments import with_and_without_seeds as many

FILE = with_and_without.FILE
PARTS = {
    "curves": partial(many.curves, longer=40),
    "starts": partial(many.starts, chosen=[("default", "he")]),
    "raised": partial(many.raised, chosen=[64]),
    "moving": many.moving,
    "fair_head": many.fair_head,
    "draws": partial(many.draws, chosen=[2]),
    "large_batches": many.large_batches,
    "heat_map": many.heat_map,
    "by_depth": many.by_depth,
    "placement": many.placement,
}
"""Of each stored result a part that takes seconds."""


def load(name):
    return stored.load(FILE, name)


def median(values):
    return np.median(np.nan_to_num(values, nan=math.inf), axis=0)


def test_a_random_part_is_computed_again():
    """One seed of one result.  Rounding decides single runs at large rates, so a part of the numbers may differ."""
    assert PARTS.keys() == many.EXPERIMENTS.keys()
    drawn = random.randrange(10**6)
    chance = random.Random(drawn)
    name = chance.choice(sorted(PARTS))
    place = chance.randrange(len(stored.seeds_of(FILE, name)))
    same = list(agreements(name, place))
    assert np.mean(same) >= 0.75, (drawn, name, place, same)


def agreements(name, place):
    """Of each number of a part: is it as stored?"""
    for key, new in PARTS[name]([stored.seeds_of(FILE, name)[place]]).items():
        if name == "curves" and key not in fair.NETS:
            continue  # the ends of runs that are cut short here
        a, b = new[0].ravel(), load(name)[key][place].ravel()[: new[0].size]
        yield from (np.isclose(a, b, rtol=0.25, atol=0.03) | ~(np.isfinite(a) | np.isfinite(b))).tolist()


# --- the demo -------------------------------------------------------------------------------------------------------


def test_whoever_fits_the_demo_is_worse_than_a_constant_on_held_out_rows():
    found, constant = load("curves"), popular_demo.constant(popular_demo.demo_data())
    for name in ("none, He", "batch"):
        assert (found[f"train, {name}"] < 0.5 * constant).all() and (found[f"test, {name}"] > constant).all()
    at = popular_demo.LATER.index
    assert (found["none"][:, at(299)] > 0.49).all() and (found["none"][:, at(1199)] < 0.45).all()


def test_the_running_variance_makes_the_gap_between_the_modes(capsys):
    split, make = popular_demo.demo_data(), fair.makers(nn.BatchNorm1d, fair.widths(20))["batch"]
    net, history = popular_demo.train(make, split, lr=0.1, batch_size=512, steps=300)
    loss, _ = popular_demo.evaluate(net, split.X_train, split.y_train)
    popular_demo.show_running_variance({"batch": popular_demo.Demo([history], [net], [loss], [])})
    train, old, new = (float(line.split()[-2]) for line in capsys.readouterr().out.splitlines()[2:])
    assert old > 1000 * new and new < 3 * train


def test_the_weights_make_it_stall_not_the_biases():
    found = load("starts")
    for (weights, _), losses in zip(popular_demo.STARTS, found.values(), strict=True):
        assert (losses > 0.45).all() if weights == "default" else (losses < 0.15).all()


def test_the_default_initialisation_loses_the_signal():
    default, he, normed = popular_demo.signal(), popular_demo.signal(init="he"), popular_demo.signal(nn.BatchNorm1d)
    assert default[-1][0] < 0.005 and he[-1][0] > 0.2 and all(0.7 < size < 1.3 for _, size in he)
    assert max(normed)[0] < 1.1 * min(normed)[0]


def test_the_head_sets_the_limit():
    limits = [popular_demo.limits(nn.BatchNorm1d, width=width) for width in (64, 128, 256)]
    medians = [np.median(each["batch"]) for each in limits]
    assert medians[0] > 1.8 * medians[1] > 1.8**2 * medians[2] and medians[1] < 0.05
    assert all(max(each["none, He"]) < min(each["batch"]) for each in limits)
    scaled = popular_demo.head_limit(nn.BatchNorm1d, 64, head_scale=1 / 8)
    assert scaled == pytest.approx(64 * popular_demo.head_limit(nn.BatchNorm1d, 64))


def test_a_slower_head_is_all_that_batch_norm_needs():
    found, rate = load("raised"), popular_demo.RAISED.index(0.5)
    assert not (found["batch norm; 64"][:, rate] < 0.4).any()
    assert all((found[f"{name}; 64"][:, rate] < 0.01).all() for name in (popular_demo.SCALED, popular_demo.GENTLE))


def test_of_the_nets_that_train_the_control_breaks_first():
    found, rate = load("raised"), popular_demo.RAISED.index(0.05)
    _, control, normed = (found[f"{name}; 128"][:, rate] for name in fair.NETS.values())
    assert np.isnan(control).sum() >= 3 and (normed < 1e-3).all()


def test_a_gentle_head_is_the_same_function_with_the_same_gradients_below():
    sizes = [3, 8, 8, 1]
    torch.manual_seed(0)
    plain = popular_demo.MLP(sizes)
    torch.manual_seed(0)
    gentle = many.gentle(sizes, None, share=1 / 16)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    steps = []
    for net in (plain, gentle):
        out = net(x)
        out.square().mean().backward()
        steps.append((out, net.hidden[0][0].weight.grad, net.head.weight.grad * net.head_scale))
    for a, b, share in zip(*steps, (1, 1, 1 / 16), strict=True):
        torch.testing.assert_close(a * share, b)


# --- the fair set-up, digits ----------------------------------------------------------------------------------------


def test_the_control_wins_at_tiny_batches_and_batch_norm_at_32():
    for size, sign in ((2, -1), (32, 1)):
        found = fair.over_learning_rates(nn.BatchNorm1d, (0.1,), size)
        assert (sign * (found["none, He"].test_loss - found["batch"].test_loss) > 0).all()


def test_batch_norm_is_lower_on_all_draws_of_the_data_from_a_rate_of_0_1_on():
    found = load("draws")
    for draw in with_and_without.DRAWS:
        control, normed = (np.nan_to_num(found[f"{name}; {draw}"], nan=np.inf) for name in ("none, He", "batch"))
        assert ((normed < control).sum(axis=0)[1:] >= 9).all()


def test_with_large_batches_batch_norm_fits_more_and_holds_out_worse():
    found = load("large_batches")
    assert (median(found["training, batch"]) < median(found["training, none, He"])).all()
    of_256 = slice(2, 4)
    assert (median(found["held-out, batch"])[of_256] > median(found["held-out, none, He"])[of_256]).all()


def test_plain_nets_are_better_at_large_weights_and_a_small_learning_rate():
    found, column = load("heat_map"), with_and_without.MAP_LRS.index(with_and_without.SMALL_RATE)
    smallest, own, twice = (with_and_without.SCALES.index(scale) for scale in with_and_without.AT_SCALES)
    none, batch = (found[name][:, :, column] for name in ("none", "batch"))
    assert (found["none"][:, twice, column : column + 3] > found["batch"][:, twice, column : column + 3]).all()
    assert (batch[:, smallest] > batch[:, own]).all() and (batch[:, own] > batch[:, twice]).all()
    assert (none[:, twice] - none[:, own] > batch[:, own] - batch[:, twice]).all()
    assert ((found["batch"] > 0.9).sum(axis=(1, 2)) > 3 * (found["none"] > 0.9).sum(axis=(1, 2))).all()


def test_large_weights_act_as_a_small_learning_rate():
    (_, one, share, _), (change, gradient, turned, angle) = with_and_without.turns(nn.BatchNorm1d, (1, 10))
    assert (one, share) == (1, 1) and change < 1e-3 and angle == pytest.approx(90, abs=0.5)
    assert gradient == pytest.approx(0.1, rel=1e-2) and turned == pytest.approx(0.01, rel=1e-2)
    assert with_and_without.turns(nn.BatchNorm1d, (1, 10), head=True)[1][2] == pytest.approx(0.1, rel=0.2)


def test_the_factor_shrinks_gradients_by_itself_with_batch_norm_and_by_more_without():
    found = with_and_without.shrunk(nn.BatchNorm1d)
    assert all(7.5 < ratio < 8.5 for ratio in found["batch"]) and all(ratio > 8.5 for ratio in found["none, He"])


@pytest.mark.parametrize(("depth", "init"), [(4, "default"), (8, "default"), (8, "he")])
def test_which_training_loss_is_lower_depends_on_the_mode(depth, init):
    found, i = load("by_depth"), with_and_without.DEPTHS.index(depth)
    for mode, lower in (("train mode", True), ("eval mode", False)):
        wins = (found[f"{mode}, none, he"][:, i] < found[f"{mode}, batch, {init}"][:, i]).sum()
        assert wins >= 8 if lower else wins <= 2


def test_the_bias_before_a_norm_has_no_gradient():
    first, *others = with_and_without.bias_gradients(nn.BatchNorm1d).values()
    assert first < 1e-12 and min(others) > 0.01


@pytest.mark.parametrize("after", [False, True])
def test_a_bias_is_dropped_only_right_before_a_norm(after):
    parts = list(many.placed(nn.BatchNorm1d, [4, 3, 2], after))
    assert [type(p) for p in parts[1:3]] == ([nn.ReLU, nn.BatchNorm1d] if after else [nn.BatchNorm1d, nn.ReLU])
    assert (parts[0].bias is not None) is after and parts[-1].bias is not None


def test_figures_are_drawn_even_where_every_seed_diverged(recwarn):
    lrs = (0.1, 1e5)
    with_and_without.rates_figure(lrs, fair.over_learning_rates(nn.BatchNorm1d, lrs, 8)).canvas.draw()
    rate_batch_plane.figure(rate_batch_plane.load("digits")).canvas.draw()
    with_and_without.heat_map_figure(load("heat_map")).canvas.draw()
    with_and_without.depth_figure(load("by_depth")).canvas.draw()
    assert not recwarn.list


def test_the_file_says_how_it_was_made_and_is_small():
    path = Path(stored.__file__).with_name(f"{FILE}.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["command"] == many.COMMAND == f"python -m {many.__name__}" and found["torch"] and found["numpy"]
    assert {name: len(seeds) for name, seeds in found["seeds"].items()} == {
        name: count for name, (_, count) in many.EXPERIMENTS.items()
    }
    assert path.stat().st_size < 50_000
