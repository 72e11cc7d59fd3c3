"""What notebook 09 shows of many seeds, computed beforehand: ``python -m helpers.experiments.network_design_seeds``.

Takes some ten minutes on one core, and writes a file beside each module.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import branches, first_signal, net_costs
from .in_advance import Experiments, compute

COMMAND = "python -m helpers.experiments.network_design_seeds"
FILES: Mapping[str, Experiments] = {
    branches.FILE: {"branches": (branches.trained, 10)},
    first_signal.FILE: {"rescued": (first_signal.rescued, 10)},
    net_costs.FILE: {"shapes": (net_costs.shapes, 10), "bottlenecks": (net_costs.bottlenecks, 10)},
}
"""The results by the file that holds them."""

if __name__ == "__main__":
    for file, experiments in FILES.items():
        compute(file, experiments, COMMAND)
