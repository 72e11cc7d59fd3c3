"""course.py: what it installs and when, and the sentence for whatever can go wrong."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import course
from tests.shell import run

ROOT = Path(__file__).parents[2]
NO_NETWORK = {  # a package index on a port where nothing answers
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "TORCH_INDEX": "",
}


def test_an_old_python_can_read_it():
    tree = ast.parse((ROOT / "course.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        named = [function.args.vararg, function.args.kwarg, *function.args.args]
        for annotation in [function.returns, *(a.annotation for a in named if a)]:
            # list[str] and str | None mean nothing to Python 3.6, "list[str]" does no harm
            assert isinstance(annotation, ast.Name | ast.Attribute | ast.Constant), ast.unparse(annotation)


def test_an_old_python_gets_a_sentence():
    with pytest.raises(course.Stop, match=r"needs Python 3\.11 or newer, and .+ is 3\.9\.18: install one"):
        course.check_python((3, 9, 18))
    course.check_python((3, 11, 0))


def test_a_full_disk_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1.24e9))
    with pytest.raises(course.Stop, match=r"1\.2 GB are free, and the installation needs 3 GB"):
        course.check_room(3)


def test_a_missing_venv_module_gets_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(course.Stop, match="sudo apt install python3-venv"):
        course.make_venv(tmp_path / ".venv", tmp_path / ".venv" / "bin" / "python")


def test_without_network_a_half_made_environment_is_repaired_and_pip_says_why(tmp_path):
    for name in ("course.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = ")
    env = {name: value for name, value in os.environ.items() if name != "BATCHNORM_VENV"}
    command = [sys.executable, "course.py", "setup"]
    done = subprocess.run(command, cwd=tmp_path, env={**env, **NO_NETWORK}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("Repairing ")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("pip could not install torch==") and "TORCH_INDEX=" in sentence
    python = tmp_path / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert course.works(python)
    assert not list((tmp_path / ".venv").glob(".ok-*"))


def test_a_machine_without_a_wheel_is_told_what_there_is(monkeypatch):
    said = "ERROR: Could not find a version that satisfies the requirement torch==9.9 (from versions: 2.2.0, 2.2.2)\n"
    monkeypatch.setattr(course.subprocess, "run", lambda *a, **k: SimpleNamespace(returncode=1, stderr=said))
    with pytest.raises(course.Stop, match=r"no torch==9\.9 for this machine .+ newest torch is 2\.2\.2\. Make an env"):
        course.pip(Path("python"), "--no-deps", "torch==9.9")


def test_a_machine_for_which_there_is_no_torch_gets_a_sentence():
    check = partial(course.check_machine, "torch==9.9")
    with pytest.raises(course.Stop, match=r"no torch==9\.9 for a Mac with an Intel processor, .+ ended with 2\.2\.2"):
        check("darwin", "x86_64", True)
    with pytest.raises(course.Stop, match=r"no torch==9\.9 for a Python of 32 bits"):
        check("win32", "x86", False)
    for system, processor in (("darwin", "arm64"), ("linux", "x86_64"), ("linux", "aarch64"), ("win32", "AMD64")):
        check(system, processor, True)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A root folder in which installing only writes down what pip was asked for."""
    asked = []
    monkeypatch.delenv("BATCHNORM_VENV", raising=False)
    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setattr(course, "torch_index", lambda: "https://an.index")
    monkeypatch.setattr(course, "pip", lambda python, *arguments: asked.append(arguments))
    (tmp_path / "pyproject.toml").write_text('dependencies = ["torch==9.9", "numpy"]')

    def make_venv(venv, python):
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(course, "make_venv", make_venv)
    return asked


def test_torch_comes_first_and_alone(installed, tmp_path):
    course.set_up("lab")
    assert installed == [
        ("--no-deps", "torch==9.9", "--extra-index-url", "https://an.index"),
        ("--editable", f"{tmp_path}[lab]"),
    ]


