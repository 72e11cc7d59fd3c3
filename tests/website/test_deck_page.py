"""The deck on a page: the rule of the boxes, the keyboard, and a record that goes to the notebook and back."""

import json
import random
import re
from datetime import date, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from helpers.drill import bank, state
from helpers.drill import page as card_page
from helpers.drill.schedule import CHOICES, DAYS, place, select
from helpers.judge import progress
from helpers.website import cards, deck
from helpers.widgets import record
from helpers.widgets.deck import DECKS, Deck, Review
from tests.notebook import ROOT
from tests.website import local

DAY_0 = date(1970, 1, 1)
ADD = "(entries) => { for (const [kind, about, rest, at] of entries) batchnorm.record.add(kind, about, rest, at); }"
EXPORTED = "() => batchnorm.record.exported()"
FOCUS = "() => (document.activeElement.closest('label') || document.activeElement).innerText"
REFUSED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return local.write(tmp_path_factory.mktemp("site") / "deck.html", deck)


@pytest.fixture
def site(page, address):
    page.goto(address)
    return page


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """The record of a notebook on another computer: empty."""
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(state, "_memory", {})
    monkeypatch.setattr(progress, "_memory", {})


def entries(text):
    return {entry["key"]: entry for entry in json.loads(text)["entries"]}


def number(day):
    return (day - DAY_0).days


def histories(count):
    """Random histories of a card: days that never go back, each with what was known."""
    chosen = random.Random(1)
    for _ in range(count):
        day, made = date(2026, 2, 20), []
        for _ in range(chosen.randrange(12)):
            day += timedelta(chosen.choice([0, 0, 1, 1, 2, 3, 5, 7, 14, 20]))
            made.append((day, chosen.random() < 0.75))
        yield made


def press(page, words):
    page.get_by_role("button", name=words).click()


def test_the_boxes_follow_the_rule_of_the_notebook(site):
    every = list(histories(300))
    sent = [[[number(day), known] for day, known in history] for history in every]
    found = site.evaluate("([all, days]) => all.map(one => batchnorm.deck.place(one, days))", [sent, DAYS])
    for history, mine in zip(every, found, strict=True):
        now = place(history)
        assert mine == (now and {"box": now.box, "due": number(now.due), "known": now.known})


def test_the_five_topics_are_named_here_and_in_the_notebook():
    titles = [t.title for t in bank.topics().values() if any("five-topics-75" in card.decks for card in t.cards)]
    told = f"{', '.join(titles).lower()}."
    text = (ROOT / "solutions" / "11_mock_interview.py").read_text(encoding="utf-8").replace("\n# ", " ")
    assert len(titles) == 5 and told in deck.data()["words"]["rule"] and f"has those on {told})" in text


def test_the_selections_are_those_of_the_notebook(site):
    chosen, every = random.Random(2), list(bank.load().values())
    asked, wanted = [], []
    for _ in range(40):
        known = dict(zip(chosen.sample([card.id for card in every], 60), histories(60), strict=True))
        how = {
            "topic": chosen.choice(["", "", *bank.topics()]),
            "chip": chosen.choice(["", *bank.CHIPS]),
            "deck": chosen.choice(["", *bank.DECKS]),
            "choice": chosen.choice(CHOICES),
        }
        today = date(2026, 3, chosen.randrange(1, 31))
        sent = [[id, [[number(day), was] for day, was in history]] for id, history in known.items()]
        asked.append([sent, how, number(today)])
        wanted.append([card.id for card in select(every, known, today=today, **how)])
    found = site.evaluate(
        """(asked) => {
          const {cards, days} = JSON.parse(document.getElementById('batchnorm-deck-data').textContent);
          return asked.map(([answers, how, today]) =>
            batchnorm.deck.select(cards, new Map(answers), days, how, today).map(card => card.id)); }""",
        asked,
    )
    assert found == wanted


