"""What is said of a run: "why?" only with an intervention, everything else is seen."""

import math
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from helpers.experiments import rate_batch_plane
from helpers.experiments.fair import HEAD_SCALE, fair_data, widths
from helpers.lab.nets import MLP
from helpers.lab.training import History, seeded, sgd
from helpers.widgets.playground import reasons, training
from helpers.widgets.playground.outcome import Outcome, outcome_of
from helpers.widgets.playground.setting import CONTROL, MEASURED, Inside, Setting, Trace
from tests.notebook import ROOT

BATCH = ("batch", "default")
PLAIN = ("none", "default")


def trained(**options):
    setting = Setting(**options)
    with training.undisturbed():
        *_, (_, traces) = training.run(setting, nn.BatchNorm1d, patience=60)
    return setting, traces


@pytest.fixture(scope="module")
def diverging():
    return trained(lr=3.0, batch_size=64)


def told(setting, traces, shown=True):
    return reasons.why(setting, traces, rate_batch_plane.load(setting.task), lambda lr, size: shown)


# --- why ------------------------------------------------------------------------------------------------------------


def test_why_names_the_rate_that_alone_made_the_difference(diverging):
    setting, traces = diverging
    plane = rate_batch_plane.load()
    median = plane.median["none, He"][plane.batch_sizes.index(64), plane.lrs.index(1.0)]
    said = f"The learning rate: all else equal, no norm, He init reaches held-out loss {median:.2g} at rate 1"
    assert told(setting, traces) == f"{said} (median of {plane.seeds} seeds)."


def test_why_tells_nothing_that_is_veiled(diverging):
    said = "Change one thing alone to find out: the learning rate, or the batch size."
    assert told(*diverging, shown=False) == said
    assert reasons.why(*diverging, None, lambda *_: True) == said


def test_a_tiny_batch_is_a_cause_because_a_larger_one_trains():
    setting, traces = trained(lr=0.03, batch_size=2)
    said = r"The batch size: all else equal, batch norm reaches held-out loss \S+ with batches of \d+ \(median .*\)\."
    assert re.fullmatch(said, told(setting, traces))


def test_where_both_learned_no_cause_is_named():
    setting, traces = trained()
    assert told(setting, traces) == "This run cannot say: both nets learned, and no cause was changed alone."


def test_no_question_is_asked_where_both_are_the_same():
    traces = {CONTROL: trace(0.1, 0.11), BATCH: trace(0.1, 0.11), PLAIN: trace(0.43, 0.41)}
    assert outcome_of(Setting(), traces) is Outcome.SAME and told(Setting(), traces) == ""


# --- seen -----------------------------------------------------------------------------------------------------------


def test_divergence_shows_its_losses_and_the_heads_limit(diverging):
    setting, traces = diverging
    (said,) = reasons.seen(setting, traces)
    limit = traces[CONTROL].start.head_limit
    assert re.match(r"No norm, He init diverged at step \d+; its last batch losses were ", said)
    sides = {True: "alone it is unstable above that rate.", False: "alone it is stable at this rate."}
    assert (
        said.endswith(f"2/λ of its head at the start is {limit:.3g}: {sides[limit < 3.0]}") and "although" not in said
    )


def test_the_result_names_winner_and_both_losses(diverging):
    setting, traces = diverging
    assert outcome_of(setting, traces) is Outcome.SECOND
    losses = f"held-out loss {traces[BATCH].test[-1]:.2g}; no norm, He init {traces[CONTROL].note}"
    assert reasons.result(setting, traces) == ("batch norm wins", losses, "")


def test_a_comparison_has_the_numbers_of_both():
    traces = {CONTROL: trace(0.02, 0.3), BATCH: trace(0.01, 0.1), PLAIN: trace(0.43, 0.41)}
    said = "training loss 0.01 (batch norm) and 0.02 (no norm, He init); gap to held-out loss 0.09 and 0.28"
    assert reasons.seen(Setting(), traces) == [f"{said}: both overfit."]
    traces[BATCH] = trace(0.1, 0.11)
    assert reasons.seen(Setting(), traces)[0].endswith("gap to held-out loss 0.01 and 0.28.")


def test_the_third_net_is_told_apart_from_the_rivals():
    setting, traces = trained(lr=0.1, batch_size=64)
    start = traces[PLAIN].start
    assert not any("default init" in said for said in reasons.seen(setting, traces))
    (said,) = (said for said in reasons.also(setting, traces) if "default init" in said)
    assert "times smaller in the last layer than in layer 1" in said
    assert f"a gradient of {start.gradients[0]:.1g} where the head has {start.gradients[-1]:.1g}" in said


