// Keeps relative times and running durations fresh, in the words of portal/views/formats.py.
(() => {
  const UNITS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, deskSay("day-unit")]];
  // Our clock is the server's: the browser's may be wrong by minutes.
  const head = document.querySelector('meta[name="server-now"]');
  const offset = head ? Date.parse(head.content) - performance.timeOrigin - performance.now() : 0;
  const now = () => performance.timeOrigin + performance.now() + offset;

  function ago(at) {
    const seconds = (now() - at) / 1000;
    const size = Math.abs(seconds);
    if (size < 5) return deskSay("just-now");
    const [, unit, name] = UNITS.find(([below]) => size < below);
    const text = `${Math.floor(size / unit)} ${name}`;
    return deskSay(seconds > 0 ? "ago" : "in", { time: text });
  }

  function running(at) {
    const seconds = Math.max(0, Math.floor((now() - at) / 1000));
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
    return `${Math.floor(seconds / 86400)} ${deskSay("day-unit")} ${Math.floor((seconds % 86400) / 3600)} h`;
  }

  function refresh(root = document) {
    for (const element of root.querySelectorAll("time[data-ago], time[data-running]")) {
      const at = Date.parse(element.dateTime);
      const text = "ago" in element.dataset ? ago(at) : running(at);
      if (element.textContent !== text) element.textContent = text;
    }
    for (const element of document.querySelectorAll("[data-clock]")) {
      const text = new Date(now()).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
      if (element.textContent !== text) element.textContent = text;
    }
  }

  refresh();
  setInterval(() => document.hidden || refresh(), 1000);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
})();
