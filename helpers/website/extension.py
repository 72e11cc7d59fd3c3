"""What the site asks of Sphinx beyond its settings: formulas as MathML, and no style on a page that does not use it."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from .formulas import mathml


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls of an extension."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("html-page-context", _only_what_is_used)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def _only_what_is_used(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """The style of cells is for notebooks, and the front page is light; what is folded has its visible name."""
    if "body" in context:
        context["body"] = context["body"].replace(' aria-label="Toggle hidden content"', "")
    if not page[:2].isdigit():
        context["css_files"] = [file for file in context["css_files"] if "mystnb" not in str(file.filename)]
