"""An exercise: what it asks, how it is judged, and the verbs that a notebook uses."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import linecache
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar, NoReturn

from . import progress
from .explain import Card as Red
from .explain import explain, keys_asked
from .model import Assessment, Check, Finding, Observations, Probe, Verdict
from .observe import Printed, as_raised, caught, observe
from .reading import PROBE, SLIPS, Names, Slip, slips_in, under
from .record import Record, from_bytes
from .rules import verdicts_of
from .show import Card, VerdictCard, cause_rows, shell, show
from .slips import missing_package
from .source import Source, source_of
from .unpatched import unpatched


@dataclass(frozen=True)
class Exercise:
    """Something a learner builds.

    ``module`` is the name of the module that defines it (``__name__``), ``builds`` the name of the class or function
    that is asked for.  What its reference and suspects do is recorded in ``recorded/<record_id>.xz`` beside that
    module.  ``further`` are checks that go beyond those of the card; see :attr:`beyond`.  With ``names`` a class
    that calls its things otherwise is told so, and is judged under the names asked for.
    """

    id: str
    title: str
    module: str
    builds: str
    probes: tuple[Probe, ...]
    checks: tuple[Check, ...]
    further: tuple[Check, ...] = ()
    record_id: str = ""
    names: Names | None = None

    secret: ClassVar[tuple[str, ...]] = ()
    """How the keys of observations begin that are the answer itself: a class edition carries none of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "record_id", self.record_id or self.id)
        if self.names is not None and self.probes[0].id != PROBE:
            object.__setattr__(self, "probes", under(self.names, self.probes))

    @functools.cached_property
    def beyond(self) -> Exercise:
        """The same exercise with its further checks alone."""
        return dataclasses.replace(
            self, id=f"{self.id}_beyond", title=f"{self.title}, further checks", checks=self.further, further=()
        )

    @functools.cached_property
    def whole(self) -> Exercise:
        """The same exercise with all its checks on one card."""
        return dataclasses.replace(self, checks=(*self.checks, *self.further), further=())

    @functools.cached_property
    def record(self) -> Record:
        """Observations of the reference and the suspects; FileNotFoundError where the builder has not made them."""
        package = f"{self.module.rpartition('.')[0]}.recorded"
        return from_bytes((resources.files(package) / f"{self.record_id}.xz").read_bytes())

    @functools.cached_property
    def _asked(self) -> dict[str, frozenset[str]]:
        return {check.id: keys_asked(check, self.record.right) for check in self.checks}

    def assess(self, seen: Observations, source: str | Source = "") -> Assessment:
        """Judge every check of this card and explain what is red.

        Pure: notebook, command and matrix all come through here.  ``source`` is the learner's code where it is known;
        it can withhold a claim, and decides no verdict.
        """
        record = self.record
        verdicts = verdicts_of(self.checks, self.probes, seen, record.right)
        missing = missing_package(seen)
        if missing:
            return Assessment(verdicts, (), missing)
        verdicts = self._charged(verdicts, seen)
        text = Source(source) if isinstance(source, str) else source
        return Assessment(verdicts, explain(seen, record, Red(verdicts, self._asked), text))

    def _charged(self, verdicts: tuple[Verdict, ...], seen: Observations) -> tuple[Verdict, ...]:
        """The verdicts; a check that concerns a name which is not as asked is red."""
        costs = self.names.costs if self.names else {}
        wrong = {costs.get(slip.cost, ""): slip for slip in reversed(slips_in(seen))}
        return tuple(
            dataclasses.replace(v, passed=False, finding=_wrong_name(wrong[v.check.id]))
            if v.passed and v.check.id in wrong
            else v
            for v in verdicts
        )

    def assessed(self, obj: Any) -> Assessment:
        """Observe ``obj`` here, in this process, and assess what was seen; shows and records nothing.

        What the code of ``obj`` prints is lost; the verbs keep some of it for their card.
        """
        return self._watched(obj)[0]

    def _watched(self, obj: Any) -> tuple[Assessment, Printed]:
        with unpatched():
            with caught() as printed:
                seen = observe(obj, self.probes)
            return self.assess(seen, source_of(obj)), printed

    def _seen(self, obj: Any) -> tuple[Assessment, Printed]:
        """As :meth:`_watched`; somebody who stops it is shown where it was."""
        try:
            return self._watched(obj)
        except KeyboardInterrupt as stop:
            _stopped(self.title, stop)

    def check(self, obj: Any) -> None:
        """Show how ``obj`` does on every check.  Never raises for a wrong answer."""
        found, printed = self._seen(obj)
        if not found.not_judged:
            named = [e.title for e in found.causes if e.kind == "cause"]
            progress.attempted(self.id, {v.check.id: v.passed for v in found.verdicts}, named)
        show(self._card(self.title, found, printed, _origin(obj)))

    def grade(self, obj: Any, check: str) -> None:
        """One check, for a graded cell: shows its card.  Only this check is explained.

        Where nobody sits at a front end (nbgrader, nbclient, a script) it also raises unless the check passed:
        AssertionError where the answer is wrong and NotImplementedError where it was not attempted, each with one line
        in place of a traceback.  In a front end the card is all, so that *Run all* reaches the last cell.
        """
        (asked,) = [c for c in self.checks if c.id == check]
        found, printed = dataclasses.replace(self, checks=(asked,), further=())._seen(obj)
        (verdict,) = found.verdicts
        progress.attempted(self.id, {check: verdict.passed}, counts=False)
        show(self._card(f"{self.title} · {verdict.check.title}", found, printed))
        if _at_a_front_end():
            return
        if verdict.passed is None:
            raise _quiet(NotImplementedError(found.not_judged or "not attempted yet"))
        if not verdict.passed:
            raise _quiet(AssertionError(f"expected {verdict.finding.expected}; measured {verdict.finding.measured}"))

    def hint(self, obj: Any) -> None:
        """The next hint: a nudge, a pointer, almost the line; the diagnosis comes with the second.

        It is that of the first check that does not pass, or of the first that fails by the cause named first.
        """
        found, _ = self._seen(obj)
        verdict = self._to_mend(found)
        if verdict is None:
            show(Card(f"{self.title}: every check passes, no hint needed", (), True))
            return
        step = progress.next_hint(self.id, verdict.check.id, len(verdict.check.hints))
        rows = [(str(step + 1), verdict.check.hints[step])]
        if verdict.passed is False and found.causes and (step or found.causes[0].kind != "cause"):
            rows += cause_rows(found.causes[:1])
        title = f"{verdict.check.title}: hint {step + 1} of {len(verdict.check.hints)}"
        show(Card(title, tuple(rows)))

    def _to_mend(self, found: Assessment) -> Verdict | None:
        """The red check that the cause named first belongs to: of those it turns red, the one that few suspects do."""
        red = [v for v in found.verdicts if not v.passed]
        named = next((e.id for e in found.causes if e.kind == "cause" and e.id), "")
        if not named:
            return red[0] if red else None
        alone = verdicts_of(self.checks, self.probes, self.record.lineup[named], self.record.right)
        blamed = {v.check.id for v in alone if not v.passed}
        shows = next(s.shows for s in self.record.suspects if s.id == named)
        order = [v for v in red if shows in self._asked[v.check.id]] + [v for v in red if v.check.id in blamed]
        return (order + red)[0]

    def show_check(self, check: str) -> None:
        """Print what a check feeds, and the code that measures it."""
        asked = self.whole._asked
        if check not in asked:
            print(f"There is no check {check!r}; there are {', '.join(asked)}.")
            return
        looked_at = {key.partition("/")[0] for key in asked[check]}
        for probe in self.probes:
            if probe.id in looked_at:
                print(f"# fed: {probe.fed}", textwrap.dedent(inspect.getsource(_measuring(probe))), sep="\n")

    def _card(self, title: str, found: Assessment, printed: Printed, judged: str = "") -> VerdictCard:
        ask = f'{self.record_id}_exercise.show_check("{{}}")'
        return VerdictCard(title, found, ask, printed.lines, printed.count, judged)

    def solution(self, obj: Any) -> None:
        """The reference's code.  Asks once: the first call says what it would show, the second shows it."""
        source = self.record.source
        if not source:
            show(Card(f"{self.title}: the solution is not in this class edition", (("→", "Ask your instructor."),)))
            return
        if not (self._seen(obj)[0].passed or progress.solution_confirmed(self.id)):
            rows = (("→", "Run this cell again to see it. A hint may be enough."),)
            show(Card(f"{self.title}: show the whole solution?", rows))
            return
        show(Card(f"{self.title}: one solution", (), None, source))


