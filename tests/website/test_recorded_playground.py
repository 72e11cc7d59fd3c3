"""The playground on recorded runs: the notebook's numbers, every control, no network, and its place in notebook 03."""

import configparser
import random
import re

import nbformat
import numpy as np
import pytest
import torch
from nbconvert import HTMLExporter
from nbformat.v4 import new_notebook
from playwright.sync_api import expect

from helpers.website import record_playground as recording
from helpers.website import recorded_playground as site
from helpers.widgets.playground.panel import ALT
from tests.notebook import ROOT
from tests.website import local

GO = """([lr, batch, norm, seed, stop]) => {
  const set = (control, value, event) => {
    control.value = value;
    control.dispatchEvent(new Event(event, {bubbles: true}));
  };
  const find = name => document.querySelector(name);
  find(`.bn-norm [value=${norm}]`).click();
  find(`.bn-seed [value="${seed}"]`).click();
  set(find('.bn-batch'), batch, 'input');
  set(find('.bn-lr'), lr, 'input'); }"""
SEEN = """() => {
  const all = (query, read) => [...document.querySelectorAll(query)].map(read);
  return {lines: all('.bn-curves polyline', line => line.getAttribute('points')),
    crosses: all('.bn-curves .bn-end', end => end.style.left),
    legend: all('.bn-legend > span', net => net.textContent),
    shapes: all('.bn-third polygon', shape => shape.getAttribute('points')).filter(points => points),
    told: all('.bn-third .bn-title', title => title.textContent),
    heard: all('.bn-playground [role=img]', image => image.getAttribute('aria-label')),
    dots: all('.bn-plane .bn-run', dot => {
      const place = dot.getBoundingClientRect();
      return [dot.getAttribute('class').replace('bn-halo ', ''), place.x + place.width / 2, place.y + place.height / 2];
    }),
    here: all('.bn-plane rect.bn-here', box => [box.getAttribute('x'), box.getAttribute('y')].map(Number)),
    say: document.querySelector('.bn-say').innerHTML,
    words: document.querySelector('.bn-words').innerHTML}; }"""
AS_A_PAGE = """panels => {
  for (const [name, html] of Object.entries(panels)) {
    const found = document.querySelector(`.bn-${name === 'map' ? 'plane' : name}`);
    found.innerHTML = html; } }"""


@pytest.fixture
def playground(page, tmp_path):
    """The page from a file; a request for anything but a file fails."""
    page.on("request", lambda request: page.problems.append(request.url) if request.url[:5] != "file:" else None)
    page.goto(local.write(tmp_path / "page.html", site))
    expect(page.locator(".bn-moves")).to_be_visible()
    return page


def split(points):
    """The points of a polygon, (points, 2)."""
    return np.array([point.split(",") for point in points.split()], dtype=float)


def some_cells(count):
    return random.Random().sample(range(len(recording.CELLS)), count)


def is_the_same_machine():
    known = site.stored()
    return known["torch"] == torch.__version__ and known["cpu"] == torch.backends.cpu.get_cpu_capability()


def test_a_random_part_is_computed_again():
    """Bit by bit, and word by word, where torch and its instructions are those of the recording.  Elsewhere rounding
    decides wild runs and last digits, so that tame ones are looked at, and how they ended."""
    norm, seed, chosen = random.choice(site.NORMS), random.choice(site.SEEDS), some_cells(3)
    exact = is_the_same_machine()
    if not exact:
        chosen = [recording.CELLS.index((0.03, size)) for size in (128, 256)]
    found = recording.parts(norm, seed, [recording.CELLS[i] for i in chosen])
    for name, (texts, drawn) in found.items():
        known, bytes_ = recording.unpacked(site.every_part()[name])
        of_curves, nets = 4 * len(site.MEASURED), len(known["ended"][0])
        shapes = of_curves * nets * len(recording.CELLS)
        size = (len(bytes_) - shapes) // len(recording.CELLS)
        here = [bytes_[of_curves * nets * i : of_curves * nets * (i + 1)] for i in chosen]
        here += [bytes_[shapes + size * i : shapes + size * (i + 1)] for i in chosen]
        for key in texts if exact else texts.keys() & {"ended", "losses", "won"}:
            assert [known[key][i] for i in chosen] == texts[key], (name, chosen, key)
        assert not exact or b"".join(here) == drawn, (name, chosen)


