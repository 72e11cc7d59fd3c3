# %% [markdown] builds="a deep net with and without the layer"
# # 03 · With and without batch norm
#
# Two nets learn the same 512 rows, at the same learning rate, step by step. They have the same layers, but for one thing: behind
# each hidden Linear the blue one has batch norm, in place of a bias. Run the next two cells and look.

# %% setup="setup"
import helpers

# %%
from helpers.experiments import popular_demo

popular_demo.opening()

# %% [markdown]
# The grey net has hardly moved. The blue one ends below 0.00000000001. A picture like this one is a
# strong argument for batch norm. Is it a good one?
#
# *Predict first.* Write down your answers; the notebook comes to each of them.
#
# 1. On 512 *held-out* rows, which were not trained on: which of the two nets is the better one?
# 2. Why does the grey net stand still?
# 3. Raise the learning rate. Which net breaks first?
#
# After this notebook you can
#
# - build a deep net with or without a norm, and say why a Linear before batch norm has no bias,
# - take a demonstration apart: what it shows, and what it does not,
# - compare two nets fairly: the data, the control, the seeds, the mode in which a loss is taken,
# - say in which settings each of the two nets is the better one.
#
# ## Your own layer
#
# The experiments that run here train with the layer that you built in notebook 02. Paste your class `BatchNorm1d` into the next
# cell, in place of its last line. If it does not pass the six checks, or if you paste nothing, PyTorch's layer is used, and the
# cell says so. What trains over five or ten seeds was computed in advance, with PyTorch's layer, and so was the picture above
# (`python -m helpers.experiments.with_and_without_seeds` and `python -m helpers.experiments.rate_batch_plane_seeds` do it again).

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
# Why is the bias dropped? *Predict first:* give the Linear a bias all the same. How large is its gradient if the norm comes right
# after it? In eval mode? And if a ReLU stands between the two?

# %%
from helpers.experiments import with_and_without

with_and_without.show_bias_gradients(layer)

# %% [markdown]
# A bias adds the same number to a feature in every row. In train mode batch norm then subtracts the mean of the feature, and with it
# the bias. So right before batch norm, in train mode, the bias has no gradient: it never learns. β does its work. In eval mode the
# running mean is a constant, so a bias would count again. And if a ReLU stands between, the bias shifts the point where the ReLU
# opens: keep it there.
#
# ### Build it
#
# *Exercise, easy, 8 minutes.* `norm` builds a layer for a number of features, as `nn.BatchNorm1d` does. Every hidden layer
# is Linear, norm, ReLU; without a norm it is Linear, ReLU. The head is a plain Linear with a bias. To keep it simple, a Linear right
# before any norm has no bias, as before batch norm.

# %%
from collections.abc import Callable
from itertools import pairwise

list(pairwise([5, 7, 6, 3]))

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
# <details><summary>More or fewer?</summary>
#
# More: one for each hidden feature. γ and β are two numbers, and the bias was one.
#
# </details>
#
# ## 2 · The demo
#
# The picture at the top was made like this:
#
# | | |
# |---|---|
# | data | 512 rows of 20 normal features; target $\sin(2\sqrt{20}\, w \cdot x)$ plus a little noise; w is a random direction of length about 1 |
# | net | an MLP, 6 hidden layers of 128 |
# | training | SGD, learning rate 0.05, 300 steps, each on all 512 rows (*full batch*) |
#
# Its message: the training loss of the net without a norm stays near 0.5, that of the batch norm net falls to almost nothing. The numbers
# are true.
#
# Now with your layer, with 512 held-out rows, and with a third net: no norm, but started as He et al. (2015, §2.2) propose for ReLU
# nets. It is called the *control* from here on. If it does what the batch norm net does, then no norm is needed for it. It has a
# learning rate of its own, 0.03; the reason comes later. Both nets of the demo start from PyTorch's default initialisation. The one
# without a norm, the plain net, is called the *default net*.
#
# *Predict first:* which of the three nets is better on held-out rows than one constant, the mean? The cell takes about 10 seconds.

