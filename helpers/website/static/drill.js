// The drill: four blocks on one clock, opened one after another, with a report at the end.
// Everything is read from the record, so a page that is loaded again shows the same.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.drill = function (element, data) {
  const { record, session, report } = batchnorm;
  const { box, field, tick, fill, saveAll } = batchnorm.answer_box;
  const { clock, room } = data.words;
  const speed = data.speed || 1;
  const now = () => Date.now() / 1000;
  const make = (tag, kind, ...inside) => {
    const made = Object.assign(document.createElement(tag), { className: kind });
    made.append(...inside);
    return made;
  };
  let drill = session.current(data.blocks);
  let shownBlock = null; // for which the panels were filled
  let inTime = false; // was time left when it was told the last time?
  let away = drill ? session.away(drill, now(), data.away) : 0;

  const blocks = make("ol", "bn-blocks");
  blocks.setAttribute("aria-label", data.words.page.blocks);
  const time = make("span", "bn-time");
  time.setAttribute("role", "timer");
  const until = make("span", "bn-until");
  const said = make("p", "bn-drill-said");
  said.setAttribute("role", "status");
  const buttons = {
    long: record.button(room.long, () => begin(false), "first"),
    short: record.button(room.short, () => begin(true)),
    pause: record.button(room.pause, pause),
    done: record.button(room.done, done, "good"),
    away: record.button(room.away, discount, "first"),
  };
  const bar = make("div", "bn-drill-bar", make("p", "", time, until), make("p", "bn-row", ...Object.values(buttons)));
  const panels = data.blocks.map((block) => make("details", `bn-panel bn-block-${block.id}`));
  const ending = make("section", "bn-panel bn-report");
  const keeping = record.keeping(data.keeping, () => {
    drill = session.current(data.blocks);
    refill();
    refresh();
  });
  element.replaceChildren(blocks, bar, said, ...panels, ending, keeping);
  refill();
  refresh();
  setInterval(tell, 250);
  addEventListener("visibilitychange", tell);

  // --- the clock

  // Begin a new drill, unless another page has begun one.
  function begin(short) {
    saveAll();
    drill = session.current(data.blocks);
    if (!drill || drill.finished) session.begin(short, speed);
    changed(room.began);
    panels[0].firstChild.focus();
  }

  function pause() {
    away = 0;
    session.note(drill, drill.paused ? "resume" : "pause");
    changed(drill.paused ? room.resumed : room.is_paused);
  }

  // Close the open block and open the next one.
  function done() {
    saveAll();
    away = 0;
    session.note(drill, "done", { block: drill.block });
    drill = session.current(data.blocks);
    changed(drill.finished ? room.all_done : fill(room.next, data.blocks[drill.block]));
    (drill.finished ? ending : panels[drill.block]).firstChild.focus();
  }

  function discount() {
    session.note(drill, "away", { seconds: away });
    away = 0;
    changed(room.discounted);
    buttons.pause.focus();
  }

  function changed(words) {
    const before = drill;
    drill = session.current(data.blocks);
    if (before?.id !== drill.id || shownBlock !== drill.block) refill();
    refresh(words);
  }

  function refresh(words = "") {
    const going = drill !== null && !drill.finished;
    if (away) words = words || fill(room.nothing, { minutes: minutes(away) });
    said.textContent = words;
    for (const [name, button] of Object.entries(buttons))
      button.hidden = name === "away" ? !away : going !== ["pause", "done"].includes(name);
    buttons.pause.textContent = drill?.paused ? room.resume : room.pause;
    blocks.replaceChildren(...data.blocks.map(step));
    tell();
  }

  // One block of the list: what is planned, and once it is done what was used.
  function step(block, i) {
    const plan = drill ? drill.planned(i) / 60 : block.long;
    const kind = !drill || i > drill.block ? "" : i === drill.block ? "now" : "was";
    const told =
      kind === "was"
        ? fill(clock.used, { minutes: minutes(drill.spent[i]), plan })
        : (kind === "now" ? "▶ " : "") + fill(clock.plan, { plan });
    const made = make("li", kind, `${i + 1} · ${block.title}`, make("br", ""), told);
    if (kind === "now") made.setAttribute("aria-current", "step");
    return made;
  }

  // The time that is left of the open block, or is over.
  function tell() {
    if (drill === null) return set("", clock.stopped);
    if (drill.finished)
      return set("", fill(clock.finished, { minutes: minutes(drill.spent.reduce((all, one) => all + one, 0)) }));
    const left = drill.left(now());
    const title = data.blocks[drill.block].title;
    const stamp = `${stamped(Math.abs(left))} ${left >= 0 ? clock.left : clock.over}`;
    if (drill.paused) return set(stamp, `${title}: ${clock.paused}`);
    const end = new Date(1000 * (now() + left / drill.speed));
    const planned = fill(left >= 0 ? clock.until : clock.was_until, { until: hour(end) });
    set(stamp, `${title}: ${planned}`);
    if (inTime && left < 0) said.textContent = `${title}: ${planned}`; // for those who do not see the clock
    inTime = left >= 0;
  }

  function set(stamp, words) {
    if (time.textContent !== stamp) time.textContent = stamp;
    if (until.textContent !== words) until.textContent = words;
    time.hidden = !stamp;
  }

  // --- the blocks

  function refill() {
    shownBlock = drill?.block;
    const makers = [read, explain, implement, check];
    panels.forEach((panel, i) => {
      const title = `${i + 1} · ${data.blocks[i].title}`;
      const head = make("summary", "", make("h2", "", title));
      if (!drill || drill.block < i) {
        const before = i ? data.blocks[i - 1].title : "";
        panel.replaceChildren(head, make("p", "", before ? fill(room.locked, { before }) : room.locked_first));
      } else if (i === 0 && drill.block === 1) panel.replaceChildren(head, make("p", "", room.hidden));
      else panel.replaceChildren(head, text(data.texts[data.blocks[i].id]), ...makers[i]());
      panel.open = drill !== null && drill.block === i;
    });
    end();
  }

  function place(block, what) {
    return `${drill.id}/${block}/${what}`;
  }

  function read() {
    const notes = Object.entries(data.notes).flatMap(([name, words]) => {
      const area = field(place("read", name), words, name === "notes" ? 3 : 2);
      area.classList.add(`bn-note-${name}`);
      area.placeholder = "";
      return [make("b", "", words), area];
    });
    return [...notes, text(data.sheet, "bn-sheet")];
  }

  function explain() {
    const words = data.words.box;
    return [
      make("p", "", room.explain),
      ...data.explain.map((card) => box(card, place("explain", card.id), words, { label: room.answer }).root),
    ];
  }

  function implement() {
    return [text(`<p>${data.words.page.implement}</p>`)];
  }

  function check() {
    return [make("p", "", room.check), ...data.narration.map(narrated)];
  }

  function narrated(one, i) {
    const where = place("check", one.id);
    const kept = record.latest("narrated").get(where);
    const area = field(where, room.keywords, 2);
    const back = make("fieldset", "");
    const ticks = one.points.map((point, n) => tick(point, Boolean(kept?.ticks[n]), keep));
    const opener = record.button(room.open_check, () => {
      area.save();
      keep();
      open();
      ticks[0].box.focus();
    });
    const ask = text(`${i + 1} · ${one.asks}`, "bn-ask");
    back.append(make("legend", "", data.words.page.said), ...ticks.map((each) => each.row));
    back.hidden = true;
    if (kept) open();
    return make("div", `bn-narrated-${one.id}`, ask, area, opener, back);

    function open() {
      back.hidden = false;
      opener.remove();
    }
    function keep() {
      record.add("narrated", where, { ticks: ticks.map((each) => each.box.checked) });
    }
  }

  // --- the end

  // The rubric to tick and the report, once the drill is over or they are asked for.
  function end(asked = drill?.finished) {
    const head = Object.assign(make("h2", "", data.words.page.report), { tabIndex: -1 });
    if (drill === null) return ending.replaceChildren(head, make("p", "", data.words.rubric.none));
    if (!asked)
      return ending.replaceChildren(
        head,
        record.button(data.words.rubric.make, () => {
          end(true);
          ending.firstChild.focus();
        }),
      );
    const written = make("div", "");
    const found = report.rubric(drill.id, data.rubric);
    const line = (part, { id, says }, words) => {
      const one = tick("", found[part][id], () => {
        report.keep(drill.id, part, id, one.box.checked);
        write();
      });
      one.row.lastChild.textContent = words(says);
      return one.row;
    };
    const lines = [
      ...data.rubric.points.map((one) => line("points", one, (says) => says)),
      ...data.rubric.flags.map((one) => line("flags", one, (says) => fill(data.words.box.flag, { fact: says }))),
    ];
    const group = make("fieldset", "", make("legend", "", data.words.rubric.rubric), ...lines);
    ending.replaceChildren(head, group, written);
    write();

    function write() {
      const title = fill(data.words.report.title, { drill: drill.id });
      written.replaceChildren(report.shown(report(drill, now(), session.all(data.blocks), data), title));
    }
  }

  // --- words

  function text(html, kind = "") {
    return Object.assign(document.createElement("div"), { className: kind, innerHTML: html });
  }

  function minutes(seconds) {
    const number = Math.round(seconds / 6) / 10;
    return `${number} ${data.words.report.minute}${number === 1 ? "" : "s"}`;
  }

  function stamped(seconds) {
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }

  function hour(time) {
    return [time.getHours(), time.getMinutes()].map((number) => String(number).padStart(2, "0")).join(":");
  }
};
