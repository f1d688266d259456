/** The controls of the gateway: clock, network, reset. On a small screen they are a sheet. */

import { fillFields, moves, readClock, tick } from "./clock.js";
import { move, Problem } from "./gateway.js";
import { readNetwork, setDelivery, setFaults } from "./network.js";
import { ProblemLine } from "./problem.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
const CHECK_EVERY = 10_000;
const wide = matchMedia("(min-width: 56rem)");
let problemLine;

/** @param {{moved: () => void, emptied: () => void, ticked: () => void}} on */
export function startPanel(on) {
  const change = (work) => changeGateway(work, on);
  problemLine = new ProblemLine($("panel-problem"));
  $("clock-toggle").addEventListener("click", () => change(moves.toggle));
  $("clock-first").addEventListener("click", () => change(moves.first));
  for (const button of document.querySelectorAll("[data-ahead]")) {
    button.addEventListener("click", () => change(() => moves.ahead(Number(button.dataset.ahead))));
  }
  $("clock-set").addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => moves.set($("clock-day-field").value, $("clock-time-field").value));
  });
  for (const id of ["fault-mode", "fault-share"]) $(id).addEventListener("change", () => change(setFaults));
  for (const id of ["report-status", "report-delay"]) $(id).addEventListener("change", () => change(setDelivery));
  $("reset-open").addEventListener("click", () => $("reset-dialog").showModal());
  $("reset-confirm").addEventListener("click", () => {
    $("reset-dialog").close();
    change(() => reset(on));
  });
  startSheet();
  setInterval(() => {
    tick();
    on.ticked();
  }, 1_000);
  setInterval(() => document.hidden || readControls(), CHECK_EVERY);
  readControls();
}

/** Read what other pages changed. Hide the controls if their calls do not exist. */
export async function readControls() {
  const isThere = await readClock();
  if (isThere === null) return;
  for (const element of document.querySelectorAll("[data-disposable]")) element.hidden = !isThere;
  if (!isThere || $("panel").ariaBusy === "true") return;
  fillFields($("clock-day-field"), $("clock-time-field"));
  await readNetwork().catch(() => {}); // retried soon; the phones show that the gateway is unavailable
}

/** Run one change of the gateway with the buttons disabled. */
async function changeGateway(work, on) {
  const buttons = $("panel").querySelectorAll("[data-disposable] button");
  const focused = document.activeElement;
  $("panel").ariaBusy = "true";
  for (const button of buttons) button.disabled = true;
  try {
    await work();
    problemLine.hide();
    tick();
    say($("announcer"), "clock_is", { time: `${$("clock-day").textContent} ${$("clock-short").textContent}` });
    on.moved();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    problemLine.show(problem);
  } finally {
    $("panel").ariaBusy = "false";
    for (const button of buttons) button.disabled = false;
    focused?.focus();
    readControls();
  }
}

async function reset(on) {
  await move("reset", { fixture: "demo" });
  await readClock();
  on.emptied();
}

// ---- the sheet

function startSheet() {
  $("panel-open").addEventListener("click", () => openSheet(!document.body.classList.contains("sheet")));
  $("clock-open").addEventListener("click", () => openSheet(true));
  $("panel-close").addEventListener("click", () => openSheet(false));
  $("panel").addEventListener("keydown", (event) => {
    if (event.key === "Escape") openSheet(false);
  });
  wide.addEventListener("change", () => openSheet(false));
}

/** Open or close the sheet. It covers the rest of the page, which is inert meanwhile. */
export function openSheet(isOpen) {
  const covers = isOpen && !wide.matches;
  const wasOpen = document.body.classList.contains("sheet");
  document.body.classList.toggle("sheet", covers);
  $("panel-open").ariaExpanded = String(covers);
  for (const id of ["top", "tabs", "shelf"]) $(id).inert = covers;
  if (covers) $("panel-close").focus();
  else if (wasOpen) $("panel-open").focus();
}

/** Show the controls of the network, which a phone's badge leads to. */
export function showNetworkControls() {
  openSheet(true);
  $("fault-mode").focus();
}