# %% tags=["nbval-ignore-output"]
shown = popular_demo.show(layer)

# %% [markdown]
# **Catch 1: it memorises.** Both nets that fit the 512 training rows are *worse than a constant* on held-out rows, with batch norm
# and without. The best of the three is the default net, which has learned nothing but the mean. So the demo is about optimisation
# only: which net fits 512 numbers sooner. There batch norm is far ahead, of the control too.
#
# ### Seven orders of magnitude
#
# Look again: on the left the blue curve ends far below the 2e-05 of the table. The rows are the same, and the weights are the
# same but for one last step. The curve was taken in train mode, the table in eval mode.
#
# *Predict first:* both modes have seen the same 512 rows at every step, and at the end the statistics no longer move. Which
# difference between the two variances is left? (Notebook 02 had it.) The next cell corrects for it.

# %% tags=["nbval-ignore-output"]
popular_demo.show_running_variance(shown)

# %% [markdown]
# In train mode the batch variance divides by n. What goes into `running_var` divides by n − 1, so it is 512/511 times as large. That
# is 0.2 %, but it acts in six layers, and against a loss of 1e-12 even that is much. Corrected, next to nothing is left of the gap.
# So the 2e-05 says something about the running variance, and nothing about how closely the weights fit. Notebook 04 is about such
# gaps.
#
# ### Catch 2: why does the plain net stand still?
#
# Give it more time: 1,200 steps in place of 300. And beside it the control, again for 300.

# %%
popular_demo.show_longer()

# %% [markdown]
# So a net does not need a norm to leave 0.5: the control comes far down within the demo's 300 steps, in all ten seeds. (Of five
# others one diverged.) The default net begins to come down between steps 600 and 1,200.
#
# *Question, 1 minute.* Why does the default net stay near 0.5 for the whole demo?
#
# - **a** Without a norm no net of this depth can fit this target, given any number of steps.
# - **b** Its first steps were so large that the loss jumped up, and then it could not get down again.
# - **c** At the start, rows that differ look almost alike to the head, so a step changes little.
# - **d** It fits its own rows, but what it learned there does not carry over to others.
# - **e** Each step sees other rows than the step before, so the steps undo each other.

# %% solution="why_plain_stalls"
from helpers.exercises.answers.make_mlp import why_plain_stalls

# %%
from helpers.exercises.make_mlp import why_plain_stalls_exercise
from helpers.widgets.quiz import quiz

quiz(why_plain_stalls_exercise)

# %%
why_plain_stalls_exercise.check(why_plain_stalls)
# why_plain_stalls_exercise.hint(why_plain_stalls)

# %% grade="why_plain_stalls" points=1

# %% [markdown]
# <details><summary>After your answer: look inside</summary>
#
# The next cell looks at the nets before the first step. *Spread*: the standard deviation over the rows, a mean over the units. *Root
# mean square*: how large the numbers are, the units' means included.
#
# </details>

# %%
popular_demo.show_signal(layer)
popular_demo.show_starts()

# %% [markdown]
# <details><summary>What the two tables say</summary>
#
# PyTorch's default initialisation draws weights of variance 1/(3 · fan-in), He's has 2/fan-in, six times as much. With the default
# each layer makes the spread about three times smaller. After six layers 0.002 is left: to the head all rows look the same, and the
# best it can do is to predict the mean.
#
# With He initialisation the root mean square stays near 1: that is what it was made for. Its spread falls as well, but slowly. (With
# twenty other seeds too.) With batch norm every layer has the same spread.
#
# The second table crosses the two starts. The weights decide; the biases make little difference. Answer **c**. (The same weights also
# multiply the gradient on its way down. The tables do not separate the two.)
#
# </details>
#
# ### Catch 3: the learning rate
#
# "Batch Normalization enables higher learning rates" is the title of the paper's §3.3. *Predict first:* raise the demo's learning
# rate, from run to run, at widths 64 and 128. Which of the three nets breaks first?

