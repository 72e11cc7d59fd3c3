"""The plain-Python slip behind an exception, and behind a missing method, in one sentence each.  Pure: text only."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable

from .model import Observations, Raised
from .source import Source

_MATH = "sqrt|exp|log|mean|var|std|square|abs|sum|power|maximum|clip"


def missing_package(seen: Observations) -> str:
    """A sentence where the code imports a package that is not here, else ""."""
    for value in seen.values():
        name = re.search(r"No module named '([\w.]+)'", value.message) if isinstance(value, Raised) else None
        if name and value.kind == "ModuleNotFoundError":  # type: ignore[union-attr]
            return f"Your code imports `{name[1]}`, which is not installed here, so it could not be judged."
    return ""


def sentence(raised: Raised, source: Source) -> str:
    """Where the code stops, the message, and the slip behind it."""
    behind = slip(raised, source)
    where = raised.where or "a line that cannot be shown"
    if not raised.message:
        said = raised.kind
    elif raised.kind in ("BadOutput", "Stopped", "Missing"):
        said = re.sub(r"^((?:running|gamma|beta).* is None\.) Does .*", r"\1", raised.message)
    else:
        said = f"{raised.kind}: {raised.message}"
    stop = "" if said.endswith((".", "?", "!")) else "."
    text = f"Your code stops at {where}: {said}{stop}" if raised.where else f"{_begun(said)}{stop}"
    return f"{text} {behind}" if behind else text


def _begun(text: str) -> str:
    """With a capital letter, unless it begins with a name."""
    word = text.partition(" ")[0]
    named = re.search(r"[_.(`]", word) or re.match(r"\w+ is None\b", text)
    return text if named else text[:1].upper() + text[1:]


def slip(raised: Raised, source: Source) -> str:
    """What a teacher would say of this exception, or ""."""
    for kind, pattern, say in _KNOWN:
        found = re.search(pattern, raised.message)
        text = say(found, raised, source) if found and raised.kind in kind.split("|") else ""
        if text:
            return text
    return ""


def nested_forward(source: Source) -> str:
    """A sentence where ``forward`` stands inside another function, else ""."""
    for function, owner in source.functions():
        if function.name == "forward" and isinstance(owner, ast.FunctionDef):
            return (
                f"`forward` is indented into `{owner.name}`; move it to the left, to the level of `def {owner.name}`."
            )
        if function.name == "forward" and owner is None and re.search(r"\bself\b", source.code):
            return "`forward` stands outside the class; indent it."
    return ""


def mode_slip(source: Source) -> str:
    """A sentence where the code takes something else for the mode: the method ``train``, or the grad mode; else ""."""
    if re.search(r"is_grad_enabled", source.code) and "self.training" not in source.code:
        return "you take torch.is_grad_enabled() for the mode; the mode is self.training."
    called = re.search(r"\b(?:if|while|elif) (?:not )?self\.(train|eval)\(\)", source.code)
    if called and not re.search(rf"def {called[1]}\b", source.code):
        return f"`self.{called[1]}()` sets the mode and returns the layer; the mode is `self.training`."
    found = re.search(r"\bself\.(train|eval)\b(?! ?[(=])", source.code)
    if found is None or re.search(rf"def {found[1]}\b|self\.{found[1]} =", source.code):
        return ""
    return f"`self.{found[1]}` is a method, so testing it is always true; the mode is `self.training`."


def _name(found: re.Match[str], raised: Raised, source: Source) -> str:
    name = found[1]
    if re.search(rf"self\.{name}\b ?(:[^=\n]*)?=|register_\w+\(['\"]{name}['\"]|self\.{name}\b", source.code):
        return f"Write `self.{name}`."
    for function, _ in source.functions():
        if name in [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]:
            keep = f"keep it there, `self.{name} = {name}`, and write `self.{name}`"
            return f"`{name}` is an argument of `{function.name}` only: {keep}."
    imports = {"torch": "import torch", "nn": "from torch import nn", "np": "import numpy as np"}
    imports["F"] = "import torch.nn.functional as F"
    if name == "F" and re.search(r"F\.\w+_norm\(", raised.line):
        return "That function is what you build here; compute the mean and the variance yourself."
    if name in imports:
        return f"`{imports[name]}` is missing at the top."
    words = set(re.findall(r"\b[A-Za-z_]\w*\b", source.code)) - {name}
    close = difflib.get_close_matches(name, sorted(words), 1, 0.75)
    return f"Did you mean `{close[0]}`?" if close else "No line before it gives that name a value."


def _attribute(found: re.Match[str], raised: Raised, source: Source) -> str:
    name = found[2]
    if found[1] in ("Tensor", "Parameter"):
        close = difflib.get_close_matches(
            name, ["var", "mean", "sqrt", "std", "sum", "shape", "detach", "clone"], 1, 0.6
        )
        return f"Did you mean `{close[0]}`?" if close else ""
    if found[1] in ("int", "float", "list", "NoneType", "tuple"):
        return ""
    own = set(re.findall(r"self\.(\w+)(?: ?:[^=\n]*)? ?=", source.code)) | set(
        re.findall(r"register_\w+\(['\"](\w+)", source.code)
    )
    two = {"running_mean", "running_var"}
    close = difflib.get_close_matches(name, sorted(own - {name} - (two if name in two else set())), 1, 0.6)
    if close:
        return f"Did you mean `self.{close[0]}`?"
    if name in own:
        return f"`self.{name}` is set in another method, or later; set it in `__init__`."
    return f"`__init__` never sets `self.{name}`."


def _unset(found: re.Match[str], raised: Raised, source: Source) -> str:
    if re.search(rf"self\.{found[1]}\b|register_\w+\(['\"]{found[1]}['\"]", source.code):
        return f"Write `self.{found[1]}`."
    return f"`{found[1]}` gets no value in one of the branches that lead here."


def _unpacked(found: re.Match[str], raised: Raised, source: Source) -> str:
    if "saved_tensors" in raised.line:
        return "`forward` has saved another number of tensors than you take out here; give each of them a name."
    if re.search(r"shape|size\(", raised.line):
        return "The input can have other numbers of dimensions: take `x.shape[0]` and `x.shape[1]` by themselves."
    return "The right side of the `=` is one tensor; compute each name by itself."


def _said(text: str) -> Callable[[re.Match[str], Raised, Source], str]:
    return lambda found, raised, source: text.format(*found.groups(), found[0])


def _numpy(found: re.Match[str], raised: Raised, source: Source) -> str:
    called = re.search(rf"\bnp\.({_MATH})\b|numpy\.({_MATH})\b", raised.line)
    name = f"`torch.{called[1] or called[2]}`" if called else "torch's own"
    return f"NumPy's functions are not made for tensors with gradients. Use {name}; `.detach()` would cut the gradient."


def _dims(found: re.Match[str], raised: Raised, source: Source) -> str:
    if "ddof" in raised.line:
        return "`ddof` is NumPy's word; torch's is `correction=0`."
    several = re.search(r"\(-?\d, ?-?\d|axis=\[|dim=\[", raised.line)
    return f"Several dims are one tuple: `x.{found[1]}(dim=(0, 2, 3))`." if several else ""


def _positional(found: re.Match[str], raised: Raised, source: Source) -> str:
    if found[1].endswith("__init__") and not re.search(r"def __init__\b", source.code):
        return "The class has no `__init__`; it is spelt with two underscores on each side."
    if "super(" in raised.line:
        return "`super().__init__()` takes no arguments."
    if found[2] == "1" and found[3] == "2":
        return f"Its first argument must be `self`: `def {found[1]}(self, x)`."
    return f"`{found[1]}` is called with one batch, `layer(x)`."


def _required(found: re.Match[str], raised: Raised, source: Source) -> str:
    name = found[1].rpartition(".")[2]
    if name in ("forward", "__call__"):
        return f"The layer is called as `layer(x)`, so `{name}` can have no further argument{_mode_hint(found[2])}."
    return "The arguments that are asked for are in the text of the exercise; give others a default."


def _mode_hint(names: str) -> str:
    return "; the mode is `self.training`" if re.search(r"train|mode|eval", names) else ""


def _shapes(found: re.Match[str], raised: Raised, source: Source) -> str:
    by_rows = re.search(r"\b(mean|var|std|sum)\(((x|input|inputs|X), )?((dim|axis)=)?(1|-1)\b", source.code)
    if by_rows and re.search(r"class BatchNorm1d\b", source.code):
        return "An average over dim=1 gives one number for each row; average over the batch, dim=0."
    return "The two shapes do not line up; print both."


def _assigned(found: re.Match[str], raised: Raised, source: Source) -> str:
    name = found[1]
    if name in ("gamma", "beta", "weight", "bias"):
        return f"`{name}` is a Parameter, which only an optimizer changes; compute with it, do not assign to it."
    return f'`{name}` is no Parameter, no optimizer trains it: make it with `register_buffer("{name}", …)`.'


def _numpys(found: re.Match[str], raised: Raised, source: Source) -> str:
    called = re.search(r"\bnp\.(mean|var|std|sum)\(", raised.line)
    return f"NumPy's functions are not made for tensors: write `x.{called[1]}(dim=0)`." if called else ""


_KNOWN: tuple[tuple[str, str, Callable[[re.Match[str], Raised, Source], str]], ...] = (
    ("NameError", r"name '(\w+)' is not defined", _name),
    (
        "UnboundLocalError",
        r"local variable '(\w+)'",
        _unset,
    ),
    (
        "AttributeError",
        r"before Module.__init__\(\) call",
        _said("`super().__init__()` must be the first line of `__init__`."),
    ),
    (
        "AttributeError",
        r"cannot assign .* before Module",
        _said("`super().__init__()` must be the first line of `__init__`."),
    ),
    ("AttributeError", r"'(\w+)' object has no attribute '(\w+)'", _attribute),
    ("RuntimeError|TypeError", r"numpy\(\) on Tensor that requires grad|__array__|numpy\.ndarray", _numpy),
    (
        "TypeError",
        r"(mean|var|sum|std)\(\) (takes from|received an invalid)",
        _dims,
    ),
    (
        "TypeError",
        r"object of type 'int' has no len",
        _said("A single int comes in too; make it a tuple first: `(n,)`."),
    ),
    (
        "ValueError",
        r"(not enough|too many) values to unpack",
        _unpacked,
    ),
    (
        "RuntimeError",
        r"size of tensor a \(.*must match|doesn't match the broadcast shape",
        _shapes,
    ),
    ("TypeError", r"(\w+)\(\) takes (\d+) positional arguments? but (\d+) (?:was|were) given", _positional),
    (
        "TypeError",
        r"register_buffer\(\) missing|buffer name should be a string",
        _said('The name comes first: `self.register_buffer("running_mean", torch.zeros(num_features))`.'),
    ),
    ("TypeError", r"([\w.]+)\(\) missing \d+ required .*?: (.*)", _required),
    ("TypeError", r"", _numpys),
    ("TypeError", r"'torch.Size' object is not callable", _said("`shape` is no function: `x.shape[0]`.")),
    (
        "TypeError",
        r"'builtin_function_or_method' object is not subscriptable",
        _said("It is a method; call it: `x.size(0)`."),
    ),
    (
        "TypeError",
        r"'(int|float)' object is not callable",
        _said("A number is called like a function; is a `*` missing?"),
    ),
    (
        "TypeError",
        r"cannot assign '[\w.]*(list|ndarray)\w*' object to buffer",
        _said("A buffer is a tensor: `torch.zeros(num_features)`, no {0}."),
    ),
    (
        "TypeError",
        r"multiply sequence|can only concatenate list|list indices|unsupported operand.*'list'",
        _said("A list cannot be computed with; make it a tensor, `torch.zeros(num_features)`."),
    ),
    (
        "TypeError",
        r"cannot assign '[\w.]+' as parameter '(\w+)'",
        _assigned,
    ),
    (
        "TypeError",
        r"unsupported operand type\(s\) for .*'NoneType'",
        _said("One side is None: it was never set, or a function returned nothing."),
    ),
    (
        "RuntimeError",
        r"leaf Variable that requires grad",
        _said(
            "It is changed in place (`-=`, `*=`, or a method that ends in `_`), which stops where it needs a gradient; "
            "compute a new tensor."
        ),
    ),
    (
        "RuntimeError",
        r"backward through the graph a second time",
        _said("Something of the last batch is kept with its graph: update the buffers under `torch.no_grad()`."),
    ),
    (
        "RuntimeError",
        r"only Tensors created explicitly by the user|deepcopy protocol",
        _said("A tensor with its graph is kept on the layer: keep `.detach()` of it, or nothing."),
    ),
    ("TypeError", r"Parameter|requires_grad|empty\(\)|zeros\(\): argument", lambda f, r, s: _parameter(r)),
    ("AttributeError", r"'(int|float|list)' object has no attribute", lambda f, r, s: _parameter(r)),
)


def _parameter(raised: Raised) -> str:
    if "Parameter(" in raised.line:
        return "A Parameter is made of a tensor: `nn.Parameter(torch.ones(num_features))`."
    return ""
