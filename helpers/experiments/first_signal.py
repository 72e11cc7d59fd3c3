"""Notebook 09: what the first weights do to signal and gradient in a net of thirty layers, before any training."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.stack import sweep
from helpers.lab.tables import spread, table
from helpers.lab.training import History, loss_of, one_thread, seeded, sgd

from . import stored
from .differences import small
from .stored import Found

FILE = "first_signal"
LAYERS, WIDTH, ROWS = 30, 128, 128
SEEDS = range(10)
APART = "part in which digits differ"

Fill = Callable[[torch.Tensor], object]
"""Draws the weight of one layer, (out, in), in place."""
Activation = Callable[[torch.Tensor], torch.Tensor]


def normal(variance: Callable[[int, int], float]) -> Fill:
    """Normal weights; their variance follows from fan_in and fan_out."""
    return lambda w: nn.init.normal_(w, std=math.sqrt(variance(w.shape[1], w.shape[0])))


def gain(g: float) -> Fill:
    """Normal weights of the standard deviation g / √fan_in."""
    return normal(lambda fan_in, fan_out: g * g / fan_in)


@dataclass(frozen=True)
class Through:
    """What passed a stack of layers; mean squares, one for each layer.

    signal: of the activations.  gradient: of the gradient with respect to them.  apart: the part of the signal's mean
    square in which the rows differ, that is their variance over its mean square.
    """

    signal: list[float]
    gradient: list[float]
    apart: list[float]


@one_thread()
def through(
    widths: Sequence[int], fill: Fill, act: Activation, seed: int, rows: int = ROWS, x: torch.Tensor | None = None
) -> Through:
    """Send digits forward through layers without biases, and a random gradient back."""
    with seeded(seed):
        weights = [torch.empty(fan_out, fan_in) for fan_in, fan_out in pairwise(widths)]
        for weight in weights:
            fill(weight)
        if x is None:
            X = _training_rows()
            x = X[torch.randperm(len(X))[:rows]]
        upstream = torch.randn(len(x), widths[-1]).double()
    x = x.double()
    steps: list[torch.Tensor] = []
    for weight in weights:
        weight = weight.double()
        x = act(x @ weight.T) if steps else act(x @ weight.T).requires_grad_()
        steps.append(x)
    gradients = torch.autograd.grad(x, steps, upstream)
    signal = [_square(s) for s in steps]
    apart = [s.var(0, correction=0).mean().item() / max(m, 1e-300) for s, m in zip(steps, signal, strict=True)]
    return Through(signal, [_square(g) for g in gradients], apart)


@functools.cache
def _training_rows() -> torch.Tensor:
    return digits().X_train


def _square(x: torch.Tensor) -> float:
    return x.detach().double().square().mean().item()


def same_widths(layers: int = LAYERS, width: int = WIDTH) -> list[int]:
    """Sizes of the digits and of hidden layers of one width."""
    return [64, *[width] * layers]


# --- the opening ----------------------------------------------------------------------------------------------------


def opening(seed: int = 0) -> None:
    """Ten digits on their way through thirty layers with PyTorch's default weights: what each layer makes of them."""
    split = digits()
    rows = torch.stack([(split.y_train == digit).nonzero()[0, 0] for digit in range(10)])
    with seeded(seed):
        net = MLP([*same_widths(), 10])
    x, seen = split.X_train[rows], {}
    with torch.no_grad():
        for number, layer in enumerate(net.hidden, 1):
            x = layer(x)
            seen[number] = x
    figure, axes = figures.subplots(4, 1, width=9.0, height=5.6, sharex=True)
    for ax, number in zip(axes, (1, 4, 10, 30), strict=True):
        image = seen[number]
        ax.imshow(image / image.max(), aspect="auto", cmap="Greys", interpolation="nearest")
        apart = (image.max(0).values - image.min(0).values).max().item()
        ax.set(yticks=[0, 9], yticklabels=["0", "9"], ylabel="digit")
        ax.set_title(f"layer {number}: in no unit are two of the ten digits further apart than {small(apart)}")
        ax.grid(visible=False)
    axes[-1].set_xlabel("unit (empty: 0, full: the largest activation of the layer)")
    figures.show(
        figure,
        "Four strips of ten rows, one for each digit, and 128 columns, one for each unit: activations behind layers 1, "
        "4, 10 and 30. From strip to strip the rows become alike.",
    )


