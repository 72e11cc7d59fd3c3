# %% [markdown] builds="BatchNorm2d, LayerNorm, GroupNorm, RMSNorm"
# # 05 · Layer, group, instance and RMS norm
#
# ## Two images at a time
#
# An MLP with three hidden layers learns 800 digits of 8×8 pixels. Each batch is drawn at random from the 800, until 2,400 images
# have been drawn. One thing differs between two nets: between the linear map and the ReLU of each hidden layer stands
# `nn.BatchNorm1d` or `nn.GroupNorm`, a norm that you build below. Left, 32 images in a batch; right, 2, with a learning rate in
# proportion. One run of each; section 7 has ten seeds. The picture takes about 8 s, most of it to load torch.

# %% setup="setup"
import helpers

# %%
from helpers.experiments import batch_size

batch_size.opening()

# %% [markdown]
# With 32 images both nets learn. With 2, the net with batch norm stays bad to the end; the other ends about where it did with 32.
#
# Is it the *two*? Would a convolutional net fail too? What can stand in the place of batch norm, and what does it give up? The
# way to an answer begins with one question, asked of each norm: *which numbers share one mean?*
#
# After this notebook you can
# - name, for each norm, the elements that share one mean and variance,
# - write `BatchNorm2d`, `LayerNorm`, `GroupNorm` and `RMSNorm` so that they agree with torch to rounding,
# - say when batch norm suffers from a small batch, and when it does not,
# - choose a norm for a situation, and give the reason.
#
# ## 1 · One formula, different sets
#
# A batch of images is a block of N × C × H × W numbers: N examples, C channels, height, width. The H × W numbers of one channel of
# one example are a *map*. Each of its H·W places is a *position*. Of the norms in the table below, all but RMSNorm compute
# the same thing:
#
# $$\hat x_i = \frac{x_i - \mu_i}{\sqrt{\sigma_i^2 + \epsilon}}, \qquad
#   \mu_i = \frac1n \sum_{k \in S_i} x_k, \qquad
#   \sigma_i^2 = \frac1n \sum_{k \in S_i} (x_k - \mu_i)^2, \qquad y_i = \gamma\,\hat x_i + \beta$$
#
# What differs is the set $S_i$: which $n$ elements share their mean and variance with element $i$ (Wu & He 2018, §3).
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
# A Transformer reads *tokens*: words, or pieces of words. Its block is N sentences × tokens × C features; the place of a token
# in its sentence is what a position is in an image.
#
# *Predict first:* a block of 4 × 6 × 3 × 4 = 288 elements. Choose a cell. How many elements share its statistics under each
# norm? In GN with G = 2? Then move the cell to another example. Under which norm does the coloured set stay where it is?
#
# Keyboard: Tab goes from one control to the next. In a slider type the number, or use PageUp and PageDown; in JupyterLab the
# arrow keys work too.

# %%
from helpers.widgets.axis_viewer import axis_viewer

axis_viewer()

# %% [markdown]
# <details><summary>Answers</summary>
#
# BN 48, LN 72 or 6, IN 12, GN 36, RMS 6. GN with G = 1 lights up what LN over C, H, W does; with G = 6 what IN does. When the cell
# moves to another example, only BN's set stays: BN alone lets examples see each other.
#
# </details>
#
# ### By hand
#
# N = 2 examples, C = 2 channels, one row of two positions:
#
# | | channel 0 | channel 1 |
# |---|---|---|
# | example 0 | **1**, 3 | 5, 7 |
# | example 1 | 3, 5 | 9, 11 |
#
# *Predict first, with a pencil:* the first number, **1**: which numbers are in its set under BN, LN, IN? What are mean and variance,
# and what becomes of the 1? Which numbers of the block play no part for it, whatever the norm?

# %%
from helpers.experiments import norm_tables

norm_tables.by_hand()

# %% [markdown]
# 9 and 11 never count: under BN they are another channel, under all others another example. RMSNorm takes no mean off, so its last
# but one column is the mean of 1² and 5². With two channels, GN with G = 2 has one channel in each group: it is IN.
#
# ### Which dims?
#
# *Exercise, easy, 5 minutes.* In code the set is the `dim` of a mean. Give it for each norm. The block is N×C×H×W: its
# dimensions are 0, 1, 2, 3. For `"group"` it was reshaped to N×G×(C/G)×H×W, so that the groups have a dimension of their own.
# `"layer, images"` is the layer norm of the group norm paper. `"layer, tokens"` and `"rms, tokens"` are norms as in Transformers,
# with every position of the image as a token. With `"batch"` and `"instance"` these are the six keys.

