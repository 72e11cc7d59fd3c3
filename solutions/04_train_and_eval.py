# %% [markdown] builds="precise batch norm, a freeze, six repaired loops"
# # 04 · Train and eval
#
# After this notebook you can
# - say what each mode reads and writes, and why `no_grad()` is another switch,
# - compute how many batches the running statistics need before they can be used,
# - recognise seven mode bugs by their numbers, and repair each,
# - re-estimate the statistics of a trained net, and say when that does not help,
# - freeze the statistics of a layer, its γ and β, or both, and keep them frozen.

# %% setup="setup"
import helpers

# %% [markdown]
# ## 1 · Two switches
#
# A batch norm layer has two train_and_eval. `net.train()` and `net.eval()` choose one for every module inside the net.
#
# | | train mode | eval mode |
# |---|---|---|
# | normalises with | mean and variance of the batch | `running_mean`, `running_var` (the *buffers*) |
# | the buffers | move with every batch | stay |
# | a row's output depends on the other rows | yes | no |
#
# `torch.no_grad()` is another switch: it stops the recording of the graph that gradients need.
#
# *Predict first:* two switches, four settings. In which of the four do the buffers move? In which is a graph kept?

# %%
import torch
from torch import nn

from helpers.lab.tables import spread, table

torch.manual_seed(0)
x = torch.randn(8, 4) + 3
rows = []
for mode in ("train", "eval"):
    for gradients in ("on", "off"):
        layer = nn.BatchNorm1d(4).train(mode == "train")
        with torch.set_grad_enabled(gradients == "on"):
            y = layer(x)
        used_batch = y.mean().abs().item() < 1e-5
        moved = layer.running_mean.abs().max().item() > 0
        rows.append([mode, gradients, *("yes" if seen else "no" for seen in (used_batch, moved, y.requires_grad))])
table(["mode", "gradients", "normalised with the batch", "buffers moved", "graph kept"], rows)

# %% [markdown]
# The mode decides the first two columns, `no_grad` only the last. So a prediction loop with `no_grad` but without `eval()`
# uses the wrong statistics *and* spoils the right ones.
#
# *Predict first:* the layer is in eval mode and gradients are on. Do γ and β get a gradient?

# %%
layer = nn.BatchNorm1d(4).eval()
layer(x).square().sum().backward()
print("gradient of gamma is 0 everywhere?", bool((layer.weight.grad == 0).all()))
print("gradient of beta is 0 everywhere? ", bool((layer.bias.grad == 0).all()))

# %% [markdown]
# They do: eval mode is about statistics. γ and β (`weight` and `bias` in PyTorch) are trained in both train_and_eval.
#
# ### One row
#
# *Predict first:* one row in train mode, for an MLP. And one image, for a convolutional net?

# %%
try:
    nn.BatchNorm1d(4)(x[:1])
except ValueError as error:
    print("BatchNorm1d, one row:  ", error)
image = torch.randn(1, 4, 6, 6)
same = torch.allclose(nn.BatchNorm2d(4)(image), nn.InstanceNorm2d(4)(image), atol=1e-5)
print("BatchNorm2d, one image: runs; the same as instance norm?", same)

# %% [markdown]
# One row gives one number for each feature, and one number has no variance. A 6×6 image gives 36 numbers for each channel, so
# the layer runs. It then does what instance norm does (notebook 05). "Batch norm does not work with one example" is
# true of the MLP, and of a convolutional layer only where the map is 1×1.

