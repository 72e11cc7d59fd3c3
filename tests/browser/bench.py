"""``python -m tests.browser.bench``: how soon the playground answers, in headless Chromium and JupyterLab.

Beside it, in the same run and as the unit, stands ``interact`` with matplotlib: the same nets on the same two sliders,
drawn when they are trained; both with torch's batch norm.  Times run from the key press to the change on the page and
are medians of ROUNDS positions.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.front_end import FLAGS, RUN_ALL, Lab, jupyterlab, open_in_lab, system_browser, write_notebook

ROUNDS = 5
LIMITS = {"first frame": 100.0, "done": 600.0, "remembered": 50.0}
WRITTEN = 500.0
"""Milliseconds within which it is done with a layer written in Python."""

PLAYGROUND = """\
from IPython.display import display
from torch.nn import BatchNorm1d as torchs
from helpers.exercises.answers.batchnorm1d import BatchNorm1d as written
from helpers.widgets.playground import Playground
from tests.browser.bench import frame, trained
found = Playground(LAYER, patience=60)
found.controls.predict.value = False
display(found.controls.box)
found.start()
print("frame", frame(found), "training", trained(found))"""

INTERACT = """\
%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import FloatLogSlider, interact
from torch import nn
from helpers.experiments.fair import HEAD_SCALE, NETS, STEPS, fair_data, makers, widths
from helpers.lab.training import train
split = fair_data()
options = dict(continuous_update=False, readout_format=".1g")
@interact(lr=FloatLogSlider(value=10**-0.5, min=-2.5, max=0.5, step=0.25, **options),
          batch_size=FloatLogSlider(value=32, base=2, min=1, max=8, step=1, continuous_update=False))
