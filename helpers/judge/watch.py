"""Which operators does a call use?  Seen while they are dispatched, so a comment or an alias changes nothing."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_NORM = re.compile(r"(batch|layer|group|instance|rms)_norm")


class _Operators(TorchDispatchMode):
    """Sees every operator that reaches the dispatcher, also from TorchScript and torch.ops."""

    def __init__(self, called: Counter[str]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.called = called

    def __torch_dispatch__(
        self, func: Any, types: Collection[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.called[func._schema.name] += 1
        return func(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    """Sees the functions that torch takes apart before the dispatcher, such as rms_norm."""

    def __init__(self, called: Counter[str]):
        super().__init__()
        self.called = called

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.called[getattr(func, "__name__", str(func))] += 1
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def watching() -> Iterator[Counter[str]]:
    """Count, by name, the operators ("aten::exp") and torch functions ("exp") that the ``with`` block calls.

    >>> import torch
    >>> with watching() as called:
    ...     y = torch.ones(3).exp().exp()
    >>> called["aten::exp"], called["exp"], library_norms(called)
    (2, 2, ())
    """
    called: Counter[str] = Counter()
    with _Functions(called), _Operators(called):
        yield called


def library_norms(called: Collection[str]) -> tuple[str, ...]:
    """Those names that normalize in the library: ``aten::native_batch_norm``, ``layer_norm``, ``rms_norm``, ….

    >>> library_norms(["mul", "aten::native_batch_norm", "aten::linalg_vector_norm"])
    ('aten::native_batch_norm',)
    """
    return tuple(sorted(name for name in called if _NORM.search(name)))
