# %% [markdown] builds="dropout, early stopping, a soft-threshold step, a k-fold pipeline without its leak"
# # 10 · Overfitting, dropout and what batch norm has to do with it
#
# Two nets of the same size see the same 1,297 digits. One gets the digits' labels. For the other the labels were drawn in a lottery:
# they say nothing about the images. (About 10 s, most of it to load torch.)

# %% setup="setup"
import helpers

# %%
from helpers.experiments import memorising

memorising.opening()

# %% [markdown]
# ## Random labels
#
# *Predict first:* the lottery net ends at nearly 100 % on its training rows, although there is nothing to be learned. What does it get right on
# the 500 digits that were held out? And would a net with batch norm, or with dropout, fall for the lottery too? (Ten seeds, computed
# before by `python -m helpers.experiments.overfitting_seeds`.)

# %%
memorising.random_labels_table()

# %% [markdown]
# - **Held out, every lottery net guesses:** of ten digits about one. The plain net had nearly 100 % of the random labels in training, and with the digits' labels it reads 97 % or more of the
#   held-out digits. So it has the *capacity* to learn 1,297 labels by heart, and yet it generalises where there is something to learn: capacity alone does not explain how well it does. Zhang et al. (2017) found the same with larger nets, and explicit regularisation (dropout and weight decay, for example)
#   neither necessary nor sufficient for training and held-out error to lie close together (abstract and §1).
# - **Batch norm** is no obstacle: after 20 epochs its net is ahead. After 60 it has 99 % or more (98.8 % or more in ten further seeds). There the plain net is
#   a little ahead, by 0.1 to 0.8 points in the ten seeds, and by up to 1.2 in five further ones.
# - **Dropout** slows learning by heart. Whether longer training would get there was not tried, and papers do not settle it for these nets: Zhang et al. report that explicit regularisation changes little
#   about fitting random labels, Arpit et al. (2017) that well-tuned dropout holds such fitting back, at no cost on real data (abstracts).
#
# After this notebook you can
# - read overfitting off two losses, and say in which mode each has to be measured,
# - stop a training in time, and bring back the best epoch,
# - tell bias, variance and noise apart, and say where more parameters help,
# - find a leak in a cross-validation,
# - write dropout, say what it keeps and what it changes, and use it in eval mode without touching batch norm,
# - choose a regulariser by a comparison in which each had the same number of runs.

# %% [markdown]
# ## 1 · Two losses
#
# *Overfitting* means to fit what belongs to the sample alone. It shows in two numbers: the training loss falls, and the loss on
# held-out rows does not, or rises. Their difference, held-out minus training, is the *generalisation gap*.
#
# *Predict first:* a net with dropout of 0.5 is trained on digits with their right labels. The loss that a progress bar prints is the mean over the
# epoch's steps. Is it above or below the validation loss?

# %%
memorising.gap_table()

# %% [markdown]
# - **The printed loss** is above the validation loss at epoch 5, in every seed, by 0.21 or more. Read so, the net would be better on rows that it has never seen.
#   At epoch 60 it is below it in eight of ten.
# - **In eval mode** the training loss is below the validation loss, in every seed, at both epochs. Two things can make the printed one larger: dropout was on, and the mean
#   over an epoch counts weights that were still worse. (How much each of them adds, the table does not tell.)
# - From epoch 5 to epoch 60 the gap grows in all ten seeds, and in nine of them the validation loss falls. So a gap alone is no reason to stop: judge the held-out loss too.

# %% [markdown]
# ## 2 · Wrong labels
#
# Now three tenths of the training labels are replaced by another digit's: 1,000 rows, some 300 of them wrong. The validation rows keep their
# right labels. The net has no dropout now.
#
# *Predict first:* the training loss goes on falling, but for small bumps. What happens to the validation loss, and when? What does the net answer for
# a training row whose label is wrong: that label, or the true one? And is it the same at epoch 3 and at epoch 60?

# %%
memorising.noise_figure()

# %%
memorising.noise_table()

