"""What a hostile or careless file does in the child process never reaches the judge, and is wrong with a reason."""

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import helpers.judge
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.feature_statistics import feature_statistics_exercise
from helpers.grading.sandbox import Limits, observe_file
from helpers.grading.submission import NotJudged, Submission
from helpers.judge.model import Raised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux knows all the limits")

NAME = "feature_statistics"
RIGHT = "def feature_statistics(x):\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"
LIMITS = Limits(seconds=60.0)
SHORT = Limits(seconds=1.0)
ENDLESS = "still running after 1 s"
PRINTED = "printed more than 10 MB"
FORGE = """
import contextlib, gc
from multiprocessing.connection import Connection
for pipe in [c for c in gc.get_objects() if isinstance(c, Connection) and not c.closed]:
    with contextlib.suppress(OSError):
        pipe.{}
"""


def seen(*cells, file="ps1.py", limits=LIMITS, **options):
    """What is seen of a file, and its problem."""
    outcome = observe_file(Submission(file, "/nowhere", cells), feature_statistics_exercise, limits, **options)
    return outcome.seen, outcome.problem


def inside(code):
    """A right answer that runs ``code`` first."""
    body = textwrap.indent(code, "    ")
    return f"import os, sys, torch\ndef {NAME}(x):\n{body}\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"


def is_right(observed):
    return observed.keys() == {"batch/mean", "batch/variance"} and np.allclose(
        observed["batch/mean"], feature_statistics_exercise.record.right["batch/mean"]
    )


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_right_file_is_seen_as_in_a_notebook(start_method):
    observed, problem = seen(RIGHT, start_method=start_method)
    assert is_right(observed) and not problem


