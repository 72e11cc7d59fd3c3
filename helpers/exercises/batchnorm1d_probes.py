"""What is done with a learner's BatchNorm1d, and what of it is kept.

Right layers are written in many ways.  A quantity is observed only where all of them agree, so that a difference from
the reference is always a mistake: rounding is kept as yes or no, tensors are found by identity, not by their name in
``state_dict``, and one row in train mode may raise or not.  Four probes take the layer apart (``train_parts``,
``eval_parts``, ``update_parts``, ``affine_parts``): each of their quantities depends on one decision of the author,
whatever the others are.
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

from helpers.judge.api import Array, BadOutput, Probe, as_array, asked, tensor
from helpers.judge.operators import batch_norms, operators_called

EVAL_GAP = "largest gap between the output and (x − running_mean)/√(running_var + eps)"
STATISTICS = ("running_mean", "running_var")
TENSORS = ("gamma", "beta", *STATISTICS)
TORCH_NAMES = dict(zip(TENSORS, ("weight", "bias", *STATISTICS), strict=True))
STEPS = 1000
MEMORY = (
    asked("memory/past batches stay in memory"),
    asked(f"memory/the layer holds more tensors after {STEPS} steps than after 10"),
)
LATE = (
    *(f"memory/{name} after {STEPS} steps" for name in STATISTICS),
    asked(f"memory/statistics still move after {STEPS} steps"),
)


def _batch(seed: int, shape: tuple[int, ...], mean: Any = 0.0, std: Any = 1.0) -> torch.Tensor:
    """Normal numbers from NumPy's frozen legacy generator: the same on every machine and version."""
    return torch.tensor(np.random.RandomState(seed).normal(mean, std, shape), dtype=torch.float32)


