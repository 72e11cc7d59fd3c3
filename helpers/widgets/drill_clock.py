"""The drill's clock on the screen: it counts in pure CSS, also while the kernel is busy."""

from __future__ import annotations

import itertools
from datetime import datetime

from helpers.drill import page
from helpers.drill.session import BLOCKS, Session

LONGEST = 4 * 3600
"""Seconds of overtime that the display can count."""
WORDS = {
    "stopped": "The clock is not running.",
    "finished": "All four blocks are done, in {minutes}.",
    "left": "left",
    "over": "over",
    "paused": "the clock is paused.",
    "until": "planned until {until}",
    "was_until": "was planned until {until}; take the time that you need",
    "used": "✓ {minutes} of {plan}",
    "plan": "{plan} minutes",
}
"""What the clock says, here and on the course's pages."""
_numbers = itertools.count()
STYLE = """
@property --bn-s{syntax:'<integer>';initial-value:0;inherits:true}
@property --bn-m{syntax:'<integer>';initial-value:0;inherits:true}
@keyframes bn-come{to{visibility:visible}}
@keyframes bn-go{to{visibility:hidden}}
.bn-time{display:inline-grid;font-size:24px;font-weight:650;font-variant-numeric:tabular-nums;min-width:190px}
.bn-time>span{grid-area:1/1}
.bn-digits{--bn-m:calc(var(--bn-s)/60 - .5);counter-reset:bnm var(--bn-m) bns calc(var(--bn-s) - 60*var(--bn-m))}
.bn-digits::before{content:counter(bnm) ":" counter(bns,decimal-leading-zero)}
.bn-blocks{display:flex;gap:6px;list-style:none;padding:0;margin:6px 0;flex-wrap:wrap}
.bn-blocks li{flex:1 1 130px;border-top:4px solid var(--line);padding-top:2px;font-size:13px}
.bn-blocks li.now{border-color:var(--link);font-weight:650}.bn-blocks li.was{border-color:var(--good)}
""".replace("\n", "")


def clock(session: Session | None, now: float) -> str:
    """The clock and the four blocks as they stand at ``now``, in seconds since 1970."""
    if session is None:
        return page.page(f"<style>{STYLE}</style>{_blocks(None, now)}<p>{WORDS['stopped']}</p>")
    if session.finished:
        told = f"<b>{WORDS['finished'].format(minutes=minutes(sum(session.spent)))}</b>"
    else:
        told = _time(session, now)
    return page.page(f"<style>{STYLE}</style>{_blocks(session, now)}{told}", "bn-drill bn-clock")


def _time(session: Session, now: float) -> str:
    block, left = BLOCKS[session.block], session.left(now)
    if session.paused:
        how = f"{stamp(abs(left))} {WORDS['left' if left >= 0 else 'over']}"
        return f'<span class="bn-time">{how}</span> <b>{block.title}</b>: {WORDS["paused"]}'
    deadline = session.deadline(now) or now
    until = f"{datetime.fromtimestamp(deadline):%H:%M}"
    words = WORDS["until" if left >= 0 else "was_until"].format(until=until)
    counting = _counting(left, session.speed)
    return (
        f'<span class="bn-time" role="timer" aria-label="{block.title}, {words}">{counting}</span> '
        f"<b>{block.title}</b>: {words}"
    )


def _counting(left: float, speed: float) -> str:
    """Two counters on one place: down to 0, and from there up; only one of them is visible at a time."""
    number = next(_numbers)
    down, up = max(round(left), 0), max(round(-left), 0)
    parts = []
    both = ("d", down, 0, 0.0, WORDS["left"]), ("u", up, up + LONGEST, down / speed, WORDS["over"])
    for name, start, end, wait, words in both:
        steps = abs(end - start)
        count = f"bn-count{number}{name}"
        animations = [f"{count} {steps / speed:.2f}s steps({max(steps, 1)},end) {wait:.2f}s both"]
        if name == "d":
            animations.append(f"bn-go 0s {down / speed:.2f}s forwards")
            hidden = "hidden" if not down else "visible"
        else:
            animations.append(f"bn-come 0s {wait:.2f}s forwards")
            hidden = "visible" if not down else "hidden"
        parts.append(
            f"<style>@keyframes {count}{{from{{--bn-s:{start}}}to{{--bn-s:{end}}}}}</style>"
            f'<span style="visibility:{hidden};animation:{",".join(animations)}">'
            f'<span class="bn-digits"></span> {words}</span>'
        )
    return "".join(parts)


def _blocks(session: Session | None, now: float) -> str:
    made = ""
    for i, block in enumerate(BLOCKS):
        plan = session.planned(i) / 60 if session else block.long
        kind = "" if session is None or i > session.block else "now" if i == session.block else "was"
        if kind == "was" and session is not None:
            told = WORDS["used"].format(minutes=minutes(session.spent[i]), plan=f"{plan:g}")
        else:
            told = "▶ " * (kind == "now") + WORDS["plan"].format(plan=f"{plan:g}")
        made += f'<li class="{kind}"{" aria-current=step" * (kind == "now")}>{i + 1} · {block.title}<br>{told}</li>'
    return f'<ol class="bn-blocks">{made}</ol>'


def stamp(seconds: float) -> str:
    """Minutes and seconds.

    >>> stamp(61.4)
    '1:01'
    """
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def minutes(seconds: float) -> str:
    """A time in minutes.

    >>> minutes(59), minutes(630)
    ('1 minute', '10.5 minutes')
    """
    number = round(seconds / 60, 1)
    return f"{number:g} minute{'s' * (number != 1)}"
