"""The cheat sheet: batch norm on one page, for the screen and for paper."""

from __future__ import annotations

import functools
import html
import re
import tomllib
from importlib import resources

from . import page
from .formula import bare
from .report import STYLE

TITLE = "Batch norm on one page"
_SOURCES = (
    "Ioffe & Szegedy 2015, Algorithms 1 and 2, §3, Figure 3; Santurkar et al. 2018, §2; Wu & He 2018, §3; "
    "PyTorch and Keras 3 documentation, BatchNorm"
)


@functools.cache
def parts() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Title and lines of each part, from ``cheat_sheet.toml``."""
    text = resources.files(__package__).joinpath("cheat_sheet.toml").read_text(encoding="utf-8")
    return tuple((part["title"], tuple(part["lines"])) for part in tomllib.loads(text)["part"])


def body() -> str:
    """The sheet as HTML."""
    made = ""
    for title, lines in parts():
        made += f"<h2>{title}</h2><ul>{''.join(f'<li>{page.text(line)}</li>' for line in lines)}</ul>"
    return f"<h1>{TITLE}</h1>{made}<p><small>{html.escape(_SOURCES)}</small></p>"


def page_of() -> str:
    """The sheet as a page that stands alone and prints on one side of paper."""
    small = "@media print{body{font-size:10.5px;line-height:1.35}h2{font-size:12.5px;margin:8px 0 2px}ul{margin:2px 0}}"
    head = f"<meta charset='utf-8'><title>{TITLE}</title><style>{STYLE}{small}@page{{margin:14mm}}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body><div class='bn'>{body()}</div></body></html>"


def plain() -> str:
    """The sheet as text."""
    lines = re.sub(r"</(?:li|h1|h2|ul|p)>", "\n", body())
    return re.sub(r"\n{2,}", "\n", bare(lines)).strip()
