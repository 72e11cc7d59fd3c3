# %% [markdown] builds="fold_linear, fold_conv, statistics of several processes; five incidents solved"
# # 08 · Batch norm in production
#
# A service reads handwritten digits, and collects eight customers to answer them together. Its twelve regular customers send the
# same digit every time; with whom they are put together is chance. Each asks sixty times. (About 5 s, most of it to load torch.)

# %% setup="setup"
import helpers

# %%
from helpers.experiments import serving

serving.opening()

# %% [markdown]
# Customer 7 always gets the right answer. Customers 0 and 1 get it in some of their requests and not in others, with the same net, the
# same weights and the same digit. Numbers that belong to one customer go into the answer of another.
#
# *Predict first:* nobody changes the weights. How many numbers for each feature are enough to make every customer's answer his own?
# And how much time should they cost for each answer?
#
# <details><summary>Answer</summary>
#
# Two, a mean and a variance, and they may cost nothing at all. The service runs its batch norm layers in train mode. In eval mode
# they use stored numbers, and what is computed with stored numbers can be computed before the first customer comes (section 1).
# Each customer then gets the same answer sixty times: eleven of the twelve the right one, customer 3 a wrong one there too.
#
# </details>
#
# After this notebook you can
# - fold batch norm into linear and convolutional layers, and say where that is not possible,
# - compute its statistics over several processes, forward and backward, and say what goes wrong without that,
# - say what weight decay does to a weight in front of batch norm, and predict by how much a step turns it,
# - measure what dropout does to stored statistics,
# - find the cause of five incidents by measuring.

# %% [markdown]
# ## 1 · Folding
#
# In eval mode μ and σ² are the running statistics, so with $s = \gamma/\sqrt{\sigma^2+\epsilon}$ all of batch norm is
# $s\,(z-\mu)+\beta$: for each feature one multiplication and one addition with fixed numbers (Ioffe & Szegedy 2015, Algorithm 2).
# The layer before it is $z = Wx + b$, so the two are one layer:
#
# $$s\,(Wx + b - \mu) + \beta \;=\; W'x + b', \qquad W' = s\,W, \qquad b' = s\,(b - \mu) + \beta$$
#
# To compute $W'$ and $b'$ once and drop the norm is called *folding*.
#
# **By hand.** One feature, $W = 2$, $b = 1$; the norm has $\mu = 3$, $\sigma^2 + \epsilon = 4$, $\gamma = 6$, $\beta = 5$.
#
# *Predict first, with a pencil:* $s$, $W'$ and $b'$. Then let $x = 2$ go both ways.
#
# <details><summary>Answer</summary>
#
# $s = 6/2 = 3$, $W' = 6$, $b' = 3\,(1-3)+5 = -1$. The two layers: $2 \cdot 2 + 1 = 5$, then $3\,(5-3)+5 = 11$. The folded one:
# $6 \cdot 2 - 1 = 11$.
#
# </details>
#
# ### Fold a linear layer
#
# *Exercise, easy, 6 minutes.* `bn.weight` is γ and `bn.bias` is β. Each output has its own $s$, and each row of `linear.weight`
# belongs to one output. The layer may come without a bias (`linear.bias` is then None): a net with batch norm needs none, until it is
# folded.

# %%
import copy

import torch
from torch import nn

# %% solution="fold_linear"
from helpers.exercises.answers.fold import fold_linear

# %%
from helpers.exercises.fold import fold_linear_exercise

fold_linear_exercise.check(fold_linear)

# %%
# fold_linear_exercise.hint(fold_linear)
# fold_linear_exercise.solution(fold_linear)

# %% grade="fold_linear" points=1

