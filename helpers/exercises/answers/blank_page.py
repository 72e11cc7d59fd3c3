"""Reference and suspects of notebook 11's layer: of notebook 02's suspects a dozen that are often met."""

from __future__ import annotations

from .batchnorm1d import REFERENCE as _REFERENCE
from .batchnorm1d import SUSPECTS as _SUSPECTS

OFTEN = (
    "biased_running_var",
    "unbiased_normalisation",
    "always_batch",
    "updates_in_eval",
    "never_updates",
    "momentum_swapped",
    "variance_starts_at_zero",
    "no_affine",
    "affine_not_learnable",
    "rows",
    "no_root",
    "last_batch_only",
)
REFERENCE = {"blank_page": _REFERENCE["batchnorm1d"]}
SUSPECTS = {"blank_page": tuple(suspect for suspect in _SUSPECTS["batchnorm1d"] if suspect.id in OFTEN)}
