"""Reference and suspects of notebook 08's clinic."""

from __future__ import annotations

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def diagnoses() -> dict[str, tuple[str, str]]:
    """For each incident a–e the letters of its cause and of its cure, as in {"a": ("F", "r"), ...}."""
    ### BEGIN SOLUTION
    return {
        "a": ("D", "s"),
        "b": ("G", "z"),
        "c": ("C", "v"),
        "d": ("J", "q"),
        "e": ("B", "t"),
    }
    ### END SOLUTION


def _suspect(id: str, title: str, cause: str = "", cure: str = "") -> Suspect:
    """The reference with another cause or cure for the incident that the title begins with."""
    incident = title[0]
    right = diagnoses()[incident]
    wrong = (cause or right[0], cure or right[1])
    text = '"{}": ("{}", "{}")'
    edit = (text.format(incident, *right), text.format(incident, *wrong))
    return Suspect(id, "cause" if cause else "cure", title, variant(diagnoses, edit))


_SUSPECTS = (
    _suspect("train_mode", "a: measure the modes: no module is in train mode.", cause="A"),
    _suspect("buffers_lost", "a: nothing was saved or loaded here; look at what each norm has.", cause="G"),
    _suspect("buffers_moved", "a: in eval mode nothing moves; look at what each norm has stored.", cause="B"),
    _suspect("eval_again", "a: the norm is in eval mode, and asks the batch all the same.", cure="u"),
    _suspect("estimate_alone", "a: re-estimating fills buffers; this norm has none to fill.", cure="z"),
    _suspect("velocities", "b: an optimiser acts only in a step; the loss is wrong before the first one.", cause="K"),
    _suspect("too_large_steps", "b: the weights are those that were saved, to the last digit.", cause="H"),
    _suspect("left_in_train_mode", "b: in train mode the loss is as before; in eval mode it jumps.", cause="A"),
    _suspect("moved_buffers", "b: they are 0 and 1: not moved, but never loaded.", cause="B"),
    _suspect("warm_up", "b: there is nothing wrong with the steps: none was made yet.", cure="w"),
    _suspect("no_buffers_at_all", "b: every norm has buffers; look at their values.", cause="D"),
    _suspect("overflow", "c: the weights are finite, and so is the training loss.", cause="H"),
    _suspect("clipped", "c: the gradients are finite; what is NaN never had a gradient.", cure="p"),
    _suspect("only_re_estimated", "c: the next epoch ends with one row again, and the NaN is back.", cure="z"),
    _suspect("velocities_overflow", "c: nothing was resumed.", cause="K"),
    _suspect("other_weights", "d: measure them: they are the same on both devices, to the last digit.", cause="E"),
    _suspect(
        "steps_for_two", "d: the averaged gradient is of eight rows, as before; the weights are no larger.", cause="H"
    ),
    _suspect("accumulated", "d: each forward pass would still normalise four rows.", cure="x"),
    _suspect(
        "buffers_of_two",
        "d: re-estimated on training rows the loss stays higher: the weights were trained so.",
        cure="z",
    ),
    _suspect("rounding", "e: on the day of the release rounding was there too, and 1e-14 is all it did.", cause="F"),
    _suspect("across_an_activation", "e: then the two would not have agreed on the day of the release.", cause="I"),
    _suspect("in_train_mode_now", "e: both are in eval mode now; what happened, happened before.", cause="A"),
    _suspect(
        "folded_again",
        "e: that would copy the statistics that moved, and the folded net would read as few digits.",
        cure="y",
    ),
    _suspect("folded_in_float64", "e: it cannot mend a difference of 6.5.", cure="r"),
    _suspect(
        "re_estimated_original",
        "e: near, but not what was released and tested, and tomorrow they move again.",
        cure="z",
    ),
)

REFERENCE = {"diagnoses": diagnoses}
SUSPECTS = {"diagnoses": _SUSPECTS}
