"""What a notebook needs of ``helpers``, as a zip that travels inside it."""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import importlib.util
import io
import json
import lzma
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path

from helpers import exercises
from helpers.arrival import digest
from helpers.judge import record
from helpers.judge.record import Record
from helpers.project import version

from .source import SETUP_TITLE

PACKAGE = Path(__file__).resolve().parents[1]
EXERCISES = PACKAGE / "exercises"
RECORDED = EXERCISES / "recorded"
EDITIONS = ("open", "class")
_FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "pb": 0}]  # bytes, not words of four

_SETUP = """\
# Edition {version}, {edition}. The course's code, helpers/, is here as a zip: nothing is installed or downloaded.
# To see what is in it: zipfile.ZipFile(io.BytesIO(course)).namelist()
import base64, hashlib, io, lzma, zipfile
carried = "{carried}"
if hashlib.sha256(carried.encode("utf-8", "replace")).hexdigest() != "{digest}":
    raise RuntimeError("This setup cell was changed. Download the notebook again.")
course = lzma.decompress(base64.b85decode(carried))
exec(zipfile.ZipFile(io.BytesIO(course)).read("{arrival}"), arrival := {{}})
arrival["arrive"](course, "{digest}", "{files}")
import helpers
"""
ARRIVAL = "helpers/arrival.py"


def setup_cell(edition: str, code: str) -> str:
    """Source of the first code cell: imports ``helpers``, or the part of it that ``code`` needs and the cell carries.

    The archive is one line, however long: where a reader does not fold the cell it takes no more room than that.
    """
    made = archive(edition, code)
    carried = base64.b85encode(lzma.compress(made, lzma.FORMAT_ALONE, filters=_FILTERS)).decode()
    filled = {
        "version": version(),
        "edition": edition,
        "carried": carried,
        "digest": hashlib.sha256(carried.encode()).hexdigest(),
        "files": digest(PACKAGE.parent, zipfile.ZipFile(io.BytesIO(made)).namelist()),
        "arrival": ARRIVAL,
    }
    return SETUP_TITLE + _SETUP.format(**filled).rstrip()


@functools.cache
def archive(edition: str, code: str) -> bytes:
    """A zip, not compressed, of what a notebook's code needs: dated 1980, the same bytes for the same files.

    Files of a kind stand together, which compresses better.  With a module travel its data and the records of its
    exercises; ``edition`` "class" leaves the references' code out of them, and observations that are the answer itself.
    Of an exercise that the notebook does not import itself, only what the reference does travels: that is enough to
    judge, and nothing has to be explained.
    """
    if edition not in EDITIONS:
        raise ValueError(f"edition is one of {', '.join(EDITIONS)}, not {edition!r}")
    paths = modules_needed(code) | {PACKAGE.parent / ARRIVAL}
    paths |= {data for path in paths for data in _data(path)}
    records = _records(paths, code)
    paths |= records.keys()
    if records:
        paths.add(RECORDED / "__init__.py")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for path in sorted(paths, key=lambda path: (path.suffix, path)):
            content = path.read_bytes()
            if path in records:
                known = record.from_bytes(content)
                secret, explained = records[path]
                if edition == "class":
                    known = _without(known, secret)
                if not explained:
                    known = Record(known.right, (), {})
                content = record.to_bytes(known, packed=False)
            elif path.suffix == ".py":
                content = bare(content.decode()).encode()
                if EXERCISES not in path.parents:  # what stands there is shown to learners
                    content = close(content.decode()).encode()
            elif path.suffix == ".json":
                content = json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":")).encode()
            made.writestr(zipfile.ZipInfo(path.relative_to(PACKAGE.parent).as_posix()), content)
    return buffer.getvalue()


def _data(module: Path) -> Iterator[Path]:
    """The data of a module: the .json and .toml files of the same name, and the .toml files of a folder of its name."""
    yield from (data for kind in (".json", ".toml") if (data := module.with_suffix(kind)).exists())
    yield from module.with_suffix("").glob("*.toml")


def modules_needed(code: str) -> set[Path]:
    """Files of ``helpers`` that the code imports, directly or not, with their packages' ``__init__.py``.

    >>> sorted(p.stem for p in modules_needed("from helpers.lab.data import digits"))
    ['__init__', '__init__', 'data']
    """
    waiting, files = {"helpers", *_imports(code, "")}, dict[str, Path]()
    while waiting:
        module = waiting.pop()
        if module not in files and (found := _module(module)):
            files[module], needed = found
            waiting |= needed
    return set(files.values())


