"""Many small nets trained at once, as if they were one: a whole grid of learning rates and seeds in one loop.

``torch.func.vmap`` runs one net's code on a stack of R nets: every parameter and buffer gets a first dimension R, and
each operation works on all R nets.  Each net sees what :func:`helpers.lab.training.train` would show it alone: the
same initial weights, batches and updates.  Any net will do, with any norm, the learner's own layer too.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from .data import Split
from .training import batches, evaluate, one_thread, seeded, train

CACHED = 2**18
"""Numbers in one activation of a stack on a CPU: more nets at once no longer fit its cache, and are slower.

Measured on an x86-64 server core with 512 KB of second-level cache; a power of two more or less changes little.
"""


@dataclass(frozen=True)
class Results:
    """What R nets saw.

    losses: (R, steps), the loss before each update, not finite from where a net diverged.  The others: (R,),
    at the end, in eval mode, on all rows; the accuracy of a regression is NaN.
    """

    losses: torch.Tensor
    train_loss: torch.Tensor
    test_loss: torch.Tensor
    test_accuracy: torch.Tensor

    def grid(self, *shape: int) -> Results:
        """The same with R = shape[0]·shape[1]·… split up, as in (learning rates, seeds)."""
        return self._each(lambda t: t.reshape(*shape, *t.shape[1:]))

    def __getitem__(self, i: int) -> Results:
        return self._each(lambda t: t[i])

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Results:
        return Results(*(change(getattr(self, field.name)) for field in dataclasses.fields(self)))

    def __iter__(self) -> Iterator[Results]:
        return (self[i] for i in range(len(self.losses)))


def sweep(
    make_net: Callable[[], nn.Module], split: Split, lrs: Sequence[float], seeds: Sequence[int], **options: Any
) -> Results:
    """Train a net for every learning rate and seed, all at once; tensors start with (learning rates, seeds).

    make_net builds a fresh net; a seed fixes its initial weights and its batches.  options: as in :func:`train_stack`.
    """
    runs = [Run(make_net, lr, seed) for lr in lrs for seed in seeds]
    return train_stack(runs, split, **options).grid(len(lrs), len(seeds))


@dataclass(frozen=True)
class Run:
    """One net of a stack.  The nets of a stack have the same layers, and may start and learn in different ways."""

    make_net: Callable[[], nn.Module]
    lr: float
    seed: int = 0

    def start(self, split: Split) -> nn.Module:
        """The net before training, on the device and in the dtype of the data."""
        with seeded(self.seed):
            return self.make_net().to(split.X_train)


class Stack:
    """R nets of the same layers as one: ``parameters`` and ``buffers`` have a first dimension R, by name."""

    def __init__(self, nets: Sequence[nn.Module]):
        self.net = copy.deepcopy(nets[0])  # lends its code; its own numbers are never used
        self.parameters, self.buffers = stack_module_state(list(nets))

    def __call__(self, x: torch.Tensor, training: bool) -> Any:
        """x: (R, N, …), a batch for each net.  Returns what the net returns, with a first dimension R."""
        self.net.train(training)
        out, self.buffers = vmap(self._one)(self.parameters, self.buffers, x)
        return out

    @torch.no_grad()
    def descend(self, changes: Sequence[torch.Tensor], lrs: torch.Tensor) -> None:
        """Subtract ``lrs``, (R,), each net's own learning rate, times the change of each of the parameters."""
        for parameter, change in zip(self.parameters.values(), changes, strict=True):
            parameter.addcmul_(lrs.view(-1, *[1] * (parameter.ndim - 1)), change, value=-1)

    def _one(self, parameters: dict[str, Any], buffers: dict[str, Any], x: torch.Tensor) -> tuple[Any, dict[str, Any]]:
        # One dict for both: a layer that assigns a new tensor to its buffer writes it there, and nowhere else.
        state = {**parameters, **buffers}
        out = functional_call(self.net, state, (x,))
        return out, {name: state[name] for name in buffers}


