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
from helpers.widgets.playground import Playground, drawing, panel, playground, style, training
from helpers.widgets.playground.inside import LOOKS
from helpers.widgets.playground.panel import corner, trained_with
from helpers.widgets.playground.setting import BINS, CONTROL, NORMS, SNAPSHOTS, TASKS, Setting


def started(layer=None, patience=60):
    """A playground that has trained at its start."""
    found = Playground(layer, patience)
    found.start()
    return found


@pytest.fixture(scope="module")
def shared():
    """A playground that does not ask for guesses."""
    found = started()
    found.controls.predict.value = False
    return found


@pytest.fixture
def asking():
    return started()


def text(widget):
    return re.sub("<.*?>", "", widget.value)


def headline(found):
    return text(found.controls.say)


def rows(found):
    """The table of all numbers: a list of texts for each net."""
    table = re.search("<table>.*?</table>", found.controls.words.value)[0]
    return [
        [text for text in row.itertext()]
        for row in ET.fromstring(table.replace("=row", "='row'").replace("=col", "='col'").replace("colspan=3", ""))
    ][1:]


def parsed(widget):
    """The HTML of a widget, which must be well-formed."""
    return ET.fromstring(f"<div>{widget.value.replace('<br>', '').replace('class=bn-mute', '')}</div>")


def test_numbers_follow_the_sliders(shared):
    c = shared.controls
    c.lr.value, c.batch.value = 0.3, 64
    assert re.fullmatch(
        r"(Batch norm wins|No norm, He init wins|About the same|Both fail): .*"
        r"Learning rate 0.3, batch size 64, .*after 200 steps",
        headline(shared),
    )
    assert [row[0] for row in rows(shared)] == ["no norm, default init", "no norm, He init", "batch norm"]
    assert all(re.fullmatch(r"[\d.e-]+", loss) for row in rows(shared) for loss in row[1:3])
    said = text(c.words)
    assert said.startswith("Seen: ") and "Why? " in said
    assert f"Median and range of {rate_batch_plane.load().seeds} seeds, held-out loss: no norm, default init " in said


def test_the_frame_stands_before_anything_is_trained():
    found = Playground()
    c = found.controls
    assert not found.seen and "looking at your layer" in headline(found)
    assert "training loss" in text(c.curves) and "batch size" in text(c.map) and "batch norm" in text(c.third)
    found.start()
    assert "after 200 steps" in headline(found) and list(found.seen) == [Setting()]


def test_typed_values_are_rounded_as_they_are_shown(shared):
    shared.controls.lr.value, shared.controls.batch.value = 0.12345, 5.4
    assert (shared.setting.lr, shared.setting.batch_size) == (0.1, 5)


def test_slider_positions_are_those_of_the_plane_and_half_way_between(shared):
    exponents = [shared.controls.lr.min + shared.controls.lr.step * i for i in range(13)]
    assert {float(f"{10**e:.1g}") for e in exponents} >= set(rate_batch_plane.load().lrs)
    assert {2**e for e in range(1, 9)} == set(rate_batch_plane.load().batch_sizes)


def test_a_setting_is_trained_once_and_is_the_same_again(shared, monkeypatch):
    c = shared.controls
    c.lr.value, c.batch.value = 0.1, 64
    first = c.say.value, c.words.value, c.curves.value, c.third.value
    c.batch.value = 128
    monkeypatch.setattr(shared, "_train", lambda setting: pytest.fail(f"trained {setting} again"))
    c.batch.value = 64
    assert (c.say.value, c.words.value, c.curves.value, c.third.value) == first


def test_curves_and_insides_grow_while_the_nets_train(shared, monkeypatch):
    monkeypatch.setattr(panel, "REFRESH", 0.0)
    c, frames, insides, steps = shared.controls, [], [], []
    c.curves.observe(lambda change: frames.append(change.new), "value")
    c.third.observe(lambda change: insides.append(change.new), "value")
    c.step.observe(lambda change: steps.append(change.new), "value")
    c.lr.value = 0.2
    for widget in (c.curves, c.third):
        widget.unobserve_all()
    assert len(set(frames)) >= 10 and len(set(insides)) >= 10
    points = [sum(line.count(",") for line in re.findall('points="(.*?)"', frame)) for frame in frames]
    assert points == sorted(points) and points[0] < points[-1]
    assert steps == [*range(1, 201)] and c.step.value == 200


