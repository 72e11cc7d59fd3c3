# %% [markdown] builds="an interview: the layer from a blank page, its control, and your answers"
# # 11 · Mock interview
#
# An interviewer asks: *"How does batch norm differ between training and evaluation?"* Here is an answer:
#
# > *"In training, batch norm keeps the activations well behaved, so the gradients flow and the net learns faster. At inference you wrap the
# > model in `torch.no_grad()`, which puts the layer into inference mode, so the predictions become deterministic. That is why it is so
# > important to handle the two phases differently, and why people say that batch norm behaves differently at test time."*
#
# It is fluent, it uses the right words, and it takes half a minute. A full answer to this question has five key points.
#
# *Predict first:* how many of the five are in it?

# %% setup="setup"
import helpers

# %%
from helpers.widgets.answer_box import heard, practice

heard(
    "bn-03",
    "In training, batch norm keeps the activations well behaved, so the gradients flow and the net learns faster. "
    "At inference you wrap the model in torch.no_grad(), which puts the layer into inference mode, so the predictions become "
    "deterministic. That is why it is so important to handle the two phases differently, and why people say that batch norm behaves "
    "differently at test time.",
)

# %% [markdown]
# *A key point* is one fact that a full answer contains. *A red flag* is a statement that no good answer makes. It is easy to know all the
# points and to say none.
#
# Now you, with the five points in sight: say them in two or three sentences of your own, then open the points. What is underlined are the words
# in which a point was found; the ticks are yours to correct, because the score is what you tick. (What reads your answer is a list of ways of
# saying it, in this notebook. It understands less than a person: it misses points, sometimes finds one that is not there, and says "not sure".)

# %%
practice("bn-03")

# %% [markdown]
# After this notebook you have
#
# - written the layer from a blank page while a clock ran, and compared three nets fairly,
# - answered an interview's questions and seen which key points you leave out,
# - a report that says what to read again, and a deck of 100 questions that come back after a day, three days, a week.
#
# | part | minutes |
# |---|---|
# | the drill: read, explain, implement, check | 60, or 20 in its short version |
# | four answers in writing, graded | 10 |
# | the dialogue: six questions, each with a follow-up | about 25, whenever you like |
# | the deck | as many as you have, again and again |
#
# What you type into the boxes and tick is kept in one small file on this computer (`drill.json`, beside your progress): run the cells again,
# and it is there. Your code and the graded answers are kept in the notebook: save it.
#
# ## The drill
#
# Four blocks, one after another, on one clock: 15, 5, 30 and 10 minutes; in the short drill, which is for repeating, 5, 3, 8 and 4. The clock
# counts on while a cell runs, and also while the notebook is closed; pause it when you go. Time over the plan is shown and costs nothing.

# %%
from helpers.widgets.drill_room import block, drill, judge

drill()

# %% [markdown]
# ## Block 1 · Read
#
# *Exercise, easy, 10 minutes, and 5 for your notes; in the short drill 5 for both.* Read the sheet below in three passes: first the figures at its
# end, then the method, then the claims, each with what limits it. ([The paper itself](https://arxiv.org/abs/1502.03167) takes an hour: read it
# another day.) Leave the block with two things in your notes: **the equation**, and **the key figure** about speed.

# %%
block("read")

