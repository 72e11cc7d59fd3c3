"""Reference and suspects of notebook 05's matching exercise."""

from __future__ import annotations

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def statistics_dims() -> dict[str, tuple[int, ...]]:
    """For each norm the dimensions of the block that share one mean (for RMSNorm, one mean square).

    The keys are "batch", "instance", "group", "layer, images", "layer, tokens" and "rms, tokens".
    The block is N×C×H×W, so its dimensions are 0, 1, 2, 3.  For "group" it comes as N×G×(C/G)×H×W: 0, 1, 2, 3, 4.
    """
    ### BEGIN SOLUTION
    return {
        "batch": (0, 2, 3),
        "instance": (2, 3),
        "group": (2, 3, 4),
        "layer, images": (1, 2, 3),
        "layer, tokens": (1,),
        "rms, tokens": (1,),
    }
    ### END SOLUTION


def _suspect(id: str, title: str, **wrong: str) -> Suspect:
    """The reference with other dims for the norms given; "_" stands for ", "."""
    right = statistics_dims()
    changed = {name.replace("_", ", "): dims for name, dims in wrong.items()}
    edits = [(f'"{name}": {right[name]},', f'"{name}": {dims},') for name, dims in changed.items()]
    shown = f"block/{next(iter(changed))}: values behind one statistic"
    return Suspect(id, "dims", title, variant(statistics_dims, *edits), shown)


_SUSPECTS = (
    _suspect(
        "the_kept_dims",
        "you name the dims that keep a mean of their own; `mean(dim=…)` wants those that are averaged away.",
        batch="(1,)",
        instance="(0, 1)",
        group="(0, 1)",
        layer_images="(0,)",
        layer_tokens="(0, 2, 3)",
        rms_tokens="(0, 2, 3)",
    ),
    _suspect(
        "channel_axis",
        "batch: 1 is the channel, which keeps its mean (Keras calls that axis=1); PyTorch's mean names the others.",
        batch="(1,)",
    ),
    _suspect(
        "batch_over_examples_only",
        "batch: over N alone every pixel gets its own mean, as in an MLP; all positions of a channel are one feature.",
        batch="(0,)",
    ),
    _suspect(
        "batch_without_examples",
        "batch: over H and W alone each image is on its own; that is instance norm.",
        batch="(2, 3)",
    ),
    _suspect(
        "batch_over_everything",
        "batch: over all four dims one mean serves all channels; each channel needs its own.",
        batch="(0, 1, 2, 3)",
    ),
    _suspect(
        "instance_over_examples",
        "instance: with N among the dims the examples see each other; that is batch norm.",
        instance="(0, 2, 3)",
    ),
    _suspect(
        "instance_over_channels",
        "instance: with C among the dims all channels of an image share one mean; that is layer norm over images.",
        instance="(1, 2, 3)",
    ),
    _suspect(
        "group_per_position",
        "group: over C/G alone each position has its own mean; group norm pools H and W too.",
        group="(2,)",
    ),
    _suspect(
        "group_dims_of_the_image",
        "group: these would be C, H, W before the reshape; dim 1 is now G, and W is dim 4.",
        group="(1, 2, 3)",
    ),
    _suspect(
        "group_over_groups",
        "group: over G as well all groups share one mean; that is layer norm over images.",
        group="(1, 2, 3, 4)",
    ),
    _suspect(
        "group_keeps_channels",
        "group: over H and W alone each channel has its own mean; that is instance norm, or G = C.",
        group="(3, 4)",
    ),
    _suspect(
        "layers_swapped",
        "layer: the two meanings are swapped; for images the mean runs over C, H, W, for tokens over C alone.",
        layer_images="(1,)",
        layer_tokens="(1, 2, 3)",
    ),
    _suspect(
        "tokens_over_the_last_dim",
        "the last dim of this block is W; features come last only after `movedim(1, -1)`. Here C is dim 1.",
        layer_tokens="(3,)",
        rms_tokens="(3,)",
    ),
    _suspect(
        "tokens_are_positions",
        "the mean runs over H and W, which are the tokens; each token should have its own, over C, dim 1.",
        layer_tokens="(2, 3)",
        rms_tokens="(2, 3)",
    ),
    _suspect(
        "tokens_over_the_image",
        "the mean runs over C, H and W; each position should be alone, with C averaged.",
        layer_tokens="(1, 2, 3)",
        rms_tokens="(1, 2, 3)",
    ),
    _suspect(
        "images_over_channels",
        "layer, images: the mean runs over C alone, as for tokens; it should run over C, H and W.",
        layer_images="(1,)",
    ),
    _suspect(
        "images_keep_channels",
        "layer, images: the mean runs over H and W, and each channel keeps its own; it should run over C too.",
        layer_images="(2, 3)",
    ),
    _suspect(
        "layer_tokens_over_positions",
        "layer, tokens: the mean runs over H and W, which are the tokens; each token should have its own, over C, dim 1.",
        layer_tokens="(2, 3)",
    ),
    _suspect(
        "layer_over_examples",
        "layer, images: with N among the dims the examples share one mean; layer norm treats each alone.",
        layer_images="(0, 1, 2, 3)",
    ),
    _suspect(
        "rms_over_the_image",
        "rms, tokens: the mean square runs over C, as the mean of layer norm for tokens does; H and W are other tokens.",
        rms_tokens="(1, 2, 3)",
    ),
)

REFERENCE = {"statistics_dims": statistics_dims}
SUSPECTS = {"statistics_dims": _SUSPECTS}
