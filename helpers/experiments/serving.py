"""Notebook 08: a service and its customers, and what becomes of a net when batch norm is folded away."""

from __future__ import annotations

import copy
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, seeded

from .differences import largest, small
from .ready import ready as ready
from .train_and_eval import trained

CUSTOMERS = 12
REQUESTS = 60
TOGETHER = 8

_CLOCK, _TIME = (time.perf_counter, "time") if sys.platform == "win32" else (time.thread_time, "processor time")
"""Processor time, so that other work on the machine hardly counts; Windows counts it in steps of 16 ms."""

Fold = Callable[[Any, Any], Any]


# --- the opening ----------------------------------------------------------------------------------------------------


@one_thread()
@torch.no_grad()
def answers(net: nn.Module, split: Split, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The service in train mode: for each of the first held-out digits, 60 requests with 7 others drawn at random.

    Returns the probability of the true class and whether the answer is right, (customers, requests) each.
    """
    random, X, y = torch.Generator().manual_seed(seed), split.X_test, split.y_test
    shares = np.zeros((CUSTOMERS, REQUESTS))
    right = np.zeros((CUSTOMERS, REQUESTS), dtype=bool)
    for customer in range(CUSTOMERS):
        for request in range(REQUESTS):
            others = torch.randperm(len(X) - 1, generator=random)[: TOGETHER - 1]
            others += others >= customer
            rows = torch.cat([X[customer : customer + 1], X[others]])
            p = copy.deepcopy(net).train()(rows)[0].softmax(0)
            shares[customer, request] = p[y[customer]]
            right[customer, request] = p.argmax() == y[customer]
    return shares, right


def opening() -> None:
    """Train a net on the digits, and show what it answers to twelve customers in changing company."""
    split = digits(torch.float64)
    (net,) = trained(split, [0])
    shares, right = answers(net, split)
    figure, ax = figures.subplots(width=9.0, height=3.4)
    jitter = np.random.RandomState(0).uniform(-0.22, 0.22, shares.shape)
    places = np.arange(CUSTOMERS)[:, None] + jitter
    ax.scatter(places, shares, s=7, color=figures.COLOURS["batch"], alpha=0.55, linewidth=0)
    ax.set(xticks=range(CUSTOMERS), xticklabels=[f"{c}\n{n}/{REQUESTS}" for c, n in enumerate(right.sum(1))])
    ax.set(xlabel="customer; below it the number of right answers", ylim=(-0.03, 1.03))
    ax.set_title(f"probability given to the true class, {REQUESTS} requests for each customer")
    ax.grid(visible=False, axis="x")
    figures.show(
        figure,
        "Twelve columns of dots, one for each customer: the probability of the true class in sixty requests that "
        "differ only in the seven other rows.",
    )


# --- folding --------------------------------------------------------------------------------------------------------


def fold_net(net: nn.Sequential, fold_linear: Fold, fold_conv: Fold) -> nn.Sequential:
    """A new net in eval mode in which every batch norm right behind a linear or convolutional layer is folded."""
    layers: list[nn.Module] = []
    for layer in copy.deepcopy(net).eval():
        before = layers[-1] if layers else None
        if isinstance(layer, nn.BatchNorm1d) and isinstance(before, nn.Linear):
            layers[-1] = fold_linear(before, layer)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and hasattr(before, "transposed"):
            layers[-1] = fold_conv(before, layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def filled(layer: Any) -> Any:
    """The layer in eval mode, with numbers in its buffers, γ and β as after a training."""
    for norm in layer.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert norm.running_mean is not None and norm.running_var is not None
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            for value in (norm.bias, norm.running_mean):
                nn.init.normal_(value)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return layer.eval()


_PAIRS: dict[str, tuple[Callable[[], list[nn.Module]], tuple[int, ...]]] = {
    "Linear": (lambda: [nn.Linear(32, 16), nn.BatchNorm1d(16)], (8, 32)),
    "Conv1d, 4 groups": (lambda: [nn.Conv1d(8, 16, 3, groups=4), nn.BatchNorm1d(16)], (8, 8, 20)),
    "Conv2d, padded": (lambda: [nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)], (4, 8, 9, 9)),
    "ConvTranspose2d, 2 groups": (
        lambda: [nn.ConvTranspose2d(8, 16, 3, 2, groups=2), nn.BatchNorm2d(16)],
        (4, 8, 5, 5),
    ),
}


@one_thread()
@torch.no_grad()
def agreement(fold_linear: Fold, fold_conv: Fold) -> None:
    """The largest difference between pair and folded layer in eval mode, in two precisions."""
    rows = []
    for name, (make, size) in _PAIRS.items():
        with seeded(0):
            pair, x = filled(nn.Sequential(*make())), torch.randn(size)
        cells = []
        for dtype in (torch.float32, torch.float64):
            net = copy.deepcopy(pair).to(dtype)
            cells.append(largest(fold_net(net, fold_linear, fold_conv)(x.to(dtype)), net(x.to(dtype))))
        rows.append([name, *cells])
    table(["layer before batch norm", "float32", "float64"], rows, "Largest difference of an output, eval mode")


def fold_before(bn: nn.BatchNorm2d, conv: nn.Conv2d) -> nn.Conv2d:
    """The attempt to fold a norm that stands *before* a convolution: scale the weight's inputs, shift the bias."""
    assert bn.running_mean is not None and bn.running_var is not None
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    shift = bn.bias - bn.running_mean * scale
    folded = copy.deepcopy(conv)
    folded.weight = nn.Parameter(conv.weight * scale[:, None, None])
    assert conv.bias is not None
    folded.bias = nn.Parameter(conv.bias + (conv.weight * shift[:, None, None]).sum(dim=(1, 2, 3)))
    return folded


@one_thread()
@torch.no_grad()
def where_it_fails(fold_conv: Fold) -> None:
    """Five places of a norm beside a 3×3 convolution: how far the folded layer is off, inside and at the border."""
    with seeded(0):
        conv, bn, x = nn.Conv2d(8, 8, 3, padding=1), filled(nn.BatchNorm2d(8)), torch.randn(4, 8, 9, 9)
        bare = nn.Conv2d(8, 8, 3)
    after, relu = fold_conv(conv, bn), nn.ReLU()
    cases = {
        "Conv, BN; eval mode": (bn(conv(x)), after(x)),
        "Conv, BN; train mode": (copy.deepcopy(bn).train()(conv(x)), after(x)),
        "Conv, ReLU, BN": (bn(relu(conv(x))), relu(after(x))),
        "BN, padded Conv": (conv(bn(x)), fold_before(bn, conv)(x)),
        "BN, Conv without padding": (bare(bn(x)), fold_before(bn, bare)(x)),
    }
    rows = []
    for name, (right, folded) in cases.items():
        off = (right - folded).abs()
        inside = off[..., 1:-1, 1:-1].max().item()
        off[..., 1:-1, 1:-1] = 0
        rows.append([name, small(inside), small(off.max().item())])
    table(
        ["order and mode", "inside", "at the border"], rows, "Largest difference between the layers and the folded one"
    )


def convolutions(depthwise: bool) -> nn.Sequential:
    """Three blocks for 32×32 images; ``depthwise``: each 3×3 filter sees one channel, a 1×1 convolution mixes them."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 64)):
        if depthwise:
            layers += [
                nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False),
                nn.BatchNorm2d(before),
                nn.ReLU(),
            ]
        layers += [nn.Conv2d(before, after, 1 if depthwise else 3, padding=0 if depthwise else 1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


@one_thread()
@torch.no_grad()
def speed_and_size(fold_linear: Fold, fold_conv: Fold, rounds: int = 9) -> None:
    """Time and stored numbers of a net before and after folding, measured in turn."""
    rows = []
    for name, depthwise in {"3×3 convolutions": False, "depthwise and 1×1": True}.items():
        with seeded(0):
            net, x = filled(convolutions(depthwise)), torch.randn(16, 3, 32, 32)
        folded = fold_net(net, fold_linear, fold_conv)
        seconds = [[_time(m, x) for m in (net, folded)] for _ in range(rounds + 1)][1:]  # the first warms up
        ratios = spread(after / before for before, after in seconds)
        sizes = [sum(v.numel() for v in m.state_dict().values()) for m in (net, folded)]
        rows.append([name, ratios, f"{sizes[0]:,}", f"{sizes[1]:,}", len(net), len(folded)])
    head = ["net", "time: after ÷ before", "numbers before", "after", "layers before", "after"]
    table(head, rows, f"16 images of 32×32, eval mode, one thread; {_TIME}: median (range) of {rounds} rounds")


def _time(net: nn.Module, x: torch.Tensor) -> float:
    start = _CLOCK()
    net(x)
    return _CLOCK() - start


def exported(nets: dict[str, nn.Module], x: torch.Tensor) -> None:
    """The operations in the graph that ``torch.export`` writes of each net."""
    for name, net in nets.items():
        graph = torch.export.export(net, (x,)).graph
        calls = [str(node.target).split(".")[1] for node in graph.nodes if str(node.target).startswith("aten.")]
        print(f"{name}: {', '.join(calls)}")
    if not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxscript")):
        print("ONNX: torch.onnx.export needs the packages onnx and onnxscript, which the course does not install.")
        return
    for name, net in nets.items():
        model: Any = torch.onnx.export(net, (x,), verbose=False)
        print(f"{name}, ONNX: {', '.join(node.op_type for node in model.model.graph)}")
