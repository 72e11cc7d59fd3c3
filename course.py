"""Set up and run the course: python course.py lab; --help lists the other commands.

The first run makes the folder .venv and installs what pyproject.toml lists; delete that folder to undo it.
These environment variables change what happens:

  PORT            the port of JupyterLab; without it 8888, or the next free one
  TORCH_INDEX     where the CPU build of torch comes from; empty: from the ordinary package index.  lab and setup
                  also take it as --torch-index, since on Windows no variable can be empty
  BATCHNORM_VENV  an environment to use as it is, in place of .venv: nothing is installed in it
  BATCHNORM_COLAB the Python of an environment to use as it is, in place of .venv-colab

Standard library only, and only syntax that Python 3.6 can read: a Python that is too old gets a sentence.
"""

import argparse
import hashlib
import importlib.util
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
FIRST = "00_start_here.ipynb"
LAB = [  # -y: Ctrl-C stops it without a question; encryption: otherwise each kernel warns that it has none
    *("-m", "jupyterlab", "-y", "--ip=127.0.0.1", "--ServerApp.port_retries=0", "--Application.log_level=ERROR"),
    "--KernelManager.transport_encryption=auto",
    "--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=False",  # it needs the root folder
]


class Stop(Exception):
    """Ends the command with one sentence for the person at the keyboard."""


# The environment


def set_up(extra: str) -> Path:
    """Make sure that there is an environment with this extra of pyproject.toml; returns its Python."""
    chosen = os.environ.get("BATCHNORM_VENV")
    if chosen:
        python = python_of(Path(chosen))
        if not python.exists():
            raise Stop(f"BATCHNORM_VENV names no environment: there is no {python}.")
        return python
    stamps = [f".ok-{name}" for name in (extra, "dev")]  # dev holds all the other extras
    return environment(".venv", "pyproject.toml", stamps, "--editable", f"{ROOT}[{extra}]")


def environment(name: str, listed: str, stamps: "list[str]", *rest: str) -> Path:
    """Make sure that the environment of this name holds what the file ``listed`` lists; returns its Python.

    It does where one of ``stamps`` says so; else torch is installed, then what ``rest`` says, and the first is written.
    """
    venv = ROOT / name
    python, text = python_of(venv), (ROOT / listed).read_text(encoding="utf-8")
    wanted = hashlib.sha256(text.encode()).hexdigest()
    paths = [venv / stamp for stamp in stamps]
    if python.exists() and any(path.exists() and path.read_text() == wanted for path in paths):
        return python
    pin = re.findall(r"torch==[^\s\"]+", text)[0]
    check_machine(pin, sys.platform, platform.machine(), sys.maxsize > 2**32)
    index = torch_index()
    check_room(3 if index or sys.platform == "darwin" else 10)
    make_venv(venv, python)
    say(f"Installing {pin}{' (CPU build, about 200 MB)' if index == CPU_INDEX else ''} ...")
    pip(python, "--no-deps", pin, *(["--extra-index-url", index] if index else []))
    say(f"Installing everything else that {listed} lists ...")
    pip(python, *rest)
    paths[0].write_text(wanted)
    say(f"Everything is installed in {venv}")
    return python


def there() -> bool:
    """True where the commands find an environment, so that nothing has to be made."""
    return python_of(Path(os.environ.get("BATCHNORM_VENV") or ROOT / ".venv")).exists()


def python_of(venv: Path) -> Path:
    """The Python of an environment."""
    return venv.absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def torch_index() -> str:
    """Where to look for torch besides the ordinary index, or "": Linux builds there bring 2.7 GB of CUDA."""
    if "TORCH_INDEX" in os.environ:
        return os.environ["TORCH_INDEX"]
    nvidia = shutil.which("nvidia-smi")
    gpu = nvidia is not None and subprocess.run([nvidia, "-L"], stdout=subprocess.DEVNULL).returncode == 0
    return "" if gpu or sys.platform == "darwin" else CPU_INDEX


def check_python(version: "tuple[int, ...]") -> None:
    """Stop where this Python is too old."""
    if version < OLDEST_PYTHON:
        oldest, this = (".".join(map(str, numbers)) for numbers in (OLDEST_PYTHON, version))
        raise Stop(
            f"This course needs Python {oldest} or newer, and {sys.executable} is {this}: install one from "
            "python.org, or name one that you have: make lab PYTHON=python3.12, or python3.12 course.py lab."
        )