def test_a_day_is_one_of_this_computers_calendar(browser, address):
    context = browser.new_context(timezone_id="Pacific/Auckland")
    page = context.new_page()
    page.goto(address)
    late = datetime.fromisoformat("2026-05-01T23:30:00+12:00").timestamp()
    assert page.evaluate("batchnorm.deck.dayOf", late) == number(date(2026, 5, 1))
    assert page.evaluate("batchnorm.deck.dayOf", late + 3600) == number(date(2026, 5, 2))
    context.close()


def test_every_card_is_there_with_its_formulas_set():
    data = deck.data()
    assert len(data["cards"]) == 100 and set(data["decks"]) == {*DECKS.values()}
    ids = {card["id"] for card in data["cards"]}
    for made, card in zip(data["cards"], bank.load().values(), strict=True):
        shown = json.dumps(made, ensure_ascii=False)
        assert "$" not in shown and "\ue000" not in shown
        assert made["model"].count("<math") == card.answer.count("$") // 2
        links = re.findall(r'<li><a href="#([^"]+)">', made["model"])
        assert links == list(card.follow_ups) and ids >= set(links)
        assert (cards.address(card.section) in made["model"]) == bool(card.section)
        assert ".ipynb" not in made["model"]


def test_a_score_is_that_of_the_notebook(site):
    card = bank.load()["deep-10"]
    for ticked, flagged in ((0, False), (2, False), (3, True)):
        points = {point.id: i < ticked for i, point in enumerate(card.points)}
        flags = {card.flags[0].id: flagged}
        mine = site.evaluate("([points, flags]) => batchnorm.answer_box.score(points, flags)", [points, flags])
        assert mine == card_page.score(card, points, flags)


def test_by_keyboard_alone_and_after_a_reload(site):
    def tab_to(words):
        for _ in range(40):
            site.keyboard.press("Tab")
            if site.evaluate(FOCUS).strip().startswith(words):
                return
        raise AssertionError(f"Tab does not come to {words}")

    where = site.locator(".bn-deck-where")
    tab_to("topic")
    site.keyboard.press("ArrowDown")
    expect(where).to_have_text("In this selection: 15 cards.")
    tab_to("Open the card")
    site.keyboard.press("Enter")
    expect(site.locator(".bn-model")).to_contain_text("Model answer")
    assert site.evaluate(FOCUS).startswith("What did you say?")
    site.keyboard.press("Tab")
    site.keyboard.press("Space")
    expect(site.locator(".bn-total")).to_contain_text("1 of ")
    tab_to("Likely follow-up questions")
    site.keyboard.press("Enter")
    site.keyboard.press("Tab")
    follow = bank.load()[bank.load()["bn-01"].follow_ups[0]]
    assert site.evaluate(FOCUS) == follow.question
    tab_to("I knew it")
    site.keyboard.press("Space")
    expect(where).to_contain_text("Noted: known; the card comes back on ")
    expect(where).to_contain_text("14 cards")
    assert site.evaluate(FOCUS) == "I knew it"
    site.keyboard.press("Space")
    expect(where).to_have_text("Opened. Read it, then say whether you knew it.")
    tab_to("Not yet")
    site.keyboard.press("Enter")
    expect(where).to_contain_text("Noted: not yet; the card comes back today.")
    tab_to("I can write the two formulas")
    site.keyboard.press("Space")
    site.reload()
    expect(site.locator(".bn-progress summary")).to_have_text("Progress: 1 of 100 cards known, 2 seen")
    expect(site.locator(".bn-review-total")).to_have_text("1 of 10 lines ticked.")
    site.locator(".bn-deck-choice").select_option("weak")
    expect(where).to_have_text("In this selection: the last card.")
    expect(site.locator(".bn-box")).to_contain_text("bn-02 · box 0")


