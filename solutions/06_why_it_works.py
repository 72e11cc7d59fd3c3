# %% [markdown] builds="the three measures of smoothness, the effective step"
# # 06 · Why it works
#
# Four nets are to learn to read digits: six hidden layers of 64, the same learning rate, the same batches. One has batch norm.
# Another has batch norm too, and behind each one something that spoils its work: every unit is shifted and stretched by random
# numbers, drawn anew for every batch. The cell takes about 10 s, most of it to load torch.

# %% setup="setup"
import helpers

# %%
from helpers.experiments import shifts

shifts.opening()

# %% [markdown]
# Left is the mean that enters one unit, the first of the last hidden layer. Behind batch norm it stands still. With the noise
# it jumps at every step. Yet the two blue curves on the right fall together.
#
# Batch norm was introduced to keep such means still. *Predict first:* is that why it helps? Which line on the left would you
# show to somebody who says yes, and which to somebody who says no? Sections 1 and 2 come back to it.
#
# After this notebook you can
# - define internal covariate shift in both ways that are in use, and measure it,
# - measure how smooth a loss is along a step, and say what such a number does not tell,
# - say what the length of a weight matrix before batch norm does to its learning rate,
# - give for each of six claims the evidence for it, the evidence against it, and what would settle it.
#
# The nets without a norm are there twice: from PyTorch's default initialisation, and from He's. The second is the *control*, as
# in notebook 03. What is shown over many seeds was computed in advance; `python -m helpers.experiments.why_it_works_seeds` does
# it again, in some twenty minutes on one core. Single runs are trained as you watch.
#
# ## 1 · Internal covariate shift, defined twice
#
# **2015.** Ioffe & Szegedy (§2) define internal covariate shift as "the change in the distribution of network activations due
# to the change in network parameters during training". We measure it so: after one step of training, how far has the mean that
# enters a ReLU of the last hidden layer moved, on the same 256 digits, in standard deviations of that unit?
#
# **2018.** Santurkar et al. (§2.2, definition 2.1) ask what the shift does to the layer above. Take the gradient of layer $i$
# on a batch, before a step. Then update the layers *below* it, as the step would, and take the gradient again, on the same
# batch:
#
# $$G_i = \nabla_{W_i} L\big(W_1^{(t)}, \dots, W_{i-1}^{(t)}, W_i^{(t)}, \dots, W_k^{(t)}\big), \qquad
#   G_i' = \nabla_{W_i} L\big(W_1^{(t+1)}, \dots, W_{i-1}^{(t+1)}, W_i^{(t)}, \dots, W_k^{(t)}\big)$$
#
# Their shift is $\lVert G_i - G_i' \rVert$; they also plot the cosine of the two. We use the cosine, since it does not depend
# on how large the gradients are: 1 means no shift, 0 means that the old gradient says nothing about the new one.
#
# *Predict first:* four nets, without a norm and with batch norm, each from both initialisations. Which has the smallest shift
# of 2018, and does that net train well?

# %%
shifts.shift_table()

# %% [markdown]
# - **2015.** With batch norm a mean hardly moves, from either start. That is nearly by construction: in train mode the mean of
#   what leaves a batch norm layer is β, whatever happened below it. Without a norm it moves by 0.13 to 0.16 standard deviations
#   in the median. (The first picture is not in standard deviations: from default init next to nothing varies, so a line there
#   looks still.)
# - **2018, default init.** The net without a norm has *no* shift: its cosines are 1.00. It also learns nothing. With batch norm
#   the cosines are lower, and the net learns. So a small shift of this kind is no sign of fast training.
# - **2018, He init.** In layers 4 and 6 batch norm has the higher cosine, in every seed. So here it does reduce the shift;
#   Santurkar et al. found no such reduction (§2.2, figure 3). And yet the control's loss is lower in six seeds, and higher in
#   four (in one of them five times as high).
# - **The two batch norm nets** differ in their first weights alone. In layer 4 their cosines differ by more than 0.25 in
#   the median. Section 4 says what the scale of the weights does.
#
# Both definitions are in use. Ask "which one?" when somebody says that batch norm reduces internal covariate shift.
#
# ## 2 · Noise behind batch norm
#
# A quantity that goes along with fast training need not cause it. To test a cause, change it alone. Santurkar et al. (§2.1) do
# this: behind every batch norm layer they put noise, so that the shift of 2015 comes back, and leave batch norm as it is. An
# element $a$ becomes
#
# $$a \;\leftarrow\; s \cdot a + m$$
#
# where $m$ lies around a shift between −0.5 and 0.5, and $s$ around a factor between 1 and 1.25. Both are drawn for each unit
# and each batch; every element departs a little from them. In our nets the noise comes right before the ReLU. The opening was
# this experiment. Here are ten seeds, with two controls: the same noise without batch norm, and He initialisation.
#
# *Predict first:* in which of the eight nets does a mean move most? Which of them do not learn? What does the noise cost a net
# that starts well?

