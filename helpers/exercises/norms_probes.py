"""What is done with a learner's BatchNorm2d, LayerNorm, GroupNorm and RMSNorm, and what of it is kept.

The four layers are taken apart in the same way.  As in notebook 02 a quantity is observed only where all right layers
agree, and most quantities depend on one decision of the author, whatever the others are: eps is measured on input in
which every set of elements has mean 0 and the same variance, gradients are compared with the slope of the layer's own
output, and tensors are compared flattened but in one place.
"""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.judge.api import Array, BadOutput, Probe, as_array, asked, tensor
from helpers.judge.operators import library_norms, operators_called

from .measuring import gradients_of, normal, output

STATISTICS = ("running_mean", "running_var")
STEPS = 60
FORMULA = asked("the output is that of the formula")


@dataclass(frozen=True)
class Kind:
    """One of the four layers, as the probes that all of them share need it.

    ``arguments`` build a layer for input of ``shape``; ``sets`` has a dimension for each statistic and a last one for
    the elements that share it.  ``affine`` is the shape of gamma, ``along`` the dimensions over which one number of
    gamma is used.  ``centred`` is False where no mean is subtracted.
    """

    arguments: tuple[Any, ...]
    shape: tuple[int, ...]
    sets: Callable[[Array], Array]
    affine: tuple[int, ...]
    along: tuple[int, ...]
    learns: tuple[str, ...] = ("gamma", "beta")
    remembers: tuple[str, ...] = ()
    centred: bool = True

    def normalised(self, x: torch.Tensor, eps: float = 1e-5) -> Array:
        """What the layer should give for x before gamma and beta, in float64."""
        exact = as_array(x)
        sets = self.sets(exact)
        places = self.sets(np.arange(float(exact.size)).reshape(exact.shape)).astype(int)
        if self.centred:
            sets = sets - sets.mean(-1, keepdims=True)
        result: Array = np.empty(exact.size)
        result[places] = sets / np.sqrt((sets**2).mean(-1, keepdims=True) + eps)
        return result.reshape(exact.shape)


BATCH = Kind(
    (4,),
    (2, 4, 2, 4),
    lambda x: np.moveaxis(x, 1, 0).reshape(x.shape[1], -1),
    (4,),
    (0, 2, 3),
    remembers=STATISTICS,
)
LAYER = Kind(((4, 6),), (2, 4, 6), lambda x: x.reshape(-1, 24), (4, 6), (0,))
GROUP = Kind((2, 4), (2, 4, 2, 4), lambda x: x.reshape(len(x), 2, -1), (4,), (0, 2, 3))
RMS = Kind(((4, 6),), (2, 4, 6), lambda x: x.reshape(-1, 24), (4, 6), (0,), learns=("gamma",), centred=False)


def held(layer: Any, name: str) -> torch.Tensor:
    """The layer's own tensor of that name, so that it can be found again; BadOutput where there is none."""
    value: Any = getattr(layer, name, None)
    if value is None:
        made = "register_buffer(...)" if name in STATISTICS else f"self.{name} = nn.Parameter(...)"
        what = "buffer" if name in STATISTICS else "parameter"
        raise BadOutput(f"the layer has no {what} `{name}`: make it with {made} in __init__.")
    tensor(value, name)
    return value  # type: ignore[no-any-return]


def run(layer: Any, x: torch.Tensor) -> Array:
    """The numbers of the output; the layer gets a copy, since one that writes into its input is seen elsewhere."""
    return as_array(output(layer, x.clone()))


def flat(layer: Any, name: str) -> Array:
    """One of the layer's tensors as a flat array; its shape is observed once, by ``saved``."""
    return as_array(held(layer, name)).reshape(-1)


def fill(layer: Any, **values: Any) -> None:
    """Copy numbers into the layer's tensors: one for all, or a flat list in the order of the tensor."""
    with torch.no_grad():
        for name, value in values.items():
            mine, numbers = held(layer, name), torch.as_tensor(value, dtype=torch.float32)
            mine.copy_(numbers.reshape(mine.shape) if numbers.numel() == mine.numel() else numbers.flatten()[0])


def differ(a: Array, b: Array, atol: float = 1e-5) -> bool:
    """True where two arrays are not the same numbers; NaN equals NaN."""
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return True
    return bool((np.nan_to_num(np.abs(a - b)) > atol + 1e-4 * np.nan_to_num(np.abs(b))).any())


