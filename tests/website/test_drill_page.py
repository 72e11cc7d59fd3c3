"""The drill on a page: the clock and the report of the notebook, reloads, the keyboard, and the record."""

import json
import random
import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from helpers.drill import report, session, state
from helpers.drill.narration import narration
from helpers.drill.rubric import FLAGS, POSITIVES
from helpers.drill.session import BLOCKS
from helpers.website import drill
from helpers.widgets.drill_room import EXPLAIN
from tests.website import local

DATA = drill.data()
EXPORTED = "() => batchnorm.record.exported()"
FOCUS = "() => (document.activeElement.closest('label') || document.activeElement).innerText"
START = 1_780_000_000.0
CARDS = {card["id"]: card for card in DATA["explain"]}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return local.write(tmp_path_factory.mktemp("site") / "drill.html", drill)


@pytest.fixture
def site(page, address):
    page.goto(address)
    return page


@pytest.fixture(autouse=True)
def notebook(tmp_path, monkeypatch):
    """The record of a notebook: empty."""
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(state, "_memory", {})


def press(page, words):
    page.get_by_role("button", name=words, exact=True).click()


def events(chosen, id, at):
    """Random events of one drill, some of which come twice or mean nothing where it stands."""
    short, speed = chosen.random() < 0.5, chosen.choice([1, 1, 10])
    made = [{"at": at, "kind": "drill", "about": id, "what": "begin", "short": short, "speed": speed}]
    for _ in range(chosen.randrange(14)):
        at += chosen.choice([0, chosen.uniform(1, 900)])
        what = chosen.choice(["done", "done", "pause", "resume", "away"])
        more = {"done": {"block": chosen.randrange(4)}, "away": {"seconds": chosen.uniform(0, 700)}}.get(what, {})
        made.append({"at": at, "kind": "drill", "about": id, "what": what, **more})
    return made


def answers(chosen, id, at):
    """Random answers, ticks and results of one drill."""
    made = []
    for card in chosen.sample(list(CARDS), chosen.randrange(5)):
        points = {point: chosen.random() < 0.7 for point in CARDS[card]["points"]}
        flags = {flag: chosen.random() < 0.2 for flag in CARDS[card]["flags"]}
        score = chosen.uniform(0, 1)
        told = {"card": card, "asks": CARDS[card]["asks"], "points": points, "flags": flags, "score": score}
        made.append({"kind": "ticks", "about": f"{id}/explain/{card}", **told})
    for one in narration():
        ticks = [chosen.random() < 0.5 for _ in one.points]
        made.append({"kind": "narrated", "about": f"{id}/check/{one.id}", "ticks": ticks})
    for _ in range(chosen.randrange(3)):
        passed = chosen.sample(["eval_mode", "running_statistics", "affine", "numbers"], chosen.randrange(5))
        made.append({"kind": "attempt", "about": id, "passed": passed, "of": 6, "code": chosen.randrange(9)})
    if chosen.random() < 0.4:
        losses = {"batch norm": [0.31, 0.2, 0.25], "control": [0.4, 0.5]}
        made.append({"kind": "contrast", "about": id, "losses": losses, "own": chosen.random() < 0.5})
    if chosen.random() < 0.6:
        points = {line.id: chosen.random() < 0.5 for line in chosen.sample(POSITIVES, 2)}
        made.append({"kind": "rubric", "about": id, "points": points, "flags": {chosen.choice(FLAGS).id: True}})
    return [{"at": at + chosen.uniform(0, 60), **entry} for entry in made]


def record(seed, drills):
    chosen, found, at = random.Random(seed), [], START
    for number in range(drills):
        at += 90_000 + number
        found += events(chosen, f"drill {number}", at) + answers(chosen, f"drill {number}", at)
    for number, entry in enumerate(found):
        entry["key"] = f"{number:08x}"
    return json.dumps({"drill": 1, "entries": found})


