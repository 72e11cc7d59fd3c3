"""course.css: the course's own style sheet, whose dark colours follow the theme of the site, and the pages' rules."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.look.style import STYLE

STATIC = Path(__file__).parent / "static"
_DARK = re.compile(r'html\[theme="dark"\]( [^,{}]+)\{([^}]*)\}')


def course_css() -> str:
    """The content of course.css."""
    return themed(STYLE) + "\n" + (STATIC / "pages.css").read_text(encoding="utf-8")


def themed(style: str) -> str:
    """The style, and its rules for dark themes once more for the site's: chosen by a button, or by the system.

    >>> themed('.a{b:c}html[theme="dark"] .a{b:d}').removeprefix('.a{b:c}html[theme="dark"] .a{b:d}')
    'body[data-theme="dark"] .a{b:d}@media(prefers-color-scheme:dark){body:not([data-theme="light"]) .a{b:d}}'
    """
    dark = _DARK.findall(style)
    chosen = "".join(f'body[data-theme="dark"]{what}{{{rules}}}' for what, rules in dark)
    system = "".join(f'body:not([data-theme="light"]){what}{{{rules}}}' for what, rules in dark)
    return f"{style}{chosen}@media(prefers-color-scheme:dark){{{system}}}" if dark else style
