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
# ## The formula and the code
#
# A batch $x$ has $N$ rows (examples) and $C$ columns (features). In train mode each feature is normalised with the mean and
# variance of the batch (Ioffe & Szegedy 2015, Algorithm 1). In eval mode the layer uses what it remembered (Algorithm 2).
#
# | paper | code | shape |
# |---|---|---|
# | $\mu = \frac{1}{N}\sum_i x_i$ | `mean = x.mean(dim=0)` | (C,) |
# | $\sigma^2 = \frac{1}{N}\sum_i (x_i-\mu)^2$ (biased) | `var = ((x - mean) ** 2).mean(dim=0)` | (C,) |
# | $\hat x_i = (x_i-\mu)/\sqrt{\sigma^2+\varepsilon}$ | `x_hat = (x - mean) / torch.sqrt(var + eps)` | (N, C) |
# | $y_i = \gamma \hat x_i + \beta$ | `gamma * x_hat + beta` | (N, C) |
# | remembered: $\mathrm{E}[x]$ | `running_mean = (1 - momentum) * running_mean + momentum * mean` | (C,) |
# | remembered: $\mathrm{Var}[x] = \frac{N}{N-1}\sigma^2$ (unbiased) | `running_var = (1 - momentum) * running_var + momentum * var * N / (N - 1)` | (C,) |
#
# The paper averages over many batches *after* training. PyTorch keeps an exponential moving average *during* training, with
# `momentum = 0.1` as the share of the new batch. Keras uses the same word for the share of the old value.
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
# *Predict first:* a layer sits inside a model. You call `model.eval()`. Does the layer know?

# %%
model = nn.Sequential(nn.Linear(4, 4), keeper)
print("at the start:         ", keeper.training)
model.eval()
print("after model.eval():   ", keeper.training)
model.train()
print("after model.train():  ", keeper.training)
with torch.no_grad():
    print("under no_grad():      ", keeper.training)

# %% [markdown]
# `eval()` sets `self.training` in every module inside. `torch.no_grad()` does not: it only stops the recording of gradients.
# These are two different switches.
#
# ## Build it
#
# *Exercise, medium, 20 minutes.* Fill in both methods.
#
# - Names that the checks rely on: `gamma`, `beta`, `running_mean`, `running_var`.
# - Start values: γ = 1, β = 0, running_mean = 0, running_var = 1.
# - With one row in train mode there is no variance. PyTorch raises `ValueError`; so may you. It is also accepted to skip the
#   update. Never write NaN.
# - `nn.BatchNorm1d`, `F.batch_norm` and their relatives are what you build here, so do not call them.

# %% solution="batchnorm1d"
from helpers.exercises.answers.batchnorm1d import BatchNorm1d

# %%
from helpers.exercises.batchnorm1d import batchnorm1d_exercise

batchnorm1d_exercise.check(BatchNorm1d)

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
# 50 training batches, then data with quite other statistics. The output must be
# (x − running_mean) / √(running_var + ε), within 1e-5. It is *not* normal with mean 0 and variance 1, and should not be.

# %% grade="batchnorm1d.eval_mode" points=2

# %% [markdown]
# ### 3 · Running statistics
# They move in train mode and stay in eval mode.

# %% grade="batchnorm1d.running_statistics" points=2

# %% [markdown]
# ### 4 · The numbers of torch.nn.BatchNorm1d
# Output, running_mean, running_var and eval output, within 1e-5. This is the check that sees a wrong variance.
#
# *Predict first:* 4 rows. By how many percent do the biased and the unbiased variance differ?

# %%
n = 4
print(f"unbiased / biased = N / (N - 1) = {n / (n - 1):.4f}")

# %% grade="batchnorm1d.numbers" points=2

# %% [markdown]
# ### 5 · The gradients of γ and β
#
# A widespread form of this check is `bn(x).sum().backward()` and then "γ has a gradient that is not 0". *Predict first:* what is
# the true gradient of γ for this loss?

# %%
x = torch.tensor([[1.0], [-1.0], [3.0], [4.0]])
layer = nn.BatchNorm1d(1)
layer(x).sum().backward()
print("torch's own layer, loss = sum of outputs:")
print(f"  gradient of gamma below 1e-5? {abs(layer.weight.grad.item()) < 1e-5}")

mean, var = x.mean(0), x.var(0, correction=0)
gamma = torch.ones(1, dtype=torch.float64, requires_grad=True)
(gamma * ((x - mean) / torch.sqrt(var + 1e-5)).double()).sum().backward()
print(f"  in float64 it is 0 to 6 digits: {abs(gamma.grad.item()):.6f}")

two = torch.tensor([[1.0], [-1.0]])
layer.zero_grad()
layer(two).sum().backward()
print(f"  for the batch [1, -1] it is exactly {layer.weight.grad.item()}")

# %% [markdown]
# $\partial L/\partial\gamma = \sum_i \hat x_i$ for this loss, and $\sum_i \hat x_i = 0$ by construction: that is what
# normalising means. The check passes or fails on rounding noise. It rejects PyTorch's own layer for the batch [1, −1], and
# it rejects a correct layer that is written as `x * scale + shift`. So the outputs are weighted with random numbers, and
# the *values* count: two right layers have the same gradient, however they are written.

# %%
torch.manual_seed(0)
x, weights = torch.randn(16, 3), torch.randn(16, 3)
layer = nn.BatchNorm1d(3)
(layer(x) * weights).sum().backward()


