"""What notebook 09 shows of many seeds, computed beforehand: ``python -m helpers.experiments.network_design_seeds``.

Takes some ten minutes on one core.  Arguments are names of results; without any all are computed.
"""

from __future__ import annotations

import sys

from . import branches, first_signal, net_costs
from .in_advance import Experiments, compute

FILE = "network_design"
COMMAND = "python -m helpers.experiments.network_design_seeds"
EXPERIMENTS: Experiments = {
    "bottlenecks": (net_costs.bottlenecks, 10),
    "branches": (branches.trained, 10),
    "shapes": (net_costs.shapes, 10),
    "rescued": (first_signal.rescued, 10),
}

if __name__ == "__main__":
    compute(FILE, EXPERIMENTS, COMMAND, sys.argv[1:])
