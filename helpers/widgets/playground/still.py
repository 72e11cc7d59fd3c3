"""The playground as a still picture, for readers without a live front end."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from helpers.experiments import rate_batch_plane
from helpers.experiments.fair import DEPTH
from helpers.lab import figures

from . import drawing
from .setting import Kind, Setting, Trace, label

MAP_KEY = "BN, He: this net is lower in every seed; ≈: the seeds overlap; ✕: both diverge or learn nothing."

Traces = Mapping[Kind, Trace]


def medians(setting: Setting) -> rate_batch_plane.Plane | None:
    """The precomputed plane of this set-up; None where there is none."""
    known = setting.depth == DEPTH and setting.init == "default" and set(setting.pair) == {"none", "batch"}
    return rate_batch_plane.load(setting.task) if known else None


def picture(setting: Setting, traces: Traces, words: list[str]) -> Figure:
    """What the widget shows, as a figure; the whole map, because nobody can guess here."""
    lines = [part for line in words for part in textwrap.wrap(line, 150, subsequent_indent="   ")]
    figure, axes = figures.subplots(1, 3, width=10.5, height=3.4 + 0.17 * len(lines), width_ratios=(4, 4, 3))
    for ax, title, which in zip(axes[:2], ("training loss", "held-out loss"), ("train", "test"), strict=True):
        for kind, trace in traces.items():
            dashes = drawing.dashes(kind)
            style = (0, tuple(map(int, dashes.split()))) if dashes else "-"
            ax.plot(trace.steps, getattr(trace, which), color=drawing.colour(kind), linestyle=style, label=label(kind))
        ax.set(title=title, xlabel="step", yscale="log", ylim=(drawing.LOWEST[setting.task], drawing.TOP[setting.task]))
    _map_axes(axes[2], setting)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(traces), frameon=False)
    figure.supxlabel("\n".join(lines), fontsize=9, ha="left", x=0.02)
    return figure


def _map_axes(ax: Any, setting: Setting) -> None:
    grid, found, rivals = rate_batch_plane.load(setting.task), medians(setting), setting.rivals
    colours = []
    for j in range(len(grid.batch_sizes)):
        row = []
        for i in range(len(grid.lrs)):
            fill, text, ink, _ = drawing.HIDDEN
            if found and rivals:
                fill, text, ink, _ = drawing.cell(found, "", rivals, setting.task, j, i)
            row.append([int(fill[k : k + 2], 16) for k in (1, 3, 5)])
            ax.text(i, j, text, ha="center", va="center", fontsize=7, color=ink)
        colours.append(row)
    ax.imshow(colours, origin="lower", aspect="auto")
    here = drawing.place(grid, setting.lr, setting.batch_size)
    ax.plot(*here, "o", markersize=14, markerfacecolor="none", markeredgecolor=drawing.RING, markeredgewidth=2)
    ax.set(title="which net wins", xlabel="learning rate", ylabel="batch size")
    ax.set(xticks=range(len(grid.lrs)), xticklabels=map(drawing.short_number, grid.lrs))
    ax.set(yticks=range(len(grid.batch_sizes)), yticklabels=list(grid.batch_sizes))
    ax.tick_params(labelsize=8)
    ax.grid(False)
