# %% [markdown] builds="batch norm's gradients, and a stable variance"
# # 07 · Backward by hand
#
# After this notebook you can
# - derive the gradients of batch norm, in the paper's six lines and in one,
# - say what each term takes away from the gradient, and what happens without it,
# - write the layer as a `torch.autograd.Function`, and test its gradient without a formula,
# - carry the result over to layer norm, RMSNorm and eval mode,
# - say where a variance loses its digits, why statistics stay in float32, and what a layer has to keep for backward.

# %% setup="setup"
import helpers

# %% [markdown]
# ## A layer that passes every forward test
#
# Somebody has written batch norm with a forward and a backward pass of its own. Here are its forward numbers beside those of
# `nn.BatchNorm1d`, for one batch:

# %%
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from helpers.experiments import other_layer

other_layer.forward_table()

# %% [markdown]
# Now it goes into a net: 4 hidden layers of 64, digits, SGD with learning rate 0.1, 300 steps of 64. The two nets with batch norm
# have the same weights at the start and see the same batches. The third net has no norm and the same weight matrices at the start:
# the control. (About 5 seconds.)

# %%
other_layer.opening()

# %% [markdown]
# No error, no NaN, and at first the loss falls. Then it stops falling, and the net with the other layer has learned much less.
#
# *Predict first:* no output differs by more than 0.000001. What can be wrong? And which test would have found it?
#
# <details><summary>What it was</summary>
#
# The author wrote the backward pass by looking at $y = \gamma\,\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} + \beta$: "x is multiplied by
# $\gamma/\sqrt{\sigma^2+\epsilon}$, so the gradient is too." That would be right if μ and σ² were constants. They are not: each of them
# depends on every x of the batch. No comparison of outputs finds that; section 3 has a test that looks at gradients.
#
# </details>
#
# ## 1 · Three paths
#
# The *computational graph* shows what is computed from what. Backward, the *chain rule* goes the same arrows in reverse: along a
# path the slopes multiply, and where several paths meet their products add up.

# %%
from helpers.experiments import three_paths

three_paths.graph()

# %% [markdown]
# From x three paths lead to x̂. (The thin arrow from μ to σ² is a fourth; it adds nothing, and you will see why.) One feature, $m$
# examples. Write $\mathrm dy_i$ for $\partial\ell/\partial y_i$, the gradient that comes from above, and so on for the others. These are
# the six lines of Ioffe & Szegedy (2015, §3), each with its reason:
#
# $$\mathrm d\hat x_i = \mathrm dy_i \cdot \gamma$$
#
# since $y_i = \gamma \hat x_i + \beta$.
#
# $$\mathrm d\sigma^2 = \sum_i \mathrm d\hat x_i\,(x_i - \mu) \cdot \left(-\tfrac12\right)(\sigma^2+\epsilon)^{-3/2}$$
#
# since $\hat x_i = (x_i - \mu)(\sigma^2+\epsilon)^{-1/2}$, and σ² is used in all $m$ of them: the contributions add up.
#
# $$\mathrm d\mu = \sum_i \mathrm d\hat x_i \cdot \frac{-1}{\sqrt{\sigma^2+\epsilon}} \;+\; \mathrm d\sigma^2 \cdot \frac{\sum_i -2(x_i-\mu)}{m}$$
#
# since μ is used in each $\hat x_i$, and in σ². The second part is the thin arrow. It is 0: deviations from the mean add up to 0.
# The paper writes it down; you may leave it out.
#
# $$\mathrm dx_i = \mathrm d\hat x_i \cdot \frac{1}{\sqrt{\sigma^2+\epsilon}} \;+\; \mathrm d\sigma^2 \cdot \frac{2(x_i-\mu)}{m} \;+\; \mathrm d\mu \cdot \frac1m$$
#
# one term for each path: direct, through the variance, through the mean.
#
# $$\mathrm d\gamma = \sum_i \mathrm dy_i\,\hat x_i \qquad\qquad \mathrm d\beta = \sum_i \mathrm dy_i$$
#
# since all examples share one γ and one β.
#
# ### By hand
#
# The feature of notebook 02: x = 1, −1, 3, 4, with mean 1.75 and variance 14.75/4. Let γ = 2. Let the loss be the first example's
# output alone, $\ell = y_1$, so dy = 1, 0, 0, 0.
#
# *Predict first, with a pencil:* the loss looks at the first example only. Which of the four dx are 0? What do they add up to?