# %%
popular_demo.show_raised(64)
popular_demo.show_raised(128)

# %% [markdown]
# Of the two nets of the opening batch norm breaks first: the default net does not diverge at any of these rates. But in 60 steps it
# does not train at any of them either, so this says little.
#
# Of the two nets that train, the *control* breaks first at the demo's width of 128: at 0.05 seven of its ten seeds diverge, where
# batch norm trains in all ten. So there batch norm does allow the larger rate. That is why the control has 0.03 in this section. (Of
# five other seeds two diverged at 0.05, and one at 0.03.) At width 64 it breaks first too: at 0.1 in three of ten seeds, where batch
# norm trains in all.
#
# So batch norm breaks too, and a wider net sooner: at 0.1 it trains at width 64 and not at width 128.
#
# Where does batch norm break? Change one thing at a time: divide the output of the net by √64 = 8; or leave the net as it is, and
# give the head alone a learning rate 64 times smaller, or the hidden layers alone.

# %%
popular_demo.show_gentler_heads()

# %% [markdown]
# Each of the first two changes lets it train at rates that broke it before. The second one touches nothing but the steps of the
# head. Slowing the hidden layers in its place does not help. So it is the head that breaks.
#
# *Question, 1 minute.* Why the head, and why at a smaller learning rate when the net is wider?
#
# - **a** Its bias collects the gradients of all units, and a wider net has more of them.
# - **b** In a wider net the mean and variance of each unit come from fewer rows.
# - **c** In a wider net its initial weights are larger.
# - **d** None of its inputs is negative, so in a wider net more of them pull together.
# - **e** Its inputs come from a norm, so the length of its weights does not count, and nothing keeps them small.

# %% solution="why_batch_norm_diverges"
from helpers.exercises.answers.make_mlp import why_batch_norm_diverges

# %%
from helpers.exercises.make_mlp import why_batch_norm_diverges_exercise

quiz(why_batch_norm_diverges_exercise)

# %%
why_batch_norm_diverges_exercise.check(why_batch_norm_diverges)
# why_batch_norm_diverges_exercise.hint(why_batch_norm_diverges)

# %% grade="why_batch_norm_diverges" points=1

# %% [markdown]
# It can be computed. As a function of the head's weights the squared error is quadratic. Its largest curvature λ is the largest
# eigenvalue of its matrix of second derivatives. Gradient descent on a quadratic diverges above the learning rate 2/λ.
#
# <details><summary>After your answer: by hand</summary>
#
# *Predict first,* by hand: behind batch norm and a ReLU every unit has a mean of about 0.4. (That is the mean of standard normal
# numbers when those below 0 are set to 0.) In the direction in which all weights of the head grow alike, the curvature is about 2 ·
# width · 0.4². What is 2/λ at width 64, 128, 256?
#
# </details>

# %%
popular_demo.show_limits(layer)
popular_demo.show_moving_limits()

# %% [markdown]
# <details><summary>The hand calculation, and the answer to the question</summary>
#
# About 0.1, 0.05 and 0.025. The table says a little less, because the inputs also vary around their means, and the bias counts
# too. All inputs of the head are 0 or more, so in one direction of its weights they pull together, and λ grows with the
# width. Answer **d**.
#
# The control's head has a larger λ still. The default net's head has a small one: hardly anything but the bias enters it. Its
# limit is near that of the bias alone, 1, at every width. So only the largest rate of the tables, 1, is above it.
#
# </details>
#
# 2/λ holds while the layers below stand still. They move. The first two cases are those of the second table:
#
# - At width 128 and the demo's 0.05 batch norm starts *above* its limit. In every seed the loss first rises above 2: the peak at the
#   start of the blue curve in section 2. Then the limit is above the rate, and training goes on.
# - At width 64 and 0.2 the loss jumps much higher, and the last ReLUs die: hardly any input of the head is above 0. What is left is
#   the bias, whose limit is 1. The net outputs a constant.
# - The control of the demo starts above its limit as well, in every seed: its rate is 0.03. Its loss jumps in the first steps (the
#   peak in the figure of catch 2), and then it trains in most seeds. So a net that starts above 2/λ can still train.
#
# ## 3 · The fair set-up
#
# Two changes, and the control, make the comparison mean something. (Width and steps change too, and the batches are small ones now,
# whose size is varied.)
#
# | what | why |
# |---|---|
# | target $\sin(w \cdot x)$ | every net here can learn it at some rate, so the held-out loss has a meaning |
# | output × 1/√width | the head's limit 2/λ is 64 times higher: see below |
# | the control stays | is it batch norm that helps, or only a good scale at the start? |
#
# 6 hidden layers of 64, SGD, 200 steps. The default net stays too, because the demo used it.

