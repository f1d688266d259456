/** A line that says what went wrong. It goes away by its button, by what succeeds next, or after a while. */

import { say } from "./words.js";

const SHOWN_FOR = 20_000;

export class ProblemLine {
  #line;
  #timer = 0;

  /** @param {HTMLElement} line */
  constructor(line) {
    this.#line = line;
    line.querySelector("button").addEventListener("click", () => this.hide());
  }

  /** @param {import("./gateway.js").Problem} problem */
  show({ words, values }) {
    say(this.#line.querySelector("p"), words, values);
    this.#line.hidden = false;
    this.#waitToHide();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#line.hidden = true;
  }

  /** Hide the line after a while, but not while the reader points at it or is in it. */
  #waitToHide() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#line.matches(":hover, :focus-within") ? this.#waitToHide() : this.hide()), SHOWN_FOR);
  }
}
