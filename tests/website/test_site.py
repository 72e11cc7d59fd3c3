"""The pages of the course: nothing is asked of the network, every link leads somewhere, no answer is in sight."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from helpers.drill import bank
from helpers.drill.rubric import FLAGS, POSITIVES
from helpers.exercises.syllabus import notebooks
from helpers.website import live, texts
from helpers.website.cards import address
from tests.notebook import ROOT, SOLUTIONS, read

NOTEBOOKS = [notebook.name for notebook in notebooks()]
PAGES = ["index", "search", "cite", "404", *live.PAGES, *NOTEBOOKS]
HEAVIEST = 300_000
"""Bytes that the front page may load in all."""
GRAVE = {"serious", "critical"}
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 800}
REPOSITORY = "https://github.com/ada/bn"


class Page(HTMLParser):
    """What a page loads, what it links to, its ids, and its text without what is folded."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.ids, self.sight = [], [], set(), []
        self._open = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given.get("id"), given.get("name")}
        self.loads += filter(None, [given.get("src"), given.get("href") if tag == "link" else None])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("details", "summary", "script", "style"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data):
        if not self._open or self._open[-1] == "summary":
            self.sight.append(data)


@pytest.fixture(scope="module")
def pages(site):
    return {path.stem: Page(path) for path in site.glob("*.html")}


def test_there_is_a_page_for_everything(pages):
    assert pages.keys() == set(PAGES)


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for name, page in pages.items():
        for url in page.loads:
            assert urlsplit(url).scheme in ("", "data") and not url.startswith("//"), (name, url)
    for path in site.rglob("*.css"):
        for url in re.findall(r"url\(([^)]*)\)|@import ([^;]+)", path.read_text(encoding="utf-8")):
            assert not re.search(r"//", "".join(url)) or "data:" in "".join(url), (path.name, url)


def test_every_link_within_the_site_leads_somewhere(site, pages):
    lost = []
    for name, page in pages.items():
        for url in {*page.links, *page.loads}:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path) or f"{name}.html"
            if not (site / path).is_file() or (
                parts.fragment and path.endswith(".html") and unquote(parts.fragment) not in pages[Path(path).stem].ids
            ):
                lost.append((name, url))
    assert not lost


