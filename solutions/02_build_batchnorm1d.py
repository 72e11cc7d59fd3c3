# %% [markdown] builds="the layer, and the repair of ten broken ones"
# # 02 · Build BatchNorm1d
#
# After this notebook you can
# - write the layer from a blank page: parameters, buffers, two modes,
# - say which of the two variances goes where, and why,
# - test such a layer, and say what a test does *not* see,
# - find the wrong line in ten layers that look right.

# %% setup="setup"
import helpers

# %% [markdown]
# ## A net in production
#
# A net with two batch norm layers has learned to read small pictures of digits. Now it is served. Each request is a batch of
# eight digits. Below, the net reads the **same digit** six times, each time beside seven other digits. The net does not
# change: the same weights, nothing random inside, nothing learned in between. (About 2 seconds.)

# %%
from helpers.experiments.served_net import repaired_service, served

served()

# %% [markdown]
# What the net reads in one digit depends on who else is in the batch. We chose the digit: of those that the net can read, it
# is among those whose answers vary most. The table counts all digits.
#
# *Predict first:* the program that serves this net lacks one call. Which one? And how many percent of the digits will the
# same net read wrongly once the call is there?

# %%
repaired_service()

# %% [markdown]
# <details><summary>What was missing</summary>
#
# `net.eval()`. A batch norm layer has two modes. In train mode it takes mean and variance from the batch that it is given,
# so seven strangers have a say in every answer. In eval mode it uses a mean and a variance that it remembered from training,
# and each digit is read alone. A real service has a second fault: in train mode every request also changes what the layer
# remembers, for the day on which somebody does call `eval()`. (In the experiment above that is switched off, so that only
# the neighbours differ.)
#
# </details>
#
# Two variances, two modes, four tensors: that is the whole layer. You build it now.
#
# ## The formula
#
# A batch $x$ has $N$ rows (examples) and $C$ columns (features). In train mode each feature is normalised with the mean and
# variance of the batch (Ioffe & Szegedy 2015, Algorithm 1). In eval mode the layer uses what it remembered (Algorithm 2).
#
# | paper | in words | shape |
# |---|---|---|
# | $\mu = \frac{1}{N}\sum_i x_i$ | mean of each feature | (C,) |
# | $\sigma^2 = \frac{1}{N}\sum_i (x_i-\mu)^2$ | biased variance of each feature | (C,) |
# | $\hat x_i = (x_i-\mu)/\sqrt{\sigma^2+\varepsilon}$ | normalised: mean 0, variance almost 1 | (N, C) |
# | $y_i = \gamma \hat x_i + \beta$ | scaled and shifted; γ and β are learned | (N, C) |
# | $\mathrm{E}[x]$ | remembered mean | (C,) |
# | $\mathrm{Var}[x] = \frac{N}{N-1}\,\mathrm{E}[\sigma^2]$ | remembered variance, unbiased | (C,) |
#
# Algorithm 2 of the paper averages over many batches *after* training. (Its §3.1 has moving averages too, to watch the
# accuracy while the net trains.) PyTorch keeps an exponential moving average *during* training:
# new = (1 − momentum) · old + momentum · value of this batch, with `momentum = 0.1`. Keras uses the same word for the share
# of the old value.
#
# A mistake that is easily made is the axis. Here is a batch of 4 examples and 3 features. In batch norm the numbers in one
# solid (blue) frame share a mean and a variance:

# %%
from helpers.experiments.one_batch import by_hand, columns, histograms, two_divisors

columns()

# %% [markdown]
# Both means can be computed, and for N = C even their shapes agree. The right-hand one is not batch norm: there every example
# is normalised by itself, and no neighbour has a say.
#
# ### Once by hand
#
# Take the first column of that batch, 1, −1, 3, 4; its mean is 1.75. Work out its biased variance and its x̂ on paper, then
# compare. The table goes through the whole layer: train mode, one step of the memory, eval mode.

# %%
by_hand()

