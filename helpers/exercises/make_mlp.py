"""Notebook 03: build the net with and without a norm, count its parameters, and say what the measurements show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.judge.api import (
    BadOutput,
    Check,
    Exercise,
    Finding,
    Observations,
    Probe,
    Question,
    Quiz,
    Rule,
    agree,
    asked,
    matches,
    tensor,
)

from .measuring import SALT, normal

WIDTHS = [5, 7, 6, 3]
SIZES = "sizes of the Linear layers, in and out"
BIAS = asked("has each Linear a bias")
NEGATIVE = asked("do negative numbers reach each norm")
BUILT = "features that the norms were built for"
NUMBERS = "learnable numbers that the net holds"
LAST = asked("has the last hidden layer a norm")
COUNT = "learnable numbers"


class _Spy(nn.Module):
    """A stand-in for a norm, y = 2x − 1, that notes whether negative numbers reach it."""

    negative = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.negative = bool((x < 0).any())
        return 2 * x - 1


def _used(net: Any, x: torch.Tensor) -> list[nn.Module]:
    """The modules of ``net`` without parts of their own, in the order in which they are called."""
    if not isinstance(net, nn.Module):
        raise BadOutput(f"make_mlp returned a {type(net).__name__}; a net (nn.Module) is needed.")
    order: list[nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda m, *_: order.append(m))
        for module in net.modules()
        if not list(module.children())
    ]
    tensor(net(x), "the output of the net")
    for hook in hooks:
        hook.remove()
    return order


def _linears(net: Any) -> dict[str, Any]:
    """Fill the Linear layers with known weights and biases of 0, in the order of their use; what is seen of them."""
    linears = [m for m in _used(net, normal(0, (4, WIDTHS[0]))) if isinstance(m, nn.Linear)]
    with torch.no_grad():
        for i, linear in enumerate(linears):
            linear.weight.copy_(normal(10 + i, tuple(linear.weight.shape)))
            if linear.bias is not None:
                linear.bias.zero_()
    sizes = np.array([[m.in_features, m.out_features] for m in linears])
    return {SIZES: sizes, BIAS: np.array([m.bias is not None for m in linears])}


def _held(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def _plain(make_mlp: Callable[..., Any]) -> dict[str, Any]:
    net = make_mlp(list(WIDTHS))
    return {**_linears(net), NUMBERS: _held(net), "output": net(normal(1, (6, WIDTHS[0])))}


def _normed(make_mlp: Callable[..., Any]) -> dict[str, Any]:
    built: list[int] = []

    def norm(features: int) -> nn.Module:
        built.append(features)
        return _Spy()

    norm.__module__, norm.__qualname__ = "builtins", "norm"  # torch's messages show both
    net = make_mlp(list(WIDTHS), norm)
    seen = _linears(net)
    output = net(normal(1, (6, WIDTHS[0])))
    used = _used(net, normal(2, (50, WIDTHS[0])))
    reached = [m.negative for m in used if isinstance(m, _Spy)]
    linears = [i for i, m in enumerate(used) if isinstance(m, nn.Linear)]
    behind = used[linears[-2] : linears[-1]] if len(linears) > 1 else []
    return {
        BIAS: seen[BIAS],
        BUILT: np.array(built),
        "number of norms that are called": len(reached),
        NEGATIVE: np.array(reached),
        LAST: any(isinstance(m, _Spy) for m in behind),
        "output": output,
    }


def _own(make_mlp: Callable[..., Any]) -> dict[str, Any]:
    def different(norm: Callable[[int], nn.Module], kind: type[nn.Module]) -> int:
        used = _used(make_mlp([4, 8, 8, 8, 2], norm), normal(3, (6, 4)))
        return len({id(m) for m in used if isinstance(m, kind)})

    return {
        "different BatchNorm1d layers in 3 hidden layers": different(nn.BatchNorm1d, nn.BatchNorm1d),
        "different GroupNorm layers in 3 hidden layers": different(lambda c: nn.GroupNorm(2, c), nn.GroupNorm),
    }


make_mlp_exercise = Exercise(
    id="make_mlp",
    title="make_mlp",
    module=__name__,
    builds="make_mlp",
    probes=(
        Probe("plain", f"make_mlp({WIDTHS}), known weights, 6 rows", _plain),
        Probe("normed", f"make_mlp({WIDTHS}, norm), a norm that computes 2x − 1, known weights, 6 rows", _normed),
        Probe("own", "make_mlp([4, 8, 8, 8, 2], norm) with BatchNorm1d and with GroupNorm", _own),
    ),
    checks=(
        Check(
            "layers",
            "1 · without a norm: Linear, ReLU, …, and a plain Linear head",
            (matches(f"plain/{NUMBERS}"), matches(f"plain/{SIZES}"), matches("plain/output")),
            "A ReLU behind the head could never output a negative number.",
            (
                "How many Linear layers does [5, 7, 6, 3] need? Which of them is followed by a ReLU?",
                "Loop over the pairs (5, 7) and (7, 6) with Linear and ReLU; then add one Linear(6, 3).",
                "`for fan_in, fan_out in pairwise(widths[:-1]): layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]`",
            ),
        ),
        Check(
            "placement",
            "2 · with a norm: Linear, norm, ReLU",
            (
                matches("normed/number of norms that are called"),
                matches(f"normed/{NEGATIVE}"),
                matches("normed/output"),
            ),
            "This is the paper's z = g(BN(Wu)), §3.2.",
            (
                "g is the nonlinearity. What stands inside its brackets?",
                "In each hidden layer the norm comes right after its Linear and before its ReLU; the head has none.",
                "`layers += [nn.Linear(...), norm(fan_out), nn.ReLU()]`",
            ),
        ),
        Check(
            "bias",
            "3 · no bias right before a norm, a bias everywhere else",
            (matches(f"plain/{BIAS}"), matches(f"normed/{BIAS}")),
            "Batch norm subtracts a bias again with the mean; it costs memory and never learns.",
            (
                "Which Linear layers are followed by a norm? Is the head one of them?",
                "nn.Linear takes bias=True or bias=False.",
                "`nn.Linear(fan_in, fan_out, bias=norm is None)`, and the head without that argument.",
            ),
        ),
        Check(
            "own_norm",
            "4 · each hidden layer builds its own norm, of its own width, from what it is given",
            (
                matches(f"normed/{BUILT}"),
                matches("own/different BatchNorm1d layers in 3 hidden layers"),
                matches("own/different GroupNorm layers in 3 hidden layers"),
            ),
            "Two layers that share one norm share γ, β and running statistics, which fit neither.",
            (
                "norm is not a layer: it is something that builds a layer for a number of features.",
                "Call norm once in each hidden layer, with the number of features that come out of its Linear.",
                "`norm(fan_out)` inside the loop",
            ),
        ),
    ),
)


_EXAMPLES = {
    "with 2 hidden layers": [5 + SALT, 7, 6, 3],
    "with 2 hidden layers of one width": [20 + SALT, 64, 64, 1],
    "without a hidden layer": [4 + SALT, 2],
}
_WIDTHS_FED = ", ".join(map(str, _EXAMPLES.values()))


def _counts(with_norm: bool) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    def run(count_parameters: Callable[..., Any]) -> dict[str, Any]:
        return {f"{COUNT} {net}": count_parameters(list(w), with_norm) for net, w in _EXAMPLES.items()}

    return run


def _count_keys(probe: str) -> tuple[str, ...]:
    return tuple(f"{probe}/{COUNT} {net}" for net in _EXAMPLES)


count_parameters_exercise = Exercise(
    id="count_parameters",
    title="count_parameters",
    module=__name__,
    builds="count_parameters",
    probes=(
        Probe("without", f"the widths {_WIDTHS_FED}; norm = False", _counts(False)),
        Probe("with", f"the widths {_WIDTHS_FED}; norm = True", _counts(True)),
    ),
    checks=(
        Check(
            "counts",
            "learnable numbers, without and with batch norm",
            (matches(*_count_keys("without"), atol=0.0, rtol=0.0), matches(*_count_keys("with"), atol=0.0, rtol=0.0)),
            hints=(
                "Go through the layers one by one and write down the shape of each parameter.",
                "A hidden Linear of a → b has a·b weights. Then either b biases, or b γ's and b β's. Buffers are not learned.",
                "`a * b + (2 * b if norm else b)` for each hidden layer, plus weights and biases of the head.",
            ),
        ),
    ),
)


def _letter(answer: Callable[[], Any]) -> dict[str, Any]:
    given = answer()
    if not isinstance(given, str) or given.strip().lower() not in tuple("abcde"):
        raise BadOutput(f'return one letter from "a" to "e", not {given!r}.')
    return {f"answer {letter}": letter == given.strip().lower() for letter in "abcde"}


def _supported(seen: Observations, right: Observations) -> Finding:
    """The letter is the reference's.  Says which one was chosen, never which one is right."""
    chosen = next((key for key, value in seen.items() if agree(value, np.array(1.0))), "letter/answer a")
    passed = all(agree(seen.get(key), value) for key, value in right.items())
    measured = str(seen["letter"]) if "letter" in seen else chosen.partition("/")[2]
    return Finding(passed, chosen, "the answer that the measurements support", measured)


