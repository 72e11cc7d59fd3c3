// The axis viewer: a norm, a cell, and the squares that share their statistics with it.
// Which squares belong together, and every sentence, comes with the data from the notebook's own code.
"use strict";
window.batchnorm = window.batchnorm || {};

batchnorm.axis_viewer = function (element, data) {
  const [N, C, H, W] = data.shape;
  const svg = element.querySelector("svg");
  const squares = [...svg.querySelectorAll(".bn-cells rect")]; // in the order n, c, h, w
  const frame = svg.querySelector(".bn-frame");
  const [channels, examples] = [".bn-channels", ".bn-examples"].map((name) => [...svg.querySelector(name).children]);
  const side = element.querySelector(".bn-axes-side");
  const [count, more, code] = [".bn-axes-text", ".bn-axes-more", "code"].map((name) => side.querySelector(name));

  const controls = document.createElement("div");
  side.prepend(controls);
  const norm = list("bn-axes-norm", data.labels.norm, Object.entries(data.norms));
  const groups = list(
    "bn-axes-groups",
    data.labels.groups,
    Object.keys(data.settings.group).map((g) => [g, g]),
  );
  groups.value = data.groups;
  const sliders = data.labels.cell.map((name, axis) => slider(name, data.shape[axis] - 1, data.start[axis]));
  count.setAttribute("role", "status");
  svg.addEventListener("click", (event) => {
    const chosen = squares.indexOf(event.target);
    if (chosen < 0) return;
    const cell = [
      Math.floor(chosen / (W * H * C)),
      Math.floor(chosen / (W * H)) % C,
      Math.floor(chosen / W) % H,
      chosen % W,
    ];
    sliders.forEach((one, axis) => (one.value = cell[axis]));
    update();
  });
  element.querySelector("figcaption").append(` ${data.labels.click}`);
  update();

  function update() {
    const cell = sliders.map((one) => Number(one.value));
    const [n, c, h, w] = cell;
    const setting = data.settings[norm.value][norm.value === "group" ? groups.value : 1];
    const chosen = ((n * C + c) * H + h) * W + w;
    groups.disabled = norm.value !== "group";
    svg.style.setProperty("--light", setting.light);
    svg.style.setProperty("--dark", setting.dark);
    svg.setAttribute("aria-label", setting.summary);
    squares.forEach((square, i) => square.classList.toggle("lit", setting.sets[i] === setting.sets[chosen]));
    for (const corner of ["x", "y"]) frame.setAttribute(corner, squares[chosen].getAttribute(corner) - 0.5);
    channels.forEach((text, i) => (text.style.fontWeight = i === c ? "bold" : "normal"));
    examples.forEach((text, i) => (text.style.fontWeight = i === n ? "bold" : "normal"));
    for (const bracket of svg.querySelectorAll("[data-groups]"))
      bracket.style.display = norm.value === "group" && bracket.dataset.groups === groups.value ? "" : "none";
    sliders.forEach((one) => (one.nextSibling.textContent = one.value));
    const [first, ...rest] = setting.words;
    count.textContent = first.replace(/\{([nchw])\}/g, (_, axis) => cell["nchw".indexOf(axis)]);
    more.replaceChildren(
      ...rest.map((sentence) => Object.assign(document.createElement("div"), { textContent: sentence })),
    );
    code.textContent = setting.code;
  }

  function list(name, label, options) {
    const made = document.createElement("select");
    made.className = name;
    for (const [value, words] of options) made.add(new Option(words, value));
    row(label, made);
    made.addEventListener("change", update);
    return made;
  }

  function slider(label, max, value) {
    const made = Object.assign(document.createElement("input"), { type: "range", min: 0, max, value });
    made.className = `bn-axes-${label[0]}`;
    row(label, made, document.createElement("span"));
    made.addEventListener("input", update);
    return made;
  }

  function row(label, ...parts) {
    const made = document.createElement("label");
    made.append(Object.assign(document.createElement("span"), { textContent: label }), ...parts);
    parts[0].setAttribute("aria-label", label);
    controls.append(made);
  }
};
