"""The table of the course: which notebook holds which exercises, how long it takes, what it is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notebook:
    """One notebook: ``minutes`` and ``points`` as its title says; ``exercises``: id and number of checks, in order."""

    name: str
    minutes: int
    points: int
    builds: str
    exercises: dict[str, int]


NOTEBOOKS = (
    Notebook("00_start_here", 10, 2, "mean and variance of a batch", {"feature_statistics": 2}),
    Notebook("01_read_the_paper", 45, 10, "Algorithm 1 and 2 as functions", {}),
    Notebook(
        "02_build_batchnorm1d",
        45,
        24,
        "the layer, and the repair of ten broken ones",
        {"batchnorm1d": 6, "batchnorm1d_beyond": 6, "spot_the_bug": 6},
    ),
    Notebook("03_with_and_without_batchnorm", 30, 8, "a deep net with and without the layer", {}),
    Notebook("04_train_and_eval", 40, 12, "precise batch norm, a freeze, six repaired loops", {}),
    Notebook("05_layer_group_instance_rms", 45, 12, "BatchNorm2d, LayerNorm, GroupNorm, RMSNorm", {}),
)
