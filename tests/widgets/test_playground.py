"""The playground without a browser: what it trains, remembers, asks, says, and leaves alone."""

import math
import random
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.batchnorm1d import SUSPECTS, BatchNorm1d
from helpers.experiments import rate_batch_plane
from helpers.widgets import parts
from helpers.widgets.playground import Playground, drawing, panel, playground, training
from helpers.widgets.playground.drawing import LOOKS
from helpers.widgets.playground.panel import corner, trained_with
from helpers.widgets.playground.setting import NORMS, TASKS, Setting


@pytest.fixture(scope="module")
def shared():
    """A playground that does not ask for guesses."""
    found = Playground(patience=60)
    found.predict.value = False
    return found


@pytest.fixture
def asking():
    return Playground(patience=60)


def lines(widget):
    return [re.sub("<.*?>", "", line) for line in re.findall(r"<div>(.*?)</div>", widget.numbers.value)]


def svg(widget):
    """The SVG in an HTML widget, parsed; it must be well-formed."""
    return ET.fromstring(re.match(r"<svg.*</svg>", widget.value, re.DOTALL)[0])


def test_numbers_follow_the_sliders(shared):
    shared.lr.value, shared.batch.value = 0.3, 64
    said = lines(shared)
    assert said[0].startswith("Learning rate 0.3, batch size 64, after 200 steps: ")
    assert [line.partition(":")[0] for line in said[1:4]] == ["No norm, default init", "No norm, He init", "Batch norm"]
    assert all(re.search(r"training loss \S+, held-out loss \S+\.$", line) for line in said[1:4])
    assert said[4].startswith("Why? ")
    assert said[-1].startswith(
        f"Median and range of {rate_batch_plane.load().seeds} seeds, held-out loss: no norm, default init "
    )
    assert 'class="bn-numbers" role="status"' in shared.numbers.value


def test_typed_values_are_rounded_as_they_are_shown(shared):
    shared.lr.value, shared.batch.value = 0.12345, 5.4
    assert (shared.setting.lr, shared.setting.batch_size) == (0.1, 5)


def test_slider_positions_are_those_of_the_plane_and_half_way_between(shared):
    exponents = [shared.lr.min + shared.lr.step * i for i in range(13)]
    assert {float(f"{10**e:.1g}") for e in exponents} >= set(rate_batch_plane.load().lrs)
    assert {2**e for e in range(1, 9)} == set(rate_batch_plane.load().batch_sizes)


def test_a_setting_is_trained_once_and_is_the_same_again(shared, monkeypatch):
    shared.lr.value, shared.batch.value = 0.1, 64
    first = shared.numbers.value, shared.curves.value
    shared.batch.value = 128
    monkeypatch.setattr(shared, "_train", lambda setting: pytest.fail(f"trained {setting} again"))
    shared.batch.value = 64
    assert (shared.numbers.value, shared.curves.value) == first


def test_curves_are_redrawn_while_the_nets_train(shared, monkeypatch):
    monkeypatch.setattr(panel, "REFRESH", 0.0)
    frames = []
    shared.curves.observe(lambda change: frames.append(change.new), "value")
    shared.lr.value = 0.2
    shared.curves.unobserve_all()
    assert len(set(frames)) >= 10
    assert all(ET.fromstring(frame).tag == "svg" for frame in frames)
    points = [frame.count(",") for frame in frames]
    assert points == sorted(points)


def test_every_control_behind_more_changes_what_is_trained():
    widget = Playground(patience=60)
    widget.predict.value = False
    for control, value in (("depth", 2), ("init", "he"), ("second", "group"), ("first", "layer"), ("seed", 3)):
        before = widget.setting
        getattr(widget, control).value = value
        assert widget.setting != before and widget.setting in widget.seen
    widget.task.value = "digits"
    assert "digits, cross-entropy, depth 2, seed 3" in lines(widget)[0]
    said = " ".join(lines(widget))
    assert "Layer norm, He init: " in said and "Group norm, He init: " in said and "held-out accuracy 0." in said
    assert "No medians are known" in widget.map.value


@pytest.mark.parametrize("which", [key for key in LOOKS if key])
def test_the_third_panel_is_drawn_on_demand_without_training(shared, which, monkeypatch):
    shared.lr.value, shared.batch.value = 0.3, 64
    monkeypatch.setattr(shared, "_train", lambda setting: pytest.fail("trained again"))
    shared.look.value = which
    assert svg(shared.third).attrib["aria-label"].startswith(LOOKS[which])
    shared.look.value = ""
    assert shared.third.value == ""


def test_divergence_is_drawn_and_named(shared):
    shared.lr.value, shared.batch.value = 3.0, 32
    step = re.fullmatch(r"No norm, He init: diverged at step (\d+)\.", lines(shared)[2])[1]
    assert f"no norm, He init: diverged at step {step}" in "".join(svg(shared.curves).itertext())


# --- the map --------------------------------------------------------------------------------------------------------