# %% solution="statistics_dims"
from helpers.exercises.answers.dims import statistics_dims

# %%
from helpers.exercises.dims import statistics_dims_exercise
from helpers.widgets.quiz import quiz

quiz(statistics_dims_exercise)

# %%
statistics_dims_exercise.check(statistics_dims)

# %%
# statistics_dims_exercise.hint(statistics_dims)
# statistics_dims_exercise.solution(statistics_dims)

# %% grade="statistics_dims" points=1

# %% [markdown]
# ## 2 · BatchNorm2d
#
# A convolution makes a channel with one filter, the same at every position. So all positions of a channel are the same feature,
# and the paper gives them one mean, one variance, one γ and one β: the effective batch size is $m' = m \cdot p \cdot q$ for maps of
# $p \times q$ (Ioffe & Szegedy 2015, §3.2). With N for $m$ and H, W for $p$, $q$ there are $n = N \cdot H \cdot W$ values behind
# each mean, and the running variance takes in $\frac{n}{n-1}\sigma_B^2$.
#
# Mean and variance have shape (C,). Broadcasting lines shapes up from the *right*: a plain (C,) would be taken for W. Where C
# happens to equal W, or W is 1, no error tells you.
#
# *Predict first:* one single image, train mode. "BN is undefined for batch size 1". True?

# %%
import torch
from torch import nn

torch.manual_seed(0)
norm_tables.one_image(nn.BatchNorm2d(3), torch.randn(1, 3, 4, 4))

# %% [markdown]
# Only N·H·W = 1 is refused: one value is its own mean, and n − 1 is 0. With N = 1 BN *is* instance norm in train mode; in eval mode
# it uses other statistics, and that is a reason not to train it so.
#
# ### Build it
#
# *Exercise, easy after notebook 02, 6 minutes.* γ, β and the two buffers have shape (C,), as in torch. (torch's layer
# also counts its batches, in a buffer `num_batches_tracked`; yours need not.) This is your own work: in none of the four layers
# call a norm of torch, `nn.BatchNorm2d`, `nn.LayerNorm`, … or `F.batch_norm`, `F.layer_norm`, `F.group_norm`, `F.rms_norm`.
# `beyond.check` has further checks, without points.
#
# <details><summary>The formulas as code</summary>
#
# | formula | code |
# |---|---|
# | $n = N \cdot H \cdot W$ | `n = x.numel() // x.shape[1]` |
# | $\mu_B = \frac{1}{n}\sum x$ | `mean = x.mean(dim=(0, 2, 3))`, shape (C,) |
# | $x - \mu_B$ | `x - mean[:, None, None]`, where `mean[:, None, None]` has shape (C, 1, 1) |
# | $\frac{n}{n-1}\sigma_B^2$ into the running variance | `var * n / (n - 1)` |
#
# </details>

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
# Layer norm (Ba et al. 2016) was made with recurrent nets in mind: the mean runs over the features of one layer, for one example at one
# time step.
# In a Transformer it stands at each token: a sentence of 7 tokens has 7 means, not one. It needs no running statistics and no
# modes: the same computation serves training and use.
#
# In `nn.LayerNorm(normalized_shape)` the argument names the sizes of the *last* dimensions. The mean runs over these, and over no
# others; γ and β have that shape.
#
# *Predict first:* `x` is 4 sentences × 5 tokens × 6 features. How many means does `nn.LayerNorm(6)` compute? And
# `nn.LayerNorm((5, 6))`?
#
# <details><summary>Answer</summary>
#
# 20, one for each token; and 4, one for each sentence. Only the first keeps tokens apart.
#
# </details>
#
# **"LayerNorm" of an image has two meanings.** In the group norm paper it is one mean over (C, H, W) for each image. In ConvNeXt (Liu
# et al. 2022) it is one mean over C for each position, as for the tokens of a Transformer.
#
# *Predict first:* in which of the two does a bright spot in one corner change the output in the opposite corner? (`OverChannels`
# moves C to the end, calls the norm there, and moves C back.)

