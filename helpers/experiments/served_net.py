"""Notebook 02: the picture with which it begins, a net whose owner forgot ``eval()``.

Nothing here is prepared: the net is small, and trains while the learner waits.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, train

from .fair import widths

TOGETHER, TIMES = 8, 6
OTHERS = (1, 2, 3, 4)
"""Seeds of the nets that are served beside the one that is shown, 0."""


@dataclass(frozen=True)
class Served:
    """What a net answers when its owner forgot ``eval()``.

    company: (times, rows, 8), the rows that are in the batch, the one asked first.  answers, sure: (times, rows), the
    digit that it reads, and the probability that it gives to it.  in_eval: (times, rows), what it reads in eval
    mode, also beside seven others.
    """

    split: Split
    company: torch.Tensor
    answers: torch.Tensor
    sure: torch.Tensor
    in_eval: torch.Tensor

    @property
    def picked(self) -> int:
        """Of the digits that eval mode reads right, the first of those with the most different answers."""
        right = self.in_eval[0] == self.split.y_test
        return int((different(self.answers) * right).argmax())

    def wrong(self, answers: torch.Tensor) -> list[float]:
        """Percent of the held-out digits that are read wrongly, each time."""
        percent: list[float] = (100 * (answers != self.split.y_test).double().mean(dim=1)).tolist()
        return percent

    def counted(self, answers: torch.Tensor) -> tuple[str, str]:
        """Of the held-out digits: percent that are read wrongly, and percent with more than one answer."""
        return spread(self.wrong(answers), 1), f"{100 * (different(answers) > 1).double().mean().item():.0f}"


def different(answers: torch.Tensor) -> torch.Tensor:
    """How many different answers each row gets.  answers: (times, rows).  Returns (rows,)."""
    return torch.tensor([len(set(column)) for column in answers.T.tolist()])


@functools.cache
@one_thread()
def serve(seed: int = 0) -> Served:
    """Train a net with batch norm on the digits, then ask it about every held-out digit in batches of 8, six times.

    The net stays in train mode, as it does where ``eval()`` is forgotten; its momentum is 0, so that it remembers
    nothing and only the neighbours differ.
    """
    split = digits()
    make = partial(MLP, widths(64, 10, depth=2), nn.BatchNorm1d)
    net, _ = train(make, split, lr=0.1, batch_size=64, steps=150, seed=seed)
    X, generator = split.X_test, torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.0
    with torch.no_grad():
        asked = [_ask(net.train(), X, generator) for _ in range(TIMES)]
        in_eval = torch.stack([_ask(net.eval(), X, generator)[1] for _ in range(TIMES)])
    company, answers, sure = (torch.stack(part) for part in zip(*asked, strict=True))
    return Served(split, company, answers, sure, in_eval)


def _ask(
    net: nn.Module, X: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Every row of X in a random batch of 8: company (rows, 8), answer and probability, (rows,) each."""
    order = torch.randperm(len(X), generator=generator)
    order = torch.cat([order, order[: -len(X) % TOGETHER]])
    company = torch.empty(len(X), TOGETHER, dtype=torch.int64)
    answers, sure = torch.empty(len(X), dtype=torch.int64), torch.empty(len(X))
    for group in order.view(-1, TOGETHER):
        sure[group], answers[group] = net(X[group]).softmax(dim=1).max(dim=1)
        company[group] = torch.stack([group.roll(-place) for place in range(TOGETHER)])
    return company, answers, sure


def served() -> None:
    """Train the net, show what it reads in one digit beside six sets of neighbours, and count over all digits."""
    found = serve()
    figures.show(
        served_figure(found),
        "Six rows of eight small digit images. The first image is the same in every row; a bar beside the row says "
        "which digit the net reads in it, not the same in all rows, and how sure it is.",
    )
    rows = [("six times, each time with other neighbours", *found.counted(found.answers))]
    caption = "All 500 held-out digits, in random batches of 8; seed 0. Read wrongly: median and range of six times."
    table(("how the net is asked", "read wrongly (%)", "get more than one answer (%)"), rows, caption)


def repaired_service() -> None:
    """Show what one line changes: the same table with a row for eval mode."""
    found, others = serve(), [serve(seed) for seed in OTHERS]
    in_train = spread(chain.from_iterable(net.wrong(net.answers) for net in others), 1)
    in_eval = spread(chain.from_iterable(net.wrong(net.in_eval) for net in others), 1)
    rows = [
        ("train mode", *found.counted(found.answers)),
        ("eval mode", *found.counted(found.in_eval)),
    ]
    caption = (
        "The same net and the same 500 digits, in random batches of 8; seed 0. Read wrongly: median and range of six "
        f"times. {len(others)} nets from other seeds: {in_train} % in train mode, {in_eval} % in eval mode."
    )
    table(("mode", "read wrongly (%)", "get more than one answer (%)"), rows, caption)


def served_figure(found: Served) -> Figure:
    """One digit in six batches: the batches as images, and what the net reads in the first image of each."""
    row = found.picked
    figure, (left, right) = figures.subplots(1, 2, width=8.5, height=3.8, gridspec_kw={"width_ratios": [1.25, 1]})
    size, gap = 8, 2
    mosaic = torch.full((TIMES * (size + gap), TOGETHER * (size + gap)), float(found.split.X_test.min()))
    for i, group in enumerate(found.company[:, row]):
        for j, image in enumerate(found.split.X_test[group].view(-1, size, size)):
            top, start = i * (size + gap) + gap // 2, j * (size + gap) + gap // 2
            mosaic[top : top + size, start : start + size] = image
    height = TIMES
    left.imshow(mosaic.numpy(), cmap="gray_r", extent=(0, TOGETHER, height, 0), aspect="auto")
    left.add_patch(Rectangle((0.03, 0.03), 0.94, height - 0.06, fill=False, edgecolor="black", linewidth=2))
    left.text(0, -0.12, "the same digit")
    left.text(TOGETHER, -0.12, "its neighbours in the batch", ha="right")
    left.set_axis_off()
    answers = found.answers[:, row].tolist()
    for i, (answer, sure) in enumerate(zip(answers, found.sure[:, row].tolist(), strict=True)):
        right.barh(i + 0.5, sure, height=0.55, color="white", edgecolor=figures.COLOURS["batch"], hatch="//")
        right.text(sure + 0.03, i + 0.5, f"reads {answer}", va="center", fontsize=11, fontweight="bold")
    right.set(ylim=(height, 0), xlim=(0, 1.35), xticks=(0, 0.5, 1), yticks=())
    right.set(xlabel="probability that the net gives to its answer")
    right.grid(axis="y", visible=False)
    return figure
