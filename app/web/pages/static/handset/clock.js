/** The gateway's clock. It can be moved in demo and test, where these calls exist. */

import { call, move, Problem } from "./gateway.js";
import { dayOf, instantOf, nextFirst, timeOf } from "./times.js";
import { say, showTime } from "./words.js";

const $ = (id) => document.getElementById(id);
const STEP = 5_000;
const LAST_DAY = "2199-12-31";
const WORDS = { 409: "problem_clock_back", 422: "problem_clock_time" };

/** @type {{at: number, since: number, frozen: boolean}} the time last read, and when it was read (performance.now()) */
let read = { at: Date.now(), since: performance.now(), frozen: false };
/** While the page moves a frozen clock forward in real time: the same pair, at the start of that. */
let running = null;

/** The gateway's time, as far as the page knows. */
export function now() {
  const { at, since, frozen } = running ?? read;
  return new Date(frozen ? at : at + performance.now() - since);
}

/** True while the gateway's time stands still. */
export const isFrozen = () => read.frozen && !running;

/** Read the clock; resolve to true if it was read, to false if these calls do not exist, else to null. */
export async function readClock() {
  try {
    takeClock(await call("GET", "clock"));
    return true;
  } catch (problem) {
    return problem.status === 404 ? false : null;
  }
}

/** Handle the gateway's time, as the clock's calls and the heartbeats tell it. */
export function takeClock({ now: at, frozen }) {
  read = { at: Date.parse(at), since: performance.now(), frozen };
  if (!frozen) running = null;
  tick();
}

/** Update every element that shows the time. */
export function tick() {
  const at = now().toISOString();
  showTime($("clock-day"), at, "date");
  for (const [place, kind] of [["clock-now", "second"], ["clock-short", "minute"]]) showTime($(place), at, kind);
  for (const place of document.querySelectorAll(".phone-time")) showTime(place, at, "minute");
  const state = running ? "running" : read.frozen ? "frozen" : "free";
  $("clock-state").dataset.state = state;
  say($("clock-state"), `clock_${state}`);
  $("clock-note").hidden = state !== "frozen";
  $("clock-open").dataset.state = state;
  say($("clock-short-state"), `clock_${state}`);
  say($("clock-toggle"), state === "frozen" ? "clock_run" : "clock_freeze");
}

// ---- moving it

const advance = (how) => move("clock/advance", how, WORDS);

/** The actions of the clock's buttons. Each resolves when everything that fell due on the way is done. */
export const moves = {
  async toggle() {
    if (read.frozen && !running) {
      run();
      return;
    }
    const reached = running && { to: now().toISOString() };
    running = null;
    takeClock(await advance(reached ?? { seconds: 0 }));
  },
  async ahead(seconds) {
    await to(new Date(now().getTime() + seconds * 1_000));
  },
  async first() {
    await to(nextFirst(now()));
  },
  async set(day, time) {
    const at = instantOf(day, time);
    if (at === null) throw new Problem(422, WORDS[422]);
    await to(at);
  },
};

async function to(at) {
  const wasRunning = running !== null;
  running = null;
  takeClock(await advance({ to: at.toISOString() }));
  if (wasRunning) run();
}

/**
 * Move a frozen clock forward in steps, to the time it would show if it ran. A frozen clock runs by itself only after a
 * reset. Several pages doing this do not make it faster.
 */
function run() {
  running = { at: read.at, since: performance.now(), frozen: false };
  setTimeout(step, STEP, running);
  tick();
}

async function step(mine) {
  if (running !== mine) return;
  try {
    const answer = await advance({ to: now().toISOString() });
    if (running === mine) takeClock(answer);
  } catch (problem) {
    if (problem.status === 409) await readClock(); // another page was quicker
  }
  if (running !== mine) return;
  if (read.at > now().getTime()) {
    run();
    return;
  }
  setTimeout(step, STEP, mine);
}

/** Set the fields of a jump to the next full hour. Days that are over cannot be chosen. */
export function fillFields(day, time) {
  day.min = dayOf(now());
  day.max = LAST_DAY;
  if ([day, time].includes(document.activeElement)) return;
  const next = new Date(now().getTime() + 3_600_000);
  day.value = dayOf(next);
  time.value = `${timeOf(next).slice(0, 2)}:00`;
}
