"""Layers as people write them elsewhere, as edits of one text; the outcome that is right stands in test_field.py."""

from __future__ import annotations

import linecache
from typing import Any

TEXT = """import numpy as np
import torch
from torch import nn

class BatchNorm1d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if self.training:
            n = x.shape[0]
            if n < 2:
                raise ValueError("one row")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta
"""

MEAN_BUFFER = 'self.register_buffer("running_mean", torch.zeros(num_features))'
VAR_BUFFER = 'self.register_buffer("running_var", torch.ones(num_features))'
MEAN_START, VAR_START = "self.running_mean = torch.zeros(num_features)", "self.running_var = torch.ones(num_features)"
BIASED = (" * n / (n - 1)", "")

EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "torch_names": (("gamma", "weight"), ("beta", "bias")),
    "moving": (("running_", "moving_"), ("eps=1e-5", "epsilon=1e-5"), ("= eps,", "= epsilon,")),
    "mode_argument": (("forward(self, x)", "forward(self, x, training=True)"), ("if self.training", "if training")),
    "train_method": (("if self.training", "if self.train"),),
    "order": (("eps=1e-5, momentum=0.1", "momentum=0.1, eps=1e-5"),),
    "eval_called": (("if self.training", "if not self.eval()"),),
    "no_brackets": (
        ("(1 - self.momentum)", "1 - self.momentum"),
        ("(x - mean) /", "(x - mean /"),
        ("+ self.eps)", "+ self.eps))"),
    ),
    "update_without_brackets_unbiased": (
        ("(1 - self.momentum)", "1 - self.momentum"),
        ("x.var(0, correction=0)", "x.var(0)"),
    ),
    "grad_off_too_wide": (
        ("            mean, var = x.mean(0), x.var(0, correction=0)\n", ""),
        ("with torch.no_grad():", "with torch.no_grad():\n                mean, var = x.mean(0), x.var(0)"),
    ),
    "grad_off_all": (("    def forward", "    @torch.no_grad()\n    def forward"), BIASED),
    "batch_detached": (
        ("        if self.training:", "        x = x.detach()\n        if self.training:"),
        ("0.1", "0.2"),
    ),
    "from_data": (("x.mean(0), x.var(0, correction=0)", "x.data.mean(0), x.data.var(0)"),),
    "lost": (
        (VAR_BUFFER, VAR_START),
        ('"running_mean", torch.zeros(num_features))', '"running_mean", torch.zeros(num_features), persistent=False)'),
        BIASED,
    ),
    "untrained": (
        (
            "self.gamma = nn.Parameter(torch.ones(num_features))",
            'self.register_buffer("gamma", torch.ones(num_features))',
        ),
        (
            "self.beta = nn.Parameter(torch.zeros(num_features))",
            "self.beta = nn.Parameter(torch.zeros(num_features), requires_grad=False)",
        ),
    ),
    "rows": (
        ("torch.ones(num_features))\n        self.beta", "torch.ones(1, num_features))\n        self.beta"),
        ("x.var(0, correction=0)", "x.var(0)"),
    ),
    "local": (("self.running_mean = (1 - self.momentum) * self.r", "running_mean = (1 - self.momentum) * r"),),
    "unpacked": (("x.mean(0), x.var(0, correction=0)", "x.mean(0)"),),
    "nameless": (('self.register_buffer("running_mean", ', "self.register_buffer("),),
    "trained": (
        (
            MEAN_BUFFER,
            "self.running_mean = nn.Parameter(torch.zeros(num_features))",
        ),
        ("self.running_mean = (1", "self.running_mean.data = (1"),
        BIASED,
    ),
    "defaults": (
        ("momentum=0.1", "momentum=0.9"),
        ("(1 - self.momentum)", "self.momentum"),
        ("+ self.momentum *", "+ (1 - self.momentum) *"),
        BIASED,
    ),
    "ddof": (("correction=0", "ddof=0"),),
    "init": (("def __init__", "def _init_"),),
    "starts": (
        ("ones(num_features))\n        self.beta", "zeros(num_features))\n        self.beta"),
        ("self.beta = nn.Parameter(torch.zeros", "self.beta = nn.Parameter(torch.ones"),
        BIASED,
    ),
    "library": (
        (
            "return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta",
            "return nn.functional.batch_norm(x, self.running_mean.clone(), self.running_var.clone(), self.gamma, "
            "self.beta, self.training, 0.0, self.eps)",
        ),
        BIASED,
    ),
    "library_bare": (("return self.gamma", "return F.batch_norm(x, mean, var)\n        return self.gamma"),),
    "plain_class": (
        ("(nn.Module)", ""),
        ("        super().__init__()\n", ""),
        (MEAN_BUFFER, MEAN_START),
        (VAR_BUFFER, VAR_START),
    ),
    "no_super": (("        super().__init__()\n", ""),),
    "misspelt": (("def forward", "def foward"),),  # codespell:ignore foward
    "bare_name": (("self.momentum * var", "momentum * var"),),
    "numpy_root": (("torch.sqrt", "np.sqrt"),),
    "swapped_biased_eps_fixed": (
        (
            "(1 - self.momentum) * self.running_mean + self.momentum * mean",
            "self.momentum * self.running_mean + (1 - self.momentum) * mean",
        ),
        (
            "(1 - self.momentum) * self.running_var + self.momentum * var * n / (n - 1)",
            "self.momentum * self.running_var + (1 - self.momentum) * var",
        ),
        ("var + self.eps", "var + 1e-5"),
    ),
    "unbiased": (("x.var(0, correction=0)", "x.var(0)"), BIASED),
    "unbiased_unguarded": (
        ('            if n < 2:\n                raise ValueError("one row")\n', ""),
        ("x.var(0, correction=0)", "x.var(0)"),
        ("var * n / (n - 1)", "var"),
    ),
    "half_written": (("mean, var = self.running_mean, self.running_var", "raise NotImplementedError()"),),
    "right": (),
}


def source(name: str) -> str:
    """The text of one layer."""
    text = TEXT
    for right, wrong in EDITS[name]:
        assert right in text, right
        text = text.replace(right, wrong)
    return text


def layer(name: str) -> Any:
    """The class; the judge can read its lines."""
    text, file = source(name), f"<field layer {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "field"}
    exec(compile(text, file, "exec"), namespace)
    return namespace["BatchNorm1d"]
