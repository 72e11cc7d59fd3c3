"""Reference and suspects of the layer that notebook 02 builds."""

from __future__ import annotations

import torch
from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.suspects import variant


class BatchNorm1d(nn.Module):
    """Batch normalization of an (N, C) batch, as in Ioffe & Szegedy (2015), Algorithms 1 and 2.

    num_features: C.  eps: added to the variance under the root.  momentum: share of the new batch in the running
    statistics, as in PyTorch.
    Learnable: gamma (C,), starts at 1; beta (C,), starts at 0.
    Buffers: running_mean (C,), starts at 0; running_var (C,), starts at 1.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.eps = eps
        self.momentum = momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns (N, C), same dtype.  In train mode N = 1 raises ValueError."""
        ### BEGIN SOLUTION
        if self.training:
            n = x.shape[0]
            if n < 2:
                raise ValueError("batch statistics need at least 2 rows in train mode, got 1")
            mean = x.mean(dim=0)
            var = ((x - mean) ** 2).mean(dim=0)
            with torch.no_grad():
                unbiased = var * n / (n - 1)
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (unbiased - self.running_var)
        else:
            mean = self.running_mean
            var = self.running_var
        x_hat = (x - mean) / torch.sqrt(var + self.eps)
        return self.gamma * x_hat + self.beta
        ### END SOLUTION


_NORMALISE = "x_hat = (x - mean) / torch.sqrt(var + self.eps)"
_MEAN = "self.running_mean += self.momentum * (mean - self.running_mean)"
_VAR = "self.running_var += self.momentum * (unbiased - self.running_var)"
_VARIANCE = "var = ((x - mean) ** 2).mean(dim=0)"


_SHOWS = {
    "variance": "numbers/train output",
    "affine": "affine/mean of each feature",
    "eps": "settings/train output after 5 steps",
    "gradient": "gradients/gradient of the input",
    "running_mean": "numbers/running_mean",
    "running_var": "numbers/running_var",
    "modes": "numbers/eval output",
}


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "") -> Suspect:
    return Suspect(id, category, title, variant(BatchNorm1d, *edits), _SHOWS.get(shows or category, ""))