# %% [markdown]
# ## 2 · Running statistics are a moving average
#
# After each training batch with statistic $b_t$ (its mean, or its unbiased variance) PyTorch updates a buffer $r$:
#
# | formula | code |
# |---|---|
# | $r_t = (1-m)\, r_{t-1} + m\, b_t$ | `running += momentum * (batch - running)` |
# | unrolled: $r_t = (1-m)^t\, r_0 + m\sum_{k=1}^{t} (1-m)^{t-k}\, b_k$ | |
#
# This is an *exponential moving average* (EMA): old batches fade, and so does the start value $r_0$, with weight $(1-m)^t$. For
# the mean $r_0 = 0$, for the variance $r_0 = 1$. Early estimates lean to these.
#
# The word *momentum* has two opposite meanings, and neither is the momentum of an optimiser:
#
# | | formula | default | the same in the other |
# |---|---|---|---|
# | PyTorch `BatchNorm1d` | new = (1 − m) · old + m · batch | 0.1 | 0.9 |
# | Keras `BatchNormalization`, ONNX | new = m · old + (1 − m) · batch | 0.99 (Keras) | 0.01 |
#
# (Sources: the documentation of each. Their ε differs too: 1e-5 in PyTorch, 1e-3 in Keras.) A list of interview answers
# that gives one formula without naming the framework is wrong for half of its readers.
#
# *Predict first:* after how many batches does the start value weigh less than 1 %? For PyTorch's default? For Keras's?

# %%
from helpers.experiments import train_and_eval

rows = []
for momentum in (0.1, 0.01, 0.001):
    averaged = round((2 - momentum) / momentum)
    rows.append([momentum, f"{1 - momentum:g}", train_and_eval.steps_until(0.1, momentum), train_and_eval.steps_until(0.01, momentum), averaged])
table(["PyTorch momentum", "in Keras", "batches until 10 %", "until 1 %", "averages about"], rows)

# %% [markdown]
# The batches needed are $\ln 0.01/\ln(1-m)$. The last column is the price of a fast average: once settled it is as noisy as the
# plain mean of $(2-m)/m$ batches.
#
# *Predict first:* data that never change, mean 3 and variance 4. Draw `running_mean` and `running_var` for the three momenta.

# %%
from helpers.lab import figures

averages = {momentum: train_and_eval.moving_averages(momentum, steps=600) for momentum in (0.1, 0.01, 0.001)}
figures.show(
    train_and_eval.moving_average_figure(averages),
    "Two line charts of running_mean and running_var against the number of batches, for momentum 0.1, 0.01 and 0.001.",
)

# %%
rows = []
for momentum, seen in averages.items():
    lean = 1 - (1 - momentum) ** 50
    rows.append([momentum, f"{3 * lean:.1f}", f"{seen[0, 50].mean():.1f}", f"{1 + 3 * lean:.1f}", f"{seen[1, 50].mean():.1f}"])
table(["momentum", "mean: formula", "measured", "variance: formula", "measured"], rows)

# %% [markdown]
# After 50 batches the buffers are where the formula puts them: $3\,(1-(1-m)^{50})$ for the mean, and for the variance
# $1 + 3\,(1-(1-m)^{50})$, since it starts at 1 and ends at 4. Adam divides such a lean away; PyTorch's layer does not.
#
# In a real training the data of a layer *do* change, since the weights below it move. An average that is too slow then lags
# behind even after its start value is forgotten. What to do if the buffers are not good enough?

# %% [markdown]
# ## 3 · Re-estimate the statistics
#
# Training never reads the buffers. So they can be computed again at any time, with the weights as they are. The paper does
# just that (Ioffe & Szegedy 2015, Algorithm 2): the moving average is there only to watch the accuracy while training.
# Wu & Johnson (2021) call it *precise batch norm*.
#
# Let batch $b$ have $n_b$ rows, mean $\mu_b$ and unbiased variance $s_b^2$, and let $n=\sum_b n_b$.
#
# | | mean | variance |
# |---|---|---|
# | Algorithm 2: plain average | $\mathrm{E}_b[\mu_b]$ | $\mathrm{E}_b[s_b^2]$ |
# | Wu & Johnson | $\mathrm{E}_b[\mu_b]$ | $\mathrm{E}_b[\mu_b^2+\sigma_b^2]-\mathrm{E}_b[\mu_b]^2$, with the biased $\sigma_b^2$ |
# | **asked for here: pooled** | $\mu=\frac1n\sum_b n_b\,\mu_b$ | $\frac{1}{n-1}\sum_b\left[(n_b-1)\,s_b^2+n_b\,(\mu_b-\mu)^2\right]$ |
#
# For equal batches drawn at random all three agree closely. They part where batches differ: the plain average leaves out how
# far the batch means lie apart, and counts a short batch like a full one. The pooled formula is the unbiased variance of all
# rows together.
#
# *Predict first:* the pixels of the digits, in batches of 64. By what factor is the plain average of the variances too small
# if the rows are mixed? If they are sorted by class?

