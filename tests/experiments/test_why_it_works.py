"""The nets and measures of notebook 06 are what they say, and what is stored is what the command computes."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.experiments import along_step, batch_noise, deep_start, shifts, stored, weight_length
from helpers.experiments import why_it_works as nets
from helpers.experiments import why_it_works_seeds as many
from helpers.lab.data import digits
from helpers.lab.training import loss_of

FILE = Path(nets.__file__).with_suffix(".json")
load = nets.load


def chance():
    """A generator whose seed a failing test prints."""
    seed = random.randrange(10**6)
    print("random seed", seed)
    return random.Random(seed)


# --- nets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", nets.NORMS)
def test_nets_have_what_their_name_says_before_each_relu(name):
    for block in nets.make(f"{name}, he", 3).hidden:
        kinds = [type(layer) for layer in block]
        assert kinds[-1] is nn.ReLU and (nets.Noise in kinds) == (name in ("noisy", "noise"))
        assert (nn.BatchNorm1d in kinds) == (name in ("batch", "noisy"))
        assert (block[0].bias is None) == (name not in ("none", "noise"))


def test_noise_has_the_sizes_of_its_docstring_and_stops_in_eval_mode():
    noise, x = nets.Noise(), torch.zeros(4000, 300)
    shift = noise(x)
    assert shift.mean(0).abs().max() < 0.51 and shift.mean(0).std().item() == pytest.approx(1 / math.sqrt(12), rel=0.15)
    assert (shift - shift.mean(0)).abs().max() < 0.11
    factor = (noise(x + 1000) / 1000).mean(0)
    assert factor.min() > 0.99 and factor.max() < 1.26
    torch.testing.assert_close(factor.mean(), many.Mean()(torch.tensor(1.0)), atol=0.02, rtol=0)
    assert torch.equal(noise.eval()(x), x)


def test_the_norms_with_another_length_divide_by_it():
    x = torch.randn(64, 5) + 2
    for p, length in ((1.0, x.abs().mean(0)), (2.0, x.square().mean(0).sqrt()), (math.inf, x.abs().max(0).values)):
        torch.testing.assert_close(nets.LpNorm(5, p)(x), (x - x.mean(0)) / length, atol=1e-4, rtol=1e-4)


def test_parts_of_the_whole_batch_are_batch_norm():
    ours, theirs, x = batch_noise.InParts(5, 32), nn.BatchNorm1d(5), torch.randn(32, 5) * 3 + 1
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_each_part_is_normalised_by_itself():
    y = batch_noise.InParts(5, 8)(torch.randn(32, 5) * 3 + 1)
    torch.testing.assert_close(y.view(4, 8, 5).mean(1), torch.zeros(4, 5), atol=1e-5, rtol=0)


def test_a_fifth_of_the_labels_is_drawn_again():
    changed = (batch_noise.data("noisy").y_train != batch_noise.data("as they are").y_train).double().mean().item()
    assert changed == pytest.approx(batch_noise.WRONG * 0.9, abs=0.03)


def test_skips_add():
    net = deep_start.deep("skips, he", 3, 16)
    x = torch.randn(8, 64)
    first = net.hidden[0](x)
    second = first + net.hidden[1](first)
    torch.testing.assert_close(net(x), net.head(second + net.hidden[2](second)))


# --- measures -------------------------------------------------------------------------------------------------------


class Parabola(nn.Module):
    """The loss 2w² as the squared error of an output √2·w."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[1.0]]))

    def forward(self, x):
        return x * self.w


def test_the_numbers_of_the_parabola_in_the_text():
    x, y = torch.full((1, 1), math.sqrt(2)), torch.zeros(1, 1)
    seen = along_step.along(Parabola(), x, y, 0.1, (1.0,))
    assert seen.loss_range == pytest.approx(1.28) and seen.gradient_change == pytest.approx(1.6)
    assert seen.distances[0] == pytest.approx(0.4) and seen.beta == pytest.approx(4.0)


def test_looking_along_a_step_changes_nothing():
    net, split = nets.make("batch, he", 2), digits()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    along_step.along(net, split.X_train[:32], split.y_train[:32])
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("name", ["none, he", "batch, he"])
def test_rescaled_nets_compute_the_same(name):
    net, x = nets.make(name, 4).double(), digits(torch.float64).X_train[:64]
    torch.testing.assert_close(along_step.rescaled(net, 3.0)(x), net(x), atol=1e-3, rtol=0)


