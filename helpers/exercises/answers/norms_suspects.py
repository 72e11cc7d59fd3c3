"""Wrong ways to write the layers of notebook 05, most of them as the lines in which they differ from the right one.

What can go wrong in any norm is written once, in :func:`_in_any`, and applied to the lines of each layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

from .norms_reference import BatchNorm2d, GroupNorm, LayerNorm, RMSNorm

Edit = tuple[str, str]
Row = tuple[str, str, str, str, tuple[Edit, ...]]
"""id, category, the observation that tells it best, title, edits."""

FACTOR = "affine/factor that gamma puts on the output"
OFFSET = "affine/offset that beta puts on the output"
EPS = "root/eps under the root"
DX = "gradients/gradient of the input"
FORWARD = "def forward(self, x: torch.Tensor) -> torch.Tensor:"


@dataclass(frozen=True)
class Lines:
    """The lines of one reference that its wrong variants change.

    ``size`` is the shape of gamma in ``__init__``, ``data`` what is averaged, over ``dims``; ``wide`` gives a statistic
    the shape in which it is subtracted.
    """

    layer: Any
    shown: str
    name: str
    size: str
    data: str
    dims: str
    gamma: str
    beta: str
    wide: str = "{}"
    after: str = "{}"
    call: str = ""

    @property
    def mean(self) -> str:
        return f"mean = {self.data}.mean({self.dims})"

    @property
    def centred(self) -> str:
        return f"{self.data} - {self.wide.format('mean')}"

    @property
    def var(self) -> str:
        return f"var = (({self.centred}) ** 2).mean({self.dims})"

    @property
    def root(self) -> str:
        return "torch.sqrt(var + self.eps)"

    @property
    def hat(self) -> str:
        return "x_hat = " + self.after.format(f"({self.centred}) / {self.wide.format(self.root)}")

    @property
    def out(self) -> str:
        return f"return {self.gamma} * x_hat + {self.beta}"

    def parameter(self, name: str) -> str:
        return f"self.{name} = nn.Parameter(torch.{'ones' if name == 'gamma' else 'zeros'}({self.size}))"


BN = Lines(
    BatchNorm2d,
    "train/output",
    "batch normalization",
    "num_features",
    "x",
    "dim=(0, 2, 3)",
    "self.gamma[:, None, None]",
    "self.beta[:, None, None]",
    "{}[:, None, None]",
    call="nn.functional.batch_norm(x, self.running_mean.clone(), self.running_var.clone(), self.gamma, self.beta, "
    "self.training, 0.0, self.eps)",
)
LN = Lines(
    LayerNorm,
    "tokens/output",
    "layer normalization",
    "shape",
    "x",
    "dim=self.dims, keepdim=True",
    "self.gamma",
    "self.beta",
    call="nn.functional.layer_norm(x, self.gamma.shape, self.gamma, self.beta, self.eps)",
)
GN = Lines(
    GroupNorm,
    "groups/output",
    "group normalization",
    "num_channels",
    "groups",
    "dim=2, keepdim=True",
    "self.gamma.view(per_channel)",
    "self.beta.view(per_channel)",
    after="({}).reshape(x.shape)",
    call="nn.functional.group_norm(x, self.num_groups, self.gamma, self.beta, self.eps)",
)


_EXAMPLES = ("examples_less_one", "N, the number of examples,", "x.shape[0]")
_LESS_ONE = {
    BatchNorm2d: (_EXAMPLES,),
    LayerNorm: (_EXAMPLES, ("last_size_less_one", "the size of the last dimension", "x.shape[-1]")),
    GroupNorm: (_EXAMPLES, ("channels_less_one", "C, the number of channels,", "x.shape[1]")),
}
"""Counts that are taken for the number of all that are summed, less one as in the unbiased variance."""


def _made(layer: Any, rows: Iterable[Row]) -> tuple[Suspect, ...]:
    return tuple(
        Suspect(id, category, title, variant(layer, *edits), shows) for id, category, shows, title, edits in rows
    )


def _row(id: str, category: str, shows: str, title: str, *edits: Edit) -> Row:
    return id, category, shows, title, edits


def _affine(t: Lines) -> list[Row]:
    """Mistakes about gamma and beta."""
    g, b, gamma, beta = t.gamma, t.beta, t.parameter("gamma"), t.parameter("beta")
    ones, zeros = f"torch.ones({t.size})", f"torch.zeros({t.size})"
    given = (
        ("no_affine", FACTOR, "gamma and beta are not applied; the output should be gamma · x̂ + beta.", "x_hat"),
        ("no_gamma", FACTOR, "gamma is not applied; the output should be gamma · x̂ + beta.", f"x_hat + {b}"),
        ("no_beta", OFFSET, "beta is not applied; the output should be gamma · x̂ + beta.", f"{g} * x_hat"),
        (
            "affine_exchanged",
            "",
            "gamma and beta are exchanged; gamma should multiply, beta be added.",
            f"{b} * x_hat + {g}",
        ),
        (
            "beta_inside",
            "",
            "beta is added before gamma multiplies; the output should be gamma · x̂ + beta.",
            f"{g} * (x_hat + {b})",
        ),
        ("beta_subtracted", OFFSET, "beta is subtracted; it should be added.", f"{g} * x_hat - {b}"),
        ("divided_by_gamma", FACTOR, "you divide by gamma; you should multiply.", f"x_hat / {g} + {b}"),
        (
            "gamma_plus_one_applied",
            FACTOR,
            "you multiply by 1 + gamma, and gamma already starts at 1; you should multiply by gamma.",
            f"(1 + {g}) * x_hat + {b}",
        ),
        (
            "affine_without_graph",
            "",
            "gamma and beta enter the output without their graph (.data or .detach()), so no gradient reaches them; they should be used as they are.",
            f"{g.replace('gamma', 'gamma.data')} * x_hat + {b.replace('beta', 'beta.data')}",
        ),
    )
    rows = [_row(id, "affine", shows, title, (t.out, f"return {line}")) for id, shows, title, line in given]
    starts = "start/gamma at the start"
    return [
        *rows,
        _row(
            "one_plus_gamma",
            "affine",
            starts,
            "gamma starts at 0 and the output uses 1 + gamma (as in Gemma); gamma should start at 1 and multiply.",
            (gamma, f"self.gamma = nn.Parameter({zeros})"),
            (t.out, f"return (1 + {g}) * x_hat + {b}"),
        ),
        _row(
            "gamma_starts_at_zero",
            "affine",
            starts,
            "gamma starts at 0; it should start at 1.",
            (gamma, gamma.replace("ones", "zeros")),
        ),
        _row(
            "gamma_starts_random",
            "affine",
            starts,
            "gamma starts with random numbers; it should start at 1.",
            (gamma, gamma.replace("ones", "randn")),
        ),
        _row(
            "beta_starts_at_one",
            "affine",
            "start/beta at the start",
            "beta starts at 1; it should start at 0.",
            (beta, beta.replace("zeros", "ones")),
        ),
        _row(
            "affine_not_learnable",
            "affine",
            "",
            "gamma and beta are no parameters, so they get no gradient; they should be nn.Parameter.",
            (gamma, f"self.gamma = {ones}"),
            (beta, f"self.beta = {zeros}"),
        ),
        _row(
            "affine_buffers",
            "affine",
            "",
            "gamma and beta are buffers; they are saved, but no optimizer finds them. They should be nn.Parameter.",
            (gamma, f'self.register_buffer("gamma", {ones})'),
            (beta, f'self.register_buffer("beta", {zeros})'),
        ),
        _row(
            "affine_frozen",
            "affine",
            "",
            "gamma and beta have requires_grad=False, so they are never trained; they should require a gradient.",
            (gamma, gamma[:-1] + ", requires_grad=False)"),
            (beta, beta[:-1] + ", requires_grad=False)"),
        ),
        _row(
            "one_gamma",
            "affine",
            "",
            f"gamma and beta hold one number for all; they should have shape {'normalized_shape' if t is LN else '(C,)'}.",
            (gamma, "self.gamma = nn.Parameter(torch.ones(1))"),
            (beta, "self.beta = nn.Parameter(torch.zeros(1))"),
            (t.out, "return self.gamma * x_hat + self.beta"),
        ),
        _row(
            "torch_names",
            "affine",
            "",
            "the layer has no gamma and beta (in torch they are weight and bias); they should be called self.gamma and self.beta.",
            (gamma, gamma.replace("gamma", "weight")),
            (beta, beta.replace("beta", "bias")),
            (t.out, t.out.replace("gamma", "weight").replace("beta", "bias")),
        ),
    ]


def _eps(t: Lines) -> list[Row]:
    given = (
        (
            "eps_outside",
            "eps is added after the square root: √σ² + ε; it should stand under it: √(σ² + ε).",
            "(torch.sqrt(var) + self.eps)",
        ),
        (
            "eps_fixed",
            "eps in the formula is the fixed number 1e-5; it should be the argument, self.eps.",
            "torch.sqrt(var + 1e-5)",
        ),
        (
            "eps_missing",
            "there is no eps under the root; it should be √(σ² + ε).",
            "torch.sqrt(var)",
        ),
        ("eps_squared", "eps² is added under the root; it should be eps.", "torch.sqrt(var + self.eps**2)"),
        (
            "eps_is_a_floor",
            "eps is a lower bound of the variance; it should be added to it.",
            "torch.sqrt(var.clamp(min=self.eps))",
        ),
        (
            "eps_is_a_floor_of_the_root",
            "eps is a lower bound of the root; it should be added under the root.",
            "torch.sqrt(var).clamp(min=self.eps)",
        ),
        (
            "eps_rooted_alone",
            "the root reaches only eps: σ² + √ε; the whole sum should stand under it.",
            "(var + self.eps**0.5)",
        ),
        (
            "eps_rooted_first",
            "the root of eps is added under the root: √(σ² + √ε); it should be eps itself.",
            "torch.sqrt(var + self.eps**0.5)",
        ),
        (
            "eps_twice",
            "eps is added twice, under the root and after it; it should stand under the root only.",
            "(torch.sqrt(var + self.eps) + self.eps)",
        ),
        ("eps_subtracted", "eps is subtracted from the variance; it should be added.", "torch.sqrt(var - self.eps)"),
    )
    rows = [_row(id, "eps", EPS, title, (t.root, line)) for id, title, line in given]
    default = "settings/default of eps, in units of 0.00001"
    return [
        *rows,
        *(
            _row(
                f"eps_default_{said}",
                "eps",
                default,
                f"the default of eps is {value}; it should be 1e-5.",
                ("eps: float = 1e-5", f"eps: float = {value}"),
            )
            for said, value in (("large", "1e-3"), ("small", "1e-6"), ("tiny", "1e-8"))
        ),
        _row(
            "eps_zero_is_falsy",
            "eps",
            "settings/eps = 0, in units of 0.00001",
            "eps = 0 is replaced by the default, as in `eps or 1e-5`; 0 should be a value like any other.",
            ("self.eps = eps", "self.eps = eps or 1e-5"),
        ),
    ]


def _statistics(t: Lines) -> list[Row]:
    """Mistakes about the mean and the variance; in batch norm the running statistics stay right where they can."""
    bn = t is BN
    right_memory: tuple[Edit, ...] = (
        (
            (
                "with torch.no_grad():",
                f"right = var\n            {t.var.replace('var =', 'right =')}\n            with torch.no_grad():",
            ),
            ("unbiased = var * n / (n - 1)", "unbiased = right * n / (n - 1)"),
        )
        if bn
        else ()
    )
    keep = t.dims
    variances = (
        (
            "unbiased",
            "you normalise with the unbiased variance (÷(n−1), the default of x.var); it should be divided by n.",
            f"var = {t.data}.var({keep})",
        ),
        (
            "variance_is_a_sum",
            "the variance is a sum of squares; it should be divided by n.",
            t.var.replace(".mean(", ".sum("),
        ),
        *(
            (
                id,
                f"the sum of squares is divided by {said} − 1; it should be divided by the number of all that are summed.",
                f"var = (({t.centred}) ** 2).sum({keep}) / max({size} - 1, 1)",
            )
            for id, said, size in _LESS_ONE[t.layer]
        ),
        (
            "variance_not_centred",
            "the variance is the mean of x²; it should be the mean of (x − mean)².",
            f"var = ({t.data}**2).mean({keep})",
        ),
        (
            "absolute_deviation",
            "you scale by the mean absolute deviation; it should be the root of the mean square.",
            f"var = ({t.centred}).abs().mean({keep}) ** 2",
        ),
        (
            "standard_deviation_as_variance",
            "what stands under the root is already a standard deviation; it should be the variance.",
            f"var = {t.data}.std({keep}, correction=0)",
        ),
        (
            "unbiased_standard_deviation_as_variance",
            "what stands under the root is x.std(), already a standard deviation and unbiased; it should be the variance, divided by n.",
            f"var = {t.data}.std({keep})",
        ),
        (
            "single_pass",
            "the variance is E[x²] − E[x]², which loses all digits where the mean is large; the mean should be subtracted before squaring.",
            f"var = ({t.data}**2).mean({keep}) - mean**2",
        ),
    )
    rows = []
    for id, title, line in variances:
        category = "numerics" if id.startswith("single") else "variance"
        shows = (
            "far/adding 10,000 to the input changes the output by less than 0.05 (1 yes, 0 no)"
            if category == "numerics"
            else t.shown
        )
        rows.append(_row(id, category, shows, title, (t.var, line), *(() if category == "numerics" else right_memory)))
    if bn:
        rows.append(
            _row(
                "single_pass_unbiased",
                "numerics",
                t.shown,
                "you normalise with E[x²] − E[x]² times n/(n−1): unbiased, and without a correct digit where the mean is large; it should be the mean of (x − mean)².",
                (t.var, f"var = ((x**2).mean({keep}) - mean**2) * n / (n - 1)"),
                ("unbiased = var * n / (n - 1)", "unbiased = var"),
            )
        )
    wide_root, wide_mean = t.wide.format(t.root), t.wide.format("mean")
    hats = (
        (
            "no_root",
            "variance",
            "you divide by the variance; it should be its square root.",
            f"({t.centred}) / {t.wide.format('(var + self.eps)')}",
        ),
        (
            "multiplied",
            "variance",
            "you multiply by the root (or divide by torch.rsqrt, its reciprocal); you should divide by it.",
            f"({t.centred}) * {wide_root}",
        ),
        (
            "only_centred",
            "variance",
            "you subtract the mean but do not divide by the root of the variance; you should do both.",
            f"{t.centred}",
        ),
        (
            "not_centred",
            "mean",
            "you divide by the root of the variance but do not subtract the mean; you should do both.",
            f"{t.data} / {wide_root}",
        ),
        ("mean_added", "mean", "you add the mean; it should be subtracted.", f"({t.data} + {wide_mean}) / {wide_root}"),
        (
            "only_mean_divided",
            "mean",
            "only the mean is divided by the root, as in `x - mean / root`; the parentheses should hold x − mean.",
            f"{t.data} - {wide_mean} / {wide_root}",
        ),
        (
            "detached",
            "gradient",
            "the mean and the variance are cut out of the graph; the gradient should flow through them.",
            f"({t.data} - {wide_mean}.detach()) / {wide_root}.detach()",
        ),
        (
            "mean_detached",
            "gradient",
            "the mean that is subtracted is cut out of the graph; the gradient should flow through it.",
            f"({t.data} - {wide_mean}.detach()) / {wide_root}",
        ),
        (
            "var_detached",
            "gradient",
            "the variance is cut out of the graph; the gradient should flow through it.",
            f"({t.centred}) / {wide_root}.detach()",
        ),
        (
            "forward_no_grad",
            "gradient",
            "x̂ is computed without a graph, so no gradient reaches the input; it should be part of the graph.",
            f"(({t.centred}) / {wide_root}).detach()",
        ),
        (
            "clipped",
            "numerics",
            "the normalised values are clipped to ±3; the layer should have no bounds.",
            f"(({t.centred}) / {wide_root}).clamp(-3, 3)",
        ),
        (
            "clipped_far_out",
            "numerics",
            "the normalised values are clipped far out; the layer should have no bounds.",
            f"(({t.centred}) / {wide_root}).clamp(-4.5, 4.5)",
        ),
        (
            "nan_hidden",
            "numerics",
            "NaN is replaced by numbers; a broken input should show in the output.",
            f"torch.nan_to_num(({t.centred}) / {wide_root})",
        ),
    )
    rows += [
        _row(
            id,
            category,
            DX if category == "gradient" else t.shown if category != "numerics" else "",
            title,
            (t.hat, f"x_hat = {t.after.format(line)}"),
        )
        for id, category, title, line in hats
        if bn or id != "clipped_far_out"
    ]
    rows.append(
        _row(
            "std_and_eps",
            "variance",
            t.shown,
            "you divide by x.std() + eps: that root is unbiased (÷(n−1)) and has eps outside; it should be √(σ² + ε) with σ² divided by n.",
            (t.var, f"std = {t.data}.std({keep})\n{' ' * (12 if bn else 8)}{t.var}"),
            (t.root, "(std + self.eps)"),
            *((("var = self.running_var", "std = self.running_var.sqrt()"),) if bn else ()),
        )
    )
    if not bn:
        rows += [
            _row(
                "mean_is_a_sum",
                "mean",
                t.shown,
                "the mean is a sum; it should be divided by n.",
                (t.mean, t.mean.replace(".mean(", ".sum(")),
            ),
            _row(
                "no_keepdim",
                "shape",
                "",
                "the mean and the variance lose the averaged dimensions, so they do not line up with x; the means should be taken with keepdim=True.",
                (t.mean, t.mean.replace(", keepdim=True", "")),
                (t.var, t.var.replace(", keepdim=True", "")),
            ),
            _row(
                "no_keepdim_of_the_variance",
                "shape",
                "",
                "the variance loses the averaged dimensions, so it does not line up with x; its mean should be taken with keepdim=True.",
                (t.var, t.var.replace(", keepdim=True", "")),
            ),
        ]
    return rows


def _habits(t: Lines) -> list[Row]:
    """dtypes, side effects, results of another kind, and work that is left to the library."""
    head = {BN: "        if self.training:\n", LN: f"        {LN.mean}\n", GN: "        groups = x.reshape("}[t]

    def first(code: str) -> Edit:
        return head, f"        {code}\n{head}"

    out = t.out.removeprefix("return ")
    return [
        _row(
            "output_detached",
            "gradient",
            "",
            "the output is cut out of the graph, so nothing behind it can learn; it should stay in the graph.",
            (t.out, f"return ({out}).detach()"),
        ),
        _row(
            "float32_inside",
            "dtype",
            "",
            "you compute in float32 whatever comes in (.float()): float64 loses digits and comes back as another dtype; the dtype of x should be kept.",
            first("x = x.float()"),
        ),
        _row(
            "float32_and_back",
            "dtype",
            "",
            "you compute in float32 and cast back: float64 input loses half of its digits; float64 should be computed in float64.",
            first("given, x = x, x.float()"),
            (t.hat, f"{t.hat}\n        x_hat = x_hat.to(given.dtype)"),
        ),
        _row(
            "float64_output",
            "dtype",
            "",
            "you compute in float64 and return float64; the output should have the dtype of x.",
            (t.out, f"return ({out}).double()"),
        ),
        _row(
            "changes_input",
            "side effects",
            "",
            "you change the caller's tensor in place; forward should make a new one.",
            (t.hat, f"{t.hat}\n        with torch.no_grad():\n            x.add_(1.0)"),
        ),
        _row(
            "graph_kept_on_self",
            "side effects",
            "",
            "x̂ is kept on the layer with its graph, and copy.deepcopy then fails; forward should keep nothing.",
            (t.hat, f"{t.hat}\n        self.x_hat = x_hat"),
        ),
        _row(
            "history_kept",
            "side effects",
            "",
            "the layer keeps a tensor of every batch in a list, so memory grows with every step; forward should keep nothing.",
            (t.hat, f"{t.hat}\n        self.__dict__.setdefault('kept', []).append(x)"),
        ),
        _row(
            "returns_tuple",
            "shape",
            "",
            "forward returns several things; it should return one tensor.",
            (t.out, f"{t.out}, x_hat"),
        ),
        _row(
            "no_return",
            "shape",
            "",
            "forward does not return its result; it should end with a return.",
            (t.out, f"y = {out}"),
        ),
        _row(
            "functional_called",
            "delegation",
            "own_work/a norm of the library was called (1 yes, 0 no)",
            f"the library's {t.name} is called; the mean, the variance and the root should be your own.",
            first(f"if True:\n            return {t.call}"),
        ),
    ]


def _in_any(t: Lines) -> list[Row]:
    return [*_affine(t), *_eps(t), *_statistics(t), *_habits(t)]


# BatchNorm2d

_UNBIASED = "unbiased = var * n / (n - 1)"
_MEAN = "self.running_mean += self.momentum * (mean - self.running_mean)"
_VAR = "self.running_var += self.momentum * (unbiased - self.running_var)"
_REMEMBERED = "mean = self.running_mean\n            var = self.running_var"
_MEAN_BUFFER = 'self.register_buffer("running_mean", torch.zeros(num_features))'
_VAR_BUFFER = 'self.register_buffer("running_var", torch.ones(num_features))'
_GUARD = (
    "            if n < 2:\n"
    '                raise ValueError("batch statistics need at least 2 values per channel in train mode, got 1")\n'
)
_NO_GRAD = f"with torch.no_grad():\n                {_UNBIASED}\n                {_MEAN}\n                {_VAR}"
_WITH_GRAPH = f"{_UNBIASED}\n            {_MEAN}\n            {_VAR}"
_OUT_OF_PLACE = (
    (_MEAN, "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean"),
    (_VAR, "self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased"),
)
_BATCH = f"{BN.mean}\n            {BN.var}"
RUNNING_MEAN, RUNNING_VAR, EVAL = "memory/running_mean", "memory/running_var", "memory/eval output"


def _running() -> list[Row]:
    """Mistakes about the running statistics."""
    kept = "running statistics"

    def both(id: str, category: str, title: str, mean: str, var: str, shows: str = RUNNING_MEAN) -> Row:
        return _row(id, category, shows, title, (_MEAN, mean), (_VAR, var))

    return [
        _row(
            "biased_running_var",
            kept,
            RUNNING_VAR,
            "running_var moves by the biased variance (÷n); it should move by the unbiased one (÷(n−1)).",
            (_UNBIASED, "unbiased = var"),
        ),
        _row(
            "counts_images",
            kept,
            RUNNING_VAR,
            "the unbiased variance uses n = N, the number of images; n should be N·H·W, the values of a channel.",
            (_UNBIASED, "unbiased = var * x.shape[0] / max(x.shape[0] - 1, 1)"),
        ),
        _row(
            "counts_images_in_all",
            kept,
            RUNNING_VAR,
            "n is N, the number of images, in the guard too, so one image is refused; n should be N·H·W.",
            ("n = x.numel() // x.shape[1]", "n = x.shape[0]"),
        ),
        _row(
            "counts_positions",
            kept,
            RUNNING_VAR,
            "the unbiased variance uses n = H·W; n should be N·H·W, the values of a channel.",
            (_UNBIASED, "n = x.shape[2] * x.shape[3]\n                unbiased = var * n / max(n - 1, 1)"),
        ),
        _row(
            "counts_all_numbers",
            kept,
            RUNNING_VAR,
            "the unbiased variance uses n = N·C·H·W; n should be N·H·W, the values of a channel.",
            (_UNBIASED, "unbiased = var * x.numel() / (x.numel() - 1)"),
        ),
        _row(
            "counts_channels",
            kept,
            RUNNING_VAR,
            "the unbiased variance uses n = C; n should be N·H·W, the values of a channel.",
            (_UNBIASED, "unbiased = var * x.shape[1] / max(x.shape[1] - 1, 1)"),
        ),
        _row(
            "bessel_upside_down",
            kept,
            RUNNING_VAR,
            "running_var is corrected by (n−1)/n; the unbiased variance should be the biased one times n/(n−1).",
            (_UNBIASED, "unbiased = var * (n - 1) / n"),
        ),
        _row(
            "unbiased_for_both",
            "variance",
            "train/output",
            "you use the unbiased variance (÷(n−1), the default of x.var) for both; to normalise it should be divided by n, to remember by n − 1, and you correct it a second time.",
            (BN.var, "var = x.var(dim=(0, 2, 3))"),
        ),
        _row(
            "variances_exchanged",
            "variance",
            "train/output",
            "the two variances are exchanged; to normalise it should be divided by n, to remember by n − 1.",
            (BN.var, "var = x.var(dim=(0, 2, 3))"),
            (_UNBIASED, "unbiased = var * (n - 1) / n"),
        ),
        both(
            "never_updates", kept, "the running statistics never move; train mode should update them.", "pass", "pass"
        ),
        _row(
            "mean_not_updated",
            kept,
            RUNNING_MEAN,
            "running_mean never moves; train mode should update it as it does running_var.",
            (_MEAN, "pass"),
        ),
        _row(
            "var_not_updated",
            kept,
            RUNNING_VAR,
            "running_var never moves; train mode should update it as it does running_mean.",
            (_VAR, "pass"),
        ),
        _row(
            "var_line_copied",
            kept,
            RUNNING_VAR,
            "running_var moves by the mean; it should move by the variance.",
            (_VAR, _VAR.replace("unbiased", "mean")),
        ),
        both(
            "last_batch_only",
            kept,
            "the running statistics are those of the last batch; they should be mixed with the old ones.",
            "self.running_mean.copy_(mean)",
            "self.running_var.copy_(unbiased)",
        ),
        both(
            "plain_average",
            kept,
            "the running statistics are the plain average of all batches; recent batches should get the share momentum.",
            "self.steps = getattr(self, 'steps', 0) + 1\n                self.running_mean += (mean - self.running_mean) / self.steps",
            "self.running_var += (unbiased - self.running_var) / self.steps",
        ),
        both(
            "first_batch_copied",
            kept,
            "the first batch replaces the running statistics; it should be mixed with the start values 0 and 1.",
            "share = self.momentum if hasattr(self, 'seen') else 1.0\n                self.seen = True\n                self.running_mean += share * (mean - self.running_mean)",
            "self.running_var += share * (unbiased - self.running_var)",
        ),
        both(
            "momentum_swapped",
            "momentum",
            "momentum is taken as the share of the old value; it should be the share of the new batch.",
            _MEAN.replace("self.momentum", "(1 - self.momentum)"),
            _VAR.replace("self.momentum", "(1 - self.momentum)"),
        ),
        _row(
            "momentum_swapped_for_mean",
            "momentum",
            RUNNING_MEAN,
            "running_mean takes momentum as the share of the old value; it should be the share of the new batch.",
            (_MEAN, _MEAN.replace("self.momentum", "(1 - self.momentum)")),
        ),
        _row(
            "momentum_swapped_for_var",
            "momentum",
            RUNNING_VAR,
            "running_var takes momentum as the share of the old value; it should be the share of the new batch.",
            (_VAR, _VAR.replace("self.momentum", "(1 - self.momentum)")),
        ),
        _row(
            "momentum_keras",
            "momentum",
            RUNNING_MEAN,
            "momentum is the share of the old value with default 0.9, as in Keras; it should be the share of the new batch, default 0.1.",
            ("momentum: float = 0.1", "momentum: float = 0.9"),
            (_MEAN, _MEAN.replace("self.momentum", "(1 - self.momentum)")),
            (_VAR, _VAR.replace("self.momentum", "(1 - self.momentum)")),
        ),
        both(
            "momentum_fixed",
            "momentum",
            "momentum is the fixed number 0.1 in the update; it should be the argument, self.momentum.",
            _MEAN.replace("self.momentum", "0.1"),
            _VAR.replace("self.momentum", "0.1"),
        ),
        _row(
            "momentum_default",
            "momentum",
            "",
            "the default of momentum is 0.9; it should be 0.1, the share of the new batch.",
            ("momentum: float = 0.1", "momentum: float = 0.9"),
        ),
        _row(
            "momentum_or_default",
            "momentum",
            "",
            "momentum = 0 becomes the default, as in `momentum or 0.1`; 0 should be a value like any other.",
            ("self.momentum = momentum", "self.momentum = momentum or 0.1"),
        ),
        both(
            "share_without_decay",
            "momentum",
            "momentum · new is added but the whole old value is kept; 1 − momentum of it should be kept.",
            "self.running_mean += self.momentum * mean",
            "self.running_var += self.momentum * unbiased",
        ),
        both(
            "decay_without_share",
            "momentum",
            "the old value shrinks by 1 − momentum, but the whole new one is added; momentum times the new one should be added.",
            "self.running_mean.mul_(1 - self.momentum).add_(mean)",
            "self.running_var.mul_(1 - self.momentum).add_(unbiased)",
        ),
        _row(
            "arguments_exchanged",
            "momentum",
            "",
            "the constructor takes momentum before eps; eps should come first, as in torch.",
            ("eps: float = 1e-5, momentum: float = 0.1", "momentum: float = 0.1, eps: float = 1e-5"),
        ),
        _row(
            "variance_starts_at_zero",
            kept,
            "start/running_var at the start",
            "running_var starts at 0; it should start at 1.",
            (_VAR_BUFFER, _VAR_BUFFER.replace("ones", "zeros")),
        ),
        _row(
            "mean_starts_at_one",
            kept,
            "start/running_mean at the start",
            "running_mean starts at 1; it should start at 0.",
            (_MEAN_BUFFER, _MEAN_BUFFER.replace("zeros", "ones")),
        ),
        _row(
            "running_std_as_variance",
            kept,
            RUNNING_VAR,
            "running_var remembers the standard deviation; it should remember the variance.",
            (_VAR, _VAR.replace("unbiased -", "unbiased.sqrt() -")),
        ),
        _row(
            "eps_remembered",
            "eps",
            RUNNING_VAR,
            "running_var takes in eps; eps should be added only under the root.",
            (_UNBIASED, "unbiased = (var + self.eps) * n / (n - 1)"),
        ),
        both(
            "updates_twice",
            kept,
            "the running statistics move twice with each batch; they should move once.",
            f"{_MEAN}\n                {_MEAN}",
            f"{_VAR}\n                {_VAR}",
        ),
        both(
            "running_exchanged",
            kept,
            "running_mean moves by the variance and running_var by the mean; they are exchanged and should be the other way round.",
            _MEAN.replace("(mean", "(unbiased"),
            _VAR.replace("(unbiased", "(mean"),
        ),
        _row(
            "refuses_one_image",
            "count",
            "",
            "one image is refused; it still has H·W values for each channel, and only N·H·W = 1 should be refused.",
            ("if n < 2:", "if x.shape[0] < 2:"),
        ),
        _row(
            "one_value_nan",
            "count",
            "",
            "one value for each channel makes n − 1 = 0 and running_var NaN in silence; it should raise ValueError.",
            (_GUARD, ""),
        ),
        _row(
            "one_value_clamped",
            "count",
            "",
            "n − 1 has a lower bound, so one value for each channel shrinks running_var in silence; it should raise ValueError.",
            (_GUARD, ""),
            (_UNBIASED, "unbiased = var * n / max(n - 1, 1)"),
        ),
        _row(
            "one_value_other_exception",
            "count",
            "",
            "one value for each channel is refused with another exception; it should be ValueError.",
            ("raise ValueError(", "raise RuntimeError("),
        ),
        _row(
            "one_value_refused_in_eval",
            "count",
            "",
            "one value for each channel is refused in eval mode too; there the running statistics should be enough.",
            (
                "        if self.training:\n",
                '        if x.numel() // x.shape[1] < 2:\n            raise ValueError("one value")\n        if self.training:\n',
            ),
        ),
        _row(
            "one_value_stored_first",
            "count",
            "",
            "one value for each channel is refused only after running_mean has moved; it should be refused before anything is stored.",
            (_GUARD, ""),
            (_VAR, f"if n < 2:\n                    raise ValueError('one value')\n                {_VAR}"),
        ),
    ]


def _modes() -> list[Row]:
    return [
        _row(
            "always_batch",
            "modes",
            EVAL,
            "eval mode uses the statistics of the batch; it should use running_mean and running_var.",
            (_REMEMBERED, _BATCH),
        ),
        _row(
            "always_batch_and_updates",
            "modes",
            EVAL,
            "eval mode does what train mode does, the update too; it should use running_mean and running_var and leave them.",
            ("if self.training:", "if True:"),
        ),
        _row(
            "updates_in_eval",
            "modes",
            "",
            "the running statistics move in eval mode too; only train mode should move them.",
            (
                _REMEMBERED,
                f"with torch.no_grad():\n                self.running_mean += self.momentum * (x.mean(dim=(0, 2, 3)) - self.running_mean)\n            {_REMEMBERED}",
            ),
        ),
        _row(
            "running_in_train",
            "modes",
            "train/output",
            "train mode normalises with the running statistics it has just updated; it should use those of the batch.",
            (_VAR, f"{_VAR}\n            mean, var = self.running_mean.clone(), self.running_var.clone()"),
        ),
        _row(
            "running_mean_in_train",
            "modes",
            "train/output",
            "train mode subtracts running_mean; it should subtract the mean of the batch.",
            (_VAR, f"{_VAR}\n            mean = self.running_mean.clone()"),
        ),
        _row(
            "running_var_in_train",
            "modes",
            "train/output",
            "train mode divides by the root of running_var; it should use the variance of the batch.",
            (_VAR, f"{_VAR}\n            var = self.running_var.clone()"),
        ),
        _row(
            "modes_exchanged",
            "modes",
            "train/output",
            "the two modes are exchanged; train mode should use the batch, eval mode the running statistics.",
            ("if self.training:", "if not self.training:"),
        ),
        _row(
            "eval_does_nothing",
            "modes",
            EVAL,
            "eval mode returns x as it is; it should normalise with the running statistics.",
            (_REMEMBERED, "return x"),
        ),
        _row(
            "eval_without_affine",
            "affine",
            "eval/output",
            "gamma and beta are applied in train mode only; eval mode should apply them too.",
            (BN.out, f"if not self.training:\n            return x_hat\n        {BN.out}"),
        ),
        _row(
            "mode_from_grad",
            "modes",
            "",
            "torch.is_grad_enabled() is taken for the mode; the mode should be self.training.",
            ("if self.training:", "if torch.is_grad_enabled():"),
        ),
        _row(
            "mode_and_grad",
            "modes",
            "",
            "under no_grad train mode behaves like eval mode; the mode should be self.training alone.",
            ("if self.training:", "if self.training and torch.is_grad_enabled():"),
        ),
        _row(
            "mode_method",
            "modes",
            EVAL,
            "`if self.train:` asks whether the layer has a method, which is always true; it should be self.training.",
            ("if self.training:", "if self.train:"),
        ),
        _row(
            "own_flag",
            "modes",
            "",
            "the mode is a flag of your own that only your own eval() and train() set; it should be self.training, which a model around the layer sets.",
            ("if self.training:", "if self.mine:"),
            (
                f"    {FORWARD}",
                f"    mine = True\n\n    def train(self, mode=True):\n        self.mine = True\n        return self\n\n    def eval(self):\n        self.mine = False\n        return self\n\n    {FORWARD}",
            ),
        ),
        _row(
            "eval_without_graph",
            "gradient",
            "eval/gradient of the input",
            "eval mode runs without a graph; a frozen layer should still pass the gradient on.",
            (_REMEMBERED, f"{_REMEMBERED}\n            x = x.detach()"),
        ),
        _row(
            "eval_no_grad",
            "gradient",
            "eval/gradient of the input",
            "eval mode runs under no_grad; a frozen layer should still pass the gradient on, also to gamma and beta.",
            (
                BN.out,
                f"if not self.training:\n            return ({BN.out.removeprefix('return ')}).detach()\n        {BN.out}",
            ),
        ),
        _row(
            "eval_eps_missing",
            "eps",
            "eval/output",
            "eval mode has no eps under the root; it should use the formula of train mode.",
            (_REMEMBERED, "mean = self.running_mean\n            var = self.running_var - self.eps"),
        ),
        _row(
            "eval_unbiased_root",
            "eps",
            "eval/output",
            "eval mode adds eps after the root; it should use the formula of train mode.",
            (
                _REMEMBERED,
                "mean = self.running_mean\n            var = (self.running_var.sqrt() + self.eps) ** 2 - self.eps",
            ),
        ),
    ]


def _buffers() -> list[Row]:
    saved = "saved/{} in state_dict (1 yes, 0 no)".format
    return [
        _row(
            "not_buffers",
            "buffers",
            saved("running_mean"),
            "the running statistics are plain attributes, missing from state_dict; they should be registered with register_buffer.",
            (_MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
            (_VAR_BUFFER, "self.running_var = torch.ones(num_features)"),
        ),
        _row(
            "plain_and_rebound",
            "buffers",
            saved("running_mean"),
            "the running statistics are plain attributes that forward binds anew, missing from state_dict; they should be registered with register_buffer.",
            (_MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
            (_VAR_BUFFER, "self.running_var = torch.ones(num_features)"),
            *_OUT_OF_PLACE,
        ),
        _row(
            "var_not_a_buffer",
            "buffers",
            saved("running_var"),
            "running_var is a plain attribute; it should be registered as a buffer, as running_mean is.",
            (_VAR_BUFFER, "self.running_var = torch.ones(num_features)"),
        ),
        _row(
            "mean_not_a_buffer",
            "buffers",
            saved("running_mean"),
            "running_mean is a plain attribute; it should be registered as a buffer, as running_var is.",
            (_MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
        ),
        _row(
            "not_persistent",
            "buffers",
            saved("running_mean"),
            "the buffers are not saved (persistent=False); state_dict should hold them.",
            (_MEAN_BUFFER, _MEAN_BUFFER[:-1] + ", persistent=False)"),
            (_VAR_BUFFER, _VAR_BUFFER[:-1] + ", persistent=False)"),
        ),
        _row(
            "statistics_are_parameters",
            "buffers",
            "saved/running statistics among the parameters",
            "the running statistics are parameters; they should be buffers, which no optimizer trains.",
            (_MEAN_BUFFER, "self.running_mean = nn.Parameter(torch.zeros(num_features))"),
            (_VAR_BUFFER, "self.running_var = nn.Parameter(torch.ones(num_features))"),
        ),
        _row(
            "statistics_are_frozen_parameters",
            "buffers",
            "saved/running statistics among the parameters",
            "the running statistics are parameters without gradient; they should be buffers.",
            (_MEAN_BUFFER, "self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)"),
            (_VAR_BUFFER, "self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)"),
        ),
        _row(
            "graph_in_buffers",
            "gradient",
            "",
            "the running statistics carry the graph of past batches; they should be updated under torch.no_grad() or from detached values.",
            (_NO_GRAD, _WITH_GRAPH),
        ),
        _row(
            "graph_in_running_mean",
            "gradient",
            "side_effects/does running_mean carry a graph (1 yes, 0 no)",
            "running_mean carries the graph of past batches; it should take mean.detach(), or be updated under torch.no_grad().",
            (_NO_GRAD, _WITH_GRAPH),
            ("unbiased = var *", "unbiased = var.detach() *"),
        ),
        _row(
            "graph_in_running_var",
            "gradient",
            "side_effects/does running_var carry a graph (1 yes, 0 no)",
            "running_var carries the graph of past batches; it should take var.detach(), or be updated under torch.no_grad().",
            (_NO_GRAD, _WITH_GRAPH),
            ("self.momentum * (mean -", "self.momentum * (mean.detach() -"),
        ),
        _row(
            "no_statistics",
            "buffers",
            "",
            "the layer has no running_mean and running_var; it should register both as buffers and update them.",
            (_MEAN_BUFFER, "pass"),
            (_VAR_BUFFER, "pass"),
            (_MEAN, "pass"),
            (_VAR, "pass"),
            (_REMEMBERED, _BATCH),
        ),
        _row(
            "no_statistics_names",
            "buffers",
            "",
            "the running statistics have the names moving_mean and moving_var; they should be called running_mean and running_var.",
            (_MEAN_BUFFER, _MEAN_BUFFER.replace("running", "moving")),
            (_VAR_BUFFER, _VAR_BUFFER.replace("running", "moving")),
            (_MEAN, _MEAN.replace("running", "moving")),
            (_VAR, _VAR.replace("running", "moving")),
            (_REMEMBERED, _REMEMBERED.replace("running", "moving")),
        ),
        _row(
            "old_dtype_statistics",
            "dtype",
            "",
            "the running statistics become float64; they should keep the dtype of the layer.",
            (_MEAN, f"{_MEAN}\n                self.running_mean = self.running_mean.double()"),
        ),
    ]


def _shapes() -> list[Row]:
    all_wide: tuple[Edit, ...] = (
        (BN.mean, "mean = x.mean(dim=(0, 2, 3), keepdim=True)"),
        (BN.var, "var = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)"),
        (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
    )
    wide_buffers: tuple[Edit, ...] = (
        (_MEAN_BUFFER, _MEAN_BUFFER.replace("zeros(num_features)", "zeros(1, num_features, 1, 1)")),
        (_VAR_BUFFER, _VAR_BUFFER.replace("ones(num_features)", "ones(1, num_features, 1, 1)")),
    )
    wide_affine: tuple[Edit, ...] = (
        (BN.parameter("gamma"), BN.parameter("gamma").replace("ones(num_features)", "ones(1, num_features, 1, 1)")),
        (BN.parameter("beta"), BN.parameter("beta").replace("zeros(num_features)", "zeros(1, num_features, 1, 1)")),
        (BN.out, "return self.gamma * x_hat + self.beta"),
    )
    shape = "saved/gamma has shape (C,) after training (1 yes, 0 no)"
    image = (
        (BN.mean, "mean = x.mean(dim=(2, 3))[..., None, None]"),
        (BN.var, "var = ((x - mean) ** 2).mean(dim=(2, 3))[..., None, None]"),
        (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
        ("mean = self.running_mean", "mean = self.running_mean[:, None, None]"),
        ("var = self.running_var", "var = self.running_var[:, None, None]"),
    )
    one_d: tuple[Edit, ...] = (
        (BN.mean, "mean = x.mean(dim=0)"),
        (BN.var, "var = ((x - mean) ** 2).mean(dim=0)"),
        (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
    )
    counted = ("n = x.numel() // x.shape[1]", "n = x.shape[0]")
    pasted = "you average over dim=0, as in BatchNorm1d, so every pixel gets its own statistics; the mean should run over N, H and W, dim=(0, 2, 3)."
    plain_out = (BN.out, "return self.gamma * x_hat + self.beta")
    return [
        _row("pasted", "axis", "", pasted, *one_d, counted, plain_out),
        _row("pasted_out_of_place", "axis", "", pasted, *one_d, counted, plain_out, *_OUT_OF_PLACE),
        _row("pasted_wide_affine", "axis", "", pasted, *one_d),
        _row("pasted_wide_affine_out_of_place", "axis", "", pasted, *one_d, *_OUT_OF_PLACE),
        _row(
            "pasted_average_of_pixels",
            "axis",
            "",
            pasted,
            *one_d,
            ("(mean - self.running_mean)", "(mean.mean(dim=(1, 2)) - self.running_mean)"),
            ("(unbiased - self.running_var)", "(unbiased.mean(dim=(1, 2)) - self.running_var)"),
            ("mean = self.running_mean", "mean = self.running_mean[:, None, None]"),
            ("var = self.running_var", "var = self.running_var[:, None, None]"),
        ),
        _row(
            "each_image",
            "axis",
            "train/output",
            "you average over H and W only, image by image (that is instance normalization); the mean should run over N, H and W.",
            *image,
            ("(mean - self.running_mean)", "(mean.mean(dim=(0, 2, 3)) - self.running_mean)"),
            ("(unbiased - self.running_var)", "(unbiased.mean(dim=(0, 2, 3)) - self.running_var)"),
        ),
        _row(
            "each_image_crash",
            "axis",
            "",
            "you average over H and W only, image by image (that is instance normalization); the mean should run over N, H and W.",
            *image,
        ),
        _row(
            "mean_of_image_variances",
            "variance",
            "train/output",
            "the variances of single images are averaged, so the spread of their means is lost; the squares of x − mean should be averaged over N, H and W.",
            (BN.var, "var = x.var(dim=(2, 3), correction=0).mean(dim=0)"),
        ),
        _row(
            "mean_of_image_variances_unbiased",
            "variance",
            "train/output",
            "the unbiased variances of single images are averaged, so the spread of their means is lost; the squares of x − mean should be averaged over N, H and W.",
            (BN.var, "var = x.var(dim=(2, 3)).mean(dim=0)"),
        ),
        _row(
            "whole",
            "axis",
            "train/output",
            "one mean and variance serve the whole batch; each channel should have its own.",
            (BN.mean, "mean = x.mean().expand(x.shape[1])"),
            (BN.var, "var = ((x - mean[0]) ** 2).mean().expand(x.shape[1])"),
        ),
        _row(
            "over_channels",
            "axis",
            "train/output",
            "you average over C too, image by image (that is layer normalization); the mean should run over N, H and W.",
            (BN.mean, "mean = x.mean(dim=(1, 2, 3), keepdim=True)"),
            (BN.var, "var = ((x - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True)"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            ("(mean - self.running_mean)", "(mean.mean() - self.running_mean)"),
            ("(unbiased - self.running_var)", "(unbiased.mean() - self.running_var)"),
            ("mean = self.running_mean", "mean = self.running_mean[:, None, None]"),
            ("var = self.running_var", "var = self.running_var[:, None, None]"),
        ),
        _row(
            "over_width_left_out",
            "axis",
            "",
            "you average over N and H only, so each column has its own statistics; the mean should run over N, H and W.",
            (BN.mean, "mean = x.mean(dim=(0, 2))"),
            (BN.var, "var = ((x - mean[:, None]) ** 2).mean(dim=(0, 2))"),
            (BN.hat, "x_hat = (x - mean[:, None]) / torch.sqrt(var + self.eps)[:, None]"),
        ),
        _row(
            "lined_up_with_width",
            "shape",
            "train/output",
            "mean and var have shape (C,), and `x - mean` lines them up with W, the last dimension; it should be mean[:, None, None], and so for var.",
            (BN.var, "var = ((x - mean) ** 2).mean(dim=(0, 2, 3))"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
        ),
        _row(
            "all_lined_up_with_width",
            "shape",
            "train/output",
            "mean, var, gamma and beta have shape (C,), and a plain (C,) is lined up with W, the last dimension; each should get two more dimensions, [:, None, None].",
            (BN.var, "var = ((x - mean) ** 2).mean(dim=(0, 2, 3))"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            plain_out,
        ),
        _row(
            "x_var_all_lined_up",
            "shape",
            "train/output",
            "`x - mean`, the division and gamma take a plain (C,), which is lined up with W, the last dimension; each should get two more dimensions, [:, None, None].",
            (BN.var, "var = x.var(dim=(0, 2, 3), correction=0)"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            plain_out,
        ),
        _row(
            "gamma_lined_up_with_width",
            "shape",
            FACTOR,
            "gamma and beta have shape (C,), and the product lines them up with W, the last dimension; it should be gamma[:, None, None], and so for beta.",
            plain_out,
        ),
        _row(
            "var_lined_up_with_width",
            "shape",
            "train/output",
            "the root of var has shape (C,), and the division lines it up with W, the last dimension; it should be [:, None, None].",
            (BN.hat, "x_hat = (x - mean[:, None, None]) / torch.sqrt(var + self.eps)"),
        ),
        _row(
            "buffers_lined_up_with_width",
            "shape",
            EVAL,
            "in eval mode running_mean and running_var have shape (C,) and are lined up with W, the last dimension; they should be [:, None, None].",
            *all_wide,
            ("(mean - self.running_mean)", "(mean.flatten() - self.running_mean)"),
            ("(unbiased - self.running_var)", "(unbiased.flatten() - self.running_var)"),
        ),
        _row(
            "four_dims",
            "shape",
            shape,
            "gamma, beta and the running statistics have shape (1, C, 1, 1); they should have shape (C,), as torch's, or neither loads the other's state.",
            *all_wide,
            *wide_buffers,
            *wide_affine,
        ),
        _row(
            "four_dims_statistics",
            "shape",
            "",
            "the running statistics have shape (1, C, 1, 1); they should have shape (C,), as torch's.",
            *all_wide,
            *wide_buffers,
        ),
        _row(
            "four_dims_affine",
            "shape",
            shape,
            "gamma and beta have more dimensions, as in (1, C, 1, 1); they should have shape (C,), as torch's.",
            *wide_affine,
        ),
        _row(
            "statistics_change_shape",
            "shape",
            "",
            "the running statistics change shape in training, from (C,) to (1, C, 1, 1); they should stay (C,).",
            *all_wide,
            (
                _MEAN,
                "self.running_mean = (1 - self.momentum) * self.running_mean.view(1, -1, 1, 1) + self.momentum * mean",
            ),
            (
                _VAR,
                "self.running_var = (1 - self.momentum) * self.running_var.view(1, -1, 1, 1) + self.momentum * unbiased",
            ),
            ("mean = self.running_mean", "mean = self.running_mean.view(1, -1, 1, 1)"),
            ("var = self.running_var", "var = self.running_var.view(1, -1, 1, 1)"),
        ),
        _row(
            "flattened_without_permute",
            "axis",
            "",
            "x is reshaped to (−1, C) while C is still dim 1, so the channels are mixed; C should be moved to the end first.",
            (BN.mean, "x, given = x.reshape(-1, x.shape[1]), x.shape\n            mean = x.mean(dim=0)"),
            (BN.var, "var = ((x - mean) ** 2).mean(dim=0)"),
            (_REMEMBERED, f"{_REMEMBERED}\n            x, given = x.reshape(-1, x.shape[1]), x.shape"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            (BN.out, "return (self.gamma * x_hat + self.beta).reshape(given)"),
        ),
        _row(
            "not_permuted_back",
            "axis",
            "",
            "C is moved to the end, and the result is reshaped straight to (N, C, H, W), which mixes channels and positions; C should be moved back.",
            (
                BN.mean,
                "given, x = x.shape, x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])\n            mean = x.mean(dim=0)",
            ),
            (BN.var, "var = ((x - mean) ** 2).mean(dim=0)"),
            (
                _REMEMBERED,
                f"{_REMEMBERED}\n            given, x = x.shape, x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])",
            ),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            (BN.out, "return (self.gamma * x_hat + self.beta).reshape(given)"),
        ),
        _row(
            "stays_flat",
            "axis",
            "",
            "the output stays flattened to rows of channels; it should go back to the shape of x.",
            (BN.mean, "x = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])\n            mean = x.mean(dim=0)"),
            (BN.var, "var = ((x - mean) ** 2).mean(dim=0)"),
            (_REMEMBERED, f"{_REMEMBERED}\n            x = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])"),
            (BN.hat, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
            plain_out,
        ),
    ]


class Published2d(nn.Module):
    """A published from-scratch layer for images: moving statistics as plain tensors, the mode from grad mode."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, num_features, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, num_features, 1, 1))
        self.running_mean, self.running_var = torch.zeros(1, num_features, 1, 1), torch.ones(1, num_features, 1, 1)
        self.eps, self.momentum = eps, momentum

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, H, W)."""
        if not torch.is_grad_enabled():
            x_hat = (x - self.running_mean) / torch.sqrt(self.running_var + self.eps)
        else:
            mean = x.mean(dim=(0, 2, 3), keepdim=True)
            var = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
            x_hat = (x - mean) / torch.sqrt(var + self.eps)
            self.running_mean = (1.0 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1.0 - self.momentum) * self.running_var + self.momentum * var
        return self.gamma * x_hat + self.beta


PUBLISHED_2D = Suspect(
    "published",
    "modes",
    "torch.is_grad_enabled() is taken for the mode, the statistics are plain (1, C, 1, 1) tensors with their graph, and "
    "the biased variance is remembered; the mode should be self.training, and the statistics buffers of shape (C,).",
    Published2d,
    EVAL,
)

BATCHNORM2D = (
    *_made(BatchNorm2d, [*_shapes(), *_in_any(BN), *_running(), *_modes(), *_buffers()]),
    PUBLISHED_2D,
)

# LayerNorm

_SHAPE = "shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)"
_DIMS = "self.dims = tuple(range(-len(shape), 0))"


def _dims(id: str, title: str, dims: str, of: Lines, shows: str = "") -> Row:
    """Other dimensions, chosen when x is there."""
    mean = of.mean if of is LN else _SQUARE
    return _row(id, "axis", shows or of.shown, title, (mean, f"self.dims = {dims}\n        {mean}"))


def _of_last_dimensions(gamma: str, beta: str | None, out: str) -> list[Row]:
    """What can go wrong with normalized_shape, in LayerNorm and in RMSNorm."""
    both = "gamma and beta have" if beta else "gamma has"
    last = [(gamma, gamma.replace("(shape)", "(shape[-1])"))] + (
        [(beta, beta.replace("(shape)", "(shape[-1])"))] if beta else []
    )
    return [
        _row(
            "last_only",
            "axis",
            "image/output",
            "you average over the last dimension alone; all dimensions that normalized_shape names should be averaged over.",
            (_DIMS, "self.dims = (-1,)"),
        ),
        _row(
            "affine_of_last_dim",
            "affine",
            "",
            f"{both} the size of the last dimension only; the shape should be normalized_shape.",
            *last,
        ),
        _row(
            "last_only_affine_too",
            "axis",
            "image/output",
            f"only the last dimension of normalized_shape is used, for the mean and for {'gamma and beta' if beta else 'gamma'}; all that it names should be.",
            (_DIMS, "self.dims = (-1,)"),
            *last,
        ),
        _row(
            "int_only",
            "shape",
            "",
            "normalized_shape is taken for a number; a tuple should work too, for the last dimensions that it names.",
            (_SHAPE, "shape = (normalized_shape + 0,)"),
        ),
        _row(
            "int_not_handled",
            "shape",
            "",
            "normalized_shape is taken for a tuple, and len() of an int fails; an int should stand for one dimension, as (n,). In Python (n) is n.",
            (_SHAPE, "shape = normalized_shape\n        len(normalized_shape)"),
        ),
        _row(
            "int_made_a_tuple",
            "shape",
            "",
            "normalized_shape is made a tuple by tuple(), which fails for an int; an int should stand for one dimension, as (n,).",
            (_SHAPE, "shape = tuple(normalized_shape)"),
        ),
        _row(
            "list_not_handled",
            "shape",
            "sizes",
            "only an int and a tuple are told apart, so a list fails; anything but an int should be made a tuple.",
            (_SHAPE, "shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape + 0,)"),
        ),
        _row(
            "no_root_keyword",
            "axis",
            "image/output",
            "you average over the first dimensions that normalized_shape counts, 0 … k − 1; it should be the last k.",
            (_DIMS, "self.dims = tuple(range(len(shape)))"),
        ),
    ]


_KEPT = (
    "if self.training:\n            self.kept = mean.mean().detach(), var.mean().detach()\n"
    "        else:\n            mean, var = self.kept\n        "
)


class AnnotatedNorm(nn.Module):
    """The layer norm of a well-known annotated Transformer."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-6):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(normalized_shape))
        self.beta = nn.Parameter(torch.zeros(normalized_shape))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., *normalized_shape)."""
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.gamma * (x - mean) / (std + self.eps) + self.beta


_ANNOTATED = (
    "you divide by x.std() + eps over the last dimension alone, with the default eps 1e-6: unbiased, eps outside the root; "
    "it should be √(σ² + ε) with σ² divided by n, over all of normalized_shape, default 1e-5."
)

LAYERNORM = (
    *_made(
        LayerNorm,
        [
            _dims(
                "over_the_batch",
                "you average over dim=0, the examples (that is batch normalization); it should be the last dimensions.",
                "(0,)",
                LN,
            ),
            _dims(
                "all_but_the_batch",
                "you average over everything but dim=0; it should be the last dimensions only, for tokens each token alone.",
                "tuple(range(1, x.ndim))",
                LN,
            ),
            _dims(
                "all_but_the_last",
                "you average over all dimensions but the last; it should be the last dimensions.",
                "tuple(range(x.ndim - 1))",
                LN,
            ),
            _dims(
                "whole",
                "one mean and variance serve the whole tensor; each block of the last dimensions (each token) should have its own.",
                "tuple(range(x.ndim))",
                LN,
            ),
            _dims(
                "second_dim",
                "you average over dim=1 whatever normalized_shape is; it should be the last dimensions.",
                "(1,)",
                LN,
            ),
            *_of_last_dimensions(LN.parameter("gamma"), LN.parameter("beta"), LN.out),
            *_in_any(LN),
            _row(
                "running_statistics",
                "modes",
                "",
                "eval mode uses remembered statistics; layer normalization should remember none and do the same in both modes.",
                (LN.hat, _KEPT + LN.hat),
            ),
            _row(
                "running_buffers",
                "modes",
                "",
                "the layer keeps running statistics as buffers and uses them in eval mode, as batch norm does; it should remember nothing.",
                (
                    LN.parameter("beta"),
                    f'{LN.parameter("beta")}\n        self.register_buffer("running_mean", torch.zeros(1))\n        self.register_buffer("running_var", torch.ones(1))',
                ),
                (
                    LN.hat,
                    "if self.training:\n            self.running_mean += 0.1 * (mean.detach().mean() - self.running_mean)\n            self.running_var += 0.1 * (var.detach().mean() - self.running_var)\n        else:\n            mean, var = self.running_mean, self.running_var\n        "
                    + LN.hat,
                ),
            ),
        ],
    ),
    Suspect("published", "variance", _ANNOTATED, AnnotatedNorm, "tokens/output"),
)

# GroupNorm

_GROUPS = "groups = x.reshape(x.shape[0], self.num_groups, -1)"
_CHECK = "if num_channels % num_groups:"
_SPLIT = (
    _GROUPS,
    "size = len(self.gamma) // self.num_groups\n        "
    "groups = x.reshape(x.shape[0], size, self.num_groups, -1).transpose(1, 2)\n        "
    "split = groups.shape\n        groups = groups.reshape(x.shape[0], self.num_groups, -1)",
)
_IMAGES = "unpacks x.shape into N, C, H, W, which fails without H and W"

GROUPNORM = _made(
    GroupNorm,
    [
        _row(
            "each_position",
            "axis",
            GN.shown,
            "you average over the channels of a group at each position; the mean should run over its channels, H and W together.",
            (_GROUPS, "groups = x.reshape(x.shape[0], self.num_groups, len(self.gamma) // self.num_groups, -1)"),
        ),
        _row(
            "each_position_of_image",
            "axis",
            GN.shown,
            "you average over H and W of each channel; the mean should run over the channels of the group too.",
            (_GROUPS, "groups = x.reshape(x.shape[0], len(self.gamma), -1)"),
        ),
        _row(
            "interleaved",
            "groups",
            GN.shown,
            "a group takes every G-th channel; it should be made of neighbours, channels 0 to C/G − 1 the first.",
            _SPLIT,
            (
                GN.hat,
                "x_hat = ((groups - mean) / torch.sqrt(var + self.eps)).reshape(split).transpose(1, 2).reshape(x.shape)",
            ),
        ),
        _row(
            "group_size",
            "groups",
            GN.shown,
            "num_groups is taken as the number of channels in a group; it should be the number of groups, with C / G channels in each.",
            ("self.num_groups = num_groups", "self.num_groups = num_channels // num_groups"),
        ),
        _row(
            "one_group",
            "groups",
            GN.shown,
            "all channels share one mean whatever G is; each of the G groups should have its own.",
            ("self.num_groups = num_groups", "self.num_groups = 1"),
        ),
        _row(
            "across_the_batch",
            "axis",
            GN.shown,
            "the mean runs over the examples too; no example should see another.",
            (GN.mean, "mean = groups.mean(dim=(0, 2), keepdim=True)"),
            (GN.var, "var = ((groups - mean) ** 2).mean(dim=(0, 2), keepdim=True)"),
        ),
        _row(
            "whole",
            "axis",
            GN.shown,
            "one mean and variance serve the whole batch; each example and group should have its own.",
            (GN.mean, "mean = groups.mean()"),
            (GN.var, "var = ((groups - mean) ** 2).mean()"),
        ),
        _row(
            "groups_of_the_batch",
            "axis",
            GN.shown,
            "the whole batch is cut into G groups, so examples share a mean; each example should be cut into G, as a reshape to (N, G, …) does it.",
            (_GROUPS, "groups = x.reshape(1, self.num_groups, -1)"),
        ),
        _row(
            "turned_before_the_reshape",
            "axis",
            GN.shown,
            "examples and channels change places before the reshape, so a group holds parts of several examples; each example should be cut into G.",
            (_GROUPS, "groups = x.transpose(0, 1).reshape(x.shape[0], self.num_groups, -1)"),
        ),
        _row(
            "over_groups",
            "axis",
            GN.shown,
            "the mean runs over dim=1, the groups; it should run over dim=2, the elements of a group.",
            (GN.mean, "mean = groups.mean(dim=1, keepdim=True)"),
            (GN.var, "var = ((groups - mean) ** 2).mean(dim=1, keepdim=True)"),
        ),
        _row(
            "gamma_for_each_group",
            "affine",
            "",
            "gamma and beta have one number for each group; they should have one for each channel, shape (C,).",
            ("nn.Parameter(torch.ones(num_channels))", "nn.Parameter(torch.ones(num_groups))"),
            ("nn.Parameter(torch.zeros(num_channels))", "nn.Parameter(torch.zeros(num_groups))"),
            (
                GN.out,
                "size = x.shape[1] // self.num_groups\n        gamma, beta = (v.repeat_interleave(size).view(per_channel) for v in (self.gamma, self.beta))\n        return gamma * x_hat + beta",
            ),
        ),
        _row(
            "not_refused",
            "groups",
            "",
            "C that is no multiple of G is not refused; the layer should raise ValueError.",
            (_CHECK, "if False:"),
        ),
        _row(
            "check_reversed",
            "groups",
            "",
            "the check tests G % C, so it refuses what is right; it should test num_channels % num_groups.",
            (_CHECK, "if num_groups % num_channels:"),
        ),
        _row(
            "check_inverted",
            "groups",
            "",
            "the check refuses just the C that are multiples of G; it should refuse the others.",
            (_CHECK, "if num_channels % num_groups == 0:"),
        ),
        _row(
            "assertion",
            "groups",
            "",
            "C that is no multiple of G is refused with another exception (as by assert); it should be ValueError.",
            ("raise ValueError(", "raise AssertionError("),
        ),
        _row(
            "images_only",
            "shape",
            "ranks",
            f"forward {_IMAGES}; it should take any number of dimensions after C.",
            (_GROUPS, f"N, C, H, W = x.shape\n        {_GROUPS}"),
        ),
        _row(
            "images_only_affine",
            "shape",
            "ranks/(N, C) input: as the same numbers with H and W (1 yes, 0 no)",
            "gamma and beta get exactly two more dimensions, for H and W; it should be as many as x has after C.",
            (GN.out, "return self.gamma.view(-1, 1, 1) * x_hat + self.beta.view(-1, 1, 1)"),
        ),
        _row(
            "images_only_affine_four",
            "shape",
            "ranks/(N, C) input: as the same numbers with H and W (1 yes, 0 no)",
            "gamma and beta are viewed as (1, C, 1, 1), for images only; they should get as many dimensions as x has.",
            (GN.out, "return self.gamma.view(1, -1, 1, 1) * x_hat + self.beta.view(1, -1, 1, 1)"),
        ),
        _row(
            "gamma_lined_up",
            "shape",
            FACTOR,
            "gamma and beta have shape (C,), and the product lines them up with the last dimension; they should be lined up with C.",
            (GN.out, "return self.gamma * x_hat + self.beta"),
        ),
        _row(
            "stays_grouped",
            "shape",
            "",
            "the result stays in groups, (N, G, …); it should go back to the shape of x.",
            (GN.hat, "x_hat = (groups - mean) / torch.sqrt(var + self.eps)"),
        ),
        _row(
            "stays_grouped_unscaled",
            "shape",
            "",
            "gamma and beta act on the result in groups, (N, G, …); it should go back to the shape of x first.",
            (GN.hat, "x_hat = (groups - mean) / torch.sqrt(var + self.eps)"),
            (
                GN.out,
                "return self.gamma.view(1, self.num_groups, -1)[..., :1] * x_hat + self.beta.view(1, self.num_groups, -1)[..., :1]",
            ),
        ),
        _row(
            "viewed",
            "shape",
            "",
            "x is split with view, which fails for an input that is not contiguous; it should be reshape.",
            (_GROUPS, _GROUPS.replace("reshape", "view")),
        ),
        _row(
            "four_dims_affine",
            "shape",
            "",
            "gamma and beta have shape (1, C, 1, 1), for images only; they should have shape (C,).",
            (GN.parameter("gamma"), GN.parameter("gamma").replace("(num_channels)", "(1, num_channels, 1, 1)")),
            (GN.parameter("beta"), GN.parameter("beta").replace("(num_channels)", "(1, num_channels, 1, 1)")),
            (GN.out, "return self.gamma * x_hat + self.beta"),
        ),
        *_in_any(GN),
    ],
)

# RMSNorm

_SQUARE = "mean_square = (x.to(dtype) ** 2).mean(dim=self.dims, keepdim=True)"
_RMS = "torch.sqrt(mean_square + eps)"
_RMS_HAT = f"(x / {_RMS}).to(x.dtype)"
_RMS_OUT = f"return self.gamma * {_RMS_HAT}"
_RMS_GAMMA = "self.gamma = nn.Parameter(torch.ones(shape))"
_DTYPE = "dtype = torch.float64 if x.dtype == torch.float64 else torch.float32"
_CHOSEN = "eps = torch.finfo(dtype).eps if self.eps is None else self.eps"
_TINY32, _TINY64 = (
    f"tiny_numbers/eps for {t} input, in multiples of {t}'s machine epsilon" for t in ("float32", "float64")
)
RM = Lines(RMSNorm, "tokens/output", "RMS normalization", "shape", "x", "dim=self.dims, keepdim=True", "self.gamma", "")


def _rms_eps() -> list[Row]:
    without = [
        ("1e-5", "eps_of_layer_norm", "eps=None becomes 1e-5, the default of layer normalization"),
        ("1e-6", "eps_millionth", "eps=None becomes 1e-6"),
        ("1e-8", "eps_tiny", "eps=None becomes 1e-8, as in the paper's code"),
        ("0.0", "eps_zero", "eps=None adds nothing, so a row of zeros gives NaN"),
    ]
    meant = "the machine epsilon of the dtype in which torch computes (float64's for float64, float32's for all others)"
    roots = (
        (
            "eps_outside",
            "eps is added after the square root; it should stand under it: √(mean x² + ε).",
            "(torch.sqrt(mean_square) + eps)",
        ),
        ("eps_missing", "there is no eps under the root; it should be √(mean x² + ε).", "torch.sqrt(mean_square)"),
        (
            "eps_fixed",
            "eps in the formula is the fixed number 1e-5; it should be the argument.",
            "torch.sqrt(mean_square + 1e-5)",
        ),
        ("eps_squared", "eps² is added under the root; it should be eps.", "torch.sqrt(mean_square + eps**2)"),
        (
            "eps_is_a_floor",
            "eps is a lower bound of the mean square; it should be added to it.",
            "torch.sqrt(mean_square.clamp(min=eps))",
        ),
        (
            "eps_is_a_floor_of_the_root",
            "eps is a lower bound of the root; it should be added under the root.",
            "torch.sqrt(mean_square).clamp(min=eps)",
        ),
        (
            "eps_rooted_alone",
            "the root reaches only eps: mean x² + √ε; the whole sum should stand under it.",
            "(mean_square + eps**0.5)",
        ),
        (
            "eps_subtracted",
            "eps is subtracted from the mean square; it should be added.",
            "torch.sqrt(mean_square - eps)",
        ),
        (
            "eps_twice",
            "eps is added twice, under the root and after it; it should stand under the root only.",
            "(torch.sqrt(mean_square + eps) + eps)",
        ),
    )
    return [
        *(
            _row(
                id,
                "eps",
                _TINY32,
                f"{title}; it should become {meant}.",
                (_CHOSEN, f"eps = {value} if self.eps is None else self.eps"),
            )
            for value, id, title in without
        ),
        _row(
            "eps_of_x_dtype",
            "eps",
            "",
            f"eps=None becomes the machine epsilon of x.dtype, which is far too large for 16 bits; it should be {meant}.",
            (_CHOSEN, _CHOSEN.replace("finfo(dtype)", "finfo(x.dtype)")),
        ),
        _row(
            "eps_of_float32",
            "eps",
            _TINY64,
            "eps=None becomes float32's machine epsilon for every dtype; for float64 input it should be float64's.",
            (_CHOSEN, _CHOSEN.replace("finfo(dtype)", "finfo(torch.float32)")),
        ),
        _row(
            "eps_of_float64",
            "eps",
            _TINY32,
            "eps=None becomes float64's machine epsilon for every dtype (as Python's sys.float_info.epsilon); for other input it should be float32's.",
            (_CHOSEN, _CHOSEN.replace("finfo(dtype)", "finfo(torch.float64)")),
        ),
        _row(
            "eps_tiny_of_dtype",
            "eps",
            _TINY32,
            "eps=None becomes finfo.tiny, the smallest number; it should be finfo.eps, the machine epsilon.",
            (_CHOSEN, _CHOSEN.replace("finfo(dtype).eps", "finfo(dtype).tiny")),
        ),
        _row(
            "zero_is_falsy",
            "eps",
            "",
            "eps = 0 becomes the machine epsilon, as in `self.eps or finfo.eps`; only None should.",
            (_CHOSEN, "eps = self.eps or torch.finfo(dtype).eps"),
        ),
        _row(
            "zero_and_x_dtype",
            "eps",
            "",
            f"`self.eps or torch.finfo(x.dtype).eps` takes 0 for None, and an epsilon that is far too large for 16 bits; only None should become {meant}.",
            (_CHOSEN, "eps = self.eps or torch.finfo(x.dtype).eps"),
        ),
        _row(
            "none_not_handled",
            "eps",
            "",
            f"eps=None is added as it is, which fails; it should become {meant}.",
            (_CHOSEN, "eps = self.eps"),
        ),
        *(_row(id, "eps", EPS, title, (_RMS, line)) for id, title, line in roots),
    ]


def _rms_parts() -> list[Row]:
    zeros = _RMS_GAMMA.replace("ones", "zeros")
    out = _RMS_OUT.removeprefix("return ")
    squares = (
        (
            "divides_by_deviation",
            "mean",
            "you divide by the root of the variance; it should be the root of the mean of x², with no mean subtracted.",
            "mean_square = x.var(dim=self.dims, correction=0, keepdim=True)",
        ),
        (
            "divides_by_unbiased_deviation",
            "mean",
            "you divide by the root of the unbiased variance (the default of x.var); it should be the root of the mean of x².",
            "mean_square = x.var(dim=self.dims, keepdim=True)",
        ),
        (
            "sum_of_squares",
            "count",
            "you divide by the length √(Σ x²); it should be √(mean x²), which is √n times smaller.",
            _SQUARE.replace(".mean(", ".sum("),
        ),
        (
            "mean_of_absolutes",
            "root",
            "you divide by the mean of |x|; it should be the root of the mean of the squares.",
            "mean_square = x.abs().mean(dim=self.dims, keepdim=True) ** 2",
        ),
        (
            "square_of_mean",
            "root",
            "you square the mean; it should be the mean of the squares.",
            "mean_square = x.mean(dim=self.dims, keepdim=True) ** 2",
        ),
        (
            "centred",
            "mean",
            "the mean is subtracted (that is layer normalization without β); RMSNorm should leave it in.",
            f"x = x - x.mean(dim=self.dims, keepdim=True)\n        {_SQUARE}",
        ),
        (
            "mean_not_squared",
            "root",
            "you take the mean of x, not of x²; it should be the mean of the squares.",
            "mean_square = x.mean(dim=self.dims, keepdim=True)",
        ),
        (
            "detached",
            "gradient",
            "the mean square is cut out of the graph; the gradient should flow through it.",
            f"{_SQUARE}.detach()",
        ),
        (
            "unbiased",
            "count",
            "the sum of squares is divided by n − 1; it should be divided by n.",
            "mean_square = (x**2).sum(dim=self.dims, keepdim=True) / max(self.gamma.numel() - 1, 1)",
        ),
        (
            "divided_by_last_size",
            "count",
            "the sum of squares is divided by the size of the last dimension; it should be divided by the number of all that are summed.",
            "mean_square = (x**2).sum(dim=self.dims, keepdim=True) / x.shape[-1]",
        ),
        (
            "last_size_less_one",
            "count",
            "the sum of squares is divided by the size of the last dimension − 1; it should be divided by the number of all that are summed.",
            "mean_square = (x**2).sum(dim=self.dims, keepdim=True) / max(x.shape[-1] - 1, 1)",
        ),
        (
            "no_keepdim_of_the_square",
            "shape",
            "the mean square loses the averaged dimensions, so it does not line up with x; it should be taken with keepdim=True.",
            _SQUARE.replace(", keepdim=True", ""),
        ),
    )
    outs = (
        (
            "no_root",
            "root",
            "you divide by the mean of x²; it should be its square root.",
            "self.gamma * (x / (mean_square + eps)).to(x.dtype)",
        ),
        (
            "multiplied",
            "root",
            "you multiply by the root (or divide by torch.rsqrt, its reciprocal); you should divide by it.",
            f"self.gamma * (x * {_RMS}).to(x.dtype)",
        ),
        ("no_gamma", "affine", "gamma is not applied; the output should be gamma · x / √(mean x² + ε).", _RMS_HAT),
        (
            "gamma_plus_one_applied",
            "affine",
            "you multiply by 1 + gamma, and gamma already starts at 1; you should multiply by gamma.",
            f"(1 + self.gamma) * {_RMS_HAT}",
        ),
        ("divided_by_gamma", "affine", "you divide by gamma; you should multiply.", f"{_RMS_HAT} / self.gamma"),
        (
            "gamma_without_graph",
            "affine",
            "gamma enters the output without its graph (.data or .detach()), so no gradient reaches it; it should be used as it is.",
            f"self.gamma.data * {_RMS_HAT}",
        ),
        (
            "forward_no_grad",
            "gradient",
            "x̂ is computed without a graph, so no gradient reaches the input; it should be part of the graph.",
            f"self.gamma * {_RMS_HAT}.detach()",
        ),
        (
            "output_detached",
            "gradient",
            "the output is cut out of the graph, so nothing behind it can learn; it should stay in the graph.",
            f"({out}).detach()",
        ),
        (
            "not_divided",
            "root",
            "x is not divided by anything; it should be divided by √(mean x² + ε).",
            "self.gamma * x",
        ),
        (
            "clipped",
            "numerics",
            "the normalised values are clipped; the layer should have no bounds.",
            f"self.gamma * {_RMS_HAT}.clamp(-4.5, 4.5)",
        ),
        (
            "nan_hidden",
            "numerics",
            "NaN is replaced by numbers; a broken input should show in the output.",
            f"self.gamma * torch.nan_to_num({_RMS_HAT})",
        ),
        ("float64_output", "dtype", "you return float64; the output should have the dtype of x.", f"({out}).double()"),
        ("returns_tuple", "shape", "forward returns several things; it should return one tensor.", f"{out}, x"),
    )
    keep = f"y = {out}\n        "
    return [
        *(_row(id, c, DX if c == "gradient" else RM.shown, title, (_SQUARE, line)) for id, c, title, line in squares),
        *(
            _row(
                id,
                c,
                {"gradient": DX, "affine": FACTOR, "root": RM.shown}.get(c, ""),
                title,
                (_RMS_OUT, f"return {line}"),
            )
            for id, c, title, line in outs
        ),
        _row(
            "one_plus_gamma",
            "affine",
            "start/gamma at the start",
            "gamma starts at 0 and the output uses 1 + gamma (as in Gemma); gamma should start at 1 and multiply.",
            (_RMS_GAMMA, zeros),
            (_RMS_OUT, f"return (1 + self.gamma) * {_RMS_HAT}"),
        ),
        _row(
            "gamma_starts_at_zero",
            "affine",
            "start/gamma at the start",
            "gamma starts at 0; it should start at 1.",
            (_RMS_GAMMA, zeros),
        ),
        _row(
            "gamma_starts_random",
            "affine",
            "start/gamma at the start",
            "gamma starts with random numbers; it should start at 1.",
            (_RMS_GAMMA, _RMS_GAMMA.replace("ones", "randn")),
        ),
        _row(
            "affine_not_learnable",
            "affine",
            "",
            "gamma is no parameter, so it gets no gradient; it should be nn.Parameter.",
            (_RMS_GAMMA, "self.gamma = torch.ones(shape)"),
        ),
        _row(
            "affine_buffers",
            "affine",
            "",
            "gamma is a buffer; it is saved, but no optimizer finds it. It should be nn.Parameter.",
            (_RMS_GAMMA, 'self.register_buffer("gamma", torch.ones(shape))'),
        ),
        _row(
            "affine_frozen",
            "affine",
            "",
            "gamma has requires_grad=False, so it is never trained; it should require a gradient.",
            (_RMS_GAMMA, _RMS_GAMMA[:-1] + ", requires_grad=False)"),
        ),
        _row(
            "one_gamma",
            "affine",
            "",
            "gamma holds one number for all; it should have shape normalized_shape.",
            (_RMS_GAMMA, "self.gamma = nn.Parameter(torch.ones(1))"),
        ),
        _row(
            "torch_names",
            "affine",
            "",
            "the layer has no gamma (in torch it is weight); it should be called self.gamma.",
            (_RMS_GAMMA, _RMS_GAMMA.replace("gamma", "weight")),
            (_RMS_OUT, _RMS_OUT.replace("gamma", "weight")),
        ),
        _row(
            "has_beta",
            "affine",
            "start/learnable numbers besides gamma",
            "the layer has a beta too; RMSNorm should have only gamma.",
            (_RMS_GAMMA, f"{_RMS_GAMMA}\n        self.beta = nn.Parameter(torch.zeros(shape))"),
            (_RMS_OUT, f"{_RMS_OUT} + self.beta"),
        ),
        _row(
            "float32_inside",
            "dtype",
            "",
            "you compute in float32 whatever comes in (.float()): float64 loses digits and comes back as another dtype; the dtype of x should be kept.",
            (_DTYPE, f"{_DTYPE}\n        x = x.float()"),
        ),
        _row(
            "float32_and_back",
            "dtype",
            "",
            "you compute in float32 and cast back, which is right for 16 bits, but float64 input loses half of its digits; float64 should be computed in float64.",
            (_DTYPE, f"{_DTYPE}\n        given, x = x, x.float()"),
            (_SQUARE, _SQUARE.replace("to(dtype)", "float()")),
            (_RMS_OUT, f"return self.gamma * (x / {_RMS}).to(given.dtype)"),
        ),
        _row(
            "float32_and_back_eps",
            "dtype",
            "",
            "you compute in float32 and cast back, with float32's eps: right for 16 bits, but float64 input loses half of its digits; float64 should be computed in float64.",
            (_DTYPE, "given, x = x, x.float()\n        dtype = x.dtype"),
            (_RMS_OUT, f"return self.gamma * (x / {_RMS}).to(given.dtype)"),
        ),
        _row(
            "changes_input",
            "side effects",
            "",
            "you change the caller's tensor in place; forward should make a new one.",
            (_RMS_OUT, f"{keep}with torch.no_grad():\n            x.add_(1.0)\n        return y"),
        ),
        _row(
            "graph_kept_on_self",
            "side effects",
            "",
            "the result is kept on the layer with its graph, and copy.deepcopy then fails; forward should keep nothing.",
            (_RMS_OUT, f"{keep}self.kept = y\n        return y"),
        ),
        _row(
            "history_kept",
            "side effects",
            "",
            "the layer keeps a tensor of every batch in a list, so memory grows with every step; forward should keep nothing.",
            (_RMS_OUT, f"{keep}self.__dict__.setdefault('kept', []).append(x)\n        return y"),
        ),
        _row(
            "no_return",
            "shape",
            "",
            "forward does not return its result; it should end with a return.",
            (_RMS_OUT, f"y = {out}"),
        ),
        _row(
            "functional_called",
            "delegation",
            "own_work/a norm of the library was called (1 yes, 0 no)",
            "the library's RMS normalization is called; the mean square and the root should be your own.",
            (
                _DTYPE,
                f"if True:\n            return nn.functional.rms_norm(x, self.gamma.shape, self.gamma, self.eps)\n        {_DTYPE}",
            ),
        ),
        _row(
            "running_statistics",
            "modes",
            "",
            "eval mode uses a remembered mean square; RMSNorm should remember none and do the same in both modes.",
            (
                _RMS_OUT,
                f"if self.training:\n            self.kept = mean_square.mean().detach()\n        else:\n            mean_square = self.kept\n        {_RMS_OUT}",
            ),
        ),
    ]


RMSNORM = _made(
    RMSNorm,
    [
        _dims("over_the_batch", "you average over dim=0, the examples; it should be the last dimensions.", "(0,)", RM),
        _dims(
            "all_but_the_batch",
            "you average over everything but dim=0; it should be the last dimensions only, for tokens each token alone.",
            "tuple(range(1, x.ndim))",
            RM,
        ),
        _dims(
            "all_but_the_last",
            "you average over all dimensions but the last; it should be the last dimensions.",
            "tuple(range(x.ndim - 1))",
            RM,
        ),
        _dims(
            "whole",
            "one mean square serves the whole tensor; each block of the last dimensions (each token) should have its own.",
            "tuple(range(x.ndim))",
            RM,
        ),
        _dims(
            "second_dim",
            "you average over dim=1 whatever normalized_shape is; it should be the last dimensions.",
            "(1,)",
            RM,
        ),
        *_of_last_dimensions(_RMS_GAMMA, None, _RMS_OUT),
        *_rms_parts(),
        *_rms_eps(),
    ],
)

# Suspects that behave the same from outside; each is explained as any of its group.
ALIKE: tuple[set[str], ...] = (
    {"always_batch_and_updates", "mode_method"},
    {"plain_and_rebound", "not_persistent"},
    {"statistics_are_parameters", "statistics_are_frozen_parameters"},
    {"no_statistics", "no_statistics_names"},
    {"one_value_clamped", "one_value_stored_first"},
    {"no_keepdim", "no_keepdim_of_the_variance"},
    {"check_reversed", "check_inverted"},
)
