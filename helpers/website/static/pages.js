// Whatever is wider than the page scrolls by itself; as long as it does, it can be reached by keyboard.
"use strict";
(() => {
  const WIDE = ".cell_output, .table-wrapper, div.math, pre";
  const reach = () => {
    for (const element of document.querySelectorAll(WIDE))
      if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
  addEventListener("toggle", reach, true);
})();
