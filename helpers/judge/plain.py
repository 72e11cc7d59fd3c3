"""What one observation together with the source says plainly, whatever else is wrong: it needs no likeness.

Each is told before the likenesses, in the order in which a person would mend: whose work it is, what `__init__`
makes, an expression that Python reads otherwise than it looks, a gradient that is cut, defaults.  Pure: text
and numbers only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .compare import wrong_keys
from .model import Array, Observations
from .source import NO_SOURCE, Source

_START = " at the start"
_SHARE = ", the share of the new batch"
_OLD_SHARE = re.compile(
    r"(?<!- )(?<!- self\.)\bmomentum \* \(?(self\.)?_?(run|mov|exp|ema|avg|test)"
    r"|(run|mov|exp|ema|avg|test)\w*( \*=? |\.mul_?\()(self\.)?mom",
    re.IGNORECASE,
)
"""An update in which momentum multiplies the running value."""
_SAVED = " in state_dict (1 yes, 0 no)"
_SHOWS = {
    "multiplies": r"^running_(mean|var)$",
    "divides": r"^(train |eval )?output$|^y$",
    "eps": r"^standard deviation .* output$|^default of eps\b",
    "momentum": r"^running_(mean|var)$|^the default of momentum\b",
}
"""The quantities that a slip shows in."""
_STATISTICS = ("mean", "var", "std", "sum", "var_mean", "std_mean")


@dataclass(frozen=True)
class Plain:
    """A sentence of a category; ``key``: the observation that shows it, or ""; ``hides``: titles that say it again."""

    category: str
    title: str
    key: str
    hides: str


def plain_slips(
    seen: Observations, right: Observations, source: Source, reference: Source = NO_SOURCE
) -> tuple[Plain, ...]:
    """What is plain, the first thing to mend first; () where nothing is.  ``reference``: the right code."""
    wrong = wrong_keys(seen, right)
    found = (
        _library(wrong, seen),
        _kinds(wrong, seen, source),
        _starts(wrong, seen, right),
        _brackets(wrong, source),
        _cut(wrong, seen, source),
        _defaults(wrong, source, reference),
    )
    return tuple(p for p in found if p is not None)


def _library(wrong: list[str], seen: Observations) -> Plain | None:
    key = next((k for k in wrong if k.startswith("own_work/") and "library was called" in k and k in seen), None)
    title = "you call the library's norm; compute the statistics and the result yourself."
    return Plain("delegation", title, key, r"you call the library") if key else None


def _kinds(wrong: list[str], seen: Observations, source: Source) -> Plain | None:
    """Tensors that are not the parameter or the buffer that they should be, or not of its shape."""
    said, first = [], ""
    for key in (k for k in wrong if k in seen):
        texts = [text for text in _misfits(key, seen, source) if text not in said]
        said += texts
        first = first or key * bool(texts)
    hides = r"plain (attribute|tensor)|are parameters|buffers?\b|graph|frozen|shape"
    return Plain("buffers", f"{'; '.join(said)}.", first, hides) if said else None


def _misfits(key: str, seen: Observations, source: Source) -> Iterator[str]:
    subject, _, rest = key.partition("/")[2].partition(" ")
    if key.endswith(_SAVED):
        yield _unsaved(subject, seen.get(key.replace("in state_dict", "is a buffer")))
    elif re.search(r"gamma.* parameters?\b|gamma.* require|beta is a parameter", key):
        yield from (text for name in ("gamma", "beta") for text in _untrained(name, source))
    elif key.endswith("running statistics among the parameters"):
        yield "running_mean and running_var are parameters, which an optimizer changes; make them buffers"
    elif subject in ("gamma", "beta") and re.search(r"\bha(s|ve) shape\b", rest):
        yield re.sub(
            r"ha(s|ve) shape (\S+).*", r"should have shape \2; look at the `.shape` of yours", f"{subject} {rest}"
        )


def _unsaved(name: str, buffer: object) -> str:
    if isinstance(buffer, np.ndarray) and buffer.item() == 1:
        return f"{name} is a buffer with `persistent=False`, which no state_dict holds"
    kind = "a buffer with `register_buffer`" if name.startswith("running_") else "an `nn.Parameter`"
    return f"{name} is a plain tensor, which no state_dict holds; make it {kind}"


def _untrained(name: str, source: Source) -> Iterator[str]:
    if re.search(rf"register_buffer\(['\"]{name}['\"]", source.code):
        yield f"{name} is a buffer, which no optimizer finds; make it an `nn.Parameter`"
    if re.search(rf"self\.{name} = [^\n]*requires_grad=False", source.code):
        yield f"{name} is made with `requires_grad=False`, so it never learns"


def _starts(wrong: list[str], seen: Observations, right: Observations) -> Plain | None:
    said, first = [], ""
    for key in (k for k in wrong if k.endswith(_START) and not k.startswith("reading/")):
        mine, asked = seen.get(key), right[key]
        if isinstance(mine, np.ndarray) and isinstance(asked, np.ndarray) and mine.shape == asked.shape and mine.size:
            name = key.partition("/")[2].removesuffix(_START)
            said.append(f"{name} starts {_number(mine)}, it should start at {asked.reshape(-1)[0]:g}")
            first = first or key
    return Plain("affine", f"{'; '.join(said)}.", first, r"\bstarts?\b") if len(said) > 1 else None


def _number(values: Array) -> str:
    flat = values.reshape(-1)
    return f"at {flat[0]:g}" if (flat == flat[0]).all() and np.isfinite(flat[0]) else "with different numbers"


def _defaults(wrong: list[str], source: Source, reference: Source) -> Plain | None:
    """Defaults of the constructor that are written otherwise than the reference's."""
    values = {name: (source.default(name), reference.default(name)) for name in ("eps", "momentum")}
    said = {
        name: f"the default of your {name} is {mine:g}; it should be {asked:g}{_SHARE * (name == 'momentum')}"
        for name, (mine, asked) in values.items()
        if mine is not None and asked is not None and mine != asked
    }
    if "momentum" in said and _OLD_SHARE.search(source.code):  # then the number belongs to another convention
        mine, asked = values["momentum"]
        said["momentum"] = (
            f"your momentum is the share of the old value, with default {mine:g}; it should be the share of the new "
            f"batch, with default {asked:g}"
        )
    key = _first(wrong, *(_SHOWS[name] for name in said))
    return (
        Plain("defaults", f"{'; '.join(said.values())}.", key, r"default of your|momentum is the share of the old")
        if said
        else None
    )


