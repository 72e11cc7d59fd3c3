"""Which batch norm layer an experiment uses: the learner's own, or PyTorch's where theirs is not ready."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.lab.nets import Norm


def choose(layer: Any) -> Norm:
    """The learner's class if it passes the six checks of notebook 02, else ``torch.nn.BatchNorm1d``.

    layer: a class built as ``layer(num_features)``, or None.  Prints one sentence: which is used, and why.

    >>> choose(None)
    The experiments use torch.nn.BatchNorm1d: no class was given.
    <class 'torch.nn.modules.batchnorm.BatchNorm1d'>
    """
    passed, words = judged(layer)
    if not passed:
        print(f"The experiments use torch.nn.BatchNorm1d: {words}.")
        return nn.BatchNorm1d
    print(f"The experiments use {words}.")
    return cast(Norm, layer)


def judged(layer: Any) -> tuple[bool | None, str]:
    """(does ``layer`` pass the six checks of notebook 02, what to say of it); None where there is nothing to judge."""
    if layer is None:
        return None, "no class was given"
    if layer is nn.BatchNorm1d:
        return None, "you chose it"
    failed = [v for v in batchnorm1d_exercise.assessed(layer).verdicts if not v.passed]
    if not failed:
        return True, f"your {_name(layer)}: it passes the six checks of notebook 02"
    if failed[0].passed is None:
        return None, f"your {_name(layer)} is not written yet"
    return False, f"your {_name(layer)} fails check “{failed[0].check.title}”"


def _name(layer: Any) -> str:
    return str(getattr(layer, "__name__", "layer"))
