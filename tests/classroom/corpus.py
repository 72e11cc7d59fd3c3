"""Hand-ins that went wrong or mean harm, each with what a fair human would give; made from the notebooks themselves.

Each function takes the solved notebook 00 as plain JSON and returns the file's bytes, or changes it in place.
"""

import copy
import functools
import io
import json
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "00_start_here"
ANSWER = "feature_statistics"
WRONG = "def feature_statistics(x):\n    return x.mean(dim=0), x.var(dim=0)\n"
"""Earns one of two points: the mean is right."""


def released(name=NAME):
    """A released notebook as plain JSON."""
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))


@functools.cache
def _solved(name):
    filled = {grade_id(cell): cell["source"] for cell in json.loads(_solution(name))["cells"] if grade_id(cell)}
    notebook = released(name)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = filled[grade_id(cell)]
    return notebook


def _solution(name):
    return (ROOT / "solutions" / f"{name}.ipynb").read_text(encoding="utf-8")


def solved(name=NAME):
    """A notebook with every answer right, as plain JSON."""
    return copy.deepcopy(_solved(name))


def as_bytes(notebook):
    """The notebook as Jupyter writes it."""
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def grade_id(cell):
    """The name by which nbgrader knows a cell."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def index(notebook, name=ANSWER):
    """Where the cell of this name stands."""
    return next(i for i, cell in enumerate(notebook["cells"]) if grade_id(cell) == name)


def answer(notebook, name=ANSWER):
    """The cell of this name."""
    return notebook["cells"][index(notebook, name)]


def text(cell):
    """A cell's text."""
    return "".join(cell["source"])


def code(source, **metadata):
    """A cell of the learner's own."""
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def with_answer(source, name=NAME, cell=ANSWER):
    """The notebook with this answer, as bytes."""
    notebook = solved(name)
    answer(notebook, cell)["source"] = source
    return as_bytes(notebook)


def _edit(change):
    """A case that changes the solved notebook in place."""

    @functools.wraps(change)
    def made():
        notebook = solved()
        return as_bytes(change(notebook) or notebook)

    return made


def _answer_moved(to):
    def change(notebook):
        notebook["cells"].insert(to, notebook["cells"].pop(index(notebook)))

    return _edit(change)


def _every_cell(change):
    def all_of(notebook):
        for cell in notebook["cells"]:
            change(cell)

    return _edit(all_of)


def _source(change):
    def one(notebook):
        cell = answer(notebook)
        cell["source"] = change(text(cell))

    return _edit(one)


def _first(*cells):
    return _edit(lambda notebook: notebook["cells"].__setitem__(slice(1, 1), cells))


def _last(*cells):
    return _edit(lambda notebook: notebook["cells"].extend(cells))


def _nbgrader(**changed):
    def change(cell):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= changed

    return _every_cell(change)


def _without(*names, kind=""):
    return _edit(
        lambda n: n.update(cells=[c for c in n["cells"] if grade_id(c) not in names and c["cell_type"] != kind])
    )


def _top(**changed):
    return _edit(lambda notebook: notebook.update(changed))


def _crlf(cell):
    cell["source"] = text(cell).replace("\n", "\r\n")


def _cr(cell):
    cell["source"] = text(cell).replace("\n", "\r")