# %%
shifts.noise_table()

# %% [markdown]
# Eval mode has the mean of the noise in its place, a factor of 1.125; batch norm's statistics are estimated again before
# (notebook 04). In train mode the noise is in the loss.
#
# - **Default init.** With noise behind batch norm the means move further than without a norm, in every seed. The net still
#   trains fast: in train mode it ends at 0.06, plain batch norm at 0.04; in eval mode it is not decided which is lower. The
#   nets without batch norm stay at a loss of 2.3, with noise or without. So here a still mean is not what batch norm's
#   advantage rests on. (The noise alone moves a mean by 5, since it is far larger than the signal that default init lets
#   through.)
# - **He init.** Now the control trains, and it trains with the noise too. In eval mode batch norm's training loss is higher
#   with the noise in every seed, 1.1 to 1.3 times (with ten others 1.0 to 1.4). The control's is 0.5 to 4.7 times as high
#   (with five others 2.4 to 14): how much it costs the control is not decided. Without noise it is not decided which of the
#   two is lower.
#
# **What is held against this test.**
#
# - The noise is not the shift that training causes.
# - It does not bring back the shift of 2018: from default init the median cosine of G and G′ in layer 4 is 0.79 with the noise
#   and 0.62 without.
# - Awais et al. (2020, abstract) disagree with the conclusion. They build nets that have the properties which the rival
#   explanations name, large learning rates and a smooth landscape, and report no gain from them. They conclude that reducing
#   the shift does matter.
#
# So the test takes the plainest version of the claim away: *the means must stand still, or training is slow*. It does not show
# that no shift ever matters.
#
# ## 3 · A smoother landscape?
#
# Take a step of gradient descent and look along it: at points $w - \alpha\,\eta\,g$, where $g = \nabla L(w)$, η is the learning
# rate, and α goes from ½ to 4. Santurkar et al. (§3.2) measure three things there:
#
# | name | what it is | small means |
# |---|---|---|
# | loss range | the highest loss minus the lowest | the loss changes little along the step, as it does where the gradient is short |
# | change of the gradient (*gradient predictiveness*) | the largest $\lVert \nabla L(w - \alpha\eta g) - g \rVert$ | the gradient can be trusted further away |
# | effective β | the largest $\lVert \nabla L(w - \alpha\eta g) - g \rVert \div \lVert \alpha\eta g \rVert$ | the landscape is little curved in this direction |
#
# By hand: $L(w) = 2w^2$, so $\nabla L = 4w$. At $w = 1$ with η = 0.1 and α = 1: $g = 4$, the step leads to $0.6$, where the
# loss is 0.72 and the gradient 2.4. Loss range 2 − 0.72 = 1.28, change 1.6, distance 0.4, so β = 4: the curvature of this
# parabola.
#
# ### Build it
#
# *Exercise, medium, 8 minutes.* `loss_and_gradient` gives the loss and the gradient at any point. Return the three numbers,
# over all factors. The loss range counts the loss at w itself too. All points lie on one line: the gradient at w gives its
# direction.

# %% solution="along_the_step"
from collections.abc import Callable, Sequence
from typing import Any

import torch

from helpers.exercises.answers.along_the_step import along_the_step

# %%
from helpers.exercises.along_the_step import along_the_step_exercise

along_the_step_exercise.check(along_the_step)

# %%
# along_the_step_exercise.hint(along_the_step)
# along_the_step_exercise.solution(along_the_step)

# %% grade="along_the_step" points=1

