// Keeps the page true. One WebSocket tells which topics changed; parts that show them (data-live) ask for themselves
// again and are morphed in place, so the view applies permissions and nothing jumps. Without the feed the page says so
// on top, and asks for all its parts when the feed is back.
(() => {
  const QUIET_MS = 25000; // the server says "tick" every 10 s
  const indicator = document.querySelector("[data-feed]");
  const banner = document.getElementById("lost");
  if (!indicator) return;

  let socket;
  let watched = "";
  let attempt = 0;
  let wasLost = false;
  let heardAt = 0;
  let isPaused = false;
  const waiting = new Map(); // part id → timer

  const parts = () => [...document.querySelectorAll("[data-live]")];
  const topicsOf = (part) => part.dataset.live.split(" ").filter(Boolean);

  function show(state) {
    indicator.dataset.feed = state;
    indicator.querySelector("[data-feed-word]").textContent = deskSay(`feed.${state}`);
    if (state === "lost" && banner.hidden) {
      const time = new Date(heardAt || performance.timeOrigin).toLocaleTimeString([], { hour12: false });
      document.getElementById("lost-since").textContent = deskSay("feed.as-of", { time });
    }
    banner.hidden = state !== "lost";
    document.body.classList.toggle("is-stale", state === "lost");
  }

  function watch() {
    const topics = [...new Set(parts().flatMap(topicsOf))].sort();
    const message = JSON.stringify({ watch: topics });
    if (message !== watched && socket?.readyState === WebSocket.OPEN) {
      watched = message;
      socket.send(message);
    }
  }

  function refresh(part) {
    if (waiting.has(part.id) || part.closest("[data-paused]")) return;
    const pause = Number(part.dataset.liveEvery || 0) - (Date.now() - Number(part.dataset.refreshedAt || 0));
    waiting.set(part.id, setTimeout(() => {
      waiting.delete(part.id);
      const current = document.getElementById(part.id);
      if (!current || current.closest("[data-paused]")) return;
      // One request at a time: what changes meanwhile is asked for afterwards.
      if (current.classList.contains("htmx-request")) return void setTimeout(() => refresh(current), 250);
      htmx.trigger(current, "live");
    }, Math.max(0, pause)));
  }

  function changed(topics) {
    const news = new Set(topics);
    for (const part of parts()) if (topicsOf(part).some((topic) => news.has(topic))) refresh(part);
  }

  function connect() {
    if (isPaused) return;
    show(wasLost ? "lost" : "wait");
    const dialled = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live/`);
    socket = dialled;
    socket.addEventListener("open", () => {
      if (isPaused || socket !== dialled) return void dialled.close();
      attempt = 0;
      heardAt = Date.now();
      watched = "";
      watch();
      show("live");
      if (wasLost) parts().forEach(refresh);
      wasLost = false;
    });
    socket.addEventListener("message", (event) => {
      heardAt = Date.now();
      const news = JSON.parse(event.data);
      if (news.changed) changed(news.changed);
    });
    socket.addEventListener("close", (event) => {
      if (isPaused) return;
      if (event.code === 4401) return void location.reload(); // logged out elsewhere: the login page knows the way back
      wasLost = true;
      attempt += 1;
      if (attempt > 1) show("lost");
      setTimeout(connect, Math.min(10000, 400 * 2 ** attempt) * (0.7 + Math.random() * 0.6));
    });
  }

  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && Date.now() - heardAt > QUIET_MS) socket.close();
  }, 5000);
  addEventListener("pagehide", () => {
    isPaused = true;
    // One that is still being opened goes with its page: to close it is an error on the console.
    if (socket?.readyState === WebSocket.OPEN) socket.close();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isPaused = false;
    wasLost = true;
    connect();
  });

  // A swap may bring other topics; what it changed glows for a second.
  document.body.addEventListener("htmx:afterSwap", watch);
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const part = document.getElementById(event.detail.elt?.id || "");
    if (part?.dataset.live !== undefined) part.dataset.refreshedAt = Date.now();
  });

  // Pause and resume a list that runs too fast to read: <button data-pause="part-id">.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) return;
    const holder = document.getElementById(button.dataset.pause).parentElement;
    const paused = holder.toggleAttribute("data-paused");
    button.setAttribute("aria-pressed", paused);
    button.querySelector("span").textContent = deskSay(paused ? "resume" : "pause");
    button.querySelector("use").setAttribute("href", button.querySelector("use").getAttribute("href").replace(/#.*/, paused ? "#player-play" : "#player-pause"));
    if (!paused) refresh(document.getElementById(button.dataset.pause));
  });

  connect();
})();
