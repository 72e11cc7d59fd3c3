"""Colours and the style sheet of everything that the course shows, in light and in dark themes.

Text takes the front end's own colour and ground; colours that mean something have a light and a dark value, as custom
properties of the class ``bn``.  Where a front end drops styles, the same words in the same order still read well.
"""

from __future__ import annotations

import html

COLOURS = {
    "none": "#6b6b6b",  # grey: the plain net
    "none, He": "#111111",  # black: the plain net with He initialisation, the control
    "batch": "#0072b2",  # blue
    "layer": "#d55e00",  # vermilion
    "group": "#009e73",  # green
    "instance": "#cc79a7",  # purple
    "rms": "#b8860b",  # dark yellow
}
"""The colour of each norm in every figure: colour-blind safe (after Okabe and Ito), readable on white."""

STYLE = """
.bn{--good:#0b7a53;--bad:#b3261e;--todo:#59636e;--link:#0068a8;--goodbg:#e7f5ee;--badbg:#fdeceb;
--todobg:rgba(127,127,127,.12);--line:rgba(127,127,127,.35);--raised:rgba(127,127,127,.06);font-size:14px;
line-height:1.5}
body[data-jp-theme-light="false"] .bn,.vscode-dark .bn,html[theme="dark"] .bn{--good:#56cf9a;--bad:#ff8f82;
--todo:#a4afba;--link:#5bb6f0;--goodbg:#12291f;--badbg:#341a18}
.bn-card{max-width:820px;border:1px solid var(--line);border-radius:8px;padding:12px 16px;background:var(--raised)}
.bn .bn-head{display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px}
.bn .bn-head>b{max-width:calc(100% - 32px)}
.bn .bn-seg{display:flex;gap:3px;flex:0 1 240px;min-width:60px}
.bn .bn-seg i{flex:1;height:8px;border-radius:2px;background:var(--line)}
.bn .bn-seg .good{background:var(--good)}
.bn .bn-seg .bad{background:repeating-linear-gradient(45deg,var(--bad) 0 3px,transparent 3px 5px);
outline:1px solid var(--bad)}
.bn .bn-bar{display:inline-block;vertical-align:middle;width:100%;min-width:90px;height:8px;border-radius:4px;
overflow:hidden;background:var(--line)}
.bn .bn-bar i{display:block;height:100%;background:var(--good)}
.bn .bn-first{margin:10px 0 8px;padding:8px 12px;border-radius:6px;font-size:16px}
.bn .bn-first b{display:block;font-size:12px;letter-spacing:.03em;text-transform:uppercase}
.bn .bn-first>b>i{display:none}
.bn .bn-first.good{background:var(--goodbg)}.bn .bn-first.bad{background:var(--badbg)}
.bn .bn-first.todo{background:var(--todobg)}
.bn .good>b,.bn .bn-good{color:var(--good)}.bn .bad>b,.bn .bn-bad{color:var(--bad)}
.bn .todo>b,.bn .bn-todo{color:var(--todo)}
.bn a{color:var(--link)}
.bn table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;margin:4px 0}
.bn-card table{width:100%}
.bn figure{margin:0}.bn figcaption{padding:2px 0 4px;font-weight:650}
.bn tr,.bn tr:hover{background:none!important}
.bn th,.bn td{text-align:right!important;padding:3px 0 3px 16px!important;background:none!important;border:0;
white-space:normal;max-width:none}.bn .bn-whole{white-space:nowrap}
.bn th{font-weight:500}.bn thead th{font-size:12px;border-bottom:1px solid var(--line);vertical-align:bottom}
.bn tbody tr+tr>*{border-top:1px solid rgba(127,127,127,.15)}
.bn .bn-left,.bn th:first-child,.bn td:first-child{text-align:left!important}
.bn th:first-child,.bn td:first-child{padding-left:0!important}
.bn .bn-shows td:last-child{color:var(--bad);font-weight:650}
.bn p{margin:6px 0}.bn details{margin-top:4px}.bn summary{cursor:pointer;
display:list-item}
.bn dl{margin:2px 0 8px}.bn dd{margin:0 0 0 16px}
.bn code{background:rgba(127,127,127,.16);padding:1px 4px;border-radius:4px;font-size:13px}
.bn small,.bn small code{font-size:12px}
.bn pre{margin:6px 0 0;white-space:pre-wrap}
.bn-figure img{max-width:100%;height:auto;mix-blend-mode:multiply}
body[data-jp-theme-light="false"] .bn-figure img,.vscode-dark .bn-figure img,html[theme="dark"] .bn-figure img{
filter:invert(1) hue-rotate(180deg);mix-blend-mode:screen}
""".replace("\n", "")
"""A figure is drawn dark on white; a dark theme turns its lightness round and keeps its hues, and no ground is seen."""


def styled(body: str, kind: str, options: str = "") -> str:
    """An element of the class ``kind`` with the style sheet before it; ``options``: more of its attributes.

    >>> styled("Yes.", "bn-card", 'role="status"').partition("</style>")[2]
    '<div class="bn bn-card" role="status">Yes.</div>'
    """
    return f'<style>{STYLE}</style><div class="bn {html.escape(kind)}"{" " * bool(options)}{options}>{body}</div>'
