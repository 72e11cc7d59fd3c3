# %% [markdown] builds="BatchNorm2d, LayerNorm, GroupNorm, RMSNorm"
# # 05 · Layer, group, instance and RMS norm
#
# After this notebook you can
# - name, for each norm, the elements that share one mean and variance,
# - write `BatchNorm2d`, `LayerNorm`, `GroupNorm` and `RMSNorm` so that they agree with torch to rounding,
# - say when batch norm suffers from a small batch, and when it does not,
# - choose a norm for a situation, and give the reason.

# %% setup="setup"
import helpers

# %% [markdown]
# ## 1 · One formula, different sets
#
# All but one of these norms compute the same thing:
#
# $$\hat x_i = \frac{x_i - \mu_i}{\sqrt{\sigma_i^2 + \epsilon}}, \qquad
#   \mu_i = \frac1n \sum_{k \in S_i} x_k, \qquad
#   \sigma_i^2 = \frac1n \sum_{k \in S_i} (x_k - \mu_i)^2, \qquad y_i = \gamma\,\hat x_i + \beta$$
#
# What differs is the set $S_i$: which $n$ elements share their mean and variance with element $i$ (Wu & He 2018, §3). A batch of
# images is a block of N × C × H × W numbers: examples, channels, height, width.
#
# | norm | the mean runs over | so $n$ is | there is one mean for each |
# |---|---|---|---|
# | batch (BN), in train mode | N, H, W | N·H·W | channel |
# | layer (LN), as in the group norm paper | C, H, W | C·H·W | example |
# | layer (LN), as in Transformers | C | C | example and position |
# | instance (IN) | H, W | H·W | example and channel |
# | group (GN), G groups | C/G channels, H, W | (C/G)·H·W | example and group |
# | RMS, as in Transformers | C | C | example and position, and it is a mean *square* |
#
# *Predict first:* a block of 4 × 6 × 3 × 4 = 288 elements. Choose a cell. How many elements share its statistics under each
# norm? In GN with G = 2?

# %%
from helpers.widgets.axis_viewer import axis_viewer

axis_viewer()

# %% [markdown]
# Try GN with G = 1 and with G = 6: which other norm lights up the same elements? Then move the cell to another example. Only under
# BN is the coloured set the same as before: BN alone lets examples see each other.
#
# ### Which dims?
#
# *Exercise, easy, 5 minutes.* In code the set is the `dim` of a mean. Give it for each norm. The block is N×C×H×W: its
# dimensions are 0, 1, 2, 3. For `"group"` it was reshaped to N×G×(C/G)×H×W, so that the groups have a dimension of their own.
# `"layer, images"` is the layer norm of the group norm paper, `"layer, tokens"` that of Transformers, with every position of the image
# as a token; so is `"rms, tokens"`. With `"batch"` and `"instance"` these are the six keys.

# %% solution="statistics_dims"
from helpers.exercises.answers.dims import statistics_dims

# %%
from helpers.exercises.dims import statistics_dims_exercise

statistics_dims_exercise.check(statistics_dims)

# %%
# statistics_dims_exercise.hint(statistics_dims)
# statistics_dims_exercise.solution(statistics_dims)

# %% grade="statistics_dims" points=1

# %% [markdown]
# ## 2 · BatchNorm2d
#
# A convolution uses one filter at every position. So all positions of a channel are the same feature, and the paper gives them
# one mean, one variance, one γ and one β: the effective batch size is $m' = m \cdot p \cdot q$ for maps of $p \times q$ (Ioffe &
# Szegedy 2015, §3.2). With N for $m$ and H, W for $p$, $q$:
#
# | paper | code |
# |---|---|
# | $m' = m\,p\,q$ | `n = x.numel() // x.shape[1]` |
# | $\mu_B = \frac{1}{m'}\sum x$ | `mean = x.mean(dim=(0, 2, 3))`, shape (C,) |
# | $x - \mu_B$ | `x - mean[:, None, None]` |
# | $\frac{m'}{m'-1}\sigma_B^2$ into the running variance | `var * n / (n - 1)` |
#
# `mean[:, None, None]` has shape (C, 1, 1). Broadcasting lines shapes up from the *right*: a plain (C,) would be taken for W. Where C
# happens to equal W, no error tells you.
#
# *Predict first:* one single image, train mode. "BN is undefined for batch size 1". True?

