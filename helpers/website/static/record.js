// The learner's record of deck and drill: entries {key, at, kind, about, ...} as in the notebook's drill.json.
// An entry is added, never changed or deleted; of several on one thing the latest counts. They are kept in the
// browser's own storage where it allows that, and in memory where it does not.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.record = (function () {
  const NAME = "batchnorm-course/drill.json";
  const memory = new Map();
  const lines = new Map(); // of each entry its JSON
  let ordered = null;
  let seen = null; // the text that the storage had the last time
  let keeps = true;
  let waiting = 0;
  const listeners = [];
  const places = []; // that say whether the record is kept

  // Take in what the storage has; what is no record there is put aside under another name.
  function read() {
    let text = null;
    try {
      text = localStorage.getItem(NAME);
    } catch {
      keeps = false;
    }
    if (text === null || text === seen) return;
    seen = text;
    try {
      take(parsed(text));
    } catch {
      try {
        localStorage.setItem(`${NAME}.broken`, text);
      } catch {
        keeps = false;
      }
    }
  }

  // Write in a moment, when what the learner did is on the screen.
  function soon() {
    waiting = waiting || setTimeout(flush);
  }

  function flush() {
    if (!waiting) return;
    clearTimeout(waiting);
    waiting = 0;
    read(); // another page may have written
    try {
      seen = exported();
      localStorage.setItem(NAME, seen);
      keeps = true;
    } catch {
      keeps = false;
    }
    places.forEach((tell) => tell());
  }

  function take(entries) {
    let fresh = 0;
    for (const entry of entries)
      if (!memory.has(entry.key)) {
        memory.set(entry.key, entry);
        lines.set(entry, JSON.stringify(entry));
        fresh += 1;
      }
    if (fresh) ordered = null;
    return fresh;
  }

  function entries(kind = "", about = "") {
    ordered = ordered || [...memory.values()].sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
    return ordered.filter((entry) => ["", entry.kind].includes(kind) && ["", entry.about].includes(about));
  }

  function latest(kind) {
    return new Map(entries(kind).map((entry) => [entry.about, entry]));
  }

  function add(kind, about, rest = {}, at = Date.now() / 1000) {
    const entry = { ...rest, key: name(), at, kind, about };
    take([entry]);
    soon();
    return entry;
  }

  function exported() {
    return `{"drill": 1, "entries": [\n${entries()
      .map((entry) => lines.get(entry))
      .join(",\n")}\n]}\n`;
  }

  // How many entries of an exported text were new; an error where it is no such text.
  function imported(text) {
    const fresh = take(parsed(text));
    if (fresh) soon();
    return fresh;
  }

  function parsed(text) {
    const found = JSON.parse(text)?.entries;
    const whole = (e) =>
      typeof e?.at === "number" && [e.key, e.kind, e.about].every((part) => typeof part === "string");
    if (!Array.isArray(found) || !found.every(whole)) throw new Error("not a record of the drill");
    return found;
  }

  function name() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // Where the record is kept, with buttons that save and read it as a file. `then` is called when entries came in.
  function keeping(words, then) {
    const place = document.createElement("section");
    const told = place.appendChild(document.createElement("p"));
    const said = Object.assign(document.createElement("p"), { className: "bn-record-said" });
    said.setAttribute("role", "status");
    const file = Object.assign(document.createElement("input"), {
      type: "file",
      accept: ".json,application/json",
      hidden: true,
    });
    const row = Object.assign(document.createElement("p"), { className: "bn-row" });
    row.append(
      button(words.save, save),
      button(words.load, () => file.click()),
      file,
    );
    place.className = "bn-record";
    place.append(row, said);
    tell();
    places.push(tell);
    listeners.push(then);

    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      try {
        const fresh = imported(await file.files[0].text());
        say(words.loaded.replace("{new}", fresh));
        then();
      } catch (error) {
        say(words.wrong.replace("{error}", error.message));
      }
      file.value = "";
    });
    return place;

    function tell() {
      told.textContent = keeps ? words.kept : words.lost;
    }
    function say(text) {
      said.textContent = text;
    }
    function save() {
      const address = URL.createObjectURL(new Blob([exported()], { type: "application/json" }));
      Object.assign(document.createElement("a"), { href: address, download: "drill.json" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
      say(words.saved);
    }
  }

  function button(words, then, kind = "") {
    const made = Object.assign(document.createElement("button"), {
      type: "button",
      textContent: words,
      className: kind,
    });
    made.addEventListener("click", then);
    return made;
  }

  read();
  if (keeps)
    try {
      localStorage.setItem(`${NAME}.try`, "");
      localStorage.removeItem(`${NAME}.try`);
    } catch {
      keeps = false;
    }
  addEventListener("storage", (event) => {
    if (event.key !== NAME || event.newValue === null) return;
    read();
    listeners.forEach((then) => then());
  });

  return { add, entries, latest, exported, imported, flush, keeping, button };
})();
