// What pages do beyond links and forms: values under the pointer in charts, copying, closing menus, signs where a wide
// table goes on. All of it is help only: every value stands in a table too, and every digest can be selected.
"use strict";

(() => {
  let tip = null;

  function hide() {
    if (tip !== null) tip.remove();
    tip = null;
    for (const one of document.querySelectorAll(".hit.on")) one.classList.remove("on");
  }

  // data-tip is a heading and lines of "name<tab>value".
  function show(hit) {
    hide();
    const canvas = hit.closest(".canvas");
    if (canvas === null) return;
    const [heading, ...lines] = hit.dataset.tip.split("\n");
    tip = document.createElement("div");
    tip.className = "tip";
    tip.append(Object.assign(document.createElement("b"), { textContent: heading }));
    for (const line of lines) {
      const row = document.createElement("span");
      for (const text of line.split("\t")) row.append(Object.assign(document.createElement("span"), { textContent: text }));
      tip.append(row);
    }
    canvas.append(tip);
    hit.classList.add("on");
    const around = canvas.getBoundingClientRect(), at = hit.getBoundingClientRect();
    const middle = at.left + at.width / 2 - around.left;
    const left = middle > around.width / 2 ? middle - tip.offsetWidth - 12 : middle + 12;
    tip.style.left = `${Math.max(0, Math.min(left, around.width - tip.offsetWidth))}px`;
    tip.style.top = "0.5rem";
  }

  document.addEventListener("pointerover", (event) => {
    const hit = event.target instanceof Element ? event.target.closest(".hit") : null;
    if (hit !== null) show(hit);
    else if (tip !== null) hide();
  });

  document.addEventListener("click", async (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const button = target === null ? null : target.closest("[data-copy]");
    if (button !== null) {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = button.dataset.done;
        button.classList.add("done");
      } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
      }
      setTimeout(() => { button.textContent = before; button.classList.remove("done"); }, 1500);
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (target === null || !menu.contains(target)) menu.open = false;
    }
    if (target !== null && target.closest("[data-print]") !== null) print();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = document.activeElement !== null && document.activeElement.matches("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.getElementById("search");
      if (search !== null) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  // A box that is wider than its place says on which side it goes on (data-more), and only such a one is in reach of
  // the keyboard.
  const WIDE = ".table, .nav-box, .local";

  function mark(box) {
    const beyond = box.scrollWidth - box.clientWidth;
    const before = box.scrollLeft > 1, after = box.scrollLeft < beyond - 1;
    if (before || after) box.dataset.more = before && after ? "both" : after ? "end" : "start";
    else delete box.dataset.more;
    if (box.matches(".table")) {
      if (beyond > 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  const widths = new ResizeObserver((seen) => { for (const one of seen) mark(one.target.closest(WIDE)); });

  function watch() {
    widths.disconnect();
    for (const box of document.querySelectorAll(WIDE)) {
      widths.observe(box);
      if (box.firstElementChild !== null) widths.observe(box.firstElementChild);
    }
  }

  document.addEventListener("scroll", (event) => {
    if (event.target instanceof Element && event.target.matches(WIDE)) mark(event.target);
  }, { capture: true, passive: true });
  document.addEventListener("htmx:after:swap", watch);
  document.addEventListener("DOMContentLoaded", () => {
    watch();
    const here = document.querySelector(".nav [aria-current]"), box = document.querySelector(".nav-box");
    if (here !== null) box.scrollLeft = here.offsetLeft - (box.clientWidth - here.offsetWidth) / 2;
  });

  // Paper has what a verdict rests on, opened or not.
  const unfolded = [];
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details[data-paper]:not([open])")) {
      one.open = true;
      unfolded.push(one);
    }
  });
  addEventListener("afterprint", () => { for (const one of unfolded.splice(0)) one.open = false; });

  // The copy buttons do nothing without scripts, so they are hidden until there are some.
  document.documentElement.classList.add("scripted");
})();
