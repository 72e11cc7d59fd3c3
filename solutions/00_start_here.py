# %% [markdown] builds="mean and variance of a batch"
# # 00 · Start here
#
# In this course you build batch normalization, compare your layer with PyTorch's number by number, and run the
# experiments behind its fame together with their counter-examples.
#
# You need Python, some PyTorch (a module, a training loop) and, for a few pages, the chain rule. A laptop without a GPU
# is enough.
#
# After this notebook you can
# - tell that your installation works,
# - use the three verbs of every exercise: `check`, `hint`, `solution`,
# - compute the mean and the biased variance of each feature of a batch,
# - choose your route through the course.

# %% setup="setup"
import helpers

# %% [markdown]
# The folded cell above holds the course's own code. Run it first in every notebook. It installs nothing and downloads
# nothing; each notebook works as a single file.
#
# ## A net that learns nothing
#
# Two nets with ten hidden layers are trained on small pictures of handwritten digits: the same pictures, the same 150
# steps, the same learning rate. They differ in one thing: the blue one has batch normalization in each hidden layer, in
# place of the biases there. Each is trained ten times, from ten random starts (*seeds*). A line is the median of the ten, a
# pale band their range. *Held-out* pictures are those that the nets were not trained on.
#
# The cell takes about 5 seconds. If it stops with an error, run the cell under *Is everything there?*, which says what
# is missing.

# %%
from helpers.experiments.first_pictures import routes, three_nets, two_nets

two_nets()

# %% [markdown]
# The grey net (*no norm, default init*) does no better than guessing one digit of ten.
#
# *Predict first:* does a net of this depth **need** batch norm? A third net has none either. From the grey one only its
# start differs: in the hidden layers larger weights, by a rule of He et al. (2015, §2.2), and biases of 0. Where will its curve
# end: with the grey one, with the blue one, or in between?

# %%
three_nets()

# %% [markdown]
# <details><summary>What the third curve says</summary>
#
# This net learns too. Its median ends near the blue one, and it reads about 91 % of the held-out digits, the blue one 96 %
# (medians); its runs lie further apart. So both sentences are true: from the grey net's start batch norm makes the
# difference, and from a better start a net of this shape learns without it. The first picture had left out the *control*:
# the rival that gets the same chance without the thing that is praised. Look for it in every comparison, also in ours. What
# batch norm does better than a good start, and where it does worse, is what notebook 03 asks.
#
# </details>
#
# Batch norm is one formula and two modes. The formula takes a minute to write. It is harder to say which of its two
# variances is used when, why a model in production gives wrong answers if you forget one call, and which of the popular
# reasons for its success have evidence. After this course you can.
#
# ## Is everything there?

# %% tags=["nbval-ignore-output"]
from helpers.widgets.first_steps import installation, widget_test

installation()

# %% [markdown]
# Move the slider. If the sentence below it follows, widgets work here. If it does not, run this notebook from the menu:
# *Run → Run All Cells*, and look again.

# %%
widget_test()

# %% [markdown]
# ## The three verbs
#
# Every exercise has an object with three verbs. Each takes what you built.
#
# | verb | what it does |
# |---|---|
# | `exercise.check(yours)` | runs your code and compares the numbers with the right ones. It never raises. |
# | `exercise.hint(yours)` | a hint for what to mend first: a nudge, then a pointer with the diagnosis, at last the line. |
# | `exercise.solution(yours)` | asks first; run the cell again, and it shows a whole solution. |
#
# A check has three outcomes: right ✓, wrong ✗, not attempted ○. When it is wrong, the card shows what to mend first and the
# numbers that show it, right and yours side by side. If your numbers are those of a known mistake, the card names it.
#
# ## Practise: two lines
#
# A batch `x` has shape (N, C): N examples in rows, C features in columns. Write two lines:
#
# | paper | in words |
# |---|---|
# | $\mu = \frac{1}{N}\sum_{i} x_i$ | the mean of each feature, shape (C,) |
# | $\sigma^2 = \frac{1}{N}\sum_{i} (x_i - \mu)^2$ | the variance of each feature, shape (C,), divided by N |
#
# The variance that divides by N is called *biased*. The one that divides by N − 1 is called *unbiased*. Batch
# normalization uses both, in different places. Here it is the biased one.
#
# *Exercise, easy, 5 minutes.* Replace the line `raise NotImplementedError()` with your code. Run that cell, then the check
# below it. After every change run both again: the check looks at the function as it was when its cell last ran.

