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
    Notebook(
        "00_start_here",
        10,
        2,
        "mean and variance of a batch",
        {
            "feature_statistics": 2,
        },
    ),
    Notebook(
        "01_read_the_paper",
        45,
        10,
        "Algorithm 1 and 2 as functions",
        {
            "figure_3": 2,
            "algorithm_1": 3,
            "variance_after": 1,
            "identity": 1,
            "weight_scale": 1,
        },
    ),
    Notebook(
        "02_build_batchnorm1d",
        45,
        24,
        "the layer, and the repair of ten broken ones",
        {
            "batchnorm1d": 6,
            "batchnorm1d_beyond": 6,
            "spot_the_bug": 6,
        },
    ),
    Notebook(
        "03_with_and_without_batchnorm",
        30,
        8,
        "a deep net with and without the layer",
        {
            "make_mlp": 4,
            "count_parameters": 1,
            "why_plain_stalls": 1,
            "why_batch_norm_diverges": 1,
            "where_plain_wins": 1,
        },
    ),
    Notebook(
        "04_train_and_eval",
        40,
        12,
        "precise batch norm, a freeze, six repaired loops",
        {
            "reestimate_statistics": 3,
            "scores": 1,
            "train_and_validate": 1,
            "one_epoch": 1,
            "epoch_batches": 1,
            "restore_best": 1,
            "freeze_batchnorm": 3,
            "fine_tune": 1,
        },
    ),
    Notebook(
        "05_layer_group_instance_rms",
        50,
        14,
        "BatchNorm2d, LayerNorm, GroupNorm, RMSNorm",
        {
            "statistics_dims": 2,
            "batchnorm2d": 3,
            "layernorm": 2,
            "groupnorm": 3,
            "rmsnorm": 2,
            "which_norm": 2,
        },
    ),
)