# %% [markdown]
# ### The landscape explorer
#
# Two nets of four hidden layers, both from He init, learning rate 0.1. The first slider chooses after how many steps of
# training you look; the net is trained on until then. The second walks along the next step. The list below them writes the
# same net with other weights: with batch norm all hidden matrices are multiplied; without a norm every second one is, and the
# one after it is divided. In train mode neither changes what the net computes.
#
# *Exercise, free, 5 minutes.* *Predict first, then look:*
#
# 1. Look after 140 steps, and walk to 4 learning rates. Whose loss goes up?
# 2. Look at three steps. Is it ever the net with batch norm whose loss goes up within 4 learning rates?
# 3. Multiply the weights by 4, then by ¼. What stays, and what changes?
#
# Keyboard: Tab goes from one control to the next; the arrow keys, PageUp and PageDown move it. Beside a slider you can type a
# number; it becomes the nearest one that the slider has.

# %% tags=["nbval-ignore-output"]
from helpers.widgets.landscape import landscape_explorer

landscape_explorer()

# %% [markdown]
# ### Over seeds
#
# Looked at nine times during training; lines are medians of ten seeds, bands their range.

# %%
from helpers.experiments import along_step

along_step.bands()
along_step.along_table()

# %% [markdown]
# The last four rows put another length in the place of the standard deviation: after the mean is taken off, a unit is divided
# by the ℓ1, ℓ2 or ℓ∞ norm over the batch that it had before (a mean norm; after Santurkar et al., §3.3). *β, steps from 1/100*
# counts shorter steps too, from a hundredth of a learning rate. The four have no running statistics, so they have no loss in
# eval mode.
#
# - **For.** From the same He init batch norm has a lower loss range (by seed 2 to 27 times), change of the gradient (9 to 28
#   times) and β (4 to 5 times; with five others up to 7) than the control. That is Santurkar et al.'s finding (they used VGG
#   on CIFAR-10, and a deep linear net).
# - **It is not batch norm alone.** ℓ2 does nearly the same, and so does ℓ1, with 1.2 to 1.5 times the β. Here ℓ∞ trains more
#   slowly: it divides by the largest of 64 numbers, so what leaves it is smaller. With a larger γ at the start, in the last
#   row, it trains as fast as batch norm, with twice its β.
# - **Against.** The net from default init without a norm begins with by far the lowest β, where the loss is nearly flat, and
#   it ends at the highest loss. (Once it learns, its β climbs to 20.) And of the two nets from He init the control, with four
#   to five times the β, ends at the lower training loss: in train mode in all ten seeds, in eval mode in nine. (With five
#   others: in five, and in three.) Batch norm from *default* init ends at a quarter to a half of the control's loss (eval
#   mode). Its β is two to three times that of batch norm from He init; with shorter steps, seeds go both ways against the
#   control. And it is higher than that of the net without a norm from default init, in all ten seeds (with five others, in
#   four).
#
# So along these paths, from He init, batch norm is smoother than the control, and smoother is not the same as faster. With
# twelve layers:

# %%
along_step.deeper_table()

# %% [markdown]
# From He init loss range and change of the gradient are again far lower with batch norm, in all ten seeds. Now batch norm also
# ends at the lower training loss, in all ten. But β is near 20 in the median in all three nets that train. For batch norm that
# is a limit of the measure: where the gradient is gone after half a step,
# $\lVert g \rVert \div (\frac12 \cdot 0.1 \cdot \lVert g \rVert) = 20$ comes out, whatever the curvature. (The control's seeds
# reach 47, so there it is not the only reason.) With steps from 1/100 it comes out the other way: in all ten seeds batch norm
# has the higher β, 1.3 to 2.8 times the control's.
#
# Yao et al. (2019, *PyHessian*, abstract) write that batch norm "does not necessarily make the loss landscape smoother,
# especially for shallower networks". They measure the Hessian, in ResNets on images. Here, from He init, batch norm has the
# lower β with four layers; with twelve and steps from 1/100 it has the higher one.
#
# ### Other weights, the same function
#
# Now as numbers, after 100 steps. *Predict first:* from × ¼ to × 4 batch norm's hidden matrices get 16 times as long. If all
# curvature came from them, by which factor would its β fall? Does it fall by as much? The control is rewritten as in the
# explorer.

