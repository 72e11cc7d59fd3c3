"""Notebook 01: Algorithms 1 and 2, the identity, the output's variance, the scale of the weights, and Figure 3.

Section, algorithm and figure numbers are those of Ioffe & Szegedy (2015), arXiv:1502.03167.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from helpers.judge.api import BadOutput, Check, Exercise, Probe, asked, matches, near, tensor, tensors
from helpers.judge.operators import library_norms, operators_called

from .measuring import gradients_of, normal

BatchNorm = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]
Run = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Weights V in, BN(Vu) and the gradient of a loss with respect to V out."""
Table = Mapping[str, Mapping[str, Any]]
"""Row name -> column name -> value."""
Answers = dict[str, Any]

_ALONE = ("batch normalization",)
_WITH_SIX = (
    *_ALONE,
    "learning rate × 5",
    "no Dropout",
    "L2 weight penalty ÷ 5",
    "learning rate decays 6 times faster",
    "no local response normalization",
    "better shuffling",
    "less photometric distortion",
)
FIGURE_3: dict[str, dict[str, Any]] = {
    "Inception": {"learning rate": 0.0015, "steps": 31.0e6, "accuracy": 72.2, "changes": ()},
    "BN-Baseline": {"learning rate": 0.0015, "steps": 13.3e6, "accuracy": 72.7, "changes": _ALONE},
    "BN-x5": {"learning rate": 0.0075, "steps": 2.1e6, "accuracy": 73.0, "changes": _WITH_SIX},
    "BN-x30": {
        "learning rate": 0.045,
        "steps": 2.7e6,
        "accuracy": 74.8,
        "changes": tuple(change.replace("rate × 5", "rate × 30") for change in _WITH_SIX),
    },
    "BN-x5-Sigmoid": {
        "learning rate": 0.0075,
        "steps": None,
        "accuracy": 69.8,
        "changes": (*_WITH_SIX, "sigmoid in place of ReLU"),
    },
}
"""ImageNet, single crop: training steps to 72.2 % accuracy, the best accuracy in percent (Figure 3), and what
differs from Inception (§4.2.1, §4.2.2)."""


_CHANGED = asked("is your caller's x changed")
_ANY_CHANGED = asked("is a tensor of your caller changed")
_W_CHANGED = asked("is your caller's W changed")
_LIBRARY = asked("does a norm of PyTorch do the work")


