/**
 * Bubbles that can be pressed. Each press is told to the page by the event `smsgw:select` with `{msisdn, id, direction}`,
 * which opens the inspector. Beside its column a bubble shows its details, too; a sheet would cover them. Bubbles are one
 * tab stop: arrow keys move between them.
 */

import { isColumn } from "./inspector.js";

const BUBBLES = ".bubble[role=button]";

/** @param {HTMLElement} list  the messages of a thread @param {string} msisdn  the phone's number */
export function startPressing(list, msisdn) {
  const bubbles = () => [...list.querySelectorAll(BUBBLES)];
  const pressable = (event) => event.target.closest?.(BUBBLES);
  const press = (bubble) => {
    const message = bubble.closest(".message");
    if (isColumn()) bubble.ariaExpanded = String(message.classList.toggle("open"));
    const direction = message.classList.contains("sent") ? "mo" : "mt";
    const detail = { msisdn, id: message.dataset.id, direction };
    document.dispatchEvent(new CustomEvent("smsgw:select", { detail }));
  };
  list.addEventListener("click", (event) => {
    const bubble = pressable(event);
    if (bubble && getSelection().isCollapsed) press(bubble);
  });
  list.addEventListener("focusin", (event) => {
    const bubble = pressable(event);
    if (bubble) for (const one of bubbles()) one.tabIndex = one === bubble ? 0 : -1;
  });
  list.addEventListener("keydown", (event) => {
    const bubble = pressable(event);
    if (!bubble) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      press(bubble);
      return;
    }
    const all = bubbles();
    const here = all.indexOf(bubble);
    const there = { ArrowUp: here - 1, ArrowDown: here + 1, Home: 0, End: all.length - 1 }[event.key];
    if (there === undefined) return;
    event.preventDefault();
    all[Math.min(Math.max(there, 0), all.length - 1)].focus();
  });
}

/** Make the newest bubble the one that Tab reaches, unless the reader is among them. @param {HTMLElement} list */
export function roveToNewest(list) {
  if (list.contains(document.activeElement)) return;
  const all = list.querySelectorAll(BUBBLES);
  const before = list.querySelector(`${BUBBLES}[tabindex="0"]`);
  if (before) before.tabIndex = -1;
  if (all.length) all[all.length - 1].tabIndex = 0;
}
