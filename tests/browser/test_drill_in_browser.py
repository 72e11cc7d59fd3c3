"""The drill in JupyterLab: a whole one at many times its speed, with restarts; the deck by keyboard; the report."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.front_end import RUN_ALL, open_in_lab, stop_kernels, write_notebook

RESTART = """async () => {
  const context = window.jupyterapp.shell.currentWidget.sessionContext;
  await context.session.kernel.restart(); await context.session.kernel.info; }"""
THEME = """async (theme) => {
  await window.jupyterapp.commands.execute('apputils:change-theme', {theme});
  await new Promise(r => setTimeout(r, 1000)); }"""
SPEED = 10
CELLS = (
    f"from helpers.widgets.drill_room import block, drill, judge\ndrill(speed={SPEED})",
    "block('read')",
    "block('explain')",
    "block('implement')",
    "from helpers.exercises.answers.batchnorm1d import BatchNorm1d\njudge(BatchNorm1d)",
    "block('check')",
    "from helpers.widgets.drill_report import show_report\nshow_report()",
)
LEFT = """() => {
  const digits = [...document.querySelectorAll('.bn-time .bn-digits')].find(
    e => getComputedStyle(e.parentElement).visibility == 'visible');
  const shown = Number(getComputedStyle(digits).getPropertyValue('--bn-s'));
  return [digits.parentElement.innerText.endsWith('left') ? shown : -shown, performance.now() / 1000]; }"""
"""The seconds that are left of a block, and the browser's own clock."""


def run_all(page):
    assert page.evaluate(RUN_ALL)


def restart(page):
    page.evaluate(RESTART)
    run_all(page)


def bar(page):
    return page.locator(".bn-drill-bar").first


def press(page, words):
    bar(page).get_by_role("button", name=words).click()


def speed(page):
    """Seconds of the clock in one of the browser's."""
    left, began = page.evaluate(LEFT)
    page.wait_for_timeout(2000)
    later, now = page.evaluate(LEFT)
    return (left - later) / (now - began)


def entries(lab):
    return json.loads((lab.home / "drill.json").read_text())["entries"]


@pytest.fixture(autouse=True)
def own_record(lab):
    """The record of a test, and the kernels that could write to it, go with it."""
    yield
    stop_kernels(lab)
    (lab.home / "drill.json").unlink(missing_ok=True)


def test_a_whole_drill_with_a_restart_in_each_block(lab, page, tmp_path):
    write_notebook(lab, "drill", *CELLS)
    open_in_lab(page, lab, "drill")
    run_all(page)
    press(page, "Begin: 60 minutes")
    expect(bar(page)).to_contain_text("Read: planned until")

    notes = page.locator(".bn-note-equation textarea")
    notes.press_sequentially("y = γx̂ + β")
    page.wait_for_timeout(1000)  # sooner nobody finds the command: what was typed last is kept when the kernel ends
    press(page, "Pause")
    expect(bar(page)).to_contain_text("the clock is paused")
    restart(page)
    expect(notes).to_have_value("y = γx̂ + β")
    expect(bar(page)).to_contain_text("the clock is paused")
    press(page, "Go on")
    page.reload()
    page.locator(".jp-Notebook").wait_for()
    run_all(page)
    expect(notes).to_have_value("y = γx̂ + β")
    speeds = [speed(page)]
    while not 0.5 <= speeds[-1] / SPEED <= 2 and len(speeds) < 5:  # a late page's clock is put right in one leap
        speeds.append(speed(page))
    assert 0.5 <= speeds[-1] / SPEED <= 2, f"the clock runs at its speed: {speeds}"

    press(page, "This block is done")
    expect(page.locator(".bn-block-read")).to_contain_text("Your notes are hidden")
    pitch = page.locator(".bn-block-explain .bn-box").first
    pitch.locator("textarea").first.press_sequentially(
        "Each channel is normalized over the batch, then scaled and shifted."
    )
    pitch.get_by_role("button", name="Open the points").click()
    expect(pitch.locator(".bn-findings mark").first).to_be_visible()
    tick = pitch.locator(".bn-tick input").nth(1)
    tick.check()
    expect(pitch.locator(".bn-total")).to_contain_text("2 of 6 points")
    restart(page)
    expect(tick).to_be_checked()
    expect(pitch.locator("textarea").first).to_have_value(re.compile("scaled and shifted"))

    press(page, "This block is done")
    expect(bar(page)).to_contain_text("Implement: planned until")
    for again in (restart, run_all):  # the same code again is no other attempt
        again(page)
        expect(page.locator(".bn-block-implement")).to_contain_text("your attempts (1 so far)")

    press(page, "This block is done")
    check = page.locator(".bn-narrated-numbers")
    check.locator("textarea").press_sequentially("four rows show the two variances")
    check.get_by_role("button", name="Open").click()
    check.locator("input[type=checkbox]").nth(1).check()
    page.wait_for_timeout(500)
    restart(page)
    expect(check.locator("input[type=checkbox]").nth(1)).to_be_checked()
    expect(check.locator("textarea")).to_have_value("four rows show the two variances")

    press(page, "This block is done")
    expect(bar(page)).to_contain_text("All four blocks are done")
    report = page.locator(".bn-rubric")
    report.get_by_role("button", name="Make the report").click()
    expect(report).to_contain_text("All four blocks done")
    expect(report).to_contain_text(re.compile(r"passes 6 of 6 checks after 1 attempt"))
    report.locator("input").first.check()
    expect(report).to_contain_text("your own ticks")
    shown = {}
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(THEME, theme)
        report.scroll_into_view_if_needed()
        report.screenshot(path=tmp_path / f"{theme}.png")
        style = (
            "e => [getComputedStyle(e).color, getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor]"
        )
        shown[theme] = page.locator(".bn-report-card h1").evaluate(style)
    assert shown["JupyterLab Light"] != shown["JupyterLab Dark"]
    kinds = [entry["kind"] for entry in entries(lab)]
    assert kinds.count("attempt") == 1 and kinds.count("rubric") == 1


