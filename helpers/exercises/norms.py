"""Notebook 05: BatchNorm2d, LayerNorm, GroupNorm and RMSNorm against torch, and a quiz: which norm when.

The layers have ``gamma`` and, but for RMSNorm, ``beta``; BatchNorm2d also ``running_mean`` and ``running_var``.
"""

from __future__ import annotations

import functools

from helpers.judge.api import (
    Check,
    Exercise,
    Names,
    Probe,
    Quiz,
    all_of,
    matches,
    near,
)

from . import norms_probes as probes
from . import pairs
from .norms_probes import BATCH, GROUP, LAYER, REFUSED, RMS, VALUE_ERROR, Kind, plain, shared

CHOICES = ("batch", "frozen batch", "ghost batch", "layer", "group", "instance", "rms")
REASONS = {
    "N": "it brings every map of every image to one scale",
    "P": "the loss becomes smoother, which is settled",
    "Q": "fewer values stand behind each statistic, and what that adds is said to keep a net from fitting too well",
    "R": "its statistics come from one image alone, so a tiny batch costs it next to nothing",
    "S": "how long a text is, how it is padded and what else is in the batch change nothing for a word",
    "T": "it keeps the spatial layout, because it does not pool over H and W",
    "U": "the batch is large enough that plenty of values stand behind each mean, and of the norms compared it came out lowest",
    "V": "when the net serves, it costs nothing: it becomes part of the layer before it",
    "W": "what it has stored belongs to the weights, and a few images are too few to replace that",
    "X": "batch statistics do not exist for one image, however large its maps",
    "Y": "there is no other example, but one vector has many entries to average over",
    "Z": "one number fewer to compute, and an offset stays in",
}
SITUATIONS = {
    "a": "an image classifier, trained from scratch with 32 images on each GPU",
    "b": "a segmentation net, trained from scratch with 2 images on each GPU and nothing synchronised",
    "c": "a detector fine-tuned from a classifier that was trained with BN, 2 images on each GPU",
    "d": "style transfer: the contrast of the content image must not matter in any channel",
    "e": "a Transformer that translates sentences of different lengths; mean and scale of each token are to be removed",
    "f": "a large language model in which only the scale of each token is to be removed, as cheaply as possible",
    "g": "an MLP that learns from a stream, one example at a time; mean and scale of all its features together are to be removed",
    "h": "a BN net trained with 4,096 images on each device, which fits well and generalises worse than with 64",
    "i": "a convolutional net, trained from scratch with 256 images at a time, that then runs on phones, where each operation counts",
}


_ROOT = (matches("root/eps under the root", rtol=1e-3, atol=1e-3), all_of("root"))
_USED = (all_of("affine"), *_ROOT, all_of("slopes"))
_USED_HINTS = (
    "Look at what lies under the root, at what multiplies the result, and at what autograd cannot see.",
    "eps is added to the variance before the root is taken; gamma multiplies x̂, then beta is added; no detach, no .data.",
)


