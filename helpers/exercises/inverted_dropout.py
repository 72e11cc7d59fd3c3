"""Notebook 10: dropout as a function, in its inverted form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, asked, matches, near, tensor

from .measuring import normal

Dropout = Callable[[torch.Tensor, float, bool], Any]
SHAPE, BLOCKS = (500, 400), (40, 8, 25)
"""So many values that a share is known to 0.01, whatever the generator; and numbers with a third dimension."""
_ROWS = asked("do the values of a row fall together")
_COLUMNS = asked("do the values of a column fall together")
_SAME_ROWS = asked("do two rows have the same mask")
_SAME_COLUMNS = asked("do two columns have the same mask")
_SAME = tuple(asked(f"do two {of} have the same mask") for of in ("examples", "channels", "places"))
_AGAIN = asked("does a second call drop the same values")
_MOVED = "largest change of the x that was passed in"


def _called(dropout: Dropout, x: torch.Tensor, p: float, training: bool) -> torch.Tensor:
    """The result; BadOutput where it is no tensor of the shape and dtype of x."""
    y = tensor(dropout(x, p, training), "the result")
    if y.shape != x.shape:
        raise BadOutput(f"the result has shape {tuple(y.shape)}, its input {tuple(x.shape)}.")
    if y.dtype != x.dtype:
        raise BadOutput(f"the result is {y.dtype}, its input {x.dtype}.".replace("torch.", ""))
    return y


def _share(dropped: torch.Tensor) -> float:
    return round(50 * dropped.double().mean().item()) / 50


def _together(dropped: torch.Tensor) -> bool:
    """True where the values of a line, along the last dimension, share a fate: the shares of the lines differ too much.

    dropped: (lines, values).
    """
    shares = dropped.double().mean(dim=1)
    p = shares.mean()
    return bool(shares.std() > 2 * torch.sqrt(p * (1 - p) / dropped.shape[1]))


def _alike(dropped: torch.Tensor, dim: int) -> bool:
    """True where two slices along ``dim`` have the same mask, and it drops something: chance does not do that."""
    slices = dropped.movedim(dim, 0).flatten(1)
    return bool(dropped.any()) and len(torch.unique(slices, dim=0)) < len(slices)


def _training(seed: int, p: float) -> Callable[[Dropout], dict[str, Any]]:
    def run(dropout: Dropout) -> dict[str, Any]:
        x = normal(seed, SHAPE, 3.0)
        given = x.clone()
        y, again = _called(dropout, x, p, True).detach().clone(), _called(dropout, x, p, True).detach()
        dropped = y == 0
        factors = (y / given)[~dropped]
        return {
            "share of zeros": _share(dropped),
            "smallest factor of a value that is kept": factors.min() if len(factors) else 0.0,
            "largest factor of a value that is kept": factors.max() if len(factors) else 0.0,
            _ROWS: _together(dropped),
            _COLUMNS: _together(dropped.T),
            _SAME_ROWS: _alike(dropped, 0),
            _SAME_COLUMNS: _alike(dropped, 1),
            _AGAIN: torch.equal(dropped, again == 0),
            _MOVED: (x - given).abs().max(),
        }

    return run


def _blocks(dropout: Dropout) -> dict[str, Any]:
    dropped = _called(dropout, normal(5, BLOCKS, 3.0), 0.5, True) == 0
    return {question: _alike(dropped, dim) for dim, question in enumerate(_SAME)}


def _eval(dropout: Dropout) -> dict[str, Any]:
    x = normal(2, (6, 5))
    factors = _called(dropout, x.clone(), 0.4, False) / x
    return {"smallest output ÷ input": factors.min(), "largest output ÷ input": factors.max()}


def _edges(dropout: Dropout) -> dict[str, Any]:
    x = normal(3, (6, 5)).double()
    return {
        "output for p = 0": _called(dropout, x.clone(), 0.0, True),
        "output for p = 1": _called(dropout, x.clone(), 1.0, True),
    }


def _gradient(dropout: Dropout) -> dict[str, Any]:
    x = normal(4, SHAPE, 3.0).requires_grad_()
    y = _called(dropout, x, 0.6, True)
    if not y.requires_grad:
        raise BadOutput("no gradient gets from the result to x.")
    (gradient,) = torch.autograd.grad(y.sum(), x)
    return {"largest difference of the gradient from output ÷ input": (gradient - y.detach() / x.detach()).abs().max()}


_RUNS = {"low": 0.2, "high": 0.7}

inverted_dropout_exercise = Exercise(
    id="inverted_dropout",
    title="Inverted dropout",
    module=__name__,
    builds="inverted_dropout",
    probes=(
        *(
            Probe(name, f"{SHAPE[0]} × {SHAPE[1]} numbers, p = {p}, train mode, twice", _training(seed, p))
            for seed, (name, p) in enumerate(_RUNS.items())
        ),
        Probe(
            "blocks",
            f"{' × '.join(map(str, BLOCKS))} numbers (examples, channels, places), p = 0.5, train mode",
            _blocks,
        ),
        Probe("eval", "6 × 5 numbers, p = 0.4, eval mode", _eval),
        Probe("edges", "6 × 5 numbers in float64, train mode, p = 0 and p = 1", _edges),
        Probe("gradient", "numbers that require a gradient, p = 0.6, train mode", _gradient),
    ),
    checks=(
        Check(
            "training",
            "1 · train mode: a share p becomes 0, what is kept is divided by 1 − p",
            (
                *(
                    rule
                    for name, p in _RUNS.items()
                    for rule in (
                        near(f"{name}/share of zeros", p, 0.021),
                        near(f"{name}/smallest factor of a value that is kept", 1 / (1 - p), 1e-4),
                        near(f"{name}/largest factor of a value that is kept", 1 / (1 - p), 1e-4),
                        *(near(f"{name}/{q}", 0.0, 0.0) for q in (_ROWS, _COLUMNS, _SAME_ROWS, _SAME_COLUMNS, _AGAIN)),
                    )
                ),
                *(near(f"blocks/{question}", 0.0, 0.0) for question in _SAME),
            ),
            "With another factor the next layer sees other sizes in training than in use.",
            (
                "Each value needs a coin of its own, thrown at each call. What share of the values is kept?",
                "`torch.rand_like(x)` draws from 0 to 1, one number for each value; it is at least p in a share 1 − p of the cases.",
                "`x * (torch.rand_like(x) >= p) / (1 - p)`",
            ),
        ),
        Check(
            "rest",
            "2 · eval mode, p = 0, p = 1, the gradient, and x itself",
            (
                near("eval/smallest output ÷ input", 1.0, 1e-6),
                near("eval/largest output ÷ input", 1.0, 1e-6),
                matches("edges/output for p = 0", "edges/output for p = 1"),
                near("gradient/largest difference of the gradient from output ÷ input", 0.0, 1e-4),
                near(f"low/{_MOVED}", 0.0, 0.0),
                near(f"high/{_MOVED}", 0.0, 0.0),
            ),
            "In eval mode nothing has to be scaled: that is what the inverted form is for.",
            (
                "What does a served net need to know of p?",
                "Return x as it is in eval mode. With p = 1 nothing is kept, and 1 − p is 0. Make a new tensor.",
                "`if not training: return x`, and for p = 1 `torch.zeros_like(x)`",
            ),
        ),
    ),
)
