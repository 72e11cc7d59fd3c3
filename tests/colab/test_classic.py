"""The classic Notebook with ipywidgets 7, a second front end for Colab's packages: everything answers there too."""

import json
import re

import nbformat
import pytest
from playwright.sync_api import expect

from helpers.widgets.record import FILE
from tests.browser.front_end import TOKEN, Lab, free_port, serving
from tests.colab.conftest import PYTHON
from tests.conftest import WAIT
from tests.notebook import ROOT, read, solved

RUN_ALL = """async () => {
  const wait = () => new Promise(r => setTimeout(r, 100)), notebook = Jupyter.notebook;
  await new Promise(r => notebook.kernel.comm_info('jupyter.widget', r));  // after the manager's own question
  await wait();
  notebook.execute_all_cells();
  const code = notebook.get_cells().filter(cell => cell.cell_type === 'code');
  while (!code.every(cell => Number.isInteger(cell.input_prompt_number))) await wait(); }"""
LOADED = "jupyter.widget.control"
"""Of the message with which the widget manager begins to look for widgets; until it is done, what runs is not shown."""
SAVE = "async () => { await Jupyter.notebook.save_notebook(); }"


@pytest.fixture(scope="module")
def classic(tmp_path_factory, colab_environment):
    """Notebook 6 on an empty folder."""
    home, folder, port = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("classic"), free_port()
    command = [PYTHON, "-m", "notebook", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += [f"--NotebookApp.token={TOKEN}", f"--notebook-dir={folder}"]
    progress = {"BATCHNORM_PROGRESS": str(home / "progress.json")}
    with serving(command, port, home, {**colab_environment, **progress, "COLAB_RELEASE_TAG": ""}) as address:
        yield Lab(address, folder, home)


@pytest.fixture
def page(browser):
    """A page; an exception in its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, problems = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems


@pytest.fixture
def run(classic, page, tmp_path):
    """Run cells of a notebook after its setup cell; the page is photographed in the end."""

    def opened(name, *sources):
        notebook = read(ROOT / "notebooks" / f"{name}.ipynb")
        setup = next(cell for cell in notebook.cells if cell.id == "setup")
        new = nbformat.v4.new_code_cell
        notebook.cells = [setup, *(new(source) if isinstance(source, str) else source for source in sources)]
        nbformat.write(notebook, classic.folder / f"{name}.ipynb")
        with page.expect_console_message(lambda message: LOADED in message.text, timeout=WAIT):
            page.goto(f"{classic.address}/notebooks/{name}.ipynb?token={TOKEN}")
        page.evaluate(RUN_ALL)

    yield opened
    page.screenshot(path=tmp_path / "page.png")


def answers(name):
    return [cell.source for cell in solved(name).cells if cell.metadata.get("nbgrader", {}).get("solution")]


def test_cards(run, page):
    (layer, *_) = answers("02_build_batchnorm1d")
    check = "from helpers.exercises.batchnorm1d import batchnorm1d_exercise\nbatchnorm1d_exercise.check(BatchNorm1d)"
    wrong = layer.replace("unbiased = var * n / (n - 1)", "unbiased = var")
    run("02_build_batchnorm1d", "import torch\nfrom torch import nn", wrong, check, layer, check)
    cards = page.locator(".bn-card")
    expect(cards.nth(0)).to_contain_text("your running_var moves by the biased variance")
    expect(cards.nth(1)).to_contain_text("6 of 6 checks passed")


def test_playground(run, page):
    cell = "from torch import nn\nfrom helpers.widgets.playground import playground\nplayground(layer=nn.BatchNorm1d)"
    run("03_with_and_without_batchnorm", cell)
    headline = page.locator(".bn-say")
    expect(headline).to_contain_text(re.compile("Learning rate 0.3, batch size 32.*after 200 steps"))
    handle = page.locator(".bn-batch .ui-slider-handle")
    handle.press("ArrowRight")
    expect(headline).to_contain_text(re.compile("batch size 64.*after 200 steps"))
    expect(page.locator(".bn-curves .bn-plot")).to_have_count(2)


def test_axis_viewer(run, page):
    run("05_layer_group_instance_rms", "from helpers.widgets.axis_viewer import axis_viewer\naxis_viewer()")
    page.locator(".bn-axes-norm select").select_option(label="GroupNorm")
    expect(page.locator(".bn-axes-view svg")).to_have_attribute("aria-label", re.compile("GroupNorm: 36 of 288"))


def test_deck_drill_and_record(run, page, classic):
    """The deck's cards open, the drill's clock runs, and both are in the one file that is saved and loaded."""
    rooms = "from helpers.widgets.drill_room import block, drill\ndrill()", "block('read')"
    file = "from helpers.widgets.record import record\nrecord()"
    run("11_mock_interview", "from helpers.widgets.deck import deck\ndeck()", *rooms, file)
    deck, bar = page.locator(".bn-deck"), page.locator(".bn-drill-bar").first
    deck.locator(".bn-deck-topic select").select_option(index=1)
    expect(deck.locator(".bn-deck-where")).to_contain_text("15 cards")
    deck.get_by_role("button", name="Open the card").click()
    expect(deck.locator(".bn-model")).to_contain_text("Model answer")
    deck.get_by_role("button", name="I knew it").click()
    expect(deck.locator(".bn-deck-where")).to_contain_text("Noted: known")
    bar.get_by_role("button", name="Begin: 20 minutes").click()
    expect(bar).to_contain_text("Read: planned until")
    kept = json.loads((classic.home / "drill.json").read_text(encoding="utf-8"))["entries"]
    assert {"answer", "drill"} <= {entry["kind"] for entry in kept}
    record = page.locator(".bn-record")
    record.get_by_role("button", name="Save my record").click()
    expect(record.get_by_role("link", name=FILE)).to_have_attribute("download", FILE)
    (classic.home / "drill.json").unlink()
    with page.expect_file_chooser() as chooser:
        record.get_by_role("button", name="Load a file").click()
    chooser.value.set_files(classic.folder / FILE)
    expect(record).to_contain_text("New answers and ticks: 0")  # the kernel has not forgotten them


def test_the_copy_to_hand_in(run, page, classic):
    name = "00_start_here"
    wanted = [cell for cell in solved(name).cells if cell.id in ("feature_statistics", "prepare")]
    run(name, "import torch", *wanted)
    expect(page.locator(".bn-card")).to_contain_text("Save the notebook, then run this cell again")
    page.evaluate(SAVE)
    page.evaluate(RUN_ALL)
    expect(page.locator(".bn-card")).to_contain_text(f"submission/{name}.ipynb")
    assert [cell.id for cell in read(classic.folder / "submission" / f"{name}.ipynb").cells][-2:] == [
        cell.id for cell in wanted
    ]