def trained(layer: Any, name: str) -> torch.Tensor:
    """``layer.gamma`` or ``layer.beta`` if it is a parameter; else a tensor of its shape that no loss reaches."""
    value = held(layer, name)
    return value if any(p is value for p in layer.parameters()) else torch.zeros(value.shape)


def slopes_of(loss: torch.Tensor, wanted: list[torch.Tensor]) -> list[Array]:
    """Gradient of each tensor; 0 where there is none, which is what an optimizer makes of it."""
    return [np.nan_to_num(g) for g in gradients_of(loss, wanted)]


def _checkerboard(shape: tuple[int, ...]) -> torch.Tensor:
    """+1 and −1 in turn along every dimension, so that the mean over any of them is 0."""
    places = sum(np.indices(shape))
    return torch.tensor(1.0 - 2.0 * (places % 2), dtype=torch.float32)


def _law(make: Any, kind: Kind, scales: Array, dtype: torch.dtype, **options: Any) -> tuple[float, bool]:
    """eps of 1 / slope² = factor · s² + eps, for blocks of numbers ±s, and whether that is how the slope goes."""
    signs, slopes = _checkerboard(kind.shape), []
    for scale in scales:
        layer = make(*kind.arguments, **options).to(dtype)
        fill(layer, gamma=1.0)
        slopes.append((run(layer, float(scale) * signs.to(dtype)) * as_array(signs)).mean() / scale)
    slope = np.array(slopes)
    if not np.isfinite(slope).all() or (np.abs(slope) * scales < 1e-6).any():
        return np.nan, False
    under, table = 1 / slope**2, np.stack([scales**2, np.ones(len(scales))], 1)
    unit = scales[0] ** 2
    factor, eps = np.linalg.lstsq(table / unit, under / unit, rcond=None)[0]
    return float(eps), not differ(table @ np.array([factor, eps]) / unit, under / unit, 1e-4)


def _root(make: Any, kind: Kind) -> dict[str, Any]:
    eps, fits = _law(make, kind, np.array([0.5, 1.0, 2.0, 4.0]), torch.float32, eps=0.5)
    said = "variance" if kind.centred else "mean square"
    return {"eps under the root": eps, asked(f"1 / slope² = {said} + eps, or a multiple of the {said}"): fits}


def _affine(make: Any, kind: Kind) -> dict[str, Any]:
    layer, x = make(*kind.arguments), normal(20, kind.shape, 1.0, 2.0)
    steps = np.arange(1.0, 1.0 + np.prod(kind.affine))
    start = dict.fromkeys(kind.learns, 0.0) | {"gamma": 1.0}
    values = {"gamma": np.where(steps % 3 == 0, -0.5, 1.0) * steps, "beta": 1.0 - 0.5 * steps}
    fill(layer, **start)
    plain = run(layer, x)
    fill(layer, gamma=values["gamma"])
    scaled = run(layer, x)
    square = (plain**2).sum(kind.along)
    seen: dict[str, Any] = {
        "factor that gamma puts on the output": (plain * scaled).sum(kind.along) / np.where(square > 0, square, np.nan)
    }
    if "beta" in kind.learns:
        fill(layer, gamma=1.0, beta=values["beta"])
        shifted = run(layer, x)
        seen["offset that beta puts on the output"] = (shifted - plain).mean(kind.along)
        fill(layer, gamma=2.0)
        seen[asked("the offset is the same when gamma is 2")] = not differ(run(layer, x) - 2 * plain, shifted - plain)
    return seen


def _slopes(make: Any, kind: Kind) -> dict[str, Any]:
    layer, weights = make(*kind.arguments), normal(21, kind.shape)
    x = normal(22, kind.shape, 1.0, 2.0)
    fill(layer, gamma=1.0, **({"beta": 0.0} if "beta" in kind.learns else {}))
    x_hat = run(layer, x)
    fill(layer, gamma=1.5 - 0.25 * np.arange(np.prod(kind.affine)))
    leaf = x.clone().requires_grad_()
    parameters = [trained(layer, name) for name in kind.learns]
    dx, *found = slopes_of((output(layer, leaf) * weights).sum(), [leaf, *parameters])

    def loss(at: torch.Tensor) -> float:
        return float((run(layer, at) * as_array(weights)).sum())

    seen: dict[str, Any] = {}
    upstream = as_array(weights)
    for name, mine, right in zip(kind.learns, found, (upstream * x_hat, upstream), strict=False):
        seen[asked(f"a gradient reaches {name}")] = mine.any()
        told = mine.reshape(-1)
        seen[asked(f"the gradient of {name} is summed over what uses it")] = not differ(
            told, right.sum(kind.along).reshape(-1), 1e-3
        )
    seen[asked("a gradient reaches the input")] = dx.any()
    directions = {
        "moved at random": normal(23, kind.shape),
        "stretched": x - as_array(x).mean() if kind.centred else x,
        "shifted as a whole": torch.ones(kind.shape),
    }
    for how, direction in directions.items():
        measured = (loss(x + 0.01 * direction) - loss(x - 0.01 * direction)) / 0.02
        told_slope = float((dx * as_array(direction)).sum())
        seen[asked(f"the gradient of the input is the slope of the output when all of it is {how}")] = (
            abs(measured - told_slope) < 0.05
        )
    return seen


