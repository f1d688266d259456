/**
 * The phones on the page and their order. Their numbers are in the fragment of the address, so that a page can be shared
 * and reloaded (a fragment is never sent to a server). The browser stores the last ones.
 */

import { askForNumber, startDialog } from "./dialog.js";
import { Handset } from "./handset.js";
import { keep, kept } from "./keeping.js";
import { DEFAULT_NUMBER, plainNumber, withCountryCode } from "./numbers.js";
import { say, t } from "./words.js";

const $ = (id) => document.getElementById(id);
/** The most phones. A browser opens six connections to a server, and each phone uses one for its events. */
const MOST = 4;

/** @type {Handset[]} */
let handsets = [];
/** On a small screen, the one phone that is shown. */
let front = null;
/** What the page does with the heartbeats that its phones hear. */
let beat = () => {};

/** @param {{beat: (beat: object) => void}} on */
export function startShelf(on) {
  beat = on.beat;
  startDialog();
  window.addEventListener("hashchange", showWhatTheAddressSays);
  $("handset-add").addEventListener("click", () => openDialog(null));
  new ResizeObserver(showCrowding).observe($("shelf"));
  showWhatTheAddressSays();
}

/** @param {(handset: Handset) => void} use */
export const forEachHandset = (use) => handsets.forEach(use);

export const frontHandset = () => front;

function showWhatTheAddressSays() {
  const given = numbersIn(location.hash.slice(1));
  const wanted = given.length ? given : numbersIn(kept("numbers") ?? "");
  show(wanted.length ? wanted : [DEFAULT_NUMBER]);
}

/** @param {string} list */
function numbersIn(list) {
  const numbers = decodeURIComponent(list.replace(/%(?![\da-f]{2})/gi, "")).split(/[^\d+]+/).map(plainNumber);
  return [...new Set(numbers.filter(Boolean))].slice(0, MOST);
}

/** Show phones for these numbers. Phones that stay keep their thread and what is being written. */
function show(numbers) {
  const before = handsets;
  handsets = numbers.map((number) => before.find((one) => one.number === number) ?? newHandset(number));
  for (const handset of before) if (!handsets.includes(handset)) handset.end();
  handsets.forEach((handset, place) => {
    if ($("shelf").children[place] !== handset.element) $("shelf").insertBefore(handset.element, $("shelf").children[place]);
  });
  $("shelf").dataset.count = String(handsets.length);
  $("handset-add").disabled = handsets.length === MOST;
  $("add-note").hidden = handsets.length < MOST;
  say($("add-note"), "add_no_more", { most: MOST });
  for (const { element } of handsets) element.querySelector(".retire").hidden = handsets.length === 1;
  keep("numbers", numbers.join(","));
  history.replaceState(null, "", `#${numbers.join(",")}`);
  bringToFront(handsets.includes(front) ? front : handsets[0]);
  showCrowding();
}

function newHandset(number) {
  const handset = new Handset(number, {
    heard: () => noteUnread(handset),
    beat,
    retire: () => retire(handset),
    renumber: () => openDialog(handset),
  });
  return handset;
}

function retire(handset) {
  show(handsets.filter((one) => one !== handset).map(({ number }) => number));
  front.focus();
}

// ---- small screens: one phone at a time; wide ones: as many as fit, and tabs that lead to the others

/** Show the tabs if not all phones fit side by side. */
function showCrowding() {
  const { offsetLeft, offsetWidth } = $("shelf").lastElementChild;
  document.body.classList.toggle("crowded", offsetLeft + offsetWidth > $("shelf").clientWidth);
}

function bringToFront(handset) {
  front = handset;
  for (const one of handsets) one.element.classList.toggle("front", one === handset);
  $("tabs").hidden = handsets.length < 2;
  const unread = new Map([...$("tabs").children].map((tab) => [tab.dataset.number, tab.classList.contains("unread")]));
  $("tabs").replaceChildren(...handsets.map((one) => newTab(one, one !== handset && unread.get(one.number))));
}

function newTab(handset, isUnread) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.dataset.number = handset.number;
  tab.textContent = withCountryCode(handset.number);
  tab.ariaCurrent = String(handset === front);
  setUnread(tab, isUnread);
  tab.addEventListener("click", () => {
    bringToFront(handset);
    handset.element.scrollIntoView({ inline: "nearest", block: "nearest" });
    $("tabs").querySelector("[aria-current=true]").focus();
    handset.shown();
  });
  return tab;
}

function setUnread(tab, isUnread) {
  tab.classList.toggle("unread", Boolean(isUnread));
  tab.ariaLabel = isUnread ? t("unread", { number: tab.textContent }) : null;
}

function noteUnread(handset) {
  if (handset === front) return;
  for (const tab of $("tabs").children) if (tab.dataset.number === handset.number) setUnread(tab, true);
}

// ---- choosing a number

function openDialog(handset) {
  const open = new Set(handsets.map(({ number }) => number));
  askForNumber(handset ? "number_change" : "number_add", open, (number) => choose(number, handset));
}

/** Show the phone of a number: in place of another one, or as a new one (null). */
function choose(number, instead) {
  const numbers = handsets.map((handset) => handset.number);
  const place = instead ? handsets.indexOf(instead) : numbers.length;
  if (!numbers.includes(number)) numbers.splice(place, 1, number);
  show(numbers);
  const chosen = handsets.find((handset) => handset.number === number);
  bringToFront(chosen);
  chosen.focus();
}