# %%
from helpers.lab.data import digits

split = digits(torch.float64)
X, y = split.X_train, split.y_train
pixels = X.var(dim=0) > 0.05
for name, order in {"mixed": train_and_eval.shuffled(y, 0), "sorted by class": train_and_eval.by_class(y)}.items():
    batches = X[order].split(64)
    plain = torch.stack([batch.var(dim=0) for batch in batches]).mean(dim=0)
    print(f"rows {name}: plain average / variance of all rows = {(plain / X.var(dim=0))[pixels].median():.2f} (median pixel)")

# %% [markdown]
# ### Build it
#
# *Exercise, medium, 10 minutes.*
#
# - Every `nn.BatchNorm1d` in the model, nested ones too, gets the pooled mean and variance of *what it is fed*.
# - While you collect, all BN layers are in train mode (so a deep one sees what it sees in training), and everything else is
#   in eval mode (dropout off, as it will be when the statistics are used).
# - The old values of the buffers leave no trace. `batches` may be a generator: read it once.
# - Afterwards modes, momentum and parameters are as before. (`num_batches_tracked` is free.)
# - There is more than one way: a forward hook on each layer, or the layer's own buffers with a suitable momentum.

# %%
from collections.abc import Callable, Iterable

# %% solution="reestimate_statistics"
from helpers.exercises.answers.train_and_eval import reestimate_statistics

# %%
from helpers.exercises.train_and_eval import reestimate_statistics_exercise

reestimate_statistics_exercise.check(reestimate_statistics)

# %%
# reestimate_statistics_exercise.hint(reestimate_statistics)
# reestimate_statistics_exercise.solution(reestimate_statistics)

# %% grade="reestimate_statistics" points=1

# %% [markdown]
# PyTorch has a relative, `torch.optim.swa_utils.update_bn`: the plain average, with the whole model in train mode.

# %%
reestimate = train_and_eval.yours_or_torch(reestimate_statistics, reestimate_statistics_exercise)

# %% [markdown]
# ## 4 · Seven bugs
#
# Five nets, seeds 0 to 4: three hidden layers of 64, batch norm before each ReLU, 300 steps of SGD on the digits. Every number
# below is the held-out accuracy, median and range of the seeds. One digit is 0.2 percentage points, and differences below
# one point are noise.

# %%
X_test, y_test = split.X_test, split.y_test
nets = train_and_eval.trained(split)


def accuracies(some_nets, X=X_test, y=y_test):
    """Held-out accuracy of each net in eval mode, as median (range)."""
    return spread([train_and_eval.accuracy(net, X, y) for net in some_nets])


print("eval mode:", accuracies(nets))

# %% [markdown]
# ### Bug 1 · Predicting in train mode
#
# Somebody forgot `eval()`. *Predict first:* the accuracy when the 500 held-out digits come in batches of 2? Of 64? And if the
# digits come sorted by class, as they do from many folders?

# %%
sizes = [2, 4, 8, 16, 32, 64, 128, 500]


def in_train_mode(order):
    """Accuracy for each seed and batch size; order(seed) gives the rows in the order in which they come."""
    return [
        [train_and_eval.predict_in_train_mode(net, X_test, y_test, order(seed), size)[0] for size in sizes]
        for seed, net in enumerate(nets)
    ]


