"""Notebook 07's stored runs are what their command computes, and hold what the text says of them."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.experiments import other_layer as lab
from helpers.experiments import stored
from helpers.lab.data import digits

FILE = Path(lab.__file__).with_suffix(".json")
NO_VARIANCE, NO_MEAN = list(lab.PATHS)[1:3]


def kept(axis, name, what):
    unit = 100 if what == "accuracy" else 1
    return unit * stored.load(lab.FILE, f"{axis}: {name}")[what]


def test_a_random_part_is_computed_again():
    start = random.randrange(10**6)
    print(f"random.Random({start})")
    chance = random.Random(start)
    seed, name, place = chance.choice(list(lab.SEEDS)), chance.choice(list(lab.PATHS)), chance.choice((0, 1, 2))
    losses, accuracy = lab.run(digits(), name, seed, rate=lab.RATES[place])
    assert lab.last(losses) == pytest.approx(kept("rate", name, "loss")[seed, place], abs=0.15)
    assert 100 * accuracy == pytest.approx(kept("rate", name, "accuracy")[seed, place], abs=8)


def test_the_file_says_how_it_was_made_and_is_small():
    found = json.loads(FILE.read_text(encoding="utf-8"))
    assert found["command"] == f"python -m {lab.__name__}" and found["torch"] and found["numpy"]
    runs = {f"{axis}: {name}" for axis in ("rate", "depth") for name in lab.NETS}
    assert found["results"].keys() == runs | {f"cosine: {name}" for name in (lab.START, lab.RIGHT, lab.GUESS)}
    assert FILE.stat().st_size < 20_000


@pytest.mark.parametrize("name", lab.PATHS)
def test_the_forward_pass_is_torchs(name):
    ours, theirs = lab.GuessedBatchNorm(4, lab.PATHS[name]), nn.BatchNorm1d(4)
    x = 2 + 3 * torch.randn(16, 4)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", lab.PATHS)
def test_only_the_layer_with_all_paths_passes_gradcheck(name):
    layer = lab.GuessedBatchNorm(3, lab.PATHS[name]).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x, raise_exception=False) is (name == lab.RIGHT)


def test_the_text_of_notebook_07(capsys):
    right, guess = kept("rate", lab.RIGHT, "accuracy"), kept("rate", lab.GUESS, "accuracy")
    no_mean, no_variance = kept("rate", NO_MEAN, "accuracy"), kept("rate", NO_VARIANCE, "accuracy")
    assert (no_mean < right)[:, :3].all()
    assert np.median((right - no_mean)[:, 1]) == pytest.approx(8, abs=1)
    lost = right - no_variance
    assert ((lost > 0).sum(0)[:3] == (8, 6, 6)).all() and np.median(lost[:, 0]) == pytest.approx(1, abs=0.3)
    assert ((no_mean < guess)[:, 2]).sum() == 8 and np.median((right - guess)[:, 0]) == pytest.approx(7, abs=0.5)
    assert ((guess < no_mean).sum(0)[:2] >= 9).all() and guess[0, 1] == guess[:, 1].min()
    higher = kept("rate", NO_VARIANCE, "loss") - kept("rate", lab.RIGHT, "loss")
    assert (higher > 0)[:, :3].all() and ((np.median(higher, 0)[:3] > 0.005) & (np.median(higher, 0)[:3] < 0.05)).all()
    assert (guess[:, 3:] > guess[:, :3]).all()
    assert np.median((right - guess)[:, 3]) == pytest.approx(3, abs=1)
    assert np.median((right - guess)[:, 1]) == pytest.approx(13, abs=1)
    control = kept("rate", lab.CONTROL, "accuracy")[:, 3]
    assert np.isnan(control).sum() == 2 and np.nanmax(control) < 50
    shallow, deep = (kept("depth", lab.RIGHT, "accuracy") - kept("depth", lab.GUESS, "accuracy"))[:, [0, 3]].T
    assert (shallow > 0).sum() == 8 and np.median(shallow) == pytest.approx(0.5, abs=0.2)
    assert np.median(deep) == pytest.approx(36, abs=1)
    assert (kept("depth", NO_VARIANCE, "accuracy") < kept("depth", lab.RIGHT, "accuracy"))[:, 1].sum() == 9
    lab.rates_table(), lab.paired_table("rate", "loss"), lab.depths_table(), lab.paired_table("depth", "accuracy")
    lab.cosines_table(), capsys.readouterr(), lab.forward_table()
    assert max(float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[2:]) < 1e-6


def test_the_text_of_the_cosines():
    start, right, guess = (kept("cosine", name, "cosine")[:, :-1] for name in (lab.START, lab.RIGHT, lab.GUESS))
    assert (np.diff(start, axis=1) > 0).sum(0).min() >= 9
    assert 0.45 < right.min() < right.max() < 0.8 and guess.max() < 0.5 and (guess < right).all()


def test_the_guess_points_elsewhere_in_the_layers_below_a_norm():
    cosines = lab.cosines(lab.make_net(lab.RIGHT), digits())
    assert cosines[-1] == pytest.approx(1) and max(cosines[:-1]) < 0.98