# %%
along_step.show_rescaled()

# %% [markdown]
# Each column of β belongs to *one* function: the outputs stay within rounding and ε. From the first row to the last batch
# norm's β falls to about a thirtieth (with five other seeds to between a 15th and a 38th). If all curvature came from these
# matrices it would be a 256th: a W that is four times as long has a quarter of the gradient and a sixteenth of the curvature.
# But the head and the norms' own parameters keep theirs. And steps from ½ may pass over what is curved nearer by, so the first
# row may be too low. The control can be rewritten too, since ReLU(a·z) = a·ReLU(z); its β grows in both directions.
#
# So effective β is a property of the function *and* of the numbers in which it is written. A comparison of two nets compares
# both. The learning rate that suits a net changes with the scale as well.
#
# ### Where normalising provably helps: linear regression
#
# For linear regression the landscape is a bowl, the same everywhere. Its Hessian is $\frac{2}{n} X^\top X$, with a column of
# ones for the bias. The condition number κ is its largest eigenvalue divided by the smallest. Gradient descent at its best rate
# leaves at most $\frac{\kappa - 1}{\kappa + 1}$ of the error in each step.
#
# By hand, four rows: $u = (1, -1, 1, -1)$ and $v = (1, 1, -1, -1)$ have mean 0 and variance 1, and are not correlated. The
# features $u$ and $10v$ have the Hessian $2 \cdot \mathrm{diag}(1, 1, 100)$, so κ = 100.
#
# *Predict first:* each feature is normalised: mean 0, variance 1. What is κ then? And for the features $(7u + v)/5$ and $(7u -
# v)/5$, whose correlation is 0.96?

# %%
along_step.regression_table()

# %% [markdown]
# Different spreads and a mean that is not 0 cost hundreds of steps, and normalising takes that away, to κ = 1. Correlation
# stays: κ is 49 before and after. Batch norm treats each feature by itself. Ioffe & Szegedy consider whitening all features
# together, which would remove correlations, and find it too expensive (§2, §3).
#
# ## 4 · Only the direction counts
#
# BN(aWu) = BN(Wu) for a > 0, up to ε. So before batch norm the loss does not change when W gets longer. Three consequences,
# with the Frobenius norm ‖W‖, the root of the sum of all squares:
#
# 1. Nothing changes along W, so the gradient is at right angles to it: $W \perp \nabla_W L$.
# 2. A step at right angles makes W longer: $\lVert W_{t+1} \rVert^2 = \lVert W_t \rVert^2 + \eta^2 \lVert \nabla_W L \rVert^2$
#    (Arora et al. 2019, *Auto rate-tuning*, Lemma 2.4).
# 3. A longer W has a shorter gradient ($1/a$), and the same step turns it less. Together: the learning rate that counts is
#    $\eta / \lVert W \rVert^2$ (van Laarhoven 2017).
#
# *Predict first:* the first step of a net turns a hidden matrix by 1.43°. By how much would it turn at twice the learning rate?
# With all hidden matrices ten times as long? With which learning rate would those turn by 1.43° again?

# %%
from helpers.experiments import weight_length

weight_length.first_steps_table()

# %% [markdown]
# ### Build it
#
# *Exercise, medium, 6 minutes.* One SGD step of a matrix before batch norm. Return the angle by which it turns (in radians),
# its length afterwards, and a learning rate: the one with which W/‖W‖, put in the place of W, would turn by the same angle.

# %% solution="effective_step"
from helpers.exercises.answers.along_the_step import effective_step

# %%
from helpers.exercises.along_the_step import effective_step_exercise

effective_step_exercise.check(effective_step)

# %%
# effective_step_exercise.hint(effective_step)
# effective_step_exercise.solution(effective_step)

# %% grade="effective_step" points=1

# %% [markdown]
# ### Ten times the weights
#
# *Predict first:* multiply all hidden matrices by 10 before training. Which learning rates make it the same training as before,
# loss by loss? For the hidden matrices, and for the rest: head, γ and β?

# %%
weight_length.same_path_table()

