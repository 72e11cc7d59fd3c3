"""What a run of the playground depends on, and what is known of it afterwards: settings, nets and traces."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

from helpers.experiments.fair import DEPTH, FAIR, NETS, STEPS
from helpers.lab.data import Split

MEASURED = (*range(0, 60, 10), *range(60, STEPS + 1, 20))
"""Steps at which the losses are measured: the points of a curve."""
SNAPSHOTS = (*range(1, 10), *range(10, 20, 2), *range(20, 60, 5), *range(60, STEPS + 1, 10))
"""Steps whose batch is looked at on its way through the layers."""
BINS, BEND = 25, 2.0
"""A distribution is kept as counts in BINS bins, even on the scale v/(|v| + BEND), which reaches from -1 to 1."""
SHOWN = 32
"""Rows of a batch that a distribution counts, at most."""
ROWS = 256
"""Training rows on which the inside of a net is measured."""
TASKS = {"sine": "a sine, squared error", "digits": "digits, cross-entropy"}
NORMS = {"none": "no norm", "batch": "batch norm", "layer": "layer norm", "group": "group norm"}
INITS = {"default": "PyTorch's default", "he": "He"}

Kind = tuple[str, str]
"""A net: its norm (a key of NORMS) and its initialisation (a key of INITS)."""
CONTROL: Kind = ("none", "he")
"""The net that is always there."""


@dataclass(frozen=True)
class Setting:
    """All that a run depends on, but for the learner's layer."""

    lr: float = 0.3
    batch_size: int = 32
    task: str = "sine"
    depth: int = DEPTH
    init: str = "default"
    pair: tuple[str, str] = ("none", "batch")
    seed: int = 0

    @property
    def nets(self) -> tuple[Kind, ...]:
        """The nets to train, each once: both of the pair, and the control.

        >>> Setting(pair=("none", "layer"), init="he").nets
        (('none', 'he'), ('layer', 'he'))
        """
        first, second = ((norm, self.init) for norm in self.pair)
        return tuple(dict.fromkeys([first, CONTROL, second]))

    @property
    def rivals(self) -> tuple[Kind, Kind] | None:
        """The two nets to compare.  The control stands in for a net without a norm; None where only one net is left.

        >>> Setting().rivals
        (('none', 'he'), ('batch', 'default'))
        """
        first, second = (CONTROL if norm == "none" else (norm, self.init) for norm in self.pair)
        if first == second:
            first = CONTROL if second != CONTROL else ("none", self.init)
        return (first, second) if first != second else None


def label(kind: Kind) -> str:
    """What a net is called.

    >>> label(("none", "he")), label(("batch", "default")), label(("group", "he"))
    ('no norm, He init', 'batch norm', 'group norm, He init')
    """
    norm, init = kind
    if norm == "none":
        return NETS["none, He" if init == "he" else "none"]
    return NORMS[norm] + (", He init" if init == "he" else "")


@dataclass(frozen=True)
class Running:
    """Mean and standard deviation of each unit before the last norm: the layer's running ones and one batch's."""

    running_mean: list[float]
    batch_mean: list[float]
    running_std: list[float]
    batch_std: list[float]


@dataclass(frozen=True)
class Snapshot:
    """One step's batch inside a net, in train mode, before the update.

    shapes: for each hidden layer BINS bytes, the distribution of what enters its ReLUs, the largest bin 255.  spread:
    its standard deviation for each layer.  gradients: the norm of each Linear's weight gradient, the head's last.
    """

    step: int
    shapes: bytes
    spread: list[float]
    gradients: list[float]


@dataclass
class Inside:
    """One look into a net, on ROWS rows.

    spread: for each hidden layer the standard deviation of what enters its ReLUs.  dead: the share of its ReLUs that
    are 0 on all rows.  head_limit, at the start only: 2/λ of the loss as a function of the head alone.  gradients: the
    norm of each Linear's weight gradient, the head's last.
    """

    spread: list[float] = field(default_factory=list)
    dead: list[float] = field(default_factory=list)
    head_limit: float = math.inf
    gradients: list[float] = field(default_factory=list)
    running: Running | None = None


@dataclass
class Trace:
    """What one net did.  ``train``, ``test``, ``weights``: at ``steps``, losses in eval mode on all rows, and the norm
    of the hidden layers' weight matrices together.

    losses: the batch loss of every step.  moved: ‖W − W₀‖/‖W₀‖ at the end.  note: how it ended, if it ended early.
    """

    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracy: float = math.nan
    moved: float = 0.0
    note: str = ""
    diverged: bool = False
    start: Inside | None = None
    end: Inside | None = None
    snapshots: list[Snapshot] = field(default_factory=list)

    def snapshot(self, step: int) -> Snapshot | None:
        """The latest snapshot at or before ``step``; None where there is none."""
        return next((found for found in reversed(self.snapshots) if found.step <= step), None)


@functools.cache
def data(task: str) -> Split:
    """The rows of a task of TASKS."""
    return FAIR[task]()
