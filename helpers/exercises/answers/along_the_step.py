"""References and suspects of notebook 06's two measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from helpers.exercises.along_the_step import ANGLE, BETA, CHANGE, LENGTH, RANGE, RATE
from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def along_the_step(
    loss_and_gradient: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    w: torch.Tensor,
    lr: float,
    factors: Sequence[float],
) -> tuple[Any, Any, Any]:
    """Loss range, largest change of the gradient and effective β along the step from w, three numbers.

    loss_and_gradient(w) returns the loss (a number) and its gradient, (D,), at any weights w, (D,).
    The points are w − factor · lr · (gradient at w), one for each factor.
    """
    ### BEGIN SOLUTION
    loss, gradient = loss_and_gradient(w)
    losses, changes, betas = [loss], [], []
    for factor in factors:
        there = w - factor * lr * gradient
        loss_there, gradient_there = loss_and_gradient(there)
        change = (gradient_there - gradient).norm()
        losses.append(loss_there)
        changes.append(change)
        betas.append(change / (there - w).norm())
    return max(losses) - min(losses), max(changes), max(betas)
    ### END SOLUTION


def effective_step(W: torch.Tensor, gradient: torch.Tensor, lr: float) -> tuple[Any, Any, Any]:
    """Angle, length and rate of one SGD step W − lr · gradient; the gradient is at right angles to W.

    angle: by how much W turns, in radians.  length: ‖W‖ after the step.
    rate: the learning rate with which W/‖W‖, in the same net and on the same batch, turns by the same angle.
    """
    ### BEGIN SOLUTION
    after = W - lr * gradient
    angle = torch.atan2(lr * gradient.norm(), W.norm())
    return angle, after.norm(), lr / W.norm() ** 2
    ### END SOLUTION


REFERENCE = {"along_the_step": along_the_step, "effective_step": effective_step}

_THERE = "there = w - factor * lr * gradient"
_NORM = "change = (gradient_there - gradient).norm()"
_BETA = "betas.append(change / (there - w).norm())"
_RETURN = "return max(losses) - min(losses), max(changes), max(betas)"


def _walk(id: str, category: str, shows: str, title: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(along_the_step, *edits), shows and f"waves/{shows}")


_ALONG = (
    _walk(
        "start_left_out",
        "range",
        RANGE,
        "your loss range leaves out the loss at w itself.",
        ("losses, changes, betas = [loss], [], []", "losses, changes, betas = [], [], []"),
    ),
    _walk(
        "end_minus_start",
        "range",
        RANGE,
        "your loss range is the last loss minus the first; the extremes may lie between.",
        ("max(losses) - min(losses)", "losses[-1] - losses[0]"),
    ),
    _walk(
        "highest_only",
        "range",
        RANGE,
        "you return the highest loss; the range is the highest minus the lowest.",
        ("max(losses) - min(losses)", "max(losses)"),
    ),
    _walk(
        "range_upside_down",
        "range",
        RANGE,
        "your loss range has the wrong sign: it is the highest minus the lowest.",
        ("max(losses) - min(losses)", "min(losses) - max(losses)"),
    ),
    _walk(
        "standard_deviation",
        "range",
        RANGE,
        "your loss range is a standard deviation; it is the highest minus the lowest.",
        ("max(losses) - min(losses)", "torch.stack(losses).std()"),
    ),
    _walk(
        "drop",
        "range",
        RANGE,
        "your loss range starts from the loss at w; it is the highest minus the lowest.",
        ("max(losses) - min(losses)", "loss - min(losses)"),
    ),
    _walk(
        "uphill",
        "points",
        RANGE,
        "you go uphill: a step of gradient descent subtracts the gradient.",
        (_THERE, "there = w + factor * lr * gradient"),
    ),
    _walk(
        "lr_forgotten",
        "points",
        RANGE,
        "your points are w − factor · gradient; factors are in learning rates, so lr is missing.",
        (_THERE, "there = w - factor * gradient"),
    ),
    _walk(
        "unit_direction",
        "points",
        RANGE,
        "you divide the gradient by its length; a step of gradient descent does not.",
        (_THERE, "there = w - factor * lr * gradient / gradient.norm()"),
    ),
    _walk(
        "factors_left_out",
        "points",
        RANGE,
        "all your points are the same one, w − lr · gradient; each factor has its own.",
        (_THERE, "there = w - lr * gradient"),
    ),
    _walk(
        "from_point_to_point",
        "points",
        RANGE,
        "each of your steps starts where the last one ended; all points lie on one line from w.",
        ("    for factor in factors:\n", "    there = w\n    for factor in factors:\n"),
        (_THERE, "there = there - factor * lr * gradient"),
    ),
    _walk(
        "trained_on",
        "points",
        RANGE,
        "you take several steps, each with its own gradient; all points lie along the gradient at w.",
        ("    for factor in factors:\n", "    there, gradient_there = w, gradient\n    for factor in factors:\n"),
        (_THERE, "there = there - factor * lr * gradient_there"),
    ),
    _walk(
        "new_direction",
        "points",
        RANGE,
        "you go along the gradient of the point before; all points lie along the gradient at w.",
        ("    for factor in factors:\n", "    along = gradient\n    for factor in factors:\n"),
        (_THERE, "there = w - factor * lr * along"),
        (_BETA, "betas.append(change / (there - w).norm())\n        along = gradient_there"),
    ),
    _walk(
        "in_place",
        "points",
        RANGE,
        "w itself is changed (as `w -= …` does), so each point starts from the last one; make a new tensor.",
        (_THERE, "there = w.sub_(factor * lr * gradient)"),
        (_BETA, "betas.append(change / (factor * lr * gradient).norm())"),
    ),
    _walk(
        "moved_to_each_point",
        "points",
        RANGE,
        "your caller's w is another one afterwards (as after `w -= …`); make a new tensor for each point.",
        ("losses, changes, betas = [loss], [], []", "losses, changes, betas, start = [loss], [], [], w.clone()"),
        (_THERE, "there = w.copy_(start - factor * lr * gradient)"),
        (_BETA, "betas.append(change / (there - start).norm())"),
    ),
    _walk(
        "difference_of_lengths",
        "change",
        CHANGE,
        "you compare the lengths of the two gradients; a gradient that turns changes too. Subtract first.",
        (_NORM, "change = (gradient_there.norm() - gradient.norm()).abs()"),
    ),
    _walk(
        "squared",
        "change",
        CHANGE,
        "your change is the squared length of the difference; take the root.",
        (_NORM, "change = ((gradient_there - gradient) ** 2).sum()"),
    ),
    _walk(
        "largest_element",
        "change",
        CHANGE,
        "your change is the largest element of the difference; its length (ℓ2) is asked for.",
        (_NORM, "change = (gradient_there - gradient).abs().max()"),
    ),
    _walk(
        "absolute_sum",
        "change",
        CHANGE,
        "your change is the sum of absolute differences (ℓ1); the length (ℓ2) is asked for.",
        (_NORM, "change = (gradient_there - gradient).abs().sum()"),
    ),
    _walk(
        "relative_change",
        "change",
        CHANGE,
        "you divide the change by the gradient at w; the change itself is asked for.",
        (_NORM, "change = (gradient_there - gradient).norm() / gradient.norm()"),
    ),
    _walk(
        "last_point",
        "change",
        CHANGE,
        "your change is that of the last factor; the largest one is asked for.",
        ("max(changes)", "changes[-1]"),
    ),
    _walk(
        "averaged",
        "change",
        CHANGE,
        "your change is a mean over the points; the largest one is asked for.",
        ("max(changes)", "sum(changes) / len(changes)"),
    ),
    _walk(
        "smallest",
        "change",
        CHANGE,
        "your change is the smallest one; the largest is asked for.",
        ("max(changes)", "min(changes)"),
    ),
    _walk(
        "added",
        "change",
        CHANGE,
        "your change is a sum over the points; the largest one is asked for.",
        ("max(changes)", "sum(changes)"),
    ),
    _walk(
        "between_neighbours",
        "change",
        CHANGE,
        "you compare each point with the one before; compare each with w.",
        ("    for factor in factors:\n", "    here, old = w, gradient\n    for factor in factors:\n"),
        (_NORM, "change = (gradient_there - old).norm()"),
        (_BETA, "betas.append(change / (there - here).norm())\n        here, old = there, gradient_there"),
    ),
    _walk(
        "distance_without_gradient",
        "beta",
        BETA,
        "you divide by factor · lr; the distance is that times ‖gradient at w‖.",
        (_BETA, "betas.append(change / (factor * lr))"),
    ),
    _walk(
        "distance_in_factors",
        "beta",
        BETA,
        "you divide by the factor alone; the distance is factor · lr · ‖gradient at w‖.",
        (_BETA, "betas.append(change / factor)"),
    ),
    _walk(
        "distance_without_lr",
        "beta",
        BETA,
        "lr is missing in your distance: it is factor · lr · ‖gradient at w‖.",
        (_BETA, "betas.append(change / (factor * gradient).norm())"),
    ),
    _walk(
        "distance_without_factor",
        "beta",
        BETA,
        "the factor is missing in your distance: it is factor · lr · ‖gradient at w‖.",
        (_BETA, "betas.append(change / (lr * gradient).norm())"),
    ),
    _walk(
        "gradient_alone",
        "beta",
        BETA,
        "you divide by ‖gradient at w‖ alone; the distance is factor · lr times that.",
        (_BETA, "betas.append(change / gradient.norm())"),
    ),
    _walk(
        "quotient_upside_down",
        "beta",
        BETA,
        "your quotient is upside down: it is the change divided by the distance.",
        (_BETA, "betas.append((there - w).norm() / change)"),
    ),
    _walk(
        "w_among_the_points",
        "beta",
        BETA,
        "your points count w itself, at distance 0: its quotient is 0/0, NaN. It counts for the loss range only.",
        ("losses, changes, betas = [loss], [], []", "losses, changes, betas = [loss], [], [loss * torch.nan]"),
    ),
    _walk(
        "largest_over_farthest",
        "beta",
        BETA,
        "you divide the largest change by the largest distance; each point has its own quotient.",
        (_BETA, "betas.append((there - w).norm())"),
        ("max(betas)", "max(changes) / max(betas)"),
    ),
    _walk(
        "first_quotient",
        "beta",
        BETA,
        "your β is that of the first factor; the largest one is asked for.",
        ("max(betas)", "betas[0]"),
    ),
    _walk(
        "last_quotient",
        "beta",
        BETA,
        "your β is that of the last factor; the largest one is asked for.",
        ("max(betas)", "betas[-1]"),
    ),
    _walk(
        "smallest_quotient",
        "beta",
        BETA,
        "your β is the smallest one; the largest is asked for.",
        ("max(betas)", "min(betas)"),
    ),
    _walk(
        "averaged_quotient",
        "beta",
        BETA,
        "your β is a mean over the points; the largest one is asked for.",
        ("max(betas)", "sum(betas) / len(betas)"),
    ),
    _walk(
        "times_distance",
        "beta",
        BETA,
        "you multiply by the distance; β is the change *divided* by it.",
        (_BETA, "betas.append(change * (there - w).norm())"),
    ),
    _walk(
        "curvature_of_the_loss",
        "beta",
        BETA,
        "your β divides the change of the loss; divide the change of the gradient.",
        (_BETA, "betas.append((loss_there - loss).abs() / (there - w).norm())"),
    ),
    _walk(
        "other_order",
        "order",
        BETA,
        "you return the three in another order: loss range, change of the gradient, β.",
        (_RETURN, "return max(changes), max(losses) - min(losses), max(betas)"),
    ),
    _walk(
        "last_two_exchanged",
        "order",
        BETA,
        "the last two are exchanged: loss range, change of the gradient, β.",
        (_RETURN, "return max(losses) - min(losses), max(betas), max(changes)"),
    ),
    _walk(
        "all_points",
        "draft",
        "",
        "you return a number for each point; keep one of each: a range, and two largest ones.",
        (_RETURN, "return losses, changes, betas"),
    ),
    _walk(
        "pair_not_unpacked",
        "draft",
        "",
        "several things are multiplied at once: `loss_and_gradient` returns a pair, unpack it; and take one factor at a time.",
        ("loss, gradient = loss_and_gradient(w)\n", "loss = gradient = loss_and_gradient(w)\n"),
    ),
    _walk(
        "backward",
        "draft",
        "",
        "the gradient comes from `loss_and_gradient`; there is nothing to call `backward()` on.",
        ("loss, gradient = loss_and_gradient(w)\n", "loss, gradient = loss_and_gradient(w)\n    loss.backward()\n"),
    ),
)


def _turn(id: str, category: str, shows: str, title: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(effective_step, *edits), shows and f"long/{shows}")


_ANGLE = "torch.atan2(lr * gradient.norm(), W.norm())"
_RATE = "lr / W.norm() ** 2"

_STEP = (
    _turn(
        "tangent",
        "angle",
        ANGLE,
        "step ÷ ‖W‖ is the tangent of the angle; the two agree for short steps only.",
        (_ANGLE, "lr * gradient.norm() / W.norm()"),
    ),
    _turn(
        "sine",
        "angle",
        ANGLE,
        "you divide the step by ‖W‖ *after* it and take the arc tangent; opposite over adjacent has ‖W‖ before it.",
        (_ANGLE, "torch.atan2(lr * gradient.norm(), after.norm())"),
    ),
    _turn(
        "arc_sine",
        "angle",
        ANGLE,
        "step ÷ ‖W‖ is the tangent, so it has no arc sine where the step is the longer one (NaN).",
        (_ANGLE, "torch.asin(lr * gradient.norm() / W.norm())"),
    ),
    _turn(
        "arc_sine_cut_off",
        "angle",
        ANGLE,
        "you take the arc sine of step ÷ ‖W‖; opposite over adjacent is the tangent.",
        (_ANGLE, "torch.asin((lr * gradient.norm() / W.norm()).clamp(max=1))"),
    ),
    _turn(
        "product_not_divided",
        "angle",
        ANGLE,
        "`acos` gets the sum of the products, which is no cosine (NaN); divide it by both lengths.",
        (_ANGLE, "torch.acos((W * after).sum())"),
    ),
    _turn(
        "product_cut_off",
        "angle",
        ANGLE,
        "you cut the sum of the products off at 1, so the angle is 0; divide it by both lengths.",
        (_ANGLE, "torch.acos((W * after).sum().clamp(-1, 1))"),
    ),
    _turn(
        "tangent_of_it",
        "angle",
        ANGLE,
        "you take the tangent of step ÷ ‖W‖; the angle is its arc tangent.",
        (_ANGLE, "torch.tan(lr * gradient.norm() / W.norm())"),
    ),
    _turn(
        "half",
        "angle",
        ANGLE,
        "your angle is half of what is asked for.",
        (_ANGLE, "torch.atan2(lr * gradient.norm(), W.norm()) / 2"),
    ),
    _turn(
        "degrees",
        "angle",
        ANGLE,
        "your angle is in degrees; radians are asked for.",
        (_ANGLE, "torch.rad2deg(torch.atan2(lr * gradient.norm(), W.norm()))"),
    ),
    _turn(
        "cosine",
        "angle",
        ANGLE,
        "you return the cosine of the angle; `torch.acos` makes an angle of it.",
        (_ANGLE, "(W * after).sum() / (W.norm() * after.norm())"),
    ),
    _turn(
        "to_the_gradient",
        "angle",
        ANGLE,
        "this is the angle between W and its gradient, always a right one; take the one between W before and after.",
        (_ANGLE, "torch.acos((W * gradient).sum() / (W.norm() * gradient.norm()))"),
    ),
    _turn(
        "upside_down",
        "angle",
        ANGLE,
        "your tangent is upside down: the step is opposite, W adjacent.",
        (_ANGLE, "torch.atan2(W.norm(), lr * gradient.norm())"),
    ),
    _turn(
        "lr_forgotten",
        "angle",
        ANGLE,
        "your angle does not depend on lr; the step is lr · gradient.",
        (_ANGLE, "torch.atan2(gradient.norm(), W.norm())"),
    ),
    _turn(
        "length_of_step",
        "length",
        LENGTH,
        "you return the length of the step; that of W after it is asked for.",
        ("return angle, after.norm(), ", "return angle, (after - W).norm(), "),
    ),
    _turn(
        "length_before",
        "length",
        LENGTH,
        "you return ‖W‖ before the step: it grows, since the step is at right angles.",
        ("return angle, after.norm(), ", "return angle, W.norm(), "),
    ),
    _turn(
        "lengths_added",
        "length",
        LENGTH,
        "you add the two lengths; at right angles their squares add up.",
        ("return angle, after.norm(), ", "return angle, W.norm() + lr * gradient.norm(), "),
    ),
    _turn(
        "difference_of_squares",
        "length",
        LENGTH,
        "you subtract the squares; W before the step and the step are the short sides, so their squares add up.",
        ("return angle, after.norm(), ", "return angle, (W.norm() ** 2 - (lr * gradient.norm()) ** 2).abs().sqrt(), "),
    ),
    _turn(
        "lr_not_squared",
        "length",
        LENGTH,
        "the step is lr · gradient, so its square has lr² in it.",
        ("return angle, after.norm(), ", "return angle, (W.norm() ** 2 + lr * gradient.norm() ** 2).sqrt(), "),
    ),
    _turn(
        "length_one",
        "length",
        LENGTH,
        "you return 1, the length of W/‖W‖; that of W after the step is asked for.",
        ("return angle, after.norm(), ", "return angle, after.norm() / after.norm(), "),
    ),
    _turn(
        "squared_length",
        "length",
        LENGTH,
        "you return ‖W‖²; the length is asked for.",
        ("return angle, after.norm(), ", "return angle, after.norm() ** 2, "),
    ),
    _turn(
        "uphill_in_place",
        "length",
        LENGTH,
        "your caller's W is the new one afterwards (as after `W -= …`), and the angle is taken from that; make a new "
        "tensor.",
        ("after = W - lr * gradient", "after = W.sub_(lr * gradient)"),
    ),
    _turn(
        "moved_in_place",
        "length",
        LENGTH,
        "your caller's W is the new one afterwards (as after `W -= …`); make a new tensor.",
        ("    after = W - lr * gradient\n", "    before = W.clone()\n    after = W.sub_(lr * gradient)\n"),
        (_ANGLE, "torch.atan2(lr * gradient.norm(), before.norm())"),
        (_RATE, "lr / before.norm() ** 2"),
    ),
    _turn(
        "one_over_length",
        "rate",
        RATE,
        "your rate is lr/‖W‖; the gradient of W/‖W‖ is another one too, so ‖W‖ counts twice.",
        (_RATE, "lr / W.norm()"),
    ),
    _turn(
        "unchanged",
        "rate",
        RATE,
        "your rate is lr itself; W/‖W‖ would turn by another angle with it.",
        (_RATE, "lr"),
    ),
    _turn(
        "times_length",
        "rate",
        RATE,
        "your rate is lr · ‖W‖²: that is the other way round, from W/‖W‖ to W.",
        (_RATE, "lr * W.norm() ** 2"),
    ),
    _turn(
        "step_in_it",
        "rate",
        RATE,
        "your rate is the step ÷ ‖W‖²; the gradient's length cancels, since both angles have it.",
        (_RATE, "lr * gradient.norm() / W.norm() ** 2"),
    ),
    _turn(
        "angle_again",
        "rate",
        RATE,
        "your rate is the angle; asked for is the learning rate with which W/‖W‖ would turn by it.",
        (_RATE, "angle"),
    ),
    _turn(
        "lr_squared",
        "rate",
        RATE,
        "your rate is (lr/‖W‖)²; only ‖W‖ counts twice.",
        (_RATE, "(lr / W.norm()) ** 2"),
    ),
    _turn(
        "length_after",
        "rate",
        RATE,
        "you divide by ‖W‖² after the step; it is taken from W before it.",
        (_RATE, "lr / after.norm() ** 2"),
    ),
    _turn(
        "largest_singular",
        "rate",
        RATE,
        "`torch.linalg.norm(W, 2)` is the largest singular value of a matrix; ‖W‖ is the root of all squares together.",
        (_RATE, "lr / torch.linalg.norm(W, 2) ** 2"),
    ),
    _turn(
        "number_of_weights",
        "rate",
        RATE,
        "you divide by the mean square of the weights; ‖W‖² is their sum.",
        (_RATE, "lr / (W**2).mean()"),
    ),
    _turn(
        "length_first",
        "order",
        ANGLE,
        "you return the length first; the order is angle, length, rate.",
        (f"return angle, after.norm(), {_RATE}", f"return after.norm(), angle, {_RATE}"),
    ),
    _turn(
        "rate_before_length",
        "order",
        LENGTH,
        "the last two are exchanged: the order is angle, length, rate.",
        (f"return angle, after.norm(), {_RATE}", f"return angle, {_RATE}, after.norm()"),
    ),
    _turn(
        "math_of_tensors",
        "draft",
        "",
        "`acos` gets a cosine of a whole matrix; sum the products first: `(W * after).sum()`.",
        (_ANGLE, "torch.acos((W * after) / (W.norm() * after.norm()))"),
    ),
)

SUSPECTS = {"along_the_step": _ALONG, "effective_step": _STEP}
