/**
 * The inspector: what the gateway did with a message, as a timeline. It opens for a bubble that is pressed
 * (`smsgw:select` on the document), as a column beside the phones on a wide screen, as a sheet on others. While it is
 * open it is read again and again, so that attempts, reports and events show as they come.
 */

import { call, handsetPath, Problem } from "./gateway.js";
import { stepsOf } from "./inspector-steps.js";
import { withCountryCode } from "./numbers.js";
import { say } from "./words.js";

const READ_EVERY = 2_000;
const $ = (id) => document.getElementById(id);
const column = matchMedia("(min-width: 80rem)");
/** Whether the inspector is a column beside the phones; otherwise it is a sheet. */
export const isColumn = () => column.matches;

/** @type {?{msisdn: string, id: string, bubble: ?HTMLElement}} the message that is shown */
let shown = null;
/** The answer that the steps were made from, as text. */
let drawn = "";

export function startInspector() {
  const dialog = $("inspector");
  document.addEventListener("smsgw:select", ({ detail }) => open(detail));
  $("inspector-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", forget);
  document.addEventListener("keydown", (event) => {
    const isHere = dialog.contains(event.target) || event.target === shown?.bubble;
    if (event.key === "Escape" && dialog.open && isHere) dialog.close();
  });
  column.addEventListener("change", () => dialog.close());
  setInterval(() => document.hidden || read(), READ_EVERY);
}

/** @param {{msisdn: string, id: string}} selected */
function open({ msisdn, id }) {
  const bubble = document.querySelector(`.message[data-id="${CSS.escape(id)}"] .bubble`);
  mark(false);
  shown = { msisdn, id, bubble };
  mark(true);
  drawn = "";
  $("inspector-steps").replaceChildren();
  $("inspector-number").textContent = withCountryCode(msisdn);
  tell("inspector_loading");
  if (!$("inspector").open) {
    if (column.matches) $("inspector").show();
    else $("inspector").showModal();
  }
  $("inspector-title").focus();
  read();
}

function forget() {
  const bubble = shown?.bubble;
  mark(false);
  shown = null;
  bubble?.focus();
}

function mark(isInspected) {
  shown?.bubble?.closest(".message").classList.toggle("inspected", isInspected);
}

async function read() {
  const asked = shown;
  if (!asked) return;
  try {
    const found = await call("GET", handsetPath(asked.msisdn, `messages/${encodeURIComponent(asked.id)}`));
    if (asked === shown) draw(found);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (asked === shown) fail(problem);
  }
}

/** Show the steps if they changed. What is unfolded stays so, and the focus where it was. */
function draw(found) {
  tell(null);
  const text = JSON.stringify(found);
  if (text === drawn) return;
  drawn = text;
  const list = $("inspector-steps");
  const unfolded = new Set([...list.querySelectorAll("details[open]")].map(({ dataset }) => dataset.key));
  const focused = document.activeElement?.closest?.("#inspector-steps [data-key]")?.dataset.key;
  list.replaceChildren(...stepsOf(found));
  for (const details of list.querySelectorAll("details")) details.open = unfolded.has(details.dataset.key);
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Say that the message is gone, or that the gateway does not answer; what was read before stays in view then. */
function fail(problem) {
  if (problem.status === 404) {
    drawn = "";
    $("inspector-steps").replaceChildren();
  }
  tell(problem.status === 404 ? "inspector_gone" : "inspector_away");
}

function tell(key) {
  $("inspector-state").hidden = key === null;
  if (key !== null && $("inspector-state").dataset.t !== key) say($("inspector-state"), key);
}
