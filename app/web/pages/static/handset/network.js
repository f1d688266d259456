/** The simulated network: controls for its faults and delivery reports (demo and test only), and badges on the phones. */

import { call } from "./gateway.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
/** The rate and count of faults for each choice in the form. */
const SHARES = { always: { rate: 1 }, half: { rate: 0.5 }, once: { rate: 1, count: 1 } };

/** How the network behaves, as a heartbeat last told it. */
let told = { fault: "ok", report: "delivered" };

// ---- badges

/** Handle a heartbeat; return true if the network behaves otherwise than before. */
export function takeNetwork({ fault, report }) {
  const isNew = fault !== told.fault || report !== told.report;
  told = { fault, report };
  if (isNew) for (const badge of document.querySelectorAll(".fault")) showFault(badge);
  return isNew;
}

/** Show on a badge of a phone that something is made to go wrong. */
export function showFault(badge) {
  const isFault = told.fault !== "ok";
  badge.hidden = !isFault && told.report === "delivered";
  badge.dataset.kind = isFault ? "fault" : "report";
  if (!badge.hidden) say(badge.querySelector(".fault-words"), isFault ? `badge_${told.fault}` : `badge_report_${told.report}`);
}

// ---- controls

/** Show the network's present behaviour, which other pages may have changed. */
export async function readNetwork() {
  const [faults, delivery] = await Promise.all([call("GET", "faults"), call("GET", "delivery")]);
  const isOver = faults.count === 0;
  setField("fault-mode", isOver ? "ok" : faults.mode);
  if (faults.mode !== "ok" && !isOver) setField("fault-share", shareOf(faults));
  setField("report-status", delivery.report);
  setField("report-delay", String(delivery.delay_seconds));
  showDependent();
}

function shareOf({ rate, count }) {
  if (count !== null && count !== undefined) return "once";
  return rate < 1 ? "half" : "always";
}

/** Set a field if the form has the value. */
function setField(id, value) {
  const field = $(id);
  if ([...field.options].some((option) => option.value === value)) field.value = value;
}

export function showDependent() {
  $("fault-share-row").hidden = $("fault-mode").value === "ok";
  $("report-delay-row").hidden = $("report-status").value === "none";
}

export async function setFaults() {
  showDependent();
  const body = { mode: $("fault-mode").value, ...SHARES[$("fault-share").value] };
  await call("PUT", "faults", { body });
}

export async function setDelivery() {
  showDependent();
  const body = { report: $("report-status").value, delay_seconds: Number($("report-delay").value) };
  await call("PUT", "delivery", { body });
}
