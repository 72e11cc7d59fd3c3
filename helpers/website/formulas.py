"""Formulas as MathML, which browsers typeset themselves: no script and no font is loaded for them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from latex2mathml.converter import convert

_UPRIGHT = re.compile(r"\\mathrm(?:\s*\{(\w)\}|\s+(\w))")
_FORMULA = re.compile(r"\$([^$]*)\$")
_HELD = re.compile("\ue000(\\d+)\ue001")
"""A number between two signs of the private use area, which no text has."""


@functools.cache
def mathml(tex: str, display: str = "inline") -> str:
    """One formula, without its dollar signs.

    >>> mathml("x")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>x</mi></mrow></math>'
    """
    known = _UPRIGHT.sub(r"\\text{\1\2}", tex)  # browsers slant a letter that stands alone
    known = known.replace(r"\arg", r"\mathrm{arg}")  # the library knows neither this one nor an underscore in a word
    made = convert(known, display=display).replace(r"\_", "_")
    if "\\" in made:
        raise ValueError(f"a command of {tex!r} is unknown")
    return made


def with_formulas(show: Callable[[Callable[[str], str]], str]) -> str:
    """What ``show(held)`` returns, where ``held(text)`` is a text whose formulas stand aside until the end.

    >>> with_formulas(lambda held: "<p>" + held("Is $x$ new?") + "</p>").count("<mi>")
    1
    """
    aside: list[str] = []

    def hold(found: re.Match[str]) -> str:
        aside.append(found[1])
        return f"\ue000{len(aside) - 1}\ue001"

    shown = show(lambda text: _FORMULA.sub(hold, text))
    return _HELD.sub(lambda found: mathml(aside[int(found[1])]), shown)