# %% [markdown]
# A hundred times the rate for the matrices, and the old rate for everything else. The head has no norm behind it: for it a rate
# of 10 is 10 (notebook 03 found that the head breaks first).
#
# ### A rate that falls by itself
#
# With SGD and no weight decay ‖W‖ only grows, so η/‖W‖² falls during training. Does that matter? Change it alone: after every
# step give each hidden matrix its first length back. With batch norm it computes the same, but its effective rate no longer
# falls. The darkest line shows that. Each point is a mean of ten steps. The nets are from default init; the last rows of the
# table are from He init, or without a norm.
#
# *Predict first:* at which learning rate does holding the length do harm, at 0.1 or at 1? Does a net without a norm learn at
# rates of 1 and 3, with its lengths held too?

# %%
weight_length.paths()
weight_length.lengths_table()

# %% [markdown]
# - At rate 0.1 ‖W‖ grows by 1 %, and holding it changes next to nothing. (The angle falls all the same, since the gradient gets
#   shorter as the loss falls.)
# - At rate 1 it grows by a third and more. Held, W goes on turning by some degrees in every step, and the loss stays higher in
#   every seed. At rate 3 held nets end at 0.82, free ones at 0.02.
# - From He init W is √6 times as long, so by η/‖W‖² its rate 3 is a rate of ½ from default init. It turns less, and grows by
#   15 %. There the median is 0.02, free and held. It is not decided whether holding does harm: the loss is higher in eight of
#   the ten seeds, with ten others in seven.
# - Without a norm, lengths held: at rate 1 nets end at 1.7 from default init, and anywhere from 0.09 to 2.05 from He's. At
#   rate 3 none of them learns. (Here holding changes what a net computes: free ones may do better.)
#
# So from default init, at large rates, the growing length is *a cause* of the lower loss: take it away, and training gets worse.
# It is not all of batch norm's tolerance: with lengths held, nets with batch norm still learn at rate 3. Where η/‖W‖² is small,
# be it that η is small or W long, it is not what makes the net train.
#
# It also brings the two rates closer. Free, the angles at 1 and at 0.1 differ by a factor of 5 in the first ten steps, and of 3
# in the last ten. Held, by 6 and by 19 (medians, rest at 0.1).
#
# ## 5 · Before the first step
#
# In 6 layers from default init the signal dies out without batch norm (notebook 03). Is batch norm then a cure for depth? Take
# 50 layers. Yang et al. (2019) computed what batch norm does to gradients in a net without skip connections: with ReLU and
# large batches their squared length grows by $\frac{\pi}{\pi - 1}$ from layer to layer, towards the input. That is a factor of
# $\sqrt{\pi/(\pi - 1)} = 1.211$ for the length.
#
# *Predict first:* about how many times longer is the gradient of the first layer than that of the last, after 49 such factors?
# And without a norm, from He init?

# %%
from helpers.experiments import deep_start

deep_start.growth()
deep_start.start_table()

# %% [markdown]
# 1.211⁴⁹ is about 12,000. Measured it is about 6,000 (2,500 ÷ 0.40, the last layer's), since the first layer stands below the
# line. It is the only one with 64 inputs in place of 256. (The growth is fitted from layer 5 to 40.) *Cosine of two images*:
# 1.00 means that all images leave the last layer in the same direction. A *dead* unit is 0 for all 128 images.
#
# - **For.** Without a norm nearly all images leave the last layer alike, from either start, and 0.3 to 0.55 of the units are
#   dead. With batch norm images stay apart and no unit is dead.
# - **But** 0.32 is 1/π, the cosine of unrelated directions after a ReLU: two images of one digit leave as far apart as any two.
#   With skips they stay closer.
# - **Against.** The gradient explodes, as the theory says: 1.21 a layer. In the first layer it is 2,500 long; in the control
#   0.25. So for gradients batch norm makes a deep net *worse* than He's start does.
# - After *one* step of SGD at rate 0.1 it is 25. The first layers got much longer in that step (in the first, 0.1 · 2,500 =
#   250, on a length of about 23), and a longer W has a shorter gradient (section 4). That is one part of it: with the old
#   lengths given back it is 300.
# - Skips (x + layer(x)) bring the growth down to 1.03. There the gradient is larger after the same step, at rate 0.1.
#
# Ioffe & Szegedy conjecture (§3.3) that batch norm may bring the singular values of layer Jacobians close to 1, which would
# preserve gradients. At initialisation, in nets without skips, this does not hold. Does it matter for training? Nets of this
# kind, 64 wide:

