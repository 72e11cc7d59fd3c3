"""Train one net by SGD, reproducibly, leaving the caller's random state as it was."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from .data import Split


@dataclass
class History:
    """What a run saw: the loss before each update, and held-out values at ``steps``."""

    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's CPU generator starts at ``seed``; afterwards it is as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch uses one thread: for small nets faster and steadier than several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def batches(total: int, batch_size: int, steps: int, seed: int) -> Iterator[torch.Tensor]:
    """The rows of each mini-batch: drawn anew each step, without replacement within one."""
    order = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield torch.randperm(total, generator=order)[:batch_size]


def loss_of(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy where ``y`` holds class labels (int64), mean squared error where it holds floats."""
    loss = nn.functional.mse_loss if y.is_floating_point() else nn.functional.cross_entropy
    return loss(net(X), y)


@one_thread()
@torch.no_grad()
def evaluate(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """(loss, accuracy) in eval mode; accuracy is NaN for a regression.  The net's mode is afterwards as before."""
    was_training = net.training
    net.eval()
    out = net(X)
    net.train(was_training)
    if y.is_floating_point():
        return nn.functional.mse_loss(out, y).item(), math.nan
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).double().mean().item()


def train(
    make_net: Callable[[], nn.Module],
    split: Split,
    *,
    lr: float,
    batch_size: int,
    steps: int,
    seed: int = 0,
    momentum: float = 0.0,
    cosine: bool = False,
    evaluate_every: int = 0,
) -> tuple[nn.Module, History]:
    """Train a fresh net by SGD on random mini-batches and return it in eval mode, with its history.

    The seed fixes the initial weights and the batches, so nets with equal shapes see equal batches.  Held-out loss
    and accuracy are taken every ``evaluate_every`` steps (0: only at the end).  Stops early when the loss is no
    longer finite.
    """
    with one_thread():
        with seeded(seed):
            net = make_net().train().to(split.X_train.dtype)
        history = History()
        for _ in sgd(net, split, history, lr, batch_size, steps, seed, momentum, cosine):
            step = len(history.losses)
            if evaluate_every and step % evaluate_every == 0:
                _hold_out(net, split, history, step)
        if not history.steps or history.steps[-1] != len(history.losses):
            _hold_out(net, split, history, len(history.losses))
    return net.eval(), history


def sgd(
    net: nn.Module,
    split: Split,
    history: History,
    lr: float,
    batch_size: int,
    steps: int,
    seed: int = 0,
    momentum: float = 0.0,
    cosine: bool = False,
) -> Iterator[float]:
    """The loop itself: yields each training loss after its update; whoever reads it may stop at any step.

    The numbers are those of ``torch.optim.SGD``, whose first use in a kernel imports for four seconds.
    """
    parameters, velocities = list(net.parameters()), dict[nn.Parameter, torch.Tensor]()
    for step, rows in enumerate(batches(len(split.X_train), batch_size, steps, seed)):
        loss = loss_of(net, split.X_train[rows], split.y_train[rows])
        net.zero_grad()
        loss.backward()
        now = lr * (1 + math.cos(math.pi * step / steps)) / 2 if cosine else lr
        _update(parameters, velocities, now, momentum)
        history.losses.append(loss.item())
        yield history.losses[-1]
        if not math.isfinite(history.losses[-1]):
            return


@torch.no_grad()
def _update(
    parameters: Sequence[nn.Parameter], velocities: dict[nn.Parameter, torch.Tensor], lr: float, momentum: float
) -> None:
    for parameter in parameters:
        change = parameter.grad
        if change is None:
            continue
        if momentum and parameter in velocities:
            change = velocities[parameter].mul_(momentum).add_(change)
        elif momentum:
            velocities[parameter] = change.clone()
        parameter.add_(change, alpha=-lr)


def _hold_out(net: nn.Module, split: Split, history: History, step: int) -> None:
    loss, accuracy = evaluate(net, split.X_test, split.y_test)
    history.steps.append(step)
    history.test_loss.append(loss)
    history.test_accuracy.append(accuracy)
