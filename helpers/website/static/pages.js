// Whatever is wider than the page scrolls by itself; as long as it does, it has a name and can be reached by keyboard.
"use strict";
(() => {
  const WIDE = {
    ".cell_output": "Output",
    ".table-wrapper": "Table",
    "div.math, .bn-site p:has(math)": "Formula",
    pre: "Code",
  };
  const reach = () => {
    for (const [selector, name] of Object.entries(WIDE))
      document.querySelectorAll(selector).forEach((element, i) => {
        const label = `${name} ${i + 1}, scrolls sideways`;
        const told = { tabindex: 0, role: "region", "aria-label": label };
        const scrolls = element.scrollWidth > element.clientWidth;
        for (const [attribute, value] of Object.entries(told))
          if (scrolls) element.setAttribute(attribute, value);
          else element.removeAttribute(attribute);
      });
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
  addEventListener("click", reach); // a card that is opened
  addEventListener("toggle", reach, true);
})();