def test_what_is_written_and_ticked_survives_a_reload_until_the_card_is_answered(site):
    site.locator(".bn-box textarea").fill("the mean of each channel")
    press(site, "Open the card")
    site.locator(".bn-tick input").first.check()
    site.reload()
    expect(site.locator(".bn-box textarea")).to_have_value("the mean of each channel")
    expect(site.locator(".bn-tick input").first).to_be_checked()
    press(site, "I knew it")
    site.locator(".bn-deck-choice").select_option("all")
    site.evaluate("location.hash = 'bn-01'")
    expect(site.locator(".bn-box")).to_contain_text("bn-01 · box 1")
    expect(site.locator(".bn-box textarea")).to_have_value("")
    expect(site.locator(".bn-model")).to_have_count(0)


def test_on_a_small_screen_the_next_card_is_in_sight(site):
    site.set_viewport_size({"width": 400, "height": 500})
    press(site, "Open the card")
    press(site, "I knew it")
    assert site.locator(".bn-ask").evaluate("e => e.getBoundingClientRect().top") >= 0


def test_a_follow_up_comes_on_top_and_back_leads_back(site):
    site.evaluate("location.hash = 'bn-01'")
    press(site, "Open the card")
    site.get_by_text("Likely follow-up questions").click()
    first = bank.load()["bn-01"].follow_ups[0]
    site.locator(f'.bn-model a[href="#{first}"]').click()
    expect(site.locator(".bn-ask")).to_have_text(bank.load()[first].question)
    site.go_back()
    expect(site.locator(".bn-ask")).to_have_text(bank.load()["bn-01"].question)


def test_a_link_to_a_card_leads_to_it_again_after_others_have_come(site):
    link = site.locator(".bn-review .bn-cards a").first
    question = bank.load()[link.inner_text()].question
    for _ in range(2):
        link.click()
        expect(site.locator(".bn-ask")).to_have_text(question)
        press(site, "Next card")
        expect(site.locator(".bn-ask")).not_to_have_text(question)


def test_a_record_goes_to_the_notebook_and_back_with_nothing_lost(site, notebook, tmp_path):
    site.locator(".bn-box textarea").fill("γ · β “quoted” \\ 𝜎")
    press(site, "Open the card")
    site.locator(".bn-tick input").first.check()
    press(site, "I knew it")
    site.locator(".bn-review input").nth(2).check()
    with site.expect_download() as saved:
        press(site, "Save my record")
    saved.value.save_as(tmp_path / saved.value.suggested_filename)
    text = (tmp_path / "drill.json").read_text(encoding="utf-8")
    (tmp_path / "drill.json").unlink()

    assert record.loaded(text).endswith(f" {len(entries(text))}.") and entries(state.exported()) == entries(text)
    assert [entry["known"] for entry in state.entries("answer", "bn-01")] == [True]
    learner = Deck(today=date.today() + timedelta(1))
    learner.choice.value = "due"
    assert learner.card.id == "bn-01" and Review().ticks["affine"].value
    learner.answered(True)
    learner.answered(False)
    learner.choice.value = "new"
    learner.box.kept.area.value = "written in the notebook"
    learner.box.open()

    (tmp_path / "record.json").write_text(record.saved(), encoding="utf-8")
    with site.expect_file_chooser() as chooser:
        press(site, "Read a saved record")
    chooser.value.set_files(tmp_path / "record.json")
    fresh = len(entries(state.exported())) - len(entries(text))
    expect(site.locator(".bn-record-said")).to_have_text(f"{fresh} entries were new.")
    assert entries(site.evaluate(EXPORTED)) == entries(state.exported())
    expect(site.locator(".bn-progress summary")).to_have_text("Progress: 0 of 100 cards known, 1 seen")
    site.locator(".bn-deck-choice").select_option("new")
    expect(site.locator(".bn-box textarea")).to_have_value("written in the notebook")
    site.reload()
    assert entries(site.evaluate(EXPORTED)) == entries(state.exported())


