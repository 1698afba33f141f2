// Small manners of the desk: menus, copy buttons, keyboard, the legend, the theme switch.
(() => {
  const isTyping = (target) => target.matches?.("input, textarea, select, [contenteditable]");

  // -- menus: one at a time, closed by Escape or a click elsewhere
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const theme = event.target.closest("[data-theme-choice]:not(html)");
    if (theme) {
      window.deskTheme(theme.dataset.themeChoice);
      markTheme();
    }
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
    if (event.target.tagName === "DIALOG") event.target.close(); // the backdrop
  });

  function markTheme() {
    for (const button of document.querySelectorAll("button[data-theme-choice]")) {
      button.setAttribute("aria-pressed", button.dataset.themeChoice === document.documentElement.dataset.themeChoice);
    }
  }
  markTheme();

  // -- on a phone the tabs and the commands scroll sideways: bring the chosen one into sight
  for (const chosen of document.querySelectorAll(".tabs [aria-current], .acts > nav [aria-current]")) {
    chosen.parentElement.scrollLeft = chosen.offsetLeft - chosen.parentElement.clientWidth / 2 + chosen.clientWidth / 2;
  }

  // -- copy
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    const use = button.querySelector("use");
    const href = use.getAttribute("href");
    use.setAttribute("href", href.replace(/#.*/, "#check"));
    button.classList.add("is-done");
    button.title = deskSay("copied");
    setTimeout(() => {
      use.setAttribute("href", href);
      button.classList.remove("is-done");
      button.title = button.getAttribute("aria-label");
    }, 1600);
  });

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // plain http has no clipboard, and a browser may refuse it
    }
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  // -- filters change the address without a new page: what speaks of "here" reads it when it is used
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-here]");
    if (link) link.search = location.search;
    const saver = event.target.closest("[data-save]");
    if (saver) save(document.getElementById(saver.dataset.save).textContent, saver.dataset.saveAs);
  });
  document.addEventListener("submit", (event) => {
    const here = event.target.querySelector("input[data-here]");
    if (here) here.value = location.search;
  });
  document.addEventListener("htmx:pushedIntoHistory", () => {
    const query = (search) => [...new URLSearchParams(search)].filter(([name, value]) => value && name !== "page").sort().join("&");
    for (const link of document.querySelectorAll(".views > nav a")) {
      if (query(link.search) === query(location.search)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  });

  function save(text, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // -- the legend of the states, on hover
  const legend = document.getElementById("legend");
  let timer;
  document.addEventListener("pointerover", (event) => {
    const state = event.target.closest?.("[data-legend]");
    clearTimeout(timer);
    if (!legend) return;
    if (!state || event.pointerType === "touch") return void (legend.matches(":popover-open") && legend.hidePopover());
    timer = setTimeout(() => {
      for (const row of legend.children) row.classList.toggle("here", row.dataset.state === state.dataset.legend);
      legend.showPopover();
      const box = state.getBoundingClientRect();
      const { width, height } = legend.getBoundingClientRect();
      legend.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
      legend.style.top = `${box.bottom + height + 12 < innerHeight ? box.bottom + 6 : box.top - height - 6}px`;
    }, 450);
  });

  // -- keyboard: `/` filters, `g …` goes, j/k walk rows, Enter opens
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
      if (event.target.matches?.("[data-filter]")) event.target.blur();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (isGoing) {
      isGoing = false;
      const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link) location.assign(link.href);
      return;
    }
    if (event.key === "g") {
      isGoing = true;
      setTimeout(() => (isGoing = false), 1200);
    } else if (event.key === "/") {
      const filter = document.querySelector("[data-filter]");
      if (filter) {
        event.preventDefault();
        filter.focus();
        filter.select();
      }
    } else if (event.key === "?") {
      document.getElementById("keys")?.showModal();
    } else if (event.key === "j" || event.key === "k") {
      walk(event.key === "j" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === document.body) {
      document.querySelector("tr.is-marked td.main a")?.click();
    }
  });

  function walk(step) {
    const rows = [...document.querySelectorAll("table.data tbody tr:has(td.main a)")];
    if (!rows.length) return;
    const now = rows.findIndex((row) => row.classList.contains("is-marked"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, now + step))];
    rows[now]?.classList.remove("is-marked");
    next.classList.add("is-marked");
    next.scrollIntoView({ block: "nearest" });
  }

  // -- a part of the page fills the screen, and goes back with Escape
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fullscreen]");
    if (!button) return;
    if (document.fullscreenElement) document.exitFullscreen();
    else document.getElementById(button.dataset.fullscreen).requestFullscreen?.().catch(() => {}); // refused: it stays as it is
  });

  // -- a form that is sent twice is carried out once: it carries a key that lasts until its answer is here
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.enctype === "multipart/form-data" || form.querySelector("input[name=once]")) return;
    const key = document.createElement("input");
    key.type = "hidden";
    key.name = "once";
    key.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    form.append(key);
  }, true);
  const forget = (root) => root.querySelectorAll?.("input[name=once]").forEach((key) => key.remove());
  document.body.addEventListener("htmx:afterRequest", (event) => forget(event.detail.elt));
  addEventListener("pageshow", (event) => event.persisted && forget(document)); // back again: a new errand

  // -- the page's answer to a request that failed: say so, keep what was typed
  document.body.addEventListener("htmx:responseError", (event) => say(deskSay("refused", { status: event.detail.xhr.status })));
  document.body.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.hasAttribute("data-live")) say(deskSay("unreachable"));
  });
  function say(text) {
    const line = document.getElementById("said");
    line.textContent = text;
    line.hidden = false;
    setTimeout(() => (line.hidden = true), 8000);
  }
})();
