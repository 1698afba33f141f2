// Ctrl-K: finds any charger, session, token, site or page. The server searches; this walks the results.
(() => {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const results = dialog.querySelector(".results");
  const links = () => [...results.querySelectorAll("a")];

  function open() {
    dialog.showModal();
    input.select();
    htmx.trigger(input, "palette");
  }

  function mark(step) {
    const all = links();
    if (!all.length) return;
    const now = all.findIndex((link) => link.getAttribute("aria-selected") === "true");
    const next = all[(Math.max(now, step < 0 ? 0 : -1) + step + all.length) % all.length];
    all.forEach((link) => link.setAttribute("aria-selected", link === next));
    next.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", next.id);
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      dialog.open ? dialog.close() : open();
    }
  });
  document.querySelectorAll("[data-palette]").forEach((button) => button.addEventListener("click", open));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(1);
    else if (event.key === "ArrowUp") mark(-1);
    else if (event.key === "Enter") go();
    else return;
    event.preventDefault();
  });
  // Who types fast and presses Enter means what they typed, not what the list showed a moment ago.
  let isGoing = false;
  const isCurrent = () => results.querySelector("[data-query]")?.dataset.query === input.value.trim();
  function go() {
    isGoing = !isCurrent();
    if (!isGoing) (results.querySelector('a[aria-selected="true"]') || links()[0])?.click();
  }
  results.addEventListener("htmx:afterSwap", () => {
    mark(1);
    if (isGoing && isCurrent()) go();
  });
})();
