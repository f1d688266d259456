/** The numbers that the dialog suggests: the demo's customers with what can be tried with them, and used handsets. */

import { call, Problem } from "./gateway.js";
import { plainNumber } from "./numbers.js";
import { language } from "./words.js";

/** Suggested if the gateway names no people. */
const OFFERED = ["13800138000", "13900139000", "13700137000", "13600136000"];

/** @returns {Promise<{number: string, words: ?string}[]>} the people first; each number once */
export async function suggestions() {
  const [people, used] = await Promise.all([listed("people"), listed("handsets")]);
  const offered = people.length
    ? people.map((one) => [plainNumber(one.msisdn), one.try[language()]])
    : OFFERED.map((number) => [number, null]);
  const found = new Map(offered);
  for (const { msisdn } of used) if (!found.has(plainNumber(msisdn))) found.set(plainNumber(msisdn), null);
  return [...found].map(([number, words]) => ({ number, words }));
}

/** Return a list of the gateway; an empty one if it has no such list or does not answer: the dialog works without. */
async function listed(what) {
  try {
    const answer = await call("GET", what);
    return answer[what];
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return [];
  }
}