def test_every_section_that_deck_and_drill_name_is_on_its_page(pages):
    named = {card.section for card in bank.load().values()} | {line.section for line in (*POSITIVES, *FLAGS)}
    for section in named - {""}:
        path, _, heading = address(section).partition("#")
        assert not heading or heading in pages[Path(path).stem].ids, section


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_no_answer_is_in_sight(path, site, pages):
    solution, learner = read(path), read(ROOT / "notebooks" / path.name)
    stubs = {cell.id: cell.source for cell in learner.cells}
    whole = re.sub(r"<[^>]+>", "", (site / f"{path.stem}.html").read_text(encoding="utf-8"))
    sight = "".join(pages[path.stem].sight)
    for cell in solution.cells:
        about = cell.metadata.get("nbgrader", {})
        for answer in re.findall(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", cell.source, re.DOTALL):
            assert answer.strip() in stubs[cell.id] or answer.strip() not in whole
        if about.get("grade") and cell.cell_type == "code":
            (printed,) = [output.data["text/plain"] for output in cell.outputs]
            assert printed not in whole
    asked = [i for i, cell in enumerate(solution.cells[:-1]) if cell.source.startswith("*Predict first")]
    for i in asked:
        for output in solution.cells[i + 1].get("outputs", ()):
            text = output.get("text", "").strip()
            assert not text or text not in sight


def test_the_front_page_has_the_judges_card_and_the_map(pages):
    sight = " ".join("".join(pages["index"].sight).split())
    assert "5 of 6 checks passed" in sight and "Mend this first" in sight
    for notebook in notebooks():
        assert f"{notebook.name[:2]} · {notebook.title} {notebook.builds}" in sight.replace("\n", " ") or (
            f"{notebook.name[:2]} · {notebook.title}{notebook.builds}" in sight
        )


def test_a_page_offers_its_files(site, pages):
    for name in NOTEBOOKS:
        assert (site / "notebooks" / f"{name}.ipynb").read_bytes() == (
            ROOT / "notebooks" / f"{name}.ipynb"
        ).read_bytes()
        solved = read(site / "notebooks" / "solved" / f"{name}.ipynb")
        assert solved.cells[1].source != "import helpers" and "lzma" in solved.cells[1].source
        assert {f"notebooks/{name}.ipynb", f"notebooks/solved/{name}.ipynb"} <= {*pages[name].links}


def test_colab_and_binder_are_offered_where_the_repository_has_an_address():
    offered = texts.take("00_start_here", REPOSITORY)
    for place in ("https://colab.research.google.com/github/ada/bn/", "https://mybinder.org/v2/gh/ada/bn/"):
        assert place in offered
    assert "https:" not in texts.take("00_start_here", "")


NEW_LOOKS = """seen => {
  document.querySelectorAll("details").forEach(one => one.open = true);
  const known = new Set(seen), fresh = [], grounds = new Map();
  const ground = element => {
    if (!element) return "";
    if (!grounds.has(element)) {
      const style = getComputedStyle(element);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter].join();
      const behind = ground(element.parentElement);
      grounds.set(element, own === "rgba(0, 0, 0, 0),none,1,none" ? behind : `${behind}|${own}`);
    }
    return grounds.get(element);
  };
  for (const element of document.body.querySelectorAll("*")) {
    element.removeAttribute("data-new-look");
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(element);
    const look = [style.color, style.fontSize, style.fontWeight, ground(element)].join();
    if (known.has(look)) continue;
    known.add(look); fresh.push(look); element.setAttribute("data-new-look", "");
  }
  document.querySelectorAll("math, .highlight").forEach(e => e.querySelector("[data-new-look]") || e.remove());
  return fresh;
}"""
"""Mark the text whose colours, size and ground no page had before: axe needs seconds for the contrast of all of it."""


def grave(axe, page, context=None, **options):
    """What axe finds that is serious."""
    found = axe.run(page, context, {"resultTypes": ["violations"], "preload": False, **options}).response["violations"]
    return [(one["id"], node["html"]) for one in found if one["impact"] in GRAVE for node in one["nodes"]]


@pytest.fixture(scope="module")
def looked_at(site, browser):
    """Of each page: what it asks for, its errors, by how much it is too wide, and what axe finds, light and dark."""
    axe, looks, found = Axe(), [], {}
    context = browser.new_context(viewport=NARROW, offline=True)
    for name in PAGES:
        page, asked, errors = context.new_page(), [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.on("console", lambda said, errors=errors: errors.append(said.text) if said.type == "error" else None)
        page.goto((site / f"{name}.html").as_uri())
        wide = [page.evaluate("document.documentElement.scrollWidth") - NARROW["width"]]
        axed = grave(axe, page, runOnly=["scrollable-region-focusable"])
        page.set_viewport_size(WIDE)
        page.add_style_tag(content="*{transition:none!important;animation:none!important}")
        wide.append(page.evaluate("document.documentElement.scrollWidth") - WIDE["width"])
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if fresh := page.evaluate(NEW_LOOKS, looks):
                axed += grave(axe, page, {"include": [["[data-new-look]"]]}, runOnly=["color-contrast"])
            looks += fresh
        axed += grave(axe, page, rules={"color-contrast": {"enabled": False}})
        found[name] = asked, errors, max(wide), axed
        page.close()
    context.close()
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_a_file(name, looked_at):
    asked, errors, too_wide, axed = looked_at[name]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert (errors, axed) == ([], []) and too_wide <= 0


def test_the_front_page_is_light_and_soon_there(site, browser, capsys):
    best = None
    for _ in range(5):
        page = browser.new_page(viewport=WIDE)
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        there = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        page.close()
        best = min(best or there, there)
        if best < 1000:
            break
    files = [Path(unquote(urlsplit(url).path)) for url in {*asked} if url.startswith("file:")]
    size = sum(path.stat().st_size for path in files)
    with capsys.disabled():
        print(f"\nfront page: {size / 1000:.0f} kB in {len(files)} files, interactive after {best:.0f} ms")
    assert size < HEAVIEST and best < 1000


def test_the_search_works_from_a_file(site, browser):
    page = browser.new_page()
    page.goto(f"{(site / 'search.html').as_uri()}?q=momentum")
    page.locator("#search-results li a").first.wait_for()
    assert page.locator("#search-results li a").count() >= 3
    page.close()
