"""The experiments of notebook 10 that take many seeds: the command that computes what is stored beside their modules.

``python -m helpers.experiments.overfitting_seeds`` takes some five minutes on one core; names after it choose.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial

from . import dropping, in_advance, memorising, more_parameters, regularisers
from .production_seeds import Experiment, compute

SEEDS = range(10)
COMMAND = "python -m helpers.experiments.overfitting_seeds"
FILES: Mapping[str, tuple[Experiment, ...]] = {
    memorising.FILE: (memorising.random_labels, memorising.gap, memorising.label_noise),
    more_parameters.FILE: (more_parameters.over_features,),
    dropping.FILE: (dropping.recovered, dropping.depths, dropping.mc_dropout),
    regularisers.FILE: (regularisers.same_budget,),
}
"""The experiments by the file that holds them."""


def main(names: list[str]) -> None:
    """Compute the experiments of these names, or all, and write each into its file."""
    for file, experiments in FILES.items():
        known = {f.__name__: (partial(compute, f), len(SEEDS)) for f in experiments}
        if wanted := [name for name in known if not names or name in names]:
            in_advance.compute(file, known, COMMAND, wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