# %%
norm_tables.corner_table(
    {
        "over (C, H, W)": nn.LayerNorm((6, 4, 4)),
        "over C, each position": norm_tables.OverChannels(nn.LayerNorm(6)),
    }
)

# %% [markdown]
# So ask "over which dimensions?" whenever you read "LayerNorm" in a paper on images.
#
# ### Build it
#
# *Exercise, easy, 5 minutes.* One mean for each block of the last dimensions: for tokens, one for each token. γ and β have
# shape `normalized_shape`, which may be an int, a tuple, a list or a `torch.Size`. No norm of torch is called.
#
# <details><summary>The formulas as code</summary>
#
# | formula | code |
# |---|---|
# | $S_i$: the last $k$ dimensions | `dims = tuple(range(-k, 0))` |
# | $\mu_i$ | `mean = x.mean(dim=dims, keepdim=True)`: the averaged dimensions stay, with size 1, so that `x - mean` lines up |
# | $\gamma\,\hat x + \beta$ | `gamma * x_hat + beta`, both of shape `normalized_shape` |
#
# </details>

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
# channels *and* all positions together. (Not one for each position.) γ and β belong to channels, as in BN.
#
# *Predict first:* with G = 1 the sets are those of layer norm over (C, H, W), with G = C those of instance norm. You saw it in
# section 1. Are these then the same *layers*?

# %%
norm_tables.end_points(torch.randn(5, 6, 4, 4))

# %% [markdown]
# Before training the outputs are the same, to 1e-5. GN with G = 1 is not quite LN as a layer, though: LN over (C, H, W) has a γ
# for each channel *and* position, GN one for each channel. With G = C the numbers and the parameters are those of
# `nn.InstanceNorm2d(C, affine=True)` (Ulyanov et al. 2016). (torch's default there is `affine=False`, without γ and β.) So the whole
# of instance norm is
#
# ```python
# class InstanceNorm2d(GroupNorm):
#     def __init__(self, num_features, eps=1e-5):
#         super().__init__(num_groups=num_features, num_channels=num_features, eps=eps)
# ```
#
# **How many groups?** Wu & He use G = 32 by default. C has to be a multiple of G. With fewer than 32
# channels, or 48, choose a G that divides C, for example so that 8 or 16 channels form a group. On its own GN did not reach BN
# at 32 images per GPU (section 7 has the numbers). A companion is *weight standardization* (Qiao et al. 2019): the filters are
# normalised too, each to mean 0 and variance 1. With both, the authors match or beat BN trained on large batches, at one image
# per GPU (abstract of the paper's first version). The BiT nets (Kolesnikov et al. 2020) are built so.
#
# ### Build it
#
# *Exercise, medium, 7 minutes.* C must be a multiple of G: refuse everything else with a `ValueError`. Your layer also
# takes (N, C) and (N, C, L) input. γ and β have shape (C,). No norm of torch is called.
#
# <details><summary>The formulas as code</summary>
#
# | formula | code |
# |---|---|
# | $S_i$: one example, one group, all H, W | `groups = x.reshape(N, G, -1)` |
# | $\mu_i$ | `mean = groups.mean(dim=2, keepdim=True)` |
# | γ, β for each *channel* | `gamma.view(-1, 1, 1)` for images, `gamma.view(-1, *[1] * (x.ndim - 2))` for any input |
#
# </details>

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
# $$y_i = \gamma\, \frac{x_i}{\sqrt{\mathrm{ms} + \epsilon}}, \qquad \mathrm{ms} = \frac1n \sum_{k \in S_i} x_k^2$$
#
# There is no β. The authors report 7 % to 64 % less running time than layer norm, depending on the model (abstract). Many large
# language models use it, LLaMA for one. There are Transformers without any norm, too: DyT (Zhu et al. 2025) puts
# $\gamma \tanh(\alpha x) + \beta$ in the place of the norm.
#
# *Predict first:* for which inputs do LN and RMSNorm give the same output?

# %%
norm_tables.layer_and_rms(torch.randn(4, 6) + 2)

