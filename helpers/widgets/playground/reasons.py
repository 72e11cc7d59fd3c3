"""What to say of a run: what was seen in it, and "why?" only where one thing was changed alone.

What is seen are descriptions: losses, and what was measured inside.  A cause is named only where the precomputed plane
holds the same net with another learning rate, or another batch size, and all else equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from helpers.experiments.fair import STEPS
from helpers.experiments.rate_batch_plane import STALLED, Plane, constant

from .outcome import Outcome, last, outcome_of
from .setting import ROWS, Kind, Setting, Trace, label
from .style import look_of

FEW = 8
"""Batches of at most so many rows have a noisy mean."""

Shown = Callable[[float, int], bool]
"""Says whether a position of the plane, learning rate and batch size, may be told."""


def result(setting: Setting, traces: Mapping[Kind, Trace]) -> tuple[str, str, str]:
    """(which rival won, with what losses, against which net) of a run; what cannot be said is ""."""
    won = outcome_of(setting, traces)
    if won is None or setting.rivals is None:
        return "", "", ""
    first, second = setting.rivals
    losses = {kind: _loss(traces[kind]) for kind in (first, second)}
    if won is Outcome.NEITHER:
        return "both fail", f"{label(second)} {losses[second]}, {label(first)} {losses[first]}", ""
    if won is Outcome.SAME:
        both = f"{losses[second]} ({label(second)}) and {losses[first]} ({label(first)})"
        return "about the same", f"held-out loss {both}", ""
    winner, other = (second, first) if won is Outcome.SECOND else (first, second)
    if traces[other].diverged:
        return f"{label(winner)} wins", f"held-out loss {losses[winner]}; {label(other)} {losses[other]}", ""
    return f"{label(winner)} wins", f"held-out loss {losses[winner]} against {losses[other]}", label(other)


def _loss(trace: Trace) -> str:
    return trace.note if trace.diverged else f"{last(trace.test):.2g}"


def capital(text: str) -> str:
    """``text`` with a capital at its start, the rest as it is."""
    return text[:1].upper() + text[1:]


# --- why ------------------------------------------------------------------------------------------------------------


def why(setting: Setting, traces: Mapping[Kind, Trace], plane: Plane | None, shown: Shown) -> str:
    """A cause of the rivals' result that an intervention supports, or what to change to find one; "" without a
    question.

    plane: medians of this set-up, None where there are none.  Only what ``shown`` allows is told.
    """
    won = outcome_of(setting, traces)
    if won in (None, Outcome.SAME) or setting.rivals is None:
        return ""
    failed = [kind for kind in setting.rivals if _failed(setting, traces[kind])]
    if not failed:
        return "This run cannot say: both nets learned, and no cause was changed alone."
    told = [said for kind in failed if plane and (said := _changed(setting, kind, plane, shown))]
    return " ".join(told) or "Change one thing alone to find out: the learning rate, or the batch size."


def _failed(setting: Setting, trace: Trace) -> bool:
    return trace.diverged or (bool(trace.train) and last(trace.train) >= STALLED * constant(setting.task))


def _changed(setting: Setting, kind: Kind, plane: Plane, shown: Shown) -> str:
    """The nearest learning rate, and the nearest batch size, at which the same net does learn."""
    lr, size = setting.lr, setting.batch_size
    if lr not in plane.lrs or size not in plane.batch_sizes:
        return ""
    j, i = plane.batch_sizes.index(size), plane.lrs.index(lr)
    medians = plane.median[look_of(kind)]
    most = STALLED * constant(setting.task)
    if medians[j, i] < most:  # this seed's failure is not that of most seeds
        return ""

    def nearest(places: list[tuple[int, int]]) -> tuple[int, int] | None:
        near = sorted(places, key=lambda at: abs(at[0] - j) + abs(at[1] - i))
        return next((at for at in near if medians[at] < most), None)

    rate = nearest([(j, k) for k in range(len(plane.lrs))])
    rows = nearest([(k, i) for k in range(len(plane.batch_sizes))])
    found = {}
    for at, cause, text in (
        (rate, "the learning rate", "at rate {0:g}"),
        (rows, "the batch size", "with batches of {1}"),
    ):
        if at and shown(plane.lrs[at[1]], plane.batch_sizes[at[0]]):
            text = text.format(plane.lrs[at[1]], plane.batch_sizes[at[0]])
            found[cause] = f"{medians[at]:.2g} {text}"
    if not found:
        return ""
    reached = f"all else equal, {label(kind)} reaches held-out loss {', and '.join(found.values())}"
    return f"{capital(' or '.join(found))}: {reached} (median of {plane.seeds} seeds)."


# --- seen -----------------------------------------------------------------------------------------------------------


def seen(setting: Setting, traces: Mapping[Kind, Trace]) -> list[str]:
    """What the two rivals did: a comparison where both learned, else a sentence on each that did not."""
    rivals = setting.rivals or tuple(traces)[:1]
    stopped = [kind for kind in rivals if traces[kind].note and not traces[kind].diverged]
    failed = [said for kind in rivals if kind not in stopped and (said := failure(setting, kind, traces[kind]))]
    if failed or stopped or setting.rivals is None:
        return failed
    return [_compared(setting, traces)]


def also(setting: Setting, traces: Mapping[Kind, Trace]) -> list[str]:
    """What else was measured: the third net's failure, and how far the normed nets' weights grew."""
    others = [kind for kind in traces if kind not in (setting.rivals or ())]
    found = [failure(setting, kind, traces[kind]) for kind in others]
    found += [_grown(kind, trace) for kind, trace in traces.items()]
    return [said for said in found if said]


def failure(setting: Setting, kind: Kind, trace: Trace) -> str:
    """What was measured in a net that diverged or learned nothing; "" for any other."""
    if not trace.start or (trace.note and not trace.diverged):
        return ""
    return _diverged(setting, kind, trace) if trace.diverged else _stalled(setting, kind, trace)


def _compared(setting: Setting, traces: Mapping[Kind, Trace]) -> str:
    """Training losses of both rivals, and the gaps to the held-out losses."""
    assert setting.rivals is not None
    second, first = (traces[kind] for kind in setting.rivals)
    names = [label(kind) for kind in reversed(setting.rivals)]
    gaps = [last(trace.test) - last(trace.train) for trace in (first, second)]
    overfits = all(
        gap >= max(0.05 * constant(setting.task), last(trace.train))
        for gap, trace in zip(gaps, (first, second), strict=True)
    )
    losses = f"{last(first.train):.2g} ({names[0]}) and {last(second.train):.2g} ({names[1]})"
    said = f"training loss {losses}; gap to held-out loss {gaps[0]:.2g} and {gaps[1]:.2g}"
    return f"{said}{': both overfit' if overfits else ''}."


def _diverged(setting: Setting, kind: Kind, trace: Trace) -> str:
    path = ", ".join(f"{loss:.2g}" for loss in trace.losses[-3:])
    limit = trace.start.head_limit if trace.start else math.inf
    stable = "alone it is unstable above that rate" if limit < setting.lr else "alone it is stable at this rate"
    return (
        f"{capital(label(kind))} {trace.note}; its last batch losses were {path}. 2/λ of its head at the start is"
        f" {limit:.3g}: {stable}."
    )


def _stalled(setting: Setting, kind: Kind, trace: Trace) -> str:
    """No better than a constant, and what is seen beside it."""
    level = constant(setting.task)
    if not trace.start or not trace.end or last(trace.train) < STALLED * level:
        return ""
    losses = f"training loss {last(trace.train):.2g}, a constant's {level:.2g}"
    return f"{capital(label(kind))} learned nothing ({losses}). {capital(_beside(setting, kind, trace))}."


def _beside(setting: Setting, kind: Kind, trace: Trace) -> str:
    """What is measured in a net that learned nothing, the most striking first."""
    assert trace.start and trace.end
    plain = kind[0] == "none"
    dead, peak = _dead(trace), max(trace.losses)
    if kind[0] == "batch" and setting.batch_size <= FEW:
        rows = setting.batch_size
        return (
            f"a mean of {rows} rows is off by about 1/√{rows} = {rows**-0.5:.2g} standard deviations, whatever the net"
        )
    if plain and trace.weights[-1] > 5 * trace.weights[0]:
        grew = f"‖W‖ of its hidden layers went from {trace.weights[0]:.3g} to {trace.weights[-1]:.2g}"
        return " and ".join(filter(None, [grew, dead]))
    if max(trace.end.dead) >= 0.6 > max(trace.start.dead):
        return dead
    spans = trace.start.spread
    if plain and spans[0] > 5 * spans[-1]:
        first, *_, head = trace.start.gradients
        shrinks = (
            "before training the standard deviation of what enters its ReLUs, over rows and units together, is"
            f" {spans[0] / max(spans[-1], 1e-12):.0f} times smaller in the last layer than in layer 1"
        )
        return f"{shrinks}, and layer 1 gets a gradient of {first:.1g} where the head has {head:.1g}"
    if peak > 5 * constant(setting.task):
        peaked = f"its batch loss had a peak of {peak:.2g} at step {trace.losses.index(peak) + 1}"
        return " and ".join(filter(None, [peaked, dead]))
    return f"in {STEPS} steps W moved by {trace.moved:.1%} of ‖W‖"


def _dead(trace: Trace) -> str:
    shares = trace.end.dead if trace.end else []
    if not shares or max(shares) < 0.3:
        return ""
    layer = max(range(len(shares)), key=shares.__getitem__)
    return f"{shares[layer]:.0%} of the ReLUs of layer {layer + 1} are 0 on all of {ROWS} rows"


def _grown(kind: Kind, trace: Trace) -> str:
    """How far the matrices before the norms grew, and what that does to a step."""
    if kind[0] == "none" or trace.note or len(trace.weights) < 2:
        return ""
    first, final = trace.weights[0], trace.weights[-1]
    if final < 1.2 * first:
        return ""
    return (
        f"{capital(label(kind))}: ‖W‖ before its norms grew from {first:.3g} to {final:.3g}. There only the direction"
        f" counts, so the same gradient in the outputs turns W {(final / first) ** 2:.2g} times less at the same rate."
    )