mixed = in_train_mode(lambda seed: train_and_eval.shuffled(y_test, seed))
by_class = in_train_mode(lambda seed: train_and_eval.by_class(y_test))
right = torch.tensor([train_and_eval.accuracy(net, X_test, y_test) for net in nets]).median().item()
figures.show(
    train_and_eval.train_mode_figure(sizes, mixed, by_class, right),
    "Held-out accuracy in train mode against batch size, for mixed rows and for rows sorted by class, and in eval mode.",
)
table(
    ["batch size", "rows mixed", "sorted by class"],
    [[size, spread([run[i] for run in mixed]), spread([run[i] for run in by_class])] for i, size in enumerate(sizes)],
)

# %% [markdown]
# With two rows every feature of a hidden layer becomes about β ± γ: which row is larger is all that is left. With 64 mixed rows
# nothing is wrong to see, and that is why the bug survives its tests. Sorted rows are worst: the mean of the batch is then
# the mean of the class, and it is subtracted.
#
# In eval mode any batch size gives the same answers. It need not match the batch size of training.
#
# ### Bug 2 · Polluted buffers
#
# The same loop again, under `no_grad`. Afterwards somebody notices, and calls `eval()`. *Predict first:* is all well now?

# %%
rows = []
for size in (2, 8, 64):
    mixed_pass, sorted_pass = (
        [train_and_eval.predict_in_train_mode(net, X_test, y_test, order, size)[1] for net in nets]
        for order in (train_and_eval.shuffled(y_test, 0), train_and_eval.by_class(y_test))
    )
    repaired = [train_and_eval.repaired(net, X, reestimate) for net in sorted_pass]
    rows.append([size, accuracies(mixed_pass), accuracies(sorted_pass), accuracies(repaired)])
table(["batch size", "after mixed rows", "after sorted rows", "then re-estimated"], rows)

# %% [markdown]
# With momentum 0.1 the buffers average about the last 19 batches (section 2). For batches of 2 these are 38 rows, and after the
# sorted pass they are all nines. Re-estimating on training rows repairs it.
#
# ### Repair 1 · `scores`
#
# *Exercise, easy, 12 minutes.* Six small repairs. The comment below `One bug:` is the function as it was found.
# Remove its `#` signs (mark the lines, then Ctrl + /), repair it, and delete the `raise` line.

# %% solution="repair_scores"
from helpers.exercises.answers.train_and_eval import scores

# %%
from helpers.exercises.train_and_eval import scores_exercise

scores_exercise.check(scores)

# %%
# scores_exercise.hint(scores)
# scores_exercise.solution(scores)

# %% grade="scores" points=1

# %% [markdown]
# ### Bug 3 · Never back to train mode
#
# After each epoch a validation in eval mode; then the next epoch goes on without `train()`. *Predict first:* from the second
# epoch on, the layers are fixed linear maps. What happens at a learning rate that batch norm tolerates, 0.5?

# %% tags=["nbval-ignore-output"]
def accuracy_and_diverged(**settings):
    """Median accuracy (range), and how many of the five nets have weights that are not finite."""
    trained = [train_and_eval.train_epochs(split, seed, **settings) for seed in train_and_eval.SEEDS]
    diverged = sum(not bool(torch.isfinite(net.head.weight).all()) for net in trained)
    return accuracies(trained) + f", {diverged} diverged"


rows = []
for name, settings in {
    "train() in every epoch": {},
    "train() once, before the loop": {"back_to_train": False},
    "no norm": {"norm": False},
}.items():
    rows.append([name, *(accuracy_and_diverged(lr=lr, **settings) for lr in (0.1, 0.5))])
table(["", "learning rate 0.1", "learning rate 0.5"], rows)

# %% [markdown]
# At 0.1 the medians are alike and only the worst seed shows the bug: it hides. At 0.5 most nets with the bug diverge, and no
# re-estimation repairs weights that are not finite. In eval mode nothing renews the scale of the activations when the weights
# grow. That is not the whole story, though: the nets without a norm have nothing of the kind either, and they survive
# 0.5. Here the bug is worse than having no norm; why, this experiment does not isolate.
#
# ### Repair 2 · `train_and_validate`

