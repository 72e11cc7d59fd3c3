# %% [markdown] builds="fans, start scales, counts of parameters and FLOPs, a receptive field; a design of your own"
# # 09 · Network design and initialisation
#
# Ten handwritten digits, one of each class, go through a net of thirty hidden layers with ReLU. The net is new: it has the weights that
# PyTorch gives it. Below is what four of its layers make of the ten.

# %% setup="setup"
import helpers

# %%
from helpers.experiments import first_signal

first_signal.opening()

# %% [markdown]
# Behind layer 1 the ten rows differ. Behind layer 30 they are one row ten times. Whatever comes next has to answer ten digits from numbers
# that are the same for all of them.
#
# PyTorch draws the weights of a linear layer with a standard deviation of $0.58/\sqrt{n}$, where $n$ is the number of inputs. The number in place
# of 0.58 is called the *gain*.
#
# *Predict first:* the layers, their number, their width and the activation stay. Can another gain bring the signal through thirty layers? Is it 0.7,
# 1, 1.4 or 2? Then move the slider. (All biases are 0 here. Beside the slider the solid line is the mean square of what leaves each layer, the dashed line that of the
# gradient on its way back. A picture without a slider has a legend.)

# %% tags=["nbval-ignore-output"]
from helpers.widgets.gain_explorer import gain_explorer

gain_explorer()

# %% [markdown]
# <details><summary>Answer</summary>
#
# About 1.4. In this draw of the weights a hundredth or less is left at 1.3, and at 1.5 there is 15 to 40 times as much. Near one gain the lines of signal and gradient are about flat. Section 1 says which number it is, and why; section 2 has other draws.
#
# </details>
#
# Does such a net also learn? Here is a narrower one, with 32 units in a layer, from both starts, at three learning rates.

# %%
first_signal.rescued_table()

# %% [markdown]
# From PyTorch's default none of the thirty runs leaves chance, one in ten. With the other gain all ten seeds do at the rates 0.01 and 0.03. Changed were the weights (the gain, and normal ones for uniform ones), and the biases to 0. With the biases alone at 0 five further seeds stay at chance.
#
# But 0.3 is not reading: the signal comes through, and this net learns slowly. After 2,000 steps three further seeds read 0.64 to 0.88 at the rate 0.01, and 0.1 from the default (at 0.03).
# Width helps: with the opening's 128 units five further seeds read 0.57 to 0.91 after 400 steps at 0.01. Section 2 says what is lost all the same, section 3 what helps.
#
# (The long tables of training are computed before, by `python -m helpers.experiments.network_design_seeds`.)
#
# After this notebook you can
# - count what goes into a unit and what comes out of it, and derive how large first weights should be,
# - say what a start does to signal and gradient through depth, and what no start repairs,
# - say what skips do, what batch norm does, and what replaces the one or the other,
# - count parameters, FLOPs, memory and receptive field of a net before you build it,
# - defend a design.

# %% [markdown]
# ## 1 · How large should first weights be?
#
# One unit: $z = \sum_{i=1}^{n} w_i x_i$. The weights are drawn independently, with mean 0 and variance $\mathrm{Var}(w)$. Then the expected
# $z^2$ over draws of the weights is
#
# $$E[z^2] = \sum_i \mathrm{Var}(w)\, x_i^2 = n\,\mathrm{Var}(w)\cdot \overline{x^2}$$
#
# with $\overline{x^2}$ for the *mean square* of the inputs. (The mixed terms have expectation 0.) So a layer multiplies the mean square by $n\,\mathrm{Var}(w)$.
#
# **By hand.** Four inputs, 1, −1, 3, 1, and weights of variance 1/4.
#
# *Predict first, with a pencil:* the mean square of the inputs, and the expected $z^2$. Then the activation. Four values −2, −1, 1, 2 leave
# some layer: what is their mean square before ReLU, and behind it?
#
# <details><summary>Answer</summary>
#
# $(1 + 1 + 9 + 1)/4 = 3$, and $4 \cdot \frac14 \cdot 3 = 3$: this variance keeps the mean square. Before ReLU $(4+1+1+4)/4 = 2.5$, behind it
# $(0 + 0 + 1 + 4)/4 = 1.25$. ReLU takes half of the mean square wherever the values are symmetric around 0.
#
# </details>
#
# Backward the sums run the other way. The gradient at input $i$ is $\sum_j w_{ji}\,\delta_j$ over all outputs $j$ that the input feeds. If
# there are $n'$ of them, the mean square of the gradient is multiplied by $n'\,\mathrm{Var}(w)$, and the ReLU below takes half of it again.
#
# $n$ is called *fan-in* and $n'$ *fan-out*.
#
# ### Fans
#
# Of `nn.Linear(64, 10)` the fans are 64 and 10. In a convolution one output value sums over the places of the kernel and over
# the channels that it sees; with *groups* (notebook 08) these are the channels of its group. All positions of the map use the same kernel, so the size of the
# map plays no part.
#
# *Predict first:* the fans of a 3×3 convolution from 16 to 32 channels. And those of a *depthwise* one, with 64 channels and 64 groups?
#
# <details><summary>Answer</summary>
#
# $9 \cdot 16 = 144$ values go into an output; an input is used in $9 \cdot 32 = 288$ outputs (away from the border, at stride 1). Depthwise: each
# channel has a kernel of its own, so 9 and 9.
#
# </details>
#
# *Exercise, medium, 5 minutes.* Both fans of a layer. For a *transposed* convolution (notebook 08) the definition is the same.

