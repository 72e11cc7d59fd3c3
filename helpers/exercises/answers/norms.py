"""References and suspects of the layers and the quiz of notebook 05."""

from __future__ import annotations

from typing import Any

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

from .norms_reference import BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm
from .norms_suspects import ALIKE, BATCHNORM2D, GROUPNORM, LAYERNORM, RMSNORM

__all__ = ["ALIKE", "BatchNorm2d", "GroupNorm", "InstanceNorm2d", "LayerNorm", "RMSNorm", "which_norm"]


def which_norm() -> dict[str, tuple[str, str]]:
    """For each situation a–i the norm and the letter of the reason, as in {"a": ("rms", "P"), ...}."""
    ### BEGIN SOLUTION
    return {
        "a": ("batch", "U"),
        "b": ("group", "R"),
        "c": ("frozen batch", "W"),
        "d": ("instance", "N"),
        "e": ("layer", "S"),
        "f": ("rms", "Z"),
        "g": ("layer", "Y"),
        "h": ("ghost batch", "Q"),
        "i": ("batch", "V"),
    }
    ### END SOLUTION


def _suspects(layer: Any, *rows: tuple[Any, ...]) -> tuple[Suspect, ...]:
    """Suspects of the quiz; a row is (id, category, observation that tells it best, title, *edits)."""
    return tuple(
        Suspect(id, category, title, variant(layer, *edits), shows) for id, category, shows, title, *edits in rows
    )


_WHICH_NORM = _suspects(
    which_norm,
    (
        "group_everywhere",
        "choice",
        "",
        "a: at 32 images per GPU Wu & He's table gives BN the lower validation error; GN is for small batches.",
        ('("batch", "U")', '("group", "R")'),
    ),
    (
        "small_batch_norm",
        "choice",
        "",
        "b: in Wu & He's table BN at 2 images per GPU is 11 points worse than at 32.",
        ('("group", "R")', '("batch", "U")'),
    ),
    (
        "layer_for_small",
        "choice",
        "",
        "b: the reason holds for LN over (C, H, W) too, but in Wu & He's table GN has the lower error.",
        ('("group", "R")', '("layer", "R")'),
    ),
    (
        "keeps_space",
        "reason",
        "",
        "b: GN keeps no more of the space than BN does: both pool H and W.",
        ('("group", "R")', '("group", "T")'),
    ),
    (
        "ghost_for_small",
        "choice",
        "",
        "b: Ghost BN cuts a large batch into smaller ones, so it makes this worse.",
        ('("group", "R")', '("ghost batch", "Q")'),
    ),
    (
        "throws_statistics_away",
        "choice",
        "",
        "c: a new norm throws away what the pretrained weights were fitted to: their γ, β and running statistics.",
        ('("frozen batch", "W")', '("group", "R")'),
    ),
    (
        "moving_statistics",
        "choice",
        "",
        "c: with 2 images at a time BN's statistics are noisy, and its buffers drift away from the pretrained ones.",
        ('("frozen batch", "W")', '("batch", "U")'),
    ),
    (
        "layer_for_style",
        "choice",
        "",
        "d: LN over (C, H, W) has one scale for the whole image; here each channel's own contrast must go.",
        ('("instance", "N")', '("layer", "Y")'),
    ),
    (
        "batch_for_text",
        "choice",
        "",
        "e: BN's statistics would mix sentences and count padding; a token must not depend on its neighbours in the batch.",
        ('"e": ("layer", "S")', '"e": ("batch", "U")'),
    ),
    (
        "layer_for_scale_only",
        "choice",
        "",
        "f: LN subtracts the mean too; here only the scale is to be removed.",
        ('("rms", "Z")', '("layer", "S")'),
    ),
    (
        "batch_of_one",
        "choice",
        "",
        "g: an MLP that sees one example at a time has one value per feature, N·H·W = 1: BN in train mode raises ValueError.",
        ('"g": ("layer", "Y")', '"g": ("batch", "U")'),
    ),
    (
        "instance_of_one",
        "choice",
        "",
        "g: without H and W each instance and channel has one value; minus its own mean it is 0.",
        ('"g": ("layer", "Y")', '"g": ("instance", "N")'),
    ),
    (
        "ghost_at_32",
        "choice",
        "",
        "a: 32 images are no large batch that one would cut; Ghost BN is for batches of thousands.",
        ('"a": ("batch", "U")', '"a": ("ghost batch", "Q")'),
    ),
    (
        "frozen_from_scratch",
        "choice",
        "",
        "b: trained from scratch there is nothing yet that would be worth freezing.",
        ('("group", "R")', '("frozen batch", "W")'),
    ),
    (
        "group_for_style",
        "choice",
        "",
        "d: GN has one scale for all channels of a group; here each channel's own contrast must go.",
        ('("instance", "N")', '("group", "R")'),
    ),
    (
        "rms_for_mean_and_scale",
        "choice",
        "",
        "e: RMSNorm leaves the mean in, and here it is to be removed.",
        ('("layer", "S")', '("rms", "Z")'),
    ),
    (
        "batch_as_before",
        "choice",
        "",
        "h: that is what the net has, and it generalises worse.",
        ('("ghost batch", "Q")', '("batch", "U")'),
    ),
    (
        "group_on_phones",
        "choice",
        "",
        "i: GN computes its statistics anew for every input, on the phone too.",
        ('("batch", "V")', '("group", "R")'),
    ),
    (
        "frozen_on_phones",
        "choice",
        "",
        "i: fixed numbers are how it serves; trained from scratch, it has none yet to fix.",
        ('("batch", "V")', '("frozen batch", "V")'),
    ),
    (
        "group_for_large",
        "choice",
        "",
        "h: GN does not depend on the batch, so it has none of the noise that is wanted here.",
        ('("ghost batch", "Q")', '("group", "R")'),
    ),
)

REFERENCE: dict[str, Any] = {
    "batchnorm2d": BatchNorm2d,
    "layernorm": LayerNorm,
    "groupnorm": GroupNorm,
    "rmsnorm": RMSNorm,
    "which_norm": which_norm,
}
SUSPECTS = {
    "batchnorm2d": BATCHNORM2D,
    "layernorm": LAYERNORM,
    "groupnorm": GROUPNORM,
    "rmsnorm": RMSNORM,
    "which_norm": _WHICH_NORM,
}