# %%
from torch.nn.functional import cross_entropy

Batch = tuple[torch.Tensor, torch.Tensor]

# %% solution="repair_train_and_validate"
from helpers.exercises.answers.train_and_eval import train_and_validate

# %%
from helpers.exercises.train_and_eval import train_and_validate_exercise

train_and_validate_exercise.check(train_and_validate)

# %%
# train_and_validate_exercise.hint(train_and_validate)
# train_and_validate_exercise.solution(train_and_validate)

# %% grade="train_and_validate" points=1

# %% [markdown]
# ### Bug 4 · A momentum that is too small
#
# Someone copies momentum 0.001 from a framework where it means the same as here, for a training of a million steps. Yours has
# 200. `momentum=None` is PyTorch's plain average over all batches so far.
#
# *Predict first:* the weights are the same for all four. After how many steps does eval mode reach 90 %?

# %%
momenta = [0.1, 0.01, 0.001, None]
curves = {m: [train_and_eval.accuracy_while_training(split, seed, m) for seed in train_and_eval.SEEDS] for m in momenta}
curves["re-estimated"] = [train_and_eval.accuracy_while_training(split, seed, 0.1, reestimate) for seed in train_and_eval.SEEDS]
figures.show(
    train_and_eval.usable_figure(curves),
    "Held-out accuracy in eval mode against training step, for four momenta and for re-estimated statistics.",
)
rows = []
for momentum, runs in curves.items():
    middle = torch.tensor(runs).median(dim=0).values
    reached = (middle >= 0.9).nonzero()
    first = 10 * (int(reached[0]) + 1) if len(reached) else "not in 200"
    late = torch.tensor(runs)[:, 4:].mean(dim=1), torch.tensor(curves["re-estimated"])[:, 4:].mean(dim=1)
    rows.append([momentum, first, spread([run[-1] for run in runs]), spread(100 * (late[1] - late[0]), digits=1)])
table(["momentum", "median 0.90 at step", "after 200 steps", "points below re-estimated"], rows)

# %% [markdown]
# (Last column: percentage points, the mean over steps 50 to 200, seed by seed.)
#
# Nothing is wrong with the net trained with 0.001: its weights are those of the others. Only the buffers are late. PyTorch's 0.1 is
# as good here as re-estimating. `None` forgets nothing: the batches of the first, bad weights count like the last ones. For
# data that do not change it is the best average; for a net in training it lags, here by about half a point and not in every
# seed. Too small a momentum is a bug of *short* trainings, and of evaluations early in long ones.
#
# ### Bug 5 · A last batch of one row
#
# *Predict first:* 1,297 training rows. Which of these batch sizes leave one row at the end of the epoch?

# %%
for size in (2, 4, 8, 16, 32, 64):
    rest = len(X) % size
    print(f"batches of {size:2}: {len(X) // size} full ones, {rest} {'row is' if rest == 1 else 'rows are'} left")

# %% [markdown]
# With 16 the loop runs 81 steps and then stops with the `ValueError` of section 1. A `DataLoader` with `drop_last=True` avoids
# it, at the price of up to 15 unused rows in each epoch.
#
# ### Repair 3 · `one_epoch`

# %% solution="repair_one_epoch"
from helpers.exercises.answers.train_and_eval import one_epoch

# %%
from helpers.exercises.train_and_eval import one_epoch_exercise

one_epoch_exercise.check(one_epoch)

# %%
# one_epoch_exercise.hint(one_epoch)
# one_epoch_exercise.solution(one_epoch)

# %% grade="one_epoch" points=1