# %% [markdown]
# Only where each row has mean 0 already, and then always (with the same ε and γ, and β = 0): the mean square is then the variance.
#
# ### Build it
#
# *Exercise, easy, 5 minutes.* `eps=None` means the machine epsilon of the dtype in which torch computes: float32's for
# float16, bfloat16 and float32 input, float64's for float64. torch squares in that dtype too, and casts back: 16 bits keep few
# digits, and in float16 the square of 300 is infinite. `eps=0.0` means 0. No norm of torch is called.
#
# <details><summary>The formulas as code</summary>
#
# | formula | code |
# |---|---|
# | $\mathrm{ms}$ | `mean_square = (x.to(dtype) ** 2).mean(dim=dims, keepdim=True)` |
# | $y$ | `gamma * (x / torch.sqrt(mean_square + eps)).to(x.dtype)` |
#
# </details>

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
# ### Where the norm stands
#
# A Transformer adds the output of each block $f$ to its input. The norm can stand in two places:
#
# | | formula | |
# |---|---|---|
# | post-norm | `norm(x + f(x))` | the first Transformer (Vaswani et al. 2017, §3.1) |
# | pre-norm | `x + f(norm(x))` | GPT-2, LLaMA and many others |
#
# *Predict first:* in which of the two can `x` pass all blocks without meeting a norm? What may that do to its size, and to the
# gradient?
#
# <details><summary>Answer</summary>
#
# In pre-norm: the sum `x + …` goes on as it is, so each block adds to it, and it can grow with depth. Such nets therefore end with
# one more norm before the output layer. The gradient has the same free way down. Xiong et al. (2020) show that in a
# post-norm Transformer the gradients near the output are large at the start. So, they say, it needs a learning rate that *warms
# up*, that is, begins small; their pre-norm Transformers train without (abstract).
#
# </details>

# %% [markdown]
# ## 6 · What each norm forgets
#
# A norm throws away two numbers of each set: its mean and its scale. RMSNorm throws away only the scale. That is a
# guide to a choice. Does your task need them?
#
# Take a block of four images with 8 channels, and change it in one of six ways:
#
# - one image × 3,
# - one image + 2,
# - channels 0 to 3 of one image × 3,
# - one channel of one image × 3,
# - one channel of all images × 3,
# - each position × its own factor, in all channels and images.
#
# *Predict first:* after which changes is the output of BN the same as before? Of IN? Of GN with two groups, channels 0 to 3 and 4
# to 7?

# %%
norm_tables.forgotten_table(
    {
        "BN": nn.BatchNorm2d(8),
        "IN": nn.InstanceNorm2d(8),
        "GN, G = 2": nn.GroupNorm(2, 8),
        "LN, C H W": nn.GroupNorm(1, 8),
        "LN, C": norm_tables.OverChannels(nn.LayerNorm(8)),
        "RMS, C": norm_tables.OverChannels(nn.RMSNorm(8)),
    }
)

# %% [markdown]
# "Yes" means: the change cannot be seen *through this layer*. Beside it there may be a way: in ResNets and in pre-norm
# Transformers the input also goes past the norm.
#
# - BN keeps the contrast of one image, compared with the others of its batch. IN forgets it, channel by channel. Style transfer
#   wants just that (Ulyanov et al. 2016); a classifier that must tell dark from bright would not.
# - LN over (C, H, W) forgets the contrast of the image, and keeps that between its channels. GN keeps it only *within* a group:
#   a whole group that is three times as strong looks the same as before.
# - BN, IN, GN and LN over (C, H, W) keep the picture within a map equally well: all four pool H and W, so one mean and one
#   scale serve a whole map. The norms over C alone do not pool H and W, and they forget how strong one position is against another.
# - RMSNorm keeps an offset.
# - In eval mode BN's two numbers are fixed. Then it forgets none of the six changes.

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
# Now the small version: the digits of the opening, 800 for training, 500 held out, 2,400 drawn in all (75 steps at N = 32, 1,200
# at N = 2). All nets learn by SGD with momentum 0.9. The learning rate is 0.05 · N/32 (in proportion to the batch, as in Wu &
# He), and falls to 0 along half a cosine. Nothing is tuned for any norm. Two kinds of nets: the MLP, and small convolutional nets
# that halve the 8×8 image until the last maps are 2×2 or 1×1. A third CNN keeps its maps at 2×2 and is as deep as the one with
# 1×1 maps. The norms stand before the ReLU, as above. GN has 8 groups. LN is over all features in the MLP, and over (C, H, W)
# with one γ for each channel in the CNNs. The control, "no norm, He init" in the table below, has biases and He's
# initialisation (notebook 03).
#
# *Predict first:* how many values share one mean in the *last* norm of each net, at batch size 2? Where will BN fail?

