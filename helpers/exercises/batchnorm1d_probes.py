"""What is done with a learner's BatchNorm1d, and what of it is kept.

Right layers are written in many ways.  A quantity is observed only where all of them agree, so that a difference from
the reference is always a mistake: rounding is kept as yes or no, tensors are found by identity, not by their name in
``state_dict``, and one row in train mode may raise or not.  Four probes take the layer apart (``train_parts``,
``eval_parts``, ``update_parts``, ``affine_parts``): each of their quantities depends on one decision of the author,
whatever the others are.  Small batches have exactly the mean and deviation that are asked for, so that no quantity
hangs on how the random numbers fall.
"""

from __future__ import annotations

import copy
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.judge.api import Array, Probe, as_array, asked, tensor
from helpers.judge.operators import batch_norms, operators_called

from .measuring import gradients_of, normal, output

EVAL_GAP = "largest gap between the output and (x − running_mean)/√(running_var + eps)"
STATISTICS = ("running_mean", "running_var")
REMEMBERED = {
    "running_mean": ("mean", "mean of the batch"),
    "running_var": ("variance", "biased variance of the batch"),
}
TENSORS = ("gamma", "beta", *STATISTICS)
TORCH_NAMES = dict(zip(TENSORS, ("weight", "bias", *STATISTICS), strict=True))
STEPS = 100
MEMORY = (
    asked("memory/past batches stay in memory"),
    asked(f"memory/the layer holds more tensors after {STEPS} steps than after 10"),
)
LATE = (
    *(f"memory/{name} after {STEPS} steps" for name in STATISTICS),
    asked(f"memory/statistics still move after {STEPS} steps"),
)


def _batch(seed: int, shape: tuple[int, ...], mean: Any, std: Any) -> torch.Tensor:
    """Normal numbers, moved and stretched so that each feature has exactly this mean and biased deviation."""
    x = as_array(normal(seed, shape))
    return torch.tensor(mean + (x - x.mean(0)) / x.std(0) * std, dtype=torch.float32)