# %% [markdown]
# ### The sheet: Ioffe & Szegedy 2015 on two pages
#
# **What it is about (§1, §2).** While a net trains, the distribution of each layer's inputs changes, because the layers below change. The paper calls
# this *internal covariate shift*, says that it slows training, and proposes to normalise the inputs of each layer, over each mini-batch.
#
# | the paper claims | where | shown how |
# |---|---|---|
# | 14 times fewer steps to the same accuracy on ImageNet | abstract, Fig. 3 | the row *BN-x5* (table below), which also has five times the learning rate and six more changes |
# | batch norm alone: 2.3 times fewer | Fig. 3, *BN-Baseline* | 13.3 against 31.0 million steps, nothing else changed |
# | larger learning rates, less care with the start | abstract, §3.3, §4.2.2 | rates: *BN-x5* and *BN-x30* train, the net without it overflows at five times its rate; both: an argument, BN(Wu) = BN((aW)u), and larger weights get smaller gradients |
# | it regularises; Dropout can go | §3.4, §4.2.1 | a sentence of experience in each, no number of its own |
# | sigmoids become trainable in a deep net | §4.2.2 | 69.8 % where the net without it stays at chance |
# | all this because covariate shift is reduced | title, §2 | both occur together; later work contests that one causes the other |
#
# **Algorithm 1, in training.** For each feature, over the m values of the mini-batch $\mathcal B$:
#
# $$\mu_{\mathcal B} = \frac1m\sum_i x_i \qquad \sigma^2_{\mathcal B} = \frac1m\sum_i (x_i-\mu_{\mathcal B})^2 \qquad
# \hat x_i = \frac{x_i-\mu_{\mathcal B}}{\sqrt{\sigma^2_{\mathcal B}+\epsilon}} \qquad y_i = \gamma \hat x_i + \beta$$
#
# γ and β are learned. They give the layer back its scale and offset (§3): with $\gamma=\sqrt{\sigma^2_{\mathcal B}+\epsilon}$, $\beta=\mu_{\mathcal B}$ that
# batch passes unchanged. In a convolutional net the m values are those of all examples *and* positions (§3.2).
#
# **Algorithm 2, in inference.** The batch's statistics are replaced by averages over many training batches, the variance by its unbiased form:
#
# $$\mathrm E[x] = \mathrm E_{\mathcal B}[\mu_{\mathcal B}] \qquad \mathrm{Var}[x] = \frac{m}{m-1}\,\mathrm E_{\mathcal B}[\sigma^2_{\mathcal B}] \qquad
# y = \frac{\gamma}{\sqrt{\mathrm{Var}[x]+\epsilon}}\,x + \Big(\beta - \frac{\gamma\,\mathrm E[x]}{\sqrt{\mathrm{Var}[x]+\epsilon}}\Big)$$
#
# So at test time the layer is one scale and one shift, and no example depends on its neighbours.
#
# **Where it sits (§3.2).** $z = g(\mathrm{BN}(Wu))$: before the nonlinearity, without the bias.
#
# Figure 1 of the paper, done again on scikit-learn's digits (ten seeds; how, notebook 01 tells): accuracy over the steps, and the inputs of the
# sigmoids in the last hidden layer. Both nets start from small weights, as in the paper. From weights three times larger the plain net needs
# about 350 steps to 95 %, the net with BN about 70 (notebook 01).

# %%
from helpers.experiments import paper_figures

paper_figures.show_accuracy()
paper_figures.show_inputs()

# %% [markdown]
# Figure 3, the paper's table about ImageNet, one number each, without a spread; the learning rates are from §4.2.2:
#
# | network | learning rate | steps to 72.2 % | best accuracy | changed beside batch norm |
# |---|--:|--:|--:|---|
# | Inception | 0.0015 | 31.0 M | 72.2 % | (the baseline, without it) |
# | BN-Baseline | 0.0015 | 13.3 M | 72.7 % | nothing |
# | BN-x5 | 0.0075 | 2.1 M | 73.0 % | learning rate × 5, and six more: no Dropout, L2 ÷ 5, faster decay, no local response norm, better shuffling, fewer distortions |
# | BN-x30 | 0.045 | 2.7 M | 74.8 % | the same, learning rate × 30 |
# | BN-x5-Sigmoid | 0.0075 | never | 69.8 % | as BN-x5, with sigmoids in place of ReLUs |

# %% [markdown]
# ## Block 2 · Explain aloud
#
# *Exercise, medium, 5 minutes; in the short drill 3.* Stand up, or pretend to be on the phone. Say the pitch in a minute, then answer three probes.
# Your notes are hidden now; do not scroll up to the sheet. The boxes are for keywords, or for the whole answer if you prefer to write.