# %%
import torch
from torch import nn

torch.manual_seed(0)
image = torch.randn(1, 3, 4, 4)
same = torch.allclose(nn.BatchNorm2d(3)(image), nn.InstanceNorm2d(3)(image), atol=1e-6)
print("one 4×4 image: the same as instance norm?", same)
try:
    nn.BatchNorm2d(3)(image[:, :, :1, :1])
except ValueError as error:
    print("one 1×1 image:", error)

# %% [markdown]
# Only N·H·W = 1 leaves no variance. With N = 1 BN *is* instance norm in train mode; in eval mode it uses other statistics, and that
# is a reason not to train it so.
#
# ### Build it
#
# *Exercise, easy after notebook 02, 6 minutes.* γ, β and the two buffers have shape (C,), as in torch. (torch's layer
# also counts its batches, in a buffer `num_batches_tracked`; yours need not.) This is your own work: in none of the four layers
# call a norm of torch, `nn.BatchNorm2d`, `nn.LayerNorm`, … or `F.batch_norm`, `F.layer_norm`, `F.group_norm`, `F.rms_norm`.

# %% solution="BatchNorm2d"
from helpers.exercises.answers.norms import BatchNorm2d

# %%
from helpers.exercises.norms import batchnorm2d_exercise

batchnorm2d_exercise.check(BatchNorm2d)

# %%
# batchnorm2d_exercise.hint(BatchNorm2d)
# batchnorm2d_exercise.solution(BatchNorm2d)
# batchnorm2d_exercise.beyond.check(BatchNorm2d)

# %% grade="batchnorm2d" points=1

# %% [markdown]
# ## 3 · LayerNorm
#
# Layer norm (Ba et al. 2016) takes the mean within one example, over its features. It needs no running statistics and no modes:
# the same computation serves training and use. In `nn.LayerNorm(normalized_shape)` the argument names the sizes of the
# *last* dimensions; the mean runs over these, and γ and β have that shape.
#
# | formula | code |
# |---|---|
# | $S_i$: the last $k$ dimensions | `dims = tuple(range(-k, 0))` |
# | $\mu_i$ | `mean = x.mean(dim=dims, keepdim=True)` |
# | $\gamma\,\hat x + \beta$ | `gamma * x_hat + beta`, both of shape `normalized_shape` |
#
# `keepdim=True` keeps the averaged dimensions with size 1, so that `x - mean` lines up.
#
# **"LayerNorm" of an image has two meanings.** In the group norm paper it is one mean over (C, H, W) for each image. In ConvNeXt (Liu
# et al. 2022) it is one mean over C for each position, as for the tokens of a Transformer.
#
# *Predict first:* in which of the two does a bright spot in one corner change the output in the opposite corner?

# %%
x = torch.randn(1, 6, 4, 4)
bright = x.clone()
bright[:, :, 0, 0] += 10 * torch.randn(6)
for name, norm in {
    "over (C, H, W)": lambda x: nn.functional.layer_norm(x, (6, 4, 4)),
    "over C, each position": lambda x: nn.functional.layer_norm(x.movedim(1, -1), (6,)).movedim(-1, 1),
}.items():
    change = (norm(bright) - norm(x))[:, :, 3, 3].abs().max().item()
    print(f"LN {name:<22} changed in the opposite corner? {'yes' if change > 1e-6 else 'no'}")

# %% [markdown]
# So ask "over which dimensions?" whenever you read "LayerNorm" in a paper on images.
#
# ### Build it
#
# *Exercise, easy, 5 minutes.* One mean for each block of the last dimensions: for tokens, one for each token. γ and β have
# shape `normalized_shape`, which may be an int, a tuple, a list or a `torch.Size`. No norm of torch is called.