def test_two_notebooks_on_one_record_lose_nothing(lab, page, browser):
    for name in ("one", "two"):
        write_notebook(lab, name, *CELLS[:2])
    open_in_lab(page, lab, "one")
    run_all(page)
    press(page, "Begin: 20 minutes")
    expect(bar(page)).to_contain_text("Read: planned until")
    other = browser.new_page()
    other.set_default_timeout(120_000)
    open_in_lab(other, lab, "two")
    run_all(other)
    expect(bar(other)).to_contain_text(re.compile("Read: (was )?planned until"))
    page.locator(".bn-note-equation textarea").press_sequentially("from the first")
    other.locator(".bn-note-figure textarea").press_sequentially("from the second")
    press(other, "Pause")
    expect(bar(page)).to_contain_text("the clock is paused")  # within the time of its next look at the record
    page.wait_for_timeout(4000)
    other.close()
    texts = {entry["text"] for entry in entries(lab) if entry["kind"] == "draft"}
    assert {"from the first", "from the second"} <= texts


def test_the_deck_by_keyboard_alone(lab, page):
    write_notebook(lab, "deck", "from helpers.widgets.deck import deck\ndeck()")
    open_in_lab(page, lab, "deck")
    run_all(page)
    deck = page.locator(".bn-deck")
    deck.locator(".bn-deck-topic select").focus()
    page.keyboard.press("ArrowDown")
    expect(deck.locator(".bn-deck-where")).to_contain_text("15 cards")
    focused = "() => document.activeElement.innerText || document.activeElement.tagName"

    def tab_to(words):
        for _ in range(20):
            if page.evaluate(focused).startswith(words):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not come to {words}")

    tab_to("Open the card")
    page.keyboard.press("Space")
    expect(deck.locator(".bn-model")).to_contain_text("Model answer")
    assert page.evaluate(focused).startswith("Read my answer again")
    tab_to("I knew it")
    page.keyboard.press("Space")
    expect(deck.locator(".bn-deck-where")).to_contain_text("Noted: known")
    expect(deck.locator(".bn-deck-where")).to_contain_text("14 cards")
    expect(deck.locator(".bn-model")).to_have_count(0)
    assert page.evaluate(focused).startswith("I knew it")
    for key in ("Space", "Enter"):  # a covered card is opened first
        page.keyboard.press(key)
        page.wait_for_timeout(700)
    answers = [entry for entry in entries(lab) if entry["kind"] == "answer"]
    assert [entry["known"] for entry in answers] in ([True], [True, True])
    page.keyboard.press("Tab")
    assert page.evaluate(focused).startswith("Not yet")