# %% [markdown]
# - **First the true labels.** At epoch 3 the net repeats 2 to 8 % of the wrong labels. For 78 to 89 % of these rows it says the true one,
#   which nobody told it.
# - **Then the wrong ones, by heart.** At epoch 60 it repeats 99 % or more of them, and says next to none of the true ones.
# - **The validation loss** is higher at epoch 60 than at epoch 10 in all ten seeds. In these its lowest value lies between epochs 9 and 24, and the *accuracy* is best
#   earlier, in the first eight. In ten further seeds the accuracy was best that early, and before the loss, in at least eight.
#   But in five others it was before the loss in only two, and after it in one. So there need be no such order, but two measures can have two best epochs: say which you stop by.
#
# For the rest, ten further seeds gave the same: first the true labels, then the wrong ones, and a validation loss that is higher at epoch 60 than at 10 in each.
# The control, the same net with the true labels (five seeds): from epoch 10 to 60 the validation loss changes by −0.01 to +0.04.
#
# To stop by the loss, plot training and validation loss, both in eval mode, with a mark at the lowest validation loss.

# %% [markdown]
# ## 3 · When to stop
#
# *Early stopping* measures the validation loss after each epoch. If it has not been lower than its lowest value so far for some epochs in
# a row, the *patience*, training stops, and the net of the best epoch comes back.
#
# **By hand.** The validation losses are 5, 4, 6, 4.5, 3, 3, 7, 8, 9, and the patience is 2.
#
# *Predict first, with a pencil:* after which epoch does it stop? Which epoch comes back? And with a patience of 3?
#
# <details><summary>Answer</summary>
#
# Patience 2: epochs 3 and 4 are not lower than the 4 of epoch 2. It stops after epoch 4, and epoch 2 comes back; it never sees the 3. Patience
# 3: epoch 5 is lower, so the count starts again. Epochs 6, 7 and 8 are not lower than 3 (an equal loss is no better), so it stops
# after epoch 8, and epoch 5 comes back.
#
# </details>
#
# ### Write it
#
# *Exercise, medium, 8 minutes.* Where training diverges the loss can become NaN, and `<`, `>` and `==` with NaN are all False.

# %%
import copy

import torch
from torch import nn

# %% solution="early_stopping"
from helpers.exercises.answers.early_stopping import EarlyStopping

# %%
from helpers.exercises.early_stopping import early_stopping_exercise

early_stopping_exercise.check(EarlyStopping)

# %%
# early_stopping_exercise.hint(EarlyStopping)
# early_stopping_exercise.solution(EarlyStopping)

# %% grade="early_stopping" points=1

# %% [markdown]
# Yours at work, on the net with the wrong labels, with a patience of 10:

# %% tags=["nbval-ignore-output"]
from helpers.experiments.ready import ready

if ready(early_stopping_exercise, EarlyStopping):
    memorising.with_stopper(EarlyStopping)

# %% [markdown]
# *Predict first:* which patience is best here, 1, 3, 10 or 30? Does it still work where the validation labels are as noisy as those of the training
# rows?

# %%
memorising.stopping_table()

# %% [markdown]
# - **Against the last epoch** every patience wins in all ten seeds, by 2.8 points or more.
# - **Among the patiences** nothing is decided: the ranges overlap, and seed by seed none is ahead of another in eight of ten. In ten further seeds
#   a patience of 3 was ahead of 1 in seven, by 1.0 to 15.6 points, and behind in one, by 2.4. What patience costs is time: training goes on for as many epochs after the best one.
# - **Noisy validation labels** choose an early epoch, 2 to 4 (2 to 6 in five further seeds), and lose nothing that ten seeds could show: seed by seed they are ahead in five to eight of the ten, by up to 9.0 points, and behind by up to 5.2 in others. (It may be
#   that the loss charges much for a sure answer that a wrong label denies; this was not tested.)
#
# Fifteen further seeds: a gain on the last epoch in each, but for a patience of 1. That can stop at a first bump: in one seed it lost 3.6 points. The test rows had no part in the choice. Who stops by them has no test rows left.