def _first(wrong: list[str], *patterns: str) -> str:
    """The first key whose quantity is of the first pattern that is found; "" where none is."""
    return next((k for p in patterns for k in wrong if re.search(p, k.partition("/")[2])), "")


def _brackets(wrong: list[str], source: Source) -> Plain | None:
    said = {what: text for what, text in sorted(_unbracketed(source), reverse=True) if _first(wrong, _SHOWS[what])}
    key = _first(wrong, *(_SHOWS[what] for what in said))
    return Plain("brackets", " ".join(said.values()), key, r"$^") if said else None


def _unbracketed(source: Source) -> Iterator[tuple[str, str]]:
    """What comes too early, "multiplies" or "divides", with a sentence on the difference in which it does."""
    for node in ast.walk(source.tree) if source.tree else ():
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.BinOp)):
            continue
        left, factor = node.left, _first_factor(node.right)
        rest = ast.unparse(node.right)[len(ast.unparse(factor)) :]
        one = isinstance(left, ast.Constant) and left.value == 1 and isinstance(node.right.op, ast.Mult)
        share = one and re.search(r"mom|alpha|decay|rho", ast.unparse(factor)) and re.search(r"run|mov|ema", rest)
        batch = isinstance(left, ast.Name) and isinstance(node.right.op, ast.Div) and re.search(r"sqrt|std|\*\*", rest)
        if share or (batch and re.search(r"mean|mu", ast.unparse(factor))):
            what = "multiplies" if share else "divides"
            better = f"({ast.unparse(left)} - {ast.unparse(factor)}){rest}"
            yield what, f"`{ast.unparse(node)}` {what} before it subtracts; write `{better}`."