# %% [markdown]
# Two things are worth a second look. The variance that normalises is 14.75 / 4, the one that is remembered comes from
# 14.75 / 3. And the last line, eval mode right after one batch, is far from the line y: after one batch the memory holds 90 %
# of its start values, 0 and 1.
#
# Why two variances? To normalise, the batch is all there is: with ÷ N the variance of x̂ is 1, but for ε. The memory stands
# for all the data. A batch's own variance, ÷ N, is too small for that: on average by the factor (N − 1) / N, for rows drawn
# independently. With ÷ (N − 1) it is right on average.
#
# ### What happens to a feature
#
# *Predict first:* a feature has a long tail to the right, mean 5 and standard deviation 3. Is x̂ shaped like a bell? And if the
# data change after training, to mean 8 and standard deviation 1.5, has x̂ mean 0 in eval mode?

# %%
histograms()

# %% [markdown]
# <details><summary>What the six histograms say</summary>
#
# No, and no. The layer moves and stretches; it does not change the shape. "Normalised" means mean 0 and variance 1, not
# normal. In train mode (upper row) the mean of x̂ is 0 for every batch, by construction; y has mean β = 1 and standard
# deviation γ = 2. In eval mode (lower row) the layer subtracts what it remembered, so that data which have moved stay moved.
# That is the purpose of eval mode: no example is judged by the others.
#
# </details>
#
# ## Three ways to keep a tensor
#
# The layer keeps four tensors. PyTorch has three ways to keep one, and they differ in who finds it.

# %%
import torch
from torch import nn


class Keeper(nn.Module):
    def __init__(self):
        super().__init__()
        self.trained = nn.Parameter(torch.ones(1))        # an optimizer changes it
        self.register_buffer("remembered", torch.ones(1))  # saved and moved, never trained
        self.forgotten = torch.ones(1)                     # a plain attribute


keeper = Keeper().double()
print("parameters:", [name for name, _ in keeper.named_parameters()])
print("state_dict:", list(keeper.state_dict()))
print("after .double():", {n: getattr(keeper, n).dtype for n in ("trained", "remembered", "forgotten")})

# %% [markdown]
# γ and β are trained, so they are parameters. The running statistics are remembered, so they are buffers. A plain
# attribute is left behind by `state_dict`, by `.to(device)` and by `.double()`.
#
# ## The mode switch
#
# *Predict first:* a layer sits inside a model. You call `model.eval()`. Does the layer know? And does `torch.no_grad()` switch
# its mode too?

# %%
model = nn.Sequential(nn.Linear(4, 4), keeper)
print("at the start:", keeper.training)
model.eval()
print("after model.eval():", keeper.training)
model.train()
print("after model.train():", keeper.training)
with torch.no_grad():
    print("under no_grad():", keeper.training)

# %% [markdown]
# <details><summary>Two switches</summary>
#
# `eval()` sets `self.training` to False in every module inside. `torch.no_grad()` does not: it only stops the recording of
# gradients.
# A layer can be in train mode without gradients, and in eval mode with them.
#
# </details>
#
# ## Build it
#
# *Exercise, medium, 25 minutes.* Fill in both methods.
#
# - Names that the checks rely on: `gamma`, `beta`, `running_mean`, `running_var`.
# - Start values: γ = 1, β = 0, running_mean = 0, running_var = 1.
# - With one row in train mode σ² = 0, so the output is β whatever comes in, and N / (N − 1) divides by 0. PyTorch raises
#   `ValueError`. Do that, or leave running_var as it is: one row has no variance.
# - `nn.BatchNorm1d`, `F.batch_norm` and their relatives are what you build here, so do not call them.
#
# Begin with `__init__`. In a cell of your own, `list(BatchNorm1d(3).state_dict())` shows whether the four tensors are there.
# Then train mode, then the memory, then eval mode. Run the class cell and the check after each step; you need not be
# finished. The check looks at the class as it was when its cell last ran.

# %% solution="batchnorm1d"
from helpers.exercises.answers.batchnorm1d import BatchNorm1d

# %%
from helpers.exercises.batchnorm1d import batchnorm1d_exercise

batchnorm1d_exercise.check(BatchNorm1d)

# %%
from helpers.experiments.success import success

success(BatchNorm1d)

# %%
# batchnorm1d_exercise.hint(BatchNorm1d)
# batchnorm1d_exercise.solution(BatchNorm1d)

# %% [markdown]
# ## The six checks
#
# Each check is graded by itself. Between them are the reasons.
#
# ### 1 · Train mode
# 1,024 rows of 8 features, mean 3 and standard deviation 5. After the layer each feature has mean 0 (within 1e-4) and biased
# variance 1 (within 1e-2).

