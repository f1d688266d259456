/** Calls of the simulator API, and what to tell the reader when one fails. */

const ANSWER_WITHIN = 20_000;
const MOVE_WITHIN = 300_000;
/** A connection that is silent for longer is dead: the gateway sends a heartbeat every two seconds. */
export const SILENCE = 5_000;
/** The words for a failed call, by its status. Status 0: there was no answer. */
const WORDS = { 0: "problem_away", 404: "problem_no_simulator", 413: "problem_too_long", 429: "problem_wait", 503: "problem_wait" };

/** The error of a call: its status, and the key and values of the words that say what to do. */
export class Problem extends Error {
  constructor(status, words = WORDS[status] ?? (status >= 500 ? "problem_log" : "problem_check"), values = {}) {
    super(words);
    Object.assign(this, { status, words, values });
  }

  /** True if the same call may succeed later. */
  get passes() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }
}

/**
 * Make a call; throw a Problem if it fails.
 *
 * @param {{body?: object, within?: number, words?: Object<number, string>, values?: object}} how
 *   `within`: the timeout in milliseconds; `words`: keys of the words for statuses that have a meaning of their own in
 *   this call, with their `values`
 */
export async function call(method, path, { body, within = ANSWER_WITHIN, words = {}, values } = {}) {
  let response, answer;
  try {
    response = await fetch(`/simulator/${path}`, {
      method,
      cache: "no-store",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(within),
    });
    answer = await response.text();
  } catch {
    throw new Problem(0);
  }
  if (!response.ok) throw new Problem(response.status, words[response.status], values);
  try {
    return JSON.parse(answer);
  } catch {
    throw new Problem(502);
  }
}

/** Make a call that moves the clock or resets the gateway, which may take minutes. */
export const move = (path, body, words) => call("POST", path, { body, within: MOVE_WITHIN, words });

export function handsetPath(number, rest, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `handsets/${encodeURIComponent(number)}/${rest}${search}`;
}

/** Return a number as the gateway writes it; throw a Problem if it is no mobile number. */
export async function checkedNumber(number) {
  const how = { words: { 422: "problem_not_mobile" }, values: { number } };
  return (await call("GET", `handsets/${encodeURIComponent(number)}`, how)).msisdn;
}