def show(lr, batch_size):
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for name, make in makers(nn.BatchNorm1d, widths(20), HEAD_SCALE).items():
        _, history = train(make, split, lr=lr, batch_size=round(batch_size), steps=STEPS, evaluate_every=10)
        axes[0].semilogy(history.losses, label=NETS[name])
        axes[1].semilogy(history.steps, history.test_loss)
    figure.legend()
    plt.show()"""

WATCH = """() => {
  const log = window.bnLog = [];
  document.addEventListener('keydown', () => log.push(['key', performance.now()]), true);
  const text = () => document.querySelector('.bn-say')?.textContent ?? '';
  new MutationObserver(records => {
    for (const r of records) {
      const at = r.target.nodeType === 1 ? r.target : r.target.parentElement;
      if (at?.closest('.bn-curves, .bn-third')) log.push(['frame', performance.now()]);
      else if (at?.closest('.bn-plane')) log.push(['map', performance.now()]);
      else if (at?.closest('.bn-words')) log.push(['words', performance.now()]);
      else if (at?.closest('.bn-say'))
        log.push([text().includes('training …') ? 'training' : 'done', performance.now(), text()]);
      const isImage = n => n.tagName === 'IMG' || n.querySelector?.('img');
      if ([...r.addedNodes].some(isImage)) log.push(['image', performance.now()]);
    }
  }).observe(document.body, {childList: true, subtree: true, characterData: true}); }"""


def frame(playground: Any, times: int = 200) -> float:
    """Milliseconds that one frame takes in the kernel: drawing curves and insides, and handing them to the widgets."""
    setting = playground.setting
    traces, took = playground.seen[setting], []
    for i in range(times):
        start = time.perf_counter()
        playground._draw_curves(traces, setting, 1 + i % 200)
        took.append(1000 * (time.perf_counter() - start))
    playground._draw_curves(traces, setting, 200)
    return statistics.median(took)


def trained(playground: Any, times: int = 3) -> float:
    """Milliseconds that one training takes in the kernel, with nothing drawn."""
    from helpers.widgets.playground import training

    took = []
    for _ in range(times):
        start = time.perf_counter()
        with training.undisturbed():
            for _ in training.run(playground.setting, playground.batch_norm, playground.patience):
                pass
        took.append(1000 * (time.perf_counter() - start))
    return min(took)


def open_notebook(page: Page, lab: Lab, name: str, code: str) -> None:
    """Open and run a notebook of one cell."""
    write_notebook(lab, name, code)
    open_in_lab(page, lab, name)
    if not page.evaluate(RUN_ALL):
        raise RuntimeError(f"the cell of {name} failed: {page.locator('.jp-OutputArea').inner_text()}")
    page.evaluate(WATCH)


def _times(page: Page, slider: str, key: str, ends: str) -> tuple[float, float]:
    """(first frame, end) in milliseconds after one key press; ``ends`` is the entry of the log that ends it."""
    page.evaluate("window.bnLog.length = 0")
    page.locator(f"{slider} .noUi-handle").first.press(key)
    page.wait_for_function(f"window.bnLog.some(e => e[0] === '{ends}')")
    page.wait_for_timeout(700)  # whatever comes late belongs to this move
    log = page.evaluate("window.bnLog")
    start = next(at for name, at, *_ in log if name == "key")
    firsts = [at for name, at, *_ in log if name in ("frame", "image")]
    return firsts[0] - start, max(at for name, at, *_ in log if name in (ends, "frame", "map", "words")) - start


def playground_times(page: Page) -> dict[str, float]:
    """First frame, done and remembered of the playground, and the trainings that five quick moves cause."""
    new, again = [], []
    for _ in range(ROUNDS):
        new.append(_times(page, ".bn-lr", "ArrowLeft", "done"))
        again.append(_times(page, ".bn-lr", "ArrowRight", "done")[1])
        _times(page, ".bn-lr", "ArrowLeft", "done")
    page.evaluate("window.bnLog.length = 0")
    for _ in range(5):
        page.locator(".bn-batch .noUi-handle").press("ArrowLeft")
    page.wait_for_timeout(4000)
    trained = {entry[2] for entry in page.evaluate("window.bnLog") if entry[0] == "training"}
    return {
        "first frame": statistics.median(first for first, _ in new),
        "done": statistics.median(done for _, done in new),
        "remembered": statistics.median(again),
        "trainings": float(len(trained)),
    }


def _printed(page: Page) -> dict[str, float]:
    """What the cell printed, as numbers by their names."""
    words = page.locator(".jp-OutputArea-output pre").inner_text().split()
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))


def main() -> int:
    """Print the figures beside their limits; exit 1 where one is broken."""
    with contextlib.ExitStack() as stack:
        home, folder = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        lab = stack.enter_context(jupyterlab(home, folder))
        playwright = stack.enter_context(sync_playwright())
        path = system_browser() or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(120_000)
        open_notebook(page, lab, "written", PLAYGROUND.replace("LAYER", "written"))
        own, own_kernel = playground_times(page)["done"], _printed(page)["training"]
        open_notebook(page, lab, "playground", PLAYGROUND.replace("LAYER", "torchs"))
        took = playground_times(page)
        printed = _printed(page)
        open_notebook(page, lab, "interact", INTERACT)
        unit = statistics.median(_times(page, ".widget-interact", "ArrowLeft", "image")[0] for _ in range(ROUNDS))
        browser.close()
    load = os.getloadavg()[0]
    kernel = printed["frame"]
    kept = [took[name] < limit for name, limit in LIMITS.items()] + [own < WRITTEN, kernel < 2.0]
    kept.append(took["trainings"] <= 2)
    print(f"{'':34}{'ms':>7}{'limit':>7}{'of interact':>13}   (load {load:.1f})")
    for name, limit in LIMITS.items():
        print(f"playground, {name:22}{took[name]:7.0f}{limit:7.0f}{took[name] / unit:13.2f}")
    print(f"{'  with a layer written in Python':34}{own:7.0f}{WRITTEN:7.0f}{own / unit:13.2f}")
    print(f"{'  the training alone':34}{own_kernel:7.0f}   ({printed['training']:.0f} with torch's layer)")
    print(f"{'interact + matplotlib, done':34}{unit:7.0f}{'':7}{1:13.2f}")
    print(f"{'one frame in the kernel':34}{kernel:7.2f}{2:7.0f}")
    print(f"{'trainings of five quick moves':34}{took['trainings']:7.0f}{2:7.0f}")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
