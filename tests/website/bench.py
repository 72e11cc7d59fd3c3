"""``python -m tests.website.bench``: how soon the recorded playground answers, in headless Chromium, from a file.

A redraw is timed from the event of the control to the page laid out anew; each number is the median of ROUNDS, and the
largest is in brackets.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from helpers.website import recorded_playground
from tests.browser.front_end import FLAGS, system_browser
from tests.website import local

ROUNDS = 40
LIMIT = 16.0
"""Milliseconds: a frame of a screen that shows sixty in a second."""
READY = 1000.0
"""Milliseconds from opening the file until the sliders answer."""
TIMES = """async ([name, values, rounds]) => {
  const took = [], changed = name === 'bn-step' ? '.bn-third' : '.bn-words';
  for (let i = 0; i < rounds; i++) {
    const start = await new Promise(requestAnimationFrame) && performance.now();
    const done = new Promise(resolve => {
      const observer = new MutationObserver(() => (observer.disconnect(), resolve()));
      observer.observe(document.querySelector(changed), {childList: true, subtree: true, attributes: true}); });
    const control = document.querySelector(`.${name}`);
    if (control.type === 'range') {
      control.value = values[i % values.length];
      control.dispatchEvent(new Event('input', {bubbles: true}));
    } else control.querySelector(`[value="${values[i % values.length]}"]`).click();
    await done;
    document.querySelector('.bn-playground').getBoundingClientRect();
    took.push(performance.now() - start);
  }
  took.sort((a, b) => a - b);
  return [took[took.length >> 1], took.at(-1)]; }"""
MOVES = {
    "learning rate": ("bn-lr", [*range(7)]),
    "batch size": ("bn-batch", [*range(8)]),
    "norm": ("bn-norm", ["layer", "group", "batch"]),
    "seed": ("bn-seed", [1, 2, 0]),
    "step": ("bn-step", [*range(10)]),
}


def main() -> int:
    """Print the times beside their limits; exit 1 where one is broken."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = system_browser() or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(local.write(Path(folder) / "page.html", recorded_playground))
        page.locator(".bn-moves").wait_for()
        ready = page.evaluate("performance.getEntriesByName('batchnorm-ready')[0].startTime")
        for name, values in MOVES.values():  # every part is unpacked once
            page.evaluate(TIMES, [name, values, len(values)])
        found = {move: page.evaluate(TIMES, [*how, ROUNDS]) for move, how in MOVES.items()}
        browser.close()
    print(f"{'':16}{'ms':>7}{'(largest)':>11}{'limit':>7}   (load {os.getloadavg()[0]:.1f})")
    for move, (middle, largest) in found.items():
        print(f"{move:16}{middle:7.1f}{f'({largest:.1f})':>11}{LIMIT:7.0f}")
    print(f"{'answers after':16}{ready:7.0f}{'':11}{READY:7.0f}")
    return 0 if ready < READY and all(middle < LIMIT for middle, _ in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
