"""Notebook 02: the moment when a learner's layer is a batch norm layer, seen in a net that it trains."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from IPython.display import display
from torch import nn

from helpers.judge.observe import caught
from helpers.lab.nets import MLP
from helpers.lab.training import train
from helpers.look.parts import first, mark, marked_up
from helpers.look.style import styled

from .fair import HEAD_SCALE, STEPS, fair_data, fair_widths
from .learners import judged

RATE, BATCH_SIZE, SEED = 0.3, 32, 0
WIDE, TALL, LEFT = 420, 110, 40


@dataclass(frozen=True)
class Curves:
    """Training losses of two nets that differ in their norm only, step by step; the text says what is to do next."""

    yours: Sequence[float]
    torchs: Sequence[float]
    next: str

    @property
    def largest(self) -> float:
        """The largest difference of the two losses at any step; infinite where one of them ended early."""
        if len(self.yours) != len(self.torchs):
            return float("inf")
        return max(abs(a - b) for a, b in zip(self.yours, self.torchs, strict=True))

    @property
    def _words(self) -> str:
        same = "the two curves cannot be told apart" if self.largest < 1e-3 else "the two curves part"
        return (
            f"A net with 6 of your layers, trained for {len(self.yours)} steps beside one with torch.nn.BatchNorm1d: "
            f"{same} (largest difference of the loss: {self.largest:.0e})."
        )

    def __repr__(self) -> str:
        return f"✓ Your layer at work\n  {self._words}\n  → Next: {self.next}"

    def _repr_html_(self) -> str:
        head = f'<div class="bn-head">{mark(True)} <b>Your layer at work</b></div>'
        top = first("good", "It passes the six checks", html.escape(self._words))
        return styled(f"{head}{top}{self._svg()}<p>Next: {marked_up(self.next)}</p>", "bn-card")

    def _svg(self) -> str:
        top = max(*self.torchs, *self.yours)
        lines = "".join(
            f'<polyline fill="none" {look} points="{" ".join(self._point(i, v, top) for i, v in enumerate(losses))}"/>'
            for losses, look in (
                (self.torchs, 'stroke="var(--link)" stroke-width="5" stroke-opacity=".45"'),
                (self.yours, 'stroke="currentColor" stroke-width="1.5" stroke-dasharray="5 4"'),
            )
        )
        texts = (
            f'<text x="{LEFT - 6}" y="16" text-anchor="end">{top:.1f}</text> '
            f'<text x="{LEFT - 6}" y="{TALL}" text-anchor="end">0</text> '
            f'<text x="{LEFT + WIDE}" y="{TALL + 18}" text-anchor="end">step {len(self.torchs)}</text> '
            f'<text x="{LEFT}" y="{TALL + 18}">training loss · broad: torch’s · dashed: yours</text> '
        )
        says = "Training loss of two nets over the steps: torch's layer as a broad line, yours dashed over it."
        return (
            f'<svg viewBox="0 0 {LEFT + WIDE + 4} {TALL + 24}" role="img" aria-label="{says}" font-size="12" '
            f'fill="currentColor" style="width:100%;max-width:{LEFT + WIDE}px;display:block">'
            f'<path d="M{LEFT} 8V{TALL}H{LEFT + WIDE}" fill="none" stroke="var(--line)"/>{lines}{texts}</svg>'
        )

    def _point(self, step: int, loss: float, top: float) -> str:
        return f"{LEFT + WIDE * step / max(1, len(self.torchs) - 1):.1f},{8 + (TALL - 8) * (1 - loss / top):.1f}"


def success(layer: Any, then: str = "what each of the six checks asks, and why.") -> None:
    """Train a net with the learner's layer beside one with torch's, once it passes the six checks, and show both.

    layer: a class built as ``layer(num_features)``.  Where it does not pass yet, one sentence says so.  Seed 0, batches
    of 32, learning rate 0.3, the fair task of notebook 03.
    """
    passed, words = judged(layer)
    if not passed:
        print(f"When your layer passes the six checks, it is trained here ({words}).")
        return
    split = fair_data()
    with caught():  # what the layer prints, the check has shown
        yours, torchs = (
            train(
                lambda norm=norm: MLP(fair_widths(split), norm, head_scale=HEAD_SCALE),  # type: ignore[misc]
                split,
                lr=RATE,
                batch_size=BATCH_SIZE,
                steps=STEPS,
                seed=SEED,
            )[1].losses
            for norm in (layer, nn.BatchNorm1d)
        )
    display(Curves(yours, torchs, then))