# %% [markdown]
# ### Bug 6 · Batches of one class
#
# The training rows are sorted by class and cut into batches; the order of the batches is random. Such training harms every
# net, since each step forgets a little of the other classes. So a net without a norm runs beside it.
#
# *Predict first:* which of the two is harmed more? Do re-estimated statistics (from mixed rows) rescue the batch norm net?

# %%
rows = []
for name, order in {"mixed": "mixed", "one class each": "blocks"}.items():
    plain = [train_and_eval.train_epochs(split, seed, order=order, norm=False) for seed in train_and_eval.SEEDS]
    normed = [train_and_eval.train_epochs(split, seed, order=order) for seed in train_and_eval.SEEDS]
    again = [train_and_eval.repaired(net, X, reestimate) for net in normed]
    rows.append([name, accuracies(plain), accuracies(normed), accuracies(again)])
table(["batches", "no norm", "batch norm", "re-estimated"], rows)

# %% [markdown]
# Both are harmed, and batch norm much more: what tells the classes apart is subtracted before the net can use it.
# Re-estimating does not help, since the *weights* were trained for a task that does not exist in eval mode.
#
# Tiny batches are another case where it does not help. The same budget, one epoch with batches of 2:

# %% tags=["nbval-ignore-output"]
tiny = {"batch_size": 2, "lr": 0.003, "momentum": 0.9, "epochs": 1}
plain = [train_and_eval.train_epochs(split, seed, norm=False, **tiny) for seed in train_and_eval.SEEDS]
normed = [train_and_eval.train_epochs(split, seed, **tiny) for seed in train_and_eval.SEEDS]
print("no norm:                  ", accuracies(plain))
print("batch norm:               ", accuracies(normed))
print("batch norm, re-estimated: ", accuracies([train_and_eval.repaired(net, X, reestimate) for net in normed]))

# %% [markdown]
# Re-estimating repairs *buffers*. It cannot repair weights. Accumulating gradients over several batches of 2 does not help
# either: each forward pass still normalises with its own two rows. What helps is a norm that does not use the batch
# (notebook 05) or a larger batch, for example over several devices.
#
# ### Repair 4 · `epoch_batches`

# %% solution="repair_epoch_batches"
from helpers.exercises.answers.train_and_eval import epoch_batches

# %%
from helpers.exercises.train_and_eval import epoch_batches_exercise

epoch_batches_exercise.check(epoch_batches)

# %%
# epoch_batches_exercise.hint(epoch_batches)
# epoch_batches_exercise.solution(epoch_batches)

# %% grade="epoch_batches" points=1

# %% [markdown]
# ### Bug 7 · Lost buffers
#
# A checkpoint was written from `named_parameters()`. Loading it with `strict=False` raises nothing. *Predict first:* γ, β and
# all weights are right, the buffers are 0 and 1. What is the accuracy?

# %%
lost = [train_and_eval.without_statistics(net) for net in nets]
missing = sorted(set(nets[0].state_dict()) - {name for name, _ in nets[0].named_parameters()})
print("not in the checkpoint:", ", ".join(missing[:3]), "…")
print("as saved:     ", accuracies(nets))
print("loaded:       ", accuracies(lost))
print("re-estimated: ", accuracies([train_and_eval.repaired(net, X, reestimate) for net in lost]))

# %% [markdown]
# The same happens wherever weights are handled and buffers are forgotten: an average of several checkpoints, weights kept
# of the best epoch, weights sent between machines.
#
# ### Repair 5 · `restore_best`

# %%
import copy

# %% solution="repair_restore_best"
from helpers.exercises.answers.train_and_eval import restore_best

# %%
from helpers.exercises.train_and_eval import restore_best_exercise

restore_best_exercise.check(restore_best)

# %%
# restore_best_exercise.hint(restore_best)
# restore_best_exercise.solution(restore_best)

# %% grade="restore_best" points=1

