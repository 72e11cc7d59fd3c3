"""``python -m helpers.website.record_playground``: record the runs that the playground without a kernel shows.

Every cell of the map of learning rate × batch size is trained by the playground of notebook 03 itself, and its words,
tables and frames are kept as that wrote them.  Only what is drawn is rounded: curves to a tenth of a percent of their
panel, as the notebook draws them too; distributions to :data:`LEVELS` widths; and of the steps that the notebook's
scrubber knows :data:`STOPS` are kept.

A *part* is what one seed did in the nets of one norm; the two nets without a norm are one part.  The parts of
:data:`FIRST` stand in the page, all others in a script that is loaded after it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from helpers.experiments.fair import DEPTH, STEPS
from helpers.experiments.rate_batch_plane import BATCH_SIZES, LRS
from helpers.widgets.playground import Playground, drawing, inside, training
from helpers.widgets.playground.chart import log_scale
from helpers.widgets.playground.outcome import Outcome, outcome_of
from helpers.widgets.playground.panel import KEYS
from helpers.widgets.playground.setting import BINS, MEASURED, Kind, Setting, Trace

from .recorded_playground import FIRST, LEVELS, MISSING, MORE, NORMS, SEEDS, STOPS, STORED

COMMAND = "python -m helpers.website.record_playground"
Cell = tuple[float, int]
"""Learning rate and batch size."""
CELLS: tuple[Cell, ...] = tuple((lr, size) for size in BATCH_SIZES for lr in LRS)
"""In the order of the map's cells."""


def setting_of(cell: Cell, norm: str, seed: int) -> Setting:
    """No norm against ``norm`` in one cell, all else as at the playground's start."""
    lr, size = cell
    return Setting(lr=lr, batch_size=size, pair=("none", norm), seed=seed)


def trained(playground: Playground, setting: Setting) -> dict[Kind, Trace]:
    """Train a setting and let the playground show it."""
    with training.undisturbed():
        *_, (_, traces) = training.run(setting, playground.batch_norm, math.inf)
    playground.seen[setting] = traces
    c = playground.controls
    with contextlib.ExitStack() as stack:
        for control in c.of_setting:
            stack.enter_context(control.hold_trait_notifications())
        c.lr.value, c.batch.value, c.seed.value = setting.lr, setting.batch_size, setting.seed
        c.first.value, c.second.value = setting.pair
    return traces


def without_guesses() -> Playground:
    """A playground with torch's layers that answers at once."""
    playground = Playground()
    playground.controls.predict.value = False
    return playground


def parts(norm: str, seed: int, cells: Sequence[Cell] = CELLS) -> dict[str, tuple[dict[str, Any], bytes]]:
    """What ``seed`` did with ``norm`` against no norm: two parts by name, each (texts, what is drawn)."""
    playground = without_guesses()
    settings = [setting_of(cell, norm, seed) for cell in cells]
    runs, shown = [], []
    for setting in settings:
        traces = trained(playground, setting)
        runs.append(traces)
        shown.append(_shown(playground, setting, traces))
    found = {}
    for name, kinds in (("none", settings[0].nets[:-1]), (norm, settings[0].nets[-1:])):
        nets = [[traces[kind] for kind in kinds] for traces in runs]
        texts: dict[str, Any] = {
            "ended": [[drawing.ended(trace) for trace in cell] for cell in nets],
            "losses": [[len(trace.losses) for trace in cell] for cell in nets],
            "told": [[[_told(trace, step) for step in STOPS] for trace in cell] for cell in nets],
        }
        if name == norm:
            texts |= {key: [one[key] for one in shown] for key in shown[0]}
        drawn = [curves(trace, setting) for cell, setting in zip(nets, settings, strict=True) for trace in cell]
        drawn += [shapes(trace) for cell in nets for trace in cell]
        found[f"{name} {seed}"] = texts, b"".join(drawn)
    return found


def _shown(playground: Playground, setting: Setting, traces: dict[Kind, Trace]) -> dict[str, Any]:
    """What the playground says of a run: headline, words, and the outcome's place in :class:`Outcome`."""
    won = outcome_of(setting, traces)
    assert won is not None and all(trace.diverged or not trace.note for trace in traces.values())
    c = playground.controls
    return {"say": c.say.value, "words": c.words.value.replace(KEYS, ""), "won": list(Outcome).index(won)}


