"""The pages that are no notebooks, and the links under a notebook's title, from the templates beside this module."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from helpers.exercises.syllabus import notebooks

from . import mistake, recorded_playground, repository
from .live import PAGES, live

TEMPLATES = Path(__file__).with_name("templates")
TITLE = "Batch Normalization, from paper to code"
NOTEBOOKS = "notebooks"
SOLVED = f"{NOTEBOOKS}/solved"
"""The folders of the site with the files that a reader takes away."""
_ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined)


def index() -> str:
    """The front page, in Markdown."""
    course = notebooks()
    card = re.sub(r"<style>.*?</style>", "", mistake.card()._repr_html_(), flags=re.DOTALL)
    minutes, points = sum(one.minutes for one in course), sum(one.points for one in course)
    return _ENVIRONMENT.get_template("index.md").render(
        title=TITLE,
        course=course,
        notebooks=NOTEBOOKS,
        minutes=minutes,
        hours=round(minutes / 60),
        points=f"{points:g}",
        code=mistake.code(),
        card=card,
        playground=live(recorded_playground),
        widgets=PAGES,
    )


def widget(name: str) -> str:
    """The page of one widget, in Markdown."""
    made, title, first = PAGES[name]
    return _ENVIRONMENT.get_template("widget.md").render(title=title, first=first, widget=live(made))


def cite(root: Path) -> str:
    """The page on licence and citation, in Markdown."""
    licence, citation = ((root / name).read_text(encoding="utf-8").strip() for name in ("LICENSE", "CITATION.cff"))
    return _ENVIRONMENT.get_template("cite.md").render(licence=licence, citation=citation)


def take(name: str, address: str) -> str:
    """What a reader can take from a notebook's page, as HTML without an empty line; ``address`` is the repository's."""
    elsewhere = repository.run_it_at(address, name)
    return _ENVIRONMENT.get_template("take.html").render(
        learner=f"{NOTEBOOKS}/{name}.ipynb", solved=f"{SOLVED}/{name}.ipynb", elsewhere=elsewhere
    )
