/** Language, colour scheme and details: the browser's preferences, unless the reader chose others. */

import { keep, kept } from "./keeping.js";
import { applyLanguage, name, otherLanguage, say, setLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const THEMES = ["auto", "light", "dark"];
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

export function startAppearance() {
  setTheme(THEMES.includes(kept("theme")) ? kept("theme") : "auto");
  setDetails(kept("details") === "true");
  applyLanguage();
  say($("version"), "version", { version: document.body.dataset.version });
  showOtherLanguage();
  $("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
    keep("theme", document.documentElement.dataset.theme);
  });
  $("details").addEventListener("change", () => {
    setDetails($("details").checked);
    keep("details", String($("details").checked));
  });
  $("language").addEventListener("click", () => {
    setLanguage(otherLanguage());
    showOtherLanguage();
  });
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme-sign").textContent = SIGNS[theme];
  say($("theme-name"), `theme_${theme}`);
  name($("theme"), { title: "theme_why" });
}

/** Show the details of every message, or of those that are pressed. */
function setDetails(isOn) {
  $("details").checked = isOn;
  document.body.classList.toggle("details", isOn);
}

/** Label the language button with the other language, in that language. */
function showOtherLanguage() {
  const other = otherLanguage();
  $("language").textContent = other === "zh" ? "中文" : "English";
  $("language").dataset.short = other === "zh" ? "中文" : "EN";
  $("language").lang = other === "zh" ? "zh-CN" : "en";
}
