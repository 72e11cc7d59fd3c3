"""Notebook 07: which tensors a forward pass keeps for backward, counted; recomputation; the in-place trick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from helpers.lab.tables import table
from helpers.lab.training import one_thread, seeded

from .other_layer import PATHS, RIGHT, PartialBackward, gradients, normalised

ROWS, WIDTH, BLOCKS = 256, 128, 4
FULL = ROWS * WIDTH * 4
"""Bytes of one batch of activations in float32."""
SLOPE = 0.01

USUAL, RELU_IN_PLACE, RECOMPUTED, IN_PLACE_ABN = "as usual", "leaky ReLU in place", "recomputed", "In-Place ABN"
KINDS = (USUAL, RELU_IN_PLACE, RECOMPUTED, IN_PLACE_ABN)

Forward = Callable[[torch.Tensor], torch.Tensor]


class InPlaceActivated(torch.autograd.Function):
    """Batch norm and leaky ReLU that keep their output; x̂ is computed back from it (after Rota Bulò et al. 2018)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> Any:
        x_hat, std = normalised(x)
        y = gamma * x_hat + beta
        z = torch.where(y > 0, y, SLOPE * y)
        ctx.save_for_backward(z, gamma, beta, std)
        return z

    @staticmethod
    def backward(ctx: Any, dz: torch.Tensor) -> Any:
        z, gamma, beta, std = ctx.saved_tensors
        x_hat = (torch.where(z > 0, z, z / SLOPE) - beta) / gamma
        return gradients(torch.where(z > 0, dz, SLOPE * dz), x_hat, gamma, std, PATHS[RIGHT])


class Applied(nn.BatchNorm1d):
    """γ and β of a batch norm, and a Function in the place of its forward pass."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        super().__init__(WIDTH)
        self.function, self.arguments = function, arguments

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        y: torch.Tensor = self.function.apply(x, self.weight, self.bias, *self.arguments)
        return y


class InOperations(nn.BatchNorm1d):
    """Batch norm in train mode written with means, differences and a root; autograd does the rest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        mean = x.mean(0)
        var = ((x - mean) ** 2).mean(0)
        x_hat = (x - mean) / torch.sqrt(var + self.eps)
        return self.weight * x_hat + self.bias


class DifferenceOnce(InOperations):
    """The same with x − μ in a variable."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        centred = x - x.mean(0)
        x_hat = centred / torch.sqrt((centred**2).mean(0) + self.eps)
        return self.weight * x_hat + self.bias


class Recomputed(nn.Module):
    """A block that keeps its input alone and runs its forward pass again when its gradient is asked for."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns what the block returns."""
        y: torch.Tensor = checkpoint(self.block, x, use_reentrant=False)
        return y


def kept(forward: Forward, x: torch.Tensor, not_counted: Iterable[torch.Tensor] = ()) -> int:
    """Bytes that ``forward(x)`` keeps for backward; memory that several tensors share counts once.

    >>> kept(lambda x: x.exp(), torch.zeros(10, requires_grad=True))
    40
    """
    owned = {t.untyped_storage().data_ptr() for t in not_counted}
    memory: dict[int, tuple[int, torch.Tensor]] = {}

    def note(t: torch.Tensor) -> torch.Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in owned:
            memory[storage.data_ptr()] = storage.nbytes(), t  # held, so that its address is not given away again
        return t

    with saved_tensors_hooks(note, lambda t: t):
        forward(x)
    return sum(size for size, _ in memory.values())


def _input() -> torch.Tensor:
    return torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0)).requires_grad_()


def units(net: nn.Module) -> float:
    """What a net keeps for backward, in batches of activations; parameters and buffers it has anyway."""
    return kept(net, _input(), [*net.parameters(), *net.buffers()]) / FULL


@one_thread()
def layers_table() -> None:
    """What one batch norm keeps, written in four ways."""
    layers = {
        "mean, sqrt, … and autograd, x − μ computed twice": InOperations(WIDTH),
        "the same, x − μ computed once": DifferenceOnce(WIDTH),
        "a Function that keeps x̂, γ, std": Applied(PartialBackward, PATHS[RIGHT]),
        "nn.BatchNorm1d": nn.BatchNorm1d(WIDTH),
    }
    rows = [[name, f"{units(layer):.2f}"] for name, layer in layers.items()]
    table(
        ["batch norm as", "kept"],
        rows,
        f"Kept for backward, in batches of activations ({ROWS} × {WIDTH} float32, 131 kB)",
    )