def test_each_run_drops_a_dot_and_a_ring_shows_where_the_learner_stands(shared):
    shared.lr.value, shared.batch.value = 0.3, 64
    rings = [c for c in svg(shared.map).iter() if c.get("stroke") == drawing.RING]
    dots = shared.map.value.count('r="4.2"') + shared.map.value.count('stroke="#222" stroke-width="2"')
    runs = [s for s in shared.seen if panel.set_up(s) == panel.set_up(Setting())]
    assert len(rings) == 1 and dots == len(runs)
    shared.lr.value = 1.0
    assert [c.get("cx") for c in svg(shared.map).iter() if c.get("stroke") == drawing.RING] != [rings[0].get("cx")]


def test_the_map_tells_each_cell_with_its_spread(shared):
    shared.shows.value = ""
    titles = [t.text for t in svg(shared.map).iter() if t.tag.endswith("title")]
    found = rate_batch_plane.load()
    assert len(titles) == len(found.lrs) * len(found.batch_sizes)
    pattern = r"learning rate \S+, batch size \d+: batch norm .+ \(.+ to .+\), no norm, He init .+ \(.+\); \d+ seeds"
    assert all(re.fullmatch(pattern, title) for title in titles)
    shared.shows.value = "batch"
    assert "held-out loss: batch norm" in svg(shared.map).attrib["aria-label"]
    shared.shows.value = ""


@pytest.mark.parametrize(("lr", "batch_size"), [(0.1, 32), (0.3, 128)])
def test_a_live_run_is_a_member_of_the_plane(lr, batch_size):
    setting = Setting(lr=lr, batch_size=batch_size)
    with training.undisturbed():
        *_, traces = training.run(setting, nn.BatchNorm1d, patience=60)
    found = rate_batch_plane.load()
    at = found.batch_sizes.index(batch_size), found.lrs.index(lr)
    for name, kind in (("none", ("none", "default")), ("none, He", ("none", "he")), ("batch", ("batch", "default"))):
        assert found.low[name][at] * 0.99 <= traces[kind].test[-1] <= found.high[name][at] * 1.01


# --- predict first --------------------------------------------------------------------------------------------------


def test_a_new_corner_asks_before_it_trains_and_keeps_count(asking):
    asking.lr.value = 1.0
    assert "Predict first" in asking.question.value and asking.buttons.layout.display == "flex"
    assert asking.setting not in asking.seen and "waiting for your guess" in lines(asking)[0]
    texts = [button.description for button in asking.answers]
    assert texts == ["batch norm wins", "about the same", "no norm, He init wins", "both fail"]
    asking.answers[0].click()
    assert asking.setting in asking.seen and asking.buttons.layout.display == "none"
    assert asking.question.value == "Right. 1 of 1 guesses were right."
    asking.answers[0].click()
    assert asking.guesses == [True], "a double click is one guess"
    asking.lr.value = 0.003
    asking.answers[0].click()
    said = "Not this time: you said “batch norm wins”. 1 of 2 guesses were right."
    assert asking.question.value == said


def test_a_guess_blocks_nothing(asking):
    asking.lr.value = 1.0
    asking.lr.value = 2.0
    assert asking.setting.lr == 2.0 and asking.setting in asking.seen, "a second move in the same corner trains"
    asking.batch.value = 4
    asking.skip.click()
    assert asking.setting in asking.seen and asking.guesses == []
    asking.lr.value = 0.3
    assert "waiting" in lines(asking)[0]
    asking.batch.value = 32
    assert "after 200 steps" in lines(asking)[0] and asking.buttons.layout.display == "none"
    asking.batch.value = 4
    asking.predict.value = False
    assert asking.setting in asking.seen and asking.buttons.layout.display == "none"


def test_corners_are_veiled_until_they_were_visited(asking):
    def shown():
        return sum(":" in t.text for t in svg(asking.map).iter() if t.tag.endswith("title"))

    assert shown() == 2 * 5
    asking.lr.value = 1.0
    assert shown() == 2 * 5
    asking.answers[1].click()
    assert shown() == 4 * 5
    asking.predict.value = False
    assert shown() == 7 * 8


# --- the learner's layer --------------------------------------------------------------------------------------------


WRONG = next(s.make for s in SUSPECTS["batchnorm1d"] if s.id == "momentum_swapped")


class Unfinished(nn.Module):
    def __init__(self, features):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("layer", "used", "said"),
    [
        (None, nn.BatchNorm1d, "Batch norm here is torch.nn.BatchNorm1d: no class was given."),
        (BatchNorm1d, BatchNorm1d, "Batch norm here is your BatchNorm1d: it passes the six checks"),
        (WRONG, WRONG, "Batch norm here is your own class, although your BatchNorm1d fails check “4"),
        (Unfinished, nn.BatchNorm1d, "Batch norm here is torch.nn.BatchNorm1d: your Unfinished is not written yet"),
    ],
)
def test_it_says_which_layer_is_running(layer, used, said, capsys):
    found, sentence = trained_with(layer)
    assert found is used and sentence.startswith(said)
    assert capsys.readouterr() == ("", "")


