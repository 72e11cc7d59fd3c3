"""A page with some of the site's fragments on it, for a browser to open as a file."""

from pathlib import Path

from helpers.website.stylesheet import course_css

STATIC = Path(__file__).parents[2] / "helpers" / "website" / "static"
_GROUND = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:16px;background:#fff;color:#1b1f24}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}}
"""


def write(path, *modules):
    """The page with the fragments of these modules and the scripts that they need; its address."""
    scripts = dict.fromkeys(["pages.js", *(script for module in modules for script in module.SCRIPTS)])
    tags = "".join(f'<script defer src="{(STATIC / script).as_uri()}"></script>' for script in scripts)
    view = '<meta name="viewport" content="width=device-width">'
    head = f'<meta charset="utf-8">{view}<title>A page</title><style>{_GROUND}{course_css()}</style>{tags}'
    body = "".join(module.fragment() for module in modules)
    page = f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>A page</h1>{body}</main></body></html>'
    path.write_text(page, encoding="utf-8")
    return path.as_uri()