def _beyond(kind: Kind, shape: str) -> tuple[Check, ...]:
    """The further checks that all four layers have in common."""
    return (
        Check(
            "start",
            "start values, defaults and the order of the arguments",
            (all_of("start", "settings"),),
            "Published weights are loaded into a layer by name and shape, and run with the eps that its defaults say.",
            (
                "What does a layer know before it has seen anything?",
                "gamma starts at 1 and beta at 0, each an nn.Parameter; eps is the argument after the sizes, and 0 is a value like any other.",
                f"`self.gamma = nn.Parameter(torch.ones({shape}))`",
            ),
        ),
        Check(
            "values",
            "outputs and gradients in numbers, also where nearly all is equal",
            (all_of("gradients", "tiny", "far_out"),),
            "Dead units give sets of equal numbers; without eps in the right place their gradient is NaN or infinite.",
            (
                "What do value and gradient of √v do at v = 0?",
                "eps stands under the root, always, and is added: no max, no if, no clipping.",
                "`x_hat = centred / torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "saved",
            f"shapes, state_dict, and a new layer that loads it: every tensor of shape {shape}",
            (all_of("saved"),),
            "A checkpoint without one of its tensors evaluates like another layer.",
            (
                "Print `{k: v.shape for k, v in layer.state_dict().items()}`. What is missing, or of another shape than torch's?",
                "nn.Parameter for what is trained, register_buffer for what is remembered.",
                f"Make each of shape {shape}; broadcast in forward, not in __init__.",
            ),
        ),
        Check(
            "side_effects",
            "no side effects: input, earlier outputs, graph, copies, random numbers",
            (all_of("side_effects", "copies", "memory"),),
            "What keeps a graph makes memory grow with every step until the process dies.",
            (
                "What else than its result does forward leave behind?",
                "Never write into x, and keep no tensor with a graph on self.",
                "`x = x - mean` makes a new tensor; `x -= mean` changes the caller's.",
            ),
        ),
        Check(
            "precision",
            "float64, bfloat16" + (" and large means" if kind.centred else ""),
            (all_of("precision", "far") if kind.centred else all_of("precision"),),
            "Where the mean is 10,000 times the deviation E[x²] − E[x]² has no correct digit in float32."
            if kind.centred
            else "A check of gradients runs in float64; a layer that goes through float32 fails it.",
            (
                "Which subtraction takes one large number from another, and which call changes the dtype?",
                "Subtract the mean before squaring. Let dtypes follow x and the parameters."
                if kind.centred
                else "Let dtypes follow x and the parameters; where you go to float32 for 16 bits, leave float64 alone.",
                "`var = ((x - mean) ** 2).mean(...)`, and no .float()."
                if kind.centred
                else "no `.float()` for float64.",
            ),
        ),
        Check(
            "layout",
            "input that is not contiguous, and input with a NaN",
            (all_of("layout", "nan"),),
            "Transposed tensors reach a norm wherever channels come last; and a broken input has to show where it is.",
            (
                "Which of your calls needs the numbers side by side in memory?",
                "view does; reshape, mean and arithmetic do not. Leave NaN alone.",
                "`x.reshape(...)` in place of `x.view(...)`, and no nan_to_num.",
            ),
        ),
    )


batchnorm2d_exercise = Exercise(
    id="batchnorm2d",
    title="BatchNorm2d",
    module=__name__,
    builds="BatchNorm2d",
    names=Names(
        parameters=("gamma", "beta"),
        buffers=("running_mean", "running_var"),
        arguments=("eps", "momentum"),
        costs={"parameter": "gradients", "buffer": "memory", "argument": "memory", "mode": "memory"},
    ),
    probes=(
        plain("train", "a 4×3×2×3 batch, train mode", (4, 3, 2, 3), 3),
        plain("one_image", "a single 3×2×4 image, train mode", (1, 3, 2, 4), 3),
        Probe(
            "memory", "two 4×3×2×3 batches with momentum 0.3, then two images in eval mode", probes.memory_of_batches
        ),
        *shared(BATCH),
        Probe("update", "running statistics set by hand, momentum = 0.3, then a 3×4×2×2 batch", probes.update_parts),
        Probe("momentum", "a 3×4×2×2 batch with momentum not given, 0 and 1; four times", probes.momentum),
        Probe("switches", "train and eval mode in turn, with and without gradients", probes.switches),
        Probe("eval", "running statistics set by hand, then eval mode with gradients", probes.eval_parts),
        Probe("one_value", "one 1×1 image with 4 channels, in train and in eval mode", probes.one_value),
        Probe("sizes", "5×4×2×3, 2×3×1×1 and 3×1×2×2 batches", probes.sizes_of_images),
    ),
    checks=(
        Check(
            "train_mode",
            "1 · train mode: one mean and variance for each channel, over N, H and W, without calling a norm of torch",
            (matches("train/output"), matches("one_image/output"), all_of("own_work")),
            "A convolution uses one filter at every position, so all positions of a channel are the same feature.",
            (
                "Which of the four dimensions keeps its size in the mean? Only the one that names the feature.",
                "Average over three dimensions at once, and give the (C,) result two more dimensions before you subtract it.",
                "`mean = x.mean(dim=(0, 2, 3))` and `x - mean[:, None, None]`",
            ),
        ),
        Check(
            "memory",
            "2 · running statistics count N·H·W values, and eval mode uses them",
            (matches("memory/running_mean"), matches("memory/running_var"), matches("memory/eval output")),
            "With N in place of N·H·W the stored variance is too large, and most so for small batches.",
            (
                "How many numbers went into one channel's variance?",
                "n = N·H·W, and the stored variance is the unbiased one, var · n / (n − 1).",
                "`n = x.numel() // x.shape[1]`",
            ),
        ),
        Check(
            "gradients",
            "3 · gamma, beta and eps do their part, and the gradients fit the output",
            _USED,
            "γ and β have one number for each channel, and autograd sums their gradients over N, H and W.",
            (*_USED_HINTS, "`return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]`"),
        ),
    ),
    further=(
        *_beyond(BATCH, "(C,)"),
        Check(
            "update",
            "running statistics: how old and new are mixed, and the ends of momentum",
            (all_of("update", "momentum"),),
            "Detection code sets other momenta, and 0 is how statistics are frozen.",
            (
                "What do momentum = 0 and momentum = 1 mean?",
                "new = (1 − momentum) · old + momentum · batch value, from the first batch on.",
                "`self.running_mean += self.momentum * (mean - self.running_mean)`",
            ),
        ),
        Check(
            "modes",
            "the mode is self.training and nothing else",
            (all_of("switches"),),
            "Re-estimating statistics runs train mode under no_grad; attribution runs eval mode with gradients.",
            (
                "Two switches: recording gradients, and the mode of the layer. Which one do you look at?",
                "torch.is_grad_enabled(), x.requires_grad and a flag of your own say nothing about the mode.",
                "`if self.training:` alone decides.",
            ),
        ),
        Check(
            "eval_gradient",
            "eval mode: the formula with the buffers, gradients, and before any training",
            (all_of("eval"),),
            "Fine-tuning with frozen statistics takes gradients through eval mode.",
            (
                "Is eval mode the same as not recording gradients?",
                "No no_grad and no detach around the result in the eval branch; γ and β still learn there.",
                "`else: mean, var = self.running_mean, self.running_var`, and the same last lines for both modes.",
            ),
        ),
        Check(
            "one_value",
            "one value for each channel: ValueError in train mode, fine in eval mode",
            (all_of("one_value"),),
            "A 1×1 map and a last batch of one image leave n − 1 = 0; a NaN in a buffer ruins every later evaluation.",
            (
                "What is n − 1 when N·H·W is 1?",
                "Raise ValueError before anything is stored. Skipping the update is accepted too.",
                '`if n < 2: raise ValueError("...")` at the start of the train branch.',
            ),
        ),
        Check(
            "sizes",
            "other sizes: all different, two values for each channel, one channel",
            (all_of("sizes"),),
            "A wrong shape stops with an error while all sizes differ, and broadcasts in silence where two are equal.",
            (
                "Write down the shape of each tensor for N = 5, C = 4, H = 2, W = 3.",
                "A plain (C,) is lined up with W. Give it two more dimensions on the right.",
                "`mean[:, None, None]` has shape (C, 1, 1).",
            ),
        ),
    ),
)


layernorm_exercise = Exercise(
    id="layernorm",
    title="LayerNorm",
    module=__name__,
    builds="LayerNorm",
    names=Names(
        parameters=("gamma", "beta"),
        arguments=("eps",),
        costs={"parameter": "gradients", "argument": "gradients"},
    ),
    probes=(
        plain("tokens", "LayerNorm(6) on 4×5×6: 4 sentences of 5 tokens with 6 features", (4, 5, 6), 6),
        plain("image", "LayerNorm((3, 2, 4)) on two 3×2×4 images", (2, 3, 2, 4), (3, 2, 4)),
        Probe("modes", "three blocks in train mode, then one in both modes", functools.partial(probes.modes, LAYER)),
        *shared(LAYER),
        Probe(
            "sizes",
            "normalized_shape as a list, a torch.Size and a tuple of one; a single vector",
            probes.sizes_in_forms,
        ),
    ),
    checks=(
        Check(
            "numbers",
            "1 · the numbers of torch.nn.LayerNorm: one mean for each block of the last dimensions (for tokens: for each "
            "token), the same in both modes, without calling a norm of torch",
            (matches("tokens/output"), matches("image/output"), all_of("modes", "own_work")),
            "It asks nothing of the batch: one sentence alone gets the same output as in a batch of a thousand.",
            (
                "normalized_shape names the *last* dimensions. The mean is taken over these and over no other.",
                "For k sizes average over the dimensions −k … −1, with keepdim=True so that the result can be subtracted.",
                "`dims = tuple(range(-len(shape), 0))` and `x.mean(dim=dims, keepdim=True)`",
            ),
        ),
        Check(
            "gradients",
            "2 · gamma, beta and eps do their part, and the gradients fit the output",
            _USED,
            "γ and β have the shape normalized_shape: one number for each normalised element (for tokens: for each feature).",
            (*_USED_HINTS, "`self.gamma = nn.Parameter(torch.ones(shape))` … `return self.gamma * x_hat + self.beta`"),
        ),
    ),
    further=(
        *_beyond(LAYER, "normalized_shape"),
        Check(
            "sizes",
            "normalized_shape as a list, a torch.Size or a tuple of one, and a single vector",
            (all_of("sizes"),),
            "Configuration files give lists, and x.shape[1:] gives a torch.Size.",
            (
                "Which kinds of arguments does your constructor tell apart?",
                "Only an int is special. Everything else can be made a tuple.",
                "`shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)`",
            ),
        ),
    ),
)


groupnorm_exercise = Exercise(
    id="groupnorm",
    title="GroupNorm",
    module=__name__,
    builds="GroupNorm",
    names=Names(
        parameters=("gamma", "beta"),
        arguments=("eps",),
        example=(2, 4),
        costs={"parameter": "gradients", "argument": "gradients"},
    ),
    probes=(
        plain("groups", "GroupNorm(2, 6) on three images of 6 channels, 2×3", (3, 6, 2, 3), 2, 6),
        Probe(
            "special",
            "four channels in G = 1 and in G = 4 groups on images; and 6 channels in 4 groups",
            probes.special_groups,
        ),
        Probe("ranks", "3 groups of 6 channels on a 5×6 batch without H and W, and on 2×6×4", probes.ranks_of_groups),
        *shared(GROUP),
        Probe("modes", "three blocks in train mode, then one in both modes", functools.partial(probes.modes, GROUP)),
    ),
    checks=(
        Check(
            "groups",
            "1 · the numbers of torch.nn.GroupNorm: one mean for each example and group, without calling a norm of torch",
            (matches("groups/output"), all_of("own_work")),
            "A group pools its channels and all positions; to leave out one of the two makes another norm.",
            (
                "An example's C·H·W values fall into G equal parts, and each part has one mean and one variance.",
                "Neighbouring channels form a group, so a reshape to (N, G, everything else) puts each group in one row.",
                "`groups = x.reshape(x.shape[0], self.num_groups, -1)`, then average over dim=2",
            ),
        ),
        Check(
            "special",
            "2 · special cases: G = 1, G = C, input without H and W, ValueError where C is no multiple of G",
            (
                near(f"special/{REFUSED}", 1.0, 0.0),
                near(f"special/{VALUE_ERROR}", 1.0, 0.0),
                all_of("special", "ranks"),
            ),
            "G = 1 has layer norm's statistics, over (C, H, W); G = C is instance norm.",
            (
                "The same code should serve every G and every number of dimensions. What must hold between C and G?",
                "Do not unpack x.shape into four names: reshape with −1; give gamma as many 1s as x has dimensions after C. "
                "In __init__ compare num_channels % num_groups with 0.",
                "`if num_channels % num_groups: raise ValueError(...)`; `self.gamma.view(-1, *[1] * (x.ndim - 2))`",
            ),
        ),
        Check(
            "gradients",
            "3 · gamma, beta and eps do their part, and the gradients fit the output",
            _USED,
            "γ and β belong to channels even where statistics belong to groups.",
            (*_USED_HINTS, "`per_channel = (-1,) + (1,) * (x.ndim - 2)` and `self.gamma.view(per_channel) * x_hat`"),
        ),
    ),
    further=(
        *_beyond(GROUP, "(C,)"),
        Check(
            "modes",
            "the same in both modes, and alone as in a batch",
            (all_of("modes"),),
            "That the batch does not matter is the reason to use it.",
            (
                "What does your layer remember, or take from the other examples?",
                "Nothing is to be remembered, and no mean runs over N.",
                "`groups.mean(dim=2, keepdim=True)`, whatever self.training is.",
            ),
        ),
    ),
)


rmsnorm_exercise = Exercise(
    id="rmsnorm",
    title="RMSNorm",
    module=__name__,
    builds="RMSNorm",
    names=Names(
        parameters=("gamma",),
        arguments=("eps",),
        costs={"parameter": "numbers", "argument": "default_eps"},
    ),
    probes=(
        plain("tokens", "RMSNorm(6, eps=1e-5) on 4×5×6, mean 2, std 3", (4, 5, 6), 6, eps=1e-5),
        plain("image", "RMSNorm((2, 4), eps=1e-5) on 2×3×2×4", (2, 3, 2, 4), (2, 4), eps=1e-5),
        Probe(
            "tiny_numbers",
            "RMSNorm(6) without eps: numbers ±0.0002 and ±0.0004 in float32, far smaller ones in float64, ±0.01 and ±0.02 in "
            "bfloat16 and float16, and zeros; then with eps = 0",
            probes.default_eps,
        ),
        *shared(RMS),
        Probe("modes", "three blocks in train mode, then one in both modes", functools.partial(probes.modes, RMS)),
        Probe(
            "sizes",
            "normalized_shape as a list, a torch.Size and a tuple of one; a single vector",
            probes.sizes_in_forms,
        ),
    ),
    checks=(
        Check(
            "numbers",
            "1 · output and gradients: one mean square for each block of the last dimensions (for tokens: for each token), "
            "without calling a norm of torch",
            (matches("tokens/output"), matches("image/output"), all_of("affine", "slopes", "own_work")),
            "Large language models use it in every block: a layer that is nearly right loads their weights and answers nonsense.",
            (
                "The name is the recipe, read from right to left: square, mean, root.",
                "Average x² over the last dimensions with keepdim=True. No mean is subtracted, and there is no beta.",
                "`x / torch.sqrt((x**2).mean(dim=self.dims, keepdim=True) + eps)`, times gamma",
            ),
        ),
        Check(
            "default_eps",
            "2 · eps is added under the root; None means the machine epsilon of the dtype in which torch computes; "
            "gamma is all there is to learn",
            (
                *_ROOT,
                all_of("tiny_numbers"),
                near("start/learnable numbers besides gamma", 0.0, 0.0),
            ),
            "The defaults differ: 1e-5 in nn.LayerNorm, about 1.2e-7 here for float32. Published models state their own.",
            (
                "What does your layer do when nobody gives it an eps? And when it is 0?",
                "torch.finfo(dtype).eps is the machine epsilon: float64's for float64 input, float32's for all others. "
                "The dtype is known only in forward.",
                "`dtype = torch.float64 if x.dtype == torch.float64 else torch.float32` and `torch.finfo(dtype).eps`, "
                "if self.eps is None",
            ),
        ),
    ),
    further=(
        *_beyond(RMS, "normalized_shape"),
        Check(
            "sizes",
            "normalized_shape in every form, a single vector, and the same in both modes",
            (all_of("sizes", "modes"),),
            "Configuration files give lists, and x.shape[1:] gives a torch.Size.",
            (
                "Which kinds of arguments does your constructor tell apart?",
                "Only an int is special. Everything else can be made a tuple.",
                "`shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)`",
            ),
        ),
    ),
)


_PARTS = {"norm": {norm: norm for norm in CHOICES}, "reason": {key: f"{key} · {text}" for key, text in REASONS.items()}}
_ON_IMAGES, _ELSEWHERE = "abcd", "efghi"

which_norm_exercise = Quiz(
    id="which_norm",
    title="Which norm when",
    module=__name__,
    builds="which_norm",
    probes=(pairs.probe(_PARTS, tuple(SITUATIONS), '("rms", "P")'),),
    checks=(
        Check(
            "images",
            "1 · convolutional nets: a, b, c, d",
            (pairs.all_right(_PARTS, *_ON_IMAGES),),
            hints=(
                "Ask first: whose values would share one mean, and from how many images do they come?",
                "a and b: read Wu & He's table at 32 and at 2. c: what do the pretrained weights expect? d: per image, per channel.",
                "The norms are batch, frozen batch, group and instance: here in the order of the alphabet.",
            ),
        ),
        Check(
            "elsewhere",
            "2 · tokens, streams, large batches, phones: e, f, g, h, i",
            (pairs.all_right(_PARTS, *_ELSEWHERE),),
            hints=(
                "e, f and g have no use for other examples. h and i have examples in abundance.",
                "e and f differ in one thing: is a mean subtracted? h wants more noise in its statistics, not less. "
                "i: what can be worked out before the first input?",
                "The norms are batch, ghost batch, layer (twice) and rms: here in the order of the alphabet.",
            ),
        ),
    ),
    questions=tuple(
        pairs.question(_PARTS, s, "images" if s in _ON_IMAGES else "elsewhere", text) for s, text in SITUATIONS.items()
    ),
)
