# %% [markdown] builds="mean and variance of a batch"
# # 00 · Start here
#
# Batch normalization is one formula and two modes. Most people who use it can write the formula. Fewer can say which of
# two variances goes where, why a forgotten mode ruins a served model, and which of the popular reasons for its success
# have evidence. This course makes you build the layer, checks it against PyTorch to the last digit, and shows you the
# experiments together with their counter-examples.
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
# ## Is everything there?

# %% tags=["nbval-ignore-output"]
from helpers.widgets.first_steps import Board, installation, widget_test

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
# | `exercise.hint(yours)` | a hint for the first check that does not pass: first a nudge, then a pointer, then almost the line. |
# | `exercise.solution(yours)` | asks once, then shows a whole solution. |
#
# A check has three outcomes: right ✓, wrong ✗, not attempted ○. When it is wrong, the card says what was fed in, what was
# expected, what was measured, and, if your numbers are those of a known mistake, which one.
#
# ## Practise: two lines
#
# A batch `x` has shape (N, C): N examples in rows, C features in columns. Write two lines:
#
# | paper | code |
# |---|---|
# | $\mu = \frac{1}{N}\sum_{i} x_i$ | the mean of each feature, shape (C,) |
# | $\sigma^2 = \frac{1}{N}\sum_{i} (x_i - \mu)^2$ | the variance of each feature, shape (C,), divided by N |
#
# The variance that divides by N is called *biased*. The one that divides by N − 1 is called *unbiased*. Batch
# normalization uses both, in different places. Here it is the biased one.
#
# *Exercise, easy, 5 minutes.* Replace the line `raise NotImplementedError()` with your code.

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
# The next two cells are graded. They are locked: a grader runs them as they are. Until your answer is right they stop
# with an error, and that is expected.

# %% grade="feature_statistics" points=1

# %% [markdown]
# ## How far am I?
#
# The board shows all exercises of the course. Attempts, hints and minutes are kept in the file
# `.batchnorm_course/progress.json` in your home folder. Pauses of more than 15 minutes are not counted. On Colab the file
# is lost with the session.

# %%
Board()

# %% [markdown]
# ## The map
#
# <!-- map of the course -->
#
# ## Routes
#
# - **One hour before an interview:** 02, then the recaps of 01 and 04.
# - **One weekend:** all, in order.
# - **Instructor:** the README has a section for you: release, collect and grade with stock nbgrader, and a class edition
#   without solutions.
#
# ## Recap
#
# 1. Run the folded setup cell first.
# 2. `check` tells what your numbers are and what they should be.
# 3. `hint` comes in three steps; `solution` asks once.
# 4. Biased means divided by N, unbiased means divided by N − 1.
# 5. A wrong answer is useful: read its card.
