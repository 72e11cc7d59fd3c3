"""Wrong ways to write BatchNorm1d, most of them as the lines in which they differ from the right one.

Read down the titles: they are a list of misconceptions.  An id with ``+`` is two mistakes at once; when a learner's
layer behaves like it, both are named.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

from .batchnorm1d_reference import BatchNorm1d

Edit = tuple[str, str]

AVERAGE = "mean = x.mean(dim=0)"
VARIANCE = "var = ((x - mean) ** 2).mean(dim=0)"
UNBIASED = "unbiased = var * n / (n - 1)"
MEAN = "self.running_mean += self.momentum * (mean - self.running_mean)"
VAR = "self.running_var += self.momentum * (unbiased - self.running_var)"
REMEMBERED = "mean = self.running_mean\n            var = self.running_var"
ROOT = "torch.sqrt(var + self.eps)"
NORMALISE = f"x_hat = (x - mean) / {ROOT}"
RESULT = "return self.gamma * x_hat + self.beta"
SHARE_OF_MEAN = "self.momentum * (mean - self.running_mean)"
SHARE_OF_VAR = "self.momentum * (unbiased - self.running_var)"
NO_GRAD = "with torch.no_grad():"
REBOUND = (
    ("self.running_mean += ", "self.running_mean = self.running_mean + "),
    ("self.running_var += ", "self.running_var = self.running_var + "),
)
GUARD = "if n < 2:"
TRAIN = "if self.training:"
EPS = "self.eps = eps"
MOMENTUM = "self.momentum = momentum"
GAMMA = "nn.Parameter(torch.ones(num_features))"
BETA = "nn.Parameter(torch.zeros(num_features))"
MEAN_BUFFER = 'self.register_buffer("running_mean", torch.zeros(num_features))'
VAR_BUFFER = 'self.register_buffer("running_var", torch.ones(num_features))'
FORWARD = "def forward(self, x: torch.Tensor) -> torch.Tensor:"
PLAIN_BUFFERS = (
    (MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
    (VAR_BUFFER, "self.running_var = torch.ones(num_features)"),
)
BATCH_IN_EVAL = (REMEMBERED, "mean = x.mean(dim=0)\n            var = ((x - mean) ** 2).mean(dim=0)")

# The quantity that tells a category best; a suspect may name its own.
SHOWS = {
    "variance": "train_parts/variance that was used ÷ biased variance of the batch",
    "mean": "train_parts/mean that was subtracted",
    "momentum": "update_parts/share of the old running_mean that is kept",
    "eps": "train_parts/eps under the root",
    "gradient": "gradients/gradient of the input",
    "affine": "affine/factor that gamma = 2 puts on the output",
    "axis": "numbers/train output",
    "modes": "numbers/eval output",
}
WAY = "schedule/running_mean ÷ batch mean after 1, 2, 3, 4 equal batches"
OF_GAMMA = "gradients/gradient of gamma ÷ slope of the loss along gamma"
OF_BETA = "gradients/gradient of beta ÷ slope of the loss along beta"
RUNNING_MEAN, RUNNING_VAR = "numbers/running_mean", "numbers/running_var"


class ByHand(BatchNorm1d):
    """The layer with a backward pass written by hand, a second text to make variants of."""

    class Normalise(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: float, layer: Any) -> Any:
            inverse = 1 / torch.sqrt(var + eps)
            x_hat = (x - mean) * inverse
            ctx.save_for_backward(x_hat, gamma, inverse)
            return gamma * x_hat + beta

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            x_hat, gamma, inverse = ctx.saved_tensors
            d_gamma = (upstream * x_hat).sum(0)
            d_beta = upstream.sum(0)
            d_hat = upstream * gamma
            d_mean = d_hat.mean(0)
            d_var = x_hat * (d_hat * x_hat).mean(0)
            d_x = inverse * (d_hat - d_mean - d_var)
            return d_x, d_gamma, d_beta, None, None, None, None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return self.gamma * (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) + self.beta
        n = x.shape[0]
        if n < 2:
            raise ValueError("one row")
        with torch.no_grad():
            mean = x.mean(0)
            var = ((x - mean) ** 2).mean(0)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * n / (n - 1) - self.running_var)
        return self.Normalise.apply(x, self.gamma, self.beta, mean, var, self.eps, self)  # type: ignore[no-untyped-call,no-any-return]


class BookLayer(nn.Module):
    """A layer as a well-known book has it, with its names, shapes and conventions."""

    def __init__(self, num_features: int, num_dims: int = 2):
        super().__init__()
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.moving_mean = torch.zeros(shape)
        self.moving_var = torch.ones(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, var = self.moving_mean, self.moving_var
        if torch.is_grad_enabled():
            mean = x.mean(0, keepdim=True)
            var = ((x - mean) ** 2).mean(0, keepdim=True)
            self.moving_mean = (0.9 * self.moving_mean + 0.1 * mean).detach()
            self.moving_var = (0.9 * self.moving_var + 0.1 * var).detach()
        return self.gamma * (x - mean) / torch.sqrt(var + 1e-5) + self.beta


class LectureLayer:
    """A layer as a well-known lecture has it: no module, plain tensors, the unbiased variance for everything."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(num_features), torch.zeros(num_features)
        self.running_mean, self.running_var = torch.zeros(num_features), torch.ones(num_features)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0, keepdim=True), x.var(0, keepdim=True)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
        self.out = self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta
        return self.out

    def parameters(self) -> list[torch.Tensor]:
        return [self.gamma, self.beta]


_EDITS: dict[str, tuple[Edit, ...]] = {}


def _wrong(
    id: str, category: str, title: str, *edits: Edit, shows: str = "", also: str = "", of: Any = BatchNorm1d
) -> Suspect:
    """One misconception: the right layer ``of`` with each (right, wrong) pair of texts exchanged."""
    if of is BatchNorm1d:
        _EDITS[id] = edits
    return Suspect(id, category, title, variant(of, *edits), shows or SHOWS.get(category, ""), also=also)


