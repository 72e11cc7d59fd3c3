"""References and suspects of notebook 09's first weights."""

from __future__ import annotations

import math
from typing import Any

import torch  # noqa: F401  what a suspect calls

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def xavier_std(fan_in: int, fan_out: int, gain: float = 1.0) -> float:
    """Standard deviation of first weights whose variance is 1 over the mean of the two fans; ``gain`` multiplies it."""
    ### BEGIN SOLUTION
    return gain * math.sqrt(2 / (fan_in + fan_out))
    ### END SOLUTION


def he_std(fan: int, negative_slope: float = 0.0) -> float:
    """Standard deviation of first weights in front of a ReLU that multiplies negative inputs by ``negative_slope``.

    It keeps the mean square from layer to layer if ``fan`` is fan_in, and that of the gradient if ``fan`` is fan_out.
    """
    ### BEGIN SOLUTION
    return math.sqrt(2 / ((1 + negative_slope**2) * fan))
    ### END SOLUTION


def _suspects(right: Any, line: str, rows: tuple[tuple[str, str, str, str, str], ...]) -> tuple[Suspect, ...]:
    """Each row: id, category, title, the observation that shows it, and the line in the place of the right one."""
    return tuple(Suspect(id, c, title, variant(right, (line, wrong)), shows) for id, c, title, shows, wrong in rows)


_XAVIER = "gain * math.sqrt(2 / (fan_in + fan_out))"
_XAVIERS = (
    ("variance", "root", "this is the variance; its root is asked for.", "narrowing/std", "gain * 2 / (fan_in + fan_out)"),
    ("gain_under_the_root", "gain", "the gain stands under the root; it multiplies the standard deviation.", "gain/std", "math.sqrt(gain * 2 / (fan_in + fan_out))"),
    ("gain_squared", "gain", "the gain is squared; it multiplies the standard deviation once.", "gain/std", "gain**2 * math.sqrt(2 / (fan_in + fan_out))"),
    ("gain_divides", "gain", "you divide by the gain; multiply by it.", "gain/std", "math.sqrt(2 / (fan_in + fan_out)) / gain"),
    ("gain_left_out", "gain", "the gain is left out.", "gain/std", "math.sqrt(2 / (fan_in + fan_out))"),
    ("gain_added", "gain", "the gain is added; it multiplies.", "gain/std", "math.sqrt(2 / (fan_in + fan_out)) + gain - 1"),
    ("sum_for_mean", "fans", "the sum of the fans stands where their mean belongs.", "narrowing/std", "gain * math.sqrt(1 / (fan_in + fan_out))"),
    ("half_once_more", "fans", "you divide by 2 where you should multiply: 1 over the mean of the fans is 2 over their sum.", "narrowing/std", "gain * math.sqrt(1 / (2 * (fan_in + fan_out)))"),
    ("fan_in_alone", "fans", "only fan_in counts in your code; that is the forward wish alone.", "narrowing/std", "gain * math.sqrt(1 / fan_in)"),
    ("fan_out_alone", "fans", "only fan_out counts in your code; that is the backward wish alone.", "narrowing/std", "gain * math.sqrt(1 / fan_out)"),
    ("mean_of_the_variances", "fans", "you take the mean of the two variances; take 1 over the mean of the two fans.", "narrowing/std", "gain * math.sqrt((1 / fan_in + 1 / fan_out) / 2)"),
    ("mean_of_the_roots", "fans", "you take the mean of the two standard deviations; take the mean of the two fans.", "narrowing/std", "gain * (fan_in**-0.5 + fan_out**-0.5) / 2"),
    ("geometric_mean", "fans", "you take the geometric mean of the fans, the root of their product; the mean of two numbers is half their sum.", "narrowing/std", "gain * (fan_in * fan_out) ** -0.25"),
    ("he_fan_in", "formula", "this is He's: 2 over fan_in.", "narrowing/std", "gain * math.sqrt(2 / fan_in)"),
    ("he_fan_out", "formula", "this is He's, for the gradient: 2 over fan_out.", "narrowing/std", "gain * math.sqrt(2 / fan_out)"),
    ("uniform_bound", "formula", "this is the bound of a uniform distribution with that variance; the standard deviation is √3 times smaller.", "narrowing/std", "gain * math.sqrt(6 / (fan_in + fan_out))"),
    ("two_outside", "root", "the 2 stands outside the root.", "narrowing/std", "gain * 2 / math.sqrt(fan_in + fan_out)"),
    ("fans_outside", "root", "the fans stand outside the root.", "narrowing/std", "gain * math.sqrt(2) / (fan_in + fan_out)"),
    ("upside_down", "root", "the fraction is upside down: more terms in a sum need smaller weights.", "narrowing/std", "gain * math.sqrt((fan_in + fan_out) / 2)"),
    ("brackets_missing", "root", "brackets are missing: `2 / fan_in + fan_out` divides by fan_in alone.", "narrowing/std", "gain * math.sqrt(2 / fan_in + fan_out)"),
    ("the_larger_fan", "fans", "you take the larger fan; take the mean of the two.", "narrowing/std", "gain * math.sqrt(1 / max(fan_in, fan_out))"),
    ("the_smaller_fan", "fans", "you take the smaller fan; take the mean of the two.", "narrowing/std", "gain * math.sqrt(1 / min(fan_in, fan_out))"),
    ("torch_root", "crash", "`torch.sqrt` wants a tensor; for a Python number it is `math.sqrt`, or `** 0.5`.", "narrowing", "gain * torch.sqrt(2 / (fan_in + fan_out))"),
)  # fmt: skip

