"""Notebook 10: one proximal step of gradient descent under an L1 penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, asked, matches, near, tensor

from .measuring import SALT, normal

Step = Callable[[torch.Tensor, torch.Tensor, float, float], Any]
W = (0.5, -0.5, 0.1, -0.1, 0.0, 2.0, -2.0, 0.3)
GRADIENT = (0.2, 0.2, 0.1, -0.1, 0.05, -3.0, 3.0, 5.0)
"""Both signs, beyond the threshold and inside it, a weight that starts at 0, and one that crosses 0."""


def _stepped(step: Step, w: torch.Tensor, gradient: torch.Tensor, lr: float, strength: float) -> torch.Tensor:
    found = tensor(step(w, gradient, lr, strength), "the result").detach()
    if found.shape != w.shape:
        raise BadOutput(f"the result has shape {tuple(found.shape)}, w has {tuple(w.shape)}.")
    return found


def _one(lr: float, strength: float) -> Callable[[Step], dict[str, Any]]:
    def run(step: Step) -> dict[str, Any]:
        w, gradient = (torch.tensor(values, dtype=torch.float64) for values in (W, GRADIENT))
        w = torch.where(w == 0, 0.0, w + 0.001 * (SALT % 7))
        given = w.clone(), gradient.clone()
        found = _stepped(step, w, gradient, lr, strength)
        moved = max((w - given[0]).abs().max(), (gradient - given[1]).abs().max())
        return {"new weights": found, "largest change of w or gradient": moved}

    return run


def _matrix(step: Step) -> dict[str, Any]:
    return {"new weights": _stepped(step, normal(0, (3, 4)), normal(1, (3, 4)), 0.2, 1.5)}


def _at_rest(step: Step) -> dict[str, Any]:
    w = torch.zeros(4, dtype=torch.float64)
    return {"new weights": _stepped(step, w, torch.tensor([0.0, 0.4, -0.4, 0.9], dtype=torch.float64), 0.5, 1.0)}


def _many(step: Step) -> dict[str, Any]:
    """400 steps on ½‖w − target‖² : every weight has its optimum in closed form."""
    target = torch.tensor([3.0, -2.0, 0.5, -0.5, 0.2, 0.9, -0.9, 0.0], dtype=torch.float64)
    w = normal(2, (8,)).double()
    for _ in range(400):
        w = _stepped(step, w, w - target, 0.1, 1.0)
    return {"weights after 400 steps": w, asked("are the six small ones exactly 0"): bool((w[2:] == 0).all())}


soft_threshold_exercise = Exercise(
    id="soft_threshold",
    title="A step with an L1 penalty",
    module=__name__,
    builds="soft_threshold_step",
    probes=(
        Probe("step", "8 weights, lr = 0.1, strength = 2", _one(0.1, 2.0)),
        Probe("large", "the same weights and gradients, lr = 0.5, strength = 0.6", _one(0.5, 0.6)),
        Probe("free", "the same weights and gradients, lr = 0.1, strength = 0", _one(0.1, 0.0)),
        Probe("matrix", "a 3 × 4 matrix, lr = 0.2, strength = 1.5", _matrix),
        Probe("at_rest", "four weights that are 0, lr = 0.5, strength = 1", _at_rest),
        Probe(
            "many", "400 steps on ½‖w − t‖² with t = 3, −2, 0.5, −0.5, 0.2, 0.9, −0.9, 0; lr = 0.1, strength = 1", _many
        ),
    ),
    checks=(
        Check(
            "step",
            "1 · one step: along the gradient, then lr · strength nearer to 0",
            (
                *(matches(f"{probe}/new weights", atol=1e-6) for probe in ("step", "large", "free", "matrix")),
                *(near(f"{probe}/largest change of w or gradient", 0.0, 0.0) for probe in ("step", "large")),
            ),
            "Who takes strength for lr · strength gets another penalty with every learning rate.",
            (
                "Two moves, one after the other. The second depends on where the first one ended.",
                "After `v = w - lr * gradient` each number moves by lr · strength towards 0, and stops there.",
                "`v.sign() * (v.abs() - lr * strength).clamp(min=0)`",
            ),
        ),
        Check(
            "zeros",
            "2 · small weights become exactly 0, and stay there",
            (
                matches("at_rest/new weights", atol=1e-9),
                matches("many/weights after 400 steps", atol=1e-6),
                near("many/" + asked("are the six small ones exactly 0"), 1.0, 0.0),
            ),
            "A weight of 0.001 costs as much memory as one of 3. A zero can be left out.",
            (
                "What happens to a weight whose distance from 0 is smaller than the move?",
                "It must not pass 0. And `v / v.abs()` is 0 / 0 where v is 0: `sign` is not.",
                "`(v.abs() - lr * strength).clamp(min=0)` is 0 for all of these",
            ),
        ),
    ),
)