def test_every_control_behind_more_changes_what_is_trained():
    found = started()
    c = found.controls
    c.predict.value = False
    for control, value in (("depth", 2), ("init", "he"), ("second", "group"), ("first", "layer"), ("seed", 3)):
        before = found.setting
        getattr(c, control).value = value
        assert found.setting != before and found.setting in found.seen
    c.task.value = "digits"
    assert "digits, cross-entropy, depth 2, seed 3" in headline(found)
    assert [row[0] for row in rows(found)] == ["layer norm, He init", "no norm, He init", "group norm, He init"]
    assert all(re.fullmatch(r"0\.\d\d", row[3]) for row in rows(found)), "held-out accuracies"
    assert "No medians are known" in c.map.value


# --- inside ---------------------------------------------------------------------------------------------------------


def test_the_scrubber_redraws_the_run_from_memory(shared, monkeypatch):
    c = shared.controls
    c.lr.value, c.batch.value = 0.3, 64
    monkeypatch.setattr(shared, "_train", lambda setting: pytest.fail("trained again"))
    end = c.third.value
    c.step.value = 1
    first = c.third.value
    assert first != end and "in step 1," in first and "bn-now" in c.curves.value
    c.step.value = 200
    assert c.third.value == end and "bn-now" not in c.curves.value


def test_snapshots_are_the_batches_on_which_it_trains(shared):
    trace = shared.seen[Setting()][CONTROL]
    assert tuple(found.step for found in trace.snapshots) == SNAPSHOTS
    assert trace.snapshot(10).step == 10 and trace.snapshot(11).step == 10
    for found in trace.snapshots:
        bars = np.frombuffer(found.shapes, np.uint8).reshape(6, BINS)
        assert (bars.max(axis=1) == 255).all() and len(found.spread) == 6 and len(found.gradients) == 7


def test_batch_norm_holds_the_spread_that_the_default_net_loses(shared):
    first = {kind: trace.snapshots[0].spread for kind, trace in shared.seen[Setting()].items()}
    assert first["batch", "default"] == pytest.approx([1.0] * 6, abs=0.01)
    assert first["none", "default"][0] > 5 * first["none", "default"][-1]