# %%
import math

import torch
from torch import nn

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d

# %% solution="fan_in_and_fan_out"
from helpers.exercises.answers.fans import fan_in_and_fan_out

# %%
from helpers.exercises.fans import fan_in_and_fan_out_exercise

fan_in_and_fan_out_exercise.check(fan_in_and_fan_out)

# %%
# fan_in_and_fan_out_exercise.hint(fan_in_and_fan_out)
# fan_in_and_fan_out_exercise.solution(fan_in_and_fan_out)

# %% grade="fan_in_and_fan_out" points=1

# %% [markdown]
# A count needs no formula: set all weights to 1, let ones go in, and read a value in the middle of the map. The gradient of the sum of
# the outputs gives the fan-out in the same way. The last column is the function that torch's own starts use.

# %%
from helpers.experiments import counted_fans, net_costs

if net_costs.ready((fan_in_and_fan_out_exercise, fan_in_and_fan_out)):
    counted_fans.fans_table(fan_in_and_fan_out)

# %% [markdown]
# torch reads the fans off the shape of the weight. For grouped layers its fan-in is right and its fan-out is not divided by the groups; for transposed layers
# (without groups) the two are exchanged. So `kaiming_normal_(w, mode="fan_out")` gives a depthwise layer of 64 channels weights whose variance is 64 times too
# small. torchvision's MobileNetV2 and its grouped ResNets (ResNeXt) start so. Behind each of these convolutions they have batch norm, which divides the error out in the forward pass
# (notebook 01).
#
# ### Xavier
#
# Take an activation that changes nothing. Forward wants $\text{fan\_in}\cdot\mathrm{Var}(w) = 1$, backward wants
# $\text{fan\_out}\cdot\mathrm{Var}(w) = 1$. Where the fans differ no variance does both. Glorot & Bengio (2010, §4.2.1) put the mean of the two fans in the place of the one
# fan; Xavier Glorot's first name is the common name of this start. With forward alone it is called LeCun's (LeCun et al. 1998, §4.6).
#
# A *gain* $g$ multiplies the standard deviation, to make up for what an activation takes.
#
# *Exercise, easy, 3 minutes.* The standard deviation, not the variance.

# %% solution="xavier_std"
from helpers.exercises.answers.start_std import xavier_std

# %%
from helpers.exercises.start_std import xavier_std_exercise

xavier_std_exercise.check(xavier_std)

# %%
# xavier_std_exercise.hint(xavier_std)
# xavier_std_exercise.solution(xavier_std)

# %% grade="xavier_std" points=1

# %% [markdown]
# What does a compromise cost? Thirty linear layers, alternately 64 and 256 wide, so that behind the first each pair of layers narrows and widens.
#
# *Predict first, with a pencil:* Xavier's variance is 1/160 in each layer of a pair. By which factor does a pair change the mean square, forward? What is left after
# the fourteen pairs between layers 2 and 30? And with 1/fan_in, or with 1/fan_out?

# %%
first_signal.zigzag_table()

