// The drill's clock: four blocks one after another, kept as events in the record, as the notebook keeps them.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.session = (function () {
  const { record } = batchnorm;
  const KIND = "drill";

  // One drill as its events tell it; null where they do not begin one.
  function session(id, events, blocks) {
    let made = null;
    for (const event of events)
      if (event.what === "begin") made = made || begun(id, event, blocks);
      else if (made) made.happened(String(event.what), event.at, event);
    return made;
  }

  function begun(id, event, blocks) {
    const made = {
      id,
      started: event.at,
      short: Boolean(event.short),
      speed: Number(event.speed ?? 1),
      block: 0,
      paused: false,
      last: event.at,
      spent: blocks.map(() => 0),
      opened: blocks.map(() => null),
      get finished() {
        return made.block === blocks.length;
      },
      get running() {
        return !made.finished && !made.paused;
      },
      planned: (block) => 60 * (made.short ? blocks[block].short : blocks[block].long),
      used: (block, now) =>
        made.spent[block] + (made.running && block === made.block ? made.speed * Math.max(now - since, 0) : 0),
      left: (now) => (made.finished ? 0 : made.planned(made.block) - made.used(made.block, now)),
      happened,
    };
    let since = 0;
    go(event.at);
    return made;

    function happened(what, when, rest) {
      const at = Math.max(when, made.last);
      if (what === "done" && rest.block === made.block) {
        stop(at);
        made.block += 1;
        made.paused = false;
        go(at);
      } else if (what === "pause" && made.running) {
        stop(at);
        made.paused = true;
      } else if (what === "resume" && made.paused) {
        made.paused = false;
        go(at);
      } else if (what === "away" && !made.finished) {
        const seconds = typeof rest.seconds === "number" ? rest.seconds : 0;
        made.spent[made.block] -= Math.min(made.speed * seconds, made.used(made.block, at));
      }
      made.last = at;
    }
    function go(at) {
      since = at;
      if (!made.finished && made.opened[made.block] === null) made.opened[made.block] = at;
    }
    function stop(at) {
      made.spent[made.block] = made.used(made.block, at);
    }
  }

  // All drills of the record, from the oldest on.
  function all(blocks) {
    const found = new Map();
    for (const entry of record.entries(KIND)) {
      if (!found.has(entry.about)) found.set(entry.about, []);
      found.get(entry.about).push(entry);
    }
    const made = [...found].map(([id, events]) => session(id, events, blocks)).filter(Boolean);
    return made.sort((a, b) => a.started - b.started);
  }

  function current(blocks) {
    return all(blocks).at(-1) || null;
  }

  function begin(short, speed) {
    const now = new Date();
    const local = new Date(now.getTime() - 60000 * now.getTimezoneOffset());
    const id = local.toISOString().slice(0, 23).replace("T", " ");
    record.add(KIND, id, { what: "begin", short, speed }, now.getTime() / 1000);
  }

  function note(drill, what, rest = {}) {
    record.add(KIND, drill.id, { ...rest, what });
  }

  // Seconds since the last sign of the learner, where they are many and the clock ran; else 0.
  function away(drill, now, limit) {
    const last = record.entries().at(-1)?.at ?? now;
    return drill.running && now - last > limit / drill.speed ? now - last : 0;
  }

  return Object.assign(session, { all, current, begin, note, away });
})();
