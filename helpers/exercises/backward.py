"""Notebook 07: batch norm's gradients in full, in compact form, in eval mode and as an autograd Function; LN and RMS.

The formulas of the full form are those of Ioffe & Szegedy (2015), §3.  Everything is fed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction

from helpers.judge.api import BadOutput, Check, Exercise, Probe, all_of, asked, near, tensor
from helpers.judge.operators import library_norms, operators_called

from .measuring import normal

Backward = Callable[..., Any]
"""Upstream gradient and what the forward pass was given; gradients out."""

_WORK = asked("does a batch norm of the library or autograd do the work")
_CHANGED = asked("is a tensor of your caller changed")
SIX = ("dx_hat", "dvar", "dmean", "dx", "dgamma", "dbeta")


def double(seed: int, shape: Sequence[int], mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
    """Normal numbers in float64."""
    return normal(seed, shape, mean, std).double()


def _inputs(
    seed: int, shape: Sequence[int], mean: float, std: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """dy, x and gamma; gamma is neither 1 nor of one sign."""
    gamma = torch.tensor([0.5, -2.0, 3.0, 1.5, -0.7]).double()[: shape[-1]] + 0.1 * double(seed, shape[-1:])
    return double(seed + 1, shape), double(seed + 2, shape, mean, std), gamma


_BATCHES = {"": (1e-5, 2.0, 1.5), ", std 0.1, eps = 0.01": (0.01, 1.0, 0.1)}
"""What is fed: (eps, mean, std) by what follows the name of a quantity."""


def _own(backward: Backward, *given: Any) -> tuple[Any, bool, bool]:
    """The result, whether somebody else has done the work, and whether a tensor given was changed."""
    kept = [g.clone() if isinstance(g, torch.Tensor) else g for g in given]
    with operators_called() as called:
        result = backward(*given)
    others = bool(library_norms(called)) or bool(called["torch::grad"] + called["torch::backward"])
    changed = not all(torch.equal(g, k) for g, k in zip(given, kept, strict=True) if isinstance(g, torch.Tensor))
    return result, others, changed


def _part(value: Any, names: Sequence[str], wanted: Sequence[str]) -> dict[str, torch.Tensor]:
    """Some of the gradients in a tuple, flat where they belong to features; the others may still be None."""
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        got = "None" if value is None else f"a {type(value).__name__}"
        raise BadOutput(f"the result is {got}; {len(names)} tensors are needed: {', '.join(names)}.")
    found = {name: tensor(v, name) for name, v in zip(names, value, strict=True) if name in wanted}
    return {name: t if name in ("dx", "dx_hat") else t.flatten() for name, t in found.items()}


def _gradients(
    names: Sequence[str], wanted: Sequence[str], seed: int, shape: Sequence[int], given: Callable[..., tuple[Any, ...]]
) -> Callable[[Backward], dict[str, Any]]:
    """A probe: ``wanted`` of the gradients on both batches; ``given`` makes the arguments of dy, x, gamma and eps."""

    def run(backward: Backward) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for i, (told, (eps, mean, std)) in enumerate(_BATCHES.items()):
            arguments = given(*_inputs(seed + 10 * i, shape, mean, std), eps)
            result, others, changed = _own(backward, *arguments)
            seen |= {f"{name}{told}": value for name, value in _part(result, names, wanted).items()}
        return {**seen, _WORK: others, _CHANGED: changed}

    return run


def _as_they_are(*arguments: Any) -> tuple[Any, ...]:
    return arguments


def _six(*wanted: str) -> Callable[[Backward], dict[str, Any]]:
    return _gradients(SIX, wanted, 0, (6, 3), _as_they_are)


six_gradients_exercise = Exercise(
    id="six_gradients",
    title="The paper's six gradients",
    module=__name__,
    builds="six_gradients",
    probes=(
        Probe("affine", "a 6×3 batch, eps = 1e-5; one with std 0.1, eps = 0.01", _six("dgamma", "dbeta")),
        Probe("statistics", "the same two batches", _six("dx_hat", "dvar", "dmean")),
        Probe("input", "the same two batches", _six("dx")),
    ),
    checks=(
        Check(
            "affine",
            "1 · dgamma and dbeta",
            (all_of("affine"),),
            "They are all that the layer itself learns by.",
            (
                "γ and β are one number for all examples. What does the chain rule do with several uses of one number?",
                "It adds: sums over dim=0, not means. And what did γ multiply in the forward pass?",
                "`dgamma = (dy * x_hat).sum(dim=0)`",
            ),
        ),
        Check(
            "statistics",
            "2 · dx_hat, dvar and dmean",
            (all_of("statistics"),),
            "They say how the loss feels the two numbers that all examples share.",
            (
                "Three lines of the paper, one line of code each. The derivative of v to the power −1/2 is −1/2 times what?",
                "dvar has (σ² + ε) to the power −3/2; with std = √(σ² + ε) that is a division by std**3. dmean has a minus.",
                "`dvar = (dx_hat * (x - mean)).sum(dim=0) * -0.5 / std**3` and `dmean = -dx_hat.sum(dim=0) / std`",
            ),
        ),
        Check(
            "input",
            "3 · dx: all three paths",
            (all_of("input"),),
            "The layers below learn by this one; a path left out trains them wrongly, without any error message.",
            (
                "Look at the picture of the graph: how many arrows leave x?",
                "One term for each path: through x̂, through σ², through μ. The mean of m numbers has the slope 1/m.",
                "`dx = dx_hat / std + dvar * 2 * (x - mean) / m + dmean / m`",
            ),
        ),
    ),
)


def _normalised(x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(x_hat, std) of a batch, std = √(biased variance + eps)."""
    centred = x - x.mean(0)
    std = ((centred**2).mean(0) + eps).sqrt()
    return centred / std, std


