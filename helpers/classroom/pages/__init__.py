"""The pages that grading writes: text is escaped, no script runs, nothing is fetched."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from helpers.look.style import STYLE

_ENVIRONMENT = Environment(
    loader=PackageLoader(__name__, "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def made(template: str, **values: Any) -> str:
    """A page from one of the templates beside this module."""
    return _ENVIRONMENT.get_template(template).render(style=Markup(STYLE), **values)


def card(html: str) -> Markup:
    """A card of the judge's, which has escaped what is the learner's, without the style sheet that it brings."""
    return Markup(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))