def test_where_nothing_below_moves_there_is_no_shift():
    before, split = nets.make("batch, he", 6), digits()
    after = nets.make("batch, he", 6)
    X, y = split.X_train[:64], split.y_train[:64]
    assert shifts.agreement(before, before, X, y, 6) == pytest.approx(1.0)
    assert shifts.agreement(before, after, X, y, 1) == pytest.approx(1.0)
    assert shifts.agreement(before, after, X, y, 4) < 0.9 and shifts.moved(before, before, X) == 0


def test_a_mean_that_moves_by_two_standard_deviations():
    before = nets.make("none, default", 1)
    X = digits().X_train[:64]
    after = nets.make("none, default", 1)
    after.load_state_dict(before.state_dict())
    with torch.no_grad():
        after.hidden[0][0].bias.add_(2 * shifts.entering(before, X)[1])
    assert shifts.moved(before, after, X) == pytest.approx(2.0, rel=1e-4)


def test_condition_numbers_of_the_text():
    found = [
        [round(along_step.condition(Z), 6) for Z in (X, along_step.normalised(X))]
        for X in along_step.REGRESSIONS.values()
    ]
    assert found[0] == [100, 1] and found[2] == [49, 49] and found[1][1] == 1


def test_steps_of_descent_are_those_that_it_takes():
    X = along_step.REGRESSIONS["correlation 0.96"]
    full = np.column_stack([np.ones(4), X])
    hessian = full.T @ full / 2
    values, vectors = np.linalg.eigh(hessian)
    error = vectors @ np.sqrt(1 / values * np.array([1, 0, 1]))
    first, rate = error @ hessian @ error, 2 / (values[0] + values[-1])
    for _ in range(along_step.descent_steps(X)):
        error = error - rate * hessian @ error
    assert 0.8 < error @ hessian @ error / first / 1e-6 <= 1.0001


def test_the_gradient_is_at_right_angles_and_squares_add_up():
    split = digits(torch.float64)
    (seen,) = weight_length.steps(split, weight_length.Way(0.5, 0.1), 0, 1, eps=1e-12)
    assert abs(seen.slant) < 1e-6
    assert seen.length == pytest.approx(1 / math.cos(math.radians(seen.angle)), rel=1e-6)


def test_tenfold_weights_at_a_hundredfold_rate_are_the_same_training():
    split = digits(torch.float64)
    ways = weight_length.Way(0.1, 0.1), weight_length.Way(10.0, 0.1, scale=10.0)
    one, other = ([seen.loss for seen in weight_length.steps(split, way, 1, 10, eps=1e-12)] for way in ways)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_held_lengths_stay():
    *_, last = weight_length.steps(digits(), weight_length.Way(1.0, 0.1, held=True), 0, 5)
    assert last.length == pytest.approx(1.0, rel=1e-5)


def test_a_net_watched_is_the_net_trained():
    means, losses = shifts.watched(digits(), "batch, default", steps=5)
    assert len(means) == len(losses) == 5 and max(map(abs, means)) < 0.1
    net = nets.make("batch, default")
    assert loss_of(net, digits().X_train[:64], digits().y_train[:64]).item() == pytest.approx(losses[0], rel=0.2)


# --- what is stored -------------------------------------------------------------------------------------------------


def test_the_file_says_how_it_was_made_and_is_small():
    found = json.loads(FILE.read_text(encoding="utf-8"))
    assert found["command"] == many.COMMAND == f"python -m {many.__name__}" and found["torch"] and found["numpy"]
    assert found["seeds"] == {name: list(range(count)) for name, (_, count) in many.EXPERIMENTS.items()}
    assert FILE.stat().st_size < 60_000


@pytest.mark.parametrize("result", ["shift", "along", "length", "deep"])
def test_a_random_part_is_as_stored(result):
    """One net and seed; medians and means move little with the order of rounding, where training is tame."""
    pick, (experiment, count) = chance(), many.EXPERIMENTS[result]
    tame = {
        "shift": ("batch, default", "batch, he"),
        "along": ("batch, default", "batch, he", "l1, he"),
        "length": ("rate 0.1", "rate 0.1, lengths held"),
        "deep": tuple(deep_start.NETS)[1:3],
    }[result]
    net, seed = pick.choice(tame), pick.randrange(count)
    for key, values in experiment([seed], (net,)).items():
        np.testing.assert_allclose(values[0], load(result)[key][seed], rtol=0.3, atol=0.02, err_msg=f"{key}, {seed}")