def _gradients(make: Any, kind: Kind) -> dict[str, Any]:
    """Output and gradients of a layer with eps = 0.5 and other parameters, for a random upstream gradient."""
    layer = make(*kind.arguments, eps=0.5)
    x = normal(4, kind.shape, 1.0, 2.0).requires_grad_()
    fill(layer, **{name: normal(seed, kind.affine, 1.0) for seed, name in enumerate(kind.learns, 2)})
    y = output(layer, x)
    wanted = [trained(layer, name) for name in kind.learns]
    dx, *found = slopes_of((y * normal(5, kind.shape)).sum(), [x, *wanted])
    named = {f"gradient of {name}": g.reshape(-1) for name, g in zip(kind.learns, found, strict=True)}
    return {"output": y, **named, "gradient of the input": dx}


def _tiny(make: Any, kind: Kind) -> dict[str, Any]:
    """One set with a very small deviation, and one whose elements are all equal."""
    x = normal(24, kind.shape, 0.0, 1e-3)
    place = (slice(None), 0) if kind is BATCH else (0, slice(0, 2)) if kind is GROUP else (0,)
    x[place] = 2.0 if kind.centred else 0.0
    x.requires_grad_()
    y = output(make(*kind.arguments, eps=1e-5), x)
    (dx,) = slopes_of((y * normal(25, kind.shape)).sum(), [x])
    return {
        FORMULA: not differ(as_array(y), kind.normalised(x)),
        asked("the output has no NaN"): not y.isnan().any(),
        "gradient of the input": dx,
    }


def _start(make: Any, kind: Kind) -> dict[str, Any]:
    layer = make(*kind.arguments)
    seen: dict[str, Any] = {f"{name} at the start": flat(layer, name) for name in (*kind.learns, *kind.remembers)}
    for name in kind.learns:
        value = held(layer, name)
        seen[asked(f"{name} is a parameter")] = any(p is value for p in layer.parameters())
        seen[asked(f"{name} requires a gradient")] = value.requires_grad
    known = [held(layer, name) for name in (*kind.learns, *kind.remembers)]
    others = [p for p in layer.parameters() if not any(p is value for value in known)]
    seen[f"learnable numbers besides {' and '.join(kind.learns)}"] = sum(p.numel() for p in others)
    return seen


def _saved(make: Any, kind: Kind) -> dict[str, Any]:
    layer = make(*kind.arguments)
    names = (*kind.learns, *kind.remembers)
    seen: dict[str, Any] = {}
    for seed in (30, 31):
        output(layer, normal(seed, kind.shape, 2.0, 3.0))
    kept = layer.state_dict(keep_vars=True)
    for name in names:
        value = held(layer, name)
        seen[asked(f"{name} has shape {_said(kind)} after training")] = tuple(value.shape) == kind.affine
        seen[asked(f"{name} in state_dict")] = any(v is value for v in kept.values())
    if kind.remembers:
        seen["running statistics among the parameters"] = sum(
            any(p is held(layer, n) for p in layer.parameters()) for n in kind.remembers
        )
    else:
        seen["buffers of the layer"] = len(list(layer.buffers()))
    fill(layer, **{name: normal(seed, kind.affine, 1.0) for seed, name in enumerate(kind.learns, 32)})
    state = copy.deepcopy(layer.state_dict())
    layer.eval()
    x, again = normal(34, kind.shape), make(*kind.arguments)
    before = run(layer, x)
    again.load_state_dict(state)
    again.eval()
    seen[asked("a new layer that loads it gives the same output")] = not differ(run(again, x), before)
    return seen


def _said(kind: Kind) -> str:
    return "(C,)" if len(kind.affine) == 1 else "normalized_shape"