# %%
block("explain")

# %% [markdown]
# ## Block 3 · Implement
#
# *Exercise, hard, 22 minutes; in the short drill 5.* (The rest of the block's time is for the control and the comparison: 8 minutes, or 3.) A blank
# page: the layer of notebook 02, with `gamma`, `beta`, `running_mean`, `running_var`. The check names your mistake where it knows it; there is no
# hint button here. `nn.BatchNorm1d`, `F.batch_norm` and their relatives are what you build.

# %%
block("implement")

# %%
import torch
from torch import nn

# %% solution="interview_layer"
from helpers.exercises.answers.batchnorm1d import BatchNorm1d

# %%
judge(BatchNorm1d)

# %% [markdown]
# *Exercise, medium, 5 minutes; in the short drill 2.* A layer that is right is not yet a layer that helps. You are going to train a net with your
# layer and a net without it. If only these two are compared, a careful interviewer says: *"Perhaps your plain net only starts badly."* Write the
# answer to that: a start for the plain net that suits ReLUs. This third net is called the *control*.

# %% solution="interview_control"
from helpers.exercises.answers.control import he_start

# %%
from helpers.exercises.blank_page import blank_page_exercise
from helpers.exercises.control import he_start_exercise

he_start_exercise.check(he_start)

# %% [markdown]
# *Predict first:* the same learning rate for all three, the same batches, held-out rows that nobody trained on. In which order do the three
# nets end? The cell takes about 3 seconds; without a right layer it uses PyTorch's.

# %% tags=["nbval-ignore-output"]
from helpers.widgets.drill_report import cheat_sheet, contrast, show_report

contrast(BatchNorm1d, he_start)

# %% [markdown]
# <details><summary>What the comparison shows</summary>
#
# With a right layer batch norm has the lowest median held-out loss. On the way it is well ahead; at the end the control
# comes near: a good start alone closes most of the distance between the dotted and the solid line. The last row says how much is left,
# seed by seed. With normal weights in the control batch norm is ahead in each of the three seeds. Uniform weights of the same variance
# are as right; with them it was behind in one seed, by less than 0.01. In 120 other runs, 24 on each of five draws of the data,
# batch norm was ahead in 116, and behind by less than 0.01 in four. What the plot does not show: other learning rates (one rate alone
# can be made to say either, notebook 03), other sizes, and why.
#
# If your layer ends above the control in every seed, something is wrong with it that six checks do not see. Run those of notebook 02 that go further:
# `from helpers.exercises.batchnorm1d import batchnorm1d_exercise`, then `batchnorm1d_exercise.beyond.check(BatchNorm1d)`.
#
# </details>
#
# The layer is graded here, half a point for each of the six checks, and one point for the control.

# %% grade="blank_page" points=0.5

# %% grade="he_start" points=1

# %% [markdown]
# ## Block 4 · Check
#
# *Exercise, medium, 10 minutes; in the short drill 4.* Say of each of the six checks what it proves and what it cannot see, then open it. Anybody
# can run tests; an interviewer listens for whether you know what they test.

# %%
block("check")

# %% [markdown]
# ## In writing
#
# Four answers that a person grades, one point each. Three or four sentences are enough. Half a point for each line of the table; a red flag
# caps the answer at half a point. Papers need not be named. Two of the questions you have met before: now without looking.
#
# *Exercise, medium, 3 minutes.* **The pitch.** *"In a minute: what does batch norm do for a net, and what does it cost?"*
#
# | points | for |
# |---|---|
# | 0.5 | what is computed, and two of its benefits |
# | 0.5 | one honest caveat |
#
# Red flag: benefits without any price.

