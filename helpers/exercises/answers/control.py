"""Reference and suspects of notebook 11's control."""

from __future__ import annotations

from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def he_start(net: nn.Module) -> None:
    """Start the hidden Linear layers of net as He et al. (2015, §2.2) do: variance 2 / fan-in, biases 0.

    Changes net in place; the layers may sit in modules inside it.  Its last Linear, the head, may stay as it is.
    """
    ### BEGIN SOLUTION
    linears = [module for module in net.modules() if isinstance(module, nn.Linear)]
    for linear in linears[:-1]:
        nn.init.normal_(linear.weight, std=(2 / linear.in_features) ** 0.5)
        nn.init.zeros_(linear.bias)
    ### END SOLUTION


REFERENCE = {"he_start": he_start}

_STD = "std=(2 / linear.in_features) ** 0.5"
_NORMAL = f"nn.init.normal_(linear.weight, {_STD})"
_ZEROS = "nn.init.zeros_(linear.bias)"


def _suspect(id: str, title: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, "start", title, variant(he_start, *edits))


SUSPECTS = {
    "he_start": (
        _suspect(
            "fan_out",
            "you divide by fan-out, the number of units; fan-in is how many numbers one unit reads (`in_features`).",
            (_STD, "std=(2 / linear.out_features) ** 0.5"),
        ),
        _suspect(
            "variance_as_deviation",
            "2 / fan-in is the variance; the standard deviation is its root.",
            (_STD, "std=2 / linear.in_features"),
        ),
        _suspect(
            "xavier",
            "this is Glorot's start, with variance 2 / (fan-in + fan-out); He's has 2 / fan-in, since a ReLU halves.",
            (_NORMAL, "nn.init.xavier_normal_(linear.weight)"),
        ),
        _suspect(
            "lecun",
            "your variance is 1 / fan-in; a ReLU halves the second moment, so He's has 2 / fan-in.",
            (_STD, "std=(1 / linear.in_features) ** 0.5"),
        ),
        _suspect(
            "kaiming_default",
            "these weights are PyTorch's default (`a=√5` makes the variance 1 / (3 · fan-in)); He's has 2 / fan-in.",
            (_NORMAL, "nn.init.kaiming_uniform_(linear.weight, a=5**0.5)"),
        ),
        _suspect(
            "children_only",
            "no hidden layer was changed. They sit in modules inside the net: `net.modules()` reaches them, `net.children()` "
            "and a loop over the net do not.",
            ("net.modules()", "net.children()"),
        ),
        _suspect("biases_left", "the biases keep PyTorch's default; He's start sets them to 0.", (_ZEROS, "pass")),
        _suspect(
            "first_only",
            "only the first hidden layer is started; every hidden layer needs it.",
            ("linears[:-1]", "linears[:1]"),
        ),
        _suspect(
            "all_alike",
            "all weights of a layer are one number, so its units stay alike for ever; draw them at random.",
            (_NORMAL, "nn.init.constant_(linear.weight, (2 / linear.in_features) ** 0.5)"),
        ),
    )
}
