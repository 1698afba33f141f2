// A session's measured curves with uPlot: <div class="curve" data-chart="URL of JSON">. Colours come from the theme.
(() => {
  const SERIES = [
    { key: "power_kw", label: deskSay("curve.power"), unit: "kW", scale: "kW", colour: "--charging", fill: true },
    { key: "energy_kwh", label: deskSay("curve.energy"), unit: "kWh", scale: "kWh", colour: "--accent" },
    { key: "soc_percent", label: deskSay("curve.battery"), unit: "%", scale: "%", colour: "--reserved" },
  ];
  // uPlot: [smallest step in s, format, six unused roll-over formats, mode]
  const times = (step, format) => [step, format, null, null, null, null, null, null, 1];
  const TIMES = [times(86400, "{D} {MMM}"), times(60, "{HH}:{mm}"), times(1, "{HH}:{mm}:{ss}")];
  const MONTHS = [...Array(12).keys()].map((month) => new Date(2000, month, 1).toLocaleString(document.documentElement.lang, { month: "short" }));
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // light-dark() comes back unresolved from a custom property: let an element resolve it.
  function colour(name) {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }
  const fromZero = (_, low, high) => [Math.min(0, low), (high || 1) * 1.1];
  const faded = (value) => value.replace(/^rgb\((.+)\)$/, "rgba($1, 0.12)");

  async function load(holder) {
    const answer = fetch(holder.dataset.chart, { headers: { Accept: "application/json" } });
    const data = await answer.then((told) => (told.ok ? told.json() : null)).catch(() => null); // the reader has left
    if (!data) return;
    const shown = SERIES.filter((series) => data[series.key].some((value) => value !== null));
    const columns = [data.at, ...shown.map((series) => data[series.key])];
    const kind = [document.documentElement.dataset.bsTheme, ...shown.map((series) => series.key)].join();
    // The same curves, longer: the pointer keeps its values, and who has looked closer stays there.
    if (holder.chart?.kind === kind) return void append(holder.chart.plot, columns);
    holder.replaceChildren();
    if (data.at.length < 2) {
      holder.append(Object.assign(document.createElement("p"), { className: "blank", textContent: deskSay("curve.none") }));
      return;
    }
    const plot = draw(holder, shown, columns);
    holder.chart?.observer.disconnect();
    const observer = new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: plot.height }));
    observer.observe(holder);
    holder.chart = { plot, kind, observer };
  }

  function append(plot, columns) {
    const [times] = plot.data;
    const isWhole = plot.scales.x.min <= times[0] && plot.scales.x.max >= times.at(-1);
    plot.setData(columns, isWhole);
    if (!isWhole) plot.redraw();
  }

  function draw(holder, shown, columns) {
    const axis = { stroke: colour("--ink-2"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${token("--tblr-font-sans-serif")}` };
    const options = {
      width: holder.clientWidth,
      height: holder.clientWidth < 500 ? 220 : 300,
      // At a site its own time holds, wherever the reader is.
      ...(holder.dataset.zone && { tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), holder.dataset.zone) }),
      fmtDate: (format) => uPlot.fmtDate(format, { MMM: MONTHS, MMMM: MONTHS, WWW: [], WWWW: [] }),
      cursor: { points: { size: 6 } },
      series: [
        { label: deskSay("curve.time"), value: "{HH}:{mm}:{ss}" },
        ...shown.map((series) => ({
          label: series.label,
          scale: series.scale,
          stroke: colour(series.colour),
          width: 1.75,
          fill: series.fill ? faded(colour(series.colour)) : undefined,
          spanGaps: true,
          points: { show: false },
          value: (_, value) => (value === null ? "–" : `${deskNumber(value, series.unit === "%" ? 0 : 2)} ${series.unit}`),
        })),
      ],
      scales: { "%": { range: [0, 100] }, kW: { range: fromZero }, kWh: { range: fromZero } },
      axes: [
        { ...axis, values: TIMES },
        ...shown.map((series, index) => ({
          ...axis,
          scale: series.scale,
          side: index === 0 ? 3 : 1,
          size: 54,
          grid: index === 0 ? axis.grid : { show: false },
          values: (_, ticks) => ticks.map((tick) => `${deskNumber(tick)} ${series.unit}`),
        })),
      ],
    };
    return new uPlot(options, columns, holder);
  }

  const all = () => document.querySelectorAll("[data-chart]");
  all().forEach(load);
  // Fresh values while a session runs; other colours when the theme changes.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.hasAttribute("data-feeds-chart")) all().forEach(load);
  });
  new MutationObserver(() => all().forEach(load)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