def train_stack(
    runs: Sequence[Run],
    split: Split,
    *,
    batch_size: int,
    steps: int,
    momentum: float = 0.0,
    cosine: bool = False,
) -> Results:
    """Train the nets of all runs by SGD, on the device of the data; cosine lets every learning rate fall to 0.

    A net that diverges goes on with NaN and disturbs no other.  Nets whose code cannot be stacked (it reads a number
    out of a tensor, say) are trained one by one.
    """
    options: dict[str, Any] = {"batch_size": batch_size, "steps": steps, "momentum": momentum, "cosine": cosine}
    with one_thread():
        try:
            size = group_size(len(runs), runs[0].start(split), split, batch_size)
            groups = [_together(runs[i : i + size], split, **options) for i in range(0, len(runs), size)]
        except RuntimeError as error:  # a fault of the net itself is raised again by the net alone
            reason = str(error).partition("\n")[0]
            print(f"These nets cannot be trained as one stack, so they are trained one by one, more slowly: {reason}")
            groups = [_alone(run, split, **options) for run in runs]
    return Results(*(torch.cat([getattr(g, field.name) for g in groups]) for field in dataclasses.fields(Results)))


def _together(runs: Sequence[Run], split: Split, batch_size: int, steps: int, momentum: float, cosine: bool) -> Results:
    started = {(run.make_net, run.seed): run.start(split) for run in runs}
    nets = Stack([started[run.make_net, run.seed] for run in runs])
    parameters = list(nets.parameters.values())
    velocities = [torch.zeros_like(p) for p in parameters]
    lrs = split.X_train.new_tensor([run.lr for run in runs])
    order = {run.seed: torch.stack([*batches(len(split.X_train), batch_size, steps, run.seed)]) for run in runs}
    rows = torch.stack([order[run.seed] for run in runs], dim=1).to(lrs.device)
    losses = []
    for step in range(steps):
        loss = losses_of(nets(split.X_train[rows[step]], training=True), split.y_train[rows[step]])
        gradients: Sequence[torch.Tensor] = torch.autograd.grad(loss.sum(), parameters)
        now = lrs * (1 + math.cos(math.pi * step / steps)) / 2 if cosine else lrs
        if momentum:
            gradients = [v.mul_(momentum).add_(g) for v, g in zip(velocities, gradients, strict=True)]
        nets.descend(gradients, now)
        losses.append(loss.detach())
    train_loss, _ = _evaluate(nets, split.X_train, split.y_train, len(runs))
    return Results(torch.stack(losses, dim=1), train_loss, *_evaluate(nets, split.X_test, split.y_test, len(runs)))


def _alone(run: Run, split: Split, batch_size: int, steps: int, momentum: float, cosine: bool) -> Results:
    net, history = train(
        lambda: run.start(split),
        split,
        lr=run.lr,
        batch_size=batch_size,
        steps=steps,
        seed=run.seed,
        momentum=momentum,
        cosine=cosine,
    )
    losses = history.losses + [math.nan] * (steps - len(history.losses))
    ends = evaluate(net, split.X_train, split.y_train)[0], history.test_loss[-1], history.test_accuracy[-1]
    return Results(*(split.X_train.new_tensor([value]) for value in (losses, *ends)))


def group_size(count: int, net: nn.Module, split: Split, batch_size: int) -> int:
    """How many of ``count`` nets at once are fastest: all on a GPU, as many as fit the cache on a CPU."""
    if split.X_train.device.type != "cpu":
        return count
    widest = max(p.shape[0] for p in net.parameters())
    groups = math.ceil(count / max(1, CACHED // (batch_size * widest)))
    return math.ceil(count / groups)


def losses_of(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean loss of each net, (R,), from outputs (R, N, out): squared error for float targets, cross-entropy for labels.

    y: targets of each net, (R, N, …), or the same for all, (N, …).
    """
    if y.is_floating_point():
        return (out - y).square().mean(dim=(1, 2))
    return F.cross_entropy(out.transpose(1, 2), y.expand(out.shape[:2]), reduction="none").mean(dim=1)


@torch.no_grad()
def _evaluate(nets: Stack, X: torch.Tensor, y: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss, accuracy) of each net in eval mode, on all rows."""
    out = nets(X.expand(count, *X.shape), training=False)
    if y.is_floating_point():
        return losses_of(out, y), X.new_full((count,), math.nan)
    return losses_of(out, y), (out.argmax(2) == y).to(X.dtype).mean(1)
