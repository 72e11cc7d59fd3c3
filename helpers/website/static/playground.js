// The playground on recorded runs: two sliders, a norm, a seed and a step, and what the notebook showed of that run.
// Panels, words and numbers were made by the notebook's own code and come with the data; here they are moved only.
"use strict";
window.batchnorm = window.batchnorm || {};

(() => {
  const source = document.currentScript?.src; // none where the script itself stands in the page
  const packed = {}; // parts by name: "none 0", "batch 0", …
  const unpacked = {};
  let loading = null;

  /** More parts; playground_more.js calls it. */
  batchnorm.recorded = (parts) => Object.assign(packed, parts);

  /** The script beside this one, loaded once; where that fails, the next call tries again. */
  const more = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("playground_more.js", source);
      script.onload = resolve;
      script.onerror = () => {
        loading = null;
        script.remove();
        reject(new Error(`${script.src} cannot be loaded`));
      };
      document.head.append(script);
    }));

  /** A part by its name. */
  async function part(name) {
    if (!packed[name]) await more();
    return (unpacked[name] ??= await unpack(packed[name]));
  }

  /** Texts, and the bytes of what is drawn. */
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const body = await new Response(stream).arrayBuffer();
    const length = new DataView(body).getUint32(0, true);
    const texts = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length)));
    return { ...texts, nets: texts.ended?.[0].length, drawn: new DataView(body, 4 + length) };
  }

  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  /** Make a node what another one is, and change only what differs. */
  function patch(node, wanted) {
    const same = node.nodeName === wanted.nodeName && node.childNodes.length === wanted.childNodes.length;
    if (!same) return node.replaceWith(wanted.cloneNode(true));
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data !== wanted.data) node.data = wanted.data;
      return;
    }
    for (const name of node.getAttributeNames()) if (!wanted.hasAttribute(name)) node.removeAttribute(name);
    for (const { name, value } of wanted.attributes)
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    [...node.childNodes].forEach((child, i) => patch(child, wanted.childNodes[i]));
  }

  /** Bring the playground in ``element`` to life. */
  batchnorm.playground = async function (element, data) {
    if (typeof DecompressionStream === "undefined") return; // an old browser keeps the still picture
    Object.assign(packed, data.parts);
    if (data.body) element.innerHTML = data.body;
    const empty = await unpack(data.frames); // panels by norm, with nothing drawn in them
    const find = (name) => element.querySelector(name);
    const panels = { curves: find(".bn-curves"), third: find(".bn-third"), map: find(".bn-plane") };
    const say = find(".bn-say");
    const words = find(".bn-words");
    const sliders = { lr: find(".bn-lr"), batch: find(".bn-batch"), stop: find(".bn-step") };
    const play = find(".bn-play");
    const last = data.stops.length - 1;
    const made = {}; // by norm
    const visited = {}; // by norm: the mark of each run that was looked at
    const at = { lr: +sliders.lr.value, batch: +sliders.batch.value, stop: last, norm: "", seed: "" };
    let nets = []; // of the run on the page: the part that each net is in, and its place there
    let moved = 0;

    const chosen = (name) => find(`.bn-${name} input:checked`).value;
    const cell = () => at.batch * data.lrs.length + at.lr;

    /** The panels of a norm, made when they are first needed. */
    function frames(norm) {
      if (made[norm]) return made[norm];
      const found = {};
      for (const [name, html] of Object.entries(empty[norm])) {
        found[name] = panels[name].cloneNode();
        found[name].innerHTML = html;
      }
      for (const chart of found.curves.querySelectorAll(".bn-plot > svg"))
        chart.insertBefore(svg("path", { class: "bn-now" }), chart.querySelector("polyline"));
      found.third.querySelectorAll(".bn-plot > svg").forEach((chart, net) => {
        for (let layer = 0; layer < data.depth; layer++)
          chart.append(svg("polygon", { class: `bn-shape ${data.nets[norm][net]}` }));
      });
      for (const run of found.map.querySelectorAll(".bn-run")) run.remove();
      found.map.querySelector("svg").append(svg("g", { class: "bn-runs" }));
      return (made[norm] = found);
    }

    /** The panels of a norm in place of another's; what is the same stays, which is soon drawn. */
    function show(norm) {
      for (const [name, found] of Object.entries(frames(norm))) patch(panels[name], found);
      visited[norm] ??= {};
      panels.map.querySelector(".bn-runs").innerHTML = Object.values(visited[norm]).join("");
    }

    /** Everything that depends on learning rate, batch size, norm and seed. */
    async function go() {
      const turn = ++moved;
      const [norm, seed] = [chosen("norm"), chosen("seed")];
      let plain, normed;
      try {
        [plain, normed] = await Promise.all([part(`none ${seed}`), part(`${norm} ${seed}`)]);
      } catch (error) {
        if (!at.norm) throw error; // nothing was drawn yet: the still picture stays
        if (turn === moved) await back();
        return;
      }
      if (turn !== moved) return;
      if (norm !== at.norm) show(norm);
      Object.assign(at, { norm, seed, lr: +sliders.lr.value, batch: +sliders.batch.value });
      nets = [plain, normed].flatMap((found) =>
        Array.from({ length: found.nets }, (_, net) => ({ found, net, place: cell() * found.nets + net }))
      );
      at.stop = sliders.stop.value = last;
      say.innerHTML = normed.say[cell()];
      const open = words.querySelector("details")?.open;
      words.innerHTML = normed.words[cell()];
      if (open) words.querySelector("details").open = true;
      draw_curves();
      draw_map(normed.won[cell()]);
      step();
    }

    /** Norm and seed as they were, where the runs that were asked for cannot be had. */
    async function back() {
      for (const name of ["norm", "seed"]) find(`.bn-${name} [value="${at[name]}"]`).checked = true;
      const turn = moved + 1;
      await go();
      if (turn === moved) say.insertAdjacentHTML("afterbegin", `<p>${data.lost}</p>`);
    }

    function draw_curves() {
      const legend = panels.curves.querySelectorAll(".bn-legend > span");
      nets.forEach(({ found, net }, i) => {
        const name = (legend[i].dataset.name ??= legend[i].textContent);
        const ended = found.ended[cell()][net];
        legend[i].lastChild.data = ended ? `${name}: ${ended}` : name;
      });
      panels.curves.querySelectorAll(".bn-plot").forEach((plot, panel) => {
        for (const end of plot.querySelectorAll(".bn-end")) end.remove();
        plot.querySelectorAll("polyline").forEach((line, i) => line.setAttribute("points", curve(plot, panel, i)));
      });
    }

    /** A net's points in a panel; one that diverged leaves by the top, with a cross. */
    function curve(plot, panel, i) {
      const { found, net, place } = nets[i];
      const points = [];
      data.measured.forEach((step, k) => {
        const y = found.drawn.getUint16(2 * ((2 * place + panel) * data.measured.length + k), true);
        if (y !== data.missing) points.push(`${((100 * step) / data.steps).toFixed(1)},${(y / 10).toFixed(1)}`);
      });
      if (found.ended[cell()][net]) {
        const x = ((100 * (found.losses[cell()][net] + 1)) / data.steps).toFixed(1);
        points.push(`${x},0.0`);
        const end = `<span class="bn-end ${data.nets[at.norm][i]}" style="left:${x}%;top:0">✕</span>`;
        plot.insertAdjacentHTML("beforeend", end);
      }
      return points.join(" ");
    }

    /** The frame where the reader stands, and a dot for each run that was looked at. */
    function draw_map(won) {
      const map = panels.map.querySelector("svg");
      const rects = [...map.querySelectorAll(".bn-cell")];
      const [x, y] = ["x", "y"].map((name) => +rects[cell()].getAttribute(name));
      for (const box of map.querySelectorAll("rect.bn-halo, rect.bn-here")) {
        box.setAttribute("x", x);
        box.setAttribute("y", y);
      }
      const dots = map.querySelector(".bn-runs");
      const [runs, run] = [visited[at.norm], `${cell()} ${at.seed}`];
      if (!runs[run]) dots.insertAdjacentHTML("beforeend", (runs[run] = mark(x, y, won)));
      map.dataset.says ??= map.getAttribute("aria-label");
      const said = map.dataset.says.split(/[\d.]*\d/);
      const numbers = [data.lrs[at.lr], data.batch_sizes[at.batch], dots.childElementCount, ""];
      map.setAttribute("aria-label", said.map((text, i) => text + numbers[i]).join(""));
    }

    function mark(x, y, outcome) {
      const [cx, cy] = [x + data.cell - 2, y + 2];
      if (data.outcomes[outcome] === "NEITHER") {
        const path = `d="M${cx - 3} ${cy - 3}l6 6m0 -6l-6 6"`;
        return `<g class="bn-run"><path class="bn-halo" ${path}/><path class="bn-here" ${path}/></g>`;
      }
      if (data.outcomes[outcome] === "SAME") return `<circle class="bn-same bn-run" cx="${cx}" cy="${cy}" r="3.5"/>`;
      const winner = data.nets[at.norm][data.outcomes[outcome] === "FIRST" ? 1 : 2]; // 1: the control
      return `<circle class="bn-dot bn-run ${winner}" cx="${cx}" cy="${cy}" r="4"/>`;
    }

    /** Everything that depends on the step too. */
    function step() {
      const now = data.stops[at.stop];
      const x = ((100 * now) / data.steps).toFixed(1);
      for (const line of panels.curves.querySelectorAll(".bn-now"))
        line.setAttribute("d", at.stop < last ? `M${x} 0v100` : "");
      panels.third.querySelectorAll(".bn-chart").forEach((chart, i) => {
        const { found, net, place } = nets[i];
        const told = found.told[cell()][net][at.stop];
        chart.querySelector(".bn-title .bn-mute").textContent = told;
        const image = chart.querySelector("[role=img]");
        image.dataset.says ??= image.getAttribute("aria-label");
        image.setAttribute("aria-label", image.dataset.says.replace(/\d+, $/, `${now}, ${told}`));
        const first = data.depth * data.bins * (place * data.stops.length + at.stop);
        chart.querySelectorAll("polygon").forEach((shape, layer) =>
          shape.setAttribute("points", outline(found, first + layer * data.bins, layer))
        );
      });
      tell();
    }

    /** A layer's distribution, standing upright and mirrored; "" where there is none. */
    function outline(found, first, layer) {
      const drawn = data.cells * found.nets * 4 * data.measured.length; // bytes of the curves
      const middle = ((layer + 0.5) * 100) / data.depth;
      const half = 46 / data.depth;
      const places = [];
      const height = (bin) => 100 * (1 - (bin + 0.5) / data.bins);
      for (let bin = 0; bin < data.bins; bin++) {
        const two = found.drawn.getUint8(drawn + ((first + bin) >> 1));
        const wide = (first + bin) & 1 ? two & 15 : two >> 4;
        if (wide || places.length) places.push([height(bin), (half * wide) / data.levels]);
      }
      while (places.length && !places.at(-1)[1]) places.pop();
      if (!places.length) return "";
      const edge = 50 / data.bins;
      places.unshift([places[0][0] + edge, 0]);
      places.push([places.at(-1)[0] - edge, 0]);
      const side = (sign) => places.map(([y, wide]) => `${(middle + sign * wide).toFixed(1)},${y.toFixed(1)}`);
      return [...side(1), ...side(-1).reverse()].join(" ");
    }

    /** The numbers beside the sliders, which a screen reader hears too. */
    function tell() {
      const numbers = { lr: data.lrs[sliders.lr.value], batch: data.batch_sizes[sliders.batch.value] };
      numbers.stop = data.stops[at.stop];
      for (const [name, slider] of Object.entries(sliders)) {
        slider.setAttribute("aria-valuetext", numbers[name]);
        slider.nextElementSibling.textContent = numbers[name];
      }
    }

    let timer = 0;
    function pause() {
      clearInterval(timer);
      timer = 0;
      play.textContent = "▶";
    }
    const scrub = (stop) => {
      at.stop = sliders.stop.value = stop;
      step();
    };
    play.addEventListener("click", () => {
      if (timer) return pause();
      if (at.stop === last) scrub(0);
      play.textContent = "❚❚";
      timer = setInterval(() => (at.stop < last ? scrub(at.stop + 1) : pause()), 400);
    });
    sliders.stop.addEventListener("input", () => (pause(), scrub(+sliders.stop.value)));
    for (const name of ["lr", "batch"]) sliders[name].addEventListener("input", () => (pause(), go()));
    for (const name of ["norm", "seed"]) find(`.bn-${name}`).addEventListener("change", () => (pause(), go()));
    panels.map.addEventListener("click", (event) => {
      const found = [...panels.map.querySelectorAll(".bn-cell")].indexOf(event.target.closest("g")?.querySelector(".bn-cell"));
      if (found < 0) return;
      sliders.lr.value = found % data.lrs.length;
      sliders.batch.value = Math.floor(found / data.lrs.length);
      pause();
      go();
    });

    await go();
    find(".bn-playground").classList.add("bn-moves"); // shows the controls
    performance.mark("batchnorm-ready");
    const idle = window.requestIdleCallback || setTimeout;
    for (const norm of Object.keys(data.nets)) idle(() => frames(norm));
    const early = () => more().catch(() => {}); // a choice says it
    if (source) for (const event of ["pointerover", "focusin"]) find(".bn-choices").addEventListener(event, early);
  };
})();