def test_installs_again_only_where_something_is_missing_or_changed(installed, tmp_path):
    def installs(extra):
        installed.clear()
        course.set_up(extra)
        return bool(installed)

    assert installs("lab") and not installs("lab")
    assert installs("dev") and not installs("dev") and not installs("lab")
    (tmp_path / "pyproject.toml").write_text('dependencies = ["torch==9.9.1"]')
    assert installs("lab") and installs("dev")


def test_an_environment_that_was_chosen_is_left_alone(installed, monkeypatch):
    monkeypatch.setenv("BATCHNORM_VENV", sys.prefix)
    assert course.set_up("dev") == Path(sys.prefix) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert not installed


def test_an_environment_that_is_not_there_gets_a_sentence(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("BATCHNORM_VENV", str(tmp_path / "nowhere"))
    with pytest.raises(course.Stop, match="BATCHNORM_VENV names no environment"):
        course.set_up("dev")
    assert not installed


def test_the_newest_releases_come_anew_into_an_environment_of_their_own(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("BATCHNORM_VENV", sys.prefix)
    went_on_as = []
    monkeypatch.setattr(course, "become", lambda python, *arguments, **env: went_on_as.append((python, arguments)))
    old = tmp_path / ".venv-latest" / "old"
    for _ in range(2):
        old.parent.mkdir(exist_ok=True)
        old.touch()
        installed.clear()
        course.test_latest(None, ["-q"])
        assert not old.exists() and [asked[-1] for asked in installed] == ["https://an.index", f"{tmp_path}[dev]"]
    python, arguments = went_on_as[0]
    assert tmp_path / ".venv-latest" in python.parents and arguments[:2] == ("-m", "pytest") and arguments[-1] == "-q"


@pytest.mark.parametrize(
    ("chosen", "platform", "gpu", "index"),
    [
        (None, "linux", False, course.CPU_INDEX),
        (None, "win32", False, course.CPU_INDEX),
        (None, "linux", True, ""),
        (None, "darwin", False, ""),
        ("", "linux", False, ""),
        ("https://mirror", "linux", True, "https://mirror"),
    ],
)
def test_index_of_torch(monkeypatch, chosen, platform, gpu, index):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(course.subprocess, "run", lambda *a, **k: SimpleNamespace(returncode=0 if gpu else 9))
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    if chosen is not None:
        monkeypatch.setenv("TORCH_INDEX", chosen)
    assert course.torch_index() == index


def test_a_port_that_is_taken_gets_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "course.py", "lab", "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Port {port} is taken: choose another") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("port", [-1, 0, 65536, 70000])
def test_a_port_that_is_none_gets_a_sentence(port):
    with pytest.raises(course.Stop, match=f"There is no port {port}: a port is a number from 1 to 65535"):
        course.free_port(port)


def test_without_a_choice_the_next_free_port_is_used(monkeypatch, capsys):
    monkeypatch.setattr(course, "is_taken", lambda port: port < 8890)
    assert course.free_port(None) == 8890
    assert capsys.readouterr().out == "Port 8888 is taken, so this uses port 8890.\n"


@pytest.fixture
def become(monkeypatch):
    """What a command would go on as."""
    went_on_as = []
    monkeypatch.setattr(course, "set_up", lambda extra: Path("python"))
    monkeypatch.setattr(course, "become", lambda python, *arguments, **env: went_on_as.append((arguments, env)))

    def run(*arguments):
        went_on_as.clear()
        monkeypatch.setattr(sys, "argv", ["course.py", *arguments])
        assert course.main() == 0
        return went_on_as[0]

    return run


def test_more_arguments_are_passed_on_in_their_order(become, monkeypatch):
    arguments, env = become("test", "-q", "tests/judge", "-k", "a or b", "--", "tests/lab")
    assert arguments[-6:] == ("-q", "tests/judge", "-k", "a or b", "--", "tests/lab")
    assert env == {"OMP_NUM_THREADS": "1", "BATCHNORM_PROGRESS": ""}
    monkeypatch.setattr(course, "environment", lambda name, *more: course.python_of(Path(name)))
    monkeypatch.delenv("BATCHNORM_COLAB", raising=False)
    arguments, env = become("test-colab", "-k", "classic")
    assert arguments[-3:] == ("tests/colab", "-k", "classic") and ".venv-colab" in env["BATCHNORM_COLAB"]
    monkeypatch.setenv("BATCHNORM_COLAB", "mine/bin/python")
    assert become("test-colab")[1]["BATCHNORM_COLAB"] == os.path.abspath("mine/bin/python")
    assert become("notebooks", "--edition", "class")[0] == ("-m", "helpers.editions", "--edition", "class")


@pytest.mark.parametrize("command", ["test", "notebooks", "site", "new", "grade"])
def test_help_comes_from_what_knows_the_options(become, monkeypatch, capsys, tmp_path, command):
    monkeypatch.setenv("BATCHNORM_VENV", sys.prefix)
    assert become(command, "--help")[0][-1] == "--help"
    monkeypatch.setenv("BATCHNORM_VENV", str(tmp_path))
    with pytest.raises(IndexError):
        become(command, "--help")
    assert "python course.py setup" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "unknown"), [("lab", "--nope"), ("setup", "more")])