ENDS = {
    "loops": ("while True: pass", ENDLESS),
    "sleeps": ("import time; time.sleep(100)", ENDLESS),
    "stops itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", ENDLESS),
    "ignores what can be ignored": (
        "import signal; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3, 15, 24)]\nwhile True: pass",
        ENDLESS,
    ),
    "ends its process": ("import os; os._exit(0)", "ended its process (exit code 0)"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV (a recursion without end?)"),
    "aborts": ("import os; os.abort()", "SIGABRT"),
    "prints 500 MB": ("for _ in range(500): print('x' * 10**6)", PRINTED),
    "prints 500 MB at once": ("print('x' * 500_000_000)", PRINTED),
    "writes 500 MB": ("import os\nfor _ in range(500): os.write(2, b'x' * 10**6)", PRINTED),
    "closes the pipe": ("import os; os.closerange(3, 100)\nwhile True: pass", "broke off"),
    "writes into every pipe": (
        "import os\nfor pipe in range(3, 60):\n    try: os.write(pipe, b'A' * 10**5)\n    except OSError: pass",
        "process",
    ),
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("where", ["in the file", "in the function"])
def test_a_file_that_ends_or_never_ends_is_stopped_with_the_reason(how, where):
    code, reason = ENDS[how]
    text = RIGHT + code if where == "in the file" else inside(code)
    observed, problem = seen(text, limits=SHORT if reason == ENDLESS else LIMITS)
    assert reason in problem
    assert observed == {"batch": Raised("Stopped", problem)}


RAISES = {
    "sys.exit(0)": "SystemExit: 0 (line 3: `sys.exit(0)`)",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit": "GeneratorExit",
    "raise BaseException('no')": "BaseException: no",
    "torch.zeros(10**12)": "can't allocate memory",
    "bytearray(10**11)": "MemoryError",
    "feature_statistics(x)": "RecursionError",
    "os.fork()": "new processes",
    "import subprocess; subprocess.run(['true'])": "new processes",
    "os.system('true')": "new processes",
    "import ctypes; ctypes.CDLL(None).fork()": "libraries of C",
    "import ctypes; ctypes.pythonapi.fork()": "libraries of C",
    "os.kill(os.getppid(), 9)": "signals to other processes",
    "os.killpg(0, 9)": "signals to other processes",
    "torch.zeros(3).expand(10**6, 3)[0, 0] = 1; return torch.zeros(10**7), x": "numbers came back",
    "f = open('big', 'wb'); [f.write(b'x' * 10**6) for _ in range(100)]": "File too large",
}


@pytest.mark.parametrize("code", RAISES)
def test_what_can_be_refused_is_an_exception_of_the_learners(code):
    observed, _ = seen(inside(code))
    assert RAISES[code] in str(observed["batch"])


def test_memory_has_a_limit():
    code = "hoard = []\nwhile True: hoard.append(bytearray(10**7))"
    observed, _ = seen(inside(code), limits=Limits(seconds=60.0, memory=100 << 20))
    assert observed["batch"].kind == "MemoryError"


FORGERIES = {
    "json": ("send_bytes(b'{}' + b'x' * 1000)", "cannot be read"),
    "pickle": ("send(print)", "cannot be read"),
    "a shape without numbers": ("send_bytes(b'{\"batch/mean\": [1000000000]}\\n12345678')", "cannot be read"),
    "a length without a message": ("_send(b'\\x7f\\xff\\xff\\xff')", ""),
    "another probe": ("send_bytes(b'{\"other/mean\": [1]}\\n12345678')", "not what was asked for"),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_message_is_only_values(how):
    code, reason = FORGERIES[how]
    observed, problem = seen(inside(FORGE.format(code)))
    assert problem and reason in problem and observed["batch"].kind == "Stopped"


@pytest.mark.parametrize(
    "code",
    [
        "open({!r}, 'a')",
        "import pathlib; pathlib.Path({!r}).write_text('')",
        "import os; os.open({!r}, os.O_WRONLY)",
        "import os; os.remove({!r})",
        "import os; os.rename({!r}, 'mine')",
        "import os; os.truncate({!r}, 0)",
    ],
)
def test_files_of_others_stay_as_they_are(code, tmp_path):
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("kept")
    for path in (str(theirs), helpers.judge.__file__):
        observed, problem = seen(RIGHT + code.format(path))
        assert "cannot be changed here" in problem and observed["batch"].kind == "PermissionError"
    assert theirs.read_text() == "kept"


def test_files_of_its_own_can_be_written_and_are_gone_afterwards():
    code = "import pathlib, torch\npathlib.Path('mine').write_text('x')\ntorch.save(1, 'two.pt')\n"
    before = Path.cwd(), set(Path.cwd().iterdir())
    observed, problem = seen(code + RIGHT)
    assert is_right(observed) and not problem
    assert (Path.cwd(), set(Path.cwd().iterdir())) == before


@pytest.mark.parametrize(
    "code",
    [
        "import atexit, time; atexit.register(time.sleep, 100)",
        "import threading, time; threading.Thread(target=time.sleep, args=(100,)).start()",
        "print('hello')",
        "import torch; torch.set_default_dtype(torch.float64); torch.manual_seed(3)",
    ],
)
def test_harmless_habits_are_accepted(code):
    observed, problem = seen(code + "\n" + RIGHT)
    assert is_right(observed) and not problem


def test_what_was_seen_before_the_end_is_kept():
    code = textwrap.dedent("""
        import torch
        class BatchNorm1d(torch.nn.BatchNorm1d):
            def __init__(self, n, **options):
                super().__init__(n, **options)
                self.gamma, self.beta = self.weight, self.bias
            def forward(self, x):
                while not self.training: pass
                return super().forward(x)
    """)
    outcome = observe_file(Submission("ps2.py", "/nowhere", (code,)), batchnorm1d_exercise, Limits(seconds=3.0))
    first, *others = (probe.id for probe in batchnorm1d_exercise.probes)
    stopped = {key for key, value in outcome.seen.items() if isinstance(value, Raised) and value.kind == "Stopped"}
    assert "still running after 3 s" in outcome.problem
    assert any(key.startswith(f"{first}/") for key in outcome.seen) and stopped == set(others)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def feature_statistics(x:\n    pass", "SyntaxError: '(' was never closed"),
        ("def f():\0 pass", "null bytes"),
        ("feature_statistics = " + "(" * 5000, "Error"),
        ("feature_statistics = " + "-" * 200_000 + "1", "Error"),
        (RIGHT + "assert False, 'no'", "AssertionError: no (line 3: `assert False, 'no'`)"),
        ("import no_such_module\n" + RIGHT, "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_file_that_cannot_be_imported_is_wrong_with_the_reason(code, reason):
    observed, problem = seen(code)
    assert "Your file cannot be run" in problem and reason in problem
    assert observed.keys() == {"batch"}


def test_a_file_without_the_name_is_not_judged():
    for file in ("ps1.py", "ps1.ipynb"):
        with pytest.raises(NotJudged, match="feature_statistics is not defined"):
            seen("x = 1", file=file)


NOTEBOOKS = {
    "a cell that fails is skipped": ["1 / 0", RIGHT],
    "the last definition wins": [RIGHT.replace("mean(0)", "sum(0)"), "raise SystemExit", RIGHT],
    "lines of IPython are skipped": [
        "%matplotlib inline\n!true\nimport torch\nbase = torch.mean",
        "assert base\n" + RIGHT,
    ],
    "a magic cell runs": ["%%time\n" + RIGHT],
    "a continued line may begin with %": ["odd = (3\n% 2)", "assert odd == 1\n" + RIGHT],
    "later cells do not run": [RIGHT, "while True: pass"],
    "names of a kernel are there": ["assert __name__ == '__main__'\ndisplay(1)\n" + RIGHT],
    "a name can be bound in other ways": [
        "def f(x):\n    return x, x",
        "f2 = f",
        RIGHT.replace(NAME, "g") + f"{NAME} = g",
    ],
    "cells after a broken one run": ["this is no code", "%%html\n<b>", RIGHT],
}


@pytest.mark.parametrize("which", NOTEBOOKS)
def test_a_notebook_runs_as_in_a_kernel(which):
    observed, problem = seen(*NOTEBOOKS[which], file="ps1.ipynb")
    assert is_right(observed) and not problem


def test_a_notebook_whose_definition_fails_is_wrong_with_the_reason():
    observed, problem = seen("import torch", "def feature_statistics(x:\n    pass", file="ps1.ipynb")
    assert "SyntaxError" in problem and observed["batch"].kind == "SyntaxError"
