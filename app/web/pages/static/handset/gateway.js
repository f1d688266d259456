/** Calls of the simulator API, and their errors as texts that say what to do. */

import { t } from "./words.js";

const ANSWER_WITHIN = 20_000;
const MOVE_WITHIN = 300_000;

/** The error of a call. Status 0: there was no answer. */
export class Problem extends Error {
  constructor(status, title, detail = "") {
    super(title);
    Object.assign(this, { status, title, detail });
  }

  /** True if the same call may succeed later. */
  get passes() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }

  get advice() {
    if (this.status === 0) return t("advice_away");
    if (this.status === 404) return t("advice_not_found");
    if (this.status === 409) return t("advice_conflict");
    if (this.status === 413) return t("advice_too_long");
    if (this.status === 429 || this.status === 503) return t("advice_wait");
    if (this.status >= 500) return t("advice_log");
    return t("advice_check");
  }
}

/** Make a call; throw a Problem if it fails. `within`: the timeout in milliseconds. */
export async function call(method, path, body, within = ANSWER_WITHIN) {
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
    throw new Problem(0, t("no_answer"));
  }
  try {
    answer = JSON.parse(answer);
  } catch {
    answer = null;
  }
  if (response.ok && answer !== null) return answer;
  if (response.ok) throw new Problem(502, t("no_json"));
  const detail = typeof answer?.detail === "string" ? answer.detail : "";
  throw new Problem(response.status, answer?.title ?? t("answered", { status: response.status }), detail);
}

/** Make a call that moves the clock or resets the gateway, which may take minutes. */
export const move = (method, path, body) => call(method, path, body, MOVE_WITHIN);

export function handsetPath(number, rest, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `handsets/${encodeURIComponent(number)}/${rest}${search}`;
}
