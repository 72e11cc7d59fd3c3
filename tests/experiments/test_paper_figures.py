"""Figure 1's nets train as they would alone; what the figure claims is in its curves."""

import io

import numpy as np
import pytest
import torch

from helpers.exercises.paper import FIGURE_3
from helpers.experiments import paper_figures


@pytest.fixture(scope="module")
def pair():
    """Without and with BN, 120 steps, two seeds."""
    return [paper_figures.train_curve(norm, lr=0.5, steps=120, seeds=(0, 1)) for norm in (False, True)]


def test_shapes_and_steps(pair):
    for curve in pair:
        assert curve.steps.tolist() == list(range(0, 121, 10))
        assert curve.accuracy.shape == (13, 2)
        assert curve.inputs.shape == (13, 3, 2, 100)
        assert (paper_figures.width(curve) >= 0).all()


@pytest.mark.parametrize("norm", [False, True])
def test_a_seed_gives_the_same_net_alone_and_in_a_stack(norm, pair):
    alone = paper_figures.train_curve(norm, lr=0.5, steps=20, seeds=(1,))
    assert np.allclose(alone.inputs[:, :, 0], pair[norm].inputs[:3, :, 1], atol=1e-3)


def test_bn_is_first_at_95_percent_and_its_inputs_stay(pair):
    plain, norm = pair
    assert (paper_figures.steps_to(norm) <= 120).all()
    assert np.isinf(paper_figures.steps_to(plain)).all()
    assert np.median(paper_figures.excursion(norm)) < np.median(paper_figures.excursion(plain))


def test_a_bn_net_starts_with_normalised_inputs(pair):
    """At step 0, gamma = 1 and beta = 0: about two standard deviations lie between the 15th and 85th percentile."""
    assert np.median(paper_figures.width(pair[True])[0]) == pytest.approx(2.07, abs=0.15)


def test_the_statistics_for_testing_are_those_of_the_training_set():
    split = paper_figures.unit_pixels()
    nets = paper_figures.Stack([paper_figures._net(True, 0.1, 0)])
    paper_figures._test(nets, split, 1)
    z = split.X_train @ nets.parameters["hidden.0.0.weight"][0].T
    assert torch.allclose(nets.buffers["hidden.0.1.running_mean"][0], z.mean(0), atol=1e-5)
    assert torch.allclose(nets.buffers["hidden.0.1.running_var"][0], z.var(0), rtol=1e-4)


def test_unit_pixels_lie_between_0_and_1():
    split = paper_figures.unit_pixels()
    assert (split.X_train.min(), split.X_train.max()) == (0, 1)
    assert torch.allclose(split.X_train * 16, (split.X_train * 16).round(), atol=1e-4)


def test_training_stops_when_every_seed_is_there():
    curve = paper_figures.train_curve(True, lr=1.0, steps=500, stop_at=0.9, seeds=(0, 1))
    assert curve.steps[-1] < 200
    assert (curve.accuracy.max(0) >= 0.9).all()


def test_steps_to_is_the_first_time_or_never():
    accuracy = np.array([[0.1, 0.1], [0.96, 0.5], [0.9, 0.94]])
    curve = paper_figures.Curve(np.array([0, 10, 20]), accuracy, np.zeros((3, 3, 2, 100)))
    assert paper_figures.steps_to(curve).tolist() == [10, np.inf]


def test_tune_gives_up_a_learning_rate_that_is_far_behind():
    tuned = paper_figures.tune(True, (1.0, 1e-4), standardised=True)
    assert np.isfinite(tuned[1.0]).all()
    assert np.isinf(tuned[1e-4]).all()
    assert paper_figures.best(tuned) == 1.0


def test_the_typical_unit_is_the_middle_one():
    inputs = np.zeros((2, 3, 1, 100))
    inputs[1, 1, 0] = np.random.RandomState(0).permutation(100)
    curve = paper_figures.Curve(np.array([0, 10]), np.zeros((2, 1)), inputs)
    assert paper_figures.excursion(curve)[0, paper_figures.typical_unit(curve)] == 50


def test_figures_are_drawn(pair):
    steps = np.array([60.0, 50.0, 70.0])
    for figure in (
        paper_figures.accuracy_figure(*pair),
        paper_figures.inputs_figure(*pair),
        paper_figures.ladder_figure([("a", 10 * steps, steps), ("b", 2 * steps, steps)]),
        paper_figures.table_figure(FIGURE_3),
    ):
        figure.savefig(io.BytesIO(), format="png", dpi=20)


def test_the_weight_scale_cancels_until_eps_counts():
    changes, ratios = paper_figures.scale_sweep([10.0, 0.1, 1e-4])
    assert changes[0] < 1e-3 and changes[1] < 1e-1 and changes[2] > 0.5
    assert ratios[:2] == pytest.approx([0.1, 10.0], rel=0.01)
    assert ratios[2] < 1e4 / 2
    exact, shrink = paper_figures.scale_sweep([1e-4], eps=1e-30)
    assert exact[0] < 1e-9 and shrink[0] == pytest.approx(1e4)
