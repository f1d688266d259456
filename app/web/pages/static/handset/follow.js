/**
 * Keeps a thread up to date: loads it, follows its event stream, and continues after the last message when the stream
 * breaks. The gateway sends a heartbeat, so silence means that it hangs or that the connection is cut.
 *
 * A browser opens at most six connections to one server, and each stream takes one. So a hidden page closes its streams.
 */

import { call, checkedNumber, handsetPath, Problem, SILENCE } from "./gateway.js";

const PAGE_SIZE = 200;
const LONGEST_PAUSE = 10_000;

/**
 * @param {string} number
 * @param {{firstId: ?string, resumePoint: (string|undefined)}} thread
 * @param {{state: Function, arrived: Function, loaded: Function, emptied: Function, problem: Function, outbox: Function,
 *   beat: Function}} on
 *   `state`: connecting, live, away (retries by itself) or refused (final); `outbox`: what is on its way; `beat`: the
 *   gateway's clock, and how the network answers
 */
export class Follower {
  #number;
  #thread;
  #on;
  #ended = false;
  #failures = 0;
  #isChecked = false;
  #stream = null;
  #watchdog = 0;
  #breakOff = () => {};
  #wake = () => {};
  #look = () => this.#lookAround();
  #cut = () => this.suspect();

  constructor(number, thread, on) {
    this.#number = number;
    this.#thread = thread;
    this.#on = on;
    document.addEventListener("visibilitychange", this.#look);
    window.addEventListener("online", this.#look);
    window.addEventListener("offline", this.#cut);
    this.#run();
  }

  end() {
    this.#ended = true;
    document.removeEventListener("visibilitychange", this.#look);
    window.removeEventListener("online", this.#look);
    window.removeEventListener("offline", this.#cut);
    clearTimeout(this.#watchdog);
    this.#breakOff();
    this.#wake();
  }

  /** Retry now instead of after the pause. */
  hurry() {
    this.#wake();
  }

  /** Say that the gateway does not answer, and connect anew. */
  suspect() {
    if (this.#ended || document.hidden) return;
    this.#on.state("away");
    this.#breakOff();
  }

  /** Check the stream: another page may have reset the gateway. */
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

  /** Expect to hear from the gateway again soon. */
  #watch() {
    clearTimeout(this.#watchdog);
    if (!this.#ended) this.#watchdog = setTimeout(() => this.suspect(), SILENCE);
  }

  async #run() {
    for (; !this.#ended; this.#failures += 1) {
      this.#on.state(this.#failures ? "away" : "connecting");
      this.#watch();
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
      } finally {
        clearTimeout(this.#watchdog);
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
    if (!this.#isChecked) await checkedNumber(this.#number);
    this.#isChecked = true;
    if (await this.#wasEmptied()) this.#on.emptied();
    for (let after = this.#thread.resumePoint; !this.#ended; ) {
      const { messages } = await call("GET", handsetPath(this.#number, "messages", { after, limit: PAGE_SIZE }));
      if (this.#ended) return;
      this.#watch();
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
    const hear = (kind, use) =>
      stream.addEventListener(kind, (event) => {
        if (this.#ended) return;
        this.#watch();
        use(JSON.parse(event.data));
      });
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
      hear("message", this.#on.arrived);
      hear("outbox", ({ messages }) => this.#on.outbox(messages));
      hear("heartbeat", this.#on.beat);
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
