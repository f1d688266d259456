/** One message as a bubble: service number, text, time, length and status. */

import { purposeOf } from "./numbers.js";
import { copyOf, hasWords, name, say, showTime } from "./words.js";

const DONE = new Set(["delivered"]);
const BAD = new Set(["undelivered", "rejected", "expired", "deleted", "failed", "superseded"]);
const TICKS = { queued: "◷", open: "✓", done: "✓✓", bad: "!" };

/** The service number that a message was exchanged with. @param {Message} message */
export const partyOf = (message) => (message.direction === "mo" ? message.to : message.from);

export const newBubble = (direction) => copyOf(direction === "mo" ? "sent-template" : "received-template");

export function newDay(at) {
  const element = copyOf("day-template");
  showTime(element.querySelector("time"), at, "day");
  return element;
}

/** @param {HTMLElement} element @param {Message} message */
export function fillBubble(element, message) {
  const part = (one) => element.querySelector(one);
  writeParty(element, partyOf(message));
  writeText(part(".bubble"), message.text);
  showTime(part("time"), message.at, "minute");
  say(part(".segments"), "segments", { count: message.segments, encoding: message.encoding });
  writeStatus(element, message.status);
}

/** @param {Draft} draft @param {?(() => void)} edit */
export function fillDraft(element, draft, edit = null) {
  writeParty(element, draft.to);
  writeText(element.querySelector(".bubble"), draft.text);
  writeStatus(element, draft.state === "failed" ? "not_sent" : draft.state);
  if (!edit) return;
  const button = document.createElement("button");
  button.type = "button";
  say(button, "edit");
  button.addEventListener("click", edit);
  element.querySelector(".status").append(" ", button);
}

function writeParty(element, party) {
  element.querySelector(".party").textContent = party;
  const purpose = element.querySelector(".purpose");
  const key = purposeOf(party);
  if (purpose && key) say(purpose, key);
}

function writeText(element, text) {
  element.textContent = text;
  if (/\p{Script=Han}/u.test(text)) element.lang = "zh-CN";
}

function writeStatus(element, status) {
  const line = element.querySelector(".status");
  const kind = BAD.has(status) || status === "not_sent" ? "bad" : DONE.has(status) ? "done" : status === "queued" ? "queued" : "open";
  if (line.dataset.status === status) return;
  line.dataset.status = status;
  line.dataset.kind = kind;
  const tick = document.createElement("span");
  tick.ariaHidden = "true";
  tick.className = "tick";
  tick.textContent = TICKS[kind];
  const words = document.createElement("span");
  if (hasWords(`status_${status}`)) say(words, `status_${status}`);
  else words.textContent = status;
  name(words, { title: `why_${kind}` });
  line.replaceChildren(tick, words);
}