# %% [markdown]
# $64 \cdot 256 / 160^2 = 0.64$ for a pair, in both directions; in the end 0.002 is left. Either of the pure wishes keeps *both* directions in the long run: the fan-out of one layer is
# the fan-in of the next, so over a whole net the two wishes differ only by the first and the last width. He et al. (2015, §2.2) say so for their start.
#
# ### He
#
# Now the activation takes something. A *leaky ReLU* multiplies negative values by a slope $a$, and leaves positive ones.
#
# *Predict first:* which part of the mean square passes a leaky ReLU? Take $z$ and $-z$ together. Check $a = 0$ and $a = 1$.
#
# <details><summary>Answer</summary>
#
# Of $z^2 + z^2$ there is $z^2 + a^2z^2$ left, so $(1 + a^2)/2$. For $a = 0$ that is the half of ReLU, for $a = 1$ all passes.
#
# </details>
#
# *Exercise, easy, 3 minutes.* The standard deviation that makes up for it (He et al. 2015, §2.2).

# %% solution="he_std"
from helpers.exercises.answers.start_std import he_std

# %%
from helpers.exercises.start_std import he_std_exercise

he_std_exercise.check(he_std)

# %%
# he_std_exercise.hint(he_std)
# he_std_exercise.solution(he_std)

# %% grade="he_std" points=1

# %% [markdown]
# The slider's number was √2 = 1.414. PyTorch's linear and convolutional layers call `kaiming_uniform_` with a slope of √5, which gives a variance of 1/(3 fan_in). Its root has the gain
# 0.58 = 1/√3 of the opening.

# %% [markdown]
# ## 2 · Thirty layers, measured
#
# *Predict first:* for thirty ReLU layers of 128, by which factor does a layer change the mean square from PyTorch's default, from LeCun's, Xavier's and He's start? A
# standard deviation that is 10 % too large: what is left of "about right" after thirty layers? In the last column stands the part of the signal in which *different digits differ*; in the digits themselves it is 0.52. Does a better gain raise
# it?

# %%
first_signal.starts_table()

# %% [markdown]
# - **The factor** of a layer is the theory's, within the spread of seeds, forward and backward. PyTorch's variance is one sixth of what ReLU needs. Chance adds up over thirty layers: with He's start layer 30 lies between 0.027 and 3.4.
# - **10 %** in the standard deviation are 21 % in the mean square of each layer, and a factor of more than 100 at the end.
# - **The last column does not move.** ReLU and linear layers pass a common factor through, so the gain scales the whole signal. The differences are about 7 % of
#   it from every start of normal weights. (In the opening they drown in the biases, which do not shrink.) So He's start saves the *size* of the signal, not the differences: ReLU layers bring inputs closer together.
#
# ### Other activations, other gains
#
# *Predict first:* sort by the part in which digits differ after thirty layers (0.52 before them): no activation, ReLU, tanh, SELU (a ReLU with a curved negative part, made so that mean 0 and variance 1
# come back to themselves, Klambauer et al. 2017), logistic sigmoid.

# %% tags=["nbval-ignore-output"]
first_signal.gains_table()

# %% [markdown]
# - **The order.** Sigmoid, ReLU, then no activation and tanh with gain 1 (not decided between the two: tanh is ahead in six of the ten seeds, and in fourteen of fifteen others), SELU, tanh with 5/3. The other steps hold in every seed. In thirty further ones all hold but one: in one seed SELU falls behind both.
# - **Logistic sigmoid** with gain 1 loses all: its slope is at most 1/4, and its mean is not 0, so that a constant takes over. What is left of the differences is rounding.
# - **tanh, 1.** The signal shrinks slowly, since tanh bends towards 0; the gradient shrinks with it. **5/3**, the value of `calculate_gain("tanh")`: the signal stays, and the gradient *grows*, about 200 times in
#   mean square. So 5/3 is a rule of thumb for the signal. No gain of these two keeps both.
# - **SELU, 1** (LeCun's start) keeps the size within 15 % in every seed; its gradient grows, about 9 times.
# - A **gain** multiplies the standard deviation. Who multiplies the variance by √2 in a ReLU net is short by √2 in each layer's mean square.
#
# ### Orthogonal weights
#
# A random *orthogonal* matrix turns, and does not stretch: all its singular values are 1. *Predict first:* normal matrices of variance 1/fan_in keep the mean square *on
# average*. What are the largest, the middle and the smallest singular value of a product of thirty of them?

# %%
first_signal.orthogonal_table()