def _double(seed: int, shape: Sequence[int], mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
    return normal(seed, shape, mean, std).double()


def _own_work(run: Callable[[BatchNorm], dict[str, Any]]) -> Callable[[BatchNorm], dict[str, Any]]:
    """The same probe, which also notes whether a norm of PyTorch does the work, by whatever name it is called."""

    @functools.wraps(run)
    def watched(batch_norm: BatchNorm) -> dict[str, Any]:
        with operators_called() as called:
            seen = run(batch_norm)
        return {**seen, _LIBRARY: bool(library_norms(called))}

    return watched


def _features(value: torch.Tensor) -> torch.Tensor:
    """Numbers by feature, also where they were kept as one row, (1, C)."""
    return value[0] if value.ndim == 2 and len(value) == 1 else value


def _pair(value: Any) -> Any:
    """``value``, or if it is one tensor of length two, its two parts: who calls the function can unpack it, too."""
    return tuple(value) if isinstance(value, torch.Tensor) and value.ndim and len(value) == 2 else value


def _plain(batch_norm: BatchNorm, x: torch.Tensor, eps: float) -> torch.Tensor:
    """The result for gamma = 1, beta = 0.  x: (N, 3)."""
    return tensor(batch_norm(x, torch.ones(3).double(), torch.zeros(3).double(), eps), "the result")


@_own_work
def _normalised(batch_norm: BatchNorm) -> dict[str, Any]:
    x = _double(0, (6, 3), 3.0, 5.0)
    kept = x.clone()
    y = _plain(batch_norm, x, 1e-5)
    return {"y": y, _CHANGED: not torch.equal(x, kept)}


def _small(batch_norm: BatchNorm) -> dict[str, Any]:
    x = _double(1, (8, 3), 2.0, 0.1)
    x[:, 2] = 4.0
    return {"y": _plain(batch_norm, x, 0.01)}


@_own_work
def _affine(batch_norm: BatchNorm) -> dict[str, Any]:
    gamma, beta = torch.tensor([0.5, 2.0, -1.0]).double(), torch.tensor([1.0, 0.0, -2.0]).double()
    return {"y": tensor(batch_norm(_double(2, (6, 3), 1.0, 2.0), gamma, beta, 1e-5), "the result")}


@_own_work
def _gradients(batch_norm: BatchNorm) -> dict[str, Any]:
    x = _double(3, (6, 3), 1.0, 2.0).requires_grad_()
    gamma, beta = _double(4, (3,)).requires_grad_(), _double(5, (3,)).requires_grad_()
    y = tensor(batch_norm(x, gamma, beta, 1e-5), "the result")
    names = ("gradient of x", "gradient of gamma", "gradient of beta")
    found = gradients_of((y * _double(6, (6, 3))).sum(), (x, gamma, beta))
    return dict(zip(names, found, strict=True))


algorithm_1_exercise = Exercise(
    id="algorithm_1",
    title="Algorithm 1",
    module=__name__,
    builds="batch_norm",
    probes=(
        Probe("batch", "a 6×3 batch, mean 3, std 5; gamma = 1, beta = 0, eps = 1e-5", _normalised),
        Probe("small", "an 8×3 batch with std 0.1 and one constant feature; eps = 0.01", _small),
        Probe("affine", "a 6×3 batch; gamma = (0.5, 2, −1), beta = (1, 0, −2)", _affine),
        Probe("gradients", "a 6×3 batch and a random upstream gradient", _gradients),
    ),
    checks=(
        Check(
            "normalise",
            "lines 1–3: each feature is normalised with its own mean, biased variance and eps",
            (
                matches("batch/y"),
                matches("small/y"),
                near(f"batch/{_CHANGED}", 0.0, 0.0),
                near(f"batch/{_LIBRARY}", 0.0, 0.0),
            ),
            "A small batch shows the wrong variance, a small variance shows the wrong place for eps.",
            (
                "Three lines of the paper, three lines of code: mean, variance, normalised x.",
                "Average over dim=0. The variance divides by N. Add eps to the variance, then take the root.",
                "`x_hat = (x - mean) / torch.sqrt(var + eps)`",
            ),
        ),
        Check(
            "scale_and_shift",
            "line 4: gamma and beta scale and shift each feature",
            (matches("affine/y"), near(f"affine/{_LIBRARY}", 0.0, 0.0)),
            "Without line 4 every layer is forced to mean 0 and variance 1.",
            (
                "The last line of the algorithm uses the normalised x, not x.",
                "gamma multiplies, beta is added; both have one number for each feature.",
                "`return gamma * x_hat + beta`",
            ),
        ),
        Check(
            "gradient",
            "§3: the gradient flows to gamma, beta and x, through the mean and the variance too",
            (
                matches("gradients/gradient of gamma"),
                matches("gradients/gradient of beta"),
                matches("gradients/gradient of x"),
                near(f"gradients/{_LIBRARY}", 0.0, 0.0),
            ),
            "§2 shows what happens when the optimiser does not know that the mean depends on the weights.",
            (
                "The mean and the variance are functions of x. autograd must be able to see that.",
                "No `.detach()`, `.item()`, NumPy or `no_grad()` between x and the result.",
                "Compute `mean` and `var` from x with torch operations, and nothing else is needed.",
            ),
        ),
    ),
)


def _undone(std: float, eps: float) -> Callable[[Callable[[torch.Tensor, float], Any]], dict[str, Any]]:
    def run(parameters: Callable[[torch.Tensor, float], Any]) -> dict[str, Any]:
        x = _double(7, (6, 3), 2.0, std)
        gamma, beta = map(_features, tensors(_pair(parameters(x, eps)), "gamma", "beta"))
        if not gamma.shape == beta.shape == (3,):
            return {"gamma": gamma, "beta": beta}
        y = F.batch_norm(x, None, None, gamma.to(x), beta.to(x), True, 0.0, eps)
        return {"gamma": gamma, "beta": beta, "largest gap between batch_norm(x) and x": (y - x).abs().max()}

    return run


identity_exercise = Exercise(
    id="identity",
    title="The identity",
    module=__name__,
    builds="identity_parameters",
    probes=(
        Probe("batch", "a 6×3 batch with standard deviation 1.5, and eps = 0.1", _undone(1.5, 0.1)),
        Probe("small", "a 6×3 batch with standard deviation 0.01, and eps = 0.001", _undone(0.01, 0.001)),
    ),
    checks=(
        Check(
            "identity",
            "with these gamma and beta the batch comes out as it went in",
            (
                matches("batch/gamma"),
                matches("batch/beta"),
                matches("batch/largest gap between batch_norm(x) and x"),
                matches("small/gamma"),
                matches("small/beta"),
            ),
            "The paper's reason for gamma and beta: the layer can represent the identity (§3).",
            (
                "Set y = x in Algorithm 1 and solve for gamma and beta.",
                "gamma must undo the division, beta must undo the subtraction. What exactly is divided by?",
                "`gamma = torch.sqrt(var + eps)` with the biased variance, and `beta = mean`.",
            ),
        ),
    ),
)


def _variance(output_variance: Callable[[torch.Tensor, float], Any]) -> dict[str, Any]:
    var = torch.tensor([1e-8, 1e-6, 1e-5, 1e-3, 1.0, 100.0]).double() * (1 + _double(11, (6,)).abs())
    return {
        "variance of the output": output_variance(var, 1e-5),
        "the same for eps = 0.5": output_variance(var, 0.5),
    }


variance_after_exercise = Exercise(
    id="variance_after",
    title="The variance of the output",
    module=__name__,
    builds="output_variance",
    probes=(
        Probe(
            "variances",
            "six batch variances, the smallest near 1e-8, the largest above 100; eps = 1e-5, then 0.5",
            _variance,
        ),
    ),
    checks=(
        Check(
            "variance",
            "the variance of x̂ for any batch variance and eps",
            (matches("variances/variance of the output"), matches("variances/the same for eps = 0.5")),
            "A feature that is almost constant is not blown up to variance 1.",
            (
                "x̂ is x − mean, divided by a constant. What does dividing by c do to a variance?",
                "It divides the variance by c². Here c = √(var + eps).",
                "`return var / (var + eps)`",
            ),
        ),
    ),
)


def _rescaled(rescaling: Callable[[Run, torch.Tensor, float], Any]) -> dict[str, Any]:
    W, u, upstream = _double(8, (5, 8), 0.0, 0.3), _double(9, (32, 8)), _double(10, (32, 5))
    ran: list[torch.Tensor] = []

    def run(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = weights.detach().clone().requires_grad_()
        ran.append(weights)
        y = F.batch_norm(u @ weights.T, None, None, training=True, eps=1e-5)
        (gradient,) = torch.autograd.grad((y * upstream).sum(), weights)
        return y.detach(), gradient

    seen: dict[str, Any] = {}
    changed = False
    for a in (10.0, 0.5, 0.001):
        given = W.clone()
        both = _pair(rescaling(run, given, a))
        changed |= not torch.equal(given, W)
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise BadOutput(f"the result is {both!r}; a pair (change, ratio) is needed.")
        seen |= {f"change for a = {a:g}": both[0], f"ratio for a = {a:g}": both[1]}
    return {**seen, asked("is run called"): bool(ran), _W_CHANGED: changed}


weight_scale_exercise = Exercise(
    id="weight_scale",
    title="The scale of the weights",
    module=__name__,
    builds="rescaling",
    probes=(Probe("scales", "weights 5×8, a 32×8 batch; a = 10, 0.5 and 0.001; eps = 1e-5", _rescaled),),
    checks=(
        Check(
            "rescaling",
            "the change of the output, and the ratio of the gradients' lengths",
            (
                *(
                    matches(f"scales/{what} for a = {a}")
                    for what in ("change", "ratio")
                    for a in ("10", "0.5", "0.001")
                ),
                near(f"scales/{_W_CHANGED}", 0.0, 0.0),
            ),
            "This is the paper's argument for large learning rates (§3.3).",
            (
                "Call run twice: once with W, once with a * W.",
                "The change is the largest absolute difference of the outputs. In the ratio, a·W is on top.",
                "`change = (y_a - y).abs().max()` and `ratio = gradient_a.norm() / gradient.norm()`",
            ),
        ),
    ),
)


def _folded(batches: int, m: int, spread: float, eps: float) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    def run(inference_form: Callable[..., Any]) -> dict[str, Any]:
        means, variances = _double(12, (batches, 3), 2.0), spread * (0.5 + _double(13, (batches, 3)).abs())
        gamma, beta = _double(14, (3,), 1.0, 0.5), _double(15, (3,))
        given = [means, variances, gamma, beta]
        kept = [t.clone() for t in given]
        both = _pair(inference_form(means, variances, m, gamma, beta, eps))
        scale, shift = map(_features, tensors(both, "scale", "shift"))
        changed = not all(map(torch.equal, given, kept))
        seen = {"scale": scale, _ANY_CHANGED: changed}
        if not scale.shape == shift.shape == (3,):
            return {**seen, "shift": shift}
        return {**seen, "shift": shift, "scale · E[x] + shift": scale * kept[0].mean(0) + shift}

    return run


algorithm_2_exercise = Exercise(
    id="algorithm_2",
    title="Algorithm 2",
    module=__name__,
    builds="inference_form",
    probes=(
        Probe(
            "batches",
            "means and variances of 5 batches of 8 examples, 3 features; eps = 1e-5",
            _folded(5, 8, 4.0, 1e-5),
        ),
        Probe(
            "small", "the same of 4 batches of 2 examples, variances near 0.01; eps = 0.01", _folded(4, 2, 0.01, 0.01)
        ),
    ),
    checks=(
        Check(
            "scale",
            "lines 10 and 11: the scale, with the unbiased variance of all batches",
            (matches("batches/scale"), matches("small/scale"), near(f"batches/{_ANY_CHANGED}", 0.0, 0.0)),
            "With the biased variance a model that was trained with small batches is scaled too much once it is served.",
            (
                "First one variance for each feature, from all batches. Then line 11: what does x get multiplied by?",
                "Average the batch variances over dim=0, and correct them by m/(m − 1); m is the size of one batch.",
                "`scale = gamma / torch.sqrt(m / (m - 1) * batch_variances.mean(dim=0) + eps)`",
            ),
        ),
        Check(
            "shift",
            "line 11: the shift; an x at the mean of all batches comes out as beta",
            (matches("batches/scale · E[x] + shift"), matches("small/scale · E[x] + shift")),
            "The two constants are all that is left of the layer in a served model.",
            (
                "Put the mean of all batches in for x. What has to come out?",
                "Multiply out gamma · (x − mean) / √(var + eps) + beta; all that has no x in it is the shift.",
                "`shift = beta - batch_means.mean(dim=0) * scale`",
            ),
        ),
    ),
)

_SPEED = {
    "bn_alone": "speed-up of BN alone",
    "bn_x5": "speed-up of BN-x5",
    "bn_x30": "speed-up of BN-x30",
    "rest": "speed-up that the other changes of BN-x5 add to BN alone",
}
_READING = {
    "isolates_bn": "row that isolates BN (counted from 0)",
    "fastest": "row that is first at 72.2 % (counted from 0)",
    "most_accurate": "row with the best accuracy (counted from 0)",
    "changes_in_bn_x5": "changes from Inception to BN-x5",
    "points_of_bn_alone": "percentage points that BN alone adds",
}
_ROWS = ("isolates_bn", "fastest", "most_accurate")


def _answers(read: Callable[[Table], Any]) -> dict[str, Any]:
    answers = read(copy.deepcopy(FIGURE_3))
    if not isinstance(answers, dict):
        raise BadOutput(f"the result is a {type(answers).__name__}; a dict is needed.")
    missing = [key for key in (*_SPEED, *_READING) if key not in answers]
    if missing:
        raise BadOutput(f"the dict has no {missing[0]!r}.")
    rows = list(FIGURE_3)
    for key in _ROWS:
        if answers[key] not in rows:
            raise BadOutput(f"{key} is {answers[key]!r}; it must be one of {', '.join(rows)}.")
    return {
        text: rows.index(answers[key]) if key in _ROWS else answers[key] for key, text in {**_SPEED, **_READING}.items()
    }


figure_3_exercise = Exercise(
    id="figure_3",
    title="Reading Figure 3",
    module=__name__,
    builds="read_figure_3",
    probes=(Probe("table", "the table of Figure 3", _answers),),
    checks=(
        Check(
            "speed",
            "four speed-ups",
            tuple(matches(f"table/{text}", rtol=0.06) for text in _SPEED.values()),
            "A speed-up without its baseline and its side changes says nothing about batch normalization.",
            (
                "A speed-up is a ratio of steps, larger than 1 where the model is faster.",
                "Divide the steps of Inception by those of the model. Speed-ups multiply: bn_alone · rest = bn_x5.",
                '`"rest": table["BN-Baseline"]["steps"] / table["BN-x5"]["steps"]`',
            ),
        ),
        Check(
            "reading",
            "what the table can show",
            tuple(matches(f"table/{text}", atol=0.01) for text in _READING.values()),
            "An experiment isolates a cause only if nothing else was changed.",
            (
                "Look at `changes` of each row before you look at its numbers.",
                "One row differs from Inception in one thing only. The fastest row is not the most accurate one.",
                '`len(table["BN-x5"]["changes"])`; the points are a difference of two accuracies.',
            ),
        ),
    ),
)
