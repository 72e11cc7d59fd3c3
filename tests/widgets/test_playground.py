"""The playground without a browser: what it trains, remembers, says, and leaves alone."""

import re
import time
import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from helpers.widgets import picture as show_picture
from helpers.widgets import playground as module
from helpers.widgets.playground import Playground, picture, playground


@pytest.fixture(scope="module")
def shared():
    return Playground(nn.BatchNorm1d)


def lines(widget):
    return re.findall(r"<div>(.*?)</div>", widget.numbers.value)


def test_numbers_follow_the_sliders(shared):
    shared.lr.value, shared.batch.value = 0.3, 64
    said = lines(shared)
    assert said[0] == "Learning rate 0.3, batch size 64, after 200 steps:"
    assert [line.partition(":")[0] for line in said[1:]] == list(module.NETS.values())
    assert all(re.search(r"training loss \S+, held-out loss \S+\.$", line) for line in said[1:])
    assert 'class="bn-numbers" role="status"' in shared.numbers.value


def test_typed_values_are_rounded_as_they_are_shown(shared):
    shared.lr.value, shared.batch.value = 0.12345, 5.4
    assert shared.position == (0.12, 5)


def test_a_position_is_trained_once_and_is_the_same_again(shared, monkeypatch):
    shared.lr.value, shared.batch.value = 0.1, 8
    first = shared.numbers.value
    shared.batch.value = 4
    monkeypatch.setattr(shared, "_train", lambda position: pytest.fail(f"trained {position} again"))
    shared.batch.value = 8
    assert shared.numbers.value == first


def test_curves_are_redrawn_while_the_nets_train(shared):
    frames = []
    shared.view.observe(lambda change: frames.append(change.new), "value")
    shared.lr.value = 0.2
    assert len(set(frames)) >= 2
    assert all(ET.fromstring(frame).tag == "svg" for frame in frames)
    points = [frame.count(",") for frame in frames]
    assert points == sorted(points)


def test_divergence_is_said_in_words(shared):
    shared.lr.value, shared.batch.value = 3.0, 32
    assert re.fullmatch(r"no norm, He init: diverged at step \d+\.", lines(shared)[2])


def test_random_state_and_threads_are_left_alone(shared):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    shared.lr.value = 0.017
    assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()


class Broken(nn.Module):
    calls = 0

    def __init__(self, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features))

    def forward(self, x):
        Broken.calls += 1
        if Broken.calls > 40:
            raise ValueError("3 < 4 & so on")
        return x * self.gamma


def test_an_exception_of_the_layer_is_a_sentence_and_the_others_go_on():
    said = lines(Playground(Broken))
    assert said[-1] == "batch norm: stopped: its layer raised ValueError: 3 &lt; 4 &amp; so on."
    assert "held-out loss" in said[1] and "held-out loss" in said[2]


class Slow(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        time.sleep(0.01)
        return x


def test_a_slow_layer_is_stopped_and_the_others_go_on():
    said = lines(Playground(Slow, patience=0.8))
    assert re.fullmatch(r"batch norm: stopped at step \d+, after 0.8 seconds\.", said[-1])


def test_a_failure_of_the_playground_itself_is_said(shared, monkeypatch):
    monkeypatch.setattr(module, "draw", lambda *_: 1 / 0)
    shared.lr.value = 0.011
    assert lines(shared) == ["The playground stopped: ZeroDivisionError: division by zero."]


def test_classes_for_style_and_tests(shared):
    found = [w._dom_classes for w in (shared.box, shared.lr, shared.batch, shared.view)]
    assert found == [("bn-playground",), ("bn-lr",), ("bn-batch",), ("bn-curves",)]


def test_widget_and_picture_are_one_output(monkeypatch):
    shown = []
    monkeypatch.setattr(show_picture, "display", lambda data, raw, metadata: shown.append((data, raw, metadata)))
    playground(nn.BatchNorm1d)
    ((data, raw, metadata),) = shown
    assert raw and set(data) == {show_picture.VIEW, "image/png", "text/plain"}
    assert data["text/plain"] == module.ALT == metadata["image/png"]["alt"]


def test_the_picture_says_what_the_widget_says(shared):
    shared.lr.value, shared.batch.value = 0.3, 64
    figure = picture(shared.seen[shared.position], shared.position)
    assert figure.get_supxlabel().splitlines() == lines(shared)