# %% [markdown]
# On average the size is kept, but hardly any *singular* direction keeps its own: half of the 64 keep less than 0.0001 of their length. Other directions are mixtures of all 64, and the few
# large ones carry them: 2,000 random directions keep 0.15 to 5.2 times their length (ten further products). Of orthogonal
# matrices the product is orthogonal. (Saxe et al. 2014 train deep linear nets so.) With ReLU in between that is over: in the table of starts, orthogonal weights with gain √2 are no better
# in the differences, rather worse. Their size scatters less: in ninety further seeds the standard deviation of its log10 is 0.3, and 0.4 to 0.5 with He's start.
#
# ### Zeros and ties
#
# *Predict first:* four starts of a small ReLU net, all with the same data: all numbers 0; all 0.02; the hidden layers 0.02 and a random head; random weights and biases 0. Which learn anything? How many *different* units does a layer of 32 have after 300 steps?

# %%
first_signal.zeros_table()

# %% [markdown]
# - **All 0.** Each hidden value is 0, and each weight that the gradient would pass on its way down is 0. Only the bias of the head gets a gradient.
# - **All alike.** In step 1 only the head gets a gradient: its ten rows are equal, and the gradients of the ten classes add up to 0, so nothing is passed down. Later the rows differ, but equal units still get equal gradients: 32 units are one unit 32 times. A random head parts the units of the last hidden layer
#   only. What it gets from below is still one number, and little is read from it.
# - **Biases may be 0.** Random weights break the tie.
# - Zero as such is not bad: a model without hidden units has nothing to tie, and section 3 starts branches at 0.

# %% [markdown]
# ## 3 · Skips and norms, one at a time
#
# A *residual* block computes $x + F(x)$; $F$ is its *branch*. He et al. (2016) trained nets of over 100 layers with it. Their nets have batch norm too, so which of the two does what?
#
# Fifteen blocks, the branch is Linear, ReLU, Linear, with He's start and width 32. With batch norm it stands behind each Linear. A block without a skip ends with a ReLU.
#
# *Predict first, with a pencil:* by which factor does such a branch change the mean square? Now add the skip, and nothing else. What does $x + F(x)$ do to the mean square, and what do fifteen blocks? And
# with batch norm at the end of the branch, whose output has mean square 1 whatever came in? (Over draws of its last weights F(x) has mean 0, so the expected mean squares add up.)

# %% tags=["nbval-ignore-output"]
from helpers.experiments import branches

branches.start_table()

# %% [markdown]
# - **Skips alone.** The branch doubles the mean square: $2 \cdot \frac12 \cdot 2$. The sum has three times that of x, and $3^{15}$ is 14 million. The seeds lie around that, and the gradient grows alike.
# - **Batch norm alone.** The signal is held, and the gradient's mean square grows 25,000 to 440,000 times (notebook 06 has the theory).
# - **Both.** Each branch adds 1, so the mean square grows from 1 to 16, and not by powers. (The gradient's grows more, about 160 times.) The last branch is 1/16 of what leaves its block: the deeper, the less a branch counts. De & Smith (2020, abstract) see in this what batch norm is for in a
#   residual net: it makes a block start near the identity.
# - **A fixed factor** 1/√15 on each branch does so too: $(1 + 2/15)^{15}$ is 6.5. And a block whose branch begins at 0 is the identity to the last digit.
# - **The last column.** Only with skips and a batch norm that does not begin at 0 do different digits leave nearly orthogonal.
#
# *Predict first:* which of the nine nets train, and which of those without batch norm?

# %%
branches.training_table()