# %%
three_paths.by_hand()

# %% [markdown]
# None is 0. Raise the *second* x, and mean and variance move, so $\hat x_1$ moves as well. The four dx add up to 0: raise all four by
# the same number, and the layer subtracts it again. The guess of the opening gives only the line "direct".
#
# ### Build it: the six lines
#
# *Exercise, medium, 10 minutes.* For a whole batch, each feature by itself. In this notebook all gradients are your own work: no
# autograd and no norm of torch in them (`torch.autograd.grad`, `.backward()`, `F.batch_norm`, …). Change nothing that you were given.
# Each check looks at its part of the result, so begin with any of them, and set to `None` what is still open.
#
# <details><summary>The formulas as code</summary>
#
# | formula | code |
# |---|---|
# | $\sum_i$ over the examples | `.sum(dim=0)` |
# | $(\sigma^2+\epsilon)^{-3/2}$ | `1 / std**3` with `std = torch.sqrt(var + eps)` |
# | $m$ | `len(x)` |
#
# </details>

# %% solution="six_gradients"
from helpers.exercises.answers.backward import six_gradients

# %%
from helpers.exercises.backward import six_gradients_exercise

six_gradients_exercise.check(six_gradients)

# %%
# six_gradients_exercise.hint(six_gradients)
# six_gradients_exercise.solution(six_gradients)

# %% grade="six_gradients" points=1

# %% [markdown]
# ## 2 · One line
#
# Put $\mathrm d\sigma^2$ and $\mathrm d\mu$ into $\mathrm dx_i$, with $s = \sqrt{\sigma^2+\epsilon}$ and $x_i - \mu = s\,\hat x_i$. Each path is one term:
#
# | path | term of the paper | the same |
# |---|---|---|
# | direct | $\mathrm d\hat x_i / s$ | $\frac{\gamma}{s}\,\mathrm dy_i$ |
# | mean | $\mathrm d\mu / m$ | $-\frac{\gamma}{s} \cdot \frac1m \sum_j \mathrm dy_j$ |
# | variance | $\mathrm d\sigma^2 \cdot 2(x_i-\mu)/m$ | $-\frac{\gamma}{s} \cdot \hat x_i \cdot \frac1m \sum_j \mathrm dy_j\,\hat x_j$ |
#
# For the last one: $\sum_j \mathrm d\hat x_j (x_j-\mu) \cdot (-\frac12)\, s^{-3} = -\frac{\gamma}{2 s^2} \sum_j \mathrm dy_j\, \hat x_j$, times $2 s \hat x_i/m$. Together, the
# *compact form*:
#
# $$\mathrm dx_i = \frac{\gamma}{m\,s} \Big( m\,\mathrm dy_i \;-\; \sum_j \mathrm dy_j \;-\; \hat x_i \sum_j \mathrm dy_j\,\hat x_j \Big)$$
#
# The two sums are dβ and dγ. So backward needs x̂, γ, $s$, and no x.
#
# ### What each term takes away
#
# The worked example without the factor γ/s: from dy goes its mean, then its part along x̂. What is left, times γ/s = 1.0415, is the
# dx of the table in section 1.

# %%
three_paths.taken_away()

# %% [markdown]
# But for ε, what is done to dy is a *projection*: it removes two directions, (1, 1, 1, 1) and x̂, and leaves the rest as it is. Shifting x does
# not change x̂, and, but for ε, stretching it does not either. So a step in these directions does not change the output.
#
# *Predict first:* "but for ε". A projection would leave nothing of a dy that *is* x̂. How much is left for a feature of standard
# deviation 1, 0.01 and 0.001?

# %%
three_paths.projection_table()

# %% [markdown]
# ε/(σ² + ε) of it is left. The variance of x̂ is σ²/(σ² + ε), not 1, so the third term takes away only that share. For a feature
# with σ² well above ε it is a projection for all practical purposes; for one with σ² below ε most of x̂ gets through. And rightly:
# stretch a feature with σ² far below ε, and the layer, which divides by little more than √ε, passes the stretch on. Of the
# mean nothing is left in the digits shown.
#
# ### Build it: the compact form
#
# *Exercise, easy, 4 minutes.* `std` is $s$, ε and root included.

