"""Notebook 08: the stored results are what their command computes, and hold what the text says of them."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.fold import fold_conv, fold_linear
from helpers.experiments import effective_rate, production_seeds, serving, shards, stored
from helpers.experiments.effective_rate import PAIRS, Setting

FILES = production_seeds.FILES
FAST = [(file, f) for file, experiments in FILES.items() for f in experiments if f is not effective_rate.turning]


def test_a_random_part_is_computed_again():
    start = random.randrange(10**6)
    print(f"random.Random({start})")
    chance = random.Random(start)
    (file, experiment), seed = chance.choice(FAST), chance.choice(list(production_seeds.SEEDS))
    found = stored.load(file, experiment.__name__)
    for key, value in experiment(seed).items():
        loose = key.startswith(("two devices, 4", "error", "one device, 4"))
        np.testing.assert_allclose(found[key][seed], value, rtol=0.15, atol=4.0 if loose else 1.5, err_msg=key)


def test_one_run_of_the_slow_experiment_is_computed_again():
    how, seed = Setting("SGD", 0.1, 0.02), random.choice(list(production_seeds.SEEDS))
    split = effective_rate.with_noise(effective_rate.digits(), seed)
    runs = list(effective_rate.trained(split, seed, how, 2000))
    angle = np.median([angle for *_, angle in runs[-500:]])
    assert angle == pytest.approx(stored.load("effective_rate", "turning")[f"angle: {how}"][seed], rel=0.03)


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_how_it_was_made_and_is_small(file):
    path = Path(production_seeds.__file__).with_name(f"{file}.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["command"] == f"python -m {production_seeds.__name__}" and kept["torch"] and kept["numpy"]
    assert kept["results"].keys() == kept["seeds"].keys() == {f.__name__ for f in FILES[file]}
    assert all(seeds == list(production_seeds.SEEDS) for seeds in kept["seeds"].values())
    assert path.stat().st_size < 30_000


def test_a_step_of_sgd_turns_the_weight_as_the_formula_says():
    found = stored.load("effective_rate", "turning")
    for lr, decay in PAIRS["SGD"][:3]:
        ratio = found[f"angle: {Setting('SGD', lr, decay)}"] / math.sqrt(2 * lr * decay)
        assert (abs(ratio - 1) < 0.03).all()
        assert (found[f"angle: {Setting('SGD', lr, decay, False)}"] < 0.9 * math.sqrt(2 * lr * decay)).all()


def test_parts_are_what_torchs_layer_does_with_each_part_alone():
    layer, theirs = shards.InParts(3, 2).double(), nn.BatchNorm1d(3).double()
    x = torch.randn(8, 3).double()
    assert torch.allclose(layer(x), torch.cat([theirs(part) for part in x.chunk(2)]))
    assert torch.allclose(shards.InParts(3, 1).double()(x), nn.BatchNorm1d(3).double()(x))
    first, alone = shards.InParts(3, 2, first=True).double(), nn.BatchNorm1d(3).double()
    first(x), alone(x[:4])
    assert torch.allclose(first.running_var, alone.running_var)


def test_three_names_are_one_computation():
    whole, two, *same = shards.one_step().values()
    assert all((g - two).abs().max() < 1e-12 for g in same) and (whole - two).abs().max() > 0.01


def test_a_folded_net_answers_as_the_net():
    net = serving.filled(serving.convolutions(depthwise=True)).double()
    folded = serving.fold_net(net, fold_linear, fold_conv)
    x = torch.randn(2, 3, 8, 8).double()
    assert torch.allclose(folded(x), net(x), atol=1e-10)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded)


def test_the_opening_shows_what_the_text_says():
    split = serving.digits(torch.float64)
    (net,) = serving.trained(split, [0])
    _, right = serving.answers(net, split)
    assert right[7].all() and all(0.3 < right[c].mean() < 0.7 for c in (0, 1))
    alone = net.eval()(split.X_test[: serving.CUSTOMERS]).argmax(1) == split.y_test[: serving.CUSTOMERS]
    assert (~alone).nonzero().flatten().tolist() == [3]


def test_more_decay_helps_adamw_in_front_of_batch_norm_in_every_seed():
    found = stored.load("effective_rate", "turning")
    without, more = (found[f"accuracy: {Setting('AdamW', 0.01, decay)}"] for decay in (0.0, 0.8))
    assert (more - without > 0.03).all()