RATES = (0.003, 0.01, 0.03)
STEPS, NARROW = 400, 32


def rescued(seeds: Sequence[int]) -> Found:
    """Held-out accuracy of the opening's net, 32 wide, from two starts and at every rate: (seeds, rates) by start."""
    found: Found = {}
    for start in ("default", "he"):
        make = functools.partial(MLP, [*same_widths(width=NARROW), 10], None, start)
        runs = sweep(make, digits(), RATES, seeds, batch_size=64, steps=STEPS)
        found[start] = np.where(runs.train_loss.isfinite(), runs.test_accuracy, np.nan).T
    return found


def rescued_table() -> None:
    """Does the net learn?  Both starts, by learning rate."""
    found = stored.load(FILE, "rescued")
    rows = [
        [name, *(spread(found[start][:, i]) for i in range(len(RATES)))]
        for name, start in (("0.58, PyTorch's default", "default"), ("the one that you found, biases 0", "he"))
    ]
    head = ["gain", *(f"rate {rate:g}" for rate in RATES)]
    what = f"held-out accuracy after {STEPS} steps of SGD: median (range) of ten seeds"
    table(head, rows, f"{LAYERS} layers of {NARROW}, {what}")


# --- starts, with theory beside them --------------------------------------------------------------------------------


def orthogonal(g: float) -> Fill:
    """A random matrix with orthonormal rows or columns, times g."""
    return functools.partial(nn.init.orthogonal_, gain=g)


STARTS: dict[str, tuple[Fill, Callable[[int, int], float]]] = {
    "PyTorch's default": (lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)), lambda i, o: 1 / (3 * i)),
    "LeCun": (gain(1.0), lambda i, o: 1 / i),
    "Xavier": (nn.init.xavier_normal_, lambda i, o: 2 / (i + o)),
    "He": (functools.partial(nn.init.kaiming_normal_, nonlinearity="relu"), lambda i, o: 2 / i),
    "He, std 10 % larger": (gain(1.1 * math.sqrt(2)), lambda i, o: 2.42 / i),
    "orthogonal, gain √2": (orthogonal(math.sqrt(2)), lambda i, o: 2 / max(i, o)),
}
"""How each start fills a weight, and the variance of a weight for (fan_in, fan_out)."""


def starts_table() -> None:
    """Factor of signal and gradient in each ReLU layer, as theory has it and measured, and what is left at the end."""
    rows = []
    for name, (fill, variance) in STARTS.items():
        runs = [through(same_widths(), fill, torch.relu, seed) for seed in SEEDS]
        theory = WIDTH * variance(WIDTH, WIDTH) / 2
        forward = [_a_layer(run.signal) for run in runs]
        back = [1 / _a_layer(run.gradient) for run in runs]
        last = [run.signal[-1] for run in runs]
        apart = [run.apart[-1] for run in runs]
        rows.append([name, f"{theory:.2f}", spread(forward), spread(back), between(last), spread(apart)])
    head = ["start", "theory", "signal, × a layer", "gradient, × a layer", "signal at layer 30", APART]
    table(head, rows, f"{LAYERS} ReLU layers of {WIDTH}, mean squares: median (range) of ten seeds")


def _a_layer(values: Sequence[float], start: int = 4) -> float:
    """Geometric mean of the factor from layer to layer, from the fifth layer on."""
    return float((values[-1] / values[start]) ** (1 / (len(values) - 1 - start)))


