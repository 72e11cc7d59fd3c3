"""Notebook 05: over which dimensions each norm takes its mean."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from helpers.judge.api import BadOutput, Check, Probe, Question, Quiz, Rule, matches

NORMS = ("batch", "instance", "group", "layer, images", "layer, tokens", "rms, tokens")
"""The keys of the answer.  "layer, images" is that of the group norm paper, "layer, tokens" that of Transformers."""

SHAPE, GROUPED = (4, 6, 5, 7), (4, 2, 3, 5, 7)
"""N×C×H×W, and the same block as N×G×(C/G)×H×W with G = 2."""


def _dims(norm: str, given: Any, ndim: int) -> tuple[int, ...]:
    """The learner's dims of one norm, counted from 0."""
    dims = (given,) if isinstance(given, int) else given
    if not isinstance(dims, (tuple, list)) or not all(type(d) is int for d in dims):
        raise BadOutput(f"the dims of {norm!r} are {given!r}; write a tuple of whole numbers, for example (0, 1).")
    if not dims:
        raise BadOutput(f"{norm!r} has no dims; a mean runs over at least one.")
    outside = [d for d in dims if not -ndim <= d < ndim]
    if outside:
        raise BadOutput(f"{norm!r} has dim {outside[0]}; its block has {ndim} dimensions, 0 to {ndim - 1}.")
    counted = tuple(d % ndim for d in dims)
    if len(set(counted)) < len(counted):
        raise BadOutput(f"{norm!r} names dim {max(counted, key=counted.count)} twice.")
    return counted


def _counted(statistics_dims: Callable[[], Any]) -> dict[str, Any]:
    """How many values share one statistic under each norm; in these blocks no two choices of dims give one number."""
    answers = statistics_dims()
    if isinstance(answers, dict):
        answers = {{"rms": "rms, tokens"}.get(norm, norm): dims for norm, dims in answers.items()}
    if not isinstance(answers, dict) or set(answers) != set(NORMS):
        raise BadOutput(f"return a dict with the keys {', '.join(map(repr, NORMS))}.")
    seen = {}
    for norm in NORMS:
        shape = GROUPED if norm == "group" else SHAPE
        dims = _dims(norm, answers[norm], len(shape))
        seen[f"{norm}: values behind one statistic"] = math.prod(shape[d] for d in dims)
    return seen


def _question(norm: str, check: str) -> Question:
    """One norm: which dims of its block."""
    axes, shape = range(5 if norm == "group" else 4), "N×G×(C/G)×H×W" if norm == "group" else "N×C×H×W"
    choices = [dims for count in axes for dims in itertools.combinations(axes, count + 1)]
    fields = (tuple((dims, str(dims)) for dims in choices),)
    return Question(norm, check, f"{norm} · dims of {shape}", fields, (f"block/{norm}: values behind one statistic",))


_MAPS, _FEATURES = NORMS[:3], NORMS[3:]


def _right(*norms: str) -> tuple[Rule, ...]:
    return tuple(matches(f"block/{norm}: values behind one statistic") for norm in norms)


statistics_dims_exercise = Quiz(
    id="statistics_dims",
    title="Which dims?",
    module=__name__,
    builds="statistics_dims",
    probes=(Probe("block", "a 4×6×5×7 block; for group norm the same numbers as 4×2×3×5×7", _counted),),
    checks=(
        Check(
            "maps",
            "1 · batch, instance and group norm",
            _right(*_MAPS),
            "A wrong norm that runs without an error may differ from the right one in these dims alone.",
            (
                "The dims that you name disappear from the mean's shape. Which ones have to stay?",
                "Batch norm keeps one mean for each channel, instance norm for each example and channel, group norm for "
                "each example and group.",
                'In N×G×(C/G)×H×W the examples and groups stay: `"group": (2, 3, 4)`. Do the same with the other two.',
            ),
        ),
        Check(
            "features",
            "2 · layer norm, twice, and RMSNorm",
            _right(*_FEATURES),
            "“LayerNorm” alone does not say over what; two papers can mean two layers.",
            (
                "Read the table in section 1 again: two rows average over C alone, one over C, H, W. Which is which?",
                "Over images the mean takes in all of one example. For tokens each position is alone, and C is dim 1 here.",
                "Over images only N stays. Over tokens only C goes; RMSNorm takes its mean square over the same dims.",
            ),
        ),
    ),
    questions=(*(_question(n, "maps") for n in _MAPS), *(_question(n, "features") for n in _FEATURES)),
)