# %% solution="compact_gradient"
from helpers.exercises.answers.backward import compact_gradient

# %%
from helpers.exercises.backward import compact_gradient_exercise

compact_gradient_exercise.check(compact_gradient)

# %%
# compact_gradient_exercise.hint(compact_gradient)
# compact_gradient_exercise.solution(compact_gradient)

# %% grade="compact_gradient" points=1

# %% [markdown]
# ### Which path was it?
#
# Back to the opening, with ten seeds, and the two indirect paths left out one at a time. (The numbers are from a file;
# `python -m helpers.experiments.other_layer` computes it again, in some minutes.)
#
# *Predict first:* which of the two paths does the net need more? Does a larger learning rate make the guess worse? And more layers?

# %%
other_layer.rates_table()
other_layer.paired_table("rate", "loss")
other_layer.paired_table("rate", "accuracy")
other_layer.depths_table()
other_layer.paired_table("depth", "accuracy")

# %% [markdown]
# - **The mean.** Without that path accuracy is lower in all ten seeds at the rates 0.1 and 0.3, by 8 points in the median at 0.1. (At
#   0.03 too; with five others in four.)
# - **The variance.** Without that path the training loss is higher in all ten seeds at 0.03, 0.1 and 0.3, by 0.01 to 0.04 in the median.
#   Accuracy is lower by 0.9 points at 0.03, in eight of ten, with five others in three. With two hidden layers it is lower in nine, but
#   with ten other seeds (100–104 and 200–204) only in seven. Elsewhere it is not decided.
# - **Both.** At 0.03 one path left out costs about a point in the median, and both cost 7. At 0.3 the guess, which lacks both, is not
#   worse than the net without the mean path alone: its accuracy is higher in eight of ten seeds, with five others in four.
# - **The rate.** There is no simple rule. From 0.03 to 0.1 the guess falls further behind, from 7 to 13 points. At 1 it comes nearest,
#   1 to 10 points behind, and the control breaks. So a wrong gradient can hide behind good numbers: "it trains well" is no test.
# - **The depth.** With one hidden layer the guess loses about half a point, in eight of ten seeds. With eight it loses about 36.
#
# (The opening shows seed 0, where the guess has its lowest accuracy of the ten.)
#
# How wrong is the gradient? Compare directions: the cosine is 1 where two gradients agree, and 0 where they have nothing to do with
# each other. The right gradient and the guess are taken at the same weights, on the same batch.

# %%
other_layer.cosines_table()

# %% [markdown]
# Before the first step the guess still points roughly the right way, in the median less so the more norms lie above. (Above the head lies
# none.) That fits the table of depths. After 300 steps with the right layer the medians of the hidden layers are 0.56 to 0.66; after 300
# with the guess they are 0.13 to 0.24. Notebook 01 has the smallest case of this: a bias that grows and grows because the gradient does
# not know that the mean takes it away. The paper says that this "can get worse" if the layer also scales (§2). In our nets accuracy
# without both paths is lower than without the mean path alone at 0.03 and 0.1; at 0.3 it is higher in eight of ten; at 1 it is not
# decided.

# %% [markdown]
# ## 3 · A test that knows no formula
#
# A gradient is a slope, and slopes can be measured: move one number of x by a small step $h$ up and down, and divide the
# change of the loss by $2h$. These are *finite differences*. They know no formula, so they cannot share its mistake.
#
# *Predict first:* the smaller the step, the better the slope? In float32, and in float64?

# %%
from helpers.experiments import finite_differences

finite_differences.steps_table()

# %% [markdown]
# No. With a large step the slope changes on the way. A small one drowns in rounding: the loss changes in its last digits only. In
# float32 the best step here still leaves an error above 1e-5. At 1e-6 the slope is off by a tenth of the largest gradient or more, and
# at 1e-7 it is noise. In float64 there is room: at 1e-6 the gap is below 1e-8. That is why `torch.autograd.gradcheck`, whose default step is 1e-6, wants float64.

# %%
from torch.autograd import gradcheck

