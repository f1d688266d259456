/**
 * Texts that wait to be sent to the gateway, one after the other and in order. Each has a fixed message id, so that
 * repeated sending never creates two messages. While the gateway is unavailable, texts wait.
 *
 * @typedef {{to: string, text: string, messageId: string, id: ?string, state: "queued"|"sent"|"failed"}} Draft
 */

import { call, handsetPath, SILENCE } from "./gateway.js";

const TRY_AGAIN_AFTER = 5_000;

export class Outbox {
  #number;
  #on;
  /** @type {Draft[]} */
  #waiting = [];
  #busy = false;
  #ended = false;
  #timer = 0;

  /**
   * @param {{sent: (draft: Draft) => void, failed: (draft: Draft, problem: Problem) => void, silent: () => void}} on
   *   `silent`: the gateway did not answer in time
   */
  constructor(number, on) {
    this.#number = number;
    this.#on = on;
  }

  /** @returns {Draft} */
  send(to, text) {
    const draft = { to, text, messageId: newMessageId(), id: null, state: "queued" };
    this.#waiting.push(draft);
    this.resume();
    return draft;
  }

  end() {
    this.#ended = true;
  }

  /** Send the waiting texts: now, and whenever the gateway is back. */
  async resume() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    try {
      while (this.#waiting.length && !this.#ended) {
        if (!(await this.#handOver(this.#waiting[0]))) break;
        this.#waiting.shift();
      }
    } finally {
      this.#busy = false;
    }
    if (this.#waiting.length && !this.#ended) this.#timer = setTimeout(() => this.resume(), TRY_AGAIN_AFTER);
  }

  /** Send a text; resolve to true if it was sent or failed for good. */
  async #handOver(draft) {
    const body = { to: draft.to, text: draft.text, message_id: draft.messageId };
    try {
      draft.id = (await call("POST", handsetPath(this.#number, "messages"), { body, within: SILENCE })).id;
      draft.state = "sent";
      this.#on.sent(draft);
    } catch (problem) {
      if (problem.status === 0) this.#on.silent();
      if (problem.passes) return false;
      draft.state = "failed";
      this.#on.failed(draft, problem);
    }
    return true;
  }
}

function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `handset-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