def between(values: Sequence[float]) -> str:
    """Median and range of numbers of very different sizes, one digit each where they are tiny.

    >>> between([1e-12, 1.0, 2.04])
    '1 (1e-12–2)'
    """
    three = min(values), float(np.median(values)), max(values)
    low, middle, high = map(small, three)
    return f"{middle} ({low}–{high})"


# --- fans that differ -----------------------------------------------------------------------------------------------

ZIGZAG = [64, *[64, 256] * 15]


def zigzag_table() -> None:
    """Linear layers alternately 64 and 256 wide: signal and gradient over each pair of layers, for three choices."""
    choices: dict[str, Callable[[int, int], float]] = {
        "1 / fan_in (LeCun)": lambda i, o: 1 / i,
        "1 / fan_out": lambda i, o: 1 / o,
        "2 / (fan_in + fan_out) (Xavier)": lambda i, o: 2 / (i + o),
    }
    rows = []
    for name, variance in choices.items():
        runs = [through(ZIGZAG, normal(variance), lambda x: x, seed) for seed in SEEDS]
        pair = 64 * 256 * variance(64, 256) * variance(256, 64)
        forward = [(r.signal[-1] / r.signal[1]) ** (1 / 14) for r in runs]
        back = [(r.gradient[1] / r.gradient[-1]) ** (1 / 14) for r in runs]
        ends = [r.signal[-1] / r.signal[1] for r in runs]
        rows.append([name, f"{pair:.2f}", spread(forward), spread(back), between(ends)])
    head = ["variance of a weight", "theory", "signal, × a pair", "gradient, × a pair", "signal, layer 30 over 2"]
    table(head, rows, "Thirty linear layers, alternately 64 and 256 wide, mean squares: median (range) of ten seeds")


# --- activations and their gains ------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[Activation, float, str]] = {
    "none (linear)": (lambda x: x, 1.0, "1"),
    "ReLU": (torch.relu, math.sqrt(2), "√2"),
    "leaky ReLU, slope 0.3": (lambda x: nn.functional.leaky_relu(x, 0.3), math.sqrt(2 / 1.09), "√(2/1.09)"),
    "tanh": (torch.tanh, 1.0, "1"),
    "tanh, PyTorch's gain": (torch.tanh, 5 / 3, "5/3"),
    "SELU": (nn.functional.selu, 1.0, "1"),
    "logistic sigmoid": (torch.sigmoid, 1.0, "1"),
}


def gains_table() -> None:
    """What thirty layers with each activation and its gain leave of signal, differences and gradient."""
    rows = []
    for name, (act, g, said) in ACTIVATIONS.items():
        runs = [through(same_widths(), gain(g), act, seed) for seed in SEEDS]
        apart = [run.apart[-1] for run in runs]
        back = [run.gradient[0] / run.gradient[-1] for run in runs]
        rows.append([name, said, between([run.signal[-1] for run in runs]), between(apart), between(back)])
    head = ["activation", "gain", "signal at layer 30", APART, "gradient, layer 1 over 30"]
    what = "std of a weight = gain/√fan_in, mean squares: median (range) of ten seeds"
    table(head, rows, f"{LAYERS} layers of {WIDTH}, {what}")


# --- orthogonal -----------------------------------------------------------------------------------------------------


def singular_values(fill: Fill, layers: int, seed: int, size: int = 64) -> torch.Tensor:
    """Singular values of a product of square matrices, largest first.

    The last is read off the product of the inverses: beside the largest it may be below float64's rounding.
    """
    with seeded(seed):
        product = inverse = torch.eye(size, dtype=torch.float64)
        for _ in range(layers):
            weight = torch.empty(size, size, dtype=torch.float64)
            fill(weight)
            product, inverse = weight @ product, inverse @ torch.linalg.inv(weight)
    values: torch.Tensor = torch.linalg.svdvals(product)
    values[-1] = 1 / torch.linalg.svdvals(inverse)[0]
    return values