# %% [markdown]
# ### Fold a convolution
#
# A convolution computes each output channel with its own filter, and batch norm has one $s$ for each channel. So $s$ scales the
# filters. Only the place of the output channel in `conv.weight` differs:
#
# | layer | shape of `conv.weight` |
# |---|---|
# | `Conv1d`, `Conv2d` | (out, in / groups, …) |
# | `ConvTranspose1d`, `ConvTranspose2d` | (in, out / groups, …) |
#
# With *groups* the channels are cut into parts: inputs of the first part make only outputs of the first part. `conv.transposed` tells the
# two kinds apart. *Transposed* convolutions are there to enlarge maps.
#
# *Predict first:* a transposed convolution with 4 inputs, 6 outputs and 2 groups. Which outputs does row 3 of its weight, the last one,
# belong to?
#
# <details><summary>Answer</summary>
#
# Its weight has shape (4, 3, …). Rows 0 and 1 are the first group and make outputs 0, 1, 2; rows 2 and 3 make outputs 3, 4, 5.
#
# </details>
#
# *Exercise, medium, 10 minutes.* Return a new layer of the same kind, with the same stride, padding, dilation and groups (transposed:
# `output_padding` too).

# %%
Conv = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d

# %% solution="fold_conv"
from helpers.exercises.answers.fold import fold_conv

# %%
from helpers.exercises.fold import fold_conv_exercise

fold_conv_exercise.check(fold_conv)

# %%
# fold_conv_exercise.hint(fold_conv)
# fold_conv_exercise.solution(fold_conv)

# %% grade="fold_conv" points=1

# %% [markdown]
# torch has `fuse_linear_bn_eval` and `fuse_conv_bn_eval` in `torch.nn.utils.fusion`, for nets in eval mode. A transposed convolution needs
# `transpose=True`; with groups that ends in an error (torch 2.13), and yours does not.
#
# ### How exact, and where not
#
# *Predict first:* two products become one. How far are the outputs apart in float32, and in float64?

# %% tags=["nbval-ignore-output"]
can_fold = serving.ready(fold_linear_exercise, fold_linear) and serving.ready(fold_conv_exercise, fold_conv)
if can_fold:
    serving.agreement(fold_linear, fold_conv)

# %% [markdown]
# Only rounding is left: about 1e-6 in float32, below 1e-12 in float64, for values around 1.
#
# *Predict first:* five cases. In which is the folded layer right everywhere, in which only inside the map, in which not even there? The
# convolution is 3×3; padded means that zeros are put around the map.
#
# - a padded convolution, then batch norm: in eval mode; in train mode; in eval mode with ReLU between the two
# - batch norm in eval mode, then a convolution: padded; not padded

# %% tags=["nbval-ignore-output"]
if can_fold:
    serving.where_it_fails(fold_conv)

# %% [markdown]
# - **Train mode:** the statistics are those of the batch. They change with each batch; a folded weight does not.
# - **Across an activation:** ReLU stands between the two. A shift does not pass through it, nor does a negative $s$.
# - **Before a padded convolution:** the norm may be folded *forwards*, into the next layer, but in the original the zeros of the padding
#   come after the norm. In the folded net they come before it, so they are shifted as if they were data.
#
# ### What it saves
#
# *Predict first:* which net gains more, one of 3×3 convolutions, or one of depthwise convolutions (each filter sees one channel) with
# 1×1 convolutions behind them?

# %% tags=["nbval-ignore-output"]
if can_fold:
    serving.speed_and_size(fold_linear, fold_conv)

# %% [markdown]
# The stored numbers fall by a hundredth and by a tenth. What goes is one operation on every map. In seven runs both nets gained in the
# median, and the depthwise net mostly more. Other nets and machines have other ratios.
#
# *Exporting* writes a net as a graph of operations, from which programs without Python can be made. Does the norm go away by itself?

