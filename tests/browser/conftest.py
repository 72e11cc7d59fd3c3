"""JupyterLab with the course in it, and a page of headless Chromium to look at it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.notebook import ROOT

TOKEN = "test"
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
TEXT = """(id) => window.jupyterapp.shell.currentWidget.content.widgets.find(cell => cell.model.id === id)
  .model.sharedModel.getSource()"""


@dataclass
class Lab:
    """A running JupyterLab: its address, and the folder that it serves."""

    address: str
    folder: Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab on an empty folder; the kernel finds ``helpers`` in the repository."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("lab")
    settings = home / "settings"
    for name, content in SETTINGS.items():
        path = settings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BATCHNORM_PROGRESS": str(home / "progress.json"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/api/status?token={TOKEN}", server)
            yield Lab(address, folder)
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="session")
def browser(chromium):
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page wide enough to see a notebook as a learner does; an error on its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)  # two workers share two cores
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems, problems


def _wait(address, server):
    for _ in range(600):
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("JupyterLab did not answer within a minute")
