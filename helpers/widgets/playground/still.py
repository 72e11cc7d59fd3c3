"""The playground as a still picture, for readers without a live front end."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from helpers.experiments import rate_batch_plane
from helpers.experiments.fair import DEPTH
from helpers.lab import figures

from . import drawing, inside, plane, style
from .setting import BINS, Kind, Setting, Trace, label

MAP_KEY = (
    "BN, He: this net is lower and the ranges do not overlap, filled where by a factor of 2 or more; ≈: they overlap; "
    "✕: both diverge or learn nothing."
)

Traces = Mapping[Kind, Trace]


def medians(setting: Setting) -> rate_batch_plane.Plane | None:
    """The precomputed plane of this set-up; None where there is none."""
    known = setting.depth == DEPTH and setting.init == "default" and set(setting.pair) == {"none", "batch"}
    return rate_batch_plane.load(setting.task) if known else None


def picture(setting: Setting, traces: Traces, words: list[str]) -> Figure:
    """What the widget shows, as a figure; the whole map, because nobody can guess here."""
    lines = [part for line in words for part in textwrap.wrap(line, 132, subsequent_indent="   ")]
    figure, axes = figures.subplots(2, 3, width=10.5, height=5.6 + 0.2 * len(lines), height_ratios=(5, 3))
    for ax, title, which in zip(axes[0, :2], ("training loss", "held-out loss"), ("train", "test"), strict=True):
        for kind, trace in traces.items():
            dashes = style.DASHES[style.look_of(kind)]
            line = (0, tuple(map(int, dashes.split()))) if dashes else "-"
            ax.plot(trace.steps, getattr(trace, which), color=style.colour(kind), linestyle=line, label=label(kind))
        ax.set(title=title, xlabel="step", yscale="log", ylim=(drawing.LOWEST[setting.task], drawing.TOP[setting.task]))
    axes[0, 0].set_ylabel(f"{drawing.MEASURE[setting.task]}, eval mode")
    _map_axes(axes[0, 2], setting)
    for i, ax in enumerate(axes[1]):
        _inside_axes(ax, list(traces.items())[i] if i < len(traces) else None)
    axes[1, 0].set_ylabel("what enters the ReLUs")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=len(traces), frameon=False)
    figure.supxlabel("\n".join(lines), ha="left", x=0.02, fontsize=11)
    return figure


def _map_axes(ax: Any, setting: Setting) -> None:
    grid, found, rivals = rate_batch_plane.load(setting.task), medians(setting), setting.rivals

    def cell(row: int, column: int) -> plane.Cell:
        return plane.cell(found, "", rivals, setting.task, row, column) if found and rivals else plane.UNKNOWN

    rows = [[cell(j, i) for i in range(len(grid.lrs))] for j in range(len(grid.batch_sizes))]
    shares = np.array([[one.share for one in row] for row in rows])
    names = [[style.look_of(one.kind) if one.kind else "none" for one in row] for row in rows]
    texts = [[one.text for one in row] for row in rows]
    figures.cells(ax, "who has the lower held-out loss?", shares, names, texts, grid.batch_sizes, grid.lrs)
    here = plane.place(grid, setting.lr, setting.batch_size)
    ax.plot(*here, "s", markersize=20, markerfacecolor="none", markeredgecolor="black", markeredgewidth=2)
    ax.set(ylabel="batch size", xticklabels=map(plane.short_number, grid.lrs))


def _inside_axes(ax: Any, shown: tuple[Kind, Trace] | None) -> None:
    """What enters each layer's ReLUs in the last step that was looked at."""
    if shown is None or not shown[1].snapshots:
        ax.axis("off")
        return
    kind, trace = shown
    found = trace.snapshots[-1]
    heights = [2 * (i + 0.5) / BINS - 1 for i in range(BINS)]
    for layer in range(len(found.spread)):
        half = [0.45 * (bar / 255) ** 0.5 for bar in found.shapes[layer * BINS : (layer + 1) * BINS]]
        left, right = ([layer + 1 + sign * h for h in half] for sign in (-1, 1))
        seen = [h > 0 for h in half]
        ax.fill_betweenx(heights, left, right, where=seen, color=style.colour(kind), alpha=0.5, linewidth=0.8)
    ax.set(title=f"{label(kind)}, step {found.step}", xlabel="hidden layer", ylim=(-1, 1))
    ax.set_xticks(range(1, len(found.spread) + 1))
    ax.set(
        yticks=[inside.scaled(v) for v in inside.TICKS], yticklabels=[f"{v:g}".replace("-", "−") for v in inside.TICKS]
    )