class ScaleShift(nn.BatchNorm1d):
    """The same function, written as x · scale + shift."""

    def forward(self, x):
        scale = self.weight / torch.sqrt(x.var(0, correction=0) + self.eps)
        return x * scale + (self.bias - x.mean(0) * scale)


other = ScaleShift(3)
(other(x) * weights).sum().backward()
gap = (layer.weight.grad - other.weight.grad).abs().max().item()
print(f"gradient of gamma, torch: {[round(v, 3) for v in layer.weight.grad.tolist()]}")
print(f"largest difference below 1e-5? {gap < 1e-5}")

# %% [markdown]
# The check goes one step further and needs no second layer: it changes γ and β a little, measures how much the loss changes, and
# compares that slope with the gradient.

# %% grade="batchnorm1d.gradients" points=2

# %% [markdown]
# ### 6 · γ and β scale and shift
# Against the output with γ = 1 and β = 0: γ = 2 doubles it, and β = 5 adds 5, each within 1e-3.

# %% grade="batchnorm1d.affine" points=2

# %% [markdown]
# ## What the six do not see
#
# *Predict first:* this layer has detached statistics: no gradient flows through the mean and the variance. How many of the six
# does it pass?

# %%
from helpers.exercises.bugs import LAYERS, listing

batchnorm1d_exercise.check(LAYERS["E"])

# %% [markdown]
# All six. Yet every layer below it would be trained with a wrong gradient. The next checks look further. Each has a reason
# why you would meet the mistake.

# %%
for check in batchnorm1d_exercise.beyond.checks:
    print(f"{check.id:15} {check.title}\n{'':15} {check.why}")

# %%
batchnorm1d_exercise.beyond.check(BatchNorm1d)

# %%
# batchnorm1d_exercise.beyond.hint(BatchNorm1d)

# %% [markdown]
# The first six of these are graded here. The others are for your own curiosity; a layer that you hand to somebody else
# should pass them all.

# %% grade="batchnorm1d.beyond.input_gradient" points=1

# %% grade="batchnorm1d.beyond.settings" points=1

# %% grade="batchnorm1d.beyond.one_row" points=1

# %% grade="batchnorm1d.beyond.precision" points=1

# %% grade="batchnorm1d.beyond.saved" points=1

# %% grade="batchnorm1d.beyond.side_effects" points=1

# %% [markdown]
# ## Why each line is there
#
# The judge knows wrong layers, most of them a small change of a right one. *Predict first:* what share of them passes all six
# checks?

# %%
record = batchnorm1d_exercise.record
six = {check.id for check in batchnorm1d_exercise.checks}
table = {}
for suspect in record.suspects:
    red = batchnorm1d_exercise.whole.assess(record.lineup[suspect.id]).red
    category = "two at once" if "+" in suspect.id else suspect.category
    known, passing = table.setdefault(category, ([], []))
    known.append(suspect)
    if not red & six:
        passing.append((suspect, red))

print(f"{'category':20}{'wrong layers':>12}{'pass all six':>14}   for example (seen by)")
for category, (known, passing) in table.items():
    example = f"   {passing[0][0].id} ({', '.join(sorted(passing[0][1]))})" if passing else ""
    print(f"{category:20}{len(known):12}{len(passing):14}{example}")
print(f"{'together':20}{len(record.suspects):12}{sum(len(passing) for _, passing in table.values()):14}")

# %% [markdown]
# Mistakes about the variance, the axis and γ and β do not get past the six, or hardly. What does: ε in the wrong place, a
# wrong gradient of the input, buffers that are none, constants that ignore the constructor, lost digits, and what happens
# around the numbers.
#
# ## Spot the bug
#
# *Exercise, hard, 15 minutes.* Ten layers, each with exactly one wrong line. All but F share this constructor, which is right:

# %%
import inspect
from helpers.exercises import bugs

print(inspect.getsource(bugs.Layer))

# %%
for name in "ABCDE":
    print(listing(name), end="\n\n")

# %%
for name in "FGHIJ":
    print(listing(name), end="\n\n")

# %% [markdown]
# For each layer say which line is wrong, which check sees it, and what the line should be. You may run the checks on a
# layer: `batchnorm1d_exercise.check(LAYERS["A"])` or `batchnorm1d_exercise.beyond.check(LAYERS["A"])`. The ids of the six are `train_mode`,
# `eval_mode`, `running_statistics`, `numbers`, `gradients` and `affine`; the others are printed above. If several see it,
# name any of them. An answer has this form:
#
# ```python
# return {"A": (3, "numbers", "mean = x.mean(0)"), "B": …}
# ```

# %% solution="spot_the_bug"
from helpers.exercises.answers.spot_the_bug import spot_the_bug

# %%
from helpers.exercises.spot_the_bug import spot_the_bug_exercise

spot_the_bug_exercise.check(spot_the_bug)

# %%
# spot_the_bug_exercise.hint(spot_the_bug)
# spot_the_bug_exercise.solution(spot_the_bug)

# %% grade="spot_the_bug" points=1

# %% [markdown]
# ## Recap
#
# 1. Normalise with the biased variance (÷ N), remember the unbiased one (÷ (N − 1)). Both are in the paper.
# 2. γ and β are parameters; the running statistics are buffers; the mode is `self.training`.
# 3. Only the update of the buffers is cut from the graph. The statistics that normalise are not.
# 4. Σx̂ = 0, so a test that sums the outputs says nothing about γ's gradient.
# 5. A layer can pass the usual six checks and still be wrong in how it learns, saves or rounds.
