"""Notebook 11: the layer of notebook 02 once more, from a blank page and against the clock.

The probes and the six checks are those of notebook 02, without its further checks.
"""

from __future__ import annotations

import dataclasses

from .batchnorm1d import batchnorm1d_exercise as _layer

blank_page_exercise = dataclasses.replace(
    _layer,
    id="blank_page",
    title="BatchNorm1d from a blank page",
    module=__name__,
    further=(),
    record_id="blank_page",
)
