"""Names and arguments: what a learner calls otherwise than asked, and the same class under the names asked for.

A layer with ``weight`` in place of ``gamma`` is wrong once, in its name.  Its numbers are judged all the same: the
class is wrapped so that the name asked for leads to the learner's.  Where every name is as asked, nothing is wrapped.
What was found travels as an observation, ``"reading/buffer running_mean → moving_mean"``.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .model import Observations, Probe
from .source import Source, source_of

PROBE = "reading"
SLIPS = "names that are not as asked"
_ARROW = " → "

ALIKE: Mapping[str, tuple[str, ...]] = {
    "gamma": ("weight", "scale", "gain", "g", "w", "Gamma", "weights", "gammas", "a_2", "γ"),
    "beta": ("bias", "shift", "offset", "b", "Beta", "biases", "betas", "b_2", "β"),
    "running_mean": ("moving_mean", "run_mean", "mean", "mu", "ema_mean", "avg_mean", "mean_running", "mov_mean"),
    "running_var": ("moving_var", "run_var", "var", "sigma2", "ema_var", "avg_var", "running_variance", "mov_var"),
    "eps": ("epsilon", "e", "eps_", "EPS", "ep", "ε"),
    "momentum": ("mom", "m", "alpha", "decay", "rho", "mu", "momentum_"),
}
_FLAGS = ("is_training", "is_train", "train_mode", "training_mode", "in_training", "trainable", "istrain", "mode")
_KEPT = r"run|mov|ema|exp|avg|test|pop|glob|hist|infer"
"""Words of a statistic that is kept, in the name of a buffer."""
_EVAL_WORDS = ("eval", "test", "infer", "valid")


@dataclass(frozen=True)
class Names:
    """What an exercise asks a class to call its things.

    ``example``: arguments that build one.  ``costs`` names, for each of "parameter", "buffer", "argument" and "mode",
    the check that a wrong name fails.
    """

    parameters: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    example: tuple[Any, ...] = (3,)
    costs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slip:
    """One name: ``role`` is parameter, buffer, argument, order, mode, flag, method, class, super or instance."""

    role: str
    asked: str
    found: str = ""

    @property
    def cost(self) -> str:
        """The kind of name whose check it fails."""
        kinds = {
            "flag": "mode",
            "order": "argument",
            "late": "parameter",
            "class": "parameter",
            "super": "parameter",
            "method": "parameter",
        }
        return kinds.get(self.role, self.role)

    @property
    def key(self) -> str:
        """The name of the quantity that says it."""
        return f"{self.role} {self.asked}{_ARROW}{self.found}"


def slips_in(seen: Observations) -> tuple[Slip, ...]:
    """The names that are not as asked, read from what was observed."""
    slips = []
    for key in seen:
        probe, _, quantity = key.partition("/")
        if probe == PROBE and _ARROW in quantity:
            words, _, found = quantity.partition(_ARROW)
            role, _, asked = words.partition(" ")
            slips.append(Slip(role, asked, found))
    return tuple(slips)


def under(names: Names, probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The probes, each on the class as :func:`prepared` reads it, behind one that observes the names."""

    def look(obj: Any) -> Mapping[str, Any]:
        return {quantity.partition("/")[2]: value for quantity, value in prepared(obj, names)[1].items()}

    def reading(probe: Probe) -> Probe:
        return Probe(probe.id, probe.fed, functools.partial(_run, probe, names))

    return (Probe(PROBE, "the class, looked at", look), *map(reading, probes))


def _run(probe: Probe, names: Names, obj: Any) -> Mapping[str, Any]:
    return probe.run(prepared(obj, names)[0])


_last: list[Any] = []


def prepared(obj: Any, names: Names) -> tuple[Any, Observations]:
    """``obj`` under the names asked for, and what was found; ``obj`` itself where nothing is amiss."""
    if not (_last and _last[0] is obj and _last[1] is names):
        reader = _Reader(obj, names)
        seen: Observations = {f"{PROBE}/{SLIPS}": torch.tensor(float(len(reader.slips))).double().numpy()}
        seen |= {f"{PROBE}/{slip.key}": torch.ones(()).double().numpy() for slip in reader.slips}
        _last[:] = [obj, names, reader.result, seen]
    return _last[2], _last[3]


