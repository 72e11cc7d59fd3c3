"""Notebook 02: the layer, its six checks, and the checks beyond six.

A learner's class is built as ``BatchNorm1d(num_features, eps=1e-5, momentum=0.1)`` and has ``gamma``, ``beta``,
``running_mean`` and ``running_var``.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.judge.exercise import Exercise
from helpers.judge.model import Check, Probe
from helpers.judge.observe import tensor
from helpers.judge.rules import matches, near

EVAL_GAP = "largest gap between the output and (x − running_mean)/√(running_var + eps)"


def _batch(seed: int, shape: tuple[int, int], mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
    """Normal numbers from NumPy's frozen legacy generator: the same on every machine and version."""
    return torch.tensor(np.random.RandomState(seed).normal(mean, std, shape), dtype=torch.float32)


def _out(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return tensor(layer(x), "the output of forward")


def _set_affine(layer: Any, gamma: torch.Tensor, beta: torch.Tensor) -> None:
    with torch.no_grad():
        layer.gamma.copy_(gamma)
        layer.beta.copy_(beta)


def _statistics(layer: Any) -> dict[str, Any]:
    return {"running_mean": layer.running_mean, "running_var": layer.running_var}


def _train(make: Any) -> dict[str, Any]:
    y = _out(make(8), _batch(0, (1024, 8), 3.0, 5.0))
    return {"mean of each feature": y.mean(0), "variance of each feature": y.var(0, correction=0)}


def _eval(make: Any) -> dict[str, Any]:
    layer = make(8)
    for step in range(50):
        _out(layer, _batch(step, (64, 8), 3.0, 5.0))
    layer.eval()
    x = _batch(99, (256, 8), -2.0, 0.5)
    y = _out(layer, x)
    formula = (x - layer.running_mean) / torch.sqrt(layer.running_var + 1e-5)
    return {
        EVAL_GAP: (y - formula).abs().max(),
        "mean of each output feature": y.mean(0),
        "output for one row": _out(layer, x[:1]),
    }


def _moves(make: Any) -> dict[str, Any]:
    layer = make(4)
    x = _batch(1, (32, 4), 3.0, 5.0)
    before = copy.deepcopy(_statistics(layer))
    _out(layer, x)
    after = copy.deepcopy(_statistics(layer))
    layer.eval()
    _out(layer, x)
    seen: dict[str, Any] = {}
    for name, now in _statistics(layer).items():
        seen[f"did {name} move in train mode (1 yes, 0 no)"] = not torch.equal(before[name], after[name])
        seen[f"did {name} move in eval mode (1 yes, 0 no)"] = not torch.equal(after[name], now)
    return seen


def _numbers(make: Any) -> dict[str, Any]:
    layer = make(4)
    y = _out(layer, _batch(2, (8, 4), 2.0, 3.0))
    seen = {"train output": y, **copy.deepcopy({k: v.detach() for k, v in _statistics(layer).items()})}
    layer.eval()
    return {**seen, "eval output": _out(layer, _batch(3, (5, 4)))}


def _gradients(make: Any) -> dict[str, Any]:
    layer = make(4)
    _set_affine(layer, torch.tensor([1.5, -0.5, 2.0, 1.0]), torch.tensor([0.1, -1.0, 0.0, 3.0]))
    x = _batch(4, (16, 4), 1.0, 2.0).requires_grad_()
    upstream = _batch(5, (16, 4))
    parameters = dict(layer.named_parameters())
    wanted = [parameters.get("gamma"), parameters.get("beta"), x]
    loss = (_out(layer, x) * upstream).sum()
    known = [w for w in wanted if w is not None]
    found = iter(torch.autograd.grad(loss, known, allow_unused=True) if loss.requires_grad else [None] * len(known))
    missing = torch.full((4,), torch.nan)
    gamma, beta, dx = (next(found) if w is not None else None for w in wanted)
    return {
        "gradient of gamma": missing if gamma is None else gamma,
        "gradient of beta": missing if beta is None else beta,
        "gradient of the input": torch.full_like(x, torch.nan) if dx is None else dx,
    }


def _affine(make: Any) -> dict[str, Any]:
    layer = make(4)
    _set_affine(layer, torch.tensor(2.0), torch.tensor(5.0))
    y = _out(layer, _batch(6, (2048, 4), -1.0, 3.0))
    return {"mean of each feature": y.mean(0), "variance of each feature": y.var(0, correction=0)}


def _settings(make: Any) -> dict[str, Any]:
    layer = make(3, eps=0.5, momentum=0.3)
    _set_affine(layer, torch.tensor([0.5, 2.0, -1.0]), torch.tensor([1.0, 0.0, -2.0]))
    for step in range(5):
        y = _out(layer, _batch(10 + step, (6, 3), 1.0, 1.0 + step))
    layer.eval()
    return {"train output after 5 steps": y, **_statistics(layer), "eval output": _out(layer, _batch(20, (4, 3)))}


def _one_row(make: Any) -> dict[str, Any]:
    layer = make(3)
    try:
        y = _out(layer, _batch(7, (1, 3)))
    except ValueError:
        y = torch.zeros(1)
    finite = all(bool(torch.isfinite(v).all()) for v in [y, *_statistics(layer).values()])
    return {"was NaN written (1 yes, 0 no)": not finite}


def _precision(make: Any) -> dict[str, Any]:
    x = torch.tensor(np.random.RandomState(8).normal(1.0, 2.0, (32, 3)))
    y = _out(make(3).double(), x)
    exact = (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-5)
    low = _out(make(3).to(torch.bfloat16), x.to(torch.bfloat16))
    far = _batch(9, (256, 3), 1e4, 1.0)
    shifted = far.double()
    right = (shifted - shifted.mean(0)) / torch.sqrt(shifted.var(0, correction=0) + 1e-5)
    return {
        "float64 output dtype kept (1 yes, 0 no)": y.dtype == torch.float64,
        "float64 error × 1e9": (y - exact).abs().max() * 1e9,
        "bfloat16 output dtype kept (1 yes, 0 no)": low.dtype == torch.bfloat16,
        "error at mean 10,000, std 1": (_out(make(3), far) - right).abs().max(),
    }


def _saved(make: Any) -> dict[str, Any]:
    layer = make(4)
    for step in range(3):
        _out(layer, _batch(step, (16, 4), 2.0, 3.0))
    state = layer.state_dict()
    names = {"gamma": "weight", "beta": "bias", "running_mean": "running_mean", "running_var": "running_var"}
    seen: dict[str, Any] = {f"{name} in state_dict (1 yes, 0 no)": name in state for name in names}
    seen["running statistics among the parameters"] = sum(
        name in dict(layer.named_parameters()) for name in ("running_mean", "running_var")
    )
    x = _batch(30, (5, 4))
    theirs = nn.BatchNorm1d(4)
    theirs.load_state_dict({names[k]: v for k, v in state.items() if k in names}, strict=False)
    seen["output of torch's layer after loading yours"] = theirs.eval()(x)
    again = make(4)
    again.load_state_dict(state)
    seen["output of a new layer after loading"] = _out(again.eval(), x)
    return seen


def _side_effects(make: Any) -> dict[str, Any]:
    layer, other = make(3), make(3)
    x = _batch(40, (8, 3), 1.0, 2.0)
    kept = x.clone()
    _out(layer, x)
    _out(layer, x.clone().requires_grad_())
    return {
        "largest change of the caller's input": (x - kept).abs().max(),
        "running statistics that carry a graph": sum(
            v.grad_fn is not None for v in _statistics(layer).values()
        ),
        "running_mean of another layer": other.running_mean,
    }


_PROBES = (
    Probe("train", "a 1024×8 batch, mean 3, std 5, train mode", _train),
    Probe("eval", "50 training batches (mean 3, std 5), then 256 rows (mean −2, std 0.5) in eval mode", _eval),
    Probe("moves", "a 32×4 batch, first in train mode, then in eval mode", _moves),
    Probe("numbers", "an 8×4 batch, then 5 rows in eval mode", _numbers),
    Probe("gradients", "a 16×4 batch, and a random upstream gradient", _gradients),
    Probe("affine", "a 2048×4 batch, gamma = 2, beta = 5", _affine),
    Probe("settings", "5 steps with eps = 0.5, momentum = 0.3, other gamma and beta", _settings),
    Probe("one_row", "one row in train mode", _one_row),
    Probe("precision", "float64, bfloat16, and float32 numbers around 10,000", _precision),
    Probe("saved", "3 training batches, then state_dict", _saved),
    Probe("side_effects", "an 8×3 batch, and a second layer that sees none", _side_effects),
)

_EVAL_HINTS = (
    "At test time there may be no batch. What did the layer remember of the training batches?",
    "`self.training` tells the mode. In eval mode take the mean and variance from the buffers.",
    "`else: mean, var = self.running_mean, self.running_var`, and the same normalising line for both modes.",
)

batchnorm1d = Exercise(
    id="batchnorm1d",
    title="BatchNorm1d",
    home=__name__,
    probes=_PROBES,
    checks=(
        Check(
            "train_mode",
            "1 · train mode: mean 0 and variance 1 for each feature",
            (
                near("train/mean of each feature", 0.0, 1e-4),
                near("train/variance of each feature", 1.0, 1e-2),
            ),
            "This is Algorithm 1 of the paper without γ and β.",
            (
                "Each column of the batch gets its own mean and its own variance.",
                "Average over dim=0. Divide x − mean by the square root of variance + eps.",
                "`x_hat = (x - mean) / torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "eval_mode",
            "2 · eval mode: uses the running statistics, not the batch",
            (near(f"eval/{EVAL_GAP}", 0.0, 1e-5), matches("eval/mean of each output feature", rtol=1e-3, atol=1e-3)),
            "A served model must give one example the same answer whoever is beside it in the batch.",
            _EVAL_HINTS,
        ),
        Check(
            "running_statistics",
            "3 · running statistics move in train mode and stay in eval mode",
            (
                near("moves/did running_mean move in train mode (1 yes, 0 no)", 1.0, 0.0),
                near("moves/did running_var move in train mode (1 yes, 0 no)", 1.0, 0.0),
                near("moves/did running_mean move in eval mode (1 yes, 0 no)", 0.0, 0.0),
                near("moves/did running_var move in eval mode (1 yes, 0 no)", 0.0, 0.0),
            ),
            "Statistics that move while you evaluate make the result depend on the order of the test set.",
            (
                "Both buffers must change with every training batch, and only then.",
                "new = (1 − momentum) · old + momentum · batch value. Do it inside the train branch, under torch.no_grad().",
                "`self.running_mean += self.momentum * (mean - self.running_mean)`, and likewise for running_var.",
            ),
        ),
        Check(
            "numbers",
            "4 · the numbers of torch.nn.BatchNorm1d",
            (
                matches("numbers/train output"),
                matches("numbers/running_mean"),
                matches("numbers/running_var"),
                matches("numbers/eval output"),
            ),
            "A layer that is only nearly right gives other results when its weights are loaded into torch's.",
            (
                "Two variances are at work: one for normalising, one for remembering.",
                "Normalise with the biased variance (÷N). Store the unbiased one (÷(N−1)), as the paper's Algorithm 2 does.",
                "`self.running_var += self.momentum * (var * n / (n - 1) - self.running_var)`",
            ),
        ),
        Check(
            "gradients",
            "5 · the gradients of gamma and beta",
            (matches("gradients/gradient of gamma"), matches("gradients/gradient of beta")),
            "Without a gradient γ and β stay at 1 and 0, and nothing warns you.",
            (
                "autograd finds what is an nn.Parameter and is used in the result.",
                "Make gamma and beta nn.Parameter in __init__ and use them in forward, outside any no_grad block.",
                "`self.gamma = nn.Parameter(torch.ones(num_features))` … `return self.gamma * x_hat + self.beta`",
            ),
        ),
        Check(
            "affine",
            "6 · gamma and beta scale and shift",
            (
                near("affine/mean of each feature", 5.0, 1e-3),
                near("affine/variance of each feature", 4.0, 5e-2),
            ),
            "γ and β let the net choose the scale that the next layer needs.",
            (
                "After normalising, the layer may choose a new standard deviation and a new mean.",
                "gamma multiplies, beta is added, feature by feature.",
                "`return self.gamma * x_hat + self.beta`",
            ),
        ),
    ),
)

batchnorm1d_beyond = Exercise(
    id="batchnorm1d_beyond",
    title="BatchNorm1d, beyond six",
    home=__name__,
    probes=_PROBES,
    checks=(
        Check(
            "input_gradient",
            "the gradient of the input flows through the batch mean and variance",
            (matches("gradients/gradient of the input"),),
            "With detached statistics the layers below are trained with a wrong gradient, and the loss still falls.",
            (
                "The mean and variance are functions of x too.",
                "Only the update of the buffers belongs under torch.no_grad(), not the statistics you normalise with.",
                "Remove `.detach()` and `no_grad` around `mean` and `var`; keep them around the running update.",
            ),
        ),
        Check(
            "settings",
            "other eps and momentum, over several steps",
            (
                matches("settings/train output after 5 steps"),
                matches("settings/running_mean"),
                matches("settings/running_var"),
                matches("settings/eval output"),
            ),
            "Models differ: YOLOv5, for example, sets eps = 0.001 and momentum = 0.03.",
            (
                "Look for a constant in your code that should come from the constructor.",
                "Use self.eps and self.momentum everywhere; eps goes under the root.",
                "`torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "one_row",
            "one row in train mode never writes NaN",
            (near("one_row/was NaN written (1 yes, 0 no)", 0.0, 0.0),),
            "The last batch of an epoch often has one row; a NaN in a buffer ruins every later evaluation.",
            (
                "What is n − 1 for one row?",
                "torch raises ValueError. Skipping the update is accepted too.",
                "`if x.shape[0] < 2: raise ValueError(...)` at the start of the train branch.",
            ),
        ),
        Check(
            "precision",
            "float64, bfloat16 and large means",
            (
                near("precision/float64 output dtype kept (1 yes, 0 no)", 1.0, 0.0),
                near("precision/float64 error × 1e9", 0.0, 1.0),
                near("precision/bfloat16 output dtype kept (1 yes, 0 no)", 1.0, 0.0),
                near("precision/error at mean 10,000, std 1", 0.0, 0.05),
            ),
            "Features with a large mean are common; E[x²] − E[x]² then has no correct digit in float32.",
            (
                "Which subtraction in your code takes one large number from another?",
                "Subtract the mean before squaring. Let dtypes follow x and the parameters; no .float().",
                "`var = ((x - mean) ** 2).mean(dim=0)`",
            ),
        ),
        Check(
            "saved",
            "state_dict holds all four tensors and fits torch's layer",
            (
                near("saved/gamma in state_dict (1 yes, 0 no)", 1.0, 0.0),
                near("saved/beta in state_dict (1 yes, 0 no)", 1.0, 0.0),
                near("saved/running_mean in state_dict (1 yes, 0 no)", 1.0, 0.0),
                near("saved/running_var in state_dict (1 yes, 0 no)", 1.0, 0.0),
                near("saved/running statistics among the parameters", 0.0, 0.0),
                matches("saved/output of torch's layer after loading yours"),
                matches("saved/output of a new layer after loading"),
            ),
            "A checkpoint without its running statistics evaluates like an untrained layer.",
            (
                "Print `list(layer.state_dict())`. What is missing, or there for the wrong reason?",
                "nn.Parameter for what is trained, register_buffer for what is remembered.",
                '`self.register_buffer("running_mean", torch.zeros(num_features))`',
            ),
        ),
        Check(
            "side_effects",
            "no side effects: input, graph, other layers",
            (
                near("side_effects/largest change of the caller's input", 0.0, 0.0),
                near("side_effects/running statistics that carry a graph", 0.0, 0.0),
                near("side_effects/running_mean of another layer", 0.0, 0.0),
            ),
            "Buffers that keep a graph make memory grow with every step until the process dies.",
            (
                "What else than its result does forward leave behind?",
                "Update the buffers under torch.no_grad(), and never write into x.",
                "`with torch.no_grad(): self.running_mean += ...`",
            ),
        ),
    ),
)