x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
guess = other_layer.PATHS[other_layer.GUESS]
layers = {
    "torch's layer": nn.BatchNorm1d(3),
    "the layer of the opening": other_layer.GuessedBatchNorm(3, guess),
}
for name, layer in layers.items():
    print(f"{name}: gradcheck", gradcheck(layer.double(), x, raise_exception=False))

# %% [markdown]
# `gradcheck` took one batch of fifteen numbers, and no training. It compares backward with forward, so a wrong forward pass it does not
# find.
#
# ## 4 · An autograd Function
#
# A `torch.autograd.Function` is a forward and a backward pass that belong together. `ctx` is a bag that is new for each use: forward
# puts in what backward will need.

# %%
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, power_of_ten):
        ctx.save_for_backward(x)
        # numbers go onto ctx directly, tensors through save_for_backward
        ctx.factor = 10**power_of_ten
        return ctx.factor * x**2

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        # one for each argument of forward; None where there is no gradient
        return dy * 2 * x * ctx.factor, None


x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
Square.apply(x, 1).sum().backward()
print("gradient of 10 x²:", x.grad.tolist())

# %% [markdown]
# *Predict first:* a net has eight batch norms. In which order do their forward and backward passes run? So why must forward not keep
# its tensors on the class?
#
# <details><summary>Answer</summary>
#
# All eight forwards first, then the backwards from the last to the first. What the first forward left on the class has been
# overwritten seven times by then.
#
# </details>
#
# ### Build it
#
# *Exercise, medium, 8 minutes.* Train mode alone, no running statistics. forward too is your own work: no norm of torch. `backward`
# gets dy and must leave it as it is.

# %% solution="BatchNormFunction"
from helpers.exercises.answers.backward import BatchNormFunction

# %%
from helpers.exercises.backward import batchnorm_function_exercise

batchnorm_function_exercise.check(BatchNormFunction)

# %%
# batchnorm_function_exercise.hint(BatchNormFunction)
# batchnorm_function_exercise.solution(BatchNormFunction)

# %% grade="batchnorm_function" points=1

# %% [markdown]
# ## 5 · Eval mode
#
# In eval mode mean and variance are the running ones.
#
# *Predict first:* draw the graph of eval mode. Which arrows of section 1 are gone? Does $\sum_i \mathrm dx_i = 0$ still hold?
#
# ### Build it
#
# *Exercise, easy, 3 minutes.* dx, dγ and dβ in eval mode.

# %% solution="eval_backward"
from helpers.exercises.answers.backward import eval_backward

# %%
from helpers.exercises.backward import eval_backward_exercise

eval_backward_exercise.check(eval_backward)

# %%
# eval_backward_exercise.hint(eval_backward)
# eval_backward_exercise.solution(eval_backward)

# %% grade="eval_backward" points=1

# %% [markdown]
# <details><summary>After the exercise: the guess was right, somewhere else</summary>
#
# What the author of the opening wrote has the form of eval mode's dx, with the batch's σ in the place of the running one. In eval mode
# the two indirect paths do not exist. The dx of one example depends on that example alone, and the dx need not add up to 0. For an
# attribution map ("which pixels made the net say 7?") take the gradient in eval mode: in train mode it depends on which other
# images are in the batch.
#
# </details>
#
# ## 6 · Layer norm and RMSNorm
#
# The derivation never asked *what* the $m$ numbers are that share a mean. In layer norm they are the features of one token. One
# thing differs: which elements share a γ.
#
# *Predict first:* in batch norm γ stands before the bracket of the compact form. May it stand there in layer norm? And over
# what does dγ sum?
#
# ### Build it: layer norm
#
# *Exercise, medium, 5 minutes.* The input is N sentences of T tokens with C features; mean and variance are over the C
# features of each token.

# %% solution="layer_norm_backward"
from helpers.exercises.answers.backward import layer_norm_backward

# %%
from helpers.exercises.backward import layer_norm_backward_exercise

layer_norm_backward_exercise.check(layer_norm_backward)

# %%
# layer_norm_backward_exercise.hint(layer_norm_backward)
# layer_norm_backward_exercise.solution(layer_norm_backward)

# %% grade="layer_norm_backward" points=1

