// Tables whose rows are inputs: <table data-rows> gets rows by [data-add] beside it and loses them by [data-drop].
(() => {
  const tell = (table) => htmx.trigger(table.closest("form"), "rows");
  document.addEventListener("click", (event) => {
    const drop = event.target.closest("[data-drop]");
    const add = event.target.closest("[data-add]");
    const panel = (drop || add)?.closest(".panel");
    const table = panel?.querySelector("table[data-rows]");
    if (!table) return;
    const body = table.tBodies[0];
    if (drop) {
      const row = drop.closest("tr");
      if (body.rows.length > 1) row.remove();
      else for (const input of row.querySelectorAll("input")) input.value = "";
    } else {
      const row = body.appendChild(body.rows[body.rows.length - 1].cloneNode(true));
      // Numbers are mostly alike, names never are.
      row.querySelector("input").value = "";
      row.querySelector("input").focus();
    }
    tell(table);
  });
  // Names typed above can be chosen below.
  document.addEventListener("change", (event) => {
    if (event.target.name !== "node_name") return;
    const names = [...document.querySelectorAll("[name=node_name]")].map((input) => input.value).filter(Boolean);
    document.getElementById("node-names").replaceChildren(...names.map((value) => Object.assign(document.createElement("option"), { value })));
  });
})();
