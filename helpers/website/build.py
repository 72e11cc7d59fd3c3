"""Write the site: a source folder in a temporary place, made from the notebooks, and Sphinx on it."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx

from helpers import project
from helpers.exercises.syllabus import notebooks

from . import folder, repository, texts
from .live import PAGES
from .notebook_page import PICTURES, page
from .stylesheet import STATIC, course_css

ROOT = Path(__file__).resolve().parents[2]
BLUE = {"light": "#0068a8", "dark": "#5bb6f0"}
SETTINGS: dict[str, Any] = {
    "project": texts.TITLE,
    "copyright": "The Batch Normalization Course authors, MIT licence",
    "language": "en",
    "extensions": ["myst_nb", "helpers.website.extension"],
    "templates_path": [str(texts.TEMPLATES)],
    "suppress_warnings": ["misc.highlighting_failure"],  # code with an ellipsis: something is left out
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},
    "myst_enable_extensions": ["dollarmath"],
    "myst_update_mathjax": False,
    "html_math_renderer": "mathml",
    "html_theme": "furo",
    "html_theme_options": {
        f"{theme}_css_variables": {f"color-brand-{what}": blue for what in ("primary", "content", "visited")}
        for theme, blue in BLUE.items()
    },
    "html_title": texts.TITLE,
    "html_css_files": ["course.css"],
    "html_js_files": [("pages.js", {"defer": "defer"})],
    "html_additional_pages": {"404": "404.html"},
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_search_summary": False,  # it would be fetched, which a browser does not do from a file
    "html_use_index": False,
}
"""What Sphinx otherwise reads in its conf.py."""
NOT_NEEDED = (".buildinfo", "objects.inv", "*.map", "_sources", "debug.css", "skeleton.css", "*.png.txt")


def build(target: Path, root: Path = ROOT) -> str:
    """Write the site of the course at ``root`` to the folder ``target``; returns why that was not done, or ""."""
    if refused := folder.refusal(target):
        return refused
    with tempfile.TemporaryDirectory() as place:
        names = ("source", "static", "extra", "made", "site")
        source, static, extra, made, site = (Path(place, name) for name in names)
        _write_sources(source, extra, root)
        _write_static(static)
        context = {"base": repository.base(project.repository(root))}
        paths = {"html_static_path": [str(static)], "html_extra_path": [str(extra)], "html_context": context}
        complaints = io.StringIO()
        sphinx = Sphinx(source, None, made, Path(place, "trees"), "html", SETTINGS | paths, None, complaints)
        sphinx.build()
        if complaints.getvalue():
            return f"No page was written, because Sphinx complains:\n{complaints.getvalue()}"
        shutil.copytree(made, site, ignore=shutil.ignore_patterns(*NOT_NEEDED))
        return folder.put(site, target)


def _write_sources(source: Path, extra: Path, root: Path) -> None:
    """Fill the folder that Sphinx reads, and that of the files which it copies."""
    for made in (source, extra / PICTURES, extra / texts.SOLVED):
        made.mkdir(parents=True)
    address = project.repository(root)
    for name in (one.name for one in notebooks()):
        learner, solution = (nbformat.read(root / kind / f"{name}.ipynb", 4) for kind in ("notebooks", "solutions"))
        nbformat.write(learner, extra / texts.NOTEBOOKS / f"{name}.ipynb")
        (carried,) = (cell.source for cell in learner.cells if cell.id == "setup")
        nbformat.write(page(learner, solution, texts.take(name, address), extra / PICTURES), source / f"{name}.ipynb")
        next(cell for cell in solution.cells if cell.id == "setup").source = carried  # so that it works alone
        nbformat.write(solution, extra / texts.SOLVED / f"{name}.ipynb")
    (source / "cite.md").write_text(texts.cite(root), encoding="utf-8")
    for name in PAGES:
        (source / f"{name}.md").write_text(texts.widget(name), encoding="utf-8")
    (source / "index.md").write_text(texts.index(), encoding="utf-8")


def _write_static(static: Path) -> None:
    """Fill the folder of scripts and styles."""
    static.mkdir()
    (static / "course.css").write_text(course_css(), encoding="utf-8")
    for path in STATIC.glob("*.js"):
        shutil.copy(path, static)
