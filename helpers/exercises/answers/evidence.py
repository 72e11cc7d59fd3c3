"""Reference and suspects of notebook 06's table of the evidence."""

from __future__ import annotations

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def evidence() -> dict[str, tuple[str, str]]:
    """For each claim a–f the letters of the evidence against it and of the experiment that would settle it."""
    ### BEGIN SOLUTION
    return {
        "a": ("N", "V"),
        "b": ("K", "T"),
        "c": ("P", "W"),
        "d": ("O", "R"),
        "e": ("L", "U"),
        "f": ("M", "S"),
    }
    ### END SOLUTION


def _wrong(id: str, category: str, title: str, right: str, wrong: str) -> Suspect:
    return Suspect(id, category, title, variant(evidence, (right, wrong)))


_SUSPECTS = (
    _wrong(
        "a_gradient",
        "evidence",
        "a: the cosine is about gradients, the shift of 2018; this claim is about the distribution of an activation.",
        '("N", "V")',
        '("K", "V")',
    ),
    _wrong(
        "a_affine",
        "evidence",
        "a: that γ and β could undo it says nothing about what they do; nobody measured it here.",
        '("N", "V")',
        '("Q", "V")',
    ),
    _wrong(
        "a_one_layer",
        "experiment",
        "a: updating one layer at a time keeps gradients undisturbed; the means move all the same.",
        '("N", "V")',
        '("N", "T")',
    ),
    _wrong(
        "a_other_noise",
        "experiment",
        "a: random shifts are what section 2 has tried; the means that training moves do not jump back and forth.",
        '("N", "V")',
        '("N", "S")',
    ),
    _wrong(
        "b_noise",
        "evidence",
        "b: moving means are the shift of 2015; this claim is about a layer's gradient.",
        '("K", "T")',
        '("N", "T")',
    ),
    _wrong(
        "b_length",
        "evidence",
        "b: a gradient's length in one layer is not its change when the layers below are updated.",
        '("K", "T")',
        '("L", "T")',
    ),
    _wrong(
        "b_means",
        "experiment",
        "b: pushed means change an activation's distribution; whether the gradient is disturbed is another question.",
        '("K", "T")',
        '("K", "V")',
    ),
    _wrong(
        "c_stuck",
        "evidence",
        "c: the cosine of G and G′ is not a measure of smoothness along a step.",
        '("P", "W")',
        '("K", "W")',
    ),
    _wrong(
        "c_larger",
        "experiment",
        "c: a larger net with batch norm has no control, so it settles nothing.",
        '("P", "W")',
        '("P", "X")',
    ),
    _wrong(
        "c_other_start",
        "experiment",
        "c: a better start says whether the start matters; smoothness along the path stays untested.",
        '("P", "W")',
        '("P", "U")',
    ),
    _wrong(
        "d_function",
        "evidence",
        "d: that concerns β under other numbers; the claim is about growth, and there is a rate at which it hardly "
        "happens.",
        '("O", "R")',
        '("P", "R")',
    ),
    _wrong(
        "d_measure",
        "experiment",
        "d: a better measure of smoothness says nothing about growing weights.",
        '("O", "R")',
        '("O", "W")',
    ),
    _wrong(
        "e_noise",
        "evidence",
        "e: section 2's noise comes in every step; the claim is about the time before the first one.",
        '("L", "U")',
        '("N", "U")',
    ),
    _wrong(
        "e_affine",
        "evidence",
        "e: before training γ is 1 and β is 0, so they undo nothing.",
        '("L", "U")',
        '("Q", "U")',
    ),
    _wrong(
        "e_larger",
        "experiment",
        "e: without a net that has no norm nothing can be said about the norm.",
        '("L", "U")',
        '("L", "X")',
    ),
    _wrong(
        "f_affine",
        "evidence",
        "f: γ and β do not remove the noise: it differs from batch to batch, and they do not.",
        '("M", "S")',
        '("Q", "S")',
    ),
    _wrong(
        "f_larger",
        "experiment",
        "f: a longer training of a larger net changes how much it fits, and leaves the noise where it is.",
        '("M", "S")',
        '("M", "X")',
    ),
    _wrong(
        "f_start",
        "experiment",
        "f: another start changes no noise.",
        '("M", "S")',
        '("M", "U")',
    ),
)

REFERENCE = {"evidence": evidence}
SUSPECTS = {"evidence": _SUSPECTS}
