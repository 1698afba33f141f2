// The steps of a charging profile, drawn and dragged: <form data-steps> with rows of "start" and "limit" and an empty
// <svg id="steps">. The rows are the truth; the drawing reads them and writes them.
(() => {
  const form = document.querySelector("form[data-steps]");
  if (!form) return;
  const svg = form.querySelector("#steps");
  const body = form.querySelector(".steps-table tbody");
  const W = 640, H = 240, LEFT = 44, RIGHT = 12, TOP = 14, BASE = 212;
  const NS = "http://www.w3.org/2000/svg";
  const DAY = 86400;
  let dragged = null;

  const inputs = (row) => Object.fromEntries([...row.querySelectorAll("input")].map((input) => [input.name, input]));
  const rows = () => [...body.rows].map((row) => ({ row, ...inputs(row) }));
  const unit = () => form.elements.unit.value;
  const seconds = (text) => {
    const parts = /^(\d+):([0-5]\d)(?::([0-5]\d))?$/.exec(text.trim());
    if (parts) return parts[1] * 3600 + parts[2] * 60 + Number(parts[3] || 0);
    return /^\d+$/.test(text.trim()) ? Number(text) : null;
  };
  const two = (n) => String(n).padStart(2, "0");
  const clock = (s) => `${two(Math.floor(s / 3600))}:${two(Math.floor((s % 3600) / 60))}${s % 60 ? `:${two(s % 60)}` : ""}`;
  const number = (text) => (text.trim() === "" ? null : Number(text.replace(",", ".")));
  const steps = () =>
    rows()
      .map((row) => ({ ...row, at: seconds(row.start.value), y: number(row.limit.value) }))
      .filter((step) => step.at !== null && Number.isFinite(step.y) && step.y >= 0)
      .sort((a, b) => a.at - b.at);

  function span(all) {
    const weekly = form.elements.kind.value === "recurring" && form.elements.recurrency.value === "weekly";
    const last = all.at(-1)?.at ?? 0;
    return weekly ? 7 * DAY : last < DAY ? DAY : Math.ceil(last / DAY + 0.25) * DAY;
  }
  function top(all) {
    if (dragged) return dragged.top; // the scale stands still under the finger
    const highest = Math.max(0, ...all.map((step) => step.y));
    const floor = unit() === "A" ? 32 : 11000;
    return Math.max(floor, Math.ceil((highest * 1.25) / (floor / 8)) * (floor / 8));
  }
  function make(name, attributes, text) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  }

  function draw() {
    const all = steps();
    const wide = span(all), high = top(all);
    const x = (at) => LEFT + ((W - LEFT - RIGHT) * Math.min(at, wide)) / wide;
    const y = (limit) => TOP + (BASE - TOP) * (1 - Math.min(limit, high) / high);
    const focused = document.activeElement?.dataset?.step;
    svg.replaceChildren();
    for (let n = 0; n <= 4; n++) {
      const value = (high * n) / 4;
      svg.append(make("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) }));
      const word = unit() === "A" ? `${deskNumber(+value.toFixed(1))} A` : `${deskNumber(+(value / 1000).toFixed(1))} kW`;
      svg.append(make("text", { class: "tick", x: LEFT - 14, y: y(value) + 4, "text-anchor": "end" }, word));
    }
    const marks = wide > DAY ? Math.round(wide / DAY) : 6;
    for (let n = 0; n <= marks; n++) {
      const at = (wide * n) / marks;
      const word = wide > DAY ? deskSay("steps.day", { number: n + 1 }) : clock(at);
      if (wide > DAY && n === marks) break;
      svg.append(make("text", { class: "tick", x: x(at), y: H - 6, "text-anchor": n === 0 ? "start" : n === marks ? "end" : "middle" }, word));
    }
    if (!all.length) return;
    let path = "";
    all.forEach((step, n) => {
      path += `${n ? "L" : "M"}${x(step.at)} ${y(step.y)}H${x(all[n + 1]?.at ?? wide)}`;
    });
    svg.append(make("path", { class: "area", d: `${path}V${BASE}H${x(all[0].at)}Z` }), make("path", { class: "stair is-new", d: path }));
    all.forEach((step, n) => {
      const handle = make("circle", {
        class: "handle", cx: x(step.at), cy: y(step.y), r: 8, tabindex: 0, role: "slider",
        "aria-label": deskSay("steps.step", { time: clock(step.at) }), "aria-valuenow": step.y, "aria-valuemin": 0, "aria-valuemax": high,
        "aria-valuetext": deskSay("steps.value", { value: `${deskNumber(step.y)} ${unit()}`, time: clock(step.at) }),
      });
      handle.dataset.step = n;
      handle.addEventListener("pointerdown", (event) => grab(event, handle, step, n, wide, high));
      handle.addEventListener("keydown", (event) => press(event, step, n, all));
      svg.append(handle);
    });
    if (focused !== undefined) svg.querySelector(`[data-step="${focused}"]`)?.focus({ preventScroll: true });
  }

  function put(step, at, limit) {
    step.start.value = clock(at);
    step.limit.value = unit() === "A" ? String(+limit.toFixed(1)) : String(Math.round(limit));
    draw();
  }
  const between = (all, n, at, wide) => Math.min(Math.max(at, n ? all[n - 1].at + 60 : 0), n + 1 < all.length ? all[n + 1].at - 60 : wide - 60);

  function grab(event, handle, step, n, wide, high) {
    event.preventDefault();
    handle.focus();
    dragged = { step, n, wide, top: high };
    svg.setPointerCapture(event.pointerId);
  }
  svg.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const all = steps();
    const grain = dragged.wide > DAY ? 3600 : 900;
    const at = Math.round((((point.x - LEFT) / (W - LEFT - RIGHT)) * dragged.wide) / grain) * grain;
    const limit = Math.min(Math.max(0, (1 - (point.y - TOP) / (BASE - TOP)) * dragged.top), dragged.top);
    const round = unit() === "A" ? Math.round(limit) : Math.round(limit / 100) * 100;
    put(dragged.step, dragged.n === 0 ? 0 : between(all, dragged.n, at, dragged.wide), round);
  });
  const release = () => {
    if (!dragged) return;
    dragged = null;
    draw();
    tell();
  };
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);

  function press(event, step, n, all) {
    const size = (unit() === "A" ? 1 : 100) * (event.shiftKey ? 5 : 1);
    const time = event.shiftKey ? 3600 : 900;
    const moves = { ArrowUp: [0, size], ArrowDown: [0, -size], ArrowLeft: [-time, 0], ArrowRight: [time, 0] };
    if (event.key === "Delete" && n > 0) return void (event.preventDefault(), drop(step.row));
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    put(step, n === 0 ? 0 : between(all, n, step.at + move[0], span(all)), Math.max(0, step.y + move[1]));
    tell();
  }

  let waiting;
  function tell() {
    clearTimeout(waiting);
    waiting = setTimeout(() => htmx.trigger(form, "steps"), 150);
  }
  function drop(row) {
    if (body.rows.length > 1) row.remove();
    else for (const input of row.querySelectorAll("input")) input.value = "";
    draw();
    tell();
  }
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-drop]")) drop(event.target.closest("tr"));
    if (!event.target.closest("[data-add]")) return;
    const all = steps();
    const last = all.at(-1);
    const free = rows().find((row) => !row.start.value && !row.limit.value);
    const row = free?.row ?? body.appendChild(body.rows[0].cloneNode(true));
    const fresh = inputs(row);
    for (const input of Object.values(fresh)) input.value = "";
    fresh.start.value = clock(last ? last.at + 3600 : 0);
    fresh.limit.value = last ? last.y : 16;
    row.after(...rows().filter((other) => other.row !== row && !other.start.value && !other.limit.value).map((other) => other.row));
    draw();
    fresh.start.focus();
    tell();
  });
  // On input, not on change: that comes as the focus leaves a field, and would take the handle from under it.
  form.addEventListener("input", (event) => {
    if (event.target.closest(".steps-table") || ["unit", "kind", "recurrency"].includes(event.target.name)) draw();
  });
  // With scripts the empty rows are not needed: a button adds them.
  for (const { row, start, limit } of rows()) if (!start.value && !limit.value && body.rows.length > 1) row.remove();
  draw();
})();
