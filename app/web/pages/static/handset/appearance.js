/** Language and colour scheme: the browser's preferences, unless the reader chose others. */

import { keep, kept } from "./keeping.js";
import { applyLanguage, name, otherLanguage, say, setLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const THEMES = ["auto", "light", "dark"];
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

export function startAppearance() {
  setTheme(THEMES.includes(kept("theme")) ? kept("theme") : "auto");
  applyLanguage();
  showOtherLanguage();
  $("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
    keep("theme", document.documentElement.dataset.theme);
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

/** Label the language button with the other language, in that language. */
function showOtherLanguage() {
  const other = otherLanguage();
  $("language").textContent = other === "zh" ? "中文" : "English";
  $("language").lang = other === "zh" ? "zh-CN" : "en";
}
