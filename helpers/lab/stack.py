"""Many small nets trained at once: one batched matrix product in place of a loop over nets.

Each net is a :class:`helpers.lab.nets.MLP`, without a norm or with ``nn.BatchNorm1d``, and is trained as
:func:`helpers.lab.training.train` would train it alone: the same initial weights, batches and updates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .data import Split
from .nets import MLP
from .training import one_thread, seeded


@dataclass(frozen=True)
class Run:
    """One net of a stack: what may differ between nets.  ``init`` as in MLP."""

    lr: float
    init: str | float = "default"
    seed: int = 0


@dataclass(frozen=True)
class Results:
    """What R nets saw, in the order of their runs.

    losses: (R, steps), the loss before each update, not finite from where a net diverged.  The others: (R,),
    at the end, in eval mode, on all rows; the accuracy of a regression is NaN.
    """

    losses: torch.Tensor
    train_loss: torch.Tensor
    test_loss: torch.Tensor
    test_accuracy: torch.Tensor


class Stack:
    """R nets of the same widths side by side: weights (R, fan_in, fan_out), biases (R, 1, fan_out)."""

    def __init__(self, nets: Sequence[MLP], dtype: torch.dtype):
        def together(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
            return torch.stack([t.detach() for t in tensors]).to(dtype).requires_grad_()

        linears = [[m for m in net.modules() if isinstance(m, nn.Linear)] for net in nets]
        layers = list(zip(*linears, strict=True))
        self.weights = [together([linear.weight.T for linear in layer]) for layer in layers]
        biased = [layer for layer in layers if layer[0].bias is not None]
        self.biases = [together([linear.bias[None] for linear in layer]) for layer in biased]
        self.parameters = [*self.weights, *self.biases]
        # Batch normalization treats each feature alone: R layers of C features are one layer of R·C features.
        norms = [m for m in nets[0].modules() if isinstance(m, nn.BatchNorm1d)]
        self.norms = [nn.BatchNorm1d(len(nets) * norm.num_features).to(dtype) for norm in norms]
        for norm in self.norms:
            self.parameters += [norm.weight, norm.bias]
        self.head_scale = nets[0].head_scale

    def forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        """x: (R, N, features), one batch for each net.  Returns (R, N, out)."""
        for i in range(len(self.weights) - 1):
            x = torch.relu(self.before_activation(i, x, training))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1]) * self.head_scale

    def before_activation(self, i: int, x: torch.Tensor, training: bool) -> torch.Tensor:
        """What enters the activation of hidden layer ``i``: Linear, then the norm where there is one."""
        if self.norms:
            return self._normalise(torch.bmm(x, self.weights[i]), self.norms[i].train(training))
        return torch.baddbmm(self.biases[i], x, self.weights[i])

    @staticmethod
    def _normalise(x: torch.Tensor, norm: nn.Module) -> torch.Tensor:
        nets, rows, features = x.shape
        side_by_side = x.transpose(0, 1).reshape(rows, nets * features)
        y: torch.Tensor = norm(side_by_side)
        return y.view(rows, nets, features).transpose(0, 1)


def train_stack(
    widths: list[int],
    runs: Sequence[Run],
    split: Split,
    *,
    norm: str = "none",
    batch_size: int,
    steps: int,
    head_scale: float = 1.0,
) -> Results:
    """Train one net for each run by SGD, all together.

    norm: "none" or "batch".  A net's seed fixes its initial weights and its batches.  A net that diverges
    goes on with NaN and disturbs no other.  Raises ValueError for another norm.
    """
    if norm not in ("none", "batch"):
        raise ValueError(f'norm is "none" or "batch", not {norm!r}')
    layer = nn.BatchNorm1d if norm == "batch" else None
    with one_thread():
        nets = []
        for run in runs:
            with seeded(run.seed):
                nets.append(MLP(widths, layer, run.init, head_scale=head_scale))
        stack = Stack(nets, split.X_train.dtype)
        rates = torch.tensor([run.lr for run in runs], dtype=split.X_train.dtype)
        orders = {run.seed: torch.Generator().manual_seed(run.seed) for run in runs}
        total = len(split.X_train)
        losses = []
        for _ in range(steps):
            batch = {seed: torch.randperm(total, generator=g)[:batch_size] for seed, g in orders.items()}
            rows = torch.stack([batch[run.seed] for run in runs])
            loss = _loss(stack.forward(split.X_train[rows], True), split.y_train[rows])
            gradients = torch.autograd.grad(loss.sum(), stack.parameters)
            with torch.no_grad():
                for parameter, gradient in zip(stack.parameters, gradients, strict=True):
                    _descend(parameter, gradient, rates)
            losses.append(loss.detach())
        with torch.no_grad():
            train = _evaluate(stack, split.X_train, split.y_train)
            test = _evaluate(stack, split.X_test, split.y_test)
    return Results(torch.stack(losses, dim=1), train[0], test[0], test[1])


def _descend(parameter: torch.Tensor, gradient: torch.Tensor, rates: torch.Tensor) -> None:
    """One SGD step with each net's own learning rate; a norm's parameters lie as one row of R·C numbers."""
    nets = len(rates)
    parameter.view(nets, -1).sub_(rates[:, None] * gradient.reshape(nets, -1))


def _loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean loss of each net, (R,): the squared error for float targets, cross-entropy for labels."""
    if y.is_floating_point():
        return ((out - y) ** 2).mean(dim=(1, 2))
    return F.cross_entropy(out.transpose(1, 2), y, reduction="none").mean(dim=1)


def _evaluate(stack: Stack, X: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss, accuracy) of each net in eval mode, on all rows."""
    nets = stack.weights[0].shape[0]
    out = stack.forward(X.expand(nets, *X.shape), False)
    targets = y.expand(nets, *y.shape)
    if y.is_floating_point():
        return _loss(out, targets), torch.full((nets,), torch.nan)
    return _loss(out, targets), (out.argmax(2) == targets).double().mean(1)
