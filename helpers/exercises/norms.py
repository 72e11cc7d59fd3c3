"""Notebook 05: BatchNorm2d, LayerNorm, GroupNorm and RMSNorm against torch, and a quiz: which norm when.

The layers have ``gamma`` and, but for RMSNorm, ``beta``; BatchNorm2d also ``running_mean`` and ``running_var``.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from helpers.judge.api import (
    Assessment,
    BadOutput,
    Check,
    Exercise,
    Finding,
    Observations,
    Probe,
    Raised,
    Rule,
    agree,
    asked,
    matches,
    near,
    tensor,
)
from helpers.judge.source import Source

REFUSED = asked("did it refuse 6 channels in 4 groups")
LEARNABLE = "learnable numbers of RMSNorm(6)"

CHOICES = ("batch", "frozen batch", "ghost batch", "layer", "group", "instance", "rms")
REASONS = {
    "P": "many values share each mean, so the batch statistics are good; in the table this norm has the lowest error there",
    "Q": "no image enters another's statistics, so in the table the error hardly changes when the batch is small",
    "R": "γ, β and the running statistics were learned with the weights; a few images are too few to replace them",
    "S": "it removes each image's own contrast, channel by channel",
    "T": "each token has its own mean and variance: sentence length, padding and the other sentences do not matter",
    "U": "it removes the scale and leaves the mean in, with one reduction less",
    "V": "there is one example at a time, but it has many features to average over",
    "W": "fewer values behind each statistic make more noise, and that noise is wanted as a regulariser",
    "X": "it keeps the spatial layout, because it does not pool over H and W",
    "Y": "the loss becomes smoother, which is settled",
    "Z": "batch statistics do not exist for one image",
}
SITUATIONS = {
    "a": "an image classifier, trained from scratch with 32 images on each GPU",
    "b": "a segmentation net, trained from scratch with 2 large images on each GPU and nothing synchronised",
    "c": "a detector fine-tuned from a classifier that was trained with BN, 2 images on each GPU",
    "d": "style transfer: the contrast of the content image must not matter in any channel",
    "e": "a Transformer that translates sentences of different lengths; mean and scale of each token are to be removed",
    "f": "a large language model in which only the scale of each token is to be removed, as cheaply as possible",
    "g": "an MLP that learns from a stream, one example at a time",
    "h": "a BN net trained with 4,096 images on each device, which fits well and generalises worse than with 64",
}


def _normal(seed: int, shape: tuple[int, ...], mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
    """Normal numbers from NumPy's frozen legacy generator: the same on every machine and version."""
    return torch.tensor(np.random.RandomState(seed).normal(mean, std, shape), dtype=torch.float32)


