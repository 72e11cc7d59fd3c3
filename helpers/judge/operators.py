"""Which operators does a call use?  Seen while they are dispatched, so a comment or an alias changes nothing."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class _Operators(TorchDispatchMode):
    """Sees every operator that reaches the dispatcher, also from TorchScript and torch.ops."""

    def __init__(self, called: Counter[str]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.called = called

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: else torch wraps the method below, and imports some 800 modules of torch._dynamo to do so."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Collection[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.called[func._schema.name] += 1
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def operators_called() -> Iterator[Counter[str]]:
    """Count, by name, the operators that the ``with`` block calls.

    >>> import torch
    >>> with operators_called() as called:
    ...     y = torch.ones(3).exp().exp()
    >>> called["aten::exp"], batch_norms(called)
    (2, ())
    """
    called: Counter[str] = Counter()
    with _Operators(called):
        yield called


def batch_norms(called: Collection[str]) -> tuple[str, ...]:
    """Those operators that are the library's batch normalization, which instance normalization uses as well.

    >>> batch_norms(["aten::mul", "aten::native_batch_norm", "aten::native_layer_norm"])
    ('aten::native_batch_norm',)
    """
    return tuple(sorted(name for name in called if "batch_norm" in name))