# %% grade="batchnorm1d.train_mode" points=2

# %% [markdown]
# ### 2 · Eval mode
# 50 training batches of mean 3 and standard deviation 5, then rows of mean −2 and standard deviation 0.5. With γ = 1 and
# β = 0 the output must be (x − running_mean) / √(running_var + ε), within 1e-5. It has neither mean 0 nor variance 1, and
# should not: think of the lower row of histograms. Running statistics that are wrong themselves pass this check. It asks
# only whether the layer uses them.

# %% grade="batchnorm1d.eval_mode" points=2

# %% [markdown]
# ### 3 · Running statistics
# They move in train mode and stay in eval mode. Where they move to is not asked here.

# %% grade="batchnorm1d.running_statistics" points=2

# %% [markdown]
# ### 4 · The numbers of torch.nn.BatchNorm1d
# Output, running_mean and running_var for a batch of **four** rows, and the eval output for two other rows, each number
# within 1e-5. Of the six this is the only one that tells ÷ N from ÷ (N − 1).
#
# *Predict first:* check 1 has 1,024 rows. From how many rows on is the unbiased variance less than 1 % above the biased one?

# %%
two_divisors()

# %% [markdown]
# <details><summary>Why four rows</summary>
#
# The difference is 1 / (N − 1) of the biased variance, below 1 % from N = 102 on. With 1,024 rows and a tolerance of 1e-2,
# check 1 cannot see it. A test needs a batch in which the mistake that it looks for is large.
#
# </details>

# %% grade="batchnorm1d.numbers" points=2

# %% [markdown]
# ### 5 · The gradients of γ and β
#
# The shortest form of such a check is `bn(x).sum().backward()`, and then "γ has a gradient that is not 0". *Predict first:*
# what is the true gradient of γ for this loss?

# %%
layer = nn.BatchNorm1d(1)
layer(torch.tensor([[1.0], [-1.0]])).sum().backward()
print("torch's layer, batch (1, −1): gradient of gamma =", layer.weight.grad.item())

# %% [markdown]
# Does torch's own layer pass that check here? And for another batch, what would the number say? Here are two ways to write
# the same layer and two losses:

# %% tags=["nbval-ignore-output"]
from helpers.experiments.what_tests_see import beyond_six, six_checks, two_losses, what_six_miss, why_each_line

two_losses()

# %% [markdown]
# <details><summary>What the left column is</summary>
#
# Rounding noise: in float64 it shrinks with the precision. For this loss $\partial L/\partial\gamma = \sum_i \hat x_i$, and
# $\sum_i \hat x_i = 0$ by construction: that is what normalising means. On the batch (1, −1) torch's own layer fails the
# short check. On other batches a layer passes or fails by how the last digits fall, and here the check rejects a right layer
# that is written as `x * scale + shift`. With random weights on the outputs the gradient is a number that both ways of
# writing agree on. So a check has to compare *values*, with a loss whose gradient is not always 0.
#
# </details>
#
# The check goes one step further and needs no second layer: it changes γ and β a little, measures how much the loss changes, and
# asks that gradient ÷ slope is 1, within 1e-2.

# %% grade="batchnorm1d.gradients" points=2

# %% [markdown]
# ### 6 · γ and β scale and shift
# Against the output with γ = 1 and β = 0: γ = 2 doubles it, and β = 5 adds 5, each within 1e-3.

# %% grade="batchnorm1d.affine" points=2

# %% [markdown]
# ## Another layer
#
# Here is a layer that keeps a switch of its own.

# %%
from helpers.exercises.bugs import OwnSwitch, print_layers, print_own_switch, print_shared_constructor

print_own_switch()

# %% [markdown]
# *Predict first:* how many of the six does it pass?

# %%
six_checks(OwnSwitch)

# %% [markdown]
# Now put it where layers are, inside a model, and serve the model. This time nobody forgets `eval()`:

# %%
model = nn.Sequential(OwnSwitch(1))
model.eval()
print(f"1 beside 0: {model(torch.tensor([[1.0], [0.0]]))[0].item():.2f}")
print(f"1 beside 2: {model(torch.tensor([[1.0], [2.0]]))[0].item():.2f}")

