"""Cards, answers and findings as HTML; formulas stand in letters that every front end has."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from helpers.look.parts import mark
from helpers.look.style import styled

from . import bank
from .bank import Card, Flag, Point
from .formula import formula
from .matcher import Feedback, Span

SIGNS = {"easy": "●", "medium": "◆", "hard": "▲"}
"""The sign of each chip: colour is never alone."""
ASIDE = 'target="_blank" rel="noopener"'
"""Of a link: it opens beside the notebook, in which a clock may run."""
STYLE = """
.bn{--easy:#0b7a53;--medium:#8a5a00;--hard:#b3261e}
body[data-jp-theme-light="false"] .bn,.vscode-dark .bn,html[theme="dark"] .bn{--easy:#56cf9a;--medium:#e3b341;
--hard:#ff8f82}
.bn-q{border-left:6px solid var(--line);padding:4px 0 4px 14px;max-width:820px}
.bn-q.easy{border-color:var(--easy)}.bn-q.medium{border-color:var(--medium)}.bn-q.hard{border-color:var(--hard)}
.bn-q{margin-top:10px}.bn .bn-ask{font-size:16px;font-weight:600;margin:6px 0}
.bn-q .chip{font-weight:650}.easy .chip{color:var(--easy)}.medium .chip{color:var(--medium)}
.hard .chip{color:var(--hard)}
.bn .pill{display:inline-block;border:1px solid var(--line);border-radius:10px;padding:0 8px;margin:0 4px 2px 0;
font-size:12px}
.bn mark{background:none;color:inherit;border-bottom:2px solid var(--good);font-weight:600}
.bn mark.flag{border-bottom:2px dashed var(--bad)}
.bn .bn-bar.bn-parts{display:flex}
.bn .bn-parts .weak{background:repeating-linear-gradient(45deg,var(--bad) 0 3px,transparent 3px 5px)}
.bn-said{white-space:pre-wrap}
.bn i{font-family:Georgia,"Times New Roman",serif}
.bn-prompt{display:block;margin:0 0 6px;width:100%;max-width:780px;border:1px solid var(--line)}
.bn-prompt{font:13px monospace;color:inherit;background:transparent}
""".replace("\n", "")
BAR = ("{known} known", "{weak} not yet", "of {every}")
"""The numbers beside a bar."""
_COPY = """
const field = this.previousElementSibling; field.select();
(navigator.clipboard ? navigator.clipboard.writeText(field.value) : Promise.reject())
.catch(() => document.execCommand('copy')).then(() => { this.textContent = 'Copied'; })
""".replace("\n", " ").strip()
"""Without a secure address there is no ``navigator.clipboard``; the old command copies what is selected."""


def page(body: str, kind: str = "bn-drill", options: str = "") -> str:
    """Some HTML in the drill's style."""
    return styled(f"<style>{STYLE}</style>{body}", kind, options)


def text(markdown: str) -> str:
    """The bank's small Markdown on one line as HTML: formulas, code, emphasis.

    >>> text("`eval()` keeps $\\\\gamma=1$, *always*.")
    '<code>eval()</code> keeps <i>γ</i> = 1, <em>always</em>.'
    """
    made = []
    for i, part in enumerate(re.split(r"\$([^$]*)\$|`([^`]*)`", markdown)):
        kind = i % 3
        if kind == 1 and part is not None:
            made.append(formula(part))
        elif kind == 2 and part is not None:
            made.append(f"<code>{html.escape(part)}</code>")
        elif kind == 0:
            safe = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", html.escape(part, quote=False))
            made.append(re.sub(r"(?<!\w)\*([^*\s][^*]*)\*", r"<em>\1</em>", safe))
    return "".join(made)


def paragraphs(markdown: str) -> str:
    """Text of several paragraphs as HTML."""
    return "".join(f"<p>{text(one)}</p>" for one in re.split(r"\n\s*\n", markdown.strip()))


def front(card: Card, ask: str = "", told: str = "") -> str:
    """The side with the question: chip with its word, pills, and, folded, what a full answer touches.

    ``ask``: another wording; ``told``: what stands beside the chip.
    """
    chip = f'<span class="chip">{SIGNS[card.chip]} {card.chip}</span>'
    pills = "".join(f'<span class="pill">{html.escape(pill)}</span>' for pill in card.topics)
    beside = f" <span>{html.escape(told)}</span>" if told else ""
    touches = f"<details><summary>What a full answer touches</summary><p>{text(card.touches)}</p></details>"
    touches = touches if card.touches else ""
    question = f'<p class="bn-ask">{text(ask or card.question)}</p>'
    return page(f'<div class="bn-q {card.chip}">{chip} {pills}{beside}{question}{touches}</div>')


def model_answer(card: Card) -> str:
    """The model answer with its sources, the follow-up questions and where the course shows it."""
    sources = f"<p><small>Sources: {html.escape('; '.join(card.sources))}</small></p>"
    asked = [bank.load()[one].question for one in card.follow_ups if one in bank.load()]
    then = "".join(f"<li>{text(question)}</li>" for question in asked)
    follow = f"<details><summary>Likely follow-up questions</summary><ul>{then}</ul></details>" if then else ""
    tip = f"<p>{text(bank.topics()[card.topic].tip)}</p>"
    body = f"<b>Model answer</b>{paragraphs(card.answer)}{sources}{section(card.section)}{follow}"
    return page(f"{body}<details><summary>A tip for the topic</summary>{tip}</details>")


def section(where: str) -> str:
    """A link to the section of a notebook, "" where there is none."""
    if not where:
        return ""
    notebook, _, heading = where.partition("#")
    words = f"{notebook[:2]}, “{heading}”" if heading else notebook
    return f'<p>Shown in notebook <a href="{address(where)}" {ASIDE}>{html.escape(words)}</a>.</p>'


def address(where: str) -> str:
    """The address of a section, relative to the notebooks.

    >>> address("02_build_batchnorm1d#The formula")
    '02_build_batchnorm1d.ipynb#The-formula'
    """
    notebook, _, heading = where.partition("#")
    return f"{notebook}.ipynb" + (f"#{html.escape(heading.replace(' ', '-'))}" if heading else "")


def underlined(answer: str, card: Card, found: Feedback) -> str:
    """The answer with the words that show a point underlined, and those of a red flag underlined with dashes."""
    flags = {flag.id for flag in card.flags if found.flags[flag.id]}
    points = {point.id for point in card.points if found.points[point.id]}
    places: list[tuple[Span, bool]] = []
    for name, spans in found.spans.items():
        places += [(span, name in flags) for span in spans if name in points | flags]
    starts = sorted({0, len(answer), *(edge for span, _ in places for edge in span)})
    made = ""
    for start, end in itertools.pairwise(starts):
        kinds = {flag for span, flag in places if span[0] <= start and end <= span[1]}
        piece = html.escape(answer[start:end])
        opening = '<mark class="flag">' if True in kinds else "<mark>"
        made += f"{opening}{piece}</mark>" if kinds else piece
    return f'<p class="bn-said">{made}</p>'


def findings(card: Card, answer: str, found: Feedback) -> str:
    """What was found in an answer: the words underlined, then what was found, is missing, is not sure, and flags."""
    groups = {
        "found, underlined above": [p for p in card.points if found.points[p.id]],
        "not found": [p for p in card.points if found.points[p.id] is False],
        "not sure": [p for p in card.points if found.points[p.id] is None],
    }
    signs = (mark(True), mark(False), mark(None))
    told = zip(signs, groups.items(), strict=True)
    lines = [f"{sign} {name}: {_facts(several)}" for sign, (name, several) in told if several]
    flags = [flag for flag in card.flags if found.flags[flag.id]]
    if flags:
        lines.append(f'<span class="bn-bad">⚑ a red flag, underlined with dashes</span>: {_facts(flags)}')
    shown = "".join(f"<p>{line}</p>" for line in lines)
    return page(f"<b>Your answer</b>{underlined(answer, card, found)}{shown}", "bn-findings", 'role="status"')


def _facts(several: Iterable[Point | Flag]) -> str:
    return " · ".join(text(one.fact) for one in several)


def prompt(card: Card, answer: str) -> str:
    """Question, rubric and answer as plain text for an assistant of the learner's choice."""
    points = "\n".join(f"- {point.fact}" for point in card.points)
    flags = "\n".join(f"- {flag.fact}" for flag in card.flags)
    return (
        "You interview me for a machine learning position. Grade my answer by this rubric only. Say for every key "
        "point whether my answer states it and quote the words that do; name each red flag that I assert; then ask one "
        f"follow-up question.\n\nQuestion: {card.question}\n\nKey points:\n{points}\n\nRed flags:\n{flags}\n\n"
        f"My answer:\n{answer.strip() or '(nothing yet)'}\n"
    )


def copied(card: Card, answer: str) -> str:
    """The prompt, folded, in a field to copy from."""
    words = html.escape(prompt(card, answer))
    field = f'<textarea class="bn-prompt" rows="9" readonly aria-label="A prompt to copy">{words}</textarea>'
    how = "Question, points and your answer, for an assistant of your choice. Nothing is sent anywhere from here."
    button = f'<button type="button" onclick="{_COPY}">Copy</button>'
    return page(f"<details><summary>Copy as a prompt</summary><p>{how}</p>{field}{button}</details>")


def score(card: Card, ticks: Mapping[str, bool], flags: Mapping[str, bool]) -> float:
    """The share of points that are ticked; a red flag caps it at one half.

    >>> card = bank.load()["deep-10"]
    >>> score(card, dict.fromkeys(["normalizes-biased", "buffers-unbiased"], True), {})
    0.6666666666666666
    >>> score(card, {p.id: True for p in card.points}, {"one-variance": True})
    0.5
    """
    share = sum(bool(ticks.get(point.id)) for point in card.points) / len(card.points)
    return min(share, 0.5) if any(flags.get(flag.id) for flag in card.flags) else share


def bars(rows: Sequence[tuple[str, int, int, int]], caption: str) -> str:
    """A small chart: of each row the name, how many are known, seen and not known, and how many there are.

    What is known is filled, what is not is hatched; the numbers stand beside.
    """
    lines = []
    for name, known, weak, every in rows:
        whole = max(every, 1)
        shares = f"width:{100 * known / whole:.0f}%", f"width:{100 * weak / whole:.0f}%"
        bar = f'<i style="{shares[0]}"></i><i class="weak" style="{shares[1]}"></i>'
        shown = f'<span class="bn-bar bn-parts" aria-hidden="true">{bar}</span>'
        counts = "".join(f"<td>{cell.format(known=known, weak=weak, every=every)}</td>" for cell in BAR)
        lines.append(f'<tr><th scope="row">{html.escape(name)}</th><td style="width:40%">{shown}</td>{counts}</tr>')
    table = f"<table><tbody>{''.join(lines)}</tbody></table>"
    return f"<figure><figcaption>{html.escape(caption)}</figcaption>{table}</figure>"
