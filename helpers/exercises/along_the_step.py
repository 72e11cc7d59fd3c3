"""Notebook 06: loss range, change of the gradient and effective β along one step, and the turn of a scale-free matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, as_array, asked, matches, near

from .measuring import normal

RANGE, CHANGE, BETA = "loss range", "change of the gradient", "effective β"
ANGLE, LENGTH, RATE = "angle", "length after the step", "rate for W/‖W‖"
_CHANGED = asked("is your caller's w changed")
_W_CHANGED = asked("is your caller's W changed")
FACTORS = (0.5, 1.0, 2.0, 3.0, 4.0)
MIXED = (0.5, 1.5, 0.25, 3.0, 1.0, 2.0, 0.75)
"""Here no extreme is the first or the last."""

LossAndGradient = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def _three(value: Any, *names: str) -> dict[str, Any]:
    """Three numbers by their names; BadOutput with a sentence for anything else."""
    row = isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim == 1
    parts = tuple(value) if row or isinstance(value, (tuple, list)) else ()
    if len(parts) != 3:
        got = "None" if value is None else f"a {type(value).__name__}" + (f" of {len(parts)}" if parts else "")
        raise BadOutput(f"the result is {got}; three numbers are needed: {', '.join(names)}.")
    seen = {name: as_array(part, name) for name, part in zip(names, parts, strict=True)}
    for name, found in seen.items():
        if found.size != 1:
            raise BadOutput(f"{name} has {found.size} numbers; one is needed.")
    return {name: found.reshape(()) for name, found in seen.items()}


def _bowl(w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    curvatures = torch.tensor([0.5, 2.0, 4.0, 8.0]).double()
    return (curvatures * w**2).sum() / 2, curvatures * w


def _waves(w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (w**2 / 4 + torch.cos(3 * w)).sum(), w / 2 - 3 * torch.sin(3 * w)


def _walk(landscape: LossAndGradient, seed: int, lr: float, factors: Sequence[float]) -> Callable[..., dict[str, Any]]:
    def run(along_the_step: Callable[..., Any]) -> dict[str, Any]:
        w = normal(seed, (4,)).double()
        given = w.clone()

        def loss_and_gradient(w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            loss, gradient = landscape(w.detach())
            return loss, gradient.clone()

        found = _three(along_the_step(loss_and_gradient, given, lr, factors), RANGE, CHANGE, BETA)
        return {**found, _CHANGED: not torch.equal(w, given)}

    return run


PLACES = ("bowl", "waves", "mixed")

along_the_step_exercise = Exercise(
    id="along_the_step",
    title="Along the step",
    module=__name__,
    builds="along_the_step",
    probes=(
        Probe("bowl", f"a loss that is a bowl, 4 weights, lr = 0.1, factors {FACTORS}", _walk(_bowl, 0, 0.1, FACTORS)),
        Probe("waves", f"a wavy loss, 4 weights, lr = 0.2, factors {FACTORS}", _walk(_waves, 3, 0.2, FACTORS)),
        Probe("mixed", f"the wavy loss, lr = 0.3, factors {MIXED}", _walk(_waves, 5, 0.3, MIXED)),
    ),
    checks=(
        Check(
            "loss_range",
            "1 · loss range: highest minus lowest loss, w included",
            (*(matches(f"{place}/{RANGE}") for place in PLACES), *(near(f"{p}/{_CHANGED}", 0.0, 0.0) for p in PLACES)),
            "A step that is a little longer than the best one may lose all that was won: the range shows it.",
            (
                "Where does the step start, where does it end, and what does each factor stand for?",
                "Every point lies on one line: w minus factor · lr times the gradient *at w*. The loss at w counts too.",
                "`there = w - factor * lr * gradient`; then `max(losses) - min(losses)`, with the loss at w among them",
            ),
        ),
        Check(
            "change",
            "2 · the largest ‖gradient there − gradient at w‖",
            tuple(matches(f"{place}/{CHANGE}") for place in PLACES),
            "If the gradient is another one half a step on, the step was taken on stale advice.",
            (
                "Two vectors are compared: their difference is a vector too.",
                "Subtract first, then take the length. Do it at every point, and keep the largest.",
                "`change = (gradient_there - gradient).norm()`, and the max of these",
            ),
        ),
        Check(
            "beta",
            "3 · effective β: the largest change of the gradient ÷ distance",
            tuple(matches(f"{place}/{BETA}") for place in PLACES),
            "On a bowl gradient descent diverges above 2 ÷ the largest curvature. β sees one direction only, so it may be smaller.",
            (
                "How far is a point from w? It is more than factor · lr.",
                "Each point has its own distance, factor · lr · ‖gradient at w‖. Divide there, then take the largest.",
                "`max(change / (there - w).norm())` over the points",
            ),
        ),
    ),
)


def _turn(scale: float, lr: float) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    def run(effective_step: Callable[..., Any]) -> dict[str, Any]:
        W, gradient = scale * normal(7, (3, 5)).double(), normal(8, (3, 5)).double()
        gradient -= W * (W * gradient).sum() / (W * W).sum()
        gradient /= scale
        given, slope = W.clone(), gradient.clone()
        seen = _three(effective_step(given, slope, lr), ANGLE, LENGTH, RATE)
        return {**seen, _W_CHANGED: not (torch.equal(W, given) and torch.equal(gradient, slope))}

    return run


TURNS = ("short", "long", "large")

effective_step_exercise = Exercise(
    id="effective_step",
    title="The effective step",
    module=__name__,
    builds="effective_step",
    probes=(
        Probe("short", "W 3×5, a gradient at right angles to it, lr = 0.1", _turn(1.0, 0.1)),
        Probe("long", "the same, lr = 3: W turns far", _turn(1.0, 3.0)),
        Probe("large", "10 · W, for which the gradient is a tenth, lr = 50", _turn(10.0, 50.0)),
    ),
    checks=(
        Check(
            "turn",
            "1 · the angle by which W turns, and its length after the step",
            (
                *(matches(f"{place}/{what}") for what in (ANGLE, LENGTH) for place in TURNS),
                *(near(f"{place}/{_W_CHANGED}", 0.0, 0.0) for place in TURNS),
            ),
            "Behind a norm only the direction of W counts, so the angle is the step that the function takes.",
            (
                "Draw W and the step: they meet at a right angle. What is the third side?",
                "Pythagoras gives the length. Opposite over adjacent is the tangent of the angle.",
                "`torch.atan2(lr * gradient.norm(), W.norm())` and `(W - lr * gradient).norm()`",
            ),
        ),
        Check(
            "rate",
            "2 · the learning rate with which W/‖W‖ would turn as far",
            tuple(matches(f"{place}/{RATE}") for place in TURNS),
            "It tells two nets apart that compute the same function and train at different speeds.",
            (
                "W/‖W‖ has length 1, so it computes the same. Is its gradient that of W?",
                "The gradient of W/‖W‖ is ‖W‖ times as long (section 4: 1/a). Both angles have to agree.",
                "step ÷ length is lr·‖g‖/‖W‖ for W, and rate·‖W‖·‖g‖ for W/‖W‖: `lr / W.norm() ** 2`",
            ),
        ),
    ),
)