# %% tags=["nbval-ignore-output"]
net = serving.filled(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
if can_fold:
    serving.exported({"as it is": net, "folded": serving.fold_net(net, fold_linear, fold_conv)}, torch.zeros(1, 3, 8, 8))

# %% [markdown]
# `torch.export` keeps the norm as an operation of its own. What comes behind it may fold it: `torch.onnx.export` of torch 2.13 did so with this net.
# Fold first, and you know that it is gone; then compare the exported net with the original on real rows.
#
# One trade: a folded net can be served, but fine-tuned only as a net without a norm.

# %% [markdown]
# ## 2 · One batch on several devices
#
# In *data-parallel* training every device has a copy of the net and a part of the batch, a *shard*. Each computes a gradient, the
# gradients are averaged, all make the same step. With equal shards that is, for most layers, the same as one device with all rows.
#
# *Predict first:* 8 rows, one net with batch norm, one step. Which of these have the same gradient?
#
# - one device with 8 rows
# - two devices with 4 rows each, gradients averaged
# - one device that takes 4 rows, then 4 more, adds up the gradients and then makes the step (*gradient accumulation*)
# - one device with 8 rows whose norm normalises the first 4 and the last 4 alone (*ghost* batch norm)

# %% tags=["nbval-ignore-output"]
from helpers.experiments import shards

shards.one_step_table()

# %% [markdown]
# The last three have the same gradient: each mean has 4 rows behind it. (Their running statistics differ.) So accumulation does not
# enlarge the batch of batch norm, and neither does a second device.
#
# ### Two devices worse than one
#
# An MLP with three hidden layers of 64, the digits, three epochs; SGD with momentum 0.9, the learning rate in proportion to the whole
# batch and falling along a cosine. The batch stays the same, and is given to one device or shared out to two. As PyTorch's
# `DistributedDataParallel` does it by default, the buffers are those of the first device: it sends them to the others before each forward pass (its documentation, `broadcast_buffers`).
# The control is group norm, which does not look at other rows: shared out or not, it is the same net. (Ten seeds, computed before by
# `python -m helpers.experiments.production_seeds`, some ten minutes on one core; one process plays both devices.)
#
# *Predict first:* a batch of 4, of 8, of 16. Where does the second device cost accuracy?

# %%
shards.small_shards_table()

# %% [markdown]
# Four rows: the second device costs 38 points or more in every seed, since two values leave only which is larger (notebook 05). Eight
# rows: 1.6 to 5.0 points, in all ten seeds. Sixteen: not decided (ten further seeds: −0.4 to 2.0, above 0 in eight), and in every seed
# less than at eight.
#
# ### Statistics of all shards
#
# The cure is *synchronised* batch norm: the devices exchange what is needed for the mean and variance of *all* rows. They do it with a
# *collective*, `all_reduce`: every process passes a tensor, and every one gets the sum of all of them.
#
# **By hand.** One feature. Process 0 has the rows 1, 2, 3; process 1 has the row 10.
#
# *Predict first, with a pencil:* the mean of the two means, and the mean of all rows. The biased variance of each process alone, and of all rows.
#
# <details><summary>Answer</summary>
#
# Means 2 and 10; their mean is 6, but the mean of all rows is 16/4 = 4. Variances 2/3 and 0. Around 4 the squares are 9, 4, 1 and 36;
# their mean is 12.5. Most of it is the distance between the processes, which none of them sees alone.
#
# </details>
#
# *Exercise, medium, 10 minutes.*
#
# - `all_reduce(t)` returns the sum. It works on tensors, of the same shape in every process, and all processes have to call it equally
#   often. How many rows a process has is a number that no other process knows.
# - The variance is the biased one. It has to be right in float32 too, where the mean is 1,000 and the deviation 1.
# - `all_reduce` knows its own gradient: autograd can go through it as through a sum.

# %%
from collections.abc import Callable

# %% solution="synced_statistics"
from helpers.exercises.answers.synced_statistics import synced_statistics

# %%
from helpers.exercises.synced_statistics import synced_statistics_exercise

synced_statistics_exercise.check(synced_statistics)

# %%
# synced_statistics_exercise.hint(synced_statistics)
# synced_statistics_exercise.solution(synced_statistics)

# %% grade="synced_statistics" points=1

# %% [markdown]
# <details><summary>A further thought, when it passes</summary>
#
# The mean has to be known before the deviations from it can be summed. So there are two rounds (the count can go with the sums). Another
# way needs one: each process sends its count, mean and variance, and all combine them, with the distance between the means.
# `nn.SyncBatchNorm` does it so; for the variance it sends $1/\sqrt{\sigma^2+\epsilon}$. Backward costs another round: the gradient of
# a row contains two sums over *all* rows, of $\partial\ell/\partial y$ and of $\hat x\,\partial\ell/\partial y$.
#
# </details>
#
# So far one process stood for all. Now two real ones: the cell writes your function into a file, and two Pythons run it, with 8 and 4
# rows. They talk through *gloo*, torch's collectives for CPUs. (About 10 s: each of them loads torch.)
#
# *Predict first:* which of the output and the gradients of x, γ and β agree with one process with all 12 rows: with each process's own
# statistics, and with yours?

# %% tags=["nbval-ignore-output"]
from helpers.experiments import processes

processes.two_processes_table(synced_statistics)

# %% [markdown]
# With your statistics two processes are one, to rounding. (The gradient of β is a plain sum of the gradients above it, whatever the
# statistics.) `nn.SyncBatchNorm.convert_sync_batchnorm(net)` replaces the norms of a net; torch's layer needs GPUs.
#
# ### Parts on purpose
#
# Ghost batch norm (Hoffer et al. 2017, abstract) cuts a *large* batch into parts, because large batches were seen to generalise worse. The net is
# the one above, trained by plain SGD: batches of 512, learning rate 0.5, 150 steps. Nothing is tuned.
#
# *Predict first:* parts of 64, 16, 4. Does the held-out loss fall? The error?

# %%
shards.ghosts_table()

# %% [markdown]
# Parts of 64 and of 16 lower the held-out loss in all ten seeds, parts of 4 raise it in all ten (in five further seeds too). At 16 the
# error falls in 8 of 10 seeds and rises in none (five further: it fell in four and rose in one, by four digits of 500); at 64 it is not
# decided. All this is one large batch, of 512. Where each device has few rows already, parts are the trouble and not the cure.

# %% [markdown]
# ## 3 · Weight decay
#
# *Weight decay* λ shrinks a weight in each step: $w \leftarrow w - \eta\,(\nabla\ell + \lambda w)$. The usual reason: smaller weights
# make a simpler function. Behind the weight stands batch norm, and $\mathrm{BN}((aW)u) = \mathrm{BN}(Wu)$ for
# $a > 0$, up to ε (notebook 01).
#
# *Predict first:* what does decay do to such a function?
#
# <details><summary>Answer</summary>
#
# By shrinking alone, nothing. But the gradient with respect to $aW$ is $1/a$ of that with respect to $W$. A smaller weight gets larger gradients, so the
# same learning rate turns it faster.
#
# </details>
#
# First the claim in pure form: all hidden weights are doubled at the start.
#
# *Predict first:* by which factor must their learning rate grow so that training does the same, under SGD? And under Adam, whose step does
# not depend on the size of the gradient? The control has no norm.

# %% tags=["nbval-ignore-output"]
from helpers.experiments import effective_rate

effective_rate.same_losses()

# %% [markdown]
# SGD: the gradient is halved and the weight is twice as long, so 4; the losses then differ by less than 0.00001. Adam (AdamW without
# decay): 2, less exactly; why less is not examined here.
# Without a norm none of the three factors makes up for the doubled weights. So in front of batch norm only
# $\eta/\lVert w\rVert^2$ counts under SGD, and $\eta/\lVert w\rVert$ under Adam: the *effective learning rate*. Decay acts on that
# (van Laarhoven 2017, abstract).
#
# ### How far does a step turn the weight?
#
# The gradient is orthogonal to $w$: along $w$ the loss does not change. So a step makes the weight longer, by Pythagoras, and decay makes it
# shorter. Where the two balance,
#
# $$\eta^2\lVert g\rVert^2 = 2\eta\lambda\lVert w\rVert^2, \qquad\text{so the angle of a step is}\qquad
#   \frac{\eta\lVert g\rVert}{\lVert w\rVert} = \sqrt{2\eta\lambda}$$
#
# Neither the data, nor the start, nor the size of the gradient is in it. (One factor of order ηλ is left out.)
#
# The experiment: two hidden layers of 32, digits, 30 % of the training labels drawn at random, so that there is always a gradient. Decay
# acts on the hidden weights only. All is computed for ten seeds, with batch norm and, as the control, without.
#
# *Predict first:* SGD, η = 0.1, λ = 0.02, batches of 64. The weights start at 0.3, 1 and 3 times He's initialisation. Watched is the
# weight of the second layer. After 2,000 steps, are the three norms still apart, with batch norm and without?

# %%
effective_rate.norms_figure()

# %% [markdown]
# With batch norm all three starts come together, at 2.9 after 2,000 steps and still rising slowly; without decay the weight is three
# times as long. The control has nearly forgotten its start too: × 3 ends at 3.1 and × 0.3 at 2.7, where they began at a ratio of ten.
# (× 3 still lies above the others in every seed.) So such forgetting does not tell the two nets apart. The angle of a step does.
#
# *Predict first:* two settings have the same product ηλ, a third has four times that. What are the angles, with batch norm and
# without?

# %%
effective_rate.angles_table()

# %% [markdown]
# - **SGD, batch norm:** √(2ηλ) to within 3 %, in every seed and for all three pairs with decay. One product, one angle.
# - **SGD, no norm:** the same product gives 25 and 54. The formula rests on a gradient orthogonal to the weight, and here it is not.
# - **AdamW, batch norm:** one product, nearly one angle, and four times the product twice the angle. But it is about a fifth of √(2ηλ). Adam's
#   steps are averages over several gradients, and of another size; the factor is measured here, not derived.
# - **AdamW, no norm:** the same product gives 9 and 4.
# - **No decay:** nothing balances. With batch norm the weight can only grow under SGD.
#
# So in front of batch norm η and λ act together, once there is balance. A change that keeps ηλ keeps the angle; any other change of λ
# is a change of the rate. (γ, β and the head still learn at η.)
#
# *Predict first:* and does decay also do what it is known for? More than a quarter of the labels are wrong (of those drawn anew, a tenth come out
# right). How many points of held-out accuracy does decay add, with batch norm and without?

# %%
effective_rate.accuracy_table()

# %% [markdown]
# Without a norm decay adds 7 points or more in every seed, with both optimisers. In front of batch norm nothing is
# decided for SGD, and for AdamW at 0.2: the differences have both signs. At 0.8 AdamW gains 3.8 to 14.0 points in all ten seeds;
# without a norm it gains 17 or more. So decay can help there too, by less. It cannot do so by shrinking the weight as such: what it
# changes is the angle of a step.
#
# ### γ and β
#
# In the last hidden layer γ and β have no norm behind them. There decay is what it is elsewhere: a pull towards 0. In the layers before, all of
# them together times one positive number passes ReLU and is undone by the next norm, as for W. He et al. (2019, *Bag of Tricks*, §3.1) leave
# γ, β and all biases out.

# %%
effective_rate.exempt_table()

# %% [markdown]
# Decay pulls γ, averaged over both layers, down to less than a third. Whether it helps is not decided here: the differences have both signs. So the exemption is a
# custom with a reason; this experiment speaks neither for nor against it.
#
# In PyTorch:
#
# ```python
# decay = [p for p in net.parameters() if p.ndim > 1]
# rest = [p for p in net.parameters() if p.ndim <= 1]
# torch.optim.AdamW([{"params": decay}, {"params": rest, "weight_decay": 0.0}], weight_decay=0.05)
# ```

# %% [markdown]
# ## 4 · Dropout before batch norm
#
# Dropout sets a share $p$ of the features to 0 in training, and multiplies the others by $1/(1-p)$. In eval mode it is off. *Predict first:*
# four numbers, −2, 0, 0, 2, and dropout of 0.5. What are mean and variance with it, over all masks?

# %%
from helpers.experiments import dropout_shift

dropout_shift.by_hand()

# %% [markdown]
# The mean stays, the variance does not. A batch norm *behind* the dropout stores the larger one, and uses it in eval mode, where
# the smaller one arrives. Li et al. (2018, abstract) call this *variance shift*.
#
# Four hidden layers of 64 on the digits, dropout of 0.5: nowhere; behind the first three layers, so before three batch norms; or
# only behind the last. *Predict first:* in which layers is the stored variance wrong, and does the error grow with depth?

# %%
dropout_shift.shift_table()

# %% [markdown]
# Behind a dropout the stored variance is too large, by factors of 1.6, 2.1 and 2.8 in the median: the deeper, the more. Layer 1 has no dropout before
# it and no shift. Dropout behind the last norm shifts nothing. Re-estimating with dropout *off* brings the ratios back to 1. Both keep the shift away; what do they do for the
# net's answers?

# %%
dropout_shift.cost_table()

# %% [markdown]
# One dropout behind the last norm, in place of three before norms, takes 0.36 or more off the loss in every seed; re-estimating takes 0.15 to 0.25. So the stored
# statistics (means and variances are replaced together) are a part of the cost, and less than half of it in the median.
# What is left lies in the weights, which were trained for 400 steps under three dropouts. The place alone is not what the 0.36 measures: a single dropout before layer 4 (stored variance 1.6 to 1.8 times too large)
# gives a loss of 0.08 to 0.10 in five further seeds, and behind layer 4 0.07 to 0.11; which is lower is not decided.

# %% [markdown]
# ## 5 · Three more things that go to production
#
# **Averaged weights.** An average of checkpoints, or a moving average of the weights (EMA), never ran on any batch. Averaged buffers
# did as well in notebook 04 (bug 7), but nothing promises that. One pass over training rows gives the average
# statistics of its own (section 3 there).
#
# **Fine-tuning, a checklist** (notebook 04, section 6, has the measurements):
#
# 1. How many values stand behind each mean in the new training? Few: freeze the statistics.
# 2. Do the new data look like the old ones? If not, re-estimate first, then freeze.
# 3. `layer.eval()` freezes statistics, `requires_grad_(False)` freezes γ and β. Decide each.
# 4. `net.train()` undoes `layer.eval()`. Repeat that after each call.
# 5. A folded net has nothing to freeze: start from the one that was not folded.
#
# **Mixed precision.** *Autocast* runs costly layers in bfloat16, a number of 16 bits with 8 bits of precision. *Predict first:* in
# which dtype are the output of batch norm, its γ and its buffers there? What if the whole net is turned into bfloat16 by hand?

# %%
linear, norm = nn.Linear(8, 8), nn.BatchNorm1d(8)
with torch.autocast("cpu", dtype=torch.bfloat16):
    z = linear(torch.randn(32, 8))
    print("autocast: into the norm", z.dtype, "· out of it", norm(z).dtype)
    print("its γ", norm.weight.dtype, "· its buffers", norm.running_var.dtype)

x = torch.tensor([[2.0], [4.0]])  # mean 3, unbiased variance 2
for layer in (nn.BatchNorm1d(1, momentum=0.01), nn.BatchNorm1d(1, momentum=0.01).bfloat16()):
    for _ in range(2000):
        layer(x.to(layer.weight.dtype))
    mean, var = layer.running_mean.item(), layer.running_var.item()
    print(f"{layer.weight.dtype}: running_mean {mean:.2f}, running_var {var:.2f}")

# %% [markdown]
# Under autocast the maps are bfloat16, and buffers, γ and β stay float32. With bfloat16 buffers the average stops on the way here:
# every intermediate number is rounded. 1 − m is stored as 0.988, so at a mean of 2 the new one is 1.977 + 0.030 = 2.007. That is nearer to
# 2 than to the next bfloat16, 2.016.

# %% [markdown]
# ## 6 · The clinic
#
# Five incidents on small nets, all of them made for this clinic. You have what an engineer on call has: a sentence, and measurements. Order
# as few as you need.

# %% tags=["nbval-ignore-output"]
from helpers.widgets.clinic import clinic

clinic()

# %%
# from helpers.experiments.clinic import measure
# measure("a")  # all measurements of incident a in one table

# %% [markdown]
# *Exercise, medium, 15 minutes.* Choose for each incident what causes it, and what to do now. A cause or cure may fit more than once or
# never.

# %%
from helpers.exercises.clinic import CAUSES, CURES
from helpers.lab.tables import table

table(["", "cause"], CAUSES.items(), left=[1])
table(["", "cure"], CURES.items(), left=[1])

# %% solution="diagnoses"
from helpers.exercises.answers.clinic import diagnoses

# %%
from helpers.exercises.clinic import diagnoses_exercise
from helpers.widgets.quiz import quiz

quiz(diagnoses_exercise)

# %%
diagnoses_exercise.check(diagnoses)

# %%
# diagnoses_exercise.hint(diagnoses)
# diagnoses_exercise.solution(diagnoses)

# %% grade="diagnoses" points=1

# %% [markdown]
# ## What would change my mind
#
# - *Is folding always worth it?* It is exact up to rounding, and costs nothing to run. Where a runtime folds by itself, it saves nothing: equal times before
#   and after on your machine would show that.
# - *Does ghost batch norm help because of its noise?* The table shows that parts of 16 lower the loss, not why. Whole batches whose
#   statistics get random noise of the same size, with the same gain, would speak for the noise.
# - *Is variance shift what dropout costs?* Here re-estimating takes back less than half of the added loss, in the median. A net whose
#   loss comes all the way back would speak for it.
#
# ## Recap
#
# 1. In eval mode batch norm is one multiplication and one addition. Fold it into the layer before it; not across an activation, and not
#    forwards into a padded convolution.
# 2. Two devices, gradient accumulation and ghost batches give one gradient: each part has its own mean. Summing counts, sums and squared
#    deviations over the devices makes it one batch again, and gradients pass through these sums too.
# 3. In front of batch norm weight decay sets the effective learning rate. In balance a step of SGD without momentum
#    turns the weight by √(2ηλ).
# 4. Dropout before batch norm stores a variance that does not arrive in use. Behind the last norm it shifts nothing; else re-estimate with dropout off.
# 5. An incident: modes, buffers, rows behind a mean, weights. Measure before you repair.
#
# ## Interview page
#
# <details><summary>How do you fold batch norm into the layer before it?</summary>
#
# $W' = sW$ and $b' = s(b-\mu)+\beta$ with $s=\gamma/\sqrt{\sigma^2+\epsilon}$ and the running statistics. For inference only, with nothing
# in between; then compare the two nets on real rows.
#
# </details>
#
# <details><summary>What does SyncBatchNorm exchange, and why does gradient accumulation not replace it?</summary>
#
# From each device its count, mean and variance (in torch as 1/√(σ²+ε)), in one round (or counts, sums and
# squared deviations, in two); backward two sums of gradients. Accumulation adds gradients, but each forward pass has normalised its
# own few rows already.
#
# </details>
#
# <details><summary>Eight GPUs, two images on each. What do you expect of batch norm?</summary>
#
# Statistics of two images, whatever the number of GPUs. Synchronise them, or use a norm that needs no other image, or freeze.
#
# </details>
#
# <details><summary>What does weight decay do to a weight that batch norm follows?</summary>
#
# Shrinking the weight does not change the function. Decay keeps the weight short, and so the effective learning
# rate up: with SGD without momentum a step turns it by √(2ηλ) in balance.
#
# </details>
#
# <details><summary>Why do dropout and batch norm get in each other's way?</summary>
#
# With dropout before it the norm stores the variance of training, which is larger than that in use. Dropout behind the last norm
# avoids it.
#
# </details>
#
# <details><summary>A customer's answer depends on the other requests in the batch. Where do you look?</summary>
#
# The mode of every module, and whether every norm has buffers: a norm without them uses the batch in eval mode too.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("08_batchnorm_in_production")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
