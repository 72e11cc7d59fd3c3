// One question to be answered: a field, and once it is opened its points and red flags to tick, and the model answer.
// What is written and ticked is kept in the record under the place of the box.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.answer_box = (function () {
  const { record } = batchnorm;
  const fields = new Set();

  // A text area whose text is kept when it is left, and when the page is.
  function field(place, label, rows = 4, since = 0) {
    const area = Object.assign(document.createElement("textarea"), { rows, placeholder: label });
    area.setAttribute("aria-label", label);
    const draft = record.latest("draft").get(place);
    let kept = draft && draft.at > since ? String(draft.text ?? "") : "";
    area.value = kept;
    area.save = () => {
      if (area.value === kept) return;
      kept = area.value;
      record.add("draft", place, { text: kept });
    };
    area.addEventListener("change", area.save);
    fields.add(area);
    return area;
  }

  function saveAll() {
    for (const area of fields) {
      area.save();
      if (!area.isConnected) fields.delete(area);
    }
  }
  for (const leaving of ["pagehide", "visibilitychange"])
    addEventListener(leaving, () => {
      saveAll();
      record.flush();
    });

  // A check box whose label is HTML of ours.
  function tick(html, on, then) {
    const row = Object.assign(document.createElement("label"), { className: "bn-tick" });
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: on });
    row.append(box, Object.assign(document.createElement("span"), { innerHTML: html }));
    box.addEventListener("change", then);
    return { row, box };
  }

  // The share of points that are ticked; a red flag caps it at one half.
  function score(points, flags) {
    const ticked = Object.values(points);
    const share = ticked.filter(Boolean).length / ticked.length;
    return Object.values(flags).some(Boolean) ? Math.min(share, 0.5) : share;
  }

  // Whole percent, halves to the even side.
  function percent(share) {
    const whole = Math.round(100 * share);
    return Math.abs((100 * share) % 1) === 0.5 && whole % 2 ? whole - 1 : whole;
  }

  function box(card, place, words, { told = "", since = 0, front = card.front, label = words.field } = {}) {
    const root = document.createElement("article");
    root.className = "bn-box";
    root.innerHTML = front.replace("{told}", told);
    const ask = root.querySelector(".bn-ask");
    ask.tabIndex = -1;
    const area = field(place, label, 3, since);
    const opener = record.button(words.open, () => open(true), "first");
    const back = Object.assign(document.createElement("div"), { className: "bn-back", hidden: true });
    root.append(area, opener, back);
    const boxes = { points: {}, flags: {} };
    const kept = record.latest("ticks").get(place);
    const made = {
      root,
      area,
      ask,
      opened: false,
      open,
      values,
      score: () => score(values("points"), values("flags")),
    };
    if (kept && kept.at > since) show(kept);
    return made;

    function values(part) {
      return Object.fromEntries(Object.entries(boxes[part]).map(([id, one]) => [id, one.checked]));
    }

    function open(focus) {
      area.save();
      show({});
      keep();
      if (focus) back.querySelector("legend").focus();
    }

    function show(ticks) {
      const group = document.createElement("fieldset");
      const legend = Object.assign(document.createElement("legend"), { innerHTML: words.ticks, tabIndex: -1 });
      const total = Object.assign(document.createElement("p"), { className: "bn-total" });
      total.setAttribute("role", "status");
      const model = Object.assign(document.createElement("div"), { className: "bn-model", innerHTML: card.model });
      group.append(legend);
      for (const part of ["points", "flags"])
        for (const [id, html] of Object.entries(card[part])) {
          const one = tick(html, Boolean(ticks[part]?.[id]), () => {
            keep();
            say(total);
          });
          boxes[part][id] = one.box;
          group.append(one.row);
        }
      say(total);
      back.append(group, total, model);
      back.hidden = false;
      opener.remove();
      made.opened = true;
    }

    function keep() {
      const [points, flags] = [values("points"), values("flags")];
      record.add("ticks", place, { card: card.id, asks: card.asks, points, flags, score: score(points, flags) });
    }

    function say(total) {
      const points = Object.values(values("points"));
      const capped = Object.values(values("flags")).some(Boolean) ? words.capped : "";
      const counts = { number: points.filter(Boolean).length, every: points.length, share: percent(made.score()) };
      total.textContent = fill(words.total, counts) + capped;
    }
  }

  // A sentence with its places filled in.
  function fill(words, values) {
    return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  return { box, field, tick, fill, percent, score, saveAll };
})();