def test_two_rows_become_plus_and_minus_one():
    with training.undisturbed():
        *_, (_, traces) = training.run(Setting(batch_size=2), nn.BatchNorm1d, patience=60)
    bars = np.frombuffer(traces["batch", "default"].snapshots[0].shapes, np.uint8).reshape(6, BINS)
    for layer in bars:
        below, above = layer[: BINS // 2], layer[BINS // 2 + 1 :]
        assert below.max() == 255 == above.max() and (below[::-1] == above).all()


@pytest.mark.parametrize("which", LOOKS)
def test_other_looks_are_drawn_without_training(shared, which, monkeypatch):
    c = shared.controls
    c.lr.value, c.batch.value = 0.3, 64
    monkeypatch.setattr(shared, "_train", lambda setting: pytest.fail("trained again"))
    c.look.value = which
    charts = [found for found in parsed(c.third).iter() if found.get("role") == "img"]
    assert charts and all(chart.get("aria-label").startswith(LOOKS[which]) for chart in charts)
    c.look.value = next(iter(LOOKS))


def test_divergence_is_drawn_and_named(shared):
    c = shared.controls
    c.lr.value, c.batch.value = 3.0, 32
    step = re.fullmatch(r"diverged at step (\d+)", rows(shared)[1][1])[1]
    assert f"no norm, He init: diverged at step {step}" in text(c.curves) and "✕" in text(c.curves)
    assert f"no norm, He init diverged at step {step}" in text(c.third)


# --- the map --------------------------------------------------------------------------------------------------------


def drawn_map(found):
    return ET.fromstring(re.match(r"<svg.*</svg>", found.controls.map.value, re.DOTALL)[0])


def titles(found):
    return [element.text for element in drawn_map(found).iter("title")]


def test_each_run_drops_a_dot_and_a_frame_shows_where_the_learner_stands(shared):
    c = shared.controls
    c.lr.value, c.batch.value = 0.3, 64

    def frames():
        return [r.get("x") for r in drawn_map(shared).iter("rect") if "bn-here" in (r.get("class") or "")]

    runs = [s for s in shared.seen if panel.set_up(s) == panel.set_up(Setting())]
    assert c.map.value.count("bn-run") >= len(runs)
    (before,) = frames()
    c.lr.value = 1.0
    assert frames() != [before]


def test_the_map_tells_each_cell_with_its_spread(shared):
    c = shared.controls
    found = rate_batch_plane.load()
    assert len(titles(shared)) == len(found.lrs) * len(found.batch_sizes)
    pattern = r"learning rate \S+, batch size \d+: batch norm .+ \(.+ to .+\), no norm, He init .+ \(.+\); \d+ seeds"
    assert all(re.fullmatch(pattern, title) for title in titles(shared))
    c.shows.value = "batch"
    assert "held-out loss: batch norm" in drawn_map(shared).attrib["aria-label"]
    c.shows.value = ""


@pytest.mark.parametrize("task", TASKS)
def test_the_map_says_who_wins_as_the_still_map_does(task):
    found = started()
    c = found.controls
    c.predict.value = False
    c.task.value = task
    plane = rate_batch_plane.load(task)
    texts = [group.find("text").text for group in drawn_map(found).iter("g")]
    drawn = [texts[i : i + len(plane.lrs)] for i in range(0, len(texts), len(plane.lrs))]
    assert drawn == rate_batch_plane.winners(plane)


@pytest.mark.parametrize(("lr", "batch_size"), [(0.1, 32), (0.3, 128)])
def test_a_live_run_is_a_member_of_the_plane(lr, batch_size):
    setting = Setting(lr=lr, batch_size=batch_size)
    with training.undisturbed():
        *_, (_, traces) = training.run(setting, nn.BatchNorm1d, patience=60)
    found = rate_batch_plane.load()
    at = found.batch_sizes.index(batch_size), found.lrs.index(lr)
    for name, kind in (("none", ("none", "default")), ("none, He", ("none", "he")), ("batch", ("batch", "default"))):
        assert found.low[name][at] * 0.99 <= traces[kind].test[-1] <= found.high[name][at] * 1.01


# --- predict first --------------------------------------------------------------------------------------------------


def test_a_new_corner_asks_before_it_trains_and_keeps_count(asking):
    c = asking.controls
    c.lr.value = 1.0
    assert "Predict first: which net has the lower held-out loss" in headline(asking) and c.asking
    assert asking.setting not in asking.seen and c.words.value == ""
    assert "points" not in c.third.value.replace('points=""', ""), "nothing is drawn inside"
    texts = [button.description for button in c.answers]
    assert texts == ["batch norm wins", "about the same", "no norm, He init wins", "both fail"]
    c.answers[0].click()
    assert asking.setting in asking.seen and not c.asking
    assert c.question.value == "Right. 1 of 1 guess was right."
    c.answers[0].click()
    assert asking.guesses == [True], "a double click is one guess"
    c.lr.value = 0.003
    c.answers[0].click()
    assert c.question.value == "Not this time: you said “batch norm wins”. 1 of 2 guesses were right."


def test_a_guess_blocks_nothing(asking):
    c = asking.controls
    c.lr.value = 1.0
    c.lr.value = 2.0
    assert asking.setting.lr == 2.0 and asking.setting in asking.seen, "a second move in the same corner trains"
    c.batch.value = 4
    c.skip.click()
    assert asking.setting in asking.seen and asking.guesses == []
    c.lr.value = 0.3
    assert "Predict first" in headline(asking)
    c.batch.value = 32
    assert "after 200 steps" in headline(asking) and not c.asking
    c.batch.value = 4
    c.predict.value = False
    assert asking.setting in asking.seen and not c.asking


def test_corners_are_veiled_until_they_were_visited(asking):
    def shown():
        return sum("seeds" in title for title in titles(asking))

    c = asking.controls
    assert shown() == 2 * 5 and titles(asking).count("learning rate 3, batch size 256: not visited yet") == 1
    c.lr.value = 1.0
    assert shown() == 2 * 5
    c.answers[1].click()
    assert shown() == 4 * 5
    c.predict.value = False
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

    found = started(Mine)
    made.clear()
    found.controls.batch.value = 64
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
    found = started(Broken)
    said = text(found.controls.words)
    assert said.startswith("Batch norm: stopped: its layer raised ValueError: 3 &lt; 4 &amp; so on (line")
    assert rows(found)[2][1] == "stopped" and all(re.fullmatch(r"[\d.e-]+", row[2]) for row in rows(found)[:2])
    assert headline(found).startswith("Trained")


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (3, "TypeError"),
        (lambda features: lambda x: x, "TypeError"),
        (lambda features: nn.Linear(features, 3), "RuntimeError"),
    ],
)
def test_what_is_no_layer_is_a_sentence(layer, said):
    found = started(layer)
    assert f"Batch norm: stopped: its layer raised {said}" in text(found.controls.words)
    found.controls.batch.value = 64
    assert re.fullmatch(r"[\d.e-]+", rows(found)[1][2]), "it lives on"


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
    found = started(layer)
    found.controls.look.value = "running"
    assert said in text(found.controls.third)


