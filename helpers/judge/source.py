"""The learner's source, read as text only: it may withhold a claim about the code, never pass or fail a layer."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .model import Suspect

_ANY_SQUARE = r"\*\* ?2\b|\bpow\(|square|(\b[\w.]+) \* \1|norm\("


def _moved(name: str) -> str:
    """What an update of a buffer looks like, outside the line that makes it."""
    assigned = rf"self\.{name} [-+*]?= (?!torch\.zeros|torch\.ones|nn\.|None)"
    return rf"{assigned}|self\.{name}\.(?!fill_|zero_)\w+_\(|out=self\.{name}\b"


CLAIMS: tuple[tuple[str, str, str], ...] = (
    (r"\bwith view\b", r"\bview\(", ""),
    (r"persistent=False", r"persistent", ""),
    (r"\b(you|constructor) refuses?\b", r"\braise\b|\bassert\b", ""),
    (r"in place\b(?! of)", r"\w_\(|[-+*/@|&]=|\] =|out=", ""),
    (
        r"average over (everything but )?dim=[01]",
        r"dim=|axis=|\(-?\d|, -?\d|\.T\b|\.t\(|transpose|sum\(|tuple\(|dims?\b",
        "",
    ),
    (r"\bdim=1\b|one mean for each row", r"-1\b|\b1\b", ""),
    (
        r"\bor \.detach|you detach|(is|are) detached|out of the graph|without a graph|under no_grad|cut from the graph",
        r"detach|no_grad|\.data\b|numpy|inference_mode|\bitem\(|tolist|autograd|tensor\(|grad_enabled|from_numpy|\bnp\.",
        "",
    ),
    (r"has no gamma", "", r"self\.gamma\b|self\.beta\b"),
    (r"has no running_mean", "", r"self\.running_mean\b|register_buffer\(.running_mean"),
    (r"eps is a float32 tensor", r"tensor\(|register_buffer\(.eps|ones\(|full\(|float32|finfo", ""),
    (r"eps below 1e-5 is raised", r"max|clamp|clip|if |where", ""),
    (r"E\[x²\]", _ANY_SQUARE, ""),
    (r"E\[x²\]", r"- [^-+\n]*(\*\* ?2|pow\(|square|(\b[\w.]+(?:\([^()]*\))?) \* \2)", ""),
    (r"\byou clip\b", r"clamp|clip|min|max|tanh", ""),
    (r"round to 16 bits", r"half|float16", ""),
    (r"in float64", r"double|float64", ""),
    (r"statistics become float64", r"double|float64|numpy|np\.", ""),
    (r"compute in float32", r"float\(|float32|numpy|np\.|\.type\(|tensor\(", ""),
    (r"replace NaN", r"nan", ""),
    (r"squeeze the output", r"squeeze", ""),
    (r"reshape the batch", r"reshape|view|flatten|unflatten", ""),
    (r"returns several things", r"return [^\n]*,|tuple\(", ""),
    (r"library's batch norm", r"batch_norm|BatchNorm|instance_norm", ""),
    (r"\bmedian\b", r"median|sort|quantile", ""),
    (r"absolute deviation|sign of gamma|mean of \|x\|", r"abs|\*\* ?2|square|relu|exp|softplus|norm", ""),
    (
        r"standard deviations?\b.*\b(remember|holds?|average)|remembers the standard",
        r"std|sqrt|\*\* ?0\.5|\*\* ?\(1",
        "",
    ),
    (r"your backward pass|ctx\b|gradients? of gamma( and beta)? (is|are)", r"def backward|hook|Function", ""),
    (r"backward pass", r"def backward|hook|Function|checkpoint", ""),
    (r"of its first use", r"is None|hasattr|getattr|cache|not self\.", ""),
    (r"in pieces", r"split|chunk|for |\[:", ""),
    (r"in a list", r"append|\+= \[|\+= \(|\[", ""),
    (r"random seed", r"seed", ""),
    (r"draws random|random numbers", r"rand|normal|uniform|dropout|kaiming|xavier|bernoulli", ""),
    (r"gradients (on again|off for)", r"grad", ""),
    (r"__deepcopy__", r"deepcopy|__(get|set)state__|__reduce|__copy", ""),
    (r"only your own eval\(\)|train\(\) (does not return|sets your)", r"def (eval|train)\b", ""),
    (r"is_grad_enabled|under no_grad your", r"grad|inference", ""),
    (r"gamma is frozen behaves", r"requires_grad", ""),
    (r"by its size", r"shape|size|len|numel|ndim|dim\(", ""),
    (r"whenever it has several", r"\bif [^\n:]*(shape|size|len|numel|\b[nNmbB]\b|rows|batch)", ""),
    (
        r"eval mode (multiplies|forgets|does not|divides|computes|runs)|in eval mode you (?!still)|train mode forgets",
        r"train|eval|mode|grad_enabled|infer|test|phase",
        "",
    ),
    (r"in __init__; read self\.training", r"self\.(?!training)\w+ = (not )?self\.training", ""),
    (r"`self\.train` is a method", r"self\.train\b(?! ?[(=])", ""),
    (
        r"(statistics are those|running_mean is that) of the last batch",
        "",
        r"self\.\w*(mean|avg)\w* \*|\* self\.\w*(mean|avg)\w*|lerp|mul_\(",
    ),
    (r"corrects it a second time|corrected by \(N−1\)/N|of the test batch; correct", r"- 1\b", ""),
    (
        r"two variances are exchanged",
        r"correction=0|unbiased=False|- 1\b|\(x - [^()]*\) ?(\*\*|\.pow|\.square)|square\(",
        "",
    ),
    (
        r"normalise with the unbiased",
        r"\b(var|std|var_mean|std_mean|cov)\((?![^\n]*(correction=0|unbiased=False|, False))|- 1\b",
        "",
    ),
    (r"lower bound", r"max|clamp|clip|where|if ", ""),
    (r"`momentum or 0\.1`", r"momentum or|if (not )?(self\.)?momentum\b", ""),
    (r"statistics are parameters", r"Parameter\(|requires_grad", ""),
    (r"gamma and beta are buffers", r"register_buffer", ""),
    (r"deletes the buffers", r"\bdel\b|delattr|\.pop\(|_buffers", ""),
    (r"all numbers of the batch", r"numel|nelement|size|prod|\* ?x\.shape|\.shape", ""),
    (r"N is the number of features", r"\.shape|size\(|len\(|num_features|features|\bdim\b", ""),
    (r"plain average of all batches", r"\+= 1\b|\+ 1\b|count|num|steps?", ""),
    (r"as Adam does", r"\*\*|pow", ""),
    (r"divide by gamma", r"/ ?\(?(self\.)?(gamma|weight)", ""),
    (r"1 \+ gamma", r"1(\.0)? ?\+|\+ ?1(\.0)?\b", ""),
    (r"gamma and beta are plain tensors", "", r"self\.gamma(: ?[\w.]+)? ?= ?(torch\.)?(nn\.)?Parameter\("),
    (r"statistics are plain attributes", "", r"register_buffer\(['\"]running_mean"),
    (r"running_mean is a plain attribute", "", r"register_buffer\(['\"]running_mean"),
    (r"running_var is a plain attribute", "", r"register_buffer\(['\"]running_var"),
    (r"`reset_parameters\(\)`", r"reset_parameters", ""),
    (r"statistics never move|running_mean never moves", "", _moved("running_mean")),
    (r"statistics never move|running_var never moves", "", _moved("running_var")),
)
"""(words of a suspect's title, what the source must contain for it, what it must not contain); "" asks nothing."""


@dataclass(frozen=True)
class Source:
    """A learner's code as text, "" where it cannot be read; then nothing is withheld."""

    text: str = ""

    @functools.cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, or None."""
        try:
            return ast.parse(textwrap.dedent(self.text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    @functools.cached_property
    def code(self) -> str:
        """The code without comments and docstrings, in one style of spaces; "" where it is no Python."""
        if self.tree is None or not self.tree.body:
            return ""
        tree = ast.parse(textwrap.dedent(self.text))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [n for n in body if not _is_text(n)] or [ast.Pass()]  # type: ignore[attr-defined]
        return ast.unparse(tree)

    def refutes(self, suspect: Suspect) -> bool:
        """True where the code plainly is not what the suspect's title says it is."""
        if not self.code:
            return False
        claims = [(need, forbidden) for words, need, forbidden in CLAIMS if re.search(words, suspect.title)]
        if not self._may_have_default(suspect.title):
            return True
        needs = [need for need, _ in claims if need]
        needs += ["|".join(suspect.needs)] if suspect.needs else []
        forbidden = [pattern for _, pattern in claims if pattern] + list(suspect.refuted_by)
        return any(not re.search(n, self.code) for n in needs) or any(re.search(f, self.code) for f in forbidden)

    def default(self, name: str) -> float | None:
        """The number that an argument of ``__init__`` has by default, None where it is not written as one."""
        for function, _ in self.functions():
            arguments = [*function.args.posonlyargs, *function.args.args][::-1]
            pairs = [*zip(arguments, function.args.defaults[::-1], strict=False)]
            pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d]
            for argument, value in pairs if function.name == "__init__" else ():
                if argument.arg == name and isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                    return float(value.value)
        return None

    def _may_have_default(self, title: str) -> bool:
        """False where a title gives a default that the constructor does not have."""
        said = re.search(r"default of your (\w+) is (above |below |)([\d.e-]+\d)", title)
        said = said or re.search(r"(momentum) .*?with default ()([\d.]+\d)", title)
        value = self.default(said[1]) if said else None
        if said is None or value is None:
            return True
        bound = float(said[3])
        return {"above ": value > bound, "below ": value < bound}.get(said[2], value == bound)

    def functions(self) -> Iterator[tuple[ast.FunctionDef, ast.AST | None]]:
        """Every function with what it is defined in: a class, a function, or None for the module."""
        if self.tree is None:
            return
        for owner in ast.walk(self.tree):
            for node in ast.iter_child_nodes(owner):
                if isinstance(node, ast.FunctionDef):
                    yield node, None if isinstance(owner, ast.Module) else owner


NO_SOURCE = Source()


def source_of(obj: Any) -> Source:
    """The source of a class or function, with that of the functions and classes of its module that it names."""
    names: dict[str, str] = {}
    waiting = [obj if isinstance(obj, type) or inspect.isfunction(obj) else type(obj)]
    while waiting and len(names) < 20:
        one = waiting.pop()
        name, module = getattr(one, "__qualname__", ""), getattr(one, "__module__", None)
        if name in names:
            continue
        try:
            names[name] = textwrap.dedent(inspect.getsource(one))
        except (OSError, TypeError):
            if one is obj:
                return Source()
            continue
        known = vars(sys.modules.get(str(module), None) or object)
        for word in set(re.findall(r"\b[A-Za-z_]\w*\b", names[name])):
            other = known.get(word)
            if (isinstance(other, type) or inspect.isfunction(other)) and other.__module__ == module:
                waiting.append(other)
    return Source("\n\n".join(reversed(names.values())))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
