"""References and suspects of notebook 01's exercises."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: F401  the text of a suspect uses it

from helpers.exercises import paper
from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def batch_norm(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, eps: float) -> torch.Tensor:
    """Algorithm 1.  x: (N, C).  gamma, beta: (C,).  Returns y: (N, C)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=0)
    var = ((x - mean) ** 2).mean(dim=0)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    return gamma * x_hat + beta
    ### END SOLUTION


def identity_parameters(x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """gamma and beta, each of shape (C,), for which batch_norm(x, gamma, beta, eps) is x.  x: (N, C)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=0)
    var = ((x - mean) ** 2).mean(dim=0)
    gamma, beta = torch.sqrt(var + eps), mean
    ### END SOLUTION
    return gamma, beta


def output_variance(var: torch.Tensor, eps: float) -> torch.Tensor:
    """The biased variance of x̂, for features whose biased variance in the batch is var.  var: (C,)."""
    ### BEGIN SOLUTION
    return var / (var + eps)
    ### END SOLUTION


def inference_form(
    batch_means: torch.Tensor,
    batch_variances: torch.Tensor,
    m: int,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Algorithm 2, lines 10 and 11: (scale, shift), each (C,); at test time the layer is scale · x + shift.

    batch_means, batch_variances: (B, C), each feature's mean and biased variance in each of B training batches.
    m: the number of examples in one batch.  gamma, beta: (C,).
    """
    ### BEGIN SOLUTION
    mean = batch_means.mean(dim=0)
    var = m / (m - 1) * batch_variances.mean(dim=0)
    scale = gamma / torch.sqrt(var + eps)
    shift = beta - mean * scale
    ### END SOLUTION
    return scale, shift


def rescaling(run: paper.Run, W: torch.Tensor, a: float) -> tuple[torch.Tensor, torch.Tensor]:
    """What changes when the weights W in front of batch normalization become a·W.

    run(V) returns (y, gradient): the output BN(Vu), and the gradient of a loss with respect to V.
    Returns (change, ratio): the largest absolute change of y, and the norm of the gradient at a·W divided by
    the norm of the gradient at W.
    """
    ### BEGIN SOLUTION
    y, gradient = run(W)
    y_a, gradient_a = run(a * W)
    change = (y_a - y).abs().max()
    ratio = gradient_a.norm() / gradient.norm()
    ### END SOLUTION
    return change, ratio


def read_figure_3(table: paper.Table) -> paper.Answers:
    """Nine answers from the table of Figure 3.  A speed-up is a ratio of steps to 72.2 %.

    bn_alone, bn_x5, bn_x30: the speed-up of BN-Baseline, BN-x5 and BN-x30 over Inception.
    rest: the speed-up of BN-x5 over BN-Baseline.
    isolates_bn, fastest, most_accurate: names of rows.  Which row differs from Inception by BN and nothing else?
    Which is first at 72.2 %?  Which has the best accuracy?
    changes_in_bn_x5: in how many things does BN-x5 differ from Inception, BN included?
    points_of_bn_alone: how many percentage points does BN alone add to the best accuracy?
    """
    ### BEGIN SOLUTION
    steps = {name: row["steps"] for name, row in table.items()}
    return {
        "bn_alone": steps["Inception"] / steps["BN-Baseline"],
        "bn_x5": steps["Inception"] / steps["BN-x5"],
        "bn_x30": steps["Inception"] / steps["BN-x30"],
        "rest": steps["BN-Baseline"] / steps["BN-x5"],
        "isolates_bn": "BN-Baseline",
        "fastest": "BN-x5",
        "most_accurate": "BN-x30",
        "changes_in_bn_x5": len(table["BN-x5"]["changes"]),
        "points_of_bn_alone": table["BN-Baseline"]["accuracy"] - table["Inception"]["accuracy"],
    }
    ### END SOLUTION


_MEAN = "mean = x.mean(dim=0)"
_VAR = "var = ((x - mean) ** 2).mean(dim=0)"
_HAT = "x_hat = (x - mean) / torch.sqrt(var + eps)"
_END = "return gamma * x_hat + beta"


def _suspects(original: Any, *rows: tuple[Any, ...]) -> tuple[Suspect, ...]:
    """From rows of (id, category, title, *edits)."""
    return tuple(Suspect(id, category, title, variant(original, *edits)) for id, category, title, *edits in rows)


_BATCH_NORM = _suspects(
    batch_norm,
    (
        "unbiased",
        "variance",
        "you divide by N − 1 (as `x.var(dim=0)` does by default); Algorithm 1, line 2, divides by the batch size.",
        (_VAR, "var = x.var(dim=0)"),
    ),
    (
        "squares",
        "variance",
        "you average x², without subtracting the mean first.",
        (_VAR, "var = (x ** 2).mean(dim=0)"),
    ),
    (
        "rows",
        "axis",
        "you average over dim=1, the features of one row (that is layer normalization); average over dim=0.",
        (_MEAN, "mean = x.mean(dim=1, keepdim=True)"),
        (_VAR, "var = ((x - mean) ** 2).mean(dim=1, keepdim=True)"),
    ),
    (
        "whole",
        "axis",
        "you take one mean and one variance over the whole batch; each feature has its own.",
        (_MEAN, "mean = x.mean()"),
        (_VAR, "var = ((x - mean) ** 2).mean()"),
    ),
    (
        "eps_outside",
        "eps",
        "you add eps after the root; line 3 has √(variance + eps).",
        (_HAT, "x_hat = (x - mean) / (torch.sqrt(var) + eps)"),
    ),
    (
        "no_eps",
        "eps",
        "you do not use eps: a constant feature is 0/0 = NaN.",
        (_HAT, "x_hat = (x - mean) / torch.sqrt(var)"),
    ),
    (
        "constant_eps",
        "eps",
        "you use 1e-5 whatever eps is given.",
        (_HAT, "x_hat = (x - mean) / torch.sqrt(var + 1e-5)"),
    ),
    (
        "no_root",
        "normalise",
        "you divide by the variance; line 3 divides by its root.",
        (_HAT, "x_hat = (x - mean) / (var + eps)"),
    ),
    (
        "not_centred",
        "normalise",
        "you divide x by the root without subtracting the mean.",
        (_HAT, "x_hat = x / torch.sqrt(var + eps)"),
    ),
    ("no_affine", "affine", "you leave out line 4: gamma and beta are not used.", (_END, "return x_hat")),
    (
        "swapped_affine",
        "affine",
        "gamma and beta have changed places: gamma multiplies, beta is added.",
        (_END, "return beta * x_hat + gamma"),
    ),
    (
        "shift_first",
        "affine",
        "you add beta before multiplying; line 4 is gamma · x̂ + beta.",
        (_END, "return gamma * (x_hat + beta)"),
    ),
    (
        "detached",
        "gradient",
        "your mean and variance are cut from the graph, so the gradient of x treats them as constants.",
        (_MEAN, "mean = x.detach().mean(dim=0)"),
        (_VAR, "var = ((x.detach() - mean) ** 2).mean(dim=0)"),
    ),
    (
        "no_graph",
        "gradient",
        "nothing can be trained: the result is cut from the graph (detach, no_grad or NumPy).",
        (_END, "return (gamma * x_hat + beta).detach()"),
    ),
    (
        "in_place",
        "side effect",
        "you overwrite the caller's x (as `x -= mean` does); make a new tensor.",
        (_HAT, "x_hat = x.sub_(mean) / torch.sqrt(var + eps)"),
    ),
    (
        "calls_torch",
        "own work",
        "a norm of PyTorch does the work; here you build it from means, differences and a root.",
        (_END, "return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)"),
    ),
    (
        "gamma_in_the_variance",
        "affine",
        "gamma multiplies the variance under the root; line 4 multiplies x̂ by it.",
        (_HAT, "x_hat = (x - mean) / torch.sqrt(gamma * var + eps)"),
        (_END, "return x_hat + beta"),
    ),
    (
        "numpy_of_a_leaf",
        "gradient",
        "NumPy cannot take a tensor that needs a gradient, and what NumPy computes has none; use torch operations.",
        (_MEAN, "mean = torch.from_numpy(x.numpy().mean(axis=0))"),
    ),
    (
        "detached_variance",
        "gradient",
        "your variance is cut from the graph, so the gradient of x treats it as a constant.",
        (_VAR, "var = ((x - mean) ** 2).mean(dim=0).detach()"),
    ),
    (
        "detached_mean",
        "gradient",
        "your mean is cut from the graph, so the gradient of x treats it as a constant.",
        (_HAT, "x_hat = (x - mean.detach()) / torch.sqrt(var + eps)"),
    ),
    (
        "eps_doubled",
        "eps",
        "eps is in your denominator twice, under the root and after it; line 3 has it once, under the root.",
        (_HAT, "x_hat = (x - mean) / (torch.sqrt(var + eps) + eps)"),
    ),
    (
        "deviation_and_eps",
        "variance",
        "you divide by the unbiased standard deviation + eps; line 3 has √(biased variance + eps).",
        (_HAT, "x_hat = (x - mean) / (x.std(dim=0) + eps)"),
    ),
    (
        "multiplied",
        "normalise",
        "you multiply by √(variance + eps); line 3 divides by it.",
        (_HAT, "x_hat = (x - mean) * torch.sqrt(var + eps)"),
    ),
    (
        "no_brackets",
        "normalise",
        "only the mean is divided by the root: brackets around x − mean are missing.",
        (_HAT, "x_hat = x - mean / torch.sqrt(var + eps)"),
    ),
    (
        "gamma_on_x",
        "affine",
        "gamma and beta act on x, not on x̂: the normalised x is not used in line 4.",
        (_END, "return gamma * x + beta"),
    ),
    (
        "no_beta",
        "affine",
        "beta is not added.",
        (_END, "return gamma * x_hat"),
    ),
    (
        "no_gamma",
        "affine",
        "gamma is not used.",
        (_END, "return x_hat + beta"),
    ),
)

_PAIR = "gamma, beta = torch.sqrt(var + eps), mean"
_IDENTITY = _suspects(
    identity_parameters,
    (
        "no_eps",
        "eps",
        "gamma = √variance leaves eps out: the layer divides by √(variance + eps).",
        (_PAIR, "gamma, beta = torch.sqrt(var), mean"),
    ),
    (
        "deviation",
        "variance",
        "gamma is the unbiased standard deviation, without eps; the layer divides by √(biased variance + eps).",
        (_PAIR, "gamma, beta = x.std(dim=0), mean"),
    ),
    (
        "deviation_and_eps",
        "variance",
        "gamma is the unbiased standard deviation + eps; the layer divides by √(biased variance + eps).",
        (_PAIR, "gamma, beta = x.std(dim=0) + eps, mean"),
    ),
    (
        "whole",
        "axis",
        "you take one mean and one variance over the whole batch; each feature has its own.",
        (_MEAN, "mean = x.mean()"),
        (_VAR, "var = x.var(correction=0)"),
    ),
    (
        "constant_eps",
        "eps",
        "you use 1e-5 whatever eps is given.",
        (_PAIR, "gamma, beta = torch.sqrt(var + 1e-5), mean"),
    ),
    (
        "eps_outside",
        "eps",
        "you add eps after the root; the layer divides by √(variance + eps).",
        (_PAIR, "gamma, beta = torch.sqrt(var) + eps, mean"),
    ),
    (
        "unbiased",
        "variance",
        "you use the unbiased variance (÷(N − 1)); the layer divides by N.",
        (_VAR, "var = x.var(dim=0)"),
    ),
    (
        "no_root",
        "normalise",
        "gamma is the variance + eps; take its root.",
        (_PAIR, "gamma, beta = var + eps, mean"),
    ),
    (
        "inverse",
        "normalise",
        "gamma is 1/√(variance + eps): that divides once more. It must undo the division.",
        (_PAIR, "gamma, beta = 1 / torch.sqrt(var + eps), mean"),
    ),
    (
        "negative_mean",
        "affine",
        "beta is −mean: that subtracts once more. It must undo the subtraction.",
        (_PAIR, "gamma, beta = torch.sqrt(var + eps), -mean"),
    ),
    (
        "fresh_layer",
        "affine",
        "gamma = 1, beta = 0 are the start values of a layer: its output is x̂, not x.",
        (_PAIR, "gamma, beta = torch.ones_like(mean), torch.zeros_like(mean)"),
    ),
    (
        "no_shift",
        "affine",
        "beta is 0, so the mean that the layer subtracts is not put back.",
        (_PAIR, "gamma, beta = torch.sqrt(var + eps), torch.zeros_like(mean)"),
    ),
    (
        "no_scale",
        "affine",
        "gamma is 1, so the division by √(variance + eps) is not undone.",
        (_PAIR, "gamma, beta = torch.ones_like(mean), mean"),
    ),
    (
        "folded",
        "affine",
        "beta is the mean divided by √(variance + eps); it is added after gamma has multiplied, so it is the plain mean.",
        (_PAIR, "gamma, beta = torch.sqrt(var + eps), mean / torch.sqrt(var + eps)"),
    ),
    (
        "rows",
        "axis",
        "you average over the features of one row (dim=1); average over the examples, dim=0.",
        (_MEAN, "mean = x.mean(dim=1)"),
        (_VAR, "var = x.var(dim=1, correction=0)"),
    ),
    ("swapped", "order", "you return the two the other way round.", ("return gamma, beta", "return beta, gamma")),
)

_ALL_MEANS = "mean = batch_means.mean(dim=0)"
_ALL_VARIANCES = "var = m / (m - 1) * batch_variances.mean(dim=0)"
_SCALE = "scale = gamma / torch.sqrt(var + eps)"
_SHIFT = "shift = beta - mean * scale"
_ALGORITHM_2 = _suspects(
    inference_form,
    (
        "biased",
        "variance",
        "your variance is the average of the biased ones; line 10 multiplies it by m/(m − 1).",
        (_ALL_VARIANCES, "var = batch_variances.mean(dim=0)"),
    ),
    (
        "no_brackets",
        "variance",
        "brackets are missing around m − 1: `m / m - 1` divides first.",
        (_ALL_VARIANCES, "var = m / m - 1 * batch_variances.mean(dim=0)"),
    ),
    (
        "inverse_factor",
        "variance",
        "your factor is (m − 1)/m; the biased variance is too small, so it is multiplied by m/(m − 1).",
        (_ALL_VARIANCES, "var = (m - 1) / m * batch_variances.mean(dim=0)"),
    ),
    (
        "factor_of_the_batches",
        "variance",
        "your factor uses the number of batches; m is the number of examples in one batch.",
        (_ALL_VARIANCES, "var = len(batch_variances) / (len(batch_variances) - 1) * batch_variances.mean(dim=0)"),
    ),
    (
        "factor_on_the_root",
        "variance",
        "you multiply the root by m/(m − 1); the factor belongs to the variance, under the root.",
        (_ALL_VARIANCES, "var = batch_variances.mean(dim=0)"),
        (_SCALE, "scale = gamma / (m / (m - 1) * torch.sqrt(var + eps))"),
    ),
    (
        "factor_on_eps",
        "eps",
        "you multiply eps by m/(m − 1) as well; the factor belongs to the variance alone.",
        (_SCALE, "scale = gamma / torch.sqrt(var + m / (m - 1) * eps)"),
    ),
    (
        "averaged_deviations",
        "variance",
        "you average the standard deviations; line 10 averages the variances and takes the root at the end.",
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.sqrt().mean(dim=0) ** 2"),
    ),
    (
        "spread_of_the_means",
        "variance",
        "you add the variance of the batch means; line 10 multiplies the average batch variance by m/(m − 1) instead.",
        (_ALL_VARIANCES, "var = batch_variances.mean(dim=0) + batch_means.var(dim=0, correction=0)"),
    ),
    (
        "spread_of_the_means_and_factor",
        "variance",
        "you add the variance of the batch means on top of m/(m − 1); line 10 has only the batch variances.",
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.mean(dim=0) + batch_means.var(dim=0, correction=0)"),
    ),
    (
        "variance_of_the_means",
        "variance",
        "your variance is that of the batch means; line 10 averages the variances inside the batches.",
        (_ALL_VARIANCES, "var = batch_means.var(dim=0)"),
    ),
    (
        "variance_of_the_variances",
        "variance",
        "you take the variance of the batch variances; line 10 takes their average.",
        (_ALL_VARIANCES, "var = batch_variances.var(dim=0)"),
    ),
    (
        "last_batch",
        "averages",
        "you use the last batch alone; line 10 averages over all batches.",
        (_ALL_MEANS, "mean = batch_means[-1]"),
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances[-1]"),
    ),
    (
        "first_batch",
        "averages",
        "you use the first batch alone; line 10 averages over all batches.",
        (_ALL_MEANS, "mean = batch_means[0]"),
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances[0]"),
    ),
    (
        "sums",
        "averages",
        "you add up the batches; line 10 averages over them.",
        (_ALL_MEANS, "mean = batch_means.sum(dim=0)"),
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.sum(dim=0)"),
    ),
    (
        "summed_variances",
        "averages",
        "you add up the variances of the batches; line 10 averages them.",
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.sum(dim=0)"),
    ),
    (
        "whole",
        "axis",
        "you take one mean and one variance for all features; each feature has its own: dim=0.",
        (_ALL_MEANS, "mean = batch_means.mean()"),
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.mean()"),
    ),
    (
        "rows",
        "axis",
        "you average over dim=1, the features of one batch; average over the batches, dim=0.",
        (_ALL_MEANS, "mean = batch_means.mean(dim=1)"),
        (_ALL_VARIANCES, "var = m / (m - 1) * batch_variances.mean(dim=1)"),
    ),
    (
        "factor_on_the_mean",
        "averages",
        "your mean is multiplied by m/(m − 1) too; only the variance is too small on average.",
        (_ALL_MEANS, "mean = m / (m - 1) * batch_means.mean(dim=0)"),
    ),
    (
        "no_eps",
        "eps",
        "you do not use eps; line 11 has √(variance + eps).",
        (_SCALE, "scale = gamma / torch.sqrt(var)"),
    ),
    (
        "constant_eps",
        "eps",
        "you use 1e-5 whatever eps is given.",
        (_SCALE, "scale = gamma / torch.sqrt(var + 1e-5)"),
    ),
    (
        "eps_outside",
        "eps",
        "you add eps after the root; line 11 has √(variance + eps).",
        (_SCALE, "scale = gamma / (torch.sqrt(var) + eps)"),
    ),
    (
        "no_root",
        "scale",
        "you divide by the variance; line 11 divides by its root.",
        (_SCALE, "scale = gamma / (var + eps)"),
    ),
    (
        "multiplied",
        "scale",
        "you multiply gamma by √(variance + eps); line 11 divides.",
        (_SCALE, "scale = gamma * torch.sqrt(var + eps)"),
    ),
    (
        "no_gamma",
        "scale",
        "gamma is not used.",
        (_SCALE, "scale = 1 / torch.sqrt(var + eps)"),
    ),
    (
        "gamma_only_in_the_shift",
        "scale",
        "gamma is in your shift and not in your scale; line 11 has it in both.",
        (_SCALE, "scale = 1 / torch.sqrt(var + eps)"),
        (_SHIFT, "shift = beta - gamma * mean * scale"),
    ),
    (
        "gamma_only_in_the_scale",
        "shift",
        "gamma is missing in your shift: gamma multiplies the mean as well.",
        (_SHIFT, "shift = beta - mean / torch.sqrt(var + eps)"),
    ),
    (
        "gamma_twice",
        "shift",
        "gamma is in your shift twice: it is in the scale already.",
        (_SHIFT, "shift = beta - gamma * mean * scale"),
    ),
    (
        "plus",
        "shift",
        "you add mean · scale; the mean is subtracted, so the shift is beta − mean · scale.",
        (_SHIFT, "shift = beta + mean * scale"),
    ),
    (
        "unscaled_mean",
        "shift",
        "you subtract the plain mean; x is multiplied before the shift is added, so the mean is multiplied too.",
        (_SHIFT, "shift = beta - mean"),
    ),
    (
        "turned_round",
        "shift",
        "your shift has the other sign: it is beta − mean · scale.",
        (_SHIFT, "shift = mean * scale - beta"),
    ),
    ("only_beta", "shift", "your shift is beta: the mean is not subtracted.", (_SHIFT, "shift = beta")),
    ("no_beta", "shift", "beta is missing in your shift.", (_SHIFT, "shift = -mean * scale")),
    (
        "beta_times_scale",
        "shift",
        "you multiply beta by the scale; beta is added as it is.",
        (_SHIFT, "shift = (beta - mean) * scale"),
    ),
    ("swapped", "order", "you return the two the other way round.", ("return scale, shift", "return shift, scale")),
    (
        "mean_and_variance",
        "order",
        "you return the mean and the variance of line 10; line 11 makes a scale and a shift of them.",
        ("return scale, shift", "return mean, var"),
    ),
    (
        "in_place",
        "side effect",
        "you overwrite a tensor of your caller (as `batch_variances *= m / (m - 1)` does); make a new one.",
        (_ALL_VARIANCES, "var = batch_variances.mul_(m / (m - 1)).mean(dim=0)"),
    ),
)

_RATIO = "return var / (var + eps)"
_VARIANCE = _suspects(
    output_variance,
    (
        "one",
        "eps",
        "you get 1 for every feature; eps makes it smaller, the more the smaller var is.",
        (_RATIO, "return torch.ones_like(var)"),
    ),
    (
        "one_minus_eps",
        "eps",
        "1 − eps is the same for every feature; how much eps matters depends on var.",
        (_RATIO, "return torch.ones_like(var) - eps"),
    ),
    (
        "assumes_var_one",
        "var",
        "1/(1 + eps) is right only for a feature of variance 1; var is not used.",
        (_RATIO, "return torch.ones_like(var) / (1 + eps)"),
    ),
    (
        "eps_hard_coded",
        "eps",
        "you use 1e-5 whatever eps is given.",
        (_RATIO, "return var / (var + 1e-5)"),
    ),
    (
        "only_the_divisor",
        "var",
        "1/(var + eps) is what the division does; x itself has variance var, so multiply by it.",
        (_RATIO, "return 1 / (var + eps)"),
    ),
    (
        "unchanged",
        "var",
        "this is the variance of x, before the division.",
        (_RATIO, "return var"),
    ),
    (
        "root_of_the_divisor",
        "root",
        "1/√(var + eps) is the factor that x is multiplied by, not the variance of the product.",
        (_RATIO, "return 1 / torch.sqrt(var + eps)"),
    ),
    (
        "deviation",
        "root",
        "this is the standard deviation of x̂; the variance is its square.",
        (_RATIO, "return torch.sqrt(var / (var + eps))"),
    ),
    (
        "squared",
        "root",
        "you divide by var + eps twice; x̂ is divided by its root, so the variance is divided by it once.",
        (_RATIO, "return var / (var + eps) ** 2"),
    ),
    (
        "eps_outside",
        "eps",
        "this is for √var + eps; the paper has √(var + eps).",
        (_RATIO, "return var / (torch.sqrt(var) + eps) ** 2"),
    ),
    ("inverse", "order", "this is the other way round: it grows above 1.", (_RATIO, "return (var + eps) / var")),
    (
        "first_order",
        "eps",
        "1 − eps/var is right only where var is much larger than eps.",
        (_RATIO, "return 1 - eps / var"),
    ),
    (
        "root_only",
        "root",
        "you divide by √(var + eps); squaring is missing.",
        (_RATIO, "return var / torch.sqrt(var + eps)"),
    ),
)

_CHANGE = "change = (y_a - y).abs().max()"
_NORMS = "ratio = gradient_a.norm() / gradient.norm()"
_RESCALING = _suspects(
    rescaling,
    (
        "inverted",
        "order",
        "your ratio is upside down: the gradient at a·W goes on top.",
        (_NORMS, "ratio = gradient.norm() / gradient_a.norm()"),
    ),
    (
        "squared_norms",
        "measure",
        "you compare squared norms.",
        (_NORMS, "ratio = (gradient_a**2).sum() / (gradient**2).sum()"),
    ),
    (
        "mean_change",
        "measure",
        "your change is the mean of the absolute differences; the largest one is asked for.",
        (_CHANGE, "change = (y_a - y).abs().mean()"),
    ),
    (
        "signed_change",
        "measure",
        "your change is the largest signed difference; a difference can be negative, so take absolute values first.",
        (_CHANGE, "change = (y_a - y).max()"),
    ),
    (
        "norm_change",
        "measure",
        "this is the norm of the change over all elements; the largest one is asked for.",
        (_CHANGE, "change = (y_a - y).norm()"),
    ),
    ("divided", "scale", "you run W / a; the exercise asks for a · W.", ("run(a * W)", "run(W / a)")),
    (
        "scaled_output",
        "scale",
        "you scale the output, not the weights; what BN makes of a · W must be run.",
        ("y_a, gradient_a = run(a * W)", "y_a, gradient_a = a * y, gradient"),
    ),
    (
        "scaled_in_place",
        "scale",
        "W itself is overwritten by a · W (as `W *= a` does), for your caller too; make a new tensor.",
        ("y, gradient = run(W)", "y, gradient = run(W.mul_(a))"),
        ("run(a * W)", "run(W)"),
    ),
    (
        "scaled_in_place_after",
        "scale",
        "your caller's W is a · W afterwards (as after `W *= a`); make a new tensor.",
        ("run(a * W)", "run(W.mul_(a))"),
    ),
    (
        "not_scaled",
        "scale",
        "both runs have the same weights, so nothing changes and the ratio is 1; run a · W as well.",
        ("run(a * W)", "run(W)"),
    ),
    (
        "not_measured",
        "measure",
        "run is never called: these are the numbers that the equations promise for eps = 0. Measure them.",
        ("    y, gradient = run(W)\n    y_a, gradient_a = run(a * W)\n", ""),
        (_CHANGE, "change = torch.tensor(0.0)"),
        (_NORMS, "ratio = torch.tensor(1 / a)"),
    ),
    (
        "swapped",
        "order",
        "you return the two the other way round: the change first, then the ratio.",
        ("return change, ratio", "return ratio, change"),
    ),
    (
        "times_a",
        "measure",
        "your ratio is multiplied by a; the plain ratio of the two norms is asked for.",
        (_NORMS, "ratio = a * gradient_a.norm() / gradient.norm()"),
    ),
    (
        "relative_change",
        "measure",
        "your change is divided by the size of the output; the largest absolute difference is asked for.",
        (_CHANGE, "change = (y_a - y).abs().max() / y.abs().max()"),
    ),
    (
        "ratio_of_maxima",
        "measure",
        "your ratio compares the largest entries of the gradients; their norms are asked for.",
        (_NORMS, "ratio = gradient_a.abs().max() / gradient.abs().max()"),
    ),
    (
        "summed_change",
        "measure",
        "your change is the sum of the absolute differences; the largest one is asked for.",
        (_CHANGE, "change = (y_a - y).abs().sum()"),
    ),
    (
        "norm_of_the_difference",
        "measure",
        "your ratio has the norm of the difference of the gradients on top; the norm of the gradient at a·W goes there.",
        (_NORMS, "ratio = (gradient_a - gradient).norm() / gradient.norm()"),
    ),
    (
        "mean_of_quotients",
        "measure",
        "your ratio is the mean of the quotients of single entries; divide one norm by the other.",
        (_NORMS, "ratio = (gradient_a / gradient).mean()"),
    ),
    (
        "ratio_of_outputs",
        "measure",
        "your ratio compares the outputs; the norms of the gradients are asked for.",
        (_NORMS, "ratio = y_a.norm() / y.norm()"),
    ),
)

_ALONE = '"bn_alone": steps["Inception"] / steps["BN-Baseline"]'
_FIGURE_3 = _suspects(
    read_figure_3,
    (
        "all_credit",
        "attribution",
        "your speed-up of BN alone is that of BN-x5. That row also has 5 times the learning rate and six other changes.",
        (_ALONE, '"bn_alone": steps["Inception"] / steps["BN-x5"]'),
    ),
    (
        "quoted",
        "attribution",
        "14 is the abstract's number, of BN-x5: that row has seven more changes. BN alone is the row BN-Baseline.",
        (_ALONE, '"bn_alone": 14.0'),
    ),
    (
        "x5_isolates",
        "attribution",
        "BN-x5 does not isolate BN: see its `changes`. BN-Baseline does.",
        ('"isolates_bn": "BN-Baseline"', '"isolates_bn": "BN-x5"'),
    ),
    (
        "upside_down",
        "ratio",
        "your ratios are upside down: steps of Inception go on top.",
        (_ALONE, '"bn_alone": steps["BN-Baseline"] / steps["Inception"]'),
        ('steps["Inception"] / steps["BN-x5"]', 'steps["BN-x5"] / steps["Inception"]'),
        ('steps["Inception"] / steps["BN-x30"]', 'steps["BN-x30"] / steps["Inception"]'),
        ('steps["BN-Baseline"] / steps["BN-x5"]', 'steps["BN-x5"] / steps["BN-Baseline"]'),
    ),
    (
        "differences",
        "ratio",
        "you subtract steps; a speed-up is a ratio.",
        (_ALONE, '"bn_alone": steps["Inception"] - steps["BN-Baseline"]'),
        ('steps["Inception"] / steps["BN-x5"]', 'steps["Inception"] - steps["BN-x5"]'),
        ('steps["Inception"] / steps["BN-x30"]', 'steps["Inception"] - steps["BN-x30"]'),
        ('steps["BN-Baseline"] / steps["BN-x5"]', 'steps["BN-Baseline"] - steps["BN-x5"]'),
    ),
    (
        "rest_by_difference",
        "ratio",
        "you subtract two speed-ups; they multiply, so divide: bn_alone · rest = bn_x5.",
        (
            '"rest": steps["BN-Baseline"] / steps["BN-x5"]',
            '"rest": steps["Inception"] / steps["BN-x5"] - steps["Inception"] / steps["BN-Baseline"]',
        ),
    ),
    (
        "fastest_is_best",
        "reading",
        "BN-x30 is not first at 72.2 %: it needs more steps than BN-x5, whatever its learning rate and its accuracy are.",
        ('"fastest": "BN-x5"', '"fastest": "BN-x30"'),
    ),
    (
        "best_is_fastest",
        "reading",
        "BN-x5 has not the best accuracy: look at the accuracies of all rows.",
        ('"most_accurate": "BN-x30"', '"most_accurate": "BN-x5"'),
    ),
    (
        "only_the_six",
        "counting",
        "six is the number of the other changes; batch normalization and the learning rate changed too.",
        ('len(table["BN-x5"]["changes"])', "6"),
    ),
    (
        "without_bn",
        "counting",
        "seven is one too few: the list holds batch normalization, the learning rate and six more.",
        ('len(table["BN-x5"]["changes"])', 'len(table["BN-x5"]["changes"]) - 1'),
    ),
    (
        "relative_points",
        "reading",
        "this is relative to Inception's accuracy; percentage points are a plain difference.",
        (
            'table["BN-Baseline"]["accuracy"] - table["Inception"]["accuracy"]',
            '100 * (table["BN-Baseline"]["accuracy"] / table["Inception"]["accuracy"] - 1)',
        ),
    ),
    (
        "points_of_x30",
        "attribution",
        "these are the points of BN-x30, which has seven more changes; BN alone is the row BN-Baseline.",
        ('table["BN-Baseline"]["accuracy"] - ', 'table["BN-x30"]["accuracy"] - '),
    ),
    (
        "points_of_x5",
        "attribution",
        "these are the points of BN-x5, which has seven more changes; BN alone is the row BN-Baseline.",
        ('table["BN-Baseline"]["accuracy"] - ', 'table["BN-x5"]["accuracy"] - '),
    ),
    (
        "x30_isolates",
        "attribution",
        "BN-x30 does not isolate BN: see its `changes`. BN-Baseline does.",
        ('"isolates_bn": "BN-Baseline"', '"isolates_bn": "BN-x30"'),
    ),
    (
        "fewest_changes",
        "attribution",
        "Inception is what the others are compared with, and has no BN; the row with BN and nothing else isolates it.",
        ('"isolates_bn": "BN-Baseline"', '"isolates_bn": "Inception"'),
    ),
    (
        "none_is_fastest",
        "reading",
        "BN-x5-Sigmoid never reaches 72.2 %: None is not 0 steps.",
        ('"fastest": "BN-x5"', '"fastest": "BN-x5-Sigmoid"'),
    ),
    (
        "slowest_is_fastest",
        "reading",
        "Inception needs the most steps; the fastest row needs the fewest.",
        ('"fastest": "BN-x5"', '"fastest": "Inception"'),
    ),
    (
        "steps_saved",
        "ratio",
        "your speed-ups are shares of the steps that are saved; a speed-up is the steps before divided by the steps after.",
        (_ALONE, '"bn_alone": 1 - steps["BN-Baseline"] / steps["Inception"]'),
        ('steps["Inception"] / steps["BN-x5"]', '1 - steps["BN-x5"] / steps["Inception"]'),
        ('steps["Inception"] / steps["BN-x30"]', '1 - steps["BN-x30"] / steps["Inception"]'),
        ('steps["BN-Baseline"] / steps["BN-x5"]', '1 - steps["BN-x5"] / steps["BN-Baseline"]'),
    ),
    (
        "rest_is_x5",
        "attribution",
        "your rest is the whole speed-up of BN-x5; it is what is left of it over BN-Baseline.",
        ('"rest": steps["BN-Baseline"] / steps["BN-x5"]', '"rest": steps["Inception"] / steps["BN-x5"]'),
    ),
    (
        "rest_upside_down",
        "ratio",
        "your rest is upside down: the steps of BN-Baseline go on top.",
        ('"rest": steps["BN-Baseline"] / steps["BN-x5"]', '"rest": steps["BN-x5"] / steps["BN-Baseline"]'),
    ),
)

REFERENCE = {
    "algorithm_1": batch_norm,
    "algorithm_2": inference_form,
    "identity": identity_parameters,
    "variance_after": output_variance,
    "weight_scale": rescaling,
    "figure_3": read_figure_3,
}
SUSPECTS = {
    "algorithm_1": _BATCH_NORM,
    "algorithm_2": _ALGORITHM_2,
    "identity": _IDENTITY,
    "variance_after": _VARIANCE,
    "weight_scale": _RESCALING,
    "figure_3": _FIGURE_3,
}