def _first_factor(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        node = node.left
    return node


def _cut(wrong: list[str], seen: Observations, source: Source) -> Plain | None:
    key = next((k for k in wrong if k.endswith("/gradient of the input")), None)
    if key is None:
        return None
    value = seen.get(key)
    reaches = isinstance(value, np.ndarray) and bool(np.nan_to_num(value).any())
    forward = next((f for f, owner in source.functions() if owner and f.name == "forward"), None)
    found = () if forward is None else _cuts(forward, reaches)
    title = next(iter(found), "")
    return Plain("gradient", title, key, r"detach|graph|no_grad") if title else None


def _cuts(forward: ast.FunctionDef, reaches: bool) -> Iterator[str]:
    """Sentences on what cuts the batch, or its statistics, out of the graph; ``reaches``: x gets some gradient."""
    for decorator in forward.decorator_list:
        if re.search(r"no_grad|inference_mode", ast.unparse(decorator)):
            yield (
                f"`@{ast.unparse(decorator)}` over `forward` cuts all of it out of the graph; only the update of the "
                "statistics may be without gradients."
            )
    for block in (n for n in ast.walk(forward) if isinstance(n, ast.With)):
        if re.search(r"no_grad|inference_mode", ast.unparse(block.items[0].context_expr)):
            names = _used_later(forward, block)
            if names:
                what, verb = " and ".join(f"`{n}`" for n in names), "is" if len(names) == 1 else "are"
                yield (
                    f"{what} {verb} computed without gradients, inside `{ast.unparse(block.items[0])}`, and used "
                    "outside; only the update of the statistics belongs inside."
                )
    batch = forward.args.args[1].arg if len(forward.args.args) > 1 else ""
    for node in (n for n in ast.walk(forward) if isinstance(n, ast.Assign) and batch):
        cut = re.search(rf"\b{batch}(\.detach\(\)|\.data\b|\.numpy\(\))", ast.unparse(node.value))
        names = sorted(_stored(node) & _centring(forward, batch)) if cut and _is_statistic(node.value) else []
        if cut and names:
            what, verb = " and ".join(f"`{n}`" for n in names), "is" if len(names) == 1 else "are"
            yield f"{what} {verb} computed from `{cut[0]}`, so no gradient flows through; take `{batch}` itself."
        elif cut and _stored(node) and not reaches:
            yield f"`{cut[0]}` cuts the batch out of the graph, and no gradient reaches x; compute with `{batch}`."


def _centring(forward: ast.FunctionDef, batch: str) -> set[str]:
    """Names that are read in one expression with the batch."""
    found: set[str] = set()
    for node in (n for n in ast.walk(forward) if isinstance(n, ast.BinOp)):
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        found |= names if batch in names else set()
    return found - {batch}


def _is_statistic(node: ast.AST) -> bool:
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return any(isinstance(f, ast.Attribute) and f.attr in _STATISTICS for f in calls)


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _used_later(forward: ast.FunctionDef, block: ast.With) -> list[str]:
    """Statistics of the batch that a block computes and that the lines after it read first."""
    computed: dict[str, None] = {}
    for node in ast.walk(block):
        if isinstance(node, ast.Assign) and _is_statistic(node.value):
            computed |= dict.fromkeys(_stored(node))
    end = block.end_lineno or block.lineno
    around = [n for n in ast.walk(forward) if isinstance(n, ast.If) and any(block in ast.walk(part) for part in n.body)]
    other = {id(n) for branch in around for part in branch.orelse for n in ast.walk(part)}
    later = [n for n in ast.walk(forward) if isinstance(n, ast.Name) and n.lineno > end and id(n) not in other]
    stored = {n.id for n in later if isinstance(n.ctx, ast.Store)}
    read = {n.id for n in later if isinstance(n.ctx, ast.Load)}
    return sorted(name for name in computed if name in read - stored)