class Slow(nn.Module):
    def __init__(self, features):
        super().__init__()

    def forward(self, x):
        time.sleep(0.06)
        return x


def test_a_slow_layer_is_stopped_and_the_others_go_on():
    found = started(Slow, patience=1.5)
    said = r"Batch norm here is your own class, unchecked: one call of it takes 0\.\d+ seconds\."
    assert re.fullmatch(said, found.runs_with)
    assert re.match(r"Batch norm: stopped at step \d+, after 1.5 seconds\.", text(found.controls.words))


def test_a_failure_of_the_playground_itself_is_said(shared, monkeypatch):
    c = shared.controls
    monkeypatch.setattr(drawing, "curves", lambda *_: 1 / 0)
    c.lr.value = 0.01
    assert headline(shared) == "The playground stopped: ZeroDivisionError: division by zero."
    monkeypatch.undo()
    c.lr.value = 0.3
    assert "after 200 steps" in headline(shared)


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
            found = started(Careless)
            found.controls.batch.value = 64
        assert torch.equal(before[0], torch.get_rng_state())
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
        assert torch.get_num_threads() == threads and torch.get_default_dtype() == torch.float64
        assert re.fullmatch(r"[\d.e-]+", rows(found)[2][2])
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)


# --- how it looks ---------------------------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("colours", "ground"), [(style.LIGHT, "#ffffff"), (style.DARK, "#111111")])
def test_the_nets_colours_are_legible_as_text(colours, ground):
    for name, colour in colours.items():
        low, high = sorted((luminance(colour), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_no_colour_is_written_where_a_theme_cannot_change_it(shared):
    c = shared.controls
    for widget in (c.curves, c.third, c.map, c.say, c.words):
        assert not re.search(r"#[0-9a-f]{3,6}\b(?!;)|rgb\(|fill=\"(?!none)", re.sub("&#.*?;", "", widget.value))


def test_classes_for_style_and_tests(shared):
    c = shared.controls
    for name in ("lr", "batch", "depth", "seed", "first", "second", "task", "init", "look", "shows", "predict", "step"):
        assert getattr(c, name)._dom_classes == (f"bn-{name}",)
    assert c.box._dom_classes == ("bn-playground",) and c.map._dom_classes == ("bn-plane",)


def test_widget_and_picture_are_handed_over_together(monkeypatch):
    shown = []
    monkeypatch.setattr(panel, "show_widget", lambda widget, figure, alt: shown.append((widget, figure, alt)))
    playground()
    ((widget, figure, alt),) = shown
    assert "bn-playground" in widget._dom_classes and alt == panel.ALT
    assert "Batch norm here is torch.nn.BatchNorm1d" in figure().get_supxlabel()


def test_the_picture_says_what_the_widget_says(shared):
    c = shared.controls
    c.lr.value, c.batch.value = 0.3, 64
    said = re.sub(r"\s+", " ", shared.picture().get_supxlabel())
    assert said.startswith(" ".join([shared.runs_with, *shared.words(shared.setting), "Map: median of"]))


def test_settings_in_words():
    assert set(NORMS) >= {norm for norm in Setting().pair} and Setting().task in TASKS
    assert corner(Setting(lr=0.1)) == corner(Setting(lr=0.3)) != corner(Setting(lr=1.0))