class _Reader:
    """Finds the slips of one class and wraps it."""

    def __init__(self, obj: Any, names: Names) -> None:
        self.names, self.slips = names, list[Slip]()
        self.aliases: dict[str, str] = {}
        self.arguments: dict[str, str | None] = {}
        self.order: tuple[str, ...] = ()  # of the arguments after the first, as they are asked for
        self.flag = ""
        self.mode: tuple[str, Any, Any] | None = None
        self.method = ""
        self.result = obj
        if isinstance(obj, nn.Module):
            self.slips.append(Slip("instance", type(obj).__name__))
            obj = self.result = type(obj)
        if isinstance(obj, type):
            self.cls = obj
            self._read()
            if any(s.role != "instance" for s in self.slips):
                self.result = self._wrapped()

    def _read(self) -> None:
        cls = self.cls
        self.source = source_of(cls)
        if not issubclass(cls, nn.Module):
            self.slips.append(Slip("class", "nn.Module"))
        self._read_method()
        self._read_arguments()
        example = self._example()
        if example is not None:
            self._read_attributes(example)
            self._read_flag(example)
        self._read_mode()

    def _example(self) -> Any:
        with contextlib.suppress(Exception):
            return self._wrapped()(*self.names.example)
        if issubclass(self.cls, nn.Module) and "__init__" in vars(self.cls):
            self.slips.append(Slip("super", "super().__init__()"))
            with contextlib.suppress(Exception):
                return self._wrapped()(*self.names.example)
            self.slips.pop()
        return None

    def _read_method(self) -> None:
        own = [k for c in self.cls.__mro__ if c not in nn.Module.__mro__ for k, v in vars(c).items() if callable(v)]
        if "forward" in own or "__call__" in own:
            return
        close = difflib.get_close_matches("forward", [k for k in own if not k.startswith("__")], 1, 0.7)
        self.method = close[0] if close else ""
        self.slips.append(Slip("method", "forward", self.method))

    def _read_arguments(self) -> None:
        try:
            parameters = list(inspect.signature(self.cls).parameters.values())[1:]
        except (TypeError, ValueError):
            return
        if any(p.kind == p.VAR_KEYWORD for p in parameters):
            return
        free = [p.name for p in parameters if p.name not in self.names.arguments and p.kind != p.VAR_POSITIONAL]
        for name in self.names.arguments:
            if name not in [p.name for p in parameters]:
                found = _alike(name, free)
                self.arguments[name] = found or None
                self.slips.append(Slip("argument", name, found))
                free = [f for f in free if f != found]
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        asked = [name for name in self.names.arguments if name in positional]
        mine = [name for name in positional if name in asked]
        if mine != asked:
            turn = iter(asked)
            self.order = tuple(next(turn) if name in asked else name for name in positional)
            self.slips.append(Slip("order", ", ".join(asked), ", ".join(mine)))

    def _read_attributes(self, layer: Any) -> None:
        held = {**vars(layer), **vars(layer).get("_parameters", {}), **vars(layer).get("_buffers", {})}
        asked = [("parameter", n) for n in self.names.parameters] + [("buffer", n) for n in self.names.buffers]
        missing = [(role, n) for role, n in asked if not hasattr(layer, n)]
        taken = {n for _, n in asked}
        tensors = {k: v for k, v in held.items() if k not in taken and (v is None or isinstance(v, torch.Tensor))}
        for role, name in missing:
            found = _kept(name, tensors) or _alike(name, tensors) or _of_start(role, name, tensors)
            tensors.pop(found, None)
            if found:
                self.aliases[name] = found
            self.slips.append(Slip(role, name, found))
        for _, name in asked:
            if name in held and held[name] is None:
                self.slips.append(Slip("late", name))

    def _read_flag(self, layer: Any) -> None:
        if any(k in vars(c) for c in self.cls.__mro__ if c not in nn.Module.__mro__ for k in ("train", "eval")):
            return
        if ".training" in self.source.code or not self.source.code:
            return
        flags = [
            k for k in _FLAGS if isinstance(vars(layer).get(k), bool) or vars(layer).get(k) in ("train", "training")
        ]
        if flags and self.names.buffers:
            self.flag = flags[0]
            self.slips.append(Slip("flag", "training", self.flag))

    def _read_mode(self) -> None:
        method = getattr(self.cls, self.method or "forward", None) or vars(self.cls).get("__call__")
        try:
            parameters = list(inspect.signature(method).parameters.values())[2:]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return
        parameters = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        for p in parameters:
            values = self._modes_of(p)
            if values is not None:
                self.mode = (p.name, *values)
                self.slips.append(Slip("mode", "self.training", p.name))
                return

    def _modes_of(self, p: inspect.Parameter) -> tuple[Any, Any] | None:
        """The values of an argument in train and in eval mode, or None where it is no mode."""
        compared = list(_compared(self.source, p.name))
        known = any(w in p.name.lower() for w in ("train", "mode", *_EVAL_WORDS))
        if not known and not isinstance(p.default, bool):
            return None
        words = [c for c in compared if isinstance(c, str)]
        if words or isinstance(p.default, str):
            train = next((w for w in words if "train" in w.lower()), "train")
            return train, next((w for w in words if w != train), "eval")
        if any(w in p.name.lower() for w in _EVAL_WORDS):
            return False, True
        if isinstance(p.default, int) and not isinstance(p.default, bool):
            return p.default, next((c for c in compared if c != p.default), int(not p.default))
        return True, False

    def _wrapped(self) -> Any:
        reader: _Reader = self
        cls: Any = self.cls
        plain = not issubclass(cls, nn.Module)
        early = plain or any(s.role == "super" for s in self.slips)

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            if early:
                nn.Module.__init__(self)
            if reader.order:
                kwargs |= dict(zip(reader.order, args[1:], strict=False))
                args = args[:1]
            names = {k: reader.arguments.get(k, k) for k in kwargs}
            taken = {name: kwargs[k] for k, name in names.items() if name is not None}
            cls.__init__(self, *args, **taken)

        def train(self: Any, mode: bool = True) -> Any:
            (nn.Module if plain else cls).train(self, mode)
            if reader.flag:
                setattr(self, reader.flag, _flag_for(getattr(self, reader.flag), mode, reader.source, reader.flag))
            return self

        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if reader.mode and len(args) == 1 and reader.mode[0] not in kwargs:
                kwargs[reader.mode[0]] = reader.mode[1 if self.training else 2]
            return method(self, *args, **kwargs)

        body: dict[str, Any] = {"__init__": __init__}
        if self.flag:
            body["train"] = train
        name = "__call__" if "__call__" in vars(cls) else "forward"
        method: Any = getattr(cls, self.method or name, None)
        if method is not None and (self.mode or self.method):
            body[name] = run
        body |= {asked: _alias(found) for asked, found in self.aliases.items()}
        bases = (cls, nn.Module) if plain else (cls,)
        try:
            return type(cls.__name__, bases, body | {"__qualname__": cls.__qualname__, "__module__": cls.__module__})
        except TypeError:
            return cls