# %% [markdown]
# ## 5 · Other data than in training
#
# The buffers describe the training data. A new camera with less contrast is no bug in the code, and eval mode is right, yet
# the buffers are wrong. Rows of the new data, *without labels*, are enough to re-estimate (Li et al. 2016 call this
# AdaBN).
#
# *Predict first:* five changes of the held-out digits. Which does re-estimating repair?

# %%
rows = []
for name, shifted in train_and_eval.shifts(X_test).items():
    adapted = [train_and_eval.repaired(net, shifted, reestimate, batch_size=100) for net in nets]
    rows.append([name, accuracies(nets, shifted), accuracies(adapted, shifted)])
table(["change", "training statistics", "re-estimated on the new rows"], rows)

# %% [markdown]
# A factor or an offset that is the same for all rows is repaired completely: normalising takes it out again, up to ε. Noise is
# not: it has destroyed something that no mean or variance brings back. Inversion is not: the mean and variance are easily
# re-estimated, and every feature of the first layer still has the wrong sign.
#
# *Predict first:* the contrast is as in training, but only threes and eights arrive. What does re-estimating on them do?

# %%
rows = []
for name, classes in {"all digits": range(10), "3 and 8": (3, 8), "only 3": (3,)}.items():
    some = torch.isin(y_test, torch.tensor(list(classes)))
    X_some, y_some = X_test[some], y_test[some]
    adapted = [train_and_eval.repaired(net, X_some, reestimate, batch_size=50) for net in nets]
    rows.append([name, accuracies(nets, X_some, y_some), accuracies(adapted, X_some, y_some)])
table(["what arrives", "training statistics", "re-estimated on it"], rows)

# %% [markdown]
# It ruins a net that was right. Re-estimating cannot tell a new camera from a new mixture of classes: both move the mean. It
# assumes that only the first has changed.
#
# ## 6 · Freezing
#
# Fine-tuning means: go on training a trained net on a new, usually small, data set. Small batches then give poor statistics, so
# the stored ones are often kept. "Freezing batch norm" can mean two things:
#
# | | freezes | call |
# |---|---|---|
# | the statistics | which mean and variance are used, and their update | `layer.eval()` |
# | the affine part | γ and β | `layer.requires_grad_(False)` |
#
# *Predict first:* one training step with weight decay. For each of the four combinations: do the buffers move, does γ move?

# %%
rows = []
for statistics in ("free", "frozen"):
    for affine in ("free", "frozen"):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
        if statistics == "frozen":
            net[1].eval()
        if affine == "frozen":
            net[1].requires_grad_(False)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.1)
        cross_entropy(net(x), torch.arange(8) % 3).backward()
        optimiser.step()
        moved = [not torch.equal(net[1].running_mean, torch.zeros(4)), not torch.equal(net[1].weight, torch.ones(4))]
        rows.append([statistics, affine, *("yes" if m else "no" for m in moved)])
table(["statistics", "gamma and beta", "buffers moved", "gamma moved"], rows)

# %% [markdown]
# Two separate switches again. In Keras there is one: `layer.trainable = False` freezes γ and β and also makes the layer use its
# stored statistics.
#
# ### Build it
#
# *Exercise, easy, 5 minutes.* Freeze both, in every `nn.BatchNorm1d` of a model, and nothing else. The function is
# called on nets in train mode and in eval mode. (In your own code test for `nn.modules.batchnorm._BatchNorm`: it covers 1d, 2d, 3d
# and the synchronised layer.)

# %% solution="freeze_batchnorm"
from helpers.exercises.answers.train_and_eval import freeze_batchnorm

# %%
from helpers.exercises.train_and_eval import freeze_batchnorm_exercise

freeze_batchnorm_exercise.check(freeze_batchnorm)

# %%
# freeze_batchnorm_exercise.hint(freeze_batchnorm)
# freeze_batchnorm_exercise.solution(freeze_batchnorm)

# %% grade="freeze_batchnorm" points=1

# %% [markdown]
# *Predict first:* a frozen layer, and then the `net.train()` that stands at the top of every epoch. Which of the two freezes
# survives?