def _side_effects(make: Any, kind: Kind) -> dict[str, Any]:
    layer, x = make(*kind.arguments), normal(35, kind.shape, 1.0, 2.0)
    kept = as_array(x)
    fill(layer, gamma=2.0)
    first = output(layer, x)
    told = as_array(first)
    output(layer, normal(36, kind.shape, -1.0).requires_grad_())
    seen: dict[str, Any] = {f"does {n} carry a graph": held(layer, n).grad_fn is not None for n in kind.remembers}
    seen["was the first output changed by the next call"] = (as_array(first) != told).any()
    layer.eval()
    output(layer, x)
    seen["was the caller's input changed"] = (as_array(x) != kept).any()
    seen["was gamma changed"] = (flat(layer, "gamma") != 2.0).any()
    torch.rand(1)
    random, grad = torch.get_rng_state().tolist(), torch.is_grad_enabled()
    output(make(*kind.arguments), normal(37, kind.shape))
    seen["did it draw random numbers, or set the seed"] = torch.get_rng_state().tolist() != random
    seen["was the gradient mode changed"] = torch.is_grad_enabled() != grad
    return {asked(question): answer for question, answer in seen.items()}


def _copies(make: Any, kind: Kind) -> dict[str, Any]:
    layer, x = make(*kind.arguments, eps=0.5), normal(38, kind.shape, 1.0, 2.0)
    output(layer, x.clone().requires_grad_())
    twin = copy.deepcopy(layer)
    alike = not differ(run(twin, x), run(layer, x))
    fill(twin, gamma=7.0)
    return {
        asked("a copy gives what the original gives"): alike,
        asked("a change of the copy leaves the original"): not (flat(layer, "gamma") == 7.0).any(),
    }