def _flag_for(now: Any, mode: bool, source: Source, name: str) -> Any:
    """What a flag of the learner's holds in a mode: True or False, or one of the words that the code uses."""
    if isinstance(now, bool):
        return mode
    words = [w for w in _compared(source, name) if isinstance(w, str)]
    train = next((w for w in (now, *words) if str(w).startswith("train")), "train")
    return train if mode else next((w for w in words if w != train), "eval")


def _alias(found: str) -> property:
    return property(lambda self: getattr(self, found), lambda self, value: setattr(self, found, value))


def _alike(name: str, candidates: Iterable[str]) -> str:
    """The candidate that means ``name``, or ""."""
    candidates = list(candidates)
    for word in ALIKE.get(name, ()):
        if word in candidates:
            return word
    close = difflib.get_close_matches(name, candidates, 1, 0.75)
    return close[0] if close else ""


def _kept(name: str, candidates: Iterable[str]) -> str:
    """For a running statistic the one candidate whose name says that it is kept, and of what; or ""."""
    what = {"running_mean": r"mean|mu$", "running_var": r"var"}.get(name)
    fit = [c for c in candidates if what and re.search(_KEPT, c, re.I) and re.search(what, c, re.I)]
    return fit[0] if len(fit) == 1 else ""


def _of_start(role: str, name: str, tensors: Mapping[str, Any]) -> str:
    """The one tensor left of that kind that starts as it should: gamma and running_var at 1, the others at 0."""
    start = 1.0 if name in ("gamma", "running_var") else 0.0
    fit = [
        k
        for k, v in tensors.items()
        if isinstance(v, torch.Tensor)
        and isinstance(v, nn.Parameter) == (role == "parameter")
        and v.is_floating_point()
        and v.dim() > 0
        and bool((v == start).all())
    ]
    return fit[0] if len(fit) == 1 else ""


def _compared(source: Source, name: str) -> Iterable[Any]:
    """Constants that the code compares ``name`` with."""
    for node in ast.walk(source.tree) if source.tree else ():
        if isinstance(node, ast.Compare) and getattr(node.left, "id", getattr(node.left, "attr", "")) == name:
            yield from (c.value for c in node.comparators if isinstance(c, ast.Constant))