# %%
popular_demo.show_fair_limits(layer)

# %% [markdown]
# A rate above 2/λ makes the head alone unstable. For batch norm the limit is now 5.5. At a rate of 10 three nets of ten diverge, and
# the median of the others is no better than a constant, which gives 0.41. With a smaller factor batch norm trains there too, in
# all ten seeds. For the control the limit depends much on the start. And the head is not its only limit: at rate 3, with a head that
# learns at 0.03, two of ten nets still diverge, and five stay above 0.3.
#
# *Predict first:* at which of the learning rates 0.03, 0.1, 0.3 and 1 does batch norm beat the control, with batches of 32? The cell
# takes about 4 seconds.

# %% tags=["nbval-ignore-output"]
with_and_without.show_rates(layer)

# %% [markdown]
# Batch norm is lower in all three seeds at every rate, and it trains at 3, where the control diverges.
#
# But these are three seeds, and one draw of w and of the 512 rows. Do ten seeds and three more draws say the same? The two nets of a
# seed see the same batches, so the pairs are counted.

# %%
with_and_without.show_draws()

# %% [markdown]
# From 0.1 on they do: batch norm is lower in 9 or 10 of 10 seeds on every draw. At 0.03 this is less sure: 30 of the 40
# pairs, and on two of the draws 6 of 10. (Forty other seeds on draw 0: 32.)
#
# ### The playground
#
# The same nets, live, with your layer. Two sliders set the learning rate and the batch size; you can type a number as well. The map
# says which net wins: He the control, BN batch norm, ✕ where both fail, ≈ where the seeds' ranges overlap. It shows a cell when you have
# been there. A cell is the median of five seeds with PyTorch's layer. Each of your runs leaves its dot: that is one seed with
# your layer. Losses are taken in eval mode, on training rows and on held-out rows. More settings (depth, initialisation, the
# pair of nets, task, seed) are behind a button. Broken icons, or nothing moves: run the cell again.
#
# *Exercise, free, 10 minutes.* Before a new corner of the map you are asked for a guess. Things to find:
#
# 1. the batch size at which batch norm stops learning, at every learning rate that you try;
# 2. a setting with batches of 64 or more where the control wins; then the nearest one where it loses;
# 3. the step at which the control diverges at rate 3 and batch size 32, with the seeds 0, 1 and 2;
# 4. your answers to 1 and 2 on the second task, digits.

# %%
from helpers.widgets.playground import playground

playground(layer=BatchNorm1d)

# %% [markdown]
# One run is one seed. Before you believe a difference, look for it in the map, which has five.
#
# ### The whole map
#
# *Predict first:* which batch sizes are the worst for batch norm? Is there a region where the control has the lower loss?

# %%
from helpers.experiments import rate_batch_plane

rate_batch_plane.show("sine")

# %% [markdown]
# A cell shows the median of 5 seeds. In this set-up:
#
# - Batch norm works over a wider range of learning rates. With 4 rows or more it learns at 3, where the control diverges at every
#   batch size. It wins more cells than the control, counted where the ranges do not overlap; in more than half of them the control
#   has diverged.
# - From 16 rows in a batch on, its best loss is lower than the control's.
# - With 2 or 4 rows the control has the lower best loss. (Small batches also see less data in 200 steps. That holds for both nets.)
# - With 2 rows batch norm learns nothing at any rate. Its loss stays at that of a constant.
# - With 128 or 256 rows and a rate of 0.1 or 0.3 the control has the lower median again. In the map only one of these four cells is
#   decided; the next table has ten seeds, in pairs.
# - The default net is left out. At rate 1 and 32 rows it learned too: see the table of three nets above.
#
# Why is the control ahead with large batches at 0.1 and 0.3? Look at the training rows too.