# %% [markdown]
# <details><summary>What went wrong</summary>
#
# The neighbour is back. `model.eval()` does not call the `eval()` of the layers inside. It calls `train(False)`, which sets
# `self.training`, and this layer never looks at that. The six checks switch the layer itself, so they cannot see it.
#
# </details>
#
# ## Beyond six
#
# So there are more checks. Each has a reason why you would mind the mistake.

# %%
beyond_six()

# %%
batchnorm1d_exercise.beyond.check(BatchNorm1d)

# %%
# batchnorm1d_exercise.beyond.hint(BatchNorm1d)

# %% [markdown]
# The first six of these are graded here, and the last. The others are for your own curiosity; a layer that you hand to
# somebody else should pass them all. On the first, `input_gradient`: the mean and the variance are functions of $x$ as well,
# so the gradient that reaches the input is
# $\frac{\gamma}{\sqrt{\sigma^2+\varepsilon}}\,(g - \overline{g} - \hat x\,\overline{g\hat x})$, where $g$ is the gradient of
# the output and a bar is the mean over the batch (the formulas of the paper's §3, put together); a layer that cuts its
# statistics out of the graph (the record that autograd differentiates) leaves out the last two terms.

# %% grade="batchnorm1d.beyond.input_gradient" points=1

# %% grade="batchnorm1d.beyond.settings" points=1

# %% grade="batchnorm1d.beyond.one_row" points=1

# %% grade="batchnorm1d.beyond.precision" points=1

# %% grade="batchnorm1d.beyond.saved" points=1

# %% grade="batchnorm1d.beyond.side_effects" points=1

# %% grade="batchnorm1d.beyond.own_work" points=1

# %% [markdown]
# ### How good are six checks?
#
# The judge of this course (the program behind `check`) has a list of wrong layers, most of them a small change of a right one.
# *Predict first:* what share of them passes all six checks?

# %%
what_six_miss()

# %% [markdown]
# The last row answers. It is no frequency of mistakes in the wild: the list was written by hand, and many layers are on it
# *because* they pass the six. That goes for the share of each kind as well. What the table does show is that in nearly every
# kind there are mistakes that the six do not see. Of the wrong means, variances, axes and γ, β on the list nearly all are
# caught. Of these, on the list, most get through: a misplaced or fixed ε, a wrong gradient of the input, statistics that are
# not saved, lost digits, what happens for one row, and side effects.
#
# ## What torch's layer has and yours has not

# %%
print(list(nn.BatchNorm1d(3).state_dict()))

# %% [markdown]
# | in `torch.nn.BatchNorm1d` | what it does |
# |---|---|
# | `weight`, `bias` | its names for γ and β |
# | `num_batches_tracked` | a fifth tensor: how many training batches it has seen |
# | `momentum=None` | remembers the plain average of all batches; needs that count |
# | `affine=False` | no γ and β |
# | `track_running_stats=False` | no buffers: it uses the batch in eval mode too |
# | input of shape (N, C, L) | each feature shares mean and variance over N and L |
#
# (PyTorch's documentation of `BatchNorm1d`.)
#
# ## Spot the bug
#
# You know how a right layer works. The harder skill is to read a wrong one. The ten below run and look right. Each has
# exactly one wrong line: once it is mended, no check of this notebook is red. Four of the ten stand in code from which many
# people learned batch norm; after the exercise we say where.
#
# *Exercise, hard, 30 minutes.* All but F share this constructor, which is right:

# %%
print_shared_constructor()

# %%
print_layers("ABCDE")

# %%
print_layers("FGHIJ")

# %% [markdown]
# For each layer say which line is wrong, which check sees it, and what the line should be.
#
# 1. Read, and decide on a line.
# 2. Look: `spot_the_bug_exercise.look("A", 7)` takes the line that you suspect, and lists the checks that are red for layer A.
#    Whether your line is the wrong one it does not say. Does what is red fit your line?
# 3. Answer in the form below, here with a wrong answer. If several checks are red, name any one of them by its id. Any
#    repair that leaves nothing red is right, on whatever line it stands.
#
# ```python
# return {"A": (3, "affine", "mean = x.mean(0)"), "B": …}
# ```

# %%
from helpers.exercises.spot_the_bug import spot_the_bug_exercise

# spot_the_bug_exercise.look("A", 7)

# %% solution="spot_the_bug"
from helpers.exercises.answers.spot_the_bug import spot_the_bug

# %%
spot_the_bug_exercise.check(spot_the_bug)