VARIANCES = (
    _wrong(
        "in_pieces",
        "variance",
        "you normalise a large batch in pieces; all rows of the batch share one mean and one variance.",
        (
            NORMALISE,
            f"{NORMALISE}\n        if self.training and n > 100:\n"
            f"            x_hat = torch.cat([(p - p.mean(0)) / torch.sqrt(p.var(0, correction=0) + self.eps) for p in x.tensor_split(n // 50)])",
        ),
        shows="changing/600 rows: output = (x − mean)/√(variance + eps) (1 yes, 0 no)",
    ),
    _wrong(
        "unbiased_normalisation",
        "variance",
        "you normalise with the unbiased variance (÷(N−1), the default of x.var); the batch itself is normalised with ÷N.",
        (VARIANCE, "var = x.var(dim=0)"),
        (UNBIASED, "unbiased = var"),
    ),
    _wrong(
        "remembered_twice_unbiased",
        "variance",
        "the variance for running_var is unbiased already (÷(N−1)), and N/(N−1) corrects it a second time.",
        (UNBIASED, "unbiased = x.var(dim=0) * n / (n - 1)"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "unbiased_twice",
        "variance",
        "your variance is already unbiased (÷(N−1)), and the running update corrects it a second time.",
        (VARIANCE, "var = x.var(dim=0)"),
    ),
    _wrong(
        "variances_exchanged",
        "variance",
        "your two variances are exchanged: normalise with ÷N and remember ÷(N−1).",
        (VARIANCE, "var = x.var(dim=0)"),
        (UNBIASED, "unbiased = x.var(dim=0, correction=0)"),
    ),
    _wrong(
        "no_root",
        "variance",
        "you divide by the variance; divide by its square root.",
        (ROOT, "(var + self.eps)"),
    ),
    _wrong(
        "multiplied",
        "variance",
        "you multiply by the standard deviation (or divide by its reciprocal); divide by it.",
        (NORMALISE, f"x_hat = (x - mean) * {ROOT}"),
    ),
    _wrong(
        "variance_not_centred",
        "variance",
        "your variance is the mean of x²; take the mean of (x − mean)².",
        (VARIANCE, "var = (x**2).mean(dim=0)"),
    ),
    _wrong(
        "variance_is_a_sum",
        "variance",
        "your variance is a sum over the batch; divide it by N.",
        (VARIANCE, "var = ((x - mean) ** 2).sum(dim=0)"),
    ),
    _wrong(
        "divided_by_features",
        "variance",
        "you divide the sums over the batch by the number of features; divide them by the number of rows, x.shape[0].",
        (AVERAGE, "mean = x.sum(dim=0) / x.shape[1]"),
        (VARIANCE, "var = ((x - mean) ** 2).sum(dim=0) / x.shape[1]"),
        shows="train_parts/mean that was subtracted",
    ),
    _wrong(
        "absolute_deviation",
        "variance",
        "you scale by the mean absolute deviation; take the root of the mean square.",
        (VARIANCE, "var = (x - mean).abs().mean(dim=0) ** 2"),
    ),
    _wrong(
        "standard_deviation_as_variance",
        "variance",
        "what you call variance is already a standard deviation, and you take its root once more.",
        (VARIANCE, "var = ((x - mean) ** 2).mean(dim=0).sqrt()"),
    ),
    _wrong(
        "variance_about_running_mean",
        "variance",
        "your batch variance is measured about running_mean; measure it about the mean of the batch.",
        (VARIANCE, "var = ((x - self.running_mean) ** 2).mean(dim=0)"),
    ),
    _wrong(
        "only_centred",
        "variance",
        "you subtract the mean but do not divide by the standard deviation.",
        (NORMALISE, "x_hat = x - mean"),
    ),
    _wrong(
        "not_centred",
        "mean",
        "you divide by the standard deviation but do not subtract the mean.",
        (NORMALISE, f"x_hat = x / {ROOT}"),
    ),
    _wrong(
        "mean_is_a_sum",
        "mean",
        "your mean is a sum over the batch; divide it by N.",
        (AVERAGE, "mean = x.sum(dim=0)"),
    ),
    _wrong(
        "median",
        "mean",
        "you subtract the median; subtract the mean.",
        (AVERAGE, "mean = x.median(dim=0).values"),
    ),
    _wrong(
        "mean_added",
        "mean",
        "you add the mean; subtract it.",
        (NORMALISE, f"x_hat = (x + mean) / {ROOT}"),
    ),
)

RUNNING = (
    _wrong(
        "biased_running_var",
        "running statistics",
        "your running_var moves by the biased variance (÷N); torch moves it by the unbiased one (÷(N−1)).",
        (UNBIASED, "unbiased = var"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "bessel_upside_down",
        "running statistics",
        "your running_var is corrected by (N−1)/N; the unbiased variance is the biased one times N/(N−1).",
        (UNBIASED, "unbiased = var * (n - 1) / n"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "n_counts_all_numbers",
        "running statistics",
        "your N counts all numbers of the batch, rows × features; N should be the number of rows, x.shape[0].",
        (UNBIASED, "unbiased = var * x.numel() / (x.numel() - 1)"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "n_counts_features",
        "running statistics",
        "your N is the number of features; N should be the number of rows, x.shape[0].",
        (UNBIASED, "unbiased = var * x.shape[1] / (x.shape[1] - 1)"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "never_updates",
        "running statistics",
        "your running statistics never move; train mode should update them.",
        (MEAN, "pass"),
        (VAR, "pass"),
        shows=RUNNING_MEAN,
    ),
    _wrong(
        "mean_not_updated",
        "running statistics",
        "your running_mean never moves; every training batch should move it.",
        (MEAN, "pass"),
        shows=RUNNING_MEAN,
        also="running_var moves as it should.",
    ),
    _wrong(
        "var_not_updated",
        "running statistics",
        "your running_var never moves; every training batch should move it.",
        (VAR, "pass"),
        shows=RUNNING_VAR,
        also="running_mean moves as it should.",
    ),
    _wrong(
        "updates_once",
        "running statistics",
        "only the first batch moves your running statistics; every training batch should.",
        (MOMENTUM, f"{MOMENTUM}\n        self.steps = 0"),
        (MEAN, f"if self.steps == 0:\n                    {MEAN}"),
        (VAR, f"if self.steps == 0:\n                    {VAR}\n                self.steps += 1"),
        shows=WAY,
    ),
    _wrong(
        "updates_twice",
        "running statistics",
        "your running statistics move twice with each batch.",
        (MEAN, f"{MEAN}\n                {MEAN}"),
        (VAR, f"{VAR}\n                {VAR}"),
        shows=WAY,
    ),
    _wrong(
        "last_batch_only",
        "running statistics",
        "your running statistics are those of the last batch; mix them with the old ones.",
        (MEAN, "self.running_mean.copy_(mean)"),
        (VAR, "self.running_var.copy_(unbiased)"),
        shows=RUNNING_MEAN,
    ),
    _wrong(
        "last_mean_only",
        "running statistics",
        "your running_mean is that of the last batch; mix it with the old one.",
        (MEAN, "self.running_mean.copy_(mean)"),
        shows=RUNNING_MEAN,
        also="running_var is mixed.",
    ),
    _wrong(
        "last_var_only",
        "running statistics",
        "your running_var is that of the last batch; mix it with the old one.",
        (VAR, "self.running_var.copy_(unbiased)"),
        shows=RUNNING_VAR,
        also="running_mean is mixed.",
    ),
    _wrong(
        "first_batch_copied",
        "running statistics",
        "your first batch replaces the running statistics; torch mixes it with the start values 0 and 1.",
        (MOMENTUM, f"{MOMENTUM}\n        self.steps = 0"),
        (MEAN, f"{MEAN} if self.steps else mean"),
        (VAR, f"{VAR} if self.steps else unbiased - self.running_var\n                self.steps += 1"),
        shows=WAY,
    ),
    _wrong(
        "plain_average",
        "running statistics",
        "your running statistics are the plain average of all batches; torch's give recent batches the share momentum.",
        (MOMENTUM, f"{MOMENTUM}\n        self.steps = 0"),
        (MEAN, "self.steps += 1\n                self.running_mean += (mean - self.running_mean) / self.steps"),
        (VAR, "self.running_var += (unbiased - self.running_var) / self.steps"),
        shows=WAY,
    ),
    _wrong(
        "averages_of_lists",
        "running statistics",
        "you keep the statistics of all batches in lists and average them (Algorithm 2 to the letter); torch gives recent batches "
        "the share momentum, and lists grow with every step.",
        (MOMENTUM, f"{MOMENTUM}\n        self.means, self.variances = [], []"),
        (
            MEAN,
            "self.means.append(mean.detach())\n                self.running_mean.copy_(torch.stack(self.means).mean(0))",
        ),
        (
            VAR,
            "self.variances.append(unbiased.detach())\n                self.running_var.copy_(torch.stack(self.variances).mean(0))",
        ),
        shows=WAY,
    ),
    _wrong(
        "starts_as_none",
        "running statistics",
        "running_mean and running_var are None until the first batch; they should be buffers that start at 0 and 1.",
        (MEAN_BUFFER, "self.running_mean = None"),
        (VAR_BUFFER, "self.running_var = None"),
        (
            MEAN,
            "if self.running_mean is None:\n                    self.running_mean, self.running_var = mean.clone(), unbiased.clone()\n"
            f"                {MEAN}",
        ),
        shows="fresh",
    ),
    _wrong(
        "bias_corrected",
        "running statistics",
        "your eval mode divides the running statistics by 1 − (1 − momentum)^steps, as Adam does; torch uses them as they are.",
        (MOMENTUM, f"{MOMENTUM}\n        self.steps = 0"),
        (VAR, f"{VAR}\n                self.steps += 1"),
        (
            REMEMBERED,
            "correct = 1 - (1 - self.momentum) ** max(self.steps, 1)\n"
            "            mean, var = self.running_mean / correct, self.running_var / correct",
        ),
        shows="numbers/eval output",
    ),
    _wrong(
        "decay_without_share",
        "momentum",
        "you shrink the old value by 1 − momentum but add the whole new one; add momentum · new.",
        (MEAN, "self.running_mean.mul_(1 - self.momentum).add_(mean)"),
        (VAR, "self.running_var.mul_(1 - self.momentum).add_(unbiased)"),
        shows="update_parts/mean that is remembered ÷ mean of the batch",
    ),
    _wrong(
        "share_without_decay",
        "momentum",
        "you add momentum · new but keep the whole old value; keep 1 − momentum of it.",
        (MEAN, "self.running_mean += self.momentum * mean"),
        (VAR, "self.running_var += self.momentum * unbiased"),
    ),
    _wrong(
        "momentum_swapped",
        "momentum",
        "your momentum is the other way round: torch keeps 1 − momentum of the old value and adds momentum of the new (Keras does the opposite).",
        (SHARE_OF_MEAN, "(1 - self.momentum) * (mean - self.running_mean)"),
        (SHARE_OF_VAR, "(1 - self.momentum) * (unbiased - self.running_var)"),
    ),
    _wrong(
        "momentum_swapped_for_mean",
        "momentum",
        "running_mean uses momentum the other way round: it should keep 1 − momentum of the old value and add momentum of the new.",
        (SHARE_OF_MEAN, "(1 - self.momentum) * (mean - self.running_mean)"),
        also="running_var is right.",
    ),
    _wrong(
        "momentum_swapped_for_var",
        "momentum",
        "running_var uses momentum the other way round: it should keep 1 − momentum of the old value and add momentum of the new.",
        (SHARE_OF_VAR, "(1 - self.momentum) * (unbiased - self.running_var)"),
        shows="update_parts/share of the old running_var that is kept",
        also="running_mean is right.",
    ),
    _wrong(
        "momentum_keras",
        "momentum",
        "your momentum is the share of the old value with default 0.9, as in Keras; it should be the share of the new batch, with default 0.1.",
        ("momentum: float = 0.1", "momentum: float = 0.9"),
        (SHARE_OF_MEAN, "(1 - self.momentum) * (mean - self.running_mean)"),
        (SHARE_OF_VAR, "(1 - self.momentum) * (unbiased - self.running_var)"),
    ),
    _wrong(
        "momentum_fixed",
        "momentum",
        "your momentum is a fixed number in the update; use the argument, self.momentum.",
        (SHARE_OF_MEAN, "0.1 * (mean - self.running_mean)"),
        (SHARE_OF_VAR, "0.1 * (unbiased - self.running_var)"),
    ),
    _wrong(
        "momentum_default",
        "momentum",
        "the default of your momentum is below 0.1; it should be 0.1.",
        ("momentum: float = 0.1", "momentum: float = 0.01"),
        shows=WAY,
    ),
    _wrong(
        "momentum_default_large",
        "momentum",
        "the default of your momentum is 0.9; it should be 0.1, the share of the new batch.",
        ("momentum: float = 0.1", "momentum: float = 0.9"),
        shows=WAY,
    ),
    _wrong(
        "variance_starts_at_zero",
        "running statistics",
        "your running_var starts at 0; it should start at 1.",
        ('"running_var", torch.ones', '"running_var", torch.zeros'),
        shows="fresh/running_var at the start",
    ),
    _wrong(
        "mean_starts_at_one",
        "running statistics",
        "your running_mean starts at 1; it should start at 0.",
        ('"running_mean", torch.zeros', '"running_mean", torch.ones'),
        shows="fresh/running_mean at the start",
    ),
    _wrong(
        "running_std",
        "running statistics",
        "your running_var holds a standard deviation; it should hold the variance.",
        (VAR, "self.running_var += self.momentum * (unbiased.sqrt() - self.running_var)"),
        (REMEMBERED, "mean = self.running_mean\n            var = self.running_var**2"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "running_std_as_variance",
        "running statistics",
        "your running_var remembers the standard deviation; remember the variance.",
        (VAR, "self.running_var += self.momentum * (unbiased.sqrt() - self.running_var)"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "roots_averaged",
        "running statistics",
        "you average standard deviations over batches and square the average; average the variances.",
        (
            VAR,
            "s = (1 - self.momentum) * self.running_var.sqrt() + self.momentum * unbiased.sqrt()\n"
            "                self.running_var.copy_(s**2)",
        ),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "running_exchanged",
        "running statistics",
        "running_mean moves by the variance and running_var by the mean; exchange them back.",
        (MEAN, "self.running_mean += self.momentum * (unbiased - self.running_mean)"),
        (VAR, "self.running_var += self.momentum * (mean - self.running_var)"),
        shows=RUNNING_MEAN,
    ),
    _wrong(
        "running_var_by_the_mean",
        "running statistics",
        "your running_var moves by the mean of the batch; move it by the variance.",
        (SHARE_OF_VAR, "self.momentum * (mean - self.running_var)"),
        shows="update_parts/running_var becomes a · old value + b · variance of the batch (1 yes, 0 no)",
    ),
    _wrong(
        "running_of_the_output",
        "running statistics",
        "you remember the statistics of the normalised batch; remember those of x.",
        (
            MEAN,
            f"z = (x - mean) / {ROOT}\n"
            "                self.running_mean += self.momentum * (z.mean(dim=0) - self.running_mean)",
        ),
        (VAR, "self.running_var += self.momentum * (z.var(dim=0) - self.running_var)"),
        shows=RUNNING_MEAN,
    ),
    _wrong(
        "spread_of_means_added",
        "running statistics",
        "your running_var also takes in how far the batch mean is from running_mean; torch mixes only the variances.",
        (
            MEAN,
            f"unbiased = unbiased + (1 - self.momentum) * (mean - self.running_mean) ** 2\n                {MEAN}",
        ),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "running_var_about_running_mean",
        "running statistics",
        "your running_var moves by the squares of x − running_mean; take the variance about the mean of the batch.",
        (UNBIASED, "unbiased = ((x - self.running_mean) ** 2).sum(dim=0) / (n - 1)"),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "running_var_about_moved_running_mean",
        "running statistics",
        "your running_var moves by the squares of x − running_mean, which has just moved; take the variance about the mean of the batch.",
        (
            f"{UNBIASED}\n                {MEAN}",
            f"{MEAN}\n                unbiased = ((x - self.running_mean) ** 2).sum(dim=0) / (n - 1)",
        ),
        shows=RUNNING_VAR,
    ),
    _wrong(
        "running_of_all_features",
        "axis",
        "you remember one number for all features; remember one for each feature.",
        (MEAN, "self.running_mean += self.momentum * (mean.mean() - self.running_mean)"),
        (VAR, "self.running_var += self.momentum * (unbiased.mean() - self.running_var)"),
        shows=RUNNING_MEAN,
    ),
    _wrong(
        "stale_eval",
        "running statistics",
        "eval mode computes with the running statistics of its first use; read the buffers at each call.",
        (MOMENTUM, f"{MOMENTUM}\n        self.frozen = None"),
        (
            REMEMBERED,
            "if self.frozen is None:\n"
            "                self.frozen = self.running_mean.clone(), self.running_var.clone()\n"
            "            mean, var = self.frozen",
        ),
        shows="torch_state/eval output after loading the state of torch's layer",
    ),
    _wrong(
        "momentum_or_default",
        "momentum",
        "momentum = 0 becomes the default, as in `momentum or 0.1`; 0 should freeze the statistics.",
        (MOMENTUM, "self.momentum = momentum or 0.1"),
        shows="extremes/momentum = 0: running_mean",
    ),
    _wrong(
        "momentum_ends_refused",
        "momentum",
        "your constructor refuses momentum = 0 or 1; both should be allowed: keep all of the old, or take all of the new.",
        (MOMENTUM, f'if not 0 < momentum < 1:\n            raise ValueError("momentum")\n        {MOMENTUM}'),
        shows="extremes",
    ),
    _wrong(
        "bessel_of_first_batch",
        "running statistics",
        "your N/(N−1) is that of the first batch; take N from each batch, the last of an epoch is often smaller.",
        (MOMENTUM, f"{MOMENTUM}\n        self.factor = None"),
        (UNBIASED, "self.factor = self.factor or n / (n - 1)\n                unbiased = var * self.factor"),
        shows="changing/variance that is remembered ÷ biased variance of the batch, 3 rows after 600",
    ),
    _wrong(
        "skipped_for_one_nan",
        "running statistics",
        "one feature that is not finite stops the update of all; the statistics of the other features should move.",
        ("with torch.no_grad():", "if torch.isfinite(mean + var).all():\n              with torch.no_grad():"),
        (UNBIASED, f"  {UNBIASED}"),
        (MEAN, f"  {MEAN}"),
        (VAR, f"  {VAR}"),
        shows="nan/statistics of other features move as ever (1 yes, 0 no)",
    ),
    _wrong(
        "stops_after_many",
        "running statistics",
        "your running statistics stop after some number of batches; every training batch should move them.",
        (MOMENTUM, f"{MOMENTUM}\n        self.left = 50"),
        (MEAN, f"self.left -= 1\n                if self.left > 0:\n                    {MEAN}"),
        (VAR, f"if self.left > 0:\n                    {VAR}"),
        shows="memory/statistics still move after 100 steps (1 yes, 0 no)",
    ),
    _wrong(
        "updated_again_in_backward",
        "running statistics",
        "your running statistics move once more in the backward pass, as when forward is recomputed there; only forward should move them.",
        (
            RESULT,
            "y = self.gamma * x_hat + self.beta\n"
            "        if self.training and y.requires_grad:\n"
            "            def again(gradient):\n"
            "                self.running_mean.lerp_(mean.detach(), self.momentum)\n"
            "                self.running_var.lerp_(var.detach() * n / (n - 1), self.momentum)\n"
            "            y.register_hook(again)\n"
            "        return y",
        ),
        shows="side_effects/did the statistics move in the backward pass (1 yes, 0 no)",
    ),
)

EPSILON = (
    _wrong(
        "eps_has_a_floor",
        "eps",
        "an eps below 1e-5 is raised to 1e-5; use the eps that was asked for.",
        (EPS, "self.eps = max(eps, 1e-5)"),
        shows="extremes/eps = 1e-8, standard deviation 0.03: train output",
    ),
    _wrong(
        "eps_in_float32",
        "eps",
        "your eps is a float32 tensor; a float64 layer then adds 9.99999975e-06. Keep the Python number.",
        (EPS, "self.eps = torch.tensor(eps)"),
        shows="precision/float64 output right to 9 digits (1 yes, 0 no)",
    ),
    _wrong(
        "eps_rooted_alone",
        "eps",
        "your root reaches only eps: `var + eps ** 0.5` is var + √ε; put the sum in parentheses.",
        (ROOT, "(var + self.eps**0.5)"),
        shows="train_parts/eps added after the root",
    ),
    _wrong(
        "eps_rooted_first",
        "eps",
        "you take the root of eps before you add it: √(σ² + √ε); add eps itself.",
        (ROOT, "torch.sqrt(var + self.eps**0.5)"),
    ),
    _wrong(
        "arguments_exchanged",
        "momentum",
        "your constructor takes momentum before eps; eps should come first, as in torch.",
        ("eps: float = 1e-5, momentum: float = 0.1", "momentum: float = 0.1, eps: float = 1e-5"),
        shows="reading/names that are not as asked",
    ),
    _wrong(
        "eps_outside",
        "eps",
        "you add eps after the square root: √σ² + ε; it belongs under it: √(σ² + ε).",
        (ROOT, "(torch.sqrt(var) + self.eps)"),
        shows="train_parts/eps added after the root",
    ),
    _wrong(
        "eps_behind",
        "eps",
        "your eps is added after the division, to x̂; it belongs under the root: √(σ² + ε). Brackets decide.",
        (ROOT, "torch.sqrt(var) + self.eps"),
    ),
    _wrong(
        "eps_fixed",
        "eps",
        "your eps is a fixed number; use the argument, self.eps.",
        (ROOT, "torch.sqrt(var + 1e-5)"),
    ),
    _wrong(
        "eps_missing",
        "eps",
        "you forget eps; a constant feature is then divided by 0.",
        (ROOT, "torch.sqrt(var)"),
    ),
    _wrong(
        "eps_missing_in_eval",
        "eps",
        "eval mode forgets eps; it should be added under the root in both modes.",
        (NORMALISE, "x_hat = (x - mean) / torch.sqrt(var + (self.eps if self.training else 0.0))"),
        shows="eval_parts/eps under the root in eval mode",
    ),
    _wrong(
        "eps_missing_in_train",
        "eps",
        "train mode forgets eps; it should be added under the root in both modes.",
        (NORMALISE, "x_hat = (x - mean) / torch.sqrt(var + (0.0 if self.training else self.eps))"),
    ),
    _wrong(
        "eps_outside_in_eval",
        "eps",
        "in eval mode you add eps after the square root; it should be under it.",
        (
            NORMALISE,
            f"x_hat = (x - mean) / ({ROOT} if self.training else torch.sqrt(var) + self.eps)",
        ),
        shows="eval_parts/eps added after the root in eval mode",
        also="In train mode it is.",
    ),
    _wrong(
        "eps_squared",
        "eps",
        "you add eps² under the root; add eps.",
        (ROOT, "torch.sqrt(var + self.eps**2)"),
    ),
    _wrong(
        "eps_is_a_floor",
        "eps",
        "your eps is a lower bound of the variance; it should be added to the variance.",
        (ROOT, "torch.sqrt(var.clamp(min=self.eps))"),
        shows="train_parts/number that x − mean was divided by",
    ),
    _wrong(
        "eps_is_a_floor_of_the_root",
        "eps",
        "your eps is a lower bound of the standard deviation; it should be added to the variance.",
        (ROOT, "torch.sqrt(var).clamp(min=self.eps)"),
        shows="train_parts/number that x − mean was divided by",
    ),
    _wrong(
        "eps_twice",
        "eps",
        "you add eps twice, under the root and after it.",
        (ROOT, f"({ROOT} + self.eps)"),
        shows="train_parts/number that x − mean was divided by",
    ),
    _wrong(
        "eps_default",
        "eps",
        "the default of your eps is above 1e-5; it should be 1e-5.",
        ("eps: float = 1e-5", "eps: float = 1e-3"),
        shows="tiny/standard deviation 0.001: output",
    ),
    _wrong(
        "eps_default_small",
        "eps",
        "the default of your eps is below 1e-5; it should be 1e-5.",
        ("eps: float = 1e-5", "eps: float = 1e-8"),
        shows="tiny/standard deviation 0.001: output",
    ),
    _wrong(
        "eps_remembered",
        "eps",
        "your running_var takes in eps; eps should be added only where the root is taken.",
        (UNBIASED, f"{UNBIASED} + self.eps"),
        shows="settings/running_var",
    ),
)

MODES = (
    _wrong(
        "frozen_means_eval",
        "modes",
        "a layer whose gamma is frozen behaves like eval mode (as in Keras); self.training alone should be the mode.",
        (TRAIN, "if self.training and self.gamma.requires_grad:"),
        shows="grad_modes/statistics move in train mode with gamma and beta frozen (1 yes, 0 no)",
    ),
    _wrong(
        "stale_gamma_in_eval",
        "modes",
        "under no_grad your eval mode keeps a scale that it computed from an earlier gamma; compute it at each call.",
        (MOMENTUM, f"{MOMENTUM}\n        self.folded = None"),
        (
            RESULT,
            "if self.training or torch.is_grad_enabled():\n            return self.gamma * x_hat + self.beta\n"
            "        if self.folded is None:\n            self.folded = self.gamma.detach().clone()\n"
            "        return self.folded * x_hat + self.beta",
        ),
        shows="grad_modes/eval output under no_grad follows gamma (1 yes, 0 no)",
    ),
    _wrong(
        "reset_on_train",
        "modes",
        "train() sets your running statistics back to their start; switching the mode must not touch them.",
        (
            FORWARD,
            "def train(self, mode=True):\n        if mode:\n            self.running_mean.zero_()\n"
            f"            self.running_var.fill_(1.0)\n        return super().train(mode)\n\n    {FORWARD}",
        ),
        shows="switches/statistics stay when the mode is switched (1 yes, 0 no)",
    ),
    _wrong(
        "always_batch",
        "modes",
        "in eval mode you still use the statistics of the batch; use running_mean and running_var.",
        BATCH_IN_EVAL,
    ),
    _wrong(
        "batch_mean_in_eval",
        "modes",
        "in eval mode you subtract the mean of the batch; use running_mean.",
        (REMEMBERED, "mean, var = x.mean(dim=0), self.running_var"),
    ),
    _wrong(
        "batch_var_in_eval",
        "modes",
        "in eval mode you divide by the deviation of the batch; use running_var.",
        (REMEMBERED, "mean, var = self.running_mean, x.var(dim=0, correction=0)"),
    ),
    _wrong(
        "bessel_in_eval",
        "modes",
        "eval mode multiplies running_var by N/(N−1) of the test batch; correct the variance once, when you remember it.",
        (UNBIASED, "unbiased = var"),
        (REMEMBERED, "n = x.shape[0]\n            mean, var = self.running_mean, self.running_var * n / (n - 1)"),
        shows="eval_parts/variance that was used ÷ running_var in eval mode",
    ),
    _wrong(
        "batch_if_many_rows",
        "modes",
        "in eval mode you use the statistics of the batch whenever it has several rows; always use the running ones.",
        (TRAIN, "if self.training or len(x) > 1:"),
        shows="moves/did running_mean move in eval mode (1 yes, 0 no)",
    ),
    _wrong(
        "batch_before_training",
        "modes",
        "before any training your eval mode uses the batch; use the start values 0 and 1.",
        (
            NORMALISE,
            "if not self.training and (self.running_mean == 0).all() and (self.running_var == 1).all():\n"
            f"            mean, var = x.mean(dim=0), x.var(dim=0, correction=0)\n        {NORMALISE}",
        ),
        shows="fresh/eval output before any training",
    ),
    _wrong(
        "updates_in_eval",
        "modes",
        "your running statistics move in eval mode too; only train mode may move them.",
        (
            REMEMBERED,
            "mean = self.running_mean.clone()\n            var = self.running_var.clone()\n"
            "            self.running_mean.lerp_(x.mean(dim=0).detach(), self.momentum)\n"
            "            self.running_var.lerp_(x.var(dim=0).detach(), self.momentum)",
        ),
        shows="moves/did running_mean move in eval mode (1 yes, 0 no)",
    ),
    _wrong(
        "updates_only_in_eval",
        "modes",
        "your running statistics move in eval mode and not in train mode; it should be the other way round.",
        (MEAN, "pass"),
        (VAR, "pass"),
        (
            REMEMBERED,
            "mean = self.running_mean.clone()\n            var = self.running_var.clone()\n"
            "            self.running_mean.lerp_(x.mean(dim=0).detach(), self.momentum)\n"
            "            self.running_var.lerp_(x.var(dim=0).detach(), self.momentum)",
        ),
        shows="moves/did running_mean move in eval mode (1 yes, 0 no)",
    ),
    _wrong(
        "always_batch_and_updates",
        "modes",
        "your layer does in eval mode what it does in train mode; ask self.training, at every call.",
        (TRAIN, "if True:"),
    ),
    _wrong(
        "train_is_a_method",
        "modes",
        "`self.train` is a method and always true, so eval mode never comes; ask self.training.",
        (TRAIN, "if self.train:"),
    ),
    _wrong(
        "modes_exchanged",
        "modes",
        "your two modes are exchanged: train mode should use the batch, eval mode the running statistics.",
        (TRAIN, "if not self.training:"),
    ),
    _wrong(
        "running_in_train",
        "modes",
        "in train mode you normalise with the running statistics that the batch has just updated; use those of the batch.",
        (NORMALISE, f"mean, var = self.running_mean.clone(), self.running_var.clone()\n        {NORMALISE}"),
        shows="numbers/train output",
    ),
    _wrong(
        "old_running_in_train",
        "modes",
        "in train mode you normalise with the running statistics of before the batch; use those of the batch.",
        (UNBIASED, f"{UNBIASED}\n                old = self.running_mean.clone(), self.running_var.clone()"),
        (NORMALISE, f"mean, var = old if self.training else (mean, var)\n        {NORMALISE}"),
        shows="numbers/train output",
    ),
    _wrong(
        "running_mean_in_train",
        "modes",
        "in train mode you subtract running_mean; subtract the mean of the batch.",
        (NORMALISE, f"mean = self.running_mean.clone()\n        {NORMALISE}"),
        shows="numbers/train output",
    ),
    _wrong(
        "running_var_in_train",
        "modes",
        "in train mode you divide by the running deviation; divide by that of the batch.",
        (NORMALISE, f"var = self.running_var.clone()\n        {NORMALISE}"),
        shows="numbers/train output",
    ),
    _wrong(
        "eval_does_nothing",
        "modes",
        "in eval mode you return x as it is; normalise it with the running statistics.",
        (REMEMBERED, "return x"),
    ),
    _wrong(
        "own_flag",
        "modes",
        "your mode is a flag of your own that only your own eval() and train() set; a model around the layer sets self.training.",
        (EPS, f"{EPS}\n        self.learning = True"),
        (TRAIN, "if self.learning:"),
        (
            FORWARD,
            "def eval(self):\n        self.learning = False\n        return super().eval()\n\n    "
            "def train(self, mode=True):\n        self.learning = self.learning or mode\n"
            f"        return super().train(mode)\n\n    {FORWARD}",
        ),
        shows="switches/model.eval() works like layer.eval() (1 yes, 0 no)",
    ),
    _wrong(
        "mode_kept_from_start",
        "modes",
        "you look at the mode once, in __init__; read self.training at every call.",
        (EPS, f"{EPS}\n        self.learning = self.training"),
        (TRAIN, "if self.learning:"),
    ),
    _wrong(
        "train_returns_nothing",
        "modes",
        "your train() does not return the layer, so `layer.eval()` gives None; return self.",
        (FORWARD, f"def train(self, mode=True):\n        super().train(mode)\n\n    {FORWARD}"),
        shows="switches/eval() and train() return the layer (1 yes, 0 no)",
    ),
    _wrong(
        "mode_from_grad",
        "modes",
        "you take torch.is_grad_enabled() for the mode; self.training should be the mode.",
        (TRAIN, "if torch.is_grad_enabled():"),
        shows="grad_modes/train output is the same under no_grad (1 yes, 0 no)",
    ),
    _wrong(
        "mode_and_grad",
        "modes",
        "under no_grad your train mode behaves like eval mode; self.training alone should be the mode.",
        (TRAIN, "if self.training and torch.is_grad_enabled():"),
        shows="grad_modes/train output is the same under no_grad (1 yes, 0 no)",
    ),
    _wrong(
        "updates_if_output_needs_grad",
        "modes",
        "your running statistics move only where the output needs a gradient; in train mode they should move always.",
        (NO_GRAD, "if (x * self.gamma).requires_grad:\n              with torch.no_grad():"),
        (UNBIASED, f"  {UNBIASED}"),
        (MEAN, f"  {MEAN}"),
        (VAR, f"  {VAR}"),
        shows="grad_modes/statistics move in train mode with gamma and beta frozen (1 yes, 0 no)",
    ),
    _wrong(
        "no_update_under_no_grad",
        "modes",
        "under no_grad your train mode does not update the running statistics; re-estimating them needs just that.",
        ("with torch.no_grad():", "if torch.is_grad_enabled():\n              with torch.no_grad():"),
        (UNBIASED, f"  {UNBIASED}"),
        (MEAN, f"  {MEAN}"),
        (VAR, f"  {VAR}"),
        shows="grad_modes/statistics move in train mode under no_grad (1 yes, 0 no)",
    ),
)

AXES = (
    _wrong(
        "axis_guessed",
        "axis",
        "you find the feature axis by its size; a batch with as many rows as features is then turned. Rows are dim=0, always.",
        (TRAIN, f"turned = len(x) == self.gamma.numel()\n        x = x.t() if turned else x\n        {TRAIN}"),
        (RESULT, "y = self.gamma * x_hat + self.beta\n        return y.t() if turned else y"),
        shows="square/train output",
    ),
    _wrong(
        "rows",
        "axis",
        "you average over dim=1, the features of one row (that is layer normalization); average over dim=0.",
        (AVERAGE, "mean = x.mean(dim=1, keepdim=True)"),
        (VARIANCE, "var = ((x - mean) ** 2).mean(dim=1, keepdim=True)"),
        (MEAN, "self.running_mean += self.momentum * (mean.mean() - self.running_mean)"),
        (VAR, "self.running_var += self.momentum * (unbiased.mean() - self.running_var)"),
    ),
    _wrong(
        "rows_in_a_row",
        "axis",
        "you average over dim=1 and get one number for each row; average over dim=0 for one number for each feature.",
        (AVERAGE, "mean = x.mean(dim=1)"),
        (VARIANCE, "var = ((x - mean) ** 2).mean(dim=1)"),
        shows="square/train output",
    ),
    _wrong(
        "rows_kept",
        "axis",
        "you average over dim=1 with keepdim=True, so the statistics belong to rows; average over dim=0.",
        (AVERAGE, "mean = x.mean(dim=1, keepdim=True)"),
        (VARIANCE, "var = ((x - mean) ** 2).mean(dim=1, keepdim=True)"),
        (MEAN, "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean"),
        (VAR, "self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased"),
    ),
    _wrong(
        "whole",
        "axis",
        "you take one mean and one variance over the whole batch; take them for each feature, over dim=0.",
        (AVERAGE, "mean = x.mean()"),
        (VARIANCE, "var = ((x - mean) ** 2).mean()"),
    ),
    _wrong(
        "whole_mean",
        "axis",
        "you take one mean over the whole batch; take one for each feature, over dim=0.",
        (AVERAGE, "mean = x.mean()"),
    ),
    _wrong(
        "whole_variance",
        "axis",
        "you take one variance over the whole batch; take one for each feature, over dim=0.",
        (VARIANCE, "var = ((x - mean) ** 2).mean()"),
    ),
)

AFFINE = (
    _wrong(
        "gamma_plus_one_applied",
        "affine",
        "you multiply by 1 + gamma, and gamma already starts at 1; multiply by gamma.",
        (RESULT, "return (1 + self.gamma) * x_hat + self.beta"),
        shows="affine_parts/factor that gamma = (3, −0.5) puts on the train output",
    ),
    _wrong(
        "no_affine",
        "affine",
        "gamma and beta are not applied; return gamma · x̂ + beta.",
        (RESULT, "return x_hat"),
    ),
    _wrong(
        "no_gamma",
        "affine",
        "gamma is not applied; return gamma · x̂ + beta.",
        (RESULT, "return x_hat + self.beta"),
        shows="affine/factor that gamma = 2 puts on the output",
    ),
    _wrong(
        "beta_divided",
        "affine",
        "beta is divided by the root too; add it at the very end.",
        (NORMALISE, f"x_hat = self.gamma * (x - mean) + self.beta\n        return x_hat / {ROOT}"),
        shows="affine/number that beta = 5 adds to the output",
    ),
    _wrong(
        "no_beta",
        "affine",
        "beta is not applied; return gamma · x̂ + beta.",
        (RESULT, "return self.gamma * x_hat"),
        shows="affine/number that beta = 5 adds to the output",
    ),
    _wrong(
        "no_affine_in_eval",
        "affine",
        "eval mode does not apply gamma and beta; it should.",
        (RESULT, "return self.gamma * x_hat + self.beta if self.training else x_hat"),
        shows="affine_parts/factor that gamma = (3, −0.5) puts on the eval output",
        also="Train mode does.",
    ),
    _wrong(
        "affine_before",
        "affine",
        "gamma and beta act on x before it is normalised, so they cancel; they should act on x̂.",
        (TRAIN, f"x = self.gamma * x + self.beta\n        {TRAIN}"),
        (RESULT, "return x_hat"),
    ),
    _wrong(
        "affine_exchanged",
        "affine",
        "gamma and beta are exchanged: gamma should multiply, beta should be added.",
        (RESULT, "return self.beta * x_hat + self.gamma"),
    ),
    _wrong(
        "beta_inside",
        "affine",
        "beta is added before gamma multiplies; return gamma · x̂ + beta.",
        (RESULT, "return self.gamma * (x_hat + self.beta)"),
        shows="affine/number that beta = 5 adds to the output",
    ),
    _wrong(
        "beta_subtracted",
        "affine",
        "beta is subtracted; add it.",
        (RESULT, "return self.gamma * x_hat - self.beta"),
        shows="affine/number that beta = 5 adds to the output",
    ),
    _wrong(
        "divided_by_gamma",
        "affine",
        "you divide by gamma; multiply.",
        (RESULT, "return x_hat / self.gamma + self.beta"),
        shows="affine/factor that gamma = 2 puts on the output",
    ),
    _wrong(
        "one_plus_gamma",
        "affine",
        "your gamma starts at 0 and the output uses 1 + gamma; gamma should start at 1 and multiply.",
        (GAMMA, "nn.Parameter(torch.zeros(num_features) + 0)"),
        (RESULT, "return (1 + self.gamma) * x_hat + self.beta"),
        shows="fresh/gamma at the start",
    ),
    _wrong(
        "gamma_starts_at_zero",
        "affine",
        "your gamma starts at 0; it should start at 1.",
        (GAMMA, "nn.Parameter(torch.zeros(num_features) + 0)"),
        shows="fresh/gamma at the start",
    ),
    _wrong(
        "gamma_starts_elsewhere",
        "affine",
        "your gamma starts at another number than 1; it should start at 1.",
        (GAMMA, "nn.Parameter(torch.full((num_features,), 0.3))"),
        shows="fresh/gamma at the start",
    ),
    _wrong(
        "gamma_starts_random",
        "affine",
        "your gamma starts with random numbers; it should start at 1.",
        (GAMMA, "nn.Parameter(torch.rand(num_features))"),
        shows="fresh/gamma at the start",
    ),
    _wrong(
        "beta_starts_at_one",
        "affine",
        "your beta starts at 1; it should start at 0.",
        (BETA, "nn.Parameter(torch.ones(num_features) + 0)"),
        shows="fresh/beta at the start",
    ),
    _wrong(
        "affine_not_learnable",
        "affine",
        "gamma and beta are plain tensors; wrap them in nn.Parameter so that they get a gradient.",
        (GAMMA, "torch.ones(num_features)"),
        (BETA, "torch.zeros(num_features)"),
        shows=OF_GAMMA,
    ),
    _wrong(
        "affine_no_parameters_with_graph",
        "affine",
        "gamma and beta are tensors with requires_grad=True, but no nn.Parameter: no optimizer finds them, and state_dict leaves them out.",
        (GAMMA, "torch.ones(num_features, requires_grad=True)"),
        (BETA, "torch.zeros(num_features, requires_grad=True)"),
        shows=OF_GAMMA,
    ),
    _wrong(
        "affine_made_in_forward",
        "affine",
        "gamma and beta are made in the first forward; an optimizer made before it does not see them. Make them in __init__.",
        (f"self.gamma = {GAMMA}", "self.gamma = None"),
        (f"self.beta = {BETA}", "self.beta = None"),
        (
            RESULT,
            "if self.gamma is None:\n            self.gamma = nn.Parameter(torch.ones(x.shape[1], dtype=x.dtype))\n"
            f"            self.beta = nn.Parameter(torch.zeros(x.shape[1], dtype=x.dtype))\n        {RESULT}",
        ),
        shows="fresh",
    ),
    _wrong(
        "affine_made_at_each_call",
        "affine",
        "forward makes gamma and beta anew at each call, so nothing that they learn is kept; make them once, in __init__.",
        (
            RESULT,
            "self.gamma = nn.Parameter(torch.ones(x.shape[1], dtype=x.dtype))\n"
            f"        self.beta = nn.Parameter(torch.zeros(x.shape[1], dtype=x.dtype))\n        {RESULT}",
        ),
    ),
    _wrong(
        "affine_buffers",
        "affine",
        "gamma and beta are buffers; they are saved but no optimizer finds them. Make them nn.Parameter.",
        (f"self.gamma = {GAMMA}", 'self.register_buffer("gamma", torch.ones(num_features) + 0)'),
        (f"self.beta = {BETA}", 'self.register_buffer("beta", torch.zeros(num_features) + 0)'),
        shows=OF_GAMMA,
    ),
    _wrong(
        "affine_frozen",
        "affine",
        "gamma and beta have requires_grad=False, so they are never trained.",
        (GAMMA, "nn.Parameter(torch.ones(num_features), requires_grad=False)"),
        (BETA, "nn.Parameter(torch.zeros(num_features), requires_grad=False)"),
        shows=OF_GAMMA,
    ),
    _wrong(
        "affine_without_graph",
        "affine",
        "you use .data (or .detach()) of gamma and beta, so no gradient reaches them.",
        (RESULT, "return self.gamma.data * x_hat + self.beta.data"),
        shows=OF_GAMMA,
    ),
    _wrong(
        "gamma_without_graph",
        "affine",
        "you use .data (or .detach()) of gamma, so no gradient reaches it.",
        (RESULT, "return self.gamma.data * x_hat + self.beta"),
        shows=OF_GAMMA,
    ),
    _wrong(
        "beta_without_graph",
        "affine",
        "you use .data (or .detach()) of beta, so no gradient reaches it.",
        (RESULT, "return self.gamma * x_hat + self.beta.data"),
        shows=OF_BETA,
    ),
    _wrong(
        "sign_of_gamma_lost",
        "affine",
        "the sign of gamma is lost; multiply by gamma as it is.",
        (RESULT, "return self.gamma.abs() * x_hat + self.beta"),
        shows="affine_parts/factor that gamma = (3, −0.5) puts on the train output",
    ),
    _wrong(
        "one_gamma_for_all",
        "affine",
        "gamma and beta are one number for all features; make one for each feature, shape (C,).",
        (GAMMA, "nn.Parameter(torch.ones(1))"),
        (BETA, "nn.Parameter(torch.zeros(1))"),
        shows="fresh/gamma at the start",
    ),
    _wrong(
        "no_parameters",
        "affine",
        "the judge finds no `self.gamma` and `self.beta`: name them so (not weight and bias), or make them in __init__.",
        (f"self.gamma = {GAMMA}", "pass"),
        (f"self.beta = {BETA}", "pass"),
        (RESULT, "return x_hat"),
    ),
)

GRADIENTS = (
    _wrong(
        "detached",
        "gradient",
        "the batch mean and variance are cut out of the graph; the gradient must flow through them.",
        (NORMALISE, f"mean, var = mean.detach(), var.detach()\n        {NORMALISE}"),
    ),
    _wrong(
        "mean_detached",
        "gradient",
        "the batch mean is cut out of the graph; the gradient must flow through it.",
        (NORMALISE, f"mean = mean.detach()\n        {NORMALISE}"),
    ),
    _wrong(
        "var_detached",
        "gradient",
        "the batch variance is cut out of the graph; the gradient must flow through it.",
        (NORMALISE, f"var = var.detach()\n        {NORMALISE}"),
    ),
    _wrong(
        "forward_no_grad",
        "gradient",
        "x̂ is computed without a graph, so no gradient reaches the input.",
        (NORMALISE, f"x_hat = ((x - mean) / {ROOT}).detach()"),
    ),
    _wrong(
        "output_detached",
        "gradient",
        "the output is cut out of the graph, perhaps by a no_grad around it: no layer before it, and neither gamma nor beta, can learn.",
        (RESULT, "return (self.gamma * x_hat + self.beta).detach()"),
    ),
    _wrong(
        "eval_without_graph",
        "gradient",
        "eval mode runs without a graph; a frozen layer must still pass the gradient on.",
        (RESULT, f"if not self.training:\n            x_hat = x_hat.detach()\n        {RESULT}"),
        shows="eval_gradients/gradient of the input in eval mode",
    ),
    _wrong(
        "eval_no_grad",
        "gradient",
        "eval mode runs under no_grad; a frozen layer must still pass the gradient on, also to gamma and beta.",
        (
            RESULT,
            f"with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):\n            {RESULT}",
        ),
        shows="eval_gradients/gradient of the input in eval mode",
    ),
    _wrong(
        "straight_through",
        "gradient",
        "your gradient passes the normalisation as if it were not there; it should be scaled and centred.",
        (NORMALISE, f"x_hat = (x - mean) / {ROOT}\n        x_hat = x + (x_hat - x).detach()"),
    ),
    _wrong(
        "graph_in_buffers",
        "gradient",
        "your running statistics carry the graph of every past batch; update them under torch.no_grad() or from detached values.",
        (NO_GRAD, "if True:"),
        *REBOUND,
        shows="side_effects/does running_mean carry a graph (1 yes, 0 no)",
    ),
    _wrong(
        "graph_in_running_mean",
        "gradient",
        "your running_mean carries the graph of every past batch; use mean.detach().",
        (VAR, f"{VAR}\n            self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)"),
        (f"{MEAN}\n                ", ""),
        shows="side_effects/does running_mean carry a graph (1 yes, 0 no)",
        also="running_var does not.",
    ),
    _wrong(
        "graph_in_running_var",
        "gradient",
        "your running_var carries the graph of every past batch; use var.detach().",
        (UNBIASED, "pass"),
        (
            VAR,
            "pass\n            self.running_var = self.running_var + self.momentum * (var * n / (n - 1) - self.running_var)",
        ),
        shows="side_effects/does running_var carry a graph (1 yes, 0 no)",
        also="running_mean does not.",
    ),
    _wrong(
        "backward_without_mean",
        "gradient",
        "your backward pass lacks the term through the mean: dx also has − mean of dx̂.",
        ("d_hat - d_mean - d_var", "d_hat - d_var"),
        of=ByHand,
    ),
    _wrong(
        "backward_without_var",
        "gradient",
        "your backward pass lacks the term through the variance: dx also has − x̂ · mean of dx̂ · x̂.",
        ("d_hat - d_mean - d_var", "d_hat - d_mean"),
        of=ByHand,
    ),
    _wrong(
        "backward_sums",
        "gradient",
        "your backward pass takes sums over the batch; it should take means.",
        ("d_mean = d_hat.mean(0)", "d_mean = d_hat.sum(0)"),
        ("d_var = x_hat * (d_hat * x_hat).mean(0)", "d_var = x_hat * (d_hat * x_hat).sum(0)"),
        of=ByHand,
    ),
    _wrong(
        "backward_divided_by_n",
        "gradient",
        "your backward pass divides the gradient of the input by N once too often.",
        ("d_x = inverse *", "d_x = inverse / len(x_hat) *"),
        of=ByHand,
    ),
    _wrong(
        "backward_without_gamma",
        "gradient",
        "your backward pass forgets that dx̂ = dy · gamma.",
        ("d_hat = upstream * gamma", "d_hat = upstream"),
        of=ByHand,
    ),
    _wrong(
        "gamma_gradient_without_x_hat",
        "gradient",
        "your gradient of gamma is Σ dy; it should be Σ dy · x̂.",
        ("(upstream * x_hat).sum(0)", "upstream.sum(0)"),
        of=ByHand,
        shows=OF_GAMMA,
    ),
    _wrong(
        "affine_gradient_averaged",
        "gradient",
        "your gradients of gamma and beta are means over the batch; they should be sums.",
        ("d_gamma = (upstream * x_hat).sum(0)", "d_gamma = (upstream * x_hat).mean(0)"),
        ("d_beta = upstream.sum(0)", "d_beta = upstream.mean(0)"),
        of=ByHand,
        shows=OF_GAMMA,
    ),
    _wrong(
        "backward_divides_by_gamma",
        "gradient",
        "your backward pass gets x̂ back by dividing by gamma, which fails where gamma is 0; keep x̂.",
        (
            "ctx.save_for_backward(x_hat, gamma, inverse)",
            "ctx.save_for_backward(gamma * x_hat / gamma, gamma, inverse)",
        ),
        of=ByHand,
        shows="slopes/gradient of gamma is the same where gamma is 0 (1 yes, 0 no)",
    ),
    _wrong(
        "backward_kept_on_self",
        "gradient",
        "your backward pass reads what the layer kept of its last call; a second call in the same graph overwrites it. Use ctx.",
        ("ctx.save_for_backward(x_hat, gamma, inverse)", "ctx.layer, layer.kept = layer, (x_hat, gamma, inverse)"),
        ("ctx.saved_tensors", "ctx.layer.kept"),
        of=ByHand,
        shows="twice/gradient of the first batch",
    ),
)

BUFFERS = (
    _wrong(
        "old_tensors_updated",
        "buffers",
        "you update the tensors that were the buffers in __init__; .double() and .to() put others in their place. Use self.running_mean.",
        (VAR_BUFFER, f"{VAR_BUFFER}\n        self.held = [self.running_mean, self.running_var]"),
        (MEAN, "self.held[0] += self.momentum * (mean - self.held[0])"),
        (VAR, "self.held[1] += self.momentum * (unbiased - self.held[1])"),
        shows="precision/float64 statistics move like the float32 ones (1 yes, 0 no)",
    ),
    _wrong(
        "copy_forgets",
        "buffers",
        "your __deepcopy__ forgets eps, momentum or the mode; leave copying to copy.deepcopy.",
        (
            FORWARD,
            "def __deepcopy__(self, memo):\n        new = type(self)(self.gamma.numel())\n"
            f"        new.load_state_dict(self.state_dict())\n        return new\n\n    {FORWARD}",
        ),
        shows="copied/a copy trains like the original (1 yes, 0 no)",
    ),
    _wrong(
        "not_buffers",
        "buffers",
        "your running statistics are plain attributes; register_buffer keeps them in state_dict and moves them with .to().",
        *PLAIN_BUFFERS,
        shows="saved/running_mean is a buffer (1 yes, 0 no)",
    ),
    _wrong(
        "not_buffers_rebound",
        "buffers",
        "your running statistics are plain attributes that forward binds anew; register_buffer in __init__ keeps them in state_dict "
        "and moves them with .to().",
        *PLAIN_BUFFERS,
        *REBOUND,
        shows="saved/running_mean is a buffer (1 yes, 0 no)",
    ),
    _wrong(
        "list_statistics",
        "buffers",
        "your running statistics are Python lists; make them tensors with register_buffer.",
        (MEAN_BUFFER, "self.running_mean = [0.0] * num_features"),
        (VAR_BUFFER, "self.running_var = [1.0] * num_features"),
        (MEAN, "self.running_mean = [r + self.momentum * (m.item() - r) for r, m in zip(self.running_mean, mean)]"),
        (VAR, "self.running_var = [r + self.momentum * (v.item() - r) for r, v in zip(self.running_var, unbiased)]"),
        (REMEMBERED, "mean, var = torch.tensor(self.running_mean), torch.tensor(self.running_var)"),
        shows="numbers",
    ),
    _wrong(
        "numpy_statistics",
        "buffers",
        "your running statistics are NumPy arrays; make them tensors with register_buffer.",
        (MEAN_BUFFER, "self.running_mean = torch.zeros(num_features).numpy()"),
        (VAR_BUFFER, "self.running_var = torch.ones(num_features).numpy()"),
        (MEAN, "self.running_mean += self.momentum * (mean.detach().numpy() - self.running_mean)"),
        (VAR, "self.running_var += self.momentum * (unbiased.detach().numpy() - self.running_var)"),
        (REMEMBERED, "mean, var = torch.from_numpy(self.running_mean), torch.from_numpy(self.running_var)"),
        shows="numbers",
    ),
    _wrong(
        "mean_not_a_buffer",
        "buffers",
        "running_mean is a plain attribute; register it as a buffer.",
        (MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
        shows="saved/running_mean in state_dict (1 yes, 0 no)",
        also="running_var is one.",
    ),
    _wrong(
        "var_not_a_buffer",
        "buffers",
        "running_var is a plain attribute; register it as a buffer.",
        (VAR_BUFFER, "self.running_var = torch.ones(num_features)"),
        shows="saved/running_var in state_dict (1 yes, 0 no)",
        also="running_mean is one.",
    ),
    _wrong(
        "not_persistent",
        "buffers",
        "your buffers have persistent=False, so state_dict leaves them out.",
        (MEAN_BUFFER, MEAN_BUFFER[:-1] + ", persistent=False)"),
        (VAR_BUFFER, VAR_BUFFER[:-1] + ", persistent=False)"),
        shows="saved/running_mean in state_dict (1 yes, 0 no)",
    ),
    _wrong(
        "statistics_are_parameters",
        "buffers",
        "your running statistics are parameters, so an optimizer would train them; they should be buffers.",
        (MEAN_BUFFER, "self.running_mean = nn.Parameter(torch.zeros(num_features))"),
        (VAR_BUFFER, "self.running_var = nn.Parameter(torch.ones(num_features))"),
        shows="saved/running statistics among the parameters",
    ),
    _wrong(
        "statistics_are_frozen_parameters",
        "buffers",
        "your running statistics are parameters without gradient; they should be buffers.",
        (MEAN_BUFFER, "self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)"),
        (VAR_BUFFER, "self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)"),
        shows="saved/running statistics among the parameters",
    ),
    _wrong(
        "buffer_replaced_by_attribute",
        "buffers",
        "forward deletes the buffers and sets plain attributes in their place; after training nothing is saved.",
        (
            MEAN,
            "new = self.running_mean + self.momentum * (mean - self.running_mean)\n"
            "                del self.running_mean\n"
            "                self.running_mean = new",
        ),
        (
            VAR,
            "new = self.running_var + self.momentum * (unbiased - self.running_var)\n"
            "                del self.running_var\n"
            "                self.running_var = new",
        ),
        shows="saved/running_mean in state_dict (1 yes, 0 no)",
    ),
    _wrong(
        "shared_by_all",
        "buffers",
        "all layers share one running_mean and one running_var, which belong to the class; make them in __init__.",
        (FORWARD, f"shared = __import__('weakref').WeakValueDictionary()\n\n    {FORWARD}"),
        (
            MEAN_BUFFER,
            'self.register_buffer("running_mean", self.shared.setdefault(("mean", num_features), torch.zeros(num_features)))',
        ),
        (
            VAR_BUFFER,
            'self.register_buffer("running_var", self.shared.setdefault(("var", num_features), torch.ones(num_features)))',
        ),
        shows="side_effects/did another layer's statistics move (1 yes, 0 no)",
    ),
    _wrong(
        "no_statistics",
        "buffers",
        "the layer has no running_mean and no running_var, so eval mode has nothing to use; make them in __init__ with register_buffer.",
        (MEAN_BUFFER, "pass"),
        (VAR_BUFFER, "pass"),
        (MEAN, "pass"),
        (VAR, "pass"),
        BATCH_IN_EVAL,
        shows="numbers",
    ),
)

NUMERICS = (
    _wrong(
        "clipped_far_out",
        "numerics",
        "you clip normalised values that are far out; the output should have no bounds.",
        (NORMALISE, f"x_hat = ((x - mean) / {ROOT}).clamp(-10, 10)"),
        shows="changing/600 rows, one of them far out: output = a · x + b for each feature (1 yes, 0 no)",
    ),
    _wrong(
        "single_pass_to_remember",
        "numerics",
        "the variance that you remember is E[x²] − E[x]², which loses all digits when the mean is large; subtract the mean first.",
        (UNBIASED, "unbiased = ((x * x).mean(dim=0) - mean * mean) * n / (n - 1)"),
        shows="far/adding 10,000 to the input changes running_var by less than 1 % (1 yes, 0 no)",
        also="The one that you normalise with is right.",
    ),
    _wrong(
        "single_pass",
        "numerics",
        "your variance is E[x²] − E[x]², which loses all digits when the mean is large; subtract the mean first.",
        (VARIANCE, "var = (x * x).mean(dim=0) - mean * mean"),
        shows="far/adding 10,000 to the input changes the output by less than 0.05 (1 yes, 0 no)",
    ),
    _wrong(
        "half_precision",
        "numerics",
        "you round to 16 bits inside; compute in the dtype of x.",
        (AVERAGE, "mean = x.to(torch.bfloat16).mean(dim=0).to(x.dtype)"),
        shows="precision/float64 output right to 9 digits (1 yes, 0 no)",
    ),
    _wrong(
        "nan_hidden",
        "numerics",
        "you replace NaN by numbers; a broken input should show in the output.",
        (RESULT, "return self.gamma * torch.nan_to_num(x_hat) + self.beta"),
        shows="nan/the feature with a NaN shows it (1 yes, 0 no)",
    ),
    _wrong(
        "nan_switches_off",
        "numerics",
        "a batch with one NaN is returned as it is, so one NaN switches the layer off for all features; only its own feature should show it.",
        (TRAIN, f"if torch.isnan(x).any():\n            return x\n        {TRAIN}"),
        shows="nan/other features stay free of it (1 yes, 0 no)",
    ),
    _wrong(
        "matrix_of_gamma",
        "numerics",
        "you scale by a matrix product; 0 · NaN is NaN, so one bad feature spoils all. Multiply elementwise.",
        (RESULT, "return x_hat @ torch.diag(self.gamma) + self.beta"),
        shows="nan/other features stay free of it (1 yes, 0 no)",
    ),
    _wrong(
        "small_deviation_skipped",
        "numerics",
        "features with a very small variance are not scaled; the formula holds for them too.",
        (ROOT, "torch.sqrt(torch.where(var < 1e-5, torch.ones_like(var), var) + self.eps)"),
        shows="tiny/standard deviation 0.001: output",
    ),
    _wrong(
        "clipped",
        "numerics",
        "you clip the normalised values; the output should have no bounds.",
        (NORMALISE, f"x_hat = ((x - mean) / {ROOT}).clamp(-3, 3)"),
        shows="eval_parts/output = a · x + b for each feature in eval mode (1 yes, 0 no)",
    ),
    _wrong(
        "float32_inside",
        "dtype",
        "you compute in float32 whatever comes in (.float()): float64 loses digits and other dtypes come back as float32.",
        (TRAIN, f"x = x.float()\n        {TRAIN}"),
        shows="precision/float64 output right to 9 digits (1 yes, 0 no)",
    ),
    _wrong(
        "float32_and_back",
        "dtype",
        "you compute in float32 and cast back: float64 input loses half of its digits.",
        (TRAIN, f"x, dtype = x.float(), x.dtype\n        {TRAIN}"),
        (RESULT, "return (self.gamma * x_hat + self.beta).to(dtype)"),
        shows="precision/float64 output right to 9 digits (1 yes, 0 no)",
    ),
    _wrong(
        "float32_output",
        "dtype",
        "you turn the output into float32 whatever comes in; the output should have the dtype of x.",
        (RESULT, f"{RESULT.replace('return ', 'return (')}).float()"),
        shows="precision/float64 output dtype kept (1 yes, 0 no)",
    ),
    _wrong(
        "float64_output",
        "dtype",
        "you compute in float64 and return float64; the output should have the dtype of x.",
        (TRAIN, f"x = x.double()\n        {TRAIN}"),
        shows="precision/float32 output dtype kept (1 yes, 0 no)",
    ),
    _wrong(
        "float64_statistics",
        "dtype",
        "your running statistics become float64; they should keep the dtype of the layer.",
        (MEAN, "self.running_mean = (self.running_mean + self.momentum * (mean - self.running_mean)).double()"),
        (VAR, "self.running_var = (self.running_var + self.momentum * (unbiased - self.running_var)).double()"),
        (RESULT, "return (self.gamma * x_hat + self.beta).to(x.dtype)"),
        shows="precision/running statistics stay float32 (1 yes, 0 no)",
    ),
    _wrong(
        "one_row_refused_in_eval",
        "one row",
        "you refuse one row in eval mode; there the running statistics are enough.",
        (TRAIN, f'if x.shape[0] < 2:\n            raise ValueError("one row")\n        {TRAIN}'),
        shows="neighbours/one row is refused in eval mode (1 yes, 0 no)",
    ),
    _wrong(
        "two_rows_refused",
        "one row",
        "you refuse a batch of two rows; two rows have a variance.",
        ("if n < 2:", "if n <= 2:"),
        shows="two_rows",
    ),
    _wrong(
        "one_row_switches_mode",
        "one row",
        "one row in train mode switches your layer to eval mode for good; raise ValueError, or skip that one batch.",
        ('raise ValueError("batch statistics need at least 2 rows in train mode, got 1")', "return self.eval()(x)"),
        shows="one_row/the layer is still in train mode (1 yes, 0 no)",
    ),
    _wrong(
        "one_row_nan",
        "one row",
        "with one row n − 1 is 0, so running_var becomes NaN in silence; raise ValueError as torch does, or skip the update.",
        (GUARD, "if n < 1:"),
        shows="one_row/was NaN written into the running statistics (1 yes, 0 no)",
    ),
    _wrong(
        "one_row_shrinks",
        "one row",
        "one row has no variance, yet it moves your running_var towards 0; raise ValueError as torch does, or skip the update.",
        (GUARD, "if n < 1:"),
        (UNBIASED, "unbiased = var * n / max(n - 1, 1)"),
        shows="one_row/did one row, which has no variance, move running_var (1 yes, 0 no)",
    ),
    _wrong(
        "one_row_refused_too_late",
        "one row",
        "with one row running_mean has already moved when your code stops with the error; refuse the row before anything is stored.",
        (GUARD, "if n < 1:"),
        (f"{UNBIASED}\n                {MEAN}", f"{MEAN}\n                unbiased = var * (n / (n - 1))"),
        shows="one_row/had the statistics moved before the row was refused (1 yes, 0 no)",
    ),
)

SIDE_EFFECTS = (
    _wrong(
        "last_answer_again",
        "side effects",
        "you keep the last answer and give it again for the same tensor; its numbers may have changed.",
        (MOMENTUM, f"{MOMENTUM}\n        self.kept = None, None"),
        (TRAIN, f"if self.kept[0] is x:\n            return self.kept[1]\n        {TRAIN}"),
        (RESULT, "y = self.gamma * x_hat + self.beta\n        self.kept = x, y.detach()\n        return y"),
        shows="side_effects/was an old output given for new numbers in the same tensor (1 yes, 0 no)",
    ),
    _wrong(
        "grad_mode_forced_on",
        "side effects",
        "forward switches gradients on again for a caller that had them off; use `with torch.no_grad():`.",
        (RESULT, "torch.set_grad_enabled(True)\n        return self.gamma * x_hat + self.beta"),
        shows="grad_modes/gradients are still off after a step under no_grad (1 yes, 0 no)",
    ),
    _wrong(
        "seeded_in_init",
        "side effects",
        "your constructor sets the global random seed; every layer that is built after it then starts the same.",
        (EPS, f"torch.manual_seed(0)\n        {EPS}"),
        shows="global_state/random state changed when the layer was built (1 yes, 0 no)",
    ),
    _wrong(
        "changes_input",
        "side effects",
        "you change the caller's tensor in place; work on a copy.",
        (
            NORMALISE,
            f"if not x.requires_grad:\n            x -= mean\n            mean = 0 * mean\n        {NORMALISE}",
        ),
        shows="side_effects/was the caller's input changed (1 yes, 0 no)",
    ),
    _wrong(
        "changes_input_always",
        "side effects",
        "you write into x (x -= mean): the caller's batch changes, and autograd stops where x needs a gradient; compute x − mean into a new tensor.",
        (NORMALISE, f"x -= mean\n        x_hat = x / {ROOT}"),
        shows="gradients",
    ),
    _wrong(
        "changes_input_in_eval",
        "side effects",
        "in eval mode you change the caller's tensor in place; work on a copy.",
        (
            NORMALISE,
            f"if not self.training and not x.requires_grad:\n            x -= mean\n            mean = 0 * mean\n        {NORMALISE}",
        ),
        shows="side_effects/was the caller's input changed (1 yes, 0 no)",
    ),
    _wrong(
        "output_reused",
        "side effects",
        "you write every result into the same tensor, so the next call changes the last result.",
        (EPS, f"{EPS}\n        self.result = None"),
        (
            RESULT,
            "y = self.gamma * x_hat + self.beta\n"
            "        if self.result is None or self.result.shape != y.shape or self.result.dtype != y.dtype:\n"
            "            self.result = torch.empty_like(y)\n"
            "        self.result = self.result.detach().copy_(y)\n"
            "        return self.result",
        ),
        shows="side_effects/was the first output changed by the next call (1 yes, 0 no)",
    ),
    _wrong(
        "history_kept",
        "side effects",
        "you keep a tensor of every batch in a list; memory grows with every step.",
        (EPS, f"{EPS}\n        self.history = []"),
        (MEAN, f"{MEAN}\n                self.history.append(mean.detach())"),
        shows="memory/the layer holds more tensors after 100 steps than after 10 (1 yes, 0 no)",
    ),
    _wrong(
        "graph_kept_on_self",
        "side effects",
        "you keep x̂ with its graph on the layer; copy.deepcopy then fails. Keep x̂.detach(), or nothing.",
        (RESULT, f"self.x_hat = x_hat\n        {RESULT}"),
        shows="copied",
    ),
    _wrong(
        "seeded",
        "side effects",
        "forward sets the global random seed; every dropout mask after it is then the same.",
        (TRAIN, f"torch.manual_seed(0)\n        {TRAIN}"),
        shows="global_state/random state changed (1 yes, 0 no)",
    ),
    _wrong(
        "noise_drawn",
        "side effects",
        "forward draws random numbers; the layer should be deterministic.",
        (TRAIN, f"torch.rand(1)\n        {TRAIN}"),
        shows="global_state/random state changed (1 yes, 0 no)",
    ),
    _wrong(
        "grad_mode_left_off",
        "side effects",
        "forward switches gradients off for the whole program; use `with torch.no_grad():`.",
        (RESULT, "y = self.gamma * x_hat + self.beta\n        torch.set_grad_enabled(False)\n        return y"),
        shows="global_state/grad mode changed (1 yes, 0 no)",
    ),
    _wrong(
        "upstream_changed",
        "side effects",
        "your backward pass changes the upstream gradient in place; other layers may still need it.",
        ("d_hat = upstream * gamma", "d_hat = upstream.mul_(gamma)"),
        of=ByHand,
        shows="side_effects/was the upstream gradient changed (1 yes, 0 no)",
    ),
    _wrong(
        "gamma_drifts",
        "side effects",
        "forward changes gamma itself; only an optimizer should.",
        (RESULT, f"self.gamma.data.clamp_(max=1.0).mul_(0.99)\n        {RESULT}"),
        shows="side_effects/were gamma or beta changed (1 yes, 0 no)",
    ),
)

SHAPES = (
    _wrong(
        "row_shape",
        "shape",
        "your four tensors have shape (1, C); they should have shape (C,), as torch's, or neither loads the other's state.",
        (GAMMA, "nn.Parameter(torch.ones(1, num_features))"),
        (BETA, "nn.Parameter(torch.zeros(1, num_features))"),
        (MEAN_BUFFER, 'self.register_buffer("running_mean", torch.zeros(1, num_features))'),
        (VAR_BUFFER, 'self.register_buffer("running_var", torch.ones(1, num_features))'),
        shows="saved/gamma and beta have shape (C,) (1 yes, 0 no)",
    ),
    _wrong(
        "row_statistics",
        "shape",
        "your running statistics have shape (1, C); they should have shape (C,), as torch's, or neither loads the other's state.",
        (MEAN_BUFFER, 'self.register_buffer("running_mean", torch.zeros(1, num_features))'),
        (VAR_BUFFER, 'self.register_buffer("running_var", torch.ones(1, num_features))'),
        shows="saved/running statistics have shape (C,) (1 yes, 0 no)",
    ),
    _wrong(
        "statistics_change_shape",
        "shape",
        "your running statistics change shape in training, from (C,) to (1, C); drop keepdim=True.",
        (AVERAGE, "mean = x.mean(dim=0, keepdim=True)"),
        (VARIANCE, "var = ((x - mean) ** 2).mean(dim=0, keepdim=True)"),
        (MEAN, "self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)"),
        (VAR, "self.running_var = self.running_var + self.momentum * (unbiased - self.running_var)"),
        shows="saved/running statistics have shape (C,) (1 yes, 0 no)",
    ),
    _wrong(
        "squeezed",
        "shape",
        "you squeeze the output: a batch of one feature loses a dimension.",
        (RESULT, "return (self.gamma * x_hat + self.beta).squeeze(-1)"),
        shows="one_feature/train output",
    ),
    _wrong(
        "viewed",
        "shape",
        "you flatten with view, which fails for an input that is not contiguous; average over dim=0.",
        (AVERAGE, "mean = torch.stack([x.view(-1)[j :: x.shape[1]].mean() for j in range(x.shape[1])])"),
        shows="layout",
    ),
    _wrong(
        "folded_to_width",
        "shape",
        "you reshape the batch to (−1, C): a batch of another width is mixed up in silence.",
        (TRAIN, f"shape, x = x.shape, x.reshape(-1, self.gamma.numel())\n        {TRAIN}"),
        (RESULT, "return (self.gamma * x_hat + self.beta).reshape(shape)"),
        shows="wrong_width/3 columns in a layer of 4 were mixed or filled up (1 yes, 0 no)",
    ),
    _wrong(
        "lazy_width",
        "shape",
        "your running statistics take the width of whatever batch comes first; they should have num_features numbers from the start.",
        (MEAN_BUFFER, 'self.register_buffer("running_mean", torch.zeros(1))'),
        (VAR_BUFFER, 'self.register_buffer("running_var", torch.ones(1))'),
        (MEAN, "self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)"),
        (VAR, "self.running_var = self.running_var + self.momentum * (unbiased - self.running_var)"),
        shows="fresh/running_mean at the start",
    ),
    _wrong(
        "transposed",
        "shape",
        "your output is transposed; it should have the shape of x.",
        (RESULT, "return (self.gamma * x_hat + self.beta).t()"),
        shows="numbers/train output",
    ),
    _wrong(
        "returns_tuple",
        "shape",
        "forward returns several things; it should return one tensor.",
        (RESULT, "return self.gamma * x_hat + self.beta, mean, var"),
    ),
    _wrong(
        "no_return",
        "shape",
        "forward does not return its result; it should end with a return.",
        (RESULT, "y = self.gamma * x_hat + self.beta"),
    ),
)

NAMES = (
    _wrong(
        "moving_names",
        "names",
        "your running statistics are called moving_mean and moving_var; the judge looks for running_mean and running_var.",
        (MEAN_BUFFER, MEAN_BUFFER.replace("running", "moving")),
        (VAR_BUFFER, VAR_BUFFER.replace("running", "moving")),
        (MEAN, MEAN.replace("running", "moving")),
        (VAR, VAR.replace("running", "moving")),
        (REMEMBERED, REMEMBERED.replace("running", "moving")),
    ),
    _wrong(
        "epsilon_for_eps",
        "names",
        "your constructor has no argument eps; it should be called eps (not epsilon) and come second.",
        ("eps: float = 1e-5", "epsilon: float = 1e-5"),
        (EPS, "self.eps = epsilon"),
    ),
    _wrong(
        "plain_class",
        "names",
        "your class does not inherit from nn.Module, so it has no eval(), no parameters() and no state_dict(); "
        "write `class BatchNorm1d(nn.Module):` and begin __init__ with super().__init__().",
        ("class BatchNorm1d(nn.Module):", "class BatchNorm1d:"),
        ("super().__init__()", "self.training = True"),
        *PLAIN_BUFFERS,
        (FORWARD, "def __call__(self, x: torch.Tensor) -> torch.Tensor:"),
    ),
    Suspect(
        "book_layer",
        "names",
        "this is a book's layer as it stands: first call its statistics running_mean and running_var, register them as buffers of shape (C,), "
        "and take eps and momentum from the constructor; then self.training is the mode, and momentum the share of the new batch.",
        BookLayer,
    ),
    Suspect(
        "lecture_layer",
        "names",
        "this is a lecture's plain class as it stands: first inherit from nn.Module; then gamma and beta should be nn.Parameter, the "
        "statistics buffers of shape (C,), and the batch normalised with the biased variance.",
        LectureLayer,
    ),
)

DELEGATION = (
    _wrong(
        "functional_called",
        "delegation",
        "you call the library's batch norm; write the mean, the variance and the update yourself.",
        (
            NORMALISE,
            "if True:\n            return nn.functional.batch_norm(\n"
            "                x, self.running_mean.clone(), self.running_var.clone(), self.gamma, self.beta, self.training, 0.0, self.eps\n"
            f"            )\n        {NORMALISE}",
        ),
        shows="own_work/a batch norm of the library was called (1 yes, 0 no)",
    ),
)

_SINGLE = (
    *VARIANCES,
    *RUNNING,
    *EPSILON,
    *MODES,
    *AXES,
    *AFFINE,
    *GRADIENTS,
    *BUFFERS,
    *NUMERICS,
    *SIDE_EFFECTS,
    *SHAPES,
    *NAMES,
    *DELEGATION,
)


def _both(first: str, second: str, *edits: Edit) -> Suspect:
    """Two single mistakes in one layer; ``edits`` where those of the two do not fit together."""
    a, b = (next(s for s in _SINGLE if s.id == id) for id in (first, second))
    layer = variant(BatchNorm1d, *(edits or (*_EDITS[first], *_EDITS[second])))
    return Suspect(f"{first}+{second}", f"{a.category} and {b.category}", f"{a.title} And: {b.title}", layer, a.shows)


# What first drafts are made of, two by two.
TOGETHER = {
    "biased_running_var": (
        "momentum_swapped",
        "momentum_keras",
        "momentum_fixed",
        "eps_outside",
        "eps_fixed",
        "detached",
        "always_batch",
        "always_batch_and_updates",
        "mode_from_grad",
        "single_pass",
        "graph_in_buffers",
        "not_buffers_rebound",
        "row_statistics",
    ),
    "unbiased_normalisation": (
        "momentum_swapped",
        "momentum_fixed",
        "eps_outside",
        "eps_fixed",
        "detached",
        "always_batch",
        "always_batch_and_updates",
        "never_updates",
        "mode_from_grad",
        "graph_in_buffers",
        "not_buffers_rebound",
        "one_row_nan",
    ),
    "graph_in_buffers": (
        "momentum_swapped",
        "momentum_fixed",
        "eps_outside",
        "eps_fixed",
        "always_batch_and_updates",
        "running_in_train",
        "unbiased_twice",
        "one_row_nan",
    ),
    "one_row_nan": (
        "momentum_swapped",
        "momentum_fixed",
        "eps_outside",
        "eps_fixed",
        "always_batch_and_updates",
        "unbiased_twice",
        "not_buffers_rebound",
    ),
    "momentum_swapped": ("eps_outside", "eps_fixed", "detached", "not_buffers_rebound"),
    "never_updates": ("always_batch",),
    "not_buffers": ("affine_not_learnable",),
    "eps_fixed": ("momentum_fixed",),
}
COMBINED = (
    *(_both(first, second) for first, others in TOGETHER.items() for second in others),
    _both("biased_running_var", "one_row_shrinks", (GUARD, "if n < 1:"), (UNBIASED, "unbiased = var")),
)

SUSPECTS = (*_SINGLE, *COMBINED)