# %% solution="LayerNorm"
from helpers.exercises.answers.norms import LayerNorm

# %%
from helpers.exercises.norms import layernorm_exercise

layernorm_exercise.check(LayerNorm)

# %%
# layernorm_exercise.hint(LayerNorm)
# layernorm_exercise.solution(LayerNorm)
# layernorm_exercise.beyond.check(LayerNorm)

# %% grade="layernorm" points=1

# %% [markdown]
# ## 4 · GroupNorm, and instance norm as its end point
#
# Group norm (Wu & He 2018) splits the C channels into G groups of neighbours. Each example and group has one mean, over the C/G
# channels *and* all positions together. A popular list of interview answers says "per spatial location"; that is wrong.
#
# | formula | code |
# |---|---|
# | $S_i$: one example, one group, all H, W | `groups = x.reshape(N, G, -1)` |
# | $\mu_i$ | `mean = groups.mean(dim=2, keepdim=True)` |
# | γ, β for each *channel* | `gamma.view(-1, 1, 1)` for images, `gamma.view(-1, *[1] * (x.ndim - 2))` for any input |
#
# *Predict first:* which G gives layer norm over (C, H, W)? Which gives instance norm? Are these then the same *layers*?

# %%
x = torch.randn(5, 6, 4, 4)
layer, instance = nn.LayerNorm((6, 4, 4)), nn.InstanceNorm2d(6, affine=True)
one_group, all_groups = nn.GroupNorm(1, 6), nn.GroupNorm(6, 6)
print("G = 1: output of layer norm?   ", torch.allclose(one_group(x), layer(x), atol=1e-5))
print("G = C: output of instance norm?", torch.allclose(all_groups(x), instance(x), atol=1e-5))
for name, norm in {"GN": one_group, "LN": layer, "IN": instance}.items():
    print(f"{name}: shape of gamma {tuple(norm.weight.shape)}")

# %% [markdown]
# Same statistics, and before training the same output. GN with G = 1 is not quite LN as a layer, though: LN over (C, H, W) has a γ
# for each position, GN one for each channel. With G = C nothing differs: instance norm (Ulyanov et al. 2016) is
#
# ```python
# class InstanceNorm2d(GroupNorm):
#     def __init__(self, num_features, eps=1e-5):
#         super().__init__(num_groups=num_features, num_channels=num_features, eps=eps)
# ```
#
# ### Build it
#
# *Exercise, medium, 7 minutes.* C must be a multiple of G: refuse everything else with a `ValueError`. Your layer also
# takes (N, C) and (N, C, L) input. γ and β have shape (C,). No norm of torch is called.

# %% solution="GroupNorm"
from helpers.exercises.answers.norms import GroupNorm

# %%
from helpers.exercises.norms import groupnorm_exercise

groupnorm_exercise.check(GroupNorm)

# %%
# groupnorm_exercise.hint(GroupNorm)
# groupnorm_exercise.solution(GroupNorm)
# groupnorm_exercise.beyond.check(GroupNorm)

# %% grade="groupnorm" points=1

# %% [markdown]
# ## 5 · RMSNorm
#
# RMSNorm (Zhang & Sennrich 2019) divides by the root mean square and subtracts nothing:
#
# | formula | code |
# |---|---|
# | $\mathrm{ms}(x) = \frac1n \sum_{k \in S_i} x_k^2$ | `mean_square = (x**2).mean(dim=dims, keepdim=True)` |
# | $y = \gamma\, x / \sqrt{\mathrm{ms}(x) + \epsilon}$ | `gamma * (x / torch.sqrt(mean_square + eps))` |
#
# No β. The authors report 7 % to 64 % less running time than layer norm, depending on the model. Many large language models use it
# (LLaMA, for one), so "LN is in all modern Transformers" is out of date. There are Transformers without any norm: DyT (Zhu et al.
# 2025) puts $\gamma \tanh(\alpha x) + \beta$ in its place.
#
# *Predict first:* for which inputs do LN and RMSNorm give the same output?