# %%
batch_size.counts_table()

# %% [markdown]
# The errors below come from a file: ten seeds for every point, from one command that you can run yourself
# (`python -m helpers.experiments.batch_size_seeds`, about five minutes on one core).

# %%
batch_size.error_chart()

# %% [markdown]
# Bars go from the best seed to the worst; the fourth net is in the table. Where bars overlap, look at the differences within a
# seed: the nets of a seed see the same batches. (Batch norm with two values is chaotic: rounding decides single runs. Another
# machine gives other numbers there, within about the same range.)

# %%
batch_size.errors_table()
batch_size.paired_table("batch", "group", "none, He")

# %% [markdown]
# - **Two values behind a mean** (MLP and 1×1 maps, N = 2): BN fails, in all ten seeds. Its error is about 50 and 30 points above
#   GN's. It is about as far above that of a net with *no norm at all*.
# - **Eight values** (2×2 maps, N = 2): BN does *not* fail. Its error is within three points of GN's in every seed. The net with three
#   blocks is as deep as the one that fails, so it is neither the convolution nor the depth that helps.
# - **Four values** (MLP and 1×1 maps, N = 4): in the MLP BN is still worse than GN in nine of ten seeds, by about 3 points in the
#   median. With 1×1 maps it is not decided. There only the last of three norms has four values.
# - **N = 32**: in the MLP and with 1×1 maps BN has a lower error than GN in all ten seeds (of these 800 digits; with other draws
#   in most seeds, not in all). With 2×2 maps it is not decided: how often BN is lower changes with the draw. The control's error
#   is above BN's in at least nine of ten seeds of each net, with other draws in at least eight.
#
# GN and LN do not look at the batch. For them the batch size changes the number of steps, the learning rate, and how noisy a
# gradient is. Their error moves too: in the table their medians are 0.4 to 1.4 points higher at N = 32 than at N = 2. So is that
# of the control, by 0.6 to 1.5: this part is no matter of norms.
#
# ### Is it the count?
#
# The two CNNs with three blocks differ in more than the count N·H·W: the output layer of one sees 64 numbers, that of the other
# 256. So take the one with 2×2 maps, and change only which values share a mean in its last norm. That norm gets one mean for each
# channel *and position*, over N only. γ and β stay as they are, one for each channel.
#
# *Predict first:* how many values now share one mean, at N = 2 and at N = 8? What becomes of the error at each?

# %%
batch_size.positions_table()

# %% [markdown]
# With two values in place of eight the same net fails, in all ten seeds. With the same sets, but four or eight values in each
# (N = 4 and N = 8), it does not. So it is the count that decides here. How badly a net fails is another matter: with 1×1 maps the
# error was higher.
#
# ### Is it eval mode?
#
# With two values the normalised ones are about +1 and −1, however far apart the two are: (3, 7) and (3, 300) both become (−1, +1).
# Which is the larger is all that is left. In eval mode the running statistics come in, and the distance counts again. So is it
# eval mode that fails, because the net has never learned with distances?
#
# *Predict first:* the nets that were trained on batches of 2, used in five ways. In *train mode* every test image is normalised together
# with one other test image, just as in training. Is that better than eval mode? And if the answer is averaged over 16 partners,
# which are training images?

# %%
batch_size.uses_table()

