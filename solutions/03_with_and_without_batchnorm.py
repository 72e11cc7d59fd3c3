# %% [markdown] builds="a deep net with and without the layer"
# # 03 · With and without batch norm
#
# After this notebook you can
# - build a deep net with or without a norm, and say why a Linear before a norm has no bias,
# - take a popular demonstration of batch norm apart: what it shows, and what it does not,
# - compare two nets fairly: a target that can be learned, a strong control, several seeds, held-out data,
# - say where a net without batch norm is the better one.

# %% setup="setup"
import helpers

# %% [markdown]
# ## Your own layer
#
# The experiments below train with the layer that you built in notebook 02. Paste your class `BatchNorm1d` into the next cell,
# in place of its last line. If it does not pass the six checks, or if you paste nothing, PyTorch's layer is used, and the
# cell says so.

# %%
import torch
from torch import nn

BatchNorm1d = None  # your class in place of this line

# %%
from helpers.experiments.learners import choose

layer = choose(BatchNorm1d)

# %% [markdown]
# ## 1 · The net
#
# All nets here are multilayer perceptrons (MLPs). A hidden layer of Ioffe & Szegedy (2015, §3.2) is $z = g(\mathrm{BN}(Wu))$:
#
# | paper | code |
# |---|---|
# | $Wu$, without the bias $b$ | `nn.Linear(fan_in, fan_out, bias=False)` |
# | $\mathrm{BN}$ | `norm(fan_out)` |
# | $g$ | `nn.ReLU()` |
#
# The last Linear layer, which gives the outputs, is called the *head*. No norm and no ReLU follows it.
#
# Why is the bias dropped? A bias adds the same number to a feature in every row. Batch norm then subtracts the mean of the
# feature, and with it the bias. β does the bias's work.
#
# *Predict first:* give the Linear a bias all the same. How large is its gradient if the norm comes right after it? In eval
# mode? And if a ReLU stands between the two?

# %%
from torch.nn import functional as F

from helpers.lab.data import digits

split = digits(torch.float64)
ORDERS = {
    "Linear, norm, ReLU; train mode": (("norm", "relu"), True),
    "Linear, norm, ReLU; eval mode": (("norm", "relu"), False),
    "Linear, ReLU, norm; train mode": (("relu", "norm"), True),
}
for name, (order, training) in ORDERS.items():
    torch.manual_seed(0)
    linear, head = nn.Linear(64, 32), nn.Linear(32, 10)
    parts = {"norm": layer(32), "relu": nn.ReLU()}
    net = nn.Sequential(linear, *(parts[p] for p in order), head).double().train(training)
    F.cross_entropy(net(split.X_train), split.y_train).backward()
    size = linear.bias.grad.abs().max().item()
    said = "is 0 but for rounding" if size < 1e-12 else f"up to {size:.3f}"
    print(f"{name}: gradient of the bias {said}")

# %% [markdown]
# Right before a norm in train mode the bias has no gradient: it never learns. In eval mode the running mean is a constant, so a
# bias would count again. And if a ReLU stands between, the bias decides which units are on: keep it there.
#
# ### Build it
#
# *Exercise, easy, 8 minutes.* `norm` builds a layer for a number of features, as `nn.BatchNorm1d` does. Every hidden layer
# is Linear, norm, ReLU; without a norm it is Linear, ReLU. The head is a plain Linear with a bias.

# %%
from collections.abc import Callable
from itertools import pairwise

print(list(pairwise([5, 7, 6, 3])))

# %% solution="make_mlp"
from helpers.exercises.answers.make_mlp import make_mlp

# %%
from helpers.exercises.make_mlp import make_mlp_exercise

make_mlp_exercise.check(make_mlp)

# %%
# make_mlp_exercise.hint(make_mlp)
# make_mlp_exercise.solution(make_mlp)

# %% grade="make_mlp" points=1

# %% [markdown]
# *Exercise, easy, 3 minutes.* The bias goes, γ and β come. Has the net more or fewer numbers to learn? Buffers are not
# learned by gradient descent. `norm` is True or False here.

