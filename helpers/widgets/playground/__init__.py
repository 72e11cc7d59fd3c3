"""The playground of notebook 03: two rivals and a control, trained while the sliders move."""

from .panel import Playground, playground

__all__ = ["Playground", "playground"]
