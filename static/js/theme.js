// Runs before the first paint: the theme without a flash, and the reader's time zone for the server to write times in.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage is blocked: follow the system
    }
  };
  const show = (theme) => {
    root.dataset.bsTheme = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
    root.dataset.themeChoice = theme;
  };
  const apply = () => show(chosen());
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  window.deskTheme = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // stays for this page only
    }
    show(theme);
  };

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `tz=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
})();
