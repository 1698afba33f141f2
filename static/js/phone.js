// What lists need on a phone. The choices of a filter fold behind a button, and chips say what is chosen; a row is a card
// whose values bear the names of their columns. All of it is there on a wide screen too, where the style hides it.
(() => {
  const HREF = document.querySelector("svg.ico use")?.getAttribute("href") || "";
  const isChoice = (field) => field.matches("select, input[type=checkbox]:not([name=cols])");
  const isChosen = (field) => (field.type === "checkbox" ? field.checked : field.selectedIndex > 0);
  const wordOf = (field) => (field.type === "checkbox" ? field.parentElement.textContent : field.selectedOptions[0].textContent).trim();

  for (const form of document.querySelectorAll("form.filters")) {
    const choices = [...form.elements].filter(isChoice);
    const find = form.querySelector(".find");
    if (!find || !choices.length) continue;
    const button = made("button", { type: "button", className: "btn btn-plain fold" });
    const chips = made("div", { className: "chosen" });
    button.append(icon("filter"), deskSay("filters"));
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => button.setAttribute("aria-expanded", form.classList.toggle("is-open")));
    find.after(button, chips);
    const tell = () =>
      chips.replaceChildren(
        ...choices.filter(isChosen).map((field) => {
          const chip = made("button", { type: "button", className: "chip" });
          chip.append(wordOf(field), icon("x"));
          chip.setAttribute("aria-label", deskSay("filters.drop", { name: wordOf(field) }));
          chip.addEventListener("click", () => {
            if (field.type === "checkbox") field.checked = false;
            else field.selectedIndex = 0;
            field.dispatchEvent(new Event("change", { bubbles: true }));
            button.focus();
          });
          return chip;
        }),
      );
    form.addEventListener("change", tell);
    tell();
  }

  function name(root) {
    const tables = root.matches?.("table.data") ? [root] : root.querySelectorAll("table.data:not(.log)");
    for (const table of tables) {
      // A head that is only read aloud stands over buttons, which say for themselves what they do.
      const words = [...(table.tHead?.rows[0]?.cells || [])].map((head) => (head.querySelector(".visually-hidden") ? "" : head.textContent.trim()));
      for (const body of table.tBodies) {
        for (const { cells } of body.rows) {
          if (cells.length !== words.length) continue;
          for (const [n, cell] of [...cells].entries()) if (words[n] && !cell.dataset.word) cell.dataset.word = words[n];
        }
      }
    }
  }
  name(document);
  document.body.addEventListener("htmx:afterSwap", (event) => name(document.getElementById(event.target.id) || event.target));

  function made(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }

  function icon(id) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = svg.appendChild(document.createElementNS(svg.namespaceURI, "use"));
    svg.setAttribute("class", "ico");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", HREF.replace(/#.*/, `#${id}`));
    return svg;
  }
})();