def _compact(dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float) -> tuple[Any, ...]:
    x_hat, std = _normalised(x, eps)
    return dy, x_hat, gamma, std


def _alone(run: Callable[[Backward], dict[str, Any]]) -> Callable[[Backward], dict[str, Any]]:
    """The same probe for a function that returns one tensor."""
    return lambda backward: run(lambda *given: (tensor(backward(*given), "the result"),))


compact_gradient_exercise = Exercise(
    id="compact_gradient",
    title="The compact form",
    module=__name__,
    builds="compact_gradient",
    probes=(
        Probe(
            "input",
            "x_hat and std of a 7×4 batch, eps = 1e-5; of one with std 0.1, eps = 0.01",
            _alone(_gradients(("dx",), ("dx",), 100, (7, 4), _compact)),
        ),
    ),
    checks=(
        Check(
            "input",
            "dx from dy, x_hat, gamma and std alone",
            (all_of("input"),),
            "Two sums for each feature are all that is needed. torch runs this form too, and computes x̂ again from x.",
            (
                "Start from dy. Two things are taken away from it, and the rest is scaled.",
                "With means in place of sums the m disappears: Σdy / m is dy.mean(dim=0).",
                "`gamma / std * (dy - dy.mean(dim=0) - x_hat * (dy * x_hat).mean(dim=0))`",
            ),
        ),
    ),
)


def _output(function: Any, inputs: Sequence[torch.Tensor], eps: float) -> torch.Tensor:
    """What the Function gives for x, gamma and beta, a tensor of the shape of x."""
    y = tensor(function.apply(*inputs, eps), "the output of apply")
    if y.shape != inputs[0].shape:
        raise BadOutput(f"the output has shape {tuple(y.shape)}, its input {tuple(inputs[0].shape)}.")
    return y


def _loss(function: Any, inputs: Sequence[torch.Tensor], eps: float, upstream: torch.Tensor) -> torch.Tensor:
    return (_output(function, inputs, eps) * upstream).sum()


def _leaves(seed: int, shape: Sequence[int], mean: float = 1.0, std: float = 1.5) -> list[torch.Tensor]:
    _, x, gamma = _inputs(seed, shape, mean, std)
    return [t.requires_grad_() for t in (x, gamma, double(seed + 3, shape[-1:]))]