def test_the_learners_own_class_is_trained():
    made = []

    class Mine(BatchNorm1d):
        def __init__(self, features):
            super().__init__(features)
            made.append(features)

    widget = Playground(Mine)
    made.clear()
    widget.batch.value = 64
    assert made == [64] * 12, "six for a look at the start, six to train"


class Broken(nn.Module):
    calls = 0

    def __init__(self, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features))

    def forward(self, x):
        Broken.calls += 1
        if Broken.calls > 60:
            raise ValueError("3 < 4 & so on")
        return x * self.gamma


def test_an_exception_of_the_layer_is_a_sentence_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(panel, "judged", lambda layer: (False, "your Broken fails check 1"))
    said = lines(Playground(Broken))
    assert said[3].startswith("Batch norm: stopped: its layer raised ValueError: 3 &lt; 4 &amp; so on (line")
    assert "held-out loss" in said[1] and "held-out loss" in said[2]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (3, "TypeError"),
        (lambda features: lambda x: x, "TypeError"),
        (lambda features: nn.Linear(features, 3), "RuntimeError"),
    ],
)
def test_what_is_no_layer_is_a_sentence(layer, said):
    widget = Playground(layer)
    assert f"Batch norm: stopped: its layer raised {said}" in lines(widget)[3]
    widget.batch.value = 64
    assert "held-out loss" in lines(widget)[2], "it lives on"


class Odd(nn.BatchNorm1d):
    """Its running statistics are no use to anyone."""

    def __init__(self, features):
        super().__init__(features, track_running_stats=False)
        self.running_mean = torch.full((features,), math.nan)
        self.running_var = torch.ones(features)

    def forward(self, x):
        return (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt() * self.weight + self.bias


class NoStatistics(Odd):
    def __init__(self, features):
        super().__init__(features)
        self.running_mean = torch.zeros(1)


@pytest.mark.parametrize(("layer", "said"), [(Odd, "not all are finite"), (NoStatistics, "no running statistics")])
def test_odd_running_statistics_are_a_sentence(layer, said):
    widget = Playground(layer, patience=60)
    widget.look.value = "running"
    assert said in "".join(svg(widget.third).itertext())


class Slow(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        time.sleep(0.06)
        return x


def test_a_slow_layer_is_stopped_and_the_others_go_on():
    widget = Playground(Slow, patience=1.5)
    said = r"Batch norm here is your own class, unchecked: one call of it takes 0\.\d+ seconds\."
    assert re.fullmatch(said, widget.runs_with)
    assert re.fullmatch(r"Batch norm: stopped at step \d+, after 1.5 seconds\.", lines(widget)[3])


def test_a_failure_of_the_playground_itself_is_said(shared, monkeypatch):
    monkeypatch.setattr(drawing, "curves", lambda *_: 1 / 0)
    shared.lr.value = 0.01
    assert lines(shared) == ["The playground stopped: ZeroDivisionError: division by zero."]
    monkeypatch.undo()
    shared.lr.value = 0.3
    assert "after 200 steps" in lines(shared)[0]


# --- what it leaves alone -------------------------------------------------------------------------------------------


class Careless(nn.BatchNorm1d):
    """Changes all that a layer can change for others."""

    def __init__(self, features):
        super().__init__(features)
        torch.manual_seed(1)
        np.random.rand()
        random.random()
        torch.set_default_dtype(torch.float16)
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(torch.get_num_threads())


def test_random_state_threads_and_dtype_are_left_alone():
    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    try:
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        with torch.no_grad():
            widget = Playground(Careless, patience=60)
            widget.batch.value = 64
        assert torch.equal(before[0], torch.get_rng_state())
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
        assert torch.get_num_threads() == threads and torch.get_default_dtype() == torch.float64
        assert re.search(r"held-out loss \d", lines(widget)[3])
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)


# --- one output -----------------------------------------------------------------------------------------------------


def test_classes_for_style_and_tests(shared):
    for name in ("lr", "batch", "depth", "seed", "first", "second", "task", "init", "look", "shows", "predict"):
        assert getattr(shared, name)._dom_classes == (f"bn-{name}",)
    assert shared.box._dom_classes == ("bn-playground",) and shared.map._dom_classes == ("bn-plane",)


def test_widget_and_picture_are_one_output(monkeypatch):
    shown = []
    monkeypatch.setattr(parts, "display", lambda data, raw, metadata: shown.append((data, raw, metadata)))
    playground()
    ((data, raw, metadata),) = shown
    assert raw and set(data) == {parts.VIEW, "image/png", "text/plain"}
    assert data["text/plain"] == panel.ALT == metadata["image/png"]["alt"]


def test_the_picture_says_what_the_widget_says(shared):
    shared.lr.value, shared.batch.value = 0.3, 64
    text = shared.picture().get_supxlabel()
    said = [line.replace("&#x27;", "'") for line in lines(shared)]
    assert re.sub(r"\s+", " ", text).startswith(" ".join([shared.runs_with, *said, "Map: median of"]))


def test_settings_in_words():
    assert set(NORMS) >= {norm for norm in Setting().pair} and Setting().task in TASKS
    assert corner(Setting(lr=0.1)) == corner(Setting(lr=0.3)) != corner(Setting(lr=1.0))