# %% solution="count_parameters"
from helpers.exercises.answers.make_mlp import count_parameters

# %%
from helpers.exercises.make_mlp import count_parameters_exercise

count_parameters_exercise.check(count_parameters)

# %%
# count_parameters_exercise.hint(count_parameters)
# count_parameters_exercise.solution(count_parameters)

# %% grade="count_parameters" points=1

# %% [markdown]
# ## 2 · The popular demo
#
# This one goes around: 512 rows of 20 normal features, target $\sin(2\sqrt{20}\, w \cdot x)$ plus a little noise, an MLP with 6 hidden
# layers of 128, SGD with learning rate 0.05, every step on all 512 rows (*full batch*), 300 steps. One net is plain, the
# other has batch norm. Its message: the training loss of the plain net stays near 0.50, that of the batch norm net falls to
# about 1e-5.
#
# *Predict first:* the numbers are true. And on 512 rows that were *held out*, that is, not trained on?

# %%
from helpers.experiments import fair
from helpers.experiments import with_and_without
from helpers.lab import figures
from helpers.experiments.fair import NETS
from helpers.lab.tables import rows, spread, table

shown = with_and_without.demo(layer)
figures.show(
    with_and_without.demo_figure(shown),
    "The popular demo: training and held-out loss of a plain net and of a batch norm net.",
)
mean_only = with_and_without.demo_data().y_test.var(correction=0).item()
table(
    ["", "training loss", "held-out loss"],
    [[NETS[name], f"{max(net.train_loss):.1g}", spread(net.test_loss)] for name, net in shown.items()]
    + [["predict the mean", "", f"{mean_only:.2f}"]],
)

# %% [markdown]
# Losses are mean squared errors; 2 seeds; bands and brackets show their range. The first column is the larger of the two, at the
# end, in eval mode.
#
# **Catch 1: it memorises.** On held-out rows the batch norm net is *worse than a constant*. The target turns so often within
# the data that 512 rows do not determine it. So the demo is about optimisation only: which net fits 512 numbers sooner.
#
# **Catch 2: why does the plain net stall?** Look at the signal before training: the standard deviation over the rows of
# what leaves each hidden layer. From here on the nets are 64 wide, to shorten the waiting.
#
# *Predict first:* PyTorch's default initialisation draws weights of variance 1/(3 · fan-in). He et al. (2015) use 2/fan-in,
# made for ReLU. What does that do to the signal after 6 layers? And to the stall?

# %%
split = with_and_without.demo_data()
table(
    ["hidden layer", *range(1, 7)],
    [
        [NETS["none"], *(f"{s:.3f}" for s in with_and_without.signal(split))],
        [NETS["none, He"], *(f"{s:.3f}" for s in with_and_without.signal(split, init="he"))],
        [NETS["batch"], *(f"{s:.3f}" for s in with_and_without.signal(split, layer))],
    ],
)

# %% tags=["nbval-ignore-output"]
longer = {
    "none": with_and_without.demo_losses("default", steps=1200),
    "none, He": with_and_without.demo_losses("he", steps=300),
}
figures.show(
    with_and_without.plateau_figure(longer),
    "Training loss of the plain net: 1,200 steps from default, 300 from He initialisation.",
)
for name, losses in longer.items():
    print(f"{NETS[name]}: training loss after 300 steps {spread(losses[:, 299])}")
lowest = longer["none"].min(dim=1).values
print(f"{NETS['none']}: lowest training loss up to step 1,200 {spread(lowest)}")
for lr, steps in ((0.05, 20), (0.03, 300)):
    wide = with_and_without.demo_losses("he", lr, width=128, steps=steps)[:, -1]
    print(f"{NETS['none, He']}, width 128, learning rate {lr}, {steps} steps: {spread(wide)}")