def _memory(make: Any, kind: Kind) -> dict[str, Any]:
    layer, alive = make(*kind.arguments), []
    batch = normal(39, kind.shape, 1.0, 2.0)
    for _ in range(STEPS):
        x = batch.clone().requires_grad_()
        alive.append(weakref.ref(x))
        layer(x)
    return {asked("past batches stay in memory"): sum(r() is not None for r in alive) > STEPS // 10}


def _precision(make: Any, kind: Kind) -> dict[str, Any]:
    x = normal(40, kind.shape, 1.0, 2.0).double() / 3
    double, single, low = (
        make(*kind.arguments, eps=1e-5).to(t) for t in (torch.float64, torch.float32, torch.bfloat16)
    )
    y, single_y, low_y = output(double, x), output(single, x.float()), output(low, x.bfloat16())
    exact = as_array(y)
    seen = {
        "float64 output dtype kept": y.dtype == torch.float64,
        "float64 output has more digits than float32": (exact.astype(np.float32) != exact).any(),
        "float64 output right to 9 digits": not (np.abs(exact - kind.normalised(x)) > 1e-9).any(),
        "float32 output dtype kept": single_y.dtype == torch.float32,
        "bfloat16 output dtype kept": low_y.dtype == torch.bfloat16,
        "bfloat16 output within 0.25 of the float32 one": (np.abs(as_array(low_y) - as_array(single_y)) < 0.25).all(),
    }
    for name in kind.remembers:
        seen[f"{name} keeps the dtype of the layer"] = (
            held(double, name).dtype == torch.float64 and held(single, name).dtype == torch.float32
        )
    return {asked(question): answer for question, answer in seen.items()}


def _far(make: Any, kind: Kind) -> dict[str, Any]:
    x = (normal(41, kind.shape) * 64).round() / 64  # adding 10,000 loses no digit of these
    layers = make(*kind.arguments), make(*kind.arguments)
    near, far = run(layers[0], x), run(layers[1], x + 1e4)
    close = bool((np.abs(far - near) < 0.05).all())
    seen = {asked("adding 10,000 to the input changes the output by less than 0.05"): close}
    if "running_var" in kind.remembers:
        before, after = (flat(layer, "running_var") for layer in layers)
        seen[asked("adding 10,000 to the input changes running_var by less than 1 %")] = not (
            np.abs(after - before) > 0.01 * before
        ).any()
    return seen


def _layout(make: Any, kind: Kind) -> dict[str, Any]:
    plain = normal(42, kind.shape, 1.0, 2.0)
    turned = plain.transpose(0, -1).contiguous().transpose(0, -1)
    alike = not differ(run(make(*kind.arguments), plain), as_array(output(make(*kind.arguments), turned)))
    return {asked("an input that is not contiguous gives the same output"): alike}


def _nan(make: Any, kind: Kind) -> dict[str, Any]:
    broken = normal(43, kind.shape, 1.0, 2.0)
    broken.reshape(-1)[0] = torch.nan
    try:
        shows = bool(np.isnan(run(make(*kind.arguments), broken)).reshape(-1)[0])
    except ValueError:  # refusing the batch is as good
        shows = True
    return {asked("a NaN shows in the output"): shows}


def _far_out(make: Any, kind: Kind) -> dict[str, Any]:
    sizes = (40, *kind.shape[1:]) if kind is BATCH else kind.shape
    x = normal(44, sizes)
    x.reshape(-1)[5] = 500.0
    y, right = run(make(*kind.arguments, eps=1e-5), x), kind.normalised(x)
    return {FORMULA: not differ(y, right, 1e-3)}


def _own_work(make: Any, kind: Kind) -> dict[str, Any]:
    layer, x = make(*kind.arguments), normal(45, kind.shape).requires_grad_()
    with operators_called() as called:
        y = output(layer, x)
        if y.requires_grad:
            y.sum().backward()
        layer.eval()
        output(layer, x)
    return {asked("a norm of the library was called"): bool(library_norms(called))}


def _settings(make: Any, kind: Kind) -> dict[str, Any]:
    """The default of eps, eps = 0, and the order of the arguments."""
    small, scales = 1e-2 * _checkerboard(kind.shape), np.array([0.01, 0.02])
    seen: dict[str, Any] = {}
    if kind.centred:
        seen["default of eps, in units of 0.00001"] = _law(make, kind, scales, torch.float32)[0] / 1e-5
    seen["eps = 0, in units of 0.00001"] = _law(make, kind, scales, torch.float32, eps=0.0)[0] / 1e-5
    try:
        placed = run(make(*kind.arguments, 0.5), small)
    except TypeError:  # taken by name only
        placed = run(make(*kind.arguments, eps=0.5), small)
    seen[asked("eps is the argument after the sizes")] = not differ(
        placed, run(make(*kind.arguments, eps=0.5), small), 1e-6
    )
    return seen


SHARED: tuple[tuple[Callable[[Any, Kind], dict[str, Any]], str], ...] = (
    (_root, "four blocks of numbers ±0.5, ±1, ±2 and ±4, eps = 0.5"),
    (_affine, "one block, with gamma = 1 and with other values of gamma and beta"),
    (_slopes, "one block, and the same one moved a little in three ways"),
    (_gradients, "one block, eps = 0.5, random gamma, beta and upstream gradient"),
    (_tiny, "deviation 0.001, and a set of equal numbers"),
    (_start, "nothing"),
    (_settings, "numbers ±0.01 and ±0.02, with the default eps, eps = 0 and eps = 0.5"),
    (_saved, "two blocks, then state_dict() loaded into a new layer"),
    (_side_effects, "a few blocks in both modes"),
    (_copies, "copy.deepcopy after a training step"),
    (_memory, f"{STEPS} blocks"),
    (_precision, "one block in float64, float32 and bfloat16"),
    (_far, "one block, and the same one with 10,000 added"),
    (_far_out, "one block with an element of 500"),
    (_layout, "a block that is not contiguous in memory"),
    (_nan, "a block with one NaN"),
    (_own_work, "a block forward and backward, with the operators watched"),
)


def shared(kind: Kind) -> tuple[Probe, ...]:
    """The probes that all four layers have in common; RMSNorm's output moves with its input, so it is not moved far."""
    return tuple(
        Probe(probe.__name__.lstrip("_"), f"{_named(kind)}: {fed}", functools.partial(_run_with, probe, kind))
        for probe, fed in SHARED
        if kind.centred or probe is not _far
    )


def _run_with(probe: Callable[[Any, Kind], dict[str, Any]], kind: Kind, make: Any) -> dict[str, Any]:
    return probe(make, kind)


def _named(kind: Kind) -> str:
    name = {id(BATCH): "BatchNorm2d", id(LAYER): "LayerNorm", id(GROUP): "GroupNorm", id(RMS): "RMSNorm"}[id(kind)]
    return f"{name}({', '.join(map(str, kind.arguments))}) on {'×'.join(map(str, kind.shape))}"


def _plain(make: Any, shape: tuple[int, ...], *arguments: Any, **options: Any) -> dict[str, Any]:
    """The output of a fresh layer for normal input of mean 2 and standard deviation 3."""
    return {"output": output(make(*arguments, **options), normal(1, shape, 2.0, 3.0))}


def plain(id: str, fed: str, shape: tuple[int, ...], *arguments: Any, **options: Any) -> Probe:
    """A probe that keeps the output of a fresh layer."""
    return Probe(id, fed, lambda make: _plain(make, shape, *arguments, **options))


# BatchNorm2d: what it remembers, and its two modes.


def _statistics(layer: Any) -> dict[str, Array]:
    return {name: flat(layer, name) for name in STATISTICS}


def _moved(before: dict[str, Array], layer: Any) -> bool:
    now = _statistics(layer)
    return any(before[n].shape != now[n].shape or (before[n] != now[n]).any() for n in STATISTICS)


def memory_of_batches(make: Any) -> dict[str, Any]:
    """Statistics after two 4×3×2×3 batches, and eval mode with them."""
    layer = make(3, momentum=0.3)
    fill(layer, gamma=1.0, beta=0.0)
    for seed in (6, 7):
        output(layer, normal(seed, (4, 3, 2, 3), 2.0, 3.0))
    seen = _statistics(layer)
    layer.eval()
    y = run(layer, normal(8, (2, 3, 4, 3)))
    return {**seen, "eval output": y}


def update_parts(make: Any) -> dict[str, Any]:
    """Statistics set by hand, then one batch: how much of the old is kept, and what is added for it."""
    layer = make(4, eps=0.5, momentum=0.3)
    old = {"running_mean": np.array([1.0, -1.0, 2.0, 0.5]), "running_var": np.array([0.5, 2.0, 1.0, 3.0])}
    fill(layer, **old)
    x = normal(50, (3, 4, 2, 2)) * torch.tensor([1.0, 0.7, 2.0, 1.5])[:, None, None]
    x = x + torch.tensor([-2.0, 1.0, 3.0, 0.0])[:, None, None]
    sets = BATCH.sets(as_array(x))
    batch = {"running_mean": sets.mean(1), "running_var": sets.var(1)}
    output(layer, x)
    seen: dict[str, Any] = {}
    for name, weight in zip(STATISTICS, ("batch mean", "biased batch variance"), strict=True):
        now = flat(layer, name)
        keep = add = np.nan
        fits = False
        if now.shape == (4,) and np.isfinite(now).all():
            table = np.stack([old[name], batch[name]], 1)
            keep, add = np.linalg.lstsq(table, now, rcond=None)[0]
            fits = not differ(table @ np.array([keep, add]), now, 1e-4)
        seen[f"share of the old {name} that is kept"] = keep
        seen[f"{weight}s that are added"] = add
        seen[asked(f"{name} mixes old value and {weight}")] = fits
    return seen


def momentum(make: Any) -> dict[str, Any]:
    """The default of momentum, 0 and 1, four equal batches, and the order of the arguments."""
    x = normal(51, (3, 4, 2, 2), 4.0, 3.0)

    def after(layer: Any, batches: int = 1) -> Array:
        for _ in range(batches):
            output(layer, x)
        return np.concatenate(list(_statistics(layer).values()))

    start, first = after(make(4), 0), after(make(4))
    other = make(4, momentum=1.0)
    fill(other, running_mean=5.0, running_var=7.0)
    try:
        placed = make(4, 1e-5, 0.3)
    except TypeError:  # taken by name only
        placed = make(4, momentum=0.3)
    seen = {
        "the default of momentum is 0.1": not differ(first, after(make(4, momentum=0.1))),
        "with momentum 0 the statistics stay": not differ(after(make(4, momentum=0.0)), start),
        "with momentum 1 nothing of the old statistics stays": not differ(
            after(make(4, momentum=1.0)), after(other), 1e-4
        ),
        "of four equal batches each moves them by 0.9 of the step before": not differ(
            after(make(4), 4), start + (1 + 0.9 + 0.81 + 0.729) * (first - start), 1e-4
        ),
        "the arguments come in torch's order": not differ(after(placed), after(make(4, momentum=0.3))),
    }
    return {asked(question): answer for question, answer in seen.items()}


def switches(make: Any) -> dict[str, Any]:
    """Every way to switch the mode, and what does not switch it."""
    layer, x, y = make(4), normal(52, BATCH.shape, 2.0, 3.0), normal(53, BATCH.shape, -1.0)
    model = nn.Sequential(nn.Sequential(layer))
    start = _statistics(layer)
    first = run(model, x)
    seen: dict[str, Any] = {"statistics move in train mode": _moved(start, layer)}
    kept = _statistics(layer)
    model.eval()
    through_parent = run(model, y)
    seen["statistics stay in eval mode"] = not _moved(kept, layer)
    seen["eval output of an image depends on its neighbours"] = differ(
        run(layer, torch.cat([y[:1], 10 * x]))[:1], through_parent[:1]
    )
    with torch.no_grad():
        seen["eval output is the same under no_grad"] = not differ(run(layer, y), through_parent)
    model.train()
    seen["train output is the same after a visit to eval mode"] = not differ(run(model, x), first)
    twin = make(4)
    with torch.no_grad():
        seen["train output is the same under no_grad"] = not differ(run(twin, x), first)
    seen["statistics move in train mode under no_grad"] = _moved(start, twin)
    frozen = make(4)
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    seen["train output is the same with gamma and beta frozen"] = not differ(run(frozen, x), first)
    seen["eval() and train() return the layer"] = layer.eval() is layer and layer.train() is layer
    return {asked(question): answer for question, answer in seen.items()}


def eval_parts(make: Any) -> dict[str, Any]:
    """Statistics set by hand, then eval mode with gradients."""
    layer = make(4, eps=0.5)
    mean, var = np.array([1.0, -2.0, 3.0, 0.0]), np.array([0.25, 4.0, 16.0, 1.0])
    fill(layer, running_mean=mean, running_var=var, gamma=[1.5, -0.5, 1.0, 2.0], beta=[1.0, 0.0, -1.0, 2.0])
    layer.eval()
    x = normal(54, BATCH.shape, 0.5, 2.0).requires_grad_()
    y = output(layer, x)
    dx, gamma, beta = slopes_of(
        (y * normal(55, BATCH.shape)).sum(), [x, trained(layer, "gamma"), trained(layer, "beta")]
    )
    return {
        "output": y,
        "gradient of the input": dx,
        "gradient of gamma": gamma.reshape(-1),
        "gradient of beta": beta.reshape(-1),
        asked("before any training x comes back"): not differ(run(make(4).eval(), x.detach()), as_array(x), 1e-4),
    }


def one_value(make: Any) -> dict[str, Any]:
    """One 1×1 image: one value for each channel."""
    layer, refused, y = make(4), False, np.zeros(1)
    before = _statistics(layer)
    try:
        y = as_array(tensor(layer(normal(56, (1, 4, 1, 1))), "the output of forward"))
    except ValueError:
        refused = True
    now = _statistics(layer)
    moved = [n for n in STATISTICS if (before[n] != now[n]).any()]
    stored = bool(moved) if refused else "running_var" in moved
    finite = all(np.isfinite(v).all() for v in (y, *now.values()))
    in_eval = run(layer.eval(), normal(57, (1, 4, 1, 1)))
    return {
        asked("was it refused with a ValueError before anything was stored, or the update skipped"): finite
        and not stored,
        asked("is one value in eval mode like any other"): in_eval.shape == (1, 4, 1, 1) and np.isfinite(in_eval).all(),
    }


def sizes_of_images(make: Any) -> dict[str, Any]:
    """Blocks in which no two sizes are equal, two values for each channel, and one channel."""
    seen = {}
    for seed, sizes in enumerate(((5, 4, 2, 3), (2, 3, 1, 1), (3, 1, 2, 2)), 58):
        x = normal(seed, sizes, 2.0, 3.0)
        y = run(make(sizes[1], eps=1e-5), x)
        seen[asked(f"{'×'.join(map(str, sizes))}: the output is that of the formula")] = not differ(
            y, BATCH.normalised(x), 1e-4
        )
    return seen


# LayerNorm, GroupNorm and RMSNorm: no modes; sizes in every form.


def modes(kind: Kind, make: Any) -> dict[str, Any]:
    """Three blocks in train mode, then eval mode, alone and among others."""
    layer = make(*kind.arguments)
    for seed in (9, 10, 11):
        output(layer, normal(seed, kind.shape, 2.0, 3.0))
    x = normal(12, kind.shape, -1.0)
    in_train = run(layer, x)
    layer.eval()
    in_eval = run(layer, x)
    return {
        asked("the output is the same in both modes"): not differ(in_train, in_eval),
        asked("the output for an example depends on the others"): differ(
            run(make(*kind.arguments), torch.cat([x[:1], 10 * x]))[:1], run(make(*kind.arguments), x)[:1]
        ),
    }


def sizes_in_forms(make: Any) -> dict[str, Any]:
    """normalized_shape as a list, a torch.Size and a tuple of one, beside the usual form; and input without a batch."""
    x = normal(61, (5, 4, 6), 2.0, 3.0)
    two, one = (run(make(size, eps=1e-5), x) for size in ((4, 6), 6))
    forms = {"[4, 6]": ([4, 6], two), "torch.Size((4, 6))": (torch.Size((4, 6)), two), "(6,)": ((6,), one)}
    seen = {
        asked(f"normalized_shape {said}: as {'(4, 6)' if usual is two else 6}"): not differ(
            run(make(form, eps=1e-5), x), usual
        )
        for said, (form, usual) in forms.items()
    }
    return {**seen, asked("one vector: as in a batch"): not differ(run(make(6, eps=1e-5), x[0, 0]), one[0, 0])}


def _outcome(make: Any, groups: int, channels: int) -> str:
    """How the layer takes C channels in G groups: "ValueError", another exception's name, or "" for not at all."""
    try:
        make(groups, channels)(normal(15, (2, channels, 2, 2)))
    except NotImplementedError:
        raise
    except Exception as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__
    return ""


REFUSED = asked("are 6 channels in 4 groups refused")
VALUE_ERROR = asked("is the refusal of 6 channels in 4 groups a ValueError")


def special_groups(make: Any) -> dict[str, Any]:
    """G = 1 and G = C on images, beside one group of the same numbers; and 6 channels in 4 groups."""
    x = normal(13, (2, 4, 3, 3), 2.0, 3.0)
    one = run(make(1, 1), x.reshape(2, 1, 12, 3)).reshape(x.shape)
    each = run(make(1, 1), x.reshape(8, 1, 3, 3)).reshape(x.shape)
    how = _outcome(make, 4, 6)
    return {
        asked("G = 1: as one channel of all the numbers"): not differ(run(make(1, 4), x), one),
        asked("G = C: as every channel by itself"): not differ(run(make(4, 4), x), each),
        REFUSED: bool(how),
        VALUE_ERROR: how in ("", "ValueError"),
    }


def ranks_of_groups(make: Any) -> dict[str, Any]:
    """Input without H and W, and with one dimension after C, beside the same numbers as images."""
    flat_x, long_x = normal(14, (5, 6), 2.0, 3.0), normal(16, (2, 6, 4), 2.0, 3.0)
    seen = {}
    for said, x in {"(N, C)": flat_x, "(N, C, L)": long_x}.items():
        image = x.reshape(*x.shape, *[1] * (4 - x.ndim))
        layers = make(3, 6), make(3, 6)
        for layer in layers:
            fill(layer, gamma=1.0 + np.arange(6), beta=np.arange(6))
        y = run(layers[0], x)
        seen[asked(f"{said} input: as the same numbers with H and W")] = not differ(y, as_images(layers[1], image, x))
    return seen


def as_images(layer: Any, image: torch.Tensor, x: torch.Tensor) -> Array:
    """The output for an image, in the shape of x."""
    return run(layer, image).reshape(x.shape)


def default_eps(make: Any) -> dict[str, Any]:
    """RMSNorm without eps, in four dtypes: which eps it adds, in multiples of a machine epsilon; and with eps = 0."""
    kind = Kind((6,), (2, 4, 6), _rows, (6,), (0, 1), learns=("gamma",), centred=False)
    single, double = (float(torch.finfo(t).eps) for t in (torch.float32, torch.float64))
    scales = np.array([2e-4, 4e-4])
    zeros = run(make(6), torch.zeros(2, 6))
    return {
        "eps for float32 input, in multiples of float32's machine epsilon": _law(make, kind, scales, torch.float32)[0]
        / single,
        "eps for float64 input, in multiples of float64's machine epsilon": _law(
            make, kind, 1e-4 * scales, torch.float64
        )[0]
        / double,
        **{
            asked(f"eps for {name} input is below 0.00005"): abs(_law(make, kind, 50 * scales, dtype)[0]) < 5e-5
            for name, dtype in (("bfloat16", torch.bfloat16), ("float16", torch.float16))
        },
        "eps = 0, in multiples of float32's machine epsilon": _law(make, kind, scales, torch.float32, eps=0.0)[0]
        / single,
        "output for zeros": zeros,
    }


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