_SUSPECTS = (
    _suspect(
        "biased_running_var",
        "running statistics",
        "your running_var moves by the biased variance (÷N); torch moves it by the unbiased one (÷(N−1)).",
        ("unbiased = var * n / (n - 1)", "unbiased = var"),
        shows="running_var",
    ),
    _suspect(
        "unbiased_normalisation",
        "variance",
        "you normalise with the unbiased variance (÷(N−1), the default of x.var); the batch itself is normalised with ÷N.",
        (_VARIANCE, "var = x.var(dim=0)"),
        ("unbiased = var * n / (n - 1)", "unbiased = var"),
    ),
    _suspect(
        "unbiased_twice",
        "variance",
        "your variance is already unbiased, and the running update corrects it a second time.",
        (_VARIANCE, "var = x.var(dim=0)"),
        shows="running_var",
    ),
    _suspect(
        "momentum_swapped",
        "running statistics",
        "your momentum is the other way round: torch keeps 1 − momentum of the old value and adds momentum of the new (Keras does the opposite).",
        (_MEAN, "self.running_mean += (1 - self.momentum) * (mean - self.running_mean)"),
        (_VAR, "self.running_var += (1 - self.momentum) * (unbiased - self.running_var)"),
        shows="running_mean",
    ),
    _suspect(
        "always_batch",
        "modes",
        "in eval mode you still use the statistics of the batch; use running_mean and running_var.",
        (
            "mean = self.running_mean\n            var = self.running_var",
            "mean = x.mean(dim=0)\n            var = ((x - mean) ** 2).mean(dim=0)",
        ),
    ),
    _suspect(
        "updates_in_eval",
        "modes",
        "your running statistics move in eval mode too; only train mode may move them.",
        (
            "mean = self.running_mean\n            var = self.running_var",
            "mean = self.running_mean.clone()\n            var = self.running_var.clone()\n"
            "            self.running_mean.lerp_(x.mean(dim=0).detach(), self.momentum)\n"
            "            self.running_var.lerp_(x.var(dim=0).detach(), self.momentum)",
        ),
        shows="-",
    ),
    _suspect(
        "never_updates",
        "running statistics",
        "your running statistics never move; train mode must update them.",
        (_MEAN, "pass"),
        (_VAR, "pass"),
        shows="running_mean",
    ),
    _suspect(
        "mean_not_updated",
        "running statistics",
        "your running_mean never moves; only running_var does.",
        (_MEAN, "pass"),
        shows="running_mean",
    ),
    _suspect(
        "var_not_updated",
        "running statistics",
        "your running_var never moves; only running_mean does.",
        (_VAR, "pass"),
        shows="running_var",
    ),
    _suspect(
        "running_in_train",
        "modes",
        "in train mode you normalise with the running statistics; use those of the batch.",
        (
            _NORMALISE,
            "mean, var = self.running_mean.clone(), self.running_var.clone()\n        " + _NORMALISE,
        ),
    ),
    _suspect(
        "eps_outside",
        "eps",
        "you add eps after the square root: √σ² + ε; it belongs under it: √(σ² + ε).",
        ("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),
    ),
    _suspect(
        "eps_fixed",
        "eps",
        "your eps is fixed in the formula; use the argument, self.eps.",
        ("torch.sqrt(var + self.eps)", "torch.sqrt(var + 1e-5)"),
    ),
    _suspect(
        "no_root",
        "variance",
        "you divide by the variance; divide by its square root.",
        ("torch.sqrt(var + self.eps)", "(var + self.eps)"),
    ),
    _suspect(
        "rows",
        "axis",
        "you average over dim=1, the features of one row (that is layer normalization); average over dim=0.",
        ("mean = x.mean(dim=0)", "mean = x.mean(dim=1, keepdim=True)"),
        (_VARIANCE, "var = ((x - mean) ** 2).mean(dim=1, keepdim=True)"),
        (_MEAN, "self.running_mean += self.momentum * (mean.mean() - self.running_mean)"),
        (_VAR, "self.running_var += self.momentum * (unbiased.mean() - self.running_var)"),
    ),
    _suspect(
        "whole",
        "axis",
        "you take one mean and variance over the whole batch; each feature has its own.",
        ("mean = x.mean(dim=0)", "mean = x.mean()"),
        (_VARIANCE, "var = ((x - mean) ** 2).mean()"),
    ),
    _suspect(
        "no_affine",
        "affine",
        "gamma and beta are not applied; return gamma · x̂ + beta.",
        ("return self.gamma * x_hat + self.beta", "return x_hat"),
    ),
    _suspect(
        "affine_not_learnable",
        "affine",
        "gamma and beta are plain tensors; wrap them in nn.Parameter so that they get a gradient.",
        ("nn.Parameter(torch.ones(num_features))", "torch.ones(num_features)"),
        ("nn.Parameter(torch.zeros(num_features))", "torch.zeros(num_features)"),
        shows="gradient",
    ),
    _suspect(
        "detached",
        "gradient",
        "the batch mean and variance are cut out of the graph; the gradient must flow through them.",
        (_NORMALISE, "mean, var = mean.detach(), var.detach()\n        " + _NORMALISE),
    ),
    _suspect(
        "forward_no_grad",
        "gradient",
        "x̂ is computed without a graph, so no gradient reaches the input.",
        (_NORMALISE, "x_hat = ((x - mean) / torch.sqrt(var + self.eps)).detach()"),
    ),
    _suspect(
        "not_buffers",
        "buffers",
        "your running statistics are plain attributes; register_buffer keeps them in state_dict and moves them with .to().",
        ('self.register_buffer("running_mean", torch.zeros(num_features))', "self.running_mean = torch.zeros(num_features)"),
        ('self.register_buffer("running_var", torch.ones(num_features))', "self.running_var = torch.ones(num_features)"),
    ),
    _suspect(
        "statistics_are_parameters",
        "buffers",
        "your running statistics are parameters, so an optimizer would train them; they are buffers.",
        (
            'self.register_buffer("running_mean", torch.zeros(num_features))',
            "self.running_mean = nn.Parameter(torch.zeros(num_features))",
        ),
        (
            'self.register_buffer("running_var", torch.ones(num_features))',
            "self.running_var = nn.Parameter(torch.ones(num_features))",
        ),
    ),
    _suspect(
        "variance_starts_at_zero",
        "running statistics",
        "your running_var starts at 0; it starts at 1.",
        ('"running_var", torch.ones', '"running_var", torch.zeros'),
        shows="running_var",
    ),
    _suspect(
        "single_pass",
        "numerics",
        "your variance is E[x²] − E[x]², which loses all digits when the mean is large; subtract the mean first.",
        (_VARIANCE, "var = (x * x).mean(dim=0) - mean * mean"),
    ),
    _suspect(
        "one_row_nan",
        "one row",
        "with one row n − 1 is 0, so running_var becomes NaN in silence; torch raises ValueError.",
        ("if n < 2:", "if n < 1:"),
    ),
    _suspect(
        "changes_input",
        "side effects",
        "you change the caller's tensor in place; work on a copy.",
        ("if self.training:", "if not x.requires_grad:\n            x.add_(1e-2)\n        if self.training:"),
    ),
    _suspect(
        "graph_in_buffers",
        "gradient",
        "your running statistics carry the graph of every past batch; update them under torch.no_grad() or from detached values.",
        ("with torch.no_grad():", "if True:"),
        (_MEAN, "self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)"),
        (_VAR, "self.running_var = self.running_var + self.momentum * (unbiased - self.running_var)"),
    ),
)

REFERENCE = {"batchnorm1d": BatchNorm1d, "batchnorm1d_beyond": BatchNorm1d}
SUSPECTS = {"batchnorm1d": _SUSPECTS, "batchnorm1d_beyond": _SUSPECTS}
