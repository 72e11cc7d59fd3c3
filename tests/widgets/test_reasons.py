"""The "why?" line: rules over measured numbers."""

import math
import re

import pytest
import torch
from torch import nn

from helpers.experiments.fair import HEAD_SCALE, fair_data, widths
from helpers.lab.nets import MLP
from helpers.lab.training import History, seeded, sgd
from helpers.widgets.playground import reasons, training
from helpers.widgets.playground.outcome import Outcome, outcome_of
from helpers.widgets.playground.setting import CONTROL, Inside, Setting, Trace

BATCH = ("batch", "default")


def trained(**options):
    setting = Setting(**options)
    with training.undisturbed():
        *_, traces = training.run(setting, nn.BatchNorm1d, patience=60)
    return setting, traces


@pytest.fixture(scope="module")
def diverging():
    return trained(lr=3.0, batch_size=64)


def test_divergence_shows_its_losses_and_the_heads_limit(diverging):
    setting, traces = diverging
    said = reasons.reason(setting, CONTROL, traces[CONTROL])
    limit = traces[CONTROL].start.head_limit
    assert re.match(r"No norm, He init diverged at step \d+; its last batch losses were ", said)
    assert f"{limit:.3g}" in said and ("is above 2/λ" in said) == (limit < 3.0)


def test_the_result_names_winner_and_both_losses(diverging):
    setting, traces = diverging
    assert outcome_of(setting, traces) is Outcome.SECOND
    loss = f"{traces[BATCH].test[-1]:.2g}"
    said = f"batch norm wins with held-out loss {loss}, no norm, He init {traces[CONTROL].note}"
    assert reasons.result(setting, traces) == said


def test_a_vanishing_signal_is_told_by_its_gradients():
    setting, traces = trained(lr=0.1, batch_size=64)
    kind = ("none", "default")
    inside = traces[kind].start
    said = reasons.reason(setting, kind, traces[kind])
    assert "before training its signal shrinks by" in said
    assert f"a gradient of {inside.gradients[0]:.1g} where the head has {inside.gradients[-1]:.1g}" in said


def trace(train, test, **options):
    start = Inside([[-1, -0.5, 0, 0.5, 1]] * 2, [0.0, 0.0], 3.0, [1.0, 1.0, 1.0])
    end = Inside(start.entering, options.pop("dead", [0.0, 0.0]), 3.0, [1.0, 1.0, 1.0])
    weights = options.pop("weights", [10.0, 10.0])
    found = Trace([0, 200], [0.43, train], [0.41, test], weights, [0.5, 0.4], start=start, end=end)
    for name, value in options.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("kind", "found", "said"),
    [
        (CONTROL, trace(0.02, 0.3), "held-out minus training loss is 0.3 − 0.02 = 0.28."),
        (CONTROL, trace(0.43, 0.41, dead=[0.1, 0.9]), "90% of the ReLUs of layer 2 are 0 on all of 256 rows."),
        (CONTROL, trace(0.43, 0.41, moved=0.001), "in 200 steps W moved by 0.1% of ‖W‖."),
        (CONTROL, trace(0.43, 0.41, losses=[0.5, 9.0, 0.4]), "its batch loss had a peak of 9 at step 2."),
        (BATCH, trace(0.43, 0.41, weights=[10.0, 900.0]), "its steps threw ‖W‖ from 10 to 9e+02."),
        (BATCH, trace(0.1, 0.11, weights=[10.0, 20.0]), "an equal step now turns W 2 times less."),
        (BATCH, trace(0.1, 0.11), ""),
        (BATCH, trace(0.1, 0.11, note="stopped at step 9"), ""),
    ],
)
def test_each_rule_shows_its_numbers(kind, found, said):
    sentence = reasons.reason(Setting(), kind, found)
    assert sentence.endswith(said) and bool(sentence) == bool(said)


def test_where_no_rule_fits_the_numbers_are_shown():
    traces = {CONTROL: trace(0.1, 0.11), BATCH: trace(0.1, 0.11)}
    said = reasons.reasons(Setting(), traces)
    assert said == [
        "Nothing stands out: no norm, He init has at most 0% dead ReLUs in a layer, 2/λ of its head is 3,"
        " held-out minus training loss 0.01."
    ]


def test_noise_of_a_tiny_batch_is_measured():
    _, traces = trained(lr=0.03, batch_size=2)
    running = traces[BATCH].end.running
    assert 0.4 < running.noise < 1.2, "a mean of 2 rows is off by about 1/√2 standard deviations"
    assert len(running.running_mean) == len(running.batch_std) == 64


def test_the_heads_limit_is_that_of_its_curvature():
    split = fair_data()
    with seeded(0), torch.no_grad():
        net = MLP(widths(20), init="he", head_scale=HEAD_SCALE)
        h = split.X_train
        for layer in net.hidden:
            h = layer(h)
        out = net.head(h) * HEAD_SCALE
    entering = torch.cat([h, torch.ones(len(h), 1)], dim=1).double()
    curvature = 2 * HEAD_SCALE**2 * entering.T @ entering / len(h)
    exact = 2 / torch.linalg.eigvalsh(curvature)[-1].item()
    assert training.approximate_head_limit(h, out, regression=True) == pytest.approx(exact, rel=0.01)


def test_cross_entropys_limit_is_that_of_its_hessian():
    torch.manual_seed(0)
    h, out = torch.rand(30, 4), torch.randn(30, 3)
    entering = torch.cat([h, torch.ones(30, 1)], dim=1).double()
    p = out.double().softmax(1)
    hessian = torch.zeros(15, 15, dtype=torch.float64)
    for x, q in zip(entering, p, strict=True):
        hessian += torch.kron(torch.outer(x, x), torch.diag(q) - torch.outer(q, q)) / 30
    exact = 2 / (HEAD_SCALE**2 * torch.linalg.eigvalsh(hessian)[-1].item())
    assert training.approximate_head_limit(h, out, regression=False, rounds=50) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("kind", [("none", "default"), CONTROL, BATCH])
def test_the_losses_are_those_of_the_plain_loop(kind):
    _, traces = trained(lr=0.1, batch_size=64)
    with seeded(0):
        net = MLP(widths(20), nn.BatchNorm1d if kind == BATCH else None, kind[1], head_scale=HEAD_SCALE).train()
    expected = list(sgd(net, fair_data(), History(), 0.1, 64, 200))
    assert traces[kind].losses == pytest.approx(expected, rel=0.02)
    assert math.isfinite(traces[kind].moved) and traces[kind].steps == list(training.MEASURED)