# %% [markdown]
# ## 4 · Bias, variance, and more parameters than rows
#
# Draw a training set, train, ask the model at one point; then do it all again with another training set. For the squared loss the mean error
# at the point splits into three parts:
#
# $$E\big[(y-\hat f)^2\big] \;=\; \underbrace{\big(E[\hat f] - f\big)^2}_{\text{bias}^2} + \underbrace{\mathrm{Var}[\hat f]}_{\text{variance}} +
#   \underbrace{\sigma^2}_{\text{noise}}$$
#
# $f$ is the truth, $y$ a new label with noise of variance σ². The mean is taken over training sets and over labels.
#
# **By hand.** The truth at a point is 2. Three training sets give the predictions 1, 2 and 6.
#
# *Predict first, with a pencil:* bias², the (biased) variance, and the mean squared distance from the truth.

# %%
from helpers.experiments import more_parameters

more_parameters.by_hand()

# %% [markdown]
# The model now: least squares on $p$ *random features*, that is the outputs of $p$ ReLU units whose weights are drawn once and never trained. 40 training
# rows of 5 numbers; the truth is a sine of one direction; the labels have noise of variance 0.09. Where
# more than 40 features fit the rows exactly, the shortest weights are taken: gradient descent from 0 ends there too. Each
# number is over 100 training sets.
#
# *Predict first:* the training error reaches 0 at 40 features. Where is the error on new rows largest: at 5, at 20, at 40, at 1,000?

# %%
more_parameters.parts_table()

# %%
more_parameters.descent_figure()

# %%
more_parameters.valleys_table()

# %% [markdown]
# - **The parts add up.** Their sum is the measured error, up to the chance of the labels that it is measured on. (With 100 training sets, bias² as measured contains a hundredth of the
#   variance; at 40 features that is all one sees of it.)
# - **The peak is variance.** At 40 features there is just one solution, and it goes through every noisy label, except where a feature is 0 in all 40 rows.
#   (That is so in 92 of the 100 training sets of one seed, whose peak is the lowest, and in at most 21 in the others; no table shows this.) In all ten seeds the error is largest at 40.
# - **Beyond it the error falls again:** the second half of *double descent* (Belkin et al. 2019). From 40 features on, the shortest solution gets shorter: in all ten seeds
#   its mean length (not in the table) is above 270 at 40 features, and below 20 at 1,000. The first half, down and then up to the peak, is hardly to be seen: in every seed the lowest error up to the peak is that of 2 or 5 features, the fewest that were tried.
# - **The control** is a model that always answers 0. Its error is the mean square of the sine, near ½, plus the noise: 0.55 to 0.65 in the ten seeds. In seven of
#   them no number of features gets below it without a penalty, and 1,000 features do in only two.
# - **Few features against 1,000:** the best error with at most 20 is the lower one in all ten seeds. It is the best of four, picked on the rows that it is judged on: no single
#   number of features is ahead in all ten. And mostly it wins by learning little. Belkin et al. show cases in which the large model wins; the second descent is no promise.
# - **Noise** adds to the error beyond the peak, and more the nearer to it: 2.1 to 4.7 at 44 features, 0.34 to 0.47 at 100, 0.23 to 0.27 at 1,000. Of each, 0.09 is the noise of the new labels
#   themselves. (At 40 chance decides even the sign of the difference, so the table has none.) But the peak does not need
#   noise: without it the error is largest at 40 too, in all ten seeds, and in four of them it is higher there than with noise.
# - **A penalty** removes the peak: with the best of four values of $\lambda\lVert w\rVert^2$ the error at 40 features is about that at 1,000: within 5 % in each of the ten seeds. Over all numbers of features the
#   largest is 1.1 times the smallest in the median and 1.8 times at most. Three of ten further seeds gave more than 5 % at 40, namely 6, 6 and 22 %; the last had 3.0 over all, with the largest error at 2 features. The penalty was chosen on the rows that it is judged on, so it is a little flattered.
#   And the answer 0 is the control here too: with a penalty 1,000 features beat it in six of the ten seeds only.
#
# In 15 further seeds the peak was at 40 in each, and the error with few features the lower one in 13. None of this contradicts the sum of three parts. What fails is the picture of a variance that can only grow. At 5 features the training error is high too: that is *underfitting*. (Without a penalty the error on new rows is still lower there than at 1,000, in nine of the ten seeds.)