def check_machine(pin: str, system: str, processor: str, wide: bool) -> None:
    """Stop where there is no build of the pinned torch; ``wide``: this Python has 64 bits."""
    if not wide:
        raise Stop(f"There is no {pin} for a Python of 32 bits, and {sys.executable} is one: install one of 64 bits.")
    if (system, processor) == ("darwin", "x86_64"):
        raise Stop(
            f"There is no {pin} for a Mac with an Intel processor, on which torch ended with 2.2.2. Notebooks 00, "
            "02, 04 and 05 once ran with that and NumPy 1.26, but for RMSNorm; notebook 00 calls both too old. To try: "
            "make an environment with these and JupyterLab, and name it: BATCHNORM_VENV=path make lab. "
            f"(On a Mac with Apple's processor {sys.executable} is a Python for Intel: install one for arm64.)"
        )


def check_room(gigabytes: float) -> None:
    """Stop where the disk is too full to install."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < gigabytes:
        raise Stop(
            f"There is too little room on the disk: {free:.1f} GB are free, and the installation needs "
            f"{gigabytes} GB. Make room, then run the same command again."
        )


def make_venv(venv: Path, python: Path) -> None:
    """Make the environment, or repair one that was left half made."""
    if works(python):
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Stop(
            "This Python cannot make environments, because its venv module is missing. "
            "On Debian or Ubuntu: sudo apt install python3-venv. Then run the same command again."
        )
    say(f"{'Repairing' if venv.exists() else 'Making'} {venv} ...")
    for options in ([], ["--clear"]):
        command = [sys.executable, "-m", "venv", *options, str(venv)]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if works(python):
            return
    raise Stop(f"Python could not make the environment {venv} ({reason(made.stdout)}).")


def works(python: Path) -> bool:
    """True where this is a Python that is new enough and has pip."""
    test = [str(python), "-c", f"import pip, sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"]
    return python.exists() and subprocess.run(test, stderr=subprocess.DEVNULL).returncode == 0


def pip(python: Path, *arguments: str) -> None:
    """Install quietly; stop with pip's own last error."""
    # Compiling everything ahead would take most of the set-up time; Python compiles what it uses.
    options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--retries=2"]
    command = [str(python), "-m", "pip", "install", *options, *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    others = re.search(r"torch==\S+ \(from versions: (?!none)(.+)\)", done.stderr)
    if done.returncode and others:
        newest = others[1].split(", ")[-1]
        raise Stop(
            f"There is no {arguments[1]} for this machine and this Python; the newest torch is {newest}. Make an "
            "environment with that one, and name it: BATCHNORM_VENV=path make lab."
        )
    if done.returncode:
        raise Stop(
            f"pip could not install {arguments[1]} ({reason(done.stderr)}). Check the network and its proxy, "
            "then run the same command again: it goes on where it stopped. Where only the index of torch's "
            "CPU build is out of reach, do without it: make lab TORCH_INDEX=, or python course.py lab --torch-index="
        )


def reason(output: str) -> str:
    """The last error, or else the last line, of a command's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it gave no reason"])[-1].replace("ERROR: ", "").rstrip(".")


# The commands


def lab(options: argparse.Namespace, rest: "list[str]") -> None:
    """open JupyterLab on notebooks/, with the first one before you; its settings are in .jupyter/"""
    port = free_port(options.port)
    python = set_up("lab")
    token = secrets.token_hex(24)
    folder = ROOT / "notebooks"
    first = f"/lab/tree/{FIRST}"
    command = [*LAB, f"--port={port}", f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={first}"]
    command += ["--no-browser"] * options.no_browser
    command += ["--allow-root"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    say(f"JupyterLab opens {folder} at\n\n    http://127.0.0.1:{port}{first}?token={token}\n")
    say("Ctrl-C in this window stops it. Save your work first.")
    ours = {"PYTHONPATH": ROOT, "JUPYTER_CONFIG_PATH": ROOT / ".jupyter"}
    paths = {name: os.pathsep.join(filter(None, [str(path), os.environ.get(name)])) for name, path in ours.items()}
    become(python, *command, JUPYTER_TOKEN=token, **paths)


def test(options: argparse.Namespace, rest: "list[str]") -> None:
    """run every test; more arguments go to pytest"""
    run_tests(set_up("dev"), rest)


def test_latest(options: argparse.Namespace, rest: "list[str]") -> None:
    """run every test in .venv-latest, made anew from the newest releases that pyproject.toml allows"""
    shutil.rmtree(ROOT / ".venv-latest", ignore_errors=True)
    run_tests(environment(".venv-latest", "pyproject.toml", [".ok"], "--editable", f"{ROOT}[dev]"), rest)


def test_colab(options: argparse.Namespace, rest: "list[str]") -> None:
    """run the notebooks as in Colab, in .venv-colab with its pins; more arguments go to pytest"""
    python, pins, colab = set_up("dev"), "tests/colab/constraints.txt", os.environ.get("BATCHNORM_COLAB")
    colab = colab or str(environment(".venv-colab", pins, [".ok"], "--requirement", str(ROOT / pins)))
    command = ["-m", "pytest", "-n", "auto", "--dist", "loadgroup", "tests/colab", *rest]
    become(python, *command, OMP_NUM_THREADS="1", BATCHNORM_PROGRESS="", BATCHNORM_COLAB=os.path.abspath(colab))


def run_tests(python: Path, rest: "list[str]") -> None:
    """Every test in this environment."""
    command = ["-m", "pytest", "-n", "auto", "--dist", "loadgroup", "--no-loadscope-reorder", *rest]
    become(python, *command, OMP_NUM_THREADS="1", BATCHNORM_PROGRESS="")


def setup(options: argparse.Namespace, rest: "list[str]") -> None:
    """make .venv with everything; then only test-latest and test-colab need the network"""
    set_up("dev")


def notebooks(options: argparse.Namespace, rest: "list[str]") -> None:
    """build the notebooks from solutions/*.py; more arguments go to helpers.editions"""
    become(set_up("dev"), "-m", "helpers.editions", *rest)


def site(options: argparse.Namespace, rest: "list[str]") -> None:
    """write the course as web pages to _site/; more arguments go to helpers.website"""
    become(set_up("site"), "-m", "helpers.website", *rest)


def new(options: argparse.Namespace, rest: "list[str]") -> None:
    """write the stubs of an exercise, a notebook or a card, for authors; see CONTRIBUTING.md"""
    become(set_up("dev"), "-m", "helpers.editions.new", *rest)


def grade(options: argparse.Namespace, rest: "list[str]") -> None:
    """grade grading/submitted and open the report; more arguments go to helpers.grading grade"""
    become(set_up("dev"), "-m", "helpers.grading", "grade", "--show", *rest)


def free_port(wanted: "int | None") -> int:
    """The port to serve on: the wanted one, or the first free one from 8888."""
    if wanted is not None and not 0 < wanted < 65536:
        raise Stop(f"There is no port {wanted}: a port is a number from 1 to 65535.")
    if wanted and is_taken(wanted):
        raise Stop(f"Port {wanted} is taken: choose another, or none, and a free one is found.")
    port = wanted or next(port for port in range(8888, 9888) if not is_taken(port))
    if port != (wanted or 8888):
        say(f"Port 8888 is taken, so this uses port {port}.")
    return port


def is_taken(port: int) -> bool:
    """True where something answers on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def become(python: Path, *arguments: str, **environment: str) -> None:
    """Go on as this Python, in the root folder; Ctrl-C then reaches it directly."""
    command, env = [str(python), *arguments], {**os.environ, **environment}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # pip has compiled nothing: each process would do it again
    os.chdir(ROOT)
    if os.name == "nt":  # exec would return to the prompt at once
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(subprocess.call(command, env=env))
    os.execve(command[0], command, env)


def say(line: str) -> None:
    """One line for the person at the keyboard, at once."""
    print(line, flush=True)


def main() -> int:
    """The command line; returns the exit status."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("course.py", description=__doc__, formatter_class=layout)
    commands = parser.add_subparsers(dest="command", metavar="command")
    for function in (lab, test, test_colab, test_latest, setup, notebooks, site, new, grade):
        name, about = function.__name__.replace("_", "-"), function.__doc__
        passed_on = function in (test, notebooks, site, new, grade)  # --help too, to what knows the other options
        command = commands.add_parser(name, help=about, description=about, add_help=not passed_on)
        command.set_defaults(function=function, open_ended=function not in (lab, setup))
        if function in (lab, setup):
            command.add_argument("--torch-index", metavar="URL", help="as TORCH_INDEX in the environment")
        if function is lab:
            port = os.environ.get("PORT") or None
            command.add_argument("--port", type=int, default=port, help="as PORT in the environment")
            command.add_argument("--no-browser", action="store_true", help="only print the address")
    options, rest = parser.parse_known_args()
    if options.command is None or (rest and not options.open_ended):
        parser = commands.choices.get(options.command, parser)
        parser.error(f"unknown argument {rest[0]}" if rest else "name a command; --help lists them")
    if {"-h", "--help"} & set(rest) and not there():
        commands.choices[options.command].print_help()
        print("\nMore options are listed here once there is an environment: python course.py setup makes it.")
        return 0
    try:
        check_python(sys.version_info[:3])
        if getattr(options, "torch_index", None) is not None:
            os.environ["TORCH_INDEX"] = options.torch_index
        options.function(options, rest)
    except (Stop, OSError, OverflowError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: run the same command again and it goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