def test_the_clock_is_that_of_the_notebook(site):
    text = record(0, 60)
    state.imported(text)
    mine = site.evaluate(
        """([text, blocks, wait]) => {
          batchnorm.record.imported(text);
          return batchnorm.session.all(blocks).map(one => {
            const now = one.last + wait;
            return {id: one.id, started: one.started, short: one.short, block: one.block, paused: one.paused,
              finished: one.finished, opened: one.opened, left: one.left(now),
              used: blocks.map((_, block) => one.used(block, now))};
          }); }""",
        [text, DATA["blocks"], 33.0],
    )
    for one, other in zip(session.sessions(), mine, strict=True):
        now = one.last + 33.0
        assert other.pop("left") == pytest.approx(one.left(now), abs=1e-5)
        assert other.pop("used") == pytest.approx([one.used(block, now) for block in range(4)], abs=1e-5)
        assert other == {name: getattr(one, name) for name in other}


def test_the_report_is_that_of_the_notebook(site):
    text = record(1, 25)
    state.imported(text)
    mine = site.evaluate(
        """([text, wait]) => {
          const data = JSON.parse(document.getElementById('batchnorm-drill-data').textContent);
          batchnorm.record.imported(text);
          const all = batchnorm.session.all(data.blocks);
          const told = cell => cell.to ? `${cell.why} → ${cell.to[0]}` : cell;
          return all.map((one, i) => {
            const {headline, sections} = batchnorm.report(one, one.last + wait, all.slice(Math.max(0, i - 2)), data);
            return {headline, sections: sections.map(([name, rows]) => [name, rows.map(row => row.map(told))])};
          }); }""",
        [text, 77.0],
    )
    every = session.sessions()
    for i, (one, other) in enumerate(zip(every, mine, strict=True)):
        made = report.report(one, one.last + 77.0)
        earlier = made.earlier[-2:] if i > 1 else made.earlier
        made = report.dataclasses.replace(made, earlier=earlier)
        assert other["headline"] == report.headline(made)
        for (name, rows), (title, lines) in zip(other["sections"], report.sections(made), strict=True):
            assert name == title
            if rows[0] != [drill.WORDS["code"]]:  # no layer is judged on a page
                assert rows == lines


