// What a live swap must leave alone, and what it must point out.
(() => {
  const glowing = new Set();
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE || fresh.nodeType !== Node.ELEMENT_NODE) return true;
    // The same moment is kept fresh by time.js; the server's words for it may be a second older.
    if (old.matches("time[data-ago], time[data-running]") && old.dateTime === fresh.dateTime) return false;
    if (old.hasAttribute("data-keep")) return false;
    if (old.hasAttribute("data-glow") && textOf(old) !== textOf(fresh)) glowing.add(old);
    // What the reader has opened stays open, what is being typed stays typed.
    if (old.tagName === "DETAILS" && old.open) fresh.open = true;
    if (old === document.activeElement && "value" in old && "value" in fresh) {
      if (old.tagName === "SELECT" || old.tagName === "TEXTAREA") return false;
      fresh.setAttribute("value", old.value);
    }
    return true;
  };
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element, kind) =>
    // Written by our own scripts, unknown to the server.
    !(kind === "remove" && ["data-refreshed-at", "data-paused", "data-word"].includes(name));

  function textOf(element) {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("time").forEach((time) => (time.textContent = time.dateTime));
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  document.addEventListener("htmx:afterSettle", () => {
    for (const element of glowing) {
      element.classList.remove("glow");
      void element.offsetWidth; // restarts the animation
      element.classList.add("glow");
    }
    glowing.clear();
  });
  document.addEventListener("animationend", (event) => event.target.classList.remove("glow"));
})();
