"""Notebook 09: stored results are what their command computes and hold what the text says; theory and nets agree."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.conv_sizes import flop_count, parameter_count, receptive_field
from helpers.exercises.conv_sizes import Conv
from helpers.experiments import branches, first_signal, net_costs, network_design_seeds, stored

COUNTS = (parameter_count, flop_count, receptive_field)
FILES = network_design_seeds.FILES
STORED = [(file, name) for file, experiments in FILES.items() for name in experiments]


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_how_it_was_made_and_is_small(file):
    path = Path(network_design_seeds.__file__).with_name(f"{file}.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["command"] == network_design_seeds.COMMAND and kept["torch"] and kept["numpy"]
    assert kept["results"].keys() == kept["seeds"].keys() == FILES[file].keys()
    assert all(seeds == list(range(10)) for seeds in kept["seeds"].values())
    assert path.stat().st_size < 15_000


def test_a_random_part_is_computed_again():
    seed, k = random.randrange(10), random.choice([2, 4, 8])
    print(seed, k)
    found = stored.load("net_costs", "bottlenecks")
    made = net_costs.bottleneck(k, [seed])
    for what, loose in (("loss", 0.5), ("accuracy", 0.03)):
        assert made[what][0] == pytest.approx(found[f"{k}: {what}"][seed], rel=loose)


def test_one_residual_net_is_trained_again():
    seed = random.randrange(10)
    found = stored.load("branches", "branches")["skips, batch norm: accuracy"]
    made = branches.accuracies(branches.KINDS["skips, batch norm"], [seed])
    np.testing.assert_allclose(made[0], found[seed], atol=0.03)


@pytest.mark.parametrize("name", first_signal.STARTS)
def test_a_start_has_the_variance_that_the_theory_is_given(name):
    fill, variance = first_signal.STARTS[name]
    weight = torch.empty(300, 300)
    with first_signal.seeded(0):
        fill(weight)
    assert weight.var().item() == pytest.approx(variance(300, 300), rel=0.03)


def test_signal_and_gradient_are_those_of_autograd_through_modules():
    widths = [64, 20, 30]
    seen = first_signal.through(widths, first_signal.gain(1.0), torch.tanh, 3, rows=16)
    with first_signal.seeded(3):
        weights = [torch.randn(b, a) / math.sqrt(a) for a, b in ((64, 20), (20, 30))]
        X = first_signal.digits().X_train
        x = X[torch.randperm(len(X))[:16]].double()
        upstream = torch.randn(16, 30).double()
    layers = [nn.Linear(a, b, bias=False).double() for a, b in ((64, 20), (20, 30))]
    for layer, weight in zip(layers, weights, strict=True):
        layer.weight.data = weight.double()
    hidden = torch.tanh(layers[0](x))
    hidden.retain_grad()
    out = torch.tanh(layers[1](hidden))
    out.backward(upstream)
    assert seen.signal == pytest.approx([hidden.square().mean().item(), out.square().mean().item()])
    assert seen.gradient[0] == pytest.approx(hidden.grad.square().mean().item())


def test_the_gain_does_not_change_the_part_in_which_digits_differ():
    runs = [first_signal.through(first_signal.same_widths(), first_signal.gain(g), torch.relu, 5) for g in (0.58, 1.41)]
    assert runs[0].apart == pytest.approx(runs[1].apart)
    assert runs[0].signal[-1] < 1e-20 < 1e-3 < runs[1].signal[-1]


def test_the_smallest_singular_value_is_no_rounding():
    drawn = []

    def fill(weight):
        drawn.append(first_signal.gain(1.0)(weight).clone())

    values = first_signal.singular_values(fill, 200, 4, size=2)
    assert values[1] / values[0] < 1e-20
    assert values.log().sum().item() == pytest.approx(sum(w.det().abs().log().item() for w in drawn))


def test_a_random_head_parts_the_units_of_the_last_hidden_layer_only():
    with first_signal.seeded(7):
        net = first_signal.MLP([64, 32, 32, 32, 10], None, "he")
    first_signal.ZEROS["hidden layers 0.02, head random"](net)
    split = first_signal.digits()
    first_signal.loss_of(net, split.X_train[:64], split.y_train[:64]).backward()
    gradients = [layer[0].weight.grad for layer in net.hidden]
    alike = [bool((g - g[0]).abs().max() < 1e-6 * g.abs().max()) for g in gradients]
    assert alike == [True, True, False]


def test_only_the_head_has_a_gradient_from_starts_that_are_all_alike():
    split = first_signal.digits()
    assert first_signal.ties(first_signal.ZEROS["all 0"], split, 7)["moved"] == 1
    assert first_signal.ties(first_signal.ZEROS["all 0.02"], split, 7, steps=1)["moved"] == 2  # the head's two
    alike = first_signal.ties(first_signal.ZEROS["hidden layers 0.02, head random"], split, 7, steps=50)
    assert alike["different"] == 1 and alike["moved"] == 8


def test_a_branch_that_begins_at_zero_makes_the_identity():
    x = torch.randn(6, branches.WIDTH)
    for name, kind in branches.KINDS.items():
        block = branches.Block(kind, branches.WIDTH)
        begins_at_zero = kind.alpha or bool(kind.zero)
        assert begins_at_zero == torch.equal(block(x), x), name


def test_a_zero_weight_before_batch_norm_multiplies_its_gradient():
    for eps in (1e-5, 1e-3):
        found = branches.zero_before_norm(11, eps)
        assert found["ratio"] == pytest.approx(found["theory"], rel=0.1)


def test_what_the_text_says_of_the_branches():
    found = stored.load("branches", "branches")
    assert np.isnan(found["skips: accuracy"]).all()
    without = [name for name, kind in branches.KINDS.items() if not kind.skip]
    with_norm = found["skips, batch norm: accuracy"]
    assert all((np.nan_to_num(found[f"{name}: accuracy"]) < 0.52).all() for name in without)
    assert (with_norm >= 0.89).all()
    scaled = found["skips, branch × 1/√15: accuracy"]
    assert (abs(with_norm - scaled) <= 0.031).all()
    gamma, weight = (found[f"skips, batch norm, last {what}: accuracy"] for what in ("γ = 0", "layer 0"))
    assert ((weight - gamma)[:, 0] > 0.06).all()


def test_sizes_and_counts_are_those_of_torch():
    for convs in net_costs.BLOCKS.values():
        found = net_costs.totals(convs, 14, COUNTS)
        net = net_costs.built(convs)
        assert found["parameters"] == sum(p.numel() for p in net.parameters())
        assert net(torch.zeros(1, 256, 14, 14)).shape[-1] == found["side of the last map"]


def test_a_field_ends_where_the_receptive_field_does():
    field = net_costs.field_of(4, 0)
    assert len(field) == receptive_field([Conv(1, 1, 3)] * 4) and field.sum() == pytest.approx(1)
    assert (field[0] > 0).any() and net_costs.width_of(field) <= len(field)


def test_the_model_design_fits_its_budget(capsys):
    separable = net_costs.separable
    design = [Conv(3, 16, 3, 2, 1, norm=True), *separable(16, 32, 2), *separable(32, 64, 2), *separable(64, 64)]
    design += [*separable(64, 128, 2), *separable(128, 128)]
    found = net_costs.totals(design, net_costs.SIDE, COUNTS)
    assert (found["parameters"], found["FLOPs"], found["receptive field"]) == (35_872, 6_658_560, 79)
    net_costs.judge_design(design, COUNTS)
    assert "no" not in [cell.strip() for line in capsys.readouterr().out.splitlines() for cell in line.split("  ")]


def test_equal_parameters_in_all_depths():
    nets = [net_costs.MLP([64, *[width] * depth, 10]) for depth, width in net_costs.SHAPES.items()]
    counts = [sum(p.numel() for p in net.parameters()) for net in nets]
    assert max(counts) / min(counts) < 1.08
