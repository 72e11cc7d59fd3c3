"""Notebook 02: what a test of batch norm sees and what it does not, and what goes wrong without each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.model import Check, Suspect
from helpers.judge.rules import verdicts_of
from helpers.lab.tables import table
from helpers.lab.training import seeded
from helpers.look.parts import MARKS


class ScaleShift(nn.BatchNorm1d):
    """torch's layer in train mode, written as x · scale + shift: the same function of x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns (N, C)."""
        scale = self.weight / torch.sqrt(x.var(0, correction=0) + self.eps)
        return x * scale + (self.bias - x.mean(0) * scale)


def gamma_gradients(
    kind: type[nn.BatchNorm1d], seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient of γ, (3,) each, for two losses of one 16×3 batch: the sum of the outputs, and a weighted sum."""
    with seeded(seed):
        x, weights = torch.randn(2, 16, 3, dtype=torch.float64).to(dtype)
    found = []
    for each in (torch.ones_like(x), weights):
        layer = kind(3).to(dtype)
        (layer(x) * each).sum().backward()
        assert layer.weight.grad is not None
        found.append(layer.weight.grad)
    return found[0], found[1]


def two_losses() -> None:
    """Show the gradient of γ for two losses and two ways to write the same layer."""
    ways = (
        ("torch.nn.BatchNorm1d", nn.BatchNorm1d, torch.float32),
        ("the same in float64", nn.BatchNorm1d, torch.float64),
        ("written as x · scale + shift", ScaleShift, torch.float32),
    )
    rows = []
    for name, kind, dtype in ways:
        plain, weighted = gamma_gradients(kind, dtype=dtype)
        tiny = [f"{v:.0e}" if v else "0" for v in plain.tolist()]
        rows.append((name, _listed(tiny), _listed(f"{v:.3f}" for v in weighted.tolist())))
    caption = "Gradient of γ for a random batch of 16 rows and 3 features; float32 where nothing else is said."
    table(("layer", "loss: sum of the outputs", "loss: weighted sum"), rows, caption)


def _listed(numbers: Iterable[str]) -> str:
    return ", ".join(f"−{number[1:]}" if number.startswith("-") else number for number in numbers)


# --- the judge's list of wrong layers ---------------------------------------------------------------------------------

_SIX = frozenset(check.id for check in batchnorm1d_exercise.checks)
_KINDS = {
    "two at once": "two of these at once",
    "axis": "axis: over what is averaged",
    "variance": "variance that normalises",
    "mean": "mean that is subtracted",
    "affine": "γ and β",
    "eps": "ε",
    "modes": "train and eval mode",
    "gradient": "gradients",
    "dtype": "number formats",
}
"""What the categories of the suspects are called in the table, where their own word is not enough."""
NOT_COUNTED = {"names", "delegation"}
"""Categories that are no mistakes of the layer: other names than asked for, and the library's own layer."""


def sorted_by_kind() -> dict[str, tuple[list[Suspect], list[tuple[Suspect, list[Check]]]]]:
    """The wrong layers that the judge knows, by kind: all, and those that pass the six with what sees them."""
    exercise = batchnorm1d_exercise
    record, whole = exercise.record, exercise.whole
    found: dict[str, tuple[list[Suspect], list[tuple[Suspect, list[Check]]]]] = {}
    for suspect in record.suspects:
        kind = "two at once" if "+" in suspect.id else suspect.category
        if kind in NOT_COUNTED:
            continue
        verdicts = verdicts_of(whole.checks, whole.probes, record.lineup[suspect.id], record.right)
        red = [v.check for v in verdicts if not v.passed]
        known, passing = found.setdefault(_KINDS.get(kind, kind), ([], []))
        known.append(suspect)
        if not _SIX & {check.id for check in red}:
            passing.append((suspect, red))
    return found


_EXAMPLES = {
    "affine": "no_affine_in_eval",
    "buffers": "not_persistent",
    "eps": "eps_fixed",
    "gradient": "backward_without_var",
    "modes": "own_flag",
    "momentum": "momentum_fixed",
    "one row": "two_rows_refused",
    "running statistics": "stops_after_many",
    "side effects": "history_kept",
}
"""Which suspect of a category is shown; none of them is in the bug hunt."""


def what_six_miss() -> None:
    """Show how many of the judge's wrong layers pass all six checks, by kind, with an example and what sees it."""
    kinds = sorted_by_kind()
    rows = []
    for kind, (known, passing) in sorted(kinds.items(), key=lambda item: len(item[1][1]) / len(item[1][0])):
        shown = [pair for pair in passing if "+" not in pair[0].id]
        shown.sort(key=lambda pair: pair[0].id != _EXAMPLES.get(pair[0].category))
        example, seen = (shown[0][0].title, shown[0][1][0].title) if shown else ("", "")
        rows.append((kind, str(len(known)), str(len(passing)), example, seen))
    total, through = (sum(len(pair[i]) for pair in kinds.values()) for i in (0, 1))
    rows.append(("together", str(total), f"{through} ({100 * through / total:.0f} %)", "", ""))
    head = ("kind of mistake", "wrong layers", "pass all six", "for example", "first seen by the check")
    table(head, rows, "Wrong layers on the judge's list, which was written by hand.", (3, 4))


DECISIONS = (
    ("γ and β are parameters", "affine_not_learnable", "no optimizer changes them: they stay 1 and 0"),
    (
        "the running statistics are buffers",
        "not_buffers",
        "a checkpoint forgets them, `.to(device)` leaves them behind",
    ),
    ("self.training is the mode", "mode_from_grad", "no_grad and eval mode become one switch; they are two"),
    ("one row is refused or skipped", "one_row_nan", "one NaN in running_var, and eval mode is lost for good"),
    ("a mean for each column", "whole_mean", "features with different means are not centred"),
    ("first subtract, then square", "single_pass", "a large mean eats the digits of the variance"),
    ("normalise with ÷ N", "unbiased_normalisation", "the output is off by a factor, large for small batches"),
    ("remember ÷ (N − 1)", "biased_running_var", "eval mode divides by too small a number"),
    ("momentum is the share of the new batch", "momentum_swapped", "the memory is 90 % the last batch"),
    ("the update is cut from the graph", "graph_in_buffers", "memory grows with every step"),
    ("the statistics that normalise are not cut", "detached", "the layers below get a wrong gradient"),
    ("eval mode reads the buffers", "always_batch", "an answer depends on its neighbours in the batch"),
    ("ε under the root", "eps_outside", "a constant feature gets an infinite or undefined gradient"),
    ("γ multiplies x̂, β comes last", "beta_inside", "β is scaled by γ, and torch's weights no longer fit"),
)
"""Each decision of the layer, the suspect that decides otherwise, and what follows."""


def seen_by(id: str) -> tuple[list[int], list[str]]:
    """Numbers of those of the six checks, and ids of those beyond, that are red for a suspect."""
    exercise = batchnorm1d_exercise
    record, whole = exercise.record, exercise.whole
    red = [v.check.id for v in verdicts_of(whole.checks, whole.probes, record.lineup[id], record.right) if not v.passed]
    six = [i for i, check in enumerate(exercise.checks, 1) if check.id in red]
    return six, [id for id in red if id not in _SIX]


def why_each_line() -> None:
    """Show for each decision of the layer what happens without it, and which checks see that.

    Of the checks beyond six the most telling one: that which is red for the fewest rows of this table.
    """
    seen = [seen_by(id) for _, id, _ in DECISIONS]
    often = Counter(other for _, others in seen for other in others)
    rows = []
    for (decision, _, without), (six, others) in zip(DECISIONS, seen, strict=True):
        telling = f"`{min(others, key=lambda id: often[id])}`" if others else "none"
        rows.append((decision, without, ", ".join(map(str, six)) or "none", telling))
    table(("decision", "without it", "seen by, of the six", "beyond six, for example"), rows, left=(1, 2, 3))


def six_checks(layer: Any) -> None:
    """Show which of the six checks a layer passes that is not the learner's own; it is not noted in their progress."""
    verdicts = batchnorm1d_exercise.assessed(layer).verdicts
    table(("check", ""), [(v.check.title, MARKS[bool(v.passed)]) for v in verdicts])


def beyond_six() -> None:
    """Show the checks beyond six: id, what each asks, and why one would meet the mistake."""
    rows = [(f"`{check.id}`", check.title, check.why) for check in batchnorm1d_exercise.beyond.checks]
    table(("id", "the check", "why you would mind"), rows, left=(1, 2))
