"""How far am I?  One row for each notebook, and the card at the end of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.exercises.syllabus import Notebook, notebooks
from helpers.judge import progress
from helpers.judge.show import Card, show
from helpers.look.parts import marked_up
from helpers.look.style import styled

State = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Standing:
    """What a learner has of one notebook."""

    notebook: Notebook
    state: State

    @property
    def points(self) -> float:
        """Points of the checks that passed at least once."""
        return sum(
            worth
            for id, task in self.notebook.exercises.items()
            for check, worth in task.checks.items()
            if check in self._entry(id).get("passed", ())
        )

    @property
    def by_machine(self) -> float:
        """Points that a check can give; the others are a person's."""
        return sum(worth for task in self.notebook.exercises.values() for worth in task.checks.values())

    @property
    def minutes(self) -> float:
        """Minutes between the first and the last action, without long pauses."""
        return float(self._sum("seconds")) / 60

    @property
    def hints(self) -> int:
        """Hints that were shown."""
        return sum(sum(self._entry(id).get("hints", {}).values()) for id in self.notebook.exercises)

    @property
    def attempts(self) -> int:
        """Checks of written code."""
        return int(self._sum("attempts"))

    @property
    def solutions(self) -> list[str]:
        """Titles of the exercises whose solution was asked for."""
        return [task.title for id, task in self.notebook.exercises.items() if self._entry(id).get("solution")]

    @property
    def mistakes(self) -> list[str]:
        """What the judge named, each once, in the order in which it was met."""
        return [m for id in self.notebook.exercises for m in self._entry(id).get("mistakes", ())]

    @property
    def open(self) -> str:
        """The title of the first exercise that still has points to give, or ""."""
        for id, task in self.notebook.exercises.items():
            if any(worth and check not in self._entry(id).get("passed", ()) for check, worth in task.checks.items()):
                return task.title
        return ""

    def _entry(self, id: str) -> Mapping[str, Any]:
        return self.state.get(id, {})

    def _sum(self, name: str) -> float:
        return float(sum(self._entry(id).get(name, 0) for id in self.notebook.exercises))


class Board:
    """Progress in the whole course: what is next, then a row for each notebook."""

    def __init__(self) -> None:
        state = progress.load()
        self.standings = [Standing(notebook, state) for notebook in notebooks()]

    @property
    def headline(self) -> str:
        """Points of all, and what to do next."""
        points, every = (
            sum(values) for values in zip(*((s.points, s.by_machine) for s in self.standings), strict=True)
        )
        return f"{points:g} of {every:g} points"

    @property
    def next(self) -> str:
        """The first exercise with points to give, and its notebook."""
        todo = next((s for s in self.standings if s.open), None)
        return f"next: {todo.open}, in notebook {todo.notebook.name[:2]}" if todo else "everything is done"

    def __repr__(self) -> str:
        lines = [f"{self.headline} · {self.next}"]
        for s in self.standings:
            lines.append(f"{_mark(s)} {_name(s.notebook):40} {_points(s):>16} {_minutes(s):>18}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = f'<div class="bn-head"><b>{self.headline}</b> <span>{marked_up(self.next)}</span></div>'
        columns = ("notebook", "progress", "points", "minutes")
        top = "".join(f'<th scope="col"{" class=bn-left" * (i == 1)}>{text}</th>' for i, text in enumerate(columns))
        rows = "".join(
            f'<tr><th scope="row"><a href="{s.notebook.name}.ipynb">{marked_up(_name(s.notebook))}</a></th>'
            f'<td style="width:34%">{_bar(s)}</td><td>{_points(s)}</td><td>{_minutes(s)}</td></tr>'
            for s in self.standings
        )
        return styled(f"{head}<table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>", "bn-card bn-board")


def summary(name: str) -> None:
    """The card at the end of a notebook: points, mistakes met, hints used, what to do next.

    name: the notebook's file name without suffix.  Raises KeyError where the course has no such notebook.
    """
    board = Board()
    standing = {s.notebook.name: s for s in board.standings}[name]
    show(_summary(standing, board.next))


def _summary(s: Standing, then: str) -> Card:
    by_hand = s.notebook.points - s.by_machine
    done = s.points == s.by_machine
    rows = [("✓" if done else "○", "everything here that a check can grade is right" if done else f"open: {s.open}")]
    if by_hand:
        given = "1 more point is" if by_hand == 1 else f"{by_hand:g} more points are"
        rows.append(("○", f"{given} given by a person, for the written answers"))
    work = f"{_counted(s.attempts, 'attempt')}, {_counted(s.hints, 'hint')}"
    rows.append(("", f"{work}, {s.minutes:.0f} minutes of {s.notebook.minutes} planned"))
    rows += [("", f"you met: {mistake}") for mistake in s.mistakes]
    rows += [("", f"you asked for the solution of: {title}") for title in s.solutions]
    title = f"{_name(s.notebook)}: {s.points:g} of {s.by_machine:g} points"
    return Card(title, (*rows, ("→", then)), done or None)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _name(notebook: Notebook) -> str:
    return f"{notebook.name[:2]} · {notebook.title}"


def _mark(s: Standing) -> str:
    return "✓" if s.points == s.by_machine else "◐" if s.points else "○"


def _points(s: Standing) -> str:
    return f"{_mark(s)} {s.points:g} of {s.by_machine:g}"


def _minutes(s: Standing) -> str:
    return f"{s.minutes:.0f} of {s.notebook.minutes}"


def _bar(s: Standing) -> str:
    share = 100 * s.points / s.by_machine if s.by_machine else 0
    return f'<span class="bn-bar" aria-hidden="true"><i style="width:{share:.0f}%"></i></span>'