def test_a_random_part_of_the_parts(monkeypatch):
    pick = chance()
    labels, size, seed = pick.choice(batch_noise.LABELS), pick.choice((128, 32)), pick.randrange(10)
    found = many._in_parts(size, batch_noise.data(labels), seed)[-1]
    np.testing.assert_allclose(found, load("parts")[f"{size}, {labels}"][seed], rtol=0.15, atol=0.02)


def test_a_random_part_of_the_deep_training():
    net = chance().choice(list(deep_start.NETS)[1:3])
    found = many.deep_training(range(2), (10,), (net,))[f"{net}, 10"]
    np.testing.assert_allclose(found, load("deep training")[f"{net}, 10"][:2], atol=0.03)


def test_the_command_writes_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "__file__", str(tmp_path / "stored.py"))
    known = json.loads(FILE.read_text(encoding="utf-8"))
    for name in known["results"]:
        stored.write("why_it_works", name, known["seeds"][name], load(name), known["command"])
    assert json.loads((tmp_path / FILE.name).read_text(encoding="utf-8")) == known


def test_figures_have_labels():
    means = {net: ([0.0] * 10, [1.0] * 10) for net in shifts._LOOK}
    figures = [
        shifts.opening_figure(means),
        along_step.bands_figure(),
        weight_length.paths_figure(),
        deep_start.growth_figure(),
    ]
    for figure in figures:
        assert all(ax.get_xlabel() and ax.get_title() for ax in figure.axes)


def test_the_text_of_sections_1_and_2():
    found = load("shift")
    for layer in (1, 2):
        assert (found["batch, he: cosine"][:, layer] > found["none, he: cosine"][:, layer]).all()
    assert (found["none, he: quiet"] < found["batch, he: quiet"]).sum() == 6
    assert found["none, default: cosine"].min() > 0.99 and found["none, default: loss"].min() > 2.2
    moved = {net: found[f"{net}: moved"] for net in ("none, default", "none, he", "noisy, default")}
    assert (moved["noisy, default"] > np.maximum(moved["none, default"], moved["none, he"])).all()
    assert (found["noisy, default: quiet"] < found["batch, default: quiet"]).sum() == 5
    assert np.median(found["noise, he: quiet"] / found["none, he: quiet"]) == pytest.approx(2, abs=0.2)
    for one, other, low, high in (("noisy, he", "batch, he", 1.05, 1.35), ("noise, he", "none, he", 0.5, 4.7)):
        times = found[f"{one}: quiet"] / found[f"{other}: quiet"]
        assert low <= times.min() and times.max() <= high
    assert np.median(found["noise, he: accuracy"]) > 0.9 and np.median(found["noise, default: accuracy"]) < 0.15


def test_the_text_of_section_3():
    found, twelve = load("along"), load("along, 12 layers")
    for key in along_step.QUANTITIES:
        batch, control = (np.median(found[f"{net}, he: {key}"], axis=1) for net in ("batch", "none"))
        assert (batch < control).all()
    assert np.median(control) / np.median(batch) > 4
    assert (found["none, he: loss"] < found["batch, he: loss"]).all()
    assert (found["none, he: quiet"] < found["batch, he: quiet"]).sum() == 9
    assert np.median(found["none, he: quiet"]) / np.median(found["batch, default: quiet"]) == pytest.approx(3, abs=0.2)
    assert (found["batch, he: fine"] < found["none, he: fine"]).all()
    gap = found["batch, default: fine"] - found["none, he: fine"]
    assert gap.min() < 0 < gap.max() and abs(np.median(gap)) < 2
    assert np.median(found["loud, he: loss"]) == pytest.approx(np.median(found["batch, he: loss"]), abs=0.01)
    trained = ("none, he", "batch, default", "batch, he")
    assert all(np.median(twelve[f"{net}: beta"]) == pytest.approx(20, abs=1) for net in trained)
    assert np.median(twelve["batch, he: fine"]) / np.median(twelve["none, he: fine"]) == pytest.approx(2.1, abs=0.2)
    times = twelve["batch, he: fine"] / twelve["none, he: fine"]
    assert [round(times.min(), 1), round(times.max(), 1)] == [1.3, 2.8]
    assert (twelve["none, he: range"] > twelve["batch, he: range"]).all()
    assert all((twelve[f"none, he: {what}"] > twelve[f"batch, he: {what}"]).all() for what in ("loss", "quiet"))