def test_every_run_is_there_and_the_page_is_small():
    parts = site.every_part()
    assert set(parts) == {f"{norm} {seed}" for norm in ("none", *site.NORMS) for seed in site.SEEDS}
    for name, part in parts.items():
        texts, _ = recording.unpacked(part)
        assert all(len(values) == len(recording.CELLS) for values in texts.values()), name
        assert all(said for key in ("say", "words") for said in texts.get(key, ["-"])), name
    assert site.stored()["command"] == recording.COMMAND
    assert len(site.json_text(site.data())) < 120_000
    assert len(site.fragment()) < 180_000


def test_a_recorded_run_is_what_the_notebook_shows(playground):
    """The same polylines, words, names and marks as in the notebook's widgets; distributions are a little rounded."""
    norm, seed, (cell,) = random.choice(site.NORMS), random.choice(site.SEEDS), some_cells(1)
    if not is_the_same_machine():
        pytest.skip("not run: the recording was made with another torch, or on another kind of processor")
    playground.evaluate(GO, [cell % 7, cell // 7, norm, seed, 0])
    live = recording.without_guesses()
    live.seen.clear()
    recording.trained(live, recording.setting_of(recording.CELLS[cell], norm, seed))
    size = f"Learning rate {recording.CELLS[cell][0]:g}, batch size {recording.CELLS[cell][1]}"
    expect(playground.locator(".bn-say")).to_contain_text(re.compile(f"{size},? .*after 200"))
    expect(playground.locator(f".bn-norm [value={norm}]")).to_be_checked()
    shown = playground.evaluate(SEEN)
    playground.evaluate(AS_A_PAGE, recording.panels(live))
    known = playground.evaluate(SEEN)
    drawn, exact = (np.concatenate([*map(split, seen.pop("shapes"))]) for seen in (shown, known))
    assert (drawn[:, 1] == exact[:, 1]).all() and abs(drawn[:, 0] - exact[:, 0]).max() < 0.35
    for seen in (shown, known):
        seen["dots"] = seen["dots"][-1:]
        seen["heard"] = [re.sub(r"\d+ of your runs", "", text) for text in seen["heard"]]
    assert shown == known


def test_every_control_answers(playground):
    page, say = playground, playground.locator(".bn-say")
    expect(say).to_contain_text("Learning rate 0.3, batch size 32")
    page.get_by_role("slider", name="learning rate").press("ArrowRight")
    expect(say).to_contain_text("Learning rate 1, batch size 32")
    expect(page.get_by_role("slider", name="learning rate")).to_have_attribute("aria-valuetext", "1")
    page.get_by_role("slider", name="batch size").press("Home")
    expect(say).to_contain_text("Learning rate 1, batch size 2")
    box = page.locator(".bn-batch").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(say).to_contain_text("Learning rate 1, batch size 256")
    before = page.locator(".bn-curves polyline").nth(1).get_attribute("points")
    page.get_by_role("radio", name="2", exact=True).check()
    expect(page.locator(".bn-curves polyline").nth(1)).not_to_have_attribute("points", before)
    expect(say).to_contain_text("batch size 256, seed 2")
    for name in ("layer norm", "group norm", "batch norm"):
        page.get_by_role("radio", name=name).check()
        expect(page.locator(".bn-legend")).to_contain_text(name)
        expect(page.locator(".bn-third")).to_contain_text(name)
        expect(page.locator(".bn-plane rect.bn-here")).to_have_count(1)
    page.locator(".bn-plane svg > g").first.click()
    expect(say).to_contain_text("Learning rate 0.003, batch size 2, seed 2")
    expect(page.locator(".bn-batch")).to_have_value("0")
    page.locator(".bn-words summary").click()
    page.get_by_role("slider", name="learning rate").press("End")
    expect(page.locator(".bn-words table")).to_be_visible()  # what was unfolded stays so


def test_the_scrubber_shows_the_steps_of_a_run(playground):
    page, third = playground, playground.locator(".bn-third [role=img]").first
    step = page.get_by_role("slider", name="step")
    expect(third).to_have_attribute("aria-label", re.compile("in step 200, spread"))
    shape = page.locator(".bn-third polygon").nth(12)
    last = shape.get_attribute("points")
    step.press("Home")
    expect(third).to_have_attribute("aria-label", re.compile("in step 1, spread"))
    expect(shape).not_to_have_attribute("points", last)
    expect(page.locator(".bn-curves .bn-now").first).to_have_attribute("d", "M0.5 0v100")
    page.get_by_role("button", name="play or pause the run").press("Enter")
    expect(step).to_have_attribute("aria-valuetext", "200")
    expect(shape).to_have_attribute("points", last)
    expect(page.locator(".bn-play")).to_have_text("▶")


ANNOUNCED = """() => {
  window.announced = [];
  const live = 'output, [role=status], [role=alert], [role=log], [aria-live]';
  const regions = changes => new Set(changes.map(({target}) => (target.closest ? target : target.parentElement))
    .map(element => element.closest(live)).filter(Boolean));
  const seen = changes => window.announced.push(...[...regions(changes)].map(one => one.className));
  new MutationObserver(seen).observe(document.body, {childList: true, characterData: true, subtree: true}); }"""


def test_a_step_of_a_slider_is_announced_once_beside_its_own_value(playground):
    playground.evaluate(ANNOUNCED)
    said = ["bn-say"]
    for name, key, announced in (("learning rate", "End", said), ("batch size", "Home", said), ("step", "Home", [])):
        slider = playground.get_by_role("slider", name=name)
        before = slider.get_attribute("aria-valuetext")
        slider.press(key)
        expect(slider).not_to_have_attribute("aria-valuetext", before)
        assert playground.evaluate("window.announced.splice(0)") == announced, name


def test_runs_that_cannot_be_loaded_are_told_and_tried_again(page, tmp_path):
    script = tmp_path / "playground.js"
    script.write_bytes((site.STATIC / script.name).read_bytes())  # alone: the other file is not beside it
    where = tmp_path / "page.html"
    local.write(where, site)
    text = where.read_text(encoding="utf-8")
    where.write_text(text.replace((site.STATIC / script.name).as_uri(), script.name), encoding="utf-8")
    page.goto(where.as_uri())
    expect(page.locator(".bn-moves")).to_be_visible()
    say, rate = page.locator(".bn-say"), page.get_by_role("slider", name="learning rate")
    layer, last = (page.get_by_role("radio", name=name) for name in ("layer norm", "2"))
    for radio, value in ((layer, "1"), (last, "3")):
        rate.press("ArrowRight")
        expect(say).not_to_contain_text("could not be loaded")
        radio.click()
        expect(say).to_contain_text("could not be loaded")
        expect(say).to_contain_text(f"Learning rate {value}, batch size 32")
        chosen = page.locator(".bn-recorded input:checked")
        assert chosen.evaluate_all("all => all.map(one => one.value)") == ["batch", "0"]
        expect(page.locator(".bn-legend")).to_contain_text("batch norm")
    (tmp_path / site.MORE.name).symlink_to(site.MORE)
    layer.click()
    expect(page.locator(".bn-legend")).to_contain_text("layer norm")
    last.click()
    expect(say).to_contain_text("seed 2")
    expect(say).not_to_contain_text("could not be loaded")
    assert all("ERR_FILE_NOT_FOUND" in problem for problem in page.problems)
    page.problems.clear()


def picture():
    """The cell of notebook 03 that shows the playground, executed, as a notebook of its own."""
    notebook = nbformat.read(ROOT / "solutions" / "03_with_and_without_batchnorm.ipynb", as_version=4)
    found = [
        cell
        for cell in notebook.cells
        if any(o.get("metadata", {}).get("image/png", {}).get("alt") == ALT for o in cell.get("outputs", []))
    ]
    assert len(found) == 1
    return new_notebook(cells=found, metadata=notebook.metadata)


def html_of(notebook):
    return notebook.cells[0].outputs[-1].data["text/html"]


def test_notebook_03_is_the_same_without_the_recording():
    notebook = picture()
    site.in_notebook(notebook)
    with_recording = html_of(notebook)
    site.in_notebook(notebook)
    assert html_of(notebook) == with_recording and len(site._for_output()) < 700_000
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / "tests" / "nbval_sanitize.cfg")
    seen = re.sub(rules["recorded"]["regex"], rules["recorded"]["replace"], with_recording)
    assert "recorded" not in seen and seen.count("<img") == 1
    on_github = re.sub("<(script|style).*?</\\1>", "", with_recording, flags=re.DOTALL)
    before = re.sub("<(script|style).*?</\\1>", "", seen, flags=re.DOTALL)
    assert re.sub("<!--.*?-->|<.?section.*?>", "", on_github) == before


def test_an_export_of_notebook_03_moves_and_without_scripts_it_is_a_picture(page, browser, tmp_path):
    notebook, where = picture(), tmp_path / "03.html"
    site.in_notebook(notebook)
    exporter = HTMLExporter(mathjax_url="", require_js_url="", exclude_input=True)
    where.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
    page.goto(where.as_uri())
    expect(page.locator(".bn-moves")).to_be_visible()
    expect(page.get_by_role("img", name=ALT)).to_be_hidden()
    page.get_by_role("slider", name="learning rate").press("End")
    page.get_by_role("radio", name="layer norm").check()
    page.get_by_role("radio", name="1", exact=True).check()
    expect(page.locator(".bn-say")).to_contain_text("Learning rate 3, batch size 32, seed 1")
    expect(page.locator(".bn-about")).to_contain_text("run this cell")
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(where.as_uri())
    expect(still.get_by_role("img", name=ALT)).to_be_visible()
    expect(still.locator(".bn-playground")).to_have_count(0)
    context.close()


def test_without_scripts_the_page_shows_one_run(browser, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(local.write(tmp_path / "page.html", site))
    expect(still.locator(".bn-say")).to_contain_text("held-out loss")
    expect(still.locator(".bn-third polygon")).to_have_count(18)
    expect(still.locator(".bn-recorded")).to_contain_text("This is a still picture of one run.")
    assert still.locator(".bn-recorded input:visible").count() == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_small_or_pale(playground, scheme):
    page = playground
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 800, 400):
        page.set_viewport_size({"width": width, "height": 720})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(FAULTS) == [], (scheme, width)


FAULTS = """() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const box = document.querySelector('.bn-playground'), edge = box.getBoundingClientRect(), found = [];
  const ground = light(getComputedStyle(box).backgroundColor);
  for (const element of box.querySelectorAll('*')) {
    const place = element.getBoundingClientRect(), style = getComputedStyle(element);
    const says = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!says || !place.width || !place.height || element.closest('.bn-hidden, .bn-on, title')) continue;
    const ink = light(element.closest('svg') ? style.fill : style.color);
    const contrast = (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
    const small = parseFloat(style.fontSize) < 12, outside = place.left < edge.left || place.right > edge.right + 1;
    if (small || outside || contrast < 4.5) found.push(`${element.textContent} ${contrast} ${style.fontSize}`); }
  return found; }"""
