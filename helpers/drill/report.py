"""What is left of a drill: time against plan, checks, points, flags, what to read again; as HTML and as Markdown.

Everything is read from the drill's record; the page needs no network, no script and no other file.  Only beside the
notebooks do the sections that it names become links.
"""

from __future__ import annotations

import dataclasses
import html
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from . import bank, page, session, state
from .formula import bare, formula
from .narration import narration
from .rubric import FLAGS, POSITIVES, Rubric, rubric, ticks_of
from .session import BLOCKS, Session

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:780px;margin:24px auto;padding:0 16px;background:#fff;color:#1b1f24}
.bn{--good:#0b7a53;--bad:#b3261e;--line:#d0d7de;--link:#0068a8}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
.bn{--good:#56cf9a;--bad:#ff8f82;--line:#3d444d;--link:#5bb6f0}}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}a{color:var(--link)}h1{font-size:24px;margin:0}h2{font-size:18px;margin:20px 0 4px}
td:nth-child(2):not(:last-child){white-space:nowrap}.good{color:var(--good)}.bad{color:var(--bad)}
@media print{body{margin:0;max-width:none}}
""".replace("\n", "")
WORDS = {
    "title": "Mock interview, {drill}",
    "finished": "All four blocks done in",
    "going": "{done} of {every} blocks done, so far",
    "unopened": "no question opened yet",
    "scored": "score {share} over {questions}",
    "share": "{percent} %",
    "unjudged": "the layer was not judged",
    "judged": "the layer passes {passed} of {every} checks after {attempts}",
    "minute": "minute",
    "question": "question",
    "attempt": "attempt",
    "time": "Time",
    "time_head": ("block", "minutes", "planned", ""),
    "over": "{minutes} minutes over",
    "not_begun": "not begun",
    "code": "Code",
    "losses": "Your comparison, held-out loss, median over seeds: {losses}.",
    "no_losses": "The comparison with its control was not run.",
    "narrated": "Said beside the six checks: {said} of {every} points.",
    "questions": "Questions",
    "questions_head": ("question", "score", "missing"),
    "nothing": "nothing",
    "rubric": "Rubric ({by})",
    "filled": "filled in from what happened",
    "own": ", and your own ticks",
    "not_asked": " (Not asked yet.)",
    "weakest": "Weakest topics",
    "weak": "{pill}: {share} in {questions}",
    "again": "Read again",
    "flagged": "Red flag: {says}",
    "missing": "Missing: {says}",
    "notebook": "notebook {number}",
    "section": ", “{heading}”",
    "earlier": "Compared with earlier drills",
    "earlier_head": ("drill", "result"),
    "this": "this one",
    "long": "60 minutes",
    "short": "20 minutes",
    "no_questions": "no questions",
    "score": "score {share}",
    "result": "{minutes} of {kind}, {points}, {attempts} at the layer",
}
"""What the report says, here and on the course's pages."""
_LEFT = {True: " class='bn-left'", False: ""}
_SIGN = {True: "✓", False: "○"}


@dataclass(frozen=True)
class Asked:
    """One question of the drill: its card, the share that was ticked, the facts that were not, and flags."""

    card: bank.Card
    score: float
    missing: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """One drill and what came before it; ``used``: seconds of each block up to now."""

    drill: Session
    used: tuple[float, ...]
    asked: tuple[Asked, ...]
    attempts: int
    passed: tuple[str, ...]
    checks: int
    narrated: tuple[int, int]
    losses: dict[str, list[float]]
    rubric: Rubric
    earlier: tuple[tuple[str, str], ...]

    @property
    def share(self) -> float | None:
        """The mean score of the questions, None where none was opened."""
        return sum(one.score for one in self.asked) / len(self.asked) if self.asked else None

    @property
    def again(self) -> list[tuple[str, str]]:
        """What to read again: (section, why), the questions with the lowest scores first, each section once."""
        found: dict[str, str] = {}
        for line in FLAGS:
            if self.rubric.flags[line.id]:
                found.setdefault(line.section, _say("flagged", says=line.says))
        for line in POSITIVES:
            if line.id in self.rubric.asked and not self.rubric.points[line.id]:
                found.setdefault(line.section, _say("missing", says=line.says))
        for one in sorted(self.asked, key=lambda a: a.score):
            if one.score < 1 and one.card.section:
                missing = _say("missing", says=one.missing[0]) if one.missing else one.card.question
                found.setdefault(one.card.section, missing)
        return list(found.items())

    @property
    def weakest(self) -> list[tuple[str, float, int]]:
        """The pills with the lowest mean score: (pill, mean, questions), at most three, below 1."""
        scores: dict[str, list[float]] = {}
        for one in self.asked:
            for pill in one.card.topics:
                scores.setdefault(pill, []).append(one.score)
        means = [(pill, sum(s) / len(s), len(s)) for pill, s in scores.items()]
        return sorted((m for m in means if m[1] < 1), key=lambda m: m[1])[:3]


def report(drill: Session | None = None, now: float | None = None) -> Report | None:
    """The report of a drill, by default of the last one, as it stands at ``now``; None where there is none."""
    chosen = drill or session.current()
    if chosen is None:
        return None
    cards = bank.load()
    asked = []
    for entry in ticks_of(chosen.id):
        card = cards.get(entry["card"])
        points = tuple(p for p in card.points if p.id in entry["points"]) if card else ()
        if card and points:  # a follow-up asks for some of a card's points
            card = dataclasses.replace(card, question=entry.get("asks", card.question), points=points)
            missing = tuple(p.fact for p in card.points if not entry["points"].get(p.id))
            flags = tuple(f.fact for f in card.flags if entry["flags"].get(f.id))
            asked.append(Asked(card, page.score(card, entry["points"], entry["flags"]), missing, flags))
    tried = state.entries("attempt", chosen.id)
    said = [e for place, e in state.latest("narrated").items() if place.startswith(f"{chosen.id}/")]
    ticks = [tick for entry in said for tick in entry["ticks"]]
    runs = state.entries("contrast", chosen.id)
    before = tuple(
        (one.id, _short(one, sum(one.spent), len(state.entries("attempt", one.id)), _share(one.id)))
        for one in session.sessions()
        if one.started < chosen.started
    )
    return Report(
        chosen,
        tuple(chosen.used(block, time.time() if now is None else now) for block in range(len(BLOCKS))),
        tuple(asked),
        len(tried),
        tuple(tried[-1]["passed"]) if tried else (),
        int(tried[-1]["of"]) if tried else 6,
        (sum(map(bool, ticks)), sum(len(one.points) for one in narration())),
        runs[-1]["losses"] if runs else {},
        rubric(chosen.id),
        before,
    )


def markdown(made: Report) -> str:
    """The report as Markdown."""
    lines = [f"# {_say('title', drill=made.drill.id)}", "", headline(made), ""]
    for title, rows in sections(made):
        lines += [f"## {title}", ""]
        if rows and len(rows[0]) > 1:
            head, *body = rows
            lines += [_row(head), _row(["---"] * len(head)), *map(_row, body), ""]
        else:
            lines += [f"- {_marked(row[0])}" for row in rows] + [""]
    return "\n".join(lines)


def page_of(made: Report) -> str:
    """The report as a page of HTML that stands alone."""
    head = f"<title>{html.escape(_say('title', drill=made.drill.id))}</title><meta charset='utf-8'>"
    view = "<meta name='viewport' content='width=device-width'>"
    style = f"<style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}{view}{style}</head><body>{body(made)}</body></html>"


def body(made: Report, links: bool = False) -> str:
    """The report as HTML, for a page or, with ``links`` to the sections, for a notebook."""
    parts = [f"<h1>{html.escape(_say('title', drill=made.drill.id))}</h1><p>{html.escape(headline(made))}</p>"]
    for title, rows in sections(made, links):
        parts.append(f"<h2>{html.escape(title)}</h2>{_table(rows)}")
    return f"<div class='bn'>{''.join(parts)}</div>"


def headline(made: Report) -> str:
    """One sentence: how far, how well."""
    drill = made.drill
    done = _say("finished") if drill.finished else _say("going", done=drill.block, every=len(BLOCKS))
    share = (
        _say("unopened")
        if made.share is None
        else _say("scored", share=_scored(made.share), questions=_many(len(made.asked), "question"))
    )
    return f"{done} {_many(round(sum(made.used) / 60), 'minute')}; {share}; {_layer(made)}."


def sections(made: Report, links: bool = False) -> list[tuple[str, list[list[str]]]]:
    """Title and rows of each part.  Rows of several cells are a table with its head first; rows of one are a list."""
    drill = made.drill
    times = [[*WORDS["time_head"]]]
    for i, block in enumerate(BLOCKS):
        used, planned = made.used[i] / 60, drill.planned(i) / 60
        over = _say("over", minutes=f"{used - planned:.1f}") if used > planned else ""
        times.append([block.title, f"{used:.1f}" if drill.opened[i] else _say("not_begun"), f"{planned:g}", over])
    rows: list[tuple[str, list[list[str]]]] = [(_say("time"), times)]
    code = [[_layer(made)[0].upper() + _layer(made)[1:] + "."]]
    if made.losses:
        told = "; ".join(f"{name}: {_median(values):.3f}" for name, values in made.losses.items())
        code.append([_say("losses", losses=told)])
    else:
        code.append([_say("no_losses")])
    code.append([_say("narrated", said=made.narrated[0], every=made.narrated[1])])
    rows.append((_say("code"), code))
    if made.asked:
        table = [[*WORDS["questions_head"]]]
        for one in made.asked:
            flags = "".join(f" ⚑ {flag}" for flag in one.flags)
            missing = " · ".join(plain(fact) for fact in one.missing) or _say("nothing")
            table.append([plain(one.card.question), _scored(one.score), missing + flags])
        rows.append((_say("questions"), table))
    by = _say("filled") + _say("own") * made.rubric.learners
    later = {p.id: _say("not_asked") * (p.id not in made.rubric.asked) for p in POSITIVES}
    ticks = [[f"{_SIGN[made.rubric.points[p.id]]} {p.says}{later[p.id]}"] for p in POSITIVES]
    ticks += [[f"⚑ {f.says}"] for f in FLAGS if made.rubric.flags[f.id]]
    rows.append((_say("rubric", by=by), ticks))
    if made.weakest:
        weak = [
            _say("weak", pill=pill, share=_scored(mean), questions=_many(n, "question"))
            for pill, mean, n in made.weakest
        ]
        rows.append((_say("weakest"), [[one] for one in weak]))
    if made.again:
        again = [f"{plain(why)} → {place(where, links)}" for where, why in made.again]
        rows.append((_say("again"), [[one] for one in again]))
    if made.earlier:
        before = [[id, told] for id, told in made.earlier]
        rows.append((_say("earlier"), [[*WORDS["earlier_head"]], *before, [_say("this"), _now(made)]]))
    return rows


def _say(words: str, **places: object) -> str:
    return str(WORDS[words]).format(**places)


def _layer(made: Report) -> str:
    if not made.attempts:
        return _say("unjudged")
    attempts = _many(made.attempts, "attempt")
    return _say("judged", passed=len(made.passed), every=made.checks, attempts=attempts)


def _now(made: Report) -> str:
    return _short(made.drill, sum(made.used), made.attempts, made.share)


def _short(drill: Session, seconds: float, attempts: int, share: float | None) -> str:
    kind = _say("short" if drill.short else "long")
    points = _say("no_questions") if share is None else _say("score", share=_scored(share))
    tried = _many(attempts, "attempt")
    return _say("result", minutes=f"{max(seconds, 0.0) / 60:.0f}", kind=kind, points=points, attempts=tried)


def _many(number: int, what: str) -> str:
    return f"{number} {_say(what)}{'s' * (number != 1)}"


def _scored(share: float) -> str:
    return _say("share", percent=f"{100 * share:.0f}")


def _share(drill: str) -> float | None:
    scores = [float(entry["score"]) for entry in ticks_of(drill)]
    return sum(scores) / len(scores) if scores else None


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def place(where: str, link: bool) -> str:
    notebook, _, heading = where.partition("#")
    name = _say("notebook", number=notebook[:2]) + _say("section", heading=heading) * bool(heading)
    return f"[{name}]({page.address(where)})" if link else name


def plain(markdown: str) -> str:
    """Text of the bank without its formulas' TeX.

    >>> plain("γ starts at $1$, see `weight`.")
    'γ starts at 1, see weight.'
    """
    return re.sub(r"\$([^$]*)\$", lambda m: bare(formula(m[1])), markdown).replace("`", "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_marked(cell).replace("|", r"\|") for cell in cells) + " |"


def _marked(cell: str) -> str:
    return cell.replace("*", r"\*")


def _table(rows: list[list[str]]) -> str:
    if rows and len(rows[0]) == 1:
        return "<ul>" + "".join(f"<li>{_linked(row[0])}</li>" for row in rows) + "</ul>"
    head, *rest = rows
    last = len(head) - 1  # words: to the left
    top = "".join(f"<th scope='col'{_LEFT[i == last]}>{html.escape(cell)}</th>" for i, cell in enumerate(head))
    lines = "".join(
        f"<tr>{''.join(f'<td{_LEFT[i == last]}>{_linked(cell)}</td>' for i, cell in enumerate(row))}</tr>"
        for row in rest
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _linked(cell: str) -> str:
    return re.sub(r"\[([^]]+)\]\(([^)]+)\)", rf'<a href="\2" {page.ASIDE}>\1</a>', html.escape(cell, quote=False))