# %% [markdown]
# ## 5 · Validation that leaks
#
# *k-fold cross-validation* cuts the rows into $k$ parts, trains $k$ times on all but one of them, and judges each time on the one that was left out. A
# colleague has 50 rows of 1,000 features and labels 0 or 1. She keeps the ten features that correlate best, fits the mean of each class, answers with the nearer one, and
# announces what ten-fold cross-validation says.

# %%
from helpers.experiments import leaks

leaks.surprise()

# %% [markdown]
# *Predict first:* features and labels are pure noise, so 50 % is all that there is. Where do the announced points come from? Here is her
# pipeline; read it before you go on.
#
# ### Find the leak, and mend it
#
# *Exercise, medium, 10 minutes.* The comment below `One bug:` is the pipeline as it was found. Remove its `#` signs (mark the lines, then
# Ctrl + /), mend it (the bug may touch more than one line), and delete the `raise` line. `fit` is handed in: it trains on the rows that it gets, and returns a function that predicts.

# %%
from collections.abc import Callable

Predict = Callable[[torch.Tensor], torch.Tensor]

# %% solution="k_fold"
from helpers.exercises.answers.k_fold import k_fold_accuracy

# %%
from helpers.exercises.k_fold import k_fold_exercise

k_fold_exercise.check(k_fold_accuracy)

# %%
# k_fold_exercise.hint(k_fold_accuracy)
# k_fold_exercise.solution(k_fold_accuracy)

# %% grade="k_fold" points=1

# %% [markdown]
# *Predict first:* more than one thing was fitted on all rows. How many points did each of them make up?

# %% tags=["nbval-ignore-output"]
if ready(k_fold_exercise, k_fold_accuracy):
    leaks.yours_table(k_fold_accuracy)
    leaks.which_leak_table()

# %% [markdown]
# (The features are those from above, with labels drawn anew.) Nearly all of it came from the choice of features, 18 points or more in every data set. Among 1,000 columns of noise some go with the labels by chance, in the held-out rows
# too. The scaling made up nothing that ten data sets could show. Scaling uses no labels, and 50 rows have nearly the mean of 45. With other data it can leak more.
#
# The same holds for all that is fitted: filling gaps, oversampling a rare class, the statistics of a norm, the strength of a penalty. What is *tuned* on the folds needs
# further rows that took no part. And where several rows belong to one patient, the fold has to hold all of them. Even without a leak, one ten-fold score
# of 50 rows is rough: with nothing to be learned, these ten range from 40 to 66 %, and five further ones from 28 to 56 %.

# %% [markdown]
# ## 6 · Dropout
#
# *Dropout* (Srivastava et al. 2014) sets each value to 0 with probability $p$ in training, each on its own, and anew in every step. In the *inverted* form
# what is kept is divided by $1-p$:
#
# $$y_i = \frac{m_i\,x_i}{1-p}, \qquad m_i = 1 \text{ with probability } 1-p, \text{ else } 0$$
#
# In eval mode it does nothing. (In PyTorch $p$ is the probability to drop, in the paper the probability to keep.)
#
# **By hand.** $x = 6$ and $p = 1/3$.
#
# *Predict first, with a pencil:* which values can $y$ take, and how often? What are its mean and its variance?
#
# <details><summary>Answer</summary>
#
# 0 in a third of the cases, and $6/(2/3) = 9$ in two thirds. The mean is $9 \cdot 2/3 = 6 = x$. The mean square is $81 \cdot 2/3 = 54$, so the
# variance is $54 - 36 = 18$, that is $x^2\,p/(1-p)$. The mean stays; the variance does not. Batch norm behind a dropout stores that larger variance
# (notebook 08, section 4).
#
# </details>
#
# ### Write it
#
# *Exercise, easy, 6 minutes.*

