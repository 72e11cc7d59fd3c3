"""Imports run one way: from each room of helpers/ only to the rooms below it, and never by a string."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "look": set(),
    "judge": {"look"},
    "lab": {"look"},
    "drill": {"look"},
    "exercises": {"judge", "look"},
    "experiments": {"lab", "exercises", "judge", "look"},
    "widgets": {"experiments", "lab", "exercises", "judge", "drill", "look"},
    "grading": {"judge", "exercises", "look"},
    "classroom": {"grading", "judge", "exercises", "drill", "look"},
    "editions": {"arrival", "project", "judge", "lab", "drill", "exercises", "experiments", "widgets", "grading"},
    "website": {"project", "judge", "lab", "drill", "exercises", "experiments", "widgets", "look"},
}
DOORS = {
    "helpers/judge/__main__.py": {"grading"},
    "helpers/grading/__main__.py": {"classroom"},
    "helpers/editions/__main__.py": {"website"},
}
"""Files that hand over to a room above them: ``python -m helpers.judge`` is the grading room's command."""
FOR_LEARNERS = {"exercises", "experiments", "lab", "widgets", "drill"}
MODULES = sorted((ROOT / "helpers").glob("*/**/*.py"))


def rooms_imported(code, package=""):
    """The rooms of helpers that the code imports."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("helpers.")}


def test_a_module_imports_only_the_rooms_below_its_own():
    wrong = {}
    for path in MODULES:
        where = path.relative_to(ROOT)
        room = where.parts[1]
        allowed = {room, *MAY_IMPORT[room], *DOORS.get(where.as_posix(), ())}
        wrong[where] = rooms_imported(path.read_text(encoding="utf-8"), ".".join(where.parent.parts)) - allowed
    assert {where: rooms for where, rooms in wrong.items() if rooms} == {}


def test_no_module_names_another_room_by_a_string():
    wrong = {}
    for path in MODULES:
        room = path.relative_to(ROOT).parts[1]
        called = [
            n.args[0].value
            for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(n, ast.Call) and n.args and isinstance(n.args[0], ast.Constant)
        ]
        modules = {name.split(".")[1] for name in called if isinstance(name, str) and re.match(r"helpers\.\w", name)}
        wrong[path] = modules - {room, *MAY_IMPORT[room]}
    assert {path: rooms for path, rooms in wrong.items() if rooms} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_learners_import_from_their_own_rooms_only(path):
    import nbformat

    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code" and c.id != "setup"]
    assert rooms_imported("\n".join(cells)) <= FOR_LEARNERS


def test_the_rule_sees_what_breaks_it():
    assert rooms_imported("from ..grading import wire", "helpers.judge") == {"grading"}
    assert rooms_imported("import helpers.lab.nets") == {"lab"}