# %%
x = torch.randn(4, 6) + 2
layer, rms = nn.LayerNorm(6, eps=1e-6), nn.RMSNorm(6, eps=1e-6)
centred = x - x.mean(dim=1, keepdim=True)
for name, rows in {"mean about 2": x, "mean 0 in each row": centred}.items():
    print(f"{name:<19} LN and RMSNorm agree?", torch.allclose(layer(rows), rms(rows), atol=1e-5))

# %% [markdown]
# ### Build it
#
# *Exercise, easy, 5 minutes.* `eps=None` means the machine epsilon of the dtype in which torch computes: float32's for
# float16, bfloat16 and float32 input, float64's for float64. (Language models square in float32 and cast back, because a small
# mean square and eps have few digits in 16 bits.) `eps=0.0` means 0. No norm of torch is called.

# %% solution="RMSNorm"
from helpers.exercises.answers.norms import RMSNorm

# %%
from helpers.exercises.norms import rmsnorm_exercise

rmsnorm_exercise.check(RMSNorm)

# %%
# rmsnorm_exercise.hint(RMSNorm)
# rmsnorm_exercise.solution(RMSNorm)
# rmsnorm_exercise.beyond.check(RMSNorm)

# %% grade="rmsnorm" points=1

# %% [markdown]
# ## 6 · What each norm forgets
#
# A norm throws something away: whatever is the same for the whole set $S_i$. That is the best guide to a choice. Does your task
# need it?
#
# *Predict first:* each row below changes a block of four images. After which changes is the output of BN the same as before? Of
# IN?

# %%
from helpers.experiments import batch_size as lab
from helpers.lab.tables import spread, table

layers = {
    "BN": nn.BatchNorm2d(8),
    "IN": nn.InstanceNorm2d(8),
    "GN, G = 2": nn.GroupNorm(2, 8),
    "LN, C H W": nn.GroupNorm(1, 8),
    "LN, C": lab.OverChannels(nn.LayerNorm(8)),
    "RMS, C": lab.OverChannels(nn.RMSNorm(8)),
}
columns = [lab.forgotten(layer) for layer in layers.values()]
rows = zip(lab.CHANGES, *columns, strict=True)
table(["same output after", *layers], [[name, *("yes" if same else "no" for same in found)] for name, *found in rows])

# %% [markdown]
# "Yes" means: the net above this layer cannot see the change.
#
# - BN keeps the contrast of one image, compared with the others of its batch. IN forgets it, channel by channel. Style transfer
#   wants just that (Ulyanov et al. 2016); a classifier that must tell dark from bright would not.
# - GN and LN forget the contrast of the image, and keep that between their channels. They do not keep "spatial information" better
#   than BN, as one popular answer says: all of them pool H and W. Only the norms over C alone do not, and these
#   forget how strong one position is against another.
# - RMSNorm keeps an offset.

# %% [markdown]
# ## 7 · Error against batch size
#
# Wu & He (2018) trained ResNet-50 on ImageNet on 8 GPUs. Each GPU computes BN's statistics from its own images. Validation error
# in % (their Tables 1 and 2):
#
# | images per GPU | 32 | 16 | 8 | 4 | 2 |
# |---|---|---|---|---|---|
# | BN | 23.6 | 23.7 | 24.8 | 27.3 | 34.7 |
# | GN, G = 32 | 24.1 | 24.2 | 24.0 | 24.2 | 24.1 |
# | LN over (C, H, W) | 25.3 | | | | |
# | IN | 28.4 | | | | |
#
# Two lessons: with few images per GPU BN gets worse and GN does not; with 32 BN is the best of the four. GN has the *lower* training
# error even there; the authors suggest that BN's noisy statistics regularise, and GN gives that up (§4.1).
#
# Now our small version: 800 digits for training, 500 held out, 3 epochs, seeds 0 to 2. Learning rate 0.05 · N/32 (their rule: in
# proportion to the batch), momentum 0.9, cosine schedule. Two kinds of nets: an MLP with three hidden layers, and small
# convolutional nets that halve the 8×8 image until the last maps are 2×2 or 1×1. GN has 8 groups.
#
# *Predict first:* how many values share one mean in the *last* norm of each net, at batch size 2? Where will BN fail?