_HE = "math.sqrt(2 / ((1 + negative_slope**2) * fan))"
_HES = (
    ("variance", "root", "this is the variance; its root is asked for.", "relu/std", "2 / ((1 + negative_slope**2) * fan)"),
    ("slope_left_out", "slope", "the slope is left out: a leaky ReLU lets more pass, so its weights are smaller.", "leaky/std", "math.sqrt(2 / fan)"),
    ("slope_not_squared", "slope", "the slope is not squared: a negative z passes as a·z, and its square as a²·z².", "leaky/std", "math.sqrt(2 / ((1 + negative_slope) * fan))"),
    ("slope_subtracted", "slope", "1 − a² in place of 1 + a²: the negative half passes in addition.", "leaky/std", "math.sqrt(2 / ((1 - negative_slope**2) * fan))"),
    ("slope_multiplies", "slope", "you multiply by 1 + a²; what the activation lets pass is to be divided by.", "leaky/std", "math.sqrt(2 * (1 + negative_slope**2) / fan)"),
    ("slope_outside", "slope", "1 + a² stands outside the root.", "leaky/std", "math.sqrt(2 / fan) / (1 + negative_slope**2)"),
    ("one_plus_slope_squared", "slope", "(1 + a)² in place of 1 + a².", "leaky/std", "math.sqrt(2 / ((1 + negative_slope) ** 2 * fan))"),
    ("lecun", "formula", "1 over the fan: that is LeCun's, where no activation takes anything.", "relu/std", "math.sqrt(1 / fan)"),
    ("halved", "formula", "you halve where you should double: the weights make up for what ReLU takes.", "relu/std", "math.sqrt((1 + negative_slope**2) / (2 * fan))"),
    ("uniform_bound", "formula", "this is the bound of a uniform distribution with that variance; the standard deviation is √3 times smaller.", "relu/std", "math.sqrt(6 / ((1 + negative_slope**2) * fan))"),
    ("as_the_default", "formula", "slope √5, the constant in PyTorch's default start, in place of the slope that is given.", "relu/std", "math.sqrt(2 / ((1 + 5) * fan))"),
    ("fan_outside", "root", "the fan stands outside the root.", "relu/std", "math.sqrt(2 / (1 + negative_slope**2)) / fan"),
    ("two_outside", "root", "the 2 stands outside the root.", "relu/std", "2 / math.sqrt((1 + negative_slope**2) * fan)"),
    ("upside_down", "root", "the fraction is upside down: more terms in a sum need smaller weights.", "relu/std", "math.sqrt((1 + negative_slope**2) * fan / 2)"),
    ("brackets_missing", "root", "brackets are missing: `2 / (1 + a²) * fan` multiplies by the fan.", "relu/std", "math.sqrt(2 / (1 + negative_slope**2) * fan)"),
    ("one_minus_slope", "slope", "you divide by 1 − a; for what passes of the square it is (1 + a²) / 2.", "leaky/std", "math.sqrt(2 / ((1 - negative_slope) * fan))"),
    ("slope_doubled", "slope", "2a in place of a².", "leaky/std", "math.sqrt(2 / ((1 + 2 * negative_slope) * fan))"),
    ("gain_alone", "root", "this is the gain alone; divide it by the root of the fan.", "relu/std", "math.sqrt(2 / (1 + negative_slope**2))"),
    ("torch_root", "crash", "`torch.sqrt` wants a tensor; for a Python number it is `math.sqrt`, or `** 0.5`.", "relu", "torch.sqrt(2 / ((1 + negative_slope**2) * fan))"),
)  # fmt: skip

REFERENCE = {"xavier_std": xavier_std, "he_std": he_std}
SUSPECTS = {
    "xavier_std": _suspects(xavier_std, _XAVIER, _XAVIERS),
    "he_std": _suspects(he_std, _HE, _HES),
}