# %% [markdown]
# In pairs the error is higher than in eval mode, in all ten seeds of both nets that failed. Averaged over partners it is again near
# that of eval mode: within 4 points in the median, up to 16 in a single seed. So in these nets eval mode is not what fails: none of
# the five uses makes these weights good. In training their last norm showed them only which of two values is the larger, and none
# of these statistics gives back afterwards what they did not learn.
#
# Re-estimating repairs running statistics that lag or are noisy (notebook 04). Here that matters little: in the MLP statistics from
# batches of 64 win back a few of the 50 points, in nine of ten seeds; with 1×1 maps the differences lie on both sides of 0.
#
# ### Does this explain ImageNet?
#
# Not all of it. In ResNet-50 the last maps of a 224×224 image are 7×7. With 2 images per GPU each mean has at least 2 · 49 = 98
# values, more than in all but two entries of our table of counts; and yet BN loses 11 points there. Our toy shows that the count
# *can* decide. It does not show that the count is all: a thousand classes, a hundred epochs and fifty layers are other things than ten digits.
#
# Part of such a loss is the gap between the modes. Singh & Shrivastava (2019, *EvalNorm*) train with plain BN at batch size 2
# and change only the statistics that are used for evaluation: 6.18 points better on ImageNet's validation set (abstract). Their
# correction is none of our five uses.
#
# Counts can also mislead, because the values of one map need not be independent. The mean of $n$ independent values has variance
# $\sigma^2/n$. So a map whose mean varies by Var(mean) from image to image tells as much about the channel's mean as
# $n = \sigma^2/\mathrm{Var}(\text{mean})$ independent values would. That is what the map is *worth*.
#
# *Predict first:* a map of 8×8 = 64 noise pixels is worth 64. What are 4×4 noise pixels worth, each repeated to make 8×8? The
# digits? And the maps that the batch norm layers of the CNN with 2×2 maps see, 4×4 and 2×2?

# %%
batch_size.worth_table()

# %% [markdown]
# It goes both ways. Repeated pixels count once. Where images differ in brightness as much as pixels do, every pixel of one
# image carries the same brightness error: a larger map does not average it away, more images do. The digits are worth more than
# their 64 pixels: a part of σ² is the same in every image, dark border and bright middle, and moves no mean. Take the mean
# image off, and they are worth about 63. The layers of the CNN see what its convolutions make of the digits; there, too, a map
# is worth more than its 16 and 4 values in the median channel (one net, trained once). So here the count does not flatter BN.
# ImageNet's photographs differ in brightness, colour and scale; that may be part of the answer; this notebook does not measure
# it.
#
# Remedies that keep BN: statistics over all GPUs (synchronised BN), frozen statistics when fine-tuning (notebook 04),
# batch renormalisation (Ioffe 2017). At 4 images per GPU Wu & He report 27.3 for BN, 26.3 for batch renormalisation, 24.2
# for GN. *Ghost* BN (Hoffer et al. 2017) is no remedy for small batches: it cuts a large batch into small ones and normalises each
# alone. The authors report that this narrows the gap between large-batch and small-batch training on new data. The usual explanation
# is noise that regularises; Kosson et al. (2023) find that such noise, added by itself, can help more than ghost BN.

# %% [markdown]
# ## 8 · Which norm when
#
# *Exercise, medium, 7 minutes.* For each situation choose a norm and the reason that decides. A norm or a reason may be right more
# than once, or never; some reasons are false. Take the answers from the tables above, where they have one; where ImageNet's table
# and ours differ, go by ImageNet's.
#
# - `"frozen batch"`: BN with fixed running statistics and fixed γ, β.
# - `"ghost batch"`: BN over small parts of the batch.
# - `"group"`: GN with 32 groups.

# %%
from helpers.exercises.norms import CHOICES, REASONS, SITUATIONS
from helpers.lab.tables import table

table(["", "situation"], SITUATIONS.items(), left=[1])
table(["", "reason"], REASONS.items(), left=[1])
print("Norms:", ", ".join(CHOICES))

# %% solution="which_norm"
from helpers.exercises.answers.norms import which_norm

# %%
from helpers.exercises.norms import which_norm_exercise

quiz(which_norm_exercise)

# %%
which_norm_exercise.check(which_norm)

# %%
# which_norm_exercise.hint(which_norm)
# which_norm_exercise.solution(which_norm)

# %% grade="which_norm" points=1