# %%
net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
net[1].eval().requires_grad_(False)
print("frozen:            train mode", net[1].training, "· gamma gets a gradient", net[1].weight.requires_grad)
net.train()
print("after net.train(): train mode", net[1].training, " · gamma gets a gradient", net[1].weight.requires_grad)

# %% [markdown]
# `train()` sets the mode of every module, so it undoes the frozen statistics, in silence. `requires_grad` is not its business.
# Freeze again after each `train()`.
#
# *Predict first:* fine-tuning with a new head on 100 labelled rows, three epochs. Rows as in training, or with contrast × 0.4;
# batches of 2 or of 16. Where is it better to freeze the statistics? For the last column they are re-estimated on unlabelled
# rows, and then frozen in every epoch.

# %% tags=["nbval-ignore-output"]
def fine_tuned(start, X_new, freeze, size):
    """Each of the five nets, fine-tuned on its own 100 rows of X_new."""
    chosen = [train_and_eval.shuffled(y, 100 + seed)[:100] for seed in train_and_eval.SEEDS]
    return [
        train_and_eval.fine_tune(net, X_new[some], y[some], freeze, size, seed)
        for seed, (net, some) in enumerate(zip(start, chosen, strict=True))
    ]


rows = []
for factor in (1.0, 0.4):
    adapted = [train_and_eval.repaired(net, factor * X, reestimate) for net in nets]
    for size in (2, 16):
        tuned = [fine_tuned(nets, factor * X, freeze, size) for freeze in ("never", "before", "always")]
        tuned.append(fine_tuned(adapted, factor * X, "always", size))
        rows.append([f"× {factor:g}", size, *(accuracies(some, factor * X_test) for some in tuned)])
table(["contrast", "batch", "never frozen", "before the loop", "in every epoch", "re-estimated first"], rows)

# %% [markdown]
# - "Never frozen" and "before the loop" are the same: a freeze before the loop is none.
# - Batches of 2: freezing is far better, with and without the shift.
# - Batches of 16, no shift: the ranges overlap, so freezing matters little.
# - Batches of 16 and the shift: freezing the *old* statistics is the worst choice. Re-estimate first, then freeze.
#
# ### Repair 6 · `fine_tune`

# %% solution="repair_fine_tune"
from helpers.exercises.answers.train_and_eval import fine_tune

# %%
from helpers.exercises.train_and_eval import fine_tune_exercise

fine_tune_exercise.check(fine_tune)

# %%
# fine_tune_exercise.hint(fine_tune)
# fine_tune_exercise.solution(fine_tune)

# %% grade="fine_tune" points=1

# %% [markdown]
# ## What would change my mind
#
# - *Is re-estimating worth a habit?* Here it gains nothing at momentum 0.1. Wu & Johnson (2021) report that the
#   moving average is worse than re-estimating in trainings with large batches. A large-batch training in which both give
#   the same accuracy at every epoch would speak against the habit.
# - *Is the gap between the modes only harmful?* The noise of the batch also regularises (notebook 06). Wu & Johnson find a
#   trade-off between noise and consistency, with batches of 32 to 128 best in their experiments. It depends on data and net.
# - *Should a served net adapt to what arrives?* Section 5 shows one case for it and one against it, on the same nets. Evidence
#   that would settle it for a product: its real stream, with its real mixture of classes over a day.
#
# ## Recap
#
# 1. `eval()` chooses the statistics, `no_grad()` stops gradients, `requires_grad` freezes γ and β: three switches.
# 2. The buffers are a moving average that leans to 0 and 1. PyTorch's momentum m is Keras's 1 − m.
# 3. Predicting in train mode looks fine for large mixed batches, and fails for small or sorted ones.
# 4. Re-estimating repairs buffers: polluted, lost, lagging, or from another camera. It repairs no weights, no noise, and
#    it is fooled by a new mixture of classes.
# 5. `net.train()` undoes frozen statistics. Freeze again after it.