def _any_out(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return tensor(layer(x), "the output of forward")


def _run(layer: Any, x: torch.Tensor) -> Array:
    """The numbers of the output; the layer gets a copy, since one that writes into its input is seen elsewhere."""
    return as_array(output(layer, x.clone()))


def _statistic(layer: Any, name: str) -> Array:
    """One running statistic as a flat array; its shape is observed once, by ``saved``."""
    return as_array(tensor(getattr(layer, name), name), name).reshape(-1)


def _statistics(layer: Any) -> dict[str, Array]:
    return {name: _statistic(layer, name) for name in STATISTICS}


def _set(layer: Any, **values: Any) -> Any:
    """The layer, with these numbers copied into its tensors."""
    with torch.no_grad():
        for name, value in values.items():
            getattr(layer, name).copy_(torch.as_tensor(value, dtype=torch.float32))
    return layer


def _differ(a: Array, b: Array, atol: float = 1e-5) -> bool:
    """True where two arrays are not the same numbers; NaN equals NaN.  Uses nothing of torch, which may be patched."""
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return True
    return bool((np.nan_to_num(np.abs(a - b)) > atol + 1e-4 * np.nan_to_num(np.abs(b))).any())


def _moved(before: dict[str, Array], layer: Any) -> bool:
    now = _statistics(layer)
    return any(before[name].shape != now[name].shape or (before[name] != now[name]).any() for name in STATISTICS)


def _normalised(x: torch.Tensor | Array, dims: tuple[int, ...] = (0,)) -> Array:
    exact = as_array(x)
    centred = exact - exact.mean(dims, keepdims=True)
    normalised: Array = centred / np.sqrt(exact.var(dims, keepdims=True) + 1e-5)
    return normalised


def _plain(layer: Any) -> Any:
    """The layer with gamma = 1 and beta = 0, where it has them."""
    there = {n: v for n, v in (("gamma", 1.0), ("beta", 0.0)) if isinstance(getattr(layer, n, None), torch.Tensor)}
    return _set(layer, **there)


def _trained(layer: Any, name: str) -> torch.Tensor:
    """``layer.gamma`` or ``layer.beta`` if it is a parameter; else a tensor of the same shape that no loss reaches."""
    value = getattr(layer, name)
    if any(p is value for p in layer.parameters()):
        return value  # type: ignore[no-any-return]
    return torch.zeros(tensor(value, name).shape)


def _train(make: Any) -> dict[str, Any]:
    y = _run(_plain(make(8)), normal(0, (1024, 8), 3.0, 5.0))
    return {"mean of each feature": y.mean(0), "variance of each feature": y.var(0)}


def _eval(make: Any) -> dict[str, Any]:
    layer = _plain(make(4))
    for batch in normal(1, (50 * 64, 4), 3.0, 5.0).split(64):
        layer(batch)
    layer.eval()
    x = normal(99, (256, 4), -2.0, 0.5)
    now = _statistics(layer)
    formula = (as_array(x) - now["running_mean"]) / np.sqrt(now["running_var"] + 1e-5)
    return {EVAL_GAP: np.abs(_run(layer, x) - formula).max()}


def _moves(make: Any) -> dict[str, Any]:
    layer = make(4)
    x = normal(2, (32, 4), 3.0, 5.0)
    before = _statistics(layer)
    output(layer, x)
    after = _statistics(layer)
    layer.eval()
    output(layer, x)
    seen: dict[str, Any] = {}
    for name, now in _statistics(layer).items():
        seen[asked(f"did {name} move in train mode")] = not np.array_equal(before[name], after[name])
        seen[asked(f"did {name} move in eval mode")] = not np.array_equal(after[name], now)
    return seen


def _numbers(make: Any) -> dict[str, Any]:
    layer = make(3)
    seen = {"train output": _run(layer, _batch(2, (4, 3), [2.1, -1.3, 3.7], [2.7, 1.4, 1.1])), **_statistics(layer)}
    layer.eval()
    return {**seen, "eval output": _run(layer, _batch(3, (2, 3), [0.3, -0.2, 0.5], [0.9, 1.1, 0.7]))}


def _gradients(make: Any) -> dict[str, Any]:
    at = {"gamma": np.array([1.5, -0.5]), "beta": np.array([0.1, -1.0])}
    x = _batch(4, (5, 2), [1.3, -0.6], [2.2, 0.8])
    upstream = torch.tensor(1.0 + 2.0 * _normalised(x), dtype=torch.float32) + 0.5 * normal(5, (5, 2))
    layer, leaf = _set(make(2), **at), x.clone().requires_grad_()
    wanted = [_trained(layer, "gamma"), _trained(layer, "beta"), leaf]
    *affine, dx = gradients_of((output(layer, leaf) * upstream).sum(), wanted)

    def loss(name: str, step: float) -> Array:
        moved = _set(make(2), **{**at, name: at[name] + step})
        losses: Array = (_run(moved, x) * as_array(upstream)).sum(0)
        return losses

    seen: dict[str, Any] = {}
    for name, told in zip(at, affine, strict=True):
        slope = (loss(name, 0.0625) - loss(name, -0.0625)) / 0.125
        seen[f"gradient of {name} ÷ slope of the loss along {name}"] = told.reshape(-1) / _or_nan(slope)
    return {**seen, "gradient of the input": dx}


def _or_nan(divisor: Array) -> Array:
    """The same numbers, NaN where nothing can be divided by them."""
    return np.where(np.abs(divisor) < 1e-6, np.nan, divisor)


def _affine(make: Any) -> dict[str, Any]:
    x = normal(6, (32, 4), -1.0, 3.0)
    factor, offset, _ = _lines(_run(_plain(make(4)), x), _run(_set(make(4), gamma=2.0, beta=5.0), x))
    return {"factor that gamma = 2 puts on the output": factor, "number that beta = 5 adds to the output": offset}


def _settings(make: Any) -> dict[str, Any]:
    layer = make(2, eps=0.5, momentum=0.3)
    _set(layer, gamma=[2.0, -0.5], beta=[1.0, -2.0])
    for step in range(5):
        y = _run(layer, _batch(10 + step, (3, 2), [1.2, -0.7], [1.1 + step, 0.8]))
    layer.eval()
    return {
        "train output after 5 steps": y,
        **_statistics(layer),
        "eval output": _run(layer, normal(20, (2, 2))),
        asked("the arguments come in torch's order"): _in_order(make),
    }


def _in_order(make: Any) -> bool:
    """True where the second argument is eps and the third momentum, or where both are taken by name only."""
    try:
        layer = make(2, 0.5, 0.3)
    except TypeError:
        return True
    twin, x = make(2, eps=0.5, momentum=0.3), _batch(21, (3, 2), 0.0, 1.0)
    return not _differ(_run(layer, x), _run(twin, x))


def _extremes(make: Any) -> dict[str, Any]:
    x = _batch(22, (4, 2), [3.0, -2.0], [1.3, 2.0])
    seen: dict[str, Any] = {}
    for momentum in (0.0, 1.0):
        layer = make(2, momentum=momentum)
        output(layer, x)
        seen |= {f"momentum = {momentum:g}: {name}": value for name, value in _statistics(layer).items()}
    return {
        **seen,
        "eps = 1e-8, standard deviation 0.03: train output": _run(make(2, eps=1e-8), _batch(23, (4, 2), 0.0, 0.03)),
    }


def _divisor(slope: Array) -> Array:
    return np.abs(1 / _or_nan(slope))


def _eps_added(without: Array, with_eps: Array) -> tuple[float, float]:
    """What eps adds to the square of the divisor, and to the divisor itself; NaN where it is neither for all features."""
    for added, in_square in ((with_eps**2 - without**2, True), (with_eps - without, False)):
        if np.isfinite(added).all() and not _differ(added, np.full_like(added, added[0]), 1e-3):
            return (float(added[0]), 0.0) if in_square else (0.0, float(added[0]))
    return np.nan, np.nan


def _lines(x: Array, y: Array) -> tuple[Array, Array, bool]:
    """Slope and offset of y over x for each column, and whether the points lie on these lines."""
    if not np.isfinite(y).all():
        nothing = np.full(x.shape[1], np.nan)
        return nothing, nothing, False
    centred = x - x.mean(0)
    slope = (centred * y).sum(0) / _or_nan((centred**2).sum(0))
    offset = y.mean(0) - slope * x.mean(0)
    return slope, offset, bool(np.isfinite(slope).all()) and not _differ(slope * x + offset, y, 1e-4)


def _parts(layers: tuple[Any, Any], x: torch.Tensor, variance: Array, of: str, mode: str) -> dict[str, Any]:
    """What normalising is made of, read off two layers: one with almost no eps, one with eps = 0.5."""
    slope, offset, straight = _lines(as_array(x), _run(layers[0], x))
    with_eps, *_ = _lines(as_array(x), _run(layers[1], x))
    without, divisor = _divisor(slope), _divisor(with_eps)
    under, after = _eps_added(without, divisor)
    return {
        asked(f"output = a · x + b for each feature{mode}"): straight,
        f"mean that was subtracted{mode}": -offset / _or_nan(slope),
        f"sign of x − mean in the output{mode}": np.sign(slope),
        f"variance that was used ÷ {of}{mode}": without**2 / variance,
        f"number that x − mean was divided by{mode}": divisor,
        f"eps under the root{mode}": under,
        f"eps added after the root{mode}": after,
    }


def _train_parts(make: Any) -> dict[str, Any]:
    x = _batch(50, (6, 3), [1.0, -2.0, 3.0], [0.4, 1.2, 2.0])
    layers = _plain(make(3, eps=1e-12)), _plain(make(3, eps=0.5))
    return _parts(layers, x, as_array(x).var(0), "biased variance of the batch", "")


def _eval_parts(make: Any) -> dict[str, Any]:
    layers = _plain(make(3, eps=1e-12)), _plain(make(3, eps=0.5))
    variance = np.array([0.16, 1.5, 4.0])
    for layer in layers:
        _set(layer, running_mean=[1.0, -2.0, 3.0], running_var=variance)
        layer.eval()
    return _parts(
        layers, _batch(51, (4, 3), [0.4, -0.8, 1.1], [2.0, 1.3, 0.7]), variance, "running_var", " in eval mode"
    )


def _mix(old: Array, batch: Array, now: Array, momentum: float) -> tuple[float, float, bool]:
    """``now`` as keep · old + add · batch over features: keep, add for each share given up, and whether it is that."""
    if now.shape != old.shape or not np.isfinite(now).all():
        return np.nan, np.nan, False
    table = np.stack([old, batch], 1)
    keep, add = np.linalg.lstsq(table, now, rcond=None)[0]
    if _differ(table @ np.array([keep, add]), now, 1e-4):
        return np.nan, np.nan, False
    return keep, add / (1 - keep if abs(1 - keep) > 1e-3 else momentum), True


def _update_parts(make: Any) -> dict[str, Any]:
    layer = make(4, momentum=0.3)
    old = {"running_mean": np.array([1.0, -1.0, 2.0, 0.5]), "running_var": np.array([0.5, 2.0, 1.0, 3.0])}
    _set(layer, **old)
    x = _batch(52, (5, 4), [-2.0, 1.1, 3.0, 0.3], [1.1, 0.7, 2.0, 1.5])
    batch = {"running_mean": as_array(x).mean(0), "running_var": as_array(x).var(0)}
    output(layer, x)
    seen: dict[str, Any] = {}
    for name, (what, of) in REMEMBERED.items():
        keep, ratio, mixes = _mix(old[name], batch[name], _statistic(layer, name), 0.3)
        seen[asked(f"{name} becomes a · old value + b · {what} of the batch")] = mixes
        seen[f"share of the old {name} that is kept"] = keep
        seen[f"{what} that is remembered ÷ {of}"] = ratio
    return seen


def _schedule(make: Any) -> dict[str, Any]:
    layer, x = make(1), _batch(53, (6, 1), 4.0, 3.0)
    way, variances = [], [_statistic(layer, "running_var").mean()]
    for _ in range(4):
        output(layer, x)
        now = _statistics(layer)
        way.append(now["running_mean"].mean() / 4.0)
        variances.append(now["running_var"].mean())
    first, *others = np.diff(variances)
    return {
        "running_mean ÷ batch mean after 1, 2, 3, 4 equal batches": way,
        "second, third and fourth move of running_var ÷ its first": np.array(others) / first if first else np.zeros(3),
    }


def _affine_parts(make: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    x = _batch(54, (5, 2), [1.3, -0.6], [2.2, 0.8])
    for mode in ("train", "eval"):
        layer = make(2)
        if mode == "eval":
            layer.eval()
        plain = _run(layer, x)
        _set(layer, gamma=[3.0, -0.5], beta=[1.0, -2.0])
        seen[f"factor that gamma = (3, −0.5) puts on the {mode} output"], offset, _ = _lines(plain, _run(layer, x))
        seen[f"offset that beta = (1, −2) puts on the {mode} output"] = offset
    return seen


def _slopes(make: Any) -> dict[str, Any]:
    layer = make(2)
    _set(layer, gamma=[1.5, -0.5])
    x = _batch(55, (6, 2), [1.3, -0.6], [2.2, 1.1])
    weights = normal(56, (6, 2))
    directions = {
        "shifted as a whole": torch.ones(6, 2),
        "stretched about its mean": x - x.mean(0),
        "moved at random": normal(57, (6, 2)),
    }
    leaf = x.clone().requires_grad_()
    (dx,) = gradients_of((output(layer, leaf) * weights).sum(), [leaf])

    def loss(at: torch.Tensor) -> float:
        return float((_run(layer, at) * as_array(weights)).sum())

    seen = {}
    for how, direction in directions.items():
        measured = (loss(x + 0.01 * direction) - loss(x - 0.01 * direction)) / 0.02
        told = float((dx * as_array(direction)).sum())
        seen[asked(f"gradient is the slope of the output when a feature is {how}")] = abs(measured - told) < 0.05
    of_gamma = []
    for gamma in (1.0, 0.0):
        _set(layer, gamma=gamma)
        of_gamma += gradients_of((output(layer, x) * weights).sum(), [_trained(layer, "gamma")])
    seen[asked("gradient of gamma is the same where gamma is 0")] = not _differ(of_gamma[0], of_gamma[1])
    return seen


def _eval_gradients(make: Any) -> dict[str, Any]:
    layer = make(2)
    _set(layer, gamma=[1.5, -0.5], running_mean=[1.0, -1.0], running_var=[4.0, 0.25])
    layer.eval()
    x = normal(58, (3, 2)).requires_grad_()
    loss = (output(layer, x) * normal(59, (3, 2))).sum()
    gamma, beta, dx = gradients_of(loss, [_trained(layer, "gamma"), _trained(layer, "beta"), x])
    names = ("gamma", "beta", "the input")
    return {
        f"gradient of {n} in eval mode": g
        for n, g in zip(names, (gamma.reshape(-1), beta.reshape(-1), dx), strict=True)
    }


def _twice(make: Any) -> dict[str, Any]:
    layer = make(2)
    x = _batch(60, (3, 2), [1.3, -0.6], [2.2, 0.8]).requires_grad_()
    other = _batch(61, (3, 2), [-1.1, 0.7], [1.7, 2.3]).requires_grad_()
    chained = output(layer, output(layer, x) + 0.5 * x.flip(1))
    loss = (chained * normal(62, (3, 2))).sum() + (output(layer, other) * normal(63, (3, 2))).sum()
    gamma, d_other, dx = gradients_of(loss, [_trained(layer, "gamma"), other, x])
    return {
        "gradient of gamma": gamma.reshape(-1),
        "gradient of the first batch": dx,
        "gradient of the second batch": d_other,
    }


def _fresh(make: Any) -> dict[str, Any]:
    layer = make(2)
    seen: dict[str, Any] = {f"{n} at the start": as_array(tensor(getattr(layer, n), n)).reshape(-1) for n in TENSORS}
    seen["gamma and beta that are parameters"] = sum(
        isinstance(_trained(layer, n), nn.Parameter) for n in ("gamma", "beta")
    )
    seen["gamma and beta that require a gradient"] = sum(getattr(layer, n).requires_grad for n in ("gamma", "beta"))
    layer.eval()
    return {**seen, "eval output before any training": _run(layer, normal(70, (3, 2), 1.0, 2.0))}


def _neighbours(make: Any) -> dict[str, Any]:
    layer = make(2)
    output(layer, normal(71, (6, 2), 2.0, 3.0))
    layer.eval()
    x = normal(72, (4, 2), -1.0, 2.0)
    answers = [_run(layer, batch)[:1] for batch in (x, x[:2], torch.cat([x[:1], 10 * x]))]
    try:
        alone, again = (as_array(_any_out(layer, x[:1])) for _ in range(2))
    except Exception:
        alone = again = np.full(0, np.nan)
    else:
        answers.append(alone)
    refused = not alone.size
    return {
        asked("eval output of a row is the same a second time"): not _differ(alone, again),
        asked("eval output of a row depends on its neighbours"): any(_differ(a, answers[0]) for a in answers),
        asked("one row is refused in eval mode"): refused,
        asked("eval output of one row has shape (1, C)"): refused or alone.shape == (1, 2),
    }


def _switches(make: Any) -> dict[str, Any]:
    layer = make(2)
    model = nn.Sequential(nn.Sequential(layer))
    x, y = _batch(73, (5, 2), [2.0, -1.0], [3.0, 1.3]), normal(74, (4, 2), -1.0)
    start = _statistics(layer)
    model.train()
    first = _run(model, x)
    moved = _moved(start, layer)
    kept = _statistics(layer)
    model.eval()
    through_parent = _run(model, y)
    still = not _moved(kept, layer)
    layer.eval()
    directly = _run(layer, y)
    model.train()
    untouched = not _moved(kept, layer)
    again = _run(model, x)
    model.train(False)
    kept = _statistics(layer)
    nested = _run(model, y)
    returned = layer.eval() is layer and layer.train(False) is layer
    return {
        asked("statistics move after model.train()"): moved,
        asked("statistics stay after model.eval()"): still,
        asked("statistics stay when the mode is switched"): untouched,
        asked("model.eval() works like layer.eval()"): not _differ(through_parent, directly),
        asked("train mode is the same after a visit to eval mode"): not _differ(first, again),
        asked("eval() and train() return the layer"): returned,
        asked("model.train(False) works like layer.eval()"): not _moved(kept, layer)
        and not _differ(nested, _run(layer, y)),
    }


def _grad_modes(make: Any) -> dict[str, Any]:
    x, y = _batch(75, (5, 2), [2.0, -1.0], [3.0, 1.3]), normal(76, (4, 2), -1.0)
    layer, twin = make(2), make(2)
    start = _statistics(layer)
    first = _run(layer, x)
    with torch.no_grad():
        without_graph = _run(twin, x)
        off = not torch.is_grad_enabled()
    moved, same = _moved(start, twin), not _differ(first, without_graph)
    layer.eval()
    kept = _statistics(layer)
    with_graph = _run(layer, y.clone().requires_grad_())
    with torch.no_grad():
        without_graph = _run(layer, y)
    moved_in_eval = _moved(kept, layer)
    _set(layer, gamma=3.0)
    with torch.no_grad():
        after = _run(layer, y)
    follows = not _differ(_run(layer, y), after)
    frozen = make(2)
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    like_others = not _differ(_run(frozen, x), first)
    return {
        asked("train output is the same with gamma and beta frozen"): like_others,
        asked("statistics move in train mode with gamma and beta frozen"): _moved(start, frozen),
        asked("eval output under no_grad follows gamma"): follows,
        asked("train output is the same under no_grad"): same,
        asked("gradients are still off after a step under no_grad"): off,
        asked("statistics move in train mode under no_grad"): moved,
        asked("eval output is the same under no_grad"): not _differ(with_graph, without_graph),
        asked("statistics move in eval mode with gradients"): moved_in_eval,
    }


def _two_rows(make: Any) -> dict[str, Any]:
    layer = make(3)
    return {
        "train output": _run(layer, _batch(77, (2, 3), [1.2, -0.4, 2.3], [2.0, 0.9, 1.4])),
        "running_var": _statistic(layer, "running_var"),
    }


def _one_feature(make: Any) -> dict[str, Any]:
    layer = make(1)
    y = _run(layer, _batch(78, (4, 1), 1.2, 2.3))
    layer.eval()
    return {
        "train output": y,
        "running_var": _statistic(layer, "running_var"),
        "eval output": _run(layer, normal(79, (2, 1))),
    }


def _changing(make: Any) -> dict[str, Any]:
    layer = make(4, momentum=0.3)
    many, few = normal(24, (600, 4)), _batch(25, (3, 4), [-2.0, 1.1, 3.0, 0.3], [1.1, 0.7, 2.0, 1.5])
    exact = not _differ(_run(layer, many), _normalised(many))
    many[7] = torch.tensor([50.0, -60.0, 70.0, -80.0])  # more than 20 standard deviations away
    *_, straight = _lines(as_array(many), _run(layer, many))
    old = _statistics(layer)
    output(layer, few)
    seen: dict[str, Any] = {
        asked("600 rows: output = (x − mean)/√(variance + eps)"): exact,
        asked("600 rows, one of them far out: output = a · x + b for each feature"): straight,
    }
    batch = {"running_mean": as_array(few).mean(0), "running_var": as_array(few).var(0)}
    for name, (what, of) in REMEMBERED.items():
        _, ratio, _ = _mix(old[name], batch[name], _statistic(layer, name), 0.3)
        seen[f"{what} that is remembered ÷ {of}, 3 rows after 600"] = ratio
    return seen


def _square(make: Any) -> dict[str, Any]:
    layer = make(3)
    y = _run(layer, _batch(80, (3, 3), [1.0, -0.4, 2.3], [1.1, 2.0, 3.0]))
    layer.eval()
    return {
        "train output": y,
        "running_mean": _statistic(layer, "running_mean"),
        "eval output": _run(layer, normal(81, (3, 3)))[:1],
    }


def _tiny(make: Any) -> dict[str, Any]:
    x = _batch(82, (4, 2), 0.0, [1e-3, 1.0])
    x[:, 1] = 2.0
    x.requires_grad_()
    y = output(make(2), x)
    (dx,) = gradients_of((y * normal(83, (4, 2))).sum(), [x])
    seen = as_array(y)
    return {
        "standard deviation 0.001: output": seen[:, :1],
        "output of a constant feature": seen[:, 1:],
        "standard deviation 0.001: gradient": dx[:, :1],
        "gradient of a constant feature": dx[:, 1:],
    }


def _one_row(make: Any) -> dict[str, Any]:
    layer = make(3)
    before, refused, y = _statistics(layer), False, np.zeros(1)
    try:
        y = as_array(_any_out(layer, normal(7, (1, 3))))
    except Exception:  # refusing one row is right, whatever the class of the exception
        refused = True
    now = _statistics(layer)
    finite = {name: bool(np.isfinite(value).all()) for name, value in now.items()}
    var_moved = not np.array_equal(before["running_var"], now["running_var"])
    return {
        asked("is the output of one row NaN or infinite"): not np.isfinite(y).all(),
        asked("was NaN written into the running statistics"): not all(finite.values()),
        asked("did one row, which has no variance, move running_var"): var_moved and finite["running_var"],
        asked("had the statistics moved before the row was refused"): refused and _moved(before, layer),
        asked("the layer is still in train mode"): layer.training,
    }


def _is_finer(values: Array) -> bool:
    """True where some number is not one that float32 could hold."""
    return bool((values.astype(np.float32) != values).any())


def _precision(make: Any) -> dict[str, Any]:
    x = normal(8, (32, 3), [1.0, 1.0, 0.0], [2.0, 2.0, 0.005]).double()
    leaf, upstream = x.clone().requires_grad_(), normal(26, (32, 3)).double()
    double = make(3).double()
    y = output(double, leaf)
    exact = as_array(y)
    (dx,) = gradients_of((y * upstream).sum(), [leaf])
    low = output(make(3).to(torch.bfloat16), x.to(torch.bfloat16))
    layer = make(3)
    single = output(layer, x.float())
    alike = all(not _differ(_statistic(double, n), _statistic(layer, n), 1e-3) for n in STATISTICS)
    double.eval()
    doubles = {"output in eval mode": _run(double, x), "gradient of the input": dx}
    return {
        asked("float32 output dtype kept"): single.dtype == torch.float32,
        asked("running statistics stay float32"): all(getattr(layer, n).dtype == torch.float32 for n in STATISTICS),
        asked("float64 output dtype kept"): y.dtype == torch.float64,
        asked("float64 output right to 9 digits"): not (np.abs(exact - _normalised(x)) > 1e-9).any(),
        **{asked(f"float64 {name} has more digits than float32"): _is_finer(value) for name, value in doubles.items()},
        asked("float64 statistics move like the float32 ones"): alike,
        asked("running statistics move to float64"): all(getattr(double, n).dtype == torch.float64 for n in STATISTICS),
        asked("bfloat16 output dtype kept"): low.dtype == torch.bfloat16,
        asked("bfloat16 output within 0.25 of the float32 one"): bool(
            (np.abs(as_array(low) - as_array(single)) < 0.25).all()
        ),
    }


def _far(make: Any) -> dict[str, Any]:
    x = (normal(9, (256, 2)) * 64).round() / 64  # adding 10,000 loses no digit of these
    layers = make(2), make(2)
    near, far = _run(layers[0], x), _run(layers[1], x + 1e4)
    before, after = (_statistic(layer, "running_var") for layer in layers)
    return {
        asked("adding 10,000 to the input changes the output by less than 0.05"): bool(
            (np.abs(far - near) < 0.05).all()
        ),
        asked("adding 10,000 to the input changes running_var by less than 1 %"): not (
            np.abs(after - before) > 0.01 * before
        ).any(),
    }


def _name_in(state: dict[str, Any], value: Any) -> str | None:
    """The name under which ``state_dict(keep_vars=True)`` holds this very tensor."""
    return next((name for name, held in state.items() if held is value), None)


def _saved(make: Any) -> dict[str, Any]:
    layer = make(3)
    for step in range(3):
        layer(normal(step, (5, 3), 2.0, 3.0))
    held = layer.state_dict(keep_vars=True)
    names = {tensor_name: _name_in(held, getattr(layer, tensor_name)) for tensor_name in TENSORS}
    buffers = list(layer.buffers())
    seen: dict[str, Any] = {asked(f"{n} in state_dict"): name is not None for n, name in names.items()}
    seen |= {asked(f"{n} is a buffer"): any(b is getattr(layer, n) for b in buffers) for n in STATISTICS}
    seen["running statistics among the parameters"] = sum(
        any(p is getattr(layer, n) for p in layer.parameters()) for n in STATISTICS
    )
    shaped = [tuple(getattr(layer, n).shape) == (3,) for n in TENSORS]
    seen[asked("gamma and beta have shape (C,)")] = all(shaped[:2])
    seen[asked("running statistics have shape (C,)")] = all(shaped[2:])
    state = copy.deepcopy(layer.state_dict())
    layer.eval()
    x = normal(30, (2, 3))
    before = _run(layer, x)
    again = make(3)
    again.load_state_dict(state)
    again.eval()
    seen[asked("a new layer that loads it gives the same eval output")] = not _differ(_run(again, x), before)
    return seen


def _torch_state(make: Any) -> dict[str, Any]:
    layer, theirs = make(2), nn.BatchNorm1d(2).eval()
    x = normal(31, (2, 2))
    _set(theirs, weight=[1.5, -0.5], bias=[0.0, 2.0], running_mean=[1.0, -1.0], running_var=[4.0, 0.25])
    layer.eval()
    output(layer, x)
    held = layer.state_dict(keep_vars=True)
    names = {n: _name_in(held, getattr(layer, n)) for n in TENSORS}
    state = {name: theirs.state_dict()[TORCH_NAMES[n]] for n, name in names.items() if name is not None}
    layer.load_state_dict(state, strict=False)
    seen = {"eval output after loading the state of torch's layer": _run(layer, x)}
    layer.train()
    output(layer, normal(32, (4, 2), 3.0, 2.0))
    layer.eval()
    held = layer.state_dict(keep_vars=True)
    back = {TORCH_NAMES[n]: held[name].detach() for n, name in names.items() if name in held}
    theirs.load_state_dict(back, strict=False)
    gap = _differ(as_array(theirs(x)), _run(layer, x))
    return {**seen, asked("torch's layer gives the same after loading yours"): not gap}


def _copied(make: Any) -> dict[str, Any]:
    layer = make(2, eps=0.5, momentum=0.3)
    x = normal(33, (4, 2), 1.0, 2.0)
    output(layer, x.clone().requires_grad_())
    twin = copy.deepcopy(layer)
    kept = _statistics(layer)
    same = not _moved(kept, twin)
    in_train = _run(twin, x)
    alone = not _moved(kept, layer)
    alike = not _differ(_run(layer, x), in_train) and not _moved(_statistics(layer), twin)
    _set(twin, gamma=7.0)
    alone = alone and not (as_array(layer.gamma) == 7.0).any()
    layer.eval()
    return {
        asked("a copy trains like the original"): alike,
        asked("a copy is in the same mode"): not copy.deepcopy(layer).training,
        asked("a copy has the same statistics"): same,
        asked("training the copy leaves the original"): alone,
    }


def _held(thing: Any, seen: set[int]) -> int:
    """How many tensors and arrays a module, a class or a container holds, also inside other containers."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, (torch.Tensor, np.ndarray)):
        return 1
    if isinstance(thing, (nn.Module, type)):
        thing = list(vars(thing).values())
    elif isinstance(thing, dict):
        thing = list(thing.values())
    if not hasattr(thing, "__iter__") or isinstance(thing, (str, bytes)) or not hasattr(thing, "__len__"):
        return 0
    return sum(_held(each, seen) for each in thing)


def _memory(make: Any) -> dict[str, Any]:
    layer = make(2)
    kind = [c for c in type(layer).__mro__ if c.__module__ not in ("torch.nn.modules.module", "builtins")]
    batches = [normal(84 + i, (4, 2), 1.0, 2.0) for i in range(4)]
    alive, early = [], 0
    for step in range(STEPS):
        x = batches[step % 4].clone().requires_grad_()
        alive.append(weakref.ref(x))
        layer(x)
        if step == 9:
            early = _held([layer, *kind], set())
    held = sum(r() is not None for r in alive)
    grown = _held([layer, *kind], set()) - early
    late = _statistics(layer)
    layer(10 * batches[0])
    return {
        asked(f"statistics still move after {STEPS} steps"): _moved(late, layer),
        **{key.partition("/")[2]: many > STEPS // 10 for key, many in zip(MEMORY, (held, grown), strict=True)},
        **{f"{name} after {STEPS} steps": value for name, value in late.items()},
    }


class _Upstream(torch.autograd.Function):
    """A loss whose gradient is one given tensor, and no copy of it; ``grad_outputs`` would import much of sympy."""

    @staticmethod
    def forward(ctx: Any, y: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
        ctx.upstream = upstream
        return y.sum()

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.upstream, None


def _side_effects(make: Any) -> dict[str, Any]:
    layer, other = make(3), make(3)
    untouched = _statistics(other)
    _set(layer, gamma=2.0, beta=0.5)
    x = normal(40, (4, 3), 1.0, 2.0)
    kept = as_array(x)
    first = output(layer, x)
    told = as_array(first)
    leaf = x.clone().requires_grad_()
    y = output(layer, leaf)
    forward = _statistics(layer)
    upstream = normal(41, (4, 3))
    if y.requires_grad:
        torch.autograd.grad(_Upstream.apply(y, upstream), leaf, allow_unused=True)  # type: ignore[no-untyped-call]
    backward_moved = _moved(forward, layer)
    carried = {asked(f"does {n} carry a graph"): getattr(layer, n).grad_fn is not None for n in STATISTICS}
    layer.eval()
    output(layer, x)
    changed = (as_array(x) != kept).any()
    old = as_array(output(layer, x))
    x.add_(normal(49, (4, 3)))
    new = as_array(output(layer, x))
    return {
        asked("was the caller's input changed"): changed,
        asked("was an old output given for new numbers in the same tensor"): not _differ(old, new),
        asked("did the statistics move in the backward pass"): backward_moved,
        asked("was the upstream gradient changed"): (as_array(upstream) != as_array(normal(41, (4, 3)))).any(),
        asked("was the first output changed by the next call"): (as_array(first) != told).any(),
        asked("were gamma or beta changed"): (as_array(layer.gamma) != 2.0).any()
        or (as_array(layer.beta) != 0.5).any(),
        **carried,
        asked("did another layer's statistics move"): _moved(untouched, other),
    }


def _global_state(make: Any) -> dict[str, Any]:
    x = normal(42, (4, 2))

    def state() -> tuple[Any, ...]:
        numbers = np.random.get_state()
        return bytes(torch.get_rng_state().tolist()), random.getstate(), bytes(numbers[1]), numbers[2]  # type: ignore[index]

    torch.rand(1)  # away from the state right after seeding
    start, grad, dtype = state(), torch.is_grad_enabled(), torch.get_default_dtype()
    layer = make(2)
    before = state()
    output(layer, x)
    layer.eval()
    output(layer, x)
    return {
        asked("random state changed when the layer was built"): before != start,
        asked("random state changed"): state() != before,
        asked("grad mode changed"): torch.is_grad_enabled() != grad,
        asked("default dtype changed"): torch.get_default_dtype() != dtype,
    }


def _layout(make: Any) -> dict[str, Any]:
    plain = normal(43, (4, 3), 1.0, 2.0)
    wide = normal(44, (3, 8))
    wide[:, ::2] = plain.t()
    strided = wide[:, ::2].t()
    weights = normal(45, (3, 4))
    seen = []
    for x in (plain.clone(), strided):
        leaf = x.detach().requires_grad_()
        y = output(make(3), leaf)
        (dx,) = gradients_of((y.t() * weights).sum() + y.sum(), [leaf])
        seen.append((as_array(y), dx))
    return {
        asked("a transposed, strided input gives the same output"): not _differ(seen[0][0], seen[1][0]),
        asked("a transposed, strided input gives the same gradient"): not _differ(seen[0][1], seen[1][1]),
    }


def _wrong_width(make: Any) -> dict[str, Any]:
    layer = make(4)
    narrow, cube = normal(46, (8, 3), 1.0, 2.0), normal(47, (5, 4, 3), 1.0, 2.0)
    seen = {asked("3 columns in a layer of 4 were mixed or filled up"): _mixed(layer, narrow, (0,))}
    seen[asked("running statistics keep their width")] = all(_statistic(layer, n).shape == (4,) for n in STATISTICS)
    seen[asked("a 5×4×3 batch was mixed up")] = _mixed(make(4), cube, (0, 2))
    return seen


def _mixed(layer: Any, x: torch.Tensor, dims: tuple[int, ...]) -> bool:
    """False where the layer refuses the batch, with whatever exception, or only shifts and scales it along ``dims``."""
    try:
        y = as_array(_any_out(layer, x))
    except Exception:
        return False
    return y.shape != tuple(x.shape) or _differ(_normalised(y, dims), _normalised(x, dims), 0.3)


def _nan(make: Any) -> dict[str, Any]:
    layer = make(3)
    x = normal(47, (4, 3), 1.0, 2.0)
    other = make(3)
    clean = _run(other, x)
    x[2, 1] = torch.nan
    try:
        y = _run(layer, x)
    except ValueError:  # refusing the batch is as good
        y = np.where([False, True, False], np.nan, clean)
        layer = other
    now = _statistics(layer)
    bad = np.isnan(y)
    expected = _statistics(other)
    return {
        asked("the feature with a NaN shows it"): bad[:, 1].all(),
        asked("other features stay free of it"): not bad[:, [0, 2]].any()
        and not _differ(y[:, [0, 2]], clean[:, [0, 2]]),
        asked("its statistics stay in its feature"): not any(np.isnan(v[[0, 2]]).any() for v in now.values()),
        asked("statistics of other features move as ever"): not any(
            _differ(now[n][[0, 2]], expected[n][[0, 2]]) for n in STATISTICS
        ),
    }


def _own_work(make: Any) -> dict[str, Any]:
    layer = make(2)
    x = normal(48, (4, 2)).requires_grad_()
    with operators_called() as called:
        y = output(layer, x)
        if y.requires_grad:
            y.sum().backward()
        layer.eval()
        output(layer, x)
    return {asked("a batch norm of the library was called"): bool(batch_norms(called))}


def _probe(run: Callable[[Any], dict[str, Any]], fed: str) -> Probe:
    return Probe(run.__name__.lstrip("_"), fed, run)


PROBES = (
    _probe(_train, "a 1024×8 batch, mean 3, std 5, train mode"),
    _probe(_eval, "50 training batches (mean 3, std 5), then 256 rows (mean −2, std 0.5) in eval mode"),
    _probe(_moves, "a 32×4 batch, first in train mode, then in eval mode"),
    _probe(_numbers, "a 4×3 batch, then 2 rows in eval mode"),
    _probe(_gradients, "a 5×2 batch, and random weights for the loss; then gamma and beta a little changed"),
    _probe(_affine, "a 32×4 batch with gamma = 1 and beta = 0, then with gamma = 2 and beta = 5"),
    _probe(_fresh, "nothing; then 3 rows in eval mode before any training"),
    _probe(_train_parts, "a 6×3 batch in train mode, with eps = 1e-12 and with eps = 0.5"),
    _probe(
        _eval_parts, "running_mean = (1, −2, 3), running_var = (0.16, 1.5, 4), eps = 1e-12 and 0.5, 4 rows in eval mode"
    ),
    _probe(_update_parts, "running statistics set by hand, momentum = 0.3, then a 5×4 batch"),
    _probe(_schedule, "one 6×1 batch, four times"),
    _probe(_affine_parts, "one batch with gamma = 1, beta = 0, then with other values, in both modes"),
    _probe(_settings, "5 steps with eps = 0.5, momentum = 0.3, other gamma and beta"),
    _probe(_extremes, "momentum = 0, momentum = 1 and eps = 1e-8, each with a 4×2 batch"),
    _probe(_slopes, "a 6×2 batch, moved a little in three directions"),
    _probe(_eval_gradients, "3 rows in eval mode, and a random upstream gradient"),
    _probe(_twice, "a batch through the layer, a mixture of both through it again, and a second batch; one loss"),
    _probe(_neighbours, "one row in eval mode: alone, and among other rows"),
    _probe(_switches, "the layer inside two nn.Sequential; the mode is switched on the outer one"),
    _probe(_grad_modes, "the same batch with gradients and under no_grad, in both modes"),
    _probe(_two_rows, "a batch of 2 rows"),
    _probe(_one_feature, "a batch of one feature"),
    _probe(_changing, "600 rows, then 3 rows, momentum = 0.3"),
    _probe(_square, "as many rows as features"),
    _probe(_tiny, "a feature with standard deviation 0.001, and one that is 2 in every row"),
    _probe(_one_row, "one row in train mode"),
    _probe(_precision, "the same batch in float32, float64 and bfloat16"),
    _probe(_far, "256 rows around 0, then the same rows around 10,000"),
    _probe(_layout, "the transpose of every second column of a 3×8 tensor"),
    _probe(_wrong_width, "an 8×3 batch and a 5×4×3 batch for layers of 4 features"),
    _probe(_nan, "a 4×3 batch with one NaN"),
    _probe(_saved, "3 training batches, then state_dict"),
    _probe(_torch_state, "the state of torch's layer under your names, and back"),
    _probe(_copied, "copy.deepcopy after a training step"),
    _probe(_memory, f"{STEPS:,} training steps"),
    _probe(_side_effects, "a 4×3 batch, and a second layer that sees none"),
    _probe(_global_state, "one batch in each mode"),
    _probe(_own_work, "a batch forward and backward, with the operators watched"),
)
