/**
 * Translates the page.
 *
 * An element names the key of its text (`data-t`), of its attributes (`data-t-attr="title:key aria-label:key"`), and the
 * format of a time (`data-time`). So a change of language is one walk over the document.
 */

import { en } from "./words.en.js";
import { inspectorEn } from "./words.inspector.en.js";
import { inspectorZh } from "./words.inspector.zh.js";
import { zh } from "./words.zh.js";
import { format } from "./times.js";
import { keep, kept } from "./keeping.js";

const DICTIONARIES = { en: { ...en, ...inspectorEn }, zh: { ...zh, ...inspectorZh } };
const TAGS = { en: "en", zh: "zh-CN" };
let chosen = firstChoice();

function firstChoice() {
  const before = kept("language");
  if (before in DICTIONARIES) return before;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = () => chosen;
export const otherLanguage = () => (chosen === "en" ? "zh" : "en");

/** Return the text for a key, with `values` for its placeholders. */
export function t(key, values = {}) {
  const words = DICTIONARIES[chosen][key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return typeof words === "function" ? words(values) : words;
}

/** Return true if there is a text for a key. */
export const hasWords = (key) => key in DICTIONARIES[chosen];

/** Set an element's text so that it follows a change of language. */
export function say(element, key, values) {
  element.dataset.t = key;
  remember(element, values);
  element.textContent = t(key, values);
}

/** Set an element's attributes likewise: `name(button, {"aria-label": "close"})`. */
export function name(element, attributes, values) {
  element.dataset.tAttr = Object.entries(attributes).map((pair) => pair.join(":")).join(" ");
  remember(element, values);
  translate(element);
}

function remember(element, values) {
  if (values) element.dataset.tValues = JSON.stringify(values);
}

/** Show a time in an element, in a format of times.js. */
export function showTime(element, at, kind) {
  element.dateTime = at;
  element.dataset.time = kind;
  element.textContent = format(kind, new Date(at), chosen);
}

/** Translate an element and everything below it. */
export function translate(root) {
  const inside = root.querySelectorAll("[data-t], [data-t-attr], [data-time]");
  for (const element of root.dataset ? [root, ...inside] : inside) {
    const { t: key, tAttr, tValues, time } = element.dataset;
    const values = tValues ? JSON.parse(tValues) : {};
    if (key) element.textContent = t(key, values);
    for (const pair of tAttr?.split(" ") ?? []) {
      const [attribute, words] = pair.split(":");
      element.setAttribute(attribute, t(words, values));
    }
    if (time && element.dateTime) element.textContent = format(time, new Date(element.dateTime), chosen);
  }
}

/** Change the language of the page. */
export function setLanguage(wanted) {
  chosen = wanted;
  keep("language", wanted);
  applyLanguage();
}

export function applyLanguage() {
  document.documentElement.lang = TAGS[chosen];
  document.title = t("page_title");
  translate(document.body);
}

/** Return a translated copy of a template's only element. */
export function copyOf(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  translate(element);
  return element;
}
