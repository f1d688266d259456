/** One message as a bubble: service number, text, time, length and status. */

import { isColumn } from "./inspector.js";
import { purposeOf } from "./numbers.js";
import { copyOf, hasWords, name, say, showTime } from "./words.js";

const DONE = new Set(["delivered"]);
const BAD = new Set(["undelivered", "rejected", "expired", "deleted", "failed", "superseded"]);
const SIMULATOR = "simulator";
const TICKS = { queued: "◷", open: "✓", done: "✓✓", bad: "!" };

/** The service number that a message was exchanged with. @param {Message} message */
export const partyOf = (message) => (message.direction === "mo" ? message.to : message.from);

export const newBubble = (direction) => copyOf(direction === "mo" ? "sent-template" : "received-template");

/** A line between messages: a new day, or the time after a while without any. @param {"day"|"minute"} kind */
export function newPause(at, kind) {
  const element = copyOf("day-template");
  showTime(element.querySelector("time"), at, kind);
  return element;
}

/** @param {HTMLElement} element @param {Message} message */
export function fillBubble(element, message) {
  const part = (one) => element.querySelector(one);
  const isNew = element.dataset.id !== message.id;
  element.dataset.id = message.id;
  writeParty(element, partyOf(message));
  writeText(part(".bubble"), message.text);
  if (isNew) makePressable(part(".bubble"));
  showTime(part("time"), message.at, "minute");
  say(part(".segments"), "segments", { count: message.segments, encoding: message.encoding });
  writeCarrier(element, message);
  writeStatus(element, message.status, message.direction);
}

/** The provider that a message went by. That it was the simulated network is a detail, as it mostly is. */
function writeCarrier(element, { provider, provider_kind: kind }) {
  const line = element.querySelector(".carrier");
  say(line, kind && kind !== provider ? "by_carrier_of_kind" : "by_carrier", { provider, kind });
  name(line, { title: "by_carrier_why" }, { provider, kind });
  element.classList.toggle("by-carrier", provider !== SIMULATOR);
}

/** A bubble of the gateway's message opens the inspector when it is pressed, and shows its details beside a column. */
function makePressable(bubble) {
  bubble.role = "button";
  bubble.tabIndex = -1;
  if (isColumn()) bubble.ariaExpanded = "false";
  else bubble.ariaHasPopup = "dialog";
}

/** @param {Draft} draft @param {?(() => void)} edit */
export function fillDraft(element, draft, edit = null) {
  writeParty(element, draft.to);
  writeText(element.querySelector(".bubble"), draft.text);
  writeStatus(element, draft.state === "failed" ? "not_sent" : draft.state, "mo");
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

function writeStatus(element, status, direction) {
  const line = element.querySelector(".status");
  const kind = BAD.has(status) || status === "not_sent" ? "bad" : DONE.has(status) ? "done" : status === "queued" ? "queued" : "open";
  if (line.dataset.status === status) return;
  line.dataset.status = status;
  line.dataset.kind = kind;
  element.dataset.kind = kind;
  const tick = document.createElement("span");
  tick.ariaHidden = "true";
  tick.className = "tick";
  tick.textContent = TICKS[kind];
  const words = document.createElement("span");
  // What arrived is on the phone, whatever its report says.
  const key = direction === "mt" && hasWords(`status_mt_${status}`) ? `status_mt_${status}` : `status_${status}`;
  if (hasWords(key)) say(words, key);
  else words.textContent = status;
  name(words, { title: direction === "mt" && kind === "bad" ? "why_reported" : `why_${kind}` });
  line.replaceChildren(tick, words);
}
