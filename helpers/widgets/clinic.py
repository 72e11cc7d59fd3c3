"""Notebook 08's clinic: choose an incident and order its measurements, one after another."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from helpers.exercises.clinic import INCIDENTS
from helpers.experiments.clinic import chart
from helpers.look.parts import Table

from .parts import named, show_widget, spoken

ALT = "Clinic: five incidents, each with measurements to order one by one. Run this cell to use it."


class Clinic:
    """The widget: two lists, ``incident`` and ``order``, a sentence that is read aloud, and the chart below it."""

    def __init__(self) -> None:
        wide = {"style": {"description_width": "84px"}, "layout": {"width": "auto", "max_width": "900px"}}
        names = [(f"{key} · {text}", key) for key, text in INCIDENTS.items()]
        self.incident = named("bn-clinic-incident", widgets.Dropdown(options=names, description="incident", **wide))
        self.order = named("bn-clinic-order", widgets.Dropdown(description="measure", **wide))
        self.said = named("bn-clinic-said", widgets.HTML())
        self.below = named("bn-clinic-chart", widgets.HTML())
        self.ordered: dict[str, list[str]] = {key: [] for key in INCIDENTS}
        self.box = named("bn-clinic", widgets.VBox([self.incident, self.order, self.said, self.below]))
        self.incident.observe(self._begin, "value")
        self.order.observe(self._measure, "value")
        self._begin()

    def _begin(self, _: Any = None) -> None:
        key = self.incident.value
        self._show(f"{len(self.ordered[key])} of {len(chart(key))} measured. {INCIDENTS[key]}")

    def _measure(self, _: Any = None) -> None:
        key, name = self.incident.value, self.order.value
        if name and name not in self.ordered[key]:
            self.ordered[key].append(name)
            self._show(f"{name}: {chart(key)[name]}")

    def _show(self, words: str) -> None:
        """Say the words once, offer what is not measured yet of the incident, and show what is."""
        found, ordered = chart(self.incident.value), self.ordered[self.incident.value]
        self.said.value = spoken(words)
        rows = tuple((name, found[name]) for name in ordered)
        self.below.value = Table(("measured", "found"), rows, left=frozenset([1]))._repr_html_() if rows else ""
        self.order.options = [("choose", ""), *((name, name) for name in found if name not in ordered)]
        self.order.value = ""


def clinic() -> None:
    """Show the clinic."""
    show_widget(Clinic().box, None, ALT)