# %%
nets = {"MLP": lab.mlp, "CNN, 1×1 maps": lambda norm: lab.cnn(norm, 1), "CNN, 2×2 maps": lab.cnn}
table(
    ["values behind each mean", *(f"N = {size}" for size in lab.SIZES)],
    [[name, *(lab.smallest_count(net("batch"), size) for size in lab.SIZES)] for name, net in nets.items()],
)

# %%
from helpers.lab.data import digits
from helpers.lab.figures import show

split = digits(torch.float64)
in_mlp = lab.errors(nets["MLP"], split)
in_cnn = lab.errors(nets["CNN, 2×2 maps"], split)
in_small_maps = lab.errors(nets["CNN, 1×1 maps"], split, norms=["batch"])
show(
    lab.error_figure({"MLP": in_mlp, "CNN, 2×2 maps (dashed: 1×1 maps)": in_cnn}, in_small_maps["batch"]),
    "Two charts of held-out error against batch size for batch, layer and group norm: MLP, and CNN with 2×2 maps. "
    "The second also has batch norm in a CNN with 1×1 maps.",
)

# %% [markdown]
# Held-out error in %, median and range of the three seeds. (Batch norm with two values is chaotic: on your machine its numbers
# may differ by several points.)

# %% tags=["nbval-ignore-output"]
found = {"MLP": in_mlp, "CNN, 1×1 maps": in_small_maps, "CNN, 2×2 maps": in_cnn}
table(
    ["", *(f"N = {size}" for size in lab.SIZES)],
    [
        [f"{net}, {norm}", *(spread([run[i] for run in runs], 1) for i in range(len(lab.SIZES)))]
        for net, by_norm in found.items()
        for norm, runs in by_norm.items()
    ],
)

# %% [markdown]
# - MLP: BN fails at N = 2 and is worse than the others at 4. At 8 and 32 it has the lowest median of the three.
# - CNN with 2×2 maps: BN does *not* fail, even at N = 2, and is as good as LN and GN. There 8 values share a mean.
# - CNN with 1×1 maps: convolutions, and BN fails at N = 2 all the same. So it is not the convolution that helps: it is the count,
#   N·H·W.
#
# With two values the normalised ones are about +1 and −1, however far apart the two are (Algorithm 1 with $m = 2$). Which is the
# larger is all that is left. In eval mode the distance suddenly counts, and the net has never learned with it.
#
# GN and LN do not look at the batch, so the batch size enters only through the training: at N = 32 three epochs are 75 steps, at
# N = 2 they are 1,200. Their error is not constant either. Where ranges overlap, three seeds do not tell two norms apart.
#
# ### Does this explain ImageNet?
#
# No. In ResNet-50 the last maps of a 224×224 image are 7×7. With 2 images per GPU each mean has at least 2 · 49 = 98 values, more than in
# most of our cells; and yet BN loses 11 points there. Our toy shows that the count *can* decide. It does not show that the count is
# all: a thousand classes, a hundred epochs and fifty layers are other things than ten digits.
#
# One reason why counts mislead is that the values of one map are not independent. The mean of $n$ independent values has variance
# $\sigma^2/n$. Turn it round, and $\sigma^2/\mathrm{Var}(\text{mean of one map})$ says how many independent values a map is *worth*.
#
# *Predict first:* a map of 8×8 = 64 noise pixels is worth 64. What are 4×4 noise pixels worth, each repeated to make 8×8? And the
# digits?

