"""The deck: one card at a time, covered until it is opened, and when it comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date, datetime, timedelta

import ipywidgets as widgets

from helpers.drill import bank, export, page, schedule, state
from helpers.drill.bank import Card
from helpers.drill.checklist import review

from .answer_box import WIDE, AnswerBox, keys_stay
from .parts import named, show_widget, spoken
from .record import link

REVIEW = "quick-review"
DECKS = {
    "all cards": "",
    "batch norm, 15 cards": "batch-norm-15",
    "five topics, 75 cards": "five-topics-75",
    "quick review": REVIEW,
}
CHOICES = {"all": "all", "due": "due", "weak": "weak", "not seen": "new"}
RULE = (
    "A card that you know when it is due moves up a box and comes back after 1, 3, 7, then every 14 days. A card that "
    "you do not know goes back to the first box and is due at once."
)
KEYS = "Keyboard: Tab and Shift+Tab move, Space presses a button, arrow keys change a list."
WORDS = {
    "topic": "topic",
    "topics": "all topics",
    "chip": "chip",
    "chips": "all chips",
    "deck": "selection",
    "choice": "show",
    "open": "Open the card",
    "known": "I knew it",
    "not_yet": "Not yet",
    "next": "Next card",
    "field": "Your answer, or nothing: say it aloud and open the card",
    "opened": "Opened. Read it, then say whether you knew it.",
    "noted": "Noted: {known}; the card comes back {when}. ",
    "was_known": "known",
    "was_not": "not yet",
    "today": "today",
    "on": "on {day}",
    "left": "In this selection: {number}.",
    "one": "the last card",
    "several": "{number} cards",
    "none": "No card is left in this selection. Choose another one above.",
    "box": "box {box}",
    "new": "not seen yet",
    "progress": "Progress: {known} of {every} cards known, {seen} seen",
    "by_topic": "By topic, cards",
    "by_chip": "By chip, cards",
    "by_day": "Answers a day, the last 14 days (of the day with most)",
    "no_day": "No answers in the last 14 days.",
    "lines": "{done} of {every} lines ticked.",
}
"""What the deck says, here and on the course's pages."""


class Deck:
    """Filters, the card on top, and three things to do with it."""

    def __init__(self, today: date | None = None) -> None:
        self._today = today
        self.topic = self._list("topic", {WORDS["topics"]: "", **{t.title: t.id for t in bank.topics().values()}})
        self.chip = self._list("chip", {WORDS["chips"]: "", **{f"{page.SIGNS[c]} {c}": c for c in bank.CHIPS}})
        self.deck = self._list("deck", DECKS)
        self.choice = self._list("choice", CHOICES)
        self.where = named("bn-deck-where", widgets.HTML())
        self.card_place = named("bn-deck-card", widgets.VBox())
        self.known = self._button(WORDS["known"], "success", lambda: self.answered(True))
        self.not_yet = self._button(WORDS["not_yet"], "", lambda: self.answered(False))
        self.later = self._button(WORDS["next"], "", self.next)
        self.chart = named("bn-deck-chart", widgets.HTML())
        self.files = widgets.HTML()
        flow = widgets.Layout(flex_flow="row wrap")
        self.root = named(
            "bn-deck",
            widgets.VBox(
                [
                    widgets.HBox([self.topic, self.chip, self.deck, self.choice], layout=flow),
                    self.where,
                    self.card_place,
                    widgets.HBox([self.known, self.not_yet, self.later], layout=flow),
                    self.chart,
                    self._button("Cards as files", "", self._export),
                    self.files,
                    widgets.HTML(page.page(f"<p><small>{RULE} {KEYS}</small></p>")),
                ]
            ),
        )
        keys_stay(self.root)
        self.box: AnswerBox | None = None
        self.cards: list[Card] = []
        self.dealt()

    @property
    def card(self) -> Card | None:
        """The card on top."""
        return self.cards[0] if self.cards else None

    def dealt(self) -> None:
        """Choose the cards again by the filters."""
        self.cards = schedule.select(
            bank.load().values(),
            state.answers(),
            topic=self.topic.value,
            chip=self.chip.value,
            deck=self.deck.value if self.deck.value != REVIEW else "",
            choice=self.choice.value,
            today=self._today,
        )
        if self.deck.value == REVIEW:
            wanted = {id for item in review() for id in item.cards}
            self.cards = [card for card in self.cards if card.id in wanted]
        self._show("")

    def next(self) -> None:
        """Put the card on top below the others."""
        self.cards = [*self.cards[1:], *self.cards[:1]]
        self._show("")

    def answered(self, known: bool) -> None:
        """Note whether the card was known, and go on; a covered card is opened first."""
        if self.box is None or self.card is None:
            return
        if not self.box.opened:
            self.box.open()
            self.where.value = spoken(WORDS["opened"])
            return
        card, box = self.card, self.box
        ticks = {name: tick.value for name, tick in box.ticks.items()}
        state.add("answer", card.id, known=known, text=box.kept.text, ticks=ticks, score=box.score)
        now = schedule.place(state.answers()[card.id])
        later = now is not None and now.due > (self._today or date.today())
        when = WORDS["on"].format(day=f"{now.due:%d %B}") if now and later else WORDS["today"]
        how = WORDS["was_known" if known else "was_not"]
        self.cards = self.cards[1:]
        self._show(WORDS["noted"].format(known=how, when=when))

    def _show(self, before: str) -> None:
        card = self.card
        self.chart.value = progress(self._today)
        if card is None:
            self.box = None
            self.card_place.children = []
            self.where.value = spoken(before + WORDS["none"])
            return
        answers = state.entries("answer", card.id)
        since = answers[-1]["at"] if answers else 0.0
        now = schedule.place(state.answers().get(card.id, []))
        told = WORDS["box"].format(box=now.box) if now else WORDS["new"]
        self.box = AnswerBox(
            card,
            f"deck/{card.id}",
            told=f"{card.id} · {told}",
            since=since,
            placeholder=WORDS["field"],
        )
        self.box.opener.description = "Read my answer again" if self.box.opened else WORDS["open"]
        self.card_place.children = [self.box.root]
        left = WORDS["one" if len(self.cards) == 1 else "several"].format(number=len(self.cards))
        self.where.value = spoken(before + WORDS["left"].format(number=left))

    def _export(self) -> None:
        self.files.value = _exports()

    def _list(self, name: str, options: dict[str, str]) -> widgets.Dropdown:
        made = widgets.Dropdown(
            options=list(options.items()),
            description=WORDS[name],
            style={"description_width": "initial"},
            layout=widgets.Layout(width="auto", max_width="300px"),
        )
        made.observe(lambda _: self.dealt(), "value")
        made.add_class(f"bn-deck-{WORDS[name]}")
        return made

    def _button(self, words: str, style: str, then: Callable[[], None]) -> widgets.Button:
        made = widgets.Button(description=words, button_style=style)
        made.on_click(lambda _: then())
        return made