# %% [markdown]
# - **Neither alone, with He's start.** Without skips no net gets above 0.51 in 200 steps, with batch norm or without. (With batch norm that is partly slowness: after 800 steps at 0.1 five further seeds read 0.46 to 0.76.) Skips without a norm diverge at all three rates, in every seed. (At 0.00001 three further seeds reach 0.42 to 0.50, at 0.0001 two of them diverge.)
#   The start is to blame: PyTorch's default in the branches makes a block's factor 1 + 1/18 in place of 3. With it skips alone read 0.89 to 0.95, 0.95 to 0.96 and 0.97 to 0.98 at the three rates, in five further seeds.
# - **Which does what.** With the fixed factor and no norm the net with skips trains nearly as with batch norm. Which is ahead is not decided: at 0.01 batch norm in eight of ten seeds, and in seven of ten further ones; at the larger rates the differences have both signs. So up to 0.1 one constant can do the norm's work in the branch. At 0.3 it cannot: ten further seeds read 0.97 to 0.98 with batch norm, and diverge with the constant. (At 1 both diverge.) A likely reason, not tested: a constant does
#   not follow the signal while the weights change.
# - **Branches from 0** (SkipInit, De & Smith 2020; Fixup's start, Zhang et al. 2019, without its further scalars and its head at 0; last γ = 0) are not told apart from batch norm at 0.1: the differences are at most 2.2 points, with both signs. At 0.01 they are 1.8 points or more behind batch norm in every seed.
#
# ### A branch that begins at zero
#
# With the last factor of the branch at 0 each block is the identity, and the net begins as a shallow one. With batch norm the last γ is set to 0 (Goyal et al. 2017, §5.1). Why γ, and not the weight before the norm?
#
# *Predict first:* the weight in front of batch norm is 0. What is the variance that the norm divides by? What does that do to the gradient?

# %% tags=["nbval-ignore-output"]
branches.zero_table()

# %% [markdown]
# The variance is 0, so the norm divides by √ε, and its gradient with respect to the weight is σ/√ε times that of He's start: 1/√ε where 1/σ
# belongs. With torch's ε that is a factor of 250.
#
# Is that bad? Look at the last two rows of the table of training. The net with the weight at 0 is *ahead* of the one with γ at 0, in every seed at 0.01 and at 0.03, and in ten further ones. So in this small net the huge first step does no harm. But ε sets its size, and not you; γ = 0 has no such number in it.
#
# Zero one factor of the branch, not two: if γ and the weight before it are both 0, neither gets a gradient.

# %% [markdown]
# ## 4 · What a net costs
#
# So far every layer was given. Now you choose them, and count before you build. A convolution as numbers:

# %%
from collections.abc import Sequence

from helpers.exercises.conv_sizes import Conv

print(Conv(c_in=16, c_out=32, kernel=3, padding=1, norm=True))

# %% [markdown]
# The kernel is square, `norm` says that batch norm is behind, and the rest is as in `nn.Conv2d`, but that the bias is off. For the receptive field a pooling layer is one with a kernel and a stride.
#
# ### Count parameters
#
# *Exercise, easy, 3 minutes.* What the layer learns, with the norm behind it where it has one.

# %% solution="parameter_count"
from helpers.exercises.answers.conv_sizes import parameter_count

# %%
from helpers.exercises.conv_sizes import parameter_count_exercise

parameter_count_exercise.check(parameter_count)

# %%
# parameter_count_exercise.hint(parameter_count)
# parameter_count_exercise.solution(parameter_count)

# %% grade="parameter_count" points=1

# %% [markdown]
# ### Count FLOPs
#
# A *FLOP* is one addition or multiplication of floating-point numbers. (Others count a multiplication with its addition once, as a *multiply-add* or MAC; a paper's
# "FLOPs" may be either.) Batch norm is folded for use (notebook 08), so it counts nothing.
#
# **By hand.** A 3×3 convolution with 2 input channels and 1 output channel, a map of 5×5, no padding.
#
# *Predict first, with a pencil:* the side of the map that comes out; the products in one value of it; the FLOPs in all.
#
# <details><summary>Answer</summary>
#
# A kernel of 3 has 3 positions along 5, so 3×3 values. Each sums $9 \cdot 2 = 18$ products: 18 multiplications and, with the bias, 18 additions. $9 \cdot 36 = 324$. (Without a bias it is one addition less; it is counted as 2 for each weight all the same.)
#
# </details>
#
# *Exercise, medium, 6 minutes.* With stride, padding, dilation and groups. A kernel that does not fit in at the end of a row is not put there.

# %% solution="flop_count"
from helpers.exercises.answers.conv_sizes import flop_count

# %%
from helpers.exercises.conv_sizes import flop_count_exercise

flop_count_exercise.check(flop_count)

# %%
# flop_count_exercise.hint(flop_count)
# flop_count_exercise.solution(flop_count)

# %% grade="flop_count" points=1

# %% [markdown]
# ### Receptive field
#
# The *receptive field* of an output value is the square of input pixels that it can depend on. What lies outside cannot change it.
#
# *Predict first, with a pencil:* two 3×3 convolutions, one behind the other: how many pixels in a row? And if the first has stride 2?
#
# <details><summary>Answer</summary>
#
# The last value sees 3 values of the map between. With stride 1 they see the pixels 1–3, 2–4 and 3–5: five. With stride 2 they see 1–3, 3–5 and 5–7: seven.
#
# </details>
#
# *Exercise, medium, 5 minutes.* The side of the square, for layers one behind the other. Padding plays no part.