def test_what_is_no_record_is_told_and_changes_nothing(site, tmp_path):
    site.evaluate(ADD, [["review", "modes", {"on": True}, 1.5]])
    before = site.evaluate(EXPORTED)
    for wrong in ("", "[]", '{"entries": [1]}', '{"entries": [{"key": "a", "at": "1", "kind": "k", "about": "b"}]}'):
        (tmp_path / "wrong.json").write_text(wrong)
        site.locator('.bn-record input[type="file"]').set_input_files(tmp_path / "wrong.json")
        expect(site.locator(".bn-record-said")).to_contain_text("This is not a saved record")
    assert site.evaluate(EXPORTED) == before


def test_two_pages_on_one_record_lose_nothing(site, address):
    other = site.context.new_page()
    other.goto(address)
    site.evaluate(ADD, [["answer", "bn-01", {"known": True}, 1700000000.25]])
    expect(other.locator(".bn-progress summary")).to_have_text("Progress: 1 of 100 cards known, 1 seen")
    other.evaluate(ADD, [["answer", "bn-02", {"known": False}, 1700000001]])
    expect(site.locator(".bn-progress summary")).to_have_text("Progress: 1 of 100 cards known, 2 seen")
    assert entries(site.evaluate(EXPORTED)) == entries(other.evaluate(EXPORTED))


def test_a_browser_that_refuses_its_storage_is_told_and_the_deck_works(page, address):
    page.add_init_script(REFUSED)
    page.goto(address)
    expect(page.locator(".bn-record")).to_contain_text("This browser keeps nothing for this page")
    press(page, "Open the card")
    press(page, "I knew it")
    expect(page.locator(".bn-progress summary")).to_have_text("Progress: 1 of 100 cards known, 1 seen")
    assert len(entries(page.evaluate(EXPORTED))) == 2


def test_a_broken_record_is_put_aside(site):
    site.evaluate("localStorage.setItem('batchnorm-course/drill.json', '{broken')")
    site.reload()
    expect(site.locator(".bn-progress summary")).to_contain_text("0 seen")
    site.evaluate(ADD, [["answer", "bn-01", {"known": True}, 1700000000]])
    assert site.evaluate("localStorage.getItem('batchnorm-course/drill.json.broken')") == "{broken"
    site.evaluate("batchnorm.record.flush()")
    assert len(entries(site.evaluate("localStorage.getItem('batchnorm-course/drill.json')"))) == 1


def test_a_card_opens_in_less_than_fifty_milliseconds(site):
    """Also after 4000 answers, more than a megabyte of record."""
    text = "A card that you know when it is due moves up a box and comes back after some days. " * 3
    ids = list(bank.load())
    old = [["answer", ids[i % 100], {"known": i % 3 > 0, "text": text}, 1_700_000_000 + 900 * i] for i in range(4000)]
    made = [
        {"key": str(i), "at": at, "kind": kind, "about": about, **rest} for i, (kind, about, rest, at) in enumerate(old)
    ]
    site.evaluate("(text) => batchnorm.record.imported(text)", json.dumps({"entries": made}))
    site.reload()
    taken = site.evaluate(
        """() => [1, 2, 3, 4, 5].map(() => {
          const [open, next] = ['Open the card', 'Next card'].map(
            words => [...document.querySelectorAll('button')].find(button => button.textContent === words));
          const began = performance.now();
          open.click();
          document.body.offsetHeight;
          const took = performance.now() - began;
          next.click();
          return took; })"""
    )
    assert min(taken) < 50, taken


def test_it_fits_a_narrow_page_and_axe_finds_nothing(site):
    site.set_viewport_size({"width": 400, "height": 800})
    for id in ("deep-12", "init-05", "bn-01"):
        site.evaluate("(id) => location.hash = id", id)
        press(site, "Open the card")
        assert site.evaluate("document.documentElement.scrollWidth") <= 400
    small = """() => [...document.querySelectorAll('#batchnorm-deck *')].filter(e => !e.closest('math') &&
      [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 12)
      .map(e => e.outerHTML.slice(0, 80))"""
    assert site.evaluate(small) == []
    found = Axe().run(site, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in found] == []