def test_an_unknown_argument_gets_the_usage_of_its_command(monkeypatch, capsys, command, unknown):
    monkeypatch.setattr(sys, "argv", ["course.py", command, unknown])
    with pytest.raises(SystemExit, match="2"):
        course.main()
    said = capsys.readouterr().err
    assert f"usage: course.py {command} " in said and f"unknown argument {unknown}" in said


@pytest.mark.skipif(shutil.which("make") is None, reason="not run: no make here")
@pytest.mark.parametrize(
    ("said", "then"),
    [("", ""), ("EDITION=class", "--edition class"), ("EDITION=class ARGS=--check", "--edition class --check")],
)
def test_make_says_it_with_an_option(said, then):
    assert run(f"make -n notebooks PYTHON=py {said}", ROOT).split() == ["py", "course.py", "notebooks", *then.split()]


@pytest.mark.parametrize("chosen", ["", "https://mirror"])
def test_the_index_of_torch_is_an_option_too(become, monkeypatch, chosen):
    monkeypatch.setenv("TORCH_INDEX", "https://another")
    asked = []
    monkeypatch.setattr(course, "set_up", lambda extra: asked.append(course.torch_index()))
    monkeypatch.setattr(sys, "argv", ["course.py", "setup", f"--torch-index={chosen}"])
    assert course.main() == 0 and asked == [chosen]


def test_the_lab_opens_the_first_notebook_with_a_learners_settings(become, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    monkeypatch.setenv("PYTHONPATH", "")
    arguments, env = become("lab", "--no-browser", "--port", str(free_port()))
    assert f"--LabApp.default_url=/lab/tree/{course.FIRST}" in arguments
    assert env["JUPYTER_CONFIG_PATH"] == f"{ROOT / '.jupyter'}{os.pathsep}mine" and env["PYTHONPATH"] == str(ROOT)
    assert f"/lab/tree/{course.FIRST}?token={env['JUPYTER_TOKEN']}\n" in capsys.readouterr().out
    assert (ROOT / "notebooks" / course.FIRST).exists()


def test_a_learner_keeps_the_validate_button_alone():
    hidden = json.loads((ROOT / ".jupyter" / "labconfig" / "page_config.json").read_text())["disabledExtensions"]
    code = "".join(
        p.read_text() for p in Path(sys.prefix).glob("share/jupyter/labextensions/@jupyter/nbgrader/**/*.js")
    )
    plugins = set(re.findall(r"@jupyter/nbgrader:[a-z-]+", code))
    assert plugins - hidden.keys() == {"@jupyter/nbgrader:validate-assignment"} and hidden.keys() <= plugins


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_what_python_compiles_is_kept(monkeypatch):
    """Pip has compiled nothing, so without that each process would compile torch again."""
    kept = []
    monkeypatch.setattr(course.os, "execve", lambda program, command, env: kept.append(env))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.chdir(ROOT)
    course.become(Path("python"), "-m", "pytest", MORE="1")
    assert kept[0]["MORE"] == "1" and "PYTHONDONTWRITEBYTECODE" not in kept[0]
