/** Controls for the simulated network: faults and delivery reports. Demo and test only. */

import { call } from "./gateway.js";

const $ = (id) => document.getElementById(id);
/** The rate and count of faults for each choice in the form. */
const SHARES = { always: { rate: 1 }, half: { rate: 0.5 }, once: { rate: 1, count: 1 } };

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

/** Set a field unless the reader is editing it or the form does not have the value. */
function setField(id, value) {
  const field = $(id);
  if (document.activeElement === field) return;
  if ([...field.options].some((option) => option.value === value)) field.value = value;
}

export function showDependent() {
  $("fault-share-row").hidden = $("fault-mode").value === "ok";
  $("report-delay-row").hidden = $("report-status").value === "none";
  $("panel-open").classList.toggle("troubled", $("fault-mode").value !== "ok");
}

export async function setFaults() {
  showDependent();
  await call("PUT", "faults", { mode: $("fault-mode").value, ...SHARES[$("fault-share").value] });
}

export async function setDelivery() {
  showDependent();
  await call("PUT", "delivery", { report: $("report-status").value, delay_seconds: Number($("report-delay").value) });
}
