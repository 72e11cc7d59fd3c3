"""A JupyterLab to look at, and what a page of Chromium needs for it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Page

from tests.notebook import ROOT

TOKEN = "test"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
OPEN = """async (path) => {
  const app = window.jupyterapp;
  for (const shown of [...app.shell.widgets('main')]) shown.dispose();
  await app.commands.execute('docmanager:open', {path}); }"""
"""Close what is open, unsaved or not; then open a file."""
RUN_ALL = """async () => {
  const app = window.jupyterapp; await app.restored;
  let w; for (let i = 0; i < 300 && !(w = app.shell.currentWidget)?.sessionContext; i++)
    await new Promise(r => setTimeout(r, 100));
  await w.context.ready; await w.sessionContext.ready; await w.sessionContext.session.kernel.info;
  return await app.commands.execute('notebook:run-all-cells'); }"""
EDIT = """async (id) => {
  const app = window.jupyterapp; await app.restored;
  let w; for (let i = 0; i < 300 && !(w = app.shell.currentWidget)?.sessionContext; i++)
    await new Promise(r => setTimeout(r, 100));
  await w.context.ready; await w.revealed; await w.sessionContext.ready;
  const notebook = w.content;
  const index = notebook.widgets.findIndex(cell => cell.model.id === id);
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'center');
  const cell = notebook.widgets[index]; await cell.ready;
  notebook.mode = 'edit'; cell.editor.focus(); }"""
READY = """async () => {
  const app = window.jupyterapp; await app.restored;
  let w; for (let i = 0; i < 300 && !(w = app.shell.currentWidget)?.sessionContext; i++)
    await new Promise(r => setTimeout(r, 100));
  await w.context.ready; await w.sessionContext.ready; await w.sessionContext.session.kernel.info;
  await new Promise(r => setTimeout(r, 500));
  return w.context.model.dirty; }"""
"""Wait until the kernel has said what it is; then whether the notebook is unsaved."""
SAVE = """async () => { await window.jupyterapp.shell.currentWidget.context.save(); }"""
STOP = """async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"""
TEXT = """(id) => window.jupyterapp.shell.currentWidget.content.widgets.find(cell => cell.model.id === id)
  .model.sharedModel.getSource()"""


def system_browser():
    """Path of an installed Chromium or Chrome, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@dataclass
class Lab:
    """A running JupyterLab: its address, the folder that it serves, and where its settings and records lie."""

    address: str
    folder: Path
    home: Path


def write_notebook(lab: Lab, name: str, *cells: str) -> None:
    """A notebook of code cells in the served folder."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.folder / f"{name}.ipynb")


def open_in_lab(page: Page, lab: Lab, name: str) -> None:
    """Show a notebook of the served folder and nothing else, in the JupyterLab of this page if it is one."""
    if page.url.startswith(f"{lab.address}/lab"):
        page.evaluate(OPEN, f"{name}.ipynb")
    else:
        page.goto(f"{lab.address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
    page.locator(".jp-Notebook").wait_for()


def open_in_notebook(page: Page, lab: Lab, name: str) -> None:
    """Show it in Notebook 7."""
    page.goto(f"{lab.address}/notebooks/{name}.ipynb?token={TOKEN}")
    page.locator(".jp-Notebook").wait_for()


FRONT_ENDS = {"JupyterLab": open_in_lab, "Notebook 7": open_in_notebook}


def stop_kernels(lab: Lab) -> None:
    """End every kernel, as if the notebooks were closed."""
    kernels = f"{lab.address}/api/kernels"
    with urllib.request.urlopen(f"{kernels}?token={TOKEN}") as answer:
        running = [kernel["id"] for kernel in json.load(answer)]
    for id in running:
        urllib.request.urlopen(urllib.request.Request(f"{kernels}/{id}?token={TOKEN}", method="DELETE"))


@contextlib.contextmanager
def jupyterlab(home, folder):
    """JupyterLab on ``folder``, its settings and log in ``home``; the kernel finds ``helpers`` in the repository."""
    settings = home / "settings"
    for name, content in SETTINGS.items():
        path = settings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    command += ["--JupyterNotebookApp.expose_app_in_browser=True"]
    if os.name != "nt":  # a kernel's ports may be taken by another test's before it has them; it then hangs
        command += ["--KernelManager.transport=ipc"]
    environment = {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_PATH": str(ROOT / ".jupyter"),  # as `make lab` has it
        "BATCHNORM_PROGRESS": str(home / "progress.json"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    with tempfile.TemporaryDirectory() as runtime:  # short: the path of a socket may have 107 characters
        environment["JUPYTER_RUNTIME_DIR"] = runtime
        with serving(command, port, home, environment) as address:
            yield Lab(address, folder, home)


def free_port():
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(command, port, home, environment):
    """The address of the Jupyter server that ``command`` starts; its log is in ``home``."""
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/api/status?token={TOKEN}", server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(address, server):
    for _ in range(1200):
        assert server.poll() is None, "the server ended before it answered"
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("the server did not answer within two minutes")