_LETTERS = tuple((letter, letter) for letter in "abcde")


def _question(id: str, title: str, hints: tuple[str, str, str]) -> Quiz:
    rule: Rule = _supported
    check = Check("answer", "your answer", (rule,), hints=hints)
    row = Question("", "answer", "", (_LETTERS,), tuple(f"letter/answer {letter}" for letter, _ in _LETTERS))
    return Quiz(id, title, __name__, id, (Probe("letter", "your letter", _letter),), (check,), questions=(row,))


why_plain_stalls_exercise = _question(
    "why_plain_stalls",
    "Why the default net stalls in the demo",
    (
        "Which curve moved although it has no norm either?",
        "One option is about the start. Three of the others say what a curve in the figure would do; does it?",
        "The control's learning rate is the smaller one, and still it moves. What else differs? Only its initial numbers.",
    ),
)

why_batch_norm_diverges_exercise = _question(
    "why_batch_norm_diverges",
    "Why the head breaks, and sooner in a wider net",
    (
        "What has happened to a number just before it enters the head?",
        "PyTorch draws smaller weights for a layer with more inputs. And every unit sees all 512 rows.",
        "Raise all the head's weights by the same little bit. What do the outputs of the 512 rows do?",
    ),
)

where_plain_wins_exercise = _question(
    "where_plain_wins",
    "Why batch norm is slower with larger initial weights",
    (
        "What happens to BN(Wu) if every weight before the norm is multiplied by 10?",
        "The output stays the same. And the gradient with respect to those weights?",
        "What counts of W before a norm, its length or its direction?",
    ),
)