def _told(trace: Trace, step: int) -> str:
    """What stands beside a net's name above its distributions."""
    found = trace.snapshot(step)
    if trace.note and step >= len(trace.losses):
        return drawing.ended(trace)
    return f"spread {found.spread[0]:.2g} → {found.spread[-1]:.2g}" if found else ""


def curves(trace: Trace, setting: Setting) -> bytes:
    """Training and held-out loss at MEASURED: places from the top in thousandths of the panel, two bytes each."""
    y = log_scale(drawing.LOWEST[setting.task], drawing.TOP[setting.task])
    places = []
    for losses in (trace.train, trace.test):
        at = dict(zip(trace.steps, losses, strict=True))
        places += [round(10 * float(f"{y(at[step]):.1f}")) if step in at else MISSING for step in MEASURED]
    return struct.pack(f"<{len(places)}H", *places)


def shapes(trace: Trace) -> bytes:
    """The distributions at STOPS: for each layer and bin how wide, from 0 to LEVELS, two of them in a byte."""
    found = []
    for step in STOPS:
        snapshot = trace.snapshot(step)
        bars = np.frombuffer(snapshot.shapes if snapshot else bytes(DEPTH * BINS), np.uint8)
        found.append(np.round(LEVELS * np.sqrt(bars / 255)).astype(np.uint8))
    wide = np.concatenate(found)
    return bytes((wide[::2] << 4 | wide[1::2]).tobytes())


def packed(texts: dict[str, Any], drawn: bytes = b"") -> str:
    """A part as the page carries it: the length of the texts' JSON, that JSON and the bytes, deflated, in base 64."""
    text = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = squeeze.compress(struct.pack("<I", len(text)) + text + drawn) + squeeze.flush()
    return base64.b64encode(body).decode()


def panels(playground: Playground) -> dict[str, str]:
    """What the playground shows, as HTML."""
    c = playground.controls
    places = {"say": c.say, "curves": c.curves, "map": c.map, "third": c.third, "words": c.words}
    return {name: widget.value.replace(KEYS, "") for name, widget in places.items()}


def unpacked(part: str) -> tuple[dict[str, Any], bytes]:
    """The texts and the bytes of a packed part."""
    body = zlib.decompress(base64.b64decode(part), -zlib.MAX_WBITS)
    (length,) = struct.unpack_from("<I", body)
    return json.loads(body[4 : 4 + length]), body[4 + length :]


def frame(norm: str) -> dict[str, str]:
    """The panels for ``norm`` with nothing drawn in them; the map as it is after one run."""
    playground, setting = without_guesses(), setting_of((0.3, 32), norm, 0)
    empty = {kind: Trace() for kind in trained(playground, setting)}
    return {
        "curves": drawing.curves(empty, setting, STEPS),
        "third": inside.look(next(iter(inside.LOOKS)), empty, setting, STEPS),
        "map": panels(playground)["map"],
    }


def record(norms: Iterable[str] = NORMS, seeds: Iterable[int] = SEEDS) -> dict[str, str]:
    """All parts, packed.  The nets without a norm do the same beside every norm, and are kept once."""
    found: dict[str, str] = {}
    for seed in seeds:
        for norm in norms:
            for name, part in parts(norm, seed).items():
                assert found.setdefault(name, packed(*part)) == packed(*part), name
            print(norm, seed, flush=True)
    return found


def main() -> None:
    """Write both files beside this module."""
    found = record()
    about = {"command": COMMAND, "torch": torch.__version__, "numpy": np.__version__}
    about["cpu"] = torch.backends.cpu.get_cpu_capability()
    stored = about | {
        "start": panels(without_guesses()),
        "frames": packed({norm: frame(norm) for norm in NORMS}),
        "parts": {name: found.pop(name) for name in FIRST},
    }
    STORED.write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    told = f"// Written by {COMMAND}: the runs that the page does not carry itself.\n"
    MORE.write_text(f"{told}window.batchnorm.recorded({json.dumps(found)});\n", encoding="utf-8")


if __name__ == "__main__":
    main()