# %% [markdown]
# So the plain net does fit the target, from another start or after more steps. The peaks of the He net show that 0.05 is near the
# largest learning rate it can take: at the demo's width of 128 it diverges at 0.05, and trains at 0.03.
#
# From here on many nets are trained at once, as one stack: all learning rates and seeds of one figure. `torch.func.vmap` runs the code of
# one net, your layer included, on all of them. The arithmetic is the same as one by one.
#
# *Question, 1 minute.* Why does the plain net stay near 0.5 in the demo?
#
# - **a** A net of 6 layers without a norm cannot fit this target, however long it is trained.
# - **b** Its learning rate is too high, so its loss diverged to a plateau and stays there.
# - **c** Its default initialisation shrinks the signal from layer to layer, so 300 small steps hardly move it.
# - **d** It overfits: the loss on rows that it was not trained on stays high.
# - **e** Its mini-batches are too noisy, so the steps point in different directions.

# %% solution="why_plain_stalls"
from helpers.exercises.answers.make_mlp import why_plain_stalls

# %%
from helpers.exercises.make_mlp import why_plain_stalls_exercise

why_plain_stalls_exercise.check(why_plain_stalls)
# why_plain_stalls_exercise.hint(why_plain_stalls)

# %% grade="why_plain_stalls" points=1

# %% [markdown]
# **Catch 3: the learning rate.** Batch norm is said to allow larger learning rates. *Predict first:* raise the demo's learning
# rate, step by step. Which net breaks first?

# %%
rates = (0.05, 0.2, 0.5, 1.0)
raised = with_and_without.faster(layer, rates)
print("training loss after 60 steps")
last = [found.losses[:, :, -1] for found in raised.values()]
table(["learning rate", *raised], rows(rates, last))

# %% [markdown]
# 3 seeds, median and range. Batch norm breaks *first*: it stalls at 0.2 and diverges at 0.5. The third column is the same batch
# norm net with its output divided by √64 = 8: nothing else is changed, and it takes the largest learning rate.
#
# The reason can be computed. No norm follows the head, and the squared error is a quadratic function of the head's weights. Gradient
# descent on a quadratic with largest curvature λ diverges above the learning rate 2/λ. What enters the head are all units
# of the last hidden layer, each with a mean well above 0, because it passed a ReLU. With batch norm they are large, and λ
# grows with their number.

# %%
for width in (64, 128, 256):
    print(f"batch norm, width {width:3}: 2/λ of the head = {with_and_without.head_limit(layer, width):.3f}")
print(f"batch norm, width  64, output ÷ 8: {with_and_without.head_limit(layer, 64, 1 / 8):.1f}")
print(f"no norm, default init, width  64: {with_and_without.head_limit(None, 64):.2f}")

# %% [markdown]
# The demo, at width 128 and learning rate 0.05, is already above its limit: that is the peak at the start of its training
# curve. (At learning rate 1.0 the plain net is above its own limit, and its loss grows.)
#
# *Question, 1 minute.* Why does the batch norm net diverge first here?
#
# - **a** At a large learning rate the batch statistics change too much from one batch to the next.
# - **b** A net with batch norm needs a smaller learning rate than a plain net, whatever its head.
# - **c** ε is too small, so that units with a small variance are divided by nearly 0.
# - **d** The head's inputs are large and no norm follows it; its curvature grows with the width.
# - **e** The default initialisation is too small for batch norm, so the first steps are too large.

# %% solution="why_batch_norm_diverges"
from helpers.exercises.answers.make_mlp import why_batch_norm_diverges

# %%
from helpers.exercises.make_mlp import why_batch_norm_diverges_exercise

why_batch_norm_diverges_exercise.check(why_batch_norm_diverges)
# why_batch_norm_diverges_exercise.hint(why_batch_norm_diverges)

# %% grade="why_batch_norm_diverges" points=1

# %% [markdown]
# ## 3 · The fair set-up
#
# Three changes make the comparison mean something:
#
# | change | why |
# |---|---|
# | target $\sin(w \cdot x)$ | every net here can learn it, so the held-out loss has a meaning |
# | output × 1/√width | the head no longer sets the limit |
# | a third net: plain, He initialisation | the *control*: is it batch norm that helps, or only a good scale at the start? |
#
# 6 hidden layers of 64, SGD, 200 steps. The default plain net stays in, as the demo's opponent.
#
# *Predict first:* for which learning rates does batch norm beat the control, with batches of 32?