# %%
# spot_the_bug_exercise.hint(spot_the_bug)
# spot_the_bug_exercise.solution(spot_the_bug)

# %% grade="spot_the_bug" points=1

# %% [markdown]
# <details><summary>Where some of them live (open it when you are done)</summary>
#
# - *Dive into Deep Learning* (d2l.ai), version 1.0.3, chapter 8.5, PyTorch code: the moving statistics are plain attributes (as
#   `running_var` in layer F), the variance that is remembered is the biased one (A), and the mode is
#   `torch.is_grad_enabled()` (H).
# - *makemore*, part 3 (Karpathy, *nn-zero-to-hero*): the class `BatchNorm1d` normalises with `x.var(0)`, ÷ (N − 1) (B). There
#   it is a choice: part 4 writes the correction into the formula and notes it. It is not what the paper and PyTorch do.
#
# Both teach a lot, and both train. Of A, F and H the training loss sees nothing at all: in train mode they compute the same
# numbers as a right layer. B is off by the factor √((N − 1)/N), which a learned γ can take back in train mode.
#
# </details>
#
# ## Why each line is there
#
# Each row takes back one decision of the layer and asks the checks what they see.

# %%
why_each_line()

# %% [markdown]
# <details><summary>The formula and the code (open it when your layer passes)</summary>
#
# | paper | one way to write it | shape |
# |---|---|---|
# | $\mu$ | `mean = x.mean(dim=0)` | (C,) |
# | $\sigma^2$ | `var = ((x - mean) ** 2).mean(dim=0)` | (C,) |
# | $\hat x$ | `x_hat = (x - mean) / torch.sqrt(var + eps)` | (N, C) |
# | $y$ | `gamma * x_hat + beta` | (N, C) |
# | $\mathrm{E}[x]$, as PyTorch tracks it | `running_mean = (1 - momentum) * running_mean + momentum * mean` | (C,) |
# | $\mathrm{Var}[x]$, as PyTorch tracks it | `running_var = (1 - momentum) * running_var + momentum * var * N / (N - 1)` | (C,) |
#
# </details>
#
# ## Recap
#
# 1. Normalise with the biased variance (÷ N), remember the unbiased one (÷ (N − 1)). Both are in the paper.
# 2. γ and β are parameters; the running statistics are buffers; the mode is `self.training`.
# 3. Only the update of the buffers is cut from the graph. The statistics that normalise are not.
# 4. In train mode an answer depends on its neighbours in the batch. Before you serve a net, call `eval()`.
# 5. Σx̂ = 0, so a test that sums the outputs says nothing about γ's gradient.
# 6. A layer can pass six sensible checks and still be wrong in how it learns, saves, rounds or switches its mode.
#
# ## Interview page
#
# <details><summary>Batch norm uses two variances. Which one where?</summary>
#
# The batch is normalised with the biased variance, ÷ N. What is remembered for eval mode is the unbiased one, ÷ (N − 1).
# Paper: Algorithms 1 and 2.
#
# </details>
# <details><summary>Why is ε under the root and not after it?</summary>
#
# √v has an infinite slope at v = 0. With ε under the root a constant feature gives 0 and a finite gradient;
# with ε after it the value is finite and the gradient is not.
#
# </details>
# <details><summary>Why has the linear layer before a batch norm no bias?</summary>
#
# Batch norm subtracts the mean, and with it any constant that was added before. β takes over (paper, §3.2).
#
# </details>
# <details><summary>What do γ and β do in eval mode?</summary>
#
# The same as in train mode: γ · x̂ + β. Only where the mean and variance come from changes.
# So in eval mode the whole layer is one multiplication and one addition for each feature.
#
# </details>
# <details><summary>What happens with a batch of one in train mode?</summary>
#
# Its variance is 0, so x̂ is 0 and the output is β whatever came in; the unbiased variance divides by 0.
# PyTorch raises ValueError. In eval mode one row is fine.
#
# </details>
# <details><summary>Is <code>model.eval()</code> the same as <code>torch.no_grad()</code>?</summary>
#
# No. `eval()` switches layers such as batch norm and dropout; gradients are still recorded.
# `no_grad()` stops the recording; a batch norm layer in train mode stays there, uses the batch, and goes on moving its memory.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("02_build_batchnorm1d")

# %% [markdown]
# Keep your class: notebook 03 trains nets with it.