# %%
import torch

# %% solution="feature_statistics"
from helpers.exercises.answers.feature_statistics import feature_statistics

# %%
from helpers.exercises.feature_statistics import feature_statistics_exercise

feature_statistics_exercise.check(feature_statistics)

# %% [markdown]
# Try a wrong answer too: `x.var(dim=0)` for the variance, and look at what the card says. Remove the `#` from a line to
# use the other two verbs.

# %%
# feature_statistics_exercise.hint(feature_statistics)
# feature_statistics_exercise.solution(feature_statistics)

# %% [markdown]
# The next two cells are graded. They are locked: a grader runs them as they are. Until your answer is right they say what
# is missing and give no points. That is expected, and *Run All Cells* goes on to the end.

# %% grade="feature_statistics" points=1

# %% [markdown]
# ## How far am I?
#
# The board shows every notebook of the course, your points, and what is next. Attempts, hints and minutes are kept in the
# file `.batchnorm_course/progress.json` in your home folder. Pauses of more than 15 minutes are not counted. Written answers, in notebooks 01 and 11, are graded by a person: their points are on the map
# below, and not on the board.

# %%
from helpers.widgets.board import Board, summary

Board()

# %% [markdown]
# On Colab and Binder that file vanishes with the session, and each notebook may have a machine of its own. Save your record before you go, in one
# small file, and load it in this notebook next time.

# %%
from helpers.widgets.record import record

record()

# %% [markdown]
# ## The map
#
# Minutes are computed: 130 words a minute, the exercises as announced, one minute for each prediction, and the time that
# the notebook runs; rounded up to five. Your own pace may well be another.
#
# <!-- map of the course -->
#
# ## Routes

# %% tags=["nbval-ignore-output"]
routes()

# %% [markdown]
# - **One hour before an interview:** read the *interview page* at the end of notebooks 00 to 10. Say your answer aloud, then
#   unfold ours. For what you could not answer, look for a section above it or in another notebook.
# - **Rehearsed:** notebook 11 is an interview on a clock: read, explain, implement, check. Its deck asks 100 questions.
# - **A weekend:** all notebooks, in order, with the exercises. They build on each other: the layer of 02 is trained in 03.
# - **A class:** one session for each notebook. The README says how to release, collect and grade with stock nbgrader, and
#   how to make an edition without solutions.
#
# ## Recap
#
# 1. Run the folded setup cell first.
# 2. `check` tells what your numbers are and what they should be. A wrong answer is useful: read its card.
# 3. `hint` comes in three steps; `solution` asks once.
# 4. Biased means divided by N, unbiased means divided by N − 1.
# 5. A comparison needs its control: what would have happened without the thing that is praised, given the same chance?
#
# ## Interview page
#
# <details><summary>What does batch norm do to a batch while a net trains?</summary>
#
# For each feature it subtracts the mean over the batch and divides by the standard deviation over the batch
# (a small constant ε under the root keeps it from dividing by 0).
# Then it multiplies by a learned γ and adds a learned β.
#
# </details>
# <details><summary>Biased and unbiased variance: what is the difference, and how large is it?</summary>
#
# The biased one divides by N, the unbiased one by N − 1, so the unbiased one is N / (N − 1) times as large.
# For 4 examples that is 33 % more, for 64 examples 1.6 %.
#
# </details>
# <details><summary>Which of the two does <code>x.var(dim=0)</code> give in PyTorch?</summary>
#
# The unbiased one. `x.var(dim=0, correction=0)` gives the biased one.
#
# </details>
# <details><summary>A batch has shape (N, C). Over which dimension does batch norm average?</summary>
#
# Over the examples, dimension 0. There are C means and C variances, one for each feature.
#
# </details>
# <details><summary>A net learns with batch norm and not without. What has been shown?</summary>
#
# That batch norm helps this net, from this start, at this learning rate. Not that the net needs it:
# in the picture above another start (larger weights, biases of 0) made it learn too.
#
# </details>
# <details><summary>Why do the pictures of this course show a range and not one curve?</summary>
#
# Another seed gives another curve. One curve of each net cannot tell the nets' difference from that between seeds;
# where the ranges overlap, the picture does not decide; the differences within each seed may.
#
# </details>

# %% tags=["nbval-ignore-output"]
summary("00_start_here")

# %% [markdown]
# Every notebook ends with these two cards: your points, with the mistakes that you met, hints, and what to do next; and how
# to hand in.