# %%
random = torch.Generator().manual_seed(0)
coarse = torch.randn(2000, 1, 4, 4, generator=random)
maps = {
    "noise": torch.randn(2000, 1, 8, 8, generator=random),
    "noise, each pixel four times": coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3),
    "noise, another brightness each": torch.randn(2000, 1, 8, 8, generator=random)
    + torch.randn(2000, 1, 1, 1, generator=random),
    "digits": split.X_train.view(-1, 1, 8, 8),
}
for name, values in maps.items():
    print(f"{name:<31} 64 values, worth about {lab.worth(values):.0f}")

# %% [markdown]
# It goes both ways. Repeated pixels count once. If images differ as much in brightness as pixels do, a map is worth about two values,
# and a larger map hardly more: only more *images* help. The digits are worth more than 64: their border is always dark and their middle bright, so
# every image already holds a fair share of each. ImageNet's photographs differ in brightness, colour and scale; that may be
# part of the answer; this notebook does not measure it.
#
# Remedies that keep BN: statistics over all GPUs (synchronised BN, notebook 08), frozen statistics when fine-tuning (notebook
# 04), batch renormalisation (Ioffe 2017). At 4 images per GPU Wu & He report 27.3 for BN, 26.3 for batch renormalisation, 24.2
# for GN. *Ghost* BN (Hoffer et al. 2017) is sometimes named as a remedy too, and is the reverse: it cuts a large batch into small
# ones, to get *more* noise.

# %% [markdown]
# ## 8 · Which norm when
#
# *Exercise, medium, 7 minutes.* For each situation choose a norm and the reason that decides. A norm or a reason may be right more
# than once, or never; some reasons are false. Take the answers from the tables above, where they have one.
#
# - `"frozen batch"`: BN with fixed running statistics and fixed γ, β.
# - `"ghost batch"`: BN over small parts of the batch.

# %%
from helpers.exercises.norms import CHOICES, REASONS, SITUATIONS

print("Situations\n" + "\n".join(f"  {letter}  {text}" for letter, text in SITUATIONS.items()))
print("\nReasons\n" + "\n".join(f"  {letter}  {text}" for letter, text in REASONS.items()))
print("\nNorms: " + ", ".join(CHOICES))

# %% solution="which_norm"
from helpers.exercises.answers.norms import which_norm

# %%
from helpers.exercises.norms import which_norm_exercise

which_norm_exercise.check(which_norm)

# %%
# which_norm_exercise.hint(which_norm)
# which_norm_exercise.solution(which_norm)

# %% grade="which_norm" points=1

# %% [markdown]
# The defaults of real projects do not always follow such a table. Detectron2's detectors fine-tune with *frozen* BN by default; GN is an
# option there, though some lists say it is the standard.
#
# ## What would change my mind
#
# - *Is BN's trouble with small batches only noise in the statistics?* Section 7 separates count from convolution, not noise from
#   the gap between train and eval mode. If a net trained at N = 2 were good once its statistics are re-estimated (notebook 04),
#   it would be the gap. Notebook 04 tried it on batches of 2: it was not.
# - *Does the count N·H·W decide?* In our nets it does; in Wu & He's it does not by itself. An ImageNet net that keeps its error with
#   2 images per GPU, just because its maps are larger, would speak for the count.
# - *Is LN better than BN for Transformers because of sequence lengths?* That is the usual reason, and it is enough to prefer LN. Whether
#   it explains the gap in accuracy is open. RMSNorm, and DyT without statistics, show at least that the mean is not always needed.
#
# ## Recap
#
# 1. All these norms share a formula; the set that is averaged over makes the difference. RMSNorm leaves out the mean.
# 2. BN is the only one in which examples see each other, and by default the only one with running statistics and two modes.
# 3. GN: G = 1 has LN's statistics, over (C, H, W); G = C is IN. "LN" on images has two meanings: ask for the dimensions.
# 4. BN suffers when few values share a mean: count N·H·W, and remember that values in one image are not independent.
# 5. A norm forgets what its set has in common. Choose the one that forgets what your task does not need.
#
# This is the last notebook so far. The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