def orthogonal_table() -> None:
    """Singular values of products of 1, 10 and 30 matrices, normal and orthogonal."""
    rows = []
    for name, fill in (("normal, variance 1/fan_in", gain(1.0)), ("orthogonal", orthogonal(1.0))):
        for layers in (1, 10, 30):
            found = [singular_values(fill, layers, seed) for seed in SEEDS]
            cells = [between([v[i].item() for v in found]) for i in (0, 32, -1)]
            rows.append([name, layers, *cells])
    head = ["matrices of 64 × 64", "multiplied", "largest", "middle", "smallest"]
    table(head, rows, "Singular values: median (range) of ten seeds")


# --- zeros ----------------------------------------------------------------------------------------------------------


def _constant(net: nn.Module, value: float) -> None:
    for p in net.parameters():
        nn.init.constant_(p, value)


def _hidden_constant(net: nn.Module) -> None:
    for name, p in net.named_parameters():
        if name.startswith("hidden"):
            nn.init.constant_(p, 0.02)


ZEROS: dict[str, Callable[[nn.Module], object]] = {
    "all 0": lambda net: _constant(net, 0.0),
    "all 0.02": lambda net: _constant(net, 0.02),
    "hidden layers 0.02, head random": _hidden_constant,
    "random, biases 0": lambda net: None,
}


def ties(change: Callable[[nn.Module], object], split: Split, seed: int, steps: int = 300) -> dict[str, float]:
    """A net of three layers of 32: what has a gradient in step 1, how many units differ at the end, accuracy."""
    with seeded(seed):
        net = MLP([64, 32, 32, 32, 10], None, "he")
    change(net)
    loss_of(net, split.X_train[:64], split.y_train[:64]).backward()
    moved = sum(bool(p.grad is not None and p.grad.abs().max() > 1e-6) for p in net.parameters())
    for _ in sgd(net, split, History(), 0.1, 64, steps, seed):
        pass
    weight = net.hidden[1][0].weight.detach()  # type: ignore[index]
    different = len(torch.unique((weight * 1e4).round(), dim=0))
    with torch.no_grad():
        accuracy = (net(split.X_test).argmax(1) == split.y_test).double().mean().item()
    return {"moved": moved, "different": different, "accuracy": accuracy}


@one_thread()
def zeros_table() -> None:
    """Four starts of a small net: gradients of the first step, units that differ after 300 steps, accuracy."""
    split, rows = digits(), []
    for name, change in ZEROS.items():
        found = [ties(change, split, seed) for seed in range(3)]
        moved, different, accuracy = ([one[key] for one in found] for key in ("moved", "different", "accuracy"))
        rows.append([name, f"{_counts(moved)} of 8", f"{_counts(different)} of 32", spread(accuracy)])
    head = ["start", "tensors with a gradient in step 1", "different units in layer 2, at the end", "held-out accuracy"]
    table(head, rows, "Three hidden layers of 32, 300 steps of SGD at rate 0.1: median (range) of three seeds")


def _counts(values: Sequence[float]) -> str:
    low, high = int(min(values)), int(max(values))
    return str(low) if low == high else f"{low}–{high}"


# --- for the live picture -------------------------------------------------------------------------------------------


@functools.cache
def _unit(seed: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Weights of variance 1/fan_in, and digits, for the picture in which the gain moves."""
    with seeded(seed):
        weights = [torch.randn(o, i) / math.sqrt(i) for i, o in pairwise(same_widths())]
        X = _training_rows()
        return weights, X[torch.randperm(len(X))[:64]]


def live(activation: str, g: float, seed: int = 0) -> Through:
    """Signal and gradient for one gain, always from the same random numbers."""
    weights, x = _unit(seed)
    drawn: Iterator[torch.Tensor] = iter(weights)
    return through(same_widths(), lambda w: w.copy_(g * next(drawn)), ACTIVATIONS[activation][0], seed, x=x)
