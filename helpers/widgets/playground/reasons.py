"""Why did it go so?  Rules over what was measured in a run; each sentence shows the numbers that it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from helpers.experiments.fair import STEPS

from .outcome import STALLED, Outcome, last, outcome_of
from .setting import CONTROL, ROWS, Kind, Setting, Trace, baseline, label

MOST = 3
"""Sentences at most, so that the line stays a line."""


def reasons(setting: Setting, traces: Mapping[Kind, Trace]) -> list[str]:
    """At most MOST sentences: the rivals first, then the other nets; a net gives the first rule that fits it."""
    order = [*(setting.rivals or ()), *traces]
    found = [reason(setting, kind, traces[kind]) for kind in dict.fromkeys(order)]
    said = [sentence for sentence in found if sentence]
    return said[:MOST] or [_nothing(traces)]


def reason(setting: Setting, kind: Kind, trace: Trace) -> str:
    """What explains this net's losses best, "" where no rule fits or its layer stopped it."""
    if not trace.start or (trace.note and not trace.diverged):
        return ""
    if trace.diverged:
        return _diverged(setting, kind, trace)
    rules = (_stalled, _noisy, _memorised, _turned_less)
    return next((said for rule in rules if (said := rule(setting, kind, trace))), "")


def result(setting: Setting, traces: Mapping[Kind, Trace]) -> str:
    """Which rival won, with both losses; "" where that cannot be said."""
    won = outcome_of(setting, traces)
    if won is None or setting.rivals is None:
        return ""
    first, second = setting.rivals
    losses = {kind: _loss(traces[kind]) for kind in (first, second)}
    if won is Outcome.NEITHER:
        return f"both fail, {label(second)} {losses[second]}, {label(first)} {losses[first]}"
    if won is Outcome.SAME:
        return f"about the same, held-out loss {losses[second]} ({label(second)}) and {losses[first]} ({label(first)})"
    winner, other = (second, first) if won is Outcome.SECOND else (first, second)
    if traces[other].diverged:
        return f"{label(winner)} wins with held-out loss {losses[winner]}, {label(other)} {losses[other]}"
    return f"{label(winner)} wins, held-out loss {losses[winner]} against {losses[other]} ({label(other)})"


def capital(text: str) -> str:
    """``text`` with a capital at its start, the rest as it is."""
    return text[:1].upper() + text[1:]


def _loss(trace: Trace) -> str:
    return trace.note if trace.diverged else f"{last(trace.test):.2g}"


def _diverged(setting: Setting, kind: Kind, trace: Trace) -> str:
    path = ", ".join(f"{loss:.2g}" for loss in trace.losses[-3:])
    ended = f"{capital(label(kind))} {trace.note}; its last batch losses were {path}"
    limit = trace.start.head_limit if trace.start else math.inf
    if limit < setting.lr:
        return f"{ended}. The learning rate {setting.lr:g} is above 2/λ = {limit:.3g} of its head at the start."
    first, then = (_size(inside.gradients if inside else []) for inside in (trace.start, trace.end))
    return f"{ended}. Its gradient grew from {first:.2g} to {then:.2g}, although 2/λ of its head was {limit:.3g}."


def _size(norms: list[float]) -> float:
    return math.sqrt(sum(v * v for v in norms))


def _stalled(setting: Setting, kind: Kind, trace: Trace) -> str:
    """No better than a constant: weights thrown far, dead units, vanishing gradients, a peak, noise, or small steps."""
    constant = baseline(setting.task)
    if not trace.start or not trace.end or last(trace.train) < STALLED * constant:
        return ""
    losses = f"training loss {last(trace.train):.2g}, a constant's {constant:.2g}"
    said = f"{capital(label(kind))} learned nothing ({losses})"
    dead, (first, *_, head) = _dead(trace), trace.start.gradients
    if trace.weights[-1] > 5 * trace.weights[0]:
        thrown = f"its steps threw ‖W‖ from {trace.weights[0]:.3g} to {trace.weights[-1]:.2g}"
        return f"{said}: {' and '.join(filter(None, [thrown, dead]))}."
    if max(trace.end.dead) >= 0.6 > max(trace.start.dead):
        return f"{said}: {dead}."
    spans = [inside[-1] - inside[0] for inside in trace.start.entering]
    if spans[0] > 5 * spans[-1]:
        shrinks = (
            f"before training its signal shrinks by ÷{spans[0] / max(spans[-1], 1e-12):.0f} from layer 1 to the last"
        )
        return f"{said}: {shrinks}, and layer 1 gets a gradient of {first:.1g} where the head has {head:.1g}."
    peak = max(trace.losses)
    if peak > 5 * constant:
        peaked = f"its batch loss had a peak of {peak:.2g} at step {trace.losses.index(peak) + 1}"
        return f"{said}: {' and '.join(filter(None, [peaked, dead]))}."
    noise = _noise(setting, trace)
    return f"{said}: {noise}." if noise else f"{said}: in {STEPS} steps W moved by {trace.moved:.1%} of ‖W‖."


def _dead(trace: Trace) -> str:
    shares = trace.end.dead if trace.end else []
    if not shares or max(shares) < 0.3:
        return ""
    layer = max(range(len(shares)), key=shares.__getitem__)
    return f"{shares[layer]:.0%} of the ReLUs of layer {layer + 1} are 0 on all of {ROWS} rows"


def _noise(setting: Setting, trace: Trace) -> str:
    running = trace.end.running if trace.end else None
    if running is None or running.noise < 0.3:
        return ""
    return f"the mean of {setting.batch_size} rows is off by {running.noise:.2g} standard deviations"


def _noisy(setting: Setting, kind: Kind, trace: Trace) -> str:
    said = _noise(setting, trace) if last(trace.train) > 0.1 * baseline(setting.task) else ""
    return f"{capital(label(kind))} trains on noise: before its last norm {said}." if said else ""


def _memorised(setting: Setting, kind: Kind, trace: Trace) -> str:
    train, test = last(trace.train), last(trace.test)
    if test - train < 0.05 * baseline(setting.task) or test < 2 * train:
        return ""
    return (
        f"{capital(label(kind))} knows its training rows better: held-out minus training loss is"
        f" {test:.2g} − {train:.2g} = {test - train:.2g}."
    )


def _turned_less(setting: Setting, kind: Kind, trace: Trace) -> str:
    if kind[0] == "none":
        return ""
    first, final = trace.weights[0], trace.weights[-1]
    if final < 1.2 * first:
        return ""
    return (
        f"{capital(label(kind))} brakes itself: ‖W‖ grew from {first:.3g} to {final:.3g}, and before a norm only the"
        f" direction counts, so an equal step now turns W {final / first:.2g} times less."
    )


def _nothing(traces: Mapping[Kind, Trace]) -> str:
    """Where no rule fits, the numbers that were looked at."""
    kind = CONTROL if CONTROL in traces else next(iter(traces))
    trace = traces[kind]
    if not trace.end or not trace.end.dead:
        return "Nothing was measured to the end."
    return (
        f"Nothing stands out: {label(kind)} has at most {max(trace.end.dead):.0%} dead ReLUs in a layer,"
        f" 2/λ of its head is {trace.end.head_limit:.2g}, held-out minus training loss"
        f" {last(trace.test) - last(trace.train):.2g}."
    )