def blocks(kind: str) -> nn.Module:
    """Four blocks Linear, batch norm, leaky ReLU: one of KINDS; all start alike."""
    with seeded(0):
        linears = [nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(BLOCKS)]
    made: list[nn.Module] = []
    for linear in linears:
        if kind == IN_PLACE_ABN:
            made.append(nn.Sequential(linear, Applied(InPlaceActivated)))
        else:
            leaky = nn.LeakyReLU(SLOPE, inplace=kind == RELU_IN_PLACE)
            block = nn.Sequential(linear, nn.BatchNorm1d(WIDTH), leaky)
            made.append(Recomputed(block) if kind == RECOMPUTED else block)
    return nn.Sequential(*made)


class _Counted:
    """Counts the calls of a net's Linear layers."""

    def __init__(self, net: nn.Module) -> None:
        self.calls = 0
        for module in net.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_hook(self._note)

    def _note(self, *_: Any) -> None:
        self.calls += 1


@one_thread()
def blocks_table() -> None:
    """What four blocks keep in four ways, how often their Linear layers run, and whether the gradient is the same."""
    rows, gradients = [], {}
    for kind in KINDS:
        net, x = blocks(kind), _input()
        in_units, counted = units(net), _Counted(net)
        (net(x) ** 2).sum().backward()
        assert x.grad is not None
        gradients[kind] = x.grad
        gap = (x.grad - gradients[USUAL]).abs().max() / gradients[USUAL].abs().max()
        same = "–" if kind == USUAL else "yes" if gap < 1e-4 else "no"
        rows.append([kind, f"{in_units:.2f}", f"{counted.calls / BLOCKS:.0f}", same])
    table(
        ["four blocks", "kept", "forward passes", "same gradient within 1e-4?"],
        rows,
        "Kept between forward and backward, in batches of activations; how often each Linear runs in one step",
    )


@one_thread()
def momentum_table() -> None:
    """The running mean after one step, divided by the batch's mean, with and without recomputation."""
    rows = []
    for kind in (USUAL, RECOMPUTED):
        layer, x = nn.BatchNorm1d(WIDTH), _input()
        y = Recomputed(layer)(x) if kind == RECOMPUTED else layer(x)
        (y**2).sum().backward()
        assert layer.running_mean is not None and layer.num_batches_tracked is not None
        share = (layer.running_mean / x.detach().mean(0)).median().item()
        rows.append([kind, f"{share:.2f}", layer.num_batches_tracked.item()])
    table(
        ["one training step", "running_mean ÷ mean of the batch", "num_batches_tracked"],
        rows,
        "nn.BatchNorm1d, momentum 0.1",
    )


GAMMAS = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 0.0)


@one_thread()
def inversion_errors(gamma: float, beta: float, dtype: torch.dtype = torch.float32, seed: int = 0) -> float:
    """Largest error of the x̂ that is computed back from the output, for one γ and β."""
    x = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(seed))
    x_hat, _ = normalised(x)
    y = (gamma * x_hat + beta).to(dtype)
    z = torch.where(y > 0, y, SLOPE * y)
    back = (torch.where(z > 0, z, z / SLOPE).float() - beta) / gamma if gamma else torch.full_like(x, torch.nan)
    return (back - x_hat).abs().max().item()


def inversion_table() -> None:
    """How well x̂ comes back from the output as γ gets smaller, in float32 and in bfloat16, for β = 1 and 0."""
    cases = {
        f"{name}, β = {beta}": (float(beta), dtype)
        for beta in (1, 0)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    rows = [[f"{gamma:g}", *(_said(inversion_errors(gamma, *case)) for case in cases.values())] for gamma in GAMMAS]
    table(["γ", *cases], rows, f"Largest error of x̂ computed back from the output ({ROWS} × {WIDTH} numbers)")


def _said(error: float) -> str:
    return "cannot be computed" if error != error else f"{error:.1g}"
