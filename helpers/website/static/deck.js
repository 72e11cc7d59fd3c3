// The deck: one card at a time, covered until it is opened, and when it comes back.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.deck = (function () {
  const { record } = batchnorm;
  const { box, tick, fill, saveAll } = batchnorm.answer_box;

  // The number of a day of this computer's calendar.
  function dayOf(at) {
    const day = new Date(1000 * at);
    return Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) / 86400000;
  }

  // Where a card stands after [[day, known], ...] from the oldest on: an answer before it is due does not move it up.
  function place(answers, days) {
    let now = null;
    for (const [day, known] of answers)
      if (!known) now = { box: 0, due: day, known };
      else if (now === null || day >= now.due) {
        const next = Math.min(now ? now.box + 1 : 1, days.length - 1);
        now = { box: next, due: day + days[next], known };
      } else now = { ...now, known };
    return now;
  }

  // Of each card its answers.
  function answers() {
    const made = new Map();
    for (const entry of record.entries("answer")) {
      if (!made.has(entry.about)) made.set(entry.about, []);
      made.get(entry.about).push([dayOf(entry.at), Boolean(entry.known)]);
    }
    return made;
  }

  // The wanted cards: the longest due first, then the new ones in the order of the bank.
  function select(cards, answered, days, { topic = "", chip = "", deck = "", choice = "all" }, today) {
    const chosen = [];
    for (const card of cards) {
      if ((topic && card.topic !== topic) || (chip && card.chip !== chip) || (deck && !card.decks.includes(deck)))
        continue;
      const now = place(answered.get(card.id) || [], days);
      const wanted = {
        all: true,
        new: now === null,
        due: now !== null && now.due <= today,
        weak: now !== null && !now.known,
      };
      if (wanted[choice]) chosen.push([now ? now.due : Infinity, card]);
    }
    return chosen.sort((a, b) => (a[0] === b[0] ? 0 : a[0] - b[0])).map(([, card]) => card);
  }

  function deck(element, data) {
    const { words, days } = data;
    const cards = new Map(data.cards.map((card) => [card.id, card]));
    const quick = new Set(data.review.flatMap((item) => item.cards));
    const make = (tag, kind, ...inside) => {
      const made = Object.assign(document.createElement(tag), { className: kind });
      made.append(...inside);
      return made;
    };
    let pile = [];
    let top = null;

    const filters = make("div", "bn-filters");
    const lists = {
      topic: list("topic", { "": words.topics, ...data.topics }),
      chip: list("chip", { "": words.chips, ...data.chips }),
      deck: list("deck", data.decks),
      choice: list("choice", data.choices),
    };
    const where = make("p", "bn-deck-where");
    where.setAttribute("role", "status");
    const stage = make("div", "bn-deck-card");
    const known = record.button(words.known, () => answered(true), "good");
    const row = make(
      "p",
      "bn-row",
      known,
      record.button(words.not_yet, () => answered(false)),
      record.button(words.next, next),
    );
    const chart = make("details", "bn-progress");
    const lines = make("section", "bn-review");
    const keeping = record.keeping(data.keeping, refresh);
    const rule = make("p", "", make("small", "", words.rule));
    element.replaceChildren(filters, where, stage, row, chart, lines, keeping, rule);
    addEventListener("hashchange", ask);
    element.addEventListener("click", (event) => {
      // a link to the card that the address names already changes nothing in it
      if (event.target.closest("a")?.getAttribute("href") === location.hash) ask();
    });
    refresh();
    ask();

    function today() {
      return dayOf(Date.now() / 1000);
    }

    // Everything from the record: at the start, and when entries came in from elsewhere.
    function refresh() {
      review();
      deal();
    }

    // Choose the cards again by the lists.
    function deal() {
      const by = Object.fromEntries(Object.entries(lists).map(([name, one]) => [name, one.value]));
      const review = by.deck === data.quick;
      pile = select(data.cards, answers(), days, { ...by, deck: review ? "" : by.deck }, today());
      if (review) pile = pile.filter((card) => quick.has(card.id));
      show("");
    }

    // The card that the address names comes on top.
    function ask() {
      const wanted = cards.get(location.hash.slice(1));
      if (!wanted) return;
      pile = [wanted, ...pile.filter((card) => card !== wanted)];
      show("");
      top.ask.focus();
      stage.scrollIntoView({ block: "nearest" });
    }

    function next() {
      pile = [...pile.slice(1), ...pile.slice(0, 1)];
      show("");
      top?.root.scrollIntoView({ block: "nearest" });
    }

    // Note whether the card was known, and go on; a covered card is opened first.
    function answered(was) {
      if (top === null) return;
      if (!top.opened) {
        top.open(false);
        where.textContent = words.opened;
        return;
      }
      const card = pile[0];
      record.add("answer", card.id, {
        known: was,
        text: top.area.value,
        ticks: top.values("points"),
        score: top.score(),
      });
      const now = place(answers().get(card.id), days);
      const day = new Date(86400000 * now.due).toLocaleDateString("en-GB", {
        day: "2-digit",
        month: "long",
        timeZone: "UTC",
      });
      const when = now.due > today() ? fill(words.on, { day }) : words.today;
      pile = pile.slice(1);
      show(fill(words.noted, { known: was ? words.was_known : words.was_not, when }));
      top?.root.scrollIntoView({ block: "nearest" });
    }

    function show(before) {
      saveAll();
      progress();
      const card = pile[0];
      if (!card) {
        top = null;
        stage.replaceChildren();
        where.textContent = before + words.none;
        return;
      }
      const mine = record.entries("answer", card.id);
      const now = place(
        mine.map((entry) => [dayOf(entry.at), Boolean(entry.known)]),
        days,
      );
      const told = `${card.id} · ${now ? fill(words.box, { box: now.box }) : words.new}`;
      top = box(card, `deck/${card.id}`, words, { told, since: mine.length ? mine.at(-1).at : 0 });
      stage.replaceChildren(top.root);
      const left = fill(pile.length === 1 ? words.one : words.several, { number: pile.length });
      where.textContent = before + fill(words.left, { number: left });
    }

    function list(name, options) {
      const made = make("select", `bn-deck-${name}`);
      for (const [value, text] of Object.entries(options)) made.add(new Option(text, value));
      filters.append(make("label", "", `${words[name]} `, made));
      made.addEventListener("change", deal);
      return made;
    }

    // What is known by topic and by chip, and how many answers a day.
    function progress() {
      const places = new Map([...answers()].map(([id, several]) => [id, place(several, days)]));
      const count = (name, several) => {
        const seen = several.map((card) => places.get(card.id)).filter(Boolean);
        return [name, seen.filter((one) => one.known).length, seen.filter((one) => !one.known).length, several.length];
      };
      const by = (key, names) =>
        Object.entries(names).map(([id, name]) =>
          count(
            name,
            data.cards.filter((card) => card[key] === id),
          ),
        );
      const every = [...places.values()];
      const head = { known: every.filter((one) => one.known).length, every: data.cards.length, seen: every.length };
      const open = chart.open;
      chart.replaceChildren(
        make("summary", "", fill(words.progress, head)),
        bars(by("topic", data.topics), words.by_topic),
        bars(by("chip", data.chips), words.by_chip),
        daily(),
      );
      chart.open = open;
    }

    function daily() {
      const counts = new Map();
      for (let day = today() - 13; day <= today(); day += 1) counts.set(day, [0, 0]);
      for (const entry of record.entries("answer")) {
        const both = counts.get(dayOf(entry.at));
        if (both) both[entry.known ? 0 : 1] += 1;
      }
      const most = Math.max(1, ...[...counts.values()].map(([a, b]) => a + b));
      const rows = [...counts].filter(([, [a, b]]) => a + b);
      const name = (day) =>
        new Date(86400000 * day).toLocaleDateString("en-GB", { day: "2-digit", month: "short", timeZone: "UTC" });
      if (!rows.length) return make("p", "", words.no_day);
      return bars(
        rows.map(([day, [a, b]]) => [name(day), a, b, most]),
        words.by_day,
      );
    }

    function bars(rows, caption) {
      const body = make("tbody", "");
      for (const [name, done, weak, every] of rows) {
        const head = make("th", "", name);
        head.scope = "row";
        const [full, hatched] = [make("i", ""), make("i", "weak")];
        full.style.width = `${(100 * done) / Math.max(every, 1)}%`;
        hatched.style.width = `${(100 * weak) / Math.max(every, 1)}%`;
        const bar = make("span", "bn-bar bn-parts", full, hatched);
        bar.setAttribute("aria-hidden", "true");
        const cell = make("td", "", bar);
        cell.style.width = "40%";
        body.append(
          make(
            "tr",
            "",
            head,
            cell,
            ...words.bar.map((text) => make("td", "", fill(text, { known: done, weak, every }))),
          ),
        );
      }
      return make("figure", "", make("figcaption", "", caption), make("table", "", body));
    }

    // The quick review: lines to tick, each with its cards.
    function review() {
      const kept = record.latest("review");
      const total = make("p", "bn-review-total");
      total.setAttribute("role", "status");
      const ticks = data.review.map((item) => {
        const one = tick("", Boolean(kept.get(item.id)?.on), () => {
          record.add("review", item.id, { on: one.box.checked });
          say();
        });
        one.row.lastChild.textContent = item.says;
        const links = item.cards.map((id) => {
          const link = Object.assign(make("a", "", id), { href: `#${id}` });
          link.setAttribute("aria-label", `${id}: ${cards.get(id).asks}`);
          return link;
        });
        return { box: one.box, row: make("div", "bn-line", one.row, make("span", "bn-cards", ...links)) };
      });
      const say = () => {
        const done = ticks.filter((one) => one.box.checked).length;
        total.textContent = fill(words.lines, { done, every: ticks.length });
      };
      lines.replaceChildren(make("h2", "", words.quick), ...ticks.map((one) => one.row), total);
      say();
    }
  }

  return Object.assign(deck, { place, select, dayOf });
})();