# %% [markdown] manual="interview_pitch" points=1
# ### BEGIN SOLUTION
# Batch norm standardises each channel with the mean and variance of the current batch and then gives it a learned scale and shift. Nets then
# bear larger learning rates and rougher starts, and reach the same accuracy in fewer steps. The price: the layer has two modes,
# since inference uses running averages, and with few examples in a batch its statistics are poor. A plain net with a good start can close
# much of the gap.
#
# === BEGIN MARK SCHEME ===
#
# Card deep-09. Benefits that count: larger steps, rougher start, sooner converged, mild noise as regularisation. "14 times faster" as batch norm's own
# effect is no benefit: 0 for it. A caveat is any of: small batches, two modes, dependence on the batch, a good start without it.
#
# A suggestion for the marker, which is not a verdict: `python -m helpers.drill feedback FOLDER/11_mock_interview.ipynb` prints for all four
# answers which points and red flags it finds. null is "not sure", and it is unsure of some points of a good answer.
#
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# *Exercise, easy, 2 minutes.* **The modes.** *"The model is trained, now it serves requests. What is different inside the layer?"*
#
# | points | for |
# |---|---|
# | 0.5 | for each mode: whose statistics, and what happens to the buffers |
# | 0.5 | one thing that follows for the answers |
#
# Red flag: `no_grad()` switches the mode.

# %% [markdown] manual="interview_modes" points=1
# ### BEGIN SOLUTION
# In training the layer uses mean and variance of the batch in front of it and moves its running averages a step towards them. In evaluation it
# only reads these averages, so the answer to one request does not depend on the others in its batch. If somebody forgets `eval()`, predictions
# depend on their neighbours, and the test data move the buffers.
#
# === BEGIN MARK SCHEME ===
#
# Card bn-03. What follows: an answer does not depend on its neighbours, or what a forgotten `eval()` does. "The other way round" (running averages in training) earns nothing for its line. `eval()` does not freeze γ and β: saying so is
# no error and no point.
#
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# *Exercise, medium, 2 minutes.* **The variance.** *"The layer normalises with a variance, and it remembers one. Is that the same number?"*
#
# | points | for |
# |---|---|
# | 0.5 | yes or no, and what PyTorch's layer does in each of the two places |
# | 0.5 | the reason for what it does in one of them, or who else does so |
#
# Red flag: the wrong answer to the question, for PyTorch or for the paper.

# %% [markdown] manual="interview_variances" points=1
# ### BEGIN SOLUTION
# No. The batch is normalised with the biased variance, divided by m: that is the spread of exactly these values. What PyTorch's buffer averages is the
# unbiased one, divided by m − 1, because it stands for all the data, and a batch's own spread is too small for that. The paper's
# Algorithm 2 does the same with its factor m/(m − 1); Keras 3 keeps the biased one.
#
# === BEGIN MARK SCHEME ===
#
# Card deep-10. Red flag: one variance for both, in PyTorch or in the paper. The two exchanged: 0 for the first line. Reasons that count: the batch is all there is to normalise; the buffer estimates
# the data's variance; Algorithm 2; Keras differs.
#
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# *Exercise, hard, 3 minutes.* **The mechanism.** *"The paper says that it reduces internal covariate shift. Do you believe that this is why it
# works?"*
#
# | points | for |
# |---|---|
# | 0.5 | the idea, and one piece of evidence for or against it |
# | 0.5 | a hedged conclusion: what is well attested, and what is contested |
#
# Red flag: the question told as settled, either way.

# %% [markdown] manual="interview_mechanism" points=1
# ### BEGIN SOLUTION
# The idea is that each layer trains better when its inputs stop moving. In 2018 noise was put in behind batch norm, so that the inputs moved
# again, and training stayed about as fast; the measured shift did not track speed either. So I doubt that this is the cause. That it helps
# training is well attested; a smoother loss, invariance to the scale of the weights and the batch's noise are candidates with evidence of their own, and
# others still defend covariate shift.
#
# === BEGIN MARK SCHEME ===
#
# Card deep-02. Evidence that counts: the noise experiment; measured shift that does not track speed; Figure 1 of the paper, where both occur
# together; a defence such as Awais and others. "It is now known to be smoothing" is the red flag as well as "it is covariate shift".
#
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ## Rubric and report
#
# The rubric is filled in from what happened. Go through it: the last word is yours. The report follows your ticks; keep it as a page or as
# Markdown, and compare it with your next drill.

