"""Reference and suspects of notebook 06's table of the evidence."""

from __future__ import annotations

from helpers.exercises.evidence import AGAINST
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


_REASONS = {
    "a": {
        "K": "the cosine is about gradients, the shift of 2018; this claim is about the distribution of an activation.",
        "Q": "that tells what the learning rate of a longer matrix is; distributions are the same in both nets.",
        "S": "chance moves jump back and forth, and section 2 has tried larger ones; training moves a mean otherwise.",
        "T": "each gradient is then up to date; from step to step the means move all the same.",
        "X": "with batch norm and without, all supposed causes differ at once; this one alone has to change.",
    },
    "b": {
        "L": "how long a gradient is does not say how far it changes when the layers below are updated.",
        "N": "moving means are the shift of 2015; this claim is about a layer's gradient.",
        "Q": "the learning rate of a longer matrix is another question; no layer disturbs another in it.",
        "S": "what is random there is the batch's mean and variance; a layer's gradient is as old as before.",
        "V": "that moves an activation's distribution, and the gradient is taken after it: nothing disturbs it.",
        "X": "with batch norm and without, all supposed causes differ at once; this one alone has to change.",
    },
    "c": {
        "K": "the cosine of G and G′ is not a measure of smoothness along a step.",
        "L": "that is how long a gradient is at one place; how much it changes on the way, the smoothness, is not in it.",
        "O": "that is about the length of W at one learning rate; no smoothness is measured in it.",
        "Q": "both nets walk one path, so it compares no smoother net with a rougher one.",
        "R": "that changes the length of W; whether a smoother path is a faster one stays untested.",
        "U": "a better start says whether the start matters; smoothness along the path stays untested.",
        "X": "with batch norm and without, all supposed causes differ at once; smoothness alone has to change.",
    },
    "d": {
        "P": "that concerns β under other numbers; nothing grows in it.",
        "Q": "that shows what the length does to the learning rate, and agrees with the claim.",
        "U": "that is over before the first step; the claim is about what happens during training.",
        "W": "curvature is another cause; how long W gets is left as it is.",
        "X": "with batch norm and without, all supposed causes differ at once; the growth alone has to change.",
    },
    "e": {
        "N": "section 2's noise comes in every step; the claim is about the time before the first one.",
        "O": "that happens during training; the claim is about the time before it.",
        "Q": "the output before training is the same in both nets, so it says nothing about its scale.",
        "R": "both nets have the same start, so the start is not what is tested.",
        "X": "with batch norm and without, all supposed causes differ at once; the start alone has to change.",
    },
    "f": {
        "N": "that is a training loss; to regularise is to help on held-out data.",
        "Q": "both nets have the same noise, so it says nothing about noise.",
        "U": "another start changes no noise.",
        "V": "a steady push is not random, as a batch's mean and variance are.",
        "X": "with batch norm and without, all supposed causes differ at once; the noise alone has to change.",
    },
}
"""Why a letter does not fit a claim."""


def _wrong(key: str, letter: str, why: str) -> Suspect:
    found, settled = evidence()[key]
    wrong = (letter, settled) if letter in AGAINST else (found, letter)
    category = "evidence" if letter in AGAINST else "experiment"
    edit = (f'("{found}", "{settled}")', f'("{wrong[0]}", "{wrong[1]}")')
    return Suspect(f"{key}_{letter}", category, f"{key}: {why}", variant(evidence, edit))


REFERENCE = {"evidence": evidence}
SUSPECTS = {
    "evidence": tuple(_wrong(key, letter, why) for key, reasons in _REASONS.items() for letter, why in reasons.items())
}