def trace(train, test, **options):
    start = Inside([1.0, 1.0], [0.0, 0.0], 3.0, [1.0, 1.0, 1.0])
    end = Inside([1.0, 1.0], options.pop("dead", [0.0, 0.0]), gradients=[1.0, 1.0, 1.0])
    weights = options.pop("weights", [10.0, 10.0])
    found = Trace([0, 200], [0.43, train], [0.41, test], weights, [0.5, 0.4], start=start, end=end)
    for name, value in options.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("kind", "rows", "found", "said"),
    [
        (CONTROL, 32, trace(0.43, 0.41, dead=[0.1, 0.9]), "90% of the ReLUs of layer 2 are 0 on all of 256 rows."),
        (CONTROL, 32, trace(0.43, 0.41, moved=0.001), "In 200 steps W moved by 0.1% of ‖W‖."),
        (CONTROL, 32, trace(0.43, 0.41, losses=[0.5, 9.0, 0.4]), "Its batch loss had a peak of 9 at step 2."),
        (CONTROL, 32, trace(0.43, 0.41, weights=[10.0, 900.0]), "‖W‖ of its hidden layers went from 10 to 9e+02."),
        (
            BATCH,
            2,
            trace(0.43, 0.41, weights=[10.0, 900.0]),
            "A mean of 2 rows is off by about 1/√2 = 0.71 standard deviations, whatever the net.",
        ),
        (BATCH, 32, trace(0.43, 0.41, weights=[10.0, 900.0], moved=0.5), "In 200 steps W moved by 50.0% of ‖W‖."),
        (BATCH, 2, trace(0.1, 0.11), ""),
        (BATCH, 32, trace(0.43, 0.41, note="stopped at step 9"), ""),
    ],
)
def test_each_failure_shows_its_numbers(kind, rows, found, said):
    sentence = reasons.failure(Setting(batch_size=rows), kind, found)
    assert sentence.endswith(said) and bool(sentence) == bool(said)


def test_growing_weights_are_those_before_the_norms():
    setting, traces = trained()
    with seeded(0):
        net = MLP(widths(20), nn.BatchNorm1d, "default", head_scale=HEAD_SCALE)
    hidden = math.sqrt(sum(layer[0].weight.square().sum().item() for layer in net.hidden))
    assert traces[BATCH].weights[0] == pytest.approx(hidden, rel=1e-5)
    grown = {BATCH: trace(0.1, 0.11, weights=[10.0, 20.0]), CONTROL: trace(0.1, 0.11, weights=[10.0, 20.0])}
    (said,) = reasons.also(setting, grown)
    assert said.startswith("Batch norm: ‖W‖ before its norms grew from 10 to 20.")
    assert said.endswith("turns W 4 times less at the same rate.")


def test_running_statistics_are_kept_for_each_unit():
    _, traces = trained(batch_size=16)
    running = traces[BATCH].end.running
    assert len(running.running_mean) == len(running.batch_std) == 64


# --- numbers --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", [PLAIN, CONTROL, BATCH])
def test_the_losses_are_those_of_the_plain_loop(kind):
    _, traces = trained(lr=0.1, batch_size=64)
    with seeded(0):
        net = MLP(widths(20), nn.BatchNorm1d if kind == BATCH else None, kind[1], head_scale=HEAD_SCALE).train()
    expected = list(sgd(net, fair_data(), History(), 0.1, 64, 200))
    assert traces[kind].losses == pytest.approx(expected, rel=0.02)
    assert math.isfinite(traces[kind].moved) and traces[kind].steps == list(MEASURED)


def test_the_gradients_by_hand_are_autograds():
    nets = [MLP([5, 7, 7, 3], init=init, head_scale=0.5) for init in ("default", "he")]
    side = training.Side(nets)
    for y in (torch.randn(9, 3), torch.randint(3, (9,))):
        x = torch.randn(9, 5)
        for keep in (False, True):
            losses, gradients, entering = side.gradients(x, y, keep)
            assert len(entering) == 2 * keep
            for i, net in enumerate(nets):
                loss = (net(x) - y).square().mean() if y.is_floating_point() else nn.functional.cross_entropy(net(x), y)
                linears = [*(layer[0] for layer in net.hidden), net.head]
                expected = torch.autograd.grad(loss, [linear.weight for linear in linears] + [m.bias for m in linears])
                assert losses[i].item() == pytest.approx(loss.item(), rel=1e-5)
                for mine, theirs in zip(gradients, expected, strict=True):
                    mine = mine[i].T if theirs.dim() == 2 else mine[i, 0]
                    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_the_first_training_imports_nothing_slow():
    code = (
        "import sys; from torch import nn; from helpers.widgets.playground import training;"
        "from helpers.widgets.playground.setting import Setting;"
        "next(training.run(Setting(), nn.BatchNorm1d, 60, 0.0)); sys.exit('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0