def test_the_text_of_section_4():
    found = load("length")
    for rate in ("rate 1, rest at 0.1", "rate 3, rest at 0.1"):
        assert (found[f"{rate}, lengths held: loss"] > found[f"{rate}: loss"]).all()
    assert found["rate 0.1: length"][:, -1].max() < 1.02 and found["rate 1, rest at 0.1: length"][:, -1].min() > 1.3
    for ending, factors in (("", [5, 3]), (", lengths held", [6, 19])):
        one, tenth = (found[f"{way}{ending}: angle"] for way in ("rate 1, rest at 0.1", "rate 0.1"))
        assert [round(np.median(one[:, i]) / np.median(tenth[:, i])) for i in (0, -1)] == factors
    he = "He init: rate 3, rest at 0.1"
    assert np.median(found[f"{he}: length"][:, -1]) == pytest.approx(1.15, abs=0.01)
    assert all(round(np.median(found[f"{he}{ending}: loss"]), 2) == 0.02 for ending in ("", ", lengths held"))
    for start in ("default init", "He init"):
        assert found[f"no norm, {start}: rate 3, rest at 0.1, lengths held: loss"].min() > 2.1
    bare = found["no norm, default init: rate 1, rest at 0.1, lengths held: loss"]
    assert (found["rate 1, rest at 0.1, lengths held: loss"] < bare).all()


def test_the_text_of_section_5():
    found, training = load("deep"), load("deep training")
    assert np.median(found["batch, he: growth"]) == pytest.approx(deep_start.THEORY, abs=0.005)
    assert found["none, he: alike"].min() > 0.95 and found["batch, he: dead"].max() == 0
    assert found["batch, he: gradients"][:, 0].min() > 1000 * found["none, he: gradients"][:, 0].max()
    assert (found["skips, he: again"] > found["skips, he: gradients"][:, :1]).all()
    assert (found["batch, he: shortened"] > 5 * found["batch, he: again"]).all()
    assert np.abs(found["batch, he: same"] - found["batch, he: alike"]).max() < 0.02
    assert (found["skips, he: same"] > found["skips, he: alike"] + 0.03).all()
    assert (training["none, he, 10"][:, 0] > training["batch, he, 10"][:, 0]).all()
    assert max(training[f"{net}, he, 50"].max() for net in ("none", "batch")) <= 0.25


def test_the_text_of_section_6():
    found = {key: values[:, 3] for key, values in load("parts").items()}
    eight, whole, early, control = (found[f"{name}, noisy"] for name in ("8", "128", batch_noise.STOPPED, "0"))
    gain, by_stopping = np.median(eight - whole), np.median(early - whole)
    assert (eight > whole).all() and (eight > early).all() and (eight > control).all()
    assert round(100 * gain) in (8, 9) and by_stopping / gain == pytest.approx(0.75, abs=0.03)
    again = load("parts, other seeds")
    assert (again["8"] > again["128"]).all() and (again[batch_noise.STOPPED] > again["128"]).all()
    for other in (batch_noise.STOPPED, "0"):
        gap = again["8"] - again[other]
        assert gap.min() < 0 < np.median(gap)
    assert (again["8"] > again[batch_noise.STOPPED]).sum() == 8
    assert [(again["8"] < again["0"]).sum(), (again["8"] == again["0"]).sum()] == [2, 1]
    trained = (load("parts")[f"{name}, noisy"][:, 1] for name in (batch_noise.STOPPED, "8"))
    assert (next(trained) < next(trained)).all()
    clean = load("parts")
    better = clean["16, as they are"][:, 2] < clean["128, as they are"][:, 2]
    assert better.sum() == 9
    for size in (8, 16, 32):
        gap = clean[f"{size}, as they are"][:, 3] - clean["128, as they are"][:, 3]
        assert gap.min() < 0 < gap.max()