# %%
with_and_without.show_large_batches()

# %% [markdown]
# It is not that batch norm trains more slowly: its training loss is at least ten times lower in every seed. With 256 rows its
# held-out loss is higher in 9 of 10 pairs at both rates: it over-fits more. With 128 rows 7 of 10 do not decide it. One guess is that
# the noise of small batches keeps batch norm from fitting single rows so closely. This table does not test that.
#
# ## 4 · Digits
#
# Real data now: 8×8 handwritten digits, 1,297 for training, 500 held out, cross-entropy loss, 6 hidden layers of 64, batches of
# 64, 200 steps. Chance is 0.10. The cell takes about 4 seconds.

# %% tags=["nbval-ignore-output"]
with_and_without.show_digits(layer)

# %% [markdown]
# At the control's best learning rate, 0.1, batch norm is ahead in every seed (and in three others), by little: one held-out digit is
# 0.2 points. The larger difference is the *width* of the range: batch norm still works at learning rate 3.
#
# These nets have no factor on their output. The playground's digits have 1/√width = 1/8, as its first task does. Here is what the
# factor does to the gradients of the hidden layers, before training.

# %%
with_and_without.show_shrunk(layer)

# %% [markdown]
# If the net's first guesses stayed as they are, it would be exactly 8 times. With batch norm it nearly is. Without a norm it can be much
# more, depending on the start: the factor also brings the guesses closer to equal chances for all classes, and so it changes the
# errors that are sent back.
#
# *Predict first:* what does that do to the range of good learning rates of each net? The map has the factor, the table above
# has not.

# %%
rate_batch_plane.show("digits")
rate_batch_plane.show_good_rates("digits", 0.5)

# %% [markdown]
# With the factor both ranges begin further to the right. The control wins at 0.1 at every batch size, batch norm at 1 and 3 from 4
# rows on. So a comparison at one learning rate can be made to say either. What stays: at 3 batch norm works and the control does
# not. And with 2 rows batch norm learns next to nothing on this task too.
#
# ### Learning rate × initial weights
#
# *Predict first:* draw a map. To the right the learning rate grows, upwards the scale of the initial weights of the hidden layers.
# Where does a net without a norm train? Where does batch norm? Is there a corner in which the net without a norm is better?

# %% tags=["readme"]
with_and_without.show_heat_map()

# %% [markdown]
# 4 hidden layers, batches of 32. Batch norm is above 90 % in more than half of the map, in every seed. But at twice He's weights
# and rates of 0.003 to 0.03 the net without a norm is ahead, in all ten seeds.
#
# *Question, 1 minute.* Compare batch norm with itself: at 0.003 its accuracy falls from 0.1 × He to 1 × He to 2 × He. Why?
#
# - **a** Its running mean and variance still carry 0 and 1, their first values, when it is measured.
# - **b** Only the direction of a matrix counts before a norm, and a step turns a larger one less.
# - **c** Large weights push the inputs of the ReLUs far below 0, where nothing passes.
# - **d** Large weights make the mean and variance of a batch noisier, so the steps cancel.
# - **e** Large weights have large gradients, so each step jumps over the lowest point, there and back again.

# %% solution="where_plain_wins"
from helpers.exercises.answers.make_mlp import where_plain_wins

# %%
from helpers.exercises.make_mlp import where_plain_wins_exercise

quiz(where_plain_wins_exercise)

# %%
where_plain_wins_exercise.check(where_plain_wins)
# where_plain_wins_exercise.hint(where_plain_wins)

# %% grade="where_plain_wins" points=1