# %% solution="receptive_field"
from helpers.exercises.answers.conv_sizes import receptive_field

# %%
from helpers.exercises.conv_sizes import receptive_field_exercise

receptive_field_exercise.check(receptive_field)

# %%
# receptive_field_exercise.hint(receptive_field)
# receptive_field_exercise.solution(receptive_field)

# %% grade="receptive_field" points=1

# %% [markdown]
# That is what a value *can* see. What does it look at? The gradient of one output value with respect to the pixels tells, and the *effective* receptive field is where it is large (Luo et al. 2016).
#
# *Predict first:* 3×3 layers with He's start. Two layers see 5×5, twenty see 41×41. How large is the part of the 41×41 that holds 95 % of the squared gradient?

# %% tags=["nbval-ignore-output"]
net_costs.fields_figure()

# %% [markdown]
# (The stronger the grey, the larger the gradient. The frame holds 95 % of its square.) Behind two layers it is all of it, behind twenty a sixth of the area. From 5 to 20 layers the field grows from 11 to 41, nearly four times; the side that counts grows from 9 to 17, not quite twice. From
# the middle many paths lead to the output, from a corner only one. So a receptive field as large as the object is the least to ask for. (This is before training. After it was not measured.)
#
# ### Parameters, FLOPs, activations, time
#
# *Activations* are the values that come out of the layers; in training they are kept for backward (notebook 07). Two layers of a ResNet, at the places where they stand:
#
# *Predict first:* the first layer has 3 → 64 channels, 7×7, stride 2, and gets images of 224×224. A late one has 512 → 512 channels, 3×3, and gets maps of 7×7. Which has more parameters, which more FLOPs, which more
# activations? By which factors?

# %%
counts = (parameter_count, flop_count, receptive_field)
counted = net_costs.ready(
    (parameter_count_exercise, parameter_count),
    (flop_count_exercise, flop_count),
    (receptive_field_exercise, receptive_field),
)
if counted:
    net_costs.compare({"first layer": [Conv(3, 64, 7, 2, 3, norm=True)]}, 224, counts)
    net_costs.compare({"late layer": [Conv(512, 512, 3, padding=1, norm=True)]}, 7, counts)

# %% [markdown]
# The late layer has about 250 times the parameters, and a 32nd of the activations, for about the same FLOPs. So these are three numbers: parameters are what is stored and sent, FLOPs what is computed, and
# activations often fill the memory in training.
#
# A *depthwise-separable* layer is a depthwise 3×3 convolution, which mixes places, and a 1×1 convolution, which mixes channels (Howard et al. 2017, §3.1). A *bottleneck* reduces the channels by a 1×1 convolution, works on the few, and expands them again.
#
# ### Bottlenecks
#
# *Predict first:* three blocks that take and give 256 channels on maps of 14×14: two 3×3 convolutions; a bottleneck of 64 channels; two depthwise-separable layers. By which factor do the bottleneck and the separable block cut parameters and FLOPs? The activations? And the time?

# %% tags=["nbval-ignore-output"]
if counted:
    net_costs.compare(net_costs.BLOCKS, 14, counts)
    net_costs.times_table(counts)

# %% [markdown]
# - Both cut parameters *and* FLOPs: 8 to 9 times (separable; Howard et al. say so of the computation), and 17 times (bottleneck, which sees 3 pixels in place of 5). The separable block has *more* activations, twice as many.
# - On our machine the time of the separable block fell by less than its FLOPs: a depthwise layer computes little with each number that it fetches, which is a likely reason. The bottleneck's fell by 7 to 34 times in our runs, most of them on a busy machine. So measure: the factors are those of your machine at that moment.
#
# Branches side by side look at several scales, and 1×1 convolutions in front keep them affordable (Szegedy et al. 2015). One such branch, with and without:

# %%
if counted:
    branch = {
        "5×5, 256 → 64": [Conv(256, 64, 5, padding=2, norm=True)],
        "1×1 to 32, then 5×5 to 64": [Conv(256, 32, 1, norm=True), Conv(32, 64, 5, padding=2, norm=True)],
    }
    net_costs.compare(branch, 14, counts)

