"""The landscape explorer without a browser: what it trains, remembers, draws and says."""

import re
import time

import pytest
import torch

from helpers.experiments.along_step import along
from helpers.widgets import landscape
from helpers.widgets.landscape import FACTORS, NETS, Explorer


@pytest.fixture(scope="module")
def explorer():
    found = Explorer()
    found.update()
    return found


def said(explorer):
    return re.sub("<.*?>", "", explorer.text.value)


def test_the_frame_stands_before_anything_is_trained():
    found = Explorer()
    assert "<svg" in found.view.value and "<circle" not in found.view.value and found.text.value == ""
    assert all(list(training.kept) == [0] for training in found.training.values())


def test_a_later_step_trains_on_and_an_earlier_one_is_kept(explorer):
    explorer.step.value = 80
    later = said(explorer)
    explorer.step.value = 20
    assert "After 20 steps" in said(explorer) and max(explorer.training["batch, he"].kept) >= 80
    explorer.step.value = 80
    assert said(explorer) == later


def test_what_was_seen_is_remembered(explorer):
    explorer.step.value, explorer.scale.value = 60, 2.0
    start = time.perf_counter()
    explorer.step.value = 40
    explorer.step.value = 60
    explorer.length.value = 2.5
    assert time.perf_counter() - start < 1.0
    explorer.scale.value = 1.0


def test_the_numbers_are_those_of_the_net(explorer):
    explorer.step.value, explorer.length.value, explorer.scale.value = 40, 3.0, 1.0
    training = explorer.training["batch, he"]
    rows = training.order[40]
    seen = along(training.kept[40], training.split.X_train[rows], training.split.y_train[rows], factors=(3.0,))
    assert explorer.looks["batch, he"].losses[FACTORS.index(3.0)] == pytest.approx(float(seen.losses[0]), rel=1e-4)
    assert f"{seen.losses[0]:.3g}" in explorer.table.value and explorer.view.value.count("<circle") == 2 * len(NETS)


def test_other_weights_are_another_landscape_at_the_same_loss(explorer):
    explorer.step.value, explorer.length.value, explorer.scale.value = 40, 1.0, 1.0
    one = explorer.looks["batch, he"]
    explorer.scale.value = 4.0
    four = explorer.looks["batch, he"]
    assert four.loss == pytest.approx(one.loss, rel=1e-2) and four.changes.max() < one.changes.max()
    explorer.scale.value = 1.0


def test_no_step_is_no_change(explorer):
    explorer.length.value = 0.0
    assert "–" in explorer.table.value
    explorer.length.value = 1.0


def test_random_numbers_and_threads_of_the_caller_are_left_alone():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    Explorer().update()
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_the_picture_has_both_panels(explorer):
    figure = landscape.picture(explorer.looks, 40, 1.0)
    assert [ax.get_xlabel() for ax in figure.axes] == ["along the step (learning rates)"] * 2
