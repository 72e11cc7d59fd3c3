// What is left of a drill: time against plan, questions, the rubric, what to read again. As the notebook reports it.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.report = (function () {
  const { record } = batchnorm;
  const { fill, percent, score } = batchnorm.answer_box;

  // What is ticked: what the record suggests, and over it the learner's own ticks.
  function rubric(drill, { points, flags, needs, checks, closed }) {
    const ticked = new Map();
    const flagged = [];
    for (const entry of ticksOf(drill)) {
      if (!ticked.has(entry.card)) ticked.set(entry.card, new Set());
      for (const [id, on] of Object.entries(entry.points)) if (on) ticked.get(entry.card).add(id);
      for (const [id, on] of Object.entries(entry.flags)) if (on) flagged.push([entry.card, id]);
    }
    const made = { points: {}, flags: {} };
    const asked = new Set(["benefit"]);
    for (const [name, cards] of Object.entries(needs)) {
      const several = Object.entries(cards);
      made.points[name] = several.every(([card, wanted]) => wanted.every((id) => ticked.get(card)?.has(id)));
      if (several.every(([card]) => ticked.has(card))) asked.add(name);
    }
    made.points.benefit = record.entries("contrast", drill).some((entry) => entry.own);
    const tried = record.entries("attempt", drill).at(-1);
    for (const [name, check] of Object.entries(checks))
      made.flags[name] = Boolean(tried) && !tried.passed.includes(check);
    made.flags.closed = closed.some(([card, id]) => flagged.some((one) => one[0] === card && one[1] === id));
    const own = ownTicks(drill);
    for (const id of Object.keys(own.points)) asked.add(id);
    return {
      points: Object.fromEntries(points.map(({ id }) => [id, own.points[id] ?? made.points[id]])),
      flags: Object.fromEntries(flags.map(({ id }) => [id, own.flags[id] ?? made.flags[id]])),
      learners: [own.points, own.flags].some((part) => Object.keys(part).length),
      asked,
    };
  }

  // Keep a tick of the learner's own; `part` is "points" or "flags".
  function keep(drill, part, line, on) {
    const own = ownTicks(drill);
    own[part][line] = on;
    record.add("rubric", drill, own);
  }

  function ownTicks(drill) {
    const kept = record.latest("rubric").get(drill);
    return { points: { ...kept?.points }, flags: { ...kept?.flags } };
  }

  function ticksOf(drill) {
    return [...record.latest("ticks")].filter(([place]) => place.startsWith(`${drill}/`)).map(([, entry]) => entry);
  }

  // A headline, and title and rows of each part. Rows of several cells are a table with its head first.
  function report(drill, now, sessions, data) {
    const words = data.words.report;
    const say = (name, places) => fill(words[name], places || {});
    const many = (number, what) => `${number} ${words[what]}${number === 1 ? "" : "s"}`;
    const scored = (share) => say("share", { percent: percent(share) });
    const plain = (text) => text.replaceAll("`", "");
    const used = data.blocks.map((_, block) => drill.used(block, now));
    const asked = ticksOf(drill.id)
      .filter((entry) => data.plain[entry.card])
      .map(question);
    const tried = record.entries("attempt", drill.id);
    const found = rubric(drill.id, data.rubric);
    const share = asked.length ? mean(asked.map((one) => one.score)) : null;
    const layer = tried.length
      ? say("judged", {
          passed: tried.at(-1).passed.length,
          every: tried.at(-1).of,
          attempts: many(tried.length, "attempt"),
        })
      : say("unjudged");

    const times = [words.time_head];
    data.blocks.forEach((block, i) => {
      const [took, plan] = [used[i] / 60, drill.planned(i) / 60];
      const over = took > plan ? say("over", { minutes: fixed(took - plan, 1) }) : "";
      times.push([block.title, drill.opened[i] === null ? say("not_begun") : fixed(took, 1), String(plan), over]);
    });
    const rows = [
      [say("time"), times],
      [say("code"), code()],
    ];
    if (asked.length) {
      const table = asked.map((one) => {
        const missing = one.missing.join(" · ") || say("nothing");
        return [one.asks, scored(one.score), missing + one.flags.map((fact) => ` ⚑ ${fact}`).join("")];
      });
      rows.push([say("questions"), [words.questions_head, ...table]]);
    }
    const by = say("filled") + (found.learners ? say("own") : "");
    const ticks = data.rubric.points.map(({ id, says }) => {
      const later = found.asked.has(id) ? "" : say("not_asked");
      return [`${found.points[id] ? "✓" : "○"} ${says}${later}`];
    });
    for (const { id, says } of data.rubric.flags) if (found.flags[id]) ticks.push([`⚑ ${says}`]);
    rows.push([say("rubric", { by }), ticks]);
    const weak = weakest();
    if (weak.length) rows.push([say("weakest"), weak]);
    const again = readAgain();
    if (again.length) rows.push([say("again"), again]);
    const earlier = sessions.filter((one) => one.started < drill.started);
    if (earlier.length) {
      const before = earlier.map((one) => {
        const scores = ticksOf(one.id).map((entry) => entry.score);
        const attempts = record.entries("attempt", one.id).length;
        return [one.id, short(one, sum(one.spent), attempts, scores.length ? mean(scores) : null)];
      });
      rows.push([
        say("earlier"),
        [words.earlier_head, ...before, [say("this"), short(drill, sum(used), tried.length, share)]],
      ]);
    }
    return { headline: headline(), sections: rows };

    function question(entry) {
      const card = data.plain[entry.card];
      const ids = Object.keys(card.points).filter((id) => id in entry.points);
      const points = Object.fromEntries(ids.map((id) => [id, entry.points[id]]));
      const flags = Object.fromEntries(Object.keys(card.flags).map((id) => [id, entry.flags[id]]));
      return {
        card,
        asks: plain(entry.asks),
        score: score(points, flags),
        missing: ids.filter((id) => !points[id]).map((id) => card.points[id]),
        flags: Object.keys(flags)
          .filter((id) => flags[id])
          .map((id) => card.flags[id]),
      };
    }

    function headline() {
      const done = drill.finished ? say("finished") : say("going", { done: drill.block, every: data.blocks.length });
      const questions = many(asked.length, "question");
      const result = share === null ? say("unopened") : say("scored", { share: scored(share), questions });
      return `${done} ${many(Number(fixed(sum(used) / 60, 0)), "minute")}; ${result}; ${layer}.`;
    }

    function code() {
      const narrated = [...record.latest("narrated")].filter(([place]) => place.startsWith(`${drill.id}/`));
      const ticks = narrated.flatMap(([, entry]) => entry.ticks);
      const every = sum(data.narration.map((one) => one.points.length));
      const told = [say("narrated", { said: ticks.filter(Boolean).length, every })];
      const losses = record.entries("contrast", drill.id).at(-1)?.losses;
      if (!tried.length && !losses) return [[data.words.page.code], told];
      const medians = Object.entries(losses || {}).map(([name, values]) => `${name}: ${median(values).toFixed(3)}`);
      const compared = medians.length ? say("losses", { losses: medians.join("; ") }) : say("no_losses");
      return [[`${layer[0].toUpperCase()}${layer.slice(1)}.`], [compared], told];
    }

    // The pills with the lowest mean score, at most three, below 1.
    function weakest() {
      const scores = new Map();
      for (const one of asked)
        for (const pill of one.card.pills) scores.set(pill, [...(scores.get(pill) || []), one.score]);
      const means = [...scores].map(([pill, several]) => [pill, mean(several), several.length]);
      const low = means
        .filter((one) => one[1] < 1)
        .sort((a, b) => a[1] - b[1])
        .slice(0, 3);
      return low.map(([pill, value, n]) => [
        say("weak", { pill, share: scored(value), questions: many(n, "question") }),
      ]);
    }

    // What to read again, the questions with the lowest scores first, each section once.
    function readAgain() {
      const places = new Map();
      const add = (section, why) => places.has(section) || places.set(section, why);
      for (const line of data.rubric.flags) if (found.flags[line.id]) add(line.section, say("flagged", line));
      for (const line of data.rubric.points)
        if (found.asked.has(line.id) && !found.points[line.id]) add(line.section, say("missing", line));
      for (const one of [...asked].sort((a, b) => a.score - b.score))
        if (one.score < 1 && one.card.section)
          add(one.card.section, one.missing.length ? say("missing", { says: one.missing[0] }) : one.asks);
      return [...places].map(([section, why]) => [{ why: plain(why), to: data.sections[section] }]);
    }

    function short(one, seconds, attempts, share) {
      const kind = say(one.short ? "short" : "long");
      const points = share === null ? say("no_questions") : say("score", { share: scored(share) });
      return say("result", {
        minutes: fixed(Math.max(seconds, 0) / 60, 0),
        kind,
        points,
        attempts: many(attempts, "attempt"),
      });
    }
  }

  // The report as elements.
  function shown({ headline, sections }, title) {
    const place = element("div", element("h3", title), element("p", headline));
    for (const [name, rows] of sections)
      place.append(element("h3", name), rows[0].length === 1 ? list(rows) : table(rows));
    return place;
  }

  function list(rows) {
    return element(
      "ul",
      ...rows.map(([cell]) => element("li", ...(cell.to ? [`${cell.why} → `, link(cell.to)] : [cell]))),
    );
  }

  function table([head, ...rows]) {
    const cells = head.map((text) => (text ? Object.assign(element("th", text), { scope: "col" }) : element("td")));
    const body = rows.map((row) => element("tr", ...row.map((cell) => element("td", cell))));
    return element("table", element("thead", element("tr", ...cells)), element("tbody", ...body));
  }

  function link([words, href]) {
    return Object.assign(element("a", words), { href });
  }

  function element(tag, ...inside) {
    const made = document.createElement(tag);
    made.append(...inside);
    return made;
  }

  function fixed(value, digits) {
    const scaled = value * 10 ** digits;
    const whole = Math.abs(scaled % 1) === 0.5 ? 2 * Math.round(scaled / 2) : Math.round(scaled);
    return (whole / 10 ** digits).toFixed(digits);
  }

  function sum(values) {
    return values.reduce((all, one) => all + one, 0);
  }

  function mean(values) {
    return sum(values) / values.length;
  }

  function median(values) {
    const ordered = [...values].sort((a, b) => a - b);
    const middle = Math.floor(ordered.length / 2);
    return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
  }

  return Object.assign(report, { rubric, keep, shown });
})();
