"""Torch, NumPy and the built-ins as they were when the course was imported, whatever was patched since."""

from __future__ import annotations

import builtins
import contextlib
import copy
import math
from collections.abc import Iterator
from itertools import repeat
from operator import is_not
from typing import Any

import numpy as np
import torch
from torch import nn

_ABSENT = object()
_OWNERS: tuple[Any, ...] = (
    builtins,
    copy,
    math,
    np,
    np.random,
    torch,
    torch.autograd,
    torch.random,
    nn,
    nn.functional,
    torch.Tensor,
    nn.Module,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
)
_ORIGINAL = {
    owner: {k: v for k, v in vars(owner).items() if callable(v) or isinstance(owner, type)} for owner in _OWNERS
}
_INHERITED = {
    owner: {k for base in getattr(owner, "__mro__", ())[1:] for k in vars(base)} - original.keys()
    for owner, original in _ORIGINAL.items()
}


def put_back() -> list[tuple[Any, str, Any]]:
    """Put back every function, class and method that was replaced, and drop methods that hide an inherited one.

    Returns what was there instead, as (owner, name, value).  Done once before each probe: what the learner's code
    patches while a probe runs is put back only before the next one.  It knows the owners above alone; it cannot undo
    what C code, a dispatch mode, a hook or a changed function body does, and keeps mistakes from harm, not malice.
    """
    replaced = []
    for owner, original in _ORIGINAL.items():
        now = vars(owner)
        if any(map(is_not, map(now.get, original, repeat(_ABSENT)), original.values())):  # without a loop of Python
            replaced += [(owner, k, now.get(k, _ABSENT)) for k, v in original.items() if now.get(k, _ABSENT) is not v]
        replaced += [(owner, k, now[k]) for k in _INHERITED[owner] if k in now]
    for owner, name, _ in replaced:
        _set(owner, name, _ORIGINAL[owner].get(name, _ABSENT))
    return replaced


@contextlib.contextmanager
def unpatched() -> Iterator[None]:
    """Inside the ``with`` block nothing is patched; afterwards all is as before."""
    replaced = put_back()
    try:
        yield
    finally:
        for owner, name, value in replaced:
            _set(owner, name, value)


def _set(owner: Any, name: str, value: Any) -> None:
    if value is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, value)