# %% [markdown]
# How many units are enough for the ten classes of digits? An MLP with a narrow layer in the middle, with batch norm:

# %%
net_costs.bottlenecks_table()

# %% [markdown]
# With one unit no seed gets above 0.6 in 600 steps. Part of that is slowness: after 4,000 steps three further seeds read 0.74 to 0.81. Against 64 units two lose 8 points or more in every seed (6 or more in five further ones), four 0.6 to 3.4 points (1 to 4), and eight 0.2 to 2.6 points in eight of ten seeds, and nothing in the other two.
#
# ### Resolution
#
# *Predict first:* the images get twice as large on each side. By which factor grows the work of a convolution? And of attention, where each position looks at each other one?

# %%
if counted:
    net_costs.resolution_table(flop_count)

# %% [markdown]
# Four times, as the pixels; and sixteen times, the pixels squared. (For attention two products are counted, each position with each other one, over 64 channels.) So nets halve the resolution early: with half the side and twice the channels a convolution costs the same.

# %% [markdown]
# ## 5 · Depth or width
#
# Between hidden layers of width $w$ there are $w^2$ weights, so parameters grow with the depth, and with the square of the width. Now the parameters are held: about 20,000, in 1, 2, 4, 8 or 16 hidden layers.
#
# *Predict first:* which depth reads held-out digits best? For which of the three nets does it matter most: default start, He's start, batch norm? (Each at the better of two rates, by the training loss.)

# %%
net_costs.shapes_table()

# %% [markdown]
# After 200 steps:
#
# - **Default start, no norm.** From 1 to 2, to 4 and to 8 layers each doubling costs, in every seed; with eight nothing is left. That is section 2, not a property of depth.
# - **He's start.** One, two and four layers are not decided. Eight lose 0.8 to 3 points against one in every seed (in five further ones 1.4 to 19), sixteen 34 or more.
# - **Batch norm.** Two layers are ahead of one, by 0.2 to 1.4 points in every seed (of ten further ones in nine, and level in one). Eight are not ahead of one in any of the ten, and sixteen lose 2.4 points or more.
#
# Part of that is slowness. After 1,000 steps at 0.1 three further seeds read 0.96 to 0.97 with the default and four layers, and 0.96 to 0.98 with batch norm and sixteen. With He's start and sixteen they read 0.34 to 0.92.
#
# So what a depth is worth depends on the start, the norm and the steps. Depth needs help to train; the units of a layer are computed in parallel, and their cost grows with the square of the width.
# (Rates above 0.1 were not tried; no net here has skips.)

# %% [markdown]
# ## 6 · A design of your own
#
# A camera above a belt: colour images of 96×96, ten kinds of parts, each at most 48 pixels long, 2,000 labelled images. The device stores 60,000 parameters and has time for 20 million FLOPs an image. A value of the last map has to see a whole part, so its receptive field is 48 at the least. The head is not counted.
#
# The next cell counts a first draft. Change it until it fits. (`*net_costs.separable(32, 64, stride=2)` stands for the two layers of a depthwise-separable one, with 32 and 64 channels.)

# %%
design = [
    Conv(3, 32, 3, stride=2, padding=1, norm=True),
    Conv(32, 64, 3, padding=1, norm=True),
    Conv(64, 128, 3, stride=2, padding=1, norm=True),
]
if counted:
    net_costs.judge_design(design, counts)

# %% [markdown]
# *Exercise, hard, 10 minutes.* Copy your list of layers, and the table's numbers, into the next cell, and defend the design in at most 150 words.
#
# | points | for |
# |---|---|
# | 0.25 | *the budget*: parameters, FLOPs and receptive field with their numbers, all three within what is asked |
# | 0.25 | *the work*: which layers have most of the FLOPs, and which most of the parameters, and why |
# | 0.25 | *the start*: how the weights of the layers are drawn, with the fan or the norm that it rests on |
# | 0.25 | *the first experiment*: what you would train first and compare it with, and what would make you change the size |
#
# A wrong claim loses the points of its line. Nothing is taken off for style.

