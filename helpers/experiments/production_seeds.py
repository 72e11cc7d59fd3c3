"""The experiments of notebook 08 that take many seeds: the command that computes ``production_seeds.json`` again.

``python -m helpers.experiments.production_seeds`` takes some ten minutes on one core.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .dropout_shift import variance_shift
from .effective_rate import turning
from .shards import ghosts, small_shards
from .stored import Found

SEEDS = range(10)
FILE = "production_seeds"
EXPERIMENTS: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    f.__name__: f for f in (turning, small_shards, ghosts, variance_shift)
}


def compute(name: str, seeds: Iterable[int]) -> Found:
    """One experiment for some seeds, (seeds, …) by what was measured."""
    runs = [EXPERIMENTS[name](seed) for seed in seeds]
    return {key: np.array([run[key] for run in runs], dtype=np.float64) for key in runs[0]}


def main() -> None:
    """Write ``production_seeds.json`` beside this module."""
    kept = {
        "results": {name: {k: _short(v) for k, v in compute(name, SEEDS).items()} for name in EXPERIMENTS},
        "seeds": {name: list(SEEDS) for name in EXPERIMENTS},
        "command": f"python -m helpers.experiments.{FILE}",
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    path = Path(__file__).with_name(f"{FILE}.json")
    path.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


def _short(values: Any) -> Any:
    return np.vectorize(lambda value: float(f"{value:.3g}"))(values).tolist()


if __name__ == "__main__":
    main()