# %% tags=["nbval-ignore-output"]
rates = (0.03, 0.1, 0.3, 1.0, 3.0)
by_rate = fair.over_learning_rates(layer, rates, batch_size=32)
figures.show(
    with_and_without.rates_figure(rates, by_rate),
    "Held-out loss of three nets against the learning rate.",
)
print("held-out loss at batch size 32")
table(["learning rate", *NETS.values()], rows(rates, [net.test_loss for net in by_rate.values()]))

# %% [markdown]
# 3 seeds: median and range. That is one row of a map. The whole map, learning rate × batch size, takes two minutes on one core, so it was
# computed in advance by the same functions, with 5 seeds and PyTorch's layer (`python -m helpers.experiments.rate_batch_plane` does it again).
#
# *Predict first:* which batch sizes are the worst for batch norm? Is there a region where the control has the lower loss? In which
# cells has batch norm the lower loss, and has still learned nothing?

# %%
from helpers.experiments import rate_batch_plane

sine_plane = rate_batch_plane.load("sine")
figures.show(
    rate_batch_plane.figure(sine_plane),
    "Three maps over learning rate and batch size: held-out loss of the control, of batch norm, and which is lower.",
)
mean_only = fair.fair_data().y_test.var(correction=0).item()
lowest = {name: sine_plane.median[name].min(axis=1) for name in ("none, He", "batch")}
print(f"lowest median over the learning rates; predicting the mean gives {mean_only:.2f}")
table(
    ["batch size", *sine_plane.batch_sizes],
    [[NETS[name], *(f"{loss:.2f}" for loss in losses)] for name, losses in lowest.items()],
)
winners = rate_batch_plane.winners(sine_plane)
print("cells in which one net has the lower loss, all seeds of it below all seeds of the other:")
for name, short in (("none, He", "He"), ("batch", "BN")):
    print(f"  {NETS[name]}: {sum(row.count(short) for row in winners)} of 56")

# %% [markdown]
# A cell shows the median of 5 seeds; "div." says that most of them diverged. To the right, red: the control is lower, blue: batch norm is. The
# names stand only where the ranges of the seeds do not overlap.
#
# In this set-up:
#
# - Batch norm works over a wide range of learning rates: it learns at 3, where the control diverges at every batch size. Its
#   best loss is lower than the control's best, clearly so from 16 rows in a batch on.
# - With 2 or 4 rows the mean and variance are so noisy that the control's best loss is the lower one. (Small batches also see less data in 200
#   steps. That holds for both nets, and is why the control stands beside.)
# - With 2 rows batch norm learns nothing at any rate: its loss stays at that of predicting the mean. "BN" in the lower right corner only
#   says that the other net diverged.
# - With 128 or 256 rows and rates of 0.1 or 0.3 the control's median is the lower one again. One guess is that the noise of smaller
#   batches regularises batch norm; this map does not test it.
# - The default plain net is left out of the map, but not untrainable: see learning rate 1 in the figure before.
#
# ### The playground
#
# The same nets, live, with your layer. Two sliders set the learning rate and the batch size; you can type a number as well. The
# map beside the curves is the one above, and each of your runs leaves its dot on it: a dot is one seed with your layer, a cell is the median of
# five with PyTorch's. Losses are taken in eval mode, on training rows and on held-out rows. More settings (depth, initialisation, the
# pair of nets, task, seed) are behind a button. The list "look inside" shows activations, gradients or running statistics.
#
# Before a new corner of the map you are asked for a guess. Things to find:
#
# 1. the batch size at which batch norm stops learning, at its best learning rate;
# 2. a setting with batches of 64 or more where the control wins; then the nearest one where it loses;
# 3. the step at which the control diverges at rate 3, and what the line "why?" says about it;
# 4. the same corners on the second task, digits. Do your answers to 1 and 2 change?

# %%
from helpers.widgets.playground import playground

playground(layer=BatchNorm1d)

# %% [markdown]
# One run is one seed. Before you believe a difference, look for it in the map, which has five.
#
# ## 4 · Digits
#
# Real data now: 8×8 handwritten digits, 1,297 for training, 500 held out, cross-entropy loss, 6 hidden layers of 64, batches of
# 64, 200 steps. Chance is 0.10.