# %%
show_report()

# %% [markdown]
# ## The dialogue
#
# Six questions, as in an interview. Answer in writing, open the points, correct the ticks. Then comes a follow-up: it belongs to
# the first key point that you left out, and only what it asks for counts. If you left out none, it goes deeper. You may stop after any question.

# %%
from helpers.widgets.interview import interview

interview()

# %% [markdown]
# ## The deck
#
# 100 questions in seven topics. Each card is covered until you open it; the colour at its left and the word beside it say how hard it is. For two of them the
# answer is a single sentence. Say your answer aloud or write it, open the card, and be honest. (The selection *five topics, 75 cards* has those on
# batch normalization, over- and underfitting, initialisation, network design, dropout and regularisation.)

# %%
from helpers.widgets.deck import deck, quick_review

deck()

# %% [markdown]
# ### Quick review
#
# Ten lines for the evening before. Tick a line when you can say it. (*quick review* in the deck's list of selections has the cards to these lines.)

# %%
quick_review()

# %% [markdown]
# ### Cheat sheet

# %%
cheat_sheet()

# %% [markdown]
# ### Your record
#
# On Colab and Binder files vanish with the session. Save your record before you go, and load it next time: what you answered and ticked here, and
# your points in all notebooks, in one small file.

# %%
from helpers.widgets.record import record

record()

# %% [markdown]
# ## Recap
#
# 1. Fluency is not content: an answer is as good as its key points. Say whose statistics, which mode, which variance.
# 2. A layer from a blank page takes four tensors, two modes, two variances. Test it where a mistake would be large.
# 3. A benefit needs a control, the same learning rates for all or each net's best one, held-out loss, and several seeds.
# 4. That batch norm helps is well attested; why it does is contested. Say both.
# 5. What you leave out, repeat: today, tomorrow, three days after that, a week after that.
#
# ## Interview page
#
# The six questions of the dialogue, in two lines each.
#
# <details><summary>What does batch norm do for a net, and what does it cost?</summary>
#
# Each channel standardised over the batch, then scaled and shifted: larger steps, rougher starts, fewer steps. It costs two modes, and it needs
# batches that are not tiny.
#
# </details>
#
# <details><summary>Why undo the normalisation with γ and β?</summary>
#
# Mean 0 and variance 1 may not suit the next layer; γ and β give scale and offset back, learned, one pair a channel. They undo it exactly for one
# batch only.
#
# </details>
#
# <details><summary>What is different when the model serves?</summary>
#
# In evaluation the layer reads its running averages, not the batch's statistics, and nothing moves. So an answer does not depend on its
# neighbours, unless somebody forgot `eval()`.
#
# </details>
#
# <details><summary>Is the variance that normalises the one that is remembered?</summary>
#
# No: ÷ m to normalise, ÷ (m − 1) to remember, in PyTorch as in the paper's Algorithm 2. Keras 3 remembers the biased one.
#
# </details>
#
# <details><summary>Does it work because it reduces internal covariate shift?</summary>
#
# That was the motivation. Noise put in behind it (2018) brought the shift back, and training stayed about as fast; a smoother loss and scale
# invariance are rivals. Not settled.
#
# </details>
#
# <details><summary>How do you show that your layer helps?</summary>
#
# Three nets: without, without but well started, with. The same learning rates for all, more than one; or each net's best. Held-out loss in eval
# mode, several seeds, differences seed by seed.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("11_mock_interview")

# %% [markdown]
# A new card that you knew today comes back tomorrow. The board in [00 start_here](00_start_here.ipynb) shows what is still open in the
# other notebooks.