def _any_out(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return tensor(layer(x), "the output of forward")


def _out(layer: Any, x: torch.Tensor) -> torch.Tensor:
    y = _any_out(layer, x)
    if y.shape != x.shape:
        raise BadOutput(f"the output of forward has shape {tuple(y.shape)}, its input {tuple(x.shape)}.")
    return y


def _run(layer: Any, x: torch.Tensor) -> Array:
    """The numbers of the output; the layer gets a copy, since one that writes into its input is seen elsewhere."""
    return as_array(_out(layer, x.clone()))


def _statistic(layer: Any, name: str) -> Array:
    """One running statistic as a flat array; its shape is observed once, by ``saved``."""
    return as_array(tensor(getattr(layer, name), name), name).reshape(-1)


def _statistics(layer: Any) -> dict[str, Array]:
    return {name: _statistic(layer, name) for name in STATISTICS}


def _set(layer: Any, **values: Any) -> None:
    """Copy numbers into the layer's tensors."""
    with torch.no_grad():
        for name, value in values.items():
            getattr(layer, name).copy_(torch.as_tensor(value, dtype=torch.float32))


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


def _gradients_of(loss: torch.Tensor, wanted: list[torch.Tensor]) -> list[Array]:
    """Gradient of each tensor; NaN where there is none, also where the tensor is no trained parameter."""
    asked = [w for w in wanted if w.requires_grad]
    found = torch.autograd.grad(loss, asked, allow_unused=True) if loss.requires_grad and asked else [None] * len(asked)
    of = {id(w): g for w, g in zip(asked, found, strict=True)}
    gradients = [(w, of.get(id(w))) for w in wanted]
    return [np.full(w.shape, np.nan) if g is None else as_array(g) for w, g in gradients]


def _trained(layer: Any, name: str) -> torch.Tensor:
    """``layer.gamma`` or ``layer.beta`` if it is a parameter; else a tensor of the same shape that no loss reaches."""
    value = getattr(layer, name)
    if any(p is value for p in layer.parameters()):
        return value  # type: ignore[no-any-return]
    return torch.zeros(tensor(value, name).shape)


def _train(make: Any) -> dict[str, Any]:
    y = _run(make(8), _batch(0, (1024, 8), 3.0, 5.0))
    return {"mean of each feature": y.mean(0), "variance of each feature": y.var(0)}


def _eval(make: Any) -> dict[str, Any]:
    layer = make(4)
    for step in range(50):
        _out(layer, _batch(step, (64, 4), 3.0, 5.0))
    layer.eval()
    x = _batch(99, (256, 4), -2.0, 0.5)
    y = _run(layer, x)
    now = _statistics(layer)
    formula = (as_array(x) - now["running_mean"]) / np.sqrt(now["running_var"] + 1e-5)
    return {EVAL_GAP: np.abs(y - formula).max(), "mean of each output feature": y.mean(0)}


def _moves(make: Any) -> dict[str, Any]:
    layer = make(4)
    x = _batch(1, (32, 4), 3.0, 5.0)
    before = _statistics(layer)
    _out(layer, x)
    after = _statistics(layer)
    layer.eval()
    _out(layer, x)
    seen: dict[str, Any] = {}
    for name, now in _statistics(layer).items():
        seen[asked(f"did {name} move in train mode")] = not np.array_equal(before[name], after[name])
        seen[asked(f"did {name} move in eval mode")] = not np.array_equal(after[name], now)
    return seen


def _numbers(make: Any) -> dict[str, Any]:
    layer = make(3)
    seen = {"train output": _run(layer, _batch(2, (4, 3), 2.0, 3.0)), **_statistics(layer)}
    layer.eval()
    return {**seen, "eval output": _run(layer, _batch(3, (2, 3)))}


def _gradients(make: Any) -> dict[str, Any]:
    layer = make(2)
    _set(layer, gamma=[1.5, -0.5], beta=[0.1, -1.0])
    x = _batch(4, (5, 2), 1.0, 2.0).requires_grad_()
    loss = (_out(layer, x) * _batch(5, (5, 2))).sum()
    names = ("gradient of gamma", "gradient of beta", "gradient of the input")
    wanted = [_trained(layer, "gamma"), _trained(layer, "beta"), x]
    gamma, beta, dx = _gradients_of(loss, wanted)
    return dict(zip(names, (gamma.reshape(-1), beta.reshape(-1), dx), strict=True))


def _affine(make: Any) -> dict[str, Any]:
    layer = make(4)
    _set(layer, gamma=2.0, beta=5.0)
    y = _run(layer, _batch(6, (2048, 4), -1.0, 3.0))
    return {"mean of each feature": y.mean(0), "variance of each feature": y.var(0)}


def _settings(make: Any) -> dict[str, Any]:
    layer = make(2, eps=0.5, momentum=0.3)
    _set(layer, gamma=[2.0, -0.5], beta=[1.0, -2.0])
    for step in range(5):
        y = _run(layer, _batch(10 + step, (3, 2), 1.0, 1.0 + step))
    layer.eval()
    return {
        "train output after 5 steps": y,
        **_statistics(layer),
        "eval output": _run(layer, _batch(20, (2, 2))),
        asked("the arguments come in torch's order"): _in_order(make),
    }


def _in_order(make: Any) -> bool:
    """True where the second argument is eps and the third momentum, or where both are taken by name only."""
    try:
        layer = make(2, 0.5, 0.3)
    except TypeError:
        return True
    twin, x = make(2, eps=0.5, momentum=0.3), _batch(21, (3, 2))
    return not _differ(_run(layer, x), _run(twin, x))


def _extremes(make: Any) -> dict[str, Any]:
    x = _batch(22, (4, 2), [3.0, -2.0], [1.0, 2.0])
    seen: dict[str, Any] = {}
    for momentum in (0.0, 1.0):
        layer = make(2, momentum=momentum)
        _out(layer, x)
        seen |= {f"momentum = {momentum:g}: {name}": value for name, value in _statistics(layer).items()}
    return {
        **seen,
        "eps = 1e-8, standard deviation 0.03: train output": _run(make(2, eps=1e-8), _batch(23, (4, 2), 0.0, 0.03)),
    }


def _root(slope: Array, variance: Array) -> dict[str, Any]:
    """1/slope² as factor · variance + eps: two unknowns, three features."""
    under = 1 / np.where(np.abs(slope) < 1e-6, np.nan, slope) ** 2
    if not np.isfinite(under).all():
        return {"factor of the variance under the root": np.nan, "eps under the root": np.nan}
    factor, eps = np.linalg.lstsq(np.stack([variance, np.ones_like(variance)], 1), under, rcond=None)[0]
    return {"factor of the variance under the root": factor, "eps under the root": eps}


def _lines(x: Array, y: Array) -> tuple[Array, Array, bool]:
    """Slope and offset of y over x for each column, and whether the points lie on these lines."""
    if not np.isfinite(y).all():
        nothing = np.full(x.shape[1], np.nan)
        return nothing, nothing, False
    centred = x - x.mean(0)
    slope = (centred * y).sum(0) / (centred**2).sum(0)
    offset = y.mean(0) - slope * x.mean(0)
    return slope, offset, not _differ(slope * x + offset, y, 1e-4)


def _centre(x: Array, y: Array) -> tuple[Array, dict[str, Any]]:
    slope, offset, straight = _lines(x, y)
    centre = -offset / np.where(np.abs(slope) < 1e-6, np.nan, slope)
    return slope, {asked("output = a · x + b for each feature"): straight, "value that becomes 0": centre}


def _train_parts(make: Any) -> dict[str, Any]:
    layer = make(3, eps=0.5)
    x = _batch(50, (6, 3), [1.0, -2.0, 3.0], [0.5, 2.0, 4.0])
    inputs = as_array(x)
    slope, seen = _centre(inputs, _run(layer, x))
    return {**seen, **_root(slope, inputs.var(0))}


def _eval_parts(make: Any) -> dict[str, Any]:
    layer = make(3, eps=0.5)
    _set(layer, running_mean=[1.0, -2.0, 3.0], running_var=[0.25, 4.0, 16.0])
    layer.eval()
    x = _batch(51, (4, 3), 0.5, 2.0)
    slope, seen = _centre(as_array(x), _run(layer, x))
    return {**seen, **_root(slope, np.array([0.25, 4.0, 16.0]))}


def _mix(old: Array, batch: Array, now: Array) -> tuple[float, float, bool]:
    """``now`` as keep · old + add · batch over features: keep, add / (1 − keep), and whether that describes it."""
    if now.shape != old.shape or not np.isfinite(now).all():
        return np.nan, np.nan, False
    table = np.stack([old, batch], 1)
    keep, add = np.linalg.lstsq(table, now, rcond=None)[0]
    fits = not _differ(table @ np.array([keep, add]), now, 1e-4)
    return keep, add / (1 - keep) if abs(1 - keep) > 1e-3 else add, fits


def _update_parts(make: Any) -> dict[str, Any]:
    layer = make(4, momentum=0.3)
    old = {"running_mean": np.array([1.0, -1.0, 2.0, 0.5]), "running_var": np.array([0.5, 2.0, 1.0, 3.0])}
    _set(layer, **old)
    x = _batch(52, (5, 4), [-2.0, 1.0, 3.0, 0.0], [1.0, 0.7, 2.0, 1.5])
    batch = {"running_mean": as_array(x).mean(0), "running_var": as_array(x).var(0)}
    _out(layer, x)
    seen: dict[str, Any] = {}
    for name, weight in zip(STATISTICS, ("batch mean", "biased batch variance"), strict=True):
        keep, add, fits = _mix(old[name], batch[name], _statistic(layer, name))
        seen[f"share of the old {name} that is kept"] = keep
        seen[f"{weight}s taken for the share given up"] = add
        seen[asked(f"{name} mixes old value and {weight}")] = fits
    return seen


def _schedule(make: Any) -> dict[str, Any]:
    layer = make(1)
    x = _batch(53, (6, 1), 4.0, 3.0)
    mean, var = float(as_array(x).mean()), float(as_array(x).var(ddof=1))
    shares = []
    for _ in range(4):
        _out(layer, x)
        now = _statistics(layer)
        shares.append([now["running_mean"].mean() / mean, (now["running_var"].mean() - 1) / (var - 1)])
    of_mean, of_var = np.array(shares).T
    return {
        "part of the way of running_mean after 1…4 equal batches": of_mean,
        "part of the way of running_var after 1…4 equal batches": of_var,
    }


def _affine_parts(make: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    x = _batch(54, (5, 2), 1.0, 2.0)
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
    x = _batch(55, (6, 2), 1.0, 2.0)
    weights = _batch(56, (6, 2))
    directions = {
        "shifted as a whole": torch.ones(6, 2),
        "stretched about its mean": x - x.mean(0),
        "moved at random": _batch(57, (6, 2)),
    }
    leaf = x.clone().requires_grad_()
    (dx,) = _gradients_of((_out(layer, leaf) * weights).sum(), [leaf])

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
        of_gamma += _gradients_of((_out(layer, x) * weights).sum(), [_trained(layer, "gamma")])
    seen[asked("gradient of gamma is the same where gamma is 0")] = not _differ(of_gamma[0], of_gamma[1])
    return seen


def _eval_gradients(make: Any) -> dict[str, Any]:
    layer = make(2)
    _set(layer, gamma=[1.5, -0.5], running_mean=[1.0, -1.0], running_var=[4.0, 0.25])
    layer.eval()
    x = _batch(58, (3, 2)).requires_grad_()
    loss = (_out(layer, x) * _batch(59, (3, 2))).sum()
    gamma, beta, dx = _gradients_of(loss, [_trained(layer, "gamma"), _trained(layer, "beta"), x])
    names = ("gamma", "beta", "the input")
    return {
        f"gradient of {n} in eval mode": g
        for n, g in zip(names, (gamma.reshape(-1), beta.reshape(-1), dx), strict=True)
    }


def _twice(make: Any) -> dict[str, Any]:
    layer = make(2)
    x = _batch(60, (3, 2), 1.0, 2.0).requires_grad_()
    other = _batch(61, (3, 2), -1.0, 2.0).requires_grad_()
    chained = _out(layer, _out(layer, x) + 0.5 * x.flip(1))
    loss = (chained * _batch(62, (3, 2))).sum() + (_out(layer, other) * _batch(63, (3, 2))).sum()
    gamma, d_other, dx = _gradients_of(loss, [_trained(layer, "gamma"), other, x])
    return {
        "gradient of gamma": gamma.reshape(-1),
        "gradient of the first batch": dx,
        "gradient of the second batch": d_other,
    }


def _fresh(make: Any) -> dict[str, Any]:
    layer = make(2)
    seen: dict[str, Any] = {f"{n} at the start": as_array(tensor(getattr(layer, n), n)).reshape(-1) for n in TENSORS}
    affine = [_trained(layer, n) for n in ("gamma", "beta")]
    seen["gamma and beta that are parameters"] = sum(isinstance(v, nn.Parameter) for v in affine)
    seen["gamma and beta that require a gradient"] = sum(v.requires_grad for v in affine)
    layer.eval()
    return {**seen, "eval output before any training": _run(layer, _batch(70, (3, 2), 1.0, 2.0))}


def _neighbours(make: Any) -> dict[str, Any]:
    layer = make(2)
    _out(layer, _batch(71, (6, 2), 2.0, 3.0))
    layer.eval()
    x = _batch(72, (4, 2), -1.0, 2.0)
    alone = as_array(_any_out(layer, x[:1]))
    among = _run(layer, torch.cat([x[:1], 10 * x]))[:1]
    return {
        asked("eval output of a row is the same a second time"): not _differ(alone, as_array(_any_out(layer, x[:1]))),
        asked("eval output of a row depends on its neighbours"): _differ(alone, _run(layer, x)[:1])
        or _differ(alone, among),
        asked("eval output of one row has shape (1, C)"): alone.shape == (1, 2),
    }


def _switches(make: Any) -> dict[str, Any]:
    layer = make(2)
    model = nn.Sequential(nn.Sequential(layer))
    x, y = _batch(73, (5, 2), 2.0, 3.0), _batch(74, (4, 2), -1.0)
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
    x, y = _batch(75, (5, 2), 2.0, 3.0), _batch(76, (4, 2), -1.0)
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
    return {"train output": _run(layer, _batch(77, (2, 3), 1.0, 2.0)), "running_var": _statistic(layer, "running_var")}


def _one_feature(make: Any) -> dict[str, Any]:
    layer = make(1)
    y = _run(layer, _batch(78, (4, 1), 1.0, 2.0))
    layer.eval()
    return {
        "train output": y,
        "running_var": _statistic(layer, "running_var"),
        "eval output": _run(layer, _batch(79, (2, 1))),
    }


def _changing(make: Any) -> dict[str, Any]:
    layer = make(4, momentum=0.3)
    many, few = _batch(24, (600, 4)), _batch(25, (3, 4), [-2.0, 1.0, 3.0, 0.0], [1.0, 0.7, 2.0, 1.5])
    exact = not _differ(_run(layer, many), _normalised(many))
    many[7] = torch.tensor([50.0, -60.0, 70.0, -80.0])  # more than 20 standard deviations away
    *_, straight = _lines(as_array(many), _run(layer, many))
    old = _statistics(layer)
    _out(layer, few)
    seen: dict[str, Any] = {
        asked("600 rows: output = (x − mean)/√(variance + eps)"): exact,
        asked("600 rows, one of them far out: output = a · x + b for each feature"): straight,
    }
    for name, batch in zip(STATISTICS, (as_array(few).mean(0), as_array(few).var(0)), strict=True):
        _, add, _ = _mix(old[name], batch, _statistic(layer, name))
        seen[f"batch values taken for the share of {name} given up, 3 rows after 600"] = add
    return seen


def _square(make: Any) -> dict[str, Any]:
    layer = make(3)
    y = _run(layer, _batch(80, (3, 3), 1.0, [1.0, 2.0, 3.0]))
    layer.eval()
    return {
        "train output": y,
        "running_mean": _statistic(layer, "running_mean"),
        "eval output": _run(layer, _batch(81, (3, 3)))[:1],
    }


def _tiny(make: Any) -> dict[str, Any]:
    x = _batch(82, (4, 2), 0.0, [1e-3, 1.0])
    x[:, 1] = 2.0
    x.requires_grad_()
    y = _out(make(2), x)
    (dx,) = _gradients_of((y * _batch(83, (4, 2))).sum(), [x])
    seen = as_array(y)
    return {
        "standard deviation 0.001: output": seen[:, :1],
        "output of a constant feature": seen[:, 1:],
        "standard deviation 0.001: gradient": dx[:, :1],
        "gradient of a constant feature": dx[:, 1:],
    }


def _one_row(make: Any) -> dict[str, Any]:
    layer = make(3)
    try:
        y = as_array(_any_out(layer, _batch(7, (1, 3))))
    except Exception:  # refusing one row is right, whatever the class of the exception
        y = np.zeros(1)
    finite = all(np.isfinite(v).all() for v in [y, *_statistics(layer).values()])
    return {asked("was NaN written"): not finite, asked("the layer is still in train mode"): layer.training}


def _is_finer(values: Array) -> bool:
    """True where some number is not one that float32 could hold."""
    return bool((values.astype(np.float32) != values).any())


def _precision(make: Any) -> dict[str, Any]:
    x = torch.tensor(np.random.RandomState(8).normal([1.0, 1.0, 0.0], [2.0, 2.0, 0.005], (32, 3)))
    leaf, upstream = x.clone().requires_grad_(), torch.tensor(np.random.RandomState(26).normal(size=(32, 3)))
    double = make(3).double()
    y = _out(double, leaf)
    exact = as_array(y)
    (dx,) = _gradients_of((y * upstream).sum(), [leaf])
    low = _out(make(3).to(torch.bfloat16), x.to(torch.bfloat16))
    layer = make(3)
    single = _out(layer, x.float())
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
    x = (_batch(9, (256, 2)) * 64).round() / 64  # adding 10,000 loses no digit of these
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
        _out(layer, _batch(step, (5, 3), 2.0, 3.0))
    held = layer.state_dict(keep_vars=True)
    names = {tensor_name: _name_in(held, getattr(layer, tensor_name)) for tensor_name in TENSORS}
    seen: dict[str, Any] = {asked(f"{n} in state_dict"): name is not None for n, name in names.items()}
    seen["running statistics among the parameters"] = sum(
        any(p is getattr(layer, n) for p in layer.parameters()) for n in STATISTICS
    )
    shaped = [tuple(getattr(layer, n).shape) == (3,) for n in TENSORS]
    seen[asked("gamma and beta have shape (C,)")] = all(shaped[:2])
    seen[asked("running statistics have shape (C,)")] = all(shaped[2:])
    state = copy.deepcopy(layer.state_dict())
    layer.eval()
    x = _batch(30, (2, 3))
    before = _run(layer, x)
    again = make(3)
    again.load_state_dict(state)
    again.eval()
    seen[asked("a new layer that loads it gives the same eval output")] = not _differ(_run(again, x), before)
    return seen


def _torch_state(make: Any) -> dict[str, Any]:
    layer, theirs = make(2), nn.BatchNorm1d(2).eval()
    x = _batch(31, (2, 2))
    _set(theirs, weight=[1.5, -0.5], bias=[0.0, 2.0], running_mean=[1.0, -1.0], running_var=[4.0, 0.25])
    layer.eval()
    _out(layer, x)
    held = layer.state_dict(keep_vars=True)
    names = {n: _name_in(held, getattr(layer, n)) for n in TENSORS}
    state = {name: theirs.state_dict()[TORCH_NAMES[n]] for n, name in names.items() if name is not None}
    layer.load_state_dict(state, strict=False)
    seen = {"eval output after loading the state of torch's layer": _run(layer, x)}
    layer.train()
    _out(layer, _batch(32, (4, 2), 3.0, 2.0))
    layer.eval()
    held = layer.state_dict(keep_vars=True)
    back = {TORCH_NAMES[n]: held[name].detach() for n, name in names.items() if name in held}
    theirs.load_state_dict(back, strict=False)
    gap = _differ(as_array(theirs(x)), _run(layer, x))
    return {**seen, asked("torch's layer gives the same after loading yours"): not gap}


def _copied(make: Any) -> dict[str, Any]:
    layer = make(2, eps=0.5, momentum=0.3)
    x = _batch(33, (4, 2), 1.0, 2.0)
    _out(layer, x.clone().requires_grad_())
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
    batches = [_batch(84 + i, (4, 2), 1.0, 2.0) for i in range(4)]
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


def _side_effects(make: Any) -> dict[str, Any]:
    layer, other = make(3), make(3)
    untouched = _statistics(other)
    _set(layer, gamma=2.0, beta=0.5)
    x = _batch(40, (4, 3), 1.0, 2.0)
    kept = as_array(x)
    first = _out(layer, x)
    told = as_array(first)
    leaf = x.clone().requires_grad_()
    y = _out(layer, leaf)
    forward = _statistics(layer)
    upstream = _batch(41, (4, 3))
    if y.requires_grad:
        torch.autograd.grad(y, leaf, upstream, allow_unused=True)
    backward_moved = _moved(forward, layer)
    carried = {asked(f"does {n} carry a graph"): getattr(layer, n).grad_fn is not None for n in STATISTICS}
    layer.eval()
    _out(layer, x)
    changed = (as_array(x) != kept).any()
    old = as_array(_out(layer, x))
    x.add_(_batch(49, (4, 3)))
    new = as_array(_out(layer, x))
    return {
        asked("was the caller's input changed"): changed,
        asked("was an old output given for new numbers in the same tensor"): not _differ(old, new),
        asked("did the statistics move in the backward pass"): backward_moved,
        asked("was the upstream gradient changed"): (as_array(upstream) != as_array(_batch(41, (4, 3)))).any(),
        asked("was the first output changed by the next call"): (as_array(first) != told).any(),
        asked("were gamma or beta changed"): (as_array(layer.gamma) != 2.0).any()
        or (as_array(layer.beta) != 0.5).any(),
        **carried,
        asked("did another layer's statistics move"): _moved(untouched, other),
    }


def _global_state(make: Any) -> dict[str, Any]:
    x = _batch(42, (4, 2))

    def state() -> tuple[Any, ...]:
        numbers = np.random.get_state()
        return bytes(torch.get_rng_state().tolist()), random.getstate(), bytes(numbers[1]), numbers[2]  # type: ignore[index]

    torch.rand(1)  # away from the state right after seeding
    start, grad, dtype = state(), torch.is_grad_enabled(), torch.get_default_dtype()
    layer = make(2)
    before = state()
    _out(layer, x)
    layer.eval()
    _out(layer, x)
    return {
        asked("random state changed when the layer was built"): before != start,
        asked("random state changed"): state() != before,
        asked("grad mode changed"): torch.is_grad_enabled() != grad,
        asked("default dtype changed"): torch.get_default_dtype() != dtype,
    }


def _layout(make: Any) -> dict[str, Any]:
    plain = _batch(43, (4, 3), 1.0, 2.0)
    wide = _batch(44, (3, 8))
    wide[:, ::2] = plain.t()
    strided = wide[:, ::2].t()
    weights = _batch(45, (3, 4))
    seen = []
    for x in (plain.clone(), strided):
        leaf = x.detach().requires_grad_()
        y = _out(make(3), leaf)
        (dx,) = _gradients_of((y.t() * weights).sum() + y.sum(), [leaf])
        seen.append((as_array(y), dx))
    return {
        asked("a transposed, strided input gives the same output"): not _differ(seen[0][0], seen[1][0]),
        asked("a transposed, strided input gives the same gradient"): not _differ(seen[0][1], seen[1][1]),
    }


def _wrong_width(make: Any) -> dict[str, Any]:
    layer = make(4)
    narrow, cube = _batch(46, (8, 3), 1.0, 2.0), _batch(47, (5, 4, 3), 1.0, 2.0)
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
    x = _batch(47, (4, 3), 1.0, 2.0)
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
    x = _batch(48, (4, 2)).requires_grad_()
    with operators_called() as called:
        y = _out(layer, x)
        if y.requires_grad:
            y.sum().backward()
        layer.eval()
        _out(layer, x)
    return {asked("a batch norm of the library was called"): bool(batch_norms(called))}


def _probe(run: Callable[[Any], dict[str, Any]], fed: str) -> Probe:
    return Probe(run.__name__.lstrip("_"), fed, run)


PROBES = (
    _probe(_train, "a 1024×8 batch, mean 3, std 5, train mode"),
    _probe(_eval, "50 training batches (mean 3, std 5), then 256 rows (mean −2, std 0.5) in eval mode"),
    _probe(_moves, "a 32×4 batch, first in train mode, then in eval mode"),
    _probe(_numbers, "a 4×3 batch, then 2 rows in eval mode"),
    _probe(_gradients, "a 5×2 batch, and a random upstream gradient"),
    _probe(_affine, "a 2048×4 batch, gamma = 2, beta = 5"),
    _probe(_fresh, "nothing; then 3 rows in eval mode before any training"),
    _probe(_train_parts, "a 6×3 batch, eps = 0.5, train mode"),
    _probe(_eval_parts, "running_mean = (1, −2, 3), running_var = (0.25, 4, 16), eps = 0.5, then 4 rows in eval mode"),
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