# %% tags=["nbval-ignore-output"]
rates = (0.03, 0.1, 0.3, 1.0, 3.0)
real = fair.train_three(layer, digits(), fair.widths(64, 10), rates, batch_size=64, steps=200)
print("held-out accuracy")
table(["learning rate", *NETS.values()], rows(rates, [net.test_accuracy for net in real.values()]))

# %% [markdown]
# Where the control has a good learning rate, the two differ by a few points; one held-out digit is 0.2 points. The difference is the
# *width* of the range: batch norm still works at learning rate 3.
#
# These nets have no factor on their output. The playground's digits have 1/√width, as its first task does. *Predict first:* the factor makes
# the gradients of the hidden layers 8 times smaller at the start. What does that do to the map?

# %%
digits_plane = rate_batch_plane.load("digits")
figures.show(
    rate_batch_plane.figure(digits_plane),
    "Digits: maps over learning rate and batch size of the control's loss, of batch norm's, and which is lower.",
)
learned = {name: digits_plane.median[name][-3:] < 0.5 for name in ("none, He", "batch")}
print("learning rates with a median loss below 0.5 (batches of 64 or more)")
for name, cells in learned.items():
    kept = [f"{lr:g}" for lr, good in zip(digits_plane.lrs, cells.all(axis=0), strict=True) if good]
    print(f"  {NETS[name]}: " + ", ".join(kept))

# %% [markdown]
# Both ranges move to the right. Now the control is the better net at 0.1, at every batch size, and batch norm from 1 on. So a
# comparison at one learning rate can be made to say either. What stays is the upper end: the control diverges at 3 and batch norm does not.
# And tiny batches are bad for batch norm on this task too.
#
# ### Learning rate × initial weights
#
# *Predict first:* draw a map. To the right the learning rate grows, upwards the scale of the initial weights. Where does the
# plain net train? Where does batch norm? Is there a corner in which the plain net is better?

# %% tags=["nbval-ignore-output", "readme"]
rates = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
scales = (0.1, 0.3, 0.6, 1.0, 2.0, 5.0)
plain, normed = with_and_without.heat_map(layer, rates, scales)
figures.show(
    with_and_without.heat_map_figure(rates, scales, plain, normed),
    "Maps of held-out accuracy over learning rate and initial scale: without norm, with, difference.",
)
for name, accuracy in (("no norm", plain), ("batch norm", normed)):
    cells = [int((accuracy[:, :, seed] > 0.9).sum()) for seed in range(3)]
    print(f"{name:10}: above 90 % in {spread(cells, 0)} of 42 cells")
corner = spread(plain[4, 0]), spread(normed[4, 0])
print(f"learning rate 0.003, 2 × He's std: no norm {corner[0]}, batch norm {corner[1]}")

# %% [markdown]
# Percent, medians of 3 seeds, 4 hidden layers, batches of 32, 150 steps. Batch norm fills most of the map. But where the weights
# are large and the learning rate is small, the plain net is far better. Why? Multiply every weight before a norm by a factor, and
# look at one SGD step:

# %%
factors = (1, 3, 10)
print("weights ×  change of the output  ‖gradient‖  share of ‖W‖ that a step moves")
for factor, (change, gradient, share) in zip(factors, with_and_without.turns(layer, factors), strict=True):
    small = "below 0.01" if change < 0.01 else f"{change:.2f}"
    print(f"{factor:9}  {small:>20}  {gradient:10.2f}  {share:30.2f}")

# %% [markdown]
# The last two columns are relative to the first row. The first one is the paper's §3.3, BN((aW)u) = BN(Wu), up to ε.
#
# *Question, 1 minute.* Why is batch norm so slow at large weights and a small learning rate?
#
# - **a** After 150 steps its running statistics still carry their starting values.
# - **b** Before a norm only the direction of W counts, and a step turns weights a times as large by 1/a² as much.
# - **c** Large weights push the inputs of the ReLUs far from 0, where the gradient is 0.
# - **d** Large weights make the mean and variance of a batch noisier, so the steps cancel.
# - **e** Batch norm learns more slowly than a plain net everywhere; here it only shows more.