# %% [markdown]
# <details><summary>After your answer: one step</summary>
#
# *Predict first:* multiply the weights of all hidden layers by a = 3, and by a = 10, and take one SGD step. By what power of a does
# the gradient of W change? And the angle by which the step turns W?
#
# </details>

# %%
with_and_without.show_turns(layer)

# %% [markdown]
# <details><summary>What the table says, and the answer to the question</summary>
#
# In train mode the output stays as it was: the paper's §3.3 has BN((aW)u) = BN(Wu), up to ε. The gradient is 1/a of what it
# was: "larger weights lead to smaller gradients", says the same section. Since nothing changes along W, the gradient is at
# right angles to W. So step ÷ ‖W‖ is the angle by which W turns, and it shrinks twice: the step is 1/a as long, and W is a
# times as long. That makes 1/a². Answer **b**. So twice the weights are what a quarter of the learning rate of W would be.
#
# At 0.003 this is not the whole gap in the map: from He's weights to twice that, batch norm loses some points, and the net without a
# norm gains more, in each of the ten seeds. At 0.01 it is batch norm that changes more, and at 0.03 both lose.
#
# In the map the head stays as it was, as in the fifth column. If the weights of the head grow as well, the gradient that it sends
# back grows by about a, and about 1/a is left: the last column.
#
# </details>
#
# ### Depth
#
# *Predict first:* 2, 4, 8, 12 hidden layers, digits, learning rate 0.1, 300 steps. From which depth on, if any, does the net
# without a norm fail with the default initialisation? And with He's? Which net has the lowest training loss at 4 layers, in
# train mode and in eval mode?

# %%
with_and_without.show_depth()

# %% [markdown]
# Nets of width 64, batches of 32. Three things to see:
#
# - With default initialisation the net without a norm fails from 8 layers on. With He's it trains at 12 too, but at 8 and at 12 some
#   seeds get lost; none of batch norm's does.
# - Who is ahead can depend on which training loss you report. At 4 layers the control is lower than batch norm from the default start
#   in 9 of 10 seeds *in train mode* and in 1 *in eval mode*; than batch norm from He's start in 10 and in 7. At 8 layers it is lower
#   than each of them in 9 and in 2. (Ten other seeds: the same at 4 layers, within one seed; 8 and 4 at 8 layers.)
# - On held-out digits there is little between the control and batch norm at 4 layers.
#
# ## 5 · Before or after the nonlinearity?
#
# The paper puts the norm between $Wu$ and the ReLU. It weighs one other place, the layer's *input* $u$, and decides for $Wu + b$ (§3.2):
# the distribution of $u$ is likely to change its shape during training, and $Wu + b$ is "more likely to have a symmetric, non-sparse
# distribution". A norm after the ReLU is a norm on the $u$ of the next layer.
#
# ResNet (He et al. 2016, §3.4) keeps the paper's order: convolution, batch norm, ReLU. In DenseNet (Huang et al. 2017, §3)
# batch norm comes right before the ReLU too, but both stand before the convolution, so it is the layer's input that is
# normalised. Mishkin et al. (2017) tried both on ImageNet; their tables are in the repository `ducha-aiki/caffenet-benchmark`,
# file `batchnorm.md`. After the ReLU is 1.5 to 2.5 points better in a CaffeNet, and 1.1 points worse in a GoogLeNet, where the
# two runs also differ in the start and in the scale and bias of the layer. The GoogLeNet without batch norm is ahead of both there.
#
# *Predict first:* how large is the difference in accuracy in our net, 6 hidden layers, digits, batches of 64, after 100 steps?

# %%
with_and_without.show_placement()