# %%
deep_start.training_table()

# %% [markdown]
# - With 50 layers and no skips no net gets above 0.32 in these 200 steps, with batch norm or without. With skips and batch norm
#   they reach 0.90 at the smaller rate; with skips alone, 0.10.
# - Nor is batch norm needed with 50 layers. In the last row each skip is x + α · layer(x), with a learned α that begins at 0
#   (after De & Smith 2020). At rate 0.1 it is ahead of batch norm with skips in all five seeds. At 0.01 it is behind in four,
#   with five others in three: not decided.
# - With 10 layers at the small rate the control is *ahead* of batch norm from He init in every seed, and *behind* it from
#   default init in every seed. He's weights are long for a net with batch norm, and long weights mean a small effective rate.
#
# ## 6 · Noise as a regulariser
#
# In training each example is normalised with the mean and variance of a random batch. The mean of $m$ independent values has
# the standard deviation $\sigma/\sqrt m$: that much noise comes with every batch (of independent rows). Does it help on
# held-out data?
#
# Another batch size would change more than this noise: the number of steps, the noise of the gradient. So leave the batch at
# 128 examples, and change little else: the batch is cut into parts, and each part is normalised by itself (ghost batch norm,
# Hoffer et al. 2017). Three hidden layers, 400 steps. First with a fifth of the training labels drawn again at random, so that
# there is something better not learned.
#
# *Predict first:* with smaller parts, what happens to the training loss? To the held-out accuracy? What else could make the
# held-out accuracy rise?

# %%
from helpers.experiments import batch_noise

batch_noise.parts_table("noisy")
batch_noise.pairs_table()

# %% [markdown]
# Losses in eval mode are over all rows; the training labels include the wrong ones.
#
# - **For.** Parts of 8 in place of 128 raise held-out accuracy by 8.5 points in the median, in all ten seeds. With parts of 4
#   it is higher still, in nine of ten, but so is the held-out loss, in all ten.
# - **What else could it be?** The training loss rises with it: with more noise the net fits less, wrong labels too. So take
#   the net with whole batches, and stop it when it has fitted just as much. It is then 6 points better than at the end in the
#   median. So the larger part of the gain comes with fitting less. The rest is 2 points, in all ten seeds; with ten others it
#   is 3.5 points, in eight. (The stopped net has fitted a little more, so the noise need not explain all of that.)
# - The control, without any such noise, fits little in 400 steps too. It is one point below parts of 8, in all ten seeds; with
#   ten others in seven of them.
#
# Now the labels as they are:

# %%
batch_noise.parts_table("as they are")

# %% [markdown]
# Now there is nothing to gain in accuracy: for parts of 8, 16 and 32 the seeds go both ways. With parts of 16 the held-out
# loss is lower than with 128 in nine of ten seeds, with five others in three: not decided. With parts of 4 the training loss
# in eval mode is twenty times as high, and accuracy falls.
#
# So the noise regularises where there is something to regularise, and it is paid for with the training loss. How much it helps,
# data and part size decide.
#
# ## 7 · The evidence
#
# *Exercise, medium, 8 minutes.* Somebody holds each of these claims about batch norm. The evidence for each is from above. For
# each claim choose the evidence *against* it, and the experiment that would *settle* it. A letter may be right once or never.
# Where one seems to fit two claims, the other letters decide.

# %%
from helpers.exercises.evidence import AGAINST, CLAIMS, FOR, SETTLED
from helpers.lab.tables import table

table(["", "claim", "evidence for"], [(key, claim, FOR[key]) for key, claim in CLAIMS.items()], left=[1, 2])
table(["", "evidence against"], AGAINST.items(), left=[1])
table(["", "what would settle it"], SETTLED.items(), left=[1])

# %% solution="evidence"
from helpers.exercises.answers.evidence import evidence

# %%
from helpers.exercises.evidence import evidence_exercise
from helpers.widgets.quiz import quiz

quiz(evidence_exercise)

# %%
evidence_exercise.check(evidence)

