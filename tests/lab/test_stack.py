"""A stack of nets is the same nets trained one by one."""

import dataclasses

import pytest
import torch
from torch import nn

from helpers.lab.data import digits, sine
from helpers.lab.nets import MLP
from helpers.lab.stack import Run, train_stack
from helpers.lab.training import evaluate, train


def float64_sine():
    split = sine(scale=0.5)
    return dataclasses.replace(split, **{f: getattr(split, f).double() for f in vars(split)})


SETTINGS = {
    "sine": (float64_sine, [20, 32, 32, 32, 1], 32**-0.5),
    "digits": (lambda: digits(torch.float64), [64, 32, 32, 10], 1.0),
}
RUNS = [Run(0.1, "default", 0), Run(0.3, "he", 1), Run(0.03, 0.1, 0), Run(1.0, "default", 2)]


@pytest.mark.parametrize("batch_size", [32, 200])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("data", SETTINGS)
def test_agrees_with_training_one_by_one(data, norm, batch_size):
    make_split, widths, head_scale = SETTINGS[data]
    split = make_split()
    options = {"batch_size": batch_size, "steps": 60}
    stack = train_stack(widths, RUNS, split, norm=norm, head_scale=head_scale, **options)
    layer = nn.BatchNorm1d if norm == "batch" else None
    for i, run in enumerate(RUNS):
        make = lambda run=run: MLP(widths, layer, run.init, head_scale=head_scale)  # noqa: E731
        net, history = train(make, split, lr=run.lr, seed=run.seed, **options)
        train_loss, _ = evaluate(net, split.X_train, split.y_train)
        assert stack.losses[i].tolist() == pytest.approx(history.losses, abs=1e-10)
        assert stack.train_loss[i].item() == pytest.approx(train_loss, abs=1e-10)
        assert stack.test_loss[i].item() == pytest.approx(history.test_loss[-1], abs=1e-10)
        assert stack.test_accuracy[i].item() == pytest.approx(history.test_accuracy[-1], nan_ok=True)


def test_a_net_that_diverges_disturbs_no_other():
    split = float64_sine()
    widths = [20, 16, 16, 1]
    together = train_stack(widths, [Run(0.1), Run(1e6)], split, batch_size=32, steps=20)
    alone = train_stack(widths, [Run(0.1)], split, batch_size=32, steps=20)
    assert together.losses[0].tolist() == pytest.approx(alone.losses[0].tolist(), abs=1e-10)
    assert torch.isnan(together.test_loss[1]) and not torch.isfinite(together.losses[1]).all()


def test_the_callers_random_state_and_threads_are_left_alone():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train_stack([20, 8, 1], [Run(0.1)], sine(), norm="batch", batch_size=8, steps=2)
    assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()


def test_an_unknown_norm_is_named():
    with pytest.raises(ValueError, match="'layer'"):
        train_stack([20, 8, 1], [Run(0.1)], sine(), norm="layer", batch_size=8, steps=1)
