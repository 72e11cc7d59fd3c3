"""Reference and suspects of the layer that notebook 02 builds, and what its kill matrix cannot show."""

from __future__ import annotations

from .batchnorm1d_reference import BatchNorm1d
from .batchnorm1d_suspects import SUSPECTS as _SUSPECTS

REFERENCE = {"batchnorm1d": BatchNorm1d}
SUSPECTS = {"batchnorm1d": _SUSPECTS}

# Checks that kill nothing alone, and why they stay.
STAYS = {
    "train_mode": "Algorithm 1 in its own words: the first check that turns green while one builds.",
    "eval_mode": "Asks for the formula of eval mode with the layer's own buffers; no reference is needed to read it.",
    "numbers": "Four arrays beside torch's: the one check to keep if there could be only one.",
    "gradients": "Every course asks it, usually in the form that rejects right layers; this form cannot.",
    "affine": "Its two numbers, 2 and 5, need no computer.",
}

# Suspects that behave the same from outside; each is explained as any of its group.
ALIKE = (
    {"always_batch_and_updates", "mode_kept_from_start", "train_is_a_method"},
    {"mean_detached", "backward_without_mean"},
    {"var_detached", "backward_without_var"},
    {"statistics_are_parameters", "statistics_are_frozen_parameters"},
    {"seeded", "noise_drawn"},
)