# %% [markdown]
# Before is ahead in 8 of 10 seeds at 0.1 and in 6 of 10 at 1. Ten other seeds gave 7 and 7, ten more 4 and 6. So this table decides
# nothing: a difference, if there is one, is lost in the seeds. (The two nets differ in the bias as well: before, it is dropped; after,
# kept.) It is one small data set; for large nets it says nothing.
#
# ## What would change my mind
#
# - *"Batch norm generalises better."* In both maps it wins more cells than the control, counted where the ranges do not overlap: 13
#   to 4 and 14 to 10. But in half of its cells or more the control has diverged. With batches of 256 the control is ahead at some
#   rates. And in section 2 neither of the nets that fit has learned anything that carries over. If both nets were tuned (learning
#   rate, schedule, initialisation layer by layer) and batch norm stayed ahead over many data sets, I would believe it for MLPs. These
#   nets were not tuned that far.
# - *"Batch norm is needed for depth."* There are very deep nets without any norm of the activations. Zhang et al. (2019, *Fixup*,
#   abstract) report training as stable as with a norm, "even for networks with 10,000 layers", with a rescaled initialisation.
#   Brock et al. (2021, abstract) reach 86.5 % on ImageNet without a norm and clip the gradients. So a norm is not necessary there. Here
#   it made training less sensitive to the learning rate and the initial weights, and more to the batch size.
# - *"Batch norm helps because…"* Two causes were tested here by changing them alone: initial weights for the stall, the head for the
#   divergence. Why it helps where it does, this notebook does not say.
#
# ## Recap
#
# 1. A hidden layer is Linear without bias, norm, ReLU; right before batch norm, in train mode, a bias has no gradient.
# 2. The demo shows memorising: the nets that fit its rows, with batch norm or without, are worse than a constant on held-out rows.
# 3. The default net stalls there because of its initial weights.
# 4. In the demo at width 64 it is batch norm's head that breaks at larger learning rates: slow the head alone, and the net trains.
# 5. In a fair set-up batch norm has the wider range of learning rates, and on digits of initial scales too. The control's best
#    median loss is lower with 2 or 4 rows in a batch (on digits with 8 too; with 4 and 8 the ranges overlap there). And its loss is
#    lower at some rates: on digits, with the factor on the output, at 0.1 at every batch size. Without the factor batch norm is ahead
#    at 0.1 with 64 rows.
# 6. Compare training losses in one mode: which net is ahead can depend on it.
# 7. Large weights before a norm act as a small learning rate.
#
# ## Interview page
#
# <details><summary>Why has a Linear right before a batch norm no bias?</summary>
#
# The norm subtracts the mean of the feature, and the bias with it: in train mode its gradient is 0. β does its work.
#
# </details>
# <details><summary>Somebody shows you two training curves, one flat, one with batch norm near 0. What do you ask?</summary>
#
# What is the held-out loss? Does a net without a norm, but with He initialisation and its own learning rate, do the same? How many
# seeds, and was the loss taken in train mode or in eval mode?
#
# </details>
# <details><summary>Does batch norm allow larger learning rates?</summary>
#
# In the fair set-up yes: it trains at 3, where the control diverges. But no norm follows the head: its limit 2/λ falls with the
# width unless the output is scaled.
#
# </details>
# <details><summary>When would you leave batch norm out of an MLP?</summary>
#
# With 2 to 4 rows in a batch: in this notebook it then learned nothing, or less than the control at its best rate. And where a
# well-started net without it is as good: that net has no second mode, and its rows do not depend on each other.
#
# </details>
# <details><summary>You multiply the weights before a batch norm by 10. What happens to the output, the gradient, and the next SGD step?</summary>
#
# In train mode the output stays. The gradient is 10 times smaller and W is 10 times as long, so the step turns W by a
# hundredth of the angle. Large weights before a norm act as a small learning rate.
#
# </details>
# <details><summary>In your training loop the loss with batch norm is higher than without, in eval mode it is lower. How can that be?</summary>
#
# In train mode each batch is normalised with its own mean and variance, in eval mode with the running ones: two functions of the same
# weights, with two losses. Compare in one mode.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("03_with_and_without_batchnorm")

# %% [markdown]
# One thing runs through this notebook without an answer: a net with batch norm is one function in train mode and another in eval
# mode. The next notebook is about what goes wrong between the two.
