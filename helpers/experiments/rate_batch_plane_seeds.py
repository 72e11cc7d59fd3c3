"""The plane of learning rate × batch size that notebook 03 and its playground show, computed in advance.

``python -m helpers.experiments.rate_batch_plane_seeds`` writes ``rate_batch_plane.json`` again, in some minutes on one
core.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .fair import FAIR, NETS, STEPS, over_learning_rates
from .rate_batch_plane import BATCH_SIZES, FILE, LRS, SEEDS, Plane

COMMAND = "python -m helpers.experiments.rate_batch_plane_seeds"


def compute(task: str, lrs: Sequence[float] = LRS, batch_sizes: Sequence[int] = BATCH_SIZES) -> Plane:
    """Train all nets of a task, at each batch size as three stacks of learning rates × seeds."""
    found = [over_learning_rates(nn.BatchNorm1d, lrs, size, task, SEEDS) for size in batch_sizes]
    losses = {name: torch.stack([nets[name].test_loss for nets in found]).double().numpy() for name in NETS}
    median, low, high = (
        {name: reduce(np.where(np.isnan(loss), np.inf, loss), axis=2) for name, loss in losses.items()}
        for reduce in (np.median, np.min, np.max)
    )
    return Plane(task, tuple(lrs), tuple(batch_sizes), len(SEEDS), median, low, high)


def _rounded(losses: NDArray[np.float64]) -> list[list[float | None]]:
    return [[float(f"{loss:.3g}") if np.isfinite(loss) else None for loss in row] for row in losses]


def main() -> None:
    """Write ``rate_batch_plane.json`` beside this module."""
    planes = {task: compute(task) for task in FAIR}
    stored: dict[str, Any] = {
        "command": COMMAND,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seeds": len(SEEDS),
        "steps": STEPS,
        "learning rates": LRS,
        "batch sizes": BATCH_SIZES,
        "null": "not finite",
        "held-out loss": {
            task: {
                name: {kind: _rounded(getattr(plane, kind)[name]) for kind in ("median", "low", "high")}
                for name in NETS
            }
            for task, plane in planes.items()
        },
    }
    Path(__file__).with_name(FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
