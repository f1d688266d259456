/**
 * What is on its way to a phone and did not arrive, as lines between its messages: why it waits, and when it is tried
 * again by the gateway's clock. A message that arrived although its answer was lost has such a line below its bubble.
 *
 * @typedef {{id: string, from: string, status: string, attempts: number, waits_for?: "attempt"|"earlier"|"pause",
 *   next_attempt_at?: string, reason?: string, shown: boolean, in_reply_to?: string}} Waiting
 */

import { isFrozen, now } from "./clock.js";
import { format } from "./times.js";
import { copyOf, language, t } from "./words.js";

const REASONS = {
  "simulated: throttled": "ghost_throttled",
  "simulated: error": "ghost_error",
  "simulated: answer lost": "ghost_lost",
};
const HOUR = 3_600_000;

/** True if there is something to tell: a message that is just being sent needs no line. @param {Waiting} item */
export const isWorthALine = ({ status, attempts, waits_for: wait }) =>
  attempts > 0 || status === "failed" || status === "expired" || wait !== undefined;

export const newGhost = () => copyOf("ghost-template");

/** @param {HTMLElement} element @param {Waiting} item */
export function fillGhost(element, item) {
  const isOver = item.next_attempt_at === undefined;
  element.dataset.kind = isOver ? "over" : "waits";
  const who = t(item.in_reply_to ? "ghost_reply" : "ghost_message", { number: item.from });
  setText(element.querySelector(".ghost-who"), who);
  setText(element.querySelector(".ghost-words"), isOver ? endOf(item) : waitOf(item));
}

/** The line below the bubble of a message whose answer was lost. @param {HTMLElement} line @param {Waiting} item */
export function fillNote(line, item) {
  setText(line, `${t("ghost_lost")}${t("ghost_comma")}${nextTry(item)}`);
}

/** Set a text only if it is another one, so that nothing is selected, measured or announced anew each second. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const endOf = ({ status, attempts }) => t(status === "failed" ? "ghost_failed" : "ghost_expired", { attempts });

function waitOf(item) {
  if (item.waits_for === "earlier") return t("ghost_earlier");
  return `${whyOf(item)}${t("ghost_comma")}${nextTry(item)}`;
}

function whyOf({ waits_for: wait, reason, attempts }) {
  if (wait === "pause") return t("ghost_pause");
  if (attempts === 0) return t("ghost_waits");
  return REASONS[reason] ? t(REASONS[reason]) : t("ghost_other", { reason: reason ?? "?" });
}

function nextTry({ next_attempt_at: next }) {
  const left = Date.parse(next) - now().getTime();
  if (left <= 0) return t("ghost_now");
  const seconds = Math.ceil(left / 1_000);
  const when =
    left < HOUR
      ? t("ghost_in", { minutes: Math.floor(seconds / 60), seconds: seconds % 60 })
      : t("ghost_at", { time: format("moment", new Date(next), language()) });
  return isFrozen() ? `${when}${t("ghost_frozen")}` : when;
}
