"""References and suspects of notebook 09's counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.exercises.conv_sizes import Conv
from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def parameter_count(conv: Conv) -> int:
    """How many numbers the layer learns: weights, the bias where it has one, and γ and β where batch norm is behind it."""
    ### BEGIN SOLUTION
    weights = conv.c_in // conv.groups * conv.kernel**2
    return conv.c_out * (weights + conv.bias + 2 * conv.norm)
    ### END SOLUTION


def flop_count(conv: Conv, height: int, width: int) -> int:
    """FLOPs of the layer for one input map of that height and width: 2 for each weight that goes into each output value.

    (A multiplication and an addition; a sum of n terms and a bias has n additions.)  Batch norm counts nothing: it is folded.
    """
    ### BEGIN SOLUTION
    reach = conv.dilation * (conv.kernel - 1) + 1
    rows, columns = ((side + 2 * conv.padding - reach) // conv.stride + 1 for side in (height, width))
    return 2 * rows * columns * conv.c_out * (conv.c_in // conv.groups) * conv.kernel**2
    ### END SOLUTION


def receptive_field(convs: Sequence[Conv]) -> int:
    """Side, in input pixels, of the square that one output value of these layers depends on.  The first is next to the input."""
    ### BEGIN SOLUTION
    side, step = 1, 1
    for conv in convs:
        side += (conv.kernel - 1) * conv.dilation * step
        step *= conv.stride
    return side
    ### END SOLUTION


def _suspects(right: Any, rows: tuple[tuple[Any, ...], ...]) -> tuple[Suspect, ...]:
    """Each row: id, category, title, the observation that shows it, and edits of the reference."""
    return tuple(Suspect(id, c, title, variant(right, *edits), shows) for id, c, title, shows, *edits in rows)


_ALL = "conv.c_out * (weights + conv.bias + 2 * conv.norm)"
_WEIGHTS = "conv.c_in // conv.groups * conv.kernel**2"
_PARAMETERS = (
    ("groups_forgotten", "groups", "groups are left out: an output channel has weights for the inputs of its group only.", "grouped/parameters", (_WEIGHTS, "conv.c_in * conv.kernel**2")),
    ("groups_on_both", "groups", "you divide by the groups twice; the outputs of all groups are there.", "grouped/parameters", (_ALL, "conv.c_out // conv.groups * weights + conv.c_out * (conv.bias + 2 * conv.norm)")),
    ("bias_and_norm_of_one_group", "groups", "bias, γ and β are divided by the groups; every output channel has its own.", "depthwise/parameters", (_ALL, "conv.c_out * weights + conv.c_out // conv.groups * (conv.bias + 2 * conv.norm)")),
    ("groups_multiplied", "groups", "you multiply by the groups; they cut the channels into parts, so divide.", "grouped/parameters", (_WEIGHTS, "conv.c_in * conv.groups * conv.kernel**2")),
    ("kernel_not_squared", "kernel", "the kernel is counted along one side only.", "full/parameters", (_WEIGHTS, "conv.c_in // conv.groups * conv.kernel")),
    ("kernel_doubled", "kernel", "2 · kernel in place of kernel².", "full/parameters", (_WEIGHTS, "conv.c_in // conv.groups * conv.kernel * 2")),
    ("kernel_forgotten", "kernel", "the kernel is left out.", "full/parameters", (_WEIGHTS, "conv.c_in // conv.groups")),
    ("kernel_cubed", "kernel", "the kernel is counted three times.", "full/parameters", (_WEIGHTS, "conv.c_in // conv.groups * conv.kernel**3")),
    ("bias_forgotten", "bias", "the bias is left out.", "bias/parameters", (_ALL, "conv.c_out * (weights + 2 * conv.norm)")),
    ("bias_always", "bias", "a bias is counted where there is none.", "full/parameters", (_ALL, "conv.c_out * (weights + 1 + 2 * conv.norm)")),
    ("one_bias", "bias", "one bias for the whole layer; there is one for each output channel.", "bias/parameters", (_ALL, "conv.c_out * (weights + 2 * conv.norm) + conv.bias")),
    ("bias_of_the_inputs", "bias", "a bias for each input channel; it is one for each output channel.", "bias/parameters", (_ALL, "conv.c_out * (weights + 2 * conv.norm) + conv.c_in * conv.bias")),
    ("norm_forgotten", "norm", "batch norm's γ and β are left out.", "norm/parameters", (_ALL, "conv.c_out * (weights + conv.bias)")),
    ("buffers_counted", "norm", "running mean and variance are counted; they are buffers, and nothing is learned there.", "norm/parameters", (_ALL, "conv.c_out * (weights + conv.bias + 4 * conv.norm)")),
    ("gamma_alone", "norm", "of batch norm one number for each channel is counted; there are γ and β.", "norm/parameters", (_ALL, "conv.c_out * (weights + conv.bias + conv.norm)")),
    ("two_for_the_layer", "norm", "γ and β are counted once for the layer; each channel has its own.", "norm/parameters", (_ALL, "conv.c_out * (weights + conv.bias) + 2 * conv.norm")),
    ("norm_of_the_inputs", "norm", "γ and β for each input channel; batch norm is behind the layer, at its output channels.", "norm/parameters", (_ALL, "conv.c_out * (weights + conv.bias) + 2 * conv.c_in * conv.norm")),
    ("norm_replaces_the_bias", "norm", "with batch norm the bias is left out of the count although the layer has one.", "norm_and_bias/parameters", (_ALL, "conv.c_out * (weights + (conv.bias and not conv.norm) + 2 * conv.norm)")),
    ("outputs_forgotten", "count", "these are the numbers of one output channel; there are c_out of them.", "full/parameters", (_ALL, "weights + conv.bias + 2 * conv.norm")),
    ("weights_alone_multiplied", "count", "only the weights are multiplied by the output channels.", "bias/parameters", (_ALL, "conv.c_out * weights + conv.bias + 2 * conv.norm")),
    ("inputs_plus_outputs", "count", "channels are added; each output channel has weights for each input.", "full/parameters", (_ALL, "(conv.c_in // conv.groups + conv.c_out) * conv.kernel**2 + conv.c_out * (conv.bias + 2 * conv.norm)")),
    ("as_a_layer_of_torch", "crash", "this `Conv` holds numbers and no weights: it has no `.parameters()`. Count with its fields.", "full", (_ALL, "sum(p.numel() for p in conv.parameters())")),
    ("torchs_names", "crash", "the fields of this `Conv` are c_in, c_out and kernel.", "full", (_WEIGHTS, "conv.in_channels // conv.groups * conv.kernel_size**2")),
)  # fmt: skip

_FLOPS = "2 * rows * columns * conv.c_out * (conv.c_in // conv.groups) * conv.kernel**2"
_REACH, _MAP = "conv.dilation * (conv.kernel - 1) + 1", "(side + 2 * conv.padding - reach) // conv.stride + 1"
_WORK = (
    ("multiplications_alone", "count", "one for each weight; these are multiply-adds (MACs), and a FLOP count has two for each.", "same/FLOPs", (_FLOPS, _FLOPS.replace("2 * ", "", 1))),
    ("groups_forgotten", "groups", "groups are left out: an output value sums over the inputs of its group only.", "grouped/FLOPs", (_FLOPS, _FLOPS.replace("(conv.c_in // conv.groups)", "conv.c_in"))),
    ("groups_on_both", "groups", "you divide by the groups twice; the outputs of all groups are computed.", "grouped/FLOPs", (_FLOPS, _FLOPS.replace("conv.c_out", "conv.c_out // conv.groups"))),
    ("input_map", "map", "you count with the map that goes in; the sums are as many as values come out.", "no_padding/FLOPs", (_MAP, "side")),
    ("padding_once", "map", "the padding is counted on one side only; it is on both.", "same/FLOPs", (_MAP, _MAP.replace("2 * ", ""))),
    ("padding_left_out", "map", "the padding is left out.", "same/FLOPs", (_MAP, "(side - reach) // conv.stride + 1")),
    ("padding_subtracted", "map", "the padding is subtracted; it makes the map larger.", "same/FLOPs", (_MAP, "(side - 2 * conv.padding - reach) // conv.stride + 1")),
    ("stride_left_out", "map", "the stride is left out.", "stride/FLOPs", (_MAP, "(side + 2 * conv.padding - reach) + 1")),
    ("stride_divides_the_side", "map", "the side is divided by the stride and nothing else; kernel, padding and dilation count too.", "no_padding/FLOPs", (_MAP, "side // conv.stride")),
    ("rounded_up", "map", "the last step is rounded up; a kernel that does not fit is not put there.", "stride/FLOPs", (_MAP, "-(-(side + 2 * conv.padding - reach) // conv.stride) + 1")),
    ("one_position_short", "map", "one position is missing in each direction: the kernel also stands at the beginning.", "same/FLOPs", (_MAP, "(side + 2 * conv.padding - reach) // conv.stride")),
    ("one_added_first", "map", "the 1 is added before you divide by the stride.", "stride/FLOPs", (_MAP, "(side + 2 * conv.padding - reach + 1) // conv.stride")),
    ("kernel_for_reach", "map", "a kernel takes a place more than you count: it is dilation · (kernel − 1) + 1 wide.", "same/FLOPs", (_REACH, "conv.dilation * (conv.kernel - 1)")),
    ("dilation_left_out", "map", "the dilation is left out: a dilated kernel is wider, so fewer positions fit.", "dilation/FLOPs", (_REACH, "conv.kernel")),
    ("dilation_times_kernel", "map", "a dilated kernel is dilation · (kernel − 1) + 1 wide, not dilation · kernel.", "dilation/FLOPs", (_REACH, "conv.dilation * conv.kernel")),
    ("dilated_places_counted", "kernel", "the places between the taps of a dilated kernel have no weight.", "dilation/FLOPs", (_FLOPS, _FLOPS.replace("conv.kernel**2", "reach**2"))),
    ("square_map", "map", "height alone is used; a map need not be square.", "no_padding/FLOPs", ("for side in (height, width)", "for side in (height, height)")),
    ("map_forgotten", "map", "these are the FLOPs of one output position; there are rows · columns.", "same/FLOPs", (_FLOPS, "2 * conv.c_out * (conv.c_in // conv.groups) * conv.kernel**2")),
    ("outputs_forgotten", "count", "the output channels are left out.", "same/FLOPs", (_FLOPS, _FLOPS.replace("conv.c_out * ", ""))),
    ("inputs_forgotten", "count", "the input channels are left out: an output value sums over them too.", "same/FLOPs", (_FLOPS, _FLOPS.replace(" * (conv.c_in // conv.groups)", ""))),
    ("kernel_not_squared", "kernel", "the kernel is counted along one side only.", "same/FLOPs", (_FLOPS, _FLOPS.replace("**2", ""))),
    ("kernel_forgotten", "kernel", "the kernel is left out.", "same/FLOPs", (_FLOPS, _FLOPS.replace(" * conv.kernel**2", ""))),
    ("bias_added", "bias", "the bias is counted once more; it is in the 2 already: n products, n − 1 additions, and that of the bias.", "bias_and_norm/FLOPs", (_FLOPS, _FLOPS + " + rows * columns * conv.c_out * conv.bias")),
    ("norm_added", "bias", "batch norm is counted; it is folded into the convolution.", "bias_and_norm/FLOPs", (_FLOPS, _FLOPS + " + 2 * rows * columns * conv.c_out * conv.norm")),
    ("true_division", "map", "`/` gives positions that are not whole; use `//`.", "stride/FLOPs", (_MAP, _MAP.replace("//", "/"))),
    ("minus_one_first", "count", "n products have n − 1 additions and the bias one more; here 2 is counted for each weight, with or without it.", "same/FLOPs", (_FLOPS, "rows * columns * conv.c_out * (2 * (conv.c_in // conv.groups) * conv.kernel**2 - 1)")),
    ("torchs_names", "crash", "the fields of this `Conv` are c_in, c_out and kernel.", "same", (_REACH, "conv.dilation * (conv.kernel_size - 1) + 1")),
)  # fmt: skip

_ADD = "side += (conv.kernel - 1) * conv.dilation * step"
_STEP = "step *= conv.stride"
_FIELDS = (
    ("strides_left_out", "stride", "strides are left out: behind a stride of 2 one step on the map is two pixels of the input.", "stride_first/side", (_STEP, "pass")),
    ("stride_too_early", "stride", "a layer's own stride is used for its own kernel; it counts for the layers behind it.", "stride_first/side", (f"{_ADD}\n        {_STEP}", f"{_STEP}\n        {_ADD}")),
    ("own_stride_only", "stride", "only a layer's own stride is used; those of all layers before it multiply.", "stride_first/side", (_ADD, "side += (conv.kernel - 1) * conv.dilation * conv.stride"), (_STEP, "pass")),
    ("last_stride_only", "stride", "only the stride of the layer before is used; those of all layers before multiply.", "strides/side", (_STEP, "step = conv.stride")),
    ("strides_added", "stride", "strides are added; they multiply.", "strides/side", (_STEP, "step += conv.stride - 1")),
    ("side_times_stride", "stride", "the whole field is multiplied by the stride; only the steps behind it become longer.", "stride_first/side", (_ADD, "side += (conv.kernel - 1) * conv.dilation"), (_STEP, "side *= conv.stride")),
    ("dilation_left_out", "dilation", "the dilation is left out: the taps of a dilated kernel lie further apart.", "dilated/side", (_ADD, "side += (conv.kernel - 1) * step")),
    ("dilation_times_kernel", "dilation", "dilation · kernel − 1 in place of dilation · (kernel − 1): there is one gap less than taps.", "dilated/side", (_ADD, "side += (conv.kernel * conv.dilation - 1) * step")),
    ("dilation_added", "dilation", "the dilation is added to the width of a kernel; it multiplies the gaps between taps.", "dilated/side", (_ADD, "side += (conv.kernel - 1 + conv.dilation - 1) * step")),
    ("dilation_lasts", "dilation", "a dilation works on for later layers; only strides do.", "dilated/side", (_STEP, "step *= conv.stride * conv.dilation")),
    ("kernels_added", "kernel", "kernels are added in full; the second of two 3×3 layers adds two pixels, one on each side.", "three/side", (_ADD, "side += conv.kernel * conv.dilation * step")),
    ("kernels_multiplied", "kernel", "kernels are multiplied; two 3×3 layers see 5 pixels in a row, not 9, since their fields overlap.", "three/side", (_ADD, "side *= 1 + (conv.kernel - 1) * conv.dilation * step")),
    ("starts_at_zero", "kernel", "the field starts at 0; without any layer it is the one pixel itself.", "one/side", ("side, step = 1, 1", "side, step = 0, 1")),
    ("one_side_of_the_kernel", "kernel", "half a kernel is added; it reaches to both sides.", "one/side", (_ADD, "side += (conv.kernel // 2) * conv.dilation * step")),
    ("halves_twice", "kernel", "2 · (kernel // 2) in place of kernel − 1: an even kernel reaches further to one side.", "both/side", (_ADD, "side += 2 * (conv.kernel // 2) * conv.dilation * step")),
    ("largest_kernel", "kernel", "the largest kernel alone; fields grow from layer to layer.", "three/side", (_ADD, "side = max(side, (conv.kernel - 1) * conv.dilation * step + 1)")),
    ("last_layer_first", "order", "the layers are taken from the last one on with a rule for the other direction.", "strides/side", ("for conv in convs:", "for conv in reversed(convs):")),
    ("padding_subtracted", "kernel", "the padding is subtracted; it adds zeros at the border, and what is seen elsewhere stays.", "strides/side", (_ADD, "side += ((conv.kernel - 1) * conv.dilation - 2 * conv.padding) * step")),
    ("divided_by_stride", "stride", "you divide by the stride: the map gets smaller, so each of its values stands for more pixels.", "stride_first/side", (_STEP, "step /= conv.stride")),
    ("area", "count", "this is the area; the side is asked for.", "one/side", ("return side", "return side**2")),
    ("step_returned", "count", "this is the step of the last map, not its field.", "one/side", ("return side", "return step")),
    ("after_the_first", "order", "you return inside the loop, after the first layer.", "three/side", (_STEP, "return side")),
    ("first_layer_skipped", "order", "the first layer is left out.", "one/side", ("for conv in convs:", "for conv in convs[1:]:")),
    ("last_layer_skipped", "order", "the last layer is left out.", "one/side", ("for conv in convs:", "for conv in convs[:-1]:")),
)  # fmt: skip

REFERENCE = {"parameter_count": parameter_count, "flop_count": flop_count, "receptive_field": receptive_field}
SUSPECTS = {
    "parameter_count": _suspects(parameter_count, _PARAMETERS),
    "flop_count": _suspects(flop_count, _WORK),
    "receptive_field": _suspects(receptive_field, _FIELDS),
}
