/**
 * Keeps a thread up to date: loads it, follows its event stream, and continues after the last message when the stream
 * breaks.
 *
 * A browser opens at most six connections to one server, and each stream takes one. So a hidden page closes its streams.
 */

import { call, handsetPath, Problem } from "./gateway.js";

const PAGE_SIZE = 200;
const LONGEST_PAUSE = 10_000;

/**
 * @param {string} number
 * @param {{firstId: ?string, resumePoint: (string|undefined)}} thread
 * @param {{state: Function, arrived: Function, loaded: Function, emptied: Function, problem: Function}} on
 *   `state`: connecting, live, away (retries by itself) or refused (final)
 */
export class Follower {
  #number;
  #thread;
  #on;
  #ended = false;
  #failures = 0;
  #stream = null;
  #breakOff = () => {};
  #wake = () => {};
  #look = () => this.#lookAround();

  constructor(number, thread, on) {
    this.#number = number;
    this.#thread = thread;
    this.#on = on;
    document.addEventListener("visibilitychange", this.#look);
    window.addEventListener("online", this.#look);
    this.#run();
  }

  end() {
    this.#ended = true;
    document.removeEventListener("visibilitychange", this.#look);
    window.removeEventListener("online", this.#look);
    this.#breakOff();
    this.#wake();
  }

  /** Retry now instead of after the pause. */
  hurry() {
    this.#wake();
  }

  /** Check the stream: it may be dead unnoticed, or another page may have reset the gateway. */
  async check() {
    if (!this.#stream || document.hidden) return;
    try {
      if (await this.#wasEmptied()) this.#startAgain();
    } catch (problem) {
      if (problem.passes) this.#breakOff();
    }
  }

  /** Restart the stream without counting a failure. */
  #startAgain() {
    this.#failures = -1;
    this.#breakOff();
  }

  #lookAround() {
    if (document.hidden) this.#startAgain();
    else {
      this.#wake();
      this.check();
    }
  }

  async #run() {
    for (; !this.#ended; this.#failures += 1) {
      this.#on.state(this.#failures ? "away" : "connecting");
      try {
        await this.#catchUp();
        if (this.#ended) return;
        await this.#listen();
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (this.#ended) return;
        if (!problem.passes) {
          this.#on.state("refused");
          this.#on.problem(problem);
          return;
        }
      }
      if (!this.#ended) await this.#pause(Math.min(500 * 2 ** this.#failures, LONGEST_PAUSE) * (0.75 + Math.random() / 2));
    }
  }

  /** Wait until the time is over or `wake` is called; while the page is hidden, without end. */
  async #pause(ms) {
    await new Promise((resolve) => {
      const timer = document.hidden ? 0 : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Load missing messages, page by page. */
  async #catchUp() {
    if (await this.#wasEmptied()) this.#on.emptied();
    for (let after = this.#thread.resumePoint; !this.#ended; ) {
      const { messages } = await call("GET", handsetPath(this.#number, "messages", { after, limit: PAGE_SIZE }));
      if (this.#ended) return;
      for (const message of messages) this.#on.arrived(message);
      if (messages.length < PAGE_SIZE) break;
      after = messages.at(-1).id;
    }
    if (!this.#ended) this.#on.loaded();
  }

  /** Follow the stream; resolve when it breaks. */
  #listen() {
    const path = handsetPath(this.#number, "events", { after: this.#thread.resumePoint });
    const stream = new EventSource(`/simulator/${path}`);
    this.#stream = stream;
    return new Promise((resolve) => {
      this.#breakOff = () => {
        stream.close();
        this.#stream = null;
        resolve();
      };
      stream.onopen = () => {
        this.#failures = 0;
        this.#on.state("live");
      };
      stream.onmessage = (event) => this.#ended || this.#on.arrived(JSON.parse(event.data));
      stream.onerror = () => this.#breakOff();
    });
  }

  /** Detect a reset of the gateway: its thread no longer begins with the first message shown here. */
  async #wasEmptied() {
    const first = this.#thread.firstId;
    if (!first) return false;
    const { messages } = await call("GET", handsetPath(this.#number, "messages", { limit: 1 }));
    return messages[0]?.id !== first;
  }
}