# %% [markdown]
# ### Build it: RMSNorm
#
# *Exercise, easy, 3 minutes.* RMSNorm is $y = \gamma\, x / \sqrt{\mathrm{ms} + \epsilon}$, where ms is the mean of x² over the features of a
# token.

# %% solution="rms_norm_backward"
from helpers.exercises.answers.backward import rms_norm_backward

# %%
from helpers.exercises.backward import rms_norm_backward_exercise

rms_norm_backward_exercise.check(rms_norm_backward)

# %%
# rms_norm_backward_exercise.hint(rms_norm_backward)
# rms_norm_backward_exercise.solution(rms_norm_backward)

# %% grade="rms_norm_backward" points=1

# %% [markdown]
# <details><summary>After the exercises: the four side by side</summary>
#
# | | taken away from | directions that go | means over | dγ sums over |
# |---|---|---|---|---|
# | BN, train mode | dy, and γ before the bracket | 1 and x̂ | examples | examples |
# | BN, eval mode | nothing | none | – | examples |
# | LN | dx̂ = γ · dy | 1 and x̂ | features of a token | tokens |
# | RMSNorm | dx̂ = γ · dy | x̂ | features of a token | tokens |
#
# </details>
#
# ## 7 · Where a variance loses its digits
#
# There are two formulas for a variance: $\frac1m\sum(x_i - \mu)^2$, and $\mathrm E[x^2] - \mathrm E[x]^2$. On paper they are equal. The second one
# needs a single pass over the data. float32 keeps about seven digits.
#
# *Predict first, with a pencil:* the numbers 9,999 and 10,001 have variance 1. What is $\mathrm E[x^2]$, and what is left of it after seven digits?

# %%
from helpers.experiments import numerics

numerics.by_hand()

# %% [markdown]
# $\mathrm E[x^2]$ is 100,000,001. The 1 at its end is the variance, and it is the ninth digit. This is *cancellation*: the difference of two
# large, nearly equal numbers has only the digits that were left at their ends.
#
# Two remedies need no second pass over the data. *Welford* (1962) takes one row at a time, and updates the mean so far and the sum of squared
# deviations from it. *Chan* (Chan, Golub & LeVeque 1983) merges two groups: of group $a$ and group $b$ are known the count $n$, the
# mean, and the sum of squared deviations $S$. Then
#
# $$n = n_a + n_b, \qquad \mu = \mu_a + (\mu_b - \mu_a)\frac{n_b}{n}, \qquad S = S_a + S_b + (\mu_b-\mu_a)^2\,\frac{n_a n_b}{n}.$$
#
# Groups can be halves of halves ("pairwise"), or the batches of several devices.
#
# *Predict first:* a feature with standard deviation 1. Each time its mean grows by a factor of ten, how many digits does the single pass
# lose? Which of the three others is best?

# %%
numerics.variance_figure()

# %% [markdown]
# - The single pass loses two digits with every factor of ten. From a mean of 10,000 on its median error is larger than the
#   variance itself. The difference can even be negative, and then √ gives NaN.
# - From a mean of 10 on the three others lose less; at 1 row by row is the worst of the four. At 10,000 their medians are below 0.001.
#   From 100 on two passes have the smallest median, then pairwise merging, then row by row: the mean is rounded 1,024 times there.
#   (With the mean alone in float64, row by row stays at about 3·10⁻⁷.)
#
# How far from 0 the features of your net lie, you have to measure. At a ratio of 10 the single pass has lost two digits more than two
# passes or pairwise merging, and about one more than row by row. In 16 bits there are no more than two or three to lose: see below.
#
# ### Build it: a stable variance
#
# *Exercise, medium, 8 minutes.* Rows come in chunks of different sizes, once, and none may be kept, nor a copy of it. (The check notices
# chunks that are kept, not copies.) Give mean and biased variance of all rows together. Check it on chunks whose means differ, and far from 0.

# %% solution="stable_variance"
from helpers.exercises.answers.stable_variance import stable_variance

# %%
from helpers.exercises.stable_variance import stable_variance_exercise

stable_variance_exercise.check(stable_variance)

# %%
# stable_variance_exercise.hint(stable_variance)
# stable_variance_exercise.solution(stable_variance)

