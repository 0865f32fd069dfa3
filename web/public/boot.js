// Runs before the first paint, so that the theme does not flash. A plain script: modules come too late.
(function () {
  "use strict";
  var theme = "system";
  try {
    theme = JSON.parse(localStorage.getItem("huiyan.settings") || "{}").theme || theme;
  } catch {
    // No storage, or not ours: the system's theme it is.
  }
  var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-theme", dark ? "dark" : "light");
})();