# %% solution="inverted_dropout"
from helpers.exercises.answers.inverted_dropout import inverted_dropout

# %%
from helpers.exercises.inverted_dropout import inverted_dropout_exercise

inverted_dropout_exercise.check(inverted_dropout)

# %%
# inverted_dropout_exercise.hint(inverted_dropout)
# inverted_dropout_exercise.solution(inverted_dropout)

# %% grade="inverted_dropout" points=1

# %% [markdown]
# ### Maps: single values or channels
#
# *Predict first:* in the maps of a convolution (digits, eight filters that were drawn at random) single values are dropped. How much of what is gone can be guessed from what is left in the
# 3×3 window around it, by a linear fit? And if the whole channel is dropped, as `nn.Dropout2d` does it (*spatial* dropout)?

# %%
from helpers.experiments import dropping

dropping.recovered_table()

# %% [markdown]
# About a quarter or more of the variance of single values comes back from their neighbours, by no more than a linear guess. Of a whole channel nothing is left in the
# window. (A guess from the other channels might find some of it: here they are not asked. And no net was trained with either: which of them helps more, this does not tell.)
#
# ### Branches: stochastic depth
#
# A residual block is $x + F(x)$. *Stochastic depth* (Huang et al. 2016, §3) drops the branch $F$ of a block for a whole batch; the skip stays.
# Block $l$ of $L$ survives with probability $p_l = 1 - \frac{l}{L}(1-p_L)$: the deeper, the less often.
#
# *Predict first:* 12 blocks and $p_L = 0.5$. How many blocks are used on average? In eval mode all twelve are used; what has to be done to
# their branches?
#
# <details><summary>Answer</summary>
#
# The mean of $p_l$ from 0.958 to 0.5 is 0.729; times 12 that is 8.75. In eval mode each branch is multiplied by its $p_l$ (or divided
# by it in training).
#
# </details>

# %%
dropping.depths_table()

# %% [markdown]
# The nets are untrained. Rescaled, the full net lies 3 to 4 % from the mean of the shallow ones. Not rescaled, it lies 51 % or more from it (49 % in two of five further seeds). Only a part of the 3 to 4 % is the chance of 1,000 draws: with 16,000, two seeds
# gave 2.7 and 3.1. (Chance alone would fall to a quarter.) So it is not 0: with ReLU in a branch, a mean over nets is not the net of the means. The same holds for dropout: one pass in eval mode only approximates the mean over all masks.
#
# ### Dropout in eval mode
#
# *MC dropout* (Gal & Ghahramani 2016) leaves dropout on in use: several passes, their mean is the answer, their spread says how sure the net
# is. The net here has two layers with batch norm and a dropout of 0.2 behind each.
#
# *Predict first:* somebody switches dropout on with `net.train()`. What else changes? The table puts one row among 31 nines, then
# among 31 zeros.

# %%
dropping.mc_tables()

# %% [markdown]
# - **Whole net in train mode:** batch norm takes its statistics from the neighbours. In nine nets the same row gets other answers among nines than among zeros: 0.23 to 0.87 of the probability moves (a change of
#   1 would be: from one class to another altogether). In one net it moves about as little as with dropout only. And the calls have moved the buffers, so the next answers in eval mode are others as well.
# - **Dropout only:** what is left of a difference is the chance of 200 draws; the buffers stay. So: `net.eval()` first, then `train()` on the dropout layers alone.
# - **The spread tells something:** 22 to 30 % of the tenth with the largest spread is wrong, at most 0.7 % of the rest (ten further nets: 16 to 28 %, and at most 0.9 %). Whether a spread of 0.1 means what it says
#   (*calibration*), this does not test; and the largest probability of one plain pass might rank them as well.

