"""Notebook 09's live picture: it follows its controls, and says in words what it draws."""

import math

from helpers.experiments.first_signal import LAYERS, live
from helpers.widgets import gain_explorer


def test_the_picture_follows_gain_and_activation():
    explorer = gain_explorer.GainExplorer()
    first, words = explorer.view.value, explorer.text.value
    explorer.gain.value = 1.42
    assert explorer.view.value != first and explorer.text.value != words and "Gain 1.42" in explorer.text.value
    second = explorer.view.value
    explorer.activation.value = "tanh"
    assert explorer.view.value != second
    assert second.count("<polyline") == 2


def test_it_dies_at_the_default_and_lives_at_the_gain_of_relu():
    dead, alive = live("ReLU", 0.58), live("ReLU", math.sqrt(2))
    assert dead.signal[-1] < 1e-20 and dead.gradient[0] / dead.gradient[-1] < 1e-20
    assert 0.01 < alive.signal[-1] < 10 and 0.1 < alive.gradient[0] / alive.gradient[-1] < 10
    assert len(alive.signal) == LAYERS


def test_every_activation_of_the_list_is_known():
    for name in gain_explorer.NAMES:
        assert live(name, 1.0).signal[0] > 0