# %% grade="stable_variance" points=1

# %% [markdown]
# ### Sixteen bits
#
# Many nets train in float16 or bfloat16: half of the memory for each number, and faster on many devices. How finely do they count?

# %%
numerics.formats_table()

# %% [markdown]
# float16 ends at 65,504 and has about three digits. bfloat16 reaches as far as float32 and has between two and three: near 300
# it counts in steps of 2.
#
# *Predict first:* x is in 16 bits already, and that cannot be helped. Does it matter in which format its mean and variance are
# computed? Think of x² at a mean of 300.

# %%
numerics.halves_table()

# %% [markdown]
# - With statistics, subtraction and division in float32 the error is that of rounding the *result* to 16 bits, whatever the mean.
# - Two passes in 16 bits get worse as the mean grows: the mean itself is rounded to a step. So a mean from float32 that is rounded to
#   16 bits before it is subtracted wins little. In bfloat16, 300 is luck: it is one of the numbers that the format has. 301 lies half
#   way between two of them, and the errors are 1.4 and 0.93.
# - The single pass in 16 bits fails at a mean of 30. In float16 at 300 the squares are above 65,504, so they become infinite.
# - torch's batch norm takes 16-bit input with float32 γ and β, computes in float32 inside and gives 16 bits back: its column is
#   that of float32.
#
# So kernels read 16 bits, add up and subtract in 32, and write 16. What is *kept* over many steps needs even more care:
#
# *Predict first:* a running variance starts at 1. Every batch says 1.3, the momentum is 0.01 or 0.1. Where is it after 1,000 steps, in each format?

# %%
numerics.moving_average_table()

# %% [markdown]
# With 0.01 it never leaves 1 in bfloat16. The first update would lead to 1.003, and the next number after 1 is 1.0078. In float16 it
# stops on the way, where an update is less than half a step. With 0.1, torch's default, both come nearer. Running statistics therefore stay in float32, also in mixed precision.
# `layer.bfloat16()` would convert them too.
#
# ## 8 · What has to be kept
#
# Between forward and backward the tensors that backward needs stay in memory, those of every layer. `torch.autograd.graph.saved_tensors_hooks` calls a function for each tensor that is kept, so bytes can be counted, on a CPU
# too. The unit in the tables is one batch of activations, 256 × 128 numbers in float32.
#
# *Predict first:* how many such units does one batch norm keep if it is written with `mean`, `sqrt`, `*` and autograd? How many does the
# compact form need?

# %%
from helpers.experiments import kept_for_backward

kept_for_backward.layers_table()

# %% [markdown]
# Autograd keeps what each single operation needs: x − μ for the square and for the division, x̂ for the product with γ. If the code
# computes x − μ twice, these are three units; if it puts it into a variable, two. The compact form needs x̂ alone; torch keeps
# x and two numbers for each feature, and computes x̂ again. Either way it is one unit.
#
# Now a net: four blocks of Linear, batch norm and leaky ReLU (the slope below 0 is 0.01). Linear, norm and leaky ReLU each keep their
# input. Two ways to keep less:
#
# - **Recompute** (`torch.utils.checkpoint`): keep the input of a block, and run its forward pass again when the gradient arrives.
# - **In place** (*In-Place ABN*, Rota Bulò et al. 2018): leaky ReLU can be undone, and so can $y = \gamma\hat x + \beta$. Keep the output $z$ of the
#   block, which the next Linear keeps anyway. In backward compute y from z, then $\hat x = (y-\beta)/\gamma$.
#
# *Predict first:* how many units do the four blocks keep in each way? How often does each Linear run?

# %%
kept_for_backward.blocks_table()

# %% [markdown]
# Against twelve units, four and about five. But the usual way can do better: called in place, leaky ReLU keeps its *output*, which the
# next Linear keeps anyway, and nine units are left. The authors of In-Place ABN compare with that (figure of a residual block: 6 buffers,
# and 3 with theirs). They report memory savings of up to 50 % in their nets, at 0.8 to 2 % more time, and that checkpointing can be
# made as cheap as their way (abstract). What the column *kept* does not show: while a block is recomputed its own tensors are there
# again for a moment.
#
# ### The price
#
# *Predict first:* recomputation runs the forward pass of a batch norm twice in one step, in train mode. What else happens twice?