# %% [markdown]
# ## 7 · Penalties on weights
#
# L2 adds $\frac{\lambda}{2}\lVert w\rVert^2$ to the loss, L1 adds $\lambda\sum|w_i|$. The slope of the first is in proportion to $w$; that of the
# second is λ, however small $w$ is, and there is none at 0. So there are two ways to step:
#
# - along a *subgradient*, in which a slope of 0 stands in at 0: $w - \eta\,(g + \lambda\,\mathrm{sign}(w))$;
# - a *proximal* step: first $v = w - \eta g$, then every $v_i$ moves towards 0 by $\eta\lambda$, and stops if it gets to 0: the *soft threshold*
#   $\mathrm{sign}(v)\,\max(|v| - \eta\lambda,\, 0)$.
#
# **By hand.** $\eta = 0.1$, $\lambda = 2$, and $v = 0.5,\ -0.3,\ 0.15$.
#
# *Predict first, with a pencil:* the weights after the soft threshold. And now let weights start at these three values of $v$, with a gradient of 0: where
# are they after three steps, by either way?
#
# <details><summary>Answer</summary>
#
# $\eta\lambda = 0.2$: 0.3, −0.1 and 0. With a gradient of 0 that was the first of the three proximal steps; after the other two all are 0 (0.1, 0 and 0 come between).
# Along the subgradient 0.15 goes to −0.05, to 0.15, to −0.05: it jumps over 0 and back. The others end at −0.1 both.
#
# </details>
#
# ### Write the step
#
# *Exercise, easy, 5 minutes.*

# %% solution="soft_threshold"
from helpers.exercises.answers.soft_threshold import soft_threshold_step

# %%
from helpers.exercises.soft_threshold import soft_threshold_exercise

soft_threshold_exercise.check(soft_threshold_step)

# %%
# soft_threshold_exercise.hint(soft_threshold_step)
# soft_threshold_exercise.solution(soft_threshold_step)

# %% grade="soft_threshold" points=1

# %% [markdown]
# *Predict first:* a regression on 60 features, of which ten count. How many of the 50 idle weights are exactly 0 after 1,000 steps, with your step,
# along the subgradient, and under L2?

# %% tags=["nbval-ignore-output"]
from helpers.experiments import sparse_weights

if ready(soft_threshold_exercise, soft_threshold_step):
    sparse_weights.zeros_table(soft_threshold_step)

# %% [markdown]
# All three leave the weights in use at about the same size, 0.76 in the median, so the comparison is fair. The soft threshold makes 48 or more of the 50 idle weights exactly 0 (46 or more in five further seeds), the subgradient none
# in any seed: it brings them near 0, and over it and back. L2 pulls less and less the smaller a weight is: it leaves 17 to 33 of the idle ones above 0.05. Without any penalty
# (not in the table) it is 21 to 30. Against L2, seed by seed, that is between 8 more and 3 fewer. The price stands in
# the last column, for L2 as for L1: true sizes are 1, and the weights in use are pulled down as well.
#
# ### L2 and Adam
#
# Under plain SGD the gradient of L2 and decay are one thing: both multiply $w$ by $1-\eta\lambda$. Adam divides each gradient by its usual size.
#
# *Predict first:* three groups of weights start at 1, and their gradients are noise around 0, of size 10, 1 and 0.1. L2 is put into the gradient
# with λ = 0.1. Which group shrinks most? And with AdamW, which decays beside the gradient?

# %%
sparse_weights.adam_table()

# %% [markdown]
# With L2 in the gradient Adam divides the penalty too: the weights with large gradients hardly shrink (0.99), those with small ones lose more than half. AdamW (Loshchilov & Hutter 2019) shrinks all alike: $(1-\eta\lambda)^{1000} = 0.905$.
# In front of batch norm decay does something else again (notebook 08, section 3).