# %%
# evidence_exercise.hint(evidence)
# evidence_exercise.solution(evidence)

# %% grade="evidence" points=1

# %% [markdown]
# <details><summary>After the quiz: the same table for large nets</summary>
#
# | claim | for | against |
# |---|---|---|
# | still distributions | Awais et al. 2020 | Santurkar et al. 2018, §2.1: noise, VGG on CIFAR-10 |
# | smoother landscape | Santurkar et al. 2018, §3, and Theorem 4.1: an upper bound, for one layer, with respect to activations | Yao et al. 2019, abstract: not necessarily, especially for shallower networks |
# | larger learning rates | Bjorck et al. 2018, abstract: without batch norm large updates make activations grow with depth | that it is needed for them: Brock et al. 2021, abstract: adaptive gradient clipping overcomes the instability |
# | gradients at the start | De & Smith 2020: in residual nets it scales the branches down | Yang et al. 2019: without skips they explode |
#
# </details>
#
# ## What would change my mind
#
# - *Shift.* In our nets the noise test speaks against the plainest version. The experiment for claim a could speak for it
#   again.
# - *Smoothness.* The experiment for claim c could make it an explanation, if it names the faster of two nets beforehand.
#   Effective β does not.
# - *Length of the weights.* Holding it did harm at large rates from default init, so it is a cause there. These are small nets,
#   with one optimiser; a large net that tolerates large rates with lengths held would limit the claim.
# - *All of it.* These explanations do not exclude each other. Which one counts depends on the start, the depth and the learning
#   rate.
#
# ## Recap
#
# 1. Internal covariate shift has two definitions: of the activations (2015) and of the gradient (2018). They can disagree about
#    the same net.
# 2. With noise behind it batch norm's shift of 2015 is larger than without a norm; from default init it trains fast all the
#    same.
# 3. Along a step, from He init and with four layers, batch norm is smoother than the control; the number depends on how the
#    weights are written and on the steps that are tried, and smoother is not always faster.
# 4. Before batch norm only the direction of W counts: the effective rate is η/‖W‖², and it falls as ‖W‖ grows.
# 5. Batch norm keeps the images of a deep net apart, those of one digit too; without skips its gradients explode by 1.21 a layer
#    before training.
#
# ## Interview page
#
# <details><summary>What is internal covariate shift, and does batch norm work by reducing it?</summary>
#
# The change of the distribution of activations as the parameters change (2015); or the change of a layer's gradient when the
# layers below are updated (2018). Noise behind batch norm brings the first back, and from default init training stays fast: in
# eval mode it is not decided whether the loss is higher. That refutes the plainest version; the question is open.
#
# </details>
# <details><summary>Why does batch norm allow large learning rates?</summary>
#
# Before it only the direction of W counts. A long step makes W longer, and a longer W turns less: η/‖W‖² falls by itself, with
# SGD and without weight decay. That is a part of it, where η/‖W‖² is large: with the lengths held fixed, training gets worse,
# but goes on. The head has no norm behind it and keeps its own limit.
#
# </details>
# <details><summary>"Batch norm makes the loss landscape smoother." What do you answer?</summary>
#
# Along the step, in a shallow net from He init: yes, measured. From default init β was higher with batch norm in nearly all
# seeds. β changes when the same function is written with other weights, and in a deeper net, with shorter steps, it was higher
# too. Theorem 4.1 of Santurkar et al. is an upper bound for one layer.
#
# </details>
# <details><summary>What does batch norm do to gradients in a very deep net before training?</summary>
#
# Without skip connections it makes them explode: × 1.21 a layer with ReLU. After one step at rate 0.1 most of it was gone in
# the first layer, partly since that layer was longer then. Skips keep them from exploding before training.
#
# </details>
# <details><summary>Does normalising the features always help linear regression?</summary>
#
# No. It removes differences of spread and the mean: κ = 1 if the features are not correlated. Correlation stays, because each
# feature is treated by itself.
#
# </details>
# <details><summary>How would you test whether the noise of batch norm regularises?</summary>
#
# Keep the batch, and normalise it in parts, so that little but the noise changes. Report the training loss beside the held-out
# one, and compare with stopping earlier: here less fitting explains the larger part of the gain.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("06_why_it_works")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