def progress(today: date | None = None) -> str:
    """What is known: a chart by topic, one by chip, and one over the last days."""
    places = {id: schedule.place(days) for id, days in state.answers().items()}
    cards = list(bank.load().values())

    def row(name: str, several: list[Card]) -> tuple[str, int, int, int]:
        seen = [place for card in several if (place := places.get(card.id))]
        return name, sum(p.known for p in seen), sum(not p.known for p in seen), len(several)

    topics = [row(t.title, list(t.cards)) for t in bank.topics().values()]
    chips = [row(f"{page.SIGNS[c]} {c}", [card for card in cards if card.chip == c]) for c in bank.CHIPS]
    charts = page.bars(topics, WORDS["by_topic"]) + page.bars(chips, WORDS["by_chip"]) + _days(today or date.today())
    known = sum(1 for place in places.values() if place and place.known)
    head = WORDS["progress"].format(known=known, every=len(cards), seen=len(places))
    return page.page(f"<details><summary>{head}</summary>{charts}</details>", "bn-drill bn-card")


def _days(today: date) -> str:
    days = [today - timedelta(n) for n in range(13, -1, -1)]
    counts = {day: [0, 0] for day in days}
    for entry in state.entries("answer"):
        day = datetime.fromtimestamp(entry["at"]).date()
        if day in counts:
            counts[day][not entry.get("known")] += 1
    most = max([sum(both) for both in counts.values()] + [1])
    rows = [(f"{day:%d %b}", known, weak, most) for day, (known, weak) in counts.items() if known + weak]
    if not rows:
        return f"<p>{WORDS['no_day']}</p>"
    return page.bars(rows, WORDS["by_day"])


def _exports() -> str:
    """The cards for Anki and as CSV, as links that need no server."""
    cards = list(bank.load().values())
    files = {
        "Anki (text import)": ("batchnorm_cards_anki.txt", export.anki(cards), "text/plain"),
        "CSV": ("batchnorm_cards.csv", export.table(cards), "text/csv"),
    }
    links = [link(words, *about) for words, about in files.items()]
    return page.page(f"<p>All cards as a file: {' · '.join(links)}</p>")


class Review:
    """The quick review: lines to tick; a tick stays until it is taken away."""

    def __init__(self) -> None:
        kept = state.latest("review")
        self.ticks = {item.id: widgets.Checkbox(description=item.says, indent=False, layout=WIDE) for item in review()}
        for id, tick in self.ticks.items():
            tick.value = bool(kept[id]["on"]) if id in kept else False
            tick.observe(functools.partial(self._ticked, id), "value")
        self.total = named("bn-review-total", widgets.HTML())
        self.root = named("bn-review", widgets.VBox([*self.ticks.values(), self.total]))
        self._say()

    def _ticked(self, id: str, change: dict[str, object]) -> None:
        state.add("review", id, on=bool(change["new"]))
        self._say()

    def _say(self) -> None:
        done = sum(bool(tick.value) for tick in self.ticks.values())
        self.total.value = spoken(WORDS["lines"].format(done=done, every=len(self.ticks)))


def quick_review() -> None:
    """Show the quick review."""
    show_widget(Review().root, None, "The quick review: run this cell to tick what you can say.")


def deck() -> None:
    """Show the deck."""
    cards = bank.load()
    alt = f"The deck: {len(cards)} interview questions in {len(bank.topics())} topics. Run this cell to answer them."
    show_widget(Deck().root, None, alt)