# %% [markdown]
# ## 8 · One budget for all
#
# A *regulariser* is meant to make held-out results better, be it at the price of the training loss. Which of them helps most? 400 digits to train on, a fifth of their labels wrong; 297 for validation and 500 for the test, with the right labels. One net, two hidden
# layers of 64, no norm unless named. Each regulariser gets four runs, one for each of four strengths, and the run with the lowest *validation* loss counts. What
# has no strength gets four starts, the control too: choosing the best of four is worth something by itself. In all runs the learning rate falls along a line
# to 0 over 360 steps. Early stopping looks every 20 steps, can end its run before that, and brings back the best of its looks;
# its patience counts looks.
#
# The strengths: patience 1, 2, 4, 8; dropout 0.1, 0.3, 0.5, 0.7; L2 0.003, 0.01, 0.03, 0.1; L1 a tenth of these; label smoothing 0.05, 0.1, 0.2, 0.4; noise 0.3, 0.6, 1, 1.5.
# Batch norm in *parts* takes its statistics in training from 15, 10, 6 or 4 of the 60 rows of a step at a time (notebook 06, section 6).
#
# Two are new here. *Label smoothing* replaces the target by $(1-\alpha)\,\text{one-hot} + \alpha/K$ for $K$ classes: with α = 0.1 and ten classes the true
# class gets 0.91, each other 0.01. *Noise on the inputs* adds a new random number to every pixel in every step of the training, and none in eval mode; its
# strength is its deviation, where that of all pixels is 1.
#
# *Predict first:* rank early stopping, dropout, L2, label smoothing, noise on the inputs, and batch norm.

# %%
from helpers.experiments import regularisers

regularisers.budget_table()

# %% [markdown]
# - **Better than the control in loss and in accuracy, in all ten seeds:** dropout, L2 and noise on the inputs. (The lower loss of L2 did not last, see the further seeds below.) Noise leads here: in accuracy it beats dropout in nine seeds and is level in one,
#   and it is ahead in eight of ten further seeds and behind in two. (On other data the order may be another one.)
# - **L1 and early stopping** gain accuracy too, L1 in all ten seeds, early stopping in eight. Early stopping had less to choose from: its four runs are one training from one start, ended at
#   four places. The control had four starts. Next to the control of the same start alone, its loss is lower in nine seeds, and its accuracy higher in nine.
#   (The longest patience never has the higher validation loss, as it saw all the looks of the others. Where two are level the table names the shorter.)
# - **Label smoothing** gains accuracy in eight seeds, but its *loss* is higher in nine: which of the two counts has to be said before. (It teaches the net to be less sure; that may be what the loss charges for.)
# - **Batch norm over all 60 rows** is no regulariser here. In accuracy the ten seeds decide nothing, higher in three and lower in seven (further seeds speak for a loss, see below); and it repeats 76 to 90 % of the
#   wrong labels, the control 40 to 60 %. So it learns more of them by heart, as it did with the lottery's labels in the first 20 epochs. With its statistics from *parts* of the batch it gains accuracy in every seed, and
#   nothing is decided between it and dropout.
#
# Further seeds, against the control of the same seed:
#
# - Noise was better in loss and in accuracy in ten of ten. Dropout was so in nine; in one it lost 0.2 points.
# - Parts of batch norm gained accuracy in nine of ten, and lost 1.2 points in one. Batch norm over 60 rows gained accuracy in one of the same ten; in five
#   other seeds it lost 2.0 points or more in each.
# - L2 gained accuracy in 14 of 15, with a higher loss in eight: so its loss is not decided. L1 and early stopping gained accuracy in eight of ten each.
# - Label smoothing gained accuracy in seven of ten; its loss was higher in 12 of 15.
#
# Dropout and label smoothing chose the weakest of their four strengths in nine seeds or more. Weaker ones were not offered, so they might do better than this.
#
# ### What of batch norm is it?
#
# The mean of $m$ rows scatters around that of all rows with a deviation of about $\sigma/\sqrt m$ (notebook 06, section 6). So the fewer rows stand
# behind a mean, the more noise. Here the step always sees 60 rows; the norm takes its statistics from all of them, or from parts.
#
# *Predict first:* validation chose parts of 6 most often, of 15, 10, 6 and 4. Does the test loss rise again at 4? And the accuracy: is it best at the same size?
# (Each size is one run here, from one start; the table above took the best of four.)

