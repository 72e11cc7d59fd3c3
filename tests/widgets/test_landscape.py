"""The landscape explorer without a browser: what it trains, remembers, draws and says."""

import re
import time

import ipywidgets as widgets
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


@pytest.mark.parametrize(("name", "typed", "place"), [("step", 140, 140), ("step", 133, 140), ("length", 0.3, 0.25)])
def test_a_typed_number_is_drawn_or_becomes_the_nearest_that_is(explorer, name, typed, place):
    explorer.step.value, explorer.length.value = 40, 1.0
    slider = getattr(explorer, name)
    for _ in range(2):  # the second time the slider stands there already, and must be told so again
        slider.set_state({"value": typed})  # as a front end does
        assert slider.value == place
        step, length = explorer.step.value, explorer.length.value
        assert said(explorer).startswith(f"After {step} steps of training, {length:g} × the learning rate")
    explorer.length.value = 1.0


def test_every_place_of_a_slider_can_be_drawn(explorer):
    for slider, places in ((explorer.step, landscape.PLACES), (explorer.length, FACTORS)):
        assert places == tuple(slider.min + i * slider.step for i in range(len(places))) and places[-1] == slider.max


def test_the_step_and_the_scale_are_heard_as_they_are_shown(explorer):
    assert explorer.step.readout and isinstance(explorer.step, widgets.IntSlider)
    assert isinstance(explorer.scale, widgets.Dropdown) and dict(explorer.scale.options) == landscape.SCALES


def test_it_says_at_once_that_it_computes_and_dims_what_is_no_longer_chosen(monkeypatch):
    found = Explorer()
    found.step.value = 20
    circles, shown = re.findall("<circle.*?>", found.view.value), []

    def look(name, step, scale, look=found.look):
        if (name, step, scale) not in found.seen:
            assert re.findall("<circle.*?>", found.view.value) == circles and "bn-wait" in found.box._dom_classes
            shown.append("training step 60, weights × 1: computing …" in found.view.value)
        return look(name, step, scale)

    monkeypatch.setattr(found, "look", look)
    found.step.value = 60
    assert shown == [True] * len(NETS)
    assert "bn-wait" not in found.box._dom_classes and "computing" not in found.view.value
    assert ".bn-wait polyline" in found.view.value


def test_what_is_remembered_is_not_announced(explorer):
    explorer.step.value, explorer.scale.value = 40, 1.0
    explorer.step.value = 20
    drawn = []
    explorer.view.observe(lambda change: drawn.append(change["new"]), "value")
    explorer.step.value = 40
    assert len(drawn) == 1 and "computing" not in drawn[0]


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
    assert explorer.view.value.count("<circle") == len(NETS)  # a change of 0 has no place on a log axis
    explorer.length.value = 1.0


def test_random_numbers_and_threads_of_the_caller_are_left_alone():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    Explorer().update()
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_the_picture_has_both_panels(explorer):
    figure = landscape.picture(explorer.looks, 40, 1.0)
    assert [ax.get_xlabel() for ax in figure.axes] == ["along the step (learning rates)"] * 2