# %% [markdown]
# <details><summary>After the quiz: why the other reasons do not decide</summary>
#
# - P: whether BN makes the loss smoother is open (notebook 01).
# - T: BN, IN and GN pool over H and W, and so does LN over (C, H, W).
# - X: false. Only N·H·W = 1 is refused (section 2).
# - V holds for a too, and U for i: true of BN there, but not asked for.
# - R holds for every norm that does not look at the batch; it decides where the batch is small.
#
# </details>
#
# <details><summary>After the quiz: what it costs to serve</summary>
#
# In eval mode BN is one multiplication and one addition with fixed numbers for each channel. They can be worked into weights and
# bias of the convolution before it (*folding*), and then BN costs nothing. LN, GN, IN and RMSNorm compute their statistics for
# every input, in use as in training. On a phone that can decide.
#
# </details>
#
# <details><summary>After the quiz: why not BN in Transformers?</summary>
#
# - Sentences differ in length. BN's statistics would count padding, or, without it, rest on more values in one batch than in the
#   next.
# - A model that writes produces one token at a time. In training, statistics over the whole sequence would let a token see the later
#   ones, which it must not.
# - Measured: Shen et al. (2020, *PowerNorm*) start from the known fact that plain BN does clearly worse on texts. They find that its
#   statistics fluctuate strongly in training, and say that this makes plain BN unstable (abstract).
#
# </details>
#
# <details><summary>After the quiz: what real projects do</summary>
#
# One default is that of situation c: Detectron2's detectors fine-tune with *frozen* BN (in its configuration,
# `MODEL.RESNETS.NORM = "FrozenBN"`); GN is an option.
#
# </details>
#
# ## What would change my mind
#
# - *Is BN's trouble with two images the gap between the modes?* Not in our nets, in the five uses: in the mode of training they
#   are no better, and re-estimated statistics win back a few of the 50 points in the MLP. On ImageNet a part of it is. A toy in
#   which evaluation alone, changed as EvalNorm does, wins half of the loss back would show that part.
# - *Does the count N·H·W decide?* In our net it does. In Wu & He's the count is not small, and BN suffers all the same. An
#   ImageNet net that keeps its error with 2 images per GPU, just because its maps are larger, would speak for the count.
# - *Is LN better than BN for Transformers because of sequence lengths?* It is reason enough to prefer LN. Whether it explains the gap
#   in accuracy is another question: train both on texts of one length. Does the gap stay?
#
# ## Recap
#
# 1. All these norms share a formula; the set that is averaged over makes the difference. RMSNorm leaves out the mean.
# 2. BN is the only one in which examples see each other, and by default the only one with running statistics and two modes.
# 3. GN: G = 1 has LN's statistics, over (C, H, W); G = C is IN. "LN" on images has two meanings: ask for the dimensions.
# 4. In our nets BN fails when two values share a mean: count N·H·W. A large count is not enough: ResNet-50 has 98 and more with
#    two images per GPU, and loses 11 points.
# 5. In training a norm forgets the mean and the scale of its set, RMSNorm the scale alone. Choose the one whose sets your task can
#    do without.
#
# ## Interview page
#
# <details><summary>What is the difference between batch norm and layer norm?</summary>
#
# The set that shares a mean. BN: one feature, over the examples (and positions) of the batch, so it needs running statistics and two
# modes. LN: one example or token, over its features; nothing to remember, the same in both modes.
#
# </details>
#
# <details><summary>Why does batch norm suffer from small batches, and when does it not?</summary>
#
# Few values stand behind each mean, so the statistics are noisy; with two values only their order is left. So count N·H·W: in
# small nets on digits BN fails with two values, and not with eight. The count is not all: ResNet-50 has 98 and more at two
# images per GPU, and loses 11 points.
#
# </details>
#
# <details><summary>What is group norm for G = 1 and for G = C?</summary>
#
# Layer norm's statistics over (C, H, W), with γ for each channel; and instance norm. In between, G = 32 is the usual choice, and C must be a
# multiple of it.
#
# </details>
#
# <details><summary>What does RMSNorm leave out, and why do language models use it?</summary>
#
# The mean, and β. It is cheaper than LN, and works about as well in its authors' experiments (Zhang & Sennrich 2019).
#
# </details>
#
# <details><summary>Pre-norm or post-norm?</summary>
#
# `x + f(norm(x))` against `norm(x + f(x))`. Pre-norm leaves a path without any norm: it can train without warm-up, and needs a last norm
# before the output.
#
# </details>
#
# <details><summary>You fine-tune a detector with two images per GPU. What about its batch norm layers?</summary>
#
# Freeze them: statistics, γ and β belong to the pretrained weights. Or synchronise over GPUs. A new norm would throw away what the weights
# were fitted to.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("05_layer_group_instance_rms")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
