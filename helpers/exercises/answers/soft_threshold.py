"""Reference and suspects of notebook 10's step under an L1 penalty."""

from __future__ import annotations

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def soft_threshold_step(w: torch.Tensor, gradient: torch.Tensor, lr: float, strength: float) -> torch.Tensor:
    """The weights after one proximal step on loss(w) + strength · Σ|w|, shape as w; w and gradient stay as they are.

    gradient: that of the loss alone, at w.  First a plain step along it; then every weight moves towards 0 by
    lr · strength, and one that is nearer than that becomes exactly 0.
    """
    ### BEGIN SOLUTION
    v = w - lr * gradient
    return v.sign() * (v.abs() - lr * strength).clamp(min=0)
    ### END SOLUTION


REFERENCE = {"soft_threshold": soft_threshold_step}

_V = "v = w - lr * gradient"
_RETURN = "return v.sign() * (v.abs() - lr * strength).clamp(min=0)"


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "", also: str = "") -> Suspect:
    return Suspect(id, category, title, variant(soft_threshold_step, *edits), shows, also)


SUSPECTS = {
    "soft_threshold": (
        _suspect(
            "subgradient",
            "zeros",
            "this is a step along the subgradient, with the sign of w: it jumps over 0 and back, and hits it only by chance.",
            (_RETURN, "return v - lr * strength * w.sign()"),
            shows="many/weights after 400 steps",
        ),
        _suspect(
            "not_stopped_at_zero",
            "zeros",
            "a weight moves past 0 and out on the other side; stop it there with `clamp(min=0)`.",
            (_RETURN, "return v - lr * strength * v.sign()"),
            shows="many/weights after 400 steps",
        ),
        _suspect(
            "pythons_max",
            "zeros",
            "`max` and `if` compare one number; for a tensor take `clamp(min=0)`, `torch.relu` or `torch.where`.",
            (_RETURN, "return v.sign() * max(v.abs() - lr * strength, 0)"),
        ),
        _suspect(
            "hard_threshold",
            "zeros",
            "this is the hard threshold: small weights become 0, the others stay as they are. They too move by lr · strength.",
            (_RETURN, "return torch.where(v.abs() > lr * strength, v, torch.zeros_like(v))"),
            shows="many/weights after 400 steps",
        ),
        _suspect(
            "divided_by_itself",
            "zeros",
            "v / |v| is 0 / 0, NaN, where v is 0; `sign` is 0 there.",
            (_RETURN, "return v / v.abs() * (v.abs() - lr * strength).clamp(min=0)"),
            shows="at_rest/new weights",
        ),
        _suspect(
            "strength_alone",
            "size",
            "the threshold is `strength`; it is lr · strength, as in every step of gradient descent.",
            ("lr * strength", "strength"),
            shows="step/new weights",
        ),
        _suspect(
            "lr_alone",
            "size",
            "the threshold is `lr`; it is lr · strength.",
            ("lr * strength", "lr"),
            shows="step/new weights",
        ),
        _suspect(
            "half",
            "size",
            "the threshold is half of lr · strength; there is no ½ in front of |w|.",
            ("lr * strength", "lr * strength / 2"),
            shows="step/new weights",
        ),
        _suspect(
            "twice",
            "size",
            "the threshold is twice lr · strength.",
            ("lr * strength", "2 * lr * strength"),
            shows="step/new weights",
        ),
        _suspect(
            "threshold_first",
            "order",
            "you shrink w before the step along the gradient, so no weight stays at 0; first the step, then the shrinking.",
            (
                _RETURN,
                "return w.sign() * (w.abs() - lr * strength).clamp(min=0) - lr * gradient",
            ),
            shows="at_rest/new weights",
        ),
        _suspect(
            "sign_of_w",
            "order",
            "the sign is that of w before the step; after the step it may be another one.",
            ("v.sign()", "w.sign()"),
            shows="step/new weights",
        ),
        _suspect(
            "no_step",
            "order",
            "the step along the gradient is missing.",
            (_V, "v = w"),
            shows="step/new weights",
        ),
        _suspect(
            "uphill",
            "order",
            "the gradient is added; a step goes against it.",
            (_V, "v = w + lr * gradient"),
            shows="step/new weights",
        ),
        _suspect(
            "no_lr",
            "order",
            "the gradient is not multiplied by lr.",
            (_V, "v = w - gradient"),
            shows="step/new weights",
        ),
        _suspect(
            "plain_step",
            "penalty",
            "this is the plain step; the penalty is missing.",
            (_RETURN, "return v"),
            shows="step/new weights",
        ),
        _suspect(
            "l2",
            "penalty",
            "every weight shrinks in proportion to itself, as under L2; under L1 all move by the same amount.",
            (_RETURN, "return v * (1 - lr * strength)"),
            shows="step/new weights",
        ),
        _suspect(
            "l2_proximal",
            "penalty",
            "you divide by 1 + lr · strength, the proximal step of L2; under L1 all weights move by the same amount.",
            (_RETURN, "return v / (1 + lr * strength)"),
            shows="step/new weights",
        ),
        _suspect(
            "of_the_norm",
            "penalty",
            "the norm of all weights together is shrunk; each weight has a threshold of its own.",
            (
                _RETURN,
                "norm = v.norm()\n    return v * (norm - lr * strength).clamp(min=0) / norm.clamp(min=1e-12)",
            ),
            shows="step/new weights",
        ),
        _suspect(
            "sign_lost",
            "sign",
            "negative weights come out positive: what is left of |v| needs the sign of v.",
            ("v.sign() * (v.abs() - lr * strength).clamp(min=0)", "(v.abs() - lr * strength).clamp(min=0)"),
            shows="step/new weights",
        ),
        _suspect(
            "positive_only",
            "sign",
            "negative weights become 0: move them towards 0 from their side.",
            (_RETURN, "return (v - lr * strength).clamp(min=0)"),
            shows="step/new weights",
        ),
        _suspect(
            "always_down",
            "sign",
            "every weight is made smaller by lr · strength, negative ones too: those have to move up.",
            (_RETURN, "return v - lr * strength"),
            shows="step/new weights",
        ),
        _suspect(
            "away_from_zero",
            "sign",
            "the weights move away from 0.",
            ("(v.abs() - lr * strength)", "(v.abs() + lr * strength)"),
            shows="step/new weights",
        ),
        _suspect(
            "clamped_between",
            "zeros",
            "you return what is cut off, v clamped between −lr · strength and lr · strength; what is left is v minus that.",
            (_RETURN, "return v.clamp(-lr * strength, lr * strength)"),
            shows="step/new weights",
        ),
        _suspect(
            "in_place",
            "untouched",
            "you write into w; make a new tensor.",
            (_V, "v = w.sub_(lr * gradient)"),
            shows="step/largest change of w or gradient",
        ),
    )
}
