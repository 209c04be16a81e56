// What pages do beyond links and forms: values under the pointer in charts, copying, closing menus. All of it is help
// only: every value stands in a table too, and every digest can be selected.
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

  // The copy buttons do nothing without scripts, so they are hidden until there are some.
  document.documentElement.classList.add("scripted");
})();