@_edit
def _stripped(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    notebook["metadata"] = {}


@_edit
def _colab(notebook):
    for i, cell in enumerate(notebook["cells"]):
        cell["metadata"] = {"id": f"x{i}", "colab": {"base_uri": "https://localhost/", "height": 34}}
        cell.pop("id", None)
    notebook.update(nbformat_minor=0, metadata={"colab": {"provenance": []}, "accelerator": "GPU"})
    notebook["cells"].insert(0, code("from google.colab import drive\ndrive.mount('/content/drive')", id="m"))


@_edit
def _nbformat_3(notebook):
    cells = []
    for cell in notebook["cells"]:
        kept = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            kept |= {"input": cell["source"], "outputs": [], "language": "python", "prompt_number": 1}
        else:
            kept["source"] = cell["source"]
        cells.append(kept)
    return {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


@_edit
def _duplicate_graded(notebook):
    at = index(notebook, "feature_statistics_mean")
    notebook["cells"].insert(at, copy.deepcopy(notebook["cells"][at]))


def _answers(*sources):
    def change(notebook):
        at = index(notebook)
        notebook["cells"][at : at + 1] = [dict(copy.deepcopy(notebook["cells"][at]), source=s) for s in sources]

    return _edit(change)


def _split(lines, keep_metadata):
    def change(notebook):
        at = index(notebook)
        cell = notebook["cells"][at]
        whole = "from torch import mean as MEAN\n\n\n" + text(cell).rstrip() + "\n\n\nMEAN(torch.eye(2))\n"
        parts = whole.splitlines(keepends=True)
        second = dict(copy.deepcopy(cell), source="".join(parts[lines:]))
        if not keep_metadata:
            second |= {"metadata": {}, "id": "new"}
        notebook["cells"][at : at + 1] = [dict(cell, source="".join(parts[:lines])), second]

    return _edit(change)


@_edit
def _rest_of_the_metadata(notebook):
    answer(notebook)["metadata"] = {}


@_edit
def _moved_to_own_cell(notebook):
    at = index(notebook)
    notebook["cells"][at] = code(text(notebook["cells"][at]))


@_edit
def _in_other_cell(notebook):
    right, stub = text(answer(notebook)), text(answer(released()))
    answer(notebook)["source"] = stub
    notebook["cells"].insert(index(notebook) + 1, code(right))


def _kind(kind):
    def change(notebook):
        cell = answer(notebook)
        cell["cell_type"] = kind
        cell.pop("outputs", None)
        cell.pop("execution_count", None)

    return _edit(change)


@_edit
def _helper_elsewhere(notebook):
    cell = answer(notebook)
    cell["source"] = "def feature_statistics(x):\n    return average(x), average((x - average(x)) ** 2)\n"
    notebook["cells"].insert(3, code("def average(x):\n    return x.mean(dim=0)\n"))


@_edit
def _swapped_grade_ids(notebook):
    a, b = (answer(notebook, f"feature_statistics_{part}") for part in ("mean", "variance"))
    a["source"], b["source"] = b["source"], a["source"]


@_edit
def _points_raised(notebook):
    answer(notebook, "feature_statistics_mean")["metadata"]["nbgrader"]["points"] = 5000


def _huge(megabytes):
    @_edit
    def change(notebook):
        notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * (megabytes << 20)}]

    return change


def _raw(make):
    return lambda: make(as_bytes(solved()))