# %%
kept_for_backward.momentum_table()

# %% [markdown]
# The running statistics move twice, with the same batch. Momentum 0.1 acts like 0.19. Two runs that should be the same differ in eval
# mode.
#
# *Predict first:* the in-place trick divides by γ. How small may γ be? In bfloat16?

# %%
kept_for_backward.inversion_table()

# %% [markdown]
# - With γ = 0 nothing comes back: all outputs are β. Some ResNets start the last γ of each block at 0 (Goyal et al. 2017, §5.1); there
#   the trick as it is written here cannot be used. (The layer in the authors' repository mapillary/inplace_abn changes what stands for
#   γ, so that it can be inverted.)
# - γ small beside β: y = γx̂ + β is rounded at the size of β. What is lost there, the division by γ makes large. In bfloat16 γ = 0.01
#   with β = 1 already costs up to 0.4 of a standard deviation. With β = 0 a small γ costs nothing.
# - The activation must have an inverse: leaky ReLU has one, ReLU has none.
# - The output may not be changed by somebody else, such as an addition in place after it.
#
# ## What would change my mind
#
# - *Is the path through the variance dispensable?* In our nets leaving it out cost training loss in every seed at rates up to 0.3, and
#   accuracy by about a point at 0.03. With other seeds, or another split of the digits, that point was gone (lower in 3 of 5 and in 4 of
#   8 seeds). These are 300 steps on an easy task. A task on which it costs several points in at least eight of ten seeds would settle it.
#   To leave it out saves next to nothing: its sum is dγ, which is needed anyway.
# - *Does the guess fail because its gradient points elsewhere?* The cosines show that it points elsewhere; the paths left out one by one show
#   which part of the formula matters. That the direction *alone* decides is not shown.
#
# ## Recap
#
# 1. Mean and variance depend on every x, so three paths lead into dx; leaving two out still trains, in a deep net
#    badly, and without an error.
# 2. Compact: dx = γ/s · (dy − mean of dy − x̂ · mean of dy·x̂). It takes away a shift and, but for ε, a stretch.
# 3. Finite differences in float64 (`gradcheck`) find a wrong backward pass; a falling loss does not.
# 4. LN: γ goes in before the means. RMSNorm: no mean to take away. Eval mode: one path.
# 5. E[x²] − E[x]² cancels; statistics belong in float32; backward needs one tensor for each norm, or none at the price of computing again.
#
# ## Interview page
#
# <details><summary>Derive the gradient of batch norm with respect to its input.</summary>
#
# Three paths: direct, through μ, through σ². Together dx = γ/(m·s) · (m·dy − Σdy − x̂·Σ(dy·x̂)), with s = √(σ² + ε). The two sums are dβ
# and dγ.
#
# </details>
#
# <details><summary>What do the two subtracted terms mean?</summary>
#
# The layer ignores a shift and a stretch of the feature, so the gradient has no part along 1, and none along x̂ but for ε: with σ² near
# or below ε part of it stays.
#
# </details>
#
# <details><summary>What happens if mean and variance are treated as constants in backward?</summary>
#
# The gradient has the form of eval mode's. Nothing crashes. In our 4-layer nets accuracy fell by about 13 points at learning rate 0.1, mostly
# because of the missing path through the mean. `gradcheck` in float64 finds it.
#
# </details>
#
# <details><summary>Why not compute the variance as E[x²] − E[x]²?</summary>
#
# Cancellation: with a mean of 10,000 deviations float32 has no right digit left, and the result can be negative. Subtract the mean first,
# or use Welford's or Chan's update.
#
# </details>
#
# <details><summary>Why do batch norm's statistics stay in float32 in mixed precision?</summary>
#
# Squares overflow in float16, means are rounded to a coarse step, and a running average in bfloat16 stands still when an update is smaller
# than half a step.
#
# </details>
#
# <details><summary>How do you save activation memory in a net with batch norm?</summary>
#
# Recompute blocks (twice the forward pass of what is recomputed, and running statistics move twice), or the in-place trick: keep only the
# output and invert activation and affine. It needs an invertible activation, and γ that is neither 0 nor small beside β.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("07_backward_by_hand")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