def _out(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return tensor(layer(x), "the output of forward")


def _output(make: Any, shape: tuple[int, ...], *arguments: Any, **options: Any) -> dict[str, Any]:
    """The output of a fresh layer for normal input of mean 2 and standard deviation 3."""
    return {"output": _out(make(*arguments, **options), _normal(1, shape, 2.0, 3.0))}


def _trained(make: Any, shape: tuple[int, ...], *arguments: Any, learns: tuple[str, ...]) -> dict[str, Any]:
    """Output and gradients of a layer with eps = 0.5 and random parameters, for a random upstream gradient."""
    layer = make(*arguments, eps=0.5)
    parameters = dict(layer.named_parameters())
    x = _normal(4, shape, 1.0, 2.0).requires_grad_()
    wanted = {"the input": x}
    for seed, name in enumerate(learns, 2):
        if name not in parameters:
            raise BadOutput(f"the layer has no parameter `{name}`: set self.{name} = nn.Parameter(...) in __init__.")
        wanted[name] = parameters[name]
        with torch.no_grad():
            wanted[name].copy_(_normal(seed, tuple(wanted[name].shape), 1.0))
    y = _out(layer, x)
    loss = (y * _normal(5, shape)).sum()
    found: Any = [None] * len(wanted)
    if loss.requires_grad:
        found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    seen: dict[str, Any] = {"output": y}
    for (name, value), gradient in zip(wanted.items(), found, strict=True):
        seen[f"gradient of {name}"] = torch.full_like(value, torch.nan) if gradient is None else gradient
    return seen


def _gradient_rules(*names: str) -> tuple[Rule, ...]:
    return tuple(matches(f"gradients/gradient of {name}") for name in names)


_SPLIT_EPS = (
    "Look at what lies under the root, and at what multiplies the result.",
    "eps is added to the variance before the root is taken; gamma multiplies x̂, then beta is added.",
)


def _memory(make: Any) -> dict[str, Any]:
    layer = make(3, momentum=0.3)
    for seed in (6, 7):
        _out(layer, _normal(seed, (4, 3, 2, 2), 2.0, 3.0))
    seen = {name: copy.deepcopy(getattr(layer, name).detach()) for name in ("running_mean", "running_var")}
    layer.eval()
    return {**seen, "eval output": _out(layer, _normal(8, (2, 3, 4, 4)))}


batchnorm2d_exercise = Exercise(
    id="batchnorm2d",
    title="BatchNorm2d",
    module=__name__,
    builds="BatchNorm2d",
    probes=(
        Probe("train", "a 6×3×5×3 batch, train mode", lambda make: _output(make, (6, 3, 5, 3), 3)),
        Probe("one_image", "a single 3×4×5 image, train mode", lambda make: _output(make, (1, 3, 4, 5), 3)),
        Probe("memory", "two 4×3×2×2 batches with momentum 0.3, then two images in eval mode", _memory),
        Probe(
            "gradients",
            "a 4×3×2×3 batch, eps = 0.5, random gamma, beta and upstream gradient",
            lambda make: _trained(make, (4, 3, 2, 3), 3, learns=("gamma", "beta")),
        ),
    ),
    checks=(
        Check(
            "train_mode",
            "1 · train mode: one mean and variance for each channel, over N, H and W",
            (matches("train/output"), matches("one_image/output")),
            "A convolution uses one filter at every position, so all positions of a channel are the same feature.",
            (
                "Which of the four dimensions keeps its size in the mean? Only the one that names the feature.",
                "Average over three dimensions at once, and give the (C,) result two more dimensions before you subtract it.",
                "`mean = x.mean(dim=(0, 2, 3))` and `x - mean[:, None, None]`",
            ),
        ),
        Check(
            "memory",
            "2 · running statistics count N·H·W values, and eval mode uses them",
            (matches("memory/running_mean"), matches("memory/running_var"), matches("memory/eval output")),
            "With N in place of N·H·W the stored variance is too large, and most so for small batches.",
            (
                "How many numbers went into one channel's variance?",
                "n = N·H·W, and the stored variance is the unbiased one, var · n / (n − 1).",
                "`n = x.numel() // x.shape[1]`",
            ),
        ),
        Check(
            "gradients",
            "3 · output and gradients with other gamma, beta and eps",
            (matches("gradients/output"), *_gradient_rules("gamma", "beta", "the input")),
            "γ and β have one number for each channel, and autograd sums their gradients over N, H and W.",
            (*_SPLIT_EPS, "`return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]`"),
        ),
    ),
)


def _modes(make: Any) -> dict[str, Any]:
    layer = make(6)
    for seed in (9, 10, 11):
        _out(layer, _normal(seed, (4, 6), 2.0, 3.0))
    return {"output in eval mode": _out(layer.eval(), _normal(12, (4, 6), -1.0))}


layernorm_exercise = Exercise(
    id="layernorm",
    title="LayerNorm",
    module=__name__,
    builds="LayerNorm",
    probes=(
        Probe(
            "tokens",
            "LayerNorm(6) on 4×5×6: 4 sentences of 5 tokens with 6 features",
            lambda make: _output(make, (4, 5, 6), 6),
        ),
        Probe(
            "image",
            "LayerNorm((3, 4, 5)) on two 3×4×5 images",
            lambda make: _output(make, (2, 3, 4, 5), (3, 4, 5)),
        ),
        Probe("modes", "LayerNorm(6): three 4×6 batches in train mode, then one in eval mode", _modes),
        Probe(
            "gradients",
            "LayerNorm((4, 6), eps=0.5) on 3×4×6, random gamma, beta and upstream gradient",
            lambda make: _trained(make, (3, 4, 6), (4, 6), learns=("gamma", "beta")),
        ),
    ),
    checks=(
        Check(
            "numbers",
            "1 · the numbers of torch.nn.LayerNorm: one mean per sample, the same in both modes",
            (matches("tokens/output"), matches("image/output"), matches("modes/output in eval mode")),
            "It asks nothing of the batch: one sentence alone gets the same output as in a batch of a thousand.",
            (
                "normalized_shape names the *last* dimensions. The mean is taken over these and over no other.",
                "For k sizes average over the dimensions −k … −1, with keepdim=True so that the result can be subtracted.",
                "`dims = tuple(range(-len(shape), 0))` and `x.mean(dim=dims, keepdim=True)`",
            ),
        ),
        Check(
            "gradients",
            "2 · output and gradients with other gamma, beta and eps",
            (matches("gradients/output"), *_gradient_rules("gamma", "beta", "the input")),
            "γ and β have the shape normalized_shape: one number for each position, not one for each layer.",
            (*_SPLIT_EPS, "`self.gamma = nn.Parameter(torch.ones(shape))` … `return self.gamma * x_hat + self.beta`"),
        ),
    ),
)


def _special(make: Any) -> dict[str, Any]:
    x = _normal(13, (2, 4, 3, 3), 2.0, 3.0)
    seen: dict[str, Any] = {
        "output with G = 1": _out(make(1, 4), x),
        "output with G = C": _out(make(4, 4), x),
        "output for (N, C) input": _out(make(3, 6), _normal(14, (5, 6), 2.0, 3.0)),
    }
    refused = False
    try:
        make(4, 6)(_normal(15, (2, 6, 2, 2)))
    except NotImplementedError:
        raise
    except Exception:
        refused = True
    return {**seen, REFUSED: refused}


groupnorm_exercise = Exercise(
    id="groupnorm",
    title="GroupNorm",
    module=__name__,
    builds="GroupNorm",
    probes=(
        Probe(
            "groups",
            "GroupNorm(2, 6) on three images of 6 channels, 2×3",
            lambda make: _output(make, (3, 6, 2, 3), 2, 6),
        ),
        Probe("special", "GroupNorm(1, 4) and (4, 4) on images, (3, 6) on 5×6, and (4, 6)", _special),
        Probe(
            "gradients",
            "GroupNorm(3, 6, eps=0.5) on 2×6×2×2, random gamma, beta and upstream gradient",
            lambda make: _trained(make, (2, 6, 2, 2), 3, 6, learns=("gamma", "beta")),
        ),
    ),
    checks=(
        Check(
            "groups",
            "1 · the numbers of torch.nn.GroupNorm: one mean per sample and group",
            (matches("groups/output"),),
            "A group pools its channels and all positions; popular descriptions leave out one of the two.",
            (
                "A sample's C·H·W values fall into G equal parts, and each part has one mean and one variance.",
                "Neighbouring channels form a group, so a reshape to (N, G, everything else) puts each group in one row.",
                "`groups = x.reshape(x.shape[0], self.num_groups, -1)`, then average over dim=2",
            ),
        ),
        Check(
            "special",
            "2 · special cases: G = 1, G = C, input without H and W, C no multiple of G",
            (
                matches("special/output with G = 1"),
                matches("special/output with G = C"),
                matches("special/output for (N, C) input"),
                near(f"special/{REFUSED}", 1.0, 0.0),
            ),
            "G = 1 has layer norm's statistics, over (C, H, W); G = C is instance norm.",
            (
                "The same code should serve every G. What must hold between C and G?",
                "Do not unpack x.shape into four names: reshape with −1. In __init__ compare num_channels % num_groups with 0.",
                "`if num_channels % num_groups: raise ValueError(...)`",
            ),
        ),
        Check(
            "gradients",
            "3 · output and gradients with other gamma, beta and eps",
            (matches("gradients/output"), *_gradient_rules("gamma", "beta", "the input")),
            "γ and β belong to channels even where statistics belong to groups.",
            (*_SPLIT_EPS, "`per_channel = (-1,) + (1,) * (x.ndim - 2)` and `self.gamma.view(per_channel) * x_hat`"),
        ),
    ),
)


def _tiny(make: Any) -> dict[str, Any]:
    layer = make(6)
    small = _normal(16, (3, 6), 0.0, 3e-4)
    small[2] = 0.0
    smaller = torch.tensor(np.random.RandomState(17).normal(0.0, 3e-8, (3, 6)))
    return {
        "float32 output": _out(layer, small),
        "float64 output": _out(make(6).double(), smaller),
        LEARNABLE: sum(p.numel() for p in layer.parameters()),
    }


rmsnorm_exercise = Exercise(
    id="rmsnorm",
    title="RMSNorm",
    module=__name__,
    builds="RMSNorm",
    probes=(
        Probe(
            "tokens",
            "RMSNorm(6, eps=1e-5) on 4×5×6, mean 2, std 3",
            lambda make: _output(make, (4, 5, 6), 6, eps=1e-5),
        ),
        Probe(
            "image",
            "RMSNorm((4, 5), eps=1e-5) on 2×3×4×5",
            lambda make: _output(make, (2, 3, 4, 5), (4, 5), eps=1e-5),
        ),
        Probe(
            "gradients",
            "RMSNorm((4, 6), eps=0.5) on 3×4×6, random gamma and upstream gradient",
            lambda make: _trained(make, (3, 4, 6), (4, 6), learns=("gamma",)),
        ),
        Probe("tiny", "RMSNorm(6) without eps: numbers near 3e-4 (float32), 3e-8 (float64), and a row of zeros", _tiny),
    ),
    checks=(
        Check(
            "numbers",
            "1 · output and gradients of torch.nn.RMSNorm",
            (
                matches("tokens/output"),
                matches("image/output"),
                matches("gradients/output"),
                *_gradient_rules("gamma", "the input"),
            ),
            "Large language models use it in every block: a layer that is nearly right loads their weights and answers nonsense.",
            (
                "The name is the recipe, read from right to left: square, mean, root.",
                "Average x² over the last dimensions with keepdim=True. No mean is subtracted, and there is no beta.",
                "`x / torch.sqrt((x**2).mean(dim=self.dims, keepdim=True) + eps)`, times gamma",
            ),
        ),
        Check(
            "default_eps",
            "2 · eps = None means the machine epsilon of x's dtype; gamma is all there is to learn",
            (
                matches("tiny/float32 output"),
                matches("tiny/float64 output"),
                near(f"tiny/{LEARNABLE}", 6.0, 0.0),
            ),
            "The defaults differ: 1e-5 in nn.LayerNorm, about 1.2e-7 here for float32. Published models state their own.",
            (
                "What does your layer do when nobody gives it an eps?",
                "torch.finfo(dtype).eps is the machine epsilon. The dtype is known only in forward.",
                "`eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps`",
            ),
        ),
    ),
)


def _given(answers: Callable[[], Any]) -> dict[str, Any]:
    """The learner's choices as places in CHOICES and REASONS."""
    given = answers()
    if not isinstance(given, dict) or set(given) != set(SITUATIONS):
        raise BadOutput(f"return a dict with the keys {', '.join(SITUATIONS)}.")
    seen: dict[str, Any] = {}
    for situation, answer in given.items():
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise BadOutput(f'the answer for {situation} is a pair, for example ("layer", "P").')
        for kind, value, known in (("norm", answer[0], CHOICES), ("reason", answer[1], tuple(REASONS))):
            if value not in known:
                raise BadOutput(f"{situation}: {value!r} is no {kind}; they are {', '.join(known)}.")
            seen[f"{kind} of {situation}"] = known.index(value)
    return seen


def _all_right(*situations: str) -> Rule:
    """Norm and reason are right for each situation.  Says what is wrong, not what would be right."""

    def rule(seen: Observations, right: Observations) -> Finding:
        expected = "the norm and the reason that fit, for " + ", ".join(situations)
        keys = [f"quiz/{kind} of {situation}" for situation in situations for kind in ("norm", "reason")]
        if isinstance(problem := seen.get("quiz"), Raised):
            return Finding(False, keys[0], expected, str(problem))
        wrong = [key.partition("/")[2] for key in keys if not agree(seen.get(key), right.get(key))]
        measured = f"not right: {', '.join(wrong)}" if wrong else "all right"
        return Finding(not wrong, keys[0], expected, measured)

    return rule


class Quiz(Exercise):
    """An exercise whose cards do not print the right answers."""

    def assess(self, seen: Observations, source: str | Source = "") -> Assessment:
        """As in Exercise, but only known mistakes are named, and their evidence repeats what the card says already."""
        found = super().assess(seen, source)
        said = "; ".join(v.finding.measured for v in found.verdicts if v.passed is False)
        return Assessment(found.verdicts, tuple(dataclasses.replace(e, evidence=said) for e in found.causes if e.id))


which_norm_exercise = Quiz(
    id="which_norm",
    title="Which norm when",
    module=__name__,
    builds="which_norm",
    probes=(Probe("quiz", "your answers", _given),),
    checks=(
        Check(
            "images",
            "1 · convolutional nets: a, b, c, d",
            (_all_right("a", "b", "c", "d"),),
            hints=(
                "Count first: how many values would share one mean, and whose are they?",
                "a and b: read Wu & He's table at 32 and at 2. c: what do the pretrained weights expect? d: per image, per channel.",
                "The norms are batch, group, frozen batch and instance, in some order.",
            ),
        ),
        Check(
            "elsewhere",
            "2 · tokens, streams, large batches: e, f, g, h",
            (_all_right("e", "f", "g", "h"),),
            hints=(
                "e, f and g have no use for other samples. h has samples in abundance.",
                "e and f differ in one thing: is a mean subtracted? h wants more noise in its statistics, not less.",
                "The norms are layer (twice), rms and ghost batch.",
            ),
        ),
    ),
)
