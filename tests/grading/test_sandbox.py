"""What a hostile or careless file does in the child process never reaches the judge, and is wrong with a reason."""

import multiprocessing
import os
import pickle
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import helpers.judge
from helpers.exercises.feature_statistics import feature_statistics_exercise
from helpers.grading import isolation
from helpers.grading.sandbox import Limits, Sandbox, observe_file
from helpers.grading.submission import NotJudged, Submission

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux knows all the limits")

NAME = "feature_statistics"
RIGHT = "def feature_statistics(x):\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"
LIMITS = Limits(seconds=60.0)
BUSY, ASLEEP = Limits(seconds=1.0, patience=60.0), Limits(seconds=1.0, patience=3.0)
ENDLESS = "more than 1 s of processor time"
UNENDING = "still running after 3 s"
PRINTED = "printed more than 10 MB"
FORGE = """
import os
for pipe in range(3, 60):
    try: os.write(pipe, {})
    except OSError: pass
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.skipif(isolation.missing() != "", reason="not run: bubblewrap does not run here")
def test_a_python_that_was_called_from_another_folder_starts_in_the_jail(monkeypatch):
    here = Path(__file__).parent
    monkeypatch.setattr(sys, "executable", os.path.join(here, os.path.relpath(sys.executable, here)))
    with Sandbox(jail=True) as sandbox:
        assert sandbox.isolation().startswith("bubblewrap")


@pytest.fixture
def seen(sandbox):
    """What is seen of a file, and its problem."""

    def observe(*cells, file="ps1.py", limits=LIMITS, folder="/nowhere", exercise=feature_statistics_exercise):
        outcome = sandbox.observe(Submission(file, folder, cells), exercise, limits)
        return outcome.seen, outcome.problem

    return observe


@pytest.fixture
def refused(seen):
    """Why a file could not be judged."""

    def reason(*cells, **options):
        with pytest.raises(NotJudged) as refusal:
            seen(*cells, **options)
        return str(refusal.value)

    return reason


def inside(code):
    """A right answer that runs ``code`` first."""
    body = textwrap.indent(code, "    ")
    return f"import os, sys, torch\ndef {NAME}(x):\n{body}\n    return x.mean(0), ((x - x.mean(0)) ** 2).mean(0)\n"


def is_right(observed):
    return observed.keys() == {"batch/mean", "batch/variance"} and np.allclose(
        observed["batch/mean"], feature_statistics_exercise.record.right["batch/mean"]
    )


@pytest.mark.parametrize("forks", [True, False])
def test_a_right_file_is_seen_as_in_a_notebook(forks):
    with Sandbox(forks=forks) as sandbox:
        for _ in range(2):
            outcome = sandbox.observe(Submission("ps1.py", "/nowhere", (RIGHT,)), feature_statistics_exercise, LIMITS)
            assert is_right(outcome.seen) and not outcome.problem


def test_without_a_fork_an_end_has_its_reason_too():
    with Sandbox(forks=False) as sandbox:
        for code, reason in (("while True: pass", ENDLESS), ("import os; os._exit(3)", "exit code 3")):
            with pytest.raises(NotJudged, match=reason):
                sandbox.observe(Submission("ps1.py", "/nowhere", (RIGHT + code,)), feature_statistics_exercise, BUSY)


def _in_a_daemon(answer):
    observed = observe_file(Submission("ps1.py", "/nowhere", (RIGHT,)), feature_statistics_exercise, LIMITS).seen
    answer.put(is_right(observed))


def test_a_daemon_and_a_thread_can_start_it():
    """A worker of Dask is a daemon of multiprocessing, which may have no children of that kind."""
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.SimpleQueue()
    daemon = spawn.Process(target=_in_a_daemon, args=(answer,), daemon=True)
    daemon.start()
    with ThreadPoolExecutor(1) as pool:
        submission = Submission("ps1.py", "/nowhere", (RIGHT,))
        outcome = pool.submit(observe_file, submission, feature_statistics_exercise, LIMITS).result()
    daemon.join(300)
    assert is_right(outcome.seen) and daemon.exitcode == 0 and answer.get()


ENDS = {
    "loops": ("while True: pass", ENDLESS),
    "sleeps": ("import time; time.sleep(100)", UNENDING),
    "stops itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", UNENDING),
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
    "closes the pipe": ("import os, time; os.closerange(3, 100); time.sleep(100)", "broke off"),
    "exits": ("import sys; sys.exit(0)", "ended the program: SystemExit: 0 (line"),
    "wants too much memory": ("import torch; torch.zeros(10**12)", "more memory"),
    "wants too many bytes": ("bytearray(10**11)", "than it may use: MemoryError"),
    "is nested too deep": ("x = " + "-" * 200_000 + "1", "more memory"),
    "writes a large file": ("f = open('big', 'wb'); [f.write(b'x' * 10**6) for _ in range(100)]", "too large"),
    "writes into every pipe": (
        "import os\nfor pipe in range(3, 60):\n    try: os.write(pipe, b'A' * 10**5)\n    except OSError: pass",
        "process",
    ),
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("where", ["in the file", "in the function"])
def test_a_file_that_ends_or_never_ends_is_not_judged_and_told_the_reason(refused, how, where):
    code, reason = ENDS[how]
    text = RIGHT + code if where == "in the file" else inside(code)
    assert reason in refused(text, limits={ENDLESS: BUSY, UNENDING: ASLEEP}.get(reason, LIMITS))


RAISES = {
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit": "GeneratorExit",
    "raise BaseException('no')": "BaseException: no",
    "feature_statistics(x)": "RecursionError",
    "os.fork()": "new processes",
    "import subprocess; subprocess.run(['true'])": "new processes",
    "os.system('true')": "new processes",
    "import ctypes; ctypes.CDLL(None).fork()": "libraries of C",
    "import ctypes; ctypes.pythonapi.fork()": "libraries of C",
    "os.kill(os.getppid(), 9)": "signals to other processes",
    "os.killpg(0, 9)": "signals to other processes",
    "import socket; socket.create_connection(('127.0.0.1', 9))": "network is out of reach",
    "import socket; socket.socket().bind(('127.0.0.1', 0))": "PermissionError",
    "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))": "PermissionError",
    "import urllib.request; urllib.request.urlopen('http://localhost')": "network is out of reach",
    "open('/etc/passwd')": "cannot be read here",
    "os.listdir('/')": "cannot be read here",
    "torch.zeros(3).expand(10**6, 3)[0, 0] = 1; return torch.zeros(10**7), x": "numbers came back",
}


@pytest.mark.parametrize("code", RAISES)
def test_what_can_be_refused_is_an_exception_of_the_learners(seen, code):
    observed, _ = seen(inside(code))
    assert RAISES[code] in str(observed["batch"])


def test_memory_has_a_limit(refused):
    code = "hoard = []\nwhile True: hoard.append(bytearray(10**7))"
    assert "than it may use: MemoryError" in refused(inside(code), limits=Limits(seconds=60.0, memory=100 << 20))


def frame(message):
    return len(message).to_bytes(8, "big") + message


FORGERIES = {
    "json": (frame(b"{}" + b"x" * 1000), "cannot be read"),
    "pickle": (frame(pickle.dumps(print)), "cannot be read"),
    "a shape without numbers": (frame(b'{"batch/mean": [1000000000]}\n12345678'), "cannot be read"),
    "a length without a message": (b"\x7f" + b"\xff" * 7, ""),
    "another probe": (frame(b'{"other/mean": [1]}\n12345678'), "not what was asked for"),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_message_is_only_values(refused, how):
    message, reason = FORGERIES[how]
    assert reason in refused(inside(FORGE.format(message)))


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
def test_files_of_others_stay_as_they_are(seen, code, tmp_path):
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("kept")
    for path in (str(theirs), helpers.judge.__file__):
        observed, problem = seen(RIGHT + code.format(path))
        assert "cannot be changed here" in problem and observed["batch"].kind == "PermissionError"
    assert theirs.read_text() == "kept"


def test_files_of_its_own_can_be_written_and_are_gone_afterwards(seen):
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
def test_harmless_habits_are_accepted(seen, code):
    observed, problem = seen(code + "\n" + RIGHT)
    assert is_right(observed) and not problem


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def feature_statistics(x:\n    pass", "SyntaxError: '(' was never closed"),
        ("def f():\0 pass", "null bytes"),
        ("feature_statistics = " + "(" * 5000, "Error"),
        (RIGHT + "assert False, 'no'", "AssertionError: no (line 3: `assert False, 'no'`)"),
        ("import torch.nm\n" + RIGHT, "ModuleNotFoundError: No module named 'torch.nm'"),
    ],
)
def test_a_file_that_cannot_be_imported_is_wrong_with_the_reason(seen, code, reason):
    observed, problem = seen(code)
    assert "Your file cannot be run" in problem and reason in problem
    assert observed.keys() == {"batch"}


def test_a_file_without_the_name_is_not_judged(refused):
    for file in ("ps1.py", "ps1.ipynb"):
        assert "feature_statistics is not defined" in refused("x = 1", file=file)


MISSING = {
    "in a file": ("ps1.py", ["import no_such_package\n" + RIGHT]),
    "in a function": ("ps1.py", [inside("import no_such_package")]),
    "in its cell": ("ps1.ipynb", ["from no_such_package import mean\n" + RIGHT]),
    "in another cell": ("ps1.ipynb", ["from no_such_package import mean", inside("mean(x)")]),
    "as a module": ("ps1.ipynb", ["import no_such_package as nsp", inside("nsp.mean(x)")]),
}


@pytest.mark.parametrize("where", MISSING)
def test_a_package_that_is_missing_is_not_the_learners_mistake(refused, where):
    file, cells = MISSING[where]
    assert "The package no_such_package is not installed here" in refused(*cells, file=file)


def test_a_package_that_is_missing_and_not_needed_does_no_harm(seen):
    observed, problem = seen("import no_such_package", RIGHT, file="ps1.ipynb")
    assert is_right(observed) and not problem


def test_a_module_beside_the_file_is_the_learners_own(seen, tmp_path):
    (tmp_path / "mine.py").write_text("from torch import mean\nimport mine.more\n")
    observed, problem = seen("import mine\n" + RIGHT, folder=str(tmp_path))
    assert "ModuleNotFoundError" in problem and observed["batch"].kind == "ModuleNotFoundError"
    (tmp_path / "mine.py").write_text("from torch import mean\n")
    assert is_right(seen("import mine\n" + RIGHT, folder=str(tmp_path))[0])


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
def test_a_notebook_runs_as_in_a_kernel(seen, which):
    observed, problem = seen(*NOTEBOOKS[which], file="ps1.ipynb")
    assert is_right(observed) and not problem


def test_a_notebook_whose_definition_fails_is_wrong_with_the_reason(seen):
    observed, problem = seen("import torch", "def feature_statistics(x:\n    pass", file="ps1.ipynb")
    assert "SyntaxError" in problem and observed["batch"].kind == "SyntaxError"