def _measuring(probe: Probe) -> Callable[..., Any]:
    """The function that a probe runs, without what is wrapped around it."""
    run = probe.run
    while isinstance(run, functools.partial):
        run = next((argument.run for argument in run.args if isinstance(argument, Probe)), run.func)
    return run


def _wrong_name(slip: Slip) -> Finding:
    measured = slip.found or "nothing of that kind"
    return Finding(False, f"{PROBE}/{SLIPS}", f"{slip.role} {slip.asked}", measured)


def _at_a_front_end() -> bool:
    """True where somebody sits at the front end that sent the cell: then ``input()`` would be answered.

    Programs that run notebooks say that it would not; nbgrader is known by its environment variable too.
    """
    try:
        answers = shell().get_parent()["content"]["allow_stdin"]
    except (AttributeError, KeyError, TypeError):
        return False
    return bool(answers) and "NBGRADER_EXECUTION" not in os.environ


def _origin(obj: Any) -> str:
    """Which cell of the notebook the code came from, "" where that cannot be told."""
    cells = getattr(shell(), "user_ns", {}).get("In", [])
    parts = vars(obj).values() if isinstance(obj, type) else [obj]
    files = [part.__code__.co_filename for part in parts if inspect.isfunction(part)]
    text = "".join(linecache.getlines(files[0])).strip() if files else ""
    numbers = [number for number, cell in enumerate(cells) if text and cell.strip() == text]
    kind = "class" if isinstance(obj, type) else "function"
    return f"Judged: {kind} `{obj.__name__}` as cell [{numbers[-1]}] defined it." if numbers else ""


def _stopped(title: str, stop: KeyboardInterrupt) -> NoReturn:
    """Show where somebody stopped a check, and stop the cells that wait as well."""
    where = as_raised(stop).where
    show(Card(f"{title}: you stopped it", (("→", f"It was in {where}." if where else "It was not done."),)))
    raise _quiet(KeyboardInterrupt("stopped")) from None


def _quiet(error: BaseException) -> BaseException:
    """Let IPython show the message alone: the card above already tells the rest."""
    text = f"{type(error).__name__}: {error}"
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]
    return error
