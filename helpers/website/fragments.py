"""A widget of the site as a fragment of HTML: its container, its data, and the call that brings it to life."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .stylesheet import themed


def fragment(name: str, data: Any, body: str = "", styles: Iterable[str] = ()) -> str:
    """The widget that ``batchnorm.NAME(element, data)`` makes, once the page and its scripts are there.

    ``body`` is what its element holds until then, and where scripts do not run.
    """
    id = f"batchnorm-{name.replace('_', '-')}"
    css = "".join(themed(style.replace("\n", "")) for style in styles)
    start = (
        f'addEventListener("DOMContentLoaded",()=>batchnorm.{name}(document.getElementById("{id}"),'
        f'JSON.parse(document.getElementById("{id}-data").textContent)))'
    )
    return (
        f'<style>{css}</style><div class="bn bn-site" id="{id}">{body}</div>'
        f'<script type="application/json" id="{id}-data">{json_text(data)}</script><script>{start}</script>'
    )


def json_text(data: Any) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
