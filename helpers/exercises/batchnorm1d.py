"""Notebook 02: the layer, its six checks, and the checks beyond six.

A learner's class is built as ``BatchNorm1d(num_features, eps=1e-5, momentum=0.1)`` and has ``gamma``, ``beta``,
``running_mean`` and ``running_var``.
"""

from __future__ import annotations

from helpers.judge.api import Check, Exercise, Names, all_of, asked, matches, near

from .batchnorm1d_probes import EVAL_GAP, LATE, MEMORY, PROBES, STEPS

_FOUR = ("train output", "running_mean", "running_var", "eval output")
_EVAL_HINTS = (
    "At test time there may be no batch. Which two tensors does the layer have instead, and which of them does your line use?",
    "`self.training` tells the mode. In eval mode mean and variance come from the buffers, and eps stands where it does in train mode.",
    "`else: mean, var = self.running_mean, self.running_var`, then the same line for both modes: (x − mean) / √(var + eps).",
)

batchnorm1d_exercise = Exercise(
    id="batchnorm1d",
    title="BatchNorm1d",
    module=__name__,
    builds="BatchNorm1d",
    probes=PROBES,
    names=Names(
        parameters=("gamma", "beta"),
        buffers=("running_mean", "running_var"),
        arguments=("eps", "momentum"),
        costs={"parameter": "affine", "buffer": "running_statistics", "argument": "settings", "mode": "eval_mode"},
    ),
    checks=(
        Check(
            "train_mode",
            "1 · train mode: mean 0 and variance 1 for each feature",
            (
                near("train/mean of each feature", 0.0, 1e-4),
                near("train/variance of each feature", 1.0, 1e-2),
            ),
            "This is Algorithm 1 of the paper without γ and β. It keeps each layer's input at one scale while the layers below change.",
            (
                "Each column of the batch gets its own mean and its own variance.",
                "Average over dim=0. Divide x − mean by the square root of (variance + eps).",
                "`x_hat = (x - mean) / torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "eval_mode",
            "2 · eval mode: uses the running statistics, not the batch",
            (near(f"eval/{EVAL_GAP}", 0.0, 1e-5),),
            "A served model must give one example the same answer whoever is beside it in the batch.",
            _EVAL_HINTS,
        ),
        Check(
            "running_statistics",
            "3 · running statistics move in train mode and stay in eval mode",
            (
                near(asked("moves/did running_mean move in train mode"), 1.0, 0.0),
                near(asked("moves/did running_var move in train mode"), 1.0, 0.0),
                near(asked("moves/did running_mean move in eval mode"), 0.0, 0.0),
                near(asked("moves/did running_var move in eval mode"), 0.0, 0.0),
            ),
            "Statistics that move while you evaluate make the result depend on the order of the test set.",
            (
                "Both buffers must change with every training batch, and only then.",
                "new = (1 − momentum) · old + momentum · batch value. Do it inside the train branch, under torch.no_grad().",
                "`self.running_mean += self.momentum * (mean - self.running_mean)`, and likewise for running_var.",
            ),
        ),
        Check(
            "numbers",
            "4 · the numbers of torch.nn.BatchNorm1d",
            (matches(*(f"numbers/{name}" for name in _FOUR), atol=1e-5, rtol=0.0),),
            "A layer that is only nearly right gives other results when its numbers are loaded into torch's, and nobody sees why.",
            (
                "Which of the four differs first: train output, running_mean, running_var, eval output? Each has one line of your code.",
                "Normalise with the biased variance (÷N). Remember the mean and the unbiased variance (÷(N−1)), as the paper's Algorithm 2 "
                "does; each new value counts with the share momentum. eps is for the root only.",
                "`self.running_mean += self.momentum * (mean - self.running_mean)`, and "
                "`self.running_var += self.momentum * (var * n / (n - 1) - self.running_var)`",
            ),
        ),
        Check(
            "gradients",
            "5 · the gradients of gamma and beta",
            (
                near("gradients/gradient of gamma ÷ slope of the loss along gamma", 1.0, 1e-2),
                near("gradients/gradient of beta ÷ slope of the loss along beta", 1.0, 1e-2),
            ),
            "Without a gradient γ and β stay at 1 and 0, and nothing warns you.",
            (
                "autograd finds what is an nn.Parameter and is used in the result.",
                "Make gamma and beta nn.Parameter in __init__ and use them in forward, outside any no_grad block.",
                "`self.gamma = nn.Parameter(torch.ones(num_features))` … `return self.gamma * x_hat + self.beta`",
            ),
        ),
        Check(
            "affine",
            "6 · gamma and beta scale and shift",
            (
                near("affine/factor that gamma = 2 puts on the output", 2.0, 1e-3),
                near("affine/number that beta = 5 adds to the output", 5.0, 1e-3),
            ),
            "γ and β let the net choose the scale that the next layer needs.",
            (
                "After normalising, the layer may choose a new standard deviation and a new mean.",
                "gamma multiplies, beta is added, feature by feature.",
                "`return self.gamma * x_hat + self.beta`",
            ),
        ),
    ),
    further=(
        Check(
            "input_gradient",
            "the gradient of the input flows through the batch mean and variance",
            (matches("gradients/gradient of the input"), all_of("slopes")),
            "With detached statistics the layers below are trained with a wrong gradient, and the loss still falls.",
            (
                "The mean and variance are functions of x too.",
                "Only the update of the buffers belongs under torch.no_grad(), not the statistics you normalise with.",
                "Remove `.detach()` and `no_grad` around `mean` and `var`; keep them around the running update.",
            ),
        ),
        Check(
            "settings",
            "the arguments are used: eps and momentum; and γ, β and statistics other than the start values",
            (
                all_of("train_parts", "eval_parts", "update_parts", "schedule", "affine_parts", "settings", "extremes"),
                matches(*LATE),
            ),
            "Models differ: YOLOv5, for example, sets eps = 0.001 and momentum = 0.03.",
            (
                "Look for a constant in your code that should come from the constructor.",
                "Use self.eps and self.momentum everywhere; eps goes under the root.",
                "`torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "one_row",
            "one row in train mode leaves nothing wrong behind",
            (all_of("one_row"),),
            "The last batch of an epoch can have one row; what it leaves in a buffer stays in every later evaluation.",
            (
                "What is the variance of one row? And what is n − 1?",
                "One row says nothing about the variance. torch raises ValueError; skipping the update is accepted too. "
                "max(n − 1, 1) or a small number added to it hides the case: running_var then moves towards 0.",
                "`if x.shape[0] < 2: raise ValueError(...)` at the start of the train branch, before anything is stored.",
            ),
        ),
        Check(
            "precision",
            "float64, bfloat16 and large means",
            (all_of("precision", "far"),),
            "Where the mean is 10⁴ times the deviation, E[x²] − E[x]² has no correct digit in float32.",
            (
                "Which subtraction in your code takes one large number from another?",
                "Subtract the mean before squaring. Let dtypes follow x and the parameters; no .float().",
                "`var = ((x - mean) ** 2).mean(dim=0)`",
            ),
        ),
        Check(
            "saved",
            "state_dict holds all four tensors, and a new layer can load it",
            (all_of("saved"),),
            "A checkpoint without its running statistics is evaluated with mean 0 and variance 1: more wrong answers, and no error.",
            (
                "Print `list(layer.state_dict())`. What is missing, or there for the wrong reason?",
                "nn.Parameter for what is trained, register_buffer for what is remembered; each of shape (C,).",
                '`self.register_buffer("running_mean", torch.zeros(num_features))`',
            ),
        ),
        Check(
            "side_effects",
            "no side effects: input, output, graph, other layers",
            (all_of("side_effects"),),
            "Buffers that keep a graph make memory grow with every step until the process dies.",
            (
                "What else than its result does forward leave behind?",
                "Update the buffers under torch.no_grad(), and never write into x.",
                "`with torch.no_grad(): self.running_mean += ...`",
            ),
        ),
        Check(
            "start",
            "start values, and eval mode before any training",
            (all_of("fresh"),),
            "Some loops evaluate before the first step, to know where training starts from.",
            (
                "Which four tensors does the layer have right after it is built, and what should it do with x in eval mode?",
                "gamma = 1, beta = 0, running_mean = 0, running_var = 1, all made in __init__; eval mode uses them from the start.",
                '`self.register_buffer("running_var", torch.ones(num_features))`, and no special case in forward.',
            ),
        ),
        Check(
            "row_in_eval",
            "one row in eval mode: the same answer alone and in any company",
            (all_of("neighbours"),),
            "A web service gets one example at a time, and batches requests when it is busy.",
            (
                "Which numbers in eval mode still depend on how many rows there are, or on the other rows?",
                "A test for one row belongs in the train branch only.",
                "In eval mode: `mean, var = self.running_mean, self.running_var`, nothing of x.",
            ),
        ),
        Check(
            "eval_gradient",
            "gradients in eval mode",
            (all_of("eval_gradients"),),
            "Fine-tuning with frozen statistics, adversarial examples and saliency maps take gradients through eval mode.",
            (
                "Is eval mode the same as not recording gradients?",
                "No no_grad and no detach around the result in the eval branch; γ and β still learn there.",
                "Put only the update of the running statistics under `torch.no_grad()`.",
            ),
        ),
        Check(
            "reuse",
            "the layer used several times in one graph",
            (all_of("twice"),),
            "Siamese nets and recurrent nets call one layer several times before one backward pass.",
            (
                "What does your layer keep on self between forward and backward?",
                "Each call needs its own mean, variance and x̂: local names, not attributes of self. Autograd keeps them.",
                "`x_hat = …`, not `self.x_hat = …`. If you wrote backward yourself: `ctx.save_for_backward(x_hat, gamma, inverse)`.",
            ),
        ),
        Check(
            "mode_switch",
            "every way to switch the mode",
            (all_of("switches"),),
            "Nobody calls eval() on each layer: the switch is thrown on the model around it.",
            (
                "model.eval() does not call your layer's eval(). What does it set?",
                "It calls train(False) on every module inside, which sets self.training.",
                "Read `self.training` in forward; do not keep a flag of your own.",
            ),
        ),
        Check(
            "grad_mode",
            "the mode does not depend on no_grad or requires_grad",
            (all_of("grad_modes"),),
            "Re-estimating statistics runs train mode under no_grad; attribution methods run eval mode with gradients.",
            (
                "Two switches: recording gradients, and the mode of the layer. Which one do you look at?",
                "torch.is_grad_enabled() and x.requires_grad say nothing about the mode.",
                "`if self.training:` alone decides.",
            ),
        ),
        Check(
            "sizes",
            "many rows, two rows, one feature, as many rows as features",
            (all_of("two_rows", "one_feature", "square", "changing"),),
            "A statistic of shape (N,) instead of (C,) stops with an error while N ≠ C, and broadcasts in silence where N = C or one of them is 1.",
            (
                "Write down the shape of each tensor for N = 4, C = 1.",
                "Statistics have shape (C,) and broadcast over the rows by themselves: no squeeze, no transposing.",
                "`x.mean(dim=0)` has shape (C,); `(x - mean)` has shape (N, C).",
            ),
        ),
        Check(
            "tiny_variance",
            "a very small variance, and a constant feature",
            (all_of("tiny"),),
            "Dead ReLU units are constant features; without ε in the right place their gradient is NaN or infinite.",
            (
                "What do value and gradient of √v do at v = 0?",
                "ε stands under the root, always, and is added: no max, no if.",
                "`torch.sqrt(var + self.eps)`",
            ),
        ),
        Check(
            "layout",
            "input that is not contiguous in memory",
            (all_of("layout"),),
            "Transposed and sliced tensors are not contiguous; nets that mix sequence and feature axes make them.",
            (
                "Which of your calls needs the numbers side by side in memory?",
                "view does. mean, sum, reshape and arithmetic do not.",
                "`x.mean(dim=0)`, without any view before it.",
            ),
        ),
        Check(
            "wrong_width",
            "a batch of the wrong width or rank is not mixed up",
            (all_of("wrong_width"),),
            "If your layer refuses a wrong width, a mistake in the layer before stops with a message; else the net trains on scrambled features.",
            (
                "What happens with an 8×3 batch in a layer of 4 features?",
                "Broadcasting (3,) with (4,) fails by itself. Something in your code makes the shapes fit.",
                "Use x as it comes; no reshape to (−1, num_features).",
            ),
        ),
        Check(
            "nan",
            "a NaN stays in its feature, and shows",
            (all_of("nan"),),
            "Finding the broken sensor among 1,000 features takes a minute when only its own output is NaN.",
            (
                "Which operation of yours lets one feature touch another, or hides a NaN?",
                "Elementwise operations and sums over dim=0 keep features apart. 0 · NaN is NaN in a matrix product.",
                "`self.gamma * x_hat + self.beta`, and no nan_to_num.",
            ),
        ),
        Check(
            "torch_state",
            "torch's layer and yours load each other's state",
            (all_of("torch_state"),),
            "Pretrained weights come from torch's layer, sometimes after the model has already run once.",
            (
                "Does your layer keep anything that it computed from the buffers earlier?",
                "load_state_dict changes the buffers in place; whatever was derived from them is then out of date.",
                "In eval mode compute from `self.running_mean` and `self.running_var` at each call.",
            ),
        ),
        Check(
            "copies",
            "copy.deepcopy works, and the copy is independent",
            (all_of("copied"),),
            'Averaged models, target networks and "keep the best model" all copy layers in the middle of training.',
            (
                "What hangs on self after a training step that was not there before?",
                "A tensor with a graph cannot be copied. Keep nothing of the batch, or keep it detached.",
                "`self.running_mean = new.detach()`; no `self.x_hat = x_hat`.",
            ),
        ),
        Check(
            "memory",
            f"memory after {STEPS} steps",
            (matches(*MEMORY),),
            "A list that grows with every step ends long trainings, hours after they began.",
            (
                "What of the first batch is still alive after the last?",
                "Lists on self, and buffers that carry a graph, keep every batch.",
                "Update the buffers under `torch.no_grad()` and append to nothing.",
            ),
        ),
        Check(
            "global_state",
            "random state, grad mode and default dtype stay as they are",
            (all_of("global_state"),),
            "A layer that reseeds makes every dropout mask after it the same, in code that never mentions the layer.",
            (
                "Which call in your forward changes something for the whole program?",
                "manual_seed, set_grad_enabled and set_default_dtype do. Random numbers have no place in this layer.",
                "`with torch.no_grad():` restores the grad mode by itself.",
            ),
        ),
        Check(
            "own_work",
            "the work is your own",
            (all_of("own_work"),),
            "You build the layer to know what the library's does; here the operators that run are watched.",
            (
                "Which call does all the work at once?",
                "F.batch_norm, nn.BatchNorm1d and torch.native_batch_norm are what you build here.",
                "Take `x.mean(dim=0)` and go on from there.",
            ),
        ),
    ),
)