# %% [markdown] manual="network_design" points=1
# ### BEGIN SOLUTION
# `[Conv(3, 16, 3, 2, 1, norm=True), *separable(16, 32, 2), *separable(32, 64, 2), *separable(64, 64), *separable(64, 128, 2), *separable(128, 128)]`, where
# `separable` is a depthwise 3×3 and a 1×1 convolution: 35,872 parameters, 6.7 million FLOPs, receptive field 79, since the effective field is smaller.
#
# The 1×1 convolutions have 62 % of the FLOPs and 89 % of the parameters: channels in times channels out; the last has 46 % of the parameters. The largest single layer in FLOPs is the first, 30 %, with 1 % of the parameters: a large map, few channels.
#
# He's start with fan_in, counted with groups (9 for depthwise): ReLU. Batch norm cancels the scale forward; no biases.
#
# First I overfit one batch, then compare with this net at half the channels, five seeds, same steps. If training *and* held-out error stay high, I widen (there is budget); if only
# held-out error does, more or augmented data.
#
# === BEGIN MARK SCHEME ===
#
# 1. Budget: all three numbers, each within what is asked (at most 60,000 and 20 million, at least 48). `judge_design` checks a list.
# 2. Work: names the layers, or kinds of layers, with most FLOPs and with most parameters, and one reason (size of the map, channels in times channels out). "The depthwise layers": 0.
# 3. Start: He, or Xavier or LeCun with a fitting activation, with its fan; or "the norm cancels the scale forward, so the default does" with that reason. "The default is He's": 0.
# 4. Experiment: something to compare with (another size, a baseline, one batch learned by heart), and a sign that leads to another size: training *and* held-out error.
#
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ## What would change my mind
#
# - *Is the size of the signal what matters?* The opening changes the start alone, and the net goes from chance to learning something. It learns slowly, so the size is not all. Xiao et al. (2018, abstract) report plain convolutional nets of ten thousand layers, trained from an orthogonal start made for it. The abstract names no activation; with ReLU our orthogonal weights kept no more of the differences.
# - *Do skips work because of the gradient?* He et al. (2016, §4.1) checked that the gradients of their plain nets with batch norm had healthy norms (those of section 3 grow), and these still trained worse. Their explanation is not "vanishing gradients".
#
# ## Recap
#
# 1. A layer multiplies the mean square by fan_in · Var(w), the gradient's by fan_out · Var(w); ReLU takes half. He's start makes up for it.
# 2. A small factor, thirty times, is a large one. No gain brings back the differences that ReLU layers lose.
# 3. Skips let the signal of He's branches grow in powers; batch norm in the branch, a fixed factor, or a branch that begins small or at 0 prevents it.
# 4. Count parameters, FLOPs, activations; measure the time. What a net looks at is less than its receptive field.
#
# ## Interview page
#
# <details><summary>Derive He's initialisation.</summary>
#
# A sum of fan_in terms has the mean square fan_in · Var(w) times that of the inputs, and ReLU leaves half: the variance is 2/fan_in. For the gradient, 2/fan_out.
#
# </details>
#
# <details><summary>What are the fans of a grouped convolution?</summary>
#
# Kernel places times the channels of one group, in and out. torch's own starts forget the groups in fan_out, and exchange the two for transposed layers.
#
# </details>
#
# <details><summary>Why do skips let us train deeper nets, and what does batch norm add?</summary>
#
# The skip takes signal and gradient past each branch unchanged. (He et al. doubt that vanishing gradients were the trouble before.) With He's start a block triples the mean square; batch norm holds each branch at size 1, so that deep blocks begin near the identity. A constant factor, smaller weights, or a branch that begins at 0 does so without a norm.
#
# </details>
#
# <details><summary>Why zero the last γ of a branch and not the convolution before it?</summary>
#
# Both make the block the identity. But a norm behind a zero weight divides by √ε, so its first gradient is larger by σ/√ε, here 250. In our small net that did no harm; γ = 0 leaves it out.
#
# </details>
#
# <details><summary>Does a net with a ninth of the FLOPs run nine times as fast?</summary>
#
# Not as a rule. FLOPs leave out what has to be moved, and how well a layer uses the device. Measure there.
#
# </details>
#
# <details><summary>What is a receptive field, and how large should it be?</summary>
#
# The input pixels that an output value can depend on: 1 plus, for each layer, (kernel − 1) · dilation times the strides before. Larger than the object, since the effective field is smaller.
#
# </details>

# %% tags=["nbval-ignore-output"]
from helpers.widgets.board import summary

summary("09_network_design")

# %% [markdown]
# The board in [00 start_here](00_start_here.ipynb) shows what you still have open.
