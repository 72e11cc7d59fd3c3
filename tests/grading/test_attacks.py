"""Files that look for the right answers, in memory and on disk, or forge them, do not pass.

Each has a wrong answer ready, and a right one where it has found the record of ``why_plain_stalls`` or the like.
"""

import io
import sys
import zipfile
from pathlib import Path

import pytest

from helpers.exercises.answers.make_mlp import REFERENCE
from helpers.exercises.make_mlp import why_plain_stalls_exercise as exercise
from helpers.grading import package
from helpers.grading.report import judge_file
from helpers.grading.sandbox import Limits, Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux knows all the limits")

HEAD = f"""
import contextlib, gc, importlib, importlib.util, io, json, lzma, os, pathlib, re, sys, zipfile, zipimport
import torch
HELPERS = {str(package.PACKAGE)!r}
RECORD = HELPERS + "/exercises/recorded/why_plain_stalls.xz"
found = []

def why_plain_stalls():
    return found[0] if found else 0

def known(thing):
    # what a record is known by
    return type(thing).__name__ in ("Record", "Deviation") or isinstance(thing, dict) and "REFERENCE" in thing

"""

IN_MEMORY = {
    "gc": "gc.unfreeze(); found += [t for t in gc.get_objects() if known(t)]",
    "frames": """
frame = sys._getframe()
while frame:
    found += [v for v in [*frame.f_locals.values(), *frame.f_globals.values()] if known(v)]
    frame = frame.f_back
""",
    "modules": """
for name, module in list(sys.modules.items()):
    if name.startswith("helpers"):
        found += [value for value in vars(module).values() if known(value)]
""",
    "the exercise's own record": """
from helpers.exercises import make_mlp
found.append(make_mlp.why_plain_stalls_exercise.record)
""",
    "environment": """
for text in [*os.environ.values(), *sys.argv, *sys.path]:
    if os.path.isdir(os.path.join(text, "helpers", "exercises", "recorded")):
        found.append(text)
""",
}
ON_DISK = {
    "absolute path": "found.append(open(RECORD, 'rb').read())",
    "resources": """
from importlib import resources
found.append((resources.files("helpers.exercises.recorded") / "why_plain_stalls.xz").read_bytes())
""",
    "sys.path": """
sys.path.insert(0, os.path.dirname(HELPERS))
for name in [n for n in sys.modules if n.partition(".")[0] == "helpers"]:
    del sys.modules[name]
from helpers.exercises.answers.make_mlp import REFERENCE
found.append(REFERENCE)
""",
    "the editable install's finder": """
for finder in sys.meta_path:
    with contextlib.suppress(Exception):
        spec = finder.find_spec("helpers", None)
        if spec and "zip" not in spec.origin:
            found.append(open(spec.origin).read())
""",
    "a link": "os.symlink(RECORD, 'mine'); found.append(open('mine', 'rb').read())",
    "/proc/self/root": "found.append(open('/proc/self/root' + RECORD, 'rb').read())",
    "/proc/self/..": "found.append(open('/proc/self/../' + str(os.getppid()) + '/environ', 'rb').read())",
    "a folder's number": """
here = os.open("/usr/lib", os.O_RDONLY)
os.makedirs("a/b/c/d"); os.chdir("a/b/c/d")
found.append(os.read(os.open("../.." + RECORD, os.O_RDONLY, dir_fd=here), 100))
""",
    "torch.from_file": "found.append(torch.from_file(RECORD, size=100, dtype=torch.uint8).sum())",
    "numpy": "import numpy; found.append(numpy.fromfile(RECORD, dtype='uint8'))",
    "zipimport": """
for path in sys.path:
    with contextlib.suppress(Exception):
        names = zipfile.ZipFile(path).namelist()
        found += [name for name in names if "answers" in name or "recorded" in name]
        found.append(zipimport.zipimporter(path).load_module("helpers/exercises/answers/make_mlp"))
""",
    "the parent's memory": "found.append(open(f'/proc/{os.getppid()}/mem', 'rb'))",
    "the parent's files": "found += os.listdir(f'/proc/{os.getppid()}/fd')",
    "a list of the course": "found += os.listdir(HELPERS)",
    "the solutions": "found += os.listdir(os.path.dirname(HELPERS) + '/solutions')",
    "a program": "import subprocess; found.append(subprocess.check_output(['cat', RECORD]))",
}
FORGED = {
    "a patched judge": """
import helpers.judge.rules, helpers.judge.exercise, helpers.judge.compare
from helpers.judge.model import Finding, Assessment
yes = lambda *arguments, **options: True
helpers.judge.rules._compare = lambda key, *rest: Finding(True, key, "", "")
helpers.judge.compare.agree = helpers.judge.compare.close = yes
helpers.judge.exercise.Exercise.assess = lambda *arguments: Assessment(())
Assessment.passed = property(yes)
""",
    "a patched observe": """
import helpers.judge.observe, __main__
helpers.judge.observe.observe = lambda *arguments: {}
for module in list(sys.modules.values()):
    if hasattr(module, "observe"):
        module.observe = lambda *arguments: {}
""",
    "an answer of its own": """
for pipe in range(3, 60):
    with contextlib.suppress(OSError):
        os.write(pipe, len(b'{}\\n').to_bytes(8, "big") + b'{}\\n')
os._exit(0)
""",
    "equal to everything": """
class Same(float):
    def __eq__(self, other): return True
    def __array__(self, *arguments, **options): return self
    __hash__ = float.__hash__
found.append(Same(99))
""",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The report on a file, and what it has found, as far as it prints it."""
    folder = tmp_path_factory.mktemp("handed_in")
    with Sandbox() as sandbox:

        def judge(code):
            path = Path(folder) / "ps1.py"
            path.write_text(code, encoding="utf-8")
            return judge_file(path, exercise, sandbox, Limits())

        yield judge


def found_nothing(attack):
    """The attack; afterwards the file passes only where it has found something."""
    lines = "".join(f"    {line}\n" for line in attack.strip("\n").splitlines())
    right = f"\nfrom_here = {REFERENCE['why_plain_stalls']()!r}\n"
    return f"{HEAD}\ntry:\n{lines}except Exception:\n    pass\n{right}found = [from_here] if found else []\n"


def test_a_right_answer_passes(judged):
    assert judged(HEAD + f"found = [{REFERENCE['why_plain_stalls']()!r}]").passed


@pytest.mark.parametrize("attack", [*IN_MEMORY, *ON_DISK])
def test_the_answers_are_not_found(judged, attack):
    report = judged(found_nothing((IN_MEMORY | ON_DISK)[attack]))
    assert report.exit_code == 1 and not report.passed, report.as_text()


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_answer_does_not_pass(judged, attack):
    assert not judged(HEAD + FORGED[attack]).passed


def test_the_package_holds_no_answers():
    names = zipfile.ZipFile(io.BytesIO(package.package())).namelist()
    assert "helpers/exercises/make_mlp.py" in names
    assert not [name for name in names if "answers" in name or "recorded" in name or name.endswith(".xz")]
