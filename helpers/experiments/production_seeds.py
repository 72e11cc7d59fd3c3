"""The experiments of notebook 08 that take many seeds: the command that computes what is stored beside their modules.

``python -m helpers.experiments.production_seeds`` takes some ten minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from . import dropout_shift, effective_rate, shards, stored
from .stored import Found

SEEDS = range(10)
Experiment = Callable[[int], Mapping[str, Any]]
FILES: Mapping[str, tuple[Experiment, ...]] = {
    shards.FILE: (shards.small_shards, shards.ghosts),
    effective_rate.FILE: (effective_rate.turning,),
    dropout_shift.FILE: (dropout_shift.variance_shift,),
}
"""The experiments by the file that holds them."""


def compute(experiment: Experiment, seeds: Iterable[int]) -> Found:
    """One experiment for some seeds, (seeds, …) by what was measured."""
    runs = [experiment(seed) for seed in seeds]
    return {key: np.array([run[key] for run in runs], dtype=np.float64) for key in runs[0]}


def main() -> None:
    """Write the files beside this module."""
    for file, experiments in FILES.items():
        for experiment in experiments:
            found = compute(experiment, SEEDS)
            stored.write(file, experiment.__name__, SEEDS, found, "python -m helpers.experiments.production_seeds")


if __name__ == "__main__":
    main()
