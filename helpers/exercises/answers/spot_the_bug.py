"""The ten bugs: line, a check that sees it, and a repair."""

from __future__ import annotations

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def spot_the_bug() -> dict[str, tuple[int, str, str]]:
    """For each layer "A" … "J": (number of the wrong line, id of a check that is red, the line repaired)."""
    ### BEGIN SOLUTION
    return {
        "A": (11, "numbers", "self.running_var.lerp_(var * len(x) / (len(x) - 1), self.momentum)"),
        "B": (7, "numbers", "mean, var = x.mean(0), x.var(0, correction=0)"),
        "C": (11, "settings", "std = torch.sqrt(var + self.eps)"),
        "D": (9, "numbers", "old, new = 1 - self.momentum, self.momentum"),
        "E": (7, "input_gradient", "mean, var = x.mean(0), x.var(0, correction=0)"),
        "F": (8, "saved", 'self.register_buffer("running_var", torch.ones(num_features))'),
        "G": (9, "precision", "var = ((x - mean) ** 2).sum(0) / n"),
        "H": (3, "eval_mode", "if self.training:"),
        "I": (11, "side_effects", "self.running_mean = keep * self.running_mean + add * mean.detach()"),
        "J": (8, "one_row", "if n > 1: self.running_var.lerp_(var * n / (n - 1), self.momentum)"),
    }
    ### END SOLUTION


REFERENCE = {"spot_the_bug": spot_the_bug}
SUSPECTS = {
    "spot_the_bug": (
        Suspect(
            "counted_from_zero",
            "lines",
            "your line numbers are one too small; the listing starts at 1.",
            variant(
                spot_the_bug,
                ("return {", "return {k: (n - 1, check, text) for k, (n, check, text) in {"),
                ('self.momentum)"),\n    }\n', 'self.momentum)"),\n    }.items()}\n'),
            ),
        ),
    )
}