# %% solution="where_plain_wins"
from helpers.exercises.answers.make_mlp import where_plain_wins

# %%
from helpers.exercises.make_mlp import where_plain_wins_exercise

where_plain_wins_exercise.check(where_plain_wins)
# where_plain_wins_exercise.hint(where_plain_wins)

# %% grade="where_plain_wins" points=1

# %% [markdown]
# ### Depth
#
# *Predict first:* 2, 4, 8, 12 hidden layers, learning rate 0.1, 300 steps. From which depth on does the plain net fail, with
# default and with He initialisation? Which net has the lowest training loss at 4 layers?

# %% tags=["nbval-ignore-output"]
depths = (2, 4, 8, 12)
deeper = with_and_without.by_depth(layer, depths)
figures.show(
    with_and_without.depth_figure(depths, deeper),
    "Training loss and held-out accuracy against depth, for four nets.",
)
names = ("no norm, default", "no norm, He", "batch norm, default", "batch norm, He")
print("training loss")
table(["hidden layers", *names], rows(depths, [losses for losses, _ in deeper.values()]))
print("held-out accuracy")
table(["hidden layers", *names], rows(depths, [accuracy for _, accuracy in deeper.values()]))
loss = {net: losses for net, (losses, _) in deeper.items()}
lowest = torch.minimum(loss["batch", "default"], loss["batch", "he"])
for i in (1, 2):
    wins = (loss["none", "he"][i] < lowest[i]).sum()
    print(f"{depths[i]} layers: the control has the lowest training loss in {wins} of 3 seeds")

# %% [markdown]
# Width 64, batches of 32, 3 seeds. "Batch norm makes deep nets trainable" is true here for default initialisation from
# 8 layers on and for He initialisation from 12 on. At 4 and 8 layers the control has the *lower training loss*. That loss is taken
# in train mode, where batch norm pays for the noise of its batch statistics. On held-out digits the two are close there.
#
# ## 5 · Before or after the nonlinearity?
#
# The paper puts the norm before the ReLU (§3.2), since $Wu$ is more likely to have "a symmetric, non-sparse distribution".
# Many later nets put it after. *Predict first:* how large is the difference in accuracy?

# %%
placement = with_and_without.placement(layer, lrs=(0.1, 1.0))
table(
    ["norm", "learning rate", "held-out accuracy"],
    [[f"{where} the ReLU", lr, spread(accuracy)] for (where, lr), accuracy in placement.items()],
)

# %% [markdown]
# 3 seeds, 6 hidden layers, batches of 64, 100 steps. After so few steps "before" is slightly ahead, but the ranges of the seeds
# overlap. This is one small data set: it settles nothing for large nets.
#
# ## What would change my mind
#
# - *"Batch norm generalises better."* In section 3 its held-out loss is lower than that of the control, in section 2 higher. If the
#   control were tuned as well as batch norm (its learning rate, its schedule, its initialisation layer by layer) and the gap
#   stayed over many data sets, I would believe it for MLPs. These nets were not tuned that far.
# - *"Batch norm is needed for depth."* Plain nets with residual connections and careful initialisation are trained very deep
#   (Brock et al. 2021 reach 86.5 % on ImageNet without any norm). What a norm adds there is tolerance, not possibility.
# - *"Batch norm helps because…"* Nothing here says why. Notebook 06 takes the explanations one by one.
#
# ## Recap
#
# 1. A hidden layer is Linear without bias, norm, ReLU; right before a norm a bias has no gradient.
# 2. The popular demo shows memorising: on held-out rows its batch norm net is worse than predicting the mean.
# 3. The plain net stalls there from its initialisation; the batch norm net breaks first at larger learning rates, because
#    of the head.
# 4. In a fair set-up batch norm has the wider range of learning rates and initial scales; He initialisation alone wins at tiny
#    batches, and in training loss at moderate depth.
# 5. Large weights before a norm act as a small learning rate.