RIGHT = "the right notebook"
HONEST = {
    # name: (points of 2 or None for "not judged", a word that the record must say somewhere, or "", the file)
    RIGHT: (2, "", lambda: as_bytes(solved())),
    "untouched": (0, "not attempted", lambda: as_bytes(released())),
    "half": (1, "", lambda: with_answer(WRONG)),
    "byte order mark": (2, "", _raw(lambda data: b"\xef\xbb\xbf" + data)),
    "UTF-16": (2, "UTF-16", _raw(lambda data: data.decode().encode("utf-16"))),
    "UTF-16 without a mark": (2, "UTF-16", _raw(lambda data: data.decode().encode("utf-16-le"))),
    "UTF-16 big end first": (2, "UTF-16", _raw(lambda data: b"\xfe\xff" + data.decode().encode("utf-16-be"))),
    "UTF-32": (2, "UTF-32", _raw(lambda data: data.decode().encode("utf-32"))),
    "cp1252": (2, "", lambda: _latin(solved())),
    "CRLF in the file": (2, "", _raw(lambda data: data.replace(b"\n", b"\r\n"))),
    "CRLF in the cells": (2, "", _every_cell(_crlf)),
    "CR in the cells": (2, "", _every_cell(_cr)),
    "text after the end": (2, "", _raw(lambda data: data + b"\n\n\x00\x00")),
    "cut off": (None, "cut off|JSON", _raw(lambda data: data[: len(data) // 2])),
    "empty": (None, "empty", lambda: b""),
    "blank": (None, "empty", lambda: b" \n\n"),
    "zeros": (None, "", lambda: bytes(4096)),
    "a PDF": (None, "", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"),
    "a page": (None, "", lambda: b"<!DOCTYPE html><html><body>Log in to Colab</body></html>"),
    "a list": (None, "", lambda: b"[]"),
    "null": (None, "", lambda: b"null"),
    "an empty object": (None, "", lambda: b"{}"),
    "no cells": (0, "", _top(cells=[])),
    "cells are null": (None, "", _top(cells=None)),
    "cells are texts": (None, "", _top(cells=["a", 1, None, []])),
    "one cell is null": (2, "", _edit(lambda n: n["cells"].insert(1, None))),
    "one cell has no text": (2, "", _edit(lambda n: n["cells"].insert(1, {"cell_type": "code"}))),
    "a text is a number": (2, "", _edit(lambda n: n["cells"].insert(1, code(17)))),
    "nested 100,000 deep": (None, "", lambda: b"[" * 100_000),
    "nested inside metadata": (
        None,
        "",
        _raw(lambda d: d[:-2].rstrip() + b', "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    ),
    "a long number": (2, "", _raw(lambda d: d.rstrip()[:-1] + b', "x": ' + b"9" * 10_000 + b"}")),
    "infinity": (2, "", _raw(lambda d: d.rstrip()[:-1] + b', "x": [NaN, -Infinity, 1e999]}')),
    "merge conflict": (
        None,
        "conflict|JSON",
        _raw(lambda d: b"<<<<<<< HEAD\n" + d + b"=======\n" + d + b">>>>>>> x\n"),
    ),
    "metadata gone": (2, "", _stripped),
    "from Colab": (2, "", _colab),
    "metadata of the answer gone": (2, "", _rest_of_the_metadata),
    "metadata null": (2, "", _every_cell(lambda cell: cell.update(metadata=None))),
    "metadata a list": (2, "", _every_cell(lambda cell: cell.update(metadata=["nbgrader"]))),
    "ids gone": (2, "", _every_cell(lambda cell: cell.pop("id", None))),
    "ids all equal": (2, "", _every_cell(lambda cell: cell.update(id="same"))),
    "ids too long": (2, "", _every_cell(lambda cell: cell.update(id="x y" * 99))),
    "notebook's metadata null": (2, "", _top(metadata=None)),
    "foreign kernel": (2, "", _top(metadata={"kernelspec": {"name": "conda-env-ml-py", "display_name": "ml"}})),
    "nbformat 3": (2, "", _nbformat_3),
    "nbformat 4.0": (2, "", _top(nbformat_minor=0)),
    "nbformat 4.99": (2, "", _top(nbformat_minor=99)),
    "nbformat 5": (2, "", _top(nbformat=5)),
    "nbformat as text": (2, "", _top(nbformat="4")),
    "nbformat gone": (2, "", _edit(lambda n: [n.pop(k) for k in ("nbformat", "nbformat_minor")] and None)),
    "nbgrader schema 0": (2, "", _nbgrader(schema_version=0)),
    "nbgrader schema 99": (2, "", _nbgrader(schema_version=99)),
    "nbgrader schema 1": (2, "", _nbgrader(schema_version=1)),
    "nbgrader's names all equal": (2, "", _nbgrader(grade_id="cell-1")),
    "nbgrader's names are numbers": (2, "", _nbgrader(grade_id=7)),
    "nbgrader's entry a text": (2, "", _every_cell(lambda cell: cell.update(metadata={"nbgrader": "yes"}))),
    "points raised": (2, "", _points_raised),
    "graded cells exchanged": (2, "", _swapped_grade_ids),
    "graded cell twice": (2, "", _duplicate_graded),
    "graded cell deleted": (2, "", _without("feature_statistics_mean")),
    "all graded cells deleted": (2, "", _without("feature_statistics_mean", "feature_statistics_variance")),
    "setup deleted": (2, "", _without("setup")),
    "texts deleted": (2, "", _without(kind="markdown")),
    "only the answer left": (2, "", _edit(lambda n: n.update(cells=[answer(n)]))),
    "answer deleted": (0, "nothing defines|not attempted|no cell", _without(ANSWER)),
    "answer emptied": (0, "nothing defines|not attempted", lambda: with_answer("")),
    "other name": (0, "nothing defines|feature_statistics", _source(lambda s: s.replace(ANSWER, "my_statistics"))),
    "stub, then answer": (2, "", lambda: _answers(text(answer(released())), text(answer(solved())))()),
    "answer, then stub": (2, "", lambda: _answers(text(answer(solved())), text(answer(released())))()),
    "wrong, then right": (2, "", lambda: _answers(WRONG, text(answer(solved())))()),
    "right in an own cell, stub left": (2, "", _in_other_cell),
    "cut and pasted into a new cell": (2, "", _moved_to_own_cell),
    "answer at the top": (2, "", _answer_moved(0)),
    "answer at the bottom": (2, "", _answer_moved(10_000)),
    "all reversed": (2, "", _edit(lambda n: n["cells"].reverse())),
    "split between statements": (2, "", _split(2, True)),
    "split between statements, new cell": (2, "", _split(2, False)),
    "split inside the function": (2, "", _split(5, True)),
    "split inside the function, new cell": (2, "", _split(5, False)),
    "answer as markdown": (2, "", _kind("markdown")),
    "answer as raw": (2, "", _kind("raw")),
    "helper in an own cell": (2, "", _helper_elsewhere),
    "imports edited": (2, "", _edit(lambda n: n["cells"][index(n) + 1].update(source="from helpers import nothing"))),
    "own cell with a syntax error": (2, "", _first(code("def half(:\n  x"))),
    "own cell that raises": (2, "", _first(code("x = 1 / 0"))),
    "own cell that loops": (2, "", _first(code("while True:\n    pass"))),
    "own cell that asks": (2, "", _first(code("name = input('?')"))),
    "own cell with magics": (2, "", _first(code("%matplotlib inline\n!pip install torch\n%%time\n?x"))),
    "own cell in R": (2, "", _first(code("%%R\nx <- c(1, 2)"))),
    "own cell with a zero byte": (2, "", _first(code("x = '\x00'"))),
    "own cell with half a character": (2, "", _first(code("x = '\ud800'"))),
    "own cell changes the dtype": (2, "", _first(code("import torch\ntorch.set_default_dtype(torch.float64)"))),
    "tests of one's own after it": (2, "", _last(code("assert feature_statistics(torch.eye(2))[0][0] == 7"))),
    "magic in the answer": (2, "", _source(lambda s: "%%time\n" + s)),
    "line magic in the answer": (2, "", _source(lambda s: "%matplotlib inline\n!ls\n" + s)),
    "display in the answer": (2, "", _source(lambda s: s + "\ndisplay(1)\nget_ipython()\n")),
    "print in the answer": (2, "", _source(lambda s: s + "\nprint('é' * 1000)\n")),
    "half a character, escaped": (2, "", lambda: _escaped("X = '\ud800'")),
    "half a character in the answer": (2, "", _source(lambda s: s + "\nX = '\ud800'\n")),
    "zero byte in the answer": (0, "null byte|zero", _source(lambda s: s + "\n# \x00\n")),
    "blanks that do not break": (0, "", _source(lambda s: s.replace("    ", "\u00a0\u00a0\u00a0\u00a0"))),
    "tabs": (2, "", _source(lambda s: s.replace("    ", "\t"))),
    "syntax error in the answer": (
        0,
        "SyntaxError|syntax|was never closed",
        lambda: with_answer("def feature_statistics(x:\n  1"),
    ),
    "a package that is not there": (None, "einops", _source(lambda s: "import einops\n" + s)),
    "60 MB of output": (2, "", _huge(60)),
    "outputs null": (2, "", _every_cell(lambda cell: cell.update(outputs=None, execution_count="x"))),
    "outputs nonsense": (2, "", _every_cell(lambda cell: cell.update(outputs=[7, {"output_type": "bang"}]))),
    "a comment of 3 MB": (None, "2 million", _source(lambda s: s + "\n# " + "x" * (3 << 20))),
    "3,000 own cells": (2, "", _last(*(code(f"y{i} = {i}") for i in range(3000)))),
}


def _escaped(more):
    notebook = solved()
    answer(notebook)["source"] = f"{text(answer(notebook))}\n{more}\n"
    return json.dumps(notebook).encode("ascii")


def _latin(notebook):
    cell = answer(notebook)
    cell["source"] = "# Zoë Müller\n" + text(cell)
    for cell in notebook["cells"]:
        cell["source"] = text(cell).encode("cp1252", "replace").decode("cp1252")
    return json.dumps(notebook, ensure_ascii=False).encode("cp1252", "replace")


# What attacks share.  {canary} is a folder outside with a file `kept`, {left} a name for processes to be found by.
HEAD = """
import atexit, ctypes, contextlib, gc, os, pathlib, signal, socket, sqlite3, subprocess, sys, threading, time
import numpy, torch
CANARY = {canary!r}
LEFT = {left!r}

def named():
    ctypes.CDLL(None).prctl(15, LEFT.encode(), 0, 0, 0)

def alone():
    return os.getpid() < 100  # else these would be the machine's processes

"""
DISARM = """
import gc
for thing in gc.get_objects():
    if type(thing) is type(lambda: 0) and thing.__qualname__ == "_guard.<locals>.guard":
        nothing = (lambda event, arguments: None).__code__
        thing.__code__ = thing.__code__.replace(
            co_code=nothing.co_code, co_consts=nothing.co_consts, co_exceptiontable=b"", co_stacksize=9
        )
"""
"""Takes the worker's audit hook out of the way, so that only the system is left to hold an attack."""
TAIL = "\n\ndef feature_statistics(x):\n    return x.mean(dim=0), x.var(dim=0)\n"
CALLED = "\n\ndef feature_statistics(x):\n    at_call(x)\n    return x.mean(dim=0), x.var(dim=0)\n"

QUIET = {
    # These earn what their honest half earns: one point.
    "patch Exercise.grade": """
from helpers.judge.exercise import Exercise
Exercise.grade = Exercise.check = lambda *a, **k: None
""",
    "patch observe": """
for module in list(sys.modules.values()):
    for name in ("observe", "judge", "explain", "agree", "close", "_compare", "to_bytes", "encode", "write"):
        if name in vars(module) and (module.__name__ or "").startswith("helpers"):
            if name in ("agree", "close", "judge", "explain", "_compare"):
                setattr(module, name, lambda *a, **k: True)
""",
    "fake module": """
import types
fake = types.ModuleType("helpers.exercises.feature_statistics")
fake.feature_statistics_exercise = type("E", (), {{"grade": lambda *a: None, "__getattr__": lambda *a: None}})()
sys.modules[fake.__name__] = fake
""",
    "patch allclose": """
torch.allclose = torch.equal = numpy.allclose = numpy.array_equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
import math; math.isclose = lambda *a, **k: True
""",
    "patch builtins": """
import builtins
builtins.all = builtins.any = lambda *a: True
builtins.abs = lambda x: 0
""",
    "imports the reference": """
with contextlib.suppress(ImportError):
    from helpers.exercises.answers.feature_statistics import REFERENCE
    feature_statistics = REFERENCE
""",
    "reads the solutions": """
for place in (ROOT + "/solutions", "/work", "/root", "../../../source", os.path.dirname(CANARY)):
    with contextlib.suppress(OSError):
        for path in pathlib.Path(place).glob("**/*.ipynb"):
            pathlib.Path(CANARY, "read").write_text(path.read_text())
""",
    "hunts in memory": """
gc.unfreeze()
for thing in gc.get_objects():
    with contextlib.suppress(Exception):
        if type(thing).__name__ in ("Record", "Deviation"):
            pathlib.Path(CANARY, "read").write_text("found"); LOOT = thing
""",
    "frames and threads": """
for frame in sys._current_frames().values():
    while frame:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ in ("Verdict", "Assessment", "Record"):
                pathlib.Path(CANARY, "read").write_text("found")
        frame = frame.f_back
""",
    "custom exception handler": """
sys.excepthook = lambda *a: None
sys.settrace(lambda *a: None)
threading.excepthook = lambda *a: None
""",
    "messages of its own": """
import struct
for pipe in range(3, 80):
    with contextlib.suppress(OSError):
        os.set_blocking(pipe, False)
        os.write(pipe, (3).to_bytes(8, "big") + b'{{}}\\n')
""",
    "opens its parent's pipes": """
for base in [f"/proc/{{os.getppid()}}/fd", "/proc/self/fd"][not alone():]:
    with contextlib.suppress(OSError):
        for pipe in os.listdir(base):
            with contextlib.suppress(OSError):
                f = os.open(base + "/" + pipe, os.O_WRONLY | os.O_NONBLOCK)
                if f > 2: os.write(f, b'{{"passed": true}}\\n')
""",
    "writes outside": """
for write in (
    lambda: open(CANARY + "/kept", "w").write("changed"),
    lambda: os.mkdir(CANARY + "/made"),
    lambda: os.mkfifo(CANARY + "/fifo"),
    lambda: torch.save(torch.ones(2), CANARY + "/saved"),
    lambda: torch.from_file(CANARY + "/shared", shared=True, size=4),
    lambda: sqlite3.connect(CANARY + "/gradebook.db").execute("create table grade (score int)"),
    lambda: subprocess.run("echo changed > " + CANARY + "/kept", shell=True),
    lambda: os.symlink("/etc", CANARY + "/link"),
    lambda: os.truncate(CANARY + "/kept", 0),
    lambda: os.chmod(CANARY + "/kept", 0o777),
    lambda: os.rename(CANARY + "/kept", CANARY + "/gone"),
    lambda: os.utime(CANARY + "/kept", (1, 1)),
    lambda: os.remove(CANARY + "/kept"),
    lambda: open("/dev/shm/" + LEFT, "w").write("x"),
    lambda: open("/var/tmp/" + LEFT, "w").write("x"),
    lambda: open("/tmp/" + LEFT, "w").write("x"),
    lambda: open(os.path.expanduser("~/" + LEFT), "w").write("x"),
):
    with contextlib.suppress(Exception):
        write()
""",
    "poisons the helpers": """
import helpers
for place in (ROOT + "/helpers/__init__.py", helpers.__file__ or ""):
    with contextlib.suppress(OSError):
        open(place, "a").write("# " + LEFT)
""",
    "poisons the packages": """
for place in (torch.__file__, numpy.__file__):
    with contextlib.suppress(OSError):
        open(place, "a").write("# " + LEFT)
""",
    "network": """
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    with contextlib.suppress(OSError):
        s = socket.socket(socket.AF_INET, kind); s.settimeout(1)
        s.connect(("127.0.0.1", {port})); s.send(b"out")
with contextlib.suppress(OSError):
    s = socket.socket(socket.AF_UNIX); s.connect(CANARY + "/socket"); s.send(b"out")
with contextlib.suppress(OSError):
    s = socket.socket(socket.AF_INET6); s.connect(("::1", {port})); s.send(b"out")
""",
    "environment": """
seen = []
for path in ("/proc/self/environ", f"/proc/{{os.getppid()}}/environ"):
    with contextlib.suppress(OSError):
        seen.append(open(path, "rb").read())
seen.append(repr(dict(os.environ)).encode())
if b"SECRET_OF_THE_GRADER" in b"".join(seen):
    with contextlib.suppress(OSError):
        print("LEAKED")
    feature_leak = 1
    raise SystemExit("LEAKED")
""",
    "secret files": """
for path in ("/etc/shadow", "/root", "/home", CANARY + "/kept", CANARY):
    with contextlib.suppress(OSError):
        if os.listdir(path) if os.path.isdir(path) else open(path).read():
            raise SystemExit("LEAKED " + path)
""",
    "ptrace": """
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), 1):
    if pid > 0 and alone() and libc.ptrace(16, pid, 0, 0) == 0:
        raise SystemExit("LEAKED ptrace")
    with contextlib.suppress(OSError):
        open(f"/proc/{{pid}}/mem", "r+b"); raise SystemExit("LEAKED mem")
""",
    "daemon by double fork": """
if os.fork() == 0:
    named(); os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
""",
    "daemon that closes everything": """
if os.fork() == 0:
    named(); os.setsid(); os.closerange(0, 200)
    for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
    time.sleep(600)
""",
    "a program with setsid": """
with contextlib.suppress(OSError):
    subprocess.Popen(["sleep", "600"], executable="/bin/sleep", start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
    os.posix_spawn("/bin/sleep", [LEFT, "600"], {{}}, setsid=True)
""",
    "threads that stay": """
for i in range(20):
    threading.Thread(target=time.sleep, args=(600,)).start()
""",
    "at exit": """
class Late:
    def __del__(self):
        os.write(1, b"late")
        while True: pass
late = Late()
atexit.register(time.sleep, 600)
threading._register_atexit(time.sleep, 600) if hasattr(threading, "_register_atexit") else None
""",
    "alarm": """
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
""",
    "mounts and namespaces": """
libc = ctypes.CDLL(None, use_errno=True)
if alone():
    libc.unshare(0x10000000); libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
    libc.setns(0, 0); libc.chroot(b"/proc/1/root"); libc.setuid(0)
with contextlib.suppress(OSError):
    os.listdir("/proc/1/root" + CANARY); raise SystemExit("LEAKED root")
""",
    "limits raised": """
import resource
for kind in range(16):
    with contextlib.suppress(Exception):
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with contextlib.suppress(OSError): os.nice(-20)
""",
    "priority and affinity": "os.sched_setaffinity(0, {{0}}); torch.set_num_threads(1)\n",
    "default dtype and device": "torch.set_default_dtype(torch.float64); torch.manual_seed(0);\n",
    "messages for the page": """
print("<script>window.HOSTILE = 1</script>]]></style></pre>"); print("\\x1b]0;owned\\x07\\x1b[2J[bold red]x[/]")
""",
}
CALLS = {
    # The same, each time that the answer is called.
    "a tensor of its own kind": """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("allclose", "equal", "eq", "__eq__", "isclose"):
            return torch.tensor(True)
        return super().__torch_function__(func, types, args, kwargs or {{}})
def at_call(x): pass
def feature_statistics(x):
    at_call(x)
    return x.mean(dim=0).as_subclass(Agreeable), x.var(dim=0).as_subclass(Agreeable)
""",
    "values that are equal to everything": """
class Same(float):
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return self
    def __reduce__(self): return (os.system, ("touch " + CANARY + "/pickled",))
    __hash__ = float.__hash__
def feature_statistics(x):
    return x.mean(dim=0), Same(3)
""",
    "changes what it is given": """
def feature_statistics(x):
    mean, var = x.mean(dim=0), x.var(dim=0)
    x.zero_()
    return mean, var
""",
    "frames of its caller": """
def feature_statistics(x):
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_locals.items()):
            if name in ("expected", "right", "record", "verdict"):
                pathlib.Path(CANARY, "read").write_text(name)
        frame = frame.f_back
    return x.mean(dim=0), x.var(dim=0)
""",
}
STOPS = {
    # These stop themselves: nothing is judged, or less than the honest half, and the reason is told.
    "os._exit(0)": ("def at_call(x): os._exit(0)\n", ""),
    "os._exit at the top": ("def at_call(x): pass\nos._exit(0)\n", ""),
    "sys.exit": ("def at_call(x): sys.exit(0)\n", ""),
    "kills itself": ("def at_call(x): os.kill(os.getpid(), 9)\n", ""),
    "kills its parent": ("def at_call(x):\n    if alone(): os.kill(os.getppid(), 9)\n", ""),
    "kills its group": ("def at_call(x):\n    if alone(): os.killpg(0, 9)\n", ""),
    "kills all that it may": ("def at_call(x):\n    if alone(): os.kill(-1, 9)\n    else: os._exit(1)\n", ""),
    "stops all that it may": ("def at_call(x):\n    if alone(): os.kill(-1, 19)\n    os.kill(os.getpid(), 19)\n", ""),
    "stops its parent": ("def at_call(x):\n    if alone(): os.kill(os.getppid(), 19)\n", ""),
    "segmentation fault": ("def at_call(x): ctypes.string_at(0)\n", ""),
    "closes everything": ("def at_call(x): os.closerange(0, 300)\n", ""),
    "loops": ("def at_call(x):\n    while True: pass\n", "time|processor|still|seconds"),
    "loops in C": ("def at_call(x): 10 ** (10 ** 9)\n", "time|processor|still|seconds"),
    "loops and ignores signals": (
        "def at_call(x):\n    for s in range(1, 65):\n"
        "        with contextlib.suppress(Exception): signal.signal(s, signal.SIG_IGN)\n"
        "    while True:\n        with contextlib.suppress(BaseException):\n            while True: pass\n",
        "time|processor|still|seconds",
    ),
    "sleeps": ("def at_call(x): time.sleep(900)\n", "time|clock|still|seconds"),
    "loops in a fork": (
        "def at_call(x):\n    if os.fork() == 0:\n        named()\n        while True: pass\n    time.sleep(900)\n",
        "",
    ),
    "forks without end": (
        "def at_call(x):\n    for i in range(40):\n        if os.fork() == 0:\n            named(); time.sleep(600)\n",
        "",
    ),
    "threads without end": (
        "def at_call(x):\n    for i in range(5000): threading.Thread(target=time.sleep, args=(600,)).start()\n",
        "",
    ),
    "memory of Python": ("def at_call(x): at_call.kept = bytearray(4 << 30)\n", "memory"),
    "memory of torch": ("def at_call(x): at_call.kept = [torch.ones(1 << 30) for i in range(40)]\n", "memory"),
    "memory in the scratch": (
        "def at_call(x):\n    for i in range(60):\n        with open(f'f{i}', 'wb') as f:\n"
        "            for j in range(100): f.write(bytes(1 << 20))\n",
        "",
    ),
    "one big file": (
        "def at_call(x):\n    with open('big', 'wb') as f:\n        for j in range(5000): f.write(bytes(1 << 20))\n",
        "",
    ),
    "many files": ("def at_call(x):\n    for i in range(20000): open(str(i), 'w').close()\n", ""),
    "many descriptors": ("kept = []\ndef at_call(x):\n    while True: kept.append(os.open('/dev/null', 0))\n", ""),
    "prints without end": ("def at_call(x):\n    for i in range(5000): print('x' * 1000000)\n", ""),
    "floods descriptor 1": ("def at_call(x):\n    for i in range(5000): os.write(1, bytes(1 << 20))\n", ""),
    "floods every descriptor": (
        "def at_call(x):\n    for i in range(20):\n        for fd in range(0, 60):\n"
        "            with contextlib.suppress(OSError):\n"
        "                os.set_blocking(fd, False); os.write(fd, bytes(1 << 20))\n",
        "",
    ),
    "recursion": ("def at_call(x): at_call(x)\n", ""),
    "recursion without a limit": ("sys.setrecursionlimit(10**9)\ndef at_call(x): at_call(x)\n", ""),
    "deep structure": (
        "def at_call(x): pass\ndef feature_statistics(x):\n    a = []\n    for i in range(100000): a = [a]\n"
        "    return a\n",
        "",
    ),
    "endless values": ("def feature_statistics(x):\n    return x.mean(0), torch.zeros(1).expand(10**11)\n", ""),
    "a value without data": ("def feature_statistics(x):\n    return x.mean(0), torch.empty(3, device='meta')\n", ""),
    "a long text": ("def feature_statistics(x):\n    return x.mean(0), 'x' * 300000000\n", ""),
    "a list of itself": ("def feature_statistics(x):\n    a = []; a.append(a)\n    return a\n", ""),
    "an exception that raises": (
        "class Bad(BaseException):\n    def __str__(self): raise self\n    __repr__ = __str__\n"
        "def at_call(x): raise Bad\n",
        "",
    ),
    "an exception with a long text": ("def at_call(x): raise ValueError('<script>alert(1)</script>' * 4000000)\n", ""),
    "an exception that loops": (
        "class Bad(Exception):\n    def __str__(self):\n        while True: pass\ndef at_call(x): raise Bad\n",
        "",
    ),
    "an exception with half a character": ("def at_call(x): raise ValueError('\\ud800\\x00\\x1b[2J')\n", ""),
    "KeyboardInterrupt": ("def at_call(x): raise KeyboardInterrupt\n", ""),
    "GeneratorExit": ("def at_call(x): raise GeneratorExit\n", ""),
    "replaces the streams": ("def at_call(x): sys.stdout = sys.stderr = sys.stdin = None\n", ""),
    "breaks torch": (
        "def at_call(x):\n    torch.Tensor.numpy = torch.Tensor.tolist = torch.Tensor.detach = None\n",
        "",
    ),
    "breaks the modules": ("def at_call(x): sys.modules.clear()\n", ""),
    "breaks the garbage": ("class G:\n    def __del__(self): os._exit(3)\ndef at_call(x): G()\n", ""),
    "waits for input": ("def at_call(x): sys.stdin.read(); input()\n", ""),
    "reads every descriptor": (
        "def at_call(x):\n    for fd in range(0, 60):\n        with contextlib.suppress(OSError):\n"
        "            os.set_blocking(fd, False); os.read(fd, 1 << 20)\n",
        "",
    ),
}


def attack(name, canary, left, port=9, disarm=False):
    """The hand-in of this attack; what it leaves on the machine carries the name ``left``."""
    head = DISARM * disarm + HEAD.format(canary=str(canary), left=left) + f"ROOT = {str(ROOT)!r}\n"
    if name in QUIET:
        return with_answer(head + QUIET[name].format(port=port) + TAIL)
    body = CALLS[name].format() if name in CALLS else STOPS[name][0]
    return with_answer(head + body + ("" if "def feature_statistics" in body else CALLED))


def zipped(files, **more):
    """A zip with these files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def tarred(files, special=()):
    """A tar with these files, and these TarInfos."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in special:
            archive.addfile(entry)
    return held.getvalue()