# %%
regularisers.parts_table()

# %% [markdown]
# From 60 to 6 rows the loss falls in the median from each size to the next, and at every size it is lower than with 60 in all ten seeds, as the accuracy is higher. (In ten further seeds too, but for the accuracy at 15 in one.) At 4 the loss is higher than at 6 in six of ten seeds, and level in one, so that is not decided, while
# the accuracy still rises, in nine. So here batch norm in parts is a regulariser, compared with batch norm over 60 rows: the fewer rows behind a mean, the fewer wrong labels the net repeats.
# Why, this does not tell. In notebook 06 too parts helped where labels were noisy, and the larger part of that gain came with fitting less (section 6 there). Here the net repeats fewer wrong labels too, and
# no net with whole batches was stopped at the same fit. (Smaller parts change more than the noise: the gradient goes through each mean as well.)

# %% [markdown]
# ## What would change my mind
#
# - *Is the second descent a property of least squares?* Nets trained by SGD were not tried here. Widths of a net, each trained to zero training error over
#   several seeds, with a peak where the rows are just fitted, would speak for more.
# - *Does the noise of batch norm's statistics regularise?* Parts change the noise, and also the gradient that goes through each mean. Noise of the same size on the statistics
#   of whole batches, with the same effect, would speak for the noise. Whole batches, stopped where they have fitted as much, with the same accuracy, would speak for fitting less.
# - *Is one regulariser the best?* The ranking belongs to 400 digits, a fifth of them with wrong labels, one net and one learning rate. Another share of wrong labels with another order would
#   show how little it can be carried over.
#
# ## Recap
#
# 1. Overfitting is read off two losses, both in eval mode: training falls, held-out does not.
# 2. A net can learn random labels by heart. Where some labels are wrong, it says the true ones first and the wrong ones later: stop in between, by
#    validation rows, with patience, and bring back the best epoch.
# 3. Squared error is bias² + variance + noise. In least squares without a penalty the variance peaked where the parameters just fit the rows, and fell again
#    beyond; a tuned penalty removed the peak.
# 4. Whatever is fitted belongs inside the fold: scaling, the choice of features, statistics of a norm.
# 5. Inverted dropout divides by 1 − p in training, keeps the mean, raises the variance, and is nothing in eval mode.
# 6. The soft threshold gives exact zeros, the subgradient does not. AdamW decays all weights alike, L2 under Adam does not.
# 7. Compare regularisers at one budget, seed by seed, against a control that had as many runs to choose from.
#
# ## Interview page
#
# <details><summary>How do you see that a net overfits?</summary>
#
# Training and held-out loss, both in eval mode: the first falls, the second does not, or rises. A training accuracy of 100 % alone proves nothing.
#
# </details>
#
# <details><summary>What does it show that nets learn random labels?</summary>
#
# They have the capacity to store their training set, and yet they generalise with true labels: so capacity alone does not explain
# generalisation.
#
# </details>
#
# <details><summary>How does early stopping work?</summary>
#
# After each epoch the validation loss is measured; after `patience` epochs in a row that are no better than the best, training stops, and weights and
# buffers of the best epoch come back. The test set has no part in it.
#
# </details>
#
# <details><summary>What is inverted dropout, and what does it preserve?</summary>
#
# In training, values become 0 with probability p, and those kept are divided by 1 − p. The mean is preserved, the variance is not. In eval
# mode it is the identity.
#
# </details>
#
# <details><summary>Why does L1 give zeros and L2 not?</summary>
#
# The pull of L1 does not fade near 0, that of L2 does. Exact zeros need a step that stops at 0, as the proximal one does: a subgradient step jumps over it.
#
# </details>
#
# <details><summary>Is batch norm a regulariser?</summary>
#
# Its batch statistics are noisy, with a deviation of about σ/√m, and noise can regularise. Whether it helps, and next to what, has to be measured at
# equal budget.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("10_overfitting_and_dropout")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
