"""Draw the pictures of README.md: ``python -m tests.browser.card`` judges a layer with one mistake and shows its card.

Writes ``docs/card.png`` and ``docs/class.png``, the top of ``docs/class.html``, each for dark pages too; needs a
Chromium.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.observe import observe
from helpers.judge.show import VerdictCard
from tests.browser.front_end import FLAGS, system_browser
from tests.judge.field_layers import layer, source
from tests.notebook import ROOT

LINE = "mean, var = x.mean(0), x.var(0)"
"""The line with the mistake."""
THEMES = {"card": ("true", "#ffffff", "#1b1f24"), "card-dark": ("false", "#0d1117", "#e6edf3")}
"""File name, and is the theme light, ground and ink."""


def card() -> VerdictCard:
    """The card that a learner sees for this layer."""
    code = source("unbiased")
    assert LINE in code
    found = batchnorm1d_exercise.assess(observe(layer("unbiased"), batchnorm1d_exercise.probes), code)
    return VerdictCard("BatchNorm1d", found)


def draw(folder: Path) -> None:
    """Write both pictures for a light and for a dark page, the card's at twice the screen's resolution."""
    body = card()._repr_html_()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(executable_path=system_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 800, "height": 600}, device_scale_factor=2)
        for name, (light, ground, ink) in THEMES.items():
            file = Path(temporary) / "card.html"
            style = f"margin:0;background:{ground};color:{ink};font-family:system-ui,sans-serif"
            text = f'<meta charset="utf-8"><body data-jp-theme-light="{light}" style="{style}">{body}'
            file.write_text(text, encoding="utf-8")
            page.goto(file.as_uri())
            page.locator(".bn-card").screenshot(path=folder / f"{name}.png")
        page = browser.new_page(viewport={"width": 980, "height": 660})
        page.goto((ROOT / "docs" / "class.html").as_uri())
        for name, scheme in (("class", "light"), ("class-dark", "dark")):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    draw(ROOT / "docs")