@functools.cache
def _module(name: str) -> tuple[Path, set[str]] | None:
    """The file of a module, and the names that it needs; None where there is no such module."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    inside = (base / "__init__.py").exists()
    path = base / "__init__.py" if inside else base.with_suffix(".py")
    if not path.exists():
        return None
    package = name if inside else name.rpartition(".")[0]
    return path, {package, *_imports(path.read_text(encoding="utf-8"), package)}


@functools.cache
def bare(code: str) -> str:
    """Python code without comments, docstrings, empty lines, and annotations outside classes: it is run, not read.

    >>> bare("x = 1  # one\\n\\n\\ndef f(a: int = 2) -> str:\\n    \\"Two.\\"\\n    return '# three'\\n")
    "x = 1\\ndef f(a = 2):\\n    return '# three'\\n"
    """
    code = _without_types(_unannotated(code))
    lines = code.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    inside, gone = set[int](), set[int]()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            inside |= set(range(node.lineno, node.end_lineno or node.lineno))
        body = node.body if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) else []
        for said in body:
            match said:
                case ast.Expr(value=ast.Constant(value=str())):
                    gone |= set(range(said.lineno, (said.end_lineno or said.lineno) + 1))
                    if len(body) == 1:
                        lines[said.lineno - 1] = " " * said.col_offset + "pass"
                        gone.remove(said.lineno)
    kept = {i for i, line in enumerate(lines, 1) if line.strip()} | inside
    return "".join(f"{lines[i - 1]}\n" for i in sorted(kept - gone))


@functools.cache
def close(code: str) -> str:
    """Python code indented by one space a level, and where a line goes on not at all.

    >>> close("def f(a,\\n      b):\\n    if a:\\n        return b\\n")
    'def f(a,\\nb):\\n if a:\\n  return b\\n'
    """
    lines = code.splitlines()
    inside, starts, level, new = set[int](), dict[int, int](), 0, True
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            inside |= set(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        level += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.NL):
            continue
        starts.setdefault(token.start[0], level if new else 0)
        new = token.type == tokenize.NEWLINE
    for row, depth in starts.items():
        if row <= len(lines) and row not in inside:
            lines[row - 1] = " " * depth + lines[row - 1].lstrip()
    return "".join(f"{line}\n" for line in lines)


def _unannotated(code: str) -> str:
    """The code without the annotations that stand on one line; those of a class stay, since a dataclass reads them."""
    lines = [line.encode() for line in code.splitlines()]  # ast counts bytes
    tree, cuts = ast.parse(code), []
    fields = {id(field) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for field in node.body}
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as said):
                cuts.append((said, node.col_offset + len(node.arg.encode())))
            case ast.FunctionDef(returns=ast.expr() as said):
                cuts.append((said, lines[said.lineno - 1].rindex(b" ->", 0, said.col_offset)))
            case ast.AnnAssign(annotation=said, value=ast.expr()) if id(node) not in fields:
                cuts.append((said, node.target.end_col_offset or 0))
    for said, start in sorted(cuts, key=lambda cut: (cut[0].lineno, cut[1]), reverse=True):
        if said.lineno == said.end_lineno:
            line = lines[said.lineno - 1]
            lines[said.lineno - 1] = line[:start] + line[said.end_col_offset :]
    return "".join(f"{line.decode()}\n" for line in lines)


def _without(known: Record, secret: tuple[str, ...]) -> Record:
    """The record without the reference's code, and without observations whose keys begin with one of ``secret``."""
    right, *others = (
        {key: value for key, value in seen.items() if not key.startswith(secret)}
        for seen in (known.right, *(known.lineup[s.id] for s in known.suspects))
    )
    told = {s: seen for s, seen in zip(known.suspects, others, strict=True) if record.differing(seen, right)}
    return Record(right, tuple(told), {s.id: seen for s, seen in told.items()})


def _without_types(code: str) -> str:
    """The code without the imports of names for annotations that it does not use."""
    lines, tree = code.splitlines(), ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in reversed(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module in ("typing", "collections.abc"):
            kept = ", ".join(name.name for name in node.names if name.name in used)
            lines[node.lineno - 1 : node.end_lineno] = [f"from {node.module} import {kept}"] if kept else []
    return "".join(f"{line}\n" for line in lines)


def _records(modules: set[Path], code: str) -> dict[Path, tuple[tuple[str, ...], bool]]:
    """The records of the exercises that the modules define: what of each is secret, and if the code imports it."""
    homes = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in modules}
    found = [e for e in exercises.catalogue().values() if e.module in homes]
    return {RECORDED / f"{e.record_id}.xz": (e.secret, e.module in _imports(code, "")) for e in found}


@functools.cache
def _imports(code: str, package: str) -> set[str]:
    """Every name of ``helpers`` that the code imports; those that are no modules do no harm."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("helpers.")}
