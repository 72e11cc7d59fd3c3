"""The stored plane is what its command computes."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from helpers.experiments import fair, rate_batch_plane, rate_batch_plane_seeds
from helpers.lab.training import train
from helpers.widgets.playground import outcome
from helpers.widgets.playground import plane as playground

FILE = Path(rate_batch_plane.__file__).with_name(rate_batch_plane.FILE)


def again(task, lrs, batch_sizes):
    """Two random cells of the plane computed again: the stored and the new one, as {kind: {net: losses}}."""
    chance = random.Random()
    lrs, size = sorted(chance.sample(lrs, 2)), chance.choice(batch_sizes)
    stored, found = rate_batch_plane.load(task), rate_batch_plane_seeds.compute(task, lrs, [size])
    row, columns = stored.batch_sizes.index(size), [stored.lrs.index(lr) for lr in lrs]
    kinds = ("median", "low", "high")
    cells = {kind: {name: getattr(stored, kind)[name][row, columns] for name in fair.NETS} for kind in kinds}
    return cells, {kind: {name: getattr(found, kind)[name][0] for name in fair.NETS} for kind in kinds}


@pytest.mark.parametrize("task", fair.FAIR)
def test_a_random_part_where_training_is_tame(task):
    """Relative changes of the initial weights by 3e-7 move these medians by at most 5 %."""
    stored, found = again(task, rate_batch_plane.LRS[:4], [32, 64, 128, 256])
    for name in fair.NETS:
        np.testing.assert_allclose(found["median"][name], stored["median"][name], rtol=0.15, err_msg=name)


@pytest.mark.parametrize("task", fair.FAIR)
@pytest.mark.parametrize("part", ["tiny batches", "large rates"])
def test_a_random_part_where_training_is_chaotic(task, part):
    """Rounding decides single runs there; the new median lies near the stored range."""
    tiny = part == "tiny batches"
    stored, found = again(
        task, rate_batch_plane.LRS if tiny else rate_batch_plane.LRS[4:], [2, 4, 8, 16] if tiny else [32, 64]
    )
    for name in fair.NETS:
        assert (found["median"][name] >= 0.4 * stored["low"][name]).all(), name
        assert (found["low"][name] <= 2.5 * stored["high"][name]).all(), name


@pytest.mark.parametrize("task", fair.FAIR)
def test_a_live_run_is_the_first_seed_of_its_cell(task):
    split, lr, size = fair.FAIR[task](), 0.1, 64
    found = fair.over_learning_rates(nn.BatchNorm1d, (lr,), size, task, seeds=(0,))
    sizes = fair.widths(split.X_train.shape[1], 1 if task == "sine" else 10)
    for name, make in fair.makers(nn.BatchNorm1d, sizes, fair.HEAD_SCALE).items():
        _, history = train(make, split, lr=lr, batch_size=size, steps=fair.STEPS)
        assert found[name].test_loss.item() == pytest.approx(history.test_loss[-1], rel=0.05)


def test_the_file_says_how_it_was_made_and_is_small():
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    assert stored["command"] == rate_batch_plane_seeds.COMMAND and stored["torch"] and stored["numpy"]
    assert stored["seeds"] == len(rate_batch_plane.SEEDS) >= 5 and stored["steps"] == fair.STEPS
    assert FILE.stat().st_size < 50_000


@pytest.mark.parametrize("task", fair.FAIR)
def test_what_the_text_says_of_it(task):
    found = rate_batch_plane.load(task)
    assert (found.lrs, found.batch_sizes) == (rate_batch_plane.LRS, rate_batch_plane.BATCH_SIZES)
    for low, middle, high in zip(*(getattr(found, k).values() for k in ("low", "median", "high")), strict=True):
        assert middle.shape == (8, 7) and (low <= middle).all() and (middle <= high).all()
    he, batch = found.median["none, He"], found.median["batch"]
    assert (he[0].min() < batch[0].min()) and (he[5].min() > batch[5].min())
    assert np.isinf(he[:, -1]).all() and np.isfinite(batch).all()


def test_the_text_of_notebook_03():
    sine, digits = rate_batch_plane.load("sine"), rate_batch_plane.load("digits")
    best = {name: sine.median[name].min(axis=1) for name in ("none, He", "batch")}
    assert (best["none, He"][:2] < best["batch"][:2]).all() and (best["batch"][3:] < 0.7 * best["none, He"][3:]).all()
    assert (sine.median["none, He"] < sine.median["batch"])[-2:, 3:5].all()
    assert sine.median["batch"][0].min() > 0.95 * fair.fair_data().y_test.var(correction=0).item()
    at = dict(zip(digits.lrs, zip(*rate_batch_plane.winners(digits), strict=True), strict=True))
    assert set(at[0.1][1:]) == {"He"} and set(at[1.0][1:]) == set(at[3.0][1:]) == {"BN"}


@pytest.mark.parametrize("task", fair.FAIR)
def test_each_cell_is_counted_once(task):
    plane = rate_batch_plane.load(task)
    named = [word for row in rate_batch_plane.winners(plane) for word in row if word in ("He", "BN")]
    assert sum(map(sum, rate_batch_plane.counts(plane).values())) == len(named)


@pytest.mark.parametrize("task", fair.FAIR)
def test_the_map_says_what_the_playground_says(task):
    plane, rivals = rate_batch_plane.load(task), (("none", "he"), ("batch", "default"))
    said = [
        [playground.cell(plane, "", rivals, task, row, column).text for column in range(len(plane.lrs))]
        for row in range(len(plane.batch_sizes))
    ]
    assert said == rate_batch_plane.winners(plane)
    mine = rate_batch_plane.STALLED, rate_batch_plane.TINT, rate_batch_plane.CLEARLY
    assert mine == (outcome.STALLED, playground.TINT, playground.CLEARLY)


def test_another_task_is_refused():
    with pytest.raises(ValueError, match="'cats'"):
        rate_batch_plane.load("cats")