def _forward(function: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for i, (told, (eps, mean, std)) in enumerate(_BATCHES.items()):
        seen[f"output{told}"] = _output(function, _leaves(200 + 10 * i, (6, 3), mean, std), eps)
    return seen


def _backward(function: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with operators_called() as called:
        for i, (told, (eps, mean, std)) in enumerate(_BATCHES.items()):
            inputs = _leaves(200 + 10 * i, (6, 3), mean, std)
            _loss(function, inputs, eps, double(240 + i, (6, 3))).backward()
            for name, leaf in zip(("x", "gamma", "beta"), inputs, strict=True):
                seen[f"gradient of {name}{told}"] = torch.full_like(leaf, torch.nan) if leaf.grad is None else leaf.grad
    inputs = _leaves(230, (6, 3))
    others = bool(library_norms(called)) or _asks_autograd(function, _output(function, inputs, 0.1))
    return {**seen, _WORK: others}


def _asks_autograd(function: Any, y: torch.Tensor) -> bool:
    """Whether the backward pass of ``y`` asks autograd: called by itself, since ``.backward()`` hides what it calls."""
    node = y.grad_fn  # in torch 2.4 to 2.11 what it saved is lost once y is gone
    if not isinstance(node, BackwardCFunction) or function.backward is torch.autograd.Function.backward:
        return False
    with operators_called() as called:
        function.backward(node, double(235, (6, 3)))
    return bool(called["torch::grad"] + called["torch::backward"])


def _checked(function: Any) -> dict[str, Any]:
    passed = torch.autograd.gradcheck(
        lambda *given: _output(function, given, 0.01), _leaves(260, (4, 2)), raise_exception=False
    )
    return {asked("does torch.autograd.gradcheck pass"): passed}


def _twice(function: Any) -> dict[str, Any]:
    """Two uses before the first backward, with other sizes and another eps; γ and β are the same."""
    x, gamma, beta = _leaves(280, (6, 3))
    other = double(285, (4, 3), -1.0, 0.5).requires_grad_()
    loss = _loss(function, (x, gamma, beta), 0.1, double(286, (6, 3)))
    loss = loss + _loss(function, (other, gamma, beta), 0.5, double(287, (4, 3)))
    names = ("gradient of the first x", "gradient of the second x", "gradient of gamma", "gradient of beta")
    return dict(zip(names, torch.autograd.grad(loss, (x, other, gamma, beta)), strict=True))


def _stacked(function: Any) -> dict[str, Any]:
    """One use behind the other, as in a net."""
    x, gamma, beta = _leaves(300, (6, 3))
    hidden = _output(function, (x, gamma, beta), 0.1).tanh()
    loss = _loss(function, (hidden, beta, gamma), 0.2, double(305, (6, 3)))
    names = ("gradient of x", "gradient of gamma", "gradient of beta")
    return dict(zip(names, torch.autograd.grad(loss, (x, gamma, beta)), strict=True))


def _again(function: Any) -> dict[str, Any]:
    """The same graph backward twice; the upstream gradient and the inputs afterwards."""
    inputs, upstream = _leaves(320, (6, 3)), double(325, (6, 3))
    kept = [t.detach().clone() for t in (*inputs, upstream)]
    y = _output(function, inputs, 0.1)
    first = torch.autograd.grad(y, inputs, upstream, retain_graph=True)
    second = torch.autograd.grad(y, inputs, kept[-1].clone())
    same = all(torch.equal(a, b) for a, b in zip((*inputs, upstream), kept, strict=True))
    gap = max((a - b).abs().max().item() for a, b in zip(first, second, strict=True))
    return {
        asked("is the upstream gradient or an input changed"): not same,
        asked("does a second backward give the same"): gap < 1e-9,
    }


batchnorm_function_exercise = Exercise(
    id="batchnorm_function",
    title="BatchNormFunction",
    module=__name__,
    builds="BatchNormFunction",
    probes=(
        Probe("forward", "a 6×3 batch, eps = 1e-5; one with std 0.1, eps = 0.01", _forward),
        Probe("backward", "the same batches and random upstream gradients", _backward),
        Probe("gradcheck", "a 4×2 batch in float64, eps = 0.01", _checked),
        Probe("twice", "a 6×3 and a 4×3 batch, eps = 0.1 and 0.5, one loss of both", _twice),
        Probe("stacked", "one layer behind the other, with a tanh between", _stacked),
        Probe("again", "one graph, backward twice", _again),
    ),
    checks=(
        Check(
            "gradients",
            "1 · the output, and gradients that gradcheck accepts",
            (
                all_of("forward"),
                all_of("backward"),
                near("gradcheck/" + asked("does torch.autograd.gradcheck pass"), 1, 0),
            ),
            "gradcheck compares with finite differences: it knows no formula, so it cannot repeat your mistake.",
            (
                "forward is Algorithm 1. backward returns one thing for each argument of forward, in the same order.",
                "`apply` was given x, gamma, beta and eps, so four things come back; a number that is not a tensor gets None.",
                "`return gamma / std * (dy - dbeta / m - x_hat * dgamma / m), dgamma, dbeta, None`",
            ),
        ),
        Check(
            "twice",
            "2 · two uses in one graph: each remembers its own batch, and nothing that was given is changed",
            (all_of("twice"), all_of("stacked"), all_of("again")),
            "A net has many batch norms, and all their forwards run before the first backward.",
            (
                "Two forwards run, then two backwards. Where did the first forward leave its tensors?",
                "ctx is new for each use; the class is one for all. In backward, make new tensors; `-=` changes what others hold.",
                "`ctx.save_for_backward(x_hat, gamma, std)` … `x_hat, gamma, std = ctx.saved_tensors`",
            ),
        ),
    ),
)


_DX = ("dx", "dgamma", "dbeta")


def _along_features(x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    x_hat, std = _normalised(x.movedim(-1, 0), eps)
    return x_hat.movedim(0, -1), std


layer_norm_backward_exercise = Exercise(
    id="layer_norm_backward",
    title="Layer norm backward",
    module=__name__,
    builds="layer_norm_backward",
    probes=(
        Probe(
            "tokens",
            "2 sentences of 3 tokens with 5 features, eps = 1e-5; with std 0.1, eps = 0.01",
            _gradients(_DX, _DX, 400, (2, 3, 5), _as_they_are),
        ),
    ),
    checks=(
        Check(
            "tokens",
            "dx for each token, and dgamma and dbeta for each feature",
            (all_of("tokens"),),
            "One formula serves all norms, once it is clear what shares a mean and what shares a γ.",
            (
                "Which elements share a mean here? And has γ one value in such a set?",
                "γ differs within the set, so it goes in before anything is averaged: dx_hat = dy · gamma. "
                "dgamma sums over all tokens of all sentences.",
                "`dx = (dx_hat - dx_hat.mean(-1, keepdim=True) - x_hat * (dx_hat * x_hat).mean(-1, keepdim=True)) / std`",
            ),
        ),
    ),
)

rms_norm_backward_exercise = Exercise(
    id="rms_norm_backward",
    title="RMSNorm backward",
    module=__name__,
    builds="rms_norm_backward",
    probes=(
        Probe(
            "tokens",
            "2 sentences of 3 tokens with 5 features, eps = 1e-5; with std 0.1, eps = 0.01",
            _gradients(_DX[:2], _DX[:2], 500, (2, 3, 5), _as_they_are),
        ),
    ),
    checks=(
        Check(
            "tokens",
            "dx for each token, and dgamma for each feature",
            (all_of("tokens"),),
            "Many large language models, Llama for one, have RMSNorm in every block.",
            (
                "How many paths lead from x to the output now?",
                "No mean is subtracted, so one path is gone, and with it one term. x_hat is x / rms.",
                "`dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(-1, keepdim=True)) / rms`",
            ),
        ),
    ),
)


def _remembered(dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float) -> tuple[Any, ...]:
    var = (0.01 if eps > 1e-3 else 2.0) * (0.5 + double(604, gamma.shape).abs())
    return dy, x, gamma, double(605, gamma.shape, -1.0), var, eps


eval_backward_exercise = Exercise(
    id="eval_backward",
    title="Backward in eval mode",
    module=__name__,
    builds="eval_backward",
    probes=(
        Probe(
            "batch",
            "a 6×3 batch and running statistics that are not its own, eps = 1e-5; variances near 0.01, eps = 0.01",
            _gradients(_DX, _DX, 600, (6, 3), _remembered),
        ),
    ),
    checks=(
        Check(
            "batch",
            "dx, dgamma and dbeta with the running statistics",
            (all_of("batch"),),
            "Fine-tuning with frozen statistics and attribution maps take gradients through eval mode.",
            (
                "How many paths lead from x to y when mean and variance come from memory?",
                "One. The layer is y = scale · x + shift for each feature. But x_hat still stands in dgamma, and it is the "
                "x_hat of eval mode.",
                "`dx = dy * gamma / std` with `std = torch.sqrt(running_var + eps)`",
            ),
        ),
    ),
)
