// The map of sites. A ring has the colours of what its chargers do, their number, and the shape of the worst of it. Sites
// that would lie on each other are one ring until one comes closer. Without a tile service the ground is a grid of
// degrees, so that nothing is asked of anybody.
(() => {
  const holder = document.getElementById("map");
  const news = document.getElementById("map-news");
  if (!holder || !window.L) return;
  const ORDER = ["faulted", "offline", "unavailable", "suspended", "charging", "preparing", "reserved", "available", "unknown"]; // the worst first
  const TOGETHER_PX = 44;
  const SVG = "http://www.w3.org/2000/svg";

  const map = L.map(holder, { worldCopyJump: true, zoomAnimation: false, markerZoomAnimation: false, minZoom: 2, maxZoom: 18, zoomControl: false });
  L.control.zoom({ position: "bottomright" }).addTo(map);
  map.attributionControl.setPrefix("");
  map.setView([20, 0], 2);
  const made = (tag, className = "") => Object.assign(document.createElement(tag), { className });
  const legend = made("div", "map-legend");
  const corner = L.control({ position: "topright" });
  corner.onAdd = () => legend;
  corner.addTo(map);
  const ground = L.layerGroup().addTo(map);
  const rings = L.layerGroup().addTo(map);
  let told = { sites: [], words: {} };
  let isFirst = true;

  if (holder.dataset.tiles) L.tileLayer(holder.dataset.tiles, { attribution: holder.dataset.attribution, maxZoom: 18 }).addTo(map);
  else map.on("moveend zoomend", drawGround);

  function drawGround() {
    ground.clearLayers();
    const bounds = map.getBounds();
    const span = Math.max(0.001, bounds.getEast() - bounds.getWest());
    const step = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002].find((size) => span / size >= Math.min(7, holder.clientWidth / 100)) || 0.002;
    const line = (points) => L.polyline(points, { className: "map-grid", interactive: false, weight: 1 }).addTo(ground);
    const word = (at, text) => L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: "map-degree", html: text, iconSize: [64, 14], iconAnchor: [-4, 16] }) }).addTo(ground);
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const degree = (value, positive, negative) => `${deskNumber(Math.abs(value), digits)}° ${value < 0 ? negative : positive}`;
    for (let n = Math.ceil(bounds.getWest() / step); n * step <= bounds.getEast(); n++) {
      line([[Math.max(-85, bounds.getSouth()), n * step], [Math.min(85, bounds.getNorth()), n * step]]);
      word([bounds.getSouth(), n * step], degree(((n * step + 540) % 360) - 180, deskSay("map.east"), deskSay("map.west")));
    }
    for (let n = Math.ceil(Math.max(-85, bounds.getSouth()) / step); n * step <= Math.min(85, bounds.getNorth()); n++) {
      line([[n * step, bounds.getWest()], [n * step, bounds.getEast()]]);
      word([n * step, bounds.getWest()], degree(n * step, deskSay("map.north"), deskSay("map.south")));
    }
  }

  // Sites by the cell of the screen that they fall into; each group is drawn in the middle of its sites.
  function groups() {
    const cells = new Map();
    for (const site of told.sites) {
      const point = map.project(site.at);
      const cell = `${Math.floor(point.x / TOGETHER_PX)}:${Math.floor(point.y / TOGETHER_PX)}`;
      cells.set(cell, [...(cells.get(cell) || []), site]);
    }
    return [...cells.values()];
  }

  function draw() {
    const focused = document.activeElement?.getAttribute?.("aria-label");
    rings.clearLayers();
    for (const sites of groups()) {
      const middle = [0, 1].map((axis) => sites.reduce((sum, site) => sum + site.at[axis], 0) / sites.length);
      if (!map.getBounds().pad(0.2).contains(middle)) continue;
      const counts = {};
      for (const site of sites) for (const [state, count] of Object.entries(site.counts)) counts[state] = (counts[state] || 0) + count;
      const name = sites.length === 1 ? sites[0].name : deskSay("map.sites", { count: sites.length });
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const label = `${deskSay("map.label", { name, count: total })}${total ? `: ${words(counts)}` : ""}`;
      const marker = L.marker(middle, { icon: L.divIcon({ className: `map-ring${counts.faulted ? " is-loud" : ""}`, html: ring(counts, total), iconSize: [42, 42] }), title: label, alt: label, riseOnHover: true, zIndexOffset: counts.faulted ? 2000 : counts.offline ? 1000 : 0 });
      marker.on("add", () => {
        const element = marker.getElement();
        element.setAttribute("aria-label", label);
        if (focused === label) element.focus();
      });
      if (sites.length > 1 && map.getZoom() < map.getMaxZoom()) marker.on("click", () => map.fitBounds(L.latLngBounds(sites.map((site) => site.at)).pad(0.3), { maxZoom: 17 }));
      else marker.bindPopup(() => popup(sites));
      marker.addTo(rings);
    }
  }

  const words = (counts) => ORDER.filter((state) => counts[state]).map((state) => `${counts[state]} ${told.words[state]}`).join(", ");

  function ring(counts, total) {
    const svg = node("svg", { viewBox: "0 0 42 42", class: "ring", "aria-hidden": "true" });
    svg.append(node("circle", { class: "ground", cx: 21, cy: 21, r: 20 }), node("circle", { class: "base", cx: 21, cy: 21, r: 15.915 }));
    let offset = 0;
    for (const state of ORDER) {
      if (!counts[state]) continue;
      const length = (100 * counts[state]) / total;
      svg.append(node("circle", { class: `is-${state}`, cx: 21, cy: 21, r: 15.915, "stroke-dasharray": `${length} 100`, "stroke-dashoffset": -offset, transform: "rotate(-90 21 21)" }));
      offset += length;
    }
    const worst = ORDER.find((state) => counts[state]);
    const text = node("text", { x: 21, y: worst ? 31 : 25, "text-anchor": "middle", "font-size": total > 999 ? 10 : 12 });
    text.textContent = total;
    svg.append(text);
    if (worst) svg.append(shape(worst, { x: 15, y: 8, width: 12, height: 12 }));
    return svg;
  }

  function shape(state, place) {
    const svg = node("svg", { class: `is-${state}`, "aria-hidden": "true", ...place });
    svg.append(node("use", { href: `${holder.dataset.icons}#s-${state}` }));
    return svg;
  }

  // What all chargers on the map do: shape, word and number.
  function drawLegend() {
    const counts = {};
    for (const site of told.sites) for (const [state, count] of Object.entries(site.counts)) counts[state] = (counts[state] || 0) + count;
    legend.replaceChildren(
      ...ORDER.filter((state) => counts[state]).map((state) => {
        const line = made("div", `state is-${state}`);
        const count = made("b");
        count.textContent = counts[state];
        line.append(shape(state, {}), told.words[state], count);
        return line;
      }),
    );
    legend.hidden = !legend.childElementCount;
  }

  function popup(sites) {
    const list = document.createElement("div");
    list.className = "map-popup";
    for (const site of sites.slice(0, 20)) {
      const link = document.createElement("a");
      link.href = site.url;
      link.textContent = site.name;
      const line = document.createElement("div");
      line.textContent = words(site.counts) || deskSay("map.none");
      line.className = "sub";
      list.append(link, line);
    }
    return list;
  }

  function node(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function show(text) {
    told = JSON.parse(text);
    if (isFirst && told.sites.length) map.fitBounds(L.latLngBounds(told.sites.map((site) => site.at)).pad(0.2), { maxZoom: 13 });
    isFirst = false;
    drawLegend();
    // An open popup is being read: the rings wait until it is closed.
    if (!holder.querySelector(".leaflet-popup")) draw();
  }

  map.on("moveend zoomend popupclose", draw);
  news.addEventListener("htmx:afterRequest", (event) => event.detail.successful && show(event.detail.xhr.responseText));
})();
