"""A stack of nets is the same nets trained one by one."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.exercises.answers.batchnorm1d import REFERENCE
from helpers.lab import stack
from helpers.lab.data import digits, sine
from helpers.lab.nets import MLP
from helpers.lab.stack import Run, Stack, sweep, train_stack
from helpers.lab.training import evaluate, seeded, train

LearnersOwn = REFERENCE["batchnorm1d"]


class Assigning(LearnersOwn):
    """Gives its buffers new tensors, where the reference changes the old ones."""

    def forward(self, x):
        if self.training:
            var, mean = torch.var_mean(x, dim=0, correction=0)
            unbiased = x.var(dim=0).detach()
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean.detach()
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / (var + self.eps).sqrt() + self.beta


class Reading(LearnersOwn):
    """Reads a number out of a tensor, which vmap cannot do."""

    def forward(self, x):
        assert x.mean().item() < math.inf
        return super().forward(x)


NORMS = {
    "none": None,
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "group": lambda features: nn.GroupNorm(4, features),
    "the learner's own": LearnersOwn,
    "assigning": Assigning,
}


def float64_sine():
    split = sine(scale=0.5)
    return dataclasses.replace(split, **{f: getattr(split, f).double() for f in vars(split)})


SPLITS = {"sine": float64_sine(), "digits": digits(torch.float64)}


@pytest.fixture
def no_fallback(monkeypatch):
    """A stack that cannot be trained raises, in place of training its nets one by one."""

    def alone(*_):
        raise AssertionError("not trained as a stack")

    monkeypatch.setattr(stack, "_alone", alone)


def assert_trained_alone(runs, split, found, **options):
    for i, run in enumerate(runs):
        net, history = train(run.make_net, split, lr=run.lr, seed=run.seed, **options)
        train_loss, _ = evaluate(net, split.X_train, split.y_train)
        assert found.losses[i].tolist() == pytest.approx(history.losses, abs=1e-10)
        assert found.train_loss[i].item() == pytest.approx(train_loss, abs=1e-10)
        assert found.test_loss[i].item() == pytest.approx(history.test_loss[-1], abs=1e-10)
        assert found.test_accuracy[i].item() == pytest.approx(history.test_accuracy[-1], nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(
    norm=st.sampled_from(list(NORMS)),
    task=st.sampled_from(list(SPLITS)),
    batch_size=st.integers(32, 256),
    lr=st.floats(0.003, 1.0),
    init=st.sampled_from(["default", "he", 0.1]),
    activation=st.sampled_from(["relu", "sigmoid"]),
    momentum=st.sampled_from([0.0, 0.5]),
    cosine=st.booleans(),
)
def test_agrees_with_training_one_by_one(norm, task, batch_size, lr, init, activation, momentum, cosine):
    split = SPLITS[task]
    sizes = [split.X_train.shape[1], 32, 16, 1 if task == "sine" else 10]
    head_scale = 32**-0.5

    def make(init=init):
        return MLP(sizes, NORMS[norm], init, activation, head_scale)

    runs = [Run(make, lr, 0), Run(make, lr / 3, 0), Run(make, lr, 5), Run(lambda: make("default"), lr, 2)]
    options = {"batch_size": batch_size, "steps": 25, "momentum": momentum, "cosine": cosine}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "_alone", None)
        found = train_stack(runs, split, **options)
    assert_trained_alone(runs, split, found, **options)


@pytest.mark.parametrize("norm", ["none", "batch", "the learner's own", "assigning"])
@pytest.mark.parametrize("batch_size", [32, 200])
def test_agrees_over_a_whole_training(norm, batch_size, no_fallback):
    options = {"batch_size": batch_size, "steps": 150}
    runs = [Run(lambda: MLP([20, 32, 32, 32, 1], NORMS[norm], head_scale=32**-0.5), lr) for lr in (0.1, 1.0)]
    found = train_stack(runs, SPLITS["sine"], **options)
    assert_trained_alone(runs, SPLITS["sine"], found, **options)


def test_running_statistics_are_those_of_each_net_alone(no_fallback):
    """``functional_call`` with parameters and buffers in two dicts would lose what a layer assigns."""
    split = SPLITS["sine"]
    nets = []
    for seed in (0, 1):
        with seeded(seed):
            nets.append(MLP([20, 8, 1], Assigning).double())
    together = Stack(nets)
    for _ in range(3):
        together(split.X_train.expand(2, -1, -1), training=True)
    for i, net in enumerate(nets):
        for _ in range(3):
            net(split.X_train)
        for name, buffer in net.named_buffers():
            torch.testing.assert_close(together.buffers[name][i], buffer)
            assert not torch.equal(buffer, torch.zeros(8)) and not torch.equal(buffer, torch.ones(8))


def test_groups_change_nothing(monkeypatch, no_fallback):
    options = {"batch_size": 32, "steps": 10}
    make = lambda: MLP([20, 16, 1], nn.BatchNorm1d)  # noqa: E731
    whole = sweep(make, SPLITS["sine"], (0.1, 0.3), (0, 1, 2), **options)
    monkeypatch.setattr(stack, "CACHED", 32 * 16 * 5)
    assert [stack.group_size(n, make(), SPLITS["sine"], 32) for n in (5, 6, 11)] == [5, 3, 4]
    parts = sweep(make, SPLITS["sine"], (0.1, 0.3), (0, 1, 2), **options)
    assert whole.losses.shape == (2, 3, 10) and whole.test_loss.shape == (2, 3)
    for name, values in vars(whole).items():
        torch.testing.assert_close(getattr(parts, name), values, rtol=0, atol=1e-10, equal_nan=True)


def test_a_layer_that_cannot_be_stacked_is_trained_alone():
    make = {norm: lambda norm=norm: MLP([20, 16, 1], norm) for norm in (Reading, LearnersOwn)}
    options = {"batch_size": 32, "steps": 10}
    alone, together = (sweep(make[norm], SPLITS["sine"], (0.1, 0.2), (0,), **options) for norm in make)
    for name, values in vars(together).items():
        torch.testing.assert_close(getattr(alone, name), values, rtol=0, atol=1e-10, equal_nan=True)


def test_the_error_of_a_layer_is_its_own():
    class Broken(LearnersOwn):
        def forward(self, x):
            raise KeyError("gamma")

    with pytest.raises(KeyError, match="gamma"):
        sweep(lambda: MLP([20, 16, 1], Broken), sine(), (0.1,), (0,), batch_size=32, steps=2)


def test_a_net_that_diverges_disturbs_no_other():
    make = lambda: MLP([20, 16, 16, 1])  # noqa: E731
    together = sweep(make, SPLITS["sine"], (0.1, 1e6), (0,), batch_size=32, steps=20)
    alone = sweep(make, SPLITS["sine"], (0.1,), (0,), batch_size=32, steps=20)
    assert together.losses[0, 0].tolist() == pytest.approx(alone.losses[0, 0].tolist(), abs=1e-10)
    assert torch.isnan(together.test_loss[1, 0]) and not torch.isfinite(together.losses[1]).all()


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, Reading])
def test_the_callers_random_state_and_threads_are_left_alone(norm):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    sweep(lambda: MLP([20, 8, 1], norm), sine(), (0.1,), (0, 1), batch_size=8, steps=2)
    assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()


def test_no_number_is_read_back_while_training(monkeypatch, no_fallback):
    """On a GPU each would wait for all that was queued."""
    for read in ("item", "tolist", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, read, lambda *_: pytest.fail("read back"))
    found = sweep(lambda: MLP([20, 16, 1], LearnersOwn), SPLITS["sine"], (0.1, 0.2), (0,), batch_size=32, steps=3)
    monkeypatch.undo()
    assert found.losses.isfinite().all()


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_every_device_finds_the_same(device, no_fallback):
    there = dataclasses.replace(SPLITS["sine"], **{k: v.to(device) for k, v in vars(SPLITS["sine"]).items()})
    make = lambda: MLP([20, 32, 32, 1], LearnersOwn)  # noqa: E731
    options = {"batch_size": 32, "steps": 30}
    here, found = (sweep(make, split, (0.03, 0.1), (0, 1), **options) for split in (SPLITS["sine"], there))
    assert found.losses.device.type == device
    torch.testing.assert_close(found.losses.cpu(), here.losses, rtol=0, atol=1e-9)