def test_a_whole_drill_by_keyboard_alone_with_a_reload_in_each_block(page, address):
    def tab_to(words):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUS).strip().startswith(words):
                return
        raise AssertionError(f"Tab does not come to {words}")

    def do(words):
        tab_to(words)
        page.keyboard.press("Enter")

    page.goto(address)
    expect(page.locator(".bn-until")).to_have_text("The clock is not running.")
    expect(page.locator(".bn-block-read")).to_contain_text("Opens when you begin the drill.")
    do("Begin: 20 minutes")
    expect(page.locator(".bn-until")).to_contain_text("Read: planned until")
    assert page.evaluate(FOCUS) == "1 · Read"
    tab_to("The paper itself")
    page.keyboard.press("Tab")
    page.keyboard.type("y = γx̂ + β")
    page.reload()
    expect(page.locator(".bn-note-equation")).to_have_value("y = γx̂ + β")
    expect(page.locator(".bn-sheet")).to_contain_text("Algorithm 1, in training.")

    do("This block is done")
    assert page.evaluate(FOCUS) == "2 · Explain aloud"
    expect(page.locator(".bn-drill-said")).to_have_text("Next block: Explain aloud.")
    expect(page.locator(".bn-block-read")).to_contain_text("Your notes are hidden while you explain.")
    expect(page.locator(".bn-sheet")).to_have_count(0)
    do("Open the points")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.reload()
    pitch = page.locator(".bn-block-explain .bn-box").first
    expect(pitch.locator("input").first).to_be_checked()
    expect(pitch.locator(".bn-total")).to_contain_text("1 of ")
    do("Pause")
    expect(page.locator(".bn-until")).to_have_text("Explain aloud: the clock is paused.")
    page.reload()
    expect(page.locator(".bn-until")).to_have_text("Explain aloud: the clock is paused.")
    do("Go on")

    do("This block is done")
    expect(page.locator(".bn-block-implement")).to_contain_text("This page runs no Python.")
    expect(page.locator(".bn-note-equation")).to_have_value("y = γx̂ + β")
    do("This block is done")
    do("Open")
    page.keyboard.press("Space")
    page.reload()
    expect(page.locator(".bn-narrated-train_mode input").first).to_be_checked()

    do("This block is done")
    assert page.evaluate(FOCUS) == "Rubric and report"
    expect(page.locator(".bn-until")).to_contain_text("All four blocks are done, in ")
    expect(page.locator(".bn-time")).to_be_hidden()
    tab_to("You said whose statistics")
    page.keyboard.press("Space")
    shown = page.locator(".bn-report")
    expect(shown).to_contain_text("and your own ticks")
    expect(shown).to_contain_text("✓ You said whose statistics")
    expect(shown).to_contain_text("Said beside the six checks: 1 of")
    expect(shown.locator('a[href^="01_read_the_paper.html#"]')).to_have_count(1)
    page.reload()
    expect(shown).to_contain_text("✓ You said whose statistics")

    state.imported(page.evaluate(EXPORTED))
    (one,) = session.sessions()
    assert one.finished and one.short and report.report(one).rubric.points["modes"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", one.id)


def test_overtime_is_shown_and_a_long_absence_need_not_count(site):
    site.evaluate(
        """(seconds) => batchnorm.record.add('drill', 'one', {what: 'begin', short: false, speed: 1},
          Date.now() / 1000 - seconds)""",
        15 * 60 + 5,
    )
    site.reload()
    expect(site.locator(".bn-time")).to_have_text(re.compile(r"0:\d\d over"))
    expect(site.locator(".bn-until")).to_contain_text("take the time that you need")
    expect(site.locator(".bn-drill-said")).to_have_text(re.compile(r"Nothing happened for 15.* minutes."))
    press(site, "Do not count that time")
    expect(site.locator(".bn-time")).to_have_text(re.compile(r"(15:00|14:\d\d) left"))
    site.evaluate("(at) => batchnorm.record.add('drill', 'two', {what: 'begin'}, at)", time.time() - 15 * 60 + 3)
    site.reload()
    expect(site.locator(".bn-drill-said")).to_contain_text("take the time that you need")  # the end of the plan is said
    press(site, "This block is done")
    press(site, "Make the report")
    expect(site.locator(".bn-report")).to_contain_text("1 of 4 blocks done, so far")


def test_a_drill_of_the_notebook_goes_on_here_and_comes_back(site, tmp_path):
    begun = session.begin(short=True)
    session.note(begun, "done", block=0)
    state.add("draft", f"{begun.id}/explain/deep-09", text="from the notebook")
    with_more = json.dumps({"progress": {}, **json.loads(state.exported())})  # what else is in the file is left alone
    (tmp_path / "drill_from_notebook.json").write_text(with_more, encoding="utf-8")
    site.locator('.bn-record input[type="file"]').set_input_files(tmp_path / "drill_from_notebook.json")
    expect(site.locator(".bn-record-said")).to_have_text("3 entries were new.")
    expect(site.locator(".bn-block-explain textarea").first).to_have_value("from the notebook")
    press(site, "This block is done")
    assert state.imported(site.evaluate(EXPORTED)) == 1
    assert session.current().block == 2 and session.current().id == begun.id


def test_a_second_page_shows_the_same_drill(site, address):
    other = site.context.new_page()
    other.goto(address)
    press(site, "Begin: 60 minutes")
    expect(other.locator(".bn-until")).to_contain_text("Read: planned until")
    press(other, "Pause")
    expect(site.locator(".bn-until")).to_contain_text("the clock is paused")
    assert other.evaluate(EXPORTED) == site.evaluate(EXPORTED)


def test_what_is_read_and_asked_is_that_of_the_notebook():
    assert [block["title"] for block in DATA["blocks"]] == [block.title for block in BLOCKS]
    assert [card["id"] for card in DATA["explain"]] == list(EXPLAIN)
    assert "pitch, aloud, in one minute" in DATA["explain"][0]["front"]
    assert DATA["sheet"].count("<img ") == 2 and DATA["sheet"].count("<table>") == 4
    assert "$" not in re.sub(r'src="[^"]*"', "", DATA["sheet"]) and DATA["sheet"].count('display="block"') == 2
    assert all(DATA["texts"].values())
    assert all('<li><a href="deck.html#' in card["model"] for card in DATA["explain"])


def test_it_fits_a_narrow_page_and_axe_finds_nothing(site):
    site.set_viewport_size({"width": 400, "height": 800})
    press(site, "Begin: 20 minutes")
    for _ in range(4):
        assert site.evaluate("document.documentElement.scrollWidth") <= 400
        press(site, "This block is done")
    assert site.evaluate("document.documentElement.scrollWidth") <= 400
    for panel in site.locator("summary").all():
        panel.evaluate("summary => summary.parentElement.open = true")
    found = Axe().run(site, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in found] == []
